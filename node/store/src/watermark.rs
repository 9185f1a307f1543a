//! How far the store is durable, and whether it still runs.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, pending};
use tokio::sync::watch;

use crate::StoreError;

/// The place of a batch in the order of commits. Later commits compare greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(crate) u64);

impl Ticket {
    /// Its number: what logs name a batch by.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

#[derive(Debug, Clone, Default)]
struct Progress {
    durable: u64,
    failure: Option<Arc<str>>,
}

/// The writing end, held by whoever makes batches durable. Dropping it tells every waiter that
/// the store stopped.
pub(crate) struct Watermark(watch::Sender<Progress>);

/// The waiting end.
#[derive(Clone)]
pub(crate) struct Waiters(watch::Receiver<Progress>);

pub(crate) fn watermark(durable: u64) -> (Watermark, Waiters) {
    let (sender, receiver) = watch::channel(Progress { durable, failure: None });
    (Watermark(sender), Waiters(receiver))
}

impl Watermark {
    /// Everything up to `ticket` is durable now.
    pub(crate) fn advance(&self, ticket: u64) {
        self.0.send_modify(|progress| progress.durable = progress.durable.max(ticket));
    }

    /// Nothing more will become durable.
    pub(crate) fn fail(&self, reason: &str) {
        self.0.send_modify(|progress| {
            progress.failure.get_or_insert_with(|| reason.into());
        });
    }
}

impl Waiters {
    /// Resolves once `ticket` is durable, or can no longer become so.
    pub(crate) fn durable(&self, ticket: Ticket) -> BoxFuture<'static, Result<(), StoreError>> {
        let mut receiver = self.0.clone();
        async move {
            let settled = receiver.wait_for(|p| p.durable >= ticket.0 || p.failure.is_some());
            match settled.await {
                Ok(progress) if progress.durable >= ticket.0 => Ok(()),
                _ => Err(StoreError::Stopped),
            }
        }
        .boxed()
    }

    /// [`Self::durable`] for a thread that is no async task.
    pub(crate) fn wait_durable(&self, ticket: Ticket) -> Result<(), StoreError> {
        block_on(self.durable(ticket))
    }

    /// Resolves with the reason once the writing end has failed.
    pub(crate) fn failed(&self) -> BoxFuture<'static, String> {
        let mut receiver = self.0.clone();
        async move {
            if let Ok(progress) = receiver.wait_for(|p| p.failure.is_some()).await
                && let Some(reason) = &progress.failure
            {
                return reason.to_string();
            }
            pending().await // closed in good order: that is no failure
        }
        .boxed()
    }

    /// Whether a failure was reported.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.borrow().failure.is_some()
    }
}

/// Unparks the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<T>(future: BoxFuture<'_, T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            // A wake between poll and park leaves a token that makes park return at once.
            Poll::Pending => thread::park(),
        }
    }
}
