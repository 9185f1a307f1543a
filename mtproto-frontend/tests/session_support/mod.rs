//! A client's side of a session for tests: builds packets, takes apart what comes back.
//!
//! Reads and writes TL by itself, so that a mistake in the session's own code is not mirrored.

#![allow(dead_code, reason = "each test file uses its part")]

use std::sync::Arc;

use bytes::Bytes;
use mtproto_frontend::session::{Event, FirstSalt, NeutralUpdate, Packet, Salts, Session};

pub(crate) const SECRET: [u8; 32] = [7; 32];
pub(crate) const KEY_ID: i64 = 42;
pub(crate) const UNIQUE_ID: i64 = 0x0123_4567_89ab_cdef;
pub(crate) const START_MS: u64 = 1_770_000_000_000;
pub(crate) const BATCH_BYTES: usize = 64 << 10;

pub(crate) const ACK: u32 = 0x62d6_b459;
pub(crate) const BAD_MSG: u32 = 0xa7ef_f811;
pub(crate) const BAD_SALT: u32 = 0xedab_447b;
pub(crate) const CONTAINER: u32 = 0x73f1_f8dc;
pub(crate) const DETAILED_INFO: u32 = 0x276d_3ec6;
pub(crate) const GZIP: u32 = 0x3072_cfa1;
pub(crate) const NEW_DETAILED_INFO: u32 = 0x809d_b6df;
pub(crate) const NEW_SESSION: u32 = 0x9ec2_0908;
pub(crate) const PING: u32 = 0x7abe_77ec;
pub(crate) const PONG: u32 = 0x3477_73c5;
pub(crate) const RPC_ERROR: u32 = 0x2144_ca19;
pub(crate) const RPC_RESULT: u32 = 0xf35c_6d01;
pub(crate) const STATE_INFO: u32 = 0x04de_b57d;
pub(crate) const UPDATES_TOO_LONG: u32 = 0xe317_af7e;
pub(crate) const VECTOR: u32 = 0x1cb5_c415;

/// help.getConfig: stands for any request.
pub(crate) const GET_CONFIG: u32 = 0xc4f9_186b;

/// Builds one TL object.
#[derive(Clone, Default)]
pub(crate) struct Tl(pub(crate) Vec<u8>);

impl Tl {
    pub(crate) fn new(id: u32) -> Self {
        Self(id.to_le_bytes().to_vec())
    }

    pub(crate) fn id(self, id: u32) -> Self {
        self.raw(&id.to_le_bytes())
    }

    pub(crate) fn int(self, value: i32) -> Self {
        self.raw(&value.to_le_bytes())
    }

    pub(crate) fn long(self, value: i64) -> Self {
        self.raw(&value.to_le_bytes())
    }

    pub(crate) fn longs(self, values: &[i64]) -> Self {
        let head = self.id(VECTOR).int(values.len() as i32);
        values.iter().fold(head, |tl, value| tl.long(*value))
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        let len = (bytes.len() as u32).to_le_bytes();
        if bytes.len() < 254 {
            self.0.push(len[0]);
        } else {
            self.0.extend_from_slice(&[254, len[0], len[1], len[2]]);
        }
        self.0.extend_from_slice(bytes);
        while !self.0.len().is_multiple_of(4) {
            self.0.push(0);
        }
        self
    }

    /// A `msg_container` of (msg_id, seq_no, body).
    pub(crate) fn container(parts: &[(i64, i32, Vec<u8>)]) -> Self {
        let head = Self::new(CONTAINER).int(parts.len() as i32);
        parts.iter().fold(head, |tl, (id, seq, body)| {
            tl.long(*id).int(*seq).int(body.len() as i32).raw(body)
        })
    }
}

/// A message that the session sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Got {
    pub(crate) msg_id: i64,
    pub(crate) seq_no: i32,
    pub(crate) body: Bytes,
    /// Number of the packet it came in, in this poll.
    pub(crate) packet: usize,
}

impl Got {
    pub(crate) fn id(&self) -> u32 {
        self.int(0) as u32
    }

    pub(crate) fn int(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.body[at..at + 4].try_into().unwrap())
    }

    pub(crate) fn long(&self, at: usize) -> i64 {
        i64::from_le_bytes(self.body[at..at + 8].try_into().unwrap())
    }

    pub(crate) fn is(&self, id: u32) -> bool {
        self.id() == id
    }
}

/// Time to msg_id.
pub(crate) fn id_at(now_ms: u64) -> i64 {
    (((now_ms / 1000) << 32) | (((now_ms % 1000) << 32) / 1000)) as i64 & !3
}

pub(crate) struct Client {
    pub(crate) session: Session,
    pub(crate) now_ms: u64,
    pub(crate) salt: i64,
    pub(crate) first_salt: Option<FirstSalt>,
    pub(crate) layer: i32,
    generation: u64,
    last_id: i64,
    content: i32,
}

impl Client {
    /// Attached, an hour after the node's start, nothing sent yet.
    pub(crate) fn new() -> Self {
        let mut session = Session::new(1, UNIQUE_ID, START_MS - 3_600_000);
        session.attach(1);
        let mut client = Self {
            session,
            now_ms: START_MS,
            salt: 0,
            first_salt: None,
            layer: 230,
            generation: 1,
            last_id: 0,
            content: 0,
        };
        client.salt = client.salts().current(START_MS);
        client
    }

    /// As [`new`](Self::new), with `new_session_created` out of the way.
    pub(crate) fn known() -> Self {
        let mut client = Self::new();
        client.service(Tl::new(PING).long(0));
        let ack: Vec<i64> =
            client.poll().iter().filter(|got| got.is(NEW_SESSION)).map(|got| got.msg_id).collect();
        assert_eq!(ack.len(), 1);
        client.service(Tl::new(ACK).longs(&ack));
        client
    }

    pub(crate) fn salts(&self) -> Salts<'static> {
        Salts::new(&SECRET, KEY_ID, self.first_salt)
    }

    pub(crate) fn fresh_id(&mut self) -> i64 {
        self.last_id = id_at(self.now_ms).max(self.last_id + 4);
        self.last_id
    }

    pub(crate) fn has_sent(&self) -> bool {
        self.last_id != 0
    }

    pub(crate) fn seq(&mut self, content: bool) -> i32 {
        let seq = self.content * 2 + i32::from(content);
        self.content += i32::from(content);
        seq
    }

    pub(crate) fn receive(&mut self, msg_id: i64, seq_no: i32, body: &[u8]) -> Vec<Event> {
        let body = &Bytes::copy_from_slice(body);
        let packet = Packet { salt: self.salt, msg_id, seq_no, body };
        let salts = self.salts();
        self.session.receive(packet, &salts, self.now_ms)
    }

    /// Sends a request; returns its id and the events.
    pub(crate) fn request(&mut self, body: &[u8]) -> (i64, Vec<Event>) {
        let (msg_id, seq_no) = (self.fresh_id(), self.seq(true));
        (msg_id, self.receive(msg_id, seq_no, body))
    }

    /// Sends help.getConfig, which has to come out as a request.
    pub(crate) fn get_config(&mut self) -> i64 {
        let (msg_id, events) = self.request(&Tl::new(GET_CONFIG).0);
        assert!(
            matches!(&events[..], [Event::Request { msg_id: id, .. }] if *id == msg_id),
            "{events:?}"
        );
        msg_id
    }

    /// Sends a message that is not content-related.
    pub(crate) fn service(&mut self, body: Tl) -> (i64, Vec<Event>) {
        let (msg_id, seq_no) = (self.fresh_id(), self.seq(false));
        (msg_id, self.receive(msg_id, seq_no, &body.0))
    }

    pub(crate) fn container(&mut self, parts: &[(i64, i32, Vec<u8>)]) -> (i64, Vec<Event>) {
        self.service(Tl::container(parts))
    }

    pub(crate) fn ack(&mut self, ids: &[i64]) {
        self.service(Tl::new(ACK).longs(ids));
    }

    /// Everything that is due, containers opened.
    pub(crate) fn poll(&mut self) -> Vec<Got> {
        let mut all = Vec::new();
        for packet in 0.. {
            let Some(outgoing) = self.session.poll(self.now_ms, self.layer, BATCH_BYTES) else {
                break;
            };
            assert_eq!(outgoing.body.len() % 4, 0);
            let head = Got {
                msg_id: outgoing.msg_id,
                seq_no: outgoing.seq_no,
                body: outgoing.body,
                packet,
            };
            if head.is(CONTAINER) {
                all.extend(open_container(&head));
            } else {
                all.push(head);
            }
        }
        all
    }

    /// The only message that is due.
    pub(crate) fn only(&mut self) -> Got {
        let mut all = self.poll();
        assert_eq!(all.len(), 1, "{all:x?}");
        all.remove(0)
    }

    /// The only message, which has to be a bad_msg_notification about this id.
    pub(crate) fn bad_code(&mut self, msg_id: i64) -> i32 {
        let got = self.only();
        assert!(got.is(BAD_MSG), "{got:x?}");
        assert_eq!(got.long(4), msg_id);
        got.int(16)
    }

    pub(crate) fn reconnect(&mut self, generation: u64) {
        self.session.detach(std::mem::replace(&mut self.generation, generation));
        assert!(self.session.poll(self.now_ms, self.layer, BATCH_BYTES).is_none());
        self.session.attach(generation);
    }
}

/// The messages of a container, which is checked on the way.
pub(crate) fn open_container(outer: &Got) -> Vec<Got> {
    assert_eq!(outer.msg_id & 3, 3, "a container answers nothing");
    assert_eq!(outer.seq_no & 1, 0, "and needs no acknowledgement");
    let count = outer.int(4) as usize;
    assert!(count <= 1020);
    let (mut at, mut all) = (8, Vec::new());
    for _ in 0..count {
        let len = outer.int(at + 12) as usize;
        let inner = Got {
            msg_id: outer.long(at),
            seq_no: outer.int(at + 8),
            body: outer.body.slice(at + 16..at + 16 + len),
            packet: outer.packet,
        };
        assert!(inner.msg_id < outer.msg_id);
        assert!(!inner.is(CONTAINER));
        all.push(inner);
        at += 16 + len;
    }
    assert_eq!(at, outer.body.len());
    all
}

pub(crate) const BOOL_TRUE: [u8; 4] = [0xb5, 0x75, 0x72, 0x99];

pub(crate) fn bool_true() -> Bytes {
    Bytes::from_static(&BOOL_TRUE)
}

/// A result that does not shrink.
pub(crate) fn noise(len: usize) -> Bytes {
    let mut state = 0x9e37_79b9_u32;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..len).map(step).collect::<Vec<u8>>().into()
}

/// An update that says its number and the layer that it was encoded at.
#[derive(Debug)]
pub(crate) struct Update(pub(crate) i32);

pub(crate) const UPDATE: u32 = 0xdead_0001;

/// Layers below know nothing of [`Update`].
pub(crate) const UPDATE_LAYER_MIN: i32 = 160;

impl NeutralUpdate for Update {
    fn encode(&self, layer: i32) -> Option<Bytes> {
        (layer >= UPDATE_LAYER_MIN).then(|| Tl::new(UPDATE).int(layer).int(self.0).0.into())
    }
}

pub(crate) fn update(number: i32) -> Arc<Update> {
    Arc::new(Update(number))
}
