//! The lists of dialogs: pinned ones on top, then the newest first.

use std::collections::HashSet;

use super::{Archived, Draft, FolderId, NotifySettings, NotifyTarget, UnreadMark};
use crate::boxes::Dialog;
use crate::history::{PAGE_MAX, Place, Stored};
use crate::ids::{BoxId, ChannelId, MessageId, PeerId, Pts, UserId};
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
    /// The last dialog that the client has: the page begins after it.
    pub after: Option<DialogPlace>,
    /// At most [`PAGE_MAX`].
    pub limit: usize,
}

/// A place in a list of dialogs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DialogPlace {
    /// The newest message of the dialog.
    pub id: MessageId,
    /// Its date, in unix seconds; 0: not said.
    pub date: i32,
    /// The dialog; not always said.
    pub peer: Option<PeerId>,
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
    /// Of a forum: it is shown as one conversation.
    pub forum_as_messages: bool,
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
    /// Of a channel: where its box is.
    pub pts: Option<Pts>,
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
        // A newest message that is deleted while the page is read would leave a dialog without one:
        // then it is read again. Under a storm of deletions the last try stands.
        let mut page = DialogPage::default();
        for _ in 0..3 {
            let wanted;
            (page, wanted) = self.dialog_page(owner, query).await?;
            if page.dialogs.len() == wanted {
                break;
            }
        }
        Ok(page)
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

    /// A page, and how many dialogs should be on it.
    async fn dialog_page(
        &self,
        owner: UserId,
        query: DialogQuery,
    ) -> CoreResult<(DialogPage, usize)> {
        let personal = self.inner.personal(owner)?;
        let own: Vec<(MessageId, PeerId)> = {
            let cell = self.inner.boxes.cell(owner);
            let state = cell.lock(&*self.inner.store, owner)?;
            state.newest_first(None).map(|(peer, dialog)| (dialog.top, peer)).collect()
        };
        let channels = self.channel_tops(owner)?;
        self.settled().await?;
        let has = |peer: &PeerId| match peer {
            PeerId::Channel(id) => channels.iter().any(|top| top.channel == *id),
            peer => own.iter().any(|(_, other)| other == peer),
        };
        let archived: HashSet<PeerId> = super::peers_of(personal.all::<Archived>()?).collect();
        let is_in = |peer: PeerId| match query.folder {
            None => true,
            Some(FolderId::Archive) => archived.contains(&peer),
            Some(FolderId::Main) => !archived.contains(&peer),
        };
        let mut pins = personal.pins(query.folder.unwrap_or_default())?;
        pins.retain(has);
        // What the client has of the pinned ones: all, unless the last one that it has is one of them.
        let last = query.after.map(|after| after.peer);
        let pinned_seen = match last {
            None => 0,
            Some(None) => pins.len(),
            Some(Some(last)) => {
                pins.iter().position(|peer| *peer == last).map_or(pins.len(), |at| at + 1)
            }
        };
        // The last of the pinned ones is no place in the list of the others.
        let last_is_pinned = last.flatten().is_some_and(|last| pins.contains(&last));
        let after = query.after.filter(|_| !last_is_pinned);
        let limit = query.limit.min(PAGE_MAX);
        let mut peers: Vec<PeerId> = match query.exclude_pinned {
            true => Vec::new(),
            false => pins.iter().skip(pinned_seen).take(limit).copied().collect(),
        };
        let shown = |peer: &PeerId| !pins.contains(peer) && is_in(*peer);
        let begin = self.place_after(owner, &own, after)?;
        let others = own.iter().skip(begin).filter(|(_, peer)| shown(peer));
        let others: Vec<_> = others.take(limit - peers.len()).copied().collect();
        let after_date = match after {
            Some(DialogPlace { date: 0, id, peer }) => {
                let place = peer.map_or(BoxId::from(owner), |peer| BoxId::of(owner, peer));
                self.date_of(place, id)?.unwrap_or(i32::MAX)
            }
            after => after.map_or(i32::MAX, |after| after.date),
        };
        let behind = |top: &&ChannelTop| match after.and_then(|after| after.peer?.channel()) {
            Some(last) => (top.date, top.channel) < (after_date, last),
            None => top.date <= after_date,
        };
        let of_channels = channels.iter().filter(behind).filter(|top| shown(&top.channel.into()));
        self.merge(owner, &others, of_channels, limit, &mut peers)?;
        let wanted = peers.len();
        let listed = own.len() + channels.len();
        let in_archive = archived.iter().filter(|peer| has(peer)).count();
        let count = match query.folder {
            None => listed,
            Some(FolderId::Archive) => in_archive,
            Some(FolderId::Main) => listed - in_archive,
        };
        let count = if query.exclude_pinned { count - pins.len() } else { count };
        let (mut dialogs, messages) = self.views(owner, &peers, &personal).await?;
        self.settled().await?;
        let has_top = |dialog: &DialogView| {
            let of = |stored: &&Stored| {
                BoxId::of(owner, stored.message.peer) == BoxId::of(owner, dialog.peer)
            };
            messages.iter().filter(of).any(|stored| stored.id == dialog.top)
        };
        dialogs.retain(has_top);
        Ok((DialogPage { dialogs, messages, count }, wanted))
    }

    /// Where in the list of the box's own dialogs a page begins.
    fn place_after(
        &self,
        owner: UserId,
        own: &[(MessageId, PeerId)],
        after: Option<DialogPlace>,
    ) -> CoreResult<usize> {
        let Some(after) = after else { return Ok(0) };
        if after.peer.and_then(PeerId::channel).is_none() {
            return Ok(own.partition_point(|(top, _)| *top >= after.id));
        }
        // Behind a channel: dates grow with ids, so a few rows tell where.
        let (mut low, mut high) = (0, own.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let top = own.get(middle).map_or(MessageId(0), |(top, _)| *top);
            match self.date_of(owner, top)? {
                Some(date) if date < after.date => high = middle,
                _ => low = middle + 1,
            }
        }
        Ok(low)
    }

    fn date_of(&self, owner: impl Into<BoxId>, id: MessageId) -> CoreResult<Option<i32>> {
        Ok(self.rows(owner, &[id])?.first().map(|stored| stored.message.date))
    }

    /// Adds dialogs until there are `limit`: the latest first, of one second those of the own box.
    fn merge<'a>(
        &self,
        owner: UserId,
        own: &[(MessageId, PeerId)],
        channels: impl Iterator<Item = &'a ChannelTop>,
        limit: usize,
        peers: &mut Vec<PeerId>,
    ) -> CoreResult<()> {
        let mut channels = channels.peekable();
        if channels.peek().is_none() {
            peers.extend(own.iter().map(|(_, peer)| *peer));
            return Ok(());
        }
        let tops: Vec<MessageId> = own.iter().map(|(top, _)| *top).collect();
        let rows = self.rows(owner, &tops)?;
        let mut own = own.iter().peekable();
        while peers.len() < limit {
            let date = own.peek().map(|(top, _)| {
                rows.iter().find(|row| row.id == *top).map_or(0, |row| row.message.date)
            });
            let next = match (date, channels.peek()) {
                (Some(date), Some(top)) if top.date > date => {
                    channels.next().map(|top| top.channel.into())
                }
                (Some(_), _) => own.next().map(|(_, peer)| *peer),
                (None, _) => channels.next().map(|top| top.channel.into()),
            };
            match next {
                Some(peer) => peers.push(peer),
                None => break,
            }
        }
        Ok(())
    }

    /// The channels of a member with their newest messages, the latest first.
    fn channel_tops(&self, owner: UserId) -> CoreResult<Vec<ChannelTop>> {
        let mut tops = Vec::new();
        for channel in self.channels_of(owner)? {
            let place = Place::Dialog(channel.into());
            let top = self.in_place(channel, place, |dialog, _, _| Ok(dialog.top))?;
            let Some(top) = top.filter(|top| top.0 != 0) else { continue };
            if self.channel(channel).is_none_or(|found| found.deleted) {
                continue;
            }
            if let Some(date) = self.date_of(channel, top)? {
                tops.push(ChannelTop { channel, date });
            }
        }
        tops.sort_by_key(|top| std::cmp::Reverse((top.date, top.channel)));
        Ok(tops)
    }

    /// How dialogs look, and their newest messages.
    async fn views(
        &self,
        owner: UserId,
        peers: &[PeerId],
        personal: &Personal,
    ) -> CoreResult<(Vec<DialogView>, Vec<Stored>)> {
        let mut dialogs = Vec::with_capacity(peers.len());
        let mut messages = Vec::with_capacity(peers.len());
        let mut tops = Vec::with_capacity(peers.len());
        for peer in peers {
            let dialog = match peer {
                PeerId::Channel(channel) => {
                    let dialog = self.channel_at_rest(owner, *channel, personal).await?;
                    messages.extend(self.rows(*channel, &[dialog.top])?);
                    dialog
                }
                peer => {
                    let cell = self.inner.boxes.cell(owner);
                    let state = cell.lock(&*self.inner.store, owner)?;
                    let dialog = view(*peer, state.dialogs.get(peer), personal)?;
                    tops.extend(Some(dialog.top).filter(|top| top.0 != 0));
                    dialog
                }
            };
            dialogs.push(dialog);
        }
        messages.extend(self.rows(owner, &tops)?);
        Ok((dialogs, messages))
    }

    /// A channel as its member lists it at one moment: what comes after the pts that it tells is in no
    /// part of it, so that clients count nothing twice and miss nothing.
    async fn channel_at_rest(
        &self,
        owner: UserId,
        channel: ChannelId,
        personal: &Personal,
    ) -> CoreResult<DialogView> {
        let mut before = self.channel_state(channel)?;
        for _ in 0..AT_REST_TRIES {
            // Its box is ahead of the store's rows until what is decided is written.
            self.settled().await?;
            let dialog = self.channel_dialog(owner, channel, personal)?;
            let after = self.channel_state(channel)?;
            if after == before {
                return Ok(dialog);
            }
            before = after;
        }
        // It never rests. What is told again clients know by its number.
        let dialog = self.channel_dialog(owner, channel, personal)?;
        Ok(DialogView { pts: Some(before), ..dialog })
    }

    /// A channel as its member lists it.
    fn channel_dialog(
        &self,
        owner: UserId,
        channel: ChannelId,
        personal: &Personal,
    ) -> CoreResult<DialogView> {
        let place = Place::Dialog(channel.into());
        let top = self.in_place(channel, place, |dialog, _, _| Ok(dialog.top))?;
        let own = self.newest_participant(channel, owner)?;
        let read = own.as_ref().map_or(MessageId(0), |own| own.read_inbox);
        let mut dialog = view(channel.into(), None, personal)?;
        dialog.top = top.unwrap_or_default();
        dialog.read_inbox = read;
        dialog.read_outbox = self.read_by_others(channel, owner)?;
        dialog.unread = self.unread_above(channel, owner, read)?;
        dialog.unread_mentions = own.as_ref().map_or(0, |own| own.unread_mentions);
        dialog.forum_as_messages = own.is_some_and(|own| own.forum_as_messages);
        dialog.pts = Some(self.channel_state(channel)?);
        Ok(dialog)
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
        let personal = self.inner.personal(owner)?;
        let (pts, count) = {
            let cell = self.inner.boxes.cell(owner);
            let state = cell.lock(&*self.inner.store, owner)?;
            (state.pts, state.listed())
        };
        let (dialogs, messages) = self.views(owner, peers, &personal).await?;
        self.settled().await?;
        Ok((DialogPage { dialogs, messages, count }, pts))
    }
}

/// How often a channel is looked at until nothing was said in it meanwhile.
const AT_REST_TRIES: usize = 4;

/// A channel among the dialogs of its members.
#[derive(Debug, Clone, Copy)]
struct ChannelTop {
    channel: ChannelId,
    /// Of its newest message, in unix seconds.
    date: i32,
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
        forum_as_messages: false,
        folder,
        pinned: personal.pins(folder)?.contains(&peer),
        draft: personal.get(&key)?,
        notify: personal.notify(NotifyTarget::Peer(peer))?,
        ttl_period: personal.get::<HistoryTtl>(&key)?.map_or(0, |ttl| ttl.0),
        pts: None,
    })
}
