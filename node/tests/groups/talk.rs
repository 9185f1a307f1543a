//! A group from its first message to its end. Lines 46 and 55.

use serde_json::{Value, json};

use crate::driver::{Driver, SOON};
use crate::scene::{Scene, assert_no_complaints, content, message, play, service, td_id, td_send};

fn dialog(driver: &mut Driver, chat: i64) -> Value {
    let peer = json!({ "_": "InputDialogPeer", "peer": { "peer": -chat } });
    driver.invoke("messages.GetPeerDialogs", json!({ "peers": [peer] }))["dialogs"][0].clone()
}

/// Everybody has another number for each message: an answer names the one in one's own box, an
/// edit and a deletion find all of them, and whoever reads first moves the double tick.
#[test]
fn a_group_from_beginning_to_end() {
    play("talk::a_group_from_beginning_to_end", |mut scene| {
        // So that numbers differ between the boxes.
        scene.ada.send(scene.bob.user, "before");
        message(&mut scene.bob, "before");
        let chat = scene.group("Team");
        let Scene { node, ada, bob, tina } = &mut scene;
        let group = -chat;

        // A message, an answer, an edit.
        let first = ada.send(group, "hello all");
        let at_bob = message(bob, "hello all")["id"].as_i64().unwrap();
        let at_tina = message(tina, "hello all")["id"].as_i64().unwrap();
        assert!(first != at_bob && at_bob != at_tina && first != at_tina, "numbers of one's own");
        td_send(tina, group, "hello ada", Some(at_tina));
        assert_eq!(message(ada, "hello ada")["reply_to"], first);
        let answer = message(bob, "hello ada");
        assert_eq!(answer["reply_to"], at_bob);
        assert_eq!((&answer["peer"], &answer["from"]), (&json!(group), &json!(tina.user)));
        ada.command("edit", json!({ "to": group, "msg_id": first, "text": "hello everybody" }));
        let edited = bob.expect(&json!({ "event": "edited", "text": "hello everybody" }));
        assert_eq!(edited["id"], at_bob);
        let edited = tina.expect(&json!({ "event": "edited", "text": "hello everybody" }));
        assert_eq!(edited["id"], at_tina);

        // Mentions: an answer is one, and a name.
        let named = |user: i64| {
            json!({ "_": "InputMessageEntityMentionName", "offset": 0, "length": 3,
                "user_id": { "user": user } })
        };
        for (user, random_id) in [(ada.user, 1), (tina.user, 2)] {
            bob.invoke(
                "messages.SendMessage",
                json!({ "peer": { "peer": group }, "message": format!("you {random_id}"),
                    "random_id": random_id, "entities": [named(user)] }),
            );
        }
        let mentioned = message(ada, "you 1")["id"].clone();
        message(ada, "you 2");
        message(tina, "you 1");
        message(tina, "you 2");
        tina.expect_event("the badge", SOON, |event| {
            event["unread_mention_count"] == 1
                && (event["@type"] == "updateChatUnreadMentionCount"
                    || event["@type"] == "updateMessageMentionRead")
                || event["@type"] == "updateNewMessage"
                    && event["message"]["contains_unread_mention"] == true
        });
        assert_eq!(dialog(ada, chat)["unread_mentions_count"], 2);
        let unread = ada.invoke(
            "messages.GetUnreadMentions",
            json!({ "peer": { "peer": group }, "offset_id": 0, "add_offset": 0, "limit": 10,
                "max_id": 0, "min_id": 0 }),
        );
        let ids: Vec<_> = unread["messages"].as_array().unwrap().iter().collect();
        assert_eq!((ids.len(), &ids[0]["id"]), (2, &mentioned), "{unread}");
        assert_eq!(ids[0]["mentioned"], true);
        ada.invoke("messages.ReadMessageContents", json!({ "id": [mentioned] }));
        assert_eq!(dialog(ada, chat)["unread_mentions_count"], 1);
        let read = ada.invoke("messages.ReadMentions", json!({ "peer": { "peer": group } }));
        assert_eq!((&read["pts_count"], &read["offset"]), (&json!(1), &json!(0)), "{read}");
        assert_eq!(dialog(ada, chat)["unread_mentions_count"], 0);
        tina.request("readAllChatMentions", json!({ "chat_id": group }));
        tina.expect_event("no badge", SOON, |event| {
            let told = ["updateChatUnreadMentionCount", "updateMessageMentionRead"];
            told.iter().any(|kind| event["@type"] == **kind) && event["unread_mention_count"] == 0
        });

        // The first who reads moves the double tick; the second moves nothing.
        let asked = json!({ "peer": { "peer": group }, "msg_id": first });
        let readers = ada.invoke("messages.GetMessageReadParticipants", asked.clone());
        assert_eq!(readers, json!([]), "nobody has read it");
        ada.forget();
        tina.command("read", json!({ "peer": group, "max_id": at_tina }));
        let tick = ada.expect(&json!({ "_": "UpdateReadHistoryOutbox" }));
        assert_eq!(tick["max_id"], first, "{tick}");
        assert_eq!(tick["peer"]["chat_id"], chat);
        let readers = ada.invoke("messages.GetMessageReadParticipants", asked.clone());
        assert_eq!(readers[0]["user_id"], tina.user, "{readers}");
        assert!(readers[0]["date"].as_i64() > Some(1_700_000_000), "{readers}");
        bob.command("read", json!({ "peer": group, "max_id": at_bob }));
        ada.settle();
        let readers = ada.invoke("messages.GetMessageReadParticipants", asked.clone());
        assert_eq!(readers.as_array().map(Vec::len), Some(2), "{readers}");
        assert_eq!(ada.came(&json!({ "_": "UpdateReadHistoryOutbox" })).len(), 1, "once");
        let refused = bob.invoke_refused(
            "messages.GetMessageReadParticipants",
            json!({ "peer": { "peer": group }, "msg_id": at_bob }),
        );
        assert_eq!(refused, (400, "MSG_ID_INVALID".into()), "one's own words only");
        let theirs = td_send(tina, group, "seen?", None);
        let at_ada = message(ada, "seen?")["id"].clone();
        ada.command("read", json!({ "peer": group, "max_id": at_ada }));
        tina.expect(&json!({ "event": "read_outbox", "peer": group, "max_id": theirs }));
        let viewers = tina
            .request("getMessageViewers", json!({ "chat_id": group, "message_id": td_id(theirs) }));
        assert_eq!(viewers["viewers"][0]["user_id"], ada.user, "{viewers}");
        message(bob, "seen?");

        // Typing.
        bob.command("typing", json!({ "to": group }));
        ada.expect(&json!({ "event": "typing", "user": bob.user, "peer": group }));
        tina.expect(&json!({ "event": "typing", "user": bob.user }));

        // Pinned for all, with a message that says so.
        ada.invoke(
            "messages.UpdatePinnedMessage",
            json!({ "peer": { "peer": group }, "id": first }),
        );
        let pin = bob.expect(&json!({ "_": "UpdatePinnedMessages" }));
        assert_eq!(pin["messages"], json!([at_bob]), "{pin}");
        let said = service(bob, "MessageActionPinMessage");
        assert_eq!(said["message"]["reply_to"]["reply_to_msg_id"], at_bob, "{said}");
        let pinned = content(tina, "messagePinMessage");
        assert_eq!(pinned["message"]["content"]["message_id"], td_id(at_tina), "{pinned}");

        // Forwarded out of the group and into it, with the author's name.
        let forwarded =
            bob.command("forward", json!({ "source": group, "to": "self", "msg_ids": [at_bob] }));
        assert_eq!(forwarded["msg_ids"].as_array().map(Vec::len), Some(1));
        let saved = bob.history("self", 1, 0);
        assert_eq!(
            (&saved[0]["fwd"], &saved[0]["text"]),
            (&json!(ada.user), &json!("hello everybody"))
        );

        // One is away, and the node is killed meanwhile.
        bob.quit();
        tina.command("offline", json!({}));
        let away = ada.send(group, "while you were away");
        ada.command("delete", json!({ "to": group, "msg_ids": [first] }));
        node.kill_and_restart();
        ada.settle();
        let later = ada.send(group, "after the kill");
        assert!(later > away);
        tina.command("online", json!({}));
        bob.resume();
        bob.show_updates();
        for driver in [&mut *bob, &mut *tina] {
            message(driver, "while you were away");
            message(driver, "after the kill");
        }
        tina.expect(&json!({ "event": "deleted", "ids": [at_tina] }));
        for driver in [&mut *ada, &mut *bob, &mut *tina] {
            driver.settle();
            let texts: Vec<Value> =
                driver.history(group, 30, 0).iter().map(|one| one["text"].clone()).collect();
            let says = |text: &str| texts.iter().filter(|one| **one == json!(text)).count();
            assert_eq!((says("while you were away"), says("after the kill")), (1, 1), "{texts:?}");
            assert_eq!((says("hello everybody"), says("hello ada")), (0, 1), "{texts:?}");
        }

        // One is removed: nothing comes any more, and nothing goes.
        ada.invoke(
            "messages.DeleteChatUser",
            json!({ "chat_id": chat, "user_id": { "user": bob.user } }),
        );
        service(bob, "MessageActionChatDeleteUser");
        content(tina, "messageChatDeleteMember");
        let refused = bob.invoke_refused(
            "messages.SendMessage",
            json!({ "peer": { "peer": group }, "message": "x", "random_id": 9 }),
        );
        assert_eq!(refused, (403, "CHAT_WRITE_FORBIDDEN".into()));
        let seen = bob.invoke("messages.GetChats", json!({ "id": [chat] }));
        assert_eq!(seen["chats"][0]["_"], "ChatForbidden", "{seen}");
        let refused = bob.invoke_refused(
            "messages.AddChatUser",
            json!({ "chat_id": chat, "user_id": { "user": "self" }, "fwd_limit": 0 }),
        );
        assert_eq!(refused.1, "CHAT_WRITE_FORBIDDEN", "who was removed does not come back alone");
        ada.send(group, "without bob");
        message(tina, "without bob");
        let texts = bob.history(group, 30, 0);
        assert!(texts.iter().all(|one| one["text"] != "without bob"), "{texts:?}");
        // Brought back by TDLib's member? Only an admin may, who does.
        let refused = tina.request_refused(
            "addChatMember",
            json!({ "chat_id": group, "user_id": bob.user, "forward_limit": 0 }),
        );
        assert_eq!(refused.1, "CHAT_ADMIN_REQUIRED");
        ada.invoke(
            "messages.AddChatUser",
            json!({ "chat_id": chat, "user_id": { "user": bob.user }, "fwd_limit": 10 }),
        );
        service(bob, "MessageActionChatAddUser");
        content(tina, "messageChatAddMembers");
        bob.send(group, "back again");
        message(ada, "back again");
        message(tina, "back again");

        // One leaves, and comes back alone.
        tina.request("leaveChat", json!({ "chat_id": group }));
        service(ada, "MessageActionChatDeleteUser");
        service(bob, "MessageActionChatDeleteUser");
        let full = bob.invoke("messages.GetFullChat", json!({ "chat_id": chat }));
        let version = full["full_chat"]["participants"]["version"].as_i64().unwrap();
        assert_eq!(full["full_chat"]["participants"]["participants"].as_array().unwrap().len(), 2);
        tina.request(
            "addChatMember",
            json!({ "chat_id": group, "user_id": tina.user, "forward_limit": 0 }),
        );
        service(ada, "MessageActionChatAddUser");
        let full = bob.invoke("messages.GetFullChat", json!({ "chat_id": chat }));
        assert_eq!(full["full_chat"]["participants"]["version"], version + 1, "{full}");
        td_send(tina, group, "I was gone", None);
        message(ada, "I was gone");

        // The end.
        let refused = bob.invoke_refused("messages.DeleteChat", json!({ "chat_id": chat }));
        assert_eq!(refused, (400, "CHAT_ADMIN_REQUIRED".into()));
        ada.invoke("messages.DeleteChat", json!({ "chat_id": chat }));
        tina.expect_event("the end of the group", SOON, |event| {
            event["@type"] == "updateBasicGroup" && event["basic_group"]["is_active"] == false
        });
        let refused = bob.invoke_refused(
            "messages.SendMessage",
            json!({ "peer": { "peer": group }, "message": "x", "random_id": 10 }),
        );
        assert_eq!(refused, (400, "CHAT_ID_INVALID".into()));
        let texts = bob.history(group, 30, 0);
        assert!(texts.iter().any(|one| one["text"] == "I was gone"), "what was said stays");
        for driver in [ada, bob, tina] {
            assert_no_complaints(driver);
        }
    });
}
