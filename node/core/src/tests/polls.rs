//! Feature 63: polls and quizzes.

use node_store::{Keyspace, Order, Store as _};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::world::{Member, World, text};
use crate::*;

pub(super) fn poll(answers: usize) -> NewPoll {
    let answer =
        |at: usize| NewAnswer { text: text(&format!("answer {at}")), option: vec![at as u8] };
    NewPoll {
        question: text("Which?"),
        answers: (0..answers).map(answer).collect(),
        public_voters: true,
        multiple_choice: false,
        quiz: false,
        correct: Vec::new(),
        solution: None,
        close_period: None,
        close_date: None,
        closed: false,
        revoting_disabled: false,
        shuffle_answers: false,
        hide_results_until_close: false,
    }
}

fn quiz() -> NewPoll {
    let solution = Some(text("because"));
    NewPoll { quiz: true, correct: vec![1], solution, public_voters: false, ..poll(3) }
}

impl World {
    pub(super) async fn ask(&self, from: Member, to: PeerId, poll: NewPoll) -> CoreResult<Sent> {
        let fingerprint = [1; 16];
        let media = Some(OutgoingMedia { file: OutgoingFile::NewPoll(poll), fingerprint });
        let message = Outgoing { media, ..Outgoing::text(to, Text::none(), self.number()) };
        self.core.send(from.actor(), from.id, message).await
    }

    pub(super) async fn vote(
        &self,
        by: Member,
        peer: PeerId,
        id: MessageId,
        at: &[u8],
    ) -> CoreResult<PollId> {
        let options = at.iter().map(|at| vec![*at]).collect();
        self.core.vote(by.actor(), by.id, peer, id, options).await
    }

    pub(super) fn poll(&self, viewer: Member, poll: PollId) -> PollView {
        self.core.poll(viewer.id, poll).unwrap().unwrap()
    }

    fn poll_rows(&self) -> usize {
        let rows = self.disk.scan(Keyspace::POLLS, &[], None, usize::MAX, Order::Ascending);
        rows.unwrap().len()
    }
}

pub(super) fn number(sent: &Sent) -> PollId {
    match sent.message.media {
        Some(Media::Poll(poll)) => poll,
        ref other => panic!("{other:?}"),
    }
}

fn voters(view: &PollView) -> Vec<u32> {
    view.poll.answers.iter().map(|answer| answer.voters).collect()
}

#[tokio::test]
async fn a_poll_is_asked_answered_and_closed() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let sent = world.ask(ada, bob.peer(), poll(3)).await.unwrap();
    let (id, theirs) = (number(&sent), sent.message.twin);
    assert!(!world.poll(bob, id).shows_results(), "who has not voted sees none");
    let hidden = world.core.votes(bob.id, ada.peer(), theirs, None, 0, 10).await;
    assert!(matches!(hidden, Err(CoreError::Poll(PollError::VoteRequired))));
    world.recorder.take();
    world.vote(bob, ada.peer(), theirs, &[2]).await.unwrap();
    let told = world.recorder.take().into_iter().filter_map(|event| match event {
        Event::Own { owner, change: Own::Poll(poll), .. } => Some((owner, poll)),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [(ada.id, id), (bob.id, id)]);
    let view = world.poll(bob, id);
    assert!(view.shows_results());
    assert_eq!((voters(&view), view.chosen), (vec![0, 0, 1], vec![2]));
    assert!(!world.poll(ada, id).shows_results());
    // Another answer, then none.
    world.vote(bob, ada.peer(), theirs, &[0]).await.unwrap();
    assert_eq!(voters(&world.poll(bob, id)), [1, 0, 0]);
    let page = world.core.votes(bob.id, ada.peer(), theirs, Some(&[0]), 0, 10).await.unwrap();
    assert_eq!((page.count, page.voters[0].user), (1, bob.id));
    let two = world.vote(bob, ada.peer(), theirs, &[0, 1]).await;
    assert!(matches!(two, Err(CoreError::Poll(PollError::TooManyOptions))));
    let none = world.vote(bob, ada.peer(), theirs, &[9]).await;
    assert!(matches!(none, Err(CoreError::Poll(PollError::UnknownOption))));
    world.vote(bob, ada.peer(), theirs, &[]).await.unwrap();
    assert_eq!((world.poll(bob, id).poll.voters, world.poll(bob, id).chosen), (0, vec![]));
    let theirs_to_close = world.core.close_poll(bob.actor(), bob.id, ada.peer(), theirs).await;
    assert!(matches!(theirs_to_close, Err(CoreError::NotTheAuthor)));
    world.core.close_poll(ada.actor(), ada.id, bob.peer(), sent.id).await.unwrap();
    assert!(world.poll(bob, id).poll.closed && world.poll(bob, id).shows_results());
    let closed = world.vote(bob, ada.peer(), theirs, &[1]).await;
    assert!(matches!(closed, Err(CoreError::Poll(PollError::Closed))));
}

#[tokio::test]
async fn a_quiz_says_what_is_right_to_who_has_answered() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let sent = world.ask(ada, bob.peer(), quiz()).await.unwrap();
    let (id, theirs) = (number(&sent), sent.message.twin);
    assert!(!world.poll(bob, id).shows_solution());
    world.vote(bob, ada.peer(), theirs, &[0]).await.unwrap();
    assert!(world.poll(bob, id).shows_solution() && !world.poll(ada, id).shows_solution());
    for again in [&[1][..], &[]] {
        let again = world.vote(bob, ada.peer(), theirs, again).await;
        assert!(matches!(again, Err(CoreError::Poll(PollError::RevoteNotAllowed))));
    }
    let secret = world.core.votes(bob.id, ada.peer(), theirs, None, 0, 10).await;
    assert!(matches!(secret, Err(CoreError::Poll(PollError::NotPublic))));
}

#[tokio::test]
async fn what_is_no_poll_is_refused() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let long = |chars: usize| text(&"x".repeat(chars));
    let mut twice = poll(2);
    twice.answers[1].option = vec![0];
    let mut answer = poll(2);
    answer.answers[1].text = long(101);
    let mut option = poll(2);
    option.answers[1].option = vec![1; 101];
    let cases = [
        (NewPoll { question: long(256), ..poll(2) }, PollError::QuestionInvalid),
        (poll(1), PollError::AnswersInvalid),
        (poll(POLL_ANSWERS_MAX + 1), PollError::AnswersInvalid),
        (answer, PollError::AnswerInvalid),
        (option, PollError::OptionInvalid),
        (twice, PollError::OptionDuplicate),
        (NewPoll { correct: vec![], ..quiz() }, PollError::CorrectEmpty),
        (NewPoll { correct: vec![0, 1], ..quiz() }, PollError::CorrectTooMany),
        (NewPoll { correct: vec![3], ..quiz() }, PollError::CorrectInvalid),
        (NewPoll { multiple_choice: true, ..quiz() }, PollError::QuizMultiple),
    ];
    for (new, expected) in cases {
        let refused = world.ask(ada, bob.peer(), new).await;
        assert!(
            matches!(refused, Err(CoreError::Poll(error)) if error == expected),
            "{expected:?}"
        );
    }
    assert_eq!(world.poll_rows(), 0);
    world.ask(ada, bob.peer(), NewPoll { question: long(255), ..poll(12) }).await.unwrap();
}

#[tokio::test]
async fn a_poll_closes_at_its_time() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let new = NewPoll { close_period: Some(60), ..poll(2) };
    let sent = world.ask(ada, bob.peer(), new).await.unwrap();
    let id = number(&sent);
    assert_eq!(world.poll(bob, id).poll.close_date, sent.message.date + 60);
    let world = world.crash();
    world.pass_s(59);
    world.core.tick().await.unwrap();
    world.vote(bob, ada.peer(), sent.message.twin, &[1]).await.unwrap();
    world.pass_s(1);
    world.recorder.take();
    world.core.tick().await.unwrap();
    assert!(world.poll(ada, id).poll.closed);
    let told = world.recorder.take();
    assert!(told.iter().any(|e| matches!(e, Event::Own { change: Own::Poll(p), .. } if *p == id)));
    let world = world.reopen();
    world.core.tick().await.unwrap();
    assert_eq!(voters(&world.poll(ada, id)), [0, 1]);
}

#[tokio::test]
async fn forwarded_polls_share_their_votes_and_go_with_the_last_copy() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let eve = world.member("Eve").await;
    let sent = world.ask(ada, bob.peer(), poll(2)).await.unwrap();
    let (id, core) = (number(&sent), world.core.clone());
    let ids = vec![(sent.message.twin, 99)];
    let how = ForwardHow::default();
    let forwarded = core.forward(bob.actor(), bob.id, ada.peer(), eve.peer(), ids, how);
    let forwarded = forwarded.await.unwrap().remove(0);
    let theirs = forwarded.message.twin;
    world.vote(eve, bob.peer(), theirs, &[1]).await.unwrap();
    world.vote(ada, bob.peer(), sent.id, &[1]).await.unwrap();
    assert_eq!(voters(&world.poll(ada, id)), [0, 2]);
    world.delete(ada, &[sent.id], true).await;
    assert_eq!(voters(&world.poll(eve, id)), [0, 2]);
    world.delete(bob, &[forwarded.id], false).await;
    assert_eq!(world.poll_rows(), 4, "the poll, two votes, and where it was asked");
    world.delete(eve, &[theirs], false).await;
    assert_eq!(world.poll_rows(), 0, "the poll and its votes are gone");
}

#[tokio::test]
async fn a_scheduled_poll_waits_with_its_message() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    let schedule = |number: i64| {
        let file = OutgoingFile::NewPoll(poll(2));
        let media = Some(OutgoingMedia { file, fingerprint: [1; 16] });
        let message = Outgoing { media, ..Outgoing::text(bob.peer(), Text::none(), number) };
        let when = When { date: core.now() + 60, repeat: 0 };
        core.schedule(ada.actor(), ada.id, message, when)
    };
    let Placed::Waits(gone) = schedule(1).await.unwrap() else { panic!("sent") };
    assert_eq!(world.poll_rows(), 1);
    core.delete_scheduled(ada.actor(), ada.id, bob.peer(), vec![gone.id]).await.unwrap();
    assert_eq!(world.poll_rows(), 0);
    schedule(2).await.unwrap();
    world.pass_s(60);
    core.tick().await.unwrap();
    let sent = world.history(bob, ada).await.remove(0);
    world.vote(bob, ada.peer(), sent.id, &[1]).await.unwrap();
    assert_eq!(world.poll_rows(), 3);
    world.delete(bob, &[sent.id], true).await;
    assert_eq!(world.poll_rows(), 0);
}

/// What is shown equals a recount of the votes, over restarts and power cuts.
#[tokio::test]
async fn votes_equal_a_recount() {
    let mut world = World::new().await;
    let mut members = Vec::new();
    for name in ["Ada", "Bob", "Eve", "Kim"] {
        members.push(world.member(name).await);
    }
    let (ada, core) = (members[0], world.core.clone());
    let others = members[1..].iter().map(|member| member.id).collect();
    let chat = core.create_chat(ada.actor(), ada.id, "Birds", others, 0).await.unwrap().chat;
    drop(core);
    let new = NewPoll { multiple_choice: true, ..poll(4) };
    let sent = world.ask(ada, chat.into(), new).await.unwrap();
    let id = number(&sent);
    let mut ids = Vec::new();
    for member in &members {
        let query = HistoryQuery { limit: 1, ..HistoryQuery::default() };
        let page = world.core.history(member.id, chat.into(), query).await.unwrap();
        ids.push(page.messages[0].id);
    }
    let seed = 63;
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut model: Vec<Vec<u8>> = vec![Vec::new(); members.len()];
    for step in 0..200 {
        let at = rng.random_range(0..members.len());
        let chosen: Vec<u8> = (0..4).filter(|_| rng.random_range(0..3) == 0).collect();
        world.vote(members[at], chat.into(), ids[at], &chosen).await.unwrap();
        model[at] = chosen;
        if step % 40 == 39 {
            world = if step % 80 == 39 { world.reopen() } else { world.crash() };
        }
        let view = world.poll(members[at], id);
        let recount = |answer: u8| model.iter().filter(|of| of.contains(&answer)).count() as u32;
        assert_eq!(voters(&view), (0..4).map(recount).collect::<Vec<_>>());
        assert_eq!(view.poll.voters, model.iter().filter(|of| !of.is_empty()).count() as u32);
        if !model[at].is_empty() {
            let page = world.core.votes(members[at].id, chat.into(), ids[at], None, 0, 10).await;
            let page = page.unwrap();
            assert_eq!(page.count, view.poll.voters as usize);
            for voter in page.voters {
                let member = members.iter().position(|member| member.id == voter.user).unwrap();
                let said: Vec<u8> = voter.chosen.iter().map(|at| *at as u8).collect();
                assert_eq!(said, model[member]);
            }
        }
    }
}

/// A record has a bound that no number of characters says; beyond it the node must not stop.
#[tokio::test]
async fn a_poll_that_is_too_large_in_all_is_refused() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let link = |at: i32| Entity {
        kind: EntityKind::TextUrl { url: format!("https://example.org/{}", "x".repeat(1900)) },
        offset: 2 * at,
        length: 1,
    };
    let long = Text::parse("so many links", (0..4).map(link).collect()).unwrap();
    let mut large = poll(12);
    large.answers.iter_mut().for_each(|answer| answer.text = long.clone());
    let refused = world.ask(ada, bob.peer(), large).await;
    assert!(matches!(refused, Err(CoreError::TooLarge(_))), "{refused:?}");
    world.ask(ada, bob.peer(), poll(12)).await.unwrap();
    assert_eq!(world.poll_rows(), 2);
}

/// The update of a poll shows all of it: who was not asked is not told.
#[tokio::test]
async fn only_who_was_asked_is_told_of_votes() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let (eve, gil) = (world.member("Eve").await, world.member("Gil").await);
    let core = world.core.clone();
    let chat = world.group(&[ada, bob, eve]).await;
    let sent = world.ask(ada, chat.into(), poll(3)).await.unwrap();
    let id = number(&sent);
    let theirs = async |member: Member| {
        let query = HistoryQuery { limit: 1, ..Default::default() };
        core.history(member.id, chat.into(), query).await.unwrap().messages[0].id
    };
    let told = |world: &World| {
        let told = world.recorder.take().into_iter().filter_map(|event| match event {
            Event::Own { owner, change: Own::Poll(poll), .. } if poll == id => Some(owner),
            _ => None,
        });
        let mut told: Vec<UserId> = told.collect();
        told.sort_unstable();
        told
    };
    // Gil comes later and is shown nothing of before; Bob deletes his copy; Eve is removed.
    let bobs = theirs(bob).await;
    core.add_chat_user(ada.actor(), ada.id, chat, gil.id, 0).await.unwrap();
    told(&world);
    world.vote(bob, chat.into(), bobs, &[1]).await.unwrap();
    assert_eq!(told(&world), [ada.id, bob.id, eve.id]);
    world.delete(bob, &[bobs], false).await;
    core.remove_chat_user(ada.actor(), ada.id, chat, eve.id).await.unwrap();
    world.vote(ada, chat.into(), sent.id, &[2]).await.unwrap();
    core.close_poll(ada.actor(), ada.id, chat.into(), sent.id).await.unwrap();
    assert_eq!(told(&world), [ada.id, ada.id]);
    // Whom it never reached, learns nothing of it once the block is over.
    core.set_blocked(None, bob.id, ada.id, true).await.unwrap();
    let sent = world.ask(ada, bob.peer(), poll(3)).await.unwrap();
    core.set_blocked(None, bob.id, ada.id, false).await.unwrap();
    world.recorder.take();
    core.close_poll(ada.actor(), ada.id, bob.peer(), sent.id).await.unwrap();
    let all = world.recorder.take();
    let bobs = |e: &Event| matches!(e, Event::Own { owner, .. } if *owner == bob.id);
    assert!(!all.iter().any(bobs), "{all:?}");
}

/// Results that wait for the end show the voters then, and not before.
#[tokio::test]
async fn voters_are_hidden_until_results_are_shown() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let hides = NewPoll { hide_results_until_close: true, ..poll(2) };
    let sent = world.ask(ada, bob.peer(), hides).await.unwrap();
    world.vote(bob, ada.peer(), sent.message.twin, &[1]).await.unwrap();
    assert!(!world.poll(bob, number(&sent)).shows_voters());
    world.core.close_poll(ada.actor(), ada.id, bob.peer(), sent.id).await.unwrap();
    assert!(world.poll(bob, number(&sent)).shows_voters());
}
