//! The tool itself, against the node's program: the one that the workspace's tests build beside it,
//! or the one that `ROOKERY_BINARY` names.
#![allow(missing_docs, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use keys::PublicKey;
use rand::SeedableRng as _;
use rookery_load::{Invite, pairs};
use serde_json::Value;

/// This crate may not depend on the node's, so it cannot have cargo build it.
fn binary() -> PathBuf {
    let beside = || Path::new(env!("CARGO_BIN_EXE_rookery-load")).with_file_name("rookery");
    let binary = std::env::var_os("ROOKERY_BINARY").map_or_else(beside, PathBuf::from);
    assert!(
        binary.exists(),
        "{} is not there: `cargo build -p rookery` makes it, and so does `cargo test --workspace`",
        binary.display()
    );
    binary
}

/// A running node; ends with the test.
struct Node(Child);

impl Drop for Node {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn start(binary: &Path, data: &Path) -> (Node, Value) {
    let mut child = Command::new(binary)
        .args(["run", "--json", "--mtproto", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"])
        .arg(data)
        .env("ROOKERY_LOG", "error")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the node starts");
    let stdout = child.stdout.take().expect("stdout is piped");
    let node = Node(child);
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("a ready line");
    (node, serde_json::from_str(&line).expect("the ready line is JSON"))
}

fn invite(binary: &Path, data: &Path) -> Invite {
    let output = Command::new(binary).args(["invite", "--json", "--data"]).arg(data).output();
    let invite: Value =
        serde_json::from_slice(&output.expect("rookery invite").stdout).expect("an invite");
    let text = |key: &str| invite[key].as_str().expect("an invite has it").to_owned();
    Invite { phone: text("phone"), code: text("code") }
}

/// What members send each other is answered and arrives once, in the order of pts, on a node with
/// its ordinary limits.
#[test]
fn members_write_to_each_other() {
    let binary = binary();
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let (_node, ready) = start(&binary, &data);
    let text = |key: &str| ready[key].as_str().expect("the ready line has it");
    let address = text("mtproto").parse().expect("an address");
    let public = PublicKey::from_pem(text("rsa_pem")).expect("a key");
    let invites: Vec<_> = (0..4).map(|_| invite(&binary, &data)).collect();
    let rng = &mut rand::rngs::StdRng::seed_from_u64(1);
    let sent = pairs::rehearse(address, &public, 2, &invites, 10, rng).expect("no loss");
    assert_eq!(sent, 40);
}

/// A row of messages comes with a ratio and a floor, and nothing was lost on the way.
///
/// How: the program runs its delivery row at its smallest, and a message that is lost, doubled or
/// out of order ends it with an error.
#[test]
fn the_delivery_row_runs_at_its_smallest() {
    let binary = binary();
    let output = Command::new(env!("CARGO_BIN_EXE_rookery-load"))
        .args(["--rows", "delivery", "--short", "--pairs", "2", "--json"])
        .env("ROOKERY_BINARY", &binary)
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let row = &told["rows"][0];
    assert_eq!(row["samples"], 40, "{row}");
    let number = |name: &str| row[name].as_f64().unwrap_or_else(|| panic!("{name} in {row}"));
    assert!(number("node") > 0.0 && number("floor") > 0.0 && number("ratio_min") > 0.0, "{row}");
}

/// Rows between nodes come with their floors: nothing was lost or doubled on three nodes, one that was away
/// had all of it, and one that comes late too.
#[test]
fn the_federation_rows_run_at_their_smallest() {
    let binary = binary();
    let output = Command::new(env!("CARGO_BIN_EXE_rookery-load"))
        .args(["--rows", "federation,late,shared", "--short", "--json"])
        .env("ROOKERY_BINARY", &binary)
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rows = told["rows"].as_array().expect("rows");
    let row = |name: &str, label: &str| {
        let is_it = |row: &&Value| row["row"].as_str().is_some_and(|row| row.contains(name));
        let found = rows.iter().filter(is_it);
        let mut found =
            found.filter(|row| row["row"].as_str().is_some_and(|row| row.contains(label)));
        found.next().unwrap_or_else(|| panic!("no {name} in {told}"))
    };
    for (name, label) in
        [("two other nodes", "p50"), ("two other nodes", "p99"), ("at once", ""), ("takes in", "")]
    {
        let row = row(name, label);
        let number = |name: &str| row[name].as_f64().unwrap_or_else(|| panic!("{name} in {row}"));
        assert!(number("node") > 0.0 && number("floor") > 0.0, "{row}");
        assert!(number("ratio_min") > 0.0, "{row}");
    }
    // Each message to two others.
    assert_eq!(row("two other nodes", "p99")["samples"], 800, "{told}");
    assert!(row("was away", "")["node"].as_f64().is_some_and(|took| took > 0.0), "{told}");
    assert_eq!(row("bytes of the other", "")["met"], true, "{told}");
    assert_eq!(row("found by a node", "first message")["met"], true, "{told}");
    assert_eq!(row("memory", "")["met"], true, "{told}");
}

/// Deliveries of the bridge come with their floor: each post came to each server once, in order, signed, and
/// those that fail do not keep it from the others.
///
/// How: the program runs its rows where a hundred servers have names, and anything else ends it with an error.
#[test]
fn the_bridge_rows_run_at_their_smallest() {
    let binary = binary();
    let output = Command::new(env!("CARGO_BIN_EXE_rookery-load"))
        .args(["--rows", "bridge", "--short", "--json"])
        .env("ROOKERY_BINARY", &binary)
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let [deliveries, time] = told["rows"].as_array().expect("rows").as_slice() else {
        panic!("two rows: {told}")
    };
    for row in [deliveries, time] {
        let number = |name: &str| row[name].as_f64().unwrap_or_else(|| panic!("{name} in {row}"));
        assert!(
            number("node") > 0.0 && number("floor") > 0.0 && number("ratio_min") > 0.0,
            "{row}"
        );
    }
    assert_eq!(deliveries["samples"], 500, "{told}");
    assert_eq!(time["samples"], 96, "{told}");
}
