use std::collections::BTreeMap;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::*;
use crate::body::{
    Count, Delete, Edit, Member, Open, Pin, React, Reaction, SALT_BYTES, Unpin, Vote,
};
use crate::cbor::Text;
use crate::cert::RootOpening;
use crate::testing::{TestNode, seeded, text};

/// Who writes on each node.
const PEOPLE: [u64; 2] = [7, 3];

/// Two nodes, and the copy of each.
struct Two {
    nodes: [TestNode; 2],
    copies: [Pair; 2],
    rng: StdRng,
}

impl Two {
    fn new(seed: u64, pending_max: usize) -> Self {
        let mut rng = seeded(seed);
        let nodes = [TestNode::new(&mut rng), TestNode::new(&mut rng)];
        let copies = [0, 1].map(|own| empty(&nodes, own, pending_max));
        Self { nodes, copies, rng }
    }

    fn say(&mut self, node: usize, body: &DataBody) -> Entry {
        let author = self.nodes[node].author();
        let entry = self.copies[node].write(author, 0, body, 0, &mut self.rng).unwrap();
        let events = self.copies[node].receive(entry.clone(), 0).unwrap();
        assert!(matches!(events[..], [Event::Delivered { gap: false, .. }]), "{events:?}");
        entry
    }

    /// An entry of a node that says what it wants to.
    fn forge(&mut self, node: usize, change: impl FnOnce(&mut Header), body: &DataBody) -> Entry {
        let author = self.nodes[node].author();
        let lane = self.copies[node].lanes.get(&(self.nodes[node].short(), 0));
        let last = lane.and_then(|lane| lane.last());
        let last = last.map(|at| (at.seq, self.copies[node].records[at].id));
        let (seq, prev) = LaneEnd { inc: 0, last }.next(body).unwrap();
        let (user, flags) = (PEOPLE[node], classes(body).0);
        let deps = List::default();
        let mut header = Header {
            group: self.copies[node].group(),
            node: author.node,
            lane: Lane::Data { inc: 0, user, ctl: None, deps, epoch: None, flags },
            seq,
            key_serial: author.serial,
            prev,
            ts_ms: 0,
            kind: body.kind(),
            body_hash: [0; 32],
            body_len: 0,
        };
        change(&mut header);
        let body = body.encode(&[self.rng.random(); SALT_BYTES]);
        Entry::sign(header, body, Signer::Node, author.key).unwrap()
    }
}

fn empty(nodes: &[TestNode; 2], own: usize, pending_max: usize) -> Pair {
    let person = |node: usize| (nodes[node].id, PEOPLE[node]);
    let mut copy = Pair::new(person(own), person(1 - own), pending_max);
    nodes.iter().for_each(|node| copy.learn_cert(node.cert.clone()));
    copy
}

fn at(entry: &Entry) -> EntryRef {
    DataEntry::new(entry, Content::Hidden).unwrap().at
}

fn words(copy: &Pair) -> Vec<String> {
    let shown = copy.messages().into_values();
    shown.map(|message| message.post.unwrap().text.to_string()).collect()
}

fn edit(target: EntryRef, words: &str) -> DataBody {
    let DataBody::Post(post) = text(words) else { unreachable!() };
    DataBody::Edit(Edit { target, post })
}

fn react(user: u64, target: EntryRef, with: &[&str]) -> DataBody {
    let with = with.iter().map(|text| Text::new(*text).unwrap()).collect();
    let item = Reaction { user, target, reactions: List::new(with).unwrap() };
    DataBody::React(React { items: List::new(vec![item]).unwrap() })
}

#[test]
fn both_sides_call_it_the_same() {
    let two = Two::new(1, 8);
    assert_eq!(two.copies[0].group(), two.copies[1].group());
    let (one, other) = ((two.nodes[0].id, 7), (two.nodes[1].id, 3));
    assert_eq!(GroupId::of_pair(one, other), GroupId::of_pair(other, one));
    assert_ne!(GroupId::of_pair(one, other), GroupId::of_pair(one, (other.0, 4)));
}

#[test]
fn what_either_says_shows_on_both() {
    let mut two = Two::new(2, 8);
    let hello = two.say(0, &text("hello"));
    two.copies[1].receive(hello.clone(), 0).unwrap();
    let hi = two.say(1, &text("hi"));
    // It names what it answers.
    let Lane::Data { deps, ctl, epoch, user, .. } = &hi.header().lane else { unreachable!() };
    assert_eq!((&deps[..], *ctl, *epoch, *user), (&[at(&hello)][..], None, None, PEOPLE[1]));
    let pin = two.say(1, &DataBody::Pin(Pin { target: at(&hello) }));
    for entry in [&hi, &pin, &two.say(1, &react(3, at(&hello), &["👍"]))] {
        two.copies[0].receive(entry.clone(), 0).unwrap();
    }
    let edited = two.say(0, &edit(at(&hello), "hello there"));
    two.copies[1].receive(edited.clone(), 0).unwrap();
    assert_eq!(two.copies[0].messages(), two.copies[1].messages());
    let shown = two.copies[1].message(&at(&hello)).unwrap();
    assert_eq!((shown.edited, &shown.pins[..]), (Some(at(&edited)), &[at(&pin)][..]));
    assert_eq!(shown.reactions[&two.nodes[1].user(3)], ["👍"]);
    assert_eq!(two.copies[1].subjects(&at(&pin)), [at(&hello)]);
    // Either unpins what the other has pinned, takes back, and takes away.
    let unpin = Unpin { pins: List::new(vec![at(&pin)]).unwrap() };
    let unpin = two.say(0, &DataBody::Unpin(unpin));
    assert_eq!(two.copies[0].subjects(&at(&unpin)), [at(&hello)]);
    two.copies[1].receive(unpin, 0).unwrap();
    let back = two.say(1, &react(3, at(&hello), &[]));
    two.copies[0].receive(back, 0).unwrap();
    let shown = two.copies[0].message(&at(&hello)).unwrap();
    assert!(shown.pins.is_empty() && shown.reactions.is_empty());
    let gone = two.say(1, &DataBody::Delete(Delete { target: at(&hello) }));
    two.copies[0].receive(gone, 0).unwrap();
    for copy in &two.copies {
        assert_eq!(words(copy), ["hi"]);
    }
    assert_eq!(two.copies[0].heads(), two.copies[1].heads());
}

#[test]
fn only_ones_own_words_are_edited() {
    let mut two = Two::new(3, 8);
    let hello = two.say(0, &text("hello"));
    two.copies[1].receive(hello.clone(), 0).unwrap();
    two.say(1, &edit(at(&hello), "goodbye"));
    assert_eq!(words(&two.copies[1]), ["hello"]);
}

#[test]
fn an_entry_that_is_nobodys_to_write_takes_its_place_and_does_nothing() {
    fn by(header: &mut Header, person: u64) {
        let Lane::Data { user, .. } = &mut header.lane else { unreachable!() };
        *user = person;
    }
    let mut two = Two::new(4, 8);
    let first = two.say(0, &text("first"));
    let target = at(&first);
    let member = DataBody::Member(Member { join: true, invite: None });
    let vote = DataBody::Vote(Vote { target, options: List::default() });
    let cite = crate::ControlRef {
        recovery: 0,
        act: Default::default(),
        seq: 1,
        hash: Default::default(),
    };
    let forged = vec![
        two.forge(0, |header| by(header, 8), &text("somebody else")),
        two.forge(0, |header| by(header, 0), &text("the node")),
        two.forge(0, |_| {}, &react(8, target, &["👍"])),
        two.forge(0, |_| {}, &member),
        two.forge(0, |_| {}, &vote),
        two.forge(0, |header| by(header, 0), &DataBody::Count(Count { members: 2 })),
        two.forge(
            0,
            |header| {
                let Lane::Data { ctl, .. } = &mut header.lane else { unreachable!() };
                *ctl = Some(cite);
            },
            &text("as in a group"),
        ),
        two.forge(
            0,
            |header| {
                let Lane::Data { flags, .. } = &mut header.lane else { unreachable!() };
                *flags = 2;
            },
            &text("of another class"),
        ),
    ];
    for entry in forged {
        let mut copy = two.copies[1].clone();
        copy.receive(first.clone(), 0).unwrap();
        let events = copy.receive(entry.clone(), 0).unwrap();
        assert!(matches!(events[..], [Event::Delivered { .. }]), "{entry:?}: {events:?}");
        assert!(!copy.counts(&at(&entry)), "{entry:?}");
        assert_eq!(words(&copy), ["first"], "{entry:?}");
        assert!(copy.message(&target).unwrap().reactions.is_empty());
    }
    let author = two.nodes[0].author();
    let refused = two.copies[0].write(author, 0, &member, 0, &mut two.rng);
    assert_eq!(refused.unwrap_err(), AuthorError::NotWriter);
}

#[test]
fn what_is_of_somebody_else_is_refused() {
    let mut two = Two::new(5, 8);
    let stranger = TestNode::new(&mut two.rng);
    let other_group = two.forge(0, |header| header.group.0[0] ^= 1, &text("elsewhere"));
    let other_node = two.forge(0, |header| header.node = stranger.id, &text("who?"));
    let too_late = two.forge(
        0,
        |header| {
            let Lane::Data { inc, .. } = &mut header.lane else { unreachable!() };
            *inc = INCARNATIONS_MAX;
        },
        &text("once more"),
    );
    let entry = two.say(0, &text("hello"));
    let mut forged = entry.encode();
    let after_header = forged.len() - entry.body().unwrap().len() - 64;
    forged[after_header] ^= 1;
    let forged = Entry::decode(&forged).unwrap();
    let copy = &mut two.copies[1];
    assert_eq!(copy.receive(other_group, 0).unwrap_err(), Rejected::Group);
    assert_eq!(copy.receive(other_node, 0).unwrap_err(), Rejected::Group);
    assert_eq!(copy.receive(too_late, 0).unwrap_err(), Rejected::Incarnation);
    assert_eq!(copy.receive(forged, 0).unwrap_err(), Rejected::Signature);
    assert_eq!((copy.heads().len(), copy.pending()), (0, 0));
    // Under a key that is not known yet it is not kept, and comes again.
    let key = two.nodes[0].cert.body.serial + 1;
    two.nodes[0].rotate(&mut two.rng);
    two.copies[0].learn_cert(two.nodes[0].cert.clone());
    let next = two.say(0, &text("under another key"));
    assert_eq!(next.header().key_serial, key);
    let copy = &mut two.copies[1];
    copy.receive(entry, 0).unwrap();
    assert!(matches!(copy.receive(next.clone(), 0).unwrap()[..], [Event::Dropped(_)]));
    copy.learn_cert(stranger.cert.clone());
    copy.learn_cert(two.nodes[0].cert.clone());
    assert_eq!(copy.certs().count(), 3);
    copy.receive(next, 0).unwrap();
    assert_eq!(copy.heads(), two.copies[0].heads());
    // A key that was replaced is not taken up again.
    let (serial, old) = two.nodes[0].old_ops.pop().unwrap();
    let author = Author { node: two.nodes[0].id, serial, key: &old };
    let late = two.copies[0].write(author, 0, &text("late"), 0, &mut two.rng).unwrap();
    assert_eq!(two.copies[1].receive(late, 0).unwrap_err(), Rejected::Signature);
}

#[test]
fn an_entry_waits_for_what_it_names_but_not_for_ever() {
    let mut two = Two::new(6, 8);
    let hello = two.say(0, &text("hello"));
    two.copies[1].receive(hello.clone(), 0).unwrap();
    let hi = two.say(1, &text("hi"));
    let mut late = empty(&two.nodes, 0, 8);
    assert!(late.receive(hi, 0).unwrap().is_empty());
    assert!(late.tick(GAP_AFTER_MS - 1).is_empty());
    assert!(matches!(late.tick(GAP_AFTER_MS)[..], [Event::Delivered { gap: true, .. }]));
    // Nothing is delivered before the one that it follows.
    let more = [two.say(0, &text("more")), two.say(0, &text("still more"))];
    let mut behind = empty(&two.nodes, 1, 8);
    for entry in more.iter().rev() {
        assert!(behind.receive(entry.clone(), 0).unwrap().is_empty());
    }
    assert!(behind.tick(2 * GAP_AFTER_MS).is_empty());
    assert_eq!(behind.receive(hello, 0).unwrap().len(), 3);
    assert_eq!(behind.pending(), 0);
}

#[test]
fn what_waits_has_a_bound() {
    let mut two = Two::new(7, 4);
    let all: Vec<_> = (0..20).map(|n| two.say(0, &text(&n.to_string()))).collect();
    let copy = &mut two.copies[1];
    for entry in all[1..].iter().rev() {
        copy.receive(entry.clone(), 0).unwrap();
        assert!(copy.pending() <= 4);
    }
    // The nearest were kept.
    assert_eq!(copy.receive(all[0].clone(), 0).unwrap().len(), 5);
}

#[test]
fn a_fork_stops_its_lane_and_no_other() {
    let mut two = Two::new(8, 8);
    let first = two.say(0, &text("first"));
    let rival = two.forge(0, |_| {}, &text("one of two"));
    let second = two.say(0, &text("the other"));
    let third = two.say(0, &text("after it"));
    let copy = &mut two.copies[1];
    copy.receive(first, 0).unwrap();
    copy.receive(second.clone(), 0).unwrap();
    let events = copy.receive(rival.clone(), 0).unwrap();
    let [Event::Forked(fork)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((fork.ours, fork.pinned), (at(&second), false));
    assert_eq!(copy.receive(third, 0).unwrap_err(), Rejected::Frozen);
    assert_eq!(copy.frozen_from(two.nodes[0].short(), 0), Some(1));
    assert_eq!(words(copy), ["first", "the other"], "what was shown stays");
    let answer = two.say(1, &text("I can still talk"));
    two.copies[0].receive(answer.clone(), 0).unwrap();
    // The node that forked knows of it now, and goes on under its root key's word.
    two.copies[0].receive(rival, 0).unwrap();
    let author = two.nodes[0].author();
    let refused = two.copies[0].write(author, 0, &text("more"), 0, &mut two.rng);
    assert_eq!(refused.unwrap_err(), AuthorError::Closed);
    let group = two.copies[0].group();
    for signed in [false, true] {
        let opened = Opened { group, node: two.nodes[0].id, inc: 1, previous: Some(at(&second)) };
        let root = signed.then(|| RootOpening::sign(&opened, &two.nodes[0].root));
        let open = Open { cert: None, previous: opened.previous, root };
        let mut mine = two.copies[0].clone();
        let mut theirs = two.copies[1].clone();
        for body in [DataBody::Open(Box::new(open)), text("again")] {
            let entry = mine.write(author, 1, &body, 0, &mut two.rng).unwrap();
            mine.receive(entry.clone(), 0).unwrap();
            assert_eq!(theirs.receive(entry, 0).unwrap().len(), 1);
        }
        let shows = words(&theirs).iter().any(|words| words == "again");
        assert_eq!(shows, signed);
        assert_eq!(words(&mine).len(), words(&theirs).len() + 1, "what came after the fork");
    }
}

#[test]
fn a_copy_is_restored_from_what_it_delivered() {
    let mut two = Two::new(9, 8);
    let hello = two.say(0, &text("hello"));
    let rival = two.forge(0, |_| {}, &text("bye"));
    let more = two.say(0, &text("more"));
    let stored = [hello, more, rival];
    for entry in &stored {
        two.copies[1].receive(entry.clone(), 0).unwrap();
    }
    let mut again = empty(&two.nodes, 1, 8);
    stored.iter().for_each(|entry| again.restore(entry.clone()));
    assert_eq!(again.heads(), two.copies[1].heads());
    assert_eq!(again.messages(), two.copies[1].messages());
    assert_eq!(again.frozen, two.copies[1].frozen);
    assert_eq!(again.told, two.copies[1].told);
}

/// Something that a person says next.
fn next(copy: &Pair, own: UserRef, rng: &mut StdRng) -> DataBody {
    let posts: Vec<_> = copy.messages().into_iter().collect();
    let Some((target, message)) = posts.choose(rng).filter(|_| rng.random_bool(0.7)) else {
        return text(&rng.random::<u32>().to_string());
    };
    let target = *target;
    match rng.random_range(0..5) {
        0 => edit(target, &rng.random::<u32>().to_string()),
        1 => DataBody::Delete(Delete { target }),
        2 if !message.pins.is_empty() => {
            DataBody::Unpin(Unpin { pins: List::new(message.pins.clone()).unwrap() })
        }
        2 => DataBody::Pin(Pin { target }),
        3 => react(own.id, target, &["👍"]),
        _ => react(own.id, target, &[]),
    }
}

/// Two people talk over a line that loses, repeats, reorders and invents; when it holds, both have
/// everything that either said, and show the same.
#[test]
fn both_converge_whatever_the_line_does() {
    let mut total = BTreeMap::new();
    for seed in 0..60 {
        let mut two = Two::new(1000 + seed, 6);
        let mut line: Vec<(usize, Entry)> = Vec::new();
        let mut said: [Vec<Entry>; 2] = Default::default();
        let mut now_ms = 0;
        for _ in 0..120 {
            now_ms += two.rng.random_range(0..4_000);
            if two.rng.random_bool(0.5) {
                let node = two.rng.random_range(0..2);
                let own = two.nodes[node].user(PEOPLE[node]);
                let body = next(&two.copies[node].clone(), own, &mut two.rng);
                let entry = two.say(node, &body);
                *total.entry(body.kind()).or_insert(0) += 1;
                said[node].push(entry.clone());
                line.push((1 - node, entry));
            } else if two.rng.random_bool(0.1) {
                // Somebody on the way writes an entry of their own, or spoils one.
                let Some((to, entry)) = line.choose(&mut two.rng) else { continue };
                let mut bytes = entry.encode();
                let byte = two.rng.random_range(0..bytes.len());
                bytes[byte] ^= 1 << two.rng.random_range(0..8);
                let forged = Entry::decode(&bytes).ok().map(|forged| (*to, forged));
                line.extend(forged);
            }
            if !line.is_empty() && two.rng.random_bool(0.6) {
                let at = two.rng.random_range(0..line.len());
                let (to, entry) = line[at].clone();
                if two.rng.random_bool(0.8) {
                    line.swap_remove(at);
                }
                if two.rng.random_bool(0.8) {
                    let _ = two.copies[to].receive(entry, now_ms);
                }
            }
            for copy in &mut two.copies {
                copy.tick(now_ms);
                assert!(copy.pending() <= 6);
            }
        }
        // The line holds: each asks for what comes behind its heads.
        for round in 0.. {
            let before = [two.copies[0].heads(), two.copies[1].heads()];
            for (to, from) in [(0, 1), (1, 0)] {
                let have = two.copies[to].length(two.nodes[from].short(), 0) as usize;
                for entry in said[from].iter().skip(have) {
                    two.copies[to].receive(entry.clone(), now_ms).unwrap();
                }
            }
            if before == [two.copies[0].heads(), two.copies[1].heads()] {
                break;
            }
            assert!(round < 100, "seed {seed}");
        }
        let [one, other] = &two.copies;
        assert_eq!(one.heads(), other.heads(), "seed {seed}");
        assert_eq!(one.messages(), other.messages(), "seed {seed}");
        assert!(one.frozen.is_empty() && other.frozen.is_empty(), "seed {seed}: nobody forked");
        let delivered = said[0].len() + said[1].len();
        assert_eq!((one.records.len(), other.records.len()), (delivered, delivered));
        assert_eq!((one.pending(), other.pending()), (0, 0), "seed {seed}");
    }
    assert!((64..70).all(|kind| total[&kind] > 50), "{total:?}");
}
