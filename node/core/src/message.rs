//! What a message box holds.
//!
//! A box is a log: one row per event, in the order of pts. A new message is such an event, and
//! its id is the pts of the event that brought it. So a message is written once per box, under
//! the key that both its history and every difference read it by.

use serde::{Deserialize, Serialize};

use crate::channels::{TopicChange, TopicIcon};
use crate::ids::{ChannelId, ChatId, MessageId, PeerId, UserId};
use crate::media::{FileId, Media};
use crate::record::Record;
use crate::text::{Entity, Text};

/// One message as it lies in one box.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Whom the dialog is with.
    pub peer: PeerId,
    /// Who wrote it.
    pub from: UserId,
    /// Whether the box's owner wrote it.
    pub out: bool,
    /// The same message elsewhere: its id in the other party's box; in a basic group its number
    /// there, which all copies have; 0 in saved messages.
    pub twin: MessageId,
    /// Unix seconds.
    pub date: i32,
    /// Unix seconds of the last edit; 0 if there was none.
    pub edited: i32,
    /// Sent without a sound.
    pub silent: bool,
    /// At most 4096 UTF-16 units; empty in a service message only.
    pub text: String,
    /// Sorted, within the text.
    pub entities: Vec<Entity>,
    /// What it answers.
    pub reply: Option<Reply>,
    /// Where it was forwarded from.
    pub forward: Option<Forward>,
    /// Shown above the dialog.
    pub pinned: bool,
    /// Seconds after which it goes by itself; 0: it stays.
    pub ttl_period: i32,
    /// It was written earlier, to be sent at its date.
    pub scheduled: bool,
    /// What happened, if this is a service message.
    pub action: Option<Action>,
    /// What comes with the text.
    pub media: Option<Media>,
    /// Messages with the same number are one album; 0: it is in none.
    pub grouped_id: i64,
    /// The text stands above the media.
    pub invert_media: bool,
    /// The box's owner is mentioned, or answered.
    pub mentioned: bool,
    /// Somebody still has to look at it or to listen to it: the owner, or of an outgoing message
    /// anybody else.
    pub unread_media: bool,
    /// There are reactions, or were: see [`crate::Core::reactions`].
    pub reacted: bool,
    /// It may not be forwarded or saved.
    pub noforwards: bool,
    /// In a channel that names who writes: who that was; of an anonymous admin: the title.
    pub post_author: Option<String>,
    /// In a supergroup: the message with which its thread begins, if it answers anything.
    pub thread: Option<MessageId>,
    /// There are messages in its thread, or were: see [`crate::Core::thread`].
    pub has_thread: bool,
    /// In a supergroup: in whose name it was written, if not in its writer's own.
    pub sent_as: Option<PeerId>,
    /// Its thread is a topic.
    pub in_topic: bool,
}

/// What a service message tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Action {
    /// The message that this one answers was pinned.
    Pin,
    /// From now on messages go by themselves.
    SetTtl {
        /// After so many seconds; 0: they stay.
        period: i32,
        /// Who has set so for all dialogs that he begins, where nobody did it here.
        auto_from: Option<UserId>,
    },
    /// Somebody whom the box's owner keeps as a contact has joined.
    ContactSignUp,
    /// A basic group was made.
    ChatCreated {
        /// Its title.
        title: String,
        /// Its first members, without the one who made it.
        users: Vec<UserId>,
    },
    /// The group has another title.
    ChatTitle(String),
    /// The group has another photo; `None`: none any more.
    ChatPhoto(Option<FileId>),
    /// Members were added.
    ChatAdded(Vec<UserId>),
    /// A member left, or was removed.
    ChatRemoved(UserId),
    /// The writer joined by a link.
    ChatJoinedByLink {
        /// Who made the link.
        inviter: UserId,
    },
    /// The writer asked to join, and was let in.
    ChatJoinedByRequest,
    /// A channel or supergroup was made.
    ChannelCreated {
        /// Its title.
        title: String,
    },
    /// The group is a supergroup now.
    ChatMigratedTo(ChannelId),
    /// The supergroup was a group.
    ChatMigratedFrom {
        /// What it was called.
        title: String,
        /// Its number.
        chat: ChatId,
    },
    /// A topic begins: what stands in it answers this message.
    TopicCreated {
        /// What it is called.
        title: String,
        /// What stands before the title.
        icon: TopicIcon,
    },
    /// The topic in which this message stands is another one.
    TopicEdited(TopicChange),
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
    pub from: Author,
    /// When, in unix seconds.
    pub date: i32,
    /// In saved messages: the dialog and message that it was taken from.
    pub saved_from: Option<(PeerId, MessageId)>,
}

/// Who is named as the one that wrote a forwarded message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Author {
    /// An account.
    User(UserId),
    /// A name without a link: that account does not want one.
    Name(String),
    /// A channel, or a group in whose name it was written.
    Channel {
        /// Which.
        channel: ChannelId,
        /// The post there.
        post: Option<MessageId>,
        /// Who signed it.
        signed: Option<String>,
    },
}

impl Author {
    /// The account, if there is a link to it.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(*user),
            Self::Name(_) | Self::Channel { .. } => None,
        }
    }

    /// The account or the channel, if there is a link to it.
    #[must_use]
    pub fn peer(&self) -> Option<PeerId> {
        match self {
            Self::User(user) => Some((*user).into()),
            Self::Channel { channel, .. } => Some((*channel).into()),
            Self::Name(_) => None,
        }
    }
}

/// One row of a box. Its key is the owner and the pts that the box has after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "most rows are messages")]
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
        /// Of messages to oneself: what all of them were filed under.
        saved: Option<PeerId>,
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
        /// When, in unix seconds; 0 if that was not kept.
        date: i32,
    },
    /// The other party has read the owner's messages up to here.
    ReadOutbox {
        /// The dialog.
        peer: PeerId,
        /// The owner's newest message that was read.
        max_id: MessageId,
        /// Messages that this marked as read.
        count: i32,
        /// When, in unix seconds; 0 if that was not kept.
        date: i32,
    },
    /// What came with messages was looked at, or listened to. Counts as many pts as ids.
    ReadContents {
        /// The dialog.
        peer: PeerId,
        /// The messages, ascending, of which each changed.
        ids: Vec<MessageId>,
    },
    /// Messages of one dialog were pinned, or are no longer. Counts as many pts as ids; the rows
    /// of the messages say the same.
    Pinned {
        /// The dialog.
        peer: PeerId,
        /// The messages, ascending, of which each changed.
        ids: Vec<MessageId>,
        /// Whether they are pinned now.
        pinned: bool,
    },
}

impl BoxRow {
    /// How many pts the event counts: the box had `pts - pts_count` before it.
    #[must_use]
    pub fn pts_count(&self) -> i32 {
        match self {
            Self::Message(_) | Self::Edited(_) => 1,
            Self::Deleted { ids, .. }
            | Self::Pinned { ids, .. }
            | Self::ReadContents { ids, .. } => i32::try_from(ids.len()).unwrap_or(i32::MAX),
            Self::ReadInbox { count, .. } | Self::ReadOutbox { count, .. } => *count,
        }
    }
}

impl Record for BoxRow {
    const VERSION: u8 = 5;
    const NAME: &'static str = "box row";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        Some(match version {
            1 => match postcard::from_bytes(fields).ok()? {
                BoxRowV1::Message(old) => Self::Message(old.into()),
                BoxRowV1::Edited(id) => Self::Edited(id),
                BoxRowV1::Deleted { peer, ids } => Self::Deleted { peer, ids, saved: None },
                BoxRowV1::ReadInbox { peer, max_id, count, still_unread } => {
                    Self::ReadInbox { peer, max_id, count, still_unread, date: 0 }
                }
                BoxRowV1::ReadOutbox { peer, max_id, count } => {
                    Self::ReadOutbox { peer, max_id, count, date: 0 }
                }
            },
            2 => match postcard::from_bytes(fields).ok()? {
                BoxRowV2::Message(old) => Self::Message(old.into()),
                BoxRowV2::Edited(id) => Self::Edited(id),
                BoxRowV2::Deleted { peer, ids, saved } => Self::Deleted { peer, ids, saved },
                BoxRowV2::ReadInbox { peer, max_id, count, still_unread } => {
                    Self::ReadInbox { peer, max_id, count, still_unread, date: 0 }
                }
                BoxRowV2::ReadOutbox { peer, max_id, count, date } => {
                    Self::ReadOutbox { peer, max_id, count, date }
                }
                BoxRowV2::Pinned { peer, ids, pinned } => Self::Pinned { peer, ids, pinned },
            },
            // Versions 4 and 5 have more fields at the end of a message.
            3 if fields.first() == Some(&0) => {
                Self::Message(postcard::from_bytes::<(u8, MessageV3)>(fields).ok()?.1.into())
            }
            4 if fields.first() == Some(&0) => {
                Self::Message(postcard::from_bytes::<(u8, MessageV4)>(fields).ok()?.1.into())
            }
            3 | 4 => postcard::from_bytes(fields).ok()?,
            _ => return None,
        })
    }
}

/// [`Message`] in version 4 of [`BoxRow`]: before threads.
#[derive(Serialize, Deserialize)]
struct MessageV4(MessageV3, Option<String>);

impl From<MessageV4> for Message {
    fn from(MessageV4(old, post_author): MessageV4) -> Self {
        Self { post_author, ..old.into() }
    }
}

/// [`Message`] in version 3 of [`BoxRow`]: before channels.
#[derive(Serialize, Deserialize)]
struct MessageV3 {
    peer: PeerId,
    from: UserId,
    out: bool,
    twin: MessageId,
    date: i32,
    edited: i32,
    silent: bool,
    text: String,
    entities: Vec<Entity>,
    reply: Option<Reply>,
    forward: Option<Forward>,
    pinned: bool,
    ttl_period: i32,
    scheduled: bool,
    action: Option<Action>,
    media: Option<Media>,
    grouped_id: i64,
    invert_media: bool,
    mentioned: bool,
    unread_media: bool,
    reacted: bool,
    noforwards: bool,
}

impl From<MessageV3> for Message {
    fn from(old: MessageV3) -> Self {
        let text = Text { text: old.text, entities: old.entities };
        Self {
            twin: old.twin,
            edited: old.edited,
            silent: old.silent,
            reply: old.reply,
            forward: old.forward,
            pinned: old.pinned,
            ttl_period: old.ttl_period,
            scheduled: old.scheduled,
            action: old.action,
            media: old.media,
            grouped_id: old.grouped_id,
            invert_media: old.invert_media,
            mentioned: old.mentioned,
            unread_media: old.unread_media,
            reacted: old.reacted,
            noforwards: old.noforwards,
            ..Self::new(old.peer, old.from, old.out, old.date, text)
        }
    }
}

/// Version 2 of [`BoxRow`]: before groups and media.
#[derive(Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "read once, on its way to the present one")]
enum BoxRowV2 {
    Message(MessageV2),
    Edited(MessageId),
    Deleted { peer: PeerId, ids: Vec<MessageId>, saved: Option<PeerId> },
    ReadInbox { peer: PeerId, max_id: MessageId, count: i32, still_unread: i32 },
    ReadOutbox { peer: PeerId, max_id: MessageId, count: i32, date: i32 },
    Pinned { peer: PeerId, ids: Vec<MessageId>, pinned: bool },
}

/// [`Message`] in version 2 of [`BoxRow`].
#[derive(Serialize, Deserialize)]
struct MessageV2 {
    peer: PeerId,
    from: UserId,
    out: bool,
    twin: MessageId,
    date: i32,
    edited: i32,
    silent: bool,
    text: String,
    entities: Vec<Entity>,
    reply: Option<Reply>,
    forward: Option<Forward>,
    pinned: bool,
    ttl_period: i32,
    scheduled: bool,
    action: Option<Action>,
}

impl From<MessageV2> for Message {
    fn from(old: MessageV2) -> Self {
        let text = Text { text: old.text, entities: old.entities };
        Self {
            twin: old.twin,
            edited: old.edited,
            silent: old.silent,
            reply: old.reply,
            forward: old.forward,
            pinned: old.pinned,
            ttl_period: old.ttl_period,
            scheduled: old.scheduled,
            action: old.action,
            ..Self::new(old.peer, old.from, old.out, old.date, text)
        }
    }
}

/// Version 1 of [`BoxRow`].
#[derive(Serialize, Deserialize)]
enum BoxRowV1 {
    Message(MessageV1),
    Edited(MessageId),
    Deleted { peer: PeerId, ids: Vec<MessageId> },
    ReadInbox { peer: PeerId, max_id: MessageId, count: i32, still_unread: i32 },
    ReadOutbox { peer: PeerId, max_id: MessageId, count: i32 },
}

/// [`Message`] in version 1 of [`BoxRow`].
#[derive(Serialize, Deserialize)]
struct MessageV1 {
    peer: PeerId,
    from: UserId,
    out: bool,
    twin: MessageId,
    date: i32,
    edited: i32,
    silent: bool,
    text: String,
    entities: Vec<Entity>,
    reply: Option<Reply>,
    forward: Option<ForwardV1>,
}

/// [`Forward`] in version 1 of [`BoxRow`].
#[derive(Serialize, Deserialize)]
struct ForwardV1 {
    from: UserId,
    date: i32,
    saved_from: Option<(PeerId, MessageId)>,
}

impl From<MessageV1> for Message {
    fn from(old: MessageV1) -> Self {
        let text = Text { text: old.text, entities: old.entities };
        Self {
            twin: old.twin,
            edited: old.edited,
            silent: old.silent,
            reply: old.reply,
            forward: old.forward.map(|ForwardV1 { from, date, saved_from }| Forward {
                from: Author::User(from),
                date,
                saved_from,
            }),
            ..Self::new(old.peer, old.from, old.out, old.date, text)
        }
    }
}

/// What saved messages are filed under of which it is not known where they were taken from. Clients
/// know the number.
pub const HIDDEN_AUTHOR: PeerId = PeerId::User(UserId(2_666_000));

/// What a `random_id` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RandomId {
    /// The message in the sender's box, or in that of the channel that it was sent to.
    pub(crate) id: MessageId,
    /// Of what was asked to be sent: the same number with other words is an error.
    pub(crate) fingerprint: u64,
    /// The channel.
    pub(crate) channel: Option<ChannelId>,
}

impl Record for RandomId {
    const VERSION: u8 = 2;
    const NAME: &'static str = "random id";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        if version != 1 {
            return None;
        }
        let (id, fingerprint) = postcard::from_bytes(fields).ok()?;
        Some(Self { id, fingerprint, channel: None })
    }
}

impl Message {
    /// A message without anything special, not in any box yet.
    pub(crate) fn new(peer: PeerId, from: UserId, out: bool, date: i32, text: Text) -> Self {
        Self {
            peer,
            from,
            out,
            twin: MessageId(0),
            date,
            edited: 0,
            silent: false,
            text: text.text,
            entities: text.entities,
            reply: None,
            forward: None,
            pinned: false,
            ttl_period: 0,
            scheduled: false,
            action: None,
            media: None,
            grouped_id: 0,
            invert_media: false,
            mentioned: false,
            unread_media: false,
            reacted: false,
            noforwards: false,
            post_author: None,
            thread: None,
            has_thread: false,
            in_topic: false,
            sent_as: None,
        }
    }

    /// Whether it is the copy of a channel's post in the group in which that is discussed.
    #[must_use]
    pub fn is_copy_of_post(&self) -> bool {
        self.post().is_some()
    }

    /// The channel's post that this is the copy of, in the group in which that is discussed.
    #[must_use]
    pub fn post(&self) -> Option<(ChannelId, MessageId)> {
        let (from, id) = self.forward.as_ref()?.saved_from?;
        self.peer.channel()?;
        Some((from.channel()?, id))
    }

    /// Whether this user wrote it: nobody did what the node copies by itself.
    #[must_use]
    pub fn is_by(&self, user: UserId) -> bool {
        self.from == user && !self.is_copy_of_post()
    }

    /// Who is said to have written it.
    #[must_use]
    pub fn author(&self) -> PeerId {
        self.sent_as.unwrap_or(self.from.into())
    }

    /// Of a message to oneself: the dialog that it was taken from, or one's own for a note.
    #[must_use]
    pub fn saved_from(&self) -> Option<PeerId> {
        let to_oneself = self.out && self.peer == self.from.into();
        to_oneself.then(|| match &self.forward {
            None => self.peer,
            Some(forward) => forward.saved_from.map_or(HIDDEN_AUTHOR, |(from, _)| from),
        })
    }

    /// A message that tells what happened; its action is to be set.
    pub(crate) fn service(peer: PeerId, from: UserId, out: bool, date: i32) -> Self {
        Self::new(peer, from, out, date, Text::none())
    }

    /// A message like any other, for tests that look at something else.
    #[cfg(test)]
    pub(crate) fn plain(peer: PeerId, from: UserId, out: bool) -> Self {
        Self::new(peer, from, out, 0, Text { text: "x".into(), entities: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_version_1_are_read() {
        let (peer, from) = (PeerId::User(UserId(1_000_002)), UserId(1_000_001));
        let message = MessageV1 {
            peer,
            from,
            out: true,
            twin: MessageId(7),
            date: 5,
            edited: 6,
            silent: true,
            text: "hello".into(),
            entities: Vec::new(),
            reply: Some(Reply { to: MessageId(3), quote: None }),
            forward: Some(ForwardV1 { from, date: 4, saved_from: None }),
        };
        let decode =
            |old: &BoxRowV1| BoxRow::decode(&postcard::to_extend(old, vec![1]).unwrap()).unwrap();
        let row = decode(&BoxRowV1::Message(message));
        let BoxRow::Message(read) = &row else { panic!("{row:?}") };
        assert_eq!((read.twin, read.edited, read.text.as_str()), (MessageId(7), 6, "hello"));
        assert_eq!((read.pinned, read.ttl_period, &read.action), (false, 0, &None));
        let forward = read.forward.as_ref().unwrap();
        assert_eq!((forward.from.user(), forward.date), (Some(from), 4));
        assert_eq!(BoxRow::decode(&row.encode().unwrap()).unwrap(), row);
        let old = BoxRowV1::ReadOutbox { peer, max_id: MessageId(2), count: 1 };
        let new = BoxRow::ReadOutbox { peer, max_id: MessageId(2), count: 1, date: 0 };
        assert_eq!(decode(&old), new);
        let old = BoxRowV1::ReadInbox { peer, max_id: MessageId(2), count: 1, still_unread: 4 };
        let (max_id, count, still_unread) = (MessageId(2), 1, 4);
        let new = BoxRow::ReadInbox { peer, max_id, count, still_unread, date: 0 };
        assert_eq!(decode(&old), new);
        let (old, ids) = (BoxRowV1::Edited(MessageId(3)), vec![MessageId(1)]);
        assert_eq!(decode(&old), BoxRow::Edited(MessageId(3)));
        let old = BoxRowV1::Deleted { peer, ids: ids.clone() };
        assert_eq!(decode(&old), BoxRow::Deleted { peer, ids, saved: None });
    }

    #[test]
    fn rows_of_versions_3_and_4_are_read() {
        let (peer, from) = (PeerId::User(UserId(1_000_002)), UserId(1_000_001));
        let message = MessageV3 {
            peer,
            from,
            out: true,
            twin: MessageId(7),
            date: 5,
            edited: 6,
            silent: false,
            text: "hello".into(),
            entities: Vec::new(),
            reply: None,
            forward: None,
            pinned: true,
            ttl_period: 9,
            scheduled: false,
            action: Some(Action::ChatTitle("title".into())),
            media: Some(Media::Dice { emoticon: "🎲".into(), value: 3 }),
            grouped_id: 8,
            invert_media: true,
            mentioned: true,
            unread_media: true,
            reacted: true,
            noforwards: true,
        };
        let signed = MessageV4(message, Some("Ada".into()));
        let old = postcard::to_extend(&(0_u8, &signed), vec![4]).unwrap();
        let BoxRow::Message(read) = BoxRow::decode(&old).unwrap() else { panic!() };
        assert_eq!(
            (read.post_author.as_deref(), read.thread, read.sent_as),
            (Some("Ada"), None, None)
        );
        assert!(!read.has_thread && read.noforwards);
        let old = postcard::to_extend(&(0_u8, signed.0), vec![3]).unwrap();
        let BoxRow::Message(read) = BoxRow::decode(&old).unwrap() else { panic!() };
        assert_eq!((read.text.as_str(), read.grouped_id, read.ttl_period), ("hello", 8, 9));
        assert!(read.noforwards && read.mentioned && read.reacted && read.pinned);
        assert_eq!(read.action, Some(Action::ChatTitle("title".into())));
        assert_eq!(read.post_author, None);
        // All other rows are as they were.
        let row = BoxRow::Pinned { peer, ids: vec![MessageId(3)], pinned: true };
        for version in [3, 4] {
            let old = [&[version][..], &row.encode().unwrap()[1..]].concat();
            assert_eq!(BoxRow::decode(&old).unwrap(), row);
        }
    }
}
