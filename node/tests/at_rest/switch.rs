//! The mode of a store that is in use.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use keys::PublicKey;
use node_store::{AtRest, Batch, Keyspace, MemoryStore, Order, Store};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rookery_load::{Client, Invite, Member, clock};
use serde_json::json;
use tl::{enums, functions as f};

use crate::clients::{self, TDLIB, TELETHON};
use crate::config;
use crate::driver::Driver;
use crate::support::isolation::isolated;
use crate::support::node::{TestNode, binary};
use crate::support::process::{self, Guarded};
use crate::team::Team;

const WITHIN: Duration = Duration::from_secs(300);
const LAYER: i32 = 230;

/// So often the change is killed; with `ROOKERY_TEST=full` more.
fn kills() -> u32 {
    if std::env::var("ROOKERY_TEST").is_ok_and(|kind| kind == "full") { 100 } else { 12 }
}

fn configure(node: &TestNode, seal: &str) {
    fs::write(node.file("rookery.toml"), config(seal)).unwrap();
}

#[test]
fn clients_go_on_when_the_mode_is_changed() {
    if clients::any_skipped(&[&TELETHON, &TDLIB]) {
        return;
    }
    clients::install(&[&TELETHON, &TDLIB]);
    isolated("switch::clients_go_on_when_the_mode_is_changed", WITHIN, || {
        let Team { mut node, members, .. } = Team::gather(&[&TELETHON, &TDLIB]);
        let Ok([mut ada, mut bob]) = <[Driver; 2]>::try_from(members) else { unreachable!() };
        let mut texts: Vec<String> = Vec::new();
        let mut say = |from: &mut Driver, to: &mut Driver, round: usize| {
            let text = format!("in round {round} from {}", from.user);
            from.send(to.user, &text);
            to.expect(&json!({ "event": "message", "text": text }));
            texts.push(text);
            texts.clone()
        };
        for (round, seal) in ["secrets", "all", "all", "secrets", "all"].into_iter().enumerate() {
            configure(&node, seal);
            node.restart();
            // Nobody logs in again: both go on where they were.
            ada.command("online", json!({}));
            bob.command("online", json!({}));
            say(&mut ada, &mut bob, round);
            let texts = say(&mut bob, &mut ada, round);
            let users = (ada.user, bob.user);
            for (one, other) in [(&mut ada, users.1), (&mut bob, users.0)] {
                let shown = one.history(other, 100, 0);
                let shown: Vec<_> = shown.iter().rev().filter_map(|m| m["text"].as_str()).collect();
                assert_eq!(shown, texts, "{} with {seal}", one.client.name);
            }
        }
        assert_eq!(bob.command("log", json!({}))["lines"], json!([]));
    });
}

/// A stopped node with two members and many messages.
fn filled(messages: i64) -> TestNode {
    let rng = &mut StdRng::seed_from_u64(1);
    let limits = "[limits]\nrequests_per_key_burst = 1000000\n";
    let mut node = TestNode::start_with(crate::support::node::Setup {
        config: limits.into(),
        ..Default::default()
    });
    let public = PublicKey::from_pem(&fs::read_to_string(node.pem()).unwrap()).unwrap();
    let (owner, invite) = (node.owner.clone().unwrap(), node.invite());
    let mut join = |(phone, code), name: &str| {
        let client = Client::connect(node.mtproto, &public, 2, rng).unwrap();
        Member::join(client, &Invite { phone, code }, name, rng).unwrap()
    };
    let (mut ada, bob) = (join(owner, "Ada"), join(invite, "Bob"));
    let to: enums::InputPeer = ada.find(&[&bob.phone], rng).unwrap().remove(0);
    for random_id in 1..=messages {
        let message = f::messages::SendMessage {
            peer: to.clone(),
            message: format!("{random_id} of many, and none may be missing"),
            random_id,
            ..Default::default()
        };
        ada.client.invoke(&message, LAYER, rng).unwrap();
    }
    assert!(node.stop().success());
    node
}

/// What the store holds for ever, in the clear.
fn exported(node: &TestNode) -> Vec<u8> {
    let file = node.file("all.export");
    fs::remove_file(&file).ok();
    let to = file.to_str().unwrap().to_owned();
    node.command(&["export", "--json", "--clear", "--to", &to]);
    let store = MemoryStore::new();
    node_store::import(&mut &*fs::read(file).unwrap(), &store).unwrap();
    // Full token buckets go by themselves, whenever a node runs.
    let mut batch = Batch::new();
    for (key, _) in store.scan(Keyspace::LIMITS, &[], None, 1000, Order::Ascending).unwrap() {
        batch.delete(Keyspace::LIMITS, &key);
    }
    store.commit(batch).unwrap();
    let mut bytes = Vec::new();
    node_store::export(&store, &mut bytes).unwrap();
    bytes
}

fn sealed(data: &Path) -> bool {
    let store = AtRest::open(data, [0; 16]).unwrap();
    store.sealing().is_some()
}

/// `kill -9` at any moment of a change leaves the store of before or the one of after, and both
/// hold the same; the next start goes on.
#[test]
fn a_killed_change_leaves_either_store_whole() {
    let node = filled(700);
    let before = exported(&node);
    let mut chance = StdRng::seed_from_u64(2);
    let (mut cut_short, mut left_sealed) = (0, 0);
    for _ in 0..kills() {
        let seal = if sealed(&node.data()) { "secrets" } else { "all" };
        configure(&node, seal);
        let mut command = Command::new(binary());
        command
            .args(["run", "--json", "--http", "127.0.0.1:0", "--mtproto", "127.0.0.1:0"])
            .arg("--data")
            .arg(node.data())
            .arg("--config")
            .arg(node.file("rookery.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // One that was killed leaves it, and it would pass for the end of this change.
        fs::remove_file(node.data().join("control.sock")).ok();
        let running = Guarded(command.spawn().unwrap());
        wait_for_the_copy(&node.data());
        // Every other one as soon as it is at work: a fast machine is done before the rest.
        if chance.random_bool(0.5) {
            for _ in 0..chance.random_range(0..30_000_000_u64) {
                std::hint::spin_loop();
            }
        }
        drop(running); // kills it
        let left = ["compact.new", "compact.done"];
        cut_short += left.iter().filter(|name| node.data().join(name).exists()).count();
        assert!(exported(&node) == before, "with {seal}");
        left_sealed += usize::from(sealed(&node.data()));
    }
    println!("{cut_short} were cut short, {left_sealed} left a sealed store");
    assert!(cut_short > 0, "none was killed at work");
}

/// Until the change is at work, or over.
fn wait_for_the_copy(data: &Path) {
    let deadline = clock::now() + WITHIN;
    while !data.join("compact.new").exists() && !data.join("control.sock").exists() {
        assert!(clock::now() < deadline, "no change began");
        std::thread::yield_now();
    }
}

/// Export, import and compaction of a sealed store, and files from one mode into the other.
#[test]
fn the_offline_commands_keep_the_mode() {
    let node = filled(20);
    let rookery = |arguments: &[&str], data: &Path, seal: &str| {
        configure(&node, seal);
        let mut command = Command::new(binary());
        command.args(arguments).arg("--data").arg(data);
        if arguments[0] != "compact" {
            command.arg("--config").arg(node.file("rookery.toml"));
        }
        let done = process::run(&mut command, Duration::from_secs(60));
        (done.status.success(), done.stdout + &done.stderr)
    };
    let clear = exported(&node);
    fs::write(node.file("all.export"), &clear).unwrap();
    let data = node.data();
    let to = |name: &str| node.file(name).to_str().unwrap().to_owned();
    let import = |from: &str, data: &Path, seal: &str| {
        rookery(&["import", "--json", "--from", from], data, seal)
    };

    // A clear file into a sealed store takes the master key of its node.
    let all = node.file("all.export").to_str().unwrap().to_owned();
    let target = node.file("target");
    let (done, text) = import(&all, &target, "all");
    assert!(!done && text.contains("master.key is missing"), "{text}");
    fs::write(target.join("master.key"), "11".repeat(32)).unwrap();
    let (done, text) = import(&all, &target, "all");
    assert!(!done && text.contains("belongs to another node"), "{text}");
    fs::remove_dir_all(&target).unwrap();
    fs::create_dir(&target).unwrap();
    fs::copy(data.join("master.key"), target.join("master.key")).unwrap();
    let (done, text) = import(&all, &target, "all");
    assert!(done && sealed(&target), "{text}");

    // It is the same in there, sealed files go round, and compacting needs no key.
    let export = |data: &Path, name: &str, more: &[&str]| {
        let to = to(name);
        let arguments = [&["export", "--json", "--to", &to], more].concat();
        let (done, text) = rookery(&arguments, data, "all");
        assert!(done, "{text}");
        fs::read(node.file(name)).unwrap()
    };
    assert!(export(&target, "clear.export", &["--clear"]) == clear);
    let first = export(&target, "sealed.export", &[]);
    assert!(first != clear);
    let second = node.file("second");
    let (done, text) = import(&to("sealed.export"), &second, "all");
    assert!(done && sealed(&second), "{text}");
    assert!(export(&second, "sealed2.export", &[]) == first, "byte by byte");
    let (done, text) = rookery(&["compact", "--json"], &second, "all");
    assert!(done && sealed(&second), "{text}");
    assert!(export(&second, "sealed3.export", &[]) == first);
    fs::copy(data.join("master.key"), second.join("master.key")).unwrap();
    assert!(export(&second, "clear2.export", &["--clear"]) == clear);
}
