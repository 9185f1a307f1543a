//! What nodes ask each other besides synchronisation, and what is answered.
//!
//! The mesh carries these and does not look into them. Each field has its own bound; a whole frame
//! has [`crate::FRAME_BYTES_MAX`].

use glog::cbor::{Blob, List, Text};
use glog::{ControlRef, GroupId};

use crate::message::messages;

/// The longest ask of an admin, request to join, sealed mail, or anything else that is opaque here.
pub const OPAQUE_BYTES_MAX: usize = 64 * 1024;
/// The longest record of a user, as it is found by name or shown as a profile.
pub const RECORD_BYTES_MAX: usize = 4 * 1024;
/// The longest name that is looked up.
pub const NAME_BYTES_MAX: usize = 64;
/// Users that are asked about at once.
pub const USERS_MAX: usize = 100;
/// The longest piece of a blob.
pub const CHUNK_BYTES_MAX: usize = 512 * 1024;
/// Pieces of a blob, at most: 16 GiB.
pub const CHUNKS_MAX: usize = 32 * 1024;
/// The longest reason of a refusal.
pub const REASON_BYTES_MAX: usize = 256;

messages! {
    /// What a node asks another.
    pub enum Call {
        /// An admin of this node asks the home to act.
        0 Ask {
            /// The signed ask, with its certificate: `glog::body::Evidence`.
            evidence: Blob<OPAQUE_BYTES_MAX>,
        },
        /// Follows a public group for a while.
        1 Follow {
            /// Which.
            group: GroupId,
        },
        /// Follows it no longer.
        2 Unfollow {
            /// Which.
            group: GroupId,
        },
        /// A user wants to join, or a node to write in a public group.
        3 Join {
            /// The signed request.
            join: Blob<OPAQUE_BYTES_MAX>,
        },
        /// Whose name is this.
        4 Resolve {
            /// The name, without the domain.
            name: Text<NAME_BYTES_MAX>,
        },
        /// What these users show of themselves.
        5 Profiles {
            /// Their numbers at the node that is asked.
            users: List<u64, USERS_MAX>,
        },
        /// What a blob is made of.
        6 Manifest {
            /// Its name.
            blob: [u8; 32],
        },
        /// A piece of a blob.
        7 Chunk {
            /// Its name.
            blob: [u8; 32],
            /// Which piece, from 0.
            index: u32,
        },
        /// A sealed letter to a user of the node that is asked.
        8 Mail {
            /// The sealed box.
            sealed: Blob<OPAQUE_BYTES_MAX>,
        },
        /// Cards of contacts: opaque here.
        9 Cards {
            /// What is asked.
            body: Blob<OPAQUE_BYTES_MAX>,
        },
        /// Anything that the node adds without the mesh.
        10 Other {
            /// What it is.
            kind: u16,
            /// What it says.
            body: Blob<OPAQUE_BYTES_MAX>,
        },
    }
}

messages! {
    /// What a node answers.
    pub enum Reply {
        /// An ask was carried out: the control entry that did.
        0 Answered {
            /// The head of the control chain with it.
            head: ControlRef,
        },
        /// It was not done, and why.
        1 Refused {
            /// What a client is shown, as a number.
            code: u16,
            /// And as a text.
            text: Text<REASON_BYTES_MAX>,
        },
        /// The group is followed.
        2 Following {
            /// Until then, in milliseconds since 1970.
            until_ms: u64,
        },
        /// It was done.
        3 Done,
        /// The user or node is in.
        4 Joined {
            /// The head of the control chain with it.
            head: ControlRef,
        },
        /// What is known of a name.
        5 Found(record: Blob<RECORD_BYTES_MAX>),
        /// Nothing is known of it.
        6 NotFound,
        /// Profiles, in the order in which they were asked for; empty where there is none.
        7 Profiles(records: List<Blob<RECORD_BYTES_MAX>, USERS_MAX>),
        /// What a blob is made of.
        8 Manifest {
            /// blake3 of each piece.
            hashes: List<[u8; 32], CHUNKS_MAX>,
            /// Bytes of the whole.
            length: u64,
        },
        /// A piece of a blob.
        9 Chunk(bytes: Blob<CHUNK_BYTES_MAX>),
        /// Cards of contacts: opaque here.
        10 Cards(body: Blob<OPAQUE_BYTES_MAX>),
        /// Anything that the node adds without the mesh.
        11 Other {
            /// What it is.
            kind: u16,
            /// What it says.
            body: Blob<OPAQUE_BYTES_MAX>,
        },
    }
}
