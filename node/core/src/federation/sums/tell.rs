//! What this node brings to the homes of channels that are read here.

use glog::cbor::{List, encode};
use glog::{EntryRef, GroupId, Node16, NodeId};
use node_store::{Keyspace, Order};
use serde::{Deserialize, Serialize};

use super::{KINDS_MAX, Mark, OWN, Own, TELLING, Totals, UNTOLD, key, of_target, target_in};
use crate::decide::Decide;
use crate::federation::Federated;
use crate::federation::mail::{
    Fate, Kind, Post, SumsAnew, SumsOf, SumsTold, TARGETS_MAX, Waiting, read,
};
use crate::ids::{ChannelId, MessageId};
use crate::record::Record;
use crate::timers::{self, at};
use crate::{CoreError, CoreResult};

/// Seconds after a change at which the home is told, and between two letters about one group.
const BATCH_S: i32 = 10;

/// A home hears of this node at least so often, in seconds: else it takes it for gone.
const AGAIN_S: i32 = 86_400;

/// When a letter could not be written.
const RETRY_S: i32 = 3_600;

/// Bytes of a letter's items.
const ITEMS_BYTES_MAX: usize = 48 * 1024;

/// Messages that are looked through at once for what the home has to be told.
const LOOKED_AT_MAX: usize = 256;

/// What the home of one channel is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Telling {
    /// Which node the rest is about.
    home: [u8; 16],
    /// Of the last letter that was written.
    number: u64,
    /// The first one that counts there.
    since: u64,
    /// The next letter is that one.
    anew: bool,
    /// The last one that the home has acknowledged, and how many members it said.
    acked: u64,
    members: u64,
    /// How many have ever been there, or have done something.
    people: u64,
    /// When a letter was last written, in unix seconds.
    wrote: i32,
    /// When there is something to do; 0: never.
    due: i32,
    /// Messages above this number are looked through for what there is to tell.
    looking: Option<i32>,
    /// This node writes in the channel: choices are in its lane.
    writes: bool,
    /// Choices that were told by letter go to the lane.
    to_lane: bool,
}

impl Record for Telling {
    const VERSION: u8 = 1;
    const NAME: &'static str = "what a home is told";
}

fn slot(group: GroupId) -> [u8; 16] {
    let mut slot = [0; 16];
    slot.copy_from_slice(group.0.first_chunk::<16>().unwrap_or(&[0; 16]));
    slot
}

impl Decide<'_> {
    /// How a channel is shared to whose home this node brings something.
    fn brings(&self, channel: ChannelId) -> CoreResult<Option<Federated>> {
        let own = self.inner.logs.keys().node();
        let row = self.federated(channel)?.filter(|row| row.home != own.0);
        let row = row.filter(|row| row.public && !row.is_out);
        let Some(row) = row else { return Ok(None) };
        let found = self.channel_row(channel)?;
        Ok(Some(row).filter(|_| found.broadcast && !found.deleted))
    }

    /// Whether choices of people here go to the home by letter: the node only reads.
    pub(crate) fn only_reads(&self, channel: ChannelId) -> CoreResult<bool> {
        Ok(self.brings(channel)?.is_some() && !self.may_tell_votes(channel)?)
    }

    /// Something about a message that its home does not know yet.
    pub(crate) fn bring_later(&mut self, channel: ChannelId, id: MessageId) -> CoreResult<()> {
        if self.brings(channel)?.is_none() {
            return Ok(());
        }
        let Some(target) = self.entry_of_message(channel, id)? else { return Ok(()) };
        self.put_bytes(Keyspace::NODES, &of_target(UNTOLD, channel, &target), Vec::new());
        self.tell_home_in(channel, BATCH_S)
    }

    /// The home is told in some seconds what it does not know yet, if this node tells it anything.
    pub(super) fn tell_home(&mut self, channel: ChannelId) -> CoreResult<()> {
        match self.brings(channel)? {
            Some(_) => self.tell_home_in(channel, BATCH_S),
            None => Ok(()),
        }
    }

    /// Sees to the home of a channel in so many seconds, or sooner.
    fn tell_home_in(&mut self, channel: ChannelId, wait_s: i32) -> CoreResult<()> {
        let known: Option<Telling> = self.load(Keyspace::NODES, &key(TELLING, channel, &[]))?;
        // What was done before this node told it, or while it told another home, is looked for.
        let telling =
            known.unwrap_or_else(|| Telling { looking: Some(0), anew: true, ..Default::default() });
        self.keep_telling(channel, telling, Some(wait_s))
    }

    /// Keeps what is told, and when there is something to do next.
    fn keep_telling(
        &mut self,
        channel: ChannelId,
        mut telling: Telling,
        wait_s: Option<i32>,
    ) -> CoreResult<()> {
        if let Some(wait_s) = wait_s {
            let due = self.now().saturating_add(wait_s);
            if telling.due == 0 || due < telling.due {
                if telling.due != 0 {
                    let before = at(timers::Kind::TellSums, telling.due, channel, &[]);
                    self.delete(Keyspace::TIMERS, &before);
                }
                telling.due = due;
                self.set_timer(&at(timers::Kind::TellSums, due, channel, &[]), Vec::new());
            }
        }
        self.put(Keyspace::NODES, &key(TELLING, channel, &[]), &telling)
    }

    /// All that is here is told again: a backup was restored here, or the home has asked.
    pub(crate) fn bring_anew(&mut self, channel: ChannelId) -> CoreResult<()> {
        let known: Option<Telling> = self.load(Keyspace::NODES, &key(TELLING, channel, &[]))?;
        let Some(telling) = known else { return Ok(()) };
        let telling = Telling { anew: true, looking: Some(0), acked: 0, ..telling };
        self.keep_telling(channel, telling, Some(0))
    }

    /// Another node decides about a channel, or others write in it: what is told may be told otherwise.
    pub(crate) fn bringing_changed(
        &mut self,
        channel: ChannelId,
        has_moved: bool,
    ) -> CoreResult<()> {
        let known = self.get(Keyspace::NODES, &key(TELLING, channel, &[]))?.is_some();
        if known || (has_moved && self.brings(channel)?.is_some()) {
            self.tell_home_in(channel, 0)?;
        }
        self.saying_changed(channel)
    }

    /// It is time to see to what a home is told.
    pub(crate) fn fire_telling(&mut self, channel: ChannelId) -> CoreResult<()> {
        let known: Option<Telling> = self.load(Keyspace::NODES, &key(TELLING, channel, &[]))?;
        let Some(mut telling) = known else { return Ok(()) };
        telling.due = 0;
        let Some(row) = self.brings(channel)? else { return self.stop_telling(channel, telling) };
        let home = NodeId(row.home).short();
        let writes = self.may_tell_votes(channel)?;
        if telling.home != home.0 {
            let number = telling.number;
            let looking = Some(0);
            telling =
                Telling { home: home.0, number, anew: true, looking, writes, ..Telling::default() };
            self.show_members_elsewhere(channel)?;
        } else if telling.writes != writes {
            let (anew, looking) = (true, Some(0));
            telling = Telling { writes, to_lane: writes, anew, looking, ..telling };
        }
        self.look_through(channel, &mut telling)?;
        let now = self.now();
        let looks_on = telling.looking.is_some();
        let ready = telling.wrote.saturating_add(BATCH_S);
        if ready > now {
            let wait_s = if looks_on { 1 } else { ready - now };
            return self.keep_telling(channel, telling, Some(wait_s));
        }
        let members = self.members_here(channel)?;
        if writes && members != telling.members {
            self.count_in_lane(channel, members)?;
        }
        let known = telling.acked != 0;
        let is_news = members != telling.members
            || (known && telling.wrote.saturating_add(AGAIN_S) <= now)
            || !self.scan_prefix(Keyspace::NODES, &key(UNTOLD, channel, &[]), 1)?.is_empty();
        let wait_s = if is_news {
            self.write_sums_letter(channel, GroupId(row.group), home, &mut telling, members)?
        } else {
            AGAIN_S
        };
        let wait_s = if looks_on { 1 } else { wait_s };
        // Who has never told anything has nothing to repeat.
        let goes_on = looks_on || is_news || known;
        self.keep_telling(channel, telling, goes_on.then_some(wait_s))
    }

    /// Writes a letter with what the home does not know; in how many seconds to look again.
    fn write_sums_letter(
        &mut self,
        channel: ChannelId,
        group: GroupId,
        home: Node16,
        telling: &mut Telling,
        members: u64,
    ) -> CoreResult<i32> {
        let number = telling.number.saturating_add(1).max(self.now_ms);
        let mut mark: Mark = [0; 8];
        self.rng.fill_bytes(&mut mark);
        let rows = self.scan_prefix(Keyspace::NODES, &key(UNTOLD, channel, &[]), TARGETS_MAX)?;
        let (mut of, mut told, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut people = telling.people.max(members);
        for (untold, _) in rows {
            let target = target_in(&untold).ok_or(CoreError::Damaged("what a home is told"))?;
            let Some(id) = self.message_of_entry(channel, &target)? else {
                self.delete(Keyspace::NODES, &untold);
                continue;
            };
            let totals = self.totals_here(channel, id, telling.writes)?;
            people = people.max(totals.most());
            let one = self.sums_of(target, &totals)?;
            bytes += encode(&one).len();
            if bytes > ITEMS_BYTES_MAX {
                break;
            }
            of.push(one);
            told.push((untold, target, totals));
        }
        let since = if telling.anew { number } else { telling.since };
        let of = List::new(of).map_err(|_| CoreError::TooMany)?;
        let said =
            SumsTold { group, number, after: telling.acked, since, members, people, mark, of };
        let post = Post::new(home, Kind::SUMS, &said)?;
        match self.post(Post { by_node: true, slot: Some(slot(group)), ..post }) {
            // It stays to be told.
            Err(CoreError::MailboxFull | CoreError::NodeUnreachable | CoreError::UnknownNode) => {
                return Ok(RETRY_S);
            }
            posted => posted?,
        }
        for (untold, target, totals) in told {
            self.put_bytes(Keyspace::NODES, &untold, mark.to_vec());
            let mut own = self.own_sums(channel, &target, home)?;
            own.told(mark, totals);
            self.put(Keyspace::NODES, &of_target(OWN, channel, &target), &own)?;
        }
        self.note_members_told(channel, home, mark, members)?;
        (telling.number, telling.since, telling.anew) = (number, since, false);
        telling.people = people;
        telling.wrote = self.now();
        Ok(AGAIN_S)
    }

    /// What is known of the sums of a message, as far as it is about this home.
    pub(super) fn own_sums(
        &self,
        channel: ChannelId,
        target: &EntryRef,
        home: Node16,
    ) -> CoreResult<Own<Totals>> {
        let own: Option<Own<Totals>> =
            self.load(Keyspace::NODES, &of_target(OWN, channel, target))?;
        let own = own.filter(|own| own.home == home.0);
        Ok(own.unwrap_or_else(|| Own::new(home)))
    }

    /// What people here have done with a message, as far as the home hears of it by letter.
    fn totals_here(&self, channel: ChannelId, id: MessageId, writes: bool) -> CoreResult<Totals> {
        let mut totals = Totals { views: self.views_here(channel, id)?, ..Totals::default() };
        if !writes {
            totals.reactions = self.reactions_here(channel, id)?;
            (totals.votes, totals.voters) = self.votes_here(channel, id)?;
        }
        Ok(totals)
    }

    fn sums_of(&self, target: EntryRef, totals: &Totals) -> CoreResult<SumsOf> {
        let reactions = totals.reactions.iter().take(KINDS_MAX);
        let reactions =
            reactions.map(|(reaction, count)| Ok((self.reaction_text(reaction)?, *count)));
        let reactions = List::new(reactions.collect::<CoreResult<_>>()?);
        let votes = totals.votes.iter().take(KINDS_MAX).map(|(option, count)| (*option, *count));
        Ok(SumsOf {
            target,
            reactions: reactions.map_err(|_| CoreError::TooMany)?,
            votes: List::new(votes.collect()).map_err(|_| CoreError::TooMany)?,
            voters: totals.voters,
            views: totals.views,
        })
    }

    /// Looks through some messages for what there is to tell of them.
    fn look_through(&mut self, channel: ChannelId, telling: &mut Telling) -> CoreResult<()> {
        let Some(above) = telling.looking else { return Ok(()) };
        let ids = self.messages_above(channel, MessageId(above), LOOKED_AT_MAX)?;
        telling.looking = ids.last().filter(|_| ids.len() == LOOKED_AT_MAX).map(|id| id.0);
        let home = Node16(telling.home);
        for id in ids {
            if telling.to_lane {
                self.reactions_to_lane(channel, id)?;
                self.votes_to_lane(channel, id)?;
            }
            let Some(target) = self.entry_of_message(channel, id)? else { continue };
            let row = of_target(OWN, channel, &target);
            let own: Option<Own<Totals>> = self.load(Keyspace::NODES, &row)?;
            if own.as_ref().is_some_and(|own| own.home != home.0) {
                self.put(Keyspace::NODES, &row, &Own::<Totals>::new(home))?;
                self.show_sums(channel, &target)?;
            }
            let known = own.is_some();
            if known || self.totals_here(channel, id, telling.writes)? != Totals::default() {
                self.put_bytes(Keyspace::NODES, &of_target(UNTOLD, channel, &target), Vec::new());
            }
        }
        if telling.looking.is_none() {
            telling.to_lane = false;
        }
        Ok(())
    }

    /// Messages of a channel that its log has, by their numbers.
    fn messages_above(
        &self,
        channel: ChannelId,
        above: MessageId,
        count: usize,
    ) -> CoreResult<Vec<MessageId>> {
        let (from, end) = crate::channels::logged_after(channel, above);
        // What a command of this batch has placed tells of itself.
        let rows =
            self.store().scan(Keyspace::CHANNELS, &from, Some(&end), count, Order::Ascending)?;
        let id = |key: &[u8]| key.last_chunk().map(|id| MessageId(i32::from_be_bytes(*id)));
        Ok(rows.iter().filter_map(|(key, _)| id(key)).collect())
    }

    /// Nothing is told any more: this node is the home, or nobody may read the channel.
    fn stop_telling(&mut self, channel: ChannelId, mut telling: Telling) -> CoreResult<()> {
        if !telling.writes && self.may_tell_votes(channel)? {
            (telling.writes, telling.to_lane, telling.looking) = (true, true, Some(0));
        }
        if telling.to_lane {
            self.look_through(channel, &mut telling)?;
            if telling.looking.is_some() {
                return self.keep_telling(channel, telling, Some(1));
            }
        }
        let rows = self.scan_prefix(Keyspace::NODES, &key(OWN, channel, &[]), LOOKED_AT_MAX)?;
        for (row, _) in &rows {
            self.delete(Keyspace::NODES, row);
            if let Some(target) = target_in(row) {
                self.show_sums(channel, &target)?;
            }
        }
        if rows.len() == LOOKED_AT_MAX {
            return self.keep_telling(channel, telling, Some(1));
        }
        self.clear_rows(Keyspace::NODES, &key(UNTOLD, channel, &[]))?;
        self.delete(Keyspace::NODES, &key(TELLING, channel, &[]));
        self.forget_members_elsewhere(channel)
    }

    /// What became of a letter.
    pub(in crate::federation) fn sums_letter_ended(
        &mut self,
        node: Node16,
        waiting: &Waiting,
        fate: Fate,
    ) -> CoreResult<()> {
        let Ok(said) = read::<SumsTold>(&waiting.body) else { return Ok(()) };
        let Some(channel) = self.channel_of(said.group)? else { return Ok(()) };
        let known: Option<Telling> = self.load(Keyspace::NODES, &key(TELLING, channel, &[]))?;
        let Some(mut telling) = known.filter(|telling| telling.home == node.0) else {
            return Ok(());
        };
        if fate != Fate::Taken {
            // The home can do nothing with it now, or was away for too long.
            return self.keep_telling(channel, telling, Some(AGAIN_S));
        }
        // Of those before it the home asks for nothing: it asks anew.
        if !telling.anew {
            telling.acked = telling.acked.max(said.number);
        }
        telling.members = said.members;
        for one in said.of.iter() {
            let untold = of_target(UNTOLD, channel, &one.target);
            // It may have changed since.
            if self.get(Keyspace::NODES, &untold)?.as_deref() == Some(&said.mark[..]) {
                self.delete(Keyspace::NODES, &untold);
            }
        }
        let rest = self.scan_prefix(Keyspace::NODES, &key(UNTOLD, channel, &[]), 1)?;
        let wait_s = if rest.is_empty() { AGAIN_S } else { BATCH_S };
        self.keep_telling(channel, telling, Some(wait_s))
    }

    /// The home asks for everything anew.
    pub(in crate::federation) fn take_sums_anew(
        &mut self,
        node: Node16,
        said: &[u8],
    ) -> CoreResult<()> {
        let SumsAnew { group } = read(said)?;
        let channel = self.channel_of(group)?.ok_or(CoreError::NotALetter)?;
        match self.brings(channel)? {
            Some(row) if NodeId(row.home).short() == node => self.bring_anew(channel),
            _ => Err(CoreError::NotALetter),
        }
    }
}
