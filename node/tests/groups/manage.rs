//! What admins of a group do, and what they keep others from.

use serde_json::{Value, json};

use crate::driver::{Driver, SOON};
use crate::scene::{Scene, assert_no_complaints, content, message, play, service, td_send};

fn rights(banned: Value) -> Value {
    let mut rights = json!({ "_": "ChatBannedRights", "until_date": 0 });
    let (Value::Object(all), Value::Object(banned)) = (&mut rights, banned) else { panic!() };
    all.extend(banned);
    rights
}

#[test]
fn a_group_is_managed() {
    play("manage::a_group_is_managed", |mut scene| {
        let chat = scene.group("Team");
        let Scene { ada, bob, tina, node } = &mut scene;
        let group = -chat;
        let peer = json!({ "peer": group });

        // The title, by a member as long as members may; the description, by the creator.
        tina.request("setChatTitle", json!({ "chat_id": group, "title": "Rooks" }));
        let said = service(ada, "MessageActionChatEditTitle");
        assert_eq!(said["message"]["action"]["title"], "Rooks", "{said}");
        bob.invoke("messages.EditChatTitle", json!({ "chat_id": chat, "title": "Ravens" }));
        content(tina, "messageChatChangeTitle");
        content(tina, "messageChatChangeTitle");
        let again = bob.invoke_refused(
            "messages.EditChatTitle",
            json!({ "chat_id": chat, "title": "Ravens" }),
        );
        assert_eq!(again, (400, "CHAT_NOT_MODIFIED".into()));
        let empty =
            bob.invoke_refused("messages.EditChatTitle", json!({ "chat_id": chat, "title": " " }));
        assert_eq!(empty, (400, "CHAT_TITLE_EMPTY".into()));
        ada.invoke("messages.EditChatAbout", json!({ "peer": peer, "about": "Birds" }));
        let again = ada
            .invoke_refused("messages.EditChatAbout", json!({ "peer": peer, "about": "Birds " }));
        assert_eq!(again, (400, "CHAT_ABOUT_NOT_MODIFIED".into()));
        let about = json!({ "chat_id": group, "description": "Birds & more" });
        tina.request("setChatDescription", about);
        let info = tina.request("getBasicGroupFullInfo", json!({ "basic_group_id": chat }));
        assert_eq!(info["creator_user_id"], ada.user);
        assert_eq!(info["members"].as_array().map(Vec::len), Some(3), "{info}");
        let full = bob.invoke("messages.GetFullChat", json!({ "chat_id": chat }));
        assert_eq!(full["full_chat"]["about"], "Birds & more");
        assert_eq!(full["users"].as_array().map(Vec::len), Some(3), "everybody is named: {full}");
        let chats = bob.invoke("messages.GetChats", json!({ "id": [chat] }));
        let shown = &chats["chats"][0];
        assert_eq!((&shown["title"], &shown["participants_count"]), (&json!("Ravens"), &json!(3)));
        let refused = bob.invoke_refused("messages.GetChats", json!({ "id": [chat + 1] }));
        assert_eq!(refused, (400, "CHAT_ID_INVALID".into()));

        // Admins are made by the creator.
        let admin = |user: i64, is_admin: bool| json!({ "chat_id": chat, "user_id": { "user": user }, "is_admin": is_admin });
        let refused = bob.invoke_refused("messages.EditChatAdmin", admin(bob.user, true));
        assert_eq!(refused, (400, "CHAT_ADMIN_REQUIRED".into()));
        ada.invoke("messages.EditChatAdmin", admin(tina.user, true));
        tina.expect_event("being an admin", SOON, |event| {
            event["@type"] == "updateBasicGroup"
                && event["basic_group"]["status"]["@type"] == "chatMemberStatusAdministrator"
        });
        let participants = bob.expect_event("the admins", SOON, |event| {
            event["_"] == "UpdateChatParticipants"
                && event["participants"]["participants"]
                    .as_array()
                    .is_some_and(|all| all.iter().any(|one| one["_"] == "ChatParticipantAdmin"))
        });
        assert!(participants["participants"]["version"].as_i64() > Some(1), "{participants}");

        // What members may not do: said by one who may not say it, then by an admin.
        let silent = rights(json!({ "send_messages": true, "change_info": true }));
        let edit = json!({ "peer": peer, "banned_rights": silent });
        let refused = bob.invoke_refused("messages.EditChatDefaultBannedRights", edit);
        assert_eq!(refused, (400, "CHAT_ADMIN_REQUIRED".into()));
        tina.request(
            "setChatPermissions",
            json!({ "chat_id": group, "permissions": { "@type": "chatPermissions",
                "can_send_basic_messages": false, "can_change_info": false,
                "can_invite_users": true, "can_pin_messages": true } }),
        );
        let told = bob.expect(&json!({ "_": "UpdateChatDefaultBannedRights" }));
        assert_eq!(told["default_banned_rights"]["change_info"], true, "{told}");
        let refused = bob.invoke_refused(
            "messages.SendMessage",
            json!({ "peer": peer, "message": "x", "random_id": 3 }),
        );
        // TDLib forbids each kind of message by itself, so what is missing is the right to text.
        assert_eq!(refused, (403, "CHAT_SEND_PLAIN_FORBIDDEN".into()));
        let refused = bob
            .invoke_refused("messages.EditChatTitle", json!({ "chat_id": chat, "title": "Mine" }));
        assert_eq!(refused, (400, "CHAT_ADMIN_REQUIRED".into()));
        td_send(tina, group, "admins may", None);
        message(bob, "admins may");
        message(ada, "admins may");
        let free = json!({ "peer": peer, "banned_rights": rights(json!({})) });
        ada.invoke("messages.EditChatDefaultBannedRights", free.clone());
        let again = ada.invoke_refused("messages.EditChatDefaultBannedRights", free);
        assert_eq!(again, (400, "CHAT_NOT_MODIFIED".into()));
        bob.send(group, "and I again");
        let words = message(ada, "and I again")["id"].clone();
        message(tina, "and I again");

        // Titles of members, in the layers that have them.
        ada.invoke(
            "messages.EditChatParticipantRank",
            json!({ "peer": peer, "participant": { "peer": bob.user }, "rank": "Scribe" }),
        );
        let full = ada.invoke("messages.GetFullChat", json!({ "chat_id": chat }));
        let all = full["full_chat"]["participants"]["participants"].as_array().unwrap().clone();
        let ranked = all.iter().find(|one| one["user_id"] == bob.user).unwrap();
        assert_eq!(ranked["rank"], "Scribe", "{ranked}");

        // Who is there, and what two have in common.
        bob.command("set_online", json!({ "online": true }));
        ada.command("set_online", json!({ "online": true }));
        let onlines = ada.invoke("messages.GetOnlines", json!({ "peer": peer }));
        assert!(onlines["onlines"].as_i64() >= Some(2), "{onlines}");
        let common = json!({ "user_id": { "user": bob.user }, "max_id": 0, "limit": 10 });
        let common = ada.invoke("messages.GetCommonChats", common);
        assert_eq!(common["chats"][0]["id"], chat, "{common}");
        let profile = ada.invoke("users.GetFullUser", json!({ "id": { "user": bob.user } }));
        assert_eq!(profile["full_user"]["common_chats_count"], 1);
        let common = tina.request(
            "getGroupsInCommon",
            json!({ "user_id": bob.user, "offset_chat_id": 0, "limit": 10 }),
        );
        assert_eq!(common["chat_ids"], json!([group]), "{common}");

        // Privacy that follows who is in a group.
        let set = |rules: Value| json!({ "key": { "_": "InputPrivacyKeyAbout" }, "rules": rules });
        ada.invoke("account.UpdateProfile", json!({ "about": "Counts stars" }));
        let nobody = json!([{ "_": "InputPrivacyValueDisallowAll" }]);
        ada.invoke("account.SetPrivacy", set(nobody));
        let about = |driver: &mut Driver, user: i64| {
            let full = driver.invoke("users.GetFullUser", json!({ "id": { "user": user } }));
            full["full_user"]["about"].clone()
        };
        assert_eq!(about(bob, ada.user), Value::Null);
        let members = json!([
            { "_": "InputPrivacyValueAllowChatParticipants", "chats": [chat] },
            { "_": "InputPrivacyValueDisallowAll" },
        ]);
        let kept = ada.invoke("account.SetPrivacy", set(members));
        assert_eq!(kept["chats"][0]["id"], chat, "{kept}");
        assert_eq!(about(bob, ada.user), "Counts stars");

        // Lists, searches, drafts and folders know groups.
        let found = ada.invoke(
            "messages.Search",
            json!({ "peer": peer, "q": "again", "filter": { "_": "InputMessagesFilterEmpty" },
                "from_id": { "peer": bob.user },
                "min_date": null, "max_date": null, "offset_id": 0, "add_offset": 0, "limit": 5,
                "max_id": 0, "min_id": 0, "hash": 0 }),
        );
        assert_eq!(found["messages"][0]["id"], words, "{found}");
        assert_eq!(found["chats"][0]["id"], chat);
        ada.invoke("messages.SaveDraft", json!({ "peer": peer, "message": "well" }));
        let drafts = ada.invoke("messages.GetAllDrafts", json!({}));
        assert_eq!(drafts["chats"][0]["id"], chat, "{drafts}");
        ada.invoke(
            "folders.EditPeerFolders",
            json!({ "folder_peers": [{ "_": "InputFolderPeer", "peer": peer, "folder_id": 1 }] }),
        );
        let full = ada.invoke("messages.GetFullChat", json!({ "chat_id": chat }));
        assert_eq!(full["full_chat"]["folder_id"], 1, "{full}");
        ada.invoke("messages.SetHistoryTTL", json!({ "peer": peer, "period": 86_400 }));
        let refused =
            ada.invoke_refused("messages.SetHistoryTTL", json!({ "peer": peer, "period": 86_400 }));
        assert_eq!(refused, (400, "CHAT_NOT_MODIFIED".into()));
        bob.expect(&json!({ "_": "UpdatePeerHistoryTTL", "ttl_period": 86_400 }));

        // What is said here stays here.
        let on = json!({ "peer": peer, "enabled": true });
        let refused = bob.invoke_refused("messages.ToggleNoForwards", on.clone());
        assert_eq!(refused, (400, "CHAT_ADMIN_REQUIRED".into()));
        ada.invoke("messages.ToggleNoForwards", on);
        tina.expect(
            &json!({ "@type": "updateChatHasProtectedContent", "has_protected_content": true }),
        );
        let at_bob = bob.history(group, 10, 0);
        let theirs = at_bob.iter().find(|one| one["text"] == "admins may").unwrap();
        let refused = bob.refused(
            "forward",
            json!({ "source": group, "to": "self", "msg_ids": [theirs["id"]] }),
        );
        assert_eq!(refused, (400, "CHAT_FORWARDS_RESTRICTED".into()));

        // All of it is there after a kill.
        node.kill_and_restart();
        for driver in [&mut *ada, &mut *bob, &mut *tina] {
            driver.settle();
        }
        let full = bob.invoke("messages.GetFullChat", json!({ "chat_id": chat }));
        assert_eq!(full["full_chat"]["about"], "Birds & more");
        assert_eq!(full["full_chat"]["ttl_period"], 86_400);
        assert_eq!(full["chats"][0]["noforwards"], true, "{full}");
        for driver in [ada, bob, tina] {
            assert_no_complaints(driver);
        }
    });
}
