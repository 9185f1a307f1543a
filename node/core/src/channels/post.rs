//! Messages in channels: one for all who are there.

use std::collections::BTreeMap;

use glog::EntryRef;
use glog::body::{
    DataBody, Delete, Edit as LogEdit, Media as LogMedia, Member, Pin, Post, SALT_BYTES, Unpin,
};
use glog::cbor::{Blob, List, Text as LogText, decode, encode};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::copies::{CopyOf, LogCopy};
use super::{
    AdminAction, AdminRights, ChannelView, ENTRY_OF, MESSAGE_OF, Participant, rights, row_key,
};
use crate::chats::Rights;
use crate::decide::Decide;
use crate::federation::is_remote;
use crate::ids::{Actor, ChannelId, MessageId, PeerId, Pts, UserId};
use crate::media::{FileId, FileRecord, Media};
use crate::message::{Action, Author, BoxRow, Forward, Message, Reply};
use crate::polls::LogPoll;
use crate::record::Record;
use crate::send::{Affected, Body, OwnEvents, PINNED_MAX, PinHow, Sent};
use crate::text::{Entity, EntityKind, TEXT_UNITS_MAX, Text};
use crate::{Core, CoreError, CoreResult};

/// Messages that one command deletes.
const DELETE_AT_ONCE: usize = 100;

/// What comes to a message on its way into a log, its copy in a discussion included: seal, salt and
/// padding, names of who wrote it and of whom it comes from, entries that it refers to.
pub(crate) const ADDED_BYTES_MAX: usize = 2048;

/// Pins that one entry ends.
const UNPIN_AT_ONCE: usize = 32;

/// Rows that are read in one go.
const ROWS_AT_ONCE: usize = 1000;

/// Parts of a text that are taken from another node.
const ENTITIES_READ_MAX: usize = 200;

/// Characters of a title that are taken from another node.
const TITLE_READ_MAX: usize = 128;

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

/// What a log keeps of a message beside its words.
#[derive(Clone, Serialize, Deserialize)]
struct Extra {
    entities: Vec<Entity>,
    silent: bool,
    forward: Option<Forward>,
    grouped_id: i64,
    invert_media: bool,
    noforwards: bool,
    post_author: Option<String>,
    /// The entry with which the thread begins that it stands in: what it answers may be gone when
    /// somebody reads this.
    top: Option<Vec<u8>>,
    /// The group or channel in whose name it is written, by its name in logs.
    sent_as: Option<[u8; 32]>,
    /// Whom the numbers of people stand for that are not of the writer's node: number, node, number
    /// there.
    people: Vec<(i64, [u8; 16], u64)>,
    /// What the numbers of channels stand for: number, name in logs, title.
    groups: Vec<(i64, [u8; 32], String)>,
    /// Of the copy of a channel's post, which is written in that channel's name: the entry of the post,
    /// and of an album the copy under which it is discussed, if that is another one.
    copy_of: Option<LogCopy>,
    /// What the numbers of custom emoji stand for that are not of the writer's node: number, node, number
    /// there.
    emoji: Vec<(i64, [u8; 16], i64)>,
}

/// Version 3 of [`Extra`].
type ExtraV3 = (
    Vec<Entity>,
    bool,
    Option<Forward>,
    i64,
    bool,
    bool,
    Option<String>,
    Option<Vec<u8>>,
    Option<[u8; 32]>,
    Vec<(i64, [u8; 16], u64)>,
    Vec<(i64, [u8; 32], String)>,
);

/// Version 2 of [`Extra`].
type ExtraV2 = (
    Vec<Entity>,
    bool,
    Option<Forward>,
    i64,
    bool,
    bool,
    Option<String>,
    Option<Vec<u8>>,
    Option<[u8; 32]>,
);

impl Record for Extra {
    const VERSION: u8 = 4;
    const NAME: &'static str = "more of a message";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        let mut named = (Vec::new(), Vec::new());
        let (entities, silent, forward, grouped_id, invert_media, noforwards, post_author, beside) =
            match version {
                1 => {
                    let (entities, silent, forward, grouped_id, invert, noforwards, author) =
                        postcard::from_bytes(fields).ok()?;
                    (entities, silent, forward, grouped_id, invert, noforwards, author, None)
                }
                2 => {
                    let old: ExtraV2 = postcard::from_bytes(fields).ok()?;
                    let beside = Some((old.7, old.8));
                    (old.0, old.1, old.2, old.3, old.4, old.5, old.6, beside)
                }
                3 => {
                    let old: ExtraV3 = postcard::from_bytes(fields).ok()?;
                    let beside = Some((old.7, old.8));
                    named = (old.9, old.10);
                    (old.0, old.1, old.2, old.3, old.4, old.5, old.6, beside)
                }
                _ => return None,
            };
        let (people, groups) = named;
        let (top, sent_as) = beside.unwrap_or_default();
        Some(Self {
            entities,
            silent,
            forward,
            grouped_id,
            invert_media,
            noforwards,
            post_author,
            top,
            sent_as,
            people,
            groups,
            copy_of: None,
            emoji: Vec::new(),
        })
    }
}

/// What a post of another node says, as this one shows it.
pub(crate) struct Read {
    /// Without its place in the box: date, thread and answer are the caller's.
    pub(crate) message: Message,
    /// The entry with which its thread begins.
    pub(super) top: Option<EntryRef>,
    /// The post that it is said to be the copy of.
    pub(super) copy_of: Option<CopyOf>,
    /// What it answers.
    pub(crate) reply_to: Option<EntryRef>,
    /// A file that came with it, not stored yet.
    pub(crate) file: Option<FileRecord>,
    /// A poll that it asks, not stored yet: the message shows that something came with it.
    pub(crate) poll: Option<LogPoll>,
}

/// What a log keeps of what comes with a message.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Descriptor {
    media: Media,
    file: Option<FileRecord>,
    poll: Option<LogPoll>,
    /// What the numbers of custom emoji in the poll stand for that are not of the writer's node: number,
    /// node, number there.
    emoji: Vec<(i64, [u8; 16], i64)>,
}

impl Record for Descriptor {
    const VERSION: u8 = 3;
    const NAME: &'static str = "media in a log";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        let (media, file, poll) = match version {
            // Before polls.
            1 => {
                let (media, file) = postcard::from_bytes(fields).ok()?;
                (media, file, None)
            }
            2 => postcard::from_bytes(fields).ok()?,
            _ => return None,
        };
        Some(Self { media, file, poll, emoji: Vec::new() })
    }
}

/// As much of a name as is taken from another node.
fn clip(name: &str) -> String {
    name.chars().take(TITLE_READ_MAX).collect()
}

/// The beginning of a text, at most so many UTF-16 units long.
fn utf16_prefix(text: &str, units_max: usize) -> &str {
    let mut units = 0;
    let fits = |(_, c): &(usize, char)| {
        units += c.len_utf16();
        units <= units_max
    };
    let end = text.char_indices().take_while(fits).last().map_or(0, |(at, c)| at + c.len_utf8());
    text.get(..end).unwrap_or_default()
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
    /// Removes messages of a channel, from everybody. Ids that are not there are passed over.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`], [`CoreError::AdminRightMissing`] for what others wrote.
    pub async fn delete_in_channel(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        ids: Vec<MessageId>,
    ) -> CoreResult<Affected> {
        let mut affected = None;
        for some in ids.chunks(DELETE_AT_ONCE) {
            let some = some.to_vec();
            let more = self
                .write(Some(actor), move |decide| decide.delete_in_channel(owner, channel, some))
                .await?;
            let before = affected.map_or(0, |affected: Affected| affected.pts_count);
            affected = Some(Affected { pts_count: before + more.pts_count, ..more });
        }
        match affected {
            Some(affected) => Ok(affected),
            None => {
                let pts = self.channel_state(channel)?;
                Ok(Affected { pts, pts_count: 0 })
            }
        }
    }
}

/// The poll of a post, as the log has it.
#[cfg(test)]
pub(crate) fn poll_in_log(post: &Post) -> Option<LogPoll> {
    Descriptor::decode(&post.media.first()?.descriptor).unwrap().poll
}

#[cfg(test)]
impl Core {
    /// A node that writes a poll with so many answers into a log, and in its question a number of
    /// somebody.
    pub(crate) async fn ask_nonsense(&self, channel: ChannelId, from: UserId, answers: u8) {
        let write = self.write(None, move |decide| {
            let bare = Message::new(channel.into(), from, false, 0, Text::none());
            let mut post = decide.post_answering(&bare, None, None)?;
            let text = Text::draft("yes", Vec::new()).map_err(too_long)?;
            let answers = (0..answers).map(|at| (text.clone(), vec![at]));
            let mut poll = LogPoll::bare(text.clone(), answers.collect());
            poll.question.entities.push(Entity {
                offset: 0,
                length: 3,
                kind: EntityKind::MentionName { user: UserId(1) },
            });
            let media = Media::Poll(crate::media::PollId(1));
            let class = rights::denied(decide.right_for(&media)?);
            let (file, emoji) = (None, Vec::new());
            let descriptor = Descriptor { media, file, poll: Some(poll), emoji }.encode()?;
            post.media = List::new(vec![LogMedia {
                class,
                descriptor: Blob::new(descriptor).map_err(too_long)?,
            }])
            .map_err(too_long)?;
            decide.write_data(channel, from, &DataBody::Post(post)).map(|_| ())
        });
        write.await.unwrap();
    }
}

/// What a log says of a message beside its words: with which entry its thread begins, and in whose
/// name it is written.
#[cfg(test)]
pub(crate) fn said_beside(post: &Post) -> (Option<EntryRef>, Option<[u8; 32]>) {
    let extra = Extra::decode(&post.extra).unwrap();
    (extra.top.map(|top| decode(&top).unwrap()), extra.sent_as)
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

    /// Fails for what one entry of a channel's log cannot hold, or the log would not let stand: asked of
    /// all that one command writes before the first of it changes a box.
    pub(crate) fn fits_log(
        &mut self,
        from: UserId,
        channel: ChannelId,
        body: &Body,
    ) -> CoreResult<()> {
        let broadcast = self.channel_row(channel)?.broadcast;
        let message = Message {
            forward: body.forward.clone(),
            media: body.media.clone(),
            ..Message::new(channel.into(), from, true, self.now(), body.text.clone())
        };
        let post = self.post_of(channel, &message)?;
        let needed = if broadcast { glog::Rights::BROADCAST } else { post.classes() };
        if !self.log_rights(channel, from)?.1.has(needed) {
            return Err(CoreError::RightMissing(Rights::SEND));
        }
        // What most people write is far from the bound.
        if message.media.is_none() && message.text_bytes() < glog::DATA_BODY_BYTES_MAX / 4 {
            return Ok(());
        }
        let bytes = DataBody::Post(post).encode(&[0; SALT_BYTES]).len();
        if bytes + ADDED_BYTES_MAX > glog::DATA_BODY_BYTES_MAX {
            return Err(too_long(()));
        }
        Ok(())
    }

    /// A message as the log of a channel has it.
    pub(super) fn post_of(&mut self, channel: ChannelId, message: &Message) -> CoreResult<Post> {
        let reply_to = match &message.reply {
            Some(reply) => {
                self.origin(channel, reply.to)?.map(|origin| origin.post()).transpose()?
            }
            None => None,
        };
        let top = message.thread.map(|top| self.entry_of_thread(channel, top)).transpose()?;
        self.post_answering(message, reply_to, top.flatten())
    }

    /// A message as any log has it, with the entries of what it answers and of what its thread begins
    /// with.
    pub(crate) fn post_answering(
        &mut self,
        message: &Message,
        reply_to: Option<EntryRef>,
        top: Option<EntryRef>,
    ) -> CoreResult<Post> {
        let mut media = Vec::new();
        // The right is for previews, as clients have it: a link is text.
        let mut links = false;
        match &message.media {
            None => {}
            // It follows from the link, which each node looks at by itself.
            Some(Media::WebPage { .. }) => links = true,
            Some(shown) => {
                let file = shown.file().map(|file| self.file(file)).transpose()?.flatten();
                let poll = match shown {
                    Media::Poll(poll) => self.stored_poll(*poll)?.map(|poll| poll.to_log()),
                    _ => None,
                };
                let texts = poll.iter().flat_map(LogPoll::texts);
                let emoji = self.emoji_in_texts(texts)?;
                let descriptor = Descriptor { media: shown.clone(), file, poll, emoji }.encode()?;
                media.push(LogMedia {
                    class: rights::denied(self.right_for(shown)?),
                    descriptor: Blob::new(descriptor).map_err(too_long)?,
                });
            }
        }
        let sent_as = match message.sent_as.and_then(PeerId::channel) {
            Some(group) => Some(self.name_of_log(group)?),
            None => None,
        };
        let extra = Extra {
            entities: message.entities.clone(),
            silent: message.silent,
            forward: message.forward.clone(),
            grouped_id: message.grouped_id,
            invert_media: message.invert_media,
            noforwards: message.noforwards,
            post_author: message.post_author.clone(),
            top: top.map(|top| encode(&top)),
            sent_as,
            people: self.people_in(message)?,
            groups: self.groups_in(message)?,
            copy_of: self.copy_in_log(message)?,
            emoji: self.emoji_in(message)?,
        };
        Ok(Post {
            text: LogText::new(message.text.as_str()).map_err(too_long)?,
            links,
            media: List::new(media).map_err(too_long)?,
            reply_to,
            extra: Blob::new(extra.encode()?).map_err(too_long)?,
        })
    }

    /// Whom numbers in a message stand for that other nodes do not know as those of this one.
    fn people_in(&self, message: &Message) -> CoreResult<Vec<(i64, [u8; 16], u64)>> {
        let named = message.entities.iter().filter_map(|entity| match entity.kind {
            EntityKind::MentionName { user } => Some(user),
            _ => None,
        });
        let first = message.forward.as_ref().and_then(|forward| forward.from.user());
        let shown = match &message.media {
            Some(Media::Contact { user, .. }) => *user,
            _ => None,
        };
        let mut users: Vec<UserId> = named.chain(first).chain(shown).collect();
        users.sort_unstable();
        users.dedup();
        let mut people = Vec::new();
        for user in users.into_iter().filter(|user| is_remote(*user)) {
            let person = self.user_ref(user)?;
            people.push((user.0, person.node.0, person.id));
        }
        Ok(people)
    }

    /// The channel that a message was forwarded from, as other nodes know it.
    fn groups_in(&mut self, message: &Message) -> CoreResult<Vec<(i64, [u8; 32], String)>> {
        let Some(Forward { from: Author::Channel { channel, .. }, .. }) = message.forward else {
            return Ok(Vec::new());
        };
        let title = self.channel_row(channel)?.title;
        Ok(vec![(channel.0, self.name_of_log(channel)?, title)])
    }

    /// Custom emoji of a node's message, by their numbers there, as this node numbers them.
    fn emoji_of(
        &mut self,
        node: glog::Node16,
        extra: Option<&Extra>,
    ) -> CoreResult<BTreeMap<i64, FileId>> {
        let mut emoji = BTreeMap::new();
        let Some(extra) = extra else { return Ok(emoji) };
        for entity in extra.entities.iter().take(ENTITIES_READ_MAX) {
            let EntityKind::CustomEmoji { document_id } = entity.kind else { continue };
            let known = extra.emoji.iter().find(|(number, ..)| *number == document_id);
            let (node, number) =
                known.map_or((node, document_id), |(_, node, id)| (glog::Node16(*node), *id));
            emoji.insert(document_id, self.emoji_named(node, number)?);
        }
        Ok(emoji)
    }

    /// Gives the custom emoji in a poll of a node the numbers that this one has for them.
    fn name_emoji_of(
        &mut self,
        node: glog::Node16,
        poll: &mut LogPoll,
        table: &[(i64, [u8; 16], i64)],
    ) -> CoreResult<()> {
        let mut left = ENTITIES_READ_MAX;
        for text in poll.texts_mut() {
            text.entities.truncate(left);
            left -= text.entities.len();
            for entity in &mut text.entities {
                let EntityKind::CustomEmoji { document_id } = &mut entity.kind else { continue };
                let known = table.iter().find(|(number, ..)| number == document_id);
                let (node, number) =
                    known.map_or((node, *document_id), |(_, node, id)| (glog::Node16(*node), *id));
                *document_id = self.emoji_named(node, number)?.0;
            }
        }
        Ok(())
    }

    /// What a post of another node says. Nothing of it is trusted: what cannot be shown is left out.
    pub(crate) fn read_post(
        &mut self,
        peer: PeerId,
        by: glog::UserRef,
        post: &Post,
    ) -> CoreResult<Read> {
        let extra = Extra::decode(&post.extra).ok();
        let from = self.account_of(by)?;
        let emoji = self.emoji_of(by.node, extra.as_ref())?;
        let table = extra.as_ref().map_or(&[][..], |extra| &extra.people);
        let mut person = |user: UserId| {
            let known = table.iter().find(|(number, ..)| *number == user.0);
            let id = user.0.unsigned_abs();
            let named = match known {
                Some((_, node, id)) => glog::UserRef { node: glog::Node16(*node), id: *id },
                None => glog::UserRef { node: by.node, id },
            };
            self.account_named(named)
        };
        let mut entities = Vec::new();
        for entity in extra.iter().flat_map(|extra| &extra.entities).take(ENTITIES_READ_MAX) {
            let kind = match entity.kind.clone() {
                EntityKind::MentionName { user } => match person(user)? {
                    Some(user) => EntityKind::MentionName { user },
                    None => continue,
                },
                EntityKind::CustomEmoji { document_id } => match emoji.get(&document_id) {
                    Some(here) => EntityKind::CustomEmoji { document_id: here.0 },
                    None => continue,
                },
                kind => kind,
            };
            entities.push(Entity { kind, ..entity.clone() });
        }
        let forward = extra.as_ref().and_then(|extra| extra.forward.clone());
        let forward = match forward {
            Some(Forward { from: Author::User(user), date, .. }) => {
                let first = person(user)?.map(Author::User);
                let from = first.unwrap_or_else(|| Author::Name("?".to_owned()));
                Some(Forward { from, date, saved_from: None })
            }
            Some(Forward { from: Author::Channel { channel, signed, .. }, date, .. }) => {
                let groups = extra.as_ref().map_or(&[][..], |extra| &extra.groups);
                let named = groups.iter().find(|(number, ..)| *number == channel.0);
                let known = named.map(|(_, group, _)| self.channel_of(glog::GroupId(*group)));
                let title = named.map(|(.., title)| title.chars().take(TITLE_READ_MAX).collect());
                let from = match known.transpose()?.flatten() {
                    Some(channel) => {
                        let signed = signed.as_deref().map(clip);
                        Author::Channel { channel, post: None, signed }
                    }
                    None => Author::Name(title.unwrap_or_default()),
                };
                Some(Forward { from, date, saved_from: None })
            }
            Some(Forward { from: Author::Name(name), date, .. }) => {
                Some(Forward { from: Author::Name(clip(&name)), date, saved_from: None })
            }
            None => None,
        };
        let forward = forward.map(|first| Forward { date: first.date.max(1), ..first });
        let said = utf16_prefix(&post.text, TEXT_UNITS_MAX);
        let text = Text::draft(said, entities).or_else(|_| Text::draft(said, Vec::new()));
        let text = text.unwrap_or_else(|_| Text::none());
        let descriptor = post.media.first().map(|media| Descriptor::decode(&media.descriptor));
        let (mut media, mut file, mut poll) = (None, None, None);
        match descriptor {
            None => {}
            // What is forwarded shares the votes of what another message has asked.
            Some(Ok(Descriptor { media: Media::Poll(_), poll: asked, emoji, .. })) => {
                media = Some(Media::Unsupported);
                poll = asked.filter(|_| forward.is_none());
                if let Some(asked) = &mut poll {
                    self.name_emoji_of(by.node, asked, &emoji)?;
                }
            }
            Some(Ok(Descriptor { media: shown, file: Some(record), .. }))
                if shown.file().is_some() =>
            {
                let number = FileId((self.rng.next_u64() >> 1).max(1) as i64);
                file = record.renamed(number, from);
                let shown = shown.with_file(number);
                media = Some(if file.is_some() { shown } else { Media::Unsupported });
            }
            Some(Ok(Descriptor { media: Media::Contact { .. }, .. })) | Some(Err(_)) => {
                media = Some(Media::Unsupported);
            }
            Some(Ok(Descriptor { media: shown, .. })) => {
                let is_whole = shown.file().is_none() && !matches!(shown, Media::WebPage { .. });
                media = Some(if is_whole { shown } else { Media::Unsupported });
            }
        }
        // A message that says nothing is shown as what it is: something that this node cannot read.
        if media.is_none() && text.text.trim().is_empty() {
            media = Some(Media::Unsupported);
        }
        let sent_as = match extra.as_ref().and_then(|extra| extra.sent_as) {
            Some(group) => self.channel_of(glog::GroupId(group))?.map(PeerId::from),
            None => None,
        };
        let top = extra.as_ref().and_then(|extra| extra.top.as_ref());
        let top = top.and_then(|top| decode(top).ok());
        let copy_of = extra.as_ref().and_then(|extra| {
            let (post, first) = extra.copy_of.as_ref()?;
            let first = first.as_ref().map(|first| decode(first).ok());
            Some(CopyOf {
                channel: extra.sent_as?,
                post: decode(post).ok()?,
                first: first.flatten(),
            })
        });
        let bare = Message::new(peer, from, false, 0, text);
        let message = Message {
            silent: extra.as_ref().is_some_and(|extra| extra.silent),
            forward,
            grouped_id: extra.as_ref().map_or(0, |extra| extra.grouped_id),
            invert_media: extra.as_ref().is_some_and(|extra| extra.invert_media),
            noforwards: extra.as_ref().is_some_and(|extra| extra.noforwards),
            post_author: extra.as_ref().and_then(|extra| extra.post_author.as_deref().map(clip)),
            media,
            sent_as,
            ..bare
        };
        Ok(Read { message, top, copy_of, reply_to: post.reply_to, file, poll })
    }

    /// The message that an entry brought.
    pub(crate) fn message_of_entry(
        &self,
        channel: ChannelId,
        at: &EntryRef,
    ) -> CoreResult<Option<MessageId>> {
        let row = self.get(Keyspace::CHANNELS, &message_of_key(channel, at))?;
        Ok(row.as_deref().and_then(message_in))
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

    pub(crate) fn delete_in_channel(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        mut ids: Vec<MessageId>,
    ) -> CoreResult<Affected> {
        let view = self.channel_view(owner, channel)?;
        if !view.is_member() && !view.is_guest() {
            return Err(CoreError::UnknownChannel);
        }
        let any = view.admin_rights().contains_all(AdminRights::DELETE_MESSAGES);
        let posts = view.admin_rights().contains_all(AdminRights::POST_MESSAGES);
        ids.sort_unstable();
        ids.dedup();
        let (mut going, mut targets) = (Vec::new(), Vec::new());
        for id in ids {
            let Some(message) = self.message(channel, id)? else { continue };
            // That goes with its topic.
            if matches!(message.action, Some(Action::TopicCreated { .. })) {
                continue;
            }
            let own = message.is_by(owner)
                && message.action.is_none()
                && (!view.channel.broadcast || posts);
            if !any && !own {
                return Err(CoreError::AdminRightMissing);
            }
            self.note(channel, owner, AdminAction::Deleted(id, message.clone()))?;
            targets.extend(self.forget_message(channel, id, &message)?);
            going.push(id);
        }
        if going.is_empty() {
            return Ok(Affected { pts: Pts(self.next_id(channel)?.0 - 1), pts_count: 0 });
        }
        for target in targets {
            self.write_data(channel, owner, &DataBody::Delete(Delete { target }))?;
        }
        let pts_count = i32::try_from(going.len()).unwrap_or(i32::MAX);
        let pts = self.remove(channel.into(), channel.into(), None, going)?;
        Ok(Affected { pts, pts_count })
    }

    /// Takes a message away in the log: whoever wrote it, or may delete what others wrote.
    pub(crate) fn delete_in_log(
        &mut self,
        channel: ChannelId,
        by: UserId,
        target: &EntryRef,
    ) -> CoreResult<()> {
        self.write_data(channel, by, &DataBody::Delete(Delete { target: *target })).map(|_| ())
    }

    /// A message goes by itself: whoever wrote it takes it away, which needs no right.
    pub(crate) fn expire_in_channel(
        &mut self,
        channel: ChannelId,
        id: MessageId,
    ) -> CoreResult<()> {
        let Some(message) = self.message(channel, id)?.filter(|m| m.ttl_period > 0) else {
            return Ok(());
        };
        let origin = self.forget_message(channel, id, &message)?;
        if let Some(target) = origin {
            let gone = DataBody::Delete(Delete { target });
            self.write_data(channel, message.from, &gone)?;
        }
        self.remove(channel.into(), channel.into(), None, vec![id]).map(|_| ())
    }

    /// What leads to a message goes; answers the entry that brought it.
    pub(super) fn forget_message(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<Option<EntryRef>> {
        let origin = self.origin(channel, id)?;
        if let Some(origin) = &origin {
            self.post_goes(channel, id, &origin.post()?)?;
            self.delete(Keyspace::CHANNELS, &row_key(channel, MESSAGE_OF, &origin.post));
            self.delete(Keyspace::CHANNELS, &id_key(channel, ENTRY_OF, id));
        }
        if let Some(origin) = &origin {
            self.keep_top(channel, id, &origin.post)?;
            self.forget_sums(channel, &origin.post)?;
        }
        self.forget_reactions_in_channel(channel, id, message)?;
        self.forget_views(channel, id, message)?;
        self.forget_heard(channel, id, message)?;
        self.forget_meant(channel, id, message)?;
        self.release_media([message])?;
        self.leave_thread(channel, id, message)?;
        self.forget_copy(channel, id, message)?;
        origin.map(|origin| origin.post()).transpose()
    }

    /// Whether `owner` may pin messages of a channel.
    fn may_pin_in_channel(&self, owner: UserId, channel: ChannelId) -> CoreResult<()> {
        let view = self.channel_view(owner, channel)?;
        if !view.is_member() {
            return Err(CoreError::UnknownChannel);
        }
        let as_member = view.may_as_member(Rights::PIN_MESSAGES);
        if as_member { Ok(()) } else { view.needs_admin(AdminRights::PIN_MESSAGES) }
    }

    /// Pins a message of a channel, or unpins it.
    pub(crate) fn pin_in_channel(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        id: MessageId,
        how: PinHow,
    ) -> CoreResult<OwnEvents> {
        self.may_pin_in_channel(owner, channel)?;
        let message = self.message(channel, id)?.filter(|message| message.action.is_none());
        let message = message.ok_or(CoreError::UnknownMessage)?;
        if message.pinned == how.pinned {
            return Ok(Vec::new());
        }
        if !how.pinned {
            return self.unpin_in_channel(owner, channel, &[id]);
        }
        let origin = self.origin(channel, id)?.ok_or(CoreError::UnknownMessage)?;
        let full = self.pinned(channel, channel.into())?.len() >= PINNED_MAX;
        let mut events =
            if full { self.unpin_oldest_copy(owner, channel)? } else { OwnEvents::new() };
        if full && events.is_empty() {
            return Err(CoreError::TooManyPinnedMessages);
        }
        let pin = DataBody::Pin(Pin { target: origin.post()? });
        let at = self.write_data(channel, owner, &pin)?;
        self.put_origin(channel, id, &Origin { pin: Some(encode(&at)), ..origin })?;
        let message = Message { pinned: true, ..message };
        self.rewrite(channel, id, &message)?;
        self.note(channel, owner, AdminAction::Pinned(id, message))?;
        let peer = PeerId::from(channel);
        let row = BoxRow::Pinned { peer, ids: vec![id], pinned: true };
        events.push((self.append(channel, row.clone())?, row));
        let service = Message {
            action: Some(Action::Pin),
            reply: Some(Reply { to: id, quote: None }),
            silent: how.silent,
            ..Message::service(peer, owner, false, self.now())
        };
        let said = self.place_service(owner, channel, service)?;
        events.push((said.pts, BoxRow::Message(said.message)));
        Ok(events)
    }

    pub(super) fn unpin_in_channel(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        ids: &[MessageId],
    ) -> CoreResult<OwnEvents> {
        let (mut unpinned, mut pins) = (Vec::new(), Vec::new());
        for id in ids {
            let Some(message) = self.message(channel, *id)?.filter(|m| m.pinned) else { continue };
            if let Some(origin) = self.origin(channel, *id)? {
                let known = self.pins_in_log(channel, &origin.post()?)?;
                if let (Some(pin), true) = (&origin.pin, known.is_empty()) {
                    pins.push(decode(pin).map_err(|_| CoreError::Damaged(Origin::NAME))?);
                }
                pins.extend(known);
                self.put_origin(channel, *id, &Origin { pin: None, ..origin })?;
            }
            let message = Message { pinned: false, ..message };
            self.rewrite(channel, *id, &message)?;
            self.note(channel, owner, AdminAction::Pinned(*id, message))?;
            unpinned.push(*id);
        }
        if unpinned.is_empty() {
            return Ok(Vec::new());
        }
        unpinned.sort_unstable();
        let pins = List::new(pins).map_err(too_long)?;
        self.write_data(channel, owner, &DataBody::Unpin(Unpin { pins }))?;
        let row = BoxRow::Pinned { peer: channel.into(), ids: unpinned, pinned: false };
        Ok(vec![(self.append(channel, row.clone())?, row)])
    }

    /// Unpins some of a channel's messages, or of those in a thread; and how many are left.
    pub(crate) fn unpin_all_in_channel(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        thread: Option<MessageId>,
    ) -> CoreResult<(Affected, usize)> {
        self.may_pin_in_channel(owner, channel)?;
        let mut all = self.pinned(channel, channel.into())?;
        if let Some(thread) = thread {
            all = self.in_thread(channel, all, thread)?;
        }
        let some: Vec<MessageId> = all.iter().take(UNPIN_AT_ONCE).copied().collect();
        let events = self.unpin_in_channel(owner, channel, &some)?;
        let affected = match events.last() {
            Some((pts, row)) => Affected { pts: *pts, pts_count: row.pts_count() },
            None => Affected { pts: Pts(self.next_id(channel)?.0 - 1), pts_count: 0 },
        };
        Ok((affected, all.len() - some.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the version before copies named their posts wrote it.
    #[test]
    fn the_third_version_of_what_stands_beside_a_message_is_read() {
        let people = vec![(5_i64, [1_u8; 16], 7_u64)];
        let groups = vec![(6_i64, [2_u8; 32], "Harbour".to_owned())];
        let old: ExtraV3 = (
            Vec::new(),
            true,
            None,
            9,
            false,
            true,
            Some("Ada".to_owned()),
            Some(vec![3]),
            Some([4; 32]),
            people.clone(),
            groups.clone(),
        );
        let row = [&[3][..], &postcard::to_allocvec(&old).unwrap()].concat();
        let read = Extra::decode(&row).unwrap();
        assert_eq!((read.people, read.groups), (people, groups));
        assert_eq!((read.top, read.sent_as), (Some(vec![3]), Some([4; 32])));
        assert!(read.silent && read.noforwards && read.grouped_id == 9);
        assert!(read.copy_of.is_none() && read.emoji.is_empty());
    }

    /// As the versions before polls, and before emoji in them, wrote it.
    #[test]
    fn earlier_versions_of_what_comes_with_a_message_are_read() {
        let text = Text::draft("Which?", Vec::new()).unwrap();
        let poll = LogPoll::bare(text.clone(), vec![(text, vec![0])]);
        let (media, file) = (Media::Poll(crate::media::PollId(7)), None::<FileRecord>);
        let first = postcard::to_allocvec(&(media.clone(), file.clone())).unwrap();
        let second = postcard::to_allocvec(&(media.clone(), file, Some(poll.clone()))).unwrap();
        for (version, fields, asked) in [(1, first, None), (2, second, Some(poll))] {
            let read = Descriptor::decode(&[&[version][..], &fields].concat()).unwrap();
            assert_eq!((read.media, read.poll), (media.clone(), asked));
            assert!(read.file.is_none() && read.emoji.is_empty());
        }
    }
}
