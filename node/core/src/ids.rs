//! Identifiers, in the ranges that every client takes.
//!
//! Source: <https://core.telegram.org/api/bots/ids>; the bounds are those of TDLib.

use serde::{Deserialize, Serialize};

/// Ids of users are below this.
pub const USER_ID_END: i64 = 1 << 40;

/// The first id that is given to a member. Lower ones stay free for accounts of the node itself,
/// such as [`UserId::SERVICE`].
pub const USER_ID_FIRST: i64 = 1_000_001;

/// Multiples of this are never given out: Telegram Desktop takes them for support staff.
pub(crate) const SUPPORT_IDS_EVERY: i64 = 1000;

/// A person, a bot, or the node's service account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UserId(pub i64);

impl UserId {
    /// The account that brings login codes and answers commands. Clients know it by this number.
    pub const SERVICE: Self = Self(777_000);

    /// Big-endian, so that keys sort by number.
    pub(crate) fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

/// Ids of basic groups are at most this, in every client.
pub const CHAT_ID_MAX: i64 = 999_999_999_999;

/// A basic group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChatId(pub i64);

impl ChatId {
    /// Big-endian, so that keys sort by number.
    pub(crate) fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

/// Ids of channels and supergroups are at most this, in every client.
pub const CHANNEL_ID_MAX: i64 = 1_000_000_000_000 - (1 << 31);

/// A channel or a supergroup, by its number on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChannelId(pub i64);

impl ChannelId {
    /// Big-endian, so that keys sort by number.
    pub(crate) fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

/// Whose message box it is: a member's, or the one that a channel's members share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BoxId(i64);

/// Boxes of channels lie behind those of all users.
const CHANNEL_BOXES: i64 = USER_ID_END;

impl BoxId {
    /// The box in which `owner` finds the messages of a dialog.
    #[must_use]
    pub fn of(owner: UserId, peer: PeerId) -> Self {
        peer.channel().map_or(owner.into(), Into::into)
    }

    /// The member, where it is a member's.
    #[must_use]
    pub fn user(self) -> Option<UserId> {
        (self.0 < CHANNEL_BOXES).then_some(UserId(self.0))
    }

    /// The channel, where it is a channel's.
    #[must_use]
    pub fn channel(self) -> Option<ChannelId> {
        (self.0 >= CHANNEL_BOXES).then(|| ChannelId(self.0 - CHANNEL_BOXES))
    }

    /// The inverse of [`Self::bytes`].
    pub(crate) const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(i64::from_be_bytes(bytes))
    }

    #[cfg(test)]
    pub(crate) const fn of_user(user: UserId) -> Self {
        Self(user.0)
    }

    /// Big-endian, so that keys sort by number.
    pub(crate) fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// Behind all keys of the box.
    pub(crate) fn end(self) -> [u8; 8] {
        (self.0 + 1).to_be_bytes()
    }
}

impl PartialEq<UserId> for BoxId {
    fn eq(&self, user: &UserId) -> bool {
        self.0 == user.0
    }
}

impl From<UserId> for BoxId {
    fn from(user: UserId) -> Self {
        Self(user.0)
    }
}

impl From<ChannelId> for BoxId {
    fn from(channel: ChannelId) -> Self {
        Self(CHANNEL_BOXES + channel.0)
    }
}

/// Whom a dialog is with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PeerId {
    /// A user; one's own id means saved messages.
    User(UserId),
    /// A basic group.
    Chat(ChatId),
    /// A channel or a supergroup.
    Channel(ChannelId),
}

/// Bytes of a [`PeerId`] in a key: kind ++ id.
pub(crate) const PEER_BYTES: usize = 9;

impl PeerId {
    /// kind (1) ++ id (8, big-endian).
    pub(crate) fn bytes(self) -> [u8; PEER_BYTES] {
        let (kind, id) = match self {
            Self::User(user) => (0, user.bytes()),
            Self::Chat(chat) => (1, chat.bytes()),
            Self::Channel(channel) => (2, channel.bytes()),
        };
        let mut out = [kind; PEER_BYTES];
        if let Some(tail) = out.last_chunk_mut::<8>() {
            *tail = id;
        }
        out
    }

    /// The inverse of [`PeerId::bytes`]; `None` for a kind of a newer version.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, id) = bytes.split_first()?;
        let id = i64::from_be_bytes(id.try_into().ok()?);
        match kind {
            0 => Some(Self::User(UserId(id))),
            1 => Some(Self::Chat(ChatId(id))),
            2 => Some(Self::Channel(ChannelId(id))),
            _ => None,
        }
    }

    /// The user, where the peer is one.
    #[must_use]
    pub fn user(self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Chat(_) | Self::Channel(_) => None,
        }
    }

    /// The basic group, where the peer is one.
    #[must_use]
    pub fn chat(self) -> Option<ChatId> {
        match self {
            Self::Chat(chat) => Some(chat),
            Self::User(_) | Self::Channel(_) => None,
        }
    }

    /// The channel or supergroup, where the peer is one.
    #[must_use]
    pub fn channel(self) -> Option<ChannelId> {
        match self {
            Self::Channel(channel) => Some(channel),
            Self::User(_) | Self::Chat(_) => None,
        }
    }
}

/// Where somebody talks: in a dialog, or in a topic of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Talk {
    /// The dialog.
    pub peer: PeerId,
    /// The topic, by the message that tells of its beginning.
    pub topic: Option<MessageId>,
}

impl Talk {
    /// peer (9) ++ topic (4, big-endian), if there is one.
    pub(crate) fn bytes(self) -> Vec<u8> {
        let topic = self.topic.map(|topic| topic.0.to_be_bytes());
        [&self.peer.bytes()[..], topic.as_ref().map_or(&[], |topic| &topic[..])].concat()
    }

    /// The inverse of [`Talk::bytes`].
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (peer, topic) = bytes.split_at_checked(PEER_BYTES)?;
        let topic = match topic {
            [] => None,
            topic => Some(MessageId(i32::from_be_bytes(topic.try_into().ok()?))),
        };
        Some(Self { peer: PeerId::from_bytes(peer)?, topic })
    }
}

impl From<PeerId> for Talk {
    fn from(peer: PeerId) -> Self {
        Self { peer, topic: None }
    }
}

impl From<ChannelId> for PeerId {
    fn from(channel: ChannelId) -> Self {
        Self::Channel(channel)
    }
}

impl From<ChatId> for PeerId {
    fn from(chat: ChatId) -> Self {
        Self::Chat(chat)
    }
}

impl From<UserId> for PeerId {
    fn from(user: UserId) -> Self {
        Self::User(user)
    }
}

/// Number of a message in its owner's box: the [`Pts`] of the event that brought it there.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
pub struct MessageId(pub i32);

/// Position in a message box: the number of the newest event.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
pub struct Pts(pub i32);

/// The login of one permanent auth key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AuthKeyId(pub i64);

/// Which session acted: it gets its answer, and no second copy by push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Actor {
    /// The permanent key.
    pub auth_key: AuthKeyId,
    /// The MTProto session, of whichever key.
    pub session_id: i64,
}

/// Key of a row of a box: owner (8) ++ number (4), so one scan of `owner` walks the box in order.
pub(crate) fn box_key(owner: impl Into<BoxId>, number: i32) -> [u8; 12] {
    let mut key = [0; 12];
    let (head, tail) = key.split_at_mut(8);
    head.copy_from_slice(&owner.into().bytes());
    // Never negative: numbers start at 1.
    tail.copy_from_slice(&number.max(0).to_be_bytes());
    key
}

/// The number in a [`box_key`].
pub(crate) fn box_number(key: &[u8]) -> i32 {
    key.last_chunk::<4>().map_or(0, |tail| i32::from_be_bytes(*tail))
}

/// Two ids as one key: the first, then everything of it by the second.
pub(crate) fn pair_key(first: i64, second: i64) -> [u8; 16] {
    let mut key = [0; 16];
    let (head, tail) = key.split_at_mut(8);
    head.copy_from_slice(&first.to_be_bytes());
    tail.copy_from_slice(&second.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_numbers_do() {
        let numbers = [1, 2, 255, 256, i32::MAX];
        let keys = numbers.map(|n| box_key(UserId(5), n));
        assert!(keys.is_sorted());
        assert!(box_key(UserId(5), i32::MAX) < box_key(UserId(6), 1));
        assert_eq!(numbers.map(|n| box_number(&box_key(UserId(1 << 39), n))), numbers);
        let peer = PeerId::User(UserId(USER_ID_END - 1));
        assert_eq!(PeerId::from_bytes(&peer.bytes()), Some(peer));
        let chat = PeerId::Chat(ChatId(CHAT_ID_MAX));
        assert_eq!(PeerId::from_bytes(&chat.bytes()), Some(chat));
        let channel = PeerId::Channel(ChannelId(CHANNEL_ID_MAX));
        assert_eq!(PeerId::from_bytes(&channel.bytes()), Some(channel));
        assert!(peer.bytes() < chat.bytes() && chat.bytes() < channel.bytes());
        assert_eq!(PeerId::from_bytes(&[9; PEER_BYTES]), None);
    }

    #[test]
    fn boxes_of_users_and_channels_are_apart() {
        let (user, channel) = (UserId(USER_ID_END - 1), ChannelId(1));
        let (of_user, of_channel) = (BoxId::from(user), BoxId::from(channel));
        assert_eq!((of_user.user(), of_user.channel()), (Some(user), None));
        assert_eq!((of_channel.user(), of_channel.channel()), (None, Some(channel)));
        assert!(box_key(user, i32::MAX) < box_key(channel, 1));
        assert!(box_key(channel, i32::MAX)[..] < of_channel.end()[..]);
        assert_eq!(BoxId::of(user, channel.into()), of_channel);
        assert_eq!(BoxId::of(user, UserId(5).into()), of_user);
    }
}
