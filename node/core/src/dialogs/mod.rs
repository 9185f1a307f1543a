//! What a member sets about dialogs: for oneself, beside what follows from the messages.

mod archive;
mod draft;
mod filters;
mod list;
mod notify;
mod pins;
mod unread_mark;

pub(crate) use archive::Archived;
pub use archive::FolderId;
pub use draft::{Draft, DraftReply};
pub use filters::{FILTER_TITLE_CHARS_MAX, FILTERS_MAX, Filter, FilterError, FilterId, Filters};
pub use list::{DialogPage, DialogPlace, DialogQuery, DialogView};
pub use notify::{NotifyScope, NotifySettings, NotifyTarget, Sound};
pub(crate) use unread_mark::UnreadMark;

use crate::decide::Decide;
use crate::ids::{Actor, PeerId, UserId};
use crate::{Core, CoreError, CoreResult};

impl Decide<'_> {
    /// Whether the member has this dialog, as the commands before this one leave it.
    pub(crate) fn has_dialog(&self, owner: UserId, peer: PeerId) -> CoreResult<bool> {
        if let PeerId::Channel(channel) = peer {
            return Ok(self.participant(channel, owner)?.is_some_and(|own| own.joined));
        }
        let cell = self.inner.boxes.cell(owner);
        Ok(cell.lock(self.store(), owner)?.dialogs.contains_key(&peer))
    }

    /// # Errors
    /// [`CoreError::UnknownUser`] where there is no such dialog.
    fn needs_dialog(&self, owner: UserId, peer: PeerId) -> CoreResult<()> {
        if self.has_dialog(owner, peer)? { Ok(()) } else { Err(CoreError::UnknownUser) }
    }
}

impl Core {
    /// The member removed a dialog, messages and all: nothing of what was set about it stays, but
    /// for its notifications. Where there are messages, nothing happens.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn forget_dialog(&self, actor: Actor, owner: UserId, peer: PeerId) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let cell = decide.inner.boxes.cell(owner);
            let state = cell.lock(decide.store(), owner)?;
            let has_messages = state.dialogs.get(&peer).is_some_and(|dialog| dialog.count > 0);
            drop(state);
            if has_messages {
                return Ok(());
            }
            decide.mark_unread(owner, peer, false)?;
            decide.save_draft(owner, peer, None)?;
            decide.pin_dialog(owner, peer, false)
        })
        .await
    }
}

/// The peers that rows are about.
fn peers_of<K: AsRef<[u8]>, R>(rows: Vec<(K, R)>) -> impl Iterator<Item = PeerId> {
    rows.into_iter().filter_map(|(peer, _)| PeerId::from_bytes(peer.as_ref()))
}
