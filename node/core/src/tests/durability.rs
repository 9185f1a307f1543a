//! Nothing is answered that a power cut could take back.

use node_store::Keyspace;

use super::world::{Member, World, now, outgoing, text};
use crate::*;

type Reading<'a> = std::pin::Pin<Box<dyn Future<Output = CoreResult<String>> + 'a>>;

/// Every kind of reader, each with what it answers as text.
fn readers<'a>(core: &'a Core, ada: Member, bob: Member, from: Pts) -> Vec<Reading<'a>> {
    let query = HistoryQuery { limit: 10, ..HistoryQuery::default() };
    let peers = [bob.peer()];
    let newest = MessageId(from.0 + 1);
    fn said(messages: &[Stored]) -> String {
        messages.iter().map(|stored| format!("{} ", stored.message.text)).collect()
    }
    vec![
        Box::pin(async move {
            let page = core.history(ada.id, bob.peer(), query).await?;
            Ok(said(&page.messages))
        }),
        Box::pin(async move {
            let query = HistoryQuery { offset_date: i32::MAX, ..query };
            Ok(said(&core.history(ada.id, bob.peer(), query).await?.messages))
        }),
        Box::pin(async move {
            Ok(said(&core.dialogs(ada.id, super::world::newest(10)).await?.messages))
        }),
        Box::pin(async move { Ok(said(&core.peer_dialogs(ada.id, &peers).await?.0.messages)) }),
        Box::pin(async move { Ok(said(&core.messages(ada.id, &[newest]).await?)) }),
        Box::pin(async move {
            match core.difference(ada.id, from, 10, None).await? {
                Difference::Events { rows, .. } => Ok(rows
                    .iter()
                    .map(|row| match &row.row {
                        BoxRow::Message(message) => message.text.clone(),
                        _ => String::new(),
                    })
                    .collect()),
                other => Ok(format!("{other:?}")),
            }
        }),
        Box::pin(async move {
            let state = core.state(ada.id).await?;
            Ok(if state.pts > from { "new" } else { "old" }.into())
        }),
    ]
}

#[tokio::test]
async fn a_history_page_never_shows_what_a_power_cut_then_loses() {
    for survives in [true, false] {
        let mut world = World::new().await;
        let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
        world.send(bob, ada, "old").await;
        let from = world.pts(ada).await;
        world.disk.hold();
        let core = world.core.clone();
        let mut sending = Box::pin(core.send(bob.actor(), bob.id, outgoing(ada, "new", 1)));
        assert!(now(sending.as_mut()).is_none());
        world.disk.wait_for_undurable(1);
        // The batch is applied, and memory and store show it; nobody may say so.
        let mut readers = readers(&core, ada, bob, from);
        for reader in &mut readers {
            assert!(now(reader.as_mut()).is_none(), "an answer before it is durable");
        }
        assert!(now(sending.as_mut()).is_none());
        assert!(world.recorder.take_box(ada).iter().all(|event| event.pts <= from));
        if survives {
            world.disk.release();
            for reader in readers {
                let answer = reader.await.unwrap();
                assert!(answer.contains("new"), "{answer}");
            }
            sending.await.unwrap();
            let world = world.crash();
            assert_eq!(world.texts(ada, bob).await, ["new", "old"], "what was shown is there");
        } else {
            let world = world.crash();
            for reader in readers {
                assert!(matches!(reader.await, Err(CoreError::Stopped(_))));
            }
            assert!(matches!(sending.await, Err(CoreError::Stopped(_))));
            assert_eq!(world.texts(ada, bob).await, ["old"]);
        }
    }
}

/// A batch that comes between the two reads of one reader: the ids are of what is durable, the
/// rows are not yet.
#[tokio::test]
async fn a_batch_between_two_reads_is_waited_for() {
    for kind in 0..6 {
        let mut world = World::new().await;
        let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
        let sent = world.send(bob, ada, "old").await;
        let before = Pts(world.pts(ada).await.0 - 1);
        let (core, disk) = (world.core.clone(), world.disk.clone());
        let (done, edited) = std::sync::mpsc::sync_channel(1);
        world.disk.before_next_read(Keyspace::BOXES, move || {
            disk.hold();
            let edit = async move {
                core.edit(bob.actor(), bob.id, ada.peer(), sent.id, Edit::text(text("new"))).await
            };
            let mut edit = Box::pin(edit);
            assert!(now(edit.as_mut()).is_none());
            disk.wait_for_undurable(1);
            done.send(edit).unwrap();
        });
        let core = world.core.clone();
        let mut reader = readers(&core, ada, bob, before).swap_remove(kind);
        assert!(now(reader.as_mut()).is_none(), "reader {kind} answered what is not durable");
        let edit = edited.try_recv().expect("the reader read rows");
        world.disk.release();
        assert!(reader.await.unwrap().contains("new"));
        edit.await.unwrap();
    }
}

#[tokio::test]
async fn logins_contacts_and_blocks_are_answered_when_durable() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let second = world.device(bob).await;
    let hash = |world: &World| {
        let core = world.core.clone();
        async move {
            let logins = core.authorizations(bob.id).await.unwrap();
            logins.iter().find(|login| login.auth_key == second.key).unwrap().hash
        }
    };
    let hash = hash(&world).await;
    let core = world.core.clone();
    world.disk.hold();
    let block = core.set_blocked(None, bob.id, ada.id, true);
    let (mut revoke, mut block) = (Box::pin(core.revoke(bob.id, bob.key, hash)), Box::pin(block));
    assert!(now(revoke.as_mut()).is_none());
    world.disk.wait_for_undurable(1);
    assert!(now(block.as_mut()).is_none(), "queued behind");
    let mut standing = Box::pin(core.standing(second.key));
    let mut logins = Box::pin(core.authorizations(bob.id));
    let mut blocked = Box::pin(core.blocked(bob.id));
    assert!(now(standing.as_mut()).is_none());
    assert!(now(logins.as_mut()).is_none());
    assert!(now(blocked.as_mut()).is_none());
    world.disk.release();
    assert_eq!(standing.await.unwrap(), Standing::Revoked);
    assert_eq!(logins.await.unwrap().len(), 1);
    blocked.await.unwrap();
    revoke.await.unwrap();
    assert!(block.await.unwrap());
}

#[tokio::test]
async fn a_failed_commit_stops_everything() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    world.send(ada, bob, "kept").await;
    let from = world.pts(ada).await;
    let core = world.core.clone();
    let mut stopped = Box::pin(core.stopped());
    assert!(now(stopped.as_mut()).is_none());
    world.recorder.take();
    world.disk.fail_at_commit(1);
    // Several that wait together, and some that come later.
    let mut waiting = Vec::new();
    for n in 0..5 {
        let message = outgoing(bob, &format!("lost {n}"), 100 + n);
        let mut sending = Box::pin(core.send(ada.actor(), ada.id, message));
        let first = now(sending.as_mut());
        waiting.push((sending, first));
    }
    for (sending, first) in waiting {
        let answer = match first {
            Some(answer) => answer,
            None => sending.await,
        };
        assert!(matches!(answer, Err(CoreError::Stopped(_))), "{answer:?}");
    }
    assert!(!stopped.await.is_empty(), "with a reason");
    let later = core.send(ada.actor(), ada.id, outgoing(bob, "later", 200)).await;
    assert!(matches!(later, Err(CoreError::Stopped(_))), "{later:?}");
    for reader in readers(&core, ada, bob, from) {
        let answer = reader.await;
        assert!(matches!(answer, Err(CoreError::Stopped(_))), "{answer:?}");
    }
    assert!(world.recorder.take().is_empty(), "followers hear nothing of it");
    let world = world.crash();
    assert_eq!(world.texts(ada, bob).await, ["kept"]);
    assert_eq!(world.texts(bob, ada).await, ["kept"]);
}

/// A defect that panics while it decides must not let readers wait for ever.
#[tokio::test]
async fn a_panic_stops_everything_too() {
    struct Panics;
    impl Follower for Panics {
        fn happened(&self, event: &Event) {
            assert!(!matches!(event, Event::Box(_)), "a follower's defect");
        }
    }
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    world.core.follow(std::sync::Arc::new(Panics));
    let sent = world.try_send(ada, outgoing(bob, "x", 1)).await;
    assert!(matches!(sent, Err(CoreError::Stopped(_))));
    world.core.stopped().await;
    let read = world.core.state(ada.id).await;
    assert!(matches!(read, Err(CoreError::Stopped(_))));
}

#[tokio::test]
async fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    world.disk.hold();
    let mut first = Box::pin(core.send(ada.actor(), ada.id, outgoing(bob, "first", 1)));
    assert!(now(first.as_mut()).is_none());
    world.disk.wait_for_undurable(1);
    // Admitted, and queued behind the batch that is on its way; then the disk fills.
    let mut second = Box::pin(core.send(ada.actor(), ada.id, outgoing(bob, "second", 2)));
    assert!(now(second.as_mut()).is_none());
    world.disk.set_full(true);
    world.disk.release();
    first.await.unwrap();
    assert!(matches!(second.await, Err(CoreError::DiskFull)));
    let third = world.try_send(ada, outgoing(bob, "third", 3)).await;
    assert!(matches!(third, Err(CoreError::DiskFull)));
    assert_eq!(world.texts(ada, bob).await, ["first"], "reading goes on");
    world.disk.set_full(false);
    assert!(!world.try_send(ada, outgoing(bob, "second", 2)).await.unwrap().repeated);
    assert_eq!(world.texts(bob, ada).await, ["second", "first"]);
}

#[tokio::test]
async fn closing_ends_what_is_queued_first() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    let mut queued: Vec<_> = (0..20)
        .map(|n| Box::pin(core.send(ada.actor(), ada.id, outgoing(bob, &format!("{n}"), 1 + n))))
        .collect();
    let early: Vec<_> = queued.iter_mut().map(|sending| now(sending.as_mut())).collect();
    let clone = core.clone();
    world.core.close();
    clone.close();
    for (sending, early) in queued.into_iter().zip(early) {
        let sent = match early {
            Some(sent) => sent,
            None => sending.await,
        };
        assert!(!sent.unwrap().repeated);
    }
    let late = core.send(ada.actor(), ada.id, outgoing(bob, "late", 99)).await;
    assert!(matches!(late, Err(CoreError::Stopped(_))));
    assert_eq!(world.reopen().texts(bob, ada).await.len(), 20);
}
