//! Messages as logs have them, and what is read there as messages.

use std::collections::BTreeMap;

use glog::EntryRef;
use glog::body::{DataBody, Media as LogMedia, Post, SALT_BYTES};
use glog::cbor::{Blob, List, Text as LogText, decode, encode};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{ADDED_BYTES_MAX, message_in, message_of_key, too_long};
use crate::channels::copies::{CopyOf, LogCopy};
use crate::channels::rights;
use crate::chats::Rights;
use crate::decide::Decide;
use crate::federation::is_remote;
use crate::ids::{ChannelId, MessageId, PeerId, UserId};
use crate::media::{FileId, FileRecord, Media};
use crate::message::{Author, Forward, Message};
use crate::polls::LogPoll;
use crate::record::Record;
use crate::send::Body;
use crate::text::{Entity, EntityKind, TEXT_UNITS_MAX, Text};
use crate::{CoreError, CoreResult};

/// Parts of a text that are taken from another node.
const ENTITIES_READ_MAX: usize = 200;

/// Characters of a title that are taken from another node.
const TITLE_READ_MAX: usize = 128;

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
    pub(in crate::channels) top: Option<EntryRef>,
    /// The post that it is said to be the copy of.
    pub(in crate::channels) copy_of: Option<CopyOf>,
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

impl Decide<'_> {
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
    pub(in crate::channels) fn post_of(
        &mut self,
        channel: ChannelId,
        message: &Message,
    ) -> CoreResult<Post> {
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
}

/// The poll of a post, as the log has it.
#[cfg(test)]
pub(crate) fn poll_in_log(post: &Post) -> Option<LogPoll> {
    Descriptor::decode(&post.media.first()?.descriptor).unwrap().poll
}

#[cfg(test)]
impl crate::Core {
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
