//! What happens to messages that are there: editing, deleting, reading.

use std::collections::BTreeMap;

use node_store::Keyspace;

use crate::boxes::{CHUNK_BYTES_MAX, StoredChunks};
use crate::decide::Decide;
use crate::ids::{Actor, MessageId, PeerId, Pts, UserId, box_key};
use crate::message::{BoxRow, Message};
use crate::record::Record as _;
use crate::text::Text;
use crate::{Core, CoreError, CoreResult};

/// How long a message may be edited, in seconds: `config.edit_time_limit`.
const EDIT_TIME_S: i32 = 48 * 3600;

/// Messages that one command deletes: a longer list becomes several, so that others get their turn.
/// Also what clients delete at once.
const DELETE_AT_ONCE: usize = 100;

/// How a box went on: its pts, and how many pts the events count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Affected {
    /// The box's pts after them.
    pub pts: Pts,
    /// 0 if nothing happened.
    pub pts_count: i32,
}

/// An edited message in the editor's box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// The message.
    pub id: MessageId,
    /// Of the event.
    pub pts: Pts,
    /// Its new form.
    pub message: Message,
}

impl Core {
    /// Changes the text of one's own message.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`], [`CoreError::NotTheAuthor`], [`CoreError::EditTooLate`],
    /// [`CoreError::NotModified`].
    pub async fn edit(
        &self,
        actor: Actor,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
        text: Text,
    ) -> CoreResult<Edited> {
        self.write(Some(actor), move |decide| decide.edit(owner, peer, id, text)).await
    }

    /// Removes messages from one's own box, and with `revoke` from the other party's. Ids that are
    /// not there are passed over.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete(
        &self,
        actor: Actor,
        owner: UserId,
        ids: Vec<MessageId>,
        revoke: bool,
    ) -> CoreResult<Affected> {
        let mut chunks = ids.chunks(DELETE_AT_ONCE);
        let some = chunks.next().unwrap_or_default().to_vec();
        let command = move |ids: Vec<MessageId>| {
            move |decide: &mut Decide<'_>| decide.delete_messages(owner, &ids, revoke)
        };
        let mut affected = self.write(Some(actor), command(some)).await?;
        for some in chunks {
            let more = self.write(Some(actor), command(some.to_vec())).await?;
            affected.pts = more.pts;
            affected.pts_count += more.pts_count;
        }
        Ok(affected)
    }

    /// Marks incoming messages of a dialog as read, up to and including `max_id`; 0 means all.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn read_history(
        &self,
        actor: Actor,
        owner: UserId,
        peer: PeerId,
        max_id: MessageId,
    ) -> CoreResult<Affected> {
        self.write(Some(actor), move |decide| decide.read_history(owner, peer, max_id)).await
    }
}

impl Decide<'_> {
    fn edit(
        &mut self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
        text: Text,
    ) -> CoreResult<Edited> {
        let message = self.message(owner, id)?.filter(|message| message.peer == peer);
        let mut message = message.ok_or(CoreError::UnknownMessage)?;
        if !message.out || message.forward.is_some() || message.action.is_some() {
            return Err(CoreError::NotTheAuthor);
        }
        // Saved messages can be edited for ever.
        if peer != owner.into() && self.now().saturating_sub(message.date) > EDIT_TIME_S {
            return Err(CoreError::EditTooLate);
        }
        if message.text == text.text && message.entities == text.entities {
            return Err(CoreError::NotModified);
        }
        message.text.clone_from(&text.text);
        message.entities.clone_from(&text.entities);
        message.edited = self.now();
        let theirs = self.twin(&message)?;
        self.rewrite(owner, id, &message)?;
        if let Some(mut theirs) = theirs {
            (theirs.text, theirs.entities) = (text.text, text.entities);
            theirs.edited = message.edited;
            self.rewrite(peer.user(), message.twin, &theirs)?;
            let pts = self.append_edited(owner, id, &message)?;
            self.append_edited(peer.user(), message.twin, &theirs)?;
            return Ok(Edited { id, pts, message });
        }
        let pts = self.append_edited(owner, id, &message)?;
        Ok(Edited { id, pts, message })
    }

    /// The same message in the other party's box, if it is still there.
    pub(super) fn twin(&self, message: &Message) -> CoreResult<Option<Message>> {
        if message.twin.0 == 0 {
            return Ok(None);
        }
        self.message(message.peer.user(), message.twin)
    }

    pub(super) fn rewrite(
        &mut self,
        owner: UserId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<()> {
        let row = BoxRow::Message(message.clone()).encode()?;
        self.put_bytes(Keyspace::BOXES, &box_key(owner, id.0), row);
        Ok(())
    }

    pub(crate) fn delete_messages(
        &mut self,
        owner: UserId,
        ids: &[MessageId],
        revoke: bool,
    ) -> CoreResult<Affected> {
        // Messages to oneself apart by what they are filed under.
        let mut own: BTreeMap<(PeerId, Option<PeerId>), Vec<MessageId>> = BTreeMap::new();
        let mut theirs: BTreeMap<PeerId, Vec<MessageId>> = BTreeMap::new();
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let Some(message) = self.message(owner, id)? else { continue };
            if revoke && self.twin(&message)?.is_some() {
                theirs.entry(message.peer).or_default().push(message.twin);
            }
            own.entry((message.peer, message.saved_from())).or_default().push(id);
        }
        let mut affected = Affected { pts: Pts(self.next_id(owner)?.0 - 1), pts_count: 0 };
        for ((peer, saved), ids) in own {
            affected.pts_count += ids.len() as i32;
            affected.pts = self.remove(owner, peer, saved, ids)?;
        }
        for (peer, mut ids) in theirs {
            ids.sort_unstable();
            self.remove(peer.user(), owner.into(), None, ids)?;
        }
        Ok(affected)
    }

    /// Removes messages of one dialog from one box.
    fn remove(
        &mut self,
        owner: UserId,
        peer: PeerId,
        saved: Option<PeerId>,
        ids: Vec<MessageId>,
    ) -> CoreResult<Pts> {
        for id in &ids {
            self.delete(Keyspace::BOXES, &box_key(owner, id.0));
        }
        self.derived_bytes += ids.len() * CHUNK_BYTES_MAX * if saved.is_some() { 2 } else { 1 };
        self.append(owner, BoxRow::Deleted { peer, ids, saved })
    }

    fn read_history(
        &mut self,
        owner: UserId,
        peer: PeerId,
        max_id: MessageId,
    ) -> CoreResult<Affected> {
        let store = self.store();
        let cell = self.inner.boxes.cell(owner);
        let state = cell.lock(store, owner)?;
        let nothing = Affected { pts: state.pts, pts_count: 0 };
        let Some(dialog) = state.dialogs.get(&peer) else { return Ok(nothing) };
        // 0 and what lies ahead of the newest message mean all of them.
        let max_id = if max_id.0 <= 0 { dialog.top } else { max_id.min(dialog.top) };
        let reading = dialog.reading(max_id, &StoredChunks { store, owner }, peer)?;
        drop(state);
        self.mark_unread(owner, peer, false)?;
        let Some((newest, count, still_unread)) = reading else { return Ok(nothing) };
        let twin = self.message(owner, newest)?.map_or(MessageId(0), |message| message.twin);
        let seen = self.seen_by_other(owner, peer, twin)?;
        let pts = self.append(owner, BoxRow::ReadInbox { peer, max_id, count, still_unread })?;
        if let Some(count) = seen {
            let date = self.now();
            let row = BoxRow::ReadOutbox { peer: owner.into(), max_id: twin, count, date };
            self.append(peer.user(), row)?;
        }
        Ok(Affected { pts, pts_count: count })
    }

    /// How many of the other party's messages become read when `reader` has read up to `twin` of
    /// them; `None` if that changes nothing.
    fn seen_by_other(
        &self,
        reader: UserId,
        peer: PeerId,
        twin: MessageId,
    ) -> CoreResult<Option<i32>> {
        if twin.0 == 0 || peer.user() == reader {
            return Ok(None);
        }
        let (store, owner) = (self.store(), peer.user());
        let cell = self.inner.boxes.cell(owner);
        let state = cell.lock(store, owner)?;
        let back = PeerId::User(reader);
        let Some(dialog) = state.dialogs.get(&back) else { return Ok(None) };
        let count = dialog.outgoing_up_to(twin, &StoredChunks { store, owner }, back)?;
        Ok((count > 0).then_some(count))
    }
}
