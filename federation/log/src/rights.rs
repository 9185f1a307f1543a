//! What a user may do, as a set of bits.
//!
//! The low half, and one bit of the high, is what every member may do unless defaults or a restriction
//! say otherwise; the rest only admins have. The classes of content are bits as well: a
//! header's flags name those that a Post or Edit needs, so that its validity can be judged without the
//! body.

use std::ops::{BitAnd, BitOr, Sub};

use crate::cbor::{Malformed, Reader, Wire, Writer};

/// A set of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rights(pub u32);

impl Rights {
    /// None at all.
    pub const NONE: Self = Self(0);

    /// Send text without media.
    pub const TEXT: Self = Self(1);
    /// Send photos.
    pub const PHOTO: Self = Self(1 << 1);
    /// Send videos.
    pub const VIDEO: Self = Self(1 << 2);
    /// Send files.
    pub const FILE: Self = Self(1 << 3);
    /// Send music.
    pub const AUDIO: Self = Self(1 << 4);
    /// Send voice notes.
    pub const VOICE: Self = Self(1 << 5);
    /// Send round videos.
    pub const ROUND: Self = Self(1 << 6);
    /// Send stickers and GIFs.
    pub const STICKER: Self = Self(1 << 7);
    /// Send polls.
    pub const POLL: Self = Self(1 << 8);
    /// Send links.
    pub const LINK: Self = Self(1 << 9);
    /// All classes of content: what flags may hold.
    pub const CLASSES: Self = Self((1 << 10) - 1);
    /// React to messages.
    pub const REACT: Self = Self(1 << 10);
    /// Add members, make invites.
    pub const INVITE: Self = Self(1 << 11);
    /// Pin messages.
    pub const PIN: Self = Self(1 << 12);
    /// Change title, photo, description.
    pub const INFO: Self = Self(1 << 13);
    /// Take part at all: vote. A ban takes it, a restriction does not.
    pub const TAKE_PART: Self = Self(1 << 14);
    /// Become a member without being let in by anybody.
    pub const JOIN: Self = Self(1 << 15);
    /// Begin topics. Beside the others, as it came later.
    pub const NEW_TOPIC: Self = Self(1 << 23);
    /// What defaults may grant.
    pub const MEMBER: Self = Self(((1 << 15) - 1) | Self::NEW_TOPIC.0);

    /// Post in a broadcast channel.
    pub const BROADCAST: Self = Self(1 << 16);
    /// Delete messages of others.
    pub const DELETE: Self = Self(1 << 17);
    /// Ban and restrict, set default rights, remove nodes.
    pub const BAN: Self = Self(1 << 18);
    /// Appoint admins.
    pub const APPOINT: Self = Self(1 << 19);
    /// Speak as the group.
    pub const ANONYMOUS: Self = Self(1 << 20);
    /// Change topics that others began, pin and hide them.
    pub const TOPICS: Self = Self(1 << 21);
    /// Edit messages of others in a broadcast channel.
    pub const EDIT: Self = Self(1 << 22);
    /// What an admin may be granted: rights of their own, and those that members may lack.
    pub const ADMIN: Self = Self((0x7f << 16) | Self::INVITE.0 | Self::PIN.0 | Self::INFO.0);
    /// Everything.
    pub const ALL: Self = Self(Self::MEMBER.0 | Self::JOIN.0 | Self::ADMIN.0);

    /// Whether all of `other` is here.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Rights {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Rights {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// What is here and not there.
impl Sub for Rights {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl Wire for Rights {
    fn put(&self, to: &mut Writer) {
        self.0.put(to);
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Wire::take(from).map(Self)
    }
}
