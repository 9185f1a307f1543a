//! What comes with messages: photos, files, places, polls.
//!
//! A message holds a [`Media`], which is small; what a photo or a file is lies once per file, as a
//! [`Photo`] or [`Document`], under a [`FileId`]; its bytes are a blob, which this crate knows by
//! the [`BlobId`] only.

mod collect;
mod examine;
mod file;
mod reference;
mod store;
mod web_page;

use serde::{Deserialize, Serialize};

pub use collect::Collected;
pub(crate) use examine::examine;
pub(crate) use file::FileRecord;
pub use file::{BlobId, Document, DocumentAttribute, FileId, Photo, PhotoSize, SealedFile};
pub use reference::{FILE_REFERENCE_S, Origin};
pub use store::Stored as StoredBytes;
pub(crate) use store::{key_blobs, stored_document};
pub use web_page::WebPage;

use crate::ids::UserId;

/// Number of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PollId(pub i64);

/// Number of a page whose preview is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WebPageId(pub i64);

/// A floating-point number as it was said: equal if its bits are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Double(u64);

impl From<f64> for Double {
    fn from(value: f64) -> Self {
        Self(value.to_bits())
    }
}

impl From<Double> for f64 {
    fn from(value: Double) -> Self {
        Self::from_bits(value.0)
    }
}

/// A place on earth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeoPoint {
    /// Degrees, -90 to 90.
    pub lat: Double,
    /// Degrees, -180 to 180.
    pub long: Double,
    /// Metres.
    pub accuracy_radius: Option<i32>,
}

/// What comes with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Media {
    /// A picture.
    Photo {
        /// Which.
        photo: FileId,
        /// Hidden until it is touched.
        spoiler: bool,
    },
    /// Any other file: what it is follows from its attributes.
    Document {
        /// Which.
        document: FileId,
        /// Hidden until it is touched.
        spoiler: bool,
    },
    /// Somebody's number.
    Contact {
        /// As it was sent.
        phone_number: String,
        /// As it was sent.
        first_name: String,
        /// May be empty.
        last_name: String,
        /// May be empty.
        vcard: String,
        /// Whose account has the number.
        user: Option<UserId>,
    },
    /// A place.
    Geo(GeoPoint),
    /// Where somebody is, for a while.
    GeoLive {
        /// Where, when it was said last.
        point: GeoPoint,
        /// Degrees from north, 1 to 360.
        heading: Option<i32>,
        /// Seconds from the message's date.
        period: i32,
        /// Metres at which the other party is to be told.
        proximity: Option<i32>,
    },
    /// A place with a name.
    Venue {
        /// Where.
        point: GeoPoint,
        /// Its name.
        title: String,
        /// Its address.
        address: String,
        /// Who knows it: `foursquare` and the like.
        provider: String,
        /// Number at the provider.
        venue_id: String,
        /// Kind at the provider.
        venue_type: String,
    },
    /// An emoji with a number that the node drew.
    Dice {
        /// The emoji.
        emoticon: String,
        /// From 1.
        value: i32,
    },
    /// A question.
    Poll(PollId),
    /// The preview of a page that the text links to.
    WebPage {
        /// Which.
        page: WebPageId,
        /// The writer wants it large.
        force_large: bool,
        /// The writer wants it small.
        force_small: bool,
        /// It is not a link of the text.
        manual: bool,
    },
    /// Something of another node that this one cannot show.
    Unsupported,
}

impl Media {
    /// The photo or document that it shows.
    #[must_use]
    pub fn file(&self) -> Option<FileId> {
        match self {
            Self::Photo { photo: file, .. } | Self::Document { document: file, .. } => Some(*file),
            _ => None,
        }
    }

    /// The same with another file, where it shows one.
    pub(crate) fn with_file(mut self, number: FileId) -> Self {
        match &mut self {
            Self::Photo { photo: file, .. } | Self::Document { document: file, .. } => {
                *file = number
            }
            _ => {}
        }
        self
    }

    /// Whether the text of its message belongs to it, and not the other way round.
    #[must_use]
    pub fn has_caption(&self) -> bool {
        matches!(self, Self::Photo { .. } | Self::Document { .. })
    }

    /// Whether an edit may put `other` in its place.
    pub(crate) fn becomes(&self, other: &Self) -> bool {
        match self {
            Self::Photo { .. } | Self::Document { .. } => other.file().is_some(),
            Self::WebPage { .. } => other.file().is_some() || matches!(other, Self::WebPage { .. }),
            Self::GeoLive { .. } => matches!(other, Self::GeoLive { .. }),
            _ => false,
        }
    }
}
