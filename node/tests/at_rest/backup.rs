//! Backups, taken while a client writes, and what is restored from them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rookery_load::clock;
use serde_json::{Value, json};

use crate::clients::{self, TELETHON_MEDIA};
use crate::config;
use crate::driver::Driver;
use crate::support::keys::{age, new_key};
use crate::support::node::{Setup, TestNode, binary};
use crate::support::process::{self, Finished};
use crate::team::Team;

const WITHIN: Duration = Duration::from_secs(120);

/// Bytes of a file of more than one chunk.
fn picture() -> Vec<u8> {
    (0..700_000_u32).map(|n| (n % 251) as u8).collect()
}

/// A node with one member, who has sent some messages and a file; and a key for backups.
pub(crate) fn scene(seal: &str) -> (TestNode, Driver, i64, (String, std::path::PathBuf)) {
    let node = TestNode::start_with(Setup { config: config(seal), ..Setup::default() });
    let Team { node, mut members, .. } = Team::gather_on(node, &[&TELETHON_MEDIA]);
    let mut ada = members.remove(0);
    let path = node.file("sent.bin");
    fs::write(&path, picture()).unwrap();
    let file = json!({ "to": "self", "kind": "document", "path": path, "caption": "a file" });
    let sent = ada.command("send_file", file)["msg_id"].as_i64().unwrap();
    let key = new_key(path.parent().unwrap());
    (node, ada, sent, key)
}

fn rookery(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments);
    command
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Texts of the member's notes, the oldest first.
fn notes(driver: &mut Driver) -> Vec<String> {
    let shown = driver.history("self", 100, 0);
    shown.iter().rev().filter_map(|note| note["text"].as_str().map(str::to_owned)).collect()
}

/// A backup is taken while Telethon writes, the node is killed, and the same session goes on at the
/// restored one.
fn restored(seal: &str) {
    if clients::any_skipped(&[&TELETHON_MEDIA]) {
        return;
    }
    clients::install(&[&TELETHON_MEDIA]);
    let (mut node, mut ada, file, (public, identity)) = scene(seal);
    let backup = node.file("node.age");
    let mut taking = rookery(&["backup", "--json", "--recipient", &public, "--to", text(&backup)]);
    let mut taking = process::Guarded(
        taking.arg("--data").arg(node.data()).stdout(Stdio::piped()).spawn().unwrap(),
    );
    // When each was acknowledged.
    let mut said: Vec<(u128, String)> = Vec::new();
    while taking.0.try_wait().unwrap().is_none() {
        let note = format!("note {}", said.len());
        ada.send("self", &note);
        said.push((clock::since_epoch().as_millis(), note));
    }
    let mut printed = String::new();
    std::io::Read::read_to_string(&mut taking.0.stdout.take().unwrap(), &mut printed).unwrap();
    let done: Value = serde_json::from_str(&printed).unwrap();
    ada.send("self", "after the backup");
    // Another program opens it, and knows what is in it.
    let opened = node.file("node.tar");
    age("age", &["-d", "-i", text(&identity), "-o", text(&opened), text(&backup)]);
    let listed = process::run(Command::new("tar").arg("-tf").arg(&opened), WITHIN).stdout;
    let listed: Vec<&str> = listed.lines().collect();
    assert_eq!(listed[..4], ["backup.json", "master.key", "rookery.toml", "store/00000000"]);
    assert_eq!(listed.last(), Some(&"end.json"));
    let blobs = listed.iter().filter(|name| name.starts_with("media/blobs/")).count();
    assert_eq!(json!(blobs), done["files"], "{listed:?}");

    let told = node.restore_backup(&backup, &identity);
    assert_eq!((&told["rows"], &told["files"]), (&done["rows"], &done["files"]));
    // Nobody logs in again.
    ada.command("online", json!({}));
    let until = u128::from(done["until"].as_u64().unwrap());
    let kept = said.iter().filter(|(acknowledged, _)| *acknowledged < until).count();
    let mut shown = notes(&mut ada);
    assert_eq!(shown.remove(0), "a file");
    assert!(shown.len() >= kept, "{kept} of {said:?} were acknowledged before, and not {shown:?}");
    let said: Vec<&String> = said.iter().map(|(_, note)| note).collect();
    assert_eq!(shown.iter().collect::<Vec<_>>(), said[..shown.len()]);
    let path = node.file("read.bin");
    ada.command("download", json!({ "peer": "self", "msg_id": file, "path": path }));
    assert!(fs::read(&path).unwrap() == picture());
    // It goes on, and can be backed up and restored again, stopped this time.
    ada.send("self", "restored");
    let (again, target) = (node.file("again.age"), node.file("again"));
    assert!(node.stop().success());
    assert_eq!(node.troubles(), [""; 0]);
    node.back_up_for(&public, &again);
    let found = restore(&again, &target, &["--identity", text(&identity)]);
    assert!(found.status.success(), "{found:?}");
}

#[test]
fn what_was_acknowledged_before_a_backup_ended_is_restored() {
    restored("secrets");
}

#[test]
fn and_from_a_store_that_is_sealed() {
    restored("all");
}

fn restore(from: &Path, to: &Path, key: &[&str]) -> Finished {
    let mut command = rookery(&["restore", "--from", text(from), "--data", text(to)]);
    process::run(command.args(key), WITHIN)
}

#[test]
fn a_damaged_backup_leaves_nothing() {
    if clients::any_skipped(&[&TELETHON_MEDIA]) {
        return;
    }
    clients::install(&[&TELETHON_MEDIA]);
    let (node, _ada, _, (public, identity)) = scene("secrets");
    let (backup, damaged, target) = (node.file("b.age"), node.file("d.age"), node.file("target"));
    node.back_up_for(&public, &backup);
    let whole = fs::read(&backup).unwrap();
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&backup).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let with_key = ["--identity", text(&identity)];
    let refused = |bytes: &[u8], what: &str| {
        fs::write(&damaged, bytes).unwrap();
        let found = restore(&damaged, &target, &with_key);
        assert_eq!(found.status.code(), Some(1), "{what}: {found:?}");
        assert_eq!(found.stderr.lines().count(), 1, "{what}: {found:?}");
        assert!(found.stderr.contains(text(&damaged)), "{what}: {found:?}");
        assert!(!target.exists(), "{what}");
        found.stderr
    };
    let length = whole.len();
    for at in [5, 150, 300, length / 3, length / 2, length - 70_000, length - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        let told = refused(&flipped, &format!("byte {at} of {length}"));
        assert!(at < 1000 || told.contains("it was changed, or is cut off"), "{told}");
    }
    // The last of them ends with a whole chunk of the encryption, which follows the line of the header that
    // begins with dashes, and 16 bytes.
    let dashes = whole.windows(5).position(|some| some == b"\n--- ").unwrap() + 1;
    let line = whole[dashes..].iter().position(|byte| *byte == b'\n').unwrap();
    let chunk = dashes + line + 1 + 16 + 3 * (65_536 + 16);
    for cut in [0, 100, 250, length / 2, length - 1, length - 30_000, chunk] {
        refused(&whole[..cut], &format!("{cut} of {length} bytes"));
    }
    refused(&[&whole[..], b"more"].concat(), "more than was written");
    assert!(refused(b"ROOKERYX", "something else").contains("is no backup"));
    // With another key, with none, and over something.
    let other = new_key(&{
        let directory = node.file("other");
        fs::create_dir(&directory).unwrap();
        directory
    });
    let found = restore(&backup, &target, &["--identity", text(&other.1)]);
    assert!(found.stderr.contains("no key that was given opens"), "{found:?}");
    let found = restore(&backup, &target, &[]);
    assert!(found.stderr.contains("--identity"), "{found:?}");
    assert!(!target.exists());
    fs::create_dir(&target).unwrap();
    fs::write(target.join("mine"), "").unwrap();
    let found = restore(&backup, &target, &with_key);
    assert!(found.stderr.contains("is not empty"), "{found:?}");
    assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
    // An empty directory is as good as none.
    fs::remove_file(target.join("mine")).unwrap();
    let found = restore(&backup, &target, &with_key);
    assert!(found.status.success(), "{found:?}");
    let mut names: Vec<_> =
        fs::read_dir(&target).unwrap().map(|one| one.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(
        names,
        ["STORE.id", "STORE.lock", "STORE.mark", "db", "master.key", "media", "rookery.toml"]
    );

    // A backup is never written over, and half of one never stays.
    let arguments = ["backup", "--recipient", &public, "--to", text(&backup), "--data"];
    let found = process::run(rookery(&arguments).arg(node.data()), WITHIN);
    assert!(!found.status.success() && found.stderr.contains("is there already"), "{found:?}");
    assert!(fs::read(&backup).unwrap() == whole);
    let never = node.file("never.age");
    let arguments = ["backup", "--recipient", "age1nobody", "--to", text(&never), "--data"];
    let found = process::run(rookery(&arguments).arg(node.data()), WITHIN);
    assert!(found.stderr.contains("is no age recipient"), "{found:?}");
    let left = fs::read_dir(backup.parent().unwrap()).unwrap();
    let left =
        left.filter(|one| one.as_ref().unwrap().file_name().to_str().unwrap().starts_with('.'));
    assert_eq!(left.count(), 0);
}

#[test]
fn a_passphrase_opens_a_backup_and_no_other_does() {
    let node = TestNode::start();
    let (backup, target) = (node.file("b.age"), node.file("target"));
    let [right, wrong] = ["right", "wrong"].map(|name| {
        let file = node.file(name);
        fs::write(&file, format!("the {name} one\n")).unwrap();
        file
    });
    let arguments = ["backup", "--passphrase-file", text(&right), "--to", text(&backup), "--data"];
    let found = process::run(rookery(&arguments).arg(node.data()), WITHIN);
    assert!(found.status.success(), "{found:?}");
    let found = restore(&backup, &target, &["--passphrase-file", text(&wrong)]);
    assert!(found.stderr.contains("the passphrase is another one"), "{found:?}");
    assert!(!target.exists());
    let found = restore(&backup, &target, &["--passphrase-file", text(&right)]);
    assert!(found.status.success(), "{found:?}");
    // Never unlocked: where nobody can be asked, nothing is written.
    let other = node.file("other.age");
    let arguments = ["backup", "--to", text(&other), "--data"];
    let found = process::run(rookery(&arguments).arg(node.data()), WITHIN);
    assert!(found.stderr.contains("--recipient"), "{found:?}");
    assert!(!other.exists());
}

/// The key travels as it is: a thief of both the backup's key and the backup still needs the passphrase.
#[test]
fn a_locked_master_key_stays_locked_in_a_backup() {
    if clients::any_skipped(&[&TELETHON_MEDIA]) {
        return;
    }
    clients::install(&[&TELETHON_MEDIA]);
    let (mut node, mut ada, _, (public, identity)) = scene("all");
    let (words, backup, target) = (node.file("words"), node.file("b.age"), node.file("target"));
    fs::write(&words, "correct horse\n").unwrap();
    node.while_stopped(|node| {
        let mut lock = rookery(&["passphrase", "--new-file", text(&words), "--data"]);
        let found = process::run(lock.arg(node.data()), WITHIN);
        assert!(found.status.success(), "{found:?}");
        let keys = format!("{}passphrase_file = {words:?}\n", config("all"));
        fs::write(node.file("rookery.toml"), keys).unwrap();
    });
    ada.command("online", json!({}));
    ada.send("self", "locked");
    node.back_up_for(&public, &backup);
    let key = fs::read(node.data().join("master.key")).unwrap();

    // Restored, it is the same file: without the words neither the node nor a command opens it.
    let found = restore(&backup, &target, &["--identity", text(&identity)]);
    assert!(found.status.success(), "{found:?}");
    assert_eq!(fs::read(target.join("master.key")).unwrap(), key);
    let away = node.file("away");
    fs::rename(&words, &away).unwrap();
    for command in ["run", "fsck"] {
        let found = process::run(rookery(&[command, "--data"]).arg(&target), WITHIN);
        assert_eq!(found.status.code(), Some(1), "{command}: {found:?}");
        assert_eq!(found.stderr.lines().count(), 1, "{command}: {found:?}");
        assert!(found.stderr.contains(text(&words)), "{command}: {found:?}");
    }
    fs::write(&words, "wrong horse\n").unwrap();
    let found = process::run(rookery(&["fsck", "--data"]).arg(&target), WITHIN);
    assert!(!found.status.success() && found.stderr.contains("passphrase"), "{found:?}");
    fs::rename(&away, &words).unwrap();
    let found = process::run(rookery(&["fsck", "--data"]).arg(&target), WITHIN);
    assert!(found.status.success(), "{found:?}");

    // With them the member's session goes on.
    node.restore_backup(&backup, &identity);
    ada.command("online", json!({}));
    assert_eq!(notes(&mut ada), ["a file", "locked"]);
}
