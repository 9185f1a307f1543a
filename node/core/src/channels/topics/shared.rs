//! Topics as the log of a forum has them in which other nodes write.
//!
//! As with messages nothing is applied step by step: whenever something is said about a topic, it is made
//! what the log says that it is.

use std::cmp::Reverse;

use glog::cbor::{Blob, encode};
use glog::{EntryRef, Node16, UserRef};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::super::post::Origin;
use super::super::{AdminAction, Participant};
use super::{COLORS, GENERAL_TOPIC, Topic, TopicChange, TopicIcon, topic_key};
use crate::decide::Decide;
use crate::event::Event;
use crate::ids::{ChannelId, MessageId};
use crate::media::FileId;
use crate::message::{Action, Message, Reply};
use crate::record::Record;
use crate::{CoreError, CoreResult};

/// Characters of a title that are taken from another node.
const TITLE_CHARS_MAX: usize = 128;

/// What stands before a topic's title, as logs have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct LogIcon {
    color: i32,
    /// Node, and the number of the emoji there.
    emoji: Option<([u8; 16], i64)>,
}

impl Record for LogIcon {
    const VERSION: u8 = 2;
    const NAME: &'static str = "icon of a topic";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        // A number of nobody knows which node.
        let (color, _): (i32, Option<i64>) = match version {
            1 => postcard::from_bytes(fields).ok()?,
            _ => return None,
        };
        Some(Self { color, emoji: None })
    }
}

impl Decide<'_> {
    pub(super) fn icon_in_log(&self, icon: TopicIcon) -> CoreResult<Blob<64>> {
        let own = self.inner.logs.keys().node().short();
        let emoji = match icon.emoji {
            Some(emoji) => Some(self.emoji_name(FileId(emoji))?.unwrap_or((own, emoji))),
            None => None,
        };
        let emoji = emoji.map(|(node, number)| (node.0, number));
        let said = LogIcon { color: icon.color, emoji }.encode()?;
        Blob::new(said).map_err(|_| CoreError::TooLarge(LogIcon::NAME))
    }

    fn icon_said(&mut self, said: Option<&[u8]>) -> CoreResult<TopicIcon> {
        let said = said.and_then(|said| LogIcon::decode(said).ok());
        let color = said.map(|said| said.color).filter(|color| COLORS.contains(color));
        let emoji = match said.and_then(|said| said.emoji) {
            Some((node, number)) => Some(self.emoji_named(Node16(node), number)?.0),
            None => None,
        };
        Ok(TopicIcon { color: color.unwrap_or(COLORS[0]), emoji })
    }

    fn topic_said(
        &mut self,
        channel: ChannelId,
        at: Option<&EntryRef>,
    ) -> CoreResult<Option<glog::data::Topic>> {
        let said = self.with_shared(channel, |shared| {
            shared.replica.lanes().topic(shared.replica.chain(), at)
        })?;
        Ok(said.flatten())
    }

    /// Makes a topic what the log says that it is; `by` changed it. `None`: the general one.
    pub(in crate::channels) fn show_topic(
        &mut self,
        channel: ChannelId,
        at: Option<&EntryRef>,
        ts_ms: Option<u64>,
        by: UserRef,
    ) -> CoreResult<()> {
        let said = self.topic_said(channel, at)?;
        let Some(at) = at else {
            return self.change_topic(channel, GENERAL_TOPIC, &said.unwrap_or_default(), by);
        };
        let known = self.message_of_entry(channel, at)?;
        match (known, said) {
            (Some(id), None) => self.withdraw_topic(channel, id, at, by),
            (Some(id), Some(said)) => self.change_topic(channel, id, &said, by),
            (None, Some(said)) => self.place_topic(channel, at, ts_ms, &said),
            (None, None) => Ok(()),
        }
    }

    /// A topic that another node has begun is here.
    fn place_topic(
        &mut self,
        channel: ChannelId,
        at: &EntryRef,
        ts_ms: Option<u64>,
        said: &glog::data::Topic,
    ) -> CoreResult<()> {
        // Sealed, or erased: there is nothing to show.
        let (Some(author), Some(title)) = (said.author, &said.title) else { return Ok(()) };
        if self.is_veiled(channel, author)? || self.is_frozen(author.node)? {
            return Ok(());
        }
        let mut found = self.channel_row(channel)?;
        let (from, date) = (self.account_of(author)?, self.date_of(channel, at, ts_ms)?);
        self.begin_topics(&mut found)?;
        let own = self.participant(channel, from)?;
        let anonymous = own.as_ref().is_some_and(Participant::is_anonymous);
        let sent_as = anonymous.then(|| channel.into());
        let (title, icon) = (shown(title), self.icon_said(said.icon.as_deref())?);
        let id = self.next_id(channel)?;
        self.put_origin(channel, id, &Origin { post: encode(at), pin: None })?;
        let topic = Topic {
            id,
            title: title.clone(),
            icon,
            from,
            sent_as,
            date,
            closed: said.closed,
            hidden: false,
            rank: said.pinned,
        };
        self.put_topic(channel, &topic)?;
        self.list_topic(channel, id, None, Some(id));
        found.topics += 1;
        self.put_channel(found)?;
        self.note(channel, from, AdminAction::TopicCreated(topic))?;
        let message = Message {
            action: Some(Action::TopicCreated { title, icon }),
            thread: Some(id),
            in_topic: true,
            sent_as,
            ..Message::service(channel.into(), from, false, date)
        };
        self.place_service(from, channel, message)?;
        self.rank_topic(channel, id, said.pinned)?;
        self.gather(channel, at, id)
    }

    fn change_topic(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        said: &glog::data::Topic,
        by: UserRef,
    ) -> CoreResult<()> {
        let Some((before, topic)) = self.take_topic(channel, id, said)? else { return Ok(()) };
        let change = TopicChange {
            title: Some(topic.title.clone()).filter(|title| *title != before.title),
            emoji: Some(topic.icon.emoji.unwrap_or(0)).filter(|_| topic.icon != before.icon),
            closed: Some(topic.closed)
                .filter(|closed| *closed != before.closed && topic.hidden == before.hidden),
            hidden: Some(topic.hidden).filter(|hidden| *hidden != before.hidden),
        };
        if by.id == 0 {
            return Ok(());
        }
        let by = self.account_of(by)?;
        if (before.rank == 0) != (topic.rank == 0) {
            self.note(channel, by, AdminAction::TopicPinned(topic.clone(), topic.rank > 0))?;
        }
        if change == TopicChange::default() {
            return Ok(());
        }
        self.note(channel, by, AdminAction::TopicEdited(before, topic))?;
        let stands = id != GENERAL_TOPIC;
        let message = Message {
            action: Some(Action::TopicEdited(change)),
            reply: stands.then_some(Reply { to: id, quote: None }),
            thread: stands.then_some(id),
            in_topic: stands,
            ..Message::service(channel.into(), by, false, self.now())
        };
        self.place_service(by, channel, message).map(|_| ())
    }

    /// Writes a topic as the log has it; how it was and is, if that differs.
    fn take_topic(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        said: &glog::data::Topic,
    ) -> CoreResult<Option<(Topic, Topic)>> {
        let Some(before) = self.topic_row(channel, id)? else { return Ok(None) };
        let general = id == GENERAL_TOPIC;
        let title = match &said.title {
            Some(title) => shown(title),
            None if general => "General".to_owned(),
            None => before.title.clone(),
        };
        let icon = match &said.icon {
            Some(icon) => self.icon_said(Some(icon))?,
            None if general => TopicIcon { color: COLORS[0], emoji: None },
            None => before.icon,
        };
        let hidden = said.hidden && general;
        let (closed, rank) = (said.closed, said.pinned);
        let topic = Topic { title, icon, closed, hidden, rank, ..before.clone() };
        if topic == before {
            return Ok(None);
        }
        self.put_topic(channel, &topic)?;
        self.rank_topic(channel, id, rank)?;
        Ok(Some((before, topic)))
    }

    /// Somebody here has changed a topic: where another node's word counts more, that shows.
    pub(super) fn settle_topic(&mut self, channel: ChannelId, id: MessageId) -> CoreResult<()> {
        let at = match id {
            GENERAL_TOPIC => None,
            id => self.entry_of_message(channel, id)?,
        };
        match self.topic_said(channel, at.as_ref())? {
            Some(said) => self.take_topic(channel, id, &said).map(|_| ()),
            None => Ok(()),
        }
    }

    /// A topic stands above the others, at its place, or no longer.
    fn rank_topic(&mut self, channel: ChannelId, id: MessageId, rank: u32) -> CoreResult<()> {
        let mut found = self.channel_row(channel)?;
        let mut pinned = found.pinned_topics.clone();
        pinned.retain(|other| *other != id);
        if rank > 0 {
            pinned.push(id);
        }
        let mut ranked = Vec::with_capacity(pinned.len());
        for topic in pinned {
            let rank = self.topic_row(channel, topic)?.map_or(0, |topic| topic.rank);
            let entry = self.entry_of_message(channel, topic)?;
            ranked.push((Reverse(rank), entry, topic));
        }
        ranked.sort_unstable();
        let pinned: Vec<MessageId> = ranked.into_iter().map(|(_, _, topic)| topic).collect();
        if pinned == found.pinned_topics {
            return Ok(());
        }
        found.pinned_topics = pinned;
        self.put_channel(found)?;
        let pinned = Some((id, rank > 0));
        self.event(Event::TopicsPinned { channel, pinned, actor: None });
        Ok(())
    }

    /// A topic is shown no more.
    fn withdraw_topic(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        at: &EntryRef,
        by: UserRef,
    ) -> CoreResult<()> {
        let Some(topic) = self.topic_row(channel, id)? else { return Ok(()) };
        self.scatter(channel, at, id)?;
        self.rank_topic(channel, id, 0)?;
        let mut found = self.channel_row(channel)?;
        found.topics -= 1;
        self.put_channel(found)?;
        if by.id != 0 {
            let by = self.account_of(by)?;
            self.note(channel, by, AdminAction::TopicDeleted(topic))?;
        }
        let message = self.message(channel, id)?;
        if let Some(message) = &message {
            self.forget_message(channel, id, message)?;
        }
        // With its own message, the last, the thread has gone.
        self.list_topic(channel, id, Some(id), None);
        self.put_shown::<Topic>(Keyspace::CHANNELS, &topic_key(channel, id), None)?;
        self.forget_reading_of_thread(channel, id)?;
        match message {
            Some(_) => self.remove(channel.into(), channel.into(), None, vec![id]).map(|_| ()),
            None => Ok(()),
        }
    }
}

fn shown(title: &str) -> String {
    let title: String = title.trim().chars().take(TITLE_CHARS_MAX).collect();
    if title.is_empty() { "?".to_owned() } else { title }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_version_of_an_icon_is_read() {
        let old = TopicIcon { color: 7, emoji: Some(9) }.encode().unwrap();
        assert_eq!(LogIcon::decode(&old).unwrap(), LogIcon { color: 7, emoji: None });
        let icon = LogIcon { color: i32::MAX, emoji: Some(([255; 16], i64::MIN)) };
        let bytes = icon.encode().unwrap();
        assert!(bytes.len() <= 64, "{}", bytes.len());
        assert_eq!(LogIcon::decode(&bytes).unwrap(), icon);
    }
}
