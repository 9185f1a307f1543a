//! Lines 32 to 39, 47 and 48: boxes, their numbers, and what a client missed.

use std::collections::BTreeMap;

use node_store::{Keyspace, Store as _};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::world::{Member, World, now, outgoing, text};
use crate::ids::pair_key;
use crate::*;

/// Writes, edits, reads and deletes at random in both boxes.
async fn talk(world: &World, pair: [Member; 2], steps: usize, seed: u64) {
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    for step in 0..steps {
        let at = rng.random_range(0..2);
        let (one, other) = (pair[at], pair[1 - at]);
        let all = world.history(one, other).await;
        match rng.random_range(0..10) {
            0 if !all.is_empty() => {
                let count = rng.random_range(1..=all.len().min(4));
                let ids: Vec<MessageId> = all.iter().take(count).map(|m| m.id).collect();
                world.delete(one, &ids, rng.random()).await;
            }
            1 => drop(world.read(one, other, MessageId(0)).await),
            2 => {
                if let Some(own) = all.iter().find(|stored| stored.message.out) {
                    world.edit(one, other, own.id, &format!("edit {step}")).await;
                }
            }
            _ => drop(world.send(one, other, &format!("text {step}")).await),
        }
    }
}

#[tokio::test]
async fn line_32_pts_counts_up_without_gaps_and_events_are_what_is_stored() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let before = [world.pts(ada).await, world.pts(bob).await];
    world.recorder.take();
    talk(&world, [ada, bob], 300, 32).await;
    let events = world.recorder.take();
    for (member, before) in [ada, bob].into_iter().zip(before) {
        let mut at = before;
        let stored: BTreeMap<Pts, BoxRow> = world.rows(member).into_iter().collect();
        let mut messages = 0;
        for event in &events {
            let Event::Box(event) = event else { continue };
            if event.owner != member.id {
                continue;
            }
            assert_eq!(at.0 + event.pts_count, event.pts.0, "no gap, no overlap");
            assert_eq!(event.pts_count, event.row.pts_count());
            at = event.pts;
            match (&event.row, stored.get(&event.pts)) {
                // Edited or deleted since; but never something else in its place.
                (BoxRow::Message(_), Some(BoxRow::Message(_)) | None) => messages += 1,
                (row, found) => assert_eq!(found, Some(row)),
            }
        }
        assert_eq!(at, world.pts(member).await);
        assert!(messages > 100);
        // The rows themselves: what is missing is what was deleted.
        let mut at = 1;
        let mut missing = Vec::new();
        let mut deleted: Vec<i32> = Vec::new();
        for (pts, row) in &stored {
            missing.extend(at + 1..=pts.0 - row.pts_count());
            at = pts.0;
            if let BoxRow::Deleted { ids, .. } = row {
                deleted.extend(ids.iter().map(|id| id.0));
            }
        }
        missing.extend(at + 1..=world.pts(member).await.0);
        deleted.sort_unstable();
        assert_eq!(missing, deleted);
    }
}

/// The message, its twin, and the row that makes its random_id unique are in one batch: a crash
/// takes all of them or none.
#[tokio::test]
async fn line_32_an_event_and_its_message_come_together_or_not_at_all() {
    for survives in [false, true] {
        let mut world = World::new().await;
        let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
        let before = [world.pts(ada).await, world.pts(bob).await];
        world.disk.hold();
        let core = world.core.clone();
        let mut sending = Box::pin(core.send(ada.actor(), ada.id, outgoing(bob, "hi", 77)));
        assert!(now(sending.as_mut()).is_none());
        world.disk.wait_for_undurable(1);
        let world = world.crash_keeping(usize::from(survives));
        assert!(matches!(sending.await, Err(CoreError::Stopped(_))), "not acknowledged");
        let after = [world.pts(ada).await, world.pts(bob).await];
        let grown = i32::from(survives);
        assert_eq!(after, before.map(|pts| Pts(pts.0 + grown)));
        let random_id = world.disk.get(Keyspace::RANDOM_IDS, &pair_key(ada.id.0, 77)).unwrap();
        assert_eq!(random_id.is_some(), survives);
        let expected = if survives { vec!["hi".to_owned()] } else { vec![] };
        assert_eq!(world.texts(ada, bob).await, expected);
        assert_eq!(world.texts(bob, ada).await, expected);
        // The client sends it again: it is there once.
        let sent = world.try_send(ada, outgoing(bob, "hi", 77)).await.unwrap();
        assert_eq!(sent.repeated, survives);
        assert_eq!(world.texts(ada, bob).await, ["hi"]);
        assert_eq!(world.texts(bob, ada).await, ["hi"]);
    }
}

#[tokio::test]
async fn line_33_each_event_counts_as_many_pts_as_messages_it_touches() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(world.send(ada, bob, &format!("{n}")).await);
    }
    world.recorder.take();
    let (ada_pts, bob_pts) = (world.pts(ada).await, world.pts(bob).await);

    // Four of five: in both boxes.
    let max_id = sent[3].message.twin;
    let read = world.read(bob, ada, max_id).await;
    assert_eq!(read, Affected { pts: Pts(bob_pts.0 + 4), pts_count: 4 });
    let events = world.recorder.take();
    let counts: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::Box(event) => (event.owner, event.pts, event.pts_count, event.row.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    let inbox = BoxRow::ReadInbox {
        peer: ada.peer(),
        max_id,
        count: 4,
        still_unread: 1,
        date: world.core.now(),
    };
    let outbox = BoxRow::ReadOutbox {
        peer: bob.peer(),
        max_id: sent[3].id,
        count: 4,
        date: world.core.now(),
    };
    assert_eq!(
        counts,
        [
            (bob.id.into(), Pts(bob_pts.0 + 4), 4, inbox),
            (ada.id.into(), Pts(ada_pts.0 + 4), 4, outbox)
        ]
    );
    let again = world.read(bob, ada, max_id).await;
    assert_eq!(again, Affected { pts: read.pts, pts_count: 0 }, "nothing is left to be read");
    assert!(world.recorder.take().is_empty());

    let edited = world.edit(ada, bob, sent[0].id, "new").await;
    assert_eq!(edited.pts, Pts(ada_pts.0 + 5), "an edit counts one");
    let gone: Vec<MessageId> = sent.iter().take(3).map(|sent| sent.id).collect();
    let deleted = world.delete(ada, &gone, true).await;
    assert_eq!(deleted, Affected { pts: Pts(ada_pts.0 + 8), pts_count: 3 });
    assert_eq!(world.pts(bob).await, Pts(read.pts.0 + 1 + 3));
    let again = world.delete(ada, &gone, true).await;
    assert_eq!(again, Affected { pts: deleted.pts, pts_count: 0 }, "gone already");
    assert_eq!(world.pts(ada).await, deleted.pts);
    let one = world.send(ada, bob, "x").await;
    assert_eq!((one.pts.0, one.id.0), (deleted.pts.0 + 1, deleted.pts.0 + 1), "a message one");
}

#[tokio::test]
async fn line_34_a_fresh_box_has_a_pts_and_nothing_missed() {
    let mut world = World::new().await;
    let _owner = world.member("Owner").await;
    let ada = world.member("Ada").await;
    let state = world.core.state(ada.id).await.unwrap();
    assert_eq!(state, State { pts: Pts(1), unread: 0 });
    for limit in [1, 100] {
        let missed = world.core.difference(ada.id, state.pts, limit, Some(1)).await.unwrap();
        assert_eq!(missed, Difference::Empty);
    }
}

/// Without edits of what the client got in the same difference: those depend on where it is cut.
fn essence(rows: &[DifferenceRow], from: Pts) -> Vec<&DifferenceRow> {
    let repeated = |row: &BoxRow| matches!(row, BoxRow::Edited(id) if id.0 > from.0);
    rows.iter().filter(|row| !repeated(&row.row)).collect()
}

#[tokio::test]
async fn line_35_slices_are_ahead_and_together_the_whole() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    talk(&world, [ada, bob], 150, 35).await;
    for member in [ada, bob] {
        for from in 1..world.pts(member).await.0 {
            let whole = world.difference(member, Pts(from), DIFFERENCE_ROWS_MAX).await;
            for limit in [1, 2, 3, 7] {
                // Each slice begins exactly where the last one ended: see `difference`.
                let slices = world.difference(member, Pts(from), limit).await;
                assert_eq!(essence(&slices, Pts(from)), essence(&whole, Pts(from)));
            }
        }
    }
    // A limit over the bound gives the bound.
    let from = world.pts(bob).await;
    for n in 0..=DIFFERENCE_ROWS_MAX {
        world.send(ada, bob, &format!("{n}")).await;
    }
    let slice = world.core.difference(bob.id, from, usize::MAX, None).await.unwrap();
    let Difference::Events { rows, last, .. } = slice else { panic!("{slice:?}") };
    assert_eq!((rows.len(), last), (DIFFERENCE_ROWS_MAX, false));
    // A slice that is just full, and has all, is the last one.
    let from = Pts(world.pts(bob).await.0 - 3);
    let slice = world.core.difference(bob.id, from, 3, None).await.unwrap();
    let Difference::Events { rows, last, .. } = slice else { panic!("{slice:?}") };
    assert_eq!((rows.len(), last), (3, true));
}

#[tokio::test]
async fn line_36_who_is_too_far_behind_starts_anew() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    for n in 0..10 {
        world.send(ada, bob, &format!("{n}")).await;
    }
    let pts = world.pts(bob).await;
    let missed = |from: i32, total_max: i32| {
        let core = world.core.clone();
        async move { core.difference(bob.id, Pts(from), 100, Some(total_max)).await.unwrap() }
    };
    assert_eq!(missed(pts.0 - 10, 9).await, Difference::TooLong(pts));
    assert!(matches!(missed(pts.0 - 9, 9).await, Difference::Events { last: true, .. }));
    assert_eq!(missed(pts.0, 1).await, Difference::Empty, "then from there");
    assert_eq!(missed(pts.0 - 10, -1).await, Difference::TooLong(pts));
}

#[tokio::test]
async fn line_38_a_pts_that_the_box_has_not_reached_is_refused() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    world.send(ada, bob, "x").await;
    let pts = world.pts(bob).await;
    for ahead in [1, 1000, i32::MAX - pts.0] {
        let missed = world.core.difference(bob.id, Pts(pts.0 + ahead), 10, None).await;
        assert!(matches!(missed, Err(CoreError::FromTheFuture)), "{missed:?}");
    }
    for strange in [Pts(0), Pts(-1), Pts(i32::MIN)] {
        // From before everything: an answer of any kind, and no panic.
        assert!(world.core.difference(bob.id, strange, 10, None).await.is_ok());
    }
}

#[tokio::test]
async fn line_39_rows_come_in_order_and_say_nothing_twice() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let old = world.send(ada, bob, "old").await;
    let gone = world.send(ada, bob, "gone").await;
    let from = world.pts(bob).await;
    world.edit(ada, bob, old.id, "older").await;
    let new = world.send(ada, bob, "new").await;
    world.edit(ada, bob, new.id, "newer").await;
    world.edit(ada, bob, old.id, "oldest").await;
    world.edit(ada, bob, gone.id, "going").await;
    world.delete(ada, &[gone.id], true).await;
    let rows = world.difference(bob, from, 100).await;
    assert!(rows.is_sorted_by_key(|row| row.pts));
    let said: Vec<String> = rows
        .iter()
        .map(|row| match (&row.row, &row.edited) {
            (BoxRow::Message(message), None) => format!("new {}", message.text),
            (BoxRow::Edited(_), Some(message)) => format!("edit {}", message.text),
            (BoxRow::Deleted { ids, .. }, None) => format!("deleted {}", ids.len()),
            other => panic!("{other:?}"),
        })
        .collect();
    // A message that is new comes in its present form and is not edited besides; one that the
    // client has is edited, in its present form; of what is gone only that.
    assert_eq!(said, ["edit oldest", "new newer", "edit oldest", "deleted 1"]);
}

#[tokio::test]
async fn line_47_ids_stay_in_range_and_are_never_given_twice() {
    let mut world = World::new().await;
    let mut users = vec![world.member("Ada").await, world.member("Bob").await];
    let (ada, bob) = (users[0], users[1]);
    let mut given: Vec<i32> = Vec::new();
    for round in 0..4 {
        let kept = world.send(ada, bob, "kept").await;
        let newest = world.send(ada, bob, "newest").await;
        given.extend([kept.id.0, newest.id.0]);
        // The newest message goes, and after a restart its number is not given again.
        world.delete(ada, &[newest.id], true).await;
        world = match round % 2 {
            0 => world.reopen(),
            _ => {
                world.disk.hold();
                let core = world.core.clone();
                let lost = outgoing(bob, "lost", world.number());
                let mut lost = Box::pin(core.send(ada.actor(), ada.id, lost));
                assert!(now(lost.as_mut()).is_none());
                world.disk.wait_for_undurable(1);
                world.crash()
            }
        };
        users.push(world.member("Someone").await);
    }
    assert!(given.iter().all(|id| *id > 0) && given.is_sorted_by(|a, b| a < b), "{given:?}");
    let ids: Vec<i64> = users.iter().map(|user| user.id.0).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    assert!(ids.iter().all(|id| (USER_ID_FIRST..USER_ID_END).contains(id)));
}

/// A box whose newest 100 pts of events are kept, with events that are not messages.
async fn pruned() -> (World, Member, Member, Sent) {
    let mut world = World::with(Registration::Invite, 100).await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let sent = world.send(ada, bob, "first").await;
    for n in 0..700 {
        world.edit(ada, bob, sent.id, &format!("{n}")).await;
    }
    (world, ada, bob, sent)
}

#[tokio::test]
async fn line_48_below_the_floor_a_client_starts_anew_and_above_it_misses_nothing() {
    let (world, ada, bob, _) = pruned().await;
    // Flushed at 256 and 512 events: some 410 are gone.
    let pts = world.pts(bob).await;
    let mut too_long = 0;
    for from in 0..pts.0 {
        let missed = world.core.difference(bob.id, Pts(from), DIFFERENCE_ROWS_MAX, None).await;
        match missed.unwrap() {
            Difference::TooLong(to) => {
                assert_eq!(to, pts);
                assert_eq!(too_long, from, "one floor");
                too_long += 1;
            }
            Difference::Events { rows, .. } => {
                assert_eq!(rows.len() as i32, pts.0 - from, "no hole after {from}");
            }
            Difference::Empty => panic!("something is missing after {from}"),
        }
    }
    assert!((300..=600).contains(&too_long), "{too_long}");
    // Messages stay, however old; and the floor stays where it is.
    let kept = world.rows(bob).iter().filter(|(_, row)| matches!(row, BoxRow::Edited(_))).count();
    assert_eq!(world.texts(bob, ada).await, ["699"]);
    let world = world.reopen();
    assert_eq!(world.texts(bob, ada).await, ["699"]);
    let pts = world.pts(bob).await;
    let missed = world.core.difference(bob.id, Pts(3), 10, None).await.unwrap();
    assert_eq!(missed, Difference::TooLong(pts));
    let missed = world.difference(bob, Pts(pts.0 - kept as i32), 1000).await;
    assert_eq!(missed.len(), kept);
}

/// Events that are forgotten between the look at the floor and the look at the rows.
#[tokio::test]
async fn line_48_a_floor_that_rises_meanwhile_leaves_no_silent_hole() {
    let (world, ada, bob, sent) = pruned().await;
    let pts = world.pts(bob).await;
    let kept = world.rows(bob).iter().filter(|(_, row)| matches!(row, BoxRow::Edited(_))).count();
    let from = Pts(pts.0 - kept as i32);
    assert_eq!(world.difference(bob, from, 1000).await.len(), kept);
    let (core, disk) = (world.core.clone(), world.disk.clone());
    world.disk.before_next_read(Keyspace::BOXES, move || {
        for n in 0..200 {
            let text = text(&format!("again {n}"));
            let edit = core.edit(ada.actor(), ada.id, bob.peer(), sent.id, Edit::text(text));
            let (mut edit, commits) = (Box::pin(edit), disk.commits());
            drop(now(edit.as_mut()));
            disk.wait_for_commits(commits + 1);
        }
    });
    let missed = world.core.difference(bob.id, from, 1000, None).await.unwrap();
    assert!(matches!(missed, Difference::TooLong(_)), "{missed:?}");
}
