//! How much a peer may ask, and may be asked: so many requests and bytes a second.

use crate::setup::Rate;

/// What may come at once, in seconds of the rate.
const REQUESTS_BURST_S: f64 = 10.0;
const BYTES_BURST_S: f64 = 4.0;

/// What is there of one thing, filled by time.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    per_s: f64,
    most: f64,
    have: f64,
    at_ms: u64,
}

impl Tokens {
    /// As many as there can be.
    pub(super) fn new(per_s: f64, most: f64, now_ms: u64) -> Self {
        Self { per_s, most, have: most, at_ms: now_ms }
    }

    /// How many there are: less than none if more were spent. A clock that goes back gives nothing.
    pub(super) fn have(&mut self, now_ms: u64) -> f64 {
        let passed_s = now_ms.saturating_sub(self.at_ms) as f64 / 1000.0;
        self.at_ms = self.at_ms.max(now_ms);
        self.have = (self.have + passed_s * self.per_s).min(self.most);
        self.have
    }

    /// They come at another rate from now on; no more than before are there.
    fn fill_at(&mut self, per_s: f64, most: f64, now_ms: u64) {
        self.have(now_ms);
        (self.per_s, self.most) = (per_s, most);
        self.have = self.have.min(most);
    }

    /// So many are gone, be they there or not.
    pub(super) fn spend(&mut self, count: f64) {
        self.have -= count;
    }

    /// After how many milliseconds there are so many.
    pub(super) fn wait_ms(&self, need: f64) -> u64 {
        ((need - self.have).max(0.0) * 1000.0 / self.per_s.max(1.0)).ceil() as u64
    }
}

/// A bucket of requests and one of bytes, filled by time.
#[derive(Debug, Clone)]
pub struct Bucket {
    requests: Tokens,
    bytes: Tokens,
}

impl Bucket {
    /// A full one.
    pub fn new(rate: Rate, now_ms: u64) -> Self {
        let of = |per_s: u32, burst_s| {
            let per_s = f64::from(per_s);
            Tokens::new(per_s, per_s * burst_s, now_ms)
        };
        Self { requests: of(rate.requests, REQUESTS_BURST_S), bytes: of(rate.bytes, BYTES_BURST_S) }
    }

    /// Fills at another rate from now on; nothing comes at once by that.
    pub fn fill_at(&mut self, rate: Rate, now_ms: u64) {
        let (requests, bytes) = (f64::from(rate.requests), f64::from(rate.bytes));
        self.requests.fill_at(requests, requests * REQUESTS_BURST_S, now_ms);
        self.bytes.fill_at(bytes, bytes * BYTES_BURST_S, now_ms);
    }

    /// Whether there is no request left, or bytes were overdrawn.
    pub fn is_spent(&mut self, now_ms: u64) -> bool {
        self.requests.have(now_ms) < 1.0 || self.bytes.have(now_ms) < 0.0
    }

    /// Takes one request; `None` if there is none, or bytes were overdrawn. The bytes of an answer are
    /// known only later: [`Self::spend`].
    pub fn take(&mut self, now_ms: u64) -> Option<()> {
        if self.is_spent(now_ms) {
            return None;
        }
        self.requests.spend(1.0);
        Some(())
    }

    /// Bytes went, be they there or not.
    pub fn spend(&mut self, bytes: usize) {
        self.bytes.spend(bytes as f64);
    }

    /// After how many milliseconds [`Self::take`] succeeds.
    pub fn wait_ms(&self) -> u64 {
        self.requests.wait_ms(1.0).max(self.bytes.wait_ms(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_lends_bytes_once_and_fills_with_time() {
        let mut bucket = Bucket::new(Rate { requests: 10, bytes: 1000 }, 0);
        assert!((0..100).all(|_| bucket.take(0).is_some()));
        assert_eq!(bucket.take(0), None);
        assert_eq!(bucket.wait_ms(), 100);
        assert_eq!(bucket.take(100), Some(()));
        bucket.spend(6000); // 4,100 were there: no more than four seconds' worth
        assert_eq!(bucket.take(1000), None);
        assert_eq!(bucket.take(2200), Some(()));
        // A clock that goes back gives nothing.
        assert!(bucket.take(0).is_some());
    }
}
