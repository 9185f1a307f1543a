//! What goes out: one log of activities for all channels, each with a number.
//!
//! A lane per host reads it in order with a cursor of its own, so nothing is written for each of the
//! servers that an activity goes to.

use node_store::{Keyspace, Order};
use serde::{Deserialize, Serialize};

use super::{
    Bridge, BridgeError, BridgeState, Cid, Count, NEWEST, OUTGOING, PostState, Published,
    ROWS_AT_ONCE, bounded, check_id, key,
};
use crate::decide::Decide;
use crate::event::Event;
use crate::ids::{ChannelId, Pts};
use crate::record::Record;
use crate::{Core, CoreResult};

/// Longest activity, in bytes: a row is bounded, and beside it stand its ids and inboxes.
pub const OUTGOING_JSON_BYTES_MAX: usize = 60 * 1024;

/// Activities that one command appends.
const APPENDED_AT_ONCE: usize = 64;

/// Posts that one command says something of.
const POSTS_AT_ONCE: usize = 1000;

/// Inboxes that one activity names.
const INBOXES_MAX: usize = 64;

/// To whom an activity goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    /// To all who follow the channel.
    Followers,
    /// To these inboxes; at most 64.
    Inboxes(Vec<String>),
    /// To all who follow the channel on these hosts; at most 64.
    Hosts(Vec<String>),
}

/// An activity that is to go out.
#[derive(Clone, PartialEq, Eq)]
pub struct NewOutgoing {
    /// Its id.
    pub activity: String,
    /// All of it; at most [`OUTGOING_JSON_BYTES_MAX`].
    pub json: Vec<u8>,
    /// To whom.
    pub audience: Audience,
    /// The object that it updates or deletes: what came before about it need not be told any more.
    pub object: Option<String>,
}

/// An activity in the log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Its number, from 1.
    pub seq: u64,
    /// Whose it is.
    pub cid: Cid,
    /// Its id.
    pub activity: String,
    /// All of it.
    pub json: Vec<u8>,
    /// To whom.
    pub audience: Audience,
    /// The object that it updates or deletes.
    pub object: Option<String>,
    /// Unix milliseconds.
    pub created_ms: u64,
}

impl std::fmt::Debug for NewOutgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewOutgoing").field("activity", &self.activity).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outgoing")
            .field("seq", &self.seq)
            .field("activity", &self.activity)
            .finish_non_exhaustive()
    }
}

impl Record for Outgoing {
    const VERSION: u8 = 1;
    const NAME: &'static str = "outgoing activity";
}

/// What a follower of a channel's box has made of some of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BridgeStep {
    /// Goes out, in this order; at most 64.
    pub outgoing: Vec<NewOutgoing>,
    /// The hash of the actor's document, where that is among it.
    pub actor_hash: Option<[u8; 32]>,
    /// Posts that are other servers' from now on.
    pub published: Vec<Published>,
}

pub(super) fn outgoing_key(seq: u64) -> Vec<u8> {
    key(OUTGOING, &[&seq.to_be_bytes()])
}

impl Core {
    /// What a follower of a channel's box has made of it from one place up to another: goes into the log,
    /// and the cursor moves, both in one batch. With `to` at `from` something is said that no event
    /// brought. Answers the number of the newest activity.
    ///
    /// # Errors
    /// [`BridgeError::CursorMoved`], [`BridgeError::NotBridged`] for an actor that is gone,
    /// [`BridgeError::Invalid`] for what is too much or too large.
    pub async fn bridge_append(
        &self,
        channel: ChannelId,
        from: Pts,
        to: Pts,
        step: BridgeStep,
    ) -> CoreResult<u64> {
        self.write(None, move |decide| decide.bridge_append(channel, (from, to), step)).await
    }

    /// Activities after a number, in order; at most `at_most`, and 500. What was pruned is passed over.
    ///
    /// # Errors
    /// Those of the store.
    pub fn outgoing_after(&self, seq: u64, at_most: usize) -> CoreResult<Vec<Outgoing>> {
        let (from, end) = (seq.saturating_add(1), self.newest_outgoing().saturating_add(1));
        if from >= end {
            return Ok(Vec::new());
        }
        let rows = self.inner.store.scan(
            Keyspace::BRIDGE,
            &outgoing_key(from),
            Some(&outgoing_key(end)),
            at_most.min(ROWS_AT_ONCE),
            Order::Ascending,
        )?;
        rows.iter().map(|(_, row)| Outgoing::decode(row)).collect()
    }

    /// The number of the newest activity that is on disk; 0: there never was one.
    #[must_use]
    pub fn newest_outgoing(&self) -> u64 {
        self.inner.bridges.newest()
    }

    /// Forgets activities below a number. Numbers are never given twice.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn prune_outgoing(&self, before_seq: u64) -> CoreResult<()> {
        self.prune_bridge_rows(vec![OUTGOING], outgoing_key(before_seq)).await
    }

    /// Forgets activities that were written before a time, in unix milliseconds, however many hosts wait
    /// for them.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn prune_outgoing_before(&self, time_ms: u64) -> CoreResult<()> {
        let mut seq = 0;
        loop {
            let page = self.outgoing_after(seq, ROWS_AT_ONCE)?;
            let Some(last) = page.last() else { break };
            match page.iter().find(|activity| activity.created_ms >= time_ms) {
                Some(kept) => {
                    seq = kept.seq;
                    break;
                }
                None => seq = last.seq.saturating_add(1),
            }
        }
        self.prune_outgoing(seq).await
    }

    /// Removes rows of the bridge from one key up to another, some at a time.
    pub(super) async fn prune_bridge_rows(&self, from: Vec<u8>, to: Vec<u8>) -> CoreResult<()> {
        loop {
            let (from, to) = (from.clone(), to.clone());
            let left = self
                .write(None, move |decide| {
                    if from >= to {
                        return Ok(false);
                    }
                    let rows = decide.store().scan(
                        Keyspace::BRIDGE,
                        &from,
                        Some(&to),
                        ROWS_AT_ONCE,
                        Order::Ascending,
                    )?;
                    let mut removed = 0;
                    for (row, _) in &rows {
                        // The store shows what earlier commands of the batch have not removed yet.
                        if decide.get(Keyspace::BRIDGE, row)?.is_some() {
                            decide.delete(Keyspace::BRIDGE, row);
                            removed += 1;
                        }
                    }
                    Ok(removed > 0 && rows.len() == ROWS_AT_ONCE)
                })
                .await?;
            if !left {
                return Ok(());
            }
        }
    }
}

impl Decide<'_> {
    fn bridge_append(
        &mut self,
        channel: ChannelId,
        (from, to): (Pts, Pts),
        step: BridgeStep,
    ) -> CoreResult<u64> {
        let bridge = self.bridge_row(channel)?.ok_or(BridgeError::NotBridged)?;
        if bridge.state == BridgeState::Gone {
            return Err(BridgeError::NotBridged.into());
        }
        if bridge.cursor != from {
            return Err(BridgeError::CursorMoved { at: bridge.cursor.0 }.into());
        }
        if to < from || to.0 >= self.next_id(channel)?.0 {
            return Err(BridgeError::Invalid("cursor").into());
        }
        if step.published.len() > POSTS_AT_ONCE {
            return Err(BridgeError::Invalid("number of posts").into());
        }
        for Published { post, at, repeats } in step.published {
            if let Some(repeated) = &repeats {
                check_id(repeated)?;
            }
            self.put_post_state(bridge.cid, post, PostState::Live { published: at, repeats })?;
        }
        let newest = self.append_outgoing(bridge.cid, step.outgoing)?;
        let actor_hash = step.actor_hash.or(bridge.actor_hash);
        if to != bridge.cursor || actor_hash != bridge.actor_hash {
            self.put_bridge(Bridge { cursor: to, actor_hash, ..bridge })?;
        }
        Ok(newest)
    }

    /// Puts activities behind the log; answers the number of the newest.
    pub(super) fn append_outgoing(
        &mut self,
        cid: Cid,
        outgoing: Vec<NewOutgoing>,
    ) -> CoreResult<u64> {
        let at = key(NEWEST, &[]);
        let known: Option<Count> = self.load(Keyspace::BRIDGE, &at)?;
        let mut seq = known.unwrap_or_default().0;
        if outgoing.is_empty() {
            return Ok(seq);
        }
        if outgoing.len() > APPENDED_AT_ONCE {
            return Err(BridgeError::Invalid("number of activities").into());
        }
        for NewOutgoing { activity, json, audience, object } in outgoing {
            check_id(&activity)?;
            bounded("activity", json.len(), OUTGOING_JSON_BYTES_MAX)?;
            object.as_deref().map_or(Ok(()), check_id)?;
            if let Audience::Inboxes(inboxes) = &audience {
                bounded("number of inboxes", inboxes.len(), INBOXES_MAX)?;
                inboxes.iter().try_for_each(|inbox| check_id(inbox))?;
            }
            seq += 1;
            let created_ms = self.now_ms;
            let row = Outgoing { seq, cid, activity, json, audience, object, created_ms };
            self.put(Keyspace::BRIDGE, &outgoing_key(seq), &row)?;
        }
        self.put(Keyspace::BRIDGE, &at, &Count(seq))?;
        self.after(move |inner| inner.bridges.reached(seq));
        self.event(Event::Bridge);
        Ok(seq)
    }
}

#[cfg(test)]
impl Core {
    /// The numbers of all activities that are kept.
    pub(crate) fn outgoing_kept(&self) -> Vec<u64> {
        let store = &self.inner.store;
        let rows = store.scan(
            Keyspace::BRIDGE,
            &[OUTGOING],
            Some(&[OUTGOING + 1]),
            10_000,
            Order::Ascending,
        );
        rows.unwrap().iter().map(|(key, _)| super::number_in(key).unwrap()).collect()
    }
}
