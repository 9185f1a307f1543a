//! Rows that change and that anybody may read, as they are on disk.
//!
//! The store shows a row before it is durable. What a message shows beside itself (reactions, a
//! poll) is read where updates and pages are encoded, which cannot wait: there a row has to be as
//! it is on disk. So a command that changes one keeps here what it was until the batch is durable.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use node_store::{Keyspace, Store};
use parking_lot::Mutex;

use crate::CoreResult;
use crate::decide::Decide;
use crate::record::Record;

type Key = (Keyspace, Vec<u8>);

/// Rows that are being changed: the durable value first, then one for each change that is not yet.
type Changing = HashMap<Key, VecDeque<Option<Vec<u8>>>>;

/// See the module.
#[derive(Debug, Default, Clone)]
pub(crate) struct Shown(Arc<Mutex<Changing>>);

impl Shown {
    /// A record as it is on disk.
    pub(crate) fn get<R: Record>(
        &self,
        store: &dyn Store,
        space: Keyspace,
        key: &[u8],
    ) -> CoreResult<Option<R>> {
        let at = (space, key.to_vec());
        let changing = || self.0.lock().get(&at).and_then(VecDeque::front).cloned();
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

    fn change(&self, store: &dyn Store, key: Key, value: Option<Vec<u8>>) -> CoreResult<Change> {
        // Only the committer changes rows: between the look and the entry nobody comes. Read without
        // the lock, which readers wait for.
        let is_changing = self.0.lock().contains_key(&key);
        let durable = if is_changing { None } else { Some(store.get(key.0, &key.1)?) };
        let mut changing = self.0.lock();
        let values = changing.entry(key.clone()).or_default();
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
        let mut changing = self.shown.0.lock();
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
}
