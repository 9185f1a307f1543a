//! Requests on their way through `rpc` and back into their session.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use node_core::{AuthKeyId, Standing};

use super::incoming::Origin;
use super::sessions::SessionEntry;
use crate::auth_keys::{ClientInfo, KeyEntry};
use crate::frontend::Shared;
use crate::rpc::{self, Context, RpcError, RpcResult, Unwrapped};
use crate::session::{Released, Wait};

/// One request, ready to run.
pub(crate) struct Call {
    pub(crate) msg_id: i64,
    layer: i32,
    query: Vec<u8>,
    /// Said by `initConnection` or `invokeWithLayer` around it, to be kept before the answer.
    client: Option<ClientInfo>,
    /// `invokeWithoutUpdates`.
    without_updates: bool,
    origin: Origin,
}

/// Takes the wrappers off a request and runs it, now or when those before it are done.
pub(super) fn submit(
    shared: &Arc<Shared>,
    session: &Arc<SessionEntry>,
    msg_id: i64,
    body: &Bytes,
    origin: Origin,
) {
    let next = match prepare(shared, &session.key, body) {
        Err(error) => settle(session, msg_id, Err(error)),
        Ok(unwrapped) => {
            let after = unwrapped.after.clone();
            let call = Call::new(&session.key, msg_id, unwrapped, origin);
            if after.is_empty() {
                vec![call]
            } else {
                let mut state = session.lock();
                match state.session.wait_for(msg_id, &after) {
                    Wait::Ready => vec![call],
                    Wait::Waiting => {
                        state.waiting.push(call);
                        Vec::new()
                    }
                    Wait::Failed(released) => {
                        drop(state);
                        release(session, &released)
                    }
                }
            }
        }
    };
    run_all(shared, session, next);
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
        Self { msg_id, layer, query: unwrapped.query, client, without_updates, origin }
    }

    async fn run(self, shared: Arc<Shared>, session: Arc<SessionEntry>) -> RpcResult<Vec<u8>> {
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
                shared.hub.subscribe(user, &session, about_bytes, is_logged_in);
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
        let msg_id = call.msg_id;
        let mut running = Box::pin(call.run(shared.clone(), session.clone()));
        match (&mut running).now_or_never() {
            Some(result) => calls.extend(settle(session, msg_id, result)),
            None => {
                let (shared, session) = (shared.clone(), session.clone());
                tokio::spawn(async move {
                    let result = running.await;
                    let next = settle(&session, msg_id, result);
                    run_all(&shared, &session, next);
                    session.wake();
                });
            }
        }
    }
}

/// Gives an answer to the session; answers the calls that waited for it.
fn settle(session: &SessionEntry, msg_id: i64, result: RpcResult<Vec<u8>>) -> Vec<Call> {
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
