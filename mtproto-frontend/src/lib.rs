//! Serves Telegram clients: transport, exchange, session, rpc.
