//! The bytes of an export.
//!
//! ```text
//! "ROOKERYX" ++ format version (2 bytes)
//! of a sealed store (formats 2 and 4):
//!                             length (2) ++ record of the sealing
//! rows:                       'R' ++ keyspace (1) ++ key length (1) ++ key
//!                             ++ value length (4) ++ value
//! rows that are gone (formats 3 and 4):
//!                             'D' ++ keyspace (1) ++ key length (1) ++ key
//! after every 1,000 of them:  'H' ++ blake3 (32) of every byte of the stream before this 'H'
//! footer:                     'F' ++ their number (8) ++ bytes of their keys and values (8)
//!                             ++ blake3 (32) of every byte of the stream before this hash
//! ```
//! Integers are big-endian. Formats 1 and 2 are of a store that rests: rows come by keyspace and key, each
//! once. Formats 3 and 4 are of one that was written to meanwhile: the last word on a key counts, see
//! `moving`.
//!
//! Formats 1 and 3 have rows in the clear; every program reads them. Formats 2 and 4 have them as a sealed
//! store keeps them, and what it takes to open them but for the master key.

use std::io::{self, BufReader, Read, Write};

use crate::batch::{KEY_BYTES_MAX, SEALING_BYTES_MAX, VALUE_BYTES_MAX};
use crate::{Batch, Keyspace, StoreError, Transfer};

const MAGIC: &[u8; 8] = b"ROOKERYX";
const FORMAT_CLEAR: u16 = 1;
const FORMAT_SEALED: u16 = 2;
/// Added to the format of a store that was written to meanwhile.
const MOVING: u16 = 2;
const ROW: u8 = b'R';
const GONE: u8 = b'D';
const HASH: u8 = b'H';
const FOOTER: u8 = b'F';

/// Rows between two hashes.
pub(crate) const ROWS_PER_HASH: u64 = 1_000;

/// Longest record of a sealing. Protects memory.
const SEALING_RECORD_BYTES_MAX: usize = 4096;

/// Writes an export.
pub(crate) struct Writer<'a> {
    out: Hashing<&'a mut dyn Write>,
    done: Transfer,
}

impl<'a> Writer<'a> {
    /// Begins one. `sealing` is the record of the sealing, if rows come sealed; `moving` allows
    /// [`Self::gone`], and rows in any order.
    pub(crate) fn new(
        out: &'a mut dyn Write,
        sealing: Option<&[u8]>,
        moving: bool,
    ) -> io::Result<Self> {
        let mut out = Hashing { inner: out, hasher: blake3::Hasher::new() };
        let moving = if moving { MOVING } else { 0 };
        out.write(MAGIC)?;
        match sealing {
            None => out.write(&(FORMAT_CLEAR + moving).to_be_bytes())?,
            Some(record) => {
                out.write(&(FORMAT_SEALED + moving).to_be_bytes())?;
                // Far shorter than 64 KiB: it was read from a row or an export, or made by a program.
                out.write(&(record.len() as u16).to_be_bytes())?;
                out.write(record)?;
            }
        }
        Ok(Self { out, done: Transfer::default() })
    }

    pub(crate) fn row(&mut self, space: Keyspace, key: &[u8], value: &[u8]) -> io::Result<()> {
        // Both lengths fit: a batch with longer ones is refused.
        self.out.write(&[ROW, space.0, key.len() as u8])?;
        self.out.write(key)?;
        self.out.write(&(value.len() as u32).to_be_bytes())?;
        self.out.write(value)?;
        self.count(key.len() + value.len())
    }

    /// The key has no row any more.
    pub(crate) fn gone(&mut self, space: Keyspace, key: &[u8]) -> io::Result<()> {
        self.out.write(&[GONE, space.0, key.len() as u8])?;
        self.out.write(key)?;
        self.count(key.len())
    }

    fn count(&mut self, bytes: usize) -> io::Result<()> {
        self.done.rows += 1;
        self.done.bytes += bytes as u64;
        if self.done.rows.is_multiple_of(ROWS_PER_HASH) { self.out.hash(&[HASH]) } else { Ok(()) }
    }

    pub(crate) fn finish(mut self) -> io::Result<Transfer> {
        self.out.write(&[FOOTER])?;
        self.out.write(&self.done.rows.to_be_bytes())?;
        self.out.write(&self.done.bytes.to_be_bytes())?;
        self.out.hash(&[])?;
        self.out.inner.flush()?;
        Ok(self.done)
    }
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

    fn hash(&mut self, tag: &[u8]) -> io::Result<()> {
        let hash = self.hasher.finalize();
        self.write(tag)?;
        self.write(hash.as_bytes())
    }
}

/// An export whose head was read.
pub(crate) struct Reader<'a> {
    input: Hashing<BufReader<&'a mut dyn Read>>,
    sealing: Option<Vec<u8>>,
    moving: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a mut dyn Read) -> Result<Self, StoreError> {
        let mut input = Hashing { inner: BufReader::new(input), hasher: blake3::Hasher::new() };
        if input.take::<8>()? != *MAGIC {
            return Err(StoreError::Transfer("import: this is no export of a store".into()));
        }
        let format = u16::from_be_bytes(input.take()?);
        let moving = format > FORMAT_SEALED;
        let sealing = match format - if moving { MOVING } else { 0 } {
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
            _ => {
                return Err(StoreError::Transfer(format!(
                    "import: the export has format {format}, this program knows {FORMAT_CLEAR} \
                     to {}: use a newer one",
                    FORMAT_SEALED + MOVING
                )));
            }
        };
        Ok(Self { input, sealing, moving })
    }

    /// The record of the sealing, if the rows are sealed.
    pub(crate) fn sealing(&self) -> Option<&[u8]> {
        self.sealing.as_deref()
    }

    /// Hands on the rows, hash by hash, each after it was checked, and what went through so far.
    pub(crate) fn rows(
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
                [GONE] if self.moving && rows.len() < ROWS_PER_HASH as usize => {
                    let key = input.key()?;
                    done.rows += 1;
                    done.bytes += (key.len() - 1) as u64;
                    rows.operations.push((key, None));
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

    /// A key, with the keyspace byte.
    fn key(&mut self) -> Result<Vec<u8>, StoreError> {
        let [space, key_bytes] = self.take()?;
        let key_bytes = usize::from(key_bytes);
        if !Keyspace::all().any(|known| known.0 == space) || key_bytes >= KEY_BYTES_MAX {
            return Err(damaged("impossible key"));
        }
        let mut key = vec![space; 1 + key_bytes];
        self.fill(key.get_mut(1..).unwrap_or_default())?;
        Ok(key)
    }

    fn row(&mut self, value_bytes_max: usize) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
        let key = self.key()?;
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
