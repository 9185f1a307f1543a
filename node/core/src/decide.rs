//! What a command sees while it decides, and what it leaves behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use glog::EntryRef;
use node_store::{Batch, Keyspace, Order, Row, Store};
use rand::CryptoRng;

use crate::boxes::StoredChunks;
use crate::channels::LogMark;
use crate::event::{BoxEvent, Event};
use crate::ids::{Actor, BoxId, ChannelId, MessageId, Pts, UserId, box_key};
use crate::inner::Inner;
use crate::message::{BoxRow, Message};
use crate::record::Record;
use crate::text::TextError;
use crate::user::User;
use crate::{CoreError, CoreResult};

/// Rows over those in the store: written by earlier commands of the same batch, or by this one.
type Rows = BTreeMap<(Keyspace, Vec<u8>), Option<Vec<u8>>>;

/// Called once the batch is durable.
pub(crate) type After = Box<dyn FnOnce(&Inner) + Send>;

/// The committer's side of one batch.
pub(crate) struct Decide<'a> {
    pub(crate) inner: &'a Inner,
    /// Unix milliseconds.
    pub(crate) now_ms: u64,
    pub(crate) rng: &'a mut dyn CryptoRng,
    /// Who acts; its own session gets no copy of what it caused.
    pub(crate) actor: Option<Actor>,
    batch: Rows,
    /// Bytes of `batch`, at least: a row that is written twice counts twice.
    pub(crate) bytes: usize,
    /// What deletions will make the next flushes write, at most: each may touch another chunk.
    pub(crate) derived_bytes: usize,
    /// Keys of `batch` that are derived from others.
    pub(crate) derived_keys: usize,
    command: Rows,
    /// Boxes that changed in this batch.
    pub(crate) touched: Vec<BoxId>,
    /// Those of them in which something changed that no event tells: what is derived is written at once.
    pub(crate) placed: BTreeSet<BoxId>,
    events: Vec<Event>,
    after: Vec<After>,
    /// The command has changed a box in memory: there is no way back.
    changed_box: bool,
    /// Logs that the command has written into, as they were before.
    changed_logs: Vec<LogMark>,
    /// Entries that are judged otherwise since: what they are about is shown anew when the command ends.
    pub(crate) judged: Vec<(ChannelId, EntryRef)>,
}

impl<'a> Decide<'a> {
    pub(crate) fn new(inner: &'a Inner, now_ms: u64, rng: &'a mut dyn CryptoRng) -> Self {
        Self {
            inner,
            now_ms,
            rng,
            actor: None,
            batch: Rows::new(),
            bytes: 0,
            derived_bytes: 0,
            derived_keys: 0,
            command: Rows::new(),
            touched: Vec::new(),
            placed: BTreeSet::new(),
            events: Vec::new(),
            after: Vec::new(),
            changed_box: false,
            changed_logs: Vec::new(),
            judged: Vec::new(),
        }
    }

    /// Unix seconds.
    pub(crate) fn now(&self) -> i32 {
        i32::try_from(self.now_ms / 1000).unwrap_or(i32::MAX)
    }

    pub(crate) fn store(&self) -> &'a dyn Store {
        &*self.inner.store
    }

    /// A row, as the commands before this one leave it.
    pub(crate) fn get(&self, space: Keyspace, key: &[u8]) -> CoreResult<Option<Vec<u8>>> {
        let at = (space, key.to_vec());
        match self.command.get(&at).or_else(|| self.batch.get(&at)) {
            Some(row) => Ok(row.clone()),
            None => Ok(self.store().get(space, key)?),
        }
    }

    /// A record.
    pub(crate) fn load<R: Record>(&self, space: Keyspace, key: &[u8]) -> CoreResult<Option<R>> {
        self.get(space, key)?.map(|bytes| R::decode(&bytes)).transpose()
    }

    /// All rows whose key begins with `prefix`; at most `limit`.
    pub(crate) fn scan_prefix(
        &self,
        space: Keyspace,
        prefix: &[u8],
        limit: usize,
    ) -> CoreResult<Vec<Row>> {
        self.scan(space, prefix, prefix_end(prefix).as_deref(), limit)
    }

    /// All rows from a key on, up to before `end`; at most `limit`.
    pub(crate) fn scan(
        &self,
        space: Keyspace,
        from: &[u8],
        end: Option<&[u8]>,
        limit: usize,
    ) -> CoreResult<Vec<Row>> {
        let over = |rows: &'_ Rows| -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
            rows.range((space, from.to_vec())..)
                .take_while(|((at, key), _)| {
                    *at == space && end.is_none_or(|end| key.as_slice() < end)
                })
                .map(|((_, key), value)| (key.clone(), value.clone()))
                .collect()
        };
        let over = [over(&self.batch), over(&self.command)].concat();
        // As many more as may be gone.
        let gone = over.iter().filter(|(_, value)| value.is_none()).count();
        let stored = self.store().scan(space, from, end, limit + gone, Order::Ascending)?;
        let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = stored.into_iter().collect();
        for (key, value) in over {
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(&key),
            };
        }
        Ok(rows.into_iter().take(limit).collect())
    }

    pub(crate) fn put<R: Record>(
        &mut self,
        space: Keyspace,
        key: &[u8],
        record: &R,
    ) -> CoreResult<()> {
        self.command.insert((space, key.to_vec()), Some(record.encode()?));
        Ok(())
    }

    pub(crate) fn put_bytes(&mut self, space: Keyspace, key: &[u8], value: Vec<u8>) {
        self.command.insert((space, key.to_vec()), Some(value));
    }

    pub(crate) fn delete(&mut self, space: Keyspace, key: &[u8]) {
        self.command.insert((space, key.to_vec()), None);
    }

    /// Writes or removes a row that is derived from others.
    pub(crate) fn derive(&mut self, space: Keyspace, key: &[u8], value: Option<Vec<u8>>) {
        self.derived_keys += 1;
        self.command.insert((space, key.to_vec()), value);
    }

    /// A user, as the commands before this one leave it.
    pub(crate) fn user(&self, id: UserId) -> CoreResult<Option<User>> {
        self.load(Keyspace::USERS, &id.bytes())
    }

    /// A message in a box.
    pub(crate) fn message(
        &self,
        owner: impl Into<BoxId>,
        id: MessageId,
    ) -> CoreResult<Option<Message>> {
        match self.load(Keyspace::BOXES, &box_key(owner, id.0))? {
            Some(BoxRow::Message(message)) => Ok(Some(message)),
            _ => Ok(None),
        }
    }

    /// The id that the next message in a box gets.
    pub(crate) fn next_id(&self, owner: impl Into<BoxId>) -> CoreResult<MessageId> {
        let owner = owner.into();
        let cell = self.inner.boxes.cell(owner);
        let state = cell.lock(self.store(), owner)?;
        Ok(MessageId(state.pts.0.checked_add(1).ok_or(CoreError::BoxFull)?))
    }

    /// Appends an event to a box: numbers it, and makes it part of the batch.
    ///
    /// The last things that a command does: after the first one it may not fail any more.
    pub(crate) fn append(&mut self, owner: impl Into<BoxId>, row: BoxRow) -> CoreResult<Pts> {
        self.append_event(owner.into(), row, None)
    }

    /// Appends the event of an edit, whose message was written before.
    pub(crate) fn append_edited(
        &mut self,
        owner: impl Into<BoxId>,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<Pts> {
        self.append_event(owner.into(), BoxRow::Edited(id), Some(message.clone()))
    }

    fn append_event(
        &mut self,
        owner: BoxId,
        row: BoxRow,
        edited: Option<Message>,
    ) -> CoreResult<Pts> {
        let (inner, store) = (self.inner, self.store());
        let cell = inner.boxes.cell(owner);
        let mut state = cell.lock(store, owner)?;
        let pts_count = row.pts_count();
        let pts = Pts(state.pts.0.checked_add(pts_count).ok_or(CoreError::BoxFull)?);
        let encoded = row.encode().map_err(too_long)?;
        self.changed_box = true;
        state.apply(pts, &row, &StoredChunks { store, owner })?;
        drop(state);
        self.put_bytes(Keyspace::BOXES, &box_key(owner, pts.0), encoded);
        self.touched.push(owner);
        let actor = self.actor;
        self.event(Event::Box(Arc::new(BoxEvent { owner, pts, pts_count, row, edited, actor })));
        Ok(pts)
    }

    /// Keeps the numbers of a box up to this one for what was said before. As [`Decide::append`], one of
    /// the last things that a command does.
    pub(crate) fn reserve(&mut self, owner: impl Into<BoxId>, pts: Pts) -> CoreResult<()> {
        let owner = owner.into();
        let cell = self.inner.boxes.cell(owner);
        let mut state = cell.lock(self.store(), owner)?;
        self.changed_box = true;
        state.reserve(pts);
        drop(state);
        self.touched.push(owner);
        self.placed.insert(owner);
        Ok(())
    }

    /// Puts a message below all of a box, under a number that was kept for it. As [`Decide::append`], one
    /// of the last things that a command does.
    pub(crate) fn place_below(
        &mut self,
        owner: impl Into<BoxId>,
        id: MessageId,
        message: Message,
    ) -> CoreResult<()> {
        let (owner, store) = (owner.into(), self.store());
        let cell = self.inner.boxes.cell(owner);
        let mut state = cell.lock(store, owner)?;
        let row = BoxRow::Message(message);
        let encoded = row.encode().map_err(too_long)?;
        let BoxRow::Message(message) = row else { return Ok(()) };
        self.changed_box = true;
        state.place_below(id, &message, &StoredChunks { store, owner })?;
        drop(state);
        self.put_bytes(Keyspace::BOXES, &box_key(owner, id.0), encoded);
        self.touched.push(owner);
        self.placed.insert(owner);
        Ok(())
    }

    /// The command has written into a log, which was so before.
    pub(crate) fn changed_log(&mut self, mark: LogMark) {
        if self.changed_logs.iter().all(|known| !known.is_of_same(&mark)) {
            self.changed_logs.push(mark);
        }
    }

    /// Bytes that the command has written so far.
    pub(crate) fn command_bytes(&self) -> usize {
        let row = |((_, key), value): (&(Keyspace, Vec<u8>), &Option<Vec<u8>>)| {
            key.len() + value.as_ref().map_or(0, Vec::len)
        };
        self.command.iter().map(row).sum()
    }

    /// Whether the command has changed a box already.
    pub(crate) fn has_changed_a_box(&self) -> bool {
        self.changed_box
    }

    /// Does a part of a command; what fails was never done, and the command may go on.
    ///
    /// # Errors
    /// Why the part failed after it had changed a box: the command may not go on.
    pub(crate) fn part<T>(
        &mut self,
        part: impl FnOnce(&mut Self) -> CoreResult<T>,
    ) -> CoreResult<CoreResult<T>> {
        let changed_box = std::mem::take(&mut self.changed_box);
        let changed_logs = std::mem::take(&mut self.changed_logs);
        let written = self.command.clone();
        let (after, events, judged) = (self.after.len(), self.events.len(), self.judged.len());
        let done = part(self);
        let part_changed_box = std::mem::replace(&mut self.changed_box, changed_box);
        self.changed_box |= part_changed_box;
        let of_part = std::mem::replace(&mut self.changed_logs, changed_logs);
        match done {
            Err(cause) if part_changed_box => return Err(cause),
            Err(_) => {
                self.inner.logs.roll_back(&of_part)?;
                self.command = written;
                self.after.truncate(after);
                self.events.truncate(events);
                self.judged.truncate(judged);
            }
            Ok(_) => of_part.into_iter().for_each(|mark| self.changed_log(mark)),
        }
        Ok(done)
    }

    /// Tells followers, once the batch is durable.
    pub(crate) fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Runs once the batch is durable, before anybody is told.
    pub(crate) fn after(&mut self, after: impl FnOnce(&Inner) + Send + 'static) {
        self.after.push(Box::new(after));
    }

    /// Ends a command: what it did becomes part of the batch, or never was.
    ///
    /// # Errors
    /// [`CoreError::Damaged`] when it failed halfway through changing a box: then memory and store
    /// would differ, and the node has to stop.
    pub(crate) fn end(&mut self, succeeded: bool) -> CoreResult<(Vec<After>, Vec<Event>)> {
        if succeeded {
            self.follow_judged()?;
        }
        self.judged.clear();
        let changed_box = std::mem::take(&mut self.changed_box);
        let changed_logs = std::mem::take(&mut self.changed_logs);
        let (after, events) = (std::mem::take(&mut self.after), std::mem::take(&mut self.events));
        let mut command = std::mem::take(&mut self.command);
        self.actor = None;
        if succeeded {
            let row = |((_, key), value): (&(Keyspace, Vec<u8>), &Option<Vec<u8>>)| {
                1 + key.len() + value.as_ref().map_or(0, Vec::len)
            };
            self.bytes += command.iter().map(row).sum::<usize>();
            self.batch.append(&mut command);
            return Ok((after, events));
        }
        if changed_box {
            return Err(CoreError::Damaged("a box that changed in memory only"));
        }
        self.inner.logs.roll_back(&changed_logs)?;
        Ok((Vec::new(), Vec::new()))
    }

    /// Everything that the commands have written.
    pub(crate) fn take_batch(&mut self) -> Batch {
        let mut batch = Batch::new();
        for ((space, key), value) in std::mem::take(&mut self.batch) {
            match value {
                Some(value) => batch.put(space, &key, value),
                None => batch.delete(space, &key),
            };
        }
        batch
    }
}

/// What is too large in a message is its text.
pub(crate) fn too_long(cause: CoreError) -> CoreError {
    match cause {
        CoreError::TooLarge(_) => TextError::TooLong.into(),
        other => other,
    }
}

/// All rows whose key begins with `prefix`, in order; at most `limit`.
pub(crate) fn scan_prefix(
    store: &dyn Store,
    space: Keyspace,
    prefix: &[u8],
    limit: usize,
) -> CoreResult<Vec<Row>> {
    Ok(store.scan(space, prefix, prefix_end(prefix).as_deref(), limit, Order::Ascending)?)
}

/// The least key above all that begin with a prefix: its last byte that can grow, grown.
fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while end.last() == Some(&u8::MAX) {
        end.pop();
    }
    end.split_last().map(|(last, head)| [head, &[last + 1]].concat())
}
