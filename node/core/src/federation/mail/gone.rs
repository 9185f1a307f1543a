//! Accounts that are no more: each node that was told what somebody is called learns it.

use std::collections::BTreeSet;

use glog::{Node16, NodeId, UserRef};
use node_store::Keyspace;

use super::TOLD;
use super::kinds::{Gone, Kind, read};
use super::outbox::Post;
use crate::decide::Decide;
use crate::federation::is_remote;
use crate::ids::{PeerId, UserId};
use crate::{Core, CoreError, CoreResult};

/// Nodes that are told of one account. Protects the batch in which it ends.
const NODES_MAX: usize = 10_000;

fn told_key(user: UserId, node: Node16) -> Vec<u8> {
    [&[TOLD][..], &user.bytes(), &node.0].concat()
}

impl Core {
    /// A node is told what people here are called: it will be told, too, when they are no more.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn note_told(&self, node: NodeId, users: Vec<u64>) -> CoreResult<()> {
        let mut new = Vec::new();
        for user in users.into_iter().filter_map(|user| i64::try_from(user).ok()).map(UserId) {
            if self.inner.store.get(Keyspace::NODES, &told_key(user, node.short()))?.is_none() {
                new.push(user);
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        self.write(None, move |decide| {
            for user in new {
                // Gone meanwhile: the node is told that instead.
                if decide.user(user)?.is_some_and(|account| !account.deleted) {
                    decide.put_bytes(Keyspace::NODES, &told_key(user, node.short()), Vec::new());
                }
            }
            Ok(())
        })
        .await
    }
}

impl Decide<'_> {
    /// Nodes that may know of somebody here: those that were told a name, and, for what an earlier
    /// version has told without noting it, those that share a group in which the log names them, or have
    /// somebody to whom they have written.
    fn nodes_that_know(&self, user: UserId) -> CoreResult<BTreeSet<Node16>> {
        let prefix = [&[TOLD][..], &user.bytes()].concat();
        let told = self.scan_prefix(Keyspace::NODES, &prefix, NODES_MAX)?;
        let mut nodes: BTreeSet<Node16> =
            told.iter().filter_map(|(key, _)| key.last_chunk().copied().map(Node16)).collect();
        for channel in self.inner.channels.of(self.store(), user)? {
            let Some(row) = self.inner.groups.of(channel) else { continue };
            // In a private one all are named who were let in; in a public one not who only reads.
            let own = self.participant(channel, user)?;
            if row.public && !own.is_some_and(|own| own.announced || own.is_admin()) {
                continue;
            }
            nodes.extend(row.members.iter().chain([&row.home]).map(|node| NodeId(*node).short()));
        }
        let cell = self.inner.boxes.cell(user);
        let state = cell.lock(self.store(), user)?;
        let far = state.dialogs.keys().filter_map(|peer| match peer {
            PeerId::User(other) if is_remote(*other) => Some(*other),
            _ => None,
        });
        let far: Vec<UserId> = far.collect();
        drop(state);
        for other in far {
            nodes.insert(self.user_ref(other)?.node);
        }
        nodes.remove(&self.inner.logs.keys().node().short());
        Ok(nodes)
    }

    /// Somebody here deletes their account: nodes that know of them are told. Before they leave where
    /// they are.
    pub(crate) fn tell_gone(&mut self, user: UserId) -> CoreResult<()> {
        let gone = Gone { user: user.0.unsigned_abs() };
        for node in self.nodes_that_know(user)? {
            let post = Post { by_node: true, ..Post::new(node, Kind::GONE, &gone)? };
            match self.post(post) {
                // Nobody keeps an account because of somebody else's node: it asks for names again.
                Err(CoreError::MailboxFull | CoreError::NodeUnreachable) => {}
                posted => posted?,
            }
            self.delete(Keyspace::NODES, &told_key(user, node));
        }
        Ok(())
    }

    /// Another node says that somebody there has deleted their account.
    pub(super) fn take_gone(&mut self, node: Node16, said: &[u8]) -> CoreResult<()> {
        let Gone { user } = read(said)?;
        // Nobody here has heard of them, or the number is one of many for whom there was no room.
        let Some(account) = self.known_account(UserRef { node, id: user })? else { return Ok(()) };
        if !is_remote(account) || self.user_ref(account)?.id != user {
            return Ok(());
        }
        self.end_far_account(account)
    }
}
