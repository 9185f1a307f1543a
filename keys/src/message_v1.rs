//! Encrypted messages, MTProto 1.0: only the inner message of `auth.bindTempAuthKey` still is one.
//!
//! The frame and the header are those of [`message`](crate::message), but msg_key is SHA-1 of the
//! plaintext *without* padding, and the padding has 0 to 15 bytes. In the binding message salt and
//! session_id are random and seq_no is 0.
//!
//! Source: <https://core.telegram.org/mtproto/description_v1>,
//! <https://core.telegram.org/method/auth.bindTempAuthKey>

use std::fmt;

use rand_core::CryptoRng;
use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::message::{HEADER_BYTES, Header, OpenError, PREFIX_BYTES};
use crate::{AuthKey, Side, ige_decrypt, ige_encrypt};

/// An MTProto 1.0 message whose msg_key was right.
pub struct OpenedV1 {
    /// Server salt; random in the binding message.
    pub salt: i64,
    /// Session; random in the binding message.
    pub session_id: i64,
    /// In the binding message equal to the msg_id of the request that carries it.
    pub msg_id: i64,
    /// 0 in the binding message.
    pub seq_no: i32,
    /// The TL value.
    pub body: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for OpenedV1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedV1")
            .field("msg_id", &self.msg_id)
            .field("seq_no", &self.seq_no)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Encrypts one message; `plaintext` as in [`message::seal`](crate::message::seal).
pub fn seal_v1<R: CryptoRng + ?Sized>(
    key: &AuthKey,
    sender: Side,
    plaintext: &[u8],
    rng: &mut R,
) -> Vec<u8> {
    let mut padding = [0; 15];
    let padding = &mut padding[..(16 - plaintext.len() % 16) % 16];
    rng.fill_bytes(padding);
    let msg_key = msg_key(plaintext);
    let mut frame = Vec::with_capacity(PREFIX_BYTES + plaintext.len() + padding.len());
    frame.extend_from_slice(&key.id().to_le_bytes());
    frame.extend_from_slice(&msg_key);
    frame.extend_from_slice(plaintext);
    frame.extend_from_slice(padding);
    let (aes_key, iv) = aes_key_iv(key, sender, &msg_key);
    ige_encrypt(&aes_key, &iv, &mut frame[PREFIX_BYTES..]);
    frame
}

/// Opens one message sent by `sender`.
///
/// What msg_key covers depends on the length inside. An impossible length is therefore replaced by
/// the whole plaintext, hashed and refused like a wrong msg_key, so that it cannot be told apart.
///
/// # Errors
/// `FrameLength`, `AuthKeyId` or `MsgKey`.
pub fn open_v1(key: &AuthKey, sender: Side, frame: &[u8]) -> Result<OpenedV1, OpenError> {
    let (id, rest) = frame.split_first_chunk::<8>().ok_or(OpenError::FrameLength)?;
    let (expected, data) = rest.split_first_chunk::<16>().ok_or(OpenError::FrameLength)?;
    if data.len() < HEADER_BYTES || data.len() % 16 != 0 {
        return Err(OpenError::FrameLength);
    }
    if i64::from_le_bytes(*id) != key.id() {
        return Err(OpenError::AuthKeyId);
    }
    let mut plaintext = Zeroizing::new(data.to_vec());
    let (aes_key, iv) = aes_key_iv(key, sender, expected);
    ige_decrypt(&aes_key, &iv, &mut plaintext);

    let header = Header::read(&plaintext).ok_or(OpenError::FrameLength)?;
    let end = header.length.saturating_add(HEADER_BYTES);
    let padding = plaintext.len().checked_sub(end);
    let plausible = header.length % 4 == 0 && padding.is_some_and(|bytes| bytes < 16);
    let end = if plausible { end } else { plaintext.len() };
    let equal: bool = msg_key(&plaintext[..end]).ct_eq(expected).into();
    if !(equal & plausible) {
        return Err(OpenError::MsgKey);
    }
    plaintext.truncate(end);
    plaintext.drain(..HEADER_BYTES);
    let Header { salt, session_id, msg_id, seq_no, .. } = header;
    Ok(OpenedV1 { salt, session_id, msg_id, seq_no, body: plaintext })
}

/// The low 128 bits of SHA-1 of the unpadded plaintext.
fn msg_key(plaintext: &[u8]) -> [u8; 16] {
    let hash: [u8; 20] = Sha1::digest(plaintext).into();
    let [_, _, _, _, key @ ..] = hash;
    key
}

/// Source: <https://core.telegram.org/mtproto/description_v1#defining-aes-key-and-initialization-vector>
fn aes_key_iv(
    key: &AuthKey,
    sender: Side,
    msg_key: &[u8; 16],
) -> (Zeroizing<[u8; 32]>, Zeroizing<[u8; 32]>) {
    let (secret, x) = (key.secret_bytes(), sender.x());
    let sha1 = |parts: [&[u8]; 3]| {
        let mut hash = Sha1::new();
        parts.iter().for_each(|part| hash.update(part));
        Zeroizing::new(<[u8; 20]>::from(hash.finalize()))
    };
    let a = sha1([msg_key, &secret[x..x + 32], &[]]);
    let b = sha1([&secret[x + 32..x + 48], msg_key, &secret[x + 48..x + 64]]);
    let c = sha1([&secret[x + 64..x + 96], msg_key, &[]]);
    let d = sha1([msg_key, &secret[x + 96..x + 128], &[]]);

    let (mut aes_key, mut iv) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
    join(&mut aes_key, [&a[..8], &b[8..20], &c[4..16], &[]]);
    join(&mut iv, [&a[8..20], &b[..8], &c[16..20], &d[..8]]);
    (aes_key, iv)
}

fn join(to: &mut [u8; 32], parts: [&[u8]; 4]) {
    for (to, from) in to.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests;
