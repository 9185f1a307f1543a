//! What nodes that read have told this one, the home.

use glog::{EntryRef, GroupId, Node16};
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{
    Mark, OWN, READER, READS, SUM, TOLD, TOLD_BY, Totals, UNSAID, key, of_target, reads_key,
};
use crate::channels::is_known;
use crate::decide::Decide;
use crate::federation::mail::{Kind, Post, SumsAnew, SumsOf, SumsTold, read};
use crate::ids::ChannelId;
use crate::limits::Limit;
use crate::media::Media;
use crate::record::Record;
use crate::timers::{self, at};
use crate::{CoreError, CoreResult};

/// A node of which nothing was heard for so long is gone, in seconds, and what it told with it.
const GONE_S: i32 = 30 * 86_400;

/// So long after a node has begun to tell everything anew, what it has not told again goes.
const STALE_S: i32 = 3_600;

/// People that are taken for true of a node that the operator has connected to, and of another one once
/// it is well known: names of nodes cost nothing.
const PEOPLE_MAX: u64 = 1_000_000;
const PEOPLE_OF_STRANGER_MAX: u64 = 10_000;

/// Channels that one node reads, messages of one of them that it tells of, and nodes that read one
/// channel. Protects the disk.
const CHANNELS_OF_NODE_MAX: u64 = 1_000;
const TARGETS_OF_NODE_MAX: u64 = 10_000;
pub(super) const READERS_MAX: usize = 2_000;

/// How long a node waits for which there is no room.
const FULL_WAIT_S: u32 = 3_600;

/// Messages of one node that are dropped at once.
const DROPPED_AT_ONCE: usize = 128;

/// What a timer of a node looks for: whether it is gone, or what it has not told again.
const IS_IT_GONE: u8 = 1;
const WHAT_IS_STALE: u8 = 0;

/// A node that reads a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reader {
    /// Of its last letter.
    number: u64,
    /// What its letters below this one told goes, unless it is told again.
    since: u64,
    /// How many of its people are there, as far as that is taken for true.
    pub(super) members: u64,
    /// When it was last heard of, in unix seconds.
    heard: i32,
    /// Messages that it has told of.
    targets: u32,
    /// It writes too: it tells nothing but views.
    pub(super) writes: bool,
    /// Its last letter, and whether nothing that was said has counted its members yet.
    pub(super) mark: Mark,
    pub(super) fresh: bool,
}

impl Record for Reader {
    const VERSION: u8 = 1;
    const NAME: &'static str = "node that reads";
}

/// What one node has told of one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) totals: Totals,
    /// The letter that told it, and whether nothing that was said has counted it yet.
    pub(super) mark: Mark,
    pub(super) fresh: bool,
}

impl Record for Told {
    const VERSION: u8 = 1;
    const NAME: &'static str = "what a node has told of a message";
}

pub(super) fn reader_key(channel: ChannelId, node: Node16) -> Vec<u8> {
    key(READER, channel, &node.0)
}

fn told_key(channel: ChannelId, target: &EntryRef, node: Node16) -> Vec<u8> {
    [&of_target(TOLD, channel, target)[..], &node.0].concat()
}

fn told_by_key(channel: ChannelId, node: Node16, target: &[u8]) -> Vec<u8> {
    [&key(TOLD_BY, channel, &node.0)[..], target].concat()
}

/// Another one than a letter with sums about the group takes: a node may be home of one group and read
/// another, and of this one it may become the reader again.
fn slot(group: GroupId) -> [u8; 16] {
    let mut slot = [0; 16];
    for (to, from) in slot.iter_mut().zip(group.0) {
        *to = !from;
    }
    slot
}

impl Decide<'_> {
    /// What another node says that its people have done in a channel of this one.
    pub(in crate::federation) fn take_sums(&mut self, node: Node16, said: &[u8]) -> CoreResult<()> {
        let said: SumsTold = read(said)?;
        let channel = self.channel_of(said.group)?.ok_or(CoreError::NotALetter)?;
        let found = self.channel_row(channel).map_err(|_| CoreError::NotALetter)?;
        let own = self.inner.logs.keys().node();
        let (home, public, known) = self.with_chain(channel, |chain| {
            let state = chain.state();
            let known = state.nodes.get(&node).map(|known| known.member);
            (state.home, state.is_public(), known)
        })?;
        // Whoever was removed has nothing to say.
        let is_read = home == own && public && found.broadcast && !found.deleted;
        if !is_read || known == Some(false) {
            return Err(CoreError::NotALetter);
        }
        let before: Option<Reader> = self.load(Keyspace::NODES, &reader_key(channel, node))?;
        let number = before.as_ref().map_or(0, |before| before.number);
        if said.number <= number {
            return Ok(());
        }
        let (trusted, standing) = self.standing_here(node)?;
        let share = |all: u64| (all * u64::from(standing)).div_ceil(100);
        let mut reader = match before {
            Some(before) => before,
            None => self.begin_reading(channel, node, share(CHANNELS_OF_NODE_MAX))?,
        };
        let count = u32::try_from(said.of.len()).unwrap_or(u32::MAX);
        self.take_of_node(Limit::SumsOfNode(node), node, count.max(1))?;
        if said.after > number {
            self.want_sums_anew(node, said.group)?;
        }
        let people = if trusted { PEOPLE_MAX } else { share(PEOPLE_OF_STRANGER_MAX) };
        let most = said.people.min(people);
        let writes = known == Some(true);
        for one in said.of.iter() {
            let targets_max = share(TARGETS_OF_NODE_MAX);
            self.take_sums_of((channel, node), &mut reader, &said, one, most, writes, targets_max)?;
        }
        let begins_anew = said.since > reader.since;
        if begins_anew {
            reader.since = said.since;
            let due = self.now().saturating_add(STALE_S);
            self.set_timer(&at(timers::Kind::Reader, due, channel, &node.0), vec![WHAT_IS_STALE]);
        }
        // Those who write count their own.
        let members = if writes { 0 } else { said.members.min(most) };
        let is_news = reader.members != members || number == 0 || begins_anew;
        reader.fresh = reader.fresh || is_news;
        (reader.number, reader.members, reader.heard, reader.mark) =
            (said.number, members, self.now(), said.mark);
        reader.writes = writes;
        self.put(Keyspace::NODES, &reader_key(channel, node), &reader)?;
        if is_news {
            self.show_members_elsewhere(channel)?;
            self.say_members_later(channel)?;
        }
        self.say_sums_later(channel)
    }

    fn begin_reading(
        &mut self,
        channel: ChannelId,
        node: Node16,
        channels_max: u64,
    ) -> CoreResult<Reader> {
        let of_node = [&[READS][..], &node.0].concat();
        let reads =
            self.scan_prefix(Keyspace::NODES, &of_node, CHANNELS_OF_NODE_MAX as usize)?.len();
        let readers =
            self.scan_prefix(Keyspace::NODES, &key(READER, channel, &[]), READERS_MAX)?.len();
        if reads as u64 >= channels_max || readers >= READERS_MAX {
            return Err(CoreError::Flood { wait_s: FULL_WAIT_S });
        }
        self.put_bytes(Keyspace::NODES, &reads_key(node, channel), Vec::new());
        let due = self.now().saturating_add(GONE_S);
        self.set_timer(&at(timers::Kind::Reader, due, channel, &node.0), vec![IS_IT_GONE]);
        Ok(Reader::default())
    }

    #[expect(clippy::too_many_arguments, reason = "who tells what, and how much of it counts")]
    fn take_sums_of(
        &mut self,
        (channel, node): (ChannelId, Node16),
        reader: &mut Reader,
        said: &SumsTold,
        one: &SumsOf,
        most: u64,
        writes: bool,
        targets_max: u64,
    ) -> CoreResult<()> {
        let Some(id) = self.message_of_entry(channel, &one.target)? else { return Ok(()) };
        let message = self.message(channel, id)?.filter(|message| message.action.is_none());
        let Some(message) = message else { return Ok(()) };
        let told = told_key(channel, &one.target, node);
        let before: Option<Told> = self.load(Keyspace::NODES, &told)?;
        if before.is_none() {
            if u64::from(reader.targets) >= targets_max {
                return Ok(());
            }
            reader.targets += 1;
        }
        let mut totals = Totals { views: one.views, ..Totals::default() };
        if !writes {
            let options = match message.media {
                Some(Media::Poll(poll)) => self.anonymous_options(poll)?,
                _ => 0,
            };
            let votes = one.votes.iter().filter(|(option, _)| usize::from(*option) < options);
            totals.votes = votes.copied().collect();
            totals.voters = if options == 0 { 0 } else { one.voters };
            for (text, count) in one.reactions.iter() {
                let reaction = self.reaction_named(node, text.to_string())?;
                // What this node does not have it does not show.
                if let Some(reaction) = reaction.filter(is_known) {
                    totals.reactions.insert(reaction, *count);
                }
            }
        }
        let totals = totals.capped(most);
        let before = before.map(|before| before.totals).unwrap_or_default();
        self.change_sum(channel, &one.target, &before, &totals)?;
        self.put(Keyspace::NODES, &told, &Told { totals, mark: said.mark, fresh: true })?;
        let target = glog::cbor::encode(&one.target);
        let number = said.number.to_be_bytes().to_vec();
        self.put_bytes(Keyspace::NODES, &told_by_key(channel, node, &target), number);
        self.put_bytes(Keyspace::NODES, &of_target(UNSAID, channel, &one.target), vec![0]);
        self.show_sums(channel, &one.target)
    }

    /// Has a node tell again all that its people have done in a channel.
    fn want_sums_anew(&mut self, node: Node16, group: GroupId) -> CoreResult<()> {
        let post = Post::new(node, Kind::SUMS_ANEW, &SumsAnew { group })?;
        match self.post(Post { by_node: true, slot: Some(slot(group)), ..post }) {
            // It is asked again when it next says something.
            Err(CoreError::MailboxFull | CoreError::NodeUnreachable) => Ok(()),
            posted => posted,
        }
    }

    /// All that readers have told of a message.
    pub(super) fn sum_of(&self, channel: ChannelId, target: &EntryRef) -> CoreResult<Totals> {
        let sum = self.load(Keyspace::NODES, &of_target(SUM, channel, target))?;
        Ok(sum.unwrap_or_default())
    }

    fn change_sum(
        &mut self,
        channel: ChannelId,
        target: &EntryRef,
        before: &Totals,
        now: &Totals,
    ) -> CoreResult<()> {
        let row = of_target(SUM, channel, target);
        let sum = self.sum_of(channel, target)?.minus(before).plus(now);
        if sum == Totals::default() {
            self.delete(Keyspace::NODES, &row);
            return Ok(());
        }
        self.put(Keyspace::NODES, &row, &sum)
    }

    /// What each node that reads has told of a message.
    pub(super) fn told_of(
        &self,
        channel: ChannelId,
        target: &EntryRef,
    ) -> CoreResult<Vec<(Vec<u8>, Told)>> {
        let prefix = of_target(TOLD, channel, target);
        let rows = self.scan_prefix(Keyspace::NODES, &prefix, READERS_MAX * 2)?;
        rows.into_iter().map(|(row, told)| Ok((row, Told::decode(&told)?))).collect()
    }

    /// Nothing of what a node has told counts any more: the operator wants nothing of it.
    pub(in crate::federation) fn drop_reads_of(&mut self, node: Node16) -> CoreResult<()> {
        let of_node = [&[READS][..], &node.0].concat();
        for (row, _) in
            self.scan_prefix(Keyspace::NODES, &of_node, CHANNELS_OF_NODE_MAX as usize)?
        {
            let channel = row.last_chunk().map(|id| ChannelId(i64::from_be_bytes(*id)));
            if let Some(channel) = channel {
                self.drop_reader(channel, node)?;
            }
        }
        Ok(())
    }

    /// Nothing of what a node has told of a channel counts any more.
    pub(super) fn drop_reader(&mut self, channel: ChannelId, node: Node16) -> CoreResult<()> {
        self.delete(Keyspace::NODES, &reader_key(channel, node));
        self.delete(Keyspace::NODES, &reads_key(node, channel));
        let due = at(timers::Kind::Reader, self.now(), channel, &node.0);
        self.set_timer(&due, vec![WHAT_IS_STALE]);
        self.show_members_elsewhere(channel)?;
        self.say_members_later(channel)
    }

    /// It is time to look after a node that reads.
    pub(crate) fn fire_reader(
        &mut self,
        channel: ChannelId,
        node: &[u8],
        what: &[u8],
    ) -> CoreResult<()> {
        let node = node.try_into().map(Node16).map_err(|_| CoreError::Damaged("timer"))?;
        let reader: Option<Reader> = self.load(Keyspace::NODES, &reader_key(channel, node))?;
        let due = |due: i32| at(timers::Kind::Reader, due, channel, &node.0);
        if what == [IS_IT_GONE] {
            let Some(reader) = reader else { return Ok(()) };
            let gone = reader.heard.saturating_add(GONE_S);
            if gone <= self.now() {
                return self.drop_reader(channel, node);
            }
            self.set_timer(&due(gone), vec![IS_IT_GONE]);
            return Ok(());
        }
        let since = reader.as_ref().map_or(u64::MAX, |reader| reader.since);
        let prefix = key(TOLD_BY, channel, &node.0);
        let rows = self.scan_prefix(Keyspace::NODES, &prefix, TARGETS_OF_NODE_MAX as usize)?;
        let is_stale = |row: &[u8]| {
            row.first_chunk().is_some_and(|number| u64::from_be_bytes(*number) < since)
        };
        let stale = rows.iter().filter(|(_, number)| is_stale(number));
        let stale: Vec<&Vec<u8>> = stale.map(|(row, _)| row).take(DROPPED_AT_ONCE).collect();
        for row in &stale {
            self.delete(Keyspace::NODES, row);
            let target = row.get(prefix.len()..).and_then(|name| glog::cbor::decode(name).ok());
            let Some(target) = target else { continue };
            let told = told_key(channel, &target, node);
            if let Some(Told { totals, .. }) = self.load(Keyspace::NODES, &told)? {
                self.change_sum(channel, &target, &totals, &Totals::default())?;
            }
            self.delete(Keyspace::NODES, &told);
            self.put_bytes(Keyspace::NODES, &of_target(UNSAID, channel, &target), vec![0]);
            self.show_sums(channel, &target)?;
        }
        if let Some(mut reader) = reader {
            let dropped = u32::try_from(stale.len()).unwrap_or(u32::MAX);
            reader.targets = reader.targets.saturating_sub(dropped);
            self.put(Keyspace::NODES, &reader_key(channel, node), &reader)?;
        }
        if stale.len() == DROPPED_AT_ONCE {
            self.set_timer(&due(self.now()), vec![WHAT_IS_STALE]);
        }
        if stale.is_empty() { Ok(()) } else { self.say_sums_later(channel) }
    }

    /// A message is gone, and what was told of it.
    pub(crate) fn forget_sums(&mut self, channel: ChannelId, target: &[u8]) -> CoreResult<()> {
        for kind in [OWN, super::UNTOLD, super::SAID, UNSAID, SUM] {
            let row = key(kind, channel, target);
            if self.get(Keyspace::NODES, &row)?.is_some() {
                self.delete(Keyspace::NODES, &row);
            }
        }
        let prefix = key(TOLD, channel, target);
        for (row, _) in self.scan_prefix(Keyspace::NODES, &prefix, READERS_MAX * 2)? {
            self.delete(Keyspace::NODES, &row);
            let Some(node) = row.last_chunk().copied().map(Node16) else { continue };
            self.delete(Keyspace::NODES, &told_by_key(channel, node, target));
            let of_reader = reader_key(channel, node);
            let reader: Option<Reader> = self.load(Keyspace::NODES, &of_reader)?;
            if let Some(mut reader) = reader {
                reader.targets = reader.targets.saturating_sub(1);
                self.put(Keyspace::NODES, &of_reader, &reader)?;
            }
        }
        Ok(())
    }
}
