use std::path::PathBuf;

use node_store::Order;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tempfile::TempDir;

use super::*;
use crate::config::SealMode;
use crate::passphrase::{self, New};

const BOTH: [SealMode; 2] = [SealMode::Secrets, SealMode::All];

fn mode(seal: SealMode) -> StoreConfig {
    StoreConfig { seal, ..StoreConfig::default() }
}

fn opened(path: &Path, config: &StoreConfig) -> anyhow::Result<Opened> {
    open(path, config, &mut StdRng::seed_from_u64(1))
}

fn refused(path: &Path, config: &StoreConfig) -> String {
    match opened(path, config) {
        Ok(_) => panic!("opened"),
        Err(cause) => format!("{cause:#}"),
    }
}

fn say(opened: &Opened, text: &str) {
    let mut batch = Batch::new();
    batch.put(Keyspace::BOXES, &[said(opened).len() as u8], text.into());
    let ticket = opened.store.commit(batch).unwrap();
    opened.store.wait_durable(ticket).unwrap();
}

fn said(opened: &Opened) -> Vec<String> {
    let rows = opened.store.scan(Keyspace::BOXES, &[], None, 100, Order::Ascending).unwrap();
    rows.into_iter().map(|(_, value)| String::from_utf8(value).unwrap()).collect()
}

/// The files of a directory and what is in them.
fn files(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), fs::read(path).unwrap()));
        }
    }
    found.sort();
    found
}

fn holds(path: &Path, text: &str) -> bool {
    files(path).iter().any(|(_, content)| content.windows(text.len()).any(|w| w == text.as_bytes()))
}

#[test]
fn a_lost_or_wrong_master_key_refuses_with_the_reason_and_changes_nothing() {
    for seal in BOTH {
        let (directory, config) = (TempDir::new().unwrap(), mode(seal));
        let path = directory.path();
        let first = opened(path, &config).unwrap();
        let fingerprint = first.server_key.fingerprint();
        say(&first, "kept");
        drop(first);
        let again = opened(path, &config).unwrap();
        assert_eq!(again.server_key.fingerprint(), fingerprint, "keys survive a restart");
        drop(again);
        let file = path.join("master.key");
        let key = fs::read(&file).unwrap();
        // In the mode of the store, and when another is asked for.
        for asked in BOTH.map(mode) {
            fs::remove_file(&file).unwrap();
            let lost = refused(path, &asked);
            assert!(lost.contains("master.key is missing") && lost.contains("backup"), "{lost}");
            assert!(!lost.contains('\n'), "one line");
            assert!(!file.exists(), "a new key beside a store that it does not open");
            fs::write(&file, "00".repeat(32)).unwrap();
            let wrong = refused(path, &asked);
            assert!(wrong.contains("master.key does not open the store"), "{wrong}");
            assert!(wrong.contains("belongs to another node"), "{wrong}");
            fs::write(&file, "nonsense").unwrap();
            let nonsense = refused(path, &asked);
            assert!(nonsense.contains("64 hex digits") && nonsense.contains("master.key"));
            fs::write(&file, &key).unwrap();
        }
        let last = opened(path, &config).unwrap();
        assert_eq!(last.server_key.fingerprint(), fingerprint);
        assert_eq!(said(&last), ["kept"]);
    }
}

#[test]
fn the_mode_is_changed_both_ways_with_all_that_is_there() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    let fingerprint = opened(path, &mode(SealMode::Secrets)).unwrap().server_key.fingerprint();
    let mut texts = Vec::new();
    for round in 0..4 {
        let (seal, sealed) = [(SealMode::All, true), (SealMode::Secrets, false)][round % 2];
        let node = opened(path, &mode(seal)).unwrap();
        assert_eq!(node.server_key.fingerprint(), fingerprint);
        assert_eq!(said(&node), texts);
        let text = format!("said in round {round}");
        say(&node, &text);
        texts.push(text);
        drop(node);
        for text in &texts {
            assert_eq!(holds(path, text), !sealed, "{text} in round {round}");
        }
        if round == 0 {
            drop(opened(path, &mode(seal)).unwrap()); // nothing to change
        }
    }
}

#[test]
fn the_master_key_may_lie_elsewhere() {
    let (directory, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let path = directory.path();
    let config =
        StoreConfig { master_key: Some(elsewhere.path().join("key")), ..mode(SealMode::All) };
    say(&opened(path, &config).unwrap(), "hello");
    assert!(!path.join("master.key").exists());
    let lost = refused(path, &mode(SealMode::All));
    assert!(lost.contains("master.key is missing"), "{lost}");
    assert_eq!(said(&opened(path, &config).unwrap()), ["hello"]);
}

#[test]
fn a_passphrase_is_set_changed_asked_for_and_taken_away() {
    let (directory, words) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let path = directory.path();
    let word = |name: &str| {
        let file = words.path().join(name);
        fs::write(&file, format!("{name} horse\nnot this line\n")).unwrap();
        file
    };
    let args = crate::cli::DataArgs { data: path.to_path_buf(), json: true };
    let with =
        |file: Option<PathBuf>| StoreConfig { passphrase_file: file, ..StoreConfig::default() };
    let first = opened(path, &with(None)).unwrap().server_key.fingerprint();
    let open_key = fs::read(path.join("master.key")).unwrap();

    passphrase::change(&args, &with(None), New::In(word("correct"))).unwrap();
    let locked = fs::read(path.join("master.key")).unwrap();
    assert!(!locked.windows(16).any(|w| w == &open_key[..16]), "the key is in the file");
    let node = opened(path, &with(Some(word("correct")))).unwrap();
    assert_eq!(node.server_key.fingerprint(), first);
    drop(node);
    let wrong = refused(path, &with(Some(word("wrong"))));
    assert!(wrong.contains("wrong passphrase") && wrong.contains("master.key"), "{wrong}");
    // Tests have no terminal to ask.
    let missing = refused(path, &with(None));
    assert!(missing.contains("is locked with a passphrase"), "{missing}");

    assert!(passphrase::change(&args, &with(Some(word("wrong"))), New::None).is_err());
    assert_eq!(fs::read(path.join("master.key")).unwrap(), locked);
    passphrase::change(&args, &with(Some(word("correct"))), New::In(word("other"))).unwrap();
    assert_eq!(opened(path, &with(Some(word("other")))).unwrap().server_key.fingerprint(), first);
    passphrase::change(&args, &with(Some(word("other"))), New::None).unwrap();
    assert_eq!(fs::read(path.join("master.key")).unwrap(), open_key);
    assert_eq!(opened(path, &with(None)).unwrap().server_key.fingerprint(), first);
    // Whoever believes that the key is locked is told that it is not.
    let open = refused(path, &with(Some(word("other"))));
    assert!(open.contains("is not locked"), "{open}");
}

#[test]
fn a_new_key_is_locked_from_the_start_where_a_passphrase_is_configured() {
    let (directory, words) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let file = words.path().join("word");
    fs::write(&file, "correct horse").unwrap();
    let config = StoreConfig { passphrase_file: Some(file), ..mode(SealMode::All) };
    say(&opened(directory.path(), &config).unwrap(), "hello");
    assert!(keys::is_locked(&fs::read(directory.path().join("master.key")).unwrap()));
    assert_eq!(said(&opened(directory.path(), &config).unwrap()), ["hello"]);
    let missing = refused(directory.path(), &mode(SealMode::All));
    assert!(missing.contains("is locked with a passphrase"), "{missing}");
}

#[test]
fn new_keys_replace_the_old_ones_and_a_backup_gets_new_ones() {
    const NOW_MS: u64 = 1_800_000_000_000;
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    let mut rng = StdRng::seed_from_u64(7);
    let mut open = || super::open(path, &mode(SealMode::Secrets), &mut rng).unwrap();
    let first = open();
    let op = *first.identity.public().as_bytes();
    let (boxes, name) = (first.sealing.public(), first.root.public());
    let keys = |node: &Opened, domain| node.log_keys(domain, &[], NOW_MS).unwrap();
    let cert = keys(&first, "a.example").cert().clone();
    assert_eq!((cert.body.serial, cert.body.op), (1, op));
    assert_eq!(keys(&first, "a.example").cert(), &cert);
    // Another domain: the next certificate, which is kept with the one before.
    let next = keys(&first, "b.example").cert().clone();
    assert_eq!((next.body.serial, next.body.op), (1_800_000_000, op));
    let all = |node: &Opened| keys(node, "b.example").certs().cloned().collect::<Vec<_>>();
    assert_eq!(all(&first), [cert.clone(), next.clone()]);
    let set_stamp = |node: &Opened, stamp: [u8; 16]| {
        let mut batch = Batch::new();
        batch.put(Keyspace::SETTINGS, b"stamp", stamp.to_vec());
        let ticket = node.store.commit(batch).unwrap();
        node.store.wait_durable(ticket).unwrap();
    };
    set_stamp(&first, first.stamp);
    drop(first);
    let again = open();
    assert_eq!(*again.identity.public().as_bytes(), op, "a restart changes nothing");
    assert!(again.sealing_before.is_empty());
    // As `rookery import` leaves it: the content of a store with another stamp.
    set_stamp(&again, [9; 16]);
    drop(again);
    let restored = open();
    assert_ne!(*restored.identity.public().as_bytes(), op);
    assert_eq!(restored.root.public(), name, "it is the same node");
    let before: Vec<_> = restored.sealing_before.iter().map(BoxSecret::public).collect();
    assert_eq!(before, [boxes], "what was sealed to it opens still");
    assert_ne!(restored.sealing.public(), boxes);
    let certs = all(&restored);
    assert_eq!(certs[..2], [cert, next]);
    assert_eq!(certs[2].body.serial, 1_800_000_001);
    assert_eq!(certs[2].body.op, *restored.identity.public().as_bytes());
    set_stamp(&restored, restored.stamp);
    drop(restored);
    assert_eq!(all(&open()), certs);
}
