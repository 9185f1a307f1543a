//! `gzip_packed` in both directions.
//!
//! Source: <https://core.telegram.org/mtproto/service_messages#packed-object>

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;

/// The most bytes that one packed object may become. Requests are small but for file parts, which
/// do not shrink: ten times the largest frame is more than any client sends.
pub const INFLATED_BYTES_MAX: usize = 10 << 20;

/// Bytes that any packed object may become, whatever its own size: the largest part of a file, and what
/// is around it. Telethon packs parts of files too, and one of zeros shrinks to a thousandth.
const INFLATED_BYTES_FREE: usize = (512 + 64) << 10;

/// Above [`INFLATED_BYTES_FREE`], bytes out for each byte in. Text shrinks to a twentieth at best;
/// DEFLATE can reach 1:1032, which only a bomb does.
const INFLATE_RATIO_MAX: usize = 128;

/// Answers of at least this size are packed. Below, what is saved on the wire is less than what
/// the time costs (about 10 µs a KiB, ten times the encryption).
pub(super) const GZIP_BYTES_MIN: usize = 16 << 10;

/// Answers above this size are media or nearly so, and would hold up the session.
const GZIP_BYTES_MAX: usize = 1 << 20;

/// Why a packed object cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InflateError {
    /// Neither a gzip nor a zlib header.
    #[error("neither gzip nor zlib")]
    Header,
    /// The stream is damaged or ends early.
    #[error("damaged stream")]
    Damaged,
    /// More than [`INFLATED_BYTES_MAX`], or more than a packed object of this size may hold.
    #[error("inflates to too much")]
    TooLarge,
}

/// Unpacks the `packed_data` of a `gzip_packed`, gzip or raw zlib by its header.
///
/// TDLib packs with zlib although the constructor says gzip; both are read. At most
/// [`INFLATED_BYTES_MAX`] bytes come out, and at most 576 KiB + 128 times the bytes put in;
/// memory grows with what really comes out.
///
/// # Errors
/// [`InflateError`]; to a client, `400 INPUT_FETCH_ERROR`.
pub fn inflate(packed: &[u8]) -> Result<Bytes, InflateError> {
    inflate_within(packed, INFLATED_BYTES_MAX)
}

/// As [`inflate`], with a lower bound on what comes out.
pub(super) fn inflate_within(packed: &[u8], bytes_max: usize) -> Result<Bytes, InflateError> {
    let allowed = INFLATED_BYTES_FREE
        .saturating_add(packed.len().saturating_mul(INFLATE_RATIO_MAX))
        .min(bytes_max);
    // One byte over the limit tells "exactly at the limit" from "more".
    let out = inflate_start(packed, allowed + 1)?;
    if out.len() > allowed { Err(InflateError::TooLarge) } else { Ok(Bytes::from(out)) }
}

/// The first bytes of what is packed; the rest is not looked at.
pub(super) fn inflate_start(packed: &[u8], bytes: usize) -> Result<Vec<u8>, InflateError> {
    let mut out =
        Vec::with_capacity(packed.len().saturating_mul(3).min(INFLATED_BYTES_FREE).min(bytes));
    let limit = bytes as u64;
    let read = match packed {
        [0x1f, 0x8b, ..] => GzDecoder::new(packed).take(limit).read_to_end(&mut out),
        // RFC 1950: method 8, and the two bytes are a multiple of 31.
        [a, b, ..] if a & 0x0f == 8 && u16::from_be_bytes([*a, *b]).is_multiple_of(31) => {
            ZlibDecoder::new(packed).take(limit).read_to_end(&mut out)
        }
        _ => return Err(InflateError::Header),
    };
    read.map(|_| out).map_err(|_| InflateError::Damaged)
}

/// Packs `body` if that saves at least an eighth.
pub(super) fn deflate(body: &[u8]) -> Option<Vec<u8>> {
    if !(GZIP_BYTES_MIN..=GZIP_BYTES_MAX).contains(&body.len()) {
        return None;
    }
    // A sample from the middle decides whether the rest is worth the time: media is not.
    let middle = body.len() / 2;
    let sample = body.get(middle..middle + 1024)?;
    if !is_smaller(&pack(sample)?, sample) {
        return None;
    }
    pack(body).filter(|packed| is_smaller(packed, body))
}

fn is_smaller(packed: &[u8], body: &[u8]) -> bool {
    packed.len() <= body.len() - body.len() / 8
}

fn pack(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 2), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use flate2::write::ZlibEncoder;

    use super::*;

    fn zlib(body: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_and_zlib_are_told_apart_by_their_header() {
        let body: Vec<u8> = (0..5000_u32).flat_map(|n| (n % 251).to_le_bytes()).collect();
        assert_eq!(inflate(&pack(&body).unwrap()).unwrap(), body);
        assert_eq!(inflate(&zlib(&body)).unwrap(), body);
        assert_eq!(inflate(&body), Err(InflateError::Header));
        assert_eq!(inflate(&[]), Err(InflateError::Header));
        assert_eq!(inflate(&[0x1f]), Err(InflateError::Header));
    }

    #[test]
    fn a_bomb_ends_at_the_bound_of_its_size() {
        for packed in [zlib(&vec![0; 4 << 20]), pack(&vec![0; 4 << 20]).unwrap()] {
            assert!(packed.len() < 64 << 10, "this is a bomb: {}", packed.len());
            assert_eq!(inflate(&packed), Err(InflateError::TooLarge));
        }
    }

    #[test]
    fn a_part_of_a_file_may_be_all_zeros() {
        let part = vec![0; (512 << 10) + 64];
        for packed in [zlib(&part), pack(&part).unwrap()] {
            assert!(packed.len() < 8 << 10, "{}", packed.len());
            assert_eq!(inflate(&packed).unwrap(), part);
        }
    }

    #[test]
    fn the_size_bound_holds_for_what_does_not_shrink_much() {
        let mut state = 1_u32;
        let mut noise = |len: usize| -> Vec<u8> {
            let step = |_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8 & 15
            };
            (0..len).map(step).collect()
        };
        assert_eq!(inflate(&zlib(&noise(INFLATED_BYTES_MAX))).unwrap().len(), INFLATED_BYTES_MAX);
        let over = zlib(&noise(INFLATED_BYTES_MAX + 1));
        assert_eq!(inflate(&over), Err(InflateError::TooLarge));
    }

    #[test]
    fn a_damaged_stream_is_an_error() {
        let mut packed = pack(&[1; 5000]).unwrap();
        let last = packed.len() - 1;
        packed[last] ^= 1;
        assert_eq!(inflate(&packed), Err(InflateError::Damaged));
        packed.truncate(packed.len() / 2);
        assert_eq!(inflate(&packed), Err(InflateError::Damaged));
    }

    #[test]
    fn only_what_shrinks_is_packed() {
        assert_eq!(deflate(&[0; GZIP_BYTES_MIN - 1]), None);
        let text = b"the quick brown fox ".repeat(2000);
        let packed = deflate(&text).unwrap();
        assert_eq!(inflate(&packed).unwrap(), text);
        let noise: Vec<u8> = (0..2000_u64)
            .flat_map(|n| blake3::hash(&n.to_le_bytes()).as_bytes()[..16].to_vec())
            .collect();
        assert_eq!(deflate(&noise), None);
    }
}
