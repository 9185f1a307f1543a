//! Other nodes, as far as blobs see them: each gives, lies or is silent, and all that is asked is
//! noted.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use blobs::{
    Assembled, BlobError, BlobId, Blobs, CHUNK_BYTES, Fetching, Holder, Manifest, Source,
    Unreachable, Wanted,
};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// What an other node does.
#[derive(Debug, Clone)]
pub(crate) enum Does {
    /// What it is for.
    Gives(Blobs),
    /// Gives chunks and manifests with a wrong bit.
    Lies(Blobs),
    /// Gives chunks that are too long.
    Floods,
    /// Does not have it.
    Lacks,
    /// Is not there.
    Gone,
    /// Never answers.
    Silent,
}

/// All of them: number `n` has the name of 32 times `n`.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    nodes: Mutex<Vec<Does>>,
    /// How often each chunk was asked for; manifests under `None`.
    asked: Mutex<BTreeMap<Option<u32>, usize>>,
    bad: Mutex<Vec<u8>>,
    /// Leave to answer.
    leave: Semaphore,
    running: AtomicUsize,
    most: AtomicUsize,
}

pub(crate) fn holder(number: u8) -> Holder {
    Holder([number; 32])
}

pub(crate) fn wanted(blob: &Assembled) -> Wanted {
    Wanted { blob: blob.id, size: blob.size, owner: 7 }
}

impl Elsewhere {
    pub(crate) fn new(nodes: impl Into<Vec<Does>>) -> Arc<Self> {
        Arc::new(Self {
            nodes: Mutex::new(nodes.into()),
            asked: Mutex::default(),
            bad: Mutex::default(),
            leave: Semaphore::new(Semaphore::MAX_PERMITS),
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        })
    }

    /// From now on, others do this.
    pub(crate) fn become_(&self, nodes: impl Into<Vec<Does>>) {
        *self.nodes.lock() = nodes.into();
    }

    /// No chunk is answered until [`Elsewhere::release`].
    pub(crate) fn hold(&self) {
        self.leave.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(crate) fn release(&self) {
        self.leave.add_permits(Semaphore::MAX_PERMITS);
    }

    /// Takes note of what was asked so far: chunks by their number, and how often.
    pub(crate) fn chunks(&self) -> BTreeMap<u32, usize> {
        let asked = self.asked.lock();
        asked.iter().filter_map(|(what, often)| what.map(|index| (index, *often))).collect()
    }

    pub(crate) fn manifests(&self) -> usize {
        self.asked.lock().get(&None).copied().unwrap_or(0)
    }

    pub(crate) fn forget(&self) {
        self.asked.lock().clear();
        self.bad.lock().clear();
    }

    /// The numbers of those who were found out, as often as they were.
    pub(crate) fn bad(&self) -> Vec<u8> {
        self.bad.lock().clone()
    }

    /// Chunks that are being asked for, and the most that ever were.
    pub(crate) fn running(&self) -> (usize, usize) {
        (self.running.load(Ordering::SeqCst), self.most.load(Ordering::SeqCst))
    }

    fn node(&self, holder: Holder) -> Does {
        self.nodes.lock().get(usize::from(holder.0[0])).cloned().unwrap_or(Does::Gone)
    }
}

fn given<T>(answer: Result<Option<T>, BlobError>) -> Result<Option<T>, Unreachable> {
    answer.map_err(|_| Unreachable)
}

impl Source for Elsewhere {
    fn holders(&self, wanted: &Wanted) -> Vec<Holder> {
        assert_eq!(wanted.owner, 7);
        (0..self.nodes.lock().len()).map(|number| holder(number as u8)).collect()
    }

    fn manifest(&self, holder: Holder, blob: BlobId) -> Fetching<'_, Manifest> {
        *self.asked.lock().entry(None).or_default() += 1;
        Box::pin(async move {
            match self.node(holder) {
                Does::Gives(blobs) => given(blobs.manifest(blob).await),
                Does::Lies(blobs) => {
                    let manifest = given(blobs.manifest(blob).await)?;
                    Ok(manifest.map(|manifest| Manifest { size: manifest.size ^ 1, ..manifest }))
                }
                Does::Floods => Ok(Some(Manifest { size: 1, chunks: vec![[0; 32]; 9000].into() })),
                Does::Lacks => Ok(None),
                Does::Gone => Err(Unreachable),
                Does::Silent => pending().await,
            }
        })
    }

    fn chunk(&self, holder: Holder, blob: BlobId, index: u32) -> Fetching<'_, Bytes> {
        *self.asked.lock().entry(Some(index)).or_default() += 1;
        Box::pin(async move {
            let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(running, Ordering::SeqCst);
            drop(self.leave.acquire().await);
            let answer = match self.node(holder) {
                Does::Gives(blobs) => given(blobs.chunk(blob, index).await),
                Does::Lies(blobs) => given(blobs.chunk(blob, index).await).map(|chunk| {
                    chunk.map(|chunk| {
                        let mut chunk = chunk.to_vec();
                        chunk[0] ^= 1;
                        chunk.into()
                    })
                }),
                Does::Floods => Ok(Some(vec![0; CHUNK_BYTES + 1].into())),
                Does::Lacks => Ok(None),
                Does::Gone => Err(Unreachable),
                Does::Silent => pending().await,
            };
            self.running.fetch_sub(1, Ordering::SeqCst);
            answer
        })
    }

    fn bad(&self, holder: Holder, _blob: BlobId) {
        self.bad.lock().push(holder.0[0]);
    }
}
