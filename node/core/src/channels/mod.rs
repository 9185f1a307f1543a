//! Channels and supergroups: written as logs from their first entry, shown from what follows.
//!
//! A command writes an entry of the channel's log (see the crate `glog`), and in the same batch what
//! follows from it here: the [`Channel`], who takes part, and the messages in the box that all of its
//! members share. So a message is written once, whoever reads it, and has one number and one place in
//! the order of events for everybody on this node. What differs by member is one row of their own:
//! [`Participant`].
//!
//! Keyspace `CHANNELS`, key = channel (8) ++ kind (1) ++ rest: 0 is the [`Channel`]; 1 ++ user (8) a
//! [`Participant`]; 2 ++ latest first (4) ++ user (8) who is there; 3 ++ role (1) ++ user (8) admins and
//! those from whom something is taken; 4 ++ id (4) the entry that brought a message; 5 ++ entry (28) its
//! message; 6 who has read furthest; 7 to 9 threads, see [`threads`]; 10 where a post is discussed, see
//! [`discussion`]; 11 and 12 topics, see [`topics`]; 13 counts of threads; 14 see [`send_as`]; 15
//! to 17, 19 and 21 how it is shared with other nodes, see [`crate::federation`]; 18 see [`fill`]; 20 ++
//! latest first (8) the [`AdminEvent`]s; 28 see [`copies`], 29 and 30 see [`tops`]; from 32 on see
//! [`react`], from 40 on [`views`], from 48 on [`contents`] and [`mentions`]. Keyspace `CHANNELS_OF`: user
//! (8) ++ channel (8), of everybody who is or
//! was there. Keyspace `LOGS`: see [`log`].

mod admin_log;
mod chain;
mod change;
mod contents;
mod copies;
mod discussion;
mod elsewhere;
mod far_link;
mod fill;
mod list;
mod log;
mod members;
mod mentions;
mod migrate;
mod post;
mod react;
mod read;
mod rights;
mod send_as;
mod settings;
mod shared;
mod table;
mod threads;
mod topics;
mod tops;
mod views;

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

pub use admin_log::{AdminAction, AdminEvent, AdminEvents, AdminLogQuery};
pub use change::{ChannelCreated, NewChannel};
pub use discussion::PostCopy;
pub(crate) use fill::{Fills, LANES_MAX, PLACED_AT_ONCE, is_filling, run as fill};
pub use list::{ParticipantFilter, ParticipantPage};
pub use log::{LogKeys, is_restored};
pub(crate) use log::{LogMark, Logs, examine};
pub use members::{Banned, ChannelDone};
pub use migrate::Migrated;
pub(crate) use post::{ADDED_BYTES_MAX, Read, logged_after};
#[cfg(test)]
pub(crate) use post::{poll_in_log, said_beside};
pub use react::ChannelReactions;
pub(crate) use react::is_known;
pub use read::ChannelRead;
pub(crate) use read::ELSEWHERE;
pub use rights::AdminRights;
pub use send_as::BannedSender;
pub use settings::ChannelSetting;
pub(crate) use table::Channels;
pub use threads::{Thread, ThreadPage};
pub use topics::{
    GENERAL_TOPIC, NewTopic, ShownTopic, Topic, TopicChange, TopicIcon, TopicPage, TopicQuery,
};
pub use views::PostCounts;
pub(crate) use views::Views;

use crate::chats::Rights;
use crate::decide::Decide;
use crate::event::{ChatChange, Event};
use crate::ids::{ChannelId, ChatId, MessageId, UserId};
use crate::media::FileId;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

const CHANNEL: u8 = 0;
const PARTICIPANT: u8 = 1;
const RECENT: u8 = 2;
const MARKED: u8 = 3;
const ENTRY_OF: u8 = 4;
const MESSAGE_OF: u8 = 5;
const READERS: u8 = 6;
const IN_THREAD: u8 = 7;
const THREAD: u8 = 8;
const THREAD_READ: u8 = 9;
const COPY: u8 = 10;
const TOPIC: u8 = 11;
const TOPIC_ORDER: u8 = 12;
const THREAD_BUCKET: u8 = 13;
const BANNED_SENDERS: u8 = 14;
pub(crate) const FEDERATED: u8 = 15;
pub(crate) const VEILED: u8 = 16;
pub(crate) const CONSENT: u8 = 17;
const FILL: u8 = 18;
pub(crate) const HELD: u8 = 19;
pub(crate) const DISPUTED: u8 = 21;
const ADMIN_EVENT: u8 = 20;
const COPIED: u8 = 28;
const TOP_GONE: u8 = 29;
const TOP_AWAITED: u8 = 30;

/// A channel or a supergroup, as it shows on this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Its number here.
    pub id: ChannelId,
    /// Admins write, others read; else everybody writes: a supergroup.
    pub broadcast: bool,
    /// 1 to [`crate::CHAT_TITLE_CHARS_MAX`] characters.
    pub title: String,
    /// At most [`crate::CHAT_ABOUT_CHARS_MAX`] characters.
    pub about: String,
    /// Its photo.
    pub photo: Option<FileId>,
    /// Without it the channel is private.
    pub username: Option<String>,
    /// Unix seconds.
    pub date: i32,
    /// Who has it.
    pub creator: UserId,
    /// What members who are no admins may not do.
    pub banned: Rights,
    /// Posts of a channel name who wrote them.
    pub signatures: bool,
    /// Its messages may not be forwarded or saved.
    pub noforwards: bool,
    /// Who joins does not see what was said before.
    pub hidden_history: bool,
    /// Seconds between two messages of one member; 0: none.
    pub slow_mode_s: i32,
    /// Seconds after which its messages go; 0: they stay.
    pub ttl_period: i32,
    /// Only members write in it.
    pub join_to_send: bool,
    /// An admin lets in who joins, where it is public.
    pub join_request: bool,
    /// Only admins see who is in it.
    pub hidden_members: bool,
    /// The group in which its posts are discussed; of such a group: the channel.
    pub linked: Option<ChannelId>,
    /// How many are in it.
    pub members: i32,
    /// How many of them are admins, with the creator.
    pub admins: i32,
    /// How many were removed and may not come back.
    pub kicked: i32,
    /// From how many something is taken, beside those.
    pub restricted: i32,
    /// It was ended.
    pub deleted: bool,
    /// The basic group that it was.
    pub migrated_from: Option<ChatId>,
    /// What is said in it stands in topics.
    pub forum: bool,
    /// Clients show those as tabs.
    pub forum_tabs: bool,
    /// From this message on topics are kept: since it became a forum for the first time.
    pub(crate) topics_from: Option<MessageId>,
    /// How many topics there are, with the general one.
    pub topics: i32,
    /// Those that stand above the others, in their order.
    pub pinned_topics: Vec<MessageId>,
    /// How many are in it on other nodes, beside those who are known here.
    pub(crate) elsewhere: i32,
}

impl Channel {
    /// A private supergroup in which nobody is yet; its number comes with its log.
    fn new(creator: UserId, date: i32, title: String, about: String) -> Self {
        Self {
            id: ChannelId(0),
            broadcast: false,
            title,
            about,
            photo: None,
            username: None,
            date,
            creator,
            banned: Rights::NONE,
            signatures: false,
            noforwards: false,
            hidden_history: false,
            slow_mode_s: 0,
            ttl_period: 0,
            join_to_send: false,
            join_request: false,
            hidden_members: false,
            linked: None,
            members: 0,
            admins: 0,
            kicked: 0,
            restricted: 0,
            deleted: false,
            migrated_from: None,
            forum: false,
            forum_tabs: false,
            topics_from: None,
            topics: 0,
            pinned_topics: Vec::new(),
            elsewhere: 0,
        }
    }
}

impl Record for Channel {
    const VERSION: u8 = 2;
    const NAME: &'static str = "channel";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        // Before other nodes' members were counted: what was added stands at the end.
        (version == 1).then(|| postcard::from_bytes(&[fields, &[0]].concat()).ok())?
    }
}

/// Somebody in a channel, or who was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Who.
    pub user: UserId,
    /// Whether they are in it.
    pub joined: bool,
    /// Since when, in unix seconds; of who was removed: when that was.
    pub date: i32,
    /// Who brought them; of who came alone: themselves.
    pub inviter: UserId,
    /// What they are.
    pub role: ChannelRole,
    /// Read up to here.
    pub read_inbox: MessageId,
    /// What was said up to here is not shown to them.
    pub hidden_below: MessageId,
    /// When they last wrote, in unix seconds, where slow mode asks for it.
    pub wrote: i32,
    /// Mentions of them that they have not looked at.
    pub unread_mentions: i32,
    /// And all that are kept.
    pub(crate) mentions: i32,
    /// Whether the log says that they are there: it does from their first message on.
    pub(crate) announced: bool,
    /// Writes as the group while they are an admin who may.
    pub anonymous: bool,
    /// The channel in whose name they write in a supergroup, if they chose one.
    pub send_as: Option<ChannelId>,
    /// Their clients show a forum as one conversation.
    pub forum_as_messages: bool,
}

/// What somebody is in a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChannelRole {
    /// Anybody.
    Member,
    /// May do more.
    Admin {
        /// What.
        rights: AdminRights,
        /// A title of their own; may be empty.
        rank: String,
        /// Who made them one.
        by: UserId,
    },
    /// Has it.
    Creator {
        /// As of an admin.
        rank: String,
    },
    /// Something is taken from them.
    Restricted {
        /// What.
        rights: Rights,
        /// Until then, in unix seconds; 0: for ever.
        until: i32,
        /// By whom.
        by: UserId,
    },
    /// Removed, and may not come back.
    Banned {
        /// Until then, in unix seconds; 0: for ever.
        until: i32,
        /// By whom.
        by: UserId,
    },
}

impl Record for Participant {
    const VERSION: u8 = 1;
    const NAME: &'static str = "participant of a channel";
}

impl Participant {
    fn new(user: UserId, inviter: UserId, date: i32, role: ChannelRole) -> Self {
        Self {
            user,
            joined: true,
            date,
            inviter,
            role,
            read_inbox: MessageId(0),
            hidden_below: MessageId(0),
            wrote: 0,
            unread_mentions: 0,
            mentions: 0,
            announced: false,
            anonymous: false,
            send_as: None,
            forum_as_messages: false,
        }
    }

    /// Who writes without being in it.
    fn guest(user: UserId, date: i32) -> Self {
        Self { joined: false, ..Self::new(user, user, date, ChannelRole::Member) }
    }

    /// Whether it is the creator or an admin.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        matches!(self.role, ChannelRole::Admin { .. } | ChannelRole::Creator { .. })
    }

    /// Whether it is an admin of whom others than admins are not to know.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.anonymous && self.joined && self.admin_rights().contains_all(AdminRights::ANONYMOUS)
    }

    /// Whether it was removed and may not come back.
    #[must_use]
    pub fn is_banned(&self) -> bool {
        matches!(self.role, ChannelRole::Banned { .. })
    }

    /// What an admin may do; the creator all.
    #[must_use]
    pub fn admin_rights(&self) -> AdminRights {
        match &self.role {
            ChannelRole::Creator { .. } => AdminRights::ALL,
            ChannelRole::Admin { rights, .. } => *rights,
            _ => AdminRights::NONE,
        }
    }
}

/// A channel with what it is to one viewer.
#[derive(Debug, Clone)]
pub struct ChannelView {
    /// The channel.
    pub channel: std::sync::Arc<Channel>,
    /// The viewer in it, if they are or were there.
    pub own: Option<Participant>,
    /// The viewer may read the channel whose posts are discussed in this private group.
    pub(crate) through: bool,
}

impl ChannelView {
    /// Whether the viewer is in it.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.joined)
    }

    /// Whether the viewer was removed.
    #[must_use]
    pub fn is_banned(&self) -> bool {
        self.own.as_ref().is_some_and(Participant::is_banned)
    }

    /// Whether the viewer may read it: is in it, it is public, or it is where one discusses what the
    /// viewer may read.
    #[must_use]
    pub fn may_read(&self) -> bool {
        let open = self.through || self.channel.username.is_some();
        !self.is_banned() && (self.is_member() || open)
    }

    /// Whether the viewer reads a private group only as a reader of the channel that it is linked to:
    /// the words, and not who is there.
    #[must_use]
    pub fn is_through(&self) -> bool {
        self.through && !self.is_member()
    }

    /// Whether the viewer may write and is not in it: where a channel's posts are discussed.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        let open = self.channel.linked.is_some() && !self.channel.join_to_send;
        open && !self.channel.broadcast && !self.is_member() && self.may_read()
    }

    /// Up to which message nothing is shown to who takes part: a member, or a guest; `None` for others.
    pub(crate) fn takes_part_above(&self) -> Option<MessageId> {
        match self.own.as_ref().filter(|own| own.joined) {
            Some(own) => Some(own.hidden_below),
            None => self.is_guest().then_some(MessageId(0)),
        }
    }

    /// What an admin may do.
    #[must_use]
    pub fn admin_rights(&self) -> AdminRights {
        let own = self.own.as_ref().filter(|own| own.joined);
        own.map_or(AdminRights::NONE, Participant::admin_rights)
    }

    /// What the viewer may not do.
    #[must_use]
    pub fn forbidden(&self) -> Rights {
        match self.own.as_ref().map(|own| &own.role) {
            Some(ChannelRole::Admin { .. } | ChannelRole::Creator { .. }) => Rights::NONE,
            Some(ChannelRole::Restricted { rights, .. }) => *rights | self.channel.banned,
            _ => self.channel.banned,
        }
    }

    /// Whether the viewer may do in a supergroup what is taken from no member. Admins have such a right
    /// as members, or as admins.
    pub(crate) fn may_as_member(&self, right: Rights) -> bool {
        let taken = match self.own.as_ref().map(|own| &own.role) {
            Some(ChannelRole::Restricted { rights, .. }) => *rights | self.channel.banned,
            _ => self.channel.banned,
        };
        self.is_member() && !self.channel.broadcast && !taken.contains_any(right)
    }

    /// Fails unless the viewer may write what needs this right.
    pub(crate) fn may_post(&self, right: Rights) -> CoreResult<()> {
        if !self.is_member() && !self.is_guest() {
            return Err(CoreError::RightMissing(Rights::SEND));
        }
        if self.channel.broadcast {
            let may = self.admin_rights().contains_all(AdminRights::POST_MESSAGES);
            return if may { Ok(()) } else { Err(CoreError::AdminRightMissing) };
        }
        let forbidden = self.forbidden();
        if forbidden.contains_any(Rights::SEND) {
            return Err(CoreError::RightMissing(Rights::SEND));
        }
        if forbidden.contains_any(right) { Err(CoreError::RightMissing(right)) } else { Ok(()) }
    }

    pub(crate) fn needs_admin(&self, rights: AdminRights) -> CoreResult<()> {
        if self.admin_rights().contains_all(rights) {
            Ok(())
        } else {
            Err(CoreError::AdminRightMissing)
        }
    }
}

fn row_key(channel: ChannelId, kind: u8, rest: &[u8]) -> Vec<u8> {
    [&channel.bytes()[..], &[kind], rest].concat()
}

fn participant_key(channel: ChannelId, user: UserId) -> Vec<u8> {
    row_key(channel, PARTICIPANT, &user.bytes())
}

/// The latest first.
fn recent_key(channel: ChannelId, date: i32, user: UserId) -> Vec<u8> {
    let latest = (!date.unsigned_abs()).to_be_bytes();
    row_key(channel, RECENT, &[&latest[..], &user.bytes()].concat())
}

fn of_key(user: UserId, channel: ChannelId) -> [u8; 16] {
    crate::ids::pair_key(user.0, channel.0)
}

impl Core {
    /// A channel, as it is on disk; `None` if there is none.
    #[must_use]
    pub fn channel(&self, channel: ChannelId) -> Option<std::sync::Arc<Channel>> {
        self.inner.channels.get(channel)
    }

    /// A channel as a viewer sees it, whether they may read it or not.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`], and those of the store.
    pub fn channel_for(&self, viewer: UserId, channel: ChannelId) -> CoreResult<ChannelView> {
        let found = self.inner.channels.get(channel).ok_or(CoreError::UnknownChannel)?;
        let own = self.participant(channel, viewer)?;
        let through = self.reads_through(viewer, &found)?;
        Ok(ChannelView { channel: found, own, through })
    }

    /// [`Core::channel_for`] for who reads.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`] for who may not.
    pub fn channel_to_read(&self, viewer: UserId, channel: ChannelId) -> CoreResult<ChannelView> {
        let view = self.channel_for(viewer, channel)?;
        if view.channel.deleted || !view.may_read() {
            return Err(CoreError::UnknownChannel);
        }
        Ok(view)
    }

    /// Somebody in a channel, or who was there, as it is on disk.
    ///
    /// # Errors
    /// Those of the store.
    pub fn participant(&self, channel: ChannelId, user: UserId) -> CoreResult<Option<Participant>> {
        let kept =
            self.shown_kept::<Participant>(Keyspace::CHANNELS, &participant_key(channel, user))?;
        Ok(kept.map(|participant| (*participant).clone()))
    }

    /// The same, as the newest command left it: for who waits until that is on disk.
    pub(crate) fn newest_participant(
        &self,
        channel: ChannelId,
        user: UserId,
    ) -> CoreResult<Option<Participant>> {
        let row = self.inner.store.get(Keyspace::CHANNELS, &participant_key(channel, user))?;
        row.map(|row| Participant::decode(&row)).transpose()
    }

    /// The channels that a user is in.
    ///
    /// # Errors
    /// Those of the store.
    pub fn channels_of(&self, user: UserId) -> CoreResult<Vec<ChannelId>> {
        self.inner.channels.of(&*self.inner.store, user)
    }
}

impl Decide<'_> {
    /// A channel, as the commands before this one leave it.
    pub(crate) fn channel_row(&self, channel: ChannelId) -> CoreResult<Channel> {
        let row = self.load(Keyspace::CHANNELS, &row_key(channel, CHANNEL, &[]))?;
        row.ok_or(CoreError::UnknownChannel)
    }

    /// Somebody in it, as the commands before this one leave it.
    pub(crate) fn participant(
        &self,
        channel: ChannelId,
        user: UserId,
    ) -> CoreResult<Option<Participant>> {
        self.load(Keyspace::CHANNELS, &participant_key(channel, user))
    }

    /// [`Core::channel_for`] as the commands before this one leave it; gone where it was ended.
    pub(crate) fn channel_view(
        &self,
        viewer: UserId,
        channel: ChannelId,
    ) -> CoreResult<ChannelView> {
        let found = self.channel_row(channel)?;
        if found.deleted {
            return Err(CoreError::UnknownChannel);
        }
        let own = self.participant(channel, viewer)?;
        let through = self.reads_through(viewer, &found)?;
        Ok(ChannelView { channel: std::sync::Arc::new(found), own, through })
    }

    /// The same for who may read it.
    pub(crate) fn channel_seen_by(
        &self,
        viewer: UserId,
        channel: ChannelId,
    ) -> CoreResult<std::sync::Arc<Channel>> {
        let view = self.channel_view(viewer, channel)?;
        if view.may_read() { Ok(view.channel) } else { Err(CoreError::UnknownChannel) }
    }

    /// Writes a channel, and shows it once that is durable.
    pub(crate) fn put_channel(&mut self, channel: Channel) -> CoreResult<()> {
        self.put(Keyspace::CHANNELS, &row_key(channel.id, CHANNEL, &[]), &channel)?;
        self.after(move |inner| inner.channels.put(channel));
        Ok(())
    }

    /// Writes somebody in a channel, with what they are found by; counts them in `channel`, which the
    /// caller writes.
    fn put_participant(
        &mut self,
        channel: &mut Channel,
        participant: &Participant,
    ) -> CoreResult<()> {
        let (id, user) = (channel.id, participant.user);
        let before = self.participant(id, user)?;
        if let Some(before) = &before {
            count(channel, before, -1);
        }
        count(channel, participant, 1);
        let listed = before.as_ref().map(|before| keys(id, before)).unwrap_or_default();
        let lists = keys(id, participant);
        for key in listed.iter().filter(|key| !lists.contains(key)) {
            self.delete(Keyspace::CHANNELS, key);
        }
        for key in lists.iter().filter(|key| !listed.contains(key)) {
            self.put_bytes(Keyspace::CHANNELS, key, Vec::new());
        }
        let mut participant = participant.clone();
        if before.as_ref().is_some_and(|before| before.joined) != participant.joined {
            let joined = participant.joined;
            if !joined {
                self.forget_mentions_of(id, user)?;
                (participant.unread_mentions, participant.mentions) = (0, 0);
            }
            if joined {
                self.put_bytes(Keyspace::CHANNELS_OF, &of_key(user, id), Vec::new());
            } else {
                self.delete(Keyspace::CHANNELS_OF, &of_key(user, id));
                self.forget_reactions_of(user, id.into())?;
            }
            self.after(move |inner| inner.channels.joined(user, id, joined));
            if !crate::federation::is_remote(user) {
                self.hold(id)?;
                if channel.broadcast {
                    self.members_changed(id)?;
                }
            }
        }
        self.put_shown(Keyspace::CHANNELS, &participant_key(id, user), Some(&participant))
    }

    /// Tells who is in a channel that it changed.
    fn tell_channel(&mut self, channel: ChannelId, change: ChatChange) {
        let actor = self.actor;
        self.event(Event::Channel { channel, change, actor });
    }

    /// Tells one member that what they are in a channel changed.
    fn tell_member(&mut self, channel: ChannelId, user: UserId) {
        let actor = self.actor;
        self.event(Event::ChannelMember { channel, user, actor });
    }
}

/// What they are listed under beside the members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Mark {
    Admin = 0,
    Banned = 1,
    Restricted = 2,
}

fn mark(participant: &Participant) -> Option<Mark> {
    match participant.role {
        ChannelRole::Admin { .. } | ChannelRole::Creator { .. } if participant.joined => {
            Some(Mark::Admin)
        }
        ChannelRole::Banned { .. } => Some(Mark::Banned),
        ChannelRole::Restricted { .. } => Some(Mark::Restricted),
        _ => None,
    }
}

/// The rows by which somebody is found.
fn keys(channel: ChannelId, participant: &Participant) -> Vec<Vec<u8>> {
    let (user, date) = (participant.user, participant.date);
    let recent = participant.joined.then(|| recent_key(channel, date, user));
    let marked = mark(participant).map(|mark| marked_key(channel, mark, user));
    recent.into_iter().chain(marked).collect()
}

fn marked_key(channel: ChannelId, mark: Mark, user: UserId) -> Vec<u8> {
    row_key(channel, MARKED, &[&[mark as u8][..], &user.bytes()].concat())
}

fn count(channel: &mut Channel, participant: &Participant, by: i32) {
    if participant.joined {
        channel.members += by;
    }
    match mark(participant) {
        Some(Mark::Admin) => channel.admins += by,
        Some(Mark::Banned) => channel.kicked += by,
        Some(Mark::Restricted) => channel.restricted += by,
        None => {}
    }
}

#[cfg(test)]
impl Core {
    /// Puts people into a channel of whom nothing else is known.
    pub(crate) async fn crowd(&self, channel: ChannelId, people: std::ops::Range<i64>) {
        for first in people.clone().step_by(500) {
            let some = first..(first + 500).min(people.end);
            let put = self.write(None, move |decide| {
                let mut found = decide.channel_row(channel)?;
                for user in some.map(UserId) {
                    let entering = Participant::new(user, user, 1, ChannelRole::Member);
                    decide.put_participant(&mut found, &entering)?;
                }
                decide.put_channel(found)
            });
            put.await.unwrap();
        }
    }
}
