//! Messages that are written now and sent later.
//!
//! Keyspace `SCHEDULED`, key = owner (8) ++ peer (9) ++ id (4); the row with id 0 has the number
//! that was given last. Ids are of one dialog, and never those of messages.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{Kind, at, online};
use crate::chats::Rights;
use crate::decide::{Decide, scan_prefix};
use crate::event::Own;
use crate::ids::{Actor, MessageId, PEER_BYTES, PeerId, UserId, pair_key};
use crate::media::Media;
use crate::message::{Forward, Message, Quote, RandomId, Reply};
use crate::presence::Status;
use crate::privacy::{PrivacyKey, What};
use crate::record::Record;
use crate::send::{Body, ForwardHow, Outgoing, OutgoingMedia, Sent};
use crate::text::Text;
use crate::{Core, CoreError, CoreResult};

/// In the place of a date: when the recipient comes online. Clients know the number.
pub const SEND_WHEN_ONLINE: i32 = 0x7FFF_FFFE;

/// Scheduled messages of one dialog.
pub const SCHEDULED_DIALOG_MAX: usize = 100;

/// How far ahead a message may be scheduled, in seconds.
const AHEAD_MAX_S: i32 = 365 * 86_400;

/// How often it is looked whether a suspended member may say again what waits.
const SUSPENDED_S: i32 = 86_400;

/// Ids are below this: TDLib keeps them in 18 bits.
const ID_END: i32 = 1 << 18;

/// How often a message may come again, in seconds: what clients offer, and a minute for tests.
const REPEAT_PERIODS_S: [i32; 8] =
    [60, 86_400, 7 * 86_400, 14 * 86_400, 30 * 86_400, 91 * 86_400, 182 * 86_400, 365 * 86_400];

/// A message that waits to be sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScheduledRecord {
    /// When it is sent: unix seconds, or [`SEND_WHEN_ONLINE`].
    date: i32,
    /// Unix seconds of the last edit; 0 if there was none.
    edited: i32,
    silent: bool,
    text: String,
    entities: Vec<crate::Entity>,
    reply: Option<Reply>,
    forward: Option<Forward>,
    /// Names the message for ever; 0 where it comes again.
    random_id: i64,
    fingerprint: u64,
    /// Seconds after which it is sent again; 0: once.
    repeat: i32,
    media: Option<Media>,
    invert_media: bool,
    grouped_id: i64,
    noforwards: bool,
    unread_media: bool,
}

/// Version 1 of [`ScheduledRecord`]: before media.
#[derive(Serialize, Deserialize)]
struct ScheduledRecordV1 {
    date: i32,
    edited: i32,
    silent: bool,
    text: String,
    entities: Vec<crate::Entity>,
    reply: Option<Reply>,
    forward: Option<Forward>,
    random_id: i64,
    fingerprint: u64,
    repeat: i32,
}

impl std::fmt::Debug for ScheduledRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScheduledRecord").field("date", &self.date).finish_non_exhaustive()
    }
}

impl Record for ScheduledRecord {
    const VERSION: u8 = 2;
    const NAME: &'static str = "scheduled message";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        if version != 1 {
            return None;
        }
        let old: ScheduledRecordV1 = postcard::from_bytes(fields).ok()?;
        Some(Self {
            date: old.date,
            edited: old.edited,
            silent: old.silent,
            text: old.text,
            entities: old.entities,
            reply: old.reply,
            forward: old.forward,
            random_id: old.random_id,
            fingerprint: old.fingerprint,
            repeat: old.repeat,
            media: None,
            invert_media: false,
            grouped_id: 0,
            noforwards: false,
            unread_media: false,
        })
    }
}

/// A scheduled message as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// Among the scheduled messages of its dialog.
    pub id: MessageId,
    /// As it will be sent; its date is that of sending, or [`SEND_WHEN_ONLINE`].
    pub message: Message,
    /// Seconds after which it is sent again; 0: once.
    pub repeat: i32,
}

/// What became of a message that was to be scheduled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// It waits.
    Waits(Scheduled),
    /// Its time had come.
    Sent(Sent),
}

/// When a message is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct When {
    /// Unix seconds, or [`SEND_WHEN_ONLINE`]. What is past is now.
    pub date: i32,
    /// And again after so many seconds; 0: once.
    pub repeat: i32,
}

/// What is changed of a scheduled message, where given.
#[derive(Clone, Default)]
pub struct ScheduledEdit {
    /// The text.
    pub text: Option<Text>,
    /// What comes with it.
    pub media: Option<OutgoingMedia>,
    /// When it is sent.
    pub date: Option<i32>,
    /// Seconds after which it is sent again.
    pub repeat: Option<i32>,
}

impl Core {
    /// Sends a message at its time.
    ///
    /// # Errors
    /// [`CoreError::ScheduleTooLate`], [`CoreError::ScheduleTooMuch`],
    /// [`CoreError::ScheduleInvalid`], and those of [`Core::send`].
    pub async fn schedule(
        &self,
        actor: Actor,
        from: UserId,
        message: Outgoing,
        when: When,
    ) -> CoreResult<Placed> {
        self.write(Some(actor), move |decide| {
            let to = message.to;
            if let Some(placed) = decide.placed_before(from, to, &message)? {
                return Ok(placed);
            }
            let clear_draft = message.clear_draft;
            let body = decide.body(from, message)?;
            decide.may_write(from, to)?;
            decide.may_send(from, to, &body)?;
            if clear_draft {
                let talk = decide.talk(to, &body)?;
                decide.save_draft(from, talk, None)?;
            }
            decide.place_at(from, to, body, when)
        })
        .await
    }

    /// Sends an album at its time: all of its messages wait, or none.
    ///
    /// # Errors
    /// Those of [`Core::schedule`].
    pub async fn schedule_album(
        &self,
        actor: Actor,
        from: UserId,
        messages: Vec<Outgoing>,
        when: When,
    ) -> CoreResult<Vec<Placed>> {
        self.write(Some(actor), move |decide| {
            let mut bodies = Vec::with_capacity(messages.len());
            for message in messages {
                let (to, clear_draft) = (message.to, message.clear_draft);
                let known = decide.placed_before(from, to, &message)?;
                let body = match known {
                    Some(placed) => Err(placed),
                    None => Ok(decide.body(from, message)?),
                };
                bodies.push((to, clear_draft, body));
            }
            for (to, _, body) in &bodies {
                if let Ok(body) = body {
                    decide.may_write(from, *to)?;
                    decide.may_send(from, *to, body)?;
                }
            }
            // Nothing may fail after the first one has left, if its time has come.
            if let Some((to, ..)) = bodies.first() {
                decide.has_room(from, *to, bodies.len())?;
                decide.due(from, *to, when.date)?;
            }
            if let Some((to, true, body)) = bodies.first() {
                let talk = body.as_ref().map_or(Ok((*to).into()), |body| decide.talk(*to, body))?;
                decide.save_draft(from, talk, None)?;
            }
            let place = |(to, _, body): (PeerId, bool, Result<Body, Placed>)| match body {
                Ok(body) => decide.place_at(from, to, body, when),
                Err(placed) => Ok(placed),
            };
            bodies.into_iter().map(place).collect()
        })
        .await
    }

    /// What a `random_id` stands for already, sent or not: what comes with the message need not be
    /// looked at again.
    ///
    /// # Errors
    /// [`CoreError::RandomIdDuplicate`].
    pub async fn placed(&self, from: UserId, message: &Outgoing) -> CoreResult<Option<Placed>> {
        let (random_id, fingerprint, to) = (message.random_id, message.fingerprint(), message.to);
        self.write(None, move |decide| decide.placed_under(from, to, random_id, fingerprint)).await
    }

    /// [`Core::forward`] at a time.
    ///
    /// # Errors
    /// Those of [`Core::forward`] and [`Core::schedule`].
    #[expect(clippy::too_many_arguments, reason = "what a forward has, and a time")]
    pub async fn schedule_forward(
        &self,
        actor: Actor,
        from: UserId,
        source: PeerId,
        to: PeerId,
        ids: Vec<(MessageId, i64)>,
        how: ForwardHow,
        when: When,
    ) -> CoreResult<Vec<Placed>> {
        if ids.len() > SCHEDULED_DIALOG_MAX {
            return Err(CoreError::ScheduleTooMuch);
        }
        let mut placed = Vec::with_capacity(ids.len());
        let call = ids.first().map_or(0, |(_, random_id)| *random_id);
        for some in ids.chunks(super::FIRED_AT_ONCE) {
            let some = some.to_vec();
            let more = self.write(Some(actor), move |decide| {
                let bodies = decide.forwarded_bodies(from, source, to, some, (how, call))?;
                decide.may_write(from, to)?;
                let place = |body| match body {
                    Ok(body) => decide.place_at(from, to, body, when),
                    Err(sent) => Ok(Placed::Sent(sent)),
                };
                bodies.into_iter().map(place).collect::<CoreResult<Vec<_>>>()
            });
            placed.extend(more.await?);
        }
        Ok(placed)
    }

    /// All scheduled messages of a dialog, the last one to be sent first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn scheduled_history(
        &self,
        owner: UserId,
        peer: PeerId,
    ) -> CoreResult<Vec<Scheduled>> {
        let prefix = scheduled_key(owner, peer, MessageId(0));
        let prefix = prefix.get(..8 + PEER_BYTES).unwrap_or_default();
        let rows =
            scan_prefix(&*self.inner.store, Keyspace::SCHEDULED, prefix, 1 + SCHEDULED_DIALOG_MAX)?;
        self.settled().await?;
        let mut found = Vec::with_capacity(rows.len());
        for (key, value) in rows {
            let id = MessageId(crate::ids::box_number(&key));
            if id.0 != 0 {
                found.push(ScheduledRecord::decode(&value)?.shown(owner, peer, id));
            }
        }
        found.sort_by_key(|scheduled| std::cmp::Reverse((scheduled.message.date, scheduled.id)));
        Ok(found)
    }

    /// One scheduled message, as it is in the store: for followers, who are told of what is
    /// durable.
    ///
    /// # Errors
    /// Those of the store.
    pub fn scheduled(
        &self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
    ) -> CoreResult<Option<Scheduled>> {
        if id.0 <= 0 {
            return Ok(None);
        }
        let row = self.inner.store.get(Keyspace::SCHEDULED, &scheduled_key(owner, peer, id))?;
        let record = row.map(|row| ScheduledRecord::decode(&row)).transpose()?;
        Ok(record.map(|record| record.shown(owner, peer, id)))
    }

    /// Whether a dialog has scheduled messages.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn has_scheduled(&self, owner: UserId, peer: PeerId) -> CoreResult<bool> {
        Ok(!self.scheduled_history(owner, peer).await?.is_empty())
    }

    /// Sends scheduled messages now. Those that are not there are passed over.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`] where none is there.
    pub async fn send_scheduled(
        &self,
        actor: Actor,
        owner: UserId,
        peer: PeerId,
        ids: Vec<MessageId>,
    ) -> CoreResult<Vec<(MessageId, Sent)>> {
        let mut sent = Vec::new();
        for some in ids.chunks(super::FIRED_AT_ONCE) {
            let some = some.to_vec();
            let more = self.write(Some(actor), move |decide| {
                decide.still_takes_messages(peer)?;
                let mut sent = Vec::new();
                for id in some {
                    let Some(record) = decide.scheduled(owner, peer, id)? else { continue };
                    let one = |decide: &mut Decide<'_>| {
                        decide.may_go_now(owner, peer, &record)?;
                        decide.send_record(owner, peer, id, record)
                    };
                    match decide.part(one)? {
                        Ok(done) => sent.push((id, done)),
                        // Those before it are sent: it waits on, with those behind it.
                        Err(_) if !sent.is_empty() => break,
                        Err(cause) => return Err(cause),
                    }
                }
                Ok(sent)
            });
            sent.extend(more.await?);
        }
        if sent.is_empty() { Err(CoreError::UnknownMessage) } else { Ok(sent) }
    }

    /// Removes scheduled messages; answers those that were there.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete_scheduled(
        &self,
        actor: Actor,
        owner: UserId,
        peer: PeerId,
        ids: Vec<MessageId>,
    ) -> CoreResult<Vec<MessageId>> {
        self.write(Some(actor), move |decide| {
            let mut gone = Vec::new();
            for id in ids.into_iter().take(SCHEDULED_DIALOG_MAX) {
                if let Some(record) = decide.scheduled(owner, peer, id)? {
                    decide.unschedule(owner, peer, id, &record)?;
                    decide.end_scheduled_poll(record.media.as_ref())?;
                    gone.push(id);
                }
            }
            if !gone.is_empty() {
                let ids = gone.clone();
                decide.tell_own(owner, Own::ScheduledGone { peer, ids, sent: Vec::new() });
            }
            Ok(gone)
        })
        .await
    }

    /// Changes a scheduled message.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`], [`CoreError::NotModified`], [`CoreError::NotTheAuthor`] for
    /// the text of a forwarded one, and those of [`Core::schedule`].
    pub async fn edit_scheduled(
        &self,
        actor: Actor,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
        edit: ScheduledEdit,
    ) -> CoreResult<Placed> {
        self.write(Some(actor), move |decide| {
            decide.still_takes_messages(peer)?;
            let old = decide.scheduled(owner, peer, id)?.ok_or(CoreError::UnknownMessage)?;
            let mut new = old.clone();
            if let Some(Text { text, entities }) = edit.text
                && (text != new.text || entities != new.entities)
            {
                if new.forward.is_some() {
                    return Err(CoreError::NotTheAuthor);
                }
                (new.text, new.entities) = (text, entities);
                new.edited = decide.now();
            }
            if let Some(media) = edit.media {
                let media = decide.outgoing_media(owner, media)?;
                let may = new.media.as_ref().is_none_or(|old| old.becomes(&media));
                if new.forward.is_some() || !may {
                    return Err(CoreError::MediaInvalid);
                }
                new.unread_media = decide.has_to_be_heard(&media)?;
                new.media = Some(media);
                new.edited = decide.now();
            }
            if new.text.is_empty() && new.media.is_none() {
                return Err(crate::TextError::Empty.into());
            }
            new.date = edit.date.unwrap_or(new.date);
            new.repeat = edit.repeat.unwrap_or(new.repeat);
            if new == old {
                return Err(CoreError::NotModified);
            }
            let due = decide.due(owner, peer, new.date)?;
            check_repeat(&new)?;
            decide.unschedule(owner, peer, id, &old)?;
            if !due {
                decide.put_scheduled(owner, peer, id, &new)?;
                decide.tell_own(owner, Own::Scheduled { peer, id });
                return Ok(Placed::Waits(new.shown(owner, peer, id)));
            }
            decide.send_record(owner, peer, id, new).map(Placed::Sent)
        })
        .await
    }
}

fn scheduled_key(owner: UserId, peer: PeerId, id: MessageId) -> Vec<u8> {
    [&owner.bytes()[..], &peer.bytes(), &id.0.to_be_bytes()].concat()
}

fn check_repeat(record: &ScheduledRecord) -> CoreResult<()> {
    let fits = record.repeat == 0
        || (REPEAT_PERIODS_S.contains(&record.repeat) && record.date != SEND_WHEN_ONLINE);
    if fits { Ok(()) } else { Err(CoreError::ScheduleInvalid) }
}

impl ScheduledRecord {
    fn shown(self, owner: UserId, peer: PeerId, id: MessageId) -> Scheduled {
        let text = Text { text: self.text, entities: self.entities };
        let message = Message {
            edited: self.edited,
            silent: self.silent,
            reply: self.reply,
            forward: self.forward,
            media: self.media,
            invert_media: self.invert_media,
            grouped_id: self.grouped_id,
            noforwards: self.noforwards,
            ..Message::new(peer, owner, true, self.date, text)
        };
        Scheduled { id, message, repeat: self.repeat }
    }

    fn body(self) -> Body {
        Body {
            text: Text { text: self.text, entities: self.entities },
            silent: self.silent,
            reply: self.reply.map(|reply| (reply.to, reply.quote)),
            forward: self.forward,
            random_id: self.random_id,
            fingerprint: self.fingerprint,
            scheduled: true,
            media: self.media,
            invert_media: self.invert_media,
            grouped_id: self.grouped_id,
            noforwards: self.noforwards,
            // As its writer has chosen by then.
            send_as: None,
            unread_media: self.unread_media,
        }
    }
}

impl Decide<'_> {
    fn scheduled(
        &self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
    ) -> CoreResult<Option<ScheduledRecord>> {
        if id.0 <= 0 {
            return Ok(None);
        }
        self.load(Keyspace::SCHEDULED, &scheduled_key(owner, peer, id))
    }

    /// What a `random_id` stands for already, be it sent by now or not.
    fn placed_before(
        &self,
        from: UserId,
        to: PeerId,
        message: &Outgoing,
    ) -> CoreResult<Option<Placed>> {
        self.placed_under(from, to, message.random_id, message.fingerprint())
    }

    fn placed_under(
        &self,
        from: UserId,
        to: PeerId,
        random_id: i64,
        fingerprint: u64,
    ) -> CoreResult<Option<Placed>> {
        let key = pair_key(from.0, random_id);
        let known: Option<RandomId> = self.load(Keyspace::RANDOM_IDS, &key)?;
        let Some(known) = known.filter(|known| known.id.0 < 0) else {
            let sent = self.sent_before(from, random_id, fingerprint)?;
            return Ok(sent.map(Placed::Sent));
        };
        let id = MessageId(-known.id.0);
        let record = self
            .scheduled(from, to, id)?
            .filter(|record| fingerprint == known.fingerprint && record.random_id == random_id);
        let record = record.ok_or(CoreError::RandomIdDuplicate)?;
        Ok(Some(Placed::Waits(record.shown(from, to, id))))
    }

    /// Whether a date has come; refuses those that are too far ahead.
    fn due(&self, from: UserId, to: PeerId, date: i32) -> CoreResult<bool> {
        if date == SEND_WHEN_ONLINE {
            let other = to.user().filter(|other| *other != UserId::SERVICE);
            let other = other.ok_or(CoreError::ScheduleInvalid)?;
            let theirs = self.inner.contacts.book(self.store(), other)?;
            let what = What::Key(PrivacyKey::Status);
            if !self.inner.may_see(from, other, &theirs, what)? {
                return Err(CoreError::ScheduleStatusPrivate);
            }
            return Ok(matches!(self.inner.status(other)?, Status::Online { .. }));
        }
        let now = self.now();
        if date > now.saturating_add(AHEAD_MAX_S) {
            return Err(CoreError::ScheduleTooLate);
        }
        Ok(date <= now)
    }

    /// Sends a message, or keeps it until its time.
    fn place_at(&mut self, from: UserId, to: PeerId, body: Body, when: When) -> CoreResult<Placed> {
        let When { date, repeat } = when;
        let due = self.due(from, to, date)?;
        if due && repeat == 0 {
            return self.send(from, to, body).map(Placed::Sent);
        }
        let record = ScheduledRecord {
            date,
            edited: 0,
            silent: body.silent,
            text: body.text.text,
            entities: body.text.entities,
            reply: body.reply.map(|(to, quote): (MessageId, Option<Quote>)| Reply { to, quote }),
            forward: body.forward,
            random_id: body.random_id,
            fingerprint: body.fingerprint,
            repeat,
            media: body.media,
            invert_media: body.invert_media,
            grouped_id: body.grouped_id,
            noforwards: body.noforwards,
            unread_media: body.unread_media,
        };
        check_repeat(&record)?;
        let id = self.new_scheduled_id(from, to)?;
        let random =
            RandomId { id: MessageId(-id.0), fingerprint: record.fingerprint, channel: None };
        self.put(Keyspace::RANDOM_IDS, &pair_key(from.0, record.random_id), &random)?;
        if due {
            return self.send_record(from, to, id, record).map(Placed::Sent);
        }
        self.put_scheduled(from, to, id, &record)?;
        self.tell_own(from, Own::Scheduled { peer: to, id });
        Ok(Placed::Waits(record.shown(from, to, id)))
    }

    /// Whether so many more may wait in a dialog.
    fn has_room(&self, owner: UserId, peer: PeerId, more: usize) -> CoreResult<()> {
        let counter = scheduled_key(owner, peer, MessageId(0));
        let prefix = counter.get(..8 + PEER_BYTES).unwrap_or_default();
        let rows = self.scan_prefix(Keyspace::SCHEDULED, prefix, 2 + SCHEDULED_DIALOG_MAX)?;
        let waiting = rows.iter().filter(|(key, _)| crate::ids::box_number(key) != 0).count();
        if waiting + more > SCHEDULED_DIALOG_MAX {
            return Err(CoreError::ScheduleTooMuch);
        }
        Ok(())
    }

    fn new_scheduled_id(&mut self, owner: UserId, peer: PeerId) -> CoreResult<MessageId> {
        let counter = scheduled_key(owner, peer, MessageId(0));
        let prefix = counter.get(..8 + PEER_BYTES).unwrap_or_default();
        let rows = self.scan_prefix(Keyspace::SCHEDULED, prefix, 2 + SCHEDULED_DIALOG_MAX)?;
        let taken: Vec<i32> = rows.iter().map(|(key, _)| crate::ids::box_number(key)).collect();
        if taken.iter().filter(|id| **id != 0).count() >= SCHEDULED_DIALOG_MAX {
            return Err(CoreError::ScheduleTooMuch);
        }
        let last = self.get(Keyspace::SCHEDULED, &counter)?;
        let last = last.and_then(|bytes| bytes.try_into().ok()).map_or(0, i32::from_be_bytes);
        // After the last one; at the end of the range, from its begin.
        let free = (last + 1..ID_END).chain(1..ID_END).find(|id| !taken.contains(id));
        let id = free.ok_or(CoreError::ScheduleTooMuch)?;
        self.put_bytes(Keyspace::SCHEDULED, &counter, id.to_be_bytes().to_vec());
        Ok(MessageId(id))
    }

    fn put_scheduled(
        &mut self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
        record: &ScheduledRecord,
    ) -> CoreResult<()> {
        let encoded = record.encode().map_err(crate::decide::too_long)?;
        self.put_bytes(Keyspace::SCHEDULED, &scheduled_key(owner, peer, id), encoded);
        self.hold_shown(record.media.as_ref(), 1)?;
        self.schedule_poll(record.media.as_ref(), 1)?;
        self.set_timer(&timer_key(owner, peer, id, record.date), Vec::new());
        Ok(())
    }

    /// Takes a scheduled message and its timer away.
    fn unschedule(
        &mut self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
        record: &ScheduledRecord,
    ) -> CoreResult<()> {
        self.hold_shown(record.media.as_ref(), -1)?;
        self.schedule_poll(record.media.as_ref(), -1)?;
        self.delete(Keyspace::SCHEDULED, &scheduled_key(owner, peer, id));
        self.delete(Keyspace::TIMERS, &timer_key(owner, peer, id, record.date));
        Ok(())
    }

    /// Sends a scheduled message, tells the other sessions that it left their list, and keeps it
    /// for the next time if it is to come again.
    fn send_record(
        &mut self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
        record: ScheduledRecord,
    ) -> CoreResult<Sent> {
        self.unschedule(owner, peer, id, &record)?;
        if record.repeat > 0 {
            // The first one has the number of the request; those after it need none.
            let mut next = ScheduledRecord { random_id: 0, ..record.clone() };
            let now = self.now();
            while next.date <= now {
                next.date = next.date.saturating_add(next.repeat);
            }
            let again = self.new_scheduled_id(owner, peer)?;
            self.put_scheduled(owner, peer, again, &next)?;
            // The acting session too: it is not in its answer.
            let actor = self.actor.take();
            self.tell_own(owner, Own::Scheduled { peer, id: again });
            self.actor = actor;
        }
        let sent = self.send(owner, peer, record.body())?;
        let (ids, new) = (vec![id], vec![sent.id]);
        self.tell_own(owner, Own::ScheduledGone { peer, ids, sent: new });
        Ok(sent)
    }

    /// Whether a channel takes a scheduled message by the rules of now.
    fn may_go_now(&self, owner: UserId, peer: PeerId, record: &ScheduledRecord) -> CoreResult<()> {
        let PeerId::Channel(channel) = peer else { return Ok(()) };
        self.may_post_now(owner, channel, record.media.as_ref())?;
        let answers = record.reply.as_ref().map(|reply| reply.to);
        self.may_write_in_topic(owner, channel, answers)
    }

    /// Who has deleted the account meanwhile gets nothing any more.
    fn still_takes_messages(&self, peer: PeerId) -> CoreResult<()> {
        if self.takes_messages(peer)? { Ok(()) } else { Err(CoreError::Deactivated) }
    }

    fn takes_messages(&self, peer: PeerId) -> CoreResult<bool> {
        match peer {
            PeerId::User(user) => self.is_member(user),
            PeerId::Chat(chat) => Ok(!self.chat(chat)?.deactivated),
            PeerId::Channel(channel) => Ok(!self.channel_row(channel)?.deleted),
        }
    }

    fn is_member(&self, user: UserId) -> CoreResult<bool> {
        Ok(self.user(user)?.is_some_and(|account| !account.deleted))
    }

    /// A scheduled message whose time has come.
    pub(super) fn fire_scheduled(&mut self, owner: UserId, rest: &[u8]) -> CoreResult<()> {
        let (peer, id) = rest.split_at_checked(PEER_BYTES).ok_or(CoreError::Damaged("timer"))?;
        let id = id.try_into().map_err(|_| CoreError::Damaged("timer"))?;
        let id = MessageId(i32::from_be_bytes(id));
        let peer = PeerId::from_bytes(peer).ok_or(CoreError::Damaged("timer"))?;
        let Some(record) = self.scheduled(owner, peer, id)? else { return Ok(()) };
        if self.suspended_since(owner)?.is_some() {
            // It may be said once that is over.
            let later = self.now().saturating_add(SUSPENDED_S);
            self.set_timer(&timer_key(owner, peer, id, later), Vec::new());
            return Ok(());
        }
        // What waited in a group that became a supergroup is said there.
        let to = match peer {
            PeerId::Chat(chat) => self.chat(chat)?.migrated_to.map_or(peer, PeerId::from),
            _ => peer,
        };
        let in_it = match to {
            PeerId::User(_) => true,
            PeerId::Chat(chat) => self.chat(chat)?.allows(owner, Rights::SEND),
            PeerId::Channel(_) => {
                match self.may_go_now(owner, to, &record) {
                    // It waits on for its turn.
                    Err(CoreError::SlowMode { wait_s }) => {
                        let wait_s = i32::try_from(wait_s).unwrap_or(i32::MAX);
                        let due = self.now().saturating_add(wait_s);
                        self.set_timer(&timer_key(owner, peer, id, due), Vec::new());
                        return Ok(());
                    }
                    Err(cause @ (CoreError::Store(_) | CoreError::Damaged(_))) => {
                        return Err(cause);
                    }
                    may => may.is_ok(),
                }
            }
        };
        if !in_it || !self.is_member(owner)? || !self.takes_messages(to)? {
            self.unschedule(owner, peer, id, &record)?;
            self.end_scheduled_poll(record.media.as_ref())?;
            return Ok(());
        }
        if to != peer {
            self.unschedule(owner, peer, id, &record)?;
            // What it answered has no number there.
            let body = Body { reply: None, random_id: 0, ..record.body() };
            self.send(owner, to, body)?;
            let (ids, sent) = (vec![id], Vec::new());
            self.tell_own(owner, Own::ScheduledGone { peer, ids, sent });
            return Ok(());
        }
        self.send_record(owner, peer, id, record).map(|_| ())
    }
}

fn timer_key(owner: UserId, peer: PeerId, id: MessageId, date: i32) -> Vec<u8> {
    let rest = [&peer.bytes()[..], &id.0.to_be_bytes()].concat();
    match peer {
        PeerId::User(user) if date == SEND_WHEN_ONLINE => online(Kind::Send, user, owner, &rest),
        _ => at(Kind::Send, date, owner, &rest),
    }
}
