//! What `rookery fsck` finds.

use std::fs;
use std::path::{Path, PathBuf};

use node_store::{Batch, Keyspace, Order, SledStore, Store};
use serde_json::json;

use crate::backup::scene;
use crate::clients::{self, TELETHON_MEDIA};
use crate::support::node::TestNode;

/// All objects of files, the largest first.
fn objects(node: &TestNode) -> Vec<PathBuf> {
    fn walk(directory: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, into) } else { into.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(&node.data().join("media/blobs"), &mut found);
    found.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).unwrap().len()));
    found
}

/// Changes a row of the stopped node as its program never does, and puts it back after `look`.
fn with_row<T>(
    node: &TestNode,
    space: Keyspace,
    key: &[u8],
    value: Option<Vec<u8>>,
    look: impl FnOnce() -> T,
) -> T {
    let write = |value: Option<Vec<u8>>| {
        let store = SledStore::open(&node.data(), [0; 16]).unwrap();
        let before = store.get(space, key).unwrap();
        let mut batch = Batch::new();
        match value {
            Some(value) => batch.put(space, key, value),
            None => batch.delete(space, key),
        };
        let ticket = store.commit(batch).unwrap();
        store.wait_durable(ticket).unwrap();
        before
    };
    let before = write(value);
    let looked = look();
    write(before);
    looked
}

/// The last row of a keyspace that `is` one to take.
fn last(node: &TestNode, space: Keyspace, is: impl Fn(&[u8], &[u8]) -> bool) -> (Vec<u8>, Vec<u8>) {
    let store = SledStore::open(&node.data(), [0; 16]).unwrap();
    let rows = store.scan(space, &[], None, usize::MAX >> 1, Order::Descending).unwrap();
    rows.into_iter().find(|(key, value)| is(key, value)).expect("there is one")
}

fn only(troubles: &[String], about: &str, what: &str) {
    let is = |trouble: &&String| trouble.starts_with(about) && trouble.contains(what);
    assert!(troubles.iter().any(|trouble| is(&trouble)), "{about} {what}: {troubles:?}");
}

/// A row, an object of a file, an entry of a log: each is damaged, told, and put back.
#[test]
fn damage_is_told_and_nothing_else() {
    if clients::any_skipped(&[&TELETHON_MEDIA]) {
        return;
    }
    clients::install(&[&TELETHON_MEDIA]);
    let (mut node, mut ada, ..) = scene("secrets");
    let new = json!({ "title": "Harbour", "about": "", "megagroup": true });
    let made = ada.invoke("channels.CreateChannel", new);
    let channel = made["chats"][0]["id"].as_i64().unwrap();
    ada.send(-1_000_000_000_000 - channel, "said in the log");
    assert!(node.stop().success());
    let troubles = || node.troubles();
    assert_eq!(troubles(), [""; 0]);

    let objects = objects(&node);
    let [large, .., small] = &objects[..] else { panic!("{objects:?}") };
    for object in [large, small] {
        let whole = fs::read(object).unwrap();
        let mut damaged = whole.clone();
        *damaged.last_mut().unwrap() ^= 1;
        fs::write(object, damaged).unwrap();
        if !object.ends_with("owner") {
            only(&troubles(), "blob", "does not open");
            fs::remove_file(object).unwrap();
            only(&troubles(), "blob", "");
        }
        fs::write(object, whole).unwrap();
    }
    assert_eq!(troubles(), [""; 0]);

    let (key, value) = last(&node, Keyspace::BOXES, |_, _| true);
    let cut = value[..value.len() / 2].to_vec();
    only(&with_row(&node, Keyspace::BOXES, &key, Some(cut), troubles), "box", "event");

    let (key, mut value) = last(&node, Keyspace::LOGS, |_, _| true);
    *value.last_mut().unwrap() ^= 1;
    only(&with_row(&node, Keyspace::LOGS, &key, Some(value), troubles), "log", "of its lane");
    // The begin of the chain: kind 0, number 0.
    let (key, mut value) = last(&node, Keyspace::LOGS, |key, _| key[8..] == [0; 9]);
    *value.last_mut().unwrap() ^= 1;
    only(&with_row(&node, Keyspace::LOGS, &key, Some(value), troubles), "log", "its chain");

    // Kind 0: what a file is. Without it, what is counted of it is wrong.
    let (key, _) = last(&node, Keyspace::FILES, |key, _| key.last() == Some(&0));
    let told = with_row(&node, Keyspace::FILES, &key, None, troubles);
    only(&told, "file", "is counted");
    only(&told, "file", "bytes of all files");
    // All is as it was.
    assert_eq!(troubles(), [""; 0]);
}
