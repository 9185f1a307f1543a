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
pub(super) fn read<T: Wire>(body: &[u8]) -> CoreResult<T> {
    decode(body).map_err(|_| CoreError::NotALetter)
}
