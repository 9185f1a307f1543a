//! What goes to the client: queued, sent and not yet acknowledged, sent again.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::event::{NeutralUpdate, Outgoing};
use super::ids::{Class, MsgIds};
use super::wire;

/// Messages in one container. The published limit is 1020.
const CONTAINER_MESSAGES_MAX: usize = 1020;

/// msg_id, seqno and length of a message in a container.
const MESSAGE_HEAD_BYTES: usize = 16;

/// Messages that are queued at most, but for the answers to what runs already. Beyond, packets
/// are not taken and service messages are dropped: to the client they are lost on the way.
const PENDING_MAX: usize = 4096;

/// Queued bytes above which answers become `420 FLOOD_WAIT_1`: the client sends requests but
/// does not read.
pub(super) const PENDING_BYTES_MAX: usize = 16 << 20;

/// Queued bytes above which the caller should stop reading from the connection.
const PENDING_BYTES_SLOW: usize = 4 << 20;

/// Updates that wait at most; beyond, all become one `updatesTooLong`.
pub(super) const UPDATES_MAX: usize = 256;

/// Messages that are kept until the client acknowledges them; the oldest go first.
const UNACKED_MAX: usize = 1024;

/// Bytes of them. The newest is kept whatever its size.
const UNACKED_BYTES_MAX: usize = 2 << 20;

/// Messages larger than this are announced after a reconnect instead of sent again: the client
/// that still wants them asks by `msg_resend_req`.
pub(super) const ANNOUNCE_BYTES: usize = 32 << 10;

/// Whose a content-related message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// `new_session_created`.
    Session,
    /// An update.
    Update,
    /// The answer to this request.
    Reply(i64),
}

impl Origin {
    fn class(self) -> Class {
        if matches!(self, Self::Reply(_)) { Class::Answer } else { Class::Other }
    }
}

#[derive(Debug)]
enum Pending {
    /// Not content-related: sent once, never acknowledged.
    Service { class: Class, body: Bytes },
    /// Content-related, in its final form.
    Content { origin: Origin, body: Bytes },
    /// Encoded when it is sent.
    Update(Arc<dyn NeutralUpdate>),
}

/// Whether an unacknowledged message has to be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resend {
    No,
    /// The connection changed: a large one is only announced.
    Reconnected,
    /// The client asked for it.
    Asked,
}

#[derive(Debug)]
struct Unacked {
    msg_id: i64,
    seq_no: i32,
    resend: Resend,
    origin: Origin,
    body: Bytes,
}

/// Where the answer to a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) msg_id: i64,
    pub(super) seq_no: i32,
    pub(super) bytes: usize,
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    ids: MsgIds,
    pending: VecDeque<Pending>,
    pending_bytes: usize,
    updates: usize,
    /// Updates stay away until the client has fetched what it missed.
    silent: bool,
    /// Sorted by id.
    unacked: VecDeque<Unacked>,
    unacked_bytes: usize,
    /// How many of `unacked` have to be sent again.
    resends: usize,
}

impl Outbox {
    pub(super) fn service(&mut self, class: Class, body: Bytes) {
        if !self.is_full() {
            self.pending_bytes += body.len();
            self.pending.push_back(Pending::Service { class, body });
        }
    }

    pub(super) fn content(&mut self, origin: Origin, body: Bytes) {
        self.pending_bytes += body.len();
        self.pending.push_back(Pending::Content { origin, body });
    }

    pub(super) fn update(&mut self, update: Arc<dyn NeutralUpdate>) {
        if self.silent {
            return;
        }
        if self.updates >= UPDATES_MAX {
            self.too_long();
            return;
        }
        self.updates += 1;
        self.pending.push_back(Pending::Update(update));
    }

    /// Updates were lost: the client learns that, and nothing more until it has caught up.
    pub(super) fn too_long(&mut self) {
        self.pending.retain(|pending| !matches!(pending, Pending::Update(_)));
        self.updates = 0;
        if !self.silent {
            self.silent = true;
            self.content(Origin::Update, wire::bare(wire::id::UPDATES_TOO_LONG));
        }
    }

    /// Forgets updates that were not sent: they are nobody's any more.
    pub(super) fn drop_updates(&mut self) {
        self.pending.retain(|pending| !matches!(pending, Pending::Update(_)));
        self.updates = 0;
        self.silent = false;
    }

    pub(super) fn resume_updates(&mut self) {
        self.silent = false;
    }

    pub(super) fn is_silent(&self) -> bool {
        self.silent
    }

    pub(super) fn pending_bytes(&self) -> usize {
        self.pending_bytes
    }

    pub(super) fn is_congested(&self) -> bool {
        self.pending_bytes > PENDING_BYTES_SLOW || self.pending.len() > PENDING_MAX / 2
    }

    /// Nothing more should be accepted that needs an answer.
    pub(super) fn is_full(&self) -> bool {
        self.pending.len() >= PENDING_MAX || self.pending_bytes >= PENDING_BYTES_MAX
    }

    pub(super) fn has_output(&self) -> bool {
        !self.pending.is_empty() || self.resends > 0
    }

    /// The client has it. Returns whose it was.
    pub(super) fn acknowledge(&mut self, msg_id: i64) -> Option<Origin> {
        let at = self.unacked.binary_search_by_key(&msg_id, |unacked| unacked.msg_id).ok()?;
        self.remove_unacked(at).map(|unacked| unacked.origin)
    }

    fn remove_unacked(&mut self, at: usize) -> Option<Unacked> {
        let unacked = self.unacked.remove(at)?;
        self.unacked_bytes -= unacked.body.len();
        self.resends -= usize::from(unacked.resend != Resend::No);
        if self.unacked.is_empty() {
            self.unacked = VecDeque::new();
        }
        Some(unacked)
    }

    /// Takes the answer to `req_msg_id` away, sent or not.
    pub(super) fn drop_answer(&mut self, req_msg_id: i64, now_ms: u64) -> Option<Answer> {
        let origin = Origin::Reply(req_msg_id);
        if let Some(at) = self.unacked.iter().position(|unacked| unacked.origin == origin) {
            let unacked = self.remove_unacked(at)?;
            let bytes = unacked.body.len();
            return Some(Answer { msg_id: unacked.msg_id, seq_no: unacked.seq_no, bytes });
        }
        let is_it = |p: &Pending| matches!(p, Pending::Content { origin: o, .. } if *o == origin);
        let at = self.pending.iter().position(is_it)?;
        let Some(Pending::Content { body, .. }) = self.pending.remove(at) else { return None };
        self.pending_bytes -= body.len();
        // It gets the id and number that it would have had now. The number is not used up: the
        // client never sees this message, and would miss one.
        self.restart_ids_if_ahead(now_ms);
        let (msg_id, seq_no) = (self.ids.next(now_ms, Class::Answer), self.ids.next_seq_no(true));
        Some(Answer { msg_id, seq_no, bytes: body.len() })
    }

    /// A request came again whose answer was made: sends a small answer again, tells the id of a
    /// large one. Does nothing if it waits to be sent anyway.
    pub(super) fn repeat_answer(&mut self, req_msg_id: i64) {
        let origin = Origin::Reply(req_msg_id);
        let Some(unacked) = self.unacked.iter_mut().find(|unacked| unacked.origin == origin) else {
            return;
        };
        if unacked.resend != Resend::No {
            return;
        }
        // On a connection that works, a large answer is on its way already.
        unacked.resend = Resend::Reconnected;
        self.resends += 1;
    }

    /// The client asked for a message. False if it is not there.
    pub(super) fn resend(&mut self, msg_id: i64) -> bool {
        let found = self.unacked.binary_search_by_key(&msg_id, |unacked| unacked.msg_id);
        let Some(unacked) = found.ok().and_then(|at| self.unacked.get_mut(at)) else {
            return false;
        };
        self.resends += usize::from(unacked.resend == Resend::No);
        unacked.resend = Resend::Asked;
        true
    }

    /// The client asked for the answer to a request. False if it is not there.
    pub(super) fn resend_answer(&mut self, req_msg_id: i64) -> bool {
        let origin = Origin::Reply(req_msg_id);
        let sent = self.unacked.iter().find(|unacked| unacked.origin == origin);
        match sent.map(|unacked| unacked.msg_id) {
            Some(msg_id) => self.resend(msg_id),
            None => false,
        }
    }

    /// Another connection: everything that is not acknowledged may be lost.
    pub(super) fn resend_all(&mut self) {
        for unacked in &mut self.unacked {
            if unacked.resend == Resend::No {
                unacked.resend = Resend::Reconnected;
            }
        }
        self.resends = self.unacked.len();
    }

    /// Forgets everything but ids and numbers.
    pub(super) fn clear(&mut self) {
        let ids = std::mem::take(&mut self.ids);
        *self = Self { ids, ..Self::default() };
    }

    /// Throws away the oldest unacknowledged message while there are too many. Returns whose it
    /// was.
    pub(super) fn evict(&mut self) -> Option<Origin> {
        let too_many = self.unacked.len() > UNACKED_MAX || self.unacked_bytes > UNACKED_BYTES_MAX;
        if too_many && self.unacked.len() > 1 {
            self.remove_unacked(0).map(|unacked| unacked.origin)
        } else {
            None
        }
    }

    /// The clock went back: what is not acknowledged becomes new messages with ids of today.
    fn restart_ids_if_ahead(&mut self, now_ms: u64) {
        if !self.ids.is_ahead(now_ms) {
            return;
        }
        self.ids.restart();
        while let Some(unacked) = self.unacked.pop_back() {
            self.pending_bytes += unacked.body.len();
            let again = Pending::Content { origin: unacked.origin, body: unacked.body };
            self.pending.push_front(again);
        }
        (self.unacked_bytes, self.resends) = (0, 0);
    }

    /// The next packet: everything that is due, up to `bytes_max` (one message at least).
    pub(super) fn poll(
        &mut self,
        now_ms: u64,
        layer: i32,
        bytes_max: usize,
        acks: Option<Bytes>,
    ) -> Option<Outgoing> {
        self.restart_ids_if_ahead(now_ms);
        let mut batch = Batch::new(bytes_max);
        if let Some(acks) = acks {
            self.add_service(&mut batch, now_ms, Class::Other, acks);
        }
        self.add_resends(&mut batch, now_ms);
        self.add_pending(&mut batch, now_ms, layer);
        if self.pending.is_empty() {
            self.pending = VecDeque::new();
        }
        if let [only] = batch.parts.as_slice()
            && !batch.again
        {
            let Part { msg_id, seq_no, ref body } = *only;
            return Some(Outgoing { msg_id, seq_no, body: body.clone() });
        }
        // A message sent again travels in a container: clients ignore packets whose own id is
        // older than 300 s (TDLib), but not the messages in a container.
        if batch.parts.is_empty() { None } else { Some(self.container(&batch, now_ms)) }
    }

    /// A container without messages.
    pub(super) fn empty_container(&mut self, now_ms: u64) -> Outgoing {
        self.restart_ids_if_ahead(now_ms);
        self.container(&Batch::new(0), now_ms)
    }

    fn container(&mut self, batch: &Batch, now_ms: u64) -> Outgoing {
        let parts = batch.parts.iter().map(|part| (part.msg_id, part.seq_no, &*part.body));
        let body = wire::msg_container(parts, batch.bytes);
        // Its id comes last: above those of its messages.
        let (msg_id, seq_no) = (self.ids.next(now_ms, Class::Other), self.ids.seq_no(false));
        Outgoing { msg_id, seq_no, body }
    }

    fn add_service(&mut self, batch: &mut Batch, now_ms: u64, class: Class, body: Bytes) {
        let (msg_id, seq_no) = (self.ids.next(now_ms, class), self.ids.seq_no(false));
        batch.push(msg_id, seq_no, body);
    }

    fn add_resends(&mut self, batch: &mut Batch, now_ms: u64) {
        if self.resends == 0 {
            return;
        }
        for unacked in &mut self.unacked {
            let bytes = unacked.body.len();
            let announce = unacked.resend == Resend::Reconnected && bytes > ANNOUNCE_BYTES;
            if unacked.resend == Resend::No {
                continue;
            }
            if !batch.has_room(if announce { 24 } else { bytes }) {
                break;
            }
            unacked.resend = Resend::No;
            self.resends -= 1;
            if announce {
                let (id, bytes) = (unacked.msg_id, i32::try_from(bytes).unwrap_or(i32::MAX));
                let body = match unacked.origin {
                    Origin::Reply(req_msg_id) => wire::msg_detailed_info(req_msg_id, id, bytes),
                    Origin::Session | Origin::Update => wire::msg_new_detailed_info(id, bytes),
                };
                let class = unacked.origin.class();
                batch.push(self.ids.next(now_ms, class), self.ids.seq_no(false), body);
            } else {
                batch.again = true;
                batch.push(unacked.msg_id, unacked.seq_no, unacked.body.clone());
            }
        }
    }

    fn add_pending(&mut self, batch: &mut Batch, now_ms: u64, layer: i32) {
        while let Some(pending) = self.pending.pop_front() {
            let encoded = match &pending {
                Pending::Service { body, .. } | Pending::Content { body, .. } => Some(body.clone()),
                Pending::Update(update) => update.encode(layer),
            };
            let Some(body) = encoded else {
                self.updates -= 1;
                continue;
            };
            if !batch.has_room(body.len()) {
                self.pending.push_front(pending);
                break;
            }
            let origin = match pending {
                Pending::Service { class, .. } => {
                    self.pending_bytes -= body.len();
                    self.add_service(batch, now_ms, class, body);
                    continue;
                }
                Pending::Content { origin, .. } => {
                    self.pending_bytes -= body.len();
                    origin
                }
                Pending::Update(_) => {
                    self.updates -= 1;
                    Origin::Update
                }
            };
            let (msg_id, seq_no) = (self.ids.next(now_ms, origin.class()), self.ids.seq_no(true));
            batch.push(msg_id, seq_no, body.clone());
            self.unacked_bytes += body.len();
            let resend = Resend::No;
            self.unacked.push_back(Unacked { msg_id, seq_no, resend, origin, body });
        }
    }

    /// Frees queues that have grown.
    pub(super) fn shrink(&mut self) {
        self.pending.shrink_to_fit();
        self.unacked.shrink_to_fit();
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.pending.capacity() * size_of::<Pending>()
            + self.unacked.capacity() * size_of::<Unacked>()
            + self.pending_bytes
            + self.unacked_bytes
    }
}

struct Part {
    msg_id: i64,
    seq_no: i32,
    body: Bytes,
}

/// The messages of one packet.
struct Batch {
    parts: Vec<Part>,
    /// Of all bodies.
    bytes: usize,
    bytes_max: usize,
    /// It holds a message that was sent before.
    again: bool,
}

impl Batch {
    fn new(bytes_max: usize) -> Self {
        Self { parts: Vec::new(), bytes: 0, bytes_max, again: false }
    }

    fn has_room(&self, body_bytes: usize) -> bool {
        let heads = (self.parts.len() + 1) * MESSAGE_HEAD_BYTES;
        self.parts.is_empty()
            || (self.parts.len() < CONTAINER_MESSAGES_MAX
                && self.bytes + body_bytes + heads <= self.bytes_max)
    }

    fn push(&mut self, msg_id: i64, seq_no: i32, body: Bytes) {
        self.bytes += body.len();
        self.parts.push(Part { msg_id, seq_no, body });
    }
}
