//! QR codes, and how an account's sessions learn of a new one.

use std::sync::Arc;

use super::world::{Member, World};
use crate::*;

async fn show(world: &World, key: i64, except: &[UserId]) -> LoginToken {
    let device = Device { device_model: format!("Phone {key}"), ..Device::default() };
    world.core.export_login_token(AuthKeyId(key), device, except.to_vec()).await.unwrap()
}

async fn shown(world: &World, key: i64) -> Vec<u8> {
    match show(world, key, &[]).await {
        LoginToken::Waiting { token, .. } => token.to_vec(),
        other => panic!("{other:?}"),
    }
}

/// How logins showed since the last call.
fn told(world: &World, member: Member) -> Vec<Arc<Authorization>> {
    let of = |event| match event {
        Event::Login { user, login } if user == member.id => Some(login),
        _ => None,
    };
    world.recorder.take().into_iter().filter_map(of).collect()
}

#[tokio::test]
async fn a_token_is_taken_once_by_a_member_and_soon() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let core = world.core.clone();
    let token = shown(&world, 900).await;
    assert_eq!(shown(&world, 900).await, token, "asked again, it is the same");
    world.recorder.take();
    let accepted = core.accept_login_token(ada.id, token.clone()).await.unwrap();
    assert_eq!((accepted.auth_key, &*accepted.device.device_model), (AuthKeyId(900), "Phone 900"));
    assert!(!accepted.unconfirmed, "the account's own session has said so");
    let events = world.recorder.take();
    let is_told = |event: &Event| matches!(event, Event::LoginToken { auth_key } if *auth_key == AuthKeyId(900));
    assert!(events.iter().any(is_told), "{events:?}");
    assert_eq!(core.standing(AuthKeyId(900)).await.unwrap(), Standing::LoggedIn(ada.id));
    // The waiting device asks again, by both ways, and may do so twice.
    for _ in 0..2 {
        assert_eq!(show(&world, 900, &[]).await, LoginToken::Accepted(Login::Done(ada.id)));
        let imported = core.import_login_token(AuthKeyId(900), &token).await.unwrap();
        assert_eq!(imported, LoginToken::Accepted(Login::Done(ada.id)));
    }
    let twice = core.accept_login_token(bob.id, token.clone()).await;
    assert!(matches!(twice, Err(CoreError::TokenTaken)), "{twice:?}");
    // Who has photographed the code has the token, and nothing from it.
    let thief = core.import_login_token(AuthKeyId(901), &token).await;
    assert!(matches!(thief, Err(CoreError::TokenInvalid)), "{thief:?}");
    assert_eq!(core.standing(AuthKeyId(901)).await.unwrap(), Standing::Unknown);

    let token = shown(&world, 902).await;
    world.pass_s(30);
    let late = core.accept_login_token(ada.id, token.clone()).await;
    assert!(matches!(late, Err(CoreError::TokenExpired)), "{late:?}");
    let late = core.import_login_token(AuthKeyId(902), &token).await;
    assert!(matches!(late, Err(CoreError::TokenExpired)), "{late:?}");
    for wrong in [vec![], vec![1; 32], vec![1; 5000]] {
        let unknown = core.accept_login_token(ada.id, wrong).await;
        assert!(matches!(unknown, Err(CoreError::TokenInvalid)), "{unknown:?}");
    }

    let LoginToken::Waiting { token, .. } = show(&world, 903, &[ada.id]).await else { panic!() };
    let refused = core.accept_login_token(ada.id, token.to_vec()).await;
    assert!(matches!(refused, Err(CoreError::TokenExcept)), "{refused:?}");
    core.accept_login_token(bob.id, token.to_vec()).await.unwrap();
}

/// A device that logged out shows a new code, also while the old one is remembered.
#[tokio::test]
async fn a_token_that_came_to_nothing_is_replaced() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let token = shown(&world, 900).await;
    world.core.accept_login_token(ada.id, token.clone()).await.unwrap();
    world.core.log_out(ada.id, AuthKeyId(900)).await.unwrap();
    assert_ne!(shown(&world, 900).await, token);
}

#[tokio::test]
async fn a_new_login_is_told_and_confirmed_by_an_older_one() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    assert!(told(&world, ada).is_empty(), "nobody is told of the sign-up");
    let second = world.device(ada).await;
    let news = told(&world, ada);
    assert_eq!((news.len(), news[0].auth_key, news[0].unconfirmed), (1, second.key, true));
    let hash = news[0].hash;
    let core = world.core.clone();
    let confirm = |by: Member| {
        let core = core.clone();
        async move { core.change_authorization(ada.id, by.key, hash, true, None, None).await }
    };
    let own = confirm(second).await;
    assert!(matches!(own, Err(CoreError::FreshReset)), "not by itself: {own:?}");
    confirm(ada).await.unwrap();
    let news = told(&world, ada);
    assert_eq!((news.len(), news[0].hash, news[0].unconfirmed), (1, hash, false));
    confirm(ada).await.unwrap();
    assert!(told(&world, ada).is_empty(), "once");
    let unknown = core.change_authorization(ada.id, ada.key, 5, true, None, None).await;
    assert!(matches!(unknown, Err(CoreError::UnknownAuthorization)));

    // By time, too.
    let third = world.device(ada).await;
    let is_unconfirmed = || async {
        let logins = core.authorizations(ada.id).await.unwrap();
        logins.iter().find(|login| login.auth_key == third.key).unwrap().unconfirmed
    };
    assert!(is_unconfirmed().await);
    world.pass_s(CONFIRMED_AFTER_S as u64);
    assert!(!is_unconfirmed().await);
}

#[tokio::test]
async fn what_a_login_refuses_is_kept() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let second = world.device(ada).await;
    let find = |logins: Vec<Authorization>, key: AuthKeyId| {
        logins.into_iter().find(|login| login.auth_key == key).unwrap()
    };
    let core = world.core.clone();
    let hash = find(core.authorizations(ada.id).await.unwrap(), second.key).hash;
    core.change_authorization(ada.id, ada.key, hash, false, Some(true), None).await.unwrap();
    core.change_authorization(ada.id, ada.key, 0, false, None, Some(true)).await.unwrap();
    let world = world.reopen();
    let logins = world.core.authorizations(ada.id).await.unwrap();
    let refuses = |key| find(logins.clone(), key).refuses;
    assert_eq!(refuses(second.key), Refuses { secret_chats: true, calls: false });
    assert_eq!(refuses(ada.key), Refuses { secret_chats: false, calls: true });
}

#[tokio::test]
async fn a_login_that_is_not_used_ends_when_its_owner_said() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let second = world.device(ada).await;
    let core = world.core.clone();
    assert_eq!(core.login_days(ada.id).await.unwrap(), 365);
    for days in [0, -1, 367, i32::MAX] {
        let refused = core.set_login_days(ada.id, ada.key, days).await;
        assert!(matches!(refused, Err(CoreError::DaysInvalid)), "{refused:?}");
    }
    world.pass_s(10);
    let thief = world.device(ada).await;
    let refused = core.set_login_days(ada.id, thief.key, 1).await;
    assert!(matches!(refused, Err(CoreError::FreshReset)), "{refused:?}");
    core.set_login_days(ada.id, ada.key, 7).await.unwrap();
    world.pass_s(6 * 24 * 3600);
    core.touch_authorization(ada.id, ada.key, Device::default()).await.unwrap();
    assert_eq!(core.end_unused(UserId(0)).await.unwrap(), None, "all in one go");
    assert_eq!(core.authorizations(ada.id).await.unwrap().len(), 3, "a week is not over");
    world.pass_s(24 * 3600);
    world.recorder.take();
    core.end_unused(UserId(0)).await.unwrap();
    let left = core.authorizations(ada.id).await.unwrap();
    assert_eq!(left.iter().map(|login| login.auth_key).collect::<Vec<_>>(), [ada.key]);
    assert_eq!(core.standing(second.key).await.unwrap(), Standing::Revoked);
    let ended = |event: &Event| matches!(event, Event::LoggedOut { revoked: true, .. });
    assert_eq!(world.recorder.take().iter().filter(|event| ended(event)).count(), 2);
    assert_eq!(core.standing(bob.key).await.unwrap(), Standing::LoggedIn(bob.id));
    let world = world.reopen();
    assert_eq!(world.core.login_days(ada.id).await.unwrap(), 7);
}
