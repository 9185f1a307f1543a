//! AES-256-CTR that runs on over one direction of a connection.

use aes::Aes256Enc;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};

/// One direction's key, IV and position.
///
/// The key schedule is made again for each call instead of being kept: it takes a tenth of a
/// microsecond, and keeping it would cost every idle connection a kilobyte for each direction.
pub(super) struct CtrStream {
    key: [u8; 32],
    iv: [u8; 16],
    position: u64, // bytes of keystream used up
}

impl CtrStream {
    pub(super) fn new(key: [u8; 32], iv: [u8; 16]) -> Self {
        Self { key, iv, position: 0 }
    }

    /// Encrypts or decrypts the next bytes of the stream, in place.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        if bytes.is_empty() {
            return;
        }
        let mut cipher = Ctr128BE::<Aes256Enc>::new(&self.key.into(), &self.iv.into());
        // Neither call can fail: the counter has 128 bits, the position 64.
        cipher.seek(self.position);
        cipher.apply_keystream(bytes);
        self.position = self.position.wrapping_add(bytes.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST SP 800-38A, F.5.5 (CTR-AES256.Encrypt), cut into pieces at every boundary.
    #[test]
    fn nist_vector_in_any_two_pieces() {
        let key = *b"\x60\x3d\xeb\x10\x15\xca\x71\xbe\x2b\x73\xae\xf0\x85\x7d\x77\x81\
            \x1f\x35\x2c\x07\x3b\x61\x08\xd7\x2d\x98\x10\xa3\x09\x14\xdf\xf4";
        let iv = *b"\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff";
        let plain = *b"\x6b\xc1\xbe\xe2\x2e\x40\x9f\x96\xe9\x3d\x7e\x11\x73\x93\x17\x2a\
            \xae\x2d\x8a\x57\x1e\x03\xac\x9c\x9e\xb7\x6f\xac\x45\xaf\x8e\x51";
        let sealed = *b"\x60\x1e\xc3\x13\x77\x57\x89\xa5\xb7\xa7\xf5\x04\xbb\xf3\xd2\x28\
            \xf4\x43\xe3\xca\x4d\x62\xb5\x9a\xca\x84\xe9\x90\xca\xca\xf5\xc5";
        for cut in 0..=plain.len() {
            let mut bytes = plain;
            let mut stream = CtrStream::new(key, iv);
            let (head, tail) = bytes.split_at_mut(cut);
            stream.apply(head);
            stream.apply(tail);
            assert_eq!(bytes, sealed, "cut at {cut}");
        }
    }

    /// The counter of a random IV may wrap: the carry runs through all 16 bytes.
    #[test]
    fn counter_wraps_to_zero() {
        let mut wrapped = [0u8; 32];
        CtrStream::new([7; 32], [0xff; 16]).apply(&mut wrapped);
        let mut from_zero = [0u8; 16];
        CtrStream::new([7; 32], [0; 16]).apply(&mut from_zero);
        assert_eq!(wrapped[16..], from_zero);
    }
}
