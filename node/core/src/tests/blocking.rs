//! Lines 49, 56 and 57: who may name, reach and see whom.

use std::sync::Arc;

use super::world::{Member, World, outgoing};
use crate::*;

async fn three() -> (World, [Member; 3]) {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let (bob, eve) = (world.member("Bob").await, world.member("Eve").await);
    (world, [ada, bob, eve])
}

fn view(world: &World, viewer: Member, user: Member) -> UserView {
    world.core.view(viewer.id, user.id).unwrap().unwrap()
}

async fn add(world: &World, owner: Member, user: Member, name: &str) {
    let contact = NewContact { first_name: name.into(), ..NewContact::default() };
    world.core.add_contact(Some(owner.actor()), owner.id, user.id, contact).await.unwrap();
}

async fn import(world: &World, owner: Member, user: Member) {
    let contact = NewContact { first_name: "Someone".into(), ..NewContact::default() };
    let contacts = vec![(user.phone, contact)];
    let imported = world.core.import_contacts(None, owner.id, contacts).await.unwrap();
    assert_eq!(imported.found, [(0, user.id)]);
}

async fn block(world: &World, owner: Member, user: Member, blocked: bool) -> bool {
    world.core.set_blocked(Some(owner.actor()), owner.id, user.id, blocked).await.unwrap()
}

#[tokio::test]
async fn line_49_an_access_hash_is_good_for_one_viewer() {
    let (world, members) = three().await;
    for viewer in members {
        for user in members {
            let hash = view(&world, viewer, user).access_hash;
            assert_ne!(hash, 0);
            assert!(world.core.may_name(viewer.id, user.id, hash));
            for other in members {
                let same = other == viewer;
                assert_eq!(world.core.may_name(other.id, user.id, hash), same);
                let same = other == user;
                assert_eq!(world.core.may_name(viewer.id, other.id, hash), same);
            }
            for wrong in [0, hash ^ 1, !hash, -hash] {
                assert!(!world.core.may_name(viewer.id, user.id, wrong));
            }
        }
    }
    let [ada, bob, _] = members;
    let hash = view(&world, ada, bob).access_hash;
    let world = world.reopen();
    assert!(world.core.may_name(ada.id, bob.id, hash), "clients keep it over a restart");
}

#[tokio::test]
async fn line_56_who_is_blocked_meets_no_error_and_reaches_nobody() {
    let (world, [ada, bob, _]) = three().await;
    world.send(ada, bob, "before").await;
    assert!(block(&world, bob, ada, true).await);
    assert!(!block(&world, bob, ada, true).await, "already");
    let before = world.pts(bob).await;
    world.recorder.take();

    let sent = world.send(ada, bob, "unheard").await;
    assert_eq!(sent.message.twin, MessageId(0));
    assert_eq!(world.texts(ada, bob).await, ["unheard", "before"], "one tick");
    world.edit(ada, bob, sent.id, "still unheard").await;
    let ids = vec![(sent.id, 1)];
    let how = ForwardHow::default();
    world.core.forward(ada.actor(), ada.id, bob.peer(), bob.peer(), ids, how).await.unwrap();
    world.core.typing(ada.id, bob.peer(), Arc::new(()), None, None).unwrap();
    for event in world.recorder.take() {
        match event {
            Event::Box(event) => assert_eq!(event.owner, ada.id),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.pts(bob).await, before);
    assert_eq!(world.texts(bob, ada).await, ["before"]);

    // No status, and no number of who keeps the other as a contact.
    world.core.set_online(bob.id, true).await.unwrap();
    add(&world, bob, ada, "A").await;
    let seen = view(&world, ada, bob);
    assert_eq!((seen.status, seen.phone), (Status::LongAgo, None));
    assert!(view(&world, bob, ada).blocked && !seen.blocked);
    assert_eq!(world.core.blocked(bob.id).await.unwrap(), [(ada.id, 1_700_000_000)]);

    // The other way is open, and all is as before when it ends.
    world.send(bob, ada, "hear me").await;
    assert_eq!(world.texts(ada, bob).await[0], "hear me");
    let world = world.reopen();
    world.send(ada, bob, "unheard after a restart").await;
    assert!(block(&world, bob, ada, false).await);
    world.send(ada, bob, "heard").await;
    assert_eq!(world.texts(bob, ada).await, ["heard", "hear me", "before"]);
    world.core.set_online(bob.id, true).await.unwrap();
    assert!(matches!(view(&world, ada, bob).status, Status::Online { .. }));
    let oneself = world.core.set_blocked(None, ada.id, ada.id, true).await;
    assert!(matches!(oneself, Err(CoreError::Oneself)));
}

#[tokio::test]
async fn line_57_a_number_is_shown_to_who_knows_it_or_is_a_contact() {
    let (world, [ada, bob, eve]) = three().await;
    assert_eq!(view(&world, ada, ada).phone, Some(ada.phone), "one's own");
    assert_eq!(view(&world, ada, bob).phone, None, "a stranger's");
    // A contact by name alone does not learn the number.
    add(&world, ada, bob, "Bobby").await;
    let seen = view(&world, ada, bob);
    assert_eq!((seen.phone, seen.mutual), (None, false));
    assert_eq!(seen.contact.unwrap().first_name, "Bobby");
    // Whom one keeps as a contact sees one's number.
    assert_eq!(view(&world, bob, ada).phone, Some(ada.phone));
    assert!(view(&world, bob, ada).contact.is_none());
    // Who typed the number knows it, whatever the other does.
    import(&world, eve, bob).await;
    assert_eq!(view(&world, eve, bob).phone, Some(bob.phone));
    assert!(block(&world, bob, eve, true).await);
    assert_eq!(view(&world, eve, bob).phone, Some(bob.phone));
    add(&world, bob, ada, "A").await;
    assert!(view(&world, ada, bob).mutual && view(&world, bob, ada).mutual);
    let contacts = world.core.contacts(ada.id).await.unwrap();
    assert_eq!(contacts, [ContactView { user: bob.id, mutual: true }]);
    // A removed contact sees it no longer.
    world.core.delete_contacts(None, ada.id, vec![bob.id, eve.id]).await.unwrap();
    assert_eq!(view(&world, bob, ada).phone, None);
    assert!(!view(&world, bob, ada).mutual);
    let service = world.core.view(ada.id, UserId::SERVICE).unwrap().unwrap();
    assert_eq!((service.phone, service.mutual), (None, false));
    let world = world.reopen();
    assert_eq!(view(&world, eve, bob).phone, Some(bob.phone));
    assert_eq!(view(&world, ada, bob).phone, Some(bob.phone), "bob keeps ada");
}

#[tokio::test]
async fn line_57_status_is_told_as_it_is_but_to_the_blocked() {
    let (world, [ada, bob, eve]) = three().await;
    assert_eq!(view(&world, ada, bob).status, Status::Recently { by_me: false });
    world.core.set_online(bob.id, true).await.unwrap();
    let online = Status::Online { expires: 1_700_000_000 + (ONLINE_MS / 1000) as i32 };
    assert_eq!(view(&world, ada, bob).status, online);
    block(&world, bob, eve, true).await;
    assert_eq!(view(&world, eve, bob).status, Status::LongAgo);
    assert_eq!(view(&world, bob, bob).status, online);
    world.pass_s(60);
    world.core.set_online(bob.id, false).await.unwrap();
    assert_eq!(view(&world, ada, bob).status, Status::Offline { was_online: 1_700_000_060 });
    assert_eq!(view(&world, eve, bob).status, Status::LongAgo);
}

/// A change of an address book is shown once it is durable, and not before: a view does not wait.
#[tokio::test]
async fn line_57_a_view_shows_no_contact_that_a_power_cut_may_take_back() {
    let (world, [ada, bob, _]) = three().await;
    add(&world, ada, bob, "Old").await;
    for cached in [false, true] {
        let world = World::reopen_of(&world);
        if cached {
            view(&world, ada, bob);
        }
        world.disk.hold();
        let core = world.core.clone();
        let new = NewContact { first_name: "New".into(), ..NewContact::default() };
        let mut adding = Box::pin(core.add_contact(None, ada.id, bob.id, new));
        assert!(super::world::now(adding.as_mut()).is_none());
        world.disk.wait_for_undurable(1);
        let name = |world: &World| view(world, ada, bob).contact.unwrap().first_name;
        assert_eq!(name(&world), "Old");
        world.disk.release();
        adding.await.unwrap();
        assert_eq!(name(&world), "New");
        add(&world, ada, bob, "Old").await;
    }
}

#[tokio::test]
async fn strangers_cannot_be_written_to_without_end() {
    let (mut world, [_, bob, eve]) = three().await;
    // Forwarding to a stranger costs as much as writing: one of fifty.
    let note = world.send(bob, bob, "note").await;
    let how = ForwardHow::default();
    for n in 0..50 {
        let other = world.member("Other").await;
        if n % 2 == 0 {
            world.send(bob, other, "hello").await;
        } else {
            let ids = vec![(note.id, world.number())];
            let core = &world.core;
            core.forward(bob.actor(), bob.id, bob.peer(), other.peer(), ids, how).await.unwrap();
        }
        world.send(bob, other, "and again").await;
    }
    let flood = world.try_send(bob, outgoing(eve, "hello", 1)).await;
    assert!(matches!(flood, Err(CoreError::Flood { .. })), "{flood:?}");
    assert!(world.texts(eve, bob).await.is_empty());
    // Who wrote first, or keeps one as a contact, is no stranger.
    add(&world, eve, bob, "Bob").await;
    world.send(bob, eve, "hello").await;
}

#[tokio::test]
async fn a_search_takes_each_word_for_the_beginning_of_one_of_the_name() {
    let (world, [ada, bob, _]) = three().await;
    let contact = NewContact {
        first_name: "Robert".into(),
        last_name: "van Dyck".into(),
        ..NewContact::default()
    };
    world.core.add_contact(None, ada.id, bob.id, contact).await.unwrap();
    for (typed, found) in [
        ("rob", true),
        ("Robert van", true),
        ("dyck  ROB", true),
        ("van", true),
        ("ert", false),
        ("robert vin", false),
    ] {
        let (known, others) = world.core.search_people(ada.id, typed, 10).await.unwrap();
        assert_eq!(known == [bob.id], found, "{typed}");
        assert!(others.is_empty(), "{typed}");
    }
}
