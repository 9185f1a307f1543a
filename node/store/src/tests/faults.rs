//! The faults that the store in memory plays, and what a failed write does to the one on disk.

use futures_util::FutureExt;

use super::{all, bytes, puts, write};
use crate::pieces::PIECE_BYTES;
use crate::{Batch, Keyspace, MemoryStore, Store, StoreError};

const SPACE: Keyspace = Keyspace::BOXES;

fn put(store: &MemoryStore, n: u8) -> crate::Ticket {
    store.commit(puts(SPACE, [([n], vec![n])])).unwrap()
}

fn found(store: &MemoryStore) -> Vec<u8> {
    all(store, SPACE).into_iter().map(|(_, value)| value[0]).collect()
}

#[test]
fn a_crash_leaves_what_was_durable() {
    let store = MemoryStore::manual();
    let tickets: Vec<_> = (1..=5).map(|n| put(&store, n)).collect();
    assert!(store.durable(tickets[0]).now_or_never().is_none());
    store.make_durable(2);
    store.wait_durable(tickets[1]).unwrap();
    assert!(store.durable(tickets[2]).now_or_never().is_none());
    assert_eq!((found(&store), store.undurable()), (vec![1, 2, 3, 4, 5], 3));
    assert_eq!(found(&store.crash()), [1, 2]);
    assert_eq!(found(&store.crash_keeping(2)), [1, 2, 3, 4]);
    assert_eq!(found(&store.crash_keeping(9)), [1, 2, 3, 4, 5]);
    let waiting = store.durable(tickets[2]).now_or_never();
    assert!(matches!(waiting, Some(Err(StoreError::Stopped))), "nobody waits for what was lost");
}

#[test]
fn a_crash_takes_back_every_kind_of_change() {
    let store = MemoryStore::manual();
    let long = bytes(1, 3 * PIECE_BYTES);
    write_durable(&store, puts(SPACE, [(b"a", vec![1]), (b"b", long.clone()), (b"c", vec![3])]));
    let before = all(&store, SPACE);
    let mut batch = puts(SPACE, [(b"a", bytes(2, 5 * PIECE_BYTES)), (b"b", vec![2])]);
    batch.delete(SPACE, b"c").put(SPACE, b"d", vec![4]).put(SPACE, b"d", vec![5]);
    store.commit(batch).unwrap();
    let mut batch = Batch::new();
    batch.delete(SPACE, b"a").put(SPACE, b"c", vec![6]);
    store.commit(batch).unwrap();
    let crashed = store.crash();
    assert_eq!(all(&crashed, SPACE), before);
    // No piece of what vanished is left under the values that came back.
    write_durable(&crashed, puts(SPACE, [(b"a", bytes(3, 5 * PIECE_BYTES))]));
    assert_eq!(crashed.get(SPACE, b"a").unwrap(), Some(bytes(3, 5 * PIECE_BYTES)));
    assert_eq!(crashed.get(SPACE, b"b").unwrap(), Some(long));
}

fn write_durable(store: &MemoryStore, batch: Batch) {
    let ticket = store.commit(batch).unwrap();
    store.make_durable(usize::MAX);
    store.wait_durable(ticket).unwrap();
}

#[test]
fn the_kth_commit_fails_and_stops_the_store() {
    let store = MemoryStore::new();
    store.fail_at_commit(3);
    store.wait_durable(put(&store, 1)).unwrap();
    store.wait_durable(put(&store, 2)).unwrap();
    assert!(store.failed().now_or_never().is_none());
    let lost = put(&store, 3);
    assert!(matches!(store.wait_durable(lost), Err(StoreError::Stopped)));
    assert_eq!(store.failed().now_or_never().as_deref(), Some("the disk broke"));
    assert!(matches!(store.commit(Batch::new()), Err(StoreError::Stopped)));
    assert!(matches!(store.admit(), Err(StoreError::Stopped)));
    assert_eq!(found(&store), [1, 2]);
}

/// A reader that asks for two rows, between whose reads a batch changes both, must be able to
/// notice: by the ticket, and by waiting for it before it answers.
#[test]
fn a_commit_can_stand_between_two_reads() {
    let store = MemoryStore::manual();
    write_durable(&store, puts(SPACE, [(b"one", vec![1]), (b"two", vec![1])]));
    let mut reads = 0;
    store.before_each_read(move |store| {
        reads += 1;
        if reads == 2 {
            // A read in here does not call this again.
            assert_eq!(store.get(SPACE, b"one").unwrap(), Some(vec![1]));
            store.commit(puts(SPACE, [(b"one", vec![2]), (b"two", vec![2])])).unwrap();
        }
    });
    let before = store.newest();
    assert_eq!(store.get(SPACE, b"one").unwrap(), Some(vec![1]));
    assert_eq!(store.get(SPACE, b"two").unwrap(), Some(vec![2]));
    assert!(store.newest() > before);
    assert!(store.durable(store.newest()).now_or_never().is_none());
    assert_eq!(store.crash().get(SPACE, b"two").unwrap(), Some(vec![1]));
}

#[test]
fn a_waiting_thread_wakes() {
    let store = std::sync::Arc::new(MemoryStore::manual());
    let ticket = put(&store, 1);
    let waiter = {
        let store = store.clone();
        std::thread::spawn(move || store.wait_durable(ticket))
    };
    store.make_durable(1);
    waiter.join().unwrap().unwrap();
}

#[test]
fn a_store_that_ends_well_has_not_failed() {
    let directory = tempfile::TempDir::new().unwrap();
    let store = super::open(directory.path());
    let failed = store.failed();
    write(&store, puts(SPACE, [(b"k", vec![1])]));
    drop(store);
    assert!(failed.now_or_never().is_none());
}
