//! A group in which everybody writes, with admins, bans and default rights.

use serde_json::{Value, json};

use crate::CHANNELS;
use crate::driver::{Driver, SOON};
use crate::scene::{Scene, assert_no_complaints, content, message, play, td_send};

fn status(kind: &str, more: Value) -> Value {
    let mut status = json!({ "@type": kind });
    let (Value::Object(all), Value::Object(more)) = (&mut status, more) else { panic!() };
    all.extend(more);
    status
}

fn says(driver: &mut Driver, peer: i64, text: &str, random_id: i64) -> (i64, String) {
    driver.invoke_refused(
        "messages.SendMessage",
        json!({ "peer": { "peer": peer }, "message": text, "random_id": random_id }),
    )
}

#[test]
fn a_supergroup_with_admins_and_bans() {
    play("supergroup::a_supergroup_with_admins_and_bans", |scene| {
        let Scene { node: _node, mut ada, mut bob, mut tina } = scene;
        // Who adds others has to know them.
        for driver in [&mut ada, &mut bob] {
            driver.send(tina.user, "hello tina");
        }
        message(&mut tina, "hello tina");
        message(&mut tina, "hello tina");
        let made = tina.request(
            "createNewSupergroupChat",
            json!({ "title": "Crew", "description": "All hands", "is_forum": false,
                "is_channel": false, "message_auto_delete_time": 0, "for_import": false }),
        );
        let crew = made["id"].as_i64().expect("a chat");
        let channel = json!({ "channel": crew });
        let users = json!([ada.user, bob.user]);
        let failed = tina.request("addChatMembers", json!({ "chat_id": crew, "user_ids": users }));
        assert_eq!(failed["failed_to_add_members"], json!([]), "{failed}");
        for driver in [&mut ada, &mut bob] {
            driver.expect_event("who was added", SOON, |event| {
                event["_"] == "UpdateNewChannelMessage"
                    && event["message"]["action"]["_"] == "MessageActionChatAddUser"
            });
        }

        // Everybody writes, under one number for all; an answer names it.
        let first = td_send(&mut tina, crew, "welcome aboard", None);
        assert_eq!(message(&mut ada, "welcome aboard")["id"], first);
        let heard = message(&mut bob, "welcome aboard");
        assert_eq!((&heard["id"], &heard["from"]), (&json!(first), &json!(tina.user)));
        let answer = bob.send_with(crew, "aye", json!({ "reply_to": first }));
        assert_eq!(message(&mut ada, "aye")["reply_to"], first);
        message(&mut tina, "aye");
        bob.command("typing", json!({ "to": crew }));
        ada.expect(&json!({ "event": "typing", "user": bob.user, "peer": crew }));
        // Whoever reads moves the double tick.
        ada.invoke("channels.ReadHistory", json!({ "channel": channel, "max_id": answer }));
        tina.expect(&json!({ "event": "read_outbox", "peer": crew, "max_id": answer }));

        // Who may do what: a restriction, by the creator.
        let restricted = status(
            "chatMemberStatusRestricted",
            json!({ "is_member": true, "restricted_until_date": 0,
                "permissions": { "@type": "chatPermissions", "can_send_basic_messages": false,
                    "can_send_photos": true } }),
        );
        let of = |user: i64| json!({ "@type": "messageSenderUser", "user_id": user });
        tina.request(
            "setChatMemberStatus",
            json!({ "chat_id": crew, "member_id": of(bob.user), "status": restricted }),
        );
        let refused = says(&mut bob, crew, "muted", 11);
        assert_eq!(refused, (403, "CHAT_SEND_PLAIN_FORBIDDEN".into()));
        let found = ada.invoke(
            "channels.GetParticipant",
            json!({ "channel": channel, "participant": { "peer": bob.user } }),
        );
        assert_eq!(found["participant"]["_"], "ChannelParticipantBanned", "{found}");
        assert_eq!(found["participant"]["left"], false);
        tina.request(
            "setChatMemberStatus",
            json!({ "chat_id": crew, "member_id": of(bob.user),
                "status": status("chatMemberStatusMember", json!({ "member_until_date": 0 })) }),
        );
        bob.send(crew, "free again");
        message(&mut ada, "free again");
        message(&mut tina, "free again");

        // An admin may do what was granted, to those below.
        let ban = |user: i64, view: bool| {
            json!({ "channel": channel, "participant": { "peer": user },
                "banned_rights": { "_": "ChatBannedRights", "view_messages": view, "until_date": 0 } })
        };
        let refused = ada.invoke_refused("channels.EditBanned", ban(bob.user, true));
        assert_eq!(refused, (400, "CHAT_ADMIN_REQUIRED".into()));
        let rights = json!({ "@type": "chatAdministratorRights", "can_restrict_members": true,
            "can_delete_messages": true, "can_manage_chat": true, "can_invite_users": true });
        tina.request(
            "setChatMemberStatus",
            json!({ "chat_id": crew, "member_id": of(ada.user),
                "status": status("chatMemberStatusAdministrator",
                    json!({ "custom_title": "Mate", "can_be_edited": true, "rights": rights })) }),
        );
        let admins = bob.invoke(
            "channels.GetParticipants",
            json!({ "channel": channel, "filter": { "_": "ChannelParticipantsAdmins" },
                "offset": 0, "limit": 10, "hash": 0 }),
        );
        assert_eq!(admins["count"], 2, "{admins}");
        let refused = ada.invoke_refused("channels.EditBanned", ban(tina.user, true));
        assert_eq!(refused, (400, "USER_ADMIN_INVALID".into()), "the creator is above");
        ada.invoke("channels.EditBanned", ban(bob.user, true));
        content(&mut tina, "messageChatDeleteMember");
        let refused = says(&mut bob, crew, "thrown out", 12);
        assert_eq!(refused.1, "CHANNEL_PRIVATE", "{refused:?}");
        let seen = bob.invoke("channels.GetChannels", json!({ "id": [channel] }));
        assert_eq!(seen["chats"][0]["_"], "ChannelForbidden", "{seen}");
        let number = CHANNELS - crew;
        let out = tina.request(
            "getSupergroupMembers",
            json!({ "supergroup_id": number, "offset": 0, "limit": 10,
                "filter": { "@type": "supergroupMembersFilterBanned", "query": "" } }),
        );
        assert_eq!(out["members"][0]["member_id"]["user_id"], bob.user, "{out}");
        // What he wrote can be taken away by an admin.
        ada.invoke("channels.DeleteMessages", json!({ "channel": channel, "id": [answer] }));
        tina.expect(&json!({ "event": "deleted", "ids": [answer] }));
        // Let off, he is outside until somebody adds him.
        ada.invoke("channels.EditBanned", ban(bob.user, false));
        let back = json!({ "channel": channel, "users": [{ "user": bob.user }] });
        ada.invoke("channels.InviteToChannel", back);
        bob.expect_event("who was added", SOON, |event| {
            event["_"] == "UpdateNewChannelMessage"
                && event["message"]["action"]["_"] == "MessageActionChatAddUser"
        });
        bob.send(crew, "back");
        message(&mut ada, "back");
        message(&mut tina, "back");

        // What members may do at all, and how often they write.
        let permissions = json!({ "@type": "chatPermissions", "can_send_basic_messages": true });
        tina.request("setChatPermissions", json!({ "chat_id": crew, "permissions": permissions }));
        let refused = bob
            .invoke_refused("channels.EditTitle", json!({ "channel": channel, "title": "Mine" }));
        assert_eq!(refused, (400, "CHAT_ADMIN_REQUIRED".into()));
        tina.request("setChatSlowModeDelay", json!({ "chat_id": crew, "slow_mode_delay": 300 }));
        bob.send(crew, "once");
        message(&mut tina, "once");
        let refused = says(&mut bob, crew, "twice", 13);
        assert_eq!(refused.0, 420, "{refused:?}");
        tina.request("setChatTitle", json!({ "chat_id": crew, "title": "The crew" }));
        ada.expect_event("the title", SOON, |event| {
            event["_"] == "UpdateNewChannelMessage"
                && event["message"]["action"]["title"] == "The crew"
        });
        for driver in [&mut ada, &mut bob, &mut tina] {
            assert_no_complaints(driver);
        }
    });
}
