//! Feature 61: reactions, from every client to every other.

use serde_json::{Value, json};

use crate::driver::{Driver, SOON};
use crate::files::{WEBP, is, load};
use crate::scene::{Scene, assert_no_complaints, message, play, td_id};

fn emoji(emoticon: &str) -> Value {
    json!([{ "_": "ReactionEmoji", "emoticon": emoticon }])
}

fn td_emoji(emoticon: &str) -> Value {
    json!({ "@type": "reactionTypeEmoji", "emoji": emoticon })
}

/// The reactions to a message, as an update of the raw API tells them.
fn told(driver: &mut Driver, id: i64, count: usize) -> Value {
    let update = driver.expect_event("reactions", SOON, |event| {
        event["_"] == "UpdateMessageReactions"
            && event["msg_id"] == id
            && event["reactions"]["results"].as_array().is_some_and(|all| {
                all.iter().filter_map(|one| one["count"].as_u64()).sum::<u64>() == count as u64
            })
    });
    update["reactions"].clone()
}

fn unread(driver: &mut Driver, peer: i64) -> Value {
    let peer = json!({ "_": "InputDialogPeer", "peer": { "peer": peer } });
    let found = driver.invoke("messages.GetPeerDialogs", json!({ "peers": [peer] }));
    found["dialogs"][0]["unread_reactions_count"].clone()
}

/// A reaction of TDLib arrives at Telethon with a mark that it is unread, one of Pyrogram too; it
/// is looked at, counted, listed, replaced and taken back. What clients show is loaded.
#[test]
fn reactions() {
    play("reactions::reactions", |mut scene| {
        let Scene { node, ada, bob, tina } = &mut scene;

        // What there is to react with, and its pictures.
        let known = ada.invoke("messages.GetAvailableReactions", json!({ "hash": 0 }));
        let all = known["reactions"].as_array().unwrap().clone();
        assert_eq!(all.len(), 12, "{known}");
        let same = ada.invoke("messages.GetAvailableReactions", json!({ "hash": known["hash"] }));
        assert_eq!(same["_"], "AvailableReactionsNotModified");
        let heart = all.iter().find(|one| one["reaction"] == "❤").expect("a heart");
        assert!(is(&load(ada, &heart["static_icon"]), WEBP), "its picture");
        let shown = tina.request("getEmojiReaction", json!({ "emoji": "❤" }));
        assert_eq!(shown["is_active"], true, "{shown}");
        for picture in ["static_icon", "select_animation"] {
            let file = &shown[picture]["sticker"];
            let loaded = tina.request(
                "downloadFile",
                json!({ "file_id": file["id"], "priority": 1, "synchronous": true }),
            );
            assert_eq!(loaded["local"]["is_downloading_completed"], true, "{picture}: {loaded}");
        }

        // TDLib reacts to a message of Telethon.
        let first = ada.send(tina.user, "hello tina");
        let at_tina = message(tina, "hello tina")["id"].as_i64().unwrap();
        let with = json!({ "chat_id": ada.user, "message_id": td_id(at_tina) });
        let fields = |emoticon: &str| {
            json!({ "chat_id": with["chat_id"], "message_id": with["message_id"],
                "reaction_type": td_emoji(emoticon), "is_big": false,
                "update_recent_reactions": true })
        };
        tina.request("addMessageReaction", fields("🔥"));
        let got = told(ada, first, 1);
        assert_eq!(got["results"][0]["reaction"]["emoticon"], "🔥", "{got}");
        assert_eq!(got["recent_reactions"][0]["peer_id"]["user_id"], tina.user);
        assert_eq!(got["recent_reactions"][0]["unread"], true, "{got}");
        assert_eq!(unread(ada, tina.user), 1);
        let page = json!({ "peer": { "peer": tina.user }, "offset_id": 0, "add_offset": 0,
            "limit": 10, "max_id": 0, "min_id": 0 });
        let waiting = ada.invoke("messages.GetUnreadReactions", page.clone());
        assert_eq!(waiting["messages"][0]["id"], first, "{waiting}");
        let peer = json!({ "peer": { "peer": tina.user } });
        let read = ada.invoke("messages.ReadReactions", peer);
        assert_eq!(read["pts_count"], 0, "{read}");
        assert_eq!(unread(ada, tina.user), 0);
        assert_eq!(ada.invoke("messages.GetUnreadReactions", page)["messages"], json!([]));

        // Another one in its place; one of one's own beside it.
        tina.request("addMessageReaction", fields("👍"));
        told(ada, first, 1);
        ada.invoke(
            "messages.SendReaction",
            json!({ "peer": { "peer": tina.user }, "msg_id": first, "reaction": emoji("👍"),
                "add_to_recent": true }),
        );
        tina.expect_event("both", SOON, |event| {
            event["@type"] == "updateMessageInteractionInfo"
                && event["interaction_info"]["reactions"]["reactions"][0]["total_count"] == 2
        });
        let now = ada.invoke(
            "messages.GetMessagesReactions",
            json!({ "peer": { "peer": tina.user }, "id": [first] }),
        );
        let results = &now["updates"][0]["reactions"]["results"];
        assert_eq!((&results[0]["count"], &results[0]["chosen_order"]), (&json!(2), &json!(0)));
        let list = ada.invoke(
            "messages.GetMessageReactionsList",
            json!({ "peer": { "peer": tina.user }, "id": first, "limit": 1 }),
        );
        assert_eq!((&list["count"], &list["next_offset"]), (&json!(2), &json!("1")), "{list}");
        let history = ada.invoke(
            "messages.GetMessages",
            json!({ "id": [{ "_": "InputMessageID", "id": first }] }),
        );
        assert_eq!(history["messages"][0]["reactions"]["results"][0]["count"], 2, "{history}");
        tina.request("removeMessageReaction", fields("👍"));
        told(ada, first, 1);

        // What is refused.
        let refused = |ada: &mut Driver, reaction: Value| {
            let fields =
                json!({ "peer": { "peer": tina.user }, "msg_id": first, "reaction": reaction });
            ada.invoke_refused("messages.SendReaction", fields)
        };
        assert_eq!(refused(ada, emoji("x")), (400, "REACTION_INVALID".into()));
        assert_eq!(refused(ada, emoji("👍")), (400, "MESSAGE_NOT_MODIFIED".into()));
        let two = json!([{ "_": "ReactionEmoji", "emoticon": "👍" },
            { "_": "ReactionEmoji", "emoticon": "🔥" }]);
        assert_eq!(refused(ada, two), (400, "REACTIONS_TOO_MANY".into()));

        // What one reacts with.
        let recent = json!({ "limit": 10, "hash": 0 });
        let found = ada.invoke("messages.GetRecentReactions", recent.clone());
        assert_eq!(found["reactions"], emoji("👍"));
        let heart = json!({ "_": "ReactionEmoji", "emoticon": "❤" });
        assert_eq!(ada.invoke("messages.SetDefaultReaction", json!({ "reaction": heart })), true);
        let config = ada.invoke("help.GetConfig", json!({}));
        assert_eq!(config["reactions_default"], heart);
        let top = ada.invoke("messages.GetTopReactions", json!({ "limit": 2, "hash": 0 }));
        assert_eq!(top["reactions"][0], heart);
        assert_eq!(top["reactions"].as_array().map(Vec::len), Some(2));
        assert_eq!(ada.invoke("messages.ClearRecentReactions", json!({})), true);
        assert_eq!(ada.invoke("messages.GetRecentReactions", recent)["reactions"], json!([]));

        // Pyrogram, of an older layer; over a restart of the node.
        let second = ada.send(bob.user, "hello bob");
        let at_bob = message(bob, "hello bob")["id"].clone();
        let react = json!({ "peer": { "peer": ada.user }, "msg_id": at_bob,
            "reaction": emoji("🎉") });
        bob.invoke("messages.SendReaction", react);
        told(ada, second, 1);
        node.kill_and_restart();
        ada.settle();
        let history = ada.invoke(
            "messages.GetMessages",
            json!({ "id": [{ "_": "InputMessageID", "id": second }] }),
        );
        let shown = &history["messages"][0]["reactions"];
        assert_eq!(shown["results"][0]["reaction"]["emoticon"], "🎉", "{history}");
        assert_no_complaints(tina);
    });
}

/// In a group everybody sees every reaction, and its admins say which there are.
#[test]
fn reactions_in_groups() {
    play("reactions::reactions_in_groups", |mut scene| {
        let chat = scene.group("Team");
        let Scene { ada, bob, tina, .. } = &mut scene;
        let group = -chat;
        let first = ada.send(group, "hello all");
        let at_bob = message(bob, "hello all")["id"].as_i64().unwrap();
        let at_tina = message(tina, "hello all")["id"].as_i64().unwrap();
        tina.request("getEmojiReaction", json!({ "emoji": "🔥" }));
        tina.request("getBasicGroupFullInfo", json!({ "basic_group_id": chat }));
        tina.request(
            "addMessageReaction",
            json!({ "chat_id": group, "message_id": td_id(at_tina), "reaction_type": td_emoji("🔥"),
                "is_big": false, "update_recent_reactions": false }),
        );
        told(ada, first, 1);
        told(bob, at_bob, 1);
        let react = |reaction: &str| json!({ "peer": { "peer": group }, "msg_id": at_bob, "reaction": emoji(reaction) });
        bob.invoke("messages.SendReaction", react("🔥"));
        let got = told(ada, first, 2);
        assert_eq!(got["can_see_list"], true, "{got}");
        let list = tina.request(
            "getMessageAddedReactions",
            json!({ "chat_id": group, "message_id": td_id(at_tina), "offset": "", "limit": 10 }),
        );
        assert_eq!(list["total_count"], 2, "{list}");
        assert_eq!(list["reactions"][0]["sender_id"]["user_id"], bob.user, "the newest first");

        let some = json!({ "_": "ChatReactionsSome", "reactions": emoji("👍") });
        ada.invoke(
            "messages.SetChatAvailableReactions",
            json!({ "peer": { "peer": group }, "available_reactions": some }),
        );
        let refused = bob.invoke_refused("messages.SendReaction", react("🎉"));
        assert_eq!(refused, (400, "REACTION_INVALID".into()));
        bob.invoke("messages.SendReaction", react("👍"));
        told(ada, first, 2);
        let full = ada.invoke("messages.GetFullChat", json!({ "chat_id": chat }));
        let available = &full["full_chat"]["available_reactions"];
        assert_eq!(available["reactions"], emoji("👍"), "{full}");
        assert_no_complaints(tina);
    });
}
