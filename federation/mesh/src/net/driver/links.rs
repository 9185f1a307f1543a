//! Connections: who is at their other end, who is dialed, who is sent away.

use std::sync::Arc;
use std::time::Duration;

use glog::{NodeCert, NodeId};
use libp2p::core::ConnectedPoint;
use libp2p::request_response::ResponseChannel;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError, SwarmEvent};
use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{Dialing, Done, Driver, Link, Purpose, Waiting, show_addresses};
use crate::frames::{Hello, Request, Response};
use crate::net::greet;
use crate::net::outbox::Outbox;
use crate::net::serve::ask;
use crate::net::swarm::BehaviourEvent;
use crate::setup::Rate;
use crate::status::{CallError, FetchError};
use crate::sync::{Bucket, Fault, Scores};
use crate::trouble::{self, Trouble};

/// How long a peer has to go that was told that it is not talked to.
const REFUSED_WITHIN: Duration = Duration::from_secs(1);
/// A peer says who it is once a connection. Each time costs the check of a certificate and a question to
/// the host, and nothing else counts it.
const HELLOS: Rate = Rate { requests: 1, bytes: u32::MAX };
/// Addresses of one peer that are remembered.
const ADDRESSES_MAX: usize = 8;

impl Driver {
    pub(super) fn happened(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.behaved(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.is_connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
                self.is_closed(peer_id);
            }
            SwarmEvent::OutgoingConnectionError { connection_id, peer_id, error } => {
                let Some(dialing) = self.dialing.remove(&connection_id) else { return };
                // One connection too many with a peer that is here: it was found all the same.
                let denied = matches!(error, DialError::Denied { .. });
                match peer_id.filter(|peer| denied && self.links.contains_key(peer)) {
                    Some(peer) => self.is_found(peer, dialing),
                    None => match self.under_another_key(&dialing, &error) {
                        Some(address) => self.dial(DialOpts::from(address), dialing),
                        None => self.dial_failed(dialing, &error),
                    },
                }
            }
            SwarmEvent::NewListenAddr { .. } | SwarmEvent::ExpiredListenAddr { .. } => {
                show_addresses(&self.base, &self.swarm);
            }
            _ => {}
        }
    }

    /// Tries what is due.
    pub(super) fn dial_due(&mut self) {
        let now_ms = self.now_ms();
        for address in self.dialer.due(now_ms) {
            let dialing = Dialing { address: Some(address.clone()), ..Dialing::default() };
            match address.parse::<Multiaddr>() {
                Ok(own) if self.is_own(&own) => {
                    self.dialer.failed(&address, Trouble::Ourselves, now_ms, &mut self.rng);
                }
                Ok(address) => self.dial(DialOpts::from(address), dialing),
                Err(_) => {
                    self.dialer.failed(&address, Trouble::Address, now_ms, &mut self.rng);
                }
            }
        }
    }

    /// Another key answers than the address names, or than the node had. Where it is known which node is
    /// meant, it may have changed its key: whether it is that node shows when it says so.
    fn under_another_key(&self, dialing: &Dialing, error: &DialError) -> Option<Multiaddr> {
        let DialError::WrongPeerId { address, .. } = error else { return None };
        let wanted = dialing.address.as_ref();
        let target = wanted.and_then(|wanted| self.dialer.node_at(wanted));
        dialing.node.or(target)?;
        let parts = address.iter().filter(|part| !matches!(part, Protocol::P2p(_)));
        Some(parts.collect())
    }

    fn dial(&mut self, options: DialOpts, dialing: Dialing) {
        let id = options.connection_id();
        let peer = options.get_peer_id();
        match self.swarm.dial(options) {
            Ok(()) => drop(self.dialing.insert(id, dialing)),
            Err(DialError::DialPeerConditionFalse(_)) => {
                // It is here, or on its way: whoever waits for it waits with that.
                match peer.filter(|peer| self.links.contains_key(peer)) {
                    Some(peer) => self.is_found(peer, dialing),
                    None => self.dial_failed(dialing, &DialError::Aborted),
                }
            }
            Err(error) => self.dial_failed(dialing, &error),
        }
    }

    /// An address leads to a peer that is here, or on its way.
    fn is_found(&mut self, peer: PeerId, dialing: Dialing) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.dialed.extend(dialing.address);
            link.waiters.extend(dialing.waiters);
        }
        self.is_ready(peer);
    }

    /// Somebody wants to know who is at an address.
    pub(super) fn dial_for(
        &mut self,
        address: &str,
        answer: oneshot::Sender<Result<NodeCert, Trouble>>,
    ) {
        let Ok(address) = address.parse::<Multiaddr>() else {
            let _ = answer.send(Err(Trouble::Address));
            return;
        };
        if self.is_own(&address) {
            let _ = answer.send(Err(Trouble::Ourselves));
            return;
        }
        let dialing = Dialing { waiters: vec![answer], ..Dialing::default() };
        self.dial(DialOpts::from(address), dialing);
    }

    /// Whether an address leads to this node, as far as it shows.
    fn is_own(&self, address: &Multiaddr) -> bool {
        let own = Protocol::P2p(*self.swarm.local_peer_id());
        address.iter().any(|part| part == own)
            || self.swarm.listeners().any(|listening| listening == address)
    }

    /// Connects to a node for which something waits.
    pub(super) fn dial_node(&mut self, node: NodeId) {
        let certs = self.certs.get(&node);
        let told = certs.into_iter().flat_map(|cert| cert.body.addresses.iter());
        let known = self.dialer.addresses_of(node).map(String::as_str);
        let addresses = known.chain(told.map(|text| &**text));
        let addresses: Vec<Multiaddr> = addresses.filter_map(|text| text.parse().ok()).collect();
        let peer = self.serials.peer(&node);
        let dialing = Dialing { node: Some(node), ..Dialing::default() };
        match (peer, addresses.first().cloned()) {
            _ if !self.admits(&node) => self.refuse_waiting(node),
            (Some(peer), Some(_)) => {
                let options = DialOpts::peer_id(peer)
                    .addresses(addresses)
                    .condition(PeerCondition::DisconnectedAndNotDialing)
                    .build();
                self.dial(options, dialing);
            }
            (None, Some(address)) => self.dial(DialOpts::from(address), dialing),
            (_, None) => self.dial_failed(dialing, &DialError::NoAddresses),
        }
    }

    fn dial_failed(&mut self, dialing: Dialing, error: &DialError) {
        tracing::debug!(%error, "a node was not reached");
        let now_ms = self.now_ms();
        let trouble = trouble::of_dial(error);
        if let Some(address) = dialing.address {
            self.dialer.failed(&address, trouble, now_ms, &mut self.rng);
        }
        let reason = match error {
            DialError::Denied { .. } => CallError::Refused,
            _ => CallError::Unreachable,
        };
        for waiter in dialing.waiters {
            let _ = waiter.send(Err(trouble));
        }
        if let Some(node) = dialing.node.filter(|node| !self.nodes.contains_key(node)) {
            self.fail_waiting(node, reason);
        }
    }

    fn refuse_waiting(&mut self, node: NodeId) {
        self.fail_waiting(node, CallError::Refused);
    }

    fn fail_waiting(&mut self, node: NodeId, reason: CallError) {
        for waiting in self.waiting.remove(&node).unwrap_or_default() {
            match waiting {
                Waiting::Call(_, answer) => drop(answer.send(Err(reason))),
                Waiting::Fetch(_, answer) => drop(answer.send(Err(FetchError::Unreachable))),
            }
        }
    }

    fn is_connected(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        let dialing = self.dialing.remove(&id).unwrap_or_default();
        let is_new = !self.links.contains_key(&peer);
        let (now_ms, since_ms) = (self.now_ms(), self.base.host.now_ms());
        let (serve, within) = (self.limits.serve, self.limits.hello_within);
        let link = self.links.entry(peer).or_insert_with(|| Link {
            cert: None,
            node: None,
            heard: false,
            leaving: false,
            hello_by: Instant::now() + within,
            since_ms,
            addresses: Vec::new(),
            dialed: Vec::new(),
            waiters: Vec::new(),
            trouble: None,
            clock_ahead_ms: None,
            serve: Bucket::new(serve, now_ms),
            hellos: Bucket::new(HELLOS, now_ms),
            outbox: Outbox::default(),
        });
        let address = endpoint.get_remote_address().clone();
        if link.addresses.len() < ADDRESSES_MAX && !link.addresses.contains(&address) {
            link.addresses.push(address);
        }
        link.dialed.extend(dialing.address);
        link.waiters.extend(dialing.waiters);
        if is_new {
            let hello = Request::Hello(self.hello());
            self.request(peer, &hello, Purpose::Hello);
        } else {
            self.is_ready(peer);
        }
    }

    fn is_closed(&mut self, peer: PeerId) {
        let Some(link) = self.links.remove(&peer) else { return };
        self.greeted.set(peer, false);
        self.topics.forget(&peer);
        let now_ms = self.now_ms();
        let was_ready = link.ready().is_some();
        let otherwise = if link.leaving { Trouble::Refused } else { Trouble::HungUp };
        let trouble = link.trouble.unwrap_or(otherwise);
        for waiter in link.waiters {
            let _ = waiter.send(Err(trouble));
        }
        if let (Some(node), true) = (link.node, self.is_link_of(link.node, peer)) {
            self.is_gone(node);
        }
        for address in &link.dialed {
            if !was_ready {
                self.dialer.failed(address, trouble, now_ms, &mut self.rng);
            }
        }
    }

    /// Remembers why a peer is not talked to.
    pub(super) fn is_trouble(&mut self, peer: PeerId, trouble: Trouble) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.is_trouble(trouble);
        }
    }

    fn is_link_of(&self, node: Option<NodeId>, peer: PeerId) -> bool {
        node.is_some_and(|node| self.nodes.get(&node) == Some(&peer))
    }

    /// A node that was here is not any more.
    fn is_gone(&mut self, node: NodeId) {
        let (now_ms, wall_ms) = (self.now_ms(), self.base.host.now_ms());
        self.nodes.remove(&node);
        let report = self.sync.report(&node);
        self.sync.gone(node, now_ms);
        let stats = self.stats(node);
        stats.by_fetch = stats.by_fetch.saturating_add(report.entries);
        stats.failures = stats.failures.saturating_add(report.failures);
        stats.since_ms = wall_ms;
        self.dialer.lost(node, now_ms, &mut self.rng);
        if let Some(cert) = self.base.present.lock().remove(&node) {
            self.notices.push_back((node, cert, false));
        }
        self.notice();
        self.show();
    }

    /// Who has not shown who it is in time is sent away.
    pub(super) fn send_late_away(&mut self) {
        let now = Instant::now();
        let late = |link: &Link| link.ready().is_none() && link.hello_by <= now;
        let late: Vec<PeerId> =
            self.links.iter().filter(|(_, link)| late(link)).map(|(peer, _)| *peer).collect();
        for peer in late {
            self.is_trouble(peer, Trouble::Silent);
            self.send_away(peer);
        }
    }

    /// Ends all connections with a peer.
    pub(super) fn send_away(&mut self, peer: PeerId) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.leaving = true;
        }
        let _ = self.swarm.disconnect_peer_id(peer); // it may be gone already
    }

    /// A peer says who it is, asked or by itself.
    pub(super) fn greeted(
        &mut self,
        peer: PeerId,
        hello: Box<Hello>,
        channel: Option<ResponseChannel<Vec<u8>>>,
    ) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        if link.leaving {
            return self.not_greeted(peer, channel, Trouble::Refused);
        }
        let wall_ms = self.base.host.now_ms();
        link.clock_ahead_ms =
            Some(hello.now_ms.cast_signed().saturating_sub(wall_ms.cast_signed()));
        if channel.is_none() {
            link.heard = true;
        }
        if link.cert.as_ref() == Some(&hello.cert) {
            if let Some(channel) = channel {
                let hello = Response::Hello(self.hello());
                self.respond(peer, channel, &hello);
            }
            return self.is_ready(peer);
        }
        let now_ms = self.now_ms();
        let node = match greet::check(&hello, peer, self.me) {
            Ok(node) => node,
            Err(reason) => {
                tracing::info!(%peer, ?reason, "a peer does not show who it is");
                return self.not_greeted(peer, channel, reason.into());
            }
        };
        if !self.admits(&node) || self.scores.is_banned(&node, now_ms) {
            tracing::debug!(%node, "a node is not let in");
            return self.not_greeted(peer, channel, self.not_admitted(&node));
        }
        let host = Arc::clone(&self.base.host);
        self.spawn(async move {
            let serial = ask(host.serial_of(node)).await.unwrap_or(0);
            let share = ask(host.share_of(node)).await.unwrap_or(100);
            Done::Serial(peer, hello, channel, (serial, share))
        });
    }

    /// Tells a peer that it is not talked to, and then does not.
    fn not_greeted(
        &mut self,
        peer: PeerId,
        channel: Option<ResponseChannel<Vec<u8>>>,
        trouble: Trouble,
    ) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        link.leaving = true;
        link.is_trouble(trouble);
        for waiter in std::mem::take(&mut link.waiters) {
            let _ = waiter.send(Err(link.trouble.unwrap_or(trouble)));
        }
        // Its own Hello may have to come yet. Who hears the answer goes by itself: a connection that is
        // closed at once may take the answer with it.
        if let Some(channel) = channel {
            link.hello_by = link.hello_by.min(Instant::now() + REFUSED_WITHIN);
            self.respond(peer, channel, &Response::Refused);
        }
    }

    /// What the host knows of a peer's serial is here as well.
    pub(super) fn serial_is(
        &mut self,
        peer: PeerId,
        hello: Box<Hello>,
        channel: Option<ResponseChannel<Vec<u8>>>,
        (serial, share): (u32, u8),
    ) {
        let Some(link) = self.links.get(&peer) else { return };
        let (node, known) = (hello.cert.node(), link.node);
        let now_ms = self.now_ms();
        if link.leaving {
            // It has refused meanwhile, or was sent away: nothing of that is this node's policy.
            return self.not_greeted(peer, channel, Trouble::Refused);
        }
        if !self.admits(&node) {
            return self.not_greeted(peer, channel, self.not_admitted(&node));
        }
        // A connection speaks for one node, or each root that signs its key would be one more here.
        if known.is_some_and(|known| known != node) {
            tracing::info!(%peer, %node, "a peer says that it is another node than before");
            return self.not_greeted(peer, channel, Trouble::Certificate);
        }
        let is_here = |node: &NodeId| self.nodes.contains_key(node);
        if let Err(reason) = self.serials.admit(&hello.cert, peer, serial, is_here) {
            tracing::info!(%node, ?reason, "a node shows an old certificate");
            return self.not_greeted(peer, channel, Trouble::OldCertificate);
        }
        // The node has a newer key: who still comes with the old one is not it any more.
        if let Some(older) = self.nodes.get(&node).copied().filter(|older| *older != peer) {
            self.end_link(node, older);
        }
        if let Some(link) = self.links.get_mut(&peer) {
            link.node = Some(node);
            link.cert = Some(hello.cert.clone());
            // Whom the operator has this node call is who the operator wants. Once for a connection: another
            // certificate gives nothing more.
            if known.is_none() && link.dialed.is_empty() {
                link.serve = Bucket::new(self.limits.serve.share(share), now_ms);
            }
            self.greeted.set(peer, true);
        }
        let is_here = |node: &NodeId| self.nodes.contains_key(node);
        greet::make_room(&mut self.certs, node, super::STATS_MAX, is_here);
        self.certs.insert(node, hello.cert.clone());
        if let Some(channel) = channel {
            let hello = Response::Hello(self.hello());
            self.respond(peer, channel, &hello);
        }
        self.is_ready(peer);
    }

    /// How much is each of those who came by themselves served by now?
    pub(super) fn ask_shares(&mut self) {
        // A host that is slow to say is not asked again meanwhile.
        if std::mem::replace(&mut self.asking_shares, true) {
            return;
        }
        let came = self.links.iter().filter(|(_, link)| link.dialed.is_empty());
        let came = came.filter_map(|(peer, link)| Some((*peer, link.ready()?)));
        let came: Vec<(PeerId, NodeId)> = came.collect();
        let host = Arc::clone(&self.base.host);
        self.spawn(async move {
            let mut shares = Vec::with_capacity(came.len());
            for (peer, node) in came {
                if let Some(share) = ask(host.share_of(node)).await {
                    shares.push((peer, share));
                }
            }
            Done::Shares(shares)
        });
    }

    pub(super) fn shares_are(&mut self, shares: Vec<(PeerId, u8)>) {
        self.asking_shares = false;
        let now_ms = self.now_ms();
        for (peer, share) in shares {
            let rate = self.limits.serve.share(share);
            if let Some(link) = self.links.get_mut(&peer).filter(|link| link.dialed.is_empty()) {
                link.serve.fill_at(rate, now_ms);
            }
        }
    }

    /// A connection does not speak for a node any more.
    fn end_link(&mut self, node: NodeId, older: PeerId) {
        self.is_gone(node);
        if let Some(link) = self.links.get_mut(&older) {
            link.node = None;
            link.is_trouble(Trouble::OldCertificate);
        }
        self.greeted.set(older, false);
        self.send_away(older);
    }

    /// A node has a newer certificate than what its connection has shown: whoever is there is not it.
    pub(super) fn end_older(&mut self, node: NodeId, serial: u32) {
        let Some(peer) = self.nodes.get(&node).copied() else { return };
        let shown = self.links.get(&peer).and_then(|link| link.cert.as_ref());
        if shown.is_some_and(|cert| cert.body.serial < serial) {
            tracing::info!(%node, "a connection is under an old certificate");
            self.end_link(node, peer);
        }
    }

    /// Why a node is not let in.
    fn not_admitted(&self, node: &NodeId) -> Trouble {
        if self.blocked.contains(node) { Trouble::Blocked } else { Trouble::NotAdmitted }
    }

    /// If both know each other: whatever has waited for that.
    fn is_ready(&mut self, peer: PeerId) {
        let now_ms = self.now_ms();
        let Some(link) = self.links.get_mut(&peer) else { return };
        let (Some(node), Some(cert)) = (link.ready(), link.cert.clone()) else { return };
        let dialed = std::mem::take(&mut link.dialed);
        for waiter in std::mem::take(&mut link.waiters) {
            let _ = waiter.send(Ok(cert.clone()));
        }
        for address in dialed {
            if !self.dialer.connected(&address, node) {
                tracing::warn!(address, %node, "another node than expected");
                let trouble = Trouble::AnotherNode(Some(node));
                self.dialer.failed(&address, trouble, now_ms, &mut self.rng);
                self.is_trouble(peer, trouble);
                return self.send_away(peer);
            }
        }
        self.dialer.is_here(node);
        if self.nodes.insert(node, peer) != Some(peer) {
            self.base.present.lock().insert(node, cert.clone());
            self.notices.push_back((node, cert, true));
            self.notice();
            self.sync.connected(node, now_ms, &mut self.rng);
            self.score_gossip(node);
            self.show();
        }
        for waiting in self.waiting.remove(&node).unwrap_or_default() {
            match waiting {
                Waiting::Call(call, answer) => {
                    self.request(peer, &Request::Call(call), Purpose::Call(answer));
                }
                Waiting::Fetch(group, answer) => self.fetch(group, node, answer),
            }
        }
    }

    /// A peer did something wrong.
    pub(super) fn fault(&mut self, peer: PeerId, fault: Fault) {
        let now_ms = self.now_ms();
        let node = self.links.get(&peer).and_then(|link| link.node);
        tracing::info!(%peer, ?fault, "a peer is at fault");
        let away = node.is_none_or(|node| self.scores.fault(node, fault, now_ms));
        if let Some(node) = node {
            self.score_gossip(node);
        }
        if away || fault == Fault::Malformed {
            self.send_away(peer);
        }
    }

    /// Lets gossip know what is thought of a node.
    fn score_gossip(&mut self, node: NodeId) {
        let score = score(&self.scores, &node, self.now_ms());
        let Some(peer) = self.nodes.get(&node) else { return };
        if let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() {
            gossip.set_application_score(peer, score);
        }
    }
}

fn score(scores: &Scores, node: &NodeId, now_ms: u64) -> f64 {
    -scores.score(node, now_ms)
}
