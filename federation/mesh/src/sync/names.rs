//! Entries by name, and certificates: what ranges do not bring.

use std::collections::BTreeMap;

use glog::cbor::List;
use glog::{EntryRef, GroupId, NodeId};

use super::group::Named;
use super::{FLYING_MAX, Fault, Question, Sync, Ticket, lane};
use crate::frames::{NAMES_MAX, Request};
use crate::host::LaneName;

/// Names and heads that are remembered as asked for or looked at.
pub(super) const NAMED_MAX: usize = 4_096;
/// A name is asked for again after so long.
const NAMED_AGAIN_MS: u64 = 30_000;
/// Certificates are asked for again after so long.
const CERTS_AGAIN_MS: u64 = 60_000;

impl Sync {
    pub(super) fn ask_wanted(&mut self, id: GroupId) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        if !std::mem::replace(&mut group.asking_wanted, true) {
            self.ask(Ticket::AskWanted(id), Question::Wanted(id));
        }
    }

    /// Entries that the node wants by name: of whoever was not asked for them lately.
    pub(super) fn wanted_are(&mut self, id: GroupId, names: Vec<EntryRef>, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        group.asking_wanted = false;
        group.named.retain(|_, at| now_ms.saturating_sub(*at) < NAMED_AGAIN_MS);
        let mut of: BTreeMap<NodeId, Vec<EntryRef>> = BTreeMap::new();
        for name in names.into_iter().take(NAMES_MAX) {
            let peers = group.sides.keys().copied();
            let fresh = |peer: &NodeId| !group.named.contains_key(&(name, *peer));
            if let Some(peer) = peers.into_iter().find(fresh) {
                of.entry(peer).or_default().push(name);
            }
        }
        for (peer, names) in of {
            self.ask_names(id, peer, names, 0, now_ms);
        }
    }

    /// Asks for entries by name; `depth` is how many steps below a head they are, 0 for those that the
    /// node wants.
    pub(super) fn ask_names(
        &mut self,
        id: GroupId,
        peer: NodeId,
        names: Vec<EntryRef>,
        depth: u32,
        now_ms: u64,
    ) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        if group.named.len() >= NAMED_MAX {
            group.named.clear();
        }
        let mut fresh = names;
        fresh.retain(|name| {
            let before = group.named.insert((*name, peer), now_ms);
            before.is_none_or(|at| now_ms.saturating_sub(at) >= NAMED_AGAIN_MS)
        });
        if fresh.is_empty() || !self.peers.contains_key(&peer) {
            return;
        }
        let names = List::new(fresh.clone()).unwrap_or_default();
        let ticket = Ticket::Names(peer, id, fresh, depth);
        self.send(peer, ticket, Request::ByName { group: id, names });
    }

    /// Entries have come by their names.
    pub(super) fn names_came(
        &mut self,
        peer: NodeId,
        id: GroupId,
        names: &[EntryRef],
        depth: u32,
        entries: Vec<Vec<u8>>,
        now_ms: u64,
    ) {
        let mut before = None;
        for entry in &entries {
            let Some((lane, seq, hash, prev)) = lane::place_of(&id, entry) else {
                return self.blame(peer, Fault::Malformed);
            };
            let LaneName::Data { node, inc } = lane else {
                return self.blame(peer, Fault::Malformed);
            };
            let at = EntryRef { node, inc, seq, hash: hash.short() };
            if !names.contains(&at) {
                return self.blame(peer, Fault::Malformed);
            }
            if depth > 0 && seq > 0 {
                before = Some((EntryRef { node, inc, seq: seq - 1, hash: prev.short() }, depth));
            }
        }
        let Some(group) = self.groups.get_mut(&id) else { return };
        if entries.is_empty() {
            // Somebody else may have what the node wants.
            if depth == 0 {
                self.ask_wanted(id);
            }
            return;
        }
        group.extra.push_back(Named { peer, entries, before });
        self.work(id, now_ms);
    }

    /// Asks for the certificates of a group: once of each peer, and again where something waits.
    pub(super) fn ask_certs(&mut self, id: GroupId, again: bool, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let again = again && group.has_hidden();
        let mut of = Vec::new();
        for (peer, side) in &mut group.sides {
            let is_due = side
                .certs_asked_at
                .is_none_or(|at| again && now_ms.saturating_sub(at) >= CERTS_AGAIN_MS);
            let has_room = self.peers.get(peer).is_some_and(|p| p.flying < 2 * FLYING_MAX);
            if side.heads.is_some() && is_due && has_room {
                side.certs_asked_at = Some(now_ms);
                of.push(*peer);
            }
        }
        for peer in of {
            self.send(peer, Ticket::Certs(peer, id), Request::Certs { group: id });
        }
    }
}
