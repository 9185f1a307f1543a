//! What is told to other nodes and is in no log: who is writing, who is there, how far was read.

use std::collections::HashMap;
use std::sync::Arc;

use glog::cbor::{Blob, List, Wire, decode, encode};
use glog::{GroupId, NodeId};
use mesh::{Call, Reply};
use node_core::{
    ChannelId, CoreError, CoreResult, Doing, Event, FarPlace, FarRead, FarStatus, FarTyping,
    MessageId, Own, PeerId, PrivacyKey, SecretChatId, UserId, is_remote,
};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc};

use super::Federation;
use super::records::{
    READS, READS_MAX, ReadTold, Reads, SECRET_TYPING, STATUSES, STATUSES_MAX, SecretTypingTold,
    Statuses, TYPING, TypingTold, status_of, status_told,
};

/// What waits to be told. What does not fit is not told: it is about this moment, or said again.
pub(super) const WAITING_MAX: usize = 512;

/// Calls of this kind that are on their way at once.
const AT_ONCE: usize = 32;

/// How often others are told that somebody is writing, and how often it is believed. Clients say it every
/// five seconds.
const TYPING_EVERY_MS: u64 = 2_000;

/// Writers who are remembered for that.
const WRITERS_MAX: usize = 4096;

/// Pairs with a node of which it is told when it comes who is there.
const TOLD_AT_ONCE: usize = 1000;

/// Something that happened here.
pub(super) enum Live {
    /// Somebody is writing.
    Typing { from: UserId, to: PeerId, doing: Doing, thread: Option<MessageId> },
    /// Somebody is writing in a secret chat.
    SecretTyping { from: UserId, to: UserId, chat: SecretChatId },
    /// Somebody came or went.
    Came(UserId),
    /// Somebody has read what somebody of another node wrote to them.
    Read(GroupId),
    /// Somebody has read a group.
    GroupRead { channel: ChannelId, by: UserId, after: MessageId, max_id: MessageId },
    /// A node has come.
    Met(NodeId),
    /// A node is still here.
    Again(NodeId),
}

impl Live {
    /// What of an event other nodes may have to hear.
    pub(super) fn of(event: &Event) -> Option<Self> {
        match *event {
            Event::Typing { from, to, doing: Some(doing), thread, .. } if !is_remote(from) => {
                Some(Self::Typing { from, to, doing, thread })
            }
            Event::SecretTyping { from, to, chat } => Some(Self::SecretTyping { from, to, chat }),
            Event::Presence { user } if !is_remote(user) => Some(Self::Came(user)),
            // What others may know of it is another from now on.
            Event::Own {
                owner,
                change: Own::Privacy(PrivacyKey::Status) | Own::Blocked { .. },
                ..
            } => Some(Self::Came(owner)),
            Event::PairRead { group } => Some(Self::Read(group)),
            Event::ChannelSeen { channel, by, after, max_id } if !is_remote(by) => {
                Some(Self::GroupRead { channel, by, after, max_id })
            }
            _ => None,
        }
    }
}

/// When writers were last told of. Bounded: beyond, all are new.
#[derive(Debug)]
pub(super) struct Writers<W>(Mutex<HashMap<W, u64>>);

impl<W> Default for Writers<W> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<W: Eq + std::hash::Hash> Writers<W> {
    /// Whether it is time again. That somebody has stopped is always told, and what follows too.
    fn is_due(&self, writer: W, doing: Doing, now_ms: u64) -> bool {
        let mut known = self.0.lock();
        if doing == Doing::Cancel {
            return known.remove(&writer).is_some();
        }
        if known.get(&writer).is_some_and(|at| now_ms < at + TYPING_EVERY_MS) {
            return false;
        }
        if known.len() >= WRITERS_MAX {
            known.clear();
        }
        known.insert(writer, now_ms);
        true
    }
}

impl Federation {
    /// Tells other nodes what happens here, as it happens.
    pub(super) async fn live(self: Arc<Self>, mut happened: mpsc::Receiver<Live>) {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        while let Some(live) = happened.recv().await {
            if let Err(cause) = self.tell_live(live, &turns) {
                tracing::debug!(%cause, "other nodes are not told");
            }
        }
    }

    fn tell_live(self: &Arc<Self>, live: Live, turns: &Arc<Semaphore>) -> CoreResult<()> {
        let core = &self.core;
        match live {
            Live::Typing { from, to, doing, thread } => {
                if !self.writers.is_due((from, to), doing, core.now_ms()) {
                    return Ok(());
                }
                for (node, typing) in core.typing_across(from, to, doing, thread)? {
                    self.tell(turns, node, TYPING, &typing_told(typing), None);
                }
            }
            Live::SecretTyping { from, to, chat } => {
                if !self.secret_writers.is_due((from, chat), Doing::Typing, core.now_ms()) {
                    return Ok(());
                }
                if let Some((node, person)) = core.lives_on(to)? {
                    let (by, chat) = (from.0.unsigned_abs(), chat.0.cast_unsigned());
                    let told = SecretTypingTold { by, person, chat };
                    self.tell(turns, node, SECRET_TYPING, &told, None);
                }
            }
            Live::Came(user) => {
                for (node, status) in core.statuses_across(user)? {
                    self.tell_statuses(turns, node, &[status]);
                }
            }
            Live::Read(group) => {
                let pair = core.pair(group)?;
                if let (Some(pair), Some(read)) = (pair, core.read_across(group)?) {
                    self.tell_reads(turns, pair.node, vec![read], true);
                }
            }
            Live::GroupRead { channel, by, after, max_id } => {
                for (node, read) in core.group_reads_across(channel, by, after, max_id)? {
                    self.tell_reads(turns, node, vec![read], false);
                }
            }
            Live::Met(node) => {
                let all = core.statuses_for(node, TOLD_AT_ONCE)?;
                for some in all.chunks(STATUSES_MAX) {
                    self.tell_statuses(turns, node, some);
                }
                self.tell_untold(turns, node)?;
            }
            Live::Again(node) => self.tell_untold(turns, node)?,
        }
        Ok(())
    }

    fn tell_statuses(
        self: &Arc<Self>,
        turns: &Arc<Semaphore>,
        node: NodeId,
        statuses: &[FarStatus],
    ) {
        let now = self.core.now();
        let all = statuses.iter().map(|status| status_told(status, now)).collect();
        let Ok(all) = List::new(all) else { return };
        self.tell(turns, node, STATUSES, &Statuses { all }, None);
    }

    /// Marks of pairs that a node has not heard of.
    fn tell_untold(self: &Arc<Self>, turns: &Arc<Semaphore>, node: NodeId) -> CoreResult<()> {
        for some in self.core.reads_across(node)?.chunks(READS_MAX) {
            self.tell_reads(turns, node, some.to_vec(), true);
        }
        Ok(())
    }

    /// Tells of marks; `kept`: those of pairs, which are told until they were heard.
    fn tell_reads(
        self: &Arc<Self>,
        turns: &Arc<Semaphore>,
        node: NodeId,
        reads: Vec<FarRead>,
        kept: bool,
    ) {
        let told = |read: &FarRead| {
            Some(ReadTold { group: read.group, at: List::new(read.at.clone()).ok()? })
        };
        let Ok(all) = List::new(reads.iter().filter_map(told).collect()) else { return };
        self.tell(turns, node, READS, &Reads { all }, kept.then_some(reads));
    }

    /// Says something to a node that is here. `reads` are kept marks, which it has heard then.
    fn tell<T: Wire>(
        self: &Arc<Self>,
        turns: &Arc<Semaphore>,
        node: NodeId,
        kind: u16,
        said: &T,
        reads: Option<Vec<FarRead>>,
    ) {
        if !self.is_connected(node) {
            return;
        }
        let Ok(body) = Blob::new(encode(said)) else { return };
        let Ok(turn) = turns.clone().try_acquire_owned() else { return };
        let federation = self.clone();
        tokio::spawn(async move {
            let answered = federation.ask(node, Call::Other { kind, body }).await;
            drop(turn);
            if let Err(cause) = answered {
                tracing::debug!(%cause, %node, kind, "a node was not told");
                return;
            }
            for read in reads.into_iter().flatten() {
                if let Err(cause) = federation.core.read_was_told(read).await {
                    tracing::warn!(%cause, %node, "that a mark was told is not kept");
                }
            }
        });
    }

    /// A node has come, or is still here.
    pub(super) fn is_here(&self, here: Live) {
        // What does not fit comes with the next round.
        drop(self.live.try_send(here));
    }

    /// What another node tells.
    pub(super) async fn hear_live(
        &self,
        from: NodeId,
        kind: u16,
        body: &[u8],
    ) -> CoreResult<Reply> {
        let core = &self.core;
        match kind {
            TYPING => {
                let told: TypingTold = decode(body).map_err(|_| CoreError::UnknownUser)?;
                let doing = Doing::of(told.doing);
                let writer = (from, told.by, told.person, told.group);
                let place = match (told.person, told.group) {
                    (Some(person), None) => FarPlace::Person(person),
                    (None, Some(group)) => FarPlace::Group(group, told.thread),
                    _ => return Err(CoreError::UnknownUser),
                };
                if self.far_writers.is_due(writer, doing, core.now_ms()) {
                    core.typing_from(from, FarTyping { by: told.by, place, doing })?;
                }
            }
            SECRET_TYPING => {
                let told: SecretTypingTold = decode(body).map_err(|_| CoreError::UnknownUser)?;
                let chat = SecretChatId(told.chat.cast_signed());
                let writer = (from, told.by, chat);
                if self.far_secret_writers.is_due(writer, Doing::Typing, core.now_ms()) {
                    core.secret_typing_from(from, told.by, told.person, chat)?;
                }
            }
            STATUSES => {
                let told: Statuses = decode(body).map_err(|_| CoreError::UnknownUser)?;
                let now = core.now();
                for status in told.all.iter().map(|told| status_of(told, now)) {
                    match core.status_from(from, status) {
                        // The others may be known.
                        Ok(()) | Err(CoreError::UnknownUser) => {}
                        Err(cause) => return Err(cause),
                    }
                }
            }
            READS => {
                let told: Reads = decode(body).map_err(|_| CoreError::UnknownChannel)?;
                for ReadTold { group, at } in told.all.into_vec() {
                    match core.read_from(from, FarRead { group, at: at.into_vec() }).await {
                        Ok(()) | Err(CoreError::UnknownChannel) => {}
                        Err(cause) => return Err(cause),
                    }
                }
            }
            _ => return Err(CoreError::NotBuilt),
        }
        Ok(Reply::Done)
    }
}

fn typing_told(typing: FarTyping) -> TypingTold {
    let FarTyping { by, place, doing } = typing;
    let (person, group, thread) = match place {
        FarPlace::Person(person) => (Some(person), None, None),
        FarPlace::Group(group, thread) => (None, Some(group), thread),
    };
    TypingTold { by, person, group, thread, doing: doing.code() }
}
