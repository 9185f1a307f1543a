//! Nobody on the way can read what is said in a secret chat: not in the files of a node, its log or its
//! memory, and not on any line.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::clients;
use crate::memory::{each_run, process_of};
use crate::parcel::Parcel;
use crate::person::{Person, begin};
use crate::scene::{TDLIB, WITHIN, meet, node, peer};
use crate::support::isolation::isolated;
use crate::support::node::TestNode;
use crate::support::process;
use crate::tap::Tap;

const SECRET: &str = "Quills and twigs lie under the fourth slate";
const NAME: &str = "Quarters of the old rooks.bin";
/// What is said beside it, for all nodes on the way to read.
const CLOUD: &str = "Quite a few crows were here at noon";
const CLOUDY: &str = "what is no secret";

/// What a node writes into its log; it inherits that.
const LOG: (&str, &str) = ("ROOKERY_LOG", "debug");

/// What to look for.
struct Needle {
    what: &'static str,
    bytes: Vec<u8>,
}

fn needle(what: &'static str, bytes: impl Into<Vec<u8>>) -> Needle {
    Needle { what, bytes: bytes.into() }
}

fn utf_16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Those of them that are in there.
fn found(needles: &[Needle], content: &[u8]) -> BTreeSet<&'static str> {
    let mut begins = [false; 256];
    for needle in needles {
        begins[usize::from(needle.bytes[0])] = true;
    }
    let mut hits = BTreeSet::new();
    for (at, byte) in content.iter().enumerate() {
        if begins[usize::from(*byte)] {
            let here = |needle: &&Needle| content[at..].starts_with(&needle.bytes);
            hits.extend(needles.iter().filter(here).map(|needle| needle.what));
        }
    }
    hits
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.is_file() {
            all.push(path);
        }
    }
    all
}

fn in_files(needles: &[Needle], node: &TestNode) -> BTreeSet<&'static str> {
    let all = files(&node.data());
    all.iter().flat_map(|file| found(needles, &fs::read(file).unwrap())).collect()
}

fn in_log(needles: &[Needle], node: &TestNode) -> BTreeSet<&'static str> {
    let log = fs::read(node.file("log")).unwrap();
    assert!(String::from_utf8_lossy(&log).contains(" DEBUG "), "it says much");
    found(needles, &log)
}

fn in_memory(needles: &[Needle], node: &TestNode) -> BTreeSet<&'static str> {
    let (mut hits, mut bytes) = (BTreeSet::new(), 0);
    each_run(process_of(node), |run| {
        bytes += run.len();
        hits.extend(found(needles, run));
    });
    println!("{bytes} bytes of memory");
    hits
}

fn on_line(needles: &[Needle], line: &Tap, bytes_min: usize) -> BTreeSet<&'static str> {
    let streams = line.kept();
    let bytes: usize = streams.iter().map(Vec::len).sum();
    println!("{} streams of {bytes} bytes", streams.len());
    assert!(bytes > bytes_min, "it did not go this way: {bytes} bytes");
    streams.iter().flat_map(|stream| found(needles, stream)).collect()
}

/// Plays it with nodes that write all that they ever would into their logs, in a namespace of its own.
fn loudly(test: &str, body: impl FnOnce()) {
    let (name, level) = LOG;
    if std::env::var(name).is_ok_and(|found| found == level) {
        return isolated(test, WITHIN, body);
    }
    let executable = std::env::current_exe().expect("the test runner has a path");
    let mut again = Command::new(executable);
    again.args([test, "--exact", "--nocapture"]).env(name, level);
    let finished = process::run(&mut again, 2 * WITHIN);
    assert!(
        finished.status.success() && finished.stdout.contains("1 passed"),
        "{test} with a full log: {}\n{}\n{}",
        finished.status,
        finished.stdout,
        finished.stderr
    );
}

#[test]
fn nobody_on_the_way_can_read_it() {
    if clients::any_skipped(&[&TDLIB]) {
        return;
    }
    clients::install(&[&TDLIB]);
    loudly("scan::nobody_on_the_way_can_read_it", scene);
}

fn scene() {
    let mut nodes = ["a.example", "b.example"].map(node);
    // Clients and nodes find all of them behind lines that are listened to.
    let between = Tap::to(&nodes[0].mesh);
    let address = between.address;
    peer(&nodes[1], &format!("/ip4/{}/tcp/{}", address.ip(), address.port()));
    let from_clients = nodes.each_mut().map(|node| {
        let line = Tap::new(node.mtproto);
        node.mtproto = line.address;
        line
    });
    let [mut ada, mut bob] = meet(&nodes[0], &nodes[1]);
    let parcel = Parcel::new(NAME, 700_001);
    talk(&mut ada, &mut bob, &parcel);

    let needles = [
        needle("the secret", SECRET),
        needle("the secret in UTF-16", utf_16(SECRET)),
        needle("the file", &parcel.content[..64]),
        needle("another part of the file", &parcel.content[400_000..400_064]),
        needle("the name of the file", NAME),
        needle("the name of the file in UTF-16", utf_16(NAME)),
        needle(CLOUDY, CLOUD),
    ];
    let nothing = BTreeSet::new();
    let only_cloud = BTreeSet::from([CLOUDY]);
    for node in &nodes {
        assert_eq!(in_memory(&needles, node), only_cloud, "in memory");
        assert!(in_files(&needles, node).is_subset(&only_cloud), "in files of a running node");
    }
    for line in [&between, &from_clients[0], &from_clients[1]] {
        assert_eq!(on_line(&needles, line, parcel.content.len()), nothing, "on a line");
    }
    // The chat's end, and all that is written then.
    ada.ends();
    bob.sees("closed");
    for node in &mut nodes {
        assert!(node.stop().success(), "{}", node.log());
        assert_eq!(in_files(&needles, node), only_cloud, "in files");
        assert_eq!(in_log(&needles, node), nothing, "in the log");
    }
}

/// The secret and what is none, both ways and each looked at.
fn talk(ada: &mut Person, bob: &mut Person, parcel: &Parcel) {
    begin(ada, bob);
    ada.says(SECRET);
    bob.hears(SECRET);
    bob.says(SECRET);
    ada.hears(SECRET);
    parcel.is_sent(ada);
    parcel.comes(bob);
    bob.secret("secret_read", json!({}));
    ada.driver.send(ada.other, CLOUD);
    bob.driver.expect(&json!({ "event": "message", "text": CLOUD }));
}
