//! The first login of a node, and the invites of its owner.

use serde_json::json;

use crate::clients::{self, GRAMJS, PYROGRAM, TELETHON};
use crate::driver::{Driver, SOON};
use crate::join::code_in;
use crate::support::node::TestNode;

/// The node's own account.
const SERVICE: i64 = 777_000;

/// The number in a text: `+888` and eight digits, with or without spaces.
fn number_in(text: &str) -> String {
    let from = text.find("+888").unwrap_or_else(|| panic!("no number in {text:?}"));
    let digits = text[from..].chars().filter(char::is_ascii_digit).take(11);
    format!("+{}", digits.collect::<String>())
}

/// What the node answers to a message: the first that comes after it.
fn ask(driver: &mut Driver, question: &str) -> String {
    let sent = driver.send(SERVICE, question);
    let answer = driver.expect_event(&format!("an answer to {question}"), SOON, |event| {
        event["event"] == "service" && event["id"].as_i64().is_some_and(|id| id > sent)
    });
    answer["text"].as_str().expect("a message has a text").to_owned()
}

#[test]
fn the_owner_invites_by_the_service_account() {
    if clients::any_skipped(&[&TELETHON, &GRAMJS, &PYROGRAM]) {
        return;
    }
    let mut node = TestNode::start();
    let owner = node.owner.clone().expect("a first start prints the owner's invite");
    node.restart();
    assert_eq!(node.owner, None, "it is said once");

    let mut first = Driver::start(&TELETHON, "owner", &node);
    let mut wrong = owner.clone();
    wrong.1 = if owner.1 == "000000" { "000001".into() } else { "000000".into() };
    let fields = json!({ "phone": wrong.0, "code": wrong.1, "first_name": "Mallory" });
    assert_eq!(first.refused("login", fields), (400, "PHONE_CODE_INVALID".into()));
    assert!(first.login(&owner), "the owner signs up");
    // The node has greeted its owner; a client that lists its dialogs knows whom to answer.
    first.dialog(SERVICE);
    let help = ask(&mut first, "/help");
    assert!(help.contains("/invite"), "{help:?}");
    let answer = ask(&mut first, "/invite");
    let (phone, code) = (number_in(&answer), code_in(&json!({ "text": answer })));
    assert_ne!(phone, owner.0);

    let mut guest = Driver::start(&GRAMJS, "guest", &node);
    assert!(guest.login(&(phone.clone(), code.clone())), "the guest signs up");
    assert_ne!(guest.user, first.user);
    first.expect_event("that the guest has joined", SOON, |event| {
        let text = event["text"].as_str();
        event["event"] == "service" && text.is_some_and(|text| text.contains("gramjs"))
    });

    // An invite is good for one; the number is the guest's now, and its codes go to the guest.
    let mut other = Driver::start(&PYROGRAM, "other", &node);
    let fields = json!({ "phone": phone, "code": code, "first_name": "Mallory" });
    let (status, name) = other.refused("login", fields);
    assert_eq!(status, 400, "{name}");
    assert!(["PHONE_CODE_INVALID", "PHONE_CODE_EXPIRED"].contains(&&name[..]), "{name}");
    guest.expect(&json!({ "event": "service" }));

    // The two find each other by username, and one invite more did not make one owner more.
    first.command("set_username", json!({ "username": "keeper" }));
    let found = guest.command("resolve", json!({ "username": "keeper" }));
    assert_eq!(found["user_id"], first.user);
    let came = guest.send(first.user, "hello");
    first.expect(&json!({ "event": "message", "peer": guest.user, "text": "hello" }));
    assert_eq!(guest.history(first.user, 1, 0)[0]["id"], came);
}
