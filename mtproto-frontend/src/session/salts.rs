//! Server salts without a table: each is a keyed hash of the key's id and a window of time.
//!
//! Source: <https://core.telegram.org/mtproto/description#server-salt>

/// Length of one window: a salt is the current one for 30 minutes …
const WINDOW_MS: u64 = 30 * 60 * 1000;

/// … and is accepted for the same time again after its window.
const WINDOWS_VALID: u64 = 2;

/// Windows that `get_future_salts` may look ahead, the current one included.
pub(super) const FUTURE_WINDOWS_MAX: u64 = 64;

/// The first salt of an auth key, which both sides derive in the key exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstSalt {
    /// `new_nonce` xor `server_nonce`, the first 8 bytes of each, read as little-endian.
    pub salt: i64,
    /// Unix milliseconds at which the key was made.
    pub created_ms: u64,
}

/// The salts of one auth key: a small view, made for each packet.
///
/// The salt of window `n` (unix time / 30 minutes) is the first 8 bytes of
/// `BLAKE3(secret; auth_key_id ++ n)`, so it survives a restart as long as the secret does.
/// Accepted are: the current window's, the one before (30 minutes of grace), those of the next
/// 64 windows (`get_future_salts` hands them out and clients may use them early), and the key's
/// first salt in the first two windows of its life.
#[derive(Clone, Copy)]
pub struct Salts<'a> {
    secret: &'a [u8; 32],
    auth_key_id: i64,
    first: Option<FirstSalt>,
}

impl std::fmt::Debug for Salts<'_> {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Salts").field("auth_key_id", &self.auth_key_id).finish_non_exhaustive()
    }
}

impl<'a> Salts<'a> {
    /// The salts of `auth_key_id`. `secret` is the node's own for this purpose and never changes.
    #[must_use]
    pub fn new(secret: &'a [u8; 32], auth_key_id: i64, first: Option<FirstSalt>) -> Self {
        Self { secret, auth_key_id, first }
    }

    /// The salt to tell a client now.
    #[must_use]
    pub fn current(&self, now_ms: u64) -> i64 {
        self.of_window(now_ms / WINDOW_MS)
    }

    /// Until when (unix milliseconds) `salt` is accepted; `None` if it is not.
    #[must_use]
    pub fn accept(&self, salt: i64, now_ms: u64) -> Option<u64> {
        let now = now_ms / WINDOW_MS;
        if let Some(first) = self.first {
            let until = end_of(first.created_ms / WINDOW_MS);
            if first.salt == salt && now_ms < until {
                return Some(until);
            }
        }
        // The current one first: it is what nearly every packet carries.
        let windows = [now, now.saturating_sub(1)];
        let ahead = now.saturating_add(1)..=now.saturating_add(FUTURE_WINDOWS_MAX);
        windows.into_iter().chain(ahead).find(|n| self.of_window(*n) == salt).map(end_of)
    }

    /// The answer of `get_future_salts`: (valid_since, valid_until, salt) in unix seconds, from the
    /// current one on; `num` is clamped to 1..=64. Each is said to hold for all the time in which it
    /// does, so that two overlap by half an hour: TDLib takes a salt when it has begun and leaves it
    /// a minute before its end, and would without this ask nothing for a minute in each half-hour.
    #[must_use]
    pub fn future(&self, now_ms: u64, num: i32) -> Vec<(i32, i32, i64)> {
        let num = u64::try_from(num).unwrap_or(1).clamp(1, FUTURE_WINDOWS_MAX);
        let first = now_ms / WINDOW_MS;
        let windows = first..first.saturating_add(num);
        windows
            .map(|n| (start_s(n), start_s(n.saturating_add(WINDOWS_VALID)), self.of_window(n)))
            .collect()
    }

    fn of_window(&self, window: u64) -> i64 {
        let mut input = [0; 16];
        let (id, n) = input.split_at_mut(8);
        id.copy_from_slice(&self.auth_key_id.to_le_bytes());
        n.copy_from_slice(&window.to_le_bytes());
        let hash = blake3::keyed_hash(self.secret, &input);
        let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
        i64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

fn end_of(window: u64) -> u64 {
    window.saturating_add(WINDOWS_VALID).saturating_mul(WINDOW_MS)
}

fn start_s(window: u64) -> i32 {
    i32::try_from(window.saturating_mul(WINDOW_MS / 1000)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 32] = [7; 32];
    const NOW: u64 = 1_770_000_000_000 / WINDOW_MS * WINDOW_MS + 60_000;

    #[test]
    fn a_salt_lives_for_its_window_and_one_more() {
        let salts = Salts::new(&SECRET, 5, None);
        let salt = salts.current(NOW);
        let end = NOW - 60_000 + 2 * WINDOW_MS;
        assert_eq!(salts.accept(salt, NOW), Some(end));
        assert_eq!(salts.accept(salt, end - 1), Some(end));
        assert_eq!(salts.accept(salt, end), None);
        assert_ne!(salts.current(end), salt);
        assert_eq!(Salts::new(&SECRET, 6, None).accept(salt, NOW), None, "of another key");
        assert_eq!(Salts::new(&[8; 32], 5, None).accept(salt, NOW), None, "of another node");
    }

    #[test]
    fn the_first_salt_lives_for_two_windows() {
        let first = FirstSalt { salt: 42, created_ms: NOW };
        let salts = Salts::new(&SECRET, 5, Some(first));
        let end = NOW - 60_000 + 2 * WINDOW_MS;
        assert_eq!(salts.accept(42, NOW), Some(end));
        assert_eq!(salts.accept(42, end - 1), Some(end));
        assert_eq!(salts.accept(42, end), None);
        assert_ne!(salts.current(NOW), 42);
    }

    #[test]
    fn every_future_salt_is_accepted_at_once_and_until_its_end() {
        let salts = Salts::new(&SECRET, 5, None);
        for (num, given) in [(i32::MIN, 1), (0, 1), (1, 1), (63, 63), (64, 64), (i32::MAX, 64)] {
            let future = salts.future(NOW, num);
            assert_eq!(future.len(), given);
            assert!(future.is_sorted_by_key(|(since, ..)| *since));
            for (since, until, salt) in future {
                assert!(since < until);
                assert!(salts.accept(salt, NOW).is_some());
                assert!(salts.accept(salt, until as u64 * 1000 - 1).is_some());
            }
        }
    }

    /// TDLib: `AuthData::update_salt` and `AuthData::is_server_salt_valid`.
    #[test]
    fn there_is_always_a_salt_that_has_begun_and_has_a_minute_left() {
        let salts = Salts::new(&SECRET, 5, None);
        let future = salts.future(NOW, 64);
        for second in 0..62 * WINDOW_MS / 1000 {
            let at = (NOW / 1000 + second) as i32;
            let newest = future.iter().rfind(|(since, ..)| *since < at);
            let (_, until, salt) = newest.expect("one has begun");
            assert!(*until > at + 60, "at {at}");
            assert!(salts.accept(*salt, at as u64 * 1000).is_some(), "at {at}");
        }
    }

    #[test]
    fn a_clock_at_its_ends_does_not_panic() {
        for now in [0, 1, u64::MAX] {
            let salts = Salts::new(&SECRET, 5, Some(FirstSalt { salt: 1, created_ms: u64::MAX }));
            let _ = (salts.current(now), salts.accept(3, now), salts.future(now, 64));
        }
    }
}
