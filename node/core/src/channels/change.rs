//! Making channels and changing what they say of themselves.

use glog::Rights as LogRights;
use glog::body::{Action as LogAction, GroupKind, Info, Setting};
use glog::cbor::{Blob, Text};
use node_store::Keyspace;

use super::log::Start;
use super::members::ChannelDone;
use super::{AdminRights, Channel, ChannelRole, ChannelSetting, Participant, rights};
use crate::chats::{CHAT_ABOUT_CHARS_MAX, ChatPhoto, Rights, clean_title};
use crate::decide::Decide;
use crate::event::ChatChange;
use crate::ids::{Actor, CHANNEL_ID_MAX, ChannelId, PeerId, UserId};
use crate::limits::Limit;
use crate::media::FileId;
use crate::message::Action;
use crate::profile::may_be_taken;
use crate::record::Record as _;
use crate::send::Sent;
use crate::timers::check_period;
use crate::{Core, CoreError, CoreResult};

/// Key in [`Keyspace::SETTINGS`]: the number that the next channel gets, 8 bytes.
const NEXT_CHANNEL_KEY: &[u8] = b"next_channel";

/// What is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChannel {
    /// Admins write, others read; else a supergroup.
    pub broadcast: bool,
    /// 1 to [`crate::CHAT_TITLE_CHARS_MAX`] characters.
    pub title: String,
    /// At most [`CHAT_ABOUT_CHARS_MAX`] characters.
    pub about: String,
    /// Seconds after which its messages go; 0: they stay.
    pub ttl_period: i32,
    /// What is said in a supergroup stands in topics.
    pub forum: bool,
}

/// A channel that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelCreated {
    /// Its number.
    pub channel: ChannelId,
    /// What was said in it.
    pub sent: Sent,
}

fn clean_about(about: &str) -> CoreResult<String> {
    let about = about.trim();
    if about.chars().count() > CHAT_ABOUT_CHARS_MAX {
        return Err(CoreError::ChatAboutTooLong);
    }
    Ok(about.to_owned())
}

/// How a log is to begin.
pub(super) struct NewLog {
    pub(super) kind: GroupKind,
    /// What members may do.
    pub(super) defaults: LogRights,
}

/// A field, with its value.
pub(super) fn info(setting: Setting) -> LogAction {
    LogAction::Info(Info { setting, cut: None, epoch: None })
}

fn text<const MAX: usize>(text: &str) -> CoreResult<Text<MAX>> {
    Text::new(text).map_err(|_| CoreError::TooLarge("text in a log"))
}

impl Core {
    /// Makes a channel or a supergroup, private at first.
    ///
    /// # Errors
    /// [`CoreError::ChatTitleInvalid`], [`CoreError::ChatAboutTooLong`], [`CoreError::TtlInvalid`],
    /// [`CoreError::TooMany`], [`CoreError::Flood`].
    pub async fn create_channel(
        &self,
        actor: Actor,
        owner: UserId,
        new: NewChannel,
    ) -> CoreResult<ChannelCreated> {
        let title = clean_title(&new.title)?;
        let about = clean_about(&new.about)?;
        check_period(new.ttl_period)?;
        self.write(Some(actor), move |decide| {
            decide.create_channel(owner, NewChannel { title, about, ..new })
        })
        .await
    }

    /// Gives a channel another title.
    ///
    /// # Errors
    /// [`CoreError::ChatTitleInvalid`], [`CoreError::ChatNotModified`], and those of rights.
    pub async fn edit_channel_title(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        title: &str,
    ) -> CoreResult<ChannelDone> {
        let title = clean_title(title)?;
        self.write_or_ask(Some(actor), move |decide| {
            let setting = Setting::Title(text(&title)?);
            let found = decide.channel_to_change(owner, channel)?;
            let next = Channel { title: title.clone(), ..found };
            decide.set(owner, next, setting, Some(Action::ChatTitle(title)))
        })
        .await
    }

    /// Gives a channel another description; empty: none.
    ///
    /// # Errors
    /// [`CoreError::ChatAboutTooLong`], [`CoreError::ChatNotModified`], and those of rights.
    pub async fn edit_channel_about(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        about: &str,
    ) -> CoreResult<()> {
        let about = clean_about(about)?;
        self.write_or_ask(Some(actor), move |decide| {
            let setting = Setting::About(text(&about)?);
            let found = decide.channel_to_change(owner, channel)?;
            decide.set(owner, Channel { about, ..found }, setting, None).map(|_| ())
        })
        .await
    }

    /// Gives a channel another photo, or none.
    ///
    /// # Errors
    /// [`CoreError::ChatNotModified`], [`CoreError::FileInvalid`], and those of rights.
    pub async fn edit_channel_photo(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        photo: Option<ChatPhoto>,
    ) -> CoreResult<ChannelDone> {
        self.write_or_ask(Some(actor), move |decide| {
            let mut found = decide.channel_to_change(owner, channel)?;
            if photo.is_none() && found.photo.is_none() {
                return Err(CoreError::ChatNotModified);
            }
            let photo = decide.take_chat_photo(photo)?;
            let picture = photo.map(|photo| decide.photo_in_log(photo)).transpose()?;
            decide.hold_file(photo, 1)?;
            decide.hold_file(found.photo, -1)?;
            found.photo = photo;
            decide.write_control(channel, Some(owner), info(Setting::Picture(picture)))?;
            decide.changed_channel(owner, found, Some(Action::ChatPhoto(photo)))
        })
        .await
    }

    /// Says what members who are no admins may not do.
    ///
    /// # Errors
    /// [`CoreError::ChatNotModified`], and those of rights.
    pub async fn edit_channel_rights(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        banned: Rights,
    ) -> CoreResult<()> {
        self.write_or_ask(Some(actor), move |decide| {
            let view = decide.channel_view(owner, channel)?;
            view.needs_admin(AdminRights::BAN_USERS)?;
            let mut found = (*view.channel).clone();
            if found.broadcast {
                return Err(CoreError::UnknownChannel);
            }
            // As far as the log can say it.
            let banned = rights::forbidden(rights::denied(banned));
            if found.banned == banned {
                return Err(CoreError::ChatNotModified);
            }
            let (before, _) = decide.log_rights(channel, owner)?;
            let defaults = LogRights::MEMBER - rights::denied(banned);
            let narrows = !defaults.has(before);
            let cut = if narrows { Some(decide.cut_here(channel)?) } else { None };
            found.banned = banned;
            let setting = Setting::Defaults(defaults);
            let action = LogAction::Info(Info { setting, cut, epoch: None });
            decide.write_control(channel, Some(owner), action)?;
            decide.note_changes(owner, &view.channel, &found)?;
            decide.put_channel(found)?;
            decide.tell_channel(channel, ChatChange::Rights);
            Ok(())
        })
        .await
    }

    /// Gives a channel a public name, another one, or none: then it is private.
    ///
    /// # Errors
    /// [`CoreError::UsernameInvalid`], [`CoreError::UsernameOccupied`], [`CoreError::NotModified`],
    /// and those of rights.
    pub async fn update_channel_username(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        name: String,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let mut found = decide.channel_of_owner(owner, channel)?;
            let wanted = (!name.is_empty()).then_some(name);
            if wanted == found.username {
                return Err(CoreError::NotModified);
            }
            let holder = PeerId::from(channel).bytes();
            if let Some(name) = &wanted {
                if !may_be_taken(name) {
                    return Err(CoreError::UsernameInvalid);
                }
                let taken = decide.get(Keyspace::NAMES, name.to_lowercase().as_bytes())?;
                if taken.is_some_and(|taken| taken != holder) {
                    return Err(CoreError::UsernameOccupied);
                }
            }
            decide.bridged_name_changes(&found, wanted.as_deref())?;
            let (was_public, is_public) = (found.username.is_some(), wanted.is_some());
            let name = wanted.as_deref().map(text).transpose()?;
            let opens = match (was_public, is_public) {
                (false, true) => Some(info(decide.opening(channel)?)),
                (true, false) => {
                    let (setting, cut) = (Setting::Private(true), decide.cut_here(channel)?);
                    let epoch = Some(decide.new_epoch(channel, None, None)?);
                    Some(LogAction::Info(Info { setting, cut: Some(cut), epoch }))
                }
                _ => None,
            };
            if let Some(opens) = opens {
                decide.write_control(channel, Some(owner), opens)?;
            }
            decide.write_control(channel, Some(owner), info(Setting::Username(name)))?;
            if let Some(old) = &found.username {
                decide.delete(Keyspace::NAMES, old.to_lowercase().as_bytes());
            }
            if let Some(name) = &wanted {
                let key = name.to_lowercase();
                decide.put_bytes(Keyspace::NAMES, key.as_bytes(), holder.to_vec());
            }
            found.username = wanted;
            decide.changed_channel(owner, found, None).map(|_| ())
        })
        .await
    }

    /// The channel that has a public name.
    #[must_use]
    pub fn channel_by_username(&self, name: &str) -> Option<ChannelId> {
        let row = self.inner.store.get(Keyspace::NAMES, name.to_lowercase().as_bytes()).ok()??;
        PeerId::from_bytes(&row)?.channel()
    }

    /// Whether a channel could have a public name: nobody else has it.
    ///
    /// # Errors
    /// [`CoreError::UsernameInvalid`], and those of the store.
    pub fn channel_may_have(&self, channel: Option<ChannelId>, name: &str) -> CoreResult<bool> {
        if !may_be_taken(name) {
            return Err(CoreError::UsernameInvalid);
        }
        let taken = self.inner.store.get(Keyspace::NAMES, name.to_lowercase().as_bytes())?;
        let own = channel.map(|channel| PeerId::from(channel).bytes().to_vec());
        Ok(taken.is_none() || taken == own)
    }

    /// Ends a channel for everybody.
    ///
    /// # Errors
    /// Those of rights.
    pub async fn delete_channel(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let found = decide.channel_of_owner(owner, channel)?;
            decide.end_channel(found)
        })
        .await
    }
}

impl Decide<'_> {
    fn create_channel(&mut self, owner: UserId, new: NewChannel) -> CoreResult<ChannelCreated> {
        let NewChannel { broadcast, title, about, ttl_period, forum } = new;
        let own = self.inner.channels.of(self.store(), owner)?;
        if own.len() >= super::table::CHANNELS_OF_ONE_MAX {
            return Err(CoreError::TooMany);
        }
        self.take(Limit::Chats(owner), 1)?;
        let (kind, banned) = if broadcast {
            (GroupKind::Channel, Rights::NONE)
        } else {
            // Who joins a supergroup does not change it, as clients expect of new ones.
            let kept = Rights::CHANGE_INFO | Rights::PIN_MESSAGES | Rights::MANAGE_TOPICS;
            (GroupKind::Supergroup, kept)
        };
        let banned = rights::forbidden(rights::denied(banned));
        // Readers of a channel react and take part in polls, and have nothing else.
        let defaults = match kind {
            GroupKind::Channel => LogRights::REACT | LogRights::TAKE_PART,
            GroupKind::Supergroup => LogRights::MEMBER - rights::denied(banned),
        };
        let found = Channel::new(owner, self.now(), title.clone(), about);
        let found = Channel { broadcast, banned, ttl_period, ..found };
        let role = ChannelRole::Creator { rank: String::new() };
        let mut found = self.begin_channel(found, NewLog { kind, defaults }, role)?;
        let channel = found.id;
        if ttl_period > 0 {
            let setting = ChannelSetting::Ttl(ttl_period).to_log();
            self.write_control(channel, Some(owner), info(setting))?;
        }
        if forum {
            let setting = ChannelSetting::Forum(Some(false));
            self.write_control(channel, Some(owner), info(setting.to_log()))?;
            found.forum = true;
            self.begin_topics(&mut found)?;
        }
        self.put_channel(found)?;
        let sent = self.say_in_channel(owner, channel, Action::ChannelCreated { title })?;
        self.tell_member(channel, owner);
        self.tell_channel(channel, ChatChange::Members);
        Ok(ChannelCreated { channel, sent })
    }

    /// Begins the log of a channel, with what it says of itself and its owner in it. The channel is the
    /// caller's to write.
    pub(super) fn begin_channel(
        &mut self,
        mut found: Channel,
        log: NewLog,
        role: ChannelRole,
    ) -> CoreResult<Channel> {
        let (title, about) = (text(&found.title)?, text(&found.about)?);
        found.id = self.next_channel_id()?;
        let (channel, owner) = (found.id, found.creator);
        let NewLog { kind, defaults } = log;
        self.write_genesis(channel, owner, Start { kind, public: false, defaults })?;
        self.write_control(channel, Some(owner), info(Setting::Title(title)))?;
        if !found.about.is_empty() {
            self.write_control(channel, Some(owner), info(Setting::About(about)))?;
        }
        let entering = Participant::new(owner, owner, found.date, role);
        self.put_participant(&mut found, &entering)?;
        Ok(found)
    }

    pub(crate) fn next_channel_id(&mut self) -> CoreResult<ChannelId> {
        let row = self.get(Keyspace::SETTINGS, NEXT_CHANNEL_KEY)?;
        let next = row.and_then(|row| row.first_chunk().map(|id| i64::from_be_bytes(*id)));
        let next = next.unwrap_or(1);
        if next > CHANNEL_ID_MAX {
            return Err(CoreError::BoxFull);
        }
        let after = (next + 1).to_be_bytes().to_vec();
        self.put_bytes(Keyspace::SETTINGS, NEXT_CHANNEL_KEY, after);
        Ok(ChannelId(next))
    }

    /// Writes a setting into the log, and the channel that has it; `said` in it.
    pub(super) fn set(
        &mut self,
        owner: UserId,
        next: Channel,
        setting: Setting,
        said: Option<Action>,
    ) -> CoreResult<ChannelDone> {
        if self.channel_row(next.id)? == next {
            return Err(CoreError::ChatNotModified);
        }
        self.write_control(next.id, Some(owner), info(setting))?;
        self.changed_channel(owner, next, said)
    }

    /// The blob of a photo, as the log names it.
    pub(super) fn photo_in_log<const MAX: usize>(&self, photo: FileId) -> CoreResult<Blob<MAX>> {
        let record = self.file(photo)?.ok_or(CoreError::FileInvalid)?;
        Blob::new(record.encode()?).map_err(|_| CoreError::FileInvalid)
    }

    /// A channel whose title, photo or description `owner` may change.
    pub(super) fn channel_to_change(
        &self,
        owner: UserId,
        channel: ChannelId,
    ) -> CoreResult<Channel> {
        let view = self.channel_view(owner, channel)?;
        if !view.is_member() {
            return Err(CoreError::UnknownChannel);
        }
        if !view.may_as_member(Rights::CHANGE_INFO) {
            view.needs_admin(AdminRights::CHANGE_INFO)?;
        }
        Ok((*view.channel).clone())
    }

    /// A channel that `owner` has.
    pub(super) fn channel_of_owner(
        &self,
        owner: UserId,
        channel: ChannelId,
    ) -> CoreResult<Channel> {
        let view = self.channel_view(owner, channel)?;
        if view.channel.creator != owner {
            return Err(CoreError::AdminRightMissing);
        }
        Ok((*view.channel).clone())
    }

    /// Nobody sees a channel any more. Its log stays: other nodes have it.
    pub(super) fn end_channel(&mut self, mut channel: Channel) -> CoreResult<()> {
        self.bridged_name_changes(&channel, None)?;
        if let Some(old) = channel.username.take() {
            self.delete(Keyspace::NAMES, old.to_lowercase().as_bytes());
        }
        self.unlink_other(&channel)?;
        channel.linked = None;
        channel.deleted = true;
        let id = channel.id;
        self.end_links(id.into())?;
        self.put_channel(channel)?;
        self.tell_channel(id, ChatChange::Info);
        Ok(())
    }

    /// Writes a changed channel, says so in it, and tells its members.
    fn changed_channel(
        &mut self,
        by: UserId,
        channel: Channel,
        action: Option<Action>,
    ) -> CoreResult<ChannelDone> {
        let id = channel.id;
        let before = self.channel_row(id)?;
        self.note_changes(by, &before, &channel)?;
        self.put_channel(channel)?;
        self.tell_channel(id, ChatChange::Info);
        let sent = action.map(|action| self.say_in_channel(by, id, action)).transpose()?;
        Ok(ChannelDone { sent: sent.into_iter().collect(), missing: Vec::new() })
    }
}
