//! AES-256 in Infinite Garble Extension mode, the cipher of MTProto messages.
//!
//! Source: <https://core.telegram.org/mtproto/description>; the mode itself is OpenSSL's `AES_ige_encrypt`.

use aes::cipher::{Array, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use aes::{Aes256Dec, Aes256Enc};

/// Encrypts `data` in place.
///
/// `iv` is the block before the first ciphertext block ++ the block before the first plaintext one.
/// Only whole blocks of 16 bytes are encrypted: the caller pads.
pub fn ige_encrypt(key: &[u8; 32], iv: &[u8; 32], data: &mut [u8]) {
    debug_assert_eq!(data.len() % 16, 0, "AES-IGE works on whole blocks");
    let (blocks, _) = Array::slice_as_chunks_mut(data);
    ige::Encryptor::<Aes256Enc>::new(key.into(), iv.into()).encrypt_blocks(blocks);
}

/// Decrypts `data` in place; the counterpart of [`ige_encrypt`].
///
/// Whatever is not a whole block stays as it is: the caller refuses such lengths.
pub fn ige_decrypt(key: &[u8; 32], iv: &[u8; 32], data: &mut [u8]) {
    debug_assert_eq!(data.len() % 16, 0, "AES-IGE works on whole blocks");
    let (blocks, _) = Array::slice_as_chunks_mut(data);
    ige::Decryptor::<Aes256Dec>::new(key.into(), iv.into()).decrypt_blocks(blocks);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{hex, seeded};
    use rand_core::Rng;

    /// Key 00 01 … 1f, IV 20 21 … 3f; the plaintexts are 32 times `A` and 00 01 … 5f.
    /// The first is what Telethon's `AES.encrypt_ige` gives, the second tgcrypto 1.2.5.
    #[test]
    fn known_answers_of_two_libraries() {
        let (key, iv) = (std::array::from_fn(|i| i as u8), std::array::from_fn(|i| 32 + i as u8));
        let counting: Vec<u8> = (0..96).collect();
        for (plain, encrypted) in [
            (vec![b'A'; 32], "bf7297874c7c82d813bb4ea09d70cde4deb247ac0342ef61b416dbfbb3efd30f"),
            (
                counting,
                "42e66e1a756cccf5b27acc47523ad074ee39bf54e3db37bbdf415df6b400fca9\
                 77f708327c9e9341cc3dc8efd31e76463daa65b1f0d0252f790d77f1824a662c\
                 9da1c08a9a34e749203d698683b58746e065c2ab95d90b2017de77f26edd1326",
            ),
        ] {
            let mut data = plain.clone();
            ige_encrypt(&key, &iv, &mut data);
            assert_eq!(data, hex(encrypted));
            ige_decrypt(&key, &iv, &mut data);
            assert_eq!(data, plain);
        }
    }

    #[test]
    fn round_trips_at_every_size() {
        let mut rng = seeded(1);
        for blocks in 0..70 {
            let (mut key, mut iv) = ([0; 32], [0; 32]);
            rng.fill_bytes(&mut key);
            rng.fill_bytes(&mut iv);
            let mut data = vec![0; blocks * 16];
            rng.fill_bytes(&mut data);
            let plain = data.clone();
            ige_encrypt(&key, &iv, &mut data);
            assert!(blocks == 0 || data != plain);
            ige_decrypt(&key, &iv, &mut data);
            assert_eq!(data, plain);
        }
    }
}
