//! What can go wrong, by what a caller can do about it.

use std::io;
use std::path::PathBuf;

/// Blobs cannot be opened: the operator's to fix.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A directory cannot be made, read or written.
    #[error("{}: {cause}", path.display())]
    Directory {
        /// Which one.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Keys and content would cross a network in the clear.
    #[error(
        "the endpoint {0} is neither https nor this machine; allow_http permits http where the \
         network between is trusted"
    )]
    Insecure(String),
    /// The description of the bucket makes no sense.
    #[error("the S3 place is described wrongly: {0}")]
    Description(String),
    /// Authorities cannot be read.
    #[error(transparent)]
    Trust(#[from] trust::TrustError),
    /// An object was tried in the place, and something did not work.
    #[error("{place}: cannot {step} a probe object: {cause}")]
    Probe {
        /// The directory, or the bucket at its endpoint.
        place: String,
        /// `write`, `read` or `delete`.
        step: &'static str,
        /// What the place answered.
        cause: String,
    },
    /// The place holds blobs under another key. To share it would be to lose them: each node sweeps
    /// away what it does not know.
    #[error(
        "{0} belongs to another node, or to this one under another master key; give each node a \
         directory, a bucket or a prefix of its own"
    )]
    Foreign(String),
}

/// A part was not saved. All but the last four are the client's to fix.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartError {
    /// `FILE_PART_EMPTY`: no bytes.
    #[error("the part is empty")]
    Empty,
    /// `FILE_PART_TOO_BIG`: more than 512 KiB.
    #[error("the part is too big")]
    TooBig,
    /// `FILE_PART_INVALID`: no part has this index.
    #[error("the part's index is out of bounds")]
    Index,
    /// `FILE_PART_SIZE_INVALID`: not divisible by 1 KiB, or 512 KiB is not divisible by it.
    #[error("the part's size is not allowed")]
    Size,
    /// `FILE_PART_SIZE_CHANGED`: another size than the other parts have.
    #[error("the part's size differs from that of others")]
    SizeChanged,
    /// `FILE_PARTS_INVALID`: an impossible number of parts, another one than was said before, or a
    /// small file that became big.
    #[error("the number of parts is wrong")]
    Parts,
    /// `FILE_PARTS_INVALID`: more than [`SMALL_FILE_BYTES_MAX`](crate::SMALL_FILE_BYTES_MAX) in a
    /// small file.
    #[error("a small file became too large")]
    SmallFile,
    /// The owner has too many bytes in unfinished uploads: some must be finished, or expire.
    #[error("too many bytes wait in uploads of this owner")]
    OwnerBytes,
    /// The owner has too many unfinished uploads.
    #[error("too many uploads of this owner are unfinished")]
    OwnerUploads,
    /// Uploads of all owners fill what they may fill.
    #[error("the spool is full")]
    SpoolFull,
    /// The disk of the spool is nearly full.
    #[error("the disk is nearly full")]
    DiskFull,
    /// Too much is going on: to be tried again.
    #[error("busy")]
    Busy,
    /// The spool cannot be written.
    #[error("spool: {0}")]
    Io(#[from] io::Error),
}

/// Parts did not become a blob.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// `FILE_PART_{n}_MISSING`.
    #[error("part {part} is missing")]
    Missing {
        /// The first that is not there.
        part: u32,
    },
    /// `FILE_PARTS_INVALID`: not the number of parts that was sent or announced.
    #[error("the number of parts is wrong")]
    Parts,
    /// `MD5_CHECKSUM_INVALID`.
    #[error("the content does not have the client's checksum")]
    Md5,
    /// The spool or the place failed, or too much is going on.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// A blob was not read, written or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// No such blob.
    #[error("no such blob")]
    NotFound,
    /// It lies elsewhere, and who may have it does not answer: to be tried again.
    #[error("who has the blob cannot be reached")]
    Unreachable,
    /// What lies in the place is not what was put there, or not of the size that was asked for.
    #[error("damaged: {0}")]
    Damaged(String),
    /// More bytes than the caller allows, or than [`PUT_BYTES_MAX`](crate::PUT_BYTES_MAX).
    #[error("too large")]
    TooLarge,
    /// Too much is going on: to be tried again.
    #[error("busy")]
    Busy,
    /// The place failed.
    #[error("place: {0}")]
    Place(String),
    /// The spool failed.
    #[error("spool: {0}")]
    Io(#[from] io::Error),
}

impl From<object_store::Error> for BlobError {
    fn from(cause: object_store::Error) -> Self {
        match cause {
            object_store::Error::NotFound { .. } => Self::NotFound,
            other => Self::Place(chain(&other)),
        }
    }
}

/// An error and its causes: the first line often says little.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text += &format!(": {inner_text}");
        }
        cause = inner.source();
    }
    text
}
