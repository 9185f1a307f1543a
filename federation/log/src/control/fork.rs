//! Proof that somebody signed two different control entries for one place.

use super::ControlEntry;
use crate::ids::EntryId;

/// Two entries of one author at one place of one generation. Both are signed, so the author cannot
/// blame anybody else; nothing is withdrawn on it alone.
#[derive(Debug, Clone)]
pub struct ForkProof {
    /// The one that this node had applied.
    pub ours: ControlEntry,
    /// The other one.
    pub rival: ControlEntry,
}

impl ForkProof {
    /// The two entries, if they contradict each other. That both are signed is for the caller to know.
    pub(super) fn of(ours: &ControlEntry, rival: &ControlEntry) -> Option<Self> {
        let same = |entry: &ControlEntry| {
            let header = entry.header();
            (header.group, header.node, entry.generation(), header.seq)
        };
        let is_fork = same(ours) == same(rival) && ours.id() != rival.id();
        is_fork.then(|| Self { ours: ours.clone(), rival: rival.clone() })
    }

    /// Where the chain splits.
    pub fn seq(&self) -> u64 {
        self.ours.seq()
    }

    /// Both names, ours first.
    pub fn ids(&self) -> [EntryId; 2] {
        [self.ours.id(), self.rival.id()]
    }
}
