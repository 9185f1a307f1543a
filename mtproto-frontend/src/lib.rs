//! Serves Telegram clients: transport, exchange, session, rpc.

pub mod session;
pub mod transport;
