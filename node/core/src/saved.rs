//! Messages to oneself, by the dialogs that they were taken from.

use serde::{Deserialize, Serialize};

use crate::event::Own;
use crate::ids::{Actor, MessageId, PeerId, UserId};
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult, PAGE_MAX, Stored};

/// Saved dialogs that a member may pin: what clients are told as
/// `saved_dialogs_pinned_limit_default`.
pub const SAVED_PINS_MAX: usize = 5;

/// The saved dialogs that a member pinned, the first one on top. One row.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct SavedPins(Vec<PeerId>);

impl Record for SavedPins {
    const VERSION: u8 = 1;
    const NAME: &'static str = "pinned saved dialogs";
}

impl PersonalRecord for SavedPins {
    const KIND: u8 = 60;
}

/// Messages to oneself that were taken from one dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedDialog {
    /// Which; one's own for notes, [`crate::HIDDEN_AUTHOR`] where it is not known.
    pub source: PeerId,
    /// The newest of them; 0 if there is none any more.
    pub top: MessageId,
    /// Whether it is pinned.
    pub pinned: bool,
}

/// Some saved dialogs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavedDialogPage {
    /// The dialogs.
    pub dialogs: Vec<SavedDialog>,
    /// Their newest messages.
    pub messages: Vec<Stored>,
    /// How many there are in all.
    pub count: usize,
}

impl Core {
    /// Saved dialogs, the newest first; `below` is the newest message of the last one that the
    /// client has.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn saved_dialogs(
        &self,
        owner: UserId,
        below: Option<MessageId>,
        limit: usize,
        without_pinned: bool,
    ) -> CoreResult<SavedDialogPage> {
        let pins = self.saved_pins(owner)?;
        let (sources, count) = {
            let cell = self.inner.boxes.cell(owner);
            let state = cell.lock(&*self.inner.store, owner)?;
            let shown = |source: &PeerId| !without_pinned || !pins.contains(source);
            let sources = state.saved.newest_first(below).map(|(source, _)| source);
            let sources = sources.filter(shown).take(limit.min(PAGE_MAX)).collect::<Vec<_>>();
            let hidden = pins.iter().filter(|pin| {
                without_pinned && state.saved.get(pin).is_some_and(|dialog| dialog.top.0 != 0)
            });
            (sources, state.saved.listed() - hidden.count())
        };
        self.saved_page(owner, &sources, count).await
    }

    /// Those of `sources` that have a message, in that order.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn saved_dialogs_of(
        &self,
        owner: UserId,
        sources: &[PeerId],
    ) -> CoreResult<SavedDialogPage> {
        self.saved_page(owner, sources, sources.len()).await
    }

    /// The pinned ones, the first one on top.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn pinned_saved_dialogs(&self, owner: UserId) -> CoreResult<SavedDialogPage> {
        let pins = self.saved_pins(owner)?;
        self.saved_page(owner, &pins, pins.len()).await
    }

    async fn saved_page(
        &self,
        owner: UserId,
        sources: &[PeerId],
        count: usize,
    ) -> CoreResult<SavedDialogPage> {
        let pins = self.saved_pins(owner)?;
        let read = || {
            let cell = self.inner.boxes.cell(owner);
            let state = cell.lock(&*self.inner.store, owner)?;
            let dialog = |source: &PeerId| {
                let top = state.saved.get(source)?.top;
                let pinned = pins.contains(source);
                (top.0 != 0).then_some(SavedDialog { source: *source, top, pinned })
            };
            Ok(sources.iter().filter_map(dialog).collect())
        };
        let (dialogs, messages) = self.with_newest(owner, read, |dialog| dialog.top).await?;
        Ok(SavedDialogPage { dialogs, messages, count })
    }

    /// The sources of the pinned ones, as they are on disk.
    ///
    /// # Errors
    /// Those of the store.
    pub fn saved_pins(&self, owner: UserId) -> CoreResult<Vec<PeerId>> {
        Ok(self.inner.personal(owner)?.get::<SavedPins>(&[])?.unwrap_or_default().0)
    }

    /// Pins a saved dialog on top, or lets it go.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`] where none of its messages is there, [`CoreError::TooManyPinned`].
    pub async fn pin_saved_dialog(
        &self,
        actor: Actor,
        owner: UserId,
        source: PeerId,
        pinned: bool,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let mut pins = decide.personal::<SavedPins>(owner, &[])?.unwrap_or_default();
            if pins.0.contains(&source) == pinned {
                return Ok(());
            }
            if pinned {
                let cell = decide.inner.boxes.cell(owner);
                let state = cell.lock(decide.store(), owner)?;
                if state.saved.get(&source).is_none_or(|dialog| dialog.top.0 == 0) {
                    return Err(CoreError::UnknownUser);
                }
                // Those whose messages are gone make room.
                let there = |pin: &PeerId| state.saved.get(pin).is_some_and(|d| d.top.0 != 0);
                if pins.0.len() >= SAVED_PINS_MAX {
                    pins.0.retain(there);
                }
                if pins.0.len() >= SAVED_PINS_MAX {
                    return Err(CoreError::TooManyPinned);
                }
                pins.0.insert(0, source);
            } else {
                pins.0.retain(|pin| *pin != source);
            }
            let row = (!pins.0.is_empty()).then_some(&pins);
            decide.set_personal(owner, &[], row)?;
            decide.tell_own(owner, Own::SavedPinned { source, pinned });
            Ok(())
        })
        .await
    }

    /// Puts pinned saved dialogs in an order; `force` lets go of those that it does not name.
    ///
    /// # Errors
    /// [`CoreError::TooManyPinned`].
    pub async fn order_saved_pins(
        &self,
        actor: Actor,
        owner: UserId,
        order: Vec<PeerId>,
        force: bool,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let known = decide.personal::<SavedPins>(owner, &[])?.unwrap_or_default().0;
            let mut pins: Vec<PeerId> = Vec::new();
            for source in order {
                if known.contains(&source) && !pins.contains(&source) {
                    pins.push(source);
                }
            }
            if !force {
                pins.extend(
                    known.iter().filter(|pin| !pins.contains(pin)).copied().collect::<Vec<_>>(),
                );
            }
            if pins == known {
                return Ok(());
            }
            let row = (!pins.is_empty()).then_some(SavedPins(pins.clone()));
            decide.set_personal(owner, &[], row.as_ref())?;
            decide.tell_own(owner, Own::SavedPins);
            Ok(())
        })
        .await
    }
}
