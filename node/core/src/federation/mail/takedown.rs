//! What an operator takes down, for good and on all nodes.
//!
//! The message goes here and does not return, whatever its log says; its files' bytes go too, also where
//! it was forwarded. Where somebody of this node may delete it in the log, that is written, so that it
//! is gone for whoever comes later. The nodes that take part in the group, or follow it, are told by
//! letter, and their acknowledgements are kept for the operator.
//!
//! A node obeys what another one takes down if the message was written there, or the group's home is
//! there; files are removed only if all that have those bytes are of people of the writer's node, and
//! never those of people here. What else another node wants taken down is shown to the operator as a
//! report.
//!
//! Rows, in keyspace `NODES`: 56 ++ number (8) a [`Row`]; 57 ++ channel (8) ++ entry nothing, what is not
//! shown again; 58 ++ blob (32) the node (16) whose people's it is, bytes that are to be removed.

use std::collections::BTreeSet;

use glog::cbor::{List, Text, encode};
use glog::{EntryRef, GroupId, Node16, NodeId, UserRef};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::kinds::{Kind, Reported, TakenDown, read};
use super::outbox::{Fate, Post, Waiting};
use super::{BLOB, HIDDEN, TAKEDOWN};
use crate::decide::{Decide, scan_prefix};
use crate::ids::{ChannelId, MessageId, UserId};
use crate::limits::Limit;
use crate::media::BlobId;
use crate::record::Record;
use crate::reports::ReportReason;
use crate::{Core, CoreError, CoreResult};

/// Takedowns that are kept and listed; a newer one takes the place of the oldest.
const KEPT_MAX: usize = 1000;

/// Nodes that are told of one.
const NODES_MAX: usize = 1000;

/// Blobs that one look finds to remove.
const BLOBS_AT_ONCE: usize = 100;

/// What is known of another node's part in a takedown. The order is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Told {
    /// The letter waits.
    Waiting,
    /// It has been taken: the node does what it says, or shows it to its operator.
    Acknowledged,
    /// The node can do nothing with it.
    Refused,
    /// It was away for too long.
    Expired,
    /// Its box was full, or the operator wants nothing of it.
    NotTold,
}

/// One takedown, as it is kept.
#[derive(Serialize, Deserialize)]
struct Row {
    date: i32,
    channel: ChannelId,
    id: MessageId,
    in_log: bool,
    nodes: Vec<([u8; 16], Told)>,
}

impl Record for Row {
    const VERSION: u8 = 1;
    const NAME: &'static str = "takedown";
}

/// One takedown, as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Takedown {
    /// Unix seconds.
    pub date: i32,
    /// Where the message was.
    pub channel: ChannelId,
    /// Which one it was.
    pub id: MessageId,
    /// It was deleted in the log, so for everybody.
    pub in_log: bool,
    /// Which nodes were told, and what they said.
    pub nodes: Vec<(Node16, Told)>,
}

fn row_key(number: u64) -> Vec<u8> {
    [&[TAKEDOWN][..], &number.to_be_bytes()].concat()
}

fn hidden_key(channel: ChannelId, at: &EntryRef) -> Vec<u8> {
    [&[HIDDEN][..], &channel.bytes(), &encode(at)].concat()
}

fn blob_key(blob: &BlobId) -> Vec<u8> {
    [&[BLOB][..], &blob.0].concat()
}

/// The name under which a letter waits that tells of a takedown.
fn slot(number: u64) -> [u8; 16] {
    let mut slot = *b"takedown\0\0\0\0\0\0\0\0";
    if let Some(tail) = slot.last_chunk_mut::<8>() {
        *tail = number.to_be_bytes();
    }
    slot
}

impl Core {
    /// Takes a message of a channel down. `followers` are nodes that only read it.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`]; [`CoreError::AdminRightMissing`] for what neither was written here
    /// nor is in a channel whose home is here: report it.
    pub async fn take_down(
        &self,
        channel: ChannelId,
        id: MessageId,
        followers: Vec<NodeId>,
    ) -> CoreResult<Takedown> {
        self.write(None, move |decide| decide.take_down(channel, id, &followers)).await
    }

    /// What was taken down from here, the newest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn takedowns(&self) -> CoreResult<Vec<Takedown>> {
        let rows = scan_prefix(&*self.inner.store, Keyspace::NODES, &[TAKEDOWN], KEPT_MAX + 1)?;
        let shown = rows.iter().rev().map(|(_, row)| Ok(shown(Row::decode(row)?)));
        let shown = shown.collect::<CoreResult<Vec<_>>>()?;
        self.settled().await?;
        Ok(shown)
    }

    /// Bytes that were taken down, and the nodes whose people's they are; durable.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn blobs_taken_down(&self) -> CoreResult<Vec<(BlobId, Node16)>> {
        let rows = scan_prefix(&*self.inner.store, Keyspace::NODES, &[BLOB], BLOBS_AT_ONCE)?;
        let marked = rows.iter().filter_map(|(key, row)| {
            Some((BlobId(*key.last_chunk()?), Node16(*row.first_chunk()?)))
        });
        let marked = marked.collect();
        self.settled().await?;
        Ok(marked)
    }

    /// Which of these are to be removed: the others somebody else has too, of their own. In either case
    /// [`Self::blob_removed`] is to be called then. Looks through all files.
    ///
    /// # Errors
    /// Those of the store.
    pub fn to_remove(&self, marked: &[(BlobId, Node16)]) -> CoreResult<Vec<(BlobId, bool)>> {
        let owners = self.owners_of(marked.iter().map(|(blob, _)| *blob).collect())?;
        let judged = marked.iter().map(|(blob, node)| {
            let mut owners = owners.iter().filter(|(of, _)| of == blob);
            (*blob, owners.all(|(_, owner)| self.lives_at(*owner, *node)))
        });
        Ok(judged.collect())
    }

    /// Whether somebody's account is of a node.
    fn lives_at(&self, user: UserId, node: Node16) -> bool {
        match self.node_of(user) {
            Ok(Some(known)) => known.id.short() == node,
            Ok(None) => !crate::is_remote(user) && self.node().short() == node,
            Err(_) => false,
        }
    }

    /// Bytes that were taken down are gone, or stay since they are not only those.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn blob_removed(&self, blob: BlobId) -> CoreResult<()> {
        self.write(None, move |decide| {
            decide.delete(Keyspace::NODES, &blob_key(&blob));
            Ok(())
        })
        .await
    }
}

fn shown(row: Row) -> Takedown {
    let Row { date, channel, id, in_log, nodes } = row;
    let nodes = nodes.into_iter().map(|(node, told)| (Node16(node), told)).collect();
    Takedown { date, channel, id, in_log, nodes }
}

impl Decide<'_> {
    fn take_down(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        followers: &[NodeId],
    ) -> CoreResult<Takedown> {
        let message = self.message(channel, id)?.filter(|message| message.action.is_none());
        let message = message.ok_or(CoreError::UnknownMessage)?;
        let at = self.entry_of_message(channel, id)?.ok_or(CoreError::UnknownMessage)?;
        let own = self.inner.logs.keys().node().short();
        let shared = self.inner.groups.of(channel);
        let home = shared.as_ref().map_or(own, |row| NodeId(row.home).short());
        if at.node != own && home != own {
            return Err(CoreError::AdminRightMissing);
        }
        // Who deletes it in the log: whoever wrote it, which needs no right, or the owner.
        let by = if at.node == own { message.from } else { self.channel_row(channel)?.creator };
        let blobs = self.blobs_of(&message)?;
        let group = shared.as_ref().map_or_else(GroupId::default, |row| GroupId(row.group));
        let members = shared.iter().flat_map(|row| row.members.iter().chain([&row.home]));
        let members = members.map(|node| NodeId(*node)).chain(followers.iter().copied());
        let nodes: BTreeSet<Node16> = members.map(|node| node.short()).collect();
        let number = self.next_takedown()?;
        let named = List::new(blobs.iter().map(|blob| blob.0).collect());
        let blobs_named = named.map_err(|_| CoreError::TooMany)?;
        let said = TakenDown { group, entry: at, blobs: blobs_named };
        let mut told = Vec::new();
        for node in nodes.into_iter().filter(|node| *node != own).take(NODES_MAX) {
            let post = Post::new(node, Kind::TAKEDOWN, &said)?;
            let posted = self.post(Post { by_node: true, slot: Some(slot(number)), ..post });
            told.push((
                node.0,
                match posted {
                    Ok(()) => Told::Waiting,
                    // It goes here, and in the log, all the same: the operator sees who does not know.
                    Err(CoreError::MailboxFull | CoreError::NodeUnreachable) => Told::NotTold,
                    Err(cause) => return Err(cause),
                },
            ));
        }
        self.mark_blobs(&blobs, at.node);
        // Where the log does not let them (the node was let go, or the owner is of another one), it goes at
        // the nodes that are told.
        let in_log = !crate::is_remote(by)
            && self.part(|decide| decide.delete_in_log(channel, by, &at))?.is_ok();
        let row = Row { date: self.now(), channel, id, in_log, nodes: told };
        self.put(Keyspace::NODES, &row_key(number), &row)?;
        self.put_bytes(Keyspace::NODES, &hidden_key(channel, &at), Vec::new());
        self.withdraw(channel, id, UserRef { node: own, id: 0 })?;
        Ok(shown(row))
    }

    fn next_takedown(&mut self) -> CoreResult<u64> {
        let rows = self.scan_prefix(Keyspace::NODES, &[TAKEDOWN], KEPT_MAX + 1)?;
        if let Some((oldest, _)) = rows.first().filter(|_| rows.len() >= KEPT_MAX) {
            self.delete(Keyspace::NODES, oldest);
        }
        let last = rows.last().and_then(|(key, _)| key.last_chunk::<8>());
        Ok(last.map_or(1, |last| u64::from_be_bytes(*last) + 1))
    }

    /// These bytes are to be removed, as far as they are of people of a node.
    fn mark_blobs(&mut self, blobs: &[BlobId], node: Node16) {
        for blob in blobs {
            self.put_bytes(Keyspace::NODES, &blob_key(blob), node.0.to_vec());
        }
        if !blobs.is_empty() {
            self.event(crate::Event::TakenDown);
        }
    }

    /// Whether a message was taken down: it is not shown again.
    pub(crate) fn is_taken_down(&self, channel: ChannelId, at: &EntryRef) -> CoreResult<bool> {
        Ok(self.get(Keyspace::NODES, &hidden_key(channel, at))?.is_some())
    }

    /// A node has answered what it was told of a takedown, or has not.
    pub(super) fn takedown_told(
        &mut self,
        node: Node16,
        waiting: &Waiting,
        fate: Fate,
    ) -> CoreResult<()> {
        let number = waiting.slot.as_ref().and_then(|slot| slot.last_chunk::<8>());
        let Some(number) = number.map(|number| u64::from_be_bytes(*number)) else { return Ok(()) };
        let row: Option<Row> = self.load(Keyspace::NODES, &row_key(number))?;
        let Some(mut row) = row else { return Ok(()) };
        for (_, told) in row.nodes.iter_mut().filter(|(known, _)| *known == node.0) {
            *told = match fate {
                Fate::Taken => Told::Acknowledged,
                Fate::Refused => Told::Refused,
                Fate::Expired => Told::Expired,
            };
        }
        self.put(Keyspace::NODES, &row_key(number), &row)
    }

    /// Another node takes a message down.
    pub(super) fn take_takedown(&mut self, node: Node16, said: &[u8]) -> CoreResult<()> {
        let TakenDown { group, entry, blobs } = read(said)?;
        // Each leaves a row for ever, and may make the node look through all files.
        self.take(Limit::TakedownsOfNode(node), 1)?;
        // Nothing of it is here.
        let Some(channel) = self.channel_of(group)? else { return Ok(()) };
        let home = self.inner.groups.of(channel).map(|row| NodeId(row.home).short());
        if entry.node != node && home != Some(node) {
            let reported = Reported {
                reason: ReportReason::Other as u8,
                comment: Text::new("That node wants this taken down, which it did not write.")
                    .map_err(|_| CoreError::NotALetter)?,
                person: None,
                group: Some(group),
                entries: List::new(vec![entry]).map_err(|_| CoreError::NotALetter)?,
            };
            return self.take_reported(node, reported);
        }
        let shown = self.message_of_entry(channel, &entry)?;
        let message = shown.map(|id| self.message(channel, id)).transpose()?.flatten();
        // A node names the bytes of its own people's files. A home names a message of others, whose files
        // are looked up here; those of people here stay theirs.
        let own = self.inner.logs.keys().node().short();
        let blobs = match &message {
            _ if entry.node == node => blobs.iter().copied().map(BlobId).collect(),
            Some(message) if entry.node != own => self.blobs_of(message)?,
            _ => Vec::new(),
        };
        self.mark_blobs(&blobs, entry.node);
        self.put_bytes(Keyspace::NODES, &hidden_key(channel, &entry), Vec::new());
        match shown {
            Some(id) => self.withdraw(channel, id, UserRef { node, id: 0 }),
            None => Ok(()),
        }
    }
}
