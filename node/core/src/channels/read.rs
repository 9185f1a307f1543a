//! What members have read of a channel: a number each, and how far anybody has read.

use std::collections::BTreeSet;

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{Channel, Participant, READERS, row_key};
use crate::boxes::StoredChunks;
use crate::decide::Decide;
use crate::event::{Event, Own};
use crate::history::Place;
use crate::ids::{Actor, BoxId, ChannelId, MessageId, Pts, UserId};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// The two who have read furthest, each with how far: whoever wrote a message, it was read by
/// somebody else if it lies below one of them who is not its writer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Furthest(Vec<(UserId, MessageId)>);

impl Record for Furthest {
    const VERSION: u8 = 1;
    const NAME: &'static str = "who has read furthest";
}

impl Furthest {
    /// How far others than `user` have read.
    pub(super) fn by_others(&self, user: UserId) -> MessageId {
        let others = self.0.iter().filter(|(reader, _)| *reader != user);
        others.map(|(_, id)| *id).max().unwrap_or_default()
    }

    /// True if that changes something.
    pub(super) fn add(&mut self, user: UserId, id: MessageId) -> bool {
        let before = self.0.clone();
        match self.0.iter_mut().find(|(reader, _)| *reader == user) {
            Some((_, known)) => *known = id.max(*known),
            None => self.0.push((user, id)),
        }
        self.0.sort_by_key(|(_, id)| std::cmp::Reverse(*id));
        self.0.truncate(2);
        self.0 != before
    }
}

/// How far a member has read a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelRead {
    /// Up to here.
    pub max_id: MessageId,
    /// Messages that stay unread; in a forum [`Core::unread_above`] tells.
    pub unread: i32,
    /// Where the channel's box is.
    pub pts: Pts,
}

/// Who has read, when it was somebody of another node.
pub(crate) const ELSEWHERE: UserId = UserId(0);

impl Core {
    /// Where a channel's box is.
    ///
    /// # Errors
    /// Those of the store.
    pub fn channel_state(&self, channel: ChannelId) -> CoreResult<Pts> {
        let cell = self.inner.boxes.cell(channel);
        Ok(cell.lock(&*self.inner.store, channel)?.pts)
    }

    /// Marks messages of a channel as read, up to and including `max_id`; 0 means all.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`].
    pub async fn read_channel(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        max_id: MessageId,
    ) -> CoreResult<ChannelRead> {
        self.write(Some(actor), move |decide| decide.read_channel(owner, channel, max_id)).await
    }

    /// Hides from a member what was said in a channel, up to and including `max_id`; 0 means all. Others
    /// keep it. Answers up to where nothing is shown to them from now on.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`].
    pub async fn clear_channel(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        max_id: MessageId,
    ) -> CoreResult<MessageId> {
        self.write(Some(actor), move |decide| {
            let read = decide.read_channel(owner, channel, max_id)?;
            let top = decide.top_of_channel(channel)?;
            let max_id = if max_id.0 <= 0 { top } else { max_id.min(top) };
            let view = decide.channel_view(owner, channel)?;
            let own = view.own.clone().ok_or(CoreError::UnknownChannel)?;
            let hidden_below = own.hidden_below.max(max_id);
            if hidden_below == own.hidden_below {
                return Ok(hidden_below);
            }
            debug_assert!(read.max_id >= hidden_below);
            let mut found = (*view.channel).clone();
            decide.put_participant(&mut found, &Participant { hidden_below, ..own })?;
            decide.see_mentions_up_to(channel, owner, hidden_below)?;
            decide.tell_own(owner, Own::ChannelCleared { channel, hidden_below });
            Ok(hidden_below)
        })
        .await
    }

    /// Who wrote the newest messages of a channel that lie above one and up to another: of so many
    /// numbers at most.
    ///
    /// # Errors
    /// Those of the store.
    pub fn writers_in_channel(
        &self,
        channel: ChannelId,
        after: MessageId,
        max_id: MessageId,
        at_most: u16,
    ) -> CoreResult<BTreeSet<UserId>> {
        let first = after.0.saturating_add(1).max(max_id.0.saturating_sub(at_most.into()) + 1);
        let ids: Vec<MessageId> = (first..=max_id.0).map(MessageId).collect();
        Ok(self.rows(channel, &ids)?.into_iter().map(|stored| stored.message.from).collect())
    }

    /// Messages of a channel that a member has not read who has read it up to one; in a forum without
    /// those that were read by topic.
    ///
    /// # Errors
    /// Those of the store.
    pub fn unread_above(
        &self,
        channel: ChannelId,
        user: UserId,
        read: MessageId,
    ) -> CoreResult<i32> {
        match self.channel(channel) {
            Some(found) if found.forum => self.unread_in_forum(channel, user, read),
            _ => self.unread_in_channel(channel, read),
        }
    }

    /// Messages above one that lie in a channel.
    fn unread_in_channel(&self, channel: ChannelId, read: MessageId) -> CoreResult<i32> {
        let unread =
            self.in_place(channel, Place::Dialog(channel.into()), |dialog, chunks, peer| {
                let mut unread = 0;
                if dialog.top > read {
                    dialog.index.ascend(read.0.saturating_add(1), chunks, peer, |_| {
                        unread += 1;
                        true
                    })?;
                }
                Ok(unread)
            })?;
        Ok(unread.unwrap_or(0))
    }

    /// How far others than `user` have read a channel.
    pub(crate) fn read_by_others(&self, channel: ChannelId, user: UserId) -> CoreResult<MessageId> {
        let row = self.inner.store.get(Keyspace::CHANNELS, &row_key(channel, READERS, &[]))?;
        let furthest = row.map(|row| Furthest::decode(&row)).transpose()?.unwrap_or_default();
        Ok(furthest.by_others(user))
    }
}

impl Decide<'_> {
    fn read_channel(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        max_id: MessageId,
    ) -> CoreResult<ChannelRead> {
        let view = self.channel_view(owner, channel)?;
        let own = view.own.filter(|own| own.joined).ok_or(CoreError::UnknownChannel)?;
        let (store, peer) = (self.store(), channel.into());
        let (pts, max_id, unread) = {
            let cell = self.inner.boxes.cell(channel);
            let state = cell.lock(store, channel)?;
            let chunks = StoredChunks { store, owner: BoxId::from(channel) };
            let dialog = state.dialogs.get(&peer);
            let top = dialog.map_or(MessageId(0), |dialog| dialog.top);
            let max_id = if max_id.0 <= 0 { top } else { max_id.min(top) }.max(own.read_inbox);
            let mut unread = 0;
            if let Some(dialog) = dialog.filter(|_| max_id < top) {
                dialog.index.ascend(max_id.0.saturating_add(1), &chunks, peer, |_| {
                    unread += 1;
                    true
                })?;
            }
            (state.pts, max_id, unread)
        };
        self.mark_unread(owner, peer, false)?;
        let read = ChannelRead { max_id, unread, pts };
        if max_id == own.read_inbox {
            return Ok(read);
        }
        let mut found = (*view.channel).clone();
        let before = own.read_inbox;
        self.put_participant(&mut found, &Participant { read_inbox: max_id, ..own })?;
        self.note_reading(&found, owner, max_id)?;
        let actor = self.actor;
        self.event(Event::ChannelRead { channel, user: owner, read, actor });
        if !found.broadcast {
            self.tell_seen_in_channel(channel, owner, before, max_id)?;
        }
        Ok(read)
    }

    /// Somebody has read a supergroup from one message to another: those who wrote there see it, if
    /// nobody else had.
    fn tell_seen_in_channel(
        &mut self,
        channel: ChannelId,
        by: UserId,
        after: MessageId,
        max_id: MessageId,
    ) -> CoreResult<()> {
        let key = row_key(channel, READERS, &[]);
        let mut furthest: Furthest = self.load(Keyspace::CHANNELS, &key)?.unwrap_or_default();
        if furthest.add(by, max_id) {
            self.put(Keyspace::CHANNELS, &key, &furthest)?;
            self.event(Event::ChannelSeen { channel, by, after, max_id });
        }
        Ok(())
    }

    /// Somebody of another node has read a supergroup up to a message.
    pub(crate) fn read_elsewhere(
        &mut self,
        channel: ChannelId,
        max_id: MessageId,
    ) -> CoreResult<()> {
        let key = row_key(channel, READERS, &[]);
        let furthest: Furthest = self.load(Keyspace::CHANNELS, &key)?.unwrap_or_default();
        let known = furthest.0.iter().find(|(reader, _)| *reader == ELSEWHERE);
        let after = known.map_or(MessageId(0), |(_, id)| *id);
        let max_id = max_id.min(self.top_of_channel(channel)?);
        if max_id <= after {
            return Ok(());
        }
        self.tell_seen_in_channel(channel, ELSEWHERE, after, max_id)
    }

    fn top_of_channel(&self, channel: ChannelId) -> CoreResult<MessageId> {
        let cell = self.inner.boxes.cell(channel);
        let state = cell.lock(self.store(), channel)?;
        let dialog = state.dialogs.get(&channel.into());
        Ok(dialog.map_or(MessageId(0), |dialog| dialog.top))
    }

    /// Messages above one, the lowest first.
    pub(super) fn ids_above(
        &self,
        channel: ChannelId,
        read: MessageId,
        limit: usize,
    ) -> CoreResult<Vec<MessageId>> {
        let (store, peer) = (self.store(), channel.into());
        let cell = self.inner.boxes.cell(channel);
        let state = cell.lock(store, channel)?;
        let chunks = StoredChunks { store, owner: BoxId::from(channel) };
        let mut ids = Vec::new();
        if let Some(dialog) = state.dialogs.get(&peer).filter(|dialog| dialog.top > read) {
            dialog.index.ascend(read.0.saturating_add(1), &chunks, peer, |entry| {
                ids.push(MessageId(entry.id));
                ids.len() < limit
            })?;
        }
        Ok(ids)
    }

    /// A member's mark goes up, as what lies below was read by topic.
    pub(super) fn move_mark(
        &mut self,
        channel: ChannelId,
        own: Participant,
        max_id: MessageId,
    ) -> CoreResult<()> {
        let (user, before) = (own.user, own.read_inbox);
        let mut found = self.channel_row(channel)?;
        self.put_participant(&mut found, &Participant { read_inbox: max_id, ..own })?;
        self.note_reading(&found, user, max_id)?;
        // It follows from what was read, and is told to the acting session too.
        let pts = self.inner.boxes.cell(channel).lock(self.store(), channel)?.pts;
        let read = ChannelRead { max_id, unread: 0, pts };
        self.event(Event::ChannelRead { channel, user, read, actor: None });
        self.tell_seen_in_channel(channel, user, before, max_id)
    }

    /// Whoever is about to write has read what is there. The mark is the caller's to move.
    pub(super) fn read_by_writing(
        &mut self,
        channel: &Channel,
        own: &Participant,
    ) -> CoreResult<()> {
        let (pts, max_id) = {
            let cell = self.inner.boxes.cell(channel.id);
            let state = cell.lock(self.store(), channel.id)?;
            let dialog = state.dialogs.get(&channel.id.into());
            (state.pts, dialog.map_or(MessageId(0), |dialog| dialog.top))
        };
        if own.read_inbox >= max_id {
            return Ok(());
        }
        let (user, actor) = (own.user, self.actor);
        let read = ChannelRead { max_id, unread: 0, pts };
        self.event(Event::ChannelRead { channel: channel.id, user, read, actor });
        if channel.broadcast {
            return Ok(());
        }
        self.tell_seen_in_channel(channel.id, user, own.read_inbox, max_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_furthest_two_are_remembered() {
        let mut furthest = Furthest::default();
        let (a, b, c) = (UserId(1), UserId(2), UserId(3));
        assert!(furthest.add(a, MessageId(5)));
        assert!(!furthest.add(a, MessageId(4)));
        assert_eq!(furthest.by_others(a), MessageId(0));
        assert_eq!(furthest.by_others(b), MessageId(5));
        assert!(furthest.add(b, MessageId(3)));
        assert!(!furthest.add(c, MessageId(2)));
        assert_eq!(furthest.by_others(a), MessageId(3));
        assert!(furthest.add(c, MessageId(9)));
        assert_eq!((furthest.by_others(c), furthest.by_others(a)), (MessageId(5), MessageId(9)));
    }
}
