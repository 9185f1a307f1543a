//! Logging in, and line 65: ending logins.

use super::world::{Member, UNBOUNDED, Ways, World, outgoing};
use crate::boxes::EVENTS_KEPT;
use crate::*;

const SERVICE: PeerId = PeerId::User(UserId::SERVICE);

const NUMBERS: Ways = Ways {
    quotas: UNBOUNDED,
    mail: false,
    requires_email: false,
    numbers: true,
    page: false,
    keep_s: 0,
    node: 0,
    rotations: 0,
    stamp: [0; 16],
    one_device_per_kind: false,
};

/// What the service account wrote to a member, the newest first.
async fn service_texts(world: &World, member: Member) -> Vec<String> {
    let query = HistoryQuery { limit: 100, ..HistoryQuery::default() };
    let page = world.core.history(member.id, SERVICE, query).await.unwrap();
    page.messages.into_iter().map(|stored| stored.message.text).collect()
}

fn wrong(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

#[tokio::test]
async fn login_a_code_is_good_once_and_not_for_long() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let core = world.core.clone();
    let (code, expires) = core.show_code(ada.phone).await.unwrap();
    assert_eq!(i64::from(expires), 1_700_000_000 + 300);
    let sent = core.send_code(ada.phone, world.address()).await.unwrap();

    // Wrong: by code, by hash, by number.
    let mut request = world.request(ada.phone, &sent, wrong(&code));
    assert!(matches!(core.sign_in(request).await, Err(CoreError::CodeInvalid)));
    let other = SentCode { phone_code_hash: "0123".into(), by: CodeWay::Sessions, next: None };
    request = world.request(ada.phone, &other, &code);
    assert!(matches!(core.sign_in(request).await, Err(CoreError::CodeExpired)));
    request = world.request(1, &sent, &code);
    assert!(matches!(core.sign_in(request).await, Err(CoreError::CodeExpired)));

    // Right, then used.
    request = world.request(ada.phone, &sent, &code);
    let key = request.auth_key;
    assert_eq!(core.standing(key).await.unwrap(), Standing::Unknown);
    assert_eq!(core.sign_in(request).await.unwrap(), Login::Done(ada.id));
    assert_eq!(core.standing(key).await.unwrap(), Standing::LoggedIn(ada.id));
    request = world.request(ada.phone, &sent, &code);
    assert!(matches!(core.sign_in(request).await, Err(CoreError::CodeExpired)));

    // Too old.
    let (code, _) = core.show_code(ada.phone).await.unwrap();
    let sent = core.send_code(ada.phone, world.address()).await.unwrap();
    world.pass_s(300);
    request = world.request(ada.phone, &sent, &code);
    assert!(matches!(core.sign_in(request).await, Err(CoreError::CodeExpired)));
    let resent = core.resend_code(ada.phone, sent.phone_code_hash, world.address()).await;
    assert!(matches!(resent, Err(CoreError::CodeExpired)));
}

/// What left the node since the last look.
pub(super) fn outbound(world: &World) -> Vec<Outbound> {
    let events = world.recorder.take();
    let sent = events.into_iter().filter_map(|event| match event {
        Event::Outbound(sent) => Some((*sent).clone()),
        _ => None,
    });
    sent.collect()
}

#[tokio::test]
async fn login_codes_leave_the_node_when_the_sessions_do_not_help() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let world = world.with_ways(NUMBERS);
    world.recorder.take();
    let (code, expires) = world.core.show_code(ada.phone).await.unwrap();

    let first = world.core.send_code(ada.phone, world.address()).await.unwrap();
    assert_eq!((&first.by, first.next.is_some()), (&CodeWay::Sessions, true));
    assert_eq!(outbound(&world), [], "the sessions have it");
    let hash = first.phone_code_hash;
    let again = world.core.resend_code(ada.phone, hash, world.address()).await.unwrap();
    assert_eq!((&again.by, again.next.is_some()), (&CodeWay::Number, false));
    let sent = outbound(&world);
    let (purpose, user, phone) = (Purpose::LoginCode, Some(ada.id), ada.phone);
    assert!(!format!("{sent:?}").contains(&code));
    assert_eq!(sent, [Outbound { purpose, user, phone, email: None, page: None, code, expires }]);

    // Without a session it leaves at once, and the last way may be taken again.
    world.core.log_out(ada.id, ada.key).await.unwrap();
    let hash = again.phone_code_hash;
    let again = world.core.resend_code(ada.phone, hash, world.address()).await.unwrap();
    assert_eq!((again.by, again.next.is_some()), (CodeWay::Number, false));
    assert_eq!(outbound(&world).len(), 1);
    let sent = world.core.send_code(ada.phone, world.address()).await.unwrap();
    assert_eq!((sent.by, outbound(&world).len()), (CodeWay::Number, 1));
}

#[tokio::test]
async fn login_of_a_number_without_account_looks_like_a_members_and_sends_nothing() {
    let world = World::new().await.with_ways(NUMBERS);
    let nobody = world.core.send_code(1, world.address()).await.unwrap();
    assert_eq!((&nobody.by, nobody.next.is_some()), (&CodeWay::Sessions, true));
    let hash = nobody.phone_code_hash;
    let again = world.core.resend_code(1, hash, world.address()).await.unwrap();
    assert_eq!((again.by, again.next.is_some()), (CodeWay::Number, false));
    assert_eq!(outbound(&world), []);

    let open = World::with(Registration::Open, EVENTS_KEPT).await.with_ways(NUMBERS);
    let sent = open.core.send_code(1, open.address()).await.unwrap();
    assert_eq!(sent.by, CodeWay::Number, "whoever has the number may join");
    let sent = outbound(&open);
    assert_eq!((sent.len(), sent[0].user), (1, None));
}

#[tokio::test]
async fn login_a_request_that_made_room_may_be_sent_again() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    world.pass_s(3600);
    let first = world.core.send_code(ada.phone, world.address()).await.unwrap();
    for _ in 0..3 {
        world.core.send_code(ada.phone, world.address()).await.unwrap();
    }
    // The fifth request pushes the first out; the node goes on.
    let hash = first.phone_code_hash;
    let again = world.core.resend_code(ada.phone, hash, world.address()).await.unwrap();
    let (code, _) = world.core.show_code(ada.phone).await.unwrap();
    let request = world.request(ada.phone, &again, &code);
    assert_eq!(world.core.sign_in(request).await.unwrap(), Login::Done(ada.id));
}

#[tokio::test]
async fn login_a_missing_code_is_reported_by_who_asked() {
    let world = World::new().await;
    let sent = world.core.send_code(1, world.address()).await.unwrap();
    let report = |hash: &str| world.core.report_missing_code(1, hash.into(), world.address());
    report(&sent.phone_code_hash).await.unwrap();
    assert!(matches!(report("0123").await, Err(CoreError::CodeExpired)));
}

#[tokio::test]
async fn login_five_wrong_codes_end_a_code() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let (code, _) = world.core.show_code(ada.phone).await.unwrap();
    let sent = world.core.send_code(ada.phone, world.address()).await.unwrap();
    for _ in 0..5 {
        let request = world.request(ada.phone, &sent, wrong(&code));
        assert!(matches!(world.core.sign_in(request).await, Err(CoreError::CodeInvalid)));
    }
    let request = world.request(ada.phone, &sent, &code);
    assert!(matches!(world.core.sign_in(request).await, Err(CoreError::CodeExpired)));
    assert_ne!(world.core.show_code(ada.phone).await.unwrap().0, code, "another code now");
    // And then the number rests: what was tried counts, although each try was an error.
    let mut tries = 6;
    let wait_s = loop {
        assert!(tries < 20, "nothing stops the guessing");
        let sent = SentCode { phone_code_hash: "0123".into(), by: CodeWay::Sessions, next: None };
        match world.core.sign_in(world.request(ada.phone, &sent, &code)).await {
            Err(CoreError::CodeExpired) => tries += 1,
            Err(CoreError::Flood { wait_s }) => break wait_s,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(tries, 9, "one more was the login of the member");
    assert!((1..=360).contains(&wait_s), "{wait_s}");
}

#[tokio::test]
async fn login_a_code_comes_to_the_other_sessions_and_is_the_one_that_is_shown() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let stranger = 888_1111_1111;
    let known = world.core.send_code(ada.phone, world.address()).await.unwrap();
    let unknown = world.core.send_code(stranger, world.address()).await.unwrap();
    assert_eq!(known.phone_code_hash.len(), unknown.phone_code_hash.len(), "no telling them apart");
    let (code, _) = world.core.show_code(ada.phone).await.unwrap();
    let texts = service_texts(&world, ada).await;
    assert!(texts[0].starts_with(&format!("Login code: {code}.")), "{}", texts[0]);
    let hidden = world.core.show_code(stranger).await;
    assert!(matches!(hidden, Err(CoreError::UnknownUser)), "not a member's number");

    // Asked again, the code is the same, and the message comes again.
    let hash = known.phone_code_hash;
    let again = world.core.resend_code(ada.phone, hash, world.address()).await.unwrap();
    assert!(service_texts(&world, ada).await[0].contains(&code));
    let request = world.request(ada.phone, &again, &code);
    assert_eq!(world.core.sign_in(request).await.unwrap(), Login::Done(ada.id));

    // Logged out everywhere: no box gets it.
    for login in world.core.authorizations(ada.id).await.unwrap() {
        world.core.log_out(ada.id, login.auth_key).await.unwrap();
    }
    let count = service_texts(&world, ada).await.len();
    let sent = world.core.send_code(ada.phone, world.address()).await.unwrap();
    assert_eq!(service_texts(&world, ada).await.len(), count);
    world.core.cancel_code(ada.phone, &sent.phone_code_hash).unwrap();
    let twice = world.core.cancel_code(ada.phone, &sent.phone_code_hash);
    assert!(matches!(twice, Err(CoreError::CodeExpired)));
}

#[tokio::test]
async fn login_an_invite_is_used_up_by_ten_wrong_codes() {
    for tries in [9, 10] {
        let world = World::new().await;
        let invite = world.core.invite(None).await.unwrap();
        let mut sent = world.core.send_code(invite.phone, world.address()).await.unwrap();
        for n in 0..tries {
            if n == 5 {
                // A request's code takes five tries; the invite counts all of them.
                sent = world.core.send_code(invite.phone, world.address()).await.unwrap();
            }
            let request = world.request(invite.phone, &sent, wrong(&invite.code));
            assert!(matches!(world.core.sign_in(request).await, Err(CoreError::CodeInvalid)));
        }
        // After a restart too; and once the number may be tried again.
        world.pass_s(4000);
        let world = world.reopen();
        let sent = world.core.send_code(invite.phone, world.address()).await.unwrap();
        let request = world.request(invite.phone, &sent, &invite.code);
        let result = world.core.sign_in(request).await;
        match tries {
            9 => assert_eq!(result.unwrap(), Login::SignUpRequired),
            _ => assert!(matches!(result, Err(CoreError::CodeInvalid)), "{result:?}"),
        }
    }
}

#[tokio::test]
async fn login_an_invite_is_good_for_one_person_and_seven_days() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let invite = world.core.invite(Some(ada.id)).await.unwrap();
    let bob = world.join(&invite, "Bob").await;
    assert!(service_texts(&world, ada).await[0].starts_with("Bob has joined"));
    let sent = world.core.send_code(bob.phone, world.address()).await.unwrap();
    let again = world.core.sign_in(world.request(bob.phone, &sent, &invite.code)).await;
    assert!(matches!(again, Err(CoreError::CodeInvalid)), "the number has an account");
    let old = world.core.invite(None).await.unwrap();
    world.pass_s(7 * 24 * 3600);
    let sent = world.core.send_code(old.phone, world.address()).await.unwrap();
    let late = world.core.sign_in(world.request(old.phone, &sent, &old.code)).await;
    assert!(matches!(late, Err(CoreError::CodeInvalid)));
}

#[tokio::test]
async fn login_the_owner_exists_once() {
    let mut world = World::new().await;
    assert!(world.owner_invite.is_some());
    assert!(world.core.prepare("Rookery").await.unwrap().is_none(), "that invite stands");
    // Two invites of the time before the owner, and both are used.
    let second = world.core.invite(None).await.unwrap();
    let ada = world.member("Ada").await;
    let bob = world.join(&second, "Bob").await;
    let role = |world: &World, member: Member| {
        world.core.view(ada.id, member.id).unwrap().unwrap().user.role
    };
    assert_eq!((role(&world, ada), role(&world, bob)), (Role::Owner, Role::Member));
    assert!(world.core.prepare("Rookery").await.unwrap().is_none());
    let mut world = world.reopen();
    assert!(world.core.prepare("Rookery").await.unwrap().is_none());
    let eve = world.member("Eve").await;
    assert_eq!((role(&world, ada), role(&world, eve)), (Role::Owner, Role::Member));
    assert!(service_texts(&world, ada).await.last().unwrap().contains("You own this node"));
    assert!(service_texts(&world, eve).await.is_empty());
}

#[tokio::test]
async fn login_only_the_owner_invites_by_message() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let service = Member { id: UserId::SERVICE, ..ada };
    let sent = world.try_send(ada, outgoing(service, "/invite", 1)).await.unwrap();
    assert_eq!(sent.message.twin, MessageId(0));
    let answer = service_texts(&world, ada).await.remove(0);
    let field = |name: &str| {
        let line = answer.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches('+').to_owned()
    };
    let (phone, code) = (field("Number: ").parse().unwrap(), field("Code: "));
    // The same request again makes no second invite, and no second answer.
    let count = service_texts(&world, ada).await.len();
    assert!(world.try_send(ada, outgoing(service, "/invite", 1)).await.unwrap().repeated);
    assert_eq!(service_texts(&world, ada).await.len(), count);
    world.join(&Invite { phone, code, expires: 0 }, "Carl").await;

    world.try_send(bob, outgoing(service, "/invite", 1)).await.unwrap();
    let answer = service_texts(&world, bob).await.remove(0);
    assert!(answer.contains("Only the node's owner") && !answer.contains("Number"), "{answer}");
    world.try_send(ada, outgoing(service, "/help", 2)).await.unwrap();
    assert!(service_texts(&world, ada).await[0].contains("/invite"));
}

#[tokio::test]
async fn the_page_of_an_invite_is_good_as_long_as_the_invite() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let core = &world.core;
    let invite = core.invite(None).await.unwrap();
    assert_eq!(core.invite_page(&invite), None, "nobody has said where pages are");
    core.pages_are_at("https://rookery.example/");
    let token_of = |invite: &Invite| {
        let page = core.invite_page(invite).unwrap();
        page.strip_prefix("https://rookery.example/join/").unwrap().to_owned()
    };
    let token = token_of(&invite);
    assert_eq!(token.len(), 36);
    let shown = async |token: &str| core.invite_of_page(token).await.unwrap();
    for _ in 0..20 {
        assert_eq!(shown(&token).await, Some(invite.clone()), "looking uses nothing up");
    }
    // Another code, another number, another tag, another length, another alphabet.
    let other = |phone, code: &str| Invite { phone, code: code.into(), ..invite.clone() };
    let next_code = format!("{:06}", (invite.code.parse::<u32>().unwrap() + 1) % 1_000_000);
    assert_eq!(shown(&token_of(&other(invite.phone, &next_code))).await, None);
    assert_eq!(shown(&token_of(&other(invite.phone + 1, &invite.code))).await, None);
    for at in 0..token.len() {
        let letter = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
        let changed = format!("{}{letter}{}", &token[..at], &token[at + 1..]);
        assert_eq!(shown(&changed).await, None, "{at}");
    }
    for wrong in ["", "A", &token[1..], &format!("{token}A"), &"€".repeat(12), &"+".repeat(36)] {
        assert_eq!(shown(wrong).await, None, "{wrong}");
    }
    // Asked for by message, the answer says where the page is.
    let service = Member { id: UserId::SERVICE, ..ada };
    world.try_send(ada, outgoing(service, "/invite", 1)).await.unwrap();
    let answer = service_texts(&world, ada).await.remove(0);
    let token_said = answer.rsplit("https://rookery.example/join/").next().unwrap();
    let said = shown(token_said).await.unwrap();
    assert!(answer.contains(&format!("+{}\nCode: {}", said.phone, said.code)), "{answer}");
    // Used, and expired.
    world.join(&invite, "Bob").await;
    assert_eq!(shown(&token).await, None);
    world.pass_s(7 * 86_400);
    assert_eq!(shown(token_said).await, None);
}

#[tokio::test]
async fn the_page_of_an_invite_ends_with_wrong_codes() {
    let mut world = World::new().await;
    world.member("Ada").await;
    let core = &world.core;
    core.pages_are_at("https://rookery.example");
    let invite = core.invite(None).await.unwrap();
    let token = core.invite_page(&invite).unwrap().rsplit('/').next().unwrap().to_owned();
    for _ in 0..10 {
        assert!(core.invite_of_page(&token).await.unwrap().is_some());
        let sent = core.send_code(invite.phone, world.address()).await.unwrap();
        let request = world.request(invite.phone, &sent, "x");
        assert!(core.sign_in(request).await.is_err());
        world.pass_s(3600);
    }
    assert_eq!(core.invite_of_page(&token).await.unwrap(), None);
}

#[tokio::test]
async fn login_an_account_is_made_only_after_its_code_was_shown() {
    let world = World::new().await;
    let invite = world.core.invite(None).await.unwrap();
    let up = |hash: &str, name: &str| {
        let (core, hash, name) = (world.core.clone(), hash.to_owned(), name.to_owned());
        let device = Device::default();
        let key = AuthKeyId(9);
        async move { core.sign_up(invite.phone, hash, name, String::new(), key, device).await }
    };
    let sent = world.core.send_code(invite.phone, world.address()).await.unwrap();
    let other = world.core.send_code(invite.phone, world.address()).await.unwrap();
    let hash = &sent.phone_code_hash;
    assert!(matches!(up(hash, "Eve").await, Err(CoreError::CodeExpired)), "nothing shown");
    let request = world.request(invite.phone, &sent, wrong(&invite.code));
    assert!(matches!(world.core.sign_in(request).await, Err(CoreError::CodeInvalid)));
    assert!(matches!(up(hash, "Eve").await, Err(CoreError::CodeExpired)), "a wrong one");
    let request = world.request(invite.phone, &sent, &invite.code);
    assert_eq!(world.core.sign_in(request).await.unwrap(), Login::SignUpRequired);
    let stolen = up(&other.phone_code_hash, "Eve").await;
    assert!(matches!(stolen, Err(CoreError::CodeExpired)), "shown by another request");
    for bad in [" \n", &"x".repeat(65)] {
        assert!(matches!(up(hash, bad).await, Err(CoreError::NameInvalid)));
    }
    // Two at once, in one batch or two: one account.
    let (one, two) = tokio::join!(up(hash, "Eve"), up(hash, "Eve"));
    assert!(one.is_ok() && matches!(two, Err(CoreError::CodeExpired)), "{one:?} {two:?}");
    assert_eq!(world.core.standing(AuthKeyId(9)).await.unwrap(), Standing::LoggedIn(one.unwrap()));
}

#[tokio::test]
async fn login_who_may_join_is_as_configured() {
    let open = World::with(Registration::Open, EVENTS_KEPT).await;
    let (code, _) = open.core.show_code(4_930_123).await.unwrap();
    let sent = open.core.send_code(4_930_123, open.address()).await.unwrap();
    let request = open.request(4_930_123, &sent, wrong(&code));
    assert!(matches!(open.core.sign_in(request).await, Err(CoreError::CodeInvalid)));
    let request = open.request(4_930_123, &sent, &code);
    assert_eq!(open.core.sign_in(request).await.unwrap(), Login::SignUpRequired);

    let closed = World::with(Registration::Closed, EVENTS_KEPT).await;
    assert!(closed.owner_invite.is_none());
    let refused = closed.core.invite(None).await;
    assert!(matches!(refused, Err(CoreError::RegistrationClosed)));
}

/// Logins of one account by age, and whether one may end the other.
#[tokio::test]
async fn line_65_a_fresh_login_ends_none_that_is_older() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    world.pass_s(10);
    let thief = world.device(ada).await;
    world.pass_s(10);
    let third = world.device(ada).await;
    let core = world.core.clone();
    let hash = |key: AuthKeyId| {
        let core = core.clone();
        async move {
            let logins = core.authorizations(ada.id).await.unwrap();
            logins.iter().find(|login| login.auth_key == key).unwrap().hash
        }
    };
    let old = hash(ada.key).await;
    let refused = core.revoke(ada.id, thief.key, old).await;
    assert!(matches!(refused, Err(CoreError::FreshReset)), "{refused:?}");
    let refused = core.revoke_others(ada.id, thief.key).await;
    assert!(matches!(refused, Err(CoreError::FreshReset)));
    assert_eq!(core.authorizations(ada.id).await.unwrap().len(), 3, "none of them");
    let own = core.revoke(ada.id, thief.key, hash(thief.key).await).await;
    assert!(matches!(own, Err(CoreError::UnknownAuthorization)), "one's own is logged out");
    // What came later may be ended.
    core.revoke(ada.id, thief.key, hash(third.key).await).await.unwrap();
    assert_eq!(core.standing(third.key).await.unwrap(), Standing::Revoked);
    // A login that is a day old has won.
    world.pass_s(24 * 3600);
    core.revoke(ada.id, thief.key, old).await.unwrap();
    assert_eq!(core.standing(ada.key).await.unwrap(), Standing::Revoked);
    // An ended login ends nobody.
    let dead = core.revoke_others(ada.id, ada.key).await;
    assert!(matches!(dead, Err(CoreError::UnknownAuthorization)), "{dead:?}");
}

#[tokio::test]
async fn line_65_what_was_ended_is_told_and_stays_ended() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let (second, third) = (world.device(ada).await, world.device(ada).await);
    let child = AuthKeyId(world.number());
    let device = Device::default();
    world.core.import_authorization(ada.id, second.key, child, device.clone()).await.unwrap();
    let grandchild = AuthKeyId(world.number());
    world.core.import_authorization(ada.id, child, grandchild, device).await.unwrap();
    let logins = world.core.authorizations(ada.id).await.unwrap();
    assert_eq!(logins.len(), 3, "its other keys are not listed beside it");
    let hash = logins.iter().find(|login| login.auth_key == second.key).unwrap().hash;
    // A hash is good for its owner.
    let foreign = world.core.revoke(bob.id, bob.key, hash).await;
    assert!(matches!(foreign, Err(CoreError::UnknownAuthorization)));
    world.recorder.take();
    world.core.revoke(ada.id, ada.key, hash).await.unwrap();
    let mut ended: Vec<(UserId, AuthKeyId, bool)> = world
        .recorder
        .take()
        .into_iter()
        .map(|event| match event {
            Event::LoggedOut { user, auth_key, revoked } => (user, auth_key, revoked),
            other => panic!("{other:?}"),
        })
        .collect();
    ended.sort();
    let mut wanted = [second.key, child, grandchild].map(|key| (ada.id, key, true));
    wanted.sort();
    assert_eq!(ended, wanted);
    let world = world.reopen();
    for key in wanted.map(|(_, key, _)| key) {
        assert_eq!(world.core.standing(key).await.unwrap(), Standing::Revoked);
    }
    world.core.revoke_others(ada.id, ada.key).await.unwrap();
    assert_eq!(world.core.standing(third.key).await.unwrap(), Standing::Revoked);
    assert_eq!(world.core.standing(ada.key).await.unwrap(), Standing::LoggedIn(ada.id));
    // The key may log in again.
    let (code, _) = world.core.show_code(ada.phone).await.unwrap();
    let sent = world.core.send_code(ada.phone, world.address()).await.unwrap();
    let request = SignIn { auth_key: second.key, ..world.request(ada.phone, &sent, &code) };
    world.core.sign_in(request).await.unwrap();
    assert_eq!(world.core.standing(second.key).await.unwrap(), Standing::LoggedIn(ada.id));
    world.core.log_out(ada.id, ada.key).await.unwrap();
    assert_eq!(world.core.standing(ada.key).await.unwrap(), Standing::Unknown);
}

/// Else its other sessions would go on to get the first account's messages.
#[tokio::test]
async fn a_key_that_logs_in_to_another_account_leaves_the_first() {
    let mut world = World::new().await;
    let (ada, bob) = (world.member("Ada").await, world.member("Bob").await);
    let child = AuthKeyId(world.number());
    world.core.import_authorization(ada.id, ada.key, child, Device::default()).await.unwrap();
    let (code, _) = world.core.show_code(bob.phone).await.unwrap();
    let sent = world.core.send_code(bob.phone, world.address()).await.unwrap();
    world.recorder.take();
    let request = SignIn { auth_key: ada.key, ..world.request(bob.phone, &sent, &code) };
    world.core.sign_in(request).await.unwrap();
    let told = world.recorder.take();
    let left = told.iter().position(|event| {
        matches!(event, Event::LoggedOut { user, auth_key, .. } if *user == ada.id && *auth_key == ada.key)
    });
    let came = told.iter().position(|event| {
        matches!(event, Event::LoggedIn { user, auth_key } if *user == bob.id && *auth_key == ada.key)
    });
    assert!(left.is_some() && left < came, "{told:?}");
    assert_eq!(world.core.standing(ada.key).await.unwrap(), Standing::LoggedIn(bob.id));
    assert_eq!(world.core.standing(child).await.unwrap(), Standing::Revoked);
    assert_eq!(world.core.authorizations(ada.id).await.unwrap(), []);
}

#[tokio::test]
async fn line_65_logins_are_bounded_and_the_longest_unused_goes() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let mut devices = vec![ada];
    for _ in 0..99 {
        world.pass_s(3600);
        devices.push(world.device(ada).await);
    }
    let touched = devices[0].key;
    world.core.touch_authorization(ada.id, touched, Device::default()).await.unwrap();
    world.pass_s(3600);
    let newest = world.device(ada).await;
    let logins = world.core.authorizations(ada.id).await.unwrap();
    assert_eq!(logins.len(), 100);
    assert_eq!(logins[0].auth_key, newest.key);
    assert_eq!(world.core.standing(touched).await.unwrap(), Standing::LoggedIn(ada.id));
    assert_eq!(world.core.standing(devices[1].key).await.unwrap(), Standing::Revoked);
}
