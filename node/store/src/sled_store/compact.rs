//! Compaction: sled's log grows to several times what it holds, and never shrinks by much. And
//! resealing, which is a compaction that opens or seals the rows on their way.
//!
//! The rows are copied, through an export stream, into a store in `compact.new`. When that one is
//! complete, closed and durable, the directory is renamed to `compact.done`: from then on the new
//! store is the true one, and [`recover`] puts it in place, now or at the next opening. A crash
//! before the rename leaves the old store as it was.

use std::fs;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use super::files::{Files, Lock};
use super::{Options, SledStore, header, sync_directory, unusable};
use crate::export::import_with;
use crate::stream::Reader;
use crate::{AtRest, Seal, StoreError, Transfer};

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

/// From which sealing to which. `None` is a clear store.
pub struct Resealing {
    /// Opens the rows of the store as it is.
    pub from: Option<Arc<dyn Seal>>,
    /// Seals the rows of the store as it will be, and the record that it keeps of this.
    pub to: Option<(Vec<u8>, Arc<dyn Seal>)>,
}

/// Rewrites the store in `directory`, which no process may have open, without what its log
/// wastes. Needs room for a second copy of what it holds. The store stays the same one: it keeps
/// its stamp, and its sealing.
///
/// # Errors
/// [`StoreError::Open`] when there is no store, it is in use, or it does not open;
/// [`StoreError::Full`] and others when the copy fails. The old store is then as it was.
pub fn compact(directory: &Path) -> Result<Compaction, StoreError> {
    rewrite(directory, None, &mut |_| {})
}

/// [`compact`] that also seals a clear store, opens a sealed one, or seals it otherwise.
/// `progress` hears of every 100,000 rows. A crash leaves the old store or the new one.
///
/// # Errors
/// As [`compact`]; [`StoreError::Open`] when the store is not sealed as `resealing` says.
pub fn reseal(
    directory: &Path,
    resealing: Resealing,
    progress: &mut dyn FnMut(Transfer),
) -> Result<Compaction, StoreError> {
    rewrite(directory, Some(resealing), progress)
}

fn rewrite(
    directory: &Path,
    resealing: Option<Resealing>,
    progress: &mut dyn FnMut(Transfer),
) -> Result<Compaction, StoreError> {
    if !Files::new(directory).id.exists() && !directory.join(DONE).exists() {
        return Err(StoreError::Open(format!("there is no store in {}", directory.display())));
    }
    let lock = Lock::wait(directory)?;
    recover(directory)?;
    let mut source = SledStore::open_locked(directory, [0; 16], Options::default(), lock)?;
    let lock = source.lock.take();
    let before_bytes = source.engine.disk_bytes().unwrap_or(0);
    let result = copy(source, resealing, directory, progress).and_then(|(copied, after_bytes)| {
        rename(&directory.join(NEW), &directory.join(DONE))?;
        sync(directory)?;
        Ok(Compaction { copied, before_bytes, after_bytes })
    });
    // Puts the new store in place, or removes what there is of it.
    recover(directory)?;
    drop(lock);
    result
}

/// Fills `compact.new`; answers its size too. Closes the source.
fn copy(
    source: SledStore,
    resealing: Option<Resealing>,
    directory: &Path,
    progress: &mut dyn FnMut(Transfer),
) -> Result<(Transfer, u64), StoreError> {
    let stamp = header::stamp(&source.engine)?
        .ok_or_else(|| StoreError::Open("the store has no header".into()))?;
    let new = directory.join(NEW);
    let (source, target) = (AtRest::new(source), AtRest::open(&new, stamp)?);
    let (copied, bytes) = match resealing {
        None => copy_as_it_rests(source, target, progress)?,
        Some(resealing) => copy_resealed(source, target, resealing, progress)?,
    };
    // Both are closed by now.
    sync(&new)?;
    Ok((copied, bytes.unwrap_or(0)))
}

fn copy_as_it_rests(
    source: AtRest,
    mut target: AtRest,
    progress: &mut dyn FnMut(Transfer),
) -> Result<(Transfer, Option<u64>), StoreError> {
    let export = |out: &mut dyn Write| source.export(out);
    let copied = piped(export, |input| target.import_with(input, progress))?;
    Ok((copied, target.disk_bytes()))
}

fn copy_resealed(
    source: AtRest,
    mut target: AtRest,
    Resealing { from, to }: Resealing,
    progress: &mut dyn FnMut(Transfer),
) -> Result<(Transfer, Option<u64>), StoreError> {
    let source = source.read_with(from)?;
    let seal = match to {
        None => None,
        Some((record, seal)) => {
            target.seal_empty(&record)?;
            Some(seal)
        }
    };
    let target = target.read_with(seal)?;
    let export = |out: &mut dyn Write| crate::export(&*source, out);
    let copied = piped(export, |input| import_with(Reader::new(input)?, &*target, progress))?;
    Ok((copied, target.stats().disk_bytes))
}

/// Runs an export into an import.
fn piped(
    export: impl FnOnce(&mut dyn Write) -> Result<Transfer, StoreError> + Send,
    import: impl FnOnce(&mut dyn Read) -> Result<Transfer, StoreError>,
) -> Result<Transfer, StoreError> {
    let (reader, writer) = io::pipe().map_err(|e| StoreError::Io(format!("pipe: {e}")))?;
    thread::scope(|scope| {
        let exporter = scope.spawn(move || export(&mut BufWriter::new(writer)));
        let imported = {
            let mut reader = reader; // dropped here: an exporter without a reader ends
            import(&mut reader)
        };
        match exporter.join() {
            // When the reader gave up, that is the reason, not the pipe which it left.
            Ok(exported) => imported.and_then(|copied| exported.map(|_| copied)),
            Err(_) => Err(StoreError::Io("the export panicked".into())),
        }
    })
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
