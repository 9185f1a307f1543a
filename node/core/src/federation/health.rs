//! What an operator may want to know of shared logs: what waits, came without what it follows from, or
//! was said in two ways.

use std::collections::BTreeMap;

use glog::{Event as LogEvent, GroupId, Node16};
use parking_lot::Mutex;

use crate::Core;
use crate::ids::ChannelId;

/// Lanes of which it is counted. Protects memory.
const LANES_MAX: usize = 10_000;

/// Of what one node says in one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneHealth {
    /// In which group.
    pub group: GroupId,
    /// Which node.
    pub node: Node16,
    /// Entries that wait for others; of groups in use.
    pub pending: u64,
    /// Entries that were shown without what they depend on, since the start.
    pub gaps: u64,
    /// Places at which two entries were seen, since the start.
    pub forks: u64,
}

/// Gaps and forks since the start.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<BTreeMap<(ChannelId, Node16), (u64, u64)>>);

impl Health {
    /// Counts what became of entries.
    pub(crate) fn note(&self, channel: ChannelId, events: &[LogEvent]) {
        for event in events {
            match event {
                LogEvent::Delivered { at, gap: true, .. } => {
                    self.count(channel, at.node, |(gaps, _)| *gaps += 1);
                }
                LogEvent::Forked(fork) => {
                    self.count(channel, fork.ours.node, |(_, forks)| *forks += 1);
                }
                _ => {}
            }
        }
    }

    fn count(&self, channel: ChannelId, node: Node16, add: impl Fn(&mut (u64, u64))) {
        let mut counts = self.0.lock();
        if counts.len() < LANES_MAX || counts.contains_key(&(channel, node)) {
            add(counts.entry((channel, node)).or_default());
        }
    }
}

impl Core {
    /// What there is to know of the lanes of shared logs; nothing of those with which all is well.
    #[must_use]
    pub fn lane_health(&self) -> Vec<LaneHealth> {
        let mut lanes: BTreeMap<(ChannelId, Node16), (u64, u64, u64)> = BTreeMap::new();
        for (channel, node, pending) in self.inner.logs.pending() {
            lanes.entry((channel, node)).or_default().0 = pending;
        }
        for (lane, (gaps, forks)) in &*self.inner.groups.health.0.lock() {
            let (_, all_gaps, all_forks) = lanes.entry(*lane).or_default();
            (*all_gaps, *all_forks) = (*gaps, *forks);
        }
        let shown = lanes.into_iter().filter_map(|((channel, node), (pending, gaps, forks))| {
            let group = self.sharing(channel)?.group;
            Some(LaneHealth { group, node, pending, gaps, forks })
        });
        shown.collect()
    }
}
