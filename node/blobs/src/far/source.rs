//! Where blobs are asked for that are not here: what others need to know of it.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use crate::id::{BlobId, Manifest};

/// A blob that may be somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// What it is called.
    pub blob: BlobId,
    /// Bytes in it, as whoever showed it has said.
    pub size: u64,
    /// Who showed it: nothing here, to a [`Source`] a hint where it is.
    pub owner: i64,
}

/// Who may have a blob: the name of a node, to a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder(pub [u8; 32]);

/// A holder cannot be asked now, or does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("who has it cannot be reached")]
pub struct Unreachable;

/// What a holder answers: `None` if it does not have it.
pub type Fetching<'a, T> =
    Pin<Box<dyn Future<Output = Result<Option<T>, Unreachable>> + Send + 'a>>;

/// The way to others who have blobs. What they give is checked by whoever asked: nothing of it is
/// used before. An ask that takes longer than [`ASK_WITHIN`](crate::ASK_WITHIN) is dropped.
pub trait Source: Send + Sync {
    /// Who may have a blob, in the order in which they are to be asked; none for what nobody else
    /// has. May block for a moment, as a look into the store does.
    fn holders(&self, wanted: &Wanted) -> Vec<Holder>;

    /// What a blob is made of: what [`Blobs::manifest`](crate::Blobs::manifest) answers there. Not
    /// asked for blobs of one chunk.
    fn manifest(&self, holder: Holder, blob: BlobId) -> Fetching<'_, Manifest>;

    /// One chunk of a blob, from 0: what [`Blobs::chunk`](crate::Blobs::chunk) answers there.
    fn chunk(&self, holder: Holder, blob: BlobId, index: u32) -> Fetching<'_, Bytes>;

    /// What a holder gave is not what it was asked for. Once alone it proves little: a blob of one
    /// chunk that was shown under the name of a larger one looks the same.
    fn bad(&self, holder: Holder, blob: BlobId);
}
