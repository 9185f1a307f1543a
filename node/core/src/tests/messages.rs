//! Lines 43, 46 and 54: sending once, and the same message in two boxes.

use super::world::{Member, World, outgoing, text};
use crate::*;

async fn pair() -> (World, Member, Member) {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    (world, ada, bob)
}

#[tokio::test]
async fn line_43_54_a_repeated_random_id_is_the_same_message_for_ever() {
    let (mut world, ada, bob) = pair().await;
    let sent = world.try_send(ada, outgoing(bob, "once", 5)).await.unwrap();
    assert!(!sent.repeated);
    let again = Sent { repeated: true, ..sent.clone() };
    let pts = world.pts(ada).await;
    let other_device = world.device(ada).await;
    let pts_after_code = world.pts(ada).await;
    for round in 0..3 {
        for device in [ada, other_device] {
            let repeated = world.try_send(device, outgoing(bob, "once", 5)).await.unwrap();
            assert_eq!(repeated, again, "round {round}");
        }
        world = if round == 0 { world.reopen() } else { world.crash() };
    }
    assert_eq!(world.pts(ada).await, pts_after_code, "nothing happened");
    assert!(pts_after_code > pts, "but for the login code");
    assert_eq!(world.texts(ada, bob).await, ["once"]);
    assert_eq!(world.texts(bob, ada).await, ["once"]);
    // An edit meanwhile: the same message, in its present form.
    world.edit(ada, bob, sent.id, "twice").await;
    let repeated = world.try_send(ada, outgoing(bob, "once", 5)).await.unwrap();
    assert_eq!((repeated.id, repeated.message.text.as_str()), (sent.id, "twice"));
}

#[tokio::test]
async fn line_54_other_words_under_a_used_random_id_are_refused() {
    let (world, ada, bob) = pair().await;
    let cat = world.send(ada, bob, "cat").await;
    world.try_send(ada, outgoing(bob, "once", 5)).await.unwrap();
    let mut reply = outgoing(bob, "once", 5);
    reply.reply = Some((cat.id, None));
    let others = [outgoing(bob, "other", 5), outgoing(ada, "once", 5), reply];
    for other in others {
        let refused = world.try_send(ada, other).await;
        assert!(matches!(refused, Err(CoreError::RandomIdDuplicate)), "{refused:?}");
    }
    // It is the sender's number: another's is another.
    assert!(!world.try_send(bob, outgoing(ada, "mine", 5)).await.unwrap().repeated);
    assert_eq!(world.texts(ada, bob).await, ["mine", "once", "cat"]);
}

/// Both in one batch, or one after the other: it is there once, and both devices learn its id.
#[tokio::test]
async fn line_54_two_devices_that_send_the_same_at_once_send_it_once() {
    let (world, ada, bob) = pair().await;
    let other = world.device(ada).await;
    for n in 0..50 {
        let random_id = 1_000_000 + n;
        let send = |device| world.try_send(device, outgoing(bob, "same", random_id));
        let (one, two) = tokio::join!(send(ada), send(other));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!((one.id, &one.message), (two.id, &two.message));
        assert!(one.repeated != two.repeated);
    }
    assert_eq!(world.history(bob, ada).await.len(), 50);
}

#[tokio::test]
async fn line_54_what_was_forwarded_is_forwarded_once() {
    let (world, ada, bob) = pair().await;
    let mut ids = Vec::new();
    for n in 0..45 {
        ids.push((world.send(ada, ada, &format!("{n}")).await.id, world.number()));
    }
    let forward = |ids: Vec<(MessageId, i64)>| {
        let core = world.core.clone();
        let how = ForwardHow::default();
        async move { core.forward(ada.actor(), ada.id, ada.peer(), bob.peer(), ids, how).await }
    };
    // One number for two messages, in one request.
    let twice = forward(vec![ids[0], (ids[1].0, ids[0].1)]).await;
    assert!(matches!(twice, Err(CoreError::RandomIdDuplicate)), "{twice:?}");
    assert!(world.history(bob, ada).await.is_empty());

    let some = forward(ids.iter().take(7).copied().collect()).await.unwrap();
    // The originals may be gone when the client repeats what got no answer.
    world.delete(ada, &[ids[0].0], false).await;
    let all = forward(ids.clone()).await.unwrap();
    assert_eq!(all.iter().filter(|sent| sent.repeated).count(), 7);
    assert!(some.iter().zip(&all).all(|(some, all)| some.id == all.id));
    let texts: Vec<String> = all.iter().map(|sent| sent.message.text.clone()).collect();
    assert_eq!(texts, (0..45).map(|n| n.to_string()).collect::<Vec<_>>(), "in their order");
    let mut there = world.texts(bob, ada).await;
    there.reverse();
    assert_eq!(there, texts);
    let known = forward(vec![(MessageId(1_000_000), 1)]).await;
    assert!(matches!(known, Err(CoreError::UnknownMessage)), "{known:?}");
}

/// Ids differ between the boxes, and each copy names what it answers by its own box's number.
#[tokio::test]
async fn line_46_a_reply_names_the_receivers_copy() {
    let (world, ada, bob) = pair().await;
    for _ in 0..3 {
        world.send(ada, ada, "so that the numbers differ").await;
    }
    let first = world.send(ada, bob, "a cat").await;
    let twin = first.message.twin;
    assert_ne!(first.id, twin);
    let mut reply = outgoing(ada, "which?", 1);
    let quote = QuoteRequest { text: "cat".into(), entities: Vec::new(), offset: 9 };
    reply.reply = Some((twin, Some(quote)));
    let reply = world.try_send(bob, reply).await.unwrap();
    let quote = Some(Quote { text: "cat".into(), entities: Vec::new(), offset: 2 });
    assert!(reply.message.reply == Some(Reply { to: twin, quote: quote.clone() }));
    let copy = world.core.message(ada.id, reply.message.twin).unwrap().unwrap();
    assert!(copy.reply == Some(Reply { to: first.id, quote }));
    assert_eq!((copy.twin, copy.peer, copy.out), (reply.id, bob.peer(), false));

    // The other party has deleted its copy: the number stays, and clients say "deleted message".
    world.delete(bob, &[twin], false).await;
    let mut second = outgoing(bob, "that one", 2);
    second.reply = Some((first.id, None));
    let second = world.try_send(ada, second).await.unwrap();
    let copy = world.core.message(bob.id, second.message.twin).unwrap().unwrap();
    assert_eq!(copy.text, "that one");
    assert!(copy.reply == Some(Reply { to: twin, quote: None }));
    let gone = world.core.message(bob.id, twin).unwrap();
    assert_eq!(gone, None);

    // Only what lies in the same dialog can be answered.
    for to in [MessageId(999), MessageId(0), MessageId(-1), MessageId(2)] {
        let mut bad = outgoing(bob, "x", 3);
        bad.reply = Some((to, None));
        let refused = world.try_send(ada, bad).await;
        assert!(matches!(refused, Err(CoreError::UnknownMessage)), "{to:?} {refused:?}");
    }
    // Of several places the nearest to the client's one is quoted, in UTF-16 units.
    let cats = world.send(ada, bob, "\u{1f408} cat cat cat").await;
    for (random_id, (offset, nearest)) in (1_000..).zip([(0, 3), (8, 7), (99, 11)]) {
        let quote = QuoteRequest { text: "cat".into(), entities: Vec::new(), offset };
        let mut one = outgoing(bob, "this one", random_id);
        one.reply = Some((cats.id, Some(quote)));
        let reply = world.try_send(ada, one).await.unwrap().message.reply.unwrap();
        assert_eq!(reply.quote.unwrap().offset, nearest);
    }
    let mut bad = outgoing(bob, "x", 3);
    let quote = QuoteRequest { text: "dog".into(), entities: Vec::new(), offset: 0 };
    bad.reply = Some((first.id, Some(quote)));
    assert!(matches!(world.try_send(ada, bad).await, Err(CoreError::QuoteInvalid)));
}

#[tokio::test]
async fn line_46_edits_and_deletions_reach_the_twin() {
    let (world, ada, bob) = pair().await;
    world.send(ada, ada, "so that the numbers differ").await;
    let sent = world.send(ada, bob, "one").await;
    let stays = world.send(ada, bob, "stays").await;
    world.recorder.take();
    world.pass_s(60);
    let edited = world.edit(ada, bob, sent.id, "two").await;
    let theirs = world.core.message(bob.id, sent.message.twin).unwrap().unwrap();
    assert_eq!((theirs.text.as_str(), theirs.edited), ("two", edited.message.edited));
    let told = world.recorder.take_box(bob);
    assert_eq!(told[0].row, BoxRow::Edited(sent.message.twin));
    assert_eq!(told[0].edited.as_ref(), Some(&theirs), "with the receiver's copy");

    let edit = |by: Member, with: Member, id, words: &str| {
        let (core, text) = (world.core.clone(), text(words));
        async move { core.edit(by.actor(), by.id, with.peer(), id, Edit::text(text)).await }
    };
    let refused = edit(ada, bob, sent.id, "two").await;
    assert!(matches!(refused, Err(CoreError::NotModified)));
    let refused = edit(bob, ada, sent.message.twin, "mine").await;
    assert!(matches!(refused, Err(CoreError::NotTheAuthor)));
    let refused = edit(ada, ada, sent.id, "elsewhere").await;
    assert!(matches!(refused, Err(CoreError::UnknownMessage)));

    // Only from one's own box; then from both.
    world.delete(bob, &[sent.message.twin], false).await;
    assert_eq!(world.texts(bob, ada).await, ["stays"]);
    assert_eq!(world.texts(ada, bob).await, ["stays", "two"]);
    let edited = edit(ada, bob, sent.id, "three").await.unwrap();
    assert_eq!(edited.message.text, "three", "the other copy is gone, and stays so");
    assert_eq!(world.texts(bob, ada).await, ["stays"]);
    world.delete(bob, &[stays.message.twin], true).await;
    assert_eq!(world.texts(ada, bob).await, ["three"]);

    world.pass_s(48 * 3600);
    let late = edit(ada, bob, sent.id, "four").await;
    assert!(matches!(late, Err(CoreError::EditTooLate)));
    // Another's messages are not there.
    let affected = world.delete(bob, &[sent.id], true).await;
    assert_eq!(affected.pts_count, 0);
    assert_eq!(world.texts(ada, bob).await, ["three"]);
}

#[tokio::test]
async fn saved_messages_lie_once() {
    let (world, ada, _) = pair().await;
    let note = world.send(ada, ada, "note").await;
    assert_eq!((note.message.twin, note.message.out), (MessageId(0), true));
    assert_eq!(world.dialog(ada, ada).await.unread, 0);
    world.pass_s(1_000_000);
    world.edit(ada, ada, note.id, "later").await;
    assert_eq!(world.texts(ada, ada).await, ["later"]);
    assert_eq!(world.delete(ada, &[note.id], true).await.pts_count, 1);
    assert!(world.history(ada, ada).await.is_empty());
}

#[tokio::test]
async fn nobody_writes_to_who_is_not_there() {
    let (world, ada, _) = pair().await;
    let (nobody, before) = (Member { id: UserId(5), ..ada }, world.pts(ada).await);
    let refused = world.try_send(ada, outgoing(nobody, "x", 1)).await;
    assert!(matches!(refused, Err(CoreError::UnknownUser)));
    assert_eq!(world.pts(ada).await, before);
}

fn pin(pinned: bool, one_side: bool) -> PinHow {
    PinHow { pinned, one_side, silent: false }
}

#[tokio::test]
async fn pins_stand_on_both_sides_or_on_one_and_end_with_their_message() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let sent = world.send(ada, bob, "remember").await;
    let other = world.send(bob, ada, "and this").await;
    let core = world.core.clone();
    let set = async |by: Member, with: Member, id, how| {
        core.pin_message(by.actor(), by.id, with.peer(), id, how).await
    };
    let pinned =
        async |of: Member, with: Member| core.pinned_messages(of.id, with.peer()).await.unwrap();
    let pts = world.pts(ada).await;
    let events = set(ada, bob, sent.id, pin(true, false)).await.unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].0, Pts(pts.0 + 1));
    let BoxRow::Message(service) = &events[1].1 else { panic!("{events:?}") };
    assert_eq!(service.action, Some(Action::Pin));
    assert_eq!(service.reply.as_ref().map(|reply| reply.to), Some(sent.id));
    let twin = world.history(bob, ada).await.remove(0).message;
    assert_eq!(twin.reply.map(|reply| reply.to), Some(sent.message.twin));
    assert_eq!(
        (pinned(ada, bob).await, pinned(bob, ada).await),
        (vec![sent.id], vec![sent.message.twin])
    );
    assert!(set(ada, bob, sent.id, pin(true, false)).await.unwrap().is_empty(), "it is already");
    // A service message is neither pinned, edited nor forwarded.
    let told = MessageId(events[1].0.0);
    assert!(matches!(set(ada, bob, told, pin(true, false)).await, Err(CoreError::UnknownMessage)));
    let edited = core.edit(ada.actor(), ada.id, bob.peer(), told, Edit::text(text("x"))).await;
    assert!(matches!(edited, Err(CoreError::NotTheAuthor)));
    let forwarded = core
        .forward(
            ada.actor(),
            ada.id,
            bob.peer(),
            ada.peer(),
            vec![(told, 7_000_000)],
            ForwardHow::default(),
        )
        .await;
    assert!(matches!(forwarded, Err(CoreError::UnknownMessage)));
    // On one side.
    let mine = other.message.twin;
    assert_eq!(set(ada, bob, mine, pin(true, true)).await.unwrap().len(), 1);
    assert_eq!(pinned(ada, bob).await, [mine, sent.id]);
    assert_eq!(pinned(bob, ada).await, [sent.message.twin]);
    // Whoever blocked the member keeps what is above the dialog.
    core.set_blocked(None, bob.id, ada.id, true).await.unwrap();
    set(ada, bob, sent.id, pin(false, false)).await.unwrap();
    assert_eq!(pinned(bob, ada).await, [sent.message.twin]);
    let world = world.reopen();
    let core = world.core.clone();
    let pinned =
        async |of: Member, with: Member| core.pinned_messages(of.id, with.peer()).await.unwrap();
    assert_eq!(
        (pinned(ada, bob).await, pinned(bob, ada).await),
        (vec![mine], vec![sent.message.twin])
    );
    // Gone with the message; and all at once.
    world.delete(bob, &[sent.message.twin], false).await;
    assert_eq!(pinned(bob, ada).await, []);
    let (affected, left) = core.unpin_all(ada.actor(), ada.id, bob.peer()).await.unwrap();
    assert_eq!((affected.pts_count, left, pinned(ada, bob).await), (1, 0, vec![]));
}
