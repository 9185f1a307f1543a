//! The service schema: key exchange and session, the same in every layer.
//!
//! Written and read with any layer, by custom 0. `Object` bodies (of `msg_container`, `rpc_result`
//! and `gzip_packed`) are raw bytes.
//!
//! <https://core.telegram.org/schema/mtproto>

// As in `generated`.
#![allow(clippy::all, clippy::pedantic, missing_docs, unused_variables, unreachable_pub)]

include!(concat!(env!("OUT_DIR"), "/mtproto.rs"));
