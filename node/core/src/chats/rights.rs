//! What members may not do.

use serde::{Deserialize, Serialize};

/// A set of things that can be forbidden.
///
/// Source: <https://core.telegram.org/api/rights>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Rights(u32);

impl Rights {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Write at all.
    pub const SEND: Self = Self(1);
    /// Write text.
    pub const SEND_PLAIN: Self = Self(1 << 1);
    /// Photos.
    pub const SEND_PHOTOS: Self = Self(1 << 2);
    /// Films.
    pub const SEND_VIDEOS: Self = Self(1 << 3);
    /// Round films.
    pub const SEND_ROUND_VIDEOS: Self = Self(1 << 4);
    /// Music.
    pub const SEND_AUDIOS: Self = Self(1 << 5);
    /// Voice messages.
    pub const SEND_VOICES: Self = Self(1 << 6);
    /// Other files.
    pub const SEND_DOCS: Self = Self(1 << 7);
    /// Stickers.
    pub const SEND_STICKERS: Self = Self(1 << 8);
    /// GIFs.
    pub const SEND_GIFS: Self = Self(1 << 9);
    /// Games.
    pub const SEND_GAMES: Self = Self(1 << 10);
    /// What inline bots answer.
    pub const SEND_INLINE: Self = Self(1 << 11);
    /// Previews of links.
    pub const EMBED_LINKS: Self = Self(1 << 12);
    /// Polls.
    pub const SEND_POLLS: Self = Self(1 << 13);
    /// Change title, photo and description.
    pub const CHANGE_INFO: Self = Self(1 << 14);
    /// Add members.
    pub const INVITE_USERS: Self = Self(1 << 15);
    /// Pin messages.
    pub const PIN_MESSAGES: Self = Self(1 << 16);
    /// Make and change topics.
    pub const MANAGE_TOPICS: Self = Self(1 << 17);
    /// Change one's own title.
    pub const EDIT_RANK: Self = Self(1 << 18);
    /// React.
    pub const SEND_REACTIONS: Self = Self(1 << 19);

    /// Everything that is some kind of media, as older clients forbid it in one.
    pub const SEND_MEDIA: Self = Self(
        Self::SEND_PHOTOS.0
            | Self::SEND_VIDEOS.0
            | Self::SEND_ROUND_VIDEOS.0
            | Self::SEND_AUDIOS.0
            | Self::SEND_VOICES.0
            | Self::SEND_DOCS.0,
    );

    /// Whether it has one of these.
    #[must_use]
    pub fn contains_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether it has all of these.
    #[must_use]
    pub fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These too, if so.
    #[must_use]
    pub fn with(self, other: Self, so: bool) -> Self {
        if so { self | other } else { self }
    }
}

impl std::ops::BitOr for Rights {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
