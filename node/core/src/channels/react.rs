//! Reactions in channels and supergroups.
//!
//! One message may have as many as there are members, so each lies by itself, and to react costs the
//! same whoever did before. Keyspace `CHANNELS`, kinds: 32 which reactions there are ([`ChannelReactions`]);
//! 33 ++ id (4) how often what was reacted with ([`Counted`]); 34 ++ id (4) ++ user (8) one's own
//! ([`Mine`]); 35 ++ id (4) ++ latest first (4) who reacted ([`Listed`]); 36 ++ id (4) ++ user (8) that
//! the log does not have it yet; 37 ++ id (4) what people here reacted with, where other nodes take part
//! ([`Here`]).
//!
//! The log has them as React, those of two seconds together. Readers of a channel are not shown who reacted; members of a
//! supergroup are.

use std::collections::BTreeMap;

use glog::Node16;
use glog::body::{
    Action as LogAction, DataBody, Info, React, Reaction as LogReaction, Reactions as LogReactions,
    Setting,
};
use glog::cbor::{List, Text as LogText};
use node_store::{Keyspace, Order};
use serde::{Deserialize, Serialize};

use super::{AdminAction, AdminRights, row_key};
use crate::chats::{ChatReactions, Rights};
use crate::decide::Decide;
use crate::event::{ChatChange, Event};
use crate::federation::is_remote;
use crate::ids::{Actor, ChannelId, MessageId, UserId};
use crate::media::FileId;
use crate::message::Message;
use crate::reactions::{
    REACTIONS_UNIQ_MAX, RECENT_SHOWN, ReactHow, Reacted, Reaction, ReactionCount, ReactionError,
    ReactionsPage, ReactionsView,
};
use crate::record::Record;
use crate::timers::Kind;
use crate::{Core, CoreError, CoreResult};

const ALLOWED: u8 = 32;
const COUNTED: u8 = 33;
const MINE: u8 = 34;
const LISTED: u8 = 35;
const WAITS: u8 = 36;
const HERE: u8 = 37;

/// Seconds after which the log has a reaction.
const BATCH_S: i32 = 2;

/// Reactions of one entry of the log.
const BATCH_MAX: usize = 128;

/// Reactions to one message that are read to count those of people here.
const LISTED_READ_MAX: usize = 100_000;

/// Who reacted that one page looks through for one reaction.
const LOOKED_AT_MAX: usize = 1000;

/// Different reactions to one message that are taken from other nodes: each keeps to the bound of the
/// group for its own people, and several may do so at once.
const FAR_KINDS_MAX: usize = 64;

/// Custom emoji that a group takes along when it becomes a supergroup: the log names 128 in all.
const CUSTOM_CARRIED_MAX: usize = 100;

/// Which reactions a channel has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelReactions {
    /// These.
    pub available: ChatReactions,
    /// Different ones that one message may have, at most [`REACTIONS_UNIQ_MAX`].
    pub kinds_max: u8,
}

impl Default for ChannelReactions {
    fn default() -> Self {
        Self { available: ChatReactions::All, kinds_max: REACTIONS_UNIQ_MAX as u8 }
    }
}

impl Record for ChannelReactions {
    const VERSION: u8 = 1;
    const NAME: &'static str = "reactions of a channel";
}

/// What was reacted with to one message.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Counted {
    /// Each with how often, in the order in which they came.
    counts: Vec<(Reaction, u32)>,
    /// The newest, the newest first; in supergroups.
    recent: Vec<Reacted>,
    /// The number that the next reaction gets.
    next: u32,
    /// Those of people on nodes that only read, of which nothing but the number is known.
    far: Vec<(Reaction, u32)>,
}

impl Record for Counted {
    const VERSION: u8 = 2;
    const NAME: &'static str = "reactions in a channel";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        // Before those of other nodes' readers: they stand at the end, and there were none.
        let none = postcard::to_allocvec(&Vec::<(Reaction, u32)>::new()).ok()?;
        (version == 1).then(|| postcard::from_bytes(&[fields, &none].concat()).ok())?
    }
}

/// What people here reacted with to one message, each with how often.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Here(BTreeMap<Reaction, u64>);

impl Record for Here {
    const VERSION: u8 = 1;
    const NAME: &'static str = "reactions of this node in a channel";
}

impl Counted {
    fn add(&mut self, reaction: &Reaction) {
        match self.counts.iter_mut().find(|(known, _)| known == reaction) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.counts.push((reaction.clone(), 1)),
        }
    }

    fn take(&mut self, reaction: &Reaction) {
        if let Some((_, count)) = self.counts.iter_mut().find(|(known, _)| known == reaction) {
            *count = count.saturating_sub(1);
        }
        self.counts.retain(|(_, count)| *count > 0);
    }

    /// Those that are known one by one, and the others.
    fn all(&self) -> Vec<(Reaction, u32)> {
        let mut all = self.counts.clone();
        for (reaction, count) in &self.far {
            match all.iter_mut().find(|(known, _)| known == reaction) {
                Some((_, sum)) => *sum = sum.saturating_add(*count),
                None => all.push((reaction.clone(), *count)),
            }
        }
        all
    }

    fn shown(&self, own: Option<&Mine>) -> Vec<ReactionCount> {
        let mut counts: Vec<ReactionCount> = self
            .all()
            .into_iter()
            .map(|(reaction, count)| ReactionCount {
                count: i32::try_from(count).unwrap_or(i32::MAX),
                chosen: own.filter(|own| own.reaction == reaction).map(|_| 0),
                reaction,
            })
            .collect();
        // Stable: of equal ones the oldest stays first.
        counts.sort_by_key(|found| std::cmp::Reverse(found.count));
        counts
    }
}

/// What one member reacted with to one message.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Mine {
    reaction: Reaction,
    /// Its place in the list of all.
    number: u32,
}

impl Record for Mine {
    const VERSION: u8 = 1;
    const NAME: &'static str = "own reaction in a channel";
}

/// One reaction in the list of all.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Listed(Reacted);

impl Record for Listed {
    const VERSION: u8 = 1;
    const NAME: &'static str = "reaction in a channel";
}

/// Whether this node can show a reaction.
pub(crate) fn is_known(reaction: &Reaction) -> bool {
    ChatReactions::some(vec![reaction.clone()]).is_ok()
}

fn message_key(channel: ChannelId, kind: u8, id: MessageId) -> Vec<u8> {
    row_key(channel, kind, &id.0.max(0).to_be_bytes())
}

fn mine_key(channel: ChannelId, id: MessageId, user: UserId) -> Vec<u8> {
    [&message_key(channel, MINE, id)[..], &user.bytes()].concat()
}

/// The latest first.
fn listed_key(channel: ChannelId, id: MessageId, number: u32) -> Vec<u8> {
    [&message_key(channel, LISTED, id)[..], &(!number).to_be_bytes()].concat()
}

/// As it stands in the log. Documents have numbers of this node.
fn log_text(reaction: &Reaction) -> CoreResult<LogText<32>> {
    let text = match reaction {
        Reaction::Emoji(emoticon) => LogText::new(emoticon.as_str()),
        Reaction::Custom(file) => LogText::new(format!("#{}", file.0).as_str()),
    };
    text.map_err(|_| CoreError::TooLarge("reaction in a log"))
}

/// The setting as the log has it, with the names of custom emoji.
fn setting(
    reactions: &ChannelReactions,
    emoji_text: impl Fn(FileId) -> CoreResult<String>,
) -> CoreResult<Setting> {
    let too_many = |_| CoreError::from(ReactionError::TooMany);
    let only = match &reactions.available {
        ChatReactions::All => None,
        ChatReactions::None => Some(List::default()),
        ChatReactions::Some(emoji, custom) => {
            let emoji = emoji.iter().map(|emoji| Ok(emoji.clone()));
            let custom = custom.iter().map(|file| emoji_text(FileId(*file)));
            let all = emoji.chain(custom).map(|text: CoreResult<String>| {
                LogText::new(text?).map_err(|_| CoreError::TooLarge("reaction in a log"))
            });
            Some(List::new(all.collect::<CoreResult<_>>()?).map_err(too_many)?)
        }
    };
    Ok(Setting::Reactions(LogReactions { only, kinds_max: reactions.kinds_max }))
}

impl Core {
    /// Which reactions a channel has, as it is on disk.
    ///
    /// # Errors
    /// Those of the store.
    pub fn channel_reactions(&self, channel: ChannelId) -> CoreResult<ChannelReactions> {
        let row = self.shown(Keyspace::CHANNELS, &row_key(channel, ALLOWED, &[]))?;
        Ok(row.unwrap_or_default())
    }

    /// Says which reactions a channel has.
    ///
    /// # Errors
    /// [`ReactionError::TooMany`], [`CoreError::ChatNotModified`], and those of rights.
    pub async fn edit_channel_reactions(
        &self,
        actor: Actor,
        owner: UserId,
        channel: ChannelId,
        reactions: ChannelReactions,
    ) -> CoreResult<()> {
        let kinds_max = usize::from(reactions.kinds_max);
        if !(1..=REACTIONS_UNIQ_MAX).contains(&kinds_max) {
            return Err(ReactionError::TooMany.into());
        }
        self.write_or_ask(Some(actor), move |decide| {
            let setting = setting(&reactions, |emoji| decide.emoji_text(emoji))?;
            decide.channel_view(owner, channel)?.needs_admin(AdminRights::CHANGE_INFO)?;
            let key = row_key(channel, ALLOWED, &[]);
            let before = decide.allowed_reactions(channel)?;
            if before == reactions {
                return Err(CoreError::ChatNotModified);
            }
            let info = Info { setting, cut: None, epoch: None };
            decide.write_control(channel, Some(owner), LogAction::Info(info))?;
            decide.put_shown(Keyspace::CHANNELS, &key, Some(&reactions))?;
            let changed = AdminAction::Reactions(before.available, reactions.available);
            decide.note(channel, owner, changed)?;
            decide.tell_channel(channel, ChatChange::Info);
            Ok(())
        })
        .await
    }

    /// The reactions to a message of a channel, as far as they are on disk.
    pub(crate) fn reactions_in_channel(
        &self,
        viewer: UserId,
        channel: ChannelId,
        id: MessageId,
    ) -> CoreResult<ReactionsView> {
        let counted: Option<Counted> =
            self.shown(Keyspace::CHANNELS, &message_key(channel, COUNTED, id))?;
        let counted = counted.unwrap_or_default();
        let own = self.shown(Keyspace::CHANNELS, &mine_key(channel, id, viewer))?;
        let unread = self.unread_of(viewer, channel.into(), id)?;
        let counts = counted.shown(own.as_ref());
        let recent = counted.recent.into_iter().map(|one| {
            let is_unread = unread.contains(&one.user);
            (one, is_unread)
        });
        let can_see_list = self.channel(channel).is_some_and(|found| !found.broadcast);
        Ok(ReactionsView { counts, recent: recent.collect(), can_see_list })
    }

    /// Who reacted to a message of a supergroup, with `reaction` or with anything. `from` is what the
    /// page before said, or 0.
    pub(crate) async fn reactions_page_in_channel(
        &self,
        viewer: UserId,
        channel: ChannelId,
        id: MessageId,
        reaction: Option<&Reaction>,
        from: usize,
        limit: usize,
    ) -> CoreResult<ReactionsPage> {
        let view = self.channel_to_read(viewer, channel)?;
        if view.channel.broadcast {
            return Err(ReactionError::ListHidden.into());
        }
        if id <= view.own.map_or(MessageId(0), |own| own.hidden_below)
            || self.messages(channel, &[id]).await?.is_empty()
        {
            return Err(CoreError::UnknownMessage);
        }
        let counted: Option<Counted> =
            self.shown(Keyspace::CHANNELS, &message_key(channel, COUNTED, id))?;
        let counts = counted.unwrap_or_default().all();
        let count = counts.iter().filter(|(one, _)| reaction.is_none_or(|wanted| one == wanted));
        let count = count.map(|(_, count)| *count as usize).sum();
        // Where a page begins is the number above its first reaction: it holds also when others come.
        let first = match u32::try_from(from) {
            Ok(0) | Err(_) => u32::MAX,
            Ok(from) => from.saturating_sub(1),
        };
        let (from, end) =
            (listed_key(channel, id, first), message_key(channel, LISTED, MessageId(id.0 + 1)));
        let store = &*self.inner.store;
        let rows =
            store.scan(Keyspace::CHANNELS, &from, Some(&end), LOOKED_AT_MAX, Order::Ascending)?;
        self.settled().await?;
        let unread = self.unread_of(viewer, channel.into(), id)?;
        let (mut reacted, mut looked_at, mut last) = (Vec::new(), 0, None);
        for (key, row) in &rows {
            if reacted.len() == limit {
                break;
            }
            let number = key.last_chunk().map(|number| !u32::from_be_bytes(*number));
            last = number.and_then(|number| usize::try_from(number).ok());
            looked_at += 1;
            let Listed(one) = Listed::decode(row)?;
            if reaction.is_none_or(|wanted| one.reaction == *wanted) {
                let is_unread = unread.contains(&one.user);
                reacted.push((one, is_unread));
            }
        }
        let more = looked_at < rows.len() || rows.len() == LOOKED_AT_MAX;
        Ok(ReactionsPage { reacted, count, next: last.filter(|_| more) })
    }
}

impl Decide<'_> {
    pub(crate) fn allowed_reactions(&self, channel: ChannelId) -> CoreResult<ChannelReactions> {
        let row = self.load(Keyspace::CHANNELS, &row_key(channel, ALLOWED, &[]))?;
        Ok(row.unwrap_or_default())
    }

    /// A supergroup has the reactions that it had as a group.
    pub(super) fn carry_reactions(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        of_group: &ChatReactions,
    ) -> CoreResult<()> {
        let mut carried = ChannelReactions { available: of_group.clone(), ..Default::default() };
        if let ChatReactions::Some(_, custom) = &mut carried.available {
            custom.truncate(CUSTOM_CARRIED_MAX);
        }
        if carried == ChannelReactions::default() {
            return Ok(());
        }
        let setting = setting(&carried, |emoji| self.emoji_text(emoji))?;
        let info = Info { setting, cut: None, epoch: None };
        self.write_control(channel, Some(owner), LogAction::Info(info))?;
        self.put_shown(Keyspace::CHANNELS, &row_key(channel, ALLOWED, &[]), Some(&carried))
    }

    /// Reacts to a message of a channel; `None` takes one's reaction back.
    pub(crate) fn react_in_channel(
        &mut self,
        owner: UserId,
        channel: ChannelId,
        id: MessageId,
        wanted: Option<Reaction>,
        how: ReactHow,
    ) -> CoreResult<()> {
        let missing = CoreError::RightMissing(Rights::SEND_REACTIONS);
        let view = self.channel_view(owner, channel)?;
        if !view.may_read() {
            return Err(CoreError::UnknownChannel);
        }
        let Some(hidden_below) = view.takes_part_above() else { return Err(missing) };
        let message = self.message(channel, id)?;
        let message = message.filter(|m| m.action.is_none() && id > hidden_below);
        let message = message.ok_or(CoreError::UnknownMessage)?;
        let allowed = self.allowed_reactions(channel)?;
        if wanted.as_ref().is_some_and(|reaction| !allowed.available.has(reaction)) {
            return Err(ReactionError::Invalid.into());
        }
        // To take one back needs the right as well: without it the log would not hear of it.
        let may = !view.forbidden().contains_any(Rights::SEND_REACTIONS)
            && self.log_rights(channel, owner)?.1.has(glog::Rights::REACT);
        if !may {
            return Err(missing);
        }
        let kinds_max = usize::from(allowed.kinds_max);
        self.set_reaction(&view.channel, id, &message, owner, wanted, how, kinds_max)?;
        // Readers of another node's channel are counted there.
        if self.only_reads(channel)? {
            return self.bring_later(channel, id);
        }
        self.log_reaction_later(channel, id, owner)
    }

    /// What somebody of another server reacts with to a post of a channel that anybody may read: without
    /// being in it. To take one back needs no right; without it the log hears nothing of it.
    pub(crate) fn set_ghost_reaction(
        &mut self,
        ghost: UserId,
        channel: ChannelId,
        id: MessageId,
        wanted: Option<Reaction>,
    ) -> CoreResult<()> {
        let view = self.channel_view(ghost, channel)?;
        let may = view.may_read()
            && !view.forbidden().contains_any(Rights::SEND_REACTIONS)
            && self.log_rights(channel, ghost)?.1.has(glog::Rights::REACT);
        if wanted.is_some() && !may {
            return Err(CoreError::RightMissing(Rights::SEND_REACTIONS));
        }
        let message = self.message(channel, id)?.filter(|m| m.action.is_none());
        let message = message.ok_or(CoreError::UnknownMessage)?;
        let kinds_max = usize::from(self.allowed_reactions(channel)?.kinds_max);
        let how = ReactHow::default();
        match self.part(|decide| {
            decide.set_reaction(&view.channel, id, &message, ghost, wanted, how, kinds_max)
        })? {
            Err(CoreError::Reaction(ReactionError::NotModified)) => Ok(()),
            Ok(()) if may => self.log_reaction_later(channel, id, ghost),
            done => done,
        }
    }

    /// What somebody reacts with to a message is this from now on.
    #[expect(clippy::too_many_arguments, reason = "who, what, where and how")]
    fn set_reaction(
        &mut self,
        channel_row: &super::Channel,
        id: MessageId,
        message: &Message,
        owner: UserId,
        wanted: Option<Reaction>,
        how: ReactHow,
        kinds_max: usize,
    ) -> CoreResult<()> {
        let channel = channel_row.id;
        let (key, own_key) = (message_key(channel, COUNTED, id), mine_key(channel, id, owner));
        let before: Option<Mine> = self.load(Keyspace::CHANNELS, &own_key)?;
        if before.as_ref().map(|mine| &mine.reaction) == wanted.as_ref() {
            return Err(ReactionError::NotModified.into());
        }
        let mut counted: Counted = self.load(Keyspace::CHANNELS, &key)?.unwrap_or_default();
        self.count_here(channel, id, owner, before.as_ref(), wanted.as_ref())?;
        if let Some(before) = &before {
            counted.take(&before.reaction);
            self.delete(Keyspace::CHANNELS, &listed_key(channel, id, before.number));
        }
        let mut mine = None;
        if let Some(reaction) = wanted {
            // The first has the number 1: see the pages.
            counted.next = counted.next.checked_add(1).ok_or(ReactionError::TooMany)?;
            counted.add(&reaction);
            if counted.all().len() > kinds_max {
                return Err(ReactionError::TooMany.into());
            }
            let (user, date, big) = (owner, self.now(), how.big);
            let one = Reacted { user, reaction: reaction.clone(), date, big, hidden: false };
            let at = listed_key(channel, id, counted.next);
            self.put(Keyspace::CHANNELS, &at, &Listed(one))?;
            if how.add_to_recent {
                self.add_recent_reaction(owner, reaction.clone())?;
            }
            mine = Some(Mine { reaction, number: counted.next });
        }
        let broadcast = channel_row.broadcast;
        if !broadcast {
            let listed = message_key(channel, LISTED, id);
            let newest = self.scan_prefix(Keyspace::CHANNELS, &listed, RECENT_SHOWN)?;
            let newest = newest.iter().map(|(_, row)| Listed::decode(row).map(|one| one.0));
            counted.recent = newest.collect::<Result<_, _>>()?;
        }
        self.put_shown(Keyspace::CHANNELS, &own_key, mine.as_ref())?;
        self.put_shown(Keyspace::CHANNELS, &key, Some(&counted))?;
        if !message.reacted {
            self.rewrite(channel, id, &Message { reacted: true, ..message.clone() })?;
        }
        let author = message.from;
        let hears = !broadcast
            && author != owner
            && message.is_by(author)
            && self.participant(channel, author)?.is_some_and(|author| author.joined);
        if hears {
            self.mark_reaction(author, channel.into(), id, owner, mine.is_some())?;
        }
        let actor = self.actor;
        self.event(Event::ChannelReactions { channel, id, concerned: [owner, author], actor });
        Ok(())
    }

    /// What somebody on another node reacts with, as the log says.
    pub(super) fn show_far_reaction(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        user: UserId,
        wanted: Option<Reaction>,
    ) -> CoreResult<()> {
        let Some(message) = self.message(channel, id)?.filter(|m| m.action.is_none()) else {
            return Ok(());
        };
        let (found, how) = (self.channel_row(channel)?, ReactHow::default());
        // What this node does not have it does not show.
        let wanted = wanted.filter(is_known);
        match self.part(|decide| {
            decide.set_reaction(&found, id, &message, user, wanted, how, FAR_KINDS_MAX)
        })? {
            Err(CoreError::Reaction(ReactionError::NotModified | ReactionError::TooMany)) => Ok(()),
            done => done,
        }
    }

    /// Counts what people here react with, where another node has to be told.
    fn count_here(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        owner: UserId,
        before: Option<&Mine>,
        now: Option<&Reaction>,
    ) -> CoreResult<()> {
        if is_remote(owner) || self.inner.groups.of(channel).is_none() {
            return Ok(());
        }
        let mut here = self.reactions_here(channel, id)?;
        if let Some(before) = before
            && let Some(count) = here.get_mut(&before.reaction)
        {
            *count = count.saturating_sub(1);
        }
        if let Some(now) = now {
            *here.entry(now.clone()).or_default() += 1;
        }
        here.retain(|_, count| *count > 0);
        self.put(Keyspace::CHANNELS, &message_key(channel, HERE, id), &Here(here))
    }

    /// What people here have reacted with to a message.
    pub(crate) fn reactions_here(
        &self,
        channel: ChannelId,
        id: MessageId,
    ) -> CoreResult<BTreeMap<Reaction, u64>> {
        let known: Option<Here> = self.load(Keyspace::CHANNELS, &message_key(channel, HERE, id))?;
        if let Some(Here(counts)) = known {
            return Ok(counts);
        }
        // Not counted before: other nodes have begun to take part since, or an earlier version was here.
        let mut counts = BTreeMap::new();
        for one in self.listed(channel, id)?.into_iter().filter(|one| !is_remote(one.user)) {
            *counts.entry(one.reaction).or_default() += 1;
        }
        Ok(counts)
    }

    fn listed(&self, channel: ChannelId, id: MessageId) -> CoreResult<Vec<Reacted>> {
        let prefix = message_key(channel, LISTED, id);
        let rows = self.scan_prefix(Keyspace::CHANNELS, &prefix, LISTED_READ_MAX)?;
        rows.iter().map(|(_, row)| Listed::decode(row).map(|Listed(one)| one)).collect()
    }

    /// How often people on nodes that only read have reacted with what.
    pub(crate) fn show_far_counts(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        message: &Message,
        far: &BTreeMap<Reaction, u64>,
    ) -> CoreResult<()> {
        let key = message_key(channel, COUNTED, id);
        let before: Option<Counted> = self.load(Keyspace::CHANNELS, &key)?;
        let before = before.unwrap_or_default();
        let far = far.iter().take(FAR_KINDS_MAX);
        let far = far
            .map(|(reaction, count)| (reaction.clone(), u32::try_from(*count).unwrap_or(u32::MAX)));
        let far: Vec<(Reaction, u32)> = far.collect();
        if before.far == far {
            return Ok(());
        }
        self.put_shown(Keyspace::CHANNELS, &key, Some(&Counted { far, ..before }))?;
        if !message.reacted {
            self.rewrite(channel, id, &Message { reacted: true, ..message.clone() })?;
        }
        let (concerned, actor) = ([message.from; 2], self.actor);
        self.event(Event::ChannelReactions { channel, id, concerned, actor });
        Ok(())
    }

    /// This node writes in a channel from now on: what was counted at the home goes into its lane.
    pub(crate) fn reactions_to_lane(
        &mut self,
        channel: ChannelId,
        id: MessageId,
    ) -> CoreResult<()> {
        for one in self.listed(channel, id)?.into_iter().filter(|one| !is_remote(one.user)) {
            self.log_reaction_later(channel, id, one.user)?;
        }
        Ok(())
    }

    /// Which reactions a channel has, as its log says.
    pub(super) fn show_far_reactions(
        &mut self,
        channel: ChannelId,
        said: &LogReactions,
        home: Node16,
    ) -> CoreResult<()> {
        let available = match &said.only {
            None => ChatReactions::All,
            Some(only) => {
                let mut known = Vec::new();
                for text in only.iter() {
                    // A bare number is one of the home's: so earlier versions have named them.
                    let named = self.reaction_named(home, text.to_string())?;
                    known.extend(named.filter(is_known));
                }
                ChatReactions::some(known).unwrap_or(ChatReactions::None)
            }
        };
        let kinds_max = said.kinds_max.clamp(1, REACTIONS_UNIQ_MAX as u8);
        let reactions = ChannelReactions { available, kinds_max };
        self.put_shown(Keyspace::CHANNELS, &row_key(channel, ALLOWED, &[]), Some(&reactions))?;
        self.tell_channel(channel, ChatChange::Info);
        Ok(())
    }

    /// The log has a reaction with others, in [`BATCH_S`] seconds at most.
    fn log_reaction_later(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        user: UserId,
    ) -> CoreResult<()> {
        let prefix = row_key(channel, WAITS, &[]);
        if self.scan_prefix(Keyspace::CHANNELS, &prefix, 1)?.is_empty() {
            let due = self.now().saturating_add(BATCH_S);
            self.set_timer(&crate::timers::at(Kind::React, due, channel, &[]), Vec::new());
        }
        let key = [&message_key(channel, WAITS, id)[..], &user.bytes()].concat();
        self.put_bytes(Keyspace::CHANNELS, &key, Vec::new());
        Ok(())
    }

    /// Writes the reactions into a log that it does not have yet: as they are now, whatever they were
    /// in between. Rights may change afterwards only, or the log would judge them by other ones.
    pub(crate) fn log_reactions(&mut self, channel: ChannelId) -> CoreResult<()> {
        let damaged = || CoreError::Damaged("reaction that waits for its log");
        let prefix = row_key(channel, WAITS, &[]);
        loop {
            let rows = self.scan_prefix(Keyspace::CHANNELS, &prefix, BATCH_MAX)?;
            let mut items = Vec::with_capacity(rows.len());
            for (key, _) in &rows {
                let rest = key.strip_prefix(&prefix[..]).ok_or_else(damaged)?;
                let (id, user) = rest.split_at_checked(4).ok_or_else(damaged)?;
                let id = MessageId(i32::from_be_bytes(id.try_into().map_err(|_| damaged())?));
                let user = UserId(i64::from_be_bytes(user.try_into().map_err(|_| damaged())?));
                self.delete(Keyspace::CHANNELS, key);
                // The message may be gone, and they with it.
                let Some(target) = self.entry_of_message(channel, id)? else { continue };
                let mine: Option<Mine> =
                    self.load(Keyspace::CHANNELS, &mine_key(channel, id, user))?;
                let said = mine.iter().map(|mine| self.reaction_text(&mine.reaction));
                let reactions = List::new(said.collect::<CoreResult<_>>()?);
                let reactions = reactions.map_err(|_| ReactionError::TooMany)?;
                items.push(LogReaction { user: user.0.unsigned_abs(), target, reactions });
            }
            let is_last = rows.len() < BATCH_MAX;
            if !items.is_empty() {
                let items = List::new(items).map_err(|_| ReactionError::TooMany)?;
                self.write_data(channel, UserId(0), &DataBody::React(React { items }))?;
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// What logs call a reaction: see [`log_text`]; another node's emoji has that node in its name.
    pub(crate) fn reaction_text(&self, reaction: &Reaction) -> CoreResult<LogText<32>> {
        match self.reaction_in_log(reaction)? {
            Some(text) => LogText::new(text).map_err(|_| CoreError::TooLarge("reaction in a log")),
            None => log_text(reaction),
        }
    }

    /// A message of a channel goes, and its reactions with it.
    pub(super) fn forget_reactions_in_channel(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        message: &Message,
    ) -> CoreResult<()> {
        if !message.reacted {
            return Ok(());
        }
        self.forget_unread_reactions(message.from, channel.into(), id)?;
        let key = message_key(channel, COUNTED, id);
        self.put_shown::<Counted>(Keyspace::CHANNELS, &key, None)?;
        self.delete(Keyspace::CHANNELS, &message_key(channel, HERE, id));
        for kind in [MINE, LISTED] {
            self.clear_rows(Keyspace::CHANNELS, &message_key(channel, kind, id))?;
        }
        Ok(())
    }
}

#[cfg(test)]
impl Core {
    /// All reactions to a message of a channel, as the log names them.
    pub(crate) fn listed_reactions(
        &self,
        channel: ChannelId,
        id: MessageId,
    ) -> std::collections::BTreeMap<UserId, Vec<String>> {
        let prefix = message_key(channel, LISTED, id);
        let store = &*self.inner.store;
        let rows = crate::decide::scan_prefix(store, Keyspace::CHANNELS, &prefix, usize::MAX >> 1);
        let rows = rows.unwrap();
        let said = rows.iter().map(|(_, row)| Listed::decode(row).unwrap().0);
        said.map(|one| (one.user, vec![log_text(&one.reaction).unwrap().to_string()])).collect()
    }

    /// A home that says which reactions a channel has, in words of the log.
    pub(crate) async fn say_reactions(&self, channel: ChannelId, by: UserId, only: &[&str]) {
        let only = only.iter().map(|text| LogText::new(*text).unwrap()).collect();
        let only = Some(List::new(only).unwrap());
        let setting = Setting::Reactions(LogReactions { only, kinds_max: 1 });
        let info = Info { setting, cut: None, epoch: None };
        let say = move |decide: &mut Decide<'_>| {
            decide.write_control(channel, Some(by), LogAction::Info(info))
        };
        self.write(None, say).await.unwrap();
    }

    /// Which reactions a channel has, as the log says it.
    pub(crate) fn reactions_setting(&self, channel: ChannelId) -> Setting {
        let reactions = self.channel_reactions(channel).unwrap();
        setting(&reactions, |emoji| Ok(self.own_emoji_text(emoji.0))).unwrap()
    }

    /// How many rows a message's reactions have.
    pub(crate) fn reaction_rows(&self, channel: ChannelId, id: MessageId) -> usize {
        let store = &*self.inner.store;
        let rows = |kind| {
            let prefix = message_key(channel, kind, id);
            crate::decide::scan_prefix(store, Keyspace::CHANNELS, &prefix, 10_000).unwrap().len()
        };
        [COUNTED, MINE, LISTED].into_iter().map(rows).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the version before readers of other nodes wrote it: without what stands at the end.
    #[test]
    fn the_first_version_is_read() {
        let counts = vec![(Reaction::Emoji("\u{1f44d}".into()), 3)];
        let counted = Counted { counts, recent: Vec::new(), next: 4, far: Vec::new() };
        let now = counted.encode().unwrap();
        let added = postcard::to_allocvec(&Vec::<(Reaction, u32)>::new()).unwrap();
        let before = [&[1][..], now[1..].strip_suffix(&added[..]).unwrap()].concat();
        for row in [before, now] {
            let read = Counted::decode(&row).unwrap();
            assert_eq!((read.counts, read.next, read.far), (counted.counts.clone(), 4, Vec::new()));
        }
    }
}
