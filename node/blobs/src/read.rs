//! Blobs out of the place.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::try_join_all;
use keys::{
    Content, SEALED_HEADER_BYTES, SEALED_SEGMENT_BYTES, SEGMENT_BYTES, UnsealError, sealed_bytes,
};

use crate::blobs::Inner;
use crate::id::{BlobId, CHUNK_BYTES, CHUNKS_MAX, Manifest, chunk_bytes, chunks_of};
use crate::place::{Name, Object};
use crate::{BlobError, Blobs};

/// The longest range that is read at once: `upload.getFile` asks for no more.
pub const READ_BYTES_MAX: u32 = 1 << 20;

impl Blobs {
    /// The bytes of a blob from `offset` on, `limit` of them or what is left: none at or beyond the
    /// end. `size` is what [`Assembled`](crate::Assembled) said.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`] for a limit above [`READ_BYTES_MAX`], [`BlobError::Damaged`] for what
    /// does not open.
    pub async fn read(
        &self,
        id: BlobId,
        size: u64,
        offset: u64,
        limit: u32,
    ) -> Result<Bytes, BlobError> {
        let _request = self.0.request().ok_or(BlobError::Busy)?;
        self.0.read(id, size, offset, limit).await
    }

    /// A whole blob of at most `max` bytes.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`] if it is larger; otherwise as [`Blobs::read`].
    pub async fn load(&self, id: BlobId, size: u64, max: usize) -> Result<Bytes, BlobError> {
        let _request = self.0.request().ok_or(BlobError::Busy)?;
        if size > max as u64 {
            return Err(BlobError::TooLarge);
        }
        if size == 0 {
            return self.0.load_empty(id).await;
        }
        let first = self.0.read(id, size, 0, READ_BYTES_MAX).await?;
        if first.len() as u64 == size {
            return Ok(first);
        }
        let mut whole = Vec::with_capacity(size as usize);
        whole.extend_from_slice(&first);
        while (whole.len() as u64) < size {
            let range = self.0.read(id, size, whole.len() as u64, READ_BYTES_MAX).await?;
            whole.extend_from_slice(&range);
        }
        Ok(whole.into())
    }
}

/// What has to be opened of one chunk.
#[derive(Debug)]
pub(crate) struct Piece {
    object: Object,
    hash: [u8; 32],
    pub(crate) first_segment: u32,
    pub(crate) to_end: bool,
    /// Bytes of the sealed object.
    pub(crate) sealed: Range<u64>,
}

impl Piece {
    /// The segments that hold `wanted`, which is not empty, of a chunk of `length` bytes.
    pub(crate) fn new(object: Object, hash: [u8; 32], length: usize, wanted: Range<usize>) -> Self {
        let (first, end) = (wanted.start / SEGMENT_BYTES, wanted.end.div_ceil(SEGMENT_BYTES));
        let to_end = end * SEGMENT_BYTES >= length;
        let from = SEALED_HEADER_BYTES + first * SEALED_SEGMENT_BYTES;
        let to = match to_end {
            true => sealed_bytes(length),
            false => SEALED_HEADER_BYTES + end * SEALED_SEGMENT_BYTES,
        };
        Self { object, hash, first_segment: first as u32, to_end, sealed: from as u64..to as u64 }
    }
}

impl Inner {
    pub(crate) async fn read(
        self: &Arc<Self>,
        id: BlobId,
        size: u64,
        offset: u64,
        limit: u32,
    ) -> Result<Bytes, BlobError> {
        if limit > READ_BYTES_MAX || chunks_of(size) > CHUNKS_MAX as u64 {
            return Err(BlobError::TooLarge);
        }
        let end = offset.saturating_add(u64::from(limit)).min(size);
        if offset >= end {
            return Ok(Bytes::new());
        }
        let name = self.key.name(&id.0);
        let pieces = self.pieces(id, name, size, offset..end).await?;
        let fetched = pieces.iter().map(|piece| self.fetch(name, piece));
        let fetched = try_join_all(fetched).await?;
        let inner = Arc::clone(self);
        let opened = self.work(move || {
            // Up to a segment more than is wanted, at either end.
            let mut plaintext = Vec::with_capacity((end - offset) as usize + 2 * SEGMENT_BYTES);
            for (piece, sealed) in pieces.iter().zip(fetched) {
                let opener = inner.key.opener(Content::Chunk, &piece.hash);
                opener.segments(piece.first_segment, piece.to_end, &sealed, &mut plaintext)?;
            }
            Ok(Bytes::from(plaintext))
        });
        let opened: Result<Bytes, UnsealError> = opened.await?;
        let opened = opened.map_err(|cause| damaged("a chunk", cause))?;
        // What is before the range in its first segment.
        let before = (offset % SEGMENT_BYTES as u64) as usize;
        Ok(opened.slice(before..before + (end - offset) as usize))
    }

    async fn pieces(
        self: &Arc<Self>,
        id: BlobId,
        name: Name,
        size: u64,
        range: Range<u64>,
    ) -> Result<Vec<Piece>, BlobError> {
        let manifest = match chunks_of(size) {
            1 => Manifest { size, chunks: [id.0].into() },
            _ => self.manifest_of(id, name, size).await?,
        };
        let chunk = CHUNK_BYTES as u64;
        let indices = range.start / chunk..range.end.div_ceil(chunk);
        let piece = |index: u64| {
            let start = index * chunk;
            let wanted = range.start.max(start) - start..range.end.min(start + chunk) - start;
            let object = match &*manifest.chunks {
                [_] => Object::whole(name),
                _ => Object::chunk(name, index as u16),
            };
            let (hash, length) = (manifest.chunks[index as usize], chunk_bytes(size, index));
            Piece::new(object, hash, length, wanted.start as usize..wanted.end as usize)
        };
        Ok(indices.map(piece).collect())
    }

    async fn manifest_of(
        self: &Arc<Self>,
        id: BlobId,
        name: Name,
        size: u64,
    ) -> Result<Manifest, BlobError> {
        let manifest = match self.cache.get(name) {
            Some(manifest) => manifest,
            None => {
                let length = sealed_bytes(8 + 32 * chunks_of(size) as usize) as u64;
                self.open_manifest(id, name, length).await?
            }
        };
        if manifest.size != size {
            return Err(BlobError::Damaged("the blob has another size".into()));
        }
        Ok(manifest)
    }

    /// The manifest of a blob, whose object has so many bytes.
    pub(crate) async fn open_manifest(
        self: &Arc<Self>,
        id: BlobId,
        name: Name,
        length: u64,
    ) -> Result<Manifest, BlobError> {
        let sealed = self.objects.get(Object::whole(name), 0..length).await?;
        let inner = Arc::clone(self);
        let opened = self.work(move || inner.key.open(Content::Manifest, &id.0, &sealed)).await?;
        let opened = opened.map_err(|cause| damaged("a manifest", cause))?;
        let manifest = Manifest::decode(&opened)
            .ok_or_else(|| BlobError::Damaged("a manifest makes no sense".into()))?;
        self.cache.insert(name, manifest.clone());
        Ok(manifest)
    }

    async fn fetch(&self, name: Name, piece: &Piece) -> Result<Bytes, BlobError> {
        match self.objects.get(piece.object, piece.sealed.clone()).await {
            Err(BlobError::NotFound) if piece.object != Object::whole(name) => {
                // Removed while it was read, or since its manifest was; or a chunk was lost.
                match self.objects.length(Object::whole(name)).await? {
                    None => {
                        self.cache.remove(name);
                        Err(BlobError::NotFound)
                    }
                    Some(_) => Err(BlobError::Damaged("a chunk is missing".into())),
                }
            }
            fetched => fetched,
        }
    }

    pub(crate) async fn load_empty(self: &Arc<Self>, id: BlobId) -> Result<Bytes, BlobError> {
        let object = Object::whole(self.key.name(&id.0));
        let sealed = self.objects.get(object, 0..sealed_bytes(0) as u64).await?;
        let opened = self.key.open(Content::Chunk, &id.0, &sealed);
        opened.map(Bytes::from).map_err(|cause| damaged("a chunk", cause))
    }
}

pub(crate) fn damaged(what: &str, cause: UnsealError) -> BlobError {
    BlobError::Damaged(format!("{what} does not open: {cause}"))
}
