//! The store of a data directory in the mode that `[store] seal` asks for.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use keys::{MasterKey, StoreKey};
use node_store::{AtRest, HIDDEN_KEY_BYTES, Resealing, Seal, SledStore, Store, Transfer, reseal};

use crate::config::SealMode;

/// Seals rows with the keys of one store.
struct RowSeal(StoreKey);

impl Seal for RowSeal {
    fn seal(&self, place: &[u8], value: &[u8]) -> Vec<u8> {
        #[expect(clippy::disallowed_methods, reason = "the binary owns randomness")]
        self.0.seal(place, value, &mut rand::rng())
    }

    fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.unseal(place, sealed)
    }

    fn hide(&self, place: &[u8]) -> [u8; HIDDEN_KEY_BYTES] {
        self.0.hide(place)
    }
}

type Sealing = Option<Arc<dyn Seal>>;

/// What seals the rows of a store with this record.
///
/// # Errors
/// The master key is not the one that the store was sealed under.
pub(crate) fn seal_of(master: &MasterKey, record: &[u8]) -> anyhow::Result<Arc<dyn Seal>> {
    Ok(Arc::new(RowSeal(StoreKey::open(master, record)?)))
}

/// What seals a new store, and the record that it keeps.
fn new_seal(master: &MasterKey) -> (Vec<u8>, Arc<dyn Seal>) {
    #[expect(clippy::disallowed_methods, reason = "the binary owns randomness")]
    let (key, record) = StoreKey::make(master, &mut rand::rng());
    (record, Arc::new(RowSeal(key)))
}

/// A store whose rows can be read and written.
pub(crate) enum Opened {
    Clear(Arc<SledStore>),
    Sealed(Arc<node_store::Sealed<SledStore>>),
}

impl Opened {
    pub(crate) fn store(&self) -> &dyn Store {
        match self {
            Self::Clear(store) => &**store,
            Self::Sealed(store) => &**store,
        }
    }

    /// The store with its rows as they rest.
    pub(crate) fn rests(&self) -> Arc<SledStore> {
        match self {
            Self::Clear(store) => store.clone(),
            Self::Sealed(store) => store.inner().clone(),
        }
    }

    pub(crate) fn shared(self) -> Arc<dyn Store> {
        match self {
            Self::Clear(store) => store,
            Self::Sealed(store) => store,
        }
    }

    /// Whether its rows are as `mode` asks for.
    pub(crate) fn is(&self, mode: SealMode) -> bool {
        matches!(self, Self::Sealed(_)) == (mode == SealMode::All)
    }
}

/// Opens a store as it is. An empty clear one becomes what `mode` asks for.
///
/// # Errors
/// As [`seal_of`]; those of the store.
pub(crate) fn open(
    mut found: AtRest,
    master: &MasterKey,
    mode: SealMode,
) -> anyhow::Result<(Opened, Sealing)> {
    let seal = match found.sealing() {
        Some(record) => Some(seal_of(master, record)?),
        None if mode == SealMode::All && found.is_empty()? => {
            let (record, seal) = new_seal(master);
            found.seal_empty(&record)?;
            Some(seal)
        }
        None => None,
    };
    let opened = match &seal {
        Some(seal) => Opened::Sealed(Arc::new(found.sealed(seal.clone())?)),
        None => Opened::Clear(Arc::new(found.clear()?)),
    };
    Ok((opened, seal))
}

/// Brings the closed store in `directory` to `mode`; `from` opens its rows as they are.
///
/// # Errors
/// Too little room on the disk, and others: the store is then as it was.
pub(crate) fn change(
    directory: &Path,
    master: &MasterKey,
    from: Sealing,
    mode: SealMode,
) -> anyhow::Result<()> {
    let to = (mode == SealMode::All).then(|| new_seal(master));
    tracing::info!(to = mode.name(), "how the store is sealed is changed: this may take minutes");
    let progress = &mut |done: Transfer| {
        tracing::info!(rows = done.rows, bytes = done.bytes, "changing how the store is sealed");
    };
    let done = reseal(directory, Resealing { from, to }, progress).with_context(|| {
        format!(
            "the store could not be changed to `seal = \"{}\"` in [store], and was left as it was",
            mode.name()
        )
    })?;
    tracing::info!(
        rows = done.copied.rows,
        before = done.before_bytes,
        after = done.after_bytes,
        "how the store is sealed was changed"
    );
    Ok(())
}
