//! Memory of the store on disk, in a process that does nothing else.
#![allow(clippy::unwrap_used, reason = "helpers of a test, outside of test functions")]

use node_store::{Batch, Keyspace, SledStore, Store, StoreError, Ticket};
use tempfile::TempDir;

const ROWS: u64 = 150_000;
const ROWS_PER_BATCH: u64 = 100;

/// sled alone takes two to ten times its cache of 48 MB; measured here: about 100 MiB.
const PEAK_KB_MAX: u64 = 256 << 10;

/// Peak resident memory of this process.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Commits as soon as there is room in the queue.
fn commit(store: &SledStore, batch: &Batch, last: Option<Ticket>) -> Ticket {
    loop {
        match (store.commit(batch.clone()), last) {
            (Err(StoreError::Busy), Some(last)) => store.wait_durable(last).unwrap(),
            (committed, _) => return committed.unwrap(),
        }
    }
}

/// The queue is always full: the worst that a burst, an import or a rebuild can do.
#[test]
fn loading_with_a_full_queue_stays_within_memory() {
    let directory = TempDir::new().unwrap();
    let store = SledStore::open(directory.path(), [1; 16]).unwrap();
    let mut last = None;
    for first in (0..ROWS).step_by(ROWS_PER_BATCH as usize) {
        let mut batch = Batch::new();
        for n in first..first + ROWS_PER_BATCH {
            let key = [(n % 1000).to_be_bytes(), n.to_be_bytes()].concat();
            let value = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().repeat(37);
            batch.put(Keyspace::BOXES, &key, value);
        }
        last = Some(commit(&store, &batch, last));
    }
    store.wait_durable(last.unwrap()).unwrap();
    let peak = peak_kb();
    assert!(peak < PEAK_KB_MAX, "{} MiB", peak >> 10);
    assert_eq!(store.stats().keys, ROWS);
}
