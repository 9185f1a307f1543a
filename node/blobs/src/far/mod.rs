//! Blobs that lie on other nodes: loaded piece by piece when somebody reads them here.
//!
//! A read looks at what is here, in the place or of the blob's chunks ([`keep`]), and has the rest
//! fetched ([`ask`]), each chunk once for all who want it ([`flights`]). What came is checked, given
//! to whoever waits, and kept; once all chunks are here, the blob goes into the place, and is one
//! like any other from then on. The chunk after those that are read is fetched too, if little is
//! going on.
//!
//! A fetch is a task of its own: whoever gives up waiting comes again, and may find it done.
//!
//! Who keeps a chunk, or forgets one, owns the blob's name meanwhile (see `gate.rs`): so nothing is
//! kept in part of what is in the place.

mod ask;
mod flights;
mod keep;
mod source;

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::try_join_all;
use keys::{Content, SEGMENT_BYTES, sealed_bytes};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use ask::{ASK_WITHIN, FETCHES_AT_ONCE};
use ask::{Checked, Failed, Turns};
use flights::{Flight, Flights, landed};
use keep::Keep;
pub(crate) use keep::Listed;
pub use source::{Fetching, Holder, Source, Unreachable, Wanted};

use crate::blobs::Inner;
use crate::cache::Cache;
use crate::id::{BlobId, CHUNK_BYTES, CHUNKS_MAX, Manifest, chunk_bytes, chunks_of};
use crate::place::{Name, Object};
use crate::read::Piece;
use crate::write::Given;
use crate::{BlobError, Blobs, READ_BYTES_MAX};

/// How long a read waits for others. Clients show that something is loaded, and wait longer than
/// this for an answer; what is on its way then goes on.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// Reads that wait for others, each for a few chunks. They do not count as
/// [`REQUESTS_AT_ONCE_MAX`](crate::REQUESTS_AT_ONCE_MAX) do: a node that is slow holds up nobody
/// else's files.
pub const FAR_READS_AT_ONCE_MAX: usize = 64;
/// Of chunks that nobody has asked for yet.
const AHEAD_AT_ONCE: usize = 4;
/// Looks at what is here, for a blob that moves meanwhile.
const LOOKS: usize = 3;

/// What is kept of blobs that are not here as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Partials {
    /// Blobs.
    pub blobs: usize,
    /// Bytes of their chunks; at least 4 KiB each.
    pub bytes: u64,
}

/// A chunk of a blob that was said to have so many bytes.
type ChunkKey = (Name, u64, u16);

pub(crate) struct Far {
    source: OnceLock<Arc<dyn Source>>,
    keep: Keep,
    /// Of blobs that are not here as a whole.
    manifests: Cache,
    manifest_flights: Arc<Flights<(Name, u64), Result<Manifest, Failed>>>,
    chunk_flights: Arc<Flights<ChunkKey, Result<Bytes, Failed>>>,
    reads: Semaphore,
    turns: Turns,
    ahead: Arc<Semaphore>,
}

impl fmt::Debug for Far {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Far").field("keep", &self.keep).finish_non_exhaustive()
    }
}

impl Far {
    /// Blocks.
    pub(crate) fn open(root: PathBuf, bytes_max: u64, free_bytes_min: u64) -> io::Result<Self> {
        Ok(Self {
            source: OnceLock::new(),
            keep: Keep::open(root, bytes_max, free_bytes_min)?,
            manifests: Cache::default(),
            manifest_flights: Flights::new(),
            chunk_flights: Flights::new(),
            reads: Semaphore::new(FAR_READS_AT_ONCE_MAX),
            turns: Turns::new(),
            ahead: Arc::new(Semaphore::new(AHEAD_AT_ONCE)),
        })
    }
}

/// A blob that is read, and what it is made of.
#[derive(Debug, Clone)]
struct Read {
    wanted: Wanted,
    name: Name,
    manifest: Manifest,
}

impl Read {
    fn is_single(&self) -> bool {
        self.manifest.chunks.len() == 1
    }

    fn key(&self, index: u16) -> ChunkKey {
        (self.name, self.manifest.size, index)
    }

    fn bytes_of(&self, index: u16) -> usize {
        chunk_bytes(self.manifest.size, index.into())
    }
}

impl From<Failed> for BlobError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::NotFound => Self::NotFound,
            Failed::Unreachable => Self::Unreachable,
        }
    }
}

impl Blobs {
    /// Blobs that are not here are asked for there from now on. Only the first one counts.
    pub fn connect(&self, source: Arc<dyn Source>) {
        let _ = self.0.far.source.set(source);
    }

    /// As [`Blobs::read`]; what is not here is loaded from where it is.
    ///
    /// # Errors
    /// As [`Blobs::read`], and: [`BlobError::NotFound`] if nobody has it, [`BlobError::Unreachable`]
    /// if those who may have it do not answer, or not within [`ANSWER_WITHIN`].
    pub async fn read_far(
        &self,
        wanted: &Wanted,
        offset: u64,
        limit: u32,
    ) -> Result<Bytes, BlobError> {
        let name = self.0.key.name(&wanted.blob.0);
        for _ in 0..LOOKS {
            if !self.0.far.keep.touch(name) {
                match self.read(wanted.blob, wanted.size, offset, limit).await {
                    Err(BlobError::NotFound) => {}
                    here => return here,
                }
            }
            let end = offset.saturating_add(u64::from(limit)).min(wanted.size);
            if limit > READ_BYTES_MAX || chunks_of(wanted.size) > CHUNKS_MAX as u64 {
                return Err(BlobError::TooLarge);
            }
            if offset >= end {
                return Ok(Bytes::new());
            }
            let _read = self.0.far.reads.try_acquire().map_err(|_| BlobError::Busy)?;
            let reading = self.0.read_partly(wanted, name, offset..end);
            let read = tokio::time::timeout(ANSWER_WITHIN, reading).await;
            if let Some(bytes) = read.map_err(|_| BlobError::Unreachable)?? {
                return Ok(bytes);
            }
        }
        // Whatever takes it away again and again: it may stay the next time.
        Err(BlobError::Busy)
    }

    /// What is kept of blobs that are not here as a whole.
    pub fn partials(&self) -> Partials {
        let (blobs, bytes) = self.0.far.keep.usage();
        Partials { blobs, bytes }
    }
}

impl Inner {
    /// `None` if the blob went meanwhile: into the place, or for good.
    async fn read_partly(
        self: &Arc<Self>,
        wanted: &Wanted,
        name: Name,
        range: Range<u64>,
    ) -> Result<Option<Bytes>, BlobError> {
        let manifest = self.far_manifest(wanted, name).await?;
        let read = Read { wanted: *wanted, name, manifest };
        let chunk = CHUNK_BYTES as u64;
        let indices = range.start / chunk..range.end.div_ceil(chunk);
        let parts = indices.clone().map(|index| {
            let start = index * chunk;
            let part = range.start.max(start) - start..range.end.min(start + chunk) - start;
            self.part(&read, index as u16, part.start as usize..part.end as usize)
        });
        let parts = try_join_all(parts).await?;
        self.read_ahead(&read, indices.end);
        // Where it failed before.
        if self.far.keep.is_complete(name) {
            let (inner, read) = (Arc::clone(self), read.clone());
            tokio::spawn(async move { inner.leave(&read).await });
        }
        let Some(parts) = parts.into_iter().collect::<Option<Vec<Bytes>>>() else {
            return Ok(None);
        };
        // A copy, also of one part: half a megabyte would wait with a few bytes of it.
        Ok(Some(parts.concat().into()))
    }

    /// What a blob is made of: as it is kept, or as others say.
    async fn far_manifest(
        self: &Arc<Self>,
        wanted: &Wanted,
        name: Name,
    ) -> Result<Manifest, BlobError> {
        if chunks_of(wanted.size) == 1 {
            return Ok(Manifest { size: wanted.size, chunks: [wanted.blob.0].into() });
        }
        let manifest = match self.kept_manifest(wanted.blob, name).await? {
            Some(manifest) => manifest,
            None => self.load_manifest(wanted, name).await?,
        };
        // Whoever showed it said another size than it has.
        if manifest.size == wanted.size { Ok(manifest) } else { Err(BlobError::NotFound) }
    }

    /// The manifest of a blob of which some is here.
    pub(crate) async fn kept_manifest(
        self: &Arc<Self>,
        blob: BlobId,
        name: Name,
    ) -> Result<Option<Manifest>, BlobError> {
        if let Some(manifest) = self.far.manifests.get(name) {
            return Ok(Some(manifest));
        }
        if !self.far.keep.knows(name) {
            return Ok(None);
        }
        let inner = Arc::clone(self);
        let opened = self.work(move || {
            let sealed = inner.far.keep.read_manifest(name).ok()?;
            let opened = inner.key.open(Content::Manifest, &blob.0, &sealed).ok()?;
            Manifest::decode(&opened)
        });
        let manifest = opened.await?;
        match &manifest {
            Some(manifest) => self.far.manifests.insert(name, manifest.clone()),
            // Nothing of it can be read: it is fetched anew.
            None => {
                self.forget_partly(name).await;
            }
        }
        Ok(manifest)
    }

    async fn load_manifest(
        self: &Arc<Self>,
        wanted: &Wanted,
        name: Name,
    ) -> Result<Manifest, BlobError> {
        let (landing, flight) = self.far.manifest_flights.board((name, wanted.size));
        if let Some(mut flight) = flight {
            let (inner, wanted) = (Arc::clone(self), *wanted);
            tokio::spawn(async move {
                let is_wanted = || !flight.end_unless_wanted();
                let asked = match inner.far.source.get() {
                    Some(source) => inner.ask_manifest(&**source, &wanted, is_wanted).await,
                    None => Err(Failed::NotFound),
                };
                if let Ok(manifest) = &asked {
                    inner.far.manifests.insert(name, manifest.clone());
                }
                flight.end(asked);
            });
        }
        Ok(landed(landing).await.unwrap_or(Err(Failed::Unreachable))?)
    }

    /// Some of a chunk: as it is kept, or as others have it. `None` as in [`Inner::read_partly`].
    async fn part(
        self: &Arc<Self>,
        read: &Read,
        index: u16,
        range: Range<usize>,
    ) -> Result<Option<Bytes>, BlobError> {
        if self.far.keep.has(read.name, index) {
            let kept = self.kept(read.name, &read.manifest, index, range.clone()).await?;
            if kept.is_some() || !self.far.keep.knows(read.name) {
                return Ok(kept);
            }
        }
        let (landing, flight) = self.far.chunk_flights.board(read.key(index));
        if let Some(flight) = flight {
            let (inner, read) = (Arc::clone(self), read.clone());
            tokio::spawn(async move { inner.fetch_chunk(read, index, flight, None).await });
        }
        let chunk = landed(landing).await.unwrap_or(Err(Failed::Unreachable))?;
        Ok(Some(chunk.slice(range)))
    }

    /// Some of a chunk that is kept; `None` if it is not there, or is not what it was.
    pub(crate) async fn kept(
        self: &Arc<Self>,
        name: Name,
        manifest: &Manifest,
        index: u16,
        range: Range<usize>,
    ) -> Result<Option<Bytes>, BlobError> {
        let Some(hash) = manifest.chunks.get(usize::from(index)).copied() else { return Ok(None) };
        if !self.far.keep.has(name, index) {
            return Ok(None);
        }
        let length = chunk_bytes(manifest.size, index.into());
        let inner = Arc::clone(self);
        let opened = self.work(move || {
            let piece = Piece::new(Object::chunk(name, index), hash, length, range.clone());
            let sealed = inner.far.keep.read(name, index, piece.sealed.clone()).ok()?;
            let mut plaintext = Vec::with_capacity(sealed.len());
            let opener = inner.key.opener(Content::Chunk, &hash);
            let opened =
                opener.segments(piece.first_segment, piece.to_end, &sealed, &mut plaintext);
            opened.ok()?;
            let before = range.start % SEGMENT_BYTES;
            Some(Bytes::from(plaintext).slice(before..before + range.len()))
        });
        let opened = opened.await?;
        if opened.is_none() {
            self.far.keep.lost(name, index, sealed_bytes(length) as u64);
        }
        Ok(opened)
    }

    /// Fetches the chunk after those that were read, if little is going on.
    fn read_ahead(self: &Arc<Self>, read: &Read, index: u64) {
        if index >= read.manifest.chunks.len() as u64 {
            return;
        }
        let index = index as u16;
        if self.far.keep.has(read.name, index) || self.far.source.get().is_none() {
            return;
        }
        let Ok(ahead) = Arc::clone(&self.far.ahead).try_acquire_owned() else { return };
        let (_, flight) = self.far.chunk_flights.board(read.key(index));
        if let Some(flight) = flight {
            let (inner, read) = (Arc::clone(self), read.clone());
            tokio::spawn(async move { inner.fetch_chunk(read, index, flight, Some(ahead)).await });
        }
    }

    /// Fetches a chunk, gives it to who waits for it, and keeps it; one that is fetched `ahead` also if
    /// nobody waits.
    async fn fetch_chunk(
        self: Arc<Self>,
        read: Read,
        index: u16,
        mut flight: Flight<ChunkKey, Result<Bytes, Failed>>,
        ahead: Option<OwnedSemaphorePermit>,
    ) {
        if let Some(here) = self.here_after_all(&read, index).await {
            return flight.end(Ok(here));
        }
        let Some(source) = self.far.source.get() else {
            // What is here in part was somebody's.
            let known = self.far.keep.knows(read.name);
            return flight.end(Err(if known { Failed::Unreachable } else { Failed::NotFound }));
        };
        let hash = read.manifest.chunks[usize::from(index)];
        let is_wanted = || ahead.is_some() || !flight.end_unless_wanted();
        let asked = self.ask_chunk(&**source, &read.wanted, index, hash, is_wanted).await;
        let checked = match asked {
            Ok(checked) => checked,
            Err(failed) => return flight.end(Err(failed)),
        };
        flight.land(Ok(checked.plaintext.clone()));
        if let Err(cause) = self.keep_chunk(&read, index, checked).await {
            tracing::warn!(%cause, "a chunk of another node is not kept");
        }
        drop(flight);
        self.leave(&read).await;
    }

    /// A chunk that came between the look of who wants it and this flight.
    async fn here_after_all(self: &Arc<Self>, read: &Read, index: u16) -> Option<Bytes> {
        let length = read.bytes_of(index);
        let kept = self.kept(read.name, &read.manifest, index, 0..length).await;
        if let Ok(Some(kept)) = kept {
            return Some(kept);
        }
        if self.far.keep.knows(read.name) {
            return None;
        }
        let from = u64::from(index) * CHUNK_BYTES as u64;
        self.read(read.wanted.blob, read.wanted.size, from, length as u32).await.ok()
    }

    /// Runs in a task that nobody cancels.
    async fn keep_chunk(
        self: &Arc<Self>,
        read: &Read,
        index: u16,
        checked: Checked,
    ) -> Result<(), BlobError> {
        let Checked { plaintext, sealed, turn: _turn } = checked;
        let inner = Arc::clone(self);
        if read.is_single() {
            let bytes = sealed.len() as u64;
            if self.work(move || inner.far.keep.has_disk(bytes)).await?? {
                self.write(read.manifest.clone(), Given::Bytes(plaintext)).await?;
            }
            return Ok(());
        }
        let owner = self.names.own(read.name).await;
        let is_new = !self.far.keep.knows(read.name);
        if is_new && self.is_whole(read.name, &read.manifest).await? {
            return Ok(());
        }
        let read = read.clone();
        let kept = self.work(move || {
            let _owner = owner;
            let manifest =
                is_new.then(|| inner.key.seal(Content::Manifest, &read.manifest.encode()).1);
            let (name, chunks) = (read.name, read.manifest.chunks.len());
            let piece = keep::Piece { name, chunks, manifest, index, chunk: sealed };
            inner.far.keep.write(&piece, |other| inner.names.try_own_alone(other))
        });
        if !kept.await?? {
            tracing::debug!("no room for a chunk of another node");
        }
        Ok(())
    }

    /// Gives a blob to the place, once all of it is here.
    async fn leave(self: &Arc<Self>, read: &Read) {
        let (keep, name) = (&self.far.keep, read.name);
        if !keep.begin_leaving(name) {
            return;
        }
        let files = keep.files(name, read.manifest.chunks.len());
        if let Err(cause) = self.write(read.manifest.clone(), Given::Files(files)).await {
            tracing::warn!(%cause, "a blob of another node stays in parts");
            let inner = Arc::clone(self);
            // The next one who reads it tries again.
            let stays = self.work(move || inner.far.keep.stays(name));
            if let Ok(Err(cause)) | Err(cause) = stays.await {
                tracing::warn!(%cause, "what is here of a blob of another node cannot be read");
            }
        }
    }

    /// Forgets what is kept of a blob; returns whether there was some. The caller owns its name, or
    /// does not mind that some of it comes back.
    pub(crate) async fn forget_partly(self: &Arc<Self>, name: Name) -> bool {
        self.far.manifests.remove(name);
        if !self.far.keep.forget(name) {
            return false;
        }
        let inner = Arc::clone(self);
        let removed = self.work(move || inner.far.keep.remove_files(name));
        if let Ok(Err(cause)) | Err(cause) = removed.await {
            tracing::warn!(%cause, "chunks of another node are left behind");
        }
        true
    }

    /// What is here of blobs that are not here as a whole.
    pub(crate) fn partly_here(&self) -> Vec<Listed> {
        self.far.keep.list()
    }
}
