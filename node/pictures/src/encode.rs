//! Pixels to JPEG, and to the preview that lies in a message.

use jpeg_encoder::{ChromaSubsamplingMethod, ColorType, Encoder, SamplingFactor};

use crate::raster::{Raster, fitted};
use crate::{PictureError, jpeg};

/// What Telegram's own clients write.
const QUALITY: u8 = 87;
/// Passes of a progressive photo, and so prefixes of it that can be shown: as many as Telegram's
/// server makes.
const PASSES: u8 = 5;
/// A progressive scan here holds one component: a pass is three of them.
const SCANS_PER_PASS: usize = 3;

/// The quality behind the quantization tables of the header that clients put before a preview.
const STRIPPED_QUALITY: u8 = 20;
/// The longest side of a preview, then what is tried if it comes out too long.
const STRIPPED_SIDES: [u32; 8] = [40, 34, 28, 24, 20, 16, 12, 8];
/// Bytes of a preview. Lists of dialogs carry one per picture: small matters more than sharp, for
/// clients blur it.
pub(crate) const STRIPPED_BYTES_MAX: usize = 240;

/// One JPEG file.
pub(crate) struct Jpeg {
    pub(crate) bytes: Vec<u8>,
    /// See [`Size::progressive`](crate::Size::progressive).
    pub(crate) prefixes: Vec<u32>,
}

/// Encodes a picture in one pass.
pub(crate) fn baseline(raster: &Raster) -> Result<Jpeg, PictureError> {
    Ok(Jpeg { bytes: encode(raster, QUALITY, |_| {})?, prefixes: Vec::new() })
}

/// Encodes a picture in passes, each of which makes it sharper.
pub(crate) fn progressive(raster: &Raster) -> Result<Jpeg, PictureError> {
    let bytes = encode(raster, QUALITY, |encoder| {
        encoder.set_progressive_scans(PASSES);
        // The usual tables are not made for parts of blocks.
        encoder.set_optimized_huffman_tables(true);
    })?;
    let outline = jpeg::outline(&bytes)?;
    let ends = outline.scan_ends.chunks(SCANS_PER_PASS).filter_map(|pass| pass.last());
    let mut prefixes: Vec<u32> = ends.map(|end| *end as u32).collect();
    if let Some(last) = prefixes.last_mut() {
        *last = bytes.len() as u32; // with the end of image
    }
    Ok(Jpeg { bytes, prefixes })
}

/// The preview of type `i`: 0x01 ++ height (1 byte) ++ width (1) ++ data of the scan.
///
/// Source: <https://core.telegram.org/api/files#stripped-thumbnails>
pub(crate) fn stripped(raster: &Raster) -> Result<Vec<u8>, PictureError> {
    for side_max in STRIPPED_SIDES {
        let small = raster.scaled(fitted(raster.width, raster.height, side_max))?;
        let (Ok(width), Ok(height)) = (u8::try_from(small.width), u8::try_from(small.height))
        else {
            continue;
        };
        let file = encode(&small, STRIPPED_QUALITY, |_| {})?;
        // The encoder writes the usual tables, each in the order of the usual header; the tests
        // compare with what a client puts there.
        let outline = jpeg::outline(&file)?;
        let end = outline.scan_ends.first().copied().unwrap_or_default();
        let Some(scan) = file.get(scan_start(&file)..end) else { continue };
        if scan.len() + 3 <= STRIPPED_BYTES_MAX {
            let mut bytes = vec![1, height, width];
            bytes.extend_from_slice(scan);
            return Ok(bytes);
        }
    }
    Err(PictureError::Encoder("no preview is short enough".to_owned()))
}

/// Where the only scan's data begins.
fn scan_start(file: &[u8]) -> usize {
    // FF DA ++ length (2 bytes) of 12: three components.
    file.windows(4)
        .position(|window| window == [0xFF, 0xDA, 0x00, 0x0C])
        .map_or(file.len(), |at| at + 14)
}

fn encode(
    raster: &Raster,
    quality: u8,
    set: impl Fn(&mut Encoder<&mut Vec<u8>>),
) -> Result<Vec<u8>, PictureError> {
    let failed = |cause: String| PictureError::Encoder(cause);
    let side = |side: u32| u16::try_from(side).map_err(|cause| failed(cause.to_string()));
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    set(&mut encoder);
    encoder
        .encode(raster.rgb(), side(raster.width)?, side(raster.height)?, ColorType::Rgb)
        .map_err(|cause| failed(cause.to_string()))?;
    Ok(bytes)
}
