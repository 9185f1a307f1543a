//! libp2p's requests and responses, whose frames are short until a peer has shown who it is.

use std::iter;
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::request_response::{
    Behaviour, Config, OutboundRequestId, ProtocolSupport, ResponseChannel,
};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, StreamProtocol};

use super::codec::{Frames, Greeted};
use crate::frames::PROTOCOL;

type Inner = Behaviour<Frames>;

/// Requests and responses. What reads the frames of a connection learns here whose they are.
pub(super) struct Requests {
    inner: Inner,
    greeted: Greeted,
}

impl Requests {
    pub(super) fn new(config: Config, greeted: Greeted) -> Self {
        let protocols = iter::once((StreamProtocol::new(PROTOCOL), ProtocolSupport::Full));
        let inner = Inner::with_codec(Frames::new(greeted.clone()), protocols, config);
        Self { inner, greeted }
    }

    /// As of libp2p.
    pub(super) fn send_request(&mut self, peer: &PeerId, frame: Vec<u8>) -> OutboundRequestId {
        self.inner.send_request(peer, frame)
    }

    /// As of libp2p.
    pub(super) fn send_response(
        &mut self,
        channel: ResponseChannel<Vec<u8>>,
        frame: Vec<u8>,
    ) -> Result<(), Vec<u8>> {
        self.inner.send_response(channel, frame)
    }
}

impl NetworkBehaviour for Requests {
    type ConnectionHandler = <Inner as NetworkBehaviour>::ConnectionHandler;
    type ToSwarm = <Inner as NetworkBehaviour>::ToSwarm;

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.greeted.opens(peer);
        self.inner.handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.inner.handle_pending_outbound_connection(id, peer, addresses, role)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port_use: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.greeted.opens(peer);
        self.inner.handle_established_outbound_connection(id, peer, address, role, port_use)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        self.inner.on_connection_handler_event(peer, id, event);
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.inner.poll(context)
    }
}
