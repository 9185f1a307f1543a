//! Rows that change and that anybody may read, as they are on disk.
//!
//! The store shows a row before it is durable. What a message shows beside itself (reactions, a
//! poll) is read where updates and pages are encoded, which cannot wait: there a row has to be as
//! it is on disk. So a command that changes one keeps here what it was until the batch is durable.
//!
//! Who is in a channel is asked for each of them when somebody writes there: such rows are kept in
//! memory, decoded, from when they were read until they change.

use std::any::Any;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use node_store::{Keyspace, Store};
use parking_lot::Mutex;

use crate::CoreResult;
use crate::decide::Decide;
use crate::record::Record;

type Key = (Keyspace, Vec<u8>);

/// Records that are kept at most; beyond, all are read again. Protects memory: some 250 bytes each.
const KEPT_MAX: usize = 16_384;

#[derive(Default)]
struct Rows {
    /// Those that are being changed: the durable value first, then one for each change that is not
    /// yet.
    changing: HashMap<Key, VecDeque<Option<Vec<u8>>>>,
    /// Those that are kept; none of them is being changed.
    kept: HashMap<Key, Arc<dyn Any + Send + Sync>>,
    /// How many changes have begun.
    begun: u64,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("begun", &self.begun).finish_non_exhaustive()
    }
}

/// See the module.
#[derive(Debug, Default, Clone)]
pub(crate) struct Shown(Arc<Mutex<Rows>>);

impl Shown {
    /// A record as it is on disk.
    pub(crate) fn get<R: Record>(
        &self,
        store: &dyn Store,
        space: Keyspace,
        key: &[u8],
    ) -> CoreResult<Option<R>> {
        let at = (space, key.to_vec());
        let changing = || self.0.lock().changing.get(&at).and_then(VecDeque::front).cloned();
        let row = match changing() {
            Some(durable) => durable,
            // A change begins here before it gets into the store, and ends here when it is durable:
            // what is read between two looks that find none is durable by the second.
            None => {
                let read = store.get(space, key)?;
                changing().unwrap_or(read)
            }
        };
        row.map(|row| R::decode(&row)).transpose()
    }

    /// The same, out of memory where it was asked for before; `read` reads it in the store.
    pub(crate) fn get_kept<R: Record + Send + Sync + 'static>(
        &self,
        space: Keyspace,
        key: &[u8],
        read: impl FnOnce() -> CoreResult<Option<Vec<u8>>>,
    ) -> CoreResult<Option<Arc<R>>> {
        let at = (space, key.to_vec());
        let decode =
            |row: Option<Vec<u8>>| row.map(|row| R::decode(&row).map(Arc::new)).transpose();
        let begun = {
            let rows = self.0.lock();
            if let Some(durable) = rows.changing.get(&at).and_then(VecDeque::front) {
                return decode(durable.clone());
            }
            if let Some(kept) = rows.kept.get(&at) {
                // A key has records of one kind only.
                if let Ok(kept) = kept.clone().downcast::<R>() {
                    return Ok(Some(kept));
                }
            }
            rows.begun
        };
        let read = read()?;
        let mut rows = self.0.lock();
        if let Some(durable) = rows.changing.get(&at).and_then(VecDeque::front) {
            return decode(durable.clone());
        }
        let found = decode(read)?;
        // A change that has begun and ended meanwhile leaves what was read as it was before.
        if let Some(found) = found.clone().filter(|_| rows.begun == begun) {
            if rows.kept.len() >= KEPT_MAX {
                rows.kept.clear();
            }
            rows.kept.insert(at, found);
        }
        Ok(found)
    }

    fn change(&self, store: &dyn Store, key: Key, value: Option<Vec<u8>>) -> CoreResult<Change> {
        // Only the committer changes rows: between the look and the entry nobody comes. Read without
        // the lock, which readers wait for.
        let is_changing = self.0.lock().changing.contains_key(&key);
        let durable = if is_changing { None } else { Some(store.get(key.0, &key.1)?) };
        let mut rows = self.0.lock();
        rows.begun += 1;
        rows.kept.remove(&key);
        let values = rows.changing.entry(key.clone()).or_default();
        values.extend(durable);
        values.push_back(value);
        Ok(Change { shown: self.clone(), key, done: false })
    }
}

/// One change: dropped without being done, it never was.
struct Change {
    shown: Shown,
    key: Key,
    done: bool,
}

impl Drop for Change {
    fn drop(&mut self) {
        let changing = &mut self.shown.0.lock().changing;
        if let Some(values) = changing.get_mut(&self.key) {
            // Commands follow each other: what fails is the newest, what is done the oldest.
            if self.done {
                values.pop_front()
            } else {
                values.pop_back()
            };
            if values.len() <= 1 {
                changing.remove(&self.key);
            }
        }
    }
}

impl Decide<'_> {
    /// Writes a record that readers see when it is durable; `None` removes it.
    pub(crate) fn put_shown<R: Record>(
        &mut self,
        space: Keyspace,
        key: &[u8],
        record: Option<&R>,
    ) -> CoreResult<()> {
        let value = record.map(Record::encode).transpose()?;
        let at = (space, key.to_vec());
        let change = self.inner.shown.change(self.store(), at, value.clone())?;
        match value {
            Some(value) => self.put_bytes(space, key, value),
            None => self.delete(space, key),
        }
        self.after(move |_| {
            // All of it: alone, the field would be a copy.
            let mut change = change;
            change.done = true;
        });
        Ok(())
    }
}

impl crate::Core {
    /// A record that readers see when it is durable.
    pub(crate) fn shown<R: Record>(&self, space: Keyspace, key: &[u8]) -> CoreResult<Option<R>> {
        self.inner.shown.get(&*self.inner.store, space, key)
    }

    /// The same, out of memory where it was asked for before.
    pub(crate) fn shown_kept<R: Record + Send + Sync + 'static>(
        &self,
        space: Keyspace,
        key: &[u8],
    ) -> CoreResult<Option<Arc<R>>> {
        let read = || Ok(self.inner.store.get(space, key)?);
        self.inner.shown.get_kept(space, key, read)
    }
}

#[cfg(test)]
mod tests {
    use node_store::{Batch, MemoryStore};
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Number(u32);

    impl Record for Number {
        const VERSION: u8 = 1;
        const NAME: &'static str = "number";
    }

    const SPACE: Keyspace = Keyspace::CHANNELS;

    fn write(store: &MemoryStore, number: u32) {
        let mut batch = Batch::new();
        batch.put(SPACE, b"key", Number(number).encode().unwrap());
        store.commit(batch).unwrap();
    }

    fn change(shown: &Shown, store: &MemoryStore, number: u32) -> Change {
        let value = Some(Number(number).encode().unwrap());
        let change = shown.change(store, (SPACE, b"key".to_vec()), value).unwrap();
        write(store, number);
        change
    }

    fn done(mut change: Change) {
        change.done = true;
    }

    #[test]
    fn a_kept_row_is_as_it_is_on_disk() {
        let (shown, store) = (Shown::default(), MemoryStore::new());
        let reads = std::cell::Cell::new(0);
        let get = || {
            let read = || {
                reads.set(reads.get() + 1);
                Ok(store.get(SPACE, b"key")?)
            };
            shown.get_kept::<Number>(SPACE, b"key", read).unwrap().map(|number| number.0)
        };
        assert_eq!(get(), None, "what is not there is not kept");
        write(&store, 1);
        assert_eq!((get(), get(), reads.get()), (Some(1), Some(1), 2));
        let first = change(&shown, &store, 2);
        let second = change(&shown, &store, 3);
        assert_eq!(get(), Some(1), "neither is durable");
        done(first);
        assert_eq!(get(), Some(2));
        done(second);
        assert_eq!((get(), get(), reads.get()), (Some(3), Some(3), 3));
    }

    #[test]
    fn what_changes_while_it_is_read_is_not_kept() {
        let (shown, store) = (Shown::default(), MemoryStore::new());
        write(&store, 1);
        let read = || {
            let old = store.get(SPACE, b"key")?;
            done(change(&shown, &store, 2));
            Ok(old)
        };
        let found = shown.get_kept::<Number>(SPACE, b"key", read).unwrap();
        assert_eq!(found.unwrap().0, 1, "as it was when it was asked for");
        let read = || Ok(store.get(SPACE, b"key")?);
        assert_eq!(shown.get_kept::<Number>(SPACE, b"key", read).unwrap().unwrap().0, 2);
    }
}
