//! What owners change about a channel, and what they can take away.

use serde_json::{Value, json};

use crate::CHANNELS;
use crate::driver::SOON;
use crate::scene::{Scene, assert_no_complaints, message, play};
use crate::supergroup;

const WEBP: &[u8] = include_bytes!("../../../mtproto-frontend/assets/reactions/heart.webp");

#[test]
fn what_owners_change() {
    play("settings::what_owners_change", |scene| {
        let Scene { node: _node, mut ada, mut bob, mut tina } = scene;
        // Who adds others has to know them.
        for driver in [&mut bob, &mut tina] {
            driver.send(ada.user, "hello ada");
            message(&mut ada, "hello ada");
        }
        let crew = supergroup(&mut ada, "Crew");
        let channel = json!({ "channel": crew });

        // What was said before stays with those who were there.
        let hidden = json!({ "channel": channel, "enabled": true });
        ada.invoke("channels.TogglePreHistoryHidden", hidden.clone());
        let again = ada.invoke_refused("channels.TogglePreHistoryHidden", hidden);
        assert_eq!(again, (400, "CHAT_NOT_MODIFIED".into()));
        let before = ada.send(crew, "among ourselves");
        let users = json!({ "channel": channel, "users": [{ "user": bob.user }] });
        ada.invoke("channels.InviteToChannel", users);
        bob.expect_event("that he was added", SOON, |event| {
            event["_"] == "UpdateNewChannelMessage"
                && event["message"]["action"]["_"] == "MessageActionChatAddUser"
        });
        let seen = bob.history(crew, 10, 0);
        assert!(seen.iter().all(|one| one["text"] != "among ourselves"), "{seen:?}");
        let asked = json!({ "channel": channel,
            "id": [{ "_": "InputMessageID", "id": before }] });
        let found = bob.invoke("channels.GetMessages", asked.clone());
        assert_eq!(found["messages"][0]["_"], "MessageEmpty", "{found}");
        let found = ada.invoke("channels.GetMessages", asked);
        assert_eq!(found["messages"][0]["message"], "among ourselves", "{found}");

        // The photo.
        let bytes: String = WEBP.iter().map(|byte| format!("{byte:02x}")).collect();
        let part = json!({ "file_id": 7, "file_part": 0, "bytes": { "hex": bytes } });
        assert_eq!(ada.invoke("upload.SaveFilePart", part), true);
        let file = json!({ "_": "InputFile", "id": 7, "parts": 1, "name": "heart.webp",
            "md5_checksum": "" });
        ada.invoke(
            "channels.EditPhoto",
            json!({ "channel": channel,
                "photo": { "_": "InputChatUploadedPhoto", "file": file } }),
        );
        let said = bob.expect_event("the photo", SOON, |event| {
            event["message"]["action"]["_"] == "MessageActionChatEditPhoto"
        });
        assert_eq!(said["message"]["action"]["photo"]["_"], "Photo", "{said}");

        // One public name at most.
        ada.invoke(
            "channels.UpdateUsername",
            json!({ "channel": channel, "username": "harbour_crew" }),
        );
        let order = json!({ "channel": channel, "order": ["harbour_crew"] });
        assert_eq!(ada.invoke("channels.ReorderUsernames", order), true);
        let on = json!({ "channel": channel, "username": "harbour_crew", "active": true });
        let refused = ada.invoke_refused("channels.ToggleUsername", on);
        assert_eq!(refused, (400, "USERNAME_NOT_MODIFIED".into()));
        let taken =
            bob.invoke_refused("account.UpdateUsername", json!({ "username": "Harbour_Crew" }));
        assert_eq!(taken, (400, "USERNAME_OCCUPIED".into()));
        let off = ada.invoke("channels.DeactivateAllUsernames", json!({ "channel": channel }));
        assert_eq!(off, true);
        let refused = ada.invoke_refused("channels.GetLeftChannels", json!({ "offset": 0 }));
        // Telethon gives it a code of its own.
        assert_eq!(refused.1, "TAKEOUT_REQUIRED");

        // Everything of one member goes, then everything.
        for text in ["one", "two"] {
            bob.send(crew, text);
            message(&mut ada, text);
        }
        let gone = ada.invoke(
            "channels.DeleteParticipantHistory",
            json!({ "channel": channel, "participant": { "peer": bob.user } }),
        );
        assert_eq!((&gone["pts_count"], &gone["offset"]), (&json!(2), &json!(0)), "{gone}");
        let texts = |found: Vec<Value>| -> Vec<Value> {
            found
                .into_iter()
                .filter(|one| !one["text"].is_null())
                .map(|one| one["text"].clone())
                .collect()
        };
        let left = texts(ada.history(crew, 10, 0));
        assert!(
            !left.contains(&json!("one")) && left.contains(&json!("among ourselves")),
            "{left:?}"
        );

        // Given away and given back, by who shows the password.
        for (driver, password) in [(&mut ada, "swordfish"), (&mut bob, "marlin")] {
            driver.command("set_password", json!({ "new": password }));
        }
        let wrong = ada.refused(
            "give_channel",
            json!({ "channel": crew, "user": bob.user, "password": "sardine" }),
        );
        assert_eq!(wrong, (400, "PASSWORD_HASH_INVALID".into()));
        let to_bob = json!({ "channel": crew, "user": bob.user, "password": "swordfish" });
        ada.command("give_channel", to_bob);
        let full = ada.invoke(
            "channels.GetParticipant",
            json!({ "channel": channel, "participant": { "peer": bob.user } }),
        );
        assert_eq!(full["participant"]["_"], "ChannelParticipantCreator", "{full}");
        let to_ada = json!({ "channel": crew, "user": ada.user, "password": "marlin" });
        bob.command("give_channel", to_ada);
        // Out of sight for oneself, and gone for everybody.
        ada.send(crew, "an old page");
        message(&mut bob, "an old page");
        let before = texts(ada.history(crew, 10, 0));
        assert!(before.contains(&json!("an old page")));
        let own = json!({ "channel": channel, "max_id": 0 });
        let hidden = bob.invoke("channels.DeleteHistory", own);
        assert_eq!(hidden["updates"][0]["_"], "UpdateChannelAvailableMessages", "{hidden}");
        assert_eq!(texts(bob.history(crew, 10, 0)), Vec::<Value>::new());
        assert_eq!(texts(ada.history(crew, 10, 0)), before);
        ada.send(crew, "a new page");
        message(&mut bob, "a new page");
        let all = json!({ "channel": channel, "max_id": 0, "for_everyone": true });
        ada.invoke("channels.DeleteHistory", all);
        assert_eq!(texts(ada.history(crew, 10, 0)), Vec::<Value>::new());
        for driver in [&mut ada, &mut bob, &mut tina] {
            assert_no_complaints(driver);
        }
    });
}

/// What TDLib sets, Telethon and Pyrogram are held to, and the other way round.
#[test]
fn what_is_set_in_channels() {
    play("settings::what_is_set_in_channels", |scene| {
        let Scene { node: _node, mut ada, mut bob, mut tina } = scene;
        for driver in [&mut bob, &mut tina] {
            driver.send(ada.user, "hello ada");
            message(&mut ada, "hello ada");
        }
        let crew = supergroup(&mut ada, "Crew");
        let channel = json!({ "channel": crew });
        let name = json!({ "channel": channel, "username": "harbour_crew" });
        ada.invoke("channels.UpdateUsername", name);
        let find = json!({ "username": "harbour_crew" });
        let users = json!({ "channel": channel, "users": [{ "user": tina.user }] });
        ada.invoke("channels.InviteToChannel", users);
        // By an update or by a difference, as it comes.
        tina.expect_event("the new group", SOON, |event| {
            event["@type"] == "updateNewChat" && event["chat"]["id"] == crew
        });
        let is_admin = json!({ "_": "ChatAdminRights", "ban_users": true, "change_info": true,
            "invite_users": true });
        ada.invoke(
            "channels.EditAdmin",
            json!({ "channel": channel, "user_id": { "user": tina.user },
                "admin_rights": is_admin, "rank": "Mate" }),
        );
        let supergroup = CHANNELS - crew;
        let set = |value: bool, name: &str| json!({ "supergroup_id": supergroup, name: value });
        tina.expect_event("that she is an admin", SOON, |event| {
            event["@type"] == "updateSupergroup"
                && event["supergroup"]["status"]["@type"] == "chatMemberStatusAdministrator"
        });
        tina.request(
            "toggleSupergroupJoinByRequest",
            json!({ "supergroup_id": supergroup, "join_by_request": true, "guard_bot_user_id": 0,
                "apply_to_invite_links": false }),
        );
        tina.request("toggleSupergroupHasHiddenMembers", set(true, "has_hidden_members"));
        ada.invoke("channels.ToggleJoinToSend", json!({ "channel": channel, "enabled": true }));

        // Pyrogram asks, and TDLib lets in.
        bob.invoke("contacts.ResolveUsername", find);
        let asked = bob.invoke_refused("channels.JoinChannel", json!({ "channel": channel }));
        assert_eq!(asked, (400, "INVITE_REQUEST_SENT".into()));
        tina.expect_event("that somebody asks", SOON, |event| {
            event["@type"] == "updateChatPendingJoinRequests"
                && event["pending_join_requests"]["total_count"] == 1
        });
        tina.request(
            "processChatJoinRequest",
            json!({ "chat_id": crew, "user_id": bob.user, "approve": true }),
        );
        bob.expect_event("that he is in", SOON, |event| event["_"] == "UpdateChannel");
        let seen = bob.invoke(
            "channels.GetParticipants",
            json!({ "channel": channel, "filter": { "_": "ChannelParticipantsRecent" },
                "offset": 0, "limit": 10, "hash": 0 }),
        );
        assert_eq!(seen["participants"], json!([]), "{seen}");

        // Messages that go, that may not be forwarded, and one that waits.
        tina.request(
            "setChatMessageAutoDeleteTime",
            json!({ "chat_id": crew, "message_auto_delete_time": 86_400 }),
        );
        let said = bob.expect_event("the timer", SOON, |event| {
            event["message"]["action"]["_"] == "MessageActionSetMessagesTTL"
        });
        assert_eq!(said["message"]["action"]["period"], 86_400, "{said}");
        ada.invoke(
            "messages.ToggleNoForwards",
            json!({ "peer": { "peer": crew }, "enabled": true }),
        );
        let sent = ada.send(crew, "only here");
        message(&mut bob, "only here");
        let forward = json!({ "from_peer": { "peer": crew }, "id": [sent], "random_id": [9],
            "to_peer": { "peer": ada.user } });
        let refused = bob.invoke_refused("messages.ForwardMessages", forward);
        assert_eq!(refused, (400, "CHAT_FORWARDS_RESTRICTED".into()));
        let soon = rookery_load::clock::since_epoch().as_secs() + 2;
        ada.invoke(
            "messages.SendMessage",
            json!({ "peer": { "peer": crew }, "message": "in two seconds", "random_id": 10,
                "schedule_date": soon }),
        );
        let came = message(&mut bob, "in two seconds");
        assert!(came["date"].as_i64().is_none_or(|date| date as u64 >= soon), "{came}");

        // Posts of a channel are signed where it says so.
        let made = ada.invoke(
            "channels.CreateChannel",
            json!({ "title": "News", "about": "", "broadcast": true }),
        );
        let news = CHANNELS - made["chats"][0]["id"].as_i64().expect("a channel");
        let channel = json!({ "channel": news });
        let on = json!({ "channel": channel, "signatures_enabled": true });
        ada.invoke("channels.ToggleSignatures", on);
        let users = json!({ "channel": channel, "users": [{ "user": bob.user }] });
        ada.invoke("channels.InviteToChannel", users);
        let post = ada.send(news, "signed");
        // Pyrogram can ask of a channel what it has been told of it.
        message(&mut bob, "signed");
        let found = bob.history(news, 10, 0);
        assert!(found.iter().any(|one| one["id"] == post), "{found:?}");
        let asked = json!({ "channel": channel, "id": [{ "_": "InputMessageID", "id": post }] });
        let found = bob.invoke("channels.GetMessages", asked);
        assert!(found["messages"][0]["post_author"].is_string(), "{found}");
        for driver in [&mut ada, &mut bob, &mut tina] {
            assert_no_complaints(driver);
        }
    });
}
