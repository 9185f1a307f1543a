use super::*;
use crate::testing::{Recorded, hex, hex_array, seeded};

/// RFC 7748 section 5.2, first vector, through the key types of this module.
/// Source: <https://www.rfc-editor.org/rfc/rfc7748#section-5.2>
#[test]
fn rfc_7748_vector() {
    let secret = BoxSecret::from_bytes(&hex_array(
        "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
    ));
    let point: [u8; 32] =
        hex_array("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    let shared = secret.0.diffie_hellman(&PublicKey::from(point));
    assert_eq!(
        shared.as_bytes()[..],
        hex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
    );
}

/// RFC 5869 appendix A.1.
/// Source: <https://www.rfc-editor.org/rfc/rfc5869#appendix-A.1>
#[test]
fn rfc_5869_vector() {
    let mut okm = [0; 42];
    Hkdf::<Sha256>::new(Some(&hex("000102030405060708090a0b0c")), &[0x0b; 22])
        .expand(&hex("f0f1f2f3f4f5f6f7f8f9"), &mut okm)
        .unwrap();
    assert_eq!(
        okm[..],
        hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
    );
}

/// Test case 16 of the GCM submission to NIST (McGrew and Viega), AES-256 with associated data.
#[test]
fn gcm_test_case_16() {
    let key: [u8; 32] =
        hex_array("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    let nonce: [u8; 12] = hex_array("cafebabefacedbaddecaf888");
    let mut data = hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
    let associated = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let tag = Aes256Gcm::new(&key.into())
        .encrypt_inout_detached(&nonce.into(), &associated, data.as_mut_slice().into())
        .unwrap();
    assert_eq!(
        data,
        hex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
             8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662")
    );
    assert_eq!(tag[..], hex("76fc6ece0f4e1768cddf8853bb2d551b"));
}

/// "opaque bytes" for "mailbox 7", ephemeral key 01 02 … 20, recipient's key 65 66 … 84.
/// Computed with Python's cryptography 50 (X25519, HKDF, AESGCM) by the layout in the module's text.
const PYTHON: &str = "\
     0107a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7cc471bad9384178d01c83b2\
     6d7c833a7c38f15409f276039c57d18337";

#[test]
fn layout_is_the_documented_one() {
    let secret = BoxSecret::from_bytes(&std::array::from_fn(|i| i as u8 + 101));
    let ephemeral: Vec<u8> = (1..33).collect();
    let sealed =
        secret.public().seal(b"opaque bytes", b"mailbox 7", &mut Recorded(&ephemeral)).unwrap();
    assert_eq!(sealed, hex(PYTHON));
    assert_eq!(*secret.open(&sealed, b"mailbox 7").unwrap(), b"opaque bytes");
}

#[test]
fn every_size_round_trips_and_each_box_is_fresh() {
    let mut rng = seeded(1);
    let secret = BoxSecret::generate(&mut rng);
    for size in [0, 1, 15, 16, 17, 1000, 70_000] {
        let data = vec![5; size];
        let sealed = secret.public().seal(&data, b"", &mut rng).unwrap();
        assert_eq!(sealed.len(), size + OVERHEAD_BYTES);
        assert_eq!(*secret.open(&sealed, b"").unwrap(), data);
        assert_ne!(sealed, secret.public().seal(&data, b"", &mut rng).unwrap());
    }
}

#[test]
fn changed_moved_cut_or_foreign_boxes_do_not_open() {
    let mut rng = seeded(2);
    let secret = BoxSecret::generate(&mut rng);
    let sealed = secret.public().seal(b"data", b"here", &mut rng).unwrap();
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        // The highest bit of an x25519 key is ignored on the curve, but not by the salt.
        assert_eq!(secret.open(&changed, b"here").unwrap_err(), BoxError, "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert!(secret.open(&sealed[..length], b"here").is_err());
    }
    assert!(secret.open(&sealed, b"there").is_err());
    assert!(BoxSecret::generate(&mut rng).open(&sealed, b"here").is_err());
}

/// The points of small order give everybody the same secret.
#[test]
fn small_order_keys_are_refused() {
    let mut one = [0; 32];
    one[0] = 1;
    for point in [[0; 32], one] {
        assert!(BoxPublic::from_bytes(point).seal(b"x", b"", &mut seeded(3)).is_err());
        let sealed = [&[VERSION], &point[..], &[0; 20]].concat();
        assert!(BoxSecret::generate(&mut seeded(4)).open(&sealed, b"").is_err());
    }
}

#[test]
fn secret_round_trips_and_debug_hides_it() {
    let secret = BoxSecret::generate(&mut seeded(5));
    let copy = BoxSecret::from_bytes(&secret.secret_bytes());
    assert_eq!(copy.public(), secret.public());
    assert!(
        !format!("{secret:?}").contains(&format!("{:02x}", secret.secret_bytes()[0]).repeat(2))
    );
    assert!(format!("{secret:?}").ends_with(", .. }"));
}
