//! A store in memory whose durability a test holds in its hand.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::ThreadId;
use std::time::Duration;

use node_store::{Batch, Keyspace, MemoryStore, Order, Row, Stats, Store, StoreError, Ticket};
use parking_lot::{Condvar, Mutex};

/// A step that hangs is a failed test.
const PATIENCE: Duration = Duration::from_secs(60);

/// What runs before a read of one keyspace, once.
type Hook = (ThreadId, Keyspace, Box<dyn FnOnce() + Send>);

/// A [`MemoryStore`] that makes each batch durable at once, until it is held.
pub(super) struct Disk {
    memory: MemoryStore,
    state: Mutex<State>,
    changed: Condvar,
    hook: Mutex<Option<Hook>>,
    /// Rows that were read, found or not.
    read: AtomicU64,
}

#[derive(Default)]
struct State {
    commits: u64,
    /// From this commit on, nothing becomes durable.
    held_from: Option<u64>,
}

impl Disk {
    pub(super) fn new() -> Arc<Self> {
        Self::over(MemoryStore::manual())
    }

    fn over(memory: MemoryStore) -> Arc<Self> {
        let (state, changed, hook, read) = Default::default();
        Arc::new(Self { memory, state, changed, hook, read })
    }

    /// From the `k`th commit on (the next is the first) nothing becomes durable.
    pub(super) fn hold_from(&self, k: u64) {
        let mut state = self.state.lock();
        state.held_from = Some(state.commits + k);
    }

    pub(super) fn hold(&self) {
        self.hold_from(1);
    }

    /// Makes all durable, and whatever comes.
    pub(super) fn release(&self) {
        self.state.lock().held_from = None;
        self.memory.make_durable(usize::MAX);
    }

    /// Waits until so many batches are applied and not durable.
    pub(super) fn wait_for_undurable(&self, batches: usize) {
        let mut state = self.state.lock();
        while self.memory.undurable() < batches {
            assert!(!self.changed.wait_for(&mut state, PATIENCE).timed_out(), "no batch came");
        }
    }

    /// Rows read since it was opened, and rows written.
    pub(super) fn work(&self) -> (u64, u64) {
        (self.read.load(Ordering::Relaxed), self.memory.stats().keys)
    }

    pub(super) fn commits(&self) -> u64 {
        self.state.lock().commits
    }

    /// Waits until `commits` were made in all.
    pub(super) fn wait_for_commits(&self, commits: u64) {
        let mut state = self.state.lock();
        while state.commits < commits {
            assert!(!self.changed.wait_for(&mut state, PATIENCE).timed_out(), "no batch came");
        }
    }

    pub(super) fn undurable(&self) -> usize {
        self.memory.undurable()
    }

    /// A power cut. The oldest `batches` of those not durable happened to survive it.
    pub(super) fn crash_keeping(&self, batches: usize) -> Arc<Self> {
        // Not between a commit and its becoming durable.
        let _state = self.state.lock();
        Self::over(self.memory.crash_keeping(batches))
    }

    /// A backup, restored into another store.
    pub(super) fn backup(&self) -> Arc<Self> {
        let (mut file, other) = (Vec::new(), Self::new());
        node_store::export(self, &mut file).unwrap();
        node_store::import(&mut &file[..], &*other).unwrap();
        other
    }

    pub(super) fn fail_at_commit(&self, k: u64) {
        self.memory.fail_at_commit(k);
    }

    pub(super) fn set_full(&self, full: bool) {
        self.memory.set_full(full);
    }

    /// Runs `hook` before this thread's next read of `space`, whatever other threads read.
    pub(super) fn before_next_read(&self, space: Keyspace, hook: impl FnOnce() + Send + 'static) {
        *self.hook.lock() = Some((std::thread::current().id(), space, Box::new(hook)));
    }

    fn run_hook(&self, space: Keyspace) {
        let mut place = self.hook.lock();
        let here = std::thread::current().id();
        if let Some((_, _, hook)) = place.take_if(|(thread, of, _)| *thread == here && *of == space)
        {
            drop(place);
            hook();
        }
    }
}

impl Store for Disk {
    fn get(&self, space: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.run_hook(space);
        self.read.fetch_add(1, Ordering::Relaxed);
        self.memory.get(space, key)
    }

    fn scan(
        &self,
        space: Keyspace,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
        order: Order,
    ) -> Result<Vec<Row>, StoreError> {
        self.run_hook(space);
        let rows = self.memory.scan(space, from, to, limit, order)?;
        self.read.fetch_add(1 + rows.len() as u64, Ordering::Relaxed);
        Ok(rows)
    }

    fn commit(&self, batch: Batch) -> Result<Ticket, StoreError> {
        self.memory.admit()?;
        self.commit_decided(batch)
    }

    fn commit_decided(&self, batch: Batch) -> Result<Ticket, StoreError> {
        let mut state = self.state.lock();
        let ticket = self.memory.commit_decided(batch)?;
        state.commits += 1;
        if state.held_from.is_none_or(|from| state.commits < from) {
            self.memory.make_durable(usize::MAX);
        }
        self.changed.notify_all();
        Ok(ticket)
    }

    fn durable(
        &self,
        ticket: Ticket,
    ) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>> {
        self.memory.durable(ticket)
    }

    fn wait_durable(&self, ticket: Ticket) -> Result<(), StoreError> {
        self.memory.wait_durable(ticket)
    }

    fn newest(&self) -> Ticket {
        self.memory.newest()
    }

    fn admit(&self) -> Result<(), StoreError> {
        self.memory.admit()
    }

    fn stats(&self) -> Stats {
        self.memory.stats()
    }

    fn failed(&self) -> Pin<Box<dyn Future<Output = String> + Send>> {
        self.memory.failed()
    }
}
