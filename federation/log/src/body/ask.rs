//! Asks: what an admin on another node wants the home to write, signed by that node.

use keys::{BadSignature, NodeIdentity, VerifyKey};

use super::kinds::Action;
use crate::cbor::{Blob, Malformed, encode, record};
use crate::cert::NodeCert;
use crate::ids::{AskId, ControlRef, GroupId, NodeId};

const ASK_DOMAIN: &[u8] = b"glog1-ask";
const JOIN_CONTEXT: &[u8] = b"glog1-join";
/// The longest content of an ask: it has to fit beside the entry's own in one control body.
const ASKED_BYTES_MAX: usize = 28 * 1024;

record! {
    /// What is asked, and how its answer is told from that of another.
    pub struct Ask {
        /// In which group.
        pub group: GroupId,
        /// The node that asks for its user.
        pub node: NodeId,
        /// The certificate of the key that signs.
        pub key_serial: u32,
        /// Who wants it, of that node.
        pub user: u64,
        /// The control head that the node had applied.
        pub head: ControlRef,
        /// The same when it is asked again.
        pub id: AskId,
        /// The kind of the entry that is wanted.
        pub kind: u16,
        /// Its content; a cut may be left open, a key is.
        pub content: Blob<ASKED_BYTES_MAX>,
    }
}

record! {
    /// An ask in the entry that answers it.
    pub struct Evidence {
        /// The ask.
        pub ask: Ask,
        /// ed25519 of the asking node over `glog1-ask` ++ blake3 of the ask's encoding.
        pub signature: [u8; 64],
        /// The asking node's certificate, if the chain lacks that serial.
        pub cert: Option<NodeCert>,
    }
}

impl Ask {
    /// What is wanted.
    ///
    /// # Errors
    /// [`Malformed`] if the content is not of its kind.
    pub fn action(&self) -> Result<Action, Malformed> {
        Action::decode(self.kind, &self.content)
    }

    /// Signs with the operational key of the asking node.
    pub fn sign(self, key: &NodeIdentity, cert: Option<NodeCert>) -> Evidence {
        let signature = key.sign(&signed_bytes(&self));
        Evidence { ask: self, signature, cert }
    }
}

impl Evidence {
    /// Checks the asking node's signature.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, key: &VerifyKey) -> Result<(), BadSignature> {
        key.verify_strict(&signed_bytes(&self.ask), &self.signature)
    }
}

fn signed_bytes(ask: &Ask) -> Vec<u8> {
    [ASK_DOMAIN, blake3::hash(&encode(ask)).as_bytes()].concat()
}

record! {
    /// Somebody with an invite link wants to join; goes to a hint node, and on to the home.
    pub struct Join {
        /// Which group.
        pub group: GroupId,
        /// Who, of the node in the certificate.
        pub user: u64,
        /// Their node.
        pub cert: NodeCert,
        /// Shows that they have the link's token, without showing it: see [`Join::proof`].
        pub proof: [u8; 32],
    }
}

impl Join {
    /// blake3 keyed with blake3(`glog1-join` ++ token), of node ++ user (8 bytes, big-endian).
    ///
    /// Differs from the design, which says HMAC: keyed blake3 is the same thing in the hash that all
    /// else here uses.
    pub fn proof(token: &[u8; 16], node: &NodeId, user: u64) -> [u8; 32] {
        let key = *blake3::Hasher::new().update(JOIN_CONTEXT).update(token).finalize().as_bytes();
        let mut hash = blake3::Hasher::new_keyed(&key);
        *hash.update(&node.0).update(&user.to_be_bytes()).finalize().as_bytes()
    }

    /// Whether its sender has the token.
    pub fn is_proven(&self, token: &[u8; 16]) -> bool {
        keys::constant_time_eq(&self.proof, &Self::proof(token, &self.cert.node(), self.user))
    }
}
