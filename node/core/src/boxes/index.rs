//! Which messages a dialog has, in chunks.
//!
//! A box is ordered by pts over all dialogs; a page of one dialog needs the ids of that dialog
//! alone. They are kept in chunks of a few hundred, each one row: 1 to 3 bytes an id.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{PeerId, Pts};
use crate::record::Record;
use crate::{CoreError, CoreResult};

/// Entries of a full chunk.
const CHUNK_ENTRIES: usize = 256;

/// The last chunk grows to this before it is cut in two.
const LAST_CHUNK_ENTRIES_MAX: usize = 2 * CHUNK_ENTRIES;

/// Bytes of a chunk's row, at most: its key, and for each entry a difference of up to 32 bits.
pub(crate) const CHUNK_BYTES_MAX: usize = 64 + 5 * LAST_CHUNK_ENTRIES_MAX;

/// One message of a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: i32,
    /// Written by the box's owner.
    pub(crate) out: bool,
}

/// Chunks that were written, by the id of the first entry that each ever had.
pub(crate) trait Chunks {
    /// The chunk with the greatest first id at or below `first_max`.
    fn at_or_before(&self, peer: PeerId, first_max: i32) -> CoreResult<Option<(i32, Vec<Entry>)>>;

    /// The chunk with the least first id at or above `first_min`.
    fn at_or_after(&self, peer: PeerId, first_min: i32) -> CoreResult<Option<(i32, Vec<Entry>)>>;

    /// The same of the saved dialogs.
    fn saved(&self) -> Box<dyn Chunks + '_>;
}

/// A chunk that differs from what is written, and the event that changed it last.
#[derive(Debug, Clone)]
pub(super) struct Changed {
    pub(super) entries: Vec<Entry>,
    pub(super) stamp: Pts,
}

/// The index of one dialog: the chunks that differ from the store, over those in it.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(super) changed: BTreeMap<i32, Changed>,
    /// The last chunk, while it is among `changed`: the place of the next entry.
    last: Option<i32>,
}

impl Index {
    /// Adds the newest entry.
    pub(super) fn push(
        &mut self,
        entry: Entry,
        stamp: Pts,
        chunks: &dyn Chunks,
        peer: PeerId,
    ) -> CoreResult<()> {
        let first = match self.last {
            Some(first) => first,
            None => match self.chunk_at(i32::MAX, chunks, peer)? {
                Some((first, entries)) => {
                    self.changed.insert(first, Changed { entries, stamp });
                    first
                }
                None => entry.id,
            },
        };
        self.last = Some(first);
        let chunk =
            self.changed.entry(first).or_insert_with(|| Changed { entries: Vec::new(), stamp });
        chunk.entries.push(entry);
        chunk.stamp = stamp;
        if chunk.entries.len() >= LAST_CHUNK_ENTRIES_MAX {
            let entries = chunk.entries.split_off(CHUNK_ENTRIES);
            if let Some(second) = entries.first().map(|entry| entry.id) {
                self.changed.insert(second, Changed { entries, stamp });
                self.last = Some(second);
            }
        }
        Ok(())
    }

    /// Adds an entry below all that are there, in the chunk of those with numbers like its own.
    pub(super) fn insert(
        &mut self,
        entry: Entry,
        stamp: Pts,
        chunks: &dyn Chunks,
        peer: PeerId,
    ) -> CoreResult<()> {
        let (first, mut entries) = match self.chunk_at(entry.id, chunks, peer)? {
            Some(found) => found,
            None => (window_of(entry.id), Vec::new()),
        };
        if let Err(at) = entries.binary_search_by_key(&entry.id, |entry| entry.id) {
            entries.insert(at, entry);
            self.changed.insert(first, Changed { entries, stamp });
        }
        Ok(())
    }

    /// What was changed up to `pts` is written: the store has it.
    pub(super) fn written(&mut self, pts: Pts) {
        self.changed.retain(|_, chunk| chunk.stamp > pts);
        self.last = self.last.filter(|first| self.changed.contains_key(first));
    }

    /// Removes an entry, if it is there.
    pub(super) fn remove(
        &mut self,
        id: i32,
        stamp: Pts,
        chunks: &dyn Chunks,
        peer: PeerId,
    ) -> CoreResult<Option<Entry>> {
        let Some((first, mut entries)) = self.chunk_at(id, chunks, peer)? else { return Ok(None) };
        let Ok(at) = entries.binary_search_by_key(&id, |entry| entry.id) else { return Ok(None) };
        let removed = entries.remove(at);
        self.changed.insert(first, Changed { entries, stamp });
        Ok(Some(removed))
    }

    /// The chunk that would hold `id`: the last one that begins at or before it.
    pub(crate) fn chunk_at(
        &self,
        id: i32,
        chunks: &dyn Chunks,
        peer: PeerId,
    ) -> CoreResult<Option<(i32, Vec<Entry>)>> {
        let changed = self.changed.range(..=id).next_back();
        let stored = chunks.at_or_before(peer, id)?;
        Ok(match (changed, stored) {
            (Some((first, chunk)), Some((other, _))) if *first >= other => {
                Some((*first, chunk.entries.clone()))
            }
            (Some((first, chunk)), None) => Some((*first, chunk.entries.clone())),
            (_, stored) => stored,
        })
    }

    /// Calls `take` with the entries below `below`, newest first, until it answers false.
    pub(crate) fn descend(
        &self,
        below: i32,
        chunks: &dyn Chunks,
        peer: PeerId,
        mut take: impl FnMut(Entry) -> bool,
    ) -> CoreResult<()> {
        let mut bound = below.saturating_sub(1);
        while let Some((first, entries)) = self.chunk_at(bound, chunks, peer)? {
            for entry in entries.iter().rev().filter(|entry| entry.id < below) {
                if !take(*entry) {
                    return Ok(());
                }
            }
            if first <= 1 {
                return Ok(());
            }
            bound = first - 1;
        }
        Ok(())
    }

    /// Calls `take` with the entries at or above `from`, oldest first, until it answers false.
    pub(crate) fn ascend(
        &self,
        from: i32,
        chunks: &dyn Chunks,
        peer: PeerId,
        mut take: impl FnMut(Entry) -> bool,
    ) -> CoreResult<()> {
        // The chunk that holds `from`, then each next one.
        let mut next = match self.chunk_at(from, chunks, peer)? {
            Some(found) => Some(found),
            None => self.chunk_from(from, chunks, peer)?,
        };
        while let Some((first, entries)) = next {
            for entry in entries.iter().filter(|entry| entry.id >= from) {
                if !take(*entry) {
                    return Ok(());
                }
            }
            next = self.chunk_from(first.saturating_add(1), chunks, peer)?;
        }
        Ok(())
    }

    fn chunk_from(
        &self,
        first_min: i32,
        chunks: &dyn Chunks,
        peer: PeerId,
    ) -> CoreResult<Option<(i32, Vec<Entry>)>> {
        let changed = self.changed.range(first_min..).next();
        let stored = chunks.at_or_after(peer, first_min)?;
        Ok(match (changed, stored) {
            (Some((first, chunk)), Some((other, _))) if *first <= other => {
                Some((*first, chunk.entries.clone()))
            }
            (Some((first, chunk)), None) => Some((*first, chunk.entries.clone())),
            (_, stored) => stored,
        })
    }
}

/// The first of the numbers that lie in one chunk where they come falling.
fn window_of(id: i32) -> i32 {
    let entries = CHUNK_ENTRIES as i32;
    id.saturating_sub(1).div_euclid(entries) * entries + 1
}

/// A chunk as it is stored: each entry is twice its id, plus one if it is outgoing; the first
/// one in full, the others as the difference to the one before.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ChunkRecord(Vec<u32>);

impl Record for ChunkRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "chunk of a dialog";
}

impl ChunkRecord {
    pub(super) fn new(entries: &[Entry]) -> Self {
        let mut before = 0;
        let deltas = entries.iter().map(|entry| {
            let number = entry.id.unsigned_abs() * 2 + u32::from(entry.out);
            let delta = number - before;
            before = number;
            delta
        });
        Self(deltas.collect())
    }

    pub(super) fn entries(&self) -> CoreResult<Vec<Entry>> {
        let mut number = 0_u32;
        let mut entries = Vec::with_capacity(self.0.len());
        for delta in &self.0 {
            number = number.checked_add(*delta).ok_or(CoreError::Damaged(Self::NAME))?;
            entries.push(Entry { id: (number / 2).cast_signed(), out: number % 2 == 1 });
        }
        Ok(entries)
    }
}
