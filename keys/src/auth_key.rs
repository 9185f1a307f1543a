//! The auth key: 2048 bits that one client and this node share.

use std::fmt;

use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Who sends a message; the two directions derive different AES keys from one auth key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// From the client to the server: `x = 0` in the key derivation.
    Client,
    /// From the server to the client: `x = 8`.
    Server,
}

impl Side {
    pub(crate) const fn x(self) -> usize {
        match self {
            Self::Client => 0,
            Self::Server => 8,
        }
    }
}

/// 256 bytes that only one client and this node know, with the two hashes that name them.
///
/// The bytes live in one heap block that is wiped on drop, so that a move leaves no copy behind.
///
/// Source: <https://core.telegram.org/mtproto/description#terminology>
#[derive(Clone)]
pub struct AuthKey {
    bytes: Box<Zeroizing<[u8; 256]>>,
    id: i64,
    aux_hash: [u8; 8],
}

impl AuthKey {
    /// Takes over the 256 bytes (big-endian g^ab) of an auth key.
    pub fn new(bytes: Box<Zeroizing<[u8; 256]>>) -> Self {
        let hash: [u8; 20] = Sha1::digest(bytes.as_slice()).into();
        let [a, b, c, d, e, f, g, h, _, _, _, _, id @ ..] = hash;
        let aux_hash = [a, b, c, d, e, f, g, h];
        Self { bytes, id: i64::from_le_bytes(id), aux_hash }
    }

    /// Copies an auth key out of a stored record; `None` unless it is exactly 256 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut copy = Box::new(Zeroizing::new([0; 256]));
        if bytes.len() != copy.len() {
            return None;
        }
        copy.copy_from_slice(bytes);
        Some(Self::new(copy))
    }

    /// `auth_key_id`: the low 64 bits of SHA-1 of the key, as the little-endian number of the wire.
    pub const fn id(&self) -> i64 {
        self.id
    }

    /// `auth_key_aux_hash`: the high 64 bits of the same SHA-1, used by the exchange only.
    pub const fn aux_hash(&self) -> [u8; 8] {
        self.aux_hash
    }

    /// The secret bytes, for sealing at rest.
    pub fn secret_bytes(&self) -> &[u8; 256] {
        &self.bytes
    }
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl PartialEq for AuthKey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes.ct_eq(other.bytes.as_slice()).into()
    }
}

impl Eq for AuthKey {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hashes are those that Telethon 1.45.0's `AuthKey` gives for the same bytes.
    #[test]
    fn id_and_aux_hash_are_the_two_ends_of_sha1() {
        let key = AuthKey::from_slice(&std::array::from_fn::<u8, 256, _>(|i| i as u8)).unwrap();
        assert_eq!(key.id() as u64, 0xc8df_57a4_6e58_d132);
        assert_eq!(u64::from_le_bytes(key.aux_hash()), 0x688e_f7b7_bdd6_1649);
    }

    #[test]
    fn only_256_bytes_are_a_key_and_debug_hides_them() {
        assert!(AuthKey::from_slice(&[1; 255]).is_none());
        assert!(AuthKey::from_slice(&[1; 257]).is_none());
        let key = AuthKey::from_slice(&[7; 256]).unwrap();
        assert_eq!(format!("{key:?}"), format!("AuthKey {{ id: {}, .. }}", key.id()));
    }
}
