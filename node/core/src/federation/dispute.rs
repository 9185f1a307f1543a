//! Chains that were told in two ways.
//!
//! Where the home of a channel signs two entries for one place of its chain, nobody takes any more of
//! it until it is recovered, and what is said goes on (see `glog::control`). Both entries are kept: the
//! one stands in the chain, the other one here, so that it is so over restarts, and operators are told.
//!
//! Keyspace `CHANNELS`, kind 21: a [`Disputed`].

use glog::control::ForkProof;
use glog::{Entry, NodeId};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use crate::channels::DISPUTED;
use crate::decide::Decide;
use crate::ids::ChannelId;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// A chain that ends where it was told in two ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dispute {
    /// The number of the entry of which there are two.
    pub seq: u64,
    /// Who has signed both.
    pub author: NodeId,
    /// When the second one was seen, in unix seconds.
    pub since: i32,
}

/// The entry that is not on the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Disputed {
    rival: Vec<u8>,
    since: i32,
}

impl Record for Disputed {
    const VERSION: u8 = 1;
    const NAME: &'static str = "dispute of a chain";
}

impl Disputed {
    fn rival(&self) -> CoreResult<Entry> {
        Entry::decode(&self.rival).map_err(|_| CoreError::Damaged(Self::NAME))
    }
}

fn disputed_key(channel: ChannelId) -> Vec<u8> {
    [&channel.bytes()[..], &[DISPUTED]].concat()
}

impl Core {
    /// Where the chain of a channel was told in two ways, until it is recovered.
    ///
    /// # Errors
    /// Those of the store.
    pub fn dispute(&self, channel: ChannelId) -> CoreResult<Option<Dispute>> {
        let Some(row) = self.inner.store.get(Keyspace::CHANNELS, &disputed_key(channel))? else {
            return Ok(None);
        };
        let row = Disputed::decode(&row)?;
        let rival = row.rival()?;
        let header = rival.header();
        Ok(Some(Dispute { seq: header.seq, author: header.node, since: row.since }))
    }
}

impl Decide<'_> {
    /// A chain was seen to be told in two ways.
    pub(crate) fn note_dispute(&mut self, channel: ChannelId, proof: &ForkProof) -> CoreResult<()> {
        let known = self.rival_of(channel)?;
        // The first place of several.
        if known.is_some_and(|known| known.header().seq <= proof.seq()) {
            return Ok(());
        }
        let row = Disputed { rival: proof.rival.entry().encode(), since: self.now() };
        self.put(Keyspace::CHANNELS, &disputed_key(channel), &row)
    }

    /// A chain was recovered: it has one end again.
    pub(crate) fn forget_dispute(&mut self, channel: ChannelId) {
        self.delete(Keyspace::CHANNELS, &disputed_key(channel));
    }

    /// The entry because of which a chain ends where it does.
    pub(crate) fn rival_of(&self, channel: ChannelId) -> CoreResult<Option<Entry>> {
        let row: Option<Disputed> = self.load(Keyspace::CHANNELS, &disputed_key(channel))?;
        row.map(|row| row.rival()).transpose()
    }
}
