//! Nodes with copies of groups, a network that delays, loses and splits, a seed.

mod net;

#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the tests of swarms, which use all of it"
)]
#[path = "../../tests/support/world.rs"]
mod world;

use glog::body::{Action, Info, Recover, Setting};
use glog::cbor::{List, Text};
use glog::{GroupId, NodeId, write_recover};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::frames::{EntryBytes, HeadsFrame};
use net::*;
use pace::FETCHED_MAX;
use world::{Copy, World};

#[test]
fn a_joiner_fetches_everything_once_from_several_peers() {
    let mut net = Net::new(4, 1);
    let world = net.group(&[0, 1, 2], true);
    let mut all = world.control.clone();
    net.connect(0, 1);
    net.connect(0, 2);
    net.connect(1, 2);
    for round in 0..4 {
        for node in 0..3 {
            all.extend(net.post(node, world.id, 100 + 150 * node + round));
        }
        net.converge(&world.id, &[0, 1, 2], 20_000);
    }
    let joiner = net.nodes[3].keys.id;
    net.nodes[3].copies.insert(world.id, Copy::new(joiner, &world));
    for node in &mut net.nodes {
        node.shared.entry(world.id).or_default().extend([0, 1, 2, 3]);
    }
    for peer in 0..3 {
        net.connect(3, peer);
    }
    net.run(200);
    assert!(net.heads(3, &world.id).is_none(), "nobody makes a node fetch a group");
    let home = net.nodes[0].keys.id;
    let now_ms = net.now_ms;
    net.nodes[3].sync.fetch(world.id, home, now_ms);
    net.flush(3);
    net.converge(&world.id, &[0, 1, 2, 3], 20_000);
    net.run(200);
    assert_eq!(net.nodes[3].fetched, [(world.id, Ok(()))]);
    // It knew what there is before any of it came.
    let lanes = net.heads(0, &world.id).unwrap().lanes.into_iter().collect();
    assert_eq!(net.nodes[3].begun, [(world.id, lanes, 0)]);
    assert!(net.nodes[..3].iter().all(|node| node.begun.is_empty()));
    let (got, missing) = (net.nodes[3].entry_bytes, bytes(&all));
    assert!(got as f64 <= 1.02 * missing as f64, "{got} of {missing}");
    // Three times as much would have come if each peer had been asked.
    assert!(net.nodes.iter().all(|node| node.faults.is_empty()));
    let served: Vec<u64> =
        (0..3).map(|i| net.nodes[3].sync.report(&net.nodes[i].keys.id).entries).collect();
    assert!(served.iter().filter(|entries| **entries > 200).count() >= 2, "{served:?}");
}

#[test]
fn a_partition_heals_with_little_more_than_what_is_missing() {
    for seed in 0..6 {
        let mut net = Net::new(4, 100 + seed);
        let world = net.group(&[0, 1, 2, 3], seed % 2 == 0);
        net.connect_all();
        net.run(1_000);
        for (a, b) in [(0, 2), (0, 3), (1, 2), (1, 3)] {
            net.disconnect(a, b);
        }
        let mut left = Vec::new();
        let mut right = Vec::new();
        for _ in 0..10 {
            left.extend(net.post(0, world.id, 40));
            left.extend(net.post(1, world.id, 30));
            right.extend(net.post(2, world.id, 50));
            net.run(300);
        }
        net.run(3_000);
        for node in &mut net.nodes {
            node.entry_bytes = 0;
        }
        net.connect_all();
        let took = net.converge(&world.id, &everybody(&net), 30_000);
        net.run(40_000);
        let missing = bytes(&left) * 2 + bytes(&right) * 2;
        let got: usize = net.nodes.iter().map(|node| node.entry_bytes).sum();
        assert!(got as f64 <= 1.2 * missing as f64, "seed {seed}: {got} of {missing}");
        assert!(took < 5_000, "seed {seed}: {took} ms");
        assert!(net.nodes.iter().all(|node| node.faults.is_empty()));
    }
}

#[test]
fn whatever_is_lost_or_cut_off_all_have_the_same_in_the_end() {
    for seed in seeds(20) {
        let mut net = Net::new(4, 1_000 + seed);
        net.latency_ms = 150;
        let groups = [net.group(&[0, 1, 2, 3], true), net.group(&[1, 2, 3], false)];
        net.connect_all();
        net.loss = 0.1;
        for _ in 0..30 {
            let (a, b) = (net.rng.random_range(0..4), net.rng.random_range(0..4));
            match net.rng.random_range(0..6) {
                0 if a != b => net.disconnect(a, b),
                1 if a != b => net.connect(a, b),
                2 => {
                    // The home's chain grows: data cites what others do not have yet.
                    let title = Setting::Title(Text::new(format!("{a}{b}")).unwrap());
                    let Net { nodes, rng, now_ms, .. } = &mut net;
                    let (home, world) = if a < 2 { (0, &groups[0]) } else { (1, &groups[1]) };
                    let Node { keys, copies, sync, .. } = &mut nodes[home];
                    let info = Action::Info(Info { setting: title, cut: None, epoch: None });
                    copies.get_mut(&world.id).unwrap().act(keys, info, rng);
                    sync.changed(world.id, false, *now_ms);
                }
                _ => {
                    let group = if a == 0 || b < 2 { &groups[0] } else { &groups[1] };
                    let count = net.rng.random_range(1..30);
                    net.post(a, group.id, count);
                }
            }
            let pause = net.rng.random_range(0..2_000);
            net.run(pause);
        }
        net.loss = 0.02;
        net.connect_all();
        net.converge(&groups[0].id, &everybody(&net), 200_000);
        net.converge(&groups[1].id, &[1, 2, 3], 200_000);
        // Who is no member heard nothing.
        assert!(!net.nodes[0].copies.contains_key(&groups[1].id));
        assert!(net.nodes.iter().all(|node| node.faults.is_empty()), "seed {seed}");
    }
}

#[test]
fn equal_nodes_tell_each_other_nothing_but_digests() {
    let mut net = Net::new(3, 3);
    let world = net.group(&[0, 1, 2], true);
    net.connect_all();
    net.post(1, world.id, 20);
    net.converge(&world.id, &everybody(&net), 5_000);
    net.run(5_000);
    for node in &mut net.nodes {
        node.requests = 0;
        node.entry_bytes = 0;
    }
    net.run(120_000);
    for (i, node) in net.nodes.iter().enumerate() {
        assert_eq!(node.entry_bytes, 0);
        // Four times in two minutes to each of two peers, give or take a fifth.
        assert!((6..=12).contains(&node.requests), "{}", node.requests);
        let other = net.nodes[(i + 1) % 3].keys.id;
        let report = node.sync.report(&other);
        assert!(net.now_ms - report.synced_at.unwrap() < 40_000);
        assert_eq!(report.lag, [(world.id, 0)]);
    }
}

#[test]
fn a_forger_is_reported_and_others_are_asked() {
    let mut net = Net::new(3, 4);
    let world = net.group(&[0, 1, 2], true);
    net.connect(0, 1);
    net.post(0, world.id, 600);
    net.converge(&world.id, &[0, 1], 5_000);
    net.nodes[1].forges = true;
    net.connect(2, 1);
    net.run(3_000);
    let forger = net.nodes[1].keys.id;
    assert!(net.nodes[2].faults[&forger] >= 5);
    assert_eq!(net.nodes[2].copies[&world.id].posts(), 0);
    net.connect(2, 0);
    net.converge(&world.id, &[0, 2], 10_000);
    assert_eq!(net.nodes[2].faults.len(), 1);
}

#[test]
fn a_chain_that_was_recovered_elsewhere_is_followed_down_to_where_it_parts() {
    let mut net = Net::new(3, 5);
    let world = net.group(&[0, 1, 2], true);
    net.connect_all();
    net.run(1_000);
    net.disconnect(0, 1);
    net.disconnect(0, 2);
    // The home goes on alone, as a robbed one would, while the others recover what was before.
    let rename = |title: &str| {
        let setting = Setting::Title(Text::new(title).unwrap());
        Action::Info(Info { setting, cut: None, epoch: None })
    };
    for i in 0..40 {
        let Net { nodes, rng, .. } = &mut net;
        let Node { keys, copies, .. } = &mut nodes[0];
        copies.get_mut(&world.id).unwrap().act(keys, rename(&i.to_string()), rng);
    }
    let Net { nodes, rng, .. } = &mut net;
    let keep = world.control.len() as u64 - 1;
    let chain = nodes[1].copies[&world.id].replica.as_ref().unwrap().chain();
    let (cert, home) = (nodes[1].keys.cert.clone(), nodes[1].keys.id);
    let recover = Recover {
        keep: chain.at(keep).unwrap().id().0,
        cert,
        drop: List::default(),
        certs: List::default(),
        epoch: None,
        undo: false,
        owner: None,
        recovery: None,
    };
    let body = glog::body::ControlBody::bare(Action::Recover(Box::new(recover)));
    let key = &nodes[0].keys.root;
    let entry = write_recover(chain, keep, 1, (home, 1), &body, key, rng).unwrap();
    let copy = nodes[1].copies.get_mut(&world.id).unwrap();
    assert_eq!(copy.receive(&[entry.encode()], 0), (1, 0));
    let now_ms = net.now_ms;
    net.nodes[1].sync.changed(world.id, false, now_ms);
    net.post(2, world.id, 5);
    net.converge(&world.id, &[1, 2], 5_000);
    net.connect_all();
    net.converge(&world.id, &everybody(&net), 10_000);
    assert_eq!(net.heads(0, &world.id).unwrap().control.recovery, 1);
    assert!(net.nodes.iter().all(|node| node.faults.is_empty()));
}

#[test]
fn a_forked_lane_shows_on_both_sides() {
    let mut net = Net::new(3, 6);
    let world = net.group(&[0, 1, 2], true);
    net.post(2, world.id, 3);
    // A cheat: another copy of node 2 says something else after the first three.
    let before: Vec<_> = net.nodes[2].copies[&world.id].stored.values().cloned().collect();
    let mut other = Copy::of(net.nodes[2].keys.id, &world);
    other.receive(&before, 0);
    let Net { nodes, rng, .. } = &mut net;
    let mut theirs = before.clone();
    for i in 0..5 {
        theirs.push(other.post(&nodes[2].keys, &format!("to 1: {i}"), rng));
    }
    net.post(2, world.id, 9);
    let ours: Vec<_> = net.nodes[2].copies[&world.id].stored.values().cloned().collect();
    net.nodes[0].copies.get_mut(&world.id).unwrap().receive(&ours, 0);
    net.nodes[1].copies.get_mut(&world.id).unwrap().receive(&theirs, 0);
    net.connect(0, 1);
    net.run(90_000);
    let cheat = net.nodes[2].keys.id.short();
    for i in 0..2 {
        let replica = net.nodes[i].copies[&world.id].replica.as_ref().unwrap();
        assert_eq!(replica.frozen_from(cheat, 0), Some(3), "node {i}");
    }
    // Both know, and ask no more for it than now and then.
    net.nodes[0].entry_bytes = 0;
    net.nodes[1].entry_bytes = 0;
    net.run(60_000);
    let again = net.nodes[0].entry_bytes + net.nodes[1].entry_bytes;
    assert!(again <= bytes(&ours) + bytes(&theirs), "{again}");
}

#[test]
fn what_answers_nothing_or_lies_ends_a_fetch() {
    let mut net = Net::new(3, 7);
    let world = net.group(&[0], false);
    net.connect(0, 1);
    let joiner = net.nodes[1].keys.id;
    net.nodes[1].copies.insert(world.id, Copy::new(joiner, &world));
    let (home, stranger) = (net.nodes[0].keys.id, net.nodes[2].keys.id);
    let now_ms = net.now_ms;
    let sync = &mut net.nodes[1].sync;
    sync.fetch(world.id, home, now_ms); // which does not let it read
    sync.fetch(GroupId([9; 32]), home, now_ms); // which nobody has
    sync.fetch(world.id, stranger, now_ms); // who is not here
    net.flush(1);
    net.run(1_000);
    let mut results = net.nodes[1].fetched.clone();
    results.sort_by_key(|(_, result)| format!("{result:?}"));
    let unknown = Err(FetchError::Unknown);
    assert_eq!(results.iter().filter(|(_, result)| *result == unknown).count(), 2);
    assert_eq!(results.iter().filter(|(_, r)| *r == Err(FetchError::Unreachable)).count(), 1);
    // A peer that answers nothing at all.
    net.loss = 1.0;
    let now_ms = net.now_ms;
    net.nodes[1].sync.fetch(world.id, home, now_ms);
    net.flush(1);
    net.run(30_000);
    assert_eq!(net.nodes[1].fetched.last(), Some(&(world.id, Err(FetchError::Unreachable))));
}

#[test]
fn a_peer_that_answers_what_was_not_asked_is_at_fault() {
    let mut net = Net::new(2, 8);
    let world = net.group(&[0, 1], true);
    net.post(0, world.id, 10);
    let said: Vec<Vec<u8>> = net.nodes[0].copies[&world.id].stored.values().cloned().collect();
    let entry = |i: usize| EntryBytes::new(said[i].clone()).unwrap();
    let lists = [vec![entry(1)], vec![entry(0), entry(2)], (0..10).map(entry).collect()];
    for list in lists {
        let mut sync = Sync::new(net.nodes[1].keys.id, Limits::default());
        let peer = net.nodes[0].keys.id;
        sync.connected(peer, 0, &mut net.rng);
        let mut faults = 0;
        let mut asked = false;
        let ours = net.heads(1, &world.id);
        sync.fetch(world.id, peer, 0);
        while let Some(effect) = sync.poll() {
            match effect {
                Effect::Ask { ticket, question: Question::Heads(_) } => {
                    sync.answered(ticket, Answer::Heads(ours.clone()), 0);
                }
                Effect::Send { ticket, request: Request::Heads { .. }, .. } => {
                    let mut heads = net.heads(0, &world.id).unwrap();
                    heads.lanes[0].seq = 4; // so that ten entries are more than were asked for
                    let heads = HeadsFrame::new(heads).unwrap();
                    sync.response(ticket, Response::Heads(heads), 0, 0);
                }
                Effect::Send { ticket, request: Request::Fetch { .. }, .. } if !asked => {
                    asked = true;
                    let list = List::new(list.clone()).unwrap();
                    sync.response(ticket, Response::Entries(list), 0, 0);
                }
                Effect::Ask { question: Question::Receive { .. }, .. } => {
                    panic!("handed over what was not asked for");
                }
                Effect::Fault { fault, .. } => {
                    assert_eq!(fault, Fault::Malformed);
                    faults += 1;
                }
                _ => {}
            }
        }
        assert!(asked);
        assert_eq!(faults, 1);
    }
}

/// A node that holds the branch that its home does not keep gets the other one, by names.
#[test]
fn a_settled_fork_ends_equal() {
    for length in [1, 5, 60] {
        let mut net = Net::new(3, 20 + length);
        let world = net.group(&[0, 1, 2], true);
        net.post(2, world.id, 3);
        let before: Vec<_> = net.nodes[2].copies[&world.id].stored.values().cloned().collect();
        let mut other = Copy::of(net.nodes[2].keys.id, &world);
        other.receive(&before, 0);
        let Net { nodes, rng, .. } = &mut net;
        let mut theirs = before.clone();
        for i in 0..length {
            theirs.push(other.post(&nodes[2].keys, &format!("to 1: {i}"), rng));
        }
        net.post(2, world.id, 9);
        let ours: Vec<_> = net.nodes[2].copies[&world.id].stored.values().cloned().collect();
        // The home has the longer or the shorter one; the cheat has gone.
        net.nodes[0].copies.get_mut(&world.id).unwrap().receive(&theirs, 0);
        net.nodes[1].copies.get_mut(&world.id).unwrap().receive(&ours, 0);
        net.connect(0, 1);
        net.run(5_000);
        let keep = Heads::of(other.replica.as_ref().unwrap()).unwrap().lanes[0];
        let Net { nodes, rng, now_ms, .. } = &mut net;
        let Node { keys, copies, sync, .. } = &mut nodes[0];
        let settle = glog::body::Settle { node: keep.node, inc: keep.inc, keep: Some(keep) };
        copies.get_mut(&world.id).unwrap().act(keys, Action::Settle(settle), rng);
        sync.changed(world.id, false, *now_ms);
        net.converge(&world.id, &[0, 1], 15_000);
        assert_eq!(net.heads(1, &world.id).unwrap().lanes, [keep]);
        assert!(net.nodes.iter().all(|node| node.faults.is_empty()));
    }
}

#[test]
fn a_boaster_and_one_who_withholds_keep_nobody_from_the_rest() {
    for seed in 0..4 {
        let mut net = Net::new(4, 40 + seed);
        let world = net.group(&[0, 1, 2, 3], seed % 2 == 0);
        net.connect(0, 1);
        net.connect(0, 2);
        net.post(0, world.id, 700);
        net.post(1, world.id, 300);
        net.converge(&world.id, &[0, 1, 2], 20_000);
        net.nodes[1].boasts = true;
        net.nodes[2].withholds = true;
        for peer in [1, 2, 0] {
            net.connect(3, peer);
        }
        net.converge(&world.id, &[0, 3], 60_000);
        let missing: usize = net.nodes[0].copies[&world.id].stored.values().map(Vec::len).sum();
        let got = net.nodes[3].entry_bytes;
        assert!(got as f64 <= 1.2 * missing as f64, "seed {seed}: {got} of {missing}");
    }
}

#[test]
fn a_node_that_takes_nothing_asks_no_more_for_a_while_and_then_goes_on() {
    let mut net = Net::new(2, 50);
    let world = net.group(&[0, 1], true);
    net.nodes[1].full = true;
    net.connect(0, 1);
    net.post(0, world.id, 300);
    net.run(60_000);
    assert!(net.nodes[1].faults.is_empty());
    let asked = net.nodes[1].requests;
    assert!(asked < 40, "{asked}");
    let home = net.nodes[0].keys.id;
    let now_ms = net.now_ms;
    net.nodes[1].sync.fetch(world.id, home, now_ms);
    net.flush(1);
    net.run(2_000);
    let stopped = FetchError::Stopped("full".to_owned());
    assert_eq!(net.nodes[1].fetched, [(world.id, Err(stopped))]);
    net.nodes[1].full = false;
    net.converge(&world.id, &[0, 1], 60_000);
}

/// Certificates may overtake the answer about what was handed over before they came.
#[test]
fn certificates_count_for_what_is_being_handed_over() {
    let mut net = Net::new(1, 7);
    let world = net.group(&[0], false);
    net.post(0, world.id, 3);
    let ours = net.heads(0, &world.id).unwrap();
    let head = ours.lanes[0];
    let lane = LaneName::Data { node: head.node, inc: head.inc };
    for in_between in [true, false] {
        let mut group = group::Group::default();
        group.handing = in_between;
        group.certs_came();
        // Asked before, answered now: nothing is known of it yet.
        group.ours = Some(ours.clone());
        group.forget_shown();
        group.note_handed(lane, head.seq + 4, head.hash, 0);
        group.handing = false;
        group.ours = Some(ours.clone());
        group.forget_shown();
        let expected = if in_between { head.seq + 1 } else { head.seq + 4 };
        assert_eq!(group.have(lane, 1).0, expected);
    }
}

/// What a node did not keep for want of a certificate is fetched again as soon as it has come, and not when
/// all that does not show is.
#[test]
fn what_was_not_kept_for_want_of_a_certificate_comes_with_it() {
    let mut dropped = 0;
    for seed in 0..400 {
        let mut net = Net::new(2, 100 + seed);
        let world = net.group(&[0, 1], false);
        net.post(0, world.id, 5);
        net.nodes[1].unlearned = true;
        net.connect(0, 1);
        net.converge(&world.id, &[0, 1], 5_000);
        dropped += net.nodes[1].dropped;
    }
    assert!(dropped > 0, "certificates came first each time");
}

/// Pages that end before their range does are gone on with, not fetched again.
#[test]
fn long_entries_come_once_too() {
    let mut net = Net::new(3, 90);
    let world = net.group(&[0, 1, 2], true);
    net.connect(0, 1);
    let words = "a long story ".repeat(1_100);
    for i in 0..400 {
        let Net { nodes, rng, .. } = &mut net;
        let Node { keys, copies, .. } = &mut nodes[i % 2];
        let entry = copies.get_mut(&world.id).unwrap().post(keys, &words, rng);
        let other = nodes[1 - i % 2].copies.get_mut(&world.id).unwrap();
        assert_eq!(other.receive(&[entry], 0), (1, 0));
    }
    net.connect(0, 2);
    net.connect(1, 2);
    net.converge(&world.id, &[0, 1, 2], 20_000);
    let missing: usize = net.nodes[0].copies[&world.id].stored.values().map(Vec::len).sum();
    let got = net.nodes[2].entry_bytes;
    assert!(missing > 5 << 20);
    assert!(got as f64 <= 1.02 * missing as f64, "{got} of {missing}");
}

/// Two acts of recovery: the one with the greater number wins everywhere.
#[test]
fn rival_recoveries_meet() {
    for (first, second) in [(1, 2), (1, 1), (2, 1)] {
        let mut net = Net::new(3, 60);
        let world = net.group(&[0, 1, 2], true);
        for (node, number) in [(1, first), (2, second)] {
            let Net { nodes, rng, .. } = &mut net;
            let keep = if node == 1 { 1 } else { 2 };
            let chain = nodes[node].copies[&world.id].replica.as_ref().unwrap().chain();
            let recover = Recover {
                keep: chain.at(keep).unwrap().id().0,
                cert: nodes[node].keys.cert.clone(),
                drop: List::default(),
                certs: List::default(),
                epoch: None,
                undo: false,
                owner: None,
                recovery: None,
            };
            let body = glog::body::ControlBody::bare(Action::Recover(Box::new(recover)));
            let (key, home) = (&nodes[0].keys.root, nodes[node].keys.id);
            let entry = write_recover(chain, keep, number, (home, 1), &body, key, rng).unwrap();
            let copy = nodes[node].copies.get_mut(&world.id).unwrap();
            assert_eq!(copy.receive(&[entry.encode()], 0), (1, 0));
        }
        net.connect_all();
        net.converge(&world.id, &[0, 1, 2], 30_000);
        let recovery = net.heads(0, &world.id).unwrap().control.recovery;
        assert_eq!(recovery, first.max(second));
        assert!(net.nodes.iter().all(|node| node.faults.is_empty()));
    }
}

/// A home that has signed two entries for one place: both sides learn of it, and data goes on.
#[test]
fn a_disputed_chain_stops_no_data() {
    let mut net = Net::new(3, 70);
    let world = net.group(&[0, 1, 2], true);
    for (node, title) in [(1, "one"), (2, "two")] {
        let Net { nodes, rng, .. } = &mut net;
        let mut copy = Copy::of(nodes[0].keys.id, &world);
        let setting = Setting::Title(Text::new(title).unwrap());
        let info = Action::Info(Info { setting, cut: None, epoch: None });
        let mut acts = vec![copy.act(&nodes[0].keys, info, rng)];
        let setting = Setting::Title(Text::new("and on").unwrap());
        let info = Action::Info(Info { setting, cut: None, epoch: None });
        acts.push(copy.act(&nodes[0].keys, info, rng));
        nodes[node].copies.get_mut(&world.id).unwrap().receive(&acts, 0);
    }
    net.connect(1, 2);
    net.run(10_000);
    for node in [1, 2] {
        let replica = net.nodes[node].copies[&world.id].replica.as_ref().unwrap();
        assert!(replica.chain().dispute().is_some(), "node {node}");
    }
    net.post(1, world.id, 30);
    net.post(2, world.id, 20);
    net.run(10_000);
    // What cites the other branch waits for it there; what stands is exchanged.
    for node in [1, 2] {
        assert_eq!(net.nodes[node].copies[&world.id].stored.len(), 50, "node {node}");
    }
    for node in &mut net.nodes {
        node.entry_bytes = 0;
    }
    net.run(120_000);
    let again: usize = net.nodes.iter().map(|node| node.entry_bytes).sum();
    assert!(again < 100_000, "{again}");
}

/// A thousand groups on two nodes: what differs comes, and the streams are few.
#[test]
fn many_groups_take_turns() {
    let mut net = Net::new(2, 80);
    let worlds: Vec<World> = (0..300).map(|_| net.group(&[0, 1], true)).collect();
    for (i, world) in worlds.iter().enumerate() {
        net.post(i % 2, world.id, 3);
    }
    net.connect(0, 1);
    net.run(30_000);
    for world in &worlds {
        assert!(net.are_equal(&world.id, &[0, 1]));
    }
}

#[test]
fn a_group_that_comes_later_is_compared_at_once() {
    let mut net = Net::new(2, 95);
    let world = net.group(&[0, 1], true);
    let copy = net.nodes[1].copies.remove(&world.id).unwrap();
    net.post(0, world.id, 10);
    net.connect(0, 1);
    net.run(3_000);
    assert_eq!(net.nodes[1].entry_bytes, 0);
    net.nodes[1].copies.insert(world.id, copy);
    let now_ms = net.now_ms;
    net.nodes[1].sync.groups_changed(now_ms);
    net.flush(1);
    net.converge(&world.id, &[0, 1], 1_000);
    // And so is what is said there at once.
    net.post(1, world.id, 1);
    net.converge(&world.id, &[0, 1], 1_000);
}

/// Node 2 floods both others with its words, while node 0 says something now and then: by gossip, and
/// where only synchronisation brings it. What node 0 says names what it has of the flood.
#[test]
fn a_flood_of_one_node_comes_at_its_pace_and_holds_up_nobody() {
    let mut net = Net::new(3, 110);
    let world = net.group(&[0, 1, 2], true);
    net.connect_all();
    net.run(1_000);
    let begin = net.now_ms;
    let (mut said, mut heard) = (0, 0);
    for step in 0..100 {
        let flood = net.post(2, world.id, 50);
        for to in [0, 1] {
            net.gossip(2, to, world.id, &flood);
        }
        let is_gossiped = step < 50;
        let words = net.post(0, world.id, 1);
        said += 1;
        if is_gossiped {
            assert_eq!(net.gossip(0, 1, world.id, &words), 1);
        }
        let at = net.now_ms;
        while net.words(0, 1, &world.id) < said && net.now_ms < at + 2_000 {
            net.run(20);
        }
        // What names something that is held back waits for no more than a question and its answer.
        let within_ms = if is_gossiped { 150 } else { 1_000 };
        assert!(net.now_ms - at <= within_ms, "step {step}: {} ms", net.now_ms - at);
        net.run(100);
        let passed_s = (net.now_ms - begin) / 1_000 + 1;
        let came = net.words(2, 1, &world.id);
        let at_pace = passed_s * u64::from(crate::Pace::default().entries);
        assert!(came <= 300 + at_pace + FETCHED_MAX, "{came} after {passed_s} s");
        heard = came;
    }
    // What is held back goes on coming.
    assert!(heard >= 600, "{heard}");
    let flooder = net.nodes[2].keys.id;
    let held_back = net.nodes[1].sync.held_back(&flooder);
    assert!(held_back >= 4_000, "{held_back}");
    assert_eq!(net.nodes[1].sync.held_back(&net.nodes[0].keys.id), 0);
    net.converge(&world.id, &[0, 1, 2], 20_000);
    assert!(net.nodes.iter().all(|node| node.faults.is_empty()));
}

/// Who was away fetches thousands of one node's words a second, also while more of them come.
#[test]
fn who_was_away_is_not_held_back() {
    let mut net = Net::new(2, 111);
    let world = net.group(&[0, 1], true);
    net.post(0, world.id, 6_000);
    net.connect(0, 1);
    for _ in 0..4 {
        let words = net.post(0, world.id, 10);
        assert_eq!(net.gossip(0, 1, world.id, &words), 10);
        net.run(500);
    }
    net.converge(&world.id, &[0, 1], 1_000);
    assert_eq!(net.nodes[1].sync.held_back(&net.nodes[0].keys.id), 0);
}

/// Somebody who waits for a group does not wait for what is held back.
#[test]
fn a_fetch_does_not_wait_for_a_flood() {
    let mut net = Net::new(3, 112);
    let world = net.group(&[0, 1, 2], true);
    net.connect(0, 1);
    net.connect(0, 2);
    net.post(0, world.id, 50);
    let flood = net.post(2, world.id, 1_000);
    net.converge(&world.id, &[0, 2], 5_000);
    net.run(2_000);
    net.disconnect(0, 1);
    let flood = [flood, net.post(2, world.id, 2_000)].concat();
    net.converge(&world.id, &[0, 2], 5_000);
    net.connect(0, 1);
    net.gossip(0, 1, world.id, &flood[1_000..]);
    net.gossip(0, 1, world.id, &flood[1_300..]);
    let (home, now_ms) = (net.nodes[0].keys.id, net.now_ms);
    net.nodes[1].sync.fetch(world.id, home, now_ms);
    net.flush(1);
    net.run(2_000);
    assert_eq!(net.nodes[1].fetched, [(world.id, Ok(()))]);
    assert!(!net.are_equal(&world.id, &[0, 1]));
    net.converge(&world.id, &[0, 1], 20_000);
}

/// Node 0 has more of a flood than node 1, and says something: that names the flood, and is shown all
/// the same at once.
#[test]
fn what_others_name_does_not_wait_for_its_turn() {
    let mut net = Net::new(3, 113);
    let world = net.group(&[0, 1, 2], true);
    net.connect(0, 1);
    net.run(1_000);
    let flood = net.post(2, world.id, 500);
    assert_eq!(net.gossip(2, 1, world.id, &flood[..350]), 300);
    let copy = net.nodes[0].copies.get_mut(&world.id).unwrap();
    // Bit by bit: what has come all at once would not be named.
    for (some, now_ms) in flood[..480].chunks(16).zip((0..).step_by(2_000)) {
        assert_eq!(copy.receive(some, now_ms), (16, 0));
    }
    let words = net.post(0, world.id, 1);
    assert_eq!(net.gossip(0, 1, world.id, &words), 1);
    assert_eq!(net.words(0, 1, &world.id), 0);
    net.run(600);
    assert_eq!(net.words(0, 1, &world.id), 1);
    assert_eq!(net.words(2, 1, &world.id), 480);
    // Nobody waits long behind it.
    assert_eq!(net.nodes[1].handed_max as u64, FETCHED_MAX);
}

/// What was held back is asked for, though nobody tells of it again, and nothing else comes.
#[test]
fn what_is_held_back_is_fetched_from_who_brought_it() {
    let mut net = Net::new(2, 114);
    let world = net.group(&[0, 1], true);
    net.connect(0, 1);
    net.run(1_000);
    for (count, taken) in [(330, 300), (1, 0)] {
        let Net { nodes, rng, .. } = &mut net;
        let Node { keys, copies, .. } = &mut nodes[0];
        let copy = copies.get_mut(&world.id).unwrap();
        let said: Vec<_> = (0..count).map(|i| copy.post(keys, &i.to_string(), rng)).collect();
        assert_eq!(net.gossip(0, 1, world.id, &said), taken);
        net.converge(&world.id, &[0, 1], 3_000);
    }
}

/// How long something takes that is done to so many things, and to so many more: as others use the
/// machine too, one of a few attempts has to be within the bound.
fn grows(few: usize, many: usize, at_most: u32, mut work: impl FnMut(usize) -> Duration) {
    let attempts: Vec<_> = (0..8).map(|_| (work(few), work(many))).collect();
    let is_within = |(few, many): &(Duration, Duration)| *many < *few * at_most;
    assert!(attempts.iter().any(is_within), "{attempts:?}");
}

/// To ten times as many: a little more than ten times as long, and a hundred times if each were compared
/// with all others.
fn grows_with(few: usize, work: impl FnMut(usize) -> Duration) {
    grows(few, 10 * few, 40, work);
}

#[test]
fn many_groups_and_lanes_are_compared_in_time() {
    let time = |sync: &mut Sync, ticket, answer| {
        let begin = tokio::time::Instant::now();
        sync.answered(ticket, answer, 10);
        begin.elapsed()
    };
    let (me, peer) = (NodeId([1; 32]), NodeId([2; 32]));
    let connected = || {
        let mut sync = Sync::new(me, Limits::default());
        sync.connected(peer, 0, &mut StdRng::seed_from_u64(1));
        let Some(Effect::Ask { ticket, question: Question::Shared(_) }) = sync.poll() else {
            panic!()
        };
        (sync, ticket)
    };
    let ids = |count: usize| -> Vec<GroupId> {
        (0..count).map(|i| GroupId(*blake3::hash(&i.to_be_bytes()).as_bytes())).collect()
    };
    grows_with(2_000, |count| {
        let (mut sync, ticket) = connected();
        time(&mut sync, ticket, Answer::Shared(ids(count)))
    });
    grows_with(2_000, |count| {
        let (mut sync, ticket) = connected();
        sync.answered(ticket, Answer::Shared(ids(count)), 0);
        let Some(Effect::Ask { ticket, question: Question::Digests(asked) }) = sync.poll() else {
            panic!()
        };
        let digests = asked.into_iter().map(|id| (id, Some(id.0)));
        time(&mut sync, ticket, Answer::Digests(digests.collect()))
    });
    grows_with(400, |count| {
        let (mut sync, _) = connected();
        let lanes = (0..count).map(|i| glog::EntryRef {
            node: NodeId(*blake3::hash(&i.to_be_bytes()).as_bytes()).short(),
            inc: 0,
            seq: 5,
            hash: Hash16([3; 16]),
        });
        let control =
            glog::ControlRef { recovery: 0, act: Hash16([0; 16]), seq: 5, hash: Hash16([4; 16]) };
        let mut ours =
            Heads { control, term: 0, lanes: lanes.collect(), public: true, ends: false };
        ours.lanes.sort_unstable();
        let mut theirs = ours.clone();
        theirs.lanes[0].seq = 7;
        let id = GroupId([7; 32]);
        sync.fetch(id, peer, 0);
        let Some(Effect::Send { ticket, .. }) = sync.poll() else { panic!() };
        let heads = Response::Heads(HeadsFrame::new(theirs).unwrap());
        sync.response(ticket, heads, 0, 0);
        let Some(Effect::Ask { ticket, question: Question::Heads(_) }) = sync.poll() else {
            panic!()
        };
        // What was handed over before is compared, too.
        let group = sync.groups.get_mut(&id).unwrap();
        for head in &ours.lanes {
            let lane = LaneName::Data { node: head.node, inc: head.inc };
            group.note_handed(lane, 5, head.hash, 0);
        }
        let took = time(&mut sync, ticket, Answer::Heads(Some(ours)));
        let effects: Vec<_> = std::iter::from_fn(|| sync.poll()).collect();
        let fetches = |effect: &Effect| {
            matches!(effect, Effect::Send { request: Request::Fetch { from: 6, to: 8, .. }, .. })
        };
        assert!(effects.iter().any(fetches), "{effects:?}");
        took
    });
}

/// A core may outlive the fault: whoever drives it decides whether the peer is sent away for it.
#[test]
fn heads_that_are_none_are_asked_for_again() {
    let mut rng = StdRng::seed_from_u64(1);
    let (peer, id) = (NodeId([2; 32]), GroupId([7; 32]));
    let mut sync = Sync::new(NodeId([1; 32]), Limits::default());
    sync.connected(peer, 0, &mut rng);
    sync.fetch(id, peer, 0);
    let asked = |sync: &mut Sync| {
        let effects: Vec<_> = std::iter::from_fn(|| sync.poll()).collect();
        effects.into_iter().find_map(|effect| match effect {
            Effect::Send { ticket, request: Request::Heads { .. }, .. } => Some(ticket),
            _ => None,
        })
    };
    for round in 1..=3 {
        let now_ms = round * 100_000;
        sync.tick(now_ms, &mut rng);
        let ticket = asked(&mut sync).unwrap();
        let control = glog::ControlRef {
            recovery: 0,
            act: Hash16([0; 16]),
            seq: u64::MAX, // which nothing can be behind
            hash: Hash16([4; 16]),
        };
        let heads = HeadsFrame { control, term: 0, lanes: List::default(), public: true };
        sync.response(ticket, Response::Heads(heads), 0, now_ms);
        let fault = sync.poll();
        assert!(matches!(fault, Some(Effect::Fault { fault: Fault::Malformed, .. })), "{fault:?}");
    }
    // Who waits for it is told at last.
    let told = std::iter::from_fn(|| sync.poll()).find_map(|effect| match effect {
        Effect::Fetched { result, .. } => Some(result),
        _ => None,
    });
    assert_eq!(told, Some(Err(FetchError::Unreachable)));
}

/// Tags that nobody knows, thousands in each frame, are kept for when somebody does: no frame makes all
/// of them be looked at.
#[test]
fn what_is_told_of_unknown_groups_is_not_looked_at_with_every_frame() {
    let peer = NodeId([2; 32]);
    grows(200, 20_000, 20, |count| {
        let mut sync = Sync::new(NodeId([1; 32]), Limits::default());
        sync.connected(peer, 0, &mut StdRng::seed_from_u64(1));
        let Some(Effect::Ask { ticket, .. }) = sync.poll() else { panic!() };
        sync.answered(ticket, Answer::Shared(Vec::new()), 0);
        let digest = |n: u64| {
            let mut tag = [0; 16];
            tag[..8].copy_from_slice(&n.to_be_bytes());
            Digest { tag, digest: [1; 32] }
        };
        sync.told(peer, (0..count as u64).map(digest).collect(), 0);
        let begin = tokio::time::Instant::now();
        (0..200).for_each(|n| sync.told(peer, vec![digest(n)], 0));
        begin.elapsed()
    });
}

#[test]
fn what_a_peer_names_anew_it_has_though_it_had_less_before() {
    let lane = LaneName::Data { node: NodeId([3; 32]).short(), inc: 0 };
    let mut side = group::Side::default();
    assert!(side.names(lane, 9) && side.end(lane) == 9);
    side.short.insert(lane, 4);
    assert!(!side.names(lane, 9) && !side.names(lane, 8));
    assert_eq!(side.end(lane), 4);
    assert!(side.names(lane, 10) && side.end(lane) == 10);
    // So many lanes as one entry names.
    for inc in 1..1_000 {
        side.names(LaneName::Data { node: NodeId([3; 32]).short(), inc }, 1);
    }
    assert_eq!(side.named.len(), glog::DEPS_MAX);
}
