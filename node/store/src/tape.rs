//! A record of what is committed, from one moment on.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::{Batch, Store, StoreError};

/// Where a store records its commits while somebody listens. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Tape(Arc<Mutex<Option<Record>>>);

struct Record {
    batches: Vec<Batch>,
    bytes: usize,
    bytes_max: usize,
    /// More came than may wait: the record is not whole, and ends.
    overrun: bool,
}

impl Tape {
    /// Whether a batch that is about to be applied has to be kept for [`Self::add`].
    pub(crate) fn records(&self) -> bool {
        self.0.lock().as_ref().is_some_and(|record| !record.overrun)
    }

    /// Takes a batch that is applied. Its place is that of its commit.
    pub(crate) fn add(&self, batch: Batch) {
        let mut record = self.0.lock();
        let Some(record) = record.as_mut().filter(|record| !record.overrun) else { return };
        // What a vector takes for a row, besides its bytes.
        record.bytes += batch.bytes() + batch.len() * size_of::<(Vec<u8>, Option<Vec<u8>>)>();
        if record.bytes > record.bytes_max {
            record.overrun = true;
            record.batches = Vec::new();
        } else {
            record.batches.push(batch);
        }
    }

    /// Begins a record, in which at most `bytes_max` wait to be taken.
    ///
    /// # Errors
    /// [`StoreError::Transfer`] if there is one.
    pub(crate) fn begin(&self, bytes_max: usize) -> Result<Listener, StoreError> {
        let mut record = self.0.lock();
        if record.is_some() {
            return Err(StoreError::Transfer("another backup is being taken".into()));
        }
        *record = Some(Record { batches: Vec::new(), bytes: 0, bytes_max, overrun: false });
        Ok(Listener(self.clone()))
    }
}

/// Whoever takes the record. Dropping it ends the record.
pub(crate) struct Listener(Tape);

impl Listener {
    /// What was recorded since the last call, in the order of commits.
    ///
    /// # Errors
    /// [`StoreError::Transfer`] when it was not taken in time.
    pub(crate) fn take(&self) -> Result<Vec<Batch>, StoreError> {
        let mut record = self.0.0.lock();
        let Some(record) = record.as_mut().filter(|record| !record.overrun) else {
            return Err(StoreError::Transfer(
                "more is written into the store than the backup takes up: write it to a faster \
                 disk, or at a quieter time"
                    .into(),
            ));
        };
        record.bytes = 0;
        Ok(std::mem::take(&mut record.batches))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        *self.0.0.lock() = None;
    }
}

/// A store that can record its commits.
///
/// A batch is recorded once it is applied, and before it is called durable. So what is read after
/// [`Listener::take`] was begun shows all that it answered; and after `wait_durable(newest())` the record
/// has all that was read before.
pub(crate) trait Taped: Store {
    /// Where it records.
    fn tape(&self) -> &Tape;
}
