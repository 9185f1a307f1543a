//! A backup of a store that goes on being written to.
//!
//! The engine has no snapshots, and nobody may stop the writer for as long as a scan takes. So the rows
//! are scanned while they change, and what is committed meanwhile is recorded ([`Taped`]) and put into the
//! same stream, between two pages of the scan:
//!
//! ```text
//! begin the record; wait until all that was committed before is applied
//! again and again: take the record, write it      (a)
//!                  scan the next page, write it   (b)
//! wait until all that the scan has seen is recorded; take the rest, write it
//! ```
//! Whoever applies the stream in its order, the last word on each key counting, has the store as it was
//! when the last of the record was taken, exactly. Of any key:
//!
//! - If no recorded batch touches it, it did not change between the begin and the end, and the scan
//!   has met the row, or that there is none.
//! - Otherwise let B be the last recorded batch that does. Behind B in the stream comes no other batch with
//!   the key. If its row comes behind B, its page was scanned after B was taken (a before b, by one
//!   thread), hence after B was applied, and no later batch has changed it: the row is what B says, or
//!   there is none because B deleted it. If no row comes behind B, B has the last word itself.
//!
//! A page may show half of a batch that is applied while it is scanned. That batch is recorded then, stands
//! behind the page, and says all of it again.
//!
//! Memory is bounded by a page and by what the record may hold; a record that is not taken fast enough ends,
//! and the backup with it: the writer never waits for it.

use std::io::{self, Write};

use crate::stream::Writer;
use crate::tape::Taped;
use crate::{Keyspace, Order, SledStore, Store, StoreError, Transfer};

/// Bytes of batches that may wait to be taken: some seconds of the most that a node writes. Protects memory.
const RECORDED_BYTES_MAX: usize = 64 << 20;

/// Rows of one page: with the longest values, 4 MiB.
const ROWS_PER_PAGE: usize = 64;

impl SledStore {
    /// Writes every row to `out`, as it rests, while others go on committing: the store as it is at
    /// the end of this call. Whatever was acknowledged before the call of `last` is in it. `out` is read
    /// by [`AtRest::import`](crate::AtRest::import).
    ///
    /// # Errors
    /// [`StoreError::Transfer`] when `out` fails, is much slower than the writers, or another backup is
    /// being taken; what the store answers to reads.
    pub fn back_up(
        &self,
        out: &mut dyn Write,
        last: &mut dyn FnMut(),
    ) -> Result<Transfer, StoreError> {
        let mut out = Writer::new(out, self.sealing.as_deref(), true).map_err(failed)?;
        back_up(self, &mut out, last, ROWS_PER_PAGE, RECORDED_BYTES_MAX)?;
        out.finish().map_err(failed)
    }
}

impl SledStore {
    /// Reads every row, through `opened`, which is this store or a layer that opens its rows; tells those that
    /// cannot be read. A split value is held against its hash, a sealed one against its seal.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the engine cannot go on.
    pub fn examine(
        &self,
        opened: &dyn Store,
        trouble: &mut dyn FnMut(String),
    ) -> Result<Transfer, StoreError> {
        let mut done = Transfer::default();
        for space in Keyspace::all() {
            let name = char::from(space.0);
            let mut from = Vec::new();
            loop {
                // By the keys as they rest: what does not open has a place all the same.
                let rows = match self.scan(space, &from, None, 1, Order::Ascending) {
                    Ok(rows) => rows,
                    Err(cause) => {
                        let from = hex(&from);
                        trouble(format!(
                            "in keyspace {name:?}, the first from {from:?} on: {cause}"
                        ));
                        break;
                    }
                };
                let Some((key, value)) = rows.into_iter().next() else { break };
                done.rows += 1;
                done.bytes += (key.len() + value.len()) as u64;
                if !space.hides_keys()
                    && let Err(cause) = opened.get(space, &key)
                {
                    trouble(format!("in keyspace {name:?}, {:?}: {cause}", hex(&key)));
                }
                from = [key.as_slice(), &[0]].concat();
            }
            if space.hides_keys()
                && let Err(cause) = opened.scan(space, &[], None, usize::MAX, Order::Ascending)
            {
                trouble(format!("in keyspace {name:?}: {cause}"));
            }
        }
        Ok(done)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// [`SledStore::back_up`] of any store.
pub(crate) fn back_up(
    store: &dyn Taped,
    out: &mut Writer<'_>,
    last: &mut dyn FnMut(),
    rows_per_page: usize,
    recorded_bytes_max: usize,
) -> Result<(), StoreError> {
    let record = store.tape().begin(recorded_bytes_max)?;
    // What was looked at before the record began, and will not be in it, is applied after this.
    store.wait_durable(store.newest())?;
    for space in Keyspace::all() {
        let mut from = Vec::new();
        loop {
            write(out, record.take()?).map_err(failed)?;
            let rows = store.scan(space, &from, None, rows_per_page, Order::Ascending)?;
            for (key, value) in &rows {
                out.row(space, key, value).map_err(failed)?;
            }
            match rows.last() {
                Some((key, _)) if rows.len() == rows_per_page => {
                    from.clone_from(key);
                    from.push(0);
                }
                _ => break,
            }
        }
    }
    store.wait_durable(store.newest())?;
    last();
    write(out, record.take()?).map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "used as a map_err function")]
fn failed(cause: io::Error) -> StoreError {
    StoreError::Transfer(format!("backup: {cause}"))
}

fn write(out: &mut Writer<'_>, recorded: Vec<crate::Batch>) -> io::Result<()> {
    for (full, value) in recorded.into_iter().flat_map(|batch| batch.operations) {
        let Some((space, key)) = full.split_first() else { continue };
        let space = Keyspace(*space);
        match value {
            // The store's own: a restored one has another.
            _ if space == Keyspace::INTERNAL => {}
            Some(value) => out.row(space, key, &value)?,
            None => out.gone(space, key)?,
        }
    }
    Ok(())
}
