//! Topics of a forum: threads that have a name, and the general one for what stands in none.
//!
//! A topic is the thread of the service message that tells of its beginning; what is known beside is
//! its [`Topic`]. What stands in no topic is in the general one: a thread with a number that no message
//! has, as boxes begin with 2. It lists what came since the group became a forum for the
//! first time: what is older stands in it all, and is found in the group's box.
//!
//! Keyspace `CHANNELS`, see [`super`]: 11 ++ topic (4) its [`Topic`]; 12 ++ newest message, latest first
//! (4) ++ topic (4), in which order they are listed.

use std::collections::BTreeMap;

use glog::EntryRef;
use glog::body::{DataBody, Delete, TopicEdit};
use glog::cbor::{Blob, Text as LogText, encode};
use node_store::{Keyspace, Order};
use serde::{Deserialize, Serialize};

use super::post::Origin;
use super::{
    AdminAction, AdminRights, Channel, ChannelView, Participant, TOPIC, TOPIC_ORDER, row_key,
};
use crate::chats::Rights;
use crate::decide::Decide;
use crate::event::{Event, Own};
use crate::history::Stored;
use crate::ids::{Actor, ChannelId, MessageId, PeerId, UserId};
use crate::media::DocumentAttribute;
use crate::message::{Action, Message, RandomId, Reply};
use crate::record::Record;
use crate::send::{Affected, Sent, fingerprint};
use crate::{Core, CoreError, CoreResult};

/// The general topic.
///
/// Source: <https://core.telegram.org/api/forum>
pub const GENERAL_TOPIC: MessageId = MessageId(1);

/// Characters of a title.
const TITLE_CHARS_MAX: usize = 128;

/// Topics of one group.
const TOPICS_MAX: i32 = 10_000;

/// Topics above the others: as clients are told.
const PINNED_MAX: usize = 5;

/// Topics of one page.
const PAGE_MAX: usize = 100;

/// Messages of a topic that one command deletes.
const DELETE_AT_ONCE: usize = 100;

/// So many messages may be in a topic that goes at the wish of who began it and wrote them all.
const OWN_MESSAGES_MAX: i32 = 11;

/// Topics whose unread messages are counted together.
const COUNTED_MAX: usize = 1000;

/// Messages over which a member's mark for the whole group follows those for topics at once. More
/// follow with the next that is read: what is unread is counted by topic meanwhile.
const FOLLOWED_MAX: usize = 500;

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

/// By topic: mentions and reactions that were not looked at.
type News = BTreeMap<MessageId, (i32, i32)>;

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

fn clean_title(title: &str) -> CoreResult<String> {
    let title = title.trim();
    let chars = title.chars().count();
    if chars == 0 || chars > TITLE_CHARS_MAX {
        return Err(CoreError::TopicTitleInvalid);
    }
    Ok(title.to_owned())
}

fn title_in_log(title: &str) -> CoreResult<LogText<512>> {
    LogText::new(title).map_err(|_| CoreError::TopicTitleInvalid)
}

fn icon_in_log(icon: TopicIcon) -> CoreResult<Blob<64>> {
    Blob::new(icon.encode()?).map_err(|_| CoreError::TooLarge(TopicIcon::NAME))
}

const SAYS_NOTHING: TopicEdit =
    TopicEdit { target: None, title: None, icon: None, closed: None, hidden: None, pinned: None };

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

    /// Whether the viewer may begin topics.
    fn may_begin_topics(&self) -> bool {
        self.may_as_member(Rights::MANAGE_TOPICS) || self.manages_topics()
    }
}

impl Core {
    /// Begins a topic; answers the message that tells of it, by which it is called.
    ///
    /// # Errors
    /// [`CoreError::ForumMissing`], [`CoreError::TopicTitleInvalid`], [`CoreError::FileInvalid`] for an
    /// unknown emoji, [`CoreError::TooMany`], [`CoreError::RandomIdDuplicate`], and those of rights.
    pub async fn create_topic(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        new: NewTopic,
    ) -> CoreResult<Sent> {
        let title = clean_title(&new.title)?;
        self.write(Some(actor), move |decide| {
            decide.create_topic(owner, channel, NewTopic { title, ..new })
        })
        .await
    }

    /// Makes another one of a topic; answers the message that tells of it.
    ///
    /// # Errors
    /// [`CoreError::ForumMissing`], [`CoreError::TopicInvalid`], [`CoreError::TopicNotModified`],
    /// [`CoreError::TopicTitleInvalid`], [`CoreError::FileInvalid`], and those of rights.
    pub async fn edit_topic(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        topic: MessageId,
        mut change: TopicChange,
    ) -> CoreResult<Sent> {
        change.title = change.title.as_deref().map(clean_title).transpose()?;
        self.write(Some(actor), move |decide| decide.edit_topic(owner, channel, topic, change))
            .await
    }

    /// Puts a topic above the others, or back among them.
    ///
    /// # Errors
    /// [`CoreError::ForumMissing`], [`CoreError::TopicInvalid`], [`CoreError::TopicPinNotModified`],
    /// [`CoreError::TooManyPinnedMessages`], and those of rights.
    pub async fn pin_topic(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        topic: MessageId,
        pinned: bool,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let (view, _) = decide.topic_to_read(owner, channel, topic)?;
            let mut order = view.channel.pinned_topics.clone();
            if order.contains(&topic) == pinned {
                return Err(CoreError::TopicPinNotModified);
            }
            order.retain(|other| *other != topic);
            if pinned {
                order.insert(0, topic);
            }
            decide.order_topics(owner, &view, order)?;
            let (pinned, actor) = (Some((topic, pinned)), decide.actor);
            decide.event(Event::TopicsPinned { channel, pinned, actor });
            Ok(())
        })
        .await
    }

    /// Puts the topics that stand above the others into this order; with `force` they are those from
    /// now on, else others that are pinned stay behind them.
    ///
    /// # Errors
    /// As [`Core::pin_topic`].
    pub async fn reorder_topics(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        mut order: Vec<MessageId>,
        force: bool,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let view = decide.forum_to_read(owner, channel)?;
            let before = &view.channel.pinned_topics;
            if !force {
                order.retain(|topic| before.contains(topic));
                order.extend(
                    before
                        .iter()
                        .filter(|topic| !order.contains(topic))
                        .copied()
                        .collect::<Vec<_>>(),
                );
            }
            for topic in &order {
                decide.topic_to_read(owner, channel, *topic)?;
            }
            if order == *before {
                return Ok(());
            }
            decide.order_topics(owner, &view, order)?;
            let actor = decide.actor;
            decide.event(Event::TopicsPinned { channel, pinned: None, actor });
            Ok(())
        })
        .await
    }

    /// Deletes messages of a topic; and how many are left. With the last of them it is gone itself.
    ///
    /// # Errors
    /// [`CoreError::ForumMissing`], [`CoreError::TopicInvalid`], and those of rights.
    pub async fn delete_topic(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        topic: MessageId,
    ) -> CoreResult<(Affected, Vec<MessageId>, usize)> {
        self.write(Some(actor), move |decide| decide.delete_topic(owner, channel, topic)).await
    }

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

    /// A page of topics.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`], [`CoreError::ForumMissing`].
    pub async fn topics(
        &self,
        viewer: UserId,
        channel: ChannelId,
        query: &TopicQuery,
    ) -> CoreResult<TopicPage> {
        let view = self.forum_to_read(viewer, channel)?;
        let (pinned, after) = (&view.channel.pinned_topics, query.offset_topic);
        let limit = query.limit.clamp(1, PAGE_MAX);
        let mut wanted = Vec::new();
        let place = pinned.iter().position(|topic| *topic == after);
        let among_others = after.0 > 0 && place.is_none();
        if !among_others {
            let behind = place.map_or(0, |place| place + 1);
            wanted.extend(pinned.iter().skip(behind).copied());
        }
        let mut from = match among_others {
            true => [&order_key(channel, query.offset_id, after)[..], &[0]].concat(),
            false => row_key(channel, TOPIC_ORDER, &[]),
        };
        let words = query.words.trim().to_lowercase();
        let news = self.news_by_topic(&view, viewer)?;
        let mut page = TopicPage { count: view.channel.topics, ..TopicPage::default() };
        loop {
            for topic in wanted.drain(..) {
                let Some(found) = self.topic(channel, topic)? else { continue };
                if words.is_empty() || found.title.to_lowercase().contains(&words) {
                    page.topics.push(self.show_topic(&view, viewer, found, &news)?);
                }
                if page.topics.len() == limit {
                    break;
                }
            }
            if page.topics.len() == limit {
                break;
            }
            let end = row_key(channel, TOPIC_ORDER + 1, &[]);
            let store = &self.inner.store;
            let order = Order::Ascending;
            let rows = store.scan(Keyspace::CHANNELS, &from, Some(&end), PAGE_MAX, order)?;
            let Some((last, _)) = rows.last() else { break };
            from = [last.as_slice(), &[0]].concat();
            for (key, _) in &rows {
                let (_, topic) = ordered(key)?;
                if !pinned.contains(&topic) {
                    wanted.push(topic);
                }
            }
        }
        self.newest_of(channel, page).await
    }

    /// Some topics.
    ///
    /// # Errors
    /// As [`Core::topics`].
    pub async fn topics_by_id(
        &self,
        viewer: UserId,
        channel: ChannelId,
        ids: &[MessageId],
    ) -> CoreResult<TopicPage> {
        let view = self.forum_to_read(viewer, channel)?;
        let news = self.news_by_topic(&view, viewer)?;
        let mut page = TopicPage::default();
        for id in ids.iter().take(PAGE_MAX) {
            match self.topic(channel, *id)? {
                Some(found) => {
                    page.topics.push(self.show_topic(&view, viewer, found, &news)?);
                }
                None => page.missing.push(*id),
            }
        }
        page.count = i32::try_from(page.topics.len() + page.missing.len()).unwrap_or(i32::MAX);
        self.newest_of(channel, page).await
    }

    async fn newest_of(&self, channel: ChannelId, mut page: TopicPage) -> CoreResult<TopicPage> {
        let mut newest: Vec<MessageId> = page.topics.iter().map(|shown| shown.top).collect();
        newest.sort_unstable();
        newest.dedup();
        page.messages = self.messages(channel, &newest).await?;
        Ok(page)
    }

    fn forum_to_read(&self, viewer: UserId, channel: ChannelId) -> CoreResult<ChannelView> {
        let view = self.channel_to_read(viewer, channel)?;
        if view.channel.forum { Ok(view) } else { Err(CoreError::ForumMissing) }
    }

    /// What somebody has not looked at in each topic: mentions, and reactions to their messages.
    fn news_by_topic(&self, view: &ChannelView, viewer: UserId) -> CoreResult<News> {
        let (channel, mut news) = (view.channel.id, News::new());
        if view.own.as_ref().is_some_and(|own| own.unread_mentions > 0) {
            let ids = self.unread_mentions_in_channel(viewer, channel, None)?;
            for stored in self.rows(channel, &ids)? {
                news.entry(stored.message.topic()).or_default().0 += 1;
            }
        }
        let ids = self.inner.personal(viewer)?.unread_reactions(channel.into())?;
        for stored in self.rows(channel, &ids)? {
            news.entry(stored.message.topic()).or_default().1 += 1;
        }
        Ok(news)
    }

    fn show_topic(
        &self,
        view: &ChannelView,
        viewer: UserId,
        topic: Topic,
        news: &News,
    ) -> CoreResult<ShownTopic> {
        let (channel, top) = (view.channel.id, topic.id);
        let thread = self.thread(channel, top)?.unwrap_or_default();
        let read_inbox = self.read_in_thread(channel, top, viewer)?;
        let in_group = self.read_by_others(channel, viewer)?;
        let (unread_mentions, unread_reactions) = news.get(&top).copied().unwrap_or_default();
        let unread = match view.is_member() {
            true => self.unread_in_thread(channel, top, read_inbox)?,
            false => 0,
        };
        Ok(ShownTopic {
            pinned: view.channel.pinned_topics.contains(&top),
            top: thread.max_id.max(top),
            read_inbox,
            read_outbox: thread.read_by_others(viewer).max(in_group),
            unread,
            unread_mentions,
            unread_reactions,
            topic,
        })
    }

    /// Messages of a forum above a member's mark, without those that were read by topic.
    pub(crate) fn unread_in_forum(
        &self,
        channel: ChannelId,
        user: UserId,
        read: MessageId,
    ) -> CoreResult<i32> {
        let from = row_key(channel, TOPIC_ORDER, &[]);
        let end = order_key(channel, read, MessageId(0));
        let (store, order) = (&self.inner.store, Order::Ascending);
        let rows = store.scan(Keyspace::CHANNELS, &from, Some(&end), COUNTED_MAX, order)?;
        let mut unread = 0_i32;
        for (key, _) in &rows {
            let (_, topic) = ordered(key)?;
            let read = self.newest_read_in_thread(channel, topic, user)?.max(read);
            unread = unread.saturating_add(self.unread_in_thread(channel, topic, read)?);
        }
        Ok(unread)
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
        channel.topics_from = Some(self.next_id(channel.id)?);
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

    /// Fails for a custom emoji that is none.
    fn check_emoji(&self, emoji: Option<i64>) -> CoreResult<Option<i64>> {
        let Some(emoji) = emoji.filter(|emoji| *emoji != 0) else { return Ok(None) };
        let document = self.document(crate::media::FileId(emoji))?;
        let is = |is: &DocumentAttribute| matches!(is, DocumentAttribute::CustomEmoji { .. });
        let is_emoji = document.is_some_and(|document| document.attributes.iter().any(is));
        if is_emoji { Ok(Some(emoji)) } else { Err(CoreError::FileInvalid) }
    }

    fn create_topic(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        new: NewTopic,
    ) -> CoreResult<Sent> {
        let parts: [&[u8]; 3] = [b"topic", &channel.bytes(), new.title.as_bytes()];
        let fingerprint = fingerprint(&parts);
        if let Some(sent) = self.sent_before(owner, new.random_id, fingerprint)? {
            return Ok(sent);
        }
        let view = self.forum_to_read(owner, channel)?;
        if !view.may_begin_topics() {
            return Err(CoreError::AdminRightMissing);
        }
        if view.channel.topics >= TOPICS_MAX {
            return Err(CoreError::TooMany);
        }
        let color = new.color.unwrap_or(COLORS[0]);
        let color = if COLORS.contains(&color) { color } else { COLORS[0] };
        let icon = TopicIcon { color, emoji: self.check_emoji(new.emoji)? };
        let sent_as = self.sender(owner, &view, new.send_as)?;
        let rights = self.log_rights(channel, owner)?.1;
        if !rights.has(glog::Rights::NEW_TOPIC) {
            return Err(CoreError::AdminRightMissing);
        }
        let (id, title) = (self.next_id(channel)?, new.title);
        let begins = DataBody::Topic(glog::body::Topic {
            title: title_in_log(&title)?,
            icon: icon_in_log(icon)?,
        });
        let at = self.write_data(channel, owner, &begins)?;
        self.put_origin(channel, id, &Origin { post: encode(&at), pin: None })?;
        let topic = Topic {
            id,
            title: title.clone(),
            icon,
            from: owner,
            sent_as,
            date: self.now(),
            closed: false,
            hidden: false,
            rank: 0,
        };
        self.put_topic(channel, &topic)?;
        self.list_topic(channel, id, None, Some(id));
        let mut found = (*view.channel).clone();
        found.topics += 1;
        self.put_channel(found)?;
        self.note(channel, owner, AdminAction::TopicCreated(topic))?;
        if new.random_id != 0 {
            let known = RandomId { id, fingerprint, channel: Some(channel) };
            let key = crate::ids::pair_key(owner.0, new.random_id);
            self.put(Keyspace::RANDOM_IDS, &key, &known)?;
        }
        let message = Message {
            action: Some(Action::TopicCreated { title, icon }),
            thread: Some(id),
            in_topic: true,
            sent_as,
            ..Message::service(channel.into(), owner, false, self.now())
        };
        self.place_service(owner, channel, message)
    }

    fn edit_topic(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        id: MessageId,
        change: TopicChange,
    ) -> CoreResult<Sent> {
        let (view, before) = self.topic_to_read(owner, channel, id)?;
        let own = before.from == owner && id != GENERAL_TOPIC && view.is_member();
        if !own && !view.manages_topics() {
            return Err(CoreError::AdminRightMissing);
        }
        if change.hidden.is_some() && id != GENERAL_TOPIC {
            return Err(CoreError::TopicInvalid);
        }
        let mut topic = before.clone();
        topic.title = change.title.clone().unwrap_or(topic.title);
        if let Some(emoji) = change.emoji {
            topic.icon.emoji = self.check_emoji(Some(emoji))?;
        }
        topic.hidden = change.hidden.unwrap_or(topic.hidden);
        // What is out of sight is closed, and what comes into sight is open.
        topic.closed = change.closed.or(change.hidden).unwrap_or(topic.closed);
        if topic == before {
            return Err(CoreError::TopicNotModified);
        }
        // Only what is another one is told.
        let said = TopicChange {
            title: Some(topic.title.clone()).filter(|title| *title != before.title),
            emoji: Some(topic.icon.emoji.unwrap_or(0)).filter(|_| topic.icon != before.icon),
            closed: Some(topic.closed)
                .filter(|closed| *closed != before.closed && change.hidden.is_none()),
            hidden: Some(topic.hidden).filter(|hidden| *hidden != before.hidden),
        };
        let target = self.entry_of_topic(channel, id)?;
        let edit = TopicEdit {
            target,
            title: said.title.as_deref().map(title_in_log).transpose()?,
            icon: said.emoji.map(|_| icon_in_log(topic.icon)).transpose()?,
            closed: Some(topic.closed).filter(|closed| *closed != before.closed),
            hidden: said.hidden,
            pinned: None,
        };
        self.write_data(channel, owner, &DataBody::TopicEdit(edit))?;
        self.put_topic(channel, &topic)?;
        self.note(channel, owner, AdminAction::TopicEdited(before, topic))?;
        let message = Message {
            action: Some(Action::TopicEdited(said)),
            reply: (id != GENERAL_TOPIC).then_some(Reply { to: id, quote: None }),
            thread: (id != GENERAL_TOPIC).then_some(id),
            in_topic: id != GENERAL_TOPIC,
            ..Message::service(channel.into(), owner, false, self.now())
        };
        self.place_service(owner, channel, message)
    }

    /// What the log calls a topic; `None`: the general one.
    fn entry_of_topic(&self, channel: ChannelId, topic: MessageId) -> CoreResult<Option<EntryRef>> {
        if topic == GENERAL_TOPIC {
            return Ok(None);
        }
        self.entry_of_message(channel, topic)?.ok_or(CoreError::TopicInvalid).map(Some)
    }

    /// Writes which topics stand above the others.
    fn order_topics(
        &mut self,
        owner: UserId,
        view: &ChannelView,
        order: Vec<MessageId>,
    ) -> CoreResult<()> {
        view.needs_admin(AdminRights::MANAGE_TOPICS)?;
        if order.len() > PINNED_MAX {
            return Err(CoreError::TooManyPinnedMessages);
        }
        let channel = view.channel.id;
        let mut ranks: Vec<(MessageId, u32)> = Vec::new();
        let gone = view.channel.pinned_topics.iter().filter(|topic| !order.contains(topic));
        ranks.extend(gone.map(|topic| (*topic, 0)));
        // From below: whoever stands high enough already keeps the place that the log gave it.
        let mut below = 0;
        for topic in order.iter().rev() {
            let known = self.topic_row(channel, *topic)?.map_or(0, |topic| topic.rank);
            below = known.max(below + 1);
            ranks.push((*topic, below));
        }
        for (topic, rank) in ranks {
            let Some(before) = self.topic_row(channel, topic)? else { continue };
            if before.rank == rank {
                continue;
            }
            let target = self.entry_of_topic(channel, topic)?;
            let edit = TopicEdit { target, pinned: Some(rank), ..SAYS_NOTHING };
            self.write_data(channel, owner, &DataBody::TopicEdit(edit))?;
            let now = Topic { rank, ..before.clone() };
            self.put_topic(channel, &now)?;
            if (before.rank == 0) != (rank == 0) {
                self.note(channel, owner, AdminAction::TopicPinned(now, rank > 0))?;
            }
        }
        self.put_channel(Channel { pinned_topics: order, ..(*view.channel).clone() })
    }

    fn delete_topic(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        id: MessageId,
    ) -> CoreResult<(Affected, Vec<MessageId>, usize)> {
        let (view, topic) = self.topic_to_read(owner, channel, id)?;
        if id == GENERAL_TOPIC {
            return Err(CoreError::TopicInvalid);
        }
        let thread = self.thread_row(channel, id)?.unwrap_or_default();
        let any = view.admin_rights().contains_all(AdminRights::DELETE_MESSAGES);
        // The newest: the topic's own message goes with the last of them.
        let mut some = self.ids_in_thread(channel, id, DELETE_AT_ONCE)?;
        some.sort_unstable();
        if !any {
            let few = thread.count <= OWN_MESSAGES_MAX + 1 && view.is_member();
            if topic.from != owner || !few {
                return Err(CoreError::AdminRightMissing);
            }
            for id in &some {
                let message = self.message(channel, *id)?;
                if message.is_some_and(|message| message.from != owner) {
                    return Err(CoreError::AdminRightMissing);
                }
            }
        }
        let left = usize::try_from(thread.count).unwrap_or(0).saturating_sub(some.len());
        if left == 0 {
            if view.channel.pinned_topics.contains(&id) {
                let mut order = view.channel.pinned_topics.clone();
                order.retain(|other| *other != id);
                // Who may delete it does not need to be asked whether it is pinned.
                self.put_channel(Channel { pinned_topics: order, ..(*view.channel).clone() })?;
            }
            let mut found = self.channel_row(channel)?;
            found.topics -= 1;
            self.put_channel(found)?;
            self.note(channel, owner, AdminAction::TopicDeleted(topic))?;
        }
        let mut targets = Vec::new();
        for id in &some {
            if let Some(message) = self.message(channel, *id)? {
                targets.extend(self.forget_message(channel, *id, &message)?);
            }
        }
        if left == 0 {
            // Its own message was the last, and with it the thread has gone.
            self.list_topic(channel, id, Some(id), None);
            self.put_shown::<Topic>(Keyspace::CHANNELS, &topic_key(channel, id), None)?;
            self.forget_reading_of_thread(channel, id)?;
        }
        for target in targets {
            self.write_data(channel, owner, &DataBody::Delete(Delete { target }))?;
        }
        let pts_count = i32::try_from(some.len()).unwrap_or(i32::MAX);
        let pts = self.remove(channel.into(), channel.into(), None, some.clone())?;
        Ok((Affected { pts, pts_count }, some, left))
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

    /// A member has read a topic up to there; the mark for the group follows as far as all is read.
    pub(super) fn read_in_forum(
        &mut self,
        channel: ChannelId,
        user: UserId,
        topic: MessageId,
        id: MessageId,
    ) -> CoreResult<()> {
        self.mark_thread_read(channel, topic, user, id)?;
        self.follow_topics(channel, user)
    }

    /// Moves the mark for a forum over what was read by topic.
    pub(super) fn follow_topics(&mut self, channel: ChannelId, user: UserId) -> CoreResult<()> {
        let Some(own) = self.participant(channel, user)?.filter(|own| own.joined) else {
            return Ok(());
        };
        let mut read = own.read_inbox;
        let mut marks = BTreeMap::new();
        for id in self.ids_above(channel, read, FOLLOWED_MAX)? {
            let Some(message) = self.message(channel, id)? else { continue };
            let topic = message.topic();
            let mark = match marks.get(&topic) {
                Some(mark) => *mark,
                None => {
                    let mark = self.thread_mark(channel, topic, user)?;
                    marks.insert(topic, mark);
                    mark
                }
            };
            if id > mark {
                break;
            }
            read = id;
        }
        if read == own.read_inbox { Ok(()) } else { self.move_mark(channel, own, read) }
    }
}
