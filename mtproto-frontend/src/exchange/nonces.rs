//! The client nonces seen of late on any connection: none opens a second exchange.

use std::collections::{HashSet, VecDeque};

use parking_lot::Mutex;

/// Remembers client nonces, so that a recorded exchange cannot be played back at us.
///
/// A played-back exchange could not be completed anyway, for server_nonce is fresh; but it would
/// cost an RSA operation. At most `max` nonces are kept (about 60 bytes each); the oldest goes first.
#[derive(Debug)]
pub struct SeenNonces {
    seen: Mutex<Seen>,
    max: usize,
}

#[derive(Debug, Default)]
struct Seen {
    set: HashSet<[u8; 16]>,
    oldest_first: VecDeque<(u64, [u8; 16])>,
}

impl Seen {
    /// Forgets the oldest while its time (unix ms) or the number held says so.
    fn forget_while(&mut self, over: impl Fn(u64, usize) -> bool) {
        while let Some((at_ms, oldest)) = self.oldest_first.front().copied()
            && over(at_ms, self.oldest_first.len())
        {
            self.oldest_first.pop_front();
            self.set.remove(&oldest);
        }
    }
}

impl SeenNonces {
    /// How long a nonce is remembered: as long as the specification lets servers keep answers.
    const KEEP_MS: u64 = 600_000;

    /// Remembers at most `max` nonces.
    pub fn new(max: usize) -> Self {
        Self { seen: Mutex::default(), max }
    }

    /// Whether this nonce is new; it is remembered from now on.
    pub(super) fn admit(&self, nonce: &[u8; 16], now_ms: u64) -> bool {
        let mut seen = self.seen.lock();
        seen.forget_while(|at_ms, _| now_ms.saturating_sub(at_ms) >= Self::KEEP_MS);
        if seen.set.contains(nonce) {
            return false;
        }
        seen.forget_while(|_, held| held >= self.max.max(1));
        seen.set.insert(*nonce);
        seen.oldest_first.push_back((now_ms, *nonce));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_new_once_until_it_is_forgotten() {
        let seen = SeenNonces::new(100);
        assert!(seen.admit(&[1; 16], 1000));
        assert!(!seen.admit(&[1; 16], 1000));
        assert!(seen.admit(&[2; 16], 2000));
        assert!(!seen.admit(&[1; 16], 600_999));
        assert!(seen.admit(&[1; 16], 601_000));
        assert!(!seen.admit(&[2; 16], 601_000));
    }

    #[test]
    fn memory_is_bounded() {
        let seen = SeenNonces::new(3);
        for n in 0..1000_u64 {
            let mut nonce = [0; 16];
            nonce[..8].copy_from_slice(&n.to_le_bytes());
            assert!(seen.admit(&nonce, n));
            assert!(!seen.admit(&nonce, n), "a repeat makes no room for itself");
        }
        let seen = seen.seen.lock();
        assert_eq!((seen.set.len(), seen.oldest_first.len()), (3, 3));
    }
}
