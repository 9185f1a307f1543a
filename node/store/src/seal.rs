//! A store whose rows rest sealed: a layer over any [`Store`].
//!
//! Values are sealed for the place of their row, so that none opens in another. Keys stay as they
//! are, because rows are found and ordered by them; except in the keyspaces whose keys are about
//! people by themselves ([`Keyspace::hides_keys`]): there a keyed hash stands for the key, and the
//! key lies sealed in front of the value, as length (1) ++ key. Callers see none of this, but for
//! the price of a scan of such a keyspace, which opens all its rows to find their order.
//!
//! How rows are sealed, and under which key, is decided elsewhere: see [`Seal`].

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::batch::SEALING_BYTES_MAX;
use crate::{Batch, KEY_BYTES_MAX, Keyspace, Order, Row, Stats, Store, StoreError, Ticket};

/// Length of what stands for a hidden key.
pub const HIDDEN_KEY_BYTES: usize = 16;

/// Longest that [`Seal::seal`] may make a value by itself; the rest is for a hidden key.
pub const SEAL_BYTES_MAX: usize = SEALING_BYTES_MAX - KEY_BYTES_MAX;

/// Rows of a keyspace with hidden keys that are read at once.
const ROWS_AT_ONCE: usize = 1000;

/// Seals and opens rows. A place is the keyspace's byte and the key, as they are stored.
pub trait Seal: Send + Sync + 'static {
    /// The value sealed for `place`, at most [`SEAL_BYTES_MAX`] longer.
    fn seal(&self, place: &[u8], value: &[u8]) -> Vec<u8>;

    /// What was sealed for `place`; `None` when it was sealed elsewhere, otherwise, or changed.
    fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>>;

    /// What stands for the key of `place`: the same for the same place, and telling nothing else.
    fn hide(&self, place: &[u8]) -> [u8; HIDDEN_KEY_BYTES];
}

/// A [`Store`] that keeps every row of `S` sealed, but for what the store keeps about itself.
pub struct Sealed<S> {
    inner: Arc<S>,
    seal: Arc<dyn Seal>,
}

impl<S: Store> Sealed<S> {
    /// Seals what is written into `inner` and opens what is read from it. All rows of `inner` must
    /// have been written through such a layer with the same keys.
    pub fn new(inner: Arc<S>, seal: Arc<dyn Seal>) -> Self {
        Self { inner, seal }
    }

    /// The store below, whose rows are sealed.
    #[must_use]
    pub const fn inner(&self) -> &Arc<S> {
        &self.inner
    }

    /// The key under which `inner` has the row.
    fn stored_key(&self, space: Keyspace, key: &[u8]) -> Vec<u8> {
        if space.hides_keys() { self.seal.hide(&space.key(key)).to_vec() } else { key.to_vec() }
    }

    fn open(
        &self,
        space: Keyspace,
        stored_key: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        self.seal.open(&space.key(stored_key), sealed).ok_or_else(damaged)
    }

    /// The key and the value of a row with a hidden key.
    fn open_hidden(
        &self,
        space: Keyspace,
        hidden: &[u8],
        sealed: &[u8],
    ) -> Result<Row, StoreError> {
        let opened = self.open(space, hidden, sealed)?;
        let (length, rest) = opened.split_first().ok_or_else(damaged)?;
        let (key, value) = rest.split_at_checked(usize::from(*length)).ok_or_else(damaged)?;
        Ok((key.to_vec(), value.to_vec()))
    }

    /// The same batch as `inner` is to have it.
    fn sealed(&self, batch: Batch) -> Result<Batch, StoreError> {
        batch.check()?;
        let mut sealed = Batch { sealed: true, ..Batch::new() };
        for (full, value) in batch.operations {
            let (space, key) =
                full.split_first().map_or((0, &[][..]), |(space, key)| (*space, key));
            let space = Keyspace(space);
            if space == Keyspace::INTERNAL {
                sealed.operations.push((full, value));
                continue;
            }
            let place = space.key(&self.stored_key(space, key));
            let value = value.map(|value| {
                if space.hides_keys() {
                    // The length fits: a batch with longer keys is refused.
                    let whole = [&[key.len() as u8][..], key, &value].concat();
                    self.seal.seal(&place, &whole)
                } else {
                    self.seal.seal(&place, &value)
                }
            });
            sealed.operations.push((place, value));
        }
        Ok(sealed)
    }

    /// All rows are opened; at most `limit` are kept.
    fn scan_hidden(
        &self,
        space: Keyspace,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
        order: Order,
    ) -> Result<Vec<Row>, StoreError> {
        let mut found = BTreeMap::new();
        let mut at = Vec::new();
        loop {
            let rows = self.inner.scan(space, &at, None, ROWS_AT_ONCE, Order::Ascending)?;
            for (hidden, sealed) in &rows {
                let (key, value) = self.open_hidden(space, hidden, sealed)?;
                if key.as_slice() < from || to.is_some_and(|to| key.as_slice() >= to) {
                    continue;
                }
                found.insert(key, value);
                if found.len() > limit {
                    match order {
                        Order::Ascending => found.pop_last(),
                        Order::Descending => found.pop_first(),
                    };
                }
            }
            match rows.last() {
                Some((last, _)) if rows.len() == ROWS_AT_ONCE => {
                    at.clone_from(last);
                    at.push(0);
                }
                _ => break,
            }
        }
        Ok(match order {
            Order::Ascending => found.into_iter().collect(),
            Order::Descending => found.into_iter().rev().collect(),
        })
    }
}

fn damaged() -> StoreError {
    StoreError::Io("a sealed row does not open: it was changed, or moved from elsewhere".into())
}

impl<S: Store> Store for Sealed<S> {
    fn get(&self, space: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let stored = self.stored_key(space, key);
        let Some(sealed) = self.inner.get(space, &stored)? else { return Ok(None) };
        if !space.hides_keys() {
            return self.open(space, &stored, &sealed).map(Some);
        }
        let (found, value) = self.open_hidden(space, &stored, &sealed)?;
        if found == key { Ok(Some(value)) } else { Err(damaged()) }
    }

    fn scan(
        &self,
        space: Keyspace,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
        order: Order,
    ) -> Result<Vec<Row>, StoreError> {
        if space.hides_keys() {
            return self.scan_hidden(space, from, to, limit, order);
        }
        let rows = self.inner.scan(space, from, to, limit, order)?;
        let open = |(key, sealed): Row| {
            let value = self.open(space, &key, &sealed)?;
            Ok((key, value))
        };
        rows.into_iter().map(open).collect()
    }

    fn commit(&self, batch: Batch) -> Result<Ticket, StoreError> {
        self.inner.commit(self.sealed(batch)?)
    }

    fn commit_decided(&self, batch: Batch) -> Result<Ticket, StoreError> {
        self.inner.commit_decided(self.sealed(batch)?)
    }

    fn durable(&self, ticket: Ticket) -> BoxFuture<'static, Result<(), StoreError>> {
        self.inner.durable(ticket)
    }

    fn wait_durable(&self, ticket: Ticket) -> Result<(), StoreError> {
        self.inner.wait_durable(ticket)
    }

    fn newest(&self) -> Ticket {
        self.inner.newest()
    }

    fn admit(&self) -> Result<(), StoreError> {
        self.inner.admit()
    }

    fn stats(&self) -> Stats {
        self.inner.stats()
    }

    fn failed(&self) -> BoxFuture<'static, String> {
        self.inner.failed()
    }
}
