//! Nodes that this one has heard of.

use glog::{Node16, NodeCert, NodeId};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::NODE;
use crate::decide::{Decide, scan_prefix};
use crate::event::Event;
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
    /// What stands behind the `@` in names of its people: the domain that it had when the operator
    /// first connected to it. Empty where others brought it: then it says of itself what it likes.
    pub(crate) domain: String,
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
    /// What stands behind the `@` in names of its people: a domain that the operator trusts it to have,
    /// or the beginning of its name.
    pub domain: String,
}

/// What a node is called that has no domain here.
fn nameless(node: Node16) -> String {
    format!("{node}.node")
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

    /// The operator has connected to a node that says that it has this domain: people there are called
    /// by it from now on. The first one that a node had stays, and no two have the same.
    ///
    /// # Errors
    /// [`CoreError::UnknownNode`], [`CoreError::UsernameOccupied`] where another node has it.
    pub async fn pin_domain(&self, node: Node16, domain: &str) -> CoreResult<()> {
        let (known, domain) = (self.known_nodes()?, domain.to_lowercase());
        if domain.is_empty() || domain.ends_with(".node") || !domain.contains('.') {
            return Ok(());
        }
        if known.iter().any(|known| known.domain == domain && known.id.short() != node) {
            return Err(CoreError::UsernameOccupied);
        }
        if known.iter().any(|known| known.id.short() == node && known.domain == domain) {
            return Ok(());
        }
        self.write(None, move |decide| {
            let row = decide.node_row(node)?.ok_or(CoreError::UnknownNode)?;
            if !row.domain.is_empty() {
                return Ok(());
            }
            decide.put(Keyspace::NODES, &key(node), &NodeRow { domain, ..row })
        })
        .await
    }

    /// The operator takes another domain for a node than it had: people there are called by it from now
    /// on, once their node has said again what they are called.
    ///
    /// # Errors
    /// [`CoreError::UnknownNode`], [`CoreError::UsernameOccupied`] where another node has it.
    pub async fn repin_domain(&self, node: Node16, domain: &str) -> CoreResult<()> {
        let domain = domain.to_lowercase();
        let known = self.known_nodes()?;
        if known.iter().any(|known| known.domain == domain && known.id.short() != node) {
            return Err(CoreError::UsernameOccupied);
        }
        self.write(None, move |decide| {
            let row = decide.node_row(node)?.ok_or(CoreError::UnknownNode)?;
            decide.put(Keyspace::NODES, &key(node), &NodeRow { domain, ..row })
        })
        .await?;
        self.forget_names(node).await?;
        for shared in self.known_groups().into_iter().filter(|one| one.home.short() == node) {
            self.write(None, move |decide| decide.show_name_again(shared.channel)).await?;
        }
        Ok(())
    }

    /// Wants nothing more of a node, or does again.
    ///
    /// # Errors
    /// [`CoreError::UnknownNode`].
    pub async fn block_node(&self, node: Node16, blocked: bool) -> CoreResult<()> {
        self.write(None, move |decide| {
            let row: Option<NodeRow> = decide.load(Keyspace::NODES, &key(node))?;
            let row = row.ok_or(CoreError::UnknownNode)?;
            decide.put(Keyspace::NODES, &key(node), &NodeRow { blocked, ..row })?;
            if blocked { decide.drop_reads_of(node) } else { Ok(()) }
        })
        .await
    }
}

fn known(row: &NodeRow) -> CoreResult<KnownNode> {
    let (id, cert) = (NodeId(row.id), row.cert()?);
    let domain = if row.domain.is_empty() { nameless(id.short()) } else { row.domain.clone() };
    Ok(KnownNode { id, cert, blocked: row.blocked, domain })
}

impl Decide<'_> {
    pub(super) fn node_row(&self, node: Node16) -> CoreResult<Option<NodeRow>> {
        self.load(Keyspace::NODES, &key(node))
    }

    /// The whole name of a node that is known here.
    pub(crate) fn node_named(&self, node: Node16) -> CoreResult<Option<NodeId>> {
        Ok(self.node_row(node)?.map(|row| NodeId(row.id)))
    }

    /// Whether the operator wants nothing of a node: what it brought stays as it is.
    pub(crate) fn is_frozen(&self, node: Node16) -> CoreResult<bool> {
        Ok(self.node_row(node)?.is_some_and(|row| row.blocked))
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
        self.note_known(node.short(), before.is_some())?;
        let serial = cert.body.serial;
        let older = before.as_ref().map(NodeRow::cert).transpose()?;
        if older.is_some_and(|older| older.body.serial < serial) {
            self.event(Event::NodeKey { node, serial });
        }
        let (blocked, domain) =
            before.map_or((false, String::new()), |before| (before.blocked, before.domain));
        let row = NodeRow { id: node.0, cert: glog::cbor::encode(cert), blocked, domain };
        self.put(Keyspace::NODES, &key(node.short()), &row)
    }

    /// What stands behind the `@` in names of a node's people.
    pub(super) fn domain_of(&self, node: Node16) -> CoreResult<String> {
        let row = self.node_row(node)?.filter(|row| !row.domain.is_empty());
        Ok(row.map_or_else(|| nameless(node), |row| row.domain))
    }
}

/// A node that the operator wants to stay connected to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedPeer {
    /// Its multiaddress.
    pub address: String,
}

impl Record for WantedPeer {
    const VERSION: u8 = 1;
    const NAME: &'static str = "peer";
}

fn peer_key(address: &str) -> Vec<u8> {
    [&[super::PEER][..], address.as_bytes()].concat()
}

impl Core {
    /// Nodes that the operator wants to stay connected to, beside those of the configuration.
    ///
    /// # Errors
    /// Those of the store.
    pub fn wanted_peers(&self) -> CoreResult<Vec<WantedPeer>> {
        let rows = scan_prefix(&*self.inner.store, Keyspace::NODES, &[super::PEER], NODES_MAX)?;
        rows.iter().map(|(_, row)| WantedPeer::decode(row)).collect()
    }

    /// Stays connected to a node at an address from now on, or no longer.
    ///
    /// # Errors
    /// [`CoreError::TooMany`].
    pub async fn want_peer(&self, address: String, wanted: bool) -> CoreResult<()> {
        if wanted && self.wanted_peers()?.len() >= NODES_MAX {
            return Err(CoreError::TooMany);
        }
        self.write(None, move |decide| {
            let key = peer_key(&address);
            if wanted {
                decide.put(Keyspace::NODES, &key, &WantedPeer { address })?;
            } else {
                decide.delete(Keyspace::NODES, &key);
            }
            Ok(())
        })
        .await
    }
}
