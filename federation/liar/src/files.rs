//! Shows files of others as its own, and gives something else for them.

use anyhow::Context as _;
use glog::body::{DataBody, Media, Member, Post};
use glog::cbor::{Blob, List, Text};
use glog::{Entry, Lane};
use mesh::{Call, Reply};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::copy::{Copy, author};
use crate::peer::Keys;

/// Who shows them.
const USER: u64 = 7;

/// What it was asked.
#[derive(Debug, Default)]
struct Asked {
    /// Blobs whose manifest was asked for.
    manifests: Vec<[u8; 32]>,
    chunks: u64,
}

/// The files.
#[derive(Debug, Default)]
pub(crate) struct Files(Mutex<Asked>);

impl Files {
    /// A manifest of other chunks, and other bytes as a chunk; `None` for what is no question for files.
    pub(crate) fn answer(&self, call: &Call) -> Option<Reply> {
        let mut asked = self.0.lock();
        match call {
            Call::Manifest { blob } => {
                asked.manifests.push(*blob);
                let hashes = List::new(vec![[1; 32], [2; 32]]).ok()?;
                Some(Reply::Manifest { hashes, length: 700_001 })
            }
            Call::Chunk { .. } => {
                asked.chunks += 1;
                Some(Reply::Chunk(Blob::new(vec![0x5a; 512 * 1024]).ok()?))
            }
            _ => None,
        }
    }

    /// What it was asked so far.
    pub(crate) fn told(&self) -> Value {
        let asked = self.0.lock();
        json!({ "manifests": asked.manifests.len(), "chunks": asked.chunks })
    }

    /// The first blob that it was asked for.
    pub(crate) fn first(&self) -> Option<[u8; 32]> {
        self.0.lock().manifests.first().copied()
    }
}

/// The media of the first post of another node that has any.
fn shown(copy: &Copy, keys: &Keys) -> anyhow::Result<Vec<Media>> {
    for bytes in copy.stored.values() {
        let entry = Entry::decode(bytes)?;
        let header = entry.header();
        let Lane::Data { .. } = header.lane else { continue };
        if header.node == keys.node() {
            continue;
        }
        let body = entry.body().and_then(|body| DataBody::decode(header.kind, body).ok());
        if let Some(DataBody::Post(post)) = body
            && !post.media.is_empty()
        {
            return Ok(post.media.into_vec());
        }
    }
    anyhow::bail!("nobody has shown a file")
}

/// Somebody of this node joins, so that others know who may have the files that they show.
pub(crate) fn join(copy: &mut Copy, keys: &Keys) -> anyhow::Result<Vec<u8>> {
    let body = DataBody::Member(Member { join: true, invite: None });
    let end = copy.end(keys.node().short());
    let bytes = copy.write_as(author(keys), end, Vec::new(), USER, &body)?;
    copy.keep(&bytes)?;
    Ok(bytes)
}

/// Says something with the file of somebody else, as this node's own; with `instead` of the blob's name
/// another one stands there.
pub(crate) fn show(
    copy: &mut Copy,
    keys: &Keys,
    words: &str,
    instead: Option<([u8; 32], [u8; 32])>,
) -> anyhow::Result<Vec<u8>> {
    let mut media = shown(copy, keys)?;
    if let Some((blob, other)) = instead {
        for media in &mut media {
            let mut bytes = media.descriptor.to_vec();
            let at = bytes.windows(blob.len()).position(|some| *some == blob);
            let at = at.context("the blob is named")?;
            bytes.splice(at..at + blob.len(), other);
            media.descriptor = Blob::new(bytes).map_err(|_| anyhow::anyhow!("long"))?;
        }
    }
    let post = Post {
        text: Text::new(words).map_err(|_| anyhow::anyhow!("long"))?,
        links: false,
        media: List::new(media).map_err(|_| anyhow::anyhow!("too many"))?,
        reply_to: None,
        extra: Blob::default(),
    };
    let end = copy.end(keys.node().short());
    let bytes = copy.write_as(author(keys), end, Vec::new(), USER, &DataBody::Post(post))?;
    copy.keep(&bytes)?;
    Ok(bytes)
}
