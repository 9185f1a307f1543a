//! What letters are about. A body is an array of its fields (FEDERATION.md, section 2).

use glog::cbor::{Blob, List, Text, Wire, decode, encode, record};
use glog::{EntryRef, GroupId};

use super::letter::BODY_BYTES_MAX;
use crate::{CoreError, CoreResult};

/// What is known of a kind: its number and the version of its body.
///
/// A body that changes is another version; a node goes on reading those that it has read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) number: u16,
    pub(crate) version: u8,
}

impl Kind {
    /// Something was reported: [`Reported`].
    pub(crate) const REPORT: Self = Self { number: 1, version: 1 };
    /// An account of the sending node is no more: [`Gone`].
    pub(crate) const GONE: Self = Self { number: 2, version: 1 };
    /// A message was taken down: [`TakenDown`].
    pub(crate) const TAKEDOWN: Self = Self { number: 3, version: 1 };
    /// What people of a node that reads do: [`SumsTold`].
    pub(crate) const SUMS: Self = Self { number: 4, version: 1 };
    /// All of that is wanted again: [`SumsAnew`].
    pub(crate) const SUMS_ANEW: Self = Self { number: 5, version: 1 };
    /// A part of the bridge of a channel that has got another home: `bridge::HandOver`.
    pub(crate) const HAND_OVER: Self = Self { number: 6, version: 1 };
    /// Somebody of another server changes what an earlier home of a bridged channel wrote: `bridge::FarAct`.
    pub(crate) const FAR_ACT: Self = Self { number: 7, version: 1 };
    /// What people of the sending node did in secret chats: a list of `secret::SecretTold`. One that waits is
    /// one of them.
    pub(crate) const SECRET: Self = Self { number: 8, version: 1 };
}

/// Blobs of one message: a file and its small pictures.
const BLOBS_MAX: usize = 64;

/// Messages that one report names.
pub(super) const REPORTED_ENTRIES_MAX: usize = crate::REPORT_MESSAGES_MAX;

/// The longest comment: 512 characters of four bytes.
const COMMENT_BYTES_MAX: usize = 4 * crate::REPORT_COMMENT_CHARS_MAX;

record! {
    /// Somebody on the sending node, who is not named, has reported something.
    pub struct Reported {
        /// Why: the place in [`crate::ReportReason`].
        pub reason: u8,
        /// In their own words.
        pub comment: Text<COMMENT_BYTES_MAX>,
        /// One of the recipient's people, by the number there.
        pub person: Option<u64>,
        /// Or a group or channel.
        pub group: Option<GroupId>,
        /// What was said there, by the entries of its log.
        pub entries: List<EntryRef, REPORTED_ENTRIES_MAX>,
    }
}

record! {
    /// Somebody has deleted their account at the sending node.
    pub struct Gone {
        /// The number there.
        pub user: u64,
    }
}

/// Messages of which one letter tells.
pub(in crate::federation) const TARGETS_MAX: usize = 128;

/// Different reactions, or options, of one message.
const CHOICES_MAX: usize = 64;

record! {
    /// What people of the sending node have done in a channel of the recipient.
    pub struct SumsTold {
        /// In which one.
        pub group: GroupId,
        /// Each letter about it has a higher one; of an older one nothing counts.
        pub number: u64,
        /// The last one that the recipient has acknowledged as the home; 0: none.
        pub after: u64,
        /// What those below this one have told counts no more, unless it is told again.
        pub since: u64,
        /// How many people of the node are in it.
        pub members: u64,
        /// How many have ever been in it, or have seen something there: no count is higher.
        pub people: u64,
        /// Random; stands in what the home says once this letter is counted there.
        pub mark: [u8; 8],
        /// What has changed.
        pub of: List<SumsOf, TARGETS_MAX>,
    }
}

record! {
    /// Running totals of one message: the last ones replace those before.
    pub struct SumsOf {
        /// The entry that brought it.
        pub target: EntryRef,
        /// Reactions as the sending node names them, and how often each is chosen.
        pub reactions: List<(Text<32>, u64), CHOICES_MAX>,
        /// Options of an anonymous poll, and how many chose each.
        pub votes: List<(u16, u64), CHOICES_MAX>,
        /// How many voted.
        pub voters: u64,
        /// By how many it was seen.
        pub views: u64,
    }
}

record! {
    /// The home does not have what it was told: everything is to be told again.
    pub struct SumsAnew {
        /// Of which channel.
        pub group: GroupId,
    }
}

record! {
    /// The sending node has taken a message down, which was written there or in a group whose home it is.
    pub struct TakenDown {
        /// In which group.
        pub group: GroupId,
        /// The entry that brought it.
        pub entry: EntryRef,
        /// What its files are made of.
        pub blobs: List<[u8; 32], BLOBS_MAX>,
    }
}

/// A body as a letter carries it.
///
/// # Errors
/// [`CoreError::TooLarge`].
pub(super) fn body<T: Wire>(said: &T) -> CoreResult<Blob<BODY_BYTES_MAX>> {
    Blob::new(encode(said)).map_err(|_| CoreError::TooLarge("letter"))
}

/// The body of a letter.
///
/// # Errors
/// [`CoreError::NotALetter`].
pub(in crate::federation) fn read<T: Wire>(body: &[u8]) -> CoreResult<T> {
    decode(body).map_err(|_| CoreError::NotALetter)
}
