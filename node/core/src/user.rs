//! People and how others know them.

use serde::{Deserialize, Serialize};
use time::{Date, Month};

use crate::ids::UserId;
use crate::record::Record;
use crate::text::Text;

/// What a member may do on the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// The first member: invites others, and decides about the node.
    Owner,
    /// Everybody else.
    Member,
    /// The node itself: [`UserId::SERVICE`].
    Service,
    /// Somebody on another node.
    Remote,
    /// Somebody on a server of the fediverse: a ghost.
    Ghost,
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
    /// If told.
    pub birthday: Option<Birthday>,
    /// Of the name in messages; `None`: by the id.
    pub color: Option<NameColor>,
    /// Of the profile page.
    pub profile_color: Option<NameColor>,
    /// The account is no more; its messages stay.
    pub deleted: bool,
}

/// A day, and the year if it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Birthday {
    /// 1 to 31.
    pub day: u8,
    /// 1 to 12.
    pub month: u8,
    /// For example 1990.
    pub year: Option<u16>,
}

impl Birthday {
    /// Whether somebody may have been born then. `now` is in unix seconds.
    pub(crate) fn is_possible(self, now: i32) -> bool {
        // Without a year it may have been a leap year.
        let (year, this_year) = (self.year.map_or(2000, i32::from), date_of(now).year());
        let month = Month::try_from(self.month);
        month.is_ok_and(|month| Date::from_calendar_date(year, month, self.day).is_ok())
            && (this_year - AGE_MAX..=this_year).contains(&year)
    }
}

/// Years that somebody may be old.
const AGE_MAX: i32 = 150;

/// The day of a moment in unix seconds, by UTC.
fn date_of(seconds: i32) -> Date {
    Date::from_julian_day(JULIAN_DAY_OF_UNIX + seconds.div_euclid(86_400)).unwrap_or(Date::MIN)
}

/// The Julian day of 1970-01-01.
const JULIAN_DAY_OF_UNIX: i32 = 2_440_588;

/// Month and day of yesterday, today and tomorrow: somewhere on earth each of them is today.
pub(crate) fn days_around(now: i32) -> [(u8, u8); 3] {
    [-86_400, 0, 86_400].map(|shift: i32| {
        let date = date_of(now.saturating_add(shift));
        (date.month().into(), date.day())
    })
}

/// How a name or a profile is painted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameColor {
    /// Number of a colour of `help.getPeerColors`.
    pub color: Option<u8>,
    /// A custom emoji behind it.
    pub background_emoji_id: Option<i64>,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Record for User {
    const VERSION: u8 = 2;
    const NAME: &'static str = "user";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        if version != 1 {
            return None;
        }
        let old: UserV1 = postcard::from_bytes(fields).ok()?;
        Some(Self {
            id: old.id,
            phone: old.phone,
            first_name: old.first_name,
            last_name: old.last_name,
            username: old.username,
            about: old.about,
            role: old.role,
            created: old.created,
            birthday: None,
            color: None,
            profile_color: None,
            deleted: false,
        })
    }
}

/// Version 1 of [`User`].
#[derive(Serialize, Deserialize)]
struct UserV1 {
    id: UserId,
    phone: u64,
    first_name: String,
    last_name: String,
    username: Option<String>,
    about: String,
    role: Role,
    created: i32,
}

impl User {
    /// Whether it is somebody of this node: others are known by no number here.
    #[must_use]
    pub fn has_number(&self) -> bool {
        !matches!(self.role, Role::Remote | Role::Ghost)
    }

    /// Both names, as they are read.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name).trim().to_owned()
    }
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
    /// Whether the book's owner calls it a close friend.
    pub close_friend: bool,
    /// What only the book's owner reads.
    pub note: Option<Text>,
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contact").finish_non_exhaustive()
    }
}

impl Record for Contact {
    const VERSION: u8 = 2;
    const NAME: &'static str = "contact";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        if version != 1 {
            return None;
        }
        // Version 1 ends before `close_friend`.
        let (first_name, last_name, knows_phone) = postcard::from_bytes(fields).ok()?;
        Some(Self { first_name, last_name, knows_phone, close_friend: false, note: None })
    }
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
    fn a_user_of_version_1_is_read() {
        let old = UserV1 {
            id: UserId(1_000_001),
            phone: 88_812_345_678,
            first_name: "Ada".into(),
            last_name: String::new(),
            username: Some("ada_1".into()),
            about: "I build".into(),
            role: Role::Owner,
            created: 5,
        };
        let bytes = postcard::to_extend(&old, vec![1]).unwrap();
        let user = User::decode(&bytes).unwrap();
        assert_eq!((user.id, user.username.as_deref()), (old.id, Some("ada_1")));
        assert_eq!((user.birthday, user.deleted), (None, false));
        assert_eq!(User::decode(&user.encode().unwrap()).unwrap(), user);
        assert!(User::decode(&[&[3][..], &bytes[1..]].concat()).is_err(), "a newer version");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(days_around(0), [(12, 31), (1, 1), (1, 2)]);
        assert_eq!(days_around(1_735_689_599), [(12, 30), (12, 31), (1, 1)]);
        let born = |day, month, year| Birthday { day, month, year }.is_possible(1_735_689_599);
        assert!(born(29, 2, None) && born(29, 2, Some(2000)) && born(31, 12, Some(1874)));
        assert!(!born(29, 2, Some(1900)) && !born(30, 2, None) && !born(31, 4, None));
        assert!(!born(1, 13, None) && !born(0, 1, None) && !born(1, 0, None));
        assert!(!born(1, 1, Some(2025)) && !born(1, 1, Some(1873)));
    }

    #[test]
    fn a_contact_of_version_1_is_read() {
        let bytes = postcard::to_extend(&("Ada", "L", true), vec![1]).unwrap();
        let contact = Contact::decode(&bytes).unwrap();
        assert_eq!((contact.first_name.as_str(), contact.last_name.as_str()), ("Ada", "L"));
        assert!(contact.knows_phone && !contact.close_friend && contact.note.is_none());
        assert!(Contact::decode(&contact.encode().unwrap()).unwrap() == contact);
    }

    #[test]
    fn names_lose_what_no_name_has() {
        assert_eq!(clean_name(" A\u{7}da\n "), Some("Ada".into()));
        assert_eq!(clean_name("  "), Some(String::new()));
        assert_eq!(clean_name(&"x".repeat(65)), None);
    }
}
