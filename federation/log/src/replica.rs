//! One node's copy of a group: what it accepts, what waits, what is delivered.
//!
//! **Accept** depends on bytes, signature and certificate, never on clock, quota or policy.
//! **Deliver** means: it may be shown and acted on. A control entry is delivered with its chain; a data
//! entry when the one before it and the control entry that it cites are, and its deps, or 30 seconds
//! after it came, with a mark that something is missing. What cannot be delivered yet waits in a
//! bounded place; data never keeps control waiting.
//!
//! The driver stores an entry before it hands it over. What [`Event::Dropped`] and [`Event::Forged`]
//! tell, it forgets and fetches again: its copy of an entry that waited unverified may be a forgery.

mod recent;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use keys::epoch::EpochSecret;

use crate::body::{Action, DataBody};
use crate::cert::NodeCert;
use crate::control::{Accepted, Chain, ControlEntry, ForkProof, Refused};
use crate::data::{Content, DataEntry, Lanes};
use crate::entry::{Entry, Signer};
use crate::epoch::read_body;
use crate::header::Lane;
use crate::ids::{EntryId, EntryRef, Hash16, Node16, NodeId};
use crate::mutant::Mutant;
use recent::Recent;

/// After so many milliseconds an entry is delivered without its deps.
pub const GAP_AFTER_MS: u64 = 30_000;
/// Data entries that wait, by default.
pub const PENDING_MAX: usize = 4096;

/// Why an entry is not taken. Whoever sent it is at fault, or behind a key that this node lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// The control chain does not take it.
    #[error(transparent)]
    Control(#[from] Refused),
    /// It is of another group.
    #[error("of another group")]
    Group,
    /// Not signed by the node in its header, or by a key that an earlier entry had replaced.
    #[error("bad signature")]
    Signature,
    /// The lane is forked below: it takes nothing more until the home settles it.
    #[error("the lane is forked")]
    Frozen,
    /// Of two people: the node has had too many incarnations.
    #[error("too many incarnations")]
    Incarnation,
}

/// Proof that a node signed two entries for one place in its lane.
#[derive(Debug, Clone)]
pub struct LaneFork {
    /// The one that was delivered here.
    pub ours: EntryRef,
    /// The other one.
    pub rival: Box<Entry>,
    /// Whether later entries pin the place: then this is reported and changes nothing.
    pub pinned: bool,
}

/// What happened to a group on this node.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The control chain grew to this number.
    Control {
        /// The number of the last entry.
        head: u64,
    },
    /// The control chain is another one above `keep`.
    Recovered {
        /// The last entry that stayed.
        keep: u64,
        /// What is gone: asks of these are asked again.
        replaced: Vec<ControlEntry>,
    },
    /// The control chain is disputed in its running term.
    Disputed(Box<ForkProof>),
    /// The home has forked the control chain where it is pinned: reported only.
    Reported(Box<ForkProof>),
    /// A data entry was delivered.
    Delivered {
        /// Which.
        at: EntryRef,
        /// Whether deps are missing still.
        gap: bool,
        /// The entry, as it came.
        entry: Box<Entry>,
    },
    /// These are judged otherwise than before, or can be read now: something is shown that was not, or
    /// the other way.
    Judged(Vec<EntryRef>),
    /// A node has forked its lane.
    Forked(LaneFork),
    /// An entry found no place to wait, and will have to be fetched again.
    Dropped(EntryRef),
    /// An entry waits whose author's key is not known yet. It may be anybody's: it is not to be served.
    Unverified(EntryRef),
    /// The key of an entry that waited is known now, and has not signed it: the true one is to be
    /// fetched, which has the same name.
    Forged(EntryRef),
    /// A new key is in force; without it nothing can be written.
    Epoch {
        /// The entry that carries it.
        id: Hash16,
    },
}

/// Whether a lane takes an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gate {
    /// It does.
    Open,
    /// Perhaps, once it shows that the entry is on the branch that the home has kept.
    Branch,
    /// It does not: the lane is forked there, or the place is pinned.
    Closed,
}

/// An entry that waits.
#[derive(Debug, Clone)]
struct Waiting {
    entry: Entry,
    since_ms: u64,
    /// The first entry that it lacks, under which [`Replica::awaited`] has it.
    lacks: Option<EntryRef>,
}

/// The way down from the head that the chain has named of a forked lane.
///
/// A branch may be longer than there is room to wait, and which entries are on it shows only from its
/// end. So of those that find no place the names are kept: each entry tells the one before it.
#[derive(Debug, Clone)]
struct Branch {
    head: EntryRef,
    /// From the head down, without a gap.
    names: Vec<Hash16>,
}

impl Branch {
    fn new(head: EntryRef) -> Self {
        Self { head, names: vec![head.hash] }
    }

    /// The last one that is known of it.
    fn lowest(&self) -> EntryRef {
        let seq = self.head.seq.saturating_sub(self.names.len() as u64 - 1);
        EntryRef { seq, hash: self.names.last().copied().unwrap_or(self.head.hash), ..self.head }
    }

    fn name_at(&self, seq: u64) -> Option<Hash16> {
        let down = usize::try_from(self.head.seq.checked_sub(seq)?).ok()?;
        self.names.get(down).copied()
    }
}

/// One node's copy of a group.
#[derive(Debug, Clone)]
pub struct Replica {
    node: Node16,
    chain: Chain,
    lanes: Lanes,
    ids: HashMap<EntryRef, (EntryId, u32)>,
    pending: BTreeMap<EntryRef, Waiting>,
    /// What waits, by the first entry that each lacks: whoever fills the room for what waits would
    /// else have all of it looked at with every entry that is delivered.
    awaited: BTreeMap<EntryRef, BTreeSet<EntryRef>>,
    pending_max: usize,
    /// Lanes that take nothing from this number on.
    frozen: BTreeMap<(Node16, u32), u64>,
    /// Of lanes of which another branch was delivered: the one that counts.
    branches: BTreeMap<(Node16, u32), Branch>,
    /// Places up to this number stand below a Cert of the lane.
    pinned: BTreeMap<(Node16, u32), u64>,
    certs: BTreeMap<(Node16, u32), NodeCert>,
    keys: HashMap<Hash16, EpochSecret>,
    locked: HashMap<Hash16, Vec<Entry>>,
    told: BTreeMap<(Node16, u32), u64>,
    recent: BTreeMap<(Node16, u32), Recent>,
}

impl Replica {
    /// A copy that begins with a Genesis; `pending_max` entries may wait.
    ///
    /// # Errors
    /// [`Rejected`] if it is none.
    pub fn new(node: NodeId, genesis: Entry, pending_max: usize) -> Result<Self, Rejected> {
        Ok(Self {
            node: node.short(),
            chain: Chain::new(ControlEntry::new(genesis)?)?,
            lanes: Lanes::default(),
            ids: HashMap::new(),
            pending: BTreeMap::new(),
            awaited: BTreeMap::new(),
            pending_max,
            frozen: BTreeMap::new(),
            branches: BTreeMap::new(),
            pinned: BTreeMap::new(),
            certs: BTreeMap::new(),
            keys: HashMap::new(),
            locked: HashMap::new(),
            told: BTreeMap::new(),
            recent: BTreeMap::new(),
        })
    }

    /// Takes an entry from a peer, from the store, or from this node itself.
    ///
    /// # Errors
    /// [`Rejected`]; nothing has changed then.
    pub fn receive(&mut self, entry: Entry, now_ms: u64) -> Result<Vec<Event>, Rejected> {
        if matches!(entry.header().lane, Lane::Control { .. }) {
            return self.receive_control(ControlEntry::new(entry)?, now_ms);
        }
        let Some(read) = DataEntry::new(&entry, Content::Hidden) else { return Ok(Vec::new()) };
        if read.group != self.chain.group() {
            return Err(Rejected::Group);
        }
        if self.ids.contains_key(&read.at) || self.pending.contains_key(&read.at) {
            return Ok(Vec::new());
        }
        if Mutant::AcceptByClock.is_active() && entry.header().ts_ms.abs_diff(now_ms) > 300_000 {
            return Err(Rejected::Signature);
        }
        let shows_more = self.follow_branch(&read);
        let mut received = self.receive_data(&read, entry, now_ms);
        if shows_more && let Ok(events) = &mut received {
            self.drain(now_ms, events);
        }
        received
    }

    fn receive_data(
        &mut self,
        read: &DataEntry,
        entry: Entry,
        now_ms: u64,
    ) -> Result<Vec<Event>, Rejected> {
        let is_verified = self.verify(&entry)?;
        let mut events = Vec::new();
        let waiting = Waiting { entry, since_ms: now_ms, lacks: None };
        if is_verified {
            let gate = self.gate(read, &waiting.entry, &mut events);
            if !events.is_empty() {
                // The lane is forked: nobody waits for what stands in it.
                self.drain(now_ms, &mut events);
            }
            match gate {
                Gate::Open if self.is_due(read, &waiting, now_ms) => {
                    let next = self.deliver(waiting, now_ms, &mut events);
                    self.drain_some(next, now_ms, &mut events);
                    return Ok(events);
                }
                Gate::Closed if events.is_empty() => return Err(Rejected::Frozen),
                Gate::Closed => return Ok(events),
                Gate::Branch => {
                    // What the home keeps of a forked lane shows only from its end.
                    self.hold(read.at, waiting, &mut events);
                    self.drain(now_ms, &mut events);
                    return Ok(events);
                }
                Gate::Open => {}
            }
        } else {
            events.push(Event::Unverified(read.at));
        }
        self.hold(read.at, waiting, &mut events);
        Ok(events)
    }

    /// Time has passed: what has waited for its deps long enough is delivered.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Event> {
        let mut events = Vec::new();
        self.drain(now_ms, &mut events);
        events
    }

    /// A key of this group is known now: by a box, or from another member.
    ///
    /// Nothing happens if it is not the one that its entry had promised.
    pub fn learn_key(&mut self, id: Hash16, secret: EpochSecret) -> Vec<Event> {
        let promised = self.chain.entries().iter().find(|entry| entry.id().short() == id);
        let promised = promised.or_else(|| self.chain.aside().find(|e| e.id().short() == id));
        let epoch = promised.and_then(|entry| entry.action()).and_then(Action::epoch);
        if epoch.is_none_or(|epoch| epoch.commitment != secret.commitment()) {
            return Vec::new();
        }
        let mut changed = Vec::new();
        for entry in self.locked.remove(&id).unwrap_or_default() {
            let content = read_body(&entry, Some(&secret));
            if let Some(read) = DataEntry::new(&entry, Content::Hidden) {
                // It says something now, however it is judged.
                changed.push(read.at);
                let judged = self.lanes.set_content(&self.chain, &read.at, content);
                changed.extend(judged.into_iter().filter(|at| *at != read.at));
            }
        }
        self.keys.insert(id, secret);
        if changed.is_empty() { Vec::new() } else { vec![Event::Judged(changed)] }
    }

    /// A certificate of another node that a member shows: what waits for its key can be verified.
    ///
    /// A node may have shown it on a branch of its lane that some members do not hold, and signed with
    /// it on the one that counts. Nothing happens if the root key has not signed it, or if it is this
    /// node's own: what a lane has shown of itself is asked there.
    pub fn learn_cert(&mut self, cert: NodeCert, now_ms: u64) -> Vec<Event> {
        let (node, serial) = (cert.node().short(), cert.body.serial);
        let mut events = Vec::new();
        if node == self.node || self.knows_key(node, serial) || cert.verify().is_err() {
            return events;
        }
        self.certs.insert((node, serial), cert);
        self.drain(now_ms, &mut events);
        events
    }

    /// Certificates that lanes have shown, beside those of the chain: what a member serves.
    pub fn certs(&self) -> impl Iterator<Item = &NodeCert> {
        self.certs.values()
    }

    fn receive_control(
        &mut self,
        entry: ControlEntry,
        now_ms: u64,
    ) -> Result<Vec<Event>, Rejected> {
        let before = self.chain.state().head.0;
        let epoch = self.chain.state().epoch;
        let mut events = Vec::new();
        match self.chain.offer(entry)? {
            Accepted::Known | Accepted::Aside => return Ok(events),
            Accepted::Appended { revocations } => {
                let head = self.chain.state().head.0;
                events.push(Event::Control { head });
                let changed = self.lanes.chain_grew(&self.chain, before + 1, &revocations);
                judged(changed, &mut events);
            }
            Accepted::Recovered { keep, replaced } => {
                events.push(Event::Recovered { keep, replaced });
                judged(self.lanes.chain_changed(&self.chain), &mut events);
            }
            Accepted::Disputed(proof) => events.push(Event::Disputed(proof)),
            Accepted::Pinned(proof) => events.push(Event::Reported(proof)),
        }
        if let Some(id) = self.chain.state().epoch.filter(|id| Some(*id) != epoch) {
            events.push(Event::Epoch { id });
        }
        self.drain(now_ms, &mut events);
        Ok(events)
    }

    /// Whether the signature holds; `false` if the key is not known yet.
    fn verify(&self, entry: &Entry) -> Result<bool, Rejected> {
        let header = entry.header();
        let node = header.node.short();
        let own = own_cert(entry);
        let known = self.chain.state().cert(node, header.key_serial);
        let Some(cert) = own.as_ref().or(known).or(self.certs.get(&(node, header.key_serial)))
        else {
            return Ok(false);
        };
        let before = DataEntry::new(entry, Content::Hidden).and_then(|read| read.before());
        let serial = before.and_then(|before| self.ids.get(&before)).map(|(_, serial)| *serial);
        is_signed(entry, cert, serial).map(|()| true)
    }

    /// Whether a lane takes this entry, whose signature holds: looks for a fork first.
    ///
    /// At and below the head that the control chain has named, that head decides; above it, a fork
    /// stops the lane for everybody who sees it, until the home names another.
    fn gate(&mut self, read: &DataEntry, entry: &Entry, events: &mut Vec<Event>) -> Gate {
        let at = read.at;
        let named = self.chain.timeline().named(at.node, at.inc);
        let twins = self.lanes.twins(at.node, at.inc, at.seq).into_iter();
        let ours = twins.filter(|ours| *ours != at && self.lanes.is_on_branch(&self.chain, ours));
        let ours = ours.collect::<Vec<_>>().first().copied();
        let mut report = |pinned| {
            if let Some(ours) = ours {
                let rival = Box::new(entry.clone());
                events.push(Event::Forked(LaneFork { ours, rival, pinned }));
            }
        };
        if let Some(named) = named.filter(|named| at.seq <= named.seq) {
            return match self.is_below(&at, named) {
                Some(true) => Gate::Open,
                Some(false) => {
                    report(true);
                    Gate::Closed
                }
                None if ours.is_some() => {
                    self.begin_branch(named);
                    Gate::Branch
                }
                None => Gate::Open,
            };
        }
        let off_branch = |before: EntryRef| {
            self.ids.contains_key(&before) && !self.lanes.is_on_branch(&self.chain, &before)
        };
        if read.before().is_some_and(off_branch) {
            return Gate::Closed;
        }
        let known = self.frozen_from(at.node, at.inc);
        if ours.is_some() && known.is_none_or(|from| from > at.seq) {
            let pinned = self.pinned.get(&(at.node, at.inc)).is_some_and(|below| at.seq <= *below);
            report(pinned);
            if !pinned {
                self.frozen.insert((at.node, at.inc), at.seq);
            }
            return Gate::Closed;
        }
        if known.is_some_and(|from| at.seq >= from) { Gate::Closed } else { Gate::Open }
    }

    /// Whether an entry is on the way down from a head; `None` if that way is not here.
    fn is_below(&self, at: &EntryRef, head: EntryRef) -> Option<bool> {
        let mut down = head;
        let branch = self.branches.get(&(head.node, head.inc));
        if let Some(branch) = branch.filter(|branch| branch.head == head) {
            if let Some(name) = branch.name_at(at.seq) {
                return Some(name == at.hash);
            }
            down = branch.lowest();
        }
        while down.seq > at.seq {
            down = match self.lanes.get(&down) {
                Some(entry) => entry.before(),
                None => self
                    .pending
                    .get(&down)
                    .and_then(|waiting| DataEntry::new(&waiting.entry, Content::Hidden))
                    .and_then(|read| read.before()),
            }?;
        }
        Some(down == *at)
    }

    /// Begins to follow the branch of a named head, unless that was begun.
    fn begin_branch(&mut self, head: EntryRef) {
        let lane = (head.node, head.inc);
        if self.branches.get(&lane).is_none_or(|branch| branch.head != head) {
            self.branches.insert(lane, Branch::new(head));
        }
        self.lower_branch(lane);
    }

    /// Follows a branch over an entry that came, be its signature what it may: its name is what the
    /// branch says. Whether that shows more of it.
    fn follow_branch(&mut self, read: &DataEntry) -> bool {
        let lane = (read.at.node, read.at.inc);
        let Some(branch) = self.branches.get_mut(&lane) else { return false };
        let Some(before) = read.before().filter(|_| branch.lowest() == read.at) else {
            return false;
        };
        branch.names.push(before.hash);
        self.lower_branch(lane);
        true
    }

    /// Follows a branch over what waits, down to what was delivered.
    fn lower_branch(&mut self, lane: (Node16, u32)) {
        let Some(branch) = self.branches.get_mut(&lane) else { return };
        while let Some(waiting) = self.pending.get(&branch.lowest()) {
            let read = DataEntry::new(&waiting.entry, Content::Hidden);
            let Some(before) = read.and_then(|read| read.before()) else { return };
            branch.names.push(before.hash);
        }
    }

    /// Entries to fetch by their names, the next of each lane: of a branch that the home keeps and
    /// whose beginning does not show, since another one was delivered here.
    pub fn wanted(&self) -> Vec<EntryRef> {
        let named = |head: &EntryRef| self.chain.timeline().named(head.node, head.inc);
        let branches =
            self.branches.values().filter(|branch| named(&branch.head) == Some(branch.head));
        let lowest = branches.map(Branch::lowest);
        lowest.filter(|at| at.seq > 0 && !self.ids.contains_key(at)).collect()
    }

    /// Whether an entry can be delivered now.
    fn is_due(&self, read: &DataEntry, waiting: &Waiting, now_ms: u64) -> bool {
        let follows = read.before().is_none_or(|before| self.ids.contains_key(&before));
        let cites = read.ctl.is_none_or(|cite| !self.chain.awaits(&cite));
        follows && cites && (self.has_deps(&waiting.entry) || has_gap(waiting, now_ms))
    }

    fn has_deps(&self, entry: &Entry) -> bool {
        self.missing_dep(entry).is_none()
    }

    fn missing_dep(&self, entry: &Entry) -> Option<EntryRef> {
        let Lane::Data { deps, .. } = &entry.header().lane else { return None };
        // Of a forked lane everybody holds another branch: nobody waits for it.
        let is_there = |dep: &EntryRef| {
            let frozen = self.frozen_from(dep.node, dep.inc).is_some_and(|from| dep.seq >= from);
            let long =
                Mutant::LengthOnly.is_active() && self.lanes.length(dep.node, dep.inc) > dep.seq;
            frozen || long || self.ids.contains_key(dep)
        };
        deps.iter().find(|dep| !is_there(dep)).copied()
    }

    /// Delivers an entry; gives back what may be delivered with it here.
    fn deliver(
        &mut self,
        waiting: Waiting,
        now_ms: u64,
        events: &mut Vec<Event>,
    ) -> BTreeSet<EntryRef> {
        let entry = waiting.entry;
        let header = entry.header();
        let epoch = match &header.lane {
            Lane::Data { epoch, .. } => *epoch,
            Lane::Control { .. } => None,
        };
        let secret = epoch.and_then(|id| self.keys.get(&id));
        let content = read_body(&entry, secret);
        let Some(read) = DataEntry::new(&entry, content) else { return BTreeSet::new() };
        let at = read.at;
        let mut next = self.awaited.remove(&at).unwrap_or_default();
        let cert = brought(&read.content).filter(|cert| cert.node() == header.node);
        if let Some(cert) = cert.filter(|cert| cert.verify().is_ok()) {
            self.certs.insert((at.node, cert.body.serial), cert.clone());
            pin(&mut self.pinned, &at);
            // Whatever was signed with it.
            next.extend(self.pending.keys());
        }
        if let Some(id) = epoch.filter(|_| secret.is_none()) {
            self.locked.entry(id).or_default().push(entry.clone());
        }
        let gap = !self.has_deps(&entry);
        if at.node == self.node
            && let Lane::Data { deps, .. } = &header.lane
        {
            for dep in deps.iter() {
                let told = self.told.entry((dep.node, dep.inc)).or_default();
                *told = dep.seq.max(*told);
            }
        }
        let Ok(mut changed) = self.lanes.insert(&self.chain, read) else { return next };
        self.ids.insert(at, (entry.id(), header.key_serial));
        self.recent.entry((at.node, at.inc)).or_default().came(at.seq, now_ms);
        if self.branches.get(&(at.node, at.inc)).is_some_and(|branch| branch.head == at) {
            self.branches.remove(&(at.node, at.inc));
        }
        events.push(Event::Delivered { at, gap, entry: Box::new(entry) });
        changed.retain(|changed| *changed != at);
        judged(changed, events);
        next
    }

    /// Delivers whatever can be, until nothing can.
    fn drain(&mut self, now_ms: u64, events: &mut Vec<Event>) {
        self.drain_some(self.pending.keys().copied().collect(), now_ms, events);
    }

    /// Delivers what can be of these, and what waits for them.
    fn drain_some(&mut self, mut next: BTreeSet<EntryRef>, now_ms: u64, events: &mut Vec<Event>) {
        while let Some(at) = next.pop_first() {
            let Some(waiting) = self.pending.get(&at) else { continue };
            let Some(read) = DataEntry::new(&waiting.entry, Content::Hidden) else { continue };
            if !self.is_due(&read, waiting, now_ms) {
                let lacks = self.lacks(&read, &waiting.entry);
                self.awaits(at, lacks);
                continue;
            }
            match self.verify(&waiting.entry) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(_) => {
                    self.release(&at);
                    events.push(Event::Forged(at));
                    continue;
                }
            }
            let entry = waiting.entry.clone();
            let told = events.len();
            let mut gate = self.gate(&read, &entry, events);
            if gate == Gate::Branch {
                // It has begun to follow the branch, and may know by now.
                gate = self.gate(&read, &entry, events);
            }
            if events.len() > told {
                // The lane is forked: nobody waits for what stands in it.
                next.extend(self.pending.keys());
            }
            match gate {
                Gate::Open => {
                    let Some(waiting) = self.release(&at) else { continue };
                    next.append(&mut self.deliver(waiting, now_ms, events));
                }
                Gate::Branch => {}
                Gate::Closed => drop(self.release(&at)),
            }
        }
    }

    /// The first entry that one lacks; `None` if what it lacks is none.
    fn lacks(&self, read: &DataEntry, entry: &Entry) -> Option<EntryRef> {
        let before = read.before().filter(|before| !self.ids.contains_key(before));
        before.or_else(|| self.missing_dep(entry))
    }

    /// Notes under which entry one that waits is found.
    fn awaits(&mut self, at: EntryRef, lacks: Option<EntryRef>) {
        let Some(waiting) = self.pending.get_mut(&at) else { return };
        let before = std::mem::replace(&mut waiting.lacks, lacks);
        if let Some(before) = before.filter(|before| Some(*before) != lacks) {
            self.forget_awaited(before, &at);
        }
        if let Some(lacks) = lacks {
            self.awaited.entry(lacks).or_default().insert(at);
        }
    }

    fn forget_awaited(&mut self, lacks: EntryRef, at: &EntryRef) {
        if let Some(all) = self.awaited.get_mut(&lacks) {
            all.remove(at);
            if all.is_empty() {
                self.awaited.remove(&lacks);
            }
        }
    }

    /// An entry waits no longer.
    fn release(&mut self, at: &EntryRef) -> Option<Waiting> {
        let waiting = self.pending.remove(at)?;
        if let Some(lacks) = waiting.lacks {
            self.forget_awaited(lacks, at);
        }
        Some(waiting)
    }

    /// Lets an entry wait, if there is room: what is nearest to its lane's end is kept.
    fn hold(&mut self, at: EntryRef, waiting: Waiting, events: &mut Vec<Event>) {
        let read = DataEntry::new(&waiting.entry, Content::Hidden);
        let lacks = read.and_then(|read| self.lacks(&read, &waiting.entry));
        self.pending.insert(at, waiting);
        self.awaits(at, lacks);
        if self.pending.len() > self.pending_max {
            let distance =
                |at: &EntryRef| at.seq.saturating_sub(self.lanes.length(at.node, at.inc));
            let farthest = self.pending.keys().max_by_key(|at| (distance(at), **at)).copied();
            if let Some(farthest) = farthest {
                self.release(&farthest);
                events.push(Event::Dropped(farthest));
            }
        }
    }

    /// The control chain.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// What was delivered of the lanes.
    pub fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    /// The whole name of a delivered entry.
    pub fn id_of(&self, at: &EntryRef) -> Option<EntryId> {
        self.ids.get(at).map(|(id, _)| *id)
    }

    /// A key of this group, if it is known here.
    pub fn key(&self, id: &Hash16) -> Option<&EpochSecret> {
        self.keys.get(id)
    }

    /// Keys without which delivered entries cannot be read here.
    pub fn missing_keys(&self) -> BTreeSet<Hash16> {
        let in_force = self.chain.state().epoch.filter(|id| !self.keys.contains_key(id));
        self.locked.keys().copied().chain(in_force).collect()
    }

    /// Whether entries under this certificate can be verified here.
    pub fn knows_key(&self, node: Node16, serial: u32) -> bool {
        let known = self.chain.state().cert(node, serial);
        known.or(self.certs.get(&(node, serial))).is_some()
    }

    /// Under which certificate the last delivered entry of a lane was signed; `None` for an empty lane.
    pub fn last_serial(&self, node: Node16, inc: u32) -> Option<u32> {
        let heads = self.lanes.heads(&self.chain);
        let last = heads.into_iter().find(|at| (at.node, at.inc) == (node, inc))?;
        self.ids.get(&last).map(|(_, serial)| *serial)
    }

    /// How many data entries may wait from here on.
    pub fn set_pending_max(&mut self, pending_max: usize) {
        self.pending_max = pending_max;
    }

    /// How many entries wait.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// How many entries of each node wait.
    pub fn pending_of_nodes(&self) -> BTreeMap<Node16, u64> {
        let mut counts = BTreeMap::new();
        for at in self.pending.keys() {
            *counts.entry(at.node).or_default() += 1;
        }
        counts
    }

    /// From which number on a lane takes nothing, being forked.
    pub fn frozen_from(&self, node: Node16, inc: u32) -> Option<u64> {
        let named = self.chain.timeline().named(node, inc);
        // Both branches may have been delivered, by the word of a chain that a Recover has replaced.
        let both = self.lanes.undecided_at(&self.chain, node, inc);
        let seen = self.frozen.get(&(node, inc)).copied();
        let open = |from: &u64| named.is_none_or(|named| *from > named.seq);
        seen.into_iter().chain(both).filter(open).min()
    }

    /// Lanes that are forked, as far as the chain has not decided: the home settles them.
    pub fn forked_lanes(&self) -> Vec<(Node16, u32)> {
        let seen = self.frozen.keys().copied();
        let mut lanes: Vec<_> = seen.chain(self.lanes.forked()).collect();
        lanes.sort_unstable();
        lanes.dedup();
        lanes.retain(|(node, inc)| self.frozen_from(*node, *inc).is_some());
        lanes
    }

    /// What an entry waits for, in a test that fails.
    #[cfg(test)]
    pub(crate) fn explain(&self, at: &EntryRef) -> String {
        let waiting = self.pending.get(at);
        let read = waiting.and_then(|w| DataEntry::new(&w.entry, Content::Hidden));
        format!(
            "pending {} verified {:?} follows {:?} cites {:?} deps {:?} named {:?} frozen {:?} twins {:?} \
             length {} member {}",
            waiting.is_some(),
            waiting.map(|w| self.verify(&w.entry)),
            read.as_ref().and_then(|r| r.before()).map(|b| self.ids.contains_key(&b)),
            read.as_ref().and_then(|r| r.ctl).map(|cite| !self.chain.awaits(&cite)),
            waiting.map(|w| self.has_deps(&w.entry)),
            self.chain.timeline().named(at.node, at.inc),
            self.frozen_from(at.node, at.inc),
            self.lanes.twins(at.node, at.inc, at.seq),
            self.lanes.length(at.node, at.inc),
            self.chain.state().is_member(at.node),
        )
    }

    /// If so much of a lane has come just now that other members may not have all of it yet: what they
    /// have for sure, which came two seconds ago or earlier.
    pub(crate) fn settled(&self, node: Node16, inc: u32, now_ms: u64) -> Option<Option<EntryRef>> {
        let recent = self.recent.get(&(node, inc))?.at(now_ms);
        let settled = || recent.settled.and_then(|seq| self.lanes.at(node, inc, seq));
        recent.is_hasty().then(settled)
    }

    /// The last number of another lane that this node's lane has named.
    pub(crate) fn told(&self, node: Node16, inc: u32) -> Option<u64> {
        self.told.get(&(node, inc)).copied()
    }
}

fn judged(changed: Vec<EntryRef>, events: &mut Vec<Event>) {
    if !changed.is_empty() {
        events.push(Event::Judged(changed));
    }
}

/// The certificate of its own key that an entry brings along.
pub(crate) fn own_cert(entry: &Entry) -> Option<NodeCert> {
    let header = entry.header();
    brought(&read_body(entry, None)).cloned().filter(|cert| {
        cert.body.serial == header.key_serial && cert.node() == header.node && cert.verify().is_ok()
    })
}

/// Checks an entry of a lane under a certificate; `before` is the serial of the entry before it.
pub(crate) fn is_signed(
    entry: &Entry,
    cert: &NodeCert,
    before: Option<u32>,
) -> Result<(), Rejected> {
    let header = entry.header();
    if cert.node() != header.node {
        return Err(Rejected::Signature);
    }
    entry.verify(Signer::Node, &cert.op()).map_err(|_| Rejected::Signature)?;
    // Along a lane keys are replaced, never taken up again.
    if before.is_some_and(|serial| serial > header.key_serial) {
        return Err(Rejected::Signature);
    }
    Ok(())
}

/// The certificate that an entry brings along.
pub(crate) fn brought(content: &Content) -> Option<&NodeCert> {
    match content {
        Content::Said(DataBody::Cert(cert)) => Some(cert),
        Content::Said(DataBody::Open(open)) => open.cert.as_ref(),
        _ => None,
    }
}

fn has_gap(waiting: &Waiting, now_ms: u64) -> bool {
    now_ms.saturating_sub(waiting.since_ms) >= GAP_AFTER_MS
}

pub(crate) fn pin(pinned: &mut BTreeMap<(Node16, u32), u64>, at: &EntryRef) {
    let below = pinned.entry((at.node, at.inc)).or_default();
    *below = at.seq.max(*below);
}

#[cfg(test)]
mod tests;
