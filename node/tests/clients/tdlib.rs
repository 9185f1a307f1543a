//! TDLib 1.8.67 (layer 229), the library below third-party mobile apps, in a namespace of its own; in a copy
//! that `rookery client-config --repoint` has made.
//!
//! Its log of errors stays empty: at verbosity 1 it complains of answers that it cannot use.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::report::{self, Arguments, PHONE, SECRET};
use crate::support::install;
use crate::support::isolation::isolated;
use crate::support::skip::skipped;

const VERSION: &str = "1.8.67";
/// The script gives up after 60 s, the node's start has 60 s.
const WITHIN: Duration = Duration::from_secs(150);

fn reaches_send_code(test: &str, transport: &str) {
    if skipped(&["tdlib"]) {
        return;
    }
    let directory = install::npm("tdlib-0.1008067.0", "tdlib");
    isolated(&format!("tdlib::{test}"), WITHIN, || {
        let node = report::node_with_secrets();
        node.repoint_tdlib(&directory);
        let secret = transport.starts_with("mtproxy").then_some(SECRET);
        let how = Arguments { transport, secret, ..Arguments::default() };
        let found = report::drive(&node, Path::new("python3"), &directory, "tdlib/drive.py", &how);
        check(&found);
    });
}

fn check(report: &Value) {
    assert_eq!(report["version"], VERSION, "{report}");
    let states = report["states"].as_array().expect("a list");
    assert!(states.iter().any(|s| s == "authorizationStateWaitCode"), "{report}");
    let phone = report["code_info"]["phone_number"].as_str().unwrap_or_default();
    assert_eq!(phone.trim_start_matches('+'), PHONE.trim_start_matches('+'), "{report}");
    assert!(report["countries"].as_u64() > Some(200), "{report}");
    assert!(report["languages"].as_u64() >= Some(1), "{report}");
    assert_eq!(report["log"].as_array().map(Vec::len), Some(0), "{report}");
}

#[test]
fn tdlib_through_socks5() {
    reaches_send_code("tdlib_through_socks5", "socks5");
}

#[test]
fn tdlib_through_socks5_with_pfs() {
    reaches_send_code("tdlib_through_socks5_with_pfs", "socks5-pfs");
}

#[test]
fn tdlib_through_mtproxy() {
    reaches_send_code("tdlib_through_mtproxy", "mtproxy");
}

#[test]
fn tdlib_through_mtproxy_with_pfs() {
    reaches_send_code("tdlib_through_mtproxy_with_pfs", "mtproxy-pfs");
}

#[test]
fn tdlib_of_the_test_network() {
    reaches_send_code("tdlib_of_the_test_network", "mtproxy-test");
}
