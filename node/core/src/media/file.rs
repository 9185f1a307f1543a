//! Photos and documents: one record each, whatever the number of messages that show it.
//!
//! Keyspace `FILES`, key = id (8).

use serde::{Deserialize, Serialize};

use super::Double;
use crate::ids::UserId;
use crate::record::Record;

/// Number of a photo or a document; never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileId(pub i64);

impl FileId {
    /// Big-endian.
    pub(crate) fn bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

/// The bytes of a file, by what they are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlobId(pub [u8; 32]);

impl std::fmt::Debug for BlobId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Equal for equal files: a few bytes tell them apart in a log, and no more.
        let [a, b, c, ..] = self.0;
        write!(f, "BlobId({a:02x}{b:02x}{c:02x}…)")
    }
}

/// One size of a picture.
///
/// Source: <https://core.telegram.org/api/files#image-thumbnail-types>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoSize {
    /// Its letter: `s`, `m`, `x`, `y`, `w`, or `a`, `b`, `c` of squares.
    pub kind: u8,
    /// Pixels.
    pub width: i32,
    /// Pixels.
    pub height: i32,
    /// Bytes.
    pub size: u32,
    /// The bytes themselves: a JPEG.
    pub blob: BlobId,
    /// Of a progressive JPEG: bytes after each scan, the last one `size`. Empty: it is not one.
    pub progressive: Vec<u32>,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Photo {
    /// Its number.
    pub id: FileId,
    /// Who uploaded it: it counts against that member's quota.
    pub owner: UserId,
    /// Unix seconds.
    pub date: i32,
    /// The smallest first.
    pub sizes: Vec<PhotoSize>,
    /// The preview of some bytes, as clients rebuild it; may be empty.
    pub stripped: Vec<u8>,
    /// Stickers are part of it.
    pub has_stickers: bool,
}

/// What a document is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum DocumentAttribute {
    /// It is a picture of this size.
    ImageSize {
        /// Pixels.
        width: i32,
        /// Pixels.
        height: i32,
    },
    /// It is played without sound, again and again.
    Animated,
    /// It is a sticker.
    Sticker {
        /// A mask for photos.
        mask: bool,
        /// The emoji that it stands for.
        alt: String,
        /// The set that it is in: its number.
        set: Option<i64>,
    },
    /// It is an emoji.
    CustomEmoji {
        /// It takes the colour of the text.
        text_color: bool,
        /// The emoji that it stands for.
        alt: String,
        /// The set that it is in: its number.
        set: Option<i64>,
    },
    /// It is a film.
    Video {
        /// Round.
        round_message: bool,
        /// It can be played while it is loaded.
        supports_streaming: bool,
        /// It has no sound.
        nosound: bool,
        /// Seconds.
        duration: Double,
        /// Pixels.
        width: i32,
        /// Pixels.
        height: i32,
        /// Bytes to load before it can play.
        preload_prefix_size: Option<i32>,
        /// The moment that its cover shows, in seconds.
        video_start_ts: Option<Double>,
        /// For example `h264`.
        video_codec: Option<String>,
    },
    /// It is sound.
    Audio {
        /// A voice message.
        voice: bool,
        /// Seconds.
        duration: i32,
        /// May be missing.
        title: Option<String>,
        /// May be missing.
        performer: Option<String>,
        /// Of a voice message: 5 bits a bar.
        waveform: Option<Vec<u8>>,
    },
    /// Its name.
    Filename(String),
    /// Stickers are part of it.
    HasStickers,
}

/// Any file but a photo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its number.
    pub id: FileId,
    /// Who uploaded it: it counts against that member's quota.
    pub owner: UserId,
    /// Unix seconds.
    pub date: i32,
    /// As the client said.
    pub mime_type: String,
    /// Bytes.
    pub size: u64,
    /// The bytes themselves.
    pub blob: BlobId,
    /// What it is.
    pub attributes: Vec<DocumentAttribute>,
    /// Pictures of it, the smallest first.
    pub thumbs: Vec<PhotoSize>,
    /// The preview of some bytes, as clients rebuild it; may be empty.
    pub stripped: Vec<u8>,
}

/// What lies under a [`FileId`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FileRecord {
    Photo(Photo),
    Document(Document),
}

impl Record for FileRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "file";
}

impl FileRecord {
    /// Whether it is the same bytes.
    pub(crate) fn shows_same(&self, other: &Self) -> bool {
        self.blobs() == other.blobs()
    }

    /// The same as a file of its own, which somebody has. What it says of sets is of its node.
    pub(crate) fn renamed(mut self, number: FileId, holder: UserId) -> Self {
        match &mut self {
            Self::Photo(photo) => (photo.id, photo.owner) = (number, holder),
            Self::Document(document) => {
                (document.id, document.owner) = (number, holder);
                for attribute in &mut document.attributes {
                    match attribute {
                        DocumentAttribute::Sticker { set, .. }
                        | DocumentAttribute::CustomEmoji { set, .. } => *set = None,
                        _ => {}
                    }
                }
            }
        }
        self
    }
}
