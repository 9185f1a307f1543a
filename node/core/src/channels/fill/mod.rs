//! Channels of other nodes that came here late: what was said before fills up downward.
//!
//! With the first entry of such a channel comes what its lanes held then, as another node told. Numbers
//! of messages up to a first one are kept for that, and what is new goes on above it. The lanes have to
//! be fetched from their beginning, as each entry shows only by the one before it whose it is; so a fill
//! has three stages.
//!
//! 1. **Fetching**: nothing is shown, until all of it is here (and keys were asked for what is sealed),
//!    or no more is waited for it ([`wait`]).
//! 2. **Rising**: what is newer is shown, in the order in which it came, as what comes later will be.
//! 3. **Falling**: history is placed, the newest first, in an order that follows from the entries alone
//!    ([`plan`]). No event tells of it, nobody is notified, and it is read.
//!
//! Each step is one command, which keeps with what it places how far it is: a crash loses and doubles
//! nothing. Numbers follow from what was delivered when the fetching ended, so they are the same after a
//! restart. Who asks for what is not placed yet waits, and is told to come again after
//! [`HISTORY_WAIT`].
//!
//! Keyspace `CHANNELS`, 18 ++ 0 the [`Fill`], 18 ++ 1 what its lanes held ([`Target`]); both go when all
//! is placed.

mod place;
mod plan;
mod run;
#[cfg(test)]
mod tests;
mod wait;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use glog::EntryRef;
use node_store::{Keyspace, Store};
use parking_lot::{Condvar, Mutex};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{Channels, FILL, row_key};
use crate::decide::Decide;
use crate::ids::{ChannelId, MessageId, Pts};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};
pub(crate) use place::PLACED_AT_ONCE;
use plan::Plan;
pub(crate) use run::run;
use wait::Wait;

/// Numbers that are kept beside those that history needs.
const FIRST_MIN: u64 = 1024;

/// What is kept for one lane, and for all.
const LANE_MAX: u64 = 1 << 24;
const FIRST_MAX: u64 = 1 << 30;

/// Lanes that are told of one group. Protects memory; what is said in others is new.
pub(crate) const LANES_MAX: usize = 4096;

/// Keys of which it is remembered that nobody gave them. Protects memory.
const UNANSWERED_MAX: usize = 1024;

/// How long somebody waits for history that is not placed, and when they are to ask again.
const HISTORY_WAIT: Duration = Duration::from_secs(8);
const AGAIN_S: u32 = 3;

/// How far a channel is filled.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Fill {
    /// Numbers from here on are for what is new.
    first: MessageId,
    /// Keys that members were asked for, and did not give.
    unanswered: Vec<[u8; 16]>,
    stage: Stage,
}

impl Record for Fill {
    const VERSION: u8 = 1;
    const NAME: &'static str = "filling of a channel";
}

/// See [`self`]. `upto` is the number of the first entry of a lane that was delivered when the fetching
/// had ended; `until_ms` when that was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    Fetching,
    Rising {
        upto: u64,
        until_ms: u64,
        /// What is newer and was delivered below this number is shown.
        shown: u64,
    },
    Falling {
        upto: u64,
        until_ms: u64,
        /// So many messages of the plan are done.
        passed: u32,
    },
}

/// What the lanes of a group held when it came here: each lane by node and incarnation, with the number
/// of its last entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Target(Vec<([u8; 16], u32, u64)>);

impl Record for Target {
    const VERSION: u8 = 1;
    const NAME: &'static str = "what lanes held";
}

impl Target {
    /// The highest of each lane that was told.
    fn new(lanes: &[EntryRef]) -> Self {
        let mut all: Vec<_> =
            lanes.iter().take(LANES_MAX).map(|at| (at.node.0, at.inc, at.seq)).collect();
        all.sort_unstable();
        all.reverse();
        all.dedup_by_key(|(node, inc, _)| (*node, *inc));
        all.reverse();
        Self(all)
    }

    fn holds(&self, at: &EntryRef) -> bool {
        let lane = (at.node.0, at.inc);
        let found = self.0.binary_search_by_key(&lane, |(node, inc, _)| (*node, *inc));
        found.ok().and_then(|found| self.0.get(found)).is_some_and(|(.., seq)| at.seq <= *seq)
    }

    /// The first number that is not kept for it.
    fn first(&self) -> MessageId {
        let of_lane = |(.., seq): &([u8; 16], u32, u64)| seq.saturating_add(1).min(LANE_MAX);
        let all = self.0.iter().map(of_lane).fold(FIRST_MIN, u64::saturating_add);
        MessageId(i32::try_from(all.min(FIRST_MAX)).unwrap_or(i32::MAX))
    }
}

fn fill_key(channel: ChannelId) -> Vec<u8> {
    row_key(channel, FILL, &[0])
}

fn target_key(channel: ChannelId) -> Vec<u8> {
    row_key(channel, FILL, &[1])
}

/// Whether a channel is being filled, as it is in the store.
pub(crate) fn is_filling(store: &dyn Store, channel: ChannelId) -> CoreResult<bool> {
    Ok(store.get(Keyspace::CHANNELS, &fill_key(channel))?.is_some())
}

/// What readers know of a channel that is being filled.
#[derive(Debug, Clone, Copy)]
struct Filling {
    /// Messages from here on are in their places.
    low: MessageId,
    /// So many are to come.
    left: i32,
    /// Something of it is still fetched.
    wait: Option<Wait>,
}

/// Channels that are being filled.
#[derive(Debug)]
pub(crate) struct Fills {
    state: Mutex<State>,
    due: Condvar,
    /// Rises with every step.
    moved: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    filling: HashMap<ChannelId, Filling>,
    plans: HashMap<ChannelId, Arc<Plan>>,
    due: BTreeSet<ChannelId>,
    /// Nothing has come for too long: what is here is all.
    stalled: BTreeSet<ChannelId>,
    ended: bool,
}

impl Default for Fills {
    fn default() -> Self {
        Self { state: Mutex::default(), due: Condvar::new(), moved: watch::Sender::new(0) }
    }
}

impl Fills {
    /// Those that an earlier run began go on.
    pub(crate) fn load(store: &dyn Store, channels: &Channels, now_ms: u64) -> CoreResult<Self> {
        let fills = Self::default();
        for channel in channels.ids() {
            if let Some(row) = store.get(Keyspace::CHANNELS, &fill_key(channel))? {
                fills.begin(channel, &Fill::decode(&row)?, now_ms);
                fills.due(channel);
            }
        }
        Ok(fills)
    }

    fn begin(&self, channel: ChannelId, fill: &Fill, now_ms: u64) {
        let passed = match fill.stage {
            Stage::Falling { passed, .. } => i32::try_from(passed).unwrap_or(i32::MAX),
            _ => 0,
        };
        let wait = (fill.stage == Stage::Fetching).then(|| Wait::new(now_ms));
        let low = MessageId(fill.first.0.saturating_sub(passed));
        self.state.lock().filling.insert(channel, Filling { low, left: 0, wait });
    }

    fn filling(&self, channel: ChannelId) -> Option<Filling> {
        self.state.lock().filling.get(&channel).copied()
    }

    /// So much is here of what a channel waits for.
    fn came(&self, channel: ChannelId, has: u64) {
        let mut state = self.state.lock();
        let wait = state.filling.get_mut(&channel).and_then(|filling| filling.wait.as_mut());
        if let Some(wait) = wait {
            wait.has(has);
        }
    }

    /// Channels that wait for something.
    fn waiting(&self) -> Vec<ChannelId> {
        let state = self.state.lock();
        let waits = state.filling.iter().filter(|(_, filling)| filling.wait.is_some());
        waits.map(|(channel, _)| *channel).collect()
    }

    /// There may be a step to take.
    fn due(&self, channel: ChannelId) {
        self.state.lock().due.insert(channel);
        self.due.notify_all();
    }

    /// A step was taken; `None`: the last one.
    fn moved(&self, channel: ChannelId, filling: Option<Filling>) {
        {
            let mut state = self.state.lock();
            match filling {
                Some(filling) => drop(state.filling.insert(channel, filling)),
                None => {
                    state.filling.remove(&channel);
                    state.plans.remove(&channel);
                    state.stalled.remove(&channel);
                }
            }
        }
        self.moved.send_modify(|moved| *moved += 1);
    }

    fn plan(&self, channel: ChannelId) -> Option<Arc<Plan>> {
        self.state.lock().plans.get(&channel).cloned()
    }

    fn put_plan(&self, channel: ChannelId, plan: Arc<Plan>) {
        self.state.lock().plans.insert(channel, plan);
    }

    fn is_stalled(&self, channel: ChannelId) -> bool {
        self.state.lock().stalled.contains(&channel)
    }

    /// A channel that has waited for too long is shown as it is.
    fn look(&self, channel: ChannelId, connected: bool, now_ms: u64) {
        let mut state = self.state.lock();
        let wait = state.filling.get_mut(&channel).and_then(|filling| filling.wait.as_mut());
        if wait.is_some_and(|wait| wait.is_over(connected, now_ms)) {
            state.stalled.insert(channel);
            state.due.insert(channel);
            drop(state);
            self.due.notify_all();
        }
    }

    /// The thread ends.
    pub(crate) fn end(&self) {
        self.state.lock().ended = true;
        self.due.notify_all();
    }

    fn has_ended(&self) -> bool {
        self.state.lock().ended
    }

    /// Waits for the next channel; `None` at the end.
    fn next(&self) -> Option<ChannelId> {
        let mut state = self.state.lock();
        loop {
            if state.ended {
                return None;
            }
            if let Some(channel) = state.due.pop_first() {
                return Some(channel);
            }
            self.due.wait(&mut state);
        }
    }
}

/// How far history is, where a channel is being filled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frontier {
    channel: ChannelId,
    /// The number of steps when it was looked at.
    seen: u64,
    /// Messages from here on are in their places.
    pub(crate) low: MessageId,
    /// So many are to come.
    pub(crate) left: i32,
}

impl Core {
    /// Other nodes hold this of a group that somebody here wants, before any of it came: numbers are kept
    /// for it.
    pub fn expect_history(&self, group: glog::GroupId, lanes: Vec<EntryRef>) {
        self.inner.groups.expect_lanes(group, lanes);
    }

    /// How far the history of a channel is; `None` where all of it is there.
    pub(crate) fn frontier(&self, channel: Option<ChannelId>) -> Option<Frontier> {
        let channel = channel?;
        let fills = &self.inner.fills;
        // The number first: what moves in between is waited for in vain at most once.
        let seen = *fills.moved.borrow();
        let filling = fills.filling(channel)?;
        Some(Frontier { channel, seen, low: filling.low, left: filling.left })
    }

    /// Waits until the history of a channel is further than it was.
    ///
    /// # Errors
    /// [`CoreError::Flood`]: to be asked again.
    pub(crate) async fn history_moves(
        &self,
        frontier: Frontier,
        deadline: tokio::time::Instant,
    ) -> CoreResult<()> {
        let mut moved = self.inner.fills.moved.subscribe();
        let moves = moved.wait_for(|moved| *moved > frontier.seen);
        let mut stopped = self.inner.stopped();
        tokio::select! {
            _ = moves => Ok(()),
            _ = stopped.wait_for(Option::is_some) => {
                Err(CoreError::Stopped("the committer has ended".into()))
            }
            () = tokio::time::sleep_until(deadline) => {
                tracing::debug!(channel = frontier.channel.0, "history is not here yet");
                Err(CoreError::Flood { wait_s: AGAIN_S })
            }
        }
    }

    /// Until when somebody waits who asks for history now.
    pub(crate) fn history_deadline() -> tokio::time::Instant {
        tokio::time::Instant::now() + HISTORY_WAIT
    }

    /// Waits until all history of a channel is there.
    ///
    /// # Errors
    /// [`CoreError::Flood`]: to be asked again.
    pub(crate) async fn whole_history(&self, channel: Option<ChannelId>) -> CoreResult<()> {
        let deadline = Self::history_deadline();
        while let Some(frontier) = self.frontier(channel) {
            self.history_moves(frontier, deadline).await?;
        }
        Ok(())
    }

    /// Time has passed.
    pub(crate) fn tick_fills(&self) {
        let network = self.inner.network.get();
        for channel in self.inner.fills.waiting() {
            let row = self.inner.groups.of(channel);
            let nodes = row.iter().flat_map(|row| row.members.iter().chain([&row.home]));
            let connected = network.is_some_and(|network| {
                nodes.copied().any(|node| network.is_connected(glog::NodeId(node)))
            });
            self.inner.fills.look(channel, connected, self.now_ms());
        }
    }
}

impl Decide<'_> {
    fn fill(&self, channel: ChannelId) -> CoreResult<Option<Fill>> {
        self.load(Keyspace::CHANNELS, &fill_key(channel))
    }

    fn put_fill(&mut self, channel: ChannelId, fill: &Fill) -> CoreResult<()> {
        self.put(Keyspace::CHANNELS, &fill_key(channel), fill)
    }

    fn target(&self, channel: ChannelId) -> CoreResult<Target> {
        let target = self.load(Keyspace::CHANNELS, &target_key(channel))?;
        target.ok_or(CoreError::Damaged(Target::NAME))
    }

    /// A channel begins here, and its lanes hold this: numbers are kept for it.
    pub(crate) fn begin_fill(&mut self, channel: ChannelId, lanes: &[EntryRef]) -> CoreResult<()> {
        let target = Target::new(lanes);
        let fill = Fill { first: target.first(), unanswered: Vec::new(), stage: Stage::Fetching };
        self.put(Keyspace::CHANNELS, &target_key(channel), &target)?;
        self.put_fill(channel, &fill)?;
        let now_ms = self.now_ms;
        let first = fill.first;
        self.after(move |inner| inner.fills.begin(channel, &fill, now_ms));
        self.reserve(channel, Pts(first.0 - 1))
    }

    /// Whether what a channel's log tells is its past: nobody is told of it.
    pub(super) fn is_past(&self, channel: ChannelId) -> CoreResult<bool> {
        Ok(self.fill(channel)?.is_some_and(|fill| fill.stage == Stage::Fetching))
    }

    /// Whether a message that does not show yet will be shown by the fill of its channel.
    pub(super) fn is_held_back(&mut self, channel: ChannelId, at: &EntryRef) -> CoreResult<bool> {
        let Some(fill) = self.fill(channel)? else { return Ok(false) };
        match fill.stage {
            Stage::Fetching => Ok(true),
            Stage::Rising { upto, shown, .. } => {
                let number = self.number_of(channel, at)?.unwrap_or(u64::MAX);
                let is_history = number < upto && self.target(channel)?.holds(at);
                Ok(is_history || number >= shown)
            }
            Stage::Falling { passed, .. } => {
                let plan = self.plan(channel, &fill)?;
                Ok(plan.as_ref().and_then(|plan| plan.ids.get(at)).is_some_and(|id| {
                    i64::from(id.0) < i64::from(fill.first.0) - i64::from(passed)
                }))
            }
        }
    }

    /// The message that an entry brought, or will bring: its number is known before it is placed.
    pub(super) fn message_planned(
        &mut self,
        channel: ChannelId,
        at: &EntryRef,
    ) -> CoreResult<Option<MessageId>> {
        if let Some(id) = self.message_of_entry(channel, at)? {
            return Ok(Some(id));
        }
        let Some(fill) = self.fill(channel)? else { return Ok(None) };
        let plan = self.plan(channel, &fill)?;
        let Some(id) = plan.and_then(|plan| plan.ids.get(at).copied()) else { return Ok(None) };
        if let Stage::Falling { passed, .. } = fill.stage
            && i64::from(id.0) >= i64::from(fill.first.0) - i64::from(passed)
        {
            // It was not shown when its turn came.
            return Ok(None);
        }
        let is_shown = self.with_shared(channel, |shared| {
            let said = shared.replica.lanes().message(shared.replica.chain(), at);
            said.is_some_and(|said| said.post.is_some())
        })?;
        Ok(Some(id).filter(|_| is_shown == Some(true)))
    }

    /// The numbers of all that is history. `None` while the fetching goes on, and until they were found
    /// out for the first time.
    fn plan(&self, channel: ChannelId, fill: &Fill) -> CoreResult<Option<Arc<Plan>>> {
        if let Some(plan) = self.inner.fills.plan(channel) {
            return Ok(Some(plan));
        }
        // Before, what was delivered may not be in the store.
        let Stage::Falling { upto, until_ms, .. } = fill.stage else { return Ok(None) };
        let target = self.target(channel)?;
        let plan = Plan::read(self.store(), channel, fill.first, &target, (upto, until_ms))?;
        let plan = Arc::new(plan);
        self.inner.fills.put_plan(channel, plan.clone());
        Ok(Some(plan))
    }

    /// Something has come of a channel: it may be all that it is to be filled with.
    pub(crate) fn look_at_fill(&mut self, channel: ChannelId) -> CoreResult<()> {
        let Some(fill) = self.fill(channel)?.filter(|fill| fill.stage == Stage::Fetching) else {
            return Ok(());
        };
        let (has, is_all) = self.fetched(channel, &fill)?;
        self.after(move |inner| {
            inner.fills.came(channel, has);
            if is_all {
                inner.fills.due(channel);
            }
        });
        Ok(())
    }

    /// Members were asked for keys that are missing here still.
    pub(crate) fn note_keys_asked(&mut self, channel: ChannelId) -> CoreResult<()> {
        let Some(fill) = self.fill(channel)?.filter(|fill| fill.stage == Stage::Fetching) else {
            return Ok(());
        };
        let missing = self.missing_keys(channel)?;
        let unanswered = missing.iter().take(UNANSWERED_MAX).map(|id| id.0).collect();
        self.put_fill(channel, &Fill { unanswered, ..fill })?;
        self.look_at_fill(channel)
    }

    /// How many entries are here of what a channel waits for, and whether that is all.
    fn fetched(&mut self, channel: ChannelId, fill: &Fill) -> CoreResult<(u64, bool)> {
        let target = self.target(channel)?;
        let found = self.with_shared(channel, |shared| {
            let chain = shared.replica.chain();
            let heads = shared.replica.lanes().heads(chain);
            let ends: HashMap<([u8; 16], u32), u64> =
                heads.iter().map(|at| ((at.node.0, at.inc), at.seq + 1)).collect();
            let (mut has, mut is_all) = (chain.entries().len() as u64, true);
            for (node, inc, seq) in &target.0 {
                let end = ends.get(&(*node, *inc)).copied().unwrap_or(0);
                has = has.saturating_add(end.min(seq.saturating_add(1)));
                is_all &= end > *seq;
            }
            (has, is_all)
        })?;
        let (has, is_all) = found.unwrap_or((0, false));
        let missing = if is_all { self.missing_keys(channel)? } else { Vec::new() };
        Ok((has, is_all && missing.iter().all(|id| fill.unanswered.contains(&id.0))))
    }
}

#[cfg(test)]
impl Core {
    /// Waits until a channel is filled, unless something of its history has not come.
    pub(crate) async fn filled(&self, channel: ChannelId) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(600);
        loop {
            let frontier = self.frontier(Some(channel));
            let waits = self.write(None, move |decide| match decide.fill(channel)? {
                Some(fill) if fill.stage == Stage::Fetching => {
                    Ok(!decide.fetched(channel, &fill)?.1)
                }
                _ => Ok(false),
            });
            let Some(frontier) = frontier else { return };
            if waits.await.unwrap() {
                return;
            }
            self.history_moves(frontier, deadline).await.unwrap();
        }
    }

    /// Whether something of a channel's history is not in its place.
    pub(crate) fn is_filling(&self, channel: ChannelId) -> bool {
        is_filling(&*self.inner.store, channel).unwrap()
    }

    /// Which message each entry of a channel has brought.
    pub(crate) fn numbered(&self, channel: ChannelId) -> Vec<(EntryRef, MessageId)> {
        let prefix = row_key(channel, super::MESSAGE_OF, &[]);
        let rows = crate::decide::scan_prefix(
            &*self.inner.store,
            Keyspace::CHANNELS,
            &prefix,
            usize::MAX >> 1,
        );
        let numbered = |(key, id): (Vec<u8>, Vec<u8>)| {
            let at = glog::cbor::decode(&key[prefix.len()..]).unwrap();
            (at, MessageId(i32::from_be_bytes(id[..4].try_into().unwrap())))
        };
        rows.unwrap().into_iter().map(numbered).collect()
    }

    /// Writes so many posts into the log of a channel, and nothing else.
    pub(crate) async fn write_posts(
        &self,
        channel: ChannelId,
        from: crate::UserId,
        numbers: std::ops::Range<u32>,
    ) {
        let write = self.write(None, move |decide| {
            for number in numbers {
                let words = crate::text::Text::draft(
                    &format!("post {number:06}, lorem ipsum dolor"),
                    Vec::new(),
                );
                let words = words.map_err(|_| CoreError::TooMany)?;
                let now = decide.now();
                let message = crate::Message::new(channel.into(), from, false, now, words);
                let post = decide.post_of(channel, &message)?;
                decide.write_data(channel, from, &glog::body::DataBody::Post(post))?;
            }
            Ok(())
        });
        write.await.unwrap();
    }
}
