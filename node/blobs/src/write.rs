//! Blobs into the place.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use keys::{Content, sealed_bytes};

use crate::assemble::Assembled;
use crate::blobs::{Inner, Pin};
use crate::gate::Owner;
use crate::id::{CHUNK_BYTES, Manifest};
use crate::place::{Name, Object};
use crate::{BlobError, Blobs};

/// What the node itself may put at once: a picture or a document that it made. Protects memory.
pub const PUT_BYTES_MAX: usize = 16 << 20;
/// Chunks of one blob on their way at once; each has half a megabyte in memory.
const CHUNKS_AT_ONCE: usize = 4;

impl Blobs {
    /// Puts what the node itself has made; once this returns, it is in the place.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`] above [`PUT_BYTES_MAX`], or that of the place.
    pub async fn put(&self, bytes: Bytes) -> Result<Assembled, BlobError> {
        if bytes.len() > PUT_BYTES_MAX {
            return Err(BlobError::TooLarge);
        }
        let request = self.0.request().ok_or(BlobError::Busy)?;
        let inner = Arc::clone(&self.0);
        // A task of its own: see `gate.rs`.
        let task = tokio::spawn(async move {
            let _request = request;
            inner.put(bytes).await
        });
        task.await.map_err(|cause| BlobError::Io(std::io::Error::other(cause)))?
    }
}

/// Where the chunks of a blob come from.
#[derive(Debug)]
pub(crate) enum Given {
    /// The whole content.
    Bytes(Bytes),
    /// For each chunk one file of the spool, which is sealed as the chunk is.
    Files(Vec<PathBuf>),
    /// For each chunk the files of the parts that make it.
    Parts(Vec<Vec<(PathBuf, [u8; 32])>>),
}

impl Inner {
    async fn put(self: Arc<Self>, bytes: Bytes) -> Result<Assembled, BlobError> {
        let content = bytes.clone();
        let manifest = self.work(move || Manifest {
            size: content.len() as u64,
            chunks: pieces(&content).map(|chunk| Content::Chunk.hash(&chunk)).collect(),
        });
        let manifest = manifest.await?;
        self.write(manifest, Given::Bytes(bytes)).await
    }

    /// Puts a blob, unless it is there already. Runs in a task that nobody cancels.
    pub(crate) async fn write(
        self: &Arc<Self>,
        manifest: Manifest,
        given: Given,
    ) -> Result<Assembled, BlobError> {
        let (id, size) = (manifest.id(), manifest.size);
        let name = self.key.name(&id.0);
        let owner = self.names.own(name).await;
        let pin = Pin::new(owner.share());
        if !self.is_whole(name, &manifest).await? {
            self.write_owned(&owner, name, manifest, given).await?;
        }
        // What was loaded of it from another node is not needed any more.
        self.forget_partly(name).await;
        Ok(Assembled { id, size, pin })
    }

    /// Whether the object is there that is written last.
    pub(crate) async fn is_whole(
        &self,
        name: Name,
        manifest: &Manifest,
    ) -> Result<bool, BlobError> {
        let expected = match &*manifest.chunks {
            [_] => sealed_bytes(manifest.size as usize),
            chunks => sealed_bytes(8 + 32 * chunks.len()),
        };
        Ok(self.objects.length(Object::whole(name)).await? == Some(expected as u64))
    }

    async fn write_owned(
        self: &Arc<Self>,
        _owner: &Owner<Name>,
        name: Name,
        manifest: Manifest,
        given: Given,
    ) -> Result<(), BlobError> {
        let single = manifest.chunks.len() == 1;
        let objects: Vec<Object> = match single {
            true => vec![Object::whole(name)],
            false => (0..manifest.chunks.len() as u16).map(|i| Object::chunk(name, i)).collect(),
        };
        match given {
            Given::Bytes(bytes) => {
                let chunks = pieces(&bytes).zip(objects).map(|(chunk, object)| async move {
                    let inner = Arc::clone(self);
                    let sealed = self.work(move || inner.key.seal(Content::Chunk, &chunk).1);
                    self.objects.put(object, sealed.await?.into()).await
                });
                all(chunks).await?;
            }
            Given::Files(files) => self.write_files(files, objects).await?,
            Given::Parts(groups) => {
                let hashes = Arc::clone(&manifest.chunks);
                let chunks = groups.into_iter().zip(objects).enumerate();
                let chunks = chunks.map(|(index, (group, object))| {
                    let expected = hashes[index];
                    async move {
                        let inner = Arc::clone(self);
                        let sealed = self.work(move || {
                            let plaintext = inner.open_parts(&group)?;
                            let (hash, sealed) = inner.key.seal(Content::Chunk, &plaintext);
                            if hash == expected { Ok(sealed) } else { Err(changed()) }
                        });
                        self.objects.put(object, sealed.await??.into()).await
                    }
                });
                all(chunks).await?;
            }
        }
        if !single {
            let (_, sealed) = self.key.seal(Content::Manifest, &manifest.encode());
            self.objects.put(Object::whole(name), sealed.into()).await?;
            self.cache.insert(name, manifest);
        }
        Ok(())
    }

    /// Files that are sealed as chunks are: another name for each, or its bytes as they are.
    async fn write_files(
        self: &Arc<Self>,
        files: Vec<PathBuf>,
        objects: Vec<Object>,
    ) -> Result<(), BlobError> {
        let inner = Arc::clone(self);
        let pairs: Vec<(PathBuf, Object)> = files.into_iter().zip(objects).collect();
        let linked = self.work(move || inner.objects.link(&pairs).map(|done| (done, pairs)));
        let (linked, pairs) = linked.await??;
        if linked {
            return Ok(());
        }
        let copies = pairs.into_iter().map(|(file, object)| async move {
            let sealed = self.work(move || std::fs::read(file)).await??;
            self.objects.put(object, sealed.into()).await
        });
        all(copies).await
    }

    /// Opens parts of the spool, one after another; blocks.
    pub(crate) fn open_parts(&self, parts: &[(PathBuf, [u8; 32])]) -> Result<Vec<u8>, BlobError> {
        let mut plaintext = Vec::with_capacity(CHUNK_BYTES);
        for (path, hash) in parts {
            let sealed = std::fs::read(path)?;
            let opened = self.key.open(Content::Chunk, hash, &sealed);
            let opened = opened.map_err(|cause| {
                BlobError::Damaged(format!("a part in the spool does not open: {cause}"))
            })?;
            if plaintext.len() + opened.len() > CHUNK_BYTES {
                return Err(changed());
            }
            plaintext.extend_from_slice(&opened);
        }
        Ok(plaintext)
    }
}

fn changed() -> BlobError {
    BlobError::Damaged("parts in the spool changed while they were read".into())
}

/// A few at once, all of them or the first error. After an error nothing new begins, and what has
/// begun comes to its end: a write that arrived after the name is given up could meet a removal.
async fn all<F: Future<Output = Result<(), BlobError>>>(
    work: impl Iterator<Item = F>,
) -> Result<(), BlobError> {
    let mut work = work.fuse();
    let mut running = FuturesUnordered::new();
    let mut outcome = Ok(());
    loop {
        while outcome.is_ok()
            && running.len() < CHUNKS_AT_ONCE
            && let Some(next) = work.next()
        {
            running.push(next);
        }
        match running.next().await {
            Some(done) => outcome = outcome.and(done),
            None => return outcome,
        }
    }
}

/// The chunks of some content; nothing at all is one that is empty.
pub(crate) fn pieces(bytes: &Bytes) -> impl Iterator<Item = Bytes> {
    let count = bytes.len().div_ceil(CHUNK_BYTES).max(1);
    (0..count).map(move |index| {
        let from = index * CHUNK_BYTES;
        bytes.slice(from..(from + CHUNK_BYTES).min(bytes.len()))
    })
}
