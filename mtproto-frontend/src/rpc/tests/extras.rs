//! Reactions and polls, call by call, in every layer.

use tl::{enums, types};

use super::members::{error, member, message, named};
use super::*;

fn emoji(emoticon: &str) -> enums::Reaction {
    types::ReactionEmoji { emoticon: emoticon.into() }.into()
}

/// Ada writes to Bob: the contexts, and the message's number in Bob's box.
async fn talk(layer: i32) -> (Context, Context, node_core::UserId, i32) {
    let shared = shared();
    let (ada, _) = member(&shared, 5, layer, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, layer, "Bob").await;
    call(&ada, &message("hello", named(&ada, bob_id), 1)).await.unwrap();
    let ada_id = ada.user().unwrap();
    let query = f::messages::GetHistory { peer: named(&bob, ada_id), ..Default::default() };
    let history = call(&bob, &query).await.unwrap();
    let enums::messages::Messages::Messages(history) = history else { panic!("{layer}") };
    let Some(enums::Message::Message(got)) = history.messages.first() else { panic!("{layer}") };
    (ada, bob, ada_id, got.id)
}

/// In every layer a reaction can be said, and is read back with the message.
#[tokio::test]
async fn reactions_in_every_layer() {
    for layer in tl::LAYER_MIN..=tl::LAYER_MAX {
        let (_, bob, ada_id, id) = talk(layer).await;
        let react = |reaction| f::messages::SendReaction {
            peer: named(&bob, ada_id),
            msg_id: id,
            reaction: Some(reaction),
            ..Default::default()
        };
        let done = call(&bob, &react(vec![emoji("❤\u{fe0f}")])).await.unwrap();
        let enums::Updates::Updates(done) = done else { panic!("{layer}") };
        let [enums::Update::UpdateMessageReactions(update)] = &done.updates[..] else {
            panic!("{layer}: {:?}", done.updates)
        };
        let enums::MessageReactions::MessageReactions(reactions) = &update.reactions;
        let [enums::ReactionCount::ReactionCount(count)] = &reactions.results[..] else {
            panic!("{layer}")
        };
        assert_eq!((&count.reaction, count.count), (&emoji("❤"), 1));
        let again = error(call(&bob, &react(vec![emoji("❤")])).await);
        assert_eq!(again, (400, "MESSAGE_NOT_MODIFIED".into()));
        let unknown = error(call(&bob, &react(vec![emoji("x")])).await);
        assert_eq!(unknown, (400, "REACTION_INVALID".into()));
        let query = f::messages::GetHistory { peer: named(&bob, ada_id), ..Default::default() };
        let history = call(&bob, &query).await.unwrap();
        let enums::messages::Messages::Messages(history) = history else { panic!("{layer}") };
        let Some(enums::Message::Message(got)) = history.messages.first() else { panic!() };
        assert!(got.reactions.is_some(), "{layer}");
        call(&bob, &react(Vec::new())).await.unwrap();
        let list = f::messages::GetMessageReactionsList {
            peer: named(&bob, ada_id),
            id,
            limit: 10,
            ..Default::default()
        };
        let enums::messages::MessageReactionsList::MessageReactionsList(list) =
            call(&bob, &list).await.unwrap();
        assert_eq!(list.count, 0, "{layer}");
    }
}

fn words(text: &str) -> enums::TextWithEntities {
    types::TextWithEntities { text: text.into(), entities: Vec::new() }.into()
}

/// A quiz of which the second answer is right, as a client of the layer sends it.
fn quiz(layer: i32) -> enums::InputMedia {
    let answers = ["three", "four"].into_iter().enumerate().map(|(at, text)| {
        let option = vec![at as u8];
        types::PollAnswer {
            text: words(text),
            option,
            text_until_177: text.into(),
            ..Default::default()
        }
        .into()
    });
    let poll = types::Poll {
        quiz: true,
        question: words("Two and two?"),
        question_until_177: "Two and two?".into(),
        answers: answers.collect(),
        ..Default::default()
    };
    types::InputMediaPoll {
        poll: poll.into(),
        correct_answers: (layer > 222).then(|| vec![1]),
        correct_answers_until_222: (layer <= 222).then(|| vec![vec![1]]),
        solution: Some("Count.".into()),
        solution_entities: Some(Vec::new()),
        ..Default::default()
    }
    .into()
}

/// In every layer a quiz can be asked and answered, and says what is right only then.
#[tokio::test]
async fn quizzes_in_every_layer() {
    for layer in tl::LAYER_MIN..=tl::LAYER_MAX {
        let (ada, bob, ada_id, _) = talk(layer).await;
        let bob_id = bob.user().unwrap();
        let send = f::messages::SendMedia {
            peer: named(&ada, bob_id),
            media: quiz(layer),
            random_id: 2,
            ..Default::default()
        };
        call(&ada, &send).await.unwrap();
        let query =
            f::messages::GetHistory { peer: named(&bob, ada_id), limit: 1, ..Default::default() };
        let messages = match call(&bob, &query).await.unwrap() {
            enums::messages::Messages::Messages(page) => page.messages,
            enums::messages::Messages::MessagesSlice(page) => page.messages,
            other => panic!("{layer}: {other:?}"),
        };
        let Some(enums::Message::Message(got)) = messages.first() else { panic!("{layer}") };
        let Some(enums::MessageMedia::MessageMediaPoll(media)) = &got.media else {
            panic!("{layer}: {:?}", got.media)
        };
        let enums::Poll::Poll(poll) = &media.poll;
        let enums::PollResults::PollResults(results) = &media.results;
        assert!(poll.quiz && poll.answers.len() == 2, "{layer}");
        assert_eq!((&results.results, &results.solution), (&None, &None), "{layer}");
        let vote = |at: u8| f::messages::SendVote {
            peer: named(&bob, ada_id),
            msg_id: got.id,
            options: vec![vec![at]],
        };
        let done = call(&bob, &vote(0)).await.unwrap();
        let enums::Updates::Updates(done) = done else { panic!("{layer}") };
        let [enums::Update::UpdateMessagePoll(update)] = &done.updates[..] else {
            panic!("{layer}: {:?}", done.updates)
        };
        let enums::PollResults::PollResults(results) = &update.results;
        assert_eq!(results.solution.as_deref(), Some("Count."), "{layer}");
        let voters = results.results.as_deref().unwrap();
        let [enums::PollAnswerVoters::PollAnswerVoters(own), right] = voters else { panic!() };
        let enums::PollAnswerVoters::PollAnswerVoters(right) = right;
        assert!(own.chosen && !own.correct && right.correct && !right.chosen, "{layer}");
        assert_eq!(error(call(&bob, &vote(1)).await), (400, "REVOTE_NOT_ALLOWED".into()));
    }
}

/// Ada's messages with reactions that she has not seen: pages of what is asked for, and no others.
#[tokio::test]
async fn unread_reactions_are_paged_within_their_bounds() {
    let shared = shared();
    let (ada, ada_id) = member(&shared, 5, 230, "Ada").await;
    let (bob, bob_id) = member(&shared, 6, 230, "Bob").await;
    let all = node_core::ReactionsNotify {
        messages: node_core::ReactionsFrom::All,
        ..node_core::ReactionsNotify::default()
    };
    shared.core.set_reactions_notify(None, ada_id, all).await.unwrap();
    for n in 1..=5 {
        call(&ada, &message("hello", named(&ada, bob_id), n)).await.unwrap();
    }
    let query =
        f::messages::GetHistory { peer: named(&bob, ada_id), limit: 10, ..Default::default() };
    let history = call(&bob, &query).await.unwrap();
    let enums::messages::Messages::Messages(history) = history else { panic!("no messages") };
    for got in history.messages {
        let enums::Message::Message(got) = got else { panic!("no message") };
        let react = f::messages::SendReaction {
            peer: named(&bob, ada_id),
            msg_id: got.id,
            reaction: Some(vec![emoji("❤")]),
            ..Default::default()
        };
        call(&bob, &react).await.unwrap();
    }
    let ids = shared.core.unread_reactions(ada_id, node_core::PeerId::from(bob_id)).unwrap();
    let [fifth, fourth, third, second, first] = ids[..] else { panic!("{ids:?}") };
    let page = async |min_id: i32, max_id: i32, offset_id: i32, add_offset: i32| {
        let query = f::messages::GetUnreadReactions {
            peer: named(&ada, bob_id),
            min_id,
            max_id,
            offset_id,
            add_offset,
            limit: 10,
            ..Default::default()
        };
        let found = call(&ada, &query).await.unwrap();
        let enums::messages::Messages::MessagesSlice(found) = found else { panic!("{found:?}") };
        let ids = found.messages.iter().map(|message| match message {
            enums::Message::Message(message) => message.id,
            other => panic!("{other:?}"),
        });
        (ids.collect::<Vec<_>>(), found.count)
    };
    let all: Vec<i32> = ids.iter().map(|id| id.0).collect();
    assert_eq!(page(0, 0, 0, 0).await, (all, 5));
    assert_eq!(page(0, fourth.0, 0, 1).await, (vec![second.0, first.0], 3));
    assert_eq!(page(first.0, fifth.0, 0, 0).await, (vec![fourth.0, third.0, second.0], 3));
    assert_eq!(page(first.0, 0, fourth.0, 1).await, (vec![second.0], 4));
}
