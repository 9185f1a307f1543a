//! Where a test takes place: keys, a spool and a place of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use blobs::{Assembled, Blobs, Bounds, Kind, OpenError, Part, PartError, Place, Setup};
use bytes::Bytes;
use keys::{BlobKey, MasterKey};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tempfile::TempDir;

use crate::place::Raw;

/// Later than every file that a test writes, by any clock.
pub(crate) fn late() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1 << 33)
}

pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A moment of a test.
pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

#[derive(Debug)]
pub(crate) struct Ground {
    directory: TempDir,
    place: Place,
    pub(crate) raw: Raw,
    pub(crate) bounds: Bounds,
}

impl Ground {
    pub(crate) fn directory() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::Directory(directory.path().join("place"));
        let raw = Raw::Directory(directory.path().join("place"));
        Self { directory, place, raw, bounds: bounds() }
    }

    pub(crate) fn s3((place, raw): (Place, Raw)) -> Self {
        Self { directory: tempfile::tempdir().unwrap(), place, raw, bounds: bounds() }
    }

    /// The same place, with a fresh spool and other bounds.
    pub(crate) fn with(&self, bounds: Bounds) -> Self {
        let (place, raw) = (self.place.clone(), self.raw.clone());
        Self { directory: tempfile::tempdir().unwrap(), place, raw, bounds }
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.directory.path().join("spool")
    }

    pub(crate) fn far(&self) -> PathBuf {
        self.directory.path().join("far")
    }

    pub(crate) async fn open(&self) -> Blobs {
        self.open_with(0).await.unwrap()
    }

    /// The same directories, with other bounds.
    pub(crate) async fn reopen(&self, bounds: Bounds) -> Blobs {
        self.open_as(0, bounds).await.unwrap()
    }

    /// With another master key for another `node`.
    pub(crate) async fn open_with(&self, node: u8) -> Result<Blobs, OpenError> {
        self.open_as(node, self.bounds.clone()).await
    }

    async fn open_as(&self, node: u8, bounds: Bounds) -> Result<Blobs, OpenError> {
        let (place, spool, far) = (self.place.clone(), self.spool(), self.far());
        let key = BlobKey::derive(&MasterKey::from_file_bytes(&[node; 32]).unwrap());
        Blobs::open(Setup { place, spool, far, bounds }, key).await
    }
}

fn bounds() -> Bounds {
    // Machines that run tests may have little left.
    Bounds { free_bytes_min: 1 << 20, ..Bounds::default() }
}

pub(crate) fn content(seed: u64, length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    StdRng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes.into()
}

pub(crate) fn part(file: i64, index: u32, bytes: Bytes) -> Part {
    let (total, kind) = (None, Kind::Big);
    Part { owner: 1, file, index, total, kind, bytes }
}

/// Content as the parts that a client makes of it.
pub(crate) fn parts(file: i64, content: &Bytes, part_bytes: usize) -> Vec<Part> {
    let pieces = (0..content.len()).step_by(part_bytes).enumerate();
    pieces
        .map(|(index, from)| {
            let to = (from + part_bytes).min(content.len());
            part(file, index as u32, content.slice(from..to))
        })
        .collect()
}

pub(crate) async fn save_all(blobs: &Blobs, parts: &[Part]) -> Result<(), PartError> {
    for part in parts {
        blobs.save_part(part.clone(), at(0)).await?;
    }
    Ok(())
}

pub(crate) async fn upload(
    blobs: &Blobs,
    file: i64,
    content: &Bytes,
    part_bytes: usize,
) -> Assembled {
    let parts = parts(file, content, part_bytes);
    save_all(blobs, &parts).await.unwrap();
    blobs.assemble(1, file, parts.len() as u32, None).await.unwrap()
}

/// All of a blob, range by range.
pub(crate) async fn whole(blobs: &Blobs, blob: &Assembled) -> Bytes {
    blobs.load(blob.id, blob.size, 1 << 30).await.unwrap()
}

/// Every file below a directory.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(directory) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}
