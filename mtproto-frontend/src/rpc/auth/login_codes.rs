//! Login codes that wait for their `auth.signIn`.

use std::collections::HashMap;

use parking_lot::Mutex;
use rand::{CryptoRng, RngExt as _};

/// How long a code is good for.
pub(crate) const LIFETIME_MS: u64 = 5 * 60 * 1000;

/// Digits of a code.
pub(crate) const DIGITS: usize = 5;

/// Codes that may wait at once. Protects memory: 200 bytes each.
const WAITING_MAX: usize = 10_000;

/// Codes by phone number.
#[derive(Default)]
pub(crate) struct LoginCodes(Mutex<HashMap<u64, Waiting>>);

#[derive(Clone)]
struct Waiting {
    /// `phone_code_hash`: what the client repeats to show that it asked.
    hash: String,
    /// Compared by `auth.signIn`, shown by nothing else.
    _code: [u8; DIGITS],
    expires_ms: u64,
}

/// Why there is no code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoCode {
    /// Nobody asked for one, or it ended, or with another hash.
    Expired,
    /// Too many wait.
    Full,
}

impl LoginCodes {
    /// A new code for `phone`; an older one ends.
    pub(crate) fn make(
        &self,
        phone: u64,
        now_ms: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<String, NoCode> {
        let mut codes = self.0.lock();
        if codes.len() >= WAITING_MAX && !codes.contains_key(&phone) {
            codes.retain(|_, waiting| waiting.expires_ms > now_ms);
            if codes.len() >= WAITING_MAX {
                return Err(NoCode::Full);
            }
        }
        let mut secret = [0; 9];
        rng.fill_bytes(&mut secret);
        let hash: String = secret.iter().map(|b| format!("{b:02x}")).collect();
        let code = std::array::from_fn(|_| rng.random_range(b'0'..=b'9'));
        let waiting = Waiting { hash: hash.clone(), _code: code, expires_ms: now_ms + LIFETIME_MS };
        codes.insert(phone, waiting);
        Ok(hash)
    }

    /// Makes a new code in place of the one with this hash.
    pub(crate) fn again(
        &self,
        phone: u64,
        hash: &str,
        now_ms: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<String, NoCode> {
        self.take(phone, hash, now_ms)?;
        self.make(phone, now_ms, rng)
    }

    /// Ends the code with this hash.
    pub(crate) fn take(&self, phone: u64, hash: &str, now_ms: u64) -> Result<(), NoCode> {
        let mut codes = self.0.lock();
        match codes.get(&phone) {
            Some(waiting) if waiting.hash == hash && waiting.expires_ms > now_ms => {
                codes.remove(&phone);
                Ok(())
            }
            _ => Err(NoCode::Expired),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_code_ends_when_cancelled_replaced_or_old() {
        let (codes, mut rng) = (LoginCodes::default(), StdRng::seed_from_u64(1));
        let first = codes.make(1, 0, &mut rng).unwrap();
        let second = codes.again(1, &first, 1, &mut rng).unwrap();
        assert_ne!(first, second);
        assert_eq!(codes.take(1, &first, 2), Err(NoCode::Expired));
        assert_eq!(codes.take(1, &second, 1 + LIFETIME_MS), Err(NoCode::Expired));
        let third = codes.make(1, 2, &mut rng).unwrap();
        assert_eq!(codes.take(1, &third, 3), Ok(()));
        assert_eq!(codes.take(1, &third, 3), Err(NoCode::Expired));
    }

    #[test]
    fn waiting_codes_are_bounded_and_old_ones_make_room() {
        let (codes, mut rng) = (LoginCodes::default(), StdRng::seed_from_u64(2));
        for phone in 0..WAITING_MAX as u64 {
            codes.make(phone, 0, &mut rng).unwrap();
        }
        assert_eq!(codes.make(u64::MAX, 1, &mut rng), Err(NoCode::Full));
        assert!(codes.make(u64::MAX, LIFETIME_MS, &mut rng).is_ok());
    }
}
