//! The chunks that are here of blobs that are not here as a whole.
//!
//! A blob has a directory on this machine, its name in the place in hex; in it are `manifest`, and
//! each chunk under its index in hex, sealed as they are sealed in the place. A file gets its name
//! once it is on the disk: there is a whole one or none, and a blob of which all chunks are there
//! is given to the place as it lies.
//!
//! What is known of that in memory is a hint: who finds no file, or one that does not open, says so
//! ([`Keep::lost`]), and it is fetched again. So a blob may go while it is read.
//!
//! Bytes of files are bounded. Where one more does not fit, the blobs go that were read the longest
//! ago; after a restart, those that got their last chunk the longest ago.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use keys::plaintext_bytes;
use parking_lot::Mutex;

use crate::id::{CHUNKS_MAX, hex, unhex};
use crate::place::{Name, make_directory, seconds};

const MANIFEST: &str = "manifest";
/// What a file takes at least, on most disks.
const FILE_BYTES_MIN: u64 = 4 << 10;
/// Blobs that are kept in part. Protects memory: 8 KB each for the largest.
const BLOBS_MAX: usize = 4096;

#[derive(Debug)]
pub(super) struct Keep {
    root: PathBuf,
    bytes_max: u64,
    /// What the disk keeps free.
    free_bytes_min: u64,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    blobs: HashMap<Name, Partial>,
    /// By when they were read last.
    order: BTreeMap<u64, Name>,
    turn: u64,
    /// Of all files, and of those that are being written.
    bytes: u64,
}

#[derive(Debug)]
struct Partial {
    /// Whether each chunk is here.
    chunks: Box<[bool]>,
    missing: usize,
    bytes: u64,
    /// Its place in the order.
    turn: u64,
    newest_s: u64,
    /// Somebody gives it to the place.
    is_leaving: bool,
}

/// A blob that is kept in part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listed {
    pub(crate) name: Name,
    pub(crate) bytes: u64,
    /// When its last chunk came, in unix seconds.
    pub(crate) newest_s: u64,
}

/// What is written of a blob in one go.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) name: Name,
    /// Chunks of the blob.
    pub(super) chunks: usize,
    /// Sealed; for a blob of which nothing is here yet.
    pub(super) manifest: Option<Vec<u8>>,
    pub(super) index: u16,
    /// Sealed.
    pub(super) chunk: Vec<u8>,
}

impl Piece {
    fn bytes(&self) -> u64 {
        let manifest = self.manifest.as_ref().map_or(0, |sealed| counts_for(sealed.len() as u64));
        manifest + counts_for(self.chunk.len() as u64)
    }
}

impl Keep {
    /// Takes up what lies there. Blocks.
    pub(super) fn open(root: PathBuf, bytes_max: u64, free_bytes_min: u64) -> io::Result<Self> {
        make_directory(&root)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(&root)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(unhex);
            match name.map(|name| Ok((name, read_directory(&path)?))) {
                Some(Ok((name, Some(partial)))) => found.push((name, partial)),
                Some(Ok((_, None))) => fs::remove_dir_all(&path)?,
                Some(Err(cause)) => return Err(cause),
                None => tracing::warn!(?path, "not a blob's: left alone"),
            }
        }
        found.sort_by_key(|(name, partial)| (partial.newest_s, *name));
        let mut books = Books::default();
        for (name, partial) in found {
            books.bytes += partial.bytes;
            books.insert(name, partial);
        }
        let keep = Self { root, bytes_max, free_bytes_min, books: Mutex::new(books) };
        // The bound may be lower than it was.
        for name in keep.books.lock().make_room(0, bytes_max, |_| true) {
            keep.remove_files(name)?;
        }
        Ok(keep)
    }

    fn directory(&self, name: Name) -> PathBuf {
        self.root.join(hex(&name))
    }

    fn chunk_path(&self, name: Name, index: u16) -> PathBuf {
        self.directory(name).join(format!("{index:04x}"))
    }

    /// Whether some of a blob is here.
    pub(super) fn knows(&self, name: Name) -> bool {
        self.books.lock().blobs.contains_key(&name)
    }

    /// A blob is read: the others go before it. Returns whether some of it is here.
    pub(super) fn touch(&self, name: Name) -> bool {
        let mut books = self.books.lock();
        let Some(partial) = books.blobs.remove(&name) else { return false };
        books.order.remove(&partial.turn);
        books.insert(name, partial);
        true
    }

    /// Whether a chunk is here.
    pub(super) fn has(&self, name: Name, index: u16) -> bool {
        let books = self.books.lock();
        let chunks = books.blobs.get(&name).map(|partial| &partial.chunks);
        chunks.and_then(|chunks| chunks.get(usize::from(index))).is_some_and(|here| *here)
    }

    /// Whether all of a blob is here.
    pub(super) fn is_complete(&self, name: Name) -> bool {
        self.books.lock().blobs.get(&name).is_some_and(|partial| partial.missing == 0)
    }

    /// Whether a blob is to be given to the place now: all of it is here, and nobody else does.
    pub(super) fn begin_leaving(&self, name: Name) -> bool {
        let mut books = self.books.lock();
        let Some(partial) = books.blobs.get_mut(&name) else { return false };
        let begins = partial.missing == 0 && !partial.is_leaving;
        partial.is_leaving |= begins;
        begins
    }

    /// It could not be given. What is not there after all is missing again. Blocks.
    pub(super) fn stays(&self, name: Name) -> io::Result<()> {
        let found = read_directory(&self.directory(name))?;
        let mut books = self.books.lock();
        books.forget(name);
        if let Some(partial) = found {
            books.bytes += partial.bytes;
            books.insert(name, partial);
        }
        Ok(())
    }

    /// The files of a blob of which all is here.
    pub(super) fn files(&self, name: Name, chunks: usize) -> Vec<PathBuf> {
        (0..chunks).map(|index| self.chunk_path(name, index as u16)).collect()
    }

    /// Bytes of a sealed chunk. Blocks.
    pub(super) fn read(&self, name: Name, index: u16, range: Range<u64>) -> io::Result<Vec<u8>> {
        let file = File::open(self.chunk_path(name, index))?;
        let mut bytes = vec![0; (range.end - range.start) as usize];
        file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes)
    }

    /// A sealed manifest. Blocks.
    pub(super) fn read_manifest(&self, name: Name) -> io::Result<Vec<u8>> {
        fs::read(self.directory(name).join(MANIFEST))
    }

    /// A chunk that was said to be here is not, or does not open: it had so many bytes.
    pub(super) fn lost(&self, name: Name, index: u16, sealed_bytes: u64) {
        let mut books = self.books.lock();
        let Some(partial) = books.blobs.get_mut(&name) else { return };
        let Some(here) = partial.chunks.get_mut(usize::from(index)) else { return };
        if std::mem::take(here) {
            let bytes = counts_for(sealed_bytes).min(partial.bytes);
            partial.missing += 1;
            partial.bytes -= bytes;
            books.bytes -= bytes;
        }
    }

    /// Whether the disk has room for more that can be done without.
    pub(super) fn has_disk(&self, bytes: u64) -> io::Result<bool> {
        let disk = rustix::fs::statvfs(&self.root)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        Ok(free >= self.free_bytes_min.saturating_add(bytes))
    }

    /// Keeps a chunk, and first lets go of blobs that are in its way: `may_go` says which of them
    /// may, and what it returns is held until their files are gone. Returns whether it is kept: it
    /// may be larger than there is room. Blocks; the caller has seen to it that nobody removes the
    /// blob meanwhile.
    pub(super) fn write<G>(
        &self,
        piece: &Piece,
        may_go: impl Fn(Name) -> Option<G>,
    ) -> io::Result<bool> {
        let bytes = piece.bytes();
        if bytes > self.bytes_max || !self.has_disk(bytes)? {
            return Ok(false);
        }
        let mut guards = Vec::new();
        let (gone, fits) = {
            let mut books = self.books.lock();
            let gone = books.make_room(bytes, self.bytes_max, |name| {
                let guard = if name == piece.name { None } else { may_go(name) };
                let goes = guard.is_some();
                guards.extend(guard);
                goes
            });
            let fits = books.bytes + bytes <= self.bytes_max && books.blobs.len() <= BLOBS_MAX;
            if fits {
                books.bytes += bytes;
            }
            (gone, fits)
        };
        let removed = gone.into_iter().try_for_each(|name| self.remove_files(name));
        drop(guards);
        if !fits {
            return removed.map(|()| false);
        }
        let written = removed.and_then(|()| self.write_files(piece));
        let mut books = self.books.lock();
        match written {
            Ok(newest_s) => books.add(piece, bytes, newest_s),
            Err(cause) => {
                books.bytes -= bytes;
                return Err(cause);
            }
        }
        Ok(true)
    }

    /// When it was written, in unix seconds by the clock of the disk.
    fn write_files(&self, piece: &Piece) -> io::Result<u64> {
        let directory = self.directory(piece.name);
        make_directory(&directory)?;
        if let Some(manifest) = &piece.manifest {
            write_whole(&directory, MANIFEST, piece.index, manifest)?;
        }
        let index = format!("{:04x}", piece.index);
        write_whole(&directory, &index, piece.index, &piece.chunk).map(seconds)
    }

    /// Forgets a blob; its files are to be removed. Returns whether some of it was here.
    pub(super) fn forget(&self, name: Name) -> bool {
        self.books.lock().forget(name).is_some()
    }

    /// Blocks.
    pub(super) fn remove_files(&self, name: Name) -> io::Result<()> {
        match fs::remove_dir_all(self.directory(name)) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    pub(super) fn list(&self) -> Vec<Listed> {
        let books = self.books.lock();
        let blobs = books.blobs.iter();
        blobs
            .map(|(name, partial)| Listed {
                name: *name,
                bytes: partial.bytes,
                newest_s: partial.newest_s,
            })
            .collect()
    }

    /// Blobs and their bytes.
    pub(super) fn usage(&self) -> (usize, u64) {
        let books = self.books.lock();
        (books.blobs.len(), books.bytes)
    }
}

impl Books {
    /// As the one that was read last.
    fn insert(&mut self, name: Name, mut partial: Partial) {
        self.turn += 1;
        partial.turn = self.turn;
        self.order.insert(self.turn, name);
        self.blobs.insert(name, partial);
    }

    fn forget(&mut self, name: Name) -> Option<Partial> {
        let partial = self.blobs.remove(&name)?;
        self.order.remove(&partial.turn);
        self.bytes -= partial.bytes;
        Some(partial)
    }

    /// Forgets blobs that may go, until there is room for so many bytes more, and answers which.
    fn make_room(
        &mut self,
        bytes: u64,
        bytes_max: u64,
        mut may_go: impl FnMut(Name) -> bool,
    ) -> Vec<Name> {
        let mut gone = Vec::new();
        let mut after = 0;
        while (self.bytes + bytes > bytes_max || self.blobs.len() > BLOBS_MAX)
            && let Some((turn, name)) = self.order.range(after..).next()
        {
            let name = *name;
            after = turn + 1;
            if may_go(name) {
                self.forget(name);
                gone.push(name);
            }
        }
        gone
    }

    fn add(&mut self, piece: &Piece, bytes: u64, newest_s: u64) {
        if !self.blobs.contains_key(&piece.name) {
            self.insert(piece.name, Partial::new(piece.chunks));
        }
        let Some(partial) = self.blobs.get_mut(&piece.name) else { return };
        partial.bytes += bytes;
        partial.newest_s = partial.newest_s.max(newest_s);
        partial.came(piece.index);
    }
}

impl Partial {
    fn new(chunks: usize) -> Self {
        Self {
            chunks: vec![false; chunks].into(),
            missing: chunks,
            bytes: 0,
            turn: 0,
            newest_s: 0,
            is_leaving: false,
        }
    }

    fn came(&mut self, index: u16) {
        if let Some(here) = self.chunks.get_mut(usize::from(index))
            && !std::mem::replace(here, true)
        {
            self.missing -= 1;
        }
    }
}

fn counts_for(bytes: u64) -> u64 {
    bytes.max(FILE_BYTES_MIN)
}

/// Writes a file that gets its name once it is on the disk; answers when it was written. `number`
/// keeps those apart that write at the same time.
fn write_whole(directory: &Path, name: &str, number: u16, bytes: &[u8]) -> io::Result<SystemTime> {
    let draft = directory.join(format!("tmp-{number:04x}-{name}"));
    let mut file = File::create(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(draft, directory.join(name))?;
    file.metadata()?.modified()
}

/// What is here of a blob; `None` for what makes no sense, or holds no chunk.
fn read_directory(directory: &Path) -> io::Result<Option<Partial>> {
    let sealed = match fs::metadata(directory.join(MANIFEST)) {
        Ok(meta) => meta.len(),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(cause),
    };
    let chunks = plaintext_bytes(sealed as usize).and_then(|bytes| bytes.checked_sub(8));
    let chunks = chunks.filter(|bytes| bytes % 32 == 0).map(|bytes| bytes / 32);
    let Some(chunks) = chunks.filter(|chunks| (2..=CHUNKS_MAX).contains(chunks)) else {
        return Ok(None);
    };
    let mut partial = Partial::new(chunks);
    partial.bytes = counts_for(sealed);
    for file in fs::read_dir(directory)? {
        let file = file?;
        let (name, meta) = (file.file_name(), file.metadata()?);
        let name = name.to_str().unwrap_or_default();
        let index = unhex::<2>(name).map(u16::from_be_bytes);
        match index.filter(|index| usize::from(*index) < chunks) {
            Some(index) => {
                partial.bytes += counts_for(meta.len());
                partial.newest_s = partial.newest_s.max(seconds(meta.modified()?));
                partial.came(index);
            }
            None if name == MANIFEST => {}
            // A process was killed while it wrote.
            None => fs::remove_file(file.path())?,
        }
    }
    Ok((partial.missing < chunks).then_some(partial))
}
