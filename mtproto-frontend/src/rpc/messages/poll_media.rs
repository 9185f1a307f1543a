//! `inputMediaPoll#883a4108 flags:# poll:Poll correct_answers:flags.0?Vector<int>
//! attached_media:flags.3?InputMedia solution:flags.1?string
//! solution_entities:flags.1?Vector<MessageEntity> solution_media:flags.2?InputMedia = InputMedia`,
//! at layers up to 222 with `correct_answers:flags.0?Vector<bytes>`
//!
//! Source: <https://core.telegram.org/api/poll>

use node_core::{CoreError, EntityKind, NewAnswer, NewPoll, PollError, Text};
use tl::enums;
use tl::types::InputMediaPoll;

use crate::project;
use crate::rpc::{Context, RpcResult};

/// The poll that a client wants to send.
pub(in crate::rpc) fn new_poll(ctx: &Context, media: InputMediaPoll) -> RpcResult<NewPoll> {
    let enums::Poll::Poll(poll) = media.poll;
    // Pictures in polls, answers of others, and polls for some countries are not built.
    if media.attached_media.is_some()
        || media.solution_media.is_some()
        || poll.open_answers
        || poll.subscribers_only
        || poll.countries_iso2.is_some_and(|countries| !countries.is_empty())
    {
        return Err(CoreError::from(PollError::Unsupported).into());
    }
    let enums::TextWithEntities::TextWithEntities(question) = poll.question;
    let question = plain(ctx, question.text, question.entities, PollError::QuestionInvalid)?;
    let mut answers = Vec::with_capacity(poll.answers.len().min(node_core::POLL_ANSWERS_MAX));
    for (at, answer) in poll.answers.into_iter().take(node_core::POLL_ANSWERS_MAX + 1).enumerate() {
        let (said, option, media) = match answer {
            enums::PollAnswer::PollAnswer(answer) => {
                (answer.text, answer.option, answer.media.is_some())
            }
            // Since layer 223 the node chooses what stands for an answer.
            enums::PollAnswer::InputPollAnswer(answer) => {
                (answer.text, at.to_string().into_bytes(), answer.media.is_some())
            }
        };
        if media {
            return Err(CoreError::from(PollError::Unsupported).into());
        }
        let enums::TextWithEntities::TextWithEntities(said) = said;
        let text = plain(ctx, said.text, said.entities, PollError::AnswerInvalid)?;
        answers.push(NewAnswer { text, option });
    }
    let mut correct = Vec::new();
    for at in media.correct_answers.into_iter().flatten() {
        correct.push(usize::try_from(at).unwrap_or(usize::MAX));
    }
    for option in media.correct_answers_until_222.into_iter().flatten() {
        let at = answers.iter().position(|answer| answer.option == option);
        correct.push(at.unwrap_or(usize::MAX));
    }
    let solution = match media.solution.filter(|solution| !solution.is_empty()) {
        Some(solution) => {
            let entities = media.solution_entities.unwrap_or_default();
            Some(text(ctx, solution, entities, PollError::AnswerInvalid)?)
        }
        None => None,
    };
    Ok(NewPoll {
        question,
        answers,
        public_voters: poll.public_voters,
        multiple_choice: poll.multiple_choice,
        quiz: poll.quiz,
        correct,
        solution,
        close_period: poll.close_period,
        close_date: poll.close_date,
        closed: poll.closed,
        revoting_disabled: poll.revoting_disabled,
        shuffle_answers: poll.shuffle_answers,
        hide_results_until_close: poll.hide_results_until_close,
    })
}

/// A question or an answer: of formatting it has custom emoji only.
fn plain(
    ctx: &Context,
    said: String,
    mut entities: Vec<enums::MessageEntity>,
    invalid: PollError,
) -> RpcResult<Text> {
    entities.retain(|is| matches!(is, enums::MessageEntity::MessageEntityCustomEmoji(_)));
    let mut read = text(ctx, said, entities, invalid)?;
    // Links and the like are found by themselves.
    read.entities.retain(|is| matches!(is.kind, EntityKind::CustomEmoji { .. }));
    Ok(read)
}

fn text(
    ctx: &Context,
    text: String,
    entities: Vec<enums::MessageEntity>,
    invalid: PollError,
) -> RpcResult<Text> {
    let entities = project::entities_from_tl(entities, |user| ctx.named_user(user))?;
    Text::parse(&text, entities).map_err(|_| CoreError::from(invalid).into())
}
