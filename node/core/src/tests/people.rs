//! Address books: notes, close friends, numbers that are nobody's yet, the bar above a dialog.

use node_store::{Keyspace, Order, Store as _};

use super::world::{Member, World};
use crate::decide::Decide;
use crate::ids::pair_key;
use crate::*;

async fn three() -> (World, [Member; 3]) {
    let mut world = World::new().await;
    let members = [world.member("Ada").await, world.member("Bob").await, world.member("Eve").await];
    (world, members)
}

fn named(name: &str) -> NewContact {
    NewContact { first_name: name.into(), ..NewContact::default() }
}

fn view(world: &World, viewer: Member, user: Member) -> UserView {
    world.core.view(viewer.id, user.id).unwrap().unwrap()
}

fn bar(world: &World, viewer: Member, user: Member) -> Bar {
    world.core.bar(viewer.id, &view(world, viewer, user)).unwrap()
}

#[tokio::test]
async fn who_waited_for_a_number_is_told_when_it_joins() {
    let (mut world, [ada, bob, _]) = three().await;
    let invite = world.core.invite(None).await.unwrap();
    let import = vec![(invite.phone, named("Zoe")), (1_234_567, named("Nobody"))];
    for owner in [ada, bob] {
        let imported = world.core.import_contacts(None, owner.id, import.clone()).await.unwrap();
        assert_eq!(imported, Imported::default());
        assert_eq!(world.core.saved_contacts(owner.id).await.unwrap().len(), 2);
    }
    world.core.set_sign_ups_silent(None, bob.id, true).await.unwrap();
    world = world.reopen();
    let forms = [
        invite.phone.to_be_bytes().to_vec(),
        invite.phone.to_string().into_bytes(),
        postcard::to_extend(&invite.phone, Vec::new()).unwrap(),
    ];
    for space in [Keyspace::PERSONAL, Keyspace::WAITED] {
        let rows = world.disk.scan(space, &[], None, usize::MAX, Order::Ascending).unwrap();
        assert!(!rows.is_empty());
        for row in rows.iter().flat_map(|(key, value)| [key, value]) {
            let holds = |form: &Vec<u8>| row.windows(form.len()).any(|part| part == form);
            assert!(!forms.iter().any(holds), "a stranger's number is stored");
        }
    }
    let zoe = world.join(&invite, "Zoe Q").await;
    for (owner, silent) in [(ada, false), (bob, true)] {
        let seen = view(&world, owner, zoe);
        assert_eq!(seen.contact.unwrap().first_name, "Zoe");
        assert_eq!(seen.phone, Some(zoe.phone));
        let history = world.history(owner, zoe).await;
        let [Stored { message, .. }] = &history[..] else { panic!("{history:?}") };
        assert_eq!(message.action, Some(Action::ContactSignUp));
        assert_eq!(message.silent, silent);
        assert_eq!(world.core.saved_contacts(owner.id).await.unwrap().len(), 1);
    }
    assert!(world.history(zoe, ada).await.is_empty(), "nobody tells the newcomer who waited");
    // Forgotten numbers tell nobody.
    world.core.reset_saved_contacts(None, ada.id).await.unwrap();
    world.core.delete_contacts_by_phone(None, bob.id, vec![1_234_567]).await.unwrap();
    for owner in [ada, bob] {
        assert!(world.core.saved_contacts(owner.id).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_full_book_keeps_nobody_from_joining() {
    let (world, [ada, bob, eve]) = three().await;
    let invite = world.core.invite(None).await.unwrap();
    let import = vec![(invite.phone, named("Zoe"))];
    for owner in [ada, bob, eve] {
        world.core.import_contacts(None, owner.id, import.clone()).await.unwrap();
    }
    // The one in the middle, whichever way they are gone through.
    let fill = move |decide: &mut Decide<'_>| {
        let somebody = Contact {
            first_name: "Somebody".into(),
            last_name: String::new(),
            knows_phone: false,
            close_friend: false,
            note: None,
        };
        for n in 0..crate::contacts::CONTACTS_MAX as i64 {
            decide.put(Keyspace::CONTACTS, &pair_key(bob.id.0, 2_000_000 + n), &somebody)?;
        }
        Ok(())
    };
    world.core.write(None, fill).await.unwrap();
    let world = world.reopen();
    let zoe = world.join(&invite, "Zoe Q").await;
    for (owner, told) in [(ada, 1), (bob, 0), (eve, 1)] {
        assert_eq!(world.history(owner, zoe).await.len(), told);
        assert_eq!(view(&world, owner, zoe).contact.is_some(), told == 1);
    }
    // The node goes on.
    world.send(ada, zoe, "hello").await;
}

#[tokio::test]
async fn numbers_are_waited_for_up_to_a_bound() {
    let (world, [ada, ..]) = three().await;
    let some = |from: u64, many: u64| -> Vec<(u64, NewContact)> {
        (from..from + many).map(|phone| (phone, named("Somebody"))).collect()
    };
    let saved = async |import| {
        world.core.import_contacts(None, ada.id, import).await.unwrap();
        world.core.saved_contacts(ada.id).await.unwrap().len()
    };
    assert_eq!(saved(some(5_000_000, 600)).await, 600);
    world.pass_s(30 * 86_400);
    // Those that are waited for already take no more room.
    assert_eq!(saved(some(5_000_000, 600)).await, 600);
    world.pass_s(30 * 86_400);
    assert_eq!(saved(some(6_000_000, 600)).await, 1000);
    world.pass_s(30 * 86_400);
    world.core.delete_contacts_by_phone(None, ada.id, vec![5_000_000]).await.unwrap();
    assert_eq!(saved(some(7_000_000, 2)).await, 1000);
}

#[tokio::test]
async fn notes_and_close_friends_are_kept_with_the_contact() {
    let (world, [ada, bob, eve]) = three().await;
    let note = super::world::text("from school");
    let with_note = NewContact { note: Some(Some(note.clone())), ..named("B") };
    world.core.add_contact(None, ada.id, bob.id, with_note).await.unwrap();
    world.core.add_contact(None, ada.id, eve.id, named("E")).await.unwrap();
    world.core.set_close_friends(None, ada.id, vec![bob.id, ada.id]).await.unwrap();
    // A new name leaves the rest.
    world.core.add_contact(None, ada.id, bob.id, named("Bobby")).await.unwrap();
    let contact = view(&world, ada, bob).contact.unwrap();
    assert!(contact.close_friend && contact.note == Some(note));
    assert!(!view(&world, ada, eve).contact.unwrap().close_friend);
    world.core.set_contact_note(None, ada.id, bob.id, None).await.unwrap();
    world.core.set_close_friends(None, ada.id, vec![eve.id]).await.unwrap();
    let world = world.reopen();
    let contact = view(&world, ada, bob).contact.unwrap();
    assert!(!contact.close_friend && contact.note.is_none());
    assert!(view(&world, ada, eve).contact.unwrap().close_friend);
    let long = Some(super::world::text(&"x".repeat(NOTE_UNITS_MAX + 1)));
    let refused = world.core.set_contact_note(None, ada.id, bob.id, long).await;
    assert!(matches!(refused, Err(CoreError::Text(TextError::TooLong))));
    let refused = world.core.set_contact_note(None, bob.id, ada.id, None).await;
    assert!(matches!(refused, Err(CoreError::NotAContact)));
}

#[tokio::test]
async fn contacts_are_removed_by_the_numbers_that_one_knows() {
    let (world, [ada, bob, eve]) = three().await;
    let import = vec![(bob.phone, named("B"))];
    world.core.import_contacts(None, ada.id, import).await.unwrap();
    world.core.add_contact(None, ada.id, eve.id, named("E")).await.unwrap();
    let phones = vec![bob.phone, eve.phone];
    world.core.delete_contacts_by_phone(None, ada.id, phones).await.unwrap();
    let left = world.core.contacts(ada.id).await.unwrap();
    assert_eq!(left.iter().map(|contact| contact.user).collect::<Vec<_>>(), [eve.id]);
}

#[tokio::test]
async fn the_bar_offers_what_fits_and_nothing_once_put_away() {
    let (world, [ada, bob, eve]) = three().await;
    assert_eq!(bar(&world, ada, ada), Bar::default());
    let only = |add_contact| Bar { add_contact, ..Bar::default() };
    assert_eq!(bar(&world, ada, bob), only(true));
    world.send(bob, ada, "buy this").await;
    let all = Bar { report_spam: true, add_contact: true, block_contact: true, ..Bar::default() };
    assert_eq!(bar(&world, ada, bob), all);
    assert_eq!(bar(&world, bob, ada), only(true), "who wrote first");
    world.core.set_blocked(None, ada.id, bob.id, true).await.unwrap();
    assert_eq!(bar(&world, ada, bob), only(false));
    world.core.set_blocked(None, ada.id, bob.id, false).await.unwrap();
    world.send(ada, bob, "who are you?").await;
    assert_eq!(bar(&world, ada, bob), only(true), "who has answered");
    // Both are contacts, and the number is hidden: it may be shared.
    let hidden = vec![PrivacyRule { allow: false, who: Who::All }];
    world.core.set_privacy(None, ada.id, PrivacyKey::PhoneNumber, hidden).await.unwrap();
    let exception = Bar { need_contacts_exception: true, ..Bar::default() };
    assert_eq!(bar(&world, ada, bob), Bar { add_contact: true, ..exception });
    world.core.add_contact(None, ada.id, bob.id, named("B")).await.unwrap();
    assert_eq!(bar(&world, ada, bob), exception);
    let early = world.core.accept_contact(None, ada.id, bob.id).await;
    assert!(matches!(early, Err(CoreError::NotAContact)));
    world.core.add_contact(None, bob.id, ada.id, named("A")).await.unwrap();
    assert_eq!(bar(&world, ada, bob), Bar { share_contact: true, ..exception });
    world.core.accept_contact(None, ada.id, bob.id).await.unwrap();
    assert_eq!(bar(&world, ada, bob), Bar::default());
    assert_eq!(view(&world, bob, ada).phone, Some(ada.phone));
    // Put away for good.
    world.send(eve, ada, "buy that").await;
    world.core.hide_bar(None, ada.id, eve.id).await.unwrap();
    let world = world.reopen();
    assert_eq!(bar(&world, ada, eve), exception);
}

#[tokio::test]
async fn the_block_list_is_replaced_as_a_whole() {
    let (world, [ada, bob, eve]) = three().await;
    world.core.set_blocked(None, ada.id, bob.id, true).await.unwrap();
    world.recorder.take();
    world.core.set_all_blocked(Some(ada.actor()), ada.id, vec![eve.id]).await.unwrap();
    let blocked = world.core.blocked(ada.id).await.unwrap();
    assert_eq!(blocked, [(eve.id, 1_700_000_000)]);
    let told = world.recorder.take().into_iter().filter_map(|event| match event {
        Event::Own { change: Own::Blocked { user, blocked }, .. } => Some((user, blocked)),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [(bob.id, false), (eve.id, true)]);
}

#[tokio::test]
async fn birthdays_are_told_when_they_are_near_and_may_be_seen() {
    let (world, [ada, bob, eve]) = three().await;
    let core = &world.core;
    // The world begins on 14 November 2023, in the evening by UTC.
    let born = |day| Some(Birthday { day, month: 11, year: None });
    for (member, day) in [(bob, 15), (eve, 16)] {
        core.set_birthday(None, member.id, born(day)).await.unwrap();
        core.add_contact(None, ada.id, member.id, named("X")).await.unwrap();
    }
    assert!(core.birthdays(ada.id).await.unwrap().is_empty(), "for contacts of theirs");
    for member in [bob, eve] {
        core.add_contact(None, member.id, ada.id, named("A")).await.unwrap();
    }
    let near = core.birthdays(ada.id).await.unwrap();
    assert_eq!(near, [(bob.id, born(15).unwrap())]);
    let profile = |viewer: Member, of: Member| {
        let shown = view(&world, viewer, of);
        core.profile(viewer.id, &shown.user).unwrap().birthday
    };
    assert_eq!((profile(ada, bob), profile(eve, bob)), (born(15), None));
    let wrong = core.set_birthday(None, bob.id, born(31)).await;
    assert!(matches!(wrong, Err(CoreError::BirthdayInvalid)));
}
