//! A box between the store and memory.
//!
//! Keyspace `DIALOGS`, all derived from `BOXES`:
//! - owner (8) ++ 0 ++ peer (9): a dialog, [`DialogRecord`];
//! - owner (8) ++ 1 ++ peer (9) ++ first id (4): a chunk of its index.
//!
//! Keyspace `BOX_HEADS`, key = owner (8): up to where the rows of the box are in them.

use node_store::{Batch, Keyspace, Order, Store};
use serde::{Deserialize, Serialize};

use super::dialog::DialogRecord;
use super::index::{ChunkRecord, Chunks, Entry};
use super::{BoxState, Dialog};
use crate::ids::{PEER_BYTES, PeerId, Pts, UserId, box_key, box_number};
use crate::message::BoxRow;
use crate::record::Record;
use crate::{CoreError, CoreResult};

/// Rows that are read from the store in one go.
const ROWS_AT_ONCE: usize = 512;

/// Events other than messages are kept for this many pts. A client that has seen less is told to
/// start anew, which is cheaper for it than a difference of this length.
pub(crate) const EVENTS_KEPT: i32 = 1_000_000;

const KIND_DIALOG: u8 = 0;
const KIND_CHUNK: u8 = 1;

/// What is stored about a box beside its rows.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Head {
    projected: Pts,
    floor: Pts,
}

impl Record for Head {
    const VERSION: u8 = 1;
    const NAME: &'static str = "head of a box";
}

/// Reads what was written of a box, and replays the rows after it.
pub(crate) fn load(store: &dyn Store, owner: UserId) -> CoreResult<BoxState> {
    let mut state = BoxState::default();
    if let Some(head) = store.get(Keyspace::BOX_HEADS, &owner.bytes())? {
        let head = Head::decode(&head)?;
        (state.projected, state.pts, state.floor) = (head.projected, head.projected, head.floor);
    }
    let (mut from, end) = (dialog_key(owner, KIND_DIALOG, &[]), dialog_key(owner, KIND_CHUNK, &[]));
    loop {
        let rows =
            store.scan(Keyspace::DIALOGS, &from, Some(&end), ROWS_AT_ONCE, Order::Ascending)?;
        for (key, value) in &rows {
            let peer = key.last_chunk::<PEER_BYTES>().and_then(|peer| PeerId::from_bytes(peer));
            let peer = peer.ok_or(CoreError::Damaged(DialogRecord::NAME))?;
            state.restore(peer, Dialog::from(DialogRecord::decode(value)?));
        }
        match rows.last() {
            Some((key, _)) if rows.len() == ROWS_AT_ONCE => from = after(key),
            _ => break,
        }
    }
    let chunks = StoredChunks { store, owner };
    loop {
        let from = box_key(owner, state.pts.0.saturating_add(1));
        let rows = store.scan(
            Keyspace::BOXES,
            &from,
            Some(&UserId(owner.0 + 1).bytes()),
            ROWS_AT_ONCE,
            Order::Ascending,
        )?;
        for (key, value) in &rows {
            state.apply(Pts(box_number(key)), &BoxRow::decode(value)?, &chunks)?;
        }
        if rows.len() < ROWS_AT_ONCE {
            return Ok(state);
        }
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
}

/// Gathers what is derived from a box and not written yet, and forgets events, but for messages,
/// beyond the newest `kept` pts.
pub(crate) fn flush(
    state: &BoxState,
    store: &dyn Store,
    owner: UserId,
    kept: i32,
) -> CoreResult<Flush> {
    let mut flush = Flush { batch: Batch::new(), bytes: 0, pts: state.pts, floor: state.floor };
    for peer in &state.changed {
        let Some(dialog) = state.dialogs.get(peer) else { continue };
        let key = dialog_key(owner, KIND_DIALOG, &peer.bytes());
        flush.put(Keyspace::DIALOGS, &key, dialog.record().encode()?);
        for (first, chunk) in &dialog.index.changed {
            let key = chunk_key(owner, *peer, *first);
            if chunk.entries.is_empty() {
                flush.delete(Keyspace::DIALOGS, &key);
            } else {
                let value = ChunkRecord::new(&chunk.entries).encode()?;
                flush.put(Keyspace::DIALOGS, &key, value);
            }
        }
    }
    prune(&mut flush, store, owner, kept)?;
    let head = Head { projected: flush.pts, floor: flush.floor };
    flush.put(Keyspace::BOX_HEADS, &owner.bytes(), head.encode()?);
    Ok(flush)
}

/// Removes events, but for messages, below the newest `kept` pts; a little each time.
fn prune(flush: &mut Flush, store: &dyn Store, owner: UserId, kept: i32) -> CoreResult<()> {
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
        let dialogs = &mut self.dialogs;
        self.changed.retain(|peer| {
            let Some(dialog) = dialogs.get_mut(peer) else { return false };
            dialog.index.written(pts);
            dialog.stamp > pts
        });
    }
}

/// The chunks of one box in the store.
pub(crate) struct StoredChunks<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) owner: UserId,
}

impl StoredChunks<'_> {
    fn find(
        &self,
        peer: PeerId,
        from: i32,
        to: Option<i32>,
        order: Order,
    ) -> CoreResult<Option<(i32, Vec<Entry>)>> {
        let from = chunk_key(self.owner, peer, from);
        let to = match to {
            Some(to) => chunk_key(self.owner, peer, to),
            None => {
                let mut end = chunk_key(self.owner, peer, i32::MAX);
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
        self.find(peer, 0, first_max.checked_add(1), Order::Descending)
    }

    fn at_or_after(&self, peer: PeerId, first_min: i32) -> CoreResult<Option<(i32, Vec<Entry>)>> {
        self.find(peer, first_min, None, Order::Ascending)
    }
}

fn dialog_key(owner: UserId, kind: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(9 + rest.len());
    key.extend_from_slice(&owner.bytes());
    key.push(kind);
    key.extend_from_slice(rest);
    key
}

fn chunk_key(owner: UserId, peer: PeerId, first: i32) -> Vec<u8> {
    let mut key = dialog_key(owner, KIND_CHUNK, &peer.bytes());
    key.extend_from_slice(&first.max(0).to_be_bytes());
    key
}

/// The least key above `key`.
fn after(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    next.push(0);
    next
}
