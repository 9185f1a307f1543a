//! Topics of a forum: threads that have a name, and the general one for what stands in none.
//!
//! A topic is the thread of the service message that tells of its beginning; what is known beside is
//! its [`Topic`]. What stands in no topic is in the general one: a thread with a number that no message
//! has, as boxes begin with 2. It lists what came since the group became a forum for the
//! first time: what is older stands in it all, and is found in the group's box.
//!
//! Keyspace `CHANNELS`, see [`super`]: 11 ++ topic (4) its [`Topic`]; 12 ++ newest message, latest first
//! (4) ++ topic (4), in which order they are listed.

mod change;
mod list;
mod shared;

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{AdminRights, Channel, ChannelView, Participant, TOPIC, TOPIC_ORDER, row_key};
use crate::decide::Decide;
use crate::event::Own;
use crate::history::Stored;
use crate::ids::{Actor, ChannelId, MessageId, PeerId, UserId};
use crate::message::Message;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// The general topic.
///
/// Source: <https://core.telegram.org/api/forum>
pub const GENERAL_TOPIC: MessageId = MessageId(1);

/// The colours that a topic without a picture may have; the first where a client says none.
///
/// Source: <https://core.telegram.org/method/messages.createForumTopic>
const COLORS: [i32; 6] = [0x6f_b9f0, 0xff_d67e, 0xcb_86db, 0x8e_ee98, 0xff_93b2, 0xfb_6f5f];

/// What stands before a topic's title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicIcon {
    /// RGB.
    pub color: i32,
    /// A custom emoji instead.
    pub emoji: Option<i64>,
}

impl Record for TopicIcon {
    const VERSION: u8 = 1;
    const NAME: &'static str = "icon of a topic";
}

/// How a topic becomes another one; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicChange {
    /// Its title.
    pub title: Option<String>,
    /// The custom emoji before it; 0: none.
    pub emoji: Option<i64>,
    /// Whether only who may change it writes in it.
    pub closed: Option<bool>,
    /// Whether it is out of sight; of the general one only.
    pub hidden: Option<bool>,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topic {
    /// The number of the message that tells of its beginning; [`GENERAL_TOPIC`].
    pub id: MessageId,
    /// 1 to 128 characters.
    pub title: String,
    /// What stands before it.
    pub icon: TopicIcon,
    /// Who began it; of the general one: whose the group was.
    pub from: UserId,
    /// In whose name, if not in their own.
    pub sent_as: Option<PeerId>,
    /// Unix seconds.
    pub date: i32,
    /// Only who may change it writes in it.
    pub closed: bool,
    /// The general one is out of sight.
    pub hidden: bool,
    /// Its place above the others, as the log says it: the highest first; 0: none.
    pub(crate) rank: u32,
}

impl Record for Topic {
    const VERSION: u8 = 1;
    const NAME: &'static str = "topic";
}

impl Topic {
    /// In whose name it was begun.
    #[must_use]
    pub fn author(&self) -> PeerId {
        self.sent_as.unwrap_or(self.from.into())
    }
}

/// A topic that is to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// 1 to 128 characters.
    pub title: String,
    /// RGB: one of those that clients offer.
    pub color: Option<i32>,
    /// A custom emoji instead.
    pub emoji: Option<i64>,
    /// Names it for ever, as with messages.
    pub random_id: i64,
    /// In whose name; `None`: as chosen before.
    pub send_as: Option<PeerId>,
}

/// A topic as a member sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownTopic {
    /// The topic.
    pub topic: Topic,
    /// It stands above the others.
    pub pinned: bool,
    /// The newest message in it.
    pub top: MessageId,
    /// Read up to here.
    pub read_inbox: MessageId,
    /// What the viewer wrote was read by somebody up to here.
    pub read_outbox: MessageId,
    /// Messages that are not read.
    pub unread: i32,
    /// Mentions that were not looked at.
    pub unread_mentions: i32,
    /// One's own messages with reactions of others that were not looked at.
    pub unread_reactions: i32,
}

/// Topics, with their newest messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicPage {
    /// In the order in which they are listed, or were asked for.
    pub topics: Vec<ShownTopic>,
    /// Asked for, and not there.
    pub missing: Vec<MessageId>,
    /// How many there are.
    pub count: i32,
    /// Their newest messages.
    pub messages: Vec<Stored>,
}

/// Which topics are wanted: what is pinned first, then by their newest messages, the latest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicQuery {
    /// With these words in the title; empty: all.
    pub words: String,
    /// Behind this one; 0: from the first.
    pub offset_topic: MessageId,
    /// The newest message that it had.
    pub offset_id: MessageId,
    /// At most so many.
    pub limit: usize,
}

fn topic_key(channel: ChannelId, topic: MessageId) -> Vec<u8> {
    row_key(channel, TOPIC, &topic.0.max(0).to_be_bytes())
}

fn order_key(channel: ChannelId, newest: MessageId, topic: MessageId) -> Vec<u8> {
    let latest = (!newest.0.max(0).unsigned_abs()).to_be_bytes();
    row_key(channel, TOPIC_ORDER, &[latest, topic.0.max(0).to_be_bytes()].concat())
}

/// The newest message, and the topic.
fn ordered(key: &[u8]) -> CoreResult<(MessageId, MessageId)> {
    let damaged = || CoreError::Damaged("order of topics");
    let tail: &[u8; 8] = key.last_chunk().ok_or_else(damaged)?;
    let [latest, topic]: [[u8; 4]; 2] =
        [*tail.first_chunk().ok_or_else(damaged)?, *tail.last_chunk().ok_or_else(damaged)?];
    let newest = i32::try_from(!u32::from_be_bytes(latest)).map_err(|_| damaged())?;
    Ok((MessageId(newest), MessageId(i32::from_be_bytes(topic))))
}

impl Message {
    /// The topic in which it stands, if its group is a forum.
    #[must_use]
    pub fn topic(&self) -> MessageId {
        self.thread.filter(|_| self.in_topic).unwrap_or(GENERAL_TOPIC)
    }

    /// Whether it stands in a thread, or in the general topic.
    pub(crate) fn stands_in(&self, thread: MessageId) -> bool {
        self.thread == Some(thread) || (thread == GENERAL_TOPIC && !self.in_topic)
    }
}

impl ChannelView {
    /// Whether the viewer changes topics that others have begun, and pins them.
    #[must_use]
    pub fn manages_topics(&self) -> bool {
        self.admin_rights().contains_all(AdminRights::MANAGE_TOPICS)
    }
}

impl Core {
    /// Says whether a member's clients show a forum as one conversation.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`].
    pub async fn show_forum_as_messages(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        so: bool,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let view = decide.channel_view(owner, channel)?;
            let own = view.own.clone().filter(|own| own.joined);
            let own = own.ok_or(CoreError::UnknownChannel)?;
            if own.forum_as_messages == so {
                return Ok(());
            }
            let mut found = (*view.channel).clone();
            decide.put_participant(&mut found, &Participant { forum_as_messages: so, ..own })?;
            decide.tell_own(owner, Own::ForumAsMessages { channel, so });
            Ok(())
        })
        .await
    }

    /// A topic, as it is on disk; `None` if there is none.
    ///
    /// # Errors
    /// Those of the store.
    pub fn topic(&self, channel: ChannelId, topic: MessageId) -> CoreResult<Option<Topic>> {
        self.shown(Keyspace::CHANNELS, &topic_key(channel, topic))
    }

    /// The topic in which a message stands, by which notifications and drafts go; `None` in a group
    /// that is no forum.
    #[must_use]
    pub fn topic_of(&self, message: &Message) -> Option<MessageId> {
        let channel = self.channel(message.peer.channel()?)?;
        channel.forum.then(|| message.topic())
    }

    fn forum_to_read(&self, viewer: UserId, channel: ChannelId) -> CoreResult<ChannelView> {
        let view = self.channel_to_read(viewer, channel)?;
        if view.channel.forum { Ok(view) } else { Err(CoreError::ForumMissing) }
    }
}

impl Decide<'_> {
    /// A topic, as the commands before this one leave it.
    pub(super) fn topic_row(
        &self,
        channel: ChannelId,
        topic: MessageId,
    ) -> CoreResult<Option<Topic>> {
        self.load(Keyspace::CHANNELS, &topic_key(channel, topic))
    }

    fn put_topic(&mut self, channel: ChannelId, topic: &Topic) -> CoreResult<()> {
        self.put_shown(Keyspace::CHANNELS, &topic_key(channel, topic.id), Some(topic))
    }

    /// A topic's newest message is another one; `None`: it was in no list, or leaves it.
    pub(super) fn list_topic(
        &mut self,
        channel: ChannelId,
        topic: MessageId,
        before: Option<MessageId>,
        now: Option<MessageId>,
    ) {
        let key = |newest: MessageId| order_key(channel, newest.max(topic), topic);
        if let Some(before) = before.map(key) {
            self.delete(Keyspace::CHANNELS, &before);
        }
        if let Some(now) = now.map(key) {
            self.put_bytes(Keyspace::CHANNELS, &now, Vec::new());
        }
    }

    fn forum_to_read(&self, user: UserId, channel: ChannelId) -> CoreResult<ChannelView> {
        let view = self.channel_view(user, channel)?;
        match (view.may_read(), view.channel.forum) {
            (false, _) => Err(CoreError::UnknownChannel),
            (true, false) => Err(CoreError::ForumMissing),
            (true, true) => Ok(view),
        }
    }

    fn topic_to_read(
        &self,
        user: UserId,
        channel: ChannelId,
        topic: MessageId,
    ) -> CoreResult<(ChannelView, Topic)> {
        let view = self.forum_to_read(user, channel)?;
        let topic = self.topic_row(channel, topic)?.ok_or(CoreError::TopicInvalid)?;
        Ok((view, topic))
    }

    /// A group becomes a forum: what was said so far stands in the general topic.
    pub(super) fn begin_topics(&mut self, channel: &mut Channel) -> CoreResult<()> {
        if channel.topics_from.is_some() {
            return Ok(());
        }
        // What was said before comes with the thread in which it stands.
        let from = if self.is_past(channel.id)? { MessageId(1) } else { self.next_id(channel.id)? };
        channel.topics_from = Some(from);
        channel.topics = 1;
        let newest = self.begin_general_thread(channel.id)?;
        self.list_topic(channel.id, GENERAL_TOPIC, None, Some(newest));
        let icon = TopicIcon { color: COLORS[0], emoji: None };
        let (from, date) = (channel.creator, channel.date);
        self.put_topic(
            channel.id,
            &Topic {
                id: GENERAL_TOPIC,
                title: "General".to_owned(),
                icon,
                from,
                sent_as: None,
                date,
                closed: false,
                hidden: false,
                rank: 0,
            },
        )
    }

    /// Fails for who may not write in a topic because it is closed: what answers this message would
    /// stand in it.
    pub(crate) fn may_write_in_topic(
        &self,
        from: UserId,
        channel: ChannelId,
        answers: Option<MessageId>,
    ) -> CoreResult<()> {
        let found = self.channel_row(channel)?;
        if !found.forum {
            return Ok(());
        }
        let answered = answers.map(|id| self.message(channel, id)).transpose()?.flatten();
        let id = answered.map_or(GENERAL_TOPIC, |answered| answered.topic());
        let Some(topic) = self.topic_row(channel, id)?.filter(|topic| topic.closed) else {
            return Ok(());
        };
        let own = topic.from == from && id != GENERAL_TOPIC;
        if own || self.channel_view(from, channel)?.manages_topics() {
            return Ok(());
        }
        Err(CoreError::TopicClosed)
    }
}
