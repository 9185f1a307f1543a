use super::*;
use crate::testing::{Recorded, hex, seeded};

fn counting() -> MasterKey {
    MasterKey::from_file_bytes(&std::array::from_fn::<u8, 32, _>(|i| i as u8)).unwrap()
}

fn made(seed: u64) -> (StoreKey, Vec<u8>) {
    StoreKey::make(&counting(), &mut seeded(seed))
}

/// Master key 00 01 … 1f, salt 40 41 … 5f, nonce 60 61 … 77, place `pA`, value `a secret`.
/// Computed with Python's cryptography 48 (HKDF, HMAC, AES-ECB, AESGCM) by the module's text and
/// the specification of XAES-256-GCM, whose own vector the script reproduced.
const PYTHON_SEALED: &str = "\
     606162636465666768696a6b6c6d6e6f7071727374757677d68d72a472e5f5cb577952a491d1110964691061f0\
     552877";
const PYTHON_HIDDEN: &str = "76054bee71eaba7b8d27448dce015e1f";

#[test]
fn layout_is_the_documented_one() {
    let randomness: Vec<u8> = (0x40..0x60).chain(0..24).collect();
    let (key, record) = StoreKey::make(&counting(), &mut Recorded(&randomness));
    assert_eq!(record.len(), 1 + 32 + 24 + 16);
    assert_eq!(record[..33], [&[1][..], &randomness[..32]].concat());
    let nonce: Vec<u8> = (0x60..0x78).collect();
    let sealed = key.seal(b"pA", b"a secret", &mut Recorded(&nonce));
    assert_eq!(sealed, hex(PYTHON_SEALED));
    assert_eq!(key.hide(b"pA").to_vec(), hex(PYTHON_HIDDEN));
    let again = StoreKey::open(&counting(), &record).unwrap();
    assert_eq!(again.unseal(b"pA", &sealed).unwrap(), b"a secret");
}

#[test]
fn a_value_opens_only_where_it_was_sealed() {
    let (key, _) = made(1);
    let sealed = key.seal(b"prow", b"value", &mut seeded(2));
    assert_eq!(key.unseal(b"prow", &sealed).unwrap(), b"value");
    for place in [&b"prox"[..], b"qrow", b"pro", b"prow\0", b""] {
        assert_eq!(key.unseal(place, &sealed), None);
    }
    let (other, _) = made(3);
    assert_eq!(other.unseal(b"prow", &sealed), None, "another store of the same master key");
}

#[test]
fn changed_or_cut_values_do_not_open() {
    let (key, _) = made(4);
    let sealed = key.seal(b"k", b"value", &mut seeded(5));
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(key.unseal(b"k", &changed), None, "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert_eq!(key.unseal(b"k", &sealed[..length]), None);
    }
}

#[test]
fn equal_values_are_sealed_differently_and_equal_keys_hidden_alike() {
    let (key, _) = made(6);
    let mut rng = seeded(7);
    assert_ne!(key.seal(b"k", b"v", &mut rng), key.seal(b"k", b"v", &mut rng));
    assert_eq!(key.hide(b"k"), key.hide(b"k"));
    assert_ne!(key.hide(b"k"), key.hide(b"l"));
    assert_ne!(key.hide(b"k"), made(8).0.hide(b"k"), "stores have keys of their own");
}

#[test]
fn a_record_opens_with_its_master_key_only() {
    let (_, record) = made(9);
    StoreKey::open(&counting(), &record).unwrap();
    let other = MasterKey::generate(&mut seeded(10));
    assert_eq!(StoreKey::open(&other, &record).unwrap_err(), SealingError::Refused);
    for length in 0..record.len() {
        assert!(StoreKey::open(&counting(), &record[..length]).is_err());
    }
    for byte in 1..record.len() {
        let mut changed = record.clone();
        changed[byte] ^= 1;
        assert_eq!(StoreKey::open(&counting(), &changed).unwrap_err(), SealingError::Refused);
    }
    let newer = [&[2], &record[1..]].concat();
    assert_eq!(StoreKey::open(&counting(), &newer).unwrap_err(), SealingError::Format(2));
    assert_eq!(format!("{:?}", made(11).0), "StoreKey { .. }");
}
