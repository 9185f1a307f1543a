//! What clients upload and download, as bytes: what a photo or a message is, others know.
//!
//! An upload is parts in the spool, a directory on this machine ([`Blobs::save_part`]). Assembled
//! ([`Blobs::assemble`]) it is a blob in the [`Place`], a directory or a bucket of S3, from where
//! ranges are read ([`Blobs::read`]). What nobody refers to any more goes ([`Blobs::remove`],
//! [`Blobs::sweep`]).
//!
//! # Content
//! A blob is cut in chunks of 512 KiB, the last one shorter; nothing at all is one empty chunk. A
//! chunk's hash is BLAKE3 of it. The id of a blob of one chunk is that hash; that of a larger one is
//! the hash of its manifest: size (8 bytes, big-endian) ++ hashes of the chunks (32 each), in key
//! derivation mode with a context of its own. An id is the same on every node, and whoever has it
//! can check a manifest, and then each chunk, wherever they come from.
//!
//! # At rest
//! Whatever is written is sealed, in the place and in the spool: see `keys::BlobKey`. A blob of one
//! chunk is one object, `aa/bb/<name>`, where name is the keyed hash of the id in hex, and `aa` and
//! `bb` are its first digits. A larger one is objects `aa/bb/<name>-0000` and so on (the index in
//! hex), and the manifest as `aa/bb/<name>`. Equal blobs are kept once; blobs that share chunks share
//! no objects, so that one can be removed without looking at the others.
//!
//! The manifest is written last: whatever happens on the way, there is a whole blob or none. Parts
//! leave the spool after that. What a crash left in the place has no object of the blob's own name,
//! is not read, and is found by the sweep.
//!
//! # Other nodes
//! A blob that lies on another node is read by [`Blobs::read_far`]: chunks that are missing are asked
//! of a [`Source`], checked against the id, and kept on this machine, sealed as in the place, until
//! all are there. The other node answers by [`Blobs::manifest`] and [`Blobs::chunk`].
//!
//! # Removal
//! Content that is on its way out may come in again at any moment. One thing happens to a name at a
//! time, an assembly or a removal, and the other waits for it (`gate.rs`). An assembly ends with a
//! [`Pin`], under which nothing is removed; the caller drops it once its reference to the blob is
//! durable. A [`Sweep`] notes at its start which blobs are pinned, and from then on which are pinned
//! later, and spares them all; the caller begins a sweep *before* it lists what it refers to. So a
//! reference is either in that list, or its pin was seen.
//!
//! # Bounds
//! Parts, ranges and manifests are bounded before memory is taken for them. Sealing and work on
//! files run on blocking threads, a few at once; beyond [`REQUESTS_AT_ONCE_MAX`] a caller is told
//! that the node is busy instead of being queued. Time is an argument.

mod assemble;
mod blobs;
mod cache;
mod error;
mod far;
mod gate;
mod http_client;
mod id;
mod place;
mod read;
mod rules;
mod serve;
mod spool;
mod sweep;
mod write;

pub use assemble::Assembled;
pub use blobs::{Blobs, Bounds, Pin, REQUESTS_AT_ONCE_MAX, Setup};
pub use error::{AssembleError, BlobError, OpenError, PartError};
pub use far::{
    ANSWER_WITHIN, ASK_WITHIN, FAR_READS_AT_ONCE_MAX, FETCHES_AT_ONCE, Fetching, Holder, Partials,
    Source, Unreachable, Wanted,
};
pub use id::{BlobId, CHUNK_BYTES, Manifest};
pub use place::{OWNER, Place, S3, is_object};
pub use read::READ_BYTES_MAX;
pub use rules::{Kind, PARTS_MAX, Part, SMALL_FILE_BYTES_MAX};
pub use serve::SERVED_AT_ONCE_MAX;
pub use spool::{Expired, Usage};
pub use sweep::{Orphan, Orphans, Removal, Sweep};
pub use write::PUT_BYTES_MAX;
