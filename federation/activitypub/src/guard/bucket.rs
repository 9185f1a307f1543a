//! How often a host may ask: a bucket of tokens for each, of which there are not many.

use std::collections::HashMap;

/// What one host may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Requests at once.
    pub(crate) burst: u32,
    /// Requests of a minute.
    pub(crate) per_minute: u32,
    /// Hosts that have a bucket of their own; all others share one.
    pub(crate) hosts_max: usize,
}

impl Default for Rate {
    /// 300 at once and 600 a minute: a large server sends the likes of a busy channel. 10,000 hosts.
    fn default() -> Self {
        Self { burst: 300, per_minute: 600, hosts_max: 10_000 }
    }
}

/// The buckets.
#[derive(Debug)]
pub(crate) struct Buckets {
    rate: Rate,
    of: HashMap<String, Bucket>,
    others: Bucket,
    swept_ms: u64,
}

/// Millionths of a token keep the sums whole.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens_micro: u64,
    at_ms: u64,
}

impl Buckets {
    /// All of them full.
    #[must_use]
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, of: HashMap::new(), others: full(rate, 0), swept_ms: 0 }
    }

    /// Takes one token of `key`.
    ///
    /// # Errors
    /// Milliseconds until there is one.
    pub(crate) fn take(&mut self, key: &str, now_ms: u64) -> Result<(), u64> {
        let rate = self.rate;
        if !self.of.contains_key(key) {
            // Who has been quiet needs no bucket. Looking for them costs, so not at every request.
            if self.of.len() >= rate.hosts_max && now_ms >= self.swept_ms.saturating_add(1000) {
                self.swept_ms = now_ms;
                self.of.retain(|_, bucket| !bucket.is_full(rate, now_ms));
            }
            if self.of.len() < rate.hosts_max {
                self.of.insert(key.to_owned(), full(rate, now_ms));
            }
        }
        self.of.get_mut(key).unwrap_or(&mut self.others).take(rate, now_ms)
    }

    /// Buckets that are held.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.of.len()
    }
}

fn full(rate: Rate, now_ms: u64) -> Bucket {
    Bucket { tokens_micro: u64::from(rate.burst) * 1_000_000, at_ms: now_ms }
}

impl Bucket {
    fn refilled(self, rate: Rate, now_ms: u64) -> u64 {
        // A minute has 60,000 ms: per_minute / 60,000 tokens each.
        let passed_ms = now_ms.saturating_sub(self.at_ms);
        let more = u128::from(passed_ms) * u128::from(rate.per_minute) * 1_000_000 / 60_000;
        let more = u64::try_from(more).unwrap_or(u64::MAX);
        self.tokens_micro.saturating_add(more).min(full(rate, 0).tokens_micro)
    }

    fn is_full(&self, rate: Rate, now_ms: u64) -> bool {
        self.refilled(rate, now_ms) >= full(rate, 0).tokens_micro
    }

    fn take(&mut self, rate: Rate, now_ms: u64) -> Result<(), u64> {
        let tokens_micro = self.refilled(rate, now_ms);
        *self = Self { tokens_micro, at_ms: now_ms.max(self.at_ms) };
        match tokens_micro.checked_sub(1_000_000) {
            Some(left) => {
                self.tokens_micro = left;
                Ok(())
            }
            None => {
                let missing = u128::from(1_000_000 - tokens_micro) * 60_000;
                let per_ms = u128::from(rate.per_minute.max(1)) * 1_000_000;
                Err(u64::try_from(missing.div_ceil(per_ms)).unwrap_or(u64::MAX))
            }
        }
    }
}
