//! Secret chats: what two devices tell each other through the node, which it cannot read.
//!
//! Clients agree on a key between themselves, and encrypt with it. Here there are only the public values of
//! that agreement ([`PublicValue`]) and bytes as they come ([`Ciphertext`]); no function makes anything
//! else of them, and no key of a chat is ever on a node.
//!
//! A chat has two [`Side`]s, one for each person, which know nothing of each other but what an [`Act`] says.
//! An act is carried out at the other side in the same batch where that is of this node too; else it goes
//! there as a letter ([`far`]). A side belongs to one login: that of who asked for the chat, and the first
//! one that accepts it.
//!
//! What is said waits in the secondary box of that login ([`queue`]), which counts by `qts`, until the client
//! says that it has it. How a chat stands has no number: a client that comes back is told of what changed
//! since, and of what it has to answer until it does ([`missed`]).
//!
//! Keyspace `SECRET`, key = kind (1) ++ rest:
//! - 0 ++ user (8) ++ chat (4): a [`Side`];
//! - 1 ++ auth key (8): a [`queue::Queue`];
//! - 2 ++ auth key (8) ++ qts (4): a [`queue::Waiting`];
//! - 3 ++ user (8) ++ chat (4) ++ random_id (8): a [`message::Said`], what the user has sent;
//! - 4 ++ user (8) ++ chat (4) ++ file (8): nothing, a file that was sent there;
//! - 5 ++ user (8) ++ other (8): a [`far::OnTheWay`], what waits for the node of another person.
//!
//! Sources: <https://core.telegram.org/api/end-to-end>, <https://core.telegram.org/api/updates>.

mod end;
mod far;
mod handshake;
mod message;
mod missed;
mod queue;

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use crate::decide::{Decide, scan_prefix};
use crate::event::Event;
use crate::ids::{Actor, AuthKeyId, UserId};
use crate::record::Record;
use crate::{Core, CoreResult};

pub(crate) use far::{ACTS_OF_LETTER_MAX, pack};
#[cfg(test)]
pub(crate) use far::{ON_THE_WAY_MAX, SecretTold};
pub use message::{
    NewSecretFile, SECRET_DATA_BYTES_MAX, SecretFile, SecretMessage, SecretOutgoing, SecretSent,
};
#[cfg(test)]
pub(crate) use missed::SLICE_MAX;
pub use missed::SecretMissed;
#[cfg(test)]
pub(crate) use queue::{CONFIRMED_KEPT, MESSAGES_OF_CHAT_MAX};

const SIDE: u8 = 0;
const QUEUE: u8 = 1;
const WAITING: u8 = 2;
const SAID: u8 = 3;
const FILE: u8 = 4;
const ON_THE_WAY: u8 = 5;

/// Sides that are kept of one person, also of chats that have ended: whoever comes back is told so. Beyond,
/// the oldest of those go.
const SIDES_MAX: usize = 1000;

/// Number of a secret chat, drawn by the client that asks for it; the same for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretChatId(pub i32);

/// A public value of the agreement on a key, `g_a` or `g_b`: big-endian, at most 256 bytes, and in the range
/// that the protocol asks for.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicValue(Vec<u8>);

impl PublicValue {
    /// Checks one.
    ///
    /// # Errors
    /// [`SecretError::PublicValueInvalid`]: too long, or nearer than 2^(2048-64) to 0 or to p.
    pub fn new(bytes: Vec<u8>) -> Result<Self, SecretError> {
        match keys::dh::check_public(&bytes) {
            Ok(_) => Ok(Self(bytes)),
            Err(_) => Err(SecretError::PublicValueInvalid),
        }
    }

    /// The value as it goes to the other client.
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        self.0.clone()
    }
}

impl std::fmt::Debug for PublicValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicValue({} bytes)", self.0.len())
    }
}

/// What a client has encrypted for the other one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ciphertext(Vec<u8>);

impl Ciphertext {
    /// Takes what a client brings.
    ///
    /// # Errors
    /// [`SecretError::DataInvalid`] for nothing, [`SecretError::DataTooLong`].
    pub fn new(bytes: Vec<u8>) -> Result<Self, SecretError> {
        match bytes.len() {
            0 => Err(SecretError::DataInvalid),
            1..=SECRET_DATA_BYTES_MAX => Ok(Self(bytes)),
            _ => Err(SecretError::DataTooLong),
        }
    }

    /// The bytes as they go to the other client.
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        self.0.clone()
    }

    /// Bytes; never 0.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

impl std::fmt::Debug for Ciphertext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ciphertext({} bytes)", self.0.len())
    }
}

/// Why something about a secret chat was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is no such chat, or not for this login.
    #[error("no such secret chat")]
    UnknownChat,
    /// The number is another chat's.
    #[error("another secret chat has this number")]
    NumberTaken,
    /// A public value is out of range.
    #[error("public value out of range")]
    PublicValueInvalid,
    /// Another device has accepted it.
    #[error("accepted before")]
    AlreadyAccepted,
    /// It has ended.
    #[error("ended before")]
    AlreadyDiscarded,
    /// It has ended: nothing can be said in it.
    #[error("the secret chat has ended")]
    Discarded,
    /// The other one wants nothing of the caller.
    #[error("blocked")]
    Blocked,
    /// Nothing was said.
    #[error("no data")]
    DataInvalid,
    /// More than one message may have.
    #[error("too much data")]
    DataTooLong,
    /// A number of the queue that it has not reached.
    #[error("no such qts")]
    QtsInvalid,
}

/// How far a chat is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    /// The owner has asked for it, with this value.
    Waiting(PublicValue),
    /// The other one has asked for it, with this value.
    Requested(PublicValue),
    /// Both have agreed: the other one's value, and what the key is recognised by.
    Open(PublicValue, i64),
    /// It has ended; whether the other one wanted what was said removed.
    Discarded { history_deleted: bool },
}

/// A secret chat as one of the two has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Side {
    /// The other one.
    with: UserId,
    /// The owner has asked for it.
    outgoing: bool,
    /// When, in unix seconds.
    date: i32,
    stage: Stage,
    /// When that changed last, in unix seconds.
    changed: i32,
    /// Whose it is: none before somebody accepts it.
    device: Option<AuthKeyId>,
    /// The device has done something in it since it is open.
    used: bool,
    /// Up to when the other one has read, and when that was said: unix seconds.
    read: Option<(i32, i32)>,
    /// Up to when the owner has read, as the other one was told: unix seconds.
    read_told: i32,
    /// What waits for the device.
    waiting: u32,
    waiting_bytes: u64,
    /// Acts that were told to the other node, and up to which number its acts were carried out here, in
    /// which life of it. Both 0 where the other one is of this node.
    told: u64,
    heard: (u64, [u8; 8]),
    /// The other side knows that it has ended; else it hears so when it says something.
    end_told: bool,
}

impl Record for Side {
    const VERSION: u8 = 1;
    const NAME: &'static str = "side of a secret chat";
}

impl Side {
    fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Discarded { .. })
    }

    /// The chat as a device of the owner is shown it; `None` for one that it does not concern.
    fn shown(&self, owner: UserId, id: SecretChatId, device: AuthKeyId) -> Option<SecretChat> {
        let is_its = self.device == Some(device);
        let state = match &self.stage {
            // What others of the owner's devices asked for is theirs.
            _ if self.outgoing && !is_its => return None,
            // Another one has accepted it.
            Stage::Open(..) if !is_its => SecretChatState::Discarded { history_deleted: false },
            Stage::Waiting(_) => SecretChatState::Waiting,
            Stage::Requested(g_a) => SecretChatState::Requested(g_a.clone()),
            Stage::Open(g_a_or_b, fingerprint) => {
                SecretChatState::Open(g_a_or_b.clone(), *fingerprint)
            }
            Stage::Discarded { history_deleted } => {
                SecretChatState::Discarded { history_deleted: *history_deleted }
            }
        };
        let Self { with, outgoing, date, changed, .. } = *self;
        let (admin, participant) = if outgoing { (owner, with) } else { (with, owner) };
        Some(SecretChat { id, admin, participant, date, state, changed })
    }
}

/// How a secret chat stands, for one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretChatState {
    /// The other one has not answered.
    Waiting,
    /// The other one asks for it: `g_a`.
    Requested(PublicValue),
    /// Both have agreed: the other one's `g_a` or `g_b`, and the fingerprint of the key.
    Open(PublicValue, i64),
    /// It has ended, or another device has accepted it.
    Discarded {
        /// The other one wants what was said removed.
        history_deleted: bool,
    },
}

/// A secret chat, as a device is shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretChat {
    /// Its number.
    pub id: SecretChatId,
    /// Who has asked for it.
    pub admin: UserId,
    /// Who was asked.
    pub participant: UserId,
    /// When, in unix seconds.
    pub date: i32,
    /// How it stands.
    pub state: SecretChatState,
    /// When that changed, in unix seconds.
    pub changed: i32,
}

/// What a device is told of its secret chats.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SecretUpdate {
    /// How one stands.
    Chat(SecretChat),
    /// Something was said.
    Message {
        /// Its number in the device's queue.
        qts: i32,
        /// What.
        message: SecretMessage,
    },
    /// The other one is writing; never stored.
    Typing(SecretChatId),
    /// The other one has read.
    Read {
        /// In which chat.
        chat: SecretChatId,
        /// What came up to then, in unix seconds.
        max_date: i32,
        /// When, in unix seconds.
        date: i32,
    },
    /// Much waits that the device has not said to have: it is to ask for the difference, which says so.
    Unconfirmed,
}

/// What one side does that the other has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Act {
    Request(PublicValue),
    Accept(PublicValue, i64),
    Discard { history_deleted: bool },
    Message(message::Told),
    Read { max_date: i32 },
}

fn side_key(user: UserId, chat: SecretChatId) -> Vec<u8> {
    key(SIDE, user, chat, &[])
}

/// kind (1) ++ user (8) ++ chat (4) ++ rest.
fn key(kind: u8, user: UserId, chat: SecretChatId, rest: &[u8]) -> Vec<u8> {
    [&[kind][..], &user.bytes(), &chat.0.to_be_bytes(), rest].concat()
}

fn sides_prefix(user: UserId) -> Vec<u8> {
    [&[SIDE][..], &user.bytes()].concat()
}

/// The number of the chat, and the side, of a row.
fn side_of((key, row): &node_store::Row) -> CoreResult<(SecretChatId, Side)> {
    let chat = key.last_chunk().map_or(0, |chat| i32::from_be_bytes(*chat));
    Ok((SecretChatId(chat), Side::decode(row)?))
}

impl Core {
    /// `access_hash` of a secret chat: the proof that `viewer` was shown it.
    #[must_use]
    pub fn secret_access_hash(&self, viewer: UserId, chat: SecretChatId) -> i64 {
        crate::access::secret_hash(&self.inner.access_secret, viewer, chat.0)
    }

    fn sides(&self, user: UserId) -> CoreResult<Vec<(SecretChatId, Side)>> {
        let store = &*self.inner.store;
        let rows = scan_prefix(store, Keyspace::SECRET, &sides_prefix(user), SIDES_MAX)?;
        rows.iter().map(side_of).collect()
    }
}

impl Decide<'_> {
    fn side(&self, user: UserId, chat: SecretChatId) -> CoreResult<Option<Side>> {
        self.load(Keyspace::SECRET, &side_key(user, chat))
    }

    fn put_side(&mut self, user: UserId, chat: SecretChatId, side: &Side) -> CoreResult<()> {
        self.put(Keyspace::SECRET, &side_key(user, chat), side)
    }

    fn sides(&self, user: UserId) -> CoreResult<Vec<(SecretChatId, Side)>> {
        let rows = self.scan_prefix(Keyspace::SECRET, &sides_prefix(user), SIDES_MAX)?;
        rows.iter().map(side_of).collect()
    }

    /// The open chat of a login in which it does something.
    fn open_side(&self, by: Actor, user: UserId, chat: SecretChatId) -> CoreResult<Side> {
        let side = self.side(user, chat)?.ok_or(SecretError::UnknownChat)?;
        match &side.stage {
            Stage::Discarded { .. } => Err(SecretError::Discarded.into()),
            Stage::Open(..) if side.device == Some(self.login_of(user, by.auth_key)?) => Ok(side),
            _ => Err(SecretError::UnknownChat.into()),
        }
    }

    /// Tells those of the owner's devices whom it concerns how a chat stands; `but` knows.
    fn tell_stage(
        &mut self,
        owner: UserId,
        chat: SecretChatId,
        side: &Side,
        but: Option<Actor>,
    ) -> CoreResult<()> {
        let mut devices = match side.outgoing {
            true => Vec::new(),
            false => self.secret_devices(owner)?,
        };
        // Whatever it takes of others by now.
        devices.extend(side.device.filter(|device| !devices.contains(device)));
        for device in devices {
            let Some(shown) = side.shown(owner, chat, device) else { continue };
            self.tell_device(owner, device, SecretUpdate::Chat(shown), but);
        }
        Ok(())
    }

    fn tell_device(
        &mut self,
        user: UserId,
        device: AuthKeyId,
        update: SecretUpdate,
        but: Option<Actor>,
    ) {
        self.event(Event::Secret { user, device, update: update.into(), actor: but });
    }

    /// Does at the other side what was done at this one.
    fn carry_out(
        &mut self,
        from: UserId,
        chat: SecretChatId,
        side: &mut Side,
        act: Act,
    ) -> CoreResult<()> {
        if crate::is_remote(side.with) {
            return self.tell_other_node(from, chat, side, &act);
        }
        match self.do_act(side.with, from, chat, act)? {
            Answer::Done => Ok(()),
            // It has forgotten the chat: nothing may be taken for said.
            Answer::NoChat => Err(SecretError::Discarded.into()),
        }
    }

    /// Does what the other side has done.
    fn do_act(
        &mut self,
        owner: UserId,
        by: UserId,
        chat: SecretChatId,
        act: Act,
    ) -> CoreResult<Answer> {
        match act {
            Act::Request(g_a) => self.take_request(owner, by, chat, g_a),
            Act::Accept(g_b, fingerprint) => self.take_accept(owner, by, chat, g_b, fingerprint),
            Act::Discard { history_deleted } => {
                self.take_discard(owner, by, chat, history_deleted)?;
                Ok(Answer::Done)
            }
            Act::Message(told) => self.take_message(owner, by, chat, told),
            Act::Read { max_date } => self.take_read(owner, by, chat, max_date),
        }
    }
}

/// What became of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// It was done, or has no effect any more.
    Done,
    /// There is no such chat: the other side has to end too.
    NoChat,
}
