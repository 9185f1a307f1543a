//! The one who knows place, spool and keys, and how much goes on at once.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keys::BlobKey;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::cache::Cache;
use crate::far::Far;
use crate::gate::{Gate, Share};
use crate::place::{Name, Objects, Place};
use crate::rules::Part;
use crate::serve::SERVED_AT_ONCE_MAX;
use crate::spool::{Expired, Spool, UploadKey, Usage};
use crate::{BlobError, OpenError, PartError};

/// Calls that may be under way, each with half a megabyte of a part in hand, or two megabytes of a
/// range, sealed and open. Protects memory: beyond it a caller is told to come back.
pub const REQUESTS_AT_ONCE_MAX: usize = 256;
/// Assemblies that copy at once: each holds a few chunks, and keeps the place busy.
const ASSEMBLIES_AT_ONCE: usize = 4;
/// Assemblies that wait for that, with nothing in hand. Parts and ranges have leave of their own:
/// they go on while large files wait in line.
const ASSEMBLIES_WAITING_MAX: usize = 256;
/// Blocking threads at once. More than processors, since most of the time a disk is waited for.
const WORKERS: usize = 8;

/// What blobs need to be opened.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where blobs lie.
    pub place: Place,
    /// The directory of unfinished uploads, on this machine. On the file system of a place that is
    /// a directory, nothing is copied.
    pub spool: PathBuf,
    /// The directory of what is loaded from other nodes, on this machine, until it is whole. On the
    /// file system of a place that is a directory, nothing is copied.
    pub far: PathBuf,
    /// How much may wait there, and in the spool.
    pub bounds: Bounds,
}

/// How much may wait on this machine. A part counts for at least 16 KiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes in unfinished uploads of one owner. Default 4 GiB: two files of the largest size.
    pub owner_bytes_max: u64,
    /// Unfinished uploads of one owner. Default 256: an album and more, at once.
    pub owner_uploads_max: usize,
    /// Bytes in unfinished uploads of all. Default 32 GiB.
    pub spool_bytes_max: u64,
    /// What the spool's disk keeps free. Default 1 GiB: the store needs to write, whatever comes.
    pub free_bytes_min: u64,
    /// How long an upload waits after its last part. Default a day.
    pub keep: Duration,
    /// Bytes of blobs of other nodes that are here in part: beyond, those go that were read the
    /// longest ago. Default 10 GiB.
    pub far_bytes_max: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            owner_bytes_max: 4 << 30,
            owner_uploads_max: 256,
            spool_bytes_max: 32 << 30,
            free_bytes_min: 1 << 30,
            keep: Duration::from_secs(24 * 60 * 60),
            far_bytes_max: 10 << 30,
        }
    }
}

/// What clients upload and download. Clones are the same.
#[derive(Debug, Clone)]
pub struct Blobs(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) key: BlobKey,
    pub(crate) objects: Objects,
    pub(crate) spool: Spool,
    pub(crate) names: Arc<Gate<Name>>,
    pub(crate) uploads: Arc<Gate<UploadKey>>,
    pub(crate) cache: Cache,
    pub(crate) far: Far,
    pub(crate) serves: Semaphore,
    pub(crate) assemblies: Semaphore,
    workers: Arc<Semaphore>,
    requests: Arc<Semaphore>,
    pub(crate) waiting: Arc<Semaphore>,
}

/// While it lives, nobody removes the blob.
#[derive(Debug)]
pub struct Pin {
    _share: Share<Name>,
}

impl Pin {
    pub(crate) fn new(share: Share<Name>) -> Self {
        Self { _share: share }
    }
}

impl Blobs {
    /// Opens spool and place, and tries an object in the place.
    ///
    /// # Errors
    /// See [`OpenError`]; each says what the operator can do about it.
    pub async fn open(setup: Setup, key: BlobKey) -> Result<Self, OpenError> {
        let objects = Objects::open(&setup.place, &key.mark()).await?;
        let Setup { spool: path, far, bounds, .. } = setup;
        let failed = |cause| OpenError::Directory { path: path.clone(), cause };
        let root = path.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let (bytes_max, free_bytes_min) = (bounds.far_bytes_max, bounds.free_bytes_min);
            let opened = Far::open(far.clone(), bytes_max, free_bytes_min);
            let opened = opened.map_err(|cause| OpenError::Directory { path: far, cause })?;
            let spool = Spool::open(root.clone(), bounds, &key);
            let spool = spool.map_err(|cause| OpenError::Directory { path: root, cause })?;
            Ok::<_, OpenError>((opened, spool, key))
        });
        let (far, spool, key) = opened.await.map_err(|cause| failed(io::Error::other(cause)))??;
        Ok(Self(Arc::new(Inner {
            key,
            objects,
            spool,
            names: Gate::new(),
            uploads: Gate::new(),
            cache: Cache::default(),
            far,
            serves: Semaphore::new(SERVED_AT_ONCE_MAX),
            assemblies: Semaphore::new(ASSEMBLIES_AT_ONCE),
            workers: Arc::new(Semaphore::new(WORKERS)),
            requests: Arc::new(Semaphore::new(REQUESTS_AT_ONCE_MAX)),
            waiting: Arc::new(Semaphore::new(ASSEMBLIES_WAITING_MAX)),
        })))
    }

    /// Saves a part; once this returns, it survives a power cut.
    ///
    /// Parts come in any order, at the same time, and again: the last one wins. An upload expires
    /// [`Bounds::keep`] after its last part came, `now`.
    ///
    /// # Errors
    /// See [`PartError`].
    pub async fn save_part(&self, part: Part, now: SystemTime) -> Result<(), PartError> {
        part.check()?;
        let request = self.0.request().ok_or(PartError::Busy)?;
        let share = self.0.uploads.share(UploadKey::of(&part)).await;
        let inner = Arc::clone(&self.0);
        let saved = self.0.work(move || {
            // Held until the work is done, though its caller may be gone by then.
            let _held = (request, share);
            inner.spool.save(&part, now, &inner.key)
        });
        saved.await?
    }

    /// Ends the uploads whose time is over, or with `dry_run` says which would end.
    ///
    /// # Errors
    /// That of the spool; what was not removed is found by the next call.
    pub async fn expire(&self, now: SystemTime, dry_run: bool) -> Result<Expired, BlobError> {
        let mut expired = Expired::default();
        for key in self.0.spool.due(now) {
            // One that is being added to or assembled is not over.
            let Some(owner) = self.0.uploads.try_own_alone(key) else { continue };
            let inner = Arc::clone(&self.0);
            let work = self.0.work(move || {
                let _owner = owner;
                inner.spool.end(key, now, dry_run)
            });
            let bytes = work.await??;
            if let Some(bytes) = bytes {
                expired.uploads += 1;
                expired.bytes += bytes;
            }
        }
        Ok(expired)
    }

    /// What waits in the spool.
    pub fn usage(&self) -> Usage {
        self.0.spool.usage()
    }
}

impl Inner {
    /// Leave to begin a call, if there are not too many.
    pub(crate) fn request(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.requests).try_acquire_owned().ok()
    }

    /// Runs what blocks or computes on a thread for that, a few at once.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let permit = Arc::clone(&self.workers).acquire_owned().await.map_err(io::Error::other)?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.map_err(io::Error::other)
    }
}
