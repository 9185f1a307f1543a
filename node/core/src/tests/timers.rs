//! Scheduled messages, and messages that go by themselves: at their time, once, whatever happens.

use std::collections::BTreeMap;

use node_store::{Batch, Keyspace, Order, Store as _};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::world::{Member, Ways, World, full, now, outgoing, text};
use crate::*;

async fn pair() -> (World, Member, Member) {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    (world, ada, bob)
}

async fn schedule(world: &World, from: Member, message: Outgoing, date: i32) -> CoreResult<Placed> {
    world.core.schedule(from.actor(), from.id, message, When { date, repeat: 0 }).await
}

fn waits(placed: Placed) -> Scheduled {
    let Placed::Waits(scheduled) = placed else { panic!("{placed:?}") };
    scheduled
}

async fn waiting(world: &World, owner: Member, with: Member) -> Vec<String> {
    let all = world.core.scheduled_history(owner.id, with.peer()).await.unwrap();
    all.into_iter().map(|scheduled| scheduled.message.text).collect()
}

fn timers(world: &World) -> usize {
    world.disk.scan(Keyspace::TIMERS, &[], None, 1000, Order::Ascending).unwrap().len()
}

#[tokio::test]
async fn scheduled_messages_are_sent_at_their_time() {
    let (world, ada, bob) = pair().await;
    let start = world.core.now();
    let second =
        waits(schedule(&world, ada, outgoing(bob, "second", 2), start + 20).await.unwrap());
    let first = waits(schedule(&world, ada, outgoing(bob, "first", 1), start + 10).await.unwrap());
    assert_ne!(first.id, second.id);
    assert_eq!((first.message.date, first.message.out), (start + 10, true));
    assert_eq!(waiting(&world, ada, bob).await, ["second", "first"]);
    assert_eq!(*world.core.due().borrow(), Some((start + 10) as u32));
    world.pass_s(9);
    world.core.tick().await.unwrap();
    assert_eq!(world.texts(ada, bob).await, [] as [&str; 0], "not a second early");
    world.pass_s(1);
    world.recorder.take();
    world.core.tick().await.unwrap();
    let sent = world.history(ada, bob).await.remove(0);
    assert!(sent.message.scheduled);
    assert_eq!((sent.message.text.as_str(), sent.message.date), ("first", start + 10));
    let gone = world.recorder.take().into_iter().find_map(|event| match event {
        Event::Own { change: Own::ScheduledGone { ids, sent, .. }, actor, .. } => {
            Some((ids, sent, actor))
        }
        _ => None,
    });
    assert_eq!(gone, Some((vec![first.id], vec![sent.id], None)), "all sessions are told");
    assert_eq!(waiting(&world, ada, bob).await, ["second"]);
    assert_eq!(*world.core.due().borrow(), Some((start + 20) as u32));
    // The node was away when its time came.
    world.pass_s(1000);
    let world = world.reopen();
    assert_eq!(*world.core.due().borrow(), Some((start + 20) as u32));
    world.core.tick().await.unwrap();
    world.core.tick().await.unwrap();
    assert_eq!(world.texts(bob, ada).await, ["second", "first"]);
    assert_eq!((*world.core.due().borrow(), timers(&world)), (None, 0));
    // What lies in the past, or now, is sent at once.
    let sent = schedule(&world, ada, outgoing(bob, "third", 3), start).await.unwrap();
    assert!(matches!(sent, Placed::Sent(sent) if !sent.message.scheduled));
}

#[tokio::test]
async fn scheduled_messages_of_a_suspended_member_wait() {
    let mut world = World::new().await;
    let bob = world.member("Bob").await;
    let ada = world.member("Ada").await;
    let at = world.core.now() + 10;
    waits(schedule(&world, ada, outgoing(bob, "later", 1), at).await.unwrap());
    world.core.suspend(ada.id).await.unwrap();
    world.pass_s(20);
    world.core.tick().await.unwrap();
    assert_eq!(world.texts(bob, ada).await, Vec::<String>::new());
    world.core.unsuspend(ada.id).await.unwrap();
    world.pass_s(86_400);
    world.core.tick().await.unwrap();
    assert_eq!(world.texts(bob, ada).await, ["later"]);
}

/// It has written into the log when it fails.
#[tokio::test]
async fn scheduled_what_cannot_be_sent_does_not_hold_up_the_others() {
    let (world, ada, bob) = pair().await;
    let group = world.channel(ada, false).await;
    let first = world.post(ada, group, "first").await.unwrap();
    world.answer(ada, group, first.id, "an answer").await.unwrap();
    let when = When { date: world.core.now() + 10, repeat: 0 };
    let mut answer = Outgoing::text(group.into(), text("another"), 10);
    answer.reply = Some((first.id, None));
    world.core.schedule(ada.actor(), ada.id, answer, when).await.unwrap();
    schedule(&world, ada, outgoing(bob, "to Bob", 11), when.date).await.unwrap();
    // What is known of the thread is damaged.
    let key = [&group.bytes()[..], &[8], &first.id.0.to_be_bytes()].concat();
    assert!(world.disk.get(Keyspace::CHANNELS, &key).unwrap().is_some());
    let mut damage = Batch::new();
    damage.put(Keyspace::CHANNELS, &key, vec![0xff]);
    world.disk.commit(damage).unwrap();
    world.pass_s(10);
    world.core.tick().await.unwrap();
    assert_eq!(world.texts(bob, ada).await, ["to Bob"]);
    assert_eq!(world.said_in(ada, group).await, ["first", "an answer"]);
    let waits = world.core.scheduled_history(ada.id, group.into()).await.unwrap();
    assert_eq!(waits[0].message.text, "another", "she can send it, or delete it");
    assert!(world.core.due().borrow().is_none_or(|due| due > when.date as u32));
    world.post(ada, group, "the log goes on").await.unwrap();
}

#[tokio::test]
async fn scheduled_a_random_id_is_scheduled_once_and_sent_once() {
    let (world, ada, bob) = pair().await;
    let at = world.core.now() + 10;
    let first = schedule(&world, ada, outgoing(bob, "x", 7), at).await.unwrap();
    assert_eq!(schedule(&world, ada, outgoing(bob, "x", 7), at + 5).await.unwrap(), first);
    for other in [
        schedule(&world, ada, outgoing(bob, "y", 7), at).await.map(|_| ()),
        world.try_send(ada, outgoing(bob, "x", 7)).await.map(|_| ()),
    ] {
        assert!(matches!(other, Err(CoreError::RandomIdDuplicate)), "{other:?}");
    }
    world.pass_s(10);
    world.core.tick().await.unwrap();
    // The same request once more is the message that it became.
    let again = schedule(&world, ada, outgoing(bob, "x", 7), at).await.unwrap();
    let sent = world.history(ada, bob).await;
    assert_eq!(sent.len(), 1);
    assert!(matches!(again, Placed::Sent(again) if again.id == sent[0].id && again.repeated));
    assert!(world.try_send(ada, outgoing(bob, "x", 7)).await.unwrap().repeated);
}

/// It has written into the log when it fails.
#[tokio::test]
async fn scheduled_what_cannot_be_scheduled_is_refused() {
    let (world, ada, bob) = pair().await;
    let start = world.core.now();
    let year = 365 * 86_400;
    let late = schedule(&world, ada, outgoing(bob, "x", 1), start + year + 1).await;
    assert!(matches!(late, Err(CoreError::ScheduleTooLate)));
    let odd = world
        .core
        .schedule(ada.actor(), ada.id, outgoing(bob, "x", 1), When { date: start + 9, repeat: 7 })
        .await;
    assert!(matches!(odd, Err(CoreError::ScheduleInvalid)));
    for n in 0..SCHEDULED_DIALOG_MAX as i64 {
        schedule(&world, ada, outgoing(bob, "x", 10 + n), start + year).await.unwrap();
    }
    let more = schedule(&world, ada, outgoing(bob, "x", 1), start + 5).await;
    assert!(matches!(more, Err(CoreError::ScheduleTooMuch)));
    // Others have their own room.
    schedule(&world, ada, outgoing(ada, "x", 2), start + 5).await.unwrap();
    schedule(&world, bob, outgoing(ada, "x", 2), start + 5).await.unwrap();
    let peer = bob.peer();
    let ids = world.core.scheduled_history(ada.id, peer).await.unwrap();
    let ids: Vec<MessageId> = ids.iter().map(|scheduled| scheduled.id).collect();
    let gone = world.core.delete_scheduled(ada.actor(), ada.id, peer, ids.clone()).await.unwrap();
    assert_eq!(gone, ids);
    assert_eq!(timers(&world), 2);
    let again = world.core.delete_scheduled(ada.actor(), ada.id, peer, ids).await.unwrap();
    assert_eq!(again, []);
    // A number is not given a second time.
    let next = waits(schedule(&world, ada, outgoing(bob, "x", 3), start + 5).await.unwrap());
    assert_eq!(next.id, MessageId(SCHEDULED_DIALOG_MAX as i32 + 1));
    let nothing = world.core.send_scheduled(ada.actor(), ada.id, peer, vec![MessageId(1)]).await;
    assert!(matches!(nothing, Err(CoreError::UnknownMessage)));
}

#[tokio::test]
async fn scheduled_messages_are_changed_and_sent_now() {
    let (world, ada, bob) = pair().await;
    let (start, peer, core) = (world.core.now(), bob.peer(), &world.core);
    let id = waits(schedule(&world, ada, outgoing(bob, "old", 1), start + 10).await.unwrap()).id;
    let edit = |edit| core.edit_scheduled(ada.actor(), ada.id, peer, id, edit);
    let new = ScheduledEdit { text: Some(text("new")), ..ScheduledEdit::default() };
    let edited = waits(edit(new.clone()).await.unwrap());
    assert_eq!((edited.message.text.as_str(), edited.message.date), ("new", start + 10));
    assert!(matches!(edit(new).await, Err(CoreError::NotModified)));
    let later = ScheduledEdit { date: Some(start + 50), ..ScheduledEdit::default() };
    assert_eq!(waits(edit(later).await.unwrap()).message.date, start + 50);
    assert_eq!(timers(&world), 1);
    world.pass_s(20);
    core.tick().await.unwrap();
    assert_eq!(waiting(&world, ada, bob).await, ["new"]);
    let sent = core.send_scheduled(ada.actor(), ada.id, peer, vec![id]).await.unwrap();
    assert_eq!((sent[0].0, sent[0].1.message.date), (id, start + 20));
    let past = waits(schedule(&world, ada, outgoing(bob, "x", 2), start + 90).await.unwrap());
    let at_once = ScheduledEdit { date: Some(start), ..ScheduledEdit::default() };
    let sent = core.edit_scheduled(ada.actor(), ada.id, peer, past.id, at_once).await.unwrap();
    assert!(matches!(sent, Placed::Sent(_)));
    world.pass_s(100);
    core.tick().await.unwrap();
    assert_eq!(world.texts(bob, ada).await, ["x", "new"]);
    assert_eq!(timers(&world), 0);
}

#[tokio::test]
async fn scheduled_a_message_waits_for_somebody_to_come_online() {
    let (world, ada, bob) = pair().await;
    waits(schedule(&world, ada, outgoing(bob, "hello", 1), SEND_WHEN_ONLINE).await.unwrap());
    world.pass_s(400 * 86_400);
    world.core.tick().await.unwrap();
    world.core.set_online(ada.id, true).await.unwrap();
    assert_eq!(*world.core.due().borrow(), None);
    let world = world.crash();
    world.core.set_online(bob.id, true).await.unwrap();
    assert_eq!(*world.core.due().borrow(), Some(0));
    world.core.tick().await.unwrap();
    assert_eq!(world.texts(bob, ada).await, ["hello"]);
    assert_eq!((*world.core.due().borrow(), timers(&world)), (None, 0));
    // Who is there gets it at once.
    let sent = schedule(&world, ada, outgoing(bob, "again", 2), SEND_WHEN_ONLINE).await.unwrap();
    assert!(matches!(sent, Placed::Sent(_)));
}

#[tokio::test]
async fn scheduled_who_comes_online_before_it_is_durable_gets_it_too() {
    let (world, ada, bob) = pair().await;
    world.disk.hold();
    let mut scheduling =
        Box::pin(schedule(&world, ada, outgoing(bob, "hello", 1), SEND_WHEN_ONLINE));
    assert!(now(scheduling.as_mut()).is_none());
    world.disk.wait_for_undurable(1);
    let mut coming = Box::pin(world.core.set_online(bob.id, true));
    assert!(now(coming.as_mut()).is_none());
    world.disk.release();
    waits(scheduling.await.unwrap());
    coming.await.unwrap();
    assert_eq!(*world.core.due().borrow(), Some(0));
    world.core.tick().await.unwrap();
    assert_eq!(world.texts(bob, ada).await, ["hello"]);
}

#[tokio::test]
async fn scheduled_a_deleted_account_sends_nothing_and_gets_nothing() {
    let (world, ada, bob) = pair().await;
    let at = world.core.now() + 10;
    schedule(&world, bob, outgoing(ada, "from nobody", 1), at).await.unwrap();
    let to_bob = waits(schedule(&world, ada, outgoing(bob, "to nobody", 2), at).await.unwrap()).id;
    let later = waits(schedule(&world, ada, outgoing(bob, "later", 3), at + 10).await.unwrap()).id;
    world.core.delete_account(bob.id, bob.key, None).await.unwrap();
    let (core, peer, actor) = (&world.core, bob.peer(), ada.actor());
    let sent = core.send_scheduled(actor, ada.id, peer, vec![to_bob]).await;
    assert!(matches!(sent, Err(CoreError::Deactivated)), "{sent:?}");
    let edit = ScheduledEdit { date: Some(at - 10), ..ScheduledEdit::default() };
    let edited = core.edit_scheduled(actor, ada.id, peer, to_bob, edit).await;
    assert!(matches!(edited, Err(CoreError::Deactivated)), "{edited:?}");
    // It may still be taken away.
    let taken = core.delete_scheduled(actor, ada.id, peer, vec![later]).await.unwrap();
    assert_eq!(taken, [later]);
    world.pass_s(10);
    world.core.tick().await.unwrap();
    assert!(world.texts(ada, bob).await.is_empty());
    let arrived = |(_, row): &(Pts, BoxRow)| matches!(row, BoxRow::Message(m) if m.scheduled);
    assert!(!world.rows(bob).iter().any(arrived));
    assert_eq!((waiting(&world, ada, bob).await.len(), timers(&world)), (0, 0));
}

#[tokio::test]
async fn scheduled_a_message_comes_again() {
    let (world, ada, bob) = pair().await;
    let (start, day) = (world.core.now(), 86_400);
    let message = outgoing(bob, "daily", 1);
    let first = world
        .core
        .schedule(ada.actor(), ada.id, message, When { date: start + 10, repeat: day })
        .await;
    let first = waits(first.unwrap()).id;
    world.pass_s(10);
    world.core.tick().await.unwrap();
    let next = world.core.scheduled_history(ada.id, bob.peer()).await.unwrap();
    assert_eq!((next.len(), next[0].message.date, next[0].repeat), (1, start + 10 + day, day));
    assert_ne!(next[0].id, first);
    // However long the node was away, it comes once, and then at its next time.
    world.pass_s(10 * day as u64);
    world.core.tick().await.unwrap();
    assert_eq!(world.texts(bob, ada).await, ["daily", "daily"]);
    let next = world.core.scheduled_history(ada.id, bob.peer()).await.unwrap();
    assert_eq!(next[0].message.date, start + 10 + 11 * day);
}

#[tokio::test]
async fn scheduled_forwards_and_replies_are_scheduled() {
    let (world, ada, bob) = pair().await;
    let at = world.core.now() + 10;
    let said = world.send(bob, ada, "said").await;
    let original = said.message.twin;
    let reply = Outgoing { reply: Some((original, None)), ..outgoing(bob, "reply", 1) };
    schedule(&world, ada, reply, at).await.unwrap();
    let (core, how) = (&world.core, ForwardHow::default());
    let ids = vec![(original, 2)];
    let forward = core
        .schedule_forward(
            ada.actor(),
            ada.id,
            bob.peer(),
            bob.peer(),
            ids.clone(),
            how,
            When { date: at, repeat: 0 },
        )
        .await
        .unwrap();
    let forward = waits(forward.into_iter().next().unwrap());
    let from = forward.message.forward.and_then(|forward| forward.from.user());
    assert_eq!(from, Some(bob.id));
    // A forwarded text is somebody else's.
    let edit = ScheduledEdit { text: Some(text("mine")), ..ScheduledEdit::default() };
    let edited = core.edit_scheduled(ada.actor(), ada.id, bob.peer(), forward.id, edit).await;
    assert!(matches!(edited, Err(CoreError::NotTheAuthor)));
    // What it was taken from may be gone by then.
    world.delete(ada, &[original], false).await;
    world.pass_s(10);
    world.core.tick().await.unwrap();
    let history = world.history(bob, ada).await;
    let texts: Vec<&str> = history.iter().map(|stored| stored.message.text.as_str()).collect();
    assert_eq!(texts, ["said", "reply", "said"]);
    let unknown = core
        .schedule_forward(
            ada.actor(),
            ada.id,
            bob.peer(),
            bob.peer(),
            vec![(original, 3)],
            how,
            When { date: at, repeat: 0 },
        )
        .await;
    assert!(matches!(unknown, Err(CoreError::UnknownMessage)));
}

/// Many messages, scheduled, changed, taken back and sent early, with ticks, restarts and power
/// cuts between: each is there once at its time, and none that was taken back.
#[tokio::test]
async fn scheduled_each_is_sent_exactly_once_over_restarts_and_power_cuts() {
    for seed in 64..if full() { 164 } else { 74 } {
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut world, ada, bob) = pair().await;
        // What is acknowledged: words, and the time at which they are due; `None`: taken back.
        let mut known: BTreeMap<String, (MessageId, Option<i32>)> = BTreeMap::new();
        for round in 0..80 {
            let (start, peer) = (world.core.now(), bob.peer());
            let any = known.iter().filter(|(_, (_, at))| at.is_some_and(|at| at > start));
            let any: Vec<_> = any.map(|(words, (id, _))| (words.clone(), *id)).collect();
            let one = (!any.is_empty()).then(|| any[rng.random_range(0..any.len())].clone());
            let cut = rng.random_bool(0.2);
            if cut {
                world.disk.hold_from(rng.random_range(1..3));
            }
            let core = world.core.clone();
            let at = start + rng.random_range(1..30);
            match (rng.random_range(0..5), one) {
                (0, Some((words, id))) => {
                    let delete = core.delete_scheduled(ada.actor(), ada.id, peer, vec![id]);
                    let mut delete = Box::pin(delete);
                    let done = if cut { now(delete.as_mut()) } else { Some(delete.await) };
                    if let Some(Ok(gone)) = done {
                        assert_eq!(gone, [id]);
                        known.insert(words, (id, None));
                    } else {
                        // Whether it is gone is not known.
                        known.remove(&words);
                    }
                }
                (1, Some((words, id))) => {
                    let edit = ScheduledEdit { date: Some(at), ..ScheduledEdit::default() };
                    let edit = core.edit_scheduled(ada.actor(), ada.id, peer, id, edit);
                    let mut edit = Box::pin(edit);
                    let done = if cut { now(edit.as_mut()) } else { Some(edit.await) };
                    match done {
                        Some(Ok(Placed::Waits(_))) => {
                            known.insert(words, (id, Some(at)));
                        }
                        Some(Err(CoreError::NotModified)) => {}
                        _ => {
                            known.remove(&words);
                        }
                    }
                }
                _ => {
                    let words = format!("{round}");
                    let message = outgoing(bob, &words, 1000 + round);
                    let placing =
                        core.schedule(ada.actor(), ada.id, message, When { date: at, repeat: 0 });
                    let mut placing = Box::pin(placing);
                    let done = if cut { now(placing.as_mut()) } else { Some(placing.await) };
                    if let Some(Ok(placed)) = done {
                        known.insert(words, (waits(placed).id, Some(at)));
                    }
                }
            }
            world.pass_s(rng.random_range(0..8));
            if cut {
                let core = world.core.clone();
                let mut tick = Box::pin(core.tick());
                let _ = now(tick.as_mut());
                world = world.crash_keeping(rng.random_range(0..3));
            } else if rng.random_bool(0.1) {
                world = world.reopen();
            }
            if rng.random_bool(0.7) {
                world.core.tick().await.unwrap();
            }
        }
        world.pass_s(100);
        world.core.tick().await.unwrap();
        let mut texts = world.texts(bob, ada).await;
        let all = texts.len();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), all, "none twice");
        for (words, (_, at)) in known {
            assert_eq!(texts.contains(&words), at.is_some(), "{words}, due {at:?}");
        }
        assert_eq!(timers(&world), 0);
        let mine = world.history(ada, bob).await;
        assert_eq!(mine.len(), all);
    }
}

#[tokio::test]
async fn expiry_messages_go_after_the_dialogs_time_on_both_sides() {
    let (world, ada, bob) = pair().await;
    world.send(ada, bob, "stays").await;
    world.recorder.take();
    let set = world.core.set_history_ttl(ada.actor(), ada.id, bob.peer(), 100).await.unwrap();
    let action = Action::SetTtl { period: 100, auto_from: None };
    assert_eq!(set.message.action, Some(action.clone()));
    let told: Vec<(UserId, Own)> = world
        .recorder
        .take()
        .into_iter()
        .filter_map(|event| match event {
            Event::Own { owner, change, .. } => Some((owner, change)),
            _ => None,
        })
        .collect();
    let ttl = |peer| Own::HistoryTtl { peer };
    assert_eq!(told, [(ada.id, ttl(bob.peer())), (bob.id, ttl(ada.peer()))]);
    for (owner, with) in [(ada, bob), (bob, ada)] {
        assert_eq!(world.core.history_ttl(owner.id, with.peer()).unwrap(), 100);
        assert_eq!(world.dialog(owner, with).await.ttl_period, 100);
        assert_eq!(world.history(owner, with).await[0].message.action, Some(action.clone()));
    }
    let again = world.core.set_history_ttl(bob.actor(), bob.id, ada.peer(), 100).await;
    assert!(matches!(again, Err(CoreError::NotModified)));
    world.pass_s(50);
    let theirs = world.send(bob, ada, "goes").await;
    assert_eq!(theirs.message.ttl_period, 100);
    let kept_by_bob = world.send(ada, bob, "goes too").await;
    world.delete(ada, &[kept_by_bob.id], false).await;
    let read = world.send(ada, bob, "and this").await;
    world.delete(bob, &[read.message.twin], false).await;
    // The notice goes with those that it announces.
    world.pass_s(50);
    world.core.tick().await.unwrap();
    assert_eq!(world.texts(bob, ada).await, ["goes too", "goes", "stays"]);
    world.pass_s(49);
    let world = world.crash();
    world.core.tick().await.unwrap();
    assert_eq!(world.texts(ada, bob).await, ["and this", "goes", "stays"], "not a second early");
    world.pass_s(1);
    world.recorder.take();
    let (before, theirs) = (world.pts(ada).await, world.pts(bob).await);
    world.core.tick().await.unwrap();
    assert_eq!(world.texts(ada, bob).await, ["stays"]);
    assert_eq!(world.texts(bob, ada).await, ["stays"]);
    // As deletions with a pts, for every session.
    assert_eq!((world.pts(ada).await.0, world.pts(bob).await.0), (before.0 + 2, theirs.0 + 2));
    let events = world.recorder.take_box(ada);
    assert!(events.iter().all(|event| event.actor.is_none()));
    assert_eq!(timers(&world), 0);
    // Off again: what comes stays.
    world.core.set_history_ttl(ada.actor(), ada.id, bob.peer(), 0).await.unwrap();
    assert_eq!(world.send(bob, ada, "stays too").await.message.ttl_period, 0);
}

#[tokio::test]
async fn expiry_a_timer_for_new_dialogs_is_set_by_their_first_message() {
    let (mut world, ada, bob) = pair().await;
    let core = world.core.clone();
    core.set_default_ttl(ada.actor(), ada.id, 1000).await.unwrap();
    assert_eq!(core.default_ttl(ada.id).unwrap(), 1000);
    let sent = world.send(ada, bob, "first").await;
    assert_eq!(sent.message.ttl_period, 1000);
    let notice = Some(Action::SetTtl { period: 1000, auto_from: Some(ada.id) });
    for (owner, with) in [(ada, bob), (bob, ada)] {
        let history = world.history(owner, with).await;
        assert_eq!((history.len(), &history[1].message.action), (2, &notice));
    }
    world.send(bob, ada, "second").await;
    assert_eq!(world.history(bob, ada).await.len(), 3);
    // Not by those who write to her, nor to oneself, nor where a dialog was.
    let eve = world.member("Eve").await;
    assert_eq!(world.send(eve, ada, "x").await.message.ttl_period, 0);
    assert_eq!(world.send(ada, eve, "x").await.message.ttl_period, 0);
    assert_eq!(world.send(ada, ada, "x").await.message.ttl_period, 0);
    for bad in [-1, 367 * 86_400] {
        let refused = core.set_default_ttl(ada.actor(), ada.id, bad).await;
        assert!(matches!(refused, Err(CoreError::TtlInvalid)));
    }
    let own = core.set_history_ttl(ada.actor(), ada.id, ada.peer(), 100).await;
    assert!(matches!(own, Err(CoreError::UnknownUser)));
    core.set_default_ttl(ada.actor(), ada.id, 0).await.unwrap();
    assert_eq!(core.default_ttl(ada.id).unwrap(), 0);
}

#[tokio::test]
async fn expiry_who_is_blocked_sets_no_timer_for_the_other() {
    let (world, ada, bob) = pair().await;
    world.core.set_blocked(None, bob.id, ada.id, true).await.unwrap();
    world.core.set_history_ttl(ada.actor(), ada.id, bob.peer(), 100).await.unwrap();
    assert_eq!(world.core.history_ttl(bob.id, ada.peer()).unwrap(), 0);
    assert!(world.history(bob, ada).await.is_empty());
    world.send(ada, bob, "x").await;
    world.pass_s(100);
    world.core.tick().await.unwrap();
    assert!(world.history(ada, bob).await.is_empty());
}

/// What an operator keeps for so long only goes then, and earlier where the dialog says so.
#[tokio::test]
async fn messages_stay_no_longer_than_the_node_keeps_them() {
    let (world, ada, bob) = pair().await;
    world.send(ada, bob, "before").await;
    let world = world.with_ways(Ways { keep_s: 1000, ..Ways::default() });
    world.send(ada, bob, "long").await;
    world.send(ada, ada, "note").await;
    world.core.set_history_ttl(ada.actor(), ada.id, bob.peer(), 100).await.unwrap();
    let short = world.send(bob, ada, "short").await;
    assert_eq!(short.message.ttl_period, 100);
    world.core.set_history_ttl(ada.actor(), ada.id, bob.peer(), 5000).await.unwrap();
    let capped = world.send(bob, ada, "capped").await;
    assert_eq!(capped.message.ttl_period, 1000);
    world.pass_s(101);
    world.core.tick().await.unwrap();
    for (owner, with) in [(ada, bob), (bob, ada)] {
        let texts = world.texts(owner, with).await;
        assert!(texts.contains(&"long".to_owned()) && !texts.contains(&"short".to_owned()));
    }
    world.pass_s(1000);
    world.core.tick().await.unwrap();
    for (owner, with) in [(ada, bob), (bob, ada)] {
        let texts = world.texts(owner, with).await;
        assert!(texts.contains(&"before".to_owned()), "{texts:?}");
        assert!(!texts.iter().any(|text| text == "long" || text == "capped"), "{texts:?}");
    }
    assert_eq!(world.texts(ada, ada).await, ["note"]);
}
