//! People and how others know them.

use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use crate::record::Record;

/// What a member may do on the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// The first member: invites others, and decides about the node.
    Owner,
    /// Everybody else.
    Member,
    /// The node itself: [`UserId::SERVICE`].
    Service,
}

/// An account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Its number.
    pub id: UserId,
    /// Digits of the phone number, without `+`.
    pub phone: u64,
    /// Never empty.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// As its owner spelled it; names are compared without case.
    pub username: Option<String>,
    /// A few words about oneself; may be empty.
    pub about: String,
    /// What the account may do.
    pub role: Role,
    /// Unix seconds of the sign-up.
    pub created: i32,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Record for User {
    const VERSION: u8 = 1;
    const NAME: &'static str = "user";
}

/// How one member keeps another in the address book.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// As the book's owner writes it.
    pub first_name: String,
    /// May be empty.
    pub last_name: String,
    /// Whether the book's owner knows the number.
    pub knows_phone: bool,
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contact").finish_non_exhaustive()
    }
}

impl Record for Contact {
    const VERSION: u8 = 1;
    const NAME: &'static str = "contact";
}

/// Longest name, in characters: what Telegram's clients let a person type.
pub const NAME_CHARS_MAX: usize = 64;

/// Shortest and longest username, in characters.
pub const USERNAME_CHARS: std::ops::RangeInclusive<usize> = 5..=32;

/// Longest text about oneself, in characters.
pub const ABOUT_CHARS_MAX: usize = 70;

/// A name as it is kept: without control characters and surrounding space; `None` if it is too
/// long.
#[must_use]
pub fn clean_name(name: &str) -> Option<String> {
    let kept: String = name.chars().filter(|c| !c.is_control()).collect();
    let kept = kept.trim();
    (kept.chars().count() <= NAME_CHARS_MAX).then(|| kept.to_owned())
}

/// Whether a username has a shape that clients turn into links: letters, digits and underscores,
/// beginning with a letter, not ending with an underscore, no two underscores in a row.
#[must_use]
pub fn is_username(name: &str) -> bool {
    USERNAME_CHARS.contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && !name.ends_with('_')
        && !name.contains("__")
}

/// Names that would pass for the node itself.
pub(crate) const RESERVED_USERNAMES: [&str; 7] =
    ["admin", "administrator", "rookery", "telegram", "support", "service", "settings"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_are_what_clients_link() {
        for good in ["alice", "Bob_2", "a1234"] {
            assert!(is_username(good), "{good}");
        }
        for bad in ["bob", "1alice", "_alice", "alice_", "al__ice", "älice", "al ice"] {
            assert!(!is_username(bad), "{bad}");
        }
        assert!(!is_username(&"a".repeat(33)));
    }

    #[test]
    fn names_lose_what_no_name_has() {
        assert_eq!(clean_name(" A\u{7}da\n "), Some("Ada".into()));
        assert_eq!(clean_name("  "), Some(String::new()));
        assert_eq!(clean_name(&"x".repeat(65)), None);
    }
}
