//! Login addresses: how they come, what they are for, how they end.

use super::login::outbound;
use super::world::{Member, UNBOUNDED, Ways, World};
use crate::boxes::EVENTS_KEPT;
use crate::*;

const MAIL: Ways = Ways {
    quotas: UNBOUNDED,
    mail: true,
    requires_email: false,
    numbers: false,
    page: false,
    keep_s: 0,
    node: 0,
    rotations: 0,
    stamp: [0; 16],
    one_device_per_kind: false,
};
const BOTH: Ways = Ways {
    quotas: UNBOUNDED,
    mail: true,
    requires_email: false,
    numbers: true,
    page: false,
    keep_s: 0,
    node: 0,
    rotations: 0,
    stamp: [0; 16],
    one_device_per_kind: false,
};
const REQUIRED: Ways = Ways {
    quotas: UNBOUNDED,
    mail: true,
    requires_email: true,
    numbers: false,
    page: false,
    keep_s: 0,
    node: 0,
    rotations: 0,
    stamp: [0; 16],
    one_device_per_kind: false,
};

/// A member whose login address was proven.
async fn with_address(ways: Ways) -> (World, Member) {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let world = world.with_ways(ways);
    let of = EmailOf::Member(ada.id);
    let address = "ada@example.org";
    let sent = world.core.send_email_code(of.clone(), address, world.address()).await.unwrap();
    assert_eq!((&*sent.pattern, sent.length), ("a***@e***.org", 6));
    let [proof] = <[Outbound; 1]>::try_from(outbound(&world)).unwrap();
    assert_eq!(
        (proof.purpose, proof.email.as_deref()),
        (Purpose::EmailVerification, Some(address))
    );
    let done = world.core.verify_email(of, proof.code, world.address()).await.unwrap();
    assert_eq!(done, (address.to_owned(), None));
    world.pass_s(3600);
    (world, ada)
}

/// Logs in from nowhere with the code that went out.
async fn log_in(world: &World, member: Member) -> CoreResult<Login> {
    let sent = world.core.send_code(member.phone, world.address()).await?;
    let code = outbound(world).pop().expect("a code left the node").code;
    world.core.sign_in(world.request(member.phone, &sent, &code)).await
}

#[tokio::test]
async fn login_email_gets_the_codes_of_a_member_without_session() {
    let (world, ada) = with_address(BOTH).await;
    let core = &world.core;
    assert_eq!(core.login_email(ada.id).await.unwrap().as_deref(), Some("a***@e***.org"));

    // With a session the code goes there; asked for again, to the address; never to the number.
    let sent = core.send_code(ada.phone, world.address()).await.unwrap();
    assert_eq!((&sent.by, sent.next.is_some()), (&CodeWay::Sessions, true));
    assert_eq!(outbound(&world), []);
    let hash = sent.phone_code_hash;
    let sent = core.resend_code(ada.phone, hash, world.address()).await.unwrap();
    let CodeWay::Email { pattern, ends: None, .. } = &sent.by else { panic!("{sent:?}") };
    assert_eq!((&**pattern, sent.next.is_some()), ("a***@e***.org", false));
    let [mailed] = <[Outbound; 1]>::try_from(outbound(&world)).unwrap();
    assert_eq!(mailed.email.as_deref(), Some("ada@example.org"));

    core.log_out(ada.id, ada.key).await.unwrap();
    assert_eq!(log_in(&world, ada).await.unwrap(), Login::Done(ada.id));
}

#[tokio::test]
async fn login_email_of_an_invite_is_where_it_was_sent() {
    let world = World::new().await.with_ways(REQUIRED);
    assert!(matches!(world.core.invite_by_mail("ada").await, Err(CoreError::EmailInvalid)));
    let invite = world.core.invite_by_mail("ada@example.org").await.unwrap();
    let [sent] = <[Outbound; 1]>::try_from(outbound(&world)).unwrap();
    assert_eq!(
        (sent.purpose, sent.phone, &sent.code),
        (Purpose::Invite, invite.phone, &invite.code)
    );
    assert_eq!(sent.email.as_deref(), Some("ada@example.org"));
    // Nothing more is asked for: the invite arrived there.
    let ada = world.join(&invite, "Ada").await;
    assert!(world.core.login_email(ada.id).await.unwrap().is_some());
    world.core.log_out(ada.id, ada.key).await.unwrap();
    assert_eq!(log_in(&world, ada).await.unwrap(), Login::Done(ada.id));
}

#[tokio::test]
async fn login_email_is_asked_of_who_joins_where_the_node_wants_one() {
    let world = World::new().await.with_ways(REQUIRED);
    let core = &world.core;
    let invite = core.invite(None).await.unwrap();
    let sent = core.send_code(invite.phone, world.address()).await.unwrap();
    assert_eq!((&sent.by, sent.next.is_some()), (&CodeWay::SetUpEmail, false));
    // The invite's code alone is not enough.
    let bare = core.sign_in(world.request(invite.phone, &sent, &invite.code)).await;
    assert!(matches!(bare, Err(CoreError::EmailMissing)));

    let of = EmailOf::Number(invite.phone, sent.phone_code_hash);
    core.send_email_code(of.clone(), "ada@example.org", world.address()).await.unwrap();
    let code = outbound(&world).pop().unwrap().code;
    let wrong = core.verify_email(of.clone(), "no".into(), world.address()).await;
    assert!(matches!(wrong, Err(CoreError::EmailCodeInvalid)));
    let (address, sent) =
        core.verify_email(of.clone(), code.clone(), world.address()).await.unwrap();
    let sent = sent.expect("the login goes on");
    assert_eq!((&*address, &sent.by), ("ada@example.org", &CodeWay::Sessions));
    let twice = core.verify_email(of, code, world.address()).await;
    assert!(matches!(twice, Err(CoreError::CodeExpired)));

    let request = world.request(invite.phone, &sent, &invite.code);
    let (key, hash) = (request.auth_key, sent.phone_code_hash);
    assert_eq!(core.sign_in(request).await.unwrap(), Login::SignUpRequired);
    let (first, last) = ("Ada".to_owned(), String::new());
    let id = core.sign_up(invite.phone, hash, first, last, key, Device::default()).await.unwrap();
    assert_eq!(core.login_email(id).await.unwrap().as_deref(), Some("a***@e***.org"));

    // A number that was not invited is not told of an address, and none is taken for it.
    let sent = core.send_code(1, world.address()).await.unwrap();
    assert_eq!(sent.by, CodeWay::Sessions);
    let of = EmailOf::Number(1, sent.phone_code_hash);
    let refused = core.send_email_code(of, "eve@example.org", world.address()).await;
    assert!(matches!(refused, Err(CoreError::EmailNotAllowed)));
}

#[tokio::test]
async fn login_email_opens_an_open_node_to_who_shows_one() {
    let open = World::with(Registration::Open, EVENTS_KEPT).await.with_ways(REQUIRED);
    let core = &open.core;
    let sent = core.send_code(4_930_123, open.address()).await.unwrap();
    assert_eq!(sent.by, CodeWay::SetUpEmail);
    let of = EmailOf::Number(4_930_123, sent.phone_code_hash);
    core.send_email_code(of.clone(), "eve@example.org", open.address()).await.unwrap();
    let code = outbound(&open).pop().unwrap().code;
    let (_, sent) = core.verify_email(of, code, open.address()).await.unwrap();
    let sent = sent.unwrap();
    assert!(matches!(sent.by, CodeWay::Email { .. }), "{sent:?}");
    let mailed = outbound(&open).pop().unwrap();
    assert_eq!(mailed.email.as_deref(), Some("eve@example.org"));
    let request = open.request(4_930_123, &sent, &mailed.code);
    assert_eq!(core.sign_in(request).await.unwrap(), Login::SignUpRequired);
}

#[tokio::test]
async fn login_email_that_cannot_be_read_ends_in_a_week_unless_somebody_logs_in() {
    let (world, ada) = with_address(BOTH).await;
    let core = &world.core;
    core.log_out(ada.id, ada.key).await.unwrap();
    for stopped in [true, false] {
        world.pass_s(3600);
        let sent = core.send_code(ada.phone, world.address()).await.unwrap();
        let CodeWay::Email { reset_after_s: Some(604_800), ends: None, .. } = sent.by else {
            panic!("{sent:?}")
        };
        let hash = sent.phone_code_hash;
        let sent = core.reset_login_email(ada.phone, hash, world.address()).await.unwrap();
        let CodeWay::Email { reset_after_s: None, ends: Some(ends), .. } = sent.by else {
            panic!("{sent:?}")
        };
        assert_eq!(ends, core.now() + 604_800);
        let hash = sent.phone_code_hash;
        let again = core.reset_login_email(ada.phone, hash, world.address()).await;
        assert!(matches!(again, Err(CoreError::AlreadyAsked)));
        if stopped {
            assert_eq!(log_in(&world, ada).await.unwrap(), Login::Done(ada.id));
            for login in core.authorizations(ada.id).await.unwrap() {
                core.log_out(ada.id, login.auth_key).await.unwrap();
            }
        }
    }
    world.pass_s(7 * 24 * 3600);
    let sent = core.send_code(ada.phone, world.address()).await.unwrap();
    assert_eq!(sent.by, CodeWay::Number, "now the number is all there is");
    assert_eq!(outbound(&world).pop().unwrap().email, None);
}

#[tokio::test]
async fn login_email_is_not_given_up_where_there_is_nothing_else() {
    let (world, ada) = with_address(MAIL).await;
    world.core.log_out(ada.id, ada.key).await.unwrap();
    let sent = world.core.send_code(ada.phone, world.address()).await.unwrap();
    let CodeWay::Email { reset_after_s: None, ends: None, .. } = sent.by else {
        panic!("{sent:?}")
    };
    let hash = sent.phone_code_hash;
    let refused = world.core.reset_login_email(ada.phone, hash, world.address()).await;
    assert!(matches!(refused, Err(CoreError::NoLoginEmail)));
    // The operator can.
    world.core.set_login_email(ada.phone, None).await.unwrap();
    assert_eq!(world.core.login_email(ada.id).await.unwrap(), None);
    world.core.set_login_email(ada.phone, Some("new@example.org")).await.unwrap();
    assert_eq!(world.core.login_email(ada.id).await.unwrap().as_deref(), Some("n***@e***.org"));
    let unknown = world.core.set_login_email(1, None).await;
    assert!(matches!(unknown, Err(CoreError::UnknownUser)));
}

#[tokio::test]
async fn login_email_is_not_taken_where_nothing_mails_and_guesses_are_few() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let of = || EmailOf::Member(ada.id);
    let refused = world.core.send_email_code(of(), "ada@example.org", world.address()).await;
    assert!(matches!(refused, Err(CoreError::EmailNotAllowed)));

    let world = world.with_ways(MAIL);
    let bad = world.core.send_email_code(of(), "ada", world.address()).await;
    assert!(matches!(bad, Err(CoreError::EmailInvalid)));
    world.core.send_email_code(of(), "ada@example.org", world.address()).await.unwrap();
    let code = outbound(&world).pop().unwrap().code;
    for _ in 0..5 {
        let wrong = world.core.verify_email(of(), "no".into(), world.address()).await;
        assert!(matches!(wrong, Err(CoreError::EmailCodeInvalid)));
    }
    let over = world.core.verify_email(of(), code, world.address()).await;
    assert!(matches!(over, Err(CoreError::EmailExpired)));
    // One mailbox is not flooded, whoever asks.
    let mut sent = 1;
    loop {
        world.pass_s(1);
        match world.core.send_email_code(of(), "ADA@example.org", world.address()).await {
            Ok(_) => sent += 1,
            Err(CoreError::Flood { .. }) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(sent <= 5, "{sent}");
}
