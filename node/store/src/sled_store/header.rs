//! Which store this is and how its rows are laid out: checked and brought up to date when opening.

use std::fs::{self, File};
use std::io;

use super::engine::Engine;
use super::files::Files;
use super::{sync_directory, unusable};
use crate::{Batch, Keyspace, StoreError};

/// Row of [`Keyspace::INTERNAL`]: version (1 byte) ++ generation stamp (16).
const HEADER_KEY: &[u8] = b"store";

const STAMP_BYTES: usize = 16;

/// Brings all rows of a store from one version of their layout to the next.
pub(crate) struct Migration {
    /// The version that it starts from; it ends at the one after.
    pub(crate) from: u8,
    /// Reads the store and answers what to change. It is applied in one batch together with the
    /// new version, so a crash leaves one version or the other.
    pub(crate) run: fn(&Engine) -> Result<Batch, StoreError>,
}

/// The newest layout, and the way to it.
#[derive(Clone, Copy)]
pub(crate) struct Schema {
    pub(crate) version: u8,
    pub(crate) migrations: &'static [Migration],
}

/// The layout of this program.
pub(crate) const SCHEMA: Schema = Schema { version: 1, migrations: &[] };

/// Checks that the open database is the one that `STORE.id` names, makes both for a new store,
/// and migrates an older one.
pub(super) fn check(
    engine: &Engine,
    files: &Files,
    stamp: [u8; STAMP_BYTES],
    schema: Schema,
) -> Result<(), StoreError> {
    let expected = match fs::read(&files.id) {
        Ok(text) => Some(String::from_utf8_lossy(&text).trim().to_owned()),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
        Err(cause) => return Err(unusable(&files.id, &cause)),
    };
    let header = engine.get(Keyspace::INTERNAL, HEADER_KEY)?;
    let header = header.as_deref().and_then(|h| h.split_first());
    let Some((&version, found)) = header else {
        return match expected {
            Some(_) => Err(lost(files)),
            None => make(engine, files, stamp, schema),
        };
    };
    match expected {
        Some(expected) if expected != hex(found) => {
            return Err(StoreError::Open(format!(
                "{} and the database beside it belong to different stores: put the right one back, \
                 or restore a backup",
                files.id.display()
            )));
        }
        Some(_) => {}
        // Killed between the first commit and the sidecar.
        None => write_id(files, found)?,
    }
    migrate(engine, files, version, found, schema)
}

fn make(
    engine: &Engine,
    files: &Files,
    stamp: [u8; STAMP_BYTES],
    schema: Schema,
) -> Result<(), StoreError> {
    put_header(engine, Batch::new(), schema.version, &stamp)?;
    files.settle()?;
    write_id(files, &stamp)
}

fn migrate(
    engine: &Engine,
    files: &Files,
    mut version: u8,
    stamp: &[u8],
    schema: Schema,
) -> Result<(), StoreError> {
    if version > schema.version {
        return Err(StoreError::Open(format!(
            "the store in {} has version {version}, this program knows {}: \
             use the newer program that wrote it",
            files.directory.display(),
            schema.version
        )));
    }
    while version < schema.version {
        let Some(step) = schema.migrations.iter().find(|step| step.from == version) else {
            return Err(StoreError::Open(format!(
                "the store in {} has version {version}, which this program cannot bring to {}: \
                 use an older program to export it",
                files.directory.display(),
                schema.version
            )));
        };
        let changes = (step.run)(engine)?;
        tracing::info!(from = version, changes = changes.len(), "migrating the store");
        version += 1;
        put_header(engine, changes, version, stamp)?;
    }
    Ok(())
}

fn put_header(
    engine: &Engine,
    mut batch: Batch,
    version: u8,
    stamp: &[u8],
) -> Result<(), StoreError> {
    let mut value = vec![version];
    value.extend_from_slice(stamp);
    batch.put(Keyspace::INTERNAL, HEADER_KEY, value);
    engine.apply([batch], engine.sequence()? + 1)?;
    engine.sync()
}

/// The stamp of an open store.
pub(super) fn stamp(engine: &Engine) -> Result<Option<[u8; STAMP_BYTES]>, StoreError> {
    let header = engine.get(Keyspace::INTERNAL, HEADER_KEY)?;
    Ok(header.and_then(|header| header.get(1..)?.first_chunk().copied()))
}

fn lost(files: &Files) -> StoreError {
    StoreError::Open(format!(
        "the database in {} is empty although STORE.id says that it held data: it was lost. \
         Restore a backup, or remove STORE.id and STORE.mark to start anew.",
        files.directory.display()
    ))
}

fn write_id(files: &Files, stamp: &[u8]) -> Result<(), StoreError> {
    let write = || {
        fs::write(&files.id, hex(stamp))?;
        File::open(&files.id)?.sync_all()?;
        sync_directory(&files.directory)
    };
    write().map_err(|e| unusable(&files.id, &e))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
