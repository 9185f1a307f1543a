//! The simulated network.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use glog::cbor::List;
use glog::{Entry, GroupId, Lane, NodeId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::*;
use super::world::{self, Copy, Keys, World};
use crate::frames::{HeadsFrame, page};

/// After so long a request that was lost has failed.
const TIMEOUT_MS: u64 = 3_000;

pub(super) struct Node {
    pub(super) keys: Keys,
    pub(super) sync: Sync,
    pub(super) copies: BTreeMap<GroupId, Copy>,
    pub(super) shared: BTreeMap<GroupId, BTreeSet<usize>>,
    /// Serves entries with a byte changed.
    pub(super) forges: bool,
    /// Says that it has more than it has.
    pub(super) boasts: bool,
    /// Answers no fetch.
    pub(super) withholds: bool,
    /// Takes nothing.
    pub(super) full: bool,
    /// It keeps nothing of a lane before it has learned certificates, as pairs do.
    pub(super) unlearned: bool,
    /// Entries that it did not keep for that.
    pub(super) dropped: usize,
    pub(super) faults: BTreeMap<NodeId, u32>,
    pub(super) fetched: Vec<(GroupId, Result<(), FetchError>)>,
    /// What it was told of groups before it was handed anything, and how much of anything it had by then.
    pub(super) begun: Vec<(GroupId, BTreeSet<EntryRef>, usize)>,
    pub(super) entry_bytes: usize,
    pub(super) requests: usize,
    /// The most entries that it was handed at once.
    pub(super) handed_max: usize,
}

#[derive(Debug)]
pub(super) enum Happens {
    Request { from: usize, to: usize, ticket: u64, request: Vec<u8> },
    Response { from: usize, to: usize, ticket: u64, response: Vec<u8> },
    Answer { node: usize, ticket: u64, answer: Answer },
    Fails { node: usize, ticket: u64 },
}

pub(super) struct Net {
    pub(super) nodes: Vec<Node>,
    pub(super) queue: BinaryHeap<Reverse<(u64, u64, usize)>>,
    pub(super) happens: Vec<Option<Happens>>,
    pub(super) links: BTreeSet<(usize, usize)>,
    pub(super) now_ms: u64,
    pub(super) next_tick: u64,
    pub(super) loss: f64,
    pub(super) latency_ms: u64,
    pub(super) rng: StdRng,
}

impl Net {
    pub(super) fn new(count: usize, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let nodes = (0..count).map(|_| {
            let keys = Keys::new(&mut rng);
            let limits = Limits {
                ask: crate::Rate { requests: 100_000, bytes: 1 << 30 },
                pace: crate::Pace { at_once: 300, ..crate::Pace::default() },
                ..Limits::default()
            };
            Node {
                sync: Sync::new(keys.id, limits),
                keys,
                copies: BTreeMap::new(),
                shared: BTreeMap::new(),
                forges: false,
                boasts: false,
                withholds: false,
                full: false,
                unlearned: false,
                dropped: 0,
                faults: BTreeMap::new(),
                fetched: Vec::new(),
                begun: Vec::new(),
                entry_bytes: 0,
                requests: 0,
                handed_max: 0,
            }
        });
        Self {
            nodes: nodes.collect(),
            queue: BinaryHeap::new(),
            happens: Vec::new(),
            links: BTreeSet::new(),
            now_ms: 1,
            next_tick: 0,
            loss: 0.0,
            latency_ms: 40,
            rng,
        }
    }

    /// A group that all these nodes are members of, with its control chain on all of them.
    pub(super) fn group(&mut self, members: &[usize], public: bool) -> World {
        let keys: Vec<&Keys> = members.iter().map(|i| &self.nodes[*i].keys).collect();
        let world = world::group(&keys, public, &mut self.rng);
        for i in members {
            let node = &mut self.nodes[*i];
            node.copies.insert(world.id, Copy::of(node.keys.id, &world));
            node.shared.insert(world.id, members.iter().copied().collect());
        }
        world
    }

    pub(super) fn post(&mut self, node: usize, group: GroupId, count: usize) -> Vec<Vec<u8>> {
        let mut said = Vec::new();
        for i in 0..count {
            let Node { keys, copies, .. } = &mut self.nodes[node];
            let copy = copies.get_mut(&group).unwrap();
            said.push(copy.post(keys, &format!("{node}: {i}"), &mut self.rng));
        }
        self.nodes[node].sync.changed(group, false, self.now_ms);
        said
    }

    /// One node's words come to another unasked; how many of them were taken.
    pub(super) fn gossip(
        &mut self,
        from: usize,
        to: usize,
        group: GroupId,
        said: &[Vec<u8>],
    ) -> usize {
        let (peer, now_ms) = (self.nodes[from].keys.id, self.now_ms);
        let by = author(&said[0]).unwrap();
        let Node { sync, copies, .. } = &mut self.nodes[to];
        let taken = sync.admits(group, by, peer, said, now_ms);
        let (fresh, rejected) = copies.get_mut(&group).unwrap().receive(&said[..taken], now_ms);
        assert_eq!(rejected, 0);
        sync.took(by, peer, taken, fresh as usize, now_ms);
        if fresh > 0 {
            sync.changed(group, true, now_ms);
        }
        self.flush(to);
        taken
    }

    /// How many of one node's words are at another.
    pub(super) fn words(&self, of: usize, at: usize, group: &GroupId) -> u64 {
        let by = self.nodes[of].keys.id.short();
        let heads = self.heads(at, group).unwrap();
        heads.lanes.iter().find(|head| head.node == by).map_or(0, |head| head.seq + 1)
    }

    pub(super) fn connect(&mut self, a: usize, b: usize) {
        if self.links.insert((a.min(b), a.max(b))) {
            for (a, b) in [(a, b), (b, a)] {
                let peer = self.nodes[b].keys.id;
                self.nodes[a].sync.connected(peer, self.now_ms, &mut self.rng);
                self.flush(a);
            }
        }
    }

    pub(super) fn disconnect(&mut self, a: usize, b: usize) {
        if self.links.remove(&(a.min(b), a.max(b))) {
            for (a, b) in [(a, b), (b, a)] {
                let peer = self.nodes[b].keys.id;
                self.nodes[a].sync.gone(peer, self.now_ms);
                self.flush(a);
            }
        }
    }

    pub(super) fn connect_all(&mut self) {
        for a in 0..self.nodes.len() {
            for b in 0..a {
                self.connect(a, b);
            }
        }
    }

    pub(super) fn later(&mut self, after_ms: u64, what: Happens) {
        let n = self.happens.len();
        self.happens.push(Some(what));
        self.queue.push(Reverse((self.now_ms + after_ms, n as u64, n)));
    }

    pub(super) fn delay(&mut self) -> u64 {
        self.rng.random_range(1..=self.latency_ms)
    }

    pub(super) fn index(&self, peer: &NodeId) -> usize {
        self.nodes.iter().position(|node| node.keys.id == *peer).unwrap()
    }

    pub(super) fn flush(&mut self, node: usize) {
        while let Some(effect) = self.nodes[node].sync.poll() {
            match effect {
                Effect::Send { ticket, peer, request } => {
                    self.nodes[node].requests += 1;
                    let to = self.index(&peer);
                    let lost = self.rng.random_bool(self.loss);
                    let request = request.encode();
                    assert!(Request::decode(&request).is_ok());
                    if !lost {
                        let delay = self.delay();
                        self.later(delay, Happens::Request { from: node, to, ticket, request });
                    }
                    self.later(TIMEOUT_MS, Happens::Fails { node, ticket });
                }
                Effect::Ask { ticket, question } => {
                    // What is handed over was stored before it counts; questions take turns.
                    let answer = self.answer(node, question);
                    let after_ms = self.rng.random_range(0..5);
                    self.later(after_ms, Happens::Answer { node, ticket, answer });
                }
                Effect::Fault { peer, fault } => {
                    let weight = match fault {
                        Fault::Malformed => 1,
                        Fault::Rejected(count) => count,
                    };
                    *self.nodes[node].faults.entry(peer).or_default() += weight;
                }
                Effect::Fetched { group, result, .. } => {
                    self.nodes[node].fetched.push((group, result));
                }
            }
        }
    }

    pub(super) fn answer(&mut self, node: usize, question: Question) -> Answer {
        let now_ms = self.now_ms;
        let others: Vec<NodeId> = self.nodes.iter().map(|node| node.keys.id).collect();
        let Node {
            copies, shared, full, unlearned, dropped, handed_max, begun, entry_bytes, ..
        } = &mut self.nodes[node];
        let heads = |copies: &BTreeMap<GroupId, Copy>, id: &GroupId| {
            copies.get(id).and_then(|copy| copy.replica.as_ref()).and_then(Heads::of)
        };
        match question {
            Question::Shared(peer) => {
                let peer = others.iter().position(|id| *id == peer).unwrap();
                let with = shared.iter().filter(|(_, nodes)| nodes.contains(&peer));
                Answer::Shared(with.map(|(id, _)| *id).collect())
            }
            Question::Digests(groups) => Answer::Digests(
                groups
                    .into_iter()
                    .map(|id| (id, heads(copies, &id).map(|heads| heads.digest())))
                    .collect(),
            ),
            Question::Heads(id) => Answer::Heads(heads(copies, &id)),
            Question::Begins(id, lanes) => {
                begun.push((id, lanes.into_iter().collect(), *entry_bytes));
                Answer::Begun
            }
            Question::Own(id, lane, seq) => {
                let lane = match lane {
                    LaneName::Control => None,
                    LaneName::Data { node, inc } => Some((node, inc)),
                };
                Answer::Own(copies.get(&id).and_then(|copy| copy.own(lane, seq)))
            }
            Question::Receive { .. } if *full => {
                let stopped = Some("full".to_owned());
                Answer::Received(Received { stopped, ..Received::default() })
            }
            Question::Receive { ref entries, .. } if *unlearned => {
                *dropped += entries.len();
                Answer::Received(Received::default())
            }
            Question::Receive { group, entries, .. } => {
                *handed_max = entries.len().max(*handed_max);
                let Some(copy) = copies.get_mut(&group) else {
                    let stopped = Some("unknown".to_owned());
                    return Answer::Received(Received { stopped, ..Received::default() });
                };
                // The chain comes before what cites it.
                for bytes in &entries {
                    let Ok(entry) = Entry::decode(bytes) else { continue };
                    if let Lane::Data { ctl: Some(ctl), .. } = &entry.header().lane {
                        let chain = copy.replica.as_ref().expect("a Genesis first").chain();
                        assert!(!chain.awaits(ctl), "data before its control");
                    }
                }
                let (fresh, rejected) = copy.receive(&entries, now_ms);
                Answer::Received(Received { fresh, rejected, stopped: None })
            }
            Question::Wanted(id) => {
                Answer::Wanted(copies.get(&id).map(Copy::wanted).unwrap_or_default())
            }
            Question::Learn(id, certs) => {
                *unlearned = false;
                if let Some(copy) = copies.get_mut(&id) {
                    copy.learn(certs, now_ms);
                }
                Answer::Learned
            }
        }
    }

    /// What a node answers a peer.
    pub(super) fn serve(&mut self, node: usize, from: usize, request: Request) -> Response {
        let now_ms = self.now_ms;
        let asking = self.nodes[from].keys.id;
        let unlearned = self.nodes[from].unlearned;
        let Node { copies, shared, sync, forges, boasts, keys, .. } = &mut self.nodes[node];
        let may_read = |id: &GroupId| shared.get(id).is_some_and(|nodes| nodes.contains(&from));
        match request {
            Request::Digests(told) => {
                sync.told(asking, told.into_vec(), now_ms);
                Response::Done
            }
            Request::Heads { group } => {
                let copy = copies.get(&group).filter(|_| may_read(&group));
                match copy.and_then(|copy| copy.replica.as_ref()).and_then(Heads::of) {
                    Some(mut heads) => {
                        if *boasts {
                            heads.control.seq += 1_000;
                            heads.lanes.iter_mut().for_each(|head| head.seq = u64::MAX);
                        }
                        Response::Heads(HeadsFrame::new(heads).unwrap())
                    }
                    None => Response::Absent,
                }
            }
            Request::Fetch { group, lane, from, to, bytes_max } => {
                let Some(copy) = copies.get(&group) else { return Response::Absent };
                let mut entries = match lane {
                    LaneName::Control => copy.control_page(from, to),
                    LaneName::Data { node, inc } => copy.lane_page(node, inc, from, to),
                };
                if *forges && lane != LaneName::Control {
                    for entry in &mut entries {
                        forge(entry);
                    }
                }
                Response::Entries(page(entries, bytes_max as usize))
            }
            Request::ByName { group, names } => {
                let Some(copy) = copies.get(&group) else { return Response::Absent };
                Response::Entries(page(copy.named(&names), 1 << 20))
            }
            Request::Certs { group } => {
                let mut certs = copies.get(&group).map(Copy::certs).unwrap_or_default();
                certs.extend(unlearned.then(|| keys.cert.clone()));
                Response::Certs(List::new(certs).unwrap())
            }
            _ => unreachable!("the core asks nothing else"),
        }
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, for_ms: u64) {
        let until = self.now_ms + for_ms;
        loop {
            let next = self.queue.peek().map_or(u64::MAX, |Reverse((at, ..))| *at);
            let next = next.min(self.next_tick);
            if next > until {
                self.now_ms = until;
                return;
            }
            self.now_ms = next.max(self.now_ms);
            if self.next_tick <= self.now_ms {
                self.next_tick = self.now_ms + 50;
                for i in 0..self.nodes.len() {
                    let Node { sync, copies, .. } = &mut self.nodes[i];
                    for copy in copies.values_mut() {
                        copy.replica.as_mut().map(|replica| replica.tick(self.now_ms));
                    }
                    sync.tick(self.now_ms, &mut self.rng);
                    self.flush(i);
                }
                continue;
            }
            let Some(Reverse((_, _, n))) = self.queue.pop() else { continue };
            let Some(what) = self.happens[n].take() else { continue };
            self.happen(what);
        }
    }

    pub(super) fn happen(&mut self, what: Happens) {
        let linked = |net: &Self, a: usize, b: usize| net.links.contains(&(a.min(b), a.max(b)));
        match what {
            Happens::Request { from, to, ticket, request } => {
                if !linked(self, from, to) {
                    return;
                }
                let request = Request::decode(&request).unwrap();
                if self.nodes[to].withholds && matches!(request, Request::Fetch { .. }) {
                    return;
                }
                let response = self.serve(to, from, request).encode();
                self.flush(to);
                if !self.rng.random_bool(self.loss) {
                    let delay = self.delay();
                    self.later(delay, Happens::Response { from: to, to: from, ticket, response });
                }
            }
            Happens::Response { from, to, ticket, response } => {
                if !linked(self, from, to) {
                    return;
                }
                let bytes = response.len();
                let response = Response::decode(&response).unwrap();
                if let Response::Entries(entries) = &response {
                    let bytes: usize = entries.iter().map(|entry| entry.len()).sum();
                    self.nodes[to].entry_bytes += bytes;
                }
                self.nodes[to].sync.response(ticket, response, bytes, self.now_ms);
                self.flush(to);
            }
            Happens::Answer { node, ticket, answer } => {
                self.nodes[node].sync.answered(ticket, answer, self.now_ms);
                self.flush(node);
            }
            Happens::Fails { node, ticket } => {
                self.nodes[node].sync.failed(ticket, self.now_ms);
                self.flush(node);
            }
        }
    }

    pub(super) fn heads(&self, node: usize, group: &GroupId) -> Option<Heads> {
        self.nodes[node].copies.get(group)?.replica.as_ref().and_then(Heads::of)
    }

    pub(super) fn are_equal(&self, group: &GroupId, nodes: &[usize]) -> bool {
        nodes.iter().all(|i| self.heads(*i, group) == self.heads(nodes[0], group))
    }

    /// Runs until all have the same; how long it took.
    pub(super) fn converge(&mut self, group: &GroupId, nodes: &[usize], within_ms: u64) -> u64 {
        let begin = self.now_ms;
        while !self.are_equal(group, nodes) {
            assert!(
                self.now_ms - begin < within_ms,
                "not equal after {within_ms} ms: {:#?}",
                nodes.iter().map(|i| self.heads(*i, group)).collect::<Vec<_>>()
            );
            self.run(50);
        }
        self.now_ms - begin
    }
}

/// Changes the last byte of the signature, which is before the body.
pub(super) fn forge(entry: &mut [u8]) {
    let (header, length) = glog::Header::decode_prefix(entry).unwrap();
    let _ = header;
    entry[length + 40] ^= 1;
}

pub(super) fn bytes(entries: &[Vec<u8>]) -> usize {
    entries.iter().map(Vec::len).sum()
}

/// Seeds of this run: `ROOKERY_SIM_SEED` and `ROOKERY_SIM_SEEDS`.
pub(super) fn seeds(count: u64) -> std::ops::Range<u64> {
    let number = |variable: &str| std::env::var(variable).ok().map(|n| n.parse::<u64>().unwrap());
    let first = number("ROOKERY_SIM_SEED").unwrap_or(0);
    first..first + number("ROOKERY_SIM_SEEDS").unwrap_or(count)
}

pub(super) fn everybody(net: &Net) -> Vec<usize> {
    (0..net.nodes.len()).collect()
}
