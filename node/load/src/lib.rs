//! A lean MTProto client for load and for hostile tests. It names no crate of the server.
//!
//! [`wire`] frames bytes on a socket, [`exchange`] makes auth keys, [`session`] gives full control
//! over msg_id, seqno and salt, and [`client`] puts them together and checks every answer.
//! Blocking, one socket each: a generator decides itself how many threads it takes.

pub mod client;
pub mod clock;
pub mod exchange;
pub mod session;
pub mod wire;

pub use client::{Client, ClientError, Received};
pub use exchange::{ExchangeError, Fresh, exchange};
pub use session::Session;
pub use wire::{Framing, Incoming, Wire, WireError};
