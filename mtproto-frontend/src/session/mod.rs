//! One MTProto session: message ids, salts, containers, acknowledgements, resends, order.
//!
//! A [`Session`] belongs to one (auth key, session_id) and outlives connections. It is a state
//! machine without I/O: decrypted packets and the time (unix milliseconds) go in, [`Event`]s for
//! the caller come out, and [`Session::poll`] gives the packets to encrypt and send. It answers
//! everything of the service layer itself; the caller executes requests.
//!
//! ```
//! use bytes::Bytes;
//! use mtproto_frontend::session::{Event, Packet, Salts, Session};
//!
//! let (now_ms, secret) = (1_770_000_000_000, [7; 32]);
//! let salts = Salts::new(&secret, 42, None); // of auth key 42
//! // session_id of the client, a random unique_id, ids before the node's start are refused
//! let mut session = Session::new(1, 2, now_ms - 60_000);
//! session.attach(1); // a number for the connection that shows it
//!
//! let body = &Bytes::from_static(&[0x95, 0x4b, 0x1a, 0xc4]); // some request
//! let msg_id = (now_ms as i64 / 1000) << 32;
//! let packet = Packet { salt: salts.current(now_ms), msg_id, seq_no: 1, body };
//! for event in session.receive(packet, &salts, now_ms) {
//!     if let Event::Request { msg_id, .. } = event {
//!         session.reply(msg_id, Bytes::from_static(&[0xb5, 0x75, 0x72, 0x99])); // boolTrue
//!     }
//! }
//! // One container: new_session_created and rpc_result.
//! let packet = session.poll(now_ms, 230, 64 << 10).expect("there is an answer");
//! assert_eq!(packet.msg_id % 4, 3);
//! assert!(session.poll(now_ms, 230, 64 << 10).is_none());
//! ```
//!
//! **The caller's part.** Call [`attach`](Session::attach) when a connection brings the first
//! packet of a session that [`is_fresh`](Session::is_fresh) (or when an HTTP request whose response
//! may be lost is followed by another), [`poll`](Session::poll) until `None` after each `receive`,
//! `reply`, `push` and at
//! [`next_deadline`](Session::next_deadline), [`tick`](Session::tick) about once a minute. Stop
//! reading from the connection while [`is_congested`](Session::is_congested). A session that is
//! dropped forgets which messages it has seen: keep it for at least 330 s after its last packet
//! (older ones are refused by their time), and after `destroy_session` call
//! [`clear`](Session::clear) instead of dropping it.
//!
//! **Bad input.** 16/17 for a msg_id more than 300 s old or 30 s ahead, 18 for one that is not
//! divisible by 4, 19 for a container under the id of a request, 20 below what is remembered,
//! 34/35 for the parity of seq_no where the message's kind leaves no doubt, 48 for a salt, 64 for
//! a container that cannot be read. 32 and 33 are never sent: messages of one session may overtake
//! each other, so a number that does not grow with the id proves nothing, and clients close the
//! session on these codes. What cannot be read as a request is `400 INPUT_FETCH_ERROR`.
//!
//! Sources: <https://core.telegram.org/mtproto/description>,
//! <https://core.telegram.org/mtproto/service_messages>,
//! <https://core.telegram.org/mtproto/service_messages_about_messages>

mod event;
mod ids;
mod inflate;
mod outbox;
mod peel;
mod receive;
mod requests;
mod salts;
mod service;
mod window;
mod wire;

use std::sync::Arc;

use bytes::Bytes;

pub use event::{DestroyAuthKey, Event, NeutralUpdate, Outgoing, Packet, Released, Wait};
pub use inflate::{INFLATED_BYTES_MAX, InflateError, inflate};
pub use salts::{FirstSalt, Salts};

use ids::{Class, msg_id_at};
use outbox::{Origin, Outbox};
use requests::Requests;
use window::Window;
use wire::id;

/// A request that has no answer after this long is acknowledged, in milliseconds.
const ACK_DELAY_MS: u64 = 1000;

/// Acknowledgements that go out at once, whatever their age.
const ACKS_MAX: usize = 256;

/// Ids older than this are refused by their time, so the window need not hold them; 60 s more
/// than the rule, for clocks that move.
const WINDOW_MS: u64 = 360_000;

/// The state of one (auth key, session_id). See the [module](self).
#[derive(Debug)]
pub struct Session {
    session_id: i64,
    unique_id: i64,
    /// Ids below this are refused: what was seen before the node's start is not known.
    not_before: i64,
    /// Whether `new_session_created` was queued.
    announced: bool,
    /// The connection that shows the session.
    generation: Option<u64>,
    /// The last salt that was accepted, and until when it is: saves hashing.
    salt: i64,
    salt_until_ms: u64,
    window: Window,
    requests: Requests,
    outbox: Outbox,
    /// Requests to acknowledge at `acks_due_ms`.
    acks: Vec<i64>,
    acks_due_ms: u64,
}

impl Session {
    /// A session that the client has just named.
    ///
    /// `unique_id` is random. Messages whose id lies before `not_before_ms` (the node's start, in
    /// unix milliseconds) are refused: the ids seen by an earlier run of the node are forgotten,
    /// and without this a restart would let old packets be replayed.
    #[must_use]
    pub fn new(session_id: i64, unique_id: i64, not_before_ms: u64) -> Self {
        Self {
            session_id,
            unique_id,
            not_before: msg_id_at(not_before_ms),
            announced: false,
            generation: None,
            salt: 0,
            salt_until_ms: 0,
            window: Window::new(),
            requests: Requests::default(),
            outbox: Outbox::default(),
            acks: Vec::new(),
            acks_due_ms: 0,
        }
    }

    /// The client's number for this session.
    #[must_use]
    pub fn session_id(&self) -> i64 {
        self.session_id
    }

    /// A connection shows the session from now on. A generation other than the last one means
    /// that what the client has not acknowledged may be lost: it is sent again, under the same
    /// msg_id; answers and updates above 32 KiB are announced by `msg_detailed_info` or
    /// `msg_new_detailed_info` instead.
    pub fn attach(&mut self, generation: u64) {
        if self.generation != Some(generation) {
            self.generation = Some(generation);
            self.outbox.resend_all();
        }
    }

    /// The connection is gone. Does nothing if another one has taken over.
    pub fn detach(&mut self, generation: u64) {
        if self.generation == Some(generation) {
            self.generation = None;
        }
    }

    /// Whether a connection shows the session; only then [`poll`](Self::poll) gives packets.
    #[must_use]
    pub fn is_attached(&self) -> bool {
        self.generation.is_some()
    }

    /// Answers a request with the boxed result in the client's layer.
    ///
    /// The result is wrapped in `rpc_result` and kept until the client acknowledges it. Results
    /// of 16 KiB to 1 MiB that shrink by an eighth are sent as `gzip_packed`, but for file parts.
    /// Does nothing if the request is not running (dropped, answered, of a cleared session).
    ///
    /// Returns the requests that waited for this one, if any: treat them as
    /// [`Event::Released`].
    pub fn reply(&mut self, req_msg_id: i64, result: Bytes) -> Vec<Released> {
        if !self.requests.answer(req_msg_id) {
            return Vec::new();
        }
        let constructor = wire::constructor(&result);
        let mut failed = constructor == Some(id::RPC_ERROR);
        let is_media = matches!(constructor, Some(id::UPLOAD_FILE | id::UPLOAD_CDN_FILE));
        let packed = if is_media { None } else { inflate::deflate(&result) };
        let body = match packed {
            Some(packed) => wire::rpc_result_gzip(req_msg_id, &packed),
            None => wire::rpc_result(req_msg_id, &result),
        };
        if self.outbox.pending_bytes() + body.len() > outbox::PENDING_BYTES_MAX {
            // The client sends requests and reads no answers.
            failed = true;
            let error = wire::rpc_error(420, "FLOOD_WAIT_1");
            self.answer(req_msg_id, wire::rpc_result(req_msg_id, &error));
        } else {
            self.answer(req_msg_id, body);
        }
        self.release(req_msg_id, !failed)
    }

    /// Answers a request with `rpc_error`. Otherwise like [`reply`](Self::reply).
    pub fn reply_error(&mut self, req_msg_id: i64, code: i32, message: &str) -> Vec<Released> {
        self.reply(req_msg_id, wire::rpc_error(code, message))
    }

    /// Queues an answer and forgets that its request had to be acknowledged: it is by this.
    fn answer(&mut self, req_msg_id: i64, rpc_result: Bytes) {
        self.outbox.content(Origin::Reply(req_msg_id), rpc_result);
        self.acks.retain(|id| *id != req_msg_id);
    }

    /// Tells those that waited for a request that it is over, and answers those that fail by it.
    fn release(&mut self, req_msg_id: i64, ok: bool) -> Vec<Released> {
        let released = self.requests.release(req_msg_id, ok);
        for over in released.iter().filter(|released| !released.ready) {
            if self.requests.answer(over.msg_id) {
                let error = wire::rpc_error(400, "MSG_WAIT_FAILED");
                self.answer(over.msg_id, wire::rpc_result(over.msg_id, &error));
            }
        }
        released
    }

    /// Whether the request may run now, given what `invokeAfterMsg` or `invokeAfterMsgs` name.
    ///
    /// It waits for those that this session has received and not answered. An id that it does not
    /// know (not received, or answered and acknowledged) or that is not below the request's own
    /// holds nothing up. If one of them failed (`rpc_error`, or dropped by the client) the request
    /// fails with `400 MSG_WAIT_FAILED`; so it does beyond 4096 waits in one session.
    pub fn wait_for(&mut self, msg_id: i64, after: &[i64]) -> Wait {
        match self.requests.wait_for(msg_id, after) {
            Ok(true) => Wait::Waiting,
            Ok(false) => Wait::Ready,
            Err(()) => Wait::Failed(self.reply_error(msg_id, 400, "MSG_WAIT_FAILED")),
        }
    }

    /// Answers `destroy_session`. Not in `rpc_result`, as the protocol demands.
    pub fn answer_destroy_session(&mut self, _msg_id: i64, session_id: i64, existed: bool) {
        self.outbox.service(Class::Answer, wire::destroy_session_res(session_id, existed));
    }

    /// Answers `destroy_auth_key`, twice: in `rpc_result`, where Telegram Desktop waits for it,
    /// and at top level, where TDLib does. Each ignores the other's form.
    pub fn answer_destroy_auth_key(&mut self, msg_id: i64, outcome: DestroyAuthKey) {
        let result = wire::bare(match outcome {
            DestroyAuthKey::Ok => id::DESTROY_AUTH_KEY_OK,
            DestroyAuthKey::None => id::DESTROY_AUTH_KEY_NONE,
            DestroyAuthKey::Fail => id::DESTROY_AUTH_KEY_FAIL,
        });
        self.outbox.service(Class::Answer, wire::rpc_result(msg_id, &result));
        self.outbox.service(Class::Answer, result);
    }

    /// Sends an update, encoded at the layer that [`poll`](Self::poll) says.
    ///
    /// At most 256 wait. Beyond (the client does not read, or is away), and when one that was
    /// sent is thrown away unacknowledged, all become one `updatesTooLong`, and updates are
    /// ignored until [`resume_updates`](Self::resume_updates). So they are before the first packet
    /// of a session: `new_session_created` comes first, and makes the client fetch the rest.
    pub fn push(&mut self, update: Arc<dyn NeutralUpdate>) {
        if self.announced {
            self.outbox.update(update);
        }
    }

    /// The client has called `updates.getDifference`: updates flow again. Call it before the
    /// difference is read, so that nothing falls between.
    pub fn resume_updates(&mut self) {
        self.outbox.resume_updates();
    }

    /// The login is over: updates that wait must not reach whoever logs in next.
    pub fn drop_updates(&mut self) {
        self.outbox.drop_updates();
    }

    /// Whether updates are ignored after an `updatesTooLong`.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.outbox.is_silent()
    }

    /// The next packet to encrypt and send; `None` if nothing is due or no connection is attached.
    ///
    /// Several messages become one `msg_container` of at most 1020 messages and about `bytes_max`
    /// bytes; a larger message goes alone. Updates are encoded at `layer`. Ids grow strictly and
    /// stay near the clock. If the clock goes back by more than 25 s both cannot be: ids then
    /// start anew from it, because clients ignore messages 30 s ahead.
    pub fn poll(&mut self, now_ms: u64, layer: i32, bytes_max: usize) -> Option<Outgoing> {
        self.generation?;
        let acks = self.acks_due(now_ms);
        let outgoing = self.outbox.poll(now_ms, layer, bytes_max, acks);
        while let Some(origin) = self.outbox.evict() {
            match origin {
                Origin::Reply(req_msg_id) => {
                    self.requests.remove(req_msg_id);
                    self.window.mark_lost(req_msg_id);
                }
                Origin::Update => self.outbox.too_long(),
                Origin::Session => {}
            }
        }
        outgoing
    }

    /// A container without messages: what an HTTP long poll answers when nothing came.
    pub fn empty_container(&mut self, now_ms: u64) -> Outgoing {
        self.outbox.empty_container(now_ms)
    }

    /// Whether [`poll`](Self::poll) would give a packet.
    #[must_use]
    pub fn has_output(&self, now_ms: u64) -> bool {
        let acks = !self.acks.is_empty() && now_ms >= self.acks_due_ms;
        self.generation.is_some() && (acks || self.outbox.has_output())
    }

    /// When (unix milliseconds) [`poll`](Self::poll) has to be called although nothing happens:
    /// for the acknowledgement of requests whose answer is slow.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        (self.generation.is_some() && !self.acks.is_empty()).then_some(self.acks_due_ms)
    }

    /// Whether so much waits for a client that does not read that its connection should not be
    /// read from either (4 MiB or 2048 messages).
    #[must_use]
    pub fn is_congested(&self) -> bool {
        self.outbox.is_congested()
    }

    /// Whether a request has no answer yet: an HTTP response waits for it.
    #[must_use]
    pub fn has_running(&self) -> bool {
        self.requests.running() > 0
    }

    /// Housekeeping: frees the memory of what is over. About once a minute is right.
    pub fn tick(&mut self, now_ms: u64) {
        self.window.forget_below(msg_id_at(now_ms.saturating_sub(WINDOW_MS)));
        self.acks.shrink_to_fit();
        self.outbox.shrink();
    }

    /// `destroy_session`: forgets answers, updates and running requests, and is a new session to
    /// the client from its next message on. What must never repeat stays: the ids seen (a replay
    /// must not revive the session), our own ids and numbers.
    pub fn clear(&mut self, unique_id: i64) {
        self.unique_id = unique_id;
        self.announced = false;
        self.requests = Requests::default();
        self.outbox.clear();
        self.acks = Vec::new();
    }

    /// Bytes of memory that the session holds, itself included.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.window.heap_bytes()
            + self.requests.heap_bytes()
            + self.outbox.heap_bytes()
            + self.acks.capacity() * size_of::<i64>()
    }

    /// Notes that a request has to be acknowledged if its answer is slow.
    fn ack_later(&mut self, msg_id: i64, due_ms: u64) {
        self.acks_due_ms = if self.acks.is_empty() { due_ms } else { self.acks_due_ms.min(due_ms) };
        if !self.acks.contains(&msg_id) {
            self.acks.push(msg_id);
        }
        if self.acks.len() >= ACKS_MAX {
            // By a message of its own, so that the list stays short.
            let acks = self.take_acks();
            self.outbox.service(Class::Other, acks);
        }
    }

    fn acks_due(&mut self, now_ms: u64) -> Option<Bytes> {
        (!self.acks.is_empty() && now_ms >= self.acks_due_ms).then(|| self.take_acks())
    }

    fn take_acks(&mut self) -> Bytes {
        let acks = std::mem::take(&mut self.acks);
        acks.iter().for_each(|id| self.requests.mark_acked(*id));
        wire::msgs_ack(&acks)
    }
}
