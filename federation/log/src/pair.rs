//! What two people of two nodes say to each other: the lanes of both nodes, and no control chain.
//!
//! Nobody has rights to give or to take, so an entry counts by itself: if it is by the person who lives
//! on the node of its lane. Certificates come with the connection between the two nodes and are given by
//! the caller ([`Pair::learn_cert`]); what is signed under another is not kept, and fetched again.
//!
//! Delivery is that of a [`crate::Replica`]: after the one before it and its deps, or 30 seconds later.
//! A forked lane takes nothing more from the fork on, and there is no home to settle it: what each node
//! has shown stays, and the node that forked goes on with an incarnation that its root key opens.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use keys::CryptoRng;

use crate::author::{Author, AuthorError, LaneEnd, brings_key, classes, salt};
use crate::body::{DataBody, Post};
use crate::cbor::List;
use crate::cert::{NodeCert, Opened};
use crate::data::{Content, DataEntry, kinds};
use crate::entry::{Entry, Signer};
use crate::epoch::read_body;
use crate::header::{DEPS_MAX, Header, Lane};
use crate::ids::{EntryId, EntryRef, GroupId, Node16, NodeId, UserRef};
use crate::replica::{Event, GAP_AFTER_MS, LaneFork, Rejected, brought, is_signed, own_cert, pin};

/// Entries of one pair that wait, by default: there is one other node, which sends them in order.
pub const PAIR_PENDING_MAX: usize = 256;

/// Incarnations of one node's lane. Protects what is kept for each.
const INCARNATIONS_MAX: u32 = 256;

/// A message between two people that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairMessage {
    /// Who wrote it.
    pub author: UserRef,
    /// What it says now; `None` where the body is gone.
    pub post: Option<Post>,
    /// The edit that made it so.
    pub edited: Option<EntryRef>,
    /// What pins it.
    pub pins: Vec<EntryRef>,
    /// Reactions of each of the two.
    pub reactions: BTreeMap<UserRef, Vec<String>>,
}

/// An entry that was delivered.
#[derive(Debug, Clone)]
struct Record {
    entry: DataEntry,
    id: EntryId,
    serial: u32,
    counts: bool,
}

/// An entry that waits. Its signature holds.
#[derive(Debug, Clone)]
struct Waiting {
    entry: Entry,
    since_ms: u64,
}

/// One node's copy of what two people say to each other.
#[derive(Debug, Clone)]
pub struct Pair {
    group: GroupId,
    own: Node16,
    people: BTreeMap<Node16, (NodeId, u64)>,
    certs: BTreeMap<(Node16, u32), NodeCert>,
    records: HashMap<EntryRef, Record>,
    /// The delivered entries of each lane by number: one at each, since a rival is never delivered.
    lanes: BTreeMap<(Node16, u32), Vec<EntryRef>>,
    /// Lanes whose incarnation was opened by the root key.
    opened: BTreeSet<(Node16, u32)>,
    /// Who says something about what.
    about: HashMap<EntryRef, BTreeSet<EntryRef>>,
    pending: BTreeMap<EntryRef, Waiting>,
    pending_max: usize,
    /// Lanes that take nothing from this number on.
    frozen: BTreeMap<(Node16, u32), u64>,
    /// Places up to this number stand below a Cert of the lane.
    pinned: BTreeMap<(Node16, u32), u64>,
    /// What the own lanes have named of others.
    told: BTreeMap<(Node16, u32), u64>,
}

impl Pair {
    /// An empty copy, on the node of `own`; `pending_max` entries may wait.
    pub fn new(own: (NodeId, u64), other: (NodeId, u64), pending_max: usize) -> Self {
        Self {
            group: GroupId::of_pair(own, other),
            own: own.0.short(),
            people: [own, other].map(|person| (person.0.short(), person)).into(),
            certs: BTreeMap::new(),
            records: HashMap::new(),
            lanes: BTreeMap::new(),
            opened: BTreeSet::new(),
            about: HashMap::new(),
            pending: BTreeMap::new(),
            pending_max,
            frozen: BTreeMap::new(),
            pinned: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// Its name in logs.
    pub fn group(&self) -> GroupId {
        self.group
    }

    /// A certificate of one of the two nodes; nothing happens if the root key has not signed it.
    pub fn learn_cert(&mut self, cert: NodeCert) {
        let node = cert.node();
        let at = (node.short(), cert.body.serial);
        let is_of_pair = self.people.get(&at.0).is_some_and(|(id, _)| *id == node);
        if is_of_pair && !self.certs.contains_key(&at) && cert.verify().is_ok() {
            self.certs.insert(at, cert);
        }
    }

    /// Certificates under which entries are verified here.
    pub fn certs(&self) -> impl Iterator<Item = &NodeCert> {
        self.certs.values()
    }

    /// Takes an entry from the other node, or from this one itself.
    ///
    /// # Errors
    /// [`Rejected`]; nothing has changed then.
    pub fn receive(&mut self, entry: Entry, now_ms: u64) -> Result<Vec<Event>, Rejected> {
        let header = entry.header();
        let Some(read) = DataEntry::new(&entry, Content::Hidden) else {
            return Err(Rejected::Group);
        };
        let (at, node) = (read.at, header.node);
        let is_of_pair = self.people.get(&at.node).is_some_and(|(id, _)| *id == node);
        if read.group != self.group || !is_of_pair {
            return Err(Rejected::Group);
        }
        if at.inc >= INCARNATIONS_MAX {
            return Err(Rejected::Incarnation);
        }
        if self.records.contains_key(&at) || self.pending.contains_key(&at) {
            return Ok(Vec::new());
        }
        // It may be anybody's: it is no reason to keep another one waiting.
        if !self.verify(&read, &entry)? {
            return Ok(vec![Event::Dropped(at)]);
        }
        let mut events = Vec::new();
        if !self.takes(&read, &entry, &mut events) {
            return if events.is_empty() { Err(Rejected::Frozen) } else { Ok(events) };
        }
        let waiting = Waiting { entry, since_ms: now_ms };
        if self.is_due(&read, &waiting, now_ms) {
            self.deliver(waiting.entry, &mut events);
            self.drain(now_ms, &mut events);
        } else {
            self.hold(at, waiting, &mut events);
        }
        Ok(events)
    }

    /// Takes an entry that was delivered, or was a rival, before this node was started, in the order of
    /// then. Its signature was checked then.
    pub fn restore(&mut self, entry: Entry) {
        let Some(read) = DataEntry::new(&entry, Content::Hidden) else { return };
        let mut events = Vec::new();
        if !self.records.contains_key(&read.at) && self.takes(&read, &entry, &mut events) {
            self.deliver(entry, &mut events);
        }
    }

    /// Time has passed: what has waited for its deps long enough is delivered.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Event> {
        let mut events = Vec::new();
        self.drain(now_ms, &mut events);
        events
    }

    /// Whether the signature holds; `false` if the certificate is not known.
    fn verify(&self, read: &DataEntry, entry: &Entry) -> Result<bool, Rejected> {
        let own = own_cert(entry);
        let known = self.certs.get(&(read.at.node, entry.header().key_serial));
        let Some(cert) = own.as_ref().or(known) else { return Ok(false) };
        let before = read.before().and_then(|before| self.records.get(&before));
        is_signed(entry, cert, before.map(|before| before.serial)).map(|()| true)
    }

    /// Whether a lane takes this entry, whose signature holds: looks for a fork first.
    fn takes(&mut self, read: &DataEntry, entry: &Entry, events: &mut Vec<Event>) -> bool {
        let at = read.at;
        let lane = (at.node, at.inc);
        let frozen = self.frozen.get(&lane).copied();
        if frozen.is_some_and(|from| at.seq >= from) {
            return false;
        }
        let Some(ours) = self.at(at.node, at.inc, at.seq) else { return true };
        let pinned = self.pinned.get(&lane).is_some_and(|below| at.seq <= *below);
        let rival = Box::new(entry.clone());
        events.push(Event::Forked(LaneFork { ours, rival, pinned }));
        if !pinned {
            self.frozen.insert(lane, at.seq);
        }
        false
    }

    fn is_due(&self, read: &DataEntry, waiting: &Waiting, now_ms: u64) -> bool {
        let follows = read.before().is_none_or(|before| self.records.contains_key(&before));
        let waited = now_ms.saturating_sub(waiting.since_ms) >= GAP_AFTER_MS;
        follows && (waited || self.has_deps(&waiting.entry))
    }

    fn has_deps(&self, entry: &Entry) -> bool {
        let Lane::Data { deps, .. } = &entry.header().lane else { return true };
        // Of a forked lane the other node may hold another branch: nobody waits for it.
        let is_forked = |dep: &EntryRef| {
            self.frozen.get(&(dep.node, dep.inc)).is_some_and(|from| dep.seq >= *from)
        };
        deps.iter().all(|dep| is_forked(dep) || self.records.contains_key(dep))
    }

    fn deliver(&mut self, entry: Entry, events: &mut Vec<Event>) {
        let Some(read) = DataEntry::new(&entry, read_body(&entry, None)) else { return };
        let (at, header) = (read.at, entry.header());
        let lane = (at.node, at.inc);
        let cert = brought(&read.content).filter(|cert| cert.node() == header.node);
        if let Some(cert) = cert.filter(|cert| cert.verify().is_ok()) {
            self.certs.insert((at.node, cert.body.serial), cert.clone());
            pin(&mut self.pinned, &at);
        }
        let gap = !self.has_deps(&entry);
        if at.node == self.own
            && let Lane::Data { deps, .. } = &header.lane
        {
            for dep in deps.iter() {
                let told = self.told.entry((dep.node, dep.inc)).or_default();
                *told = dep.seq.max(*told);
            }
        }
        if at.inc == 0 || (at.seq == 0 && self.opens(&read)) {
            self.opened.insert(lane);
        }
        for target in read.targets() {
            self.about.entry(target).or_default().insert(at);
        }
        let counts = self.opened.contains(&lane) && self.is_valid(&read, header);
        self.lanes.entry(lane).or_default().push(at);
        let (id, serial) = (entry.id(), header.key_serial);
        self.records.insert(at, Record { entry: read, id, serial, counts });
        events.push(Event::Delivered { at, gap, entry: Box::new(entry) });
    }

    /// Whether the root key has opened an incarnation with this entry.
    fn opens(&self, entry: &DataEntry) -> bool {
        let Some(DataBody::Open(open)) = entry.body() else { return false };
        let (group, node, inc) = (self.group, entry.node, entry.at.inc);
        let opened = Opened { group, node, inc, previous: open.previous };
        open.root.as_ref().is_some_and(|root| root.confirms(&opened))
    }

    /// Whether an entry says something that somebody may say here: all that is judged.
    fn is_valid(&self, entry: &DataEntry, header: &Header) -> bool {
        let Lane::Data { ctl: None, epoch: None, .. } = header.lane else { return false };
        let person = self.people.get(&entry.at.node).map_or(0, |(_, user)| *user);
        let by = match entry.kind {
            kinds::POST..=kinds::REACT => person,
            kinds::CERT | kinds::OPEN => 0,
            _ => return false,
        };
        let for_oneself = match entry.body() {
            Some(DataBody::React(react)) => react.items.iter().all(|item| item.user == person),
            _ => true,
        };
        entry.user.id == by && for_oneself && entry.is_sound()
    }

    /// Delivers whatever can be, until nothing can.
    fn drain(&mut self, now_ms: u64, events: &mut Vec<Event>) {
        loop {
            let due = |(at, waiting): (&EntryRef, &Waiting)| {
                let read = DataEntry::new(&waiting.entry, Content::Hidden)?;
                self.is_due(&read, waiting, now_ms).then_some(*at)
            };
            let Some(at) = self.pending.iter().find_map(due) else { return };
            let Some(Waiting { entry, .. }) = self.pending.remove(&at) else { return };
            let Some(read) = DataEntry::new(&entry, Content::Hidden) else { return };
            // Whether it takes up a key again shows only behind the one before it.
            if self.verify(&read, &entry) != Ok(true) {
                events.push(Event::Forged(at));
            } else if self.takes(&read, &entry, events) {
                self.deliver(entry, events);
            }
        }
    }

    /// Lets an entry wait, if there is room: what is nearest to its lane's end is kept.
    fn hold(&mut self, at: EntryRef, waiting: Waiting, events: &mut Vec<Event>) {
        self.pending.insert(at, waiting);
        if self.pending.len() > self.pending_max {
            let distance = |at: &EntryRef| at.seq.saturating_sub(self.length(at.node, at.inc));
            let farthest = self.pending.keys().max_by_key(|at| (distance(at), **at)).copied();
            if let Some(farthest) = farthest {
                self.pending.remove(&farthest);
                events.push(Event::Dropped(farthest));
            }
        }
    }

    /// The next entry of this node's lane. It is to be received here first, and made durable, before
    /// the other node sees it.
    ///
    /// # Errors
    /// [`AuthorError`]; [`AuthorError::NotWriter`] for what nobody may say here, too.
    pub fn write<R: CryptoRng + ?Sized>(
        &self,
        author: Author<'_>,
        inc: u32,
        body: &DataBody,
        ts_ms: u64,
        rng: &mut R,
    ) -> Result<Entry, AuthorError> {
        let lane = (author.node.short(), inc);
        let person = self.people.get(&lane.0).filter(|(id, _)| *id == author.node);
        let (_, person) = person.ok_or(AuthorError::NotWriter)?;
        let user = match body.kind() {
            kinds::POST..=kinds::REACT => *person,
            kinds::CERT | kinds::OPEN => 0,
            _ => return Err(AuthorError::NotWriter),
        };
        if self.frozen.contains_key(&lane) {
            return Err(AuthorError::Closed);
        }
        if !brings_key(body, author.serial) && !self.certs.contains_key(&(lane.0, author.serial)) {
            return Err(AuthorError::NoCertificate);
        }
        let last = self.lanes.get(&lane).and_then(|lane| lane.last());
        let last = last.and_then(|at| Some((at.seq, self.records.get(at)?.id)));
        let (seq, prev) = LaneEnd { inc, last }.next(body)?;
        let (deps, flags) = (self.deps(lane.0)?, classes(body).0);
        let header = Header {
            group: self.group,
            node: author.node,
            lane: Lane::Data { inc, user, ctl: None, deps, epoch: None, flags },
            seq,
            key_serial: author.serial,
            prev,
            ts_ms,
            kind: body.kind(),
            body_hash: [0; 32],
            body_len: 0,
        };
        Ok(Entry::sign(header, body.encode(&salt(rng)), Signer::Node, author.key)?)
    }

    /// Heads of the other node's lanes that this node's lanes have not named yet, the most that fit.
    fn deps(&self, own: Node16) -> Result<List<EntryRef, DEPS_MAX>, AuthorError> {
        let is_news = |head: &EntryRef| {
            let lane = (head.node, head.inc);
            head.node != own
                && !self.frozen.contains_key(&lane)
                && self.told.get(&lane).is_none_or(|told| *told < head.seq)
        };
        let mut heads: Vec<_> = self.heads().into_iter().filter(is_news).collect();
        // Of many incarnations the last ones.
        heads.drain(..heads.len().saturating_sub(DEPS_MAX));
        Ok(List::new(heads)?)
    }

    /// The last delivered entry of each lane, in order.
    pub fn heads(&self) -> Vec<EntryRef> {
        self.lanes.values().filter_map(|lane| lane.last().copied()).collect()
    }

    /// The delivered entry at a number.
    pub fn at(&self, node: Node16, inc: u32, seq: u64) -> Option<EntryRef> {
        self.lanes.get(&(node, inc))?.get(usize::try_from(seq).ok()?).copied()
    }

    fn length(&self, node: Node16, inc: u32) -> u64 {
        self.lanes.get(&(node, inc)).map_or(0, |lane| lane.len() as u64)
    }

    /// A delivered entry.
    pub fn get(&self, at: &EntryRef) -> Option<&DataEntry> {
        self.records.get(at).map(|record| &record.entry)
    }

    /// Under which certificate a delivered entry was signed.
    pub fn serial_of(&self, at: &EntryRef) -> Option<u32> {
        self.records.get(at).map(|record| record.serial)
    }

    /// Whether a delivered entry counts.
    pub fn counts(&self, at: &EntryRef) -> bool {
        self.records.get(at).is_some_and(|record| record.counts)
    }

    /// How many entries wait.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// From which number on a lane takes nothing, being forked.
    pub fn frozen_from(&self, node: Node16, inc: u32) -> Option<u64> {
        self.frozen.get(&(node, inc)).copied()
    }

    /// The messages that an entry says something about: of a Post, itself.
    pub fn subjects(&self, at: &EntryRef) -> Vec<EntryRef> {
        let Some(entry) = self.get(at) else { return Vec::new() };
        match entry.body() {
            _ if entry.kind == kinds::POST => vec![*at],
            // It names pins, and those name messages.
            Some(DataBody::Unpin(unpin)) => {
                let pins = unpin.pins.iter().filter_map(|pin| self.get(pin));
                pins.flat_map(DataEntry::targets).collect()
            }
            _ => entry.targets(),
        }
    }

    /// Every message that is shown.
    pub fn messages(&self) -> BTreeMap<EntryRef, PairMessage> {
        self.records.keys().filter_map(|at| Some((*at, self.message(at)?))).collect()
    }

    /// A message, if it is shown. Either of the two may take it away.
    pub fn message(&self, at: &EntryRef) -> Option<PairMessage> {
        let begun = self.records.get(at).filter(|record| record.counts)?;
        if begun.entry.kind != kinds::POST {
            return None;
        }
        let mut message = PairMessage {
            author: begun.entry.user,
            post: match begun.entry.body() {
                Some(DataBody::Post(post)) => Some(post.clone()),
                _ => None,
            },
            edited: None,
            pins: Vec::new(),
            reactions: BTreeMap::new(),
        };
        // In the order of lanes: what comes later replaces what was before.
        for by in self.counting_about(at) {
            match by.body() {
                Some(DataBody::Delete(_)) => return None,
                Some(DataBody::Edit(edit)) if by.user == message.author => {
                    message.post = Some(edit.post.clone());
                    message.edited = Some(by.at);
                }
                Some(DataBody::Pin(_)) if !self.is_unpinned(&by.at) => message.pins.push(by.at),
                Some(DataBody::React(react)) => {
                    for item in react.items.iter().filter(|item| item.target == *at) {
                        let reactions = item.reactions.iter().map(|text| text.to_string());
                        message.reactions.insert(by.user, reactions.collect());
                    }
                }
                _ => {}
            }
        }
        message.reactions.retain(|_, reactions| !reactions.is_empty());
        Some(message)
    }

    fn counting_about(&self, at: &EntryRef) -> impl Iterator<Item = &DataEntry> {
        let about = self.about.get(at).into_iter().flatten();
        let counting = about.filter_map(|at| self.records.get(at)).filter(|record| record.counts);
        counting.map(|record| &record.entry)
    }

    fn is_unpinned(&self, pin: &EntryRef) -> bool {
        self.counting_about(pin).any(|by| matches!(by.body(), Some(DataBody::Unpin(_))))
    }
}

#[cfg(test)]
mod tests;
