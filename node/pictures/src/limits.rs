//! What is taken, and what it may cost.

use crate::PictureError;

/// Memory beside the decoder's: scan lines, the scaled pictures, coefficients and bytes of what is
/// encoded. The largest part is a picture of 5000 x 5000 that is already narrow but still high, with
/// the 2560 x 2560 that it becomes: 58 MB.
pub const WORK_BYTES_MAX: usize = 64 << 20;

/// Bounds of one picture, all checked before its pixels are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the file.
    pub input_bytes_max: usize,
    /// Width + height, in pixels.
    pub sides_sum_max: u32,
    /// The longer side, in shorter ones.
    pub ratio_max: u32,
    /// Memory for the decoded pixels and for what a decoder holds until they are there.
    pub decode_bytes_max: usize,
}

impl Limits {
    /// A photo as Telegram takes it: 10 MB, width + height at most 10 000, ratio at most 20.
    ///
    /// The sum bounds a picture to 25 million pixels. 160 MiB take any JPEG that is decoded line by
    /// line (3 bytes a pixel), a progressive one with halved colours, as cameras write it (6), and a
    /// PNG with transparency (4). What costs more is taken up to fewer pixels: a progressive JPEG
    /// with whole colours (9) up to 18 million, a PNG with 16 bits and transparency (8) up to 20, a
    /// WebP with transparency (13) up to 12.
    ///
    /// Source: <https://core.telegram.org/bots/api#sendphoto>
    pub const PHOTO: Self = Self {
        input_bytes_max: 10_000_000,
        sides_sum_max: 10_000,
        ratio_max: 20,
        decode_bytes_max: 160 << 20,
    };

    /// A picture that a client made to stand for its document: 200 KB, and 320 pixels a side as
    /// it should be; older clients send a little more.
    ///
    /// Source: <https://core.telegram.org/bots/api#senddocument>
    pub const CLIENT_THUMBNAIL: Self = Self {
        input_bytes_max: 200_000,
        sides_sum_max: 2560,
        ratio_max: 20,
        decode_bytes_max: 16 << 20,
    };

    pub(crate) fn check_input(&self, bytes: usize) -> Result<(), PictureError> {
        if bytes > self.input_bytes_max {
            return Err(PictureError::TooLarge { bytes, bytes_max: self.input_bytes_max });
        }
        Ok(())
    }

    pub(crate) fn check_sides(&self, width: u32, height: u32) -> Result<(), PictureError> {
        let (short, long) = (width.min(height), width.max(height));
        let fits = short > 0
            && width.checked_add(height).is_some_and(|sum| sum <= self.sides_sum_max)
            && u64::from(long) <= u64::from(short) * u64::from(self.ratio_max);
        if fits { Ok(()) } else { Err(PictureError::Dimensions { width, height }) }
    }

    pub(crate) fn check_memory(&self, bytes: u64) -> Result<(), PictureError> {
        if bytes > self.decode_bytes_max as u64 { Err(PictureError::TooComplex) } else { Ok(()) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::PHOTO
    }
}
