//! The server's side of a framed connection.

use std::fmt;

use bytes::{Buf, BytesMut};
use rand_core::Rng;

use super::framing::{self, FULL_HEAD, Head, PADDING_MAX, Padding, Protocol};
use super::obfuscation::{Obfuscation, Opened};
use super::{FRAME_BYTES_MAX, FRAME_BYTES_MAX_BEFORE_LOGIN};

/// Padding that the server adds in the padded transport, at most.
///
/// Clients add up to 15 bytes, but Telethon strips only `length % 4` from what it receives.
const ANSWER_PADDING_MAX: usize = 3;

/// Cuts what a client sends into packets, and frames what is sent to it.
///
/// Holds no buffer and about 150 bytes: an idle connection costs only that. Made by
/// [`super::Detector`].
///
/// The caller keeps one `input` buffer for each connection: it appends what arrives and calls
/// [`Codec::decode`] until that gives `None`. In between it may move the bytes to another
/// buffer, or drop an empty one, but not change them: their front is already decrypted.
pub struct Codec {
    protocol: Protocol,
    obfuscation: Option<Obfuscation>,
    dc: Option<i16>,
    secret: Option<u8>,
    /// Bytes at the front of `input` that are decrypted already.
    clear: usize,
    frame_bytes_max: usize,
    /// Next sequence number of the full transport, each way.
    seq_in: u32,
    seq_out: u32,
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codec")
            .field("protocol", &self.protocol)
            .field("obfuscated", &self.is_obfuscated())
            .field("dc", &self.dc)
            .finish_non_exhaustive()
    }
}

/// One packet from a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The MTProto packet, without framing and padding: 4 bytes or more, at most
    /// [`FRAME_BYTES_MAX`].
    pub payload: BytesMut,
    /// The client asks for a quick ack: answer with [`Codec::encode_quick_ack`] once the packet
    /// has been opened.
    pub quick_ack: bool,
}

/// Why a connection's bytes are not packets. All but `OverLimit` close the connection; nothing
/// is taken from `input`, so that asking again gives the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A packet of no bytes.
    #[error("empty frame")]
    Empty,
    /// A length in bytes that no packet can have.
    #[error("frame of {0} bytes, not a multiple of 4")]
    Unaligned(usize),
    /// A length in bytes above [`FRAME_BYTES_MAX`].
    #[error("frame of {0} bytes is above the limit")]
    TooLong(usize),
    /// A length above what [`Codec::set_frame_bytes_max`] allows, though not above
    /// [`FRAME_BYTES_MAX`]. A caller that trusts this key may raise the bound and decode again;
    /// otherwise it closes. Given as soon as the key's id has arrived, so that an authorized
    /// client may open a connection with a file part.
    #[error("frame of {length} bytes is above the limit of this connection")]
    OverLimit {
        /// Bytes of payload announced.
        length: usize,
        /// The first 8 bytes of the payload: whose packet it claims to be.
        auth_key_id: i64,
    },
    /// The padded transport carries something whose inner length does not fit.
    #[error("padding does not fit the packet")]
    Padding,
    /// The full transport's sequence number is not the next one.
    #[error("sequence number {got}, not {expected}")]
    Sequence {
        /// The number due.
        expected: u32,
        /// The number received.
        got: u32,
    },
    /// The full transport's CRC32 does not match.
    #[error("CRC32 does not match")]
    Checksum,
}

/// A payload that no transport can carry: empty, not a multiple of 4 bytes, or longer than
/// [`super::ANSWER_BYTES_MAX`]. Nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a payload of {0} bytes cannot be framed")]
pub struct EncodeError(pub usize);

impl Codec {
    /// A connection that began with the tag of `protocol` in clear.
    pub(super) fn plain(protocol: Protocol) -> Self {
        Self {
            protocol,
            obfuscation: None,
            dc: None,
            secret: None,
            clear: 0,
            frame_bytes_max: FRAME_BYTES_MAX_BEFORE_LOGIN,
            seq_in: 0,
            seq_out: 0,
        }
    }

    /// A connection that began with an obfuscated2 header.
    pub(super) fn obfuscated(opened: Opened, secret: Option<u8>) -> Self {
        let Opened { obfuscation, protocol, dc } = opened;
        Self { obfuscation: Some(obfuscation), dc, secret, ..Self::plain(protocol) }
    }

    /// How packets are delimited here.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether the connection is obfuscated.
    pub fn is_obfuscated(&self) -> bool {
        self.obfuscation.is_some()
    }

    /// The DC that the client addressed, where it said so: ±1..5, or ±10001..10003 for test
    /// DCs; negative for media.
    pub fn dc(&self) -> Option<i16> {
        self.dc
    }

    /// The place of the client's secret in [`super::Secrets`]; `None` if it used none.
    pub fn secret(&self) -> Option<usize> {
        self.secret.map(usize::from)
    }

    /// Sets the longest payload taken, in bytes; at most [`FRAME_BYTES_MAX`], at first
    /// [`FRAME_BYTES_MAX_BEFORE_LOGIN`].
    pub fn set_frame_bytes_max(&mut self, bytes: usize) {
        self.frame_bytes_max = bytes.min(FRAME_BYTES_MAX);
    }

    /// Takes the next packet from `input`, or `None` until more of it has arrived.
    ///
    /// New bytes are decrypted in place, once; the payload is split off without a copy. `input`
    /// never has to grow beyond one frame of the current limit and what one read adds.
    ///
    /// # Errors
    /// [`FrameError`]: close the connection, in silence.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        self.decrypt(input);
        let Some(head) = framing::head(self.protocol, input)? else { return Ok(None) };
        if !self.check_length(&head, input)? {
            return Ok(None);
        }
        if self.protocol == Protocol::Full && !self.check_sequence(input)? {
            return Ok(None);
        }
        if input.len() < head.total() {
            return Ok(None);
        }
        self.take(&head, input).map(Some)
    }

    /// Bytes of the packet that has begun to arrive which are still to come; 0 where that is not
    /// known, and at most a frame of the current limit.
    pub fn missing(&self, input: &BytesMut) -> usize {
        match framing::head(self.protocol, input) {
            Ok(Some(head)) if head.payload <= self.frame_bytes_max + PADDING_MAX => {
                head.total().saturating_sub(input.len())
            }
            _ => 0,
        }
    }

    fn decrypt(&mut self, input: &mut BytesMut) {
        if let Some(obfuscation) = &mut self.obfuscation
            && let Some(fresh) = input.get_mut(self.clear..)
        {
            obfuscation.from_client.apply(fresh);
        }
        self.clear = input.len();
    }

    /// Whether the announced length is allowed; `false` while the key's id is needed to tell.
    fn check_length(&self, head: &Head, input: &[u8]) -> Result<bool, FrameError> {
        let padding = if self.protocol == Protocol::PaddedIntermediate { PADDING_MAX } else { 0 };
        if head.payload > FRAME_BYTES_MAX + padding {
            return Err(FrameError::TooLong(head.payload));
        }
        if head.payload <= self.frame_bytes_max + padding {
            return Ok(true);
        }
        match input.get(head.head..).and_then(<[u8]>::first_chunk) {
            None => Ok(false),
            Some(id) => Err(FrameError::OverLimit {
                length: head.payload,
                auth_key_id: i64::from_le_bytes(*id),
            }),
        }
    }

    fn check_sequence(&self, input: &[u8]) -> Result<bool, FrameError> {
        let Some(&[_, _, _, _, a, b, c, d]) = input.first_chunk::<FULL_HEAD>() else {
            return Ok(false);
        };
        let (expected, got) = (self.seq_in, u32::from_le_bytes([a, b, c, d]));
        if got == expected { Ok(true) } else { Err(FrameError::Sequence { expected, got }) }
    }

    /// Splits off a frame that is all there.
    fn take(&mut self, head: &Head, input: &mut BytesMut) -> Result<Frame, FrameError> {
        let packet = input.get(head.head..head.head + head.payload).unwrap_or_default();
        let inner = match self.protocol {
            Protocol::PaddedIntermediate => {
                framing::without_padding(packet).ok_or(FrameError::Padding)?
            }
            Protocol::Full => {
                let (summed, rest) = input.split_at(head.head + head.payload);
                let crc = rest.first_chunk().copied().map(u32::from_le_bytes);
                if crc != Some(crc32fast::hash(summed)) {
                    return Err(FrameError::Checksum);
                }
                self.seq_in = self.seq_in.wrapping_add(1);
                head.payload
            }
            Protocol::Abridged | Protocol::Intermediate => head.payload,
        };
        let mut payload = input.split_to(head.total());
        payload.advance(head.head);
        payload.truncate(inner);
        self.clear = input.len();
        Ok(Frame { payload, quick_ack: head.quick_ack })
    }

    /// Appends one packet to `out`, framed and obfuscated.
    ///
    /// `rng` gives the padding of the padded transport. What has been appended must be sent, in
    /// this order: the keystream and the sequence number have moved on.
    ///
    /// # Errors
    /// [`EncodeError`]: the payload cannot be framed, nothing was written.
    pub fn encode<R: Rng + ?Sized>(
        &mut self,
        payload: &[u8],
        out: &mut BytesMut,
        rng: &mut R,
    ) -> Result<(), EncodeError> {
        framing::check_payload(payload)?;
        let padding = Padding::draw(self.protocol, ANSWER_PADDING_MAX, rng);
        self.write(payload, padding.as_slice(), out);
        Ok(())
    }

    /// Appends a transport error such as [`super::ERROR_UNKNOWN_KEY`], a packet of 4 bytes.
    ///
    /// It is never padded: mtcute knows it by its length.
    ///
    /// Source: <https://core.telegram.org/mtproto/mtproto-transports#transport-errors>
    pub fn encode_error(&mut self, code: i32, out: &mut BytesMut) {
        self.write(&code.to_le_bytes(), &[], out);
    }

    /// Appends a quick ack; `token` is the first 32 bits of the message-key hash of the packet
    /// that asked for it. The full transport has none: nothing is written there.
    ///
    /// Source: <https://core.telegram.org/mtproto/mtproto-transports#quick-ack>
    pub fn encode_quick_ack(&mut self, token: u32, out: &mut BytesMut) {
        let start = out.len();
        framing::write_quick_ack(self.protocol, token, out);
        self.encrypt(start, out);
    }

    fn write(&mut self, payload: &[u8], padding: &[u8], out: &mut BytesMut) {
        let start = out.len();
        framing::write(self.protocol, self.seq_out, false, payload, padding, out);
        self.seq_out = self.seq_out.wrapping_add(1);
        self.encrypt(start, out);
    }

    fn encrypt(&mut self, start: usize, out: &mut BytesMut) {
        if let Some(obfuscation) = &mut self.obfuscation
            && let Some(fresh) = out.get_mut(start..)
        {
            obfuscation.to_client.apply(fresh);
        }
    }
}
