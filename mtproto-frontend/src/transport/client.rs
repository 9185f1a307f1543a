//! The client's end of the wire: opens a connection in any transport and speaks it.
//!
//! A node never runs this; load generators and tests do. It is strict where the server is
//! lenient, so that a mistake in an answer shows.

use bytes::{Buf, BufMut, BytesMut};
use rand_core::Rng;

use super::codec::{EncodeError, FrameError};
use super::detect::{Opening, opening};
use super::framing::{self, FULL_HEAD, PADDING_MAX, Padding, Protocol, QUICK_ACK};
use super::obfuscation::{HEADER_BYTES, Obfuscation};
use super::secret::Secret;
use super::{ANSWER_BYTES_MAX, FRAME_BYTES_MAX};

/// How a connection is opened.
#[derive(Debug, Clone, Copy)]
pub enum Disguise<'a> {
    /// The protocol's own tag, in clear.
    None,
    /// An obfuscated2 header that names this DC (negative: media; 10000 + n: test). Random bytes
    /// stand there if the DC is `None`. A secret, if given, goes into the keys.
    Obfuscated {
        /// The DC field.
        dc: Option<i16>,
        /// The listener's secret.
        secret: Option<&'a Secret>,
    },
}

/// Frames what a client sends and cuts what the server sends.
pub struct ClientCodec {
    protocol: Protocol,
    obfuscation: Option<Obfuscation>,
    clear: usize,
    seq_in: u32,
    seq_out: u32,
}

/// What a server sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerFrame {
    /// An MTProto packet, without framing and padding.
    Packet(BytesMut),
    /// A quick ack with its token, the top bit set.
    QuickAck(u32),
    /// A transport error, such as -404.
    Error(i32),
}

impl ClientCodec {
    /// Opens a connection: what has to be sent first is appended to `out`.
    ///
    /// # Errors
    /// `None` for the full transport in disguise, which does not exist, and for a `dd` secret
    /// with another transport than the padded one.
    pub fn connect<R: Rng + ?Sized>(
        protocol: Protocol,
        disguise: Disguise<'_>,
        out: &mut BytesMut,
        rng: &mut R,
    ) -> Option<Self> {
        let obfuscation = match disguise {
            Disguise::None => {
                match protocol.tag() {
                    Some(tag) if protocol == Protocol::Abridged => out.put_slice(&tag[..1]),
                    Some(tag) => out.put_slice(&tag),
                    None => {}
                }
                None
            }
            Disguise::Obfuscated { dc, secret } => {
                if secret.is_some_and(Secret::is_padded_only)
                    && protocol != Protocol::PaddedIntermediate
                {
                    return None;
                }
                let (header, obfuscation) = header(protocol.tag()?, dc, secret, rng);
                out.put_slice(&header);
                Some(obfuscation)
            }
        };
        Some(Self { protocol, obfuscation, clear: 0, seq_in: 0, seq_out: 0 })
    }

    /// Appends one packet, with 0..15 bytes of padding in the padded transport.
    ///
    /// # Errors
    /// [`EncodeError`]: nothing was written.
    pub fn encode<R: Rng + ?Sized>(
        &mut self,
        payload: &[u8],
        quick_ack: bool,
        out: &mut BytesMut,
        rng: &mut R,
    ) -> Result<(), EncodeError> {
        framing::check_payload(payload)?;
        let padding = Padding::draw(self.protocol, PADDING_MAX, rng);
        let start = out.len();
        framing::write(self.protocol, self.seq_out, quick_ack, payload, padding.as_slice(), out);
        self.seq_out = self.seq_out.wrapping_add(1);
        self.encrypt_from(start, out);
        Ok(())
    }

    /// Encrypts `out[start..]` as the next bytes sent: for what no honest client frames.
    pub fn encrypt_from(&mut self, start: usize, out: &mut BytesMut) {
        if let Some(obfuscation) = &mut self.obfuscation
            && let Some(fresh) = out.get_mut(start..)
        {
            obfuscation.from_client.apply(fresh);
        }
    }

    /// Takes the next frame from `input`, or `None` until more of it has arrived. `input` is
    /// kept by the caller as for [`super::Codec::decode`].
    ///
    /// # Errors
    /// [`FrameError`]: the connection is of no more use.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Option<ServerFrame>, FrameError> {
        if let Some(obfuscation) = &mut self.obfuscation
            && let Some(fresh) = input.get_mut(self.clear..)
        {
            obfuscation.to_client.apply(fresh);
        }
        self.clear = input.len();
        let frame = self.next(input);
        self.clear = input.len();
        frame
    }

    fn next(&mut self, input: &mut BytesMut) -> Result<Option<ServerFrame>, FrameError> {
        if let Some(token) = self.quick_ack(input) {
            input.advance(4);
            return Ok(Some(ServerFrame::QuickAck(token)));
        }
        if self.protocol == Protocol::Abridged && input.first().is_some_and(|byte| byte & 0x80 != 0)
        {
            return Ok(None); // the rest of a token
        }
        let Some(head) = framing::head(self.protocol, input)? else { return Ok(None) };
        if head.payload > ANSWER_BYTES_MAX.max(FRAME_BYTES_MAX) {
            return Err(FrameError::TooLong(head.payload));
        }
        if input.len() < head.total() {
            return Ok(None);
        }
        let mut frame = input.split_to(head.total());
        if self.protocol == Protocol::Full {
            self.check_full(&frame)?;
        }
        frame.advance(head.head);
        frame.truncate(head.payload);
        if let &[a, b, c, d] = &frame[..] {
            return Ok(Some(ServerFrame::Error(i32::from_le_bytes([a, b, c, d]))));
        }
        if self.protocol == Protocol::PaddedIntermediate {
            frame.truncate(framing::without_padding(&frame).ok_or(FrameError::Padding)?);
        }
        Ok(Some(ServerFrame::Packet(frame)))
    }

    /// A token stands where a length would, told by the bit that asks for one in the other way.
    fn quick_ack(&self, input: &[u8]) -> Option<u32> {
        let first = *input.first_chunk()?;
        let token = match self.protocol {
            Protocol::Abridged => u32::from_be_bytes(first),
            Protocol::Intermediate | Protocol::PaddedIntermediate => u32::from_le_bytes(first),
            Protocol::Full => return None,
        };
        (token & QUICK_ACK != 0).then_some(token)
    }

    fn check_full(&mut self, frame: &[u8]) -> Result<(), FrameError> {
        let (Some((summed, crc)), Some(&[_, _, _, _, a, b, c, d])) =
            (frame.split_last_chunk(), frame.first_chunk::<FULL_HEAD>())
        else {
            return Err(FrameError::Empty);
        };
        let (expected, got) = (self.seq_in, u32::from_le_bytes([a, b, c, d]));
        if got != expected {
            return Err(FrameError::Sequence { expected, got });
        }
        if crc32fast::hash(summed) != u32::from_le_bytes(*crc) {
            return Err(FrameError::Checksum);
        }
        self.seq_in = self.seq_in.wrapping_add(1);
        Ok(())
    }
}

fn header<R: Rng + ?Sized>(
    tag: [u8; 4],
    dc: Option<i16>,
    secret: Option<&Secret>,
    rng: &mut R,
) -> ([u8; HEADER_BYTES], Obfuscation) {
    let mut header = [0; HEADER_BYTES];
    loop {
        rng.fill_bytes(&mut header);
        if opening(&header) == Opening::Other {
            break;
        }
    }
    let mut obfuscation = Obfuscation::derive(&header, secret);
    let mut sealed = header;
    sealed[56..60].copy_from_slice(&tag);
    if let Some(dc) = dc {
        sealed[60..62].copy_from_slice(&dc.to_le_bytes());
    }
    obfuscation.from_client.apply(&mut sealed);
    header[56..].copy_from_slice(&sealed[56..]);
    (header, obfuscation)
}
