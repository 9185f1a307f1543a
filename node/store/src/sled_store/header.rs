//! Which store this is and how its rows are laid out: checked and brought up to date when opening.

use std::fs::{self, File};
use std::io;
use std::time::Duration;

use super::engine::Engine;
use super::files::{Files, open_engine, released};
use super::{sync_directory, unusable};
use crate::{Batch, Keyspace, StoreError};

/// Row of [`Keyspace::INTERNAL`]: version (1 byte) ++ generation stamp (16).
const HEADER_KEY: &[u8] = b"store";

/// Row of [`Keyspace::INTERNAL`]: the record of a sealed store's sealing. See `at_rest`.
pub(crate) const SEALING_KEY: &[u8] = b"sealing";

/// Set in the version of a sealed store: programs that know no sealing take it for a newer one.
const SEALED: u8 = 0x80;

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

/// Makes the database of a new store, unless there is one.
///
/// It is made under another name and renamed when it is complete and durable: sled cannot open
/// what a kill leaves of its first files, and nobody may throw away a `db` to find out.
pub(super) fn make(
    files: &Files,
    stamp: [u8; STAMP_BYTES],
    schema: Schema,
    timeout: Duration,
) -> Result<(), StoreError> {
    let made = files.half_made();
    match fs::remove_dir_all(&made.database) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            return Err(unusable(&made.database, &cause));
        }
        _ => {}
    }
    if files.log.exists() {
        return Ok(());
    }
    if files.id.exists() {
        return Err(lost(files));
    }
    let engine = open_engine(&made, timeout)?;
    put_header(&engine, Batch::new(), schema.version, &stamp)?;
    made.settle()?;
    drop(engine);
    let Some(_held) = released(&made.log) else {
        return Err(StoreError::Open("sled does not let go of a new database".into()));
    };
    fs::rename(&made.database, &files.database).map_err(|e| unusable(&files.database, &e))?;
    sync_directory(&files.directory).map_err(|e| unusable(&files.directory, &e))
}

/// Checks that the open database is the one that `STORE.id` names, and migrates an older one.
/// Answers the record of its sealing.
pub(super) fn check(
    engine: &Engine,
    files: &Files,
    schema: Schema,
) -> Result<Option<Vec<u8>>, StoreError> {
    let expected = match fs::read(&files.id) {
        Ok(text) => Some(String::from_utf8_lossy(&text).trim().to_owned()),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
        Err(cause) => return Err(unusable(&files.id, &cause)),
    };
    let header = engine.get(Keyspace::INTERNAL, HEADER_KEY)?;
    let Some((&version, found)) = header.as_deref().and_then(|h| h.split_first()) else {
        return Err(lost(files));
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
        None => write_id(files, found)?, // a new store
    }
    let sealing = engine.get(Keyspace::INTERNAL, SEALING_KEY)?;
    if sealing.is_some() != (version & SEALED != 0) {
        return Err(StoreError::Open(format!(
            "the store in {} is damaged: it does not say whether it is sealed. Restore a backup.",
            files.directory.display()
        )));
    }
    migrate(engine, files, version & !SEALED, found, schema, sealing.is_some())?;
    Ok(sealing)
}

fn migrate(
    engine: &Engine,
    files: &Files,
    mut version: u8,
    stamp: &[u8],
    schema: Schema,
    sealed: bool,
) -> Result<(), StoreError> {
    if version > schema.version {
        return Err(StoreError::Open(format!(
            "the store in {} has version {version}, this program knows {}: \
             use the newer program that wrote it",
            files.directory.display(),
            schema.version
        )));
    }
    if version < schema.version && sealed {
        // A migration sees rows as they rest.
        return Err(StoreError::Open(format!(
            "the store in {} has version {version} and is sealed: start the older program once \
             with `seal = \"secrets\"` in [store], then this one",
            files.directory.display()
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

/// Adds the header of a sealed store to what makes it one.
pub(super) fn put_sealed(engine: &Engine, batch: &mut Batch) -> Result<(), StoreError> {
    let mut header = engine
        .get(Keyspace::INTERNAL, HEADER_KEY)?
        .ok_or_else(|| StoreError::Open("the store has no header".into()))?;
    if let Some(version) = header.first_mut() {
        *version |= SEALED;
    }
    batch.put(Keyspace::INTERNAL, HEADER_KEY, header);
    Ok(())
}

/// The stamp of an open store.
pub(super) fn stamp(engine: &Engine) -> Result<Option<[u8; STAMP_BYTES]>, StoreError> {
    let header = engine.get(Keyspace::INTERNAL, HEADER_KEY)?;
    Ok(header.and_then(|header| header.get(1..)?.first_chunk().copied()))
}

fn lost(files: &Files) -> StoreError {
    StoreError::Open(format!(
        "the database in {} is empty or missing although it held data: it was lost. Restore a \
         backup, or remove db, STORE.id and STORE.mark to start anew.",
        files.directory.display()
    ))
}

/// Under another name first: a kill must not leave half of it.
fn write_id(files: &Files, stamp: &[u8]) -> Result<(), StoreError> {
    let half = files.id.with_extension("id.new");
    let write = || {
        fs::write(&half, hex(stamp))?;
        File::open(&half)?.sync_all()?;
        fs::rename(&half, &files.id)?;
        sync_directory(&files.directory)
    };
    write().map_err(|e| unusable(&files.id, &e))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
