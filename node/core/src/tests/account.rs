//! Coming back, moving to another number, and the end of an account.

use super::login::outbound;
use super::password::{answer, ask, half, set};
use super::world::{Member, Ways, World, outgoing};
use crate::boxes::EVENTS_KEPT;
use crate::*;

const DAY_S: u64 = 24 * 3600;

async fn come_back(world: &World, member: Member, token: &[u8]) -> Option<Login> {
    let (key, tokens) = (AuthKeyId(world.number()), vec![vec![1; 32], token.to_vec()]);
    let back = world.core.come_back(member.phone, tokens, key, Device::default(), world.address());
    back.await.unwrap()
}

#[tokio::test]
async fn who_left_comes_back_once_without_a_code_but_not_without_the_password() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let leave = |member: Member| {
        let core = world.core.clone();
        async move { core.leave(member.id, member.key).await.unwrap() }
    };
    let second = world.device(ada).await;
    let token = leave(second).await;
    assert_eq!(world.core.standing(second.key).await.unwrap(), Standing::Unknown);
    assert_eq!(come_back(&world, bob, &token).await, None, "another's number");
    assert_eq!(come_back(&world, ada, &token).await, Some(Login::Done(ada.id)));
    assert_eq!(come_back(&world, ada, &token).await, None, "used");

    let second = world.device(ada).await;
    let old = leave(second).await;
    world.pass_s(30 * DAY_S);
    assert_eq!(come_back(&world, ada, &old).await, None, "too old");
    let second = world.device(ada).await;
    let token = leave(second).await;
    world.core.revoke_others(ada.id, ada.key).await.unwrap();
    assert_eq!(come_back(&world, ada, &token).await, None, "all others were ended");

    let (second, third) = (world.device(ada).await, world.device(ada).await);
    let before = leave(second).await;
    set(&world, ada, "secret").await;
    assert_eq!(come_back(&world, ada, &before).await, None, "from before the password");
    let token = leave(third).await;
    assert_eq!(come_back(&world, ada, &token).await, Some(Login::PasswordNeeded(ada.id)));
}

#[tokio::test]
async fn one_device_of_a_kind_where_the_operator_says_so() {
    for one in [false, true] {
        let mut world = World::new().await;
        let ada = world.member("Ada").await;
        world = world.with_ways(Ways { one_device_per_kind: one, ..Ways::default() });
        let log_in = async |lang_pack: &str| {
            let (code, _) = world.core.show_code(ada.phone).await.unwrap();
            let sent = world.core.send_code(ada.phone, world.address()).await.unwrap();
            let device = Device { lang_pack: lang_pack.into(), ..Device::default() };
            let request = SignIn { device, ..world.request(ada.phone, &sent, &code) };
            let key = request.auth_key;
            world.core.sign_in(request).await.unwrap();
            key
        };
        let (phone, desktop) = (log_in("android").await, log_in("tdesktop").await);
        let other = log_in("ios").await;
        let ended = if one { Standing::Revoked } else { Standing::LoggedIn(ada.id) };
        assert_eq!(world.core.standing(phone).await.unwrap(), ended);
        for key in [ada.key, desktop, other] {
            assert_eq!(world.core.standing(key).await.unwrap(), Standing::LoggedIn(ada.id));
        }
    }
}

#[tokio::test]
async fn a_code_that_was_passed_on_is_over() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let (code, _) = world.core.show_code(ada.phone).await.unwrap();
    let sent = world.core.send_code(ada.phone, world.address()).await.unwrap();
    world.core.invalidate_codes(ada.id, vec!["1".into()]).await.unwrap();
    assert_eq!(world.core.show_code(ada.phone).await.unwrap().0, code);
    world.core.invalidate_codes(ada.id, vec!["1".into(), code.clone()]).await.unwrap();
    let refused = world.core.sign_in(world.request(ada.phone, &sent, &code)).await;
    assert!(matches!(refused, Err(CoreError::CodeExpired)), "{refused:?}");
}

/// The six digits of the newest message of the service account.
async fn told_code(world: &World, member: Member) -> String {
    let service = Member { id: UserId::SERVICE, ..member };
    let text = world.texts(member, service).await.remove(0);
    text.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 6).unwrap().to_owned()
}

#[tokio::test]
async fn an_account_moves_to_a_number_that_is_nobodys() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let invite = world.core.invite(None).await.unwrap();
    let core = world.core.clone();
    let send = async |by: Member, phone: u64| {
        core.send_change_code(by.id, by.key, phone, world.address()).await
    };
    for taken in [ada.phone, bob.phone, invite.phone] {
        let refused = send(ada, taken).await;
        assert!(matches!(refused, Err(CoreError::PhoneOccupied)), "{refused:?}");
    }
    let refused = send(ada, 4_930_123_456).await;
    assert!(matches!(refused, Err(CoreError::PhoneInvalid)), "a telephone: {refused:?}");
    world.pass_s(10);
    let thief = world.device(ada).await;
    let new = 888_1234_5678;
    let refused = send(thief, new).await;
    assert!(matches!(refused, Err(CoreError::FreshReset)), "{refused:?}");

    let sent = send(ada, new).await.unwrap();
    let code = told_code(&world, ada).await;
    let hash = &sent.phone_code_hash;
    let change = async |user: UserId, hash: &str, code: &str| {
        core.change_phone(user, new, hash.to_owned(), code.to_owned()).await
    };
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let refused = change(ada.id, hash, wrong).await;
    assert!(matches!(refused, Err(CoreError::CodeInvalid)), "{refused:?}");
    let refused = change(bob.id, hash, &code).await;
    assert!(matches!(refused, Err(CoreError::CodeExpired)), "{refused:?}");
    let request = SignIn { phone: new, ..world.request(new, &sent, &code) };
    assert!(core.sign_in(request).await.is_err(), "no code for a login");
    world.recorder.take();
    change(ada.id, hash, &code).await.unwrap();
    let is_told = |event: &Event| matches!(event, Event::Phone { user } if *user == ada.id);
    assert!(world.recorder.take().iter().any(is_told));
    let world = world.reopen();
    let moved = Member { phone: new, ..ada };
    world.device(moved).await;
    let gone = world.core.show_code(ada.phone).await;
    assert!(matches!(gone, Err(CoreError::UnknownUser)), "the old number is free");
}

#[tokio::test]
async fn a_telephone_has_to_be_shown() {
    let mut world = World::with(Registration::Open, EVENTS_KEPT).await;
    let ada = world.member("Ada").await;
    let world = world.with_ways(Ways { numbers: true, ..Ways::default() });
    let (core, phone) = (&world.core, 4_930_123_456);
    outbound(&world);
    let sent = core.send_change_code(ada.id, ada.key, phone, world.address()).await.unwrap();
    let [left] = <[Outbound; 1]>::try_from(outbound(&world)).unwrap();
    assert_eq!((left.purpose, left.phone, left.user), (Purpose::ChangePhone, phone, Some(ada.id)));
    core.change_phone(ada.id, phone, sent.phone_code_hash, left.code).await.unwrap();
    let view = core.view(ada.id, ada.id).unwrap().unwrap();
    assert_eq!(view.phone, Some(phone));
}

#[tokio::test]
async fn a_deleted_account_leaves_its_messages_and_nothing_else() {
    let mut world = World::new().await;
    let (_owner, ada, bob) =
        (world.member("Olga").await, world.member("Ada").await, world.member("Bob").await);
    world.send(ada, bob, "remember me").await;
    let core = world.core.clone();
    core.update_username(None, ada.id, "ada_l".into()).await.unwrap();
    let second = world.device(ada).await;
    let token = core.leave(second.id, second.key).await.unwrap();
    core.delete_account(ada.id, ada.key, None).await.unwrap();
    assert_eq!(core.standing(ada.key).await.unwrap(), Standing::Unknown);
    assert_eq!(come_back(&world, ada, &token).await, None);
    for world in [world.reopen()] {
        let core = &world.core;
        let view = core.view(bob.id, ada.id).unwrap().unwrap();
        assert!(
            view.user.deleted && view.user.first_name.is_empty() && view.user.username.is_none()
        );
        assert_eq!(world.texts(bob, ada).await, ["remember me"]);
        let refused = world.try_send(bob, outgoing(ada, "hello?", 77)).await;
        assert!(matches!(refused, Err(CoreError::Deactivated)), "{refused:?}");
        assert!(core.is_username_free(bob.id, "ada_l").await.unwrap());
        let gone = core.show_code(ada.phone).await;
        assert!(matches!(gone, Err(CoreError::UnknownUser)), "{gone:?}");
        assert!(core.authorizations(ada.id).await.unwrap().is_empty());
        let twice = core.delete_account(ada.id, ada.key, None).await;
        assert!(twice.is_err());
        assert_eq!(core.end_unused(UserId(0)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_password_is_in_the_way_of_deletion_for_a_week() {
    let mut world = World::new().await;
    let (_owner, ada, bob) =
        (world.member("Olga").await, world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    set(&world, ada, "secret").await;
    let thief = half(&world, ada).await;
    let wait = async |by: Member| match core.delete_account(by.id, by.key, None).await {
        Err(CoreError::DeletionWaits { wait_s }) => wait_s,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(thief).await, 7 * DAY_S as u32);
    let service = Member { id: UserId::SERVICE, ..ada };
    assert!(world.texts(ada, service).await[0].contains("asked to delete it"));
    world.pass_s(6 * DAY_S);
    let again = half(&world, ada).await;
    assert_eq!(wait(again).await, DAY_S as u32, "and it falls");
    // Whoever shows the password refuses.
    let proof = answer(&ask(&world, ada).await, "secret");
    core.password_email(ada.id, ada.key, proof).await.unwrap();
    world.pass_s(DAY_S);
    let again = half(&world, ada).await;
    assert_eq!(wait(again).await, 7 * DAY_S as u32, "from the begin");
    world.pass_s(7 * DAY_S);
    let again = half(&world, ada).await;
    core.delete_account(ada.id, again.key, None).await.unwrap();
    assert!(core.view(bob.id, ada.id).unwrap().unwrap().user.deleted);
    // With the password at once.
    set(&world, bob, "secret").await;
    let wrong = answer(&ask(&world, bob).await, "wrong");
    let refused = core.delete_account(bob.id, bob.key, wrong).await;
    assert!(matches!(refused, Err(CoreError::PasswordInvalid)), "{refused:?}");
    let proof = answer(&ask(&world, bob).await, "secret");
    core.delete_account(bob.id, bob.key, proof).await.unwrap();
}

#[tokio::test]
async fn an_account_that_nobody_uses_ends_when_its_owner_said() {
    let mut world = World::new().await;
    let (olga, ada, bob) =
        (world.member("Olga").await, world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    assert_eq!(core.account_days(ada.id).await.unwrap(), 365);
    for (member, days) in [(olga, 30), (ada, 30), (bob, 60)] {
        core.set_account_days(member.id, member.key, days).await.unwrap();
    }
    let refused = core.set_account_days(ada.id, ada.key, 400).await;
    assert!(matches!(refused, Err(CoreError::DaysInvalid)), "{refused:?}");
    let is_deleted = |member: Member| core.view(bob.id, member.id).unwrap().unwrap().user.deleted;
    // Bob logs out everywhere: that is when his time begins.
    world.pass_s(20 * DAY_S);
    core.log_out(bob.id, bob.key).await.unwrap();
    core.end_unused(UserId(0)).await.unwrap();
    world.pass_s(9 * DAY_S);
    core.end_unused(UserId(0)).await.unwrap();
    assert!(!is_deleted(ada));
    world.pass_s(DAY_S);
    core.end_unused(UserId(0)).await.unwrap();
    assert!(is_deleted(ada) && !is_deleted(bob));
    assert!(!is_deleted(olga), "the node needs its owner");
    world.pass_s(50 * DAY_S);
    core.end_unused(UserId(0)).await.unwrap();
    assert!(is_deleted(bob));
}
