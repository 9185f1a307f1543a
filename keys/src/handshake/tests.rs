//! The values are those of the published sample exchange.
//! Source: <https://core.telegram.org/mtproto/samples-auth_key>

use super::*;
use crate::dh::{DhSecret, check_public};
use crate::testing::{Recorded, counting_key, hex, hex_array, seeded};

const SERVER_NONCE: &str = "a5cf4d33f4a11ea877ba4aa573907330";
const NEW_NONCE: &str = "311c85db234aa2640afc4a76a735cf5b1f0fd68bd17fa181e1229ad867cc024d";
const ENCRYPTED_ANSWER: &str = "\
     28a92fe20173b347a8bb324b5fab2667c9a8bbce6468d5b509a4cbddc186240ac912cf7006af8926de606a2e\
     74c0493caa57741e6c82451f54d3e068f5ccc49b4444124b9666ffb405aab564a3d01e67f6e912867c8d20d9\
     882707dc330b17b4e0dd57cb53bfaafa9ef5be76ae6c1b9b6c51e2d6502a47c883095c46c81e3be25f62427b\
     585488bb3bf239213bf48eb8fe34c9a026cc8413934043974db03556633038392cecb51f94824e140b986377\
     30a4be79a8f9dafa39bae81e1095849ea4c83467c92a3a17d997817c8a7ac61c3ff414da37b7d66e949c0aec\
     858f048224210fcc61f11c3a910b431ccbd104cccc8dc6d29d4a5d133be639a4c32bbff153e63aca3ac52f2e\
     4709b8ae01844b142c1ee89d075d64f69a399feb04e656fe3675a6f8f412078f3d0b58da15311c1a9f8e53b3\
     cd6bb5572c294904b726d0be337e2e21977da26dd6e33270251c2ca29dfcc70227f0755f84cfda9ac4b8dd5f\
     84f1d1eb36ba45cddc70444d8c213e4bd8f63b8ab95a2d0b4180dc91283dc063acfb92d6a4e407cde7c8c696\
     89f77a007441d4a6a8384b666502d9b77fc68b5b43cc607e60a146223e110fcb43bc3c942ef981930cdc4a1d\
     310c0b64d5e55d308d863251ab90502c3e46cc599e886a927cda963b9eb16ce62603b68529ee98f9f5206419\
     e03fb458ec4bd9454aa8f6ba777573cc54b328895b1df25ead9fb4cd5198ee022b2b81f388d281d5e5bc5801\
     07ca01a50665c32b552715f335fd76264fad00ddd5ae45b94832ac79ce7c511d194bc42b70efa850bb15c201\
     2c5215cabfe97ce66b8d8734d0ee759a638af013";
const ANSWER: &str = "\
     ba0d89b53e0549828cca27e966b301a48fece2fca5cf4d33f4a11ea877ba4aa57390733002000000fe000100\
     c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f48198a0aa7c14058229493d2\
     2530f4dbfa336f6e0ac925139543aed44cce7c3720fd51f69458705ac68cd4fe6b6b13abdc97465129693284\
     54f18faf8c595f642477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4a4a69581\
     1051907e162753b56b0f6b410dba74d8a84b2a14b3144e0ef1284754fd17ed950d5965b4b9dd46582db1178d\
     169c6bc465b0d6ff9ca3928fef5b9ae4e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850c\
     e929851f0d8115f635b105ee2e4e15d04b2454bf6f4fadf034b10403119cd8e3b92fcc5bfe000100262aaba6\
     21cc4df587dc94cf8252258c0b9337dfb47545a49cdd5c9b8eae7236c6cadc40b24e88590f1cc2cc762ebf1c\
     f11dcc0b393caad6cee4ee5848001c73acbb1d127e4cb93072aa3d1c8151b6fb6aa6124b7cd782eaf981bdcf\
     ce9d7a00e423bd9d194e8af78ef6501f415522e44522281c79d906ddb79c72e9c63d83fb2a940ff779dfb5f2\
     fd786fb4ad71c9f08cf48758e534e9815f634f1e3a80a5e1c2af210c5ab762755ad4b2126dfa61a77fa9da96\
     7d65dfd0afb5cdf26c4d4e1a88b180f4e0d0b45ba1484f95cb2712b50bf3f5968d9d55c99c0fb9fb67bff56d\
     7d4481b634514fba3488c4cda2fc0659990e8e868b28632875a9aa703bcdce8fcb7ae551";
const B: &str = "\
     6f620afa575c9233eb4c014110a7bcaf49464f798a18a0981fea1e05e8da67d9681e0fd6df0edf0272ae3492\
     451a84502f2efc0da18741a5fb80bd82296919a70faa6d07cbbbca2037ea7d3e327b61d585ed3373ee0553a9\
     1cbd29b01fa9a89d479ca53d57bde3a76fbd922a923a0a38b922c1d0701f53ff52d7ea9217080163a64901e7\
     66eb6a0f20bc391b64b9d1dd2cd13a7d0c946a3a7df8cec9e2236446f646c42cfe2b60a2a8d776e56c8d7519\
     b08b88ed0970e10d12a8c9e355d765f2b7bbb7b4ca9360083435523cb0d57d2b106fd14f94b4eee79d8ac131\
     ca56ad389c84fe279716f8124a543337fb9ea3d988ec5fa63d90a4ba3970e7a39e5c0de5";
const ENCRYPTED_DATA: &str = "\
     928a4957d0463b525c1cc48aabaa030a256be5c746792c84ca4c5a0df60ac799048d98a38a8480edcf082214\
     dfc79dcb9ee34e206513e2b3bc1504cfe6c9ada46bf9a03ca74f192eaf8c278454adabc795a566615462d318\
     17382984039505f71cb33a41e2527a4b1ac05107872fed8e3abcee1518ae965b0ed3aed7f67479155bda8e4c\
     286b64cdf123ec748cf289b1db02d1907b562df462d8582ba6f0a3022dc2d3504d69d1ba48b677e3a830bfaf\
     d67584c8aa24e1344a8904e305f9587c92ef964f0083f50f61eab4a393eaa33c9270294aedc7732891d4ea15\
     99f52311d74469d2112f4edf3f342e93c8e87e812dc3989baecfe6740a46077524c75093f5a5405736de8937\
     bb6e42c9a0dcf22ca53227d462bccc2cfe94b6fe86ab7fbfa395021f66661af7c0024ca2986ca03f34769054\
     07d1ea9c010b763258db1aa2cc7826d91334efc1fdc665b67fe45ed0";
const AUTH_KEY: &str = "\
     ab96e207c631300986f30ef97df55e179e63c112675f0ce502ee76d74bbee6cbd1e95772818881e9f2ff54bd\
     52c258787474f6a7bea61eabe49d1d01d55f64fc07bc31685716ec8fb46feacf9502e42cfd6b9f45a08e90aa\
     5c2b5933ac767cbe1cd50d8e64f89727ca4a1a5d32c0db80a9fcdbddd4f8d5a1e774198f1a4299f927c484fe\
     ec395f29647e43c3243986f93609e23538c21871df50e00070b3b6a8fa9bc15628e8b43ff977409a61ceec5a\
     21cf7dfb5a4cc28f5257bc30cd8f2fb92fbf21e28924065f50e0bbd5e11a420300e2c136b80e9826c6c5609b\
     5371b7850aa628323b6422f3a94f6dfde4c3dc1ea60f7e11ee63122b3f39cbd1a8430157";

fn sample() -> TmpAes {
    TmpAes::derive(&hex_array(NEW_NONCE), &hex_array(SERVER_NONCE))
}

#[test]
fn tmp_aes_key_and_iv() {
    let tmp_aes = sample();
    assert_eq!(
        tmp_aes.key[..],
        hex("f011280887c7bb01df0fc4e17830e0b91fbb8be4b2267cb985ae25f33b527253")
    );
    assert_eq!(
        tmp_aes.iv[..],
        hex("3212d579ee35452ed23e0d0c92841aa7d31b2e9bdef2151e80d15860311c85db")
    );
}

#[test]
fn answer_decrypts_and_encrypts() {
    let (encrypted, answer) = (hex(ENCRYPTED_ANSWER), hex(ANSWER));
    assert_eq!(*sample().decrypt(&encrypted).unwrap(), answer);
    // Only the random padding is unknown, and the cipher garbles nothing before it.
    let whole_blocks = (20 + answer.len()) / 16 * 16;
    let again = sample().encrypt(&answer, &mut seeded(1));
    assert_eq!(again.len(), encrypted.len());
    assert_eq!(again[..whole_blocks], encrypted[..whole_blocks]);
}

/// client_DH_inner_data: constructor (4) ++ nonces (32) ++ retry_id (8) ++ fe 00 01 00 ++ g_b (256).
#[test]
fn client_data_decrypts_to_a_g_b_of_the_same_auth_key() {
    let data = sample().decrypt(&hex(ENCRYPTED_DATA)).unwrap();
    assert_eq!(data.len(), 304);
    assert_eq!(data[..4], 0x6643_b654_u32.to_le_bytes());
    check_public(&data[48..]).unwrap();

    let answer = hex(ANSWER);
    let g_a = check_public(&answer[304..560]).unwrap();
    let key = DhSecret::generate(&mut Recorded(&hex(B))).shared(&g_a);
    assert_eq!(key.secret_bytes()[..], hex(AUTH_KEY));
    let hash = new_nonce_hash(Outcome::Ok, &hex_array(NEW_NONCE), &key);
    assert_eq!(hash[..], hex("ccebc0217266e1edec7fb0a0eed6c220"));
}

/// Computed with Telethon 1.45.0, `AuthKey.calc_new_nonce_hash`.
#[test]
fn new_nonce_hashes_are_telethons() {
    let new_nonce = std::array::from_fn(|i| i as u8);
    for (outcome, hash) in [
        (Outcome::Ok, "c2ced2b33e593a55d27f4a5dabee7c67"),
        (Outcome::Retry, "f4318e85bd2ff3be84d9fefce3dce39f"),
        (Outcome::Fail, "4bf9d7b37db413ee431d28517631cb3d"),
    ] {
        assert_eq!(new_nonce_hash(outcome, &new_nonce, &counting_key())[..], hex(hash));
    }
}

#[test]
fn first_salt_is_new_nonce_xor_server_nonce() {
    let salt = first_salt(&hex_array(NEW_NONCE), &hex_array(SERVER_NONCE));
    assert_eq!(salt.to_le_bytes()[..], hex("94d3c8e8d7ebbccc"));
}

#[test]
fn every_padding_round_trips() {
    let mut rng = seeded(2);
    for length in 1..100 {
        let data: Vec<u8> = (0..length).collect();
        let encrypted = sample().encrypt(&data, &mut rng);
        assert_eq!(encrypted.len(), (20 + data.len()).next_multiple_of(16));
        assert_eq!(*sample().decrypt(&encrypted).unwrap(), data);
    }
}

/// A changed bit in the last block may hit only padding and may therefore stay unnoticed.
#[test]
fn any_changed_bit_before_the_padding_is_noticed() {
    let encrypted = sample().encrypt(&[7; 100], &mut seeded(3));
    for bit in 0..(encrypted.len() - 16) * 8 {
        let mut changed = encrypted.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(sample().decrypt(&changed).is_none(), "bit {bit}");
    }
    let other = TmpAes::derive(&[0; 32], &[0; 16]);
    assert!(other.decrypt(&encrypted).is_none());
}

#[test]
fn impossible_lengths_are_refused() {
    let encrypted = sample().encrypt(&[7; 100], &mut seeded(4));
    for length in (0..encrypted.len()).filter(|length| length % 16 != 0 || *length < 32) {
        assert!(sample().decrypt(&encrypted[..length]).is_none());
    }
    assert!(sample().decrypt(&[0; 32]).is_none());
    assert_eq!(format!("{:?}", sample()), "TmpAes { .. }");
}
