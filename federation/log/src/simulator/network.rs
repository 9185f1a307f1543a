//! Nodes, clocks and what lies between them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use keys::NodeIdentity;
use rand::RngExt;
use rand::rngs::StdRng;

use super::checks;
use crate::body::{Action, Evidence, GroupKind};
use crate::entry::{Entry, gossip_id};
use crate::epoch::open_epoch;
use crate::header::Lane;
use crate::ids::{EntryId, EntryRef, Node16};
use crate::replica::{Event, Rejected, Replica};
use crate::testing::{Start, TestNode, genesis, seeded};

/// Entries that may wait on a node: few, so that the bound is met.
pub(super) const PENDING: usize = 24;
const YEARS_10_MS: i64 = 10 * 365 * 86_400_000;

/// What can be on its way.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Message {
    Entry(Vec<u8>),
    /// Bytes of an ask's place in `Sim::asks`.
    Ask(usize),
}

/// When it arrives, its number, from whom, to whom.
type Sent = (i64, usize, usize, usize, Message);

/// What happened in runs, so that a test can see that it happened.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    pub(super) posts: u64,
    pub(super) control: u64,
    pub(super) recovers: u64,
    pub(super) lane_forks: u64,
    pub(super) control_forks: u64,
    pub(super) settles: u64,
    pub(super) removed: u64,
    pub(super) gaps: u64,
    pub(super) dropped: u64,
    pub(super) void: u64,
    pub(super) restores: u64,
    pub(super) moves: u64,
    pub(super) lies: u64,
    pub(super) forged: u64,
    /// Messages that show an edit by somebody else than their author.
    pub(super) edited: u64,
}

impl Seen {
    fn all(&self) -> [u64; 15] {
        [
            self.posts,
            self.control,
            self.recovers,
            self.lane_forks,
            self.control_forks,
            self.settles,
            self.removed,
            self.gaps,
            self.dropped,
            self.void,
            self.restores,
            self.moves,
            self.lies,
            self.forged,
            self.edited,
        ]
    }

    pub(super) fn add(&mut self, run: &Self) {
        self.posts += run.posts;
        self.control += run.control;
        self.recovers += run.recovers;
        self.lane_forks += run.lane_forks;
        self.control_forks += run.control_forks;
        self.settles += run.settles;
        self.removed += run.removed;
        self.gaps += run.gaps;
        self.dropped += run.dropped;
        self.void += run.void;
        self.restores += run.restores;
        self.moves += run.moves;
        self.lies += run.lies;
        self.forged += run.forged;
        self.edited += run.edited;
    }

    /// Nothing that the checks are about is missing from the runs.
    pub(super) fn assert_lively(&self) {
        assert!(self.all().iter().all(|count| *count > 5), "{self:?}");
    }
}

/// What a broken disk is replaced by: a replica, what it holds, and what of that is unverified.
pub(super) type Backup = (Replica, BTreeMap<EntryId, Entry>, BTreeMap<EntryRef, Entry>);

/// One node of the group.
pub(super) struct SimNode {
    pub(super) keys: TestNode,
    pub(super) replica: Replica,
    /// Everything that it holds: what a restart reads and what peers fetch.
    pub(super) store: BTreeMap<EntryId, Entry>,
    pub(super) inc: u32,
    /// Whether the incarnation was begun and waits for its Open.
    pub(super) opens: bool,
    pub(super) skew_ms: i64,
    pub(super) evil: bool,
    pub(super) dead: bool,
    /// Whether its disk broke, and an older state was restored.
    pub(super) broke: bool,
    /// What gossip calls the payloads that came, and their whole hashes.
    pub(super) gossip_seen: BTreeMap<[u8; 20], blake3::Hash>,
    /// What a forked lane did not take, and at which control head: not asked for again until that
    /// changes, or the replica is an older one.
    pub(super) refused: BTreeMap<EntryId, EntryId>,
    /// Waits for its author's key: never served.
    pub(super) unverified: BTreeMap<EntryRef, Entry>,
    pub(super) backup: Option<Box<Backup>>,
}

/// A group, its nodes and the network.
pub(super) struct Sim {
    pub(super) rng: StdRng,
    pub(super) nodes: Vec<SimNode>,
    pub(super) recovery: NodeIdentity,
    pub(super) asks: Vec<(usize, u64, Action, Evidence)>,
    pub(super) now_ms: i64,
    queue: BinaryHeap<Reverse<Sent>>,
    sent: usize,
    /// Which side of a partition each node is on.
    pub(super) sides: Vec<u8>,
    loss: f64,
    /// Everything that an honest node said and made durable.
    pub(super) said: BTreeMap<EntryRef, EntryId>,
    pub(super) seen: Seen,
    /// Whether the home lies in this run.
    pub(super) lying_home: bool,
    pub(super) healed: bool,
    /// Whether liars write twins: their lanes are soon closed, and other lies then do not get far.
    pub(super) twins: bool,
}

impl Sim {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = seeded(seed);
        let keys: Vec<_> = (0..4).map(|_| TestNode::new(&mut rng)).collect();
        let recovery = NodeIdentity::generate(&mut rng);
        let kind = if rng.random_bool(0.8) { GroupKind::Supergroup } else { GroupKind::Channel };
        let public = rng.random_bool(0.5);
        let start = Start { kind, public, shows_history: rng.random_bool(0.7) };
        let (first, secret) = genesis(&keys[0], &recovery, &start, &mut rng);
        let lying_home = rng.random_bool(0.2);
        let twins = rng.random_bool(0.5);
        let lying_node = rng.random_bool(0.6);
        let id = crate::ids::Hash16(std::array::from_fn(|i| first.id().0[i]));
        let mut nodes = Vec::new();
        for (index, keys) in keys.into_iter().enumerate() {
            let mut replica = Replica::new(keys.id, first.clone(), PENDING).unwrap();
            if let (0, Some(secret)) = (index, &secret) {
                replica.learn_key(id, secret.clone());
            }
            nodes.push(SimNode {
                replica,
                store: BTreeMap::from([(first.id(), first.clone())]),
                inc: 0,
                opens: false,
                skew_ms: rng.random_range(-YEARS_10_MS..YEARS_10_MS),
                evil: (index == 0 && lying_home) || (index == 3 && lying_node),
                dead: false,
                broke: false,
                gossip_seen: BTreeMap::new(),
                unverified: BTreeMap::new(),
                refused: BTreeMap::new(),
                backup: None,
                keys,
            });
        }
        let loss = rng.random_range(0.0..0.4);
        let mut sim = Self {
            rng,
            nodes,
            recovery,
            asks: Vec::new(),
            now_ms: 2_000_000_000_000,
            queue: BinaryHeap::new(),
            sent: 0,
            sides: vec![0; 4],
            loss,
            said: BTreeMap::new(),
            seen: Seen::default(),
            lying_home,
            healed: false,
            twins,
        };
        for node in 1..4 {
            sim.add_node(0, node, 0);
        }
        if sim.chance(0.5) {
            sim.appoint_first();
        }
        for node in 1..4 {
            sim.sync(0, node);
        }
        sim
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.rng.random_bool(probability)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.rng.random_range(0..bound)
    }

    /// What a node's own clock says.
    pub(super) fn clock(&self, node: usize) -> u64 {
        (self.now_ms + self.nodes[node].skew_ms).try_into().unwrap_or(0)
    }

    /// A node's number by its name.
    pub(super) fn index(&self, id: Node16) -> Option<usize> {
        self.nodes.iter().position(|node| node.keys.short() == id)
    }

    /// The home, as a node sees it.
    pub(super) fn home_of(&self, node: usize) -> usize {
        let home = self.nodes[node].replica.chain().state().home.short();
        self.index(home).expect("the home is one of the nodes")
    }

    pub(super) fn connected(&self, a: usize, b: usize) -> bool {
        self.sides[a] == self.sides[b] && !self.nodes[a].dead && !self.nodes[b].dead
    }

    /// Sends to everybody, lossily.
    pub(super) fn push(&mut self, from: usize, entry: &Entry) {
        for to in 0..self.nodes.len() {
            if to != from {
                self.send(from, to, Message::Entry(entry.encode()));
            }
        }
    }

    pub(super) fn send(&mut self, from: usize, to: usize, message: Message) {
        for _ in 0..if self.chance(0.1) { 2 } else { 1 } {
            let lost = self.chance(self.loss) || !self.connected(from, to);
            if !lost {
                let at = self.now_ms + self.rng.random_range(1..3_000);
                self.sent += 1;
                self.queue.push(Reverse((at, self.sent, from, to, message.clone())));
            }
        }
    }

    /// Time passes, and what is due arrives.
    pub(super) fn pass(&mut self, ms: i64) {
        self.now_ms += ms;
        while let Some(Reverse((at, ..))) = self.queue.peek() {
            if *at > self.now_ms {
                break;
            }
            let Some(Reverse((_, _, from, to, message))) = self.queue.pop() else { break };
            if self.nodes[to].dead {
                continue;
            }
            match message {
                Message::Entry(bytes) => self.gossip(from, to, &bytes),
                Message::Ask(ask) => self.answer(to, ask),
            }
        }
        for node in 0..self.nodes.len() {
            if !self.nodes[node].dead {
                let now_ms = self.clock(node);
                let events = self.nodes[node].replica.tick(now_ms);
                self.follow(node, events);
            }
        }
    }

    /// A payload comes by gossip: one that was seen before is not looked at again.
    fn gossip(&mut self, from: usize, to: usize, bytes: &[u8]) {
        let (id, hash) = (gossip_id(bytes), blake3::hash(bytes));
        if let Some(seen) = self.nodes[to].gossip_seen.insert(id, hash) {
            assert_eq!(seen, hash, "a true entry was taken for a repetition");
            return;
        }
        if let Ok(entry) = Entry::decode(bytes) {
            self.receive(to, entry, Some(from));
        }
    }

    /// A node takes an entry, from a peer or from itself.
    pub(super) fn receive(&mut self, to: usize, entry: Entry, from: Option<usize>) {
        let now_ms = self.clock(to);
        let would = checks::foretold(self.nodes[to].replica.chain(), &entry);
        let received = self.nodes[to].replica.receive(entry.clone(), now_ms);
        if let Some(would) = would {
            checks::came_true(self.nodes[to].replica.chain(), &entry, would, &received);
        }
        match received {
            Ok(events) => {
                let header = entry.header();
                if let Some(inc) = header.inc() {
                    let (node, hash) = (header.node.short(), entry.id().short());
                    let at = EntryRef { node, inc, seq: header.seq, hash };
                    let waits = events.iter().any(|e| matches!(e, Event::Unverified(_)));
                    let at_node = &mut self.nodes[to];
                    let delivered =
                        |e: &Event| matches!(e, Event::Delivered { at: a, .. } if *a == at);
                    if waits {
                        at_node.unverified.insert(at, entry);
                    } else if events.iter().any(delivered) {
                        at_node.unverified.remove(&at);
                        at_node.store.insert(entry.id(), entry);
                    } else if !at_node.unverified.contains_key(&at) {
                        // What was known may have come again with another signature.
                        at_node.store.entry(entry.id()).or_insert(entry);
                    }
                }
                self.follow(to, events);
                let node = &mut self.nodes[to];
                for entry in node.replica.chain().entries() {
                    node.store.entry(entry.id()).or_insert_with(|| entry.entry().clone());
                }
            }
            // Signed, and not wanted now: a peer may ask for it once the home has decided.
            Err(Rejected::Frozen | Rejected::Control(crate::control::Refused::Disputed)) => {
                let head = self.nodes[to].replica.chain().state().head.1;
                self.nodes[to].refused.insert(entry.id(), head);
                self.nodes[to].store.insert(entry.id(), entry);
            }
            Err(Rejected::Signature) => {
                self.seen.forged += 1;
                let by_honest = from.is_some_and(|from| !self.nodes[from].evil);
                assert!(
                    !by_honest,
                    "an honest node is blamed for a forgery: {entry:?} {from:?} never arrived on {to}"
                );
            }
            Err(_) => {}
        }
    }

    fn follow(&mut self, node: usize, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Forked(fork) => {
                    let who = self.index(fork.ours.node).unwrap();
                    assert!(
                        self.nodes[who].evil,
                        "an honest node has forked its lane: {who} {:?} {:?} {}",
                        fork.ours, fork.rival, fork.pinned
                    );
                    self.seen.lane_forks += 1;
                    let rival = *fork.rival;
                    let head = self.nodes[node].replica.chain().state().head.1;
                    self.nodes[node].refused.insert(rival.id(), head);
                    self.nodes[node].store.insert(rival.id(), rival);
                }
                Event::Disputed(_) => self.seen.control_forks += 1,
                Event::Delivered { gap, at, .. } => {
                    self.seen.gaps += u64::from(gap);
                    if let Some(entry) = self.nodes[node].unverified.remove(&at) {
                        self.nodes[node].store.insert(entry.id(), entry);
                    }
                }
                Event::Dropped(at) => {
                    self.seen.dropped += 1;
                    self.nodes[node].unverified.remove(&at);
                }
                Event::Forged(at) => drop(self.nodes[node].unverified.remove(&at)),
                _ => {}
            }
        }
        let pending = self.nodes[node].replica.pending();
        assert!(pending <= PENDING, "{pending} entries wait");
        self.open_boxes(node);
    }

    /// A node opens what is sealed to it.
    fn open_boxes(&mut self, node: usize) {
        let at = &mut self.nodes[node];
        for id in at.replica.missing_keys() {
            let carried = at.replica.chain().entries().iter().find(|e| e.id().short() == id);
            let secret = carried.and_then(|e| open_epoch(e, at.keys.short(), &at.keys.sealing));
            if let Some(secret) = secret {
                at.replica.learn_key(id, secret);
            }
        }
    }

    /// Two nodes compare what they hold, and each fetches what it lacks: certificates and control
    /// first, lanes in order, keys last. A liar withholds some of it while nobody forces it to speak.
    pub(super) fn sync(&mut self, a: usize, b: usize) {
        for (from, to) in [(a, b), (b, a)] {
            let certs: Vec<_> = self.nodes[from].replica.certs().cloned().collect();
            for cert in certs {
                let now_ms = self.clock(to);
                let events = self.nodes[to].replica.learn_cert(cert, now_ms);
                self.follow(to, events);
            }
            let mut wanted: Vec<Entry> = self.nodes[from].store.values().cloned().collect();
            wanted.sort_by_key(|entry| {
                let header = entry.header();
                (matches!(header.lane, Lane::Data { .. }), header.node, header.inc(), header.seq)
            });
            let withholds = self.nodes[from].evil && !self.healed;
            // Control in the order of the chain, whoever wrote it.
            wanted.sort_by_key(|entry| match entry.header().lane {
                Lane::Control { .. } => (0, entry.header().seq),
                Lane::Data { .. } => (1, 0),
            });
            for entry in wanted {
                if withholds && self.chance(0.3) {
                    continue;
                }
                let head = self.nodes[to].replica.chain().state().head.1;
                let refused = self.nodes[to].refused.get(&entry.id()) == Some(&head);
                if !refused && !self.has(to, &entry) {
                    self.receive(to, entry, Some(from));
                }
            }
            self.fetch_wanted(from, to);
            for id in self.nodes[to].replica.missing_keys() {
                let short = self.nodes[to].keys.short();
                let peer = &self.nodes[from].replica;
                let secret =
                    peer.key(&id).filter(|_| peer.chain().may_have_key(short, id)).cloned();
                if let Some(secret) = secret {
                    self.nodes[to].replica.learn_key(id, secret);
                }
            }
        }
    }

    /// A node asks for entries by their names, as long as its peer has them.
    fn fetch_wanted(&mut self, from: usize, to: usize) {
        let named = |entry: &&Entry, at: &EntryRef| {
            let header = entry.header();
            let lane = (header.node.short(), header.inc(), header.seq);
            lane == (at.node, Some(at.inc), at.seq) && entry.id().short() == at.hash
        };
        loop {
            let wanted = self.nodes[to].replica.wanted();
            let store = &self.nodes[from].store;
            let found = wanted.iter().find_map(|at| store.values().find(|entry| named(entry, at)));
            let Some(entry) = found.cloned() else { return };
            self.receive(to, entry, Some(from));
            if self.nodes[to].replica.wanted() == wanted {
                return;
            }
        }
    }

    /// Whether a node has delivered an entry, or has it on its chain.
    pub(super) fn has(&self, node: usize, entry: &Entry) -> bool {
        let header = entry.header();
        let replica = &self.nodes[node].replica;
        match header.inc() {
            Some(inc) => {
                let (node, hash) = (header.node.short(), entry.id().short());
                replica.id_of(&EntryRef { node, inc, seq: header.seq, hash }).is_some()
            }
            None => replica.chain().at(header.seq).is_some_and(|at| at.id() == entry.id()),
        }
    }

    /// The network becomes whole, liars stop, what the home had to decide is decided, and everybody
    /// asks everybody until nothing is new.
    pub(super) fn heal(&mut self) {
        self.sides = vec![0; self.nodes.len()];
        self.loss = 0.0;
        self.healed = true;
        self.meet();
        self.recover_if_needed();
        self.meet();
        for _ in 0..3 {
            self.settle_forks();
            self.meet();
        }
    }

    fn meet(&mut self) {
        self.pass(40_000);
        for _ in 0..8 {
            let before = self.fingerprint();
            for a in 0..self.nodes.len() {
                for b in a + 1..self.nodes.len() {
                    if self.connected(a, b) {
                        self.sync(a, b);
                    }
                }
            }
            self.pass(40_000);
            if self.fingerprint() == before {
                break;
            }
        }
    }

    fn fingerprint(&self) -> Vec<(usize, u64, EntryId, usize)> {
        let each = |node: &SimNode| {
            let replica = &node.replica;
            let head = replica.chain().state().head;
            let held = replica.lanes().entries().count();
            (held, head.0, head.1, replica.missing_keys().len())
        };
        self.nodes.iter().map(each).collect()
    }
}
