//! Messages in channels: one for all who are there.

mod delete;
mod pin;
mod written;

use glog::EntryRef;
use glog::body::{DataBody, Edit as LogEdit, Member};
use glog::cbor::{decode, encode};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{AdminAction, AdminRights, ChannelView, ENTRY_OF, MESSAGE_OF, Participant, row_key};
use crate::chats::Rights;
use crate::decide::Decide;
use crate::ids::{ChannelId, MessageId, Pts, UserId};
use crate::media::Media;
use crate::message::{Action, BoxRow, Message};
use crate::record::Record;
use crate::send::Sent;
use crate::{Core, CoreError, CoreResult};

pub(crate) use written::Read;
#[cfg(test)]
pub(crate) use written::{poll_in_log, said_beside};

/// What comes to a message on its way into a log, its copy in a discussion included: seal, salt and
/// padding, names of who wrote it and of whom it comes from, entries that it refers to.
pub(crate) const ADDED_BYTES_MAX: usize = 2048;

/// Rows that are read in one go.
const ROWS_AT_ONCE: usize = 1000;

/// Which entry brought a message, and which one pins it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) post: Vec<u8>,
    pub(super) pin: Option<Vec<u8>>,
}

impl Record for Origin {
    const VERSION: u8 = 1;
    const NAME: &'static str = "origin of a message";
}

impl Origin {
    fn post(&self) -> CoreResult<EntryRef> {
        decode(&self.post).map_err(|_| CoreError::Damaged(Self::NAME))
    }
}

fn too_long<E>(_: E) -> CoreError {
    crate::TextError::TooLong.into()
}

/// The rows of messages above one that the log of a channel has, by their ids at the end: from where, and
/// up to where.
pub(crate) fn logged_after(channel: ChannelId, above: MessageId) -> (Vec<u8>, Vec<u8>) {
    let from = id_key(channel, ENTRY_OF, MessageId(above.0.saturating_add(1)));
    (from, row_key(channel, ENTRY_OF + 1, &[]))
}

fn id_key(channel: ChannelId, kind: u8, id: MessageId) -> Vec<u8> {
    row_key(channel, kind, &id.0.max(0).to_be_bytes())
}

impl Core {
    /// The entry that brought a message; `None` for what the log has no entry of.
    pub(crate) fn origin_of(
        &self,
        channel: ChannelId,
        id: MessageId,
    ) -> CoreResult<Option<EntryRef>> {
        let row = self.inner.store.get(Keyspace::CHANNELS, &id_key(channel, ENTRY_OF, id))?;
        row.map(|row| Origin::decode(&row)?.post()).transpose()
    }

    /// The message that an entry brought.
    pub(crate) fn message_of(
        &self,
        channel: ChannelId,
        at: &EntryRef,
    ) -> CoreResult<Option<MessageId>> {
        let row = self.inner.store.get(Keyspace::CHANNELS, &message_of_key(channel, at))?;
        Ok(row.as_deref().and_then(message_in))
    }
}

impl Core {
    /// The message that an entry brought of which the hash is not known: the first, should there be two.
    pub(crate) fn message_at(
        &self,
        channel: ChannelId,
        (node, inc, seq): (glog::Node16, u32, u64),
    ) -> CoreResult<Option<MessageId>> {
        let key = unhashed_key(channel, (node, inc, seq));
        let rows = crate::decide::scan_prefix(&*self.inner.store, Keyspace::CHANNELS, &key, 1)?;
        Ok(rows.first().and_then(|(_, row)| message_in(row)))
    }

    /// How many messages the log of a channel has brought that are not gone.
    pub(crate) fn messages_of_log(&self, channel: ChannelId) -> CoreResult<u64> {
        let (mut from, to) = logged_after(channel, MessageId(0));
        let mut count = 0;
        loop {
            let rows = self.inner.store.scan(
                Keyspace::CHANNELS,
                &from,
                Some(&to),
                ROWS_AT_ONCE,
                node_store::Order::Ascending,
            )?;
            count += rows.len() as u64;
            match rows.last() {
                Some((last, _)) if rows.len() == ROWS_AT_ONCE => {
                    from.clone_from(last);
                    from.push(0);
                }
                _ => return Ok(count),
            }
        }
    }
}

/// Before which the rows stand of all entries that there could be in a place.
fn unhashed_key(channel: ChannelId, (node, inc, seq): (glog::Node16, u32, u64)) -> Vec<u8> {
    // The hash stands at the end.
    let hash = glog::Hash16([0; 16]);
    let mut key = message_of_key(channel, &EntryRef { node, inc, seq, hash });
    key.truncate(key.len().saturating_sub(hash.0.len()));
    key
}

fn message_of_key(channel: ChannelId, at: &EntryRef) -> Vec<u8> {
    row_key(channel, MESSAGE_OF, &encode(at))
}

/// The number in the row of an entry.
fn message_in(row: &[u8]) -> Option<MessageId> {
    row.first_chunk().map(|id| MessageId(i32::from_be_bytes(*id)))
}

#[cfg(test)]
impl Core {
    /// The entry that brought a message.
    pub(crate) fn entry_of(&self, channel: ChannelId, id: MessageId) -> Option<EntryRef> {
        self.origin_of(channel, id).unwrap()
    }
}

impl Decide<'_> {
    /// Puts a message of somebody who may write into a channel's box, and into its log.
    pub(crate) fn place_in_channel(
        &mut self,
        from: UserId,
        channel: ChannelId,
        mut message: Message,
    ) -> CoreResult<(Pts, BoxRow)> {
        let view = self.channel_view(from, channel)?;
        let own = view.own.clone().unwrap_or_else(|| Participant::guest(from, self.now()));
        let mut found = (*view.channel).clone();
        self.keep_pace(&view, &own)?;
        (message.out, message.twin) = (false, MessageId(0));
        if found.broadcast && found.signatures {
            let account = self.user(from)?.ok_or(CoreError::UnknownUser)?;
            message.post_author = Some(account.full_name());
        }
        // Answers stand in threads where everybody writes.
        (message.thread, message.in_topic) = match &message.reply {
            Some(reply) if !found.broadcast => self.thread_of_answer(channel, reply.to)?,
            _ => (None, false),
        };
        message.sent_as = self.sender(from, &view, message.sent_as)?;
        if message.sent_as == Some(channel.into()) {
            message.post_author = view.rank();
        }
        let post = self.post_of(channel, &message)?;
        let needed = if found.broadcast { glog::Rights::BROADCAST } else { post.classes() };
        if !self.log_rights(channel, from)?.1.has(needed) {
            return Err(CoreError::RightMissing(Rights::SEND));
        }
        let id = self.next_id(channel)?;
        let meant = self.meant_in_channel(&found, &message)?;
        message.mentioned = !meant.is_empty();
        let announces = !found.broadcast && own.joined && !own.announced;
        self.expires(from, id, &message)?;
        self.ask_poll_in_channel(message.media.as_ref(), channel, id)?;
        self.hold_media(&message, 1)?;
        // In a forum one reads by topic.
        let reads_all = own.joined && !found.forum;
        if reads_all {
            self.read_by_writing(&found, &own)?;
        }
        let reads = Participant {
            read_inbox: if reads_all { id } else { own.read_inbox },
            announced: own.announced || announces,
            wrote: if found.slow_mode_s > 0 { self.now() } else { own.wrote },
            ..own
        };
        // Who is not in it leaves no row but where the time has to be kept.
        if reads_all {
            self.note_reading(&found, from, id)?;
        }
        if reads.joined || reads.wrote > 0 {
            self.put_participant(&mut found, &reads)?;
        }
        self.note_meant(&mut found, id, &meant)?;
        if announces {
            let joins = DataBody::Member(Member { join: true, invite: None });
            self.write_data(channel, from, &joins)?;
        }
        let at = self.write_data(channel, from, &DataBody::Post(post))?;
        self.put_origin(channel, id, &Origin { post: encode(&at), pin: None })?;
        if found.broadcast {
            self.note(channel, from, AdminAction::Sent(id, message.clone()))?;
        }
        self.enter_thread(&found, id, &message)?;
        if !reads.joined {
            self.wrote_in_thread(channel, id, &message)?;
        }
        let copied = self.copy_post(&found, id, &message)?;
        let topic = message.topic();
        let row = BoxRow::Message(message);
        let pts = self.append(channel, row.clone())?;
        if reads.joined && found.forum {
            self.read_in_forum(channel, from, topic, id)?;
        }
        if let Some(copied) = copied {
            self.place_copy(copied)?;
        }
        Ok((pts, row))
    }

    /// Puts a service message into a channel's box: it follows from what the log says elsewhere.
    pub(crate) fn say_in_channel(
        &mut self,
        from: UserId,
        channel: ChannelId,
        action: Action,
    ) -> CoreResult<Sent> {
        let message = Message::service(channel.into(), from, false, self.now());
        self.place_service(from, channel, Message { action: Some(action), ..message })
    }

    /// The same, as it stands. Who did it has read it.
    pub(super) fn place_service(
        &mut self,
        from: UserId,
        channel: ChannelId,
        mut message: Message,
    ) -> CoreResult<Sent> {
        let own = self.participant(channel, from)?;
        // What they do is told as what they say.
        if own.as_ref().is_some_and(Participant::is_anonymous) {
            message.sent_as = Some(channel.into());
        }
        self.hold_media(&message, 1)?;
        let mut found = self.channel_row(channel)?;
        // What tells of a message in a topic stands there too.
        if let Some(reply) = &message.reply
            && let (top, true) = self.thread_of_answer(channel, reply.to)?
        {
            (message.thread, message.in_topic) = (top, true);
        }
        let (id, reads_all) = (self.next_id(channel)?, !found.forum);
        if let Some(own) = own.as_ref().filter(|own| own.joined && reads_all) {
            self.read_by_writing(&found, own)?;
        }
        self.enter_thread(&found, id, &message)?;
        let pts = self.append(channel, BoxRow::Message(message.clone()))?;
        match own {
            Some(own) if reads_all => {
                self.put_participant(&mut found, &Participant { read_inbox: id, ..own })?;
            }
            Some(own) if own.joined => self.read_in_forum(channel, from, message.topic(), id)?,
            _ => {}
        }
        Ok(Sent { id, pts, message, repeated: false })
    }

    /// Fails for who may not write there now, with this beside the text.
    pub(crate) fn may_post_now(
        &self,
        from: UserId,
        channel: ChannelId,
        media: Option<&Media>,
    ) -> CoreResult<()> {
        self.may_show(from, channel.into(), media)?;
        let view = self.channel_view(from, channel)?;
        match &view.own {
            Some(own) => self.keep_pace(&view, own),
            None => Ok(()),
        }
    }

    /// Fails while slow mode keeps a member from writing.
    fn keep_pace(&self, view: &ChannelView, own: &Participant) -> CoreResult<()> {
        let pace = view.channel.slow_mode_s;
        // What comes in one command is one message, such as an album.
        if pace == 0 || own.is_admin() || own.wrote == 0 || self.has_changed_a_box() {
            return Ok(());
        }
        let left = own.wrote.saturating_add(pace).saturating_sub(self.now());
        let wait_s = u32::try_from(left).unwrap_or(0);
        if wait_s == 0 { Ok(()) } else { Err(CoreError::SlowMode { wait_s }) }
    }

    pub(super) fn put_origin(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        origin: &Origin,
    ) -> CoreResult<()> {
        self.put(Keyspace::CHANNELS, &id_key(channel, ENTRY_OF, id), origin)?;
        let key = row_key(channel, MESSAGE_OF, &origin.post);
        self.put_bytes(Keyspace::CHANNELS, &key, id.0.to_be_bytes().to_vec());
        Ok(())
    }

    fn origin(&self, channel: ChannelId, id: MessageId) -> CoreResult<Option<Origin>> {
        self.load(Keyspace::CHANNELS, &id_key(channel, ENTRY_OF, id))
    }

    /// The entry that brought a message; `None` for what the log has no entry of.
    pub(crate) fn entry_of_message(
        &self,
        channel: ChannelId,
        id: MessageId,
    ) -> CoreResult<Option<EntryRef>> {
        self.origin(channel, id)?.map(|origin| origin.post()).transpose()
    }

    /// Whether `owner` may change a message of a channel, and whether for ever.
    pub(crate) fn may_edit_in_channel(
        &self,
        owner: UserId,
        channel: ChannelId,
        message: &Message,
    ) -> CoreResult<bool> {
        let view = self.channel_view(owner, channel)?;
        if !view.is_member() && !view.is_guest() {
            return Err(CoreError::UnknownChannel);
        }
        let others = view.admin_rights().contains_all(AdminRights::EDIT_MESSAGES);
        if view.channel.broadcast {
            let posts = view.admin_rights().contains_all(AdminRights::POST_MESSAGES);
            if others || (posts && message.is_by(owner)) {
                return Ok(others);
            }
            return Err(CoreError::NotTheAuthor);
        }
        if message.is_by(owner) { Ok(false) } else { Err(CoreError::NotTheAuthor) }
    }

    /// Writes into the log what a message of a channel says from now on.
    pub(crate) fn log_edit(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<()> {
        // A service message is none of the log's.
        let Some(origin) = self.origin(channel, id)? else { return Ok(()) };
        let edit = LogEdit { target: origin.post()?, post: self.post_of(channel, message)? };
        let rights = self.log_rights(channel, owner)?.1;
        let may = if self.channel_row(channel)?.broadcast {
            let own = message.is_by(owner) && rights.has(glog::Rights::BROADCAST);
            own || rights.has(glog::Rights::EDIT)
        } else {
            // Who may not send something does not edit it in either.
            rights.has(edit.post.classes())
        };
        if !may {
            return Err(CoreError::RightMissing(Rights::SEND));
        }
        self.write_data(channel, owner, &DataBody::Edit(edit)).map(|_| ())
    }

    /// [`Core::message_at`], as the commands before this one leave it.
    pub(crate) fn message_at(
        &self,
        channel: ChannelId,
        at: (glog::Node16, u32, u64),
    ) -> CoreResult<Option<MessageId>> {
        let rows = self.scan_prefix(Keyspace::CHANNELS, &unhashed_key(channel, at), 1)?;
        Ok(rows.first().and_then(|(_, row)| message_in(row)))
    }
}
