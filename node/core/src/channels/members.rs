//! Who is in a channel, and what they may do.
//!
//! Coming and going is this node's own business and does not grow the log: it is told in the log when
//! somebody writes for the first time. Only a private channel says whom it lets in.

use glog::Rights as LogRights;
use glog::body::{
    Action as LogAction, Admit, Ban, DataBody, Demote, Member, Promote, Restrict, TransferOwner,
    Unban,
};
use glog::cbor::Text;
use node_store::Keyspace;

use super::{
    AdminAction, AdminRights, Channel, ChannelRole, ChannelView, MARKED, Mark, Participant, RECENT,
    rights, row_key,
};
use crate::chats::{ChatDone, RANK_CHARS_MAX, Rights};
use crate::decide::Decide;
use crate::event::ChatChange;
use crate::ids::{Actor, ChannelId, MessageId, UserId};
use crate::limits::Limit;
use crate::links::{BY_NAME, LinkTaken};
use crate::message::Action;
use crate::send::Sent;
use crate::timers::{Kind, at};
use crate::{Core, CoreError, CoreResult};

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChannelDone {
    /// The service messages.
    pub sent: Vec<Sent>,
    /// Who was not added, since they do not want to be.
    pub missing: Vec<UserId>,
}

/// What is taken from a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Banned {
    /// May not even read: is removed and may not come back.
    pub entirely: bool,
    /// May not do this; nothing: all is given back.
    pub rights: Rights,
    /// Until then, in unix seconds; 0: for ever.
    pub until: i32,
}

impl Core {
    /// Joins a public channel, or asks to.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`], [`CoreError::BannedInChannel`], [`CoreError::AlreadyAMember`],
    /// [`CoreError::TooMany`], [`CoreError::Flood`], [`CoreError::NodeUnreachable`] for a group of
    /// another node.
    pub async fn join_channel(
        &self,
        actor: Actor,
        user: UserId,
        channel: ChannelId,
    ) -> CoreResult<LinkTaken> {
        self.join_far(channel).await?;
        self.write(Some(actor), move |decide| {
            let view = decide.channel_view(user, channel)?;
            if view.is_banned() {
                return Err(CoreError::BannedInChannel);
            }
            if view.is_member() {
                return Err(CoreError::AlreadyAMember);
            }
            if !view.may_read() {
                return Err(CoreError::UnknownChannel);
            }
            // Who reads a channel may come where its posts are discussed: its owner lets them in.
            let by = if view.through { view.channel.creator } else { user };
            if view.channel.join_request {
                decide.may_join_more(user)?;
                return decide.request(channel.into(), user, BY_NAME);
            }
            let found = decide.enter_channel(view, user, by)?;
            decide.put_channel(found)?;
            decide.show_own_standing(channel, user)?;
            decide.note(channel, user, AdminAction::Joined)?;
            let done = ChatDone { sent: Vec::new(), missing: Vec::new() };
            Ok(LinkTaken::Joined(channel.into(), done))
        })
        .await
    }

    /// Leaves a channel; its creator ends it, or gives it to somebody first.
    ///
    /// # Errors
    /// [`CoreError::NotAParticipant`], [`CoreError::ChannelOwner`].
    pub async fn leave_channel(
        &self,
        actor: Actor,
        user: UserId,
        channel: ChannelId,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let view = decide.channel_view(user, channel)?;
            let own = view.own.filter(|own| own.joined).ok_or(CoreError::NotAParticipant)?;
            let mut found = (*view.channel).clone();
            if found.creator == user {
                return Err(CoreError::ChannelOwner);
            }
            let was_admin = own.is_admin();
            let announced = own.announced;
            // An admin of another node's channel stays one in its log, and finds that again.
            let is_away = decide.is_away(channel)?;
            if was_admin && !is_away {
                // The log lets nobody step down by themselves: the owner's node does it.
                let (by, user_ref) = (found.creator, decide.user_ref(user)?);
                let cut = Some(decide.cut_here(channel)?);
                let action = LogAction::Demote(Demote { user: user_ref, cut });
                decide.write_control(channel, Some(by), action)?;
            }
            // In a private one all were let in by an entry, whether they have written or not.
            if announced || found.username.is_none() {
                let left = DataBody::Member(Member { join: false, invite: None });
                decide.write_data(channel, user, &left)?;
            }
            if let ChannelRole::Admin { by, .. } = own.role {
                decide.pass_admins_on(&mut found, user, by)?;
                decide.end_links_of(channel.into(), user)?;
            }
            let role = match own.role {
                ChannelRole::Restricted { .. } => own.role.clone(),
                _ if is_away => own.role.clone(),
                _ => ChannelRole::Member,
            };
            let gone = Participant { joined: false, announced: false, role, ..own };
            decide.put_participant(&mut found, &gone)?;
            decide.put_channel(found)?;
            decide.note(channel, user, AdminAction::Left)?;
            decide.tell_member(channel, user);
            Ok(())
        })
        .await
    }

    /// Makes somebody an admin, changes what an admin may do, or makes one a member again (by no
    /// rights at all).
    ///
    /// # Errors
    /// [`CoreError::RankInvalid`], [`CoreError::NotAParticipant`], [`CoreError::ChannelOwner`],
    /// [`CoreError::ChatNotModified`], and those of rights.
    pub async fn edit_channel_admin(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        user: UserId,
        rights: AdminRights,
        rank: String,
    ) -> CoreResult<()> {
        let rank = rank.trim().to_owned();
        if rank.chars().count() > RANK_CHARS_MAX || rank.chars().any(char::is_control) {
            return Err(CoreError::RankInvalid);
        }
        self.write_or_ask(Some(actor), move |decide| {
            decide.edit_channel_admin(owner, channel, user, rights, rank)
        })
        .await
    }

    /// Takes something from somebody, or gives it back.
    ///
    /// # Errors
    /// [`CoreError::ChannelOwner`], [`CoreError::ChatNotModified`], and those of rights.
    pub async fn ban_in_channel(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        user: UserId,
        banned: Banned,
    ) -> CoreResult<ChannelDone> {
        self.write_or_ask(Some(actor), move |decide| {
            decide.ban_in_channel(owner, channel, user, banned)
        })
        .await
    }

    /// Gives a channel to another member, who has to be in it.
    ///
    /// # Errors
    /// [`CoreError::NotAParticipant`], and those of rights. That the owner has shown the password is
    /// the caller's to see to.
    pub async fn give_channel(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        to: UserId,
    ) -> CoreResult<()> {
        self.write(Some(actor), move |decide| {
            let mut found = decide.channel_of_owner(owner, channel)?;
            let next = decide.participant(channel, to)?.filter(|next| next.joined);
            let next = next.ok_or(CoreError::NotAParticipant)?;
            let own = decide.participant(channel, owner)?.ok_or(CoreError::NotAParticipant)?;
            if to == owner {
                return Err(CoreError::ChatNotModified);
            }
            let user = decide.user_ref(to)?;
            let action = LogAction::TransferOwner(TransferOwner { user });
            decide.write_control(channel, Some(owner), action)?;
            let rights = AdminRights::ALL;
            let role = ChannelRole::Admin { rights, rank: String::new(), by: to };
            decide.put_participant(&mut found, &Participant { role, ..own })?;
            let role = ChannelRole::Creator { rank: String::new() };
            let new_owner = Participant { role, ..next.clone() };
            decide.put_participant(&mut found, &new_owner)?;
            decide.note_admin(channel, owner, &next, &new_owner)?;
            found.creator = to;
            decide.pass_admins_on(&mut found, owner, to)?;
            decide.put_channel(found)?;
            decide.tell_member(channel, owner);
            decide.tell_member(channel, to);
            decide.tell_channel(channel, ChatChange::Members);
            let before = decide.user_ref(owner)?;
            decide.tell_transfer(channel, before, user)
        })
        .await
    }
}

impl Decide<'_> {
    /// Lets somebody in; `by` brought them. The channel is the caller's to write.
    pub(crate) fn enter_channel(
        &mut self,
        view: ChannelView,
        user: UserId,
        by: UserId,
    ) -> CoreResult<Channel> {
        let mut found = (*view.channel).clone();
        let channel = found.id;
        self.may_join_more(user)?;
        let date = self.now();
        let newest = MessageId(self.next_id(channel)?.0 - 1);
        let mut entering =
            view.own.unwrap_or_else(|| Participant::new(user, by, date, ChannelRole::Member));
        (entering.joined, entering.date, entering.inviter) = (true, date, by);
        if entering.is_banned() {
            entering.role = ChannelRole::Member;
        }
        if found.hidden_history && found.username.is_none() && !found.broadcast {
            entering.hidden_below = newest;
            entering.read_inbox = newest;
        }
        // What was said before is history here: it may not even have come yet.
        if self.is_away(channel)? {
            entering.read_inbox = entering.read_inbox.max(newest);
        }
        // A private one says whom it lets in; who was let in before stays so.
        if found.username.is_none() && !self.is_admitted(channel, user)? {
            let admitted = self.user_ref(user)?;
            let action = LogAction::Admit(Admit { user: admitted, invite: None });
            match self.write_control(channel, Some(by), action) {
                Ok(()) | Err(CoreError::ChatNotModified) => {}
                Err(cause) => return Err(cause),
            }
        }
        if found.username.is_none() && self.is_told(channel)? {
            self.note_shown(user)?;
        }
        self.put_participant(&mut found, &entering)?;
        self.drop_request(channel.into(), user)?;
        self.tell_member(channel, user);
        Ok(found)
    }

    /// Fails for who is in as many channels as one may be in.
    pub(crate) fn may_join_more(&self, user: UserId) -> CoreResult<()> {
        let own = self.inner.channels.of(self.store(), user)?;
        if own.len() < super::table::CHANNELS_OF_ONE_MAX { Ok(()) } else { Err(CoreError::TooMany) }
    }

    /// Fails unless the viewer may add others.
    fn may_invite(view: &ChannelView) -> CoreResult<()> {
        let as_member = view.may_as_member(Rights::INVITE_USERS);
        if as_member { Ok(()) } else { view.needs_admin(AdminRights::INVITE_USERS) }
    }

    pub(crate) fn add_to_channel(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        users: Vec<UserId>,
    ) -> CoreResult<ChannelDone> {
        let view = self.channel_view(owner, channel)?;
        if !view.is_member() {
            return Err(CoreError::UnknownChannel);
        }
        Self::may_invite(&view)?;
        let is_admin = view.admin_rights().contains_all(AdminRights::BAN_USERS);
        let (mut adding, mut missing) = (Vec::new(), Vec::new());
        let alone = users.len() == 1;
        for user in users {
            let theirs = self.channel_view(user, channel)?;
            if theirs.is_member() {
                if alone {
                    return Err(CoreError::AlreadyAMember);
                }
                continue;
            }
            if theirs.is_banned() && !is_admin {
                return Err(CoreError::BannedInChannel);
            }
            if !self.may_add(owner, user)? {
                missing.push(user);
                continue;
            }
            if !adding.contains(&user) {
                adding.push(user);
            }
        }
        self.take(Limit::ChatInvites(owner), u32::try_from(adding.len()).unwrap_or(u32::MAX))?;
        for user in &adding {
            let theirs = self.channel_view(*user, channel)?;
            if theirs.is_banned() {
                let user = self.user_ref(*user)?;
                self.write_control(channel, Some(owner), LogAction::Unban(Unban { user }))?;
            }
            let found = self.enter_channel(theirs, *user, owner)?;
            self.put_channel(found)?;
            self.show_own_standing(channel, *user)?;
            if let Some(added) = self.participant(channel, *user)? {
                self.note(channel, owner, AdminAction::Added(added))?;
            }
        }
        let mut done = ChannelDone { sent: Vec::new(), missing };
        if !view.channel.broadcast && !adding.is_empty() {
            done.sent.push(self.say_in_channel(owner, channel, Action::ChatAdded(adding))?);
        }
        Ok(done)
    }

    fn edit_channel_admin(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        user: UserId,
        rights: AdminRights,
        rank: String,
    ) -> CoreResult<()> {
        let view = self.channel_view(owner, channel)?;
        let mut found = (*view.channel).clone();
        if user == found.creator {
            return self.edit_creator(owner, found, rights, rank);
        }
        view.needs_admin(AdminRights::ADD_ADMINS)?;
        // The log asks the same, but does not know all of them.
        view.needs_admin(rights)?;
        let mut theirs = self.channel_view(user, channel)?;
        if !theirs.is_member() {
            if rights.is_empty() {
                return Err(CoreError::NotAParticipant);
            }
            // Clients add whom they make an admin.
            Self::may_invite(&view)?;
            if !self.may_add(owner, user)? {
                return Err(CoreError::UserPrivacy);
            }
            if theirs.is_banned() {
                let user = self.user_ref(user)?;
                self.write_control(channel, Some(owner), LogAction::Unban(Unban { user }))?;
            }
            found = self.enter_channel(theirs, user, owner)?;
            self.put_channel(found.clone())?;
            theirs = self.channel_view(user, channel)?;
        }
        let own = theirs.own.ok_or(CoreError::NotAParticipant)?;
        let user_ref = self.user_ref(user)?;
        let anonymous = rights.contains_all(AdminRights::ANONYMOUS);
        let (before, by) = match &own.role {
            ChannelRole::Admin { rights, rank, by } => (Some((*rights, rank.clone())), *by),
            _ => (None, owner),
        };
        let role = if rights.is_empty() {
            if before.is_none() {
                return Err(CoreError::ChatNotModified);
            }
            let cut = Some(self.cut_here(channel)?);
            let action = LogAction::Demote(Demote { user: user_ref, cut });
            self.write_control(channel, Some(owner), action)?;
            self.pass_admins_on(&mut found, user, by)?;
            ChannelRole::Member
        } else {
            let same = before.as_ref().is_some_and(|before| *before == (rights, rank.clone()));
            if same && own.anonymous == anonymous {
                return Err(CoreError::ChatNotModified);
            }
            if matches!(own.role, ChannelRole::Restricted { .. }) {
                let unban = LogAction::Unban(Unban { user: user_ref });
                self.write_control(channel, Some(owner), unban)?;
            }
            self.let_node_of_admin_in(channel, user_ref.node)?;
            // What every member may is not taken from an admin, as the log has it.
            let keeps = LogRights::MEMBER | rights.to_log();
            let narrows = before.is_some_and(|(before, _)| !keeps.has(before.to_log()));
            let cut = if narrows { Some(self.cut_here(channel)?) } else { None };
            let said = Text::new(rank.as_str()).map_err(|_| CoreError::RankInvalid)?;
            let promote = Promote { user: user_ref, rights: rights.to_log(), rank: said, cut };
            // Whether the right is used is no matter of the log.
            if !same {
                self.write_control(channel, Some(owner), LogAction::Promote(promote))?;
            }
            ChannelRole::Admin { rights, rank, by }
        };
        let now = Participant { role, anonymous, ..own.clone() };
        self.put_participant(&mut found, &now)?;
        self.put_channel(found)?;
        self.note_admin(channel, owner, &own, &now)?;
        if !rights.contains_all(AdminRights::INVITE_USERS) {
            self.end_links_of(channel.into(), user)?;
        }
        self.tell_member(channel, user);
        self.tell_channel(channel, ChatChange::Members);
        Ok(())
    }

    /// Who has a channel changes only what is shown beside the name, and whether that is.
    fn edit_creator(
        &mut self,
        owner: UserId,
        mut found: Channel,
        rights: AdminRights,
        rank: String,
    ) -> CoreResult<()> {
        if owner != found.creator {
            return Err(CoreError::ChannelOwner);
        }
        let own = self.participant(found.id, owner)?.ok_or(CoreError::NotAParticipant)?;
        let anonymous = rights.contains_all(AdminRights::ANONYMOUS);
        if own.role == (ChannelRole::Creator { rank: rank.clone() }) && own.anonymous == anonymous {
            return Err(CoreError::ChatNotModified);
        }
        let role = ChannelRole::Creator { rank };
        let now = Participant { role, anonymous, ..own.clone() };
        self.put_participant(&mut found, &now)?;
        let id = found.id;
        self.put_channel(found)?;
        self.note_admin(id, owner, &own, &now)?;
        self.tell_member(id, owner);
        self.tell_channel(id, ChatChange::Members);
        Ok(())
    }

    /// The time of a restriction is over: the home gives back what was taken.
    pub(crate) fn end_ban(&mut self, user: UserId, channel: &[u8]) -> CoreResult<()> {
        let channel = channel.try_into().map_err(|_| CoreError::Damaged("timer"))?;
        let channel = ChannelId(i64::from_be_bytes(channel));
        let Some(own) = self.participant(channel, user)? else { return Ok(()) };
        let mut found = self.channel_row(channel)?;
        let due = match own.role {
            ChannelRole::Restricted { until, .. } | ChannelRole::Banned { until, .. } => until,
            _ => 0,
        };
        // Changed meanwhile: it has another time, or none.
        if due == 0 || due > self.now() || found.deleted {
            return Ok(());
        }
        let name = self.user_ref(user)?;
        // A ban has no end in the log, where only an admin's word ends it.
        let by = matches!(own.role, ChannelRole::Banned { .. }).then_some(found.creator);
        self.write_control(channel, by, LogAction::Unban(Unban { user: name }))?;
        self.put_participant(&mut found, &Participant { role: ChannelRole::Member, ..own })?;
        self.put_channel(found)?;
        self.tell_member(channel, user);
        Ok(())
    }

    /// An account ended: it is in no channel any more. What it had goes to an admin, else to whoever is
    /// there; with nobody there it ends.
    pub(crate) fn leave_all_channels(&mut self, user: UserId) -> CoreResult<()> {
        for channel in self.inner.channels.of(self.store(), user)? {
            let mut found = self.channel_row(channel)?;
            let Some(own) = self.participant(channel, user)?.filter(|own| own.joined) else {
                continue;
            };
            if found.deleted {
                continue;
            }
            let is_away = self.is_away(channel)?;
            let name = self.user_ref(user)?;
            if found.creator == user && !is_away {
                let Some(mut next) = self.successor(&found)? else {
                    self.end_channel(found)?;
                    continue;
                };
                let transfer = TransferOwner { user: self.user_ref(next.user)? };
                self.write_control(channel, Some(user), LogAction::TransferOwner(transfer))?;
                next.role = ChannelRole::Creator { rank: String::new() };
                found.creator = next.user;
                self.put_participant(&mut found, &next)?;
                self.pass_admins_on(&mut found, user, next.user)?;
                self.tell_member(channel, next.user);
            }
            if let ChannelRole::Admin { by, .. } = own.role {
                self.pass_admins_on(&mut found, user, by)?;
            }
            if own.is_admin() && !is_away {
                let cut = Some(self.cut_here(channel)?);
                let demote = LogAction::Demote(Demote { user: name, cut });
                self.write_control(channel, Some(found.creator), demote)?;
                self.end_links_of(channel.into(), user)?;
            }
            if own.announced || found.username.is_none() {
                let left = DataBody::Member(Member { join: false, invite: None });
                self.write_data(channel, user, &left)?;
            }
            let role = ChannelRole::Member;
            let gone = Participant { joined: false, announced: false, role, ..own };
            self.put_participant(&mut found, &gone)?;
            self.put_channel(found)?;
            self.tell_channel(channel, ChatChange::Members);
        }
        Ok(())
    }

    /// Whom an admin had made admins stands below somebody else from now on, as in the log.
    fn pass_admins_on(
        &mut self,
        channel: &mut Channel,
        from: UserId,
        to: UserId,
    ) -> CoreResult<()> {
        for admin in self.channel_admins(channel.id, AdminRights::NONE)? {
            let Some(own) = self.participant(channel.id, admin)? else { continue };
            if let ChannelRole::Admin { rights, rank, by } = own.role.clone()
                && by == from
                && admin != from
            {
                let role = ChannelRole::Admin { rights, rank, by: to };
                self.put_participant(channel, &Participant { role, ..own })?;
            }
        }
        Ok(())
    }

    /// Everybody who is in a channel.
    pub(crate) fn members_seen(&self, channel: ChannelId) -> CoreResult<Vec<UserId>> {
        let prefix = row_key(channel, RECENT, &[]);
        let rows = self.scan_prefix(Keyspace::CHANNELS, &prefix, usize::MAX >> 1)?;
        let user = |key: &[u8]| key.last_chunk::<8>().map(|user| UserId(i64::from_be_bytes(*user)));
        Ok(rows.iter().filter_map(|(key, _)| user(key)).collect())
    }

    /// Who has a channel after its creator: an admin, else who came last.
    fn successor(&self, channel: &Channel) -> CoreResult<Option<Participant>> {
        let (id, creator) = (channel.id, channel.creator);
        // Beyond those who cannot have it there is one who can.
        let all_restricted = usize::try_from(channel.restricted).unwrap_or(0);
        let admins = (row_key(id, MARKED, &[Mark::Admin as u8]), 2);
        for (prefix, rows) in [admins, (row_key(id, RECENT, &[]), all_restricted + 2)] {
            for (key, _) in self.scan_prefix(Keyspace::CHANNELS, &prefix, rows)? {
                let next = key.last_chunk::<8>().map(|user| UserId(i64::from_be_bytes(*user)));
                let next = next.filter(|next| *next != creator);
                let next = next.map(|next| self.participant(id, next)).transpose()?.flatten();
                // Nothing may be taken from who has it.
                if let Some(next) =
                    next.filter(|next| !matches!(next.role, ChannelRole::Restricted { .. }))
                {
                    return Ok(Some(next));
                }
            }
        }
        Ok(None)
    }

    fn ban_in_channel(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        user: UserId,
        banned: Banned,
    ) -> CoreResult<ChannelDone> {
        let view = self.channel_view(owner, channel)?;
        let mut found = (*view.channel).clone();
        if user == found.creator {
            return Err(CoreError::ChannelOwner);
        }
        view.needs_admin(AdminRights::BAN_USERS)?;
        self.user(user)?.ok_or(CoreError::UnknownUser)?;
        let date = self.now();
        let theirs = self.participant(channel, user)?;
        let own = theirs.unwrap_or_else(|| Participant {
            joined: false,
            ..Participant::new(user, owner, date, ChannelRole::Member)
        });
        let user_ref = self.user_ref(user)?;
        let before = own.clone();
        let was_member = own.joined;
        let above = match own.role {
            ChannelRole::Admin { by, .. } => Some(by),
            _ => None,
        };
        let denied = rights::denied(banned.rights);
        let until = banned.until.max(0);
        let until = if until <= date { 0 } else { until };
        let next = if banned.entirely {
            if own.is_banned() {
                return Err(CoreError::ChatNotModified);
            }
            let cut = Some(self.cut_here(channel)?);
            let ban = LogAction::Ban(Ban { user: user_ref, cut });
            self.write_control(channel, Some(owner), ban)?;
            if own.announced && !crate::federation::is_remote(user) {
                // Else who is let off would be there again by the entry with which they came. Leaving
                // needs no right that a ban could take.
                let left = DataBody::Member(Member { join: false, invite: None });
                self.write_data(channel, user, &left)?;
            }
            let role = ChannelRole::Banned { until, by: owner };
            Participant { joined: false, announced: false, date, role, ..own }
        } else if banned.rights == Rights::NONE {
            match own.role {
                ChannelRole::Banned { .. } | ChannelRole::Restricted { .. } => {}
                _ => return Err(CoreError::ChatNotModified),
            }
            let unban = LogAction::Unban(Unban { user: user_ref });
            self.write_control(channel, Some(owner), unban)?;
            Participant { role: ChannelRole::Member, ..own }
        } else {
            if found.broadcast {
                return Err(CoreError::SettingsInvalid);
            }
            let forbidden = rights::forbidden(denied);
            let role = ChannelRole::Restricted { rights: forbidden, until, by: owner };
            if own.role == role {
                return Err(CoreError::ChatNotModified);
            }
            if own.is_banned() {
                let unban = LogAction::Unban(Unban { user: user_ref });
                self.write_control(channel, Some(owner), unban)?;
            } else if own.is_admin() {
                let cut = Some(self.cut_here(channel)?);
                let demote = LogAction::Demote(Demote { user: user_ref, cut });
                self.write_control(channel, Some(owner), demote)?;
            }
            let cut = Some(self.cut_here(channel)?);
            let until_ms = u64::from(until.unsigned_abs()) * 1000;
            let restrict = Restrict { user: user_ref, denied, until_ms, cut };
            self.write_control(channel, Some(owner), LogAction::Restrict(restrict))?;
            Participant { role, ..own }
        };
        let removed = was_member && !next.joined;
        if let ChannelRole::Restricted { until: 1.., .. } | ChannelRole::Banned { until: 1.., .. } =
            next.role
        {
            self.set_timer(&at(Kind::Unban, until, user, &channel.bytes()), Vec::new());
        }
        self.put_participant(&mut found, &next)?;
        if let Some(above) = above {
            self.pass_admins_on(&mut found, user, above)?;
            self.end_links_of(channel.into(), user)?;
        }
        let broadcast = found.broadcast;
        self.put_channel(found)?;
        self.note(channel, owner, AdminAction::Banned(before, next.clone()))?;
        if banned.entirely {
            self.drop_request(channel.into(), user)?;
        }
        self.tell_member(channel, user);
        let mut done = ChannelDone::default();
        if removed && !broadcast {
            done.sent.push(self.say_in_channel(owner, channel, Action::ChatRemoved(user))?);
        }
        if removed && crate::federation::is_remote(user) {
            self.let_go_of_idle(channel, user_ref.node)?;
        }
        Ok(done)
    }
}
