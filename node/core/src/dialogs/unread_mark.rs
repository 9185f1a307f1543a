//! Dialogs that a member marked as unread by hand.

use serde::{Deserialize, Serialize};

use crate::decide::Decide;
use crate::event::Own;
use crate::ids::{Actor, PeerId, UserId};
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// A dialog is marked. Rest of the key: the peer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct UnreadMark;

impl Record for UnreadMark {
    const VERSION: u8 = 1;
    const NAME: &'static str = "unread mark";
}

impl PersonalRecord for UnreadMark {
    const KIND: u8 = 1;
}

impl Core {
    /// Marks a dialog as unread, or takes the mark back. Reading it does that too.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`] where there is no such dialog.
    pub async fn mark_unread(
        &self,
        actor: Actor,
        owner: UserId,
        peer: PeerId,
        unread: bool,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            if unread && !decide.has_dialog(owner, peer)? {
                return Err(CoreError::UnknownUser);
            }
            decide.mark_unread(owner, peer, unread)
        })
        .await
    }

    /// The dialogs that are marked.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn unread_marks(&self, owner: UserId) -> CoreResult<Vec<PeerId>> {
        let personal = self.inner.personal(owner)?;
        let marks = personal.all::<UnreadMark>()?;
        Ok(marks.iter().filter_map(|(peer, _)| PeerId::from_bytes(peer)).collect())
    }
}

impl Decide<'_> {
    /// Whether the member has this dialog, as the commands before this one leave it.
    pub(crate) fn has_dialog(&self, owner: UserId, peer: PeerId) -> CoreResult<bool> {
        let cell = self.inner.boxes.cell(owner);
        Ok(cell.lock(self.store(), owner)?.dialogs.contains_key(&peer))
    }

    pub(crate) fn mark_unread(
        &mut self,
        owner: UserId,
        peer: PeerId,
        unread: bool,
    ) -> CoreResult<()> {
        let before = self.personal::<UnreadMark>(owner, &peer.bytes())?.is_some();
        if before == unread {
            return Ok(());
        }
        self.set_personal(owner, &peer.bytes(), unread.then_some(&UnreadMark))?;
        self.tell_own(owner, Own::UnreadMark { peer, unread });
        Ok(())
    }
}
