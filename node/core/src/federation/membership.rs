//! Which nodes take part in a group of this one: let in with somebody of theirs, and let go with the last.
//!
//! In a private group either changes the key, in the same entry of the chain (federation 3.9): a node that
//! is let go reads nothing that is said after it.

use glog::body::{Action, AddNode, Admit, RemoveNode};
use glog::{EntryRef, Node16, NodeCert, UserRef};

use super::Federated;
use super::groups::Left;
use crate::decide::Decide;
use crate::ids::{ChannelId, UserId};
use crate::limits::Limit;
use crate::{CoreError, CoreResult};

/// For how long a node that was let go is told so, in seconds.
const TOLD_FOR_S: i32 = 30 * 86_400;

impl Decide<'_> {
    /// Whether only those may read a channel who were let in, as its log has it.
    pub(crate) fn is_private_log(&self, channel: ChannelId) -> CoreResult<bool> {
        self.with_chain(channel, |chain| !chain.state().is_public())
    }

    /// Whether the chain has let somebody in.
    pub(crate) fn is_admitted(&self, channel: ChannelId, user: UserId) -> CoreResult<bool> {
        let user = self.user_ref(user)?;
        self.with_chain(channel, |chain| chain.state().admitted.contains(&user))
    }

    /// Lets a node write in a group; `by` wants that, nobody: the home itself. Nothing where it does
    /// already.
    ///
    /// # Errors
    /// [`CoreError::AskHome`] where another node decides, [`CoreError::AdminRightMissing`].
    pub(crate) fn let_node_in(
        &mut self,
        channel: ChannelId,
        by: Option<UserId>,
        cert: NodeCert,
    ) -> CoreResult<()> {
        let (node, state) =
            (cert.node().short(), self.with_chain(channel, |chain| chain.state().clone())?);
        if state.is_member(node) {
            return Ok(());
        }
        let first_inc = state.nodes.get(&node).map_or(0, |node| node.floor);
        let add = AddNode { cert, first_inc, epoch: None };
        if state.home != self.inner.logs.keys().node() {
            return Err(self.ask_of(channel, by, Action::AddNode(Box::new(add)))?);
        }
        self.begin_sharing(channel)?;
        let action = self.with_key(channel, Action::AddNode(Box::new(add)))?;
        self.write_control(channel, by, action)
    }

    /// What an admin wants the home takes of nodes that take part: that of a new admin of a public channel
    /// is let in. Of a private one it was before somebody of it came in.
    pub(crate) fn let_node_of_admin_in(
        &mut self,
        channel: ChannelId,
        node: Node16,
    ) -> CoreResult<()> {
        let own = self.inner.logs.keys().node();
        let decides = self.with_chain(channel, |chain| {
            let state = chain.state();
            state.home == own && state.is_public() && !state.is_member(node)
        })?;
        match self.node_row(node)?.filter(|row| decides && !row.blocked) {
            Some(row) => self.let_node_in(channel, None, row.cert()?),
            None => Ok(()),
        }
    }

    /// An action with the key that it has to bring in a private group, which only the home can make.
    pub(super) fn with_key(&mut self, channel: ChannelId, action: Action) -> CoreResult<Action> {
        if !self.is_private_log(channel)? {
            return Ok(action);
        }
        Ok(match action {
            Action::AddNode(mut add) => {
                add.epoch = Some(self.new_epoch(channel, Some(&add.cert), None)?);
                Action::AddNode(add)
            }
            Action::RemoveNode(mut remove) => {
                remove.epoch = Some(self.new_epoch(channel, None, Some(remove.node))?);
                Action::RemoveNode(remove)
            }
            action => action,
        })
    }

    /// Lets somebody into a private group, whom `by` brings. Nothing where they were let in before.
    ///
    /// # Errors
    /// As [`Decide::write_control`].
    pub(super) fn admit(
        &mut self,
        channel: ChannelId,
        by: UserId,
        user: UserRef,
    ) -> CoreResult<()> {
        if self.with_chain(channel, |chain| chain.state().admitted.contains(&user))? {
            return Ok(());
        }
        let admit = Action::Admit(Admit { user, invite: None });
        self.write_control(channel, Some(by), admit)
    }

    /// Lets a node go that takes part in a private group of this node, if nobody of it is in it any more.
    pub(crate) fn let_go_of_idle(&mut self, channel: ChannelId, node: Node16) -> CoreResult<()> {
        let own = self.inner.logs.keys().node();
        let state = self.with_chain(channel, |chain| chain.state().clone())?;
        let has_admins = state.admins.keys().any(|admin| admin.node == node);
        let stays = state.home != own
            || state.is_public()
            || node == own.short()
            || node == state.owner.node
            || !state.is_member(node)
            || has_admins;
        if stays || self.is_anybody_of(channel, node)? {
            return Ok(());
        }
        match self.remove_node(channel, node) {
            // Not now: a backup was restored, and members have not told yet what they hold.
            Err(CoreError::NodeUnreachable) => Ok(()),
            done => done,
        }
    }

    fn remove_node(&mut self, channel: ChannelId, node: Node16) -> CoreResult<()> {
        let remove = RemoveNode { node, cut: Some(self.cut_here(channel)?), epoch: None };
        let action = self.with_key(channel, Action::RemoveNode(remove))?;
        self.write_control(channel, None, action)
    }

    /// Lets a node go that wants it: see [`crate::Core::let_node_go`].
    pub(super) fn let_go_who_asks(
        &mut self,
        channel: ChannelId,
        node: Node16,
        end: Option<EntryRef>,
    ) -> CoreResult<()> {
        let own = self.inner.logs.keys().node();
        let state = self.with_chain(channel, |chain| chain.state().clone())?;
        if state.home != own || node == own.short() {
            return Err(CoreError::UnknownChannel);
        }
        if !state.is_member(node) {
            return Err(CoreError::ChatNotModified);
        }
        // What is said above the cut would be taken from everybody; and that somebody has left may be among
        // it.
        if let Some(end) = end
            && (end.node != node || self.entry_at(channel, &end)?.is_none())
        {
            return Err(CoreError::Flood { wait_s: 60 });
        }
        let has_admins = state.admins.keys().any(|admin| admin.node == node);
        if has_admins || node == state.owner.node || self.is_anybody_of(channel, node)? {
            return Err(CoreError::AdminRightMissing);
        }
        self.take(Limit::LeavesOfNode(channel, node), 1)?;
        self.remove_node(channel, node)
    }

    /// Whether somebody of a node is in a channel.
    fn is_anybody_of(&self, channel: ChannelId, node: Node16) -> CoreResult<bool> {
        for user in self.members_seen(channel)? {
            if super::is_remote(user) && self.user_ref(user)?.node == node {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Which nodes have left a group of this one, as its chain has changed: they are told so for a while.
    pub(crate) fn left_since(&self, before: &Federated, state: &glog::control::State) -> Vec<Left> {
        let now = self.now();
        let is_member = |node: &[u8; 32]| state.is_member(glog::NodeId(*node).short());
        let known = before.left.iter().filter(|left| left.until > now && !is_member(&left.node));
        // Of a public one it may read all.
        let gone = before.members.iter().filter(|node| !state.is_public() && !is_member(node));
        let gone = gone.map(|node| Left {
            node: *node,
            seq: state.head.0,
            until: now.saturating_add(TOLD_FOR_S),
        });
        known.copied().chain(gone).collect()
    }
}
