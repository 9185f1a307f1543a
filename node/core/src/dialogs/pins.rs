//! Dialogs that stay at the top of their list.

use serde::{Deserialize, Serialize};

use super::FolderId;
use crate::decide::Decide;
use crate::event::Own;
use crate::ids::{Actor, PeerId, UserId};
use crate::personal::{Personal, PersonalRecord};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Dialogs that may be pinned: `config.pinned_dialogs_count_max` and
/// `config.pinned_infolder_count_max`.
pub(crate) fn pins_max(folder: FolderId) -> usize {
    match folder {
        FolderId::Main => 5,
        FolderId::Archive => 100,
    }
}

/// The pinned dialogs of one list, the topmost first. Rest of the key: the list (1).
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pins(pub(crate) Vec<PeerId>);

impl Record for Pins {
    const VERSION: u8 = 1;
    const NAME: &'static str = "pinned dialogs";
}

impl PersonalRecord for Pins {
    const KIND: u8 = 4;
}

fn rest(folder: FolderId) -> [u8; 1] {
    [match folder {
        FolderId::Main => 0,
        FolderId::Archive => 1,
    }]
}

impl Personal {
    /// The pinned dialogs of a list, the topmost first.
    pub(crate) fn pins(&self, folder: FolderId) -> CoreResult<Vec<PeerId>> {
        Ok(self.get::<Pins>(&rest(folder))?.unwrap_or_default().0)
    }
}

impl Core {
    /// Pins a dialog at the top of its list, or unpins it.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`] where there is no such dialog, [`CoreError::TooManyPinned`].
    pub async fn pin_dialog(
        &self,
        actor: Actor,
        owner: UserId,
        peer: PeerId,
        pinned: bool,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            decide.needs_dialog(owner, peer)?;
            decide.pin_dialog(owner, peer, pinned)
        })
        .await
    }

    /// Puts the pinned dialogs of a list in this order. What is not named stays pinned below, unless
    /// `force`; what is named and not pinned is pinned only with `force`.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`] for what is no dialog of this list, [`CoreError::TooManyPinned`].
    pub async fn reorder_pins(
        &self,
        actor: Actor,
        owner: UserId,
        folder: FolderId,
        mut order: Vec<PeerId>,
        force: bool,
    ) -> CoreResult<()> {
        let mut seen = std::collections::HashSet::new();
        order.retain(|peer| seen.insert(*peer));
        self.write(Some(actor), move |decide| {
            let before = decide.pins(owner, folder)?;
            if force {
                for peer in &order {
                    decide.needs_dialog(owner, *peer)?;
                    if decide.folder(owner, *peer)? != folder {
                        return Err(CoreError::UnknownUser);
                    }
                }
                if order.len() > pins_max(folder) {
                    return Err(CoreError::TooManyPinned);
                }
            } else {
                order.retain(|peer| before.contains(peer));
                let rest: Vec<PeerId> =
                    before.iter().filter(|peer| !order.contains(peer)).copied().collect();
                order.extend(rest);
            }
            if order != before {
                decide.set_pins(owner, folder, order)?;
                decide.tell_own(owner, Own::PinnedOrder(folder));
            }
            Ok(())
        })
        .await
    }

    /// The pinned dialogs of a list, the topmost first.
    ///
    /// # Errors
    /// Those of the store.
    pub fn pins(&self, owner: UserId, folder: FolderId) -> CoreResult<Vec<PeerId>> {
        self.inner.personal(owner)?.pins(folder)
    }
}

impl Decide<'_> {
    fn pins(&self, owner: UserId, folder: FolderId) -> CoreResult<Vec<PeerId>> {
        Ok(self.personal::<Pins>(owner, &rest(folder))?.unwrap_or_default().0)
    }

    fn set_pins(&mut self, owner: UserId, folder: FolderId, pins: Vec<PeerId>) -> CoreResult<()> {
        let pins = (!pins.is_empty()).then_some(Pins(pins));
        self.set_personal(owner, &rest(folder), pins.as_ref())
    }

    pub(crate) fn pin_dialog(
        &mut self,
        owner: UserId,
        peer: PeerId,
        pinned: bool,
    ) -> CoreResult<()> {
        let folder = self.folder(owner, peer)?;
        let mut pins = self.pins(owner, folder)?;
        if pins.contains(&peer) == pinned {
            return Ok(());
        }
        if pinned {
            if pins.len() >= pins_max(folder) {
                return Err(CoreError::TooManyPinned);
            }
            pins.insert(0, peer);
        } else {
            pins.retain(|other| *other != peer);
        }
        self.set_pins(owner, folder, pins)?;
        self.tell_own(owner, Own::Pinned { peer, folder, pinned });
        Ok(())
    }
}
