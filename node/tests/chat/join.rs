//! A further login of an account, with the code that comes to the first.

use serde_json::{Value, json};

use crate::clients::Client;
use crate::driver::{Driver, SOON};
use crate::support::node::TestNode;

/// A login code out of a message of the service account: the one run of six digits.
pub(crate) fn code_in(event: &Value) -> String {
    let text = event["text"].as_str().expect("a message has a text");
    // Addresses of pages have digits of their own.
    let words = text.split_whitespace().filter(|word| !word.starts_with("http"));
    let runs = words.flat_map(|word| word.split(|c: char| !c.is_ascii_digit()));
    match runs.filter(|run| run.len() == 6).collect::<Vec<_>>()[..] {
        [code] => code.to_owned(),
        _ => panic!("not one code of six digits: {text:?}"),
    }
}

/// Waits for the message of the service account that brings a login code, and reads it.
pub(crate) fn expect_code(driver: &mut Driver) -> String {
    let event = driver.expect_event("a login code", SOON, |event| {
        let text = event["text"].as_str();
        event["event"] == "service" && text.is_some_and(|text| text.starts_with("Login code"))
    });
    code_in(&event)
}

/// Logs another client in to the account of `first`, with the code that arrives there.
pub(crate) fn join(
    node: &TestNode,
    first: &mut Driver,
    phone: &str,
    client: &'static Client,
) -> Driver {
    let mut other = Driver::start(client, "other", node);
    sign_in(first, phone, &mut other);
    other
}

/// [`join`] for a client that runs.
pub(crate) fn sign_in(first: &mut Driver, phone: &str, other: &mut Driver) {
    other.command("send_code", json!({ "phone": phone }));
    let code = expect_code(first);
    let done = other.command("sign_in", json!({ "phone": phone, "code": code }));
    assert_eq!(done["signed_up"], false, "{done}");
    assert_eq!(done["user_id"], first.user, "{done}");
    other.user = first.user;
    // mtcute asks where the box is by itself once it is logged in: what comes before it knows is
    // history to it, and no event.
    other.settle();
}
