//! Message boxes: what a fold over the rows of a box knows.
//!
//! The rows are the truth. Everything here (dialogs, their order, counters, which messages a
//! dialog has) is derived from them by [`BoxState::apply`], kept in memory while the box is in
//! use, and written behind now and then, so that opening a box replays little. `apply` is the
//! same function when a row is written, and when it is replayed.

mod dialog;
mod examine;
mod index;
mod load;
mod shelf;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use dialog::Dialog;
pub(crate) use examine::examine;
pub(crate) use index::{CHUNK_BYTES_MAX, Chunks, Entry};
pub(crate) use load::{EVENTS_KEPT, StoredChunks, flush, load, stored_floor};
pub(crate) use shelf::Shelf;
pub(crate) use table::Boxes;

use crate::ids::{MessageId, PeerId, Pts};
use crate::message::{BoxRow, Message};
use crate::{CoreError, CoreResult};

/// Events after which what is derived from a box is written. Bounds what opening it replays.
pub(crate) const FLUSH_EVERY_EVENTS: i32 = 256;

/// What is known of one box.
#[derive(Debug)]
pub(crate) struct BoxState {
    /// The newest event.
    pub(crate) pts: Pts,
    /// Events at or below this are gone: who has seen less must start anew.
    pub(crate) floor: Pts,
    /// What is derived from rows up to here is written.
    pub(crate) projected: Pts,
    /// Rows up to here are in the search index.
    pub(crate) indexed: Pts,
    /// Messages in all dialogs that the owner has not read.
    pub(crate) unread: i32,
    pub(crate) dialogs: Shelf,
    /// The messages to oneself, by the dialogs that they were taken from.
    pub(crate) saved: Shelf,
}

/// The pts of a box without events: clients take 0 for "not known".
const PTS_FIRST: Pts = Pts(1);

impl Default for BoxState {
    fn default() -> Self {
        Self {
            pts: PTS_FIRST,
            floor: Pts(0),
            projected: PTS_FIRST,
            indexed: Pts(0),
            unread: 0,
            dialogs: Shelf::default(),
            saved: Shelf::default(),
        }
    }
}

impl BoxState {
    /// What `row` does, which became the box's event `pts`.
    pub(crate) fn apply(&mut self, pts: Pts, row: &BoxRow, chunks: &dyn Chunks) -> CoreResult<()> {
        if pts.0 <= self.pts.0 {
            return Err(CoreError::Damaged("order of a box"));
        }
        match row {
            BoxRow::Message(message) => {
                self.change(message.peer, pts, |dialog| {
                    dialog.add(Entry { id: pts.0, out: message.out }, chunks, message.peer)?;
                    dialog.unread += i32::from(!message.out);
                    // Replayed, the row says what became of it.
                    if message.pinned {
                        dialog.pinned.insert(MessageId(pts.0));
                    }
                    // Of a channel's box every member has marks of their own.
                    let is_own = message.peer.channel().is_none();
                    if is_own && message.mentioned && message.unread_media && !message.out {
                        dialog.mentions.insert(MessageId(pts.0));
                    }
                    Ok(())
                })?;
                if let Some(source) = message.saved_from() {
                    let saved = chunks.saved();
                    self.saved.change(source, pts, |dialog| {
                        dialog.add(Entry { id: pts.0, out: message.out }, &*saved, source)
                    })?;
                }
            }
            BoxRow::Edited(_) => {}
            BoxRow::ReadContents { peer, ids } => self.change(*peer, pts, |dialog| {
                for id in ids {
                    dialog.mentions.remove(id);
                }
                Ok(())
            })?,
            BoxRow::Pinned { peer, ids, pinned } => self.change(*peer, pts, |dialog| {
                for id in ids {
                    if *pinned {
                        dialog.pinned.insert(*id);
                    } else {
                        dialog.pinned.remove(id);
                    }
                }
                Ok(())
            })?,
            BoxRow::Deleted { peer, ids, saved } => {
                let remove = |dialog: &mut Dialog, chunks: &dyn Chunks, peer: PeerId| {
                    ids.iter().try_for_each(|id| dialog.remove(id.0, chunks, peer))
                };
                self.change(*peer, pts, |dialog| remove(dialog, chunks, *peer))?;
                if let Some(source) = saved {
                    let chunks = chunks.saved();
                    let remove = |dialog: &mut Dialog| remove(dialog, &*chunks, *source);
                    self.saved.change(*source, pts, remove)?;
                }
            }
            BoxRow::ReadInbox { peer, max_id, still_unread, .. } => {
                self.change(*peer, pts, |dialog| {
                    dialog.read(*max_id, *still_unread, chunks, *peer)
                })?;
            }
            BoxRow::ReadOutbox { peer, max_id, .. } => self.change(*peer, pts, |dialog| {
                dialog.read_outbox = dialog.read_outbox.max(*max_id);
                Ok(())
            })?,
        }
        self.pts = pts;
        Ok(())
    }

    /// Events count from here on: numbers up to this one are for what was said before, and who has seen
    /// less starts anew.
    pub(crate) fn reserve(&mut self, pts: Pts) {
        self.pts = self.pts.max(pts);
        self.floor = self.floor.max(pts);
    }

    /// A message that was said before any that is there: no event tells of it. Nothing of it is replayed,
    /// so what is derived is written with it.
    pub(crate) fn place_below(
        &mut self,
        id: MessageId,
        message: &Message,
        chunks: &dyn Chunks,
    ) -> CoreResult<()> {
        let peer = message.peer;
        if id.0 < 1 || id.0 > self.floor.0 {
            return Err(CoreError::Damaged("order of a box"));
        }
        self.change(peer, self.pts, |dialog| {
            dialog.add_below(Entry { id: id.0, out: message.out }, chunks, peer)?;
            if message.pinned {
                dialog.pinned.insert(id);
            }
            Ok(())
        })
    }

    fn change(
        &mut self,
        peer: PeerId,
        pts: Pts,
        change: impl FnOnce(&mut Dialog) -> CoreResult<()>,
    ) -> CoreResult<()> {
        self.unread += self.dialogs.change(peer, pts, change)?;
        Ok(())
    }

    /// Puts a dialog that was read from the store in its place.
    pub(super) fn restore(&mut self, peer: PeerId, dialog: Dialog) {
        self.unread += dialog.unread;
        self.dialogs.restore(peer, dialog);
    }

    /// Dialogs that have a message, the newest first, whose newest message is below `below`.
    pub(crate) fn newest_first(
        &self,
        below: Option<MessageId>,
    ) -> impl Iterator<Item = (PeerId, &Dialog)> {
        self.dialogs.newest_first(below)
    }

    /// How many dialogs have a message.
    pub(crate) fn listed(&self) -> usize {
        self.dialogs.listed()
    }

    /// Events since what is derived was written.
    pub(crate) fn unwritten(&self) -> i32 {
        self.pts.0 - self.projected.0
    }
}
