//! Three members, each with another client.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clients::{self, Client, PYROGRAM, TDLIB, TELETHON};
use crate::driver::{Driver, SOON};
use crate::support::isolation::isolated;
use crate::support::node::{Setup, TestNode};
use crate::team::Team;

const WITHIN: Duration = Duration::from_secs(400);

/// Message ids of TDLib are the server's, shifted.
const TDLIB_ID_SHIFT: u32 = 20;

const CLIENTS: [&Client; 3] = [&TELETHON, &PYROGRAM, &TDLIB];

/// What links begin with.
pub(crate) const PREFIX: &str = "https://rookery.example/";

/// Three clients on one node; all show their updates.
pub(crate) struct Scene {
    pub(crate) node: TestNode,
    /// Telethon.
    pub(crate) ada: Driver,
    /// Pyrogram.
    pub(crate) bob: Driver,
    /// TDLib.
    pub(crate) tina: Driver,
}

/// Plays a scene in a namespace of its own. `test` is the full name of the test.
pub(crate) fn play(test: &str, body: impl FnOnce(Scene)) {
    if clients::any_skipped(&CLIENTS) {
        return;
    }
    clients::install(&CLIENTS);
    isolated(test, WITHIN, || {
        let config = format!("[http]\npublic_url = \"{PREFIX}\"\n");
        let node = TestNode::start_with(Setup { config, ..Setup::default() });
        let Team { node, mut members, .. } = Team::gather_on(node, &CLIENTS);
        for driver in &mut members {
            driver.show_updates();
            if driver.client.name == "tdlib" {
                // What comes while it reads its first dialogs is no new message to it.
                driver.command("dialogs", json!({}));
            }
        }
        let Ok([ada, bob, tina]) = <[Driver; 3]>::try_from(members) else { unreachable!() };
        body(Scene { node, ada, bob, tina });
    });
}

impl Scene {
    /// A group that ada makes, which all three see: its number.
    pub(crate) fn group(&mut self, title: &str) -> i64 {
        let users = json!([{ "user": self.bob.user }, { "user": self.tina.user }]);
        let made =
            self.ada.invoke("messages.CreateChat", json!({ "users": users, "title": title }));
        assert_eq!(made["missing_invitees"], json!([]), "{made}");
        let chat = made["updates"]["chats"][0]["id"].as_i64().expect("a group");
        self.bob.expect_event("the new group", SOON, |event| {
            event["_"] == "UpdateNewMessage"
                && event["message"]["action"]["_"] == "MessageActionChatCreate"
        });
        self.tina.expect_event("the new group", SOON, |event| {
            event["@type"] == "updateNewMessage"
                && event["message"]["content"]["@type"] == "messageBasicGroupChatCreate"
        });
        chat
    }
}

/// TDLib's number of a message.
pub(crate) fn td_id(id: i64) -> i64 {
    id << TDLIB_ID_SHIFT
}

/// A text that came.
pub(crate) fn message(driver: &mut Driver, text: &str) -> Value {
    driver.expect(&json!({ "event": "message", "text": text }))
}

/// A raw update of this kind about a service message.
pub(crate) fn service(driver: &mut Driver, action: &str) -> Value {
    driver.expect_event(action, SOON, |event| {
        event["_"] == "UpdateNewMessage" && event["message"]["action"]["_"] == *action
    })
}

/// A new message of TDLib with this content.
pub(crate) fn content(driver: &mut Driver, content: &str) -> Value {
    driver.expect_event(content, SOON, |event| {
        event["@type"] == "updateNewMessage" && event["message"]["content"]["@type"] == *content
    })
}

/// A text by TDLib, delivered.
pub(crate) fn td_send(driver: &mut Driver, chat_id: i64, text: &str, reply_to: Option<i64>) -> i64 {
    let reply = reply_to.map(|id| {
        json!({ "@type": "inputMessageReplyToMessage", "message_id": td_id(id), "checklist_task_id": 0 })
    });
    driver.request(
        "sendMessage",
        json!({
            "chat_id": chat_id, "reply_to": reply,
            "input_message_content": {
                "@type": "inputMessageText", "text": { "@type": "formattedText", "text": text },
            },
        }),
    );
    let sent = driver.expect_event("the sent message", SOON, |event| {
        event["@type"] == "updateMessageSendSucceeded"
            && event["message"]["content"]["text"]["text"] == *text
    });
    let sent = &sent["message"];
    // TDLib sends without the reply, and says nothing, if it does not know what is answered.
    let answered = sent["reply_to"]["message_id"].as_i64().map(|id| id >> TDLIB_ID_SHIFT);
    assert_eq!(answered, reply_to, "{sent}");
    sent["id"].as_i64().expect("a message has an id") >> TDLIB_ID_SHIFT
}

/// Nobody complains.
pub(crate) fn assert_no_complaints(driver: &mut Driver) {
    let log = driver.command("log", json!({}));
    if log["lines"].as_array().is_none_or(|lines| !lines.is_empty()) {
        driver.fail(&format!("the library complains: {log}"));
    }
}

/// Nothing but this, which it always says.
pub(crate) fn assert_complains_only_of(driver: &mut Driver, known: &str) {
    let log = driver.command("log", json!({}));
    let lines = log["lines"].as_array().expect("lines");
    if lines.iter().any(|line| line.as_str().is_none_or(|line| !line.contains(known))) {
        driver.fail(&format!("the library complains: {log}"));
    }
}
