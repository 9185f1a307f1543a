//! Pictures that come with the node: those of reactions, drawn by `assets/reactions/draw.py`.
//!
//! They are documents like any other, kept by the node itself: clients load them as they load
//! every file. Their numbers follow from their bytes, so another picture is another document.

use blobs::Blobs;
use node_core::{BlobId, Core, CoreResult, Document, DocumentAttribute, FileId, UserId};

/// Pixels of all of them, both ways.
const SIDE: i32 = 512;

/// The pictures of a reaction.
pub(crate) struct Pictures {
    /// The emoji.
    pub(crate) emoticon: &'static str,
    /// A WebP.
    pub(crate) still: &'static [u8],
    /// A TGS.
    pub(crate) moving: &'static [u8],
}

macro_rules! pictures {
    ($($emoticon:literal $name:literal;)*) => {
        &[$(Pictures {
            emoticon: $emoticon,
            still: include_bytes!(concat!("../assets/reactions/", $name, ".webp")),
            moving: include_bytes!(concat!("../assets/reactions/", $name, ".tgs")),
        },)*]
    };
}

/// Those of all reactions.
pub(crate) static PICTURES: &[Pictures] = pictures! {
    "👍" "thumbs_up";
    "👎" "thumbs_down";
    "❤" "heart";
    "🔥" "fire";
    "🎉" "party";
    "😁" "grin";
    "😢" "cry";
    "😱" "scream";
    "🤔" "think";
    "👏" "clap";
    "👀" "eyes";
    "💯" "hundred";
};

impl Pictures {
    /// Those of a reaction.
    pub(crate) fn of(emoticon: &str) -> Option<&'static Self> {
        PICTURES.iter().find(|pictures| pictures.emoticon == emoticon)
    }

    /// The files: what they are, and their bytes.
    pub(crate) fn files(&self) -> [(Document, &'static [u8]); 2] {
        let still = document(self.emoticon, self.still, "image/webp", "sticker.webp");
        let tgs = "application/x-tgsticker";
        let moving = document(self.emoticon, self.moving, tgs, "AnimatedSticker.tgs");
        [(still, self.still), (moving, self.moving)]
    }
}

/// Stores the pictures, as far as they are not there. One that cannot be stored is left out, and
/// with it the reaction is not offered.
///
/// # Errors
/// Those of the rules' store.
pub async fn store_bundled(core: &Core, blobs: &Blobs) -> CoreResult<()> {
    for (mut document, bytes) in PICTURES.iter().flat_map(Pictures::files) {
        if core.document(document.id)?.is_some() {
            continue;
        }
        let put = match blobs.put(bytes::Bytes::from_static(bytes)).await {
            Ok(put) => put,
            Err(cause) => {
                tracing::warn!(%cause, "a picture of a reaction cannot be stored");
                continue;
            }
        };
        document.blob = BlobId(put.id.0);
        core.bundle(document).await?;
        // Until here: now it is referred to.
        drop(put.pin);
    }
    Ok(())
}

/// The number of a picture.
pub(crate) fn number(bytes: &[u8]) -> FileId {
    let hash = blake3::hash(bytes);
    let number = hash.as_bytes().first_chunk().map_or(1, |head| i64::from_le_bytes(*head));
    FileId((number & i64::MAX).max(1))
}

fn document(emoticon: &str, bytes: &[u8], mime_type: &str, name: &str) -> Document {
    Document {
        id: number(bytes),
        owner: UserId::SERVICE,
        date: 0,
        mime_type: mime_type.to_owned(),
        size: bytes.len() as u64,
        // Said when it is stored.
        blob: BlobId([0; 32]),
        attributes: vec![
            DocumentAttribute::ImageSize { width: SIDE, height: SIDE },
            DocumentAttribute::Sticker { mask: false, alt: emoticon.to_owned(), set: None },
            DocumentAttribute::Filename(name.to_owned()),
        ],
        thumbs: Vec::new(),
        stripped: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reaction_has_its_pictures() {
        for known in node_core::REACTIONS {
            let pictures = Pictures::of(known.emoticon).unwrap();
            assert!(pictures.still.starts_with(b"RIFF"), "{}", known.title);
            assert!(pictures.moving.starts_with(&[0x1f, 0x8b]), "{}", known.title);
            // What clients play at most.
            assert!(pictures.moving.len() <= 64 << 10, "{}", known.title);
        }
        assert_eq!(PICTURES.len(), node_core::REACTIONS.len());
    }
}
