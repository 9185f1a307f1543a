//! A store on disk before it is known how to read it, and the way between the two modes.
//!
//! A store is clear or sealed as a whole, and says which: a sealed one keeps a record of its
//! sealing (in the clear; what it means is known to whoever seals), and its header has a version
//! that older programs refuse. So nobody reads half of one: [`SledStore::open`] refuses a sealed
//! store, and [`AtRest::sealed`] a clear one.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use crate::export::{self, Transfer};
use crate::sled_store::{Options, SEALING_KEY, SledStore};
use crate::stream::Reader;
use crate::{Batch, Keyspace, Order, Seal, Sealed, Store, StoreError};

/// A store on disk of which nothing was read yet.
pub struct AtRest {
    store: SledStore,
}

impl AtRest {
    /// Opens the store in `directory`, making an empty clear one if there is none: see
    /// [`SledStore::open`].
    ///
    /// # Errors
    /// As [`SledStore::open`], but for a sealed store, which is opened.
    pub fn open(directory: &Path, stamp: [u8; 16]) -> Result<Self, StoreError> {
        Ok(Self { store: SledStore::open_with(directory, stamp, Options::default())? })
    }

    pub(crate) fn new(store: SledStore) -> Self {
        Self { store }
    }

    /// The record of the store's sealing; `None` if it is clear.
    #[must_use]
    pub fn sealing(&self) -> Option<&[u8]> {
        self.store.sealing.as_deref()
    }

    /// Whether it has no row.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the engine cannot read.
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        for space in Keyspace::all() {
            if !self.store.scan(space, &[], None, 1, Order::Ascending)?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// See [`SledStore::should_compact`].
    ///
    /// # Errors
    /// As it.
    pub fn should_compact(&self) -> Result<bool, StoreError> {
        self.store.should_compact()
    }

    /// The store, if it is clear.
    ///
    /// # Errors
    /// [`StoreError::Open`] if it is sealed.
    pub fn clear(self) -> Result<SledStore, StoreError> {
        if self.sealing().is_some() {
            return Err(StoreError::Open(
                "the store is sealed: it opens with the master key only".into(),
            ));
        }
        Ok(self.store)
    }

    /// The store, opened with the keys that its record stands for.
    ///
    /// # Errors
    /// [`StoreError::Open`] if it is clear.
    pub fn sealed(self, seal: Arc<dyn Seal>) -> Result<Sealed<SledStore>, StoreError> {
        if self.sealing().is_none() {
            return Err(StoreError::Open("the store is not sealed".into()));
        }
        Ok(Sealed::new(Arc::new(self.store), seal))
    }

    /// Makes an empty clear store a sealed one, durably. `record` will be its
    /// [`sealing`](Self::sealing).
    ///
    /// # Errors
    /// [`StoreError::Open`] if it is not empty or sealed already; those of a commit.
    pub fn seal_empty(&mut self, record: &[u8]) -> Result<(), StoreError> {
        if self.sealing().is_some() || !self.is_empty()? {
            return Err(StoreError::Open("only an empty store can be sealed in place".into()));
        }
        let mut batch = Batch::new();
        batch.put(Keyspace::INTERNAL, SEALING_KEY, record.to_vec());
        self.store.put_sealed_header(&mut batch)?;
        let ticket = self.store.commit(batch)?;
        self.store.wait_durable(ticket)?;
        self.store.sealing = Some(record.to_vec());
        Ok(())
    }

    /// Writes every row to `out` as it rests: a sealed store gives a sealed export, with its
    /// record. See [`export`](crate::export()).
    ///
    /// # Errors
    /// As [`export`](crate::export()).
    pub fn export(&self, out: &mut dyn Write) -> Result<Transfer, StoreError> {
        export::export_with(&self.store, self.sealing(), out)
    }

    /// [`SledStore::back_up`] of a store that nobody else has open.
    ///
    /// # Errors
    /// As it.
    pub fn back_up(&self, out: &mut dyn Write) -> Result<Transfer, StoreError> {
        self.store.back_up(out, &mut || {})
    }

    /// Fills an empty store with an export as it is: of a sealed one it becomes sealed.
    ///
    /// # Errors
    /// As [`import`](crate::import()).
    pub fn import(&mut self, input: &mut dyn Read) -> Result<Transfer, StoreError> {
        self.import_with(input, &mut |_| {})
    }

    pub(crate) fn import_with(
        &mut self,
        input: &mut dyn Read,
        progress: &mut dyn FnMut(Transfer),
    ) -> Result<Transfer, StoreError> {
        let input = Reader::new(input)?;
        if let Some(record) = input.sealing() {
            let record = record.to_vec();
            self.seal_empty(&record)?;
        }
        export::import_with(input, &self.store, progress)
    }

    pub(crate) fn disk_bytes(&self) -> Option<u64> {
        self.store.stats().disk_bytes
    }

    /// Any store, read as it says: for conversions, whose both ends are known.
    pub(crate) fn read_with(
        self,
        seal: Option<Arc<dyn Seal>>,
    ) -> Result<Box<dyn Store>, StoreError> {
        Ok(match seal {
            Some(seal) => Box::new(self.sealed(seal)?),
            None => Box::new(self.clear()?),
        })
    }
}
