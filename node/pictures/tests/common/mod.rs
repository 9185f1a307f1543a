//! Pictures made in the test, and hostile ones.

#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses a part")]

use std::io::{Cursor, Write as _};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// Colours of the quadrants of [`quadrants`]: top left, top right, bottom left, bottom right.
pub(crate) const QUADRANTS: [[u8; 3]; 4] =
    [[200, 40, 40], [40, 180, 60], [50, 60, 200], [220, 210, 60]];

/// Four colours, each with some detail laid over it.
pub(crate) fn quadrants(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let index = usize::from(x >= width / 2) + 2 * usize::from(y >= height / 2);
        let ripple = ((x * 7 + y * 13) % 23) as i16 - 11;
        Rgb(QUADRANTS[index].map(|value| (i16::from(value) + ripple).clamp(0, 255) as u8))
    })
}

pub(crate) fn jpeg(picture: &RgbImage, quality: u8, passes: Option<u8>) -> Vec<u8> {
    jpeg_sampled(picture, quality, passes, SamplingFactor::F_2_2)
}

/// With all colours (4:4:4) if `colours` are `F_1_1`, with a quarter of them (4:2:0) if `F_2_2`.
pub(crate) fn jpeg_sampled(
    picture: &RgbImage,
    quality: u8,
    passes: Option<u8>,
    colours: SamplingFactor,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(colours);
    if let Some(passes) = passes {
        encoder.set_progressive_scans(passes);
    }
    let (width, height) = (picture.width() as u16, picture.height() as u16);
    encoder.encode(picture.as_raw(), width, height, ColorType::Rgb).unwrap();
    bytes
}

/// The JPEG, which says of itself that it is of `side` x `side`, whatever is there.
pub(crate) fn of_side(mut jpeg: Vec<u8>, side: u16) -> Vec<u8> {
    let is_frame = |marker: &[u8]| matches!(marker, [0xFF, 0xC0 | 0xC2]);
    let frame = jpeg.windows(2).position(is_frame).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&side.to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&side.to_be_bytes());
    jpeg
}

/// A baseline JPEG of four components whose only scan has one of them, [`of_side`].
pub(crate) fn one_component_of_four(side: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 60);
    encoder.set_sampling_factor(SamplingFactor::F_1_1);
    encoder.encode(&[128; 16 * 16 * 4], 16, 16, ColorType::Cmyk).unwrap();
    let frame = bytes.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap();
    let id = bytes[frame + 10];
    let scan = bytes.windows(2).position(|marker| marker == [0xFF, 0xDA]).unwrap();
    let data = scan + 2 + usize::from(bytes[scan + 3]);
    bytes.splice(scan..data, [0xFF, 0xDA, 0, 8, 1, id, 0, 0, 63, 0]);
    of_side(bytes, side)
}

pub(crate) fn encoded(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Puts an EXIF segment with an orientation and a GPS position into a JPEG.
///
/// The position's text and the camera's name are `canary`.
pub(crate) fn with_exif(jpeg: &[u8], orientation: u16, canary: &str) -> Vec<u8> {
    let text = format!("{canary}\0").into_bytes();
    // TIFF, little-endian. Directory 0 at 8: orientation, model, pointer to the GPS directory.
    let (gps, data) = (8 + 2 + 3 * 12 + 4, 8 + 2 + 3 * 12 + 4 + 2 + 12 + 4);
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        let mut entry = Vec::new();
        entry.extend(tag.to_le_bytes());
        entry.extend(kind.to_le_bytes());
        entry.extend(count.to_le_bytes());
        entry.extend(value.to_le_bytes());
        entry
    };
    let mut tiff = b"II*\0\x08\0\0\0\x03\0".to_vec();
    tiff.extend(entry(0x0110, 2, text.len() as u32, data));
    tiff.extend(entry(0x0112, 3, 1, orientation.into()));
    tiff.extend(entry(0x8825, 4, 1, gps));
    tiff.extend([0; 4]);
    tiff.extend(1u16.to_le_bytes());
    tiff.extend(entry(0x001B, 7, text.len() as u32, data));
    tiff.extend([0; 4]);
    tiff.extend(&text);
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend([0xFF, 0xE1]);
    bytes.extend(((2 + 6 + tiff.len()) as u16).to_be_bytes());
    bytes.extend(b"Exif\0\0");
    bytes.extend(tiff);
    // A comment, too.
    bytes.extend([0xFF, 0xFE]);
    bytes.extend(((2 + canary.len()) as u16).to_be_bytes());
    bytes.extend(canary.as_bytes());
    bytes.extend(&jpeg[2..]);
    bytes.extend(canary.as_bytes()); // and what hangs on behind the end
    bytes
}

/// What a PNG's header says of a pixel: bits of a sample, colour type.
pub(crate) const RGB: [u8; 2] = [8, 2];
pub(crate) const RGBA16: [u8; 2] = [16, 6];

/// A PNG of one colour: `rows` of it are there, whatever the header says.
pub(crate) fn flat_png(width: u32, height: u32, rows: u32, colour: [u8; 2]) -> Vec<u8> {
    let chunk = |name: &[u8; 4], data: &[u8]| {
        let mut chunk = (data.len() as u32).to_be_bytes().to_vec();
        chunk.extend(name);
        chunk.extend(data);
        let mut crc = flate2::Crc::new();
        crc.update(&chunk[4..]);
        chunk.extend(crc.sum().to_be_bytes());
        chunk
    };
    let mut header = width.to_be_bytes().to_vec();
    header.extend(height.to_be_bytes());
    header.extend(colour);
    header.extend([0, 0, 0]);
    let pixel_bytes = if colour == RGBA16 { 8 } else { 3 };
    let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let row = vec![0; 1 + width as usize * pixel_bytes];
    for _ in 0..rows {
        deflate.write_all(&row).unwrap();
    }
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend(chunk(b"IHDR", &header));
    bytes.extend(chunk(b"IDAT", &deflate.finish().unwrap()));
    bytes.extend(chunk(b"IEND", &[]));
    bytes
}

/// Mean colours of the quadrants of a JPEG.
pub(crate) fn mean_quadrants(jpeg: &[u8]) -> ([[u8; 3]; 4], (usize, usize)) {
    let mut decoder =
        zune_jpeg::JpegDecoder::new(zune_jpeg::zune_core::bytestream::ZCursor::new(jpeg));
    let pixels = decoder.decode().unwrap();
    let info = decoder.info().unwrap();
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    let mut sums = [[0u64; 4]; 4];
    for (index, pixel) in pixels.chunks_exact(3).enumerate() {
        let (x, y) = (index % width, index / width);
        let sum = &mut sums[usize::from(x >= width / 2) + 2 * usize::from(y >= height / 2)];
        for (sum, value) in sum.iter_mut().zip(pixel) {
            *sum += u64::from(*value);
        }
        sum[3] += 1;
    }
    let means = sums.map(|[r, g, b, n]| [r / n, g / n, b / n].map(|mean| mean as u8));
    (means, (width, height))
}

pub(crate) fn assert_near(got: [[u8; 3]; 4], wanted: [[u8; 3]; 4], tolerance: u8) {
    for (got_one, wanted_one) in got.iter().zip(&wanted) {
        for (a, b) in got_one.iter().zip(wanted_one) {
            assert!(a.abs_diff(*b) <= tolerance, "{got:?} is not near {wanted:?}");
        }
    }
}

pub(crate) fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
