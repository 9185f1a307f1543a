//! What other nodes are given of blobs: what is here, and nothing that would have to be fetched.
//!
//! A blob's id is what it takes to have it: who knows it was shown the file.

use std::sync::Arc;

use bytes::Bytes;
use keys::{Content, SEALED_HEADER_BYTES, plaintext_bytes};

use crate::blobs::Inner;
use crate::id::{BlobId, CHUNK_BYTES, Manifest, chunk_bytes};
use crate::place::{Name, Object};
use crate::read::damaged;
use crate::{BlobError, Blobs};

/// Answers to other nodes that are made at once. Protects memory, and what members read.
pub const SERVED_AT_ONCE_MAX: usize = 16;

impl Blobs {
    /// What a blob is made of that is here, all of it or some; `None` if nothing is.
    ///
    /// # Errors
    /// [`BlobError::Busy`] beyond [`SERVED_AT_ONCE_MAX`], or that of the place.
    pub async fn manifest(&self, blob: BlobId) -> Result<Option<Manifest>, BlobError> {
        let _serve = self.0.serves.try_acquire().map_err(|_| BlobError::Busy)?;
        self.0.any_manifest(blob, self.0.key.name(&blob.0)).await
    }

    /// One chunk of a blob, from 0, at most [`CHUNK_BYTES`] long; `None` if it is not here, or the
    /// blob has none of that number.
    ///
    /// # Errors
    /// As [`Blobs::manifest`]; [`BlobError::Damaged`] for what does not open.
    pub async fn chunk(&self, blob: BlobId, index: u32) -> Result<Option<Bytes>, BlobError> {
        let _serve = self.0.serves.try_acquire().map_err(|_| BlobError::Busy)?;
        let name = self.0.key.name(&blob.0);
        let Some(manifest) = self.0.any_manifest(blob, name).await? else { return Ok(None) };
        if u64::from(index) >= manifest.chunks.len() as u64 {
            return Ok(None);
        }
        let length = chunk_bytes(manifest.size, index.into());
        if let Some(kept) = self.0.kept(name, &manifest, index as u16, 0..length).await? {
            return Ok(Some(kept));
        }
        let from = u64::from(index) * CHUNK_BYTES as u64;
        let read = match length {
            0 => self.0.load_empty(blob).await,
            _ => self.0.read(blob, manifest.size, from, length as u32).await,
        };
        match read {
            Ok(chunk) => Ok(Some(chunk)),
            Err(BlobError::NotFound) => Ok(None),
            Err(cause) => Err(cause),
        }
    }
}

impl Inner {
    async fn any_manifest(
        self: &Arc<Self>,
        blob: BlobId,
        name: Name,
    ) -> Result<Option<Manifest>, BlobError> {
        if let Some(manifest) = self.cache.get(name) {
            return Ok(Some(manifest));
        }
        if let Some(manifest) = self.kept_manifest(blob, name).await? {
            return Ok(Some(manifest));
        }
        let whole = Object::whole(name);
        let Some(length) = self.objects.length(whole).await? else { return Ok(None) };
        let makes_no_sense = || BlobError::Damaged("an object makes no sense".into());
        let bytes = plaintext_bytes(length as usize).filter(|bytes| *bytes <= CHUNK_BYTES);
        let bytes = bytes.ok_or_else(makes_no_sense)?;
        let header = self.objects.get(whole, 0..SEALED_HEADER_BYTES as u64).await?;
        let content = Content::of_sealed(&header);
        if content.map_err(|cause| damaged("an object", cause))? == Content::Chunk {
            return Ok(Some(Manifest { size: bytes as u64, chunks: [blob.0].into() }));
        }
        self.open_manifest(blob, name, length).await.map(Some)
    }
}
