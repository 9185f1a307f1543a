//! Nodes that this one has heard of.

use glog::{Node16, NodeCert, NodeId};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::NODE;
use crate::decide::{Decide, scan_prefix};
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Nodes that are listed.
const NODES_MAX: usize = 10_000;

/// What is known of another node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NodeRow {
    /// Its whole name.
    pub(crate) id: [u8; 32],
    /// Its certificate of the highest serial that was seen, encoded.
    pub(crate) cert: Vec<u8>,
    /// The operator wants nothing of it.
    pub(crate) blocked: bool,
}

impl Record for NodeRow {
    const VERSION: u8 = 1;
    const NAME: &'static str = "node";
}

impl NodeRow {
    pub(crate) fn cert(&self) -> CoreResult<NodeCert> {
        glog::cbor::decode(&self.cert).map_err(|_| CoreError::Damaged(Self::NAME))
    }
}

/// Another node.
#[derive(Debug, Clone)]
pub struct KnownNode {
    /// Its name.
    pub id: NodeId,
    /// What vouches for its keys: of those that were seen, the one with the highest serial.
    pub cert: NodeCert,
    /// The operator wants nothing of it: what it brought stays as it is.
    pub blocked: bool,
}

impl KnownNode {
    /// What stands behind the `@` in names of its people: its domain, or the beginning of its name.
    #[must_use]
    pub fn domain(&self) -> String {
        domain(&self.cert)
    }
}

/// See [`KnownNode::domain`].
pub(super) fn domain(cert: &NodeCert) -> String {
    let domain = cert.body.domain.to_string();
    if domain.is_empty() { format!("{}.node", cert.node().short()) } else { domain }
}

fn key(node: Node16) -> Vec<u8> {
    [&[NODE][..], &node.0].concat()
}

impl Core {
    /// A node that was heard of.
    ///
    /// # Errors
    /// Those of the store.
    pub fn known_node(&self, node: Node16) -> CoreResult<Option<KnownNode>> {
        let row = self.inner.store.get(Keyspace::NODES, &key(node))?;
        row.map(|row| known(&NodeRow::decode(&row)?)).transpose()
    }

    /// All nodes that were heard of.
    ///
    /// # Errors
    /// Those of the store.
    pub fn known_nodes(&self) -> CoreResult<Vec<KnownNode>> {
        let rows = scan_prefix(&*self.inner.store, Keyspace::NODES, &[NODE], NODES_MAX)?;
        rows.iter().map(|(_, row)| known(&NodeRow::decode(row)?)).collect()
    }

    /// Remembers what a node says of itself; the caller has checked the signature. An older certificate
    /// than the one known changes nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn learn_node(&self, cert: NodeCert) -> CoreResult<()> {
        if let Some(known) = self.known_node(cert.node().short())?
            && known.cert == cert
        {
            return Ok(());
        }
        self.write(None, move |decide| decide.learn_node(&cert)).await
    }

    /// Wants nothing more of a node, or does again.
    ///
    /// # Errors
    /// [`CoreError::UnknownNode`].
    pub async fn block_node(&self, node: Node16, blocked: bool) -> CoreResult<()> {
        self.write(None, move |decide| {
            let row: Option<NodeRow> = decide.load(Keyspace::NODES, &key(node))?;
            let row = row.ok_or(CoreError::UnknownNode)?;
            decide.put(Keyspace::NODES, &key(node), &NodeRow { blocked, ..row })
        })
        .await
    }
}

fn known(row: &NodeRow) -> CoreResult<KnownNode> {
    let cert = row.cert()?;
    Ok(KnownNode { id: NodeId(row.id), cert, blocked: row.blocked })
}

impl Decide<'_> {
    pub(super) fn node_row(&self, node: Node16) -> CoreResult<Option<NodeRow>> {
        self.load(Keyspace::NODES, &key(node))
    }

    /// As [`Core::learn_node`].
    pub(crate) fn learn_node(&mut self, cert: &NodeCert) -> CoreResult<()> {
        let node = cert.node();
        if node == self.inner.logs.keys().node() {
            return Ok(());
        }
        let before = self.node_row(node.short())?;
        if let Some(before) = &before
            && before.cert()?.body.serial > cert.body.serial
        {
            return Ok(());
        }
        let blocked = before.is_some_and(|before| before.blocked);
        let row = NodeRow { id: node.0, cert: glog::cbor::encode(cert), blocked };
        self.put(Keyspace::NODES, &key(node.short()), &row)
    }

    /// What stands behind the `@` in names of a node's people.
    pub(super) fn domain_of(&self, node: Node16) -> CoreResult<String> {
        match self.node_row(node)? {
            Some(row) => Ok(domain(&row.cert()?)),
            None => Ok(format!("{node}.node")),
        }
    }
}
