//! What lies in a store's directory, who may use it, and how sled is opened on it.
//!
//! ```text
//! STORE.lock      held by the process that uses the directory
//! STORE.id        the store's stamp, in hex
//! STORE.mark      what the log must at least contain, see `mark`
//! db/             sled: conf, db (the log), snap.* (an index of it), blobs/
//! db.new/         a first start at work; worth nothing after a crash
//! compact.new/    a compaction at work; worth nothing after a crash
//! compact.done/   a finished one, to be put in place
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::engine::Engine;
use super::{sync_directory, unusable};
use crate::StoreError;

/// sled exceeds its cache capacity two- to tenfold, so this is far below what a node may use.
const CACHE_BYTES: u64 = 48 << 20;

/// A dying process may hold the lock for a moment.
const LOCK_TRIES: u32 = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The paths of one store.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) directory: PathBuf,
    pub(super) database: PathBuf,
    pub(super) log: PathBuf,
    pub(super) id: PathBuf,
    pub(super) mark: PathBuf,
}

impl Files {
    pub(super) fn new(directory: &Path) -> Self {
        let database = directory.join("db");
        Self {
            directory: directory.to_path_buf(),
            log: database.join("db"),
            database,
            id: directory.join("STORE.id"),
            mark: directory.join("STORE.mark"),
        }
    }

    /// The same store while its database is made.
    pub(super) fn half_made(&self) -> Self {
        let database = self.directory.join("db.new");
        Self { log: database.join("db"), database, ..self.clone() }
    }

    /// The files and directories of a new store, durable with the names that lead to them.
    pub(super) fn settle(&self) -> Result<(), StoreError> {
        for path in [&self.database.join("conf"), &self.log] {
            File::open(path).and_then(|f| f.sync_all()).map_err(|e| unusable(path, &e))?;
        }
        let parent = self.directory.canonicalize().ok();
        let parent = parent.as_deref().and_then(Path::parent);
        for path in [self.database.as_path(), &self.directory].into_iter().chain(parent) {
            sync_directory(path).map_err(|e| unusable(path, &e))?;
        }
        Ok(())
    }
}

/// Held as long as this process uses the directory.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, waiting a while for a dying process to let go of it.
    pub(super) fn take(directory: &Path, tries: u32) -> Result<Self, StoreError> {
        fs::create_dir_all(directory).map_err(|e| unusable(directory, &e))?;
        let path = directory.join("STORE.lock");
        let file = File::options().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|e| unusable(&path, &e))?;
        for _ in 1..tries {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
                Err(TryLockError::Error(cause)) => return Err(unusable(&path, &cause)),
            }
        }
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::Error(cause)) => Err(unusable(&path, &cause)),
            Err(TryLockError::WouldBlock) => Err(StoreError::Open(format!(
                "the store in {} is in use by another process: stop it first",
                directory.display()
            ))),
        }
    }

    /// [`Self::take`] with the patience of a start.
    pub(super) fn wait(directory: &Path) -> Result<Self, StoreError> {
        Self::take(directory, LOCK_TRIES)
    }
}

/// Opens sled on a thread of its own: some damage makes it panic, and some makes it read forever.
pub(super) fn open_engine(files: &Files, timeout: Duration) -> Result<Engine, StoreError> {
    fs::create_dir_all(&files.database).map_err(|e| unusable(&files.database, &e))?;
    remove_partial_snapshots(&files.database)?;
    let for_thread = files.clone();
    watched(&files.directory, timeout, move || {
        Engine::new(open_any(&for_thread)?, &for_thread.database)
    })
}

/// Runs `work` on a thread of its own for at most `timeout`. A thread that takes longer is left
/// behind: the process is expected to exit.
pub(super) fn watched<T: Send + 'static>(
    directory: &Path,
    timeout: Duration,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let guarded = move || {
        let result = catch_unwind(AssertUnwindSafe(work));
        // Nobody listens any more once the timeout has passed.
        let _ = sender.send(result);
    };
    thread::Builder::new()
        .name("store-open".into())
        .spawn(guarded)
        .map_err(|e| StoreError::Open(format!("cannot start a thread: {e}")))?;
    match receiver.recv_timeout(timeout) {
        Ok(Ok(result)) => result,
        Ok(Err(_)) | Err(mpsc::RecvTimeoutError::Disconnected) => Err(StoreError::Open(format!(
            "the store in {} is damaged: sled panicked when opening it. Restore a backup.",
            directory.display()
        ))),
        Err(mpsc::RecvTimeoutError::Timeout) => Err(StoreError::Open(format!(
            "the store in {} did not open within {} s: the disk is very slow or the log is \
             damaged. Check the disk, then try again or restore a backup.",
            directory.display(),
            timeout.as_secs()
        ))),
    }
}

/// Opens sled; on corruption once more without its snapshots, which are only an index of the log.
fn open_any(files: &Files) -> Result<sled::Db, StoreError> {
    match open_unlocked(&files.database) {
        Err(sled::Error::Corruption { .. }) => {
            tracing::warn!("the store's snapshot is damaged; reading the whole log instead");
            for snapshot in snapshots(&files.database)? {
                // sled takes every name that begins with "snap." for a snapshot.
                let name = snapshot.file_name().unwrap_or_default().to_string_lossy();
                let aside = snapshot.with_file_name(format!("damaged-{name}"));
                fs::rename(&snapshot, aside).map_err(|e| unusable(&snapshot, &e))?;
            }
            open_unlocked(&files.database)
        }
        other => other,
    }
    .map_err(|cause| {
        StoreError::Open(format!(
            "the store in {} cannot be opened: {cause}. If its files are damaged, restore a backup.",
            files.directory.display()
        ))
    })
}

/// Opens sled, waiting a while for whoever still holds its own lock: a dying process of an older
/// version of this program, or sled's own threads of a database closed a moment ago.
fn open_unlocked(database: &Path) -> sled::Result<sled::Db> {
    let mut tries = 0;
    loop {
        let config = sled::Config::new()
            .path(database)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None)
            .mode(sled::Mode::HighThroughput);
        match config.open() {
            Err(sled::Error::Io(cause)) if is_lock(&cause) && tries < LOCK_TRIES => {
                tries += 1;
                thread::sleep(LOCK_PAUSE);
            }
            other => return other,
        }
    }
}

/// sled 0.34 reports a held lock as `Other` with this text.
fn is_lock(cause: &io::Error) -> bool {
    cause.to_string().contains("could not acquire lock")
}

/// Waits until no thread of sled holds the log any more, and keeps it so while the result lives.
/// `None` when that takes too long.
pub(super) fn released(log: &Path) -> Option<File> {
    let file = File::open(log).ok()?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Some(file),
            Err(_) => thread::sleep(LOCK_PAUSE),
        }
    }
    None
}

/// A kill while sled writes a snapshot leaves half of one under a name that it then reads.
fn remove_partial_snapshots(database: &Path) -> Result<(), StoreError> {
    for path in snapshots(database)? {
        if path.extension().is_some_and(|e| e == "generating") {
            fs::remove_file(&path).map_err(|e| unusable(&path, &e))?;
        }
    }
    Ok(())
}

fn snapshots(database: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(database).map_err(|e| unusable(database, &e))? {
        let entry = entry.map_err(|e| unusable(database, &e))?;
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            found.push(entry.path());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opening_that_never_ends_is_given_up() {
        let (release, blocked) = mpsc::sync_channel::<()>(1);
        let Err(refused) = watched(Path::new("/data"), Duration::from_millis(10), move || {
            let _ = blocked.recv();
            Ok(())
        }) else {
            panic!("opened")
        };
        assert!(refused.to_string().contains("did not open within"), "{refused}");
        drop(release);
    }

    #[test]
    fn a_panic_while_opening_is_a_refusal() {
        let work = || -> Result<(), StoreError> { panic!("tried to serialize Uninitialized") };
        let Err(refused) = watched(Path::new("/data"), Duration::from_secs(60), work) else {
            panic!("opened")
        };
        assert!(refused.to_string().contains("is damaged"), "{refused}");
    }

    #[test]
    fn a_used_directory_is_refused_until_it_is_free() {
        let directory = tempfile::TempDir::new().unwrap();
        let lock = Lock::take(directory.path(), 1).unwrap();
        let Err(refused) = Lock::take(directory.path(), 2) else { panic!("taken twice") };
        assert!(refused.to_string().contains("in use by another process"), "{refused}");
        drop(lock);
        Lock::take(directory.path(), 1).unwrap();
    }
}
