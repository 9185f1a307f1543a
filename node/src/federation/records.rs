//! What nodes say to each other in calls, beside what the mesh has words for.

use glog::cbor::{Blob, List, Text, Wire, encode};
use glog::{EntryId, EntryRef, GroupId, Hash16, NodeId};
use mesh::Reply;
use node_core::{Card, CoreError, EMOJI_AT_ONCE, FarStatus, MARK_ENTRIES_MAX, ONLINE_MS, Status};

glog::record! {
    /// What is found under a name.
    pub struct Found {
        /// A public channel or group.
        pub group: Option<GroupId>,
        /// Or a person.
        pub person: Option<Person>,
    }
}

glog::record! {
    /// What a node says of one of its people.
    pub struct Person {
        /// The number there.
        pub id: u64,
        /// Never empty.
        pub first_name: Text<256>,
        /// May be empty.
        pub last_name: Text<256>,
        /// Without the domain.
        pub username: Option<Text<64>>,
        /// The account is no more.
        pub deleted: bool,
    }
}

/// A call beside those of the mesh: [`Invite`], answered by [`Invited`].
pub(super) const INVITE: u16 = 1;

/// A call beside those of the mesh: [`FirstWords`], answered by Done.
pub(super) const PAIR: u16 = 3;

/// Entries of one [`FirstWords`], and their bytes: they fit one call.
pub(super) const FIRST_ENTRIES_MAX: usize = 64;
pub(super) const FIRST_BYTES_MAX: usize = 48 * 1024;

/// The longest entry of a lane.
pub(super) const ENTRY_BYTES_MAX: usize = 24 * 1024;

glog::record! {
    /// What one person says to another before their nodes share a log: who they are cannot be told from
    /// its name.
    pub struct FirstWords {
        /// To whom, of the node that is asked.
        pub to: u64,
        /// From whom, of the asking node.
        pub from: u64,
        /// What, from the first entry on.
        pub entries: List<Blob<ENTRY_BYTES_MAX>, FIRST_ENTRIES_MAX>,
    }
}

/// A call beside those of the mesh: [`Invite`], answered by [`Invited`] with those who would come.
pub(super) const WILLING: u16 = 4;

/// A call beside those of the mesh: [`KeysAsked`], answered by [`KeysGiven`].
pub(super) const KEYS: u16 = 5;

/// Keys of a group in one answer.
pub(super) const KEYS_MAX: usize = 128;

/// A key, sealed to a node: version, the sender's half, the key, its tag.
pub(super) const SEALED_KEY_MAX: usize = 128;

glog::record! {
    /// A node asks for keys of a private group that it takes part in.
    pub struct KeysAsked {
        /// The group.
        pub group: GroupId,
        /// The entries of its chain that carry them.
        pub ids: List<Hash16, KEYS_MAX>,
    }
}

glog::record! {
    /// A key of a private group.
    pub struct GivenKey {
        /// The entry that carries it.
        pub id: Hash16,
        /// Sealed to the node that asked, bound to "glog1-key" ++ group (32) ++ entry (16).
        pub sealed: Blob<SEALED_KEY_MAX>,
    }
}

glog::record! {
    /// Those that the node may have.
    pub struct KeysGiven {
        /// In any order.
        pub keys: List<GivenKey, KEYS_MAX>,
    }
}

/// A call beside those of the mesh: [`Leave`], answered by Done.
pub(super) const LEAVE: u16 = 10;

glog::record! {
    /// Nobody of the asking node is in a group any more: its home is to let it go.
    pub struct Leave {
        /// The group.
        pub group: GroupId,
        /// What the asking node has written last in it.
        pub end: Option<EntryRef>,
    }
}

/// A call beside those of the mesh: [`EmojiAsked`], answered by [`EmojiShown`].
pub(super) const EMOJI: u16 = 9;

/// The longest description of a custom emoji.
pub(super) const EMOJI_BYTES_MAX: usize = 4096;

/// Bytes of descriptions in one answer.
pub(super) const EMOJI_ANSWER_BYTES_MAX: usize = 48 * 1024;

glog::record! {
    /// A node asks what custom emoji of the other one are.
    pub struct EmojiAsked {
        /// Their numbers there.
        pub numbers: List<u64, EMOJI_AT_ONCE>,
    }
}

glog::record! {
    /// A custom emoji.
    pub struct Emoji {
        /// Its number.
        pub number: u64,
        /// The file, as core describes it.
        pub record: Blob<EMOJI_BYTES_MAX>,
    }
}

glog::record! {
    /// Those that there are, as far as they fit: the rest is asked for again.
    pub struct EmojiShown {
        /// In the order in which they were asked for.
        pub emoji: List<Emoji, EMOJI_AT_ONCE>,
    }
}

/// A call beside those of the mesh: [`Offer`], answered by [`Agreed`].
pub(super) const HOME: u16 = 2;

glog::record! {
    /// The home of a group asks a node to become its home.
    pub struct Offer {
        /// The group.
        pub group: GroupId,
        /// How often it was recovered.
        pub recovery: u32,
        /// By which entry last.
        pub act: Hash16,
        /// The term that ends.
        pub term: u32,
        /// The entry before the last one of the term.
        pub prev: EntryId,
    }
}

glog::record! {
    /// A node agrees to be the next home of a group.
    pub struct Agreed {
        /// The serial of the key that signs.
        pub key_serial: u32,
        /// See `glog::body::MoveHome`.
        pub acceptance: [u8; 64],
    }
}

/// People of one node who are added in one go.
pub(super) const INVITED_MAX: usize = 100;

glog::record! {
    /// Somebody adds people of the node that is asked to a group.
    pub struct Invite {
        /// The group.
        pub group: GroupId,
        /// The node that decides about it.
        pub home: NodeId,
        /// Who adds them, of the asking node.
        pub by: u64,
        /// Whom.
        pub users: List<u64, INVITED_MAX>,
    }
}

glog::record! {
    /// Who was added.
    pub struct Invited {
        /// By their numbers.
        pub users: List<u64, INVITED_MAX>,
    }
}

impl From<Person> for Card {
    fn from(person: Person) -> Self {
        Self {
            id: person.id,
            first_name: person.first_name.to_string(),
            last_name: person.last_name.to_string(),
            username: person.username.map(|name| name.to_string()),
            deleted: person.deleted,
        }
    }
}

/// What does not fit is left out: names are bounded where they are set.
pub(super) fn person(card: &Card) -> Person {
    let text = |text: &str| Text::new(text).unwrap_or_default();
    Person {
        id: card.id,
        first_name: text(&card.first_name),
        last_name: text(&card.last_name),
        username: card.username.as_deref().and_then(|name| Text::new(name).ok()),
        deleted: card.deleted,
    }
}

/// What the rules refused, as nodes say it to each other.
pub(super) fn refusal(cause: &CoreError) -> Reply {
    let code = match cause {
        CoreError::UnknownChannel => 1,
        CoreError::AdminRightMissing => 2,
        CoreError::ChatNotModified => 3,
        CoreError::NotBuilt => 4,
        CoreError::BannedInChannel => 5,
        CoreError::Flood { .. } => 6,
        CoreError::NotALetter => 7,
        _ => 0,
    };
    // The reasons of the rules are for people; what else fails is this node's own business.
    let text = if code == 0 { String::from("not done") } else { cause.to_string() };
    Reply::Refused { code, text: Text::new(text.as_str()).unwrap_or_default() }
}

pub(super) fn refused(code: u16) -> CoreError {
    match code {
        1 => CoreError::UnknownChannel,
        2 => CoreError::AdminRightMissing,
        3 => CoreError::ChatNotModified,
        4 => CoreError::NotBuilt,
        5 => CoreError::BannedInChannel,
        6 => CoreError::Flood { wait_s: 60 },
        7 => CoreError::NotALetter,
        _ => CoreError::NodeUnreachable,
    }
}

pub(super) fn other<T: Wire>(kind: u16, said: &T) -> Reply {
    Blob::new(encode(said)).map_or(Reply::NotFound, |body| Reply::Other { kind, body })
}

pub(super) fn found(found: &Found) -> Reply {
    Blob::new(encode(found)).map_or(Reply::NotFound, Reply::Found)
}

/// A call beside those of the mesh: [`TypingTold`], answered by Done.
pub(super) const TYPING: u16 = 16;

/// A call beside those of the mesh: [`Statuses`], answered by Done.
pub(super) const STATUSES: u16 = 17;

/// A call beside those of the mesh: [`SecretTypingTold`], answered by Done.
pub(super) const SECRET_TYPING: u16 = 19;

glog::record! {
    /// Somebody is writing in a secret chat.
    pub struct SecretTypingTold {
        /// Who, of the asking node.
        pub by: u64,
        /// To whom, of the node that is asked.
        pub person: u64,
        /// In which chat.
        pub chat: u32,
    }
}

/// A call beside those of the mesh: [`Reads`], answered by Done.
pub(super) const READS: u16 = 18;

/// What one call tells of who is there.
pub(super) const STATUSES_MAX: usize = 256;

/// Marks of one call.
pub(super) const READS_MAX: usize = 64;

glog::record! {
    /// Somebody is writing.
    pub struct TypingTold {
        /// Who, of the asking node.
        pub by: u64,
        /// To whom, of the node that is asked.
        pub person: Option<u64>,
        /// Or in which group.
        pub group: Option<GroupId>,
        /// And in which thread of it.
        pub thread: Option<EntryRef>,
        /// What: see `node_core::Doing`.
        pub doing: u16,
    }
}

glog::record! {
    /// How it stands with somebody, as somebody else may know.
    pub struct StatusTold {
        /// Of the asking node.
        pub by: u64,
        /// Of the node that is asked.
        pub to: u64,
        /// 0 there, for so long; 1 gone, so long ago; 2 within three days; 3 a week; 4 a month; 5 longer.
        pub kind: u8,
        /// Seconds: clocks of nodes differ.
        pub seconds: u32,
    }
}

glog::record! {
    /// How it stands with people.
    pub struct Statuses {
        /// Each.
        pub all: List<StatusTold, STATUSES_MAX>,
    }
}

glog::record! {
    /// Up to where somebody has read what the node wrote that is asked.
    pub struct ReadTold {
        /// In which log.
        pub group: GroupId,
        /// The newest entries that were read, the newest first.
        pub at: List<EntryRef, MARK_ENTRIES_MAX>,
    }
}

glog::record! {
    /// How far people have read.
    pub struct Reads {
        /// In each log.
        pub all: List<ReadTold, READS_MAX>,
    }
}

/// As nodes say it.
pub(super) fn status_told(status: &FarStatus, now: i32) -> StatusTold {
    let FarStatus { by, to, status } = *status;
    let between = |from: i32, to: i32| u32::try_from(to.saturating_sub(from)).unwrap_or(0);
    let (kind, seconds) = match status {
        Status::Online { expires } => (0, between(now, expires)),
        Status::Offline { was_online } => (1, between(was_online, now)),
        Status::Recently { .. } => (2, 0),
        Status::LastWeek { .. } => (3, 0),
        Status::LastMonth { .. } => (4, 0),
        Status::LongAgo => (5, 0),
    };
    StatusTold { by, to, kind, seconds }
}

/// As it is kept here.
pub(super) fn status_of(told: &StatusTold, now: i32) -> FarStatus {
    let by_me = false;
    let seconds = i32::try_from(told.seconds).unwrap_or(i32::MAX);
    // Nobody is there for longer than it is said again.
    let online_s = i32::try_from(ONLINE_MS / 1000).unwrap_or(i32::MAX);
    let status = match told.kind {
        0 => Status::Online { expires: now.saturating_add(seconds.min(online_s)) },
        1 => Status::Offline { was_online: now.saturating_sub(seconds).max(0) },
        2 => Status::Recently { by_me },
        3 => Status::LastWeek { by_me },
        4 => Status::LastMonth { by_me },
        _ => Status::LongAgo,
    };
    FarStatus { by: told.by, to: told.to, status }
}
