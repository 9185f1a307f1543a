//! The two paddings of `p_q_inner_data` under RSA: RSA_PAD of 2021 and the one before it.
//!
//! - RSA_PAD: temp_key_xor (32 bytes) ++ AES-IGE of (reversed data of 192 bytes ++ SHA-256).
//! - Old: a zero byte ++ SHA-1(data) ++ data ++ random bytes up to 255; Telethon, Pyrogram and
//!   Kurigram still send it.
//!
//! Source: <https://core.telegram.org/mtproto/auth_key#41-rsa-paddata-server-public-key-mentioned-above-is-implemented-as-follows>

use std::fmt;

use rand_core::CryptoRng;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::{ige_decrypt, ige_encrypt};

/// The most data that a client may put into RSA_PAD.
pub(crate) const RSA_PAD_DATA_BYTES_MAX: usize = 144;
/// The most data that fits the old padding.
pub(crate) const OLD_DATA_BYTES_MAX: usize = 235;
/// RSA_PAD: data and its random padding together.
const PADDED_BYTES: usize = 192;
/// RSA_PAD: the part under AES, that is padded data ++ SHA-256.
const AES_BYTES: usize = 224;

/// Which padding a client used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// RSA_PAD: `data` has 192 bytes, the TL value and random bytes behind it.
    RsaPad,
    /// SHA-1, data, random bytes: `data` is exactly what the hash covers, a multiple of 4 bytes.
    Sha1,
}

/// What a client encrypted to the server key.
pub struct InnerData {
    /// The TL value; see [`Padding`] for what may follow it.
    pub data: Zeroizing<Vec<u8>>,
    /// How it was padded.
    pub padding: Padding,
}

impl fmt::Debug for InnerData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InnerData").field("padding", &self.padding).finish_non_exhaustive()
    }
}

/// Takes the padding off a decrypted RSA block; `None` unless `valid` and one of the hashes fits.
///
/// Both paddings are always tried to their end, so that neither the time nor the answer says which
/// step failed: the attack of 2021 on Telegram's servers lived on that difference.
pub(crate) fn remove(block: &[u8; 256], valid: Choice) -> Option<InnerData> {
    let (rsa_pad, rsa_pad_ok) = remove_rsa_pad(block);
    let (old, old_ok) = remove_old(block);
    let found = if bool::from(rsa_pad_ok) {
        InnerData { data: rsa_pad, padding: Padding::RsaPad }
    } else {
        InnerData { data: old, padding: Padding::Sha1 }
    };
    bool::from(valid & (rsa_pad_ok | old_ok)).then_some(found)
}

fn remove_rsa_pad(block: &[u8; 256]) -> (Zeroizing<Vec<u8>>, Choice) {
    let (temp_key_xor, encrypted) = block.split_at(256 - AES_BYTES);
    let mut temp_key = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(encrypted)));
    temp_key.iter_mut().zip(temp_key_xor).for_each(|(to, byte)| *to ^= byte);

    let mut data = Zeroizing::new(encrypted.to_vec());
    ige_decrypt(&temp_key, &[0; 32], &mut data);
    let (padded, hash) = data.split_at_mut(PADDED_BYTES);
    padded.reverse();
    let expected = hash_of(&temp_key, padded);
    let equal = expected.as_slice().ct_eq(hash);
    data.truncate(PADDED_BYTES);
    (data, equal)
}

fn remove_old(block: &[u8; 256]) -> (Zeroizing<Vec<u8>>, Choice) {
    let (zero, rest) = block.split_at(1);
    let (expected, data) = rest.split_at(20);
    // Where the data ends is known to the TL parser only; hashing on by words tries every length
    // for the price of one more pass, and no parser sees a byte that is not authentic.
    let mut hash = Sha1::new();
    let mut length = 0_u32;
    for (index, word) in data.chunks_exact(4).enumerate() {
        hash.update(word);
        let digest: [u8; 20] = hash.clone().finalize().into();
        length.conditional_assign(&(4 * (index as u32 + 1)), digest.as_slice().ct_eq(expected));
    }
    let found = !length.ct_eq(&0) & zero.ct_eq(&[0]);
    let mut data = Zeroizing::new(data.to_vec());
    data.truncate(length as usize);
    (data, found)
}

/// RSA_PAD before RSA, for clients; the caller draws again if the result is not below the modulus.
///
/// `data` has at most [`RSA_PAD_DATA_BYTES_MAX`] bytes; the caller has checked.
pub(crate) fn add_rsa_pad<R: CryptoRng + ?Sized>(data: &[u8], rng: &mut R) -> Zeroizing<[u8; 256]> {
    let mut padded = Zeroizing::new([0; PADDED_BYTES]);
    fill(padded.as_mut_slice(), &[data], rng);
    let mut temp_key = Zeroizing::new([0; 32]);
    rng.fill_bytes(temp_key.as_mut_slice());

    let mut block = Zeroizing::new([0; 256]);
    let (temp_key_xor, encrypted) = block.split_at_mut(256 - AES_BYTES);
    let hash = hash_of(&temp_key, padded.as_slice());
    let plaintext = padded.iter().rev().chain(hash.iter());
    encrypted.iter_mut().zip(plaintext).for_each(|(to, byte)| *to = *byte);
    ige_encrypt(&temp_key, &[0; 32], encrypted);
    let mask = Sha256::digest(&encrypted);
    for ((to, byte), mask) in temp_key_xor.iter_mut().zip(temp_key.iter()).zip(mask) {
        *to = byte ^ mask;
    }
    block
}

/// The old padding before RSA, for clients; `data` has at most [`OLD_DATA_BYTES_MAX`] bytes.
pub(crate) fn add_old<R: CryptoRng + ?Sized>(data: &[u8], rng: &mut R) -> Zeroizing<[u8; 256]> {
    let mut block = Zeroizing::new([0; 256]);
    fill(&mut block[1..], &[&Sha1::digest(data), data], rng);
    block
}

/// Writes the parts one after the other, then random bytes.
fn fill<R: CryptoRng + ?Sized>(mut to: &mut [u8], parts: &[&[u8]], rng: &mut R) {
    for part in parts {
        let (now, later) = to.split_at_mut(part.len());
        now.copy_from_slice(part);
        to = later;
    }
    rng.fill_bytes(to);
}

fn hash_of(temp_key: &[u8; 32], padded: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(temp_key);
    hash.update(padded);
    hash.finalize().into()
}
