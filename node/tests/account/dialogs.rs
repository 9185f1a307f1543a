//! Dialogs as a member arranges them.

use serde_json::{Value, json};

use crate::clients::{PYROGRAM, TDLIB, TELETHON};
use crate::driver::{Driver, SOON};
use crate::scene::{Scene, assert_no_complaints, id_of, play, td_id};

#[test]
fn unread_marks() {
    play("dialogs::unread_marks", [&PYROGRAM, &TDLIB, &TELETHON], |mut scene| {
        let Scene { ada, ada2, bob, .. } = &mut scene;
        bob.send(ada.user, "hello");
        let id = ada.expect(&json!({ "event": "message", "text": "hello" }))["id"].clone();
        ada2.expect(&json!({ "event": "message", "text": "hello" }));
        // TDLib asks for a dialog that begins: an answer from before a mark would take the mark away.
        ada2.command("dialogs", json!({}));
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

/// What the main list of TDLib shows, in its order.
fn main_list(tdlib: &mut Driver) -> Vec<i64> {
    let dialogs = tdlib.command("dialogs", json!({}));
    let dialogs = dialogs["dialogs"].as_array().expect("a list");
    dialogs.iter().map(|dialog| dialog["peer"].as_i64().expect("a number")).collect()
}

fn input(peer: i64) -> Value {
    json!({ "_": "InputDialogPeer", "peer": { "peer": peer } })
}

#[test]
fn drafts() {
    play("dialogs::drafts", [&PYROGRAM, &TDLIB, &TELETHON], |mut scene| {
        let Scene { ada, ada2, bob, .. } = &mut scene;
        let sent = bob.send(ada.user, "well?");
        ada2.expect(&json!({ "event": "message", "text": "well?" }));
        let first = ada.expect(&json!({ "event": "message", "text": "well?" }))["id"].clone();
        // Typed on one device, seen on the other, with its formatting and what it answers.
        let bold = json!({ "_": "MessageEntityBold", "offset": 0, "length": 3 });
        ada.invoke(
            "messages.SaveDraft",
            json!({
                "peer": { "peer": bob.user }, "message": "not yet ", "entities": [bold],
                "reply_to_msg_id": first,
            }),
        );
        let seen = ada2.expect_event("the draft", SOON, |event| {
            event["@type"] == "updateChatDraftMessage" && !event["draft_message"].is_null()
        });
        let draft = &seen["draft_message"];
        assert_eq!(draft["reply_to"]["message_id"], td_id(first.as_i64().unwrap()), "{seen}");
        let text = &draft["content"]["text"];
        assert_eq!(text["text"].as_str().map(str::trim_end), Some("not yet"), "{seen}");
        // The other way round.
        let mut theirs = draft.clone();
        theirs["content"]["text"] = json!({ "@type": "formattedText", "text": "now" });
        theirs["reply_to"] = Value::Null;
        ada2.request(
            "setChatDraftMessage",
            json!({ "chat_id": bob.user, "draft_message": theirs }),
        );
        let update = ada.expect_event("the other draft", SOON, |event| {
            event["_"] == "UpdateDraftMessage" && event["draft"]["message"] == "now"
        });
        assert_eq!(update["draft"]["reply_to_msg_id"], Value::Null);
        let all = ada.invoke("messages.GetAllDrafts", json!({}));
        assert_eq!(all["updates"].as_array().map(Vec::len), Some(1), "{all}");
        let dialogs = ada.invoke("messages.GetPeerDialogs", json!({ "peers": [input(bob.user)] }));
        assert_eq!(dialogs["dialogs"][0]["draft"]["message"], "now", "{dialogs}");
        // Nobody else learns of it.
        assert_eq!(bob.came(&json!({ "_": "UpdateDraftMessage" })), Vec::<Value>::new());
        // Sent, it is gone.
        ada.invoke(
            "messages.SendMessage",
            json!({ "peer": { "peer": bob.user }, "message": "now", "random_id": 5, "clear_draft": true }),
        );
        bob.expect(&json!({ "event": "message", "text": "now" }));
        ada2.expect_event("no draft", SOON, |event| {
            event["@type"] == "updateChatDraftMessage" && event["draft_message"].is_null()
        });
        // All at once.
        for peer in [json!("self"), json!(bob.user)] {
            ada.invoke("messages.SaveDraft", json!({ "peer": { "peer": peer }, "message": "x" }));
        }
        ada.invoke("messages.ClearAllDrafts", json!({}));
        let all = ada.invoke("messages.GetAllDrafts", json!({}));
        assert_eq!(all["updates"], json!([]));
        assert!(sent > 0);
        assert_no_complaints(ada2);
    });
}

#[test]
fn pinned_dialogs() {
    play("dialogs::pinned_dialogs", [&PYROGRAM, &TDLIB, &TELETHON], |mut scene| {
        let Scene { ada, ada2, bob, .. } = &mut scene;
        let (me, friend) = (ada.user, bob.user);
        bob.send(me, "first");
        ada.expect(&json!({ "event": "message", "text": "first" }));
        ada.send("self", "a note");
        ada2.expect(&json!({ "event": "message", "text": "a note" }));
        assert_eq!(main_list(ada2)[..2], [me, friend]);
        ada.invoke("messages.ToggleDialogPin", json!({ "peer": input(friend), "pinned": true }));
        ada2.expect_event("a pinned dialog", SOON, |event| {
            event["@type"] == "updateChatPosition"
                && event["chat_id"] == friend
                && event["position"]["is_pinned"] == true
        });
        assert_eq!(main_list(ada2)[..2], [friend, me]);
        ada2.request(
            "toggleChatIsPinned",
            json!({ "chat_list": { "@type": "chatListMain" }, "chat_id": me, "is_pinned": true }),
        );
        ada.expect_event("the other pin", SOON, |event| {
            event["_"] == "UpdateDialogPinned" && event["peer"]["peer"]["user_id"] == me
        });
        let pinned = |ada: &mut Driver| -> Vec<i64> {
            let found = ada.invoke("messages.GetPinnedDialogs", json!({ "folder_id": 0 }));
            let dialogs = found["dialogs"].as_array().expect("a list");
            dialogs.iter().map(|one| one["peer"]["user_id"].as_i64().unwrap()).collect()
        };
        assert_eq!(pinned(ada), [me, friend]);
        ada2.request(
            "setPinnedChats",
            json!({ "chat_list": { "@type": "chatListMain" }, "chat_ids": [friend, me] }),
        );
        ada.expect(&json!({ "_": "UpdatePinnedDialogs" }));
        assert_eq!(pinned(ada), [friend, me]);
        // Pinned ones come first, whatever is newer, and are not repeated on the next page.
        bob.send(me, "second");
        let page = |ada: &mut Driver, exclude: bool| {
            let found = ada.invoke(
                "messages.GetDialogs",
                json!({
                    "exclude_pinned": exclude, "offset_date": 0, "offset_id": 0,
                    "offset_peer": { "_": "InputPeerEmpty" }, "limit": 10, "hash": 0,
                }),
            );
            let dialogs = found["dialogs"].as_array().expect("a list").clone();
            dialogs.iter().map(|one| one["peer"]["user_id"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(page(ada, false)[..2], [friend, me]);
        assert!(!page(ada, true).contains(&friend));
        ada.invoke("messages.ToggleDialogPin", json!({ "peer": input(friend), "pinned": false }));
        ada.invoke(
            "messages.ReorderPinnedDialogs",
            json!({ "folder_id": 0, "order": [], "force": true }),
        );
        assert_eq!(pinned(ada), Vec::<i64>::new());
        assert_no_complaints(ada2);
    });
}

#[test]
fn the_archive() {
    play("dialogs::the_archive", [&TELETHON, &TDLIB, &PYROGRAM], |mut scene| {
        let Scene { ada, ada2, bob, .. } = &mut scene;
        let (me, friend) = (ada.user, bob.user);
        bob.send(me, "first");
        ada.expect(&json!({ "event": "message", "text": "first" }));
        assert!(main_list(ada2).contains(&friend));
        let into = |peer: i64, folder: i64| {
            json!({ "folder_peers": [
                { "_": "InputFolderPeer", "peer": { "peer": peer }, "folder_id": folder },
            ] })
        };
        let moved = ada.invoke("folders.EditPeerFolders", into(friend, 1));
        assert_eq!(moved["updates"][0]["_"], "UpdateFolderPeers", "{moved}");
        ada2.expect_event("the archive", SOON, |event| {
            event["@type"] == "updateChatPosition"
                && event["chat_id"] == friend
                && event["position"]["list"]["@type"] == "chatListArchive"
        });
        assert!(!main_list(ada2).contains(&friend));
        let of = |ada: &mut Driver, folder: i64| {
            let found = ada.invoke(
                "messages.GetDialogs",
                json!({
                    "folder_id": folder, "offset_date": 0, "offset_id": 0,
                    "offset_peer": { "_": "InputPeerEmpty" }, "limit": 10, "hash": 0,
                }),
            );
            let dialogs = found["dialogs"].as_array().expect("a list").clone();
            dialogs.iter().map(|one| one["peer"]["user_id"].as_i64().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(of(ada, 1), [friend]);
        assert!(!of(ada, 0).contains(&friend));
        // Muted, it stays there when something comes; else it comes back.
        let mute = |until: i64| {
            json!({
                "peer": { "_": "InputNotifyPeer", "peer": { "peer": friend } },
                "settings": { "_": "InputPeerNotifySettings", "mute_until": until },
            })
        };
        ada.invoke("account.UpdateNotifySettings", mute(2_000_000_000));
        bob.send(me, "unheard");
        ada.expect(&json!({ "event": "message", "text": "unheard" }));
        assert_eq!(of(ada, 1), [friend]);
        ada.invoke("account.UpdateNotifySettings", mute(0));
        bob.send(me, "heard");
        ada.expect(&json!({ "_": "UpdateFolderPeers" }));
        assert_eq!(of(ada, 1), Vec::<i64>::new());
        ada2.expect_event("the main list", SOON, |event| {
            event["@type"] == "updateChatPosition"
                && event["chat_id"] == friend
                && event["position"]["list"]["@type"] == "chatListMain"
                && event["position"]["order"] != "0"
        });
        ada2.request(
            "addChatToList",
            json!({ "chat_id": friend, "chat_list": { "@type": "chatListArchive" } }),
        );
        ada.expect_event("archived by TDLib", SOON, |event| {
            event["_"] == "UpdateFolderPeers" && event["folder_peers"][0]["folder_id"] == 1
        });
        let refused = ada.invoke_refused("folders.EditPeerFolders", into(friend, 7));
        assert_eq!(refused, (400, "FOLDER_ID_INVALID".into()));
        assert_no_complaints(ada2);
    });
}

#[test]
fn notifications() {
    play("dialogs::notifications", [&PYROGRAM, &TDLIB, &TELETHON], |mut scene| {
        let Scene { ada, ada2, bob, .. } = &mut scene;
        let friend = bob.user;
        bob.send(ada.user, "first");
        ada.expect(&json!({ "event": "message", "text": "first" }));
        ada2.expect(&json!({ "event": "message", "text": "first" }));
        let of_friend = json!({ "_": "InputNotifyPeer", "peer": { "peer": friend } });
        let settings = json!({
            "_": "InputPeerNotifySettings", "mute_until": 2_000_000_000, "show_previews": false,
            "sound": { "_": "NotificationSoundNone" },
        });
        ada.invoke(
            "account.UpdateNotifySettings",
            json!({ "peer": of_friend, "settings": settings }),
        );
        let seen = ada2.expect_event("a muted chat", SOON, |event| {
            event["@type"] == "updateChatNotificationSettings"
                && event["chat_id"] == friend
                && event["notification_settings"]["mute_for"].as_i64() > Some(1000)
        });
        assert_eq!(seen["notification_settings"]["show_preview"], false, "{seen}");
        let dialogs = ada.invoke("messages.GetPeerDialogs", json!({ "peers": [input(friend)] }));
        let kept = &dialogs["dialogs"][0]["notify_settings"];
        assert_eq!(kept["mute_until"], 2_000_000_000, "{dialogs}");
        assert_eq!(kept["other_sound"]["_"], "NotificationSoundNone", "{dialogs}");
        let exceptions = ada.invoke("account.GetNotifyExceptions", json!({}));
        assert_eq!(exceptions["updates"].as_array().map(Vec::len), Some(1), "{exceptions}");
        // All private chats, by the other device.
        ada2.request(
            "setScopeNotificationSettings",
            json!({
                "scope": { "@type": "notificationSettingsScopePrivateChats" },
                "notification_settings": {
                    "@type": "scopeNotificationSettings", "mute_for": 0, "show_preview": false,
                    "sound_id": "0", "use_default_mute_stories": true,
                },
            }),
        );
        ada.expect_event("the scope", SOON, |event| {
            event["_"] == "UpdateNotifySettings" && event["peer"]["_"] == "NotifyUsers"
        });
        let scope = json!({ "peer": { "_": "InputNotifyUsers" } });
        let kept = ada.invoke("account.GetNotifySettings", scope.clone());
        assert_eq!(kept["show_previews"], false, "{kept}");
        ada.invoke("account.ResetNotifySettings", json!({}));
        let kept = ada.invoke("account.GetNotifySettings", scope);
        assert_eq!((&kept["show_previews"], &kept["mute_until"]), (&json!(true), &json!(0)));
        ada2.expect_event("not muted", SOON, |event| {
            event["@type"] == "updateChatNotificationSettings"
                && event["chat_id"] == friend
                && event["notification_settings"]["use_default_mute_for"] == true
        });
        assert_no_complaints(ada2);
    });
}

#[test]
fn folders() {
    play("dialogs::folders", [&PYROGRAM, &TDLIB, &TELETHON], |mut scene| {
        let Scene { ada, ada2, bob, .. } = &mut scene;
        let friend = bob.user;
        bob.send(ada.user, "first");
        ada.expect(&json!({ "event": "message", "text": "first" }));
        ada2.expect(&json!({ "event": "message", "text": "first" }));
        main_list(ada2);
        let filter = json!({
            "_": "DialogFilter", "id": 2, "title": "Friends", "contacts": true, "exclude_archived": true,
            "emoticon": "\u{1f44b}", "pinned_peers": [{ "peer": friend }], "include_peers": [],
            "exclude_peers": [],
        });
        ada.invoke("messages.UpdateDialogFilter", json!({ "id": 2, "filter": filter }));
        let seen = ada2.expect_event("a folder", SOON, |event| {
            event["@type"] == "updateChatFolders"
                && event["chat_folders"].as_array().is_some_and(|all| all.len() == 1)
        });
        assert_eq!(seen["chat_folders"][0]["name"]["text"]["text"], "Friends", "{seen}");
        let found = ada2.request("getChatFolder", json!({ "chat_folder_id": 2 }));
        assert_eq!(found["pinned_chat_ids"], json!([friend]), "{found}");
        let refused =
            ada.invoke_refused("messages.UpdateDialogFilter", json!({ "id": 1, "filter": filter }));
        assert_eq!(refused, (400, "FILTER_ID_INVALID".into()));
        // One by TDLib, read by a client of before titles had entities.
        let made = ada2.request(
            "createChatFolder",
            json!({ "folder": {
                "@type": "chatFolder",
                "name": { "@type": "chatFolderName", "text": { "@type": "formattedText", "text": "Work" } },
                "include_non_contacts": true, "exclude_read": true,
            } }),
        );
        ada.expect_event("TDLib's folder", SOON, |event| {
            event["_"] == "UpdateDialogFilter" && event["filter"]["title"] == "Work"
        });
        let number = made["id"].as_i64().expect("a number");
        ada2.request(
            "reorderChatFolders",
            json!({ "chat_folder_ids": [number, 2], "main_chat_list_position": 0 }),
        );
        ada.expect(&json!({ "_": "UpdateDialogFilterOrder", "order": [0, number, 2] }));
        let all = ada.invoke("messages.GetDialogFilters", json!({}));
        let titles: Vec<&Value> = all.as_array().unwrap().iter().map(|one| &one["title"]).collect();
        assert_eq!(titles, [&Value::Null, &json!("Work"), &json!("Friends")], "{all}");
        ada2.request("toggleChatFolderTags", json!({ "are_tags_enabled": false }));
        ada.invoke("messages.UpdateDialogFiltersOrder", json!({ "order": [2, 0, number] }));
        ada.invoke("messages.UpdateDialogFilter", json!({ "id": number }));
        ada2.expect_event("one folder less", SOON, |event| {
            event["@type"] == "updateChatFolders"
                && event["chat_folders"].as_array().is_some_and(|all| all.len() == 1)
                && event["chat_folders"][0]["id"] == 2
        });
        assert_no_complaints(ada2);
    });
}

#[test]
fn pinned_messages() {
    play("dialogs::pinned_messages", [&PYROGRAM, &TDLIB, &TELETHON], |mut scene| {
        let Scene { ada, ada2, bob, .. } = &mut scene;
        let (me, friend) = (ada.user, bob.user);
        let sent = ada.send(friend, "remember this");
        let theirs = bob.expect(&json!({ "event": "message", "text": "remember this" }));
        ada2.expect(&json!({ "event": "message", "text": "remember this" }));
        // For both, with a message that tells of it.
        let done = ada.invoke(
            "messages.UpdatePinnedMessage",
            json!({ "peer": { "peer": friend }, "id": sent }),
        );
        let kinds: Vec<&Value> =
            done["updates"].as_array().unwrap().iter().map(|one| &one["_"]).collect();
        assert_eq!(kinds, ["UpdatePinnedMessages", "UpdateNewMessage"], "{done}");
        let seen = bob.expect(&json!({ "_": "UpdatePinnedMessages", "pinned": true }));
        assert_eq!(seen["messages"], json!([theirs["id"]]), "{seen}");
        let service = bob.expect_event("the service message", SOON, |event| {
            event["message"]["action"]["_"] == "MessageActionPinMessage"
        });
        assert_eq!(service["message"]["reply_to"]["reply_to_msg_id"], theirs["id"], "{service}");
        ada2.expect(&json!({ "@type": "updateMessageIsPinned", "is_pinned": true }));
        let found = ada2.request("getChatPinnedMessage", json!({ "chat_id": friend }));
        assert_eq!(id_of(&found), sent, "{found}");
        let full = bob.invoke("users.GetFullUser", json!({ "id": { "user": me } }));
        assert_eq!(full["full_user"]["pinned_msg_id"], theirs["id"], "{full}");
        // A second one by TDLib, for itself alone.
        let second = bob.send(me, "only mine");
        let mine = ada2.expect(&json!({ "event": "message", "text": "only mine" }))["id"].clone();
        ada2.request(
            "pinChatMessage",
            json!({
                "chat_id": friend, "message_id": td_id(mine.as_i64().unwrap()),
                "disable_notification": true, "only_for_self": true,
            }),
        );
        let seen = ada.expect(&json!({ "_": "UpdatePinnedMessages", "messages": [mine] }));
        assert_eq!(seen["pinned"], true);
        let full = bob.invoke("users.GetFullUser", json!({ "id": { "user": me } }));
        assert_eq!(full["full_user"]["pinned_msg_id"], theirs["id"], "not {second}: {full}");
        // A service message is nothing to be pinned.
        let refused = bob.invoke_refused(
            "messages.UpdatePinnedMessage",
            json!({ "peer": { "peer": me }, "id": service["message"]["id"] }),
        );
        assert_eq!(refused, (400, "MESSAGE_ID_INVALID".into()));
        let done = ada.invoke("messages.UnpinAllMessages", json!({ "peer": { "peer": friend } }));
        assert_eq!((&done["pts_count"], &done["offset"]), (&json!(2), &json!(0)), "{done}");
        bob.expect(&json!({ "_": "UpdatePinnedMessages", "pinned": false }));
        let full = bob.invoke("users.GetFullUser", json!({ "id": { "user": me } }));
        assert_eq!(full["full_user"]["pinned_msg_id"], Value::Null, "{full}");
        assert_no_complaints(ada2);
    });
}
