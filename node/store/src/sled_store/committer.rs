//! The one thread that writes: whatever queued up during a flush is the next batch.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use super::engine::Engine;
use super::mark::Mark;
use crate::tape::Tape;
use crate::watermark::Watermark;
use crate::{Batch, Stats, StoreError};

/// Batches that one flush may carry.
const BATCHES_PER_FLUSH_MAX: usize = 256;

/// No further batch joins a flush that carries this many keys: sled frees no memory while it
/// applies a batch. Loading 500,000 rows of 300 bytes peaked at 1 GB without this bound, at
/// 104 MB with it, and took half as long again.
const KEYS_PER_FLUSH_MAX: usize = 1024;

/// A batch on its way to the disk.
pub(super) struct Queued {
    pub(super) ticket: u64,
    pub(super) batch: Batch,
    /// [`Batch::bytes`], counted when it was queued.
    pub(super) bytes: usize,
}

/// What the thread shares with the store's readers.
#[derive(Default)]
pub(super) struct Shared {
    /// The newest ticket whose batch readers may see.
    pub(super) newest: AtomicU64,
    /// Bytes of the batches that wait.
    pub(super) queued_bytes: AtomicUsize,
    /// Where batches are recorded while a backup is taken.
    pub(super) tape: Tape,
    commits: AtomicU64,
    batches: AtomicU64,
    keys: AtomicU64,
    bytes: AtomicU64,
    syncs: AtomicU64,
}

impl Shared {
    pub(super) fn stats(&self, disk_bytes: Option<u64>, disk_free_bytes: Option<u64>) -> Stats {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            commits: of(&self.commits),
            batches: of(&self.batches),
            keys: of(&self.keys),
            bytes: of(&self.bytes),
            syncs: of(&self.syncs),
            disk_bytes,
            disk_free_bytes,
            queued_bytes: self.queued_bytes.load(Ordering::Relaxed) as u64,
        }
    }
}

pub(super) struct Committer {
    pub(super) engine: Arc<Engine>,
    pub(super) shared: Arc<Shared>,
    pub(super) mark: Mark,
    pub(super) sequence: u64,
}

impl Committer {
    /// Runs until the queue closes or a write fails. Answers the mark and the last sequence when
    /// everything queued was written.
    pub(super) fn run(
        mut self,
        receiver: &mpsc::Receiver<Queued>,
        watermark: &Watermark,
    ) -> Option<(Mark, u64)> {
        while let Ok(first) = receiver.recv() {
            let mut last = first.ticket;
            let mut keys = first.batch.len();
            let mut queued = vec![first];
            while queued.len() < BATCHES_PER_FLUSH_MAX
                && keys < KEYS_PER_FLUSH_MAX
                && let Ok(next) = receiver.try_recv()
            {
                last = next.ticket;
                keys += next.batch.len();
                queued.push(next);
            }
            let written = catch_unwind(AssertUnwindSafe(|| self.write(queued, last)));
            let written = written.unwrap_or_else(|_| Err(StoreError::Io("panicked".into())));
            if let Err(cause) = written {
                tracing::error!(%cause, "a write failed: nothing is acknowledged any more");
                watermark.fail(&format!("writing to the store failed: {cause}"));
                return None;
            }
            watermark.advance(last);
        }
        Some((self.mark, self.sequence))
    }

    fn write(&mut self, queued: Vec<Queued>, last: u64) -> Result<(), StoreError> {
        let bytes = queued.iter().map(|queued| queued.bytes).sum::<usize>();
        let keys = queued.iter().map(|queued| queued.batch.len()).sum::<usize>();
        let batches = queued.len();
        // Before applying: whoever sees a row must find its ticket in `newest`, or it would tell
        // the outside what is not durable yet.
        self.shared.newest.store(last, Ordering::SeqCst);
        self.sequence += 1;
        // After `newest`: who begins a record now waits for it.
        let recorded = self.shared.tape.records();
        let recorded: Vec<Batch> =
            queued.iter().filter(|_| recorded).map(|queued| queued.batch.clone()).collect();
        self.engine.apply(queued.into_iter().map(|queued| queued.batch), self.sequence)?;
        self.shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.engine.sync()?;
        self.mark.advance(self.sequence).map_err(|e| StoreError::Io(format!("STORE.mark: {e}")))?;
        tracing::debug!(ticket = last, batches, keys, bytes, "synced");
        recorded.into_iter().for_each(|batch| self.shared.tape.add(batch));
        for (counter, by) in [
            (&self.shared.commits, 1),
            (&self.shared.batches, batches as u64),
            (&self.shared.keys, keys as u64),
            (&self.shared.bytes, bytes as u64),
            (&self.shared.syncs, 1),
        ] {
            counter.fetch_add(by, Ordering::Relaxed);
        }
        Ok(())
    }
}
