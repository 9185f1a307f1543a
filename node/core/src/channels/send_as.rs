//! In whose name one writes in a supergroup: one's own, the group's, or that of a channel one has.
//!
//! Who writes as the group or as a channel is its writer still: the message says so to the writer's own
//! sessions, the log to other nodes, and everybody else sees the group or the channel. Admins who are
//! to stay unknown always write as the group.
//!
//! Who bans a channel does not know whose it is: from then on whoever has it writes in the name of none
//! of their channels there. Keyspace `CHANNELS`, see [`super`]: 14 the [`BannedSenders`].

use glog::body::Setting;
use glog::cbor::List;
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::change::info;
use super::{
    AdminAction, AdminRights, BANNED_SENDERS, Channel, ChannelRole, ChannelView, Participant,
    row_key,
};
use crate::decide::Decide;
use crate::ids::{Actor, ChannelId, PeerId, UserId};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Whether one may write in a group in the names of channels at all: where others than its members
/// read.
fn takes_channels(group: &Channel) -> bool {
    !group.broadcast && (group.username.is_some() || group.linked.is_some())
}

/// Whether somebody may write in the name of a channel: it is theirs, and everybody may look it up.
fn speaks_for(user: UserId, channel: &Channel) -> bool {
    channel.broadcast && channel.creator == user && channel.username.is_some() && !channel.deleted
}

/// Channels that one group bans.
const BANNED_MAX: usize = 200;

/// A channel in whose name nobody writes in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BannedSender {
    /// Which.
    pub channel: ChannelId,
    /// By whom.
    pub by: UserId,
    /// Since when, in unix seconds.
    pub date: i32,
}

/// All of a group, in the order in which they were banned.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct BannedSenders(Vec<BannedSender>);

impl Record for BannedSenders {
    const VERSION: u8 = 1;
    const NAME: &'static str = "banned senders";
}

fn banned_key(group: ChannelId) -> Vec<u8> {
    row_key(group, BANNED_SENDERS, &[])
}

impl ChannelView {
    /// In whose name the viewer writes who has chosen nothing.
    fn plain_sender(&self, viewer: UserId) -> PeerId {
        let is_anonymous = self.own.as_ref().is_some_and(Participant::is_anonymous);
        let group = is_anonymous && !self.channel.broadcast;
        if group { self.channel.id.into() } else { viewer.into() }
    }

    /// The title of an admin who writes as the group.
    pub(super) fn rank(&self) -> Option<String> {
        let rank = match &self.own.as_ref()?.role {
            ChannelRole::Admin { rank, .. } | ChannelRole::Creator { rank } => rank,
            _ => return None,
        };
        (!rank.is_empty()).then(|| rank.clone())
    }
}

impl Core {
    /// In whose names somebody may write in a channel, their own or the group's first.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`], and those of the store.
    pub fn senders(&self, user: UserId, channel: ChannelId) -> CoreResult<Vec<PeerId>> {
        let view = self.channel_to_read(user, channel)?;
        let mut senders = vec![view.plain_sender(user)];
        if takes_channels(&view.channel) && !self.is_banned_as_sender(user, channel)? {
            for own in self.channels_of(user)? {
                if self.channel(own).is_some_and(|own| speaks_for(user, &own)) {
                    senders.push(own.into());
                }
            }
        }
        Ok(senders)
    }

    /// In whose name somebody writes in a channel who says nothing else.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`], and those of the store.
    pub fn default_sender(&self, user: UserId, channel: ChannelId) -> CoreResult<PeerId> {
        let view = self.channel_to_read(user, channel)?;
        let chosen = view.own.as_ref().and_then(|own| own.send_as);
        let chosen = chosen.filter(|_| takes_channels(&view.channel));
        let chosen = chosen.and_then(|chosen| self.channel(chosen));
        let chosen = chosen.filter(|chosen| speaks_for(user, chosen));
        let banned = chosen.is_some() && self.is_banned_as_sender(user, channel)?;
        let chosen = chosen.filter(|_| !banned);
        Ok(chosen.map_or(view.plain_sender(user), |chosen| chosen.id.into()))
    }

    /// Channels in whose names nobody writes in a group, as it is on disk.
    ///
    /// # Errors
    /// Those of the store.
    pub fn banned_senders(&self, group: ChannelId) -> CoreResult<Vec<BannedSender>> {
        let banned: Option<BannedSenders> = self.shown(Keyspace::CHANNELS, &banned_key(group))?;
        Ok(banned.unwrap_or_default().0)
    }

    fn is_banned_as_sender(&self, user: UserId, group: ChannelId) -> CoreResult<bool> {
        let is_theirs = |banned: &BannedSender| {
            self.channel(banned.channel).is_some_and(|channel| channel.creator == user)
        };
        Ok(self.banned_senders(group)?.iter().any(is_theirs))
    }

    /// Bans a channel from a supergroup, or lets it in again: whoever has it writes there in the name of
    /// none.
    ///
    /// # Errors
    /// [`CoreError::SendAsInvalid`] for what is no other channel, [`CoreError::TooMany`],
    /// [`CoreError::AdminRightMissing`], [`CoreError::UnknownChannel`].
    pub async fn ban_sender(
        &self,
        actor: Actor,
        owner: UserId,
        group: ChannelId,
        sender: ChannelId,
        banned: bool,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| decide.ban_sender(owner, group, sender, banned)).await
    }

    /// Says in whose name somebody writes in a supergroup from now on.
    ///
    /// # Errors
    /// [`CoreError::SendAsInvalid`], [`CoreError::UnknownChannel`].
    pub async fn save_default_sender(
        &self,
        actor: Actor,
        user: UserId,
        channel: ChannelId,
        sender: PeerId,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let view = decide.channel_view(user, channel)?;
            if !view.may_read() {
                return Err(CoreError::UnknownChannel);
            }
            let sender = decide.sender(user, &view, Some(sender))?;
            let chosen = sender.and_then(PeerId::channel).filter(|chosen| *chosen != channel);
            let date = decide.now();
            let own = view.own.clone().unwrap_or_else(|| Participant::guest(user, date));
            if own.send_as == chosen {
                return Ok(());
            }
            let mut found = (*view.channel).clone();
            decide.put_participant(&mut found, &Participant { send_as: chosen, ..own })?;
            decide.tell_member(channel, user);
            Ok(())
        })
        .await
    }
}

impl Core {
    /// Somebody of a channel, as the viewer may know them: to others than admins, admins who are to stay
    /// unknown are no admins, and what they did was nobody's.
    ///
    /// # Errors
    /// Those of the store.
    pub fn participant_for(
        &self,
        viewer: UserId,
        channel: ChannelId,
        mut participant: Participant,
    ) -> CoreResult<Participant> {
        let unknown = |user: UserId| -> CoreResult<bool> {
            let found = self.participant(channel, user)?;
            Ok(user != viewer && found.is_some_and(|found| found.is_anonymous()))
        };
        if self.participant(channel, viewer)?.is_some_and(|own| own.joined && own.is_admin()) {
            return Ok(participant);
        }
        if participant.user != viewer && participant.is_anonymous() {
            participant.role = ChannelRole::Member;
        }
        if unknown(participant.inviter)? {
            participant.inviter = UserId::SERVICE;
        }
        match &mut participant.role {
            ChannelRole::Admin { by, .. }
            | ChannelRole::Restricted { by, .. }
            | ChannelRole::Banned { by, .. }
                if unknown(*by)? =>
            {
                *by = UserId::SERVICE;
            }
            _ => {}
        }
        Ok(participant)
    }
}

impl Decide<'_> {
    fn ban_sender(
        &mut self,
        owner: UserId,
        group: ChannelId,
        sender: ChannelId,
        banned: bool,
    ) -> CoreResult<()> {
        let view = self.channel_view(owner, group)?;
        view.needs_admin(AdminRights::BAN_USERS)?;
        let is_channel = self.channel_row(sender).is_ok_and(|found| found.broadcast);
        if view.channel.broadcast || !is_channel {
            return Err(CoreError::SendAsInvalid);
        }
        let key = banned_key(group);
        let known: Option<BannedSenders> = self.load(Keyspace::CHANNELS, &key)?;
        let mut all = known.unwrap_or_default().0;
        if all.iter().any(|known| known.channel == sender) == banned {
            return Ok(());
        }
        all.retain(|known| known.channel != sender);
        if banned {
            all.push(BannedSender { channel: sender, by: owner, date: self.now() });
        }
        if all.len() > BANNED_MAX {
            return Err(CoreError::TooMany);
        }
        let mut names = Vec::with_capacity(all.len());
        for known in &all {
            names.push(self.name_of_log(known.channel)?);
        }
        let names = List::new(names).map_err(|_| CoreError::TooMany)?;
        self.write_control(group, Some(owner), info(Setting::BannedSenders(names)))?;
        self.put_shown(Keyspace::CHANNELS, &key, Some(&BannedSenders(all)))?;
        self.note(group, owner, AdminAction::SenderBanned(sender, banned))
    }

    /// As [`Core::is_banned_as_sender`], as the commands before this one leave it.
    fn is_banned_as_sender(&self, user: UserId, group: ChannelId) -> CoreResult<bool> {
        let known: Option<BannedSenders> = self.load(Keyspace::CHANNELS, &banned_key(group))?;
        let is_theirs = |banned: &BannedSender| {
            self.channel_row(banned.channel).is_ok_and(|channel| channel.creator == user)
        };
        Ok(known.unwrap_or_default().0.iter().any(is_theirs))
    }

    /// In whose name somebody writes, if not in their own: as they say, else as they chose before.
    pub(super) fn sender(
        &self,
        user: UserId,
        view: &ChannelView,
        said: Option<PeerId>,
    ) -> CoreResult<Option<PeerId>> {
        let plain = view.plain_sender(user);
        let own_name = |sender: PeerId| Some(sender).filter(|sender| *sender != user.into());
        // Posts are the channel's anyway.
        if view.channel.broadcast {
            let fits = said.is_none_or(|said| said == plain || said == view.channel.id.into());
            return if fits { Ok(None) } else { Err(CoreError::SendAsInvalid) };
        }
        let other = |channel: ChannelId| {
            let found = self.channel_row(channel);
            takes_channels(&view.channel) && found.is_ok_and(|found| speaks_for(user, &found))
        };
        let sender = match said {
            Some(said) if said == plain => plain,
            // Nobody's name is told who is to stay unknown.
            Some(PeerId::Channel(channel)) if other(channel) => channel.into(),
            Some(_) => return Err(CoreError::SendAsInvalid),
            None => {
                let chosen = view.own.as_ref().and_then(|own| own.send_as);
                chosen.filter(|chosen| other(*chosen)).map_or(plain, PeerId::from)
            }
        };
        let as_channel = sender != plain;
        if as_channel && self.is_banned_as_sender(user, view.channel.id)? {
            // Who said nothing writes as themselves.
            return if said.is_some() {
                Err(CoreError::SendAsInvalid)
            } else {
                Ok(own_name(plain))
            };
        }
        Ok(own_name(sender))
    }
}
