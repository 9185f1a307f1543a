//! New keys of this node, and new domains of others.

use anyhow::bail;
use glog::{NodeCert, NodeId};
use keys::NodeIdentity;
use node_core::{Binding, CoreResult, Look};

use super::Federation;
use super::peers::Peer;
use crate::domains;

impl Federation {
    /// This node's keys were changed: all connections end, and come back under the new one.
    pub(crate) fn rekey(&self, operational: NodeIdentity, cert: NodeCert) -> anyhow::Result<()> {
        self.mesh()?.renew(operational, cert)?;
        // A full line loses nothing: it is looked at now and then.
        let _ = self.rekeyed.try_send(());
        Ok(())
    }

    /// What new keys have to be written down, of this node and of those that are here.
    pub(super) async fn write_down_keys(&self, node: Option<NodeId>) -> CoreResult<()> {
        let shown = match node {
            None => self.core.show_keys().await?,
            Some(node) => self.core.certify_node(node).await?,
        };
        if shown > 0 {
            tracing::info!(logs = shown, "a certificate was written down");
        }
        Ok(())
    }

    /// Takes the domain for a node that it says it has now.
    pub(crate) async fn repin(&self, name: &str) -> anyhow::Result<Peer> {
        let node = self.node_called(name)?;
        let Some(known) = self.core.known_node(node.short())? else {
            bail!("no node is called {name}")
        };
        let claimed = known.cert.body.domain.to_string();
        let Some(domain) = domains::domain(&claimed) else {
            bail!("the node says no domain that could be taken: {claimed:?}");
        };
        if known.domain == domain {
            bail!("the node is called by {domain} already");
        }
        let looked = self.looker.look(&domain).await;
        let look = domains::judge(&looked, node);
        if let Look::Contradicts(reason) = &look {
            bail!("{domain} does not say that it is this node's: {reason}");
        }
        self.core.repin_domain(node.short(), &domain).await?;
        let before = self.core.binding(node.short())?.unwrap_or_default();
        // What was seen of the other domain says nothing of this one.
        let addresses = before.addresses.clone();
        let binding = Binding { domain: domain.clone(), addresses, ..Binding::default() };
        let binding = Binding { by_domain: before.by_domain, ..binding };
        let binding = binding.seen(look.clone(), self.core.now_ms());
        self.core.set_binding(node.short(), binding.clone()).await?;
        self.introduce_all(node).await;
        Ok(Peer {
            node: Some(node.to_string()),
            domain: Some(domain),
            addresses: before.addresses,
            connected: self.is_connected(node),
            confirmed: look == Look::Confirms,
            ..Peer::default()
        })
    }

    /// Asks what the people of a node are called, until all are known or the node does not say.
    async fn introduce_all(&self, node: NodeId) {
        let mut before = Vec::new();
        while let Ok(strangers) = self.core.strangers(node.short())
            && !strangers.is_empty()
            && strangers != before
            && self.is_connected(node)
        {
            before = strangers;
            if let Err(cause) = self.introduce(node.short()).await {
                tracing::debug!(%cause, %node, "people keep the names that they had");
            }
        }
    }
}
