//! Polls and quizzes.
//!
//! Keyspace `POLLS`, key = poll (8) ++ kind (1) ++ rest: 0 is the [`Poll`], 1 ++ user (8) a
//! [`Vote`], 2 the message that asked it ([`Asked`]), 3 that totals wait for their log. Messages name a poll by its number, so what is
//! forwarded shares its votes. A poll goes with the last copy of the last message that shows it.
//!
//! Source: <https://core.telegram.org/api/poll>

mod far;
mod log;
mod make;
mod vote;

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

pub(crate) use log::LogPoll;
pub use make::{
    NewAnswer, NewPoll, POLL_ANSWERS_MAX, POLL_CLOSE_PERIOD_MAX_S, POLL_QUESTION_CHARS_MAX,
};
pub use vote::{Voter, VotesPage};

use crate::decide::Decide;
use crate::event::{Event, Own};
use crate::ids::{ChannelId, MessageId, PeerId, UserId};
use crate::media::{Media, PollId};
use crate::message::Message;
use crate::record::Record;
use crate::text::Text;
use crate::timers::Kind;
use crate::{Core, CoreResult};

const POLL: u8 = 0;
const VOTE: u8 = 1;
const ASKED: u8 = 2;

/// Voters that are shown with a poll.
const RECENT_SHOWN: usize = 3;

/// Votes of one poll that are looked through. Protects memory.
const VOTES_MAX: usize = 10_000;

/// What is wrong about a poll or a vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PollError {
    /// There is no question, or it is too long.
    #[error("bad question")]
    QuestionInvalid,
    /// Too few answers, or too many.
    #[error("bad number of answers")]
    AnswersInvalid,
    /// An answer is empty or too long.
    #[error("bad answer")]
    AnswerInvalid,
    /// The bytes that stand for an answer are too many, or none.
    #[error("bad option")]
    OptionInvalid,
    /// Two answers are alike.
    #[error("an option twice")]
    OptionDuplicate,
    /// A quiz without a right answer.
    #[error("no right answer")]
    CorrectEmpty,
    /// A quiz with more than one right answer.
    #[error("too many right answers")]
    CorrectTooMany,
    /// The right answer is none of the answers.
    #[error("the right answer is no answer")]
    CorrectInvalid,
    /// A quiz in which several answers may be chosen.
    #[error("a quiz with several answers")]
    QuizMultiple,
    /// Who votes in a broadcast channel is not named.
    #[error("votes in a channel are anonymous")]
    PublicInChannel,
    /// Something that polls of this node do not have.
    #[error("not supported")]
    Unsupported,
    /// Nobody can vote any more.
    #[error("the poll is closed")]
    Closed,
    /// A vote for what is no answer.
    #[error("no such answer")]
    UnknownOption,
    /// More answers than may be chosen.
    #[error("too many answers chosen")]
    TooManyOptions,
    /// The vote stands.
    #[error("a vote cannot be changed")]
    RevoteNotAllowed,
    /// Who voted for what is not public.
    #[error("votes are not public")]
    NotPublic,
    /// Who has not voted does not see how others did.
    #[error("vote first")]
    VoteRequired,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PollAnswer {
    /// The answer itself.
    pub text: Text,
    /// What stands for it in votes.
    pub option: Vec<u8>,
    /// Votes for it.
    pub voters: u32,
}

/// A question, and what was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poll {
    /// Its number.
    pub id: PollId,
    /// Who asked.
    pub creator: UserId,
    /// Where, as the creator sees it: members of that place are told of votes.
    pub(crate) place: PeerId,
    /// The question.
    pub question: Text,
    /// In the creator's order.
    pub answers: Vec<PollAnswer>,
    /// Nobody can vote any more.
    pub closed: bool,
    /// Everybody sees who voted for what.
    pub public_voters: bool,
    /// Several answers may be chosen.
    pub multiple_choice: bool,
    /// There is a right answer.
    pub quiz: bool,
    /// Its place among the answers.
    pub correct: Option<u16>,
    /// Why it is right.
    pub solution: Option<Text>,
    /// Seconds for which it is open; 0: no bound.
    pub close_period: i32,
    /// When it closes, in unix seconds; 0: not by itself.
    pub close_date: i32,
    /// A vote stands.
    pub revoting_disabled: bool,
    /// Clients show the answers in another order to each.
    pub shuffle_answers: bool,
    /// Nobody sees results while it is open.
    pub hide_results_until_close: bool,
    /// Who has voted.
    pub voters: u32,
    /// Who has voted lately, the newest first.
    pub recent: Vec<UserId>,
    /// Copies of messages that show it.
    held: i64,
    /// Of the votes for each answer, those that other nodes tell without names.
    far: Vec<u32>,
    /// Who has voted there, as far as that can be told.
    far_voters: u32,
}

impl Record for Poll {
    const VERSION: u8 = 2;
    const NAME: &'static str = "poll";

    fn upgrade(version: u8, fields: &[u8]) -> Option<Self> {
        // Before votes of other nodes: what was added stands at the end, and begins with nothing.
        let nothing: (Vec<u32>, u32) = Default::default();
        let added = postcard::to_allocvec(&nothing).ok()?;
        (version == 1).then(|| postcard::from_bytes(&[fields, &added].concat()).ok())?
    }
}

/// What one member has chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Vote {
    /// Places among the answers, ascending.
    pub(crate) chosen: Vec<u16>,
    /// Unix seconds.
    pub(crate) date: i32,
}

impl Record for Vote {
    const VERSION: u8 = 1;
    const NAME: &'static str = "vote";
}

/// The message with which a poll was asked: who has a copy is told of votes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Asked {
    /// The number by which the copies know each other: see [`Message::twin`]. In a channel its id.
    twin: MessageId,
}

impl Record for Asked {
    const VERSION: u8 = 1;
    const NAME: &'static str = "message of a poll";
}

/// A poll as one member sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollView {
    /// The poll.
    pub poll: Poll,
    /// What the viewer has chosen, as places among the answers; empty: nothing.
    pub chosen: Vec<u16>,
    /// The viewer asked.
    pub is_creator: bool,
}

impl PollView {
    /// Whether the viewer sees how many chose what.
    #[must_use]
    pub fn shows_results(&self) -> bool {
        self.poll.closed || (!self.chosen.is_empty() && !self.poll.hide_results_until_close)
    }

    /// Whether the viewer sees who voted lately.
    #[must_use]
    pub fn shows_voters(&self) -> bool {
        let poll = &self.poll;
        poll.public_voters && (poll.closed || !poll.hide_results_until_close)
    }

    /// Whether the viewer sees the right answer of a quiz, and why it is.
    #[must_use]
    pub fn shows_solution(&self) -> bool {
        self.poll.closed || !self.chosen.is_empty()
    }
}

fn poll_key(poll: PollId) -> [u8; 9] {
    let mut key = [POLL; 9];
    if let Some(head) = key.first_chunk_mut::<8>() {
        *head = poll.0.to_be_bytes();
    }
    key
}

fn asked_key(poll: PollId) -> Vec<u8> {
    [&poll.0.to_be_bytes()[..], &[ASKED]].concat()
}

fn vote_key(poll: PollId, user: UserId) -> Vec<u8> {
    [&poll.0.to_be_bytes()[..], &[VOTE], &user.bytes()].concat()
}

fn votes_prefix(poll: PollId) -> Vec<u8> {
    [&poll.0.to_be_bytes()[..], &[VOTE]].concat()
}

impl Core {
    /// A poll as it is on disk, and what `viewer` has chosen.
    ///
    /// # Errors
    /// Those of the store.
    pub fn poll(&self, viewer: UserId, poll: PollId) -> CoreResult<Option<PollView>> {
        let found: Option<Poll> = self.shown(Keyspace::POLLS, &poll_key(poll))?;
        let Some(found) = found else { return Ok(None) };
        let vote: Option<Vote> = self.shown(Keyspace::POLLS, &vote_key(poll, viewer))?;
        let is_creator = found.creator == viewer;
        let chosen = vote.map_or_else(Vec::new, |vote| vote.chosen);
        Ok(Some(PollView { poll: found, chosen, is_creator }))
    }
}

impl Decide<'_> {
    pub(crate) fn stored_poll(&self, poll: PollId) -> CoreResult<Option<Poll>> {
        self.load(Keyspace::POLLS, &poll_key(poll))
    }

    fn put_poll(&mut self, poll: &Poll) -> CoreResult<()> {
        self.put_shown(Keyspace::POLLS, &poll_key(poll.id), Some(poll))
    }

    /// So many more copies of messages show a poll; or fewer, below 0.
    pub(crate) fn hold_poll(&mut self, poll: PollId, more: i64) -> CoreResult<()> {
        self.count_poll(poll, more)?;
        if more < 0 { self.end_poll(poll) } else { Ok(()) }
    }

    /// [`Decide::hold_poll`], but it stays also where nothing shows it: something is about to.
    fn count_poll(&mut self, poll: PollId, more: i64) -> CoreResult<()> {
        let Some(mut found) = self.stored_poll(poll)? else { return Ok(()) };
        found.held = found.held.saturating_add(more);
        self.put_poll(&found)
    }

    /// A scheduled message shows its poll too; or no longer, since it is sent or changed.
    pub(crate) fn schedule_poll(&mut self, media: Option<&Media>, more: i64) -> CoreResult<()> {
        match media {
            Some(Media::Poll(poll)) => self.count_poll(*poll, more),
            _ => Ok(()),
        }
    }

    /// A scheduled message is gone: its poll goes, unless a message shows it.
    pub(crate) fn end_scheduled_poll(&mut self, media: Option<&Media>) -> CoreResult<()> {
        match media {
            Some(Media::Poll(poll)) => self.end_poll(*poll),
            _ => Ok(()),
        }
    }

    /// Removes a poll that nothing shows, with its votes.
    fn end_poll(&mut self, poll: PollId) -> CoreResult<()> {
        let Some(found) = self.stored_poll(poll)?.filter(|found| found.held <= 0) else {
            return Ok(());
        };
        self.put_shown::<Poll>(Keyspace::POLLS, &poll_key(poll), None)?;
        self.clear_rows(Keyspace::POLLS, &votes_prefix(poll))?;
        self.delete(Keyspace::POLLS, &asked_key(poll));
        self.forget_tally(poll);
        if found.close_date > 0 {
            let key = crate::timers::at(
                Kind::ClosePoll,
                found.close_date,
                found.creator,
                &poll.0.to_be_bytes(),
            );
            self.delete(Keyspace::TIMERS, &key);
        }
        Ok(())
    }

    /// A message goes to those who are asked a poll, unless it was asked before.
    pub(crate) fn ask_poll(&mut self, message: &Message) -> CoreResult<()> {
        let Some(Media::Poll(poll)) = message.media else { return Ok(()) };
        let key = asked_key(poll);
        if self.get(Keyspace::POLLS, &key)?.is_some() {
            return Ok(());
        }
        self.put(Keyspace::POLLS, &key, &Asked { twin: message.twin })
    }

    /// Tells those who were asked a poll, as far as they still have the message and are where it
    /// was asked. Its update shows the whole poll: nobody else learns of it so.
    fn tell_poll(&mut self, poll: &Poll, also: &[UserId]) -> CoreResult<()> {
        if let Some((channel, id)) = self.asked_in_channel(poll)? {
            self.tell_poll_in(channel, id, poll);
        }
        let asked: Option<Asked> = self.load(Keyspace::POLLS, &asked_key(poll.id))?;
        let mut audience = Vec::new();
        // Who asked in a channel is told as the others there.
        if poll.place.channel().is_none() {
            audience.push(poll.creator);
        }
        if let Some(Asked { twin }) = asked {
            match poll.place {
                PeerId::User(other) => {
                    let there = self.message(other, twin)?.is_some_and(|message| {
                        message.media.is_some_and(|media| media == Media::Poll(poll.id))
                    });
                    audience.extend(there.then_some(other));
                }
                PeerId::Chat(chat) => {
                    let found = self.chat(chat)?;
                    let copies = self.copies(chat, twin)?.0.into_iter().map(|(user, _)| user);
                    audience.extend(copies.filter(|user| found.has(*user)));
                }
                PeerId::Channel(_) => {}
            }
        }
        audience.extend(also);
        audience.sort_unstable();
        audience.dedup();
        for user in audience {
            self.tell_own(user, Own::Poll(poll.id));
        }
        Ok(())
    }

    /// Tells who is in a channel of a poll that a message there shows.
    fn tell_poll_in(&mut self, channel: ChannelId, id: MessageId, poll: &Poll) {
        let (poll, creator, actor) = (poll.id, poll.creator, self.actor);
        self.event(Event::ChannelPoll { channel, id, poll, creator, actor });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the version before votes of other nodes wrote it: without what stands at the end.
    #[test]
    fn the_first_version_is_read() {
        let poll = Poll {
            id: PollId(7),
            creator: UserId(1),
            place: PeerId::from(UserId(1)),
            question: Text::draft("Which?", Vec::new()).unwrap(),
            answers: vec![PollAnswer { text: Text::none(), option: vec![1], voters: 3 }],
            closed: false,
            public_voters: true,
            multiple_choice: false,
            quiz: false,
            correct: Some(0),
            solution: None,
            close_period: 0,
            close_date: 5,
            revoting_disabled: false,
            shuffle_answers: false,
            hide_results_until_close: false,
            voters: 3,
            recent: vec![UserId(2)],
            held: 1,
            far: Vec::new(),
            far_voters: 0,
        };
        let now = poll.encode().unwrap();
        let (added, row) = (postcard::to_allocvec(&(Vec::<u32>::new(), 0_u32)).unwrap(), &now[1..]);
        let before = [&[1][..], row.strip_suffix(&added[..]).unwrap()].concat();
        assert_eq!(Poll::decode(&before).unwrap(), poll);
        assert_eq!(Poll::decode(&now).unwrap(), poll);
    }
}
