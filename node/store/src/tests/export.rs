//! Export and import, on every pair of stores.

use tempfile::TempDir;

use super::{all, bytes, open, puts, refusal, write};
use crate::pieces::PIECE_BYTES;
use crate::{
    Batch, KEY_BYTES_MAX, Keyspace, MemoryStore, Store, StoreError, Transfer, export, import,
    verify,
};

const ROWS: u64 = 2_345;

/// Small and large rows in several keyspaces, one without a name.
fn fill(store: &dyn Store) {
    let mut batch = Batch::new();
    for n in 0..ROWS {
        let space = [Keyspace::BOXES, Keyspace::AUTH_KEYS, Keyspace(1), Keyspace(0x7f)];
        let size = if n % 400 == 3 { 3 * PIECE_BYTES } else { n as usize % 100 };
        batch.put(space[n as usize % 4], &n.to_be_bytes(), bytes(n, size));
    }
    batch.put(Keyspace::NAMES, &[], vec![]).put(Keyspace::NAMES, &[9; KEY_BYTES_MAX - 1], vec![1]);
    write(store, batch);
}

fn exported(store: &dyn Store) -> (Vec<u8>, Transfer) {
    let mut out = Vec::new();
    let done = export(store, &mut out).unwrap();
    (out, done)
}

/// An export of 2,347 rows.
fn sample() -> Vec<u8> {
    let store = MemoryStore::new();
    fill(&store);
    exported(&store).0
}

fn import_error(bytes: &[u8], store: &dyn Store) -> String {
    match import(&mut &*bytes, store) {
        Err(StoreError::Transfer(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn export_import_export_is_identical_across_stores() {
    let directories = [TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap()];
    let memory = MemoryStore::new();
    let sled = open(directories[0].path());
    fill(&memory);
    fill(&sled);
    let (first, done) = exported(&memory);
    assert_eq!(done.rows, ROWS + 2);
    assert!(exported(&sled).0 == first, "equal rows give equal bytes on every store");
    let targets: [Box<dyn Store>; 3] = [
        Box::new(MemoryStore::new()),
        Box::new(open(directories[1].path())),
        Box::new(open(directories[2].path())),
    ];
    for target in targets {
        assert_eq!(import(&mut &*first, &*target).unwrap(), done);
        assert!(exported(&*target).0 == first);
        assert_eq!(all(&*target, Keyspace::BOXES), all(&sled, Keyspace::BOXES));
    }
    assert_eq!(verify(&mut &*first).unwrap(), done);
    // A finished import is a store like any other.
    drop(open(directories[1].path()));
}

#[test]
fn an_empty_store_goes_through() {
    let (bytes, done) = exported(&MemoryStore::new());
    assert_eq!(done, Transfer::default());
    let target = MemoryStore::new();
    import(&mut &*bytes, &target).unwrap();
    assert_eq!(exported(&target).0, bytes);
}

#[test]
fn every_truncation_is_refused() {
    let sample = sample();
    let ends = (0..200).chain((200..sample.len()).step_by(997)).chain([sample.len() - 1]);
    for end in ends {
        let Err(refused) = verify(&mut &sample[..end]) else { panic!("{end} bytes accepted") };
        assert!(refused.to_string().contains("truncated"), "{end}: {refused}");
    }
    let mut longer = sample;
    longer.push(0);
    assert!(verify(&mut &*longer).is_err());
}

#[test]
fn every_flipped_bit_is_refused() {
    let sample = sample();
    let places =
        (0..300).chain((300..sample.len()).step_by(499)).chain(sample.len() - 60..sample.len());
    for (n, place) in places.enumerate() {
        let mut flipped = sample.clone();
        flipped[place] ^= 1 << (n % 8);
        assert!(verify(&mut &*flipped).is_err(), "bit {} of byte {place}", n % 8);
    }
}

#[test]
fn damage_before_the_first_hash_writes_nothing() {
    let mut flipped = sample();
    flipped[40] ^= 1;
    let target = MemoryStore::new();
    let refused = import_error(&flipped, &target);
    assert!(refused.contains("damaged") && !refused.contains("written already"), "{refused}");
    assert!(Keyspace::all().all(|space| all(&target, space).is_empty()));
    import(&mut &*sample(), &target).unwrap();
}

#[test]
fn a_half_import_says_so_and_does_not_open() {
    let directory = TempDir::new().unwrap();
    let target = open(directory.path());
    let mut flipped = sample();
    let late = flipped.len() - 100;
    flipped[late] ^= 1;
    let refused = import_error(&flipped, &target);
    assert!(refused.contains("2000 rows were written already"), "{refused}");
    drop(target);
    let refused = refusal(directory.path());
    assert!(refused.contains("did not end"), "{refused}");
}

#[test]
fn foreign_and_newer_streams_are_refused() {
    let target = MemoryStore::new();
    assert!(import_error(b"SQLite format 3\0", &target).contains("no export"));
    let mut newer = sample();
    newer[9] = 5;
    assert!(import_error(&newer, &target).contains("format 5, this program knows 1 to 4"));
}

#[test]
fn a_store_with_rows_is_no_target() {
    let target = MemoryStore::new();
    write(&target, puts(Keyspace::USERS, [(b"u", vec![1])]));
    assert!(import_error(&sample(), &target).contains("not empty"));
    assert_eq!(all(&target, Keyspace::USERS).len(), 1);
}

#[test]
fn an_export_of_a_store_in_use_fails() {
    let store = MemoryStore::new();
    fill(&store);
    let mut reads = 0;
    store.before_each_read(move |store| {
        reads += 1;
        if reads == 20 {
            write(store, puts(Keyspace::USERS, [(b"u", vec![1])]));
        }
    });
    let refused = export(&store, &mut Vec::new());
    assert!(
        matches!(&refused, Err(StoreError::Transfer(text)) if text.contains("written to")),
        "{refused:?}"
    );
}

#[test]
fn an_export_waits_until_all_of_it_is_durable() {
    let store = std::sync::Arc::new(MemoryStore::manual());
    store.commit(puts(Keyspace::USERS, [(b"u", vec![1])])).unwrap();
    let exporter = {
        let store = store.clone();
        std::thread::spawn(move || export(&*store, &mut Vec::new()))
    };
    store.make_durable(1);
    assert_eq!(exporter.join().unwrap().unwrap().rows, 1);
    store.commit(puts(Keyspace::USERS, [(b"v", vec![1])])).unwrap();
    drop(store.crash());
    assert!(matches!(export(&*store, &mut Vec::new()), Err(StoreError::Stopped)));
}
