//! The node's binary, seen from the wire by a client that controls every byte.
//!
//! What a published client never sends is here: hostile bytes, stale ids, half handshakes. The
//! client is `rookery-load`'s and shares no code with the server but `tl` and `keys`.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used, reason = "tests")]

mod crash;
mod exchange;
mod hostile;
mod http;
mod metrics;
mod session;
#[allow(dead_code, reason = "shared with the tests that drive published clients")]
#[path = "../support/mod.rs"]
mod support;
mod updates;

use std::fs;
use std::time::Duration;

use keys::PublicKey;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rookery_load::{Client, ClientError, Invite, Member};
use support::node::{Setup, TestNode};
use tl::functions as f;

/// A busy machine answers within this; a hang does not.
const PATIENCE: Duration = Duration::from_secs(20);
/// The layer that these tests speak.
const LAYER: i32 = 230;
const DC: i32 = 2;

fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

fn public_key(node: &TestNode) -> PublicKey {
    PublicKey::from_pem(&fs::read_to_string(node.pem()).unwrap()).unwrap()
}

fn with_config(config: &str) -> TestNode {
    TestNode::start_with(Setup { config: config.into(), ..Setup::default() })
}

fn connect(node: &TestNode, rng: &mut StdRng) -> Client {
    Client::connect(node.mtproto, &public_key(node), DC, rng).unwrap()
}

/// A member who has signed up with an invite of the node.
fn join(node: &TestNode, name: &str, rng: &mut StdRng) -> Member {
    let (phone, code) = node.invite();
    Member::join(connect(node, rng), &Invite { phone, code }, name, rng).unwrap()
}

/// `invokeWithLayer(initConnection(query))`.
fn initialised<F: tl::Function>(query: &F) -> Vec<u8> {
    let init = f::InitConnection {
        api_id: 1,
        device_model: "wire".into(),
        system_version: "1".into(),
        app_version: "1".into(),
        system_lang_code: "en".into(),
        lang_code: "en".into(),
        query: tl::Rest(tl::to_bytes(query, LAYER).unwrap()),
        ..Default::default()
    };
    let query = tl::Rest(tl::to_bytes(&init, LAYER).unwrap());
    tl::to_bytes(&f::InvokeWithLayer { layer: LAYER, query }, LAYER).unwrap()
}

/// The rpc_error that a call gives.
fn rpc_error(result: Result<Vec<u8>, ClientError>) -> (i32, String) {
    match result {
        Err(ClientError::Rpc { code, name }) => (code, name),
        other => panic!("not an rpc_error: {other:?}"),
    }
}

/// Reads until the server has closed the connection; what came before is dropped.
fn expect_close(client: &mut Client) {
    match client.wait(PATIENCE, |_| None::<()>) {
        Err(ClientError::Wire(rookery_load::WireError::Closed)) => {}
        other => panic!("not closed: {other:?}"),
    }
}
