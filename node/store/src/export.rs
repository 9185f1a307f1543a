//! A store as one stream of bytes: backup, restore, compaction, and the way to another engine.
//!
//! ```text
//! "ROOKERYX" ++ format version (2 bytes)
//! of a sealed store (format 2):
//!                             length (2) ++ record of the sealing
//! rows, by keyspace and key:  'R' ++ keyspace (1) ++ key length (1) ++ key
//!                             ++ value length (4) ++ value
//! after every 1,000 rows:     'H' ++ blake3 (32) of every byte of the stream before this 'H'
//! footer:                     'F' ++ rows (8) ++ bytes of keys and values (8)
//!                             ++ blake3 (32) of every byte of the stream before this hash
//! ```
//! Integers are big-endian. What the store keeps about itself (its stamp and version) is not part
//! of it: a restored store is another one. Equal rows give equal bytes, on every engine.
//!
//! Format 1 has rows in the clear; every program reads it. Format 2 has them as a sealed store
//! keeps them, and what it takes to open them but for the master key.

use std::io::{self, BufReader, Read, Write};

use crate::batch::{KEY_BYTES_MAX, SEALING_BYTES_MAX, VALUE_BYTES_MAX};
use crate::{Batch, Keyspace, Order, Store, StoreError, Ticket};

const MAGIC: &[u8; 8] = b"ROOKERYX";
const FORMAT_CLEAR: u16 = 1;
const FORMAT_SEALED: u16 = 2;
const ROW: u8 = b'R';
const HASH: u8 = b'H';
const FOOTER: u8 = b'F';

/// Rows between two hashes.
const ROWS_PER_HASH: u64 = 1_000;

/// Longest record of a sealing. Protects memory.
const SEALING_RECORD_BYTES_MAX: usize = 4096;

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
    let mut out = Hashing { inner: out, hasher: blake3::Hasher::new() };
    let failed = |cause: io::Error| StoreError::Transfer(format!("export: {cause}"));
    out.write(MAGIC).map_err(failed)?;
    match sealing {
        None => out.write(&FORMAT_CLEAR.to_be_bytes()).map_err(failed)?,
        Some(record) => {
            // Far shorter than 64 KiB: it was read from a row or an export, or made by a program.
            let length = (record.len() as u16).to_be_bytes();
            let head = [&FORMAT_SEALED.to_be_bytes()[..], &length, record].concat();
            out.write(&head).map_err(failed)?;
        }
    }
    let mut done = Transfer::default();
    for space in Keyspace::all() {
        // A sealed store opens all of such a keyspace for each scan, and all of it is little.
        let limit = if space.hides_keys() { usize::MAX } else { ROWS_PER_SCAN };
        let mut from = Vec::new();
        loop {
            let rows = store.scan(space, &from, None, limit, Order::Ascending)?;
            for (key, value) in &rows {
                out.row(space, key, value).map_err(failed)?;
                done.rows += 1;
                done.bytes += (key.len() + value.len()) as u64;
                if done.rows.is_multiple_of(ROWS_PER_HASH) {
                    out.hash(&[HASH]).map_err(failed)?;
                }
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
    out.write(&[FOOTER]).map_err(failed)?;
    out.write(&done.rows.to_be_bytes()).map_err(failed)?;
    out.write(&done.bytes.to_be_bytes()).map_err(failed)?;
    out.hash(&[]).map_err(failed)?;
    out.inner.flush().map_err(failed)?;
    Ok(done)
}

struct Hashing<T> {
    inner: T,
    hasher: blake3::Hasher,
}

impl Hashing<&mut dyn Write> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.inner.write_all(bytes)
    }

    fn row(&mut self, space: Keyspace, key: &[u8], value: &[u8]) -> io::Result<()> {
        // Both lengths fit: a batch with longer ones is refused.
        self.write(&[ROW, space.0, key.len() as u8])?;
        self.write(key)?;
        self.write(&(value.len() as u32).to_be_bytes())?;
        self.write(value)
    }

    fn hash(&mut self, tag: &[u8]) -> io::Result<()> {
        let hash = self.hasher.finalize();
        self.write(tag)?;
        self.write(hash.as_bytes())
    }
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
    Ok(Reader::new(input)?.sealing)
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

/// An export whose head was read.
pub(crate) struct Reader<'a> {
    input: Hashing<BufReader<&'a mut dyn Read>>,
    sealing: Option<Vec<u8>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a mut dyn Read) -> Result<Self, StoreError> {
        let mut input = Hashing { inner: BufReader::new(input), hasher: blake3::Hasher::new() };
        if input.take::<8>()? != *MAGIC {
            return Err(StoreError::Transfer("import: this is no export of a store".into()));
        }
        let sealing = match u16::from_be_bytes(input.take()?) {
            FORMAT_CLEAR => None,
            FORMAT_SEALED => {
                let length = usize::from(u16::from_be_bytes(input.take()?));
                if length > SEALING_RECORD_BYTES_MAX {
                    return Err(damaged("impossible sealing"));
                }
                let mut record = vec![0; length];
                input.fill(&mut record)?;
                Some(record)
            }
            format => {
                return Err(StoreError::Transfer(format!(
                    "import: the export has format {format}, this program knows {FORMAT_CLEAR} \
                     and {FORMAT_SEALED}: use a newer one"
                )));
            }
        };
        Ok(Self { input, sealing })
    }

    /// The record of the sealing, if the rows are sealed.
    pub(crate) fn sealing(&self) -> Option<&[u8]> {
        self.sealing.as_deref()
    }

    /// Hands on the rows, hash by hash, each after it was checked, and what went through so far.
    fn rows(
        self,
        mut checked: impl FnMut(Batch, Transfer) -> Result<(), StoreError>,
    ) -> Result<Transfer, StoreError> {
        let mut input = self.input;
        let sealed = self.sealing.is_some();
        let value_bytes_max = VALUE_BYTES_MAX + if sealed { SEALING_BYTES_MAX } else { 0 };
        let empty = || Batch { sealed, ..Batch::new() };
        let mut rows = empty();
        let mut done = Transfer::default();
        loop {
            let before = input.hasher.finalize();
            match input.take::<1>()? {
                [ROW] if rows.len() < ROWS_PER_HASH as usize => {
                    let (key, value) = input.row(value_bytes_max)?;
                    done.rows += 1;
                    done.bytes += (key.len() - 1 + value.len()) as u64;
                    rows.operations.push((key, Some(value)));
                }
                [HASH] => {
                    input.expect(before)?;
                    checked(std::mem::replace(&mut rows, empty()), done)?;
                }
                [FOOTER] => {
                    let counts =
                        (u64::from_be_bytes(input.take()?), u64::from_be_bytes(input.take()?));
                    let hash = input.hasher.finalize();
                    input.expect(hash)?;
                    if counts != (done.rows, done.bytes) {
                        return Err(damaged("the footer counts other rows"));
                    }
                    if !rows.is_empty() {
                        checked(rows, done)?;
                    }
                    return match input.inner.read(&mut [0]) {
                        Ok(0) => Ok(done),
                        Ok(_) => Err(damaged("something follows the footer")),
                        Err(cause) => Err(StoreError::Transfer(format!("import: {cause}"))),
                    };
                }
                _ => return Err(damaged("unknown record")),
            }
        }
    }
}

impl Hashing<BufReader<&mut dyn Read>> {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        self.inner.read_exact(bytes).map_err(|cause| match cause.kind() {
            io::ErrorKind::UnexpectedEof => damaged("it ends in the middle: truncated"),
            _ => StoreError::Transfer(format!("import: {cause}")),
        })?;
        self.hasher.update(bytes);
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// A row, its key with the keyspace byte.
    fn row(&mut self, value_bytes_max: usize) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
        let [space, key_bytes] = self.take()?;
        let key_bytes = usize::from(key_bytes);
        if !Keyspace::all().any(|known| known.0 == space) || key_bytes >= KEY_BYTES_MAX {
            return Err(damaged("impossible key"));
        }
        let mut key = vec![space; 1 + key_bytes];
        self.fill(key.get_mut(1..).unwrap_or_default())?;
        let value_bytes = u32::from_be_bytes(self.take()?) as usize;
        if value_bytes > value_bytes_max {
            return Err(damaged("impossible value"));
        }
        let mut value = vec![0; value_bytes];
        self.fill(&mut value)?;
        Ok((key, value))
    }

    fn expect(&mut self, hash: blake3::Hash) -> Result<(), StoreError> {
        if self.take::<32>()? == *hash.as_bytes() { Ok(()) } else { Err(damaged("wrong hash")) }
    }
}

fn damaged(what: &str) -> StoreError {
    StoreError::Transfer(format!("import: the export is damaged ({what})"))
}
