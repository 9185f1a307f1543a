//! The vectors of `docs/FEDERATION.md`: made here from fixed seeds, printed there, read from there by
//! `tests/verify.py`, which shares no code with this crate.

use std::fmt::Write as _;

use keys::NodeIdentity;

use crate::author::{recover_place, write_control, write_recover};
use crate::body::{
    Action, AddNode, Ban, ControlBody, Cut, DataBody, Delete, Open, Promote, Recover,
};
use crate::cbor::{List, Text, encode};
use crate::cert::{Opened, RootOpening};
use crate::control::{Chain, ControlEntry};
use crate::entry::Entry;
use crate::epoch::open_epoch;
use crate::ids::{EntryRef, Hash16};
use crate::pair::Pair;
use crate::replica::Replica;
use crate::rights::Rights;
use crate::testing::{SUPERGROUP, Start, TestNode, cut, epoch, genesis, seeded, text};

/// Where the vectors begin and end in the document.
const BEGIN: &str = "```vectors\n";
const END: &str = "```\n";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn vectors() -> String {
    let mut rng = seeded(2026);
    let (home, other) = (TestNode::new(&mut rng), TestNode::new(&mut rng));
    let recovery = NodeIdentity::generate(&mut rng);
    let start = Start { public: false, ..SUPERGROUP };
    let (first, secret) = genesis(&home, &recovery, &start, &mut rng);
    let mut replica = Replica::new(home.id, first.clone(), 8).unwrap();
    let mut lines = Vec::new();
    let mut line = |name: &str, bytes: &[u8]| lines.push(format!("{name} {}", hex(bytes)));
    line("home.x25519_secret", &*home.sealing.secret_bytes());
    line("home.node_id", &home.id.0);
    line("home.cert", &encode(&home.cert));
    line("other.x25519_secret", &*other.sealing.secret_bytes());
    line("other.cert", &encode(&other.cert));
    line("recovery.public", recovery.public().as_bytes());
    line("genesis.entry", &first.encode());
    line("genesis.secret", secret.unwrap().secret_bytes());

    let write = |replica: &mut Replica, user, body: ControlBody| -> Entry {
        let author = home.author();
        let entry =
            write_control(replica.chain(), author, user, &body, 1_700_000_000_000, &mut seeded(1))
                .unwrap();
        replica.receive(entry.clone(), 0).unwrap();
        assert_eq!(replica.chain().verdicts().last(), Some(&crate::control::Verdict::Applied));
        entry
    };
    let certs = [&home.cert, &other.cert];
    let (key, secret) = epoch(replica.chain().next_place(), &certs, &mut rng);
    let add = AddNode { cert: other.cert.clone(), first_inc: 0, epoch: Some(key) };
    let added = write(&mut replica, None, ControlBody::bare(Action::AddNode(Box::new(add))));
    line("add_node.entry", &added.encode());
    line("add_node.secret", secret.secret_bytes());
    let read = ControlEntry::new(added.clone()).unwrap();
    let opened = open_epoch(&read, other.short(), &other.sealing).unwrap();
    assert_eq!(opened.secret_bytes(), secret.secret_bytes());
    replica.learn_key(added.id().short(), secret);

    let post = replica
        .write_data(home.author(), 0, 1, &text("hello, rooks"), 1_700_000_000_000, &mut seeded(2))
        .unwrap();
    replica.receive(post.clone(), 0).unwrap();
    line("post.entry", &post.encode());

    let rank = Text::new("rook").unwrap();
    let promote = Promote { user: other.user(2), rights: Rights::BAN, rank, cut: None };
    let promote = Action::Promote(promote);
    write(&mut replica, Some(home.user(1)), ControlBody::bare(promote));
    let head = EntryRef { node: home.short(), inc: 0, seq: 0, hash: post.id().short() };
    line("cut", &encode(&cut(&[head]).unwrap()));
    let ban = Action::Ban(Ban { user: home.user(3), cut: cut(&[head]) });
    let ask = other.ask(replica.chain(), 2, &ban, 1);
    line("ask", &encode(&ask));
    let banned = write(&mut replica, Some(other.user(2)), ControlBody::answering(ban, ask));
    line("ban.entry", &banned.encode());

    let opened =
        Opened { group: replica.chain().group(), node: home.id, inc: 1, previous: Some(head) };
    let root = Some(RootOpening::sign(&opened, &home.root));
    let open = Open { cert: Some(home.cert.clone()), previous: Some(head), root };
    let open = DataBody::Open(Box::new(open));
    let open = replica.write_data(home.author(), 1, 0, &open, 1_700_000_000_000, &mut seeded(3));
    line("open.entry", &open.unwrap().encode());
    line("recover.entry", &recovered(replica.chain(), &other, &home, &recovery).encode());

    let mut pair = Pair::new((home.id, 1), (other.id, 2), 8);
    pair.learn_cert(home.cert.clone());
    pair.learn_cert(other.cert.clone());
    line("pair.group", &pair.group().0);
    let mut say = |node: &TestNode, body: &DataBody, seed| {
        let author = node.author();
        let entry = pair.write(author, 0, body, 1_700_000_000_000, &mut seeded(seed)).unwrap();
        pair.receive(entry.clone(), 0).unwrap();
        entry
    };
    let post = say(&home, &text("hello, rook"), 5);
    line("pair.post.entry", &post.encode());
    let target = EntryRef { node: home.short(), inc: 0, seq: 0, hash: post.id().short() };
    let gone = say(&other, &DataBody::Delete(Delete { target }), 6);
    line("pair.delete.entry", &gone.encode());
    assert!(pair.messages().is_empty());
    lines.join("\n") + "\n"
}

fn recovered(chain: &Chain, next: &TestNode, old: &TestNode, recovery: &NodeIdentity) -> Entry {
    let mut rng = seeded(4);
    let place = recover_place(chain, 1, 1, next.id).unwrap();
    let (key, _) = epoch(place, &[&next.cert], &mut rng);
    let body = Recover {
        keep: chain.at(1).unwrap().id().0,
        cert: next.cert.clone(),
        drop: List::new(vec![(old.short(), Cut::default())]).unwrap(),
        certs: List::default(),
        epoch: Some(key),
        undo: true,
        owner: Some(next.user(1)),
        recovery: None,
    };
    let body = ControlBody::bare(Action::Recover(Box::new(body)));
    let entry = write_recover(chain, 1, 1, (next.id, 1), &body, recovery, &mut rng).unwrap();
    let mut copy = chain.clone();
    copy.offer(ControlEntry::new(entry.clone()).unwrap()).unwrap();
    assert_eq!(copy.state().home, next.id);
    assert_ne!(copy.state().generation.act, Hash16::default());
    entry
}

/// The document shows what this crate writes. `ROOKERY_WRITE_VECTORS=1` writes it.
#[test]
fn the_document_has_these_vectors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/FEDERATION.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (shown, after) = rest.split_once(END).unwrap();
    let made = vectors();
    if std::env::var_os("ROOKERY_WRITE_VECTORS").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{made}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(shown, made);
}
