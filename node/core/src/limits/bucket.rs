//! One token bucket, and many in memory.
//!
//! Pure: the time is an argument. A map of buckets is bounded; when it is full, the bucket that
//! is fullest again (so the one that restrains least) makes room.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use parking_lot::Mutex;

/// How a bucket fills.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Tokens of a full bucket.
    pub burst: u32,
    /// Tokens that come back in a second.
    pub per_second: f64,
}

/// One bucket. Starts full.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    tokens: f64,
    at_ms: u64,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn full(rate: Rate, now_ms: u64) -> Self {
        Self { tokens: f64::from(rate.burst), at_ms: now_ms }
    }

    /// A bucket as it was at a time.
    #[must_use]
    pub fn new(tokens: f64, at_ms: u64) -> Self {
        Self { tokens, at_ms }
    }

    /// What [`Bucket::new`] takes.
    #[must_use]
    pub fn parts(self) -> (f64, u64) {
        (self.tokens, self.at_ms)
    }

    /// Milliseconds until it is full.
    #[must_use]
    pub fn fills_in_ms(self, rate: Rate) -> u64 {
        let missing = (f64::from(rate.burst) - self.tokens).max(0.0);
        (missing / rate.per_second.max(1e-6) * 1000.0).ceil() as u64
    }

    /// Takes one token.
    ///
    /// # Errors
    /// The whole seconds (at least 1) until the next token is there.
    pub fn take(&mut self, rate: Rate, now_ms: u64) -> Result<(), u32> {
        self.take_many(rate, 1, now_ms)
    }

    /// Takes so many tokens, or none.
    ///
    /// # Errors
    /// The whole seconds (at least 1) until they are there.
    pub fn take_many(&mut self, rate: Rate, count: u32, now_ms: u64) -> Result<(), u32> {
        self.refill(rate, now_ms);
        let wanted = f64::from(count);
        if self.tokens >= wanted {
            self.tokens -= wanted;
            return Ok(());
        }
        let wait_s = (wanted - self.tokens) / rate.per_second.max(1e-6);
        // At most a day: an X that no client could wait for helps nobody.
        Err((wait_s.ceil() as u32).clamp(1, 86_400))
    }

    /// Puts tokens back that were taken for nothing.
    pub fn give_back(&mut self, rate: Rate, count: u32) {
        self.tokens = (self.tokens + f64::from(count)).min(f64::from(rate.burst));
    }

    fn refill(&mut self, rate: Rate, now_ms: u64) {
        let passed_s = now_ms.saturating_sub(self.at_ms) as f64 / 1000.0;
        self.tokens = (self.tokens + passed_s * rate.per_second).min(f64::from(rate.burst));
        // A clock that jumps back must not stop the bucket from filling.
        self.at_ms = now_ms;
    }
}

/// Buckets by key, at most `max` of them.
#[derive(Debug)]
pub struct Buckets<K> {
    rate: Rate,
    max: usize,
    buckets: HashMap<K, Bucket>,
}

impl<K: Hash + Eq + Copy> Buckets<K> {
    /// No bucket yet: each starts full when it is first asked.
    #[must_use]
    pub fn new(rate: Rate, max: usize) -> Self {
        Self { rate, max, buckets: HashMap::new() }
    }

    /// Takes one token of `key`.
    ///
    /// # Errors
    /// The whole seconds until the next token.
    pub fn take(&mut self, key: K, now_ms: u64) -> Result<(), u32> {
        if self.buckets.len() >= self.max && !self.buckets.contains_key(&key) {
            self.make_room(now_ms);
        }
        let rate = self.rate;
        self.buckets.entry(key).or_insert_with(|| Bucket::full(rate, now_ms)).take(rate, now_ms)
    }

    /// Forgets what is full again; if nothing is, the fullest half.
    fn make_room(&mut self, now_ms: u64) {
        let rate = self.rate;
        let full = f64::from(rate.burst);
        self.buckets.retain(|_, bucket| {
            bucket.refill(rate, now_ms);
            bucket.tokens < full
        });
        if self.buckets.len() >= self.max {
            let keep = self.max / 2;
            let mut all: Vec<(f64, K)> = self.buckets.iter().map(|(k, b)| (b.tokens, *k)).collect();
            all.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
            for (_, key) in all.iter().skip(keep) {
                self.buckets.remove(key);
            }
        }
    }
}

/// Addresses that are remembered. Protects memory: 50 bytes each.
const ADDRESSES_MAX: usize = 10_000;

/// Buckets of those who come with a browser, by [`address_key`].
#[derive(Debug)]
pub struct ByAddress(Mutex<Buckets<IpAddr>>);

impl ByAddress {
    /// Each address may do something so often.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        Self(Mutex::new(Buckets::new(rate, ADDRESSES_MAX)))
    }

    /// Whether somebody may do it now. Behind a proxy of this machine all come from there: the
    /// proxy limits.
    pub fn may(&self, from: Option<SocketAddr>, now_ms: u64) -> bool {
        let from = from.map(|from| from.ip().to_canonical()).filter(|from| !from.is_loopback());
        from.is_none_or(|from| self.0.lock().take(address_key(from), now_ms).is_ok())
    }
}

/// What counts as one address: an IPv4 address, or a /64 of IPv6, which is what one household
/// or one server is given.
#[must_use]
pub fn address_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let prefix = u128::from(v6) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(prefix))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { burst: 3, per_second: 0.5 };

    #[test]
    fn a_bucket_empties_tells_an_honest_wait_and_fills_again() {
        let mut bucket = Bucket::full(RATE, 1000);
        assert_eq!([(); 3].map(|()| bucket.take(RATE, 1000)), [Ok(()); 3]);
        assert_eq!(bucket.take(RATE, 1000), Err(2));
        assert_eq!(bucket.take(RATE, 2100), Err(1), "the wait falls");
        assert_eq!(bucket.take(RATE, 3100), Ok(()));
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_stop_a_bucket() {
        let mut bucket = Bucket::full(RATE, 1_000_000);
        for _ in 0..3 {
            bucket.take(RATE, 1_000_000).unwrap();
        }
        assert!(bucket.take(RATE, 0).is_err());
        assert_eq!(bucket.take(RATE, 2000), Ok(()));
    }

    #[test]
    fn a_full_map_forgets_those_it_restrains_least() {
        let mut buckets = Buckets::new(RATE, 100);
        for _ in 0..4 {
            let _ = buckets.take(0_u32, 0);
        }
        for key in 1..1000 {
            buckets.take(key, 0).unwrap();
            assert!(buckets.buckets.len() <= 100);
        }
        assert!(buckets.take(0, 0).is_err(), "the flooder is still known");
    }

    #[test]
    fn browsers_are_limited_by_address_but_not_those_behind_a_proxy_here() {
        let limit = ByAddress::new(RATE);
        let may = |from: &str| limit.may(Some(from.parse().unwrap()), 0);
        assert_eq!([(); 4].map(|()| may("192.0.2.1:1")), [true, true, true, false]);
        assert!(!may("[::ffff:192.0.2.1]:2"), "the same one");
        assert!(may("192.0.2.2:1"));
        for _ in 0..10 {
            assert!(may("127.0.0.1:1") && may("[::1]:1") && may("[::ffff:127.0.0.1]:1"));
            assert!(limit.may(None, 0));
        }
    }

    #[test]
    fn addresses_of_one_household_count_as_one() {
        let key = |text: &str| address_key(text.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
    }
}
