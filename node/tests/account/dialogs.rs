//! Dialogs as a member arranges them.

use serde_json::json;

use crate::clients::{PYROGRAM, TDLIB, TELETHON};
use crate::scene::{Scene, assert_no_complaints, play};

#[test]
fn unread_marks() {
    play("dialogs::unread_marks", [&PYROGRAM, &TDLIB, &TELETHON], |mut scene| {
        let Scene { ada, ada2, bob, .. } = &mut scene;
        bob.send(ada.user, "hello");
        let id = ada.expect(&json!({ "event": "message", "text": "hello" }))["id"].clone();
        ada2.expect(&json!({ "event": "message", "text": "hello" }));
        let peer = json!({ "_": "InputDialogPeer", "peer": { "peer": bob.user } });
        // By one device, seen by the other.
        ada.invoke("messages.MarkDialogUnread", json!({ "peer": peer, "unread": true }));
        let marked = |on: bool| json!({ "@type": "updateChatIsMarkedAsUnread", "chat_id": bob.user, "is_marked_as_unread": on });
        ada2.expect(&marked(true));
        let marks = ada.invoke("messages.GetDialogUnreadMarks", json!({}));
        assert_eq!(marks[0]["peer"]["user_id"], bob.user, "{marks}");
        // And back.
        ada2.request(
            "toggleChatIsMarkedAsUnread",
            json!({ "chat_id": bob.user, "is_marked_as_unread": false }),
        );
        ada.expect(&json!({ "_": "UpdateDialogUnreadMark", "unread": false }));
        assert_eq!(ada.invoke("messages.GetDialogUnreadMarks", json!({})), json!([]));
        // Reading the dialog takes the mark away.
        ada.invoke("messages.MarkDialogUnread", json!({ "peer": peer, "unread": true }));
        ada2.expect(&marked(true));
        ada.command("read", json!({ "peer": bob.user, "max_id": id }));
        ada2.expect(&marked(false));
        assert_eq!(ada.invoke("messages.GetDialogUnreadMarks", json!({})), json!([]));
        // What is not a dialog cannot be marked.
        let nobody = json!({ "_": "InputDialogPeer", "peer": { "peer": "self" } });
        let refused = ada
            .invoke_refused("messages.MarkDialogUnread", json!({ "peer": nobody, "unread": true }));
        assert_eq!(refused, (400, "PEER_ID_INVALID".into()));
        assert_no_complaints(ada2);
    });
}
