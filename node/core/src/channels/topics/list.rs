//! Topics as a member sees them, and how far they are read.

use std::collections::BTreeMap;

use node_store::{Keyspace, Order};

use super::super::{ChannelView, TOPIC_ORDER, row_key};
use super::{ShownTopic, Topic, TopicPage, TopicQuery, order_key, ordered};
use crate::decide::Decide;
use crate::ids::{ChannelId, MessageId, UserId};
use crate::{Core, CoreResult};

/// Topics of one page.
const PAGE_MAX: usize = 100;

/// Topics whose unread messages are counted together.
const COUNTED_MAX: usize = 1000;

/// Messages over which a member's mark for the whole group follows those for topics at once. More
/// follow with the next that is read: what is unread is counted by topic meanwhile.
const FOLLOWED_MAX: usize = 500;

/// By topic: mentions and reactions that were not looked at.
type News = BTreeMap<MessageId, (i32, i32)>;

impl Core {
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
    /// A member has read a topic up to there; the mark for the group follows as far as all is read.
    pub(in crate::channels) fn read_in_forum(
        &mut self,
        channel: ChannelId,
        user: UserId,
        topic: MessageId,
        id: MessageId,
    ) -> CoreResult<()> {
        let before = self.thread_mark(channel, topic, user)?;
        self.mark_thread_read(channel, topic, user, before, id)?;
        self.follow_topics(channel, user)
    }

    /// Moves the mark for a forum over what was read by topic.
    pub(in crate::channels) fn follow_topics(
        &mut self,
        channel: ChannelId,
        user: UserId,
    ) -> CoreResult<()> {
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
