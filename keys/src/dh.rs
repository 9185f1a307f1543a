//! Diffie–Hellman modulo the published safe prime: how an auth key is agreed upon.
//!
//! Exponents have the full 2048 bits that the protocol's text asks for. Exponentiation takes the
//! same time for every exponent of that size (crypto-bigint); powers of g come from a table.
//!
//! Source: <https://core.telegram.org/mtproto/auth_key#6-server-responds-with>

use std::fmt;

use crypto_bigint::U2048;
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

use crate::AuthKey;
use crate::modulus::{self, Element};

/// The generator g.
pub const G: i32 = modulus::GENERATOR as i32;

/// The prime p, 256 bytes, big-endian.
pub fn prime() -> [u8; 256] {
    modulus::to_be(modulus::prime())
}

/// A public value g^x of the other side that passed the range check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicValue(U2048);

/// A public value is longer than 256 bytes, or nearer than 2^(2048-64) to 0 or to p.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("public value out of range")]
pub struct OutOfRange;

/// Checks the other side's public value: `bytes` is big-endian, leading zeros may be missing.
///
/// The margin is 2^(2048-64) at both ends; 0, 1 and p-1 are outside of it too. Cheap, so it comes
/// before any exponentiation.
///
/// # Errors
/// [`OutOfRange`]: the exchange ends.
pub fn check_public(bytes: &[u8]) -> Result<PublicValue, OutOfRange> {
    let number = modulus::from_be(bytes).ok_or(OutOfRange)?;
    if modulus::in_safe_range(&number).into() { Ok(PublicValue(number)) } else { Err(OutOfRange) }
}

/// A secret exponent a, with its public value g^a. Used for one auth key.
pub struct DhSecret {
    exponent: Box<U2048>,
    public: Box<[u8; 256]>,
}

impl DhSecret {
    /// Draws an exponent of 2048 random bits and computes g^a: about a millisecond.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut bytes = Zeroizing::new([0; 256]);
        loop {
            rng.fill_bytes(bytes.as_mut_slice());
            let exponent = Box::new(U2048::from_be_slice(bytes.as_slice()));
            let public = modulus::generator_pow(&exponent).retrieve();
            // Out of range once in 2^63 draws; clients would refuse such a value.
            if modulus::in_safe_range(&public).into() {
                return Self { exponent, public: Box::new(modulus::to_be(&public)) };
            }
        }
    }

    /// g^a, 256 bytes, big-endian.
    pub fn public(&self) -> &[u8; 256] {
        &self.public
    }

    /// The auth key g^(ab): some milliseconds. The exponent is wiped.
    pub fn shared(self, other: &PublicValue) -> AuthKey {
        self.shared_again(other)
    }

    /// Like [`DhSecret::shared`], but keeps the exponent: after `dh_gen_retry` both sides go on from
    /// the same g_a.
    pub fn shared_again(&self, other: &PublicValue) -> AuthKey {
        let mut number = Element::new(&other.0).pow(&self.exponent).retrieve();
        let key = AuthKey::new(Box::new(Zeroizing::new(modulus::to_be(&number))));
        number.zeroize();
        key
    }
}

impl Drop for DhSecret {
    fn drop(&mut self) {
        self.exponent.zeroize();
    }
}

impl fmt::Debug for DhSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DhSecret").finish_non_exhaustive()
    }
}

/// Secret exponents made in idle time: takes g^a off the path of a new auth key.
///
/// Somebody who has nothing else to do fills it with [`Pool::refill`]; each exponent leaves it once.
/// Around a lock, make the exponent outside: `if !pool.is_full() { … DhSecret::generate … push }`.
#[derive(Debug)]
pub struct Pool {
    ready: Vec<DhSecret>,
    capacity: usize,
}

impl Pool {
    /// An empty pool that holds at most `capacity` exponents of about 600 bytes each.
    pub fn new(capacity: usize) -> Self {
        Self { ready: Vec::with_capacity(capacity), capacity }
    }

    /// How many exponents are ready.
    pub fn len(&self) -> usize {
        self.ready.len()
    }

    /// Whether none is ready.
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Whether there is nothing to refill.
    pub fn is_full(&self) -> bool {
        self.ready.len() >= self.capacity
    }

    /// Makes one exponent unless the pool is full; returns whether it made one.
    pub fn refill<R: CryptoRng + ?Sized>(&mut self, rng: &mut R) -> bool {
        !self.is_full() && self.push(DhSecret::generate(rng))
    }

    /// Adds an exponent made elsewhere; a full pool drops it and returns false.
    pub fn push(&mut self, secret: DhSecret) -> bool {
        let room = !self.is_full();
        if room {
            self.ready.push(secret);
        }
        room
    }

    /// Takes an exponent that is ready.
    pub fn try_take(&mut self) -> Option<DhSecret> {
        self.ready.pop()
    }

    /// Takes an exponent that is ready, or makes one.
    pub fn take<R: CryptoRng + ?Sized>(&mut self, rng: &mut R) -> DhSecret {
        self.try_take().unwrap_or_else(|| DhSecret::generate(rng))
    }
}

#[cfg(test)]
mod tests;
