//! Polls that other nodes have asked, and votes that were given there.
//!
//! What a log says is compared with what is here: a public vote is a row as one given here, by the
//! account of who gave it; of anonymous ones only other nodes' totals are known, beside the votes here.

use std::collections::BTreeMap;

use glog::{EntryRef, Node16, UserRef};
use node_store::Keyspace;

use super::make::{NewAnswer, NewPoll, POLL_CLOSE_PERIOD_MAX_S};
use super::{LogPoll, Poll, RECENT_SHOWN, Vote, vote_key};
use crate::decide::Decide;
use crate::ids::{ChannelId, MessageId, UserId};
use crate::media::{Media, PollId};
use crate::text::{Entity, EntityKind, Text};
use crate::{CoreError, CoreResult};

/// Totals that nodes have told of one poll: for each node, options and how many chose them.
pub(crate) type Tallies = BTreeMap<Node16, Vec<(u16, u64)>>;

impl Decide<'_> {
    /// Stores a poll that somebody of another node asks; `None` for one that nobody could have made here.
    pub(crate) fn take_poll(
        &mut self,
        creator: UserId,
        asked: LogPoll,
    ) -> CoreResult<Option<PollId>> {
        let now = self.now();
        // What is bounded at its author's is bounded here, whoever wrote it. Numbers of people are those of
        // another node: here they are somebody else's.
        let text = |mut text: Text| {
            let is_of_words =
                |entity: &Entity| !matches!(entity.kind, EntityKind::MentionName { .. });
            text.entities.retain(is_of_words);
            Text::draft(&text.text, text.entities).ok()
        };
        let answers = asked
            .answers
            .into_iter()
            .map(|(words, option)| text(words).map(|text| NewAnswer { text, option }));
        let (Some(question), Some(answers)) = (text(asked.question), answers.collect()) else {
            return Ok(None);
        };
        let is_over = asked.close_date != 0 && asked.close_date <= now;
        let latest = now.saturating_add(POLL_CLOSE_PERIOD_MAX_S);
        let closes = Some(asked.close_date.min(latest)).filter(|date| *date > now);
        let new = NewPoll {
            question,
            answers,
            public_voters: asked.public_voters,
            multiple_choice: asked.multiple_choice,
            quiz: asked.quiz,
            correct: asked.correct.map(usize::from).into_iter().collect(),
            solution: asked.solution.and_then(text),
            close_period: None,
            close_date: closes,
            closed: asked.closed || is_over,
            revoting_disabled: asked.revoting_disabled,
            shuffle_answers: asked.shuffle_answers,
            hide_results_until_close: asked.hide_results_until_close,
        };
        match self.new_poll(creator, new) {
            Ok(poll) => Ok(Some(poll)),
            Err(CoreError::Poll(_) | CoreError::MediaInvalid) => Ok(None),
            Err(cause) => Err(cause),
        }
    }

    /// The poll with which a message of a channel has asked; what is forwarded shows another message's.
    fn poll_asked(&self, channel: ChannelId, id: MessageId) -> CoreResult<Option<Poll>> {
        let Some(message) = self.message(channel, id)? else { return Ok(None) };
        let Some(Media::Poll(poll)) = message.media else { return Ok(None) };
        let Some(poll) = self.stored_poll(poll)? else { return Ok(None) };
        let asked = self.asked_in_channel(&poll)? == Some((channel, id));
        Ok(Some(poll).filter(|_| asked))
    }

    /// Somebody of another node has closed a poll.
    pub(crate) fn close_far_poll(&mut self, channel: ChannelId, id: MessageId) -> CoreResult<()> {
        let Some(mut poll) = self.poll_asked(channel, id)?.filter(|poll| !poll.closed) else {
            return Ok(());
        };
        poll.closed = true;
        self.put_poll(&poll)?;
        self.tell_poll(&poll, &[])
    }

    /// Public votes in a poll, by who gave them: what they chose now.
    pub(crate) fn show_votes(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        votes: Vec<(UserRef, Vec<u16>)>,
    ) -> CoreResult<()> {
        let Some(mut poll) = self.poll_asked(channel, id)?.filter(|poll| poll.public_voters) else {
            return Ok(());
        };
        let before = poll.clone();
        for (user, mut chosen) in votes {
            chosen.retain(|at| usize::from(*at) < poll.answers.len());
            chosen.sort_unstable();
            chosen.dedup();
            if chosen.len() > 1 && !poll.multiple_choice {
                continue;
            }
            let Some(user) = self.account_named(user)? else { continue };
            self.change_vote(&mut poll, user, chosen)?;
        }
        self.shown_poll(&before, &poll)
    }

    /// Options of an anonymous poll; none of another one.
    pub(crate) fn anonymous_options(&self, poll: PollId) -> CoreResult<usize> {
        let poll = self.stored_poll(poll)?.filter(|poll| !poll.public_voters);
        Ok(poll.map_or(0, |poll| poll.answers.len()))
    }

    /// Anonymous votes that people here have given to the poll of a message: how many chose each option,
    /// and how many voted.
    pub(crate) fn votes_here(
        &self,
        channel: ChannelId,
        id: MessageId,
    ) -> CoreResult<(BTreeMap<u16, u64>, u64)> {
        let found = self.poll_asked(channel, id)?.filter(|poll| !poll.public_voters);
        let Some(poll) = found else { return Ok(Default::default()) };
        let far = poll.far.iter().copied().chain(std::iter::repeat(0));
        let counts = poll.answers.iter().zip(far).zip(0_u16..);
        let counts =
            counts.map(|((answer, far), at)| (at, u64::from(answer.voters.saturating_sub(far))));
        let counts = counts.filter(|(_, count)| *count > 0).collect();
        Ok((counts, poll.voters.saturating_sub(poll.far_voters).into()))
    }

    /// This node writes in a channel from now on: it tells the totals of a poll itself.
    pub(crate) fn votes_to_lane(&mut self, channel: ChannelId, id: MessageId) -> CoreResult<()> {
        let (_, voters) = self.votes_here(channel, id)?;
        match self.poll_asked(channel, id)?.filter(|_| voters > 0) {
            Some(poll) => self.tally_later(channel, poll.id),
            None => Ok(()),
        }
    }

    /// What other nodes tell of anonymous votes: those that write, and readers by the home.
    pub(crate) fn show_far_votes(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        target: &EntryRef,
    ) -> CoreResult<()> {
        if self.poll_asked(channel, id)?.is_none_or(|poll| poll.public_voters) {
            return Ok(());
        }
        let tallies = self.with_shared(channel, |shared| {
            let message = shared.replica.lanes().message(shared.replica.chain(), target)?;
            Some(message.tallies)
        })?;
        self.show_tallies(channel, id, target, &tallies.flatten().unwrap_or_default())
    }

    fn show_tallies(
        &mut self,
        channel: ChannelId,
        id: MessageId,
        target: &EntryRef,
        tallies: &Tallies,
    ) -> CoreResult<()> {
        let of_readers = self.far_sums(channel, target)?;
        let own = self.inner.logs.keys().node().short();
        let found = self.poll_asked(channel, id)?.filter(|poll| !poll.public_voters);
        let Some(mut poll) = found else { return Ok(()) };
        let before = poll.clone();
        let (mut far, mut voters) = (vec![0_u64; poll.answers.len()], 0_u64);
        for (_, counts) in tallies.iter().filter(|(node, _)| **node != own) {
            // How many chose several nobody tells: not fewer than chose the first of all.
            let (mut all, mut most) = (0_u64, 0);
            for (option, count) in counts {
                let Some(sum) = far.get_mut(usize::from(*option)) else { continue };
                *sum = sum.saturating_add(*count);
                (all, most) = (all.saturating_add(*count), most.max(*count));
            }
            voters = voters.saturating_add(if poll.multiple_choice { most } else { all });
        }
        for (option, count) in &of_readers.votes {
            let Some(sum) = far.get_mut(usize::from(*option)) else { continue };
            *sum = sum.saturating_add(*count);
        }
        voters = voters.saturating_add(of_readers.voters);
        let bounded = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let far: Vec<u32> = far.into_iter().map(bounded).collect();
        let known = before.far.iter().copied().chain(std::iter::repeat(0));
        for ((answer, now), known) in poll.answers.iter_mut().zip(&far).zip(known) {
            answer.voters = answer.voters.saturating_sub(known).saturating_add(*now);
        }
        let voters = bounded(voters);
        poll.voters = poll.voters.saturating_sub(before.far_voters).saturating_add(voters);
        (poll.far, poll.far_voters) = (far, voters);
        self.shown_poll(&before, &poll)
    }

    fn shown_poll(&mut self, before: &Poll, poll: &Poll) -> CoreResult<()> {
        if poll == before {
            return Ok(());
        }
        self.put_poll(poll)?;
        self.tell_poll(poll, &[])
    }

    /// Somebody has chosen this in a poll, or nothing; whether it was something else before.
    pub(super) fn change_vote(
        &mut self,
        poll: &mut Poll,
        user: UserId,
        chosen: Vec<u16>,
    ) -> CoreResult<bool> {
        let key = vote_key(poll.id, user);
        let before: Option<Vote> = self.load(Keyspace::POLLS, &key)?;
        let same = before.as_ref().map_or(chosen.is_empty(), |before| before.chosen == chosen);
        if same {
            return Ok(false);
        }
        if let Some(before) = &before {
            poll.count(&before.chosen, false);
            poll.voters = poll.voters.saturating_sub(1);
        }
        poll.recent.retain(|recent| *recent != user);
        if chosen.is_empty() {
            self.put_shown::<Vote>(Keyspace::POLLS, &key, None)?;
        } else {
            poll.count(&chosen, true);
            poll.voters += 1;
            poll.recent.insert(0, user);
            poll.recent.truncate(RECENT_SHOWN);
            let vote = Vote { chosen, date: self.now() };
            self.put_shown(Keyspace::POLLS, &key, Some(&vote))?;
        }
        Ok(true)
    }

    /// Whether a vote that is given here can be told where the poll was asked.
    pub(crate) fn may_tell_votes(&self, channel: ChannelId) -> CoreResult<bool> {
        let own = self.inner.logs.keys().node().short();
        self.with_chain(channel, |chain| chain.state().is_member(own))
    }

    /// What the log says about the votes in a poll.
    pub(crate) fn votes_said(
        &self,
        channel: ChannelId,
        at: &EntryRef,
        by: UserRef,
    ) -> CoreResult<Option<Vec<u16>>> {
        let said = self.with_shared(channel, |shared| {
            let message = shared.replica.lanes().message(shared.replica.chain(), at)?;
            Some(message.votes.get(&by).cloned().unwrap_or_default())
        })?;
        Ok(said.flatten())
    }
}
