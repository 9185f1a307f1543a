//! From the committer's thread to the ways, and patience.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use node_core::{Clock, Event, Follower, Outbound};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::error::Failed;
use crate::message::purpose;
use crate::{Command, Smtp, Webhook};

/// Codes that wait to be handed over. Protects memory; what comes on top is dropped, and the person
/// asks again.
const QUEUE_MAX: usize = 256;

/// Codes on their way at once. One that a dead server holds up holds up no other.
const AT_ONCE_MAX: usize = 16;

/// Pause after the first failure; doubled by each further one.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// The ways of a node. All may be absent.
pub struct Setup {
    /// The node's name, for texts.
    pub node: String,
    /// Wall time.
    pub clock: Clock,
    /// Mail.
    pub smtp: Option<Smtp>,
    /// A program behind HTTP.
    pub webhook: Option<Webhook>,
    /// A program of this machine.
    pub command: Option<Command>,
}

/// What became of codes since the start.
#[derive(Debug, Default)]
pub struct Counters {
    delivered: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
}

impl Counters {
    /// Taken by a way.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Given up.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Not even queued.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// Follows core and delivers. Cheap to clone.
#[derive(Clone)]
pub struct Delivery {
    queue: Sender<Arc<Outbound>>,
    counters: Arc<Counters>,
}

/// What the task works with.
struct Ways {
    setup: Setup,
    counters: Arc<Counters>,
    pause_first: Duration,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
enum Way {
    Mail,
    Webhook,
    Command,
}

impl Delivery {
    /// The follower, and the work that it queues: to be run until the node ends.
    pub fn new(setup: Setup) -> (Self, impl Future<Output = ()> + Send) {
        Self::with_pause(setup, PAUSE_FIRST)
    }

    fn with_pause(setup: Setup, pause_first: Duration) -> (Self, impl Future<Output = ()> + Send) {
        let (queue, waiting) = channel(QUEUE_MAX);
        let counters = Arc::new(Counters::default());
        let ways = Arc::new(Ways { setup, counters: counters.clone(), pause_first });
        (Self { queue, counters }, work(ways, waiting))
    }

    /// What became of codes since the start.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Follower for Delivery {
    fn happened(&self, event: &Event) {
        let Event::Outbound(sent) = event else { return };
        if self.queue.try_send(sent.clone()).is_err() {
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
            let user = sent.user.map(|user| user.0);
            tracing::warn!(
                user,
                purpose = purpose(sent.purpose),
                "too many codes wait: one is lost"
            );
        }
    }
}

async fn work(ways: Arc<Ways>, mut waiting: Receiver<Arc<Outbound>>) {
    let places = Arc::new(Semaphore::new(AT_ONCE_MAX));
    let started_ms = (ways.setup.clock)();
    let mut number = 0_u64;
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Some(sent) = waiting.recv().await else { return };
        number += 1;
        // The same at every attempt, and never again: receivers tell repetitions by it.
        let id = format!("{started_ms:x}-{number}");
        let ways = ways.clone();
        tokio::spawn(async move {
            ways.deliver(&sent, &id).await;
            drop(place);
        });
    }
}

impl Ways {
    async fn deliver(&self, sent: &Outbound, id: &str) {
        let Setup { smtp, webhook, command, .. } = &self.setup;
        let ways: Vec<Way> = if sent.email.is_some() {
            smtp.iter().map(|_| Way::Mail).collect()
        } else {
            let webhook = webhook.iter().map(|_| Way::Webhook);
            webhook.chain(command.iter().map(|_| Way::Command)).collect()
        };
        for way in ways {
            self.deliver_by(way, sent, id).await;
        }
    }

    async fn deliver_by(&self, way: Way, sent: &Outbound, id: &str) {
        let (user, purpose) = (sent.user.map(|user| user.0), purpose(sent.purpose));
        let mut pause = self.pause_first;
        loop {
            let failed = match self.attempt(way, sent, id).await {
                Ok(()) => {
                    self.counters.delivered.fetch_add(1, Ordering::Relaxed);
                    tracing::debug!(?way, user, purpose, "a code was handed over");
                    return;
                }
                Err(failed) => failed,
            };
            let left = u64::try_from(sent.expires).unwrap_or(0) * 1000;
            let left = Duration::from_millis(left.saturating_sub((self.setup.clock)()));
            if failed.for_good || left <= pause {
                self.counters.failed.fetch_add(1, Ordering::Relaxed);
                let reason = failed.reason;
                tracing::warn!(?way, user, purpose, reason, "a code was not delivered");
                return;
            }
            tracing::info!(?way, user, purpose, reason = failed.reason, "a code has to wait");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn attempt(&self, way: Way, sent: &Outbound, id: &str) -> Result<(), Failed> {
        let Setup { node, clock, smtp, webhook, command } = &self.setup;
        let now = i32::try_from(clock() / 1000).unwrap_or(i32::MAX);
        match way {
            Way::Mail => match smtp {
                Some(smtp) => smtp.deliver(node, id, sent, now).await,
                None => Ok(()),
            },
            Way::Webhook => match webhook {
                Some(webhook) => webhook.deliver(node, id, sent, now).await,
                None => Ok(()),
            },
            Way::Command => match command {
                Some(command) => command.deliver(node, id, sent, now).await,
                None => Ok(()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::a_code;

    fn clock(now_ms: u64) -> Clock {
        Arc::new(move || now_ms)
    }

    fn failing(script: &str, now_ms: u64) -> Setup {
        let command =
            Command::new(["sh", "-c", script].map(String::from).to_vec(), Duration::from_secs(10));
        Setup {
            node: "Rookery".into(),
            clock: clock(now_ms),
            smtp: None,
            webhook: None,
            command: Some(command.unwrap()),
        }
    }

    #[tokio::test]
    async fn what_does_not_fit_is_dropped_and_counted() {
        let (delivery, _work) = Delivery::new(failing("true", 0));
        let event = Event::Outbound(Arc::new(a_code()));
        for _ in 0..QUEUE_MAX + 3 {
            delivery.happened(&event);
        }
        assert_eq!(delivery.counters().dropped(), 3);
    }

    #[tokio::test]
    async fn a_failure_is_tried_again_while_the_code_lives() {
        let directory = tempfile::TempDir::new().unwrap();
        let once = directory.path().join("once");
        // Fails the first time.
        let script = format!("test -e '{0}' || {{ touch '{0}'; exit 1; }}", once.display());
        let setup = failing(&script, 1_290_000);
        let (delivery, work) = Delivery::with_pause(setup, Duration::from_millis(1));
        delivery.happened(&Event::Outbound(Arc::new(a_code())));
        let counters = delivery.counters.clone();
        drop(delivery);
        work.await;
        while counters.delivered() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!((counters.delivered(), counters.failed()), (1, 0));
    }

    #[tokio::test]
    async fn a_code_that_is_over_is_given_up() {
        let (delivery, work) = Delivery::new(failing("exit 1", 1_299_500));
        delivery.happened(&Event::Outbound(Arc::new(a_code())));
        let counters = delivery.counters.clone();
        drop(delivery);
        work.await;
        while counters.failed() == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(counters.delivered(), 0);
    }
}
