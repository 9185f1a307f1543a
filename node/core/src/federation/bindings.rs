//! Whether domains name the nodes that name them.
//!
//! A certificate says which domain its node has; the domain says at a well-known place which node is
//! its. A domain that an operator has taken for a node is looked at again now and then: what was not
//! seen for 30 days does not count as confirmed. What is fetched, and how, is the caller's.

use glog::Node16;
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{BINDING, KnownNode};
use crate::decide::scan_prefix;
use crate::record::Record;
use crate::{Core, CoreResult};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// For how long a domain counts as confirmed after it was seen to name its node.
const CONFIRMED_FOR_MS: u64 = 30 * DAY_MS;

/// Bindings that are listed.
const BINDINGS_MAX: usize = 10_000;

/// Bytes of a reason that are kept.
const REASON_BYTES_MAX: usize = 512;

/// Where the operator has found a node, and what was last seen of its domain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Which domain; empty until it was looked at.
    pub domain: String,
    /// Addresses at which the operator wants to stay connected to the node.
    pub addresses: Vec<String>,
    /// The domain gave them, and not the operator.
    pub by_domain: bool,
    /// When the domain was last seen to name the node, in milliseconds since 1970; 0 for never.
    pub confirmed_ms: u64,
    /// When it was last looked at; 0 for never.
    pub looked_ms: u64,
    /// Looks that failed since one was answered.
    pub failures: u32,
    /// What the last look said, where it did not confirm.
    pub reason: String,
    /// The domain was last seen to name another node, or none.
    pub contradicted: bool,
}

impl Record for Binding {
    const VERSION: u8 = 1;
    const NAME: &'static str = "binding";
}

/// What a look at a domain has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// The domain names the node, and the node the domain.
    Confirms,
    /// They do not name each other.
    Contradicts(String),
    /// Nothing was found out.
    Fails(String),
}

/// Whether a domain is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmed {
    /// It is, until then, in milliseconds since 1970.
    Until(u64),
    /// It was, until then.
    Lapsed(u64),
    /// It says otherwise.
    Contradicted,
    /// It was never looked at with success.
    Never,
}

impl Binding {
    /// Whether the domain counts as confirmed.
    #[must_use]
    pub fn confirmed(&self, now_ms: u64) -> Confirmed {
        let until_ms = self.confirmed_ms.saturating_add(CONFIRMED_FOR_MS);
        match self.confirmed_ms {
            _ if self.contradicted => Confirmed::Contradicted,
            0 => Confirmed::Never,
            // A clock that was wrong when it was seen must not confirm for ever.
            seen_ms if seen_ms > now_ms.saturating_add(DAY_MS) => Confirmed::Never,
            _ if now_ms < until_ms => Confirmed::Until(until_ms),
            _ => Confirmed::Lapsed(until_ms),
        }
    }

    /// Whether it is time to look at the domain again: a day after it has answered; after an hour where
    /// it did not, then twice as long each time, up to a day.
    #[must_use]
    pub fn is_due(&self, now_ms: u64) -> bool {
        let wait_ms = match self.failures {
            0 => DAY_MS,
            failures => (HOUR_MS << (failures - 1).min(5)).min(DAY_MS),
        };
        // A clock that was set back would keep it waiting otherwise.
        now_ms < self.looked_ms || now_ms - self.looked_ms >= wait_ms
    }

    /// With what a look has found.
    #[must_use]
    pub fn seen(mut self, look: Look, now_ms: u64) -> Self {
        self.looked_ms = now_ms;
        match look {
            Look::Confirms => {
                self.confirmed_ms = now_ms;
                self.contradicted = false;
                self.failures = 0;
                self.reason.clear();
            }
            Look::Contradicts(reason) => {
                self.contradicted = true;
                self.failures = 0;
                self.reason = short(reason);
            }
            Look::Fails(reason) => {
                self.failures = self.failures.saturating_add(1);
                self.reason = short(reason);
            }
        }
        self
    }
}

fn short(mut reason: String) -> String {
    let end =
        (0..=REASON_BYTES_MAX.min(reason.len())).rev().find(|at| reason.is_char_boundary(*at));
    reason.truncate(end.unwrap_or_default());
    reason
}

fn key(node: Node16) -> Vec<u8> {
    [&[BINDING][..], &node.0].concat()
}

impl KnownNode {
    /// The domain that the operator has taken for this node, if there is one: only such are looked at.
    #[must_use]
    pub fn taken_domain(&self) -> Option<&str> {
        (!self.domain.ends_with(".node")).then_some(self.domain.as_str())
    }
}

impl Core {
    /// What was last seen of a node's domain.
    ///
    /// # Errors
    /// Those of the store.
    pub fn binding(&self, node: Node16) -> CoreResult<Option<Binding>> {
        let row = self.inner.store.get(Keyspace::NODES, &key(node))?;
        row.map(|row| Binding::decode(&row)).transpose()
    }

    /// All of them.
    ///
    /// # Errors
    /// Those of the store.
    pub fn bindings(&self) -> CoreResult<Vec<(Node16, Binding)>> {
        let rows = scan_prefix(&*self.inner.store, Keyspace::NODES, &[BINDING], BINDINGS_MAX)?;
        let read = rows.iter().filter_map(|(key, row)| {
            let node = Node16(key.get(1..)?.try_into().ok()?);
            Some(Binding::decode(row).map(|binding| (node, binding)))
        });
        read.collect()
    }

    /// Remembers what was seen of a node's domain.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn set_binding(&self, node: Node16, binding: Binding) -> CoreResult<()> {
        self.write(None, move |decide| decide.put(Keyspace::NODES, &key(node), &binding)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    #[test]
    fn a_domain_is_confirmed_for_thirty_days() {
        let never = Binding::default();
        assert_eq!(never.confirmed(NOW), Confirmed::Never);
        let seen = never.seen(Look::Confirms, NOW);
        let until = NOW + 30 * DAY_MS;
        assert_eq!(seen.confirmed(NOW), Confirmed::Until(until));
        assert_eq!(seen.confirmed(until - 1), Confirmed::Until(until));
        assert_eq!(seen.confirmed(until), Confirmed::Lapsed(until));
        // What fails takes nothing away before its time; what says otherwise does at once.
        let failed = seen.seen(Look::Fails("status 500".into()), NOW + DAY_MS);
        assert_eq!(failed.confirmed(NOW + DAY_MS), Confirmed::Until(until));
        let other = failed.seen(Look::Contradicts("another node".into()), NOW + 2 * DAY_MS);
        assert_eq!(other.confirmed(NOW + 2 * DAY_MS), Confirmed::Contradicted);
        assert_eq!(other.reason, "another node");
        let again = other.seen(Look::Confirms, NOW + 3 * DAY_MS);
        assert_eq!(again.confirmed(NOW + 3 * DAY_MS), Confirmed::Until(NOW + 33 * DAY_MS));
        assert_eq!(again.reason, "");
        // Seen by a clock that was years ahead.
        assert_eq!(again.confirmed(NOW - 365 * DAY_MS), Confirmed::Never);
    }

    #[test]
    fn a_domain_is_looked_at_daily_and_sooner_when_it_fails() {
        let mut binding = Binding::default();
        assert!(binding.is_due(NOW));
        binding = binding.seen(Look::Confirms, NOW);
        assert!(!binding.is_due(NOW + DAY_MS - 1) && binding.is_due(NOW + DAY_MS));
        assert!(binding.is_due(NOW - 1));
        for hours in [1, 2, 4, 8, 16, 24, 24, 24] {
            binding = binding.seen(Look::Fails("x".repeat(2000)), NOW);
            let due = NOW + hours * HOUR_MS;
            assert!(!binding.is_due(due - 1) && binding.is_due(due), "{hours}");
        }
        assert_eq!(binding.reason.len(), REASON_BYTES_MAX);
        assert_eq!(short("ä".repeat(300)).len(), 512);
    }
}
