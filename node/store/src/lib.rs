//! Ordered keyspaces, one atomic batch at a time, and the word "durable".
//!
//! [`Store`] is what the rest of the node sees; [`SledStore`] keeps it on disk, [`MemoryStore`]
//! in memory for tests, with the faults of a disk. No sled type leaves this crate.
//!
//! A commit is applied and made durable by one thread: while it flushes, the next commits queue
//! up and become one batch. [`Store::commit`] answers a [`Ticket`]; whoever acknowledges
//! something to the outside first awaits [`Store::durable`] for it.
//!
//! Neither store has snapshots, and reads see what is applied but not durable yet. So a reader
//! that answers the outside awaits [`Store::newest`], taken after its last read; and one whose
//! several reads must agree reads again when a version that it keeps among them has changed.
//!
//! [`export`] and [`import`] move a store as a stream of bytes, [`SledStore::back_up`] one that is in
//! use; [`compact`] uses them to rewrite one that has grown. [`Sealed`] is a layer over any store that keeps every row sealed, with what
//! a [`Seal`] gives it: the stores themselves hold no secret; [`AtRest`] is a store on disk of
//! which it is not known yet whether it is sealed, and [`reseal`] changes that. What a store on disk
//! refuses to open, and which damage it cannot see, is written in `sled_store/mark.rs`.

#[cfg(test)]
extern crate self as node_store; // the crash suite's sealing is shared with the unit tests

mod at_rest;
mod batch;
mod disk;
mod export;
mod memory;
mod moving;
mod pieces;
mod seal;
mod sled_store;
mod stream;
mod tape;
#[cfg(test)]
mod tests;
mod watermark;

pub use at_rest::AtRest;
pub use batch::{BATCH_BYTES_MAX, Batch, KEY_BYTES_MAX, Keyspace, VALUE_BYTES_MAX};
pub use disk::Space;
pub use export::{Transfer, export, import, sealing_of, verify};
pub use memory::MemoryStore;
pub use seal::{HIDDEN_KEY_BYTES, SEAL_BYTES_MAX, Seal, Sealed};
pub use sled_store::{Compaction, Resealing, SledStore, compact, reseal};
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

    /// At most `limit` rows of `space` with `from <= key < to`, in `order`; without `to` the range
    /// ends with the keyspace. Descending starts at the highest key below `to`.
    ///
    /// The rows of one scan need not be of one moment: a batch may be applied between two of them.
    /// A reader whose rows must agree compares a version that it keeps among them, and re-reads.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the engine cannot read.
    fn scan(
        &self,
        space: Keyspace,
        from: &[u8],
        to: Option<&[u8]>,
        limit: usize,
        order: Order,
    ) -> Result<Vec<Row>, StoreError>;

    /// Queues `batch` to be applied whole or not at all, after every batch committed before it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when [`QUEUED_COMMITS_MAX`] batches or 8 MiB of them wait,
    /// [`StoreError::TooLarge`] for a key, value or batch over its bound, [`StoreError::Full`] when the disk is nearly full,
    /// [`StoreError::Stopped`] after a failed write.
    fn commit(&self, batch: Batch) -> Result<Ticket, StoreError>;

    /// [`Store::commit`] for a writer that has asked [`Store::admit`] before it decided, and cannot
    /// take back what it decided: the space that is kept free is for this. Blocks the calling
    /// thread while the queue is full.
    ///
    /// # Errors
    /// As [`Store::commit`], but neither [`StoreError::Full`] nor [`StoreError::Busy`].
    fn commit_decided(&self, batch: Batch) -> Result<Ticket, StoreError>;

    /// Resolves when the batch of `ticket`, and all before it, survive a power cut.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] when the commit thread met an error: the batch is not promised.
    fn durable(&self, ticket: Ticket) -> BoxFuture<'static, Result<(), StoreError>>;

    /// Blocks the calling thread until the ticket is durable. For a std thread; an async task
    /// awaits [`Store::durable`] instead.
    ///
    /// # Errors
    /// As [`Store::durable`].
    fn wait_durable(&self, ticket: Ticket) -> Result<(), StoreError>;

    /// The ticket of the newest batch that reads may have seen: a reader that tells the outside what it
    /// read awaits it, because reads may see what is not durable yet.
    fn newest(&self) -> Ticket;

    /// Whether a write would be admitted now.
    ///
    /// # Errors
    /// [`StoreError::Full`] when the disk is too full to write safely, [`StoreError::Stopped`]
    /// after a failed write.
    fn admit(&self) -> Result<(), StoreError>;

    /// Work done since the store was opened.
    fn stats(&self) -> Stats;

    /// Resolves with the reason once a write has failed and the store has stopped; never
    /// otherwise. The node then has nothing to acknowledge any more and had better exit.
    fn failed(&self) -> BoxFuture<'static, String>;
}

/// Direction of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// From the lowest key up.
    Ascending,
    /// From the highest key down.
    Descending,
}

/// What a store has done since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Times that queued batches were written together.
    pub commits: u64,
    /// Batches among them.
    pub batches: u64,
    /// Keys put or deleted.
    pub keys: u64,
    /// Bytes of those keys and their values.
    pub bytes: u64,
    /// `fdatasync` calls that made them durable.
    pub syncs: u64,
    /// Size of the database on disk, where there is one and it can be asked.
    pub disk_bytes: Option<u64>,
    /// Bytes free on the disk that holds it, where there is one and it can be asked.
    pub disk_free_bytes: Option<u64>,
    /// Bytes of batches that wait to be written.
    pub queued_bytes: u64,
}

/// Why the store refused. `Busy` passes by itself, `Full` once there is space again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The queue of commits is full.
    #[error("the store is busy: too many commits are waiting")]
    Busy,
    /// The disk is nearly full; writes are admitted again when there is space.
    #[error("the disk is nearly full: {free_bytes} bytes of {total_bytes} are free")]
    Full {
        /// What this process could still write.
        free_bytes: u64,
        /// Size of the file system.
        total_bytes: u64,
    },
    /// A write failed before; the node has to be restarted on a healthy disk.
    #[error("the store stopped after a failed write")]
    Stopped,
    /// A key, a value or a batch is over its bound.
    #[error("{what} of {bytes} bytes is over the bound of {bytes_max}")]
    TooLarge {
        /// "a key", "a value" or "a batch".
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// The directory cannot be opened; the text says why and what to do.
    #[error("{0}")]
    Open(String),
    /// An export or an import failed; the text says why.
    #[error("{0}")]
    Transfer(String),
    /// The engine failed to read or write.
    #[error("storage engine: {0}")]
    Io(String),
}
