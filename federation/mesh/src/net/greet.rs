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
    /// Checks a certificate against what was seen before, here and by the host, and remembers it. Who is
    /// here is not forgotten for it: the key of a node is how it is found among the connections.
    pub(super) fn admit(
        &mut self,
        cert: &NodeCert,
        peer: PeerId,
        host_serial: u32,
        is_here: impl Fn(&NodeId) -> bool,
    ) -> Result<(), NotGreeted> {
        let (node, serial) = (cert.node(), cert.body.serial);
        let known = self.0.get(&node).copied();
        let other = known.is_some_and(|(known, of)| known == serial && of != peer);
        if serial < host_serial || known.is_some_and(|(known, _)| known > serial) || other {
            return Err(NotGreeted::Serial);
        }
        make_room(&mut self.0, node, REMEMBERED_MAX, is_here);
        self.0.insert(node, (serial, peer));
        Ok(())
    }

    /// By which key a node was last seen.
    pub(super) fn peer(&self, node: &NodeId) -> Option<PeerId> {
        self.0.get(node).map(|(_, peer)| *peer)
    }
}

/// Forgets one node if there is no room for another, but none that is here.
pub(super) fn make_room<T>(
    known: &mut BTreeMap<NodeId, T>,
    node: NodeId,
    max: usize,
    is_here: impl Fn(&NodeId) -> bool,
) {
    if known.len() < max || known.contains_key(&node) {
        return;
    }
    let away = known.keys().find(|node| !is_here(node)).copied();
    if let Some(away) = away {
        known.remove(&away);
    }
}

#[cfg(test)]
mod tests {
    use glog::CertBody;
    use glog::cbor::{List, Text};
    use keys::NodeIdentity;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn who_is_here_is_not_forgotten_for_others() {
        let mut rng = StdRng::seed_from_u64(1);
        let (root, op) = (NodeIdentity::generate(&mut rng), NodeIdentity::generate(&mut rng));
        let body = CertBody {
            root: *root.public().as_bytes(),
            op: *op.public().as_bytes(),
            x25519: [1; 32],
            serial: 1,
            not_before_ms: 0,
            domain: Text::new("node.example").unwrap(),
            addresses: List::default(),
        };
        let cert = NodeCert::sign(body, &root);
        let peer = peer_of(&cert.body.op).unwrap();
        let mut serials = Serials::default();
        for i in 0..REMEMBERED_MAX {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&(i as u64).to_be_bytes());
            serials.0.insert(NodeId(id), (1, peer));
        }
        let order: Vec<NodeId> = serials.0.keys().copied().take(3).collect();
        let here = [order[0], order[1]];
        assert_eq!(serials.admit(&cert, peer, 0, |node| here.contains(node)), Ok(()));
        assert!(here.iter().all(|node| serials.peer(node).is_some()));
        assert_eq!((serials.peer(&order[2]), serials.peer(&cert.node())), (None, Some(peer)));
        assert_eq!(serials.0.len(), REMEMBERED_MAX);
        // Once more is no other node.
        assert_eq!(serials.admit(&cert, peer, 0, |_| false), Ok(()));
        assert_eq!(serials.0.len(), REMEMBERED_MAX);
    }
}
