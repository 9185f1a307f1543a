//! Digests: what is told to peers, and how what they tell compares.

use std::collections::{BTreeMap, BTreeSet};

use glog::cbor::List;
use glog::{GroupId, NodeId};

use super::peer::Peer;
use super::{DIGEST_KEPT_MS, Question, SHARED_MAX, Sync, Ticket};
use crate::frames::{Digest, Request, tag};

impl Sync {
    pub(super) fn ask_shared(&mut self, id: NodeId, now_ms: u64) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.shared_asked_at = now_ms;
        if !std::mem::replace(&mut peer.asking_shared, true) {
            self.ask(Ticket::AskShared(id), Question::Shared(id));
        } else {
            peer.ask_shared_again = true;
        }
    }

    pub(super) fn shared_is(&mut self, id: NodeId, mut groups: Vec<GroupId>, now_ms: u64) {
        let me = self.me;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.asking_shared = false;
        if std::mem::take(&mut peer.ask_shared_again) {
            self.ask_shared(id, now_ms);
            return;
        }
        groups.truncate(SHARED_MAX);
        peer.tags = Some(groups.iter().map(|group| (tag(group, &me, &id), *group)).collect());
        peer.to_tell.extend(groups.iter().copied());
        peer.told_all = false;
        for group in &groups {
            self.groups.entry(*group).or_default().sides.entry(id).or_default().shared = true;
        }
        // Who shares a group no longer is neither told of it nor asked.
        let shared: BTreeSet<&GroupId> = groups.iter().collect();
        for (group, state) in &mut self.groups {
            if !shared.contains(group) && !state.waiters.contains(&id) {
                state.sides.remove(&id);
            }
        }
        let told = self.peers.get_mut(&id).map(Peer::take_told).unwrap_or_default();
        self.look_up(id, told, now_ms);
        // What it told before may be of a group that has come since.
        self.compare(groups, now_ms);
        self.tell(id, now_ms);
    }

    /// Compares what a peer has told with what is here.
    pub(super) fn look_up(&mut self, id: NodeId, told: Vec<(GroupId, [u8; 32])>, now_ms: u64) {
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.tags.is_some()) else { return };
        let mut groups = Vec::new();
        for (group, digest) in told {
            let side = self.groups.entry(group).or_default().sides.entry(id).or_default();
            side.told = Some(digest);
            groups.push(group);
        }
        // A tag that is unknown may be of a group that has become a shared one.
        if peer.has_stash() && now_ms.saturating_sub(peer.shared_asked_at) >= 1_000 {
            self.ask_shared(id, now_ms);
        }
        self.compare(groups, now_ms);
    }

    /// Own digests of these groups are needed: the known ones are used, the others asked for.
    pub(super) fn compare(&mut self, groups: Vec<GroupId>, now_ms: u64) {
        let mut unknown = Vec::new();
        for id in groups {
            let Some(group) = self.groups.get_mut(&id) else { continue };
            if group.digest.is_some_and(|(_, at)| now_ms.saturating_sub(at) < DIGEST_KEPT_MS) {
                self.compare_one(id, now_ms);
            } else if !std::mem::replace(&mut group.asking_digest, true) {
                unknown.push(id);
            }
        }
        if !unknown.is_empty() {
            self.ask(Ticket::AskDigests(unknown.clone()), Question::Digests(unknown));
        }
    }

    pub(super) fn digests_are(
        &mut self,
        asked: &[GroupId],
        digests: Vec<(GroupId, Option<[u8; 32]>)>,
        now_ms: u64,
    ) {
        let digests: BTreeMap<GroupId, Option<[u8; 32]>> = digests.into_iter().collect();
        for id in asked {
            let Some(group) = self.groups.get_mut(id) else { continue };
            group.asking_digest = false;
            let digest = digests.get(id).copied().flatten();
            group.digest = digest.map(|digest| (digest, now_ms));
            group.missing = digest.is_none();
        }
        for id in asked {
            self.compare_one(*id, now_ms);
        }
        let peers: Vec<NodeId> = self.peers.keys().copied().collect();
        for peer in peers {
            self.tell(peer, now_ms);
        }
    }

    pub(super) fn compare_one(&mut self, id: GroupId, now_ms: u64) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let Some((ours, _)) = group.digest else { return };
        let mut differing = Vec::new();
        for (peer, side) in &mut group.sides {
            let Some(told) = side.told else { continue };
            if told == ours {
                side.is_equal(now_ms);
            } else if side.heads.as_ref().is_none_or(|heads| heads.digest() != told) {
                side.differs = true;
                differing.push(*peer);
            } else if side.done {
                // What could not be had before may be there now.
                side.done = false;
                side.short.clear();
            }
        }
        self.work(id, now_ms);
        for peer in differing {
            self.ask_heads_of(peer, id, now_ms);
        }
    }

    /// Groups of which peers are to be told now.
    pub(super) fn tell_changes(&mut self, now_ms: u64) {
        let mut due = Vec::new();
        for (id, group) in &mut self.groups {
            if group.tell_at.is_some_and(|at| at <= now_ms) {
                group.tell_at = None;
                group.gossiped = false;
                due.push((*id, group.sides.keys().copied().collect::<Vec<_>>()));
            }
        }
        let mut changed = Vec::new();
        for (id, sides) in due {
            for side in sides {
                if let Some(peer) = self.peers.get_mut(&side) {
                    peer.to_tell.insert(id);
                }
            }
            changed.push(id);
        }
        self.compare(changed, now_ms);
    }

    /// Tells a peer what it has not heard yet, as far as that is known, in one request at a time.
    pub(super) fn tell(&mut self, id: NodeId, now_ms: u64) {
        let me = self.me;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if peer.telling.is_some() || peer.to_tell.is_empty() || peer.paused_until > now_ms {
            return;
        }
        let mut unknown = Vec::new();
        let mut digests = Vec::new();
        let mut told = Vec::new();
        for group_id in &peer.to_tell {
            let Some(group) = self.groups.get_mut(group_id) else { continue };
            let Some(side) = group.sides.get(&id).filter(|side| side.shared) else { continue };
            match group.digest {
                Some((digest, at)) if now_ms.saturating_sub(at) < DIGEST_KEPT_MS => {
                    // What the peer has said itself, or heard, is no news to it.
                    let known = side.told == Some(digest) || side.heard == Some(digest);
                    if !(known && peer.told_all) {
                        digests.push(Digest { tag: tag(group_id, &me, &id), digest });
                    }
                    told.push((*group_id, digest));
                }
                None if group.missing => {}
                _ => unknown.push(*group_id),
            }
        }
        if !unknown.is_empty() {
            return self.compare(unknown, now_ms);
        }
        peer.to_tell.clear();
        peer.told_all = true;
        for (group, digest) in &told {
            if let Some(side) = self.groups.get_mut(group).and_then(|g| g.sides.get_mut(&id)) {
                side.heard = Some(*digest);
            }
        }
        if digests.is_empty() {
            return;
        }
        peer.telling = Some(told.into_iter().map(|(group, _)| group).collect());
        digests.sort_by_key(|digest| digest.tag); // the order of groups would tell more than it must
        let request = Request::Digests(List::new(digests).unwrap_or_default());
        self.send(id, Ticket::Tell(id), request);
    }
}
