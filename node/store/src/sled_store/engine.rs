//! sled itself: rows in and out, with split values put together.

use std::collections::HashMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{io, unusable};
use crate::{Batch, Keyspace, Order, Row, StoreError, pieces};

/// Key in the tree of bookkeeping: how often this store was flushed in its life (8 bytes).
const SEQUENCE_KEY: &[u8] = b"sequence";

/// Keyspace bytes without the top bit.
const SPACES: usize = 128;

/// An open database. Dropping the last handle closes it.
pub(crate) struct Engine {
    db: sled::Db,
    /// Everything that commits together: sled's batches are atomic within one tree.
    data: sled::Tree,
    /// Only the sequence. In a tree of its own because it changes with every flush: among the
    /// data, sled would rewrite a leaf of other rows with it.
    bookkeeping: sled::Tree,
    log: File,
    /// Keyspaces that may hold split values. In all others, a put need not look for old pieces.
    split: [AtomicBool; SPACES],
}

impl Engine {
    /// Takes over an open database, whose files lie in `database`.
    pub(super) fn new(db: sled::Db, database: &Path) -> Result<Self, StoreError> {
        let data = guarded(|| db.open_tree("data").map_err(io))?;
        let bookkeeping = guarded(|| db.open_tree("bookkeeping").map_err(io))?;
        let path = database.join("db");
        let log = File::open(&path).map_err(|e| unusable(&path, &e))?;
        let split = std::array::from_fn(|_| AtomicBool::new(false));
        let engine = Self { db, data, bookkeeping, log, split };
        engine.find_split_values()?;
        Ok(engine)
    }

    /// One lookup for each keyspace that has split values.
    fn find_split_values(&self) -> Result<(), StoreError> {
        let mut from = pieces::SHADOWS_START.to_vec();
        while let Some(row) = guarded(|| self.data.range(from..).next().transpose().map_err(io))? {
            let Some(space) = pieces::shadowed(&row.0) else { break };
            self.note_split(space);
            let Some(next) =
                pieces::SHADOWS_START.first().and_then(|s| (s | space.0).checked_add(1))
            else {
                break;
            };
            from = vec![next];
        }
        Ok(())
    }

    fn note_split(&self, space: Keyspace) {
        if let Some(flag) = self.split.get(usize::from(space.0)) {
            flag.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the value under the engine's `key` is split.
    fn is_split(&self, key: &[u8]) -> Result<bool, StoreError> {
        let flag = key.first().and_then(|space| self.split.get(usize::from(*space)));
        if !flag.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Ok(false);
        }
        guarded(|| self.data.contains_key(pieces::first_piece(key)).map_err(io))
    }

    fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        guarded(|| Ok(self.data.get(key).map_err(io)?.map(|value| value.to_vec())))
    }

    pub(crate) fn get(&self, space: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let key = space.key(key);
        match self.row(&key)? {
            Some(head) => pieces::read(&key, head, |key| self.row(key)),
            None => Ok(None),
        }
    }

    pub(crate) fn scan(
        &self,
        space: Keyspace,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
        order: Order,
    ) -> Result<Vec<Row>, StoreError> {
        let Some(range) = space.range(from, to) else { return Ok(Vec::new()) };
        let mut rows = self.data.range(range);
        let mut found = Vec::new();
        while found.len() < limit {
            let next = guarded(|| match order {
                Order::Ascending => rows.next().transpose().map_err(io),
                Order::Descending => rows.next_back().transpose().map_err(io),
            })?;
            let Some((key, head)) = next else { break };
            // A split value that was deleted since its head was read is not there any more.
            if let Some(value) = pieces::read(&key, head.to_vec(), |key| self.row(key))? {
                found.push((key.get(1..).unwrap_or_default().to_vec(), value));
            }
        }
        Ok(found)
    }

    /// Writes `batches` as one: all of them or none survive a crash. Not durable before
    /// [`Self::sync`].
    pub(super) fn apply(
        &self,
        batches: impl IntoIterator<Item = Batch>,
        sequence: u64,
    ) -> Result<(), StoreError> {
        // sled applies a batch in no order: only the last word on each key may go in.
        let mut last = HashMap::new();
        for (key, value) in batches.into_iter().flat_map(|batch| batch.operations) {
            last.insert(key, value);
        }
        let mut together = sled::Batch::default();
        for (key, value) in last {
            pieces::write(
                key,
                value,
                |key| self.is_split(key),
                |key, value| match value {
                    Some(value) => {
                        if let Some(space) = pieces::shadowed(&key) {
                            self.note_split(space);
                        }
                        together.insert(key, value);
                    }
                    None => together.remove(key),
                },
            )?;
        }
        guarded(|| {
            self.data.apply_batch(together).map_err(io)?;
            // Behind the batch in the log: a sequence that survives proves that its batch did.
            self.bookkeeping.insert(SEQUENCE_KEY, &sequence.to_be_bytes()).map_err(io)?;
            Ok(())
        })
    }

    /// Makes everything applied durable. sled's flush ends in `sync_file_range`, which is no
    /// promise: it neither empties the disk's cache nor records that the file grew.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        guarded(|| self.db.flush().map_err(io))?;
        self.log.sync_data().map_err(|e| StoreError::Io(e.to_string()))
    }

    /// The newest sequence in the log; 0 in a new store.
    pub(super) fn sequence(&self) -> Result<u64, StoreError> {
        let value = guarded(|| self.bookkeeping.get(SEQUENCE_KEY).map_err(io))?;
        let value = value.and_then(|value| Some(u64::from_be_bytes(*value.first_chunk::<8>()?)));
        Ok(value.unwrap_or(0))
    }

    pub(super) fn disk_bytes(&self) -> Option<u64> {
        self.db.size_on_disk().ok()
    }

    /// Whether keys and values together are at least `bytes`; stops counting there.
    pub(super) fn holds_at_least(&self, bytes: u64) -> Result<bool, StoreError> {
        let mut live = 0_u64;
        let mut rows = self.data.iter();
        while live < bytes {
            let Some((key, value)) = guarded(|| rows.next().transpose().map_err(io))? else {
                return Ok(false);
            };
            live += (key.len() + value.len()) as u64;
        }
        Ok(true)
    }
}

/// sled panics on some damage that it meets while reading; the caller gets an error instead.
fn guarded<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(StoreError::Io("sled panicked: the log is damaged beyond what it can read".into()))
    })
}
