//! The protocol `/rookery/sync/1`: what nodes ask each other about logs, and what is answered.
//!
//! A frame is its length (4 bytes, big-endian) and so many bytes of deterministic CBOR. Each request
//! is answered by one response. Whoever is asked about a group that the asking node may not read
//! answers [`Response::Absent`] or an empty list, as for one that does not exist.

use glog::cbor::{Blob, List, Malformed, Reader, Text, Wire, decode, encode, record};
use glog::{ControlRef, EntryRef, GroupId, NodeCert, NodeId};

use crate::calls::{Call, Reply};
use crate::host::{Heads, LaneName};
use crate::message::messages;

/// The longest frame, without its length.
pub const FRAME_BYTES_MAX: usize = 2 << 20;
/// The longest frame of a peer that has not shown who it is: its Hello, with room for later versions.
pub const HELLO_BYTES_MAX: usize = 8 * 1024;
/// The name of the protocol.
pub const PROTOCOL: &str = "/rookery/sync/1";
/// The version that this node speaks.
pub const VERSION: u16 = 1;
/// Groups that are compared in one frame: as many topics as are subscribed to.
pub const DIGESTS_MAX: usize = 20_000;
/// Lanes of a group whose heads are told: 256 writers, and their former incarnations.
pub const LANES_MAX: usize = 4_096;
/// Entries in one frame.
pub const ENTRIES_MAX: usize = 4_096;
/// The longest entry: header, signature, a body of the control chain.
pub const ENTRY_BYTES_MAX: usize = glog::HEADER_BYTES_MAX + 64 + glog::CONTROL_BODY_BYTES_MAX;
/// Bytes of entries in one frame.
pub const PAGE_BYTES_MAX: usize = 1 << 20;
/// Entries that are asked for by name at once.
pub const NAMES_MAX: usize = 256;
/// Certificates in one frame.
pub const CERTS_MAX: usize = 512;

/// An entry as it travels.
pub type EntryBytes = Blob<ENTRY_BYTES_MAX>;

record! {
    /// The first that both say on a connection.
    pub struct Hello {
        /// Versions of the protocol that the node speaks.
        pub versions: List<u16, 16>,
        /// What it can do beyond: names for later.
        pub features: List<Text<32>, 32>,
        /// Who it is. The operational key is the one of the connection.
        pub cert: NodeCert,
        /// Its clock, in milliseconds since 1970: so that operators see where one is wrong. Nothing is
        /// judged by it.
        pub now_ms: u64,
    }
}

record! {
    /// What is held of one group, for comparison.
    pub struct Digest {
        /// Names the group to who knows it: [`tag`].
        pub tag: [u8; 16],
        /// [`Heads::digest`].
        pub digest: [u8; 32],
    }
}

record! {
    /// [`Heads`] as they travel.
    pub struct HeadsFrame {
        /// The last entry of the control chain.
        pub control: ControlRef,
        /// The term in which it stands.
        pub term: u32,
        /// The last entry of each lane, strictly ascending by node and incarnation.
        pub lanes: List<EntryRef, LANES_MAX>,
        /// Whether the group is public.
        pub public: bool,
    }
}

impl HeadsFrame {
    /// As it travels; of more lanes than a frame has room for, the first.
    pub fn new(mut heads: Heads) -> Result<Self, Malformed> {
        heads.lanes.truncate(LANES_MAX);
        let Heads { control, term, lanes, public, ends: _ } = heads;
        Ok(Self { control, term, lanes: List::new(lanes)?, public })
    }

    /// The heads.
    ///
    /// # Errors
    /// [`Malformed`] if a lane comes twice, or they are not in order, or a number has none behind it.
    pub fn read(self) -> Result<Heads, Malformed> {
        let lanes = self.lanes.into_vec();
        if lanes.iter().map(|head| head.seq).chain([self.control.seq]).any(|seq| seq == u64::MAX) {
            return Err(Malformed);
        }
        let name = |head: &EntryRef| (head.node, head.inc);
        if lanes.iter().zip(lanes.iter().skip(1)).any(|(a, b)| name(a) >= name(b)) {
            return Err(Malformed);
        }
        let Self { control, term, public, .. } = self;
        Ok(Heads { control, term, lanes, public, ends: false })
    }
}

messages! {
    /// What a node asks.
    pub enum Request {
        /// Who are you? Comes before all else on a connection.
        0 Hello(hello: Box<Hello>),
        /// What this node holds: of all groups that both have, or of some that have changed.
        1 Digests(told: List<Digest, DIGESTS_MAX>),
        /// What do you hold of a group?
        2 Heads {
            /// Which.
            group: GroupId,
        },
        /// Entries of the chain or a lane.
        3 Fetch {
            /// Of which group.
            group: GroupId,
            /// Of which lane.
            lane: LaneName,
            /// From this number on.
            from: u64,
            /// Up to and without this one.
            to: u64,
            /// At most so many bytes of entries; one entry always.
            bytes_max: u32,
        },
        /// Entries by their names.
        4 ByName {
            /// Of which group.
            group: GroupId,
            /// Which.
            names: List<EntryRef, NAMES_MAX>,
        },
        /// Certificates that a group's lanes have shown.
        5 Certs {
            /// Of which group.
            group: GroupId,
        },
        /// New entries of a group, unasked.
        6 Push {
            /// Of which group.
            group: GroupId,
            /// Whether the receiver tells others: the sender has not told all members.
            further: bool,
            /// In order.
            entries: List<EntryBytes, ENTRIES_MAX>,
        },
        /// Anything else.
        7 Call(call: Box<Call>),
    }
}

impl Request {
    /// The group of which a frame pushes entries, before those are taken apart; `None` for anything else.
    pub fn pushes_to(frame: &[u8]) -> Option<GroupId> {
        let mut from = Reader::new(frame);
        from.array(2).ok()?;
        let kind: u16 = from.unsigned().ok()?;
        from.array(3).ok()?;
        let group = Wire::take(&mut from).ok()?;
        (kind == PUSH).then_some(group)
    }
}

/// The number of [`Request::Push`].
const PUSH: u16 = 6;

messages! {
    /// What a node answers.
    pub enum Response {
        /// Who this node is.
        0 Hello(hello: Box<Hello>),
        /// It was heard.
        1 Done,
        /// No such group, or none that the asking node may read.
        2 Absent,
        /// What this node holds.
        3 Heads(heads: HeadsFrame),
        /// Entries, in order.
        4 Entries(entries: List<EntryBytes, ENTRIES_MAX>),
        /// Certificates.
        5 Certs(certs: List<NodeCert, CERTS_MAX>),
        /// An answer to a call.
        6 Reply(reply: Box<Reply>),
        /// Too much was asked: again after so long.
        7 Busy {
            /// Milliseconds.
            retry_ms: u32,
        },
        /// This node does not talk to the other.
        8 Refused,
    }
}

impl Request {
    /// The bytes of a frame, without its length.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// [`Malformed`] for anything but the only encoding of a request, and beyond the bounds.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > FRAME_BYTES_MAX { Err(Malformed) } else { decode(bytes) }
    }
}

impl Response {
    /// The bytes of a frame, without its length.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// [`Malformed`] for anything but the only encoding of a response, and beyond the bounds.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > FRAME_BYTES_MAX { Err(Malformed) } else { decode(bytes) }
    }
}

/// What two nodes call a group that both have: who does not have it cannot tell which it is, and
/// another pair calls it otherwise.
pub fn tag(group: &GroupId, a: &NodeId, b: &NodeId) -> [u8; 16] {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    let mut hasher = blake3::Hasher::new();
    hasher.update(&group.0).update(&low.0).update(&high.0);
    let hash = hasher.finalize();
    std::array::from_fn(|i| hash.as_bytes().get(i).copied().unwrap_or_default())
}

/// Entries for one frame: the first of them that fit.
pub fn page(entries: Vec<Vec<u8>>, bytes_max: usize) -> List<EntryBytes, ENTRIES_MAX> {
    let mut bytes = 0;
    let mut page = Vec::new();
    for entry in entries.into_iter().take(ENTRIES_MAX) {
        bytes += entry.len();
        if bytes > bytes_max.min(PAGE_BYTES_MAX) && !page.is_empty() {
            break;
        }
        // What this node holds was once read, so it is no longer than an entry may be.
        let Ok(entry) = Blob::new(entry) else { break };
        page.push(entry);
    }
    List::new(page).unwrap_or_default()
}

#[cfg(test)]
mod tests;
