//! Values over [`PIECE_BYTES`], split over several rows of the engine.
//!
//! - A whole value is stored as it is.
//! - Of a split value, the row under its own key (the head) holds the first `PIECE_BYTES` of it,
//!   the number of further pieces (1 byte) and a hash of the value ([`HASH_BYTES`]). No whole
//!   value is that long, so the length alone tells the two apart: small values pay nothing.
//! - The further pieces lie in the keyspace's shadow, the same byte with the top bit set, under
//!   `key ++ index` (1 byte, from 1). No keyspace uses the top bit and the last byte is always the
//!   index, so no key of a caller can be taken for one, and a scan meets heads only.
//!
//! Pieces are read one by one, and a batch may be applied between two reads. The hash shows a mix
//! of two values; the reader then starts again.

use crate::batch::{SEALING_BYTES_MAX, VALUE_BYTES_MAX};
use crate::{Keyspace, StoreError};

/// Longest row of the engine but for what a head adds. sled writes pages above 128 KiB to files
/// that it never syncs, and a leaf may hold 16 rows before it splits: 17 of these stay below that.
pub(crate) const PIECE_BYTES: usize = 6 * 1024;

/// Further pieces of the longest value.
const PIECES_MAX: usize = (VALUE_BYTES_MAX + SEALING_BYTES_MAX).div_ceil(PIECE_BYTES) - 1;

const HASH_BYTES: usize = 16;
const HEAD_BYTES: usize = PIECE_BYTES + 1 + HASH_BYTES;

/// Set in the keyspace byte of further pieces.
const SHADOW: u8 = 0x80;

/// How often a reader starts again. Each time, a batch with this very key was applied within the
/// few microseconds of reading it: this many in a row means damage.
const READ_TRIES: usize = 64;

/// The engine's key of piece `index` of the value under the engine's `key`.
fn piece_key(key: &[u8], index: u8) -> Vec<u8> {
    let mut piece = Vec::with_capacity(key.len() + 1);
    piece.extend_from_slice(key);
    if let Some(space) = piece.first_mut() {
        *space |= SHADOW;
    }
    piece.push(index);
    piece
}

fn hash(value: &[u8]) -> [u8; HASH_BYTES] {
    let mut short = [0; HASH_BYTES];
    let full = blake3::hash(value);
    short.iter_mut().zip(full.as_bytes()).for_each(|(to, from)| *to = *from);
    short
}

/// The keyspace whose shadow starts at this row of the engine.
pub(crate) fn shadowed(key: &[u8]) -> Option<Keyspace> {
    key.first().filter(|space| **space & SHADOW != 0).map(|space| Keyspace(space & !SHADOW))
}

/// The engine's first key of any shadow.
pub(crate) const SHADOWS_START: [u8; 1] = [SHADOW];

/// The engine's key that exists if the value under `key` is split.
pub(crate) fn first_piece(key: &[u8]) -> Vec<u8> {
    piece_key(key, 1)
}

/// Turns one put or delete into rows of the engine. `is_split` answers of a key whether the value
/// under it is split now: then pieces of it may have to go.
pub(crate) fn write(
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    is_split: impl FnOnce(&[u8]) -> Result<bool, StoreError>,
    mut row: impl FnMut(Vec<u8>, Option<Vec<u8>>),
) -> Result<(), StoreError> {
    let mut written = 0_u8;
    let was_split = is_split(&key)?;
    let head = match value {
        Some(value) if value.len() > PIECE_BYTES => {
            let (first, rest) = value.split_at(PIECE_BYTES);
            for piece in rest.chunks(PIECE_BYTES) {
                written += 1;
                row(piece_key(&key, written), Some(piece.to_vec()));
            }
            let mut head = Vec::with_capacity(HEAD_BYTES);
            head.extend_from_slice(first);
            head.push(written);
            head.extend_from_slice(&hash(&value));
            Some(head)
        }
        other => other,
    };
    if was_split {
        for index in usize::from(written) + 1..=PIECES_MAX {
            row(piece_key(&key, index as u8), None);
        }
    }
    row(key, head);
    Ok(())
}

/// Completes the value whose row under the engine's `key` is `head`. `None` when it was deleted
/// meanwhile.
pub(crate) fn read(
    key: &[u8],
    mut head: Vec<u8>,
    get: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, StoreError>,
) -> Result<Option<Vec<u8>>, StoreError> {
    for _ in 0..READ_TRIES {
        if head.len() != HEAD_BYTES {
            return Ok(Some(head));
        }
        if let Some(value) = join(key, &head, &get)? {
            return Ok(Some(value));
        }
        match get(key)? {
            Some(newer) => head = newer,
            None => return Ok(None),
        }
    }
    Err(StoreError::Io("the pieces of a large value do not fit together: it is damaged".into()))
}

/// The value, or `None` when its pieces do not match the head.
fn join(
    key: &[u8],
    head: &[u8],
    get: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, StoreError>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let (first, tail) = head.split_at(PIECE_BYTES);
    let Some((pieces, expected)) = tail.split_first() else { return Ok(None) };
    let mut value = first.to_vec();
    for index in 1..=*pieces {
        let Some(piece) = get(&piece_key(key, index))? else { return Ok(None) };
        value.extend_from_slice(&piece);
    }
    Ok((hash(&value) == expected).then_some(value))
}
