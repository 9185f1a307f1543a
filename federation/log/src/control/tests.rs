use keys::NodeIdentity;
use rand::rngs::StdRng;

use super::*;
use crate::author::{recover_place, write_control, write_recover};
use crate::body::{
    Action, AddNode, Admit, Ban, Checkpoint, ControlBody, Demote, Info, Invite, InviteRevoke,
    MoveHome, Promote, Recover, RemoveNode, Restrict, Setting, Settle, TransferOwner, Unban,
};
use crate::cbor::{List, Text};
use crate::header::Generation;
use crate::ids::{Hash16, UserRef};
use crate::rights::Rights;
use crate::testing::{SUPERGROUP, Start, TestNode, control, cut, epoch, genesis, seeded};

mod forks;

/// A group with its home (node 0), two more member nodes, and a recovery key.
struct Group {
    nodes: Vec<TestNode>,
    recovery: NodeIdentity,
    chain: Chain,
    rng: StdRng,
    asks: u64,
}

impl Group {
    fn new(start: &Start) -> Self {
        let mut rng = seeded(7);
        let nodes: Vec<_> = (0..4).map(|_| TestNode::new(&mut rng)).collect();
        let recovery = NodeIdentity::generate(&mut rng);
        let (first, _) = genesis(&nodes[0], &recovery, start, &mut rng);
        let chain = Chain::new(ControlEntry::new(first).unwrap()).unwrap();
        let mut group = Self { nodes, recovery, chain, rng, asks: 0 };
        for node in [1, 2] {
            let action = group.add_node(node, 0);
            assert_eq!(group.home(None, action), Verdict::Applied);
        }
        group
    }

    fn add_node(&mut self, node: usize, first_inc: u32) -> Action {
        let cert = self.nodes[node].cert.clone();
        let mut next = self.members();
        next.push(cert.clone());
        let epoch = self.next_epoch(&next);
        Action::AddNode(Box::new(AddNode { cert, first_inc, epoch }))
    }

    fn members(&self) -> Vec<crate::NodeCert> {
        self.chain.state().members().map(|node| node.newest_cert().unwrap().clone()).collect()
    }

    fn next_epoch(&mut self, certs: &[crate::NodeCert]) -> Option<crate::body::Epoch> {
        let certs: Vec<_> = certs.iter().collect();
        let private = !self.chain.state().is_public();
        private.then(|| epoch(self.chain.next_place(), &certs, &mut self.rng).0)
    }

    /// The home writes for itself or for a user of its own.
    fn home(&mut self, user: Option<u64>, action: Action) -> Verdict {
        let home = self.home_node();
        let user = user.map(|id| self.nodes[home].user(id));
        let entry = control(&self.chain, &self.nodes[home], user, action, &mut self.rng);
        self.offer(entry)
    }

    fn home_node(&self) -> usize {
        self.nodes.iter().position(|node| node.id == self.chain.state().home).unwrap()
    }

    /// A user of another node asks, and the home writes it as it was asked.
    fn asked(&mut self, node: usize, user: u64, action: Action) -> Verdict {
        self.asks += 1;
        let ask = self.nodes[node].ask(&self.chain, user, &action, self.asks);
        self.answer(self.nodes[node].user(user), ControlBody::answering(action, ask))
    }

    fn answer(&mut self, user: UserRef, body: ControlBody) -> Verdict {
        let author = self.nodes[self.home_node()].author();
        let entry =
            write_control(&self.chain, author, Some(user), &body, 0, &mut self.rng).unwrap();
        self.offer(ControlEntry::new(entry).unwrap())
    }

    fn offer(&mut self, entry: ControlEntry) -> Verdict {
        let would = self.chain.would(&entry);
        let accepted = self.chain.offer(entry).unwrap();
        assert!(matches!(accepted, Accepted::Appended { .. }), "{accepted:?}");
        let verdict = *self.chain.verdicts().last().unwrap();
        assert_eq!(would, Ok(verdict));
        verdict
    }

    fn state(&self) -> &State {
        self.chain.state()
    }
}

fn promote(user: UserRef, rights: Rights) -> Action {
    Action::Promote(Promote { user, rights, rank: Text::default(), cut: None })
}

fn ban(user: UserRef) -> Action {
    Action::Ban(Ban { user, cut: cut(&[]) })
}

fn demote(user: UserRef) -> Action {
    Action::Demote(Demote { user, cut: cut(&[]) })
}

const NOT_ALLOWED: Verdict = Verdict::Void(Void::NotAllowed);
const EVIDENCE: Verdict = Verdict::Void(Void::Evidence);
const STAFF: Rights = Rights(Rights::APPOINT.0 | Rights::BAN.0 | Rights::DELETE.0);

/// owner > a > b, and c beside a. Nobody acts on self, equals, superiors or the owner.
#[test]
fn admins_act_only_below_themselves() {
    let mut group = Group::new(&SUPERGROUP);
    let [a, b] = [2, 3].map(|id| group.nodes[1].user(id));
    let c = group.nodes[2].user(4);
    assert_eq!(group.home(Some(1), promote(a, STAFF)), Verdict::Applied);
    assert_eq!(group.home(Some(1), promote(c, STAFF)), Verdict::Applied);
    assert_eq!(group.asked(1, 2, promote(b, Rights::BAN)), Verdict::Applied);
    let before = group.state().admins.clone();
    let owner = group.state().owner;
    for (node, user, targets) in
        [(1, 3, vec![a, b, c, owner]), (1, 2, vec![a, c, owner]), (2, 4, vec![a, b, c, owner])]
    {
        for target in targets {
            assert_eq!(group.asked(node, user, ban(target)), NOT_ALLOWED, "{user} {target:?}");
            assert_eq!(group.asked(node, user, demote(target)), NOT_ALLOWED);
            assert_eq!(group.asked(node, user, promote(target, Rights::NONE)), NOT_ALLOWED);
        }
    }
    assert_eq!(group.state().admins, before);
    assert_eq!(group.state().owner, owner);
    // Only rights held are granted.
    let plain = group.nodes[2].user(9);
    assert_eq!(group.asked(1, 2, promote(plain, Rights::TOPICS)), NOT_ALLOWED);
    assert_eq!(group.asked(1, 2, promote(plain, Rights::JOIN)), NOT_ALLOWED);

    // Who is banned leaves the appointee to who stood above.
    assert_eq!(group.home(Some(1), ban(a)), Verdict::Applied);
    assert_eq!(group.state().admins[&b].by, owner);
    assert_eq!(group.state().rights(a), Rights::NONE);
    assert!(!group.state().stands_below(b, a));
    assert_eq!(group.home(Some(1), promote(a, STAFF)), NOT_ALLOWED);
    assert_eq!(group.asked(2, 4, Action::Unban(Unban { user: a })), Verdict::Applied);
    assert_eq!(group.state().rights(a), Rights::MEMBER | Rights::JOIN);
}

#[test]
fn what_narrows_carries_a_cut_and_nothing_else_does() {
    let mut group = Group::new(&SUPERGROUP);
    let user = group.nodes[1].user(2);
    let bare = Action::Ban(Ban { user, cut: None });
    assert_eq!(group.home(Some(1), bare), Verdict::Void(Void::Cut));
    let wide = Promote { user, rights: STAFF, rank: Text::default(), cut: cut(&[]) };
    assert_eq!(group.home(Some(1), Action::Promote(wide)), Verdict::Void(Void::Cut));
    assert_eq!(group.home(Some(1), promote(user, STAFF)), Verdict::Applied);
    assert_eq!(group.home(Some(1), promote(user, Rights::BAN)), Verdict::Void(Void::Cut));
    let narrow = Promote { user, rights: Rights::BAN, rank: Text::default(), cut: cut(&[]) };
    assert_eq!(group.home(Some(1), Action::Promote(narrow)), Verdict::Applied);
    let defaults =
        |rights, cut| Action::Info(Info { setting: Setting::Defaults(rights), cut, epoch: None });
    let fewer = Rights::MEMBER - Rights::PHOTO;
    assert_eq!(group.home(Some(1), defaults(fewer, None)), Verdict::Void(Void::Cut));
    assert_eq!(group.home(Some(1), defaults(fewer, cut(&[]))), Verdict::Applied);
    assert_eq!(group.home(Some(1), defaults(Rights::MEMBER, cut(&[]))), Verdict::Void(Void::Cut));
    assert_eq!(group.home(Some(1), defaults(Rights::MEMBER, None)), Verdict::Applied);
    assert_eq!(group.home(Some(1), defaults(Rights::ALL, None)), NOT_ALLOWED);
}

/// What a home writes for another node's user without that node's word has no effect.
#[test]
fn a_home_speaks_for_its_own_users_only() {
    let mut group = Group::new(&SUPERGROUP);
    let admin = group.nodes[1].user(2);
    let victim = group.nodes[2].user(3);
    assert_eq!(group.home(Some(1), promote(admin, STAFF)), Verdict::Applied);
    let invent = |group: &mut Group, evidence| {
        let body = ControlBody { action: ban(victim), evidence };
        group.answer(admin, body)
    };
    assert_eq!(invent(&mut group, None), EVIDENCE);
    // Signed by another node, for another user, for something else, in another group.
    let forged = group.nodes[2].ask(&group.chain, 2, &ban(victim), 100);
    assert_eq!(invent(&mut group, Some(forged)), EVIDENCE);
    let other_user = group.nodes[1].ask(&group.chain, 9, &ban(victim), 101);
    assert_eq!(invent(&mut group, Some(other_user)), EVIDENCE);
    let other = group.nodes[1].ask(&group.chain, 2, &Action::Unban(Unban { user: victim }), 102);
    assert_eq!(invent(&mut group, Some(other)), EVIDENCE);
    let mut changed = group.nodes[1].ask(&group.chain, 2, &ban(victim), 103);
    changed.ask.id.0[15] ^= 1;
    assert_eq!(invent(&mut group, Some(changed)), EVIDENCE);
    // The same ask twice.
    let asked = group.nodes[1].ask(&group.chain, 2, &ban(victim), 104);
    assert_eq!(invent(&mut group, Some(asked.clone())), Verdict::Applied);
    assert_eq!(invent(&mut group, Some(asked)), EVIDENCE);
    // By itself the home writes rules neither.
    for action in [ban(victim), promote(victim, STAFF), Action::Unban(Unban { user: victim })] {
        assert_eq!(group.home(None, action), NOT_ALLOWED);
    }
}

/// The home may fill in a cut that was left open, not one that was given; an ask has to be fresh.
#[test]
fn an_ask_is_answered_as_asked_and_in_time() {
    let mut group = Group::new(&SUPERGROUP);
    let admin = group.nodes[1].user(2);
    let victim = group.nodes[2].user(3);
    assert_eq!(group.home(Some(1), promote(admin, STAFF)), Verdict::Applied);
    let head = crate::EntryRef { node: victim.node, inc: 0, seq: 4, hash: Hash16([1; 16]) };
    let given = Action::Ban(Ban { user: victim, cut: cut(&[head]) });
    let open = Action::Ban(Ban { user: victim, cut: None });
    let asked_given = group.nodes[1].ask(&group.chain, 2, &given, 1);
    let lower = ControlBody::answering(ban(victim), asked_given);
    assert_eq!(group.answer(admin, lower), EVIDENCE);
    let asked_open = group.nodes[1].ask(&group.chain, 2, &open, 2);
    assert_eq!(group.answer(admin, ControlBody::answering(given, asked_open)), Verdict::Applied);

    let old = group.nodes[1].ask(&group.chain, 2, &open, 3);
    for _ in 0..1025 {
        group.home(None, ban(victim));
    }
    assert_eq!(group.answer(admin, ControlBody::answering(ban(victim), old)), EVIDENCE);
}

#[test]
fn a_replaced_key_asks_for_nothing() {
    let mut group = Group::new(&SUPERGROUP);
    let admin = group.nodes[1].user(2);
    let victim = group.nodes[2].user(3);
    assert_eq!(group.home(Some(1), promote(admin, STAFF)), Verdict::Applied);
    let mut rng = seeded(50);
    let stolen = group.nodes[1].ask(&group.chain, 2, &ban(victim), 1);
    group.nodes[1].rotate(&mut rng);
    // The new certificate comes with an ask; what the old key signs is void from then on.
    let mut ask = group.nodes[1].ask(&group.chain, 2, &ban(victim), 2);
    ask.cert = None;
    assert_eq!(group.answer(admin, ControlBody::answering(ban(victim), ask.clone())), EVIDENCE);
    ask = group.nodes[1].ask(&group.chain, 2, &ban(victim), 3);
    ask.cert = Some(group.nodes[1].cert.clone());
    assert_eq!(group.answer(admin, ControlBody::answering(ban(victim), ask)), Verdict::Applied);
    assert_eq!(group.answer(admin, ControlBody::answering(ban(victim), stolen)), EVIDENCE);
}

#[test]
fn nodes_come_and_go_with_the_key_in_one_entry() {
    let private = Start { public: false, ..SUPERGROUP };
    let mut group = Group::new(&private);
    let first = group.state().epoch;
    let removed = group.nodes[2].short();
    let remove = |node, epoch| Action::RemoveNode(RemoveNode { node, cut: cut(&[]), epoch });
    assert_eq!(group.home(Some(1), remove(removed, None)), Verdict::Void(Void::Recipients));
    // A key for the removed node as well, or for one too few.
    let all = group.members();
    let wrong = group.next_epoch(&all);
    assert_eq!(group.home(Some(1), remove(removed, wrong)), Verdict::Void(Void::Recipients));
    let few = group.next_epoch(&all[..1]);
    assert_eq!(group.home(Some(1), remove(removed, few)), Verdict::Void(Void::Recipients));
    assert_eq!(group.state().epoch, first);
    let rest: Vec<_> = all.into_iter().filter(|cert| cert.node().short() != removed).collect();
    let right = group.next_epoch(&rest);
    assert_eq!(group.home(Some(1), remove(removed, right)), Verdict::Applied);
    assert_ne!(group.state().epoch, first);
    assert!(!group.state().is_member(removed));
    // It comes back with an incarnation that the removal has not closed.
    let again = group.add_node(2, 0);
    assert_eq!(group.home(None, again), Verdict::Void(Void::Nothing));
    let floor = group.state().nodes[&removed].floor;
    let again = group.add_node(2, floor);
    assert_eq!(group.home(None, again), Verdict::Applied);

    let home = group.nodes[0].short();
    assert_eq!(group.home(Some(1), remove(home, None)), NOT_ALLOWED);
    // A node with an admin goes only by who stands above them.
    let user = group.nodes[1].user(5);
    assert_eq!(group.home(Some(1), promote(user, Rights::BAN)), Verdict::Applied);
    assert_eq!(group.home(None, remove(user.node, None)), NOT_ALLOWED);
}

#[test]
fn people_come_in_by_invites_and_by_those_who_may() {
    let private = Start { public: false, ..SUPERGROUP };
    let mut group = Group::new(&private);
    let guest = |id| group.nodes[1].user(id);
    let (guests, admin) = ([guest(5), guest(6)], guest(2));
    let invite = |token, limit, approval| {
        Action::Invite(Invite { token: Hash16([token; 16]), limit, until_ms: 0, approval })
    };
    let admit = |user, token: Option<u8>| {
        Action::Admit(Admit { user, invite: token.map(|token| Hash16([token; 16])) })
    };
    assert!(!group.state().rights(guests[0]).has(Rights::JOIN));
    assert_eq!(group.home(Some(1), invite(1, 1, false)), Verdict::Applied);
    assert_eq!(group.home(Some(1), invite(2, 0, true)), Verdict::Applied);
    assert_eq!(group.asked(1, 5, admit(guests[0], None)), NOT_ALLOWED);
    assert_eq!(group.asked(1, 5, admit(guests[0], Some(3))), Verdict::Void(Void::Nothing));
    assert_eq!(group.asked(1, 5, admit(guests[0], Some(2))), NOT_ALLOWED); // to be approved
    assert_eq!(group.asked(1, 5, admit(guests[0], Some(1))), Verdict::Applied);
    assert_eq!(group.asked(1, 6, admit(guests[1], Some(1))), NOT_ALLOWED); // used up
    assert!(group.state().rights(guests[0]).has(Rights::JOIN));
    assert_eq!(group.home(Some(1), promote(admin, Rights::INVITE)), Verdict::Applied);
    assert_eq!(group.asked(1, 2, admit(guests[1], Some(2))), Verdict::Applied);
    let revoke =
        |token| Action::InviteRevoke(InviteRevoke { token: Hash16([token; 16]), cut: cut(&[]) });
    assert_eq!(group.asked(1, 2, revoke(1)), NOT_ALLOWED); // the owner's
    assert_eq!(group.home(Some(1), revoke(1)), Verdict::Applied);
    assert_eq!(group.home(Some(1), revoke(1)), Verdict::Void(Void::Nothing));
}

#[test]
fn restrictions_end_by_the_homes_entry_and_bans_only_by_admins() {
    let mut group = Group::new(&SUPERGROUP);
    let user = group.nodes[1].user(5);
    let restrict =
        |denied, until_ms| Action::Restrict(Restrict { user, denied, until_ms, cut: cut(&[]) });
    assert_eq!(group.home(Some(1), restrict(Rights::PHOTO, 99)), Verdict::Applied);
    assert!(!group.state().rights(user).has(Rights::PHOTO));
    assert!(group.state().rights(user).has(Rights::TEXT));
    assert_eq!(group.home(None, Action::Unban(Unban { user })), Verdict::Applied);
    assert_eq!(group.home(Some(1), restrict(Rights::PHOTO, 0)), Verdict::Applied);
    assert_eq!(group.home(None, Action::Unban(Unban { user })), NOT_ALLOWED);
    assert_eq!(group.home(Some(1), ban(user)), Verdict::Applied);
    assert_eq!(group.home(Some(1), restrict(Rights::PHOTO, 0)), Verdict::Void(Void::Nothing));
    assert_eq!(group.home(None, Action::Unban(Unban { user })), NOT_ALLOWED);
}

#[test]
fn an_owner_hands_over_and_becomes_an_admin_below() {
    let mut group = Group::new(&SUPERGROUP);
    let (old, new) = (group.state().owner, group.nodes[1].user(2));
    let appointee = group.nodes[2].user(3);
    assert_eq!(group.home(Some(1), promote(appointee, STAFF)), Verdict::Applied);
    let transfer = |user| Action::TransferOwner(TransferOwner { user });
    assert_eq!(group.asked(2, 3, transfer(appointee)), NOT_ALLOWED);
    let outsider = group.nodes[3].user(1);
    assert_eq!(group.home(Some(1), transfer(outsider)), NOT_ALLOWED);
    assert_eq!(group.home(Some(1), transfer(new)), Verdict::Applied);
    assert_eq!(group.state().owner, new);
    assert_eq!(group.state().admins[&appointee].by, new);
    assert!(group.state().stands_below(old, new));
    assert_eq!(group.home(Some(1), demote(appointee)), NOT_ALLOWED);
    assert_eq!(group.asked(1, 2, demote(old)), Verdict::Applied);
}

fn move_home(group: &Group, to: usize) -> Action {
    let state = group.state();
    let agreed = MoveHome::agreed_bytes(&state.group, &state.generation, &state.head.1);
    Action::MoveHome(MoveHome {
        node: group.nodes[to].short(),
        key_serial: group.nodes[to].cert.body.serial,
        acceptance: group.nodes[to].op.sign(&agreed),
    })
}

#[test]
fn a_home_moves_to_who_agreed() {
    let mut group = Group::new(&SUPERGROUP);
    let mut forged = move_home(&group, 1);
    if let Action::MoveHome(moved) = &mut forged {
        moved.node = group.nodes[2].short();
    }
    assert_eq!(group.home(None, forged), Verdict::Void(Void::Certificate));
    let stale = move_home(&group, 1);
    group.home(None, demote(group.nodes[1].user(2)));
    assert_eq!(group.home(None, stale), Verdict::Void(Void::Certificate));
    let moved = move_home(&group, 1);
    assert_eq!(group.home(None, moved), Verdict::Applied);
    assert_eq!(group.state().home, group.nodes[1].id);
    assert_eq!(group.state().generation.term, 1);
    // The old home writes no more, and its users are spoken for by asks.
    let late =
        control(&group.chain, &group.nodes[0], None, ban(group.nodes[2].user(3)), &mut seeded(9));
    assert_eq!(group.chain.offer(late).unwrap_err(), Refused::Place);
    let rank = promote(group.nodes[2].user(3), STAFF);
    assert_eq!(group.asked(0, 1, rank), Verdict::Applied);
    let back = move_home(&group, 0);
    assert_eq!(group.home(None, back), Verdict::Applied);
    assert_eq!((group.home_node(), group.state().generation.term), (0, 2));
}

/// The incremental chain and the plain left fold are one, at every position.
#[test]
fn states_at_any_position_are_those_of_the_left_fold() {
    let mut group = Group::new(&SUPERGROUP);
    for round in 0..400 {
        let user = group.nodes[1 + round % 2].user(2 + round as u64 % 5);
        let action = match round % 4 {
            0 => ban(user),
            1 => Action::Unban(Unban { user }),
            2 => promote(user, STAFF),
            _ => demote(user),
        };
        group.home(Some(1), action);
    }
    let states = crate::data::oracle::states(group.chain.entries()).unwrap();
    for (seq, (state, verdict)) in states.iter().enumerate() {
        assert_eq!(group.chain.state_at(seq as u64).as_ref(), Some(state));
        assert_eq!(group.chain.verdicts()[seq], *verdict);
        for user in (2..7).map(|id| group.nodes[1].user(id)) {
            assert_eq!(group.chain.timeline().rights(user, seq as u64), state.rights(user));
        }
    }
    assert_eq!(group.chain.state_at(states.len() as u64), None);
}

fn checkpoint() -> Action {
    Action::Checkpoint(Checkpoint { heads: List::default(), state: [0; 32] })
}

#[test]
fn a_checkpoint_that_does_not_fit_marks_and_blocks_nothing() {
    let mut group = Group::new(&SUPERGROUP);
    let state = group.state().digest();
    let right = Action::Checkpoint(Checkpoint { heads: List::default(), state });
    assert_eq!(group.home(None, right), Verdict::Applied);
    assert_eq!(group.chain.mismatches().count(), 0);
    assert_eq!(group.home(None, checkpoint()), Verdict::Applied);
    assert_eq!(group.chain.mismatches().collect::<Vec<_>>(), [4]);
    assert_eq!(group.home(None, checkpoint()), Verdict::Applied);
}

/// 10,000 entries that each cost as much as they can: federation asks for 50 ms, signatures aside.
#[test]
fn ten_thousand_hostile_entries_fold_quickly() {
    let mut group = Group::new(&SUPERGROUP);
    // A deep tree, so that each look at who stands above takes long.
    let deep: Vec<_> = (10..60).map(|id| group.nodes[0].user(id)).collect();
    assert_eq!(group.home(Some(1), promote(deep[0], Rights::ADMIN)), Verdict::Applied);
    for pair in deep.windows(2) {
        assert_eq!(group.home(Some(pair[0].id), promote(pair[1], Rights::ADMIN)), Verdict::Applied);
    }
    let base = group.state().clone();
    let entries: Vec<_> = (0..10_000)
        .map(|round| {
            let by = Some(deep[round % deep.len()]);
            let target = deep[(round * 7 + 3) % deep.len()];
            let action = match round % 3 {
                0 => demote(target),
                1 => promote(target, Rights::ADMIN),
                _ => ban(group.nodes[1].user(round as u64 + 1)),
            };
            control(&group.chain, &group.nodes[0], by, action, &mut group.rng)
        })
        .collect();
    #[expect(clippy::disallowed_methods, reason = "this measures")]
    let begin = std::time::Instant::now();
    let mut state = base;
    for entry in &entries {
        state.apply(entry);
    }
    let took = begin.elapsed();
    assert!(state.head.0 >= 50);
    // Three times the bar: the machines of CI are shared.
    assert!(took.as_millis() < 150, "{took:?}");
}
