//! What is found in a store that is not as it should be.

use node_store::{Batch, Keyspace, Store};

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
