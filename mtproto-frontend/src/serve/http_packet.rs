//! MTProto over plain HTTP: each request carries one packet and is answered by one packet.
//!
//! Source: <https://core.telegram.org/mtproto/service_messages#http-wait-long-poll>

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::{Instant, timeout_at};

use super::connection::next_generation;
use super::incoming::{self, Arrival, Asked, Ending, Origin};
use super::outlet::Outlet;
use super::sessions::SessionEntry;
use crate::frontend::Shared;
use crate::rpc::Addresses;

/// Bytes that one response may have.
const RESPONSE_BYTES_MAX: usize = 1 << 20;

/// How long a request may be held that says nothing of `http_wait`: until its answer is there.
const ANSWER_WAIT: Duration = Duration::from_secs(25);

/// The longest that `http_wait` may hold a request. Proxies give up after a minute.
const HTTP_WAIT_MAX: Duration = Duration::from_secs(50);

/// Answers one packet.
///
/// # Errors
/// The transport error, which becomes a status code.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    addresses: Addresses,
    payload: BytesMut,
) -> Result<Vec<u8>, i32> {
    /// What closes a connection in silence is a bad request here.
    const BAD_REQUEST: i32 = -400;
    packet(shared, addresses, payload).await.map_err(|ending| match ending {
        Ending::Silent => BAD_REQUEST,
        Ending::Error(code) => code,
    })
}

async fn packet(
    shared: &Arc<Shared>,
    addresses: Addresses,
    payload: BytesMut,
) -> Result<Vec<u8>, Ending> {
    let id = payload.first_chunk::<8>().ok_or(Ending::Silent)?;
    let auth_key_id = i64::from_le_bytes(*id);
    if auth_key_id == 0 {
        return shared.http_exchanges.message(shared, addresses, &payload).await;
    }
    let arrival = Arrival::now();
    let incoming = incoming::open(shared, auth_key_id, payload)?;
    let now_ms = shared.now_ms();
    let session = incoming.session(shared, now_ms)?;
    let wake = session.http_wake();
    // The response to the request before may have been lost: what was in it and was not
    // acknowledged is sent again.
    if incoming.is_fresh(&session) || !session.is_shown() {
        session.attach(next_generation(), &wake, incoming.message.msg_id, now_ms);
    }
    let session_id = session.session_id;
    let origin = Origin { addresses, session_id, transport_dc: None, arrival };
    let asked = incoming.deliver(shared, &session, origin);
    if let Some(msg_id) = asked.destroy_key {
        incoming::destroy_key(shared, &session, msg_id).await;
    }
    Ok(wait(shared, &session, &wake, &asked).await)
}

/// Holds the request until there is something to say or its time is over.
async fn wait(shared: &Shared, session: &SessionEntry, wake: &Outlet, asked: &Asked) -> Vec<u8> {
    let (max_delay_ms, wait_after_ms, max_wait_ms) = asked.http_wait.unwrap_or((0, 0, 0));
    let max_wait = match asked.http_wait {
        Some(_) => Duration::from_millis(max_wait_ms.into()).min(HTTP_WAIT_MAX),
        None if session.lock().session.has_running() => ANSWER_WAIT,
        // Nothing was asked, so nothing will come.
        None => Duration::ZERO,
    };
    let mut deadline = Instant::now() + max_wait;
    let mut first = true;
    loop {
        let is_due = {
            let state = session.lock();
            let is_answered = asked.http_wait.is_some() || !state.session.has_running();
            is_answered && state.session.has_output(shared.now_ms())
        };
        if is_due {
            // Something is there: a little longer, for more of it.
            let pause = Duration::from_millis(max_delay_ms.max(wait_after_ms).into());
            if !first || pause.is_zero() {
                break;
            }
            first = false;
            deadline = deadline.min(Instant::now() + pause);
        }
        if timeout_at(deadline, wake.woken()).await.is_err() {
            break;
        }
    }
    let mut out = Vec::new();
    if incoming::seal_next(shared, session, None, RESPONSE_BYTES_MAX, &mut out).is_none() {
        let now_ms = shared.now_ms();
        let empty = session.lock().session.empty_container(now_ms);
        incoming::seal(shared, session, &empty, now_ms, &mut out);
    }
    out
}
