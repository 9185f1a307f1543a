//! Topics begin, change, are pinned, and go.

use glog::EntryRef;
use glog::body::{DataBody, Delete, TopicEdit};
use glog::cbor::{Text as LogText, encode};
use node_store::Keyspace;

use super::super::post::Origin;
use super::super::{AdminAction, AdminRights, Channel, ChannelView};
use super::{COLORS, GENERAL_TOPIC, NewTopic, Topic, TopicChange, TopicIcon, topic_key};
use crate::chats::Rights;
use crate::decide::Decide;
use crate::event::Event;
use crate::ids::{Actor, ChannelId, MessageId, UserId};
use crate::media::DocumentAttribute;
use crate::message::{Action, Message, RandomId, Reply};
use crate::send::{Affected, Sent, fingerprint};
use crate::{Core, CoreError, CoreResult};

/// Characters of a title.
const TITLE_CHARS_MAX: usize = 128;

/// Topics of one group.
const TOPICS_MAX: i32 = 10_000;

/// Topics above the others: as clients are told.
const PINNED_MAX: usize = 5;

/// Messages of a topic that one command deletes.
const DELETE_AT_ONCE: usize = 100;

/// So many messages may be in a topic that goes at the wish of who began it and wrote them all.
const OWN_MESSAGES_MAX: i32 = 11;

const SAYS_NOTHING: TopicEdit =
    TopicEdit { target: None, title: None, icon: None, closed: None, hidden: None, pinned: None };

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
}

impl Decide<'_> {
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
        let may = view.may_as_member(Rights::MANAGE_TOPICS) || view.manages_topics();
        if !may {
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
            icon: self.icon_in_log(icon)?,
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
            icon: said.emoji.map(|_| self.icon_in_log(topic.icon)).transpose()?,
            closed: Some(topic.closed).filter(|closed| *closed != before.closed),
            hidden: said.hidden,
            pinned: None,
        };
        self.write_data(channel, owner, &DataBody::TopicEdit(edit))?;
        self.put_topic(channel, &topic)?;
        self.settle_topic(channel, id)?;
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
        let mut ranked = Vec::new();
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
            ranked.push(topic);
            if (before.rank == 0) != (rank == 0) {
                self.note(channel, owner, AdminAction::TopicPinned(now, rank > 0))?;
            }
        }
        self.put_channel(Channel { pinned_topics: order, ..(*view.channel).clone() })?;
        ranked.into_iter().try_for_each(|topic| self.settle_topic(channel, topic))
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
}
