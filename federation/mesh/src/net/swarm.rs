//! What libp2p is told: transports, limits, protocols.

use std::iter;

use keys::NodeIdentity;
use libp2p::connection_limits::ConnectionLimits;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::NetworkBehaviour;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{
    PeerId, StreamProtocol, Swarm, SwarmBuilder, allow_block_list, connection_limits, identify,
    identity, memory_connection_limits, noise, ping, tcp, yamux,
};

use super::codec::{Frames, Greeted};
use super::gossip::{self, Gossip, Known};
use super::whose::{Telling, Whose};
use crate::frames::PROTOCOL;
use crate::setup::Setup;
use crate::status::StartError;

/// A connection over which nothing goes is closed after so long: longer than digests take to come
/// again.
const IDLE_DIGESTS: u32 = 4;
/// What identify says of the protocols: the same for all versions of this node.
const IDENTIFY: &str = "/rookery/1";

/// What the swarm is made of. Limits come first: what they refuse reaches nothing else.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) limits: connection_limits::Behaviour,
    pub(super) memory: memory_connection_limits::Behaviour,
    pub(super) blocked: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    pub(super) requests: Telling<request_response::Behaviour<Frames>>,
    pub(super) gossip: Toggle<Telling<Gossip>>,
    pub(super) identify: identify::Behaviour,
    pub(super) ping: ping::Behaviour,
}

/// The key under which libp2p knows the node.
pub(super) fn keypair(operational: &NodeIdentity) -> Result<identity::Keypair, StartError> {
    let mut seed = operational.seed(); // the copy is wiped by what takes it
    identity::Keypair::ed25519_from_bytes(seed.as_mut_slice())
        .map_err(|error| StartError::Network(error.to_string()))
}

/// What libp2p calls who has this operational key.
pub(super) fn peer_of(op: &[u8; 32]) -> Option<PeerId> {
    let key = identity::ed25519::PublicKey::try_from_bytes(op).ok()?;
    Some(identity::PublicKey::from(key).to_peer_id())
}

/// A swarm that does not listen yet.
pub(super) fn build(
    setup: &Setup,
    operational: &NodeIdentity,
    known: Known,
    greeted: Greeted,
) -> Result<Swarm<Behaviour>, StartError> {
    let failed = |error: &dyn std::fmt::Display| StartError::Network(error.to_string());
    let keypair = keypair(operational)?;
    let limits = &setup.limits;
    let gossip = setup.gossip.then(|| gossip::behaviour(known.clone(), setup.peers.len()));
    let gossip = gossip.transpose()?.map(|gossip| Telling::new(gossip, known.whose()));
    let whose = Whose::default();
    let requests = request_response::Behaviour::with_codec(
        Frames::new(greeted, whose.clone()),
        iter::once((StreamProtocol::new(PROTOCOL), ProtocolSupport::Full)),
        request_response::Config::default()
            .with_request_timeout(limits.request_within)
            .with_max_concurrent_streams(limits.streams),
    );
    let requests = Telling::new(requests, whose);
    let connections = ConnectionLimits::default()
        .with_max_established(Some(limits.connections))
        .with_max_established_per_peer(Some(limits.connections_per_peer))
        .with_max_pending_incoming(Some(limits.pending))
        .with_max_pending_outgoing(Some(limits.pending));
    // Nodes are dialled where the operator says, and where a certificate does: what a connection says
    // of itself is signed by nobody.
    let identify = identify::Config::new(IDENTIFY.to_owned(), keypair.public())
        .with_agent_version("rookery".to_owned())
        .with_cache_size(0);
    let behaviour = Behaviour {
        limits: connection_limits::Behaviour::new(connections),
        memory: memory_connection_limits::Behaviour::with_max_bytes(limits.memory_bytes),
        blocked: allow_block_list::Behaviour::default(),
        requests,
        gossip: Toggle::from(gossip),
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::default(),
    };
    let idle = limits.digests_every * IDLE_DIGESTS;
    let swarm = SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .map_err(|error| failed(&error))?
        .with_quic()
        .with_dns()
        .map_err(|error| failed(&error))?
        .with_behaviour(|_| behaviour)
        .map_err(|error| failed(&error))?
        .with_swarm_config(|config| config.with_idle_connection_timeout(idle))
        .build();
    Ok(swarm)
}
