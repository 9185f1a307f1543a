//! What a mesh is started with.

use std::collections::BTreeSet;
use std::time::Duration;

use glog::{NodeCert, NodeId};
use keys::NodeIdentity;

/// Everything that a mesh is started with.
#[derive(Debug)]
pub struct Setup {
    /// The operational key: names the node to libp2p.
    pub operational: NodeIdentity,
    /// The certificate of that key.
    pub cert: NodeCert,
    /// Addresses to listen on, as multiaddresses: `/ip4/0.0.0.0/tcp/4001`,
    /// `/ip4/0.0.0.0/udp/4001/quic-v1`.
    pub listen: Vec<String>,
    /// Nodes to stay connected to.
    pub peers: Vec<StaticPeer>,
    /// Who may connect.
    pub policy: Policy,
    /// Whether public groups are gossiped. Without it synchronisation does everything, later.
    pub gossip: bool,
    /// Bounds.
    pub limits: Limits,
}

/// A node to stay connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticPeer {
    /// Its multiaddress, with or without `/p2p/…`.
    pub address: String,
    /// Which node is expected there; whoever answers, if it is not known.
    pub node: Option<NodeId>,
}

/// Which nodes may connect, and are connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// Any.
    Open,
    /// These alone.
    AllowList(BTreeSet<NodeId>),
    /// Any but these.
    DenyList(BTreeSet<NodeId>),
}

impl Policy {
    /// Whether a node may connect.
    pub fn admits(&self, node: &NodeId) -> bool {
        match self {
            Self::Open => true,
            Self::AllowList(nodes) => nodes.contains(node),
            Self::DenyList(nodes) => !nodes.contains(node),
        }
    }
}

/// Bounds of a mesh.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Connections in all. Default 512.
    pub connections: u32,
    /// Connections with one peer. Default 2: both may dial at once.
    pub connections_per_peer: u32,
    /// Connections that are being made, in each direction. Default 16.
    pub pending: u32,
    /// Bytes of this process above which no connection is taken. Default 2 GiB.
    pub memory_bytes: usize,
    /// After how long a peer that has not shown who it is is sent away. Default 10 s.
    pub hello_within: Duration,
    /// After how long a request of one node to another has failed. Default 30 s.
    pub request_within: Duration,
    /// Streams of one connection at once. Default 32.
    pub streams: usize,
    /// Requests of peers that are worked on at once, in all. Default 128.
    pub serving: usize,
    /// What is served to one peer, and what is asked of it.
    pub serve: Rate,
    /// See [`Self::serve`].
    pub ask: Rate,
    /// How much of one node's words is taken that nobody asked for.
    pub pace: Pace,
    /// How often everything shared with a peer is compared. Default 30 s, give or take a fifth.
    pub digests_every: Duration,
    /// After how long peers are told of an entry that no faster way carries. Default 50 ms.
    pub tell_after: Duration,
    /// After how long a peer is first tried again; doubles up to [`Self::backoff_max`]. Default 2 s.
    pub backoff_first: Duration,
    /// The longest time between two attempts. Default a day.
    pub backoff_max: Duration,
    /// For how long who misbehaves repeatedly is kept away. Default 10 min; doubles.
    pub ban: Duration,
}

/// A rate, with what may come at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Requests a second, and ten times as many at once.
    pub requests: u32,
    /// Bytes a second, and four times as many at once.
    pub bytes: u32,
}

impl Rate {
    /// So many hundredths of it, but one of each.
    #[must_use]
    pub fn share(self, hundredths: u8) -> Self {
        let of = |whole: u32| (u64::from(whole) * u64::from(hundredths) / 100).max(1);
        let of = |whole| u32::try_from(of(whole)).unwrap_or(u32::MAX);
        Self { requests: of(self.requests), bytes: of(self.bytes) }
    }
}

/// How much of what one node has written is taken unasked, by gossip and pushes, whoever brings it: each
/// entry costs this node a signature and its disk a write, and others' wait behind it. The control
/// chain and this node's own words are not counted, and only what is new here is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Entries a second. Default 120: half of the 200 messages a second that three nodes have to bear may
    /// come from one of them, and ten million a day.
    pub entries: u32,
    /// Entries that may come at once. Default 1,000: what many people say in a minute, or a bot at once.
    pub at_once: u32,
    /// For so long after more came than that, nothing of that node is taken unasked, and what it wrote
    /// is fetched no faster than [`Self::entries`]. Default 5 s. Who was away for long is not slowed
    /// down: nothing was sent to it meanwhile.
    pub over_for: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { entries: 120, at_once: 1_000, over_for: Duration::from_secs(5) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            connections_per_peer: 2,
            pending: 16,
            memory_bytes: 2 << 30,
            hello_within: Duration::from_secs(10),
            request_within: Duration::from_secs(30),
            streams: 32,
            serving: 128,
            serve: Rate { requests: 500, bytes: 32 << 20 },
            ask: Rate { requests: 500, bytes: 32 << 20 },
            pace: Pace::default(),
            digests_every: Duration::from_secs(30),
            tell_after: Duration::from_millis(50),
            backoff_first: Duration::from_secs(2),
            backoff_max: Duration::from_secs(86_400),
            ban: Duration::from_secs(600),
        }
    }
}
