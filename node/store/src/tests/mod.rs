//! Tests that need more than one module.

mod compaction;
mod conformance;
mod export;
mod faults;
mod moving;
mod opening;
#[path = "../../tests/crash/seal.rs"]
mod seal;
mod sealing;

use std::path::Path;

use crate::{Batch, Keyspace, Order, Row, SledStore, Store, Ticket};

fn open(directory: &Path) -> SledStore {
    SledStore::open(directory, [7; 16]).unwrap()
}

/// Why the store in `directory` does not open.
fn refusal(directory: &Path) -> String {
    match SledStore::open(directory, [7; 16]) {
        Ok(_) => panic!("opened"),
        Err(refused) => refused.to_string(),
    }
}

/// A batch of puts.
fn puts<K: AsRef<[u8]>>(space: Keyspace, rows: impl IntoIterator<Item = (K, Vec<u8>)>) -> Batch {
    let mut batch = Batch::new();
    for (key, value) in rows {
        batch.put(space, key.as_ref(), value);
    }
    batch
}

/// Commits and waits.
fn write(store: &dyn Store, batch: Batch) -> Ticket {
    let ticket = store.commit(batch).unwrap();
    store.wait_durable(ticket).unwrap();
    ticket
}

fn all(store: &dyn Store, space: Keyspace) -> Vec<Row> {
    store.scan(space, &[], None, usize::MAX, Order::Ascending).unwrap()
}

/// Bytes that differ with `seed` and do not repeat within a piece.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_be_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}
