//! Entries that are pushed to a peer: few requests at once, the rest together.

use std::collections::VecDeque;

use glog::GroupId;
use glog::cbor::List;

use crate::frames::{ENTRIES_MAX, EntryBytes, PAGE_BYTES_MAX, Request};

/// Pushes to one peer under way.
const FLYING_MAX: usize = 4;
/// Entries that wait. What finds no room is left to synchronisation.
const WAITING_MAX: usize = 512;

/// What is pushed to one peer.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<(GroupId, bool, EntryBytes)>,
    flying: usize,
}

impl Outbox {
    /// Adds an entry; whether there was room.
    pub(super) fn add(&mut self, group: GroupId, further: bool, entry: &[u8]) -> bool {
        let Ok(entry) = EntryBytes::new(entry.to_vec()) else { return false };
        if self.waiting.len() >= WAITING_MAX {
            return false;
        }
        self.waiting.push_back((group, further, entry));
        true
    }

    /// The next request, if one may go.
    pub(super) fn next(&mut self) -> Option<Request> {
        if self.flying >= FLYING_MAX {
            return None;
        }
        let (group, further, first) = self.waiting.pop_front()?;
        let mut bytes = first.len();
        let mut entries = vec![first];
        while let Some((next_group, next_further, entry)) = self.waiting.front() {
            bytes += entry.len();
            let fits = bytes <= PAGE_BYTES_MAX && entries.len() < ENTRIES_MAX;
            if (*next_group, *next_further) != (group, further) || !fits {
                break;
            }
            entries.extend(self.waiting.pop_front().map(|(_, _, entry)| entry));
        }
        self.flying += 1;
        Some(Request::Push { group, further, entries: List::new(entries).unwrap_or_default() })
    }

    /// A request is over.
    pub(super) fn done(&mut self) {
        self.flying = self.flying.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_goes_together_and_a_full_outbox_takes_nothing() {
        let (a, b) = (GroupId([1; 32]), GroupId([2; 32]));
        let mut outbox = Outbox::default();
        for i in 0..4 {
            assert!(outbox.add(a, false, &[i]));
            assert!(outbox.next().is_some());
        }
        for (group, further) in [(a, false), (a, false), (a, true), (b, true)] {
            assert!(outbox.add(group, further, b"entry"));
        }
        assert_eq!(outbox.next(), None);
        outbox.done();
        let Some(Request::Push { group, entries, .. }) = outbox.next() else { panic!() };
        assert_eq!((group, entries.len()), (a, 2));
        assert_eq!(outbox.next(), None);
        (0..WAITING_MAX - 2).for_each(|_| assert!(outbox.add(a, true, b"entry")));
        assert!(!outbox.add(a, true, b"entry"));
        assert!(!outbox.add(a, true, &vec![0; 100_000]));
    }
}
