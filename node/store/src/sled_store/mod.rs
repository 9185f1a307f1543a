//! [`Store`] on sled 0.34.7, behind the precautions that make it safe.
//!
//! - One tree, so that a batch is crash-atomic; keyspaces are one-byte prefixes.
//! - `Db::flush` uses `sync_file_range`, which is no promise: after it the log file itself is
//!   `fdatasync`ed, and only then is a batch called durable.
//! - No row over 6 KiB: large pages would go to files that sled never syncs. See `pieces`.
//! - sled reads a half-written `snap.*.generating` as a snapshot and then refuses to open: they
//!   are removed before opening. Snapshots are only an index of the log, so on corruption they
//!   are moved aside and the log is read whole.
//! - An empty database beside a `STORE.id` that says otherwise means lost data: refused. So is a
//!   log that ends before the `STORE.mark`, or changed after it was closed.
//! - Writes are refused before the disk is full. See `disk`.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use crate::disk::{self, Gate, Probe};
use crate::export::IMPORTING_KEY;
use crate::tape::{Tape, Taped};
use crate::watermark::{Waiters, watermark};
use crate::{
    AtRest, Batch, Keyspace, Order, QUEUED_COMMITS_MAX, Row, Stats, Store, StoreError, Ticket,
};

mod committer;
mod compact;
mod engine;
mod files;
mod header;
mod mark;

use committer::{Committer, Queued, Shared};
pub use compact::{Compaction, Resealing, compact, reseal};
pub(crate) use engine::Engine;
use files::{Files, Lock};
#[cfg(test)]
pub(crate) use header::Migration;
pub(crate) use header::{SEALING_KEY, Schema};
use mark::{Closed, Mark, Marked};

/// Bytes of the batches that wait for the commit thread. Protects memory, and the free space
/// that admission keeps for them.
pub(crate) const QUEUED_BYTES_MAX: usize = 8 << 20;

/// sled reads what was written since its last start: about a second per GB, on slow disks ten
/// times that. Beyond this, it is not reading but stuck.
const OPEN_TIMEOUT: Duration = Duration::from_secs(600);

/// How to open a store; the defaults are a node's.
pub(crate) struct Options {
    /// Asks for free space; `None` asks the file system of the directory.
    pub(crate) probe: Option<Probe>,
    pub(crate) schema: Schema,
    pub(crate) timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { probe: None, schema: header::SCHEMA, timeout: OPEN_TIMEOUT }
    }
}

/// [`Store`] on disk.
pub struct SledStore {
    /// The next ticket and the queue, under one lock so that tickets follow the queue's order.
    queue: Mutex<Queue>,
    shared: Arc<Shared>,
    waiters: Waiters,
    gate: Gate,
    committer: Option<thread::JoinHandle<Option<(Mark, u64)>>>,
    // Dropped in this order: sled closes its files, the mark is set on them, others may come.
    engine: Arc<Engine>,
    closing: Closing,
    lock: Option<Lock>,
    /// The record of the sealing, if the rows are sealed.
    pub(crate) sealing: Option<Vec<u8>>,
}

struct Queue {
    last: u64,
    sender: Option<mpsc::SyncSender<Queued>>,
}

impl SledStore {
    /// Opens the store in `directory`, making it if there is none. `stamp` is random and becomes
    /// the identity of a new store.
    ///
    /// # Errors
    /// [`StoreError::Open`] with a text for the operator: in use, newer than this program, lost,
    /// damaged or sealed, and what to do about it.
    pub fn open(directory: &Path, stamp: [u8; 16]) -> Result<Self, StoreError> {
        AtRest::open(directory, stamp)?.clear()
    }

    pub(crate) fn open_with(
        directory: &Path,
        stamp: [u8; 16],
        options: Options,
    ) -> Result<Self, StoreError> {
        let lock = Lock::wait(directory)?;
        compact::recover(directory)?;
        Self::open_locked(directory, stamp, options, lock)
    }

    fn open_locked(
        directory: &Path,
        stamp: [u8; 16],
        options: Options,
        lock: Lock,
    ) -> Result<Self, StoreError> {
        Self::open_checked(directory, stamp, options, lock).map_err(|cause| match cause {
            StoreError::Io(cause) => StoreError::Open(format!(
                "the store in {} cannot be read: {cause}. If its files are damaged, restore a \
                 backup.",
                directory.display()
            )),
            other => other,
        })
    }

    fn open_checked(
        directory: &Path,
        stamp: [u8; 16],
        options: Options,
        lock: Lock,
    ) -> Result<Self, StoreError> {
        let files = Files::new(directory);
        let (mut mark, marked) = Mark::open(&files.mark)?;
        mark::check_closed(marked, directory, &files.log)?;
        if let Some(marked) = marked {
            // From here on the log changes: opening alone makes sled write.
            let open = Marked { closed: None, ..marked };
            mark.settle(open).map_err(|e| unusable(&files.mark, &e))?;
        }
        header::make(&files, stamp, options.schema, options.timeout)?;
        let engine = files::open_engine(&files, options.timeout)?;
        mark::check_sequence(marked, directory, engine.sequence()?)?;
        let sealing = header::check(&engine, &files, options.schema)?;
        if engine.get(Keyspace::INTERNAL, IMPORTING_KEY)?.is_some() {
            return Err(StoreError::Open(format!(
                "an import into the store in {} did not end: remove the directory and import \
                 again",
                directory.display()
            )));
        }
        let sequence = engine.sequence()?;
        let open = Marked { sequence, closed: None };
        mark.settle(open).map_err(|e| unusable(&files.mark, &e))?;
        sync_directory(directory).map_err(|e| unusable(directory, &e))?;
        let mut store = Self::start(files, engine, mark, sequence, options.probe, lock)?;
        store.sealing = sealing;
        Ok(store)
    }

    fn start(
        files: Files,
        engine: Engine,
        mark: Mark,
        sequence: u64,
        probe: Option<Probe>,
        lock: Lock,
    ) -> Result<Self, StoreError> {
        let (sender, receiver) = mpsc::sync_channel(QUEUED_COMMITS_MAX);
        let (watermark, waiters) = watermark(0);
        let shared = Arc::new(Shared::default());
        let engine = Arc::new(engine);
        let committer =
            Committer { engine: engine.clone(), shared: shared.clone(), mark, sequence };
        let committer = thread::Builder::new()
            .name("store-commit".into())
            .spawn(move || committer.run(&receiver, &watermark))
            .map_err(|e| StoreError::Open(format!("cannot start the commit thread: {e}")))?;
        let gate = Gate::new(probe.unwrap_or_else(|| disk::probe(files.directory.clone())));
        Ok(Self {
            queue: Mutex::new(Queue { last: 0, sender: Some(sender) }),
            shared,
            waiters,
            gate,
            committer: Some(committer),
            engine,
            closing: Closing { files, mark: None },
            lock: Some(lock),
            sealing: None,
        })
    }
}

impl SledStore {
    /// Adds the header of a sealed store to `batch`.
    pub(crate) fn put_sealed_header(&self, batch: &mut Batch) -> Result<(), StoreError> {
        header::put_sealed(&self.engine, batch)
    }

    /// Hands a batch to the commit thread: at once, or not at all.
    fn enqueue(&self, batch: Batch, bytes: usize) -> Result<Ticket, StoreError> {
        // Sealing makes a batch longer than callers know: one must go in when nothing waits.
        let waiting = self.shared.queued_bytes.load(Ordering::Relaxed);
        if waiting > 0 && waiting + bytes > QUEUED_BYTES_MAX {
            return Err(StoreError::Busy);
        }
        self.send(bytes, batch, |sender, queued| {
            sender.try_send(queued).map_err(|refused| match refused {
                mpsc::TrySendError::Full(_) => StoreError::Busy,
                mpsc::TrySendError::Disconnected(_) => StoreError::Stopped,
            })
        })
    }

    /// Numbers a batch and sends it, under one lock, so that tickets follow the queue's order.
    fn send(
        &self,
        bytes: usize,
        batch: Batch,
        send: impl FnOnce(&mpsc::SyncSender<Queued>, Queued) -> Result<(), StoreError>,
    ) -> Result<Ticket, StoreError> {
        let mut queue = self.queue.lock();
        let ticket = queue.last + 1;
        let sender = queue.sender.as_ref().ok_or(StoreError::Stopped)?;
        self.shared.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        match send(sender, Queued { ticket, batch, bytes }) {
            Ok(()) => {
                queue.last = ticket;
                Ok(Ticket(ticket))
            }
            Err(refused) => {
                self.shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
                Err(refused)
            }
        }
    }
}

impl Store for SledStore {
    fn get(&self, space: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.engine.get(space, key)
    }

    fn scan(
        &self,
        space: Keyspace,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
        order: Order,
    ) -> Result<Vec<Row>, StoreError> {
        self.engine.scan(space, from, to, limit, order)
    }

    fn commit(&self, batch: Batch) -> Result<Ticket, StoreError> {
        let bytes = batch.check()?;
        self.admit_bytes(bytes)?;
        self.enqueue(batch, bytes)
    }

    fn commit_decided(&self, batch: Batch) -> Result<Ticket, StoreError> {
        let bytes = batch.check()?;
        // The thread takes from the queue without this lock, so waiting under it ends.
        self.send(bytes, batch, |sender, queued| {
            sender.send(queued).map_err(|_| StoreError::Stopped)
        })
    }

    fn durable(&self, ticket: Ticket) -> BoxFuture<'static, Result<(), StoreError>> {
        self.waiters.durable(ticket)
    }

    fn wait_durable(&self, ticket: Ticket) -> Result<(), StoreError> {
        self.waiters.wait_durable(ticket)
    }

    fn newest(&self) -> Ticket {
        Ticket(self.shared.newest.load(Ordering::SeqCst))
    }

    fn admit(&self) -> Result<(), StoreError> {
        self.admit_bytes(0)
    }

    fn stats(&self) -> Stats {
        self.shared.stats(self.engine.disk_bytes(), self.gate.free_bytes())
    }

    fn failed(&self) -> BoxFuture<'static, String> {
        self.waiters.failed()
    }
}

impl Taped for SledStore {
    fn tape(&self) -> &Tape {
        &self.shared.tape
    }
}

impl SledStore {
    fn admit_bytes(&self, bytes: usize) -> Result<(), StoreError> {
        if self.waiters.has_failed() {
            return Err(StoreError::Stopped);
        }
        self.gate.admit(bytes)
    }
}

impl Drop for SledStore {
    /// Lets the commit thread finish what is queued.
    fn drop(&mut self) {
        self.queue.lock().sender = None;
        match self.committer.take().map(thread::JoinHandle::join) {
            Some(Ok(written)) => self.closing.mark = written,
            Some(Err(_)) => tracing::error!("the commit thread panicked"),
            None => {}
        }
    }
}

/// Sets the mark on a log that nobody writes any more.
struct Closing {
    files: Files,
    /// Only when everything queued was written.
    mark: Option<(Mark, u64)>,
}

impl Drop for Closing {
    fn drop(&mut self) {
        let Some((mark, sequence)) = &mut self.mark else { return };
        // A thread of sled that still holds the log might still write to it.
        let Some(_held) = files::released(&self.files.log) else {
            tracing::warn!("sled did not let go of its log: it is left as after a crash");
            return;
        };
        let closed = Closed::of(&self.files.log);
        let settled = closed.and_then(|closed| mark.settle(Marked { sequence: *sequence, closed }));
        if let Err(cause) = settled {
            tracing::warn!(%cause, "the closed log could not be marked");
        }
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

fn unusable(path: &Path, cause: &io::Error) -> StoreError {
    StoreError::Open(format!("{}: {cause}", path.display()))
}

#[expect(clippy::needless_pass_by_value, reason = "used as a map_err function")]
fn io(cause: sled::Error) -> StoreError {
    StoreError::Io(cause.to_string())
}
