//! Sealing at rest: what the node writes to disk is opened only with its master key.
//!
//! A [`MasterKey`] seals the secrets of [`Secret`] one by one, in every node, and gives the
//! [`StoreKey`](crate::StoreKey) that seals all rows where the operator asks for that.
//!
//! A sealed record is version (1 byte, 0x01) ++ nonce (12) ++ ciphertext ++ tag (16), AES-256-GCM.
//! The associated data are version (1) ++ length of the keyspace (4, big-endian) ++ keyspace ++ key:
//! a record that is copied to another row does not open there.
//!
//! Nonces are random. Under one master key 2^32 records may be sealed before the chance of a repeat
//! reaches 2^-33 (NIST SP 800-38D, section 8.3); a node that seals an auth key every second gets
//! there in 136 years.

use std::fmt;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Tag};
use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
/// How much longer a sealed record is than what it holds.
const OVERHEAD_BYTES: usize = 1 + 12 + 16;

/// A master key file is neither 64 hex digits nor 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 64 hex digits (or 32 raw bytes)")]
pub struct InvalidMasterKey;

/// A record does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsealError {
    /// Written by a newer version of this program.
    #[error("sealed with unknown version {0}")]
    Version(u8),
    /// Another master key, another place, or changed bytes.
    #[error("wrong master key, or the record was changed or moved")]
    Refused,
}

/// What rests sealed in every node, record by record. The list is complete: nothing else can be
/// sealed by a master key, and whoever stores a new kind of secret adds it here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Secret {
    /// The 256 bytes of an auth key, permanent or bound.
    AuthKey,
    /// What the node is: its RSA key, the seed of its identity, and what it has from an authority for
    /// certificates.
    Node,
    /// What the node keeps of a member's password: the verifier, the hint, the address.
    Password,
    /// What a bridged channel signs with towards the fediverse: an RSA key and an ed25519 seed.
    Bridge,
}

impl Secret {
    /// The keyspace, as sealing binds it.
    const fn keyspace(self) -> &'static str {
        match self {
            Self::AuthKey => "auth_keys",
            Self::Node => "settings",
            Self::Password => "passwords",
            Self::Bridge => "bridges",
        }
    }
}

/// The key from which everything that is sealed at rest hangs.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    /// Makes a new master key.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rng.fill_bytes(key.as_mut_slice());
        Self(key)
    }

    /// Reads a master key file: 64 hex digits, white space around them allowed, or 32 raw bytes.
    ///
    /// # Errors
    /// [`InvalidMasterKey`]; the text of the file is not repeated.
    pub fn from_file_bytes(bytes: &[u8]) -> Result<Self, InvalidMasterKey> {
        if let Ok(raw) = <[u8; 32]>::try_from(bytes) {
            return Ok(Self(Zeroizing::new(raw)));
        }
        let digits = bytes.trim_ascii();
        if digits.len() != 64 {
            return Err(InvalidMasterKey);
        }
        let mut key = Zeroizing::new([0; 32]);
        for (to, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            for digit in pair {
                let value = char::from(*digit).to_digit(16).ok_or(InvalidMasterKey)?;
                *to = *to << 4 | value as u8;
            }
        }
        Ok(Self(key))
    }

    /// What the file holds: 64 hex digits and a newline.
    pub fn to_file_bytes(&self) -> Zeroizing<Vec<u8>> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = Zeroizing::new(Vec::with_capacity(65));
        for nibble in self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
            text.push(DIGITS[usize::from(nibble)]);
        }
        text.push(b'\n');
        text
    }

    /// A key for another purpose, 32 bytes: HKDF-SHA-256 with `label` as info.
    pub fn derive(&self, label: &str) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        // 32 bytes are one block of the hash: expansion cannot be too long.
        let expanded = Hkdf::<Sha256>::new(Some(b"rookery master key 1"), self.0.as_slice())
            .expand(label.as_bytes(), key.as_mut_slice());
        debug_assert!(expanded.is_ok());
        key
    }

    /// Seals the secret that will be stored under `key`.
    pub fn seal<R: CryptoRng + ?Sized>(
        &self,
        secret: Secret,
        key: &[u8],
        value: &[u8],
        rng: &mut R,
    ) -> Vec<u8> {
        self.seal_at(secret.keyspace(), key, value, rng)
    }

    /// Opens a secret that was stored under `key`.
    ///
    /// # Errors
    /// See [`UnsealError`].
    pub fn open(
        &self,
        secret: Secret,
        key: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        self.open_at(secret.keyspace(), key, sealed)
    }

    fn seal_at<R: CryptoRng + ?Sized>(
        &self,
        keyspace: &str,
        key: &[u8],
        value: &[u8],
        rng: &mut R,
    ) -> Vec<u8> {
        let mut nonce = [0; 12];
        rng.fill_bytes(&mut nonce);
        let mut sealed = Vec::with_capacity(value.len() + OVERHEAD_BYTES);
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        let (start, associated) = (sealed.len(), place(keyspace, key));
        sealed.extend_from_slice(value);
        let tag = self
            .cipher()
            .encrypt_inout_detached(&nonce.into(), &associated, (&mut sealed[start..]).into())
            .expect("a record is far shorter than the 64 GiB that GCM takes");
        sealed.extend_from_slice(&tag);
        sealed
    }

    fn open_at(
        &self,
        keyspace: &str,
        key: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, UnsealError> {
        let (version, rest) = sealed.split_first().ok_or(UnsealError::Refused)?;
        if *version != VERSION {
            return Err(UnsealError::Version(*version));
        }
        let (nonce, rest) = rest.split_first_chunk::<12>().ok_or(UnsealError::Refused)?;
        let (data, tag) = rest.split_last_chunk::<16>().ok_or(UnsealError::Refused)?;
        let mut data = Zeroizing::new(data.to_vec());
        self.cipher()
            .decrypt_inout_detached(
                &(*nonce).into(),
                &place(keyspace, key),
                data.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .map_err(|_| UnsealError::Refused)?;
        Ok(data)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.derive("records at rest")).into())
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").finish_non_exhaustive()
    }
}

fn place(keyspace: &str, key: &[u8]) -> Vec<u8> {
    let length = (keyspace.len() as u32).to_be_bytes();
    [&[VERSION], &length[..], keyspace.as_bytes(), key].concat()
}

#[cfg(test)]
mod tests;
