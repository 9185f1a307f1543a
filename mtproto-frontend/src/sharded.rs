//! A table in shards, each behind a lock of its own: two cores rarely meet in one.

use std::collections::HashMap;

use parking_lot::{Mutex, MutexGuard};

const SHARDS: usize = 16;

/// Rows by an id whose low bits are spread: a hash, or a running number.
pub(crate) struct Sharded<V>([Mutex<HashMap<i64, V>>; SHARDS]);

impl<V> Default for Sharded<V> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl<V> Sharded<V> {
    /// The shard that holds `id`, locked.
    pub(crate) fn of(&self, id: i64) -> MutexGuard<'_, HashMap<i64, V>> {
        let [low, ..] = id.to_le_bytes();
        #[expect(clippy::indexing_slicing, reason = "the index is taken modulo the length")]
        self.0[usize::from(low) % SHARDS].lock()
    }

    /// The sum of what `of` says of each row; one shard is locked at a time.
    pub(crate) fn sum(&self, of: impl Fn(&V) -> usize) -> usize {
        self.0.iter().map(|shard| shard.lock().values().map(&of).sum::<usize>()).sum()
    }

    /// Keeps rows for which `keep` is true; one shard is locked at a time.
    pub(crate) fn retain(&self, mut keep: impl FnMut(&mut V) -> bool) {
        self.retain_by_id(|_, row| keep(row));
    }

    /// [`Sharded::retain`], told the id of each row.
    pub(crate) fn retain_by_id(&self, mut keep: impl FnMut(i64, &mut V) -> bool) {
        for shard in &self.0 {
            shard.lock().retain(|id, row| keep(*id, row));
        }
    }
}
