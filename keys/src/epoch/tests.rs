use super::*;
use crate::testing::seeded;

#[test]
fn a_box_opens_for_its_recipient_in_its_context_only() {
    let mut rng = seeded(1);
    let secret = EpochSecret::generate(&mut rng);
    let (ours, other) = (BoxSecret::generate(&mut rng), BoxSecret::generate(&mut rng));
    let sealer = BoxSealer::generate(&mut rng);
    let sealed = sealer.seal(&secret, &ours.public(), b"entry 7").unwrap();
    let opened = open_box(&ours, &sealer.public(), b"entry 7", &sealed).unwrap();
    assert_eq!(opened.secret_bytes(), secret.secret_bytes());
    assert_eq!(opened.commitment(), secret.commitment());

    assert!(open_box(&ours, &sealer.public(), b"entry 8", &sealed).is_err());
    assert!(open_box(&other, &sealer.public(), b"entry 7", &sealed).is_err());
    assert!(open_box(&ours, other.public().as_bytes(), b"entry 7", &sealed).is_err());
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(open_box(&ours, &sealer.public(), b"entry 7", &changed).is_err(), "bit {bit}");
    }
}

#[test]
fn a_body_opens_under_its_secret_node_and_header_only() {
    let mut rng = seeded(2);
    let secret = EpochSecret::generate(&mut rng);
    let other = EpochSecret::generate(&mut rng);
    let (node, nonce) = ([7; 32], [9; NONCE_BYTES]);
    let sealed = secret.seal_body(&node, &nonce, b"header", b"text").unwrap();
    assert_eq!(sealed.len(), 4 + BODY_OVERHEAD_BYTES);
    assert_eq!(*secret.open_body(&node, b"header", &sealed).unwrap(), b"text");

    assert!(other.open_body(&node, b"header", &sealed).is_err());
    assert!(secret.open_body(&[8; 32], b"header", &sealed).is_err());
    assert!(secret.open_body(&node, b"another", &sealed).is_err());
    for bit in 0..sealed.len() * 8 {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(secret.open_body(&node, b"header", &changed).is_err(), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert!(secret.open_body(&node, b"header", &sealed[..length]).is_err());
    }
}

#[test]
fn small_order_keys_are_refused_and_debug_hides_secrets() {
    let mut rng = seeded(3);
    let secret = EpochSecret::from_bytes(&[5; 32]);
    let sealer = BoxSealer::generate(&mut rng);
    assert!(sealer.seal(&secret, &BoxPublic::from_bytes([0; 32]), b"").is_err());
    let recipient = BoxSecret::generate(&mut rng);
    assert!(open_box(&recipient, &[0; 32], b"", &[0; BOX_BYTES]).is_err());
    assert_eq!(format!("{secret:?} {sealer:?}"), "EpochSecret(..) BoxSealer(..)");
}
