//! Sets of stickers, masks and custom emoji, and what members keep of them.
//!
//! Keyspace `STICKERS`, key = kind (1) ++ rest: 0 ++ set (8) is the [`StickerSet`]; 1 ++ short name
//! in lower case the set that has it; 2 ++ creator (8) ++ set (8) the sets of a member. A set keeps
//! its files. Which sets a member has installed, and in which order, is a row of one's own.
//!
//! Source: <https://core.telegram.org/api/stickers>

mod find;
mod installed;
mod kept;
mod make;

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

pub use find::Found;
pub use installed::{InstalledSet, SetFlags, Toggle};
pub use kept::{FAVED_MAX, KEPT_MAX, Kept};
pub use make::{NewSet, NewSticker};

use crate::decide::Decide;
use crate::ids::UserId;
use crate::media::{Double, FileId};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

const SET: u8 = 0;
const NAME: u8 = 1;
const OF_MEMBER: u8 = 2;

/// Why a set of stickers is not so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StickerError {
    /// There is no such set.
    #[error("no such set")]
    UnknownSet,
    /// Not of a set that the member made.
    #[error("no sticker of one's own set")]
    UnknownSticker,
    /// No sticker, or one that was not shown.
    #[error("no such sticker")]
    StickerInvalid,
    /// No GIF.
    #[error("no GIF")]
    NoGif,
    /// A name for links that cannot be.
    #[error("bad short name")]
    NameInvalid,
    /// Somebody else's set has the name.
    #[error("short name occupied")]
    NameOccupied,
    /// No title, or one that is too long.
    #[error("bad title")]
    TitleInvalid,
    /// Masks and emoji at once.
    #[error("bad kind of set")]
    KindInvalid,
    /// A set of none.
    #[error("no stickers")]
    Empty,
    /// A set of too many, or of so many words and emoji that a row has no room for them.
    #[error("too many stickers")]
    TooMany,
    /// No emoji that a sticker stands for.
    #[error("bad emoji")]
    EmojiInvalid,
    /// A file that is no sticker, or too large for one.
    #[error("bad file")]
    FileInvalid,
    /// More sets than a member may make.
    #[error("too many sets")]
    TooManySets,
}

/// What a set holds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
pub enum SetKind {
    /// Stickers.
    #[default]
    Stickers,
    /// Masks for photos.
    Masks,
    /// Custom emoji.
    Emoji,
}

impl SetKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Stickers, Self::Masks, Self::Emoji];

    const fn byte(self) -> u8 {
        match self {
            Self::Stickers => 0,
            Self::Masks => 1,
            Self::Emoji => 2,
        }
    }

    /// Stickers of one set.
    const fn stickers_max(self) -> usize {
        match self {
            Self::Stickers | Self::Masks => 120,
            Self::Emoji => 200,
        }
    }
}

/// Where a mask lies on a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskPoint {
    /// The part of the face, 0 to 3.
    pub n: i32,
    /// In widths of the mask.
    pub x: Double,
    /// In heights of the mask.
    pub y: Double,
    /// As a factor.
    pub zoom: Double,
}

/// One sticker of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sticker {
    /// The file.
    pub document: FileId,
    /// The emoji that it stands for, each once.
    pub emoji: Vec<String>,
    /// Words by which it is found.
    pub keywords: Vec<String>,
    /// Of a mask.
    pub mask: Option<MaskPoint>,
}

/// A set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StickerSet {
    /// Its number.
    pub id: i64,
    /// Who made it.
    pub creator: UserId,
    /// 1 to 64 characters.
    pub title: String,
    /// Names it in links.
    pub short_name: String,
    /// What it holds.
    pub kind: SetKind,
    /// Emoji that take the colour of the text.
    pub text_color: bool,
    /// In their order.
    pub stickers: Vec<Sticker>,
    /// The file that stands for it; `None`: the first sticker.
    pub thumb: Option<FileId>,
    /// Grows with each change: clients ask by it whether they have the newest form.
    pub version: i32,
    /// Unix seconds.
    pub date: i32,
}

impl Record for StickerSet {
    const VERSION: u8 = 1;
    const NAME: &'static str = "set of stickers";
}

impl StickerSet {
    /// The emoji, each with the stickers that stand for it.
    #[must_use]
    pub fn packs(&self) -> Vec<(String, Vec<FileId>)> {
        let mut packs: Vec<(String, Vec<FileId>)> = Vec::new();
        for sticker in &self.stickers {
            for emoji in &sticker.emoji {
                match packs.iter_mut().find(|(known, _)| known == emoji) {
                    Some((_, of)) => of.push(sticker.document),
                    None => packs.push((emoji.clone(), vec![sticker.document])),
                }
            }
        }
        packs
    }
}

/// How a set is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetName {
    /// By its number.
    Id(i64),
    /// By its name in links.
    Short(String),
}

fn set_key(set: i64) -> [u8; 9] {
    let mut key = [SET; 9];
    if let Some(tail) = key.last_chunk_mut::<8>() {
        *tail = set.to_be_bytes();
    }
    key
}

fn name_key(short_name: &str) -> Vec<u8> {
    [&[NAME][..], short_name.to_lowercase().as_bytes()].concat()
}

fn member_prefix(user: UserId) -> Vec<u8> {
    [&[OF_MEMBER][..], &user.bytes()].concat()
}

fn member_key(user: UserId, set: i64) -> Vec<u8> {
    [&member_prefix(user)[..], &set.to_be_bytes()].concat()
}

/// The number of a set that a name stands for.
#[derive(Debug, Serialize, Deserialize)]
struct Named(i64);

impl Record for Named {
    const VERSION: u8 = 1;
    const NAME: &'static str = "name of a set";
}

/// Longest name in links, in bytes.
const SHORT_NAME_BYTES_MAX: usize = 64;

impl Core {
    /// A set, as it is on disk.
    ///
    /// # Errors
    /// [`StickerError::UnknownSet`].
    pub fn sticker_set(&self, name: &SetName) -> CoreResult<StickerSet> {
        let id = match name {
            SetName::Id(id) => Some(*id),
            SetName::Short(short) if short.len() > SHORT_NAME_BYTES_MAX => None,
            SetName::Short(short) => {
                let named: Option<Named> = self.shown(Keyspace::STICKERS, &name_key(short))?;
                named.map(|named| named.0)
            }
        };
        let Some(id) = id else { return Err(StickerError::UnknownSet.into()) };
        let set = self.shown(Keyspace::STICKERS, &set_key(id))?;
        set.ok_or_else(|| StickerError::UnknownSet.into())
    }

    /// `access_hash` of a set; never 0.
    #[must_use]
    pub fn sticker_set_access_hash(&self, set: i64) -> i64 {
        crate::access::set_hash(&self.inner.access_secret, set)
    }
}

impl Decide<'_> {
    fn stored_set(&self, name: &SetName) -> CoreResult<StickerSet> {
        let id = match name {
            SetName::Id(id) => Some(*id),
            SetName::Short(short) if short.len() > SHORT_NAME_BYTES_MAX => None,
            SetName::Short(short) => {
                let named: Option<Named> = self.load(Keyspace::STICKERS, &name_key(short))?;
                named.map(|named| named.0)
            }
        };
        let Some(id) = id else { return Err(StickerError::UnknownSet.into()) };
        let set = self.load(Keyspace::STICKERS, &set_key(id))?;
        set.ok_or_else(|| StickerError::UnknownSet.into())
    }

    fn put_set(&mut self, set: &StickerSet) -> CoreResult<()> {
        let put = self.put_shown(Keyspace::STICKERS, &set_key(set.id), Some(set));
        put.map_err(|cause| match cause {
            CoreError::TooLarge(_) => StickerError::TooMany.into(),
            other => other,
        })
    }
}
