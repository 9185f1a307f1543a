//! `STORE.mark`: what the log must at least contain, kept outside of it.
//!
//! sled takes a log whose end is missing or unreadable for one that ended there, and on a full
//! read it skips the rest of a segment (512 KiB) behind a damaged record, without a word. The
//! mark makes such losses show when the store is opened:
//!
//! - After every flush the mark gets the flush's sequence number, which is in the log too. A log
//!   that ends before the mark has lost something acknowledged. The mark is written without
//!   waiting for the disk and synced every [`SYNC_EVERY`] flushes: a killed process loses nothing
//!   of it, a power cut may set it back to its last sync, and what was acknowledged after that is
//!   not covered.
//! - When the store is closed, the mark gets the length and the hash of the log (of one up to
//!   [`HASHED_BYTES_MAX`]; half a second per GB from memory, at closing and at opening). Any change to a
//!   closed log is found.
//!
//! Not always found when opening: a damaged record in the middle of the log of a store that was
//! not closed. Of flipped bits in such a log, sled itself stumbles over most (it panics or answers
//! an error) and the mark shows those near the end; one or two in a hundred make an older state of
//! a page surface. A check of the log's records before opening would have to refuse what a power
//! cut may leave of a segment that was being used again, which is the likelier event of the two.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::unusable;
use crate::StoreError;

/// Flushes between two syncs of the mark: one in a thousand more.
const SYNC_EVERY: u64 = 1024;

/// The longest log that is hashed when closing; a longer one would delay a shutdown for longer
/// than service managers wait.
const HASHED_BYTES_MAX: u64 = 8 << 30;

/// Two slots, written in turn, each in a sector of its own: a torn write spoils one.
const SLOT_BYTES: u64 = 512;
const SLOTS: u64 = 2;

const MAGIC: [u8; 8] = *b"RKYMARK1";

/// magic (8) ++ turn (8) ++ sequence (8) ++ closed (1) ++ length (8) ++ hash (32), then blake3 of
/// all that (32).
const BODY_BYTES: usize = 65;
const RECORD_BYTES: usize = BODY_BYTES + 32;

/// The log as it was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed {
    length: u64,
    hash: [u8; 32],
}

impl Closed {
    /// Reads the whole log. `None` when it is too long for that.
    pub(super) fn of(log: &Path) -> io::Result<Option<Self>> {
        let file = File::open(log)?;
        let length = file.metadata()?.len();
        if length > HASHED_BYTES_MAX {
            return Ok(None);
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(file.take(length))?;
        Ok(Some(Self { length, hash: *hasher.finalize().as_bytes() }))
    }
}

/// What a mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) sequence: u64,
    /// Only when the store was closed in good order.
    pub(super) closed: Option<Closed>,
}

impl Marked {
    fn encode(&self, turn: u64) -> Vec<u8> {
        let closed = self.closed.unwrap_or(Closed { length: 0, hash: [0; 32] });
        let mut record = Vec::with_capacity(RECORD_BYTES);
        record.extend_from_slice(&MAGIC);
        record.extend_from_slice(&turn.to_be_bytes());
        record.extend_from_slice(&self.sequence.to_be_bytes());
        record.push(u8::from(self.closed.is_some()));
        record.extend_from_slice(&closed.length.to_be_bytes());
        record.extend_from_slice(&closed.hash);
        let check = blake3::hash(&record);
        record.extend_from_slice(check.as_bytes());
        record
    }

    /// The turn and the mark; `None` for what was never written whole.
    fn decode(record: &[u8; RECORD_BYTES]) -> Option<(u64, Self)> {
        let (body, check) = record.split_at(BODY_BYTES);
        let body = body.strip_prefix(&MAGIC)?;
        if blake3::hash(record.get(..BODY_BYTES)?).as_bytes() != check {
            return None;
        }
        let (turn, body) = body.split_first_chunk::<8>()?;
        let (sequence, body) = body.split_first_chunk::<8>()?;
        let (closed, body) = body.split_first()?;
        let (length, body) = body.split_first_chunk::<8>()?;
        let hash = *body.first_chunk::<32>()?;
        let closed = (*closed != 0).then_some(Closed { length: u64::from_be_bytes(*length), hash });
        Some((u64::from_be_bytes(*turn), Self { sequence: u64::from_be_bytes(*sequence), closed }))
    }
}

/// The open file.
pub(super) struct Mark {
    file: File,
    turn: u64,
}

impl Mark {
    /// Opens the mark, or makes an empty one. Answers what it says, if it says anything.
    pub(super) fn open(path: &Path) -> Result<(Self, Option<Marked>), StoreError> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|e| unusable(path, &e))?;
        let mut newest: Option<(u64, Marked)> = None;
        for slot in 0..SLOTS {
            let mut record = [0; RECORD_BYTES];
            if file.read_exact_at(&mut record, slot * SLOT_BYTES).is_ok()
                && let Some(found) = Marked::decode(&record)
                && newest.is_none_or(|(turn, _)| found.0 > turn)
            {
                newest = Some(found);
            }
        }
        let length = file.metadata().map_err(|e| unusable(path, &e))?.len();
        if length > 0 && newest.is_none() {
            return Err(StoreError::Open(format!(
                "{} is damaged. Restore a backup, or remove the file to open the store without \
                 checking that nothing is missing.",
                path.display()
            )));
        }
        let turn = newest.map_or(0, |(turn, _)| turn);
        Ok((Self { file, turn }, newest.map(|(_, marked)| marked)))
    }

    /// After a flush.
    pub(super) fn advance(&mut self, sequence: u64) -> io::Result<()> {
        self.put(Marked { sequence, closed: None })?;
        if sequence.is_multiple_of(SYNC_EVERY) { self.file.sync_data() } else { Ok(()) }
    }

    /// When opening and closing: waits for the disk.
    pub(super) fn settle(&mut self, marked: Marked) -> io::Result<()> {
        self.put(marked)?;
        self.file.sync_all()
    }

    fn put(&mut self, marked: Marked) -> io::Result<()> {
        self.turn += 1;
        self.file.write_all_at(&marked.encode(self.turn), self.turn % SLOTS * SLOT_BYTES)
    }
}

/// Compares a closed log with what its mark says of it, before sled touches it.
pub(super) fn check_closed(
    marked: Option<Marked>,
    directory: &Path,
    log: &Path,
) -> Result<(), StoreError> {
    let Some(expected) = marked.and_then(|marked| marked.closed) else { return Ok(()) };
    let found = match Closed::of(log) {
        Ok(found) => found,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
        Err(cause) => return Err(unusable(log, &cause)),
    };
    if found == Some(expected) {
        return Ok(());
    }
    Err(StoreError::Open(format!(
        "the database in {} is not as it was when it was closed: data was changed or lost outside \
         of this program. Restore a backup, or remove STORE.mark to open what can still be read.",
        directory.display()
    )))
}

/// Compares an opened log with the mark.
pub(super) fn check_sequence(
    marked: Option<Marked>,
    directory: &Path,
    sequence: u64,
) -> Result<(), StoreError> {
    match marked {
        Some(marked) if sequence < marked.sequence => Err(StoreError::Open(format!(
            "the database in {} ends at flush {sequence}, but flush {} was durable: acknowledged \
             data was lost. Restore a backup, or remove STORE.mark to open what is left.",
            directory.display(),
            marked.sequence
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_slot_leaves_the_other() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("mark");
        let (mut mark, found) = Mark::open(&path).unwrap();
        assert_eq!(found, None);
        for sequence in 1..=3 {
            mark.advance(sequence).unwrap();
        }
        let slot = mark.turn % SLOTS * SLOT_BYTES;
        mark.file.write_all_at(&[0xff; 40], slot + 20).unwrap();
        let (mark, found) = Mark::open(&path).unwrap();
        assert_eq!(found, Some(Marked { sequence: 2, closed: None }));
        mark.file.write_all_at(&[0xff; 1024], 0).unwrap();
        let Err(refused) = Mark::open(&path) else { panic!("opened") };
        assert!(refused.to_string().contains("is damaged"), "{refused}");
    }

    #[test]
    fn a_closed_log_is_known_again() {
        let directory = tempfile::TempDir::new().unwrap();
        let log = directory.path().join("log");
        std::fs::write(&log, [1; 10_000]).unwrap();
        let closed = Closed::of(&log).unwrap();
        let path = directory.path().join("mark");
        let (mut mark, _) = Mark::open(&path).unwrap();
        mark.settle(Marked { sequence: 5, closed }).unwrap();
        let (_, marked) = Mark::open(&path).unwrap();
        assert_eq!(marked, Some(Marked { sequence: 5, closed }));
        check_closed(marked, directory.path(), &log).unwrap();
        std::fs::write(&log, [1; 9_999]).unwrap();
        assert!(check_closed(marked, directory.path(), &log).is_err());
        std::fs::remove_file(&log).unwrap();
        assert!(check_closed(marked, directory.path(), &log).is_err());
    }
}
