//! Compaction, and being cut short at each of its steps.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{all, bytes, open, puts, write};
use crate::pieces::PIECE_BYTES;
use crate::{Batch, Keyspace, SledStore, Store, StoreError, compact, export};

const SPACE: Keyspace = Keyspace::BOXES;

/// A closed store, most of whose log is waste, and its export.
fn wasteful(directory: &Path) -> Vec<u8> {
    let store = open(directory);
    for round in 0..40_u64 {
        let rows = (0..100_u64).map(|n| (n.to_be_bytes(), bytes(round * 1000 + n, 1_000)));
        let mut batch = puts(SPACE, rows);
        batch.put(Keyspace::USERS, &[1], bytes(round, 2 * PIECE_BYTES));
        write(&store, batch);
    }
    let mut batch = Batch::new();
    for n in 10..100_u64 {
        batch.delete(SPACE, &n.to_be_bytes());
    }
    write(&store, batch);
    exported(&store)
}

fn exported(store: &SledStore) -> Vec<u8> {
    let mut out = Vec::new();
    export(store, &mut out).unwrap();
    out
}

/// What lies in a directory of a store that is at rest.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

const AT_REST: [&str; 4] = ["STORE.id", "STORE.lock", "STORE.mark", "db"];

#[test]
fn a_compacted_store_holds_the_same_in_less() {
    let directory = TempDir::new().unwrap();
    let before = wasteful(directory.path());
    let id = fs::read(directory.path().join("STORE.id")).unwrap();
    {
        let store = open(directory.path());
        assert!(store.is_larger(0).unwrap(), "{:?}", store.stats());
        assert!(!store.should_compact().unwrap(), "too small to be worth it");
    }
    let done = compact(directory.path()).unwrap();
    assert_eq!(done.copied.rows, 11);
    assert!(done.after_bytes < done.before_bytes / 2, "{done:?}");
    assert_eq!(names(directory.path()), AT_REST);
    assert_eq!(fs::read(directory.path().join("STORE.id")).unwrap(), id);
    let store = open(directory.path());
    assert!(exported(&store) == before);
    write(&store, puts(SPACE, [(b"more", vec![1])]));
    drop(store);
    assert_eq!(all(&open(directory.path()), SPACE).len(), 11);
}

#[test]
fn a_store_full_of_rows_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    for n in 0..40_u64 {
        let rows = (0..100_u64).map(|k| ((n * 100 + k).to_be_bytes(), bytes(k, 1_000)));
        write(&store, puts(SPACE, rows));
    }
    assert!(!store.is_larger(0).unwrap(), "{:?}", store.stats());
}

#[test]
fn a_half_made_copy_is_removed() {
    let directory = TempDir::new().unwrap();
    let before = wasteful(directory.path());
    drop(open(&directory.path().join("compact.new")));
    let store = open(directory.path());
    assert!(exported(&store) == before);
    assert_eq!(names(directory.path()), AT_REST);
}

/// Every state that a crash after the renaming to `compact.done` can leave.
#[test]
fn a_finished_copy_is_put_in_place() {
    for steps in 0..=4 {
        let directory = TempDir::new().unwrap();
        let path = directory.path();
        wasteful(path);
        // Stands for the copy; other rows show which of the two is opened.
        let done = path.join("compact.done");
        write(&open(&done), puts(SPACE, [(b"copy", vec![1])]));
        if steps >= 1 {
            fs::rename(path.join("db"), path.join("db.old")).unwrap();
        }
        if steps >= 2 {
            fs::rename(done.join("db"), path.join("db")).unwrap();
        }
        if steps >= 3 {
            fs::rename(done.join("STORE.mark"), path.join("STORE.mark")).unwrap();
        }
        if steps >= 4 {
            fs::remove_dir_all(&done).unwrap();
        }
        let store = open(path);
        assert_eq!(all(&store, SPACE), [(b"copy".to_vec(), vec![1])], "after {steps} steps");
        assert_eq!(names(path), AT_REST, "after {steps} steps");
    }
}

#[test]
fn without_a_store_nothing_is_made() {
    let directory = TempDir::new().unwrap();
    assert!(matches!(compact(directory.path()), Err(StoreError::Open(_))));
    assert!(names(directory.path()).is_empty());
}
