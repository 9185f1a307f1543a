//! What this node follows at others, and what it follows no longer.

use std::collections::BTreeSet;
use std::sync::Arc;

use glog::cbor::{Blob, encode};
use glog::{GroupId, NodeId};
use mesh::Call;
use node_core::{CoreError, CoreResult, SharedGroup};
use tokio::sync::mpsc;

use super::records::{LEAVE, Leave};
use super::{Federation, is_of};

impl Federation {
    /// Brings groups that are wanted. Apart from what is asked now and then: somebody may look at them.
    pub(super) async fn seek(self: Arc<Self>, mut wanted: mpsc::Receiver<(GroupId, Vec<NodeId>)>) {
        while let Some((group, from)) = wanted.recv().await {
            if let Err(cause) = self.core.bring_wanted(group, &from).await {
                tracing::debug!(%cause, %group, "a group is not brought");
            }
        }
    }

    /// Whether a group is followed at a node.
    pub(super) fn follows(&self, node: NodeId, group: GroupId) -> bool {
        self.followed.lock().get(&node).is_some_and(|groups| groups.contains(&group))
    }

    /// A group is followed at a node from now on, for some time.
    pub(super) async fn follow_one(&self, node: NodeId, group: GroupId) -> CoreResult<()> {
        self.ask(node, Call::Follow { group }).await?;
        self.followed.lock().entry(node).or_default().insert(group);
        Ok(())
    }

    /// Whether a node may tell this one of a group: it takes part in it, or in the channel that is
    /// discussed there, by which this node may have found it.
    fn may_tell(&self, shared: &SharedGroup, node: NodeId) -> bool {
        let channel = || {
            let linked = self.core.channel(shared.channel).and_then(|found| found.linked);
            linked.and_then(|linked| self.core.sharing(linked))
        };
        is_of(shared, node) || channel().is_some_and(|of| is_of(&of, node))
    }

    /// Says to a node which groups this one follows there, and which it does no longer.
    pub(super) async fn follow_at(&self, node: NodeId) -> CoreResult<()> {
        let shared = self.core.shared_groups();
        let all: BTreeSet<GroupId> = shared.iter().map(|shared| shared.group).collect();
        let before = self.followed.lock().get(&node).cloned().unwrap_or_default();
        for group in before.difference(&all) {
            // Else the lease ends by itself.
            let _ = self.ask(node, Call::Unfollow { group: *group }).await;
            self.followed.lock().entry(node).or_default().remove(group);
        }
        let mut is_new = false;
        let public = shared.iter().filter(|one| !one.is_home && one.public);
        for one in public.filter(|one| self.may_tell(one, node)) {
            match self.follow_one(node, one.group).await {
                Err(cause @ CoreError::NodeUnreachable) => return Err(cause),
                Err(cause) => {
                    tracing::debug!(%cause, %node, group = %one.group, "a group is not followed");
                    self.followed.lock().entry(node).or_default().remove(&one.group);
                }
                Ok(()) => is_new |= !is_of(one, node) && !before.contains(&one.group),
            }
        }
        // Who does not take part in a group tells of it since it is followed there.
        if is_new && let Some(mesh) = self.mesh.get() {
            mesh.groups_changed();
        }
        Ok(())
    }

    /// Has a node let this one out of its groups in which nobody here is any more.
    pub(super) async fn leave_at(&self, home: NodeId) {
        for group in self.core.groups_to_leave(home) {
            if let Err(cause) = self.leave_group(home, group).await {
                tracing::debug!(%cause, %home, %group, "a group is not left yet");
            }
        }
    }

    async fn leave_group(&self, home: NodeId, group: GroupId) -> CoreResult<()> {
        let end = self.core.own_end(group).await?;
        let body = Blob::new(encode(&Leave { group, end })).map_err(|_| CoreError::TooMany)?;
        match self.ask(home, Call::Other { kind: LEAVE, body }).await {
            // Done, or done before and the answer was lost.
            Ok(_) | Err(CoreError::ChatNotModified) => {
                self.fetch(group, home).await?;
                self.core.was_let_go(group, true).await
            }
            Err(cause @ (CoreError::NodeUnreachable | CoreError::Flood { .. })) => Err(cause),
            // It knows of somebody here; or it is of a version that does not know this.
            Err(_) => self.core.was_let_go(group, false).await,
        }
    }
}
