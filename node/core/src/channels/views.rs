//! How often posts of channels were seen, and forwarded.
//!
//! Nothing happens more often than that somebody sees a post, so nothing is written when it does. It is
//! counted in memory, and every [`FLUSH_S`] seconds one command writes what changed, in the same batch
//! what each viewer has seen: so a power cut takes some views back, and counts none twice. Keyspace
//! `CHANNELS`, kinds: 40 ++ id (4) [`Counted`]; 41 ++ user (8) [`Seen`].
//!
//! What somebody has seen of a channel is one row of a few ranges, however many posts that are: see
//! [`Ranges`]. Of too many, a viewer is missed for old posts, and counted for none twice.

use std::collections::{BTreeMap, HashMap};

use node_store::{Keyspace, Store};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::row_key;
use crate::decide::Decide;
use crate::event::Event;
use crate::history::Place;
use crate::ids::{ChannelId, MessageId, UserId};
use crate::message::Message;
use crate::record::Record;
use crate::{Core, CoreResult};

const COUNTED: u8 = 40;
const SEEN: u8 = 41;

/// Seconds for which views are in memory only.
const FLUSH_S: i32 = 5;

/// Posts, and viewers, that are counted for in memory. Protects memory: beyond it what changed is
/// written at once, and the rest forgotten.
const IN_MEMORY_MAX: usize = 8192;

/// Rows that one command writes.
const ROWS_AT_ONCE: usize = 2000;

/// Ranges of one viewer in one channel.
const RANGES_MAX: usize = 16;

/// Posts of one channel whose views are told at once, the newest.
const TOLD_MAX: usize = 100;

/// How often a post was seen and forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostCounts {
    /// By how many, with who posted it.
    pub views: i32,
    /// How often.
    pub forwards: i32,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Counted {
    /// Of people here, without who posted it.
    views: u32,
    forwards: u32,
    /// Of people on other nodes.
    far: u32,
}

impl Record for Counted {
    const VERSION: u8 = 2;
    const NAME: &'static str = "views of a post";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        // Before other nodes were asked: what was added stands at the end.
        (version == 1).then(|| postcard::from_bytes(&[fields, &[0]].concat()).ok())?
    }
}

impl Counted {
    fn shown(self) -> PostCounts {
        let count = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        let views = count(self.views.saturating_add(self.far)).saturating_add(1);
        PostCounts { views, forwards: count(self.forwards) }
    }
}

/// What somebody has seen of a channel.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Seen(Ranges);

impl Record for Seen {
    const VERSION: u8 = 1;
    const NAME: &'static str = "what was seen of a channel";
}

/// Many ids in a few ranges, each above its first number and up to its second, ascending and apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ranges(Vec<(i32, i32)>);

impl Ranges {
    /// Whether an id is in them.
    pub(super) fn has(&self, id: i32) -> bool {
        self.0.iter().any(|(above, up_to)| *above < id && id <= *up_to)
    }

    /// Adds an id that follows `after`; true if it was not there before.
    ///
    /// Ids that follow each other become one range. Of too many ranges the oldest two become one: what
    /// lies between is taken for added.
    pub(super) fn add(&mut self, after: i32, id: i32) -> bool {
        if self.has(id) {
            return false;
        }
        let place = self.0.partition_point(|(_, up_to)| *up_to < id);
        // A range may begin in the middle of this one, where posts between were deleted.
        let above = match place.checked_sub(1).and_then(|before| self.0.get(before)) {
            Some((_, up_to)) => after.max(*up_to),
            None => after,
        };
        self.0.insert(place, (above, id));
        self.join(place);
        if let Some(before) = place.checked_sub(1) {
            self.join(before);
        }
        if self.0.len() > RANGES_MAX {
            let (above, _) = self.0.remove(0);
            if let Some(first) = self.0.first_mut() {
                first.0 = above;
            }
        }
        true
    }

    /// Makes a range and the next one into one, if they touch.
    fn join(&mut self, place: usize) {
        let (Some(this), Some(next)) = (self.0.get(place), self.0.get(place + 1)) else { return };
        if this.1 >= next.0 {
            let joined = (this.0, this.1.max(next.1));
            self.0.remove(place + 1);
            if let Some(this) = self.0.get_mut(place) {
                *this = joined;
            }
        }
    }
}

/// Something in memory, and whether the store has it.
#[derive(Debug)]
struct Held<T> {
    value: T,
    /// Changed since it was last handed to the store.
    dirty: bool,
    /// Batches that write it and are not durable.
    writing: u32,
}

impl<T> Held<T> {
    fn is_at_rest(&self) -> bool {
        !self.dirty && self.writing == 0
    }
}

/// Views that the store does not have yet, and what was looked at lately.
#[derive(Debug, Default)]
pub(crate) struct Views(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    posts: HashMap<(ChannelId, MessageId), Held<u32>>,
    viewers: HashMap<(ChannelId, UserId), Held<Seen>>,
    /// Unix seconds at which what changed is written.
    due: Option<u32>,
}

type Posts = Vec<((ChannelId, MessageId), u32)>;
type Viewers = Vec<((ChannelId, UserId), Seen)>;

impl Views {
    /// When something is to be written.
    pub(crate) fn due(&self) -> Option<u32> {
        self.0.lock().due
    }

    /// Whether there is no room for more before what changed is written.
    pub(crate) fn is_full(&self) -> bool {
        let mut state = self.0.lock();
        if state.posts.len() < IN_MEMORY_MAX && state.viewers.len() < IN_MEMORY_MAX {
            return false;
        }
        state.posts.retain(|_, held| !held.is_at_rest());
        state.viewers.retain(|_, held| !held.is_at_rest());
        state.posts.len() >= IN_MEMORY_MAX || state.viewers.len() >= IN_MEMORY_MAX
    }

    /// Somebody has seen posts, each of which follows another one; true if any was new.
    pub(crate) fn see(
        &self,
        store: &dyn Store,
        channel: ChannelId,
        viewer: UserId,
        posts: &[(MessageId, MessageId)],
        due: u32,
    ) -> CoreResult<bool> {
        let mut state = self.0.lock();
        let State { posts: counts, viewers, due: at } = &mut *state;
        let seen = match viewers.entry((channel, viewer)) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                // Read under the lock: nobody changes the row but who finds it here.
                let row = store.get(Keyspace::CHANNELS, &seen_key(channel, viewer))?;
                let value = row.map(|row| Seen::decode(&row)).transpose()?.unwrap_or_default();
                place.insert(Held { value, dirty: false, writing: 0 })
            }
        };
        let mut any = false;
        for (after, id) in posts {
            let count = match counts.entry((channel, *id)) {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(place) => {
                    let row = store.get(Keyspace::CHANNELS, &counted_key(channel, *id))?;
                    let row = row.map(|row| Counted::decode(&row)).transpose()?.unwrap_or_default();
                    place.insert(Held { value: row.views, dirty: false, writing: 0 })
                }
            };
            if seen.value.0.add(after.0, id.0) {
                seen.dirty = true;
                count.value = count.value.saturating_add(1);
                count.dirty = true;
                any = true;
            }
        }
        if any && at.is_none() {
            *at = Some(due);
        }
        Ok(any)
    }

    /// How often a post was seen, if that is known here.
    fn of(&self, channel: ChannelId, id: MessageId) -> Option<u32> {
        self.0.lock().posts.get(&(channel, id)).map(|held| held.value)
    }

    /// What has to be written, as far as one command writes it; and whether there is more.
    fn take(&self) -> (Posts, Viewers, bool) {
        let mut state = self.0.lock();
        let (mut posts, mut viewers) = (Posts::new(), Viewers::new());
        let State { posts: counts, viewers: all, due } = &mut *state;
        // A view that was counted and not remembered would be counted again: viewers come first, and
        // posts only with all of them.
        for (key, held) in all.iter_mut().filter(|(_, held)| held.dirty).take(ROWS_AT_ONCE) {
            (held.dirty, held.writing) = (false, held.writing + 1);
            viewers.push((*key, held.value.clone()));
        }
        let more = viewers.len() == ROWS_AT_ONCE;
        if !more {
            for (key, held) in counts.iter_mut().filter(|(_, held)| held.dirty) {
                (held.dirty, held.writing) = (false, held.writing + 1);
                posts.push((*key, held.value));
            }
            *due = None;
        }
        (posts, viewers, more)
    }

    /// What was taken is in the store, or will never be.
    fn written(&self, posts: &[(ChannelId, MessageId)], viewers: &[(ChannelId, UserId)]) {
        let mut state = self.0.lock();
        for key in posts {
            if let Some(held) = state.posts.get_mut(key) {
                held.writing = held.writing.saturating_sub(1);
            }
        }
        for key in viewers {
            if let Some(held) = state.viewers.get_mut(key) {
                held.writing = held.writing.saturating_sub(1);
            }
        }
    }

    /// A post is gone.
    fn forget(&self, channel: ChannelId, id: MessageId) {
        self.0.lock().posts.remove(&(channel, id));
    }
}

fn counted_key(channel: ChannelId, id: MessageId) -> Vec<u8> {
    row_key(channel, COUNTED, &id.0.max(0).to_be_bytes())
}

fn seen_key(channel: ChannelId, user: UserId) -> Vec<u8> {
    row_key(channel, SEEN, &user.bytes())
}

impl Core {
    /// How often a post of a channel was seen and forwarded. The one number that is told before it is
    /// on disk: a power cut takes back what came in the last seconds.
    ///
    /// # Errors
    /// Those of the store.
    pub fn post_counts(&self, channel: ChannelId, id: MessageId) -> CoreResult<PostCounts> {
        let known = self.inner.views.of(channel, id);
        let row: Option<Counted> = self.shown(Keyspace::CHANNELS, &counted_key(channel, id))?;
        let row = row.unwrap_or_default();
        Ok(Counted { views: known.unwrap_or(row.views), ..row }.shown())
    }

    /// How often messages of a channel were seen and forwarded, in the order of `ids`; `None` for what
    /// is no post. With `sees` the viewer has seen them now.
    ///
    /// # Errors
    /// [`crate::CoreError::UnknownChannel`].
    pub async fn view_posts(
        &self,
        viewer: UserId,
        channel: ChannelId,
        ids: &[MessageId],
        sees: bool,
    ) -> CoreResult<Vec<Option<PostCounts>>> {
        let view = self.channel_to_read(viewer, channel)?;
        if !view.channel.broadcast {
            return Ok(vec![None; ids.len()]);
        }
        let hidden_below = view.own.map_or(MessageId(0), |own| own.hidden_below);
        let mut found = self.messages(channel, ids).await?;
        found.retain(|stored| stored.id > hidden_below && stored.message.action.is_none());
        if sees {
            let mut posts = Vec::with_capacity(found.len());
            for stored in found.iter().filter(|stored| stored.message.from != viewer) {
                posts.push((self.message_before(channel, stored.id)?, stored.id));
            }
            posts.sort_unstable();
            posts.dedup();
            if self.inner.views.is_full() {
                self.write_views().await?;
            }
            let due = u32::try_from(self.now().saturating_add(FLUSH_S)).unwrap_or(0);
            let store = &*self.inner.store;
            if self.inner.views.see(store, channel, viewer, &posts, due)? {
                self.inner.timers.sooner(due);
            }
        }
        let count = |id: &MessageId| -> CoreResult<Option<PostCounts>> {
            let is_post = found.iter().any(|stored| stored.id == *id);
            is_post.then(|| self.post_counts(channel, *id)).transpose()
        };
        ids.iter().map(count).collect()
    }

    /// The message of a channel that stands before another one; 0 if it is the first.
    fn message_before(&self, channel: ChannelId, id: MessageId) -> CoreResult<MessageId> {
        let place = Place::Dialog(channel.into());
        let found = self.in_place(channel, place, |dialog, chunks, peer| {
            let mut before = MessageId(0);
            dialog.index.descend(id.0, chunks, peer, |entry| {
                before = MessageId(entry.id);
                false
            })?;
            Ok(before)
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Writes what was seen.
    pub(crate) async fn write_views(&self) -> CoreResult<()> {
        while self.write(None, |decide| decide.write_views()).await? {}
        Ok(())
    }
}

impl Decide<'_> {
    /// Writes what was seen, as far as one command does; true if there is more.
    pub(crate) fn write_views(&mut self) -> CoreResult<bool> {
        let (posts, viewers, more) = self.inner.views.take();
        for ((channel, viewer), seen) in &viewers {
            self.put(Keyspace::CHANNELS, &seen_key(*channel, *viewer), seen)?;
        }
        let mut told: BTreeMap<ChannelId, Vec<(MessageId, i32)>> = BTreeMap::new();
        for ((channel, id), views) in &posts {
            // It may have been deleted meanwhile.
            if self.message(*channel, *id)?.is_none() {
                continue;
            }
            let key = counted_key(*channel, *id);
            let row: Counted = self.load(Keyspace::CHANNELS, &key)?.unwrap_or_default();
            let row = Counted { views: *views, ..row };
            self.put_shown(Keyspace::CHANNELS, &key, Some(&row))?;
            told.entry(*channel).or_default().push((*id, row.shown().views));
            self.views_changed(*channel, *id)?;
        }
        for (channel, mut views) in told {
            views.sort_unstable_by_key(|(id, _)| std::cmp::Reverse(*id));
            views.truncate(TOLD_MAX);
            self.event(Event::ChannelCounts { channel, views, forwards: Vec::new() });
        }
        let posts: Vec<_> = posts.into_iter().map(|(key, _)| key).collect();
        let viewers: Vec<_> = viewers.into_iter().map(|(key, _)| key).collect();
        self.after(move |inner| inner.views.written(&posts, &viewers));
        Ok(more)
    }

    /// How often people here have seen a post, as far as that is written.
    pub(crate) fn views_here(&self, channel: ChannelId, id: MessageId) -> CoreResult<u64> {
        let row: Option<Counted> = self.load(Keyspace::CHANNELS, &counted_key(channel, id))?;
        Ok(row.map_or(0, |row| row.views.into()))
    }

    /// How often people on other nodes have seen a post.
    pub(crate) fn show_far_views(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        far: u64,
    ) -> CoreResult<()> {
        let key = counted_key(channel, id);
        let before: Counted = self.load(Keyspace::CHANNELS, &key)?.unwrap_or_default();
        let row = Counted { far: u32::try_from(far).unwrap_or(u32::MAX), ..before };
        if row.far == before.far {
            return Ok(());
        }
        self.put_shown(Keyspace::CHANNELS, &key, Some(&row))?;
        let views = self.inner.views.of(channel, id).unwrap_or(row.views);
        let views = vec![(id, Counted { views, ..row }.shown().views)];
        self.event(Event::ChannelCounts { channel, views, forwards: Vec::new() });
        Ok(())
    }

    /// Posts of a channel are forwarded.
    pub(crate) fn count_forwards(
        &mut self,
        channel: ChannelId,
        ids: &[MessageId],
    ) -> CoreResult<()> {
        if ids.is_empty() || !self.channel_row(channel)?.broadcast {
            return Ok(());
        }
        let mut forwards = Vec::with_capacity(ids.len());
        for id in ids {
            let key = counted_key(channel, *id);
            let mut row: Counted = self.load(Keyspace::CHANNELS, &key)?.unwrap_or_default();
            row.forwards = row.forwards.saturating_add(1);
            self.put_shown(Keyspace::CHANNELS, &key, Some(&row))?;
            forwards.push((*id, row.shown().forwards));
        }
        self.event(Event::ChannelCounts { channel, views: Vec::new(), forwards });
        Ok(())
    }

    /// Somebody of another server takes back that they have shared a post.
    pub(crate) fn uncount_forward(&mut self, channel: ChannelId, id: MessageId) -> CoreResult<()> {
        let key = counted_key(channel, id);
        let row: Option<Counted> = self.load(Keyspace::CHANNELS, &key)?;
        let Some(mut row) = row.filter(|row| row.forwards > 0) else { return Ok(()) };
        row.forwards -= 1;
        self.put_shown(Keyspace::CHANNELS, &key, Some(&row))?;
        let forwards = vec![(id, row.shown().forwards)];
        self.event(Event::ChannelCounts { channel, views: Vec::new(), forwards });
        Ok(())
    }

    /// A message of a channel goes, and what was counted of it.
    pub(super) fn forget_views(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<()> {
        if message.action.is_some() {
            return Ok(());
        }
        let key = counted_key(channel, id);
        if self.get(Keyspace::CHANNELS, &key)?.is_some() {
            self.put_shown::<Counted>(Keyspace::CHANNELS, &key, None)?;
        }
        self.after(move |inner| inner.views.forget(channel, id));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};

    use super::*;

    /// Posts have gaps between their numbers; some are deleted as time goes on.
    #[test]
    fn nothing_is_counted_twice_and_little_is_missed() {
        for seed in 0..200 {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut posts: BTreeSet<i32> = (1..400).filter(|_| rng.random_bool(0.6)).collect();
            let (mut seen, mut counted) = (Ranges::default(), BTreeSet::new());
            for _ in 0..300 {
                let at = rng.random_range(1..400);
                let page = rng.random_range(1..12);
                let some: Vec<i32> = posts.range(at..).take(page).copied().collect();
                for id in some {
                    let after = posts.range(..id).next_back().copied().unwrap_or(0);
                    let new = seen.add(after, id);
                    assert!(!(new && counted.contains(&id)), "twice: {id} {seen:?}");
                    if new {
                        counted.insert(id);
                    }
                    assert!(seen.0.len() <= RANGES_MAX);
                    let apart = |pair: &[(i32, i32)]| pair[0].1 < pair[1].0;
                    assert!(seen.0.windows(2).all(apart), "{seen:?}");
                    assert!(!seen.add(after, id));
                }
                if rng.random_bool(0.2)
                    && let Some(gone) = posts.iter().nth(rng.random_range(0..posts.len())).copied()
                {
                    posts.remove(&gone);
                }
            }
            // Who reads without jumping about misses nothing.
            let (mut seen, mut before) = (Ranges::default(), 0);
            for id in &posts {
                assert!(seen.add(before, *id));
                before = *id;
            }
            assert_eq!(seen.0.len(), 1);
        }
    }

    #[test]
    fn of_too_many_ranges_the_oldest_become_one() {
        let mut seen = Ranges::default();
        for n in 0..i32::try_from(RANGES_MAX).unwrap() {
            assert!(seen.add(10 * n + 8, 10 * n + 9));
        }
        assert!(seen.add(1000, 1001));
        assert_eq!((seen.0.len(), seen.0[0]), (RANGES_MAX, (8, 19)));
        assert!(!seen.add(11, 12), "given up");
        assert!(seen.add(21, 22), "newer ones are not");
    }

    /// As the version before other nodes' views wrote it.
    #[test]
    fn the_first_version_is_read() {
        let now = Counted { views: 300, forwards: 2, far: 0 }.encode().unwrap();
        let before = [&[1][..], now[1..].strip_suffix(&[0]).unwrap()].concat();
        for row in [before, now] {
            let read = Counted::decode(&row).unwrap();
            assert_eq!((read.views, read.forwards, read.far), (300, 2, 0));
        }
    }
}
