use super::*;
use crate::testing::{Recorded, hex, hex_array, seeded};

const SALT1: &[u8] = b"salt one 12345678";
const SALT2: &[u8] = b"salt two";
const PASSWORD: &str = "correct horse 🐎";

// x and v of the password above, srp_B for b = 00 01 … ff, A and M1 for a = ff fe … 00.
// Computed with Telethon 1.45.0 (`password.compute_digest`, `password.compute_check`); B with
// Python's integers by <https://core.telegram.org/api/srp>.
const X: &str = "\
     73f5922ba9f983e9e337353ca0009e8a192e8a9fb499c3626ea9f317c3d93b37";
const V: &str = "\
     29ef0364141c96a8ec1864e792010c927cdcea3758053e6c2f20dc97a0e30c48d321761c409e1fb071e196d9\
     f309ec8db74a2000159929790f1a65936e0493de4c3cdd71fc83613514cab2b77410dec67769e127746a3a75\
     fecf3adce64a68fc0bfc0edf79be5dd2b002df1d601964da89ab17623791f230ce1004f08767e5039c409c42\
     8e97438fd15174a282dd09c655c6871c8466a07d9188b5939f0613a7e099cc1d7fab6ef6308806dab955e641\
     1a46fb965e74c0be676094b9bc925a960022d9fa3eb55a856da16be6e7415be5ba8c8500bc36ef9d243da4ae\
     52eda4dec13fe6812eef0ad845446f3588a87bbc10a846b137a31151b3de778aee1ad106";
const SRP_B: &str = "\
     040e11602ce3aba5158bc98ae33f60eeffe0b9bd601ed582bb1a803c38b5706342871db3b47d2f4ef33353da\
     763e26a319d624340e3f9bfa4006843f1b347d6ebc35773d45e7c59cab87a3a8b816c640abae8969b244d9da\
     58c7cfe0ef634ef7a46df05bc146472ded16de8708c45616697489e36349326611328da3c4dcffc54c774017\
     c499b6f16ba07cb0437cef8f1c287ce3d8e0618de33dcff7dbe9cc1bd78f278df553ceabe777d02187b2672f\
     1055e6fa9f2a87dc0a962bf645b7d6380fbf4414d6c41eb14e80c8595f190c434f60a9b8ae289983d8e41fba\
     5e9f6fd652651b2eba8fe3f5e2ee0cc772d9aec2e05b0511dd071513f234d7482bb1fae4";
const SRP_A: &str = "\
     9e55619c586d513b237a3b45820d816667069365f008152300e905d0e61d9e4e3b32f59a9bfdedfd349bb077\
     38ce0d5284723fc8420b26dfd3de83b011f711040008347dce5c5e64b774063c4adc89d4be59ee4334816833\
     18be83e2ca04323f4a7f43cab070ff9f8fdd1e716b33e3d92d3845ec8c2fa5c274b2a2c52566c5dc515300d0\
     3bd67e974d44a47cebab9f1a708affdd70d0e23e273bd2062c851ba068d18639ea0ee2ac380a18344b9f5e01\
     fc4bf7e4a4d8a391f707b9913eb5ee7dbfaedbbc1146a99d14d3b391f84d0be9ec8813715b3e7225a2ee04d2\
     515235571a1d4e7e94ea3e30a4b1cf9bae64bca74bc1dbbac6f4c6d3d3523a220dd95eed";
const M1: &str = "\
     44ce9e398fcc4c04831b36be0b2fd0d84d2b011853c2079fd97dd73ff3ef7787";

fn verifier() -> Verifier {
    Verifier::new(SALT1, SALT2, &hex(V)).unwrap()
}

#[test]
fn password_hash_and_verifier_are_telethons() {
    let x = password_hash(PASSWORD.as_bytes(), SALT1, SALT2);
    assert_eq!(x[..], hex(X));
    assert_eq!(verifier_value(&x)[..], hex(V));
}

#[test]
fn telethons_proof_is_accepted() {
    let b: Vec<u8> = (0..=255).collect();
    let challenge = Challenge::new(verifier(), &mut Recorded(&b));
    assert_eq!(challenge.srp_b()[..], hex(SRP_B));
    challenge.check(&hex(SRP_A), &hex_array(M1)).unwrap();
}

#[test]
fn our_client_answers_as_telethon_does() {
    let a: Vec<u8> = (0..=255).rev().collect();
    let (a, m1) = answer(&hex_array(X), SALT1, SALT2, &hex(SRP_B), &mut Recorded(&a)).unwrap();
    assert_eq!(a[..], hex(SRP_A));
    assert_eq!(m1[..], hex(M1));
}

#[test]
fn wrong_passwords_and_wrong_proofs_are_refused() {
    let mut rng = seeded(1);
    let challenge = Challenge::new(verifier(), &mut rng);
    let (a, m1) = answer(&[9; 32], SALT1, SALT2, challenge.srp_b(), &mut rng).unwrap();
    assert_eq!(challenge.check(&a, &m1), Err(SrpError::WrongProof));

    let challenge = Challenge::new(verifier(), &mut rng);
    let (a, mut m1) = answer(&hex_array(X), SALT1, SALT2, challenge.srp_b(), &mut rng).unwrap();
    m1[31] ^= 1;
    assert_eq!(challenge.check(&a, &m1), Err(SrpError::WrongProof));

    // An answer to one challenge does not fit another.
    let (one, two) = (Challenge::new(verifier(), &mut rng), Challenge::new(verifier(), &mut rng));
    let (a, m1) = answer(&hex_array(X), SALT1, SALT2, one.srp_b(), &mut rng).unwrap();
    assert_eq!(two.check(&a, &m1), Err(SrpError::WrongProof));
    assert_eq!(one.check(&a, &m1), Ok(()));
}

/// With A = 0 or a multiple of p the shared secret is 0 whatever the password is.
#[test]
fn degenerate_a_and_v_are_refused() {
    let p = to_be(modulus::prime());
    let mut one = [0; 256];
    one[255] = 1;
    let zero_secret = |challenge: &Challenge, a: &[u8; 256]| {
        proof(SALT1, SALT2, a, challenge.srp_b(), &U2048::ZERO)
    };
    for a in [[0; 256], p, one, [0xff; 256]] {
        let challenge = Challenge::new(verifier(), &mut seeded(2));
        let m1 = zero_secret(&challenge, &a);
        assert_eq!(challenge.check(&a, &m1), Err(SrpError::OutOfRange));
        assert_eq!(Verifier::new(SALT1, SALT2, &a).unwrap_err(), SrpError::OutOfRange);
    }
    let challenge = Challenge::new(verifier(), &mut seeded(3));
    assert_eq!(challenge.check(&[1; 257], &[0; 32]), Err(SrpError::OutOfRange));
    assert!(answer(&[1; 32], SALT1, SALT2, &[1; 257], &mut seeded(4)).is_none());
}

#[test]
fn verifier_keeps_its_fields_and_debug_hides_them() {
    let verifier = verifier();
    assert_eq!((verifier.salt1(), verifier.salt2()), (SALT1, SALT2));
    assert_eq!(verifier.v()[..], hex(V));
    assert_eq!(format!("{verifier:?}"), "Verifier { .. }");
}
