//! Telethon 1.45.0, layer 229: the old RSA padding, and every TCP framing.
//!
//! Its HTTP transport reaches no server at all: it compares the last byte of each line, a number,
//! with a string, and gives up at the status line.

use std::path::Path;

use serde_json::Value;

use crate::report::{self, Arguments, PADDED_SECRET, SECRET};
use crate::support::install;
use crate::support::node::{Setup, TestNode};
use crate::support::skip::skipped;

fn drive(node: &TestNode, arguments: &Arguments<'_>) -> Value {
    let python = install::python("telethon-1.45.0", "telethon/requirements-1.45.0.txt");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    report::drive(node, &python, here, "telethon/drive.py", arguments)
}

fn reaches_send_code(node: &TestNode, transport: &str, secret: Option<&str>) {
    let arguments = Arguments { transport, secret, ..Arguments::default() };
    report::check(node, &drive(node, &arguments), "1.45.0", 229);
}

#[test]
fn telethon_over_full() {
    if !skipped(&["telethon", "full"]) {
        reaches_send_code(&TestNode::start(), "full", None);
    }
}

#[test]
fn telethon_over_abridged() {
    if !skipped(&["telethon"]) {
        reaches_send_code(&TestNode::start(), "abridged", None);
    }
}

#[test]
fn telethon_over_intermediate() {
    if !skipped(&["telethon"]) {
        reaches_send_code(&TestNode::start(), "intermediate", None);
    }
}

#[test]
fn telethon_over_obfuscated_abridged() {
    if !skipped(&["telethon"]) {
        reaches_send_code(&TestNode::start(), "obfuscated", None);
    }
}

#[test]
fn telethon_through_mtproxy_abridged() {
    if !skipped(&["telethon"]) {
        reaches_send_code(&report::node_with_secrets(), "mtproxy-abridged", Some(SECRET));
    }
}

#[test]
fn telethon_through_mtproxy_intermediate() {
    if !skipped(&["telethon"]) {
        reaches_send_code(&report::node_with_secrets(), "mtproxy-intermediate", Some(SECRET));
    }
}

#[test]
fn telethon_through_mtproxy_padded() {
    if !skipped(&["telethon"]) {
        reaches_send_code(&report::node_with_secrets(), "mtproxy-padded", Some(PADDED_SECRET));
    }
}

#[test]
fn telethon_over_ipv6() {
    if !skipped(&["telethon", "ipv6"]) {
        let node = TestNode::start_with(Setup { mtproto: "[::1]:0".into(), ..Setup::default() });
        reaches_send_code(&node, "full", None);
    }
}

/// An auth key made before a restart of the node is good after it.
///
/// How: the script saves the key in a file, and finds it there the second time.
#[test]
fn telethon_keeps_its_auth_key_over_a_restart() {
    if skipped(&["telethon"]) {
        return;
    }
    let mut node = TestNode::start();
    let file = node.file("auth_key");
    let arguments = Arguments { transport: "full", session: Some(&file), ..Arguments::default() };
    let before = drive(&node, &arguments);
    let fingerprint = node.rsa_fingerprint.clone();
    node.restart();
    assert_eq!(node.rsa_fingerprint, fingerprint);
    let after = drive(&node, &arguments);
    report::check(&node, &after, "1.45.0", 229);
    assert_eq!(before["auth_key_id"], after["auth_key_id"]);
}
