//! The state of the bridge to the fediverse: public channels that are actors there.
//!
//! What speaks to other servers lives in another crate. It asks these rules what is bridged, follows a
//! bridged channel's own box by a durable cursor ([`crate::Core::bridge_events`]), and hands back what is
//! to go out, which becomes part of the activity log in the batch that moves the cursor
//! ([`crate::Core::bridge_append`]). JSON is bytes here, ids are strings that nobody reads.
//!
//! Keyspace `BRIDGE`, key = kind (1) ++ rest. A channel stands as its cid (20 bytes: the beginning of its
//! name in logs); an id or a host as a hash (16 bytes), with the text itself in the value.
//! 0 ++ channel (8): the [`Bridge`]; 1 ++ cid: its keys, sealed; 2 ++ seq (8): an [`Outgoing`]; 3: the
//! newest seq; 4 ++ cid ++ actor: a [`Follower`]; 5 ++ host ++ cid ++ inbox ++ actor: nothing,
//! who is told where; 6 ++ cid: how many follow, 45 ++ host ++ cid: inboxes of a host; 7 ++ host: a delivery lane; 8 ++ host: a [`HostBlock`]; 9 ++ actor: a
//! [`RemoteActor`]; 10 ++ activity: when it came; 11 ++ time in ms (8) ++ activity: nothing; 12 ++ cid ++
//! [`PostRef`] (28): what has become of a post; 13 ++ cid ++ id (4): the [`PostRef`] of a post that is
//! gone; 14 ++ name: a former name of a channel. 15 to 18: see [`ghosts`]; 19 ++ object: a [`FarComment`];
//! 20 ++ group (8) ++ message (4): its object; 21 ++ actor ++ object, 22 ++ cid ++ [`PostRef`] ++ object, 24
//! ++ cid ++ object: comments of one actor, on one post, that wait; 23 ++ cid ++ [`PostRef`]: how many; 25 ++
//! cid ++ actor: whose comments wait no more; 26 ++ object, 27 ++ time in ms (8) ++ object: deletions that
//! came too early; 28 to 31: what was done that may be taken back, see [`acts`]; 32 ++ host ++ number (8):
//! reports; 33 to 35: see [`answers`]; 36
//! ++ cid ++ number (8): a [`Quote`]; 37 to 44: see [`handover`].

mod actors;
mod acts;
mod answers;
mod comments;
mod events;
mod followers;
mod ghosts;
mod handover;
mod held;
mod host;
mod hosts;
mod names;
mod outgoing;
mod posts;
mod quotes;
mod switch;
mod table;

use outgoing::outgoing_key;
use serde::{Deserialize, Serialize};

use crate::{CoreError, CoreResult};

pub use actors::{ActorState, RemoteActor};
pub use answers::{Answer, AnswerStep, AnswerWhat, Answers, ToldAnswer};
pub use comments::{CommentPlace, FarComment, NewComment};
pub use events::{BridgeEvent, BridgeEvents, BridgeWhat};
pub use followers::{FOLLOWERS_AT_ONCE, Follower, INBOXES_ON_HOST_MAX, Inboxes};
pub use ghosts::is_ghost;
pub use handover::{BridgeStage, HandedOver, KnownAs};
#[cfg(test)]
pub(crate) use handover::{FarAct, HandOver, forged};
pub use hosts::{BlockSeverity, HostBlock, KeptLane, REMARK_BYTES_MAX};
pub use names::FORMER_NAME_KEPT_S;
pub use outgoing::{Audience, BridgeStep, NewOutgoing, OUTGOING_JSON_BYTES_MAX, Outgoing};
pub use posts::{PostNumbers, PostPage, PostRef, PostState, Published};
pub use quotes::Quote;
pub use switch::{
    ActorKind, Bridge, BridgeKeys, BridgeSettings, BridgeState, CommentPolicy, NewBridge, Spoilers,
};
pub(crate) use table::Bridges;

/// A channel, as its actor is called: the first bytes of its name in logs, so the same on every node.
pub type Cid = [u8; 20];

/// Longest id of an actor, an activity or an object, in bytes.
pub const ACTIVITY_ID_BYTES_MAX: usize = 2048;

/// Longest name of a host, in bytes.
pub const HOST_BYTES_MAX: usize = 253;

const BRIDGE: u8 = 0;
const KEYS: u8 = 1;
const OUTGOING: u8 = 2;
const NEWEST: u8 = 3;
const FOLLOWER: u8 = 4;
const FOLLOWER_BY_HOST: u8 = 5;
const FOLLOWERS: u8 = 6;
const LANE: u8 = 7;
const BLOCK: u8 = 8;
const ACTOR: u8 = 9;
const SEEN: u8 = 10;
const SEEN_AT: u8 = 11;
const POST: u8 = 12;
const POST_GONE: u8 = 13;
const FORMER_NAME: u8 = 14;
const GHOST: u8 = 15;
const GHOST_OF: u8 = 16;
const GHOSTS: u8 = 17;
const GHOSTS_ON: u8 = 18;
const COMMENT: u8 = 19;
const COMMENT_AT: u8 = 20;
const COMMENT_BY: u8 = 21;
const COMMENT_ON: u8 = 22;
const COMMENTS_ON: u8 = 23;
const HELD: u8 = 24;
const APPROVED: u8 = 25;
const DELETED_EARLY: u8 = 26;
const DELETED_AT: u8 = 27;
const ACT: u8 = 28;
const ACTS_BY: u8 = 29;
const REACTED: u8 = 30;
const SHARED: u8 = 31;
const FLAG: u8 = 32;
const ANSWERS: u8 = 33;
const ANSWER: u8 = 34;
const ANSWER_OF: u8 = 35;
const QUOTE: u8 = 36;
const GIVING: u8 = 37;
const BEHIND: u8 = 38;
const TAKING: u8 = 39;
const ARRIVED: u8 = 40;
const AWAY: u8 = 41;
const REPLY_AWAY: u8 = 42;
const NOTE_AWAY: u8 = 43;
const BEFORE: u8 = 44;
const INBOXES_ON: u8 = 45;

/// Rows that are read or removed in one go.
const ROWS_AT_ONCE: usize = 500;

/// What the bridge does not do. All are the caller's to act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BridgeError {
    /// The channel is not bridged, or not now.
    #[error("not bridged")]
    NotBridged,
    /// It is bridged already.
    #[error("bridged already")]
    AlreadyBridged,
    /// Its actor was deleted, which other servers never forget.
    #[error("its actor was deleted for good")]
    Gone,
    /// Only public channels of this node are bridged: no groups, nothing private.
    #[error("not a public channel of this node")]
    NotPublic,
    /// What is said in it may not be forwarded, and its owner has not said that it may go out.
    #[error("its messages may not be forwarded")]
    Protected,
    /// Another bridged channel had that name a short time ago: it still leads there.
    #[error("the name still leads to another bridged channel")]
    NameKept,
    /// The cursor is elsewhere: somebody else moved it, or the bridge was switched off and on.
    #[error("the cursor is at {at}")]
    CursorMoved {
        /// Where it is.
        at: i32,
    },
    /// An id, a host, a document or a list that is empty or too large.
    #[error("not a valid {0}")]
    Invalid(&'static str),
    /// The host is blocked here.
    #[error("the host is blocked")]
    Blocked,
    /// The channel takes no comments from other servers.
    #[error("no comments from other servers")]
    CommentsOff,
    /// Another node is the channel's home by now, and bridges it: what is for it is to go there.
    #[error("handed over to another node")]
    HandedOver,
    /// There is no such post in the channel.
    #[error("no such post")]
    UnknownPost,
}

/// The place of an id or a host in a key.
fn hash16(text: &str) -> [u8; 16] {
    let hash = blake3::hash(text.as_bytes());
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

fn key(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![kind];
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

/// An id as it comes from outside.
fn check_id(id: &str) -> CoreResult<()> {
    bounded("id", id.len(), ACTIVITY_ID_BYTES_MAX)
}

/// A host as it comes from outside: in lower case, without a port.
fn check_host(host: &str) -> CoreResult<()> {
    bounded("host", host.len(), HOST_BYTES_MAX)?;
    let fits = host.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase());
    if fits { Ok(()) } else { Err(BridgeError::Invalid("host").into()) }
}

/// Neither empty nor longer than so many bytes.
fn bounded(what: &'static str, bytes: usize, bytes_max: usize) -> CoreResult<()> {
    let fits = (1..=bytes_max).contains(&bytes);
    if fits { Ok(()) } else { Err(BridgeError::Invalid(what).into()) }
}

/// An optional text of at most so many bytes.
fn short(what: &'static str, text: &str, bytes_max: usize) -> CoreResult<()> {
    if text.len() <= bytes_max { Ok(()) } else { Err(BridgeError::Invalid(what).into()) }
}

/// A row that is a count.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Count(u64);

impl crate::record::Record for Count {
    const VERSION: u8 = 1;
    const NAME: &'static str = "count of the bridge";
}

/// The number at the end of a key.
fn number_in(key: &[u8]) -> CoreResult<u64> {
    let number = key.last_chunk().map(|number| u64::from_be_bytes(*number));
    number.ok_or(CoreError::Damaged("key of the bridge"))
}
