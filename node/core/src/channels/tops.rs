//! With what threads begin, as logs have it: which entries, whatever their messages are here.
//!
//! A message says in its log with which entry its thread begins, and what it says counts on every node,
//! in whatever order things come: the message of that entry may be here, gone, or still on its way. So
//! two nodes that hold the same show the same threads.
//!
//! Keyspace `CHANNELS`, see [`super`]: 29 ++ entry (28 or more) the number, 4 bytes, that the message of
//! an entry had; 30 ++ entry ++ id (4): a message whose thread begins with an entry that has no message
//! here.

use glog::EntryRef;
use glog::cbor::encode;
use node_store::Keyspace;

use super::{Channel, TOP_AWAITED, TOP_GONE, row_key};
use crate::decide::Decide;
use crate::ids::{ChannelId, MessageId};
use crate::message::Message;
use crate::{CoreError, CoreResult};

/// Messages that come into a thread at once; the rest stays where it is until the next that comes.
const GATHERED_MAX: usize = 10_000;

fn awaited_key(channel: ChannelId, entry: &EntryRef, rest: &[u8]) -> Vec<u8> {
    row_key(channel, TOP_AWAITED, &[&encode(entry)[..], rest].concat())
}

impl Decide<'_> {
    /// The thread that begins with an entry, and whether it is a topic; `None` where nothing begins with
    /// it here.
    pub(super) fn thread_named(
        &self,
        channel: ChannelId,
        entry: &EntryRef,
    ) -> CoreResult<Option<(MessageId, bool)>> {
        if let Some(id) = self.message_of_entry(channel, entry)? {
            return Ok(Some((id, self.topic_row(channel, id)?.is_some())));
        }
        let row = self.get(Keyspace::CHANNELS, &row_key(channel, TOP_GONE, &encode(entry)))?;
        let id = row.and_then(|row| row.first_chunk().map(|id| i32::from_be_bytes(*id)));
        Ok(id.map(|id| (MessageId(id), false)))
    }

    /// [`Self::thread_named`]; also where what begins it is of before, and not in its place yet.
    pub(super) fn thread_planned(
        &mut self,
        channel: ChannelId,
        entry: &EntryRef,
    ) -> CoreResult<Option<(MessageId, bool)>> {
        match self.thread_named(channel, entry)? {
            Some(found) => Ok(Some(found)),
            None => Ok(self.message_planned(channel, entry)?.map(|id| (id, false))),
        }
    }

    /// A message goes, and what was said to it does not: nor what is on its way.
    pub(super) fn keep_top(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        post: &[u8],
    ) -> CoreResult<()> {
        let is_shared = self.federated(channel)?.is_some_and(|row| row.shared);
        // Where nobody else writes yet, what was said to it is all that anybody may answer later.
        let is_named = is_shared || self.thread_row(channel, id)?.is_some();
        // What stood in a topic that is gone is in the general one.
        let is_topic = self.topic_row(channel, id)?.is_some();
        if is_named && !is_topic && !self.channel_row(channel)?.broadcast {
            let key = row_key(channel, TOP_GONE, post);
            self.put_bytes(Keyspace::CHANNELS, &key, id.0.to_be_bytes().to_vec());
        }
        Ok(())
    }

    /// A message of before shows nothing when its turn comes: what was said to it stands in its thread all
    /// the same, under the number that it has not taken.
    pub(super) fn keep_top_of_before(
        &mut self,
        channel: ChannelId,
        entry: &EntryRef,
        id: MessageId,
    ) -> CoreResult<()> {
        if self.channel_row(channel)?.broadcast || self.thread_named(channel, entry)?.is_some() {
            return Ok(());
        }
        let key = row_key(channel, TOP_GONE, &encode(entry));
        self.put_bytes(Keyspace::CHANNELS, &key, id.0.to_be_bytes().to_vec());
        self.gather(channel, entry, id)?;
        // It is not here.
        self.put_bytes(Keyspace::CHANNELS, &key, id.0.to_be_bytes().to_vec());
        if self.thread_row(channel, id)?.is_some() {
            self.name_thread(channel, id, entry)?;
        }
        Ok(())
    }

    /// A message stands in the thread that begins with an entry, or will.
    pub(super) fn stand_in_thread(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        top: &EntryRef,
        thread: Option<MessageId>,
    ) -> CoreResult<()> {
        match thread {
            Some(thread) => self.name_thread(channel, thread, top),
            None => {
                let key = awaited_key(channel, top, &id.0.to_be_bytes());
                self.put_bytes(Keyspace::CHANNELS, &key, Vec::new());
                Ok(())
            }
        }
    }

    /// The message of an entry is here: what was said to it before comes into its thread.
    pub(super) fn gather(
        &mut self,
        channel: ChannelId,
        entry: &EntryRef,
        id: MessageId,
    ) -> CoreResult<()> {
        let to = self.thread_named(channel, entry)?;
        for (key, _) in
            self.scan_prefix(Keyspace::CHANNELS, &awaited_key(channel, entry, &[]), GATHERED_MAX)?
        {
            self.delete(Keyspace::CHANNELS, &key);
            let answer = key.last_chunk().map(|id| MessageId(i32::from_be_bytes(*id)));
            self.move_to_thread(channel, answer.ok_or(CoreError::Damaged("thread"))?, to)?;
        }
        // It was here before, under another number.
        let gone = row_key(channel, TOP_GONE, &encode(entry));
        let Some(row) = self.get(Keyspace::CHANNELS, &gone)? else { return Ok(()) };
        self.delete(Keyspace::CHANNELS, &gone);
        let before = row.first_chunk().map(|id| MessageId(i32::from_be_bytes(*id)));
        let before = before.filter(|before| *before != id);
        for answer in before
            .map_or(Ok(Vec::new()), |before| self.ids_in_thread(channel, before, GATHERED_MAX))?
            .into_iter()
            .rev()
        {
            self.move_to_thread(channel, answer, to)?;
        }
        Ok(())
    }

    /// A topic is gone, and what others wrote in it is in the general one, until it returns.
    pub(super) fn scatter(
        &mut self,
        channel: ChannelId,
        entry: &EntryRef,
        topic: MessageId,
    ) -> CoreResult<()> {
        for id in self.ids_in_thread(channel, topic, GATHERED_MAX)?.into_iter().rev() {
            if id == topic {
                continue;
            }
            let Some(message) = self.message(channel, id)? else { continue };
            if message.action.is_some() {
                // What told of the topic goes with it.
                self.forget_message(channel, id, &message)?;
                self.remove(channel.into(), channel.into(), None, vec![id])?;
                continue;
            }
            self.move_to_thread(channel, id, None)?;
            self.stand_in_thread(channel, id, entry, None)?;
        }
        Ok(())
    }

    fn move_to_thread(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        to: Option<(MessageId, bool)>,
    ) -> CoreResult<()> {
        let Some(before) = self.message(channel, id)? else { return Ok(()) };
        let thread = to.map(|(top, _)| top);
        let in_topic = to.is_some_and(|(_, is_topic)| is_topic);
        if (before.thread, before.in_topic) == (thread, in_topic) {
            return Ok(());
        }
        let group: Channel = self.channel_row(channel)?;
        self.leave_thread(channel, id, &before)?;
        let message = Message { thread, in_topic, ..before };
        self.rewrite(channel, id, &message)?;
        self.enter_thread(&group, id, &message)?;
        self.append_edited(channel, id, &message).map(|_| ())
    }
}
