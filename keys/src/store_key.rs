//! Sealing of every row of a store, for operators who want all of it sealed.
//!
//! A store is sealed under keys of its own: HKDF-SHA-256 of what the master key derives under the
//! label `sealed stores`, with the store's random salt (32 bytes), and info `rows` or `hidden keys`.
//!
//! A sealed value is nonce (24 bytes) ++ ciphertext ++ tag (16), XAES-256-GCM (C2SP). The
//! associated data are format (1 byte, 0x01) ++ the row's place: a value that is copied to another
//! row, or read by rules of another format, does not open.
//!
//! Nonces are random. With the 96 bits of AES-GCM alone, one key may seal 2^32 values (NIST SP
//! 800-38D, section 8.3); a node under load writes those in two days. XAES derives a key per value
//! from the first half of a nonce of 192 bits, so one key may seal 2^80 values before the chance
//! of a repeat reaches 2^-32: no count has to be kept, and none can be lost by a crash, a restored
//! backup or a copied machine.
//!
//! A hidden key is the first 16 bytes of HMAC-SHA-256 of the row's place: equal places have equal
//! hidden keys, so a row is found by its key, and nothing else shows of it. Two of 2^40 rows meet
//! with a chance of 2^-49.
//!
//! A store keeps a record of its sealing, in the clear: format (1) ++ salt (32) ++ the empty value
//! sealed for a place that no row has. It opens with the right master key only.

use std::fmt;

use aes_gcm::aead::{AeadInOut, KeyInit};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use rand_core::CryptoRng;
use sha2::Sha256;
use xaes_256_gcm::{Tag, Xaes256Gcm};
use zeroize::Zeroizing;

use crate::MasterKey;

const FORMAT: u8 = 1;
const SALT_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// Length of a hidden key.
pub const HIDDEN_KEY_BYTES: usize = 16;

/// Where the proof of a record is sealed: rows begin with the byte of a keyspace, never with 0xff.
const PROOF_PLACE: &[u8] = b"\xffproof";

/// A store's record of its sealing does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealingError {
    /// Written by a newer version of this program.
    #[error("sealed in the unknown format {0}")]
    Format(u8),
    /// Another master key, or changed bytes.
    #[error("sealed under another master key")]
    Refused,
}

/// The keys of one sealed store; wiped on drop.
pub struct StoreKey {
    rows: Xaes256Gcm,
    hidden: Hmac<Sha256>,
}

impl StoreKey {
    /// The keys of a new store, and the record that the store keeps of them.
    pub fn make<R: CryptoRng + ?Sized>(master: &MasterKey, rng: &mut R) -> (Self, Vec<u8>) {
        let mut salt = [0; SALT_BYTES];
        rng.fill_bytes(&mut salt);
        let key = Self::derive(master, &salt);
        let mut record = vec![FORMAT];
        record.extend_from_slice(&salt);
        record.extend_from_slice(&key.seal(PROOF_PLACE, &[], rng));
        (key, record)
    }

    /// The keys of the store that keeps `record`.
    ///
    /// # Errors
    /// See [`SealingError`].
    pub fn open(master: &MasterKey, record: &[u8]) -> Result<Self, SealingError> {
        let (format, rest) = record.split_first().ok_or(SealingError::Refused)?;
        if *format != FORMAT {
            return Err(SealingError::Format(*format));
        }
        let (salt, proof) = rest.split_first_chunk().ok_or(SealingError::Refused)?;
        let key = Self::derive(master, salt);
        match key.unseal(PROOF_PLACE, proof) {
            Some(empty) if empty.is_empty() => Ok(key),
            _ => Err(SealingError::Refused),
        }
    }

    fn derive(master: &MasterKey, salt: &[u8; SALT_BYTES]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(Some(salt), master.derive("sealed stores").as_slice());
        let expand = |info: &[u8]| {
            let mut key = Zeroizing::new([0; 32]);
            // 32 bytes are one block of the hash: expansion cannot be too long.
            let expanded = hkdf.expand(info, key.as_mut_slice());
            debug_assert!(expanded.is_ok());
            key
        };
        let hidden = <Hmac<Sha256> as KeyInit>::new_from_slice(expand(b"hidden keys").as_slice());
        Self {
            rows: Xaes256Gcm::new((&*expand(b"rows")).into()),
            hidden: hidden.expect("HMAC takes keys of any length"),
        }
    }

    /// Seals the value of the row at `place`.
    pub fn seal<R: CryptoRng + ?Sized>(&self, place: &[u8], value: &[u8], rng: &mut R) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let mut sealed = Vec::with_capacity(NONCE_BYTES + value.len() + TAG_BYTES);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(value);
        let tag = self
            .rows
            .encrypt_inout_detached(
                &nonce.into(),
                &associated(place),
                (&mut sealed[NONCE_BYTES..]).into(),
            )
            .expect("a row is far shorter than the 64 GiB that GCM takes");
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// Opens the value of the row at `place`; `None` if it was sealed elsewhere, under another
    /// key, or changed.
    pub fn unseal(&self, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let (data, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let mut data = data.to_vec();
        self.rows
            .decrypt_inout_detached(
                &(*nonce).into(),
                &associated(place),
                data.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .ok()?;
        Some(data)
    }

    /// What stands for the key of the row at `place`.
    pub fn hide(&self, place: &[u8]) -> [u8; HIDDEN_KEY_BYTES] {
        let full = self.hidden.clone().chain_update(place).finalize().into_bytes();
        let mut short = [0; HIDDEN_KEY_BYTES];
        short.copy_from_slice(&full[..HIDDEN_KEY_BYTES]);
        short
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreKey").finish_non_exhaustive()
    }
}

fn associated(place: &[u8]) -> Vec<u8> {
    [&[FORMAT], place].concat()
}

#[cfg(test)]
mod tests;
