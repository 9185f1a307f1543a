//! Sealed boxes: bytes that only the holder of one x25519 key opens, sent without a session.
//!
//! Layout: version (1 byte, 0x01) ++ ephemeral public key (32) ++ ciphertext (as long as the
//! plaintext) ++ tag (16).
//!
//! The AES-256-GCM key (32 bytes) and nonce (12) are HKDF-SHA-256 of the shared point, with salt
//! ephemeral public key ++ recipient's public key and info `rookery sealed box 1`. Each box has an
//! ephemeral key of its own, so no nonce repeats under one key. The associated data are
//! version (1) ++ the caller's: say there what the box is for, or it can be moved elsewhere.
//! The box does not say who sealed it; sign it where that matters.

use std::fmt;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha256;
use x25519_dalek::{PublicKey, SharedSecret, StaticSecret};
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const INFO: &[u8] = b"rookery sealed box 1";
/// How much longer a box is than what it holds.
pub const OVERHEAD_BYTES: usize = 1 + 32 + 16;

/// A box does not open: not for this key, changed, moved to another place, or no box at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sealed box does not open")]
pub struct BoxError;

/// The public key to which a box is sealed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BoxPublic([u8; 32]);

impl BoxPublic {
    /// Any 32 bytes are a public key.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The public key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seals `plaintext`; `associated` must be given again to open the box and is not part of it.
    ///
    /// # Errors
    /// [`BoxError`] if this public key is one of the few points that give everybody the same secret.
    pub fn seal<R: CryptoRng + ?Sized>(
        &self,
        plaintext: &[u8],
        associated: &[u8],
        rng: &mut R,
    ) -> Result<Vec<u8>, BoxError> {
        let ephemeral = StaticSecret::random_from_rng(rng);
        let ephemeral_public = PublicKey::from(&ephemeral);
        let shared = ephemeral.diffie_hellman(&PublicKey::from(self.0));
        let (cipher, nonce) = cipher(&shared, ephemeral_public.as_bytes(), &self.0)?;

        let mut sealed = Vec::with_capacity(plaintext.len() + OVERHEAD_BYTES);
        sealed.push(VERSION);
        sealed.extend_from_slice(ephemeral_public.as_bytes());
        let start = sealed.len();
        sealed.extend_from_slice(plaintext);
        let data = sealed.get_mut(start..).ok_or(BoxError)?;
        let tag = cipher
            .encrypt_inout_detached(&nonce, &bound(associated), data.into())
            .map_err(|_| BoxError)?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }
}

impl fmt::Debug for BoxPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoxPublic(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, ")")
    }
}

/// The secret key that opens boxes; wiped on drop.
pub struct BoxSecret(StaticSecret);

impl BoxSecret {
    /// Makes a new key.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        Self(StaticSecret::random_from_rng(rng))
    }

    /// A stored key.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(StaticSecret::from(*bytes))
    }

    /// The secret bytes, for sealing at rest.
    pub fn secret_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key.
    pub fn public(&self) -> BoxPublic {
        BoxPublic(PublicKey::from(&self.0).to_bytes())
    }

    /// The shared point with another key; `None` where that key gives everybody the same one.
    pub(crate) fn agree(&self, other: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        let shared = self.0.diffie_hellman(&PublicKey::from(*other));
        shared.was_contributory().then(|| Zeroizing::new(shared.to_bytes()))
    }

    /// Opens a box with the `associated` data under which it was sealed.
    ///
    /// # Errors
    /// [`BoxError`], the same for every cause.
    pub fn open(&self, sealed: &[u8], associated: &[u8]) -> Result<Zeroizing<Vec<u8>>, BoxError> {
        let (version, rest) = sealed.split_first().ok_or(BoxError)?;
        let (ephemeral, rest) = rest.split_first_chunk::<32>().ok_or(BoxError)?;
        let (data, tag) = rest.split_last_chunk::<16>().ok_or(BoxError)?;
        if *version != VERSION {
            return Err(BoxError);
        }
        let shared = self.0.diffie_hellman(&PublicKey::from(*ephemeral));
        let (cipher, nonce) = cipher(&shared, ephemeral, self.public().as_bytes())?;
        let mut data = Zeroizing::new(data.to_vec());
        cipher
            .decrypt_inout_detached(
                &nonce,
                &bound(associated),
                data.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .map_err(|_| BoxError)?;
        Ok(data)
    }
}

impl fmt::Debug for BoxSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxSecret").field("public", &self.public()).finish_non_exhaustive()
    }
}

fn bound(associated: &[u8]) -> Vec<u8> {
    [&[VERSION], associated].concat()
}

fn cipher(
    shared: &SharedSecret,
    ephemeral: &[u8; 32],
    recipient: &[u8; 32],
) -> Result<(Aes256Gcm, Nonce<aes_gcm::aead::consts::U12>), BoxError> {
    if !shared.was_contributory() {
        return Err(BoxError);
    }
    let salt = [*ephemeral, *recipient].concat();
    let mut okm = Zeroizing::new([0; 44]);
    Hkdf::<Sha256>::new(Some(&salt), shared.as_bytes())
        .expand(INFO, okm.as_mut_slice())
        .map_err(|_| BoxError)?;
    let (key, nonce) = okm.split_first_chunk::<32>().ok_or(BoxError)?;
    let nonce: [u8; 12] = nonce.try_into().map_err(|_| BoxError)?;
    Ok((Aes256Gcm::new(key.into()), nonce.into()))
}

#[cfg(test)]
mod tests;
