//! A client taken apart: one half speaks, the other hears, each in a thread of its own.

use std::sync::Arc;
use std::time::Duration;

use keys::{AuthKey, CryptoRng, Side, message};
use tl::mtproto::types;

use crate::client::{Client, ClientError, Received};
use crate::session::Session;
use crate::wire::{Incoming, Wire, WireError};

/// Messages after which they are acknowledged, as clients do it: not one by one.
const ACKNOWLEDGED_AT_ONCE: usize = 16;

/// The half that sends.
pub struct Mouth {
    wire: Wire,
    session: Session,
    owed: Vec<i64>,
}

/// The half that receives.
pub struct Ear {
    wire: Wire,
    key: Arc<AuthKey>,
    session_id: i64,
}

impl Client {
    /// Takes a client of a plain connection apart. What waits to be read in it is dropped.
    ///
    /// # Errors
    /// The socket's.
    pub fn split(self) -> Result<(Mouth, Ear), ClientError> {
        let ear = Ear {
            wire: self.wire.duplicate()?,
            key: Arc::clone(&self.session.key),
            session_id: self.session.session_id,
        };
        Ok((Mouth { wire: self.wire, session: self.session, owed: Vec::new() }, ear))
    }
}

impl Mouth {
    /// Sends a content-related TL value, and with it the acknowledgements that are owed. Returns
    /// its msg_id.
    ///
    /// # Errors
    /// The socket's.
    pub fn say<R: CryptoRng + ?Sized>(
        &mut self,
        body: &[u8],
        rng: &mut R,
    ) -> Result<i64, ClientError> {
        let mut burst = Vec::with_capacity(2 * body.len() + 128);
        let msg_id = self.say_into(body, &mut burst, rng)?;
        self.send(&burst)?;
        Ok(msg_id)
    }

    /// As [`Mouth::say`], but the bytes are left to [`Mouth::send`]: many messages, one write.
    ///
    /// # Errors
    /// That something did not encode.
    pub fn say_into<R: CryptoRng + ?Sized>(
        &mut self,
        body: &[u8],
        burst: &mut Vec<u8>,
        rng: &mut R,
    ) -> Result<i64, ClientError> {
        let envelope = self.session.next(true);
        frame(burst, &self.session.seal(envelope, body, rng));
        if self.owed.len() >= ACKNOWLEDGED_AT_ONCE {
            self.acknowledge_into(burst, rng)?;
        }
        Ok(envelope.msg_id)
    }

    /// Sends bytes of [`Mouth::say_into`].
    ///
    /// # Errors
    /// The socket's.
    pub fn send(&mut self, burst: &[u8]) -> Result<(), ClientError> {
        Ok(self.wire.send_raw(burst)?)
    }

    /// Notes a message that came, and acknowledges once there are some: for the half of a member
    /// that only listens.
    ///
    /// # Errors
    /// The socket's.
    pub fn owe<R: CryptoRng + ?Sized>(
        &mut self,
        message: &Received,
        speaks: bool,
        rng: &mut R,
    ) -> Result<(), ClientError> {
        if message.seq_no & 1 == 1 {
            self.owed.push(message.msg_id);
        }
        if !speaks && self.owed.len() >= ACKNOWLEDGED_AT_ONCE {
            let mut burst = Vec::new();
            self.acknowledge_into(&mut burst, rng)?;
            self.send(&burst)?;
        }
        Ok(())
    }

    fn acknowledge_into<R: CryptoRng + ?Sized>(
        &mut self,
        burst: &mut Vec<u8>,
        rng: &mut R,
    ) -> Result<(), ClientError> {
        let msg_ids = std::mem::take(&mut self.owed);
        let acks = tl::to_bytes(&types::MsgsAck { msg_ids }, 0)?;
        let envelope = self.session.next(false);
        frame(burst, &self.session.seal(envelope, &acks, rng));
        Ok(())
    }
}

fn frame(out: &mut Vec<u8>, frame: &[u8]) {
    out.extend_from_slice(&(frame.len() as u32).to_le_bytes());
    out.extend_from_slice(frame);
}

impl Ear {
    /// How long [`Ear::hear`] waits.
    ///
    /// # Errors
    /// The socket's.
    pub fn set_timeout(&self, timeout: Duration) -> Result<(), ClientError> {
        Ok(self.wire.set_timeout(timeout)?)
    }

    /// The messages of the next packet, out of their container.
    ///
    /// # Errors
    /// `Wrong` for what a server must not send, and the connection's.
    pub fn hear(&mut self) -> Result<Vec<Received>, ClientError> {
        let frame = match self.wire.receive()? {
            Incoming::Frame(frame) => frame,
            Incoming::Error(code) => return Err(ClientError::Transport(code)),
            Incoming::QuickAck(_) => return Err(ClientError::Wrong("quick ack")),
        };
        let opened = message::open(&self.key, Side::Server, &frame)
            .map_err(|_| ClientError::Wrong("frame"))?;
        if opened.session_id != self.session_id || opened.msg_id & 1 == 0 {
            return Err(ClientError::Wrong("envelope"));
        }
        if let Ok(container) = tl::from_bytes::<types::MsgContainer>(&opened.body, 0) {
            let inner = container.messages.into_iter().map(|inner| Received {
                msg_id: inner.msg_id,
                seq_no: inner.seqno,
                body: inner.body.0,
            });
            return Ok(inner.collect());
        }
        let (msg_id, seq_no) = (opened.msg_id, opened.seq_no);
        Ok(vec![Received { msg_id, seq_no, body: opened.body.to_vec() }])
    }

    /// Whether nothing comes for this long; what comes is returned.
    ///
    /// # Errors
    /// As [`Ear::hear`].
    pub fn rest(&mut self, quiet: Duration) -> Result<Vec<Received>, ClientError> {
        self.set_timeout(quiet)?;
        let mut late = Vec::new();
        loop {
            match self.hear() {
                Ok(messages) => late.extend(messages),
                Err(ClientError::Wire(WireError::Timeout)) => return Ok(late),
                Err(other) => return Err(other),
            }
        }
    }
}
