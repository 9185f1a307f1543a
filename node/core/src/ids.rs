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

/// Whom a dialog is with. Channels join when they are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PeerId {
    /// A user; one's own id means saved messages.
    User(UserId),
    /// A basic group.
    Chat(ChatId),
}

/// Bytes of a [`PeerId`] in a key: kind ++ id.
pub(crate) const PEER_BYTES: usize = 9;

impl PeerId {
    /// kind (1) ++ id (8, big-endian).
    pub(crate) fn bytes(self) -> [u8; PEER_BYTES] {
        let (kind, id) = match self {
            Self::User(user) => (0, user.bytes()),
            Self::Chat(chat) => (1, chat.bytes()),
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
            _ => None,
        }
    }

    /// The user, where the peer is one.
    #[must_use]
    pub fn user(self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Chat(_) => None,
        }
    }

    /// The basic group, where the peer is one.
    #[must_use]
    pub fn chat(self) -> Option<ChatId> {
        match self {
            Self::Chat(chat) => Some(chat),
            Self::User(_) => None,
        }
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
pub(crate) fn box_key(owner: UserId, number: i32) -> [u8; 12] {
    let mut key = [0; 12];
    let (head, tail) = key.split_at_mut(8);
    head.copy_from_slice(&owner.bytes());
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
        assert!(peer.bytes() < chat.bytes());
        assert_eq!(PeerId::from_bytes(&[9; PEER_BYTES]), None);
    }
}
