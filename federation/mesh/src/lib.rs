//! Nodes among themselves: connections, gossip, synchronisation of logs, questions and answers.
//!
//! The only crate of a node that names libp2p. What it needs of its node is a [`Host`]; what a node does with it
//! is a [`Mesh`]. Gossip and pushes are only the fast path: synchronisation brings whatever they lose,
//! and all of it without them.
//!
//! [`sync`] decides what is told, asked and fetched: pure, with clock and randomness as arguments.
//! [`frames`] is what travels, [`calls`] what nodes ask each other besides. `net` drives libp2p: TCP
//! and QUIC, noise, yamux, gossipsub, request-response, identify, ping.
//!
//! Not here yet: kad, mDNS, relay, dcutr and autonat. Nodes are found by their addresses, and have to
//! be reachable, or dial by themselves.

pub mod calls;
pub mod frames;
mod host;
mod mesh;
mod message;
mod net;
mod setup;
mod status;
pub mod sync;
mod trouble;

pub use calls::{Call, Reply};
pub use frames::FRAME_BYTES_MAX;
pub use host::{Heads, Host, LaneName, Received};
pub use mesh::Mesh;
pub use net::gossip_settings;
pub use setup::{Limits, Pace, Policy, Rate, Setup, StaticPeer};
pub use status::{CallError, FetchError, PeerStatus, StartError};
pub use trouble::Trouble;
