//! How bridged channels are called, and were.

use std::sync::Arc;

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{Bridge, BridgeError, BridgeState, FORMER_NAME, hash16, key};
use crate::channels::Channel;
use crate::decide::Decide;
use crate::ids::ChannelId;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// Seconds for which a name that a bridged channel has given up leads to it, and to no other.
pub const FORMER_NAME_KEPT_S: i32 = 90 * 86_400;

/// Former names of one channel that are kept: the newest.
const FORMER_NAMES_MAX: usize = 32;

fn former_key(name: &str) -> Vec<u8> {
    key(FORMER_NAME, &[&hash16(name)])
}

/// Who had a name.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct FormerName {
    name: String,
    channel: ChannelId,
    until: i32,
}

impl Record for FormerName {
    const VERSION: u8 = 1;
    const NAME: &'static str = "former name of a bridge";
}

impl Bridge {
    /// It gives up a name, which leads to it until then: unix seconds.
    fn gives_up(&mut self, old: &str, now: i32) -> i32 {
        let until = now.saturating_add(FORMER_NAME_KEPT_S);
        self.former_names.retain(|(name, until)| name != old && now < *until);
        self.former_names.push((old.to_owned(), until));
        if self.former_names.len() > FORMER_NAMES_MAX {
            self.former_names.remove(0);
        }
        until
    }
}

impl Core {
    /// The bridge of the channel that has a name under this node's own addresses, or had it in the last
    /// ninety days, whatever its case.
    #[must_use]
    pub fn bridge_by_name(&self, name: &str) -> Option<Arc<Bridge>> {
        let now = self.channel_by_username(name).and_then(|channel| self.bridge(channel));
        now.filter(|bridge| bridge.known.is_none())
            .or_else(|| self.inner.bridges.former(&name.to_lowercase(), self.now()))
    }

    /// The same under addresses that a channel has brought along: at a host, or in handles of a domain.
    #[must_use]
    pub fn bridge_by_name_at(&self, domain: &str, name: &str) -> Option<Arc<Bridge>> {
        self.inner.bridges.named_at(domain, name, self.now())
    }

    /// Whether channels that are bridged here have brought a host or a domain along.
    #[must_use]
    pub fn bridges_at(&self, domain: &str) -> bool {
        self.inner.bridges.is_brought(domain)
    }

    /// The name under which other servers know a bridged channel.
    #[must_use]
    pub fn bridge_name(&self, bridge: &Bridge) -> Option<String> {
        match &bridge.known {
            Some(known) => known.name.clone(),
            None => self.channel(bridge.channel)?.username.clone(),
        }
    }
}

impl Decide<'_> {
    /// Fails for a name that still leads to another bridged channel.
    pub(super) fn may_be_called(&self, channel: ChannelId, name: &str) -> CoreResult<()> {
        let name = name.to_lowercase();
        let known: Option<FormerName> = self.load(Keyspace::BRIDGE, &former_key(&name))?;
        let kept = known.filter(|known| known.channel != channel && self.now() < known.until);
        if kept.is_some() { Err(BridgeError::NameKept.into()) } else { Ok(()) }
    }

    /// A channel gets another name, or none. A bridged one is found under the old one for a while, and
    /// takes none that leads to another.
    pub(crate) fn bridged_name_changes(
        &mut self,
        channel: &Channel,
        wanted: Option<&str>,
    ) -> CoreResult<()> {
        let Some(mut bridge) = self.bridge_row(channel.id)? else { return Ok(()) };
        if bridge.state == BridgeState::Gone {
            return Ok(());
        }
        if bridge.known.is_some() {
            return self.brought_name_changes(channel.id, wanted);
        }
        if let Some(wanted) = wanted
            && self.may_be_called(channel.id, wanted).is_err()
        {
            return Err(CoreError::UsernameOccupied);
        }
        let old = channel.username.as_ref().map(|name| name.to_lowercase());
        let Some(old) = old.filter(|old| wanted.is_none_or(|name| name.to_lowercase() != *old))
        else {
            return Ok(());
        };
        let until = bridge.gives_up(&old, self.now());
        let row = FormerName { name: old.clone(), channel: channel.id, until };
        self.put(Keyspace::BRIDGE, &former_key(&old), &row)?;
        self.put_bridge(bridge)
    }

    /// The chain of a channel names it otherwise. One that came with its addresses is known by that, and
    /// found under the old name for a while.
    pub(crate) fn brought_name_changes(
        &mut self,
        channel: ChannelId,
        name: Option<&str>,
    ) -> CoreResult<()> {
        let Some(mut bridge) = self.bridge_row(channel)? else { return Ok(()) };
        let Some(known) = bridge.known.as_mut() else { return Ok(()) };
        if known.name.as_deref() == name {
            return Ok(());
        }
        let old = std::mem::replace(&mut known.name, name.map(str::to_owned));
        if let Some(old) = old {
            bridge.gives_up(&old.to_lowercase(), self.now());
        }
        self.put_bridge(bridge)
    }
}
