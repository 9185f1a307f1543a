//! The logs of channels, as this node writes them.
//!
//! Keyspace `LOGS`, key = channel (8) ++ 0 ++ seq (8): the entries of the control chain; channel (8)
//! ++ 1 ++ incarnation (4) ++ seq (8): those of this node's lane. Values are whole entries.
//!
//! A chain lies in memory while its channel is written in; of the lane only where it ends. Only the
//! committer writes, and only it asks.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Place;

use glog::body::{Action, ControlBody, Cut, DataBody, Genesis, Setting};
use glog::cbor::{List, Text};
use glog::control::{Chain, ControlEntry, Verdict, Void};
use glog::{
    Author, AuthorError, CertBody, Entry, EntryRef, EpochPlace, LaneEnd, NodeCert, UserRef,
};
use keys::epoch::EpochSecret;
use keys::sealed::BoxSecret;
use keys::{CryptoRng, NodeIdentity};
use node_store::{Keyspace, Order, Store};
use parking_lot::Mutex;

use crate::decide::Decide;
use crate::ids::{ChannelId, UserId};
use crate::{CoreError, CoreResult};

const CONTROL: u8 = 0;
const DATA: u8 = 1;

/// Chains that stay in memory when nobody writes there.
const LOGS_MAX: usize = 256;

/// Entries that are read in one go.
const ENTRIES_AT_ONCE: usize = 256;

/// This incarnation of the node's lanes; it rises when a backup is restored.
const INCARNATION: u32 = 0;

const ENTRY: &str = "entry of a log";
const UNOPENED: CoreError = CoreError::Damaged("key of a channel");

/// What this node signs its logs with, and who it is in them.
pub struct LogKeys {
    operational: NodeIdentity,
    sealing: BoxSecret,
    cert: NodeCert,
    recovery: [u8; 32],
}

impl LogKeys {
    /// The keys of a node: its root key vouches for the other two. `recovery` is the public half of
    /// the key that recovers its groups.
    #[must_use]
    pub fn new(
        root: &NodeIdentity,
        operational: NodeIdentity,
        sealing: BoxSecret,
        recovery: [u8; 32],
    ) -> Self {
        let body = CertBody {
            root: *root.public().as_bytes(),
            op: *operational.public().as_bytes(),
            x25519: *sealing.public().as_bytes(),
            serial: 1,
            not_before_ms: 0,
            domain: Text::default(),
            addresses: List::default(),
        };
        let cert = NodeCert::sign(body, root);
        Self { operational, sealing, cert, recovery }
    }

    /// Keys that nobody else has, for work on a store of which no log is written.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let (root, recovery) = (NodeIdentity::generate(rng), NodeIdentity::generate(rng));
        let (operational, sealing) = (NodeIdentity::generate(rng), BoxSecret::generate(rng));
        Self::new(&root, operational, sealing, *recovery.public().as_bytes())
    }

    /// Who this node is in logs.
    #[must_use]
    pub fn node(&self) -> glog::NodeId {
        self.cert.node()
    }

    fn author(&self) -> Author<'_> {
        Author { node: self.node(), serial: self.cert.body.serial, key: &self.operational }
    }
}

impl std::fmt::Debug for LogKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogKeys({})", self.node())
    }
}

/// The logs that are written in.
#[derive(Debug)]
pub(crate) struct Logs {
    keys: LogKeys,
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
}

impl LogMark {
    /// Whether both are of one log.
    pub(crate) fn is_of_same(&self, other: &Self) -> bool {
        self.channel == other.channel
    }
}

/// The log of one channel.
struct Log {
    chain: Chain,
    /// Where this node's lane ends.
    end: LaneEnd,
    /// The key in force, of a private channel.
    secret: Option<EpochSecret>,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("head", &self.chain.state().head.0).finish_non_exhaustive()
    }
}

impl Logs {
    pub(crate) fn new(keys: LogKeys) -> Self {
        Self { keys, open: Mutex::default() }
    }

    /// A user of this node, as logs name them.
    pub(super) fn user(&self, user: UserId) -> UserRef {
        UserRef { node: self.keys.node().short(), id: user.0.unsigned_abs() }
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

    /// A command failed: what it wrote was never written.
    ///
    /// # Errors
    /// [`CoreError::Damaged`] where a chain does not fold a second time.
    pub(crate) fn roll_back(&self, marks: &[LogMark]) -> CoreResult<()> {
        let mut open = self.open.lock();
        for mark in marks {
            if mark.entries == 0 {
                open.remove(&mark.channel);
                continue;
            }
            let Some(log) = open.get_mut(&mark.channel) else { continue };
            let entries = log.chain.entries();
            if entries.len() > mark.entries {
                let kept = entries.iter().take(mark.entries).cloned();
                log.chain = Chain::restore(kept).map_err(|_| CoreError::Damaged(ENTRY))?;
                log.secret = log.secret_in_force(&self.keys)?;
            }
            log.end = mark.end;
        }
        Ok(())
    }

    /// Does something with a log, which is read from the store if it is not in memory.
    fn with<T>(
        &self,
        store: &dyn Store,
        channel: ChannelId,
        act: impl FnOnce(&LogKeys, &mut Log) -> CoreResult<T>,
    ) -> CoreResult<T> {
        let mut open = self.open.lock();
        let log = match open.entry(channel) {
            Place::Occupied(known) => known.into_mut(),
            Place::Vacant(place) => place.insert(Log::load(store, &self.keys, channel)?),
        };
        act(&self.keys, log)
    }
}

impl Log {
    fn load(store: &dyn Store, keys: &LogKeys, channel: ChannelId) -> CoreResult<Self> {
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
        let lane = entry_key(channel, DATA, &INCARNATION.to_be_bytes());
        let after = entry_key(channel, DATA, &(INCARNATION + 1).to_be_bytes());
        let rows = store.scan(Keyspace::LOGS, &lane, Some(&after), 1, Order::Descending)?;
        let last = rows.first().map(|(_, entry)| Entry::decode(entry).map_err(damaged));
        let last = last.transpose()?.map(|entry| (entry.header().seq, entry.id()));
        let mut log = Self { chain, end: LaneEnd { inc: INCARNATION, last }, secret: None };
        log.secret = log.secret_in_force(keys)?;
        Ok(log)
    }

    fn mark(&self, channel: ChannelId) -> LogMark {
        LogMark { channel, entries: self.chain.entries().len(), end: self.end }
    }

    /// The key that bodies are sealed under now; none in a public channel.
    fn secret_in_force(&self, keys: &LogKeys) -> CoreResult<Option<EpochSecret>> {
        let Some(epoch) = self.chain.state().epoch else { return Ok(None) };
        let carried = self.chain.entries().iter().find(|entry| entry.id().short() == epoch);
        let secret = carried
            .and_then(|entry| glog::open_epoch(entry, keys.node().short(), &keys.sealing))
            .ok_or(UNOPENED)?;
        Ok(Some(secret))
    }
}

fn entry_key(channel: ChannelId, lane: u8, rest: &[u8]) -> Vec<u8> {
    [&channel.bytes()[..], &[lane], rest].concat()
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
        let logs = &self.inner.logs;
        let keys = &logs.keys;
        let secret = (!start.public).then(|| EpochSecret::generate(self.rng));
        let place = EpochPlace {
            group: glog::GroupId::default(),
            home: keys.node(),
            generation: glog::Generation::default(),
            seq: 0,
        };
        let epoch = secret.as_ref().map(|secret| {
            glog::seal_epoch(secret, place, &[&keys.cert], self.rng).map_err(too_large)
        });
        let mut nonce = [0; 16];
        self.rng.fill_bytes(&mut nonce);
        let genesis = Genesis {
            kind: start.kind,
            public: start.public,
            shows_history: true,
            owner: logs.user(owner),
            recovery: keys.recovery,
            nonce,
            defaults: start.defaults,
            cert: keys.cert.clone(),
            epoch: epoch.transpose()?,
        };
        let body = ControlBody::bare(Action::Genesis(Box::new(genesis)));
        let (author, owner) = (keys.author(), logs.user(owner));
        let entry = glog::write_genesis(author, owner, &body, self.now_ms, self.rng);
        let entry = entry.map_err(too_large)?;
        let bytes = entry.encode();
        let chain = ControlEntry::new(entry).and_then(Chain::new);
        let chain = chain.map_err(|_| CoreError::Damaged(ENTRY))?;
        let end = LaneEnd { inc: INCARNATION, last: None };
        logs.open.lock().insert(channel, Log { chain, end, secret });
        self.changed_log(LogMark { channel, entries: 0, end });
        self.put_bytes(Keyspace::LOGS, &entry_key(channel, CONTROL, &0_u64.to_be_bytes()), bytes);
        Ok(())
    }

    /// Writes the next entry of a control chain, asked for by a user; `None`: by the home itself.
    ///
    /// # Errors
    /// What the log's own rules refuse: [`CoreError::AdminRightMissing`],
    /// [`CoreError::ChatNotModified`].
    pub(crate) fn write_control(
        &mut self,
        channel: ChannelId,
        by: Option<UserId>,
        action: Action,
    ) -> CoreResult<()> {
        self.log_reactions(channel)?;
        let (logs, store, now_ms) = (&self.inner.logs, self.store(), self.now_ms);
        let rng = &mut *self.rng;
        let by = by.map(|user| logs.user(user));
        let (mark, seq, bytes) = logs.with(store, channel, |keys, log| {
            let mark = log.mark(channel);
            let body = ControlBody::bare(action);
            let entry = glog::write_control(&log.chain, keys.author(), by, &body, now_ms, rng);
            let entry = entry.map_err(too_large)?;
            let (seq, bytes) = (entry.header().seq, entry.encode());
            let entry = ControlEntry::new(entry).map_err(|_| CoreError::Damaged(ENTRY))?;
            match log.chain.would(&entry).map_err(|_| CoreError::Damaged(ENTRY))? {
                Verdict::Applied => {}
                Verdict::Void(Void::NotAllowed) => return Err(CoreError::AdminRightMissing),
                Verdict::Void(Void::Nothing) => return Err(CoreError::ChatNotModified),
                Verdict::Void(_) => return Err(CoreError::Damaged(ENTRY)),
            }
            // Opened before the chain takes the entry: after that nothing may fail, or the chain would
            // have what the store does not get.
            let carried = body.action.epoch().map(|_| {
                glog::open_epoch(&entry, keys.node().short(), &keys.sealing).ok_or(UNOPENED)
            });
            let carried = carried.transpose()?;
            log.chain.offer(entry).map_err(|_| CoreError::Damaged(ENTRY))?;
            if carried.is_some() || log.chain.state().epoch.is_none() {
                log.secret = carried;
            }
            Ok((mark, seq, bytes))
        })?;
        self.changed_log(mark);
        self.put_bytes(Keyspace::LOGS, &entry_key(channel, CONTROL, &seq.to_be_bytes()), bytes);
        Ok(())
    }

    /// Writes the next entry of this node's lane. As [`Decide::write_control`]. User 0 is the node.
    pub(crate) fn write_data(
        &mut self,
        channel: ChannelId,
        user: UserId,
        body: &DataBody,
    ) -> CoreResult<EntryRef> {
        let (logs, store, now_ms) = (&self.inner.logs, self.store(), self.now_ms);
        let rng = &mut *self.rng;
        let (mark, at, bytes) = logs.with(store, channel, |keys, log| {
            let mark = log.mark(channel);
            let entry = glog::write_data(
                &log.chain,
                keys.author(),
                log.end,
                log.secret.as_ref(),
                List::default(),
                user.0.unsigned_abs(),
                body,
                now_ms,
                rng,
            );
            let entry = entry.map_err(|cause| match cause {
                AuthorError::TooLong => crate::TextError::TooLong.into(),
                _ => CoreError::Damaged(ENTRY),
            })?;
            let (id, seq) = (entry.id(), entry.header().seq);
            log.end.last = Some((seq, id));
            let node = keys.node().short();
            let at = EntryRef { node, inc: INCARNATION, seq, hash: id.short() };
            Ok((mark, at, entry.encode()))
        })?;
        self.changed_log(mark);
        let rest = [&at.inc.to_be_bytes()[..], &at.seq.to_be_bytes()].concat();
        self.put_bytes(Keyspace::LOGS, &entry_key(channel, DATA, &rest), bytes);
        Ok(at)
    }

    /// What a channel is called in logs.
    pub(super) fn name_of_log(&mut self, channel: ChannelId) -> CoreResult<[u8; 32]> {
        let (logs, store) = (&self.inner.logs, self.store());
        logs.with(store, channel, |_, log| Ok(log.chain.group().0))
    }

    /// A cut that keeps all that this node has said: what a revocation takes, it takes from here on.
    pub(super) fn cut_here(&mut self, channel: ChannelId) -> CoreResult<Cut> {
        // What is shown is said before, or it would lie above the cut.
        self.log_reactions(channel)?;
        let (logs, store) = (&self.inner.logs, self.store());
        logs.with(store, channel, |keys, log| {
            let node = keys.node().short();
            let head = log.end.last.map(|(seq, id)| EntryRef {
                node,
                inc: log.end.inc,
                seq,
                hash: id.short(),
            });
            Cut::new(head.into_iter().collect()).map_err(too_large)
        })
    }

    /// What the log says that members may do, and what one user may.
    pub(super) fn log_rights(
        &mut self,
        channel: ChannelId,
        user: UserId,
    ) -> CoreResult<(glog::Rights, glog::Rights)> {
        let (logs, store) = (&self.inner.logs, self.store());
        let user = logs.user(user);
        logs.with(store, channel, |_, log| {
            Ok((log.chain.state().defaults(), log.chain.state().rights(user)))
        })
    }

    /// Whether the log takes a vote of somebody.
    pub(crate) fn may_take_part(&mut self, channel: ChannelId, user: UserId) -> CoreResult<bool> {
        Ok(self.log_rights(channel, user)?.1.has(glog::Rights::TAKE_PART))
    }

    /// What opens everything that was said, as a channel that becomes public tells it.
    pub(super) fn opening(&mut self, channel: ChannelId) -> CoreResult<Setting> {
        let (logs, store) = (&self.inner.logs, self.store());
        logs.with(store, channel, |keys, log| {
            let node = keys.node().short();
            let carried = log.chain.entries().iter().filter_map(|entry| {
                let secret = glog::open_epoch(entry, node, &keys.sealing)?;
                Some((entry.id().short(), *secret.secret_bytes()))
            });
            let carried =
                if log.chain.state().shows_history { carried.collect() } else { Vec::new() };
            Ok(Setting::Public(List::new(carried).map_err(too_large)?))
        })
    }

    /// A key for a channel that becomes private.
    pub(super) fn new_epoch(&mut self, channel: ChannelId) -> CoreResult<glog::body::Epoch> {
        let (logs, store) = (&self.inner.logs, self.store());
        let rng = &mut *self.rng;
        logs.with(store, channel, |keys, log| {
            let secret = EpochSecret::generate(rng);
            glog::seal_epoch(&secret, log.chain.next_place(), &[&keys.cert], rng).map_err(too_large)
        })
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
        rows.unwrap().iter().map(|(_, entry)| Entry::decode(entry).unwrap()).collect()
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
        let keys = &self.inner.logs.keys;
        let mut entries = self.log_entries(channel).into_iter();
        let mut replica =
            glog::Replica::new(keys.node(), entries.next().unwrap(), glog::PENDING_MAX).unwrap();
        for entry in entries {
            replica.receive(entry, 0).unwrap();
        }
        for entry in replica.chain().entries().to_vec() {
            if let Some(secret) = glog::open_epoch(&entry, keys.node().short(), &keys.sealing) {
                replica.learn_key(entry.id().short(), secret);
            }
        }
        replica
    }
}
