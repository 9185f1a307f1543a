//! How a letter looks between nodes.
//!
//! It is sealed to the x25519 key of the recipient's certificate, bound to `rookery-letter1` ++ the
//! recipient's name (32); inside is a [`Signed`] letter. Only the node that wrote it brings it: who
//! brings another's is refused, so nobody can keep a letter and bring it again.

use glog::cbor::{Blob, decode, encode, record};
use glog::{NodeCert, NodeId};
use keys::NodeIdentity;
use keys::sealed::{BoxPublic, BoxSecret};
use rand::CryptoRng;

use crate::{CoreError, CoreResult};

const DOMAIN: &[u8] = b"rookery-letter1";

/// The longest sealed letter, in bytes: what one call carries.
pub const LETTER_BYTES_MAX: usize = 64 * 1024;

/// The longest body of a letter, in bytes: the rest is for who writes to whom, and the seal.
pub(crate) const BODY_BYTES_MAX: usize = LETTER_BYTES_MAX - 512;

/// The name of a letter: drawn when it is written, and the same however often it comes.
pub(super) type LetterId = [u8; 16];

record! {
    /// What one node says to another.
    pub struct Letter {
        /// Who wrote it.
        pub from: NodeId,
        /// The certificate of the key that signs.
        pub key_serial: u32,
        /// For which node.
        pub to: NodeId,
        /// For whom of its people, or 0: for the node itself.
        pub user: u64,
        /// Its name.
        pub id: LetterId,
        /// When it is given up, in milliseconds since 1970 by the clock of who wrote it.
        pub expires_ms: u64,
        /// What it is about.
        pub kind: u16,
        /// Which version of that kind.
        pub version: u8,
        /// What it says.
        pub body: Blob<BODY_BYTES_MAX>,
    }
}

record! {
    /// A letter and the word of its node.
    pub struct Signed {
        /// What is signed.
        pub letter: Letter,
        /// ed25519 of the operational key over `rookery-letter1` ++ blake3 of the letter's encoding.
        pub signature: [u8; 64],
    }
}

fn signed_bytes(letter: &Letter) -> Vec<u8> {
    [DOMAIN, blake3::hash(&encode(letter)).as_bytes()].concat()
}

fn bound(to: NodeId) -> Vec<u8> {
    [DOMAIN, &to.0].concat()
}

impl Letter {
    /// Signs and seals it to the node of `cert`, which has to be the recipient.
    ///
    /// # Errors
    /// [`CoreError::UnknownNode`] where nothing can be sealed to its key.
    pub(crate) fn seal(
        self,
        key: &NodeIdentity,
        cert: &NodeCert,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> CoreResult<Vec<u8>> {
        let to = self.to;
        let signature = key.sign(&signed_bytes(&self));
        let signed = encode(&Signed { letter: self, signature });
        let sealed = BoxPublic::from_bytes(cert.body.x25519).seal(&signed, &bound(to), rng);
        sealed.map_err(|_| CoreError::UnknownNode)
    }

    /// Opens what the node of `cert` has brought to node `own`.
    ///
    /// # Errors
    /// [`CoreError::UnknownNode`] for what does not open or is signed by another key than the one that is
    /// known: it may come again when the two know each other's new keys. [`CoreError::NotALetter`] for
    /// what is none, is for another node, or is not that node's own.
    pub(crate) fn open(
        sealed: &[u8],
        own: NodeId,
        secret: &BoxSecret,
        cert: &NodeCert,
    ) -> CoreResult<Self> {
        if sealed.len() > LETTER_BYTES_MAX {
            return Err(CoreError::NotALetter);
        }
        let opened = secret.open(sealed, &bound(own)).map_err(|_| CoreError::UnknownNode)?;
        let Signed { letter, signature } = decode(&opened).map_err(|_| CoreError::NotALetter)?;
        if letter.from != cert.node() || letter.to != own {
            return Err(CoreError::NotALetter);
        }
        if letter.key_serial != cert.body.serial {
            return Err(CoreError::UnknownNode);
        }
        let verified = cert.op().verify_strict(&signed_bytes(&letter), &signature);
        verified.map_err(|_| CoreError::NotALetter)?;
        Ok(letter)
    }
}
