//! The RSA-2048 key that names a server to Telegram clients.
//!
//! Clients carry the public half, or its fingerprint, in their source; the node prints both.

use std::fmt;

use rand_core::CryptoRng;
use rsa::pkcs1::{
    DecodeRsaPrivateKey, DecodeRsaPublicKey, EncodeRsaPrivateKey, EncodeRsaPublicKey, LineEnding,
};
use rsa::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey};
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPrivateKey, RsaPublicKey};
use sha1::{Digest, Sha1};
use subtle::{Choice, ConstantTimeLess};
use zeroize::Zeroizing;

use crate::modulus;
use crate::rsa_padding::{self, InnerData, OLD_DATA_BYTES_MAX, RSA_PAD_DATA_BYTES_MAX};

/// The size of the modulus: clients expect 256 bytes.
const BITS: usize = 2048;

/// Why a key file was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// Neither PKCS#1 nor PKCS#8 in PEM, or its numbers contradict each other.
    #[error("no RSA key in PEM (PKCS#1 or PKCS#8)")]
    Format,
    /// RSA, but not of 2048 bits.
    #[error("the RSA modulus has {0} bits, Telegram clients need 2048")]
    Size(usize),
}

/// The client's `encrypted_data` does not decrypt to hashed inner data.
///
/// One value for every cause (at or above the modulus, wrong hash, wrong padding), on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("encrypted_data is not for this key")]
pub struct InnerDataError;

/// The public half of a server key: what a client knows.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(RsaPublicKey);

impl PublicKey {
    /// Reads PKCS#1 (`BEGIN RSA PUBLIC KEY`) or SPKI (`BEGIN PUBLIC KEY`).
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyFileError> {
        let key = RsaPublicKey::from_pkcs1_pem(pem)
            .or_else(|_| RsaPublicKey::from_public_key_pem(pem))
            .map_err(|_| KeyFileError::Format)?;
        check_size(&key)?;
        Ok(Self(key))
    }

    /// PKCS#1 PEM as clients' sources have it: 425 characters and a newline.
    pub fn to_pem(&self) -> String {
        self.0.to_pkcs1_pem(LineEnding::LF).unwrap_or_default()
    }

    /// `public_key_fingerprint`: the low 64 bits of SHA-1 of the TL strings n and e.
    ///
    /// Source: <https://core.telegram.org/mtproto/auth_key#dh-exchange-initiation>
    pub fn fingerprint(&self) -> i64 {
        let mut hash = Sha1::new();
        for number in [self.0.n(), self.0.e()] {
            hash.update(tl_bytes(&number.to_bytes_be()));
        }
        let hash: [u8; 20] = hash.finalize().into();
        let [_, _, _, _, _, _, _, _, _, _, _, _, low @ ..] = hash;
        i64::from_le_bytes(low)
    }

    /// The modulus n, 256 bytes, big-endian.
    pub fn modulus(&self) -> [u8; 256] {
        to_block(self.0.n())
    }

    /// The exponent e, big-endian, without leading zeros.
    pub fn exponent(&self) -> Vec<u8> {
        self.0.e().to_bytes_be()
    }

    /// Encrypts inner data with RSA_PAD, as clients since 2021 do; for load tools and tests.
    ///
    /// `None` if `data` is longer than 144 bytes.
    pub fn encrypt_rsa_pad<R: CryptoRng + ?Sized>(
        &self,
        data: &[u8],
        rng: &mut R,
    ) -> Option<[u8; 256]> {
        if data.len() > RSA_PAD_DATA_BYTES_MAX {
            return None;
        }
        loop {
            let block = rsa_padding::add_rsa_pad(data, rng);
            if let Some(encrypted) = self.encrypt_block(&block) {
                return Some(encrypted);
            }
        }
    }

    /// Encrypts inner data with the padding used before 2021; for load tools and tests.
    ///
    /// `None` if `data` is longer than 235 bytes.
    pub fn encrypt_sha1_pad<R: CryptoRng + ?Sized>(
        &self,
        data: &[u8],
        rng: &mut R,
    ) -> Option<[u8; 256]> {
        if data.len() > OLD_DATA_BYTES_MAX {
            return None;
        }
        self.encrypt_block(&rsa_padding::add_old(data, rng))
    }

    /// Bare RSA; `None` if the block is not below the modulus.
    fn encrypt_block(&self, block: &[u8; 256]) -> Option<[u8; 256]> {
        let number = BigUint::from_bytes_be(block);
        if number >= *self.0.n() {
            return None;
        }
        rsa::hazmat::rsa_encrypt(&self.0, &number).ok().map(|number| to_block(&number))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:016x})", self.fingerprint())
    }
}

/// A server's RSA-2048 key pair.
pub struct ServerKey {
    private: RsaPrivateKey,
    public: PublicKey,
    fingerprint: i64,
}

impl ServerKey {
    /// Makes a new key pair: about a second.
    ///
    /// # Errors
    /// [`KeyFileError::Format`] if the generator of primes gives up, which no real randomness causes.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Result<Self, KeyFileError> {
        loop {
            let key =
                RsaPrivateKey::new(&mut RsaRng(rng), BITS).map_err(|_| KeyFileError::Format)?;
            let key = Self::new(key)?;
            // mtcute stores a key under 16 hexadecimal digits of its fingerprint, but looks it up
            // without leading zeros: it would never find one key of sixteen.
            if key.fingerprint as u64 >> 60 != 0 {
                return Ok(key);
            }
        }
    }

    /// Reads PKCS#1 (`BEGIN RSA PRIVATE KEY`) or PKCS#8 (`BEGIN PRIVATE KEY`).
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyFileError> {
        let key = RsaPrivateKey::from_pkcs8_pem(pem)
            .or_else(|_| RsaPrivateKey::from_pkcs1_pem(pem).map_err(|_| KeyFileError::Format))?;
        Self::new(key)
    }

    fn new(mut private: RsaPrivateKey) -> Result<Self, KeyFileError> {
        check_size(&private)?;
        private.validate().and_then(|()| private.precompute()).map_err(|_| KeyFileError::Format)?;
        let public = PublicKey(private.to_public_key());
        let fingerprint = public.fingerprint();
        Ok(Self { private, public, fingerprint })
    }

    /// The private key as PKCS#8 PEM, the usual form today.
    ///
    /// # Errors
    /// [`KeyFileError::Format`] if the key does not encode; a key that was accepted does.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, KeyFileError> {
        self.private.to_pkcs8_pem(LineEnding::LF).map_err(|_| KeyFileError::Format)
    }

    /// The private key as PKCS#1 PEM, as `openssl genrsa -traditional` writes it.
    ///
    /// # Errors
    /// As [`ServerKey::to_pkcs8_pem`].
    pub fn to_pkcs1_pem(&self) -> Result<Zeroizing<String>, KeyFileError> {
        self.private.to_pkcs1_pem(LineEnding::LF).map_err(|_| KeyFileError::Format)
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// PKCS#1 PEM of the public half: 425 characters and a newline.
    pub fn public_pem(&self) -> String {
        self.public.to_pem()
    }

    /// `public_key_fingerprint` as `resPQ` lists it.
    pub fn fingerprint(&self) -> i64 {
        self.fingerprint
    }

    /// Decrypts the `encrypted_data` of `req_DH_params`, in either padding: about a millisecond.
    ///
    /// The private operation is blinded and its result checked against a computation fault. A value
    /// at or above the modulus takes the same path and fails at its end. The `rsa` crate's numbers
    /// are not constant-time (RUSTSEC-2023-0071), so the caller also pads the time of its answer.
    ///
    /// # Errors
    /// [`InnerDataError`], the same for every cause.
    pub fn decrypt_inner_data<R: CryptoRng + ?Sized>(
        &self,
        encrypted: &[u8; 256],
        rng: &mut R,
    ) -> Result<InnerData, InnerDataError> {
        let number = BigUint::from_bytes_be(encrypted);
        let below = below(encrypted, &self.public.modulus());
        let number = number % self.private.n();
        let rng = Some(&mut RsaRng(rng));
        let block = rsa::hazmat::rsa_decrypt_and_check(&self.private, rng, &number)
            .map(|number| Zeroizing::new(to_block(&number)))
            .map_err(|_| InnerDataError)?;
        rsa_padding::remove(&block, below).ok_or(InnerDataError)
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerKey({:016x})", self.fingerprint)
    }
}

fn check_size(key: &impl PublicKeyParts) -> Result<(), KeyFileError> {
    match key.n().bits() {
        BITS => Ok(()),
        bits => Err(KeyFileError::Size(bits)),
    }
}

/// Whether a is below b, in constant time.
fn below(a: &[u8; 256], b: &[u8; 256]) -> Choice {
    match (modulus::from_be(a), modulus::from_be(b)) {
        (Some(a), Some(b)) => a.ct_lt(&b),
        _ => Choice::from(0),
    }
}

/// 256 bytes, big-endian; a number below the modulus always fits.
fn to_block(number: &BigUint) -> [u8; 256] {
    let bytes = Zeroizing::new(number.to_bytes_le());
    let mut block = [0; 256];
    block.iter_mut().rev().zip(bytes.iter()).for_each(|(to, byte)| *to = *byte);
    block
}

/// A TL string: length (1 byte, or fe and 3 bytes) ++ bytes ++ zeros to a multiple of 4.
fn tl_bytes(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u32).to_le_bytes();
    let mut out = match bytes.len() {
        0..=253 => vec![length[0]],
        _ => vec![254, length[0], length[1], length[2]],
    };
    out.extend_from_slice(bytes);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// The generator as the `rsa` crate wants it: the traits of rand_core 0.6.
pub(crate) struct RsaRng<'a, R: ?Sized>(pub(crate) &'a mut R);

impl<R: CryptoRng + ?Sized> rsa::rand_core::RngCore for RsaRng<'_, R> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, to: &mut [u8]) {
        self.0.fill_bytes(to);
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.0.fill_bytes(to);
        Ok(())
    }
}

impl<R: CryptoRng + ?Sized> rsa::rand_core::CryptoRng for RsaRng<'_, R> {}

#[cfg(test)]
mod tests;
