//! What dishonest nodes do, with their own keys.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::network::{Message, Sim};
use crate::author::write_control;
use crate::body::{Action, Ban, Checkpoint, ControlBody, Cut};
use crate::cbor::List;
use crate::control::ControlEntry;
use crate::entry::{Entry, Signer};
use crate::epoch::seal_body;
use crate::header::Lane;
use crate::ids::ControlRef;

impl Sim {
    pub(super) fn lie(&mut self, node: usize) {
        self.seen.lies += 1;
        let is_home = self.home_of(node) == node;
        match self.below(8) {
            0..2 if self.twins => self.equivocate(node),
            2..5 => self.backdate(node),
            5 => self.forge(node),
            6 if is_home => self.fork_control(node),
            7 if is_home => self.speak_for_others(node),
            _ => self.old_key(node),
        }
    }

    /// Two entries for one place, each told to others.
    fn equivocate(&mut self, node: usize) {
        let (inc, clock) = (self.nodes[node].inc, self.clock(node));
        let twins: Vec<Entry> = (0..2)
            .filter_map(|_| {
                let body = self.words(node);
                let user = if matches!(body.kind(), 69 | 70 | 73) { 0 } else { 1 };
                let at = &self.nodes[node];
                let author = at.keys.author();
                at.replica.write_data(author, inc, user, &body, clock, &mut self.rng).ok()
            })
            .collect();
        let [first, second] = twins.as_slice() else { return };
        self.receive(node, first.clone(), None);
        self.nodes[node].store.insert(second.id(), second.clone());
        for to in (0..self.nodes.len()).filter(|to| *to != node) {
            let twin = if to % 2 == 0 { first } else { second };
            self.send(node, to, Message::Entry(twin.encode()));
        }
    }

    /// An entry that cites a position from before it was written, under the key of that time or of
    /// another.
    fn backdate(&mut self, node: usize) {
        let entries = self.nodes[node].replica.chain().entries();
        let cite = entries.choose(&mut self.rng).map(ControlEntry::cite);
        self.invent(node, cite, None);
    }

    /// An entry that cites the present under an old key.
    fn old_key(&mut self, node: usize) {
        let chain = self.nodes[node].replica.chain();
        let old: Vec<_> = chain
            .entries()
            .iter()
            .filter(|entry| entry.action().is_some_and(|action| action.epoch().is_some()))
            .map(|entry| entry.id().short())
            .collect();
        let cite = chain.cite();
        let key = old.choose(&mut self.rng).copied();
        self.invent(node, cite, key);
    }

    fn invent(&mut self, node: usize, cite: Option<ControlRef>, key: Option<crate::Hash16>) {
        let (inc, clock) = (self.nodes[node].inc, self.clock(node));
        let user = self.rng.random_range(1..4);
        let body = self.words(node);
        let user = if matches!(body.kind(), 69 | 70 | 73) { 0 } else { user };
        let at = &self.nodes[node];
        let honest =
            at.replica.write_data(at.keys.author(), inc, user, &body, clock, &mut self.rng);
        let Ok(honest) = honest else { return };
        let mut header = honest.header().clone();
        let Lane::Data { ctl, epoch, .. } = &mut header.lane else { return };
        *ctl = cite;
        if let Some(key) = key {
            *epoch = Some(key);
        } else if let Some(cite) = cite {
            *epoch = at.replica.chain().timeline().epoch(cite.seq);
        }
        let clear = body.encode(&[1; 16]);
        let carried = match epoch.map(|id| at.replica.key(&id)) {
            None => clear,
            Some(None) => return,
            Some(Some(secret)) => seal_body(secret, &header, &clear, &self.rng.random()).unwrap(),
        };
        let entry = Entry::sign(header, carried, Signer::Node, &at.keys.op).unwrap();
        self.receive(node, entry.clone(), None);
        self.push(node, &entry);
    }

    /// A true header with a false signature, ahead of the true entry.
    fn forge(&mut self, node: usize) {
        let entries: Vec<_> = self.nodes[node].store.values().cloned().collect();
        let Some(entry) = entries.choose(&mut self.rng) else { return };
        let mut bytes = entry.encode();
        let body = entry.body().map_or(0, <[u8]>::len);
        let place = bytes.len() - body - 1 - self.below(64);
        bytes[place] ^= 1 << self.below(8);
        for to in 0..self.nodes.len() {
            if to != node {
                self.send(node, to, Message::Entry(bytes.clone()));
            }
        }
    }

    /// A home tells different nodes different next entries.
    fn fork_control(&mut self, node: usize) {
        let at = &self.nodes[node];
        let chain = at.replica.chain();
        if chain.state().home != at.keys.id || chain.dispute().is_some() {
            return;
        }
        let user = self.nodes[2].keys.user(2);
        let owner = chain.state().owner;
        let ban = Action::Ban(Ban { user, cut: Some(Cut::default()) });
        let checkpoint = Action::Checkpoint(Checkpoint { heads: List::default(), state: [0; 32] });
        let mut twins = Vec::new();
        for (by, action) in [(Some(owner), ban), (None, checkpoint)] {
            let body = ControlBody::bare(action);
            let (author, rng) = (self.nodes[node].keys.author(), &mut self.rng);
            twins.push(write_control(chain, author, by, &body, 0, rng).unwrap());
        }
        self.receive(node, twins[0].clone(), None);
        for to in (0..self.nodes.len()).filter(|to| *to != node) {
            let twin = &twins[to % 2];
            self.nodes[node].store.insert(twin.id(), twin.clone());
            self.send(node, to, Message::Entry(twin.encode()));
        }
    }

    /// A home writes what nobody asked for.
    fn speak_for_others(&mut self, node: usize) {
        let user = self.nodes[1].keys.user(1);
        let victim = self.nodes[2].keys.user(1);
        let ban = Action::Ban(Ban { user: victim, cut: Some(Cut::default()) });
        self.write_control(node, Some(user), ban, None);
    }
}
