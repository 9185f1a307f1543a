//! What the committer and all readers share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use keys::MasterKey;
use node_store::Store;
use parking_lot::RwLock;
use tokio::sync::{Semaphore, watch};

use crate::boxes::{Boxes, EVENTS_KEPT};
use crate::bridge::Bridges;
use crate::channels::{Channels, Fills, Logs, PLACED_AT_ONCE, Views};
use crate::chats::Chats;
use crate::contacts::ContactCache;
use crate::directory::Directory;
use crate::event::{Event, Follower};
use crate::federation::{Groups, Network, Pairs};
use crate::login::{EmailProofs, LoginCodes, LoginTokens, Questions};
use crate::personal::PersonalCache;
use crate::presence::Presence;
use crate::search::{INDEX_EVERY_EVENTS, Queue};
use crate::setup::{Clock, Quotas, Registration, Setup};
use crate::shown::Shown;
use crate::timers::Timers;
use crate::{CoreError, CoreResult};

/// How often things happen behind what members do; tests have them happen more often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// See [`crate::boxes::EVENTS_KEPT`].
    pub(crate) events_kept: i32,
    /// See [`crate::search::INDEX_EVERY_EVENTS`].
    pub(crate) index_every: i32,
    /// Messages of before that are placed in a channel in one go.
    pub(crate) placed_at_once: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            events_kept: EVENTS_KEPT,
            index_every: INDEX_EVERY_EVENTS,
            placed_at_once: PLACED_AT_ONCE,
        }
    }
}

/// Passwords that are checked at the same time: each takes some milliseconds of a core.
const CALCULATIONS_AT_ONCE: usize = 2;

/// The state behind a [`crate::Core`].
pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) registration: Registration,
    pub(crate) access_secret: [u8; 32],
    /// See [`crate::Setup::stamp`].
    pub(crate) stamp: [u8; 16],
    pub(crate) master: Arc<MasterKey>,
    /// See [`crate::Setup::can_mail`].
    pub(crate) can_mail: bool,
    /// See [`crate::Setup::requires_email`].
    pub(crate) requires_email: bool,
    /// See [`crate::Setup::has_login_page`].
    pub(crate) has_login_page: bool,
    /// See [`crate::Setup::reaches_numbers`].
    pub(crate) reaches_numbers: bool,
    /// See [`crate::Setup::one_device_per_kind`].
    pub(crate) one_device_per_kind: bool,
    /// See [`crate::Setup::quotas`].
    pub(crate) quotas: Quotas,
    /// See [`crate::Setup::keep_s`].
    pub(crate) keep_s: i32,
    /// See [`crate::Setup::follow_s`].
    pub(crate) follow_s: i32,
    pub(crate) boxes: Boxes,
    pub(crate) directory: Directory,
    pub(crate) chats: Chats,
    pub(crate) channels: Channels,
    /// What this node writes into the logs of channels.
    pub(crate) logs: Logs,
    /// Channels that are shared with other nodes.
    pub(crate) groups: Groups,
    /// Those of them whose history is not all there.
    pub(crate) fills: Fills,
    /// What people here and of other nodes say to each other.
    pub(crate) pairs: Pairs,
    /// See [`crate::Core::pages_are_at`].
    pub(crate) pages_at: OnceLock<String>,
    /// The way to other nodes, once there is one.
    pub(crate) network: OnceLock<Arc<dyn Network>>,
    /// Channels that are bridged to the fediverse.
    pub(crate) bridges: Bridges,
    /// How often posts of channels were seen.
    pub(crate) views: Views,
    pub(crate) contacts: ContactCache,
    pub(crate) personal: PersonalCache,
    /// Rows that change and that anybody may read.
    pub(crate) shown: Shown,
    pub(crate) codes: LoginCodes,
    /// Codes for moves to another number, by account and number.
    pub(crate) changes: LoginCodes,
    pub(crate) email_proofs: EmailProofs,
    pub(crate) tokens: LoginTokens,
    pub(crate) questions: Questions,
    /// Turns for arithmetic of some milliseconds.
    pub(crate) calculations: Semaphore,
    pub(crate) presence: Presence,
    pub(crate) pace: Pace,
    /// What the indexer has to do.
    pub(crate) search: Queue,
    /// What the clock waits for.
    pub(crate) timers: Timers,
    /// The batch that is being decided, or the last one that was.
    pub(crate) deciding: AtomicU64,
    /// The newest batch that is durable.
    pub(crate) durable: watch::Sender<u64>,
    /// See [`crate::Core::version`].
    pub(crate) version: AtomicU64,
    stopped: watch::Sender<Option<String>>,
    followers: RwLock<Vec<Arc<dyn Follower>>>,
    keys_written: AtomicU64,
    keys_derived: AtomicU64,
}

impl Inner {
    pub(crate) fn new(
        setup: Setup,
        directory: Directory,
        (chats, channels, groups, fills): (Chats, Channels, Groups, Fills),
        bridges: Bridges,
        timers: Timers,
        pace: Pace,
    ) -> CoreResult<Self> {
        let Setup { store, clock, registration, access_secret, master, can_mail, .. } = setup;
        let logs = Logs::new(setup.log_keys, &*store)?;
        let (requires_email, reaches_numbers) = (setup.requires_email, setup.reaches_numbers);
        Ok(Self {
            store,
            clock,
            registration,
            access_secret,
            stamp: setup.stamp,
            master,
            can_mail,
            requires_email,
            has_login_page: setup.has_login_page,
            reaches_numbers,
            one_device_per_kind: setup.one_device_per_kind,
            quotas: setup.quotas,
            keep_s: setup.keep_s,
            follow_s: setup.follow_s.max(1),
            email_proofs: EmailProofs::default(),
            boxes: Boxes::default(),
            directory,
            chats,
            channels,
            logs,
            groups,
            fills,
            pairs: Pairs::default(),
            pages_at: OnceLock::new(),
            network: OnceLock::new(),
            bridges,
            views: Views::default(),
            contacts: ContactCache::default(),
            personal: PersonalCache::default(),
            shown: Shown::default(),
            codes: LoginCodes::default(),
            changes: LoginCodes::default(),
            tokens: LoginTokens::default(),
            questions: Questions::default(),
            calculations: Semaphore::new(CALCULATIONS_AT_ONCE),
            presence: Presence::default(),
            pace,
            search: Queue::default(),
            timers,
            deciding: AtomicU64::new(0),
            durable: watch::Sender::new(0),
            version: AtomicU64::new(0),
            stopped: watch::Sender::new(None),
            followers: RwLock::default(),
            keys_written: AtomicU64::new(0),
            keys_derived: AtomicU64::new(0),
        })
    }

    pub(crate) fn now_ms(&self) -> u64 {
        (self.clock)()
    }

    /// Something that is shown is another from now on.
    pub(crate) fn changed(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn follow(&self, follower: Arc<dyn Follower>) {
        self.followers.write().push(follower);
    }

    pub(crate) fn tell(&self, event: &Event) {
        for follower in self.followers.read().iter() {
            follower.happened(event);
        }
    }

    /// Nothing is acknowledged after this.
    pub(crate) fn stop(&self, cause: &CoreError) {
        self.stopped.send_replace(Some(cause.to_string()));
    }

    pub(crate) fn stopped(&self) -> watch::Receiver<Option<String>> {
        self.stopped.subscribe()
    }

    pub(crate) fn count_written(&self, keys: usize) {
        self.keys_written.fetch_add(keys as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_derived(&self, keys: usize) {
        self.keys_derived.fetch_add(keys as u64, Ordering::Relaxed);
    }

    /// Keys of commands, and keys of what is derived from them.
    pub(crate) fn keys(&self) -> (u64, u64) {
        (self.keys_written.load(Ordering::Relaxed), self.keys_derived.load(Ordering::Relaxed))
    }
}
