//! The obfuscated2 header: 64 bytes from which both directions take their AES-256-CTR keys.
//!
//! ```text
//! 0..8    random, chosen not to look like any other protocol
//! 8..40   key client → server (with a secret: SHA256(key ++ secret))
//! 40..56  IV client → server
//! 56..60  tag of the transport, encrypted
//! 60..62  DC as a little-endian i16, encrypted
//! 62..64  random
//! ```
//! Bytes 8..56 reversed give key and IV of the other direction. The keystream runs on: the
//! first byte behind the header is number 64 of the client's direction.
//!
//! The keys stand in the header in clear, so this hides a protocol from filters and nothing
//! else; only a secret adds something an observer lacks.
//!
//! Source: <https://core.telegram.org/mtproto/mtproto-transports#transport-obfuscation>

use sha2::{Digest, Sha256};

use super::ctr_stream::CtrStream;
use super::framing::Protocol;
use super::secret::Secret;

/// Length of the obfuscated2 header.
pub const HEADER_BYTES: usize = 64;

/// Both directions of an obfuscated connection.
pub(super) struct Obfuscation {
    /// What the client sends.
    pub(super) from_client: CtrStream,
    /// What the client receives.
    pub(super) to_client: CtrStream,
}

/// What a header says, once decrypted.
pub(super) struct Opened {
    pub(super) obfuscation: Obfuscation,
    pub(super) protocol: Protocol,
    pub(super) dc: Option<i16>,
}

impl Obfuscation {
    /// The two streams of a header whose bytes 8..56 are final.
    pub(super) fn derive(header: &[u8; HEADER_BYTES], secret: Option<&Secret>) -> Self {
        let mut reversed = *header;
        reversed.reverse(); // so what was 8..56 backwards is 8..56 again
        Self { from_client: stream(header, secret), to_client: stream(&reversed, secret) }
    }
}

fn stream(header: &[u8; HEADER_BYTES], secret: Option<&Secret>) -> CtrStream {
    let mut key = [0; 32];
    let mut iv = [0; 16];
    key.copy_from_slice(&header[8..40]);
    iv.copy_from_slice(&header[40..56]);
    if let Some(secret) = secret {
        key = Sha256::new().chain_update(key).chain_update(secret.bytes).finalize().into();
    }
    CtrStream::new(key, iv)
}

/// Reads a header under one secret or none; `None` if no tag comes out.
///
/// A wrong guess passes with a chance of 3 in 2^32.
pub(super) fn open(header: &[u8; HEADER_BYTES], secret: Option<&Secret>) -> Option<Opened> {
    let mut obfuscation = Obfuscation::derive(header, secret);
    let mut clear = *header;
    obfuscation.from_client.apply(&mut clear);
    let [.., t0, t1, t2, t3, dc0, dc1, _, _] = clear;
    let protocol = Protocol::from_tag([t0, t1, t2, t3])?;
    if secret.is_some_and(Secret::is_padded_only) && protocol != Protocol::PaddedIntermediate {
        return None;
    }
    Some(Opened { obfuscation, protocol, dc: believed_dc(i16::from_le_bytes([dc0, dc1])) })
}

/// The DC field, where it can be meant: ±1..5, and ±10001..10003 for test DCs (negative: media).
///
/// Telethon, gramjs and Telegram Web leave random bytes there.
fn believed_dc(dc: i16) -> Option<i16> {
    matches!(dc.unsigned_abs(), 1..=5 | 10_001..=10_003).then_some(dc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plausible_dcs_are_believed() {
        for dc in [1, 2, 5, -1, -5, 10_001, 10_003, -10_001, -10_003] {
            assert_eq!(believed_dc(dc), Some(dc));
        }
        for dc in [0, 6, -6, 203, 10_000, 10_004, -10_000, i16::MIN, i16::MAX] {
            assert_eq!(believed_dc(dc), None);
        }
    }
}
