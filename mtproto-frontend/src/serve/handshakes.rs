//! Threads for the dear part of a key exchange, away from message traffic.
//!
//! One exchange costs milliseconds of RSA and DH. A few threads do nothing else; what waits for
//! them is bounded, and when nothing waits they fill the pool of (a, g^a).

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;

use keys::ServerKey;
use keys::dh::{DhSecret, Pool};
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::exchange::{Done, SeenNonces, ServerKeys, Work};
use crate::frontend::Bounds;

/// Pairs (a, g^a) kept ready, 600 bytes each: a burst of this many clients saves a third of its
/// arithmetic. A start fills them in a quarter of a second of idle time.
const POOL_PAIRS: usize = 64;

/// Client nonces remembered over all connections, 60 bytes each: ten minutes of full load.
const NONCES_MAX: usize = 100_000;

/// The pool of threads and what key exchanges share.
pub(crate) struct Handshakes {
    queue: Arc<Queue>,
    pub(crate) server_keys: Arc<ServerKeys>,
    pub(crate) seen: SeenNonces,
}

struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    waiting_max: usize,
}

struct State {
    jobs: VecDeque<Job>,
    pool: Pool,
    stopped: bool,
}

struct Job {
    work: Work,
    answer: oneshot::Sender<Done>,
}

/// What a thread does next.
enum Task {
    Job(Job),
    Refill,
    Stop,
}

impl Handshakes {
    pub(crate) fn new(server_keys: Vec<ServerKey>, old_rsa_padding: bool, bounds: &Bounds) -> Self {
        let state = State { jobs: VecDeque::new(), pool: Pool::new(POOL_PAIRS), stopped: false };
        let queue = Arc::new(Queue {
            state: Mutex::new(state),
            wake: Condvar::new(),
            waiting_max: bounds.handshakes_waiting_max,
        });
        for n in 0..bounds.handshake_threads {
            let queue = queue.clone();
            let spawned =
                thread::Builder::new().name(format!("handshake-{n}")).spawn(move || queue.run());
            if let Err(cause) = spawned {
                tracing::error!(%cause, "a handshake thread cannot be started");
            }
        }
        let server_keys = Arc::new(ServerKeys::new(server_keys, old_rsa_padding));
        Self { queue, server_keys, seen: SeenNonces::new(NONCES_MAX) }
    }

    /// Key exchanges that wait for a thread.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.state.lock().jobs.len()
    }

    /// Queues `work`; `None` when too much waits already.
    pub(crate) fn submit(&self, work: Work) -> Option<oneshot::Receiver<Done>> {
        let (answer, receiver) = oneshot::channel();
        let mut state = self.queue.state.lock();
        if state.jobs.len() >= self.queue.waiting_max || state.stopped {
            return None;
        }
        state.jobs.push_back(Job { work, answer });
        self.queue.wake.notify_one();
        Some(receiver)
    }
}

impl Drop for Handshakes {
    fn drop(&mut self) {
        self.queue.state.lock().stopped = true;
        self.queue.wake.notify_all();
    }
}

impl Queue {
    /// A thread's life.
    fn run(&self) {
        loop {
            match self.next() {
                Task::Stop => return,
                Task::Refill => {
                    // Outside of the lock: it takes milliseconds.
                    let secret = DhSecret::generate(&mut crate::rng());
                    self.state.lock().pool.push(secret);
                }
                // A client that went away has no use for the answer.
                Task::Job(job) if job.answer.is_closed() => {}
                Task::Job(Job { work, answer }) => {
                    let ready = || self.state.lock().pool.try_take();
                    let _ = answer.send(work.run(ready, &mut crate::rng()));
                }
            }
        }
    }

    fn next(&self) -> Task {
        let mut state = self.state.lock();
        loop {
            if state.stopped {
                return Task::Stop;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Task::Job(job);
            }
            if !state.pool.is_full() {
                return Task::Refill;
            }
            self.wake.wait(&mut state);
        }
    }
}
