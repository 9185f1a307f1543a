//! A store in memory, for tests: the same contract, and the faults that a disk can have.

use std::collections::{BTreeMap, VecDeque};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use crate::tape::{Tape, Taped};
use crate::watermark::{Waiters, Watermark, watermark};
use crate::{Batch, Keyspace, Order, Row, Stats, Store, StoreError, Ticket, pieces};

/// A key of the engine and what was under it before.
type Change = (Vec<u8>, Option<Vec<u8>>);

/// What runs before a read, see [`MemoryStore::before_each_read`].
type Hook = Box<dyn FnMut(&MemoryStore) + Send>;

/// [`Store`] over a sorted map. Batches are applied when they are committed; whether they are
/// durable at once is chosen when it is made.
pub struct MemoryStore {
    inner: Mutex<Inner>,
    hook: Mutex<Option<Hook>>,
    tape: Tape,
    watermark: Watermark,
    waiters: Waiters,
}

struct Inner {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    newest: u64,
    manual: bool,
    /// Of each batch that is not durable yet, oldest first: how to take it back.
    undo: VecDeque<Vec<Change>>,
    /// Commits that still succeed; `None` for all.
    successes: Option<u64>,
    full: bool,
    stats: Stats,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store whose batches are durable at once.
    #[must_use]
    pub fn new() -> Self {
        Self::with(BTreeMap::new(), false)
    }

    /// An empty store whose batches become durable with [`Self::make_durable`] only.
    #[must_use]
    pub fn manual() -> Self {
        Self::with(BTreeMap::new(), true)
    }

    fn with(rows: BTreeMap<Vec<u8>, Vec<u8>>, manual: bool) -> Self {
        let (watermark, waiters) = watermark(0);
        let inner = Inner {
            rows,
            newest: 0,
            manual,
            undo: VecDeque::new(),
            successes: None,
            full: false,
            stats: Stats::default(),
        };
        let (hook, tape) = (Mutex::new(None), Tape::default());
        Self { inner: Mutex::new(inner), hook, tape, watermark, waiters }
    }

    /// Makes the oldest `batches` of those that are not durable so, in one flush.
    pub fn make_durable(&self, batches: usize) {
        let mut inner = self.inner.lock();
        let batches = batches.min(inner.undo.len());
        if batches == 0 {
            return;
        }
        inner.undo.drain(..batches);
        inner.stats.commits += 1;
        inner.stats.syncs += 1;
        self.watermark.advance(inner.newest - inner.undo.len() as u64);
    }

    /// How many batches are applied but not durable.
    #[must_use]
    pub fn undurable(&self) -> usize {
        self.inner.lock().undo.len()
    }

    /// What a power cut leaves: a new store that holds exactly what was durable, and counts its
    /// tickets anew. This one fails, so that nobody waits for ever for what it lost.
    #[must_use]
    pub fn crash(&self) -> Self {
        self.crash_keeping(0)
    }

    /// A power cut that the oldest `batches` of those not durable happened to survive: a disk may
    /// keep more than it promised, but never a later batch without the earlier ones.
    #[must_use]
    pub fn crash_keeping(&self, batches: usize) -> Self {
        let inner = self.inner.lock();
        let mut rows = inner.rows.clone();
        for undo in inner.undo.iter().skip(batches).rev() {
            for (key, value) in undo.iter().rev() {
                match value {
                    Some(value) => rows.insert(key.clone(), value.clone()),
                    None => rows.remove(key),
                };
            }
        }
        self.watermark.fail("the power was cut");
        Self::with(rows, inner.manual)
    }

    /// Lets the `k`th commit from now (the next is the first) fail as a broken disk does: it gets
    /// a ticket, and then the store stops. Nothing of it or of anything later is applied.
    pub fn fail_at_commit(&self, k: u64) {
        self.inner.lock().successes = Some(k.saturating_sub(1));
    }

    /// Whether writes are refused because the disk is full.
    pub fn set_full(&self, full: bool) {
        self.inner.lock().full = full;
    }

    /// Runs `hook` before every [`Store::get`] and [`Store::scan`]: a test commits in it to stand
    /// between two reads. Reads within the hook do not run it again.
    pub fn before_each_read(&self, hook: impl FnMut(&Self) + Send + 'static) {
        *self.hook.lock() = Some(Box::new(hook));
    }

    fn run_hook(&self) {
        let Some(mut hook) = self.hook.lock().take() else { return };
        hook(self);
        // Unless it set another one in its place.
        self.hook.lock().get_or_insert(hook);
    }
}

impl Inner {
    fn value(&self, key: &[u8], head: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        pieces::read(key, head.to_vec(), |key| Ok(self.rows.get(key).cloned()))
    }

    fn apply(&mut self, batch: Batch) -> Result<(), StoreError> {
        let mut undo = Vec::new();
        for (key, value) in batch.operations {
            let mut changes = Vec::new();
            pieces::write(
                key,
                value,
                |key| Ok(self.rows.contains_key(&pieces::first_piece(key))),
                |key, value| changes.push((key, value)),
            )?;
            for (key, value) in changes {
                let old = match value {
                    Some(value) => self.rows.insert(key.clone(), value),
                    None => self.rows.remove(&key),
                };
                if self.manual {
                    undo.push((key, old));
                }
            }
        }
        if self.manual {
            self.undo.push_back(undo);
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    fn get(&self, space: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.run_hook();
        let inner = self.inner.lock();
        let key = space.key(key);
        inner.rows.get(&key).map_or(Ok(None), |head| inner.value(&key, head))
    }

    fn scan(
        &self,
        space: Keyspace,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
        order: Order,
    ) -> Result<Vec<Row>, StoreError> {
        self.run_hook();
        let Some(range) = space.range(from, to) else { return Ok(Vec::new()) };
        let inner = self.inner.lock();
        let rows = inner.rows.range(range);
        let row = |(key, head): (&Vec<u8>, &Vec<u8>)| {
            let value = inner.value(key, head)?.unwrap_or_default();
            Ok((key.get(1..).unwrap_or_default().to_vec(), value))
        };
        match order {
            Order::Ascending => rows.take(limit).map(row).collect(),
            Order::Descending => rows.rev().take(limit).map(row).collect(),
        }
    }

    fn commit(&self, batch: Batch) -> Result<Ticket, StoreError> {
        self.admit_to(&self.inner.lock())?;
        self.commit_decided(batch)
    }

    fn commit_decided(&self, batch: Batch) -> Result<Ticket, StoreError> {
        let bytes = batch.check()?;
        let mut inner = self.inner.lock();
        if self.waiters.has_failed() {
            return Err(StoreError::Stopped);
        }
        let ticket = inner.newest + 1;
        if inner.successes == Some(0) {
            self.watermark.fail("the disk broke");
            return Ok(Ticket(ticket));
        }
        if let Some(left) = &mut inner.successes {
            *left -= 1;
        }
        let keys = batch.len() as u64;
        let recorded = self.tape.records().then(|| batch.clone());
        inner.apply(batch)?;
        recorded.into_iter().for_each(|batch| self.tape.add(batch));
        inner.newest = ticket;
        inner.stats.batches += 1;
        inner.stats.keys += keys;
        inner.stats.bytes += bytes as u64;
        if !inner.manual {
            inner.stats.commits += 1;
            inner.stats.syncs += 1;
            self.watermark.advance(ticket);
        }
        Ok(Ticket(ticket))
    }

    fn durable(&self, ticket: Ticket) -> BoxFuture<'static, Result<(), StoreError>> {
        self.waiters.durable(ticket)
    }

    fn wait_durable(&self, ticket: Ticket) -> Result<(), StoreError> {
        self.waiters.wait_durable(ticket)
    }

    fn newest(&self) -> Ticket {
        Ticket(self.inner.lock().newest)
    }

    fn admit(&self) -> Result<(), StoreError> {
        self.admit_to(&self.inner.lock())
    }

    fn stats(&self) -> Stats {
        self.inner.lock().stats
    }

    fn failed(&self) -> BoxFuture<'static, String> {
        self.waiters.failed()
    }
}

impl Taped for MemoryStore {
    fn tape(&self) -> &Tape {
        &self.tape
    }
}

impl MemoryStore {
    fn admit_to(&self, inner: &Inner) -> Result<(), StoreError> {
        if self.waiters.has_failed() {
            Err(StoreError::Stopped)
        } else if inner.full {
            Err(StoreError::Full { free_bytes: 0, total_bytes: 0 })
        } else {
            Ok(())
        }
    }
}
