//! What members ask about each other, called by Telethon 1.45.0 (layer 229).

use std::path::Path;

use serde_json::json;

use crate::report::{self, Arguments};
use crate::support::install;
use crate::support::node::TestNode;
use crate::support::skip::skipped;

/// Contacts, names, search, blocking, messages by id, and a login carried to another DC's key.
///
/// How: `telethon/member.py` logs two members in by invites and lets each look at the other.
#[test]
fn telethon_calls_every_member_method() {
    if skipped(&["telethon", "member"]) {
        return;
    }
    let node = TestNode::start();
    // The first member owns the node, and is not limited as others are.
    let [ada, bob] = [(); 2].map(|()| node.invite());
    let (phone, code) = (format!("{},{}", ada.0, bob.0), format!("{},{}", ada.1, bob.1));
    let python = install::python("telethon-1.45.0", "telethon/requirements-1.45.0.txt");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let arguments = Arguments {
        transport: "full",
        phone: Some(&phone),
        code: Some(&code),
        ..Arguments::default()
    };
    let report = report::drive(&node, &python, here, "telethon/member.py", &arguments);
    let expected = json!({
        "imported": [7, true, "Robert"],
        "contact": [true, false, true],
        "book": [[true, false]],
        "book again": "ContactsNotModified",
        "ids": [true],
        "statuses": [true],
        "stranger": [false, "Ada"],
        "number of who knows me": true,
        "settings": [true, true],
        "mutual": true,
        "deleted": false,
        "names": [
            true,
            "bobby_1",
            false,
            [400, "USERNAME_OCCUPIED"],
            [400, "USERNAME_INVALID"],
            true,
            true,
            [400, "PHONE_NOT_OCCUPIED"],
        ],
        "full": ["I build", "Robert", false],
        "search of a contact": [1, 0],
        "search of nobody": [0, 0],
        "search of nothing": [400, "SEARCH_QUERY_EMPTY"],
        "blocked": [[true], true],
        "status to who is blocked": "UserStatusEmpty",
        "history of who blocked": ["heard", "hello"],
        "status": "UserStatusOnline",
        "unblocked": 0,
        "quote": [true, true, "ear", 1, true],
        "quote of nothing": [400, "QUOTE_TEXT_INVALID"],
        "without a random id": [[400, "RANDOM_ID_EMPTY"], [400, "RANDOM_ID_INVALID"]],
        "by id": ["Message", "MessageEmpty"],
        "edit data": [false, [403, "MESSAGE_AUTHOR_REQUIRED"]],
        "contents": [true, 0],
        "lists": [0, 0, 0, 0],
        "peer dialogs": [true, 0],
        "searched": [0, 0, 0],
        "cleared": [[100, 100, 1], [101, 1, 0], 0],
        "carried": [true, true],
        "carried twice": [400, "AUTH_BYTES_INVALID"],
        "devices": [[true, 0]],
        "reset": [true, [401, "SESSION_REVOKED"], 1],
        "no such device": [400, "HASH_INVALID"],
        "told of names": true,
    });
    let seen = report["seen"].as_object().expect("an object");
    for (name, wanted) in expected.as_object().expect("an object") {
        assert_eq!(seen.get(name), Some(wanted), "{name}\n{report:#}");
    }
    assert_eq!(Some(seen.len()), expected.as_object().map(serde_json::Map::len), "{report:#}");
}
