//! Moves activities from the queue to the network: as many hosts at once as there are places.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::Rng as _;
use rand::rngs::StdRng;
use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};
use url::Url;

use super::{
    HostMetrics, Item, Lane, Metrics, Plan, Post, Queue, QueueError, Scheduler, Seq, Step, Turn,
    Verdict, judge,
};
use crate::client::{Clock, Outcome};

/// Needless activities that are passed in one turn.
const PASSED_A_TURN: usize = 64;
/// A cursor that moved over so many that were not for its host is worth a write.
const SCANNED_UNSAVED: u64 = 1000;
/// How long the store is left alone that failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// The longest sleep: a clock may have been set.
const SLEEP_MAX_MS: u64 = 60_000;

/// How deliveries run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    /// Hosts that are sent to at once. Default 32.
    pub(crate) concurrency: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self { concurrency: 32 }
    }
}

/// What others tell the worker, without waiting for it.
#[derive(Clone)]
pub(crate) struct Handle {
    scheduler: Arc<Mutex<Scheduler>>,
    wake: Arc<Notify>,
    clock: Clock,
}

impl Handle {
    /// The log has grown, durably.
    pub(crate) fn grew(&self, newest: Seq) {
        self.with(|scheduler, now_ms| scheduler.grew(newest, now_ms));
    }

    /// Something that was verified came from a host.
    pub(crate) fn heard(&self, host: &str) {
        self.with(|scheduler, now_ms| scheduler.heard(host, now_ms));
    }

    /// A host has its first target; its lane is saved already.
    pub(crate) fn added(&self, host: &str, lane: Lane) {
        self.with(|scheduler, now_ms| scheduler.add(host, lane, now_ms));
    }

    /// A host is not sent to any more: it was blocked, or has no followers.
    pub(crate) fn removed(&self, host: &str) {
        self.with(|scheduler, _| scheduler.remove(host));
    }

    /// How deliveries are doing.
    #[must_use]
    pub(crate) fn metrics(&self) -> Metrics {
        self.scheduler.lock().metrics()
    }

    /// How hosts are doing that lag or fail, the worst first.
    #[must_use]
    pub(crate) fn hosts(&self, limit: usize) -> Vec<HostMetrics> {
        self.scheduler.lock().hosts(limit)
    }

    fn with(&self, change: impl FnOnce(&mut Scheduler, u64)) {
        let now_ms = (self.clock)();
        change(&mut self.scheduler.lock(), now_ms);
        self.wake.notify_one();
    }
}

/// Runs deliveries. Dropped, it stops at once, and goes on from what was saved when it is made anew.
pub(crate) struct Worker<Q, P> {
    queue: Arc<Q>,
    post: Arc<P>,
    handle: Handle,
    rng: StdRng,
    turns: JoinSet<Ran>,
    hosts: HashMap<Id, Turn>,
    saves: JoinSet<Result<(), QueueError>>,
    saving: Vec<(String, Lane)>,
    unsaved: Vec<(String, Lane)>,
}

/// What became of a turn.
struct Ran {
    turn: Turn,
    lane: Lane,
    /// Whether it must be saved before the host goes on.
    save: bool,
    /// Whether its followers were dropped.
    over: bool,
    pending_ms: Option<u64>,
    counts: [u64; 3],
    /// How the last try in vain ended.
    trouble: Option<String>,
}

impl<Q: Queue, P: Post> Worker<Q, P> {
    /// Reads what was saved.
    ///
    /// # Errors
    /// [`QueueError`].
    pub(crate) async fn new(
        queue: Arc<Q>,
        post: Arc<P>,
        setup: Setup,
        clock: Clock,
        rng: StdRng,
    ) -> Result<Self, QueueError> {
        let (lanes, newest) = (queue.lanes().await?, queue.newest().await?);
        let scheduler = Scheduler::new(lanes, newest, setup.concurrency, clock());
        let scheduler = Arc::new(Mutex::new(scheduler));
        let handle = Handle { scheduler, wake: Arc::default(), clock };
        let (turns, saves) = (JoinSet::new(), JoinSet::new());
        let (hosts, saving, unsaved) = (HashMap::new(), Vec::new(), Vec::new());
        Ok(Self { queue, post, handle, rng, turns, hosts, saves, saving, unsaved })
    }

    /// What tells this worker of others' doings.
    #[must_use]
    pub(crate) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs until it is dropped.
    pub(crate) async fn run(mut self) {
        loop {
            let sleep = self.start();
            tokio::select! {
                Some(ran) = self.turns.join_next_with_id() => self.ran(ran),
                Some(saved) = self.saves.join_next() => self.saved(saved),
                () = self.handle.wake.notified() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    fn now_ms(&self) -> u64 {
        (self.handle.clock)()
    }

    /// Starts what may start. Returns how long nothing else will.
    fn start(&mut self) -> Duration {
        let now_ms = self.now_ms();
        loop {
            let taken = self.handle.scheduler.lock().take(now_ms);
            let Some(turn) = taken else { break };
            let (queue, post) = (Arc::clone(&self.queue), Arc::clone(&self.post));
            let (clock, chance) = (Arc::clone(&self.handle.clock), self.rng.next_u32());
            let task = self.turns.spawn(run_turn(queue, post, clock, turn.clone(), chance));
            self.hosts.insert(task.id(), turn);
        }
        // All lanes that wait are written at once, and the next ones after that.
        if self.saves.is_empty() && !self.unsaved.is_empty() {
            self.saving = std::mem::take(&mut self.unsaved);
            let (queue, lanes) = (Arc::clone(&self.queue), self.saving.clone());
            self.saves.spawn(async move {
                let saved = queue.save(lanes).await;
                if let Err(error) = &saved {
                    tracing::warn!(%error, "lanes of deliveries not saved");
                    tokio::time::sleep(STORE_PAUSE).await;
                }
                saved
            });
        }
        let due_ms = self.handle.scheduler.lock().next_due_ms();
        let wait_ms = due_ms.map_or(SLEEP_MAX_MS, |due_ms| due_ms.saturating_sub(now_ms));
        Duration::from_millis(wait_ms.clamp(1, SLEEP_MAX_MS))
    }

    fn ran(&mut self, ran: Result<(Id, Ran), tokio::task::JoinError>) {
        let now_ms = self.now_ms();
        let ran = match ran {
            Ok((id, ran)) => {
                self.hosts.remove(&id);
                ran
            }
            Err(error) => {
                // A turn that panicked is a failure of its host: the others go on.
                tracing::error!(%error, "a delivery ended badly");
                let Some(turn) = self.hosts.remove(&error.id()) else { return };
                let lane = Lane { next_try_ms: now_ms + SLEEP_MAX_MS, ..turn.lane.clone() };
                Ran {
                    turn,
                    lane,
                    save: false,
                    over: false,
                    pending_ms: None,
                    counts: [0, 0, 1],
                    trouble: None,
                }
            }
        };
        let Ran { turn, lane, save, over, pending_ms, counts, trouble } = ran;
        let mut scheduler = self.handle.scheduler.lock();
        let [delivered, dropped, failures] = counts;
        scheduler.count(delivered, dropped, failures);
        if let Some(trouble) = trouble {
            scheduler.stumbled(&turn.host, trouble);
        }
        let known = scheduler.finish(&turn, lane.clone(), pending_ms);
        if known && over {
            scheduler.remove(&turn.host);
        } else if known && save {
            self.unsaved.push((turn.host, lane));
        } else if known {
            scheduler.saved(&turn.host, now_ms);
        }
    }

    fn saved(&mut self, saved: Result<Result<(), QueueError>, tokio::task::JoinError>) {
        let (now_ms, lanes) = (self.now_ms(), std::mem::take(&mut self.saving));
        match saved {
            Ok(Ok(())) => {
                let mut scheduler = self.handle.scheduler.lock();
                lanes.iter().for_each(|(host, _)| scheduler.saved(host, now_ms));
            }
            // Nothing more is sent to these hosts until it is written what they got.
            Ok(Err(_)) => self.unsaved.extend(lanes),
            Err(error) => {
                tracing::error!(%error, "a save of lanes ended badly");
                self.unsaved.extend(lanes);
            }
        }
    }
}

/// Why something was not taken, for an operator.
fn in_words(outcome: &Outcome) -> String {
    /// What a server makes of it may be long.
    const CHARS_MAX: usize = 200;
    match &outcome.status {
        Ok(status) => format!("it answered {status}"),
        Err(error) => error.to_string().chars().take(CHARS_MAX).collect(),
    }
}

/// One host's turn: at most one activity, to some of its inboxes.
async fn run_turn<Q: Queue, P: Post>(
    queue: Arc<Q>,
    post: Arc<P>,
    clock: Clock,
    turn: Turn,
    chance: u32,
) -> Ran {
    let (lane, begun) = (turn.lane.clone(), turn.lane.cursor);
    let (pending_ms, counts, trouble) = (None, [0; 3], None);
    let mut ran = Ran { turn, lane, save: false, over: false, pending_ms, counts, trouble };
    match try_turn(&*queue, &*post, &clock, &mut ran, chance).await {
        Ok(()) => {
            ran.save |= ran.lane.cursor.saturating_sub(begun) >= SCANNED_UNSAVED;
            if !ran.save && ran.lane.cursor == begun {
                // A log that shows nothing, though it has grown, is not asked at once again.
                let soon_ms = clock() + STORE_PAUSE.as_millis() as u64;
                ran.lane.next_try_ms = ran.lane.next_try_ms.max(soon_ms);
            }
        }
        Err(error) => {
            // What was sent is kept in the lane; the store is asked again soon.
            tracing::warn!(%error, host = ran.turn.host, "a delivery could not be looked up");
            let soon_ms = clock() + STORE_PAUSE.as_millis() as u64;
            ran.lane.next_try_ms = ran.lane.next_try_ms.max(soon_ms);
        }
    }
    ran
}

async fn try_turn<Q: Queue, P: Post>(
    queue: &Q,
    post: &P,
    clock: &Clock,
    ran: &mut Ran,
    chance: u32,
) -> Result<(), QueueError> {
    let host = ran.turn.host.clone();
    if ran.lane.is_over(clock()) {
        queue.drop_host(&host).await?;
        ran.over = true;
        return Ok(());
    }
    for _ in 0..PASSED_A_TURN {
        let page = queue.next(&host, ran.lane.cursor).await?;
        let inboxes = match ran.lane.plan(&page, ran.turn.newest) {
            Plan::Nothing => return Ok(()),
            Plan::Passed => continue,
            Plan::Send(inboxes) => inboxes,
        };
        let Some(item) = page.item else { return Ok(()) };
        ran.save = true;
        send(queue, post, clock, ran, &item, &inboxes, chance).await?;
        if !ran.lane.finish(&item) {
            ran.pending_ms = Some(item.activity.created_ms);
        }
        return Ok(());
    }
    Ok(())
}

async fn send<Q: Queue, P: Post>(
    queue: &Q,
    post: &P,
    clock: &Clock,
    ran: &mut Ran,
    item: &Item,
    inboxes: &[Url],
    chance: u32,
) -> Result<(), QueueError> {
    let (activity, host) = (&*item.activity, ran.turn.host.clone());
    for inbox in inboxes {
        let shared = item.shared_inbox.as_ref() == Some(inbox);
        let outcome = post.post(activity, inbox, ran.lane.scheme).await;
        let verdict = judge(&outcome);
        let [delivered, dropped, failures] = &mut ran.counts;
        match verdict {
            Verdict::Done(_) => *delivered += 1,
            Verdict::Dropped | Verdict::NoInbox { .. } => {
                tracing::info!(host, seq = activity.seq, ?outcome, "not delivered");
                *dropped += 1;
            }
            Verdict::Retry { .. } | Verdict::Forbidden | Verdict::Stumbled => {
                *failures += 1;
                ran.trouble = Some(in_words(&outcome));
            }
        }
        match ran.lane.answer(inbox, verdict, clock(), chance) {
            Step::Next => {}
            Step::Stop => break,
            Step::DropInbox => queue.drop_inbox(&host, inbox).await?,
            Step::AskActor if shared => {}
            Step::AskActor => {
                for actor in &queue.followers_at(&host, inbox).await? {
                    if post.is_gone(actor).await {
                        queue.drop_follower(&host, actor).await?;
                    }
                }
            }
        }
    }
    Ok(())
}
