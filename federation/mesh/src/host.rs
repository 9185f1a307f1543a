//! What the mesh asks of the node that it belongs to.

use futures_util::future::BoxFuture;
use glog::cbor::{Malformed, Reader, Wire, Writer};
use glog::{ControlRef, EntryRef, GroupId, Node16, NodeCert, NodeId, Replica};

use crate::calls::{Call, Reply};

/// The node, as the mesh sees it. Called from tokio tasks; every answer may wait for the disk.
///
/// [`Self::now_ms`] is called from the task of the mesh itself, and often: it must not wait.
pub trait Host: Send + Sync + 'static {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// Groups that this node and `peer` both keep: `peer` is a member node or follows it here, or this
    /// node follows it there.
    fn shared_with(&self, peer: NodeId) -> BoxFuture<'_, Vec<GroupId>>;

    /// All public groups that this node keeps, bounded: the topics of gossip.
    fn topics(&self) -> BoxFuture<'_, Vec<GroupId>>;

    /// What is held of a group, as far as it was delivered. `None` for a group that this node does not
    /// have, or that `peer` may not read: a peer is answered both alike. Without a peer the node asks
    /// itself.
    fn heads(&self, peer: Option<NodeId>, group: GroupId) -> BoxFuture<'_, Option<Heads>>;

    /// A group is about to be fetched of which nothing is here: the last entries of its lanes, as peers
    /// say that there are.
    fn begins(&self, _group: GroupId, _lanes: Vec<EntryRef>) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    /// Entries of the chain or a lane from `from` up to and without `to`, as they are stored, in order
    /// and without a gap; at most `bytes_max`, but one if there is one. What waits unverified is not
    /// among them.
    fn page(
        &self,
        group: GroupId,
        lane: LaneName,
        from: u64,
        to: u64,
        bytes_max: usize,
    ) -> BoxFuture<'_, Vec<Vec<u8>>>;

    /// Entries by name, those that are here, also of branches that do not count.
    fn named(&self, group: GroupId, names: Vec<EntryRef>) -> BoxFuture<'_, Vec<Vec<u8>>>;

    /// Certificates that a member serves.
    fn certs(&self, group: GroupId) -> BoxFuture<'_, Vec<NodeCert>>;

    /// Certificates that a member served.
    fn learn_certs(&self, group: GroupId, certs: Vec<NodeCert>) -> BoxFuture<'_, ()>;

    /// Takes entries from a peer, in this order. Durable when it answers.
    fn receive(
        &self,
        from: NodeId,
        group: GroupId,
        entries: Vec<Vec<u8>>,
    ) -> BoxFuture<'_, Received>;

    /// Entries to fetch by name: [`glog::Replica::wanted`].
    fn wanted(&self, group: GroupId) -> BoxFuture<'_, Vec<EntryRef>>;

    /// Anything that is no synchronisation: asks of admins, follows, joins, look-ups, profiles, blobs,
    /// mail.
    fn call(&self, from: NodeId, call: Call) -> BoxFuture<'_, Reply>;

    /// A peer has shown who it is (its certificate holds and has the highest serial known), or is gone.
    fn peer_changed(&self, node: NodeId, cert: &NodeCert, connected: bool) -> BoxFuture<'_, ()>;

    /// The highest serial that this node has seen of another, from its logs and earlier connections; 0
    /// for none. A mesh remembers only since it started.
    fn serial_of(&self, _node: NodeId) -> BoxFuture<'_, u32> {
        Box::pin(async { 0 })
    }

    /// How much of [`crate::Limits::serve`] a node gets that connects by itself, in hundredths: a new one
    /// may be less than it says.
    fn share_of(&self, _node: NodeId) -> BoxFuture<'_, u8> {
        Box::pin(async { 100 })
    }
}

/// What became of entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// So many were not here before.
    pub fresh: u32,
    /// So many are not signed as they must be, or have no sound form: the sender is at fault.
    ///
    /// What a chain or lane does not take because it is of another branch is not among them: honest
    /// nodes hold other branches. In the words of [`glog::Rejected`], [`glog::control::Refused`]:
    /// `Frozen`, `Place`, `Recover` and `Disputed` are no fault of the sender.
    pub rejected: u32,
    /// Why no more are taken: the group is unknown, its quota is used, the store failed. No fault of
    /// the sender.
    pub stopped: Option<String>,
}

/// The control chain, or a data lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LaneName {
    /// The control chain.
    Control,
    /// A data lane.
    Data {
        /// Whose.
        node: Node16,
        /// Which incarnation.
        inc: u32,
    },
}

impl Wire for LaneName {
    fn put(&self, to: &mut Writer) {
        match self {
            Self::Control => to.null(),
            Self::Data { node, inc } => {
                to.array(2);
                node.put(to);
                inc.put(to);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        if from.null()? {
            return Ok(Self::Control);
        }
        from.array(2)?;
        Ok(Self::Data { node: Wire::take(from)?, inc: Wire::take(from)? })
    }
}

/// What a node holds of a group, as far as it was delivered there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heads {
    /// The last entry of the control chain.
    pub control: ControlRef,
    /// The term in which it stands.
    pub term: u32,
    /// The last entry of each lane, ascending.
    pub lanes: Vec<EntryRef>,
    /// Whether the group is public.
    pub public: bool,
    /// Whoever is told this may read no more: what stands above, and lanes that are not named, are not
    /// served. It is this node's to keep to, and does not travel.
    pub ends: bool,
}

impl Heads {
    /// What this copy of a group holds. `None` never happens: a copy begins with a Genesis.
    pub fn of(replica: &Replica) -> Option<Self> {
        let chain = replica.chain();
        let mut lanes = replica.lanes().heads(chain);
        lanes.sort_unstable();
        Some(Self {
            control: chain.cite()?,
            term: chain.state().generation.term,
            lanes,
            public: chain.state().is_public(),
            ends: false,
        })
    }

    /// The last entry of a lane.
    pub(crate) fn lane(&self, node: Node16, inc: u32) -> Option<&EntryRef> {
        let at =
            self.lanes.binary_search_by_key(&(node, inc), |head| (head.node, head.inc)).ok()?;
        self.lanes.get(at)
    }

    /// The first number that is not held.
    pub(crate) fn end(&self, lane: LaneName) -> u64 {
        match lane {
            LaneName::Control => self.control.seq.saturating_add(1),
            LaneName::Data { node, inc } => {
                self.lane(node, inc).map_or(0, |head| head.seq.saturating_add(1))
            }
        }
    }

    /// Equal if and only if both nodes hold the same.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&glog::cbor::encode(&self.control));
        for head in &self.lanes {
            hasher.update(&glog::cbor::encode(head));
        }
        *hasher.finalize().as_bytes()
    }
}
