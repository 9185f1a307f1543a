//! What goes in and out of a session.

use bytes::Bytes;

/// One decrypted packet from the client.
///
/// The caller has already checked the message key, the padding, and that `body` has a length
/// divisible by 4.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// The server salt that the client used.
    pub salt: i64,
    /// The client's message id.
    pub msg_id: i64,
    /// The client's sequence number.
    pub seq_no: i32,
    /// One TL object: a request, a service message or a container.
    pub body: &'a Bytes,
}

/// What the caller has to do after a packet. Everything else is answered by the session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Execute this and give the result to [`Session::reply`] or [`Session::reply_error`].
    ///
    /// [`Session::reply`]: super::Session::reply
    /// [`Session::reply_error`]: super::Session::reply_error
    Request {
        /// Names the request in every later call.
        msg_id: i64,
        /// The client's sequence number, for `bad_msg_notification`-like reports.
        seq_no: i32,
        /// The request; an outer `gzip_packed` is already taken off (one inside `invokeWithLayer`
        /// is not: see [`inflate`](super::inflate)).
        body: Bytes,
    },
    /// The client dropped this request (`rpc_drop_answer`): stop working on it if that is
    /// possible. An answer that comes nevertheless is thrown away.
    Cancel {
        /// The request.
        msg_id: i64,
    },
    /// A request that waited by [`Session::wait_for`](super::Session::wait_for) may go on or is
    /// over.
    Released(Released),
    /// `ping_delay_disconnect`: close *this connection* unless another one comes in this time.
    PingDisconnect {
        /// Seconds from now; what the client asked, at least 0.
        delay_s: u32,
    },
    /// `http_wait`: how long this HTTP request may be held. Bound these by your own limits.
    HttpWait {
        /// After something is there to send, wait this long for more.
        max_delay_ms: u32,
        /// After the last message came, wait this long at least.
        wait_after_ms: u32,
        /// With nothing to send, answer after this long
        /// ([`Session::empty_container`](super::Session::empty_container)).
        max_wait_ms: u32,
    },
    /// `destroy_session`: look the session up under the same auth key, destroy it, and answer by
    /// [`Session::answer_destroy_session`](super::Session::answer_destroy_session).
    DestroySession {
        /// The message to answer.
        msg_id: i64,
        /// The session to destroy.
        session_id: i64,
    },
    /// `destroy_auth_key`: forget the key and all of its sessions, and answer by
    /// [`Session::answer_destroy_auth_key`](super::Session::answer_destroy_auth_key).
    DestroyAuthKey {
        /// The message to answer.
        msg_id: i64,
    },
}

/// The end of a wait for other requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// The request that waited.
    pub msg_id: i64,
    /// True: execute it now. False: what it waited for failed; the session has answered it with
    /// `400 MSG_WAIT_FAILED`, only forget it.
    pub ready: bool,
}

/// Whether a request may run now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// Execute it.
    Ready,
    /// Keep it until [`Event::Released`] (or a [`Released`] returned by a reply) names it.
    Waiting,
    /// A predecessor failed. The session has answered `400 MSG_WAIT_FAILED`; forget the request,
    /// and treat those that waited for it as listed.
    Failed(Vec<Released>),
}

/// How `destroy_auth_key` ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DestroyAuthKey {
    /// The key is deleted.
    Ok,
    /// There was no such key.
    None,
    /// It could not be deleted.
    Fail,
}

/// One packet to encrypt and send: the fields of the plaintext after salt and session_id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The server's message id.
    pub msg_id: i64,
    /// The server's sequence number.
    pub seq_no: i32,
    /// One TL object, its length a multiple of 4.
    pub body: Bytes,
}

/// An update in neutral form, turned into bytes when it is sent.
///
/// Between the two, the client may say another layer; and one update goes to many sessions, so
/// an implementation keeps the bytes that it has made for each layer.
pub trait NeutralUpdate: Send + Sync + std::fmt::Debug {
    /// The boxed `Updates` at `layer`; `None` if that layer cannot say it, then nothing is sent.
    /// The length is a multiple of 4, as of everything in TL.
    fn encode(&self, layer: i32) -> Option<Bytes>;
}
