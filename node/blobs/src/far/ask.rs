//! Asks one holder after another, and checks what they give.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use keys::Content;

use super::source::{Fetching, Holder, Source, Wanted};
use crate::blobs::Inner;
use crate::id::{CHUNK_BYTES, Manifest, chunk_bytes, chunks_of};

/// How long one holder has for one answer: half a megabyte over a slow line.
pub const ASK_WITHIN: Duration = Duration::from_secs(10);
/// Holders that are asked for one thing.
const HOLDERS_MAX: usize = 8;

/// Why nothing came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// Nobody has it.
    NotFound,
    /// Somebody who may have it did not answer.
    Unreachable,
}

/// A chunk that is what was asked for.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) plaintext: Bytes,
    pub(super) sealed: Vec<u8>,
}

/// One round of holders.
struct Round<'a> {
    source: &'a dyn Source,
    wanted: &'a Wanted,
    holders: std::iter::Take<std::vec::IntoIter<Holder>>,
    failed: Failed,
}

impl<'a> Round<'a> {
    fn new(source: &'a dyn Source, wanted: &'a Wanted) -> Self {
        let holders = source.holders(wanted).into_iter().take(HOLDERS_MAX);
        Self { source, wanted, holders, failed: Failed::NotFound }
    }

    /// What one holder gives, if it gives something in time.
    async fn hear<T>(&mut self, fetching: Fetching<'_, T>) -> Option<T> {
        match tokio::time::timeout(ASK_WITHIN, fetching).await {
            Ok(Ok(given)) => given,
            Ok(Err(_)) | Err(_) => {
                self.failed = Failed::Unreachable;
                None
            }
        }
    }

    fn bad(&self, holder: Holder) {
        let (holder_start, blob) = (crate::id::hex(&holder.0[..8]), self.wanted.blob);
        tracing::warn!(holder = holder_start, ?blob, "gave another content");
        self.source.bad(holder, blob);
    }
}

impl Inner {
    /// A manifest that has the blob's name.
    pub(super) async fn ask_manifest(
        &self,
        source: &dyn Source,
        wanted: &Wanted,
    ) -> Result<Manifest, Failed> {
        let mut round = Round::new(source, wanted);
        while let Some(holder) = round.holders.next() {
            let asked = source.manifest(holder, wanted.blob);
            let Some(manifest) = round.hear(asked).await else { continue };
            let fits = manifest.chunks.len() as u64 == chunks_of(manifest.size);
            if !fits || manifest.id() != wanted.blob {
                round.bad(holder);
                continue;
            }
            // True, and not what was shown: whoever showed it was wrong.
            return if manifest.size == wanted.size { Ok(manifest) } else { Err(Failed::NotFound) };
        }
        Err(round.failed)
    }

    /// A chunk that has a hash, sealed as well: to seal is to hash.
    pub(super) async fn ask_chunk(
        self: &Arc<Self>,
        source: &dyn Source,
        wanted: &Wanted,
        index: u16,
        hash: [u8; 32],
    ) -> Result<Checked, Failed> {
        let mut round = Round::new(source, wanted);
        while let Some(holder) = round.holders.next() {
            let asked = source.chunk(holder, wanted.blob, u32::from(index));
            let Some(plaintext) = round.hear(asked).await else { continue };
            if plaintext.len() > CHUNK_BYTES {
                round.bad(holder);
                continue;
            }
            let (inner, content) = (Arc::clone(self), plaintext.clone());
            let sealed = self.work(move || inner.key.seal(Content::Chunk, &content));
            let Ok((found, sealed)) = sealed.await else { return Err(Failed::Unreachable) };
            if found != hash {
                round.bad(holder);
                continue;
            }
            // As with a manifest: the hash is right, the size that was told is not.
            let fits = plaintext.len() == chunk_bytes(wanted.size, index.into());
            return if fits { Ok(Checked { plaintext, sealed }) } else { Err(Failed::NotFound) };
        }
        Err(round.failed)
    }
}
