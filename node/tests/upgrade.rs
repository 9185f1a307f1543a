//! Stores that earlier releases wrote open in this one, with everything in them.
//!
//! `golden/store-N/` holds, for each version of the store's layout, a small data directory as the
//! release wrote it (`data/`), and what this program must make of it (`export`). Whoever changes a
//! record adds the next one: `ROOKERY_WRITE_GOLDEN=N cargo test -p rookery --test upgrade` makes
//! it with the present program.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keys::PublicKey;
use node_core::{Core, DialogQuery, HistoryQuery, PeerId, Registration, UserId};
use node_store::{SledStore, Store};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rookery_load::{Client, Invite, Member};
use support::node::{Setup, TestNode, binary, copy_directory};
use tl::{enums, functions as f};

#[allow(dead_code, reason = "shared with the tests that drive published clients")]
#[path = "support/mod.rs"]
mod support;

const LAYER: i32 = 230;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Every `store-N` there is.
fn stores() -> Vec<PathBuf> {
    let entries = fs::read_dir(golden()).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries.filter(|path| path.join("data").is_dir()).collect();
    found.sort();
    found
}

fn exported(store: &dyn Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    node_store::export(store, &mut bytes).unwrap();
    bytes
}

/// The stamp is only taken for a new store.
fn open(data: &Path) -> SledStore {
    SledStore::open(data, [0; 16]).unwrap()
}

#[test]
fn every_store_of_an_earlier_release_opens_with_all_that_is_in_it() {
    if let Ok(number) = std::env::var("ROOKERY_WRITE_GOLDEN") {
        write(&golden().join(format!("store-{number}")));
    }
    assert!(!stores().is_empty());
    for golden in stores() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        copy_directory(&golden.join("data"), &data);
        let store = open(&data);
        let expected = fs::read(golden.join("export")).unwrap();
        assert!(exported(&store) == expected, "{}: the export differs", golden.display());
        drop(store);
        reads_the_conversation(&data);
        // The program itself starts on it.
        let data = Some(golden.join("data"));
        let node = TestNode::start_with(Setup { data, ..Setup::default() });
        assert!(node.owner.is_none(), "it has an owner already");
    }
}

/// What [`write()`] let two members say.
#[tokio::main(flavor = "current_thread")]
async fn reads_the_conversation(data: &Path) {
    let core = Core::open(node_core::Setup {
        stamp: [0; 16],
        store: Arc::new(open(data)),
        clock: Arc::new(|| 1_800_000_000_000),
        registration: Registration::Invite,
        access_secret: [0; 32],
        log_keys: node_core::LogKeys::generate(&mut StdRng::seed_from_u64(2)),
        master: std::sync::Arc::new(keys::MasterKey::from_file_bytes(&[0; 32]).unwrap()),
        can_mail: false,
        requires_email: false,
        has_login_page: false,
        one_device_per_kind: false,
        reaches_numbers: false,
        quotas: node_core::Quotas::default(),
        keep_s: 0,
        follow_s: node_core::FOLLOW_S,
    })
    .unwrap();
    let (ada, bob) = (UserId(1_000_001), UserId(1_000_002));
    let query = HistoryQuery { limit: 100, ..HistoryQuery::default() };
    let page = core.history(bob, PeerId::User(ada), query).await.unwrap();
    let texts: Vec<_> = page
        .messages
        .iter()
        .map(|stored| {
            (stored.message.text.as_str(), stored.message.edited != 0, stored.message.out)
        })
        .collect();
    assert_eq!(
        texts,
        [("unread", false, false), ("answer", false, true), ("edited", true, false)],
        "the deleted one is gone"
    );
    let dialogs =
        core.dialogs(bob, DialogQuery { limit: 10, ..DialogQuery::default() }).await.unwrap();
    assert_eq!(dialogs.dialogs[0].unread, 1);
    let view = core.view(ada, bob).unwrap().unwrap();
    assert_eq!(view.user.username.as_deref(), Some("bob_the_first"));
    assert!(view.contact.is_some() && !view.mutual);
    assert_eq!(core.authorizations(ada).await.unwrap().len(), 1);
    core.close();
}

/// Makes a golden directory with the present program.
fn write(to: &Path) {
    fs::remove_dir_all(to).ok();
    let rng = &mut StdRng::seed_from_u64(1);
    let mut node = TestNode::start();
    let public = PublicKey::from_pem(&fs::read_to_string(node.pem()).unwrap()).unwrap();
    let owner = node.owner.clone().unwrap();
    let invite = node.invite();
    let mut join = |phone: String, code: String, name: &str| {
        let client = Client::connect(node.mtproto, &public, 2, rng).unwrap();
        Member::join(client, &Invite { phone, code }, name, rng).unwrap()
    };
    let mut ada = join(owner.0, owner.1, "Ada");
    let mut bob = join(invite.0, invite.1, "Bob");
    let to_bob = ada.find(&[&bob.phone], rng).unwrap().remove(0);
    let username = f::account::UpdateUsername { username: "bob_the_first".into() };
    bob.client.invoke(&username, LAYER, rng).unwrap();
    let mut say = |member: &mut Member, to: &enums::InputPeer, text: &str, random_id: i64| {
        let message = f::messages::SendMessage {
            peer: to.clone(),
            message: text.into(),
            random_id,
            ..Default::default()
        };
        match member.client.invoke(&message, LAYER, rng).unwrap() {
            enums::Updates::Updates(sent) => match &sent.updates[0] {
                enums::Update::UpdateMessageId(id) => (id.id, sent.users.clone()),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    let (first, _) = say(&mut ada, &to_bob, "first", 1);
    let (gone, _) = say(&mut ada, &to_bob, "deleted", 2);
    let own: enums::InputPeer = tl::types::InputPeerSelf {}.into();
    say(&mut ada, &own, "a note", 3);
    let dialogs = f::messages::GetDialogs { limit: 10, ..Default::default() };
    let enums::messages::Dialogs::Dialogs(dialogs) =
        bob.client.invoke(&dialogs, LAYER, &mut StdRng::seed_from_u64(2)).unwrap()
    else {
        panic!("not all dialogs")
    };
    let to_ada = dialogs.users.iter().find_map(|user| match user {
        enums::User::User(user) if user.id == ada.user_id => user
            .access_hash
            .map(|access_hash| tl::types::InputPeerUser { user_id: user.id, access_hash }.into()),
        _ => None,
    });
    let to_ada: enums::InputPeer = to_ada.unwrap();
    say(&mut bob, &to_ada, "answer", 4);
    let rng = &mut StdRng::seed_from_u64(3);
    let read = f::messages::ReadHistory { peer: to_ada, max_id: 0 };
    bob.client.invoke(&read, LAYER, rng).unwrap();
    let edit = f::messages::EditMessage {
        peer: to_bob.clone(),
        id: first,
        message: Some("edited".into()),
        ..Default::default()
    };
    ada.client.invoke(&edit, LAYER, rng).unwrap();
    let delete = f::messages::DeleteMessages { revoke: true, id: vec![gone] };
    ada.client.invoke(&delete, LAYER, rng).unwrap();
    let unread = f::messages::SendMessage {
        peer: to_bob,
        message: "unread".into(),
        random_id: 5,
        ..Default::default()
    };
    ada.client.invoke(&unread, LAYER, rng).unwrap();
    assert!(node.stop().success());
    copy_directory(&node.data(), &to.join("data"));
    for passing in ["ready.json", "STORE.lock"] {
        fs::remove_file(to.join("data").join(passing)).ok();
    }
    let copy = tempfile::tempdir().unwrap();
    copy_directory(&to.join("data"), copy.path());
    fs::write(to.join("export"), exported(&open(copy.path()))).unwrap();
}

fn rookery(arguments: &[&str], data: &Path) -> (bool, String) {
    let mut command = std::process::Command::new(binary());
    command.args(arguments).arg("--data").arg(data);
    let done = support::process::run(&mut command, std::time::Duration::from_secs(60));
    (done.status.success(), done.stdout + &done.stderr)
}

/// A store goes through a file into another directory, and is the same; compacting keeps it so.
#[test]
fn a_store_is_carried_over_by_export_and_import() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let (old, new, file) = (path("old"), path("new"), path("all.export"));
    let golden = stores().pop().unwrap();
    copy_directory(&golden.join("data"), &old);
    let to = ["export", "--json", "--to", file.to_str().unwrap()];
    assert!(rookery(&to, &old).0);
    assert_eq!(fs::read(&file).unwrap(), fs::read(golden.join("export")).unwrap());
    let (again, text) = rookery(&to, &old);
    assert!(!again && text.contains("cannot make"), "an export is never written over: {text}");

    let from = ["import", "--json", "--from", file.to_str().unwrap()];
    let (done, text) = rookery(&from, &new);
    assert!(done, "{text}");
    let (again, text) = rookery(&from, &new);
    assert!(!again && text.contains("not empty"), "{text}");
    // Messages are in both: nobody else may read them.
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&new)), (0o600, 0o700));
    fs::copy(old.join("master.key"), new.join("master.key")).unwrap();
    let (done, text) = rookery(&["compact", "--json"], &new);
    assert!(done, "{text}");
    reads_the_conversation(&new);
    // Without a node that runs.
    let (done, text) = rookery(&["reindex", "--json"], &new);
    assert!(done && text.contains("\"done\":true"), "{text}");
    let node = TestNode::start_with(Setup { data: Some(new), ..Setup::default() });
    assert!(node.owner.is_none());
    assert!(node.command(&["stats", "--json"])["users"].as_u64() == Some(3), "with the service");

    // A damaged file writes nothing.
    let mut damaged = fs::read(&file).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&file, damaged).unwrap();
    let third = path("third");
    let (done, text) = rookery(&from, &third);
    assert!(!done, "{text}");
    assert!(!third.exists(), "{text}");
}
