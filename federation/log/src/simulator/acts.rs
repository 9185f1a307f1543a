//! What honest nodes do: people write, admins ask, the home answers, nodes come, go and break down.

use rand::RngExt;
use rand::seq::IndexedRandom;

use super::network::{Message, Sim};
use crate::author::{AuthorError, recover_place, write_control, write_recover};
use crate::body::{
    Action, AddNode, Ban, Checkpoint, ControlBody, Count, DataBody, Delete, Demote, Edit, Epoch,
    Evidence, GroupKind, Info, Member, MoveHome, Open, Pin, Promote, React, Reaction, Recover,
    RemoveNode, Restore, Restrict, Setting, Settle, Tally, TransferOwner, Unban, Unpin, Vote,
};
use crate::cbor::{List, Text};
use crate::cert::{NodeCert, Opened, RootOpening};
use crate::control::{ControlEntry, Verdict};
use crate::epoch::EpochPlace;
use crate::ids::{EntryRef, GroupId, Node16, UserRef};
use crate::rights::Rights;
use crate::testing::{epoch, text};

impl Sim {
    /// One thing happens, then some time passes.
    pub(super) fn step(&mut self) {
        let node = self.below(self.nodes.len());
        let lies = self.nodes[node].evil && self.chance(0.4);
        match self.below(100) {
            _ if self.nodes[node].dead => {}
            _ if lies => self.lie(node),
            0..52 => self.say(node),
            52..70 => self.want(node),
            70..76 => self.keep_house(node),
            76..81 => self.split(),
            81..92 => {
                let other = self.below(self.nodes.len());
                if other != node && self.connected(node, other) {
                    self.sync(node, other);
                }
            }
            92..94 => self.break_down(node),
            94..96 => self.replace_key(node),
            96..97 => self.move_home(node),
            97..98 if node == 0 && !self.lying_home => self.nodes[0].dead = self.chance(0.4),
            _ => self.pass(20_000),
        }
        let ms = self.rng.random_range(0..4_000);
        self.pass(ms);
    }

    fn split(&mut self) {
        let sides = (0..self.nodes.len()).map(|_| self.rng.random_range(0..2)).collect();
        self.sides = if self.chance(0.4) { vec![0; self.nodes.len()] } else { sides };
    }

    /// Somebody says something; nobody else sees it before it is durable here.
    fn say(&mut self, node: usize) {
        let user = self.speaker(node);
        let body = self.words(node);
        self.write(node, user, &body);
    }

    /// Anybody; in a channel more often who may be heard there.
    fn speaker(&mut self, node: usize) -> u64 {
        let state = self.nodes[node].replica.chain().state();
        let is_channel = state.kind() == GroupKind::Channel;
        let here = self.nodes[node].keys.short();
        let admins = state.admins.keys().chain([&state.owner]);
        let heard: Vec<u64> = admins.filter(|user| user.node == here).map(|user| user.id).collect();
        let heard = heard.choose(&mut self.rng).copied();
        let anybody = self.rng.random_range(1..4);
        heard.filter(|_| is_channel && self.chance(0.7)).unwrap_or(anybody)
    }

    pub(super) fn write(&mut self, node: usize, user: u64, body: &DataBody) {
        let (inc, clock) = (self.nodes[node].inc, self.clock(node));
        let at = &self.nodes[node];
        let user = if matches!(body.kind(), 69 | 70 | 73 | 74 | 75) { 0 } else { user };
        let author = at.keys.author();
        match at.replica.write_data(author, inc, user, body, clock, &mut self.rng) {
            Ok(entry) => {
                let header = entry.header();
                let (node16, hash) = (header.node.short(), entry.id().short());
                let at = EntryRef { node: node16, inc, seq: header.seq, hash };
                if !self.nodes[node].evil {
                    self.said.insert(at, entry.id());
                }
                self.seen.posts += 1;
                self.receive(node, entry.clone(), None);
                self.push(node, &entry);
            }
            Err(AuthorError::Closed) if self.nodes[node].opens || self.nodes[node].evil => {
                self.open(node);
            }
            // It may be one that the home has settled: the node goes on in the next.
            Err(AuthorError::Closed | AuthorError::NotWriter) => {}
            Err(_) => {}
        }
    }

    /// The first entry of a new incarnation.
    fn open(&mut self, node: usize) {
        let at = &mut self.nodes[node];
        if !at.opens {
            at.inc += 1;
        }
        at.opens = false;
        let group = at.replica.chain().group();
        let opened = Opened { group, node: at.keys.id, inc: at.inc, previous: None };
        let root = Some(RootOpening::sign(&opened, &at.keys.root));
        let cert = Some(self.nodes[node].keys.cert.clone());
        let open = Open { cert, previous: None, root };
        self.write(node, 0, &DataBody::Open(Box::new(open)));
    }

    fn some_entry(&mut self, node: usize, kind: u16) -> Option<EntryRef> {
        let lanes = self.nodes[node].replica.lanes();
        let mut all: Vec<_> =
            lanes.entries().filter(|entry| entry.kind == kind).map(|entry| entry.at).collect();
        all.sort_unstable();
        all.choose(&mut self.rng).copied()
    }

    /// What somebody might say on this node.
    pub(super) fn words(&mut self, node: usize) -> DataBody {
        let number: u16 = self.rng.random();
        let plain = text(&number.to_string());
        let DataBody::Post(post) = plain.clone() else { return plain };
        let (Some(target), pin) = (self.some_entry(node, 64), self.some_entry(node, 67)) else {
            return plain;
        };
        let is_channel = self.nodes[node].replica.chain().state().kind() == GroupKind::Channel;
        let topic = self.some_entry(node, 76);
        match (self.below(26), pin) {
            (24.., _) => crate::testing::sums(target, &mut self.rng),
            (20, _) => crate::testing::topic(&mut self.rng),
            (21, _) => DataBody::Delete(Delete { target: topic.unwrap_or(target) }),
            (22.., _) => crate::testing::topic_edit(topic, &mut self.rng),
            // Where it may have an effect, what others said is edited more often.
            _ if is_channel && self.chance(0.25) => DataBody::Edit(Edit { target, post }),
            (0..2, _) => DataBody::Edit(Edit { target, post }),
            (2..4, _) => DataBody::Delete(Delete { target }),
            (4, _) => DataBody::Pin(Pin { target }),
            (5, Some(pin)) => DataBody::Unpin(Unpin { pins: List::new(vec![pin]).unwrap() }),
            (6..8, _) => {
                let reactions = List::new(vec![Text::new("👍").unwrap()]).unwrap();
                let items = vec![Reaction { user: u64::from(number % 3 + 1), target, reactions }];
                DataBody::React(React { items: List::new(items).unwrap() })
            }
            (8, _) => DataBody::Vote(Vote { target, options: List::new(vec![1]).unwrap() }),
            (9, _) => {
                let counts = List::new(vec![(1, u64::from(number % 5))]).unwrap();
                DataBody::Tally(Tally { target, counts })
            }
            (10..12, _) => {
                DataBody::Member(Member { join: !number.is_multiple_of(4), invite: None })
            }
            (12, _) => DataBody::Count(Count { members: u64::from(number % 9) }),
            _ => plain,
        }
    }

    /// Somebody wants a change of the rules; most may not have it.
    fn want(&mut self, node: usize) {
        let state = self.nodes[node].replica.chain().state();
        let here = self.nodes[node].keys.short();
        let mut users: Vec<UserRef> = state.admins.keys().copied().collect();
        users.extend([state.owner; 3]);
        users.retain(|user| user.node == here);
        users.push(UserRef { node: here, id: 3 });
        let by = *users.choose(&mut self.rng).unwrap();
        let action = self.wish(node);
        let home = self.home_of(node);
        if home == node {
            self.write_control(node, Some(by), action, None);
            return;
        }
        let ask = self.nodes[node].keys.ask(
            self.nodes[node].replica.chain(),
            by.id,
            &action,
            self.asks.len() as u64,
        );
        self.asks.push((node, by.id, action, ask));
        let ask = self.asks.len() - 1;
        // Asked again, until it is answered; the home tells repetitions by the id.
        for _ in 0..2 {
            self.send(node, home, Message::Ask(ask));
        }
    }

    fn wish(&mut self, node: usize) -> Action {
        let to = self.below(self.nodes.len());
        let id = self.rng.random_range(1..4);
        let user = self.nodes[to].keys.user(id);
        let rights = Rights(self.rng.random());
        let cut = None;
        match self.below(14) {
            0..4 => Action::Promote(Promote {
                user,
                rights: rights & Rights::ADMIN | Rights::BAN,
                rank: Text::default(),
                cut,
            }),
            4 => Action::Demote(Demote { user, cut }),
            5..7 => Action::Ban(Ban { user, cut }),
            7 => Action::Unban(Unban { user }),
            8 => {
                let denied = rights & Rights::MEMBER;
                Action::Restrict(Restrict { user, denied, until_ms: 0, cut })
            }
            9 => {
                let setting = Setting::Defaults(rights & Rights::MEMBER | Rights::TEXT);
                Action::Info(Info { setting, cut, epoch: None })
            }
            10 => {
                let posts: Vec<_> = self.some_entry(node, 64).into_iter().collect();
                Action::Restore(Restore { entries: List::new(posts).unwrap() })
            }
            11 => Action::TransferOwner(TransferOwner { user }),
            _ => {
                let node = self.nodes[to].keys.short();
                Action::RemoveNode(RemoveNode { node, cut, epoch: None })
            }
        }
    }

    /// An ask arrives at a node that may be the home.
    pub(super) fn answer(&mut self, home: usize, ask: usize) {
        let (node, user, action, evidence) = self.asks[ask].clone();
        let user = self.nodes[node].keys.user(user);
        self.write_control(home, Some(user), action, Some(evidence));
    }

    /// The home writes, if it is the home and the entry would have an effect.
    pub(super) fn write_control(
        &mut self,
        node: usize,
        user: Option<UserRef>,
        action: Action,
        evidence: Option<Evidence>,
    ) -> bool {
        let at = &self.nodes[node];
        let chain = at.replica.chain();
        if chain.state().home != at.keys.id || chain.dispute().is_some() {
            return false;
        }
        // A home whose key is newer than the chain introduces it before anything else.
        let (short, serial) = (at.keys.short(), at.keys.cert.body.serial);
        if chain.state().cert(short, serial).is_none() && !matches!(action, Action::Cert(_)) {
            let cert = Action::Cert(Box::new(at.keys.cert.clone()));
            if !self.write_control(node, None, cert, None) {
                return false;
            }
        }
        let action = self.fill_in(node, action);
        let body = ControlBody { action, evidence };
        let clock = self.clock(node);
        let at = &self.nodes[node];
        let author = at.keys.author();
        let chain = at.replica.chain();
        let Ok(entry) = write_control(chain, author, user, &body, clock, &mut self.rng) else {
            return false;
        };
        let read = ControlEntry::new(entry.clone()).unwrap();
        let Ok(verdict) = chain.would(&read) else { return false };
        if verdict != Verdict::Applied {
            self.seen.void += 1;
            // An honest home refuses; a lying one writes it all the same.
            if !self.nodes[node].evil {
                return false;
            }
        }
        self.seen.control += 1;
        self.seen.removed += u64::from(matches!(body.action, Action::RemoveNode(_)));
        self.receive(node, entry.clone(), None);
        self.push(node, &entry);
        true
    }

    /// What the home adds to what was asked: what it had applied, and the next key.
    fn fill_in(&mut self, node: usize, mut action: Action) -> Action {
        let replica = self.nodes[node].replica.clone();
        let chain = replica.chain();
        let cut_of = |user: &UserRef| replica.lanes().cut(chain, |node| node == user.node).ok();
        let state = chain.state();
        match &mut action {
            Action::Ban(ban) => ban.cut = ban.cut.take().or(cut_of(&ban.user)),
            Action::Demote(demote) => demote.cut = demote.cut.take().or(cut_of(&demote.user)),
            Action::Restrict(restrict) => {
                restrict.cut = restrict.cut.take().or(cut_of(&restrict.user));
            }
            Action::Promote(promote) => {
                let after = Rights::MEMBER | Rights::JOIN | promote.rights;
                let narrows = !after.has(state.rights(promote.user));
                promote.cut = cut_of(&promote.user).filter(|_| narrows);
            }
            Action::Info(info) => {
                if let Setting::Defaults(defaults) = info.setting {
                    let narrows = !defaults.has(state.defaults());
                    info.cut = replica.lanes().cut(chain, |_| true).ok().filter(|_| narrows);
                }
            }
            Action::RemoveNode(remove) => {
                let gone = remove.node;
                remove.cut = replica.lanes().cut(chain, |node| node == gone).ok();
                remove.epoch = self.next_key(node, None, Some(gone));
            }
            _ => {}
        }
        action
    }

    /// The next key of a private group, with one node more or less.
    fn next_key(
        &mut self,
        node: usize,
        more: Option<NodeCert>,
        less: Option<Node16>,
    ) -> Option<Epoch> {
        let chain = self.nodes[node].replica.chain().clone();
        if chain.state().is_public() {
            return None;
        }
        let members = chain.state().members().filter(|member| Some(member.id.short()) != less);
        let mut certs: Vec<_> = members.filter_map(|m| m.newest_cert().cloned()).collect();
        certs.extend(more);
        Some(self.key_for(chain.next_place(), &certs))
    }

    fn key_for(&mut self, place: EpochPlace, certs: &[NodeCert]) -> Epoch {
        let certs: Vec<_> = certs.iter().collect();
        epoch(place, &certs, &mut self.rng).0
    }

    pub(super) fn add_node(&mut self, home: usize, node: usize, first_inc: u32) -> bool {
        let cert = self.nodes[node].keys.cert.clone();
        let epoch = self.next_key(home, Some(cert.clone()), None);
        let add = AddNode { cert, first_inc, epoch };
        self.write_control(home, None, Action::AddNode(Box::new(add)), None)
    }

    /// In half of the runs somebody on another node may a lot from the start.
    pub(super) fn appoint_first(&mut self) {
        let (owner, user) = (self.nodes[0].keys.user(1), self.nodes[1].keys.user(1));
        let rank = Text::default();
        let promote = Promote { user, rights: Rights::ADMIN, rank, cut: None };
        self.write_control(0, Some(owner), Action::Promote(promote), None);
    }

    /// What a home does by itself: settle, rotate the key, take nodes back, say what it holds.
    pub(super) fn keep_house(&mut self, node: usize) {
        if self.home_of(node) != node {
            return;
        }
        match self.below(4) {
            0 => {
                if let Some(epoch) = self.next_key(node, None, None) {
                    self.write_control(node, None, Action::Epoch(epoch), None);
                }
            }
            1 => self.name_heads(node),
            2 => {
                let back = self.below(self.nodes.len());
                let short = self.nodes[back].keys.short();
                let state = self.nodes[node].replica.chain().state();
                let floor = state.nodes.get(&short).filter(|n| !n.member).map(|n| n.floor);
                let Some(floor) = floor else { return };
                let first_inc = floor.max(self.nodes[back].inc + 1);
                if self.add_node(node, back, first_inc) {
                    self.nodes[back].inc = first_inc;
                    self.nodes[back].opens = true;
                }
            }
            _ => self.settle_at(node),
        }
    }

    /// The home decides about forked lanes, and about incarnations that were followed by another.
    pub(super) fn settle_at(&mut self, home: usize) {
        let replica = self.nodes[home].replica.clone();
        let heads = replica.lanes().heads(replica.chain());
        let mut lanes: Vec<_> = heads.iter().map(|head| (head.node, head.inc)).collect();
        lanes.extend(replica.forked_lanes());
        lanes.sort_unstable();
        lanes.dedup();
        for (node, inc) in lanes {
            let known = replica.chain().state().nodes.get(&node);
            if known.is_none_or(|node| node.is_closed(inc)) {
                continue;
            }
            let followed = replica.lanes().length(node, inc + 1) > 0;
            let frozen = replica.frozen_from(node, inc).is_some();
            if followed || frozen {
                // Either branch may be the one that stays, here or anywhere.
                let mut keep = heads.iter().find(|h| (h.node, h.inc) == (node, inc)).copied();
                if frozen && self.chance(0.7) {
                    let rivals = self.nodes[home].store.values().filter_map(|entry| {
                        let header = entry.header();
                        let lane = (header.node.short(), header.inc());
                        let (seq, hash) = (header.seq, entry.id().short());
                        let at = EntryRef { node, inc, seq, hash };
                        (lane == (node, Some(inc))).then_some(at)
                    });
                    let rivals: Vec<_> = rivals.collect();
                    keep = rivals.choose(&mut self.rng).copied();
                }
                let settle = Settle { node, inc, keep };
                if self.write_control(home, None, Action::Settle(settle), None) {
                    self.seen.settles += 1;
                }
            }
        }
    }

    pub(super) fn settle_forks(&mut self) {
        for node in 0..self.nodes.len() {
            if self.home_of(node) == node && !self.nodes[node].dead {
                self.settle_at(node);
                // A rival that is pinned here may be what another node has: the home names its own.
                self.name_heads(node);
            }
        }
    }

    fn name_heads(&mut self, node: usize) {
        let chain = self.nodes[node].replica.chain();
        let state = chain.state().digest();
        let heads = List::new(self.nodes[node].replica.lanes().heads(chain)).unwrap();
        let checkpoint = Action::Checkpoint(Checkpoint { heads, state });
        self.write_control(node, None, checkpoint, None);
    }

    /// A disk breaks: the node goes back to a backup, asks everybody it reaches for its own entries,
    /// and goes on in the next incarnation. Or a backup is made.
    fn break_down(&mut self, node: usize) {
        // A home that was restored has to ask everybody for their heads: lies.rs has liars enough.
        if self.home_of(node) == node || self.nodes[node].evil || self.nodes[node].opens {
            return;
        }
        let at = &mut self.nodes[node];
        let Some(backup) = at.backup.take() else {
            let held = (at.replica.clone(), at.store.clone(), at.unverified.clone());
            at.backup = Some(Box::new(held));
            return;
        };
        (at.replica, at.store, at.unverified) = *backup;
        // What was in memory is gone, and is of another replica.
        at.refused.clear();
        at.gossip_seen.clear();
        at.inc += 1;
        at.opens = true;
        at.broke = true;
        self.seen.restores += 1;
        for other in 0..self.nodes.len() {
            if other != node && self.connected(node, other) {
                self.sync(node, other);
            }
        }
    }

    /// A node takes its next operational key, and says so in its lane, or the home in the chain.
    fn replace_key(&mut self, node: usize) {
        if self.nodes[node].opens
            || self.nodes[node]
                .replica
                .frozen_from(self.nodes[node].keys.short(), self.nodes[node].inc)
                .is_some()
        {
            return;
        }
        if self.home_of(node) == node {
            let mut rng = crate::testing::seeded(self.rng.random());
            self.nodes[node].keys.rotate(&mut rng);
            let cert = self.nodes[node].keys.cert.clone();
            self.write_control(node, None, Action::Cert(Box::new(cert.clone())), None);
            self.write(node, 0, &DataBody::Cert(Box::new(cert)));
            return;
        }
        let mut rng = crate::testing::seeded(self.rng.random());
        self.nodes[node].keys.rotate(&mut rng);
        let cert = self.nodes[node].keys.cert.clone();
        self.write(node, 0, &DataBody::Cert(Box::new(cert)));
    }

    fn move_home(&mut self, node: usize) {
        let next = self.below(3);
        if self.home_of(node) != node || next == node {
            return;
        }
        let state = self.nodes[node].replica.chain().state();
        let agreed = MoveHome::agreed_bytes(&state.group, &state.generation, &state.head.1);
        let moved = MoveHome {
            node: self.nodes[next].keys.short(),
            key_serial: self.nodes[next].keys.cert.body.serial,
            acceptance: self.nodes[next].keys.op.sign(&agreed),
        };
        if self.write_control(node, None, Action::MoveHome(moved), None) {
            self.seen.moves += 1;
        }
    }

    /// Who holds the recovery key acts where the home is dead, lies, or has forked the chain.
    pub(super) fn recover_if_needed(&mut self) {
        let disputed = self.nodes.iter().any(|node| node.replica.chain().dispute().is_some());
        let heads: Vec<_> =
            self.nodes.iter().map(|node| node.replica.chain().state().head).collect();
        let apart = heads.windows(2).any(|pair| pair[0] != pair[1]);
        let dead_home = self.nodes[self.home_of(1)].dead;
        if !disputed && !apart && !dead_home && !self.chance(0.1) {
            return;
        }
        let chain = self.nodes[1].replica.chain().clone();
        let head = chain.state().head.0;
        let keep = self.rng.random_range(head.saturating_sub(2).max(3)..=head);
        let base = chain.state_at(keep).unwrap();
        let seen = self.nodes.iter().map(|n| n.replica.chain().state().generation.recovery).max();
        let number = seen.unwrap_or(0) + 1;
        let drops =
            self.lying_home && base.is_member(self.nodes[0].keys.short()) && self.chance(0.6);
        let (mut drop, mut owner) = (Vec::new(), None);
        if drops {
            let short = self.nodes[0].keys.short();
            let cut = self.nodes[1].replica.lanes().cut(&chain, |node| node == short).unwrap();
            drop.push((short, cut));
            owner = (base.owner.node == short).then(|| self.nodes[1].keys.user(1));
        }
        let place = recover_place(&chain, keep, number, self.nodes[1].keys.id).unwrap();
        let cert = self.nodes[1].keys.cert.clone();
        let gone = |id: Node16| drop.iter().any(|(node, _)| *node == id);
        let members = base.members().filter(|node| !gone(node.id.short()));
        let mut certs: Vec<_> = members
            .map(|node| node.newest_cert().unwrap().clone())
            .filter(|known| known.node() != cert.node())
            .collect();
        certs.push(cert.clone());
        let epoch = (!base.is_public()).then(|| self.key_for(place, &certs));
        let body = Recover {
            keep: chain.at(keep).unwrap().id().0,
            cert: cert.clone(),
            drop: List::new(drop).unwrap(),
            certs: List::default(),
            epoch,
            undo: self.lying_home,
            owner,
            recovery: None,
        };
        let body = ControlBody::bare(Action::Recover(Box::new(body)));
        let home = (cert.node(), cert.body.serial);
        let entry = write_recover(&chain, keep, number, home, &body, &self.recovery, &mut self.rng)
            .unwrap();
        self.seen.recovers += 1;
        assert_ne!(chain.group(), GroupId::default());
        self.receive(1, entry, None);
        assert_eq!(self.nodes[1].replica.chain().state().generation.recovery, number);
        self.write_control(
            1,
            None,
            Action::Checkpoint(Checkpoint { heads: List::default(), state: [0; 32] }),
            None,
        );
    }
}
