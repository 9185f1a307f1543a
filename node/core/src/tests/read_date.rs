//! When a message was read.

use super::world::{World, full};
use crate::*;

#[tokio::test]
async fn read_date_is_that_of_the_first_reading_that_covers_a_message() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let eve = world.member("Eve").await;
    let first = world.send(ada, bob, "first").await;
    let second = world.send(ada, bob, "second").await;
    for n in 0..if full() { 5000 } else { 600 } {
        world.send(eve, ada, &format!("{n}")).await;
    }
    let date = async |id| world.core.read_date(ada.id, bob.peer(), id).await;
    assert!(matches!(date(first.id).await, Err(CoreError::NotReadYet)));
    world.pass_s(10);
    world.read(bob, ada, first.message.twin).await;
    let read_at = world.core.now();
    world.pass_s(10);
    assert_eq!(date(first.id).await.unwrap(), read_at);
    assert!(matches!(date(second.id).await, Err(CoreError::NotReadYet)));
    world.read(bob, ada, MessageId(0)).await;
    assert_eq!(date(second.id).await.unwrap(), read_at + 10);
    assert_eq!(date(first.id).await.unwrap(), read_at);
    // Others' messages, other dialogs, what is not there.
    let theirs = world.send(bob, ada, "theirs").await.message.twin;
    for (peer, id) in
        [(bob.peer(), theirs), (eve.peer(), first.id), (bob.peer(), MessageId(i32::MAX))]
    {
        let refused = world.core.read_date(ada.id, peer, id).await;
        assert!(matches!(refused, Err(CoreError::UnknownMessage)));
    }
    let note = world.send(ada, ada, "note").await.id;
    let refused = world.core.read_date(ada.id, ada.peer(), note).await;
    assert!(matches!(refused, Err(CoreError::UnknownMessage)));
    world.pass_s(READ_DATE_KEPT_S as u64);
    assert!(matches!(date(first.id).await, Err(CoreError::ReadTooOld)));
}
