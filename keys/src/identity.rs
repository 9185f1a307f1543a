//! Keys that sign for a node, ed25519: its root key, its operational key, keys that recover groups.
//!
//! What a node is called follows from its root key; the log's crate says how.

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// A signature does not belong to this node and this message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("bad signature")]
pub struct BadSignature;

/// The public half: an ed25519 public key of 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifyKey([u8; 32]);

impl VerifyKey {
    /// Any 32 bytes; whether they are a key shows at the first verification.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The public key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Checks a signature strictly: no small-order keys, no second encoding of a signature. So all
    /// nodes agree on whether an entry is valid.
    ///
    /// # Errors
    /// [`BadSignature`], also if these bytes are no usable key.
    pub fn verify_strict(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
        VerifyingKey::from_bytes(&self.0)
            .and_then(|key| key.verify_strict(message, &Signature::from_bytes(signature)))
            .map_err(|_| BadSignature)
    }
}

/// Lower-case hex, 64 digits.
impl fmt::Display for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyKey({self})")
    }
}

/// The secret half; wiped on drop.
pub struct NodeIdentity(SigningKey);

impl NodeIdentity {
    /// Makes a new identity.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(seed.as_mut_slice());
        Self::from_seed(&seed)
    }

    /// The identity of a stored seed (RFC 8032's private key).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The seed, for sealing at rest.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> VerifyKey {
        VerifyKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a message. The same message always gets the same signature.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for NodeIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeIdentity({})", self.public())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{hex, hex_array, seeded};

    /// RFC 8032 section 7.1, tests 1 to 3: secret, public, message, signature.
    /// Source: <https://www.rfc-editor.org/rfc/rfc8032#section-7.1>
    const RFC_8032: [[&str; 4]; 3] = [
        [
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ],
        [
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ],
        [
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ],
    ];

    #[test]
    fn rfc_8032_vectors() {
        for [secret, public, message, signature] in RFC_8032 {
            let identity = NodeIdentity::from_seed(&hex_array(secret));
            assert_eq!(identity.public().to_string(), public);
            assert_eq!(identity.sign(&hex(message)), hex_array(signature));
            identity.public().verify_strict(&hex(message), &hex_array(signature)).unwrap();
        }
    }

    #[test]
    fn any_changed_bit_is_refused() {
        let identity = NodeIdentity::generate(&mut seeded(3));
        let signature = identity.sign(b"entry");
        for bit in 0..512 {
            let mut changed = signature;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(identity.public().verify_strict(b"entry", &changed), Err(BadSignature));
        }
        assert_eq!(identity.public().verify_strict(b"other", &signature), Err(BadSignature));
    }

    /// With the neutral point as key and R, every message has the signature (R, 0): loose
    /// verification accepts it, nodes must not.
    #[test]
    fn small_order_keys_sign_nothing() {
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        assert_eq!(
            VerifyKey::from_bytes(neutral).verify_strict(b"x", &signature),
            Err(BadSignature)
        );
        assert_eq!(
            VerifyKey::from_bytes([2; 32]).verify_strict(b"x", &signature),
            Err(BadSignature)
        );
    }

    #[test]
    fn seed_round_trips_and_debug_hides_it() {
        let identity = NodeIdentity::generate(&mut seeded(4));
        assert_eq!(NodeIdentity::from_seed(&identity.seed()).public(), identity.public());
        assert_eq!(format!("{identity:?}"), format!("NodeIdentity({})", identity.public()));
    }
}
