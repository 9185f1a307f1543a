//! What connections share of files: where their bytes are, who makes pictures, what to clear away.

use std::collections::VecDeque;

use blobs::Blobs;
use bytes::Bytes;
use node_core::{BlobId, Core};
use parking_lot::Mutex;
use pictures::{Limits, Photo, Studio, StudioError};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Pictures that are loaded at once. Protects memory: 10 MB each, and fewer than a studio takes.
const LOADS_AT_ONCE: usize = 6;

/// Calls that wait for that. Beyond, a client is told to come back.
const WAITING_MAX: usize = 256;

/// Bytes of uploads that became nothing, or only pictures, and are kept for a client that has lost
/// the answer and names them again. Protects the disk: none of it counts against a quota.
const LEFTOVER_BYTES_MAX: u64 = 256 << 20;

/// Blobs of them.
const LEFTOVERS_MAX: usize = 4096;

/// Files behind every connection.
pub(crate) struct Files {
    pub(crate) blobs: Blobs,
    studio: Studio,
    waiting: Semaphore,
    loads: Semaphore,
    leftovers: Mutex<Leftovers>,
}

#[derive(Debug, Default)]
struct Leftovers {
    /// The oldest first, with their bytes.
    queue: VecDeque<(BlobId, u64)>,
    bytes: u64,
}

/// Leave to load a picture and to have it worked on.
pub(crate) struct Turn<'a> {
    studio: &'a Studio,
    _waiting: SemaphorePermit<'a>,
    _load: SemaphorePermit<'a>,
}

impl Files {
    pub(crate) fn new(blobs: Blobs, studio: Studio) -> Self {
        Self {
            blobs,
            studio,
            waiting: Semaphore::new(WAITING_MAX),
            loads: Semaphore::new(LOADS_AT_ONCE),
            leftovers: Mutex::default(),
        }
    }

    /// Waits for leave to load a picture; `None` if too many do.
    pub(crate) async fn turn(&self) -> Option<Turn<'_>> {
        let waiting = self.waiting.try_acquire().ok()?;
        let load = self.loads.acquire().await.ok()?;
        Some(Turn { studio: &self.studio, _waiting: waiting, _load: load })
    }

    /// Takes blobs that nobody may refer to; removes the oldest of them, unless somebody does.
    pub(crate) fn leave(&self, core: &Core, left: Vec<(BlobId, u64)>) {
        let gone = self.leftovers.lock().add(left);
        if gone.is_empty() {
            return;
        }
        let (core, blobs) = (core.clone(), self.blobs.clone());
        tokio::spawn(async move {
            for blob in gone {
                let core = core.clone();
                // What cannot be looked up stays: a sweep finds it.
                let referred = move || core.is_blob_known(&blob).unwrap_or(true);
                if let Err(cause) = blobs.remove(blobs::BlobId(blob.0), referred).await {
                    tracing::warn!(%cause, "an upload that became nothing was not removed");
                }
            }
        });
    }
}

impl Leftovers {
    fn add(&mut self, left: Vec<(BlobId, u64)>) -> Vec<BlobId> {
        for (blob, size) in left {
            self.bytes += size;
            self.queue.push_back((blob, size));
        }
        let mut gone = Vec::new();
        while self.bytes > LEFTOVER_BYTES_MAX || self.queue.len() > LEFTOVERS_MAX {
            let Some((blob, size)) = self.queue.pop_front() else { break };
            self.bytes -= size;
            gone.push(blob);
        }
        gone
    }
}

impl Turn<'_> {
    /// See [`pictures::photo`].
    pub(crate) async fn photo(&self, bytes: Bytes) -> Result<Photo, StudioError> {
        self.studio.photo(bytes, Limits::PHOTO).await
    }

    /// See [`pictures::profile`].
    pub(crate) async fn profile(&self, bytes: Bytes) -> Result<Photo, StudioError> {
        self.studio.profile(bytes, Limits::PHOTO).await
    }

    /// See [`pictures::thumbnail`].
    pub(crate) async fn thumbnail(
        &self,
        bytes: Bytes,
        limits: Limits,
    ) -> Result<Photo, StudioError> {
        self.studio.thumbnail(bytes, limits).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_are_bounded_by_bytes_and_number() {
        let mut left = Leftovers::default();
        let blob = |n: u8| BlobId([n; 32]);
        assert!(left.add(vec![(blob(1), LEFTOVER_BYTES_MAX - 1), (blob(2), 1)]).is_empty());
        assert_eq!(left.add(vec![(blob(3), 1)]), [blob(1)]);
        assert_eq!(left.add(vec![(blob(4), LEFTOVER_BYTES_MAX + 1)]).len(), 3);
        assert_eq!((left.bytes, left.queue.len()), (0, 0));
        let many = (0..=LEFTOVERS_MAX).map(|_| (blob(5), 0)).collect();
        assert_eq!(left.add(many).len(), 1);
    }
}
