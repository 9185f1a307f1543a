//! Groups that become supergroups, made so by two clients.

use serde_json::json;

use crate::CHANNELS;
use crate::driver::SOON;
use crate::scene::{Scene, assert_no_complaints, message, play, td_send};

#[test]
fn a_group_becomes_a_supergroup() {
    play("migrate::a_group_becomes_a_supergroup", |mut scene| {
        // Telethon does it, and TDLib follows.
        let chat = scene.group("Crew");
        let Scene { node: _node, mut ada, mut bob, mut tina } = scene;
        ada.send(-chat, "in the group");
        message(&mut bob, "in the group");
        message(&mut tina, "in the group");
        let refused = bob.invoke_refused("messages.MigrateChat", json!({ "chat_id": chat }));
        assert_eq!(refused, (400, "CHAT_ADMIN_REQUIRED".into()));
        let made = ada.invoke("messages.MigrateChat", json!({ "chat_id": chat }));
        let chats = made["chats"].as_array().expect("both");
        let old = chats.iter().find(|one| one["_"] == "Chat").expect("the group");
        let new = chats.iter().find(|one| one["_"] == "Channel").expect("the supergroup");
        assert_eq!(old["migrated_to"]["channel_id"], new["id"], "{made}");
        let crew = CHANNELS - new["id"].as_i64().expect("a number");
        let supergroup = CHANNELS - crew;
        tina.expect_event("where the group went", SOON, |event| {
            event["@type"] == "updateBasicGroup"
                && event["basic_group"]["upgraded_to_supergroup_id"] == supergroup
        });
        bob.expect_event("where it came from", SOON, |event| {
            event["_"] == "UpdateNewChannelMessage"
                && event["message"]["action"]["_"] == "MessageActionChannelMigrateFrom"
        });
        bob.send(crew, "in the supergroup");
        message(&mut ada, "in the supergroup");
        message(&mut tina, "in the supergroup");
        td_send(&mut tina, crew, "aye", None);
        message(&mut bob, "aye");
        let full = tina.request("getSupergroupFullInfo", json!({ "supergroup_id": supergroup }));
        assert_eq!(full["upgraded_from_basic_group_id"], chat, "{full}");
        assert!(full["upgraded_from_max_message_id"].as_i64() > Some(0), "{full}");
        let refused = bob.invoke_refused(
            "messages.SendMessage",
            json!({ "peer": { "peer": -chat }, "message": "ghost", "random_id": 77 }),
        );
        assert_eq!(refused.0, 400, "{refused:?}");
        let old = bob.history(-chat, 20, 0);
        assert!(old.iter().any(|one| one["text"] == "in the group"), "{old:?}");

        // TDLib does it.
        let made = tina.request(
            "createNewBasicGroupChat",
            json!({ "user_ids": [ada.user, bob.user], "title": "Hands",
                "message_auto_delete_time": 0 }),
        );
        let group = made["chat_id"].as_i64().expect("a chat");
        ada.expect_event("the new group", SOON, |event| {
            event["message"]["action"]["_"] == "MessageActionChatCreate"
        });
        let made =
            tina.request("upgradeBasicGroupChatToSupergroupChat", json!({ "chat_id": group }));
        let hands = made["id"].as_i64().expect("a chat");
        ada.expect_event("where the group went", SOON, |event| {
            event["message"]["action"]["_"] == "MessageActionChatMigrateTo"
        });
        td_send(&mut tina, hands, "all hands", None);
        message(&mut ada, "all hands");
        message(&mut bob, "all hands");
        for driver in [&mut ada, &mut bob, &mut tina] {
            assert_no_complaints(driver);
        }
    });
}
