//! Other servers: how far each has been told, and what the operator thinks of it.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{BLOCK, BridgeError, HOST_BYTES_MAX, LANE, bounded, check_host, hash16, key, short};
use crate::decide::{Decide, scan_prefix};
use crate::record::Record;
use crate::{Core, CoreResult};

/// Longest state of a lane, in bytes.
const LANE_BYTES_MAX: usize = 16 * 1024;

/// Lanes that are saved together.
const LANES_AT_ONCE: usize = 500;

/// Blocks that are imported together: 20,000 of the longest are within a batch.
const BLOCKS_AT_ONCE: usize = 20_000;

/// Hosts that are blocked. Protects memory.
const BLOCKS_MAX: usize = 100_000;

/// Longest remark on a block, in bytes.
pub const REMARK_BYTES_MAX: usize = 256;

/// All rows, however many.
const ALL: usize = usize::MAX >> 1;

/// How much is taken from a host. In text it has the names that Mastodon gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlockSeverity {
    /// Nothing but what the block says besides.
    #[default]
    None,
    /// What its people say waits for an admin.
    #[serde(rename = "silence")]
    Limit,
    /// Everything.
    Suspend,
}

impl BlockSeverity {
    /// What is called so: `none` or `noop`, `silence` or `limit`, `suspend`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "none" | "noop" => Some(Self::None),
            "silence" | "limit" => Some(Self::Limit),
            "suspend" => Some(Self::Suspend),
            _ => None,
        }
    }
}

/// What the operator thinks of a host, and of all below that domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostBlock {
    /// In lower case.
    pub host: String,
    /// How much is taken from it.
    pub severity: BlockSeverity,
    /// Its pictures and files are not fetched.
    #[serde(default)]
    pub rejects_media: bool,
    /// Its reports are not taken.
    #[serde(default)]
    pub rejects_reports: bool,
    /// Why; at most 256 bytes.
    #[serde(default)]
    pub remark: String,
    /// Unix seconds; set here.
    #[serde(default)]
    pub since: i32,
}

impl Record for HostBlock {
    const VERSION: u8 = 1;
    const NAME: &'static str = "block of a host";
}

/// A lane, as whoever delivers keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptLane {
    /// Whose.
    pub host: String,
    /// All of it, in the caller's encoding; at most 16 KiB.
    pub state: Vec<u8>,
    /// The number of the last activity that is done with: what a hand-over asks for.
    pub cursor: u64,
}

impl Record for KeptLane {
    const VERSION: u8 = 1;
    const NAME: &'static str = "delivery lane";
}

fn lane_key(host: &str) -> Vec<u8> {
    key(LANE, &[&hash16(host)])
}

fn block_key(host: &str) -> Vec<u8> {
    key(BLOCK, &[&hash16(host)])
}

impl Core {
    /// Keeps where lanes are, each by its host, in one batch; at most 500.
    ///
    /// # Errors
    /// [`BridgeError::Invalid`] for what is too much or longer than 16 KiB.
    pub async fn save_lanes(&self, lanes: Vec<KeptLane>) -> CoreResult<()> {
        if lanes.is_empty() {
            return Ok(());
        }
        self.write(None, move |decide| {
            bounded("number of lanes", lanes.len(), LANES_AT_ONCE)?;
            for lane in &lanes {
                check_host(&lane.host)?;
                bounded("lane", lane.state.len(), LANE_BYTES_MAX)?;
                decide.put(Keyspace::BRIDGE, &lane_key(&lane.host), lane)?;
            }
            Ok(())
        })
        .await
    }

    /// Hosts that nothing is delivered to any more.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn forget_lanes(&self, hosts: Vec<String>) -> CoreResult<()> {
        self.write(None, move |decide| {
            hosts.iter().for_each(|host| decide.delete(Keyspace::BRIDGE, &lane_key(host)));
            Ok(())
        })
        .await
    }

    /// Where all lanes are.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn lanes(&self) -> CoreResult<Vec<KeptLane>> {
        let rows = scan_prefix(&*self.inner.store, Keyspace::BRIDGE, &[LANE], ALL)?;
        self.settled().await?;
        rows.iter().map(|(_, row)| KeptLane::decode(row)).collect()
    }

    /// What the operator thinks of hosts, in order.
    #[must_use]
    pub fn host_blocks(&self) -> Vec<HostBlock> {
        self.inner.bridges.blocks()
    }

    /// What the operator thinks of a host, or of the nearest domain above it that anything is said of.
    #[must_use]
    pub fn host_block(&self, host: &str) -> Option<HostBlock> {
        self.inner.bridges.block(host)
    }

    /// Blocks hosts, or says something else of them, all in one batch; at most 20,000. Nobody of those
    /// that are suspended follows anything here afterwards.
    ///
    /// # Errors
    /// [`BridgeError::Invalid`]: then nothing has changed.
    pub async fn block_hosts(&self, blocks: Vec<HostBlock>) -> CoreResult<()> {
        if blocks.is_empty() {
            return Ok(());
        }
        let suspended = blocks.iter().filter(|block| block.severity == BlockSeverity::Suspend);
        let suspended: Vec<String> = suspended.map(|block| block.host.clone()).collect();
        self.write(None, move |decide| decide.block_hosts(blocks)).await?;
        for host in suspended {
            self.drop_followers_of_host(&host).await?;
        }
        Ok(())
    }

    /// Says nothing of a host any more; true if anything was said.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn unblock_host(&self, host: String) -> CoreResult<bool> {
        self.write(None, move |decide| {
            let known = decide.get(Keyspace::BRIDGE, &block_key(&host))?.is_some();
            decide.delete(Keyspace::BRIDGE, &block_key(&host));
            decide.after(move |inner| inner.bridges.remove_block(&host));
            Ok(known)
        })
        .await
    }
}

impl Decide<'_> {
    fn block_hosts(&mut self, blocks: Vec<HostBlock>) -> CoreResult<()> {
        bounded("number of blocks", blocks.len(), BLOCKS_AT_ONCE)?;
        if self.inner.bridges.blocks().len() + blocks.len() > BLOCKS_MAX {
            return Err(BridgeError::Invalid("number of blocks").into());
        }
        let since = self.now();
        for block in blocks {
            check_host(&block.host)?;
            short("remark", &block.remark, REMARK_BYTES_MAX)?;
            debug_assert!(block.host.len() <= HOST_BYTES_MAX);
            let block = HostBlock { since, ..block };
            self.put(Keyspace::BRIDGE, &block_key(&block.host), &block)?;
            self.after(move |inner| inner.bridges.put_block(block));
        }
        Ok(())
    }
}
