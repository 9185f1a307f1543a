//! Serves Telegram clients: transport, exchange, session, rpc.

pub mod transport;
