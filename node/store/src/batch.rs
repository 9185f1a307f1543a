//! What is written together.

use std::ops::Range;

use crate::StoreError;

/// Longest key, with its keyspace byte. sled keeps keys whole in its inner nodes.
pub const KEY_BYTES_MAX: usize = 128;

/// Longest value. What is larger is a file of its own, not a row.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;

/// What sealing may add to a value, at most: a nonce, a tag, and a key that is hidden. See
/// [`crate::Sealed`].
pub(crate) const SEALING_BYTES_MAX: usize = 256;

/// Most bytes of keys and values in one batch. Protects memory, and the free space that admission
/// keeps for what is queued.
pub const BATCH_BYTES_MAX: usize = 12 << 20;

/// A keyspace: the one-byte prefix of its keys in the single data tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Keyspace(pub(crate) u8);

impl Keyspace {
    /// What the store keeps about itself; no caller can name it, and no export holds it.
    pub(crate) const INTERNAL: Self = Self(0);
    /// Auth keys and what clients said about themselves. Key: auth_key_id (8) ++ kind (1).
    pub const AUTH_KEYS: Self = Self(b'k');
    /// Settings of the node. Key: a name.
    pub const SETTINGS: Self = Self(b's');
    /// Accounts, by user id.
    pub const USERS: Self = Self(b'u');
    /// The user who owns a phone number.
    pub const PHONES: Self = Self(b'n');
    /// The peer who owns a username.
    pub const NAMES: Self = Self(b'a');
    /// Whom a user keeps as a contact.
    pub const CONTACTS: Self = Self(b'c');
    /// What passwords of logins leave behind, sealed. Key: user.
    pub const PASSWORDS: Self = Self(b'w');
    /// Which auth keys are logged in, and as whom.
    pub const AUTHORIZATIONS: Self = Self(b'y');
    /// Events of message boxes. Key: owner ++ pts.
    pub const BOXES: Self = Self(b'p');
    /// The `random_id`s already seen, so that a repeated request sends nothing twice.
    pub const RANDOM_IDS: Self = Self(b'd');
    /// Dialog rows and their chunks: derived from the boxes, and rebuildable.
    pub const DIALOGS: Self = Self(b'i');
    /// The newest state of each message box.
    pub const BOX_HEADS: Self = Self(b'h');
    /// Invitation codes.
    pub const INVITES: Self = Self(b'v');
    /// Token buckets of rate limits.
    pub const LIMITS: Self = Self(b'l');
    /// What members set for themselves. Key: owner ++ kind ++ rest.
    pub const PERSONAL: Self = Self(b'm');
    /// The number of a person who is known to another service. Key: hash of the identity.
    pub const IDENTITIES: Self = Self(b'o');
    /// Messages that are written and not sent yet. Key: owner ++ peer ++ id.
    pub const SCHEDULED: Self = Self(b'q');
    /// What happens by itself. Key: when ++ what.
    pub const TIMERS: Self = Self(b't');
    /// The index of words in messages: derived from the boxes, and rebuildable.
    pub const SEARCH: Self = Self(b'f');
    /// Whom a user has blocked.
    pub const BLOCKED: Self = Self(b'x');
    /// What members have reported. Key: reporter ++ number.
    pub const REPORTS: Self = Self(b'r');
    /// Who waits for a number to join. Key: the number's hash (16) ++ owner.
    pub const WAITED: Self = Self(b'j');
    /// Basic groups. Key: chat ++ kind.
    pub const CHATS: Self = Self(b'g');
    /// Where the copies of a group's messages lie. Key: chat ++ number.
    pub const COPIES: Self = Self(b'e');
    /// Invite links and requests to join. Key: kind ++ rest.
    pub const LINKS: Self = Self(b'z');
    /// Photos and documents: what they are. Key: file ++ kind.
    pub const FILES: Self = Self(b'b');
    /// Who keeps which blob, and what members have stored. Key: kind ++ rest.
    pub const BLOBS: Self = Self(b'B');
    /// Reactions to messages. Key: place of the message ++ rest.
    pub const REACTIONS: Self = Self(b'E');
    /// Polls and votes. Key: poll ++ kind ++ rest.
    pub const POLLS: Self = Self(b'P');
    /// Sets of stickers. Key: kind ++ rest.
    pub const STICKERS: Self = Self(b'S');
    /// Channels and supergroups, and who is in them. Key: channel ++ kind ++ rest.
    pub const CHANNELS: Self = Self(b'C');
    /// The channels that somebody is or was in. Key: user ++ channel.
    pub const CHANNELS_OF: Self = Self(b'M');
    /// Entries of the logs of channels. Key: channel ++ lane ++ place.
    pub const LOGS: Self = Self(b'L');
    /// Other nodes, and who is on them. Key: kind ++ rest.
    pub const NODES: Self = Self(b'N');
    /// Previews of pages. Key: kind ++ rest.
    pub const WEB_PAGES: Self = Self(b'W');

    /// Secret chats, and what waits in them. Key: kind ++ rest.
    pub const SECRET: Self = Self(b'T');
    /// What is bridged to the fediverse, who follows it there, and what goes out. Key: kind ++ rest.
    pub const BRIDGE: Self = Self(b'A');

    /// Whether the keys are about people by themselves: numbers, names, hashes that can be
    /// guessed. A sealed store keeps them hidden, and a scan of such a keyspace reads all of it:
    /// keep it to those that are looked up by whole keys, and whose rows are few and small.
    #[must_use]
    pub const fn hides_keys(self) -> bool {
        matches!(self, Self::PHONES | Self::NAMES | Self::INVITES | Self::LIMITS | Self::IDENTITIES)
    }

    /// Every keyspace that a caller could name, in the order of their rows. The byte's top bit
    /// belongs to pieces of split values.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (1..0x80).map(Self)
    }

    /// The key as the engine sees it.
    pub(crate) fn key(self, key: &[u8]) -> Vec<u8> {
        let mut full = Vec::with_capacity(1 + key.len());
        full.push(self.0);
        full.extend_from_slice(key);
        full
    }

    /// The engine's keys of `from..to`; without `to`, up to the end of the keyspace. `None` when
    /// nothing lies between, which ordered maps dislike to be asked.
    pub(crate) fn range(self, from: &[u8], to: Option<&[u8]>) -> Option<Range<Vec<u8>>> {
        let to = to.map_or_else(|| vec![self.0 + 1], |to| self.key(to));
        let from = self.key(from);
        (from < to).then_some(from..to)
    }
}

/// Puts and deletes that happen together or not at all.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    pub(crate) operations: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// The values are sealed, and may be longer by as much: the bounds are for what is in them.
    pub(crate) sealed: bool,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes `value` under `key`.
    pub fn put(&mut self, space: Keyspace, key: &[u8], value: Vec<u8>) -> &mut Self {
        self.operations.push((space.key(key), Some(value)));
        self
    }

    /// Removes `key`.
    pub fn delete(&mut self, space: Keyspace, key: &[u8]) -> &mut Self {
        self.operations.push((space.key(key), None));
        self
    }

    /// How many puts and deletes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether it would change nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Adds what `other` does, after what this one does already.
    pub fn merge(&mut self, other: Self) -> &mut Self {
        self.operations.extend(other.operations);
        self.sealed |= other.sealed;
        self
    }

    /// Bytes of its keys and values.
    pub(crate) fn bytes(&self) -> usize {
        self.operations
            .iter()
            .map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len))
            .sum()
    }

    /// Refuses what is over its bound; answers [`Self::bytes`].
    pub(crate) fn check(&self) -> Result<usize, StoreError> {
        let sealing = if self.sealed { SEALING_BYTES_MAX } else { 0 };
        for (key, value) in &self.operations {
            bound("a key", key.len(), KEY_BYTES_MAX)?;
            bound("a value", value.as_ref().map_or(0, Vec::len), VALUE_BYTES_MAX + sealing)?;
        }
        let bytes = self.bytes();
        bound("a batch", bytes, BATCH_BYTES_MAX + self.operations.len() * sealing)?;
        Ok(bytes)
    }
}

fn bound(what: &'static str, bytes: usize, bytes_max: usize) -> Result<(), StoreError> {
    if bytes > bytes_max { Err(StoreError::TooLarge { what, bytes, bytes_max }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    /// Two names for one keyspace would mix their rows.
    #[test]
    fn no_two_keyspaces_share_a_byte() {
        let lines = include_str!("batch.rs").lines().filter(|line| line.contains(": Self = Self("));
        let mut bytes: Vec<&str> =
            lines.filter_map(|line| line.split_once(" = ")).map(|(_, byte)| byte).collect();
        assert!(bytes.len() > 15, "{bytes:?}");
        bytes.sort_unstable();
        assert!(bytes.windows(2).all(|pair| pair[0] != pair[1]), "{bytes:?}");
    }
}
