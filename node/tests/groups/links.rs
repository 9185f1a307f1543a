//! Invite links: for some, for a while, and for those who are let in.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::driver::SOON;
use crate::scene::{
    PREFIX, Scene, assert_complains_only_of, assert_no_complaints, content, play, service,
};
use crate::support::process;

fn hash(link: &Value) -> String {
    let link = link.as_str().expect("a link");
    link.strip_prefix(&format!("{PREFIX}+")).expect("the node's own links").to_owned()
}

/// A page, by Python's HTTP client.
fn page(url: &str) -> String {
    const SCRIPT: &str = "
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())
";
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT, url]);
    process::run(&mut command, Duration::from_secs(30)).stdout
}

#[test]
fn invite_links() {
    play("links::invite_links", |mut scene| {
        let chat = scene.group("Team");
        let Scene { ada, bob, tina, node } = &mut scene;
        let group = -chat;
        let peer = json!({ "peer": group });
        // A layer that does not say who was not added.
        let users = json!([{ "user": ada.user }]);
        let two = bob.invoke("messages.CreateChat", json!({ "users": users, "title": "Two" }));
        assert_eq!(two["_"], "Updates", "{two}");
        let three = bob.invoke(
            "messages.AddChatUser",
            json!({ "chat_id": two["chats"][0]["id"], "user_id": { "user": tina.user },
                "fwd_limit": 0 }),
        );
        assert_eq!(
            (&three["_"], &three["chats"][0]["participants_count"]),
            (&json!("Updates"), &json!(3)),
            "{three}"
        );

        // Outside is who is to come by links.
        bob.invoke(
            "messages.DeleteChatUser",
            json!({ "chat_id": chat, "user_id": { "user": "self" } }),
        );
        content(tina, "messageChatDeleteMember");
        ada.invoke(
            "messages.EditChatAdmin",
            json!({ "chat_id": chat, "user_id": { "user": tina.user }, "is_admin": true }),
        );
        tina.expect_event("being an admin", SOON, |event| {
            event["@type"] == "updateBasicGroup"
                && event["basic_group"]["status"]["@type"] == "chatMemberStatusAdministrator"
        });
        let leave = json!({ "chat_id": chat, "user_id": { "user": "self" } });

        // One place, by TDLib.
        let made = tina.request(
            "createChatInviteLink",
            json!({ "chat_id": group, "name": "one", "expiration_date": 0, "member_limit": 1,
                "creates_join_request": false }),
        );
        let one = hash(&made["invite_link"]);
        let seen = bob.invoke("messages.CheckChatInvite", json!({ "hash": one }));
        assert_eq!((&seen["title"], &seen["participants_count"]), (&json!("Team"), &json!(2)));
        let known = seen["participants"].as_array().map(Vec::len);
        assert_eq!(known, Some(2), "those whom bob keeps as contacts: {seen}");
        bob.invoke("messages.ImportChatInvite", json!({ "hash": one }));
        let said = service(ada, "MessageActionChatJoinedByLink");
        assert_eq!(said["message"]["action"]["inviter_id"], tina.user, "{said}");
        content(tina, "messageChatJoinByLink");
        // The page of a link says what its address says.
        let page = page(&format!("http://{}/+{one}", node.http));
        assert!(page.contains(&format!("tg://join?invite={one}")), "{page}");
        assert!(!page.contains("Team"), "{page}");
        // The same link, as TDLib opens it.
        let opened = format!("tg://join?invite={one}");
        let opened = tina.request("checkChatInviteLink", json!({ "invite_link": opened }));
        assert_eq!(opened["chat_id"], group, "{opened}");
        let already = bob.invoke("messages.CheckChatInvite", json!({ "hash": one }));
        assert_eq!(already["_"], "ChatInviteAlready", "{already}");
        let refused = bob.invoke_refused("messages.ImportChatInvite", json!({ "hash": one }));
        assert_eq!(refused, (400, "USER_ALREADY_PARTICIPANT".into()));
        bob.invoke("messages.DeleteChatUser", leave.clone());
        let refused = bob.invoke_refused("messages.ImportChatInvite", json!({ "hash": one }));
        assert_eq!(refused, (406, "INVITE_HASH_EXPIRED".into()), "used up");
        let members = tina.request(
            "getChatInviteLinkMembers",
            json!({ "chat_id": group, "invite_link": made["invite_link"], "limit": 10 }),
        );
        assert_eq!(members["members"][0]["user_id"], bob.user, "{members}");

        // The one that is always there, replaced; another one, changed and revoked.
        let always = ada.invoke("messages.ExportChatInvite", json!({ "peer": peer }));
        assert_eq!(always["permanent"], true, "{always}");
        let full = ada.invoke("messages.GetFullChat", json!({ "chat_id": chat }));
        assert_eq!(full["full_chat"]["exported_invite"]["link"], always["link"], "{full}");
        let next = ada.invoke(
            "messages.EditExportedChatInvite",
            json!({ "peer": peer, "link": always["link"], "revoked": true }),
        );
        assert_eq!(next["invite"]["revoked"], true, "{next}");
        let link = next["new_invite"]["link"].clone();
        assert_ne!(link, always["link"]);
        let refused = bob
            .invoke_refused("messages.ImportChatInvite", json!({ "hash": hash(&always["link"]) }));
        assert_eq!(refused, (406, "INVITE_HASH_EXPIRED".into()));
        let soon = rookery_load::clock::since_epoch().as_secs() + 3600;
        let titled = ada.invoke(
            "messages.ExportChatInvite",
            json!({ "peer": peer, "title": "Friends", "expire_date": soon, "usage_limit": 9 }),
        );
        let known = (&titled["title"], &titled["expire_date"], &titled["usage_limit"]);
        assert_eq!(known, (&json!("Friends"), &json!(soon), &json!(9)), "{titled}");
        let edited = ada.invoke(
            "messages.EditExportedChatInvite",
            json!({ "peer": peer, "link": titled["link"], "usage_limit": 3 }),
        );
        assert_eq!(edited["invite"]["usage_limit"], 3, "{edited}");
        let found = ada.invoke(
            "messages.GetExportedChatInvite",
            json!({ "peer": peer, "link": titled["link"] }),
        );
        assert_eq!(found["invite"]["title"], "Friends", "{found}");
        let past = ada.invoke_refused(
            "messages.ExportChatInvite",
            json!({ "peer": peer, "expire_date": 1000 }),
        );
        assert_eq!(past, (400, "EXPIRE_DATE_INVALID".into()));
        let list = |revoked: bool| json!({ "peer": peer, "admin_id": { "user": "self" }, "limit": 10, "revoked": revoked });
        let links = ada.invoke("messages.GetExportedChatInvites", list(false));
        assert_eq!(links["count"], 2, "{links}");
        assert_eq!(links["invites"][0]["permanent"], true, "{links}");
        let admins = ada.invoke("messages.GetAdminsWithInvites", json!({ "peer": peer }));
        let admins = admins["admins"].as_array().unwrap().clone();
        assert_eq!(admins.len(), 2, "{admins:?}");
        let refused = ada.invoke_refused(
            "messages.DeleteExportedChatInvite",
            json!({ "peer": peer, "link": titled["link"] }),
        );
        assert_eq!(refused, (400, "INVITE_REVOKED_MISSING".into()));
        ada.invoke(
            "messages.DeleteExportedChatInvite",
            json!({ "peer": peer, "link": always["link"] }),
        );
        ada.invoke(
            "messages.EditExportedChatInvite",
            json!({ "peer": peer, "link": titled["link"], "revoked": true }),
        );
        assert_eq!(ada.invoke("messages.GetExportedChatInvites", list(true))["count"], 1);
        ada.invoke(
            "messages.DeleteRevokedExportedChatInvites",
            json!({ "peer": peer, "admin_id": { "user": "self" } }),
        );
        assert_eq!(ada.invoke("messages.GetExportedChatInvites", list(true))["count"], 0);
        let replaced = tina.request("replacePrimaryChatInviteLink", json!({ "chat_id": group }));
        assert_eq!(replaced["is_primary"], true, "{replaced}");
        let mine = json!({ "chat_id": group, "creator_user_id": tina.user, "is_revoked": false,
            "offset_date": 0, "offset_invite_link": "", "limit": 10 });
        let mine = tina.request("getChatInviteLinks", mine);
        assert_eq!(mine["total_count"], 2, "{mine}");

        // Asking: over a kill of the node, turned away, asked again and let in.
        let asks = ada.invoke(
            "messages.ExportChatInvite",
            json!({ "peer": peer, "request_needed": true, "title": "Ask" }),
        );
        let asking = json!({ "hash": hash(&asks["link"]) });
        let seen = bob.invoke("messages.CheckChatInvite", asking.clone());
        assert_eq!(seen["request_needed"], true, "{seen}");
        let sent = (400, "INVITE_REQUEST_SENT".to_owned());
        assert_eq!(bob.invoke_refused("messages.ImportChatInvite", asking.clone()), sent);
        let waits = ada.expect(&json!({ "_": "UpdatePendingJoinRequests", "requests_pending": 1 }));
        assert_eq!(waits["recent_requesters"], json!([bob.user]), "{waits}");
        tina.expect_event("who waits", SOON, |event| {
            event["@type"] == "updateChatPendingJoinRequests"
                && event["pending_join_requests"]["total_count"] == 1
        });
        node.kill_and_restart();
        for driver in [&mut *ada, &mut *bob, &mut *tina] {
            driver.settle();
        }
        let nobody = json!({ "_": "InputUserEmpty" });
        let waiting = json!({ "peer": peer, "requested": true, "offset_date": null,
            "offset_user": nobody, "limit": 10 });
        let waiting = ada.invoke("messages.GetChatInviteImporters", waiting);
        assert_eq!(waiting["importers"][0]["user_id"], bob.user, "{waiting}");
        let full = ada.invoke("messages.GetFullChat", json!({ "chat_id": chat }));
        assert_eq!(full["full_chat"]["requests_pending"], 1, "{full}");
        ada.invoke(
            "messages.HideChatJoinRequest",
            json!({ "peer": peer, "user_id": { "user": bob.user }, "approved": false }),
        );
        let refused = ada.invoke_refused(
            "messages.HideChatJoinRequest",
            json!({ "peer": peer, "user_id": { "user": bob.user }, "approved": true }),
        );
        assert_eq!(refused, (400, "HIDE_REQUESTER_MISSING".into()));
        assert_eq!(bob.invoke_refused("messages.ImportChatInvite", asking.clone()), sent);
        let requests = tina.request(
            "getChatJoinRequests",
            json!({ "chat_id": group, "invite_link": "", "query": "", "limit": 10 }),
        );
        assert_eq!(requests["requests"][0]["user_id"], bob.user, "{requests}");
        tina.request(
            "processChatJoinRequest",
            json!({ "chat_id": group, "user_id": bob.user, "approve": true }),
        );
        service(bob, "MessageActionChatJoinedByRequest");
        service(ada, "MessageActionChatJoinedByRequest");
        content(tina, "messageChatJoinByRequest");
        bob.invoke("messages.DeleteChatUser", leave);
        assert_eq!(bob.invoke_refused("messages.ImportChatInvite", asking.clone()), sent);
        ada.invoke("messages.HideAllChatJoinRequests", json!({ "peer": peer, "approved": true }));
        service(bob, "MessageActionChatJoinedByRequest");

        // Who is removed does not come back by a link; nonsense is refused.
        ada.invoke(
            "messages.DeleteChatUser",
            json!({ "chat_id": chat, "user_id": { "user": bob.user } }),
        );
        let refused =
            bob.invoke_refused("messages.ImportChatInvite", json!({ "hash": hash(&link) }));
        assert_eq!(refused, (406, "INVITE_HASH_EXPIRED".into()));
        let nonsense =
            bob.invoke_refused("messages.CheckChatInvite", json!({ "hash": "nonsense" }));
        assert_eq!(nonsense, (400, "INVITE_HASH_INVALID".into()));
        let refused = bob.invoke_refused("messages.ExportChatInvite", json!({ "peer": peer }));
        assert_eq!(refused, (400, "USER_NOT_PARTICIPANT".into()));
        for driver in [ada, bob] {
            assert_no_complaints(driver);
        }
        // TDLib takes links of Telegram's own hosts only for valid, whatever `me_url_prefix` says,
        // and goes on all the same.
        assert_complains_only_of(tina, "Unsupported invite link https://rookery.example/+");
    });
}
