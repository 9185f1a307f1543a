//! What the home says of all that readers have told it.

use glog::body::{DataBody, Sums};
use glog::cbor::List;
use glog::{EntryRef, Node16};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::members::LATE;
use super::take::{READERS_MAX, Reader, Told};
use super::{
    KINDS_MAX, READER, SAID, SAYING, SUM, TOLD, TOLD_BY, Totals, UNSAID, key, of_target, target_in,
};
use crate::decide::Decide;
use crate::ids::{ChannelId, MessageId, UserId};
use crate::record::Record;
use crate::timers::{Kind, at};
use crate::{CoreError, CoreResult};

/// Seconds after which the log has what changed.
const BATCH_S: i32 = 10;

/// Views come all the time: where nothing else has changed they are said when they have grown by so
/// many hundredths, or when they were last said so long ago, in seconds.
const VIEWS_GROWN: u64 = 10;
const LATE_S: i32 = 3_600;

/// Messages of which something is said at once.
const SAID_AT_ONCE: usize = 64;

/// Letters of which one entry says that they count in it.
const MARKS_MAX: usize = 64;

/// Rows that go at once.
const ROWS_AT_ONCE: usize = 256;

/// What the log has of one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    totals: Totals,
    /// Since when, in unix seconds.
    at: i32,
}

impl Record for Said {
    const VERSION: u8 = 1;
    const NAME: &'static str = "sums in a log";
}

/// Whether so many more views are worth an entry.
fn has_grown(before: u64, now: u64) -> bool {
    now < before || (now - before).saturating_mul(100) >= before.saturating_mul(VIEWS_GROWN).max(1)
}

impl Decide<'_> {
    /// The log says in some seconds what has changed.
    pub(super) fn say_sums_later(&mut self, channel: ChannelId) -> CoreResult<()> {
        self.say_sums_in(channel, BATCH_S)
    }

    fn say_sums_in(&mut self, channel: ChannelId, wait_s: i32) -> CoreResult<()> {
        let row = key(SAYING, channel, &[]);
        let due = self.now().saturating_add(wait_s);
        let known = self.get(Keyspace::NODES, &row)?;
        let known = known.and_then(|row| row.first_chunk().map(|due| i32::from_be_bytes(*due)));
        // One that should have fired and has not is there no more.
        if known.is_some_and(|known| known <= due && known >= self.now().saturating_sub(BATCH_S)) {
            return Ok(());
        }
        self.put_bytes(Keyspace::NODES, &row, due.to_be_bytes().to_vec());
        self.set_timer(&at(Kind::SaySums, due, channel, &[]), Vec::new());
        Ok(())
    }

    /// Views of a message have changed here: its home is told, or says so itself where others read.
    pub(crate) fn views_changed(&mut self, channel: ChannelId, id: MessageId) -> CoreResult<()> {
        if self.is_away(channel)? {
            return self.bring_later(channel, id);
        }
        if self.scan_prefix(Keyspace::NODES, &key(READER, channel, &[]), 1)?.is_empty() {
            return Ok(());
        }
        let Some(target) = self.entry_of_message(channel, id)? else { return Ok(()) };
        self.put_bytes(Keyspace::NODES, &of_target(UNSAID, channel, &target), vec![0]);
        self.say_sums_later(channel)
    }

    /// It is time to say what readers have told; of one message, if the rest names it.
    pub(crate) fn fire_saying(&mut self, channel: ChannelId, rest: &[u8]) -> CoreResult<()> {
        if rest == LATE {
            self.say_members_late(channel);
            return self.say_sums_in(channel, 0);
        }
        if !rest.is_empty() {
            let target: EntryRef =
                glog::cbor::decode(rest).map_err(|_| CoreError::Damaged("timer"))?;
            self.put_bytes(Keyspace::NODES, &of_target(UNSAID, channel, &target), vec![1]);
            return self.say_sums_in(channel, 0);
        }
        self.delete(Keyspace::NODES, &key(SAYING, channel, &[]));
        if self.is_away(channel)? {
            return self.stop_saying(channel);
        }
        if self.channel_row(channel)?.deleted {
            return Ok(());
        }
        self.say_members(channel)?;
        let rows = self.scan_prefix(Keyspace::NODES, &key(UNSAID, channel, &[]), SAID_AT_ONCE)?;
        for (row, late) in &rows {
            self.delete(Keyspace::NODES, row);
            if let Some(target) = target_in(row) {
                self.say_sums_of(channel, &target, late == &[1])?;
            }
        }
        if rows.len() == SAID_AT_ONCE { self.say_sums_later(channel) } else { Ok(()) }
    }

    /// Says what readers have told of a message, unless the log has it.
    fn say_sums_of(
        &mut self,
        channel: ChannelId,
        target: &EntryRef,
        is_late: bool,
    ) -> CoreResult<()> {
        let Some(id) = self.message_of_entry(channel, target)? else { return Ok(()) };
        let told = self.told_of(channel, target)?;
        let totals = self.sum_of(channel, target)?;
        let views = totals.views.saturating_add(self.views_here(channel, id)?);
        let totals = Totals { views, ..totals };
        let fresh: Vec<&(Vec<u8>, Told)> = told.iter().filter(|(_, told)| told.fresh).collect();
        let row = of_target(SAID, channel, target);
        let said: Option<Said> = self.load(Keyspace::NODES, &row)?;
        let before = said.as_ref().map(|said| said.totals.clone()).unwrap_or_default();
        if before == totals && fresh.is_empty() {
            return Ok(());
        }
        if let Some(said) = &said
            && !is_late
            && before.chosen() == totals.chosen()
            && !has_grown(before.views, totals.views)
        {
            let due = said.at.saturating_add(LATE_S);
            let name = glog::cbor::encode(target);
            self.set_timer(&at(Kind::SaySums, due, channel, &name), Vec::new());
            return Ok(());
        }
        let marks = fresh.iter().take(MARKS_MAX).map(|(_, told)| told.mark).collect();
        let reactions = totals.reactions.iter().take(KINDS_MAX);
        let reactions =
            reactions.map(|(reaction, count)| Ok((self.reaction_text(reaction)?, *count)));
        let reactions = reactions.collect::<CoreResult<_>>()?;
        let votes = totals.votes.iter().take(KINDS_MAX).map(|(option, count)| (*option, *count));
        let too_many = |_| CoreError::TooMany;
        let sums = Sums {
            target: *target,
            reactions: List::new(reactions).map_err(too_many)?,
            votes: List::new(votes.collect()).map_err(too_many)?,
            voters: totals.voters,
            views: totals.views,
            marks: List::new(marks).map_err(too_many)?,
        };
        self.write_data(channel, UserId(0), &DataBody::Sums(Box::new(sums)))?;
        for (row, told) in fresh.iter().take(MARKS_MAX) {
            let told = Told { fresh: false, ..told.clone() };
            self.put(Keyspace::NODES, row, &told)?;
        }
        self.put(Keyspace::NODES, &row, &Said { totals, at: self.now() })?;
        if fresh.len() > MARKS_MAX {
            self.put_bytes(Keyspace::NODES, &of_target(UNSAID, channel, target), vec![1]);
            return self.say_sums_later(channel);
        }
        Ok(())
    }

    /// Another node decides about a channel, or other nodes write in it.
    pub(super) fn saying_changed(&mut self, channel: ChannelId) -> CoreResult<()> {
        let readers = self.scan_prefix(Keyspace::NODES, &key(READER, channel, &[]), READERS_MAX)?;
        if self.is_away(channel)? {
            let said = self.scan_prefix(Keyspace::NODES, &key(SAID, channel, &[]), 1)?;
            let none = readers.is_empty() && said.is_empty();
            return if none { Ok(()) } else { self.say_sums_in(channel, 0) };
        }
        for (row, row_of_reader) in readers {
            let Some(node) = row.last_chunk().copied().map(Node16) else { continue };
            let known = self.with_chain(channel, |chain| {
                chain.state().nodes.get(&node).map(|known| known.member)
            })?;
            // Who writes from now on has choices in its lane, and is asked for views again; who was
            // removed has nothing to say.
            let wrote = Reader::decode(&row_of_reader)?.writes;
            if known == Some(false) || wrote != (known == Some(true)) {
                self.drop_reader(channel, node)?;
            }
        }
        Ok(())
    }

    /// Another node says from now on what readers do.
    fn stop_saying(&mut self, channel: ChannelId) -> CoreResult<()> {
        let rows = self.scan_prefix(Keyspace::NODES, &key(SAID, channel, &[]), ROWS_AT_ONCE)?;
        for (row, _) in &rows {
            self.delete(Keyspace::NODES, row);
            if let Some(target) = target_in(row) {
                self.show_sums(channel, &target)?;
            }
        }
        if rows.len() == ROWS_AT_ONCE {
            return self.say_sums_in(channel, 1);
        }
        for kind in [READER, TOLD, TOLD_BY, UNSAID, SUM] {
            self.clear_rows(Keyspace::NODES, &key(kind, channel, &[]))?;
        }
        self.forget_members_elsewhere(channel)
    }
}
