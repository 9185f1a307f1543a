//! The proof of work of the key exchange: a product of two primes that the client must factor.

use rand_core::CryptoRng;

/// A composite with its factors; `p < q`, both primes of 31 bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pq {
    /// The product, between 2^60 and 2^62: always 8 bytes, and positive as a signed number too.
    pub pq: u64,
    /// The smaller factor.
    pub p: u32,
    /// The greater factor.
    pub q: u32,
}

impl std::fmt::Debug for Pq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pq").field("pq", &self.pq).finish_non_exhaustive()
    }
}

/// Draws two different primes of 31 bits: some microseconds.
///
/// Telegram's numbers have the same size; clients take about a millisecond to factor one, so
/// freshness costs us less than it costs them.
pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Pq {
    let a = random_prime(rng);
    let b = loop {
        let b = random_prime(rng);
        if b != a {
            break b;
        }
    };
    let (p, q) = (a.min(b), a.max(b));
    Pq { pq: u64::from(p) * u64::from(q), p, q }
}

fn random_prime<R: CryptoRng + ?Sized>(rng: &mut R) -> u32 {
    loop {
        // Bits 30 and 0 are set: 31 bits, odd. One in ten such numbers is prime.
        let candidate = rng.next_u32() >> 1 | 1 << 30 | 1;
        if is_prime(u64::from(candidate)) {
            return candidate;
        }
    }
}

/// Splits a product of two different primes below 2^32; `None` for anything else.
///
/// For clients: load tools and tests. Pollard's rho in Brent's form, about a millisecond.
pub fn factor(pq: u64) -> Option<(u32, u32)> {
    if pq < 4 || is_prime(pq) {
        return None;
    }
    let factor = if pq.is_multiple_of(2) { 2 } else { (1..64).find_map(|c| brent(pq, c))? };
    let (p, q) = (factor.min(pq / factor), factor.max(pq / factor));
    let (p, q) = (u32::try_from(p).ok()?, u32::try_from(q).ok()?);
    (p != q && is_prime(p.into()) && is_prime(q.into())).then_some((p, q))
}

/// One walk of x -> x^2 + c; the differences are multiplied up, 128 for each gcd.
fn brent(n: u64, c: u64) -> Option<u64> {
    const BATCH: u64 = 128;
    let step = |x: u64| (mul_mod(x, x, n) + c) % n;
    let (mut y, mut r, mut product) = (2, 1_u64, 1);
    // The walk closes after about sqrt(p) < 2^16 steps; 2^22 is beyond any bad luck.
    while r < 1 << 22 {
        let x = y;
        (0..r).for_each(|_| y = step(y));
        let mut done = 0;
        while done < r {
            let start = y;
            for _ in 0..BATCH.min(r - done) {
                y = step(y);
                product = mul_mod(product, x.abs_diff(y), n);
            }
            let mut divisor = gcd(product, n);
            if divisor == n {
                // Both factors fell into one batch: walk it again, one step at a time.
                y = start;
                divisor = 1;
                while divisor == 1 {
                    y = step(y);
                    divisor = gcd(x.abs_diff(y), n);
                }
            }
            if divisor != 1 {
                return (divisor != n).then_some(divisor);
            }
            done += BATCH;
        }
        r *= 2;
    }
    None
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn mul_mod(a: u64, b: u64, n: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(n)) as u64
}

fn pow_mod(mut base: u64, mut exponent: u64, n: u64) -> u64 {
    let mut result = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = mul_mod(result, base, n);
        }
        base = mul_mod(base, base, n);
        exponent >>= 1;
    }
    result
}

/// Miller–Rabin with the bases 2, 3, …, 37, which is exact for every u64.
///
/// Source: Sorenson and Webster, "Strong pseudoprimes to twelve prime bases", 2015.
fn is_prime(n: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    if n < 2 {
        return false;
    }
    if let Some(divisor) = BASES.iter().find(|base| n.is_multiple_of(**base)) {
        return n == *divisor;
    }
    let twos = (n - 1).trailing_zeros();
    // Below 3 215 031 751 the first four bases are enough (Jaeschke 1993): ours are below 2^31.
    let bases = if n < 1 << 31 { &BASES[..4] } else { &BASES[..] };
    bases.iter().all(|&base| {
        let mut x = pow_mod(base, (n - 1) >> twos, n);
        (x == 1 || x == n - 1)
            || (1..twos).any(|_| {
                x = mul_mod(x, x, n);
                x == n - 1
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::seeded;

    #[test]
    fn generated_numbers_are_products_of_two_different_31_bit_primes() {
        let mut rng = seeded(1);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..200 {
            let Pq { pq, p, q } = generate(&mut rng);
            assert!(p < q && p >= 1 << 30 && q < 1 << 31);
            assert_eq!(pq, u64::from(p) * u64::from(q));
            assert_eq!(factor(pq), Some((p, q)));
            assert!(seen.insert(pq), "{pq} came twice");
        }
    }

    /// The number of the published sample exchange.
    /// Source: <https://core.telegram.org/mtproto/samples-auth_key>
    #[test]
    fn published_sample_factors() {
        assert_eq!(factor(0x17ED_4894_1A08_F981), Some((0x494C_553B, 0x5391_1073)));
    }

    /// Numbers that fool weaker tests, listed in OEIS A014233 (strong pseudoprimes to the first n
    /// prime bases), and the primes next to powers of two.
    #[test]
    fn primality_is_exact_where_weaker_tests_fail() {
        for composite in [
            0,
            1,
            2047,
            1_373_653,
            25_326_001,
            3_215_031_751,
            2_152_302_898_747,
            3_474_749_660_383,
            341_550_071_728_321,
            3_825_123_056_546_413_051,
        ] {
            assert!(!is_prime(composite), "{composite}");
        }
        for prime in [2, 3, 37, 41, (1 << 31) - 1, 4_294_967_291, (1 << 61) - 1, u64::MAX - 58] {
            assert!(is_prime(prime), "{prime}");
        }
        let sieve =
            |n: u64| n > 1 && (2..n).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
        assert!((0..5000).all(|n| is_prime(n) == sieve(n)));
    }

    #[test]
    fn other_numbers_do_not_factor() {
        for n in [0, 1, 2, 3, 49, 97, 30, u64::MAX, (1 << 61) - 1, 4_294_967_291 * 4_294_967_291] {
            assert_eq!(factor(n), None, "{n}");
        }
        assert_eq!(factor(6), Some((2, 3)));
        assert_eq!(factor(15), Some((3, 5)));
    }
}
