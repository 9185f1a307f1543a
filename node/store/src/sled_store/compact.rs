//! Compaction: sled's log grows to several times what it holds, and never shrinks by much.
//!
//! The rows are copied, through an export stream, into a store in `compact.new`. When that one is
//! complete, closed and durable, the directory is renamed to `compact.done`: from then on the new
//! store is the true one, and [`recover`] puts it in place, now or at the next opening. A crash
//! before the rename leaves the old store as it was.

use std::fs;
use std::io::{self, BufWriter};
use std::path::Path;
use std::thread;

use super::files::{Files, Lock};
use super::{Options, SledStore, header, sync_directory, unusable};
use crate::{StoreError, Transfer, export, import};

const NEW: &str = "compact.new";
const DONE: &str = "compact.done";
const OLD: &str = "db.old";

/// A store is worth compacting when it takes so many times what it holds.
const SIZE_FACTOR: u64 = 6;

/// A smaller store is not worth it: sled's first segments weigh more than the rows in them.
const COMPACT_BYTES_MIN: u64 = 64 << 20;

/// What a compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compaction {
    /// What was copied.
    pub copied: Transfer,
    /// Size of the database before.
    pub before_bytes: u64,
    /// Size of the database after.
    pub after_bytes: u64,
}

impl SledStore {
    /// Whether [`compact`] would win much: the database is over 64 MiB and takes more than six
    /// times the bytes of its keys and values. Reads up to a sixth of its size to know.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the engine cannot read.
    pub fn should_compact(&self) -> Result<bool, StoreError> {
        self.is_larger(COMPACT_BYTES_MIN)
    }

    pub(crate) fn is_larger(&self, bytes_min: u64) -> Result<bool, StoreError> {
        match self.engine.disk_bytes() {
            Some(bytes) if bytes > bytes_min => {
                Ok(!self.engine.holds_at_least(bytes.div_ceil(SIZE_FACTOR))?)
            }
            _ => Ok(false),
        }
    }
}

/// Rewrites the store in `directory`, which no process may have open, without what its log
/// wastes. Needs room for a second copy of what it holds. The store stays the same one: it keeps
/// its stamp.
///
/// # Errors
/// [`StoreError::Open`] when there is no store, it is in use, or it does not open;
/// [`StoreError::Full`] and others when the copy fails. The old store is then as it was.
pub fn compact(directory: &Path) -> Result<Compaction, StoreError> {
    if !Files::new(directory).id.exists() && !directory.join(DONE).exists() {
        return Err(StoreError::Open(format!("there is no store in {}", directory.display())));
    }
    let lock = Lock::wait(directory)?;
    recover(directory)?;
    let mut source = SledStore::open_locked(directory, [0; 16], Options::default(), lock)?;
    let copied = copy(&source, directory);
    let before_bytes = source.engine.disk_bytes().unwrap_or(0);
    let lock = source.lock.take();
    drop(source);
    let result = copied.and_then(|(copied, after_bytes)| {
        rename(&directory.join(NEW), &directory.join(DONE))?;
        sync(directory)?;
        Ok(Compaction { copied, before_bytes, after_bytes })
    });
    // Puts the new store in place, or removes what there is of it.
    recover(directory)?;
    drop(lock);
    result
}

/// Fills `compact.new`; answers its size too.
fn copy(source: &SledStore, directory: &Path) -> Result<(Transfer, u64), StoreError> {
    let stamp = header::stamp(&source.engine)?
        .ok_or_else(|| StoreError::Open("the store has no header".into()))?;
    let new = directory.join(NEW);
    let target = SledStore::open(&new, stamp)?;
    let (reader, writer) = io::pipe().map_err(|e| StoreError::Io(format!("pipe: {e}")))?;
    let copied = thread::scope(|scope| {
        let exporter = scope.spawn(move || export(source, &mut BufWriter::new(writer)));
        let imported = {
            let mut reader = reader; // dropped here: an exporter without a reader ends
            import(&mut reader, &target)
        };
        match exporter.join() {
            // When the reader gave up, that is the reason, not the pipe which it left.
            Ok(exported) => imported.and_then(|copied| exported.map(|_| copied)),
            Err(_) => Err(StoreError::Io("the export panicked".into())),
        }
    })?;
    let bytes = target.engine.disk_bytes().unwrap_or(0);
    drop(target);
    sync(&new)?;
    Ok((copied, bytes))
}

/// Finishes or forgets a compaction that was cut short. Whoever calls holds the lock. Every step
/// may be the last one before another crash, and running all again then ends the same.
pub(super) fn recover(directory: &Path) -> Result<(), StoreError> {
    remove(&directory.join(NEW))?;
    let done = directory.join(DONE);
    if done.exists() {
        let (current, finished) = (Files::new(directory), Files::new(&done));
        if finished.database.exists() {
            if current.database.exists() {
                remove(&directory.join(OLD))?;
                rename(&current.database, &directory.join(OLD))?;
            }
            rename(&finished.database, &current.database)?;
            sync(directory)?;
        }
        if finished.mark.exists() {
            rename(&finished.mark, &current.mark)?;
            sync(directory)?;
        }
        remove(&done)?;
    }
    remove(&directory.join(OLD))
}

fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(|e| unusable(from, &e))
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(unusable(path, &cause)),
        _ => Ok(()),
    }
}

fn sync(directory: &Path) -> Result<(), StoreError> {
    sync_directory(directory).map_err(|e| unusable(directory, &e))
}
