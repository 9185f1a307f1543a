//! Dialogs that a member marked as unread by hand.

use serde::{Deserialize, Serialize};

use crate::decide::Decide;
use crate::event::Own;
use crate::ids::{Actor, PeerId, UserId};
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::{Core, CoreResult};

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
    /// [`crate::CoreError::UnknownUser`] where there is no such dialog.
    pub async fn mark_unread(
        &self,
        actor: Actor,
        owner: UserId,
        peer: PeerId,
        unread: bool,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            if unread {
                decide.needs_dialog(owner, peer)?;
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
        Ok(super::peers_of(personal.all::<UnreadMark>()?).collect())
    }
}

impl Decide<'_> {
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
