//! Messages to people and to basic groups: sending, editing, deleting, reading.
//!
//! A private message lies in both boxes, once each, and each copy names its twin. With the row that
//! makes its `random_id` unique for ever, that is three keys; one fewer in saved messages. One to
//! somebody of another node lies in the writer's box and in the log that brings it there. One to a
//! group lies in the box of each member, and one row says where: see [`crate::chats`].

mod change;
mod contents;
mod group;
mod media;
mod pin;
mod service;

pub use change::{Affected, Edit, Edited};
pub use media::{LiveStep, OutgoingFile, OutgoingMedia};
pub(crate) use pin::PINNED_MAX;
pub use pin::{OwnEvents, PinHow};
pub(crate) use service::OWNER_HELP;

use node_store::Keyspace;

use crate::channels::GENERAL_TOPIC;
use crate::chats::CHAT_MEMBERS_MAX;
use crate::decide::Decide;
use crate::federation::is_remote;
use crate::ids::{Actor, BoxId, MessageId, PeerId, Pts, Talk, UserId, pair_key};
use crate::limits::Limit;
use crate::media::Media;
use crate::message::{Author, BoxRow, Forward, Message, Quote, RandomId, Reply};
use crate::privacy::{PrivacyKey, What};
use crate::text::{Entity, EntityKind, Text, utf16_len};
use crate::user::Role;
use crate::{Core, CoreError, CoreResult};

/// Messages that one command forwards: as many of the largest ones as a batch has room for.
const FORWARD_AT_ONCE: usize = 20;

/// The same to a group, where each is as many copies as there are members.
const FORWARD_TO_CHAT_AT_ONCE: usize = 2;

/// Bytes of texts, with all copies, that one command sends to a group: a third of a batch.
const COPIES_BYTES_MAX: usize = node_store::BATCH_BYTES_MAX / 3;

/// What is to be sent.
#[derive(Clone)]
pub struct Outgoing {
    /// To whom.
    pub to: PeerId,
    /// The text.
    pub text: Text,
    /// Without a sound.
    pub silent: bool,
    /// What it answers: a message in the sender's box.
    pub reply: Option<(MessageId, Option<QuoteRequest>)>,
    /// Names the message for ever: sent again, it is the same message.
    pub random_id: i64,
    /// It was the draft of its dialog, which is done.
    pub clear_draft: bool,
    /// What comes with the text.
    pub media: Option<OutgoingMedia>,
    /// The text stands above the media.
    pub invert_media: bool,
    /// Messages with the same number are one album; 0: it is in none.
    pub grouped_id: i64,
    /// It may not be forwarded or saved.
    pub noforwards: bool,
    /// In a supergroup: in whose name; `None`: as the sender chose before.
    pub send_as: Option<PeerId>,
}

/// A part of a message that is to be quoted.
#[derive(Clone)]
pub struct QuoteRequest {
    /// The part itself.
    pub text: String,
    /// Formatting of the part.
    pub entities: Vec<Entity>,
    /// Where the client found it, in UTF-16 units: the nearest place where it stands is taken.
    pub offset: i32,
}

/// A message that lies in the sender's box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its id, and the pts of the event.
    pub id: MessageId,
    /// The box's pts that the event counts up to.
    pub pts: Pts,
    /// The message.
    pub message: Message,
    /// It was there already.
    pub repeated: bool,
}

/// A message without the places that depend on the box.
pub(crate) struct Body {
    pub(crate) text: Text,
    pub(crate) silent: bool,
    pub(crate) reply: Option<(MessageId, Option<Quote>)>,
    pub(crate) forward: Option<Forward>,
    /// 0 where none was given: a message that comes again.
    pub(crate) random_id: i64,
    pub(crate) fingerprint: u64,
    /// It was written earlier.
    pub(crate) scheduled: bool,
    pub(crate) media: Option<Media>,
    pub(crate) invert_media: bool,
    pub(crate) grouped_id: i64,
    pub(crate) noforwards: bool,
    pub(crate) send_as: Option<PeerId>,
    /// Somebody has to listen to it, or to look at it.
    pub(crate) unread_media: bool,
}

impl Outgoing {
    /// A text, with nothing special about it.
    #[must_use]
    pub fn text(to: PeerId, text: Text, random_id: i64) -> Self {
        Self {
            to,
            text,
            silent: false,
            reply: None,
            random_id,
            clear_draft: false,
            media: None,
            invert_media: false,
            grouped_id: 0,
            noforwards: false,
            send_as: None,
        }
    }

    /// Bytes of its texts and their formatting, roughly.
    fn text_bytes(&self) -> usize {
        let quote = self.reply.as_ref().and_then(|(_, quote)| quote.as_ref());
        let quote = quote.map_or(0, |quote| bytes_of(&quote.text, &quote.entities));
        bytes_of(&self.text.text, &self.text.entities) + quote
    }

    /// What tells it from another message under the same `random_id`.
    pub(crate) fn fingerprint(&self) -> u64 {
        let reply = self.reply.as_ref().map_or(0, |(id, _)| id.0).to_be_bytes();
        let (to, text) = (self.to.bytes(), self.text.text.as_bytes());
        match &self.media {
            // As it was before there were media.
            None => fingerprint(&[&to, text, &reply]),
            Some(media) => fingerprint(&[&to, text, &reply, &media.fingerprint]),
        }
    }
}

impl Core {
    /// Sends a message.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`], [`CoreError::UnknownMessage`] for what it answers,
    /// [`CoreError::QuoteInvalid`], [`CoreError::RandomIdDuplicate`], [`CoreError::Flood`].
    pub async fn send(&self, actor: Actor, from: UserId, message: Outgoing) -> CoreResult<Sent> {
        self.join_to_comment(from, message.to).await?;
        self.write(Some(actor), move |decide| {
            let known = decide.sent_before(from, message.random_id, message.fingerprint())?;
            if let Some(sent) = known {
                return Ok(sent);
            }
            let (to, clear_draft) = (message.to, message.clear_draft);
            let body = decide.body(from, message)?;
            decide.may_write(from, to)?;
            decide.may_send(from, to, &body)?;
            if clear_draft {
                let talk = decide.talk(to, &body)?;
                decide.save_draft(from, talk, None)?;
            }
            decide.send(from, to, body)
        })
        .await
    }

    /// The message that a `random_id` stands for already: what comes with it need not be looked at
    /// again.
    ///
    /// # Errors
    /// [`CoreError::RandomIdDuplicate`].
    pub async fn sent(&self, from: UserId, message: &Outgoing) -> CoreResult<Option<Sent>> {
        let (random_id, fingerprint) = (message.random_id, message.fingerprint());
        self.write(None, move |decide| decide.sent_before(from, random_id, fingerprint)).await
    }

    /// Sends an album: all of its messages or none, but for long texts to a group, which are too
    /// much for one batch: repeated, they are the same messages.
    ///
    /// # Errors
    /// Those of [`Core::send`].
    pub async fn send_album(
        &self,
        actor: Actor,
        from: UserId,
        messages: Vec<Outgoing>,
    ) -> CoreResult<Vec<Sent>> {
        if let Some(first) = messages.first() {
            self.join_to_comment(from, first.to).await?;
        }
        let to_chat = messages.first().is_some_and(|message| message.to.chat().is_some());
        let bytes: usize = messages.iter().map(Outgoing::text_bytes).sum();
        if to_chat && messages.len() > 1 && bytes * CHAT_MEMBERS_MAX > COPIES_BYTES_MAX {
            let mut sent = Vec::with_capacity(messages.len());
            for message in messages {
                sent.push(self.send(actor, from, message).await?);
            }
            return Ok(sent);
        }
        self.write(Some(actor), move |decide| {
            let mut bodies = Vec::with_capacity(messages.len());
            for message in messages {
                let (to, clear_draft) = (message.to, message.clear_draft);
                let (random_id, fingerprint) = (message.random_id, message.fingerprint());
                bodies.push((
                    to,
                    clear_draft,
                    match decide.sent_before(from, random_id, fingerprint)? {
                        Some(sent) => Err(sent),
                        None => Ok(decide.body(from, message)?),
                    },
                ));
            }
            for (to, _, body) in &bodies {
                if let Ok(body) = body {
                    decide.may_write(from, *to)?;
                    decide.may_send(from, *to, body)?;
                }
            }
            if let Some((to, true, body)) = bodies.first() {
                let talk = body.as_ref().map_or(Ok((*to).into()), |body| decide.talk(*to, body))?;
                decide.save_draft(from, talk, None)?;
            }
            bodies
                .into_iter()
                .map(|(to, _, body)| match body {
                    Ok(body) => decide.send(from, to, body),
                    Err(sent) => Ok(sent),
                })
                .collect()
        })
        .await
    }

    /// Forwards messages of one dialog, in their order; each comes with its `random_id`. Of a long
    /// list some may be sent when an error comes: repeated, they are the same messages.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`], and those of [`Core::send`].
    pub async fn forward(
        &self,
        actor: Actor,
        from: UserId,
        source: PeerId,
        to: PeerId,
        ids: Vec<(MessageId, i64)>,
        how: ForwardHow,
    ) -> CoreResult<Vec<Sent>> {
        let mut random_ids: Vec<i64> = ids.iter().map(|(_, random_id)| *random_id).collect();
        random_ids.sort_unstable();
        if random_ids.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(CoreError::RandomIdDuplicate);
        }
        self.join_to_comment(from, to).await?;
        let mut sent = Vec::with_capacity(ids.len());
        let call = ids.first().map_or(0, |(_, random_id)| *random_id);
        let at_once = if to.chat().is_some() { FORWARD_TO_CHAT_AT_ONCE } else { FORWARD_AT_ONCE };
        for some in ids.chunks(at_once) {
            let some = some.to_vec();
            let command =
                move |decide: &mut Decide<'_>| decide.forward(from, source, to, some, (how, call));
            sent.extend(self.write(Some(actor), command).await?);
        }
        Ok(sent)
    }
}

/// How messages are forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ForwardHow {
    /// Without a sound.
    pub silent: bool,
    /// Without saying where they come from.
    pub drop_author: bool,
    /// Without the texts of media.
    pub drop_captions: bool,
    /// They may not be forwarded or saved.
    pub noforwards: bool,
    /// In a supergroup: in whose name; `None`: as the sender chose before.
    pub send_as: Option<PeerId>,
    /// In a forum: into which topic; `None`: the general one.
    pub topic: Option<MessageId>,
}

fn forwarded(
    from: UserId,
    original: Message,
    author: Author,
    (id, random_id): (MessageId, i64),
    to: PeerId,
    (how, call): (ForwardHow, i64),
    fingerprint: u64,
) -> Body {
    let own_note = original.forward.is_none() && original.peer == PeerId::User(from);
    let first = original.forward.as_ref();
    let saved_from = match first {
        _ if to != PeerId::User(from) => None,
        // Saved once more, it stays where it is filed.
        Some(first) if original.peer == to => first.saved_from,
        // Who wants no link gets none to the dialog either.
        None if matches!(author, Author::Name(_)) => None,
        _ => Some((original.peer, id)),
    };
    let forward = Forward {
        from: author,
        date: first.map_or(original.date, |forward| forward.date),
        saved_from,
    };
    let drops = how.drop_captions && original.media.as_ref().is_some_and(Media::has_caption);
    let text = Text { text: original.text, entities: original.entities };
    Body {
        text: if drops { Text::none() } else { text },
        silent: how.silent,
        reply: how.topic.map(|topic| (topic, None)),
        // One's own note from the saved messages goes out as if it were written anew.
        forward: (!how.drop_author && !own_note).then_some(forward),
        random_id,
        fingerprint,
        scheduled: false,
        media: original.media,
        invert_media: original.invert_media,
        grouped_id: album_of_forward(original.grouped_id, from, call),
        noforwards: how.noforwards,
        send_as: how.send_as,
        unread_media: false,
    }
}

/// What the forwarded pictures of an album are grouped by: an album anew, else two forwards of it
/// into one dialog would show as one. A repeated call has the same.
fn album_of_forward(original: i64, from: UserId, call: i64) -> i64 {
    if original == 0 {
        return 0;
    }
    let parts = [original.to_be_bytes(), from.bytes(), call.to_be_bytes()];
    let hash = fingerprint(&[b"album", &parts.concat()]);
    // Not 0, which is none.
    (hash | 1).cast_signed()
}

impl Decide<'_> {
    /// Checks a message that is to be sent.
    pub(crate) fn body(&mut self, from: UserId, message: Outgoing) -> CoreResult<Body> {
        let fingerprint = message.fingerprint();
        let reply = match message.reply {
            // That is how some clients name the general topic.
            Some((GENERAL_TOPIC, None)) if message.to.channel().is_some() => None,
            None => None,
            Some((to, quote)) => Some(self.reply(from, message.to, to, quote)?),
        };
        let media = message.media.map(|media| self.outgoing_media(from, media)).transpose()?;
        self.place_poll(media.as_ref(), message.to)?;
        if media.is_none() && message.text.text.is_empty() {
            return Err(crate::TextError::Empty.into());
        }
        let unread_media = media.as_ref().map_or(Ok(false), |media| self.has_to_be_heard(media))?;
        Ok(Body {
            text: message.text,
            silent: message.silent,
            reply,
            forward: None,
            random_id: message.random_id,
            fingerprint,
            scheduled: false,
            media,
            invert_media: message.invert_media,
            grouped_id: message.grouped_id,
            noforwards: message.noforwards,
            send_as: message.send_as,
            unread_media,
        })
    }

    fn forward(
        &mut self,
        from: UserId,
        source: PeerId,
        to: PeerId,
        ids: Vec<(MessageId, i64)>,
        how: (ForwardHow, i64),
    ) -> CoreResult<Vec<Sent>> {
        let named: Vec<MessageId> = ids.iter().map(|(id, _)| *id).collect();
        let bodies = self.forwarded_bodies(from, source, to, ids, how)?;
        for (at, body) in bodies.iter().filter_map(|body| body.as_ref().ok()).enumerate() {
            if at == 0 {
                self.may_write(from, to)?;
            }
            self.may_send(from, to, body)?;
        }
        if let PeerId::Channel(channel) = source {
            let new = named.iter().zip(&bodies).filter(|(_, body)| body.is_ok());
            self.count_forwards(channel, &new.map(|(id, _)| *id).collect::<Vec<_>>())?;
        }
        bodies
            .into_iter()
            .map(|body| match body {
                Ok(body) => self.send(from, to, body),
                Err(sent) => Ok(sent),
            })
            .collect()
    }

    /// What is to be forwarded, by a call whose first `random_id` comes with `how`; or what was sent
    /// under the same number already.
    pub(crate) fn forwarded_bodies(
        &self,
        from: UserId,
        source: PeerId,
        to: PeerId,
        ids: Vec<(MessageId, i64)>,
        how: (ForwardHow, i64),
    ) -> CoreResult<Vec<Result<Body, Sent>>> {
        // All are looked at before the first is sent.
        let mut bodies = Vec::with_capacity(ids.len());
        let kept = match source {
            PeerId::Chat(chat) => self.chat(chat)?.noforwards,
            PeerId::User(_) => false,
            PeerId::Channel(channel) => self.channel_seen_by(from, channel)?.noforwards,
        };
        let how = (
            ForwardHow { topic: how.0.topic.filter(|topic| *topic != GENERAL_TOPIC), ..how.0 },
            how.1,
        );
        if let Some(topic) = how.0.topic {
            self.reply(from, to, topic, None)?;
        }
        for (id, random_id) in ids {
            // Messages of channels have numbers of their own.
            let fingerprint = match source {
                PeerId::Channel(channel) => fingerprint(&[
                    b"forward from a channel",
                    &channel.bytes(),
                    &to.bytes(),
                    &id.0.to_be_bytes(),
                ]),
                _ => fingerprint(&[b"forward", &to.bytes(), &id.0.to_be_bytes()]),
            };
            // Before the original, which may be deleted since.
            if let Some(sent) = self.sent_before(from, random_id, fingerprint)? {
                bodies.push(Err(sent));
                continue;
            }
            // A service message tells of its own dialog.
            let original = self.message(BoxId::of(from, source), id)?;
            let original = original.filter(|m| m.peer == source && m.action.is_none());
            let original = original.ok_or(CoreError::UnknownMessage)?;
            let own = original.out || (source.channel().is_some() && original.is_by(from));
            if (kept || original.noforwards) && !own {
                return Err(CoreError::ForwardsRestricted);
            }
            let author = self.author(from, id, &original)?;
            let mut body = forwarded(from, original, author, (id, random_id), to, how, fingerprint);
            if let Some(media) = &body.media {
                body.unread_media = self.has_to_be_heard(media)?;
            }
            bodies.push(Ok(body));
        }
        Ok(bodies)
    }

    /// In whose name a message is written that is no person's: who posts in a channel, or writes as a
    /// group, is nobody's to know.
    fn written_as(&self, id: MessageId, message: &Message) -> CoreResult<Option<Author>> {
        let signed = message.post_author.clone();
        if let Some(channel) = message.sent_as.and_then(PeerId::channel) {
            return Ok(Some(Author::Channel { channel, post: None, signed }));
        }
        let Some(channel) = message.peer.channel() else { return Ok(None) };
        let broadcast = self.channel_row(channel)?.broadcast;
        Ok(broadcast.then_some(Author::Channel { channel, post: Some(id), signed }))
    }

    /// Whom a message that `from` forwards is said to come from: who wrote it first decides whether
    /// there is a link.
    fn author(&self, from: UserId, id: MessageId, original: &Message) -> CoreResult<Author> {
        let author = match original.forward.as_ref().map(|forward| &forward.from) {
            None => match self.written_as(id, original)? {
                Some(channel) => return Ok(channel),
                None => original.from,
            },
            Some(Author::User(first)) => *first,
            Some(other) => return Ok(other.clone()),
        };
        let theirs = self.inner.contacts.book(self.store(), author)?;
        if self.inner.may_see(from, author, &theirs, What::Key(PrivacyKey::Forwards))? {
            return Ok(Author::User(author));
        }
        let account = self.user(author)?.ok_or(CoreError::UnknownUser)?;
        Ok(Author::Name(account.full_name()))
    }

    /// Where a message will stand: of a forum, in which topic.
    pub(crate) fn talk(&self, to: PeerId, body: &Body) -> CoreResult<Talk> {
        let Some(channel) = to.channel() else { return Ok(to.into()) };
        let topic = match &body.reply {
            Some((answered, _)) => self.thread_of_answer(channel, *answered)?,
            None => (None, false),
        };
        Ok(Talk { peer: to, topic: topic.0.filter(|_| topic.1) })
    }

    /// The message that a `random_id` stands for already.
    pub(crate) fn sent_before(
        &self,
        from: UserId,
        random_id: i64,
        fingerprint: u64,
    ) -> CoreResult<Option<Sent>> {
        let row = self.load(Keyspace::RANDOM_IDS, &pair_key(from.0, random_id))?;
        let Some(RandomId { id, fingerprint: known, channel }) = row else { return Ok(None) };
        // Deleted since: there is nothing that could be the same answer.
        let place = channel.map_or(BoxId::from(from), BoxId::from);
        let message = self.message(place, id)?.filter(|_| known == fingerprint);
        let message = message.ok_or(CoreError::RandomIdDuplicate)?;
        Ok(Some(Sent { id, pts: Pts(id.0), message, repeated: true }))
    }

    /// Checks what a message answers, and finds what it quotes.
    fn reply(
        &self,
        from: UserId,
        to: PeerId,
        id: MessageId,
        quote: Option<QuoteRequest>,
    ) -> CoreResult<(MessageId, Option<Quote>)> {
        let answered = self.message(BoxId::of(from, to), id)?;
        let answered = answered.filter(|answered| answered.peer == to);
        let hidden = match to {
            PeerId::Channel(channel) => {
                self.participant(channel, from)?.map(|own| own.hidden_below)
            }
            _ => None,
        };
        let answered = answered.filter(|_| hidden.is_none_or(|hidden| id > hidden));
        let answered = answered.ok_or(CoreError::UnknownMessage)?;
        let quote = quote.map(|quote| find_quote(&answered.text, quote)).transpose()?;
        Ok((id, quote))
    }

    /// Whether `from` may write to `to`; the first words to a stranger are limited.
    pub(crate) fn may_write(&mut self, from: UserId, to: PeerId) -> CoreResult<()> {
        let recipient = match to {
            PeerId::User(recipient) => recipient,
            PeerId::Chat(chat) => {
                let right = crate::chats::Rights::SEND;
                return match self.chat_for(from, chat) {
                    // Of many that may not, one who is outside is no special case to clients.
                    Err(CoreError::NotAMember) => Err(CoreError::RightMissing(right)),
                    found => found?.needs(from, right),
                };
            }
            PeerId::Channel(channel) => {
                return self.channel_view(from, channel)?.may_post(crate::chats::Rights::SEND);
            }
        };
        if recipient == from || recipient == UserId::SERVICE {
            return Ok(());
        }
        // Nothing leads to them but the place where they wrote.
        if crate::bridge::is_ghost(recipient) {
            return Err(CoreError::UserPrivacy);
        }
        let account = self.inner.directory.get(recipient).ok_or(CoreError::UnknownUser)?;
        if account.deleted {
            return Err(CoreError::Deactivated);
        }
        if is_remote(recipient) {
            self.reaches(recipient)?;
        }
        let cell = self.inner.boxes.cell(from);
        let knows = cell.lock(self.store(), from)?.dialogs.contains_key(&to);
        if knows || self.inner.has_contact(recipient, from)? {
            return Ok(());
        }
        let sender = self.inner.directory.get(from).ok_or(CoreError::UnknownUser)?;
        if sender.role == Role::Owner {
            return Ok(());
        }
        self.take(Limit::Strangers(from), 1)
    }

    /// Puts a message into all boxes that it is for; [`Decide::may_write`] was asked before.
    pub(crate) fn send(&mut self, from: UserId, to: PeerId, body: Body) -> CoreResult<Sent> {
        let ttl_period = self.ttl_of_new_message(from, to)?;
        let id = self.next_id(BoxId::of(from, to))?;
        let reply = body.reply.map(|(to, quote)| Reply { to, quote });
        let message = Message {
            silent: body.silent,
            reply,
            forward: body.forward,
            ttl_period,
            scheduled: body.scheduled,
            media: body.media,
            invert_media: body.invert_media,
            grouped_id: body.grouped_id,
            noforwards: body.noforwards,
            sent_as: body.send_as,
            unread_media: body.unread_media && to != from.into(),
            ..Message::new(to, from, true, self.now(), body.text)
        };
        let command = (to == UserId::SERVICE.into()).then(|| message.text.clone());
        if message.forward.is_none() {
            self.keep_sent(from, message.media.as_ref())?;
        }
        if body.random_id != 0 {
            let channel = to.channel();
            let known = RandomId { id, fingerprint: body.fingerprint, channel };
            self.put(Keyspace::RANDOM_IDS, &pair_key(from.0, body.random_id), &known)?;
        }
        let (pts, row) = self.place(from, message)?;
        let BoxRow::Message(message) = row else { return Err(CoreError::Damaged("message")) };
        if let Some(command) = command {
            self.answer_command(from, id, &command)?;
        }
        Ok(Sent { id, pts, message, repeated: false })
    }

    /// Puts a message into the writer's box, and into those of the others.
    pub(crate) fn place(&mut self, from: UserId, message: Message) -> CoreResult<(Pts, BoxRow)> {
        match message.peer {
            PeerId::User(recipient) => self.place_in_private(from, recipient, message),
            PeerId::Chat(chat) => {
                let members = self.chat(chat)?.users();
                self.place_in_chat(from, chat, &members, message)
            }
            PeerId::Channel(channel) => self.place_in_channel(from, channel, message),
        }
    }

    fn place_in_private(
        &mut self,
        from: UserId,
        recipient: UserId,
        mut message: Message,
    ) -> CoreResult<(Pts, BoxRow)> {
        if is_remote(recipient) {
            return self.place_across(from, recipient, message);
        }
        let id = self.next_id(from)?;
        // Whom the recipient has blocked sees one tick, and no error.
        let arrives = recipient != from
            && recipient != UserId::SERVICE
            && !self.is_blocked(recipient, from)?;
        message.twin = if arrives { self.next_id(recipient)? } else { MessageId(0) };
        let theirs = if arrives { Some(self.copy_for(from, id, &message)?) } else { None };
        self.expires(from, id, &message)?;
        self.ask_poll(&message)?;
        self.hold_media(&message, if arrives { 2 } else { 1 })?;
        let row = BoxRow::Message(message);
        let pts = self.append(from, row.clone())?;
        if let Some(theirs) = theirs {
            self.wake_dialog(recipient, from.into())?;
            self.append(recipient, BoxRow::Message(theirs))?;
        }
        Ok((pts, row))
    }

    /// The message as it lies in the recipient's box.
    fn copy_for(&self, from: UserId, id: MessageId, message: &Message) -> CoreResult<Message> {
        let reply = match &message.reply {
            None => None,
            // The same message has another number there; without a twin there is no link.
            Some(reply) => self
                .message(from, reply.to)?
                .filter(|answered| answered.twin.0 != 0)
                .map(|answered| Reply { to: answered.twin, quote: reply.quote.clone() }),
        };
        Ok(Message { peer: from.into(), out: false, twin: id, reply, ..message.clone() })
    }

    pub(crate) fn is_blocked(&self, owner: UserId, user: UserId) -> CoreResult<bool> {
        Ok(self.get(Keyspace::BLOCKED, &pair_key(owner.0, user.0))?.is_some())
    }
}

/// Bytes of a text and its formatting, roughly.
fn bytes_of(text: &str, entities: &[Entity]) -> usize {
    let entity = |entity: &Entity| match &entity.kind {
        EntityKind::TextUrl { url } => 16 + url.len(),
        EntityKind::Pre { language } => 16 + language.len(),
        _ => 16,
    };
    text.len() + entities.iter().map(entity).sum::<usize>()
}

impl Message {
    /// Bytes of its texts and their formatting, roughly.
    pub(crate) fn text_bytes(&self) -> usize {
        let quote = self.reply.as_ref().and_then(|reply| reply.quote.as_ref());
        let quote = quote.map_or(0, |quote| bytes_of(&quote.text, &quote.entities));
        bytes_of(&self.text, &self.entities) + quote
    }
}

/// Finds the quoted text nearest to where the client says that it is.
fn find_quote(text: &str, quote: QuoteRequest) -> CoreResult<Quote> {
    if quote.text.is_empty() {
        return Err(CoreError::QuoteInvalid);
    }
    // Counted on from place to place: a short quote may stand in thousands of them.
    let (mut counted, mut offset) = (0, 0);
    let mut places = text.match_indices(&quote.text).map(|(at, _)| {
        offset += utf16_len(text.get(counted..at).unwrap_or_default()) as i32;
        counted = at;
        (offset.abs_diff(quote.offset), offset)
    });
    let first = places.next().ok_or(CoreError::QuoteInvalid)?;
    let (_, offset) = places.fold(first, std::cmp::min);
    let parsed = Text::parse(&quote.text, quote.entities)?;
    // Surrounding space is part of what is quoted; the entities of the trimmed text stand as long
    // as none was trimmed.
    let entities = if parsed.text == quote.text { parsed.entities } else { Vec::new() };
    Ok(Quote { text: quote.text, entities, offset })
}

/// What tells two messages under one `random_id` apart.
pub(crate) fn fingerprint(parts: &[&[u8]]) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes()).update(part);
    }
    hasher.finalize().as_bytes().first_chunk().map_or(0, |head| u64::from_le_bytes(*head))
}
