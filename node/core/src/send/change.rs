//! What happens to messages that are there: editing, deleting, reading.

use std::collections::BTreeMap;
use std::iter;

use node_store::Keyspace;

use crate::boxes::{CHUNK_BYTES_MAX, StoredChunks};
use crate::channels::AdminAction;
use crate::decide::{Decide, too_long};
use crate::federation::is_remote;
use crate::ids::{Actor, BoxId, MessageId, PeerId, Pts, UserId, box_key};
use crate::media::Media;
use crate::message::{BoxRow, Message};
use crate::record::Record as _;
use crate::send::{OutgoingFile, OutgoingMedia};
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

/// How a message is changed.
#[derive(Debug, Clone)]
pub struct Edit {
    /// The text; `None`: as it is.
    pub text: Option<Text>,
    /// What comes with it; `None`: as it is.
    pub media: Option<OutgoingMedia>,
    /// What came with it goes; a preview only.
    pub drops_media: bool,
    /// The text stands above the media.
    pub invert_media: bool,
}

impl Edit {
    /// Another text.
    #[must_use]
    pub fn text(text: Text) -> Self {
        Self { text: Some(text), media: None, drops_media: false, invert_media: false }
    }
}

impl Core {
    /// Changes one's own message.
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
        edit: Edit,
    ) -> CoreResult<Edited> {
        self.write(Some(actor), move |decide| decide.edit(owner, peer, id, edit)).await
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
    pub(crate) fn edit(
        &mut self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
        edit: Edit,
    ) -> CoreResult<Edited> {
        let place = BoxId::of(owner, peer);
        let message = self.message(place, id)?.filter(|message| message.peer == peer);
        let mut message = message.ok_or(CoreError::UnknownMessage)?;
        let (may, for_ever) = match peer {
            PeerId::Channel(channel) => (true, self.may_edit_in_channel(owner, channel, &message)?),
            _ => (message.out, peer == owner.into()),
        };
        if !may || message.forward.is_some() || message.action.is_some() {
            return Err(CoreError::NotTheAuthor);
        }
        if let PeerId::Chat(chat) = peer {
            self.chat_for(owner, chat)?;
        }
        // Saved messages can be edited for ever.
        let lives =
            matches!(&edit.media, Some(media) if matches!(media.file, OutgoingFile::Live(_)));
        // Where somebody is says by itself until when.
        let late = self.now().saturating_sub(message.date) > EDIT_TIME_S;
        if !for_ever && late && !lives {
            return Err(CoreError::EditTooLate);
        }
        let before = message.clone();
        if let Some(text) = edit.text {
            (message.text, message.entities) = (text.text, text.entities);
        }
        match edit.media {
            Some(OutgoingMedia { file: OutgoingFile::Live(step), .. }) => {
                let old = before.media.as_ref().ok_or(CoreError::MediaInvalid)?;
                message.media = Some(step.after(old, message.date, self.now())?);
            }
            Some(media) => {
                let media = self.outgoing_media(owner, media)?;
                let may = before.media.as_ref().is_none_or(|old| old.becomes(&media));
                if !may {
                    return Err(CoreError::MediaInvalid);
                }
                self.may_show(owner, peer, Some(&media))?;
                message.media = Some(media);
            }
            None if edit.drops_media && matches!(message.media, Some(Media::WebPage { .. })) => {
                message.media = None;
            }
            None => {}
        }
        message.invert_media = edit.invert_media;
        if message.media.is_none() && message.text.is_empty() {
            return Err(crate::TextError::Empty.into());
        }
        if message == before {
            return Err(CoreError::NotModified);
        }
        message.edited = self.now();
        let others = self.present_copies(owner, &message)?;
        if let PeerId::Channel(channel) = peer {
            let what = AdminAction::Edited(id, before.clone(), message.clone());
            self.note(channel, owner, what)?;
        }
        if message.media != before.media {
            let copies = others.len() as i64 + 1;
            self.hold_media(&message, copies)?;
            self.release_media(iter::once(&before).chain(others.iter().map(|(.., copy)| copy)))?;
        }
        let mut copy = None;
        if let PeerId::Channel(channel) = peer {
            self.log_edit(owner, channel, id, &message)?;
            copy = self.edit_copy(channel, id, &message, true)?;
        }
        if peer.user().is_some_and(is_remote) {
            self.edit_across(owner, id, &message)?;
        }
        self.rewrite(place, id, &message)?;
        let mut changed = Vec::with_capacity(others.len());
        for (user, id, theirs) in others {
            let theirs = Message {
                text: message.text.clone(),
                entities: message.entities.clone(),
                media: message.media.clone(),
                invert_media: message.invert_media,
                edited: message.edited,
                ..theirs
            };
            self.rewrite(user, id, &theirs)?;
            changed.push((user, id, theirs));
        }
        let pts = self.append_edited(place, id, &message)?;
        for (user, id, theirs) in &changed {
            self.append_edited(*user, *id, theirs)?;
        }
        self.tell_edited_copy(copy)?;
        Ok(Edited { id, pts, message })
    }

    pub(crate) fn rewrite(
        &mut self,
        owner: impl Into<BoxId>,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<()> {
        let row = BoxRow::Message(message.clone()).encode().map_err(too_long)?;
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
        let mut theirs: BTreeMap<(UserId, PeerId), Vec<MessageId>> = BTreeMap::new();
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let Some(message) = self.message(owner, id)? else { continue };
            let revoke = revoke && self.may_revoke(owner, &message)?;
            let others = if revoke { self.other_copies(owner, &message)? } else { Vec::new() };
            self.release_media(iter::once(&message).chain(others.iter().map(|(.., copy)| copy)))?;
            for (user, id, copy) in &others {
                self.forget_reactions(*user, *id, copy, false)?;
            }
            let last = revoke || !message.reacted || self.other_copies(owner, &message)?.is_empty();
            self.forget_reactions(owner, id, &message, last)?;
            if message.peer.user().is_some_and(is_remote) {
                self.delete_across(owner, id, revoke)?;
            }
            if let PeerId::Chat(chat) = message.peer {
                self.forget_copies(chat, message.twin, (!revoke).then_some(owner))?;
            }
            for (user, id, copy) in others {
                theirs.entry((user, copy.peer)).or_default().push(id);
            }
            own.entry((message.peer, message.saved_from())).or_default().push(id);
        }
        let mut affected = Affected { pts: Pts(self.next_id(owner)?.0 - 1), pts_count: 0 };
        for ((peer, saved), ids) in own {
            affected.pts_count += ids.len() as i32;
            affected.pts = self.remove(owner.into(), peer, saved, ids)?;
        }
        for ((user, peer), mut ids) in theirs {
            ids.sort_unstable();
            self.remove(user.into(), peer, None, ids)?;
        }
        Ok(affected)
    }

    /// Whether a deletion takes the message from others too. In a group only its writer and admins
    /// can do that.
    fn may_revoke(&self, owner: UserId, message: &Message) -> CoreResult<bool> {
        Ok(match message.peer {
            PeerId::User(_) => true,
            PeerId::Chat(chat) => {
                let chat = self.chat(chat)?;
                chat.is_admin(owner) || (message.out && chat.has(owner))
            }
            // They are not in anybody's own box.
            PeerId::Channel(_) => false,
        })
    }

    /// Removes messages of one dialog from one box.
    pub(crate) fn remove(
        &mut self,
        owner: BoxId,
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

    /// A member has read a dialog.
    pub(crate) fn read_all(&mut self, owner: UserId, peer: PeerId) -> CoreResult<()> {
        self.read_history(owner, peer, MessageId(0)).map(|_| ())
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
        let reading = dialog.reading(max_id, &StoredChunks { store, owner: owner.into() }, peer)?;
        drop(state);
        self.mark_unread(owner, peer, false)?;
        let Some((newest, count, still_unread)) = reading else { return Ok(nothing) };
        let twin = self.message(owner, newest)?.map_or(MessageId(0), |message| message.twin);
        // Where others see that their messages were read.
        let seen = match peer {
            PeerId::User(other) => {
                let seen = self.seen_by_other(owner, other, twin)?;
                seen.map(|count| (other, twin, count)).into_iter().collect()
            }
            PeerId::Chat(chat) => self.seen_by_group(owner, chat, twin)?,
            PeerId::Channel(_) => return Err(CoreError::NotBuilt),
        };
        let date = self.now();
        let pts =
            self.append(owner, BoxRow::ReadInbox { peer, max_id, count, still_unread, date })?;
        let back = if peer.chat().is_some() { peer } else { owner.into() };
        self.tell_seen(back, seen)?;
        if let PeerId::User(other) = peer {
            self.note_read_across(owner, other, newest)?;
        }
        Ok(Affected { pts, pts_count: count })
    }
}
