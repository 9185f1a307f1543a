use super::*;
use crate::testing::{Recorded, seeded};

/// Little, so that the tests are fast.
const COST: LockCost = LockCost { memory_kib: 64, passes: 1, lanes: 1 };

fn counting() -> MasterKey {
    MasterKey::from_file_bytes(&std::array::from_fn::<u8, 32, _>(|i| i as u8)).unwrap()
}

fn locked() -> Vec<u8> {
    lock(&counting(), b"correct horse", COST, &mut seeded(1)).unwrap()
}

/// Salt 00 01 … 0f, nonce 10 11 … 27, passphrase `correct horse`. Computed with Python's cryptography
/// 48 (Argon2id, and XAES-256-GCM as in the tests of `store_key`).
const PYTHON: &str = "\
    rookery-locked-key-1 64 1 1 000102030405060708090a0b0c0d0e0f \
    101112131415161718191a1b1c1d1e1f2021222324252627eb6f53dbbf2d867a876750ad23d202d5afbcfb34f9\
    8820295b2ee1a196941efa1ccb6e0cd88a7a74cf05d533f78633a7";

#[test]
fn layout_is_the_documented_one() {
    let randomness: Vec<u8> = (0..40).collect();
    let file = lock(&counting(), b"correct horse", COST, &mut Recorded(&randomness)).unwrap();
    assert_eq!(file, format!("{PYTHON}\n").into_bytes());
    assert_eq!(unlock(&file, b"correct horse").unwrap().bytes(), counting().bytes());
}

#[test]
fn only_the_passphrase_opens() {
    let file = locked();
    assert!(is_locked(&file) && !is_locked(&counting().to_file_bytes()));
    assert!(MasterKey::from_file_bytes(&file).is_err(), "never taken for an unlocked one");
    assert_eq!(unlock(file.trim_ascii(), b"correct horse").unwrap().bytes(), counting().bytes());
    for wrong in [&b"correct hors"[..], b"", b"Correct horse"] {
        assert_eq!(unlock(&file, wrong).unwrap_err(), LockedKeyError::Passphrase);
    }
}

#[test]
fn a_changed_file_does_not_open() {
    let file = locked();
    for byte in 0..file.len() - 1 {
        let mut changed = file.clone();
        changed[byte] ^= 1;
        assert!(unlock(&changed, b"correct horse").is_err(), "byte {byte}");
    }
    for length in 0..file.len() - 1 {
        assert_eq!(unlock(&file[..length], b"correct horse").unwrap_err(), LockedKeyError::Damaged);
    }
}

#[test]
fn a_file_cannot_ask_for_more_than_there_is() {
    let text = String::from_utf8(locked()).unwrap();
    for dear in ["4294967295 1 1", "1048577 1 1", "64 65 1", "64 1 17", "64 0 1", "1 1 1", "-1 1 1"]
    {
        let file = text.replace("64 1 1", dear);
        assert_eq!(
            unlock(file.as_bytes(), b"correct horse").unwrap_err(),
            LockedKeyError::Damaged,
            "{dear}"
        );
    }
    let dear = LockCost { memory_kib: MEMORY_KIB_MAX + 1, ..COST };
    assert!(lock(&counting(), b"p", dear, &mut seeded(2)).is_err());
}

#[test]
fn the_usual_cost_works() {
    let file = lock(&counting(), b"p", LockCost::default(), &mut seeded(3)).unwrap();
    assert_eq!(unlock(&file, b"p").unwrap().bytes(), counting().bytes());
}
