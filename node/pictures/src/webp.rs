//! What is to be known of a WebP before its decoder runs.
//!
//! The decoder takes memory for the lengths that chunks claim and for the size that a frame claims,
//! and compares neither with the file or with the canvas until later.
//! Source: <https://developers.google.com/speed/webp/docs/riff_container>

use crate::PictureError;

/// Chunks of one file. Each frame of an animation is one.
const CHUNKS_MAX: usize = 4096;

/// Checks that every chunk lies in the file, and that no frame is larger than the canvas.
pub(crate) fn check(bytes: &[u8]) -> Result<(), PictureError> {
    let claimed = bytes.get(4..8).and_then(length).unwrap_or(usize::MAX);
    let Some(body) = claimed.checked_add(8).and_then(|end| bytes.get(12..end)) else {
        return damaged("it ends early");
    };
    let mut canvas = None;
    for (index, chunk) in Chunks(body).enumerate() {
        if index == CHUNKS_MAX {
            return Err(PictureError::TooComplex);
        }
        let (name, data) = chunk?;
        match name {
            b"VP8X" => canvas = Some((u24(data, 4)? + 1, u24(data, 7)? + 1)),
            // Alone in its file it is the canvas; else it fills it.
            b"VP8 " => fills(canvas, frame_size(data)?)?,
            b"ANMF" => {
                let frame = (u24(data, 6)? + 1, u24(data, 9)? + 1);
                for chunk in Chunks(data.get(16..).unwrap_or_default()) {
                    let (name, data) = chunk?;
                    if name == b"VP8 " {
                        fills(Some(frame), frame_size(data)?)?;
                    }
                }
                // Only the first frame is shown. The rest of the walk is for lengths.
            }
            _ => {}
        }
    }
    Ok(())
}

fn fills(canvas: Option<(u32, u32)>, frame: (u32, u32)) -> Result<(), PictureError> {
    if canvas.is_some_and(|canvas| canvas != frame) {
        return damaged("a frame that does not fill its place");
    }
    Ok(())
}

/// Name (4 bytes) ++ length (4, little-endian) ++ data ++ one byte if the length is odd.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), PictureError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.len() < 8 {
            return None; // padding at most
        }
        let (head, rest) = self.0.split_at(8);
        let length = length(&head[4..]).unwrap_or(usize::MAX);
        let Some((data, rest)) = rest.split_at_checked(length) else {
            self.0 = &[];
            return Some(damaged("it ends early"));
        };
        self.0 = rest.get(length % 2..).unwrap_or_default();
        Some(Ok((&head[..4], data)))
    }
}

/// Tag (3 bytes) ++ start code (3) ++ width (2) ++ height (2); the upper two bits of each scale.
fn frame_size(data: &[u8]) -> Result<(u32, u32), PictureError> {
    match data.get(6..10) {
        Some(&[w0, w1, h0, h1]) => Ok((
            u32::from(u16::from_le_bytes([w0, w1]) & 0x3FFF),
            u32::from(u16::from_le_bytes([h0, h1]) & 0x3FFF),
        )),
        _ => damaged("a frame without a header"),
    }
}

fn u24(data: &[u8], at: usize) -> Result<u32, PictureError> {
    match data.get(at..at + 3) {
        Some(&[a, b, c]) => Ok(u32::from_le_bytes([a, b, c, 0])),
        _ => damaged("a chunk without a header"),
    }
}

fn length(bytes: &[u8]) -> Option<usize> {
    let bytes: [u8; 4] = bytes.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

fn damaged<T>(what: &str) -> Result<T, PictureError> {
    Err(PictureError::Damaged(what.to_owned()))
}
