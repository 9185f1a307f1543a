//! A round: heads are compared, what is missing is fetched and handed over, until nothing is.

use std::collections::BTreeMap;

use glog::cbor::List;
use glog::{ControlRef, EntryRef, GroupId, Hash16, NodeId};

use super::group::{Group, Handing, Named, OwnFor, Side, Walk};
use super::lane::{self, CHUNK, LaneWork};
use super::{Effect, FLYING_MAX, Fault, Question, Sync, Ticket};
use crate::frames::{NAMES_MAX, PAGE_BYTES_MAX, Request};
use crate::host::{Heads, LaneName, Received};
use crate::status::FetchError;

/// Pages that are under way or wait for what comes before them, in one group.
const PAGES_MAX: usize = 8;
/// How far a branch of the control chain is followed: as many entries as a chain holds aside.
const WALK_MAX: u64 = 4_096;
/// How many steps a lane's fork is followed down, one entry each.
const DESCENT_MAX: u32 = 256;
/// Names and heads that are remembered as asked for or looked at.
const NAMED_MAX: usize = 4_096;
/// A name is asked for again after so long.
const NAMED_AGAIN_MS: u64 = 30_000;
/// Certificates are asked for again after so long.
const CERTS_AGAIN_MS: u64 = 60_000;
/// A peer's heads are asked for again after so long; of a gossiped group less often, since most of
/// what differs is on its way.
const HEADS_AGAIN_MS: u64 = 100;
const HEADS_AGAIN_GOSSIPED_MS: u64 = 1_000;
/// After so long a node that takes nothing is tried again.
const STOPPED_MS: u64 = 30_000;
/// Attempts of a fetch that somebody waits for.
const ATTEMPTS_MAX: u32 = 3;
/// Failures in a row after which nothing more is asked of a peer's heads.
const FAILURES_MAX: u32 = 6;

impl Sync {
    /// Asks for a peer's heads, now or as soon as it may be asked.
    pub(super) fn ask_heads_of(&mut self, peer: NodeId, id: GroupId, now_ms: u64) {
        let Some(known) = self.peers.get_mut(&peer) else { return };
        let Some(group) = self.groups.get_mut(&id) else { return };
        let waits = !group.waiters.is_empty();
        let Some(side) = group.sides.get_mut(&peer) else { return };
        let wanted = (side.shared && !group.missing) || waits;
        let fetching = side.heads.is_some() && !side.done;
        if !wanted || side.asking_heads || fetching || side.resume_at > now_ms {
            return;
        }
        if known.flying >= FLYING_MAX {
            known.next_heads.insert(id);
            return;
        }
        if known.paused_until > now_ms || known.bucket.take(now_ms).is_none() {
            return; // it differs still, and a tick tries again
        }
        side.asking_heads = true;
        self.send(peer, Ticket::Heads(peer, id), Request::Heads { group: id });
    }

    /// The peer has room for another request.
    pub(super) fn ask_next_heads(&mut self, peer: NodeId, now_ms: u64) {
        while let Some(known) = self.peers.get_mut(&peer) {
            if known.flying >= FLYING_MAX {
                return;
            }
            let Some(id) = known.next_heads.pop_first() else { return };
            self.ask_heads_of(peer, id, now_ms);
        }
    }

    pub(super) fn heads_came(&mut self, peer: NodeId, id: GroupId, heads: Heads, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let is_busy = group.is_busy();
        let Some(side) = group.sides.get_mut(&peer) else { return };
        side.asking_heads = false;
        side.done = false;
        side.differs = false;
        side.told = Some(heads.digest());
        side.short.clear();
        side.failures /= 2;
        let again_ms = if heads.public && self.limits_gossiped(&id) {
            HEADS_AGAIN_GOSSIPED_MS
        } else {
            HEADS_AGAIN_MS
        };
        let Some(group) = self.groups.get_mut(&id) else { return };
        let Some(side) = group.sides.get_mut(&peer) else { return };
        side.resume_at = now_ms.saturating_add(again_ms);
        side.heads = Some(heads);
        if !is_busy {
            group.ours = None;
        }
        self.work(id, now_ms);
    }

    fn limits_gossiped(&self, id: &GroupId) -> bool {
        self.groups.get(id).is_some_and(|group| group.gossiped)
    }

    pub(super) fn heads_failed(&mut self, peer: NodeId, id: GroupId) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let Some(side) = group.sides.get_mut(&peer) else { return };
        side.asking_heads = false;
        side.differs = true;
        if side.failures >= ATTEMPTS_MAX && group.waiters.remove(&peer) {
            let result = Err(FetchError::Unreachable);
            self.effects.push_back(Effect::Fetched { group: id, peer, result });
        }
    }

    /// A peer does not have the group, or does not say so.
    pub(super) fn is_absent(&mut self, peer: NodeId, id: GroupId) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        if let Some(side) = group.sides.get_mut(&peer) {
            side.asking_heads = false;
            side.differs = false;
            side.heads = None;
        }
        if group.waiters.remove(&peer) {
            let result = Err(FetchError::Unknown);
            self.effects.push_back(Effect::Fetched { group: id, peer, result });
        }
    }

    pub(super) fn ours_are(&mut self, id: GroupId, heads: Option<Heads>, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        group.asking_ours = false;
        group.missing = heads.is_none();
        group.digest = heads.as_ref().map(|heads| (heads.digest(), now_ms));
        let control = heads.as_ref().map(|heads| heads.control);
        if std::mem::replace(&mut group.control, control) != control {
            group.chain_changed();
        }
        group.ours = heads;
        group.forget_shown();
        self.plan(id, now_ms);
        self.pump(id, now_ms);
    }

    pub(super) fn node_failed(&mut self, id: GroupId, now_ms: u64) {
        if let Some(group) = self.groups.get_mut(&id) {
            group.asking_ours = false;
        }
        self.stop(id, "the node does not say what it has".to_owned(), now_ms);
    }

    /// Goes on with a group: whatever can be done without waiting.
    pub(super) fn work(&mut self, id: GroupId, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        if group.asking_ours || group.stopped_until > now_ms {
            return;
        }
        if !group.is_busy() {
            let is_open = |side: &Side| side.heads.is_some() && !side.done && !side.waits(now_ms);
            let is_open = group.sides.values().any(is_open);
            if !is_open || group.asking_own {
                return;
            }
            group.asking_ours = true;
            self.ask(Ticket::AskHeads(id), Question::Heads(id));
            return;
        }
        self.pump(id, now_ms);
    }

    /// Takes up again what had to wait: a peer that failed or was busy, a node that took nothing.
    pub(super) fn resume(&mut self, id: GroupId, now_ms: u64) {
        let Some(group) = self.groups.get(&id) else { return };
        let differing: Vec<NodeId> =
            group.sides.iter().filter(|(_, side)| side.differs).map(|(peer, _)| *peer).collect();
        for peer in differing {
            self.ask_heads_of(peer, id, now_ms);
        }
        self.work(id, now_ms);
    }

    /// Nothing is under way, and what is held here is known: what comes next?
    fn plan(&mut self, id: GroupId, now_ms: u64) {
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
        for side in group.sides.values_mut().filter(|side| !side.done) {
            side.lag = side.heads.as_ref().map_or(0, |heads| lag(heads, group.ours.as_ref()));
        }
        if self.plan_control(id, now_ms) || self.plan_data(id, now_ms) {
            return;
        }
        self.finish(id, now_ms);
    }

    /// Whether there is something to do about the control chain first.
    fn plan_control(&mut self, id: GroupId, now_ms: u64) -> bool {
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
    fn walk(&mut self, id: GroupId, peer: NodeId, theirs: ControlRef, high: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        // No branch parts below the Genesis, whose name is the group's.
        let high = high.max(2);
        let work = LaneWork::new(high - 1, high, None, Some(peer));
        group.lanes.clear();
        group.walk = Some(Walk { peer, theirs, work, step: 1, fetched: 0, low: None });
    }

    /// Whether there is data to fetch.
    fn plan_data(&mut self, id: GroupId, now_ms: u64) -> bool {
        let Some(group) = self.groups.get_mut(&id) else { return false };
        let mut ends: BTreeMap<LaneName, u64> = BTreeMap::new();
        let mut heads = Vec::new();
        for (peer, side) in &group.sides {
            if side.done || side.is_out(now_ms) {
                continue;
            }
            for head in side.heads.iter().flat_map(|heads| &heads.lanes) {
                let lane = LaneName::Data { node: head.node, inc: head.inc };
                let end = ends.entry(lane).or_default();
                *end = side.end(lane).max(*end);
                heads.push((*peer, *head));
            }
        }
        for (lane, end) in ends {
            let (have, last) = group.have(lane, now_ms);
            if have < end {
                group.lanes.insert(lane, LaneWork::new(have, end, last, None));
            }
        }
        // Heads that ours should contain: what is on another branch proves a fork.
        let mut looked_at = None;
        for (peer, head) in heads {
            let lane = LaneName::Data { node: head.node, inc: head.inc };
            let ours = group.ours.iter().flat_map(|heads| &heads.lanes);
            let ours = ours.copied().find(|ours| (ours.node, ours.inc) == (head.node, head.inc));
            if ours.is_none_or(|ours| head.seq > ours.seq || head == ours) {
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
    fn walk_on(&mut self, id: GroupId, own: Option<Hash16>) {
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

    /// Asks for what may be asked for, and hands over what has come.
    pub(super) fn pump(&mut self, id: GroupId, now_ms: u64) {
        self.hand(id, now_ms);
        self.end_lanes(id, now_ms);
        loop {
            let Some(group) = self.groups.get_mut(&id) else { return };
            if group.stopped_until > now_ms {
                return;
            }
            let works = group.lanes.values().chain(group.walk.as_ref().map(|walk| &walk.work));
            let pages: usize =
                works.map(|work| work.flying() + work.ready_bytes().div_ceil(PAGE_BYTES_MAX)).sum();
            // The range that the rest waits for is always asked for.
            if pages >= PAGES_MAX {
                return;
            }
            let Some((lane, from, to, peer)) = self.choose(id, now_ms) else { return };
            let request = Request::Fetch {
                group: id,
                lane,
                from,
                to,
                bytes_max: u32::try_from(PAGE_BYTES_MAX).unwrap_or(u32::MAX),
            };
            let ticket = self.send(peer, Ticket::Range(peer, id, lane, from), request);
            let Some(group) = self.groups.get_mut(&id) else { return };
            if let Some(walk) = &mut group.walk {
                walk.work.asked(ticket, to);
            } else if let Some(work) = group.lanes.get_mut(&lane) {
                work.asked(ticket, to);
            }
        }
    }

    /// The next range to ask for, and of whom: the lane that is farthest behind, the peer that has
    /// least to do. Takes from that peer's bucket.
    fn choose(&mut self, id: GroupId, now_ms: u64) -> Option<(LaneName, u64, u64, NodeId)> {
        let group = self.groups.get_mut(&id)?;
        let mut works: Vec<(LaneName, &LaneWork)> = match &group.walk {
            Some(walk) => vec![(LaneName::Control, &walk.work)],
            None => group.lanes.iter().map(|(lane, work)| (*lane, work)).collect(),
        };
        works.sort_by(|(_, a), (_, b)| a.asked_progress().total_cmp(&b.asked_progress()));
        for (lane, work) in works {
            let Some((from, to)) = work.range() else { continue };
            // The chain is one after the other: whether a page fits shows only from the one before.
            if lane == LaneName::Control && work.flying() > 0 {
                continue;
            }
            let mut best: Option<(usize, NodeId, u64)> = None;
            for (peer, side) in &group.sides {
                let Some(known) = self.peers.get_mut(peer) else { continue };
                let end = side.end(lane);
                let may = work.only.is_none_or(|only| only == *peer)
                    && end > from
                    && !side.is_out(now_ms)
                    && known.flying < FLYING_MAX
                    && known.paused_until <= now_ms;
                if may && best.is_none_or(|(flying, ..)| known.flying < flying) {
                    best = Some((known.flying, *peer, to.min(end)));
                }
            }
            let Some((_, peer, to)) = best else { continue };
            if self.peers.get_mut(&peer).and_then(|peer| peer.bucket.take(now_ms)).is_some() {
                return Some((lane, from, to, peer));
            }
        }
        None
    }

    /// Entries of a range have come.
    pub(super) fn range_came(
        &mut self,
        ticket: u64,
        peer: NodeId,
        id: GroupId,
        (lane, from): (LaneName, u64),
        entries: Vec<Vec<u8>>,
        now_ms: u64,
    ) {
        self.close(ticket);
        let Some(group) = self.groups.get_mut(&id) else { return };
        let work = match &mut group.walk {
            Some(walk) if lane == LaneName::Control => Some(&mut walk.work),
            _ => group.lanes.get_mut(&lane),
        };
        let Some(work) = work else { return };
        if entries.is_empty() {
            // Its heads said that it had them: it has forgotten, or lied. Others are asked.
            work.failed(ticket);
            if let Some(side) = group.sides.get_mut(&peer) {
                let short = side.short.entry(lane).or_insert(from);
                *short = from.min(*short);
            }
        } else if let Some(chunk) = work
            .takes(ticket, entries.len())
            .then(|| lane::chunk(&id, lane, from, peer, entries))
            .flatten()
        {
            work.came(ticket, chunk);
            if let Some(side) = group.sides.get_mut(&peer) {
                side.failures = 0;
            }
        } else {
            work.failed(ticket);
            if let Some(side) = group.sides.get_mut(&peer) {
                side.short.insert(lane, from);
                side.has_failed(now_ms);
            }
            self.blame(peer, Fault::Malformed);
        }
        self.work(id, now_ms);
        // The peer has room for another request, perhaps of another group.
        let waiting: Vec<GroupId> = self
            .groups
            .iter()
            .filter(|(other, group)| **other != id && group.is_busy())
            .map(|(other, _)| *other)
            .collect();
        for other in waiting {
            self.work(other, now_ms);
        }
    }

    /// Gives the node the next entries, if it is not taking any.
    fn hand(&mut self, id: GroupId, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        if group.handing || group.stopped_until > now_ms {
            return;
        }
        if let Some(Named { peer, entries, before }) = group.extra.pop_front() {
            group.handing = true;
            return self.receive(id, peer, Handing::Names(before), entries);
        }
        if let Some(walk) = &mut group.walk {
            if let Some(chunk) = walk.work.take() {
                walk.low = walk.low.or(Some(chunk.first));
                walk.fetched += chunk.entries.len() as u64;
                group.handing = true;
                self.receive(id, chunk.peer, Handing::Walk, chunk.entries);
            }
            return;
        }
        let ready = group.lanes.iter().filter(|(_, work)| work.is_ready());
        let lane = ready.min_by(|(_, a), (_, b)| a.progress().total_cmp(&b.progress()));
        let Some(lane) = lane.map(|(lane, _)| *lane) else { return };
        let Some(work) = group.lanes.get_mut(&lane) else { return };
        let (from, expected) = (work.next, work.last);
        let Some(chunk) = work.take() else { return };
        let (peer, next) = (chunk.peer, work.next);
        let continues = expected.is_none_or(|expected| expected == chunk.prev) || from == 0;
        work.last = Some(chunk.last);
        if !continues && lane == LaneName::Control {
            // Another branch: it is followed down from where ours ends, and only then up.
            let ours = group.control;
            let side = group.sides.get(&peer);
            let theirs = side.and_then(|side| side.heads.as_ref()).map(|heads| heads.control);
            let walked = side.and_then(|side| side.walked);
            if let Some(theirs) = theirs.filter(|theirs| walked != Some((*theirs, ours))) {
                group.handed.remove(&LaneName::Control);
                return self.walk(id, peer, theirs, from);
            }
        }
        group.handing = true;
        let handing = Handing::Lane(lane, next, chunk.last);
        if let (false, LaneName::Data { node, inc }) = (continues, lane) {
            group.forked.insert(lane);
            let before = EntryRef { node, inc, seq: from - 1, hash: chunk.prev };
            self.ask_names(id, peer, vec![before], 1, now_ms);
        }
        self.receive(id, peer, handing, chunk.entries);
    }

    fn receive(&mut self, id: GroupId, from: NodeId, handing: Handing, entries: Vec<Vec<u8>>) {
        let ticket = Ticket::AskReceive(id, from, handing);
        self.ask(ticket, Question::Receive { from, group: id, entries });
    }

    /// The node has taken entries, or not.
    pub(super) fn received(
        &mut self,
        id: GroupId,
        peer: NodeId,
        handing: Handing,
        received: Received,
        now_ms: u64,
    ) {
        if let Some(known) = self.peers.get_mut(&peer) {
            known.entries += u64::from(received.fresh);
        }
        let Some(group) = self.groups.get_mut(&id) else { return };
        group.handing = false;
        group.fresh |= received.fresh > 0;
        if received.rejected > 0 {
            self.blame(peer, Fault::Rejected(received.rejected));
        }
        let Some(group) = self.groups.get_mut(&id) else { return };
        if let Some(reason) = received.stopped {
            return self.stop(id, reason, now_ms);
        }
        if received.fresh > 0 {
            self.changed(id, false, now_ms);
        } else {
            group.ours = None;
        }
        match handing {
            Handing::Lane(lane, ..) if received.rejected > 0 => {
                self.is_rejected(id, peer, lane, now_ms);
            }
            Handing::Lane(lane, next, last) => {
                if let Some(group) = self.groups.get_mut(&id) {
                    group.note_handed(lane, next, last, now_ms);
                }
            }
            Handing::Walk => self.walk_step(id, now_ms),
            Handing::Names(Some((before, depth))) => {
                let lane = LaneName::Data { node: before.node, inc: before.inc };
                let of = OwnFor::Descent(peer, before, depth);
                self.ask(Ticket::AskOwn(id, of), Question::Own(id, lane, before.seq));
            }
            Handing::Names(None) if received.fresh > 0 => self.ask_wanted(id),
            Handing::Names(None) => {}
        }
        self.work(id, now_ms);
    }

    /// A peer's entries do not hold: the rest of them is not asked of it.
    fn is_rejected(&mut self, id: GroupId, peer: NodeId, lane: LaneName, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        // The lane begins anew, with what others have.
        group.lanes.remove(&lane);
        group.handed.remove(&lane);
        if let Some(side) = group.sides.get_mut(&peer) {
            side.short.insert(lane, 0);
            side.has_failed(now_ms);
        }
        if group.waiters.remove(&peer) {
            let result = Err(FetchError::Rejected);
            self.effects.push_back(Effect::Fetched { group: id, peer, result });
        }
    }

    fn walk_step(&mut self, id: GroupId, _now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let Some(walk) = group.walk.as_ref().filter(|walk| walk.work.is_done()) else { return };
        let low = walk.work.begin;
        group.asking_own = true;
        let question = Question::Own(id, LaneName::Control, low);
        self.ask(Ticket::AskOwn(id, OwnFor::Walk), question);
    }

    /// The node takes no more for a while, without fault of the peer.
    fn stop(&mut self, id: GroupId, reason: String, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        group.stopped_until = now_ms.saturating_add(STOPPED_MS);
        group.lanes.clear();
        group.walk = None;
        group.extra.clear();
        for side in group.sides.values_mut() {
            side.differs |= side.heads.take().is_some();
            side.resume_at = side.resume_at.max(now_ms.saturating_add(STOPPED_MS));
        }
        for peer in std::mem::take(&mut group.waiters) {
            let result = Err(FetchError::Stopped(reason.clone()));
            self.effects.push_back(Effect::Fetched { group: id, peer, result });
        }
    }

    /// Lanes of which all was handed over are done; so are those of which nobody has more.
    fn end_lanes(&mut self, id: GroupId, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        if !group.is_busy() {
            return self.work(id, now_ms);
        }
        let sides = &group.sides;
        let peers = &self.peers;
        let has = |lane: LaneName, only: Option<NodeId>, from: u64| {
            sides.iter().any(|(peer, side)| {
                only.is_none_or(|only| only == *peer)
                    && side.end(lane) > from
                    && side.failures < FAILURES_MAX
                    // Who is the only one to ask is not waited for: others have something, too.
                    && !(only.is_some() && side.is_out(now_ms))
                    && peers.contains_key(peer)
            })
        };
        for (lane, work) in &mut group.lanes {
            let lost = work.range().is_some_and(|(from, _)| !has(*lane, work.only, from));
            if lost && work.flying() == 0 && !work.is_ready() {
                work.cut();
            }
        }
        if let Some(walk) = &mut group.walk {
            let lost = walk
                .work
                .range()
                .is_some_and(|(from, _)| !has(LaneName::Control, walk.work.only, from));
            if lost && walk.work.flying() == 0 && !walk.work.is_ready() && !group.handing {
                let (peer, theirs) = (walk.peer, walk.theirs);
                let ours = group.control;
                group.walk = None;
                if let Some(side) = group.sides.get_mut(&peer) {
                    side.walked = Some((theirs, ours));
                }
            }
        }
        group.lanes.retain(|_, work| !work.is_done());
        if !group.is_busy() {
            self.work(id, now_ms);
        }
    }

    /// Nothing is left to be had of the heads that are known.
    fn finish(&mut self, id: GroupId, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let ours = group.ours.as_ref().map(Heads::digest);
        let mut differs = group.has_hidden();
        let mut over = Vec::new();
        for (peer, side) in &mut group.sides {
            let Some(heads) = side.heads.as_ref().filter(|_| !side.done && !side.waits(now_ms))
            else {
                continue;
            };
            let (digest, control) = (heads.digest(), heads.control);
            let is_equal = ours == Some(digest);
            differs |= !is_equal;
            side.done = true;
            if group.waiters.remove(peer) {
                let failed = !is_equal && (side.failures > 0 || !side.short.is_empty());
                let parts = side.walked.is_some_and(|(theirs, _)| theirs == control)
                    && group.control != Some(control);
                let result = match (parts, failed) {
                    (_, true) => Err(FetchError::Unreachable),
                    (true, false) => Err(FetchError::Differs),
                    (false, false) => Ok(()),
                };
                over.push(Effect::Fetched { group: id, peer: *peer, result });
            }
            if is_equal {
                side.is_equal(now_ms);
            }
        }
        self.effects.extend(over);
        if differs {
            self.ask_certs(id, true, now_ms);
            self.ask_wanted(id);
        }
        let Some(group) = self.groups.get_mut(&id) else { return };
        if std::mem::take(&mut group.fresh) {
            let at = now_ms.saturating_add(super::ms(self.limits.tell_after));
            group.tell_at = Some(group.tell_at.map_or(at, |before| before.min(at)));
        }
    }

    fn ask_wanted(&mut self, id: GroupId) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        if !std::mem::replace(&mut group.asking_wanted, true) {
            self.ask(Ticket::AskWanted(id), Question::Wanted(id));
        }
    }

    /// Entries that the node wants by name: of whoever was not asked for them lately.
    pub(super) fn wanted_are(&mut self, id: GroupId, names: Vec<EntryRef>, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        group.asking_wanted = false;
        group.named.retain(|_, at| now_ms.saturating_sub(*at) < NAMED_AGAIN_MS);
        let mut of: BTreeMap<NodeId, Vec<EntryRef>> = BTreeMap::new();
        for name in names.into_iter().take(NAMES_MAX) {
            let peers = group.sides.keys().copied();
            let fresh = |peer: &NodeId| !group.named.contains_key(&(name, *peer));
            if let Some(peer) = peers.into_iter().find(fresh) {
                of.entry(peer).or_default().push(name);
            }
        }
        for (peer, names) in of {
            self.ask_names(id, peer, names, 0, now_ms);
        }
    }

    /// Asks for entries by name; `depth` is how many steps below a head they are, 0 for those that the
    /// node wants.
    fn ask_names(
        &mut self,
        id: GroupId,
        peer: NodeId,
        names: Vec<EntryRef>,
        depth: u32,
        now_ms: u64,
    ) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        if group.named.len() >= NAMED_MAX {
            group.named.clear();
        }
        let mut fresh = names;
        fresh.retain(|name| {
            let before = group.named.insert((*name, peer), now_ms);
            before.is_none_or(|at| now_ms.saturating_sub(at) >= NAMED_AGAIN_MS)
        });
        if fresh.is_empty() || !self.peers.contains_key(&peer) {
            return;
        }
        let names = List::new(fresh.clone()).unwrap_or_default();
        let ticket = Ticket::Names(peer, id, fresh, depth);
        self.send(peer, ticket, Request::ByName { group: id, names });
    }

    /// Entries have come by their names.
    pub(super) fn names_came(
        &mut self,
        peer: NodeId,
        id: GroupId,
        names: &[EntryRef],
        depth: u32,
        entries: Vec<Vec<u8>>,
        now_ms: u64,
    ) {
        let mut before = None;
        for entry in &entries {
            let Some((lane, seq, hash, prev)) = lane::place_of(&id, entry) else {
                return self.blame(peer, Fault::Malformed);
            };
            let LaneName::Data { node, inc } = lane else {
                return self.blame(peer, Fault::Malformed);
            };
            let at = EntryRef { node, inc, seq, hash: hash.short() };
            if !names.contains(&at) {
                return self.blame(peer, Fault::Malformed);
            }
            if depth > 0 && seq > 0 {
                before = Some((EntryRef { node, inc, seq: seq - 1, hash: prev.short() }, depth));
            }
        }
        let Some(group) = self.groups.get_mut(&id) else { return };
        if entries.is_empty() {
            // Somebody else may have what the node wants.
            if depth == 0 {
                self.ask_wanted(id);
            }
            return;
        }
        group.extra.push_back(Named { peer, entries, before });
        self.work(id, now_ms);
    }

    /// Asks for the certificates of a group: once of each peer, and again where something waits.
    fn ask_certs(&mut self, id: GroupId, again: bool, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let again = again && group.has_hidden();
        let mut of = Vec::new();
        for (peer, side) in &mut group.sides {
            let is_due = side
                .certs_asked_at
                .is_none_or(|at| again && now_ms.saturating_sub(at) >= CERTS_AGAIN_MS);
            let has_room = self.peers.get(peer).is_some_and(|p| p.flying < 2 * FLYING_MAX);
            if side.heads.is_some() && is_due && has_room {
                side.certs_asked_at = Some(now_ms);
                of.push(*peer);
            }
        }
        for peer in of {
            self.send(peer, Ticket::Certs(peer, id), Request::Certs { group: id });
        }
    }
}

impl Side {
    /// Whether it failed lately, and will be asked again.
    fn waits(&self, now_ms: u64) -> bool {
        self.failures > 0 && self.failures < FAILURES_MAX && self.resume_at > now_ms
    }

    /// Whether it is not asked for entries: it failed lately, or too often.
    fn is_out(&self, now_ms: u64) -> bool {
        self.failures >= FAILURES_MAX || self.waits(now_ms)
    }
}

/// How many entries of these heads are lacking here.
fn lag(theirs: &Heads, ours: Option<&Heads>) -> u64 {
    let group = Group { ours: ours.cloned(), ..Group::default() };
    let lacking = |lane: LaneName, end: u64| end.saturating_sub(group.have(lane, 0).0);
    let control = lacking(LaneName::Control, theirs.control.seq.saturating_add(1));
    let lanes = theirs.lanes.iter().map(|head| {
        lacking(LaneName::Data { node: head.node, inc: head.inc }, head.seq.saturating_add(1))
    });
    lanes.fold(control, u64::saturating_add)
}
