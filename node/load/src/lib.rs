//! A lean MTProto client for load and for hostile tests. It names no crate of the server.
//!
//! [`wire`] frames bytes on a socket, [`exchange`] makes auth keys, [`session`] gives full control
//! over msg_id, seqno and salt, and [`client`] puts them together and checks every answer.
//! Blocking, one socket each: a generator decides itself how many threads it takes.
//!
//! [`member`] logs in, [`halves`] takes a client apart for two threads, and [`pairs`] lets members
//! write to each other as fast as they can, or in [`open_loop`] when it is due. [`talk`] judges
//! every message and every answer.

pub mod client;
pub mod clock;
pub mod exchange;
pub mod halves;
pub mod member;
pub mod open_loop;
pub mod pairs;
pub mod session;
pub mod talk;
pub mod wire;

pub use client::{Client, ClientError, Received};
pub use exchange::{ExchangeError, Fresh, exchange};
pub use member::{Invite, Member};
pub use pairs::Pair;
pub use session::Session;
pub use talk::TalkError;
pub use wire::{Framing, Incoming, Wire, WireError};
