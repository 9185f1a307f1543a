//! What is under way for one group.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use glog::{ControlRef, EntryRef, Hash16, NodeId};

use super::lane::LaneWork;
use crate::host::{Heads, LaneName};

/// What was handed over and does not show among the own heads is fetched again after so long, then
/// twice as long each time: it waits for what it depends on for 30 s, or found no room.
const AGAIN_MS: u64 = 35_000;
const AGAIN_MAX_MS: u64 = 3_600_000;
/// Lanes of one side that its entries name and that are waited for: as many as one entry names.
const NAMED_LANES_MAX: usize = glog::DEPS_MAX;
/// After a failure a peer is asked about the group again after so long, then twice as long.
const RESUME_MS: u64 = 500;
const RESUME_MAX_MS: u64 = 60_000;

/// A group, as far as others are concerned.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// The peers that share it, and what they have.
    pub(super) sides: BTreeMap<NodeId, Side>,
    /// Our digest, and when it was computed.
    pub(super) digest: Option<([u8; 32], u64)>,
    pub(super) asking_digest: bool,
    /// It is not here.
    pub(super) missing: bool,
    /// The node knows what there is of it, though nothing of it is here.
    pub(super) begun: bool,
    pub(super) asking_begins: bool,
    /// What is held here, in this round. Emptied by whatever changes it.
    pub(super) ours: Option<Heads>,
    /// The control head of that, when it was last asked for.
    pub(super) control: Option<ControlRef>,
    pub(super) asking_ours: bool,
    /// Lanes that are being fetched: the control chain alone, or data.
    pub(super) lanes: BTreeMap<LaneName, LaneWork>,
    /// A branch of the control chain that is followed down.
    pub(super) walk: Option<Walk>,
    /// Entries that were fetched by name.
    pub(super) extra: VecDeque<Named>,
    /// Whether the node is taking entries: one batch at a time keeps them in order.
    pub(super) handing: bool,
    /// What was handed over of each lane, beyond what shows.
    pub(super) handed: BTreeMap<LaneName, Handed>,
    /// Certificates have come since the own heads were last asked for, and something did not show.
    learned: bool,
    /// Names that were asked for, of whom, and when.
    pub(super) named: BTreeMap<(EntryRef, NodeId), u64>,
    /// Lanes that were seen to be forked. What they have not taken they may take under another head of
    /// the control chain.
    pub(super) forked: BTreeSet<LaneName>,
    /// Heads that were found on our branch, or on another one.
    pub(super) checked: BTreeSet<EntryRef>,
    pub(super) asking_own: bool,
    pub(super) asking_wanted: bool,
    /// Something of a node that is over its pace was left out of this round: it is looked at again then.
    pub(super) paced_at: Option<u64>,
    /// Whether anything new came in this round.
    pub(super) fresh: bool,
    /// When peers are told of a change.
    pub(super) tell_at: Option<u64>,
    pub(super) gossiped: bool,
    /// The node takes nothing until then.
    pub(super) stopped_until: u64,
    /// Peers from which somebody wants to have everything.
    pub(super) waiters: BTreeSet<NodeId>,
}

/// Entries that were fetched by name.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) peer: NodeId,
    pub(super) entries: Vec<Vec<u8>>,
    /// The entry below, and how many steps down from a head that is.
    pub(super) before: Option<(EntryRef, u32)>,
}

/// What a peer has of a group.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// Whether the node shares the group with it; else it is only fetched from.
    pub(super) shared: bool,
    /// The last digest it told.
    pub(super) told: Option<[u8; 32]>,
    /// The last digest that it was told.
    pub(super) heard: Option<[u8; 32]>,
    /// Whether it has something else than we.
    pub(super) differs: bool,
    /// Whether it brought what was held back, since its heads were last asked for.
    pub(super) held_back: bool,
    /// What it has, in this round.
    pub(super) heads: Option<Heads>,
    pub(super) asking_heads: bool,
    /// Nothing is left to be had of [`Self::heads`].
    pub(super) done: bool,
    /// Lanes of which it gave nothing from here on, whatever its heads said.
    pub(super) short: BTreeMap<LaneName, u64>,
    /// Up to where its entries name lanes of nodes that are over their pace.
    pub(super) named: BTreeMap<LaneName, u64>,
    /// Its control head, when that was found on our chain.
    pub(super) below: Option<ControlRef>,
    /// Its control head and ours, when its branch was followed to where they part.
    pub(super) walked: Option<(ControlRef, Option<ControlRef>)>,
    pub(super) certs_asked_at: Option<u64>,
    pub(super) failures: u32,
    /// It is not asked again before.
    pub(super) resume_at: u64,
    /// When its digest was last found equal to ours.
    pub(super) equal_at: Option<u64>,
    pub(super) lag: u64,
}

/// What was handed over of a lane and does not show yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handed {
    /// The first number that was not.
    pub(super) next: u64,
    /// The name of the last one that was.
    pub(super) last: Hash16,
    until: u64,
    tries: u32,
}

/// A branch of the control chain that is followed down, twice as far with each step.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) peer: NodeId,
    /// Its control head.
    pub(super) theirs: ControlRef,
    pub(super) work: LaneWork,
    /// How long this step is.
    pub(super) step: u64,
    /// Entries that were fetched so far.
    pub(super) fetched: u64,
    /// The name of its entry at the lower end of this step.
    pub(super) low: Option<Hash16>,
}

/// Why the node is asked for the name of an own entry.
#[derive(Debug, Clone)]
pub(super) enum OwnFor {
    /// Whether a peer's control head is on our chain.
    Below(NodeId, ControlRef),
    /// Whether a step down a branch of the control chain has met ours.
    Walk,
    /// Whether a lane's shorter head is on ours.
    Head(NodeId, EntryRef),
    /// Whether an entry below a fork is ours.
    Descent(NodeId, EntryRef, u32),
}

/// What was handed over.
#[derive(Debug, Clone)]
pub(super) enum Handing {
    /// A chunk of a lane, up to this number, with the name of its last entry.
    Lane(LaneName, u64, Hash16),
    /// A step of a walk.
    Walk,
    /// Entries by name; the one before this is looked at next.
    Names(Option<(EntryRef, u32)>),
}

impl Group {
    /// Whether entries are being fetched or handed over.
    pub(super) fn is_busy(&self) -> bool {
        !self.lanes.is_empty() || self.walk.is_some() || self.handing || !self.extra.is_empty()
    }

    /// Whether an answer is awaited.
    pub(super) fn is_asking(&self) -> bool {
        self.asking_ours
            || self.asking_digest
            || self.asking_own
            || self.asking_wanted
            || self.asking_begins
            || self.sides.values().any(|side| side.asking_heads)
    }

    /// The first number of a lane that is lacking, and the name of the entry before it.
    pub(super) fn have(&self, lane: LaneName, now_ms: u64) -> (u64, Option<Hash16>) {
        let ours = self.ours.as_ref().and_then(|heads| match lane {
            LaneName::Control => Some((heads.control.seq + 1, heads.control.hash)),
            LaneName::Data { node, inc } => {
                heads.lane(node, inc).map(|head| (head.seq + 1, head.hash))
            }
        });
        let handed = self.handed.get(&lane).filter(|handed| handed.until > now_ms);
        match (ours, handed) {
            (Some((next, _)), Some(handed)) if handed.next > next => {
                (handed.next, Some(handed.last))
            }
            (Some((next, hash)), _) => (next, Some(hash)),
            (None, Some(handed)) => (handed.next, Some(handed.last)),
            (None, None) => (0, None),
        }
    }

    /// A chunk was handed over, and not refused.
    pub(super) fn note_handed(&mut self, lane: LaneName, next: u64, last: Hash16, now_ms: u64) {
        let before = self.handed.get(&lane).copied();
        // The same range once more: what did not find its place then may not now.
        let tries =
            before.map_or(0, |before| match before.next >= next && before.until <= now_ms {
                true => before.tries + 1,
                false => before.tries,
            });
        let until = now_ms + AGAIN_MS.saturating_mul(1 << tries.min(10)).min(AGAIN_MAX_MS);
        let next = next.max(before.filter(|b| b.until > now_ms).map_or(0, |before| before.next));
        self.handed.insert(lane, Handed { next, last, until, tries });
    }

    /// The control chain is another one: which branch of a lane counts may have been decided.
    pub(super) fn chain_changed(&mut self) {
        for lane in &self.forked {
            self.handed.remove(lane);
        }
        self.named.clear();
        self.checked.clear();
    }

    /// What shows by now need not be remembered as handed over.
    pub(super) fn forget_shown(&mut self) {
        let Some(ours) = &self.ours else { return };
        self.handed.retain(|lane, handed| ours.end(*lane) < handed.next);
        // What is being handed over may turn out not to show.
        if !self.handing && std::mem::take(&mut self.learned) {
            // Once: what does not show then either waits for something else.
            for handed in self.handed.values_mut().filter(|handed| handed.tries == 0) {
                (handed.until, handed.tries) = (0, 1);
            }
            if self.has_hidden() {
                self.sides.values_mut().for_each(|side| side.done = false);
            }
        }
    }

    /// Certificates have come: a node need not have kept what it could not verify, and is asked what it
    /// holds once more.
    pub(super) fn certs_came(&mut self) {
        self.ours = None;
        self.digest = None;
        // The answer about what was handed over before may come after this one.
        if self.has_hidden() || self.handing {
            self.learned = true;
            self.sides.values_mut().for_each(|side| side.done = false);
        }
    }

    /// Whether something was handed over that does not show.
    pub(super) fn has_hidden(&self) -> bool {
        !self.handed.is_empty()
    }
}

impl Side {
    /// The first number of a lane that this peer cannot give.
    pub(super) fn end(&self, lane: LaneName) -> u64 {
        let end = self.heads.as_ref().map_or(0, |heads| heads.end(lane));
        let end = self.named.get(&lane).map_or(end, |named| end.max(*named));
        self.short.get(&lane).map_or(end, |short| end.min(*short))
    }

    /// It has entries that name a lane up to this number; whether that is more than was known.
    pub(super) fn names(&mut self, lane: LaneName, end: u64) -> bool {
        if self.named.len() >= NAMED_LANES_MAX && !self.named.contains_key(&lane) {
            return false;
        }
        let before = self.named.insert(lane, end).unwrap_or(0);
        if before >= end {
            self.named.insert(lane, before);
            return false;
        }
        // What it could not give before it may have by now.
        self.short.remove(&lane);
        true
    }

    pub(super) fn is_equal(&mut self, now_ms: u64) {
        self.equal_at = Some(now_ms);
        self.differs = false;
        self.lag = 0;
        self.failures = 0;
    }

    pub(super) fn has_failed(&mut self, now_ms: u64) {
        let wait_ms = (RESUME_MS << self.failures.min(10)).min(RESUME_MAX_MS);
        self.failures += 1;
        self.resume_at = now_ms.saturating_add(wait_ms);
    }
}
