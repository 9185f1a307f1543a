//! What a channel or supergroup is set to, one thing at a time.

use glog::body::Setting;
use serde::{Deserialize, Serialize};

use super::members::ChannelDone;
use super::{AdminRights, Channel};
use crate::decide::Decide;
use crate::event::ChatChange;
use crate::ids::{Actor, ChannelId, UserId};
use crate::message::Action;
use crate::timers::check_period;
use crate::{Core, CoreError, CoreResult};

/// Seconds of slow mode that clients offer.
const SLOW_MODES_S: [i32; 8] = [0, 5, 10, 30, 60, 300, 900, 3600];

/// Something that is set in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChannelSetting {
    /// Seconds between two messages of one member of a supergroup; 0: none.
    SlowMode(i32),
    /// Who joins a private supergroup does not see what was said before.
    HiddenHistory(bool),
    /// Posts of a channel name who wrote them.
    Signatures(bool),
    /// Messages may not be forwarded or saved.
    NoForwards(bool),
    /// Seconds after which messages go; 0: they stay.
    Ttl(i32),
    /// Only members of a supergroup write in it.
    JoinToSend(bool),
    /// An admin lets in who joins a public supergroup.
    JoinRequest(bool),
    /// Only admins of a supergroup see who is in it.
    HiddenMembers(bool),
    /// What is said in a supergroup stands in topics; and then whether clients show them as tabs.
    Forum(Option<bool>),
}

/// What is asked of whoever sets something.
enum Asks {
    /// The channel is theirs.
    Owner,
    /// An admin's right.
    Admin(AdminRights),
    /// May change what the channel says of itself.
    Info,
}

impl ChannelSetting {
    fn asks(self) -> Asks {
        match self {
            Self::SlowMode(_)
            | Self::JoinToSend(_)
            | Self::JoinRequest(_)
            | Self::HiddenMembers(_) => Asks::Admin(AdminRights::BAN_USERS),
            Self::HiddenHistory(_) | Self::NoForwards(_) | Self::Forum(_) => Asks::Owner,
            Self::Signatures(_) => Asks::Admin(AdminRights::CHANGE_INFO),
            Self::Ttl(_) => Asks::Info,
        }
    }

    /// Whether such a channel has it, and this value.
    fn check(self, channel: &Channel) -> CoreResult<()> {
        let fits = match self {
            Self::SlowMode(seconds) => !channel.broadcast && SLOW_MODES_S.contains(&seconds),
            // In a public one everybody reads, and where posts are discussed who reads them.
            Self::HiddenHistory(_) if channel.forum => return Err(CoreError::ForumEnabled),
            Self::HiddenHistory(hidden) => {
                let closed = channel.username.is_none() && channel.linked.is_none();
                !channel.broadcast && (closed || !hidden)
            }
            // What is said to a post is a thread, and not a topic.
            Self::Forum(Some(_)) if channel.linked.is_some() => {
                return Err(CoreError::DiscussionUnallowed);
            }
            Self::Forum(_) => !channel.broadcast,
            Self::Signatures(_) => channel.broadcast,
            Self::NoForwards(_) => true,
            Self::Ttl(period) => return check_period(period),
            Self::JoinToSend(_) | Self::JoinRequest(_) | Self::HiddenMembers(_) => {
                !channel.broadcast
            }
        };
        if fits { Ok(()) } else { Err(CoreError::SettingsInvalid) }
    }

    pub(super) fn to_log(self) -> Setting {
        match self {
            Self::SlowMode(seconds) => Setting::SlowModeS(seconds.unsigned_abs()),
            Self::HiddenHistory(hidden) => Setting::ShowsHistory(!hidden),
            Self::Signatures(so) => Setting::Signatures(so),
            Self::NoForwards(so) => Setting::NoForwards(so),
            Self::Ttl(period) => Setting::TtlS(period.unsigned_abs()),
            Self::JoinToSend(so) => Setting::JoinToSend(so),
            Self::JoinRequest(so) => Setting::JoinRequest(so),
            Self::HiddenMembers(so) => Setting::HiddenMembers(so),
            Self::Forum(tabs) => Setting::Forum(tabs),
        }
    }

    /// All that is set in a channel, always in one order.
    pub(super) fn all_of(channel: &Channel) -> [Self; 9] {
        [
            Self::SlowMode(channel.slow_mode_s),
            Self::HiddenHistory(channel.hidden_history),
            Self::Signatures(channel.signatures),
            Self::NoForwards(channel.noforwards),
            Self::Ttl(channel.ttl_period),
            Self::JoinToSend(channel.join_to_send),
            Self::JoinRequest(channel.join_request),
            Self::HiddenMembers(channel.hidden_members),
            Self::Forum(channel.forum.then_some(channel.forum_tabs)),
        ]
    }

    fn change(self, channel: &mut Channel) {
        match self {
            Self::SlowMode(seconds) => channel.slow_mode_s = seconds,
            Self::HiddenHistory(hidden) => channel.hidden_history = hidden,
            Self::Signatures(so) => channel.signatures = so,
            Self::NoForwards(so) => channel.noforwards = so,
            Self::Ttl(period) => channel.ttl_period = period,
            Self::JoinToSend(so) => channel.join_to_send = so,
            Self::JoinRequest(so) => channel.join_request = so,
            Self::HiddenMembers(so) => channel.hidden_members = so,
            Self::Forum(tabs) => {
                channel.forum = tabs.is_some();
                channel.forum_tabs = tabs.unwrap_or(false);
            }
        }
    }
}

impl Core {
    /// Sets something in a channel.
    ///
    /// # Errors
    /// [`CoreError::SettingsInvalid`] where such a channel does not have it, [`CoreError::TtlInvalid`],
    /// [`CoreError::ChatNotModified`], and those of rights.
    pub async fn set_in_channel(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        setting: ChannelSetting,
    ) -> CoreResult<ChannelDone> {
        self.write_or_ask(Some(actor), move |decide| decide.set_in_channel(owner, channel, setting))
            .await
    }
}

impl Decide<'_> {
    /// As [`Core::set_in_channel`].
    pub(crate) fn set_in_channel(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        setting: ChannelSetting,
    ) -> CoreResult<ChannelDone> {
        let mut next = match setting.asks() {
            Asks::Owner => self.channel_of_owner(owner, channel)?,
            Asks::Info => self.channel_to_change(owner, channel)?,
            Asks::Admin(rights) => {
                let view = self.channel_view(owner, channel)?;
                view.needs_admin(rights)?;
                (*view.channel).clone()
            }
        };
        setting.check(&next)?;
        // A topic shows all that was said in it.
        if matches!(setting, ChannelSetting::Forum(Some(_))) && next.hidden_history {
            self.set_in_channel(owner, channel, ChannelSetting::HiddenHistory(false))?;
            next = self.channel_row(channel)?;
        }
        setting.change(&mut next);
        if next.forum {
            self.begin_topics(&mut next)?;
        }
        let said = match setting {
            ChannelSetting::Ttl(period) => Some(Action::SetTtl { period, auto_from: None }),
            _ => None,
        };
        let done = self.set(owner, next, setting.to_log(), said)?;
        if matches!(setting, ChannelSetting::Ttl(_)) {
            self.tell_channel(channel, ChatChange::Ttl);
        }
        Ok(done)
    }
}
