//! [`Store`] on sled 0.34.7, behind the precautions that make it safe.
//!
//! - One tree, so that a batch is crash-atomic; keyspaces are one-byte prefixes.
//! - `Db::flush` uses `sync_file_range`, which is no promise: after it the log file itself is
//!   `fdatasync`ed, and only then is a batch called durable.
//! - sled reads a half-written `snap.*.generating` as a snapshot and then refuses to open: they
//!   are removed before opening. Snapshots are only an index of the log, so on corruption they
//!   are moved aside and the log is read whole.
//! - An empty database beside a `STORE.id` that says otherwise means lost data: refused.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use crate::watermark::{Waiters, Watermark, watermark};
use crate::{Batch, Keyspace, QUEUED_COMMITS_MAX, Row, Store, StoreError, Ticket};

/// Version of the layout of everything stored. A store with a newer one is refused.
const STORE_VERSION: u8 = 1;

/// Key in [`Keyspace::SETTINGS`]: version (1 byte) ++ generation stamp (16 bytes).
const HEADER_KEY: &[u8] = b"store";

/// The file beside the database that holds the same stamp, in hex.
const SIDECAR: &str = "STORE.id";

/// Batches that one flush may carry.
const BATCHES_PER_FLUSH_MAX: usize = 256;

/// sled exceeds its cache capacity two- to tenfold, so this is far below what a node may use.
const CACHE_BYTES: u64 = 48 << 20;

/// A dying process may hold the lock for a moment: this many tries, a quarter second apart.
const LOCK_TRIES: u32 = 40;

/// [`Store`] on disk.
pub struct SledStore {
    tree: sled::Tree,
    /// The next ticket and the queue, under one lock so that tickets follow the queue's order.
    queue: Mutex<Queue>,
    applied: Arc<AtomicU64>,
    waiters: Waiters,
    committer: Option<thread::JoinHandle<()>>,
}

struct Queue {
    last: u64,
    sender: Option<mpsc::SyncSender<(u64, Batch)>>,
}

impl SledStore {
    /// Opens the store in `directory`, making it if there is none. `stamp` is random and becomes
    /// the identity of a new store.
    ///
    /// # Errors
    /// [`StoreError::Open`] with a text for the operator: locked, newer than this program, lost,
    /// or damaged.
    pub fn open(directory: &Path, stamp: [u8; 16]) -> Result<Self, StoreError> {
        let database = directory.join("db");
        fs::create_dir_all(&database).map_err(|e| unusable(directory, &e))?;
        remove_partial_snapshots(&database)?;
        let db = open_database(&database)?;
        let tree = db.open_tree("data").map_err(io)?;
        check_header(directory, &tree, &db, &database, stamp)?;

        let (sender, receiver) = mpsc::sync_channel(QUEUED_COMMITS_MAX);
        let (mark, waiters) = watermark();
        let applied = Arc::new(AtomicU64::new(0));
        let log = File::open(database.join("db")).map_err(|e| unusable(directory, &e))?;
        let commit_loop = CommitLoop { db, tree: tree.clone(), log, applied: applied.clone() };
        let committer = thread::Builder::new()
            .name("committer".into())
            .spawn(move || commit_loop.run(&receiver, &mark))
            .map_err(|e| StoreError::Open(format!("cannot start the commit thread: {e}")))?;
        let queue = Mutex::new(Queue { last: 0, sender: Some(sender) });
        Ok(Self { tree, queue, applied, waiters, committer: Some(committer) })
    }
}

impl Store for SledStore {
    fn get(&self, space: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.tree.get(space.key(key)).map_err(io)?.map(|value| value.to_vec()))
    }

    fn scan(&self, space: Keyspace, from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        let mut found = Vec::new();
        for row in self.tree.range(space.key(from)..vec![space.0 + 1]).take(limit) {
            let (key, value) = row.map_err(io)?;
            found.push((key.get(1..).unwrap_or_default().to_vec(), value.to_vec()));
        }
        Ok(found)
    }

    fn commit(&self, batch: Batch) -> Result<Ticket, StoreError> {
        batch.check()?;
        let mut queue = self.queue.lock();
        let ticket = queue.last + 1;
        let sender = queue.sender.as_ref().ok_or(StoreError::Stopped)?;
        match sender.try_send((ticket, batch)) {
            Ok(()) => queue.last = ticket,
            Err(mpsc::TrySendError::Full(_)) => return Err(StoreError::Busy),
            Err(mpsc::TrySendError::Disconnected(_)) => return Err(StoreError::Stopped),
        }
        Ok(Ticket(ticket))
    }

    fn durable(&self, ticket: Ticket) -> BoxFuture<'static, Result<(), StoreError>> {
        self.waiters.durable(ticket)
    }

    fn newest(&self) -> Ticket {
        Ticket(self.applied.load(Ordering::Acquire))
    }
}

impl Drop for SledStore {
    /// Lets the commit thread finish what is queued.
    fn drop(&mut self) {
        self.queue.lock().sender = None;
        if let Some(committer) = self.committer.take()
            && committer.join().is_err()
        {
            tracing::error!("the commit thread panicked");
        }
    }
}

struct CommitLoop {
    db: sled::Db,
    tree: sled::Tree,
    log: File,
    applied: Arc<AtomicU64>,
}

impl CommitLoop {
    /// Runs until the queue closes or a write fails. Returning drops the watermark, which tells
    /// every waiter that its batch is not promised.
    fn run(&self, receiver: &mpsc::Receiver<(u64, Batch)>, mark: &Watermark) {
        while let Ok((first, batch)) = receiver.recv() {
            let mut last = first;
            let mut together = sled::Batch::default();
            add(&mut together, batch);
            for (ticket, batch) in receiver.try_iter().take(BATCHES_PER_FLUSH_MAX - 1) {
                add(&mut together, batch);
                last = ticket;
            }
            if let Err(cause) = self.write(together, last) {
                tracing::error!(%cause, "a write failed: nothing is acknowledged any more");
                return;
            }
            mark.advance(last);
        }
    }

    fn write(&self, batch: sled::Batch, last: u64) -> Result<(), StoreError> {
        self.tree.apply_batch(batch).map_err(io)?;
        self.applied.store(last, Ordering::Release);
        self.db.flush().map_err(io)?;
        self.log.sync_data().map_err(|e| StoreError::Io(e.to_string()))
    }
}

fn add(together: &mut sled::Batch, batch: Batch) {
    for (key, value) in batch.operations {
        match value {
            Some(value) => together.insert(key, value),
            None => together.remove(key),
        }
    }
}

/// Opens sled; on corruption once more without its snapshots.
fn open_database(database: &Path) -> Result<sled::Db, StoreError> {
    match open_locked(database) {
        Err(sled::Error::Corruption { .. }) => {
            tracing::warn!("the store's snapshot is damaged; reading the whole log instead");
            for snapshot in snapshots(database)? {
                let aside = snapshot.with_extension("damaged");
                // sled takes every name that begins with "snap." for a snapshot.
                let aside = aside.with_file_name(format!(
                    "damaged-{}",
                    aside.file_name().unwrap_or_default().to_string_lossy()
                ));
                fs::rename(&snapshot, aside).map_err(|e| unusable(database, &e))?;
            }
            open_locked(database)
        }
        other => other,
    }
    .map_err(|cause| {
        StoreError::Open(format!(
            "the store in {} cannot be opened: {cause}. If another node runs on this directory, \
             stop it first; if the file is damaged, restore a backup.",
            database.display()
        ))
    })
}

/// Opens sled, waiting a while for a dying process to let go of the lock. A damaged log can make
/// sled panic: that too is a refusal, not a crash.
fn open_locked(database: &Path) -> sled::Result<sled::Db> {
    let mut tries = 0;
    loop {
        let config = sled::Config::new()
            .path(database)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None)
            .mode(sled::Mode::HighThroughput);
        let opened = catch_unwind(AssertUnwindSafe(|| config.open())).unwrap_or_else(|_| {
            Err(sled::Error::Unsupported("the log is damaged beyond what can be read".into()))
        });
        match opened {
            Err(sled::Error::Io(cause)) if is_lock(&cause) && tries < LOCK_TRIES => {
                tries += 1;
                thread::sleep(Duration::from_millis(250));
            }
            other => return other,
        }
    }
}

/// sled 0.34 reports a held lock as `Other` with this text.
fn is_lock(cause: &std::io::Error) -> bool {
    cause.to_string().contains("could not acquire lock")
}

/// Compares the store's stamp with the sidecar; writes both for a new store.
fn check_header(
    directory: &Path,
    tree: &sled::Tree,
    db: &sled::Db,
    database: &Path,
    stamp: [u8; 16],
) -> Result<(), StoreError> {
    let sidecar = directory.join(SIDECAR);
    let expected = match fs::read_to_string(&sidecar) {
        Ok(text) => Some(text.trim().to_owned()),
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => None,
        Err(cause) => return Err(unusable(&sidecar, &cause)),
    };
    let header = tree.get(Keyspace::SETTINGS.key(HEADER_KEY)).map_err(io)?;
    match (header.as_deref().and_then(|h| h.split_first()), expected) {
        (Some((&version, _)), _) if version > STORE_VERSION => Err(StoreError::Open(format!(
            "the store in {} has version {version}, this program knows {STORE_VERSION}: \
             use the newer program that wrote it",
            directory.display()
        ))),
        (Some((_, found)), Some(expected)) if hex(found) == expected => Ok(()),
        (Some(_), Some(_)) => Err(StoreError::Open(format!(
            "{} and the database beside it belong to different stores",
            sidecar.display()
        ))),
        (None, Some(_)) => Err(StoreError::Open(format!(
            "the database in {} is empty although {SIDECAR} says that it held data: it was lost. \
             Restore a backup, or remove {SIDECAR} to start anew.",
            directory.display()
        ))),
        (Some((_, found)), None) => write_sidecar(directory, &hex(found)),
        (None, None) => {
            let mut value = vec![STORE_VERSION];
            value.extend_from_slice(&stamp);
            tree.insert(Keyspace::SETTINGS.key(HEADER_KEY), value).map_err(io)?;
            db.flush().map_err(io)?;
            // First boot: the files and the directories that name them.
            for path in [&database.join("conf"), &database.join("db"), database, directory] {
                File::open(path).and_then(|f| f.sync_all()).map_err(|e| unusable(path, &e))?;
            }
            write_sidecar(directory, &hex(&stamp))
        }
    }
}

fn write_sidecar(directory: &Path, text: &str) -> Result<(), StoreError> {
    let path = directory.join(SIDECAR);
    let write = || {
        fs::write(&path, text)?;
        File::open(&path)?.sync_all()?;
        File::open(directory)?.sync_all()
    };
    write().map_err(|e| unusable(&path, &e))
}

fn remove_partial_snapshots(database: &Path) -> Result<(), StoreError> {
    for path in snapshots(database)? {
        if path.extension().is_some_and(|e| e == "generating") {
            fs::remove_file(&path).map_err(|e| unusable(&path, &e))?;
        }
    }
    Ok(())
}

fn snapshots(database: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = fs::read_dir(database).map_err(|e| unusable(database, &e))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(paths
        .filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("snap.")))
        .collect())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unusable(path: &Path, cause: &std::io::Error) -> StoreError {
    StoreError::Open(format!("{}: {cause}", path.display()))
}

#[expect(clippy::needless_pass_by_value, reason = "used as a map_err function")]
fn io(cause: sled::Error) -> StoreError {
    StoreError::Io(cause.to_string())
}
