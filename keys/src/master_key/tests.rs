use super::*;
use crate::testing::{Recorded, hex, seeded};

fn counting() -> MasterKey {
    MasterKey::from_file_bytes(&std::array::from_fn::<u8, 32, _>(|i| i as u8)).unwrap()
}

/// "a secret" at keyspace `keys.v1`, key 01 02, under the master key 00 01 … 1f, nonce 32 33 …
/// Computed with Python's cryptography 50 (HKDF, AESGCM) by the layout in the module's text.
const PYTHON: &str = "\
     0132333435363738393a3b3c3d95789cbdf4701bac6e862fb5c613cf087e5520635b3b8888";

#[test]
fn layout_is_the_documented_one() {
    let nonce: Vec<u8> = (50..62).collect();
    let sealed = counting().seal_at("keys.v1", &[1, 2], b"a secret", &mut Recorded(&nonce));
    assert_eq!(sealed, hex(PYTHON));
    assert_eq!(*counting().open_at("keys.v1", &[1, 2], &sealed).unwrap(), b"a secret");
}

#[test]
fn a_record_opens_only_where_it_was_sealed() {
    let sealed = counting().seal_at("keys.v1", b"row", b"value", &mut seeded(1));
    let open = |keyspace, key: &[u8]| counting().open_at(keyspace, key, &sealed);
    assert!(open("keys.v1", b"row").is_ok());
    // The length of the keyspace is part of it: moving the border changes the place.
    for (keyspace, key) in
        [("keys.v2", &b"row"[..]), ("keys.v1", b"rox"), ("keys.v1r", b"ow"), ("keys.v", b"1row")]
    {
        assert_eq!(open(keyspace, key).unwrap_err(), UnsealError::Refused);
    }
    let other = MasterKey::generate(&mut seeded(2));
    assert_eq!(other.open_at("keys.v1", b"row", &sealed).unwrap_err(), UnsealError::Refused);
}

#[test]
fn changed_or_cut_records_do_not_open() {
    let sealed = counting().seal_at("k", b"", b"value", &mut seeded(3));
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let error = counting().open_at("k", b"", &changed).unwrap_err();
        let expected =
            if bit < 8 { UnsealError::Version(changed[0]) } else { UnsealError::Refused };
        assert_eq!(error, expected, "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert_eq!(
            counting().open_at("k", b"", &sealed[..length]).unwrap_err(),
            UnsealError::Refused
        );
    }
}

#[test]
fn equal_values_are_sealed_differently() {
    let mut rng = seeded(4);
    let first = counting().seal_at("k", b"", b"", &mut rng);
    assert_ne!(first, counting().seal_at("k", b"", b"", &mut rng));
    assert_eq!(first.len(), OVERHEAD_BYTES);
}

#[test]
fn file_is_hex_or_raw_and_nothing_else() {
    let key = MasterKey::generate(&mut seeded(5));
    let file = key.to_file_bytes();
    assert_eq!(file.len(), 65);
    let record = key.seal_at("k", b"", b"value", &mut seeded(6));
    let upper = file.to_ascii_uppercase();
    for text in [&file[..], &file[..64], &[b" ", &file[..], b"\r\n"].concat(), &upper] {
        let read = MasterKey::from_file_bytes(text).unwrap();
        assert_eq!(*read.open_at("k", b"", &record).unwrap(), b"value");
    }
    let mut no_hex = file.to_vec();
    no_hex[7] = b'g';
    for bad in [&b""[..], &file[..63], &no_hex, &[0; 31], &[0; 33], &[b'a'; 66]] {
        assert_eq!(MasterKey::from_file_bytes(bad).unwrap_err(), InvalidMasterKey);
    }
}

#[test]
fn derived_keys_differ_by_label_and_debug_hides_all() {
    let key = counting();
    assert_ne!(key.derive("a"), key.derive("b"));
    assert_eq!(key.derive("a"), counting().derive("a"));
    assert_eq!(format!("{key:?}"), "MasterKey { .. }");
}

#[test]
fn a_secret_opens_as_what_it_was_sealed() {
    let sealed = counting().seal(Secret::AuthKey, b"row", b"value", &mut seeded(7));
    assert_eq!(*counting().open(Secret::AuthKey, b"row", &sealed).unwrap(), b"value");
    assert_eq!(*counting().open_at("auth_keys", b"row", &sealed).unwrap(), b"value");
    let moved = counting().open(Secret::Node, b"row", &sealed);
    assert_eq!(moved.unwrap_err(), UnsealError::Refused);
}
