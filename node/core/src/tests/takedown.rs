//! What an operator takes down is gone at home, at the nodes that take part and at those that only read,
//! and they say so; nobody takes down what is not theirs.

use super::federation::Two;
use super::mail::deliver;
use super::media::document;
use super::world::{World, text};
use crate::*;

async fn found(world: &World, by: UserId, channel: ChannelId, words: &str) -> Option<MessageId> {
    let query = HistoryQuery { limit: 100, ..HistoryQuery::default() };
    let page = world.core.history(by, channel.into(), query).await.unwrap();
    page.messages.iter().find(|stored| stored.message.text == words).map(|stored| stored.id)
}

/// A group of two nodes in which both have written.
async fn group() -> Two {
    let two = Two::new(false).await;
    two.join(two.eve).await;
    two.say(true, "ships").await;
    two.say(false, "secrets").await;
    two.heal().await;
    two.introduce().await;
    two.home.core.learn_node(two.far.core.cert()).await.unwrap();
    two
}

fn told(takedown: &Takedown) -> Vec<Told> {
    takedown.nodes.iter().map(|(_, told)| *told).collect()
}

#[tokio::test]
async fn the_home_takes_down_what_somebody_of_another_node_wrote() {
    let two = group().await;
    let id = found(&two.home, two.ada.id, two.channel, "secrets").await.unwrap();
    let done = two.home.core.take_down(two.channel, id, Vec::new()).await.unwrap();
    assert!(done.in_log && told(&done) == [Told::Waiting]);
    assert_eq!(found(&two.home, two.ada.id, two.channel, "secrets").await, None);
    // The letter comes before the log does.
    assert!(found(&two.far, two.eve.id, two.there, "secrets").await.is_some());
    deliver(&two.home, &two.far).await;
    assert_eq!(found(&two.far, two.eve.id, two.there, "secrets").await, None);
    assert_eq!(told(&two.home.core.takedowns().await.unwrap()[0]), [Told::Acknowledged]);
    two.heal().await;
    let two = Two { home: two.home.reopen(), far: two.far.reopen(), ..two };
    two.say(true, "after it").await;
    two.heal().await;
    for (world, by, channel) in
        [(&two.home, two.ada.id, two.channel), (&two.far, two.eve.id, two.there)]
    {
        assert_eq!(found(world, by, channel, "secrets").await, None);
        for words in ["ships", "after it"] {
            assert!(found(world, by, channel, words).await.is_some());
        }
    }
    let twice = two.home.core.take_down(two.channel, id, Vec::new()).await;
    assert!(matches!(twice, Err(CoreError::UnknownMessage)), "{twice:?}");
}

#[tokio::test]
async fn the_node_of_who_wrote_it_takes_it_down_at_the_home() {
    let two = group().await;
    let id = found(&two.far, two.eve.id, two.there, "secrets").await.unwrap();
    let done = two.far.core.take_down(two.there, id, Vec::new()).await.unwrap();
    assert!(done.in_log);
    deliver(&two.far, &two.home).await;
    assert_eq!(found(&two.home, two.ada.id, two.channel, "secrets").await, None);
    two.heal().await;
    assert_eq!(found(&two.home, two.ada.id, two.channel, "secrets").await, None);
    assert_eq!(told(&two.far.core.takedowns().await.unwrap()[0]), [Told::Acknowledged]);
}

#[tokio::test]
async fn nobody_takes_down_what_is_not_theirs() {
    let two = group().await;
    // Neither written at the other node nor in a group of its own: refused there.
    let ships = found(&two.far, two.eve.id, two.there, "ships").await.unwrap();
    let refused = two.far.core.take_down(two.there, ships, Vec::new()).await;
    assert!(matches!(refused, Err(CoreError::AdminRightMissing)), "{refused:?}");
    // A node that says so all the same is not obeyed: the operator sees it.
    let at_home = found(&two.home, two.ada.id, two.channel, "ships").await.unwrap();
    let entry = two.home.core.entry_of(two.channel, at_home).unwrap();
    let (group, to) = (two.group, two.home.core.node().short());
    let forged = two.far.core.write(None, move |decide| {
        use crate::federation::{Kind, Post, TakenDown};
        let blobs = glog::cbor::List::default();
        decide.post(Post::new(to, Kind::TAKEDOWN, &TakenDown { group, entry, blobs })?)
    });
    forged.await.unwrap();
    deliver(&two.far, &two.home).await;
    assert!(found(&two.home, two.ada.id, two.channel, "ships").await.is_some());
    let reports = two.home.core.reports(10).await.unwrap();
    assert_eq!(reports[0].messages, [(at_home, Some("ships".into()))]);
    assert_eq!(reports[0].by, Reporter::Node(two.far.core.node().short()));
}

#[tokio::test]
async fn a_follower_is_told_and_a_node_that_stays_away_is_seen() {
    let two = Two::new(true).await;
    two.say(true, "wrong").await;
    two.heal().await;
    two.home.core.learn_node(two.far.core.cert()).await.unwrap();
    let id = found(&two.home, two.ada.id, two.channel, "wrong").await.unwrap();
    let (node, away) = (two.far.core.node(), glog::NodeId([9; 32]));
    let done = two.home.core.take_down(two.channel, id, vec![node, away]).await.unwrap();
    assert_eq!(told(&done), [Told::Waiting; 2]);
    deliver(&two.home, &two.far).await;
    two.heal().await;
    two.join(two.eve).await;
    assert_eq!(found(&two.far, two.eve.id, two.there, "wrong").await, None);
    two.home.pass_s(31 * 86_400);
    two.home.core.tidy_mail().await.unwrap();
    let all = two.home.core.takedowns().await.unwrap();
    let of = |node: glog::NodeId| {
        all[0].nodes.iter().find(|(known, _)| *known == node.short()).unwrap().1
    };
    assert_eq!((of(node), of(away)), (Told::Acknowledged, Told::Expired));
}

#[tokio::test]
async fn bytes_go_where_only_people_of_the_writers_node_have_them() {
    let two = group().await;
    let (far, home) = (&two.far, &two.home);
    // Eve posts three files; ada has the same bytes as the second one, by herself.
    let mut ids = Vec::new();
    for content in [1, 2, 3] {
        let document = document(two.eve, 70 + i64::from(content), 10, content);
        let file = OutgoingFile::NewDocument { document, spoiler: false };
        let media = Some(OutgoingMedia { file, fingerprint: [content; 16] });
        let words = text(&format!("map {content}"));
        let message = Outgoing { media, ..Outgoing::text(two.there.into(), words, content.into()) };
        ids.push(far.core.send(two.eve.actor(), two.eve.id, message).await.unwrap().id);
    }
    home.core.add_document(document(two.ada, 80, 10, 2)).await.unwrap();
    two.heal().await;
    // The home takes one down: it has no say about the bytes where she lives.
    let at_home = found(home, two.ada.id, two.channel, "map 3").await.unwrap();
    home.core.take_down(two.channel, at_home, Vec::new()).await.unwrap();
    deliver(home, far).await;
    assert_eq!(found(far, two.eve.id, two.there, "map 3").await, None);
    assert!(far.core.blobs_taken_down().await.unwrap().is_empty());
    home.core.blob_removed(BlobId([3; 32])).await.unwrap();
    for id in ids.into_iter().take(2) {
        far.core.take_down(two.there, id, Vec::new()).await.unwrap();
    }
    let blobs = [1, 2].map(|content| BlobId([content; 32]));
    let due = async |core: &Core| core.to_remove(&core.blobs_taken_down().await.unwrap()).unwrap();
    assert_eq!(due(&far.core).await, blobs.map(|blob| (blob, true)));
    deliver(far, home).await;
    let home = &home.core;
    assert!(home.is_blob_known(&blobs[0]).unwrap(), "files are still there");
    assert_eq!(due(home).await, [(blobs[0], true), (blobs[1], false)]);
    for blob in blobs {
        home.blob_removed(blob).await.unwrap();
    }
    assert!(due(home).await.is_empty());
    let two = Two { far: two.far.reopen(), ..two };
    assert_eq!(due(&two.far.core).await.len(), 2, "until they are gone");
}
