//! A box between the store and memory.
//!
//! Keyspace `DIALOGS`, all derived from `BOXES`:
//! - owner (8) ++ 0 ++ peer (9): a dialog, [`DialogRecord`];
//! - owner (8) ++ 1 ++ peer (9) ++ first id (4): a chunk of its index;
//! - the same with 2 and 3: what messages to oneself are filed under.
//!
//! Keyspace `BOX_HEADS`, key = owner (8): up to where the rows of the box are in them.

use node_store::{Batch, Keyspace, Order, Store};
use serde::{Deserialize, Serialize};

use super::dialog::DialogRecord;
use super::index::{ChunkRecord, Chunks, Entry};
use super::{BoxState, Dialog, Shelf};
use crate::ids::{BoxId, PEER_BYTES, PeerId, Pts, box_key, box_number};
use crate::message::BoxRow;
use crate::record::Record;
use crate::{CoreError, CoreResult, search};

/// Rows that are read from the store in one go.
const ROWS_AT_ONCE: usize = 512;

/// Events other than messages are kept for this many pts. A client that has seen less is told to
/// start anew, which is cheaper for it than a difference of this length.
pub(crate) const EVENTS_KEPT: i32 = 1_000_000;

const KIND_DIALOG: u8 = 0;
const KIND_CHUNK: u8 = 1;
const KIND_SAVED_DIALOG: u8 = 2;
const KIND_SAVED_CHUNK: u8 = 3;

/// What is stored about a box beside its rows.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Head {
    projected: Pts,
    floor: Pts,
    /// Whether the saved dialogs are written too.
    saved: bool,
}

impl Record for Head {
    const VERSION: u8 = 2;
    const NAME: &'static str = "head of a box";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        if version != 1 {
            return None;
        }
        let (projected, floor) = postcard::from_bytes(fields).ok()?;
        Some(Self { projected, floor, saved: false })
    }
}

/// Events of a box at or below this are gone.
pub(crate) fn stored_floor(store: &dyn Store, owner: BoxId) -> CoreResult<Pts> {
    let head = store.get(Keyspace::BOX_HEADS, &owner.bytes())?;
    Ok(head.map(|head| Head::decode(&head)).transpose()?.unwrap_or_default().floor)
}

/// Reads what was written of a box, and replays the rows after it.
pub(crate) fn load(store: &dyn Store, owner: BoxId) -> CoreResult<BoxState> {
    let mut state = BoxState { indexed: search::indexed(store, owner)?, ..BoxState::default() };
    let mut saved = true;
    if let Some(head) = store.get(Keyspace::BOX_HEADS, &owner.bytes())? {
        let head = Head::decode(&head)?;
        (state.projected, state.pts, state.floor) = (head.projected, head.projected, head.floor);
        saved = head.saved;
    }
    dialogs(store, owner, KIND_DIALOG, |peer, dialog| state.restore(peer, dialog))?;
    dialogs(store, owner, KIND_SAVED_DIALOG, |peer, dialog| state.saved.restore(peer, dialog))?;
    let chunks = StoredChunks { store, owner };
    loop {
        let from = box_key(owner, state.pts.0.saturating_add(1));
        let rows = store.scan(
            Keyspace::BOXES,
            &from,
            Some(&owner.end()),
            ROWS_AT_ONCE,
            Order::Ascending,
        )?;
        for (key, value) in &rows {
            state.apply(Pts(box_number(key)), &BoxRow::decode(value)?, &chunks)?;
        }
        if rows.len() < ROWS_AT_ONCE {
            break;
        }
    }
    if !saved {
        file_saved(&mut state, store, owner)?;
    }
    Ok(state)
}

/// Reads the written dialogs of one kind.
fn dialogs(
    store: &dyn Store,
    owner: BoxId,
    kind: u8,
    mut take: impl FnMut(PeerId, Dialog),
) -> CoreResult<()> {
    let (mut from, end) = (dialog_key(owner, kind, &[]), dialog_key(owner, kind + 1, &[]));
    loop {
        let rows =
            store.scan(Keyspace::DIALOGS, &from, Some(&end), ROWS_AT_ONCE, Order::Ascending)?;
        for (key, value) in &rows {
            let peer = key.last_chunk::<PEER_BYTES>().and_then(|peer| PeerId::from_bytes(peer));
            let peer = peer.ok_or(CoreError::Damaged(DialogRecord::NAME))?;
            take(peer, Dialog::from(DialogRecord::decode(value)?));
        }
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_AT_ONCE => from = after(key),
            _ => return Ok(()),
        }
    }
}

/// Files all messages to oneself: an earlier version did not.
fn file_saved(state: &mut BoxState, store: &dyn Store, owner: BoxId) -> CoreResult<()> {
    let (chunks, mut entries) = (StoredChunks { store, owner }, Vec::new());
    let Some(oneself) = owner.user().map(PeerId::from) else { return Ok(()) };
    if let Some(dialog) = state.dialogs.get(&oneself) {
        dialog.index.ascend(0, &chunks, oneself, |entry| {
            entries.push(entry);
            true
        })?;
    }
    state.saved = Shelf::default();
    // Nothing of it was written: what is in the store is not asked.
    let pts = state.pts;
    for entry in entries {
        let row = store.get(Keyspace::BOXES, &box_key(owner, entry.id))?;
        let row = row.map(|row| BoxRow::decode(&row)).transpose()?;
        let Some(BoxRow::Message(message)) = row else { continue };
        if let Some(source) = message.saved_from() {
            state.saved.change(source, pts, |dialog| dialog.add(entry, &NoChunks, source))?;
        }
    }
    Ok(())
}

/// Where nothing was written yet.
struct NoChunks;

impl Chunks for NoChunks {
    fn at_or_before(&self, _: PeerId, _: i32) -> CoreResult<Option<(i32, Vec<Entry>)>> {
        Ok(None)
    }

    fn at_or_after(&self, _: PeerId, _: i32) -> CoreResult<Option<(i32, Vec<Entry>)>> {
        Ok(None)
    }

    fn saved(&self) -> Box<dyn Chunks + '_> {
        Box::new(Self)
    }
}

/// What is derived from a box and not written yet, as a batch of its own.
pub(crate) struct Flush {
    pub(crate) batch: Batch,
    /// Bytes of its keys and values.
    pub(crate) bytes: usize,
    /// Where the box was; for [`BoxState::written`], once the batch is durable.
    pub(crate) pts: Pts,
    /// For [`BoxState::floor`], before the batch is on its way: a reader must know first.
    pub(crate) floor: Pts,
}

impl Flush {
    fn put(&mut self, space: Keyspace, key: &[u8], value: Vec<u8>) {
        self.bytes += 1 + key.len() + value.len();
        self.batch.put(space, key, value);
    }

    fn delete(&mut self, space: Keyspace, key: &[u8]) {
        self.bytes += 1 + key.len();
        self.batch.delete(space, key);
    }

    /// The dialogs of a shelf that changed, and their chunks.
    fn shelf(&mut self, owner: BoxId, shelf: &Shelf, dialogs: u8, chunks: u8) -> CoreResult<()> {
        for peer in &shelf.changed {
            let Some(dialog) = shelf.get(peer) else { continue };
            let key = dialog_key(owner, dialogs, &peer.bytes());
            self.put(Keyspace::DIALOGS, &key, dialog.record().encode()?);
            for (first, chunk) in &dialog.index.changed {
                let key = chunk_key(owner, chunks, *peer, *first);
                if chunk.entries.is_empty() {
                    self.delete(Keyspace::DIALOGS, &key);
                } else {
                    let value = ChunkRecord::new(&chunk.entries).encode()?;
                    self.put(Keyspace::DIALOGS, &key, value);
                }
            }
        }
        Ok(())
    }
}

/// Gathers what is derived from a box and not written yet, and forgets events, but for messages,
/// beyond the newest `kept` pts.
pub(crate) fn flush(
    state: &BoxState,
    store: &dyn Store,
    owner: BoxId,
    kept: i32,
) -> CoreResult<Flush> {
    let mut flush = Flush { batch: Batch::new(), bytes: 0, pts: state.pts, floor: state.floor };
    flush.shelf(owner, &state.dialogs, KIND_DIALOG, KIND_CHUNK)?;
    flush.shelf(owner, &state.saved, KIND_SAVED_DIALOG, KIND_SAVED_CHUNK)?;
    prune(&mut flush, store, owner, kept)?;
    let head = Head { projected: flush.pts, floor: flush.floor, saved: true };
    flush.put(Keyspace::BOX_HEADS, &owner.bytes(), head.encode()?);
    Ok(flush)
}

/// Removes events, but for messages, below the newest `kept` pts; a little each time.
fn prune(flush: &mut Flush, store: &dyn Store, owner: BoxId, kept: i32) -> CoreResult<()> {
    let end = flush.pts.0.saturating_sub(kept);
    if end <= flush.floor.0 {
        return Ok(());
    }
    let from = box_key(owner, flush.floor.0.saturating_add(1));
    let to = box_key(owner, end.saturating_add(1));
    let rows = store.scan(Keyspace::BOXES, &from, Some(&to), ROWS_AT_ONCE, Order::Ascending)?;
    for (key, value) in &rows {
        if !matches!(BoxRow::decode(value)?, BoxRow::Message(_)) {
            flush.delete(Keyspace::BOXES, key);
        }
    }
    flush.floor = match rows.last() {
        Some((key, _)) if rows.len() == ROWS_AT_ONCE => Pts(box_number(key)),
        _ => Pts(end),
    };
    Ok(())
}

impl BoxState {
    /// What [`flush`] wrote at `pts` is durable: what did not change since needs no memory.
    pub(crate) fn written(&mut self, pts: Pts) {
        self.projected = self.projected.max(pts);
        self.dialogs.written(pts);
        self.saved.written(pts);
    }
}

/// The chunks of one box in the store.
pub(crate) struct StoredChunks<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) owner: BoxId,
}

impl StoredChunks<'_> {
    fn find(
        &self,
        kind: u8,
        peer: PeerId,
        from: i32,
        to: Option<i32>,
        order: Order,
    ) -> CoreResult<Option<(i32, Vec<Entry>)>> {
        let from = chunk_key(self.owner, kind, peer, from);
        let to = match to {
            Some(to) => chunk_key(self.owner, kind, peer, to),
            None => {
                let mut end = chunk_key(self.owner, kind, peer, i32::MAX);
                end.push(0);
                end
            }
        };
        let rows = self.store.scan(Keyspace::DIALOGS, &from, Some(&to), 1, order)?;
        let Some((key, value)) = rows.first() else { return Ok(None) };
        Ok(Some((box_number(key), ChunkRecord::decode(value)?.entries()?)))
    }
}

impl Chunks for StoredChunks<'_> {
    fn at_or_before(&self, peer: PeerId, first_max: i32) -> CoreResult<Option<(i32, Vec<Entry>)>> {
        self.find(KIND_CHUNK, peer, 0, first_max.checked_add(1), Order::Descending)
    }

    fn at_or_after(&self, peer: PeerId, first_min: i32) -> CoreResult<Option<(i32, Vec<Entry>)>> {
        self.find(KIND_CHUNK, peer, first_min, None, Order::Ascending)
    }

    fn saved(&self) -> Box<dyn Chunks + '_> {
        Box::new(SavedChunks(StoredChunks { store: self.store, owner: self.owner }))
    }
}

/// The chunks of the saved dialogs.
struct SavedChunks<'a>(StoredChunks<'a>);

impl Chunks for SavedChunks<'_> {
    fn at_or_before(&self, peer: PeerId, first_max: i32) -> CoreResult<Option<(i32, Vec<Entry>)>> {
        self.0.find(KIND_SAVED_CHUNK, peer, 0, first_max.checked_add(1), Order::Descending)
    }

    fn at_or_after(&self, peer: PeerId, first_min: i32) -> CoreResult<Option<(i32, Vec<Entry>)>> {
        self.0.find(KIND_SAVED_CHUNK, peer, first_min, None, Order::Ascending)
    }

    fn saved(&self) -> Box<dyn Chunks + '_> {
        self.0.saved()
    }
}

fn dialog_key(owner: BoxId, kind: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(9 + rest.len());
    key.extend_from_slice(&owner.bytes());
    key.push(kind);
    key.extend_from_slice(rest);
    key
}

fn chunk_key(owner: BoxId, kind: u8, peer: PeerId, first: i32) -> Vec<u8> {
    let mut key = dialog_key(owner, kind, &peer.bytes());
    key.extend_from_slice(&first.max(0).to_be_bytes());
    key
}

/// The least key above `key`.
fn after(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    next.push(0);
    next
}
