//! Keys that sign HTTP requests of ActivityPub: RSA with PKCS#1 v1.5 and SHA-256, and Ed25519 of others.
//!
//! What is signed is put together by the crate `activitypub`.
//! Source: <https://www.rfc-editor.org/rfc/rfc9421#section-3.3.2> and
//! <https://datatracker.ietf.org/doc/html/draft-cavage-http-signatures-12>

use std::fmt;

use rand_core::CryptoRng;
use rsa::pkcs1::{DecodeRsaPrivateKey, DecodeRsaPublicKey, LineEnding};
use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey, Document, EncodePrivateKey, EncodePublicKey};
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::server_key::RsaRng;
use crate::{BadSignature, VerifyKey};

/// The modulus of keys that are made here; the smallest that is taken from others.
const BITS: usize = 2048;
/// The largest modulus that is taken: what a stranger's signature may cost.
const BITS_MAX: usize = 4096;
/// The longest PEM that is looked at; a key of 4096 bits takes 800 bytes.
const PEM_BYTES_MAX: usize = 4096;
/// The longest multikey that is looked at; Ed25519 takes 48.
const MULTIKEY_BYTES_MAX: usize = 64;

/// What stands before a SHA-256 in a PKCS#1 v1.5 signature: DER of `DigestInfo`.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc8017#section-9.2>, note 1
const SHA256_PREFIX: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];

/// What stands before an Ed25519 key in a `SubjectPublicKeyInfo`.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc8410#section-4>
const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// `ed25519-pub` in the table of multicodecs, as a varint.
const ED25519_MULTICODEC: [u8; 2] = [0xed, 0x01];

/// Why a key was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpKeyError {
    /// No key in a form that is known, or its numbers contradict each other.
    #[error("no key for HTTP signatures")]
    Format,
    /// RSA, but too small to trust or too large to work with.
    #[error("an RSA modulus of {0} bits, wanted are 2048 to 4096")]
    Size(usize),
}

/// An actor's RSA key. Wiped on drop.
pub struct HttpSigningKey(RsaPrivateKey);

impl HttpSigningKey {
    /// Makes a key of 2048 bits, as every server can read: up to a second.
    ///
    /// # Errors
    /// [`HttpKeyError::Format`] if the generator of primes gives up, which no real randomness causes.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Result<Self, HttpKeyError> {
        RsaPrivateKey::new(&mut RsaRng(rng), BITS).map_err(|_| HttpKeyError::Format).and_then(take)
    }

    /// Reads PKCS#8 (`BEGIN PRIVATE KEY`), as [`HttpSigningKey::to_pkcs8_pem`] writes it, or PKCS#1.
    ///
    /// # Errors
    /// See [`HttpKeyError`].
    pub fn from_pem(pem: &str) -> Result<Self, HttpKeyError> {
        RsaPrivateKey::from_pkcs8_pem(pem)
            .or_else(|_| RsaPrivateKey::from_pkcs1_pem(pem).map_err(|_| HttpKeyError::Format))
            .and_then(take)
    }

    /// The key as PKCS#8 PEM, for sealing at rest and for a hand-over.
    ///
    /// # Errors
    /// [`HttpKeyError::Format`] if the key does not encode; a key that was accepted does.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, HttpKeyError> {
        self.0.to_pkcs8_pem(LineEnding::LF).map_err(|_| HttpKeyError::Format)
    }

    /// The public half as SPKI PEM (`BEGIN PUBLIC KEY`): an actor's `publicKeyPem`.
    ///
    /// # Errors
    /// As [`HttpSigningKey::to_pkcs8_pem`].
    pub fn public_pem(&self) -> Result<String, HttpKeyError> {
        self.0.to_public_key().to_public_key_pem(LineEnding::LF).map_err(|_| HttpKeyError::Format)
    }

    /// The public half.
    pub fn public(&self) -> HttpVerifyKey {
        HttpVerifyKey::Rsa(self.0.to_public_key())
    }

    /// Signs with `rsa-v1_5-sha256`: about a millisecond, so not on a thread that serves others.
    ///
    /// The private operation is blinded (`rsa` 0.9 is not constant-time, RUSTSEC-2023-0071) and its
    /// result checked; the same message always gets the same signature.
    ///
    /// # Errors
    /// [`BadSignature`] if the result does not check, which is a fault of the machine.
    pub fn sign<R: CryptoRng + ?Sized>(
        &self,
        message: &[u8],
        rng: &mut R,
    ) -> Result<Vec<u8>, BadSignature> {
        let hash = Sha256::digest(message);
        self.0.sign_with_rng(&mut RsaRng(rng), padding(), &hash).map_err(|_| BadSignature)
    }
}

impl fmt::Debug for HttpSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpSigningKey")
    }
}

/// A key of another server's actor.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpVerifyKey {
    /// RSA of 2048 to 4096 bits.
    Rsa(RsaPublicKey),
    /// Ed25519.
    Ed25519(VerifyKey),
}

impl HttpVerifyKey {
    /// Reads SPKI (`BEGIN PUBLIC KEY`, RSA or Ed25519) or PKCS#1 (`BEGIN RSA PUBLIC KEY`).
    ///
    /// # Errors
    /// See [`HttpKeyError`].
    pub fn from_pem(pem: &str) -> Result<Self, HttpKeyError> {
        // Some servers indent the lines or leave blanks behind: what is no key is told below.
        if pem.len() > PEM_BYTES_MAX {
            return Err(HttpKeyError::Format);
        }
        let pem = pem.trim();
        if let Ok(key) =
            RsaPublicKey::from_public_key_pem(pem).or_else(|_| RsaPublicKey::from_pkcs1_pem(pem))
        {
            check_size(&key)?;
            return Ok(Self::Rsa(key));
        }
        let (_, document) = Document::from_pem(pem).map_err(|_| HttpKeyError::Format)?;
        let key =
            document.as_bytes().strip_prefix(&ED25519_SPKI).and_then(|key| key.try_into().ok());
        key.map(|key| Self::Ed25519(VerifyKey::from_bytes(key))).ok_or(HttpKeyError::Format)
    }

    /// Reads `publicKeyMultibase` of a `Multikey`: Ed25519 in base58 (`z6Mk…`).
    ///
    /// Source: <https://www.w3.org/TR/cid-1.0/#Multikey>
    ///
    /// # Errors
    /// [`HttpKeyError::Format`].
    pub fn from_multikey(text: &str) -> Result<Self, HttpKeyError> {
        let digits = text.strip_prefix('z').filter(|text| text.len() <= MULTIKEY_BYTES_MAX);
        let bytes = digits.and_then(|digits| bs58::decode(digits).into_vec().ok());
        let key = bytes.as_deref().and_then(|bytes| bytes.strip_prefix(&ED25519_MULTICODEC));
        let key = key.and_then(|key| key.try_into().ok()).ok_or(HttpKeyError::Format)?;
        Ok(Self::Ed25519(VerifyKey::from_bytes(key)))
    }

    /// Checks a signature: `rsa-v1_5-sha256` or `ed25519`, whichever the key is for.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        match self {
            Self::Rsa(key) => {
                key.verify(padding(), &Sha256::digest(message), signature).map_err(|_| BadSignature)
            }
            Self::Ed25519(key) => {
                key.verify_strict(message, signature.try_into().map_err(|_| BadSignature)?)
            }
        }
    }
}

impl fmt::Debug for HttpVerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa(_) => "HttpVerifyKey(RSA)",
            Self::Ed25519(_) => "HttpVerifyKey(Ed25519)",
        })
    }
}

fn padding() -> Pkcs1v15Sign {
    Pkcs1v15Sign { hash_len: Some(32), prefix: Box::new(SHA256_PREFIX) }
}

fn take(mut key: RsaPrivateKey) -> Result<HttpSigningKey, HttpKeyError> {
    check_size(&key)?;
    key.validate().and_then(|()| key.precompute()).map_err(|_| HttpKeyError::Format)?;
    Ok(HttpSigningKey(key))
}

fn check_size(key: &impl PublicKeyParts) -> Result<(), HttpKeyError> {
    match key.n().bits() {
        BITS..=BITS_MAX => Ok(()),
        bits => Err(HttpKeyError::Size(bits)),
    }
}

#[cfg(test)]
mod tests;
