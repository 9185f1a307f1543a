//! Requests on their way through `rpc` and back into their session.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use node_core::{AuthKeyId, Standing};
use tokio::sync::OwnedSemaphorePermit;
use tracing::{Instrument as _, Span};

use super::incoming::{Arrival, Origin};
use super::sessions::SessionEntry;
use crate::auth_keys::{ClientInfo, KeyEntry};
use crate::frontend::Shared;
use crate::rpc::{self, Context, RpcError, RpcResult, Unwrapped};
use crate::session::{Released, Wait};

/// One request, ready to run.
pub(crate) struct Call {
    pub(crate) msg_id: i64,
    layer: i32,
    query: Bytes,
    /// Said by `initConnection` or `invokeWithLayer` around it, to be kept before the answer.
    client: Option<ClientInfo>,
    /// `invokeWithoutUpdates`.
    without_updates: bool,
    origin: Origin,
    /// For its bytes, while it waits.
    waiting: Option<OwnedSemaphorePermit>,
    about: About,
}

/// What measurements and logs are told of a call.
#[derive(Clone)]
struct About {
    /// None where it names no method that is known.
    method: Option<tl::Method>,
    arrival: Arrival,
    /// Everything that is logged while the call runs stands in it.
    span: Span,
}

impl About {
    fn new(query: &[u8], layer: i32, arrival: Arrival) -> Self {
        let id = query.first_chunk::<4>().map(|id| u32::from_le_bytes(*id));
        let method = id.and_then(|id| tl::Method::from_id(id, layer));
        let name = method.map_or("unknown", tl::Method::name);
        // Of the highest level: a failure has its trace whatever is logged.
        let span = tracing::error_span!("call", trace = %arrival.trace, method = name);
        Self { method, arrival, span }
    }

    /// Of what could not even be unwrapped.
    fn unknown(arrival: Arrival) -> Self {
        Self::new(&[], 0, arrival)
    }
}

/// Bytes of calls that wait for others in one session.
const WAITING_BYTES_MAX: usize = 1 << 20;

/// Takes the wrappers off a request and runs it, now or when those before it are done.
pub(super) fn submit(
    shared: &Arc<Shared>,
    session: &Arc<SessionEntry>,
    msg_id: i64,
    body: &Bytes,
    origin: Origin,
) {
    let next = match prepare(shared, &session.key, body) {
        Err(error) => {
            let about = About::unknown(origin.arrival);
            settle(shared, session, msg_id, &about, Err(error))
        }
        Ok(unwrapped) => {
            let after = unwrapped.after.clone();
            let call = Call::new(&session.key, msg_id, unwrapped, origin);
            if after.is_empty() { vec![call] } else { wait(shared, session, call, &after) }
        }
    };
    run_all(shared, session, next);
}

/// Lets a call wait for others, if it has to. Answers what can run now.
fn wait(shared: &Shared, session: &Arc<SessionEntry>, mut call: Call, after: &[i64]) -> Vec<Call> {
    let msg_id = call.msg_id;
    if let Err(error) = rpc::check_length(&call.query, call.layer) {
        return settle(shared, session, msg_id, &call.about, Err(error));
    }
    let mut state = session.lock();
    match state.session.wait_for(msg_id, after) {
        Wait::Ready => vec![call],
        Wait::Waiting => {
            let bytes = call.query.len();
            let waiting = state.waiting.iter().map(|call| call.query.len()).sum::<usize>();
            let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
            let leave = shared.waiting_bytes.clone().try_acquire_many_owned(permits).ok();
            let fits = waiting.saturating_add(bytes) <= WAITING_BYTES_MAX;
            match leave.filter(|_| fits) {
                Some(leave) => {
                    call.waiting = Some(leave);
                    state.waiting.push(call);
                    Vec::new()
                }
                None => {
                    drop(state);
                    // Those that wait for it fail with it.
                    settle(shared, session, msg_id, &call.about, Err(RpcError::flood_wait(1)))
                }
            }
        }
        Wait::Failed(released) => {
            drop(state);
            release(session, &released)
        }
    }
}

/// What waited and may go on is run; what failed is forgotten.
pub(super) fn resume(shared: &Arc<Shared>, session: &Arc<SessionEntry>, released: Released) {
    let next = release(session, &[released]);
    run_all(shared, session, next);
}

/// Forgets a call that still waits: its client dropped it.
pub(super) fn cancel(session: &SessionEntry, msg_id: i64) {
    session.lock().waiting.retain(|call| call.msg_id != msg_id);
}

fn prepare(shared: &Shared, key: &Arc<KeyEntry>, body: &Bytes) -> RpcResult<Unwrapped> {
    let now_ms = shared.now_ms();
    shared.request_limits.lock().take(key.id, now_ms).map_err(RpcError::flood_wait)?;
    rpc::unwrap(body, key.client().map_or(0, |client| client.layer))
}

impl Call {
    fn new(key: &Arc<KeyEntry>, msg_id: i64, unwrapped: Unwrapped, origin: Origin) -> Self {
        let known = key.client();
        let said_before = known.as_ref().map_or(0, |client| client.layer);
        let layer = unwrapped.layer.unwrap_or(said_before);
        let client = match (unwrapped.client, known) {
            (Some(client), _) => Some(ClientInfo { layer, ..client }),
            (None, Some(known)) if layer != known.layer => {
                Some(ClientInfo { layer, ..(*known).clone() })
            }
            (None, None) if layer != 0 => Some(ClientInfo { layer, ..ClientInfo::default() }),
            (None, _) => None,
        };
        let without_updates = unwrapped.without_updates;
        let about = About::new(&unwrapped.query, layer, origin.arrival);
        Self {
            msg_id,
            layer,
            query: unwrapped.query,
            client,
            without_updates,
            origin,
            waiting: None,
            about,
        }
    }

    async fn run(mut self, shared: Arc<Shared>, session: Arc<SessionEntry>) -> RpcResult<Vec<u8>> {
        // It waits no more.
        self.waiting = None;
        let key = session.key.clone();
        if let Some(client) = self.client {
            // Kept before the answer, so that a restart finds the layer that the client speaks.
            if let Some(ticket) = shared.auth_keys.set_client(&key, client)? {
                shared.store.durable(ticket).await?;
            }
        }
        let mut standing = Standing::Unknown;
        if let Some(identity) = key.identity() {
            standing = shared.standing(&identity).await?;
            if let Standing::LoggedIn(user) = standing
                && !self.without_updates
            {
                let about_bytes = rpc::is_about_bytes(&self.query, self.layer);
                let is_logged_in = || identity.standing().0 == Some(standing);
                let channels = || shared.core.channels_of(user);
                shared.hub.subscribe(user, &session, about_bytes, is_logged_in, channels);
            }
        }
        let ctx = Context {
            layer: self.layer,
            now_ms: shared.now_ms(),
            addresses: self.origin.addresses,
            dc: self.origin.dc(&key, shared.profile.dc),
            session_id: self.origin.session_id,
            msg_id: self.msg_id,
            standing,
            shared,
            key,
        };
        touch(&ctx);
        let executing = AssertUnwindSafe(rpc::execute(&ctx, &self.query));
        executing.catch_unwind().await.unwrap_or_else(|_| {
            tracing::error!("a handler panicked");
            Err(RpcError::new(500, "INTERNAL"))
        })
    }
}

/// Tells core about once an hour that a login is used.
fn touch(ctx: &Context) {
    let (Standing::LoggedIn(user), Some(identity)) = (ctx.standing, ctx.key.identity()) else {
        return;
    };
    if identity.touch(ctx.now_ms) {
        let (core, device) = (ctx.shared.core.clone(), ctx.device());
        tokio::spawn(async move {
            let touched = core.touch_authorization(user, AuthKeyId(identity.id), device).await;
            if let Err(cause) = touched {
                tracing::warn!(%cause, "the last use of a login was not kept");
            }
        });
    }
}

impl Shared {
    /// Whom a permanent key acts for.
    pub(super) async fn standing(&self, identity: &KeyEntry) -> RpcResult<Standing> {
        let (known, generation) = identity.standing();
        if let Some(standing) = known {
            return Ok(standing);
        }
        let standing = self.core.standing(AuthKeyId(identity.id)).await?;
        identity.remember(standing, generation);
        Ok(standing)
    }
}

/// Runs calls, and those that their answers release. What does not finish at once goes on in a
/// task of its own; requests per key are bounded by their bucket.
fn run_all(shared: &Arc<Shared>, session: &Arc<SessionEntry>, mut calls: Vec<Call>) {
    while let Some(call) = calls.pop() {
        let (msg_id, about) = (call.msg_id, call.about.clone());
        let run = call.run(shared.clone(), session.clone());
        let mut running = Box::pin(run.instrument(about.span.clone()));
        match (&mut running).now_or_never() {
            Some(result) => calls.extend(settle(shared, session, msg_id, &about, result)),
            None => {
                let (shared, session) = (shared.clone(), session.clone());
                tokio::spawn(async move {
                    let result = running.await;
                    let next = settle(&shared, &session, msg_id, &about, result);
                    run_all(&shared, &session, next);
                    session.wake();
                });
            }
        }
    }
}

/// Gives an answer to the session; answers the calls that waited for it.
fn settle(
    shared: &Shared,
    session: &SessionEntry,
    msg_id: i64,
    about: &About,
    result: RpcResult<Vec<u8>>,
) -> Vec<Call> {
    let (took, code) = (about.arrival.at.elapsed(), result.as_ref().err().map(|error| error.code));
    shared.calls.count(about.method, took, code);
    tracing::debug!(parent: &about.span, took_us = took.as_micros() as u64, code, "answered");
    let body = result.unwrap_or_else(|error| error.encode());
    let released = session.lock().session.reply(msg_id, body.into());
    release(session, &released)
}

fn release(session: &SessionEntry, released: &[Released]) -> Vec<Call> {
    if released.is_empty() {
        return Vec::new();
    }
    let mut state = session.lock();
    let mut ready = Vec::new();
    for over in released {
        if let Some(at) = state.waiting.iter().position(|call| call.msg_id == over.msg_id) {
            let call = state.waiting.swap_remove(at);
            if over.ready {
                ready.push(call);
            }
        }
    }
    ready
}

#[cfg(test)]
mod tests {
    use keys::AuthKey;
    use tl::functions as f;

    use super::super::incoming::salts;
    use super::*;
    use crate::rpc::Addresses;
    use crate::rpc::tests::{NOW_MS, shared};
    use crate::session::{Event, Packet, Session};

    const LAYER: i32 = tl::LAYER_MAX;

    /// A session on which a call is under way, and the msg_id of that.
    fn busy(shared: &Shared, session_id: i64) -> (Arc<SessionEntry>, i64) {
        let key = AuthKey::from_slice(&[7; 256]).unwrap();
        let key = Arc::new(KeyEntry::new(key, 7, 0, 0, 0));
        let make = || Session::new(session_id, 1, 0);
        let session = shared.sessions.get_or_make(&key, session_id, NOW_MS, make).unwrap();
        let first = ((NOW_MS / 1000) << 32).cast_signed();
        let salts = salts(shared, &key);
        let salt = salts.current(NOW_MS);
        for number in 0..40 {
            let body = Bytes::from(tl::to_bytes(&f::help::GetNearestDc {}, LAYER).unwrap());
            let (msg_id, seq_no) = (first + 4 * number, 2 * number as i32 + 1);
            let packet = Packet { salt, msg_id, seq_no, body: &body };
            let events = session.lock().session.receive(packet, &salts, NOW_MS);
            assert!(matches!(events[..], [Event::Request { .. }]), "{events:?}");
        }
        (session, first)
    }

    /// What is asked after another call, so many bytes long.
    fn after(first: i64, bytes: usize) -> Bytes {
        let query = f::upload::SaveFilePart { file_id: 1, file_part: 0, bytes: vec![7; bytes] };
        let query = tl::Rest(tl::to_bytes(&query, LAYER).unwrap());
        let call = f::InvokeAfterMsg { msg_id: first, query };
        let query = tl::Rest(tl::to_bytes(&call, LAYER).unwrap());
        tl::to_bytes(&f::InvokeWithLayer { layer: LAYER, query }, LAYER).unwrap().into()
    }

    fn waits(session: &SessionEntry) -> usize {
        session.lock().waiting.len()
    }

    #[tokio::test]
    async fn calls_that_wait_are_bounded_by_their_bytes() {
        let shared = shared();
        let free = shared.waiting_bytes.available_permits();
        let address = "127.0.0.1:1".parse().unwrap();
        let addresses = Addresses { local: address, remote: address };
        let arrival = Arrival::now();
        let origin = Origin { addresses, session_id: 1, transport_dc: None, arrival };
        let (session, first) = busy(&shared, 1);
        let ask = |number: i64, bytes| {
            submit(&shared, &session, first + 4 * number, &after(first, bytes), origin);
        };
        // Longer than its method may be: it does not even wait.
        ask(1, 1 << 20);
        assert_eq!(waits(&session), 0);
        ask(2, 500_000);
        ask(3, 500_000);
        assert_eq!(waits(&session), 2);
        ask(4, 500_000);
        assert_eq!(waits(&session), 2, "more than a session may have waiting");
        assert!(free - shared.waiting_bytes.available_permits() > 1_000_000);
        // Another one has its own share, as long as all together do not have too much.
        let (other, _) = busy(&shared, 2);
        let rest = shared.waiting_bytes.clone();
        let held = rest.try_acquire_many(shared.waiting_bytes.available_permits() as u32 - 1000);
        submit(&shared, &other, first + 4, &after(first, 2000), origin);
        assert_eq!(waits(&other), 0);
        drop(held);
        submit(&shared, &other, first + 8, &after(first, 2000), origin);
        assert_eq!(waits(&other), 1);
        // What is dropped or has begun holds nothing.
        cancel(&session, first + 8);
        cancel(&session, first + 12);
        let about = About::unknown(arrival);
        let next = settle(&shared, &other, first, &about, Ok(Vec::new()));
        assert_eq!(next.len(), 1);
        run_all(&shared, &other, next);
        assert_eq!(shared.waiting_bytes.available_permits(), free);
    }
}
