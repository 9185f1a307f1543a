//! Only looks: what a node says that it has.

use std::sync::Arc;

use anyhow::Context as _;
use glog::GroupId;
use mesh::{Heads, LaneName};
use tokio::runtime::Runtime;

use crate::copy;
use crate::peer::{Keys, Peer, Polite};

/// A stranger's connection with a node, for one public group.
pub struct Watch {
    runtime: Runtime,
    peer: Peer,
    group: GroupId,
}

impl Watch {
    /// Connects with a node. Its `home` knows the group by its name.
    ///
    /// # Errors
    /// Where one of them is not reached, or says nothing.
    pub fn new(home: &str, name: &str, node: &str) -> anyhow::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let (peer, group) = runtime.block_on(async {
            let keys = Keys::generate();
            let at_home = Peer::connect(&keys, home, Arc::new(Polite)).await.context("at home")?;
            let group = copy::find(&at_home, name).await?;
            if node == home {
                return anyhow::Ok((at_home, group));
            }
            Ok((Peer::connect(&keys, node, Arc::new(Polite)).await?, group))
        })?;
        Ok(Self { runtime, peer, group })
    }

    /// Connects with a node, for a group by its name in logs.
    ///
    /// # Errors
    /// Where it is not reached.
    pub fn of_group(group: GroupId, node: &str) -> anyhow::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let peer = runtime.block_on(Peer::connect(&Keys::generate(), node, Arc::new(Polite)))?;
        Ok(Self { runtime, peer, group })
    }

    /// What the node holds.
    ///
    /// # Errors
    /// Where it does not say.
    pub fn heads(&self) -> anyhow::Result<Heads> {
        self.runtime.block_on(copy::heads(&self.peer, self.group))
    }

    /// Bytes of what stands in the longest lane from a number on, as the node serves it.
    ///
    /// # Errors
    /// Where it does not give it.
    pub fn bytes_from(&self, from: u64) -> anyhow::Result<u64> {
        let heads = self.heads()?;
        let longest = heads.lanes.iter().max_by_key(|head| head.seq).context("a lane")?;
        let lane = LaneName::Data { node: longest.node, inc: longest.inc };
        let pages = copy::pages(&self.peer, self.group, lane, from, longest.seq + 1);
        let pages = self.runtime.block_on(pages)?;
        Ok(pages.iter().map(|entry| entry.len() as u64).sum())
    }
}
