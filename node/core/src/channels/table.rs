//! All channels, in memory, and of members who are there, which ones they are in.
//!
//! Shows what is durable: the committer changes it once a batch is on disk. Who is in a channel is not
//! here: a channel of a hundred thousand costs as little as one of two.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use node_store::{Keyspace, Order, Store};
use parking_lot::{Mutex, RwLock};

use super::{CHANNEL, Channel};
use crate::decide::scan_prefix;
use crate::ids::{ChannelId, UserId};
use crate::record::Record as _;
use crate::{CoreError, CoreResult};

/// Members whose channels are in memory. Protects memory: a few dozen bytes each.
const MEMBERS_MAX: usize = 4096;

/// Channels that one may be in.
pub(super) const CHANNELS_OF_ONE_MAX: usize = 500;

/// Channels by number, and by who is in them.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    channels: RwLock<HashMap<ChannelId, Arc<Channel>>>,
    members: Mutex<HashMap<UserId, BTreeSet<ChannelId>>>,
}

impl Channels {
    /// Reads all channels, and nobody who is in them: the end of each leads to the next.
    pub(crate) fn load(store: &dyn Store) -> CoreResult<Self> {
        let channels = Self::default();
        let mut from = Vec::new();
        loop {
            let rows = store.scan(Keyspace::CHANNELS, &from, None, 1, Order::Ascending)?;
            let Some((key, value)) = rows.first() else { return Ok(channels) };
            let id = key.first_chunk::<8>().map(|id| i64::from_be_bytes(*id));
            let id = id.ok_or(CoreError::Damaged(Channel::NAME))?;
            if key.get(8) == Some(&CHANNEL) {
                channels.put(Channel::decode(value)?);
            }
            from = ChannelId(id + 1).bytes().to_vec();
        }
    }

    /// Adds a channel, or replaces what was known of it.
    pub(super) fn put(&self, channel: Channel) {
        self.channels.write().insert(channel.id, Arc::new(channel));
    }

    /// A channel.
    pub(crate) fn get(&self, channel: ChannelId) -> Option<Arc<Channel>> {
        self.channels.read().get(&channel).cloned()
    }

    /// All of them, by number.
    pub(crate) fn ids(&self) -> Vec<ChannelId> {
        let mut ids: Vec<ChannelId> = self.channels.read().keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// The channels that a user is in, by number.
    pub(crate) fn of(&self, store: &dyn Store, user: UserId) -> CoreResult<Vec<ChannelId>> {
        // Read under the lock: what changes while it is read must not be kept as it was.
        let mut members = self.members.lock();
        if let Some(known) = members.get(&user) {
            return Ok(known.iter().copied().collect());
        }
        let rows =
            scan_prefix(store, Keyspace::CHANNELS_OF, &user.bytes(), CHANNELS_OF_ONE_MAX + 1)?;
        let id = |key: &[u8]| key.last_chunk::<8>().map(|id| ChannelId(i64::from_be_bytes(*id)));
        let known: BTreeSet<ChannelId> = rows.iter().filter_map(|(key, _)| id(key)).collect();
        if members.len() >= MEMBERS_MAX {
            members.clear();
        }
        Ok(members.entry(user).insert_entry(known).get().iter().copied().collect())
    }

    /// Somebody came or went, durably.
    pub(super) fn joined(&self, user: UserId, channel: ChannelId, joined: bool) {
        if let Some(known) = self.members.lock().get_mut(&user) {
            if joined {
                known.insert(channel);
            } else {
                known.remove(&channel);
            }
        }
    }
}
