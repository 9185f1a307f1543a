//! A connection with a session: sends requests, and sorts and checks what comes back.

use std::collections::VecDeque;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use keys::{AuthKey, CryptoRng, PublicKey, Side, message};
use tl::mtproto::{functions, types};

use crate::clock;
use crate::exchange::{ExchangeError, Fresh, exchange};
use crate::session::{Envelope, Session};
use crate::wire::{Framing, Incoming, Wire, WireError};

/// Most bytes that one gzip_packed of the server may hold.
const INFLATED_BYTES_MAX: u64 = 16 << 20;

/// One message of the server, out of its container if it was in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Its identifier.
    pub msg_id: i64,
    /// Its sequence number.
    pub seq_no: i32,
    /// Its TL value.
    pub body: Vec<u8>,
}

impl Received {
    /// Constructor id.
    pub fn id(&self) -> u32 {
        self.body.first_chunk().map_or(0, |id| u32::from_le_bytes(*id))
    }

    /// The body as a service type, if it is one.
    pub fn service<T: tl::Read>(&self) -> Option<T> {
        tl::from_bytes(&self.body, 0).ok()
    }
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The key exchange.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// A transport error.
    #[error("transport error {0}")]
    Transport(i32),
    /// The server broke the protocol.
    #[error("the server's {0} is wrong")]
    Wrong(&'static str),
    /// bad_msg_notification, with its code.
    #[error("the message was refused: {0}")]
    Refused(i32),
    /// The server's answer did not decode.
    #[error("the server's answer does not decode")]
    Read(#[from] tl::ReadError),
    /// Our own request did not encode.
    #[error("our request does not encode")]
    Write(#[from] tl::WriteError),
    /// `rpc_error`.
    #[error("{code} {name}")]
    Rpc {
        /// HTTP-like class.
        code: i32,
        /// Name.
        name: String,
    },
}

/// A connection with a session.
pub struct Client {
    /// The connection.
    pub wire: Wire,
    /// The session.
    pub session: Session,
    waiting: VecDeque<Received>,
    /// Tokens of quick acks that came.
    pub quick_acks: Vec<u32>,
    /// msg_ids of content-related messages not yet acknowledged.
    unacknowledged: Vec<i64>,
    last_server_msg_id: i64,
}

impl Client {
    /// Connects (intermediate, plain), makes a permanent key and a session.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn connect<R: CryptoRng + ?Sized>(
        address: SocketAddr,
        public: &PublicKey,
        dc: i32,
        rng: &mut R,
    ) -> Result<Self, ClientError> {
        let mut wire = Wire::connect(address, Framing::Intermediate, None, rng)?;
        let fresh = exchange(&mut wire, public, dc, None, rng)?;
        Ok(Self::new(wire, fresh, rng))
    }

    /// A new session of a fresh key on the connection that made it.
    pub fn new<R: CryptoRng + ?Sized>(wire: Wire, fresh: Fresh, rng: &mut R) -> Self {
        let session = Session::new(Arc::new(fresh.key), fresh.salt, fresh.offset_s, rng);
        Self::resume(wire, session)
    }

    /// A session on a new connection.
    pub fn resume(wire: Wire, session: Session) -> Self {
        Self {
            wire,
            session,
            waiting: VecDeque::new(),
            quick_acks: Vec::new(),
            unacknowledged: Vec::new(),
            last_server_msg_id: 0,
        }
    }

    /// Another connection with a new session of the same key.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn sibling<R: CryptoRng + ?Sized>(
        &self,
        address: SocketAddr,
        rng: &mut R,
    ) -> Result<Self, ClientError> {
        let wire = Wire::connect(address, Framing::Intermediate, None, rng)?;
        let session = Session::new(
            Arc::clone(&self.session.key),
            self.session.salt,
            self.session.offset_s,
            rng,
        );
        Ok(Self::resume(wire, session))
    }

    /// The auth key.
    pub fn key(&self) -> &AuthKey {
        &self.session.key
    }

    /// Sends a TL value under the next envelope.
    ///
    /// # Errors
    /// The socket's.
    pub fn send<R: CryptoRng + ?Sized>(
        &mut self,
        body: &[u8],
        content: bool,
        rng: &mut R,
    ) -> Result<Envelope, ClientError> {
        let envelope = self.session.next(content);
        self.send_as(envelope, body, rng)?;
        Ok(envelope)
    }

    /// Sends a TL value under any envelope.
    ///
    /// # Errors
    /// The socket's.
    pub fn send_as<R: CryptoRng + ?Sized>(
        &mut self,
        envelope: Envelope,
        body: &[u8],
        rng: &mut R,
    ) -> Result<(), ClientError> {
        let frame = self.session.seal(envelope, body, rng);
        Ok(self.wire.send(&frame, false)?)
    }

    /// The next message, containers unpacked.
    ///
    /// # Errors
    /// `Wrong` for what a server must not send, and the connection's.
    pub fn receive(&mut self) -> Result<Received, ClientError> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(message);
            }
            match self.wire.receive()? {
                Incoming::Frame(frame) => self.take_frame(&frame)?,
                Incoming::Error(code) => return Err(ClientError::Transport(code)),
                Incoming::QuickAck(token) => self.quick_acks.push(token),
            }
        }
    }

    fn take_frame(&mut self, frame: &[u8]) -> Result<(), ClientError> {
        let opened = message::open(&self.session.key, Side::Server, frame)
            .map_err(|_| ClientError::Wrong("frame"))?;
        if opened.session_id != self.session.session_id {
            return Err(ClientError::Wrong("session_id"));
        }
        if opened.msg_id & 1 == 0 {
            return Err(ClientError::Wrong("msg_id parity"));
        }
        let outer =
            Received { msg_id: opened.msg_id, seq_no: opened.seq_no, body: opened.body.to_vec() };
        match outer.service::<types::MsgContainer>() {
            Some(container) => {
                for inner in container.messages {
                    if inner.msg_id >= outer.msg_id {
                        return Err(ClientError::Wrong("container"));
                    }
                    self.note(Received {
                        msg_id: inner.msg_id,
                        seq_no: inner.seqno,
                        body: inner.body.0,
                    });
                }
            }
            None => self.note(outer),
        }
        Ok(())
    }

    fn note(&mut self, message: Received) {
        if message.seq_no & 1 == 1 {
            self.unacknowledged.push(message.msg_id);
        }
        self.last_server_msg_id = self.last_server_msg_id.max(message.msg_id);
        self.waiting.push_back(message);
    }

    /// Acknowledges what came so far.
    ///
    /// # Errors
    /// The socket's.
    pub fn acknowledge<R: CryptoRng + ?Sized>(&mut self, rng: &mut R) -> Result<(), ClientError> {
        if self.unacknowledged.is_empty() {
            return Ok(());
        }
        let msg_ids = std::mem::take(&mut self.unacknowledged);
        self.send(&tl::to_bytes(&types::MsgsAck { msg_ids }, 0)?, false, rng)?;
        Ok(())
    }

    /// Waits for the first message that `wanted` makes something of; drops the ones before it.
    ///
    /// # Errors
    /// `Timeout` after `within`, and the connection's.
    pub fn wait<T>(
        &mut self,
        within: Duration,
        mut wanted: impl FnMut(&Received) -> Option<T>,
    ) -> Result<T, ClientError> {
        let end = clock::now() + within;
        loop {
            let left = end.saturating_duration_since(clock::now());
            if left.is_zero() {
                return Err(WireError::Timeout.into());
            }
            self.wire.set_timeout(left.max(Duration::from_millis(1)))?;
            let message = self.receive()?;
            if let Some(found) = wanted(&message) {
                return Ok(found);
            }
        }
    }

    /// Waits for the rpc_result of one request: its bytes, inflated.
    ///
    /// A `bad_server_salt` for it is taken to heart: the salt is kept, and `Wrong("salt")` says that
    /// the request has to be sent again.
    ///
    /// # Errors
    /// `Rpc` for an rpc_error; `Refused` for a bad_msg_notification.
    pub fn result(&mut self, msg_id: i64, within: Duration) -> Result<Vec<u8>, ClientError> {
        let mut salt = None;
        let result = self.wait(within, |message| {
            if let Some(result) = message.service::<types::RpcResult>() {
                return (result.req_msg_id == msg_id).then_some(Ok(result.result.0));
            }
            if let Some(bad) = message.service::<types::BadServerSalt>() {
                salt = Some(bad.new_server_salt);
                return (bad.bad_msg_id == msg_id).then_some(Err(ClientError::Wrong("salt")));
            }
            let bad = message.service::<types::BadMsgNotification>()?;
            (bad.bad_msg_id == msg_id).then_some(Err(ClientError::Refused(bad.error_code)))
        })?;
        if let Some(salt) = salt {
            self.session.salt = salt;
        }
        let body = inflate(result?)?;
        if let Ok(error) = tl::from_bytes::<types::RpcError>(&body, 0) {
            return Err(ClientError::Rpc { code: error.error_code, name: error.error_message });
        }
        Ok(body)
    }

    /// Sends bytes of a request and waits for its result; sends it again after a bad salt.
    ///
    /// # Errors
    /// As [`Client::result`].
    pub fn invoke_raw<R: CryptoRng + ?Sized>(
        &mut self,
        body: &[u8],
        rng: &mut R,
    ) -> Result<Vec<u8>, ClientError> {
        for _ in 0..3 {
            let envelope = self.send(body, true, rng)?;
            match self.result(envelope.msg_id, Duration::from_secs(10)) {
                Err(ClientError::Wrong("salt")) => {}
                other => return other,
            }
        }
        Err(ClientError::Wrong("salt, three times"))
    }

    /// Calls a function at a layer.
    ///
    /// # Errors
    /// As [`Client::result`].
    pub fn invoke<F: tl::Function, R: CryptoRng + ?Sized>(
        &mut self,
        request: &F,
        layer: i32,
        rng: &mut R,
    ) -> Result<F::Result, ClientError> {
        let answer = self.invoke_raw(&tl::to_bytes(request, layer)?, rng)?;
        Ok(tl::from_bytes(&answer, layer)?)
    }

    /// Pings and waits for the pong.
    ///
    /// # Errors
    /// The connection's.
    pub fn ping<R: CryptoRng + ?Sized>(&mut self, rng: &mut R) -> Result<(), ClientError> {
        for _ in 0..3 {
            let ping_id = rng.next_u64() as i64;
            let sent = self.send(&tl::to_bytes(&functions::Ping { ping_id }, 0)?, false, rng)?;
            let mut salt = None;
            let answered = self.wait(Duration::from_secs(10), |message| {
                if let Some(bad) = message.service::<types::BadServerSalt>() {
                    salt = Some(bad.new_server_salt);
                    return Some(Ok(false));
                }
                if let Some(bad) = message.service::<types::BadMsgNotification>() {
                    return (bad.bad_msg_id == sent.msg_id)
                        .then_some(Err(ClientError::Refused(bad.error_code)));
                }
                let pong = message.service::<types::Pong>()?;
                Some(if pong.ping_id == ping_id && pong.msg_id == sent.msg_id {
                    Ok(true)
                } else {
                    Err(ClientError::Wrong("pong"))
                })
            })??;
            if answered {
                return Ok(());
            }
            self.session.salt = salt.unwrap_or(self.session.salt);
        }
        Err(ClientError::Wrong("salt, three times"))
    }
}

/// A body out of its gzip_packed, if it is in one.
pub(crate) fn inflate(body: Vec<u8>) -> Result<Vec<u8>, ClientError> {
    let Ok(packed) = tl::from_bytes::<types::GzipPacked>(&body, 0) else { return Ok(body) };
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(packed.packed_data.as_slice())
        .take(INFLATED_BYTES_MAX)
        .read_to_end(&mut out)
        .map_err(|_| ClientError::Wrong("gzip"))?;
    Ok(out)
}
