use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::{Batch, Keyspace, MemoryStore, SledStore, Store, StoreError, VALUE_BYTES_MAX};

fn open(directory: &Path) -> SledStore {
    SledStore::open(directory, [7; 16]).unwrap()
}

/// What every store must do; run on each.
async fn contract(store: &dyn Store) {
    let mut batch = Batch::new();
    for n in [3_u8, 1, 2, 255] {
        batch.put(Keyspace::AUTH_KEYS, &[n], vec![n; 3]);
    }
    batch.put(Keyspace::SETTINGS, &[2], b"other space".to_vec());
    let ticket = store.commit(batch).unwrap();
    store.durable(ticket).await.unwrap();
    assert!(store.newest() >= ticket);
    assert_eq!(store.get(Keyspace::AUTH_KEYS, &[2]).unwrap(), Some(vec![2; 3]));
    assert_eq!(store.get(Keyspace::AUTH_KEYS, &[9]).unwrap(), None);
    let keys = |from: &[u8], limit| {
        let rows = store.scan(Keyspace::AUTH_KEYS, from, limit).unwrap();
        rows.into_iter().map(|(key, _)| key[0]).collect::<Vec<_>>()
    };
    assert_eq!(keys(&[], 10), [1, 2, 3, 255]);
    assert_eq!(keys(&[2], 2), [2, 3]);

    let mut batch = Batch::new();
    batch.delete(Keyspace::AUTH_KEYS, &[1]).put(Keyspace::AUTH_KEYS, &[2], vec![]);
    store.durable(store.commit(batch).unwrap()).await.unwrap();
    assert_eq!(keys(&[], 10), [2, 3, 255]);

    let mut batch = Batch::new();
    batch.put(Keyspace::AUTH_KEYS, &[5], vec![0; VALUE_BYTES_MAX + 1]);
    assert!(matches!(store.commit(batch), Err(StoreError::TooLarge { what: "value", .. })));
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    contract(&MemoryStore::new()).await;
}

#[tokio::test]
async fn sled_keeps_the_contract() {
    let directory = TempDir::new().unwrap();
    contract(&open(directory.path())).await;
}

#[tokio::test]
async fn what_was_durable_is_there_after_reopening() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    let mut last = None;
    for n in 0..600_u16 {
        let mut batch = Batch::new();
        batch.put(Keyspace::AUTH_KEYS, &n.to_be_bytes(), n.to_be_bytes().to_vec());
        match store.commit(batch) {
            Ok(ticket) => last = Some(ticket),
            Err(error) => panic!("{error}"),
        }
    }
    store.durable(last.unwrap()).await.unwrap();
    drop(store);
    let store = open(directory.path());
    assert_eq!(store.scan(Keyspace::AUTH_KEYS, &[], 1000).unwrap().len(), 600);
}

#[test]
fn a_partial_snapshot_is_removed_before_opening() {
    let directory = TempDir::new().unwrap();
    drop(open(directory.path()));
    let planted = directory.path().join("db/snap.00000000000000ff.generating");
    fs::write(&planted, [1, 2, 3]).unwrap();
    drop(open(directory.path()));
    assert!(!planted.exists());
}

#[test]
fn a_damaged_snapshot_is_moved_aside() {
    let directory = TempDir::new().unwrap();
    drop(open(directory.path()));
    fs::write(directory.path().join("db/snap.00000000000000ff"), [1; 40]).unwrap();
    drop(open(directory.path()));
}

#[test]
fn an_emptied_database_is_refused() {
    let directory = TempDir::new().unwrap();
    drop(open(directory.path()));
    fs::remove_dir_all(directory.path().join("db")).unwrap();
    let Err(refused) = SledStore::open(directory.path(), [8; 16]) else { panic!("opened") };
    assert!(refused.to_string().contains("lost"), "{refused}");
}

#[tokio::test]
async fn a_newer_store_is_refused() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    let mut batch = Batch::new();
    batch.put(Keyspace::SETTINGS, b"store", vec![2; 17]);
    store.durable(store.commit(batch).unwrap()).await.unwrap();
    drop(store);
    let Err(refused) = SledStore::open(directory.path(), [7; 16]) else { panic!("opened") };
    assert!(refused.to_string().contains("newer program"), "{refused}");
}
