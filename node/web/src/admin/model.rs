//! What the admin page shows: as the node's commands print it with `--json`.
//!
//! Times are unix seconds, sizes bytes.

use serde::{Deserialize, Serialize};

/// The node at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    /// Its name.
    pub name: String,
    /// Of the program.
    pub version: String,
    /// Its name towards other nodes.
    pub node: String,
    /// The domain by which others know it; may be empty.
    pub domain: String,
    /// When it started.
    pub started: i64,
    /// When this was told.
    pub now: i64,
    /// `IP:PORT` for clients.
    pub mtproto: String,
    /// `IP:PORT` for browsers.
    pub http: String,
    /// Where browsers reach it, if it is configured.
    pub public_url: Option<String>,
    /// Where other nodes reach it: multiaddresses.
    pub mesh: Vec<String>,
    /// `invite`, `open` or `closed`.
    pub registration: String,
    /// People with an account here.
    pub members: u64,
    /// Invites that nobody has used.
    pub invites: u64,
    /// Channels and groups with a public name.
    pub public_channels: u64,
    /// Those without.
    pub private_channels: u64,
    /// Reports of members that are kept, at most 1000.
    pub reports: u64,
    /// Other nodes; none where federation is off.
    pub peers: Option<PeerCounts>,
    /// The fediverse; none where the node has no name in it.
    pub bridge: Option<BridgeCounts>,
    /// The store's files, if they can be asked.
    pub store_bytes: Option<u64>,
    /// Files of members.
    pub media_bytes: u64,
    /// The disk of the data directory, if it can be asked.
    pub disk: Option<Disk>,
}

/// How many other nodes are known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PeerCounts {
    /// All.
    pub known: u64,
    /// Connected now.
    pub connected: u64,
    /// Blocked.
    pub blocked: u64,
}

/// The bridge to the fediverse.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BridgeCounts {
    /// Channels that are bridged.
    pub channels: u64,
    /// People who follow them there.
    pub followers: u64,
    /// Servers that are delivered to.
    pub hosts: u64,
    /// Those of them that do not answer.
    pub failing: u64,
}

/// A file system.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Disk {
    /// What the node may still write.
    pub free: u64,
    /// Its size.
    pub total: u64,
}

/// What `rookery doctor` says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Finding {
    /// `well`, `note` or `problem`.
    pub level: String,
    /// A word for scripts.
    pub code: String,
    /// About which node, if about one.
    pub peer: Option<String>,
    /// What.
    pub says: String,
    /// What to do.
    #[serde(rename = "do")]
    pub advice: Option<String>,
}

/// One page of a list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Listed<T> {
    /// How many there are in all.
    pub total: u64,
    /// Which page this is, from 1.
    pub page: u64,
    /// How many pages there are, at least 1.
    pub pages: u64,
    /// What is on it.
    pub rows: Vec<T>,
}

/// A member.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// The account.
    pub id: i64,
    /// With its `+`.
    pub phone: String,
    /// First and last name.
    pub name: String,
    /// If one was chosen.
    pub username: Option<String>,
    /// Owns the node.
    pub owner: bool,
    /// When they joined.
    pub joined: i64,
    /// When they were last there, as far as the owner's own app shows it: `online`, `recently`, `within a
    /// week`, `within a month`, `long ago`, or a time in unix seconds.
    pub seen: String,
    /// What their files take.
    pub stored: u64,
    /// Since when the operator keeps them out, if so.
    pub suspended: Option<i64>,
}

/// A member and their logins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PersonPage {
    /// Who.
    pub person: Person,
    /// The logins, the one that was used last first.
    pub sessions: Vec<Login>,
}

/// A login of a member.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Login {
    /// What it is ended by: 16 hexadecimal digits.
    pub session: String,
    /// What the client says that it runs on.
    pub device: String,
    /// And what it is.
    pub app: String,
    /// Since when.
    pub created: i64,
    /// The day of its last use.
    pub used_day: i64,
    /// It has shown a code, and not yet the password.
    pub waits_for_password: bool,
}

/// An invite that nobody has used.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OpenInvite {
    /// With its `+`.
    pub phone: String,
    /// Until when.
    pub expires: i64,
    /// It makes the owner.
    pub owner: bool,
    /// The name of the member who invited; none: the operator.
    pub by: Option<String>,
    /// Where it was mailed, masked.
    pub mail: Option<String>,
}

/// A channel or group with a public name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PublicChannel {
    /// Its number here.
    pub channel: i64,
    /// Its title.
    pub title: String,
    /// Its public name.
    pub name: String,
    /// Everybody writes in it, not admins alone.
    pub group: bool,
    /// Who is in it.
    pub members: i64,
    /// The node that decides about it, where that is another one.
    pub home: Option<String>,
    /// Other nodes that write in it.
    pub shared_with: Vec<String>,
    /// Its home has told it in two ways.
    pub disputed: bool,
    /// How the fediverse sees it, if it does or did.
    pub bridge: Option<ChannelBridge>,
    /// It can be bridged: the node has a name in the fediverse, and the channel is one of its own.
    pub may_bridge: bool,
}

/// How a channel is bridged.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChannelBridge {
    /// `on`, `off` and others, in words.
    pub state: String,
    /// What people there follow.
    pub handle: Option<String>,
    /// How many do.
    pub followers: u64,
}

/// Another node.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Peer {
    /// Its name; none where none has answered yet.
    pub node: Option<String>,
    /// By which it is called here.
    pub domain: Option<String>,
    /// Nothing is wanted of it.
    pub blocked: bool,
    /// Where it is reached.
    pub addresses: Vec<String>,
    /// It is connected now.
    pub connected: bool,
    /// Seconds since that changed.
    pub since_s: Option<u64>,
    /// Seconds since all that is shared was last equal.
    pub synced_s: Option<u64>,
    /// From it.
    pub bytes_in: u64,
    /// To it.
    pub bytes_out: u64,
    /// Since it was last reached.
    pub failures: u32,
    /// Seconds until it is tried again.
    pub next_attempt_s: Option<u64>,
    /// Of each shared group, entries that this node lacks.
    pub lag: Vec<(String, u64)>,
    /// Letters that wait for it.
    #[serde(default)]
    pub letters: u32,
    /// Why the last attempt failed.
    pub trouble: Option<String>,
    /// What its domain says of it, in words.
    pub confirmation: Option<String>,
}

/// Other nodes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Peers {
    /// Why there are none: federation is off.
    pub off: bool,
    /// This node's addresses for others.
    pub addresses: Vec<String>,
    /// One page of them.
    pub peers: Listed<Peer>,
}

/// A server of the fediverse that lags or fails.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Host {
    /// Which.
    pub host: String,
    /// Activities that it may still have to get.
    pub waiting: u64,
    /// Failures since its last answer.
    pub fails: u32,
    /// Since when it fails.
    pub failing_since: Option<i64>,
    /// When it is tried again.
    pub next_try: Option<i64>,
    /// Live, paused, dormant.
    pub state: String,
    /// How the last attempt ended, if it was in vain and since the start of the node.
    #[serde(default)]
    pub last_error: Option<String>,
}

/// What waits to leave the node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Queues {
    /// Servers that lag or fail; none where the node has no name in the fediverse.
    pub hosts: Option<Vec<Host>>,
    /// Letters for other nodes: which, how many.
    pub letters: Vec<(String, u32)>,
    /// Login codes.
    pub codes: Codes,
}

/// What became of login codes since the start.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Codes {
    /// Taken by mail, or whatever else is configured.
    pub codes_delivered: u64,
    /// Given up.
    pub codes_failed: u64,
    /// Beyond the queue.
    pub codes_dropped: u64,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Report {
    /// When.
    pub date: i64,
    /// Who reports.
    pub by: Somebody,
    /// About whom.
    pub about: Somebody,
    /// Why, in a word.
    pub reason: String,
    /// In the member's own words; may be empty.
    pub comment: String,
    /// What shows it.
    pub messages: Vec<ReportedMessage>,
    /// So many messages of it are not here.
    #[serde(default)]
    pub elsewhere: u32,
}

/// Who reports, or is reported.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Somebody {
    /// The number; 0 where it is another server.
    pub id: i64,
    /// What it is called.
    pub name: Option<String>,
    /// `user`, `chat` or `channel`; of who is reported.
    #[serde(default)]
    pub kind: String,
}

/// A message of a report.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct ReportedMessage {
    /// Its number.
    pub id: i32,
    /// The beginning, if it was kept.
    pub text: Option<String>,
}

/// What members store.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Storage {
    /// What is stored.
    pub usage: Usage,
    /// Most that one member may store, if there is a bound.
    pub member_quota: Option<u64>,
    /// Most of all.
    pub node_quota: Option<u64>,
    /// The store's files.
    pub store_bytes: Option<u64>,
    /// The disk.
    pub disk: Option<Disk>,
}

/// What is stored of files.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Usage {
    /// Of all members.
    pub bytes: u64,
    /// Of unfinished uploads.
    pub upload_bytes: u64,
    /// How many of those.
    pub uploads: u64,
}

/// What somebody in a session asks for: the fields of its forms.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// A new invite.
    Invite,
    /// Takes one back.
    RevokeInvite {
        /// The number, with its `+`.
        phone: String,
    },
    /// Ends a login.
    EndSession {
        /// The member.
        person: String,
        /// As [`Login::session`].
        session: String,
    },
    /// Keeps a member out.
    Suspend {
        /// The member.
        person: String,
    },
    /// Lets one in again.
    Unsuspend {
        /// The member.
        person: String,
    },
    /// Deletes a member's account.
    DeleteMember {
        /// The member.
        person: String,
    },
    /// Has the fediverse see a channel.
    BridgeOn {
        /// Its public name.
        channel: String,
    },
    /// Lets that rest.
    BridgeOff {
        /// Its public name.
        channel: String,
    },
    /// Connects to a node.
    PeerAdd {
        /// Its domain or multiaddress.
        address: String,
    },
    /// Connects no longer.
    PeerRemove {
        /// What it was added by.
        address: String,
    },
    /// Wants nothing more of a node.
    PeerBlock {
        /// Its name.
        node: String,
    },
    /// Does again.
    PeerUnblock {
        /// Its name.
        node: String,
    },
    /// Takes a message down from all nodes.
    TakeDown {
        /// The channel's number here.
        channel: String,
        /// The message's.
        message: String,
    },
    /// Clears away what nobody keeps.
    ClearMedia,
}

impl Act {
    /// The page from which it is asked for, and which shows what became of it.
    pub(crate) fn page(&self) -> String {
        match self {
            Self::Invite | Self::RevokeInvite { .. } => "/admin/invites".into(),
            Self::EndSession { person, .. }
            | Self::Suspend { person }
            | Self::Unsuspend { person }
                if person.bytes().all(|b| b.is_ascii_digit()) =>
            {
                format!("/admin/people/{person}")
            }
            Self::EndSession { .. }
            | Self::Suspend { .. }
            | Self::Unsuspend { .. }
            | Self::DeleteMember { .. } => "/admin/people".into(),
            Self::BridgeOn { .. } | Self::BridgeOff { .. } => "/admin/channels".into(),
            Self::PeerAdd { .. }
            | Self::PeerRemove { .. }
            | Self::PeerBlock { .. }
            | Self::PeerUnblock { .. } => "/admin/peers".into(),
            Self::TakeDown { .. } => "/admin/reports".into(),
            Self::ClearMedia => "/admin/storage".into(),
        }
    }
}

/// What became of it, for the next page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Done, in words.
    Done(String),
    /// Not done, and why.
    Failed(String),
    /// A new invite: shown once.
    Invite {
        /// With its `+`.
        phone: String,
        /// What to type.
        code: String,
    },
}
