//! The outline of a JPEG: what its decoder needs, and whether it is all there.
//!
//! The decoder fills what is missing with grey, says nothing of how often it goes over the
//! picture, and needs memory that only the number of scans tells. So the segments are walked first.
//! Source: ITU-T T.81, annex B, <https://www.w3.org/Graphics/JPEG/itu-t81.pdf>

use crate::PictureError;

/// Passes over one picture. libjpeg writes 10, others up to some 20; each costs CPU time and can be
/// written in a handful of bytes.
const SCANS_MAX: usize = 64;

/// What the segments say.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Bytes of all coefficients, two each, padded to whole blocks.
    pub(crate) coefficient_bytes: u64,
    pub(crate) progressive: bool,
    /// Whether the first scan names every component of the frame.
    pub(crate) first_scan_has_all: bool,
    /// Where each scan's data ends.
    pub(crate) scan_ends: Vec<usize>,
}

impl Outline {
    /// Whether the decoder keeps all coefficients until the last scan: it does as soon as the first
    /// one does not have every component, also when no other follows.
    pub(crate) fn keeps_coefficients(&self) -> bool {
        self.progressive || !self.first_scan_has_all
    }
}

/// Width, height, number of components, bytes of coefficients.
struct Frame {
    width: u32,
    height: u32,
    components: u8,
    coefficient_bytes: u64,
    progressive: bool,
}

/// Walks from the start of the file to its end-of-image marker. What follows that is not looked at.
pub(crate) fn outline(bytes: &[u8]) -> Result<Outline, PictureError> {
    let mut frame: Option<Frame> = None;
    let mut scan_ends = Vec::new();
    let mut components_of_first = None;
    let mut at = 2; // behind the start of image
    loop {
        let marker = next_marker(bytes, &mut at)?;
        match marker {
            0x01 | 0xD0..=0xD8 => {} // no segment follows
            0xD9 => break,
            _ => {
                let segment = segment(bytes, &mut at)?;
                match marker {
                    0xC0..=0xC2 if frame.is_some() => return damaged("a second frame"),
                    0xC0..=0xC2 => frame = Some(read_frame(marker, segment)?),
                    // Lossless, hierarchical and arithmetic coding: nobody's photos.
                    0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                        return damaged("a rare kind of JPEG");
                    }
                    0xDA if frame.is_none() => return damaged("a scan before its frame"),
                    0xDA => {
                        if scan_ends.len() == SCANS_MAX {
                            return Err(PictureError::TooComplex);
                        }
                        // A scan's header begins with how many components it has.
                        components_of_first = components_of_first.or(segment.first().copied());
                        at = end_of_scan(bytes, at)?;
                        scan_ends.push(at);
                    }
                    _ => {}
                }
            }
        }
    }
    let Some(Frame { width, height, components, coefficient_bytes, progressive }) = frame else {
        return damaged("no frame");
    };
    if scan_ends.is_empty() {
        return damaged("no scan");
    }
    let first_scan_has_all = components_of_first == Some(components);
    Ok(Outline { width, height, coefficient_bytes, progressive, first_scan_has_all, scan_ends })
}

/// Skips to the marker at or behind `at`, as libjpeg does, and past it.
fn next_marker(bytes: &[u8], at: &mut usize) -> Result<u8, PictureError> {
    loop {
        let rest = bytes.get(*at..).unwrap_or_default();
        let Some(found) = rest.iter().position(|byte| *byte == 0xFF) else {
            return damaged("it ends early");
        };
        *at += found + 1;
        match bytes.get(*at) {
            None => return damaged("it ends early"),
            Some(0x00 | 0xFF) => {} // not a marker, or its padding
            Some(marker) => {
                *at += 1;
                return Ok(*marker);
            }
        }
    }
}

/// The body of the segment at `at`, which moves behind it.
fn segment<'a>(bytes: &'a [u8], at: &mut usize) -> Result<&'a [u8], PictureError> {
    let length = match bytes.get(*at..*at + 2) {
        Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
        _ => return damaged("it ends early"),
    };
    let Some(body) = bytes.get(*at + 2..*at + length.max(2)) else {
        return damaged("it ends early");
    };
    *at += length.max(2);
    Ok(body)
}

/// The end of the entropy-coded data that begins at `at`: where the next marker stands.
fn end_of_scan(bytes: &[u8], mut at: usize) -> Result<usize, PictureError> {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(found) = rest.iter().position(|byte| *byte == 0xFF) else {
            return damaged("it ends early");
        };
        at += found;
        match bytes.get(at + 1) {
            None => return damaged("it ends early"),
            Some(0x00 | 0xD0..=0xD7) => at += 2, // a stuffed 0xFF, a restart
            Some(0xFF) => at += 1,               // padding
            Some(_) => return Ok(at),
        }
    }
}

/// Precision (1 byte) ++ height (2) ++ width (2) ++ count (1) ++ per component id (1), sampling
/// factors (1), table (1).
fn read_frame(marker: u8, body: &[u8]) -> Result<Frame, PictureError> {
    let &[8, h1, h0, w1, w0, count, ref components @ ..] = body else {
        return damaged("a frame that is not of 8 bits");
    };
    if components.len() != usize::from(count) * 3 || !(1..=4).contains(&count) {
        return damaged("components");
    }
    let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
    let factors: Vec<(u64, u64)> = components
        .chunks_exact(3)
        .map(|component| (u64::from(component[1] >> 4), u64::from(component[1] & 15)))
        .collect();
    if factors.iter().any(|(x, y)| !(1..=4).contains(x) || !(1..=4).contains(y)) {
        return damaged("sampling factors");
    }
    let across = factors.iter().map(|(x, _)| *x).max().unwrap_or(1);
    let down = factors.iter().map(|(_, y)| *y).max().unwrap_or(1);
    let units = u64::from(width).div_ceil(8 * across) * u64::from(height).div_ceil(8 * down);
    let blocks: u64 = factors.iter().map(|(x, y)| x * y).sum();
    Ok(Frame {
        width: width.into(),
        height: height.into(),
        components: count,
        coefficient_bytes: units * blocks * 64 * 2,
        progressive: marker == 0xC2,
    })
}

fn damaged<T>(what: &str) -> Result<T, PictureError> {
    Err(PictureError::Damaged(what.to_owned()))
}
