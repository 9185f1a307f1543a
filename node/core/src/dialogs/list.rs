//! The lists of dialogs: pinned ones on top, then the newest first.

use std::collections::HashSet;

use super::{Archived, Draft, FolderId, NotifySettings, NotifyTarget, UnreadMark};
use crate::boxes::{BoxState, Dialog};
use crate::history::{PAGE_MAX, Stored};
use crate::ids::{MessageId, PeerId, Pts, UserId};
use crate::personal::Personal;
use crate::timers::HistoryTtl;
use crate::{Core, CoreResult};

/// Which dialogs are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DialogQuery {
    /// Of which list; `None`: of both.
    pub folder: Option<FolderId>,
    /// Without those that are pinned.
    pub exclude_pinned: bool,
    /// The last dialog that the client has, and its newest message: the page begins after it. The
    /// dialog is not always said.
    pub after: Option<(MessageId, Option<PeerId>)>,
    /// At most [`PAGE_MAX`].
    pub limit: usize,
}

/// A dialog as clients list it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogView {
    /// With whom.
    pub peer: PeerId,
    /// The newest message; 0 if there is none.
    pub top: MessageId,
    /// The owner has read up to here.
    pub read_inbox: MessageId,
    /// The other party has read up to here.
    pub read_outbox: MessageId,
    /// Messages that the owner has not read.
    pub unread: i32,
    /// Messages that mention the owner, who has not looked at them.
    pub unread_mentions: i32,
    /// One's own messages with reactions of others that were not looked at.
    pub unread_reactions: i32,
    /// Marked as unread by hand.
    pub unread_mark: bool,
    /// Which list it is in.
    pub folder: FolderId,
    /// At the top of its list.
    pub pinned: bool,
    /// What the owner was about to write.
    pub draft: Option<Draft>,
    /// As far as they were set for this dialog.
    pub notify: NotifySettings,
    /// Seconds after which new messages go; 0: they stay.
    pub ttl_period: i32,
}

/// Some dialogs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DialogPage {
    /// The dialogs, in their order.
    pub dialogs: Vec<DialogView>,
    /// Their newest messages.
    pub messages: Vec<Stored>,
    /// How many dialogs there are in all.
    pub count: usize,
}

impl Core {
    /// A page of a list of dialogs; those that have a message are in it.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn dialogs(&self, owner: UserId, query: DialogQuery) -> CoreResult<DialogPage> {
        let mut count = 0;
        let read = || {
            let page = self.dialog_page(owner, query)?;
            count = page.count;
            Ok(page.dialogs)
        };
        let (dialogs, messages) = self.with_newest(owner, read, |dialog| dialog.top).await?;
        Ok(DialogPage { dialogs, messages, count })
    }

    /// A list of dialogs that is read from memory, and their newest messages.
    pub(crate) async fn with_newest<D>(
        &self,
        owner: UserId,
        mut read: impl FnMut() -> CoreResult<Vec<D>>,
        top: impl Fn(&D) -> MessageId,
    ) -> CoreResult<(Vec<D>, Vec<Stored>)> {
        // A newest message that is deleted between the two reads would leave a dialog without one:
        // then the list is read again. Under a storm of deletions the last try stands.
        let (mut dialogs, mut messages) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            dialogs = read()?;
            self.settled().await?;
            let tops: Vec<MessageId> = dialogs.iter().map(&top).collect();
            messages = self.rows(owner, &tops)?;
            if messages.len() == tops.len() {
                break;
            }
        }
        self.settled().await?;
        dialogs.retain(|dialog| messages.iter().any(|stored| stored.id == top(dialog)));
        Ok((dialogs, messages))
    }

    fn dialog_page(&self, owner: UserId, query: DialogQuery) -> CoreResult<DialogPage> {
        let personal = self.inner.personal(owner)?;
        let cell = self.inner.boxes.cell(owner);
        let state = cell.lock(&*self.inner.store, owner)?;
        page(&state, &personal, query)
    }

    /// One dialog for each of `peers`, in their order, also where there is no message yet; and the
    /// pts of the box.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn peer_dialogs(
        &self,
        owner: UserId,
        peers: &[PeerId],
    ) -> CoreResult<(DialogPage, Pts)> {
        let (dialogs, pts, count) = {
            let personal = self.inner.personal(owner)?;
            let cell = self.inner.boxes.cell(owner);
            let state = cell.lock(&*self.inner.store, owner)?;
            let dialogs = peers.iter().map(|peer| view(*peer, state.dialogs.get(peer), &personal));
            let dialogs: Vec<DialogView> = dialogs.collect::<CoreResult<_>>()?;
            (dialogs, state.pts, state.listed())
        };
        self.settled().await?;
        let tops: Vec<MessageId> =
            dialogs.iter().map(|dialog| dialog.top).filter(|top| top.0 != 0).collect();
        let messages = self.rows(owner, &tops)?;
        self.settled().await?;
        Ok((DialogPage { dialogs, messages, count }, pts))
    }
}

/// The page without its messages.
fn page(state: &BoxState, personal: &Personal, query: DialogQuery) -> CoreResult<DialogPage> {
    let archived: HashSet<PeerId> = super::peers_of(personal.all::<Archived>()?).collect();
    let is_in = |peer: PeerId| match query.folder {
        None => true,
        Some(FolderId::Archive) => archived.contains(&peer),
        Some(FolderId::Main) => !archived.contains(&peer),
    };
    let mut pins = personal.pins(query.folder.unwrap_or_default())?;
    pins.retain(|peer| state.dialogs.get(peer).is_some_and(|dialog| dialog.top.0 != 0));
    // What the client has of the pinned ones: all, unless the last one that it has is one of them.
    let pinned_seen = match query.after {
        None => 0,
        Some((_, None)) => pins.len(),
        Some((_, Some(last))) => {
            pins.iter().position(|peer| *peer == last).map_or(pins.len(), |at| at + 1)
        }
    };
    // The last of the pinned ones is no place in the list of the others.
    let last_is_pinned =
        query.after.is_some_and(|(_, last)| last.is_some_and(|last| pins.contains(&last)));
    let below = query.after.map(|(top, _)| top).filter(|_| !last_is_pinned);
    let top: &[PeerId] =
        if query.exclude_pinned { &[] } else { pins.get(pinned_seen..).unwrap_or_default() };
    let others = state.newest_first(below).map(|(peer, _)| peer);
    let others = others.filter(|peer| !pins.contains(peer) && is_in(*peer));
    let peers = top.iter().copied().chain(others).take(query.limit.min(PAGE_MAX));
    let dialogs = peers.map(|peer| view(peer, state.dialogs.get(&peer), personal));
    let listed = |peer: &&PeerId| state.dialogs.get(peer).is_some_and(|d| d.top.0 != 0);
    let count = match query.folder {
        None => state.listed(),
        Some(FolderId::Archive) => archived.iter().filter(listed).count(),
        Some(FolderId::Main) => state.listed() - archived.iter().filter(listed).count(),
    };
    let count = if query.exclude_pinned { count - pins.len() } else { count };
    Ok(DialogPage { dialogs: dialogs.collect::<CoreResult<_>>()?, messages: Vec::new(), count })
}

fn view(peer: PeerId, dialog: Option<&Dialog>, personal: &Personal) -> CoreResult<DialogView> {
    let key = peer.bytes();
    let archived = personal.get::<Archived>(&key)?.is_some();
    let folder = if archived { FolderId::Archive } else { FolderId::Main };
    Ok(DialogView {
        peer,
        top: dialog.map_or(MessageId(0), |dialog| dialog.top),
        read_inbox: dialog.map_or(MessageId(0), |dialog| dialog.read_inbox),
        read_outbox: dialog.map_or(MessageId(0), |dialog| dialog.read_outbox),
        unread: dialog.map_or(0, |dialog| dialog.unread),
        unread_mentions: dialog.map_or(0, |dialog| dialog.mentions.len() as i32),
        unread_reactions: personal.unread_reactions(peer)?.len() as i32,
        unread_mark: personal.get::<UnreadMark>(&key)?.is_some(),
        folder,
        pinned: personal.pins(folder)?.contains(&peer),
        draft: personal.get(&key)?,
        notify: personal.notify(NotifyTarget::Peer(peer))?,
        ttl_period: personal.get::<HistoryTtl>(&key)?.map_or(0, |ttl| ttl.0),
    })
}
