//! Replicated logs of groups and channels: what is said, who may do what, and who decides.
//!
//! A group has one **control chain**, written by its home node, and one **data lane** for each node
//! and incarnation, written by that node. The state of a group is a pure function of both, so nodes
//! that hold the same entries agree, whatever the network did.
//!
//! [`Entry`] and its [`Header`] are what travels; [`body`] is what it holds; [`NodeCert`] says whose
//! keys are whose. Two people of two nodes have two lanes and no chain: a [`Pair`].
//! [`control`] folds the chain, [`data`] judges the lanes, twice. A [`Replica`] is one
//! node's copy: what it accepts, what waits, what is delivered; [`Author`] writes the next entry.
//!
//! Pure: no I/O; clock and randomness are arguments. The formats are in `docs/FEDERATION.md`, with
//! vectors that a decoder in another language checks.

mod author;
pub mod body;
pub mod cbor;
mod cert;
pub mod control;
pub mod data;
mod entry;
mod epoch;
mod header;
mod ids;
mod mutant;
mod pair;
mod replica;
mod rights;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod vectors;

pub use author::{
    Author, AuthorError, LaneEnd, recover_place, write_control, write_data, write_genesis,
    write_recover,
};
pub use cert::{CertBody, NodeCert, Opened, RootOpening};
pub use entry::{CONTROL_BODY_BYTES_MAX, DATA_BODY_BYTES_MAX, Entry, Signer, gossip_id};
pub use epoch::{EpochPlace, open_body, open_epoch, seal_body, seal_epoch};
pub use header::{DEPS_MAX, Generation, HEADER_BYTES_MAX, Header, Lane};
pub use ids::{AskId, ControlRef, EntryId, EntryRef, GroupId, Hash16, Node16, NodeId, UserRef};
pub use pair::{PAIR_PENDING_MAX, Pair, PairMessage};
pub use replica::{Event, GAP_AFTER_MS, LaneFork, PENDING_MAX, Rejected, Replica};
pub use rights::Rights;
