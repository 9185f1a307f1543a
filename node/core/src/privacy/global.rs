//! What a member decides about strangers, archived dialogs and read receipts, as a whole.

use serde::{Deserialize, Serialize};

use crate::ids::{Actor, UserId};
use crate::personal::{Personal, PersonalRecord};
use crate::record::Record;
use crate::{Core, CoreResult};

/// Settings that are not about one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GlobalPrivacy {
    /// Who cannot see when one was there last, does not see either when a message was read.
    pub hide_read_marks: bool,
    /// Dialogs stay in the archive when something new comes, though they are not muted.
    pub keep_archived_unmuted: bool,
    /// The same for dialogs that are in folders.
    pub keep_archived_folders: bool,
}

impl Record for GlobalPrivacy {
    const VERSION: u8 = 1;
    const NAME: &'static str = "global privacy";
}

impl PersonalRecord for GlobalPrivacy {
    const KIND: u8 = 21;
}

impl GlobalPrivacy {
    pub(super) fn of(personal: &Personal) -> CoreResult<Self> {
        Ok(personal.get::<Self>(&[])?.unwrap_or_default())
    }
}

impl Core {
    /// What the member has set.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn global_privacy(&self, owner: UserId) -> CoreResult<GlobalPrivacy> {
        let set = GlobalPrivacy::of(&*self.inner.personal(owner)?)?;
        self.settled().await?;
        Ok(set)
    }

    /// Replaces it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn set_global_privacy(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        set: GlobalPrivacy,
    ) -> CoreResult<()> {
        self.write(actor, move |decide| {
            let kept = (set != GlobalPrivacy::default()).then_some(&set);
            decide.set_personal(owner, &[], kept)
        })
        .await
    }
}
