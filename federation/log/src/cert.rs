//! Certificates: a node's root key vouches for the keys that the node uses.

use keys::{BadSignature, NodeIdentity, VerifyKey};

use crate::cbor::{List, Text, encode, record};
use crate::ids::{EntryRef, GroupId, NodeId};

const CERT_DOMAIN: &[u8] = b"glog1-cert";
const OPEN_DOMAIN: &[u8] = b"glog1-open";
/// The longest domain name.
const DOMAIN_BYTES_MAX: usize = 253;
/// Addresses that a node may give, and how long each may be.
const ADDRESSES_MAX: usize = 8;
const ADDRESS_BYTES_MAX: usize = 256;

record! {
    /// What a node says of itself under one operational key.
    ///
    /// A rotation is the next serial; so is a revocation.
    pub struct CertBody {
        /// The root key, from which the node's id follows.
        pub root: [u8; 32],
        /// The operational key: ed25519, signs entries, names the node to libp2p.
        pub op: [u8; 32],
        /// The x25519 key to which boxes are sealed.
        pub x25519: [u8; 32],
        /// Grows with each certificate of the node, from 1.
        pub serial: u32,
        /// Milliseconds since 1970. For display: no clock decides about a log.
        pub not_before_ms: u64,
        /// A label, shown while the domain itself confirms it.
        pub domain: Text<DOMAIN_BYTES_MAX>,
        /// Where the node is reached.
        pub addresses: List<Text<ADDRESS_BYTES_MAX>, ADDRESSES_MAX>,
    }
}

record! {
    /// A certificate: what the node says, and its root key's signature.
    pub struct NodeCert {
        /// What is signed.
        pub body: CertBody,
        /// ed25519 of the root key over `glog1-cert` ++ blake3 of the body's encoding.
        pub signature: [u8; 64],
    }
}

impl NodeCert {
    /// Signs with the root key, which must be the one in the body.
    pub fn sign(body: CertBody, root: &NodeIdentity) -> Self {
        let signature = root.sign(&signed_bytes(&body));
        Self { body, signature }
    }

    /// Checks the root key's signature.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self) -> Result<(), BadSignature> {
        VerifyKey::from_bytes(self.body.root)
            .verify_strict(&signed_bytes(&self.body), &self.signature)
    }

    /// The node that it speaks of.
    pub fn node(&self) -> NodeId {
        NodeId::of_root(&VerifyKey::from_bytes(self.body.root))
    }

    /// The key under which the node's entries are verified.
    pub fn op(&self) -> VerifyKey {
        VerifyKey::from_bytes(self.body.op)
    }
}

fn signed_bytes(body: &CertBody) -> Vec<u8> {
    [CERT_DOMAIN, blake3::hash(&encode(body)).as_bytes()].concat()
}

record! {
    /// The root key's word that a node goes on in a new incarnation, where no Settle says it.
    pub struct RootOpening {
        /// The root key of the node.
        pub root: [u8; 32],
        /// ed25519 over `glog1-open` ++ blake3 of the encoding of \[group, node, inc, previous head\].
        pub signature: [u8; 64],
    }
}

record! {
    /// What a root key signs to open an incarnation.
    pub struct Opened {
        /// The group.
        pub group: GroupId,
        /// Whose lane.
        pub node: NodeId,
        /// The incarnation that begins.
        pub inc: u32,
        /// The last entry of the one before that the node stands by; `None` if it knows of none.
        pub previous: Option<EntryRef>,
    }
}

impl RootOpening {
    /// Signs with the root key.
    pub fn sign(opened: &Opened, root: &NodeIdentity) -> Self {
        Self { root: *root.public().as_bytes(), signature: root.sign(&opened.signed_bytes()) }
    }

    /// Whether the node's own root key signed exactly this.
    pub fn confirms(&self, opened: &Opened) -> bool {
        let root = VerifyKey::from_bytes(self.root);
        NodeId::of_root(&root) == opened.node
            && root.verify_strict(&opened.signed_bytes(), &self.signature).is_ok()
    }
}

impl Opened {
    fn signed_bytes(&self) -> Vec<u8> {
        [OPEN_DOMAIN, blake3::hash(&encode(self)).as_bytes()].concat()
    }
}
