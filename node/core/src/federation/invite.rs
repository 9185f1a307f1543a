//! People of other nodes who are added to a public group, and people here who are added elsewhere.

use glog::body::GroupKind;
use glog::{GroupId, Node16, NodeId, UserRef};

use crate::channels::ChannelDone;
use crate::decide::Decide;
use crate::ids::{Actor, ChannelId, UserId};
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
    /// rights.
    pub async fn add_to_channel(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        users: Vec<UserId>,
    ) -> CoreResult<ChannelDone> {
        let add = move |decide: &mut Decide<'_>| {
            let done = decide.add_to_channel(owner, channel, users)?;
            let invites = decide.far_invites(owner, channel, &done.missing)?;
            Ok((done, invites))
        };
        let (mut done, invites) = self.write(Some(actor), add).await?;
        for (node, invite) in invites {
            // Who cannot be asked is not added, as who does not want to be.
            let Ok(network) = self.network() else { break };
            let asked = invite.users.clone();
            let Ok(mut added) = network.invite(node, invite).await else { continue };
            // What it says of anybody else was not asked.
            added.retain(|user| asked.contains(user));
            let came = self
                .write(Some(actor), move |decide| {
                    decide.add_far(owner, channel, node.short(), &added)
                })
                .await?;
            let Some((users, sent)) = came else { continue };
            done.missing.retain(|user| !users.contains(user));
            done.sent.push(sent);
        }
        Ok(done)
    }

    /// People here are added to a group of another node by somebody there, as far as they let that one;
    /// answers who.
    ///
    /// # Errors
    /// [`CoreError::UnknownChannel`], [`CoreError::Flood`], [`CoreError::NodeUnreachable`].
    pub async fn invited(&self, from: NodeId, invite: FarInvite) -> CoreResult<Vec<u64>> {
        let by = UserRef { node: from.short(), id: invite.by };
        let users = invite.users.into_iter().take(INVITED_AT_ONCE);
        let users: Vec<UserId> =
            users.filter_map(|id| i64::try_from(id).ok()).map(UserId).collect();
        let (by, willing) = self.write(None, move |decide| decide.willing(by, users)).await?;
        if willing.is_empty() {
            return Ok(Vec::new());
        }
        if self.channel_of_group(invite.group)?.is_none() {
            self.expect_group(invite.group);
            self.network()?.follow(from, invite.group).await?;
        }
        let channel = self.channel_of_group(invite.group)?.ok_or(CoreError::UnknownChannel)?;
        self.join_far(channel).await?;
        self.write(None, move |decide| decide.come_by_invite(channel, by, willing)).await
    }
}

impl Decide<'_> {
    /// Whom other nodes are asked about, of those who were not added: only to what anybody may read.
    fn far_invites(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        missing: &[UserId],
    ) -> CoreResult<Vec<(NodeId, FarInvite)>> {
        let far: Vec<UserId> =
            missing.iter().copied().filter(|user| super::is_remote(*user)).collect();
        if far.is_empty() || self.channel_row(channel)?.username.is_none() {
            return Ok(Vec::new());
        }
        let (group, home) =
            self.with_chain(channel, |chain| (chain.group(), chain.state().home))?;
        let by = owner.0.unsigned_abs();
        let mut invites: Vec<(NodeId, FarInvite)> = Vec::new();
        for user in far {
            let user = self.user_ref(user)?;
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

    /// Another node has added people of its own: they are in it, and that is said.
    fn add_far(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        node: Node16,
        added: &[u64],
    ) -> CoreResult<Option<(Vec<UserId>, Sent)>> {
        let mut users = Vec::new();
        for id in added.iter().take(INVITED_AT_ONCE) {
            let user = self.account_of(UserRef { node, id: *id })?;
            if self.far_came(channel, user, owner)? {
                users.push(user);
            }
        }
        if users.is_empty() || self.channel_row(channel)?.broadcast {
            return Ok(None);
        }
        let sent = self.say_in_channel(owner, channel, Action::ChatAdded(users.clone()))?;
        Ok(Some((users, sent)))
    }

    /// Who of these people here lets somebody of another node add them, and who that is here.
    fn willing(&mut self, by: UserRef, users: Vec<UserId>) -> CoreResult<(UserId, Vec<UserId>)> {
        let by = self.account_of(by)?;
        self.take(Limit::ChatInvites(by), u32::try_from(users.len()).unwrap_or(u32::MAX))?;
        let mut willing = Vec::new();
        for user in users {
            let here = !super::is_remote(user) && self.user(user)?.is_some();
            if here && self.may_add(by, user)? {
                willing.push(user);
            }
        }
        Ok((by, willing))
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
            if view.is_banned() || !view.may_read() {
                continue;
            }
            named.push(user.0.unsigned_abs());
            if view.is_member() {
                continue;
            }
            let found = self.enter_channel(view, user, by)?;
            self.put_channel(found)?;
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
