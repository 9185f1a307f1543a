//! All bridged channels, in memory, with what is asked for each activity that comes.
//!
//! Shows what is durable: the committer changes it once a batch is on disk.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use node_store::{Keyspace, Store};
use parking_lot::RwLock;

use super::hosts::HostBlock;
use super::{BLOCK, BRIDGE, Bridge, BridgeStage, Cid, Count, NEWEST, key};
use crate::CoreResult;
use crate::decide::scan_prefix;
use crate::ids::{ChannelId, Pts};
use crate::record::Record as _;

/// All rows, however many.
const ALL: usize = usize::MAX >> 1;

/// Channels of which it is remembered how many posts they have.
const COUNTED_MAX: usize = 4096;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Bridges {
    tables: RwLock<Tables>,
    /// The number of the newest activity in the log.
    newest: AtomicU64,
    /// How many posts a channel had when its box was there.
    counted: RwLock<HashMap<ChannelId, (Pts, u64)>>,
}

#[derive(Debug, Default)]
struct Tables {
    bridges: BTreeMap<ChannelId, Arc<Bridge>>,
    by_cid: HashMap<Cid, ChannelId>,
    /// By the name in lower case: the channel that had it, until then in unix seconds.
    former: HashMap<String, (ChannelId, i32)>,
    blocks: BTreeMap<String, HostBlock>,
}

impl Bridges {
    /// # Errors
    /// Those of the store.
    pub(crate) fn load(store: &dyn Store) -> CoreResult<Self> {
        let bridges = Self::default();
        for (_, row) in scan_prefix(store, Keyspace::BRIDGE, &[BRIDGE], ALL)? {
            bridges.put(Bridge::decode(&row)?);
        }
        for (_, row) in scan_prefix(store, Keyspace::BRIDGE, &[BLOCK], ALL)? {
            bridges.put_block(HostBlock::decode(&row)?);
        }
        if let Some(row) = store.get(Keyspace::BRIDGE, &key(NEWEST, &[]))? {
            bridges.reached(Count::decode(&row)?.0);
        }
        Ok(bridges)
    }

    pub(super) fn put(&self, bridge: Bridge) {
        let mut tables = self.tables.write();
        tables.by_cid.insert(bridge.cid, bridge.channel);
        // Names that a channel brought along are of other domains.
        for (name, until) in bridge.former_names.iter().filter(|_| bridge.known.is_none()) {
            tables.former.insert(name.clone(), (bridge.channel, *until));
        }
        tables.bridges.insert(bridge.channel, Arc::new(bridge));
    }

    pub(super) fn put_block(&self, block: HostBlock) {
        self.tables.write().blocks.insert(block.host.clone(), block);
    }

    pub(super) fn remove_block(&self, host: &str) {
        self.tables.write().blocks.remove(host);
    }

    pub(super) fn blocks(&self) -> Vec<HostBlock> {
        self.tables.read().blocks.values().cloned().collect()
    }

    /// What is said of a host, or of the domain that it is in.
    pub(super) fn block(&self, host: &str) -> Option<HostBlock> {
        let tables = self.tables.read();
        let mut host = host;
        loop {
            if let Some(block) = tables.blocks.get(host) {
                return Some(block.clone());
            }
            (_, host) = host.split_once('.')?;
        }
    }

    pub(super) fn all(&self) -> Vec<Arc<Bridge>> {
        self.tables.read().bridges.values().cloned().collect()
    }

    pub(super) fn of(&self, channel: ChannelId) -> Option<Arc<Bridge>> {
        self.tables.read().bridges.get(&channel).cloned()
    }

    pub(super) fn by_cid(&self, cid: &Cid) -> Option<Arc<Bridge>> {
        let tables = self.tables.read();
        tables.by_cid.get(cid).and_then(|channel| tables.bridges.get(channel)).cloned()
    }

    /// The channel that had a name not so long ago.
    pub(super) fn former(&self, name: &str, now: i32) -> Option<Arc<Bridge>> {
        let tables = self.tables.read();
        let (channel, until) = tables.former.get(name)?;
        tables.bridges.get(channel).filter(|_| now < *until).cloned()
    }

    /// Channels that have brought their addresses along.
    fn brought(&self) -> Vec<Arc<Bridge>> {
        let tables = self.tables.read();
        let is_here =
            |bridge: &&Arc<Bridge>| bridge.known.is_some() && bridge.stage != BridgeStage::Given;
        tables.bridges.values().filter(is_here).cloned().collect()
    }

    /// Whether a host or a domain came with a channel.
    pub(super) fn is_brought(&self, domain: &str) -> bool {
        let is_at = |bridge: &Arc<Bridge>| bridge.known.as_ref().is_some_and(|k| k.is_at(domain));
        self.brought().iter().any(is_at)
    }

    /// The channel that came with a host or a domain, and has a name there, or had it not so long ago.
    pub(super) fn named_at(&self, domain: &str, name: &str, now: i32) -> Option<Arc<Bridge>> {
        let mut brought = self.brought();
        brought.retain(|bridge| bridge.known.as_ref().is_some_and(|known| known.is_at(domain)));
        let name = name.to_lowercase();
        let has = |bridge: &&Arc<Bridge>| {
            let known = bridge.known.as_ref().and_then(|known| known.name.as_ref());
            known.is_some_and(|own| own.to_lowercase() == name)
        };
        let had = |bridge: &&Arc<Bridge>| {
            bridge.former_names.iter().any(|(former, until)| *former == name && now < *until)
        };
        let now = brought.iter().find(has);
        now.or_else(|| brought.iter().find(had)).cloned()
    }

    pub(super) fn newest(&self) -> u64 {
        self.newest.load(Ordering::Acquire)
    }

    pub(super) fn reached(&self, seq: u64) {
        self.newest.fetch_max(seq, Ordering::AcqRel);
    }

    /// How many posts a channel has, if that was counted when its box was where it is.
    pub(super) fn counted(&self, channel: ChannelId, pts: Pts) -> Option<u64> {
        let counted = self.counted.read();
        counted.get(&channel).filter(|(at, _)| *at == pts).map(|(_, count)| *count)
    }

    pub(super) fn count(&self, channel: ChannelId, pts: Pts, count: u64) {
        let mut counted = self.counted.write();
        if counted.len() >= COUNTED_MAX {
            counted.clear();
        }
        counted.insert(channel, (pts, count));
    }
}
