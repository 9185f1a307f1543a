//! What a message box holds.
//!
//! A box is a log: one row per event, in the order of pts. A new message is such an event, and
//! its id is the pts of the event that brought it. So a message is written once per box, under
//! the key that both its history and every difference read it by.

use serde::{Deserialize, Serialize};

use crate::ids::{MessageId, PeerId, UserId};
use crate::record::Record;
use crate::text::Entity;

/// One message as it lies in one box.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Whom the dialog is with.
    pub peer: PeerId,
    /// Who wrote it.
    pub from: UserId,
    /// Whether the box's owner wrote it.
    pub out: bool,
    /// The same message in the other party's box; 0 in saved messages.
    pub twin: MessageId,
    /// Unix seconds.
    pub date: i32,
    /// Unix seconds of the last edit; 0 if there was none.
    pub edited: i32,
    /// Sent without a sound.
    pub silent: bool,
    /// At most 4096 UTF-16 units; never empty.
    pub text: String,
    /// Sorted, within the text.
    pub entities: Vec<Entity>,
    /// What it answers.
    pub reply: Option<Reply>,
    /// Where it was forwarded from.
    pub forward: Option<Forward>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("peer", &self.peer)
            .field("out", &self.out)
            .field("twin", &self.twin)
            .finish_non_exhaustive()
    }
}

/// What a message answers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The answered message, in the same box.
    pub to: MessageId,
    /// The part of it that is quoted.
    pub quote: Option<Quote>,
}

/// A quoted part of a message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The part itself.
    pub text: String,
    /// Formatting of the part.
    pub entities: Vec<Entity>,
    /// Where it begins in the quoted message, in UTF-16 units.
    pub offset: i32,
}

/// Where a forwarded message came from.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forward {
    /// Who wrote it first.
    pub from: UserId,
    /// When, in unix seconds.
    pub date: i32,
    /// In saved messages: the dialog and message that it was taken from.
    pub saved_from: Option<(PeerId, MessageId)>,
}

/// One row of a box. Its key is the owner and the pts that the box has after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BoxRow {
    /// A message came. Rewritten when it is edited, removed when it is deleted.
    Message(Message),
    /// The message with this id was changed; its row has the new form.
    Edited(MessageId),
    /// Messages of one dialog went away. Counts as many pts as ids.
    Deleted {
        /// The dialog.
        peer: PeerId,
        /// The messages, ascending, without those that were gone already.
        ids: Vec<MessageId>,
    },
    /// The owner has read a dialog up to here. Counts as many pts as messages were unread.
    ReadInbox {
        /// The dialog.
        peer: PeerId,
        /// The newest message that was read.
        max_id: MessageId,
        /// Messages that this marked as read.
        count: i32,
        /// Messages that stay unread.
        still_unread: i32,
    },
    /// The other party has read the owner's messages up to here.
    ReadOutbox {
        /// The dialog.
        peer: PeerId,
        /// The owner's newest message that was read.
        max_id: MessageId,
        /// Messages that this marked as read.
        count: i32,
    },
}

impl BoxRow {
    /// How many pts the event counts: the box had `pts - pts_count` before it.
    #[must_use]
    pub fn pts_count(&self) -> i32 {
        match self {
            Self::Message(_) | Self::Edited(_) => 1,
            Self::Deleted { ids, .. } => i32::try_from(ids.len()).unwrap_or(i32::MAX),
            Self::ReadInbox { count, .. } | Self::ReadOutbox { count, .. } => *count,
        }
    }
}

impl Record for BoxRow {
    const VERSION: u8 = 1;
    const NAME: &'static str = "box row";
}

/// What a `random_id` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RandomId {
    /// The message in the sender's box.
    pub(crate) id: MessageId,
    /// Of what was asked to be sent: the same number with other words is an error.
    pub(crate) fingerprint: u64,
}

impl Record for RandomId {
    const VERSION: u8 = 1;
    const NAME: &'static str = "random id";
}

#[cfg(test)]
impl Message {
    /// A message like any other, for tests that look at something else.
    pub(crate) fn plain(peer: PeerId, from: UserId, out: bool) -> Self {
        Self {
            peer,
            from,
            out,
            twin: MessageId(0),
            date: 0,
            edited: 0,
            silent: false,
            text: "x".into(),
            entities: Vec::new(),
            reply: None,
            forward: None,
        }
    }
}
