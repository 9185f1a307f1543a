//! Secret chats call by call, by Telethon 1.45.0 (layer 229): also what libraries for them do not call.

use std::path::Path;

use serde_json::{Map, json};

use crate::report::{self, Arguments};
use crate::support::install;
use crate::support::node::TestNode;
use crate::support::skip::skipped;

/// The handshake, messages, files, the queue, and the end, each as it is answered and as the other one is
/// told.
///
/// How: `telethon/secret.py` logs two members in by invites, and does what clients do but for encrypting.
#[test]
fn telethon_calls_every_secret_method() {
    if skipped(&["telethon", "secret"]) {
        return;
    }
    let node = TestNode::start();
    let [ada, bob] = [(); 2].map(|()| node.invite());
    let (phone, code) = (format!("{},{}", ada.0, bob.0), format!("{},{}", ada.1, bob.1));
    let python = install::python("telethon-1.45.0", "telethon/requirements-1.45.0.txt");
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (phone, code) = (Some(phone.as_str()), Some(code.as_str()));
    let arguments = Arguments { transport: "full", phone, code, ..Arguments::default() };
    let report = report::drive(&node, &python, here, "telethon/secret.py", &arguments);
    let expected = json!({
        "config": [3, 256, "DhConfigNotModified", true],
        "weak": [400, "DH_G_A_INVALID"],
        "asked": ["EncryptedChatWaiting", "EncryptedChatRequested", true, true],
        "early": [400, "CHAT_ID_INVALID"],
        "opened": ["EncryptedChat", -4, true],
        "came": [
            ["EncryptedMessage", "one", 1],
            ["EncryptedMessageService", "two", 2],
            ["EncryptedMessage", "three", 3],
            ["EncryptedMessage", "four", 4],
        ],
        "files": [[true, 700_000, 77, true], [true, true]],
        "again": ["one", "two", "three", "four", true],
        "received": [[1, 2], [400, "MAX_QTS_INVALID"], ["three", "four"]],
        "shown": [5, 5, true],
        "reported": true,
        "wrong hash": [400, "CHAT_ID_INVALID"],
        "ended": true,
        "told of the end": ["EncryptedChatDiscarded", true],
        "ended again": [400, "ENCRYPTION_ALREADY_DECLINED"],
        "late": [400, "ENCRYPTION_DECLINED"],
    });
    let seen = report["seen"].as_object().expect("an object");
    for (name, wanted) in expected.as_object().expect("an object") {
        assert_eq!(seen.get(name), Some(wanted), "{name}\n{report:#}");
    }
    assert_eq!(Some(seen.len()), expected.as_object().map(Map::len), "{report:#}");
}
