//! Scheduled messages, messages that go by themselves, and when a message was read.

use serde_json::{Value, json};

use crate::clients::{PYROGRAM, TDLIB, TELETHON};
use crate::driver::Driver;
use crate::scene::{Scene, assert_no_complaints, play, td_id};

/// Seconds that a message waits here: time enough to look at it on a busy machine.
const SOON_S: u64 = 8;

fn now() -> u64 {
    rookery_load::clock::since_epoch().as_secs()
}

fn message(driver: &mut Driver, text: &str) -> Value {
    driver.expect(&json!({ "event": "message", "text": text }))
}

fn send_at(driver: &mut Driver, peer: Value, text: &str, random_id: i64, date: u64) -> Value {
    driver.invoke(
        "messages.SendMessage",
        json!({ "peer": peer, "message": text, "random_id": random_id, "schedule_date": date }),
    )
}

fn text_content(text: &str) -> Value {
    json!({ "@type": "inputMessageText", "text": { "@type": "formattedText", "text": text } })
}

#[test]
fn scheduled_messages() {
    play("timers::scheduled_messages", [&PYROGRAM, &TDLIB, &TELETHON], |mut scene| {
        let Scene { ada, ada2, bob, node, .. } = &mut scene;
        bob.send(ada.user, "hello");
        message(ada, "hello");
        message(ada2, "hello");
        ada2.command("chat", json!({ "peer": bob.user }));
        let peer = json!({ "peer": bob.user });

        // By TDLib, seen by the other device.
        let later = now() + 3600;
        let state =
            |date: u64| json!({ "@type": "messageSchedulingStateSendAtDate", "send_date": date });
        ada2.request(
            "sendMessage",
            json!({
                "chat_id": bob.user,
                "options": { "@type": "messageSendOptions", "scheduling_state": state(later) },
                "input_message_content": text_content("by TDLib"),
            }),
        );
        let sent = ada2.expect(&json!({ "@type": "updateMessageSendSucceeded" }));
        assert_eq!(sent["message"]["scheduling_state"]["send_date"], later, "{sent}");
        let td = sent["message"]["id"].clone();
        let seen = ada.expect(&json!({ "_": "UpdateNewScheduledMessage" }));
        assert_eq!(
            (&seen["message"]["message"], &seen["message"]["date"]),
            (&json!("by TDLib"), &json!(later))
        );
        let id = seen["message"]["id"].clone();
        // Changed by the other, in words and time; seen by TDLib.
        ada.invoke(
            "messages.EditMessage",
            json!({ "peer": peer, "id": id, "message": "changed", "schedule_date": later + 60 }),
        );
        let history =
            ada.invoke("messages.GetScheduledHistory", json!({ "peer": peer, "hash": 0 }));
        assert_eq!(history["messages"][0]["message"], "changed", "{history}");
        let by_id =
            ada.invoke("messages.GetScheduledMessages", json!({ "peer": peer, "id": [id] }));
        assert_eq!(by_id["messages"][0]["date"], later + 60);
        ada2.expect(&json!({ "event": "edited", "text": "changed" }));
        let listed = ada2.request("getChatScheduledMessages", json!({ "chat_id": bob.user }));
        assert_eq!(listed["messages"][0]["content"]["text"]["text"], "changed", "{listed}");
        let full = ada.invoke("users.GetFullUser", json!({ "id": { "user": bob.user } }));
        assert_eq!(full["full_user"]["has_scheduled"], true);
        // Sent now, by TDLib: one message for everybody.
        let td = listed["messages"][0]["id"].as_i64().map_or(td, Value::from);
        ada2.request(
            "editMessageSchedulingState",
            json!({ "chat_id": bob.user, "message_id": td, "scheduling_state": null }),
        );
        message(bob, "changed");
        let gone = ada.expect(&json!({ "_": "UpdateDeleteScheduledMessages" }));
        assert_eq!(gone["messages"], json!([id]));
        message(ada, "changed");

        // At its time, while everybody looks; repeated requests are the same message.
        let soon = now() + SOON_S;
        let first = send_at(ada, peer.clone(), "in a while", 77, soon);
        let again = send_at(ada, peer.clone(), "in a while", 77, soon);
        let id_in = |updates: &Value| {
            let all = updates["updates"].as_array().expect("updates").clone();
            all.into_iter().find(|one| one["_"] == "UpdateMessageID").expect("an id")["id"].clone()
        };
        assert_eq!(id_in(&first), id_in(&again), "{first} {again}");
        let arrived = message(bob, "in a while");
        assert!(now() >= soon, "{arrived}");
        ada.expect(&json!({ "_": "UpdateDeleteScheduledMessages", "messages": [id_in(&first)] }));
        message(ada, "in a while");
        message(ada2, "in a while");

        // The node is killed before its time, and after it.
        let soon = now() + SOON_S;
        send_at(ada, peer.clone(), "over a kill", 78, soon);
        let gone = send_at(ada, peer.clone(), "taken back", 79, soon);
        let deleted = json!({ "peer": peer, "id": [id_in(&gone)] });
        ada.invoke("messages.DeleteScheduledMessages", deleted);
        node.kill_and_restart();
        message(bob, "over a kill");
        assert!(now() >= soon);
        for driver in [&mut *ada, &mut *ada2, &mut *bob] {
            driver.settle();
        }
        node.kill_and_restart();
        for driver in [&mut *ada, &mut *ada2, &mut *bob] {
            driver.settle();
        }
        let texts: Vec<_> = bob.history(ada.user, 9, 0).iter().map(|m| m["text"].clone()).collect();
        assert_eq!(texts, ["over a kill", "in a while", "changed", "hello"], "each once");

        // When the other comes online.
        bob.command("set_online", json!({ "online": false }));
        send_at(ada, peer.clone(), "when you come", 80, 0x7FFF_FFFE);
        let history =
            ada.invoke("messages.GetScheduledHistory", json!({ "peer": peer, "hash": 0 }));
        assert_eq!(history["messages"][0]["date"], 0x7FFF_FFFE, "{history}");
        bob.command("set_online", json!({ "online": true }));
        message(bob, "when you come");
        // A forward may wait as well; sent by its id.
        let forward = bob.invoke(
            "messages.ForwardMessages",
            json!({ "from_peer": { "peer": ada.user }, "to_peer": { "peer": "self" },
                "id": [arrived["id"]], "random_id": [5], "schedule_date": later }),
        );
        let sent = bob.invoke(
            "messages.SendScheduledMessages",
            json!({ "peer": { "peer": "self" }, "id": [id_in(&forward)] }),
        );
        let kinds: Vec<_> = sent["updates"]
            .as_array()
            .expect("updates")
            .iter()
            .map(|one| one["_"].clone())
            .collect();
        assert_eq!(kinds, ["UpdateDeleteScheduledMessages", "UpdateNewMessage"], "{sent}");
        let new = &sent["updates"][1]["message"]["id"];
        assert_eq!(sent["updates"][0]["sent_messages"], json!([new]), "{sent}");
        let year = 366 * 86_400;
        let refused = ada.invoke_refused(
            "messages.SendMessage",
            json!({ "peer": peer, "message": "x", "random_id": 81, "schedule_date": now() + year }),
        );
        assert_eq!(refused, (400, "SCHEDULE_DATE_TOO_LATE".into()));
        assert_no_complaints(ada2);
    });
}

#[test]
fn messages_that_go_by_themselves() {
    play("timers::messages_that_go_by_themselves", [&PYROGRAM, &TDLIB, &TELETHON], |mut scene| {
        let Scene { ada, ada2, bob, node, .. } = &mut scene;
        bob.send(ada.user, "stays");
        message(ada, "stays");
        message(ada2, "stays");
        ada2.command("chat", json!({ "peer": bob.user }));
        // A day, by TDLib; everybody learns it.
        let day = 86_400;
        ada2.request(
            "setChatMessageAutoDeleteTime",
            json!({ "chat_id": bob.user, "message_auto_delete_time": day }),
        );
        ada2.expect(
            &json!({ "@type": "updateChatMessageAutoDeleteTime", "message_auto_delete_time": day }),
        );
        ada.expect(&json!({ "_": "UpdatePeerHistoryTTL", "ttl_period": day }));
        bob.expect(&json!({ "_": "UpdatePeerHistoryTTL", "ttl_period": day }));
        let newest = |driver: &mut Driver, with: i64| {
            let history = json!({ "peer": { "peer": with }, "offset_id": 0, "offset_date": null,
                "add_offset": 0, "limit": 1, "max_id": 0, "min_id": 0, "hash": 0 });
            driver.invoke("messages.GetHistory", history)["messages"][0].clone()
        };
        let action = newest(bob, ada.user)["action"].clone();
        assert_eq!(
            (&action["_"], &action["period"]),
            (&json!("MessageActionSetMessagesTTL"), &json!(day))
        );
        ada2.request(
            "sendMessage",
            json!({ "chat_id": bob.user, "input_message_content": text_content("for a day") }),
        );
        let sent = ada2.expect(&json!({ "@type": "updateMessageSendSucceeded" }));
        assert!(
            sent["message"]["auto_delete_in"].as_f64().is_some_and(|left| left > 80_000.0),
            "{sent}"
        );
        message(bob, "for a day");
        assert_eq!(newest(bob, ada.user)["ttl_period"], day);
        let full = bob.invoke("users.GetFullUser", json!({ "id": { "user": ada.user } }));
        assert_eq!(full["full_user"]["ttl_period"], day);

        // A few seconds, by the raw API: the message goes from both boxes, over a kill of the node.
        let period = SOON_S;
        let peer = json!({ "peer": ada.user });
        bob.invoke("messages.SetHistoryTTL", json!({ "peer": peer, "period": period }));
        ada2.expect(&json!({ "@type": "updateChatMessageAutoDeleteTime", "message_auto_delete_time": period }));
        let again =
            bob.invoke_refused("messages.SetHistoryTTL", json!({ "peer": peer, "period": period }));
        assert_eq!(again, (400, "CHAT_NOT_MODIFIED".into()));
        bob.send(ada.user, "for a moment");
        let theirs = message(ada, "for a moment");
        message(ada2, "for a moment");
        node.kill_and_restart();
        for driver in [&mut *ada, &mut *ada2, &mut *bob] {
            driver.settle();
        }
        ada.expect(&json!({ "event": "deleted", "ids": [theirs["id"]] }));
        let users = (ada.user, bob.user);
        for (driver, with) in [(&mut *bob, users.0), (&mut *ada, users.1)] {
            let found = driver.invoke(
                "messages.GetHistory",
                json!({ "peer": { "peer": with }, "offset_id": 0, "offset_date": 0, "add_offset": 0,
                    "limit": 20, "max_id": 0, "min_id": 0, "hash": 0 }),
            );
            let left: Vec<_> = found["messages"].as_array().expect("messages").iter().collect();
            let has = |text: &str| left.iter().any(|one| one["message"] == text);
            assert!(!has("for a moment") && has("for a day") && has("stays"), "{left:?}");
        }

        // New dialogs.
        let default = |time: i32| json!({ "message_auto_delete_time": { "@type": "messageAutoDeleteTime", "time": time } });
        ada2.request("setDefaultMessageAutoDeleteTime", default(7 * day));
        let set = ada2.request("getDefaultMessageAutoDeleteTime", json!({}));
        assert_eq!(set["time"], 7 * day);
        assert_eq!(ada.invoke("messages.GetDefaultHistoryTTL", json!({}))["period"], 7 * day);
        bob.invoke("messages.SetDefaultHistoryTTL", json!({ "period": day }));
        assert_eq!(bob.invoke("messages.GetDefaultHistoryTTL", json!({}))["period"], day);
        let refused = bob.invoke_refused("messages.SetDefaultHistoryTTL", json!({ "period": -1 }));
        assert_eq!(refused, (400, "TTL_PERIOD_INVALID".into()));
        assert_no_complaints(ada2);
    });
}

#[test]
fn read_dates() {
    play("timers::read_dates", [&TELETHON, &TDLIB, &PYROGRAM], |mut scene| {
        let Scene { ada, ada2, bob, .. } = &mut scene;
        let id = ada.send(bob.user, "have you seen it?");
        let theirs = message(bob, "have you seen it?");
        ada2.command("chat", json!({ "peer": bob.user }));
        let asked = json!({ "peer": { "peer": bob.user }, "msg_id": id });
        let refused = ada.invoke_refused("messages.GetOutboxReadDate", asked.clone());
        assert_eq!(refused, (400, "MESSAGE_NOT_READ_YET".into()));
        let before = now();
        bob.command("read", json!({ "peer": ada.user, "max_id": theirs["id"] }));
        ada.expect(&json!({ "_": "UpdateReadHistoryOutbox" }));
        let date = ada.invoke("messages.GetOutboxReadDate", asked.clone())["date"].as_u64();
        assert!(date.is_some_and(|date| (before..=now()).contains(&date)), "{date:?}");
        ada2.expect(&json!({ "@type": "updateChatReadOutbox" }));
        let read = ada2
            .request("getMessageReadDate", json!({ "chat_id": bob.user, "message_id": td_id(id) }));
        assert_eq!(
            (&read["@type"], read["read_date"].as_u64()),
            (&json!("messageReadDateRead"), date)
        );
        // Who hides it from the other does not learn it.
        let marks = json!({ "_": "GlobalPrivacySettings", "hide_read_marks": true });
        ada.invoke("account.SetGlobalPrivacySettings", json!({ "settings": marks }));
        let key = json!({ "_": "InputPrivacyKeyStatusTimestamp" });
        let nobody = json!([{ "_": "InputPrivacyValueDisallowAll" }]);
        ada.invoke("account.SetPrivacy", json!({ "key": key, "rules": nobody }));
        let refused = ada.invoke_refused(
            "messages.GetOutboxReadDate",
            json!({ "peer": { "peer": bob.user }, "msg_id": id }),
        );
        assert_eq!(refused, (403, "YOUR_PRIVACY_RESTRICTED".into()));
        let all = json!([{ "_": "InputPrivacyValueAllowAll" }]);
        ada.invoke("account.SetPrivacy", json!({ "key": key, "rules": all }));
        // One's own words only.
        bob.send(ada.user, "yes");
        let yes = message(ada, "yes")["id"].clone();
        let refused = ada.invoke_refused(
            "messages.GetOutboxReadDate",
            json!({ "peer": { "peer": bob.user }, "msg_id": yes }),
        );
        assert_eq!(refused, (400, "MESSAGE_ID_INVALID".into()));
        let asked = json!({ "peer": { "peer": ada.user }, "msg_id": theirs["id"] });
        let refused = bob.invoke_refused("messages.GetMessageReadParticipants", asked);
        assert_eq!(refused, (400, "PEER_ID_INVALID".into()));
        assert_no_complaints(ada2);
    });
}
