//! Asks one holder after another, and checks what they give.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use keys::Content;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::source::{Fetching, Holder, Source, Wanted};
use crate::blobs::Inner;
use crate::id::{CHUNK_BYTES, Manifest, chunk_bytes, chunks_of};

/// How long one holder has for one answer: half a megabyte over a slow line.
pub const ASK_WITHIN: Duration = Duration::from_secs(10);
/// Holders that are asked for one thing.
const HOLDERS_MAX: usize = 8;
/// Chunks and manifests that are fetched at once. Protects memory, one megabyte each, and the line.
pub const FETCHES_AT_ONCE: usize = 16;
/// Of one holder: one that is silent holds up only its own.
const OF_HOLDER_AT_ONCE: usize = 8;
/// Holders that were asked, before those are forgotten who are not asked now.
const HOLDERS_KNOWN_MAX: usize = 1024;

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
    /// Held until it is kept: what is in memory counts as being fetched.
    pub(super) turn: Option<Turn>,
}

/// Leave to ask a holder.
#[derive(Debug)]
pub(super) struct Turn {
    _holder: OwnedSemaphorePermit,
    _fetch: OwnedSemaphorePermit,
}

/// Who waits for leave to ask.
#[derive(Debug)]
pub(super) struct Turns {
    holders: Mutex<HashMap<Holder, Arc<Semaphore>>>,
    fetches: Arc<Semaphore>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { holders: Mutex::default(), fetches: Arc::new(Semaphore::new(FETCHES_AT_ONCE)) }
    }

    /// A turn with one holder. In this order: who waits for one that is slow keeps nobody else
    /// waiting.
    async fn take(&self, holder: Holder) -> Option<Turn> {
        let line = {
            let mut holders = self.holders.lock();
            if holders.len() > HOLDERS_KNOWN_MAX {
                holders.retain(|_, line| Arc::strong_count(line) > 1);
            }
            let line = holders.entry(holder);
            Arc::clone(line.or_insert_with(|| Arc::new(Semaphore::new(OF_HOLDER_AT_ONCE))))
        };
        let _holder = line.acquire_owned().await.ok()?;
        let _fetch = Arc::clone(&self.fetches).acquire_owned().await.ok()?;
        Some(Turn { _holder, _fetch })
    }
}

/// One round of holders.
struct Round<'a, W> {
    source: &'a dyn Source,
    wanted: &'a Wanted,
    holders: std::iter::Take<std::vec::IntoIter<Holder>>,
    /// Asked before the first: who gave up while this waited for its turn wants nothing.
    is_wanted: Option<W>,
    turns: &'a Turns,
    turn: Option<Turn>,
    failed: Failed,
}

impl<'a, W: FnOnce() -> bool> Round<'a, W> {
    fn new(turns: &'a Turns, source: &'a dyn Source, wanted: &'a Wanted, is_wanted: W) -> Self {
        let holders = source.holders(wanted).into_iter().take(HOLDERS_MAX);
        let (is_wanted, turn, failed) = (Some(is_wanted), None, Failed::NotFound);
        Self { source, wanted, holders, is_wanted, turns, turn, failed }
    }

    /// Whom to ask now.
    async fn next(&mut self) -> Option<Holder> {
        self.turn = None;
        let holder = self.holders.next()?;
        self.turn = self.turns.take(holder).await;
        if self.is_wanted.take().is_some_and(|is_wanted| !is_wanted()) {
            self.failed = Failed::Unreachable;
            return None;
        }
        Some(holder)
    }

    /// What the holder gives, if it gives something in time.
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
        is_wanted: impl FnOnce() -> bool,
    ) -> Result<Manifest, Failed> {
        let mut round = Round::new(&self.far.turns, source, wanted, is_wanted);
        while let Some(holder) = round.next().await {
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
        is_wanted: impl FnOnce() -> bool,
    ) -> Result<Checked, Failed> {
        let mut round = Round::new(&self.far.turns, source, wanted, is_wanted);
        while let Some(holder) = round.next().await {
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
            if !fits {
                return Err(Failed::NotFound);
            }
            return Ok(Checked { plaintext, sealed, turn: round.turn });
        }
        Err(round.failed)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[tokio::test]
    async fn a_slow_holder_holds_up_only_its_own() {
        let (turns, mut taken) = (Turns::new(), Vec::new());
        for _ in 0..OF_HOLDER_AT_ONCE {
            taken.push(turns.take(Holder([1; 32])).await.unwrap());
        }
        let mut waits = pin!(turns.take(Holder([1; 32])));
        assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        for number in 2..=FETCHES_AT_ONCE - OF_HOLDER_AT_ONCE + 1 {
            taken.push(turns.take(Holder([number as u8; 32])).await.unwrap());
        }
        let mut over = pin!(turns.take(Holder([99; 32])));
        assert!(over.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        taken.pop();
        assert!(over.await.is_some());
        taken.remove(0);
        assert!(waits.await.is_some());
        for number in 0..2 * HOLDERS_KNOWN_MAX {
            let mut holder = [7; 32];
            holder[..8].copy_from_slice(&number.to_be_bytes());
            taken.clear();
            taken.push(turns.take(Holder(holder)).await.unwrap());
            assert!(turns.holders.lock().len() <= HOLDERS_KNOWN_MAX + 1);
        }
    }
}
