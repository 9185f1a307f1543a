//! What was done in a channel, for its admins to look up: kept for two days, as clients say.
//!
//! Not the channel's signed log, which tells states and not who saw what before: rows of this node,
//! each with a timer of its own that takes it away.

use node_store::{Keyspace, Order};
use serde::{Deserialize, Serialize};

use super::{ADMIN_EVENT, Channel, ChannelRole, ChannelSetting, Participant, Topic, row_key};
use crate::chats::{ChatReactions, Rights};
use crate::decide::Decide;
use crate::ids::{ChannelId, MessageId, UserId};
use crate::links::ChatLink;
use crate::media::FileId;
use crate::message::{Action, Message};
use crate::record::Record;
use crate::timers::{Kind, at};
use crate::{Core, CoreError, CoreResult};

/// Seconds for which it is kept.
const KEPT_S: i32 = 48 * 3600;

/// Events of one page.
const PAGE_MAX: usize = 100;

/// How far one page is looked for: more than that is for the next one to find.
const WALKED_MAX: usize = 10_000;

/// Rows that are read in one go.
const ROWS_AT_ONCE: usize = 50;

/// Which second an event is of stands above this many bits of its number.
const ID_SECOND: u32 = 20;

/// Between two numbers there is room: TDLib makes two events of one that has a rank in it, and gives
/// the other the number below.
const ID_STEP: u64 = 16;

/// Something that was done in a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminEvent {
    /// Grows by event.
    pub id: i64,
    /// Unix seconds.
    pub date: i32,
    /// By whom.
    pub by: UserId,
    /// What.
    pub what: AdminAction,
}

impl Record for AdminEvent {
    const VERSION: u8 = 1;
    const NAME: &'static str = "event of an admin log";
}

/// What was done, with how it was before and is since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "most of what admins do is done to messages")]
#[non_exhaustive]
pub enum AdminAction {
    /// Another title.
    Title(String, String),
    /// Another description.
    About(String, String),
    /// Another public name; empty: none.
    Username(String, String),
    /// Another photo.
    Photo(Option<FileId>, Option<FileId>),
    /// Something that is set otherwise.
    Set(ChannelSetting, ChannelSetting),
    /// What members may not do.
    Rights(Rights, Rights),
    /// Came by the public name.
    Joined,
    /// Came by a link.
    JoinedByLink(ChatLink),
    /// Was let in by an admin; by which link they came, if it was one.
    JoinedByRequest(Option<ChatLink>, UserId),
    /// Left.
    Left,
    /// Brought somebody.
    Added(Participant),
    /// Somebody became an admin, is another one, or none.
    Admin(Participant, Participant),
    /// Something was taken from somebody, or given back.
    Banned(Participant, Participant),
    /// A message was pinned, or no longer is: it says which.
    Pinned(MessageId, Message),
    /// A message says something else.
    Edited(MessageId, Message, Message),
    /// A message was removed.
    Deleted(MessageId, Message),
    /// A post of a broadcast channel.
    Sent(MessageId, Message),
    /// A link has other terms.
    LinkEdited(ChatLink, ChatLink),
    /// A link leads nowhere any more.
    LinkRevoked(ChatLink),
    /// A link is forgotten.
    LinkDeleted(ChatLink),
    /// It is linked with another group or channel, or with none.
    Linked(Option<ChannelId>, Option<ChannelId>),
    /// Which reactions there are.
    Reactions(ChatReactions, ChatReactions),
    /// A poll was closed.
    PollStopped(MessageId, Message),
    /// In the name of this channel nobody may write any more, or somebody may again.
    SenderBanned(ChannelId, bool),
    /// A topic began.
    TopicCreated(Topic),
    /// A topic is another one.
    TopicEdited(Topic, Topic),
    /// A topic and all that was said in it was removed.
    TopicDeleted(Topic),
    /// A topic stands above the others, or no longer.
    TopicPinned(Topic, bool),
}

impl AdminAction {
    /// The messages in it.
    fn messages(&self) -> Vec<&Message> {
        match self {
            Self::Pinned(_, message)
            | Self::Deleted(_, message)
            | Self::Sent(_, message)
            | Self::PollStopped(_, message) => vec![message],
            Self::Edited(_, before, now) => vec![before, now],
            _ => Vec::new(),
        }
    }

    /// What a message was of which it tells.
    pub(crate) fn of_message(&self, id: MessageId) -> Vec<&Message> {
        match self {
            Self::Pinned(of, _)
            | Self::Deleted(of, _)
            | Self::Sent(of, _)
            | Self::PollStopped(of, _)
            | Self::Edited(of, ..)
                if *of == id =>
            {
                self.messages()
            }
            _ => Vec::new(),
        }
    }

    /// Whom it is about, beside who did it.
    #[must_use]
    pub fn about(&self) -> Option<UserId> {
        match self {
            Self::Added(other) | Self::Admin(_, other) | Self::Banned(_, other) => Some(other.user),
            _ => None,
        }
    }

    /// Whether its words have these in them (lower case).
    fn says(&self, words: &str) -> bool {
        let has = |text: &str| text.to_lowercase().contains(words);
        match self {
            Self::Title(before, now) | Self::About(before, now) | Self::Username(before, now) => {
                has(before) || has(now)
            }
            Self::TopicCreated(topic) | Self::TopicDeleted(topic) | Self::TopicPinned(topic, _) => {
                has(&topic.title)
            }
            Self::TopicEdited(before, now) => has(&before.title) || has(&now.title),
            _ => self.messages().iter().any(|message| has(&message.text)),
        }
    }

    /// The kind by which it is asked for.
    fn kind(&self) -> AdminEvents {
        use ChannelRole as Is;
        match self {
            Self::Title(..)
            | Self::About(..)
            | Self::Username(..)
            | Self::Photo(..)
            | Self::Linked(..) => AdminEvents::INFO,
            Self::Set(ChannelSetting::Forum(_), _)
            | Self::TopicCreated(_)
            | Self::TopicEdited(..)
            | Self::TopicDeleted(_)
            | Self::TopicPinned(..) => AdminEvents::FORUMS,
            Self::Set(..) | Self::Rights(..) | Self::Reactions(..) => AdminEvents::SETTINGS,
            Self::Joined | Self::JoinedByLink(_) | Self::JoinedByRequest(..) => AdminEvents::JOIN,
            Self::Left => AdminEvents::LEAVE,
            Self::Added(_) => AdminEvents::INVITE,
            Self::Admin(_, now) if now.is_admin() => AdminEvents::PROMOTE,
            Self::Admin(..) => AdminEvents::DEMOTE,
            Self::Banned(before, now) => match (&before.role, &now.role) {
                (_, Is::Banned { .. }) => AdminEvents::KICK,
                (Is::Banned { .. }, _) => AdminEvents::UNKICK,
                (_, Is::Restricted { .. }) => AdminEvents::BAN,
                _ => AdminEvents::UNBAN,
            },
            Self::SenderBanned(_, true) => AdminEvents::KICK,
            Self::SenderBanned(_, false) => AdminEvents::UNKICK,
            Self::Pinned(..) => AdminEvents::PINNED,
            Self::Edited(..) | Self::PollStopped(..) => AdminEvents::EDIT,
            Self::Deleted(..) => AdminEvents::DELETE,
            Self::Sent(..) => AdminEvents::SEND,
            Self::LinkEdited(..) | Self::LinkRevoked(_) | Self::LinkDeleted(_) => {
                AdminEvents::LINKS
            }
        }
    }
}

/// Kinds of events, as clients ask for them.
///
/// Source: <https://core.telegram.org/constructor/channelAdminLogEventsFilter>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdminEvents(u32);

impl AdminEvents {
    /// None.
    pub const NONE: Self = Self(0);
    /// Came by themselves.
    pub const JOIN: Self = Self(1);
    /// Left.
    pub const LEAVE: Self = Self(1 << 1);
    /// Were brought.
    pub const INVITE: Self = Self(1 << 2);
    /// Something was taken from them.
    pub const BAN: Self = Self(1 << 3);
    /// It was given back.
    pub const UNBAN: Self = Self(1 << 4);
    /// Were removed.
    pub const KICK: Self = Self(1 << 5);
    /// May come back.
    pub const UNKICK: Self = Self(1 << 6);
    /// Became admins, or other ones.
    pub const PROMOTE: Self = Self(1 << 7);
    /// Are admins no more.
    pub const DEMOTE: Self = Self(1 << 8);
    /// Title, description, photo, name.
    pub const INFO: Self = Self(1 << 9);
    /// What is set, and what members may do.
    pub const SETTINGS: Self = Self(1 << 10);
    /// Pins.
    pub const PINNED: Self = Self(1 << 11);
    /// Edited messages.
    pub const EDIT: Self = Self(1 << 12);
    /// Deleted messages.
    pub const DELETE: Self = Self(1 << 13);
    /// Invite links.
    pub const LINKS: Self = Self(1 << 14);
    /// Posts.
    pub const SEND: Self = Self(1 << 15);
    /// Topics, and whether there are any.
    pub const FORUMS: Self = Self(1 << 16);
    /// All.
    pub const ALL: Self = Self((1 << 17) - 1);

    /// These too, if so.
    #[must_use]
    pub fn with(self, other: Self, so: bool) -> Self {
        if so { Self(self.0 | other.0) } else { self }
    }

    fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Which events are wanted: the newest first, between two numbers, both exclusive.
#[derive(Debug, Clone)]
pub struct AdminLogQuery {
    /// Of these kinds.
    pub kinds: AdminEvents,
    /// By one of these; none: by anybody.
    pub by: Vec<UserId>,
    /// With these words, or about or by somebody who is called so; empty: all.
    pub words: String,
    /// Before this one; 0: from the newest.
    pub max_id: i64,
    /// After this one; 0: to the oldest.
    pub min_id: i64,
    /// At most so many.
    pub limit: usize,
}

fn event_key(channel: ChannelId, id: i64) -> Vec<u8> {
    row_key(channel, ADMIN_EVENT, &(!id.unsigned_abs()).to_be_bytes())
}

impl Core {
    /// What was done in a channel, for its admins.
    ///
    /// # Errors
    /// [`CoreError::AdminRightMissing`], [`CoreError::UnknownChannel`].
    pub async fn admin_log(
        &self,
        viewer: UserId,
        channel: ChannelId,
        query: &AdminLogQuery,
    ) -> CoreResult<Vec<AdminEvent>> {
        let view = self.channel_to_read(viewer, channel)?;
        if view.admin_rights().is_empty() {
            return Err(CoreError::AdminRightMissing);
        }
        let words = query.words.trim().to_lowercase();
        let oldest = self.now().saturating_sub(KEPT_S);
        let limit = query.limit.min(PAGE_MAX);
        let mut found = Vec::new();
        self.walk_admin_log(channel, query.max_id, |event| {
            if event.id <= query.min_id || event.date < oldest {
                return false;
            }
            let wanted = query.kinds.has(event.what.kind())
                && (query.by.is_empty() || query.by.contains(&event.by));
            if wanted && self.is_about(&event, &words) {
                found.push(event);
            }
            found.len() < limit
        })?;
        self.settled().await?;
        Ok(found)
    }

    /// Shows events before one, the newest first, until it is enough; 0: all. An event can have two
    /// long messages in it, so they are read a few at a time.
    fn walk_admin_log(
        &self,
        channel: ChannelId,
        max_id: i64,
        mut each: impl FnMut(AdminEvent) -> bool,
    ) -> CoreResult<()> {
        let end = row_key(channel, ADMIN_EVENT + 1, &[]);
        let mut from = match max_id {
            1.. => [&event_key(channel, max_id)[..], &[0]].concat(),
            _ => row_key(channel, ADMIN_EVENT, &[]),
        };
        for _ in 0..WALKED_MAX / ROWS_AT_ONCE {
            let (store, order) = (&self.inner.store, Order::Ascending);
            let rows = store.scan(Keyspace::CHANNELS, &from, Some(&end), ROWS_AT_ONCE, order)?;
            let Some((last, _)) = rows.last() else { break };
            from = [last.as_slice(), &[0]].concat();
            for (_, row) in &rows {
                if !each(AdminEvent::decode(row)?) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn is_about(&self, event: &AdminEvent, words: &str) -> bool {
        words.is_empty()
            || event.what.says(words)
            || self.is_called(event.by, words)
            || event.what.about().is_some_and(|user| self.is_called(user, words))
    }

    /// Whether the admin log shows somebody what is elsewhere no more.
    pub(crate) fn admin_log_shows(
        &self,
        viewer: UserId,
        channel: ChannelId,
        shows: impl Fn(&AdminAction) -> bool,
    ) -> CoreResult<bool> {
        if self.channel_to_read(viewer, channel)?.admin_rights().is_empty() {
            return Ok(false);
        }
        let mut found = false;
        self.walk_admin_log(channel, 0, |event| {
            found = shows(&event.what);
            !found
        })?;
        Ok(found)
    }
}

impl Decide<'_> {
    /// Notes what was done.
    pub(crate) fn note(
        &mut self,
        channel: ChannelId,
        by: UserId,
        what: AdminAction,
    ) -> CoreResult<()> {
        self.hold_noted(&what, 1)?;
        let prefix = row_key(channel, ADMIN_EVENT, &[]);
        let newest = self.scan_prefix(Keyspace::CHANNELS, &prefix, 1)?;
        let newest = newest.first().and_then(|(key, _)| key.last_chunk::<8>());
        let newest = newest.map_or(0, |id| !u64::from_be_bytes(*id));
        let date = self.now();
        // Numbers do not come again when all events of before are gone.
        let id = (newest + ID_STEP).max(u64::from(date.unsigned_abs()) << ID_SECOND);
        let id = i64::try_from(id).map_err(|_| CoreError::BoxFull)?;
        let event = AdminEvent { id, date, by, what };
        self.put(Keyspace::CHANNELS, &event_key(channel, id), &event)?;
        let due = date.saturating_add(KEPT_S);
        self.set_timer(&at(Kind::AdminEvent, due, channel, &id.to_be_bytes()), Vec::new());
        Ok(())
    }

    /// Notes how a channel differs from what it was.
    pub(super) fn note_changes(
        &mut self,
        by: UserId,
        before: &Channel,
        now: &Channel,
    ) -> CoreResult<()> {
        let name = |channel: &Channel| channel.username.clone().unwrap_or_default();
        let mut done = Vec::new();
        if before.title != now.title {
            done.push(AdminAction::Title(before.title.clone(), now.title.clone()));
        }
        if before.about != now.about {
            done.push(AdminAction::About(before.about.clone(), now.about.clone()));
        }
        if before.username != now.username {
            done.push(AdminAction::Username(name(before), name(now)));
        }
        if before.photo != now.photo {
            done.push(AdminAction::Photo(before.photo, now.photo));
        }
        if before.banned != now.banned {
            done.push(AdminAction::Rights(before.banned, now.banned));
        }
        let settings = ChannelSetting::all_of(before).into_iter().zip(ChannelSetting::all_of(now));
        for (before, now) in settings {
            if before != now {
                done.push(AdminAction::Set(before, now));
            }
        }
        done.into_iter().try_for_each(|what| self.note(now.id, by, what))
    }

    /// An event is old enough to go.
    pub(crate) fn forget_noted(&mut self, channel: ChannelId, id: &[u8]) -> CoreResult<()> {
        let id = id.try_into().map_err(|_| CoreError::Damaged("timer"))?;
        let key = event_key(channel, i64::from_be_bytes(id));
        if let Some(event) = self.load::<AdminEvent>(Keyspace::CHANNELS, &key)? {
            self.hold_noted(&event.what, -1)?;
            self.delete(Keyspace::CHANNELS, &key);
        }
        Ok(())
    }

    /// What came with messages is kept for as long as the log shows it.
    fn hold_noted(&mut self, what: &AdminAction, copies: i64) -> CoreResult<()> {
        if let AdminAction::Photo(before, now) = what {
            self.hold_file(*before, copies)?;
            self.hold_file(*now, copies)?;
        }
        what.messages().into_iter().try_for_each(|message| self.hold_media(message, copies))
    }

    /// Notes that somebody is an admin now, another one, or none.
    pub(super) fn note_admin(
        &mut self,
        channel: ChannelId,
        by: UserId,
        before: &Participant,
        now: &Participant,
    ) -> CoreResult<()> {
        let what = AdminAction::Admin(before.clone(), now.clone());
        self.note(channel, by, what)
    }

    /// Notes how somebody came who brought themselves: the service message says how.
    pub(crate) fn note_came(
        &mut self,
        channel: ChannelId,
        user: UserId,
        by: UserId,
        said: &Action,
        link: Option<ChatLink>,
    ) -> CoreResult<()> {
        let what = match (said, link) {
            (Action::ChatJoinedByRequest, link) => AdminAction::JoinedByRequest(link, by),
            (_, Some(link)) => AdminAction::JoinedByLink(link),
            (_, None) => AdminAction::Joined,
        };
        self.note(channel, user, what)
    }
}
