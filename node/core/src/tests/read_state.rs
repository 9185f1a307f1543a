//! Line 55: what is read.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::world::{Member, World};
use crate::*;

/// Unread, counted anew: incoming messages above the mark.
async fn recount(world: &World, owner: Member, with: Member) -> i32 {
    let mark = world.dialog(owner, with).await.read_inbox;
    let all = world.history(owner, with).await;
    all.iter().filter(|stored| !stored.message.out && stored.id > mark).count() as i32
}

#[tokio::test]
async fn line_55_marks_never_fall_and_counts_are_exact() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let seed = 55;
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let pair = [ada, bob];
    let mut marks = [(MessageId(0), MessageId(0)); 2];
    let welcome = world.core.state(ada.id).await.unwrap().unread;
    for step in 0..400 {
        let at = rng.random_range(0..2);
        let (one, other) = (pair[at], pair[1 - at]);
        let all = world.history(one, other).await;
        let some = |rng: &mut StdRng| match all.len() {
            0 => MessageId(0),
            len => all[rng.random_range(0..len)].id,
        };
        match rng.random_range(0..6) {
            0 | 1 => {
                let max_id = some(&mut rng);
                let before = world.dialog(one, other).await;
                let seen = world.dialog(other, one).await;
                let affected = world.read(one, other, max_id).await;
                let after = world.dialog(one, other).await;
                assert_eq!(before.unread - after.unread, affected.pts_count);
                let twin_seen = world.dialog(other, one).await;
                assert!(twin_seen.read_outbox >= seen.read_outbox);
            }
            2 if step % 5 == 0 => {
                world.delete(one, &[some(&mut rng)], rng.random()).await;
            }
            _ => drop(world.send(one, other, "x").await),
        }
        let mut unread = 0;
        for (at, (one, other)) in [(ada, bob), (bob, ada)].into_iter().enumerate() {
            let dialog = world.dialog(one, other).await;
            assert_eq!(dialog.unread, recount(&world, one, other).await);
            let now = (dialog.read_inbox, dialog.read_outbox);
            assert!(now.0 >= marks[at].0 && now.1 >= marks[at].1, "{now:?} after {marks:?}");
            marks[at] = now;
            unread = if at == 0 { dialog.unread } else { unread };
        }
        assert_eq!(world.core.state(ada.id).await.unwrap().unread, unread + welcome);
        if step % 100 == 99 {
            world = world.reopen();
        }
    }
}

#[tokio::test]
async fn line_55_two_devices_that_race_end_equal() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let second = world.device(bob).await;
    for round in 0..20 {
        let mut sent = Vec::new();
        for _ in 0..6 {
            sent.push(world.send(ada, bob, "x").await);
        }
        world.recorder.take();
        let before = world.pts(bob).await;
        let (low, high) = (sent[1].message.twin, sent[4].message.twin);
        let (first, then) = if round % 2 == 0 { (low, high) } else { (high, low) };
        let (one, two) = tokio::join!(world.read(bob, ada, first), world.read(second, ada, then));
        assert_eq!(one.pts_count + two.pts_count, 5, "each message is read once");
        let dialog = world.dialog(bob, ada).await;
        assert_eq!((dialog.read_inbox, dialog.unread), (high, 1));
        assert_eq!(world.pts(bob).await, Pts(before.0 + 5));
        assert_eq!(world.dialog(ada, bob).await.read_outbox, sent[4].id);
        // Every device hears of each step but its own, and ends at the same mark.
        let told = world.recorder.take_box(bob);
        let marks: Vec<MessageId> = told
            .iter()
            .map(|event| match &event.row {
                BoxRow::ReadInbox { max_id, .. } => *max_id,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(marks.last(), Some(&high));
        // 0 reads all.
        assert_eq!(world.read(bob, ada, MessageId(0)).await.pts_count, 1);
    }
}

#[tokio::test]
async fn line_55_only_the_other_party_moves_the_double_tick() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let sent = world.send(ada, bob, "one").await;
    world.read(ada, bob, sent.id).await;
    assert_eq!(world.dialog(ada, bob).await.read_outbox, MessageId(0), "one's own reading");
    // Above everything: what is there is read, and what comes is not.
    world.read(bob, ada, MessageId(i32::MAX)).await;
    assert_eq!(world.dialog(ada, bob).await.read_outbox, sent.id);
    let later = world.send(ada, bob, "two").await;
    let dialog = world.dialog(bob, ada).await;
    assert_eq!((dialog.unread, dialog.read_inbox), (1, sent.message.twin));
    assert!(later.message.twin > dialog.read_inbox);
    let note = world.send(ada, ada, "note").await;
    assert_eq!(world.read(ada, ada, note.id).await.pts_count, 0);
}
