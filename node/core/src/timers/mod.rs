//! What happens by itself, at its time: scheduled messages are sent, others go.
//!
//! Keyspace `TIMERS`, key = due (unix seconds, 4) ++ kind (1) ++ owner (8) ++ rest: the first row
//! is the next one due. What waits for somebody to come online has [`ONLINE`] and then that
//! member before the rest, and is never due by the clock. A timer names what it is for; whether
//! that is still there is seen when it fires.
//!
//! The binary calls [`Core::tick`] when [`Core::due`] says so. All of it is in the store: a
//! restart fires late what it missed, and nothing twice.

mod clear;
mod expire;
mod rows;
mod scheduled;

use std::collections::BTreeSet;

use node_store::{Keyspace, Order, Store};
use parking_lot::Mutex;
use tokio::sync::watch;

pub(crate) use expire::{HistoryTtl, check_period};
pub use scheduled::{
    Placed, SCHEDULED_DIALOG_MAX, SEND_WHEN_ONLINE, Scheduled, ScheduledEdit, When,
};

use crate::decide::{Decide, scan_prefix};
use crate::ids::{BoxId, UserId};
use crate::presence::Status;
use crate::{Core, CoreError, CoreResult};

/// In the place of a time: when the member comes online whose number follows.
const ONLINE: u32 = u32::MAX;

/// Timers of one command: as many of the largest messages as a batch has room for.
const FIRED_AT_ONCE: usize = 16;

/// Bytes of rows after which one command fires no further timer.
const FIRED_BYTES_MAX: usize = 1 << 20;

/// Rows that are read in one go.
const ROWS_AT_ONCE: usize = 1000;

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A scheduled message.
    Send,
    /// A message that goes by itself.
    Expire,
    /// A poll that closes.
    ClosePoll,
    /// The box of a deleted account, which goes piece by piece.
    ClearBox,
    /// Something is given back to a member of a channel.
    Unban,
    /// An event of a channel's admin log goes.
    AdminEvent,
    /// Rows that belonged to something which is gone.
    ClearRows,
    /// The log of a channel is told how many have voted.
    Tally,
    /// The log of a channel is told who reacted.
    React,
    /// Whether somebody here wants a channel of another node still.
    LetGo,
    /// The home of a channel is told what people here did.
    TellSums,
    /// The log of a channel is told what its readers did.
    SaySums,
    /// A node that reads may be gone, or has told some of what it had told anew.
    Reader,
    /// A bridge that is handed over is tried again, or what is left of it removed.
    HandOver,
    /// What is kept for a secret chat that has ended goes.
    ClearSecret,
    /// What waited for a login that has ended goes.
    ClearQueue,
    /// What a device has confirmed, of what waited for it, goes.
    TrimQueue,
}

impl Kind {
    const fn byte(self) -> u8 {
        match self {
            Self::Send => 0,
            Self::Expire => 1,
            Self::ClosePoll => 2,
            Self::ClearBox => 3,
            Self::Unban => 4,
            Self::AdminEvent => 10,
            Self::ClearRows => 16,
            Self::Tally => 17,
            Self::React => 18,
            Self::LetGo => 24,
            Self::TellSums => 32,
            Self::SaySums => 33,
            Self::Reader => 34,
            Self::HandOver => 40,
            Self::ClearSecret => 41,
            Self::ClearQueue => 42,
            Self::TrimQueue => 43,
        }
    }
}

/// What the clock waits for, in memory.
#[derive(Debug)]
pub(crate) struct Timers {
    /// Unix seconds of the next timer; 0: now.
    due: watch::Sender<Option<u32>>,
    state: Mutex<Online>,
}

#[derive(Debug, Default)]
struct Online {
    /// Members for whom something waits to be sent when they come online.
    awaited: BTreeSet<UserId>,
    /// Those of them who came.
    came: BTreeSet<UserId>,
}

impl Timers {
    pub(crate) fn load(store: &dyn Store) -> CoreResult<Self> {
        let mut awaited = BTreeSet::new();
        let mut from = ONLINE.to_be_bytes().to_vec();
        loop {
            let rows = store.scan(Keyspace::TIMERS, &from, None, ROWS_AT_ONCE, Order::Ascending)?;
            awaited.extend(rows.iter().filter_map(|(key, _)| user_at(key, 5)));
            match rows.last() {
                Some((key, _)) if rows.len() == ROWS_AT_ONCE => from = [key, &[0][..]].concat(),
                _ => break,
            }
        }
        let due = watch::Sender::new(first(store)?);
        Ok(Self { due, state: Mutex::new(Online { awaited, came: BTreeSet::new() }) })
    }

    /// A member came online.
    pub(crate) fn came(&self, user: UserId) {
        let mut state = self.state.lock();
        if state.awaited.contains(&user) {
            state.came.insert(user);
            self.due.send_replace(Some(0));
        }
    }

    pub(crate) fn sooner(&self, at: u32) {
        self.due.send_if_modified(|due| {
            let sooner = due.is_none_or(|due| at < due);
            if sooner {
                *due = Some(at);
            }
            sooner
        });
    }
}

/// When the next timer is due.
fn first(store: &dyn Store) -> CoreResult<Option<u32>> {
    let end = ONLINE.to_be_bytes();
    let rows = store.scan(Keyspace::TIMERS, &[], Some(&end), 1, Order::Ascending)?;
    Ok(rows.first().and_then(|(key, _)| due_at(key)))
}

fn due_at(key: &[u8]) -> Option<u32> {
    key.first_chunk().map(|due| u32::from_be_bytes(*due))
}

fn user_at(key: &[u8], at: usize) -> Option<UserId> {
    let bytes = key.get(at..)?.first_chunk::<8>()?;
    Some(UserId(i64::from_be_bytes(*bytes)))
}

/// The key of a timer that is due at a time (unix seconds). The owner is whose numbers the rest
/// counts by.
pub(crate) fn at(kind: Kind, due: i32, owner: impl Into<BoxId>, rest: &[u8]) -> Vec<u8> {
    [&due.max(0).to_be_bytes()[..], &[kind.byte()], &owner.into().bytes(), rest].concat()
}

/// The key of a timer that waits for a member.
fn online(kind: Kind, whom: UserId, owner: UserId, rest: &[u8]) -> Vec<u8> {
    [&ONLINE.to_be_bytes()[..], &[kind.byte()], &whom.bytes(), &owner.bytes(), rest].concat()
}

impl Core {
    /// Unix seconds at which [`Core::tick`] has something to do next; 0: now.
    #[must_use]
    pub fn due(&self) -> watch::Receiver<Option<u32>> {
        self.inner.timers.due.subscribe()
    }

    /// Does all that is due.
    ///
    /// # Errors
    /// Those of the store. What was not done stays due.
    pub async fn tick(&self) -> CoreResult<()> {
        let timers = &self.inner.timers;
        let came = timers.state.lock().came.clone();
        for user in came {
            let prefix = [&ONLINE.to_be_bytes()[..], &[Kind::Send.byte()], &user.bytes()].concat();
            while self.fire(&prefix, None).await? {}
            {
                // Not before: what failed is tried again.
                let mut state = timers.state.lock();
                state.came.remove(&user);
                state.awaited.remove(&user);
            }
            // One that was put there meanwhile is awaited again.
            if !scan_prefix(&*self.inner.store, Keyspace::TIMERS, &prefix, 1)?.is_empty() {
                timers.state.lock().awaited.insert(user);
            }
        }
        let now = u32::try_from(self.now()).unwrap_or(0);
        let end = now.saturating_add(1).to_be_bytes();
        while self.fire(&[], Some(&end)).await? {}
        if self.inner.views.due().is_some_and(|due| due <= now) {
            self.write_views().await?;
        }
        // Again, if a timer was set between the two: it has told before it is seen here.
        loop {
            let next = first(&*self.inner.store)?;
            timers.due.send_replace(next);
            if first(&*self.inner.store)? == next {
                break;
            }
        }
        if let Some(due) = self.inner.views.due() {
            timers.sooner(due);
        }
        if !timers.state.lock().came.is_empty() {
            timers.due.send_replace(Some(0));
        }
        Ok(())
    }

    /// Fires some timers: those below `end`, or those that begin with `from`. True if there were
    /// any.
    async fn fire(&self, from: &[u8], end: Option<&[u8]>) -> CoreResult<bool> {
        let store = &*self.inner.store;
        let rows = match end {
            Some(end) => {
                store.scan(Keyspace::TIMERS, from, Some(end), FIRED_AT_ONCE, Order::Ascending)?
            }
            None => scan_prefix(store, Keyspace::TIMERS, from, FIRED_AT_ONCE)?,
        };
        let keys: Vec<Vec<u8>> = rows.into_iter().map(|(key, _)| key).collect();
        if keys.is_empty() {
            return Ok(false);
        }
        self.write(None, move |decide| {
            for key in keys {
                // The rest comes with the next command: long texts to large groups fill a batch.
                if decide.command_bytes() > FIRED_BYTES_MAX {
                    break;
                }
                // A command before this one may have taken it away.
                let Some(value) = decide.get(Keyspace::TIMERS, &key)? else { continue };
                decide.delete(Keyspace::TIMERS, &key);
                match decide.part(|decide| decide.fire(&key, &value))? {
                    Err(cause @ (CoreError::Store(_) | CoreError::Stopped(_))) => {
                        return Err(cause);
                    }
                    // It would fail again, and hold up those behind it. What it was for stays.
                    Err(cause) => tracing::error!(%cause, "a timer is given up"),
                    Ok(()) => {}
                }
            }
            Ok(())
        })
        .await?;
        Ok(true)
    }
}

impl Decide<'_> {
    fn fire(&mut self, key: &[u8], value: &[u8]) -> CoreResult<()> {
        let damaged = || CoreError::Damaged("timer");
        let owner_at = if due_at(key) == Some(ONLINE) { 13 } else { 5 };
        let owner = user_at(key, owner_at).ok_or_else(damaged)?;
        let place = BoxId::from(owner);
        let rest = key.get(owner_at + 8..).ok_or_else(damaged)?;
        match key.get(4) {
            Some(0) => self.fire_scheduled(owner, rest),
            Some(1) => self.expire(owner, rest, value),
            Some(2) => self.fire_close_poll(rest),
            Some(3) => self.clear_box(owner, value),
            Some(4) => self.end_ban(owner, rest),
            Some(10) => self.forget_noted(place.channel().ok_or_else(damaged)?, rest),
            Some(16) => self.clear_rows_later(rest),
            Some(17) => self.fire_tally(rest),
            Some(18) => self.log_reactions(place.channel().ok_or_else(damaged)?),
            Some(24) => self.fire_let_go(place.channel().ok_or_else(damaged)?, due_at(key)),
            Some(32) => self.fire_telling(place.channel().ok_or_else(damaged)?),
            Some(33) => self.fire_saying(place.channel().ok_or_else(damaged)?, rest),
            Some(34) => self.fire_reader(place.channel().ok_or_else(damaged)?, rest, value),
            Some(40) => self.fire_hand_over(place.channel().ok_or_else(damaged)?),
            Some(41) => self.clear_secret_chat(owner, rest),
            Some(42) => self.clear_queue(rest),
            Some(43) => self.trim_queue(rest),
            _ => Err(damaged()),
        }
    }

    /// Sets a timer.
    pub(crate) fn set_timer(&mut self, key: &[u8], value: Vec<u8>) {
        self.put_bytes(Keyspace::TIMERS, key, value);
        let Some(due) = due_at(key) else { return };
        let whom = user_at(key, 5).filter(|_| due == ONLINE);
        self.after(move |inner| match whom {
            Some(whom) => {
                inner.timers.state.lock().awaited.insert(whom);
                // Who came between the decision and now was not awaited yet.
                if matches!(inner.status(whom), Ok(Status::Online { .. })) {
                    inner.timers.came(whom);
                }
            }
            None => inner.timers.sooner(due),
        });
    }
}
