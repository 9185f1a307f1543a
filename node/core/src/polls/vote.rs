//! Voting, and who voted for what.

use node_store::Keyspace;

use super::{Poll, PollError, VOTES_MAX, Vote, vote_key, votes_prefix};
use crate::decide::Decide;
use crate::ids::{Actor, BoxId, MessageId, PeerId, UserId};
use crate::media::{Media, PollId};
use crate::message::Message;
use crate::record::Record as _;
use crate::{Core, CoreError, CoreResult};

/// What somebody chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voter {
    /// Who.
    pub user: UserId,
    /// Places among the answers.
    pub chosen: Vec<u16>,
    /// Unix seconds.
    pub date: i32,
}

/// A page of who voted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VotesPage {
    /// The poll.
    pub poll: Poll,
    /// The newest first.
    pub voters: Vec<Voter>,
    /// In all.
    pub count: usize,
    /// Where the next page begins, if there is one.
    pub next: Option<usize>,
}

impl Core {
    /// Votes in the poll of a message; no options take the vote back.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`], [`CoreError::Poll`], and those of groups.
    pub async fn vote(
        &self,
        actor: Actor,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
        options: Vec<Vec<u8>>,
    ) -> CoreResult<PollId> {
        self.join_to_comment(owner, peer).await?;
        self.write(Some(actor), move |decide| decide.vote(owner, peer, id, &options)).await
    }

    /// The poll that a message of `viewer`'s box shows.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`].
    pub async fn poll_in(&self, viewer: UserId, peer: PeerId, id: MessageId) -> CoreResult<PollId> {
        if !self.shows(viewer, peer, id)? {
            return Err(CoreError::UnknownMessage);
        }
        let found = self.messages(BoxId::of(viewer, peer), &[id]).await?;
        let message = found.into_iter().next().map(|stored| stored.message);
        match message.filter(|message| message.peer == peer).and_then(|message| message.media) {
            Some(Media::Poll(poll)) => Ok(poll),
            _ => Err(CoreError::UnknownMessage),
        }
    }

    /// Who voted in the poll of a message, for `option` or for anything, from the `from`th on.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`], [`PollError::NotPublic`], [`PollError::VoteRequired`],
    /// [`PollError::UnknownOption`].
    pub async fn votes(
        &self,
        viewer: UserId,
        peer: PeerId,
        id: MessageId,
        option: Option<&[u8]>,
        from: usize,
        limit: usize,
    ) -> CoreResult<VotesPage> {
        let poll = self.poll_in(viewer, peer, id).await?;
        let view = self.poll(viewer, poll)?.ok_or(CoreError::UnknownMessage)?;
        if !view.poll.public_voters {
            return Err(PollError::NotPublic.into());
        }
        if !view.shows_results() {
            return Err(PollError::VoteRequired.into());
        }
        let option = option.map(|option| view.poll.answer(option)).transpose()?;
        let store = &*self.inner.store;
        let prefix = votes_prefix(poll);
        let rows = crate::decide::scan_prefix(store, Keyspace::POLLS, &prefix, VOTES_MAX)?;
        self.settled().await?;
        let mut voters = Vec::with_capacity(rows.len());
        for (key, row) in rows {
            let vote = Vote::decode(&row)?;
            let user = key.last_chunk().map(|user| UserId(i64::from_be_bytes(*user)));
            let user = user.ok_or(CoreError::Damaged("vote"))?;
            if option.is_none_or(|option| vote.chosen.contains(&option)) {
                voters.push(Voter { user, chosen: vote.chosen, date: vote.date });
            }
        }
        voters.sort_by_key(|voter| (std::cmp::Reverse(voter.date), voter.user));
        // Those who are too many to be looked through are counted all the same.
        let count = match option {
            None => view.poll.voters,
            Some(at) => view.poll.answers.get(usize::from(at)).map_or(0, |answer| answer.voters),
        };
        let count = (count as usize).max(voters.len());
        let all = voters.len();
        let voters: Vec<Voter> = voters.into_iter().skip(from).take(limit).collect();
        let end = from.saturating_add(voters.len());
        Ok(VotesPage { poll: view.poll, count, next: (end < all).then_some(end), voters })
    }
}

impl Poll {
    /// The place of an answer.
    fn answer(&self, option: &[u8]) -> Result<u16, PollError> {
        let at = self.answers.iter().position(|answer| answer.option == option);
        at.and_then(|at| u16::try_from(at).ok()).ok_or(PollError::UnknownOption)
    }

    pub(super) fn count(&mut self, chosen: &[u16], more: bool) {
        for at in chosen {
            if let Some(answer) = self.answers.get_mut(usize::from(*at)) {
                let voters = answer.voters;
                answer.voters = if more { voters + 1 } else { voters.saturating_sub(1) };
            }
        }
    }
}

impl Decide<'_> {
    /// A message with a poll, and that poll.
    pub(super) fn poll_of(
        &self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
    ) -> CoreResult<(Message, Poll)> {
        let message = self.message(BoxId::of(owner, peer), id)?;
        let message = message.filter(|message| message.peer == peer);
        let message = message.ok_or(CoreError::UnknownMessage)?;
        let Some(Media::Poll(poll)) = message.media else { return Err(CoreError::UnknownMessage) };
        let poll = self.stored_poll(poll)?.ok_or(CoreError::UnknownMessage)?;
        Ok((message, poll))
    }

    fn vote(
        &mut self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
        options: &[Vec<u8>],
    ) -> CoreResult<PollId> {
        if let PeerId::Chat(chat) = peer {
            self.poll_of(owner, peer, id)?;
            self.chat_for(owner, chat)?;
        }
        if let PeerId::Channel(channel) = peer {
            self.poll_of(owner, peer, id)?;
            self.may_vote_in_channel(owner, channel, id)?;
        }
        self.count_vote(owner, peer, id, options)
    }

    /// Somebody of another server votes in a channel that anybody may read, by the words of answers: adds
    /// to what they voted for before, where that may be. False where they have voted.
    pub(crate) fn vote_of_ghost(
        &mut self,
        ghost: UserId,
        channel: crate::ChannelId,
        id: MessageId,
        answers: &[String],
    ) -> CoreResult<bool> {
        let (_, poll) = self.poll_of(ghost, channel.into(), id)?;
        if !self.channel_view(ghost, channel)?.may_read() {
            return Err(CoreError::RightMissing(crate::chats::Rights::SEND));
        }
        let option = |words: &String| {
            let found = poll.answers.iter().find(|answer| answer.text.text.trim() == words.trim());
            found.map(|answer| answer.option.clone()).ok_or(PollError::UnknownOption)
        };
        let answers = answers.iter().take(poll.answers.len() + 1);
        let mut options = answers.map(option).collect::<Result<Vec<_>, _>>()?;
        let before: Option<Vote> = self.load(Keyspace::POLLS, &vote_key(poll.id, ghost))?;
        if let Some(before) = before {
            if !poll.multiple_choice {
                return Ok(false);
            }
            let chosen = before.chosen.iter().filter_map(|at| poll.answers.get(usize::from(*at)));
            options.extend(chosen.map(|answer| answer.option.clone()));
        }
        if options.is_empty() {
            return Ok(false);
        }
        self.count_vote(ghost, channel.into(), id, &options).map(|_| true)
    }

    /// Counts the vote of somebody who may take part.
    fn count_vote(
        &mut self,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
        options: &[Vec<u8>],
    ) -> CoreResult<PollId> {
        let (message, mut poll) = self.poll_of(owner, peer, id)?;
        if poll.closed {
            return Err(PollError::Closed.into());
        }
        let mut chosen = Vec::with_capacity(options.len().min(poll.answers.len()));
        for option in options.iter().take(poll.answers.len() + 1) {
            let at = poll.answer(option)?;
            if !chosen.contains(&at) {
                chosen.push(at);
            }
        }
        chosen.sort_unstable();
        if chosen.len() > 1 && !poll.multiple_choice {
            return Err(PollError::TooManyOptions.into());
        }
        let key = vote_key(poll.id, owner);
        let before: Option<Vote> = self.load(Keyspace::POLLS, &key)?;
        if before.is_some() && (poll.quiz || poll.revoting_disabled) {
            return Err(PollError::RevoteNotAllowed.into());
        }
        let same = before.as_ref().map_or(chosen.is_empty(), |before| before.chosen == chosen);
        if same {
            return Ok(poll.id);
        }
        self.log_vote(owner, &poll, &chosen)?;
        self.change_vote(&mut poll, owner, chosen)?;
        self.put_poll(&poll)?;
        let mut here: Vec<UserId> =
            self.present_copies(owner, &message)?.into_iter().map(|(user, ..)| user).collect();
        here.push(owner);
        self.tell_poll(&poll, &here)?;
        // Forwarded to a channel, it is told there too.
        if let PeerId::Channel(channel) = peer
            && self.asked_in_channel(&poll)? != Some((channel, id))
        {
            self.tell_poll_in(channel, id, &poll);
        }
        Ok(poll.id)
    }
}
