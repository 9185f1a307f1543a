//! Random worlds: a chain with everything that it can hold, lanes with forks, lies and old cites; in
//! random order, with the two evaluators compared after every step.

use keys::NodeIdentity;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};

use super::oracle::evaluate;
use super::*;
use crate::author::{recover_place, write_recover};
use crate::body::{
    Action, AddNode, Admit, Ban, ControlBody, Count, Cut, DataBody, Delete, Demote, Edit,
    GroupKind, Info, Invite, InviteRevoke, Member, Open, Pin, Promote, React, Reaction, Recover,
    RemoveNode, Restore, Restrict, Setting, Settle, Tally, TransferOwner, Unban, Unpin, Vote,
};
use crate::cbor::{List, Text};
use crate::cert::{Opened, RootOpening};
use crate::control::{Accepted, Chain, ControlEntry};
use crate::ids::{ControlRef, EntryId, EntryRef, Hash16, UserRef};
use crate::mutant::Mutant;
use crate::rights::Rights;
use crate::testing::{Start, TestNode, control, cut, epoch, genesis, number, seeded, text};

mod edits;
mod sums;
mod topics;

struct World {
    rng: StdRng,
    nodes: Vec<TestNode>,
    recovery: NodeIdentity,
    chain: Chain,
    /// Every control entry that ever was, in the order in which it came.
    control: Vec<ControlEntry>,
    data: Vec<DataEntry>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = seeded(seed);
        let nodes: Vec<_> = (0..3).map(|_| TestNode::new(&mut rng)).collect();
        let recovery = NodeIdentity::generate(&mut rng);
        let kind = if rng.random_bool(0.8) { GroupKind::Supergroup } else { GroupKind::Channel };
        let start = Start { kind, public: rng.random_bool(0.6), shows_history: true };
        let (first, _) = genesis(&nodes[0], &recovery, &start, &mut rng);
        let first = ControlEntry::new(first).unwrap();
        let chain = Chain::new(first.clone()).unwrap();
        let mut world =
            Self { rng, nodes, recovery, chain, control: vec![first], data: Vec::new() };
        for node in [1, 2] {
            let action = world.add_node(node, 0);
            world.write(None, action);
        }
        world
    }

    fn add_node(&mut self, node: usize, first_inc: u32) -> Action {
        let cert = self.nodes[node].cert.clone();
        let state = self.chain.state();
        let mut certs: Vec<_> =
            state.members().map(|node| node.newest_cert().unwrap().clone()).collect();
        certs.push(cert.clone());
        let epoch = self.key(&certs);
        Action::AddNode(Box::new(AddNode { cert, first_inc, epoch }))
    }

    fn key(&mut self, certs: &[crate::NodeCert]) -> Option<crate::body::Epoch> {
        if self.chain.state().is_public() {
            return None;
        }
        let certs: Vec<_> = certs.iter().collect();
        Some(epoch(self.chain.next_place(), &certs, &mut self.rng).0)
    }

    fn write(&mut self, user: Option<UserRef>, action: Action) {
        let home = self.chain.state().home;
        let home = self.nodes.iter().position(|node| node.id == home).unwrap();
        let entry = control(&self.chain, &self.nodes[home], user, action, &mut self.rng);
        let would = self.chain.would(&entry);
        self.chain.offer(entry.clone()).unwrap();
        assert_eq!(would.ok(), self.chain.verdicts().last().copied());
        self.control.push(entry);
    }

    fn user(&mut self) -> UserRef {
        let node = self.rng.random_range(0..3);
        let id = self.rng.random_range(1..4);
        self.nodes[node].user(id)
    }

    /// Some entry, or one that nobody has.
    fn target(&mut self) -> EntryRef {
        let unknown = EntryRef {
            node: self.nodes[1].short(),
            inc: 0,
            seq: self.rng.random_range(0..9),
            hash: Hash16([9; 16]),
        };
        let posts: Vec<_> = self.data.iter().filter(|e| e.kind <= 68 || e.kind == 76).collect();
        match posts.choose(&mut self.rng) {
            Some(entry) if self.rng.random_bool(0.95) => entry.at,
            _ => unknown,
        }
    }

    /// Random heads, of branches that lose as well.
    fn cut(&mut self) -> Option<Cut> {
        let mut heads: Vec<EntryRef> = Vec::new();
        self.data.shuffle(&mut self.rng);
        for entry in &self.data {
            let is_new = !heads.iter().any(|h| (h.node, h.inc) == (entry.at.node, entry.at.inc));
            if is_new && self.rng.random_bool(0.5) {
                heads.push(entry.at);
            }
        }
        Some(Cut::new(heads).unwrap())
    }

    fn step_control(&mut self) {
        let owner = self.chain.state().owner;
        // Users of the home act without asks, which are another test's.
        let home = self.chain.state().home.short();
        let by = if self.rng.random_bool(0.7) && owner.node == home {
            owner
        } else {
            UserRef { node: home, id: self.rng.random_range(1..4) }
        };
        let user = self.user();
        let rights = Rights(self.rng.random::<u32>());
        let cut = self.cut();
        let token = Hash16([self.rng.random_range(0..2); 16]);
        let bare = self.rng.random_bool(0.5);
        let action = match self.rng.random_range(0..17) {
            0 => Action::Ban(Ban { user, cut }),
            1 => Action::Unban(Unban { user }),
            2 => {
                let denied = rights & Rights::MEMBER;
                Action::Restrict(Restrict { user, denied, until_ms: 1, cut })
            }
            3 | 4 => {
                let rights = rights & Rights::ADMIN;
                let cut = cut.filter(|_| bare);
                Action::Promote(Promote { user, rights, rank: Text::default(), cut })
            }
            5 => Action::Demote(Demote { user, cut }),
            6 => {
                let defaults = rights & Rights::MEMBER;
                let wider = defaults.has(self.chain.state().defaults());
                let setting = Setting::Defaults(defaults | Rights::TEXT);
                Action::Info(Info { setting, cut: cut.filter(|_| !wider), epoch: None })
            }
            7 => Action::Admit(Admit { user, invite: None }),
            8 => Action::Invite(Invite { token, limit: 0, until_ms: 0, approval: false }),
            9 => Action::InviteRevoke(InviteRevoke { token, cut }),
            10 => {
                let entries = (0..3).map(|_| self.target()).collect();
                Action::Restore(Restore { entries: List::new(entries).unwrap() })
            }
            11 => return self.settle(),
            12 => return self.come_or_go(),
            13 => Action::TransferOwner(TransferOwner { user }),
            14 => return self.recover(),
            15 => {
                let public = self.chain.state().is_public();
                if public {
                    let certs = self.certs();
                    let certs: Vec<_> = certs.iter().collect();
                    let (epoch, _) = epoch(self.chain.next_place(), &certs, &mut self.rng);
                    let setting = Setting::Private(true);
                    Action::Info(Info { setting, cut, epoch: Some(epoch) })
                } else {
                    let setting = Setting::Public(List::default());
                    Action::Info(Info { setting, cut: None, epoch: None })
                }
            }
            _ => {
                let certs = self.certs();
                let Some(epoch) = self.key(&certs) else { return };
                return self.write(None, Action::Epoch(epoch));
            }
        };
        self.write(Some(by), action);
    }

    fn certs(&self) -> Vec<crate::NodeCert> {
        let members = self.chain.state().members();
        members.map(|node| node.newest_cert().unwrap().clone()).collect()
    }

    fn settle(&mut self) {
        let Some(entry) = self.data.choose(&mut self.rng) else { return };
        let (node, inc) = (entry.at.node, entry.at.inc);
        let keep = Some(entry.at).filter(|_| self.rng.random_bool(0.8));
        self.write(None, Action::Settle(Settle { node, inc, keep }));
    }

    fn come_or_go(&mut self) {
        let node = self.rng.random_range(0..3);
        let short = self.nodes[node].short();
        let known = self.chain.state().nodes.get(&short).cloned();
        let Some(known) = known.filter(|_| short != self.chain.state().home.short()) else {
            return;
        };
        if !known.member {
            let action = self.add_node(node, known.floor);
            return self.write(None, action);
        }
        let rest: Vec<_> =
            self.certs().into_iter().filter(|cert| cert.node().short() != short).collect();
        let epoch = self.key(&rest);
        let cut = self.cut();
        let by = UserRef { node: self.chain.state().home.short(), id: 1 };
        self.write(Some(by), Action::RemoveNode(RemoveNode { node: short, cut, epoch }));
    }

    fn recover(&mut self) {
        let head = self.chain.state().head.0;
        let keep = self.rng.random_range(2.min(head)..=head);
        let base = self.chain.state_at(keep).unwrap();
        let number = self.chain.state().generation.recovery + 1;
        let members: Vec<_> =
            base.members().map(|node| node.newest_cert().unwrap().clone()).collect();
        let cert = members.choose(&mut self.rng).unwrap().clone();
        let place = recover_place(&self.chain, keep, number, cert.node()).unwrap();
        let certs: Vec<_> = members.iter().collect();
        let key = (!base.is_public()).then(|| epoch(place, &certs, &mut self.rng).0);
        let body = Recover {
            keep: self.chain.at(keep).unwrap().id().0,
            cert: cert.clone(),
            drop: List::default(),
            certs: List::default(),
            epoch: key,
            undo: false,
            owner: None,
            recovery: None,
        };
        let body = ControlBody::bare(Action::Recover(Box::new(body)));
        let home = (cert.node(), cert.body.serial);
        let entry =
            write_recover(&self.chain, keep, number, home, &body, &self.recovery, &mut self.rng)
                .unwrap();
        let entry = ControlEntry::new(entry).unwrap();
        let accepted = self.chain.offer(entry.clone()).unwrap();
        assert!(matches!(accepted, Accepted::Recovered { .. }), "{accepted:?}");
        self.control.push(entry);
    }

    fn step_data(&mut self) {
        let node = self.rng.random_range(0..3);
        let inc = u32::from(self.rng.random_bool(0.25));
        let short = self.nodes[node].short();
        let mut lane: Vec<&DataEntry> =
            self.data.iter().filter(|e| (e.at.node, e.at.inc) == (short, inc)).collect();
        lane.sort_by_key(|entry| entry.at);
        // Mostly after the last one; sometimes beside it.
        let before = match lane.last() {
            Some(_) if self.rng.random_bool(0.1) => lane.choose(&mut self.rng).copied(),
            last => last.copied(),
        };
        let (seq, prev) = match before {
            Some(before) => {
                let mut id = [0; 32];
                id[..16].copy_from_slice(&before.at.hash.0);
                (before.at.seq + 1, EntryId(id))
            }
            None => (0, EntryId::default()),
        };
        let at = EntryRef { node: short, inc, seq, hash: Hash16(self.rng.random()) };
        let ctl = self.cite();
        let body = self.body(node, inc, seq);
        let by_node = matches!(body.kind(), 69 | 70 | 73 | 74 | 75 | 78 | 79);
        let lies = self.rng.random_bool(0.05);
        let id = if by_node != lies { 0 } else { self.rng.random_range(1..4) };
        let mut flags = match &body {
            DataBody::Post(post) => post.classes(),
            DataBody::Edit(edit) => edit.post.classes(),
            _ => Rights::NONE,
        };
        if self.rng.random_bool(0.03) {
            flags = Rights::PHOTO;
        }
        let mut key = self.chain.state().epoch;
        if let Some(cited) = self.control.iter().find(|entry| Some(entry.cite()) == ctl)
            && let Some(state) = self.chain.state_at(cited.seq())
            && self.rng.random_bool(0.9)
        {
            key = state.epoch;
        }
        if matches!(body.kind(), 74 | 75) {
            key = None;
        }
        self.data.push(DataEntry {
            group: self.chain.group(),
            node: self.nodes[node].id,
            at,
            prev,
            user: UserRef { node: short, id },
            ctl,
            epoch: key,
            kind: body.kind(),
            flags,
            content: Content::Said(body),
        });
    }

    /// Mostly near the end of the chain; sometimes of a dead branch, or what nobody has.
    fn cite(&mut self) -> Option<ControlRef> {
        match self.rng.random_range(0..20) {
            0 => None,
            1 => {
                let mut cite = self.chain.cite()?;
                cite.seq += self.rng.random_range(1..5);
                cite.hash = Hash16([8; 16]);
                Some(cite)
            }
            2..5 => self.control.choose(&mut self.rng).map(ControlEntry::cite),
            _ => {
                let entries = self.chain.entries();
                let recent = entries.len().saturating_sub(6);
                entries[recent..].choose(&mut self.rng).map(ControlEntry::cite)
            }
        }
    }

    fn body(&mut self, node: usize, inc: u32, seq: u64) -> DataBody {
        if inc > 0 && seq == 0 && self.rng.random_bool(0.9) {
            let opened = Opened {
                group: self.chain.group(),
                node: self.nodes[node].id,
                inc,
                previous: None,
            };
            let signs = self.rng.random_bool(0.5);
            let root = signs.then(|| RootOpening::sign(&opened, &self.nodes[node].root));
            return DataBody::Open(Box::new(Open { cert: None, previous: None, root }));
        }
        let target = self.target();
        let words = |rng: &mut StdRng| match text(&rng.random_range(0..99u32).to_string()) {
            DataBody::Post(post) => post,
            _ => unreachable!(),
        };
        match self.rng.random_range(0..27) {
            24.. => crate::testing::sums(target, &mut self.rng),
            20 => crate::testing::topic(&mut self.rng),
            21..24 => {
                let topics: Vec<_> = self.data.iter().filter(|entry| entry.kind == 76).collect();
                let topic = topics.choose(&mut self.rng).map(|entry| entry.at);
                crate::testing::topic_edit(topic.or(Some(target)), &mut self.rng)
            }
            0..6 => DataBody::Post(words(&mut self.rng)),
            6..8 => DataBody::Edit(Edit { target, post: words(&mut self.rng) }),
            8 => DataBody::Delete(Delete { target }),
            9..11 => DataBody::Pin(Pin { target }),
            11 => DataBody::Unpin(Unpin { pins: List::new(vec![target]).unwrap() }),
            12..14 => {
                let items = (0..2)
                    .map(|_| Reaction {
                        user: self.rng.random_range(0..4),
                        target: self.target(),
                        reactions: List::new(
                            (0..self.rng.random_range(0..2))
                                .map(|_| Text::new("👍").unwrap())
                                .collect(),
                        )
                        .unwrap(),
                    })
                    .collect();
                DataBody::React(React { items: List::new(items).unwrap() })
            }
            14 => {
                let counts = List::new(vec![(1, self.rng.random_range(0..5))]).unwrap();
                DataBody::Tally(Tally { target, counts })
            }
            15 => {
                let options = (0..self.rng.random_range(0..2)).collect();
                DataBody::Vote(Vote { target, options: List::new(options).unwrap() })
            }
            16 => DataBody::Count(Count { members: self.rng.random_range(0..9) }),
            _ => {
                let invite = self.rng.random_bool(0.5).then_some(Hash16([1; 16]));
                DataBody::Member(Member { join: self.rng.random_bool(0.8), invite })
            }
        }
    }
}

/// Lanes that hold these, fed in a random order that puts each entry after the one before it, while the
/// chain grows; compared with the oracle `checks` times on the way and at the end.
fn replay(seed: u64, world: &World, rng: &mut StdRng, checks: usize) -> View {
    let mut chain = Chain::new(world.control[0].clone()).unwrap();
    let mut lanes = Lanes::default();
    let mut control = world.control[1..].iter();
    let mut waiting: Vec<_> = world.data.iter().collect();
    waiting.shuffle(rng);
    let mut here: Vec<DataEntry> = Vec::new();
    let total = world.control.len() + world.data.len();
    for step in 0.. {
        let ready = waiting.iter().position(|entry| {
            entry.before().is_none_or(|before| here.iter().any(|entry| entry.at == before))
        });
        let next_control = (ready.is_none() || rng.random_bool(0.4)).then(|| control.next());
        match (next_control.flatten(), ready) {
            (Some(entry), _) => feed(&mut chain, &mut lanes, entry),
            (None, Some(place)) => {
                let entry = waiting.swap_remove(place);
                lanes.insert(&chain, entry.clone()).unwrap();
                here.push(entry.clone());
            }
            (None, None) => break,
        }
        if step % (total / checks.max(1)).max(1) == 0 {
            let expected = evaluate(chain.entries(), &here).unwrap();
            assert_eq!(lanes.view(&chain), expected, "seed {seed}, step {step}");
        }
    }
    assert!(waiting.is_empty());
    let view = lanes.view(&chain);
    assert_eq!(Some(&view), evaluate(chain.entries(), &here).as_ref());
    view
}

fn feed(chain: &mut Chain, lanes: &mut Lanes, entry: &ControlEntry) {
    let from = chain.state().head.0 + 1;
    match chain.offer(entry.clone()).unwrap() {
        Accepted::Appended { revocations } => drop(lanes.chain_grew(chain, from, &revocations)),
        Accepted::Recovered { .. } => drop(lanes.chain_changed(chain)),
        other => panic!("{other:?}"),
    }
}

/// A world of 70 random steps.
fn world(seed: u64) -> World {
    let mut world = World::new(seed);
    for _ in 0..70 {
        if world.rng.random_bool(0.3) { world.step_control() } else { world.step_data() }
    }
    world
}

/// The two evaluators agree at every step, and the end does not depend on the order.
#[test]
fn two_evaluators_agree_in_any_order() {
    let first = number("ROOKERY_SIM_SEED").unwrap_or(1);
    let mut shown = 0;
    let mut pinned = 0;
    let seeds = number("ROOKERY_SIM_SEEDS").unwrap_or(150);
    for seed in first..first + seeds {
        let world = world(seed);
        let mut rng = seeded(seed);
        let checks = if seed % 10 == 0 { 100 } else { 6 };
        let view = replay(seed, &world, &mut rng, checks);
        let again = replay(seed, &world, &mut rng, 1);
        assert_eq!(view, again, "seed {seed}");
        shown += view.messages.len() as u64;
        pinned += view.messages.values().filter(|message| !message.pins.is_empty()).count() as u64;
    }
    // A world in which nothing is ever shown would prove nothing.
    assert!(shown > seeds && pinned > seeds / 10, "{shown} messages, {pinned} pinned");
}

/// Every reason for which an entry can be void occurs in these worlds.
#[test]
fn every_reason_to_be_void_occurs() {
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for seed in 1..60 {
        let world = world(seed);
        let mut lanes = Lanes::default();
        let mut entries = world.data.clone();
        entries.sort_by_key(|entry| entry.at);
        for entry in entries {
            let at = entry.at;
            lanes.insert(&world.chain, entry).unwrap();
            for judgement in lanes.judgements(&at) {
                let name = format!("{judgement:?}");
                *seen
                    .entry(
                        name.split_once(|c: char| c.is_ascii_digit())
                            .map_or(name.clone(), |(name, _)| name.to_owned()),
                    )
                    .or_default() += 1;
            }
        }
    }
    for reason in ["Position", "Unopened", "NotWriter", "Epoch", "Contradiction", "NoRight"] {
        let count = seen.get(&format!("Err({reason})")).copied().unwrap_or_default();
        assert!(count > 5, "{reason}: {seen:?}");
    }
    assert!(seen["Err(Revoked("] > 100 && seen["Ok(())"] > 100, "{seen:?}");
}

/// If a node kept what had come to it before a ban, nodes would not agree; and this would be seen.
#[test]
fn an_implicit_cut_is_seen() {
    let differs = Mutant::ImplicitCut.during(|| {
        std::panic::catch_unwind(|| {
            for seed in 1..60 {
                replay(seed, &world(seed), &mut seeded(seed), 6);
            }
        })
    });
    assert!(differs.is_err());
}

/// A lower cut on a rogue is the world in which what they did above it never was: messages, edits,
/// reactions, pins, and what they had deleted of others.
#[test]
fn a_cut_undoes_what_stands_above_it() {
    let mut undone = 0;
    for seed in 1..number("ROOKERY_SIM_SEEDS").unwrap_or(400).max(400) {
        let mut world = world(seed);
        let owner = world.chain.state().owner;
        let lane: Vec<_> = world.data.iter().filter(|entry| entry.at.inc == 0).collect();
        let Some(kept) = lane.choose(&mut world.rng).map(|entry| entry.at) else { continue };
        let rogue = UserRef { node: kept.node, id: world.rng.random_range(1..4) };
        if owner.node != world.chain.state().home.short() || rogue == owner {
            continue;
        }
        let cut = Some(Cut::new(vec![kept]).unwrap());
        world.write(Some(owner), Action::Ban(Ban { user: rogue, cut }));
        let banned = evaluate(world.chain.entries(), &world.data).unwrap();

        let is_above = |entry: &DataEntry| entry.at.inc != 0 || entry.at.seq > kept.seq;
        let own = |target: &EntryRef| {
            world.data.iter().any(|entry| entry.at == *target && entry.user == rogue)
        };
        let mut without = world.data.clone();
        for entry in without.iter_mut().filter(|entry| entry.at.node == rogue.node) {
            // Taking back what is one's own needs no right, and so no ban takes it away.
            let needs_none = match entry.body() {
                Some(DataBody::Delete(delete)) => own(&delete.target),
                Some(DataBody::Member(member)) => !member.join,
                // It opens a lane for everybody, whoever is said to speak.
                Some(DataBody::Open(_)) => true,
                _ => false,
            };
            // Lanes of other incarnations that were closed before stay as they were.
            let position = world.chain.state().head.0 - 1;
            let closed = world.chain.timeline().is_closed(entry.at.node, entry.at.inc, position);
            if !is_above(entry) || (entry.at.inc != kept.inc && closed) {
                continue;
            }
            if let Some(DataBody::React(react)) = entry.body() {
                let others = react.items.iter().filter(|item| item.user != rogue.id).cloned();
                let items = List::new(others.collect()).unwrap();
                entry.content = Content::Said(DataBody::React(React { items }));
            } else if entry.user == rogue && !needs_none {
                undone += 1;
                (entry.kind, entry.flags, entry.content) = (71, Rights::NONE, Content::Hidden);
            }
        }
        let never = evaluate(world.chain.entries(), &without).unwrap();
        assert_eq!(banned, never, "seed {seed}");
    }
    assert!(undone > 150, "{undone}");
}
