//! Arithmetic modulo the published safe prime, in constant time: what DH and SRP share.

use std::sync::LazyLock;

use crypto_bigint::modular::{ConstMontyForm, ConstMontyParams};
use crypto_bigint::{U2048, const_monty_params};
use subtle::{
    Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater, ConstantTimeLess,
};
use zeroize::Zeroizing;

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
fn generator() -> Element {
    Element::new(&U2048::from_u32(GENERATOR))
}

/// Blocks that the digits of an exponent are dealt into; each has a row of powers.
const BLOCKS: usize = 64;
/// Digits of 4 bits in a block: 64 blocks of 8 digits are 2048 bits.
const BLOCK_DIGITS: usize = 8;
/// Row i, column d: g^(d * 16^(8i)). 256 KB, which fits a core's cache.
type Powers = Box<[[U2048; 16]]>;

/// g^exponent in constant time, five times faster than [`Element::pow`].
///
/// The base is always g, so its powers are known beforehand: with the digits d of the exponent in
/// base 16, g^exponent is the product of g^(d_k * 16^k). Digit j of all blocks is multiplied up from
/// the highest j down, with four squarings between: 512 multiplications and 28 squarings in place of
/// 512 and 2048. Each look-up reads its whole row, so the memory touched does not tell the digit.
/// Source: Lim and Lee, "More flexible exponentiation with precomputation", CRYPTO 1994.
pub(crate) fn generator_pow(exponent: &U2048) -> Element {
    static POWERS: LazyLock<Powers> = LazyLock::new(generator_powers);
    let bytes = Zeroizing::new(to_be(exponent));
    let digit = |k: usize| {
        let byte = bytes.iter().rev().nth(k / 2).copied().unwrap_or(0);
        if k.is_multiple_of(2) { byte & 15 } else { byte >> 4 }
    };
    let mut result = Element::ONE;
    for j in (0..BLOCK_DIGITS).rev() {
        for _ in 0..4 {
            result = result.square();
        }
        for (block, row) in POWERS.iter().enumerate() {
            let wanted = digit(block * BLOCK_DIGITS + j);
            let mut power = row[0];
            for (d, entry) in (0_u8..).zip(row) {
                power.conditional_assign(entry, d.ct_eq(&wanted));
            }
            result *= Element::from_montgomery(power);
        }
    }
    result
}

fn generator_powers() -> Powers {
    let mut base = generator();
    let rows = (0..BLOCKS).map(|_| {
        let mut power = Element::ONE;
        let row = std::array::from_fn(|_| {
            let entry = power.to_montgomery();
            power *= base;
            entry
        });
        for _ in 0..4 * BLOCK_DIGITS {
            base = base.square();
        }
        row
    });
    rows.collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::seeded;
    use rand_core::Rng;

    /// Every digit at every place, the ends, and random exponents.
    #[test]
    fn powers_of_the_generator_are_those_of_the_general_way() {
        let mut exponents = vec![U2048::ZERO, U2048::ONE, U2048::MAX];
        exponents.extend((0..16).map(|d| U2048::MAX.wrapping_sub(&U2048::from_u8(d))));
        exponents.extend([1, 4, 31, 32, 33, 1024, 2047].map(|bit| U2048::ONE.shl_vartime(bit)));
        let mut rng = seeded(1);
        for _ in 0..20 {
            let mut bytes = [0; 256];
            rng.fill_bytes(&mut bytes);
            exponents.push(U2048::from_be_slice(&bytes));
        }
        for exponent in exponents {
            assert_eq!(generator_pow(&exponent), generator().pow(&exponent), "{exponent:?}");
        }
    }
}
