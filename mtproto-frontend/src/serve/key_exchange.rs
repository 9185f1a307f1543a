//! Key exchanges with their I/O: work on the pool, keys into the store, answers in their time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use node_core::Limit;
use parking_lot::Mutex;

use super::incoming::Ending;
use super::refusals::Refusal;
use crate::auth_keys::KeyEntry;
use crate::exchange::{
    Completed, Exchange, Step, Storage, Work, client_nonce, envelope, named_key,
};
use crate::frontend::Shared;
use crate::rpc::Addresses;
use crate::transport::{ERROR_FLOOD, ERROR_UNKNOWN_KEY};

/// Exchanges over HTTP that may be open at once. Protects memory: about 1 KB each.
const HTTP_EXCHANGES_MAX: usize = 2048;

/// The key exchanges of one connection.
pub(super) struct KeyExchange {
    state: Exchange,
    /// The last msg_id of an unencrypted answer.
    last_msg_id: i64,
    /// The client has gone on with the node's key.
    took_key: bool,
}

impl KeyExchange {
    /// Nothing was asked yet.
    pub(super) fn new(shared: &Shared) -> Self {
        let state = Exchange::new(shared.handshakes.server_keys.clone());
        Self { state, last_msg_id: 0, took_key: false }
    }

    /// Takes one unencrypted message and answers it.
    pub(super) async fn message(
        &mut self,
        shared: &Shared,
        addresses: Addresses,
        payload: &[u8],
    ) -> Result<Vec<u8>, Ending> {
        let counts = &shared.exchanges;
        if opens_a_run(payload) {
            let limit = Limit::Handshakes(addresses.remote.ip());
            let rate = shared.bounds.handshakes_per_address;
            shared.core.take_at(limit, rate).await.map_err(|_| {
                shared.refused(addresses.remote, Refusal::TooMany);
                counts.limited.fetch_add(1, Ordering::Relaxed);
                Ending::Error(ERROR_FLOOD)
            })?;
        }
        let now_ms = shared.now_ms();
        let mut step =
            self.state.receive(payload, now_ms, &shared.handshakes.seen, &mut crate::rng());
        let mut answer_at_ms = 0;
        let outcome = loop {
            step = match step {
                Step::Reply(body) => break Ok(body),
                Step::Fail => {
                    shared.refused(addresses.remote, self.why_refused(shared, payload));
                    counts.refused.fetch_add(1, Ordering::Relaxed);
                    break Err(Ending::Error(ERROR_UNKNOWN_KEY));
                }
                Step::Work(work) => {
                    answer_at_ms = work.answer_at_ms();
                    self.took_key = true;
                    self.work(shared, work).await?
                }
                Step::Completed(completed) => {
                    let storage = store(shared, &completed).await;
                    let counter = match storage {
                        Storage::Stored => &counts.done,
                        Storage::Taken => &counts.refused,
                        Storage::Failed => &counts.unstored,
                    };
                    counter.fetch_add(1, Ordering::Relaxed);
                    self.state.conclude(*completed, storage)
                }
            };
        };
        // The same time for every outcome: how long the arithmetic took is nobody's business.
        let early_ms = answer_at_ms.saturating_sub(shared.now_ms());
        if early_ms > 0 {
            tokio::time::sleep(Duration::from_millis(early_ms)).await;
        }
        outcome.map(|body| envelope(self.next_msg_id(shared.now_ms()), &body))
    }

    /// Whether the client knows the fingerprint of the node's key, and has done nothing with it.
    pub(super) fn waits_for_its_key(&self) -> bool {
        !self.took_key && !self.state.is_idle()
    }

    /// What was wrong with a message, for the operator alone.
    fn why_refused(&self, shared: &Shared, payload: &[u8]) -> Refusal {
        match named_key(payload) {
            Some(named) if !shared.handshakes.server_keys.has(named) => Refusal::OtherKey,
            Some(_) if self.took_key => Refusal::BadEncryption,
            _ => Refusal::Exchange,
        }
    }

    async fn work(&mut self, shared: &Shared, work: Work) -> Result<Step, Ending> {
        let waiting = shared.handshakes.submit(work).ok_or_else(|| {
            shared.exchanges.crowded.fetch_add(1, Ordering::Relaxed);
            Ending::Error(ERROR_FLOOD)
        })?;
        // The thread drops the sender only if it panicked.
        let done = waiting.await.map_err(|_| Ending::Error(ERROR_UNKNOWN_KEY))?;
        Ok(self.state.finish(done, shared.now_ms(), &mut crate::rng()))
    }

    /// MTProto: msg_id of an answer is 1 modulo 4, near the time, and grows.
    fn next_msg_id(&mut self, now_ms: u64) -> i64 {
        let seconds = (now_ms / 1000) as i64;
        let fraction = ((now_ms % 1000) << 32) / 1000;
        let at = (seconds << 32) | ((fraction as i64) & !3);
        self.last_msg_id = (at | 1).max(self.last_msg_id + 4);
        self.last_msg_id
    }
}

/// Whether the message is a `req_pq` or `req_pq_multi`.
fn opens_a_run(payload: &[u8]) -> bool {
    use tl::mtproto::functions::{ReqPq, ReqPqMulti};
    let id = payload.get(20..).and_then(|body| body.first_chunk::<4>());
    id.is_some_and(|id| [ReqPq::ID, ReqPqMulti::ID].contains(&u32::from_le_bytes(*id)))
}

/// Keeps a new key: a permanent one is durable before the client hears of it.
async fn store(shared: &Shared, completed: &Completed) -> Storage {
    let now_ms = shared.now_ms();
    match shared.auth_keys.contains(completed.auth_key.id()) {
        Ok(false) if completed.auth_key.id() != 0 => {}
        Ok(_) => return Storage::Taken,
        Err(cause) => return failed(&cause),
    }
    let expires_at =
        completed.expires_in.map_or(0, |seconds| (now_ms / 1000) as i64 + i64::from(seconds));
    let entry = KeyEntry::new(
        completed.auth_key.clone(),
        completed.first_salt,
        completed.dc.unwrap_or(0),
        expires_at,
        now_ms,
    );
    match shared.auth_keys.insert(entry) {
        Ok(None) => Storage::Stored,
        Ok(Some(ticket)) => match shared.store.durable(ticket).await {
            Ok(()) => Storage::Stored,
            Err(cause) => failed(&cause),
        },
        Err(cause) => failed(&cause),
    }
}

fn failed(cause: &node_store::StoreError) -> Storage {
    tracing::error!(%cause, "a new auth key was not stored");
    Storage::Failed
}

/// Key exchanges over HTTP, found again by the client's nonce: the requests of one may come over
/// several connections.
#[derive(Default)]
pub(crate) struct HttpExchanges(Mutex<HashMap<[u8; 16], (KeyExchange, u64)>>);

/// How long the next request of an exchange is waited for.
const HTTP_EXCHANGE_MS: u64 = 60_000;

impl HttpExchanges {
    /// Takes one unencrypted message and answers it.
    pub(super) async fn message(
        &self,
        shared: &Arc<Shared>,
        addresses: Addresses,
        payload: &[u8],
    ) -> Result<Vec<u8>, Ending> {
        let nonce = client_nonce(payload).ok_or(Ending::Error(ERROR_UNKNOWN_KEY))?;
        let known = self.0.lock().remove(&nonce);
        let mut exchange = known.map_or_else(|| KeyExchange::new(shared), |(known, _)| known);
        let answer = exchange.message(shared, addresses, payload).await?;
        if !exchange.state.is_idle() {
            let now_ms = shared.now_ms();
            let mut open = self.0.lock();
            if open.len() >= HTTP_EXCHANGES_MAX {
                open.retain(|_, (_, since)| now_ms.saturating_sub(*since) < HTTP_EXCHANGE_MS);
            }
            if open.len() < HTTP_EXCHANGES_MAX {
                open.insert(nonce, (exchange, now_ms));
            }
        }
        Ok(answer)
    }
}
