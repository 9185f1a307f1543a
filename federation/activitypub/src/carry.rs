//! Carries what happens in bridged channels into the activity log, channel by channel, each by its cursor.

mod answers;
mod arrive;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use node_core::{
    Audience, Bridge, BridgeError, BridgeStage, BridgeState, BridgeStep, ChannelId, CoreError,
    CoreResult, Event, Follower, MessageId, NewOutgoing, PostRef, PostState, Pts, Published,
};
use parking_lot::Mutex;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;

use crate::map;
use crate::object::{self, Activity, Cid, Place};
use crate::plan::{Told, Waits, plan};
use crate::shared::Shared;

/// Events that are read at once; an album with what is around it is far fewer.
const EVENTS_AT_ONCE: usize = 100;
/// Activities of one batch.
const OUTGOING_AT_ONCE: usize = 60;
/// What a channel says of itself goes out once it was the same for so long.
const ACTOR_QUIET_MS: u64 = 60_000;
/// Counts of a post go out this often at most.
const COUNTS_EVERY_MS: u64 = 5 * 60_000;
/// Those of a poll, as Mastodon's own.
const TALLY_EVERY_MS: u64 = 3 * 60_000;
/// Posts whose counts wait to go out. Beyond, they show when they are looked up.
const REFRESHES_MAX: usize = 10_000;
/// Seconds after which a channel that is not bridged any more is deleted at other servers: for good.
const GRACE_S: i32 = 7 * 86_400;
/// All is looked at this often, whatever was told.
const LOOK_EVERY: Duration = Duration::from_secs(300);
/// After a failure.
const AGAIN: Duration = Duration::from_secs(5);

/// What is to be looked at, told by the committer.
#[derive(Debug, Default)]
pub(crate) struct Dirty {
    what: Mutex<What>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct What {
    channels: BTreeSet<ChannelId>,
    all: bool,
    /// Posts whose counts changed, and whether it is a poll.
    counts: BTreeMap<(ChannelId, MessageId), bool>,
}

impl Dirty {
    pub(crate) fn everything(&self) {
        self.what.lock().all = true;
        self.wake.notify_one();
    }

    fn channel(&self, channel: ChannelId) {
        self.what.lock().channels.insert(channel);
        self.wake.notify_one();
    }

    fn count(&self, channel: ChannelId, id: MessageId, is_poll: bool) {
        let mut what = self.what.lock();
        if what.counts.len() < REFRESHES_MAX {
            *what.counts.entry((channel, id)).or_default() |= is_poll;
            drop(what);
            self.wake.notify_one();
        }
    }
}

/// Hears of events.
pub(crate) struct Ear(pub(crate) Arc<Shared>);

impl Follower for Ear {
    fn happened(&self, event: &Event) {
        let bridged = |channel: ChannelId| self.0.core.bridge(channel).is_some();
        let dirty = &self.0.dirty;
        match event {
            Event::Box(event) => {
                if let Some(channel) = event.owner.channel() {
                    // Where a channel is discussed, its admins answer in its name.
                    let linked = self.0.core.channel(channel).and_then(|found| found.linked);
                    let both = [Some(channel), linked].into_iter().flatten();
                    both.filter(|channel| bridged(*channel)).for_each(|one| dirty.channel(one));
                }
            }
            Event::Channel { channel, .. } if bridged(*channel) => dirty.channel(*channel),
            Event::ChannelReactions { channel, id, .. } if bridged(*channel) => {
                dirty.count(*channel, *id, false);
            }
            Event::ChannelPoll { channel, id, .. } if bridged(*channel) => {
                dirty.count(*channel, *id, true);
            }
            Event::Bridge => dirty.everything(),
            _ => {}
        }
    }
}

/// What is remembered of one channel between two looks; lost with the process, which costs nothing but
/// time.
#[derive(Debug, Default)]
struct Memory {
    waits: Waits,
    /// What the channel says of itself is other than what was told, since then.
    changed: Option<([u8; 32], u64)>,
    /// What was told last is that it is suspended.
    rests: bool,
}

/// Counts that wait.
#[derive(Debug, Default)]
struct Refreshes {
    /// When each goes out.
    due: BTreeMap<(ChannelId, MessageId), u64>,
    /// When each went out.
    last: BTreeMap<(ChannelId, MessageId), u64>,
}

impl Refreshes {
    fn add(&mut self, post: (ChannelId, MessageId), every_ms: u64, now_ms: u64) {
        if self.due.len() >= REFRESHES_MAX {
            return;
        }
        let next =
            self.last.get(&post).map_or(now_ms + every_ms, |last| (last + every_ms).max(now_ms));
        let due = self.due.entry(post).or_insert(next);
        *due = (*due).min(next);
    }

    /// Those that go out now.
    fn take(&mut self, now_ms: u64) -> Vec<(ChannelId, MessageId)> {
        let due: Vec<_> =
            self.due.iter().filter(|(_, at)| **at <= now_ms).map(|(post, _)| *post).collect();
        for post in &due {
            self.due.remove(post);
            self.last.insert(*post, now_ms);
        }
        self.last.retain(|_, at| *at + COUNTS_EVERY_MS > now_ms);
        due
    }

    fn next(&self) -> Option<u64> {
        self.due.values().min().copied()
    }
}

/// Carries until it is ended.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut memories: BTreeMap<ChannelId, Memory> = BTreeMap::new();
    let mut due: BTreeMap<ChannelId, u64> = BTreeMap::new();
    let mut refreshes = Refreshes::default();
    shared.dirty.everything();
    loop {
        let now_ms = shared.core.now_ms();
        let what = std::mem::take(&mut *shared.dirty.what.lock());
        let mut channels = what.channels;
        if what.all {
            channels.extend(shared.core.bridges().iter().map(|bridge| bridge.channel));
        }
        channels.extend(due.iter().filter(|(_, at)| **at <= now_ms).map(|(channel, _)| *channel));
        for (post, is_poll) in what.counts {
            let is_closed = is_poll && map::is_closed(&shared, post.0, post.1);
            let every_ms = match (is_closed, is_poll) {
                (true, _) => 0,
                (false, true) => TALLY_EVERY_MS,
                (false, false) => COUNTS_EVERY_MS,
            };
            refreshes.add(post, every_ms, now_ms);
        }
        for channel in channels {
            let memory = memories.entry(channel).or_default();
            match carry(&shared, channel, memory).await {
                Ok(Some(at)) => drop(due.insert(channel, at)),
                Ok(None) => drop(due.remove(&channel)),
                Err(cause) => {
                    tracing::warn!(%cause, channel = channel.0, "a channel is not carried on now");
                    due.insert(channel, now_ms + AGAIN.as_millis() as u64);
                }
            }
        }
        for (channel, id) in refreshes.take(now_ms) {
            if let Err(cause) = refresh(&shared, channel, id, now_ms).await {
                tracing::warn!(%cause, "the counts of a post are not told now");
            }
        }
        let next = due.values().copied().chain(refreshes.next()).min();
        let wait = next.map_or(LOOK_EVERY, |at| {
            Duration::from_millis(at.saturating_sub(shared.core.now_ms())).min(LOOK_EVERY)
        });
        tokio::select! {
            () = shared.dirty.wake.notified() => {}
            () = tokio::time::sleep(wait) => {
                if wait == LOOK_EVERY {
                    shared.dirty.everything();
                }
            }
        }
    }
}

/// Carries one channel as far as it may go now; when it is to be looked at again.
async fn carry(
    shared: &Shared,
    channel: ChannelId,
    memory: &mut Memory,
) -> CoreResult<Option<u64>> {
    let Some(bridge) = shared.core.bridge(channel) else { return Ok(None) };
    let is_away = shared.core.sharing(channel).is_some_and(|shared| !shared.is_home);
    if bridge.stage == BridgeStage::Given {
        // Nothing here signs in its name any more.
        shared.forget_signing(channel);
        return Ok(None);
    }
    if bridge.stage == BridgeStage::Arriving && !is_away {
        arrive::arrive(shared, &bridge).await?;
    }
    if bridge.state == BridgeState::Gone || is_away {
        // Who is not the home says nothing, and deletes nothing.
        return Ok(None);
    }
    let carries = shared.core.is_bridged(channel);
    let is_deleted = shared.core.channel(channel).is_none_or(|found| found.deleted);
    let ends_at = match bridge.state {
        BridgeState::Off { since } => Some(since.saturating_add(GRACE_S)),
        _ => None,
    };
    if is_deleted || ends_at.is_some_and(|at| at <= shared.core.now()) {
        let said = said(shared, &bridge.cid, shared.core.now_ms());
        let last = outgoing(said.id.clone(), object::delete_actor(&said), Some(said.actor));
        shared.core.bridge_end(channel, vec![last]).await?;
        shared.sent();
        return Ok(None);
    }
    let mut again = ends_at.map(|at| u64::from(at.max(0).unsigned_abs()) * 1000);
    let mut sooner = |at: Option<u64>| again = again.into_iter().chain(at).min();
    sooner(tell_actor(shared, &bridge, carries, memory).await?);
    if !carries {
        return Ok(again);
    }
    loop {
        // It may have been moved by a batch before.
        let Some(bridge) = shared.core.bridge(channel) else { return Ok(again) };
        let from = bridge.cursor;
        let found = shared.core.bridge_events(channel, from, EVENTS_AT_ONCE).await?;
        if found.lost {
            tracing::warn!(
                channel = channel.0,
                "what happened is not kept that long: some of it is not told"
            );
        }
        let planned = plan(&found, from, shared.core.now_ms(), &mut memory.waits);
        let mut step = Step::default();
        for told in &planned.told {
            step.tell(shared, &bridge, told).await?;
        }
        append(shared, channel, from, planned.to, step).await?;
        if !planned.more || planned.to == from {
            sooner(planned.again_ms);
            break;
        }
    }
    answers::answers(shared, &bridge).await?;
    Ok(again)
}

fn hash_of(document: &Value) -> [u8; 32] {
    Sha256::digest(document.to_string()).into()
}

/// Has what a channel says of itself go out, if it is other than what was told.
async fn tell_actor(
    shared: &Shared,
    bridge: &Bridge,
    carries: bool,
    memory: &mut Memory,
) -> CoreResult<Option<u64>> {
    let Some(document) = map::actor(shared, bridge, !carries).await? else { return Ok(None) };
    let hash = hash_of(&document);
    if bridge.actor_hash == Some(hash) {
        memory.changed = None;
        return Ok(None);
    }
    let now_ms = shared.core.now_ms();
    let mut step = BridgeStep { actor_hash: Some(hash), ..BridgeStep::default() };
    if bridge.actor_hash.is_some() {
        let since = match memory.changed {
            Some((of, since)) if of == hash => since,
            _ => now_ms,
        };
        memory.changed = Some((hash, since));
        // That it is suspended does not wait, nor that it is back: before that, others take no posts.
        let is_back = carries
            && (memory.rests || {
                let resting = map::actor(shared, bridge, true).await?;
                bridge.actor_hash == resting.as_ref().map(hash_of)
            });
        let due = if carries && !is_back { since + ACTOR_QUIET_MS } else { since };
        if due > now_ms {
            return Ok(Some(due));
        }
        let said = said(shared, &bridge.cid, now_ms);
        let update = object::update(&said, document);
        step.outgoing.push(outgoing(said.id, update, Some(said.actor)));
    }
    memory.changed = None;
    memory.rests = !carries;
    shared.core.bridge_append(bridge.channel, bridge.cursor, bridge.cursor, step).await?;
    shared.sent();
    Ok(None)
}

/// What one batch says.
#[derive(Default)]
struct Step {
    outgoing: Vec<NewOutgoing>,
    published: Vec<Published>,
    /// Notes that are in it already, by what their activity is called.
    told: BTreeSet<String>,
}

impl Step {
    async fn tell(&mut self, shared: &Shared, bridge: &Bridge, told: &Told) -> CoreResult<()> {
        let (cid, channel) = (&bridge.cid, bridge.channel);
        match told {
            Told::New { id } => {
                // The first of an album may be gone by now: what is left has its own name.
                let album = shared.core.public_album(channel, *id).await?;
                let Some(first) = album.first() else { return Ok(()) };
                let told = shared.core.post_ref(channel, first.id)?;
                let told = told.map(|post| shared.core.post_state(cid, &post)).transpose()?;
                if matches!(told.flatten(), Some(PostState::Live { .. })) {
                    // An earlier home has told it.
                    return Ok(());
                }
                if let Some((post, object)) = map::repeated(shared, bridge, &album).await? {
                    self.repeat(shared, cid, post, object, first.message.date);
                } else if let Some(note) = map::note_of(shared, bridge, &album)? {
                    self.create(shared, bridge, &note.value, note.post, note.date);
                }
                Ok(())
            }
            Told::Changed { id, pts } => self.change(shared, bridge, *id, *pts, None).await,
            Told::Gone { id, post, pts } => {
                self.push(gone(shared, cid, post, number(*pts))?);
                // What is left of an album says something else now.
                for near in [id.0 - 1, id.0 + 1].map(MessageId) {
                    let album = shared.core.public_album(channel, near).await?;
                    if album.len() > 1 || album.iter().any(|one| one.message.grouped_id != 0) {
                        let now = Some(shared.core.now());
                        self.change(shared, bridge, near, *pts, now).await?;
                    }
                }
                Ok(())
            }
            Told::Pinned { id, pinned, pts } => {
                let Some(main) = map::main_of(shared, channel, *id).await? else { return Ok(()) };
                if map::repeats(shared, cid, &main.1)?.is_some() {
                    // It is no object that could be featured.
                    return Ok(());
                }
                let object = post_id(shared, cid, &main.1);
                let said = said_of(shared, cid, &main.1, number(*pts));
                let featured = shared.url(&Place::Featured(Cid(*cid)));
                let change = if *pinned { object::add } else { object::remove };
                let json = change(&said, &object, &featured);
                self.push(outgoing(said.id, json, None));
                Ok(())
            }
        }
    }

    /// A post, or the album that it is in, says something else; since when, if no message of it says so.
    async fn change(
        &mut self,
        shared: &Shared,
        bridge: &Bridge,
        id: MessageId,
        pts: Pts,
        since: Option<i32>,
    ) -> CoreResult<()> {
        let Some(mut note) = map::note(shared, bridge, id).await? else { return Ok(()) };
        match shared.core.post_state(&bridge.cid, &note.post)? {
            // The first of an album went: what is left is a post of its own.
            None if note.is_album => {
                self.create(shared, bridge, &note.value, note.post, note.date);
                return Ok(());
            }
            // It says what the other post says.
            Some(PostState::Live { repeats: Some(_), .. }) => return Ok(()),
            _ => {}
        }
        let object = post_id(shared, &bridge.cid, &note.post);
        let said = said_of(shared, &bridge.cid, &note.post, number(pts));
        if let (Some(since), Some(fields)) = (since, note.value.as_object_mut()) {
            // Without it others take it for new counts, and keep what is gone.
            fields.insert("updated".into(), object::write_date(since.into()).into());
        }
        let update = object::update(&said, note.value);
        self.push(outgoing(said.id, update, Some(object)));
        Ok(())
    }

    fn create(
        &mut self,
        shared: &Shared,
        bridge: &Bridge,
        note: &Value,
        post: PostRef,
        published: i32,
    ) {
        let place = Place::PostActivity(Cid(bridge.cid), map::mid(&post), 0);
        let id = shared.url(&place);
        self.push(outgoing(id.clone(), object::create(id, note), None));
        self.published.push(Published { post, at: published, repeats: None });
    }

    /// A post that repeats one of another channel is told as that.
    fn repeat(
        &mut self,
        shared: &Shared,
        cid: &node_core::Cid,
        post: PostRef,
        object: String,
        at: i32,
    ) {
        let id = shared.url(&Place::PostActivity(Cid(*cid), map::mid(&post), 0));
        let share = map::share(shared, cid, &post, &object, Some(at));
        self.push(outgoing(id, share, None));
        self.published.push(Published { post, at, repeats: Some(object) });
    }

    fn push(&mut self, one: NewOutgoing) {
        if self.told.insert(one.activity.clone()) {
            self.outgoing.push(one);
        }
    }
}

/// Appends a step, in as many batches as it needs: the cursor moves with the last one.
async fn append(
    shared: &Shared,
    channel: ChannelId,
    from: Pts,
    to: Pts,
    step: Step,
) -> CoreResult<()> {
    if from == to && step.outgoing.is_empty() {
        return Ok(());
    }
    let mut outgoing = step.outgoing;
    while outgoing.len() > OUTGOING_AT_ONCE {
        let rest = outgoing.split_off(OUTGOING_AT_ONCE);
        let part = BridgeStep { outgoing, ..BridgeStep::default() };
        shared.core.bridge_append(channel, from, from, part).await?;
        outgoing = rest;
    }
    let any = !outgoing.is_empty();
    let last = BridgeStep { outgoing, published: step.published, actor_hash: None };
    shared.core.bridge_append(channel, from, to, last).await?;
    if any {
        shared.sent();
    }
    Ok(())
}

/// Has it told which posts were deleted since a moment, while nothing was followed.
pub(crate) async fn tell_gone(shared: &Shared, channel: ChannelId, since: i32) -> CoreResult<()> {
    let Some(bridge) = shared.core.bridge(channel) else { return Ok(()) };
    let mut after: Option<PostRef> = None;
    loop {
        let page = shared.core.bridged_posts(&bridge.cid, after.as_ref(), OUTGOING_AT_ONCE)?;
        let mut step = BridgeStep::default();
        for (post, state) in &page {
            if matches!(state, PostState::Gone { at, .. } if *at >= since) {
                let number = shared.core.now_ms();
                step.outgoing.push(gone(shared, &bridge.cid, post, number)?);
            }
        }
        if !step.outgoing.is_empty() {
            loop {
                let Some(now) = shared.core.bridge(channel) else { return Ok(()) };
                let told = shared.core.bridge_append(channel, now.cursor, now.cursor, step.clone());
                match told.await {
                    // What happens in the channel is carried at the same time.
                    Err(CoreError::Bridge(BridgeError::CursorMoved { .. })) => {}
                    Err(cause) => return Err(cause),
                    Ok(_) => break,
                }
            }
            shared.sent();
        }
        match page.last() {
            Some((last, _)) if page.len() == OUTGOING_AT_ONCE => after = Some(*last),
            _ => return Ok(()),
        }
    }
}

/// Has the counts of a post go out, which is no edit.
async fn refresh(
    shared: &Shared,
    channel: ChannelId,
    id: MessageId,
    now_ms: u64,
) -> CoreResult<()> {
    let Some(bridge) = shared.core.bridge(channel).filter(|_| shared.core.is_bridged(channel))
    else {
        return Ok(());
    };
    let Some(note) = map::note(shared, &bridge, id).await? else { return Ok(()) };
    let state = shared.core.post_state(&bridge.cid, &note.post)?;
    if !matches!(state, Some(PostState::Live { repeats: None, .. })) {
        return Ok(());
    }
    let object = post_id(shared, &bridge.cid, &note.post);
    let said = said_of(shared, &bridge.cid, &note.post, now_ms);
    // Without a newer `updated` it is no edit: what counts has changed.
    let update = object::update(&said, note.value);
    let step = BridgeStep {
        outgoing: vec![outgoing(said.id, update, Some(object))],
        ..BridgeStep::default()
    };
    shared.core.bridge_append(channel, bridge.cursor, bridge.cursor, step).await?;
    shared.sent();
    Ok(())
}

/// To all who follow.
fn outgoing(activity: String, json: Value, object: Option<String>) -> NewOutgoing {
    let json = json.to_string().into_bytes();
    NewOutgoing { activity, json, audience: Audience::Followers, object }
}

/// Something that a channel says of itself, with a number that it never gives twice.
fn said(shared: &Shared, cid: &node_core::Cid, number: u64) -> Activity {
    let id = shared.url(&Place::Activity(Cid(*cid), number));
    let followers = shared.url(&Place::Followers(Cid(*cid)));
    Activity::public(id, shared.actor(cid), followers)
}

/// Something that it says of a post. Zero says that there is one.
fn said_of(shared: &Shared, cid: &node_core::Cid, post: &PostRef, number: u64) -> Activity {
    let id = shared.url(&Place::PostActivity(Cid(*cid), map::mid(post), number));
    Activity { id, ..said(shared, cid, number) }
}

/// That a post is gone: what it repeated is taken back.
fn gone(
    shared: &Shared,
    cid: &node_core::Cid,
    post: &PostRef,
    number: u64,
) -> CoreResult<NewOutgoing> {
    let said = said_of(shared, cid, post, number);
    if let Some(PostState::Gone { repeats: Some(object), .. }) =
        shared.core.post_state(cid, post)?
    {
        let share = map::share(shared, cid, post, &object, None);
        return Ok(outgoing(said.id.clone(), object::undo(&said, share), None));
    }
    let object = post_id(shared, cid, post);
    Ok(outgoing(said.id.clone(), object::delete(&said, &object), Some(object)))
}

fn post_id(shared: &Shared, cid: &node_core::Cid, post: &PostRef) -> String {
    shared.url(&Place::Post(Cid(*cid), map::mid(post)))
}

/// Places in a box are below times in milliseconds: no two activities of a post have one number.
fn number(pts: Pts) -> u64 {
    u64::from(pts.0.max(1).unsigned_abs())
}
