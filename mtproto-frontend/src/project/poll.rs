//! Polls: `poll`, `pollResults` and what shows them.

use node_core::{CoreResult, PollId, PollView, Text};
use tl::{enums, types};

use super::{Named, View, entities, peer, text_with_entities};

/// A poll with its results, as one viewer sees them; `None` where it is gone.
pub(crate) fn poll_and_results(
    view: View<'_>,
    id: PollId,
) -> CoreResult<Option<(enums::Poll, enums::PollResults)>> {
    let found = view.core.poll(view.viewer, id)?;
    Ok(found.as_ref().map(shown))
}

fn shown(found: &PollView) -> (enums::Poll, enums::PollResults) {
    (poll(found), results(found))
}

fn poll(found: &PollView) -> enums::Poll {
    let poll = &found.poll;
    let answers = poll.answers.iter().map(|answer| {
        types::PollAnswer {
            text: text_with_entities(&answer.text),
            option: answer.option.clone(),
            // Before layer 178 there were no entities.
            text_until_177: answer.text.text.clone(),
            ..types::PollAnswer::default()
        }
        .into()
    });
    types::Poll {
        id: poll.id.0,
        closed: poll.closed,
        public_voters: poll.public_voters,
        multiple_choice: poll.multiple_choice,
        quiz: poll.quiz,
        revoting_disabled: poll.revoting_disabled,
        shuffle_answers: poll.shuffle_answers,
        hide_results_until_close: poll.hide_results_until_close,
        creator: found.is_creator,
        question: text_with_entities(&poll.question),
        answers: answers.collect(),
        close_period: (poll.close_period > 0).then_some(poll.close_period),
        close_date: (poll.close_date > 0).then_some(poll.close_date),
        hash: poll_hash(found),
        question_until_177: poll.question.text.clone(),
        ..types::Poll::default()
    }
    .into()
}

/// Stands for everything of a poll but its votes: clients say by it which form they have.
pub(crate) fn poll_hash(found: &PollView) -> i64 {
    let poll = &found.poll;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&poll.id.0.to_be_bytes()).update(&[u8::from(poll.closed)]);
    hasher.finalize().as_bytes().first_chunk().map_or(1, |head| i64::from_le_bytes(*head))
}

fn results(found: &PollView) -> enums::PollResults {
    let poll = &found.poll;
    let count = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
    let voters = poll.answers.iter().zip(0u16..).map(|(answer, at)| {
        types::PollAnswerVoters {
            chosen: found.chosen.contains(&at),
            correct: found.shows_solution() && poll.correct == Some(at),
            option: answer.option.clone(),
            voters: Some(if found.shows_results() { count(answer.voters) } else { 0 }),
            ..types::PollAnswerVoters::default()
        }
        .into()
    });
    // Who has voted sees the own vote, also where the others' stay hidden.
    let shown = found.shows_results() || found.shows_solution();
    let recent = found.shows_voters() && !poll.recent.is_empty();
    let solution = poll.solution.as_ref().filter(|_| found.shows_solution());
    types::PollResults {
        results: shown.then(|| voters.collect()),
        total_voters: Some(count(poll.voters)),
        recent_voters: recent
            .then(|| poll.recent.iter().map(|user| peer((*user).into())).collect()),
        recent_voters_until_158: recent.then(|| poll.recent.iter().map(|user| user.0).collect()),
        solution: solution.map(|solution| solution.text.clone()),
        solution_entities: solution
            .map(|Text { entities: all, .. }| entities(all).unwrap_or_default()),
        ..types::PollResults::default()
    }
    .into()
}

impl Named {
    /// Names everybody who is shown with a poll.
    pub(crate) fn poll(&mut self, view: View<'_>, id: PollId) -> CoreResult<&mut Self> {
        if let Some(found) = view.core.poll(view.viewer, id)? {
            self.seen_poll(&found);
        }
        Ok(self)
    }

    fn seen_poll(&mut self, found: &PollView) {
        let recent = found.poll.recent.iter().filter(|_| found.shows_voters());
        recent.for_each(|user| {
            self.user(*user);
        });
        if let Some(solution) = found.poll.solution.as_ref().filter(|_| found.shows_solution()) {
            self.entities(&solution.entities);
        }
    }
}

/// A poll as an update; `None` where it is gone.
pub(crate) fn poll_update(
    view: View<'_>,
    id: PollId,
    named: &mut Named,
) -> CoreResult<Option<enums::Update>> {
    let Some(found) = view.core.poll(view.viewer, id)? else { return Ok(None) };
    named.seen_poll(&found);
    let (poll, results) = shown(&found);
    let update = types::UpdateMessagePoll {
        poll_id: id.0,
        poll: Some(poll),
        results,
        ..types::UpdateMessagePoll::default()
    };
    Ok(Some(update.into()))
}
