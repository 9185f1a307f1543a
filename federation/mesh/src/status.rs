//! What an operator sees of the mesh, and what can go wrong.

use glog::{GroupId, NodeId};

use crate::trouble::Trouble;

/// A peer, as an operator sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerStatus {
    /// Which node; `None` for an address at which none has answered yet.
    pub node: Option<NodeId>,
    /// Where it is reached.
    pub addresses: Vec<String>,
    /// Whether it is connected, and has shown who it is.
    pub connected: bool,
    /// Milliseconds since 1970 of the last change of that; 0 for never.
    pub since_ms: u64,
    /// How long ago everything that is shared was last found equal.
    pub synced_ms_ago: Option<u64>,
    /// Bytes of frames from it, since this node started.
    pub bytes_in: u64,
    /// Bytes of frames to it.
    pub bytes_out: u64,
    /// Entries that it gossiped or pushed and that were new.
    pub entries_by_gossip: u64,
    /// Entries that were fetched from it and that were new.
    pub entries_by_fetch: u64,
    /// Entries that it wrote, and that came unasked faster than they are taken: left to
    /// synchronisation, which brings them later.
    pub held_back: u64,
    /// Attempts to connect that failed since the last success, and requests that failed.
    pub failures: u32,
    /// When it is tried next, in milliseconds since 1970.
    pub next_attempt_ms: Option<u64>,
    /// Why the last attempt failed; `None` once it is connected.
    pub trouble: Option<Trouble>,
    /// How far its clock was ahead of this node's when it connected, in milliseconds; less than nothing
    /// where it was behind.
    pub clock_ahead_ms: Option<i64>,
    /// What it did wrong, fading; at 100 it is sent away.
    pub score: f64,
    /// Of each shared group, how many entries this node lacks that the peer has, as of the last
    /// comparison.
    pub lag: Vec<(GroupId, u64)>,
}

/// Why a mesh did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The certificate is not signed by its root key, or is of another operational key.
    #[error("the certificate is not one of this operational key")]
    Certificate,
    /// An address is none, or cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Which.
        address: String,
        /// Why.
        reason: String,
    },
    /// libp2p did not take its configuration.
    #[error("libp2p: {0}")]
    Network(String),
}

/// Why a node did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// It is not connected, and not known how to reach, or not reached.
    #[error("the node is not reached")]
    Unreachable,
    /// Nothing came in time.
    #[error("the node has not answered in time")]
    TimedOut,
    /// It does not talk to this node, or this node not to it; or it speaks otherwise.
    #[error("the node refuses")]
    Refused,
    /// It, or this node, has too much to do: later.
    #[error("busy")]
    Busy,
}

/// Why a group was not brought up to what a peer has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The peer is not reached, or was lost.
    #[error("the node is not reached")]
    Unreachable,
    /// The peer does not have the group, or does not let this node read it.
    #[error("the node knows no such group")]
    Unknown,
    /// The peer sent what is not signed as it must be.
    #[error("the node sent entries that do not hold")]
    Rejected,
    /// This node takes no more.
    #[error("stopped: {0}")]
    Stopped(String),
    /// What the peer has does not fit what is here, though everything was fetched: a fork.
    #[error("what the node has does not fit")]
    Differs,
    /// Others are fetched still; or the mesh has ended.
    #[error("busy")]
    Busy,
}
