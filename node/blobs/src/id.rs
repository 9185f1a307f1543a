//! What a blob is called, and what it is made of.

use std::fmt;
use std::sync::Arc;

use keys::Content;

/// Length of every chunk but the last: the largest part that clients send.
pub const CHUNK_BYTES: usize = 512 * 1024;
/// Chunks of the largest blob: as many as there may be parts.
pub(crate) const CHUNKS_MAX: usize = 8000;

/// The name of a blob by its content, the same on every node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(pub [u8; 32]);

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobId({})", hex(&self.0[..8]))
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// What a blob is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Bytes in it.
    pub size: u64,
    /// Hashes of its chunks, in their order: BLAKE3 of each. At least one, and at most 8000.
    pub chunks: Arc<[[u8; 32]]>,
}

impl Manifest {
    /// Size (8 bytes, big-endian) ++ hashes (32 each).
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 32 * self.chunks.len());
        bytes.extend_from_slice(&self.size.to_be_bytes());
        bytes.extend_from_slice(self.chunks.as_flattened());
        bytes
    }

    /// `None` unless there are exactly as many hashes as the size needs.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (size, hashes) = bytes.split_first_chunk::<8>()?;
        let size = u64::from_be_bytes(*size);
        let (chunks, rest) = hashes.as_chunks::<32>();
        let fits = rest.is_empty() && chunks.len() as u64 == chunks_of(size);
        fits.then(|| Self { size, chunks: chunks.into() })
    }

    pub(crate) fn id(&self) -> BlobId {
        match &*self.chunks {
            [only] => BlobId(*only),
            _ => BlobId(Content::Manifest.hash(&self.encode())),
        }
    }
}

/// How many chunks a blob of `size` bytes has.
pub(crate) const fn chunks_of(size: u64) -> u64 {
    let chunks = size.div_ceil(CHUNK_BYTES as u64);
    if chunks == 0 { 1 } else { chunks }
}

/// The length of chunk `index` of a blob of `size` bytes.
pub(crate) const fn chunk_bytes(size: u64, index: u64) -> usize {
    let from = index * CHUNK_BYTES as u64;
    let left = size.saturating_sub(from);
    if left < CHUNK_BYTES as u64 { left as usize } else { CHUNK_BYTES }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

/// `None` for what is not exactly `N` bytes in lower-case hex.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        for digit in pair {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            *byte = *byte << 4 | value;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_say_what_they_said() {
        for (size, chunks) in [(0, 1), (1, 1), (512 << 10, 1), ((512 << 10) + 1, 2), (1 << 20, 2)] {
            assert_eq!(chunks_of(size), chunks);
            let lengths: u64 = (0..chunks).map(|index| chunk_bytes(size, index) as u64).sum();
            assert_eq!(lengths, size);
            let hashes: Vec<[u8; 32]> = (0..chunks).map(|chunk| [chunk as u8; 32]).collect();
            let manifest = Manifest { size, chunks: hashes.into() };
            let bytes = manifest.encode();
            assert_eq!(Manifest::decode(&bytes), Some(manifest));
            assert_eq!(Manifest::decode(&bytes[..bytes.len() - 1]), None);
            assert_eq!(Manifest::decode(&[&bytes[..], &[0; 32]].concat()), None);
        }
    }

    #[test]
    fn hex_is_read_back_and_nothing_else() {
        assert_eq!(unhex::<3>(&hex(&[0, 0xa5, 255])), Some([0, 0xa5, 255]));
        for bad in ["", "00a5f", "00a5ff0", "00A5FF", "00a5fg", "00a5ff00"] {
            assert_eq!(unhex::<3>(bad), None, "{bad}");
        }
    }
}
