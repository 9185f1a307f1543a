//! People of other nodes who are added to a group, and people here who are added elsewhere.
//!
//! Of a private group nothing may leave for a node before somebody there wants to be in it. So that node
//! is asked first who does; then the home lets the node in, with a new key, and each of them; then the
//! node is asked to fetch the group and to add them.

use glog::body::GroupKind;
use glog::{GroupId, Node16, NodeId, UserRef};

use super::Network;
use crate::channels::ChannelDone;
use crate::chats::Rights;
use crate::decide::Decide;
use crate::ids::{Actor, ChannelId, ChatId, UserId};
use crate::limits::Limit;
use crate::message::Action;
use crate::send::Sent;
use crate::{Core, CoreError, CoreResult};

/// People of one node who are added in one go.
const INVITED_AT_ONCE: usize = 100;

/// Whom somebody here wants in a group, of one other node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FarInvite {
    /// The group.
    pub group: GroupId,
    /// The node that decides about it.
    pub home: NodeId,
    /// Who adds them, by the number here.
    pub by: u64,
    /// Whom, by their numbers there.
    pub users: Vec<u64>,
}

impl Core {
    /// Adds members; who does not want to be added is left out. Of people of another node that node is
    /// asked.
    ///
    /// # Errors
    /// [`CoreError::UnknownUser`], [`CoreError::AlreadyAMember`] where there is one only, and those of
    /// rights. [`CoreError::NodeUnreachable`] where another node decides about a private group.
    pub async fn add_to_channel(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        users: Vec<UserId>,
    ) -> CoreResult<ChannelDone> {
        self.add_people(Some(actor), owner, channel, users).await
    }

    /// Brings people of other nodes, who are not in a basic group, into it, as far as they let `owner`:
    /// that makes a supergroup of it, which a log can be shared of. Answers who was not added; where
    /// nobody wants to be, nothing changes. All of it is told by updates.
    ///
    /// # Errors
    /// [`CoreError::ChatDeactivated`], and those of rights.
    pub async fn bring_to_chat(
        &self,
        owner: UserId,
        chat: ChatId,
        users: Vec<UserId>,
    ) -> CoreResult<Vec<UserId>> {
        let asked = users.clone();
        let ask = move |decide: &mut Decide<'_>| {
            decide.chat_for(owner, chat)?.needs(owner, Rights::INVITE_USERS)?;
            decide.invites_of(owner, (GroupId::default(), decide.inner.logs.keys().node()), &asked)
        };
        let mut wants = false;
        for (node, invite) in self.write(None, ask).await? {
            let Ok(network) = self.network() else { break };
            let asked = invite.users.clone();
            let willing = network.willing(node, invite).await.unwrap_or_default();
            wants |= willing.iter().any(|user| asked.contains(user));
        }
        if !wants {
            return Ok(users);
        }
        let migrate = move |decide: &mut Decide<'_>| {
            let found = decide.chat_for(owner, chat)?;
            found.needs(owner, Rights::INVITE_USERS)?;
            let creator = found.creator().ok_or(CoreError::NotAnAdmin)?;
            decide.migrate_chat(creator, chat)
        };
        let channel = self.write(None, migrate).await?.channel;
        Ok(self.add_people(None, owner, channel, users).await?.missing)
    }

    async fn add_people(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        channel: ChannelId,
        users: Vec<UserId>,
    ) -> CoreResult<ChannelDone> {
        let of = users.clone();
        let asks = self.write(None, move |decide| decide.asks_to_admit(owner, channel, of));
        for user in asks.await? {
            self.admit(actor, owner, channel, user).await?;
        }
        let add = move |decide: &mut Decide<'_>| {
            let done = decide.add_to_channel(owner, channel, users)?;
            let invites = decide.far_invites(owner, channel, &done.missing)?;
            Ok((done, invites))
        };
        let (mut done, invites) = self.write(actor, add).await?;
        for (node, invite) in invites {
            // Who cannot be asked is not added, as who does not want to be.
            let Ok(network) = self.network() else { break };
            let Some((users, sent)) =
                self.invite_far(network, actor, owner, channel, node, invite).await?
            else {
                continue;
            };
            done.missing.retain(|user| !users.contains(user));
            done.sent.extend(sent);
        }
        Ok(done)
    }

    /// Adds people of one other node, as far as they want to be.
    async fn invite_far(
        &self,
        network: &dyn Network,
        actor: Option<Actor>,
        owner: UserId,
        channel: ChannelId,
        node: NodeId,
        mut invite: FarInvite,
    ) -> CoreResult<Option<(Vec<UserId>, Option<Sent>)>> {
        let asked = invite.users.clone();
        let is_private = self.write(None, move |decide| decide.is_private_log(channel)).await?;
        if is_private {
            // Nothing of it leaves for a node of which nobody is to be in it.
            let Ok(mut willing) = network.willing(node, invite.clone()).await else {
                return Ok(None);
            };
            willing.retain(|user| asked.contains(user));
            if willing.is_empty() {
                return Ok(None);
            }
            let let_in = move |decide: &mut Decide<'_>| {
                let row = decide.node_row(node.short())?.ok_or(CoreError::UnknownNode)?;
                decide.let_node_in(channel, Some(owner), row.cert()?)
            };
            self.write_or_ask(actor, let_in).await?;
            for user in &willing {
                let user = UserRef { node: node.short(), id: *user };
                let admit = move |decide: &mut Decide<'_>| decide.admit(channel, owner, user);
                self.write_or_ask(actor, admit).await?;
            }
            invite.users = willing;
        }
        let added = network.invite(node, invite).await;
        let mut added = added.unwrap_or_default();
        // What it says of anybody else was not asked.
        added.retain(|user| asked.contains(user));
        let came = self
            .write(actor, move |decide| {
                let came = decide.add_far(owner, channel, node.short(), &added)?;
                decide.let_go_of_idle(channel, node.short())?;
                Ok(came)
            })
            .await?;
        Ok(Some(came).filter(|(users, _)| !users.is_empty()))
    }

    /// Has the home of a private group let somebody in.
    async fn admit(
        &self,
        actor: Option<Actor>,
        owner: UserId,
        channel: ChannelId,
        user: UserId,
    ) -> CoreResult<()> {
        self.write_or_ask(actor, move |decide| {
            let user = decide.user_ref(user)?;
            decide.admit(channel, owner, user)
        })
        .await
    }

    /// Who of some people here lets somebody of another node add them to a group; nothing more happens.
    ///
    /// # Errors
    /// [`CoreError::Flood`].
    pub async fn willing(&self, from: NodeId, invite: FarInvite) -> CoreResult<Vec<u64>> {
        let by = UserRef { node: from.short(), id: invite.by };
        let users = here(invite.users);
        let (_, willing) = self.write(None, move |decide| decide.willing(by, users)).await?;
        Ok(willing.into_iter().map(|user| user.0.unsigned_abs()).collect())
    }

    /// People here are added to a group of another node by somebody there, as far as they let that one;
    /// answers who.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`], [`CoreError::Flood`], [`CoreError::NodeUnreachable`].
    pub async fn invited(&self, from: NodeId, invite: FarInvite) -> CoreResult<Vec<u64>> {
        let by = UserRef { node: from.short(), id: invite.by };
        let users = here(invite.users);
        let (by, willing) = self.write(None, move |decide| decide.willing(by, users)).await?;
        let Some(by) = by.filter(|_| !willing.is_empty()) else { return Ok(Vec::new()) };
        let known = self.channel_of_group(invite.group)?;
        let takes_part = known.is_some_and(|channel| self.takes_part_in(channel));
        if !takes_part {
            self.expect_group(invite.group);
            self.network()?.follow(from, invite.group).await?;
        }
        let channel = self.channel_of_group(invite.group)?.ok_or(CoreError::UnknownChannel)?;
        self.join_far(channel).await?;
        self.write(None, move |decide| decide.come_by_invite(channel, by, willing)).await
    }
}

/// People of this node, by their numbers.
fn here(users: Vec<u64>) -> Vec<UserId> {
    let users = users.into_iter().take(INVITED_AT_ONCE);
    users.filter_map(|id| i64::try_from(id).ok()).map(UserId).collect()
}

impl Decide<'_> {
    /// Whom the home of a private group has to let in before they are added here.
    fn asks_to_admit(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        users: Vec<UserId>,
    ) -> CoreResult<Vec<UserId>> {
        if !self.is_away(channel)? || !self.is_private_log(channel)? {
            return Ok(Vec::new());
        }
        let mut asks = Vec::new();
        for user in users {
            if !super::is_remote(user) && self.may_add(owner, user)? {
                asks.push(user);
            }
        }
        Ok(asks)
    }

    /// Whom other nodes are asked about, of those who were not added.
    fn far_invites(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        missing: &[UserId],
    ) -> CoreResult<Vec<(NodeId, FarInvite)>> {
        let far: Vec<UserId> =
            missing.iter().copied().filter(|user| super::is_remote(*user)).collect();
        if far.is_empty() {
            return Ok(Vec::new());
        }
        let of = self.with_chain(channel, |chain| (chain.group(), chain.state().home))?;
        self.invites_of(owner, of, &far)
    }

    /// What each node is asked about people of its own.
    fn invites_of(
        &self,
        owner: UserId,
        (group, home): (GroupId, NodeId),
        far: &[UserId],
    ) -> CoreResult<Vec<(NodeId, FarInvite)>> {
        let by = owner.0.unsigned_abs();
        let mut invites: Vec<(NodeId, FarInvite)> = Vec::new();
        for user in far {
            let user = self.user_ref(*user)?;
            let Some(row) = self.node_row(user.node)?.filter(|row| !row.blocked) else { continue };
            let node = NodeId(row.id);
            match invites.iter_mut().find(|(known, _)| *known == node) {
                Some((_, invite)) => invite.users.push(user.id),
                None => {
                    let users = vec![user.id];
                    invites.push((node, FarInvite { group, home, by, users }));
                }
            }
        }
        Ok(invites)
    }

    /// Another node has added people of its own: they are in it, and that is said, unless the chain has
    /// told so already.
    fn add_far(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        node: Node16,
        added: &[u64],
    ) -> CoreResult<(Vec<UserId>, Option<Sent>)> {
        let (mut users, mut news) = (Vec::new(), Vec::new());
        for id in added.iter().take(INVITED_AT_ONCE) {
            let user = self.account_of(UserRef { node, id: *id })?;
            if self.far_came(channel, user, owner)? {
                news.push(user);
            }
            if self.participant(channel, user)?.is_some_and(|own| own.joined) {
                users.push(user);
            }
        }
        if news.is_empty() || self.channel_row(channel)?.broadcast {
            return Ok((users, None));
        }
        let sent = self.say_in_channel(owner, channel, Action::ChatAdded(news))?;
        Ok((users, Some(sent)))
    }

    /// Who of these people here lets somebody of another node add them, and who that is here; nobody
    /// where nobody does.
    fn willing(
        &mut self,
        by: UserRef,
        users: Vec<UserId>,
    ) -> CoreResult<(Option<UserId>, Vec<UserId>)> {
        // Who asks is a number that the other node chooses: it is the node that is bounded.
        let count = u32::try_from(users.len()).unwrap_or(u32::MAX);
        self.take_of_node(Limit::InvitesOfNode(by.node), by.node, count)?;
        let mut here = Vec::new();
        for user in users {
            let is_member = !super::is_remote(user) && !crate::bridge::is_ghost(user);
            if is_member && self.user(user)?.is_some_and(|found| !found.deleted) {
                here.push(user);
            }
        }
        if here.is_empty() {
            return Ok((None, here));
        }
        let by = self.account_of(by)?;
        let mut willing = Vec::new();
        for user in here {
            if user != UserId::SERVICE && self.may_add(by, user)? {
                willing.push(user);
            }
        }
        Ok((Some(by), willing))
    }

    fn come_by_invite(
        &mut self,
        channel: ChannelId,
        by: UserId,
        users: Vec<UserId>,
    ) -> CoreResult<Vec<u64>> {
        let (mut came, mut named) = (Vec::new(), Vec::new());
        for user in users {
            let view = self.channel_view(user, channel)?;
            // A private one has to have let them in.
            let is_let_in = view.may_read() || self.is_admitted(channel, user)?;
            if view.is_banned() || !is_let_in {
                continue;
            }
            self.note_shown(user)?;
            named.push(user.0.unsigned_abs());
            if view.is_member() {
                continue;
            }
            let found = self.enter_channel(view, user, by)?;
            self.put_channel(found)?;
            self.show_own_standing(channel, user)?;
            came.push(user);
        }
        let is_group =
            self.with_chain(channel, |chain| chain.state().kind() == GroupKind::Supergroup)?;
        if is_group && !came.is_empty() {
            self.say_in_channel(by, channel, Action::ChatAdded(came))?;
        }
        Ok(named)
    }
}
