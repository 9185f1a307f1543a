//! Boxes in memory.

use std::collections::HashMap;
use std::sync::Arc;

use node_store::Store;
use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};

use super::{BoxState, load};
use crate::CoreResult;
use crate::ids::{BoxId, Pts};

/// Boxes that stay in memory when nobody uses them. Protects memory: some hundred bytes each, and
/// 150 for each of its dialogs.
const BOXES_MAX: usize = 4096;

/// The place of one box; filled when it is first used.
#[derive(Debug, Default)]
pub(crate) struct BoxCell(Mutex<Option<BoxState>>);

impl BoxCell {
    /// The state, read from the store if it is not in memory. Never held across an await.
    pub(crate) fn lock(
        &self,
        store: &dyn Store,
        owner: impl Into<BoxId>,
    ) -> CoreResult<MappedMutexGuard<'_, BoxState>> {
        let mut guard = self.0.lock();
        if guard.is_none() {
            *guard = Some(load(store, owner.into())?);
        }
        Ok(MutexGuard::map(guard, |state| state.get_or_insert_default()))
    }
}

/// All boxes that are in memory.
#[derive(Debug, Default)]
pub(crate) struct Boxes(Mutex<HashMap<BoxId, Arc<BoxCell>>>);

impl Boxes {
    /// The place of a box.
    pub(crate) fn cell(&self, owner: impl Into<BoxId>) -> Arc<BoxCell> {
        self.0.lock().entry(owner.into()).or_default().clone()
    }

    /// The rows of a box up to `pts` are in the search index, if it is in memory.
    pub(crate) fn indexed(&self, owner: BoxId, pts: Pts) {
        let Some(cell) = self.0.lock().get(&owner).cloned() else { return };
        if let Some(state) = &mut *cell.0.lock() {
            state.indexed = pts;
        }
    }

    /// Forgets boxes down to half of the bound. Only the committer calls it, when nothing is on its
    /// way to the store: a box that is loaded again finds all of its rows, and what is derived
    /// from them is derived anew.
    pub(crate) fn evict(&self) {
        if self.0.lock().len() > BOXES_MAX {
            self.evict_to(BOXES_MAX / 2);
        }
    }

    /// Forgets boxes until `kept` are left, or those that are in use.
    pub(crate) fn evict_to(&self, kept: usize) {
        let mut boxes = self.0.lock();
        let mut excess = boxes.len().saturating_sub(kept);
        boxes.retain(|_, cell| {
            let goes = excess > 0 && Arc::strong_count(cell) == 1;
            excess -= usize::from(goes);
            !goes
        });
    }
}
