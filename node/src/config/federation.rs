//! How other nodes are reached, and which.

use std::path::PathBuf;

use serde::Deserialize;

/// `[federation]`: other nodes. Without an address to listen on there is none.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FederationConfig {
    /// Multiaddresses to listen on, for example `["/ip4/0.0.0.0/tcp/4040",
    /// "/ip4/0.0.0.0/udp/4040/quic-v1"]`. Default: none.
    pub(crate) listen: Vec<String>,
    /// The domain by which others name people and channels of this node: `name@domain`. Default: none;
    /// then the beginning of the node's name stands there.
    pub(crate) domain: String,
    /// Multiaddresses at which others reach this node, where they are other ones than `listen`.
    pub(crate) advertise: Vec<String>,
    /// Multiaddresses of nodes to stay connected to, beside those of `rookery peer add`.
    pub(crate) peers: Vec<String>,
    /// `open`: any node may connect. `allow-list`: those in `nodes` alone. `deny-list`: any but those.
    /// Default `open`.
    pub(crate) policy: NodePolicy,
    /// Names of nodes (64 hexadecimal digits), for `policy`.
    pub(crate) nodes: Vec<String>,
    /// PEM file with certificates that are trusted beside the system's where domains of nodes are looked
    /// at. Default: none.
    pub(crate) ca_file: Option<PathBuf>,
    /// Networks that domains of nodes may lead to although they are not public, for example
    /// `["10.0.0.0/8"]`. Default: none.
    pub(crate) allow_ips: Vec<String>,
    /// Whether public groups are gossiped. Without it synchronisation does everything, a little later.
    /// Default true.
    pub(crate) gossip: bool,
    /// Seconds for which a channel of another node is followed after somebody here has looked at it
    /// without joining, or the last one here has left it. Default 604800, a week.
    pub(crate) follow_unused_s: u32,
}

impl Default for FederationConfig {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            domain: String::new(),
            advertise: Vec::new(),
            peers: Vec::new(),
            policy: NodePolicy::Open,
            nodes: Vec::new(),
            ca_file: None,
            allow_ips: Vec::new(),
            gossip: true,
            follow_unused_s: node_core::FOLLOW_S.unsigned_abs(),
        }
    }
}

/// Which nodes may connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NodePolicy {
    /// Any.
    Open,
    /// Those that are named.
    AllowList,
    /// Any but those that are named.
    DenyList,
}
