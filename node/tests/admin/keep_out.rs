//! A member who is kept out, let in again, and deleted.

use serde_json::json;

use crate::clients::TELETHON;
use crate::desk::{Browser, join};
use crate::driver::Driver;
use crate::support::node::TestNode;

pub(crate) fn play(node: &TestNode, desk: &mut Browser, owner: &mut Driver) {
    let invite = node.invite();
    let mut dee = join(node, "Dee", &invite);
    let (phone, page) = (&invite.0, format!("/admin/people/{}", dee.user));
    owner.command("find", json!({ "phone": phone }));
    dee.command("find", json!({ "phone": node.owner.as_ref().expect("an owner").0 }));
    dee.send(owner.user, "before");
    owner.expect(&json!({ "event": "message", "text": "before" }));

    // Suspended: out at once, and not in again.
    let first = "#keep-out details:nth-of-type(1)";
    let twice =
        json!([{ "click": format!("{first} summary") }, { "submit": format!("{first} button") }]);
    let words = ["Logged in nowhere", "suspended", "logged out everywhere", "Let in again"];
    desk.sees(360, &page, twice.clone(), &words);
    assert_eq!(dee.refused("get_state", json!({})).0, 401);
    let mut again = Driver::start(&TELETHON, "Dee again", node);
    let refused = again.refused("send_code", json!({ "phone": phone }));
    assert_eq!(refused, (400, "PHONE_NUMBER_BANNED".into()));
    let listed = node.command(&["user", "list", "--json", "Dee"]);
    assert!(listed["rows"][0]["suspended"].is_i64(), "{listed}");
    owner.send(dee.user, "meanwhile");

    // Let in again: everything is there.
    let undo = json!([{ "submit": "#keep-out .act button" }]);
    desk.sees(1280, &page, undo, &["can log in again", "Suspend…"]);
    let code = node.command(&["code", "--json", "--phone", phone]);
    let code = code["code"].as_str().expect("a code");
    again.command("send_code", json!({ "phone": phone }));
    let done = again.command("sign_in", json!({ "phone": phone, "code": code }));
    assert_eq!((&done["signed_up"], &done["user_id"]), (&json!(false), &json!(dee.user)));
    // A new login knows nobody before it has seen its chats.
    again.command("dialogs", json!({}));
    let texts = |driver: &mut Driver, with: i64| {
        let told = driver.history(with, 10, 0);
        told.iter().map(|one| one["text"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let said: Vec<String> = texts(&mut again, owner.user);
    assert_eq!(said, ["meanwhile", "before"]);

    // The same by command; and for good.
    node.command(&["user", "suspend", "--json", "--phone", phone]);
    assert_eq!(again.refused("get_state", json!({})).0, 401);
    node.command(&["user", "unsuspend", "--json", "--phone", phone]);
    node.command(&["user", "delete", "--json", "--phone", phone, "--yes"]);
    assert_eq!(node.command(&["user", "list", "--json", "Dee"])["total"], 0);
    let said: Vec<String> = texts(owner, dee.user);
    assert_eq!(said, ["meanwhile", "before"], "what was said stays");
    let gone = desk.walk(360, &page, json!([]));
    assert!(gone["text"].as_str().unwrap_or_default().contains("no such member"), "{gone:#}");
}
