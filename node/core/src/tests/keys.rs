//! What a message costs, in keys.

use node_store::Store as _;

use super::world::World;

#[tokio::test]
async fn a_private_message_writes_three_keys() {
    // The search index is written behind by a thread of its own; here every key is counted.
    let mut world = World::indexing_every(i32::MAX).await;
    let ada = world.member("Ada").await;
    let mut others = Vec::new();
    for n in 0..4 {
        others.push(world.member(&format!("Other {n}")).await);
    }
    // First words to a stranger write a bucket as well.
    for other in &others {
        world.send(*other, ada, "hello").await;
        world.send(ada, *other, "hello").await;
    }
    // What its thread does when it begins is done: on a busy machine that may be now.
    world.core.indexed().await.unwrap();
    let (keys, stats) = (world.core.keys(), world.disk.stats());
    for n in 0..1000_usize {
        let other = others[n % 4];
        let before = world.disk.stats();
        let keys = world.core.keys();
        if n % 3 == 0 {
            world.send(ada, other, &format!("{n}")).await;
        } else {
            world.send(other, ada, &format!("{n}")).await;
        }
        let (after, derived) = (world.disk.stats(), world.core.keys().derived - keys.derived);
        assert_eq!(after.batches - before.batches, 1, "one batch");
        assert_eq!(after.keys - before.keys, 3 + derived);
    }
    let (after, total) = (world.core.keys(), world.disk.stats());
    let (written, derived) = (after.written - keys.written, after.derived - keys.derived);
    assert_eq!(written, 3000);
    assert_eq!(total.keys - stats.keys, written + derived, "all that the store wrote");
    assert!((1..=250).contains(&derived), "{derived} derived keys for 1000 messages");

    // In saved messages two: there is no second box.
    let keys = world.core.keys();
    for n in 0..1000 {
        world.send(ada, ada, &format!("{n}")).await;
    }
    let after = world.core.keys();
    assert_eq!(after.written - keys.written, 2000);
    assert!(after.derived - keys.derived <= 250);
}

/// What is read costs the one event in each box, however many messages it covers.
#[tokio::test]
async fn reading_writes_two_keys() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    for n in 0..100 {
        world.send(ada, bob, &format!("{n}")).await;
    }
    let keys = world.core.keys();
    world.read(bob, ada, crate::MessageId(0)).await;
    assert_eq!(world.core.keys().written - keys.written, 2);
}
