//! A search through every file, for what must not be there and for what must.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use keys::{MasterKey, Secret, StoreKey};
use node_store::{AtRest, HIDDEN_KEY_BYTES, Keyspace, Seal, Store};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;

use crate::clients::{self, TDLIB, TELETHON_MEDIA};
use crate::config;
use crate::driver::Driver;
use crate::support::isolation::isolated;
use crate::support::node::{Setup, TestNode, copy_directory};
use crate::support::process;
use crate::team::Team;

const WITHIN: Duration = Duration::from_secs(300);

const TEXT: &str = "rooks come home at dusk";
const ANSWER: &str = "крачки спят до зари";
const NOTE: &str = "spare key under the flowerpot";
const NAME: &str = "Marguerite";
const ABOUT: &str = "keeper of the old tower";
const USERNAME: &str = "tower_keeper_7";
const DRAFT: &str = "do not tell the jackdaws";
const FILE_NAME: &str = "map of the rookery.bin";
const PASSWORD: &str = "twigs and wool";
/// As the driver sets it.
const HINT: &str = "the usual";

/// What to look for.
#[derive(Clone)]
struct Needle {
    what: &'static str,
    bytes: Vec<u8>,
}

fn needle(what: &'static str, bytes: impl Into<Vec<u8>>) -> Needle {
    let bytes = bytes.into();
    assert!(bytes.len() >= 5, "{what}: too short to be found by chance");
    Needle { what, bytes }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push(path);
        }
    }
    found
}

/// The files below `directory` that hold any of `needles`, as `what in file`.
fn found(directory: &Path, needles: &[Needle]) -> Vec<String> {
    let mut hits = Vec::new();
    for file in files(directory) {
        let content = fs::read(&file).unwrap();
        for Needle { what, bytes } in needles {
            if content.windows(bytes.len()).any(|window| window == bytes) {
                hits.push(format!("{what} in {}", file.display()));
            }
        }
    }
    hits
}

/// The auth keys in a session of Telethon.
fn auth_keys(session: &Path) -> Vec<Vec<u8>> {
    const SCRIPT: &str = "import sqlite3, sys\n\
        for (key,) in sqlite3.connect(sys.argv[1]).execute('select auth_key from sessions'):\n\
        \x20   print(key.hex())";
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT]).arg(session);
    let done = process::run(&mut command, Duration::from_secs(30));
    assert!(done.status.success(), "{done:?}");
    let digits = |line: &str| {
        let pairs = line.as_bytes().chunks(2);
        pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    };
    done.stdout.lines().map(digits).collect()
}

/// Some parts of 32 bytes of a file's content: whole, it might be cut by a page.
fn parts(what: &'static str, content: &[u8]) -> Vec<Needle> {
    // What is flat in a picture looks alike in any, also in the preview that rows hold.
    let rich = |part: &&[u8]| part.iter().collect::<BTreeSet<_>>().len() > 20;
    let all: Vec<&[u8]> = content.chunks_exact(32).filter(rich).collect();
    assert!(all.len() > 11, "{what}: too little to look for");
    let step = all.len() / 11;
    // From the end: beginnings of two pictures are alike.
    all.into_iter().rev().step_by(step).take(11).map(|part| needle(what, part)).collect()
}

/// Sends a document and a photo; answers what must not be found of them, at the sender's and at
/// the other end.
fn send_files(node: &TestNode, ada: &mut Driver, bob: i64) -> Vec<Needle> {
    let mut content = vec![0; 300_000];
    StdRng::seed_from_u64(7).fill_bytes(&mut content);
    let path = node.file(FILE_NAME);
    fs::write(&path, &content).unwrap();
    ada.command("send_file", json!({ "to": bob, "kind": "document", "path": path }));
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images");
    let path = images.join("telegram-desktop-chat.png");
    let picture = fs::read(&path).unwrap();
    let sent = ada.command("send_file", json!({ "to": bob, "kind": "photo", "path": path }));
    // Its sizes are made by the node.
    let path = node.file("nest.jpg");
    ada.command("download", json!({ "peer": bob, "msg_id": sent["msg_id"], "path": path }));
    let photo = fs::read(&path).unwrap();
    assert!(photo.starts_with(&[0xff, 0xd8]), "a JPEG");
    [parts("a document", &content), parts("a photo as it came", &picture), parts("a photo", &photo)]
        .concat()
}

/// Opens rows as the node does; nothing is written here.
struct RowSeal(StoreKey);

impl Seal for RowSeal {
    fn seal(&self, _: &[u8], _: &[u8]) -> Vec<u8> {
        unreachable!("the store is only read")
    }

    fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.unseal(place, sealed)
    }

    fn hide(&self, place: &[u8]) -> [u8; HIDDEN_KEY_BYTES] {
        self.0.hide(place)
    }
}

/// What the node itself must keep to itself, read with its master key from a copy of `data`.
fn own_secrets(data: &Path) -> Vec<Needle> {
    let directory = tempfile::tempdir().unwrap();
    copy_directory(data, directory.path());
    let master = fs::read(directory.path().join("master.key")).unwrap();
    let master = MasterKey::from_file_bytes(&master).unwrap();
    let found = AtRest::open(directory.path(), [0; 16]).unwrap();
    let store: Box<dyn Store> = match found.sealing().map(<[u8]>::to_vec) {
        Some(record) => {
            let key = StoreKey::open(&master, &record).unwrap();
            Box::new(found.sealed(Arc::new(RowSeal(key))).unwrap())
        }
        None => Box::new(found.clear().unwrap()),
    };
    let secret = |name: &[u8]| {
        let sealed = store.get(Keyspace::SETTINGS, name).unwrap().unwrap();
        master.open(Secret::Node, name, &sealed).unwrap().to_vec()
    };
    let rsa = String::from_utf8(secret(b"rsa")).unwrap();
    // Base64 of the private key: a line from its middle.
    let lines: Vec<&str> = rsa.lines().collect();
    vec![
        needle("the RSA key", lines[lines.len() / 2]),
        needle("the node's identity", secret(b"identity")),
    ]
}

/// What two members leave who use most of what there is.
struct Left {
    node: TestNode,
    secrets: Vec<Needle>,
    plain: Vec<Needle>,
}

fn use_a_node(seal: &str) -> Left {
    let node = TestNode::start_with(Setup { config: config(seal), ..Setup::default() });
    let Team { mut node, members, phones } = Team::gather_on(node, &[&TELETHON_MEDIA, &TDLIB]);
    let Ok([mut ada, mut bob]) = <[Driver; 2]>::try_from(members) else { unreachable!() };
    ada.invoke("account.UpdateProfile", json!({ "first_name": NAME, "about": ABOUT }));
    ada.command("set_username", json!({ "username": USERNAME }));
    ada.send(bob.user, TEXT);
    bob.expect(&json!({ "event": "message", "text": TEXT }));
    bob.send(ada.user, ANSWER);
    ada.expect(&json!({ "event": "message", "text": ANSWER }));
    bob.send(bob.user, NOTE);
    let contents = send_files(&node, &mut ada, bob.user);
    let draft = json!({ "peer": { "peer": bob.user }, "message": DRAFT });
    ada.invoke("messages.SaveDraft", draft);
    ada.command("set_password", json!({ "new": PASSWORD }));
    let unused = node.invite();
    // The running node's files, then those of the stopped one.
    let plain = vec![
        needle("a text", TEXT),
        needle("an answer", ANSWER),
        needle("a note to self", NOTE),
        needle("a name", NAME),
        needle("about somebody", ABOUT),
        needle("a draft", DRAFT),
        needle("a file's name", FILE_NAME),
        needle("a username", USERNAME),
        needle("a number", number(&phones[0])),
        needle("another number", number(&phones[1])),
        needle("the number of an invite", number(&unused.0)),
        needle("what a client says of itself", "telethon"),
    ];
    ada.quit();
    let session = node.file("telethon-first").join("telethon.session");
    let keys = auth_keys(&session);
    assert!(!keys.is_empty() && keys.iter().all(|key| key.len() == 256));
    // Also in parts: a key may be cut by a page.
    let mut secrets: Vec<Needle> = keys
        .iter()
        .flat_map(|key| key.chunks(32))
        .map(|part| needle("an auth key", part))
        .collect();
    secrets.push(needle("the code of an invite", unused.1));
    secrets.push(needle("a password", PASSWORD));
    secrets.push(needle("the hint of a password", HINT));
    secrets.extend(contents);
    let running = tempfile::tempdir().unwrap();
    copy_directory(&node.data(), running.path());
    assert_eq!(found(running.path(), &secrets), Vec::<String>::new(), "{seal}, running");
    if seal == "all" {
        assert_eq!(found(running.path(), &plain), Vec::<String>::new(), "running");
    }
    assert!(node.stop().success());
    Left { node, secrets, plain }
}

/// As the store has it: 8 bytes, big-endian.
fn number(phone: &str) -> [u8; 8] {
    phone.trim_start_matches('+').parse::<u64>().unwrap().to_be_bytes()
}

#[test]
fn secrets_alone_rest_sealed_by_default() {
    if clients::any_skipped(&[&TELETHON_MEDIA, &TDLIB]) {
        return;
    }
    clients::install(&[&TELETHON_MEDIA, &TDLIB]);
    isolated("scan::secrets_alone_rest_sealed_by_default", WITHIN, || {
        let left = use_a_node("secrets");
        let secrets = [left.secrets, own_secrets(&left.node.data())]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>();
        assert_eq!(found(&left.node.data(), &secrets), Vec::<String>::new());
        // And the search itself works.
        for one in left.plain {
            let what = one.what;
            assert!(!found(&left.node.data(), &[one]).is_empty(), "{what} is not found");
        }
    });
}

#[test]
fn with_all_nothing_that_was_said_is_found() {
    if clients::any_skipped(&[&TELETHON_MEDIA, &TDLIB]) {
        return;
    }
    clients::install(&[&TELETHON_MEDIA, &TDLIB]);
    isolated("scan::with_all_nothing_that_was_said_is_found", WITHIN, || {
        let left = use_a_node("all");
        let own = own_secrets(&left.node.data());
        let needles = [left.secrets, own, left.plain].into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(found(&left.node.data(), &needles), Vec::<String>::new());
        // Nor in an export, unless it is asked to be clear.
        let data = left.node.data();
        let export = |name: &str, more: &[&str]| {
            let file = left.node.file(name).join("export");
            fs::create_dir(left.node.file(name)).unwrap();
            let to = file.to_str().unwrap().to_owned();
            let done = left.node.command(&[&["export", "--json", "--to", &to], more].concat());
            assert!(done["rows"].as_u64().is_some_and(|rows| rows > 20), "{done}");
            left.node.file(name)
        };
        assert_eq!(found(&export("sealed", &[]), &needles), Vec::<String>::new());
        let clear = export("clear", &["--clear"]);
        assert!(found(&clear, &needles).iter().any(|hit| hit.contains("a text")));
        assert_eq!(found(&data, &needles), Vec::<String>::new(), "an export leaves nothing");
    });
}
