//! Bytes to pixels, without alpha and at 8 bits.

use std::io::Cursor;

use image::codecs::{bmp::BmpDecoder, gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::raster::{Channels, Raster};
use crate::{Limits, PictureError, jpeg, webp};

/// Memory that a PNG's own records may take: profiles and texts, which nobody reads here.
const PNG_RECORDS_BYTES_MAX: u64 = 16 << 20;
/// What the WebP decoder holds beside its answer, per pixel: planes, a canvas, an alpha plane.
const WEBP_BESIDE: u64 = 9;

/// A decoded picture, still turned as it was taken.
pub(crate) struct Decoded {
    pub(crate) raster: Raster,
    pub(crate) orientation: Orientation,
}

/// Decodes what the first bytes say it is. `sides` may refuse a size beyond what `limits` do.
///
/// # Errors
/// All of [`PictureError`] but `Encoder`.
pub(crate) fn decode(
    bytes: &[u8],
    limits: &Limits,
    sides: impl Fn(u32, u32) -> Result<(), PictureError>,
) -> Result<Decoded, PictureError> {
    limits.check_input(bytes.len())?;
    let check = |width, height| {
        limits.check_sides(width, height)?;
        sides(width, height)
    };
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => decode_jpeg(bytes, limits, check),
        [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => {
            let bound = image_limits(PNG_RECORDS_BYTES_MAX);
            read(PngDecoder::with_limits(Cursor::new(bytes), bound), 0, limits, check)
        }
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => {
            read(GifDecoder::new(Cursor::new(bytes)), 0, limits, check)
        }
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
            webp::check(bytes)?;
            read(WebPDecoder::new(Cursor::new(bytes)), WEBP_BESIDE, limits, check)
        }
        // Two letters say little: the four bytes behind the offsets are the length of a header.
        [b'B', b'M', ..]
            if matches!(bytes.get(14..18), Some([12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0])) =>
        {
            read(BmpDecoder::new(Cursor::new(bytes)), 0, limits, check)
        }
        _ => Err(PictureError::NotAPicture),
    }
}

fn decode_jpeg(
    bytes: &[u8],
    limits: &Limits,
    check: impl Fn(u32, u32) -> Result<(), PictureError>,
) -> Result<Decoded, PictureError> {
    let outline = jpeg::outline(bytes)?;
    let (width, height) = (outline.width, outline.height);
    check(width, height)?;
    let pixels_bytes = u64::from(width) * u64::from(height) * 3;
    let kept = if outline.keeps_coefficients() { outline.coefficient_bytes } else { 0 };
    limits.check_memory(pixels_bytes + kept)?;
    // Not strict: cameras write small faults that every other decoder forgives.
    let options = DecoderOptions::new_safe()
        .set_strict_mode(false)
        .set_max_width(width as usize)
        .set_max_height(height as usize)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let damaged = |cause: &dyn std::fmt::Debug| PictureError::Damaged(format!("{cause:?}"));
    decoder.decode_headers().map_err(|cause| damaged(&cause))?;
    let size = decoder.info().map(|info| (u32::from(info.width), u32::from(info.height)));
    if size != Some((width, height))
        || decoder.output_buffer_size().map(|bytes| bytes as u64) != Some(pixels_bytes)
    {
        return Err(PictureError::Damaged("two sizes".to_owned()));
    }
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    let mut pixels = vec![0; pixels_bytes as usize];
    decoder.decode_into(&mut pixels).map_err(|cause| damaged(&cause))?;
    Ok(Decoded {
        raster: Raster::new(width, height, Channels::Rgb, pixels),
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
    })
}

/// Reads the first picture of any other format. `beside` is what its decoder holds per pixel.
fn read<D: ImageDecoder>(
    decoder: Result<D, ImageError>,
    beside: u64,
    limits: &Limits,
    check: impl Fn(u32, u32) -> Result<(), PictureError>,
) -> Result<Decoded, PictureError> {
    let mut decoder = decoder.map_err(reason)?;
    let (width, height) = decoder.dimensions();
    check(width, height)?;
    let pixels_bytes = decoder.total_bytes();
    let cost = pixels_bytes + u64::from(width) * u64::from(height) * beside;
    limits.check_memory(cost)?;
    decoder.set_limits(image_limits(limits.decode_bytes_max as u64 - cost)).map_err(reason)?;
    let color = decoder.color_type();
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut pixels = vec![0; pixels_bytes as usize];
    decoder.read_image(&mut pixels).map_err(reason)?;
    let channels = flatten(&mut pixels, color)?;
    Ok(Decoded { raster: Raster::new(width, height, channels, pixels), orientation })
}

fn image_limits(alloc_bytes_max: u64) -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(alloc_bytes_max);
    limits
}

fn reason(error: ImageError) -> PictureError {
    match error {
        ImageError::Limits(_) => PictureError::TooComplex,
        other => PictureError::Damaged(other.to_string()),
    }
}

/// Brings pixels to 8 bits and lays them on white, in place: a copy of a large picture would
/// double what it costs.
fn flatten(pixels: &mut Vec<u8>, color: ColorType) -> Result<Channels, PictureError> {
    match color {
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => {
            let samples = pixels.len() / 2;
            for index in 0..samples {
                let sample = u16::from_ne_bytes([pixels[index * 2], pixels[index * 2 + 1]]);
                pixels[index] = (sample >> 8) as u8;
            }
            pixels.truncate(samples);
        }
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => {}
        other => return Err(PictureError::Damaged(format!("{other:?}"))),
    }
    match color.channel_count() {
        1 => Ok(Channels::Grey),
        2 => {
            lay_on_white::<2>(pixels);
            Ok(Channels::Grey)
        }
        3 => Ok(Channels::Rgb),
        _ => {
            lay_on_white::<4>(pixels);
            Ok(Channels::Rgb)
        }
    }
}

/// Pixels of `N` samples, the last of them alpha, become pixels of `N - 1`.
fn lay_on_white<const N: usize>(pixels: &mut Vec<u8>) {
    let count = pixels.len() / N;
    for index in 0..count {
        let alpha = u32::from(pixels[index * N + N - 1]);
        for sample in 0..N - 1 {
            let value = u32::from(pixels[index * N + sample]);
            pixels[index * (N - 1) + sample] =
                ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        }
    }
    pixels.truncate(count * (N - 1));
}
