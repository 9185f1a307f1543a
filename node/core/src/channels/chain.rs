//! What the chain of a channel says, shown in it: who decides, who may what, and what is set.
//!
//! Entry by entry, as its order is the same everywhere; where a chain was recovered, all of what it says
//! anew.

use glog::body::{Action as LogAction, GroupKind, Setting};
use glog::control::{ControlEntry, State, Verdict};
use glog::{NodeCert, Rights as LogRights, UserRef};
use node_store::Keyspace;

use super::{AdminAction, AdminRights, ChannelRole, Participant, rights};
use crate::CoreResult;
use crate::chats::Rights;
use crate::decide::Decide;
use crate::event::{ChatChange, Event};
use crate::ids::{ChannelId, PeerId, UserId};
use crate::media::{FileId, FileRecord};
use crate::message::Action;
use crate::record::Record as _;
use crate::timers::{Kind, at};

/// Characters of a title or of a description that are taken from another node.
const TITLE_MAX: usize = 128;
const ABOUT_MAX: usize = 255;

impl Decide<'_> {
    /// The home's own command has shown what its entries of the chain do.
    pub(crate) fn has_shown_chain(&mut self, channel: ChannelId) -> CoreResult<()> {
        let Some(row) = self.federated(channel)? else { return Ok(()) };
        let state = self.with_chain(channel, |chain| chain.state().clone())?;
        self.note_state(channel, row, &state)
    }

    /// Shows what the chain says that does not show yet.
    pub(crate) fn follow_chain(&mut self, channel: ChannelId) -> CoreResult<()> {
        let Some(row) = self.federated(channel)? else { return Ok(()) };
        let (entries, state) = self.with_chain(channel, |chain| {
            let from = usize::try_from(row.applied).unwrap_or(usize::MAX).saturating_add(1);
            let new = chain.entries().iter().zip(chain.verdicts()).skip(from);
            let new: Vec<(ControlEntry, Verdict)> =
                new.map(|(entry, verdict)| (entry.clone(), *verdict)).collect();
            (new, chain.state().clone())
        })?;
        for (entry, verdict) in entries {
            if verdict == Verdict::Applied {
                self.show_control(channel, &entry, &state)?;
            }
        }
        self.note_state(channel, row, &state)
    }

    /// The chain is another one: all of what it says is shown anew.
    pub(super) fn follow_recovered(&mut self, channel: ChannelId) -> CoreResult<()> {
        let Some(row) = self.federated(channel)? else { return Ok(()) };
        let state = self.with_chain(channel, |chain| chain.state().clone())?;
        for setting in state.settings.values() {
            self.show_setting(channel, None, setting, &state)?;
        }
        let mut found = self.channel_row(channel)?;
        found.banned = banned(&state);
        found.creator = self.account_of(state.owner)?;
        self.put_channel(found)?;
        let mut named: Vec<UserRef> = state.admins.keys().copied().collect();
        named.extend(state.denied.keys().copied());
        named.push(state.owner);
        for user in self.channel_marked(channel)? {
            named.push(self.user_ref(user)?);
        }
        named.sort_unstable();
        named.dedup();
        for user in named {
            self.show_standing(channel, user, None, &state)?;
        }
        self.tell_channel(channel, ChatChange::Info);
        self.note_state(channel, row, &state)
    }

    /// Shows the public name of a channel again: its home is called otherwise here.
    pub(crate) fn show_name_again(&mut self, channel: ChannelId) -> CoreResult<()> {
        let state = self.with_chain(channel, |chain| chain.state().clone())?;
        let is_name = |setting: &&Setting| matches!(setting, Setting::Username(_));
        match state.settings.values().find(is_name) {
            Some(setting) => self.show_setting(channel, None, setting, &state),
            None => Ok(()),
        }
    }

    fn note_state(
        &mut self,
        channel: ChannelId,
        row: crate::federation::Federated,
        state: &State,
    ) -> CoreResult<()> {
        let own = self.inner.logs.keys().node();
        let members = state.members().map(|node| node.id).filter(|id| *id != own);
        let now = crate::federation::Federated {
            home: state.home.0,
            public: state.is_public(),
            members: members.map(|id| id.0).collect(),
            applied: state.head.0,
            left: if state.home == own { self.left_since(&row, state) } else { Vec::new() },
            is_out: !state.is_public() && !state.is_member(own.short()),
            ..row.clone()
        };
        if now.members != row.members {
            let certs = state.nodes.values().filter_map(|node| node.newest_cert());
            let certs: Vec<NodeCert> = certs.cloned().collect();
            certs.iter().try_for_each(|cert| self.learn_node(cert))?;
        }
        if (&now.home, now.public, &now.members, now.is_out)
            != (&row.home, row.public, &row.members, row.is_out)
        {
            self.event(Event::GroupsChanged);
        }
        // Else it may never be asked who here wants it.
        let is_another = (&now.home, now.public) != (&row.home, row.public);
        let has_moved = now.home != row.home;
        if now != row {
            self.put_federated(channel, now)?;
            self.bringing_changed(channel, has_moved)?;
        }
        if is_another { self.hold(channel) } else { Ok(()) }
    }

    /// Shows what one entry of the chain does.
    fn show_control(
        &mut self,
        channel: ChannelId,
        entry: &ControlEntry,
        state: &State,
    ) -> CoreResult<()> {
        let Some(action) = entry.action() else { return Ok(()) };
        let by = entry.user();
        match action {
            LogAction::Promote(of) => self.show_standing(channel, of.user, by, state),
            LogAction::Demote(of) => self.show_standing(channel, of.user, by, state),
            LogAction::Ban(of) => self.show_standing(channel, of.user, by, state),
            LogAction::Restrict(of) => self.show_standing(channel, of.user, by, state),
            LogAction::Unban(of) => self.show_standing(channel, of.user, by, state),
            LogAction::TransferOwner(of) => {
                let owner = self.account_of(state.owner)?;
                let mut found = self.channel_row(channel)?;
                let before = self.user_ref(found.creator)?;
                found.creator = owner;
                self.put_channel(found)?;
                self.show_standing(channel, of.user, by, state)?;
                self.show_standing(channel, before, by, state)?;
                self.tell_transfer(channel, before, of.user)
            }
            LogAction::MoveHome(of) => {
                self.bridge_moves(channel, entry, of.node)?;
                self.tell_move(channel, entry.header().node, of.node)
            }
            LogAction::Info(info) => {
                let by = by.map(|by| self.account_of(by)).transpose()?;
                self.show_setting(channel, by, &info.setting, state)
            }
            LogAction::Admit(of) if !state.is_public() => {
                self.show_admitted(channel, of.user, by, state)
            }
            LogAction::RemoveNode(of) if self.is_own(of.node) => self.show_let_go(channel, state),
            _ => Ok(()),
        }
    }

    /// Somebody of another node was let into a private channel, and is in it.
    fn show_admitted(
        &mut self,
        channel: ChannelId,
        user: UserRef,
        by: Option<UserRef>,
        state: &State,
    ) -> CoreResult<()> {
        // Who is here comes by what they want themselves; who was sent away since is not in it.
        let left = self.with_shared(channel, |shared| shared.replica.lanes().membership(&user))?;
        if self.is_own(user.node)
            || !state.admitted.contains(&user)
            || !state.is_member(user.node)
            || left.flatten() == Some(false)
        {
            return Ok(());
        }
        let account = self.account_of(user)?;
        let by = by.map_or(Ok(account), |by| self.account_of(by))?;
        let is_group = !self.channel_row(channel)?.broadcast;
        let is_said = is_group && by != account && !self.is_past(channel)?;
        if self.far_came(channel, account, by)? && is_said {
            self.say_in_channel(by, channel, Action::ChatAdded(vec![account]))?;
        }
        Ok(())
    }

    /// This node was let go from a private channel: nobody here is in it any more.
    fn show_let_go(&mut self, channel: ChannelId, state: &State) -> CoreResult<()> {
        let own = self.inner.logs.keys().node().short();
        if state.is_member(own) {
            return Ok(());
        }
        let mut found = self.channel_row(channel)?;
        for user in self.members_seen(channel)? {
            let known = self.participant(channel, user)?.filter(|known| known.joined);
            let Some(known) = known.filter(|_| !crate::federation::is_remote(user)) else {
                continue;
            };
            let gone = Participant { joined: false, announced: false, ..known };
            self.put_participant(&mut found, &gone)?;
            self.tell_member(channel, user);
        }
        self.put_channel(found)
    }

    /// The photo of a channel as its log has it, stored as a file of who has set it; `None` where it is
    /// the one that is shown.
    fn photo_of(
        &mut self,
        shown: Option<FileId>,
        by: UserId,
        picture: Option<FileRecord>,
    ) -> CoreResult<Option<Option<FileId>>> {
        let picture = picture.filter(|picture| matches!(picture, FileRecord::Photo(_)));
        let before = shown.map(|photo| self.file(photo)).transpose()?.flatten();
        if let (Some(before), Some(picture)) = (&before, &picture)
            && before.shows_same(picture)
        {
            return Ok(None);
        }
        let number = FileId((self.rng.next_u64() >> 1).max(1) as i64);
        let renamed = picture.and_then(|picture| picture.renamed(number, by));
        let photo = match renamed {
            Some(record) => self.keep_file(record)?.then_some(number),
            None => None,
        };
        if photo == shown {
            return Ok(None);
        }
        self.hold_file(photo, 1)?;
        self.hold_file(shown, -1)?;
        Ok(Some(photo))
    }

    /// What somebody is in a channel, as the chain says.
    pub(super) fn show_standing(
        &mut self,
        channel: ChannelId,
        user: UserRef,
        by: Option<UserRef>,
        state: &State,
    ) -> CoreResult<()> {
        let standing = state.standing(user);
        // A home may name whom it likes.
        let Some(account) = self.account_named(user)? else { return Ok(()) };
        let date = self.now();
        let by = match by {
            Some(by) => self.account_of(by)?,
            None => self.channel_row(channel)?.creator,
        };
        let known = self.participant(channel, account)?;
        let own = known.unwrap_or_else(|| Participant {
            joined: false,
            ..Participant::new(account, by, date, ChannelRole::Member)
        });
        // Nobody here is in a channel by the word of another node: who comes finds what they are there.
        let comes = standing.owner || state.admins.contains_key(&user);
        if comes && !own.joined && self.is_own(user.node) && !self.is_own(state.home.short()) {
            return Ok(());
        }
        let (mut joined, mut role) = (own.joined, ChannelRole::Member);
        let denied = state.denied.get(&user);
        if standing.owner {
            let rank = match &own.role {
                ChannelRole::Creator { rank } => rank.clone(),
                _ => String::new(),
            };
            (joined, role) = (true, ChannelRole::Creator { rank });
        } else if let Some(admin) = state.admins.get(&user) {
            let rights = AdminRights::from_log(admin.rights);
            let rights = rights.with(AdminRights::OTHER, true);
            let by = self.account_of(admin.by)?;
            (joined, role) = (true, ChannelRole::Admin { rights, rank: admin.rank.clone(), by });
        } else if let Some(denied) = denied {
            let until = i32::try_from(denied.until_ms / 1000).unwrap_or(0);
            if denied.rights == LogRights::ALL {
                (joined, role) = (false, ChannelRole::Banned { until: 0, by });
            } else {
                let rights = rights::forbidden(denied.rights);
                role = ChannelRole::Restricted { rights, until, by };
            }
        }
        let anonymous = matches!(&role, ChannelRole::Admin { rights, .. }
            if rights.contains_all(AdminRights::ANONYMOUS));
        if (joined, &role, anonymous) == (own.joined, &own.role, own.anonymous) {
            return Ok(());
        }
        if let ChannelRole::Restricted { until: until @ 1.., .. } = role
            && self.is_own(state.home.short())
        {
            let key = at(Kind::Unban, until, account, &channel.bytes());
            self.set_timer(&key, Vec::new());
        }
        let removed = own.joined && !joined;
        let announced = own.announced && joined;
        let now = Participant { joined, role, anonymous, announced, ..own.clone() };
        let mut found = self.channel_row(channel)?;
        self.put_participant(&mut found, &now)?;
        let broadcast = found.broadcast;
        self.put_channel(found)?;
        if own.is_admin() || now.is_admin() {
            self.note_admin(channel, by, &own, &now)?;
        } else {
            self.note(channel, by, AdminAction::Banned(own, now))?;
        }
        self.tell_member(channel, account);
        self.tell_channel(channel, ChatChange::Members);
        if removed && !broadcast && !self.is_past(channel)? {
            self.say_in_channel(by, channel, Action::ChatRemoved(account))?;
        }
        Ok(())
    }

    /// Everybody who is an admin, or from whom something is taken.
    pub(crate) fn channel_marked(&self, channel: ChannelId) -> CoreResult<Vec<UserId>> {
        let prefix = super::row_key(channel, super::MARKED, &[]);
        let rows = self.scan_prefix(Keyspace::CHANNELS, &prefix, usize::MAX >> 1)?;
        let user = |key: &[u8]| key.last_chunk::<8>().map(|id| UserId(i64::from_be_bytes(*id)));
        Ok(rows.iter().filter_map(|(key, _)| user(key)).collect())
    }

    /// Shows what is set in a channel; `by` set it.
    fn show_setting(
        &mut self,
        channel: ChannelId,
        by: Option<UserId>,
        setting: &Setting,
        state: &State,
    ) -> CoreResult<()> {
        let before = self.channel_row(channel)?;
        let mut found = before.clone();
        let clip = |text: &str, max: usize| text.chars().take(max).collect::<String>();
        let mut said = None;
        match setting {
            Setting::Title(title) => {
                found.title = clip(title, TITLE_MAX);
                // The first one comes with the channel.
                said = Some(Action::ChatTitle(found.title.clone()))
                    .filter(|_| !before.title.is_empty());
            }
            Setting::About(about) => found.about = clip(about, ABOUT_MAX),
            Setting::Username(name) => {
                self.brought_name_changes(channel, name.as_deref())?;
                let home = state.home.short();
                let holder = PeerId::from(channel);
                found.username = match name {
                    Some(name) if self.is_own(home) => Some(name.to_string()),
                    Some(name) => self.name_for(name, home, holder)?,
                    None => None,
                };
                if let Some(old) =
                    before.username.filter(|old| found.username.as_ref() != Some(old))
                {
                    self.delete(Keyspace::NAMES, old.to_lowercase().as_bytes());
                }
            }
            Setting::Defaults(_) => found.banned = banned(state),
            Setting::SlowModeS(seconds) => found.slow_mode_s = bounded(*seconds),
            Setting::ShowsHistory(shown) => found.hidden_history = !shown,
            Setting::Signatures(so) => found.signatures = *so,
            Setting::NoForwards(so) => found.noforwards = *so,
            Setting::TtlS(period) => found.ttl_period = bounded(*period),
            Setting::JoinToSend(so) => found.join_to_send = *so,
            Setting::JoinRequest(so) => found.join_request = *so,
            Setting::HiddenMembers(so) => found.hidden_members = *so,
            Setting::Reactions(reactions) => {
                return self.show_far_reactions(channel, reactions, state.home.short());
            }
            Setting::Picture(picture) => {
                let by = by.unwrap_or(before.creator);
                let picture = picture.as_ref().and_then(|picture| FileRecord::decode(picture).ok());
                let Some(photo) = self.photo_of(before.photo, by, picture)? else {
                    return Ok(());
                };
                found.photo = photo;
                said = Some(Action::ChatPhoto(photo));
            }
            Setting::Linked(_) => return self.show_link(channel),
            Setting::Forum(tabs) => {
                found.forum = tabs.is_some() && !found.broadcast;
                found.forum_tabs = tabs.unwrap_or(false) && found.forum;
                if found.forum {
                    self.begin_topics(&mut found)?;
                }
            }
            _ => return Ok(()),
        }
        let before = self.channel_row(channel)?;
        if found == before {
            return Ok(());
        }
        let by = by.unwrap_or(found.creator);
        self.note_changes(by, &before, &found)?;
        self.put_channel(found)?;
        let change = match setting {
            Setting::Defaults(_) => ChatChange::Rights,
            Setting::TtlS(_) => ChatChange::Ttl,
            _ => ChatChange::Info,
        };
        self.tell_channel(channel, change);
        if let Some(said) = said
            && !self.is_past(channel)?
        {
            self.say_in_channel(by, channel, said)?;
        }
        Ok(())
    }
}

/// What members may not do.
pub(super) fn banned(state: &State) -> Rights {
    match state.kind() {
        GroupKind::Channel => Rights::NONE,
        GroupKind::Supergroup => rights::forbidden(LogRights::MEMBER - state.defaults()),
    }
}

fn bounded(seconds: u32) -> i32 {
    i32::try_from(seconds).unwrap_or(0)
}
