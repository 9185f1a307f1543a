//! How many are in a channel: here, at other nodes that write, and at those that only read.
//!
//! Nodes that write say in their lanes how many they have (Count), the home of readers the sum (Readers),
//! with the marks of letters as with other sums.

use glog::EntryRef;
use glog::body::{Count, DataBody, Readers};
use glog::cbor::List;
use glog::{Node16, NodeId};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::take::{READERS_MAX, Reader};
use super::{MEMBERS_SAID, Mark, OWN_MEMBERS, Own, READER, UNSAID_MEMBERS, key};
use crate::decide::Decide;
use crate::federation::is_remote;
use crate::ids::{ChannelId, UserId};
use crate::record::Record;
use crate::timers::{Kind, at};
use crate::{CoreError, CoreResult};

/// Those who come and go are said when they are so many hundredths more or fewer, or when it was last
/// said so long ago, in seconds.
const GROWN: u64 = 2;
const LATE_S: i32 = 3_600;

/// Letters of which one entry says that they count in it.
const MARKS_MAX: usize = 64;

/// What the timer of [`LATE_S`] names in the place of a message.
pub(super) const LATE: &[u8] = &[0xf6];

/// What the home's lane has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct SaidMembers {
    own: u64,
    readers: u64,
    /// Since when, in unix seconds.
    at: i32,
}

impl Record for SaidMembers {
    const VERSION: u8 = 1;
    const NAME: &'static str = "members in a log";
}

fn has_changed_much(before: u64, now: u64) -> bool {
    before != now && before.abs_diff(now).saturating_mul(100) >= before.saturating_mul(GROWN)
}

impl Decide<'_> {
    /// Somebody has come into a channel here, or is in it no more.
    pub(crate) fn members_changed(&mut self, channel: ChannelId) -> CoreResult<()> {
        if self.is_away(channel)? {
            return self.tell_home(channel);
        }
        let readers = self.scan_prefix(Keyspace::NODES, &key(READER, channel, &[]), 1)?;
        if readers.is_empty() { Ok(()) } else { self.say_members_later(channel) }
    }

    /// The log says in some seconds how many are in a channel.
    pub(super) fn say_members_later(&mut self, channel: ChannelId) -> CoreResult<()> {
        self.put_bytes(Keyspace::NODES, &key(UNSAID_MEMBERS, channel, &[]), vec![0]);
        self.say_sums_later(channel)
    }

    /// The hour is over after which it is said how many there are, few as have come.
    pub(super) fn say_members_late(&mut self, channel: ChannelId) {
        self.put_bytes(Keyspace::NODES, &key(UNSAID_MEMBERS, channel, &[]), vec![1]);
    }

    /// Members of a channel who live here.
    pub(crate) fn members_here(&self, channel: ChannelId) -> CoreResult<u64> {
        let all = u64::try_from(self.channel_row(channel)?.members).unwrap_or(0);
        Ok(all.saturating_sub(self.members_named(channel)?))
    }

    /// Members of other nodes who are known here: those whom the log names, as they have rights of their
    /// own.
    fn members_named(&self, channel: ChannelId) -> CoreResult<u64> {
        let mut far = 0;
        for user in self.channel_marked(channel)?.into_iter().filter(|user| is_remote(*user)) {
            far += u64::from(self.participant(channel, user)?.is_some_and(|known| known.joined));
        }
        Ok(far)
    }

    fn own_members(&self, channel: ChannelId, home: Node16) -> CoreResult<Own<u64>> {
        let known: Option<Own<u64>> =
            self.load(Keyspace::NODES, &key(OWN_MEMBERS, channel, &[]))?;
        let known = known.filter(|known| known.home == home.0);
        Ok(known.unwrap_or_else(|| Own::new(home)))
    }

    /// A letter tells the home how many are here.
    pub(super) fn note_members_told(
        &mut self,
        channel: ChannelId,
        home: Node16,
        mark: Mark,
        members: u64,
    ) -> CoreResult<()> {
        let mut known = self.own_members(channel, home)?;
        known.told(mark, members);
        self.put(Keyspace::NODES, &key(OWN_MEMBERS, channel, &[]), &known)
    }

    /// A node that writes says in its lane how many are here.
    pub(crate) fn count_in_lane(&mut self, channel: ChannelId, members: u64) -> CoreResult<()> {
        self.write_data(channel, UserId(0), &DataBody::Count(Count { members })).map(|_| ())
    }

    /// Says how many are in a channel, at the home and at nodes that only read, unless the log has it.
    pub(super) fn say_members(&mut self, channel: ChannelId) -> CoreResult<()> {
        let unsaid = key(UNSAID_MEMBERS, channel, &[]);
        let Some(late) = self.get(Keyspace::NODES, &unsaid)? else { return Ok(()) };
        self.delete(Keyspace::NODES, &unsaid);
        let (own, readers) = (self.members_here(channel)?, self.readers_of(channel)?);
        let sum = readers.iter().fold(0_u64, |sum, (_, one)| sum.saturating_add(one.members));
        let fresh: Vec<&(Vec<u8>, Reader)> = readers.iter().filter(|(_, one)| one.fresh).collect();
        let row = key(MEMBERS_SAID, channel, &[]);
        let said: Option<SaidMembers> = self.load(Keyspace::NODES, &row)?;
        let before = said.clone().unwrap_or_default();
        if (before.own, before.readers) == (own, sum) && fresh.is_empty() {
            return Ok(());
        }
        let much = has_changed_much(before.own, own) || has_changed_much(before.readers, sum);
        let due = before.at.saturating_add(LATE_S);
        if said.is_some() && !much && late != [1] && due > self.now() {
            self.set_timer(&at(Kind::SaySums, due, channel, LATE), Vec::new());
            return Ok(());
        }
        if said.is_none_or(|said| said.own != own) {
            self.count_in_lane(channel, own)?;
        }
        let marks = fresh.iter().take(MARKS_MAX).map(|(_, one)| one.mark).collect();
        let marks = List::new(marks).map_err(|_| CoreError::TooMany)?;
        let said = DataBody::Readers(Readers { members: sum, marks });
        self.write_data(channel, UserId(0), &said)?;
        for (row, one) in fresh.iter().take(MARKS_MAX) {
            let mut counted = one.clone();
            counted.fresh = false;
            self.put(Keyspace::NODES, row, &counted)?;
        }
        let said = SaidMembers { own, readers: sum, at: self.now() };
        self.put(Keyspace::NODES, &row, &said)?;
        if fresh.len() > MARKS_MAX {
            self.say_members_late(channel);
            return self.say_sums_later(channel);
        }
        Ok(())
    }

    fn readers_of(&self, channel: ChannelId) -> CoreResult<Vec<(Vec<u8>, Reader)>> {
        let rows = self.scan_prefix(Keyspace::NODES, &key(READER, channel, &[]), READERS_MAX)?;
        rows.into_iter().map(|(key, row)| Ok((key, Reader::decode(&row)?))).collect()
    }

    /// The home has said how many there are on nodes that only read.
    pub(crate) fn follow_readers(
        &mut self,
        channel: ChannelId,
        at: &EntryRef,
        readers: &Readers,
    ) -> CoreResult<()> {
        let Some(home) = self.home_elsewhere(channel)? else { return Ok(()) };
        let mut known = self.own_members(channel, home)?;
        let counts = self.with_shared(channel, |shared| shared.replica.lanes().counts(at))?;
        if at.node == home && counts == Some(true) {
            known.count(&readers.marks);
        }
        let said = self.with_shared(channel, |shared| {
            shared.replica.lanes().readers(shared.replica.chain())
        })?;
        known.said = said.flatten().unwrap_or(0);
        self.put(Keyspace::NODES, &key(OWN_MEMBERS, channel, &[]), &known)?;
        self.show_members_elsewhere(channel)
    }

    /// Shows how many are in a channel on other nodes.
    pub(crate) fn show_members_elsewhere(&mut self, channel: ChannelId) -> CoreResult<()> {
        if !self.channel_row(channel)?.broadcast {
            return Ok(());
        }
        let own = self.inner.logs.keys().node();
        let counted = self.with_shared(channel, |shared| {
            let (lanes, state) = (shared.replica.lanes(), shared.replica.chain().state());
            let others = state.members().map(|node| node.id).filter(|node| *node != own);
            others
                .fold(0_u64, |sum, node| sum.saturating_add(lanes.count(node.short()).unwrap_or(0)))
        })?;
        let readers = match self.federated(channel)?.filter(|row| row.home != own.0) {
            Some(row) => {
                let known = self.own_members(channel, NodeId(row.home).short())?;
                known.said.saturating_sub(known.counted)
            }
            None => {
                let readers = self.readers_of(channel)?;
                readers.iter().fold(0, |sum: u64, (_, one)| sum.saturating_add(one.members))
            }
        };
        let elsewhere = counted.unwrap_or(0).saturating_add(readers);
        // Who is known here by name is among those here.
        let elsewhere = elsewhere.saturating_sub(self.members_named(channel)?);
        self.put_elsewhere(channel, i32::try_from(elsewhere).unwrap_or(i32::MAX))
    }

    /// What was known of members elsewhere is about another home, or said by one.
    pub(super) fn forget_members_elsewhere(&mut self, channel: ChannelId) -> CoreResult<()> {
        for kind in [OWN_MEMBERS, MEMBERS_SAID, UNSAID_MEMBERS] {
            self.delete(Keyspace::NODES, &key(kind, channel, &[]));
        }
        self.show_members_elsewhere(channel)
    }
}
