//! Arithmetic modulo the published safe prime, in constant time: what DH and SRP share.

use crypto_bigint::modular::{ConstMontyForm, ConstMontyParams};
use crypto_bigint::{U2048, const_monty_params};
use subtle::{Choice, ConstantTimeGreater, ConstantTimeLess};

const_monty_params!(
    DhPrime,
    U2048,
    "c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f\
     48198a0aa7c14058229493d22530f4dbfa336f6e0ac925139543aed44cce7c37\
     20fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f64\
     2477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4\
     a4a695811051907e162753b56b0f6b410dba74d8a84b2a14b3144e0ef1284754\
     fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4\
     e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f\
     0d8115f635b105ee2e4e15d04b2454bf6f4fadf034b10403119cd8e3b92fcc5b",
    "The 2048-bit safe prime that Telegram's servers have used since 2013; clients know it by heart."
);

/// A number modulo the prime, in Montgomery form.
pub(crate) type Element = ConstMontyForm<DhPrime, { U2048::LIMBS }>;

/// The generator: 3 generates the subgroup of prime order (p-1)/2, because p mod 3 = 2.
pub(crate) const GENERATOR: u32 = 3;

/// 2^(2048-64): closer to 0 or to p than this no honest public value ever comes.
const MARGIN: U2048 = U2048::ONE.shl_vartime(2048 - 64);

pub(crate) fn prime() -> &'static U2048 {
    static PRIME: U2048 =
        *<DhPrime as ConstMontyParams<{ U2048::LIMBS }>>::PARAMS.modulus().as_ref();
    &PRIME
}

/// The generator as an element.
pub(crate) fn generator() -> Element {
    Element::new(&U2048::from_u32(GENERATOR))
}

/// A big-endian number of at most 256 bytes; `None` if it is longer.
pub(crate) fn from_be(bytes: &[u8]) -> Option<U2048> {
    let mut padded = [0; 256];
    let start = padded.len().checked_sub(bytes.len())?;
    padded.get_mut(start..)?.copy_from_slice(bytes);
    Some(U2048::from_be_slice(&padded))
}

/// 256 bytes, big-endian.
pub(crate) fn to_be(number: &U2048) -> [u8; 256] {
    let mut bytes = [0; 256];
    let digits = number.as_limbs().iter().rev().flat_map(|limb| limb.0.to_be_bytes());
    for (to, from) in bytes.iter_mut().zip(digits) {
        *to = from;
    }
    bytes
}

/// Whether a public value is at least 2^1984 away from both 0 and p.
///
/// This includes 1 < value < p-1. Source:
/// <https://core.telegram.org/mtproto/auth_key#presenting-proof-of-work-server-authentication>
pub(crate) fn in_safe_range(number: &U2048) -> Choice {
    let upper = prime().wrapping_sub(&MARGIN);
    !number.ct_lt(&MARGIN) & !number.ct_gt(&upper)
}
