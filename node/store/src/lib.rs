//! Ordered keyspaces, one atomic batch at a time, and the word "durable".
//!
//! [`Store`] is what the rest of the node sees; [`SledStore`] keeps it on disk, [`MemoryStore`]
//! in memory for tests. No sled type leaves this crate.
//!
//! A commit is applied and made durable by one thread: while it flushes, the next commits queue
//! up and become one batch. [`Store::commit`] answers a [`Ticket`]; whoever acknowledges
//! something to the outside first awaits [`Store::durable`] for it.

mod batch;
mod memory;
mod sled_store;
#[cfg(test)]
mod tests;
mod watermark;

pub use batch::{Batch, KEY_BYTES_MAX, Keyspace, VALUE_BYTES_MAX};
pub use memory::MemoryStore;
pub use sled_store::SledStore;
pub use watermark::Ticket;

use futures_util::future::BoxFuture;

/// A key and its value, as a scan returns them.
pub type Row = (Vec<u8>, Vec<u8>);

/// Commits waiting for the commit thread. Protects memory: beyond it a caller is told to come
/// back later instead of being queued.
pub const QUEUED_COMMITS_MAX: usize = 1024;

/// Ordered, durable storage of one node.
pub trait Store: Send + Sync + 'static {
    /// The value of `key` in `space`, as of the newest applied batch (which may not be durable
    /// yet: see [`Store::newest`]).
    ///
    /// # Errors
    /// [`StoreError::Io`] when the engine cannot read.
    fn get(&self, space: Keyspace, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// At most `limit` rows of `space` whose key is at or after `from`, in key order.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the engine cannot read.
    fn scan(&self, space: Keyspace, from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError>;

    /// Queues `batch` to be applied whole or not at all, after every batch committed before it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when [`QUEUED_COMMITS_MAX`] batches wait, [`StoreError::TooLarge`]
    /// for a key or value over its bound, [`StoreError::Stopped`] after a failed write.
    fn commit(&self, batch: Batch) -> Result<Ticket, StoreError>;

    /// Resolves when the batch of `ticket`, and all before it, survive a power cut.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] when the commit thread met an error: the batch is not promised.
    fn durable(&self, ticket: Ticket) -> BoxFuture<'static, Result<(), StoreError>>;

    /// The ticket of the newest batch that was applied: a reader that tells the outside what it
    /// read awaits it, because reads may see what is not durable yet.
    fn newest(&self) -> Ticket;
}

/// Why the store refused. Only `Busy` passes by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The queue of commits is full.
    #[error("the store is busy: {QUEUED_COMMITS_MAX} commits are waiting")]
    Busy,
    /// A write failed before; the node has to be restarted on a healthy disk.
    #[error("the store stopped after a failed write")]
    Stopped,
    /// A key or a value is over its bound.
    #[error("{what} of {bytes} bytes is over the bound of {bytes_max}")]
    TooLarge {
        /// "key" or "value".
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// The directory cannot be opened; the text says why and what to do.
    #[error("{0}")]
    Open(String),
    /// The engine failed to read or write.
    #[error("storage engine: {0}")]
    Io(String),
}
