use rand_core::Rng;

use super::*;
use crate::rsa_padding::Padding;
use crate::testing::{Recorded, hex, seeded};

/// A key for tests only, made by `openssl genpkey -algorithm RSA`.
const TEST_KEY: &str = include_str!("test_key.pem");

fn key() -> ServerKey {
    ServerKey::from_pem(TEST_KEY).unwrap()
}

/// The key of the published sample exchange, whose fingerprint `resPQ` gives there.
/// Source: <https://core.telegram.org/mtproto/samples-auth_key>
#[test]
fn fingerprint_of_telegrams_key() {
    let pem = "\
-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEAwVACPi9w23mF3tBkdZz+zwrzKOaaQdr01vAbU4E1pvkfj4sqDsm6
lyDONS789sVoD/xCS9Y0hkkC3gtL1tSfTlgCMOOul9lcixlEKzwKENj1Yz/s7daS
an9tqw3bfUV/nqgbhGX81v/+7RFAEd+RwFnK7a+XYl9sluzHRyVVaTTveB2GazTw
Efzk2DWgkBluml8OREmvfraX3bkHZJTKX4EQSjBbbdJ2ZXIsRrYOXfaA+xayEGB+
8hdlLmAjbCVfaigxX0CDqWeR1yFL9kwd9P0NsZRPsmoqVwMbMu7mStFai6aIhc3n
Slv8kg9qv1m6XHVQY3PnEw+QQtqSIXklHwIDAQAB
-----END RSA PUBLIC KEY-----
";
    let key = PublicKey::from_pem(pem).unwrap();
    assert_eq!(key.fingerprint() as u64, 0xc3b4_2b02_6ce8_6b21);
    assert_eq!(key.to_pem(), pem);
}

/// The fingerprint that Telethon 1.45.0 computes for the test key.
#[test]
fn fingerprint_of_the_test_key_is_telethons() {
    assert_eq!(key().fingerprint(), -917_441_146_381_355_081);
    assert_eq!(key().public().exponent(), [1, 0, 1]);
    assert_eq!(format!("{:?}", key()), "ServerKey(f34498235f9cb7b7)"); // the same in hex
}

#[test]
fn public_pem_has_the_size_that_clients_sources_have() {
    let pem = key().public_pem();
    assert_eq!(pem.trim_end().len(), 425);
    assert_eq!(pem.len(), 426);
    assert!(pem.starts_with("-----BEGIN RSA PUBLIC KEY-----\n"));
    assert_eq!(PublicKey::from_pem(&pem).unwrap(), *key().public());
}

#[test]
fn private_pem_round_trips_in_both_forms() {
    assert_eq!(*key().to_pkcs8_pem().unwrap(), TEST_KEY);
    let pkcs1 = key().to_pkcs1_pem().unwrap();
    assert!(pkcs1.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    assert_eq!(ServerKey::from_pem(&pkcs1).unwrap().fingerprint(), key().fingerprint());
}

#[test]
fn generated_keys_have_2048_bits_and_work() {
    let mut rng = seeded(1);
    let key = ServerKey::generate(&mut rng).unwrap();
    assert!(key.public().modulus()[0] >= 0x80);
    let encrypted = key.public().encrypt_rsa_pad(b"data", &mut rng).unwrap();
    assert_eq!(key.decrypt_inner_data(&encrypted, &mut rng).unwrap().data[..4], *b"data");
}

#[test]
fn other_files_are_refused() {
    assert_eq!(ServerKey::from_pem("").unwrap_err(), KeyFileError::Format);
    assert_eq!(ServerKey::from_pem(&key().public_pem()).unwrap_err(), KeyFileError::Format);
    assert_eq!(PublicKey::from_pem(TEST_KEY).unwrap_err(), KeyFileError::Format);
    let small = RsaPrivateKey::new(&mut RsaRng(&mut seeded(2)), 1024).unwrap();
    let pem = small.to_pkcs8_pem(LineEnding::LF).unwrap();
    assert_eq!(ServerKey::from_pem(&pem).unwrap_err(), KeyFileError::Size(1024));
}

/// 00 01 … 63 under the test key, with padding 0, 7, 14, … and temp_key 20 21 … 3f.
/// Computed with Python by the text of the specification, tgcrypto 1.2.5 doing IGE.
const RSA_PAD: &str = "\
     789666a64b707bd797120c5f137779784fa34942b6721e1f21f639efe7c9f419540d4e6a254fec0caaf74581\
     960eb36980a6dc6fcab3fe82512706165364735be480af42c6b8c600a512afcd0d12c1de56a99d41ee4d2e7d\
     5eb0bcc860066b9e89509b17896f85cf7717c0abc4ad997a1b326e0971064c6d1265fc3e0cc278580c6737c3\
     12ffe8a8f91a8a3a7562ae4b4c299a9aab125dfbbac22aa03157a7c4e8b222aee87a9a95009f57f0dfa57297\
     14e3662ac7aca9c19f0a83c50e6ff876e5e689b19492dfc62f9b2425baaca315e8b719620e46ffa46327b0b7\
     a5ce8ed8522c4c773b65470fba9eccfa54c9abc37c913ff48992d90ae17946389e0aa719";

/// The same data in the old padding with random bytes 0, 5, 10, …
const OLD: &str = "\
     21ed3f7e8daa4dee18b8c3686b688379b059e9fc11a753be0e45ecd9be10f70a17bedf3d09d3854cc053b7f6\
     3fad4538907a94940406e30e40799b9e2d163599e4cb9ff22bdb91eb269dd658bfdf8cbbb9b63bb24727f3f9\
     e7c4fbf2a13dd55ff0f4844fa1d75baf383bcf4696899869ca1a5ed4b3fa846529a490dfed0766ea7ebbe69c\
     6fd96e51af2a16bc5e9fd3b5da3afac97d053617044c10fa020bf55bceb8787ee3845599b092b4dae4585bd5\
     b35d0bc4b7195797214c6fc585c305f1d2b636d583ca080df530707708b08c8f1bec48729234bba5a8db04ed\
     feb04f911c5668b179a83bce598be774d0ce1d64772cbb5e6780e37345db9b38d991ebdf";

#[test]
fn both_paddings_encrypt_to_the_recorded_bytes() {
    let data: Vec<u8> = (0..100).collect();
    let padding = (0..92).map(|i| (i * 7) as u8);
    let random: Vec<u8> = padding.chain(32..64).collect();
    let encrypted = key().public().encrypt_rsa_pad(&data, &mut Recorded(&random)).unwrap();
    assert_eq!(encrypted[..], hex(RSA_PAD));

    let random: Vec<u8> = (0..135).map(|i| (i * 5) as u8).collect();
    let encrypted = key().public().encrypt_sha1_pad(&data, &mut Recorded(&random)).unwrap();
    assert_eq!(encrypted[..], hex(OLD));
}

#[test]
fn both_paddings_decrypt_from_the_recorded_bytes() {
    let data: Vec<u8> = (0..100).collect();
    let mut rng = seeded(3);
    let inner = key().decrypt_inner_data(&hex(RSA_PAD).try_into().unwrap(), &mut rng).unwrap();
    assert_eq!((inner.padding, &inner.data[..100]), (Padding::RsaPad, &data[..]));
    assert_eq!(inner.data.len(), 192);
    let inner = key().decrypt_inner_data(&hex(OLD).try_into().unwrap(), &mut rng).unwrap();
    assert_eq!((inner.padding, &inner.data[..]), (Padding::Sha1, &data[..]));
}

#[test]
fn every_size_of_data_round_trips_and_larger_is_refused() {
    let (key, mut rng) = (key(), seeded(4));
    for words in 1..=36 {
        let data = vec![words as u8; 4 * words];
        let encrypted = key.public().encrypt_rsa_pad(&data, &mut rng).unwrap();
        let inner = key.decrypt_inner_data(&encrypted, &mut rng).unwrap();
        assert_eq!(inner.data[..data.len()], data);
        let encrypted = key.public().encrypt_sha1_pad(&data, &mut rng).unwrap();
        assert_eq!(*key.decrypt_inner_data(&encrypted, &mut rng).unwrap().data, data);
    }
    let encrypted = key.public().encrypt_sha1_pad(&[9; 232], &mut rng).unwrap();
    assert_eq!(*key.decrypt_inner_data(&encrypted, &mut rng).unwrap().data, [9; 232]);
    assert!(key.public().encrypt_rsa_pad(&[0; 145], &mut rng).is_none());
    assert!(key.public().encrypt_sha1_pad(&[0; 236], &mut rng).is_none());
}

/// number + key.n as 256 bytes, if it fits.
fn plus_modulus(key: &ServerKey, block: &[u8; 256]) -> Option<[u8; 256]> {
    let number = BigUint::from_bytes_be(block) + key.private.n();
    (number.bits() <= BITS).then(|| to_block(&number))
}

/// A ciphertext c and c + n decrypt to the same block, so a server that reduces would take both.
#[test]
fn values_at_or_above_the_modulus_are_refused() {
    let (key, mut rng) = (key(), seeded(5));
    let (high, good) =
        std::iter::repeat_with(|| key.public().encrypt_sha1_pad(&[1; 96], &mut rng).unwrap())
            .find_map(|good| Some((plus_modulus(&key, &good)?, good)))
            .unwrap();
    let mut rng = seeded(6);
    assert!(key.decrypt_inner_data(&good, &mut rng).is_ok());
    let modulus = key.public().modulus();
    for refused in [high, modulus, [0xff; 256], [0; 256]] {
        assert_eq!(key.decrypt_inner_data(&refused, &mut rng).unwrap_err(), InnerDataError);
    }
}

/// Blocks that are wrong inside: each byte of the hash and of the data, the leading zero byte.
#[test]
fn blocks_that_are_wrong_inside_fail_alike() {
    let (key, mut rng) = (key(), seeded(7));
    let old = rsa_padding::add_old(&[3; 96], &mut rng);
    let rsa_pad = rsa_padding::add_rsa_pad(&[3; 96], &mut rng);
    for block in [old, rsa_pad] {
        for byte in (1..117).step_by(5) {
            let mut wrong = block.clone();
            wrong[byte] ^= 0x10;
            let Some(encrypted) = key.public().encrypt_block(&wrong) else { continue };
            let error = key.decrypt_inner_data(&encrypted, &mut rng).unwrap_err();
            assert_eq!(error, InnerDataError, "byte {byte}");
        }
    }
    let mut no_zero = rsa_padding::add_old(&[3; 96], &mut rng);
    no_zero[0] = 1;
    let encrypted = key.public().encrypt_block(&no_zero).unwrap();
    assert!(key.decrypt_inner_data(&encrypted, &mut rng).is_err());
    for seed in 0..20 {
        let mut noise = [0; 256];
        seeded(seed).fill_bytes(&mut noise);
        assert!(key.decrypt_inner_data(&noise, &mut rng).is_err());
    }
}
