//! Sealing of blobs, which lie where others can read: on a disk, or at a provider of storage.
//!
//! What is sealed is a chunk of content or the manifest of a blob. Its hash is BLAKE3 of the
//! plaintext: plain for a chunk, in key derivation mode with a context of its own for a manifest.
//! Hashes are the same on every node; everything below depends on the master key.
//!
//! A sealed object is content (1 byte: 0x43 `C` or 0x4d `M`) ++ version (1, 0x01) ++ segments. A
//! segment is 64 KiB of plaintext, the last one what is left, each ciphertext ++ tag (16),
//! AES-256-GCM; empty content has one empty segment. The associated data are the two bytes before
//! the segments. The nonce is the segment's index (4 bytes, big-endian) ++ 1 for the last segment, 0
//! for others (1) ++ zeros (7). So one segment opens without the others, and none opens in another
//! place, or as the end where it was none.
//!
//! The key of an object is keyed BLAKE3 of content (1) ++ hash (32). It follows from the content, and
//! a nonce from the place in it: no key and nonce ever seal two plaintexts, unless two contents
//! have one hash. Nothing random is needed, and equal content seals to equal bytes. To seal is
//! therefore to hash: a caller cannot name another hash than that of what it seals.
//!
//! The name of an object is keyed BLAKE3 of its hash under another key: it does not tell whether
//! somebody else's known content is here.
//!
//! GCM is ring's here, which seals three times as fast as the crate of the other modules: blobs are
//! bytes by the gigabyte. Differs from them in one thing: ring does not wipe the key of an object when
//! it is dropped. It opens that object and nothing else; the keys that it follows from are wiped.
//!
//! The mark of a place is keyed BLAKE3 of an empty message under the key of names: whoever has
//! another master key has another mark.
//!
//! A hidden hash is tag (32) ++ ciphertext (32) ++ tag of GCM (16): the first is keyed BLAKE3 of the
//! hash, and the key, which is used for this one hash, follows from it. It shows no more than a
//! name does, and gives the hash back.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};
use zeroize::Zeroizing;

use crate::{MasterKey, UnsealError};

const VERSION: u8 = 1;
const TAG_BYTES: usize = 16;
const MANIFEST_CONTEXT: &str = "rookery 2026 blob manifest 1";
/// What is under `seal` besides the keys of objects.
const HIDDEN: u8 = b'H';

/// Length of a whole segment's plaintext.
pub const SEGMENT_BYTES: usize = 64 * 1024;
/// Length of a whole segment as it lies sealed.
pub const SEALED_SEGMENT_BYTES: usize = SEGMENT_BYTES + TAG_BYTES;
/// Length of what is before the first segment.
pub const SEALED_HEADER_BYTES: usize = 2;
/// Length of a hidden hash.
pub const HIDDEN_HASH_BYTES: usize = 32 + 32 + TAG_BYTES;

/// What an object holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Content {
    /// A piece of what people sent, or all of it.
    Chunk,
    /// What a blob of many chunks is made of.
    Manifest,
}

impl Content {
    const fn byte(self) -> u8 {
        match self {
            Self::Chunk => b'C',
            Self::Manifest => b'M',
        }
    }

    const fn header(self) -> [u8; SEALED_HEADER_BYTES] {
        [self.byte(), VERSION]
    }

    /// The hash by which such content is known on every node.
    pub fn hash(self, plaintext: &[u8]) -> [u8; 32] {
        match self {
            Self::Chunk => *blake3::hash(plaintext).as_bytes(),
            Self::Manifest => blake3::derive_key(MANIFEST_CONTEXT, plaintext),
        }
    }

    /// What the first bytes of a sealed object say that it holds.
    ///
    /// # Errors
    /// See [`UnsealError`].
    pub fn of_sealed(sealed: &[u8]) -> Result<Self, UnsealError> {
        let header = sealed.first_chunk().ok_or(UnsealError::Refused)?;
        match *header {
            [_, version] if version != VERSION => Err(UnsealError::Version(version)),
            header if header == Self::Chunk.header() => Ok(Self::Chunk),
            header if header == Self::Manifest.header() => Ok(Self::Manifest),
            _ => Err(UnsealError::Refused),
        }
    }
}

/// How long `plaintext_bytes` are when they lie sealed.
pub const fn sealed_bytes(plaintext_bytes: usize) -> usize {
    let segments = plaintext_bytes.div_ceil(SEGMENT_BYTES);
    let segments = if segments == 0 { 1 } else { segments };
    SEALED_HEADER_BYTES + plaintext_bytes + segments * TAG_BYTES
}

/// The inverse of [`sealed_bytes`]; `None` for what is no length of a sealed object.
pub const fn plaintext_bytes(sealed: usize) -> Option<usize> {
    let Some(segments) = sealed.checked_sub(SEALED_HEADER_BYTES) else { return None };
    let overhead = segments.div_ceil(SEALED_SEGMENT_BYTES) * TAG_BYTES;
    let Some(plaintext) = segments.checked_sub(overhead) else { return None };
    if sealed_bytes(plaintext) == sealed { Some(plaintext) } else { None }
}

/// Seals blobs and names what is sealed; wiped on drop.
pub struct BlobKey {
    seal: Zeroizing<[u8; 32]>,
    names: Zeroizing<[u8; 32]>,
}

impl BlobKey {
    /// The keys of a node's blobs.
    pub fn derive(master: &MasterKey) -> Self {
        Self { seal: master.derive("blobs: sealing"), names: master.derive("blobs: names") }
    }

    /// Seals `plaintext`. Returns its hash, and the object.
    pub fn seal(&self, content: Content, plaintext: &[u8]) -> ([u8; 32], Vec<u8>) {
        let hash = content.hash(plaintext);
        let opener = self.opener(content, &hash);
        let mut sealed = Vec::with_capacity(sealed_bytes(plaintext.len()));
        sealed.extend_from_slice(&content.header());
        let mut rest = plaintext;
        for index in 0.. {
            let (segment, after) = rest.split_at(rest.len().min(SEGMENT_BYTES));
            let start = sealed.len();
            sealed.extend_from_slice(segment);
            let tag = opener
                .cipher
                .seal_in_place_separate_tag(
                    nonce(index, after.is_empty()),
                    Aad::from(content.header()),
                    &mut sealed[start..],
                )
                .expect("a segment is far shorter than the 64 GiB that GCM takes");
            sealed.extend_from_slice(tag.as_ref());
            if after.is_empty() {
                break;
            }
            rest = after;
        }
        (hash, sealed)
    }

    /// What opens the object of the content that has this hash, segment by segment.
    pub fn opener(&self, content: Content, hash: &[u8; 32]) -> Opener {
        let key = self.under_seal(content.byte(), hash);
        Opener { cipher: cipher(&key), content }
    }

    /// Opens a whole object.
    ///
    /// # Errors
    /// See [`UnsealError`]; whatever was cut off, added, changed or moved is `Refused`.
    pub fn open(
        &self,
        content: Content,
        hash: &[u8; 32],
        sealed: &[u8],
    ) -> Result<Vec<u8>, UnsealError> {
        if Content::of_sealed(sealed)? != content {
            return Err(UnsealError::Refused);
        }
        let length = plaintext_bytes(sealed.len()).ok_or(UnsealError::Refused)?;
        let mut plaintext = Vec::with_capacity(length);
        let segments = &sealed[SEALED_HEADER_BYTES..];
        self.opener(content, hash).segments(0, true, segments, &mut plaintext)?;
        Ok(plaintext)
    }

    /// The name under which the object of this hash lies.
    pub fn name(&self, hash: &[u8; 32]) -> [u8; 32] {
        *blake3::keyed_hash(&self.names, hash).as_bytes()
    }

    /// What marks a place as that of this key's owner; it shows nothing.
    pub fn mark(&self) -> [u8; 32] {
        *blake3::keyed_hash(&self.names, &[]).as_bytes()
    }

    /// Hides a hash, so that it may stand where others can read.
    pub fn hide(&self, hash: &[u8; 32]) -> [u8; HIDDEN_HASH_BYTES] {
        let tag = self.under_seal(HIDDEN, hash);
        let mut hidden = [0; HIDDEN_HASH_BYTES];
        hidden[..32].copy_from_slice(tag.as_slice());
        hidden[32..64].copy_from_slice(hash);
        let gcm_tag = self
            .hiding(&tag)
            .seal_in_place_separate_tag(nonce(0, true), Aad::from([VERSION]), &mut hidden[32..64])
            .expect("a hash is far shorter than the 64 GiB that GCM takes");
        hidden[64..].copy_from_slice(gcm_tag.as_ref());
        hidden
    }

    /// The hash that was hidden; `None` if it was hidden under another key, or changed.
    pub fn reveal(&self, hidden: &[u8; HIDDEN_HASH_BYTES]) -> Option<[u8; 32]> {
        let (tag, rest) = hidden.split_first_chunk::<32>()?;
        let (hash, gcm_tag) = rest.split_first_chunk::<32>()?;
        let mut hash = *hash;
        self.hiding(tag)
            .open_in_place_separate_tag(
                nonce(0, true),
                Aad::from([VERSION]),
                Tag::try_from(gcm_tag).ok()?,
                &mut hash,
                0..,
            )
            .ok()?;
        Some(hash)
    }

    fn hiding(&self, tag: &[u8; 32]) -> LessSafeKey {
        cipher(&self.under_seal(HIDDEN.to_ascii_lowercase(), tag))
    }

    fn under_seal(&self, what: u8, hash: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        let mut hasher = blake3::Hasher::new_keyed(&self.seal);
        hasher.update(&[what]).update(hash);
        Zeroizing::new(*hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobKey").finish_non_exhaustive()
    }
}

/// Opens the segments of one object.
pub struct Opener {
    cipher: LessSafeKey,
    content: Content,
}

impl Opener {
    /// Opens neighbouring segments, of which the first has the index `first`, and appends what they
    /// hold to `plaintext`. `to_end` says that the last of them is the object's last.
    ///
    /// # Errors
    /// [`UnsealError::Refused`]; what was appended by then is not to be used.
    pub fn segments(
        &self,
        first: u32,
        to_end: bool,
        sealed: &[u8],
        plaintext: &mut Vec<u8>,
    ) -> Result<(), UnsealError> {
        let count = sealed.len().div_ceil(SEALED_SEGMENT_BYTES).max(1);
        for (index, segment) in (first..).zip(segments_of(sealed)) {
            let last = to_end && (index - first) as usize + 1 == count;
            let (data, tag) =
                segment.split_last_chunk::<TAG_BYTES>().ok_or(UnsealError::Refused)?;
            let start = plaintext.len();
            plaintext.extend_from_slice(data);
            self.cipher
                .open_in_place_separate_tag(
                    nonce(index, last),
                    Aad::from(self.content.header()),
                    Tag::from(*tag),
                    &mut plaintext[start..],
                    0..,
                )
                .map_err(|_| UnsealError::Refused)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}

/// No object is without a segment: nothing at all is one that is too short to open.
fn segments_of(sealed: &[u8]) -> impl Iterator<Item = &[u8]> {
    let nothing: Option<&[u8]> = sealed.is_empty().then_some(&[]);
    nothing.into_iter().chain(sealed.chunks(SEALED_SEGMENT_BYTES))
}

fn cipher(key: &[u8; 32]) -> LessSafeKey {
    let key = UnboundKey::new(&AES_256_GCM, key);
    LessSafeKey::new(key.expect("a key of AES-256 has 32 bytes"))
}

fn nonce(index: u32, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&index.to_be_bytes());
    nonce[4] = u8::from(last);
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests;
