//! What admins may do beyond members, and how the log says so.

use glog::Rights as LogRights;
use serde::{Deserialize, Serialize};

use crate::chats::Rights;

/// What an admin of a channel may do.
///
/// Source: <https://core.telegram.org/api/rights>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct AdminRights(u32);

impl AdminRights {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Change title, photo and description.
    pub const CHANGE_INFO: Self = Self(1);
    /// Write in a broadcast channel.
    pub const POST_MESSAGES: Self = Self(1 << 1);
    /// Change what others have posted in a broadcast channel.
    pub const EDIT_MESSAGES: Self = Self(1 << 2);
    /// Remove what others have written.
    pub const DELETE_MESSAGES: Self = Self(1 << 3);
    /// Remove and restrict members.
    pub const BAN_USERS: Self = Self(1 << 4);
    /// Add members, make links.
    pub const INVITE_USERS: Self = Self(1 << 5);
    /// Pin messages.
    pub const PIN_MESSAGES: Self = Self(1 << 6);
    /// Make others admins.
    pub const ADD_ADMINS: Self = Self(1 << 7);
    /// Write as the group.
    pub const ANONYMOUS: Self = Self(1 << 8);
    /// Manage topics.
    pub const MANAGE_TOPICS: Self = Self(1 << 9);
    /// What has no right of its own, such as the list of who is there: an admin with nothing else.
    pub const OTHER: Self = Self(1 << 10);
    /// All of them.
    pub const ALL: Self = Self((1 << 11) - 1);

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether it has all of these.
    #[must_use]
    pub fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// These too, if so.
    #[must_use]
    pub fn with(self, other: Self, so: bool) -> Self {
        if so { Self(self.0 | other.0) } else { self }
    }

    /// As the log has them.
    pub(super) fn to_log(self) -> LogRights {
        ADMIN
            .iter()
            .filter(|(own, _)| self.contains_all(*own))
            .fold(LogRights::NONE, |all, (_, log)| all | *log)
    }

    /// As they stand in the log.
    pub(super) fn from_log(log: LogRights) -> Self {
        ADMIN
            .iter()
            .filter(|(_, right)| log.has(*right))
            .fold(Self::NONE, |all, (own, _)| all.with(*own, true))
    }
}

const ADMIN: [(AdminRights, LogRights); 10] = [
    (AdminRights::CHANGE_INFO, LogRights::INFO),
    (AdminRights::POST_MESSAGES, LogRights::BROADCAST),
    (AdminRights::EDIT_MESSAGES, LogRights::EDIT),
    (AdminRights::DELETE_MESSAGES, LogRights::DELETE),
    (AdminRights::BAN_USERS, LogRights::BAN),
    (AdminRights::INVITE_USERS, LogRights::INVITE),
    (AdminRights::PIN_MESSAGES, LogRights::PIN),
    (AdminRights::ADD_ADMINS, LogRights::APPOINT),
    (AdminRights::ANONYMOUS, LogRights::ANONYMOUS),
    (AdminRights::MANAGE_TOPICS, LogRights::TOPICS),
];

/// What a member may be forbidden, and the right of the log that is missing then. The log knows one
/// right for what clients forbid in pieces.
const MEMBER: [(Rights, LogRights); 15] = [
    (Rights::SEND_PLAIN, LogRights::TEXT),
    (Rights::SEND_PHOTOS, LogRights::PHOTO),
    (Rights::SEND_VIDEOS, LogRights::VIDEO),
    (Rights::SEND_ROUND_VIDEOS, LogRights::ROUND),
    (Rights::SEND_AUDIOS, LogRights::AUDIO),
    (Rights::SEND_VOICES, LogRights::VOICE),
    (Rights::SEND_DOCS, LogRights::FILE),
    (Rights::SEND_STICKERS, LogRights::STICKER),
    (Rights::SEND_POLLS, LogRights::POLL),
    (Rights::EMBED_LINKS, LogRights::LINK),
    (Rights::SEND_REACTIONS, LogRights::REACT),
    (Rights::CHANGE_INFO, LogRights::INFO),
    (Rights::INVITE_USERS, LogRights::INVITE),
    (Rights::PIN_MESSAGES, LogRights::PIN),
    (Rights::MANAGE_TOPICS, LogRights::NEW_TOPIC),
];

/// What clients forbid together with stickers: the log has one right for all of these.
const LIKE_STICKERS: [Rights; 3] = [Rights::SEND_GIFS, Rights::SEND_GAMES, Rights::SEND_INLINE];

/// What is taken from members, as the log says it.
pub(super) fn denied(forbidden: Rights) -> LogRights {
    let all = forbidden.contains_any(Rights::SEND);
    let mut denied = MEMBER
        .iter()
        .filter(|(own, log)| forbidden.contains_any(*own) || (all && LogRights::CLASSES.has(*log)))
        .fold(LogRights::NONE, |sum, (_, log)| sum | *log);
    if LIKE_STICKERS.iter().any(|own| forbidden.contains_any(*own)) {
        denied = denied | LogRights::STICKER;
    }
    denied
}

/// What members may not do, as clients know it.
pub(super) fn forbidden(denied: LogRights) -> Rights {
    let mut forbidden = MEMBER
        .iter()
        .filter(|(_, log)| denied.has(*log))
        .fold(Rights::NONE, |sum, (own, _)| sum | *own);
    if denied.has(LogRights::STICKER) {
        forbidden = LIKE_STICKERS.iter().fold(forbidden, |sum, own| sum | *own);
    }
    // Nobody who may send nothing may send.
    if denied.has(LogRights::CLASSES) { forbidden | Rights::SEND } else { forbidden }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_go_through_the_log_and_come_back() {
        for bit in 0..10 {
            let right = AdminRights(1 << bit);
            assert_eq!(AdminRights::from_log(right.to_log()), right);
            assert!(LogRights::ADMIN.has(right.to_log()));
        }
        let all = AdminRights::from_log(LogRights::ALL).with(AdminRights::OTHER, true);
        assert_eq!(all, AdminRights::ALL);
        assert_eq!(AdminRights::OTHER.to_log(), LogRights::NONE);
        for (own, log) in MEMBER {
            assert_eq!(denied(own), log);
            assert!(forbidden(log).contains_all(own) && LogRights::MEMBER.has(log));
        }
        assert_eq!(denied(Rights::SEND), LogRights::CLASSES);
        assert!(forbidden(LogRights::CLASSES).contains_all(Rights::SEND | Rights::SEND_PLAIN));
        assert_eq!(forbidden(denied(Rights::NONE)), Rights::NONE);
    }
}
