//! What the old home had not delivered goes into this node's log, once every server that follows has a
//! place in it.

use node_store::Keyspace;

use super::super::{
    ARRIVED, Audience, Bridge, BridgeError, Count, NEWEST, Outgoing, key, outgoing_key,
};
use super::undelivered::outgoing_of;
use super::{At, BridgeStage, Giving, GivingStage, giving_key};
use crate::decide::Decide;
use crate::ids::ChannelId;
use crate::record::Record as _;
use crate::{Core, CoreResult};

/// Activities that one command takes: each may be of 60 KiB.
const RELEASED_AT_ONCE: usize = 16;

impl Core {
    /// Some of what has come with a bridge, and waits: servers and inboxes for which there has to be a lane
    /// before [`Core::bridge_release`]. None: nothing waits.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn bridge_arrived(&self, channel: ChannelId) -> CoreResult<Vec<Audience>> {
        self.write(None, move |decide| {
            let Some(bridge) = decide.bridge_row(channel)? else { return Ok(Vec::new()) };
            let waits = decide.arrived(&bridge)?.0;
            Ok(waits.into_iter().map(|one| one.audience).collect())
        })
        .await
    }

    /// As much goes into the log as [`Core::bridge_arrived`] has shown; once nothing waits, the channel is
    /// carried on. True then.
    ///
    /// # Errors
    /// [`BridgeError::NotBridged`] for what does not arrive.
    pub async fn bridge_release(&self, channel: ChannelId) -> CoreResult<bool> {
        self.write(None, move |decide| decide.bridge_release(channel)).await
    }
}

/// Where the rest of it is.
struct Rest {
    /// Rows that are done with.
    rows: Vec<Vec<u8>>,
    /// Of what this node had not delivered itself: how far that goes.
    back: Option<Giving>,
}

impl Decide<'_> {
    fn arrived(&self, bridge: &Bridge) -> CoreResult<(Vec<Outgoing>, Rest)> {
        let giving: Option<Giving> = self.load(Keyspace::BRIDGE, &giving_key(&bridge.cid))?;
        if let Some(mut giving) = giving.filter(|giving| giving.stage == GivingStage::Back) {
            let after = std::mem::take(&mut giving.from.after);
            let (told, after) = self.undelivered(&bridge.cid, giving.newest, &after)?;
            giving.next = after.map(|after| At { part: 0, after });
            let waits = told.into_iter().map(|one| outgoing_of(bridge.cid, 0, one)).collect();
            return Ok((waits, Rest { rows: Vec::new(), back: Some(giving) }));
        }
        let of = key(ARRIVED, &[&bridge.cid]);
        let rows = self.scan_prefix(Keyspace::BRIDGE, &of, RELEASED_AT_ONCE)?;
        let waits = rows.iter().map(|(_, row)| Outgoing::decode(row)).collect::<CoreResult<_>>()?;
        let rows = rows.into_iter().map(|(at, _)| at).collect();
        Ok((waits, Rest { rows, back: None }))
    }

    fn bridge_release(&mut self, channel: ChannelId) -> CoreResult<bool> {
        let bridge = self.bridge_row(channel)?.ok_or(BridgeError::NotBridged)?;
        if bridge.stage != BridgeStage::Arriving {
            return Err(BridgeError::NotBridged.into());
        }
        let (waits, rest) = self.arrived(&bridge)?;
        let at = key(NEWEST, &[]);
        let known: Option<Count> = self.load(Keyspace::BRIDGE, &at)?;
        let mut seq = known.unwrap_or_default().0;
        let any = !waits.is_empty();
        for one in waits {
            seq += 1;
            self.put(Keyspace::BRIDGE, &outgoing_key(seq), &Outgoing { seq, ..one })?;
        }
        if any {
            self.put(Keyspace::BRIDGE, &at, &Count(seq))?;
            self.after(move |inner| inner.bridges.reached(seq));
        }
        rest.rows.iter().for_each(|row| self.delete(Keyspace::BRIDGE, row));
        match rest.back {
            Some(Giving { next: Some(next), .. }) => {
                let giving: Option<Giving> =
                    self.load(Keyspace::BRIDGE, &giving_key(&bridge.cid))?;
                if let Some(giving) = giving {
                    let giving = Giving { from: next, next: None, ..giving };
                    self.put(Keyspace::BRIDGE, &giving_key(&bridge.cid), &giving)?;
                }
                Ok(false)
            }
            Some(_) => {
                self.forget_behind(&bridge.cid)?;
                self.delete(Keyspace::BRIDGE, &giving_key(&bridge.cid));
                Ok(false)
            }
            None if any => Ok(false),
            None => {
                self.put_bridge(Bridge { stage: BridgeStage::Here, ..bridge })?;
                Ok(true)
            }
        }
    }
}
