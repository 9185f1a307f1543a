//! Parts become a blob.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use keys::Content;
use md5::{Digest as _, Md5};

use crate::blobs::{Inner, Pin};
use crate::id::{BlobId, CHUNK_BYTES, CHUNKS_MAX, Manifest, chunks_of, unhex};
use crate::place::Object;
use crate::spool::{Done, Snapshot, UploadKey};
use crate::write::Given;
use crate::{AssembleError, BlobError, Blobs, READ_BYTES_MAX};

/// A blob that is in the place.
#[derive(Debug)]
pub struct Assembled {
    /// What it is called.
    pub id: BlobId,
    /// Bytes in it.
    pub size: u64,
    /// Keeps it until the caller's reference to it is durable.
    pub pin: Pin,
}

impl Blobs {
    /// Makes a blob of an upload's parts; once this returns, it is in the place and its parts are not
    /// in the spool. Asked again before the upload expires, it answers the same blob.
    ///
    /// `parts` is how many the client says that it sent; `md5` what it says of the content, in hex,
    /// empty or `None` if it says nothing. Memory does not grow with the size. Parts of 512 KiB are
    /// not sealed again: they lie in the spool as they will lie in the place.
    ///
    /// # Errors
    /// See [`AssembleError`]. The parts stay.
    pub async fn assemble(
        &self,
        owner: i64,
        file: i64,
        parts: u32,
        md5: Option<&str>,
    ) -> Result<Assembled, AssembleError> {
        if parts == 0 || parts as usize > CHUNKS_MAX {
            return Err(AssembleError::Parts);
        }
        let md5 = match md5 {
            None | Some("") => None,
            Some(text) => Some(unhex::<16>(&text.to_ascii_lowercase()).ok_or(AssembleError::Md5)?),
        };
        let waiting = Arc::clone(&self.0.waiting).try_acquire_owned();
        let waiting = waiting.map_err(|_| BlobError::Busy)?;
        let inner = Arc::clone(&self.0);
        // A task of its own: see `gate.rs`.
        let task = tokio::spawn(async move {
            let _waiting = waiting;
            inner.assemble(UploadKey { owner, file }, parts, md5).await
        });
        task.await.map_err(|cause| BlobError::Io(std::io::Error::other(cause)))?
    }
}

impl Inner {
    async fn assemble(
        self: Arc<Self>,
        key: UploadKey,
        parts: u32,
        md5: Option<[u8; 16]>,
    ) -> Result<Assembled, AssembleError> {
        // In this order: who waits for the parts of one upload keeps nobody else waiting.
        let _upload = self.uploads.own_alone(key).await;
        let _one = self.assemblies.acquire().await.map_err(|_| BlobError::Busy)?;
        let inner = Arc::clone(&self);
        let snapshot = self.work(move || inner.spool.snapshot(key, &inner.key)).await;
        let snapshot =
            snapshot.map_err(BlobError::from)?.ok_or(AssembleError::Missing { part: 0 })?;
        if let Err(cause) = complete(&snapshot, parts) {
            let done = snapshot.done.filter(|done| done.parts == parts);
            return self.again(done.ok_or(cause)?, md5).await;
        }
        let groups = groups(snapshot);
        let manifest = self.manifest(&groups, md5).await?;
        let given = match groups {
            Groups::Whole(parts) => Given::Files(parts.into_iter().map(|p| p.path).collect()),
            Groups::Pieces(chunks) => {
                let files = |parts: Vec<SpooledPart>| parts.into_iter().map(|p| (p.path, p.hash));
                Given::Parts(chunks.into_iter().map(|c| files(c).collect()).collect())
            }
        };
        let assembled = self.write(manifest, given).await?;
        let done = Done { parts, size: assembled.size, id: assembled.id };
        let inner = Arc::clone(&self);
        let finished = self.work(move || inner.spool.finish(key, done, &inner.key)).await;
        finished.and_then(|done| done).map_err(BlobError::from)?;
        Ok(assembled)
    }

    /// What these parts became before.
    async fn again(
        self: &Arc<Self>,
        done: Done,
        md5: Option<[u8; 16]>,
    ) -> Result<Assembled, AssembleError> {
        let name = self.key.name(&done.id.0);
        let pin = Pin::new(self.names.share(name).await);
        if self.objects.length(Object::whole(name)).await?.is_none() {
            // Removed since: the client has to send it again.
            return Err(AssembleError::Missing { part: 0 });
        }
        if let Some(expected) = md5 {
            let mut digest = Md5::new();
            let mut offset = 0;
            while offset < done.size {
                let range = self.read(done.id, done.size, offset, READ_BYTES_MAX).await?;
                offset += range.len() as u64;
                digest = self.digest(digest, range).await?;
            }
            check_md5(digest, expected)?;
        }
        Ok(Assembled { id: done.id, size: done.size, pin })
    }

    /// The hashes of the chunks. Content is opened only where it has to be looked at.
    async fn manifest(
        self: &Arc<Self>,
        groups: &Groups,
        md5: Option<[u8; 16]>,
    ) -> Result<Manifest, AssembleError> {
        let mut digest = Md5::new();
        let (mut size, mut hashes) = (0, Vec::new());
        match groups {
            Groups::Whole(parts) => {
                for part in parts {
                    size += u64::from(part.size);
                    hashes.push(part.hash);
                    if md5.is_some() {
                        let content = self.content(std::slice::from_ref(part)).await?;
                        digest = self.digest(digest, content).await?;
                    }
                }
            }
            Groups::Pieces(chunks) => {
                for parts in chunks {
                    size += parts.iter().map(|part| u64::from(part.size)).sum::<u64>();
                    let content = self.content(parts).await?;
                    let chunk = content.clone();
                    let hash = self.work(move || Content::Chunk.hash(&chunk)).await;
                    hashes.push(hash.map_err(BlobError::from)?);
                    if md5.is_some() {
                        digest = self.digest(digest, content).await?;
                    }
                }
            }
        }
        if let Some(expected) = md5 {
            check_md5(digest, expected)?;
        }
        if hashes.len() as u64 != chunks_of(size) {
            return Err(AssembleError::Parts);
        }
        Ok(Manifest { size, chunks: hashes.into() })
    }

    async fn content(self: &Arc<Self>, parts: &[SpooledPart]) -> Result<Bytes, BlobError> {
        let files: Vec<_> = parts.iter().map(|part| (part.path.clone(), part.hash)).collect();
        let inner = Arc::clone(self);
        Ok(self.work(move || inner.open_parts(&files)).await??.into())
    }

    async fn digest(&self, mut digest: Md5, content: Bytes) -> Result<Md5, BlobError> {
        let digest = self.work(move || {
            digest.update(&content);
            digest
        });
        Ok(digest.await?)
    }
}

fn check_md5(digest: Md5, expected: [u8; 16]) -> Result<(), AssembleError> {
    let found: [u8; 16] = digest.finalize().into();
    if found == expected { Ok(()) } else { Err(AssembleError::Md5) }
}

#[derive(Debug)]
struct SpooledPart {
    path: PathBuf,
    hash: [u8; 32],
    size: u32,
}

/// The parts of each chunk.
#[derive(Debug)]
enum Groups {
    /// Each part is a chunk.
    Whole(Vec<SpooledPart>),
    /// Chunks are made of several parts.
    Pieces(Vec<Vec<SpooledPart>>),
}

/// Whether the parts 0 to `parts` are there, and no others.
fn complete(snapshot: &Snapshot, parts: u32) -> Result<(), AssembleError> {
    let beyond = snapshot.parts.last().is_some_and(|(last, ..)| *last >= parts);
    if beyond || snapshot.total.is_some_and(|total| total != parts) {
        return Err(AssembleError::Parts);
    }
    let mut expected = 0..parts;
    let gap = snapshot.parts.iter().zip(&mut expected).find(|((index, ..), at)| index != at);
    match gap.map(|(_, at)| at).or_else(|| expected.next()) {
        Some(part) => Err(AssembleError::Missing { part }),
        None => Ok(()),
    }
}

fn groups(snapshot: Snapshot) -> Groups {
    let parts: Vec<SpooledPart> = snapshot
        .parts
        .into_iter()
        .map(|(_, path, stored)| SpooledPart { path, hash: stored.hash, size: stored.size })
        .collect();
    // All but the last have the size of the first, and chunks are divisible by it: `rules.rs`.
    let first = parts.first().map_or(CHUNK_BYTES, |part| part.size as usize);
    if parts.len() == 1 || first == CHUNK_BYTES {
        return Groups::Whole(parts);
    }
    let (per_chunk, mut chunks) = (CHUNK_BYTES / first, Vec::new());
    let mut parts = parts.into_iter().peekable();
    while parts.peek().is_some() {
        chunks.push(parts.by_ref().take(per_chunk).collect());
    }
    Groups::Pieces(chunks)
}
