//! Unfinished uploads, on this machine.
//!
//! `<owner>-<file>/` (both 16 hex digits) holds one upload:
//! - `<index>-<number>-<kind><total>-<size>-<hidden hash>`: a part, sealed as a chunk is. Numbers
//!   count the parts of an upload as they came: of two with one index the higher is the part, and the
//!   other was about to be removed. All in hex, total 0 is unknown, kind is `s` or `b`.
//! - `done-<parts>-<size>-<hidden id>`: the blob that the parts became; empty.
//! - `tmp-…`: being written; removed at the next start.
//!
//! What is known of uploads is read from these names when the spool is opened: there is no other
//! record that could disagree. A file is synced before it gets its name, and the directory before
//! the client hears of it.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use keys::{BlobKey, Content, HIDDEN_HASH_BYTES, sealed_bytes};
use parking_lot::Mutex;

use crate::id::{BlobId, hex, unhex};
use crate::place::{make_directory, seconds, sync_directory};
use crate::rules::{Kind, Part, Shape};
use crate::{Bounds, PartError};

/// What the smallest part counts for: its file, its name and what memory holds of it.
const PART_COUNTS_BYTES_MIN: u64 = 16 * 1024;
/// Finished uploads of one owner that are remembered. One more is forgotten at once: its client
/// uploads again if it asks again.
const OWNER_DONE_MAX: usize = 4096;

/// Which upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct UploadKey {
    pub(crate) owner: i64,
    pub(crate) file: i64,
}

impl UploadKey {
    pub(crate) fn of(part: &Part) -> Self {
        Self { owner: part.owner, file: part.file }
    }

    fn directory(self) -> String {
        format!("{}-{}", hex(&self.owner.to_be_bytes()), hex(&self.file.to_be_bytes()))
    }

    fn parse(name: &str) -> Option<Self> {
        let (owner, file) = name.split_once('-')?;
        let number = |text| unhex(text).map(i64::from_be_bytes);
        Some(Self { owner: number(owner)?, file: number(file)? })
    }
}

/// What is in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Bytes of unfinished uploads, each part for at least 16 KiB.
    pub bytes: u64,
    /// Unfinished uploads.
    pub uploads: usize,
}

/// What expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expired {
    /// Uploads, and memories of finished ones.
    pub uploads: usize,
    /// What they counted for.
    pub bytes: u64,
}

/// A part as it lies in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) size: u32,
    pub(crate) hash: [u8; 32],
    number: u32,
    kind: Kind,
    total: Option<u32>,
}

/// What parts became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) parts: u32,
    pub(crate) size: u64,
    pub(crate) id: BlobId,
}

#[derive(Debug, Default)]
struct Upload {
    shape: Shape,
    parts: BTreeMap<u32, Stored>,
    done: Option<Done>,
    next_number: u32,
}

/// An upload as it was when nobody changed it.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) total: Option<u32>,
    /// Index, file and what it is.
    pub(crate) parts: Vec<(u32, PathBuf, Stored)>,
    pub(crate) done: Option<Done>,
}

#[derive(Debug)]
struct Entry {
    upload: Arc<Mutex<Upload>>,
    /// Whether it counts as unfinished.
    open: bool,
    done: bool,
    /// Parts that are being saved.
    saving: usize,
    bytes: u64,
    last_s: u64,
}

#[derive(Debug, Default)]
struct Owner {
    bytes: u64,
    open: usize,
    done: usize,
}

/// What counts against the bounds. Locked for moments only, and not while files are written.
#[derive(Debug, Default)]
struct Books {
    entries: HashMap<UploadKey, Entry>,
    owners: HashMap<i64, Owner>,
    total: Usage,
}

#[derive(Debug)]
pub(crate) struct Spool {
    root: PathBuf,
    bounds: Bounds,
    books: Mutex<Books>,
    temporary: AtomicU64,
}

const fn counts_for(size: u32) -> u64 {
    let size = size as u64;
    if size < PART_COUNTS_BYTES_MIN { PART_COUNTS_BYTES_MIN } else { size }
}

/// A part that has its name.
struct Written {
    /// The size of the part that had it before.
    replaced: Option<u32>,
    /// Whether it outlives a power cut.
    synced: io::Result<()>,
}

impl Spool {
    /// Reads what is there; blocks.
    pub(crate) fn open(root: PathBuf, bounds: Bounds, key: &BlobKey) -> io::Result<Self> {
        make_directory(&root)?;
        let mut books = Books::default();
        for directory in fs::read_dir(&root)? {
            let directory = directory?;
            let Some(upload_key) = directory.file_name().to_str().and_then(UploadKey::parse) else {
                tracing::warn!(name = ?directory.file_name(), "not an upload: left alone");
                continue;
            };
            let (upload, last_s) = read_upload(&directory.path(), key)?;
            if upload.parts.is_empty() && upload.done.is_none() {
                // Goes if it is empty: what no key of ours reads is not ours to remove.
                fs::remove_dir(directory.path()).ok();
                continue;
            }
            books.adopt(upload_key, upload, last_s);
        }
        let temporary = AtomicU64::new(0);
        Ok(Self { root, bounds, books: Mutex::new(books), temporary })
    }

    pub(crate) fn usage(&self) -> Usage {
        self.books.lock().total
    }

    fn directory(&self, key: UploadKey) -> PathBuf {
        self.root.join(key.directory())
    }

    /// Saves a part that [`Part::check`] let through; blocks. The caller shares the upload's gate.
    pub(crate) fn save(
        &self,
        part: &Part,
        now: SystemTime,
        key: &BlobKey,
    ) -> Result<(), PartError> {
        let (upload_key, counted) = (UploadKey::of(part), counts_for(part.size()));
        self.check_disk(part.bytes.len() as u64)?;
        let upload = self.books.lock().admit(&self.bounds, upload_key, counted, seconds(now))?;
        let written = self.write_part(part, now, key, &upload);
        let mut books = self.books.lock();
        books.leave(upload_key);
        match written {
            // A part that was not synced is there all the same, and counts.
            Ok(Written { replaced, synced }) => {
                books.release(upload_key, replaced.map_or(0, counts_for));
                Ok(synced?)
            }
            Err(cause) => {
                books.release(upload_key, counted);
                if books.forget_if_empty(upload_key) {
                    // Only an empty one goes: a file in it belongs to a part of the next attempt.
                    fs::remove_dir(self.directory(upload_key)).ok();
                }
                Err(cause)
            }
        }
    }

    fn write_part(
        &self,
        part: &Part,
        now: SystemTime,
        key: &BlobKey,
        upload: &Mutex<Upload>,
    ) -> Result<Written, PartError> {
        let check = |shape: &Shape| shape.check(part.kind, part.total, part.index, part.size());
        // Before anything is sealed for nothing; what counts is the look before the file is named.
        check(&upload.lock().shape)?;
        let directory = self.directory(UploadKey::of(part));
        make_directory(&directory)?;
        let (hash, sealed) = key.seal(Content::Chunk, &part.bytes);
        let temporary = self.write_temporary(&directory, &sealed, now)?;
        let published = {
            let mut upload = upload.lock();
            check(&upload.shape).map(|()| {
                let stored = Stored {
                    size: part.size(),
                    hash,
                    number: upload.next_number,
                    kind: part.kind,
                    // What is known by now, so that every later name tells it: the part that said it
                    // may be replaced.
                    total: upload.shape.total().or(part.total),
                };
                let path = directory.join(part_name(part.index, &stored, key));
                fs::rename(&temporary, path).map(|()| upload.insert(part.index, stored))
            })
        };
        let old = match published {
            Ok(Ok(old)) => old,
            Ok(Err(cause)) => return Err(remove_after(&temporary, cause.into())),
            Err(refused) => return Err(remove_after(&temporary, refused)),
        };
        // Where this fails, the part is there, and its client sends it again.
        let synced = sync_directory(&directory);
        if let Some(old) = &old {
            fs::remove_file(directory.join(part_name(part.index, old, key))).ok();
        }
        Ok(Written { replaced: old.map(|old| old.size), synced })
    }

    /// Writes and syncs a file without a name of its own yet.
    fn write_temporary(
        &self,
        directory: &Path,
        bytes: &[u8],
        time: SystemTime,
    ) -> io::Result<PathBuf> {
        let number = self.temporary.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("tmp-{number}"));
        let written = File::create_new(&path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.set_modified(time)?;
            file.sync_all()
        });
        match written {
            Ok(()) => Ok(path),
            Err(cause) => Err(remove_after(&path, cause)),
        }
    }

    fn check_disk(&self, bytes: u64) -> Result<(), PartError> {
        let disk = rustix::fs::statvfs(&self.root).map_err(io::Error::from)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < self.bounds.free_bytes_min.saturating_add(bytes) {
            return Err(PartError::DiskFull);
        }
        Ok(())
    }

    /// What an upload has; `None` if nothing is known of it. The caller owns the upload's gate.
    pub(crate) fn snapshot(&self, key: UploadKey, blob_key: &BlobKey) -> Option<Snapshot> {
        let upload = Arc::clone(&self.books.lock().entries.get(&key)?.upload);
        let (directory, upload) = (self.directory(key), upload.lock());
        let parts = upload.parts.iter().map(|(index, stored)| {
            (*index, directory.join(part_name(*index, stored, blob_key)), *stored)
        });
        Some(Snapshot { total: upload.shape.total(), parts: parts.collect(), done: upload.done })
    }

    /// Notes what the parts became, durably, and then removes them; blocks. The caller owns the
    /// upload's gate.
    pub(crate) fn finish(&self, key: UploadKey, done: Done, blob_key: &BlobKey) -> io::Result<()> {
        let (upload, last_s, remembered) = {
            let books = self.books.lock();
            let Some(entry) = books.entries.get(&key) else { return Ok(()) };
            let owner_done = books.owners.get(&key.owner).map_or(0, |owner| owner.done);
            let remembered = entry.done || owner_done < OWNER_DONE_MAX;
            (Arc::clone(&entry.upload), entry.last_s, remembered)
        };
        let directory = self.directory(key);
        if !remembered {
            fs::remove_dir_all(&directory)?;
            self.books.lock().forget(key);
            return Ok(());
        }
        let time = UNIX_EPOCH + Duration::from_secs(last_s);
        let temporary = self.write_temporary(&directory, &[], time)?;
        let before = {
            let upload = upload.lock();
            fs::rename(&temporary, directory.join(done_name(&done, blob_key)))?;
            upload.done.filter(|before| *before != done)
        };
        sync_directory(&directory)?;
        if let Some(before) = before {
            fs::remove_file(directory.join(done_name(&before, blob_key))).ok();
        }
        let parts = {
            let mut upload = upload.lock();
            upload.done = Some(done);
            upload.shape = Shape::default();
            std::mem::take(&mut upload.parts)
        };
        for (index, stored) in &parts {
            // One that stays is found again at the next start, and expires.
            fs::remove_file(directory.join(part_name(*index, stored, blob_key))).ok();
        }
        self.books.lock().close(key);
        Ok(())
    }

    /// Uploads whose time is over.
    pub(crate) fn due(&self, now: SystemTime) -> Vec<UploadKey> {
        let books = self.books.lock();
        let due = books.entries.iter().filter(|(_, entry)| self.is_due(entry, now));
        due.map(|(key, _)| *key).collect()
    }

    fn is_due(&self, entry: &Entry, now: SystemTime) -> bool {
        entry.last_s.saturating_add(self.bounds.keep.as_secs()) <= seconds(now)
    }

    /// Removes an upload whose time is over; blocks. Returns what it counted for, `None` if it is
    /// not over. The caller owns the upload's gate.
    pub(crate) fn end(
        &self,
        key: UploadKey,
        now: SystemTime,
        dry_run: bool,
    ) -> io::Result<Option<u64>> {
        let bytes = match self.books.lock().entries.get(&key) {
            Some(entry) if self.is_due(entry, now) => entry.bytes,
            _ => return Ok(None),
        };
        if !dry_run {
            match fs::remove_dir_all(self.directory(key)) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
                _ => self.books.lock().forget(key),
            }
        }
        Ok(Some(bytes))
    }
}

/// The error, after a file that it leaves behind is gone.
fn remove_after<E>(path: &Path, error: E) -> E {
    fs::remove_file(path).ok();
    error
}

impl Upload {
    /// Returns the part that was there before.
    fn insert(&mut self, index: u32, stored: Stored) -> Option<Stored> {
        self.next_number = self.next_number.max(stored.number.saturating_add(1));
        self.shape.insert(stored.kind, stored.total, index, stored.size);
        self.parts.insert(index, stored)
    }
}

impl Books {
    /// Counts a part before it is written, and opens its upload if there is none.
    fn admit(
        &mut self,
        bounds: &Bounds,
        key: UploadKey,
        bytes: u64,
        now_s: u64,
    ) -> Result<Arc<Mutex<Upload>>, PartError> {
        let owner = self.owners.entry(key.owner).or_default();
        let opens = self.entries.get(&key).is_none_or(|entry| !entry.open);
        let refused = if owner.bytes + bytes > bounds.owner_bytes_max {
            Some(PartError::OwnerBytes)
        } else if opens && owner.open >= bounds.owner_uploads_max {
            Some(PartError::OwnerUploads)
        } else if self.total.bytes + bytes > bounds.spool_bytes_max {
            Some(PartError::SpoolFull)
        } else {
            None
        };
        if let Some(refused) = refused {
            self.drop_owner_if_empty(key.owner);
            return Err(refused);
        }
        owner.bytes += bytes;
        owner.open += usize::from(opens);
        self.total.bytes += bytes;
        self.total.uploads += usize::from(opens);
        let entry = self.entries.entry(key).or_insert_with(Entry::new);
        entry.open = true;
        entry.saving += 1;
        entry.bytes += bytes;
        entry.last_s = entry.last_s.max(now_s);
        Ok(Arc::clone(&entry.upload))
    }

    /// Takes up what was found at the start, whatever the bounds are now.
    fn adopt(&mut self, key: UploadKey, upload: Upload, last_s: u64) {
        let bytes = upload.parts.values().map(|part| counts_for(part.size)).sum();
        let (open, done) = (!upload.parts.is_empty(), upload.done.is_some());
        let owner = self.owners.entry(key.owner).or_default();
        owner.bytes += bytes;
        owner.open += usize::from(open);
        owner.done += usize::from(done);
        self.total.bytes += bytes;
        self.total.uploads += usize::from(open);
        let upload = Arc::new(Mutex::new(upload));
        self.entries.insert(key, Entry { upload, open, done, saving: 0, bytes, last_s });
    }

    fn release(&mut self, key: UploadKey, bytes: u64) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.bytes -= bytes;
            self.total.bytes -= bytes;
            if let Some(owner) = self.owners.get_mut(&key.owner) {
                owner.bytes -= bytes;
            }
        }
    }

    /// The parts of an upload are gone, and what they became is known.
    fn close(&mut self, key: UploadKey) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let (bytes, was_open, was_done) = (entry.bytes, entry.open, entry.done);
        (entry.bytes, entry.open, entry.done) = (0, false, true);
        self.uncount(key.owner, bytes, was_open);
        if let Some(owner) = self.owners.get_mut(&key.owner) {
            owner.done += usize::from(!was_done);
        }
    }

    fn forget(&mut self, key: UploadKey) {
        let Some(entry) = self.entries.remove(&key) else { return };
        self.uncount(key.owner, entry.bytes, entry.open);
        if let Some(owner) = self.owners.get_mut(&key.owner) {
            owner.done -= usize::from(entry.done);
        }
        self.drop_owner_if_empty(key.owner);
    }

    fn uncount(&mut self, owner: i64, bytes: u64, open: bool) {
        self.total.bytes -= bytes;
        self.total.uploads -= usize::from(open);
        if let Some(owner) = self.owners.get_mut(&owner) {
            owner.bytes -= bytes;
            owner.open -= usize::from(open);
        }
    }

    fn leave(&mut self, key: UploadKey) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.saving -= 1;
        }
    }

    /// Forgets an upload of which no part was ever saved, and none is on its way.
    fn forget_if_empty(&mut self, key: UploadKey) -> bool {
        let Some(entry) = self.entries.get_mut(&key) else { return false };
        if entry.saving > 0 || !entry.upload.lock().parts.is_empty() {
            return false;
        }
        if entry.done {
            entry.open = false;
            self.uncount(key.owner, 0, true);
            return false;
        }
        self.forget(key);
        true
    }

    fn drop_owner_if_empty(&mut self, owner: i64) {
        if self.owners.get(&owner).is_some_and(|o| o.bytes == 0 && o.open == 0 && o.done == 0) {
            self.owners.remove(&owner);
        }
    }
}

impl Entry {
    fn new() -> Self {
        let upload = Arc::new(Mutex::new(Upload::default()));
        Self { upload, open: false, done: false, saving: 0, bytes: 0, last_s: 0 }
    }
}

fn part_name(index: u32, part: &Stored, key: &BlobKey) -> String {
    let kind = match part.kind {
        Kind::Small => 's',
        Kind::Big => 'b',
    };
    let (number, total, size) = (part.number, part.total.unwrap_or(0), part.size);
    let hash = hex(&key.hide(&part.hash));
    format!("{index:04x}-{number:08x}-{kind}{total:04x}-{size:05x}-{hash}")
}

fn parse_part(name: &str, key: &BlobKey) -> Option<(u32, Stored)> {
    let mut fields = name.split('-');
    let mut field = || fields.next();
    let number = |text| u32::from_str_radix(text, 16).ok();
    let (index, count) = (number(field()?)?, number(field()?)?);
    let (kind, total) = field()?.split_at_checked(1)?;
    let kind = match kind {
        "s" => Kind::Small,
        "b" => Kind::Big,
        _ => return None,
    };
    let total = Some(number(total)?).filter(|total| *total != 0);
    let size = number(field()?)?;
    let hash = key.reveal(&unhex::<HIDDEN_HASH_BYTES>(field()?)?)?;
    let stored = Stored { size, hash, number: count, kind, total };
    (part_name(index, &stored, key) == name).then_some((index, stored))
}

fn done_name(done: &Done, key: &BlobKey) -> String {
    format!("done-{:04x}-{:016x}-{}", done.parts, done.size, hex(&key.hide(&done.id.0)))
}

fn parse_done(name: &str, key: &BlobKey) -> Option<Done> {
    let mut fields = name.strip_prefix("done-")?.split('-');
    let parts = u32::from_str_radix(fields.next()?, 16).ok()?;
    let size = u64::from_str_radix(fields.next()?, 16).ok()?;
    let id = BlobId(key.reveal(&unhex::<HIDDEN_HASH_BYTES>(fields.next()?)?)?);
    Some(Done { parts, size, id })
}

/// An upload as its files tell it, and when the last one came.
fn read_upload(directory: &Path, key: &BlobKey) -> io::Result<(Upload, u64)> {
    let (mut upload, mut last_s) = (Upload::default(), 0);
    let mut found: Vec<(u32, Stored)> = Vec::new();
    for file in fs::read_dir(directory)? {
        let file = file?;
        let (file_name, meta) = (file.file_name(), file.metadata()?);
        let name = file_name.to_str().unwrap_or_default();
        if name.starts_with("tmp-") {
            // Nobody was told that it was kept.
            fs::remove_file(file.path())?;
            continue;
        }
        if let Some((index, stored)) = parse_part(name, key) {
            if meta.len() != sealed_bytes(stored.size as usize) as u64 {
                tracing::warn!(upload = ?directory.file_name(), index, "a part was cut: removed");
                fs::remove_file(file.path())?;
                continue;
            }
            found.push((index, stored));
        } else if let Some(done) = parse_done(name, key) {
            // Two of them were not both answered: either is right.
            upload.done = Some(done);
        } else {
            tracing::warn!(upload = ?directory.file_name(), "not under this key: left alone");
            continue;
        }
        last_s = last_s.max(seconds(meta.modified()?));
    }
    // In the order in which they came: the higher number replaces.
    found.sort_by_key(|(_, stored)| stored.number);
    for (index, stored) in found {
        if let Some(old) = upload.insert(index, stored) {
            fs::remove_file(directory.join(part_name(index, &old, key)))?;
        }
    }
    Ok((upload, last_s))
}
