//! What every store must do; run on each.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;
use tempfile::TempDir;

use super::{all, bytes, puts, seal, write};
use crate::disk::Space;
use crate::pieces::PIECE_BYTES;
use crate::sled_store::Options;
use crate::{
    AtRest, BATCH_BYTES_MAX, Batch, KEY_BYTES_MAX, Keyspace, MemoryStore, Order, Sealed, SledStore,
    Store, StoreError, VALUE_BYTES_MAX,
};

/// A store to test, and the lever that fills its disk.
struct Subject {
    store: Arc<dyn Store>,
    set_full: Box<dyn Fn(bool)>,
    /// What sealing adds to a value.
    sealing_bytes: u64,
    _directory: Option<TempDir>,
}

fn in_memory() -> Subject {
    memory(|store| store, 0)
}

fn sealed_in_memory() -> Subject {
    memory(|store| Arc::new(Sealed::new(store, seal::make(1).1)), SEALING)
}

fn on_sled() -> Subject {
    sled(|_| {}, |store| Arc::new(store.clear().unwrap()), 0)
}

fn sealed_on_sled() -> Subject {
    let (record, seal) = seal::make(2);
    let prepare = |directory: &Path| {
        AtRest::open(directory, [7; 16]).unwrap().seal_empty(&record).unwrap();
    };
    sled(prepare, |store| Arc::new(store.sealed(seal).unwrap()), SEALING)
}

/// A nonce and a tag.
const SEALING: u64 = 24 + 16;

fn memory(layer: impl FnOnce(Arc<MemoryStore>) -> Arc<dyn Store>, sealing_bytes: u64) -> Subject {
    let lever = Arc::new(MemoryStore::new());
    let store = layer(lever.clone());
    let set_full = Box::new(move |full| lever.set_full(full));
    Subject { store, set_full, sealing_bytes, _directory: None }
}

fn sled(
    prepare: impl FnOnce(&Path),
    layer: impl FnOnce(AtRest) -> Arc<dyn Store>,
    sealing_bytes: u64,
) -> Subject {
    const ROOM: u64 = 500 << 30;
    let directory = TempDir::new().unwrap();
    prepare(directory.path());
    let free = Arc::new(AtomicU64::new(ROOM));
    let lever = free.clone();
    let probe = Box::new(move || {
        Ok(Space { free_bytes: free.load(Ordering::Relaxed), total_bytes: 1000 << 30 })
    });
    let options = Options { probe: Some(probe), ..Options::default() };
    let store = SledStore::open_with(directory.path(), [7; 16], options).unwrap();
    let set_full = move |full| lever.store(if full { 1 << 20 } else { ROOM }, Ordering::Relaxed);
    let store = layer(AtRest::new(store));
    Subject { store, set_full: Box::new(set_full), sealing_bytes, _directory: Some(directory) }
}

macro_rules! on_every_store {
    ($($name:ident)*) => {
        mod memory {
            $(#[test] fn $name() { super::$name(&super::in_memory()); })*
        }
        mod sled {
            $(#[test] fn $name() { super::$name(&super::on_sled()); })*
        }
        mod sealed_memory {
            $(#[test] fn $name() { super::$name(&super::sealed_in_memory()); })*
        }
        mod sealed_sled {
            $(#[test] fn $name() { super::$name(&super::sealed_on_sled()); })*
        }
    };
}

on_every_store! {
    scans_are_ordered_both_ways
    scans_end_at_the_borders_of_a_keyspace
    the_last_word_on_a_key_wins
    large_values_come_back_whole
    keys_that_look_like_pieces_are_left_alone
    large_values_are_replaced_whole_under_a_reader
    a_batch_is_seen_whole_after_its_ticket
    tickets_follow_the_order_of_commits
    whoever_sees_a_row_can_wait_for_it
    bounds_are_kept
    a_full_disk_refuses_writes_only
    work_is_counted
    scans_agree_with_a_model
    scans_of_hidden_keys_agree_with_a_model
}

const SPACE: Keyspace = Keyspace::BOXES;

fn keys(store: &dyn Store, from: &[u8], to: Option<&[u8]>, n: usize, order: Order) -> Vec<Vec<u8>> {
    store.scan(SPACE, from, to, n, order).unwrap().into_iter().map(|(key, _)| key).collect()
}

fn scans_are_ordered_both_ways(subject: &Subject) {
    let store = &*subject.store;
    let mut sorted: Vec<Vec<u8>> = vec![vec![], vec![0], vec![0, 0], vec![0, 255], vec![1]];
    sorted.extend([vec![254, 255], vec![255], vec![255; 2], vec![255; KEY_BYTES_MAX - 1]]);
    write(store, puts(SPACE, sorted.iter().rev().map(|key| (key, key.clone()))));

    let up = |from: &[u8], to, n| keys(store, from, to, n, Order::Ascending);
    let down = |from: &[u8], to, n| keys(store, from, to, n, Order::Descending);
    let reversed = |keys: &[Vec<u8>]| keys.iter().rev().cloned().collect::<Vec<_>>();
    assert_eq!(up(&[], None, 100), sorted);
    assert_eq!(down(&[], None, 100), reversed(&sorted));
    assert_eq!(up(&[0, 1], None, 2), sorted[3..5]);
    assert_eq!(down(&[], Some(&[1]), 2), reversed(&sorted[2..4]), "`to` itself is left out");
    assert_eq!(up(&[0], Some(&[255]), 100), sorted[1..6], "`from` itself is in");
    assert_eq!(down(&[0], Some(&[255]), 100), reversed(&sorted[1..6]));
    assert_eq!(up(&[], None, 0), Vec::<Vec<u8>>::new());
    assert_eq!(up(&[1], Some(&[1]), 9), Vec::<Vec<u8>>::new());
    assert_eq!(down(&[2], Some(&[1]), 9), Vec::<Vec<u8>>::new(), "an empty range is no error");
    let rows = all(store, SPACE);
    assert!(rows.iter().all(|(key, value)| key == value));
}

fn scans_end_at_the_borders_of_a_keyspace(subject: &Subject) {
    let store = &*subject.store;
    // 'o', 'p', 'q': neighbours of BOXES, one of them without a name yet.
    for space in [Keyspace(b'o'), SPACE, Keyspace(b'q')] {
        write(store, puts(space, [(vec![], vec![space.0]), (vec![255; 9], vec![space.0])]));
    }
    for order in [Order::Ascending, Order::Descending] {
        let rows = store.scan(SPACE, &[], None, 100, order).unwrap();
        assert_eq!(rows.len(), 2);
        assert!(rows.iter().all(|(_, value)| *value == [SPACE.0]), "{rows:?}");
    }
    assert_eq!(store.get(Keyspace(b'q'), &[]).unwrap(), Some(vec![b'q']));
    assert_eq!(store.get(Keyspace(b'q'), &[0]).unwrap(), None);
}

fn the_last_word_on_a_key_wins(subject: &Subject) {
    let store = &*subject.store;
    let mut batch = puts(SPACE, [(b"a", vec![1]), (b"b", vec![1]), (b"c", vec![1])]);
    batch.put(SPACE, b"a", vec![2]).delete(SPACE, b"b").delete(SPACE, b"missing");
    write(store, batch);
    assert_eq!(all(store, SPACE), [(b"a".to_vec(), vec![2]), (b"c".to_vec(), vec![1])]);
    let mut batch = Batch::new();
    batch.delete(SPACE, b"a").put(SPACE, b"a", vec![]).delete(SPACE, b"c");
    write(store, batch);
    assert_eq!(all(store, SPACE), [(b"a".to_vec(), vec![])], "an empty value is a value");
}

fn large_values_come_back_whole(subject: &Subject) {
    let store = &*subject.store;
    let sizes = [
        PIECE_BYTES,
        PIECE_BYTES + 1,
        2 * PIECE_BYTES,
        2 * PIECE_BYTES + 1,
        VALUE_BYTES_MAX,
        1,
        VALUE_BYTES_MAX - 1,
        PIECE_BYTES + 1,
        0,
        PIECE_BYTES + 17,
        PIECE_BYTES,
    ];
    write(store, puts(SPACE, [(b"a", vec![1]), (b"z", vec![2])]));
    for (seed, size) in sizes.into_iter().enumerate() {
        let value = bytes(seed as u64, size);
        write(store, puts(SPACE, [(b"m", value.clone())]));
        assert_eq!(store.get(SPACE, b"m").unwrap().as_ref(), Some(&value), "{size} bytes");
        let expected = [(b"a".to_vec(), vec![1]), (b"m".to_vec(), value), (b"z".to_vec(), vec![2])];
        for limit in 1..=3 {
            let rows = store.scan(SPACE, &[], None, limit, Order::Ascending).unwrap();
            assert_eq!(rows, expected[..limit], "a limit counts values, not pieces");
            let rows = store.scan(SPACE, &[], None, limit, Order::Descending).unwrap();
            assert!(rows.iter().eq(expected.iter().rev().take(limit)));
        }
    }
    write(store, puts(SPACE, [(b"m", bytes(99, VALUE_BYTES_MAX))]));
    let mut batch = Batch::new();
    batch.delete(SPACE, b"m");
    write(store, batch);
    assert_eq!(store.get(SPACE, b"m").unwrap(), None);
    assert_eq!(all(store, SPACE).len(), 2);
    let pieces = Keyspace(SPACE.0 | 0x80);
    assert!(all(store, pieces).is_empty(), "pieces are left of replaced values");
    let short = bytes(100, PIECE_BYTES + 1);
    write(store, puts(SPACE, [(b"m", short.clone())]));
    assert_eq!(store.get(SPACE, b"m").unwrap(), Some(short));
}

fn keys_that_look_like_pieces_are_left_alone(subject: &Subject) {
    let store = &*subject.store;
    let long = |seed| bytes(seed, 3 * PIECE_BYTES);
    let rows: Vec<(&[u8], Vec<u8>)> = vec![
        (b"", long(1)),
        (b"\x01", long(2)),
        (b"\x01\x01", vec![3]),
        (b"\x02", vec![4]),
        (b"k", long(5)),
        (b"k\x01", long(6)),
        (b"k\x01\x02", vec![7]),
    ];
    write(store, puts(SPACE, rows.clone()));
    let expected: Vec<_> = rows.iter().map(|(key, value)| (key.to_vec(), value.clone())).collect();
    assert_eq!(all(store, SPACE), expected);
    let mut batch = Batch::new();
    batch.delete(SPACE, b"").put(SPACE, b"k", vec![0]);
    write(store, batch);
    let left = all(store, SPACE);
    assert_eq!(left.len(), 6);
    assert_eq!(left[0], (vec![1], long(2)), "the neighbour keeps its pieces");
    assert_eq!(left[4], (b"k\x01".to_vec(), long(6)));
}

fn large_values_are_replaced_whole_under_a_reader(subject: &Subject) {
    let store = &subject.store;
    let value = |n: u64| vec![n as u8; PIECE_BYTES * (1 + n as usize % 4) + 1];
    write(&**store, puts(SPACE, [(b"k", value(0))]));
    let writer = {
        let store = store.clone();
        std::thread::spawn(move || {
            for n in 1..200 {
                write(&*store, puts(SPACE, [(b"k", value(n))]));
            }
        })
    };
    let mut seen = 0;
    while !writer.is_finished() || seen == 0 {
        let found = store.get(SPACE, b"k").unwrap().unwrap();
        assert!(found.iter().all(|byte| *byte == found[0]), "a mix of two values");
        assert_eq!(found.len() % PIECE_BYTES, 1);
        let rows = store.scan(SPACE, &[], None, 2, Order::Descending).unwrap();
        assert!(rows[0].1.iter().all(|byte| *byte == rows[0].1[0]), "a mix of two values");
        seen += 1;
    }
    writer.join().unwrap();
    assert_eq!(store.get(SPACE, b"k").unwrap(), Some(value(199)));
}

fn a_batch_is_seen_whole_after_its_ticket(subject: &Subject) {
    let store = &*subject.store;
    let mut batch = puts(SPACE, (0..100_u8).map(|n| ([n], vec![n])));
    batch.merge(puts(Keyspace::BOX_HEADS, [(b"head", vec![100])]));
    assert_eq!((batch.len(), batch.is_empty()), (101, false));
    let ticket = write(store, batch);
    assert!(store.newest() >= ticket);
    assert_eq!(all(store, SPACE).len(), 100);
    assert_eq!(store.get(Keyspace::BOX_HEADS, b"head").unwrap(), Some(vec![100]));
}

fn tickets_follow_the_order_of_commits(subject: &Subject) {
    let store = &*subject.store;
    let tickets: Vec<_> =
        (0..100_u8).map(|n| store.commit(puts(SPACE, [(b"k", vec![n])])).unwrap()).collect();
    assert!(tickets.is_sorted_by(|a, b| a < b));
    store.wait_durable(tickets[99]).unwrap();
    assert!(store.newest() >= tickets[99]);
    assert_eq!(store.get(SPACE, b"k").unwrap(), Some(vec![99]));
    for ticket in tickets {
        store.wait_durable(ticket).unwrap();
        futures_util::FutureExt::now_or_never(store.durable(ticket)).unwrap().unwrap();
    }
}

/// A reader tells the outside what it read once [`Store::newest`] is durable: a row that it saw
/// must not be of a later batch.
fn whoever_sees_a_row_can_wait_for_it(subject: &Subject) {
    const COMMITS: u64 = 2_000;
    let store = &subject.store;
    let writer = {
        let store = store.clone();
        std::thread::spawn(move || {
            for n in 1..=COMMITS {
                let ticket = write(&*store, puts(SPACE, [(b"k", n.to_be_bytes().to_vec())]));
                assert_eq!(ticket.0, n);
            }
        })
    };
    let mut seen = 0;
    while seen < COMMITS {
        let value = store.get(SPACE, b"k").unwrap().unwrap_or_else(|| vec![0; 8]);
        seen = u64::from_be_bytes(value.try_into().unwrap());
        assert!(store.newest().0 >= seen, "{:?} after batch {seen} was seen", store.newest());
    }
    writer.join().unwrap();
}

fn bounds_are_kept(subject: &Subject) {
    let store = &*subject.store;
    let refused = |batch| match store.commit(batch) {
        Err(StoreError::TooLarge { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(puts(SPACE, [(vec![0; KEY_BYTES_MAX], vec![])])), "a key");
    assert_eq!(refused(puts(SPACE, [(b"k", vec![0; VALUE_BYTES_MAX + 1])])), "a value");
    let many = (BATCH_BYTES_MAX / VALUE_BYTES_MAX) as u64;
    let batch = puts(SPACE, (0..many).map(|n| (n.to_be_bytes(), vec![0; VALUE_BYTES_MAX])));
    assert_eq!(refused(batch), "a batch");
    assert!(all(store, SPACE).is_empty(), "nothing of a refused batch is written");
    let (key, value) = ([9; KEY_BYTES_MAX - 1], vec![1; VALUE_BYTES_MAX]);
    for space in [SPACE, Keyspace::NAMES] {
        write(store, puts(space, [(key, value.clone())]));
        assert_eq!(all(store, space), [(key.to_vec(), value.clone())]);
    }
}

fn a_full_disk_refuses_writes_only(subject: &Subject) {
    let store = &*subject.store;
    write(store, puts(SPACE, [(b"before", vec![1])]));
    (subject.set_full)(true);
    let refused = (0..64).find_map(|_| store.admit().err());
    assert!(matches!(refused, Some(StoreError::Full { .. })), "{refused:?}");
    let refused = store.commit(puts(SPACE, [(b"during", vec![1])]));
    assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
    assert_eq!(store.get(SPACE, b"before").unwrap(), Some(vec![1]));
    (subject.set_full)(false);
    store.admit().unwrap();
    write(store, puts(SPACE, [(b"after", vec![1])]));
    assert_eq!(all(store, SPACE).len(), 2);
}

fn work_is_counted(subject: &Subject) {
    let store = &*subject.store;
    for _ in 0..3 {
        write(store, puts(SPACE, [(b"ab", vec![0; 10]), (b"cd", vec![0; 20])]));
    }
    let stats = store.stats();
    assert!(stats.commits >= 3 && stats.syncs == stats.commits, "{stats:?}");
    assert!(stats.batches >= 3 && stats.keys == 6, "{stats:?}");
    let expected = 3 * (2 * 3 + 30 + 2 * subject.sealing_bytes);
    assert_eq!(stats.bytes, expected, "with the keyspace bytes: {stats:?}");
}

fn scans_agree_with_a_model(subject: &Subject) {
    agree_with_a_model(&*subject.store, SPACE);
}

fn scans_of_hidden_keys_agree_with_a_model(subject: &Subject) {
    const { assert!(Keyspace::NAMES.hides_keys() && !SPACE.hides_keys()) };
    agree_with_a_model(&*subject.store, Keyspace::NAMES);
}

/// Random puts and deletes on few keys, of sizes around the piece, compared with a sorted map.
fn agree_with_a_model(store: &dyn Store, space: Keyspace) {
    let key = proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(255)], 0..3);
    let size = prop_oneof![
        Just(None),
        (0_usize..3).prop_map(Some),
        (PIECE_BYTES - 1..PIECE_BYTES + 30).prop_map(Some),
        (PIECE_BYTES..4 * PIECE_BYTES).prop_map(Some),
    ];
    let batch = proptest::collection::vec((key.clone(), size, any::<u64>()), 1..6);
    let reads = (key.clone(), proptest::option::of(key), 0_usize..8, any::<bool>());
    let model = std::cell::RefCell::new(std::collections::BTreeMap::<Vec<u8>, Vec<u8>>::new());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 300,
        max_shrink_iters: 0, // the store keeps what earlier cases wrote: no case stands alone
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let checked = runner.run(&(batch, reads), |(changes, (from, to, limit, up))| {
        let mut model = model.borrow_mut();
        let mut batch = Batch::new();
        for (key, size, seed) in changes {
            match size {
                Some(size) => {
                    batch.put(space, &key, bytes(seed, size));
                    model.insert(key, bytes(seed, size));
                }
                None => {
                    batch.delete(space, &key);
                    model.remove(&key);
                }
            }
        }
        write(store, batch);
        let within = |key: &Vec<u8>| *key >= from && to.as_ref().is_none_or(|to| key < to);
        let rows = model.iter().filter(|(key, _)| within(key));
        let rows = rows.map(|(key, value)| (key.clone(), value.clone()));
        let (order, expected) = if up {
            (Order::Ascending, rows.take(limit).collect::<Vec<_>>())
        } else {
            (Order::Descending, rows.rev().take(limit).collect())
        };
        let found = store.scan(space, &from, to.as_deref(), limit, order).unwrap();
        prop_assert_eq!(found, expected);
        Ok(())
    });
    checked.unwrap();
}
