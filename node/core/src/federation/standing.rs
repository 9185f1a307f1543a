//! How much another node may ask of this one: little while it is new, since names of nodes cost nothing.
//!
//! Keyspace `NODES`: 21 ++ node (16) since when it is known ([`FirstSeen`]).

use glog::Node16;
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use crate::decide::Decide;
use crate::limits::Limit;
use crate::record::Record;
use crate::{Core, CoreResult};

const FIRST_SEEN: u8 = 21;

/// What a node has on its first day, in hundredths of what one has that is known for [`GROWN_S`].
const NEW: u8 = 10;

/// How long it takes a node to have everything.
const GROWN_S: i32 = 7 * 86_400;

/// When a node was first seen, in unix seconds; 0 for one that was known before that was noted.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct FirstSeen(i32);

impl Record for FirstSeen {
    const VERSION: u8 = 1;
    const NAME: &'static str = "when a node was first seen";
}

fn key(node: Node16) -> Vec<u8> {
    [&[FIRST_SEEN][..], &node.0].concat()
}

/// What a node has that is known for so long.
fn grown(age_s: i32) -> u8 {
    let hundredths = i64::from(NEW)
        + i64::from(100 - NEW) * i64::from(age_s.clamp(0, GROWN_S)) / i64::from(GROWN_S);
    u8::try_from(hundredths).unwrap_or(100)
}

impl Core {
    /// How much a node may ask, in hundredths of what is granted to one that is well known: everything
    /// where the operator has connected to it, else more from day to day.
    ///
    /// # Errors
    /// Those of the store.
    pub fn standing_of(&self, node: Node16) -> CoreResult<u8> {
        let own_domain = |known: &super::KnownNode| known.taken_domain().is_some();
        let Some(known) = self.known_node(node)? else { return Ok(NEW) };
        if own_domain(&known) {
            return Ok(100);
        }
        let row = self.inner.store.get(Keyspace::NODES, &key(node))?;
        let first = row.map(|row| FirstSeen::decode(&row)).transpose()?;
        Ok(first.map_or(100, |FirstSeen(at)| grown(self.now().saturating_sub(at))))
    }
}

impl Decide<'_> {
    /// A node was heard of, for the first time or again.
    pub(super) fn note_known(&mut self, node: Node16, before: bool) -> CoreResult<()> {
        if self.get(Keyspace::NODES, &key(node))?.is_some() {
            return Ok(());
        }
        let at = if before { 0 } else { self.now() };
        self.put(Keyspace::NODES, &key(node), &FirstSeen(at))
    }

    /// Whether the operator has connected to a node, and how much it may ask, in hundredths.
    pub(super) fn standing_here(&self, node: Node16) -> CoreResult<(bool, u8)> {
        let domain = self.node_row(node)?.is_some_and(|row| !row.domain.is_empty());
        let first: Option<FirstSeen> = self.load(Keyspace::NODES, &key(node))?;
        let standing = match first {
            Some(FirstSeen(at)) if !domain => grown(self.now().saturating_sub(at)),
            _ => 100,
        };
        Ok((domain, standing))
    }

    /// Takes from what is granted to a node: a new one pays more for the same. One act is never dearer
    /// than what there can be.
    pub(super) fn take_of_node(
        &mut self,
        limit: Limit,
        node: Node16,
        count: u32,
    ) -> CoreResult<()> {
        let (_, standing) = self.standing_here(node)?;
        let dear = count.saturating_mul(100) / u32::from(standing.max(1));
        self.take(limit, dear.min(limit.burst()).max(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_grows_in_a_week() {
        let days = |days: i32| grown(days * 86_400);
        assert_eq!(
            [days(-1), days(0), days(1), days(6), days(7), days(8)],
            [10, 10, 22, 87, 100, 100]
        );
        assert_eq!((grown(i32::MAX), grown(i32::MIN)), (100, 10));
    }
}
