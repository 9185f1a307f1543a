//! One session of one auth key: every field of the envelope is the caller's to choose.

use std::sync::Arc;

use keys::{AuthKey, CryptoRng, Side, message};

use crate::clock;

/// What a message says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// Server salt.
    pub salt: i64,
    /// Session.
    pub session_id: i64,
    /// Identifier, nearly the time in 2^-32 s.
    pub msg_id: i64,
    /// Twice the number of content-related messages before, plus one if it is one.
    pub seq_no: i32,
}

/// A session's counters.
#[derive(Debug)]
pub struct Session {
    /// Auth key; shared by the sessions of one client.
    pub key: Arc<AuthKey>,
    /// Server salt for the next message.
    pub salt: i64,
    /// This session.
    pub session_id: i64,
    /// The server's clock minus ours, in seconds.
    pub offset_s: i64,
    last_msg_id: i64,
    content: i32,
}

impl Session {
    /// A new session of a key.
    pub fn new<R: CryptoRng + ?Sized>(
        key: Arc<AuthKey>,
        salt: i64,
        offset_s: i64,
        rng: &mut R,
    ) -> Self {
        let session_id = rng.next_u64() as i64;
        Self { key, salt, session_id, offset_s, last_msg_id: 0, content: 0 }
    }

    /// A msg_id `ahead_s` seconds from now; not remembered.
    pub fn msg_id_at(&self, ahead_s: i64) -> i64 {
        let now = clock::since_epoch();
        let seconds = now.as_secs() as i64 + self.offset_s + ahead_s;
        let fraction = (u64::from(now.subsec_nanos()) << 32) / 1_000_000_000;
        (seconds << 32 | fraction as i64) & !3
    }

    /// The next msg_id: now, and above all before.
    pub fn next_msg_id(&mut self) -> i64 {
        self.last_msg_id = self.msg_id_at(0).max(self.last_msg_id + 4);
        self.last_msg_id
    }

    /// The envelope of the next message.
    pub fn next(&mut self, content: bool) -> Envelope {
        let msg_id = self.next_msg_id();
        let seq_no = self.content * 2 + i32::from(content);
        self.content += i32::from(content);
        Envelope { salt: self.salt, session_id: self.session_id, msg_id, seq_no }
    }

    /// Encrypts `body` under any envelope.
    pub fn seal<R: CryptoRng + ?Sized>(
        &self,
        envelope: Envelope,
        body: &[u8],
        rng: &mut R,
    ) -> Vec<u8> {
        let mut plain = Vec::with_capacity(message::HEADER_BYTES + body.len());
        plain.extend_from_slice(&envelope.salt.to_le_bytes());
        plain.extend_from_slice(&envelope.session_id.to_le_bytes());
        plain.extend_from_slice(&envelope.msg_id.to_le_bytes());
        plain.extend_from_slice(&envelope.seq_no.to_le_bytes());
        plain.extend_from_slice(&(body.len() as u32).to_le_bytes());
        plain.extend_from_slice(body);
        message::seal(&self.key, Side::Client, &plain, rng)
    }
}
