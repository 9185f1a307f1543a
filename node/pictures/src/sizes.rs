//! Which sizes a photo has.
//!
//! Source: <https://core.telegram.org/api/files#image-thumbnail-types>

use crate::decode::{Decoded, decode};
use crate::encode::{baseline, progressive, stripped};
use crate::raster::{Raster, fitted};
use crate::{Limits, PictureError};

/// One size: its letter, the side of the square that it fits, and whether it comes in passes.
struct Type {
    letter: char,
    side_max: u32,
    progressive: bool,
}

/// Sizes of a photo that fit a box.
const BOXES: [Type; 4] = [
    Type { letter: 'm', side_max: 320, progressive: false },
    Type { letter: 'x', side_max: 800, progressive: false },
    Type { letter: 'y', side_max: 1280, progressive: true },
    Type { letter: 'w', side_max: 2560, progressive: true },
];
/// Sizes of a square photo.
const CROPS: [Type; 3] = [
    Type { letter: 'a', side_max: 160, progressive: false },
    Type { letter: 'b', side_max: 320, progressive: false },
    Type { letter: 'c', side_max: 640, progressive: false },
];
/// Telegram refuses smaller profile photos.
const PROFILE_SIDE_MIN: u32 = 160;

/// A picture as clients get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Photo {
    /// Width of the largest size, in pixels, turned as it is shown.
    pub width: u32,
    /// Height of the largest size.
    pub height: u32,
    /// The bytes of `photoStrippedSize`, type `i`, at most 240.
    pub stripped: Vec<u8>,
    /// From the smallest to the largest; at least one.
    pub sizes: Vec<Size>,
}

/// One size, a JPEG file without any metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Size {
    /// `photoSize.type`.
    pub letter: char,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The file.
    pub bytes: Vec<u8>,
    /// `photoSizeProgressive.sizes`: lengths of the prefixes of the file that can be shown, the
    /// last of them the whole. Empty where the file has one pass: that is a `photoSize`.
    pub progressive: Vec<u32>,
}

/// A photo of a message: sizes `m`, `x`, `y`, `w` and a stripped preview.
///
/// The picture at its own size is the last of them, but for one over 2560 pixels; a size that would
/// enlarge it or repeat it is left out: `m` is always there, `x` if a side is longer than 320, `y`
/// if longer than 800, `w` if longer than 1280.
///
/// # Errors
/// All of [`PictureError`] but `TooSmall`.
pub fn photo(bytes: &[u8], limits: &Limits) -> Result<Photo, PictureError> {
    let Decoded { raster, orientation } = decode(bytes, limits, |_, _| Ok(()))?;
    let whole = raster.whole();
    let largest = raster.fit(whole, 2560)?.upright(orientation);
    in_sizes(largest, &BOXES)
}

/// A photo of a person or of a chat: the square around its middle, in sizes `a`, `b` and `c`.
///
/// `b` is there if the square is larger than 160, `c` if larger than 320; the last stands for all
/// larger ones. Of a GIF the first frame is taken.
///
/// # Errors
/// All of [`PictureError`]; `TooSmall` for a side under 160 pixels.
pub fn profile(bytes: &[u8], limits: &Limits) -> Result<Photo, PictureError> {
    let large_enough = |width: u32, height: u32| match width.min(height) {
        side if side < PROFILE_SIDE_MIN => {
            Err(PictureError::TooSmall { side, side_min: PROFILE_SIDE_MIN })
        }
        _ => Ok(()),
    };
    let Decoded { raster, orientation } = decode(bytes, limits, large_enough)?;
    let middle = raster.middle();
    let largest = raster.fit(middle, 640)?.upright(orientation);
    in_sizes(largest, &CROPS)
}

/// What stands for a document: one size `m` and a stripped preview.
///
/// Of a document that is a picture, with [`Limits::PHOTO`] or other ones; of what a client sends to
/// stand for its document, with [`Limits::CLIENT_THUMBNAIL`].
///
/// # Errors
/// All of [`PictureError`] but `TooSmall`.
pub fn thumbnail(bytes: &[u8], limits: &Limits) -> Result<Photo, PictureError> {
    let Decoded { raster, orientation } = decode(bytes, limits, |_, _| Ok(()))?;
    let whole = raster.whole();
    let largest = raster.fit(whole, 320)?.upright(orientation);
    in_sizes(largest, &BOXES[..1])
}

/// Encodes `largest`, then each smaller size from the one above it.
fn in_sizes(largest: Raster, types: &[Type]) -> Result<Photo, PictureError> {
    let (width, height) = (largest.width, largest.height);
    let long = width.max(height);
    // A size is there if the one below it does not already show everything.
    let below = |index: usize| index.checked_sub(1).map_or(0, |below: usize| types[below].side_max);
    let count = (0..types.len()).filter(|index| below(*index) < long).count();
    let mut sizes = Vec::with_capacity(count);
    let mut current = largest;
    for kind in types[..count].iter().rev() {
        // From the largest one's sides: roundings must not add up.
        let size = fitted(width, height, kind.side_max);
        if size != (current.width, current.height) {
            current = current.scaled(size)?;
        }
        let file = if kind.progressive { progressive(&current)? } else { baseline(&current)? };
        sizes.push(Size {
            letter: kind.letter,
            width: current.width,
            height: current.height,
            bytes: file.bytes,
            progressive: file.prefixes,
        });
    }
    sizes.reverse();
    Ok(Photo { width, height, stripped: stripped(&current)?, sizes })
}
