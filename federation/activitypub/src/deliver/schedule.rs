//! Whose turn it is: hosts that have something to get, each at one place of few.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::{Lane, LaneState, Seq};

/// All lanes, and where each of them is.
#[derive(Debug)]
pub(crate) struct Scheduler {
    slots: HashMap<String, Slot>,
    /// Hosts whose time has come, in the order in which it did.
    ready: VecDeque<String>,
    /// Those among them that did not answer the last time. They share a quarter of the places: each
    /// may keep one for as long as a try may take.
    doubtful: VecDeque<String>,
    /// Hosts that wait for a time.
    waiting: BTreeSet<(u64, String)>,
    newest: Seq,
    running: usize,
    running_doubtful: usize,
    concurrency: usize,
    turns: u64,
    counts: Counts,
}

#[derive(Debug)]
struct Slot {
    lane: Lane,
    phase: Phase,
    /// Which turn it has: one of a host that was dropped and came back is not this one's.
    turn: u64,
    /// When something came from it while it had its turn.
    heard_ms: Option<u64>,
    /// When the activity was logged that it does not get.
    pending_ms: Option<u64>,
    /// How its last try in vain ended.
    trouble: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Ready,
    Waiting(u64),
    Running { doubtful: bool },
    Saving,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    delivered: u64,
    dropped: u64,
    failures: u64,
}

/// A host that has its turn.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    /// Which.
    pub(crate) host: String,
    /// Each has another one.
    pub(crate) id: u64,
    /// Its lane, to be given back.
    pub(crate) lane: Lane,
    /// The end of the log.
    pub(crate) newest: Seq,
}

/// How deliveries are doing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metrics {
    /// Hosts that are known.
    pub hosts: usize,
    /// Hosts that have their turn.
    pub running: usize,
    /// Hosts that do not answer.
    pub failing: usize,
    /// Hosts that have not answered for a week.
    pub dormant: usize,
    /// When the oldest activity was logged that a host tried in vain to get.
    pub oldest_pending_ms: Option<u64>,
    /// Inboxes that took an activity, since the start.
    pub delivered: u64,
    /// Inboxes that never will.
    pub dropped: u64,
    /// Tries that failed.
    pub failures: u64,
}

/// How one host is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostMetrics {
    /// Which.
    pub(crate) host: String,
    /// Activities of the log behind its end: not all of them are for this host.
    pub(crate) lag: u64,
    /// Failures since its last answer.
    pub(crate) fails: u32,
    /// When the first of them was.
    pub(crate) fail_since_ms: Option<u64>,
    /// How the last of them ended, if that was since the start.
    pub(crate) trouble: Option<String>,
    /// When it is tried again, if it waits.
    pub(crate) next_try_ms: Option<u64>,
    /// Live, paused, dormant.
    pub(crate) state: LaneState,
}

impl Scheduler {
    /// Lanes as they were saved. At most `concurrency` hosts have their turn at once.
    #[must_use]
    pub(crate) fn new(
        lanes: Vec<(String, Lane)>,
        newest: Seq,
        concurrency: usize,
        now_ms: u64,
    ) -> Self {
        let mut this = Self {
            slots: HashMap::new(),
            ready: VecDeque::new(),
            doubtful: VecDeque::new(),
            waiting: BTreeSet::new(),
            newest,
            running: 0,
            running_doubtful: 0,
            concurrency: concurrency.max(1),
            turns: 0,
            counts: Counts::default(),
        };
        for (host, lane) in lanes {
            this.add(&host, lane, now_ms);
        }
        this
    }

    /// A host that is new. One that is known keeps its lane.
    pub(crate) fn add(&mut self, host: &str, lane: Lane, now_ms: u64) {
        if !self.slots.contains_key(host) {
            let phase = Phase::Idle;
            let slot =
                Slot { lane, phase, turn: 0, heard_ms: None, pending_ms: None, trouble: None };
            self.slots.insert(host.to_owned(), slot);
            self.settle(host, now_ms);
        }
    }

    /// The log has grown.
    pub(crate) fn grew(&mut self, newest: Seq, now_ms: u64) {
        if newest > self.newest {
            self.newest = newest;
            let idle = self.slots.iter().filter(|(_, slot)| slot.phase == Phase::Idle);
            let mut idle: Vec<String> = idle.map(|(host, _)| host.clone()).collect();
            idle.sort_unstable();
            idle.iter().for_each(|host| self.settle(host, now_ms));
        }
    }

    /// Something came from a host that was verified.
    pub(crate) fn heard(&mut self, host: &str, now_ms: u64) {
        let Some(slot) = self.slots.get_mut(host) else { return };
        if matches!(slot.phase, Phase::Running { .. } | Phase::Saving) {
            slot.heard_ms = Some(now_ms);
        } else if slot.lane.heard(now_ms, self.newest) {
            self.settle(host, now_ms);
        }
    }

    /// The next host to have its turn, if there is a place.
    pub(crate) fn take(&mut self, now_ms: u64) -> Option<Turn> {
        while self.waiting.first().is_some_and(|(at_ms, _)| *at_ms <= now_ms) {
            let (_, host) = self.waiting.pop_first()?;
            self.settle(&host, now_ms);
        }
        if self.running >= self.concurrency {
            return None;
        }
        let doubtful = self.may_doubt() && !self.doubtful.is_empty();
        let from = if doubtful { &mut self.doubtful } else { &mut self.ready };
        let host = from.pop_front()?;
        let slot = self.slots.get_mut(&host)?;
        self.turns += 1;
        (slot.phase, slot.turn) = (Phase::Running { doubtful }, self.turns);
        self.running += 1;
        self.running_doubtful += usize::from(doubtful);
        Some(Turn { host, id: self.turns, lane: slot.lane.clone(), newest: self.newest })
    }

    /// Whether one more that may not answer can have its turn.
    fn may_doubt(&self) -> bool {
        self.running_doubtful < self.concurrency.div_ceil(4)
    }

    /// A turn is over; its place is free. The host waits until its lane is saved. `false` if it was
    /// dropped meanwhile, and nothing is to be saved.
    pub(crate) fn finish(&mut self, turn: &Turn, lane: Lane, pending_ms: Option<u64>) -> bool {
        let Some(slot) = self.slots.get_mut(&turn.host) else { return false };
        let Phase::Running { doubtful } = slot.phase else { return false };
        let its_own = slot.turn == turn.id;
        if its_own {
            (slot.lane, slot.phase, slot.pending_ms) = (lane, Phase::Saving, pending_ms);
            self.running -= 1;
            self.running_doubtful -= usize::from(doubtful);
        }
        its_own
    }

    /// A lane was saved, as [`Scheduler::finish`] got it.
    pub(crate) fn saved(&mut self, host: &str, now_ms: u64) {
        if let Some(slot) = self.slots.get_mut(host)
            && slot.phase == Phase::Saving
        {
            slot.phase = Phase::Idle;
            if let Some(heard_ms) = slot.heard_ms.take() {
                slot.lane.heard(heard_ms, self.newest);
            }
            self.settle(host, now_ms);
        }
    }

    /// A host is dropped, in whatever place it is.
    pub(crate) fn remove(&mut self, host: &str) {
        match self.slots.remove(host).map(|slot| slot.phase) {
            Some(Phase::Running { doubtful }) => {
                self.running -= 1;
                self.running_doubtful -= usize::from(doubtful);
            }
            Some(Phase::Ready) => {
                self.ready.retain(|ready| ready != host);
                self.doubtful.retain(|ready| ready != host);
            }
            Some(Phase::Waiting(at_ms)) => {
                self.waiting.remove(&(at_ms, host.to_owned()));
            }
            _ => {}
        }
    }

    /// When the next host's time comes, if all wait.
    #[must_use]
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        let some = !self.ready.is_empty() || !self.doubtful.is_empty() && self.may_doubt();
        if some && self.running < self.concurrency {
            return Some(0);
        }
        self.waiting.first().map(|(at_ms, _)| *at_ms)
    }

    /// How a try in vain ended, in words.
    pub(crate) fn stumbled(&mut self, host: &str, trouble: String) {
        if let Some(slot) = self.slots.get_mut(host) {
            slot.trouble = Some(trouble);
        }
    }

    /// Counts what became of one inbox's turn.
    pub(crate) fn count(&mut self, delivered: u64, dropped: u64, failures: u64) {
        self.counts.delivered += delivered;
        self.counts.dropped += dropped;
        self.counts.failures += failures;
    }

    /// How deliveries are doing.
    #[must_use]
    pub(crate) fn metrics(&self) -> Metrics {
        let lanes = || self.slots.values().map(|slot| &slot.lane);
        Metrics {
            hosts: self.slots.len(),
            running: self.running,
            failing: lanes().filter(|lane| lane.fails > 0).count(),
            dormant: lanes().filter(|lane| lane.state == LaneState::Dormant).count(),
            oldest_pending_ms: self.slots.values().filter_map(|slot| slot.pending_ms).min(),
            delivered: self.counts.delivered,
            dropped: self.counts.dropped,
            failures: self.counts.failures,
        }
    }

    /// How each host is doing that lags or fails, the worst first, at most `limit`.
    #[must_use]
    pub(crate) fn hosts(&self, limit: usize) -> Vec<HostMetrics> {
        let of = |(host, slot): (&String, &Slot)| HostMetrics {
            host: host.clone(),
            lag: self.newest.saturating_sub(slot.lane.cursor),
            fails: slot.lane.fails,
            fail_since_ms: slot.lane.fail_since_ms,
            trouble: slot.trouble.clone().filter(|_| slot.lane.fails > 0),
            next_try_ms: match slot.phase {
                Phase::Waiting(at_ms) => Some(at_ms),
                _ => None,
            },
            state: slot.lane.state,
        };
        let mut all: Vec<_> =
            self.slots.iter().map(of).filter(|host| host.lag > 0 || host.fails > 0).collect();
        all.sort_by(|a, b| (b.fails, b.lag, &a.host).cmp(&(a.fails, a.lag, &b.host)));
        all.truncate(limit);
        all
    }

    /// Puts a host where it belongs that has no turn.
    fn settle(&mut self, host: &str, now_ms: u64) {
        let Some(slot) = self.slots.get_mut(host) else { return };
        match slot.phase {
            Phase::Running { .. } | Phase::Saving | Phase::Ready => return,
            Phase::Waiting(at_ms) => {
                self.waiting.remove(&(at_ms, host.to_owned()));
            }
            Phase::Idle => {}
        }
        slot.phase = if slot.lane.cursor >= self.newest {
            Phase::Idle
        } else if slot.lane.next_try_ms <= now_ms {
            let to = if slot.lane.fails > 0 { &mut self.doubtful } else { &mut self.ready };
            to.push_back(host.to_owned());
            Phase::Ready
        } else {
            self.waiting.insert((slot.lane.next_try_ms, host.to_owned()));
            Phase::Waiting(slot.lane.next_try_ms)
        };
    }
}
