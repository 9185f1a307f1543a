//! Several logins of one account: what the others see, how one ends the others, and what is left.

use std::time::Duration;

use rookery_load::clock;
use serde_json::{Value, json};

use crate::clients::{self, Client, GRAMJS, MTCUTE, PYROGRAM, TELETHON};
use crate::driver::Driver;
use crate::join::{expect_code, join, sign_in};
use crate::support::node::TestNode;

/// Kick-out: sockets are cut within a second.
const CUT_WITHIN: Duration = Duration::from_secs(1);

fn devices(driver: &mut Driver) -> Vec<String> {
    let answer = driver.command("sessions", json!({}));
    let sessions = answer["sessions"].as_array().expect("a list");
    let current = sessions.iter().filter(|one| one["current"] == true).count();
    assert_eq!(current, 1, "{answer}");
    let device = |one: &Value| one["device"].as_str().expect("a name").to_owned();
    let mut devices: Vec<String> = sessions.iter().map(device).collect();
    devices.sort();
    devices
}

/// A member of its own, logged in by an invite; not the owner, whom the node greets.
fn member(node: &TestNode, client: &'static Client) -> (Driver, String) {
    let owner = node.owner.clone().expect("a first start prints the owner's invite");
    assert!(Driver::start(client, "owner", node).login(&owner));
    let invite = node.invite();
    let mut member = Driver::start(client, "first", node);
    assert!(member.login(&invite));
    (member, invite.0)
}

#[test]
fn a_session_is_terminated_within_a_second() {
    if clients::any_skipped(&[&TELETHON, &PYROGRAM, &GRAMJS]) {
        return;
    }
    let node = TestNode::start();
    let (mut first, phone) = member(&node, &TELETHON);
    let mut others = [&PYROGRAM, &GRAMJS].map(|client| join(&node, &mut first, &phone, client));
    assert_eq!(devices(&mut first), ["gramjs", "pyrogram", "telethon"]);
    for other in &mut others {
        assert_eq!(devices(other).len(), 3);
        other.forget();
    }
    first.command("terminate_others", json!({}));
    let begin = clock::now();
    for other in &mut others {
        let left = CUT_WITHIN.saturating_sub(clock::now() - begin);
        other.expect_within(left, &json!({ "event": "disconnected" }));
    }
    // The key has a 401 for every call, over the connections that the libraries make again.
    for other in &mut others {
        let (code, name) = other.refused("sessions", json!({}));
        assert_eq!(code, 401, "{name}");
        assert!(["SESSION_REVOKED", "AUTH_KEY_UNREGISTERED"].contains(&&name[..]), "{name}");
    }
    // Nothing is pushed to them any more; the one that stays is as before.
    let note = first.send("self", "alone");
    assert_eq!(first.history("self", 1, 0)[0]["id"], note);
    assert_eq!(devices(&mut first), ["telethon"]);
    for other in &mut others {
        let came = other.came(&json!({ "event": "message" }));
        assert!(came.is_empty(), "{came:?}");
    }
}

/// Logging out ends the login and not the key: mtcute and gramjs go on with theirs.
#[test]
fn logout_frees_the_key() {
    if clients::any_skipped(&[&TELETHON, &MTCUTE, &GRAMJS]) {
        return;
    }
    let node = TestNode::start();
    let (mut first, phone) = member(&node, &TELETHON);
    for client in [&MTCUTE, &GRAMJS] {
        let mut other = join(&node, &mut first, &phone, client);
        first.send("self", "heard");
        other.expect(&json!({ "event": "message", "text": "heard" }));
        assert_eq!(devices(&mut first), [client.name, "telethon"]);

        other.command("logout", json!({}));
        assert_eq!(devices(&mut first), ["telethon"]);
        let refusal = other.refused("sessions", json!({}));
        assert_eq!(refusal, (401, "AUTH_KEY_UNREGISTERED".into()));
        other.forget();
        first.send("self", "not heard");

        sign_in(&mut first, &phone, &mut other);
        assert_eq!(devices(&mut first), [client.name, "telethon"]);
        first.send("self", "heard again");
        other.expect(&json!({ "event": "message", "text": "heard again" }));
        let came = other.came(&json!({ "event": "message", "text": "not heard" }));
        assert!(came.is_empty(), "{came:?}");
        other.command("logout", json!({}));
    }
}

/// A member's further logins: the code comes to the sessions that are there.
#[test]
fn login_codes_reach_other_sessions() {
    if clients::any_skipped(&[&TELETHON, &MTCUTE, &GRAMJS]) {
        return;
    }
    let node = TestNode::start();
    let (mut first, phone) = member(&node, &TELETHON);
    let mut second = Driver::start(&MTCUTE, "second", &node);
    second.command("send_code", json!({ "phone": phone }));
    let code = expect_code(&mut first);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let refusal = second.refused("sign_in", json!({ "phone": phone, "code": wrong }));
    assert_eq!(refusal, (400, "PHONE_CODE_INVALID".into()));
    let done = second.command("sign_in", json!({ "phone": phone, "code": code }));
    assert_eq!((&done["signed_up"], &done["user_id"]), (&json!(false), &json!(first.user)));

    let mut third = Driver::start(&GRAMJS, "third", &node);
    third.command("send_code", json!({ "phone": phone }));
    let code = expect_code(&mut first);
    assert_eq!(expect_code(&mut second), code);
    third.command("sign_in", json!({ "phone": phone, "code": code }));
    let refusal = third.refused("sign_in", json!({ "phone": phone, "code": code }));
    assert_eq!(refusal, (400, "PHONE_CODE_EXPIRED".into()), "used");

    // What one session sends, the others are told.
    let note = first.send("self", "to all of mine");
    for other in [&mut second, &mut third] {
        other.expect(&json!({ "event": "message", "id": note, "text": "to all of mine" }));
    }
}
