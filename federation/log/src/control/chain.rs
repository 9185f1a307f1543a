//! One node's copy of a control chain: what it takes, what it refuses, what it holds aside.
//!
//! The chain itself never changes but by appending, and by a Recover that outranks the last one. All
//! that is remembered beside the entries (states at checkpoints, the [`Timeline`]) is a cache.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::ControlEntry;
use super::fork::ForkProof;
use super::state::{Refused, State, Verdict, is_cert_of};
use super::timeline::{Revocation, Timeline};
use crate::body::Action;
use crate::entry::Signer;
use crate::ids::{ControlRef, EntryId, GroupId};

/// A state is kept for every so many entries, so that any other is near one.
const CHECKPOINT_EVERY: usize = 128;
/// Entries held aside: above a gap, or on a branch that a Recover may choose.
pub const SIDE_ENTRIES_MAX: usize = 4096;

/// What became of an entry that a chain was offered.
#[derive(Debug, Clone)]
pub enum Accepted {
    /// It is there already.
    Known,
    /// It continues the chain, and so did others that had waited for it.
    Appended {
        /// What they take away.
        revocations: Vec<Revocation>,
    },
    /// It is held aside: what stands below it is missing, or is another branch.
    Aside,
    /// The chain is another one from above `keep` on.
    Recovered {
        /// The last entry that stayed.
        keep: u64,
        /// The entries that are replaced: asks of them are asked again.
        replaced: Vec<ControlEntry>,
    },
    /// Its author has signed two entries for one place, in the running term: until a Recover, this
    /// chain ends here.
    Disputed(Box<ForkProof>),
    /// The same, at a place that later entries have pinned: to be reported, and nothing else.
    Pinned(Box<ForkProof>),
}

/// An entry that is held aside.
#[derive(Debug, Clone)]
struct Aside {
    entry: ControlEntry,
    /// Whether its signature was found to hold. Of the others the key was not known, so that they may
    /// be anybody's, under the name of a true one: they give way to it.
    is_signed: bool,
}

/// A control chain.
#[derive(Debug, Clone)]
pub struct Chain {
    entries: Vec<ControlEntry>,
    verdicts: Vec<Verdict>,
    /// States after entries 0, `CHECKPOINT_EVERY`, and so on.
    checkpoints: Vec<State>,
    state: State,
    timeline: Timeline,
    side: BTreeMap<EntryId, Aside>,
    /// Entries that were reported as rivals of one of the chain's; as many as may be held aside.
    rivals: BTreeMap<EntryId, EntryId>,
    dispute: Option<ForkProof>,
    /// Checkpoints of the home that do not fit what was folded here.
    mismatches: BTreeSet<u64>,
}

impl Chain {
    /// A chain of only a Genesis.
    ///
    /// # Errors
    /// [`Refused`] if it is none.
    pub fn new(genesis: ControlEntry) -> Result<Self, Refused> {
        let state = State::genesis(&genesis)?;
        let mut timeline = Timeline::default();
        timeline.record(&genesis, Verdict::Applied, &state);
        Ok(Self {
            entries: vec![genesis],
            verdicts: vec![Verdict::Applied],
            checkpoints: vec![state.clone()],
            state,
            timeline,
            side: BTreeMap::new(),
            rivals: BTreeMap::new(),
            dispute: None,
            mismatches: BTreeSet::new(),
        })
    }

    /// A chain as it was stored: the Genesis, then each entry in its place, also a Recover. Entries
    /// that were held aside, and a dispute, come back when they are offered again.
    ///
    /// # Errors
    /// [`Refused`] if one does not continue those before it: no such chain was written here.
    pub fn restore(entries: impl IntoIterator<Item = ControlEntry>) -> Result<Self, Refused> {
        let mut entries = entries.into_iter();
        let mut chain = Self::new(entries.next().ok_or(Refused::Group)?)?;
        for entry in entries {
            let next = (chain.state.head.0 + 1, entry.id());
            chain.offer(entry)?;
            if chain.state.head != next {
                return Err(Refused::Place);
            }
        }
        Ok(chain)
    }

    /// What would become of an entry if it were offered now as the next one: a home asks before it
    /// publishes what it has signed. Costs a copy of the state.
    ///
    /// # Errors
    /// [`Refused`] if it is not the next one; a Recover never is, whatever [`Self::offer`] makes of
    /// it.
    pub fn would(&self, entry: &ControlEntry) -> Result<Verdict, Refused> {
        // In the order in which `offer` asks.
        let follows = entry.header().group == self.group()
            && !matches!(entry.action(), Some(Action::Recover(_)))
            && self.at(entry.seq()).is_none()
            && entry.header().prev == self.state.head.1;
        self.state.check_next(entry)?;
        if follows && self.dispute.is_some() {
            return Err(Refused::Disputed);
        }
        Ok(self.state.clone().apply(entry))
    }

    /// Takes an entry from anybody.
    ///
    /// # Errors
    /// [`Refused`] for what can never be part of this group's chain, and for whatever is not signed by
    /// whom it has to be, as far as that can be told here.
    pub fn offer(&mut self, entry: ControlEntry) -> Result<Accepted, Refused> {
        if entry.header().group != self.group() {
            return Err(Refused::Group);
        }
        let is_recover = matches!(entry.action(), Some(Action::Recover(_)));
        let ours = self.at(entry.seq()).map(ControlEntry::id);
        let was_reported = ours.is_some() && self.rivals.get(&entry.id()) == ours.as_ref();
        if self.contains(&entry) || was_reported {
            return Ok(Accepted::Known);
        }
        if is_recover {
            return self.offer_recover(entry);
        }
        if let Some(ours) = self.at(entry.seq()) {
            return self.offer_rival(&ours.clone(), entry);
        }
        if entry.header().prev != self.state.head.1 {
            return self.put_aside(entry);
        }
        // A forgery is none of it, disputed or not: who holds one in its place would not ask for it again.
        self.state.check_next(&entry)?;
        if self.dispute.is_some() {
            self.put_aside(entry)?;
            return Err(Refused::Disputed);
        }
        let mut revocations = self.append(entry);
        while let Some(next) = self.waiting_next() {
            revocations.extend(self.append(next));
        }
        Ok(self.waiting_recover().unwrap_or(Accepted::Appended { revocations }))
    }

    /// An entry that was held aside and is the next one now.
    fn waiting_next(&mut self) -> Option<ControlEntry> {
        let head = self.state.head.1;
        let is_next = |entry: &&ControlEntry| {
            entry.header().prev == head && self.state.check_next(entry).is_ok()
        };
        let id = self.aside().find(is_next)?.id();
        self.side.remove(&id).map(|aside| aside.entry)
    }

    /// A Recover that was held aside for want of what it keeps.
    fn waiting_recover(&mut self) -> Option<Accepted> {
        let recovers = self.aside().filter(|e| matches!(e.action(), Some(Action::Recover(_))));
        for id in recovers.map(ControlEntry::id).collect::<Vec<_>>() {
            let Some(entry) = self.side.get(&id).map(|aside| aside.entry.clone()) else { continue };
            match self.offer_recover(entry) {
                Ok(recovered @ Accepted::Recovered { .. }) => return Some(recovered),
                Ok(_) => {}
                // Now that what stands below is known, it is none.
                Err(_) => {
                    self.side.remove(&id);
                }
            }
        }
        None
    }

    fn append(&mut self, entry: ControlEntry) -> Vec<Revocation> {
        if let Some(Action::Checkpoint(checkpoint)) = entry.action()
            && checkpoint.state != self.state.digest()
        {
            self.mismatches.insert(entry.seq());
        }
        let verdict = self.state.apply(&entry);
        self.push(entry, verdict)
    }

    fn push(&mut self, entry: ControlEntry, verdict: Verdict) -> Vec<Revocation> {
        let revocations = self.timeline.record(&entry, verdict, &self.state);
        if self.entries.len().is_multiple_of(CHECKPOINT_EVERY) {
            self.checkpoints.push(self.state.clone());
        }
        self.entries.push(entry);
        self.verdicts.push(verdict);
        revocations
    }

    /// Another entry where this chain has one already.
    fn offer_rival(
        &mut self,
        ours: &ControlEntry,
        rival: ControlEntry,
    ) -> Result<Accepted, Refused> {
        let Some(proof) = ForkProof::of(ours, &rival) else { return self.put_aside(rival) };
        // A key that had been rotated out below proves nothing about its node.
        let below = ours.seq().checked_sub(1).and_then(|seq| self.at(seq));
        let falls = below.is_some_and(|below| {
            below.header().node == rival.header().node
                && rival.header().key_serial < below.header().key_serial
        });
        let cert = match rival.action() {
            Some(Action::Cert(cert))
                if is_cert_of(cert, rival.header().node, rival.header().key_serial)
                    && rival.certs_are_signed() =>
            {
                cert.op()
            }
            _ => {
                let node = rival.header().node.short();
                let known = self.state.cert(node, rival.header().key_serial);
                known.ok_or(Refused::Signature)?.op()
            }
        };
        if falls || !rival.is_signed_by(Signer::Node, &cert) {
            return Err(Refused::Signature);
        }
        let is_pinned = ours.seq() < self.pinned_below();
        if self.rivals.len() < SIDE_ENTRIES_MAX {
            self.rivals.insert(rival.id(), ours.id());
        }
        self.put_aside(rival)?;
        if is_pinned {
            return Ok(Accepted::Pinned(Box::new(proof)));
        }
        if self.dispute.is_none() {
            self.dispute = Some(proof.clone());
        }
        Ok(Accepted::Disputed(Box::new(proof)))
    }

    /// Places below this number are pinned: a later term, a Recover or a new key of the home stands
    /// above them.
    pub fn pinned_below(&self) -> u64 {
        let running = self.entries.last().map(ControlEntry::generation);
        let pins = |entry: &&ControlEntry| {
            Some(entry.generation()) != running
                || matches!(entry.action(), Some(Action::Cert(_) | Action::Recover(_)))
        };
        let top = self.entries.iter().rev().find(pins);
        top.map_or(0, |entry| match entry.action() {
            Some(Action::Cert(_) | Action::Recover(_)) => entry.seq(),
            _ => entry.seq() + 1,
        })
    }

    fn offer_recover(&mut self, entry: ControlEntry) -> Result<Accepted, Refused> {
        let rank = (entry.generation().recovery, entry.seq());
        let outranks = self.state.last_recover.is_none_or(|(number, seq, id)| {
            rank > (number, seq) || (rank == (number, seq) && entry.id() < id)
        });
        if !outranks {
            return self.put_aside(entry);
        }
        let Some((keep, branch)) = self.branch_below(&entry)? else {
            return self.put_aside(entry);
        };
        // Who has applied a change of the recovery key takes nothing that does not build on it.
        if self.state.key_change.is_some_and(|change| change > keep) {
            return self.put_aside(entry);
        }
        let mut state = self.state_at(keep).ok_or(Refused::Recover)?;
        for step in branch.iter().chain([&entry]) {
            step_over(&mut state, step)?;
        }
        self.replace_above(keep, branch.into_iter().chain([entry]).collect())
    }

    /// The last entry of this chain below a Recover, and what stands between, in order; `None` where
    /// something is missing.
    fn branch_below(
        &self,
        entry: &ControlEntry,
    ) -> Result<Option<(u64, Vec<ControlEntry>)>, Refused> {
        let mut branch = Vec::new();
        let mut prev = entry.header().prev;
        let mut seq = entry.seq();
        loop {
            seq = seq.checked_sub(1).ok_or(Refused::Recover)?;
            if self.at(seq).is_some_and(|at| at.id() == prev) {
                branch.reverse();
                return Ok(Some((seq, branch)));
            }
            let Some(Aside { entry, .. }) = self.side.get(&prev).filter(|a| a.entry.seq() == seq)
            else {
                return Ok(None);
            };
            prev = entry.header().prev;
            branch.push(entry.clone());
        }
    }

    /// Replaces what stands above `keep` by these entries, which hold.
    fn replace_above(&mut self, keep: u64, steps: Vec<ControlEntry>) -> Result<Accepted, Refused> {
        let state = self.state_at(keep).ok_or(Refused::Recover)?;
        let length = usize::try_from(keep).unwrap_or(usize::MAX).saturating_add(1);
        let replaced = self.entries.split_off(length.min(self.entries.len()));
        self.verdicts.truncate(length);
        self.checkpoints.truncate((length - 1) / CHECKPOINT_EVERY + 1);
        self.mismatches.retain(|seq| *seq <= keep);
        self.timeline.truncate(keep);
        self.state = state;
        for entry in steps {
            self.side.remove(&entry.id());
            let verdict = step_over(&mut self.state, &entry)?;
            self.push(entry, verdict);
        }
        self.dispute = None;
        for entry in &replaced {
            // They may be wanted again: a later Recover can choose their branch.
            self.put_aside(entry.clone())?;
        }
        while let Some(next) = self.waiting_next() {
            self.append(next);
        }
        Ok(Accepted::Recovered { keep, replaced })
    }

    fn put_aside(&mut self, entry: ControlEntry) -> Result<Accepted, Refused> {
        let is_signed = self.is_known_signer(&entry);
        if let Some(held) = self.side.get(&entry.id()) {
            // A forgery bears the name of the true entry.
            if held.is_signed && !is_signed {
                return Ok(Accepted::Aside);
            }
        } else if self.side.len() >= SIDE_ENTRIES_MAX {
            // What is signed and nearest to the head is of use first; the farthest gives way.
            let farthest = self.side.values().map(|a| (!a.is_signed, a.entry.seq(), a.entry.id()));
            match farthest.max() {
                Some((unsigned, seq, id)) if (unsigned, seq) > (!is_signed, entry.seq()) => {
                    self.side.remove(&id);
                }
                _ => return Ok(Accepted::Aside),
            }
        }
        self.side.insert(entry.id(), Aside { entry, is_signed });
        Ok(Accepted::Aside)
    }

    /// Whether an entry is signed by a key that this chain knows for it. On a branch that this chain
    /// has not followed there may be others, so that `false` proves nothing.
    fn is_known_signer(&self, entry: &ControlEntry) -> bool {
        let header = entry.header();
        if matches!(entry.action(), Some(Action::Recover(_))) {
            return entry
                .is_signed_by(Signer::Recovery, &keys::VerifyKey::from_bytes(self.state.recovery));
        }
        let cert = self.state.cert(header.node.short(), header.key_serial);
        cert.is_some_and(|cert| entry.is_signed_by(Signer::Node, &cert.op()))
    }

    /// The group.
    pub fn group(&self) -> GroupId {
        self.state.group
    }

    /// The state after the last entry.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The state after an entry; `None` above the last one.
    pub fn state_at(&self, seq: u64) -> Option<State> {
        let place = usize::try_from(seq).ok().filter(|place| *place < self.entries.len())?;
        let mut state = self.checkpoints.get(place / CHECKPOINT_EVERY)?.clone();
        for entry in self.entries.get(place / CHECKPOINT_EVERY * CHECKPOINT_EVERY + 1..=place)? {
            refold(&mut state, entry).ok()?;
        }
        Some(state)
    }

    /// The history that data entries are judged by.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// All entries, from the Genesis.
    pub fn entries(&self) -> &[ControlEntry] {
        &self.entries
    }

    /// What became of each entry.
    pub fn verdicts(&self) -> &[Verdict] {
        &self.verdicts
    }

    /// An entry that this node holds, on the chain or aside.
    pub fn find(&self, id: &EntryId) -> Option<&ControlEntry> {
        let aside = self.side.get(id).map(|aside| &aside.entry);
        aside.or_else(|| self.entries.iter().find(|entry| entry.id() == *id))
    }

    /// The entry at a place.
    pub fn at(&self, seq: u64) -> Option<&ControlEntry> {
        self.entries.get(usize::try_from(seq).ok()?)
    }

    /// How a data entry cites the last entry.
    pub fn cite(&self) -> Option<ControlRef> {
        self.entries.last().map(ControlEntry::cite)
    }

    /// The proof because of which this chain ends where it does.
    pub fn dispute(&self) -> Option<&ForkProof> {
        self.dispute.as_ref()
    }

    /// Checkpoints of the home that do not fit what was folded here, by number.
    pub fn mismatches(&self) -> impl Iterator<Item = u64> {
        self.mismatches.iter().copied()
    }

    /// Entries held aside.
    pub fn aside(&self) -> impl Iterator<Item = &ControlEntry> {
        self.side.values().map(|aside| &aside.entry)
    }

    fn contains(&self, entry: &ControlEntry) -> bool {
        self.at(entry.seq()).is_some_and(|at| at.id() == entry.id())
    }

    /// Whether a cited entry is on this chain.
    pub fn is_on_chain(&self, cite: &ControlRef) -> bool {
        self.at(cite.seq).is_some_and(|at| at.cite() == *cite)
    }

    /// The position that a cite stands for by itself: see federation, "position of a data entry".
    ///
    /// `None` if it has none: then the entry stands where the one before it stands.
    pub fn position(&self, cite: &ControlRef) -> Option<u64> {
        if self.is_on_chain(cite) {
            return Some(cite.seq);
        }
        self.timeline.replaced_at(cite.recovery, cite.act).filter(|keep| cite.seq > *keep)
    }

    /// Whether waiting for a cited entry makes sense; if not, a data entry that cites it is judged as
    /// it is.
    pub fn awaits(&self, cite: &ControlRef) -> bool {
        let generation = self.state.generation;
        let ahead = cite.recovery > generation.recovery
            || ((cite.recovery, cite.act) == (generation.recovery, generation.act)
                && cite.seq > self.state.head.0);
        let above_fork = self
            .dispute
            .as_ref()
            .is_some_and(|proof| cite.recovery == generation.recovery && cite.seq >= proof.seq());
        ahead && !above_fork && !self.is_on_chain(cite)
    }
}

/// One more entry of a branch that is not trusted yet.
fn step_over(state: &mut State, entry: &ControlEntry) -> Result<Verdict, Refused> {
    if !matches!(entry.action(), Some(Action::Recover(_))) {
        state.check_next(entry)?;
    }
    refold(state, entry)
}

/// One more entry of a chain that was checked before.
pub(super) fn refold(state: &mut State, entry: &ControlEntry) -> Result<Verdict, Refused> {
    if matches!(entry.action(), Some(Action::Recover(_))) {
        *state = state.recover(entry)?;
        return Ok(Verdict::Applied);
    }
    Ok(state.apply(entry))
}
