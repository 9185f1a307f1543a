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
