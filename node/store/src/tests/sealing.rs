//! What rests of a sealed store, and from one mode to the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::seal::{self, TestSeal};
use super::{all, bytes, open, puts, refusal, write};
use crate::pieces::PIECE_BYTES;
use crate::{
    AtRest, Batch, Keyspace, MemoryStore, Resealing, Sealed, SledStore, Store, StoreError, compact,
    export, import, reseal, sealing_of, verify,
};

const NAME: &[u8] = b"ada_the_first";
const TEXT: &[u8] = b"what was said between the two";

/// A row in the open, rows whose keys are hidden, and a split one.
fn fill(store: &dyn Store) {
    let mut batch = puts(Keyspace::BOXES, [(7_u64.to_be_bytes(), TEXT.to_vec())]);
    batch.put(Keyspace::NAMES, NAME, vec![1]).put(Keyspace::NAMES, b"bob", vec![2]);
    batch.put(Keyspace::PHONES, &88_812_345_678_u64.to_be_bytes(), b"four".to_vec());
    batch.put(Keyspace::USERS, &[1], [&bytes(3, 3 * PIECE_BYTES)[..], TEXT].concat());
    write(store, batch);
    for n in 0..300_u64 {
        write(store, puts(Keyspace::DIALOGS, [(n.to_be_bytes(), bytes(n, n as usize))]));
    }
}

fn sealed(directory: &Path) -> (Sealed<SledStore>, Arc<TestSeal>) {
    let mut store = AtRest::open(directory, [7; 16]).unwrap();
    let seal = match store.sealing() {
        Some(record) => seal::known(record, 11),
        None => {
            let (record, seal) = seal::make(10);
            store.seal_empty(&record).unwrap();
            seal
        }
    };
    (store.sealed(seal.clone()).unwrap(), seal)
}

fn exported(store: &dyn Store) -> Vec<u8> {
    let mut out = Vec::new();
    export(store, &mut out).unwrap();
    out
}

fn exported_at_rest(directory: &Path) -> Vec<u8> {
    let mut out = Vec::new();
    AtRest::open(directory, [0; 16]).unwrap().export(&mut out).unwrap();
    out
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// How many files hold `needle`.
fn holding(directory: &Path, needle: &[u8]) -> usize {
    let holds = |path: &PathBuf| {
        fs::read(path).unwrap().windows(needle.len()).any(|window| window == needle)
    };
    files(directory).iter().filter(|path| holds(path)).count()
}

#[test]
fn nothing_of_a_sealed_store_is_found_in_its_files() {
    let (clear, shut) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    fill(&open(clear.path()));
    fill(&sealed(shut.path()).0);
    let phone = 88_812_345_678_u64.to_be_bytes();
    for secret in [NAME, TEXT, &phone[..], b"four", &bytes(200, 100)] {
        assert!(holding(clear.path(), secret) > 0, "the search itself works");
        assert_eq!(holding(shut.path(), secret), 0, "{secret:?}");
    }
    let (store, _) = sealed(shut.path());
    assert_eq!(exported(&store), exported(&open(clear.path())));
    assert_eq!(all(&store, Keyspace::NAMES)[0], (NAME.to_vec(), vec![1]));
}

#[test]
fn a_store_is_read_as_what_it_is_or_not_at_all() {
    let directory = TempDir::new().unwrap();
    fill(&sealed(directory.path()).0);
    let refused = refusal(directory.path());
    assert!(refused.contains("is sealed"), "{refused}");
    // A program of before: its version is 1 at most, without the bit.
    let (_, other) = seal::make(99);
    let store = AtRest::open(directory.path(), [0; 16]).unwrap();
    let store = store.sealed(other).unwrap();
    assert!(matches!(store.get(Keyspace::USERS, &[1]), Err(StoreError::Io(_))), "another key");
    assert_eq!(store.get(Keyspace::NAMES, NAME).unwrap(), None, "hidden otherwise");
    drop(store);
    let clear = TempDir::new().unwrap();
    fill(&open(clear.path()));
    let mut store = AtRest::open(clear.path(), [0; 16]).unwrap();
    assert!(store.sealing().is_none());
    assert!(store.seal_empty(&seal::make(1).0).is_err(), "it is not empty");
    assert!(store.sealed(seal::make(1).1).is_err(), "it is clear");
    fill(&open(clear.path()));
}

#[test]
fn a_row_does_not_open_in_another_place() {
    let inner = Arc::new(MemoryStore::new());
    let store = Sealed::new(inner.clone(), seal::make(1).1);
    write(&store, puts(Keyspace::BOXES, [([1], b"one".to_vec()), ([2], b"two".to_vec())]));
    write(&store, puts(Keyspace::NAMES, [(b"ada", b"1".to_vec()), (b"bob", b"2".to_vec())]));
    let row = |space, n: usize| all(&*inner, space)[n].clone();
    let mut batch = Batch { sealed: true, ..Batch::new() };
    batch.put(Keyspace::BOXES, &[1], row(Keyspace::BOXES, 1).1);
    batch.put(Keyspace::USERS, &[2], row(Keyspace::BOXES, 1).1);
    batch.put(Keyspace::NAMES, &row(Keyspace::NAMES, 0).0, row(Keyspace::NAMES, 1).1);
    write(&*inner, batch);
    assert!(store.get(Keyspace::BOXES, &[1]).is_err());
    assert_eq!(store.get(Keyspace::BOXES, &[2]).unwrap(), Some(b"two".to_vec()));
    assert!(store.get(Keyspace::USERS, &[2]).is_err());
    let found = [b"ada", b"bob"].map(|name| store.get(Keyspace::NAMES, name).is_ok());
    assert_eq!(found.iter().filter(|found| **found).count(), 1);
    assert!(store.scan(Keyspace::BOXES, &[], None, 9, crate::Order::Ascending).is_err());
}

#[test]
fn a_sealed_export_holds_what_rests_and_comes_back_the_same() {
    let (first, second, third) =
        (TempDir::new().unwrap(), TempDir::new().unwrap(), TempDir::new().unwrap());
    fill(&sealed(first.path()).0);
    let file = exported_at_rest(first.path());
    for secret in [NAME, TEXT] {
        assert!(!file.windows(secret.len()).any(|window| window == secret));
    }
    let rows = verify(&mut &*file).unwrap().rows;
    let record = sealing_of(&mut &*file).unwrap();
    assert_eq!(record, AtRest::open(first.path(), [0; 16]).unwrap().sealing().map(<[u8]>::to_vec));
    let mut target = AtRest::open(second.path(), [8; 16]).unwrap();
    assert_eq!(target.import(&mut &*file).unwrap().rows, rows);
    drop(target);
    assert!(exported_at_rest(second.path()) == file);
    let clear = exported(&sealed(second.path()).0);
    assert!(clear == exported(&sealed(first.path()).0));
    // The rows of the clear export are the same ones, in a store of any mode.
    assert_eq!(sealing_of(&mut &*clear).unwrap(), None);
    import(&mut &*clear, &open(third.path())).unwrap();
    assert!(exported(&open(third.path())) == clear);
    assert!(exported_at_rest(third.path()) == clear, "what rests of a clear store is clear");
    // A program that expects clear rows takes no sealed ones.
    let refused = import(&mut &*file, &MemoryStore::new()).unwrap_err();
    assert!(refused.to_string().contains("sealed"), "{refused}");
    // A clear export rests clear, and a sealed store is no place for it as it is.
    let mut target = AtRest::open(second.path(), [0; 16]).unwrap();
    assert!(target.import(&mut &*file).is_err(), "not empty");
}

#[test]
fn every_truncation_and_every_flipped_bit_of_a_sealed_export_is_refused() {
    let directory = TempDir::new().unwrap();
    fill(&sealed(directory.path()).0);
    let file = exported_at_rest(directory.path());
    for end in (0..200).chain((200..file.len()).step_by(997)) {
        assert!(verify(&mut &file[..end]).is_err(), "{end}");
    }
    for (n, place) in (0..300).chain((300..file.len()).step_by(499)).enumerate() {
        let mut flipped = file.clone();
        flipped[place] ^= 1 << (n % 8);
        assert!(verify(&mut &*flipped).is_err(), "bit {} of byte {place}", n % 8);
    }
}

#[test]
fn a_compaction_keeps_a_store_sealed() {
    let directory = TempDir::new().unwrap();
    fill(&sealed(directory.path()).0);
    let before = exported_at_rest(directory.path());
    compact(directory.path()).unwrap();
    assert!(exported_at_rest(directory.path()) == before, "nothing was opened on the way");
    assert_eq!(holding(directory.path(), TEXT), 0);
}

#[test]
fn a_store_is_sealed_and_opened_again_with_all_that_is_in_it() {
    let directory = TempDir::new().unwrap();
    let path = directory.path();
    fill(&open(path));
    let before = exported(&open(path));
    let id = fs::read(path.join("STORE.id")).unwrap();

    let (record, seal) = seal::make(20);
    let to = Some((record.clone(), seal.clone() as Arc<dyn crate::Seal>));
    let done = reseal(path, Resealing { from: None, to }, &mut |_| {}).unwrap();
    assert_eq!(done.copied.rows, 305);
    assert_eq!([NAME, TEXT].map(|secret| holding(path, secret)), [0, 0]);
    assert!(refusal(path).contains("is sealed"));
    assert_eq!(AtRest::open(path, [0; 16]).unwrap().sealing(), Some(&record[..]));
    assert!(exported(&sealed(path).0) == before);

    // Under other keys.
    let (record, other) = seal::make(21);
    let to = Some((record, other.clone() as Arc<dyn crate::Seal>));
    reseal(path, Resealing { from: Some(seal.clone()), to }, &mut |_| {}).unwrap();
    assert!(exported(&sealed(path).0) == before);
    // Not with the old ones, and not as a clear one: it stays as it is.
    for from in [Some(seal as Arc<dyn crate::Seal>), None] {
        assert!(reseal(path, Resealing { from, to: None }, &mut |_| {}).is_err());
        assert!(exported(&sealed(path).0) == before);
    }

    let from = Some(other as Arc<dyn crate::Seal>);
    reseal(path, Resealing { from, to: None }, &mut |_| {}).unwrap();
    assert!(exported(&open(path)) == before);
    assert_eq!(fs::read(path.join("STORE.id")).unwrap(), id, "it is the same store");
    assert!([NAME, TEXT].iter().all(|secret| holding(path, secret) > 0));
}
