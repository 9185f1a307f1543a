//! Forks of the control chain, and what recovers a group.

use super::*;

/// A rival of the next entry, by the home.
fn rival(group: &Group, action: Action, seed: u64) -> ControlEntry {
    let home = group.home_node();
    control(&group.chain, &group.nodes[home], None, action, &mut seeded(seed))
}

#[test]
fn a_fork_in_the_running_term_stops_control_and_nothing_else() {
    let mut group = Group::new(&SUPERGROUP);
    let other = rival(&group, checkpoint(), 60);
    let target = group.nodes[1].user(3);
    assert_eq!(group.home(Some(1), ban(target)), Verdict::Applied);
    let before = group.state().clone();
    let Accepted::Disputed(proof) = group.chain.offer(other.clone()).unwrap() else { panic!() };
    assert_eq!(proof.seq(), 3);
    assert_eq!(group.state(), &before);
    let next = rival(&group, checkpoint(), 61);
    assert_eq!(group.chain.offer(next).unwrap_err(), Refused::Disputed);
    assert_eq!(group.state(), &before);
    // The recovery key chooses, and control goes on.
    let recovered = recover(&group, 3, 1, 0, |_| {});
    assert!(matches!(group.chain.offer(recovered), Ok(Accepted::Recovered { keep: 3, .. })));
    assert!(group.chain.dispute().is_none());
    assert_eq!(group.home(None, demote(target)), NOT_ALLOWED);
    // The rival is known, and below the Recover it is nothing.
    assert!(matches!(group.chain.offer(other), Ok(Accepted::Known)));
    assert!(group.chain.dispute().is_none());
}

#[test]
fn late_forks_below_a_later_term_or_by_an_old_key_change_nothing() {
    let mut group = Group::new(&SUPERGROUP);
    let rivals = [rival(&group, checkpoint(), 70)];
    group.home(None, demote(group.nodes[1].user(3)));
    let moved = move_home(&group, 1);
    let double = rival(&group, move_home(&group, 2), 71);
    assert_eq!(group.home(None, moved), Verdict::Applied);
    group.home(None, checkpoint());
    for entry in rivals.into_iter().chain([double]) {
        assert!(matches!(group.chain.offer(entry), Ok(Accepted::Pinned(_))));
    }
    assert!(group.chain.dispute().is_none());

    // The home takes a new key; the old one signs a rival above and below that place.
    let mut rng = seeded(72);
    let below = rival(&group, checkpoint(), 73);
    group.home(None, checkpoint());
    let home = group.home_node();
    group.nodes[home].rotate(&mut rng);
    let cert = group.nodes[home].cert.clone();
    assert_eq!(group.home(None, Action::Cert(Box::new(cert))), Verdict::Applied);
    let (serial, old) = group.nodes[home].old_ops.pop().unwrap();
    let author = crate::Author { node: group.nodes[home].id, serial, key: &old };
    let body = ControlBody::bare(checkpoint());
    let stolen = write_control(&group.chain, author, None, &body, 5, &mut rng).unwrap();
    assert_eq!(group.home(None, checkpoint()), Verdict::Applied);
    let stolen = ControlEntry::new(stolen).unwrap();
    assert_eq!(group.chain.offer(stolen).unwrap_err(), Refused::Signature);
    assert!(matches!(group.chain.offer(below), Ok(Accepted::Pinned(_))));
    assert!(group.chain.dispute().is_none());
}

/// The same header and body under another signature: the name is that of the true entry.
fn forged(entry: &ControlEntry) -> ControlEntry {
    let mut bytes = entry.entry().encode();
    let place = bytes.len() - entry.entry().body().map_or(0, <[u8]>::len) - 10;
    bytes[place] ^= 1;
    let forged = ControlEntry::new(crate::entry::Entry::decode(&bytes).unwrap()).unwrap();
    assert_eq!(forged.id(), entry.id());
    forged
}

#[test]
fn a_forgery_does_not_displace_what_is_held_aside() {
    let mut group = Group::new(&SUPERGROUP);
    let mut behind = group.chain.clone();
    let double = rival(&group, checkpoint(), 81);
    let target = group.nodes[1].user(3);
    assert_eq!(group.home(Some(1), ban(target)), Verdict::Applied);
    assert_eq!(group.home(None, checkpoint()), Verdict::Applied);
    let branch: Vec<_> = group.chain.entries()[3..].to_vec();
    let recovered = recover(&group, 4, 1, 0, |_| {});
    // A chain that is disputed takes the branch aside, and what is forged of it after the true one.
    behind.offer(double.clone()).unwrap();
    assert!(matches!(behind.offer(branch[0].clone()), Ok(Accepted::Disputed(_))));
    behind.offer(branch[1].clone()).unwrap();
    behind.offer(forged(&branch[1])).unwrap();
    let accepted = behind.offer(recovered.clone());
    assert!(matches!(accepted, Ok(Accepted::Recovered { keep: 2, .. })), "{accepted:?}");
    assert_eq!(group.chain.offer(recovered).map(drop), Ok(()));
    assert_eq!(behind.state(), group.state());
}

#[test]
fn forgeries_take_no_place_from_what_is_signed() {
    let mut group = Group::new(&SUPERGROUP);
    let mut behind = group.chain.clone();
    for _ in 0..SIDE_ENTRIES_MAX + 2 {
        assert_eq!(group.home(None, checkpoint()), Verdict::Applied);
    }
    let all: Vec<_> = group.chain.entries()[3..].to_vec();
    // Full of forgeries, which are nearer to the head than the last true entry.
    for entry in &all[1..=SIDE_ENTRIES_MAX] {
        behind.offer(forged(entry)).unwrap();
    }
    let last = all.last().unwrap();
    behind.offer(last.clone()).unwrap();
    assert!(behind.find(&last.id()).is_some());
    // And none of them takes the place of another true one.
    behind.offer(forged(&all[1])).unwrap();
    assert!(behind.find(&last.id()).is_some());
    assert_eq!(behind.aside().count(), SIDE_ENTRIES_MAX);
}

/// A double MoveHome forks the running term as long as nothing of the next is there.
#[test]
fn a_double_move_is_a_fork() {
    let mut group = Group::new(&SUPERGROUP);
    let double = rival(&group, move_home(&group, 2), 80);
    let moved = move_home(&group, 1);
    assert_eq!(group.home(None, moved), Verdict::Applied);
    assert!(matches!(group.chain.offer(double), Ok(Accepted::Disputed(_))));
    assert_eq!(group.home_node(), 1);
}

/// A Recover above `keep` that makes `home` the next home.
fn recover(
    group: &Group,
    keep: u64,
    number: u32,
    home: usize,
    change: impl Fn(&mut Recover),
) -> ControlEntry {
    let id = group.nodes[home].id;
    let mut body = Recover {
        keep: group.chain.at(keep).unwrap().id().0,
        cert: group.nodes[home].cert.clone(),
        drop: List::default(),
        certs: List::default(),
        epoch: None,
        undo: false,
        owner: None,
        recovery: None,
    };
    change(&mut body);
    let serial = body.cert.body.serial;
    assert!(recover_place(&group.chain, keep, number, id).is_some());
    let body = ControlBody::bare(Action::Recover(Box::new(body)));
    let key = &group.recovery;
    let mut rng = seeded(u64::from(number) * 1000 + keep);
    let entry =
        write_recover(&group.chain, keep, number, (id, serial), &body, key, &mut rng).unwrap();
    ControlEntry::new(entry).unwrap()
}

#[test]
fn recover_moves_a_group_from_a_dead_home() {
    let mut group = Group::new(&SUPERGROUP);
    let target = group.nodes[2].user(5);
    group.home(Some(1), ban(target));
    let dropped = group.nodes[0].short();
    // The owner's node goes, so there has to be another owner.
    let without = recover(&group, 2, 1, 1, |body| {
        body.drop = List::new(vec![(dropped, cut(&[]).unwrap())]).unwrap();
    });
    assert_eq!(group.chain.offer(without).unwrap_err(), Refused::Recover);
    let owner = group.nodes[1].user(9);
    let taken = recover(&group, 2, 1, 1, |body| {
        body.drop = List::new(vec![(dropped, cut(&[]).unwrap())]).unwrap();
        body.owner = Some(owner);
    });
    let id = taken.id();
    let Ok(Accepted::Recovered { keep, replaced }) = group.chain.offer(taken) else { panic!() };
    assert_eq!((keep, replaced.len()), (2, 1));
    let state = group.state();
    assert_eq!((state.home, state.owner), (group.nodes[1].id, owner));
    assert_eq!(state.generation, Generation { recovery: 1, act: id.short(), term: 0 });
    assert!(state.admins.is_empty() && state.denied.is_empty() && !state.is_member(dropped));
    assert_eq!(group.home(Some(9), ban(target)), Verdict::Applied);

    // Another with the same number: the greater seq wins, then the smaller id.
    let rival_low = recover(&group, 1, 1, 2, |_| {});
    assert!(matches!(group.chain.offer(rival_low), Ok(Accepted::Aside)));
    let higher = recover(&group, 1, 2, 2, |_| {});
    assert!(matches!(group.chain.offer(higher), Ok(Accepted::Recovered { keep: 1, .. })));
    assert_eq!(group.home_node(), 2);
}

#[test]
fn only_the_recovery_key_in_force_recovers() {
    let mut group = Group::new(&SUPERGROUP);
    let mut rng = seeded(90);
    let next = NodeIdentity::generate(&mut rng);
    let old = std::mem::replace(&mut group.recovery, NodeIdentity::generate(&mut rng));
    let forged = recover(&group, 2, 1, 0, |_| {});
    assert_eq!(group.chain.offer(forged).unwrap_err(), Refused::Signature);
    group.recovery = old;
    // The key is changed by the key; what it signs below that change is not taken any more.
    let change = recover(&group, 2, 1, 0, |body| {
        body.recovery = Some(*next.public().as_bytes());
    });
    let below = recover(&group, 1, 5, 1, |_| {});
    assert!(matches!(group.chain.offer(change), Ok(Accepted::Recovered { keep: 2, .. })));
    assert!(matches!(group.chain.offer(below), Ok(Accepted::Aside)));
    let above = recover(&group, 3, 6, 1, |_| {});
    assert_eq!(group.chain.offer(above).unwrap_err(), Refused::Signature);
    group.recovery = next;
    let above = recover(&group, 3, 6, 1, |_| {});
    assert!(matches!(group.chain.offer(above), Ok(Accepted::Recovered { keep: 3, .. })));
}

/// Whatever the order in which two branches and their Recovers come, the outcome is one.
#[test]
fn branches_and_recovers_may_come_in_any_order() {
    let mut group = Group::new(&SUPERGROUP);
    let target = group.nodes[2].user(5);
    let start: Vec<_> = group.chain.entries().to_vec();
    let mut other = Chain::new(start[0].clone()).unwrap();
    start[1..].iter().for_each(|entry| drop(other.offer(entry.clone()).unwrap()));
    group.home(Some(1), ban(target));
    group.home(Some(1), Action::Unban(Unban { user: target }));
    let first = group.chain.entries()[3..].to_vec();
    let main = std::mem::replace(&mut group.chain, other);
    let settle = Action::Settle(Settle { node: target.node, inc: 0, keep: None });
    group.home(None, settle);
    let second = group.chain.entries()[3..].to_vec();
    let on_second = recover(&group, 3, 1, 1, |_| {});
    group.chain.offer(on_second.clone()).unwrap();
    group.home(None, checkpoint());
    let after = group.chain.entries().last().unwrap().clone();
    let wanted = group.state().clone();

    let mut entries: Vec<_> = first.into_iter().chain(second).collect();
    entries.extend([on_second, after]);
    group.chain = main;
    let mut rng = seeded(91);
    for _ in 0..50 {
        use rand::seq::SliceRandom;
        entries.shuffle(&mut rng);
        let mut chain = Chain::new(start[0].clone()).unwrap();
        for _ in 0..2 {
            for entry in start[1..].iter().chain(&entries) {
                drop(chain.offer(entry.clone()));
            }
        }
        assert_eq!(chain.state(), &wanted);
        assert!(chain.dispute().is_none());
    }
}

/// What is not the next entry is told as such, and nothing is changed by asking.
#[test]
fn what_would_not_be_appended_is_told() {
    let mut group = Group::new(&SUPERGROUP);
    let old = rival(&group, checkpoint(), 90);
    group.home(None, checkpoint());
    let before = group.state().clone();
    let next = rival(&group, checkpoint(), 91);
    assert_eq!(group.chain.would(&next), Ok(Verdict::Applied));
    assert_eq!(group.chain.would(&rival(&group, ban(group.nodes[1].user(2)), 92)), Ok(NOT_ALLOWED));
    assert_eq!(group.chain.would(&old), Err(Refused::Place));
    assert_eq!(group.chain.would(&group.chain.entries()[3]), Err(Refused::Place));
    assert_eq!(group.chain.would(&recover(&group, 3, 1, 0, |_| {})), Err(Refused::Place));
    let foreign = Group::new(&Start { shows_history: false, ..SUPERGROUP });
    assert_eq!(group.chain.would(&rival(&foreign, checkpoint(), 93)), Err(Refused::Group));
    let thief = control(&group.chain, &group.nodes[1], None, checkpoint(), &mut group.rng);
    assert_eq!(group.chain.would(&thief), Err(Refused::Place));
    let author = crate::Author { key: &group.nodes[1].op, ..group.nodes[0].author() };
    let body = ControlBody::bare(checkpoint());
    let stolen = write_control(&group.chain, author, None, &body, 0, &mut seeded(94)).unwrap();
    let stolen = ControlEntry::new(stolen).unwrap();
    assert_eq!(group.chain.would(&stolen), Err(Refused::Signature));
    assert_eq!(group.state(), &before);
    assert_eq!(group.chain.entries().len(), 4);

    assert!(matches!(group.chain.offer(old), Ok(Accepted::Disputed(_))));
    // A forgery is not even held: nobody asks for what is held.
    let forgery = forged(&next);
    assert_eq!(group.chain.would(&forgery), Err(Refused::Signature));
    assert_eq!(group.chain.offer(forgery).unwrap_err(), Refused::Signature);
    assert!(group.chain.find(&next.id()).is_none());
    assert_eq!(group.chain.would(&next), Err(Refused::Disputed));
    assert_eq!(group.chain.offer(next).unwrap_err(), Refused::Disputed);
}

/// What is stored is read back: with recoveries, moves, void entries and mismatched checkpoints.
#[test]
fn a_chain_is_read_back_from_its_entries() {
    let mut group = Group::new(&SUPERGROUP);
    let user = group.nodes[1].user(5);
    assert_eq!(group.home(Some(1), promote(user, STAFF)), Verdict::Applied);
    assert_eq!(group.home(None, ban(user)), NOT_ALLOWED);
    assert_eq!(group.home(None, checkpoint()), Verdict::Applied);
    for round in 0..200 {
        let user = group.nodes[2].user(2 + round % 3);
        group.home(Some(1), if round % 2 == 0 { ban(user) } else { demote(user) });
    }
    let base = group.state().head.0 - 1;
    let recovered = recover(&group, base, 1, 1, |_| {});
    let accepted = group.chain.offer(recovered).unwrap();
    assert!(matches!(accepted, Accepted::Recovered { .. }));
    let moved = move_home(&group, 2);
    assert_eq!(group.home(None, moved), Verdict::Applied);
    assert_eq!(group.home(None, checkpoint()), Verdict::Applied);

    let stored = group.chain.entries().to_vec();
    let back = Chain::restore(stored.clone()).unwrap();
    assert_eq!(back.state(), group.state());
    assert_eq!(back.state().digest(), group.state().digest());
    assert_eq!(back.verdicts(), group.chain.verdicts());
    assert!(back.mismatches().eq(group.chain.mismatches()));
    assert!(back.mismatches().count() == 2 && back.aside().count() == 0);
    for (seq, entry) in stored.iter().enumerate() {
        assert_eq!(back.at(seq as u64).map(ControlEntry::id), Some(entry.id()));
        assert_eq!(back.state_at(seq as u64), group.chain.state_at(seq as u64));
    }
    // It goes on where the other one does.
    let next = rival(&group, checkpoint(), 95);
    assert_eq!(back.would(&next), Ok(Verdict::Applied));

    // One that is missing, twice, in the wrong place or of another branch.
    let dead = group.chain.aside().next().unwrap().clone();
    let refused = |entries: Vec<ControlEntry>| Chain::restore(entries).map(drop).unwrap_err();
    assert_eq!(refused(Vec::new()), Refused::Group);
    assert_eq!(refused(stored[1..].to_vec()), Refused::Group);
    for place in [2, 4, stored.len() - 3, stored.len() - 2] {
        let mut gap = stored.clone();
        gap.remove(place);
        assert_eq!(refused(gap), Refused::Place);
        let mut twice = stored.clone();
        twice.insert(place, stored[place - 1].clone());
        assert_eq!(refused(twice), Refused::Place);
        let mut swapped = stored.clone();
        swapped.swap(place - 1, place);
        assert_eq!(refused(swapped), Refused::Place);
        let mut other = stored.clone();
        other.insert(place, dead.clone());
        assert_eq!(refused(other), Refused::Place);
    }
}
