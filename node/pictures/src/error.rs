//! Why there is no photo.

/// Why a file does not become a photo. All but `Encoder` are the sender's to fix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PictureError {
    /// More bytes than are looked at. Telegram: `PHOTO_INVALID`.
    #[error("{bytes} bytes, of at most {bytes_max}")]
    TooLarge {
        /// What came.
        bytes: usize,
        /// What is taken.
        bytes_max: usize,
    },
    /// None of the formats that are read, whatever its name says. Telegram: `PHOTO_EXT_INVALID`.
    #[error("not a JPEG, PNG, WebP, GIF or BMP")]
    NotAPicture,
    /// Too wide, too high, or too narrow for its length. Telegram: `PHOTO_INVALID_DIMENSIONS`.
    #[error("{width} x {height} pixels are no photo")]
    Dimensions {
        /// Pixels, as the file says.
        width: u32,
        /// Pixels, as the file says.
        height: u32,
    },
    /// The shorter side is too short for a profile photo. Telegram: `PHOTO_CROP_SIZE_SMALL`.
    #[error("a side of {side} pixels, of at least {side_min}")]
    TooSmall {
        /// What came.
        side: u32,
        /// What is needed.
        side_min: u32,
    },
    /// Decoding it needs more memory, or more passes, than one picture may have.
    /// Telegram: `IMAGE_PROCESS_FAILED`.
    #[error("decoding needs too much")]
    TooComplex,
    /// Cut short or damaged. Telegram: `IMAGE_PROCESS_FAILED`.
    #[error("damaged: {0}")]
    Damaged(String),
    /// Our own half failed, which no input should be able to cause.
    #[error("encoding failed: {0}")]
    Encoder(String),
}
