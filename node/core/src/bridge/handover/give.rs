//! The old home: when it writes the next one, and what follows from what that one says.

use glog::cbor::{Blob, decode};
use glog::control::ControlEntry;
use glog::{GroupId, Node16};
use node_store::Keyspace;

use super::super::hosts::KeptLane;
use super::super::{
    APPROVED, ARRIVED, BEHIND, Bridge, Count, FOLLOWER, Follower, KEYS, LANE, NEWEST, ROWS_AT_ONCE,
    key,
};
use super::told::too_large;
use super::undelivered::behind_key;
use super::wire::{HandOver, PART_BYTES_MAX};
use super::{At, Behind, BridgeStage, Cid, Giving, GivingStage, Moved, giving_key};
use crate::decide::Decide;
use crate::event::Event;
use crate::federation::{Kind as Letter, LetterEnd, Post};
use crate::ids::ChannelId;
use crate::record::Record as _;
use crate::timers::{Kind, at};
use crate::{CoreError, CoreResult};

/// All rows, however many.
const ALL: usize = usize::MAX >> 1;

/// After so many seconds a part is tried again that could not be written.
const AGAIN_S: i32 = 600;

/// After so many seconds all of it is tried again where the next home knew nothing of such letters: it may
/// be a newer version by then.
const REFUSED_AGAIN_S: i32 = 86_400;

impl Decide<'_> {
    /// A channel gets another home by an entry of its chain.
    pub(crate) fn bridge_moves(
        &mut self,
        channel: ChannelId,
        entry: &ControlEntry,
        to: Node16,
    ) -> CoreResult<()> {
        let Some(bridge) = self.bridge_row(channel)? else { return Ok(()) };
        let own = self.inner.logs.keys().node().short();
        let from = entry.header().node.short();
        if from == own && to != own && bridge.stage != BridgeStage::Given {
            let moved = Moved::new(entry.seq(), entry.id());
            return self.give_bridge(bridge, to, moved);
        }
        if to == own && bridge.stage == BridgeStage::Given {
            self.home_again(bridge)
        } else {
            Ok(())
        }
    }

    fn give_bridge(&mut self, bridge: Bridge, to: Node16, moved: Moved) -> CoreResult<()> {
        let Bridge { cid, channel, .. } = bridge;
        let newest: Option<Count> = self.load(Keyspace::BRIDGE, &key(NEWEST, &[]))?;
        let newest = newest.unwrap_or_default().0;
        // From now on lanes pass over what is this channel's: what each had got is kept as it is now.
        for (_, row) in self.scan_prefix(Keyspace::BRIDGE, &[LANE], ALL)? {
            let KeptLane { host, cursor, .. } = KeptLane::decode(&row)?;
            if cursor < newest {
                let at = behind_key(&cid, &host);
                // What was to go out again since an earlier move, and did not, still is.
                let before: Option<Behind> = self.load(Keyspace::BRIDGE, &at)?;
                let cursor = before.map_or(cursor, |before| before.cursor.min(cursor));
                self.put(Keyspace::BRIDGE, &at, &Behind { host, cursor })?;
            }
        }
        let mut run = [0; 16];
        self.rng.fill_bytes(&mut run);
        let group = self.with_chain(channel, |chain| chain.group().0)?;
        let giving = Giving {
            channel,
            group,
            to: to.0,
            moved,
            run,
            number: 0,
            from: At { part: 0, after: Vec::new() },
            next: None,
            stage: GivingStage::Going,
            newest,
        };
        let bridge = Bridge { stage: BridgeStage::Given, ..bridge };
        self.put_bridge(bridge.clone())?;
        self.write_part(&bridge, giving)
    }

    /// This node is a channel's home again. What the other one cannot have goes on here; what it may have
    /// comes from there.
    fn home_again(&mut self, bridge: Bridge) -> CoreResult<()> {
        let giving: Option<Giving> = self.load(Keyspace::BRIDGE, &giving_key(&bridge.cid))?;
        let Some(giving) = giving else { return Ok(()) };
        let is_last = giving.number > 0 && giving.next.is_none();
        match giving.stage {
            GivingStage::Done(_) => Ok(()),
            // The last word is on its way: what is said of it decides.
            GivingStage::Going if is_last => Ok(()),
            _ => self.keep_bridge(bridge, giving),
        }
    }

    /// The next home has none of it, and is not the home any more: it goes on here, with what was not
    /// delivered.
    fn keep_bridge(&mut self, bridge: Bridge, giving: Giving) -> CoreResult<()> {
        let from = At { part: 0, after: Vec::new() };
        let giving = Giving { stage: GivingStage::Back, from, ..giving };
        self.put(Keyspace::BRIDGE, &giving_key(&bridge.cid), &giving)?;
        self.put_bridge(Bridge { stage: BridgeStage::Arriving, ..bridge })
    }

    /// Writes the letter with the part that is to go now; one that cannot be written is tried again.
    fn write_part(&mut self, bridge: &Bridge, mut giving: Giving) -> CoreResult<()> {
        let cid = bridge.cid;
        let made = self.part(|decide| {
            let (part, of, next) = decide.part_of(bridge, &giving)?;
            let said = HandOver {
                group: GroupId(giving.group),
                moved: (giving.moved.seq, giving.moved.entry),
                run: giving.run,
                number: giving.number,
                part,
                of: Blob::<PART_BYTES_MAX>::new(of).map_err(|_| too_large())?,
            };
            let post = Post::new(Node16(giving.to), Letter::HAND_OVER, &said)?;
            decide.post(Post { by_node: true, ..post })?;
            Ok(next)
        })?;
        match made {
            Ok(next) => giving.next = next,
            Err(cause @ (CoreError::Store(_) | CoreError::Stopped(_))) => return Err(cause),
            Err(cause) => {
                let channel = giving.channel.0;
                tracing::warn!(%cause, channel, "a bridge is not handed over now");
                self.hand_over_later(giving.channel, AGAIN_S);
            }
        }
        self.put(Keyspace::BRIDGE, &giving_key(&cid), &giving)
    }

    fn hand_over_later(&mut self, channel: ChannelId, seconds: i32) {
        let due = self.now().saturating_add(seconds);
        self.set_timer(&at(Kind::HandOver, due, channel, &[]), Vec::new());
    }

    /// Its time has come: something is tried again, or removed.
    pub(crate) fn fire_hand_over(&mut self, channel: ChannelId) -> CoreResult<()> {
        let Some(bridge) = self.bridge_row(channel)? else { return Ok(()) };
        let giving: Option<Giving> = self.load(Keyspace::BRIDGE, &giving_key(&bridge.cid))?;
        let Some(mut giving) = giving else { return Ok(()) };
        match giving.stage {
            GivingStage::Going => self.write_part(&bridge, giving),
            GivingStage::Refused(_) => {
                self.rng.fill_bytes(&mut giving.run);
                giving.stage = GivingStage::Going;
                (giving.number, giving.next) = (0, None);
                giving.from = At { part: 0, after: Vec::new() };
                self.write_part(&bridge, giving)
            }
            GivingStage::Done(_) => self.clear_given(&bridge),
            GivingStage::Back => Ok(()),
        }
    }

    /// What became of a letter with a part.
    pub(crate) fn hand_over_ended(
        &mut self,
        node: Node16,
        said: &[u8],
        ended: LetterEnd,
    ) -> CoreResult<()> {
        let Ok(said) = decode::<HandOver>(said) else { return Ok(()) };
        let Some(channel) = self.channel_of(said.group)? else { return Ok(()) };
        let Some(bridge) = self.bridge_row(channel)? else { return Ok(()) };
        let giving: Option<Giving> = self.load(Keyspace::BRIDGE, &giving_key(&bridge.cid))?;
        let is_it = |giving: &Giving| {
            let of = (giving.to, giving.run, giving.number, giving.stage);
            of == (node.0, said.run, said.number, GivingStage::Going)
        };
        let Some(mut giving) = giving.filter(is_it) else { return Ok(()) };
        match ended {
            LetterEnd::Taken => match giving.next.take() {
                Some(next) => {
                    giving.from = next;
                    giving.number = giving.number.saturating_add(1);
                    self.write_part(&bridge, giving)
                }
                None => self.has_given(bridge, giving),
            },
            LetterEnd::Expired => self.write_part(&bridge, giving),
            LetterEnd::Refused if !self.is_away(channel)? => self.keep_bridge(bridge, giving),
            LetterEnd::Refused => {
                let (channel, to) = (channel.0, Node16(giving.to));
                tracing::warn!(
                    channel,
                    %to,
                    "the next home of a channel takes nothing of its bridge: all is kept here; it \
                     may be of an older version"
                );
                giving.stage = GivingStage::Refused(self.now());
                self.hand_over_later(giving.channel, REFUSED_AGAIN_S);
                self.put(Keyspace::BRIDGE, &giving_key(&bridge.cid), &giving)
            }
        }
    }

    /// The next home has all of it: nobody but that one signs in the channel's name from now on.
    fn has_given(&mut self, bridge: Bridge, giving: Giving) -> CoreResult<()> {
        let giving = Giving { stage: GivingStage::Done(self.now()), ..giving };
        self.put(Keyspace::BRIDGE, &giving_key(&bridge.cid), &giving)?;
        self.delete(Keyspace::BRIDGE, &key(KEYS, &[&bridge.cid]));
        self.forget_behind(&bridge.cid)?;
        self.hand_over_later(giving.channel, 0);
        self.put_bridge(bridge)
    }

    pub(super) fn forget_behind(&mut self, cid: &Cid) -> CoreResult<()> {
        for (at, _) in self.scan_prefix(Keyspace::BRIDGE, &key(BEHIND, &[cid]), ALL)? {
            self.delete(Keyspace::BRIDGE, &at);
        }
        Ok(())
    }

    /// Removes who followed, some at a time: they follow at the next home.
    fn clear_given(&mut self, bridge: &Bridge) -> CoreResult<()> {
        if bridge.stage != BridgeStage::Given {
            return Ok(());
        }
        let rows =
            self.scan_prefix(Keyspace::BRIDGE, &key(FOLLOWER, &[&bridge.cid]), ROWS_AT_ONCE)?;
        for (_, row) in &rows {
            self.remove_follower(bridge.cid, &Follower::decode(row)?)?;
        }
        for kind in [APPROVED, ARRIVED] {
            let of = key(kind, &[&bridge.cid]);
            for (at, _) in self.scan_prefix(Keyspace::BRIDGE, &of, ROWS_AT_ONCE)? {
                self.delete(Keyspace::BRIDGE, &at);
            }
        }
        if !rows.is_empty() {
            self.hand_over_later(bridge.channel, 0);
        }
        self.event(Event::Bridge);
        Ok(())
    }
}

#[cfg(test)]
impl crate::Core {
    /// Whether anything is known of a hand-over.
    pub(crate) fn is_giving(&self, cid: &Cid) -> bool {
        self.inner.store.get(Keyspace::BRIDGE, &giving_key(cid)).unwrap().is_some()
    }

    /// The last entry of a channel's control chain.
    pub(crate) async fn chain_head(&self, channel: ChannelId) -> (u64, glog::EntryId) {
        let read =
            self.write(None, move |decide| decide.with_chain(channel, |chain| chain.state().head));
        read.await.unwrap()
    }
}
