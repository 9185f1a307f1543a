//! How far the store is durable.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::StoreError;

/// The place of a batch in the order of commits. Later commits compare greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(crate) u64);

/// The writing end, held by the commit thread. Dropping it tells every waiter that the store
/// stopped.
pub(crate) struct Watermark(watch::Sender<u64>);

/// The waiting end.
#[derive(Clone)]
pub(crate) struct Waiters(watch::Receiver<u64>);

pub(crate) fn watermark() -> (Watermark, Waiters) {
    let (sender, receiver) = watch::channel(0);
    (Watermark(sender), Waiters(receiver))
}

impl Watermark {
    /// Everything up to `ticket` is durable now.
    pub(crate) fn advance(&self, ticket: u64) {
        self.0.send_replace(ticket);
    }
}

impl Waiters {
    /// Resolves once `ticket` is durable.
    pub(crate) fn durable(&self, ticket: Ticket) -> BoxFuture<'static, Result<(), StoreError>> {
        let mut receiver = self.0.clone();
        async move {
            match receiver.wait_for(|durable| *durable >= ticket.0).await {
                Ok(_) => Ok(()),
                Err(_) => Err(StoreError::Stopped),
            }
        }
        .boxed()
    }
}
