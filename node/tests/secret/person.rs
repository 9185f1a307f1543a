//! Somebody at the end of a secret chat.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clients::Client;
use crate::driver::{Driver, SOON};
use crate::join::sign_in;
use crate::support::node::TestNode;

/// What crosses two nodes after one of them was killed, or the line cut, comes within this; also while the
/// disk still writes what was built before, and keeps every sync waiting for a minute.
pub(crate) const LATER: Duration = Duration::from_secs(120);

/// Somebody, and the secret chat that they have with somebody else.
pub(crate) struct Person {
    pub(crate) driver: Driver,
    /// The number to log in with.
    pub(crate) phone: String,
    /// The other one's number at this one's node.
    pub(crate) other: i64,
    /// The chat's number at this end; 0 before it is known.
    pub(crate) chat: i64,
    /// Where the client shows its messages.
    pub(crate) dialog: i64,
}

impl Person {
    /// A new member of a node. `label` tells several clients of one kind apart.
    pub(crate) fn join(node: &TestNode, client: &'static Client, label: &str) -> Self {
        let invite = node.invite();
        let mut driver = Driver::start(client, label, node);
        assert!(driver.login(&invite), "an invited number signs up");
        // What comes while TDLib reads its first dialogs is no new message to it.
        driver.command("dialogs", json!({}));
        Self { driver, phone: invite.0, other: 0, chat: 0, dialog: 0 }
    }

    /// The same person with another device.
    pub(crate) fn again(&mut self, node: &TestNode, label: &str) -> Self {
        let mut driver = Driver::start(self.driver.client, label, node);
        sign_in(&mut self.driver, &self.phone, &mut driver);
        driver.command("dialogs", json!({}));
        Self { driver, phone: self.phone.clone(), other: self.other, chat: 0, dialog: 0 }
    }

    /// Finds somebody of the same node.
    pub(crate) fn finds(&mut self, other: &Self) {
        let found = self.driver.command("find", json!({ "phone": other.phone }));
        self.other = found["user_id"].as_i64().expect("somebody");
    }

    /// Closes the client.
    pub(crate) fn goes(&mut self) {
        self.driver.quit();
    }

    /// Opens it again.
    pub(crate) fn comes(&mut self) {
        self.driver.resume();
    }

    /// Gives a command about the chat.
    pub(crate) fn secret(&mut self, name: &str, more: Value) -> Value {
        let Value::Object(mut fields) = more else { panic!("fields are an object: {more}") };
        fields.insert("dialog".into(), self.dialog.into());
        self.driver.command(name, Value::Object(fields))
    }

    /// Asks the other one for a secret chat.
    pub(crate) fn asks(&mut self) {
        self.awaits();
        let made = self.driver.command("secret_create", json!({ "user": self.other }));
        self.is_in(&made);
    }

    /// The next chat is another one.
    pub(crate) fn awaits(&mut self) {
        self.driver.forget();
        (self.chat, self.dialog) = (0, 0);
    }

    fn is_in(&mut self, chat: &Value) {
        let number = |name: &str| chat[name].as_i64().expect("a number");
        (self.chat, self.dialog) = (number("chat"), number("dialog"));
    }

    /// Waits until the chat is in one of these states: what the client shows of it.
    pub(crate) fn sees_any(&mut self, states: &[&str]) -> Value {
        let known = self.chat;
        let shown = self.driver.expect_event(&format!("{states:?}"), LATER, |event| {
            event["event"] == "secret_state"
                && event["state"].as_str().is_some_and(|state| states.contains(&state))
                && (known == 0 || event["chat"] == known)
        });
        self.is_in(&shown);
        shown
    }

    /// [`Person::sees_any`] of one.
    pub(crate) fn sees(&mut self, state: &str) -> Value {
        self.sees_any(&[state])
    }

    /// The state of the chat.
    pub(crate) fn state(&mut self) -> String {
        let shown = self.driver.command("secret_state", json!({ "chat": self.chat }));
        shown["state"].as_str().expect("a state").to_owned()
    }

    /// Ends the chat; when this is over, the node has it.
    pub(crate) fn ends(&mut self) {
        self.driver.command("secret_close", json!({ "chat": self.chat }));
    }

    /// Sends a text: its number at this end.
    pub(crate) fn says(&mut self, text: &str) -> i64 {
        number(&self.secret("secret_send", json!({ "text": text })))
    }

    /// Sends them all at once, and waits until all are sent.
    pub(crate) fn says_all(&mut self, texts: &[String]) {
        self.secret("secret_send_many", json!({ "texts": texts }));
    }

    /// The text comes.
    pub(crate) fn hears(&mut self, text: &str) -> Value {
        let dialog = self.dialog;
        let wanted = json!({ "event": "secret_message", "dialog": dialog, "text": text });
        self.driver.expect_within(LATER, &wanted)
    }

    /// Something of this kind comes.
    pub(crate) fn gets(&mut self, kind: &str) -> Value {
        let dialog = self.dialog;
        let wanted = json!({ "event": "secret_message", "dialog": dialog, "kind": kind });
        self.driver.expect_within(LATER, &wanted)
    }

    /// A message goes by itself, or because the other one deletes it.
    pub(crate) fn loses(&mut self, message: i64) {
        let dialog = self.dialog;
        self.driver.expect_event(&format!("{message} goes"), SOON, |event| {
            event["event"] == "secret_deleted"
                && event["dialog"] == dialog
                && event["messages"].as_array().is_some_and(|all| all.contains(&message.into()))
        });
    }

    /// The other one has read a message, or what came in the same second: marks have a date, and TDLib names
    /// the last message that is not later.
    pub(crate) fn is_read(&mut self, message: i64) {
        let dialog = self.dialog;
        self.driver.expect_event(&format!("{message} is read"), LATER, |event| {
            event["event"] == "secret_read"
                && event["dialog"] == dialog
                && event["message"].as_i64() >= Some(message)
        });
    }

    /// Texts in the chat that begin with `like`, own ones or the other's, in order.
    pub(crate) fn words(&mut self, own: bool, like: &str) -> Vec<String> {
        let kept = self.secret("secret_history", json!({}));
        let messages = kept["messages"].as_array().expect("messages");
        let texts = messages.iter().filter(|one| one["kind"] == "text" && one["out"] == own);
        let texts = texts.map(|one| one["text"].as_str().expect("a text"));
        texts.filter(|text| text.starts_with(like)).map(str::to_owned).collect()
    }

    /// The library has nothing to complain of, such as a message before its chat.
    pub(crate) fn has_no_complaints(&mut self) {
        let log = self.driver.command("log", json!({}));
        if log["lines"].as_array().is_none_or(|lines| !lines.is_empty()) {
            self.driver.fail(&format!("the library complains: {log}"));
        }
    }
}

/// A message's number.
pub(crate) fn number(message: &Value) -> i64 {
    message["message"].as_i64().unwrap_or_else(|| panic!("no number in {message}"))
}

/// One asks and the other accepts, as clients do by themselves: both have the chat, under one key.
pub(crate) fn begin(asks: &mut Person, accepts: &mut Person) {
    accepts.awaits();
    asks.asks();
    have_one(asks, accepts);
}

/// Both have the chat, under one key.
pub(crate) fn have_one(asks: &mut Person, accepts: &mut Person) {
    let (own, other) = (asks.sees("active"), accepts.sees("active"));
    assert_eq!(own["key"], other["key"], "{own} and {other}");
    assert!(own["key"].as_str().is_some_and(|key| key.len() == 72), "36 bytes: {own}");
    assert_eq!((&own["out"], &other["out"]), (&json!(true), &json!(false)));
    assert_eq!((&own["user"], &other["user"]), (&json!(asks.other), &json!(accepts.other)));
}
