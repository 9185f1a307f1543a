//! Polls of channels, as the log of their channel has them.
//!
//! The post that asks has the poll beside it. A public vote is an entry by its voter; of anonymous ones
//! the node tells totals, at most every [`TALLY_S`] seconds, so that nobody reads from the order of
//! entries who voted for what. All votes are in the log of the channel that asked, wherever the voter
//! saw the poll: who may not take part there does not vote.

use glog::EntryRef;
use glog::body::{DataBody, Tally, Vote};
use glog::cbor::List;
use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use super::{Asked, Poll, PollError, asked_key};
use crate::chats::Rights;
use crate::decide::Decide;
use crate::ids::{ChannelId, MessageId, PeerId, UserId};
use crate::media::{Media, PollId};
use crate::text::Text;
use crate::timers::Kind;
use crate::{Core, CoreError, CoreResult};

/// Seconds after an anonymous vote at which the log has it.
const TALLY_S: i32 = 10;

const TALLY_WAITS: u8 = 3;

/// A poll without its votes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogPoll {
    pub(crate) question: Text,
    /// Each with what stands for it.
    pub(crate) answers: Vec<(Text, Vec<u8>)>,
    /// It was closed by hand; at `close_date` each node closes it for itself.
    pub(crate) closed: bool,
    pub(crate) public_voters: bool,
    pub(crate) multiple_choice: bool,
    pub(crate) quiz: bool,
    pub(crate) correct: Option<u16>,
    pub(crate) solution: Option<Text>,
    pub(crate) close_date: i32,
    pub(crate) revoting_disabled: bool,
    pub(crate) shuffle_answers: bool,
    pub(crate) hide_results_until_close: bool,
}

impl LogPoll {
    /// All that is written in it.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Text> {
        let answers = self.answers.iter().map(|(text, _)| text);
        [&self.question].into_iter().chain(answers).chain(&self.solution)
    }

    /// The same, to be changed.
    pub(crate) fn texts_mut(&mut self) -> impl Iterator<Item = &mut Text> {
        let answers = self.answers.iter_mut().map(|(text, _)| text);
        [&mut self.question].into_iter().chain(answers).chain(&mut self.solution)
    }
}

#[cfg(test)]
impl LogPoll {
    /// A question, its answers, and nothing more.
    pub(crate) fn bare(question: Text, answers: Vec<(Text, Vec<u8>)>) -> Self {
        Self {
            question,
            answers,
            closed: false,
            public_voters: false,
            multiple_choice: false,
            quiz: false,
            correct: None,
            solution: None,
            close_date: 0,
            revoting_disabled: false,
            shuffle_answers: false,
            hide_results_until_close: false,
        }
    }
}

impl Poll {
    /// As a log has it.
    pub(crate) fn to_log(&self) -> LogPoll {
        let answers = self.answers.iter().map(|one| (one.text.clone(), one.option.clone()));
        LogPoll {
            question: self.question.clone(),
            answers: answers.collect(),
            closed: self.closed,
            public_voters: self.public_voters,
            multiple_choice: self.multiple_choice,
            quiz: self.quiz,
            correct: self.correct,
            solution: self.solution.clone(),
            close_date: self.close_date,
            revoting_disabled: self.revoting_disabled,
            shuffle_answers: self.shuffle_answers,
            hide_results_until_close: self.hide_results_until_close,
        }
    }
}

fn waits_key(poll: PollId) -> Vec<u8> {
    [&poll.0.to_be_bytes()[..], &[TALLY_WAITS]].concat()
}

impl Decide<'_> {
    /// A message of a channel asks a poll, unless it was asked before.
    pub(crate) fn ask_poll_in_channel(
        &mut self,
        media: Option<&Media>,
        channel: ChannelId,
        id: MessageId,
    ) -> CoreResult<()> {
        let Some(Media::Poll(poll)) = media else { return Ok(()) };
        let key = asked_key(*poll);
        if self.get(Keyspace::POLLS, &key)?.is_some() {
            return Ok(());
        }
        // It may have waited for a group that became this one.
        self.place_poll(media, channel.into())?;
        self.put(Keyspace::POLLS, &key, &Asked { twin: id })
    }

    /// The message of a channel that asked a poll, while it is there.
    pub(super) fn asked_in_channel(
        &self,
        poll: &Poll,
    ) -> CoreResult<Option<(ChannelId, MessageId)>> {
        let PeerId::Channel(channel) = poll.place else { return Ok(None) };
        let asked: Option<Asked> = self.load(Keyspace::POLLS, &asked_key(poll.id))?;
        let Some(Asked { twin: id }) = asked else { return Ok(None) };
        let message = self.message(channel, id)?;
        let asks = message.is_some_and(|message| message.media == Some(Media::Poll(poll.id)));
        Ok(asks.then_some((channel, id)))
    }

    fn post_of_poll(&self, poll: &Poll) -> CoreResult<Option<(ChannelId, EntryRef)>> {
        let Some((channel, id)) = self.asked_in_channel(poll)? else { return Ok(None) };
        Ok(self.entry_of_message(channel, id)?.map(|post| (channel, post)))
    }

    /// Whether a channel takes a poll: readers of one vote without their names.
    pub(crate) fn may_ask_in_channel(
        &self,
        channel: ChannelId,
        media: Option<&Media>,
    ) -> CoreResult<()> {
        let Some(Media::Poll(poll)) = media else { return Ok(()) };
        let public = self.stored_poll(*poll)?.is_some_and(|poll| poll.public_voters);
        if public && self.channel_row(channel)?.broadcast {
            return Err(PollError::PublicInChannel.into());
        }
        Ok(())
    }

    /// Whether somebody may vote in a message of a channel.
    pub(super) fn may_vote_in_channel(
        &self,
        owner: UserId,
        channel: ChannelId,
        id: MessageId,
    ) -> CoreResult<()> {
        let view = self.channel_view(owner, channel)?;
        if !view.may_read() {
            return Err(CoreError::UnknownChannel);
        }
        let hidden_below = view.takes_part_above();
        let hidden_below = hidden_below.ok_or(CoreError::RightMissing(Rights::SEND))?;
        if id > hidden_below { Ok(()) } else { Err(CoreError::UnknownMessage) }
    }

    /// Writes a vote into the log of the channel that asked, if one did.
    pub(super) fn log_vote(
        &mut self,
        owner: UserId,
        poll: &Poll,
        chosen: &[u16],
    ) -> CoreResult<()> {
        let Some((channel, target)) = self.post_of_poll(poll)? else { return Ok(()) };
        if !self.may_take_part(channel, owner)? {
            return Err(CoreError::RightMissing(Rights::SEND));
        }
        // Readers of another node's channel are counted there.
        if self.only_reads(channel)? && !poll.public_voters {
            let id = self.asked_in_channel(poll)?.map(|(_, id)| id);
            return id.map_or(Ok(()), |id| self.bring_later(channel, id));
        }
        if !self.may_tell_votes(channel)? {
            return Err(CoreError::NotWriter);
        }
        if poll.public_voters {
            let options = List::new(chosen.to_vec()).map_err(|_| PollError::TooManyOptions)?;
            let vote = DataBody::Vote(Vote { target, options });
            return self.write_data(channel, owner, &vote).map(|_| ());
        }
        self.tally_later(channel, poll.id)
    }

    /// The log is told in some seconds how many have voted for what.
    pub(super) fn tally_later(&mut self, channel: ChannelId, poll: PollId) -> CoreResult<()> {
        let key = waits_key(poll);
        if self.get(Keyspace::POLLS, &key)?.is_none() {
            self.put_bytes(Keyspace::POLLS, &key, Vec::new());
            let due = self.now().saturating_add(TALLY_S);
            let rest = poll.0.to_be_bytes();
            self.set_timer(&crate::timers::at(Kind::Tally, due, channel, &rest), Vec::new());
        }
        Ok(())
    }

    /// Tells the log how many have voted for what.
    pub(crate) fn fire_tally(&mut self, poll: &[u8]) -> CoreResult<()> {
        let id = poll.try_into().map_err(|_| CoreError::Damaged("timer"))?;
        let id = PollId(i64::from_be_bytes(id));
        self.delete(Keyspace::POLLS, &waits_key(id));
        let Some(poll) = self.stored_poll(id)? else { return Ok(()) };
        let Some((channel, target)) = self.post_of_poll(&poll)? else { return Ok(()) };
        let found = self.channel_row(channel)?;
        if found.deleted {
            return Ok(());
        }
        if found.broadcast {
            // Nobody takes more votes for true than the node has members.
            let members = self.members_here(channel)?;
            self.count_in_lane(channel, members)?;
        }
        // Others tell their own.
        let far = poll.far.iter().copied().chain(std::iter::repeat(0));
        let counts = poll.answers.iter().zip(far).zip(0_u16..);
        let counts = counts
            .map(|((answer, far), at)| (at, u64::from(answer.voters.saturating_sub(far))))
            .collect();
        let counts = List::new(counts).map_err(|_| PollError::AnswersInvalid)?;
        let tally = DataBody::Tally(Tally { target, counts });
        self.write_data(channel, UserId(0), &tally).map(|_| ())
    }

    /// A poll is gone, and with it what waited to be told of it.
    pub(super) fn forget_tally(&mut self, poll: PollId) {
        self.delete(Keyspace::POLLS, &waits_key(poll));
    }
}

impl Core {
    /// Whether a message of a dialog is shown to somebody.
    pub(super) fn shows(&self, viewer: UserId, peer: PeerId, id: MessageId) -> CoreResult<bool> {
        let PeerId::Channel(channel) = peer else { return Ok(true) };
        let view = self.channel_to_read(viewer, channel)?;
        Ok(view.own.is_none_or(|own| id > own.hidden_below))
    }
}

#[cfg(test)]
impl Core {
    /// Everybody's votes, as they are stored.
    pub(crate) fn stored_votes(
        &self,
        poll: PollId,
    ) -> std::collections::BTreeMap<UserId, Vec<u16>> {
        use crate::record::Record as _;
        let (store, prefix) = (&*self.inner.store, super::votes_prefix(poll));
        let rows = crate::decide::scan_prefix(store, Keyspace::POLLS, &prefix, 10_000).unwrap();
        let user = |key: &[u8]| UserId(i64::from_be_bytes(*key.last_chunk().unwrap()));
        let chosen = |row: &[u8]| super::Vote::decode(row).unwrap().chosen;
        rows.iter().map(|(key, row)| (user(key), chosen(row))).collect()
    }
}
