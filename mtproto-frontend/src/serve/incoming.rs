//! An encrypted packet from a client: opened, given to its session, and what follows from it.

use std::fmt;
use std::sync::Arc;

use bytes::BytesMut;
use keys::Side;
use keys::message::{self, Opened};
use node_core::{AuthKeyId, Standing};
use rand::Rng as _;
use tokio::time::Instant;

use super::call;
use super::outlet::Outlet;
use super::sessions::SessionEntry;
use crate::auth_keys::KeyEntry;
use crate::frontend::Shared;
use crate::rpc::Addresses;
use crate::session::{DestroyAuthKey, Event, FirstSalt, Packet, Salts, Session};
use crate::transport::{ERROR_FLOOD, ERROR_UNKNOWN_KEY};

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing is said: whatever came was not for us, or an answer would be an oracle.
    Silent,
    /// A transport error goes out first.
    Error(i32),
}

/// Where a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) addresses: Addresses,
    pub(crate) session_id: i64,
    /// The DC of an obfuscated header, where one could be believed.
    pub(crate) transport_dc: Option<i16>,
    /// Which packet it was, and when that came.
    pub(crate) arrival: Arrival,
}

/// One packet, for measurements and logs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    /// Stands in each line that is logged about what the packet asks for, down to the store. Random: it
    /// says nothing of anybody.
    pub(crate) trace: Trace,
}

/// See [`Arrival::trace`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trace(u64);

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Arrival {
    /// A packet that has just come.
    pub(crate) fn now() -> Self {
        Self { at: Instant::now(), trace: Trace(crate::rng().next_u64()) }
    }
}

impl Origin {
    /// The DC that the client believes to talk to. What it said in the key exchange comes first:
    /// the field of the obfuscated header is random in some clients.
    pub(super) fn dc(&self, key: &KeyEntry, default: i32) -> i32 {
        let named = if key.dc != 0 { key.dc } else { self.transport_dc.map_or(0, i32::from) };
        // Media connections are negative.
        match named.abs() {
            0 => default,
            dc => dc,
        }
    }
}

/// A packet that is what it says, and what it was encrypted with.
pub(super) struct Incoming {
    pub(super) key: Arc<KeyEntry>,
    pub(super) message: Opened,
}

/// What a packet asks of the connection that brought it.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// `ping_delay_disconnect`, in seconds.
    pub(super) disconnect_in_s: Option<u32>,
    /// `http_wait`: max_delay, wait_after, max_wait in milliseconds.
    pub(super) http_wait: Option<(u32, u32, u32)>,
    /// `destroy_auth_key`: the message to answer.
    pub(super) destroy_key: Option<i64>,
}

/// Packets from this length on are opened where they lie.
const OPENED_IN_PLACE_MIN: usize = 64 << 10;

/// Finds the key of an encrypted packet and opens it.
pub(super) fn open(
    shared: &Shared,
    auth_key_id: i64,
    payload: BytesMut,
) -> Result<Incoming, Ending> {
    let found = shared.auth_keys.get(auth_key_id, shared.now_ms());
    let key = found.map_err(|cause| {
        // Not -404: the client would throw away a good key.
        tracing::error!(%cause, "auth keys cannot be read");
        Ending::Silent
    })?;
    let key = key.ok_or(Ending::Error(ERROR_UNKNOWN_KEY))?;
    // Any answer to a packet that does not open would be an oracle.
    // A small one is copied: it lies in what may be a large buffer of its connection.
    let opened = match payload.len() {
        ..OPENED_IN_PLACE_MIN => message::open(&key.key, Side::Client, &payload),
        _ => message::open_in_place(&key.key, Side::Client, payload),
    };
    let message = opened.map_err(|_| Ending::Silent)?;
    Ok(Incoming { key, message })
}

/// Whether a key acts for somebody who is logged in. Its id alone is no proof: whoever names it may
/// send more than a stranger, and no more than that.
pub(super) async fn is_of_member(shared: &Shared, auth_key_id: i64) -> bool {
    let Ok(Some(key)) = shared.auth_keys.get(auth_key_id, shared.now_ms()) else { return false };
    let Some(identity) = key.identity() else { return false };
    matches!(shared.standing(&identity).await, Ok(Standing::LoggedIn(_)))
}

impl Incoming {
    /// The session that the packet names.
    pub(super) fn session(
        &self,
        shared: &Shared,
        now_ms: u64,
    ) -> Result<Arc<SessionEntry>, Ending> {
        let session_id = self.message.session_id;
        let make = || Session::new(session_id, random_i64(), shared.not_before_ms);
        let session = shared.sessions.get_or_make(&self.key, session_id, now_ms, make);
        session.ok_or(Ending::Error(ERROR_FLOOD))
    }

    /// Whether the session has not seen this packet yet.
    pub(super) fn is_fresh(&self, session: &SessionEntry) -> bool {
        session.lock().session.is_fresh(self.message.msg_id)
    }

    /// Gives the packet to its session, which is already attached, and runs what it asks for.
    pub(super) fn deliver(
        self,
        shared: &Arc<Shared>,
        session: &Arc<SessionEntry>,
        origin: Origin,
    ) -> Asked {
        let now_ms = shared.now_ms();
        let message = &self.message;
        tracing::debug!(trace = %origin.arrival.trace, bytes = message.body.len(), "a packet came");
        let packet = Packet {
            salt: message.salt,
            msg_id: message.msg_id,
            seq_no: message.seq_no,
            body: &message.body,
        };
        let salts = salts(shared, &self.key);
        let events = session.lock().session.receive(packet, &salts, now_ms);
        let mut asked = Asked::default();
        for event in events {
            match event {
                Event::Request { msg_id, body, .. } => {
                    call::submit(shared, session, msg_id, &body, origin);
                }
                Event::Cancel { msg_id } => call::cancel(session, msg_id),
                Event::Released(released) => call::resume(shared, session, released),
                Event::PingDisconnect { delay_s } => asked.disconnect_in_s = Some(delay_s),
                Event::HttpWait { max_delay_ms, wait_after_ms, max_wait_ms } => {
                    asked.http_wait = Some((max_delay_ms, wait_after_ms, max_wait_ms));
                }
                Event::DestroySession { msg_id, session_id } => {
                    let existed = destroy_session(shared, session, session_id);
                    let mut state = session.lock();
                    state.session.answer_destroy_session(msg_id, session_id, existed);
                }
                Event::DestroyAuthKey { msg_id } => asked.destroy_key = Some(msg_id),
            }
        }
        asked
    }
}

/// The salts of a key.
pub(super) fn salts<'a>(shared: &'a Shared, key: &KeyEntry) -> Salts<'a> {
    let first = FirstSalt { salt: key.first_salt, created_ms: key.created_ms };
    Salts::new(&shared.salt_secret, key.id, Some(first))
}

/// Ends another session of the same key. The one that asks cannot end itself.
fn destroy_session(shared: &Shared, asking: &SessionEntry, session_id: i64) -> bool {
    if session_id == asking.session_id {
        return false;
    }
    let Some(session) = shared.sessions.get(asking.key.id, session_id) else { return false };
    let mut state = session.lock();
    state.session.clear(random_i64());
    state.waiting.clear();
    true
}

/// Deletes the key, durably, and queues the answer; the connection then sends it and ends.
pub(super) async fn destroy_key(shared: &Shared, session: &SessionEntry, msg_id: i64) {
    if let Some(identity) = session.key.identity()
        && !session.key.is_temporary()
        && let Ok(Standing::LoggedIn(user)) = shared.standing(&identity).await
        && let Err(cause) = shared.core.log_out(user, AuthKeyId(identity.id)).await
    {
        tracing::error!(%cause, "the login of a destroyed key stays in the list");
    }
    let outcome = match shared.auth_keys.destroy(&session.key, shared.now_ms()) {
        Ok(ticket) => shared.store.durable(ticket).await,
        Err(cause) => Err(cause),
    };
    let answer = match outcome {
        Ok(()) => DestroyAuthKey::Ok,
        Err(cause) => {
            tracing::error!(%cause, "an auth key was not destroyed");
            DestroyAuthKey::Fail
        }
    };
    session.lock().session.answer_destroy_auth_key(msg_id, answer);
    if answer == DestroyAuthKey::Ok {
        shared.sessions.remove_key(session.key.id);
    }
}

/// The next encrypted packet that is due to a session, appended to `out`; and whether there is more.
/// `None` if none is, or if another outlet than `here` shows the session.
pub(super) fn seal_next(
    shared: &Shared,
    session: &SessionEntry,
    here: Option<&Arc<Outlet>>,
    bytes_max: usize,
    out: &mut Vec<u8>,
) -> Option<bool> {
    let now_ms = shared.now_ms();
    let layer = session.key.client().map_or(tl::LAYER_MAX, |client| client.layer);
    let (packet, is_more) = {
        let mut state = session.lock();
        if here.is_some_and(|here| !state.is_shown_by(here)) {
            return None;
        }
        let packet = state.session.poll(now_ms, layer, bytes_max)?;
        (packet, state.session.has_output(now_ms))
    };
    seal(shared, session, &packet, now_ms, out);
    Some(is_more)
}

/// Encrypts one packet.
pub(super) fn seal(
    shared: &Shared,
    session: &SessionEntry,
    packet: &crate::session::Outgoing,
    now_ms: u64,
    out: &mut Vec<u8>,
) {
    let salt = salts(shared, &session.key).current(now_ms);
    let mut header = [0; message::HEADER_BYTES];
    let fields = [
        &salt.to_le_bytes()[..],
        &session.session_id.to_le_bytes(),
        &packet.msg_id.to_le_bytes(),
        &packet.seq_no.to_le_bytes(),
        &(packet.body.len() as u32).to_le_bytes(),
    ];
    for (to, from) in header.iter_mut().zip(fields.into_iter().flatten()) {
        *to = *from;
    }
    let parts = [&header[..], &packet.body];
    message::seal_into(&session.key.key, Side::Server, &parts, &mut crate::rng(), out);
}

fn random_i64() -> i64 {
    crate::rng().next_u64().cast_signed()
}
