//! What admins look up, by two clients that ask in their own ways.

use serde_json::json;

use crate::driver::SOON;
use crate::scene::{Scene, assert_no_complaints, message, play, td_id};
use crate::supergroup;

#[test]
fn the_log_of_what_admins_do() {
    play("admin_log::the_log_of_what_admins_do", |scene| {
        let Scene { node: _node, mut ada, mut bob, mut tina } = scene;
        for driver in [&mut bob, &mut tina] {
            driver.send(ada.user, "hello ada");
            message(&mut ada, "hello ada");
        }
        let crew = supergroup(&mut ada, "Crew");
        let channel = json!({ "channel": crew });
        let users =
            json!({ "channel": channel, "users": [{ "user": tina.user }, { "user": bob.user }] });
        ada.invoke("channels.InviteToChannel", users);
        // By an update or by a difference, as it comes.
        tina.expect_event("the new group", SOON, |event| {
            event["@type"] == "updateNewChat" && event["chat"]["id"] == crew
        });
        bob.expect_event("that he was added", SOON, |event| {
            event["message"]["action"]["_"] == "MessageActionChatAddUser"
        });
        let rights = json!({ "_": "ChatAdminRights", "ban_users": true, "delete_messages": true });
        let grant = |user: i64, rank: &str| {
            json!({ "channel": channel, "user_id": { "user": user }, "admin_rights": rights,
                "rank": rank })
        };
        ada.invoke("channels.EditAdmin", grant(tina.user, "Mate"));
        ada.invoke("channels.EditTitle", json!({ "channel": channel, "title": "All hands" }));
        let sent = bob.send(crew, "nobody shall see this");
        message(&mut tina, "nobody shall see this");
        tina.request(
            "deleteMessages",
            json!({ "chat_id": crew, "message_ids": [td_id(sent)], "revoke": true }),
        );
        tina.request("setChatSlowModeDelay", json!({ "chat_id": crew, "slow_mode_delay": 30 }));
        let muted = json!({ "@type": "chatMemberStatusRestricted", "is_member": true,
            "restricted_until_date": 0, "permissions": { "@type": "chatPermissions" } });
        let of = json!({ "@type": "messageSenderUser", "user_id": bob.user });
        tina.request(
            "setChatMemberStatus",
            json!({ "chat_id": crew, "member_id": of, "status": muted }),
        );

        // TDLib asks for all, and by kinds.
        let log = |kinds: serde_json::Value| {
            json!({ "chat_id": crew, "query": "", "from_event_id": 0, "limit": 50,
                "filters": kinds, "user_ids": [] })
        };
        let found = tina.request("getChatEventLog", log(serde_json::Value::Null));
        let events = found["events"].as_array().expect("events");
        let kinds: Vec<&str> =
            events.iter().filter_map(|event| event["action"]["@type"].as_str()).collect();
        assert_eq!(
            kinds,
            [
                "chatEventMemberRestricted",
                "chatEventSlowModeDelayChanged",
                "chatEventMessageDeleted",
                "chatEventTitleChanged",
                "chatEventMemberPromoted",
                // One event of ours, two of TDLib.
                "chatEventMemberTagChanged",
                "chatEventMemberInvited",
                "chatEventMemberInvited",
            ],
            "{found}"
        );
        let ids: std::collections::BTreeSet<_> =
            events.iter().filter_map(|event| event["id"].as_str()).collect();
        assert_eq!(ids.len(), events.len(), "no number twice: {found}");
        let gone = &events[2]["action"]["message"]["content"]["text"]["text"];
        assert_eq!(gone, "nobody shall see this", "{found}");
        let only = json!({ "@type": "chatEventLogFilters", "message_deletions": true });
        let found = tina.request("getChatEventLog", log(only));
        assert_eq!(found["events"].as_array().map(Vec::len), Some(1), "{found}");

        // Telethon by words; Pyrogram, who is no admin, not at all.
        let ask = json!({ "channel": channel, "q": "NOBODY", "max_id": 0, "min_id": 0,
            "limit": 10 });
        let found = ada.invoke("channels.GetAdminLog", ask.clone());
        let [event] = &found["events"].as_array().expect("events")[..] else { panic!("{found}") };
        assert_eq!(event["action"]["_"], "ChannelAdminLogEventActionDeleteMessage");
        assert_eq!(event["user_id"], tina.user);
        let refused = bob.invoke_refused("channels.GetAdminLog", ask.clone());
        assert_eq!(refused, (400, "CHAT_ADMIN_REQUIRED".into()));
        // As an admin he reads it in his layer.
        ada.invoke("channels.EditAdmin", grant(bob.user, ""));
        let all = json!({ "channel": channel, "q": "", "max_id": 0, "min_id": 0, "limit": 10 });
        let found = bob.invoke("channels.GetAdminLog", all);
        assert_eq!(found["events"].as_array().map(Vec::len), Some(8), "{found}");
        for driver in [&mut ada, &mut bob, &mut tina] {
            assert_no_complaints(driver);
        }
    });
}
