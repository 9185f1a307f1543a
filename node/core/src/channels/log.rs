//! The logs of channels, as this node writes them.
//!
//! Keyspace `LOGS`, key = channel (8) ++ 0 ++ seq (8): the entries of the control chain; channel (8)
//! ++ 1 ++ incarnation (4) ++ seq (8): those of this node's lane, while nobody else writes. Once others
//! do: channel (8) ++ 2 ++ number (8), those of all lanes in the order in which they were delivered
//! here; channel (8) ++ 3 ++ node (16) ++ incarnation (4) ++ seq (8) ++ hash (16), the number of one.
//! Channel (8) ++ 4 ++ entry (16): a key that another member gave, sealed to this node. Other values
//! are whole entries.
//!
//! A chain lies in memory while its channel is written in; of the lane only where it ends. A log in
//! which others write lies there as a whole ([`Replica`]). Only the committer writes, and only it asks.

mod epochs;
mod examine;
#[cfg(test)]
mod for_tests;
mod keys_of;
mod read;
mod receive;
mod write;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use glog::body::Action;
use glog::control::{Chain, ControlEntry};
use glog::{
    Entry, EntryRef, Event, GAP_AFTER_MS, Hash16, LaneEnd, PENDING_MAX, Rejected, Replica, UserRef,
};
use keys::epoch::EpochSecret;
use node_store::{Keyspace, Order, Store};
use parking_lot::{Mutex, RwLock};

use crate::decide::Decide;
use crate::federation::Federated;
use crate::ids::{ChannelId, UserId};
use crate::{CoreError, CoreResult};

pub(crate) use examine::examine;
pub use keys_of::LogKeys;
pub(super) use write::Start;

const CONTROL: u8 = 0;
const DATA: u8 = 1;
const DELIVERED: u8 = 2;
const PLACE: u8 = 3;
const KEY: u8 = 4;

/// All rows of a log, however many.
const ROWS_MAX: usize = usize::MAX >> 1;

/// Chains that stay in memory when nobody writes there.
const LOGS_MAX: usize = 256;

/// Entries that are read in one go.
const ENTRIES_AT_ONCE: usize = 256;

/// Key in [`Keyspace::SETTINGS`]: the incarnation of this node's lanes, 4 bytes.
const INCARNATION_KEY: &[u8] = b"incarnation";

/// Key in [`Keyspace::SETTINGS`]: the stamp of the store in which the node wrote last, 16 bytes.
const STAMP_KEY: &[u8] = b"stamp";

const ENTRY: &str = "entry of a log";
const UNOPENED: CoreError = CoreError::Damaged("key of a channel");

/// The logs that are written in.
#[derive(Debug)]
pub(crate) struct Logs {
    /// Other ones after a rotation: whoever signs something takes them once.
    keys: RwLock<Arc<LogKeys>>,
    /// Of this node's lanes: rises when a backup is restored, since others may hold what it has not.
    incarnation: AtomicU32,
    open: Mutex<HashMap<ChannelId, Log>>,
}

/// Where a log was before a command: back to there if the command fails.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogMark {
    channel: ChannelId,
    /// Entries of the chain; 0: it began with the command.
    entries: usize,
    /// Of the lane.
    end: LaneEnd,
    /// Others write in it.
    shared: bool,
}

impl LogMark {
    /// Whether both are of one log.
    pub(crate) fn is_of_same(&self, other: &Self) -> bool {
        self.channel == other.channel
    }
}

/// The log of one channel.
struct Log {
    held: Held,
    /// The key in force, of a private channel in which nobody else writes.
    secret: Option<EpochSecret>,
}

/// What of a log lies in memory.
enum Held {
    /// Nobody else writes: the chain, and where this node's lane ends.
    Alone { chain: Box<Chain>, end: LaneEnd },
    /// Other nodes write too: all of it.
    Shared(Box<Shared>),
}

/// A log in which other nodes write. Its replica knows the keys of a private group.
pub(crate) struct Shared {
    pub(crate) replica: Replica,
    /// The number that the next entry of a lane gets which is delivered here.
    next: u64,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("head", &self.chain().state().head.0).finish_non_exhaustive()
    }
}

impl Logs {
    /// # Errors
    /// Those of the store.
    pub(crate) fn new(keys: LogKeys, store: &dyn Store) -> CoreResult<Self> {
        let row = store.get(Keyspace::SETTINGS, INCARNATION_KEY)?;
        let inc = row.and_then(|row| row.first_chunk().map(|inc| u32::from_be_bytes(*inc)));
        let incarnation = AtomicU32::new(inc.unwrap_or(0));
        let keys = RwLock::new(Arc::new(keys));
        Ok(Self { keys, incarnation, open: Mutex::default() })
    }

    /// That of the node's lanes.
    pub(crate) fn incarnation(&self) -> u32 {
        self.incarnation.load(Ordering::SeqCst)
    }

    /// A user of this node, as logs name them.
    pub(crate) fn user(&self, user: UserId) -> UserRef {
        UserRef { node: self.keys().node().short(), id: user.0.unsigned_abs() }
    }

    /// Who this node is, and what it signs with.
    pub(crate) fn keys(&self) -> Arc<LogKeys> {
        self.keys.read().clone()
    }

    /// Signs with these from now on: they are durable.
    pub(crate) fn set_keys(&self, keys: LogKeys) {
        *self.keys.write() = Arc::new(keys);
    }

    /// Forgets chains beyond the bound. The committer calls it when all that was written is in the
    /// store.
    pub(crate) fn evict(&self) {
        let mut open = self.open.lock();
        if open.len() > LOGS_MAX {
            // Half, whichever: to forget all would read all again at once, batch after batch.
            let mut kept = 0;
            open.retain(|_, _| {
                kept += 1;
                kept <= LOGS_MAX / 2
            });
        }
    }

    /// Channels in whose logs something waits for what has not come.
    pub(crate) fn waiting(&self) -> Vec<ChannelId> {
        let open = self.open.lock();
        let waits = |log: &Log| match &log.held {
            Held::Shared(shared) => shared.replica.pending() > 0,
            Held::Alone { .. } => false,
        };
        open.iter().filter(|(_, log)| waits(log)).map(|(channel, _)| *channel).collect()
    }

    /// How many entries of each node wait in logs that are open.
    pub(crate) fn pending(&self) -> Vec<(ChannelId, glog::Node16, u64)> {
        let open = self.open.lock();
        let mut all = Vec::new();
        for (channel, log) in &*open {
            if let Held::Shared(shared) = &log.held {
                let waits = shared.replica.pending_of_nodes().into_iter();
                all.extend(waits.map(|(node, count)| (*channel, node, count)));
            }
        }
        all
    }

    /// A command failed: what it wrote was never written.
    ///
    /// # Errors
    /// [`CoreError::Damaged`] where a chain does not fold a second time.
    pub(crate) fn roll_back(&self, marks: &[LogMark]) -> CoreResult<()> {
        let mut open = self.open.lock();
        for mark in marks {
            // A shared one is read anew, with what earlier commands of the batch have written.
            if mark.entries == 0 || mark.shared {
                open.remove(&mark.channel);
                continue;
            }
            let Some(log) = open.get_mut(&mark.channel) else { continue };
            let Held::Alone { chain, end } = &mut log.held else { continue };
            if chain.entries().len() > mark.entries {
                let kept = chain.entries().iter().take(mark.entries).cloned();
                **chain = Chain::restore(kept).map_err(|_| CoreError::Damaged(ENTRY))?;
            }
            *end = mark.end;
            log.secret = log.secret_in_force(&self.keys())?;
        }
        Ok(())
    }

    /// Writes an entry above a chain that is in memory.
    ///
    /// # Errors
    /// [`CoreError::TooLarge`].
    pub(crate) fn with_open(
        &self,
        channel: ChannelId,
        write: impl FnOnce(&Chain) -> Result<Entry, glog::cbor::Malformed>,
    ) -> CoreResult<Entry> {
        self.with(channel, |_, log| write(log.chain()).map_err(too_large))
    }

    /// Does something with a log that [`Decide::open_log`] has opened.
    fn with<T>(
        &self,
        channel: ChannelId,
        act: impl FnOnce(&LogKeys, &mut Log) -> CoreResult<T>,
    ) -> CoreResult<T> {
        let keys = self.keys();
        let mut open = self.open.lock();
        act(&keys, open.get_mut(&channel).ok_or(CoreError::Damaged(ENTRY))?)
    }
}

impl Log {
    fn load(store: &dyn Store, keys: &LogKeys, channel: ChannelId, inc: u32) -> CoreResult<Self> {
        let damaged = |_| CoreError::Damaged(ENTRY);
        let mut entries = Vec::new();
        let mut from = entry_key(channel, CONTROL, &[]);
        let end = entry_key(channel, DATA, &[]);
        loop {
            let rows =
                store.scan(Keyspace::LOGS, &from, Some(&end), ENTRIES_AT_ONCE, Order::Ascending)?;
            let Some((last, _)) = rows.last() else { break };
            from = [last.as_slice(), &[0]].concat();
            for (_, entry) in &rows {
                let entry = Entry::decode(entry).map_err(damaged)?;
                entries.push(ControlEntry::new(entry).map_err(|_| CoreError::Damaged(ENTRY))?);
            }
        }
        let chain = Chain::restore(entries).map_err(|_| CoreError::Damaged(ENTRY))?;
        let lane = entry_key(channel, DATA, &inc.to_be_bytes());
        let after = entry_key(channel, DATA, &(inc + 1).to_be_bytes());
        let rows = store.scan(Keyspace::LOGS, &lane, Some(&after), 1, Order::Descending)?;
        let last = rows.first().map(|(_, entry)| Entry::decode(entry).map_err(damaged));
        let last = last.transpose()?.map(|entry| (entry.header().seq, entry.id()));
        let end = LaneEnd { inc, last };
        let mut log = Self { held: Held::Alone { chain: Box::new(chain), end }, secret: None };
        log.secret = log.secret_in_force(keys)?;
        Ok(log)
    }

    /// The incarnation of this node's lane: the node's, unless it was removed since that one.
    fn incarnation(&self, keys: &LogKeys, global: u32) -> u32 {
        let own = self.chain().state().nodes.get(&keys.node().short());
        own.map_or(global, |own| own.floor.max(global))
    }

    fn chain(&self) -> &Chain {
        match &self.held {
            Held::Alone { chain, .. } => chain,
            Held::Shared(shared) => shared.replica.chain(),
        }
    }

    fn mark(&self, channel: ChannelId) -> LogMark {
        let (shared, end) = match &self.held {
            Held::Alone { end, .. } => (false, *end),
            // It is read anew, whatever it was.
            Held::Shared(_) => (true, LaneEnd { inc: 0, last: None }),
        };
        LogMark { channel, entries: self.chain().entries().len(), end, shared }
    }

    /// The key that bodies are sealed under now; none in a public channel.
    fn secret_in_force(&self, keys: &LogKeys) -> CoreResult<Option<EpochSecret>> {
        let Some(epoch) = self.chain().state().epoch else { return Ok(None) };
        let carried = self.chain().entries().iter().find(|entry| entry.id().short() == epoch);
        let secret = carried.and_then(|entry| keys.open_epoch(entry)).ok_or(UNOPENED)?;
        Ok(Some(secret))
    }
}

fn entry_key(channel: ChannelId, lane: u8, rest: &[u8]) -> Vec<u8> {
    [&channel.bytes()[..], &[lane], rest].concat()
}

/// Entries of lanes that were delivered here from one number up to another, each with its number.
pub(super) fn delivered_rows(
    store: &dyn Store,
    channel: ChannelId,
    (from, to): (u64, u64),
    limit: usize,
) -> CoreResult<Vec<(u64, Vec<u8>)>> {
    let [from, to] = [from, to].map(|number| entry_key(channel, DELIVERED, &number.to_be_bytes()));
    let rows = store.scan(Keyspace::LOGS, &from, Some(&to), limit, Order::Ascending)?;
    let numbered = rows.into_iter().map(|(key, row)| {
        let number = key.last_chunk().map(|number| u64::from_be_bytes(*number));
        Ok((number.ok_or(CoreError::Damaged(ENTRY))?, row))
    });
    numbered.collect()
}

fn place_of(at: &EntryRef) -> Vec<u8> {
    [&at.node.0[..], &at.inc.to_be_bytes(), &at.seq.to_be_bytes(), &at.hash.0].concat()
}

/// Where an entry of a lane stands, and the one before it.
fn places(entry: &Entry) -> Option<(EntryRef, Option<EntryRef>)> {
    let header = entry.header();
    let (node, inc) = (header.node.short(), header.inc()?);
    let at = EntryRef { node, inc, seq: header.seq, hash: entry.id().short() };
    let before = header.seq.checked_sub(1);
    Some((at, before.map(|seq| EntryRef { seq, hash: header.prev.short(), ..at })))
}

/// Whether the store was filled from a backup since the node wrote last; `stamp` is of this copy of it.
///
/// # Errors
/// Those of the store.
pub fn is_restored(store: &dyn Store, stamp: [u8; 16]) -> CoreResult<bool> {
    let known = store.get(Keyspace::SETTINGS, STAMP_KEY)?;
    Ok(known.is_some_and(|known| known != stamp))
}

/// Whom an action is about.
fn named_in(action: &Action) -> Option<UserRef> {
    match action {
        Action::Promote(of) => Some(of.user),
        Action::Demote(of) => Some(of.user),
        Action::Ban(of) => Some(of.user),
        Action::Restrict(of) => Some(of.user),
        Action::Unban(of) => Some(of.user),
        Action::Admit(of) => Some(of.user),
        Action::TransferOwner(of) => Some(of.user),
        _ => None,
    }
}

fn changes_chain(event: &Event) -> bool {
    matches!(event, Event::Control { .. } | Event::Recovered { .. })
}

fn carries_key(entry: &ControlEntry) -> bool {
    entry.action().is_some_and(|action| action.epoch().is_some())
}

/// What a key that one member gives another is bound to.
fn given_bound(group: glog::GroupId, id: Hash16) -> Vec<u8> {
    [&b"glog1-key"[..], &group.0, &id.0].concat()
}

fn too_large<E>(_: E) -> CoreError {
    CoreError::TooLarge(ENTRY)
}

impl Decide<'_> {
    /// Reads a log from the store, unless it is in memory.
    fn open_log(&self, channel: ChannelId) -> CoreResult<()> {
        let logs = &self.inner.logs;
        if logs.open.lock().contains_key(&channel) {
            return Ok(());
        }
        let log = match self.federated(channel)? {
            Some(found) if found.shared => self.load_shared(channel)?,
            _ => Log::load(self.store(), &logs.keys(), channel, logs.incarnation())?,
        };
        logs.open.lock().insert(channel, log);
        Ok(())
    }

    /// All of a log in which others write, in the order in which it came: so nothing waits.
    fn load_shared(&self, channel: ChannelId) -> CoreResult<Log> {
        let damaged = || CoreError::Damaged(ENTRY);
        let keys = self.inner.logs.keys();
        let rows = |lane: u8, rest: &[u8]| {
            self.scan_prefix(Keyspace::LOGS, &entry_key(channel, lane, rest), ROWS_MAX)
        };
        let decode = |row: &[u8]| Entry::decode(row).map_err(|_| damaged());
        let mut control = rows(CONTROL, &[])?.into_iter();
        let (_, genesis) = control.next().ok_or_else(damaged)?;
        let replica = Replica::new(keys.node(), decode(&genesis)?, usize::MAX);
        let mut replica = replica.map_err(|_| damaged())?;
        for (_, row) in control {
            replica.receive(decode(&row)?, 0).map_err(|_| damaged())?;
        }
        if let Some(rival) = self.rival_of(channel)? {
            // It was taken once. If it is not now, there is no dispute.
            let _ = replica.receive(rival, 0);
        }
        // Before what they open: it is then read as it is received.
        let carriers = replica.chain().entries().iter().filter(|entry| carries_key(entry));
        let ids: Vec<Hash16> = carriers.map(|entry| entry.id().short()).collect();
        for id in ids {
            let group = replica.chain().group();
            let given = self.get(Keyspace::LOGS, &entry_key(channel, KEY, &id.0))?;
            let given = given.and_then(|given| keys.open_given(group, id, &given));
            if let Some(secret) = given.or_else(|| keys.open_box(replica.chain(), id)) {
                replica.learn_key(id, secret);
            }
        }
        let delivered = rows(DELIVERED, &[])?;
        let next = delivered.last().and_then(|(key, _)| key.last_chunk::<8>());
        let next = next.map_or(0, |number| u64::from_be_bytes(*number) + 1);
        // Of all incarnations, in their order.
        let lane = rows(DATA, &[])?;
        let mut dead = BTreeSet::new();
        for (_, row) in lane.iter().chain(&delivered) {
            let entry = decode(row)?;
            let (at, before) = places(&entry).ok_or_else(damaged)?;
            if before.is_some_and(|before| dead.contains(&before)) {
                dead.insert(at);
                continue;
            }
            match replica.receive(entry, 0) {
                Ok(_) => {}
                // Delivered before the home named another branch of the lane: now it would not be.
                Err(Rejected::Frozen) => drop(dead.insert(at)),
                Err(_) => return Err(damaged()),
            }
            // What was delivered without all that it names.
            if replica.pending() > 0 {
                replica.tick(GAP_AFTER_MS);
            }
        }
        replica.set_pending_max(PENDING_MAX);
        let held = Held::Shared(Box::new(Shared { replica, next }));
        Ok(Log { held, secret: None })
    }

    /// Does something with a log.
    fn with_log<T>(
        &self,
        channel: ChannelId,
        act: impl FnOnce(&LogKeys, &mut Log) -> CoreResult<T>,
    ) -> CoreResult<T> {
        self.open_log(channel)?;
        self.inner.logs.with(channel, act)
    }

    /// Reads a chain.
    pub(crate) fn with_chain<T>(
        &self,
        channel: ChannelId,
        read: impl FnOnce(&Chain) -> T,
    ) -> CoreResult<T> {
        self.with_log(channel, |_, log| Ok(read(log.chain())))
    }

    /// Reads a log in which others write; `None` for another.
    pub(crate) fn with_shared<T>(
        &self,
        channel: ChannelId,
        read: impl FnOnce(&mut Shared) -> T,
    ) -> CoreResult<Option<T>> {
        self.with_log(channel, |_, log| {
            Ok(match &mut log.held {
                Held::Shared(shared) => Some(read(shared)),
                Held::Alone { .. } => None,
            })
        })
    }

    /// Notices that the store was filled from a backup: others may hold what this node wrote after it,
    /// so it goes on in lanes of another incarnation, and decides about nothing that others take part in
    /// until each of them has told what it holds.
    pub(crate) fn notice_restore(&mut self, stamp: [u8; 16]) -> CoreResult<()> {
        let known = self.get(Keyspace::SETTINGS, STAMP_KEY)?;
        if known.as_deref() == Some(&stamp[..]) {
            return Ok(());
        }
        self.put_bytes(Keyspace::SETTINGS, STAMP_KEY, stamp.to_vec());
        if known.is_none() {
            return Ok(());
        }
        let next = self.inner.logs.incarnation() + 1;
        self.put_bytes(Keyspace::SETTINGS, INCARNATION_KEY, next.to_be_bytes().to_vec());
        for channel in self.inner.groups.channels() {
            let Some(row) = self.federated(channel)? else { continue };
            let unheard = row.members.clone();
            self.put_federated(channel, Federated { unheard, ..row })?;
            self.bring_anew(channel)?;
        }
        self.after(move |inner| inner.logs.incarnation.store(next, Ordering::SeqCst));
        Ok(())
    }
}

impl Shared {
    /// Changes the copy, and opens the keys that are missing since then.
    fn change(
        &mut self,
        keys: &LogKeys,
        change: impl FnOnce(&mut Replica) -> Result<Vec<Event>, Rejected>,
    ) -> Result<Vec<Event>, Rejected> {
        let before = self.replica.missing_keys();
        let mut events = change(&mut self.replica)?;
        let has_grown = events.iter().any(changes_chain);
        let missing = self.replica.missing_keys();
        for id in missing.into_iter().filter(|id| has_grown || !before.contains(id)) {
            if let Some(secret) = keys.open_box(self.replica.chain(), id) {
                events.extend(self.replica.learn_key(id, secret));
            }
        }
        Ok(events)
    }

    /// Entries that were delivered, each with its number.
    fn delivered(&mut self, events: &[Event]) -> Vec<(u64, EntryRef, Vec<u8>)> {
        let mut delivered = Vec::new();
        for event in events {
            if let Event::Delivered { at, entry, .. } = event {
                delivered.push((self.number(), *at, entry.encode()));
            }
        }
        delivered
    }

    /// So many entries of lanes were delivered: the number that the next one gets.
    pub(super) fn delivered_so_far(&self) -> u64 {
        self.next
    }

    /// The number of the next entry that is delivered.
    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }
}
