//! The archive: dialogs that a member moved out of the main list.
//!
//! Source: <https://core.telegram.org/api/folders#peer-folders>

use serde::{Deserialize, Serialize};

use crate::decide::Decide;
use crate::event::Own;
use crate::ids::{Actor, PeerId, Pts, UserId};
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// One of the two lists that each dialog is in one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum FolderId {
    /// The main list.
    #[default]
    Main,
    /// The archive.
    Archive,
}

/// A dialog is in the archive. Rest of the key: the peer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Archived;

impl Record for Archived {
    const VERSION: u8 = 1;
    const NAME: &'static str = "archived dialog";
}

impl PersonalRecord for Archived {
    const KIND: u8 = 3;
}

impl Core {
    /// Moves dialogs; one that moves is no longer pinned.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`] where there is no such dialog, [`CoreError::Oneself`] for the
    /// saved messages, which stay in the main list.
    pub async fn move_dialogs(
        &self,
        actor: Actor,
        owner: UserId,
        moves: Vec<(PeerId, FolderId)>,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            for (peer, folder) in &moves {
                decide.needs_dialog(owner, *peer)?;
                if *folder == FolderId::Archive && *peer == owner.into() {
                    return Err(CoreError::Oneself);
                }
            }
            let mut moved = Vec::with_capacity(moves.len());
            for (peer, folder) in moves {
                if decide.move_dialog(owner, peer, folder)? {
                    moved.push((peer, folder));
                }
            }
            if !moved.is_empty() {
                decide.tell_moved(owner, moved)?;
            }
            Ok(())
        })
        .await
    }
}

impl Core {
    /// Which list a dialog is in, as it is on disk.
    pub(crate) fn folder(&self, owner: UserId, peer: PeerId) -> CoreResult<FolderId> {
        let archived = self.inner.personal(owner)?.get::<Archived>(&peer.bytes())?.is_some();
        Ok(if archived { FolderId::Archive } else { FolderId::Main })
    }
}

impl Decide<'_> {
    /// Which list a dialog is in, as the commands before this one leave it.
    pub(crate) fn folder(&self, owner: UserId, peer: PeerId) -> CoreResult<FolderId> {
        let archived = self.personal::<Archived>(owner, &peer.bytes())?.is_some();
        Ok(if archived { FolderId::Archive } else { FolderId::Main })
    }

    /// True if that changed something.
    fn move_dialog(&mut self, owner: UserId, peer: PeerId, to: FolderId) -> CoreResult<bool> {
        if self.folder(owner, peer)? == to {
            return Ok(false);
        }
        self.pin_dialog(owner, peer, false)?;
        let archived = to == FolderId::Archive;
        self.set_personal(owner, &peer.bytes(), archived.then_some(&Archived))?;
        Ok(true)
    }

    fn tell_moved(&mut self, owner: UserId, moved: Vec<(PeerId, FolderId)>) -> CoreResult<()> {
        let pts = Pts(self.next_id(owner)?.0 - 1);
        self.tell_own(owner, Own::Folders { moved, pts });
        Ok(())
    }

    /// A message came: a dialog that is not muted leaves the archive.
    pub(crate) fn wake_dialog(&mut self, owner: UserId, peer: PeerId) -> CoreResult<()> {
        // As it is on disk: one look into memory for each message. What the same batch changes
        // shows with the next message.
        let personal = self.inner.personal(owner)?;
        if personal.get::<Archived>(&peer.bytes())?.is_none() || self.is_muted(owner, peer)? {
            return Ok(());
        }
        if self.move_dialog(owner, peer, FolderId::Main)? {
            // The acting session may be another member's.
            let actor = self.actor.take();
            self.tell_moved(owner, vec![(peer, FolderId::Main)])?;
            self.actor = actor;
        }
        Ok(())
    }
}
