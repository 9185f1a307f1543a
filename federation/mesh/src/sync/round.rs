//! A round: heads are compared, what is missing is fetched and handed over, until nothing is.

use glog::{EntryRef, GroupId, NodeId};

use super::group::{Handing, Named, OwnFor, Side};
use super::lane::{self, LaneWork};
use super::{Effect, FLYING_MAX, Fault, Question, Sync, Ticket};
use crate::frames::{PAGE_BYTES_MAX, Request};
use crate::host::{Heads, LaneName, Received};
use crate::status::FetchError;

/// Pages that are under way or wait for what comes before them, in one group.
const PAGES_MAX: usize = 8;
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
        side.held_back = false;
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

    pub(super) fn ours_are(&mut self, id: GroupId, mut heads: Option<Heads>, now_ms: u64) {
        // Lanes are looked up by name.
        heads.iter_mut().for_each(|heads| heads.lanes.sort_unstable());
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
            if !is_open || group.asking_own || group.asking_begins {
                return;
            }
            group.asking_ours = true;
            self.ask(Ticket::AskHeads(id), Question::Heads(id));
            return;
        }
        self.pump(id, now_ms);
    }

    /// Takes up again what had to wait: a peer that failed or was busy, a node that took nothing, what a
    /// node wrote faster than its pace.
    pub(super) fn resume(&mut self, id: GroupId, now_ms: u64) {
        let Some(group) = self.groups.get(&id) else { return };
        let is_paced = group.paced_at.is_some();
        let differs = |side: &Side| side.differs || (side.held_back && !is_paced);
        let differing: Vec<NodeId> =
            group.sides.iter().filter(|(_, side)| differs(side)).map(|(peer, _)| *peer).collect();
        for peer in differing {
            self.ask_heads_of(peer, id, now_ms);
        }
        let Some(group) = self.groups.get_mut(&id) else { return };
        if group.paced_at.is_some_and(|at| at <= now_ms) {
            group.paced_at = None;
            for side in group.sides.values_mut().filter(|side| side.heads.is_some()) {
                side.done = false;
            }
        }
        self.work(id, now_ms);
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
        self.named(id, peer, chunk.entries.iter(), now_ms);
        let Some(group) = self.groups.get_mut(&id) else { return };
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
        if let Handing::Lane(LaneName::Data { node, .. }, ..) = handing {
            self.paces.fetched(node, received.fresh, now_ms);
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
            Handing::Walk => self.walk_step(id),
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

    fn walk_step(&mut self, id: GroupId) {
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
    pub(super) fn finish(&mut self, id: GroupId, now_ms: u64) {
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
}

impl Side {
    /// Whether it failed lately, and will be asked again.
    pub(super) fn waits(&self, now_ms: u64) -> bool {
        self.failures > 0 && self.failures < FAILURES_MAX && self.resume_at > now_ms
    }

    /// Whether it is not asked for entries: it failed lately, or too often.
    pub(super) fn is_out(&self, now_ms: u64) -> bool {
        self.failures >= FAILURES_MAX || self.waits(now_ms)
    }
}
