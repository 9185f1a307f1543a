//! The exchange of an auth key, server side: unencrypted messages in, answers and work out.
//!
//! One [`Exchange`] belongs to one connection (over HTTP, to one client nonce: [`client_nonce`]).
//! Each `req_pq` opens a run:
//!
//! ```text
//! req_pq, req_pq_multi    → Reply(resPQ)
//! req_DH_params           → Work (RSA, g^a)  → finish → Reply(server_DH_params_ok)
//! set_client_DH_params    → Work (g^ab)      → finish → Completed → conclude → dh_gen_ok
//! ```
//!
//! The expensive steps are [`Work`] values: a bounded pool of threads runs them and hands the
//! [`Done`] back. [`Completed`] carries the new auth key *before* the client learns of it: the
//! caller stores it durably, then [`Exchange::conclude`] gives the answer, so a client never holds
//! a key that a crash here would forget.
//!
//! Every refusal is one and the same: [`Step::Fail`], transport error -404 and a closed connection
//! (TDLib starts a new exchange on it), whatever was wrong. The run is gone with it. What the
//! caller still does: buckets per address before [`Exchange::receive`], and answers not before
//! [`Work::answer_at_ms`].
//!
//! Source: <https://core.telegram.org/mtproto/auth_key>

mod inner;
mod nonces;
mod run;
mod state;
mod work;

pub use nonces::SeenNonces;
pub use run::{Completed, Storage};
pub use state::{Exchange, Step};
pub use work::{Done, Work};

use keys::{Padding, ServerKey};
use tl::mtproto::functions::ReqDhParams;
use tl::{Read as _, Reader};

/// Runs that one connection may have open; the one that rested longest makes room. Telegram Desktop has two: it
/// probes with `req_pq`, drops that run and goes on with `req_pq_multi`.
pub const RUNS_MAX: usize = 4;
/// How long a run may take from `req_pq` on.
pub const RUN_MS_MAX: u64 = 60_000;
/// How long after its request the answer to a [`Work`] step is sent, success or not.
///
/// Longer than the arithmetic takes on an idle machine (RSA 1.2 ms, two exponentiations 7 ms), so
/// the time of an answer says nothing about the secret numbers or about which check failed.
pub const ANSWER_DELAY_MS: u64 = 25;
/// The longest life of a temporary key; clients ask for a day.
pub const EXPIRES_IN_S_MAX: i32 = 7 * 86_400;
/// How often one run may meet an auth_key_id that is taken before it fails.
pub const RETRIES_MAX: u8 = 3;
/// The longest unencrypted message: the largest request has 396 bytes, TDLib pads by up to 255.
pub const MESSAGE_BYTES_MAX: usize = 1024;

/// The RSA keys that a node serves, shared by all connections.
#[derive(Debug)]
pub struct ServerKeys {
    keys: Vec<ServerKey>,
    accept_sha1_padding: bool,
}

impl ServerKeys {
    /// `resPQ` lists the keys in this order. `accept_sha1_padding` takes the padding of before 2021
    /// too, without which Telethon, Pyrogram and Kurigram cannot connect.
    pub fn new(keys: Vec<ServerKey>, accept_sha1_padding: bool) -> Self {
        Self { keys, accept_sha1_padding }
    }

    fn fingerprints(&self) -> Vec<i64> {
        self.keys.iter().map(ServerKey::fingerprint).collect()
    }

    fn accepts(&self, padding: Padding) -> bool {
        self.accept_sha1_padding || padding == Padding::RsaPad
    }

    /// Whether a key is offered.
    pub fn has(&self, fingerprint: i64) -> bool {
        self.get(fingerprint).is_some()
    }

    fn get(&self, fingerprint: i64) -> Option<&ServerKey> {
        self.keys.iter().find(|key| key.fingerprint() == fingerprint)
    }
}

/// The unencrypted envelope of an answer: auth_key_id 0 (8 bytes) ++ msg_id (8) ++ length (4) ++ body.
pub fn envelope(msg_id: i64, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u32; // a body of ours has at most some hundred bytes
    let head = [&[0; 8][..], &msg_id.to_le_bytes(), &length.to_le_bytes()];
    [&head.concat(), body].concat()
}

/// The body of an unencrypted message; `None` unless the envelope is right.
///
/// Behind the body a padded transport may leave up to 15 bytes. TDLib pads *inside* the length, so
/// a body may be longer than its TL value.
fn body(message: &[u8]) -> Option<&[u8]> {
    let (auth_key_id, rest) = message.split_first_chunk::<8>()?;
    let (_msg_id, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (body, padding) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let fits =
        message.len() <= MESSAGE_BYTES_MAX && padding.len() < 16 && body.len().is_multiple_of(4);
    (fits && *auth_key_id == [0; 8]).then_some(body)
}

/// The nonce that the client chose for its run: the first field of all requests of an exchange.
///
/// Over HTTP the requests of one run may come over several TCP connections: this finds them again.
pub fn client_nonce(message: &[u8]) -> Option<[u8; 16]> {
    body(message)?.get(4..)?.first_chunk().copied()
}

/// The fingerprint of the key for which a `req_DH_params` is encrypted.
pub fn named_key(message: &[u8]) -> Option<i64> {
    let mut reader = Reader::new(body(message)?, 0);
    ReqDhParams::read(&mut reader).ok().map(|request| request.public_key_fingerprint)
}

#[cfg(test)]
mod tests;
