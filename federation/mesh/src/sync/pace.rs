//! How fast the words of one node are taken, whoever brings them.
//!
//! Members are heard by everybody, so one of them who never stops would make all others wait. What of
//! its words comes unasked beyond its pace is not taken, and synchronisation fetches it in small parts:
//! all of it comes, later.
//!
//! Nobody's pace is used up by others. Counted is what was new here, once that is known: not what
//! somebody repeats, nor what somebody forges, as who wrote an entry is only a claim until then. What
//! is on its way to being looked at counts against who brought it alone.

use std::collections::BTreeMap;

use glog::{Node16, NodeId};

use super::bucket::Tokens;
use crate::setup::Pace;

/// Nodes whose pace is remembered. Beyond it those with most left are forgotten, who would begin with
/// as much anyway.
const AUTHORS_MAX: usize = 4_096;
/// Entries of a lane that are fetched at once from who is over its pace: few enough that others need
/// not wait for them, and enough to be worth a round.
pub(super) const FETCHED_MAX: u64 = 16;
/// Who has more than so many entries taken beyond its rate is in a hurry.
const CALM_MAX: f64 = 64.0;

/// The paces of all nodes.
#[derive(Debug)]
pub(super) struct Paces {
    me: Node16,
    pace: Pace,
    authors: BTreeMap<Node16, Author>,
    /// Entries that were let in and of which it is not known yet whether they are new, by who wrote and
    /// who brought them.
    flying: BTreeMap<(Node16, NodeId), usize>,
    /// Until when any of them is over its pace.
    over_until: u64,
}

#[derive(Debug)]
struct Author {
    /// What may be taken still.
    tokens: Tokens,
    /// What may come still, taken or not: without any, who is over its pace stays so.
    offered: Tokens,
    over_until: u64,
    held_back: u64,
}

/// How much is fetched of the words of a node that is over its pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paced {
    /// So many entries.
    pub(super) entries: u64,
    /// After so long the next ones may be.
    pub(super) again_ms: u64,
}

impl Paces {
    /// Nobody has said anything.
    pub(super) fn new(me: NodeId, pace: Pace) -> Self {
        let (authors, flying) = (BTreeMap::new(), BTreeMap::new());
        Self { me: me.short(), pace, authors, flying, over_until: 0 }
    }

    /// How many of so many entries of one node are taken that a peer brings unasked; [`Self::settle`]
    /// says what became of them.
    pub(super) fn take(
        &mut self,
        author: Node16,
        from: NodeId,
        count: usize,
        now_ms: u64,
    ) -> usize {
        if author == self.me {
            return count;
        }
        let known = self.authors.get_mut(&author);
        let (have, is_over) = known.map_or((f64::from(self.pace.at_once), false), |known| {
            (known.tokens.have(now_ms), known.over_until > now_ms)
        });
        let flying = self.flying.get(&(author, from)).copied().unwrap_or(0);
        let room = (have.max(0.0) as usize).saturating_sub(flying);
        // While it is over nothing comes this way: what follows a gap would only wait for the rest.
        let taken = if is_over { 0 } else { count.min(room) };
        if taken > 0 {
            *self.flying.entry((author, from)).or_default() += taken;
        }
        if taken < count {
            let over_until = now_ms.saturating_add(super::ms(self.pace.over_for));
            let held = count - taken;
            let known = self.author(author, now_ms);
            known.held_back = known.held_back.saturating_add(held as u64);
            known.offer(held, now_ms);
            // Others, who bring too much at once of what may be old, do not make it be over.
            let is_too_fast = match is_over {
                true => known.offered.have(now_ms) < 1.0,
                false => have < 1.0 || from.short() == author,
            };
            if is_too_fast {
                known.over_until = over_until;
                self.over_until = over_until.max(self.over_until);
            }
        }
        taken
    }

    /// Whether a node has more taken than its rate, be it within its pace: a little of it at a time is
    /// enough, so that nobody waits long behind it.
    pub(super) fn is_hasty(&mut self, author: &Node16, from: NodeId, now_ms: u64) -> bool {
        let flying = self.flying.get(&(*author, from)).copied().unwrap_or(0) as f64;
        let at_once = f64::from(self.pace.at_once);
        let have = self.authors.get_mut(author).map_or(at_once, |known| known.tokens.have(now_ms));
        *author != self.me && have - flying < at_once - CALM_MAX
    }

    /// Of so many entries that were let in, so many were new.
    pub(super) fn settle(
        &mut self,
        author: Node16,
        from: NodeId,
        count: usize,
        fresh: usize,
        now_ms: u64,
    ) {
        if author == self.me {
            return;
        }
        if let Some(flying) = self.flying.get_mut(&(author, from)) {
            *flying = flying.saturating_sub(count);
            if *flying == 0 {
                self.flying.remove(&(author, from));
            }
        }
        if fresh > 0 {
            let fresh = fresh.min(count);
            let known = self.author(author, now_ms);
            known.tokens.spend(fresh as f64);
            known.offer(fresh, now_ms);
        }
    }

    /// How much of so many lacking entries of a node may be fetched now; `None` for all of them. So many
    /// of them are urgent: others name them, and wait for them. [`Self::fetched`] says what came.
    pub(super) fn fetches(
        &mut self,
        author: Node16,
        lacking: u64,
        urgent: u64,
        now_ms: u64,
    ) -> Option<Paced> {
        let known = self.authors.get_mut(&author).filter(|known| known.over_until > now_ms)?;
        let at_once = self.pace.at_once.max(1);
        let have = known.tokens.have(now_ms);
        let usual = lacking.min(FETCHED_MAX).min(u64::from(at_once));
        let due = if have < usual as f64 { 0 } else { usual };
        // Nodes are not equally far, so what is named may be some way ahead: lent once, as an accomplice
        // may name anything.
        let lent = (have + f64::from(at_once)).max(0.0) as u64;
        let entries = due.max(urgent.min(lacking).min(lent));
        let again_ms = known.tokens.wait_ms((entries + usual) as f64);
        Some(Paced { entries, again_ms })
    }

    /// So many entries of a node were fetched and were new.
    pub(super) fn fetched(&mut self, author: Node16, fresh: u32, now_ms: u64) {
        if self.is_over(&author, now_ms) {
            self.author(author, now_ms).tokens.spend(f64::from(fresh));
        }
    }

    /// Whether a node is over its pace.
    pub(super) fn is_over(&self, author: &Node16, now_ms: u64) -> bool {
        self.is_any_over(now_ms)
            && self.authors.get(author).is_some_and(|known| known.over_until > now_ms)
    }

    /// Whether any node is.
    pub(super) fn is_any_over(&self, now_ms: u64) -> bool {
        self.over_until > now_ms
    }

    /// Entries of a node that were not taken when they came.
    pub(super) fn held_back(&self, author: &Node16) -> u64 {
        self.authors.get(author).map_or(0, |known| known.held_back)
    }

    fn author(&mut self, author: Node16, now_ms: u64) -> &mut Author {
        if self.authors.len() >= AUTHORS_MAX && !self.authors.contains_key(&author) {
            let have = self.authors.iter_mut().map(|(of, known)| {
                let is_over = known.over_until > now_ms;
                (is_over, -known.tokens.have(now_ms), *of)
            });
            let order = |a: &(bool, f64, Node16), b: &(bool, f64, Node16)| {
                a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
            };
            if let Some((_, _, least)) = have.min_by(order) {
                self.authors.remove(&least);
            }
        }
        let Pace { entries, at_once, .. } = self.pace;
        self.authors.entry(author).or_insert_with(|| Author {
            tokens: Tokens::new(f64::from(entries), f64::from(at_once), now_ms),
            offered: Tokens::new(f64::from(entries), f64::from(at_once), now_ms),
            over_until: 0,
            held_back: 0,
        })
    }
}

impl Author {
    /// So much came. No debt is made: whoever stops is forgiven soon.
    fn offer(&mut self, count: usize, now_ms: u64) {
        let have = self.offered.have(now_ms);
        self.offered.spend((count as f64).min(have));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PACE: Pace = Pace { entries: 60, at_once: 300, over_for: Duration::from_secs(5) };
    const ME: NodeId = NodeId([9; 32]);
    const HONEST: NodeId = NodeId([1; 32]);
    const FLOODER: NodeId = NodeId([2; 32]);
    const RELAY: NodeId = NodeId([3; 32]);

    /// A second of 1,300 entries, each settled at once: how many were taken.
    fn flood(paces: &mut Paces, from: NodeId, second: u64) -> usize {
        let each = (0..1_300).map(|i| {
            let now_ms = second * 1_000 + i * 10 / 13;
            let taken = paces.take(FLOODER.short(), from, 1, now_ms);
            paces.settle(FLOODER.short(), from, taken, taken, now_ms);
            taken
        });
        each.sum()
    }

    #[test]
    fn who_writes_too_fast_is_taken_at_its_pace_and_only_it() {
        let mut paces = Paces::new(ME, PACE);
        let first = flood(&mut paces, FLOODER, 0);
        assert!((300..330).contains(&first), "{first}");
        // By whichever way it comes.
        assert_eq!((1..10).map(|second| flood(&mut paces, RELAY, second)).sum::<usize>(), 0);
        assert_eq!(paces.held_back(&FLOODER.short()), 13_000 - first as u64);
        for i in 0..200 {
            assert_eq!(paces.take(HONEST.short(), RELAY, 1, 9_000 + i * 20), 1);
            paces.settle(HONEST.short(), RELAY, 1, 1, 9_000 + i * 20);
        }
        assert_eq!(paces.take(ME.short(), FLOODER, 5_000, 10_000), 5_000);
        assert_eq!(paces.held_back(&HONEST.short()), 0);
    }

    #[test]
    fn what_is_held_back_is_fetched_at_the_pace_and_faster_once_it_has_stopped() {
        let mut paces = Paces::new(ME, PACE);
        let author = FLOODER.short();
        assert_eq!(paces.fetches(author, 10_000, 0, 0), None, "who was away fetches all");
        let mut fetched = 0;
        for second in 0..20 {
            flood(&mut paces, FLOODER, second);
            for _ in 0..100 {
                let now_ms = second * 1_000 + 999;
                let Paced { entries, again_ms } = paces.fetches(author, 1_000, 0, now_ms).unwrap();
                assert!(entries <= FETCHED_MAX);
                paces.fetched(author, entries as u32, now_ms);
                assert!(again_ms <= 1_100, "{again_ms}");
                fetched += entries;
            }
        }
        assert!((20 * 60 - 100..=20 * 60 + 100).contains(&fetched), "{fetched}");
        // Of what is left, no part is too small to be fetched.
        assert_eq!(paces.fetches(author, 3, 0, 20_999).unwrap().entries, 3);
        // What others name is lent, but not without end.
        let named = paces.fetches(author, 1_000, 200, 20_999).unwrap();
        assert_eq!((named.entries, named.again_ms > 2_000), (200, true));
        paces.fetched(author, 200, 20_999);
        let named = paces.fetches(author, 1_000, 1_000, 20_999).unwrap().entries;
        assert!(named < 200, "{named}");
        assert!(paces.fetches(author, 1_000, 0, 24_990).is_some());
        assert_eq!(paces.fetches(author, 1_000, 0, 25_001), None);
    }

    #[test]
    fn who_writes_much_is_in_a_hurry_long_before_it_is_over() {
        let mut paces = Paces::new(ME, PACE);
        let author = FLOODER.short();
        assert_eq!(paces.take(author, FLOODER, 64, 0), 64);
        assert!(!paces.is_hasty(&author, FLOODER, 0));
        assert_eq!(paces.take(author, FLOODER, 1, 0), 1);
        assert!(paces.is_hasty(&author, FLOODER, 0) && !paces.is_hasty(&author, RELAY, 0));
        paces.settle(author, FLOODER, 65, 65, 10);
        assert!(paces.is_hasty(&author, RELAY, 10) && !paces.is_hasty(&author, RELAY, 100));
        paces.take(ME.short(), FLOODER, 300, 100);
        assert!(!paces.is_hasty(&ME.short(), FLOODER, 100));
    }

    /// Somebody brings an honest node's words again and again, or forgeries of them.
    #[test]
    fn nobody_uses_up_the_pace_of_another() {
        let mut paces = Paces::new(ME, PACE);
        let author = HONEST.short();
        let mut taken = 0;
        for now_ms in 0..100 {
            // Before anything is known of what came before, and then when it is.
            taken += paces.take(author, FLOODER, 1_000, now_ms);
            assert_eq!(paces.take(author, RELAY, 1, now_ms), 1);
            paces.settle(author, RELAY, 1, 0, now_ms);
        }
        assert_eq!(taken, 300);
        paces.settle(author, FLOODER, taken, 0, 100);
        assert_eq!(paces.take(author, HONEST, 300, 100), 300);
        assert_eq!(paces.fetches(author, 10_000, 0, 100), None);
        paces.settle(author, HONEST, 300, 300, 100);
        // A burst as large as may be does not make it be over; the next word does.
        assert_eq!(paces.fetches(author, 10_000, 0, 100), None);
        assert_eq!(paces.take(author, HONEST, 1, 101), 0);
        assert!(paces.fetches(author, 10_000, 0, 101).is_some());
        // A word now and then does not keep it so.
        let mut over = 0;
        for second in 1..20 {
            over += 1 - paces.take(author, HONEST, 1, second * 1_000);
            paces.settle(author, HONEST, 1, 1, second * 1_000);
        }
        assert!((4..=6).contains(&over), "{over}");
    }

    #[test]
    fn paces_are_bounded_and_those_who_are_over_are_remembered() {
        let mut paces = Paces::new(ME, PACE);
        flood(&mut paces, FLOODER, 0);
        for i in 0..5_000u32 {
            let bytes = i.to_be_bytes();
            let node = NodeId(std::array::from_fn(|at| bytes.get(at).copied().unwrap_or(0)));
            assert_eq!(paces.take(node.short(), node, 1, 1_000), 1);
            paces.settle(node.short(), node, 1, 1, 1_000);
        }
        assert!(paces.authors.len() <= AUTHORS_MAX && paces.flying.is_empty());
        assert!(paces.is_over(&FLOODER.short(), 1_000));
    }
}
