//! Files that lie on other nodes.

use blobs::{BlobError, BlobId, Fetching, Holder, Manifest, Source, Unreachable, Wanted};
use bytes::Bytes;
use glog::NodeId;
use mesh::{Call, Reply};
use node_core::{CoreError, UserId};

use super::{Federation, is_of, or_none};

/// Nodes that are asked for a file beside the one of whoever showed it.
const OTHER_HOLDERS_MAX: usize = 3;

/// Why a piece of a file is not given.
pub(super) fn unserved(cause: &BlobError) -> CoreError {
    match cause {
        BlobError::Busy => CoreError::Flood { wait_s: 1 },
        cause => {
            tracing::warn!(%cause, "a file is not read for another node");
            CoreError::FileInvalid
        }
    }
}

impl Source for Federation {
    fn holders(&self, wanted: &Wanted) -> Vec<Holder> {
        let owner = or_none(self.core.node_of(UserId(wanted.owner)));
        let Some(owner) = owner.filter(|owner| !owner.blocked) else { return Vec::new() };
        // Whoever has shown it first; then those who may have opened it: who asks for a file by its hash
        // tells it, so nobody is asked who cannot have seen it.
        let groups = or_none(self.core.groups_of(UserId(wanted.owner)));
        let connected = self.connected.lock();
        let saw = |node: &&NodeId| groups.iter().any(|shared| is_of(shared, **node));
        let others = connected.iter().filter(|node| **node != owner.id).filter(saw);
        let others = others.take(OTHER_HOLDERS_MAX);
        [owner.id].iter().chain(others).map(|node| Holder(node.0)).collect()
    }

    fn manifest(&self, holder: Holder, blob: BlobId) -> Fetching<'_, Manifest> {
        Box::pin(async move {
            match self.ask(NodeId(holder.0), Call::Manifest { blob: blob.0 }).await {
                Ok(Reply::Manifest { hashes, length }) => {
                    Ok(Some(Manifest { size: length, chunks: hashes.to_vec().into() }))
                }
                Ok(_) | Err(CoreError::NotBuilt) => Ok(None),
                Err(_) => Err(Unreachable),
            }
        })
    }

    fn chunk(&self, holder: Holder, blob: BlobId, index: u32) -> Fetching<'_, Bytes> {
        Box::pin(async move {
            match self.ask(NodeId(holder.0), Call::Chunk { blob: blob.0, index }).await {
                Ok(Reply::Chunk(bytes)) => Ok(Some(bytes.into_vec().into())),
                Ok(_) | Err(CoreError::NotBuilt) => Ok(None),
                Err(_) => Err(Unreachable),
            }
        })
    }

    fn bad(&self, holder: Holder, blob: BlobId) {
        let node = NodeId(holder.0);
        tracing::warn!(%node, ?blob, "a node gives another file than it was asked for");
    }
}
