//! Which addresses are tried, and when again.

use std::collections::BTreeMap;
use std::time::Duration;

use glog::NodeId;
use rand::{Rng, RngExt};

use crate::trouble::Trouble;

/// An address to stay connected to.
#[derive(Debug, Clone)]
pub struct Target {
    /// The node that is expected there.
    pub expected: Option<NodeId>,
    /// The node that is expected there, or was last found there.
    pub node: Option<NodeId>,
    /// Failures since it was last connected.
    pub failures: u32,
    /// Why the last attempt failed.
    pub trouble: Option<Trouble>,
    /// When it is tried next; `None` while it is tried or connected.
    pub next_ms: Option<u64>,
}

/// All of them.
#[derive(Debug)]
pub struct Dialer {
    targets: BTreeMap<String, Target>,
    first_ms: u64,
    max_ms: u64,
}

impl Dialer {
    /// Tries again after `first`, then twice as long each time, up to `max`.
    pub fn new(first: Duration, max: Duration) -> Self {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        Self { targets: BTreeMap::new(), first_ms: ms(first), max_ms: ms(max) }
    }

    /// Stays connected to these addresses from now on, and to no others.
    pub fn keep(&mut self, wanted: &[(String, Option<NodeId>)], now_ms: u64) {
        self.targets.retain(|address, _| wanted.iter().any(|(kept, _)| kept == address));
        for (address, node) in wanted {
            let (expected, next_ms) = (*node, Some(now_ms));
            let new = Target { expected, node: expected, failures: 0, trouble: None, next_ms };
            let target = self.targets.entry(address.clone()).or_insert(new);
            target.expected = expected;
            target.node = expected.or(target.node);
        }
    }

    /// Addresses to try now; they count as being tried.
    pub fn due(&mut self, now_ms: u64) -> Vec<String> {
        let is_due = |target: &Target| target.next_ms.is_some_and(|next| next <= now_ms);
        let due = self.targets.iter_mut().filter(|(_, target)| is_due(target));
        due.map(|(address, target)| {
            target.next_ms = None;
            address.clone()
        })
        .collect()
    }

    /// A node has answered at an address. Whether it is not another one than expected.
    pub fn connected(&mut self, address: &str, node: NodeId) -> bool {
        let Some(target) = self.targets.get_mut(address) else { return true };
        if target.expected.is_some_and(|expected| expected != node) {
            return false;
        }
        target.node = Some(node);
        target.failures = 0;
        target.trouble = None;
        target.next_ms = None;
        true
    }

    /// A node has come by itself, or over another address: none of its own need be tried.
    pub fn is_here(&mut self, node: NodeId) {
        for target in self.targets.values_mut().filter(|target| target.node == Some(node)) {
            target.failures = 0;
            target.trouble = None;
            target.next_ms = None;
        }
    }

    /// A connection ended: the node is tried again soon.
    pub fn lost<R: Rng + ?Sized>(&mut self, node: NodeId, now_ms: u64, rng: &mut R) {
        let next = Some(now_ms.saturating_add(jittered(self.first_ms, rng)));
        for target in self.targets.values_mut().filter(|target| target.node == Some(node)) {
            target.next_ms = next;
        }
    }

    /// An attempt has failed.
    pub fn failed<R: Rng + ?Sized>(
        &mut self,
        address: &str,
        trouble: Trouble,
        now_ms: u64,
        rng: &mut R,
    ) {
        let Some(target) = self.targets.get_mut(address) else { return };
        let wait_ms =
            self.first_ms.saturating_mul(1u64 << target.failures.min(40)).min(self.max_ms);
        target.failures = target.failures.saturating_add(1);
        target.trouble = Some(trouble);
        target.next_ms = Some(now_ms.saturating_add(jittered(wait_ms, rng)));
    }

    /// Addresses at which a node is expected, or was found.
    pub fn addresses_of(&self, node: NodeId) -> impl Iterator<Item = &String> {
        let of_node = move |(_, target): &(&String, &Target)| target.node == Some(node);
        self.targets.iter().filter(of_node).map(|(address, _)| address)
    }

    /// The node that is expected at an address, or was last found there.
    pub fn node_at(&self, address: &str) -> Option<NodeId> {
        self.targets.get(address)?.node
    }

    /// Everything, for a status.
    pub fn targets(&self) -> impl Iterator<Item = (&String, &Target)> {
        self.targets.iter()
    }
}

/// Give or take a fifth: nodes that lost each other at once do not meet at once for ever.
pub fn jittered<R: Rng + ?Sized>(wait_ms: u64, rng: &mut R) -> u64 {
    let fifth = wait_ms / 5;
    (wait_ms - fifth).saturating_add(rng.random_range(0..=fifth.saturating_mul(2)))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_dead_peer_is_tried_less_and_less_and_at_once_after_it_came_by_itself() {
        let mut rng = StdRng::seed_from_u64(1);
        let node = NodeId([1; 32]);
        let mut dialer = Dialer::new(Duration::from_secs(2), Duration::from_secs(86_400));
        dialer.keep(&[("a".to_owned(), Some(node))], 0);
        let mut now_ms = 0;
        let mut waits = Vec::new();
        for _ in 0..20 {
            assert_eq!(dialer.due(now_ms), ["a"]);
            assert!(dialer.due(now_ms).is_empty()); // it is being tried
            dialer.failed("a", Trouble::TimedOut, now_ms, &mut rng);
            assert_eq!(dialer.targets().next().unwrap().1.trouble, Some(Trouble::TimedOut));
            let next_ms = dialer.targets().next().unwrap().1.next_ms.unwrap();
            assert!(dialer.due(next_ms - 1).is_empty());
            waits.push(next_ms - now_ms);
            now_ms = next_ms;
        }
        for (i, wait) in waits.iter().enumerate() {
            let exact = (2_000u64 << i).min(86_400_000);
            assert!((exact * 4 / 5..=exact * 6 / 5).contains(wait), "{i}: {wait}");
        }
        assert!(!dialer.connected("a", NodeId([2; 32])));
        assert!(dialer.connected("a", node) && dialer.connected("b", node));
        dialer.failed("a", Trouble::NobodyListens, now_ms, &mut rng);
        dialer.is_here(node);
        assert!(dialer.due(u64::MAX).is_empty());
        assert_eq!(dialer.targets().next().unwrap().1.trouble, None);
        dialer.lost(node, 1_000, &mut rng);
        assert_eq!(dialer.due(3_400), ["a"]);
        dialer.keep(&[], 0);
        assert_eq!(dialer.targets().count(), 0);
    }
}
