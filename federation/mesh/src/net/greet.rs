//! Whether a connection speaks for a node.

use std::collections::BTreeMap;

use glog::{NodeCert, NodeId};
use libp2p::PeerId;

use super::swarm::peer_of;
use crate::frames::{Hello, VERSION};
use crate::trouble::Trouble;

/// Nodes whose highest serial is remembered. Beyond it the host is what remembers.
const REMEMBERED_MAX: usize = 16_384;

/// Why a peer is sent away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotGreeted {
    /// The certificate is not signed by its root key, or is of another key than the connection's.
    Certificate,
    /// No version of the protocol in common.
    Version,
    /// It claims to be this node.
    Ourselves,
    /// It has shown a newer key before, or another one under the same serial.
    Serial,
}

impl From<NotGreeted> for Trouble {
    fn from(reason: NotGreeted) -> Self {
        match reason {
            NotGreeted::Certificate => Self::Certificate,
            NotGreeted::Version => Self::Version,
            NotGreeted::Ourselves => Self::Ourselves,
            NotGreeted::Serial => Self::OldCertificate,
        }
    }
}

/// Checks what can be checked without anybody's memory.
pub(super) fn check(hello: &Hello, peer: PeerId, me: NodeId) -> Result<NodeId, NotGreeted> {
    if !hello.versions.contains(&VERSION) {
        return Err(NotGreeted::Version);
    }
    if peer_of(&hello.cert.body.op) != Some(peer) || hello.cert.verify().is_err() {
        return Err(NotGreeted::Certificate);
    }
    let node = hello.cert.node();
    if node == me { Err(NotGreeted::Ourselves) } else { Ok(node) }
}

/// The highest serial of each node, and the key that it was shown with.
#[derive(Debug, Default)]
pub(super) struct Serials(BTreeMap<NodeId, (u32, PeerId)>);

impl Serials {
    /// Checks a certificate against what was seen before, here and by the host, and remembers it.
    pub(super) fn admit(
        &mut self,
        cert: &NodeCert,
        peer: PeerId,
        host_serial: u32,
    ) -> Result<(), NotGreeted> {
        let (node, serial) = (cert.node(), cert.body.serial);
        let known = self.0.get(&node).copied();
        let other = known.is_some_and(|(known, of)| known == serial && of != peer);
        if serial < host_serial || known.is_some_and(|(known, _)| known > serial) || other {
            return Err(NotGreeted::Serial);
        }
        if self.0.len() >= REMEMBERED_MAX && !self.0.contains_key(&node) {
            self.0.pop_first();
        }
        self.0.insert(node, (serial, peer));
        Ok(())
    }

    /// By which key a node was last seen.
    pub(super) fn peer(&self, node: &NodeId) -> Option<PeerId> {
        self.0.get(node).map(|(_, peer)| *peer)
    }
}
