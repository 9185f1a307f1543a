//! The largest that a client may ask for: nobody stops the node by size.

use node_store::{Keyspace, Order, Store as _};

use super::world::{Member, World, outgoing};
use crate::*;

/// The largest message there is: the longest text of the widest letters, under the longest links.
fn largest() -> Text {
    let url = format!("https://a.example/{}", "x".repeat(2000));
    let link = |at: i32| Entity {
        offset: at * 2,
        length: 1,
        kind: EntityKind::TextUrl { url: url.clone() },
    };
    Text::parse(&"語".repeat(TEXT_UNITS_MAX), (0..100).map(link).collect()).unwrap()
}

async fn pair() -> (World, Member, Member) {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    (world, ada, bob)
}

#[tokio::test]
async fn the_largest_message_can_be_sent_quoted_edited_and_forwarded() {
    let (world, ada, bob) = pair().await;
    let text = largest();
    let message = |random_id| Outgoing { text: text.clone(), ..outgoing(bob, "x", random_id) };
    let sent = world.try_send(ada, message(1)).await.unwrap();
    let quote = QuoteRequest {
        text: text.text.clone(),
        entities: text.entities.iter().cycle().take(100).cloned().collect(),
        offset: 0,
    };
    let reply = Outgoing { reply: Some((sent.id, Some(quote))), ..message(2) };
    let reply = world.try_send(ada, reply).await.unwrap();
    let mut ids = Vec::new();
    for n in 0..250 {
        ids.push((reply.id, 1000 + n));
    }
    let (core, how) = (&world.core, ForwardHow::default());
    let forwarded = core.forward(ada.actor(), ada.id, bob.peer(), bob.peer(), ids, how).await;
    assert_eq!(forwarded.unwrap().len(), 250);
    // Many at once fill a batch and go on in the next.
    let sends = (0..200).map(|n| {
        let (core, message) = (world.core.clone(), message(5000 + n));
        tokio::spawn(async move { core.send(ada.actor(), ada.id, message).await })
    });
    for sending in sends.collect::<Vec<_>>() {
        sending.await.unwrap().unwrap();
    }
    let gone = world.delete(ada, &[reply.id], true).await;
    assert_eq!(gone.pts_count, 1);
    assert_eq!(world.history(bob, ada).await.len(), 451);
}

#[tokio::test]
async fn links_of_one_message_are_bounded_together() {
    let text = largest();
    assert!((1..=5).contains(&text.entities.len()), "{}", text.entities.len());
    let short = |at: i32| Entity {
        offset: at * 2,
        length: 1,
        kind: EntityKind::TextUrl { url: "https://a.example/short".into() },
    };
    let words = "x".repeat(300);
    let parsed = Text::parse(&words, (0..100).map(short).collect()).unwrap();
    assert_eq!(parsed.entities.len(), 100, "what people write fits");
}

/// More than one command, one row, and one batch take; in the middle of many chunks.
#[tokio::test]
async fn a_long_list_is_deleted_whole() {
    let (world, ada, bob) = pair().await;
    let mut ids = Vec::new();
    let sends = (0..3000).map(|n| {
        let core = world.core.clone();
        async move { core.send(ada.actor(), ada.id, outgoing(bob, "x", n + 1)).await }
    });
    for sending in sends {
        ids.push(sending.await.unwrap().id);
    }
    let keep: Vec<MessageId> = ids.iter().copied().step_by(100).collect();
    let mut gone: Vec<MessageId> = ids.iter().copied().filter(|id| !keep.contains(id)).collect();
    gone.extend((0..60_000).map(|n| MessageId(1_000_000 + n)));
    let before = world.pts(ada).await;
    let affected = world.delete(ada, &gone, true).await;
    assert_eq!(affected, Affected { pts: Pts(before.0 + 2970), pts_count: 2970 });
    assert_eq!(world.history(ada, bob).await.len(), keep.len());
    assert_eq!(world.history(bob, ada).await.len(), keep.len());
    let longest = world.rows(bob).iter().map(|(_, row)| row.pts_count()).max();
    assert_eq!(longest, Some(100), "ids of one row, and of one command");
    assert_eq!(world.delete(ada, &[], true).await, Affected { pts: affected.pts, pts_count: 0 });
}

/// Many boxes whose derived rows are due at the same time, and more of them than a batch takes:
/// what does not fit follows with a later batch, and nothing stops.
#[tokio::test]
async fn boxes_that_are_due_together_are_written_as_there_is_room() {
    let world = World::new().await;
    let owners: Vec<UserId> = (0..400).map(|n| UserId(5_000_000 + n)).collect();
    // Each event in a dialog of its own: the dearest to write.
    let events = |from: i64, to: i64| {
        let (core, owners) = (world.core.clone(), owners.clone());
        let append = move |decide: &mut crate::decide::Decide<'_>| {
            for owner in owners {
                for n in from..to {
                    let peer = UserId(6_000_000 + n);
                    decide
                        .append(owner, BoxRow::Message(Message::plain(peer.into(), peer, false)))?;
                }
            }
            Ok(())
        };
        async move { core.write(None, append).await.unwrap() }
    };
    let heads = || {
        let rows = world.disk.scan(Keyspace::BOX_HEADS, &[], None, 1 << 20, Order::Ascending);
        rows.unwrap().len()
    };
    for n in 0..17 {
        events(n * 15, n * 15 + 15).await;
    }
    assert_eq!(heads(), 0);
    events(255, 256).await;
    let first = heads();
    assert!((1..400).contains(&first), "{first} boxes had room");
    events(256, 257).await;
    assert_eq!(heads(), 400);
    let world = world.reopen();
    for owner in owners {
        let state = world.core.state(owner).await.unwrap();
        assert_eq!(state, State { pts: Pts(1 + 257), unread: 257 });
    }
}

#[tokio::test]
async fn deleting_contacts_that_are_none_tells_nobody() {
    let (world, ada, bob) = pair().await;
    world.recorder.take();
    let users = (0..1000).map(UserId).chain([bob.id]).collect();
    world.core.delete_contacts(None, ada.id, users).await.unwrap();
    assert!(world.recorder.take().is_empty());
    assert_eq!(world.core.acquaintances(ada.id, 10).unwrap(), []);
}

/// What is written in a channel, and how it is read, costs the same whoever else is there.
#[tokio::test]
async fn a_channel_costs_the_same_with_a_hundred_thousand_members() {
    const MEMBERS: i64 = 100_000;
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let group = world.channel(ada, false).await;
    world.core.add_to_channel(ada.actor(), ada.id, group, vec![bob.id]).await.unwrap();
    // Whatever is done once is done by now.
    world.post(ada, group, "first").await.unwrap();
    world.post(bob, group, "second").await.unwrap();

    /// Rows read and written by each of a few things, and by a start.
    async fn work(
        world: World,
        ada: Member,
        bob: Member,
        group: ChannelId,
    ) -> (World, Vec<(u64, u64)>) {
        let before = world.disk.work();
        let world = world.reopen();
        let now = world.disk.work();
        let mut done = vec![(now.0 - before.0, now.1 - before.1)];
        let core = world.core.clone();
        let message = || Outgoing::text(group.into(), super::world::text("hi"), world.number());
        // The first opens the log.
        core.send(ada.actor(), ada.id, message()).await.unwrap();
        let before = world.disk.work();
        let mut next = |from: (u64, u64)| {
            let now = world.disk.work();
            done.push((now.0 - from.0, now.1 - from.1));
            now
        };
        core.send(bob.actor(), bob.id, message()).await.unwrap();
        let from = next(before);
        let pts = core.channel_state(group).unwrap();
        core.difference(group, Pts(pts.0 - 2), 100, None).await.unwrap();
        let from = next(from);
        core.dialogs(bob.id, super::world::newest(10)).await.unwrap();
        let from = next(from);
        let query = HistoryQuery { limit: 5, ..HistoryQuery::default() };
        core.history(bob.id, group.into(), query).await.unwrap();
        let from = next(from);
        core.read_channel(bob.actor(), bob.id, group, MessageId(0)).await.unwrap();
        let from = next(from);
        let channel = core.channel(group).unwrap();
        core.participants(bob.id, &channel, &ParticipantFilter::Recent, 0, 3).await.unwrap();
        next(from);
        drop(core);
        (world, done)
    }

    let (world, small) = work(world, ada, bob, group).await;
    world.core.crowd(group, 2_000_000..2_000_000 + MEMBERS).await;
    assert_eq!(i64::from(world.core.channel(group).unwrap().members), MEMBERS + 2);
    let (_world, large) = work(world, ada, bob, group).await;
    // A page of people has one more in it, and the index of words reads some rows when it comes to
    // it; nothing else knows of them.
    for (at, (small, large)) in small.iter().zip(&large).enumerate() {
        let more = large.0.saturating_sub(small.0) + large.1.saturating_sub(small.1);
        assert!(more <= 100, "{at}: {small:?} rows, and {large:?} of {MEMBERS} members");
    }
}
