//! mtcute: `@mtcute/node` 0.30.3 (layer 227) over TCP, `@mtcute/web` 0.27.8 (layer 221) over
//! WebSocket.

use std::path::Path;

use crate::report::{self, Arguments, PADDED_SECRET, SECRET};
use crate::support::install;
use crate::support::node::{Setup, TestNode};
use crate::support::skip::skipped;

const NODE: (&str, &str, i32) = ("node", "0.30.3", 227);
const WEB: (&str, &str, i32) = ("web", "0.27.8", 221);

fn reaches_send_code(
    node: &TestNode,
    (flavour, version, layer): (&str, &str, i32),
    transport: &str,
    secret: Option<&str>,
) {
    let name = format!("mtcute-{flavour}-{version}");
    let directory = install::npm(&name, &format!("mtcute/{flavour}"));
    let how = Arguments { transport, secret, ..Arguments::default() };
    let found = report::drive(node, Path::new("node"), &directory, "mtcute/drive.cjs", &how);
    report::check(node, &found, version, layer);
}

#[test]
fn mtcute_over_intermediate() {
    if !skipped(&["mtcute", "mtcute-node"]) {
        reaches_send_code(&TestNode::start(), NODE, "intermediate", None);
    }
}

#[test]
fn mtcute_over_padded_intermediate() {
    if !skipped(&["mtcute", "mtcute-node"]) {
        reaches_send_code(&TestNode::start(), NODE, "padded", None);
    }
}

#[test]
fn mtcute_over_obfuscated_intermediate() {
    if !skipped(&["mtcute", "mtcute-node"]) {
        reaches_send_code(&TestNode::start(), NODE, "intermediate-obfuscated", None);
    }
}

#[test]
fn mtcute_over_obfuscated_padded_intermediate() {
    if !skipped(&["mtcute", "mtcute-node"]) {
        reaches_send_code(&TestNode::start(), NODE, "padded-obfuscated", None);
    }
}

#[test]
fn mtcute_through_mtproxy() {
    if !skipped(&["mtcute", "mtcute-node"]) {
        reaches_send_code(&report::node_with_secrets(), NODE, "mtproxy", Some(SECRET));
    }
}

#[test]
fn mtcute_through_mtproxy_padded() {
    if !skipped(&["mtcute", "mtcute-node"]) {
        reaches_send_code(&report::node_with_secrets(), NODE, "mtproxy", Some(PADDED_SECRET));
    }
}

#[test]
fn mtcute_web_over_websocket() {
    if !skipped(&["mtcute", "mtcute-web"]) {
        reaches_send_code(&TestNode::start(), WEB, "websocket", None);
    }
}

#[test]
fn mtcute_web_over_websocket_in_tls() {
    if !skipped(&["mtcute", "mtcute-web"]) {
        let node = TestNode::start_with(Setup { tls: true, ..Setup::default() });
        reaches_send_code(&node, WEB, "websocket-tls", None);
    }
}
