//! Asking, and closing.

use crate::channels::AdminAction;
use crate::decide::Decide;
use crate::ids::{Actor, MessageId, PeerId, UserId};
use crate::media::{Media, PollId};
use crate::polls::{Poll, PollAnswer, PollError};
use crate::text::Text;
use crate::timers::Kind;
use crate::{Core, CoreError, CoreResult};

/// Answers of a poll: `poll_answers_max`.
pub const POLL_ANSWERS_MAX: usize = 12;

const POLL_ANSWERS_MIN: usize = 2;

/// Longest question, in characters.
pub const POLL_QUESTION_CHARS_MAX: usize = 255;

/// Longest answer, in characters.
const ANSWER_CHARS_MAX: usize = 100;

/// Longest bytes that stand for an answer.
const OPTION_BYTES_MAX: usize = 100;

/// Longest solution, in characters and in line feeds.
const SOLUTION_CHARS_MAX: usize = 200;
const SOLUTION_LINE_FEEDS_MAX: usize = 2;

/// Longest time for which a poll is open, if it closes by itself: `poll_close_period_max`.
pub const POLL_CLOSE_PERIOD_MAX_S: i32 = 2_628_000;

const CLOSE_PERIOD_MIN_S: i32 = 5;

/// A poll that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPoll {
    /// The question.
    pub question: Text,
    /// The answers, in their order.
    pub answers: Vec<NewAnswer>,
    /// See [`Poll::public_voters`].
    pub public_voters: bool,
    /// See [`Poll::multiple_choice`].
    pub multiple_choice: bool,
    /// See [`Poll::quiz`].
    pub quiz: bool,
    /// Places of the right answers.
    pub correct: Vec<usize>,
    /// Why it is right.
    pub solution: Option<Text>,
    /// Seconds after which it closes.
    pub close_period: Option<i32>,
    /// When it closes, in unix seconds.
    pub close_date: Option<i32>,
    /// It is closed from the beginning.
    pub closed: bool,
    /// See [`Poll::revoting_disabled`].
    pub revoting_disabled: bool,
    /// See [`Poll::shuffle_answers`].
    pub shuffle_answers: bool,
    /// See [`Poll::hide_results_until_close`].
    pub hide_results_until_close: bool,
}

/// One answer of a poll that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAnswer {
    /// The answer itself.
    pub text: Text,
    /// What stands for it in votes.
    pub option: Vec<u8>,
}

impl NewPoll {
    /// Checks everything but the time, of which the committer knows.
    fn check(&self) -> Result<(), PollError> {
        let fits = |text: &Text, max| (1..=max).contains(&text.text.chars().count());
        if !fits(&self.question, POLL_QUESTION_CHARS_MAX) {
            return Err(PollError::QuestionInvalid);
        }
        if !(POLL_ANSWERS_MIN..=POLL_ANSWERS_MAX).contains(&self.answers.len()) {
            return Err(PollError::AnswersInvalid);
        }
        for (at, answer) in self.answers.iter().enumerate() {
            if !fits(&answer.text, ANSWER_CHARS_MAX) {
                return Err(PollError::AnswerInvalid);
            }
            if !(1..=OPTION_BYTES_MAX).contains(&answer.option.len()) {
                return Err(PollError::OptionInvalid);
            }
            if self.answers.iter().take(at).any(|before| before.option == answer.option) {
                return Err(PollError::OptionDuplicate);
            }
        }
        if self.quiz {
            if self.multiple_choice {
                return Err(PollError::QuizMultiple);
            }
            match self.correct.as_slice() {
                [] => return Err(PollError::CorrectEmpty),
                [at] if *at < self.answers.len() => {}
                [_] => return Err(PollError::CorrectInvalid),
                _ => return Err(PollError::CorrectTooMany),
            }
        }
        if let Some(solution) = &self.solution {
            let feeds = solution.text.matches('\n').count();
            if solution.text.chars().count() > SOLUTION_CHARS_MAX || feeds > SOLUTION_LINE_FEEDS_MAX
            {
                return Err(PollError::AnswerInvalid);
            }
        }
        Ok(())
    }
}

impl Core {
    /// Closes one's own poll: nobody can vote any more, and everybody sees the results.
    ///
    /// # Errors
    /// [`CoreError::UnknownMessage`], [`CoreError::NotTheAuthor`], [`PollError::Closed`].
    pub async fn close_poll(
        &self,
        actor: Actor,
        owner: UserId,
        peer: PeerId,
        id: MessageId,
    ) -> CoreResult<PollId> {
        self.write(Some(actor), move |decide| {
            let (message, mut poll) = decide.poll_of(owner, peer, id)?;
            let may = match peer {
                PeerId::Channel(channel) => {
                    let any = decide.may_edit_in_channel(owner, channel, &message)?;
                    any || poll.creator == owner
                }
                _ => message.out && poll.creator == owner,
            };
            if !may || message.forward.is_some() {
                return Err(CoreError::NotTheAuthor);
            }
            if poll.closed {
                return Err(PollError::Closed.into());
            }
            poll.closed = true;
            decide.put_poll(&poll)?;
            if let PeerId::Channel(channel) = peer {
                // It is said by whoever may edit the message, and no edit to people.
                decide.log_edit(owner, channel, id, &message)?;
                decide.note(channel, owner, AdminAction::PollStopped(id, message))?;
            }
            decide.tell_poll(&poll, &[])?;
            Ok(poll.id)
        })
        .await
    }
}

impl Decide<'_> {
    /// Stores a poll that is about to be sent; its place is said later.
    pub(crate) fn new_poll(&mut self, creator: UserId, new: NewPoll) -> CoreResult<PollId> {
        new.check()?;
        let now = self.now();
        let period = new.close_period.unwrap_or(0);
        if period != 0 && !(CLOSE_PERIOD_MIN_S..=POLL_CLOSE_PERIOD_MAX_S).contains(&period) {
            return Err(CoreError::MediaInvalid);
        }
        let close_date = match (period, new.close_date.unwrap_or(0)) {
            (0, 0) => 0,
            (0, date) => {
                let ahead = date.saturating_sub(now);
                if !(1..=POLL_CLOSE_PERIOD_MAX_S).contains(&ahead) {
                    return Err(CoreError::MediaInvalid);
                }
                date
            }
            (period, _) => now.saturating_add(period),
        };
        let id = PollId(rand::RngExt::random_range(&mut self.rng, 1..=i64::MAX));
        if self.stored_poll(id)?.is_some() {
            return Err(CoreError::MediaInvalid);
        }
        let answers = new.answers.into_iter().map(|answer| PollAnswer {
            text: answer.text,
            option: answer.option,
            voters: 0,
        });
        let poll = Poll {
            id,
            creator,
            place: creator.into(),
            question: new.question,
            answers: answers.collect(),
            closed: new.closed,
            public_voters: new.public_voters,
            multiple_choice: new.multiple_choice,
            quiz: new.quiz,
            correct: new
                .correct
                .first()
                .and_then(|at| u16::try_from(*at).ok())
                .filter(|_| new.quiz),
            solution: new.solution.filter(|text| new.quiz && !text.text.is_empty()),
            close_period: period,
            close_date,
            revoting_disabled: new.revoting_disabled || new.quiz,
            shuffle_answers: new.shuffle_answers,
            hide_results_until_close: new.hide_results_until_close,
            voters: 0,
            recent: Vec::new(),
            held: 0,
            far: Vec::new(),
            far_voters: 0,
        };
        self.put_poll(&poll)?;
        if close_date > 0 && !poll.closed {
            let key = crate::timers::at(Kind::ClosePoll, close_date, creator, &id.0.to_be_bytes());
            self.set_timer(&key, Vec::new());
        }
        Ok(id)
    }

    /// Says where a poll is asked.
    pub(crate) fn place_poll(&mut self, media: Option<&Media>, to: PeerId) -> CoreResult<()> {
        let Some(Media::Poll(id)) = media else { return Ok(()) };
        let Some(mut poll) = self.stored_poll(*id)? else { return Ok(()) };
        poll.place = to;
        self.put_poll(&poll)
    }

    /// A poll closes by itself.
    pub(crate) fn fire_close_poll(&mut self, poll: &[u8]) -> CoreResult<()> {
        let id = poll.try_into().map_err(|_| CoreError::Damaged("timer"))?;
        let found = self.stored_poll(PollId(i64::from_be_bytes(id)))?;
        let Some(mut found) = found.filter(|found| !found.closed) else { return Ok(()) };
        found.closed = true;
        self.put_poll(&found)?;
        self.tell_poll(&found, &[])
    }
}
