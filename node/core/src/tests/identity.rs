//! People who were known elsewhere.

use super::world::{Ways, World};
use crate::boxes::EVENTS_KEPT;
use crate::*;

const ADA: &str = "https://sso.example.org ada";

#[tokio::test]
async fn identity_has_one_number_for_ever() {
    let mut world = World::new().await;
    world.member("Owner").await;
    let world = world.with_ways(Ways { page: true, ..Ways::default() });
    let first = world.core.identity_code(ADA, true).await.unwrap();
    assert!(first.is_new);
    let again = world.core.identity_code(ADA, true).await.unwrap();
    assert_eq!((again.phone, again.is_new), (first.phone, true));
    let other = world.core.identity_code("https://sso.example.org bob", true).await.unwrap();
    assert_ne!(other.phone, first.phone);

    // The newest code is the one that counts.
    let invite = |code: &IdentityCode| Invite {
        phone: code.phone,
        code: code.code.clone(),
        expires: code.expires,
    };
    if first.code != again.code {
        let sent = world.core.send_code(first.phone, world.address()).await.unwrap();
        let old = world.core.sign_in(world.request(first.phone, &sent, &first.code)).await;
        assert!(matches!(old, Err(CoreError::CodeInvalid)));
    }
    let ada = world.join(&invite(&again), "Ada").await;
    let role = world.core.view(ada.id, ada.id).unwrap().unwrap().user.role;
    assert_eq!(role, Role::Member);

    // From now on: login codes of the account, also for who could not join any more.
    let code = world.core.identity_code(ADA, false).await.unwrap();
    assert_eq!((code.phone, code.is_new), (first.phone, false));
    assert_eq!(code.expires, world.core.now() + 300);
    let sent = world.core.send_code(ada.phone, world.address()).await.unwrap();
    let request = world.request(ada.phone, &sent, &code.code);
    assert_eq!(world.core.sign_in(request).await.unwrap(), Login::Done(ada.id));

    // Where the code can be had is said when no session has it.
    for login in world.core.authorizations(ada.id).await.unwrap() {
        world.core.log_out(ada.id, login.auth_key).await.unwrap();
    }
    let sent = world.core.send_code(ada.phone, world.address()).await.unwrap();
    assert_eq!((sent.by, sent.next), (CodeWay::Page, None));
}

#[tokio::test]
async fn identity_keeps_its_number_from_others_on_an_open_node() {
    let open = World::with(Registration::Open, EVENTS_KEPT).await;
    let given = open.core.identity_code(ADA, true).await.unwrap();
    let sent = open.core.send_code(given.phone, open.address()).await.unwrap();
    let (code, _) = open.core.show_code(given.phone).await.unwrap();
    let stranger = open.core.sign_in(open.request(given.phone, &sent, &code)).await;
    assert!(matches!(stranger, Err(CoreError::CodeInvalid)));
    let request = open.request(given.phone, &sent, &given.code);
    assert_eq!(open.core.sign_in(request).await.unwrap(), Login::SignUpRequired);
}

#[tokio::test]
async fn identity_that_may_not_join_gets_nothing() {
    let world = World::new().await;
    let refused = world.core.identity_code(ADA, false).await;
    assert!(matches!(refused, Err(CoreError::RegistrationClosed)));
    let closed = World::with(Registration::Closed, EVENTS_KEPT).await;
    let refused = closed.core.identity_code(ADA, true).await;
    assert!(matches!(refused, Err(CoreError::RegistrationClosed)));
}

#[tokio::test]
async fn identity_does_not_make_the_owner_and_is_limited() {
    let world = World::new().await;
    let mut given = 0;
    let wait_s = loop {
        match world.core.identity_code(ADA, true).await {
            Ok(code) => {
                given += 1;
                if given == 1 {
                    let invite =
                        Invite { phone: code.phone, code: code.code, expires: code.expires };
                    let ada = world.join(&invite, "Ada").await;
                    let role = world.core.view(ada.id, ada.id).unwrap().unwrap().user.role;
                    assert_eq!(role, Role::Member, "the first invite makes the owner");
                }
            }
            Err(CoreError::Flood { wait_s }) => break wait_s,
            Err(other) => panic!("{other:?}"),
        }
    };
    assert!(given >= 5 && wait_s <= 360, "{given} {wait_s}");
}
