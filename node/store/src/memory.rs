//! A store in memory, for tests: the same contract, durable at once.

use std::collections::BTreeMap;
use std::ops::Bound;

use futures_util::future::{BoxFuture, FutureExt, ready};
use parking_lot::Mutex;

use crate::{Batch, Keyspace, Row, Store, StoreError, Ticket};

/// [`Store`] over a sorted map.
#[derive(Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    newest: u64,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Store for MemoryStore {
    fn get(&self, space: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.inner.lock().rows.get(&space.key(key)).cloned())
    }

    fn scan(&self, space: Keyspace, from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        let inner = self.inner.lock();
        let rows = inner.rows.range((Bound::Included(space.key(from)), Bound::Unbounded));
        let mut found = Vec::new();
        for (key, value) in rows.take(limit) {
            match key.split_first() {
                Some((prefix, key)) if *prefix == space.0 => {
                    found.push((key.to_vec(), value.clone()));
                }
                _ => break,
            }
        }
        Ok(found)
    }

    fn commit(&self, batch: Batch) -> Result<Ticket, StoreError> {
        batch.check()?;
        let mut inner = self.inner.lock();
        for (key, value) in batch.operations {
            match value {
                Some(value) => inner.rows.insert(key, value),
                None => inner.rows.remove(&key),
            };
        }
        inner.newest += 1;
        Ok(Ticket(inner.newest))
    }

    fn durable(&self, _: Ticket) -> BoxFuture<'static, Result<(), StoreError>> {
        ready(Ok(())).boxed()
    }

    fn newest(&self) -> Ticket {
        Ticket(self.inner.lock().newest)
    }
}
