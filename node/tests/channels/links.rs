//! Invite links of a supergroup and of a channel: followed, asked by, and ended.

use serde_json::{Value, json};

use crate::CHANNELS;
use crate::driver::{Driver, SOON};
use crate::scene::{
    PREFIX, Scene, assert_complains_only_of, assert_no_complaints, content, message, play,
};

fn hash(link: &Value) -> String {
    let link = link.as_str().expect("a link");
    link.strip_prefix(&format!("{PREFIX}+")).expect("the node's own links").to_owned()
}

/// A service message of a channel, as a raw update.
fn service(driver: &mut Driver, action: &str) -> Value {
    driver.expect_event(action, SOON, |event| {
        event["_"] == "UpdateNewChannelMessage" && event["message"]["action"]["_"] == *action
    })
}

#[test]
fn links_of_channels() {
    play("links::links_of_channels", |scene| {
        let Scene { node: _node, mut ada, mut bob, mut tina } = scene;
        // A supergroup of ada's, to which links of hers lead.
        let made = ada.invoke(
            "channels.CreateChannel",
            json!({ "title": "Crew", "about": "All hands", "megagroup": true }),
        );
        let crew = CHANNELS - made["chats"][0]["id"].as_i64().expect("a channel");
        let (channel, peer) = (json!({ "channel": crew }), json!({ "peer": crew }));
        let always = ada.invoke("messages.ExportChatInvite", json!({ "peer": peer }));
        assert_eq!(always["permanent"], true, "{always}");
        let full = ada.invoke("channels.GetFullChannel", json!({ "channel": channel }));
        assert_eq!(full["full_chat"]["exported_invite"]["link"], always["link"], "{full}");
        let open = json!({ "hash": hash(&always["link"]) });

        // Pyrogram comes by it, and TDLib by its own address for it.
        let seen = bob.invoke("messages.CheckChatInvite", open.clone());
        let known = (&seen["title"], &seen["participants_count"], &seen["megagroup"]);
        assert_eq!(known, (&json!("Crew"), &json!(1), &json!(true)), "{seen}");
        bob.invoke("messages.ImportChatInvite", open.clone());
        let said = service(&mut ada, "MessageActionChatJoinedByLink");
        assert_eq!(said["message"]["action"]["inviter_id"], ada.user, "{said}");
        let already = bob.invoke("messages.CheckChatInvite", open.clone());
        assert_eq!(already["_"], "ChatInviteAlready", "{already}");
        let refused = bob.invoke_refused("messages.ImportChatInvite", open.clone());
        assert_eq!(refused, (400, "USER_ALREADY_PARTICIPANT".into()));
        let opened = format!("tg://join?invite={}", hash(&always["link"]));
        let joined = tina.request("joinChatByInviteLink", json!({ "invite_link": opened }));
        let joined = joined["chat_id"].as_i64().or(joined["id"].as_i64());
        assert_eq!(joined, Some(crew));
        service(&mut ada, "MessageActionChatJoinedByLink");
        let first = ada.send(crew, "welcome aboard");
        assert_eq!(message(&mut bob, "welcome aboard")["id"], first);
        message(&mut tina, "welcome aboard");

        // Members make no links; admins who may invite do, as TDLib's.
        let refused = bob.invoke_refused("messages.ExportChatInvite", json!({ "peer": peer }));
        assert_eq!(refused, (400, "CHAT_ADMIN_REQUIRED".into()));
        ada.invoke(
            "channels.EditAdmin",
            json!({ "channel": channel, "user_id": { "user": tina.user }, "rank": "Mate",
                "admin_rights": { "_": "ChatAdminRights", "invite_users": true, "other": true } }),
        );
        tina.expect_event("being an admin", SOON, |event| {
            event["@type"] == "updateSupergroup"
                && event["supergroup"]["status"]["@type"] == "chatMemberStatusAdministrator"
        });
        let asks = tina.request(
            "createChatInviteLink",
            json!({ "chat_id": crew, "name": "ask", "expiration_date": 0, "member_limit": 0,
                "creates_join_request": true }),
        );
        let asking = json!({ "hash": hash(&asks["invite_link"]) });
        let admins = ada.invoke("messages.GetAdminsWithInvites", json!({ "peer": peer }));
        assert_eq!(admins["admins"].as_array().map(Vec::len), Some(2), "{admins}");

        // Asking, turned away, asked again and let in.
        bob.invoke("channels.LeaveChannel", json!({ "channel": channel }));
        let sent = (400, "INVITE_REQUEST_SENT".to_owned());
        assert_eq!(bob.invoke_refused("messages.ImportChatInvite", asking.clone()), sent);
        let waits = ada.expect(&json!({ "_": "UpdatePendingJoinRequests", "requests_pending": 1 }));
        assert_eq!(waits["recent_requesters"], json!([bob.user]), "{waits}");
        tina.expect_event("who waits", SOON, |event| {
            event["@type"] == "updateChatPendingJoinRequests"
                && event["pending_join_requests"]["total_count"] == 1
        });
        let waiting = json!({ "peer": peer, "requested": true, "offset_date": null,
            "offset_user": { "_": "InputUserEmpty" }, "limit": 10 });
        let waiting = ada.invoke("messages.GetChatInviteImporters", waiting);
        assert_eq!(waiting["importers"][0]["user_id"], bob.user, "{waiting}");
        ada.invoke(
            "messages.HideChatJoinRequest",
            json!({ "peer": peer, "user_id": { "user": bob.user }, "approved": false }),
        );
        assert_eq!(bob.invoke_refused("messages.ImportChatInvite", asking.clone()), sent);
        let requests = tina.request(
            "getChatJoinRequests",
            json!({ "chat_id": crew, "invite_link": "", "query": "", "limit": 10 }),
        );
        assert_eq!(requests["requests"][0]["user_id"], bob.user, "{requests}");
        tina.request(
            "processChatJoinRequest",
            json!({ "chat_id": crew, "user_id": bob.user, "approve": true }),
        );
        service(&mut bob, "MessageActionChatJoinedByRequest");
        service(&mut ada, "MessageActionChatJoinedByRequest");
        content(&mut tina, "messageChatJoinByRequest");

        // Who is banned does not come back by a link.
        ada.invoke(
            "channels.EditBanned",
            json!({ "channel": channel, "participant": { "peer": bob.user },
                "banned_rights": { "_": "ChatBannedRights", "view_messages": true, "until_date": 0 } }),
        );
        let over = (406, "INVITE_HASH_EXPIRED".to_owned());
        assert_eq!(bob.invoke_refused("messages.ImportChatInvite", open.clone()), over);
        assert_eq!(bob.invoke_refused("messages.CheckChatInvite", asking), over);

        // A broadcast channel: come by a link of TDLib's, nothing is said about it.
        let made = tina.request(
            "createNewSupergroupChat",
            json!({ "title": "News", "description": "", "is_forum": false, "is_channel": true,
                "message_auto_delete_time": 0, "for_import": false }),
        );
        let news = made["id"].as_i64().expect("a chat");
        let link = tina.request(
            "createChatInviteLink",
            json!({ "chat_id": news, "name": "one", "expiration_date": 0, "member_limit": 1,
                "creates_join_request": false }),
        );
        let one = json!({ "hash": hash(&link["invite_link"]) });
        let seen = bob.invoke("messages.CheckChatInvite", one.clone());
        assert_eq!((&seen["broadcast"], &seen["channel"]), (&json!(true), &json!(true)), "{seen}");
        bob.invoke("messages.ImportChatInvite", one.clone());
        // Telethon has a number of its own for the error.
        let refused = ada.invoke_refused("messages.ImportChatInvite", one);
        assert_eq!(refused.1, over.1, "used up");
        let members = tina.request(
            "getChatInviteLinkMembers",
            json!({ "chat_id": news, "invite_link": link["invite_link"], "limit": 10 }),
        );
        assert_eq!(members["members"][0]["user_id"], bob.user, "{members}");
        for driver in [&mut ada, &mut bob] {
            assert_no_complaints(driver);
        }
        // TDLib takes links of Telegram's own hosts only for valid, whatever `me_url_prefix` says,
        // and goes on all the same.
        assert_complains_only_of(&mut tina, "Unsupported invite link https://rookery.example/+");
    });
}
