//! Secret bytes: makes, wraps and wipes them; who may use them is decided elsewhere.
//!
//! [`AuthKey`] and [`message`] are the record layer of MTProto; [`ServerKey`], [`pq`], [`dh`] and
//! [`handshake`] are what the exchange of an auth key is made of; [`srp`] checks a 2FA password.
//! [`NodeIdentity`], [`sealed`], [`MasterKey`], [`StoreKey`] and [`BlobKey`] belong to the node
//! itself: its signatures, boxes that only one node opens, and sealing at rest. [`epoch`] is what
//! the member nodes of a private group share. [`http_signature`] is what actors of ActivityPub sign with.
//!
//! No I/O and no clock. Randomness is an argument (`rand_core::CryptoRng`). Secrets are wiped when
//! dropped, are compared in constant time, and print no bytes.

mod aes_ige;
mod auth_key;
mod blob_key;
pub mod dh;
pub mod epoch;
pub mod handshake;
pub mod http_signature;
mod identity;
mod locked_key;
mod master_key;
pub mod message;
pub mod message_v1;
mod modulus;
pub mod pq;
mod rsa_padding;
pub mod sealed;
mod server_key;
pub mod srp;
mod store_key;
#[cfg(test)]
mod testing;

pub use aes_ige::{ige_decrypt, ige_encrypt};
pub use auth_key::{AuthKey, Side};
pub use blob_key::{
    BlobKey, Content, HIDDEN_HASH_BYTES, Opener, SEALED_HEADER_BYTES, SEALED_SEGMENT_BYTES,
    SEGMENT_BYTES, plaintext_bytes, sealed_bytes,
};
pub use identity::{BadSignature, NodeIdentity, VerifyKey};
pub use locked_key::{LockCost, LockedKeyError, is_locked, lock, unlock};
pub use master_key::{InvalidMasterKey, MasterKey, Secret, UnsealError};
pub use rand_core::CryptoRng;
pub use rsa_padding::{InnerData, Padding};
pub use server_key::{InnerDataError, KeyFileError, PublicKey, ServerKey};
pub use store_key::{HIDDEN_KEY_BYTES, SealingError, StoreKey};

use subtle::ConstantTimeEq;

/// Whether two byte strings are equal, in a time that depends on their lengths only.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}
