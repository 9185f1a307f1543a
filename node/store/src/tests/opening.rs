//! Opening the store on disk: what is put right, what is refused.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use tempfile::TempDir;

use super::{all, bytes, open, puts, refusal, write};
use crate::pieces::PIECE_BYTES;
use crate::sled_store::{Engine, Migration, Options, Schema};
use crate::{Batch, Keyspace, Order, SledStore, Store, StoreError};

const SPACE: Keyspace = Keyspace::BOXES;

/// A closed store with a few hundred rows, some of them large.
fn filled() -> TempDir {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    for n in 0..600_u64 {
        let size = if n % 50 == 0 { 2 * PIECE_BYTES } else { 100 };
        store.commit(puts(SPACE, [(n.to_be_bytes(), bytes(n, size))])).unwrap();
    }
    store.wait_durable(store.commit(Batch::new()).unwrap()).unwrap();
    drop(store);
    directory
}

fn assert_filled(directory: &Path) {
    let rows = all(&open(directory), SPACE);
    assert_eq!(rows.len(), 600);
    for (n, (key, value)) in rows.into_iter().enumerate() {
        let size = if n % 50 == 0 { 2 * PIECE_BYTES } else { 100 };
        assert_eq!((key, value), ((n as u64).to_be_bytes().to_vec(), bytes(n as u64, size)));
    }
}

#[test]
fn what_was_durable_is_there_after_reopening() {
    let directory = filled();
    assert_filled(directory.path());
    assert_filled(directory.path());
}

#[test]
fn split_values_are_known_after_reopening() {
    let directory = filled();
    let store = open(directory.path());
    let key = 50_u64.to_be_bytes();
    write(&store, puts(SPACE, [(key, vec![1])]));
    write(&store, puts(SPACE, [(key, bytes(5, 2 * PIECE_BYTES))]));
    assert_eq!(store.get(SPACE, &key).unwrap(), Some(bytes(5, 2 * PIECE_BYTES)));
}

#[test]
fn a_partial_snapshot_is_removed_before_opening() {
    let directory = filled();
    let planted = directory.path().join("db/snap.7FFFFFFFFFFFFFFF.generating");
    fs::write(&planted, [1, 2, 3]).unwrap();
    assert_filled(directory.path());
    assert!(!planted.exists());
    assert!(!any_moved_aside(directory.path()), "the good snapshot was taken for the damaged one");
}

fn any_moved_aside(directory: &Path) -> bool {
    let mut entries = fs::read_dir(directory.join("db")).unwrap();
    entries.any(|e| e.unwrap().file_name().to_string_lossy().starts_with("damaged-snap."))
}

#[test]
fn a_damaged_snapshot_is_moved_aside() {
    let directory = filled();
    drop(open(directory.path()));
    let names = || fs::read_dir(directory.path().join("db")).unwrap().map(|e| e.unwrap().path());
    let is_snapshot = |path: &std::path::PathBuf| {
        path.file_name().unwrap().to_string_lossy().starts_with("snap.")
    };
    let snapshot = names().find(is_snapshot).unwrap();
    let mut content = fs::read(&snapshot).unwrap();
    content[20] ^= 1;
    fs::write(&snapshot, content).unwrap();
    assert_filled(directory.path());
    assert!(any_moved_aside(directory.path()));
}

#[test]
fn an_emptied_database_is_refused() {
    let directory = filled();
    fs::remove_dir_all(directory.path().join("db")).unwrap();
    let refused = refusal(directory.path());
    assert!(refused.contains("changed or lost"), "{refused}");
    fs::remove_file(directory.path().join("STORE.mark")).unwrap();
    let refused = refusal(directory.path());
    assert!(refused.contains("it was lost"), "{refused}");
    let refused = refusal(directory.path());
    assert!(refused.contains("it was lost"), "a second try is no better: {refused}");
}

#[test]
fn a_changed_closed_log_is_refused() {
    let directory = filled();
    let log = directory.path().join("db/db");
    let file = fs::File::options().read(true).write(true).open(&log).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, 5_000).unwrap();
    file.write_all_at(&[byte[0] ^ 1], 5_000).unwrap();
    for _ in 0..2 {
        let refused = refusal(directory.path());
        assert!(refused.contains("not as it was when it was closed"), "{refused}");
    }
    file.write_all_at(&byte, 5_000).unwrap();
    assert_filled(directory.path());
}

#[test]
fn an_older_log_is_refused() {
    let directory = filled();
    let older = fs::read(directory.path().join("db/db")).unwrap();
    let store = open(directory.path());
    write(&store, puts(SPACE, [(b"later", vec![1])]));
    // As after a power cut that kept the mark but took the log back.
    let mark = fs::read(directory.path().join("STORE.mark")).unwrap();
    drop(store);
    for name in fs::read_dir(directory.path().join("db")).unwrap() {
        let path = name.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("snap.") {
            fs::remove_file(path).unwrap();
        }
    }
    fs::write(directory.path().join("db/db"), older).unwrap();
    fs::write(directory.path().join("STORE.mark"), mark).unwrap();
    for _ in 0..2 {
        let refused = refusal(directory.path());
        assert!(refused.contains("acknowledged data was lost"), "{refused}");
    }
    // The way out that the text names.
    fs::remove_file(directory.path().join("STORE.mark")).unwrap();
    assert_filled(directory.path());
}

#[test]
fn another_stores_sidecar_is_refused() {
    let directory = filled();
    fs::write(directory.path().join("STORE.id"), "00".repeat(16)).unwrap();
    let refused = refusal(directory.path());
    assert!(refused.contains("different stores"), "{refused}");
}

#[test]
fn a_store_is_opened_once() {
    let directory = TempDir::new().unwrap();
    let store = open(directory.path());
    let second = fs::File::open(directory.path().join("STORE.lock")).unwrap();
    assert!(matches!(second.try_lock(), Err(fs::TryLockError::WouldBlock)));
    drop(store);
    second.try_lock().unwrap();
}

fn open_at(directory: &Path, schema: Schema) -> Result<SledStore, StoreError> {
    SledStore::open_with(directory, [7; 16], Options { schema, ..Options::default() })
}

/// 1 to 2 doubles every value; 2 to 3 adds a row that counts the others.
const MIGRATIONS: &[Migration] =
    &[Migration { from: 2, run: count }, Migration { from: 1, run: double }];

fn double(engine: &Engine) -> Result<Batch, StoreError> {
    let rows = engine.scan(SPACE, &[], None, usize::MAX, Order::Ascending)?;
    Ok(puts(SPACE, rows.into_iter().map(|(key, value)| (key, value.repeat(2)))))
}

fn count(engine: &Engine) -> Result<Batch, StoreError> {
    let rows = engine.scan(SPACE, &[], None, usize::MAX, Order::Ascending)?;
    Ok(puts(Keyspace::SETTINGS, [(b"count", vec![rows.len() as u8])]))
}

#[test]
fn an_older_store_is_migrated_step_by_step_and_once() {
    let directory = TempDir::new().unwrap();
    write(&open(directory.path()), puts(SPACE, [(b"a", vec![1]), (b"b", vec![2])]));
    for _ in 0..2 {
        let schema = Schema { version: 3, migrations: MIGRATIONS };
        let store = open_at(directory.path(), schema).unwrap();
        assert_eq!(store.get(SPACE, b"a").unwrap(), Some(vec![1, 1]));
        assert_eq!(store.get(Keyspace::SETTINGS, b"count").unwrap(), Some(vec![2]));
    }
    let refused = refusal(directory.path());
    assert!(refused.contains("has version 3, this program knows 1"), "{refused}");
    assert!(refused.contains("newer program"), "{refused}");
}

#[test]
fn a_failed_migration_changes_nothing() {
    fn fails(_: &Engine) -> Result<Batch, StoreError> {
        Err(StoreError::Io("cannot be read".into()))
    }
    let directory = TempDir::new().unwrap();
    write(&open(directory.path()), puts(SPACE, [(b"a", vec![1])]));
    let broken = Schema { version: 2, migrations: &[Migration { from: 1, run: fails }] };
    assert!(open_at(directory.path(), broken).is_err());
    assert_eq!(open(directory.path()).get(SPACE, b"a").unwrap(), Some(vec![1]));
}

#[test]
fn a_version_without_a_way_up_is_refused() {
    let directory = TempDir::new().unwrap();
    drop(open(directory.path()));
    let Err(refused) = open_at(directory.path(), Schema { version: 2, migrations: &[] }) else {
        panic!("opened")
    };
    assert!(refused.to_string().contains("cannot bring to 2"), "{refused}");
}
