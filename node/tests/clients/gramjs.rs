//! gramjs (npm `telegram`) 2.26.22, layer 198, and older releases for the layers before it.

use std::path::Path;

use crate::report::{self, Arguments, SECRET};
use crate::support::install;
use crate::support::node::TestNode;
use crate::support::skip::skipped;

fn reaches_send_code(node: &TestNode, version: &str, layer: i32, how: &Arguments<'_>) {
    let directory = install::npm(&format!("gramjs-{version}"), &format!("gramjs/{version}"));
    let found = report::drive(node, Path::new("node"), &directory, "gramjs/drive.cjs", how);
    report::check(node, &found, version, layer);
}

fn gramjs(version: &str, layer: i32, transport: &str) {
    if !skipped(&["gramjs", version]) {
        let how = Arguments { transport, ..Arguments::default() };
        reaches_send_code(&TestNode::start(), version, layer, &how);
    }
}

#[test]
fn gramjs_over_full() {
    gramjs("2.26.22", 198, "full");
}

#[test]
fn gramjs_over_abridged() {
    gramjs("2.26.22", 198, "abridged");
}

#[test]
fn gramjs_over_obfuscated_abridged() {
    gramjs("2.26.22", 198, "obfuscated");
}

#[test]
fn gramjs_over_websocket() {
    gramjs("2.26.22", 198, "websocket");
}

#[test]
fn gramjs_through_mtproxy() {
    if !skipped(&["gramjs", "2.26.22"]) {
        let how = Arguments {
            transport: "mtproxy-abridged",
            secret: Some(SECRET),
            ..Arguments::default()
        };
        reaches_send_code(&report::node_with_secrets(), "2.26.22", 198, &how);
    }
}

#[test]
fn gramjs_of_layer_177() {
    gramjs("2.20.15", 177, "full");
}

#[test]
fn gramjs_of_layer_181() {
    gramjs("2.22.2", 181, "full");
}

#[test]
fn gramjs_of_layer_193() {
    gramjs("2.26.8", 193, "full");
}
