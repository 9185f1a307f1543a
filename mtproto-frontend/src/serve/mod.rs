//! Sockets: the only part of the frontend that does I/O.
//!
//! ```text
//! listener ─► what speaks? ─┬─ MTProto ─► connection ─┐
//!                           ├─ TLS ─► the same again  ├─► incoming ─► session ─► rpc
//!                           └─ HTTP ─► http ─► http_packet ┘
//! ```

mod admission;
mod call;
mod connection;
mod forwarded;
mod handshakes;
mod http;
mod http_packet;
mod hub;
mod incoming;
mod key_exchange;
mod lanes;
mod large_frames;
mod listener;
mod outlet;
mod proxies;
mod refusals;
mod sessions;
mod stream;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use node_core::UserId;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::frontend::{Setup, Shared};
use crate::measure::Watch;

pub(crate) use admission::Admission;
pub(crate) use handshakes::Handshakes;
pub(crate) use hub::Hub;
pub(crate) use key_exchange::HttpExchanges;
pub(crate) use large_frames::LargeFrames;
pub use proxies::{ForwardedBy, Proxies};
pub use refusals::{Refusal, Refusals, Refused};
pub(crate) use sessions::Sessions;
pub use tls::{Certificate, Certificates, TlsError};

/// How often unused keys and sessions leave memory.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// How often expired temporary keys leave the store, and how many rows are looked at in one go.
const PURGE_EVERY: Duration = Duration::from_secs(3600);
const PURGE_ROWS: usize = 1000;

/// The frontend of a node.
pub struct Frontend {
    shared: Arc<Shared>,
    router: Router,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Frontend {
    /// Starts what needs no listener. Called inside a tokio runtime.
    #[must_use]
    pub fn new(mut setup: Setup) -> Self {
        let pages = std::mem::take(&mut setup.pages);
        let shared = Shared::new(setup);
        shared.core.follow(Arc::new(hub::Pusher(Arc::downgrade(&shared))));
        let mut tasks = shared.hub.lanes.start(&shared);
        tasks.push(tokio::spawn(sweep(shared.clone())));
        tasks.push(tokio::spawn(purge(shared.clone())));
        Self { router: http::router(shared.clone(), pages), shared, tasks: Mutex::new(tasks) }
    }

    /// Listens on `addresses`; each takes every protocol. Answers the addresses with the ports
    /// that were taken for 0.
    ///
    /// # Errors
    /// The address that cannot be listened on, and why.
    pub async fn listen(&self, addresses: &[SocketAddr]) -> io::Result<Vec<SocketAddr>> {
        let listeners = listener::bind(addresses).await?;
        let mut bound = Vec::new();
        for listener in listeners {
            bound.push(listener.local_addr()?);
            let (shared, router) = (self.shared.clone(), self.router.clone());
            let task = tokio::spawn(listener::accept_loop(shared, router, listener));
            self.tasks.lock().push(task);
        }
        Ok(bound)
    }

    /// [`Frontend::listen`] for browsers: links lead here from now on.
    ///
    /// # Errors
    /// See [`Frontend::listen`].
    pub async fn listen_for_browsers(
        &self,
        addresses: &[SocketAddr],
    ) -> io::Result<Vec<SocketAddr>> {
        let bound = self.listen(addresses).await?;
        // The first call counts; a node makes one.
        let _ = self.shared.page_listeners.set(bound.clone());
        Ok(bound)
    }

    /// What monitoring reads.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch(self.shared.clone())
    }

    /// Stops listening and waits until what was committed is durable, at most `patience`.
    pub async fn shutdown(&self, patience: Duration) {
        for task in self.tasks.lock().drain(..) {
            task.abort();
        }
        let newest = self.shared.store.newest();
        if tokio::time::timeout(patience, self.shared.store.durable(newest)).await.is_err() {
            tracing::warn!("the store did not finish in time");
        }
    }
}

async fn sweep(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        let now_ms = shared.now_ms();
        shared.sessions.sweep(now_ms);
        shared.hub.sweep();
        shared.auth_keys.sweep(now_ms);
    }
}

async fn purge(shared: Arc<Shared>) {
    let mut every = tokio::time::interval(PURGE_EVERY);
    loop {
        every.tick().await;
        let mut from = Some(Vec::new());
        while let Some(key) = from {
            from = match shared.auth_keys.purge(&key, PURGE_ROWS, shared.now_ms()) {
                Ok(next) => next,
                Err(cause) => {
                    tracing::warn!(%cause, "expired temporary keys stay for now");
                    None
                }
            };
            tokio::task::yield_now().await;
        }
        if let Err(cause) = shared.core.purge_limits().await {
            tracing::warn!(%cause, "full token buckets stay for now");
        }
        let mut from = Some(UserId(0));
        while let Some(user) = from {
            from = shared.core.end_unused(user).await.unwrap_or_else(|cause| {
                tracing::warn!(%cause, "unused logins stay for now");
                None
            });
            tokio::task::yield_now().await;
        }
    }
}
