//! The worker is killed and made anew from what was saved.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::Notify;
use url::Url;

use super::super::memory::Memory;
use super::super::{Outgoing, Post, Seq, Setup, Worker};
use crate::client::{Clock, Outcome};
use crate::sign::Scheme;
use crate::testing::rng;

/// Takes everything, and remembers what came where, in order.
#[derive(Default)]
struct Peers {
    got: Mutex<BTreeMap<String, Vec<Seq>>>,
    count: Mutex<usize>,
    more: Notify,
    /// So many tries get 503.
    busy: AtomicU32,
}

#[async_trait]
impl Post for Peers {
    async fn post(&self, activity: &Outgoing, inbox: &Url, _: Option<Scheme>) -> Outcome {
        // A crash may come before it arrives, and after.
        tokio::task::yield_now().await;
        let less = |left: u32| left.checked_sub(1);
        if self.busy.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok() {
            return Outcome { status: Ok(503), retry_after_s: Some(90), scheme: None };
        }
        self.got.lock().entry(inbox.to_string()).or_default().push(activity.seq);
        *self.count.lock() += 1;
        self.more.notify_one();
        tokio::task::yield_now().await;
        Outcome { status: Ok(202), retry_after_s: None, scheme: Some(Scheme::Cavage) }
    }

    async fn is_gone(&self, _: &Url) -> bool {
        false
    }
}

fn clock() -> Clock {
    Arc::new(|| 1_000_000)
}

async fn start(queue: &Arc<Memory>, peers: &Arc<Peers>) -> tokio::task::JoinHandle<()> {
    let setup = Setup { concurrency: 8 };
    let worker =
        Worker::new(Arc::clone(queue), Arc::clone(peers), setup, clock(), rng()).await.unwrap();
    tokio::spawn(worker.run())
}

async fn kill(worker: tokio::task::JoinHandle<()>) {
    worker.abort();
    let _ = worker.await;
}

/// All of `1..=last` in order, each repeated only right away. Returns the repeats.
fn check_order(inbox: &str, got: &[Seq], last: Seq) -> usize {
    let mut repeats = 0;
    let mut before = 0;
    for seq in got {
        assert!(*seq == before || *seq == before + 1, "{inbox}: {seq} after {before}");
        repeats += usize::from(*seq == before);
        before = *seq;
    }
    assert_eq!(before, last, "{inbox}");
    repeats
}

async fn until_done(queue: &Memory, last: Seq) {
    let all_there = async {
        while !queue.saved.lock().values().all(|lane| lane.cursor == last) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), all_there).await.expect("all are delivered");
}

#[tokio::test]
async fn a_thousand_activities_reach_twenty_hosts_over_kills() {
    let (queue, peers) = (Arc::new(Memory::default()), Arc::new(Peers::default()));
    for host in 0..20 {
        let (name, base) = (format!("h{host}.test"), format!("https://h{host}.test"));
        queue.follow(&name, "a", &base, host % 2 == 0);
    }
    queue.log_many(1000, 0);
    let mut chance = rand::rngs::StdRng::seed_from_u64(1);
    let (mut kills, mut wanted) = (0, 0);
    while wanted < 19_500 {
        wanted = (*peers.count.lock()).max(wanted) + chance.random_range(1..300);
        let worker = start(&queue, &peers).await;
        while *peers.count.lock() < wanted.min(20_000) && !worker.is_finished() {
            peers.more.notified().await;
        }
        for _ in 0..chance.random_range(0..8) {
            tokio::task::yield_now().await;
        }
        kill(worker).await;
        kills += 1;
    }
    let worker = start(&queue, &peers).await;
    until_done(&queue, 1000).await;
    kill(worker).await;
    let got = peers.got.lock();
    assert_eq!(got.len(), 20);
    let repeats: Vec<usize> =
        got.iter().map(|(inbox, got)| check_order(inbox, got, 1000)).collect();
    assert!(kills > 50 && repeats.iter().all(|repeats| *repeats <= kills), "{kills} {repeats:?}");
    assert!(repeats.iter().sum::<usize>() > 0, "no kill came between sending and saving");
}

/// After every number of steps of a small world, twice in a row.
#[tokio::test]
async fn a_kill_at_every_step_repeats_one_activity_at_most() {
    let mut repeated = 0;
    for first in 0..120 {
        for second in [0, 1, 2, 3, 5, 8, 13, 21] {
            let (queue, peers) = (Arc::new(Memory::default()), Arc::new(Peers::default()));
            queue.follow("a.test", "a", "https://a.test", true);
            queue.follow("b.test", "b", "https://b.test", false);
            queue.follow("b.test", "c", "https://b.test", false);
            queue.log_many(4, 0);
            for steps in [first, second] {
                let worker = start(&queue, &peers).await;
                for _ in 0..steps {
                    tokio::task::yield_now().await;
                }
                kill(worker).await;
            }
            let worker = start(&queue, &peers).await;
            until_done(&queue, 4).await;
            kill(worker).await;
            let got = peers.got.lock();
            assert_eq!(got.len(), 3);
            for (inbox, got) in got.iter() {
                let repeats = check_order(inbox, got, 4);
                assert!(repeats <= 2, "{first} {second} {inbox}: {got:?}");
                repeated += repeats;
            }
        }
    }
    assert!(repeated > 0, "no kill came between sending and saving");
}

/// Nothing more is sent until it is written what was.
#[tokio::test]
async fn a_store_that_fails_holds_its_hosts_and_nothing_is_lost() {
    let (queue, peers) = (Arc::new(Memory::default()), Arc::new(Peers::default()));
    queue.follow("a.test", "a", "https://a.test", true);
    queue.log_many(3, 0);
    queue.failing.store(1, Ordering::SeqCst);
    let worker = start(&queue, &peers).await;
    until_done(&queue, 3).await;
    kill(worker).await;
    assert_eq!(peers.got.lock()["https://a.test/inbox"], [1, 2, 3]);
}

/// What is logged, and whom it goes to, while the worker runs.
#[tokio::test]
async fn a_running_worker_is_told_of_what_is_new() {
    let (queue, peers) = (Arc::new(Memory::default()), Arc::new(Peers::default()));
    let setup = Setup::default();
    let worker =
        Worker::new(Arc::clone(&queue), Arc::clone(&peers), setup, clock(), rng()).await.unwrap();
    let handle = worker.handle();
    let worker = tokio::spawn(worker.run());
    queue.log(None, 0);
    queue.follow("a.test", "a", "https://a.test", true);
    handle.added("a.test", queue.lane("a.test"));
    for _ in 0..200 {
        handle.grew(queue.log(None, 0));
        tokio::task::yield_now().await;
    }
    until_done(&queue, 201).await;
    assert_eq!(peers.got.lock()["https://a.test/inbox"], (2..=201).collect::<Vec<_>>());
    let metrics = handle.metrics();
    assert_eq!((metrics.hosts, metrics.delivered, metrics.failures), (1, 200, 0));
    assert!(handle.hosts(10).is_empty());
    // Who is dropped gets nothing more, and is not written again.
    handle.removed("a.test");
    queue.saved.lock().clear();
    handle.grew(queue.log(None, 0));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(queue.saved.lock().is_empty());
    assert_eq!(peers.got.lock()["https://a.test/inbox"].len(), 200);
    kill(worker).await;
}

/// A host that asked for a while is tried again when it is over, and not before.
#[tokio::test]
async fn a_worker_waits_as_long_as_it_was_asked_to() {
    let (queue, peers) = (Arc::new(Memory::default()), Arc::new(Peers::default()));
    queue.follow("a.test", "a", "https://a.test", true);
    queue.log(None, 0);
    peers.busy.store(1, Ordering::SeqCst);
    let now_ms = Arc::new(AtomicU64::new(1_000_000));
    let clock: Clock = {
        let now_ms = Arc::clone(&now_ms);
        Arc::new(move || now_ms.load(Ordering::SeqCst))
    };
    let (all, setup) = ((Arc::clone(&queue), Arc::clone(&peers)), Setup::default());
    let worker = Worker::new(all.0, all.1, setup, clock, rng()).await.unwrap();
    let handle = worker.handle();
    let worker = tokio::spawn(worker.run());
    let failed = async {
        while queue.lane("a.test").fails == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), failed).await.expect("it is busy");
    // What else is logged meanwhile does not hurry it.
    for ahead_ms in [0, 89_000] {
        now_ms.store(1_000_000 + ahead_ms, Ordering::SeqCst);
        handle.grew(queue.log(None, 0));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(peers.got.lock().is_empty(), "{ahead_ms}");
    }
    now_ms.store(1_000_000 + 110_000, Ordering::SeqCst);
    handle.grew(queue.log(None, 0));
    until_done(&queue, 4).await;
    assert_eq!(peers.got.lock()["https://a.test/inbox"], [1, 2, 3, 4]);
    let metrics = handle.metrics();
    assert_eq!((metrics.delivered, metrics.failures, metrics.failing), (4, 1, 0));
    kill(worker).await;
}
