//! Searches against a slow scan of the box, after any run of sending, editing, deleting,
//! restarts and power cuts; however far the index is.

use node_store::{Keyspace, Order, Store as _};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::world::{Member, World, full, outgoing, text};
use crate::*;

/// Words that share letters and beginnings, in several scripts.
const WORDS: [&str; 16] = [
    "ship",
    "ships",
    "Shipping",
    "SHIPMENT",
    "é",
    "Été",
    "straße",
    "東京",
    "京",
    "東京タワー",
    "#harbour",
    "#Harbours",
    "https://a.example/ship",
    "ёлка",
    "🎉",
    "a",
];

fn sentence(rng: &mut StdRng) -> String {
    let words = (0..rng.random_range(1..6)).map(|_| WORDS[rng.random_range(0..WORDS.len())]);
    words.collect::<Vec<_>>().join(" ")
}

/// What a scan of all dialogs finds.
async fn slow(world: &World, owner: Member, query: &SearchQuery) -> Vec<MessageId> {
    let mut all = Vec::new();
    for dialog in world
        .core
        .dialogs(owner.id, DialogQuery { limit: PAGE_MAX, ..DialogQuery::default() })
        .await
        .unwrap()
        .dialogs
    {
        if query.peer.is_none_or(|peer| peer == dialog.peer) {
            let with = Member { id: dialog.peer.user().unwrap(), ..owner };
            all.extend(world.history(owner, with).await);
        }
    }
    all.sort_by_key(|stored| -stored.id.0);
    let matches = |stored: &Stored| {
        let message = &stored.message;
        let link =
            |entity: &Entity| matches!(entity.kind, EntityKind::Url | EntityKind::TextUrl { .. });
        crate::search::matches(&query.words, message)
            && query.from.is_none_or(|from| from == message.from.into())
            && (query.filter == SearchFilter::Any || message.entities.iter().any(link))
            && (query.min_date == 0 || message.date >= query.min_date)
            && (query.max_date == 0 || message.date <= query.max_date)
            && (query.max_id == 0 || stored.id.0 < query.max_id)
            && stored.id.0 > query.min_id
    };
    all.into_iter().filter(matches).map(|stored| stored.id).collect()
}

fn query(rng: &mut StdRng, peers: &[PeerId], top: i32, now: i32) -> SearchQuery {
    let words = match rng.random_range(0..6) {
        0 => String::new(),
        1 => ["s", "sh", "shi", "shipp", "shipm", "e", "東", "京タ", "#h", "#harbour"]
            [rng.random_range(0..10)]
        .into(),
        2 => format!("{} {}", WORDS[rng.random_range(0..16)], WORDS[rng.random_range(0..16)]),
        _ => WORDS[rng.random_range(0..WORDS.len())].into(),
    };
    let id = |rng: &mut StdRng, chance: f64| {
        if rng.random_bool(chance) { rng.random_range(1..top + 9) } else { 0 }
    };
    SearchQuery {
        words,
        peer: rng.random_bool(0.6).then(|| peers[rng.random_range(0..peers.len())]),
        saved: None,
        folder: None,
        kind: SearchKind::Both,
        from: rng.random_bool(0.2).then(|| peers[rng.random_range(0..peers.len())]),
        thread: None,
        filter: if rng.random_bool(0.15) { SearchFilter::Url } else { SearchFilter::Any },
        min_date: if rng.random_bool(0.1) { now - rng.random_range(0..200) } else { 0 },
        max_date: if rng.random_bool(0.1) { now - rng.random_range(0..200) } else { 0 },
        offset_id: id(rng, 0.3),
        add_offset: if rng.random_bool(0.3) { rng.random_range(-30..30) } else { 0 },
        limit: rng.random_range(0..=PAGE_MAX),
        max_id: id(rng, 0.1),
        min_id: id(rng, 0.1),
    }
}

async fn check(world: &World, owner: Member, query: &SearchQuery) {
    let all = slow(world, owner, query).await;
    let page = world.core.search(owner.id, query).await.unwrap();
    let place = match query.offset_id {
        0 => 0,
        id => all.iter().filter(|found| found.0 >= id).count(),
    };
    let start = place as i64 + i64::from(query.add_offset);
    let end = start + query.limit as i64;
    let kept = |at: i64| usize::try_from(at).unwrap_or(0).min(all.len());
    let found: Vec<MessageId> = page.messages.iter().map(|stored| stored.id).collect();
    assert_eq!(found, all[kept(start)..kept(end)], "{query:?}");
    assert!(page.exact);
    assert_eq!(page.count as usize, all.len(), "{query:?}");
    if let Some(first) = found.first() {
        let newer = all.iter().filter(|id| *id > first).count();
        assert_eq!(page.newer as usize, newer, "{query:?}");
    }
}

#[tokio::test]
async fn search_equals_a_slow_scan() {
    let first = std::env::var("ROOKERY_SIM_SEED").ok().and_then(|text| text.parse().ok());
    let first: u64 = first.unwrap_or(69);
    for seed in first..first + if full() { 60 } else { 5 } {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let mut world = World::indexing_every(8).await;
        let mut members = Vec::new();
        for n in 0..3 {
            members.push(world.member(&format!("Member {n}")).await);
        }
        let peers: Vec<PeerId> = members.iter().map(|member| member.peer()).collect();
        for round in 0..60 {
            for _ in 0..rng.random_range(1..12) {
                let (by, with) = (members[rng.random_range(0..3)], members[rng.random_range(0..3)]);
                let top = world.pts(by).await.0;
                let id = MessageId(rng.random_range(1..=top));
                match rng.random_range(0..10) {
                    0 => {
                        let new = text(&sentence(&mut rng));
                        let _ = world
                            .core
                            .edit(by.actor(), by.id, with.peer(), id, Edit::text(new))
                            .await;
                    }
                    1 => {
                        world.delete(by, &[id], rng.random()).await;
                    }
                    _ => {
                        let words = sentence(&mut rng);
                        world.send(by, with, &words).await;
                    }
                }
                world.pass_s(rng.random_range(0..4));
            }
            match rng.random_range(0..20) {
                0 => world = world.reopen(),
                1 => {
                    // What is on its way is lost; the index may be ahead of nothing.
                    world.disk.hold_from(rng.random_range(1..4));
                    for n in 0..rng.random_range(1..12) {
                        let (core, by) = (world.core.clone(), members[n % 3]);
                        let message = outgoing(members[0], &sentence(&mut rng), world.number());
                        let mut sending = Box::pin(core.send(by.actor(), by.id, message));
                        let _ = super::world::now(sending.as_mut());
                    }
                    world = world.crash_keeping(rng.random_range(0..3));
                }
                2 => world.core.reindex().await.unwrap(),
                3 => world.core.indexed().await.unwrap(),
                _ => {}
            }
            if round % 4 == 3 {
                let (owner, now) = (members[rng.random_range(0..3)], world.core.now());
                let top = world.pts(owner).await.0;
                for _ in 0..if full() { 30 } else { 10 } {
                    check(&world, owner, &query(&mut rng, &peers, top, now)).await;
                }
            }
        }
        world.core.reindex().await.unwrap();
        world.core.indexed().await.unwrap();
        for owner in &members {
            let (top, now) = (world.pts(*owner).await.0, world.core.now());
            for _ in 0..30 {
                check(&world, *owner, &query(&mut rng, &peers, top, now)).await;
            }
        }
    }
}

fn index_rows(world: &World) -> Vec<(Vec<u8>, Vec<u8>)> {
    world.disk.scan(Keyspace::SEARCH, &[], None, usize::MAX, Order::Ascending).unwrap()
}

async fn count(world: &World, owner: Member, words: &str) -> i32 {
    let query = SearchQuery { words: words.into(), limit: 10, ..SearchQuery::default() };
    world.core.search(owner.id, &query).await.unwrap().count
}

/// A message is found as soon as it was sent, and the send wrote no more than before.
#[tokio::test]
async fn search_the_index_is_behind_and_nobody_waits_for_it() {
    let mut world = World::indexing_every(8).await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    world.core.indexed().await.unwrap();
    let before = world.core.keys();
    for n in 1..=7 {
        world.send(ada, bob, "a harbour").await;
        assert_eq!(count(&world, bob, "harb").await, n);
    }
    assert_eq!(world.core.keys().written - before.written, 21);
    let now = world.core.keys();
    world.send(ada, bob, "a harbour").await;
    world.send(ada, bob, "a harbour").await;
    world.core.indexed().await.unwrap();
    assert_eq!(world.core.keys().written - now.written, 6, "what is derived counts apart");
    // With the seventh message or the eighth: a box may have an event from before.
    assert!(world.core.keys().derived > before.derived);
    assert_eq!(count(&world, bob, "harb").await, 9);
    assert!(index_rows(&world).len() > 4);
}

/// Neither keys nor values of the index tell a word.
#[tokio::test]
async fn search_the_index_holds_no_words() {
    let mut world = World::indexing_every(8).await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    for _ in 0..20 {
        world.send(ada, bob, "harbour").await;
    }
    world.core.indexed().await.unwrap();
    let rows = index_rows(&world);
    assert!(rows.len() > 10);
    for (key, value) in rows {
        for bytes in [key, value] {
            assert!(!bytes.windows(3).any(|part| part.eq_ignore_ascii_case(b"har")));
        }
    }
}

/// Deleting most of what was found makes the index be built anew: its rows go away. It is looked at
/// when nearly all is deleted: one that is built in the middle keeps what is deleted after that, until
/// it is worn itself.
#[tokio::test]
async fn search_a_worn_index_is_built_anew() {
    let mut world = World::indexing_every(4500).await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let mut ids = Vec::new();
    for n in 0..4500 {
        ids.push(world.send(ada, bob, &format!("word{n}")).await.id);
    }
    world.core.indexed().await.unwrap();
    let full = index_rows(&world).len();
    world.delete(ada, &ids, true).await;
    world.send(ada, bob, "word0").await;
    world.core.indexed().await.unwrap();
    assert_eq!((count(&world, ada, "word0").await, count(&world, bob, "word1").await), (1, 0));
    let left = index_rows(&world).len();
    assert!(left < 400, "{left} rows of {full}");
}

#[tokio::test]
async fn search_frequent_words_and_long_lists_are_paged() {
    let mut world = World::indexing_every(8).await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    for n in 0..3000 {
        let words = if n % 1000 == 7 { "common rare" } else { "common" };
        world.send(ada, bob, words).await;
    }
    world.core.indexed().await.unwrap();
    assert_eq!(count(&world, bob, "common rare").await, 3);
    let (mut offset_id, mut seen) = (0, 0);
    loop {
        let query = SearchQuery {
            words: "common".into(),
            peer: Some(ada.peer()),
            offset_id,
            limit: PAGE_MAX,
            ..SearchQuery::default()
        };
        let page = world.core.search(bob.id, &query).await.unwrap();
        let Some(last) = page.messages.last() else { break };
        assert_eq!(page.newer, seen);
        offset_id = last.id.0;
        seen += page.messages.len() as i32;
        assert_eq!(page.count, 3000, "counted by the index");
        assert!(!page.exact);
    }
    assert_eq!(seen, 3000);
}

#[tokio::test]
async fn search_of_one_list_leaves_out_the_other() {
    let mut world = World::indexing_every(8).await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let eve = world.member("Eve").await;
    for n in 0..12 {
        world.send(if n % 3 == 0 { bob } else { eve }, ada, "harbour").await;
    }
    let core = &world.core;
    let archive = vec![(bob.peer(), FolderId::Archive)];
    core.move_dialogs(ada.actor(), ada.id, archive).await.unwrap();
    for (folder, count) in [(None, 12), (Some(FolderId::Archive), 4), (Some(FolderId::Main), 8)] {
        let words = "harbour".into();
        let query = SearchQuery { words, folder, limit: 20, ..SearchQuery::default() };
        let page = core.search(ada.id, &query).await.unwrap();
        assert_eq!((page.count, page.messages.len()), (count, count as usize), "{folder:?}");
    }
}

/// A page for which too much would have to be read ends early, and says so.
#[tokio::test]
async fn search_reads_so_many_messages_for_a_page() {
    let mut world = World::indexing_every(8).await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let first = world.send(bob, ada, "harbour").await.message.twin;
    for _ in 0..50 {
        world.send(ada, bob, "harbour").await;
    }
    // What is read depends on how far the index is.
    world.core.indexed().await.unwrap();
    let (core, words) = (&world.core, "harbour".to_owned());
    let query = SearchQuery { words, from: Some(bob.peer()), limit: 10, ..SearchQuery::default() };
    let all = core.search(ada.id, &query).await.unwrap();
    assert_eq!((all.messages.len(), all.exact), (1, true));
    assert_eq!(core.search_within(ada.id, &query, 51).await.unwrap(), all);
    let some = core.search_within(ada.id, &query, 50).await.unwrap();
    assert_eq!((some.messages.len(), some.exact), (0, false));
    // The same above an offset.
    let above =
        SearchQuery { from: Some(ada.peer()), add_offset: -10, offset_id: first.0, ..query };
    let all = core.search(ada.id, &above).await.unwrap();
    assert_eq!((all.messages.len(), all.exact), (10, true));
    let some = core.search_within(ada.id, &above, 4).await.unwrap();
    assert_eq!((some.messages.len(), some.exact), (3, false), "one read was another's");
}

#[tokio::test]
async fn search_of_people_leaves_out_groups() {
    let mut world = World::indexing_every(8).await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    let made = core.create_chat(ada.actor(), ada.id, "Harbour", vec![bob.id], 0).await.unwrap();
    for n in 0..12 {
        let message = outgoing(bob, "harbour", world.number());
        let to = if n % 3 == 0 { made.chat.into() } else { bob.peer() };
        world.try_send(ada, Outgoing { to, ..message }).await.unwrap();
    }
    for (kind, count) in [(SearchKind::Both, 12), (SearchKind::Groups, 4), (SearchKind::Users, 8)] {
        let words = "harbour".into();
        let query = SearchQuery { words, kind, limit: 20, ..SearchQuery::default() };
        let page = core.search(bob.id, &query).await.unwrap();
        assert_eq!((page.count, page.messages.len()), (count, count as usize), "{kind:?}");
        // Without words, none is counted that is not looked at.
        let query = SearchQuery { kind, limit: 1, ..SearchQuery::default() };
        let all = core.search(bob.id, &query).await.unwrap().count;
        assert_eq!(all, count + if kind == SearchKind::Users { 0 } else { 1 }, "{kind:?}");
    }
}
