//! Line 52: pages of history against a slow model, and pages of dialogs.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::world::{Member, World, full, newest};
use crate::*;

/// The page that a plain list, newest first, has for a query.
fn slow(all: &[Stored], query: HistoryQuery) -> Vec<i32> {
    let inside = |stored: &&Stored| {
        stored.id.0 > query.min_id && (query.max_id <= 0 || stored.id.0 < query.max_id)
    };
    let all: Vec<&Stored> = all.iter().filter(inside).collect();
    let place = all
        .iter()
        .position(|stored| match (query.offset_id, query.offset_date) {
            (0, 0) => true,
            (0, date) => stored.message.date < date,
            (id, _) => stored.id.0 < id,
        })
        .unwrap_or(all.len());
    let start = place as i64 + i64::from(query.add_offset);
    let end = start + query.limit.min(PAGE_MAX) as i64;
    let kept = |at: i64| usize::try_from(at).unwrap_or(0).min(all.len());
    all[kept(start)..kept(end)].iter().map(|stored| stored.id.0).collect()
}

#[tokio::test]
async fn line_52_history_pages_equal_a_slow_model() {
    for seed in 52..if full() { 72 } else { 54 } {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let mut world = World::new().await;
        let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
        let mut sent = Vec::new();
        for n in 0..900 {
            let (from, to) = if rng.random() { (ada, bob) } else { (bob, ada) };
            let one = world.send(from, to, &format!("{n}")).await;
            sent.push(if from == ada { one.id } else { one.message.twin });
            world.pass_s(rng.random_range(0..4));
            if rng.random_bool(0.1) {
                world.send(ada, ada, "elsewhere").await;
            }
        }
        // Holes, one of them as long as a chunk.
        let at = rng.random_range(0..500);
        world.delete(ada, &sent[at..at + 300], false).await;
        let holes: Vec<MessageId> = sent.iter().copied().filter(|_| rng.random_bool(0.1)).collect();
        world.delete(ada, &holes, false).await;
        let all = world.history(ada, bob).await;
        assert!(all.is_sorted_by(|a, b| a.id > b.id));
        let dates = (all[all.len() - 1].message.date, all[0].message.date);
        let top = all[0].id.0;
        for _ in 0..if full() { 5000 } else { 700 } {
            let id = |rng: &mut StdRng| match rng.random_range(0..3) {
                0 => 0,
                1 => rng.random_range(1..top + 20),
                _ => all[rng.random_range(0..all.len())].id.0,
            };
            let dated = rng.random_bool(0.2);
            let query = HistoryQuery {
                offset_id: if dated { 0 } else { id(&mut rng) },
                offset_date: if dated { rng.random_range(dates.0 - 3..dates.1 + 3) } else { 0 },
                add_offset: match rng.random_range(0..4) {
                    0 => 0,
                    1 => rng.random_range(-120..120),
                    2 => rng.random_range(-1000..1000),
                    _ => -20,
                },
                limit: match rng.random_range(0..4) {
                    0 => rng.random_range(0..4),
                    1 => 1000,
                    _ => rng.random_range(1..=PAGE_MAX),
                },
                max_id: if rng.random_bool(0.3) { id(&mut rng) } else { 0 },
                min_id: if rng.random_bool(0.3) { id(&mut rng) } else { 0 },
            };
            let page = world.core.history(ada.id, bob.peer(), query).await.unwrap();
            let found: Vec<i32> = page.messages.iter().map(|stored| stored.id.0).collect();
            assert_eq!(found, slow(&all, query), "{query:?}");
            assert_eq!(page.count, all.len() as i32);
            if let Some(first) = found.first() {
                let newer = all.iter().filter(|stored| stored.id.0 > *first).count();
                assert_eq!(page.newer as usize, newer.min(PAGE_MAX), "{query:?}");
            }
        }
    }
}

#[tokio::test]
async fn line_52_strange_queries_get_a_page_or_nothing() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    for n in 0..5 {
        world.send(ada, bob, &format!("{n}")).await;
    }
    let extremes = [i32::MIN, -1, 0, 1, i32::MAX];
    for offset_id in extremes {
        for offset_date in extremes {
            for add_offset in extremes {
                for (max_id, min_id) in [(0, 0), (i32::MAX, i32::MIN), (-1, i32::MAX), (1, 1)] {
                    let query = HistoryQuery {
                        offset_id,
                        offset_date,
                        add_offset,
                        limit: usize::MAX,
                        max_id,
                        min_id,
                    };
                    let page = world.core.history(ada.id, bob.peer(), query).await.unwrap();
                    assert!(page.messages.len() <= 5 && page.count == 5);
                }
            }
        }
    }
    let nobody = PeerId::User(UserId(1));
    let page = world.core.history(ada.id, nobody, HistoryQuery::default()).await.unwrap();
    assert_eq!(page, HistoryPage::default());
    let strange = [MessageId(i32::MIN), MessageId(-1), MessageId(0), MessageId(i32::MAX)];
    assert_eq!(world.core.messages(ada.id, &strange).await.unwrap(), []);
}

#[tokio::test]
async fn messages_by_id_come_in_the_order_that_was_asked() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let mut ids = Vec::new();
    for n in 0..200 {
        ids.push(world.send(ada, bob, &format!("{n}")).await.id);
    }
    world.delete(ada, &[ids[4]], false).await;
    // Close together, which is one scan, and far apart.
    for asked in [vec![ids[5], ids[3], ids[4], ids[6]], vec![ids[199], ids[0], ids[4], ids[100]]] {
        let found = world.core.messages(ada.id, &asked).await.unwrap();
        let found: Vec<MessageId> = found.iter().map(|stored| stored.id).collect();
        let there: Vec<MessageId> = asked.into_iter().filter(|id| *id != ids[4]).collect();
        assert_eq!(found, there);
    }
    let other = world.core.messages(bob.id, &[MessageId(1_000)]).await.unwrap();
    assert_eq!(other, []);
}

/// Pages through all dialogs; `between` is called after each page.
async fn page_through(
    world: &World,
    owner: Member,
    limit: usize,
    mut between: impl AsyncFnMut(&DialogPage),
) -> Vec<PeerId> {
    let (mut seen, mut below) = (Vec::new(), None);
    loop {
        let page = world
            .core
            .dialogs(
                owner.id,
                DialogQuery {
                    after: below.map(|id| DialogPlace { id, date: 0, peer: None }),
                    ..newest(limit)
                },
            )
            .await
            .unwrap();
        if page.dialogs.is_empty() {
            return seen;
        }
        let tops: Vec<MessageId> = page.dialogs.iter().map(|dialog| dialog.top).collect();
        assert!(tops.is_sorted_by(|a, b| a > b));
        let messages: Vec<MessageId> = page.messages.iter().map(|stored| stored.id).collect();
        assert_eq!(messages, tops, "each with its newest message");
        below = tops.last().copied();
        seen.extend(page.dialogs.iter().map(|dialog| dialog.peer));
        between(&page).await;
    }
}

#[tokio::test]
async fn line_52_pages_of_dialogs_miss_none_and_repeat_none_while_messages_come() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let mut others = Vec::new();
    for n in 0..17 {
        let other = world.member(&format!("Other {n}")).await;
        world.send(ada, other, "first").await;
        others.push(other);
    }
    for limit in [1, 2, 5, 100] {
        let found = page_through(&world, ada, limit, async |_| {}).await;
        let expected: Vec<PeerId> = others.iter().rev().map(|other| other.peer()).collect();
        // The owner's greeting by the service account is the oldest dialog.
        assert_eq!(found[..17], expected);
        assert_eq!(found[17..], [PeerId::User(UserId::SERVICE)]);
    }
    // What was seen may move up; what was not seen may move up too, to be seen at the next start:
    // so nothing that stays in its place is missed, and nothing comes twice.
    for limit in [1, 3, 4] {
        let mut moved = BTreeSet::new();
        let mut round = 0;
        let found = page_through(&world, ada, limit, async |_| {
            let other = others[(round * 7) % others.len()];
            round += 1;
            world.send(other, ada, "more").await;
            moved.insert(other.peer());
        })
        .await;
        let unique: BTreeSet<PeerId> = found.iter().copied().collect();
        assert_eq!(unique.len(), found.len(), "none twice");
        let missed = others.iter().map(|other| other.peer()).filter(|peer| !unique.contains(peer));
        assert!(missed.into_iter().all(|peer| moved.contains(&peer)));
    }
    // A dialog without messages is not listed, and is there when asked for.
    let count = world.core.dialogs(ada.id, newest(100)).await.unwrap().count;
    let gone: Vec<MessageId> =
        world.history(ada, others[3]).await.iter().map(|stored| stored.id).collect();
    world.delete(ada, &gone, false).await;
    let page = world.core.dialogs(ada.id, newest(100)).await.unwrap();
    assert_eq!((page.count, page.dialogs.len()), (count - 1, count - 1));
    assert_eq!(world.dialog(ada, others[3]).await.top, MessageId(0));
}
