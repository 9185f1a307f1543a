//! A store as one stream of bytes: backup, restore, compaction, and the way to another engine.
//!
//! What the store keeps about itself (its stamp and version) is not part of it: a restored store is
//! another one. Equal rows give equal bytes, on every engine. The format is written in `stream`.

use std::io::{self, Read, Write};

use crate::stream::{Reader, Writer};
use crate::{Batch, Keyspace, Order, Store, StoreError, Ticket};

/// Rows between two words about progress.
const ROWS_PER_PROGRESS: u64 = 100_000;

/// Rows read at once: with the longest values, 4 MiB.
const ROWS_PER_SCAN: usize = 64;

/// Bytes written as one batch.
const IMPORT_BATCH_BYTES: usize = 1 << 20;

/// Row of [`Keyspace::INTERNAL`] while an import runs: a store with it is refused at opening.
pub(crate) const IMPORTING_KEY: &[u8] = b"importing";

/// What went through an export or an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Rows, a split value counting as one.
    pub rows: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

/// Writes every row of `store` to `out`.
///
/// The export is of one moment, and durable: it first waits for what is committed already, and
/// fails when a batch is applied before it ends, because neither engine has snapshots. So it runs
/// on a store that nobody writes to: offline, or with the node's edges closed.
///
/// # Errors
/// [`StoreError::Transfer`] when `out` fails or the store was written to meanwhile; what the
/// store answers to reads.
pub fn export(store: &dyn Store, out: &mut dyn Write) -> Result<Transfer, StoreError> {
    export_with(store, None, out)
}

/// [`export`]; `sealing` is the record of the sealing, if `store` gives its rows sealed.
pub(crate) fn export_with(
    store: &dyn Store,
    sealing: Option<&[u8]>,
    out: &mut dyn Write,
) -> Result<Transfer, StoreError> {
    let start = store.newest();
    store.wait_durable(start)?;
    let failed = |cause: io::Error| StoreError::Transfer(format!("export: {cause}"));
    let mut out = Writer::new(out, sealing, false).map_err(failed)?;
    for space in Keyspace::all() {
        // A sealed store opens all of such a keyspace for each scan, and all of it is little.
        let limit = if space.hides_keys() { usize::MAX } else { ROWS_PER_SCAN };
        let mut from = Vec::new();
        loop {
            let rows = store.scan(space, &from, None, limit, Order::Ascending)?;
            for (key, value) in &rows {
                out.row(space, key, value).map_err(failed)?;
            }
            match rows.last() {
                Some((key, _)) if rows.len() == limit => {
                    from.clone_from(key);
                    from.push(0);
                }
                _ => break,
            }
        }
    }
    if store.newest() != start {
        return Err(StoreError::Transfer(
            "export: the store was written to meanwhile; run it while nobody writes".into(),
        ));
    }
    out.finish().map_err(failed)
}

/// Writes every row of the export `input` to `store`, which must be empty.
///
/// Rows are written a thousand at a time, once their hash was checked. When the import fails
/// after that, the error says how many rows were written; the store is then half of the export
/// and no [`crate::SledStore`] opens it again: remove its directory. [`verify`] reads an export
/// through without writing.
///
/// # Errors
/// [`StoreError::Transfer`] when the store is not empty, or `input` is truncated, damaged, of a
/// sealed store, or in a newer format; what the store answers to reads and commits.
pub fn import(input: &mut dyn Read, store: &dyn Store) -> Result<Transfer, StoreError> {
    let input = Reader::new(input)?;
    if input.sealing().is_some() {
        return Err(StoreError::Transfer("import: the export is of a sealed store".into()));
    }
    import_with(input, store, &mut |_| {})
}

/// Writes the rows of `input`, as they are, to `store`.
pub(crate) fn import_with(
    input: Reader<'_>,
    store: &dyn Store,
    progress: &mut dyn FnMut(Transfer),
) -> Result<Transfer, StoreError> {
    for space in Keyspace::all() {
        if !store.scan(space, &[], None, 1, Order::Ascending)?.is_empty() {
            return Err(StoreError::Transfer("import: the store is not empty".into()));
        }
    }
    let mut target = Target { store, last: None, rows: 0 };
    match target.fill(input, progress) {
        Ok(done) => Ok(done),
        Err(cause) if target.last.is_none() => Err(cause),
        Err(cause) => Err(StoreError::Transfer(format!(
            "{cause}. {} rows were written already: remove the new store, it is incomplete",
            target.rows
        ))),
    }
}

/// Reads an export through and checks it as [`import`] does, without writing anything.
///
/// # Errors
/// [`StoreError::Transfer`] when it is truncated, damaged, or in a newer format.
pub fn verify(input: &mut dyn Read) -> Result<Transfer, StoreError> {
    Reader::new(input)?.rows(|_, _| Ok(()))
}

/// The record of the sealing, if an export is of a sealed store. Reads no further.
///
/// # Errors
/// [`StoreError::Transfer`] when it is no export, or in a newer format.
pub fn sealing_of(input: &mut dyn Read) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(Reader::new(input)?.sealing().map(<[u8]>::to_vec))
}

/// The store that an import fills.
struct Target<'a> {
    store: &'a dyn Store,
    /// The newest batch; `None` as long as nothing was written.
    last: Option<Ticket>,
    rows: u64,
}

impl Target<'_> {
    fn fill(
        &mut self,
        input: Reader<'_>,
        progress: &mut dyn FnMut(Transfer),
    ) -> Result<Transfer, StoreError> {
        let done = input.rows(|rows, done| {
            self.put(rows)?;
            if done.rows.is_multiple_of(ROWS_PER_PROGRESS) {
                progress(done);
            }
            Ok(())
        })?;
        if self.last.is_some() {
            let mut end = Batch::new();
            end.delete(Keyspace::INTERNAL, IMPORTING_KEY);
            self.commit(end)?;
        }
        self.last.map_or(Ok(()), |last| self.store.wait_durable(last))?;
        Ok(done)
    }

    fn put(&mut self, rows: Batch) -> Result<(), StoreError> {
        let count = rows.len() as u64;
        let empty = || Batch { sealed: rows.sealed, ..Batch::new() };
        let mut batch = empty();
        let mut bytes = 0;
        if self.last.is_none() {
            batch.put(Keyspace::INTERNAL, IMPORTING_KEY, Vec::new());
        }
        for (key, value) in rows.operations {
            bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            batch.operations.push((key, value));
            if bytes >= IMPORT_BATCH_BYTES {
                self.commit(std::mem::replace(&mut batch, empty()))?;
                bytes = 0;
            }
        }
        if !batch.is_empty() {
            self.commit(batch)?;
        }
        self.rows += count;
        Ok(())
    }

    fn commit(&mut self, batch: Batch) -> Result<(), StoreError> {
        loop {
            match (self.store.commit(batch.clone()), self.last) {
                (Ok(ticket), _) => {
                    self.last = Some(ticket);
                    return Ok(());
                }
                (Err(StoreError::Busy), Some(last)) => self.store.wait_durable(last)?,
                (Err(cause), _) => return Err(cause),
            }
        }
    }
}
