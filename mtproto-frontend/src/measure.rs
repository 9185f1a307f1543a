//! What monitoring is told of the frontend: how long calls take and what becomes of them, by method, and
//! how full everything is.
//!
//! A call costs three atomic additions. Names come from the table of methods and never from outside:
//! nobody can make monitoring remember more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tl::Method;

use crate::frontend::Shared;

/// Upper bounds of the buckets, in microseconds: from what a warm read takes to what a client gives up
/// after.
pub const BUCKETS_US: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];

/// What can become of a call, as monitoring calls it: `ok`, or the code of the refusal.
const OUTCOMES: [&str; 9] = ["ok", "303", "400", "401", "403", "404", "406", "420", "500"];

/// What calls that name no method are counted as.
const UNKNOWN: &str = "unknown";

/// All methods, and the calls that name none.
pub(crate) struct Calls(Box<[Row]>);

#[derive(Default)]
struct Row {
    /// One more than there are bounds: what took longer than all.
    buckets: [AtomicU64; BUCKETS_US.len() + 1],
    sum_us: AtomicU64,
    outcomes: [AtomicU64; OUTCOMES.len()],
}

/// The calls of one method, since the start of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallCounts {
    /// Its TL name.
    pub method: &'static str,
    /// Calls that took at most as long as the bound in the same place of [`BUCKETS_US`]; the last is all
    /// calls.
    pub at_most: [u64; BUCKETS_US.len() + 1],
    /// Microseconds of all of them.
    pub sum_us: u64,
    /// How often each outcome was: `ok` or the code of an error, only those that were.
    pub outcomes: Vec<(&'static str, u64)>,
}

impl Default for Calls {
    fn default() -> Self {
        Self(std::iter::repeat_with(Row::default).take(Method::ALL.len() + 1).collect())
    }
}

impl Calls {
    /// Counts a call that is over; `code` is that of the refusal.
    pub(crate) fn count(&self, method: Option<Method>, took: Duration, code: Option<i32>) {
        // The last row is that of no method.
        let place = method.map_or(Method::ALL.len(), |method| usize::from(method as u16));
        let Some(row) = self.0.get(place) else { return };
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_US.partition_point(|bound| *bound < took_us);
        let outcome = match code {
            None => 0,
            Some(303) => 1,
            Some(401) => 3,
            Some(403) => 4,
            Some(404) => 5,
            Some(406) => 6,
            Some(420) => 7,
            Some(500..) => 8,
            Some(_) => 2,
        };
        for counter in [row.buckets.get(bucket), row.outcomes.get(outcome)].into_iter().flatten() {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        row.sum_us.fetch_add(took_us, Ordering::Relaxed);
    }

    /// Methods that were called.
    fn counts(&self) -> impl Iterator<Item = CallCounts> {
        let names = Method::ALL.iter().map(|method| method.name()).chain([UNKNOWN]);
        self.0.iter().zip(names).filter_map(|(row, method)| {
            let mut sum = 0;
            let at_most = row.buckets.each_ref().map(|bucket| {
                sum += bucket.load(Ordering::Relaxed);
                sum
            });
            let outcomes = row.outcomes.iter().map(|counter| counter.load(Ordering::Relaxed));
            let outcomes = OUTCOMES.into_iter().zip(outcomes).filter(|(_, count)| *count > 0);
            let sum_us = row.sum_us.load(Ordering::Relaxed);
            (sum > 0).then(|| CallCounts { method, at_most, sum_us, outcomes: outcomes.collect() })
        })
    }
}

/// Key exchanges, by how they ended.
#[derive(Default)]
pub(crate) struct Exchanges {
    pub(crate) done: AtomicU64,
    /// The address has begun too many.
    pub(crate) limited: AtomicU64,
    /// Too many wait for a thread.
    pub(crate) crowded: AtomicU64,
    /// What the client sent breaks the rules, or is for another key.
    pub(crate) refused: AtomicU64,
    /// The new key could not be stored.
    pub(crate) unstored: AtomicU64,
}

/// How full the frontend is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// Open connections.
    pub connections: u64,
    /// Sessions in memory, with a connection or without.
    pub sessions: u64,
    /// Key exchanges that wait for a thread.
    pub handshakes_waiting: u64,
    /// Key exchanges that are over, by how: `ok`, or why not.
    pub handshakes: [(&'static str, u64); 5],
    /// Bytes of calls that wait for others.
    pub waiting_call_bytes: u64,
}

/// Reads what the frontend counts.
#[derive(Clone)]
pub struct Watch(pub(crate) Arc<Shared>);

impl Watch {
    /// Methods that were called, in the order of their names.
    pub fn calls(&self) -> impl Iterator<Item = CallCounts> {
        self.0.calls.counts()
    }

    /// How full everything is.
    #[must_use]
    pub fn load(&self) -> Load {
        let Exchanges { done, limited, crowded, refused, unstored } = &self.0.exchanges;
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Load {
            connections: self.0.admission.open() as u64,
            sessions: self.0.sessions.count() as u64,
            handshakes_waiting: self.0.handshakes.waiting() as u64,
            handshakes: [
                ("ok", of(done)),
                ("limited", of(limited)),
                ("crowded", of(crowded)),
                ("refused", of(refused)),
                ("unstored", of(unstored)),
            ],
            waiting_call_bytes: self.0.waiting_call_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_method_time_and_outcome() {
        let calls = Calls::default();
        let send = Some(Method::MessagesSendMessage);
        calls.count(send, Duration::from_micros(250), None);
        calls.count(send, Duration::from_micros(251), Some(400));
        calls.count(send, Duration::from_secs(3600), Some(-503));
        calls.count(None, Duration::ZERO, Some(420));
        let counts: Vec<_> = calls.counts().collect();
        assert_eq!(counts.len(), 2);
        let [send, unknown] = &counts[..] else { panic!("{counts:?}") };
        assert_eq!(send.method, "messages.sendMessage");
        assert_eq!((send.at_most[0], send.at_most[1], send.at_most[13]), (1, 2, 2));
        assert_eq!((send.at_most[14], send.sum_us), (3, 3_600_000_501));
        assert_eq!(send.outcomes, [("ok", 1), ("400", 2)]);
        assert_eq!((unknown.method, &unknown.outcomes[..]), ("unknown", &[("420", 1)][..]));
    }

    #[test]
    fn each_method_has_the_row_of_its_name() {
        let calls = Calls::default();
        for method in Method::ALL {
            calls.count(Some(*method), Duration::ZERO, None);
        }
        let names: Vec<_> = calls.counts().map(|counts| counts.method).collect();
        let all: Vec<_> = Method::ALL.iter().map(|method| method.name()).collect();
        assert_eq!(names, all);
    }

    /// What a call pays, printed; asserted only to be of the order of an atomic addition.
    #[test]
    fn counting_a_call_costs_next_to_nothing() {
        const ROUNDS: u32 = 1_000_000;
        let calls = Calls::default();
        let begun = tokio::time::Instant::now();
        for round in 0..ROUNDS {
            let arrived = tokio::time::Instant::now();
            let took = arrived.elapsed() + Duration::from_micros(round.into());
            calls.count(Some(Method::MessagesSendMessage), std::hint::black_box(took), None);
        }
        let each = begun.elapsed() / ROUNDS;
        println!("counting a call, its two looks at the clock included: {each:?}");
        assert!(each < Duration::from_micros(10), "{each:?}");
    }
}
