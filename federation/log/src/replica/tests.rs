use rand::rngs::StdRng;

use super::recent::{HASTY_ENTRIES, HASTY_WINDOW_MS};
use super::*;
use crate::author::{AuthorError, write_control};
use crate::body::{AddNode, Checkpoint, ControlBody, RemoveNode};
use crate::epoch::{open_body, open_epoch};
use crate::testing::{SUPERGROUP, Start, TestNode, cut, epoch, genesis, seeded, text};

/// A group of two nodes; a copy of it on each, and on a reader.
struct Pair {
    nodes: [TestNode; 2],
    copies: Vec<Replica>,
    rng: StdRng,
}

impl Pair {
    fn new(start: &Start, pending_max: usize) -> Self {
        let mut rng = seeded(11);
        let nodes = [TestNode::new(&mut rng), TestNode::new(&mut rng)];
        let recovery = keys::NodeIdentity::generate(&mut rng);
        let (first, _) = genesis(&nodes[0], &recovery, start, &mut rng);
        let copy = |node: &TestNode| Replica::new(node.id, first.clone(), pending_max).unwrap();
        let copies = vec![copy(&nodes[0]), copy(&nodes[1]), copy(&nodes[1])];
        let mut pair = Self { nodes, copies, rng };
        let certs = [&pair.nodes[0].cert, &pair.nodes[1].cert];
        let place = pair.copies[0].chain().next_place();
        let key = (!start.public).then(|| epoch(place, &certs, &mut pair.rng).0);
        let add = AddNode { cert: pair.nodes[1].cert.clone(), first_inc: 0, epoch: key };
        pair.control(None, Action::AddNode(Box::new(add)), &[0, 1, 2]);
        pair
    }

    /// The home writes; these copies hear of it.
    fn control(&mut self, user: Option<crate::UserRef>, action: Action, copies: &[usize]) -> Entry {
        let body = ControlBody::bare(action);
        let chain = self.copies[0].chain();
        let author = self.nodes[0].author();
        let entry = write_control(chain, author, user, &body, 0, &mut self.rng).unwrap();
        for copy in copies {
            self.copies[*copy].receive(entry.clone(), 0).unwrap();
            self.open_box(*copy);
        }
        entry
    }

    fn open_box(&mut self, copy: usize) {
        let Some(node) = self.nodes.get(copy) else { return };
        let entry = self.copies[copy].chain().entries().last().unwrap();
        if let Some(secret) = open_epoch(entry, node.short(), &node.sealing) {
            let id = entry.id().short();
            self.copies[copy].learn_key(id, secret);
        }
    }

    fn post(&mut self, node: usize, words: &str) -> Result<Entry, AuthorError> {
        let author = self.nodes[node].author();
        let copy = &self.copies[node];
        let entry = copy.write_data(author, 0, 1, &text(words), 0, &mut self.rng)?;
        self.copies[node].receive(entry.clone(), 0).unwrap();
        Ok(entry)
    }
}

fn place(entry: &Entry) -> EntryRef {
    DataEntry::new(entry, Content::Hidden).unwrap().at
}

fn delivered(events: &[Event]) -> Vec<(EntryRef, bool)> {
    let one = |event: &Event| match event {
        Event::Delivered { at, gap, .. } => Some((*at, *gap)),
        _ => None,
    };
    events.iter().filter_map(one).collect()
}

#[test]
fn what_lacks_a_dependency_waits_for_thirty_seconds() {
    let mut pair = Pair::new(&SUPERGROUP, 8);
    let first = pair.post(0, "first").unwrap();
    pair.copies[1].receive(first.clone(), 0).unwrap();
    let answer = pair.post(1, "answer").unwrap();
    let reader = &mut pair.copies[2];
    assert!(delivered(&reader.receive(answer.clone(), 1_000).unwrap()).is_empty());
    assert!(delivered(&reader.tick(1_000 + GAP_AFTER_MS - 1)).is_empty());
    let late = reader.tick(1_000 + GAP_AFTER_MS);
    assert_eq!(delivered(&late), [(place(&answer), true)]);
    // What was missing comes, and is as good as ever.
    let late = reader.receive(first.clone(), 90_000).unwrap();
    assert_eq!(delivered(&late), [(place(&first), false)]);
    assert_eq!(reader.pending(), 0);
}

/// Who floods a group would hold up everybody's words if these named whatever came of it just now.
#[test]
fn of_a_lane_of_which_much_comes_the_newest_is_named_only_if_it_is_answered() {
    let mut pair = Pair::new(&SUPERGROUP, 512);
    let first = pair.post(0, "first").unwrap();
    pair.copies[1].receive(first.clone(), 0).unwrap();
    let deps = |entry: &Entry| match &entry.header().lane {
        Lane::Data { deps, .. } => deps.to_vec(),
        Lane::Control { .. } => panic!("a post"),
    };
    let write = |pair: &mut Pair, body: &DataBody, now_ms: u64| {
        let author = pair.nodes[1].author();
        pair.copies[1].write_data(author, 0, 1, body, now_ms, &mut pair.rng).unwrap()
    };
    assert_eq!(deps(&write(&mut pair, &text("calm"), 1_000)), [place(&first)]);
    // It has said nothing for long, and then very much.
    let begin = 10 * HASTY_WINDOW_MS;
    let flood: Vec<Entry> = (0..=HASTY_ENTRIES).map(|_| pair.post(0, "flood").unwrap()).collect();
    for entry in &flood {
        pair.copies[1].receive(entry.clone(), begin).unwrap();
    }
    assert_eq!(deps(&write(&mut pair, &text("beside"), begin)), [place(&first)]);
    let DataBody::Post(mut post) = text("answer") else { panic!("a post") };
    post.reply_to = Some(place(&flood[7]));
    let answer = DataBody::Post(post);
    assert_eq!(deps(&write(&mut pair, &answer, begin)), [place(&flood[7])]);
    // In the window after, the last ones count still, and what came before them is here for long.
    let next = pair.post(0, "still").unwrap();
    pair.copies[1].receive(next, begin + HASTY_WINDOW_MS).unwrap();
    assert_eq!(deps(&write(&mut pair, &text("soon"), begin + HASTY_WINDOW_MS)), [place(&first)]);
    // And in that after next all is calm.
    let last = pair.post(0, "last").unwrap();
    pair.copies[1].receive(last.clone(), begin + 2 * HASTY_WINDOW_MS).unwrap();
    assert_eq!(
        deps(&write(&mut pair, &text("later"), begin + 2 * HASTY_WINDOW_MS)),
        [place(&last)]
    );
}

/// Two lanes whose entries name each other in turn, and eight places to wait: one peer that serves
/// whatever is missing, in any order of lanes, brings it all.
#[test]
fn lanes_that_need_each_other_drain_through_few_places() {
    let mut pair = Pair::new(&SUPERGROUP, 8);
    let mut all = Vec::new();
    for round in 0..40 {
        let entry = pair.post(round % 2, "words").unwrap();
        pair.copies[1 - round % 2].receive(entry.clone(), 0).unwrap();
        all.push(entry);
    }
    all.sort_by_key(place);
    let reader = &mut pair.copies[2];
    for round in 0..40 {
        for entry in &all {
            reader.receive(entry.clone(), round).unwrap();
            assert!(reader.pending() <= 8);
        }
        if reader.lanes().entries().count() == all.len() {
            break;
        }
    }
    assert_eq!(reader.lanes().entries().count(), all.len());
    assert_eq!(reader.pending(), 0);
}

#[test]
fn data_waits_for_the_rules_that_it_cites_and_rules_for_nothing() {
    let mut pair = Pair::new(&SUPERGROUP, 8);
    let title = crate::body::Setting::Title(crate::cbor::Text::new("rooks").unwrap());
    let info = crate::body::Info { setting: title, cut: None, epoch: None };
    let owner = pair.nodes[0].user(1);
    let control = pair.control(Some(owner), Action::Info(info), &[0]);
    let post = pair.post(0, "under the new title").unwrap();
    let reader = &mut pair.copies[2];
    assert!(delivered(&reader.receive(post.clone(), 0).unwrap()).is_empty());
    // Time alone does not deliver what cites rules that are not here.
    assert!(delivered(&reader.tick(10 * GAP_AFTER_MS)).is_empty());
    let events = reader.receive(control, 0).unwrap();
    assert_eq!(delivered(&events), [(place(&post), false)]);
}

/// A removed node reads nothing that is written by who knows of its removal; a member without the new
/// key writes nothing; with it, what had come before is read.
#[test]
fn a_removed_node_reads_no_further() {
    let mut pair = Pair::new(&Start { public: false, ..SUPERGROUP }, 8);
    let before = pair.post(0, "before").unwrap();
    pair.copies[1].receive(before.clone(), 0).unwrap();
    let message = |copy: &Replica, entry: &Entry| copy.lanes().message(copy.chain(), &place(entry));
    assert!(message(&pair.copies[1], &before).unwrap().post.is_some());
    // The reader has the chain and no key: the post counts, and cannot be read.
    let old = pair.copies[0].chain().state().epoch.unwrap();
    assert!(delivered(&pair.copies[2].receive(before.clone(), 0).unwrap()).len() == 1);
    assert_eq!(message(&pair.copies[2], &before).unwrap().post, None);
    let key = pair.copies[0].key(&old).unwrap().clone();
    pair.copies[2].learn_key(old, key);
    assert!(message(&pair.copies[2], &before).unwrap().post.is_some());
    // Another secret than the promised one is not taken.
    let wrong = EpochSecret::from_bytes(&[1; 32]);
    assert!(pair.copies[2].learn_key(old, wrong).is_empty());

    let place_of = pair.copies[0].chain().next_place();
    let (next, _) = epoch(place_of, &[&pair.nodes[0].cert], &mut pair.rng);
    let gone = pair.nodes[1].short();
    let remove = RemoveNode { node: gone, cut: cut(&[]), epoch: Some(next) };
    let owner = pair.nodes[0].user(1);
    pair.control(Some(owner), Action::RemoveNode(remove), &[0, 1]);
    let after = pair.post(0, "after").unwrap();
    assert_eq!(pair.post(1, "still here").unwrap_err(), AuthorError::NotWriter);
    pair.copies[1].receive(after.clone(), 0).unwrap();
    assert_eq!(message(&pair.copies[1], &after).unwrap().post, None);
    for key in pair.copies[1].keys.values() {
        assert!(open_body(key, after.header(), after.body().unwrap()).is_err());
    }
    assert!(!pair.copies[0].chain().may_have_key(gone, old));
    assert!(message(&pair.copies[0], &after).unwrap().post.is_some());
}

#[test]
fn a_member_without_the_key_in_force_writes_nothing() {
    let mut pair = Pair::new(&Start { public: false, ..SUPERGROUP }, 8);
    let certs = [&pair.nodes[0].cert, &pair.nodes[1].cert];
    let (next, secret) = epoch(pair.copies[0].chain().next_place(), &certs, &mut pair.rng);
    let entry = pair.control(None, Action::Epoch(next), &[0]);
    pair.copies[1].receive(entry.clone(), 0).unwrap();
    let id = entry.id().short();
    assert_eq!(pair.post(1, "too early").unwrap_err(), AuthorError::NoKey(id));
    assert!(pair.copies[1].missing_keys().contains(&id));
    pair.copies[1].learn_key(id, secret);
    pair.post(1, "now").unwrap();
}

/// A chain that a Recover has replaced may have named now one branch and then the other, so that both
/// are here; the one that counts is a fork to be settled, wherever else the lane is forked.
#[test]
fn a_fork_above_the_named_head_is_seen_beside_one_below() {
    let mut pair = Pair::new(&SUPERGROUP, 8);
    let mut write = |copy: &Replica, words: &str| {
        let author = pair.nodes[1].author();
        copy.write_data(author, 0, 1, &text(words), 0, &mut pair.rng).unwrap()
    };
    let [mut kept, mut dead] = [pair.copies[1].clone(), pair.copies[1].clone()];
    let twins = [write(&kept, "kept"), write(&dead, "dead")];
    kept.receive(twins[0].clone(), 0).unwrap();
    dead.receive(twins[1].clone(), 0).unwrap();
    let next = [write(&kept, "one"), write(&dead, "above the dead one"), write(&kept, "other")];
    let lane = (pair.nodes[1].short(), 0);
    let head = place(&twins[0]);
    let heads = crate::cbor::List::new(vec![head]).unwrap();
    let state = pair.copies[0].chain().state().digest();
    pair.control(None, Action::Checkpoint(Checkpoint { heads, state }), &[0]);
    let home = &mut pair.copies[0];
    let mut insert = |entry: &Entry| {
        let read = DataEntry::new(entry, read_body(entry, None)).unwrap();
        home.lanes.insert(&home.chain, read).unwrap();
        home.frozen_from(lane.0, lane.1)
    };
    twins.iter().chain(&next[..2]).for_each(|entry| assert_eq!(insert(entry), None));
    assert_eq!(insert(&next[2]), Some(1));
    assert_eq!(home.forked_lanes(), [lane]);
    assert_eq!(home.lanes().heads(home.chain()), [head]);
}

/// The named head is not here, and the one entry at its number is another: what follows that one is as
/// dead, also where it is forked again.
#[test]
fn above_a_dead_entry_everything_is_dead() {
    let mut pair = Pair::new(&SUPERGROUP, 8);
    let author = pair.nodes[1].author();
    let mut write = |copy: &Replica, words: &str| {
        copy.write_data(author, 0, 1, &text(words), 0, &mut pair.rng).unwrap()
    };
    let mut dead = pair.copies[1].clone();
    let [kept, twin] = [write(&dead, "kept"), write(&dead, "dead")];
    dead.receive(twin.clone(), 0).unwrap();
    let above = [write(&dead, "one"), write(&dead, "other")];
    let heads = crate::cbor::List::new(vec![place(&kept)]).unwrap();
    let state = pair.copies[0].chain().state().digest();
    pair.control(None, Action::Checkpoint(Checkpoint { heads, state }), &[0]);
    let home = &mut pair.copies[0];
    for entry in [&twin, &above[0], &above[1]] {
        let read = DataEntry::new(entry, read_body(entry, None)).unwrap();
        home.lanes.insert(&home.chain, read).unwrap();
    }
    let counts = |entry: &Entry| home.lanes().counts(&place(entry));
    assert!(![&twin, &above[0], &above[1]].into_iter().any(counts));
}

/// A branch of thirty, of which the home keeps the end, and eight places to wait: what is kept shows
/// from the end down, one name at a time.
#[test]
fn a_kept_branch_is_longer_than_there_is_room_to_wait() {
    let mut pair = Pair::new(&SUPERGROUP, 8);
    let mut other = pair.copies[1].clone();
    let author = pair.nodes[1].author();
    let twin = other.write_data(author, 0, 1, &text("dead"), 0, &mut pair.rng).unwrap();
    let above = {
        other.receive(twin.clone(), 0).unwrap();
        other.write_data(author, 0, 1, &text("above"), 0, &mut pair.rng).unwrap()
    };
    let kept: Vec<_> = (0..30).map(|_| pair.post(1, "kept").unwrap()).collect();
    let reader = &mut pair.copies[2];
    for entry in [&twin, &above] {
        reader.receive(entry.clone(), 0).unwrap();
    }
    let heads = crate::cbor::List::new(vec![place(&kept[29])]).unwrap();
    let state = pair.copies[0].chain().state().digest();
    let names = Action::Checkpoint(Checkpoint { heads, state });
    pair.control(None, names, &[0, 2]);
    let reader = &mut pair.copies[2];
    assert!(reader.wanted().is_empty(), "nothing says yet that anything is missing");
    kept.iter().for_each(|entry| drop(reader.receive(entry.clone(), 0)));
    assert_eq!(reader.lanes().length(pair.nodes[1].short(), 0), 2, "too few places");
    while let [at] = reader.wanted()[..] {
        assert!(at.seq > 0 && reader.pending() <= 8);
        reader.receive(kept[at.seq as usize].clone(), 0).unwrap();
    }
    for _ in 0..4 {
        kept.iter().for_each(|entry| drop(reader.receive(entry.clone(), 0)));
    }
    assert!(kept.iter().all(|entry| reader.id_of(&place(entry)).is_some()));
    assert_eq!(reader.lanes().heads(reader.chain()), [place(&kept[29])]);
    assert!(reader.branches.is_empty() && reader.pending() == 0);
}

/// The same entry under a signature that does not hold.
fn forged(entry: &Entry) -> Entry {
    let mut bytes = entry.encode();
    let signature = bytes.len() - entry.body().unwrap().len() - 1;
    bytes[signature] ^= 1;
    Entry::decode(&bytes).unwrap()
}

/// A forgery waits in the place of the true entry, as nobody can tell yet; once the key is known its
/// copy goes, which the driver is told, and the true one is taken.
#[test]
fn a_forgery_that_waited_for_its_key_is_told() {
    let mut pair = Pair::new(&SUPERGROUP, 8);
    pair.nodes[0].rotate(&mut pair.rng);
    let cert = pair.nodes[0].cert.clone();
    pair.copies[1].learn_cert(cert.clone(), 0);
    let author = pair.nodes[0].author();
    let post = pair.copies[1].write_data(author, 0, 1, &text("true"), 0, &mut pair.rng).unwrap();
    let at = place(&post);
    let reader = &mut pair.copies[2];
    let waits = reader.receive(forged(&post), 0).unwrap();
    assert!(matches!(waits[..], [Event::Unverified(of)] if of == at));
    assert!(reader.receive(post.clone(), 0).unwrap().is_empty());
    let told = reader.learn_cert(cert, 0);
    assert!(matches!(told[..], [Event::Forged(of)] if of == at), "{told:?}");
    assert_eq!(reader.pending(), 0);
    assert_eq!(delivered(&reader.receive(post, 0).unwrap()), [(at, false)]);
}

#[test]
fn forged_and_foreign_entries_are_refused() {
    let mut pair = Pair::new(&SUPERGROUP, 8);
    let post = pair.post(0, "true").unwrap();
    assert_eq!(pair.copies[2].receive(forged(&post), 0).unwrap_err(), Rejected::Signature);
    // Somebody else's key under this node's name.
    let liar = crate::Author { key: &pair.nodes[1].op, ..pair.nodes[0].author() };
    let fresh = &pair.copies[2];
    let stolen = fresh.write_data(liar, 0, 1, &text("false"), 0, &mut pair.rng).unwrap();
    assert_eq!(pair.copies[2].receive(stolen, 0).unwrap_err(), Rejected::Signature);
    let mut other = Pair::new(&Start { shows_history: false, ..SUPERGROUP }, 8);
    let foreign = other.post(0, "elsewhere").unwrap();
    assert_eq!(pair.copies[2].receive(foreign, 0).unwrap_err(), Rejected::Group);
    assert_eq!(pair.copies[2].lanes().entries().count(), 0);
}

/// An admin who bans somebody with a cut at a head that does not exist takes nothing from the owner,
/// who speaks in the same lane.
#[test]
fn a_chosen_cut_decides_about_no_branch() {
    let mut pair = Pair::new(&SUPERGROUP, 8);
    let post = pair.post(0, "the owner speaks").unwrap();
    let (owner, admin) = (pair.nodes[0].user(1), pair.nodes[1].user(2));
    let rank = crate::cbor::Text::default();
    let promote = crate::body::Promote { user: admin, rights: crate::Rights::BAN, rank, cut: None };
    pair.control(Some(owner), Action::Promote(promote), &[0, 1]);
    let false_head = EntryRef { hash: Hash16([9; 16]), ..place(&post) };
    let user = pair.nodes[0].user(3);
    let ban = Action::Ban(crate::body::Ban { user, cut: cut(&[false_head]) });
    let ask = pair.nodes[1].ask(pair.copies[1].chain(), 2, &ban, 1);
    let body = ControlBody::answering(ban, ask);
    let (chain, author) = (pair.copies[0].chain(), pair.nodes[0].author());
    let entry = write_control(chain, author, Some(admin), &body, 0, &mut pair.rng).unwrap();
    pair.copies[0].receive(entry, 0).unwrap();
    let copy = &pair.copies[0];
    assert_eq!(copy.chain().verdicts().last(), Some(&crate::control::Verdict::Applied));
    assert!(copy.lanes().message(copy.chain(), &place(&post)).is_some());
}

/// Whoever fills the room for what waits makes nothing slower for the others.
///
/// How: the time that entries of one node take, with thousands of another's waiting for one that never
/// comes, is held against the time without them.
#[test]
#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn what_waits_is_not_looked_at_with_every_entry() {
    let mut pair = Pair::new(&SUPERGROUP, 4096);
    let hoard: Vec<_> = (0..4_000).map(|_| pair.post(1, "hoarded").unwrap()).collect();
    let said: Vec<_> = (0..200).map(|_| pair.post(0, "said").unwrap()).collect();
    let mut beside = pair.copies[2].clone();
    for entry in &hoard[1..] {
        beside.receive(entry.clone(), 0).unwrap();
    }
    assert_eq!(beside.pending(), hoard.len() - 1);
    let mut times = [&mut pair.copies[2], &mut beside].map(|copy| {
        let begin = std::time::Instant::now();
        for entry in &said {
            let events = copy.receive(entry.clone(), 0).unwrap();
            assert!(matches!(events[..], [Event::Delivered { .. }]), "{events:?}");
        }
        begin.elapsed()
    });
    times.sort();
    let [alone, beside_it] = times;
    assert!(beside_it < alone * 5, "{alone:?} {beside_it:?}");
    // The first one lets all others go.
    let events = beside.receive(hoard[0].clone(), 0).unwrap();
    assert_eq!((events.len(), beside.pending()), (hoard.len(), 0));
}
