//! What the letters of a hand-over say: [`HandOver`], whose body is a list of one of the others. The bounds
//! are those of what is kept.

use glog::GroupId;
use glog::cbor::{Blob, List, Text, record};

use super::super::{ACTIVITY_ID_BYTES_MAX, HOST_BYTES_MAX, OUTGOING_JSON_BYTES_MAX, ROWS_AT_ONCE};
use super::{ANCHORS_MAX, BEFORE_MAX};

/// Bytes of the list in one part: a letter has 65,024, and beside it stands whose it is.
pub(super) const PART_BYTES_MAX: usize = 64_512;
/// Rows of one part.
pub(super) const ITEMS_MAX: usize = ROWS_AT_ONCE;
/// Bytes of what a comment says, with its formatting.
pub(super) const WORDS_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a key.
const KEY_BYTES_MAX: usize = 8192;
/// Former names.
const NAMES_MAX: usize = 32;
/// Bytes of a name, or an emoji.
const SHORT_BYTES_MAX: usize = 256;
/// Reactions of one actor to one post.
const OF_ONE_MAX: usize = 3;
/// Servers, or inboxes, of one activity.
pub(super) const TARGETS_MAX: usize = 64;

/// What parts are about, in the order in which they come.
pub(super) const BEGIN: u8 = 0;
pub(super) const FOLLOWERS: u8 = 1;
pub(super) const POSTS: u8 = 2;
pub(super) const COMMENTS: u8 = 3;
pub(super) const APPROVED: u8 = 4;
pub(super) const REACTIONS: u8 = 5;
pub(super) const SHARES: u8 = 6;
pub(super) const QUOTES: u8 = 7;
pub(super) const ANSWERS: u8 = 8;
pub(super) const OUTGOING: u8 = 9;
pub(super) const END: u8 = 10;

/// An id of an actor, an activity or an object.
pub(super) type Id = Text<ACTIVITY_ID_BYTES_MAX>;
/// A host.
pub(super) type Host = Text<HOST_BYTES_MAX>;
/// A name, or an emoji.
pub(super) type Short = Text<SHORT_BYTES_MAX>;
/// A [`super::PostRef`].
pub(super) type Ref = [u8; 28];

record! {
    /// A part of what the old home of a bridged channel hands to the next one.
    pub struct HandOver {
        /// Which channel.
        pub group: GroupId,
        /// The entry of its control chain by which the home moved: its number, and its name.
        pub moved: (u64, [u8; 32]),
        /// Drawn when the first part was written; the same in all of them.
        pub run: [u8; 16],
        /// From 0.
        pub number: u32,
        /// What it is about.
        pub part: u8,
        /// An array of that.
        pub of: Blob<PART_BYTES_MAX>,
    }
}

record! {
    /// Who the actor is.
    pub struct Begin {
        /// Scheme and host of its addresses.
        pub base: Host,
        /// The domain in its handle.
        pub domain: Host,
        /// Its name there.
        pub name: Option<Short>,
        /// When the channel was made, in unix seconds.
        pub made: u64,
        /// 0 service, 1 person, 2 group, 3 organization.
        pub kind: u8,
        /// 0 on, 1 off, 2 deleted.
        pub state: u8,
        /// Since when it is off, in unix seconds; else 0.
        pub off_since: u64,
        /// 0 open, 1 the first is held, 2 off.
        pub comments: u8,
        /// 0 behind a warning, 1 revealed.
        pub spoilers: u8,
        /// Whether others may recommend it.
        pub discoverable: bool,
        /// Whether what may not be forwarded goes out.
        pub protected: bool,
        /// Former names, each with the unix second until which it leads here.
        pub former: List<(Short, u64), NAMES_MAX>,
        /// SHA-256 of the actor's document as it was told last.
        pub actor_hash: Option<[u8; 32]>,
        /// When it was bridged first, in unix seconds.
        pub since: u64,
        /// Its RSA key, PKCS#8 in PEM.
        pub rsa: Blob<KEY_BYTES_MAX>,
        /// The seed of its ed25519 key.
        pub ed25519: Blob<KEY_BYTES_MAX>,
        /// The last posts of which everything was told, the newest first.
        pub posts: List<Ref, ANCHORS_MAX>,
        /// The group in which it is discussed, if answers were carried from there.
        pub talk: Option<GroupId>,
        /// The last messages there of which everything was told, the newest first.
        pub answers: List<Ref, ANCHORS_MAX>,
    }
}

record! {
    /// Somebody who follows it.
    pub struct FollowerTold {
        /// Their id.
        pub actor: Id,
        /// Its host.
        pub host: Host,
        /// Where they are told.
        pub inbox: Id,
        /// Where all of the server are told together.
        pub shared_inbox: Option<Id>,
        /// The activity by which they follow.
        pub follow: Id,
        /// Unix seconds.
        pub since: u64,
    }
}

record! {
    /// What other servers were told of a post.
    pub struct PostTold {
        /// Which.
        pub post: Ref,
        /// It is gone.
        pub gone: bool,
        /// When it was published, or went: unix seconds.
        pub at: u64,
        /// What it was told to repeat.
        pub repeats: Option<Id>,
    }
}

record! {
    /// A comment of another server.
    pub struct CommentTold {
        /// Its id.
        pub object: Id,
        /// Who wrote it.
        pub actor: Id,
        /// The host of that one.
        pub host: Host,
        /// To which post.
        pub post: Ref,
        /// The comment that it answers.
        pub parent: Option<Id>,
        /// What it says, where no log says it: 1 ++ text and entities.
        pub words: Option<Blob<WORDS_BYTES_MAX>>,
        /// Unix seconds.
        pub published: u64,
        /// Unix seconds.
        pub updated: u64,
        /// Its page.
        pub url: Option<Id>,
        /// 0 it waits for an admin, 1 it is kept for the channel's page, 2 it is gone, 3 it is a message.
        pub place: u8,
        /// Of a message: the group, and the entry that brought it.
        pub at: Option<(GroupId, Ref)>,
        /// Who wrote it, as far as it is known.
        pub author: Option<AuthorTold>,
        /// As whom they wrote: nodes, and the numbers there.
        pub ghosts: List<([u8; 16], u64), BEFORE_MAX>,
    }
}

record! {
    /// An actor of another server. Its keys are fetched when they are needed.
    pub struct AuthorTold {
        /// As it calls itself; may be empty.
        pub name: Id,
        /// `user@host`.
        pub handle: Id,
        /// Where it is told of things.
        pub inbox: Id,
        /// Where all of its server are told together.
        pub shared_inbox: Option<Id>,
        /// Its picture.
        pub icon: Option<Id>,
        /// Its page.
        pub url: Option<Id>,
        /// Unix milliseconds.
        pub fetched_at_ms: u64,
    }
}

record! {
    /// What an actor reacted with to a post.
    pub struct ReactionsTold {
        /// To which.
        pub post: Ref,
        /// Who.
        pub actor: Id,
        /// The newest last.
        pub of: List<ReactionTold, OF_ONE_MAX>,
    }
}

record! {
    /// One of those.
    pub struct ReactionTold {
        /// The activity.
        pub activity: Id,
        /// The emoji.
        pub emoji: Short,
        /// In whose lane it is counted.
        pub node: [u8; 16],
    }
}

record! {
    /// That an actor has shared a post.
    pub struct ShareTold {
        /// Which.
        pub post: Ref,
        /// Who.
        pub actor: Id,
        /// The activity.
        pub activity: Id,
    }
}

record! {
    /// A quote that was agreed to.
    pub struct QuoteTold {
        /// Its number.
        pub number: u64,
        /// What is quoted.
        pub post: Ref,
        /// The post that quotes it.
        pub quoting: Id,
        /// Unix seconds.
        pub date: u64,
    }
}

record! {
    /// A message of an admin that went out as an answer.
    pub struct AnswerTold {
        /// In which group.
        pub group: GroupId,
        /// The entry that brought it.
        pub at: Ref,
        /// Its id at other servers.
        pub note: Id,
        /// The comment that it answers.
        pub to: Id,
        /// Who wrote that.
        pub author: Id,
    }
}

record! {
    /// An activity that has not reached everybody.
    pub struct OutgoingTold {
        /// Its id; those of a channel's own are short.
        pub activity: Text<512>,
        /// All of it.
        pub json: Blob<OUTGOING_JSON_BYTES_MAX>,
        /// What it updates or deletes.
        pub object: Option<Text<512>>,
        /// Unix milliseconds.
        pub created_ms: u64,
        /// Servers whose followers have not got it.
        pub hosts: List<Host, TARGETS_MAX>,
        /// Or inboxes, of what is for some alone.
        pub inboxes: List<Id, TARGETS_MAX>,
    }
}

record! {
    /// Somebody of another server changes what is in the lane of a former home, and has told the present
    /// one.
    pub struct FarAct {
        /// Of which channel.
        pub group: GroupId,
        /// Who.
        pub actor: Id,
        /// 0 a comment says something else, 1 it is deleted, 2 a reaction is taken back.
        pub what: u8,
        /// The comment, or the activity that is taken back.
        pub of: Id,
        /// What the comment says: 1 ++ text and entities.
        pub words: Option<Blob<WORDS_BYTES_MAX>>,
        /// When it was edited, in unix seconds; else 0.
        pub updated: u64,
    }
}
