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

mod examine;
mod keys_of;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use glog::body::{Action, ControlBody, Cut, DataBody, Genesis, Setting};
use glog::cbor::List;
use glog::control::{Chain, ControlEntry, Refused, Verdict, Void};
use glog::{
    AuthorError, Entry, EntryRef, EpochPlace, Event, GAP_AFTER_MS, Hash16, LaneEnd, Node16,
    NodeCert, Opened, PENDING_MAX, Rejected, Replica, UserRef,
};
use keys::epoch::EpochSecret;
use keys::sealed::BoxPublic;
use node_store::{Keyspace, Order, Store};
use parking_lot::{Mutex, RwLock};

use crate::decide::Decide;
use crate::federation::{Federated, Heads, LaneName};
use crate::ids::{ChannelId, UserId};
use crate::{CoreError, CoreResult};

pub(crate) use examine::examine;
pub use keys_of::LogKeys;

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
    /// Begins a log.
    pub(super) fn write_genesis(
        &mut self,
        channel: ChannelId,
        owner: UserId,
        start: Start,
    ) -> CoreResult<()> {
        let by = self.user_ref(owner)?;
        let logs = &self.inner.logs;
        let keys = logs.keys();
        let secret = (!start.public).then(|| EpochSecret::generate(self.rng));
        let place = EpochPlace {
            group: glog::GroupId::default(),
            home: keys.node(),
            generation: glog::Generation::default(),
            seq: 0,
        };
        let epoch = secret.as_ref().map(|secret| {
            glog::seal_epoch(secret, place, &[keys.cert()], self.rng).map_err(too_large)
        });
        let mut nonce = [0; 16];
        self.rng.fill_bytes(&mut nonce);
        let genesis = Genesis {
            kind: start.kind,
            public: start.public,
            shows_history: true,
            owner: by,
            recovery: keys.recovery(),
            nonce,
            defaults: start.defaults,
            cert: keys.cert().clone(),
            epoch: epoch.transpose()?,
        };
        let body = ControlBody::bare(Action::Genesis(Box::new(genesis)));
        let author = keys.author();
        let entry = glog::write_genesis(author, by, &body, self.now_ms, self.rng);
        let entry = entry.map_err(too_large)?;
        let bytes = entry.encode();
        let chain = ControlEntry::new(entry).and_then(Chain::new);
        let chain = chain.map_err(|_| CoreError::Damaged(ENTRY))?;
        let end = LaneEnd { inc: logs.incarnation(), last: None };
        let group = chain.group();
        let held = Held::Alone { chain: Box::new(chain), end };
        logs.open.lock().insert(channel, Log { held, secret });
        self.changed_log(LogMark { channel, entries: 0, end, shared: false });
        self.put_group(channel, group);
        self.put_bytes(Keyspace::LOGS, &entry_key(channel, CONTROL, &0_u64.to_be_bytes()), bytes);
        Ok(())
    }

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

    /// Writes the next entry of a control chain, asked for by a user; `None`: by the home itself.
    ///
    /// # Errors
    /// What the log's own rules refuse: [`CoreError::AdminRightMissing`],
    /// [`CoreError::ChatNotModified`]. [`CoreError::AskHome`] where another node decides.
    pub(crate) fn write_control(
        &mut self,
        channel: ChannelId,
        by: Option<UserId>,
        action: Action,
    ) -> CoreResult<()> {
        self.log_reactions(channel)?;
        let own = self.inner.logs.keys().node();
        let home = self.with_chain(channel, |chain| chain.state().home)?;
        if home != own {
            return Err(self.ask_of(channel, by, action)?);
        }
        self.append_control(channel, by, ControlBody::bare(action))?;
        self.has_shown_chain(channel)
    }

    /// Writes the next entry of a chain of which this node is the home.
    ///
    /// # Errors
    /// As [`Decide::write_control`].
    pub(crate) fn append_control(
        &mut self,
        channel: ChannelId,
        by: Option<UserId>,
        body: ControlBody,
    ) -> CoreResult<()> {
        let by = by.map(|user| self.user_ref(user)).transpose()?;
        self.append_control_by(channel, by, body)
    }

    /// [`Decide::append_control`] for somebody whom logs know.
    pub(crate) fn append_control_by(
        &mut self,
        channel: ChannelId,
        by: Option<UserRef>,
        body: ControlBody,
    ) -> CoreResult<()> {
        self.open_log(channel)?;
        // After a restore there may be entries of the chain that only others hold.
        if self.federated(channel)?.is_some_and(|row| !row.unheard.is_empty()) {
            return Err(CoreError::NodeUnreachable);
        }
        let brings_own = matches!(&body.action, Action::Cert(cert) if cert.node() == self.inner.logs.keys().node());
        if !brings_own {
            self.show_key_in_chain(channel)?;
        }
        let subject = named_in(&body.action);
        let (logs, now_ms) = (&self.inner.logs, self.now_ms);
        let rng = &mut *self.rng;
        let (mark, seq, bytes, events, delivered) = logs.with(channel, |keys, log| {
            let mark = log.mark(channel);
            let entry = glog::write_control(log.chain(), keys.author(), by, &body, now_ms, rng);
            let entry = entry.map_err(too_large)?;
            let (seq, bytes) = (entry.header().seq, entry.encode());
            let control =
                ControlEntry::new(entry.clone()).map_err(|_| CoreError::Damaged(ENTRY))?;
            let would = log.chain().would(&control).map_err(|cause| match cause {
                // Until it is recovered nobody decides.
                Refused::Disputed => CoreError::NodeUnreachable,
                _ => CoreError::Damaged(ENTRY),
            })?;
            match would {
                Verdict::Applied => {}
                Verdict::Void(Void::NotAllowed | Void::Evidence) => {
                    return Err(CoreError::AdminRightMissing);
                }
                Verdict::Void(Void::Nothing) => return Err(CoreError::ChatNotModified),
                Verdict::Void(Void::Cut) => return Err(CoreError::CutMissing),
                Verdict::Void(_) => return Err(CoreError::Damaged(ENTRY)),
            }
            // Opened before the chain takes the entry: after that nothing may fail, or the chain would
            // have what the store does not get.
            let carried = body.action.epoch().map(|_| keys.open_epoch(&control).ok_or(UNOPENED));
            let carried = carried.transpose()?;
            let (mut events, mut delivered) = (Vec::new(), Vec::new());
            match &mut log.held {
                Held::Alone { chain, .. } => {
                    chain.offer(control).map_err(|_| CoreError::Damaged(ENTRY))?;
                }
                Held::Shared(shared) => {
                    let received = shared.change(keys, |copy| copy.receive(entry, now_ms));
                    events = received.map_err(|_| CoreError::Damaged(ENTRY))?;
                    delivered = shared.delivered(&events);
                }
            }
            if carried.is_some() || log.chain().state().epoch.is_none() {
                log.secret = carried;
            }
            Ok((mark, seq, bytes, events, delivered))
        })?;
        self.changed_log(mark);
        let key = entry_key(channel, CONTROL, &seq.to_be_bytes());
        self.put_bytes(Keyspace::LOGS, &key, bytes.clone());
        self.keep_delivered(channel, delivered);
        self.follow_own(channel, events);
        if self.is_told(channel)? {
            let own = self.inner.logs.keys().node().short();
            for user in [by, subject].into_iter().flatten().filter(|user| user.node == own) {
                self.note_shown(UserId(i64::try_from(user.id).unwrap_or(0)))?;
            }
        }
        self.tell_entry(channel, bytes)
    }

    /// Whether other nodes read a log, or may.
    pub(super) fn is_told(&self, channel: ChannelId) -> CoreResult<bool> {
        self.with_log(channel, |_, log| {
            Ok(matches!(log.held, Held::Shared(_)) || log.chain().state().is_public())
        })
    }

    /// Writes the next entry of this node's lane. As [`Decide::write_control`]. User 0 is the node.
    ///
    /// # Errors
    /// [`CoreError::NotWriter`] where the home has not let this node write yet, or its lane is forked;
    /// [`CoreError::NodeUnreachable`] where the key in force is not here.
    pub(crate) fn write_data(
        &mut self,
        channel: ChannelId,
        user: UserId,
        body: &DataBody,
    ) -> CoreResult<EntryRef> {
        self.open_lane(channel)?;
        self.show_key_in_lane(channel)?;
        self.append_data(channel, user, body)
    }

    /// An incarnation of a lane above the first begins with an Open.
    pub(crate) fn open_lane(&mut self, channel: ChannelId) -> CoreResult<()> {
        let global = self.inner.logs.incarnation();
        let opened = self.with_log(channel, |keys, log| {
            let (node, inc) = (keys.node(), log.incarnation(keys, global));
            let Some(before) = inc.checked_sub(1) else { return Ok(None) };
            let previous = match &log.held {
                Held::Alone { end, .. } if end.last.is_some() => return Ok(None),
                Held::Alone { .. } => None,
                Held::Shared(shared) => {
                    let heads = shared.replica.lanes().heads(shared.replica.chain());
                    let of = |inc: u32| {
                        heads.iter().copied().find(|at| (at.node, at.inc) == (node.short(), inc))
                    };
                    if of(inc).is_some() {
                        return Ok(None);
                    }
                    of(before)
                }
            };
            Ok(Some(Opened { group: log.chain().group(), node, inc, previous }))
        })?;
        let Some(mut opened) = opened else { return Ok(()) };
        if opened.previous.is_none() {
            opened.previous = self.end_of_own(channel, opened.inc - 1)?;
        }
        let open = self.inner.logs.keys().open(&opened);
        self.append_data(channel, UserId(0), &open).map(|_| ())
    }

    /// The last entry of an earlier incarnation, written while nobody else wrote.
    fn end_of_own(&self, channel: ChannelId, inc: u32) -> CoreResult<Option<EntryRef>> {
        let rows = self.scan_prefix(
            Keyspace::LOGS,
            &entry_key(channel, DATA, &inc.to_be_bytes()),
            ROWS_MAX,
        )?;
        let Some((_, row)) = rows.last() else { return Ok(None) };
        let entry = Entry::decode(row).map_err(|_| CoreError::Damaged(ENTRY))?;
        let (node, seq) = (self.inner.logs.keys().node().short(), entry.header().seq);
        Ok(Some(EntryRef { node, inc, seq, hash: entry.id().short() }))
    }

    /// As [`Decide::write_data`], in a lane that is open and shows its key.
    pub(crate) fn append_data(
        &mut self,
        channel: ChannelId,
        user: UserId,
        body: &DataBody,
    ) -> CoreResult<EntryRef> {
        self.open_log(channel)?;
        let (logs, now_ms) = (&self.inner.logs, self.now_ms);
        let global = logs.incarnation();
        let rng = &mut *self.rng;
        let (mark, at, entry, events, delivered) = logs.with(channel, |keys, log| {
            let (mark, inc) = (log.mark(channel), log.incarnation(keys, global));
            let by = user.0.unsigned_abs();
            let refused = |cause| match cause {
                AuthorError::TooLong => crate::TextError::TooLong.into(),
                AuthorError::NotWriter | AuthorError::Closed => CoreError::NotWriter,
                // Members are asked for it; until one answers nothing can be sealed.
                AuthorError::NoKey(_) => CoreError::NodeUnreachable,
                _ => CoreError::Damaged(ENTRY),
            };
            let author = keys.author();
            let entry = match &log.held {
                Held::Alone { chain, end } => glog::write_data(
                    chain,
                    author,
                    *end,
                    log.secret.as_ref(),
                    List::default(),
                    by,
                    body,
                    now_ms,
                    rng,
                ),
                Held::Shared(shared) => {
                    shared.replica.write_data(author, inc, by, body, now_ms, rng)
                }
            };
            let entry = entry.map_err(refused)?;
            let (id, seq) = (entry.id(), entry.header().seq);
            let (mut events, mut delivered) = (Vec::new(), None);
            match &mut log.held {
                Held::Alone { end, .. } => end.last = Some((seq, id)),
                Held::Shared(shared) => {
                    let received = shared.replica.receive(entry.clone(), now_ms);
                    events = received.map_err(|_| CoreError::Damaged(ENTRY))?;
                    delivered = Some(shared.delivered(&events));
                }
            }
            let node = keys.node().short();
            let at = EntryRef { node, inc, seq, hash: id.short() };
            Ok((mark, at, entry.encode(), events, delivered))
        })?;
        self.changed_log(mark);
        match delivered {
            Some(delivered) => self.keep_delivered(channel, delivered),
            None => {
                let rest = [&at.inc.to_be_bytes()[..], &at.seq.to_be_bytes()].concat();
                let key = entry_key(channel, DATA, &rest);
                self.put_bytes(Keyspace::LOGS, &key, entry.clone());
            }
        }
        self.follow_own(channel, events);
        if self.is_told(channel)? {
            self.note_shown(user)?;
        }
        self.tell_entry(channel, entry)?;
        Ok(at)
    }

    /// Keeps entries of lanes that were delivered, and finds each again by its place.
    fn keep_delivered(&mut self, channel: ChannelId, delivered: Vec<(u64, EntryRef, Vec<u8>)>) {
        for (number, at, entry) in delivered {
            let number = number.to_be_bytes();
            self.put_bytes(Keyspace::LOGS, &entry_key(channel, DELIVERED, &number), entry);
            let place = entry_key(channel, PLACE, &place_of(&at));
            self.put_bytes(Keyspace::LOGS, &place, number.to_vec());
        }
    }

    /// Entries of lanes in the order in which they were delivered here, each once.
    pub(crate) fn as_delivered(
        &self,
        channel: ChannelId,
        entries: Vec<EntryRef>,
    ) -> CoreResult<Vec<EntryRef>> {
        let mut numbered = Vec::with_capacity(entries.len());
        for at in entries {
            let number = self.get(Keyspace::LOGS, &entry_key(channel, PLACE, &place_of(&at)))?;
            numbered.push((number, at));
        }
        numbered.sort_unstable();
        numbered.dedup();
        Ok(numbered.into_iter().map(|(_, at)| at).collect())
    }

    /// The number under which an entry of a lane was delivered here.
    pub(super) fn number_of(&self, channel: ChannelId, at: &EntryRef) -> CoreResult<Option<u64>> {
        let row = self.get(Keyspace::LOGS, &entry_key(channel, PLACE, &place_of(at)))?;
        Ok(row.and_then(|row| row.first_chunk().map(|number| u64::from_be_bytes(*number))))
    }

    /// Entries of lanes that were delivered here from one number on, each with its number.
    pub(super) fn delivered_from(
        &self,
        channel: ChannelId,
        from: u64,
        limit: usize,
    ) -> CoreResult<Vec<(u64, EntryRef)>> {
        let mut found = Vec::new();
        for number in (from..).take(limit) {
            let key = entry_key(channel, DELIVERED, &number.to_be_bytes());
            let Some(row) = self.get(Keyspace::LOGS, &key)? else { break };
            let entry = Entry::decode(&row).map_err(|_| CoreError::Damaged(ENTRY))?;
            let (at, _) = places(&entry).ok_or(CoreError::Damaged(ENTRY))?;
            found.push((number, at));
        }
        Ok(found)
    }

    /// A stored entry of a lane.
    pub(crate) fn entry_at(
        &self,
        channel: ChannelId,
        at: &EntryRef,
    ) -> CoreResult<Option<Vec<u8>>> {
        match self.get(Keyspace::LOGS, &entry_key(channel, PLACE, &place_of(at)))? {
            Some(number) => self.get(Keyspace::LOGS, &entry_key(channel, DELIVERED, &number)),
            None if at.node == self.inner.logs.keys().node().short() => {
                let rest = [&at.inc.to_be_bytes()[..], &at.seq.to_be_bytes()].concat();
                self.get(Keyspace::LOGS, &entry_key(channel, DATA, &rest))
            }
            None => Ok(None),
        }
    }

    /// Takes an entry that came from another node; what follows is told, and is the caller's to show.
    ///
    /// # Errors
    /// Those of the store. That the entry is refused is the answer.
    pub(crate) fn receive_entry(
        &mut self,
        channel: ChannelId,
        entry: Entry,
    ) -> CoreResult<Result<Vec<Event>, Rejected>> {
        let now_ms = self.now_ms;
        let (mark, received, delivered) = self.with_log(channel, |keys, log| {
            let mark = log.mark(channel);
            let Held::Shared(shared) = &mut log.held else {
                return Err(CoreError::UnknownChannel);
            };
            let control = matches!(entry.header().lane, glog::Lane::Control { .. });
            let carried = control.then(|| (entry.header().seq, entry.encode()));
            let received = shared.change(keys, |replica| replica.receive(entry, now_ms));
            let delivered = shared.delivered(received.as_deref().unwrap_or_default());
            Ok((mark, received.map(|events| (events, carried)), delivered))
        })?;
        let (events, carried) = match received {
            Ok(received) => received,
            Err(refused) => return Ok(Err(refused)),
        };
        if events.is_empty() {
            return Ok(Ok(events));
        }
        self.changed_log(mark);
        self.keep_delivered(channel, delivered);
        if let Some((seq, _)) = carried.filter(|_| events.iter().any(changes_chain)) {
            self.put_chain(channel, seq)?;
        }
        Ok(Ok(events))
    }

    /// Time has passed for a log in which others write.
    pub(crate) fn tick_replica(&mut self, channel: ChannelId) -> CoreResult<Vec<Event>> {
        let now_ms = self.now_ms;
        self.change_replica(channel, |replica| replica.tick(now_ms))
    }

    /// Another member shows a certificate.
    pub(crate) fn learn_replica_cert(
        &mut self,
        channel: ChannelId,
        cert: NodeCert,
    ) -> CoreResult<Vec<Event>> {
        let now_ms = self.now_ms;
        self.change_replica(channel, |replica| replica.learn_cert(cert, now_ms))
    }

    /// Changes a copy, and keeps what was delivered by that.
    fn change_replica(
        &mut self,
        channel: ChannelId,
        change: impl FnOnce(&mut Replica) -> Vec<Event>,
    ) -> CoreResult<Vec<Event>> {
        let (mark, events, delivered) = self.with_log(channel, |keys, log| {
            let mark = log.mark(channel);
            let Held::Shared(shared) = &mut log.held else { return Ok((mark, Vec::new(), vec![])) };
            let events = shared.change(keys, |replica| Ok(change(replica)));
            let events = events.unwrap_or_default();
            let delivered = shared.delivered(&events);
            Ok((mark, events, delivered))
        })?;
        if !events.is_empty() {
            self.changed_log(mark);
        }
        self.keep_delivered(channel, delivered);
        Ok(events)
    }

    /// What is held of a log.
    pub(crate) fn log_heads(&self, channel: ChannelId) -> CoreResult<Heads> {
        self.with_log(channel, |keys, log| {
            let chain = log.chain();
            let lanes = match &log.held {
                Held::Alone { end, .. } => {
                    let node = keys.node().short();
                    let at = |(seq, id): (u64, glog::EntryId)| EntryRef {
                        node,
                        inc: end.inc,
                        seq,
                        hash: id.short(),
                    };
                    end.last.map(at).into_iter().collect()
                }
                Held::Shared(shared) => {
                    let mut lanes = shared.replica.lanes().heads(chain);
                    lanes.sort_unstable();
                    lanes
                }
            };
            let (state, control) = (chain.state(), chain.cite().ok_or(CoreError::Damaged(ENTRY))?);
            let (term, public) = (state.generation.term, state.is_public());
            Ok(Heads { control, term, lanes, public, ends: false })
        })
    }

    /// See [`crate::Core::log_page`].
    pub(crate) fn log_page(
        &self,
        channel: ChannelId,
        lane: LaneName,
        from: u64,
        to: u64,
        bytes_max: usize,
    ) -> CoreResult<Vec<Vec<u8>>> {
        let (mut page, mut bytes) = (Vec::new(), 0);
        for seq in from..to {
            let entry = match lane {
                LaneName::Control => {
                    self.get(Keyspace::LOGS, &entry_key(channel, CONTROL, &seq.to_be_bytes()))?
                }
                LaneName::Data { node, inc } => self.entry_in_lane(channel, node, inc, seq)?,
            };
            let Some(entry) = entry else { break };
            bytes += entry.len();
            if bytes > bytes_max && !page.is_empty() {
                break;
            }
            page.push(entry);
        }
        Ok(page)
    }

    /// The entry of a lane at a number: of a forked one, that of the branch which counts.
    fn entry_in_lane(
        &self,
        channel: ChannelId,
        node: Node16,
        inc: u32,
        seq: u64,
    ) -> CoreResult<Option<Vec<u8>>> {
        let prefix = [&node.0[..], &inc.to_be_bytes(), &seq.to_be_bytes()].concat();
        let rows = self.scan_prefix(Keyspace::LOGS, &entry_key(channel, PLACE, &prefix), 8)?;
        if rows.len() > 1 {
            let at = self.with_shared(channel, |shared| {
                let (lanes, chain) = (shared.replica.lanes(), shared.replica.chain());
                let twins = lanes.twins(node, inc, seq);
                twins.into_iter().find(|at| lanes.is_on_branch(chain, at))
            })?;
            if let Some(at) = at.flatten() {
                return self.entry_at(channel, &at);
            }
        }
        match rows.first() {
            Some((_, number)) => self.get(Keyspace::LOGS, &entry_key(channel, DELIVERED, number)),
            None => self.entry_at(channel, &EntryRef { node, inc, seq, hash: Hash16::default() }),
        }
    }

    /// Keeps the entries of a chain from one on, as they are now; several may have waited for one.
    fn put_chain(&mut self, channel: ChannelId, from: u64) -> CoreResult<()> {
        let from_index = usize::try_from(from).unwrap_or(usize::MAX);
        let entries = self.with_chain(channel, |chain| {
            let grown = chain.entries().iter().skip(from_index);
            grown.map(|entry| (entry.seq(), entry.entry().encode())).collect::<Vec<_>>()
        })?;
        let end = entries.last().map_or(from, |(seq, _)| seq + 1);
        for (seq, entry) in entries {
            self.put_bytes(Keyspace::LOGS, &entry_key(channel, CONTROL, &seq.to_be_bytes()), entry);
        }
        // A Recover may stand below where the chain ended.
        for seq in end.. {
            let key = entry_key(channel, CONTROL, &seq.to_be_bytes());
            if self.get(Keyspace::LOGS, &key)?.is_none() {
                return Ok(());
            }
            self.delete(Keyspace::LOGS, &key);
        }
        Ok(())
    }

    /// Begins the copy of a log that another node began.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`] for what is no Genesis.
    pub(crate) fn begin_shared(&mut self, channel: ChannelId, genesis: Entry) -> CoreResult<()> {
        let logs = &self.inner.logs;
        let bytes = genesis.encode();
        let replica = Replica::new(logs.keys().node(), genesis, PENDING_MAX);
        let replica = replica.map_err(|_| CoreError::UnknownChannel)?;
        let held = Held::Shared(Box::new(Shared { replica, next: 0 }));
        logs.open.lock().insert(channel, Log { held, secret: None });
        let end = LaneEnd { inc: 0, last: None };
        self.changed_log(LogMark { channel, entries: 0, end, shared: true });
        self.put_bytes(Keyspace::LOGS, &entry_key(channel, CONTROL, &0_u64.to_be_bytes()), bytes);
        Ok(())
    }

    /// Others write in this log from now on: all of it comes into memory when it is next used.
    pub(crate) fn share_log(&mut self, channel: ChannelId) -> CoreResult<()> {
        let mark = self.with_log(channel, |_, log| Ok(log.mark(channel)))?;
        self.changed_log(LogMark { shared: true, ..mark });
        self.inner.logs.open.lock().remove(&channel);
        Ok(())
    }

    /// What a channel is called in logs.
    pub(crate) fn name_of_log(&mut self, channel: ChannelId) -> CoreResult<[u8; 32]> {
        self.with_chain(channel, |chain| chain.group().0)
    }

    /// A cut that keeps all that is here: what a revocation takes, it takes from here on.
    pub(crate) fn cut_here(&mut self, channel: ChannelId) -> CoreResult<Cut> {
        // What is shown is said before, or it would lie above the cut.
        self.log_reactions(channel)?;
        self.with_log(channel, |keys, log| {
            let (chain, end) = match &log.held {
                Held::Alone { chain, end } => (chain, end),
                Held::Shared(shared) => {
                    let chain = shared.replica.chain();
                    return shared.replica.lanes().cut(chain, |_| true).map_err(too_large);
                }
            };
            debug_assert!(chain.state().is_member(keys.node().short()));
            let node = keys.node().short();
            let head =
                end.last.map(|(seq, id)| EntryRef { node, inc: end.inc, seq, hash: id.short() });
            Cut::new(head.into_iter().collect()).map_err(too_large)
        })
    }

    /// What the log says that members may do, and what one user may.
    pub(super) fn log_rights(
        &mut self,
        channel: ChannelId,
        user: UserId,
    ) -> CoreResult<(glog::Rights, glog::Rights)> {
        let user = self.user_ref(user)?;
        self.with_chain(channel, |chain| (chain.state().defaults(), chain.state().rights(user)))
    }

    /// Whether the log takes a vote of somebody.
    pub(crate) fn may_take_part(&mut self, channel: ChannelId, user: UserId) -> CoreResult<bool> {
        Ok(self.log_rights(channel, user)?.1.has(glog::Rights::TAKE_PART))
    }

    /// What opens everything that was said, as a channel that becomes public tells it.
    pub(super) fn opening(&mut self, channel: ChannelId) -> CoreResult<Setting> {
        self.with_log(channel, |keys, log| {
            let known = |entry: &ControlEntry| match &log.held {
                Held::Shared(shared) => {
                    shared.replica.key(&entry.id().short()).map(|key| *key.secret_bytes())
                }
                Held::Alone { .. } => keys.open_epoch(entry).map(|secret| *secret.secret_bytes()),
            };
            let carried = log.chain().entries().iter().filter(|entry| carries_key(entry));
            let carried = carried.filter_map(|entry| Some((entry.id().short(), known(entry)?)));
            let carried =
                if log.chain().state().shows_history { carried.collect() } else { Vec::new() };
            Ok(Setting::Public(List::new(carried).map_err(too_large)?))
        })
    }

    /// A key for the next entry of a chain, sealed to the nodes that write after it: to one more, or to
    /// all but one.
    pub(crate) fn new_epoch(
        &mut self,
        channel: ChannelId,
        with: Option<&NodeCert>,
        without: Option<Node16>,
    ) -> CoreResult<glog::body::Epoch> {
        // It is sealed for its place: nothing may come in between.
        self.show_key_in_chain(channel)?;
        self.open_log(channel)?;
        let logs = &self.inner.logs;
        let rng = &mut *self.rng;
        logs.with(channel, |_, log| {
            let (secret, place) = (EpochSecret::generate(rng), log.chain().next_place());
            let members = log.chain().state().members();
            let members = members.filter(|node| Some(node.id.short()) != without);
            let certs: Vec<&NodeCert> =
                members.filter_map(|node| node.newest_cert()).chain(with).collect();
            glog::seal_epoch(&secret, place, &certs, rng).map_err(too_large)
        })
    }

    /// The key of a Recover by this node, sealed to all nodes that write.
    pub(crate) fn epoch_of_recover(
        &mut self,
        channel: ChannelId,
        keep: u64,
        number: u32,
    ) -> CoreResult<glog::body::Epoch> {
        self.open_log(channel)?;
        let logs = &self.inner.logs;
        let rng = &mut *self.rng;
        logs.with(channel, |keys, log| {
            let (chain, own) = (log.chain(), keys.node());
            let place = glog::recover_place(chain, keep, number, own).ok_or(UNOPENED)?;
            let others = chain.state().members().filter(|node| node.id != own);
            let certs: Vec<&NodeCert> =
                others.filter_map(|node| node.newest_cert()).chain([keys.cert()]).collect();
            let secret = EpochSecret::generate(rng);
            glog::seal_epoch(&secret, place, &certs, rng).map_err(too_large)
        })
    }

    /// Keys without which something of a log cannot be read here.
    pub(crate) fn missing_keys(&self, channel: ChannelId) -> CoreResult<Vec<Hash16>> {
        let missing = self.with_shared(channel, |shared| shared.replica.missing_keys())?;
        Ok(missing.unwrap_or_default().into_iter().collect())
    }

    /// Keys of a group for another member of it, each sealed to that node: those that it may have.
    pub(crate) fn keys_for(
        &mut self,
        channel: ChannelId,
        to: Node16,
        ids: &[Hash16],
    ) -> CoreResult<Vec<(Hash16, Vec<u8>)>> {
        self.open_log(channel)?;
        let logs = &self.inner.logs;
        let rng = &mut *self.rng;
        logs.with(channel, |_, log| {
            let Held::Shared(shared) = &log.held else { return Ok(Vec::new()) };
            let chain = shared.replica.chain();
            let member = chain.state().nodes.get(&to).filter(|node| node.member);
            let Some(cert) = member.and_then(|node| node.newest_cert()) else {
                return Ok(Vec::new());
            };
            let to_key = BoxPublic::from_bytes(cert.body.x25519);
            let mut sealed = Vec::new();
            for id in ids.iter().filter(|id| chain.may_have_key(to, **id)) {
                let Some(secret) = shared.replica.key(id) else { continue };
                let bound = given_bound(chain.group(), *id);
                // Whoever shows a key to which nothing can be sealed gets nothing.
                if let Ok(given) = to_key.seal(secret.secret_bytes(), &bound, rng) {
                    sealed.push((*id, given));
                }
            }
            Ok(sealed)
        })
    }

    /// Another member has given a key; whether it is the one that its entry had promised. What it opens
    /// is told, and is the caller's to show.
    pub(crate) fn learn_key(
        &mut self,
        channel: ChannelId,
        id: Hash16,
        given: Vec<u8>,
    ) -> CoreResult<Vec<Event>> {
        let (mark, events, kept) = self.with_log(channel, |keys, log| {
            let mark = log.mark(channel);
            let Held::Shared(shared) = &mut log.held else { return Ok((mark, Vec::new(), false)) };
            let group = shared.replica.chain().group();
            let secret = keys.open_given(group, id, &given);
            let Some(secret) = secret.filter(|_| shared.replica.key(&id).is_none()) else {
                return Ok((mark, Vec::new(), false));
            };
            let events = shared.replica.learn_key(id, secret);
            let kept = shared.replica.key(&id).is_some();
            Ok((mark, events, kept))
        })?;
        if kept {
            self.changed_log(mark);
            self.put_bytes(Keyspace::LOGS, &entry_key(channel, KEY, &id.0), given);
        }
        Ok(events)
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

/// How a log begins.
pub(super) struct Start {
    pub(super) kind: glog::body::GroupKind,
    pub(super) public: bool,
    pub(super) defaults: glog::Rights,
}

#[cfg(test)]
impl Decide<'_> {
    /// Begins a log, and nothing else.
    pub(crate) fn begin_log(&mut self, channel: ChannelId, owner: UserId) -> CoreResult<()> {
        let kind = glog::body::GroupKind::Supergroup;
        let start = Start { kind, public: false, defaults: glog::Rights::MEMBER };
        self.write_genesis(channel, owner, start)
    }
}

#[cfg(test)]
impl crate::Core {
    /// A user of this node, as logs name them.
    pub(crate) fn name_in_logs(&self, user: UserId) -> glog::UserRef {
        self.inner.logs.user(user)
    }

    /// All entries of a channel's log, as they were stored.
    pub(crate) fn log_entries(&self, channel: ChannelId) -> Vec<Entry> {
        let from = channel.bytes();
        let to = ChannelId(channel.0 + 1).bytes();
        let rows =
            self.inner.store.scan(Keyspace::LOGS, &from, Some(&to), usize::MAX, Order::Ascending);
        let is_entry = |key: &[u8]| [CONTROL, DATA, DELIVERED].contains(&key[8]);
        let rows = rows.unwrap().into_iter().filter(|(key, _)| is_entry(key));
        rows.map(|(_, entry)| Entry::decode(&entry).unwrap()).collect()
    }

    /// A home that changes the key and seals it for one node to nobody.
    pub(crate) async fn rotate_without(&self, channel: ChannelId, node: glog::NodeId) {
        let write = self.write(None, move |decide| {
            let place = decide.with_chain(channel, Chain::next_place)?;
            let certs = decide.with_chain(channel, |chain| {
                chain.state().members().filter_map(|node| node.newest_cert().cloned()).collect()
            })?;
            let mut certs: Vec<NodeCert> = certs;
            let lost = *keys::sealed::BoxSecret::generate(decide.rng).public().as_bytes();
            for cert in certs.iter_mut().filter(|cert| cert.node() == node) {
                cert.body.x25519 = lost;
            }
            let secret = EpochSecret::generate(decide.rng);
            let sealed =
                glog::seal_epoch(&secret, place, &certs.iter().collect::<Vec<_>>(), decide.rng);
            decide.write_control(channel, None, Action::Epoch(sealed.map_err(too_large)?))
        });
        write.await.unwrap();
    }

    /// What a channel is called in logs.
    pub(crate) fn name_of_log(&self, channel: ChannelId) -> [u8; 32] {
        self.replica_of(channel).chain().group().0
    }

    /// Rights of an admin as the log has them.
    pub(crate) fn rights_in_log(&self, rights: super::AdminRights) -> glog::Rights {
        rights.to_log()
    }

    /// A copy of a channel's log that begins with its first entry and can open bodies.
    pub(crate) fn replica_of(&self, channel: ChannelId) -> glog::Replica {
        let keys = self.inner.logs.keys();
        let mut entries = self.log_entries(channel).into_iter();
        let mut replica =
            glog::Replica::new(keys.node(), entries.next().unwrap(), glog::PENDING_MAX).unwrap();
        for entry in entries {
            replica.receive(entry, 0).unwrap();
        }
        for entry in replica.chain().entries().to_vec() {
            if let Some(secret) = keys.open_epoch(&entry) {
                replica.learn_key(entry.id().short(), secret);
            }
        }
        replica
    }
}
