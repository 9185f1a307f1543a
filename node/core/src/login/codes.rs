//! Login codes that wait for their `auth.signIn`. In memory: a restart ends them, and the client
//! asks again.

use std::collections::HashMap;

use parking_lot::Mutex;
use rand::{Rng, RngExt as _};
use subtle::ConstantTimeEq as _;

use crate::{CoreError, CoreResult};

/// How long a code is good for.
const LIFETIME_MS: u64 = 5 * 60 * 1000;

/// Digits of a code.
pub const CODE_DIGITS: usize = 6;

/// Wrong tries after which a code is over.
const TRIES_MAX: u8 = 5;

/// Requests that may wait with one code: a client that asks again gets the same code.
const HASHES_MAX: usize = 4;

/// Codes that may wait at once. Protects memory: 300 bytes each.
const WAITING_MAX: usize = 10_000;

/// Codes by phone number.
#[derive(Debug, Default)]
pub(crate) struct LoginCodes(Mutex<HashMap<u64, Waiting>>);

struct Waiting {
    /// `phone_code_hash`es: what each client repeats to show that it asked. The newest last.
    hashes: Vec<Asked>,
    code: String,
    expires_ms: u64,
    tries: u8,
    /// The hash under which the code was proven, for `auth.signUp`.
    proven: Option<String>,
}

/// One request.
struct Asked {
    hash: String,
    /// Which of the number's ways the code took, counted from 0.
    step: usize,
    /// The address that whoever asks has shown to be theirs.
    email: Option<String>,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiting").field("tries", &self.tries).finish_non_exhaustive()
    }
}

impl LoginCodes {
    /// A request for `phone`, whose code takes the way number `step`, by somebody who has shown
    /// `email` to be theirs: its `phone_code_hash`, the code that waits with it, and when that ends
    /// (unix milliseconds).
    ///
    /// # Errors
    /// [`CoreError::Flood`] when too many wait.
    pub(crate) fn ask(
        &self,
        phone: u64,
        (step, email): (usize, Option<String>),
        now_ms: u64,
        rng: &mut dyn Rng,
    ) -> CoreResult<(String, String, u64)> {
        let mut secret = [0; 9];
        rng.fill_bytes(&mut secret);
        let hash: String = secret.iter().map(|b| format!("{b:02x}")).collect();
        let mut codes = self.0.lock();
        let waiting = living(&mut codes, phone, now_ms, rng)?;
        if waiting.hashes.len() >= HASHES_MAX {
            waiting.hashes.remove(0);
        }
        waiting.hashes.push(Asked { hash: hash.clone(), step, email });
        Ok((hash, waiting.code.clone(), waiting.expires_ms))
    }

    /// The code that waits for `phone`, or that will be asked for.
    ///
    /// # Errors
    /// [`CoreError::Flood`] when too many wait.
    pub(crate) fn show(
        &self,
        phone: u64,
        now_ms: u64,
        rng: &mut dyn Rng,
    ) -> CoreResult<(String, u64)> {
        let mut codes = self.0.lock();
        let waiting = living(&mut codes, phone, now_ms, rng)?;
        Ok((waiting.code.clone(), waiting.expires_ms))
    }

    /// The way that the code of this request took, if it waits.
    pub(crate) fn step(&self, phone: u64, hash: &str, now_ms: u64) -> Option<usize> {
        let codes = self.0.lock();
        let waiting = codes.get(&phone).filter(|w| w.waits(hash, now_ms))?;
        waiting.hashes.iter().find(|asked| asked.hash == hash).map(|asked| asked.step)
    }

    /// The address that was shown with this request.
    pub(crate) fn email(&self, phone: u64, hash: &str) -> Option<String> {
        let codes = self.0.lock();
        let mut hashes = codes.get(&phone)?.hashes.iter();
        hashes.find(|asked| asked.hash == hash)?.email.clone()
    }

    /// Counts one try, and compares.
    ///
    /// # Errors
    /// [`CoreError::CodeExpired`] when nothing waits, or was tried too often.
    pub(crate) fn attempt(
        &self,
        phone: u64,
        hash: &str,
        code: &str,
        now_ms: u64,
    ) -> CoreResult<bool> {
        let mut codes = self.0.lock();
        let waiting = codes.get_mut(&phone).filter(|w| w.waits(hash, now_ms));
        let waiting = waiting.ok_or(CoreError::CodeExpired)?;
        if waiting.tries >= TRIES_MAX {
            return Err(CoreError::CodeExpired);
        }
        waiting.tries += 1;
        Ok(waiting.code.as_bytes().ct_eq(code.as_bytes()).into())
    }

    /// The number's code is over, if it is one of these.
    pub(crate) fn invalidate(&self, phone: u64, seen: &[String]) {
        let mut codes = self.0.lock();
        if codes.get(&phone).is_some_and(|waiting| seen.contains(&waiting.code)) {
            codes.remove(&phone);
        }
    }

    /// The number's code is used up.
    pub(crate) fn end(&self, phone: u64) {
        self.0.lock().remove(&phone);
    }

    /// One request is taken back; the code goes with the last one.
    ///
    /// # Errors
    /// [`CoreError::CodeExpired`] when it does not wait.
    pub(crate) fn cancel(&self, phone: u64, hash: &str, now_ms: u64) -> CoreResult<()> {
        let mut codes = self.0.lock();
        let waiting = codes.get_mut(&phone).filter(|w| w.waits(hash, now_ms));
        let waiting = waiting.ok_or(CoreError::CodeExpired)?;
        waiting.hashes.retain(|asked| asked.hash != hash);
        if waiting.hashes.is_empty() {
            codes.remove(&phone);
        }
        Ok(())
    }

    /// Another request has taken this one's place, which may be gone already: only so many wait.
    pub(crate) fn forget(&self, phone: u64, hash: &str) {
        if let Some(waiting) = self.0.lock().get_mut(&phone) {
            waiting.hashes.retain(|asked| asked.hash != hash);
        }
    }

    /// Whoever asked with `hash` has shown a right code, and may sign up.
    pub(crate) fn prove(&self, phone: u64, hash: &str) {
        if let Some(waiting) = self.0.lock().get_mut(&phone) {
            waiting.proven = Some(hash.to_owned());
        }
    }

    /// Whether `hash` was proven.
    pub(crate) fn is_proven(&self, phone: u64, hash: &str, now_ms: u64) -> bool {
        self.0.lock().get(&phone).is_some_and(|waiting| {
            waiting.waits(hash, now_ms) && waiting.proven.as_deref() == Some(hash)
        })
    }
}

impl Waiting {
    fn waits(&self, hash: &str, now_ms: u64) -> bool {
        self.expires_ms > now_ms && self.hashes.iter().any(|asked| asked.hash == hash)
    }
}

/// The code of a number: the one that waits, else a new one.
fn living<'a>(
    codes: &'a mut HashMap<u64, Waiting>,
    phone: u64,
    now_ms: u64,
    rng: &mut dyn Rng,
) -> CoreResult<&'a mut Waiting> {
    if codes.len() >= WAITING_MAX && !codes.contains_key(&phone) {
        codes.retain(|_, waiting| waiting.expires_ms > now_ms);
        if codes.len() >= WAITING_MAX {
            return Err(CoreError::Flood { wait_s: 60 });
        }
    }
    let fresh = |rng: &mut dyn Rng| Waiting {
        hashes: Vec::new(),
        code: digits(CODE_DIGITS, rng),
        expires_ms: now_ms + LIFETIME_MS,
        tries: 0,
        proven: None,
    };
    let waiting = codes.entry(phone).or_insert_with(|| fresh(rng));
    if waiting.expires_ms <= now_ms || waiting.tries >= TRIES_MAX {
        *waiting = fresh(rng);
    }
    Ok(waiting)
}

/// Random digits.
pub(super) fn digits(count: usize, rng: &mut dyn Rng) -> String {
    (0..count).map(|_| char::from(rng.random_range(b'0'..=b'9'))).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_code_ends_when_cancelled_used_old_or_tried_too_often() {
        let (codes, mut rng) = (LoginCodes::default(), StdRng::seed_from_u64(1));
        let (first, code, _) = codes.ask(1, (0, None), 0, &mut rng).unwrap();
        let (second, same, _) = codes.ask(1, (0, None), 1, &mut rng).unwrap();
        assert_ne!(first, second);
        assert_eq!(code, same, "asked again, the code stays");
        assert!(codes.attempt(1, &first, &code, 2).unwrap());
        assert!(codes.attempt(1, "other", &code, 2).is_err(), "bound to who asked");
        assert!(codes.attempt(2, &first, &code, 2).is_err(), "and to the number");
        codes.cancel(1, &first, 3).unwrap();
        assert!(codes.cancel(1, &first, 3).is_err());
        assert!(codes.attempt(1, &second, &code, LIFETIME_MS).is_err(), "too old");
        for _ in 0..4 {
            assert!(!codes.attempt(1, &second, "x", 4).unwrap());
        }
        assert!(matches!(codes.attempt(1, &second, &code, 4), Err(CoreError::CodeExpired)));
        let (third, fresh, _) = codes.ask(1, (0, None), 5, &mut rng).unwrap();
        assert_ne!(fresh, code, "a code that was tried too often is not given again");
        assert!(codes.attempt(1, &third, &fresh, 6).unwrap());
        codes.end(1);
        assert!(matches!(codes.attempt(1, &third, &fresh, 6), Err(CoreError::CodeExpired)));
    }

    #[test]
    fn only_who_showed_the_code_may_sign_up() {
        let (codes, mut rng) = (LoginCodes::default(), StdRng::seed_from_u64(1));
        let (hash, _, _) = codes.ask(1, (0, None), 0, &mut rng).unwrap();
        let (other, _, _) = codes.ask(1, (0, None), 0, &mut rng).unwrap();
        assert!(!codes.is_proven(1, &hash, 1));
        codes.prove(1, &hash);
        assert!(codes.is_proven(1, &hash, 1));
        assert!(!codes.is_proven(1, &other, 1));
        assert!(!codes.is_proven(1, &hash, LIFETIME_MS));
    }

    #[test]
    fn waiting_codes_are_bounded_and_old_ones_make_room() {
        let (codes, mut rng) = (LoginCodes::default(), StdRng::seed_from_u64(2));
        for phone in 0..WAITING_MAX as u64 {
            codes.ask(phone, (0, None), 0, &mut rng).unwrap();
        }
        assert!(matches!(
            codes.ask(u64::MAX, (0, None), 1, &mut rng),
            Err(CoreError::Flood { .. })
        ));
        assert!(codes.ask(u64::MAX, (0, None), LIFETIME_MS, &mut rng).is_ok());
    }
}
