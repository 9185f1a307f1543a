//! Pyrogram 2.0.106 (layer 158) and its successor Kurigram, of which older releases speak the
//! layers between.
//!
//! Both open one connection for the key exchange and a second one for the session, and pad RSA in
//! the old way. They close a connection when a `msg_id` of ours is lower than all before it.

use std::path::Path;

use crate::report::{self, Arguments, PADDED_SECRET, SECRET};
use crate::support::install;
use crate::support::node::TestNode;
use crate::support::skip::skipped;

fn reaches_send_code(
    node: &TestNode,
    package: &str,
    version: &str,
    layer: i32,
    how: &Arguments<'_>,
) {
    let name = format!("{package}-{version}");
    let python = install::python(&name, &format!("pyrogram/{name}.txt"));
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = report::drive(node, &python, here, "pyrogram/drive.py", how);
    report::check(node, &found, version, layer);
}

fn pyrogram(transport: &str) {
    if !skipped(&["pyrogram"]) {
        let how = Arguments { transport, ..Arguments::default() };
        reaches_send_code(&TestNode::start(), "pyrogram", "2.0.106", 158, &how);
    }
}

fn kurigram(version: &str, layer: i32, transport: &str) {
    if !skipped(&["kurigram", version]) {
        let how = Arguments { transport, ..Arguments::default() };
        reaches_send_code(&TestNode::start(), "kurigram", version, layer, &how);
    }
}

fn kurigram_through_mtproxy(transport: &str, secret: &str) {
    if !skipped(&["kurigram", "2.2.26"]) {
        let how = Arguments { transport, secret: Some(secret), ..Arguments::default() };
        reaches_send_code(&report::node_with_secrets(), "kurigram", "2.2.26", 229, &how);
    }
}

#[test]
fn pyrogram_over_abridged() {
    pyrogram("abridged");
}

#[test]
fn pyrogram_over_obfuscated_abridged() {
    pyrogram("abridged-obfuscated");
}

#[test]
fn pyrogram_over_full() {
    pyrogram("full");
}

#[test]
fn pyrogram_over_intermediate() {
    pyrogram("intermediate");
}

#[test]
fn pyrogram_over_obfuscated_intermediate() {
    pyrogram("intermediate-obfuscated");
}

#[test]
fn kurigram_over_abridged() {
    kurigram("2.2.26", 229, "abridged");
}

#[test]
fn kurigram_over_obfuscated_abridged() {
    kurigram("2.2.26", 229, "abridged-obfuscated");
}

#[test]
fn kurigram_over_full() {
    kurigram("2.2.26", 229, "full");
}

#[test]
fn kurigram_over_intermediate() {
    kurigram("2.2.26", 229, "intermediate");
}

#[test]
fn kurigram_over_obfuscated_intermediate() {
    kurigram("2.2.26", 229, "intermediate-obfuscated");
}

#[test]
fn kurigram_over_padded_intermediate() {
    kurigram("2.2.26", 229, "padded");
}

#[test]
fn kurigram_through_mtproxy_abridged() {
    kurigram_through_mtproxy("mtproxy-abridged", SECRET);
}

#[test]
fn kurigram_through_mtproxy_padded() {
    kurigram_through_mtproxy("mtproxy-padded", PADDED_SECRET);
}

#[test]
fn kurigram_of_layer_195() {
    kurigram("2.1.35", 195, "abridged");
}

#[test]
fn kurigram_of_layer_216() {
    kurigram("2.2.14", 216, "abridged");
}

#[test]
fn kurigram_of_layer_222() {
    kurigram("2.2.19", 222, "abridged");
}

#[test]
fn kurigram_of_layer_225() {
    kurigram("2.2.23", 225, "abridged");
}
