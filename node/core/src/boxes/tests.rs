//! A box against a slow model of it: plain lists of messages, counted anew each time.

use std::collections::{BTreeMap, BTreeSet};

use node_store::{Batch, Keyspace, MemoryStore, Order, Store};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::ids::{BoxId, UserId, box_key};
use crate::message::Message;
use crate::record::Record as _;

const OWNER: BoxId = BoxId::of_user(UserId(1_000_000));

fn peer(number: i64) -> PeerId {
    PeerId::User(UserId(2_000_000 + number))
}

fn message(peer: PeerId, out: bool) -> BoxRow {
    BoxRow::Message(Message::plain(
        peer,
        if out { OWNER.user().unwrap() } else { peer.user().unwrap() },
        out,
    ))
}

/// One dialog of the model.
#[derive(Default)]
struct Plain {
    /// (id, out), oldest first.
    messages: Vec<(i32, bool)>,
    read_inbox: i32,
    read_outbox: i32,
    pinned: BTreeSet<i32>,
}

impl Plain {
    fn unread_up_to(&self, max_id: i32) -> Vec<i32> {
        let unread = self.messages.iter().filter(|(id, out)| !out && *id > self.read_inbox);
        unread.map(|(id, _)| *id).filter(|id| *id <= max_id).collect()
    }
}

/// A box, its store, and what should be in it.
struct Sim {
    rng: StdRng,
    store: MemoryStore,
    state: BoxState,
    pts: i32,
    model: BTreeMap<PeerId, Plain>,
}

impl Sim {
    fn new(seed: u64) -> Self {
        let (rng, store) = (StdRng::seed_from_u64(seed), MemoryStore::new());
        let state = load(&store, OWNER).unwrap();
        Self { rng, store, state, pts: 1, model: BTreeMap::new() }
    }

    fn chunks(&self) -> StoredChunks<'_> {
        StoredChunks { store: &self.store, owner: OWNER }
    }

    fn commit(&self, batch: Batch) {
        self.store.commit(batch).unwrap();
    }

    /// Appends as the committer does: numbered, applied, written; sometimes with a flush.
    fn append(&mut self, row: &BoxRow) -> i32 {
        assert!(row.pts_count() > 0);
        self.pts += row.pts_count();
        assert_eq!(self.state.pts.0 + row.pts_count(), self.pts, "no gap");
        let mut batch = Batch::new();
        batch.put(Keyspace::BOXES, &box_key(OWNER, self.pts), row.encode().unwrap());
        if let BoxRow::Deleted { ids, .. } = row {
            for id in ids {
                batch.delete(Keyspace::BOXES, &box_key(OWNER, id.0));
            }
        }
        let chunks = StoredChunks { store: &self.store, owner: OWNER };
        self.state.apply(Pts(self.pts), row, &chunks).unwrap();
        if self.state.unwritten() >= FLUSH_EVERY_EVENTS && self.rng.random_bool(0.9) {
            let flush = flush(&self.state, &self.store, OWNER, EVENTS_KEPT).unwrap();
            batch.merge(flush.batch);
            self.commit(batch);
            self.state.written(flush.pts);
        } else {
            self.commit(batch);
        }
        self.pts
    }

    fn flush(&mut self) {
        let flush = flush(&self.state, &self.store, OWNER, EVENTS_KEPT).unwrap();
        self.commit(flush.batch);
        self.state.written(flush.pts);
        assert!(self.state.dialogs.changed.is_empty() && self.state.saved.changed.is_empty());
        let kept = self.state.dialogs.values().map(|dialog| dialog.index.changed.len());
        assert_eq!(kept.sum::<usize>(), 0, "what is written needs no memory");
        let (from, to) = ([&OWNER.bytes()[..], &[1]].concat(), OWNER.end());
        let rows = self.store.scan(Keyspace::DIALOGS, &from, Some(&to), 1 << 20, Order::Ascending);
        for (_, chunk) in rows.unwrap() {
            let entries = index::ChunkRecord::decode(&chunk).unwrap().entries().unwrap();
            assert!(!entries.is_empty(), "an empty chunk is no row");
        }
    }

    fn send(&mut self, peer: PeerId, out: bool) -> i32 {
        let id = self.append(&message(peer, out));
        self.model.entry(peer).or_default().messages.push((id, out));
        id
    }

    fn delete(&mut self, peer: PeerId, ids: &[i32]) {
        if ids.is_empty() {
            return;
        }
        let all = ids.iter().map(|id| MessageId(*id)).collect();
        self.append(&BoxRow::Deleted { peer, ids: all, saved: None });
        let dialog = self.model.get_mut(&peer).unwrap();
        dialog.messages.retain(|(id, _)| !ids.contains(id));
        dialog.pinned.retain(|id| !ids.contains(id));
    }

    /// As the committer does: the rows of the messages change with the event.
    fn pin(&mut self, peer: PeerId, id: i32, pinned: bool) {
        let plain = self.model.get_mut(&peer).unwrap();
        if plain.pinned.contains(&id) == pinned {
            return;
        }
        if pinned {
            plain.pinned.insert(id);
        } else {
            plain.pinned.remove(&id);
        }
        let key = box_key(OWNER, id);
        let row = self.store.get(Keyspace::BOXES, &key).unwrap().unwrap();
        let BoxRow::Message(mut message) = BoxRow::decode(&row).unwrap() else { panic!() };
        message.pinned = pinned;
        let mut batch = Batch::new();
        batch.put(Keyspace::BOXES, &key, BoxRow::Message(message).encode().unwrap());
        self.commit(batch);
        self.append(&BoxRow::Pinned { peer, ids: vec![MessageId(id)], pinned });
    }

    fn read(&mut self, peer: PeerId, max_id: i32) {
        let plain = &self.model[&peer];
        let marked = if max_id > plain.read_inbox { plain.unread_up_to(max_id) } else { vec![] };
        let left = plain.unread_up_to(i32::MAX).len() as i32 - marked.len() as i32;
        let count = marked.len() as i32;
        let expected = marked.last().map(|newest| (MessageId(*newest), count, left));
        let dialog = &self.state.dialogs[&peer];
        assert_eq!(dialog.reading(MessageId(max_id), &self.chunks(), peer).unwrap(), expected);
        if expected.is_some() {
            let max = MessageId(max_id);
            self.append(&BoxRow::ReadInbox {
                peer,
                max_id: max,
                count,
                still_unread: left,
                date: 0,
            });
            self.model.get_mut(&peer).unwrap().read_inbox = max_id;
        }
    }

    fn read_by_other(&mut self, peer: PeerId, max_id: i32) {
        let plain = &self.model[&peer];
        let read = |(id, out): &&(i32, bool)| *out && *id > plain.read_outbox && *id <= max_id;
        let count = plain.messages.iter().filter(read).count() as i32;
        let dialog = &self.state.dialogs[&peer];
        let counted = dialog.outgoing_up_to(MessageId(max_id), &self.chunks(), peer).unwrap();
        assert_eq!(counted, count);
        if count > 0 {
            self.append(&BoxRow::ReadOutbox { peer, max_id: MessageId(max_id), count, date: 0 });
            self.model.get_mut(&peer).unwrap().read_outbox = max_id;
        }
    }

    /// Forgets the box, and reads it again; before that loses some or all of what is derived.
    fn reload(&mut self) {
        match self.rng.random_range(0..4) {
            // A flush that a crash lost: the older one is there.
            0 => drop(flush(&self.state, &self.store, OWNER, EVENTS_KEPT).unwrap()),
            // No flush ever.
            1 => {
                let mut batch = Batch::new();
                for space in [Keyspace::DIALOGS, Keyspace::BOX_HEADS] {
                    let rows = self.store.scan(space, &[], None, 1 << 20, Order::Ascending);
                    for (key, _) in rows.unwrap() {
                        batch.delete(space, &key);
                    }
                }
                self.commit(batch);
            }
            _ => {}
        }
        self.state = load(&self.store, OWNER).unwrap();
    }

    fn some_peer(&mut self) -> PeerId {
        // The first one gets most of the messages, so that its chunks fill.
        peer(if self.rng.random_bool(0.6) { 0 } else { self.rng.random_range(0..5) })
    }

    fn step(&mut self, burst: usize, reloads: f64) {
        let peer = self.some_peer();
        let known: Vec<i32> =
            self.model.get(&peer).map_or(Vec::new(), |d| d.messages.iter().map(|m| m.0).collect());
        let action = self.rng.random_range(0..100);
        if known.is_empty() || action < 40 {
            for _ in 0..self.rng.random_range(1..=burst) {
                let out = self.rng.random_bool(0.4);
                self.send(peer, out);
            }
        } else if action < 65 {
            let at = self.rng.random_range(0..known.len());
            let ids: Vec<i32> = match self.rng.random_range(0..6) {
                0 => known[known.len() - 1..].to_vec(),
                // Sealed chunks, some of them whole.
                1 => known[at..(at + 700).min(known.len())].to_vec(),
                2 => known.iter().rev().take(300).rev().copied().collect(),
                3 if self.rng.random_bool(0.1) => known,
                _ => known.into_iter().skip(at).step_by(97).take(9).collect(),
            };
            self.delete(peer, &ids);
        } else if action < 80 {
            let max_id = known[self.rng.random_range(0..known.len())];
            self.read(peer, max_id);
        } else if action < 88 {
            let max_id = known[self.rng.random_range(0..known.len())];
            self.read_by_other(peer, max_id);
        } else if action < 90 {
            self.append(&BoxRow::Edited(MessageId(known[0])));
        } else if action < 92 {
            let id = known[self.rng.random_range(0..known.len())];
            let pinned = self.rng.random_bool(0.7);
            self.pin(peer, id, pinned);
        } else if action < 96 {
            self.flush();
        } else if self.rng.random_bool(reloads) {
            self.reload();
        }
    }

    /// Everything that is counted, against a count anew.
    fn check(&self) {
        assert_eq!(self.state.pts.0, self.pts);
        let mut tops = Vec::new();
        let mut unread = 0;
        for (peer, plain) in &self.model {
            let dialog = &self.state.dialogs[peer];
            let top = plain.messages.last().map_or(0, |(id, _)| *id);
            let expected = (
                top,
                plain.messages.len() as i32,
                plain.unread_up_to(i32::MAX).len() as i32,
                plain.read_inbox,
                plain.read_outbox,
            );
            let found = (
                dialog.top.0,
                dialog.count,
                dialog.unread,
                dialog.read_inbox.0,
                dialog.read_outbox.0,
            );
            assert_eq!(found, expected, "top, count, unread, read_inbox, read_outbox");
            let pinned = dialog.pinned.iter().map(|id| id.0);
            assert!(pinned.eq(plain.pinned.iter().copied()), "pinned");
            unread += expected.2;
            tops.extend((top != 0).then_some((top, *peer)));
        }
        tops.sort_unstable();
        tops.reverse();
        assert_eq!(self.state.listed(), tops.len());
        assert_eq!(self.state.unread, unread);
        let found: Vec<_> = self.state.newest_first(None).map(|(p, d)| (d.top.0, p)).collect();
        assert_eq!(found, tops);
    }

    /// At most `most` messages of each dialog, both ways from a random place.
    fn check_index(&mut self, most: usize) {
        let place = self.rng.random_range(0..self.pts + 2);
        for place in [place, 0, i32::MAX] {
            for (peer, plain) in &self.model {
                let index = &self.state.dialogs[peer].index;
                let mut found = Vec::new();
                index
                    .descend(place, &self.chunks(), *peer, |entry| {
                        found.push((entry.id, entry.out));
                        found.len() < most
                    })
                    .unwrap();
                let below = plain.messages.iter().rev().filter(|(id, _)| *id < place);
                assert!(found.iter().eq(below.take(most)), "descending from {place}");
                found.clear();
                index
                    .ascend(place, &self.chunks(), *peer, |entry| {
                        found.push((entry.id, entry.out));
                        found.len() < most
                    })
                    .unwrap();
                let above = plain.messages.iter().filter(|(id, _)| *id >= place);
                assert!(found.iter().eq(above.take(most)), "ascending from {place}");
            }
        }
    }
}

fn full() -> bool {
    std::env::var("ROOKERY_TEST").is_ok_and(|what| what == "full")
}

#[test]
fn a_small_box_equals_its_model_after_every_step() {
    for seed in 0..if full() { 400 } else { 25 } {
        println!("seed {seed}");
        let mut sim = Sim::new(seed);
        for _ in 0..120 {
            sim.step(8, 1.0);
            sim.check();
            sim.check_index(usize::MAX);
        }
    }
}

#[test]
fn a_box_of_thousands_equals_its_model() {
    for seed in 1000..if full() { 1040 } else { 1003 } {
        println!("seed {seed}");
        let mut sim = Sim::new(seed);
        for step in 0..250 {
            sim.step(250, 0.4);
            sim.check();
            sim.check_index(if step % 50 == 0 { usize::MAX } else { 20 });
        }
        let chunks = sim.store.scan(Keyspace::DIALOGS, &[], None, 1 << 20, Order::Ascending);
        assert!(sim.pts > 4000 && chunks.unwrap().len() > 12, "several chunks were written");
        sim.reload();
        sim.check();
        sim.check_index(usize::MAX);
    }
}

#[test]
fn borders_of_chunks_lose_nothing() {
    for count in [1, 255, 256, 257, 511, 512, 513, 767, 768, 769, 1024, 1280] {
        for flushed in [false, true] {
            let mut sim = Sim::new(count);
            for n in 0..count {
                sim.send(peer(0), n % 3 == 0);
            }
            if flushed {
                sim.flush();
            }
            sim.check();
            sim.check_index(usize::MAX);
            let all: Vec<i32> = sim.model[&peer(0)].messages.iter().map(|m| m.0).collect();
            let near = |id: &i32| (*id - 2) % 256 < 2 || (*id - 2) % 256 == 255;
            let border: Vec<i32> = all.into_iter().filter(near).collect();
            sim.delete(peer(0), &border);
            sim.send(peer(0), true);
            sim.check();
            sim.check_index(usize::MAX);
            if flushed {
                sim.flush();
            }
            sim.state = load(&sim.store, OWNER).unwrap();
            sim.check();
            sim.check_index(usize::MAX);
        }
    }
}

/// What was read counted a message that was unread then and is deleted now: a replay does not meet
/// it any more.
#[test]
fn a_replay_does_not_count_what_was_deleted_since() {
    let mut sim = Sim::new(0);
    let (first, second) = (sim.send(peer(0), false), sim.send(peer(0), false));
    sim.read(peer(0), first);
    assert_eq!(sim.state.unread, 1);
    sim.delete(peer(0), &[second]);
    assert_eq!(sim.state.unread, 0);
    sim.state = load(&sim.store, OWNER).unwrap();
    assert_eq!(sim.state.unread, 0);
    sim.check();
}

#[test]
fn a_row_out_of_order_is_damage() {
    let mut sim = Sim::new(0);
    sim.send(peer(0), true);
    let (row, chunks) = (message(peer(0), true), StoredChunks { store: &sim.store, owner: OWNER });
    for pts in [Pts(0), Pts(1), Pts(2)] {
        assert!(matches!(sim.state.apply(pts, &row, &chunks), Err(CoreError::Damaged(_))));
    }
    sim.check();
}

/// The bound that admission of deletions counts with.
#[test]
fn a_chunk_is_never_larger_than_its_bound() {
    let mut sim = Sim::new(0);
    sim.state.pts = Pts(i32::MAX - 700);
    sim.pts = i32::MAX - 700;
    for _ in 0..600 {
        sim.send(peer(0), true);
    }
    let flush = flush(&sim.state, &sim.store, OWNER, i32::MAX).unwrap();
    assert!(flush.bytes < 2 * CHUNK_BYTES_MAX + 100, "{}", flush.bytes);
    sim.flush();
    sim.check_index(usize::MAX);
}

#[test]
fn boxes_in_use_are_not_forgotten_and_others_are_when_there_are_too_many() {
    let (boxes, store) = (Boxes::default(), MemoryStore::new());
    let held = boxes.cell(OWNER);
    for n in 0..4095 {
        drop(boxes.cell(UserId(n)).lock(&store, UserId(n)).unwrap());
    }
    boxes.evict();
    let there = |boxes: &Boxes| format!("{boxes:?}").matches("BoxId").count();
    assert_eq!(there(&boxes), 4096, "as many as may be");
    boxes.cell(UserId(5000));
    boxes.evict();
    assert_eq!(there(&boxes), 2048);
    boxes.evict_to(0);
    assert_eq!(there(&boxes), 1);
    assert!(std::sync::Arc::ptr_eq(&held, &boxes.cell(OWNER)));
}
