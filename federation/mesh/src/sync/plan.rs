//! What comes next for a group: the control chain first, where branches part, then data.

use std::collections::BTreeMap;

use glog::{ControlRef, GroupId, Hash16, NodeId};

use super::group::{OwnFor, Walk};
use super::lane::{CHUNK, LaneWork};
use super::names::NAMED_MAX;
use super::pace::FETCHED_MAX;
use super::{Question, SWEEP_MS, Sync, Ticket};
use crate::host::{Heads, LaneName};

/// How far a branch of the control chain is followed: as many entries as a chain holds aside.
const WALK_MAX: u64 = 4_096;
/// How many steps a lane's fork is followed down, one entry each.
const DESCENT_MAX: u32 = 256;

impl Sync {
    /// Nothing is under way, and what is held here is known: what comes next?
    pub(super) fn plan(&mut self, id: GroupId, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        if group.is_busy() {
            return;
        }
        let may_begin = !group.waiters.is_empty();
        if group.ours.is_none() && !may_begin {
            // Not here: nobody makes this node fetch a group.
            for side in group.sides.values_mut() {
                side.done = true;
            }
            return;
        }
        if group.ours.is_none() && !group.begun {
            return self.begin(id);
        }
        let Some(group) = self.groups.get_mut(&id) else { return };
        for side in group.sides.values_mut().filter(|side| !side.done) {
            side.lag = side.heads.as_ref().map_or(0, |heads| lag(heads, group.ours.as_ref()));
        }
        if self.plan_control(id, now_ms) || self.plan_data(id, now_ms) {
            return;
        }
        self.finish(id, now_ms);
    }

    /// The node learns what there is of a group, as peers say, before it gets any of it.
    fn begin(&mut self, id: GroupId) {
        let Some(group) = self.groups.get_mut(&id).filter(|group| !group.asking_begins) else {
            return;
        };
        group.asking_begins = true;
        let heads = group.sides.values().filter_map(|side| side.heads.as_ref());
        let lanes = heads.flat_map(|heads| heads.lanes.iter().copied()).collect();
        self.ask(Ticket::AskBegins(id), Question::Begins(id, lanes));
    }

    /// The node has learned it.
    pub(super) fn has_begun(&mut self, id: GroupId, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        (group.begun, group.asking_begins) = (true, false);
        self.work(id, now_ms);
    }

    /// Whether there is something to do about the control chain first.
    pub(super) fn plan_control(&mut self, id: GroupId, now_ms: u64) -> bool {
        let Some(group) = self.groups.get_mut(&id) else { return false };
        let ours = group.control;
        let (have, last) = group.have(LaneName::Control, now_ms);
        let mut longest: Option<(NodeId, ControlRef)> = None;
        let mut look_at = None;
        for (peer, side) in &group.sides {
            let Some(theirs) = side.heads.as_ref().filter(|_| !side.done).map(|h| h.control) else {
                continue;
            };
            if side.is_out(now_ms) {
                continue;
            }
            // Followed down already: what is left is above.
            let walked = side.walked == Some((theirs, ours));
            let same_life =
                ours.is_none_or(|o| (o.recovery, o.act) == (theirs.recovery, theirs.act));
            match ours {
                Some(ours) if ours == theirs => {}
                Some(ours) if theirs.recovery < ours.recovery => {}
                Some(ours) if !same_life && !walked => {
                    look_at = Some((*peer, theirs, ours.seq.min(theirs.seq), true));
                }
                Some(ours) if theirs.seq < have => {
                    let is_looked_at = walked || !same_life || side.below == Some(theirs);
                    if theirs.seq <= ours.seq && !is_looked_at {
                        look_at = Some((*peer, theirs, theirs.seq, false));
                    }
                }
                _ if side.end(LaneName::Control) <= have => {}
                _ => {
                    let rank = |of: &ControlRef| (of.recovery, of.seq);
                    if longest.is_none_or(|(_, best)| rank(&best) < rank(&theirs)) {
                        longest = Some((*peer, theirs));
                    }
                }
            }
        }
        if let Some((peer, theirs)) = longest {
            let work = LaneWork::new(have, theirs.seq + 1, last, Some(peer));
            group.lanes.insert(LaneName::Control, work);
            return true;
        }
        let Some((peer, theirs, seq, differs)) = look_at else { return false };
        if differs {
            self.walk(id, peer, theirs, seq + 1);
        } else {
            group.asking_own = true;
            let of = OwnFor::Below(peer, theirs);
            self.ask(Ticket::AskOwn(id, of), Question::Own(id, LaneName::Control, seq));
        }
        true
    }

    /// Follows a peer's branch of the control chain, from below this number down.
    pub(super) fn walk(&mut self, id: GroupId, peer: NodeId, theirs: ControlRef, high: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        // No branch parts below the Genesis, whose name is the group's.
        let high = high.max(2);
        let work = LaneWork::new(high - 1, high, None, Some(peer));
        group.lanes.clear();
        group.walk = Some(Walk { peer, theirs, work, step: 1, fetched: 0, low: None });
    }

    /// Whether there is data to fetch.
    pub(super) fn plan_data(&mut self, id: GroupId, now_ms: u64) -> bool {
        let Some(group) = self.groups.get_mut(&id) else { return false };
        let mut ends: BTreeMap<LaneName, u64> = BTreeMap::new();
        let mut heads = Vec::new();
        for (peer, side) in &mut group.sides {
            // Once nothing is held back, heads say all there is.
            side.named.retain(|lane, _| {
                matches!(lane, LaneName::Data { node, .. } if self.paces.is_over(node, now_ms))
            });
            if side.done || side.is_out(now_ms) {
                continue;
            }
            for head in side.heads.iter().flat_map(|heads| &heads.lanes) {
                let lane = LaneName::Data { node: head.node, inc: head.inc };
                let end = ends.entry(lane).or_default();
                *end = side.end(lane).max(*end);
                heads.push((*peer, *head));
            }
            for lane in side.named.keys() {
                let end = ends.entry(*lane).or_default();
                *end = side.end(*lane).max(*end);
            }
        }
        for (lane, end) in ends {
            let (have, last) = group.have(lane, now_ms);
            let LaneName::Data { node, .. } = lane else { continue };
            let mut named = have;
            for side in group.sides.values_mut().filter(|side| !side.named.is_empty()) {
                side.named.retain(|of, end| *of != lane || *end > have);
                named =
                    named.max(side.named.get(&lane).map_or(0, |named| side.end(lane).min(*named)));
            }
            if have >= end {
                continue;
            }
            // Of who is over its pace a little, so that the others' lanes go on soon.
            let (lacking, urgent) = (end - have, named - have);
            let paced = self.paces.fetches(node, lacking, urgent, now_ms);
            let (end, part) =
                paced.map_or((end, CHUNK), |paced| (have + paced.entries, FETCHED_MAX));
            if let Some(paced) = paced.filter(|paced| paced.entries < lacking) {
                let at = now_ms.saturating_add(paced.again_ms.max(SWEEP_MS));
                group.paced_at = Some(group.paced_at.map_or(at, |before| before.min(at)));
            }
            if have < end {
                let work = LaneWork::new(have, end, last, None).in_parts(part);
                group.lanes.insert(lane, work);
            }
        }
        // Heads that ours should contain: what is on another branch proves a fork.
        let mut looked_at = None;
        for (peer, head) in heads {
            let lane = LaneName::Data { node: head.node, inc: head.inc };
            let ours = group.ours.as_ref().and_then(|ours| ours.lane(head.node, head.inc));
            if ours.is_none_or(|ours| head.seq > ours.seq || head == *ours) {
                continue;
            }
            if group.checked.len() >= NAMED_MAX {
                group.checked.clear();
            }
            if looked_at.is_none() && group.lanes.is_empty() && group.checked.insert(head) {
                looked_at = Some((peer, head, lane));
            }
        }
        if let Some((peer, head, lane)) = looked_at {
            group.asking_own = true;
            let of = OwnFor::Head(peer, head);
            self.ask(Ticket::AskOwn(id, of), Question::Own(id, lane, head.seq));
            return true;
        }
        if group.lanes.is_empty() {
            return false;
        }
        self.ask_certs(id, false, now_ms);
        true
    }

    /// The name of an own entry is known.
    pub(super) fn own_is(&mut self, id: GroupId, of: OwnFor, own: Option<Hash16>, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        group.asking_own = false;
        match of {
            OwnFor::Below(peer, theirs) => {
                if own == Some(theirs.hash) {
                    if let Some(side) = group.sides.get_mut(&peer) {
                        side.below = Some(theirs);
                    }
                } else if group.sides.contains_key(&peer) {
                    self.walk(id, peer, theirs, theirs.seq + 1);
                }
            }
            OwnFor::Walk => self.walk_on(id, own),
            OwnFor::Head(peer, head) => {
                if own != Some(head.hash) {
                    group.forked.insert(LaneName::Data { node: head.node, inc: head.inc });
                    self.ask_names(id, peer, vec![head], 1, now_ms);
                }
            }
            OwnFor::Descent(peer, before, depth) => {
                if own != Some(before.hash) && depth < DESCENT_MAX {
                    self.ask_names(id, peer, vec![before], depth + 1, now_ms);
                }
            }
        }
        self.work(id, now_ms);
    }

    /// A step of a walk was taken by the node: is there another?
    pub(super) fn walk_on(&mut self, id: GroupId, own: Option<Hash16>) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let ours = group.control;
        let Some(walk) = &mut group.walk else { return };
        let low = walk.work.begin;
        let met = own.is_some() && own == walk.low;
        if met || low <= 1 || walk.fetched >= WALK_MAX {
            let (peer, theirs) = (walk.peer, walk.theirs);
            group.walk = None;
            if let Some(side) = group.sides.get_mut(&peer) {
                side.walked = Some((theirs, ours));
            }
            group.ours = None;
            return;
        }
        walk.step = (walk.step * 2).min(CHUNK);
        walk.low = None;
        walk.work = LaneWork::new(low.saturating_sub(walk.step).max(1), low, None, Some(walk.peer));
    }
}

/// How many entries of these heads are lacking here.
fn lag(theirs: &Heads, ours: Option<&Heads>) -> u64 {
    let lanes = theirs.lanes.iter().map(|head| LaneName::Data { node: head.node, inc: head.inc });
    let lacking = std::iter::once(LaneName::Control).chain(lanes).map(|lane| {
        let have = ours.map_or(0, |ours| ours.end(lane));
        theirs.end(lane).saturating_sub(have)
    });
    lacking.fold(0, u64::saturating_add)
}
