//! Whose connection it is: what libp2p does not tell the parts of its behaviours that are written here.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use parking_lot::Mutex;

/// The peer that a behaviour is busy with.
#[derive(Debug, Clone, Default)]
pub(super) struct Whose(Arc<Mutex<Option<PeerId>>>);

impl Whose {
    /// Who it is; `None` if it is busy with nobody.
    pub(super) fn peer(&self) -> Option<PeerId> {
        *self.0.lock()
    }

    /// Busy with this peer, or with nobody any more.
    pub(super) fn set(&self, peer: Option<PeerId>) {
        *self.0.lock() = peer;
    }
}

/// A behaviour that says with whom it is busy, while a connection is opened and while it takes what has
/// come over one.
pub(super) struct Telling<B> {
    inner: B,
    whose: Whose,
}

impl<B> Telling<B> {
    pub(super) fn new(inner: B, whose: Whose) -> Self {
        Self { inner, whose }
    }

    fn with<T>(&mut self, peer: PeerId, works: impl FnOnce(&mut B) -> T) -> T {
        self.whose.set(Some(peer));
        let result = works(&mut self.inner);
        self.whose.set(None);
        result
    }
}

impl<B> Deref for Telling<B> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.inner
    }
}

impl<B> DerefMut for Telling<B> {
    fn deref_mut(&mut self) -> &mut B {
        &mut self.inner
    }
}

impl<B: NetworkBehaviour> NetworkBehaviour for Telling<B> {
    type ConnectionHandler = B::ConnectionHandler;
    type ToSwarm = B::ToSwarm;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.inner.handle_pending_inbound_connection(id, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.with(peer, |inner| {
            inner.handle_established_inbound_connection(id, peer, local, remote)
        })
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
        self.with(peer, |inner| {
            inner.handle_established_outbound_connection(id, peer, address, role, port_use)
        })
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
        self.with(peer, |inner| inner.on_connection_handler_event(peer, id, event));
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.inner.poll(context)
    }
}
