//! The steps of a fill.

use glog::EntryRef;

use super::{Fill, Filling, Stage, fill_key, target_key};
use crate::channels::post::Origin;
use crate::decide::Decide;
use crate::event::ChatChange;
use crate::ids::{ChannelId, MessageId};
use crate::message::Reply;
use crate::{CoreError, CoreResult};
use node_store::Keyspace;

/// Messages of history that one command places, and bytes after which it takes no further one: what
/// others write waits that long.
pub(crate) const PLACED_AT_ONCE: usize = 128;
const PLACED_BYTES_MAX: usize = 256 << 10;

/// Entries that one command shows.
const SHOWN_AT_ONCE: usize = 64;

impl Decide<'_> {
    /// All that a channel is to be filled with is here, or will not come. True if there is more to do.
    pub(super) fn end_fetching(&mut self, channel: ChannelId, is_all: bool) -> CoreResult<bool> {
        let Some(fill) = self.fill(channel)?.filter(|fill| fill.stage == Stage::Fetching) else {
            return Ok(true);
        };
        if !is_all && !self.fetched(channel, &fill)?.1 {
            return Ok(false);
        }
        let upto = self.with_shared(channel, |shared| shared.delivered_so_far())?;
        let upto = upto.ok_or(CoreError::Damaged("entry of a log"))?;
        let stage = Stage::Rising { upto, until_ms: self.now_ms, shown: 0 };
        self.move_fill(channel, Fill { stage, ..fill }, 0)?;
        Ok(true)
    }

    /// Shows what is newer than history: first of what was here when the fetching ended, `newer`, then
    /// what came since. True if there is more to do.
    pub(super) fn rise(
        &mut self,
        channel: ChannelId,
        newer: Vec<(u64, EntryRef)>,
    ) -> CoreResult<bool> {
        let Some(mut fill) = self.fill(channel)? else { return Ok(false) };
        let Stage::Rising { upto, until_ms, mut shown } = fill.stage else { return Ok(true) };
        let is_last = newer.is_empty();
        let mut all = newer;
        if is_last {
            shown = shown.max(upto);
            all = self.delivered_from(channel, shown, SHOWN_AT_ONCE)?;
        }
        for (number, at) in all {
            // What is shown is no more held.
            shown = number + 1;
            fill.stage = Stage::Rising { upto, until_ms, shown };
            self.put_fill(channel, &fill)?;
            self.show(channel, &at, None)?;
        }
        let end = self.with_shared(channel, |shared| shared.delivered_so_far())?;
        let is_over = is_last && end.is_none_or(|end| shown >= end);
        fill.stage = match is_over {
            true => Stage::Falling { upto, until_ms, passed: 0 },
            false => Stage::Rising { upto, until_ms, shown },
        };
        self.move_fill(channel, fill, 0)?;
        Ok(true)
    }

    /// Places some more of history, below what is there. True if there is more to do.
    pub(super) fn fall(&mut self, channel: ChannelId) -> CoreResult<bool> {
        let Some(mut fill) = self.fill(channel)? else { return Ok(false) };
        let Stage::Falling { upto, until_ms, mut passed } = fill.stage else { return Ok(true) };
        let plan = self.plan(channel, &fill)?.ok_or(CoreError::Damaged("plan of a fill"))?;
        for _ in 0..self.inner.pace.placed_at_once {
            let Some((at, id)) = plan.next(passed) else { break };
            if !self.place_said(channel, &at, id)? {
                self.keep_top_of_before(channel, &at, id)?;
            }
            passed += 1;
            fill.stage = Stage::Falling { upto, until_ms, passed };
            self.put_fill(channel, &fill)?;
            if self.command_bytes() >= PLACED_BYTES_MAX {
                break;
            }
        }
        let left = plan.order.len().saturating_sub(usize::try_from(passed).unwrap_or(usize::MAX));
        if left > 0 {
            self.move_fill(channel, fill, i32::try_from(left).unwrap_or(i32::MAX))?;
            return Ok(true);
        }
        self.delete(Keyspace::CHANNELS, &fill_key(channel));
        self.delete(Keyspace::CHANNELS, &target_key(channel));
        self.copy_history(channel, plan.order.iter().rev().copied())?;
        self.after(move |inner| {
            inner.fills.moved(channel, None);
            // It was not looked at before.
            inner.search.due(channel.into());
        });
        self.tell_channel(channel, ChatChange::Info);
        Ok(false)
    }

    fn move_fill(&mut self, channel: ChannelId, fill: Fill, left: i32) -> CoreResult<()> {
        self.put_fill(channel, &fill)?;
        let passed = match fill.stage {
            Stage::Falling { passed, .. } => i32::try_from(passed).unwrap_or(i32::MAX),
            _ => 0,
        };
        let low = MessageId(fill.first.0.saturating_sub(passed));
        let filling = Filling { low, left, wait: None };
        self.after(move |inner| inner.fills.moved(channel, Some(filling)));
        Ok(())
    }

    /// Places one message of history as it is now, unless it shows nothing: then its number stays free.
    /// Whether it was placed.
    fn place_said(&mut self, channel: ChannelId, at: &EntryRef, id: MessageId) -> CoreResult<bool> {
        let said = self.with_shared(channel, |shared| {
            shared.replica.lanes().message(shared.replica.chain(), at)
        })?;
        let Some(said) = said.flatten() else { return Ok(false) };
        let Some(post) = &said.post else { return Ok(false) };
        if self.message_of_entry(channel, at)?.is_some()
            || self.is_veiled(channel, said.author)?
            || self.is_frozen(said.author.node)?
            || self.is_taken_down(channel, at)?
        {
            return Ok(false);
        }
        let read = self.read_post(channel.into(), said.author, post)?;
        let found = self.channel_row(channel)?;
        let (top, copy_of, reply_to) = (read.top, read.copy_of.clone(), read.reply_to);
        let mut message = self.message_taken(&found, at, (None, said.edited), read)?;
        let copy_of = match copy_of {
            Some(copy) if self.look_as_copy(&found, at, said.author, &mut message, &copy)? => {
                Some(copy)
            }
            _ => None,
        };
        message.pinned = !said.pins.is_empty();
        let answered = reply_to.map(|to| self.message_planned(channel, &to)).transpose()?.flatten();
        message.reply = answered.map(|to| Reply { to, quote: None });
        let top = top.filter(|_| !found.broadcast);
        let thread = top.map(|top| self.thread_planned(channel, &top)).transpose()?.flatten();
        message.thread = thread.map(|(top, _)| top);
        message.in_topic = thread.is_some_and(|(_, in_topic)| in_topic);
        if !found.broadcast {
            message.has_thread = self.begins_thread(channel, id, at)?;
        }
        self.ask_poll_in_channel(message.media.as_ref(), channel, id)?;
        self.hold_media(&message, 1)?;
        self.put_origin(channel, id, &Origin { post: glog::cbor::encode(at), pin: None })?;
        self.enter_thread_from_below(&found, id, &message)?;
        self.place_below(channel, id, message)?;
        if let Some(top) = top {
            self.stand_in_thread(channel, id, &top, thread.map(|(top, _)| top))?;
        }
        if let Some(copy) = copy_of {
            self.note_copy(channel, id, &copy)?;
        }
        match found.broadcast {
            true => self.post_of_before_came(channel, at)?,
            false => self.gather(channel, at, id)?,
        }
        for user in said.reactions.keys() {
            self.show_reaction(channel, at, *user)?;
        }
        self.show_votes(channel, id, said.votes.into_iter().collect())?;
        self.take_up_sums(channel, at, said.sums.as_ref())?;
        self.show_far_votes(channel, id, at)?;
        Ok(true)
    }
}
