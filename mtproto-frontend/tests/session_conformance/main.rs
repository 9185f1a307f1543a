//! The rules of MTProto sessions, one test each. The numbers are those of `docs/conformance.md`.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod containers;
mod delivery;
mod ids;
mod order;
mod salts;
mod service;
#[path = "../session_support/mod.rs"]
mod session_support;
mod updates;

use bytes::Bytes;
use mtproto_frontend::session::{
    DestroyAuthKey, Event, FirstSalt, Released, Session, Wait, inflate,
};
use session_support::*;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use std::io::Write as _;

const GET_FUTURE_SALTS: u32 = 0xb921_bd04;
const FUTURE_SALTS: u32 = 0xae50_0895;
const DROP: u32 = 0x58e4_a740;
const STATE_REQ: u32 = 0xda69_fb52;
const RESEND_REQ: u32 = 0x7d86_1a08;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    Tl::new(GZIP).bytes(&encoder.finish().unwrap()).0
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    Tl::new(GZIP).bytes(&encoder.finish().unwrap()).0
}

fn get_config() -> Vec<u8> {
    Tl::new(GET_CONFIG).0
}

fn request_ids(events: &[Event]) -> Vec<i64> {
    events
        .iter()
        .map(|event| match event {
            Event::Request { msg_id, .. } => *msg_id,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// The rpc_error of an rpc_result: code and text.
fn error_of(got: &Got) -> (i32, String) {
    assert!(got.is(RPC_RESULT), "{got:x?}");
    assert_eq!(got.int(12) as u32, RPC_ERROR, "{got:x?}");
    let len = usize::from(got.body[20]);
    (got.int(16), String::from_utf8(got.body[21..21 + len].to_vec()).unwrap())
}
