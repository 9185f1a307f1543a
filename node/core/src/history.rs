//! Reading dialogs and their messages.
//!
//! The box's state gives ids, the store the rows. A page is answered once both are durable: the
//! ids are settled before the rows are read, so each row is there or was deleted since; then the
//! rows are.

use node_store::{Keyspace, Order};

use crate::boxes::{Chunks, Dialog, StoredChunks};
use crate::ids::{BoxId, MessageId, PeerId, UserId, box_key, box_number};
use crate::message::{BoxRow, Message};
use crate::record::Record as _;
use crate::{Core, CoreResult};

/// Messages or dialogs of one page.
pub const PAGE_MAX: usize = 100;

/// When the rows of a page lie this close together, one scan reads them; else each is looked up.
const SCAN_SPREAD_MAX: usize = 2;

/// How far `add_offset` may move a page. Protects the committer, which waits for the box while one
/// walks that far.
pub(crate) const ADD_OFFSET_MAX: i32 = 100_000;

/// A message and its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// In its owner's box.
    pub id: MessageId,
    /// The message.
    pub message: Message,
}

/// Which messages of a dialog are wanted.
///
/// Source: <https://core.telegram.org/api/offsets>
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// The page begins below this message; 0: at the newest.
    pub offset_id: i32,
    /// Without `offset_id`: below the first message at or after this time (unix seconds).
    pub offset_date: i32,
    /// Moves the page towards older messages; below 0 towards newer ones.
    pub add_offset: i32,
    /// At most [`PAGE_MAX`].
    pub limit: usize,
    /// Only messages below this one; 0: all.
    pub max_id: i32,
    /// Only messages above this one.
    pub min_id: i32,
}

/// Messages of one dialog.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryPage {
    /// The newest first.
    pub messages: Vec<Stored>,
    /// All messages of the dialog.
    pub count: i32,
    /// How many of them are newer than the page.
    pub newer: i32,
}

/// The ids of a page, newest first; all messages of the dialog; how many are newer.
type PageIds = (Vec<MessageId>, i32, i32);

/// Where messages lie together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the dialog with somebody.
    Dialog(PeerId),
    /// Among the messages to oneself, filed under this.
    Saved(PeerId),
}

impl Core {
    /// A page of a dialog.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn history(
        &self,
        owner: UserId,
        peer: PeerId,
        query: HistoryQuery,
    ) -> CoreResult<HistoryPage> {
        if let Some(channel) = peer.channel() {
            self.look_at(channel).await;
        }
        self.history_of(BoxId::of(owner, peer), Place::Dialog(peer), query).await
    }

    /// A page of the messages to oneself that are filed under `source`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn saved_history(
        &self,
        owner: UserId,
        source: PeerId,
        query: HistoryQuery,
    ) -> CoreResult<HistoryPage> {
        self.history_of(owner.into(), Place::Saved(source), query).await
    }

    async fn history_of(
        &self,
        owner: BoxId,
        place: Place,
        asked: HistoryQuery,
    ) -> CoreResult<HistoryPage> {
        let mut query = asked;
        let deadline = Self::history_deadline();
        let (ids, count, newer) = loop {
            let frontier = self.frontier(owner.channel());
            if query.offset_date != 0 && query.offset_id == 0 {
                let offset_id = self.first_at(owner, place, query.offset_date).await?;
                query.offset_id = offset_id;
            }
            let (page, reached_end) = self.page_ids(owner, place, query)?;
            let Some(frontier) = frontier else { break page };
            // Beyond what is there more will be: a short page would say that there is none.
            let is_beyond = query.offset_id > 0 && query.offset_id <= frontier.low.0;
            let is_above = query.min_id.saturating_add(1) >= frontier.low.0;
            if is_above || (!is_beyond && !reached_end) {
                let (ids, count, newer) = page;
                break (ids, count.saturating_add(frontier.left), newer);
            }
            self.history_moves(frontier, deadline).await?;
            if asked.offset_id == 0 {
                query.offset_id = 0;
            }
        };
        self.settled().await?;
        let messages = self.rows(owner, &ids)?;
        self.settled().await?;
        Ok(HistoryPage { messages, count, newer })
    }

    /// See [`page_ids`].
    fn page_ids(
        &self,
        owner: BoxId,
        place: Place,
        query: HistoryQuery,
    ) -> CoreResult<(PageIds, bool)> {
        let found = self
            .in_place(owner, place, |dialog, chunks, peer| page_ids(dialog, chunks, peer, query))?;
        Ok(found.unwrap_or((Default::default(), true)))
    }

    /// Asks a dialog of a box, or of its saved messages, if it is there.
    pub(crate) fn in_place<T>(
        &self,
        owner: impl Into<BoxId>,
        place: Place,
        ask: impl FnOnce(&Dialog, &dyn Chunks, PeerId) -> CoreResult<T>,
    ) -> CoreResult<Option<T>> {
        let (store, owner) = (&*self.inner.store, owner.into());
        let chunks = StoredChunks { store, owner };
        let cell = self.inner.boxes.cell(owner);
        let state = cell.lock(store, owner)?;
        match place {
            Place::Dialog(peer) => state.dialogs.get(&peer).map(|found| ask(found, &chunks, peer)),
            Place::Saved(peer) => {
                state.saved.get(&peer).map(|found| ask(found, &*chunks.saved(), peer))
            }
        }
        .transpose()
    }

    /// The first message of a dialog that is not older than `date`.
    pub(crate) async fn first_at(
        &self,
        owner: impl Into<BoxId>,
        place: Place,
        date: i32,
    ) -> CoreResult<i32> {
        let owner = owner.into();
        // Dates grow with ids: halves the range until one id is left. At most 31 rows.
        let (mut low, mut high) = (1, self.top(owner, place)?.saturating_add(1));
        self.settled().await?;
        while low < high {
            let middle = low + (high - low) / 2;
            let Some(id) = self.at_or_after(owner, place, middle)? else {
                high = middle;
                continue;
            };
            let row = self.rows(owner, &[MessageId(id)])?;
            match row.first() {
                Some(found) if found.message.date < date => low = id + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    fn top(&self, owner: BoxId, place: Place) -> CoreResult<i32> {
        Ok(self.in_place(owner, place, |dialog, _, _| Ok(dialog.top.0))?.unwrap_or(0))
    }

    fn at_or_after(&self, owner: BoxId, place: Place, from: i32) -> CoreResult<Option<i32>> {
        let found = self.in_place(owner, place, |dialog, chunks, peer| {
            let mut found = None;
            dialog.index.ascend(from, chunks, peer, |entry| {
                found = Some(entry.id);
                false
            })?;
            Ok(found)
        })?;
        Ok(found.flatten())
    }

    /// Messages of a box by their ids; those that are not there are left out.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn messages(
        &self,
        owner: impl Into<BoxId>,
        ids: &[MessageId],
    ) -> CoreResult<Vec<Stored>> {
        let owner = owner.into();
        let deadline = Self::history_deadline();
        while let Some(frontier) = self.frontier(owner.channel()) {
            if ids.iter().all(|id| id.0 < 1 || *id >= frontier.low) {
                break;
            }
            self.history_moves(frontier, deadline).await?;
        }
        let found = self.rows(owner, ids)?;
        self.settled().await?;
        Ok(found)
    }

    /// One message, as it is in the store: for followers, who are told of what is durable.
    ///
    /// # Errors
    /// Those of the store.
    pub fn message(&self, owner: impl Into<BoxId>, id: MessageId) -> CoreResult<Option<Message>> {
        Ok(self.rows(owner, &[id])?.pop().map(|stored| stored.message))
    }

    pub(crate) fn rows(
        &self,
        owner: impl Into<BoxId>,
        ids: &[MessageId],
    ) -> CoreResult<Vec<Stored>> {
        let (store, owner) = (&*self.inner.store, owner.into());
        let (Some(low), Some(high)) = (ids.iter().min(), ids.iter().max()) else {
            return Ok(Vec::new());
        };
        let decode = |id: MessageId, value: &[u8]| -> CoreResult<Option<Stored>> {
            Ok(match BoxRow::decode(value)? {
                BoxRow::Message(message) => Some(Stored { id, message }),
                _ => None,
            })
        };
        let spread = high.0.abs_diff(low.0) as usize;
        if ids.len() > 1 && spread <= ids.len() * SCAN_SPREAD_MAX {
            let from = box_key(owner, low.0);
            let to = box_key(owner, high.0.saturating_add(1));
            let rows =
                store.scan(Keyspace::BOXES, &from, Some(&to), spread + 1, Order::Ascending)?;
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                let at = rows.binary_search_by_key(&id.0, |(key, _)| box_number(key));
                if let Some((_, value)) = at.ok().and_then(|at| rows.get(at)) {
                    found.extend(decode(*id, value)?);
                }
            }
            return Ok(found);
        }
        let mut found = Vec::with_capacity(ids.len());
        for id in ids.iter().filter(|id| id.0 > 0) {
            if let Some(value) = store.get(Keyspace::BOXES, &box_key(owner, id.0))? {
                found.extend(decode(*id, &value)?);
            }
        }
        Ok(found)
    }
}

/// The ids of a page, newest first; all messages of the dialog; how many are newer. And whether the page
/// would go on if there were more below.
fn page_ids(
    dialog: &Dialog,
    chunks: &dyn Chunks,
    peer: PeerId,
    query: HistoryQuery,
) -> CoreResult<(PageIds, bool)> {
    let limit = query.limit.min(PAGE_MAX);
    let end = if query.max_id > 0 { query.max_id } else { i32::MAX };
    let inside = |id: i32| id > query.min_id && id < end;
    let add_offset = query.add_offset.clamp(-ADD_OFFSET_MAX, ADD_OFFSET_MAX);
    let from = if query.offset_id > 0 { query.offset_id } else { i32::MAX };
    let mut ids = Vec::with_capacity(limit);
    let mut left = limit;
    if add_offset < 0 {
        // So many places of the page lie at or above the offset.
        let wanted = add_offset.unsigned_abs() as usize;
        let mut newer = Vec::new();
        let start = from.max(query.min_id.saturating_add(1));
        dialog.index.ascend(start, chunks, peer, |entry| {
            if inside(entry.id) {
                newer.push(MessageId(entry.id));
            }
            newer.len() < wanted && entry.id < end
        })?;
        // The page ends `limit` below its upper border, be that filled or not.
        left = limit.saturating_sub(wanted);
        newer.reverse();
        let missing = wanted - newer.len();
        let keep = limit.min(wanted).saturating_sub(missing);
        ids.extend(newer.into_iter().take(keep));
    }
    let mut skip = usize::try_from(add_offset).unwrap_or(0);
    let mut reached_end = left > 0;
    if left > 0 {
        let room = ids.len() + left;
        dialog.index.descend(from.min(end), chunks, peer, |entry| {
            if !inside(entry.id) {
                reached_end = entry.id > query.min_id;
                return reached_end;
            }
            if skip > 0 {
                skip -= 1;
                return true;
            }
            ids.push(MessageId(entry.id));
            reached_end = ids.len() < room;
            reached_end
        })?;
    }
    let newer = match ids.first() {
        // Only near the top is it worth counting.
        Some(first) => {
            let mut newer = 0;
            dialog.index.descend(i32::MAX, chunks, peer, |entry| {
                newer += i32::from(entry.id > first.0);
                entry.id > first.0 && newer < PAGE_MAX as i32
            })?;
            newer
        }
        None => 0,
    };
    Ok(((ids, dialog.count, newer), reached_end))
}
