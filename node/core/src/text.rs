//! The text of a message and its formatting.
//!
//! Offsets and lengths count UTF-16 units, as Telegram's API does:
//! <https://core.telegram.org/api/entities>.

mod detect;
mod normalize;

use serde::{Deserialize, Serialize};

use crate::ids::UserId;

/// Longest text of a message, in UTF-16 units.
pub const TEXT_UNITS_MAX: usize = 4096;

/// Longest text of a media, in UTF-16 units: `caption_length_max` of the configuration.
pub const CAPTION_UNITS_MAX: usize = 1024;

/// Entities of one message; what is over is dropped, as Telegram does.
pub const ENTITIES_MAX: usize = 100;

/// Longest address behind a link, and longest name of a programming language, in bytes.
const URL_BYTES_MAX: usize = 2048;
const LANGUAGE_BYTES_MAX: usize = 64;

/// Bytes behind all links of one message; links over it are dropped. Protects the store, whose rows
/// are bounded: a hundred of the longest links would be larger than one.
const ENTITY_BYTES_MAX: usize = 8 << 10;

/// A formatted or special part of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// Where it begins, in UTF-16 units.
    pub offset: i32,
    /// How long it is, in UTF-16 units; at least 1.
    pub length: i32,
    /// What it is.
    pub kind: EntityKind,
}

/// What a part of a text is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as in the API")]
pub enum EntityKind {
    Mention,
    Hashtag,
    BotCommand,
    Url,
    Email,
    Phone,
    Cashtag,
    BankCard,
    Bold,
    Italic,
    Underline,
    Strike,
    Spoiler,
    Code,
    Pre { language: String },
    TextUrl { url: String },
    MentionName { user: UserId },
    CustomEmoji { document_id: i64 },
    Blockquote { collapsed: bool },
}

impl EntityKind {
    /// Bytes that it carries beside its place.
    fn bytes(&self) -> usize {
        match self {
            Self::TextUrl { url } => url.len(),
            Self::Pre { language } => language.len(),
            _ => 0,
        }
    }

    /// Whether nothing else may lie inside.
    fn is_verbatim(&self) -> bool {
        matches!(self, Self::Code | Self::Pre { .. })
    }
}

/// A text that may be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Empty only with media, or in a service message.
    pub text: String,
    /// Sorted, within the text, nested or apart.
    pub entities: Vec<Entity>,
}

/// Why a text cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but space.
    #[error("the text is empty")]
    Empty,
    /// Over [`TEXT_UNITS_MAX`].
    #[error("the text is too long")]
    TooLong,
    /// Over [`CAPTION_UNITS_MAX`].
    #[error("the caption is too long")]
    CaptionTooLong,
    /// An entity outside of the text, or that cuts a character in two.
    #[error("an entity is out of bounds")]
    EntityBounds,
}

impl Text {
    /// No text: what comes with media that have none.
    #[must_use]
    pub fn none() -> Self {
        Self { text: String::new(), entities: Vec::new() }
    }

    /// The text of a media: like [`Text::parse`], but it may be empty, and is shorter.
    ///
    /// # Errors
    /// See [`TextError`].
    pub fn caption(text: &str, entities: Vec<Entity>) -> Result<Self, TextError> {
        let parsed = match Self::parse(text, entities) {
            Err(TextError::Empty) => return Ok(Self::none()),
            parsed => parsed?,
        };
        if utf16_len(&parsed.text) > CAPTION_UNITS_MAX {
            return Err(TextError::CaptionTooLong);
        }
        Ok(parsed)
    }

    /// A text as it was typed so far: it may be empty and keeps its space, entities are checked and
    /// sorted, none is found.
    ///
    /// # Errors
    /// See [`TextError`].
    pub fn draft(text: &str, entities: Vec<Entity>) -> Result<Self, TextError> {
        let text: String =
            text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
        if utf16_len(&text) > TEXT_UNITS_MAX {
            return Err(TextError::TooLong);
        }
        let mut entities = normalize::nest(normalize::check(&text, entities)?);
        bound(&mut entities);
        Ok(Self { text, entities })
    }

    /// Checks and cleans a text: surrounding space goes, entities are checked and sorted,
    /// mentions, hashtags, links and the like are found.
    ///
    /// # Errors
    /// See [`TextError`].
    pub fn parse(text: &str, entities: Vec<Entity>) -> Result<Self, TextError> {
        // What no character can be becomes space, so that offsets stay as they are.
        let text: String =
            text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
        // Before anything is computed over it. Twice the bound leaves room for space to trim.
        if utf16_len(&text) > 2 * TEXT_UNITS_MAX {
            return Err(TextError::TooLong);
        }
        let (text, mut entities) = normalize::trim(&text, normalize::check(&text, entities)?);
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if utf16_len(&text) > TEXT_UNITS_MAX {
            return Err(TextError::TooLong);
        }
        entities = normalize::nest(entities);
        for found in detect::all(&text) {
            let free = !entities.iter().any(|known| {
                known.offset < found.offset + found.length
                    && found.offset < known.offset + known.length
                    && !matches!(
                        known.kind,
                        EntityKind::Bold
                            | EntityKind::Italic
                            | EntityKind::Underline
                            | EntityKind::Strike
                            | EntityKind::Spoiler
                            | EntityKind::Blockquote { .. }
                    )
            });
            if free {
                entities.push(found);
            }
        }
        entities = normalize::nest(entities);
        bound(&mut entities);
        Ok(Self { text, entities })
    }
}

/// Drops what is over the bounds of one message.
fn bound(entities: &mut Vec<Entity>) {
    entities.truncate(ENTITIES_MAX);
    let mut room = ENTITY_BYTES_MAX;
    entities.retain(|entity| match room.checked_sub(entity.kind.bytes()) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    });
}

/// Length in UTF-16 units.
#[must_use]
pub fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// A part of a text by UTF-16 units; `None` where that cuts a character or lies outside.
#[must_use]
pub fn utf16_slice(text: &str, offset: i32, length: i32) -> Option<&str> {
    let (from, to) = (usize::try_from(offset).ok()?, usize::try_from(length).ok()?);
    let to = from.checked_add(to)?;
    let (mut at, mut begin) = (0, None);
    for (index, c) in text.char_indices() {
        if at == from {
            begin = Some(index);
        }
        if at == to {
            return text.get(begin?..index);
        }
        at += c.len_utf16();
    }
    if at == from {
        begin = Some(text.len());
    }
    (at == to).then(|| text.get(begin?..)).flatten()
}

#[cfg(test)]
mod tests;
