//! The derived values of the auth key exchange: temporary AES key, inner encryption, answer hashes.
//!
//! Source: <https://core.telegram.org/mtproto/auth_key>

use std::fmt;

use rand_core::CryptoRng;
use sha1::{Digest, Sha1};
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::{AuthKey, ige_decrypt, ige_encrypt};

/// Bytes of SHA-1 in front of an inner value.
const HASH_BYTES: usize = 20;

/// How an exchange ended, as the number that goes into `new_nonce_hash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// `dh_gen_ok`: `new_nonce_hash1`.
    Ok = 1,
    /// `dh_gen_retry`: `new_nonce_hash2`.
    Retry = 2,
    /// `dh_gen_fail`: `new_nonce_hash3`.
    Fail = 3,
}

/// `new_nonce_hash1/2/3`: the low 128 bits of SHA-1(new_nonce ++ outcome ++ auth_key_aux_hash).
pub fn new_nonce_hash(outcome: Outcome, new_nonce: &[u8; 32], key: &AuthKey) -> [u8; 16] {
    let mut hash = Sha1::new_with_prefix(new_nonce);
    hash.update([outcome as u8]);
    hash.update(key.aux_hash());
    let hash: [u8; 20] = hash.finalize().into();
    let [_, _, _, _, low @ ..] = hash;
    low
}

/// The first server salt of a new auth key: new_nonce xor server_nonce, 8 bytes of each.
pub fn first_salt(new_nonce: &[u8; 32], server_nonce: &[u8; 16]) -> i64 {
    let mut salt = [0; 8];
    for ((to, a), b) in salt.iter_mut().zip(new_nonce).zip(server_nonce) {
        *to = a ^ b;
    }
    i64::from_le_bytes(salt)
}

/// The AES key and IV of `server_DH_inner_data` and `client_DH_inner_data`.
pub struct TmpAes {
    key: Zeroizing<[u8; 32]>,
    iv: Zeroizing<[u8; 32]>,
}

impl TmpAes {
    /// `tmp_aes_key` and `tmp_aes_iv` of one exchange.
    pub fn derive(new_nonce: &[u8; 32], server_nonce: &[u8; 16]) -> Self {
        let sha1 = |a: &[u8], b: &[u8]| {
            let mut hash = Sha1::new_with_prefix(a);
            hash.update(b);
            Zeroizing::new(<[u8; 20]>::from(hash.finalize()))
        };
        let new_server = sha1(new_nonce, server_nonce);
        let server_new = sha1(server_nonce, new_nonce);
        let new_new = sha1(new_nonce, new_nonce);
        let (mut key, mut iv) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        let all = new_server.iter().chain(&server_new[..]).chain(&new_new[..]).chain(new_nonce);
        for (to, from) in key.iter_mut().chain(iv.iter_mut()).zip(all) {
            *to = *from;
        }
        Self { key, iv }
    }

    /// Encrypts an inner value: SHA-1(data) ++ data ++ 0..15 random bytes.
    pub fn encrypt<R: CryptoRng + ?Sized>(&self, data: &[u8], rng: &mut R) -> Vec<u8> {
        let mut out = Vec::with_capacity(HASH_BYTES + data.len() + 15);
        out.extend_from_slice(&Sha1::digest(data));
        out.extend_from_slice(data);
        let mut padding = [0; 15];
        let padding = &mut padding[..(16 - out.len() % 16) % 16];
        rng.fill_bytes(padding);
        out.extend_from_slice(padding);
        ige_encrypt(&self.key, &self.iv, &mut out);
        out
    }

    /// Decrypts an inner value; `None` unless one of the 16 possible lengths fits the hash.
    ///
    /// The hash is of the data alone, and only the TL parser would know where that ends. So every
    /// padding of 0 to 15 bytes is tried, all of them always, each compared in constant time.
    pub fn decrypt(&self, encrypted: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        if encrypted.len() < 32 || !encrypted.len().is_multiple_of(16) {
            return None;
        }
        let mut plaintext = Zeroizing::new(encrypted.to_vec());
        ige_decrypt(&self.key, &self.iv, &mut plaintext);
        let (expected, data) = plaintext.split_first_chunk::<HASH_BYTES>()?;
        let (head, tail) = data.split_at(data.len().saturating_sub(15));
        let mut hash = Sha1::new_with_prefix(head);
        // 0 stands for "none": data is never empty, for a TL value has a constructor id.
        let mut length = 0_u32;
        for tried in 0..=tail.len() {
            let digest: [u8; HASH_BYTES] = hash.clone().finalize().into();
            let here = (head.len() + tried) as u32;
            length.conditional_assign(&here, digest.ct_eq(expected));
            if let Some(byte) = tail.get(tried) {
                hash.update([*byte]);
            }
        }
        if length == 0 {
            return None;
        }
        let end = HASH_BYTES + length as usize;
        plaintext.truncate(end);
        plaintext.drain(..HASH_BYTES);
        Some(plaintext)
    }
}

impl fmt::Debug for TmpAes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TmpAes").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
