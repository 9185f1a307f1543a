//! What a client is told of uploads that fail.
//!
//! Source: <https://core.telegram.org/api/files#uploading-files>

use blobs::{AssembleError, BlobError, PartError};
use pictures::{PictureError, StudioError};

use crate::rpc::RpcError;

/// Seconds after which a client tries again where others fill the spool, or the disk.
const FULL_WAIT_S: u32 = 30;

/// Seconds after which a client tries again where a file lies on a node that does not answer. All
/// clients wait that long by themselves and ask again, some of them no longer than 10 s; a 500 makes
/// some of them give up at once.
const FAR_WAIT_S: u32 = 5;

impl From<PartError> for RpcError {
    fn from(error: PartError) -> Self {
        let bad = |name| Self::new(400, name);
        match error {
            PartError::Empty => bad("FILE_PART_EMPTY"),
            PartError::TooBig => bad("FILE_PART_TOO_BIG"),
            PartError::Index => bad("FILE_PART_INVALID"),
            PartError::Size => bad("FILE_PART_SIZE_INVALID"),
            PartError::SizeChanged => bad("FILE_PART_SIZE_CHANGED"),
            PartError::Parts | PartError::SmallFile => bad("FILE_PARTS_INVALID"),
            PartError::OwnerBytes | PartError::OwnerUploads => bad("STORAGE_QUOTA_EXCEEDED"),
            // The operator is told by the log.
            full @ (PartError::SpoolFull | PartError::DiskFull) => {
                tracing::warn!(cause = %full, "no part is taken");
                Self::flood_wait(FULL_WAIT_S)
            }
            PartError::Busy => Self::flood_wait(1),
            other => Self::internal(&other),
        }
    }
}

impl From<AssembleError> for RpcError {
    fn from(error: AssembleError) -> Self {
        match error {
            AssembleError::Missing { part } => {
                Self { code: 400, message: format!("FILE_PART_{part}_MISSING").into() }
            }
            AssembleError::Parts => Self::new(400, "FILE_PARTS_INVALID"),
            AssembleError::Md5 => Self::new(400, "MD5_CHECKSUM_INVALID"),
            AssembleError::Blob(cause) => cause.into(),
            other => Self::internal(&other),
        }
    }
}

impl From<BlobError> for RpcError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::NotFound => Self::new(400, "FILE_ID_INVALID"),
            BlobError::TooLarge => Self::new(400, "FILE_PARTS_INVALID"),
            BlobError::Busy => Self::flood_wait(1),
            BlobError::Unreachable => Self::flood_wait(FAR_WAIT_S),
            other => Self::internal(&other),
        }
    }
}

impl From<StudioError> for RpcError {
    fn from(error: StudioError) -> Self {
        let bad = |name| Self::new(400, name);
        match error {
            StudioError::Busy => Self::flood_wait(1),
            StudioError::Picture(refused) => match refused {
                PictureError::TooLarge { .. } => bad("PHOTO_INVALID"),
                PictureError::NotAPicture => bad("PHOTO_EXT_INVALID"),
                PictureError::Dimensions { .. } => bad("PHOTO_INVALID_DIMENSIONS"),
                PictureError::TooSmall { .. } => bad("PHOTO_CROP_SIZE_SMALL"),
                PictureError::TooComplex | PictureError::Damaged(_) => bad("IMAGE_PROCESS_FAILED"),
                other => Self::internal(&other),
            },
            StudioError::Panicked => bad("IMAGE_PROCESS_FAILED"),
            other => Self::internal(&other),
        }
    }
}
