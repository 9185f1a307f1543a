//! One signed step of a group: a header, its signature, and a body that may be gone.
//!
//! `Entry = header ++ signature (64 bytes) ++ body`. The id is blake3 of the header, the signature is
//! ed25519 over `glog1` ++ id, or over `glog1-recover` ++ id by a recovery key. The body, too, is
//! named in the header, so it can go (redaction, retention) and the chain holds.

use std::fmt;

use keys::{BadSignature, NodeIdentity, VerifyKey};

use crate::cbor::Malformed;
use crate::header::{Header, Lane};
use crate::ids::EntryId;
use crate::mutant::Mutant;

/// The longest body of the control chain: a cut over a thousand lanes, with the ask for it.
pub const CONTROL_BODY_BYTES_MAX: usize = 64 * 1024;
/// The longest body of a data lane. What is longer is a blob.
pub const DATA_BODY_BYTES_MAX: usize = 16 * 1024;

const DOMAIN: &[u8] = b"glog1";
const RECOVER_DOMAIN: &[u8] = b"glog1-recover";
const SIGNATURE_BYTES: usize = 64;

/// Whose key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// The operational key of the node in the header.
    Node,
    /// The group's recovery key.
    Recovery,
}

/// An entry, and the bytes it came as: those are hashed, verified, stored and forwarded.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    header: Header,
    header_bytes: Vec<u8>,
    id: EntryId,
    signature: [u8; SIGNATURE_BYTES],
    body: Option<Vec<u8>>,
}

impl Entry {
    /// Signs a header over this body; `body_hash` and `body_len` are filled in.
    ///
    /// # Errors
    /// [`Malformed`] if the body is too long, or the header would not be read by anybody.
    pub fn sign(
        mut header: Header,
        body: Vec<u8>,
        signer: Signer,
        key: &NodeIdentity,
    ) -> Result<Self, Malformed> {
        header.body_hash = *blake3::hash(&body).as_bytes();
        header.body_len = u32::try_from(body.len()).map_err(|_| Malformed)?;
        let mut bytes = header.encode();
        let id = id_of(&bytes);
        bytes.extend_from_slice(&key.sign(&signed_bytes(signer, &id)));
        bytes.extend_from_slice(&body);
        Self::decode(&bytes)
    }

    /// Reads an entry: header ++ signature ++ body, or without the body.
    ///
    /// The body is checked against the header; the signature is not, since that needs the key:
    /// [`Self::verify`].
    ///
    /// # Errors
    /// [`Malformed`] for anything but the only encoding of an entry, and beyond the bounds.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let (header, length) = Header::decode_prefix(bytes)?;
        let body_bytes_max = match header.lane {
            Lane::Control { .. } => CONTROL_BODY_BYTES_MAX,
            Lane::Data { .. } => DATA_BODY_BYTES_MAX,
        };
        let body_bytes = usize::try_from(header.body_len).map_err(|_| Malformed)?;
        if body_bytes > body_bytes_max {
            return Err(Malformed);
        }
        let (header_bytes, rest) = bytes.split_at_checked(length).ok_or(Malformed)?;
        let (signature, body) = rest.split_first_chunk::<SIGNATURE_BYTES>().ok_or(Malformed)?;
        let mut entry = Self {
            header,
            header_bytes: header_bytes.to_vec(),
            id: id_of(header_bytes),
            signature: *signature,
            body: None,
        };
        // An empty body is never carried by itself: every body begins with a salt.
        if !body.is_empty() {
            entry.put_body(body)?;
        }
        Ok(entry)
    }

    /// The bytes that travel: header ++ signature ++ body, if it is there.
    pub fn encode(&self) -> Vec<u8> {
        [&self.header_bytes, &self.signature[..], self.body.as_deref().unwrap_or_default()].concat()
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, signer: Signer, key: &VerifyKey) -> Result<(), BadSignature> {
        key.verify_strict(&signed_bytes(signer, &self.id), &self.signature)
    }

    /// Gives back a body that was missing.
    ///
    /// # Errors
    /// [`Malformed`] if it is not the one that the header names.
    pub fn put_body(&mut self, body: &[u8]) -> Result<(), Malformed> {
        if body.len() as u64 != u64::from(self.header.body_len)
            || *blake3::hash(body).as_bytes() != self.header.body_hash
        {
            return Err(Malformed);
        }
        self.body = Some(body.to_vec());
        Ok(())
    }

    /// Takes the body away, for ever or until it is fetched again.
    pub fn erase_body(&mut self) {
        self.body = None;
    }

    /// What is signed.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Its name: blake3 of the header's bytes.
    pub fn id(&self) -> EntryId {
        self.id
    }

    /// The body as it is carried.
    pub fn body(&self) -> Option<&[u8]> {
        self.body.as_deref()
    }
}

/// Ids only: bodies are people's words.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("id", &self.id)
            .field("node", &self.header.node)
            .field("lane", &self.header.lane)
            .field("seq", &self.header.seq)
            .field("kind", &self.header.kind)
            .finish_non_exhaustive()
    }
}

/// What gossip calls a message with this payload: the first 20 bytes of blake3 of all of it.
///
/// An id over the header alone would let a forger send a true header with a false signature first,
/// and so have the true entry taken for a repetition.
pub fn gossip_id(payload: &[u8]) -> [u8; 20] {
    let named = match Entry::decode(payload) {
        Ok(entry) if Mutant::GossipIdOverHeader.is_active() => entry.header_bytes,
        _ => payload.to_vec(),
    };
    let hash = blake3::hash(&named);
    std::array::from_fn(|i| hash.as_bytes().get(i).copied().unwrap_or_default())
}

fn id_of(header_bytes: &[u8]) -> EntryId {
    EntryId(*blake3::hash(header_bytes).as_bytes())
}

fn signed_bytes(signer: Signer, id: &EntryId) -> Vec<u8> {
    let domain = match signer {
        Signer::Node => DOMAIN,
        Signer::Recovery => RECOVER_DOMAIN,
    };
    [domain, &id.0].concat()
}

#[cfg(test)]
mod tests;
