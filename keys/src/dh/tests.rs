use super::*;
use crate::testing::{Recorded, seeded};

fn number(bits: &[(u32, bool)]) -> [u8; 256] {
    let mut value = U2048::ZERO;
    for (bit, plus) in bits {
        let power = U2048::ONE.shl_vartime(*bit);
        value = if *plus { value.wrapping_add(&power) } else { value.wrapping_sub(&power) };
    }
    modulus::to_be(&value)
}

#[test]
fn both_sides_agree() {
    let mut rng = seeded(1);
    let (a, b) = (DhSecret::generate(&mut rng), DhSecret::generate(&mut rng));
    assert_ne!(a.public(), b.public());
    let (g_a, g_b) = (check_public(a.public()).unwrap(), check_public(b.public()).unwrap());
    let (one, other) = (a.shared(&g_b), b.shared(&g_a));
    assert_eq!(one, other);
    assert_eq!(one.id(), other.id());
}

/// g = 3 fits p if p mod 3 = 2; p and (p-1)/2 are prime by Fermat's test to the bases 2, 3 and 5
/// (TDLib and every other client carry this prime as known to be good).
#[test]
fn prime_is_safe_and_g_fits_it() {
    use crypto_bigint::NonZero;
    use crypto_bigint::Odd;
    use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
    let p = *modulus::prime();
    let mod_3 = p.rem(&NonZero::new(U2048::from_u32(3)).unwrap());
    assert_eq!((G, mod_3), (3, U2048::from_u32(2)));
    for n in [p, p.wrapping_sub(&U2048::ONE).shr_vartime(1)] {
        let params = FixedMontyParams::new(Odd::new(n).unwrap());
        for base in [2, 3, 5] {
            let power = FixedMontyForm::new(&U2048::from_u32(base), &params)
                .pow(&n.wrapping_sub(&U2048::ONE))
                .retrieve();
            assert_eq!(power, U2048::ONE);
        }
    }
    assert_eq!(prime()[..4], [0xc7, 0x1c, 0xae, 0xb9]);
    assert_eq!(prime()[252..], [0xb9, 0x2f, 0xcc, 0x5b]);
}

#[test]
fn values_within_2_to_1984_of_either_end_are_refused() {
    let p = modulus::prime();
    let minus = |n: U2048| modulus::to_be(&p.wrapping_sub(&n));
    let margin = U2048::ONE.shl_vartime(1984);
    let outside = [
        [0; 256],
        number(&[(0, true)]),
        number(&[(1, true)]),
        number(&[(1984, true), (0, false)]),
        minus(U2048::ZERO),
        minus(U2048::ONE),
        minus(margin.wrapping_sub(&U2048::ONE)),
        [0xff; 256],
    ];
    for value in outside {
        assert_eq!(check_public(&value), Err(OutOfRange));
    }
    for value in [number(&[(1984, true)]), number(&[(2040, true)]), minus(margin)] {
        assert!(check_public(&value).is_ok());
    }
}

#[test]
fn leading_zeros_may_be_missing_but_not_added() {
    let value = number(&[(1990, true)]);
    let short = check_public(&value[7..]).unwrap();
    assert_eq!(short, check_public(&value).unwrap());
    assert_eq!(check_public(&[&[0][..], &value].concat()), Err(OutOfRange));
    assert_eq!(check_public(&[]), Err(OutOfRange));
}

/// pow(3, a, p) for a = 00 01 02 … ff.
const PYTHON_POWER: &str = "\
    4b016fd5d56188b846b2037539f666e912285d8ce21a14b5efa03c540c65557f\
    390c082b8dedbde648fc3441e749315f9d749188f4da189cab77efedbacdcd0e\
    db55a20c0d0b8100369e910b8506a49a3c35a21af301549d4542f2cdf2d4ae8f\
    6bc33d0509deb72fa7e3dc23513af89f52a38fe169c5378c5de5760f0ef30647\
    92691ec00a071fc3bbb90456d463cada51f8f9aa1d1746d996cd2d921b1a98db\
    5b5c3bea524ccad3f439f1120510115c8bf2b2e9814e2a40141f5aae3cd2c2b0\
    6a3640cd2e7c368096596dd1f8067bc3e397b3dd1bab1fb02ac56969be4e1582\
    9c9427c926341868522f6b86a604e64e8bf05beac38f0bf1c2248b6dbe4b1f90";

/// pow(pow(3, a, p), a, p).
const PYTHON_SHARED: &str = "\
    60bbc9f470b7253daddef12ae918b1e8da92d61fef69b6e7cbde14e320305b5c\
    f3560fdf22c128f09d7469a977873c42232267cd37e7dad4e138074063d86651\
    d501f9771274d5e99bdd10bebdf6be422081f708591b89aa2add85d809a8be0f\
    f32565fabe8dd07432cb580f857abd3c4790becf08221487bfe3c08b15fa8cff\
    d49e4dca54e6598a11656b87a706eac855055c67f14093baa824b84b6532457f\
    a41990b3f8b2487510655233266e0a7ac84f1d9e65568ef61622cc78d596ef7a\
    efef1fb1fce0bc8615e821e941d24c1022658dd4d863deb97a799cb6eae32683\
    4714b07005783761d59eac056af53a7848ea1cd608a778aaa56f35192d21ef2d";

/// A known exponent gives the power that Python's `pow(3, a, p)` gives.
#[test]
fn known_exponent_gives_the_known_power() {
    let exponent: Vec<u8> = (0..=255).collect();
    let secret = DhSecret::generate(&mut Recorded(&exponent));
    let python = crate::testing::hex(PYTHON_POWER);
    assert_eq!(secret.public()[..], python);
    let shared = secret.shared(&check_public(&python).unwrap());
    assert_eq!(shared.secret_bytes()[..], crate::testing::hex(PYTHON_SHARED));
}

#[test]
fn pool_is_bounded_and_gives_each_exponent_once() {
    let mut rng = seeded(2);
    let mut pool = Pool::new(2);
    assert!(pool.is_empty() && pool.try_take().is_none());
    assert!(pool.refill(&mut rng) && pool.refill(&mut rng));
    assert!(!pool.refill(&mut rng) && pool.is_full());
    assert!(!pool.push(DhSecret::generate(&mut rng)));
    let taken: std::collections::HashSet<_> =
        (0..3).map(|_| *pool.take(&mut rng).public()).collect();
    assert_eq!((taken.len(), pool.len()), (3, 0));
}

#[test]
fn debug_hides_the_exponent() {
    assert_eq!(format!("{:?}", DhSecret::generate(&mut seeded(3))), "DhSecret { .. }");
}
