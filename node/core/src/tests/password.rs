//! Line 62: the second factor on every way in, its changes, and ways back for who forgot it.

use keys::srp;
use node_store::{Keyspace, Order, Store as _};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::login::outbound;
use super::world::{Member, Ways, World};
use crate::*;

const DAY_S: u64 = 24 * 3600;

/// The client's side of one password.
pub(super) fn secret(offer: &Offer, password: &str) -> NewSecret {
    let salt1 = [&offer.salt1[..], &[7; 32]].concat();
    let salt2 = offer.salt2.to_vec();
    let x = srp::password_hash(password.as_bytes(), &salt1, &salt2);
    let v = srp::verifier_value(&x).to_vec();
    NewSecret::Set { salt1, salt2, v, hint: "the usual".into() }
}

/// What who knows (or believes to know) the password answers.
pub(super) fn answer(question: &Question, password: &str) -> Option<Proof> {
    let x = srp::password_hash(password.as_bytes(), &question.salt1, &question.salt2);
    let rng = &mut StdRng::seed_from_u64(5);
    let (salt1, salt2) = (&question.salt1, &question.salt2);
    let (a, m1) = srp::answer(&x, salt1, salt2, &question.b, rng).unwrap();
    Some(Proof { id: question.id, a: a.to_vec(), m1: m1.to_vec() })
}

pub(super) async fn ask(world: &World, by: Member) -> Question {
    world.core.password(by.id, by.key).await.unwrap().question.expect("there is a password")
}

pub(super) async fn set(world: &World, by: Member, password: &str) {
    let view = world.core.password(by.id, by.key).await.unwrap();
    let change = PasswordChange { secret: Some(secret(&view.offer, password)), email: None };
    let done = world.core.update_password(by.id, by.key, None, change).await.unwrap();
    assert_eq!(done, PasswordChanged::Done);
}

/// A key that has shown a code of `member`.
pub(super) async fn half(world: &World, member: Member) -> Member {
    let (code, _) = world.core.show_code(member.phone).await.unwrap();
    let sent = world.core.send_code(member.phone, world.address()).await.unwrap();
    let request = world.request(member.phone, &sent, &code);
    let key = request.auth_key;
    assert_eq!(world.core.sign_in(request).await.unwrap(), Login::PasswordNeeded(member.id));
    Member { key, ..member }
}

async fn check(world: &World, by: Member, password: &str) -> CoreResult<UserId> {
    let proof = answer(&ask(world, by).await, password);
    world.core.check_password(by.key, proof, world.address()).await
}

#[tokio::test]
async fn line_62_every_login_stops_at_the_password() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let before = world.core.password(ada.id, ada.key).await.unwrap();
    assert!(before.question.is_none() && before.hint.is_empty());
    set(&world, ada, "correct horse").await;

    // By code: the key may do nothing but show the password.
    world.recorder.take();
    let second = half(&world, ada).await;
    let pending = Standing::PasswordNeeded(ada.id);
    assert_eq!(world.core.standing(second.key).await.unwrap(), pending);
    let events = world.recorder.take();
    assert!(!events.iter().any(|event| matches!(event, Event::LoggedIn { .. })), "{events:?}");
    // By export: a login that waits has nothing to pass on.
    let child = AuthKeyId(world.number());
    let device = Device::default();
    let imported = world.core.import_authorization(ada.id, second.key, child, device.clone()).await;
    assert!(matches!(imported, Err(CoreError::UnknownAuthorization)), "{imported:?}");
    // By a QR code.
    let key = AuthKeyId(world.number());
    let shown = world.core.export_login_token(key, device.clone(), Vec::new()).await.unwrap();
    let LoginToken::Waiting { token, .. } = shown else { panic!("{shown:?}") };
    let taken = world.core.accept_login_token(ada.id, token.to_vec()).await.unwrap();
    assert!(taken.pending_until.is_some());
    let told = world.core.export_login_token(key, device, Vec::new()).await.unwrap();
    assert_eq!(told, LoginToken::Accepted(Login::PasswordNeeded(ada.id)));

    let logins = world.core.authorizations(ada.id).await.unwrap();
    assert_eq!(logins.iter().filter(|login| login.pending_until.is_some()).count(), 2);
    let world = world.reopen();
    assert_eq!(world.core.standing(second.key).await.unwrap(), pending, "a restart ends no wait");
    let wrong = check(&world, second, "wrong horse").await;
    assert!(matches!(wrong, Err(CoreError::PasswordInvalid)), "{wrong:?}");
    assert_eq!(world.core.standing(second.key).await.unwrap(), pending);
    assert_eq!(check(&world, second, "correct horse").await.unwrap(), ada.id);
    assert_eq!(world.core.standing(second.key).await.unwrap(), Standing::LoggedIn(ada.id));
    let by_qr = Member { key, ..ada };
    assert_eq!(check(&world, by_qr, "correct horse").await.unwrap(), ada.id);

    // A wait ends, and its owner learns of it.
    let late = half(&world, ada).await;
    world.pass_s(3600);
    assert_eq!(world.core.standing(late.key).await.unwrap(), Standing::Unknown);
    let refused = check(&world, late, "correct horse").await;
    assert!(matches!(refused, Err(CoreError::UnknownAuthorization)), "{refused:?}");
    world.core.end_unused(UserId(0)).await.unwrap();
    let service = Member { id: UserId::SERVICE, ..ada };
    assert!(world.texts(ada, service).await[0].starts_with("Somebody had a login code"));
    assert_eq!(world.core.authorizations(ada.id).await.unwrap().len(), 3);
}

#[tokio::test]
async fn line_62_a_question_is_good_once_for_one_key_and_not_for_long() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    set(&world, ada, "secret").await;
    let (one, two) = (half(&world, ada).await, half(&world, ada).await);
    let core = world.core.clone();
    let check = |by: Member, proof: Option<Proof>| {
        let (core, from) = (core.clone(), world.address());
        async move { core.check_password(by.key, proof, from).await }
    };
    let first = ask(&world, one).await;
    let second = ask(&world, one).await;
    assert_ne!((first.id, &first.b), (second.id, &second.b), "fresh each time");
    let unknown = |result: &CoreResult<UserId>| matches!(result, Err(CoreError::UnknownQuestion));
    let replaced = check(one, answer(&first, "secret")).await;
    assert!(unknown(&replaced), "{replaced:?}");
    let foreign = check(two, answer(&second, "secret")).await;
    assert!(unknown(&foreign), "{foreign:?}");
    // A wrong answer uses it up.
    assert!(check(one, answer(&second, "wrong")).await.is_err());
    let used = check(one, answer(&second, "secret")).await;
    assert!(unknown(&used), "{used:?}");
    let old = ask(&world, one).await;
    world.pass_s(300);
    let late = check(one, answer(&old, "secret")).await;
    assert!(unknown(&late), "{late:?}");
    for bad in
        [None, Some(Proof { id: ask(&world, one).await.id, a: vec![1; 300], m1: vec![0; 32] })]
    {
        let refused = check(one, bad).await;
        assert!(matches!(refused, Err(CoreError::PasswordInvalid)), "{refused:?}");
    }
    let short = Proof { m1: vec![0; 31], ..answer(&ask(&world, one).await, "secret").unwrap() };
    let refused = check(one, Some(short)).await;
    assert!(matches!(refused, Err(CoreError::PasswordInvalid)), "{refused:?}");

    // Another password meanwhile.
    let asked = ask(&world, one).await;
    let proof = answer(&ask(&world, ada).await, "secret");
    let offer = world.core.password(two.id, two.key).await.unwrap().offer;
    let change = PasswordChange { secret: Some(secret(&offer, "other")), email: None };
    core.update_password(ada.id, ada.key, proof, change).await.unwrap();
    let stale = check(one, answer(&asked, "secret")).await;
    assert!(matches!(stale, Err(CoreError::PasswordChanged)), "{stale:?}");
}

#[tokio::test]
async fn line_62_tries_are_counted_over_restarts() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    set(&world, ada, "secret").await;
    for _ in 0..20 {
        let proof = answer(&ask(&world, ada).await, "secret");
        world.core.password_email(ada.id, ada.key, proof).await.unwrap();
    }
    let mut tries = 0;
    let wait_s = loop {
        assert!(tries < 20, "nothing stops the guessing");
        let guessing = half_later(&world, ada, tries).await;
        match check(&world, guessing, "guess").await {
            Err(CoreError::PasswordInvalid) => tries += 1,
            Err(CoreError::Flood { wait_s }) => break wait_s,
            other => panic!("{other:?}"),
        }
        if tries == 5 {
            world = world.reopen();
        }
    };
    assert_eq!(tries, 10, "and none of them the right one, which would not count");
    assert!((1..=720).contains(&wait_s), "{wait_s}");
}

/// The same waiting key for all tries.
async fn half_later(world: &World, member: Member, tries: usize) -> Member {
    if tries == 0 { half(world, member).await } else { pending(world, member).await }
}

async fn pending(world: &World, member: Member) -> Member {
    let logins = world.core.authorizations(member.id).await.unwrap();
    let waits = logins.iter().find(|login| login.pending_until.is_some()).unwrap();
    Member { key: waits.auth_key, ..member }
}

#[tokio::test]
async fn line_62_a_change_needs_the_old_password_and_the_offered_salts() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let core = world.core.clone();
    let offer = core.password(ada.id, ada.key).await.unwrap().offer;
    let update = |proof: Option<Proof>, secret: Option<NewSecret>| {
        let core = core.clone();
        let change = PasswordChange { secret, email: None };
        async move { core.update_password(ada.id, ada.key, proof, change).await }
    };
    let NewSecret::Set { salt1, salt2, v, hint } = secret(&offer, "one") else { panic!() };
    let with = |salt1: &[u8], salt2: &[u8], v: &[u8], hint: &str| {
        let (salt1, salt2, v) = (salt1.to_vec(), salt2.to_vec(), v.to_vec());
        Some(NewSecret::Set { salt1, salt2, v, hint: hint.into() })
    };
    let long = [&salt1[..], &[0; 100]].concat();
    for bad in [
        with(&salt1[..8], &salt2, &v, &hint),
        with(&salt1[1..], &salt2, &v, &hint),
        with(&long, &salt2, &v, &hint),
        with(&salt1, &salt2[1..], &v, &hint),
    ] {
        let refused = update(None, bad).await;
        assert!(matches!(refused, Err(CoreError::NewSaltInvalid)), "{refused:?}");
    }
    for bad in [
        with(&salt1, &salt2, &[0; 256], &hint),
        with(&salt1, &salt2, &v, &"x".repeat(256)),
        Some(NewSecret::Remove),
    ] {
        let refused = update(None, bad).await;
        assert!(matches!(refused, Err(CoreError::NewSettingsInvalid)), "{refused:?}");
    }
    let empty = update(None, None).await;
    assert!(matches!(empty, Err(CoreError::NewSettingsEmpty)), "{empty:?}");
    // Whoever came today sets no first password where somebody was before.
    world.pass_s(10);
    let thief = world.device(ada).await;
    let change = PasswordChange { secret: with(&salt1, &salt2, &v, &hint), email: None };
    let refused = core.update_password(ada.id, thief.key, None, change).await;
    assert!(matches!(refused, Err(CoreError::FreshReset)), "{refused:?}");

    update(None, with(&salt1, &salt2, &v, &hint)).await.unwrap();
    let view = core.password(ada.id, ada.key).await.unwrap();
    assert_eq!(&*view.hint, "the usual");
    assert_ne!(view.offer, offer, "other salts for the next one");
    for proof in [None, answer(&view.question.unwrap(), "wrong")] {
        let refused = update(proof, Some(NewSecret::Remove)).await;
        assert!(matches!(refused, Err(CoreError::PasswordInvalid)), "{refused:?}");
    }
    let proof = answer(&ask(&world, ada).await, "one");
    update(proof, Some(secret(&view.offer, "two"))).await.unwrap();
    let proof = answer(&ask(&world, ada).await, "two");
    update(proof, Some(NewSecret::Remove)).await.unwrap();
    assert!(core.password(ada.id, ada.key).await.unwrap().question.is_none());
    world.device(ada).await;
}

#[tokio::test]
async fn line_62_what_is_kept_is_sealed() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let offer = world.core.password(ada.id, ada.key).await.unwrap().offer;
    let NewSecret::Set { v, salt1, .. } = secret(&offer, "secret") else { panic!() };
    set(&world, ada, "secret").await;
    let rows = world.disk.scan(Keyspace::PASSWORDS, &[], None, 10, Order::Ascending).unwrap();
    let [(_, row)] = &rows[..] else { panic!("{}", rows.len()) };
    for plain in [&v[..32], &salt1[..], b"the usual"] {
        assert!(!row.windows(plain.len()).any(|part| part == plain));
    }
}

/// A member with a password and a confirmed address, and the node that mails.
async fn with_email() -> (World, Member) {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let world = world.with_ways(Ways { mail: true, ..Ways::default() });
    let offer = world.core.password(ada.id, ada.key).await.unwrap().offer;
    let email = Some("ada@example.org".to_owned());
    let change = PasswordChange { secret: Some(secret(&offer, "secret")), email };
    outbound(&world);
    let done = world.core.update_password(ada.id, ada.key, None, change).await.unwrap();
    assert_eq!(done, PasswordChanged::EmailUnconfirmed(6));
    (world, ada)
}

fn mailed(world: &World, purpose: Purpose) -> String {
    let [sent] = <[Outbound; 1]>::try_from(outbound(world)).unwrap();
    assert_eq!((sent.purpose, sent.email.as_deref()), (purpose, Some("ada@example.org")));
    sent.code
}

fn wrong(code: &str) -> String {
    if code == "000000" { "000001".into() } else { "000000".into() }
}

#[tokio::test]
async fn line_62_an_address_is_confirmed_before_anything_is_done() {
    let (world, ada) = with_email().await;
    let core = world.core.clone();
    let code = mailed(&world, Purpose::EmailVerification);
    let view = core.password(ada.id, ada.key).await.unwrap();
    assert!(view.question.is_none(), "the password waits with its address");
    assert_eq!(view.unconfirmed_email.as_deref(), Some("a***@e***.org"));
    let confirm = |code: &str| {
        let (core, code) = (core.clone(), code.to_owned());
        async move { core.confirm_password_email(ada.id, ada.key, code).await }
    };
    for _ in 0..5 {
        let refused = confirm(&wrong(&code)).await;
        assert!(matches!(refused, Err(CoreError::EmailCodeInvalid)), "{refused:?}");
    }
    let over = confirm(&code).await;
    assert!(matches!(over, Err(CoreError::MailCodeExpired)), "{over:?}");
    assert_eq!(core.resend_password_email(ada.id).await.unwrap(), 6);
    let code = mailed(&world, Purpose::EmailVerification);
    world.pass_s(3600);
    let over = confirm(&code).await;
    assert!(matches!(over, Err(CoreError::MailCodeExpired)), "{over:?}");
    core.resend_password_email(ada.id).await.unwrap();
    confirm(&mailed(&world, Purpose::EmailVerification)).await.unwrap();
    let proof = answer(&ask(&world, ada).await, "secret");
    let email = core.password_email(ada.id, ada.key, proof).await.unwrap();
    assert_eq!(email.as_deref(), Some("ada@example.org"));
    // Taken back, nothing is done; and what cannot be mailed to is refused.
    let change = |email: &str| PasswordChange { secret: None, email: Some(email.into()) };
    let proof = answer(&ask(&world, ada).await, "secret");
    core.update_password(ada.id, ada.key, proof, change("new@example.org")).await.unwrap();
    core.cancel_password_email(ada.id).await.unwrap();
    let twice = core.cancel_password_email(ada.id).await;
    assert!(matches!(twice, Err(CoreError::MailCodeExpired)), "{twice:?}");
    let proof = answer(&ask(&world, ada).await, "secret");
    let refused = core.update_password(ada.id, ada.key, proof, change("nowhere")).await;
    assert!(matches!(refused, Err(CoreError::EmailInvalid)), "{refused:?}");
    let world = world.with_ways(Ways::default());
    let proof = answer(&ask(&world, ada).await, "secret");
    let core = &world.core;
    let refused = core.update_password(ada.id, ada.key, proof, change("a@b.org")).await;
    assert!(matches!(refused, Err(CoreError::EmailNotAllowed)), "{refused:?}");
    let nothing = core.request_recovery(ada.id).await;
    assert!(matches!(nothing, Err(CoreError::RecoveryNotAvailable)), "{nothing:?}");
}

#[tokio::test]
async fn line_62_a_forgotten_password_is_recovered_by_mail() {
    let (world, ada) = with_email().await;
    let core = world.core.clone();
    let code = mailed(&world, Purpose::EmailVerification);
    core.confirm_password_email(ada.id, ada.key, code).await.unwrap();
    world.pass_s(3600);
    let waits = half(&world, ada).await;
    outbound(&world);
    let none = core.check_recovery(ada.id, "000000".into()).await;
    assert!(matches!(none, Err(CoreError::RecoveryExpired)), "{none:?}");
    assert_eq!(core.request_recovery(ada.id).await.unwrap(), "a***@e***.org");
    let code = mailed(&world, Purpose::PasswordRecovery);
    let refused = core.check_recovery(ada.id, wrong(&code)).await;
    assert!(matches!(refused, Err(CoreError::EmailCodeInvalid)), "{refused:?}");
    core.check_recovery(ada.id, code.clone()).await.unwrap();
    let offer = core.password(ada.id, waits.key).await.unwrap().offer;
    let new = Some(secret(&offer, "new"));
    core.recover_password(ada.id, waits.key, code.clone(), new).await.unwrap();
    assert_eq!(core.standing(waits.key).await.unwrap(), Standing::LoggedIn(ada.id));
    let used = core.recover_password(ada.id, waits.key, code, None).await;
    assert!(matches!(used, Err(CoreError::RecoveryExpired)), "{used:?}");
    let another = half(&world, ada).await;
    assert!(check(&world, another, "secret").await.is_err());
    assert_eq!(check(&world, another, "new").await.unwrap(), ada.id);
}

#[tokio::test]
async fn line_62_a_forgotten_password_is_removed_after_a_week_unless_somebody_refuses() {
    let mut world = World::new().await;
    let ada = world.member("Ada").await;
    let core = world.core.clone();
    let nothing = core.reset_password(ada.id, ada.key).await;
    assert!(matches!(nothing, Err(CoreError::PasswordEmpty)), "{nothing:?}");
    set(&world, ada, "secret").await;
    let nothing = core.decline_password_reset(ada.id).await;
    assert!(matches!(nothing, Err(CoreError::ResetMissing)), "{nothing:?}");
    let asked = core.reset_password(ada.id, ada.key).await.unwrap();
    let PasswordReset::Requested(at) = asked else { panic!("{asked:?}") };
    assert_eq!(core.password(ada.id, ada.key).await.unwrap().reset_at, Some(at));
    core.decline_password_reset(ada.id).await.unwrap();
    let refused = core.reset_password(ada.id, ada.key).await.unwrap();
    assert!(matches!(refused, PasswordReset::Refused(_)), "{refused:?}");
    world.pass_s(DAY_S);
    let asked = core.reset_password(ada.id, ada.key).await.unwrap();
    assert!(matches!(asked, PasswordReset::Requested(_)), "{asked:?}");
    world.pass_s(7 * DAY_S - 1);
    assert_eq!(core.reset_password(ada.id, ada.key).await.unwrap(), asked, "not yet");
    world.pass_s(1);
    let done = core.reset_password(ada.id, ada.key).await.unwrap();
    assert_eq!(done, PasswordReset::Done);
    world.device(ada).await;
}
