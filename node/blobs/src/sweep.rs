//! What nobody refers to goes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt as _, TryStreamExt as _};
use keys::{Content, SEALED_HEADER_BYTES, plaintext_bytes};

use crate::blobs::Inner;
use crate::gate::{Owner, Watch};
use crate::id::{BlobId, CHUNKS_MAX, hex};
use crate::place::{Leftover, Name, Object, seconds};
use crate::{BlobError, Blobs};

/// Orphans of one sweep. Protects memory: there is a next sweep.
const ORPHANS_MAX: usize = 100_000;
/// Objects of one blob that are deleted at once.
const DELETIONS_AT_ONCE: usize = 8;

/// What became of a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// Somebody holds a [`Pin`](crate::Pin), or puts it right now.
    Pinned,
    /// The caller found a reference to it.
    Referred,
    /// It was not there.
    Absent,
}

/// Objects in the place that belong to no blob that the caller refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    name: Name,
    /// Bytes of its objects.
    pub bytes: u64,
    /// Whether it is a blob. Otherwise it is what a crash left of one, or what was loaded of one
    /// from another node.
    pub whole: bool,
    /// One more than the highest index of a chunk.
    chunks: u16,
    newest_s: u64,
}

impl Orphan {
    fn new(name: Name) -> Self {
        Self { name, bytes: 0, whole: false, chunks: 0, newest_s: 0 }
    }

    /// Its name in the place, 64 hex digits.
    pub fn name(&self) -> String {
        hex(&self.name)
    }
}

/// What a sweep found, or removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Orphans {
    /// By name.
    pub orphans: Vec<Orphan>,
    /// Bytes of files that a killed process was writing to a directory.
    pub leftover_bytes: u64,
    /// Whether there is more than one sweep can hold.
    pub more: bool,
}

/// Looks for what nobody refers to. To be begun before the caller lists what it refers to: whatever
/// is pinned at its beginning or later is spared.
#[derive(Debug)]
pub struct Sweep {
    inner: Arc<Inner>,
    watch: Watch<Name>,
    known: HashSet<[u8; 16]>,
}

impl Blobs {
    /// Begins a sweep.
    pub fn sweep(&self) -> Sweep {
        let watch = self.0.names.watch();
        Sweep { inner: Arc::clone(&self.0), watch, known: HashSet::new() }
    }

    /// Removes a blob, unless somebody holds it. `referred` is asked once nobody can take a pin any
    /// more: whether there is a reference to it after all.
    ///
    /// # Errors
    /// That of the place. The blob is gone or whole; what is left of one that is gone is swept.
    pub async fn remove(
        &self,
        id: BlobId,
        referred: impl FnOnce() -> bool + Send + 'static,
    ) -> Result<Removal, BlobError> {
        let name = self.0.key.name(&id.0);
        let Some(owner) = self.0.names.try_own_alone(name) else { return Ok(Removal::Pinned) };
        let inner = Arc::clone(&self.0);
        // A task of its own: see `gate.rs`.
        let task = tokio::spawn(async move {
            if referred() {
                return Ok(Removal::Referred);
            }
            inner.remove(&owner, name).await
        });
        task.await.map_err(|cause| BlobError::Io(std::io::Error::other(cause)))?
    }
}

impl Sweep {
    /// Tells a blob that the caller refers to.
    pub fn know(&mut self, id: BlobId) {
        let name = self.inner.key.name(&id.0);
        self.known.insert(short(name));
    }

    /// What was not written for `grace`, is not known, and was not pinned since the sweep began. The
    /// dry run of [`Sweep::remove`].
    ///
    /// `grace` is about what crashes leave: a blob whose reference was not stored, of which its client
    /// may be told again until the upload expires. So it is to be longer than
    /// [`Bounds::keep`](crate::Bounds::keep).
    ///
    /// # Errors
    /// That of the place.
    pub async fn find(&self, now: SystemTime, grace: Duration) -> Result<Orphans, BlobError> {
        let before_s = seconds(now).saturating_sub(grace.as_secs());
        let mut found: HashMap<Name, Orphan> = HashMap::new();
        let mut more = false;
        let mut listing = self.inner.objects.list();
        while let Some(listed) = listing.try_next().await? {
            let name = listed.object.name;
            if self.known.contains(&short(name)) || self.watch.saw(name) {
                continue;
            }
            if found.len() >= ORPHANS_MAX && !found.contains_key(&name) {
                more = true;
                continue;
            }
            let orphan = found.entry(name).or_insert_with(|| Orphan::new(name));
            orphan.bytes += listed.bytes;
            orphan.newest_s = orphan.newest_s.max(listed.written_s);
            match listed.object.chunk {
                None => orphan.whole = true,
                Some(index) => orphan.chunks = orphan.chunks.max(index.saturating_add(1)),
            }
        }
        for partial in self.inner.partly_here() {
            let name = partial.name;
            if self.known.contains(&short(name)) || self.watch.saw(name) {
                continue;
            }
            let orphan = found.entry(name).or_insert_with(|| Orphan::new(name));
            orphan.bytes += partial.bytes;
            orphan.newest_s = orphan.newest_s.max(partial.newest_s);
        }
        let mut orphans: Vec<Orphan> =
            found.into_values().filter(|orphan| orphan.newest_s < before_s).collect();
        orphans.sort_unstable_by_key(|orphan| orphan.name);
        let leftover_bytes = self.leftovers(before_s).await?.iter().map(|file| file.bytes).sum();
        Ok(Orphans { orphans, leftover_bytes, more })
    }

    /// Removes what [`Sweep::find`] finds, and answers what it removed. May be stopped, and called
    /// again.
    ///
    /// # Errors
    /// That of the place.
    pub async fn remove(&self, now: SystemTime, grace: Duration) -> Result<Orphans, BlobError> {
        let found = self.find(now, grace).await?;
        let mut removed = Orphans { more: found.more, ..Orphans::default() };
        for orphan in found.orphans {
            let Some(owner) = self.inner.names.try_own_alone(orphan.name) else { continue };
            // It may have been pinned, and let go with a reference, since it was found.
            if self.watch.saw(orphan.name) {
                continue;
            }
            let inner = Arc::clone(&self.inner);
            let (name, chunks) = (orphan.name, orphan.chunks);
            let task = tokio::spawn(async move { inner.delete(&owner, name, chunks).await });
            task.await.map_err(|cause| BlobError::Io(std::io::Error::other(cause)))??;
            removed.orphans.push(orphan);
        }
        let before_s = seconds(now).saturating_sub(grace.as_secs());
        for leftover in self.leftovers(before_s).await? {
            // A clock may have jumped: what is being written now is not left over.
            let Some(owner) = self.inner.names.try_own_alone(leftover.name) else { continue };
            let gone = self.inner.work(move || {
                let _owner = owner;
                std::fs::remove_file(leftover.path)
            });
            match gone.await? {
                Ok(()) => removed.leftover_bytes += leftover.bytes,
                // The write came to its end after it was listed.
                Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {}
                Err(cause) => return Err(cause.into()),
            }
        }
        Ok(removed)
    }

    async fn leftovers(&self, before_s: u64) -> Result<Vec<Leftover>, BlobError> {
        let inner = Arc::clone(&self.inner);
        let found = self.inner.work(move || inner.objects.leftovers(before_s, ORPHANS_MAX));
        Ok(found.await??)
    }
}

/// Half of a keyed hash: two of 2^40 names meet with a chance of 2^-49, and one of them stays then.
fn short(name: Name) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&name[..16]);
    short
}

impl Inner {
    async fn remove(
        self: &Arc<Self>,
        owner: &Owner<Name>,
        name: Name,
    ) -> Result<Removal, BlobError> {
        let whole = Object::whole(name);
        let had_some = self.forget_partly(name).await;
        let Some(length) = self.objects.length(whole).await? else {
            return Ok(if had_some { Removal::Removed } else { Removal::Absent });
        };
        let header = SEALED_HEADER_BYTES as u64;
        let content = match length >= header {
            true => Content::of_sealed(&self.objects.get(whole, 0..header).await?).ok(),
            false => None,
        };
        let chunks = match (content, plaintext_bytes(length as usize)) {
            (Some(Content::Manifest), Some(bytes)) => {
                (bytes.saturating_sub(8) / 32).min(CHUNKS_MAX)
            }
            // One chunk; or damaged, and its chunks are for the sweep.
            _ => 0,
        };
        self.delete(owner, name, chunks as u16).await?;
        Ok(Removal::Removed)
    }

    /// What makes it whole goes first: what is left after a crash is no blob.
    async fn delete(
        self: &Arc<Self>,
        _owner: &Owner<Name>,
        name: Name,
        chunks: u16,
    ) -> Result<(), BlobError> {
        self.forget_partly(name).await;
        self.cache.remove(name);
        self.objects.delete(Object::whole(name)).await?;
        let deletions = (0..chunks).map(|index| self.objects.delete(Object::chunk(name, index)));
        let deletions = futures_util::stream::iter(deletions).buffer_unordered(DELETIONS_AT_ONCE);
        // All of them, also after an error: none may still be under way when the name is given up.
        let failed = deletions.filter_map(async |done| done.err()).collect::<Vec<_>>().await;
        failed.into_iter().next().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use bytes::Bytes;
    use keys::{BlobKey, MasterKey};

    use super::*;
    use crate::id::{CHUNK_BYTES, Manifest};
    use crate::write::{Given, pieces};
    use crate::{Bounds, Place, Setup};

    /// Content that comes while its removal is under way is written again, not taken for present.
    #[tokio::test]
    async fn content_that_returns_waits_for_its_removal() {
        let directory = tempfile::tempdir().unwrap();
        let setup = Setup {
            place: Place::Directory(directory.path().join("place")),
            spool: directory.path().join("spool"),
            far: directory.path().join("far"),
            bounds: Bounds::default(),
        };
        let key = BlobKey::derive(&MasterKey::from_file_bytes(&[1; 32]).unwrap());
        let blobs = Blobs::open(setup, key).await.unwrap();
        for length in [100, CHUNK_BYTES + 1] {
            let content = Bytes::from(vec![7; length]);
            let blob = blobs.put(content.clone()).await.unwrap();
            let (id, size) = (blob.id, blob.size);
            drop(blob);
            let name = blobs.0.key.name(&id.0);
            let removal = blobs.0.names.try_own_alone(name).unwrap();
            let chunks = pieces(&content).map(|chunk| Content::Chunk.hash(&chunk)).collect();
            let (manifest, given) = (Manifest { size, chunks }, Given::Bytes(content.clone()));
            let mut write = pin!(blobs.0.write(manifest, given));
            let look = write.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(look.is_pending());
            assert!(!blobs.0.names.watch().saw(name), "no pin before it owns the name");
            assert_eq!(blobs.0.remove(&removal, name).await.unwrap(), Removal::Removed);
            drop(removal);
            let again = write.await.unwrap();
            assert_eq!(again.id, id);
            assert!(blobs.load(id, size, length).await.unwrap() == content);
        }
    }
}
