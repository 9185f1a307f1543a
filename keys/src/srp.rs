//! SRP: proves that a client knows the 2FA password without sending it.
//!
//! The group is the DH prime with g = 3; H is SHA-256; every number is hashed as 256 bytes,
//! big-endian. The server keeps only v = g^x and the two salts.
//!
//! Source: <https://core.telegram.org/api/srp>

use std::fmt;

use crypto_bigint::U2048;
use pbkdf2::pbkdf2_hmac;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::modulus::{self, Element, from_be, generator_pow, in_safe_range, to_be};

/// Rounds of PBKDF2, fixed by the name of the algorithm that clients are told.
const PBKDF2_ROUNDS: u32 = 100_000;

/// Why a proof was not accepted. Towards the client both are `PASSWORD_HASH_INVALID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SrpError {
    /// A or v is 0, too long, or nearer than 2^(2048-64) to 0 or to p.
    #[error("public value out of range")]
    OutOfRange,
    /// The client does not know the password.
    #[error("wrong password proof")]
    WrongProof,
}

/// What the server keeps of a password.
#[derive(Clone)]
pub struct Verifier {
    salt1: Vec<u8>,
    salt2: Vec<u8>,
    v: U2048,
}

impl Verifier {
    /// Takes what `account.updatePasswordSettings` brings: both salts of the algorithm, and
    /// `new_password_hash` = v, at most 256 bytes, big-endian.
    ///
    /// # Errors
    /// [`SrpError::OutOfRange`].
    pub fn new(salt1: &[u8], salt2: &[u8], v: &[u8]) -> Result<Self, SrpError> {
        let v = from_be(v).ok_or(SrpError::OutOfRange)?;
        if !bool::from(in_safe_range(&v)) {
            return Err(SrpError::OutOfRange);
        }
        Ok(Self { salt1: salt1.to_vec(), salt2: salt2.to_vec(), v })
    }

    /// v, 256 bytes, big-endian, for sealing at rest.
    pub fn v(&self) -> Zeroizing<[u8; 256]> {
        Zeroizing::new(to_be(&self.v))
    }

    /// `salt1` of the algorithm.
    pub fn salt1(&self) -> &[u8] {
        &self.salt1
    }

    /// `salt2` of the algorithm.
    pub fn salt2(&self) -> &[u8] {
        &self.salt2
    }
}

impl Drop for Verifier {
    fn drop(&mut self) {
        self.v.zeroize();
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

/// One question to one client: good for one answer.
pub struct Challenge {
    verifier: Verifier,
    b: Box<U2048>,
    srp_b: Box<[u8; 256]>,
}

impl Challenge {
    /// Draws b and computes `srp_B` = k·v + g^b: some milliseconds.
    pub fn new<R: CryptoRng + ?Sized>(verifier: Verifier, rng: &mut R) -> Self {
        let mut bytes = Zeroizing::new([0; 256]);
        loop {
            rng.fill_bytes(bytes.as_mut_slice());
            let b = Box::new(U2048::from_be_slice(bytes.as_slice()));
            let g_b = generator_pow(&b);
            let public = (k() * Element::new(&verifier.v) + g_b).retrieve();
            // Clients check both, g^b after subtracting k·v.
            if (in_safe_range(&public) & in_safe_range(&g_b.retrieve())).into() {
                return Self { verifier, b, srp_b: Box::new(to_be(&public)) };
            }
        }
    }

    /// `srp_B`, 256 bytes, big-endian.
    pub fn srp_b(&self) -> &[u8; 256] {
        &self.srp_b
    }

    /// Checks `inputCheckPasswordSRP`: A (at most 256 bytes) and M1. Some milliseconds; the range of
    /// A is checked before, M1 is compared in constant time. The challenge is gone afterwards.
    ///
    /// # Errors
    /// See [`SrpError`].
    pub fn check(self, a: &[u8], m1: &[u8; 32]) -> Result<(), SrpError> {
        let a = from_be(a).ok_or(SrpError::OutOfRange)?;
        if !bool::from(in_safe_range(&a)) {
            return Err(SrpError::OutOfRange);
        }
        let a_bytes = to_be(&a);
        let u = hash_number(&[&a_bytes, &self.srp_b[..]]);
        let base = Element::new(&a) * Element::new(&self.verifier.v).pow_bounded_exp(&u, 256);
        let mut shared = base.pow(&self.b).retrieve();
        let Verifier { salt1, salt2, .. } = &self.verifier;
        let expected = proof(salt1, salt2, &a_bytes, &self.srp_b, &shared);
        shared.zeroize();
        if expected.ct_eq(m1).into() { Ok(()) } else { Err(SrpError::WrongProof) }
    }
}

impl Drop for Challenge {
    fn drop(&mut self) {
        self.b.zeroize();
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge").finish_non_exhaustive()
    }
}

/// The client's side: x = PH2(password), some tens of milliseconds. For load tools and tests.
pub fn password_hash(password: &[u8], salt1: &[u8], salt2: &[u8]) -> Zeroizing<[u8; 32]> {
    let ph1 = salted(&*salted(password, salt1), salt2);
    let mut stretched = Zeroizing::new([0; 64]);
    pbkdf2_hmac::<Sha512>(ph1.as_slice(), salt1, PBKDF2_ROUNDS, stretched.as_mut_slice());
    salted(stretched.as_slice(), salt2)
}

/// The client's side: v = g^x, what `new_password_hash` carries. For load tools and tests.
pub fn verifier_value(x: &[u8; 32]) -> [u8; 256] {
    to_be(&generator_pow(&exponent(x)).retrieve())
}

/// The client's side: A and M1 for a server's `srp_B`; `None` if `srp_B` is too long.
/// For load tools and tests.
pub fn answer<R: CryptoRng + ?Sized>(
    x: &[u8; 32],
    salt1: &[u8],
    salt2: &[u8],
    srp_b: &[u8],
    rng: &mut R,
) -> Option<([u8; 256], [u8; 32])> {
    let b = from_be(srp_b)?;
    let mut bytes = Zeroizing::new([0; 256]);
    rng.fill_bytes(bytes.as_mut_slice());
    let a = U2048::from_be_slice(bytes.as_slice());
    let a_bytes = to_be(&generator_pow(&a).retrieve());
    let u = hash_number(&[&a_bytes, &to_be(&b)]);
    let x = exponent(x);
    let t = Element::new(&b) - k() * generator_pow(&x);
    // t^(a + u·x), in two steps because the sum does not fit 2048 bits.
    let shared = t.pow(&a) * t.pow(&u).pow(&x);
    let m1 = proof(salt1, salt2, &a_bytes, &to_be(&b), &shared.retrieve());
    Some((a_bytes, m1))
}

/// SH(data, salt) = H(salt ++ data ++ salt).
fn salted(data: &[u8], salt: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(hash(&[salt, data, salt]))
}

/// k = H(p ++ g).
fn k() -> Element {
    Element::new(&hash_number(&[
        &to_be(modulus::prime()),
        &to_be(&U2048::from_u32(modulus::GENERATOR)),
    ]))
}

/// M1 = H(H(p) xor H(g) ++ H(salt1) ++ H(salt2) ++ A ++ B ++ H(shared)).
fn proof(salt1: &[u8], salt2: &[u8], a: &[u8; 256], b: &[u8; 256], shared: &U2048) -> [u8; 32] {
    let mut group = hash(&[&to_be(modulus::prime())]);
    let g = hash(&[&to_be(&U2048::from_u32(modulus::GENERATOR))]);
    group.iter_mut().zip(g).for_each(|(to, byte)| *to ^= byte);
    let k_a = Zeroizing::new(hash(&[Zeroizing::new(to_be(shared)).as_slice()]));
    hash(&[&group, &hash(&[salt1]), &hash(&[salt2]), a, b, k_a.as_slice()])
}

fn hash_number(parts: &[&[u8]]) -> U2048 {
    exponent(&hash(parts))
}

fn exponent(bytes: &[u8; 32]) -> U2048 {
    from_be(bytes).unwrap_or(U2048::ZERO)
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

#[cfg(test)]
mod tests;
