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

/// A file that a client has encrypted, for a secret chat. Nothing is known of what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedFile {
    /// Its number.
    pub id: FileId,
    /// Who uploaded it: it counts against that member's quota, where that is one of this node.
    pub owner: UserId,
    /// Unix seconds.
    pub date: i32,
    /// Bytes.
    pub size: u64,
    /// The bytes themselves.
    pub blob: BlobId,
    /// What the client recognises its key by.
    pub key_fingerprint: i32,
}

impl SealedFile {
    /// Whether another node may say so of one.
    pub(crate) fn is_sound(&self) -> bool {
        (1..=DOCUMENT_BYTES_MAX).contains(&self.size)
    }
}

/// What lies under a [`FileId`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FileRecord {
    Photo(Photo),
    Document(Document),
    Sealed(SealedFile),
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

    /// The same as a file of its own, which somebody has: what another node says of one of its files.
    /// Nothing of it is trusted; `None` for what no client could show. What it says of sets is of its
    /// node.
    pub(crate) fn renamed(mut self, number: FileId, holder: UserId) -> Option<Self> {
        if !self.is_sound() {
            return None;
        }
        match &mut self {
            Self::Photo(photo) => (photo.id, photo.owner) = (number, holder),
            Self::Sealed(file) => (file.id, file.owner) = (number, holder),
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
        Some(self)
    }

    fn is_sound(&self) -> bool {
        let date = 1..=i32::MAX;
        match self {
            // These are in no log.
            Self::Sealed(_) => false,
            Self::Photo(photo) => {
                date.contains(&photo.date)
                    && (1..=SIZES_MAX).contains(&photo.sizes.len())
                    && photo.sizes.iter().all(PhotoSize::is_sound)
                    && photo.stripped.len() <= STRIPPED_BYTES_MAX
            }
            Self::Document(document) => {
                date.contains(&document.date)
                    && document.mime_type.len() <= NAME_BYTES_MAX
                    && document.size <= DOCUMENT_BYTES_MAX
                    && document.thumbs.len() <= SIZES_MAX
                    && document.thumbs.iter().all(PhotoSize::is_sound)
                    && document.stripped.len() <= STRIPPED_BYTES_MAX
                    && document.attributes.len() <= ATTRIBUTES_MAX
                    && document.attributes.iter().all(DocumentAttribute::is_sound)
            }
        }
    }
}

/// Sizes of one picture.
const SIZES_MAX: usize = 8;
/// The longest side of a picture, in pixels.
const SIDE_MAX: i32 = 10_000;
/// Scans of a progressive JPEG.
const SCANS_MAX: usize = 32;
/// The preview that clients rebuild.
const STRIPPED_BYTES_MAX: usize = 2048;
/// Names of files, types, performers.
const NAME_BYTES_MAX: usize = 512;
/// The largest file of a Telegram client.
const DOCUMENT_BYTES_MAX: u64 = 4 << 30;
const ATTRIBUTES_MAX: usize = 16;
/// Five bits for each of a hundred bars, and room.
const WAVEFORM_BYTES_MAX: usize = 128;

impl PhotoSize {
    fn is_sound(&self) -> bool {
        let side = 1..=SIDE_MAX;
        self.kind.is_ascii_lowercase()
            && side.contains(&self.width)
            && side.contains(&self.height)
            && self.progressive.len() <= SCANS_MAX
    }
}

impl DocumentAttribute {
    fn is_sound(&self) -> bool {
        let side = 0..=SIDE_MAX;
        let fits = |text: &String| text.len() <= NAME_BYTES_MAX;
        match self {
            Self::ImageSize { width, height } => side.contains(width) && side.contains(height),
            Self::Sticker { alt, .. } | Self::CustomEmoji { alt, .. } | Self::Filename(alt) => {
                fits(alt)
            }
            Self::Video { duration, width, height, video_codec, .. } => {
                f64::from(*duration).is_finite()
                    && side.contains(width)
                    && side.contains(height)
                    && video_codec.as_ref().is_none_or(fits)
            }
            Self::Audio { duration, title, performer, waveform, .. } => {
                *duration >= 0
                    && title.as_ref().is_none_or(fits)
                    && performer.as_ref().is_none_or(fits)
                    && waveform.as_ref().is_none_or(|bars| bars.len() <= WAVEFORM_BYTES_MAX)
            }
            Self::Animated | Self::HasStickers => true,
        }
    }
}
