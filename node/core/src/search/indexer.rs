//! Writing the index behind.
//!
//! One thread reads what boxes got since its cursor and hands rows to the committer, a little at
//! a time, so that nobody's message waits long for them. It is the only writer of the index. What
//! it loses in a crash it does again: a cursor is written last, and putting an id into a list
//! twice is the same as once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};

use node_store::{Keyspace, Order, Store};
use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use super::kinds::document_of;
use super::rows::{self, FORMAT, Generation, Head, Lane, ROW_IDS_MAX};
use super::words::{Token, tokens};
use tracing::Span;

use crate::boxes::stored_floor;
use crate::channels::is_filling;
use crate::committer::Command;
use crate::core::{Commands, command};
use crate::decide::scan_prefix;
use crate::ids::{BoxId, Pts, box_key, box_number};
use crate::inner::Inner;
use crate::message::{BoxRow, Message};
use crate::record::Record as _;
use crate::{CoreError, CoreResult};

/// Events that a box may be ahead of its index: a search looks through them directly.
pub(crate) const INDEX_EVERY_EVENTS: i32 = 256;

/// Rows of a box that are read in one go.
const ROWS_AT_ONCE: usize = 256;

/// Tokens of messages that are gathered before their lists are written. Protects memory.
const TOKENS_AT_ONCE: usize = 1 << 15;

/// Bytes that one command writes: what a message in the same batch waits for.
const SLICE_BYTES: usize = 64 << 10;

/// Rows of an old generation that one command removes.
const REMOVED_AT_ONCE: usize = 256;

/// A generation with this many stale entries, and more of them than a third of the events, is
/// built anew.
const STALE_MIN: u32 = 4096;

/// How often the operator asked for new indexes; under this name in `SETTINGS`.
pub(super) const EPOCH_KEY: &[u8] = b"search-epoch";

/// What the thread has to do.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<Due>,
    changed: Condvar,
    /// Boxes that wait, the one in work among them.
    left: watch::Sender<usize>,
}

#[derive(Debug)]
struct Due {
    boxes: BTreeSet<BoxId>,
    /// All boxes are to be looked at.
    all: bool,
    ended: bool,
}

impl Default for Queue {
    fn default() -> Self {
        // Of all boxes, once: what an earlier run left behind.
        let due = Due { boxes: BTreeSet::new(), all: true, ended: false };
        Self { state: Mutex::new(due), changed: Condvar::new(), left: watch::Sender::new(1) }
    }
}

impl Queue {
    /// A box is ahead of its index.
    pub(crate) fn due(&self, owner: BoxId) {
        let mut state = self.state.lock();
        if state.boxes.insert(owner) {
            self.left.send_modify(|left| *left += 1);
            self.changed.notify_all();
        }
    }

    /// All boxes are looked at again.
    pub(super) fn all_due(&self) {
        let mut state = self.state.lock();
        if !state.all {
            state.all = true;
            self.left.send_modify(|left| *left += 1);
            self.changed.notify_all();
        }
    }

    pub(super) fn left(&self) -> watch::Receiver<usize> {
        self.left.subscribe()
    }

    /// The thread ends.
    pub(crate) fn end(&self) {
        self.state.lock().ended = true;
        self.changed.notify_all();
    }

    fn done(&self) {
        self.left.send_modify(|left| *left -= 1);
    }

    fn has_ended(&self) -> bool {
        self.state.lock().ended
    }

    /// Waits for the next box; `None` at the end.
    fn next(&self, inner: &Inner) -> Option<BoxId> {
        let mut state = self.state.lock();
        loop {
            if state.ended {
                return None;
            }
            if std::mem::take(&mut state.all) {
                let before = state.boxes.len();
                state.boxes.extend(inner.directory.ids().into_iter().map(BoxId::from));
                state.boxes.extend(inner.channels.ids().into_iter().map(BoxId::from));
                let new = state.boxes.len() - before;
                // One goes: that all are to be looked at.
                self.left.send_modify(|left| *left = *left + new - 1);
            }
            if let Some(owner) = state.boxes.pop_first() {
                return Some(owner);
            }
            self.changed.wait(&mut state);
        }
    }
}

/// Runs until the queue ends or nobody takes commands any more.
pub(crate) fn run(inner: &Arc<Inner>, commands: &Weak<Commands>) {
    let indexer = Indexer { inner, commands };
    while let Some(owner) = inner.search.next(inner) {
        loop {
            match indexer.step(owner) {
                Ok(true) if !inner.search.has_ended() => {}
                Ok(_) => break,
                Err(CoreError::Stopped(_)) => return,
                Err(cause) => {
                    // It stays behind, is due again with the next message, and searches are slower.
                    tracing::warn!(%cause, "a search index was not written");
                    break;
                }
            }
        }
        inner.search.done();
    }
}

struct Indexer<'a> {
    inner: &'a Inner,
    commands: &'a Weak<Commands>,
}

/// Rows to write; `None` removes.
type Slice = Vec<(Vec<u8>, Option<Vec<u8>>)>;

impl Indexer<'_> {
    fn store(&self) -> &dyn Store {
        &*self.inner.store
    }

    /// Does some work on a box. True if there may be more.
    fn step(&self, owner: BoxId) -> CoreResult<bool> {
        // What comes below what was looked at would be missed: it is due again at the end.
        if let Some(channel) = owner.channel()
            && is_filling(self.store(), channel)?
        {
            return Ok(false);
        }
        let mut head = Head::load(self.store(), owner)?;
        if let Some(number) = head.leaving.first().copied() {
            return self.remove(owner, head, number).map(|()| true);
        }
        let epoch = epoch(self.store())?;
        let floor = stored_floor(self.store(), owner)?;
        let newest = self.newest(owner)?;
        // Edits at or below the floor are forgotten. Those from before it was begun are in the
        // texts that it read; of later ones none may be missing.
        let is_current = |generation: &Generation| {
            generation.format == FORMAT
                && generation.epoch == epoch
                && floor.0 <= generation.cursor.max(generation.begun_at)
        };
        if let Some(building) = head.building.take_if(|building| !is_current(building)) {
            head.leaving.push(building.number);
        }
        let worn = |live: &Generation| {
            live.stale >= STALE_MIN && live.stale.cast_signed() > live.cursor / 3
        };
        let live = head.live.filter(|live| is_current(live) && !worn(live));
        let mut generation = head.building.or(live).unwrap_or_else(|| {
            let number = head.free_number();
            Generation { number, format: FORMAT, epoch, begun_at: newest, cursor: 0, stale: 0 }
        });
        let is_new = head.building.is_some() || live.is_none();
        let behind = newest - generation.cursor;
        if behind < if is_new { 1 } else { self.inner.pace.index_every } && head.building.is_none()
        {
            return Ok(false);
        }
        let more = self.read_on(owner, &mut generation, |slice| self.write(owner, slice, None))?;
        if !is_new {
            if more.is_none() {
                return Ok(false);
            }
            head.live = Some(generation);
        } else if more == Some(true) {
            head.building = Some(generation);
        } else {
            head.leaving.extend(head.live.map(|live| live.number));
            (head.live, head.building) = (Some(generation), None);
        }
        let readable = head.readable().map_or(Pts(0), |live| Pts(live.cursor));
        let leaving = !head.leaving.is_empty();
        let row = (rows::head_key(owner), Some(head.encode()?));
        self.write(owner, vec![row], Some(readable))?;
        Ok(more == Some(true) || leaving || worn(&generation))
    }

    /// The number of the box's newest row; 0 if it has none.
    fn newest(&self, owner: BoxId) -> CoreResult<i32> {
        let (from, end) = (box_key(owner, 0), owner.end());
        let rows = self.store().scan(Keyspace::BOXES, &from, Some(&end), 1, Order::Descending)?;
        Ok(rows.first().map_or(0, |(key, _)| box_number(key)))
    }

    fn message(&self, owner: BoxId, id: i32) -> CoreResult<Option<Message>> {
        let row = self.store().get(Keyspace::BOXES, &box_key(owner, id))?;
        Ok(match row.map(|row| BoxRow::decode(&row)).transpose()? {
            Some(BoxRow::Message(message)) => Some(message),
            _ => None,
        })
    }

    /// Puts some rows of the box into a generation. `None` if there are none; true if there may be
    /// more.
    fn read_on(
        &self,
        owner: BoxId,
        generation: &mut Generation,
        mut write: impl FnMut(Slice) -> CoreResult<()>,
    ) -> CoreResult<Option<bool>> {
        let from = box_key(owner, generation.cursor.saturating_add(1));
        let end = owner.end();
        let box_rows = self.store().scan(
            Keyspace::BOXES,
            &from,
            Some(&end),
            ROWS_AT_ONCE,
            Order::Ascending,
        )?;
        if box_rows.is_empty() {
            return Ok(None);
        }
        let mut lists: BTreeMap<Token, Vec<i32>> = BTreeMap::new();
        let (mut gathered, mut looked_at) = (0, 0);
        let begun = generation.cursor;
        for (key, value) in &box_rows {
            if gathered >= TOKENS_AT_ONCE {
                break;
            }
            looked_at += 1;
            generation.cursor = box_number(key);
            // What happened before it was begun is in what it reads.
            let is_later = generation.cursor > generation.begun_at;
            let (id, message) = match BoxRow::decode(value)? {
                BoxRow::Message(message) => (generation.cursor, Some(message)),
                BoxRow::Edited(id) if is_later && id.0 <= begun => {
                    generation.stale = generation.stale.saturating_add(1);
                    (id.0, self.message(owner, id.0)?)
                }
                BoxRow::Deleted { ids, .. } if is_later => {
                    generation.stale = generation.stale.saturating_add(ids.len() as u32);
                    continue;
                }
                _ => continue,
            };
            let Some(message) = message else { continue };
            let document = document_of(self.store(), &message)?;
            for token in tokens(&message, document.as_ref()) {
                gathered += 1;
                lists.entry(token).or_default().push(id);
            }
        }
        let mut slice = Slice::new();
        let mut bytes = 0;
        for (token, mut ids) in lists {
            ids.sort_unstable();
            ids.dedup();
            let hashed = rows::hashed(&self.inner.access_secret, owner, &token);
            let lane = Lane::new(owner, generation.number, hashed);
            for (first, ids) in insert(self.store(), &lane, &ids)? {
                let row = (lane.key(first), Some(rows::encode(&ids)?));
                bytes += row.0.len() + row.1.as_ref().map_or(0, Vec::len);
                slice.push(row);
            }
            if bytes >= SLICE_BYTES {
                write(std::mem::take(&mut slice))?;
                bytes = 0;
            }
        }
        if !slice.is_empty() {
            write(slice)?;
        }
        Ok(Some(looked_at < box_rows.len() || box_rows.len() == ROWS_AT_ONCE))
    }

    /// Removes some rows of a generation.
    fn remove(&self, owner: BoxId, mut head: Head, number: u8) -> CoreResult<()> {
        let prefix = rows::generation_prefix(owner, number);
        let found = scan_prefix(self.store(), Keyspace::SEARCH, &prefix, REMOVED_AT_ONCE)?;
        let last = found.len() < REMOVED_AT_ONCE;
        let mut slice: Slice = found.into_iter().map(|(key, _)| (key, None)).collect();
        if last {
            head.leaving.retain(|leaving| *leaving != number);
            slice.push((rows::head_key(owner), Some(head.encode()?)));
        }
        self.write(owner, slice, None)
    }

    /// Hands rows to the committer and waits until they are durable. `reached` is how far the box
    /// is indexed then.
    fn write(&self, owner: BoxId, slice: Slice, reached: Option<Pts>) -> CoreResult<()> {
        let stopped = || CoreError::Stopped("the rules have ended".into());
        let (run, answer) = command(move |decide| {
            for (key, value) in slice {
                decide.derive(Keyspace::SEARCH, &key, value);
            }
            if let Some(reached) = reached {
                decide.after(move |inner| inner.boxes.indexed(owner, reached));
            }
            Ok(())
        });
        let commands = self.commands.upgrade().ok_or_else(stopped)?;
        commands
            .send(Command { actor: None, run, last: false, span: Span::none() })
            .map_err(|_| stopped())?;
        drop(commands);
        answer.blocking_recv().unwrap_or_else(|_| Err(stopped()))
    }
}

/// The rows of a list that change when `ids` (ascending, each once) are put into it.
fn insert(store: &dyn Store, lane: &Lane, ids: &[i32]) -> CoreResult<BTreeMap<i32, Vec<i32>>> {
    let mut changed: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    let newest = lane.row(store, i32::MAX)?;
    for id in ids {
        let known = changed.range(..=*id).next_back().map(|(first, _)| *first);
        // Mostly the newest row takes them all.
        let stored = match &newest {
            Some(row) if row.first().is_some_and(|first| first > id) => lane.row(store, *id)?,
            newest => newest.clone(),
        };
        let stored_first = stored.as_ref().and_then(|ids| ids.first().copied());
        let first = match (known, stored_first) {
            (Some(known), other) if other.is_none_or(|other| other <= known) => known,
            (_, Some(first)) => {
                changed.insert(first, stored.unwrap_or_default());
                first
            }
            (_, None) => *id,
        };
        let row = changed.entry(first).or_default();
        if let Err(at) = row.binary_search(id) {
            row.insert(at, *id);
        }
        if row.len() > ROW_IDS_MAX {
            // What grows at its end stays full; a place in the middle leaves room on both sides.
            let at = if row.last() == Some(id) { ROW_IDS_MAX } else { ROW_IDS_MAX / 2 };
            let second = row.split_off(at);
            changed.extend(second.first().copied().map(|first| (first, second)));
        }
    }
    Ok(changed)
}

/// How often new indexes were asked for.
pub(super) fn epoch(store: &dyn Store) -> CoreResult<u32> {
    let bytes = store.get(Keyspace::SETTINGS, EPOCH_KEY)?;
    Ok(bytes.and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes))
}
