//! What members of a supergroup have listened to, and when they have read.
//!
//! A message lies once for all, so its mark says only that there is something to listen to; who did is
//! beside it. Keyspace `CHANNELS`, kinds: 48 ++ id (4) that somebody has listened ([`Heard`]); 49 ++ user
//! (8) what one member has listened to ([`HeardBy`]); 50 ++ user (8) when one has read
//! ([`ReadMarks`]), while there are few enough to be told apart.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::views::Ranges;
use super::{Channel, ParticipantFilter, row_key};
use crate::chats::{READERS_MEMBERS_MAX, Reader};
use crate::decide::Decide;
use crate::event::Own;
use crate::ids::{Actor, ChannelId, MessageId, UserId};
use crate::message::Message;
use crate::read_date::READ_DATE_KEPT_S;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

const HEARD: u8 = 48;
const HEARD_BY: u8 = 49;
const READ_AT: u8 = 50;

/// Messages that one command marks.
const AT_ONCE: usize = 100;

/// Moments of reading that are kept of one member.
const MARKS_MAX: usize = 100;

/// Somebody has listened to a message: who was first.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Heard(UserId);

impl Record for Heard {
    const VERSION: u8 = 1;
    const NAME: &'static str = "message that was listened to";
}

/// What one member has listened to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct HeardBy(Ranges);

impl Record for HeardBy {
    const VERSION: u8 = 1;
    const NAME: &'static str = "what was listened to";
}

/// When one member has read up to where.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct ReadMarks {
    /// Of what lies up to here it is not known any more.
    forgotten: MessageId,
    /// Each with the moment (unix seconds), ascending.
    marks: Vec<(MessageId, i32)>,
}

impl Record for ReadMarks {
    const VERSION: u8 = 1;
    const NAME: &'static str = "when a channel was read";
}

impl ReadMarks {
    fn add(&mut self, id: MessageId, now: i32) {
        self.marks.push((id, now));
        let oldest = now.saturating_sub(READ_DATE_KEPT_S);
        let old = self.marks.iter().take_while(|(_, date)| *date < oldest).count();
        let gone = old.max(self.marks.len().saturating_sub(MARKS_MAX));
        if let Some((id, _)) = self.marks.drain(..gone).next_back() {
            self.forgotten = id;
        }
    }

    /// When a message was read that was; 0 if that is not known.
    fn date(&self, id: MessageId) -> i32 {
        let at = self.marks.iter().find(|(up_to, _)| *up_to >= id);
        at.filter(|_| id > self.forgotten).map_or(0, |(_, date)| *date)
    }
}

fn heard_key(channel: ChannelId, id: MessageId) -> Vec<u8> {
    row_key(channel, HEARD, &id.0.max(0).to_be_bytes())
}

fn user_key(channel: ChannelId, kind: u8, user: UserId) -> Vec<u8> {
    row_key(channel, kind, &user.bytes())
}

impl Core {
    /// Whether a message of a channel still has to be listened to: by the viewer, or, of the viewer's
    /// own, by anybody else.
    ///
    /// # Errors
    /// Those of the store.
    pub fn is_unheard(
        &self,
        viewer: UserId,
        channel: ChannelId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<bool> {
        let is_marked = message.unread_media;
        if !is_marked || self.channel(channel).is_some_and(|found| found.broadcast) {
            return Ok(false);
        }
        if message.is_by(viewer) {
            let heard: Option<Heard> = self.shown(Keyspace::CHANNELS, &heard_key(channel, id))?;
            return Ok(heard.is_none());
        }
        let key = user_key(channel, HEARD_BY, viewer);
        let heard: Option<HeardBy> = self.shown(Keyspace::CHANNELS, &key)?;
        Ok(heard.is_none_or(|heard| !heard.0.has(id.0)))
    }

    /// Marks what comes with messages of a channel as looked at; the writers of what was listened to see
    /// it.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`].
    pub async fn read_contents_in_channel(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        ids: Vec<MessageId>,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| decide.read_contents_in_channel(owner, channel, &ids))
            .await
    }

    /// Who has read one's message in a supergroup that is not too large.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`], [`CoreError::ReadTooOld`], [`CoreError::TooMany`] in a large one,
    /// [`CoreError::AdminRightMissing`] where who is there is not shown.
    pub async fn channel_readers(
        &self,
        owner: UserId,
        channel: ChannelId,
        id: MessageId,
    ) -> CoreResult<Vec<Reader>> {
        let view = self.channel_to_read(owner, channel)?;
        let message = self.message(channel, id)?.filter(|m| m.action.is_none());
        let message = message.filter(|message| message.is_by(owner) && view.is_member());
        let message = message.ok_or(CoreError::UnknownMessage)?;
        let found = &view.channel;
        if found.broadcast || found.members as usize > READERS_MEMBERS_MAX {
            return Err(CoreError::TooMany);
        }
        if found.hidden_members && view.admin_rights().is_empty() {
            return Err(CoreError::AdminRightMissing);
        }
        if self.now().saturating_sub(message.date) > READ_DATE_KEPT_S {
            return Err(CoreError::ReadTooOld);
        }
        let all = ParticipantFilter::Recent;
        let page = self.participants(owner, found, &all, 0, READERS_MEMBERS_MAX).await?;
        let others = page.participants.iter().filter(|own| own.user != owner);
        let mut readers = Vec::new();
        for own in others.filter(|own| own.read_inbox >= id && own.hidden_below < id) {
            let key = user_key(channel, READ_AT, own.user);
            let marks: Option<ReadMarks> = self.shown(Keyspace::CHANNELS, &key)?;
            let date = marks.unwrap_or_default().date(id);
            readers.push(Reader { user: own.user, date });
        }
        Ok(readers)
    }
}

impl Decide<'_> {
    fn read_contents_in_channel(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        ids: &[MessageId],
    ) -> CoreResult<()> {
        let view = self.channel_view(owner, channel)?;
        if !view.may_read() {
            return Err(CoreError::UnknownChannel);
        }
        // Who only reads has no marks.
        let Some(own) = view.own.filter(|own| own.joined) else { return Ok(()) };
        let key = user_key(channel, HEARD_BY, owner);
        let mut heard: HeardBy = self.load(Keyspace::CHANNELS, &key)?.unwrap_or_default();
        let (mut new, mut first) = (Vec::new(), Vec::new());
        for id in ids.iter().copied().filter(|id| *id > own.hidden_below).take(AT_ONCE) {
            let Some(message) = self.message(channel, id)? else { continue };
            self.see_reactions(owner, channel.into(), id)?;
            let counts = message.unread_media && !message.is_by(owner) && !view.channel.broadcast;
            if !counts || !heard.0.add(id.0.saturating_sub(1), id.0) {
                continue;
            }
            new.push(id);
            let key = heard_key(channel, id);
            if self.get(Keyspace::CHANNELS, &key)?.is_none() {
                self.put_shown(Keyspace::CHANNELS, &key, Some(&Heard(owner)))?;
                first.extend(message.is_by(message.from).then_some((message.from, id)));
            }
        }
        if !new.is_empty() {
            self.put_shown(Keyspace::CHANNELS, &key, Some(&heard))?;
        }
        let looked_at: Vec<MessageId> = ids.iter().copied().take(AT_ONCE).collect();
        new.extend(self.see_mentions(channel, owner, &looked_at)?);
        new.sort_unstable();
        new.dedup();
        if new.is_empty() {
            return Ok(());
        }
        self.tell_own(owner, Own::ReadContents { channel, ids: new });
        for (writer, id) in first {
            if self.participant(channel, writer)?.is_some_and(|writer| writer.joined) {
                self.tell_own(writer, Own::ReadContents { channel, ids: vec![id] });
            }
        }
        Ok(())
    }

    /// Somebody has read a channel up to there, now.
    pub(super) fn note_reading(
        &mut self,
        channel: &Channel,
        user: UserId,
        id: MessageId,
    ) -> CoreResult<()> {
        if channel.broadcast || channel.members as usize > READERS_MEMBERS_MAX {
            return Ok(());
        }
        let key = user_key(channel.id, READ_AT, user);
        let mut marks: ReadMarks = self.load(Keyspace::CHANNELS, &key)?.unwrap_or_default();
        marks.add(id, self.now());
        self.put_shown(Keyspace::CHANNELS, &key, Some(&marks))
    }

    /// A message of a channel goes, and with it that it was listened to.
    pub(super) fn forget_heard(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<()> {
        let key = heard_key(channel, id);
        if message.unread_media && self.get(Keyspace::CHANNELS, &key)?.is_some() {
            self.put_shown::<Heard>(Keyspace::CHANNELS, &key, None)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_was_read_too_long_ago_no_date_is_told() {
        let mut marks = ReadMarks::default();
        for n in 1..=3 {
            marks.add(MessageId(10 * n), 1000 * n);
        }
        assert_eq!((marks.date(MessageId(10)), marks.date(MessageId(11))), (1000, 2000));
        marks.add(MessageId(40), 2000 + READ_DATE_KEPT_S);
        assert_eq!((marks.date(MessageId(10)), marks.date(MessageId(11))), (0, 2000));
        for n in 5..200 {
            marks.add(MessageId(10 * n), 2000 + READ_DATE_KEPT_S + n);
        }
        assert_eq!(marks.marks.len(), MARKS_MAX);
        assert_eq!((marks.date(MessageId(990)), marks.date(MessageId(991))), (0, 606_900));
        assert_eq!(marks.date(MessageId(1991)), 0, "not read");
    }
}
