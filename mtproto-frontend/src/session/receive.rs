//! What a packet goes through: id, time, salt, container, duplicates, and then by its kind.

use bytes::Bytes;

use super::Session;
use super::event::{Event, Packet};
use super::ids::{Class, msg_id_at};
use super::inflate::{INFLATED_BYTES_MAX, inflate_within};
use super::outbox::Origin;
use super::peel::is_bind_temp_auth_key;
use super::requests::{RUNNING_MAX, State};
use super::salts::Salts;
use super::window::Seen;
use super::wire::{self, Reader, id};

/// How old the id of a packet may be.
const OLD_MS: u64 = 300_000;

/// How far ahead of the clock it may be.
const AHEAD_MS: u64 = 30_000;

/// Messages in a container. TDLib sends at most 1000 requests and a few service messages.
const CONTAINER_MESSAGES_MAX: usize = 1020;

/// Ids that the lists of one packet may name together: two lists of the largest size that TDLib
/// sends. A container could else hold a thousand packed lists, and work for seconds.
const LISTED_IDS_MAX: usize = 2 * 8192;

/// Error codes of `bad_msg_notification`.
mod code {
    pub(super) const ID_TOO_LOW: i32 = 16;
    pub(super) const ID_TOO_HIGH: i32 = 17;
    pub(super) const ID_NOT_DIVISIBLE: i32 = 18;
    pub(super) const CONTAINER_ID_TAKEN: i32 = 19;
    pub(super) const ID_TOO_OLD: i32 = 20;
    pub(super) const SEQ_NO_NOT_EVEN: i32 = 34;
    pub(super) const SEQ_NO_NOT_ODD: i32 = 35;
    pub(super) const CONTAINER_INVALID: i32 = 64;
}

/// Requests from this length on are not copied out of their packet.
const SHARED_BYTES_MIN: usize = 64 << 10;

/// One message, of a packet or of a container.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) msg_id: i64,
    pub(super) seq_no: i32,
    pub(super) body: &'a [u8],
}

/// What goes along with one packet.
pub(super) struct Scope<'a> {
    pub(super) salts: &'a Salts<'a>,
    pub(super) now_ms: u64,
    /// The body of the packet.
    whole: &'a Bytes,
    pub(super) events: Vec<Event>,
    /// Bytes that packed objects of this packet may still become. For all together: else a
    /// container of small bombs would do what a large one may not.
    inflate_bytes_left: usize,
    /// Ids that lists of this packet may still name.
    pub(super) ids_left: usize,
}

impl Scope<'_> {
    /// A request that was read: part of the packet where that saves much, else a copy, so that
    /// nothing small keeps the packet in memory.
    fn shared(&self, body: &[u8]) -> Bytes {
        let (whole, part) = (self.whole.as_ptr_range(), body.as_ptr_range());
        // What was unpacked lies elsewhere.
        let is_part = whole.start <= part.start && part.end <= whole.end;
        if is_part && body.len() >= SHARED_BYTES_MIN {
            self.whole.slice_ref(body)
        } else {
            Bytes::copy_from_slice(body)
        }
    }
}

impl Session {
    /// Takes one decrypted packet. What has to be answered by the session is queued for
    /// [`poll`](Self::poll); what the caller has to do comes back, in the order of the messages.
    pub fn receive(&mut self, packet: Packet<'_>, salts: &Salts<'_>, now_ms: u64) -> Vec<Event> {
        let Packet { salt, msg_id, seq_no, body } = packet;
        let message = Message { msg_id, seq_no, body: &body[..] };
        if self.outbox.is_full() {
            // The client has read nothing for long. It sends again what is not acknowledged.
            return Vec::new();
        }
        if let Err(code) = self.check_time(msg_id, now_ms) {
            self.bad_msg(message, code);
            return Vec::new();
        }
        let scope = &mut Scope {
            salts,
            now_ms,
            whole: body,
            events: Vec::new(),
            inflate_bytes_left: INFLATED_BYTES_MAX,
            ids_left: LISTED_IDS_MAX,
        };
        let is_salt_good = self.accept_salt(salt, scope);
        self.window.trim();
        if wire::constructor(body) == Some(id::MSG_CONTAINER) {
            self.container(message, is_salt_good, scope);
        } else if is_salt_good || is_bind_temp_auth_key(body) {
            self.announce(msg_id, msg_id, scope);
            self.message(message, scope);
        } else {
            self.bad_salt(message, scope);
        }
        std::mem::take(&mut scope.events)
    }

    /// Whether a packet under this id was not received before. A connection that only brings
    /// packets which are not fresh should not be [attached](Self::attach): it may be somebody who
    /// replays what another connection sent, and would draw the answers away.
    #[must_use]
    pub fn is_fresh(&self, msg_id: i64) -> bool {
        self.window.lookup(msg_id) == Seen::New
    }

    fn check_time(&self, msg_id: i64, now_ms: u64) -> Result<(), i32> {
        if msg_id & 3 != 0 {
            return Err(code::ID_NOT_DIVISIBLE);
        }
        let oldest = msg_id_at(now_ms.saturating_sub(OLD_MS)).max(self.not_before);
        if msg_id < oldest {
            return Err(code::ID_TOO_LOW);
        }
        if msg_id > msg_id_at(now_ms.saturating_add(AHEAD_MS)) {
            return Err(code::ID_TOO_HIGH);
        }
        Ok(())
    }

    fn accept_salt(&mut self, salt: i64, scope: &Scope<'_>) -> bool {
        if salt == self.salt && scope.now_ms < self.salt_until_ms {
            return true;
        }
        let Some(until_ms) = scope.salts.accept(salt, scope.now_ms) else { return false };
        (self.salt, self.salt_until_ms) = (salt, until_ms);
        true
    }

    /// Queues `new_session_created` with the first packet of a session; a replayed one, which
    /// comes after [`clear`](Self::clear), begins nothing.
    fn announce(&mut self, packet_id: i64, first_msg_id: i64, scope: &Scope<'_>) {
        if !self.announced && self.is_fresh(packet_id) {
            self.announced = true;
            let salt = scope.salts.current(scope.now_ms);
            let body = wire::new_session_created(first_msg_id, self.unique_id, salt);
            self.outbox.content(Origin::Session, body);
        }
    }

    fn bad_msg(&mut self, message: Message<'_>, code: i32) {
        let body = wire::bad_msg_notification(message.msg_id, message.seq_no, code);
        self.outbox.service(Class::Answer, body);
    }

    fn bad_salt(&mut self, message: Message<'_>, scope: &Scope<'_>) {
        let salt = scope.salts.current(scope.now_ms);
        let body = wire::bad_server_salt(message.msg_id, message.seq_no, salt);
        self.outbox.service(Class::Answer, body);
    }

    /// Under a bad salt, only the bind requests of a container are taken; the others are told the
    /// salt one by one, because the container as a whole was not refused.
    fn container(&mut self, outer: Message<'_>, is_salt_good: bool, scope: &mut Scope<'_>) {
        if outer.seq_no & 1 != 0 {
            return self.bad_msg(outer, code::SEQ_NO_NOT_EVEN);
        }
        if self.requests.get(outer.msg_id).is_some() {
            return self.bad_msg(outer, code::CONTAINER_ID_TAKEN);
        }
        let Some(inner) = split_container(outer.body) else {
            return self.bad_msg(outer, code::CONTAINER_INVALID);
        };
        let is_taken = |m: &Message<'_>| is_salt_good || is_bind_temp_auth_key(m.body);
        let (taken, refused): (Vec<_>, Vec<_>) = inner.into_iter().partition(is_taken);
        if !is_salt_good && taken.is_empty() {
            return self.bad_salt(outer, scope);
        }
        let first = taken.iter().map(|m| m.msg_id).min().unwrap_or(outer.msg_id);
        self.announce(outer.msg_id, first.min(outer.msg_id), scope);
        self.window.insert(outer.msg_id, false);
        for message in refused {
            self.bad_salt(message, scope);
        }
        for message in taken {
            if message.msg_id & 3 != 0 {
                self.bad_msg(message, code::ID_NOT_DIVISIBLE);
            } else if message.msg_id >= outer.msg_id {
                self.bad_msg(message, code::ID_TOO_HIGH);
            } else {
                self.message(message, scope);
            }
        }
    }

    /// A message whose id and salt are good so far.
    fn message(&mut self, message: Message<'_>, scope: &mut Scope<'_>) {
        match self.window.lookup(message.msg_id) {
            Seen::Before { content, lost } => return self.again(message, content, lost, scope),
            Seen::BelowFloor if self.requests.get(message.msg_id).is_some() => {
                return self.again(message, true, false, scope);
            }
            // A message of a container may be old, but not older than what is remembered. Code 16
            // would make TDLib send it again under the same id, for ever.
            Seen::BelowFloor => return self.bad_msg(message, code::ID_TOO_OLD),
            Seen::New if message.msg_id < self.not_before => {
                return self.bad_msg(message, code::ID_TOO_OLD);
            }
            Seen::New => {}
        }
        let is_packed = wire::constructor(message.body) == Some(id::GZIP_PACKED);
        let unpacked = if is_packed { unpack(message.body, scope) } else { None };
        if is_packed && unpacked.is_none() {
            return self.unreadable(message, scope);
        }
        let body = unpacked.as_deref().unwrap_or(message.body);
        let Some(constructor) = wire::constructor(body).filter(|_| body.len() % 4 == 0) else {
            return self.unreadable(message, scope);
        };
        match constructor {
            // A container in a container, or in a packed object.
            id::MSG_CONTAINER => return self.bad_msg(message, code::CONTAINER_INVALID),
            id::GZIP_PACKED => return self.unreadable(message, scope),
            id::MSG_COPY => return self.copy(message, body, scope),
            // Differs from the specification: an odd seq_no on msgs_ack is no reason for 34. mtcute
            // numbers its acknowledgements as content, and begins a new session on this code.
            _ => {}
        }
        let inner = Message { body, ..message };
        if self.service(constructor, inner, true, scope) {
            return;
        }
        if message.seq_no & 1 == 0 {
            return self.bad_msg(message, code::SEQ_NO_NOT_ODD);
        }
        if self.open_request(message, scope) {
            let body = unpacked.unwrap_or_else(|| scope.shared(message.body));
            let (msg_id, seq_no) = (message.msg_id, message.seq_no);
            scope.events.push(Event::Request { msg_id, seq_no, body });
        }
    }

    /// Notes a new request. False if there are too many and it was refused.
    pub(super) fn open_request(&mut self, message: Message<'_>, scope: &mut Scope<'_>) -> bool {
        self.window.insert(message.msg_id, true);
        self.requests.insert(message.msg_id);
        if self.requests.running() > RUNNING_MAX {
            self.refuse(message, 420, "FLOOD_WAIT_1", scope);
            return false;
        }
        self.ack_later(message.msg_id, scope.now_ms.saturating_add(super::ACK_DELAY_MS));
        true
    }

    /// A message that is no object at all, or a packed one that cannot be unpacked. It is told so
    /// as the request that it may have been; the others of its container are not touched.
    pub(super) fn unreadable(&mut self, message: Message<'_>, scope: &mut Scope<'_>) {
        self.window.insert(message.msg_id, true);
        self.requests.insert(message.msg_id);
        self.refuse(message, 400, "INPUT_FETCH_ERROR", scope);
    }

    fn refuse(&mut self, message: Message<'_>, code: i32, text: &str, scope: &mut Scope<'_>) {
        let released = self.reply_error(message.msg_id, code, text);
        scope.events.extend(released.into_iter().map(Event::Released));
    }

    /// `msg_copy`: the message inside stands for itself. Tolerated; no client sends it.
    fn copy(&mut self, message: Message<'_>, body: &[u8], scope: &mut Scope<'_>) {
        self.window.insert(message.msg_id, false);
        let mut reader = Reader(body);
        let mut original = || {
            reader.u32()?;
            // `orig_message:Message` is boxed; be lenient about a bare one.
            if wire::constructor(reader.0) == Some(id::MESSAGE) {
                reader.u32()?;
            }
            read_message(&mut reader)
        };
        let Some(original) = original() else { return self.unreadable(message, scope) };
        let nested = wire::constructor(original.body) == Some(id::MSG_COPY);
        if nested || original.msg_id >= message.msg_id {
            return self.unreadable(message, scope);
        }
        if original.msg_id & 3 != 0 {
            return self.bad_msg(original, code::ID_NOT_DIVISIBLE);
        }
        self.message(original, scope);
    }

    /// A message that was received before: nothing is executed.
    fn again(&mut self, message: Message<'_>, content: bool, lost: bool, scope: &mut Scope<'_>) {
        match self.requests.get(message.msg_id) {
            Some(State::Answered) => self.outbox.repeat_answer(message.msg_id),
            Some(State::Running { .. }) => self.ack_later(message.msg_id, scope.now_ms),
            // The answer was thrown away unacknowledged. The client has to ask anew, under
            // another id; whether it runs twice is then its own decision.
            None if lost => self.bad_msg(message, code::ID_TOO_OLD),
            // Answered and acknowledged, or dropped: there is nothing to say but "received".
            None if content => self.ack_later(message.msg_id, scope.now_ms),
            None => {
                if let Some(constructor) = wire::constructor(message.body) {
                    self.service(constructor, message, false, scope);
                }
            }
        }
    }
}

/// The messages of a container; `None` if the frame does not hold. Bodies are not looked at.
fn split_container(body: &[u8]) -> Option<Vec<Message<'_>>> {
    let mut reader = Reader(body);
    reader.u32()?;
    let count = usize::try_from(reader.u32()?).ok()?;
    // A message has at least 16 bytes: no count can make this allocate more than the packet.
    if count > CONTAINER_MESSAGES_MAX || count > reader.0.len() / 16 {
        return None;
    }
    let mut messages = Vec::with_capacity(count);
    for _ in 0..count {
        messages.push(read_message(&mut reader)?);
    }
    reader.0.is_empty().then_some(messages)
}

fn read_message<'a>(reader: &mut Reader<'a>) -> Option<Message<'a>> {
    let (msg_id, seq_no) = (reader.i64()?, reader.i32()?);
    let len = usize::try_from(reader.u32()?).ok()?;
    Some(Message { msg_id, seq_no, body: reader.take(len)? })
}

fn unpack(body: &[u8], scope: &mut Scope<'_>) -> Option<Bytes> {
    let mut reader = Reader(body);
    reader.u32()?;
    let unpacked = inflate_within(reader.bytes()?, scope.inflate_bytes_left);
    // What fails has cost its work too: at least what is free of the ratio, at most all.
    let cost = unpacked.as_ref().map_or(64 << 10, Bytes::len);
    scope.inflate_bytes_left = scope.inflate_bytes_left.saturating_sub(cost);
    unpacked.ok()
}
