//! What admins answer, in the channel's name, to people of other servers: it goes out too.
//!
//! The box of the group in which a channel is discussed is followed by a cursor of its own. Keyspace
//! `BRIDGE`: 33 ++ channel (8): the [`Cursor`]; 34 ++ group (8) ++ message (4): an [`Answered`]; 35 ++ group
//! ++ note: its message.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{
    ANSWER, ANSWER_OF, ANSWERS, Bridge, BridgeError, BridgeState, NewOutgoing, PostRef, check_id,
    hash16, key,
};
use crate::decide::Decide;
use crate::difference::Difference;
use crate::ids::{ChannelId, MessageId, Pts};
use crate::message::{BoxRow, Message};
use crate::record::Record;
use crate::{Core, CoreResult};

/// Answers that one command says something of.
const ANSWERED_AT_ONCE: usize = 500;

/// How far the box of a group has gone out.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Cursor {
    pub(super) group: ChannelId,
    pub(super) pts: Pts,
}

impl Record for Cursor {
    const VERSION: u8 = 1;
    const NAME: &'static str = "cursor of answers";
}

/// A message that went out as an answer. Key: group ++ id.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Answered {
    pub(super) post: PostRef,
    pub(super) note: String,
    pub(super) to: String,
    pub(super) author: String,
}

impl Record for Answered {
    const VERSION: u8 = 1;
    const NAME: &'static str = "answer of a bridge";
}

/// What happened to an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Where the group's box is after it.
    pub pts: Pts,
    /// The message in the group.
    pub id: MessageId,
    /// As every node calls it, in the group's log.
    pub post: PostRef,
    /// What.
    pub what: AnswerWhat,
}

/// See [`Answer`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerWhat {
    /// Somebody answered a comment in the channel's name.
    New {
        /// The comment's id.
        to: String,
        /// What it says by now.
        message: Box<Message>,
    },
    /// An answer that went out was edited.
    Edited {
        /// The comment's id.
        to: String,
        /// What it says by now.
        message: Box<Message>,
    },
    /// An answer that went out was deleted.
    Deleted {
        /// Who is answered: the comment may be gone.
        author: String,
    },
}

/// Some of what happened in a group, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    /// The group in which the channel is discussed; none: nowhere.
    pub group: Option<ChannelId>,
    /// Where the cursor is.
    pub from: Pts,
    /// What concerns other servers.
    pub answers: Vec<Answer>,
    /// Up to where this is all.
    pub pts: Pts,
    /// Whether there is no more.
    pub last: bool,
}

/// An answer that is other servers' from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldAnswer {
    /// The message in the group.
    pub id: MessageId,
    /// As every node calls it.
    pub post: PostRef,
    /// Its id at other servers.
    pub note: String,
    /// The id of the comment that it answers.
    pub to: String,
    /// The id of its author.
    pub author: String,
}

/// What was made of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnswerStep {
    /// Goes out, in this order; at most 64.
    pub outgoing: Vec<NewOutgoing>,
    /// Answers that are new to other servers.
    pub answered: Vec<ToldAnswer>,
    /// Answers that are gone.
    pub gone: Vec<MessageId>,
}

pub(super) fn cursor_key(channel: ChannelId) -> Vec<u8> {
    key(ANSWERS, &[&channel.bytes()])
}

fn answer_key(group: ChannelId, id: MessageId) -> Vec<u8> {
    key(ANSWER, &[&group.bytes(), &id.0.max(0).to_be_bytes()])
}

fn note_key(group: ChannelId, note: &str) -> Vec<u8> {
    key(ANSWER_OF, &[&group.bytes(), &hash16(note)])
}

impl Core {
    /// What admins have answered in a channel's name, where it is discussed, since the cursor: at most
    /// `at_most` events of the group, and 500. The first time, and with another group, from now on.
    ///
    /// # Errors
    /// [`BridgeError::NotBridged`], and those of the store.
    pub async fn bridge_answers(&self, channel: ChannelId, at_most: usize) -> CoreResult<Answers> {
        if !self.is_bridged(channel) {
            return Err(BridgeError::NotBridged.into());
        }
        let Some(group) = self.channel(channel).and_then(|channel| channel.linked) else {
            return Ok(Answers { last: true, ..Answers::default() });
        };
        let from = self.write(None, move |decide| decide.answers_cursor(channel, group)).await?;
        let (rows, pts, last) = match self.difference(group, from, at_most, None).await? {
            Difference::Empty => (Vec::new(), from, true),
            Difference::TooLong(pts) => (Vec::new(), pts, true),
            Difference::Events { rows, pts, last } => (rows, pts, last),
        };
        let mut answers = Vec::new();
        for row in rows {
            let pts = row.pts;
            match row.row {
                BoxRow::Message(message) => {
                    let id = MessageId(pts.0);
                    let to = self.answers_comment(channel, group, &message)?;
                    let post = if to.is_some() { self.post_ref(group, id)? } else { None };
                    let new = to.zip(post).map(|(to, post)| {
                        let what = AnswerWhat::New { to, message: Box::new(message) };
                        Answer { pts, id, post, what }
                    });
                    answers.extend(new);
                }
                BoxRow::Edited(id) => {
                    if let Some(known) = self.answered(group, id)?
                        && let Some(message) = row.edited
                    {
                        let what = AnswerWhat::Edited { to: known.to, message: Box::new(message) };
                        answers.push(Answer { pts, id, post: known.post, what });
                    }
                }
                BoxRow::Deleted { ids, .. } => {
                    for id in ids {
                        let Some(known) = self.answered(group, id)? else { continue };
                        let what = AnswerWhat::Deleted { author: known.author };
                        answers.push(Answer { pts, id, post: known.post, what });
                    }
                }
                _ => {}
            }
        }
        self.settled().await?;
        Ok(Answers { group: Some(group), from, answers, pts, last })
    }

    /// What was made of answers goes into the log, and the cursor moves, both in one batch. Answers the
    /// number of the newest activity.
    ///
    /// # Errors
    /// [`BridgeError::CursorMoved`], also where the channel is discussed elsewhere by now;
    /// [`BridgeError::NotBridged`], [`BridgeError::Invalid`].
    pub async fn bridge_answered(
        &self,
        channel: ChannelId,
        group: ChannelId,
        from: Pts,
        to: Pts,
        step: AnswerStep,
    ) -> CoreResult<u64> {
        self.write(None, move |decide| decide.bridge_answered(channel, group, (from, to), step))
            .await
    }

    /// The id of the comment that a message of a group answers, if it went out as an answer; also when the
    /// comment is gone by now.
    ///
    /// # Errors
    /// Those of the store.
    pub fn answer_to(&self, group: ChannelId, id: MessageId) -> CoreResult<Option<String>> {
        Ok(self.answered(group, id)?.map(|known| known.to))
    }

    /// The comment that a message written in the channel's name answers.
    fn answers_comment(
        &self,
        channel: ChannelId,
        group: ChannelId,
        message: &Message,
    ) -> CoreResult<Option<String>> {
        let in_its_name = message.sent_as == Some(channel.into());
        if !in_its_name || message.is_copy_of_post() || message.action.is_some() {
            return Ok(None);
        }
        match &message.reply {
            Some(reply) => self.object_of_message(group, reply.to),
            None => Ok(None),
        }
    }

    fn answered(&self, group: ChannelId, id: MessageId) -> CoreResult<Option<Answered>> {
        let row = self.inner.store.get(Keyspace::BRIDGE, &answer_key(group, id))?;
        if let Some(row) = row {
            return Answered::decode(&row).map(Some);
        }
        // One that an earlier home has carried.
        self.answer_away(group, id)
    }
}

impl Decide<'_> {
    /// How far a group's box has gone out; from now on, where it has not at all.
    fn answers_cursor(&mut self, channel: ChannelId, group: ChannelId) -> CoreResult<Pts> {
        let at = cursor_key(channel);
        let known: Option<Cursor> = self.load(Keyspace::BRIDGE, &at)?;
        if let Some(known) = known.filter(|known| known.group == group) {
            return Ok(known.pts);
        }
        let pts = Pts(self.next_id(group)?.0 - 1);
        self.put(Keyspace::BRIDGE, &at, &Cursor { group, pts })?;
        Ok(pts)
    }

    fn bridge_answered(
        &mut self,
        channel: ChannelId,
        group: ChannelId,
        (from, to): (Pts, Pts),
        step: AnswerStep,
    ) -> CoreResult<u64> {
        let bridge = self.bridge_row(channel)?.ok_or(BridgeError::NotBridged)?;
        let Bridge { cid, state, .. } = bridge;
        if state == BridgeState::Gone {
            return Err(BridgeError::NotBridged.into());
        }
        let known: Option<Cursor> = self.load(Keyspace::BRIDGE, &cursor_key(channel))?;
        let known = known.ok_or(BridgeError::NotBridged)?;
        if known.group != group || known.pts != from {
            return Err(BridgeError::CursorMoved { at: known.pts.0 }.into());
        }
        let too_many = step.answered.len() + step.gone.len() > ANSWERED_AT_ONCE;
        if too_many || to < from || to.0 >= self.next_id(group)?.0 {
            return Err(BridgeError::Invalid("cursor").into());
        }
        for ToldAnswer { id, post, note, to, author } in step.answered {
            [&note, &to, &author].into_iter().try_for_each(|id| check_id(id))?;
            let at = id.0.to_be_bytes().to_vec();
            self.put_bytes(Keyspace::BRIDGE, &note_key(group, &note), at);
            let known = Answered { post, note, to, author };
            self.put(Keyspace::BRIDGE, &answer_key(group, id), &known)?;
        }
        for id in step.gone {
            let at = answer_key(group, id);
            if let Some(known) = self.load::<Answered>(Keyspace::BRIDGE, &at)? {
                self.delete(Keyspace::BRIDGE, &note_key(group, &known.note));
            }
            self.delete(Keyspace::BRIDGE, &at);
        }
        self.put(Keyspace::BRIDGE, &cursor_key(channel), &Cursor { group, pts: to })?;
        self.append_outgoing(cid, step.outgoing)
    }

    /// The message of a group that went out under an id.
    pub(super) fn answer_of(&self, group: ChannelId, note: &str) -> CoreResult<Option<MessageId>> {
        let row = self.get(Keyspace::BRIDGE, &note_key(group, note))?;
        let id = row.and_then(|row| row.first_chunk().map(|id| MessageId(i32::from_be_bytes(*id))));
        let id = match id {
            Some(id) => Some(id),
            None => self.answer_of_away(group, note)?,
        };
        Ok(match id {
            Some(id) => self.message(group, id)?.map(|_| id),
            None => None,
        })
    }
}
