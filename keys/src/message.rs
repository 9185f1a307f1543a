//! Encrypted messages, MTProto 2.0.
//!
//! A frame is auth_key_id (8 bytes) ++ msg_key (16) ++ ciphertext; the plaintext is salt (8) ++
//! session_id (8) ++ msg_id (8) ++ seq_no (4) ++ length (4) ++ body ++ padding (12..=1024).
//!
//! Source: <https://core.telegram.org/mtproto/description#protocol-description>

use std::fmt;

use bytes::{Bytes, BytesMut};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{AuthKey, Side, ige_decrypt, ige_encrypt};

/// auth_key_id ++ msg_key: what precedes the ciphertext.
pub const PREFIX_BYTES: usize = 24;
/// salt ++ session_id ++ msg_id ++ seq_no ++ length: what precedes the body.
pub const HEADER_BYTES: usize = 32;
/// The least and the most random bytes that may follow the body.
pub const PADDING_BYTES: std::ops::RangeInclusive<usize> = 12..=1024;
/// The shortest ciphertext: a header, no body, 16 bytes of padding.
pub const CIPHERTEXT_BYTES_MIN: usize = 48;

/// A message whose msg_key was right: its fields, and the body without padding.
pub struct Opened {
    /// Server salt that the sender used.
    pub salt: i64,
    /// Session that the sender chose.
    pub session_id: i64,
    /// Identifier of the message, nearly the sender's time in 2^-32 seconds.
    pub msg_id: i64,
    /// Number of content-related messages before it, doubled, plus one if it is one itself.
    pub seq_no: i32,
    /// The TL value, a multiple of 4 bytes. Not wiped: whoever reads it copies it anyway, and most
    /// of the bytes are files.
    pub body: Bytes,
    /// What a quick ack of this message says: 32 bits of the hash, the highest one set.
    pub quick_ack: u32,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("session_id", &self.session_id)
            .field("msg_id", &self.msg_id)
            .field("seq_no", &self.seq_no)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why a frame was not opened. The caller treats all alike: any difference would be an oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Too short, or the ciphertext is no multiple of 16 bytes. Nothing secret was touched.
    #[error("frame of an impossible length")]
    FrameLength,
    /// The frame names another auth key. Nothing secret was touched.
    #[error("another auth_key_id")]
    AuthKeyId,
    /// The plaintext does not hash to msg_key.
    #[error("wrong msg_key")]
    MsgKey,
    /// The sender knows the key but wrote an impossible length or too little or too much padding.
    #[error("wrong length or padding inside")]
    Length,
}

/// Encrypts one message.
///
/// `plaintext` is salt ++ session_id ++ msg_id ++ seq_no ++ length ++ body. Random padding is added
/// afresh at each call: 12 to 27 bytes, as many as reach whole blocks.
/// Returns auth_key_id (8 bytes) ++ msg_key (16) ++ ciphertext.
pub fn seal<R: CryptoRng + ?Sized>(
    key: &AuthKey,
    sender: Side,
    plaintext: &[u8],
    rng: &mut R,
) -> Vec<u8> {
    let mut frame = Vec::with_capacity(PREFIX_BYTES + plaintext.len() + 27);
    seal_into(key, sender, &[plaintext], rng, &mut frame);
    frame
}

/// Appends what [`seal`] returns to `frame`; the plaintext comes in parts, so that it is copied once.
///
/// Returns the token with which the other side may quickly acknowledge this message.
pub fn seal_into<R: CryptoRng + ?Sized>(
    key: &AuthKey,
    sender: Side,
    plaintext: &[&[u8]],
    rng: &mut R,
    frame: &mut Vec<u8>,
) -> u32 {
    let length: usize = plaintext.iter().map(|part| part.len()).sum();
    let mut padding = [0; 27];
    let padding = &mut padding[..12 + (4 + 16 - length % 16) % 16];
    rng.fill_bytes(padding);

    frame.reserve(PREFIX_BYTES + length + padding.len());
    let start = frame.len() + PREFIX_BYTES;
    frame.extend_from_slice(&key.id().to_le_bytes());
    frame.extend_from_slice(&[0; 16]); // msg_key, known only when the plaintext is
    for part in plaintext {
        frame.extend_from_slice(part);
    }
    frame.extend_from_slice(padding);

    let (prefix, data) = frame.split_at_mut(start);
    let (msg_key, token) = msg_key(key, sender, data);
    if let Some(place) = prefix.last_chunk_mut() {
        *place = msg_key;
    }
    let (aes_key, iv) = aes_key_iv(key, sender, &msg_key);
    ige_encrypt(&aes_key, &iv, data);
    token
}

/// Opens one message sent by `sender`.
///
/// SHA-256 of the whole plaintext is compared with msg_key in constant time before any field is
/// read; only then is the length looked at: the attack of 2021 on clients went through length
/// checks made earlier.
///
/// # Errors
/// See [`OpenError`]; the salt, session_id, msg_id and seq_no are not judged here.
pub fn open(key: &AuthKey, sender: Side, frame: &[u8]) -> Result<Opened, OpenError> {
    open_in_place(key, sender, BytesMut::from(frame))
}

/// Opens one message where it lies: [`open`] without a copy, for parts of files. The body keeps the
/// whole frame in memory.
///
/// # Errors
/// As [`open`].
pub fn open_in_place(
    key: &AuthKey,
    sender: Side,
    mut frame: BytesMut,
) -> Result<Opened, OpenError> {
    let (id, rest) = frame.split_first_chunk::<8>().ok_or(OpenError::FrameLength)?;
    let expected: [u8; 16] = *rest.first_chunk().ok_or(OpenError::FrameLength)?;
    let length = rest.len() - expected.len();
    if length < CIPHERTEXT_BYTES_MIN || !length.is_multiple_of(16) {
        return Err(OpenError::FrameLength);
    }
    if i64::from_le_bytes(*id) != key.id() {
        return Err(OpenError::AuthKeyId);
    }

    let mut plaintext = frame.split_off(PREFIX_BYTES);
    let (aes_key, iv) = aes_key_iv(key, sender, &expected);
    ige_decrypt(&aes_key, &iv, &mut plaintext);
    let (msg_key, quick_ack) = msg_key(key, sender, &plaintext);
    if !bool::from(msg_key.ct_eq(&expected)) {
        return Err(OpenError::MsgKey);
    }

    let header = Header::read(&plaintext).ok_or(OpenError::Length)?;
    let padding = (plaintext.len() - HEADER_BYTES).checked_sub(header.length);
    if header.length % 4 != 0 || !padding.is_some_and(|bytes| PADDING_BYTES.contains(&bytes)) {
        return Err(OpenError::Length);
    }
    let body = plaintext.freeze().slice(HEADER_BYTES..HEADER_BYTES + header.length);
    let Header { salt, session_id, msg_id, seq_no, .. } = header;
    Ok(Opened { salt, session_id, msg_id, seq_no, body, quick_ack })
}

/// The five fields before the body, as both versions of the protocol have them.
pub(crate) struct Header {
    pub(crate) salt: i64,
    pub(crate) session_id: i64,
    pub(crate) msg_id: i64,
    pub(crate) seq_no: i32,
    pub(crate) length: usize,
}

impl Header {
    /// Reads the fields; `None` if there are fewer than 32 bytes. The length is what was written,
    /// not yet compared with what there is; a negative one becomes larger than any frame.
    pub(crate) fn read(plaintext: &[u8]) -> Option<Self> {
        let (salt, rest) = plaintext.split_first_chunk()?;
        let (session_id, rest) = rest.split_first_chunk()?;
        let (msg_id, rest) = rest.split_first_chunk()?;
        let (seq_no, rest) = rest.split_first_chunk()?;
        let length = u32::from_le_bytes(*rest.first_chunk()?);
        Some(Self {
            salt: i64::from_le_bytes(*salt),
            session_id: i64::from_le_bytes(*session_id),
            msg_id: i64::from_le_bytes(*msg_id),
            seq_no: i32::from_le_bytes(*seq_no),
            length: usize::try_from(length).unwrap_or(usize::MAX),
        })
    }
}

/// The middle 128 bits of SHA-256 of a part of the key and the padded plaintext, and the quick ack.
fn msg_key(key: &AuthKey, sender: Side, plaintext: &[u8]) -> ([u8; 16], u32) {
    let x = sender.x();
    let mut hash = Sha256::new_with_prefix(&key.secret_bytes()[88 + x..120 + x]);
    hash.update(plaintext);
    let large: [u8; 32] = hash.finalize().into();
    let mut middle = [0; 16];
    middle.copy_from_slice(&large[8..24]);
    let [a, b, c, d, ..] = large;
    (middle, u32::from_le_bytes([a, b, c, d]) | 1 << 31)
}

/// Source: <https://core.telegram.org/mtproto/description#defining-aes-key-and-initialization-vector>
fn aes_key_iv(
    key: &AuthKey,
    sender: Side,
    msg_key: &[u8; 16],
) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>) {
    let (secret, x) = (key.secret_bytes(), sender.x());
    let mut a = Sha256::new_with_prefix(msg_key);
    a.update(&secret[x..x + 36]);
    let a = Zeroizing::new(<[u8; 32]>::from(a.finalize()));
    let mut b = Sha256::new_with_prefix(&secret[x + 40..x + 76]);
    b.update(msg_key);
    let b = Zeroizing::new(<[u8; 32]>::from(b.finalize()));

    let (mut aes_key, mut iv) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
    for (to, outer, inner) in [(&mut aes_key, &a, &b), (&mut iv, &b, &a)] {
        to.copy_from_slice(outer.as_slice());
        to[8..24].copy_from_slice(&inner[8..24]);
    }
    (aes_key, iv)
}

#[cfg(test)]
mod tests;
