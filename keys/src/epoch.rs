//! The secret of one epoch of a private group, as its member nodes share it: boxes that hand it out,
//! and bodies that are sealed under it.
//!
//! # Box
//! One for each member node, all under one ephemeral x25519 key. Ciphertext of the secret (32 bytes)
//! ++ tag (16), AES-256-GCM without associated data. The key is HKDF-SHA-256 of the shared point,
//! without salt, with info `glog1-box` ++ the caller's context ++ ephemeral public key ++ recipient's
//! public key. The context says which group, entry and recipient the box is for. A key seals one box
//! only, so the nonce is zero.
//!
//! # Body
//! Nonce (24 bytes) ++ ciphertext ++ tag (16). The key is HKDF-Expand of the secret with info `body`
//! ++ node (32) ++ nonce\[..12\], the nonce of AES-256-GCM is nonce\[12..\]: each body has a key of its
//! own, so that random nonces never come close to the bounds of GCM.

use std::fmt;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Tag};
use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::sealed::{BoxError, BoxPublic, BoxSecret};

const BOX_INFO: &[u8] = b"glog1-box";
const BODY_INFO: &[u8] = b"body";
const COMMIT_CONTEXT: &[u8] = b"glog1-epoch";
const TAG_BYTES: usize = 16;
/// Nonce of a sealed body.
pub const NONCE_BYTES: usize = 24;
/// How much longer a sealed body is than what it holds.
pub const BODY_OVERHEAD_BYTES: usize = NONCE_BYTES + TAG_BYTES;
/// A box: the sealed secret.
pub const BOX_BYTES: usize = 32 + TAG_BYTES;

/// What the member nodes of an epoch know; wiped on drop.
#[derive(Clone)]
pub struct EpochSecret(Zeroizing<[u8; 32]>);

impl EpochSecret {
    /// Makes a new one.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(bytes.as_mut_slice());
        Self(bytes)
    }

    /// A stored or received secret.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// The secret bytes, for sealing at rest and for members that ask.
    pub fn secret_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What the log says of the secret: blake3 of `glog1-epoch` ++ secret. Who opens a box to another
    /// secret does not use it.
    pub fn commitment(&self) -> [u8; 32] {
        *blake3::Hasher::new()
            .update(COMMIT_CONTEXT)
            .update(self.0.as_slice())
            .finalize()
            .as_bytes()
    }

    /// Seals a body of `node` under this secret, with `associated` as associated data.
    ///
    /// Returns nonce ++ ciphertext ++ tag. The caller answers for a nonce that never repeats.
    ///
    /// # Errors
    /// [`BoxError`] beyond what AES-GCM takes at once.
    pub fn seal_body(
        &self,
        node: &[u8; 32],
        nonce: &[u8; NONCE_BYTES],
        associated: &[u8],
        body: &[u8],
    ) -> Result<Vec<u8>, BoxError> {
        let (cipher, gcm_nonce) = self.body_cipher(node, nonce)?;
        let mut sealed = Vec::with_capacity(body.len() + BODY_OVERHEAD_BYTES);
        sealed.extend_from_slice(nonce);
        sealed.extend_from_slice(body);
        let data = sealed.get_mut(NONCE_BYTES..).ok_or(BoxError)?;
        let tag = cipher
            .encrypt_inout_detached(&gcm_nonce.into(), associated, data.into())
            .map_err(|_| BoxError)?;
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Opens what [`Self::seal_body`] made for the same node and associated data.
    ///
    /// # Errors
    /// [`BoxError`], the same for every cause.
    pub fn open_body(
        &self,
        node: &[u8; 32],
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, BoxError> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(BoxError)?;
        let (data, tag) = rest.split_last_chunk::<TAG_BYTES>().ok_or(BoxError)?;
        let (cipher, gcm_nonce) = self.body_cipher(node, nonce)?;
        let mut data = Zeroizing::new(data.to_vec());
        cipher
            .decrypt_inout_detached(
                &gcm_nonce.into(),
                associated,
                data.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .map_err(|_| BoxError)?;
        Ok(data)
    }

    fn body_cipher(
        &self,
        node: &[u8; 32],
        nonce: &[u8; NONCE_BYTES],
    ) -> Result<(Aes256Gcm, [u8; 12]), BoxError> {
        let (salt, gcm_nonce) = nonce.split_at(12);
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::from_prk(self.0.as_slice())
            .and_then(|prk| {
                prk.expand_multi_info(&[BODY_INFO, node, salt], key.as_mut_slice())
                    .map_err(|_| hkdf::InvalidPrkLength)
            })
            .map_err(|_| BoxError)?;
        let gcm_nonce = gcm_nonce.try_into().map_err(|_| BoxError)?;
        Ok((Aes256Gcm::new((&*key).into()), gcm_nonce))
    }
}

impl fmt::Debug for EpochSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EpochSecret(..)")
    }
}

/// Hands one secret to many: the ephemeral key of an epoch's boxes, gone when they are made.
pub struct BoxSealer(StaticSecret);

impl BoxSealer {
    /// Makes a new ephemeral key.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        Self(StaticSecret::random_from_rng(rng))
    }

    /// The ephemeral public key, which travels beside the boxes.
    pub fn public(&self) -> [u8; 32] {
        PublicKey::from(&self.0).to_bytes()
    }

    /// Seals `secret` to one recipient; `context` must name group, entry and recipient.
    ///
    /// # Errors
    /// [`BoxError`] if the recipient's key is one of the few points that give everybody the same
    /// shared secret.
    pub fn seal(
        &self,
        secret: &EpochSecret,
        recipient: &BoxPublic,
        context: &[u8],
    ) -> Result<[u8; BOX_BYTES], BoxError> {
        let shared = self.0.diffie_hellman(&PublicKey::from(*recipient.as_bytes()));
        if !shared.was_contributory() {
            return Err(BoxError);
        }
        let cipher = box_cipher(shared.as_bytes(), context, &self.public(), recipient.as_bytes())?;
        let mut sealed = [0; BOX_BYTES];
        let (data, tag) = sealed.split_at_mut(32);
        data.copy_from_slice(secret.secret_bytes());
        let made = cipher
            .encrypt_inout_detached(&[0; 12].into(), b"", data.into())
            .map_err(|_| BoxError)?;
        tag.copy_from_slice(&made);
        Ok(sealed)
    }
}

impl fmt::Debug for BoxSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BoxSealer(..)")
    }
}

/// Opens the box that `ephemeral` sealed to `recipient` in this `context`.
///
/// # Errors
/// [`BoxError`], the same for every cause. That the secret is the promised one is the caller's to
/// check, by [`EpochSecret::commitment`].
pub fn open_box(
    recipient: &BoxSecret,
    ephemeral: &[u8; 32],
    context: &[u8],
    sealed: &[u8; BOX_BYTES],
) -> Result<EpochSecret, BoxError> {
    let shared = recipient.agree(ephemeral).ok_or(BoxError)?;
    let cipher = box_cipher(&shared, context, ephemeral, recipient.public().as_bytes())?;
    let (data, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(BoxError)?;
    let mut secret = Zeroizing::new([0; 32]);
    secret.copy_from_slice(data);
    cipher
        .decrypt_inout_detached(
            &[0; 12].into(),
            b"",
            secret.as_mut_slice().into(),
            &Tag::from(*tag),
        )
        .map_err(|_| BoxError)?;
    Ok(EpochSecret(secret))
}

fn box_cipher(
    shared: &[u8; 32],
    context: &[u8],
    ephemeral: &[u8; 32],
    recipient: &[u8; 32],
) -> Result<Aes256Gcm, BoxError> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, shared)
        .expand_multi_info(&[BOX_INFO, context, ephemeral, recipient], key.as_mut_slice())
        .map_err(|_| BoxError)?;
    Ok(Aes256Gcm::new((&*key).into()))
}

#[cfg(test)]
mod tests;
