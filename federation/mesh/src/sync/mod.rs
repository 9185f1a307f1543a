//! What is told, asked and fetched, so that groups become equal: pure, and the same under any driver.
//!
//! Inputs are methods, with the time; outputs are [`Effect`]s, to be taken by [`Sync::poll`] after
//! each. What has to be known from the node is asked with [`Effect::Ask`] and answered with
//! [`Sync::answered`]: nothing here waits.
//!
//! 1. Nodes tell each other digests of the groups that both keep: at first, every half minute, and
//!    when something changed.
//! 2. Where a digest differs, the peer's heads are asked for, and compared with the own ones.
//! 3. What is missing is fetched in ranges, the control chain before any data that may cite it, each
//!    range from one peer, and handed over in order. What does not continue what is here is a fork:
//!    then the other branch is followed down to where they part.
//!
//! An entry is fetched a second time only if the first attempt failed, or if it has not shown among
//! the own heads for a while: it may have found no room to wait for what it depends on.

mod bucket;
mod dialer;
mod group;
mod lane;
mod names;
mod pace;
mod peer;
mod plan;
mod round;
mod score;
mod tell;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use glog::{EntryRef, GroupId, Hash16, Node16, NodeCert, NodeId};
use rand::Rng;

pub use bucket::Bucket;
pub use dialer::{Dialer, Target, jittered};
pub use lane::{author, place};
pub use score::{Fault, SCORE_MAX, Scores};

use crate::frames::{Digest, Request, Response};
use crate::host::{Heads, LaneName, Received};
use crate::setup::Limits;
use crate::status::FetchError;
use group::Group;
use pace::Paces;
use peer::Peer;

/// A digest of ours is computed anew after so long, though no change of it was told.
const DIGEST_KEPT_MS: u64 = 10_000;
/// Peers are told of what gossip carries after so long: most have it by then.
const TELL_GOSSIPED_MS: u64 = 1_000;
/// While a group is being fetched, others are told of it this often.
const TELL_WORKING_MS: u64 = 1_000;
/// Groups that had to wait are looked at this often.
const SWEEP_MS: u64 = 100;
/// Requests to one peer at once.
const FLYING_MAX: usize = 4;
/// Groups that are shared with one peer, at most.
const SHARED_MAX: usize = crate::frames::DIGESTS_MAX;

/// What the driver is to do.
#[derive(Debug)]
pub enum Effect {
    /// A request goes to a peer; its answer comes back by [`Sync::response`] or [`Sync::failed`].
    Send {
        /// Names the answer.
        ticket: u64,
        /// To whom.
        peer: NodeId,
        /// What.
        request: Request,
    },
    /// The node is asked; its answer comes back by [`Sync::answered`].
    Ask {
        /// Names the answer.
        ticket: u64,
        /// What.
        question: Question,
    },
    /// A peer did something wrong.
    Fault {
        /// Who.
        peer: NodeId,
        /// What.
        fault: Fault,
    },
    /// What [`Sync::fetch`] began is over.
    Fetched {
        /// The group.
        group: GroupId,
        /// From whom.
        peer: NodeId,
        /// Whether everything that the peer had was taken.
        result: Result<(), FetchError>,
    },
}

/// What the node is asked. Each is a method of [`crate::Host`].
#[derive(Debug, Clone)]
pub enum Question {
    /// Groups that are shared with a peer.
    Shared(NodeId),
    /// What is held of each of these groups, as digests.
    Digests(Vec<GroupId>),
    /// What is held of a group.
    Heads(GroupId),
    /// Learns what there is of a group that is not here, before any of it comes.
    Begins(GroupId, Vec<EntryRef>),
    /// Which entry of ours stands at a place.
    Own(GroupId, LaneName, u64),
    /// Takes entries.
    Receive {
        /// From whom.
        from: NodeId,
        /// Of which group.
        group: GroupId,
        /// In order.
        entries: Vec<Vec<u8>>,
    },
    /// Entries to fetch by name.
    Wanted(GroupId),
    /// Takes certificates.
    Learn(GroupId, Vec<NodeCert>),
}

/// What the node answers, each to the question of the same name.
#[derive(Debug, Clone)]
pub enum Answer {
    /// See [`Question::Shared`].
    Shared(Vec<GroupId>),
    /// See [`Question::Digests`].
    Digests(Vec<(GroupId, Option<[u8; 32]>)>),
    /// See [`Question::Heads`].
    Heads(Option<Heads>),
    /// See [`Question::Begins`].
    Begun,
    /// See [`Question::Own`].
    Own(Option<Hash16>),
    /// See [`Question::Receive`].
    Received(Received),
    /// See [`Question::Wanted`].
    Wanted(Vec<EntryRef>),
    /// See [`Question::Learn`].
    Learned,
    /// The node has failed to answer.
    Failed,
}

/// What a request or question was for.
#[derive(Debug, Clone)]
enum Ticket {
    Tell(NodeId),
    Heads(NodeId, GroupId),
    Range(NodeId, GroupId, LaneName, u64),
    Names(NodeId, GroupId, Vec<EntryRef>, u32),
    Certs(NodeId, GroupId),
    AskShared(NodeId),
    AskDigests(Vec<GroupId>),
    AskHeads(GroupId),
    AskBegins(GroupId),
    AskOwn(GroupId, group::OwnFor),
    AskReceive(GroupId, NodeId, group::Handing),
    AskWanted(GroupId),
    AskLearn(GroupId),
}

impl Ticket {
    /// Whom the request went to; `None` for a question to this node itself.
    fn peer(&self) -> Option<NodeId> {
        match self {
            Self::Tell(peer)
            | Self::Heads(peer, _)
            | Self::Range(peer, ..)
            | Self::Names(peer, ..)
            | Self::Certs(peer, _) => Some(*peer),
            Self::AskShared(_)
            | Self::AskDigests(_)
            | Self::AskHeads(_)
            | Self::AskBegins(_)
            | Self::AskOwn(..)
            | Self::AskReceive(..)
            | Self::AskWanted(_)
            | Self::AskLearn(_) => None,
        }
    }
}

/// The synchronisation of one node.
#[derive(Debug)]
pub struct Sync {
    me: NodeId,
    limits: Limits,
    peers: BTreeMap<NodeId, Peer>,
    groups: BTreeMap<GroupId, Group>,
    paces: Paces,
    tickets: BTreeMap<u64, Ticket>,
    next_ticket: u64,
    /// When all groups were last looked at.
    swept_at: u64,
    effects: VecDeque<Effect>,
}

impl Sync {
    /// Of this node, with nobody connected.
    pub fn new(me: NodeId, limits: Limits) -> Self {
        Self {
            me,
            paces: Paces::new(me, limits.pace),
            limits,
            peers: BTreeMap::new(),
            groups: BTreeMap::new(),
            tickets: BTreeMap::new(),
            next_ticket: 0,
            swept_at: 0,
            effects: VecDeque::new(),
        }
    }

    /// What the driver is to do next.
    pub fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// A peer has shown who it is.
    pub fn connected<R: Rng + ?Sized>(&mut self, peer: NodeId, now_ms: u64, rng: &mut R) {
        let every_ms = ms(self.limits.digests_every);
        let full_at = now_ms.saturating_add(jittered(every_ms, rng));
        self.peers.insert(peer, Peer::new(self.limits.ask, full_at, now_ms));
        self.ask_shared(peer, now_ms);
    }

    /// A peer is gone, and whatever it was asked will not be answered.
    pub fn gone(&mut self, peer: NodeId, now_ms: u64) {
        self.peers.remove(&peer);
        let of_peer = |ticket: &Ticket| match ticket {
            Ticket::Tell(of)
            | Ticket::Heads(of, _)
            | Ticket::Range(of, ..)
            | Ticket::Names(of, ..)
            | Ticket::Certs(of, _) => *of == peer,
            _ => false,
        };
        let lost: Vec<u64> =
            self.tickets.iter().filter(|(_, t)| of_peer(t)).map(|(id, _)| *id).collect();
        for ticket in lost {
            self.failed(ticket, now_ms);
        }
        let groups: Vec<GroupId> = self.groups.keys().copied().collect();
        for id in groups {
            let Some(group) = self.groups.get_mut(&id) else { continue };
            group.sides.remove(&peer);
            if group.waiters.remove(&peer) {
                let result = Err(FetchError::Unreachable);
                self.effects.push_back(Effect::Fetched { group: id, peer, result });
            }
            self.work(id, now_ms);
        }
        self.forget_idle();
    }

    /// The node's groups, or who shares them, have changed.
    pub fn groups_changed(&mut self, now_ms: u64) {
        for group in self.groups.values_mut() {
            group.missing = false;
            group.digest = None;
        }
        let peers: Vec<NodeId> = self.peers.keys().copied().collect();
        for peer in peers {
            self.ask_shared(peer, now_ms);
        }
    }

    /// Entries of a group have come in another way. `gossiped` if others have them by now, too.
    pub fn changed(&mut self, id: GroupId, gossiped: bool, now_ms: u64) {
        let group = self.groups.entry(id).or_default();
        group.digest = None;
        group.ours = None;
        group.missing = false;
        let after_ms = match (group.is_busy(), gossiped) {
            (true, _) => TELL_WORKING_MS,
            (false, true) => TELL_GOSSIPED_MS,
            (false, false) => ms(self.limits.tell_after),
        };
        let at = now_ms.saturating_add(after_ms);
        group.tell_at = Some(group.tell_at.map_or(at, |before| before.min(at)));
        group.gossiped |= gossiped;
    }

    /// Whether a group is shared with anybody who is connected, or was just now.
    pub fn is_known(&self, id: &GroupId) -> bool {
        self.groups.contains_key(id)
    }

    /// Entries of one node have come unasked, from a peer: how many of them are taken, the first ones.
    /// The rest is fetched when it may be. [`Self::took`] says what became of what was taken.
    pub fn admits(
        &mut self,
        id: GroupId,
        author: Node16,
        from: NodeId,
        entries: &[Vec<u8>],
        now_ms: u64,
    ) -> usize {
        let taken = self.paces.take(author, from, entries.len(), now_ms);
        if taken < entries.len() {
            self.lacks(id, from);
        }
        self.named(id, from, entries.iter().take(taken), now_ms);
        taken
    }

    /// Whether so much of a node's words comes from a peer that they are taken a few at a time.
    pub fn is_hasty(&mut self, author: &Node16, from: NodeId, now_ms: u64) -> bool {
        self.paces.is_hasty(author, from, now_ms)
    }

    /// Of so many entries that [`Self::admits`] let in, so many were new.
    pub fn took(&mut self, author: Node16, from: NodeId, count: usize, fresh: usize, now_ms: u64) {
        self.paces.settle(author, from, count, fresh, now_ms);
    }

    /// Entries that this node wrote, and that were not taken when they came.
    pub fn held_back(&self, node: &NodeId) -> u64 {
        self.paces.held_back(&node.short())
    }

    /// Entries that are taken from a peer may name others, of nodes that are over their pace: the peer has
    /// them, and they do not wait for their turn, as nobody is shown what names them before.
    fn named<'a>(
        &mut self,
        id: GroupId,
        from: NodeId,
        entries: impl Iterator<Item = &'a Vec<u8>>,
        now_ms: u64,
    ) {
        if !self.paces.is_any_over(now_ms) {
            return;
        }
        let Some(group) = self.groups.get_mut(&id) else { return };
        let Some(side) = group.sides.get_mut(&from).filter(|side| side.shared) else { return };
        let deps = entries.flat_map(|entry| lane::deps(entry));
        let mut is_news = false;
        for dep in deps.filter(|dep| self.paces.is_over(&dep.node, now_ms)) {
            let lane = LaneName::Data { node: dep.node, inc: dep.inc };
            is_news |= side.names(lane, dep.seq.saturating_add(1));
        }
        if is_news {
            side.done = false;
            side.differs |= side.heads.is_none();
            self.work(id, now_ms);
        }
    }

    /// A peer has what is not here. What is known to be lacking comes first: then it is asked for what
    /// else there is.
    fn lacks(&mut self, id: GroupId, from: NodeId) {
        let side = self.groups.get_mut(&id).and_then(|group| group.sides.get_mut(&from));
        if let Some(side) = side.filter(|side| side.shared) {
            side.held_back = true;
        }
    }

    /// A peer tells what it holds.
    pub fn told(&mut self, from: NodeId, digests: Vec<Digest>, now_ms: u64) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let told = peer.hears(digests);
        self.look_up(from, told, now_ms);
    }

    /// Brings a group up to what a peer has, be it here or not.
    pub fn fetch(&mut self, id: GroupId, peer: NodeId, now_ms: u64) {
        if !self.peers.contains_key(&peer) {
            let result = Err(FetchError::Unreachable);
            self.effects.push_back(Effect::Fetched { group: id, peer, result });
            return;
        }
        let group = self.groups.entry(id).or_default();
        group.waiters.insert(peer);
        group.stopped_until = 0;
        // What was told of it may be forgotten by now.
        group.begun = false;
        let side = group.sides.entry(peer).or_default();
        side.differs = true;
        side.heads = None;
        side.resume_at = 0;
        self.ask_heads_of(peer, id, now_ms);
        // Others that share it take a part.
        let others = self.groups.get(&id).into_iter().flat_map(|group| &group.sides);
        let others: Vec<NodeId> =
            others.filter(|(_, side)| side.shared).map(|(other, _)| *other).collect();
        for other in others {
            self.ask_heads_of(other, id, now_ms);
        }
    }

    /// Time has passed.
    pub fn tick<R: Rng + ?Sized>(&mut self, now_ms: u64, rng: &mut R) {
        let every_ms = ms(self.limits.digests_every);
        let due: Vec<NodeId> =
            self.peers.iter().filter(|(_, p)| p.full_at <= now_ms).map(|(id, _)| *id).collect();
        for id in due {
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.full_at = now_ms.saturating_add(jittered(every_ms, rng));
                peer.clear_stash();
            }
            self.ask_shared(id, now_ms);
        }
        self.tell_changes(now_ms);
        if now_ms.saturating_sub(self.swept_at) >= SWEEP_MS {
            self.swept_at = now_ms;
            let groups: Vec<GroupId> = self.groups.keys().copied().collect();
            for id in groups {
                self.resume(id, now_ms);
            }
            self.forget_idle();
        }
        let peers: Vec<NodeId> = self.peers.keys().copied().collect();
        for peer in peers {
            self.tell(peer, now_ms);
        }
    }

    /// A peer has answered.
    pub fn response(&mut self, ticket: u64, response: Response, bytes: usize, now_ms: u64) {
        let Some(peer) = self.tickets.get(&ticket).and_then(Ticket::peer) else { return };
        if let Some(known) = self.peers.get_mut(&peer) {
            known.bucket.spend(bytes);
            if let Response::Busy { retry_ms } = response {
                known.paused_until = now_ms.saturating_add(u64::from(retry_ms).clamp(10, 60_000));
            }
        }
        match (self.tickets.get(&ticket).cloned(), response) {
            (_, Response::Busy { .. }) => self.put_off(ticket, now_ms),
            (Some(Ticket::Tell(_)), Response::Done) => {
                self.close(ticket);
                if let Some(known) = self.peers.get_mut(&peer) {
                    known.telling = None;
                }
                self.tell(peer, now_ms);
            }
            (Some(Ticket::Heads(_, group)), Response::Heads(heads)) => match heads.read() {
                Ok(heads) => {
                    self.close(ticket);
                    self.heads_came(peer, group, heads, now_ms);
                }
                Err(_) => {
                    self.blame(peer, Fault::Malformed);
                    self.failed(ticket, now_ms);
                }
            },
            (Some(Ticket::Heads(_, group)), Response::Absent) => {
                self.close(ticket);
                self.is_absent(peer, group);
            }
            (Some(Ticket::Range(_, group, lane, from)), Response::Entries(entries)) => {
                let entries = entries.into_vec().into_iter().map(|e| e.into_vec()).collect();
                self.range_came(ticket, peer, group, (lane, from), entries, now_ms);
            }
            (Some(Ticket::Range(_, group, lane, from)), Response::Absent) => {
                self.range_came(ticket, peer, group, (lane, from), Vec::new(), now_ms);
            }
            (Some(Ticket::Names(_, group, names, depth)), Response::Entries(entries)) => {
                self.close(ticket);
                let entries = entries.into_vec().into_iter().map(|e| e.into_vec()).collect();
                self.names_came(peer, group, &names, depth, entries, now_ms);
            }
            (Some(Ticket::Certs(_, group)), Response::Certs(certs)) => {
                self.close(ticket);
                let certs = certs.into_vec();
                if !certs.is_empty() {
                    self.ask(Ticket::AskLearn(group), Question::Learn(group, certs));
                }
                self.work(group, now_ms);
            }
            (Some(Ticket::Names(..) | Ticket::Certs(..)), Response::Absent) => self.close(ticket),
            _ => {
                self.blame(peer, Fault::Malformed);
                self.failed(ticket, now_ms);
            }
        }
        self.ask_next_heads(peer, now_ms);
    }

    /// A request was not answered.
    pub fn failed(&mut self, ticket: u64, now_ms: u64) {
        if let Some(Ticket::Heads(peer, id) | Ticket::Range(peer, id, ..)) =
            self.tickets.get(&ticket)
        {
            let (peer, id) = (*peer, *id);
            if let Some(side) = self.groups.get_mut(&id).and_then(|g| g.sides.get_mut(&peer)) {
                side.has_failed(now_ms);
            }
        }
        if let Some(
            Ticket::Tell(peer)
            | Ticket::Heads(peer, _)
            | Ticket::Range(peer, ..)
            | Ticket::Names(peer, ..)
            | Ticket::Certs(peer, _),
        ) = self.tickets.get(&ticket)
            && let Some(known) = self.peers.get_mut(peer)
        {
            known.failures += 1;
            // Whatever ails it, it is not asked a thousand times a second.
            known.paused_until = known.paused_until.max(now_ms.saturating_add(100));
        }
        self.put_off(ticket, now_ms);
    }

    /// The node has answered.
    pub fn answered(&mut self, ticket: u64, answer: Answer, now_ms: u64) {
        let Some(of) = self.tickets.remove(&ticket) else { return };
        match (of, answer) {
            (Ticket::AskShared(peer), Answer::Shared(groups)) => {
                self.shared_is(peer, groups, now_ms);
            }
            (Ticket::AskShared(peer), _) => {
                if let Some(peer) = self.peers.get_mut(&peer) {
                    peer.asking_shared = false;
                }
            }
            (Ticket::AskDigests(asked), Answer::Digests(digests)) => {
                self.digests_are(&asked, digests, now_ms);
            }
            (Ticket::AskDigests(asked), _) => self.digests_are(&asked, Vec::new(), now_ms),
            (Ticket::AskHeads(group), Answer::Heads(heads)) => {
                self.ours_are(group, heads, now_ms);
            }
            (Ticket::AskHeads(group), _) => self.node_failed(group, now_ms),
            (Ticket::AskBegins(group), _) => self.has_begun(group, now_ms),
            (Ticket::AskOwn(group, of), Answer::Own(hash)) => self.own_is(group, of, hash, now_ms),
            (Ticket::AskOwn(group, of), _) => self.own_is(group, of, None, now_ms),
            (Ticket::AskReceive(group, peer, handing), Answer::Received(received)) => {
                self.received(group, peer, handing, received, now_ms);
            }
            (Ticket::AskReceive(group, peer, handing), _) => {
                let stopped = Some("the node failed to take entries".to_owned());
                let received = Received { stopped, ..Received::default() };
                self.received(group, peer, handing, received, now_ms);
            }
            (Ticket::AskWanted(group), Answer::Wanted(names)) => {
                self.wanted_are(group, names, now_ms);
            }
            (Ticket::AskWanted(group), _) => {
                if let Some(group) = self.groups.get_mut(&group) {
                    group.asking_wanted = false;
                }
            }
            (Ticket::AskLearn(group), _) => {
                // What had waited for a key may be delivered now.
                if let Some(group) = self.groups.get_mut(&group) {
                    group.certs_came();
                }
                self.work(group, now_ms);
            }
            _ => {}
        }
    }

    fn ask(&mut self, ticket: Ticket, question: Question) {
        let id = self.open(ticket);
        self.effects.push_back(Effect::Ask { ticket: id, question });
    }

    fn send(&mut self, peer: NodeId, ticket: Ticket, request: Request) -> u64 {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.flying += 1;
        }
        let id = self.open(ticket);
        self.effects.push_back(Effect::Send { ticket: id, peer, request });
        id
    }

    fn open(&mut self, ticket: Ticket) -> u64 {
        self.next_ticket += 1;
        self.tickets.insert(self.next_ticket, ticket);
        self.next_ticket
    }

    /// A request is over: the peer has room for another.
    fn close(&mut self, ticket: u64) {
        let Some(peer) = self.tickets.remove(&ticket).and_then(|ticket| ticket.peer()) else {
            return;
        };
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.flying = peer.flying.saturating_sub(1);
        }
    }

    /// A request is over without an answer: what it was for is asked for again, when there is time.
    fn put_off(&mut self, ticket: u64, now_ms: u64) {
        let of = self.tickets.get(&ticket).cloned();
        self.close(ticket);
        match of {
            Some(Ticket::Tell(peer)) => {
                if let Some(peer) = self.peers.get_mut(&peer) {
                    peer.told_in_vain();
                }
            }
            Some(Ticket::Heads(peer, group)) => {
                self.heads_failed(peer, group);
            }
            Some(Ticket::Range(_, id, lane, _)) => {
                if let Some(group) = self.groups.get_mut(&id) {
                    if let Some(work) = group.lanes.get_mut(&lane) {
                        work.failed(ticket);
                    }
                    if let Some(walk) = &mut group.walk {
                        walk.work.failed(ticket);
                    }
                }
                self.work(id, now_ms);
            }
            Some(Ticket::Names(peer, id, names, _)) => {
                if let Some(group) = self.groups.get_mut(&id) {
                    for name in names {
                        group.named.remove(&(name, peer));
                    }
                }
            }
            _ => {}
        }
    }

    fn blame(&mut self, peer: NodeId, fault: Fault) {
        self.effects.push_back(Effect::Fault { peer, fault });
    }

    /// Peers with which a group is shared, among those that are here.
    pub fn sharing(&self, group: &GroupId) -> Vec<NodeId> {
        let sides = self.groups.get(group).map(|group| &group.sides);
        let shared = sides.into_iter().flatten().filter(|(_, side)| side.shared);
        shared.map(|(peer, _)| *peer).filter(|peer| self.peers.contains_key(peer)).collect()
    }

    /// What an operator sees of a peer.
    pub fn report(&self, peer: &NodeId) -> Report {
        let mut report = Report::default();
        let Some(known) = self.peers.get(peer) else { return report };
        report.entries = known.entries;
        report.failures = known.failures;
        report.synced_at = Some(u64::MAX);
        for (id, group) in &self.groups {
            let Some(side) = group.sides.get(peer).filter(|side| side.shared) else { continue };
            report.lag.push((*id, side.lag));
            report.synced_at = report.synced_at.min(side.equal_at);
        }
        report.synced_at = report.synced_at.filter(|at| *at != u64::MAX);
        report
    }

    /// Groups that nobody shares, and of which nothing is under way, are forgotten.
    fn forget_idle(&mut self) {
        self.groups.retain(|_, group| {
            !group.sides.is_empty()
                || group.is_busy()
                || group.is_asking()
                || group.tell_at.is_some()
        });
    }
}

/// What [`Sync::report`] says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries that were fetched and were new.
    pub entries: u64,
    /// Requests that failed.
    pub failures: u32,
    /// When all shared groups were found equal; `None` if not all ever were.
    pub synced_at: Option<u64>,
    /// Of each shared group, how many entries were lacking at the last comparison.
    pub lag: Vec<(GroupId, u64)>,
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
