//! The four ways to cut a byte stream into packets; what both ends of the wire share.

use bytes::{BufMut, BytesMut};
use rand_core::Rng;

use super::codec::FrameError;
use super::{ANSWER_BYTES_MAX, EncodeError};

/// How packets are delimited.
///
/// Source: <https://core.telegram.org/mtproto/mtproto-transports>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Length in words of 4 bytes, in one byte or in 0x7f and three.
    Abridged,
    /// Length in bytes, four of them.
    Intermediate,
    /// The same with 0..15 bytes of padding, counted in the length.
    PaddedIntermediate,
    /// Length, sequence number, payload, CRC32; the length counts all of them.
    Full,
}

impl Protocol {
    /// The tag inside an obfuscated2 header; the full transport has none.
    pub(super) const fn tag(self) -> Option<[u8; 4]> {
        match self {
            Self::Abridged => Some([0xef; 4]),
            Self::Intermediate => Some([0xee; 4]),
            Self::PaddedIntermediate => Some([0xdd; 4]),
            Self::Full => None,
        }
    }

    pub(super) fn from_tag(tag: [u8; 4]) -> Option<Self> {
        let tagged = [Self::Abridged, Self::Intermediate, Self::PaddedIntermediate];
        tagged.into_iter().find(|protocol| protocol.tag() == Some(tag))
    }
}

/// Asks for a quick ack in a length of four bytes, and marks the answer as one.
pub(super) const QUICK_ACK: u32 = 1 << 31;
/// Bytes before the payload of the full transport: length and sequence number.
pub(super) const FULL_HEAD: usize = 8;
/// Bytes around it: those and the CRC32.
pub(super) const FULL_AROUND: usize = 12;
/// Most padding that a client adds in the padded transport.
pub(super) const PADDING_MAX: usize = 15;

/// What the first bytes of a frame say. Lengths are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes before the payload.
    pub(super) head: usize,
    /// Payload, with padding where there is some.
    pub(super) payload: usize,
    /// Bytes after it.
    pub(super) tail: usize,
    /// The bit that asks for a quick ack.
    pub(super) quick_ack: bool,
}

impl Head {
    pub(super) const fn total(&self) -> usize {
        self.head + self.payload + self.tail
    }
}

/// Reads a frame's head; `None` until it is all there. No length is believed yet but its form.
pub(super) fn head(protocol: Protocol, input: &[u8]) -> Result<Option<Head>, FrameError> {
    let head = match protocol {
        Protocol::Abridged => abridged(input),
        Protocol::Intermediate | Protocol::PaddedIntermediate => intermediate(input),
        Protocol::Full => full(input)?,
    };
    let Some(head) = head else { return Ok(None) };
    if head.payload == 0 {
        return Err(FrameError::Empty);
    }
    if protocol != Protocol::PaddedIntermediate && !head.payload.is_multiple_of(4) {
        return Err(FrameError::Unaligned(head.payload));
    }
    Ok(Some(head))
}

/// Some clients write a short length in the long form; nothing forbids it.
fn abridged(input: &[u8]) -> Option<Head> {
    let (&first, rest) = input.split_first()?;
    let quick_ack = first & 0x80 != 0;
    let (head, words) = match first & 0x7f {
        0x7f => {
            let &[a, b, c] = rest.first_chunk()?;
            (4, u32::from_le_bytes([a, b, c, 0]))
        }
        words => (1, u32::from(words)),
    };
    Some(Head { head, payload: words as usize * 4, tail: 0, quick_ack })
}

fn intermediate(input: &[u8]) -> Option<Head> {
    let length = u32::from_le_bytes(*input.first_chunk()?);
    let quick_ack = length & QUICK_ACK != 0;
    Some(Head { head: 4, payload: (length & !QUICK_ACK) as usize, tail: 0, quick_ack })
}

fn full(input: &[u8]) -> Result<Option<Head>, FrameError> {
    let Some(length) = input.first_chunk() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    let payload = length.checked_sub(FULL_AROUND).ok_or(FrameError::Empty)?;
    Ok(Some(Head { head: FULL_HEAD, payload, tail: 4, quick_ack: false }))
}

/// Refuses what no transport can carry.
pub(super) fn check_payload(payload: &[u8]) -> Result<(), EncodeError> {
    let fits = (4..=ANSWER_BYTES_MAX).contains(&payload.len()) && payload.len().is_multiple_of(4);
    if fits { Ok(()) } else { Err(EncodeError(payload.len())) }
}

/// Appends one frame. The payload has passed [`check_payload`].
///
/// `full_seq` is the sequence number of the full transport; `padding`, at most [`PADDING_MAX`]
/// bytes, goes into the padded one and nowhere else.
pub(super) fn write(
    protocol: Protocol,
    full_seq: u32,
    quick_ack: bool,
    payload: &[u8],
    padding: &[u8],
    out: &mut BytesMut,
) {
    let length = payload.len() as u32; // at most ANSWER_BYTES_MAX
    let bit = if quick_ack { QUICK_ACK } else { 0 };
    out.reserve(FULL_AROUND + PADDING_MAX + payload.len());
    match protocol {
        Protocol::Abridged => {
            let bit = u8::from(quick_ack) << 7;
            match length / 4 {
                words @ ..0x7f => out.put_u8(words as u8 | bit),
                words => out.put_u32_le((words << 8) | u32::from(0x7f | bit)),
            }
            out.put_slice(payload);
        }
        Protocol::Intermediate => {
            out.put_u32_le(length | bit);
            out.put_slice(payload);
        }
        Protocol::PaddedIntermediate => {
            out.put_u32_le((length + padding.len() as u32) | bit);
            out.put_slice(payload);
            out.put_slice(padding);
        }
        Protocol::Full => {
            let start = out.len();
            out.put_u32_le(length + FULL_AROUND as u32);
            out.put_u32_le(full_seq);
            out.put_slice(payload);
            let crc = crc32fast::hash(out.get(start..).unwrap_or_default());
            out.put_u32_le(crc);
        }
    }
}

/// Padding of the padded transport: a random number of random bytes.
pub(super) struct Padding {
    bytes: [u8; PADDING_MAX],
    used: usize,
}

impl Padding {
    /// Empty for the other transports; no randomness is drawn there.
    pub(super) fn draw<R: Rng + ?Sized>(protocol: Protocol, max: usize, rng: &mut R) -> Self {
        let mut padding = Self { bytes: [0; PADDING_MAX], used: 0 };
        if protocol == Protocol::PaddedIntermediate {
            // Both bounds in use are one less than a power of two: no bias.
            padding.used = rng.next_u32() as usize % (max.min(PADDING_MAX) + 1);
            rng.fill_bytes(&mut padding.bytes);
        }
        padding
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or_default()
    }
}

/// The quick-ack token as each transport carries it: it stands where a length would, so its set
/// top bit is in the first byte of the abridged transport and in the last of four otherwise.
///
/// The full transport has no place for it: nothing is written there.
pub(super) fn write_quick_ack(protocol: Protocol, token: u32, out: &mut BytesMut) {
    let token = token | QUICK_ACK;
    match protocol {
        Protocol::Abridged => out.put_u32(token),
        Protocol::Intermediate | Protocol::PaddedIntermediate => out.put_u32_le(token),
        Protocol::Full => {}
    }
}

/// The length of a padded packet without its padding, read from what is inside.
///
/// Encrypted: auth_key_id (8 bytes) ++ msg_key (16) ++ a positive multiple of 16. Unencrypted:
/// zero (8) ++ msg_id (8) ++ length (4) ++ that many bytes. `None` if neither fits with 0..15
/// bytes left over.
pub(super) fn without_padding(packet: &[u8]) -> Option<usize> {
    let auth_key_id = packet.first_chunk::<8>()?;
    let inner = if *auth_key_id == [0; 8] {
        let length = u32::from_le_bytes(*packet.get(16..)?.first_chunk()?);
        usize::try_from(length).ok()?.checked_add(20)?
    } else {
        let ciphertext = packet.len().checked_sub(24)? & !15;
        if ciphertext == 0 {
            return None;
        }
        24 + ciphertext
    };
    (packet.len().checked_sub(inner)? <= PADDING_MAX).then_some(inner)
}
