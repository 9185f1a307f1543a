//! One dialog of a box: its newest message, what is read, what is not.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::index::{Chunks, Entry, Index};
use crate::CoreResult;
use crate::ids::{MessageId, PeerId, Pts};
use crate::record::Record;

/// What is known of one dialog.
#[derive(Debug, Default)]
pub(crate) struct Dialog {
    /// The newest message; 0 if all are gone.
    pub(crate) top: MessageId,
    /// Messages that are there.
    pub(crate) count: i32,
    /// Messages from the other party that the owner has not read.
    pub(crate) unread: i32,
    /// The owner has read up to here.
    pub(crate) read_inbox: MessageId,
    /// The other party has read up to here.
    pub(crate) read_outbox: MessageId,
    /// Messages that are pinned.
    pub(crate) pinned: BTreeSet<MessageId>,
    /// Messages that mention the owner, who has not looked at them.
    pub(crate) mentions: BTreeSet<MessageId>,
    pub(crate) index: Index,
    /// The event that changed it last.
    pub(super) stamp: Pts,
}

impl Dialog {
    pub(super) fn add(
        &mut self,
        entry: Entry,
        chunks: &dyn Chunks,
        peer: PeerId,
    ) -> CoreResult<()> {
        self.index.push(entry, self.stamp, chunks, peer)?;
        self.top = MessageId(entry.id);
        self.count += 1;
        Ok(())
    }

    /// Adds a message below all that are there: it was said before them, and is read.
    pub(super) fn add_below(
        &mut self,
        entry: Entry,
        chunks: &dyn Chunks,
        peer: PeerId,
    ) -> CoreResult<()> {
        self.index.insert(entry, self.stamp, chunks, peer)?;
        self.top = self.top.max(MessageId(entry.id));
        self.count += 1;
        Ok(())
    }

    pub(super) fn remove(&mut self, id: i32, chunks: &dyn Chunks, peer: PeerId) -> CoreResult<()> {
        // First: on replay a message that was pinned and deleted since is not in the index.
        self.pinned.remove(&MessageId(id));
        self.mentions.remove(&MessageId(id));
        let Some(removed) = self.index.remove(id, self.stamp, chunks, peer)? else { return Ok(()) };
        self.count -= 1;
        if !removed.out && id > self.read_inbox.0 {
            self.unread -= 1;
        }
        if self.top.0 == id {
            self.top = MessageId(0);
            self.index.descend(id, chunks, peer, |entry| {
                self.top = MessageId(entry.id);
                false
            })?;
        }
        Ok(())
    }

    /// The owner has read up to `max_id`. `still_unread` was so when it happened; on replay,
    /// messages that were deleted since are not there, and must not be counted.
    pub(super) fn read(
        &mut self,
        max_id: MessageId,
        still_unread: i32,
        chunks: &dyn Chunks,
        peer: PeerId,
    ) -> CoreResult<()> {
        self.read_inbox = self.read_inbox.max(max_id);
        let mut unread = 0;
        if still_unread > 0 {
            self.index.descend(i32::MAX, chunks, peer, |entry| {
                let above = entry.id > self.read_inbox.0;
                unread += i32::from(above && !entry.out);
                above
            })?;
        }
        self.unread = unread;
        Ok(())
    }

    /// What reading up to `max_id` would do: (the newest incoming message that it covers, how many
    /// it marks as read, how many stay unread). `None` if nothing changes.
    pub(crate) fn reading(
        &self,
        max_id: MessageId,
        chunks: &dyn Chunks,
        peer: PeerId,
    ) -> CoreResult<Option<(MessageId, i32, i32)>> {
        if self.unread == 0 || max_id <= self.read_inbox {
            return Ok(None);
        }
        let (mut newest, mut left) = (MessageId(0), 0);
        self.index.descend(i32::MAX, chunks, peer, |entry| {
            if entry.id <= self.read_inbox.0 {
                return false;
            }
            if !entry.out {
                if entry.id > max_id.0 {
                    left += 1;
                } else {
                    newest = MessageId(entry.id);
                    return false;
                }
            }
            true
        })?;
        let marked = self.unread - left;
        Ok((marked > 0 && newest.0 != 0).then_some((newest, marked, left)))
    }

    /// How many of the owner's messages `(read_outbox, max_id]` holds.
    pub(crate) fn outgoing_up_to(
        &self,
        max_id: MessageId,
        chunks: &dyn Chunks,
        peer: PeerId,
    ) -> CoreResult<i32> {
        let mut count = 0;
        self.index.descend(max_id.0.saturating_add(1), chunks, peer, |entry| {
            if entry.id <= self.read_outbox.0 {
                return false;
            }
            count += i32::from(entry.out);
            true
        })?;
        Ok(count)
    }

    pub(super) fn record(&self) -> DialogRecord {
        DialogRecord {
            top: self.top,
            count: self.count,
            unread: self.unread,
            read_inbox: self.read_inbox,
            read_outbox: self.read_outbox,
            pinned: self.pinned.iter().copied().collect(),
            mentions: self.mentions.iter().copied().collect(),
        }
    }
}

/// A dialog as it is stored, without its chunks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DialogRecord {
    pub(crate) top: MessageId,
    pub(crate) count: i32,
    pub(crate) unread: i32,
    pub(crate) read_inbox: MessageId,
    pub(crate) read_outbox: MessageId,
    /// Ascending.
    pub(crate) pinned: Vec<MessageId>,
    /// Ascending.
    pub(crate) mentions: Vec<MessageId>,
}

impl Record for DialogRecord {
    const VERSION: u8 = 3;
    const NAME: &'static str = "dialog";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        // Version 1 ends before `pinned`, version 2 before `mentions`.
        let (pinned, rest) = match version {
            1 => (Vec::new(), postcard::from_bytes(fields).ok()?),
            2 => {
                let (top, count, unread, read_inbox, read_outbox, pinned) =
                    postcard::from_bytes(fields).ok()?;
                (pinned, (top, count, unread, read_inbox, read_outbox))
            }
            _ => return None,
        };
        let (top, count, unread, read_inbox, read_outbox) = rest;
        let mentions = Vec::new();
        Some(Self { top, count, unread, read_inbox, read_outbox, pinned, mentions })
    }
}

impl From<DialogRecord> for Dialog {
    fn from(record: DialogRecord) -> Self {
        Self {
            top: record.top,
            count: record.count,
            unread: record.unread,
            read_inbox: record.read_inbox,
            read_outbox: record.read_outbox,
            pinned: record.pinned.into_iter().collect(),
            mentions: record.mentions.into_iter().collect(),
            ..Self::default()
        }
    }
}
