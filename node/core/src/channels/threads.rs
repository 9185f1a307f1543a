//! Threads of a supergroup: what answers one message, directly or through others.
//!
//! A thread is named after the message with which it begins. It costs three rows for each message that
//! is written in it: one of the index, a count of what lies close together there, and the [`Thread`];
//! the last two are written over. Who only reads the
//! group reads none of that: a message says by itself whether there is a thread.
//!
//! Keyspace `CHANNELS`, see [`super`]: 7 ++ top (4) ++ latest first (4), what is in a thread; 8 ++ top
//! (4) its [`Thread`]; 9 ++ top (4) ++ user (8) how far somebody has read it; 13 ++ top (4) ++ id / 256,
//! latest first (4): how many of its messages have such numbers, 4 bytes.

use std::collections::BTreeSet;

use glog::EntryRef;
use glog::cbor::{decode, encode};
use node_store::{Keyspace, Order};
use serde::{Deserialize, Serialize};

use super::read::Furthest;
use super::topics::GENERAL_TOPIC;
use super::{Channel, IN_THREAD, READERS, THREAD, THREAD_BUCKET, THREAD_READ, row_key};
use crate::boxes::StoredChunks;
use crate::decide::Decide;
use crate::event::Event;
use crate::history::{ADD_OFFSET_MAX, HistoryPage, HistoryQuery, PAGE_MAX, Place, Stored};
use crate::ids::{Actor, BoxId, ChannelId, MessageId, PeerId, UserId};
use crate::message::Message;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Who is shown as having answered: clients draw three faces.
const RECENT_MAX: usize = 3;

/// Messages that are looked at for them when one of them has taken a message away.
const RECENT_FROM: usize = 30;

/// Messages of one album.
const ALBUM_MAX: i32 = 10;

/// Numbers of messages that are counted together.
const BUCKET: i32 = 256;

/// Counts that are read in one go.
const COUNT_AT_ONCE: usize = 1000;

/// What is known of a thread that has messages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Thread {
    /// Messages in it, without the one with which it begins.
    pub count: i32,
    /// The newest of them.
    pub max_id: MessageId,
    /// Who has written in it lately, the latest first.
    pub recent: Vec<PeerId>,
    /// Who has read furthest.
    read: Furthest,
    /// The entry that brought the message with which it begins: it is told in the log also when that
    /// message is gone.
    entry: Vec<u8>,
}

impl Record for Thread {
    const VERSION: u8 = 1;
    const NAME: &'static str = "thread";
}

impl Thread {
    /// Somebody wrote in it before all that is here of it.
    fn wrote_before(&mut self, author: PeerId) {
        if self.recent.len() < RECENT_MAX && !self.recent.contains(&author) {
            self.recent.push(author);
        }
    }

    fn wrote(&mut self, author: PeerId) {
        self.recent.retain(|known| *known != author);
        self.recent.insert(0, author);
        self.recent.truncate(RECENT_MAX);
    }
}

/// How far somebody has read a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct ReadMark(MessageId);

impl Record for ReadMark {
    const VERSION: u8 = 1;
    const NAME: &'static str = "what is read of a thread";
}

/// A thread as one member opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadPage {
    /// The group.
    pub channel: ChannelId,
    /// The message with which it begins.
    pub top: MessageId,
    /// That message, with the others of its album, the newest first.
    pub messages: Vec<Stored>,
    /// The newest message in it; 0: there is none.
    pub max_id: MessageId,
    /// Read up to here.
    pub read_inbox: MessageId,
    /// What the viewer wrote was read by somebody up to here.
    pub read_outbox: MessageId,
    /// Messages that are not read.
    pub unread: i32,
}

impl Thread {
    /// How far others than `user` have read it.
    pub(super) fn read_by_others(&self, user: UserId) -> MessageId {
        self.read.by_others(user)
    }
}

fn top_key(channel: ChannelId, kind: u8, top: MessageId) -> Vec<u8> {
    row_key(channel, kind, &top.0.max(0).to_be_bytes())
}

/// The latest first.
fn index_key(channel: ChannelId, top: MessageId, id: i32) -> Vec<u8> {
    let latest = (!id.max(0).unsigned_abs()).to_be_bytes();
    [&top_key(channel, IN_THREAD, top)[..], &latest].concat()
}

fn index_id(key: &[u8]) -> CoreResult<MessageId> {
    let latest = key.last_chunk().map(|latest| u32::from_be_bytes(*latest));
    let id = latest.and_then(|latest| i32::try_from(!latest).ok());
    id.map(MessageId).ok_or(CoreError::Damaged("index of a thread"))
}

/// The latest first.
fn bucket_key(channel: ChannelId, top: MessageId, bucket: i32) -> Vec<u8> {
    let latest = (!bucket.max(0).unsigned_abs()).to_be_bytes();
    [&top_key(channel, THREAD_BUCKET, top)[..], &latest].concat()
}

fn bucket_of(id: i32) -> i32 {
    id.max(0) / BUCKET
}

fn counted(row: &[u8]) -> CoreResult<i32> {
    let count = row.first_chunk().map(|count| i32::from_be_bytes(*count));
    count.ok_or(CoreError::Damaged("count in a thread"))
}

fn read_key(channel: ChannelId, top: MessageId, user: UserId) -> Vec<u8> {
    [&top_key(channel, THREAD_READ, top)[..], &user.bytes()].concat()
}

impl Core {
    /// A thread of a supergroup, as it is on disk; `None` where nothing is in it.
    ///
    /// # Errors
    /// Those of the store.
    pub fn thread(&self, channel: ChannelId, top: MessageId) -> CoreResult<Option<Thread>> {
        self.shown(Keyspace::CHANNELS, &top_key(channel, THREAD, top))
    }

    /// How far somebody has read a thread, as it is on disk: who is in the group has read what lies
    /// below the mark there.
    ///
    /// # Errors
    /// Those of the store.
    pub fn read_in_thread(
        &self,
        channel: ChannelId,
        top: MessageId,
        user: UserId,
    ) -> CoreResult<MessageId> {
        let mark: Option<ReadMark> =
            self.shown(Keyspace::CHANNELS, &read_key(channel, top, user))?;
        let own = self.participant(channel, user)?.filter(|own| own.joined);
        let in_group = own.map_or(MessageId(0), |own| own.read_inbox);
        Ok(mark.map_or(in_group, |ReadMark(id)| id.max(in_group)))
    }

    /// The thread that a message begins, or stands in: in which group, and with what it begins. Of a
    /// channel's post: that of its comments.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`] where there is neither such a message nor such a thread.
    pub async fn thread_at(
        &self,
        channel: ChannelId,
        id: MessageId,
    ) -> CoreResult<(ChannelId, MessageId)> {
        let group = self.channel(channel);
        if id == GENERAL_TOPIC && group.as_ref().is_some_and(|group| group.topics_from.is_some()) {
            return Ok((channel, id));
        }
        if group.is_none_or(|group| group.broadcast) {
            let copy = self.copy_of_post(channel, id)?.ok_or(CoreError::UnknownMessage)?;
            return Ok((copy.group, copy.top));
        }
        let found = self.messages(channel, &[id]).await?;
        match found.first() {
            Some(Stored { message: Message { thread: Some(top), .. }, .. }) => Ok((channel, *top)),
            Some(found) => match found.message.post() {
                // Of an album, the first one.
                Some((from, post)) => {
                    let copy = self.copy_of_post(from, post)?.filter(|copy| copy.id == id);
                    Ok((channel, copy.map_or(id, |copy| copy.top)))
                }
                None => Ok((channel, id)),
            },
            // The message is gone, and what was said to it is not.
            None if self.thread(channel, id)?.is_some() => Ok((channel, id)),
            None => Err(CoreError::UnknownMessage),
        }
    }

    /// The same mark, as the newest command left it: for who waits until that is on disk.
    pub(super) fn newest_read_in_thread(
        &self,
        channel: ChannelId,
        top: MessageId,
        user: UserId,
    ) -> CoreResult<MessageId> {
        let row = self.inner.store.get(Keyspace::CHANNELS, &read_key(channel, top, user))?;
        let mark = row.map(|row| ReadMark::decode(&row)).transpose()?;
        Ok(mark.map_or(MessageId(0), |ReadMark(id)| id))
    }

    /// A page of a thread.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn replies(
        &self,
        channel: ChannelId,
        top: MessageId,
        mut query: HistoryQuery,
    ) -> CoreResult<HistoryPage> {
        self.look_at(channel).await;
        if query.offset_id == 0 && query.offset_date != 0 {
            let place = Place::Dialog(channel.into());
            query.offset_id = self.first_at(channel, place, query.offset_date).await?;
        }
        let deadline = Self::history_deadline();
        let (thread, ids) = loop {
            let frontier = self.frontier(Some(channel));
            let row = self.inner.store.get(Keyspace::CHANNELS, &top_key(channel, THREAD, top))?;
            let thread = row.map(|row| Thread::decode(&row)).transpose()?;
            let ids = self.page_of_thread(channel, top, query)?;
            match frontier.filter(|_| ids.len() < query.limit.min(PAGE_MAX)) {
                Some(frontier) => self.history_moves(frontier, deadline).await?,
                None => break (thread, ids),
            }
        };
        self.settled().await?;
        let messages = self.rows(channel, &ids)?;
        self.settled().await?;
        let count = thread.map_or(0, |thread| thread.count);
        Ok(HistoryPage { messages, count, newer: 0 })
    }

    /// As of a dialog: see [`HistoryQuery`].
    fn page_of_thread(
        &self,
        channel: ChannelId,
        top: MessageId,
        query: HistoryQuery,
    ) -> CoreResult<Vec<MessageId>> {
        let limit = query.limit.min(PAGE_MAX);
        let end = if query.max_id > 0 { query.max_id } else { i32::MAX };
        let from = if query.offset_id > 0 { query.offset_id } else { i32::MAX };
        let add_offset = query.add_offset.clamp(-ADD_OFFSET_MAX, ADD_OFFSET_MAX);
        let (mut ids, mut left) = (Vec::new(), limit);
        if add_offset < 0 {
            // So many places of the page lie at or above the offset.
            let wanted = add_offset.unsigned_abs() as usize;
            let start = from.max(query.min_id.saturating_add(1));
            let mut newer =
                self.in_thread(channel, top, (start, end), wanted, Order::Descending)?;
            left = limit.saturating_sub(wanted);
            newer.reverse();
            // The page ends `limit` below its upper border, be that filled or not.
            let keep = limit.min(wanted).saturating_sub(wanted - newer.len());
            newer.truncate(keep);
            ids = newer;
        }
        if left > 0 {
            let skip = usize::try_from(add_offset).unwrap_or(0);
            let below = (query.min_id.saturating_add(1), from.min(end));
            let older = self.in_thread(channel, top, below, skip + left, Order::Ascending)?;
            ids.extend(older.into_iter().skip(skip));
        }
        Ok(ids)
    }

    /// Messages of a thread from one up to before another: the newest first if the rows ascend.
    ///
    /// Of the general topic also what is older than any topic.
    fn in_thread(
        &self,
        channel: ChannelId,
        top: MessageId,
        (first, end): (i32, i32),
        limit: usize,
        order: Order,
    ) -> CoreResult<Vec<MessageId>> {
        let begun = match top {
            GENERAL_TOPIC => self.channel(channel).and_then(|group| group.topics_from),
            _ => None,
        };
        let Some(begun) = begun.map(|begun| begun.0).filter(|begun| first < *begun) else {
            return self.in_index(channel, top, (first, end), limit, order);
        };
        let listed = (first.max(begun), end);
        let mut ids = Vec::new();
        if order == Order::Ascending {
            ids = self.in_index(channel, top, listed, limit, order)?;
        }
        ids.extend(self.in_box(channel, (first, end.min(begun)), limit - ids.len(), order)?);
        if order == Order::Descending && ids.len() < limit {
            ids.extend(self.in_index(channel, top, listed, limit - ids.len(), order)?);
        }
        Ok(ids)
    }

    /// Messages of a group from one up to before another: the newest first if the order ascends, as
    /// rows of an index do.
    fn in_box(
        &self,
        channel: ChannelId,
        (first, end): (i32, i32),
        limit: usize,
        order: Order,
    ) -> CoreResult<Vec<MessageId>> {
        let mut ids = Vec::new();
        if first >= end || limit == 0 {
            return Ok(ids);
        }
        self.in_place(channel, Place::Dialog(channel.into()), |dialog, chunks, peer| {
            let mut take = |id: i32| {
                let inside = id >= first && id < end;
                if inside {
                    ids.push(MessageId(id));
                }
                inside && ids.len() < limit
            };
            match order {
                Order::Ascending => dialog.index.descend(end, chunks, peer, |entry| take(entry.id)),
                Order::Descending => {
                    dialog.index.ascend(first, chunks, peer, |entry| take(entry.id))
                }
            }
        })?;
        Ok(ids)
    }

    fn in_index(
        &self,
        channel: ChannelId,
        top: MessageId,
        (first, end): (i32, i32),
        limit: usize,
        order: Order,
    ) -> CoreResult<Vec<MessageId>> {
        if first >= end {
            return Ok(Vec::new());
        }
        let from = index_key(channel, top, end.saturating_sub(1));
        let to = index_key(channel, top, first.max(1).saturating_sub(1));
        let rows = self.inner.store.scan(Keyspace::CHANNELS, &from, Some(&to), limit, order)?;
        rows.iter().map(|(key, _)| index_id(key)).collect()
    }

    /// Messages of a thread above one: those of one bucket are looked at, the rest is counted already.
    pub(crate) fn unread_in_thread(
        &self,
        channel: ChannelId,
        top: MessageId,
        read: MessageId,
    ) -> CoreResult<i32> {
        let first = read.0.max(0).saturating_add(1);
        let bucket = bucket_of(first);
        let end = bucket.saturating_add(1).saturating_mul(BUCKET);
        let limit = BUCKET.unsigned_abs() as usize;
        let near = self.in_index(channel, top, (first, end), limit, Order::Ascending)?;
        let mut unread = near.len() as i32;
        let mut from = top_key(channel, THREAD_BUCKET, top);
        let to = bucket_key(channel, top, bucket);
        loop {
            let (store, order) = (&self.inner.store, Order::Ascending);
            let rows = store.scan(Keyspace::CHANNELS, &from, Some(&to), COUNT_AT_ONCE, order)?;
            for (_, row) in &rows {
                unread = unread.saturating_add(counted(row)?);
            }
            match rows.last() {
                Some((last, _)) if rows.len() == COUNT_AT_ONCE => {
                    from = [last.as_slice(), &[0]].concat();
                }
                _ => break,
            }
        }
        // What is older than any topic is in the group's box.
        if let Some(begun) = self.channel(channel).filter(|_| top == GENERAL_TOPIC) {
            let older = (first, begun.topics_from.map_or(0, |begun| begun.0));
            unread = unread.saturating_add(self.count_in_box(channel, older)?);
        }
        Ok(unread)
    }

    fn count_in_box(&self, channel: ChannelId, (first, end): (i32, i32)) -> CoreResult<i32> {
        let mut count = 0;
        if first < end {
            self.in_place(channel, Place::Dialog(channel.into()), |dialog, chunks, peer| {
                dialog.index.ascend(first, chunks, peer, |entry| {
                    count += i32::from(entry.id < end);
                    entry.id < end
                })
            })?;
        }
        Ok(count)
    }

    /// A thread as somebody opens it who may read the group.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`], and those of the store.
    pub async fn open_thread(
        &self,
        viewer: UserId,
        channel: ChannelId,
        top: MessageId,
    ) -> CoreResult<ThreadPage> {
        let read_inbox = self.read_in_thread(channel, top, viewer)?;
        let thread = self.thread(channel, top)?.unwrap_or_default();
        let in_group = self.read_by_others(channel, viewer)?;
        let read_outbox = thread.read.by_others(viewer).max(in_group);
        let unread = self.unread_in_thread(channel, top, read_inbox)?;
        // Of an album all of it, the newest first.
        let ids: Vec<MessageId> = (top.0..top.0 + ALBUM_MAX).map(MessageId).collect();
        let mut messages = self.messages(channel, &ids).await?;
        let first = messages.first().filter(|first| first.id == top);
        let album = first.ok_or(CoreError::UnknownMessage)?.message.grouped_id;
        messages.retain(|stored| {
            stored.id == top || (album != 0 && stored.message.grouped_id == album)
        });
        messages.reverse();
        let max_id = thread.max_id;
        Ok(ThreadPage { channel, top, messages, max_id, read_inbox, read_outbox, unread })
    }

    /// Marks messages of a thread as read, up to and including `max_id`; whether that changes anything.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`] for who may not read it.
    pub async fn read_thread(
        &self,
        actor: Actor,
        user: UserId,
        channel: ChannelId,
        top: MessageId,
        max_id: MessageId,
    ) -> CoreResult<bool> {
        self.write(Some(actor), move |decide| decide.read_thread(user, channel, top, max_id)).await
    }

    /// Who wrote the newest messages of a thread that lie above one and up to another: so many at most.
    ///
    /// # Errors
    /// Those of the store.
    pub fn writers_in_thread(
        &self,
        channel: ChannelId,
        top: MessageId,
        after: MessageId,
        max_id: MessageId,
        at_most: u16,
    ) -> CoreResult<BTreeSet<UserId>> {
        let range = (after.0.saturating_add(1), max_id.0.saturating_add(1));
        let ids = self.in_thread(channel, top, range, at_most.into(), Order::Ascending)?;
        Ok(self.rows(channel, &ids)?.into_iter().map(|stored| stored.message.from).collect())
    }
}

impl Decide<'_> {
    pub(super) fn thread_row(
        &self,
        channel: ChannelId,
        top: MessageId,
    ) -> CoreResult<Option<Thread>> {
        self.load(Keyspace::CHANNELS, &top_key(channel, THREAD, top))
    }

    fn put_thread(
        &mut self,
        channel: ChannelId,
        top: MessageId,
        thread: Option<&Thread>,
    ) -> CoreResult<()> {
        self.put_shown(Keyspace::CHANNELS, &top_key(channel, THREAD, top), thread)
    }

    /// The thread in which what answers a message stands, and whether that is a topic. A service message
    /// begins none, but the one of a topic: the others are none of the log's, from which another node has
    /// to come to the same.
    pub(crate) fn thread_of_answer(
        &self,
        channel: ChannelId,
        answered: MessageId,
    ) -> CoreResult<(Option<MessageId>, bool)> {
        match self.message(channel, answered)? {
            Some(Message { thread, in_topic: true, .. }) => Ok((thread, true)),
            Some(Message { action: Some(_), .. }) | None => Ok((None, false)),
            Some(Message { thread: Some(top), .. }) => Ok((Some(top), false)),
            Some(message) => Ok((Some(self.top_of_copy(answered, &message)?), false)),
        }
    }

    /// The entry that brought the message with which a thread begins.
    pub(super) fn entry_of_thread(
        &self,
        channel: ChannelId,
        top: MessageId,
    ) -> CoreResult<Option<EntryRef>> {
        match self.thread_row(channel, top)? {
            Some(thread) => thread.entry(),
            None => self.entry_of_message(channel, top),
        }
    }

    /// A message is about to be written: it stands in its thread, and in a topic.
    pub(super) fn enter_thread(
        &mut self,
        group: &Channel,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<()> {
        self.enter_thread_from(group, id, message, false)
    }

    /// A message of before is about to be placed in its thread: what is newer is there already, and the
    /// message with which the thread begins may not be.
    pub(super) fn enter_thread_from_below(
        &mut self,
        group: &Channel,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<()> {
        self.enter_thread_from(group, id, message, true)
    }

    fn enter_thread_from(
        &mut self,
        group: &Channel,
        id: MessageId,
        message: &Message,
        below: bool,
    ) -> CoreResult<()> {
        if let Some(top) = message.thread {
            self.enter(group.id, top, (id, message), message.in_topic, below)?;
        }
        if group.topics_from.is_some() && !message.in_topic {
            self.enter(group.id, GENERAL_TOPIC, (id, message), true, below)?;
        }
        Ok(())
    }

    fn enter(
        &mut self,
        channel: ChannelId,
        top: MessageId,
        (id, message): (MessageId, &Message),
        is_topic: bool,
        below: bool,
    ) -> CoreResult<()> {
        let known = self.thread_row(channel, top)?;
        let before = known.as_ref().map(|known| known.max_id);
        let mut thread = match known {
            Some(known) => known,
            None => {
                let entry = self.entry_of_message(channel, top)?;
                let entry = entry.map(|entry| encode(&entry)).unwrap_or_default();
                Thread { entry, ..Thread::default() }
            }
        };
        if is_topic {
            let newest = before.unwrap_or_default().max(id);
            self.list_topic(channel, top, Some(before.unwrap_or_default()), Some(newest));
        } else if let Some(first) = self.message(channel, top)?.filter(|first| !first.has_thread) {
            self.rewrite(channel, top, &Message { has_thread: true, ..first })?;
        }
        thread.count += 1;
        // What waited for what it answers comes later than what was written after it.
        thread.max_id = thread.max_id.max(id);
        match below {
            true => thread.wrote_before(message.author()),
            false => thread.wrote(message.author()),
        }
        self.put_bytes(Keyspace::CHANNELS, &index_key(channel, top, id.0), Vec::new());
        self.count_bucket(channel, top, id, 1)?;
        self.put_thread(channel, top, Some(&thread))
    }

    /// The entry with which a thread begins that began with nothing here: it is named by what stands in
    /// it.
    pub(super) fn name_thread(
        &mut self,
        channel: ChannelId,
        top: MessageId,
        entry: &EntryRef,
    ) -> CoreResult<()> {
        match self.thread_row(channel, top)?.filter(|thread| thread.entry.is_empty()) {
            Some(thread) => {
                self.put_thread(channel, top, Some(&Thread { entry: encode(entry), ..thread }))
            }
            None => Ok(()),
        }
    }

    /// Whether a message of before, which `entry` brought and which is about to be placed, begins a
    /// thread.
    pub(super) fn begins_thread(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        entry: &EntryRef,
    ) -> CoreResult<bool> {
        let Some(mut thread) = self.thread_row(channel, id)? else { return Ok(false) };
        if thread.entry.is_empty() {
            thread.entry = encode(entry);
            self.put_thread(channel, id, Some(&thread))?;
        }
        Ok(true)
    }

    /// A message comes into a thread, or goes.
    fn count_bucket(
        &mut self,
        channel: ChannelId,
        top: MessageId,
        id: MessageId,
        by: i32,
    ) -> CoreResult<()> {
        let key = bucket_key(channel, top, bucket_of(id.0));
        let before = self.get(Keyspace::CHANNELS, &key)?;
        let now = before.map_or(Ok(0), |row| counted(&row))? + by;
        if now > 0 {
            self.put_bytes(Keyspace::CHANNELS, &key, now.to_be_bytes().to_vec());
        } else {
            self.delete(Keyspace::CHANNELS, &key);
        }
        Ok(())
    }

    /// The thread of the general topic begins, with all that was said so far; answers the newest of it.
    pub(super) fn begin_general_thread(&mut self, channel: ChannelId) -> CoreResult<MessageId> {
        let (count, max_id) = {
            let cell = self.inner.boxes.cell(channel);
            let state = cell.lock(self.store(), channel)?;
            let dialog = state.dialogs.get(&channel.into());
            dialog.map_or((0, MessageId(0)), |dialog| (dialog.count, dialog.top))
        };
        let read: Option<Furthest> =
            self.load(Keyspace::CHANNELS, &row_key(channel, READERS, &[]))?;
        let read = read.unwrap_or_default();
        let thread = Thread { count, max_id, read, ..Thread::default() };
        self.put_thread(channel, GENERAL_TOPIC, Some(&thread))?;
        Ok(max_id)
    }

    /// Who wrote it has read the thread up to there; of who is in the group the mark there says so.
    pub(super) fn wrote_in_thread(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<()> {
        match message.thread {
            Some(top) => {
                let before = self.thread_mark(channel, top, message.from)?;
                self.mark_thread_read(channel, top, message.from, before, id)
            }
            None => Ok(()),
        }
    }

    /// A message goes, out of its thread and its topic.
    pub(super) fn leave_thread(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<()> {
        if let Some(top) = message.thread {
            self.leave(channel, top, id, message, message.in_topic)?;
        }
        if !message.in_topic && self.channel_row(channel)?.topics_from.is_some() {
            self.leave(channel, GENERAL_TOPIC, id, message, true)?;
        }
        Ok(())
    }

    fn leave(
        &mut self,
        channel: ChannelId,
        top: MessageId,
        id: MessageId,
        message: &Message,
        is_topic: bool,
    ) -> CoreResult<()> {
        let Some(mut thread) = self.thread_row(channel, top)? else { return Ok(()) };
        let before = thread.max_id;
        // What is older than any topic is in no index.
        if self.get(Keyspace::CHANNELS, &index_key(channel, top, id.0))?.is_some() {
            self.delete(Keyspace::CHANNELS, &index_key(channel, top, id.0));
            self.count_bucket(channel, top, id, -1)?;
        }
        thread.count -= 1;
        if thread.count <= 0 {
            if is_topic {
                // The general one is there also if nothing is in it.
                let now = (top == GENERAL_TOPIC).then_some(top);
                self.list_topic(channel, top, Some(before), now);
            }
            return self.put_thread(channel, top, None);
        }
        let prefix = top_key(channel, IN_THREAD, top);
        if thread.recent.contains(&message.author()) {
            thread.recent.clear();
            for (key, _) in self.scan_prefix(Keyspace::CHANNELS, &prefix, RECENT_FROM)? {
                let Some(other) = self.message(channel, index_id(&key)?)? else { continue };
                let author = other.author();
                if thread.recent.len() < RECENT_MAX && !thread.recent.contains(&author) {
                    thread.recent.push(author);
                }
            }
        }
        if thread.max_id == id {
            let newest = self.scan_prefix(Keyspace::CHANNELS, &prefix, 1)?;
            thread.max_id = match newest.first() {
                Some((key, _)) => index_id(key)?,
                None if top == GENERAL_TOPIC => self.newest_before_topics(channel, id)?,
                None => MessageId(0),
            };
            if is_topic {
                self.list_topic(channel, top, Some(before), Some(thread.max_id));
            }
        }
        self.put_thread(channel, top, Some(&thread))
    }

    /// The newest message that was there before any topic, without one that goes.
    fn newest_before_topics(&self, channel: ChannelId, goes: MessageId) -> CoreResult<MessageId> {
        let Some(begun) = self.channel_row(channel)?.topics_from else { return Ok(MessageId(0)) };
        let (store, peer) = (self.store(), channel.into());
        let cell = self.inner.boxes.cell(channel);
        let state = cell.lock(store, channel)?;
        let chunks = StoredChunks { store, owner: BoxId::from(channel) };
        let mut newest = MessageId(0);
        if let Some(dialog) = state.dialogs.get(&peer) {
            dialog.index.descend(begun.0, &chunks, peer, |entry| {
                newest = MessageId(entry.id);
                newest == goes
            })?;
        }
        Ok(newest)
    }

    /// Those of some messages that stand in a thread.
    pub(crate) fn in_thread(
        &self,
        channel: ChannelId,
        ids: Vec<MessageId>,
        thread: MessageId,
    ) -> CoreResult<Vec<MessageId>> {
        let mut there = Vec::new();
        for id in ids {
            if self.message(channel, id)?.is_some_and(|message| message.stands_in(thread)) {
                there.push(id);
            }
        }
        Ok(there)
    }

    /// Messages of a thread, the newest first.
    pub(super) fn ids_in_thread(
        &self,
        channel: ChannelId,
        top: MessageId,
        limit: usize,
    ) -> CoreResult<Vec<MessageId>> {
        let prefix = top_key(channel, IN_THREAD, top);
        let rows = self.scan_prefix(Keyspace::CHANNELS, &prefix, limit)?;
        rows.iter().map(|(key, _)| index_id(key)).collect()
    }

    /// How far somebody has read a thread, beside what they have read of the group.
    pub(super) fn thread_mark(
        &self,
        channel: ChannelId,
        top: MessageId,
        user: UserId,
    ) -> CoreResult<MessageId> {
        let mark: Option<ReadMark> =
            self.load(Keyspace::CHANNELS, &read_key(channel, top, user))?;
        Ok(mark.map_or(MessageId(0), |ReadMark(id)| id))
    }

    /// Nobody has read anything of a thread that is gone.
    pub(super) fn forget_reading_of_thread(
        &mut self,
        channel: ChannelId,
        top: MessageId,
    ) -> CoreResult<()> {
        self.clear_rows(Keyspace::CHANNELS, &top_key(channel, THREAD_READ, top))
    }

    /// Somebody has read a thread from one message up to another; whoever wrote in between sees it.
    pub(super) fn mark_thread_read(
        &mut self,
        channel: ChannelId,
        top: MessageId,
        user: UserId,
        before: MessageId,
        id: MessageId,
    ) -> CoreResult<()> {
        self.put_shown(Keyspace::CHANNELS, &read_key(channel, top, user), Some(&ReadMark(id)))?;
        let Some(mut thread) = self.thread_row(channel, top)? else { return Ok(()) };
        if thread.read.add(user, id) {
            self.put_thread(channel, top, Some(&thread))?;
            self.event(Event::ThreadSeen { channel, top, by: user, after: before, max_id: id });
        }
        Ok(())
    }

    fn read_thread(
        &mut self,
        user: UserId,
        channel: ChannelId,
        top: MessageId,
        max_id: MessageId,
    ) -> CoreResult<bool> {
        let view = self.channel_view(user, channel)?;
        if !view.may_read() {
            return Err(CoreError::UnknownChannel);
        }
        let Some(thread) = self.thread_row(channel, top)? else { return Ok(false) };
        let max_id = max_id.min(thread.max_id);
        let in_group = view.own.as_ref().filter(|own| own.joined).map(|own| own.read_inbox);
        let before = self.thread_mark(channel, top, user)?.max(in_group.unwrap_or_default());
        if max_id <= before {
            return Ok(false);
        }
        let actor = self.actor;
        self.event(Event::ThreadRead { channel, top, user, max_id, actor });
        self.mark_thread_read(channel, top, user, before, max_id)?;
        if view.channel.forum {
            self.follow_topics(channel, user)?;
        }
        Ok(true)
    }
}

impl Thread {
    fn entry(&self) -> CoreResult<Option<EntryRef>> {
        if self.entry.is_empty() {
            return Ok(None);
        }
        decode(&self.entry).map(Some).map_err(|_| CoreError::Damaged(Self::NAME))
    }
}

#[cfg(test)]
impl Core {
    /// The entry with which a thread begins, as this node has it.
    pub(crate) fn entry_of_thread(&self, channel: ChannelId, top: MessageId) -> Option<EntryRef> {
        let thread = self.thread(channel, top).unwrap();
        let entry = thread.and_then(|thread| thread.entry().unwrap());
        entry.or_else(|| self.entry_of(channel, top))
    }
}
