//! What goes over connections: requests and their answers, gossip, pushes, and what the handle wants.

use std::collections::BTreeMap;
use std::sync::Arc;

use glog::{GroupId, Node16, NodeId};
use libp2p::PeerId;
use libp2p::gossipsub::{self, MessageAcceptance};
use libp2p::request_response::{self, Message, OutboundFailure, ResponseChannel};
use rand::seq::SliceRandom;
use tokio::sync::oneshot;

use super::{Done, Driver, Purpose, WAITING_MAX, Waiting};
use crate::frames::{HELLO_BYTES_MAX, Request, Response};
use crate::mesh::Command;
use crate::net::gossip::Published;
use crate::net::ingest::{Incoming, Ingested, Via};
use crate::net::serve;
use crate::net::swarm::BehaviourEvent;
use crate::status::{CallError, FetchError};
use crate::sync::{Effect, Fault, author};
use crate::trouble::Trouble;

/// Members up to which an own entry is pushed to all.
const PUSH_ALL_MAX: usize = 16;
/// Of more, so many push it once further.
const PUSH_SOME: usize = 8;
/// A peer that has not shown who it is yet is to ask again after so long.
const TOO_EARLY_MS: u32 = 50;
/// A peer is to ask again after at least so long.
const BUSY_MS: u32 = 100;
/// Entries that are looked at of a push for a group that is unknown here: enough to begin one. Such
/// pushes come from anybody who has a connection, and are as long as frames are.
const BEGINNING_MAX: usize = 4;
/// Longest push for such a group that is taken apart at all: a chain of some hundred entries fits.
const UNKNOWN_BYTES_MAX: usize = 256 << 10;
/// So much more than its bytes what nobody here wants takes from its sender's share.
const UNWANTED_COSTS: usize = 7;
/// A push brings more than so many entries of one node at once, or the node is in no hurry.
const CALM_PUSH_MAX: usize = 16;

impl Driver {
    pub(super) fn behaved(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Requests(event) => self.request_happened(event),
            BehaviourEvent::Gossip(gossipsub::Event::Message {
                propagation_source,
                message_id,
                message,
            }) => self.gossip_came(propagation_source, message_id, message),
            // A slow peer gets what it missed by synchronisation.
            _ => {}
        }
    }

    fn request_happened(&mut self, event: request_response::Event<Vec<u8>, Vec<u8>>) {
        use request_response::Event;
        match event {
            Event::Message { peer, message: Message::Request { request, channel, .. }, .. } => {
                self.count(peer, request.len(), 0);
                if let Some(wait_ms) = self.has_had_enough_of(peer, &request) {
                    return self.respond(peer, channel, &Response::Busy { retry_ms: wait_ms });
                }
                match Request::decode(&request) {
                    Ok(request) => self.asked(peer, request, channel),
                    Err(_) => self.fault(peer, Fault::Malformed),
                }
            }
            Event::Message {
                peer, message: Message::Response { request_id, response }, ..
            } => {
                self.count(peer, response.len(), 0);
                let Some(purpose) = self.requests.remove(&request_id) else { return };
                match Response::decode(&response) {
                    Ok(read) => self.answered(peer, purpose, read, response.len()),
                    Err(_) => {
                        if matches!(purpose, Purpose::Hello) {
                            self.is_trouble(peer, Trouble::Version);
                        }
                        self.request_failed(peer, purpose, CallError::Refused);
                        self.fault(peer, Fault::Malformed);
                    }
                }
            }
            Event::OutboundFailure { peer, request_id, error, .. } => {
                tracing::debug!(%peer, %error, "a request was not answered");
                let Some(purpose) = self.requests.remove(&request_id) else { return };
                if matches!(error, OutboundFailure::UnsupportedProtocols) {
                    self.is_trouble(peer, Trouble::Version);
                }
                let reason = match &error {
                    OutboundFailure::Timeout => CallError::TimedOut,
                    OutboundFailure::UnsupportedProtocols => CallError::Refused,
                    _ => CallError::Unreachable,
                };
                self.request_failed(peer, purpose, reason);
            }
            Event::InboundFailure { peer, error, .. } => {
                tracing::debug!(%peer, %error, "a request of a peer failed");
            }
            Event::ResponseSent { .. } => {}
        }
    }

    /// Counts what a peer asks with, before it is taken apart; after how long it is to ask again, if that
    /// was too much. What is short may be its Hello, and costs little.
    fn has_had_enough_of(&mut self, peer: PeerId, frame: &[u8]) -> Option<u32> {
        let (now_ms, bytes) = (self.now_ms(), frame.len());
        if bytes <= HELLO_BYTES_MAX {
            return None;
        }
        let is_wanted = bytes <= UNKNOWN_BYTES_MAX
            || Request::pushes_to(frame).is_none_or(|group| self.sync.is_known(&group));
        let link = self.links.get_mut(&peer)?;
        if link.serve.is_spent(now_ms) {
            let wait_ms = u32::try_from(link.serve.wait_ms()).unwrap_or(u32::MAX);
            return Some(wait_ms.max(BUSY_MS));
        }
        if is_wanted {
            link.serve.spend(bytes);
            return None;
        }
        link.serve.spend(bytes * UNWANTED_COSTS);
        Some(BUSY_MS)
    }

    fn count(&mut self, peer: PeerId, bytes_in: usize, bytes_out: usize) {
        if let Some(node) = self.links.get(&peer).and_then(|link| link.node) {
            let stats = self.stats(node);
            stats.bytes_in = stats.bytes_in.saturating_add(bytes_in as u64);
            stats.bytes_out = stats.bytes_out.saturating_add(bytes_out as u64);
        }
    }

    pub(super) fn request(&mut self, peer: PeerId, request: &Request, purpose: Purpose) {
        let frame = request.encode();
        self.count(peer, 0, frame.len());
        let id = self.swarm.behaviour_mut().requests.send_request(&peer, frame);
        self.requests.insert(id, purpose);
    }

    pub(super) fn respond(
        &mut self,
        peer: PeerId,
        channel: ResponseChannel<Vec<u8>>,
        response: &Response,
    ) {
        self.respond_frame(peer, channel, response.encode());
    }

    fn respond_frame(&mut self, peer: PeerId, channel: ResponseChannel<Vec<u8>>, frame: Vec<u8>) {
        self.count(peer, 0, frame.len());
        if let Some(link) = self.links.get_mut(&peer) {
            link.serve.spend(frame.len());
        }
        // It fails if the peer is gone.
        let _ = self.swarm.behaviour_mut().requests.send_response(channel, frame);
    }

    /// A peer asks.
    fn asked(&mut self, peer: PeerId, request: Request, channel: ResponseChannel<Vec<u8>>) {
        let now_ms = self.now_ms();
        let Some(link) = self.links.get_mut(&peer) else { return };
        if let Request::Hello(hello) = request {
            return match link.hellos.take(now_ms) {
                Some(()) => self.greeted(peer, hello, Some(channel)),
                None => self.respond(peer, channel, &Response::Busy { retry_ms: BUSY_MS }),
            };
        }
        if link.leaving {
            return;
        }
        // Who it is was proved by its Hello. The core compares nothing before it has answered ours, too.
        let is_early = matches!(request, Request::Digests(_)) && link.ready().is_none();
        let Some(from) = link.node.filter(|_| !is_early) else {
            let too_early = Response::Busy { retry_ms: TOO_EARLY_MS };
            return self.respond(peer, channel, &too_early);
        };
        if link.serve.take(now_ms).is_none() {
            let wait_ms = u32::try_from(link.serve.wait_ms()).unwrap_or(u32::MAX);
            let busy = Response::Busy { retry_ms: wait_ms.max(BUSY_MS) };
            return self.respond(peer, channel, &busy);
        }
        match request {
            Request::Digests(told) => {
                self.sync.told(from, told.into_vec(), now_ms);
                self.respond(peer, channel, &Response::Done);
            }
            Request::Push { group, further, entries } => {
                let mut entries: Vec<_> =
                    entries.into_vec().into_iter().map(|e| e.into_vec()).collect();
                let mut has_room = true;
                if !self.sync.is_known(&group) {
                    has_room = entries.len() <= BEGINNING_MAX;
                    entries.truncate(BEGINNING_MAX);
                }
                for (author, entries) in by_author(entries) {
                    let via = Via::Push { further };
                    let is_hasty = entries.len() > CALM_PUSH_MAX;
                    has_room &= self.came(Incoming { from, group, author, is_hasty, entries, via });
                }
                // Who is told that there was no room tells again what it has.
                let busy = Response::Busy { retry_ms: BUSY_MS };
                self.respond(peer, channel, if has_room { &Response::Done } else { &busy });
            }
            request => {
                let Ok(permit) = Arc::clone(&self.serving).try_acquire_owned() else {
                    return self.respond(peer, channel, &Response::Busy { retry_ms: BUSY_MS });
                };
                let host = Arc::clone(&self.base.host);
                self.spawn(async move {
                    let response = serve::serve(host, from, request).await.encode();
                    drop(permit);
                    Done::Served(peer, channel, response)
                });
            }
        }
    }

    /// A peer has answered.
    fn answered(&mut self, peer: PeerId, purpose: Purpose, response: Response, bytes: usize) {
        let now_ms = self.now_ms();
        match (purpose, response) {
            (Purpose::Hello, Response::Hello(hello)) => self.greeted(peer, hello, None),
            (Purpose::Hello, _) => {
                self.is_trouble(peer, Trouble::Refused);
                self.send_away(peer);
            }
            (Purpose::Sync(ticket), response) => {
                self.sync.response(ticket, response, bytes, now_ms);
            }
            (Purpose::Call(answer), Response::Reply(reply)) => drop(answer.send(Ok(*reply))),
            (Purpose::Call(answer), Response::Busy { .. }) => {
                let _ = answer.send(Err(CallError::Busy));
            }
            (Purpose::Call(answer), Response::Refused) => {
                let _ = answer.send(Err(CallError::Refused));
            }
            (Purpose::Call(answer), _) => {
                let _ = answer.send(Err(CallError::Refused));
                self.fault(peer, Fault::Malformed);
            }
            (Purpose::Push(groups), response) => {
                let is_done = response == Response::Done;
                self.pushed(peer, groups, is_done);
                if !matches!(response, Response::Done | Response::Busy { .. }) {
                    self.fault(peer, Fault::Malformed);
                }
            }
        }
    }

    fn request_failed(&mut self, peer: PeerId, purpose: Purpose, reason: CallError) {
        let now_ms = self.now_ms();
        match purpose {
            Purpose::Hello if reason == CallError::Refused => self.send_away(peer),
            // Not its word: it is not reached, or too late.
            Purpose::Hello => drop(self.swarm.disconnect_peer_id(peer)),
            Purpose::Sync(ticket) => self.sync.failed(ticket, now_ms),
            Purpose::Call(answer) => drop(answer.send(Err(reason))),
            Purpose::Push(groups) => self.pushed(peer, groups, false),
        }
    }

    fn pushed(&mut self, peer: PeerId, groups: Vec<GroupId>, heard: bool) {
        let now_ms = self.now_ms();
        for group in groups.into_iter().filter(|_| !heard) {
            self.sync.changed(group, false, now_ms);
        }
        if let Some(link) = self.links.get_mut(&peer) {
            link.outbox.done();
        }
        self.send_pushes(peer);
    }

    fn send_pushes(&mut self, peer: PeerId) {
        while let Some(request) = self.links.get_mut(&peer).and_then(|link| link.outbox.next()) {
            let Request::Push { group, .. } = request else { return };
            self.request(peer, &request, Purpose::Push(vec![group]));
        }
    }

    /// Pushes entries to nodes, as far as they are here; whether all of them were.
    fn push(&mut self, group: GroupId, to: &[NodeId], further: bool, entries: &[Vec<u8>]) -> bool {
        let mut all = true;
        for node in to {
            let peer = self.nodes.get(node).copied();
            let link = peer.and_then(|peer| self.links.get_mut(&peer));
            let (Some(peer), Some(link)) = (peer, link) else {
                all = false;
                continue;
            };
            all &= entries.iter().all(|entry| link.outbox.add(group, further, entry));
            self.send_pushes(peer);
        }
        all
    }

    fn gossip_came(
        &mut self,
        source: PeerId,
        id: gossipsub::MessageId,
        message: gossipsub::Message,
    ) {
        let from = self.links.get(&source).and_then(|link| link.node);
        let group = self.topics.group(&message.topic);
        self.count(source, message.data.len(), 0);
        let (Some(from), Some(group)) = (from, group) else {
            return self.judge(&id, source, MessageAcceptance::Ignore);
        };
        let via = Via::Gossip(id.clone(), source);
        let author = author(&message.data);
        let entries = vec![message.data];
        if !self.came(Incoming { from, group, author, is_hasty: false, entries, via }) {
            self.judge(&id, source, MessageAcceptance::Ignore);
        }
    }

    /// Entries have come unasked. Whether all of them wait to be taken: some may be too many for their
    /// author's pace, or for the room that there is. Synchronisation brings those.
    fn came(&mut self, mut incoming: Incoming) -> bool {
        let now_ms = self.now_ms();
        let Incoming { from, group, author, .. } = incoming;
        let count = incoming.entries.len();
        let Some(author) = author else { return self.inbox.add(incoming) };
        let taken = self.sync.admits(group, author, from, &incoming.entries, now_ms);
        incoming.entries.truncate(taken);
        if taken == 0 {
            return false;
        }
        incoming.is_hasty |= self.sync.is_hasty(&author, from, now_ms);
        let has_room = self.inbox.add(incoming);
        if !has_room {
            self.sync.took(author, from, taken, 0, now_ms);
        }
        has_room && taken == count
    }

    fn judge(&mut self, id: &gossipsub::MessageId, from: PeerId, verdict: MessageAcceptance) {
        if let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() {
            // It may have left gossip's memory by now.
            let _ = gossip.report_message_validation_result(id, &from, verdict);
        }
    }

    pub(super) fn done(&mut self, done: Done) {
        let now_ms = self.now_ms();
        match done {
            Done::Answer(ticket, answer) => self.sync.answered(ticket, answer, now_ms),
            Done::Served(peer, channel, response) => self.respond_frame(peer, channel, response),
            Done::Ingested(ingested) => self.ingested(ingested),
            Done::Serial(peer, hello, channel, serial) => {
                self.serial_is(peer, hello, channel, serial);
            }
            Done::Topics(groups) => {
                self.asking_topics = false;
                if let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() {
                    self.topics.set(groups, gossip);
                }
                if std::mem::take(&mut self.ask_topics_again) {
                    self.ask_topics();
                }
            }
            Done::Shares(shares) => self.shares_are(shares),
            Done::Noticed => {
                self.noticing = false;
                self.notice();
            }
        }
    }

    fn ingested(&mut self, ingested: Ingested) {
        let now_ms = self.now_ms();
        let Ingested { from, group, author, count, received, verdicts, further, gossiped } =
            ingested;
        if let Some(author) = author {
            let fresh = usize::try_from(received.fresh).unwrap_or(usize::MAX);
            self.sync.took(author, from, count, fresh, now_ms);
        }
        for (id, source, verdict) in verdicts {
            self.judge(&id, source, verdict);
        }
        let stats = self.stats(from);
        stats.by_gossip = stats.by_gossip.saturating_add(u64::from(received.fresh));
        if received.rejected > 0
            && let Some(peer) = self.nodes.get(&from).copied()
        {
            self.fault(peer, Fault::Rejected(received.rejected));
        }
        if received.fresh == 0 {
            return;
        }
        let mut carried = gossiped;
        if !further.is_empty() {
            let mut others = self.sync.sharing(&group);
            others.retain(|other| *other != from);
            others.shuffle(&mut self.rng);
            others.truncate(PUSH_SOME);
            carried |= self.push(group, &others, false, &further);
        }
        // What a peer pushed to all members, they have: the slower way of telling will do.
        self.sync.changed(group, carried || further.is_empty(), now_ms);
    }

    /// Does what the core says.
    pub(super) fn flush(&mut self) {
        while let Some(effect) = self.sync.poll() {
            match effect {
                Effect::Send { ticket, peer, request } => match self.nodes.get(&peer).copied() {
                    Some(peer) => self.request(peer, &request, Purpose::Sync(ticket)),
                    None => {
                        let now_ms = self.now_ms();
                        self.sync.failed(ticket, now_ms);
                    }
                },
                Effect::Ask { ticket, question } => {
                    let host = Arc::clone(&self.base.host);
                    let asking = Arc::clone(&self.asking);
                    self.spawn(async move {
                        let _turn = asking.acquire().await; // nobody closes it
                        Done::Answer(ticket, serve::answer(host, question).await)
                    });
                }
                Effect::Fault { peer, fault } => {
                    if let Some(peer) = self.nodes.get(&peer).copied() {
                        self.fault(peer, fault);
                    }
                }
                Effect::Fetched { group, peer, result } => {
                    for waiter in self.fetches.remove(&(group, peer)).unwrap_or_default() {
                        let _ = waiter.send(result.clone());
                    }
                }
            }
        }
    }

    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::Announce { group, public, members, entry } => {
                self.announce(group, public, members, entry);
            }
            Command::Call { to, call, answer } => match self.nodes.get(&to).copied() {
                Some(peer) => self.request(peer, &Request::Call(call), Purpose::Call(answer)),
                None => self.wait_for(to, Waiting::Call(call, answer)),
            },
            Command::Fetch { group, from, answer } => {
                if self.nodes.contains_key(&from) {
                    self.fetch(group, from, answer);
                } else {
                    self.wait_for(from, Waiting::Fetch(group, answer));
                }
            }
            Command::Dial { address, answer } => self.dial_for(&address, answer),
        }
    }

    /// Connects to a node, so that something can be asked of it.
    fn wait_for(&mut self, node: NodeId, what: Waiting) {
        let count: usize = self.waiting.values().map(Vec::len).sum();
        if count >= WAITING_MAX {
            match what {
                Waiting::Call(_, answer) => drop(answer.send(Err(CallError::Busy))),
                Waiting::Fetch(_, answer) => drop(answer.send(Err(FetchError::Busy))),
            }
            return;
        }
        self.waiting.entry(node).or_default().push(what);
        self.dial_node(node);
    }

    pub(super) fn fetch(
        &mut self,
        group: GroupId,
        from: NodeId,
        answer: oneshot::Sender<Result<(), FetchError>>,
    ) {
        let now_ms = self.now_ms();
        self.fetches.entry((group, from)).or_default().push(answer);
        self.sync.fetch(group, from, now_ms);
    }

    fn announce(&mut self, group: GroupId, public: bool, mut members: Vec<NodeId>, entry: Vec<u8>) {
        let now_ms = self.now_ms();
        if public {
            let gossip = self.swarm.behaviour_mut().gossip.as_mut();
            let published = gossip.map_or(Published::Skipped, |gossip| {
                self.topics.publish(group, entry, gossip, now_ms)
            });
            return self.sync.changed(group, published == Published::Sent, now_ms);
        }
        members.retain(|member| *member != self.me);
        let further = members.len() > PUSH_ALL_MAX;
        if further {
            members.retain(|member| self.nodes.contains_key(member));
            members.shuffle(&mut self.rng);
            members.truncate(PUSH_SOME);
        }
        let all = self.push(group, &members, further, &[entry]);
        self.sync.changed(group, all && !members.is_empty(), now_ms);
    }
}

/// The entries of each author in their order, the control chain's first: data may cite it.
fn by_author(entries: Vec<Vec<u8>>) -> BTreeMap<Option<Node16>, Vec<Vec<u8>>> {
    let mut sorted = BTreeMap::<_, Vec<Vec<u8>>>::new();
    for entry in entries {
        sorted.entry(author(&entry)).or_default().push(entry);
    }
    sorted
}
