//! What the tests of this crate share: nodes with keys, a group, and short ways to write entries.

use keys::NodeIdentity;
use keys::epoch::EpochSecret;
use keys::sealed::BoxSecret;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::author::{Author, write_control, write_genesis};
use crate::body::{
    Action, Ask, ControlBody, Cut, DataBody, Epoch, Genesis, GroupKind, Post, Readers, Sums, Topic,
    TopicEdit,
};
use crate::cbor::{Blob, List, Text};
use crate::cert::{CertBody, NodeCert};
use crate::control::{Chain, ControlEntry};
use crate::entry::Entry;
use crate::epoch::{EpochPlace, seal_epoch};
use crate::ids::{AskId, EntryRef, GroupId, Node16, NodeId, UserRef};
use crate::rights::Rights;

pub(crate) fn seeded(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// A node with all its keys.
pub(crate) struct TestNode {
    pub(crate) root: NodeIdentity,
    pub(crate) op: NodeIdentity,
    pub(crate) sealing: BoxSecret,
    pub(crate) cert: NodeCert,
    pub(crate) id: NodeId,
    /// Keys that were replaced: for liars.
    pub(crate) old_ops: Vec<(u32, NodeIdentity)>,
}

impl TestNode {
    pub(crate) fn new(rng: &mut StdRng) -> Self {
        let root = NodeIdentity::generate(rng);
        let op = NodeIdentity::generate(rng);
        let sealing = BoxSecret::generate(rng);
        let cert = certificate(&root, &op, &sealing, 1);
        let id = cert.node();
        Self { root, op, sealing, cert, id, old_ops: Vec::new() }
    }

    /// Takes the next operational key.
    pub(crate) fn rotate(&mut self, rng: &mut StdRng) {
        let serial = self.cert.body.serial;
        let op = std::mem::replace(&mut self.op, NodeIdentity::generate(rng));
        self.old_ops.push((serial, op));
        self.cert = certificate(&self.root, &self.op, &self.sealing, serial + 1);
    }

    pub(crate) fn short(&self) -> Node16 {
        self.id.short()
    }

    pub(crate) fn user(&self, id: u64) -> UserRef {
        UserRef { node: self.short(), id }
    }

    pub(crate) fn author(&self) -> Author<'_> {
        Author { node: self.id, serial: self.cert.body.serial, key: &self.op }
    }

    /// An ask of a user of this node, based on this chain.
    pub(crate) fn ask(
        &self,
        chain: &Chain,
        user: u64,
        action: &Action,
        id: u64,
    ) -> crate::body::Evidence {
        let mut ask_id = [0; 16];
        ask_id[..8].copy_from_slice(&id.to_be_bytes());
        let ask = Ask {
            group: chain.group(),
            node: self.id,
            key_serial: self.cert.body.serial,
            user,
            head: chain.cite().unwrap(),
            id: AskId(ask_id),
            kind: action.kind(),
            content: Blob::new(action.encode()).unwrap(),
        };
        let known = chain.state().cert(self.short(), self.cert.body.serial).is_some();
        ask.sign(&self.op, (!known).then(|| self.cert.clone()))
    }
}

fn certificate(
    root: &NodeIdentity,
    op: &NodeIdentity,
    sealing: &BoxSecret,
    serial: u32,
) -> NodeCert {
    let body = CertBody {
        root: *root.public().as_bytes(),
        op: *op.public().as_bytes(),
        x25519: *sealing.public().as_bytes(),
        serial,
        not_before_ms: 0,
        domain: Text::new("node.example").unwrap(),
        addresses: List::default(),
    };
    NodeCert::sign(body, root)
}

/// How a group begins.
pub(crate) struct Start {
    pub(crate) kind: GroupKind,
    pub(crate) public: bool,
    pub(crate) shows_history: bool,
}

pub(crate) const SUPERGROUP: Start =
    Start { kind: GroupKind::Supergroup, public: true, shows_history: true };

/// The Genesis of a group of user 1 of this node, and its first key if it is private.
pub(crate) fn genesis(
    home: &TestNode,
    recovery: &NodeIdentity,
    start: &Start,
    rng: &mut StdRng,
) -> (Entry, Option<EpochSecret>) {
    let secret = (!start.public).then(|| EpochSecret::generate(rng));
    let place = EpochPlace {
        group: GroupId::default(),
        home: home.id,
        generation: Default::default(),
        seq: 0,
    };
    let epoch = secret.as_ref().map(|s| seal_epoch(s, place, &[&home.cert], rng).unwrap());
    let action = Action::Genesis(Box::new(Genesis {
        kind: start.kind,
        public: start.public,
        shows_history: start.shows_history,
        owner: home.user(1),
        recovery: *recovery.public().as_bytes(),
        nonce: [7; 16],
        defaults: Rights::MEMBER,
        cert: home.cert.clone(),
        epoch,
    }));
    let body = ControlBody::bare(action);
    let entry = write_genesis(home.author(), home.user(1), &body, 1_000, rng).unwrap();
    (entry, secret)
}

/// The next control entry of a home, with or without a user of its own.
pub(crate) fn control(
    chain: &Chain,
    home: &TestNode,
    user: Option<UserRef>,
    action: Action,
    rng: &mut StdRng,
) -> ControlEntry {
    let body = ControlBody::bare(action);
    ControlEntry::new(write_control(chain, home.author(), user, &body, 0, rng).unwrap()).unwrap()
}

/// A key for these nodes in the next entry of a chain.
pub(crate) fn epoch(
    place: EpochPlace,
    nodes: &[&NodeCert],
    rng: &mut StdRng,
) -> (Epoch, EpochSecret) {
    let secret = EpochSecret::generate(rng);
    (seal_epoch(&secret, place, nodes, rng).unwrap(), secret)
}

pub(crate) fn text(words: &str) -> DataBody {
    DataBody::Post(Post {
        text: Text::new(words).unwrap(),
        links: false,
        media: List::default(),
        reply_to: None,
        extra: Blob::default(),
    })
}

/// A topic begins.
pub(crate) fn topic(rng: &mut StdRng) -> DataBody {
    let title = Text::new(rng.random_range(0..99u32).to_string()).unwrap();
    DataBody::Topic(Topic { title, icon: Blob::new(vec![rng.random()]).unwrap() })
}

/// Something about a topic, or about the general one.
pub(crate) fn topic_edit(topic: Option<EntryRef>, rng: &mut StdRng) -> DataBody {
    let title = rng.random_bool(0.4).then(|| Text::new(rng.random::<u8>().to_string()).unwrap());
    DataBody::TopicEdit(TopicEdit {
        target: topic.filter(|_| rng.random_bool(0.7)),
        title,
        icon: rng.random_bool(0.2).then(|| Blob::new(vec![rng.random()]).unwrap()),
        closed: rng.random_bool(0.4).then(|| rng.random()),
        hidden: rng.random_bool(0.2).then(|| rng.random()),
        pinned: rng.random_bool(0.2).then(|| rng.random_range(0..3)),
    })
}

/// What readers have said of a message, or how many they are: the home's words, whoever writes them.
pub(crate) fn sums(target: EntryRef, rng: &mut StdRng) -> DataBody {
    let (n, mark) = (rng.random_range(0..5), [rng.random(); 8]);
    let marks = List::new(vec![mark]).unwrap();
    if rng.random_bool(0.3) {
        return DataBody::Readers(Readers { members: n, marks });
    }
    let reactions = List::new(vec![(Text::new("👍").unwrap(), n)]).unwrap();
    let votes = List::new(vec![(1, n)]).unwrap();
    DataBody::Sums(Box::new(Sums { target, reactions, votes, voters: n, views: n, marks }))
}

pub(crate) fn cut(heads: &[EntryRef]) -> Option<Cut> {
    Some(Cut::new(heads.to_vec()).unwrap())
}

/// The seed of this run's fuzzing: `ROOKERY_FUZZ_SEED`.
pub(crate) fn fuzz_seed() -> u64 {
    number("ROOKERY_FUZZ_SEED").unwrap_or(1)
}

/// Rounds of this run's fuzzing: `ROOKERY_FUZZ_ITERATIONS`.
pub(crate) fn fuzz_iterations() -> u64 {
    number("ROOKERY_FUZZ_ITERATIONS").unwrap_or(20_000)
}

pub(crate) fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().unwrap())
}
