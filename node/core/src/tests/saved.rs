//! Saved dialogs against the saved messages, grouped anew.

use std::collections::BTreeMap;

use node_store::{Batch, Keyspace, Store as _};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::world::{Member, World, full};
use crate::*;

/// (source, newest message, all messages), the newest first.
type Shelf = Vec<(PeerId, MessageId, Vec<MessageId>)>;

/// What a look at all saved messages gives.
async fn slow(world: &World, owner: Member) -> Shelf {
    let mut groups: BTreeMap<PeerId, Vec<MessageId>> = BTreeMap::new();
    for Stored { id, message } in world.history(owner, owner).await {
        groups.entry(message.saved_from().unwrap()).or_default().push(id);
    }
    let mut shelf: Shelf = groups.into_iter().map(|(peer, ids)| (peer, ids[0], ids)).collect();
    shelf.sort_by_key(|(_, top, _)| -top.0);
    shelf
}

async fn check(world: &World, owner: Member, limit: usize) {
    let expected = slow(world, owner).await;
    let (mut found, mut below): (Shelf, _) = (Vec::new(), None);
    loop {
        let page = world.core.saved_dialogs(owner.id, below, limit, false).await.unwrap();
        assert_eq!(page.count, expected.len());
        let Some(last) = page.dialogs.last() else { break };
        below = Some(last.top);
        let messages: Vec<MessageId> = page.messages.iter().map(|stored| stored.id).collect();
        assert!(page.dialogs.iter().map(|dialog| dialog.top).eq(messages));
        for dialog in page.dialogs {
            let (mut ids, mut offset_id): (Vec<MessageId>, _) = (Vec::new(), 0);
            loop {
                let query = HistoryQuery { limit: 30, offset_id, ..HistoryQuery::default() };
                let history =
                    world.core.saved_history(owner.id, dialog.source, query).await.unwrap();
                let Some(last) = history.messages.last() else {
                    assert_eq!(history.count as usize, ids.len());
                    break;
                };
                offset_id = last.id.0;
                ids.extend(history.messages.iter().map(|stored| stored.id));
            }
            found.push((dialog.source, dialog.top, ids));
        }
    }
    assert_eq!(found, expected);
    for (source, _, ids) in expected {
        let query = SearchQuery {
            words: "word".into(),
            saved: Some(source),
            limit: PAGE_MAX,
            ..SearchQuery::default()
        };
        let page = world.core.search(owner.id, &query).await.unwrap();
        let found = page.messages.iter().map(|stored| stored.id);
        assert!(found.eq(ids.into_iter().take(PAGE_MAX)));
    }
}

async fn act(world: &World, rng: &mut StdRng, members: &[Member], owner: Member) {
    let with = members[rng.random_range(0..members.len())];
    let query = HistoryQuery { limit: 20, ..HistoryQuery::default() };
    let page = world.core.history(owner.id, with.peer(), query).await.unwrap().messages;
    let any = (!page.is_empty()).then(|| page[rng.random_range(0..page.len())].id);
    match (rng.random_range(0..8), any) {
        (0..3, Some(id)) => {
            let (ids, how) = (vec![(id, world.number())], ForwardHow::default());
            let (core, to) = (&world.core, owner.peer());
            core.forward(owner.actor(), owner.id, with.peer(), to, ids, how).await.unwrap();
        }
        (3, Some(_)) => {
            let ids: Vec<MessageId> = page.iter().map(|stored| stored.id).collect();
            world.delete(owner, &ids[..ids.len() / 2], rng.random()).await;
        }
        (4, _) => {
            world.send(with, owner, "a word").await;
        }
        _ => {
            world.send(owner, owner, "word").await;
        }
    }
}

#[tokio::test]
async fn saved_dialogs_equal_the_messages_grouped_anew() {
    for seed in 66..if full() { 96 } else { 69 } {
        println!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let mut world = World::indexing_every(16).await;
        let mut members = Vec::new();
        for n in 0..4 {
            members.push(world.member(&format!("Member {n}")).await);
        }
        let owner = members[0];
        for _ in 0..40 {
            for _ in 0..rng.random_range(1..20) {
                act(&world, &mut rng, &members, owner).await;
            }
            match rng.random_range(0..4) {
                0 => world = world.reopen(),
                1 => {
                    world.disk.hold_from(rng.random_range(1..4));
                    for _ in 0..5 {
                        let core = world.core.clone();
                        let message = super::world::outgoing(owner, "word", world.number());
                        let mut sending = Box::pin(core.send(owner.actor(), owner.id, message));
                        let _ = super::world::now(sending.as_mut());
                    }
                    world = world.crash_keeping(rng.random_range(0..3));
                }
                2 => world.core.inner.boxes.evict_to(0),
                _ => {}
            }
            check(&world, owner, rng.random_range(1..5)).await;
        }
    }
}

/// A store of an earlier version has written dialogs, and no saved ones.
#[tokio::test]
async fn saved_messages_of_an_earlier_version_are_filed() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..400 {
        act(&world, &mut rng, &[ada, bob], ada).await;
    }
    let key = ada.id.0.to_be_bytes();
    let head = world.disk.get(Keyspace::BOX_HEADS, &key).unwrap().expect("it was written");
    // Version 1 had no word about saved dialogs, and none of their rows.
    let mut batch = Batch::new();
    batch.put(Keyspace::BOX_HEADS, &key, [&[1][..], &head[1..head.len() - 1]].concat());
    for kind in [2, 3] {
        let prefix = [&key[..], &[kind]].concat();
        let rows = crate::decide::scan_prefix(&*world.disk, Keyspace::DIALOGS, &prefix, 1000);
        for (row, _) in rows.unwrap() {
            batch.delete(Keyspace::DIALOGS, &row);
        }
    }
    world.disk.commit(batch).unwrap();
    let mut world = world.reopen();
    check(&world, ada, 2).await;
    // It is written with what comes, and read from there.
    for _ in 0..300 {
        act(&world, &mut rng, &[ada, bob], ada).await;
    }
    world = world.reopen();
    check(&world, ada, 2).await;
}

#[tokio::test]
async fn saved_pinned_saved_dialogs() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let second = world.device(ada).await;
    let mut sources = Vec::new();
    for n in 0..7 {
        let other = world.member(&format!("Other {n}")).await;
        let sent = world.send(other, ada, "x").await;
        let (ids, how) = (vec![(sent.message.twin, world.number())], ForwardHow::default());
        let (core, from) = (&world.core, other.peer());
        core.forward(ada.actor(), ada.id, from, ada.peer(), ids, how).await.unwrap();
        sources.push(other.peer());
    }
    let core = &world.core;
    world.recorder.take();
    for source in &sources[..5] {
        core.pin_saved_dialog(ada.actor(), ada.id, *source, true).await.unwrap();
    }
    let told = world.recorder.take();
    assert_eq!(told.len(), 5);
    assert!(told.iter().all(|event| matches!(event,
        Event::Own { owner, change: Own::SavedPinned { pinned: true, .. }, actor }
            if *owner == ada.id && *actor == Some(ada.actor()))));
    let pin = core.pin_saved_dialog(ada.actor(), ada.id, sources[5], true).await;
    assert!(matches!(pin, Err(CoreError::TooManyPinned)));
    let unknown = core.pin_saved_dialog(ada.actor(), ada.id, UserId(5).into(), true).await;
    assert!(matches!(unknown, Err(CoreError::UnknownUser)));
    let pinned = async |core: &Core| -> Vec<PeerId> {
        let page = core.pinned_saved_dialogs(ada.id).await.unwrap();
        assert!(page.dialogs.iter().all(|dialog| dialog.pinned));
        page.dialogs.iter().map(|dialog| dialog.source).collect()
    };
    let newest_first: Vec<PeerId> = sources[..5].iter().rev().copied().collect();
    assert_eq!(pinned(core).await, newest_first);
    let page = core.saved_dialogs(ada.id, None, 10, true).await.unwrap();
    assert_eq!((page.count, page.dialogs.len()), (2, 2), "without the pinned ones");
    // An order names some; who is not named stays behind, or goes.
    let order = vec![sources[2], sources[6], sources[0], sources[2]];
    core.order_saved_pins(second.actor(), ada.id, order.clone(), false).await.unwrap();
    assert_eq!(pinned(core).await[..2], [sources[2], sources[0]]);
    assert_eq!(pinned(core).await.len(), 5);
    core.order_saved_pins(second.actor(), ada.id, order, true).await.unwrap();
    core.pin_saved_dialog(ada.actor(), ada.id, sources[2], false).await.unwrap();
    let world = world.crash();
    assert_eq!(pinned(&world.core).await, [sources[0]]);
}

/// Who is not linked to by forwards is not by what they are filed under.
#[tokio::test]
async fn saved_messages_of_a_hidden_author_are_filed_together() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let nobody = vec![PrivacyRule { allow: false, who: Who::All }];
    let key = PrivacyKey::Forwards;
    world.core.set_privacy(Some(bob.actor()), bob.id, key, nobody).await.unwrap();
    let sent = world.send(bob, ada, "a word").await;
    let (ids, how) = (vec![(sent.message.twin, 77)], ForwardHow::default());
    let (core, to) = (&world.core, ada.peer());
    core.forward(ada.actor(), ada.id, bob.peer(), to, ids, how).await.unwrap();
    let page = core.saved_dialogs(ada.id, None, 10, false).await.unwrap();
    assert_eq!(page.dialogs[0].source, HIDDEN_AUTHOR);
    check(&world, ada, 1).await;
}
