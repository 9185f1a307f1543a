//! What is found in a store that is not as it should be.

use node_store::{Batch, Keyspace, Order, Store};

use super::world::World;
use crate::boxes::FLUSH_EVERY_EVENTS;
use crate::ids::box_key;
use crate::*;

/// A row of a message is lost after what is derived from it was written.
#[tokio::test]
async fn what_is_derived_is_held_against_the_messages() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let mut first = None;
    for n in 0..2 * FLUSH_EVERY_EVENTS {
        let sent = world.send(ada, bob, &format!("message {n}")).await;
        first.get_or_insert(sent.id);
    }
    let unread = world.history(bob, ada).await;
    world.read(bob, ada, unread[100].id).await;
    assert_eq!(world.troubles(), []);
    let lose = |owner: UserId, id: MessageId| {
        let mut batch = Batch::new();
        batch.delete(Keyspace::BOXES, &box_key(owner, id.0));
        world.disk.commit(batch).unwrap();
    };
    lose(ada.id, first.unwrap());
    let troubles = world.troubles();
    let [trouble] = &troubles[..] else { panic!("{troubles:?}") };
    assert!(
        trouble.what.contains("the number of messages is 512, but should be 511"),
        "{trouble:?}"
    );
    // One that is not read, before the last time that the box was written.
    lose(bob.id, unread[99].id);
    let troubles = world.troubles();
    assert_eq!(troubles.len(), 3, "{troubles:?}");
    assert!(troubles[2].what.contains("the number of unread messages is"), "{troubles:?}");
}

/// Each row of members and their logins, damaged or lost, is told, and nothing else is.
#[tokio::test]
async fn what_is_known_of_members_is_read() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    world.device(ada).await;
    world.core.invite(Some(ada.id)).await.unwrap();
    let gone = world.member("Gone").await;
    world.core.suspend(gone.id).await.unwrap();
    world.core.remove_member(gone.id).await.unwrap();
    world
        .core
        .end_login(bob.id, world.core.authorizations(bob.id).await.unwrap()[0].hash)
        .await
        .unwrap();
    assert_eq!(world.troubles(), []);
    let with = |space: Keyspace, key: &[u8], value: Option<Vec<u8>>| {
        let put = |value: Option<Vec<u8>>| {
            let mut batch = Batch::new();
            match value {
                Some(value) => drop(batch.put(space, key, value)),
                None => drop(batch.delete(space, key)),
            }
            world.disk.commit(batch).unwrap();
        };
        let before = world.disk.get(space, key).unwrap();
        put(value);
        let troubles = world.troubles();
        put(before);
        assert_eq!(world.troubles(), []);
        assert!(troubles.iter().all(|trouble| trouble.about == "account"), "{troubles:?}");
        troubles.into_iter().map(|trouble| trouble.what).collect::<Vec<_>>()
    };
    let first = |space: Keyspace, from: &[u8]| {
        world.disk.scan(space, from, None, 1, Order::Ascending).unwrap().remove(0)
    };
    let user = ada.id.bytes();
    let said = with(Keyspace::USERS, &user, Some(vec![0xff]));
    assert!(said[0].starts_with(&format!("account {}: ", ada.id.0)), "{said:?}");
    let other = world.disk.get(Keyspace::USERS, &bob.id.bytes()).unwrap();
    assert!(with(Keyspace::USERS, &user, other).iter().any(|what| what.contains("another one")));
    let phone = ada.phone.to_be_bytes();
    assert_eq!(with(Keyspace::PHONES, &phone, None).len(), 1);
    assert_eq!(with(Keyspace::PHONES, &phone, Some(bob.id.bytes().to_vec())).len(), 2);
    for kind in [b"k", b"u"] {
        let (key, _) = first(Keyspace::AUTHORIZATIONS, kind);
        assert_eq!(with(Keyspace::AUTHORIZATIONS, &key, Some(vec![0xff])).len(), 1);
    }
    let (key, _) = first(Keyspace::AUTHORIZATIONS, b"u");
    let acts = [&b"k"[..], &key[9..]].concat();
    assert_eq!(
        with(Keyspace::AUTHORIZATIONS, &acts, None),
        ["a login is listed whose key is not known"]
    );
    assert_eq!(with(Keyspace::AUTHORIZATIONS, b"x", Some(Vec::new())).len(), 1);
    let (key, _) = first(Keyspace::INVITES, b"");
    assert_eq!(with(Keyspace::INVITES, &key, Some(vec![0xff])).len(), 1);
    assert_eq!(with(Keyspace::USERS, b"x", Some(Vec::new())).len(), 1);
}
