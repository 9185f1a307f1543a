//! Names: of nodes, groups, entries, users; and references to places in a log.
//!
//! Where a header must stay small, nodes and entries are named by the first 16 bytes of their id.
//! That is enough: 64 bits could be made to collide in half an hour of one core, 128 cannot.

use std::fmt;

use keys::VerifyKey;

use crate::cbor::{Malformed, Reader, Wire, Writer, record};

/// Lower-case hex.
fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

macro_rules! names {
    ($($(#[$meta:meta])* $name:ident[$length:literal];)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; $length]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }

        /// The first four bytes are enough to tell names apart in a trace.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}(", stringify!($name))?;
                write_hex(f, self.0.get(..4).unwrap_or_default())?;
                f.write_str(")")
            }
        }

        impl Wire for $name {
            fn put(&self, to: &mut Writer) {
                self.0.put(to);
            }

            fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
                Ok(Self(Wire::take(from)?))
            }
        }
    )*};
}

names! {
    /// A node for life: blake3 of `node` ++ its root key.
    NodeId[32];
    /// The first 16 bytes of a [`NodeId`].
    Node16[16];
    /// A group: the id of its Genesis, zero in the Genesis itself; of two people, [`GroupId::of_pair`].
    GroupId[32];
    /// An entry: blake3 of its header.
    EntryId[32];
    /// The first 16 bytes of an [`EntryId`]; zero where there is none.
    Hash16[16];
    /// What an admin's node calls something it asked for: random.
    AskId[16];
}

impl NodeId {
    /// The node that a root key belongs to.
    pub fn of_root(root: &VerifyKey) -> Self {
        Self(*blake3::Hasher::new().update(b"node").update(root.as_bytes()).finalize().as_bytes())
    }

    /// The prefix that stands for it in headers and bodies.
    pub fn short(&self) -> Node16 {
        Node16(prefix(&self.0))
    }
}

impl GroupId {
    /// The chat of two people of two nodes: blake3 of `dm` ++ node (32) ++ number (8, big-endian), the
    /// lesser of the two first.
    pub fn of_pair(one: (NodeId, u64), other: (NodeId, u64)) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"dm");
        for (node, user) in [one.min(other), one.max(other)] {
            hasher.update(&node.0).update(&user.to_be_bytes());
        }
        Self(*hasher.finalize().as_bytes())
    }
}

impl EntryId {
    /// The prefix that stands for it in references.
    pub fn short(&self) -> Hash16 {
        Hash16(prefix(&self.0))
    }
}

fn prefix(id: &[u8; 32]) -> [u8; 16] {
    std::array::from_fn(|i| id.get(i).copied().unwrap_or_default())
}

record! {
    /// A user: the node that vouches for them, and their number there.
    #[derive(Copy, PartialOrd, Ord, Hash)]
    pub struct UserRef {
        /// The user's own node.
        pub node: Node16,
        /// The number there, from 1.
        pub id: u64,
    }
}

record! {
    /// An entry of a data lane: as a head, as a dependency, as the target of another entry.
    #[derive(Copy, PartialOrd, Ord, Hash)]
    pub struct EntryRef {
        /// Whose lane.
        pub node: Node16,
        /// Which incarnation of it.
        pub inc: u32,
        /// The number in the lane, from 0.
        pub seq: u64,
        /// Which of two, should the lane be forked.
        pub hash: Hash16,
    }
}

record! {
    /// An entry of the control chain: what an author's node had applied, what an ask was based on.
    #[derive(Copy, PartialOrd, Ord, Hash)]
    pub struct ControlRef {
        /// How many times the group had been recovered, by the number in the last Recover.
        pub recovery: u32,
        /// The last Recover on that branch; zero before the first.
        pub act: Hash16,
        /// The number in the chain, from 0 over all terms.
        pub seq: u64,
        /// Which of two, should the chain be forked.
        pub hash: Hash16,
    }
}
