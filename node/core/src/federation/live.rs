//! What passes between nodes and is in no log: who is writing, who is there, how far was read.
//!
//! None of it is acknowledged to anybody. Who is writing and who is there is told once and forgotten; how
//! far was read is told until the other node has heard it, between two people over restarts, in groups
//! while the nodes are connected.
//!
//! Keyspace `NODES`: 20 ++ group (32) how far who lives here has read what the other of two people wrote
//! ([`Marks`]).

use glog::{EntryRef, GroupId, NodeId, UserRef};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::pairs::Head;
use super::people::is_remote;
use crate::boxes::StoredChunks;
use crate::channels::ELSEWHERE;
use crate::decide::Decide;
use crate::event::Event;
use crate::ids::{ChannelId, MessageId, PeerId, UserId};
use crate::message::BoxRow;
use crate::presence::Status;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

const READ: u8 = 20;

/// Groups on more nodes than this do not tell who is writing, and who has read.
const SMALL_GROUP_NODES: usize = 16;

/// Messages that are looked through for one that the other node knows.
const LOOKED_THROUGH: i32 = 64;

/// Entries that a mark names, the newest first: the other side may not show the first any more.
pub const MARK_ENTRIES_MAX: usize = 8;

/// People of other nodes with whom one here talks who are told of coming and going.
const AUDIENCE_MAX: usize = 500;

/// What somebody does who writes, in the numbers in which nodes say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "named as in the API")]
pub enum Doing {
    Cancel,
    Typing,
    RecordVideo,
    UploadVideo,
    RecordAudio,
    UploadAudio,
    UploadPhoto,
    UploadDocument,
    GeoLocation,
    ChooseContact,
    RecordRound,
    UploadRound,
    ChooseSticker,
}

impl Doing {
    const ALL: [Self; 13] = [
        Self::Cancel,
        Self::Typing,
        Self::RecordVideo,
        Self::UploadVideo,
        Self::RecordAudio,
        Self::UploadAudio,
        Self::UploadPhoto,
        Self::UploadDocument,
        Self::GeoLocation,
        Self::ChooseContact,
        Self::RecordRound,
        Self::UploadRound,
        Self::ChooseSticker,
    ];

    /// Its number.
    #[must_use]
    pub fn code(self) -> u16 {
        Self::ALL.iter().zip(0..).find(|(known, _)| **known == self).map_or(1, |(_, code)| code)
    }

    /// What a number stands for; of those that are not known, that somebody is writing.
    #[must_use]
    pub fn of(code: u16) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or(Self::Typing)
    }
}

/// Where somebody is writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FarPlace {
    /// To somebody of the node that is told.
    Person(u64),
    /// In a group, and in which thread of it.
    Group(GroupId, Option<EntryRef>),
}

/// Somebody is writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FarTyping {
    /// Who, of the node that tells it.
    pub by: u64,
    /// Where.
    pub place: FarPlace,
    /// What exactly.
    pub doing: Doing,
}

/// Somebody came or went, as somebody else may know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FarStatus {
    /// Who, of the node that tells it.
    pub by: u64,
    /// Who may know, of the node that is told.
    pub to: u64,
    /// What.
    pub status: Status,
}

/// How far somebody has read what the node wrote that is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FarRead {
    /// Of which log.
    pub group: GroupId,
    /// Up to the first of these that is still shown; at most [`MARK_ENTRIES_MAX`].
    pub at: Vec<EntryRef>,
}

/// How far somebody here has read what the other of two people wrote, and how far that was told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Marks {
    read: Vec<Head>,
    told: bool,
}

impl Record for Marks {
    const VERSION: u8 = 1;
    const NAME: &'static str = "how far a pair was read";
}

fn read_key(group: GroupId) -> Vec<u8> {
    [&[READ][..], &group.0].concat()
}

fn number(user: UserId) -> u64 {
    user.0.unsigned_abs()
}

impl Core {
    /// Which nodes are to be told that somebody here is writing, and what.
    ///
    /// # Errors
    /// Those of the store.
    pub fn typing_across(
        &self,
        from: UserId,
        to: PeerId,
        doing: Doing,
        thread: Option<MessageId>,
    ) -> CoreResult<Vec<(NodeId, FarTyping)>> {
        let by = number(from);
        match to {
            PeerId::User(user) if is_remote(user) => {
                let Some((node, id, _)) = self.talks_with(from, user)? else {
                    return Ok(Vec::new());
                };
                Ok(vec![(node, FarTyping { by, place: FarPlace::Person(id), doing })])
            }
            PeerId::Channel(channel) => {
                let Some((group, nodes)) = self.small_group(channel) else {
                    return Ok(Vec::new());
                };
                let thread = thread.map(|top| self.origin_of(channel, top)).transpose()?.flatten();
                let typing = FarTyping { by, place: FarPlace::Group(group, thread), doing };
                Ok(nodes.into_iter().map(|node| (node, typing)).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Somebody of another node is writing: who is there is told.
    ///
    /// # Errors
    /// Those of the store; [`CoreError::UnknownUser`] where nobody here is to know.
    pub fn typing_from(&self, node: NodeId, typing: FarTyping) -> CoreResult<()> {
        let FarTyping { by, place, doing } = typing;
        let from = self.known_person(UserRef { node: node.short(), id: by })?;
        let from = from.ok_or(CoreError::UnknownUser)?;
        let (to, thread) = match place {
            FarPlace::Person(id) => {
                let to = UserId(i64::try_from(id).unwrap_or(0));
                if self.talks_with(to, from)?.is_none() || self.inner.has_blocked(to, from)? {
                    return Err(CoreError::UnknownUser);
                }
                (PeerId::User(to), None)
            }
            FarPlace::Group(group, thread) => {
                let channel = self.channel_shared_with(node, group)?;
                // That somebody has joined a public group is not told before they write.
                let public = self.sharing(channel).is_some_and(|shared| shared.public);
                if !self.participant(channel, from)?.map_or(public, |own| own.joined) {
                    return Err(CoreError::UnknownUser);
                }
                let thread = thread.map(|at| self.message_of(channel, &at)).transpose()?.flatten();
                (channel.into(), thread)
            }
        };
        self.inner.tell(&Event::Typing { from, to, action: None, doing: Some(doing), thread });
        Ok(())
    }

    /// Which people of other nodes are to be told how it stands with somebody here.
    ///
    /// # Errors
    /// Those of the store.
    pub fn statuses_across(&self, user: UserId) -> CoreResult<Vec<(NodeId, FarStatus)>> {
        let Some(seen) = self.seen(user)?.filter(|_| !is_remote(user)) else {
            return Ok(Vec::new());
        };
        let mut all = Vec::new();
        for other in self.acquaintances(user, AUDIENCE_MAX)?.into_iter().filter(|o| is_remote(*o)) {
            let Some((node, to, _)) = self.talks_with(user, other)? else { continue };
            let own = self.inner.contacts.book(&*self.inner.store, other)?;
            let status = self.inner.status_for(other, &own, &seen)?;
            all.push((node, FarStatus { by: number(user), to, status }));
        }
        Ok(all)
    }

    /// How it stands with those here who talk with people of a node: what it is to know when it comes.
    ///
    /// # Errors
    /// Those of the store.
    pub fn statuses_for(&self, node: NodeId, max: usize) -> CoreResult<Vec<FarStatus>> {
        let mut all = Vec::new();
        for (_, mine, theirs) in self.pairs_with(node)?.into_iter().take(max) {
            let user = UserId(i64::try_from(mine).unwrap_or(0));
            let other = self.known_person(UserRef { node: node.short(), id: theirs })?;
            let (Some(seen), Some(other)) = (self.seen(user)?, other) else { continue };
            let own = self.inner.contacts.book(&*self.inner.store, other)?;
            let status = self.inner.status_for(other, &own, &seen)?;
            all.push(FarStatus { by: mine, to: theirs, status });
        }
        Ok(all)
    }

    /// How it stands with somebody of another node, as that node lets somebody here know. Nobody else
    /// here learns of it.
    ///
    /// # Errors
    /// Those of the store; [`CoreError::UnknownUser`] for two who have never talked.
    pub fn status_from(&self, node: NodeId, told: FarStatus) -> CoreResult<()> {
        let viewer = UserId(i64::try_from(told.to).unwrap_or(0));
        let user = self.known_person(UserRef { node: node.short(), id: told.by })?;
        let user = user.ok_or(CoreError::UnknownUser)?;
        self.talks_with(viewer, user)?.ok_or(CoreError::UnknownUser)?;
        if self.inner.presence.set_far(user, viewer, told.status) {
            self.inner.changed();
            self.inner.tell(&Event::Presence { user });
        }
        Ok(())
    }

    /// Marks of pairs with a node that it has not heard of.
    ///
    /// # Errors
    /// Those of the store.
    pub fn reads_across(&self, node: NodeId) -> CoreResult<Vec<FarRead>> {
        let mut all = Vec::new();
        for (group, ..) in self.pairs_with(node)? {
            all.extend(self.read_across(group)?);
        }
        Ok(all)
    }

    /// The mark of one pair, if the other node has not heard of it.
    ///
    /// # Errors
    /// Those of the store.
    pub fn read_across(&self, group: GroupId) -> CoreResult<Option<FarRead>> {
        let row = self.inner.store.get(Keyspace::NODES, &read_key(group))?;
        let marks = row.map(|row| Marks::decode(&row)).transpose()?;
        let untold = marks.filter(|marks| !marks.told);
        Ok(untold.map(|marks| FarRead { group, at: marks.read.iter().map(Head::at).collect() }))
    }

    /// The other node has heard of a mark.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read_was_told(&self, read: FarRead) -> CoreResult<()> {
        self.write(None, move |decide| {
            let key = read_key(read.group);
            let Some(mut marks) = decide.load::<Marks>(Keyspace::NODES, &key)? else {
                return Ok(());
            };
            // It may have moved on since.
            if marks.told || marks.read.iter().map(Head::at).ne(read.at) {
                return Ok(());
            }
            marks.told = true;
            decide.put(Keyspace::NODES, &key, &marks)
        })
        .await
    }

    /// Which nodes are to hear that somebody here has read a group further, and what of theirs was read:
    /// what came after one message, up to another.
    ///
    /// # Errors
    /// Those of the store.
    pub fn group_reads_across(
        &self,
        channel: ChannelId,
        by: UserId,
        after: MessageId,
        max_id: MessageId,
    ) -> CoreResult<Vec<(NodeId, FarRead)>> {
        if is_remote(by) || by == ELSEWHERE {
            return Ok(Vec::new());
        }
        let Some((group, nodes)) = self.small_group(channel) else { return Ok(Vec::new()) };
        let mut reads: Vec<(NodeId, FarRead)> = Vec::new();
        let first = after.0.max(max_id.0.saturating_sub(LOOKED_THROUGH));
        for id in (first.saturating_add(1)..=max_id.0).rev() {
            let Some(at) = self.origin_of(channel, MessageId(id))? else { continue };
            let Some(node) = nodes.iter().find(|node| node.short() == at.node) else { continue };
            match reads.iter_mut().find(|(known, _)| known == node) {
                Some((_, read)) if read.at.len() < MARK_ENTRIES_MAX => read.at.push(at),
                Some(_) => {}
                None => reads.push((*node, FarRead { group, at: vec![at] })),
            }
        }
        Ok(reads)
    }

    /// Somebody of another node has read what people here wrote.
    ///
    /// # Errors
    /// Those of the store; [`CoreError::UnknownChannel`] where that node takes no part.
    pub async fn read_from(&self, node: NodeId, read: FarRead) -> CoreResult<()> {
        let FarRead { group, at } = read;
        match self.pair(group)? {
            Some(pair) if pair.node == node => {
                self.write(None, move |decide| decide.pair_was_read(group, &at)).await
            }
            Some(_) => Err(CoreError::UnknownChannel),
            None => {
                let channel = self.channel_shared_with(node, group)?;
                let own = self.inner.logs.keys().node().short();
                let mut ids = at.iter().filter(|at| at.node == own);
                let read = ids.find_map(|at| self.message_of(channel, at).transpose());
                let Some(max_id) = read.transpose()? else { return Ok(()) };
                self.write(None, move |decide| decide.read_elsewhere(channel, max_id)).await
            }
        }
    }

    /// Where somebody lives with whom somebody here talks, their number there and their log; `None` where
    /// nothing was ever said.
    fn talks_with(
        &self,
        mine: UserId,
        account: UserId,
    ) -> CoreResult<Option<(NodeId, u64, GroupId)>> {
        let Some(node) = self.node_of(account)?.filter(|node| !node.blocked) else {
            return Ok(None);
        };
        let Some(id) = self.number_there(account)? else { return Ok(None) };
        let group = GroupId::of_pair((self.node(), number(mine)), (node.id, id));
        Ok(self.pair(group)?.map(|pair| (pair.node, pair.theirs, group)))
    }

    /// The other nodes of a supergroup that is on few.
    fn small_group(&self, channel: ChannelId) -> Option<(GroupId, Vec<NodeId>)> {
        let found = self.channel(channel).filter(|found| !found.broadcast)?;
        let shared = self.sharing(found.id)?;
        let own = self.node();
        let mut nodes = shared.members;
        nodes.push(shared.home);
        nodes.retain(|node| *node != own);
        nodes.sort_unstable();
        nodes.dedup();
        (nodes.len() < SMALL_GROUP_NODES).then_some((shared.group, nodes))
    }

    /// A supergroup in which a node writes.
    fn channel_shared_with(&self, node: NodeId, group: GroupId) -> CoreResult<ChannelId> {
        let channel = self.channel_of_group(group)?.ok_or(CoreError::UnknownChannel)?;
        let (_, nodes) = self.small_group(channel).ok_or(CoreError::UnknownChannel)?;
        if nodes.contains(&node) { Ok(channel) } else { Err(CoreError::UnknownChannel) }
    }
}

impl Decide<'_> {
    /// Somebody here has read a dialog with somebody of another node, up to a message.
    pub(crate) fn note_read_across(
        &mut self,
        owner: UserId,
        other: UserId,
        newest: MessageId,
    ) -> CoreResult<()> {
        if !is_remote(other) {
            return Ok(());
        }
        let own = self.inner.logs.keys().node().short();
        let mut found: Vec<(GroupId, EntryRef)> = Vec::new();
        let first = newest.0.saturating_sub(LOOKED_THROUGH).max(0);
        for id in (first..=newest.0).rev().map(MessageId) {
            // A box has all dialogs.
            let with = self.message(owner, id)?.filter(|message| message.peer == other.into());
            if with.is_none() {
                continue;
            }
            found.extend(self.brought(owner, id)?.filter(|(_, at)| at.node != own));
            if found.len() == MARK_ENTRIES_MAX {
                break;
            }
        }
        let Some((group, _)) = found.first().copied() else { return Ok(()) };
        let read = found.iter().map(|(_, at)| Head::of(at)).collect();
        self.put(Keyspace::NODES, &read_key(group), &Marks { read, told: false })?;
        self.event(Event::PairRead { group });
        Ok(())
    }

    /// The other of two people has read up to the first of these that is shown here.
    fn pair_was_read(&mut self, group: GroupId, at: &[EntryRef]) -> CoreResult<()> {
        let Some((owner, account)) = self.people_of_pair(group)? else { return Ok(()) };
        let own = self.inner.logs.keys().node().short();
        let mut max_id = MessageId(0);
        for at in at.iter().filter(|at| at.node == own) {
            max_id = max_id.max(self.brought_by(group, at)?.unwrap_or_default());
        }
        let (store, peer) = (self.store(), PeerId::from(account));
        let count = {
            let cell = self.inner.boxes.cell(owner);
            let state = cell.lock(store, owner)?;
            let dialog = state.dialogs.get(&peer).filter(|dialog| max_id > dialog.read_outbox);
            let Some(dialog) = dialog else { return Ok(()) };
            let chunks = StoredChunks { store, owner: owner.into() };
            dialog.outgoing_up_to(max_id, &chunks, peer)?
        };
        // When it was read is the reader's to tell, and they were not asked.
        self.append(owner, BoxRow::ReadOutbox { peer, max_id, count, date: 0 }).map(|_| ())
    }
}
