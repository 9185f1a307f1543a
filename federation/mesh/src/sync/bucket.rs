//! How much a peer may ask, and may be asked: so many requests and bytes a second.

use crate::setup::Rate;

/// What may come at once, in seconds of the rate.
const REQUESTS_BURST_S: f64 = 10.0;
const BYTES_BURST_S: f64 = 4.0;

/// A bucket of requests and one of bytes, filled by time.
#[derive(Debug, Clone)]
pub struct Bucket {
    rate: Rate,
    requests: f64,
    bytes: f64,
    at_ms: u64,
}

impl Bucket {
    /// A full one.
    pub fn new(rate: Rate, now_ms: u64) -> Self {
        let requests = f64::from(rate.requests) * REQUESTS_BURST_S;
        Self { rate, requests, bytes: f64::from(rate.bytes) * BYTES_BURST_S, at_ms: now_ms }
    }

    /// Takes one request; `None` if there is none, or bytes were overdrawn. The bytes of an answer are
    /// known only later: [`Self::spend`].
    pub fn take(&mut self, now_ms: u64) -> Option<()> {
        self.fill(now_ms);
        if self.requests < 1.0 || self.bytes < 0.0 {
            return None;
        }
        self.requests -= 1.0;
        Some(())
    }

    /// Bytes went, be they there or not.
    pub fn spend(&mut self, bytes: usize) {
        self.bytes -= bytes as f64;
    }

    /// After how many milliseconds [`Self::take`] succeeds.
    pub fn wait_ms(&self) -> u64 {
        let lacking = |have: f64, need: f64, rate: u32| {
            ((need - have).max(0.0) * 1000.0 / f64::from(rate.max(1))).ceil()
        };
        let requests = lacking(self.requests, 1.0, self.rate.requests);
        requests.max(lacking(self.bytes, 0.0, self.rate.bytes)) as u64
    }

    fn fill(&mut self, now_ms: u64) {
        let passed_s = now_ms.saturating_sub(self.at_ms) as f64 / 1000.0;
        self.at_ms = self.at_ms.max(now_ms);
        let (requests, bytes) = (f64::from(self.rate.requests), f64::from(self.rate.bytes));
        self.requests = (self.requests + passed_s * requests).min(requests * REQUESTS_BURST_S);
        self.bytes = (self.bytes + passed_s * bytes).min(bytes * BYTES_BURST_S);
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
