//! A channel whose admins write and whose members read.

use serde_json::{Value, json};

use crate::CHANNELS;
use crate::driver::{Driver, SOON};
use crate::scene::{Scene, assert_no_complaints, content, message, play, td_id};

fn texts(driver: &mut Driver, peer: i64) -> Vec<String> {
    let found = driver.history(peer, 30, 0);
    found.iter().filter_map(|one| one["text"].as_str().map(str::to_owned)).collect()
}

/// The dialog by the raw API.
fn dialog(driver: &mut Driver, peer: i64) -> Value {
    let asked = json!({ "_": "InputDialogPeer", "peer": { "peer": peer } });
    driver.invoke("messages.GetPeerDialogs", json!({ "peers": [asked] }))["dialogs"][0].clone()
}

/// Made, named, found, joined, read; edited, pinned, deleted; through a kill of the node; ended.
#[test]
fn a_channel_from_beginning_to_end() {
    play("broadcast::a_channel_from_beginning_to_end", |scene| {
        let Scene { mut node, mut ada, mut bob, mut tina } = scene;
        let made = ada.invoke(
            "channels.CreateChannel",
            json!({ "title": "Harbour news", "about": "Ships", "broadcast": true }),
        );
        let shown = &made["chats"][0];
        assert_eq!(
            (&shown["broadcast"], &shown["creator"]),
            (&json!(true), &json!(true)),
            "{made}"
        );
        let number = shown["id"].as_i64().expect("a channel");
        let news = CHANNELS - number;
        let channel = json!({ "channel": news });
        let updates = made["updates"].as_array().unwrap();
        let created = updates.iter().find(|update| update["_"] == "UpdateNewChannelMessage");
        let created = created.unwrap_or_else(|| panic!("a service message: {made}"));
        assert_eq!(created["message"]["action"]["_"], "MessageActionChannelCreate");
        let first = ada.send(news, "first");

        // Nobody finds it before it has a name.
        let missing =
            bob.invoke_refused("contacts.ResolveUsername", json!({ "username": "harbour_news" }));
        assert_eq!(missing, (400, "USERNAME_NOT_OCCUPIED".into()));
        let named = json!({ "channel": channel, "username": "harbour_news" });
        let free = ada.invoke("channels.CheckUsername", named.clone());
        assert_eq!(free, true);
        ada.invoke("channels.UpdateUsername", named);
        let found = bob.invoke("contacts.ResolveUsername", json!({ "username": "harbour_news" }));
        assert_eq!(found["peer"]["channel_id"], number, "{found}");
        assert_eq!(found["chats"][0]["left"], true, "{found}");
        assert_eq!(texts(&mut bob, news), ["first"], "a public one is read before it is joined");
        bob.invoke("channels.JoinChannel", json!({ "channel": channel }));
        let again = bob.invoke_refused("channels.JoinChannel", json!({ "channel": channel }));
        assert_eq!(again, (400, "USER_ALREADY_PARTICIPANT".into()));
        let chat = tina.request("searchPublicChat", json!({ "username": "harbour_news" }));
        assert_eq!((&chat["id"], &chat["title"]), (&json!(news), &json!("Harbour news")));
        tina.request("joinChat", json!({ "chat_id": news }));

        // What is posted comes to all, from the channel and from nobody.
        let second = ada.send(news, "second");
        assert!(second > first);
        let at_bob = message(&mut bob, "second");
        assert_eq!((&at_bob["id"], &at_bob["from"]), (&json!(second), &json!(news)), "one number");
        let at_tina = message(&mut tina, "second");
        assert_eq!((&at_tina["id"], &at_tina["peer"]), (&json!(second), &json!(news)));
        let refused = bob.invoke_refused(
            "messages.SendMessage",
            json!({ "peer": { "peer": news }, "message": "x", "random_id": 5 }),
        );
        assert_eq!(refused, (403, "CHAT_WRITE_FORBIDDEN".into()));

        // Numbers of unread messages are each member's own.
        assert_eq!(dialog(&mut ada, news)["unread_count"], 0);
        assert_eq!(dialog(&mut bob, news)["unread_count"], 3, "with the service message");
        bob.invoke("channels.ReadHistory", json!({ "channel": channel, "max_id": first }));
        let mine = dialog(&mut bob, news);
        assert_eq!((&mine["unread_count"], &mine["read_inbox_max_id"]), (&json!(1), &json!(first)));

        // Edited, pinned, deleted.
        ada.command("edit", json!({ "to": news, "msg_id": second, "text": "second, mended" }));
        for driver in [&mut bob, &mut tina] {
            let edited = driver.expect(&json!({ "event": "edited", "text": "second, mended" }));
            assert_eq!(edited["id"], second);
        }
        ada.invoke(
            "messages.UpdatePinnedMessage",
            json!({ "peer": { "peer": news }, "id": second, "silent": true }),
        );
        let pin = bob.expect(&json!({ "_": "UpdatePinnedChannelMessages" }));
        assert_eq!(pin["messages"], json!([second]), "{pin}");
        let pinned = content(&mut tina, "messagePinMessage");
        assert_eq!(pinned["message"]["content"]["message_id"], td_id(second), "{pinned}");
        ada.command("delete", json!({ "to": news, "msg_ids": [first] }));
        for driver in [&mut bob, &mut tina] {
            driver.expect(&json!({ "event": "deleted", "ids": [first] }));
        }

        // Forwarded, it says where it was.
        let forwarded =
            bob.command("forward", json!({ "source": news, "to": "self", "msg_ids": [second] }));
        assert_eq!(forwarded["msg_ids"].as_array().map(Vec::len), Some(1));
        let saved = bob.history("self", 1, 0);
        assert_eq!(saved[0]["text"], "second, mended");

        // What a channel is, in full; only admins see who is there.
        let full = bob.invoke("channels.GetFullChannel", json!({ "channel": channel }));
        let about = &full["full_chat"];
        assert_eq!((&about["about"], &about["participants_count"]), (&json!("Ships"), &json!(3)));
        assert_eq!(about["pinned_msg_id"], second, "{full}");
        let all = json!({ "channel": channel, "filter": { "_": "ChannelParticipantsRecent" },
            "offset": 0, "limit": 10, "hash": 0 });
        let refused = bob.invoke_refused("channels.GetParticipants", all.clone());
        assert_eq!(refused, (400, "CHAT_ADMIN_REQUIRED".into()));
        let there = ada.invoke("channels.GetParticipants", all);
        assert_eq!(
            (&there["count"], there["participants"].as_array().map(Vec::len)),
            (&json!(3), Some(3))
        );
        let link =
            ada.invoke("channels.ExportMessageLink", json!({ "channel": channel, "id": second }));
        assert_eq!(link["link"], format!("https://rookery.example/harbour_news/{second}"));

        // One is away while the node is killed; another one's difference begins where it was.
        let before = dialog(&mut bob, news)["pts"].as_i64().expect("a pts");
        tina.command("offline", json!({}));
        let third = ada.send(news, "third");
        message(&mut bob, "third");
        node.kill_and_restart();
        ada.settle();
        ada.send(news, "after the kill");
        tina.command("online", json!({}));
        message(&mut tina, "third");
        message(&mut tina, "after the kill");
        bob.settle();
        let missed = bob.invoke(
            "updates.GetChannelDifference",
            json!({ "channel": channel, "filter": { "_": "ChannelMessagesFilterEmpty" },
                "pts": before, "limit": 100 }),
        );
        assert_eq!((&missed["_"], &missed["final"]), (&json!("ChannelDifference"), &json!(true)));
        let new: Vec<&Value> =
            missed["new_messages"].as_array().unwrap().iter().map(|one| &one["message"]).collect();
        assert_eq!(new, [&json!("third"), &json!("after the kill")], "{missed}");
        for driver in [&mut ada, &mut bob, &mut tina] {
            assert_eq!(texts(driver, news)[..3], ["after the kill", "third", "second, mended"]);
        }
        // Found by its words, and in the list of dialogs, above what is older.
        let found = bob.invoke(
            "messages.Search",
            json!({ "peer": { "peer": news }, "q": "third", "filter": { "_": "InputMessagesFilterEmpty" },
                "min_date": 0, "max_date": 0, "offset_id": 0, "add_offset": 0, "limit": 10,
                "max_id": 0, "min_id": 0, "hash": 0 }),
        );
        assert_eq!(found["messages"][0]["id"], third, "{found}");
        let listed = bob.command("dialogs", json!({}));
        assert_eq!(listed["dialogs"][0]["peer"], news, "{listed}");

        // The owner cannot leave, and ends it; a member leaves.
        let refused = ada.invoke_refused("channels.LeaveChannel", json!({ "channel": channel }));
        assert_eq!(refused, (400, "USER_CREATOR".into()));
        bob.invoke("channels.LeaveChannel", json!({ "channel": channel }));
        let gone = bob.invoke_refused("channels.LeaveChannel", json!({ "channel": channel }));
        assert_eq!(gone, (400, "USER_NOT_PARTICIPANT".into()));
        ada.invoke("channels.DeleteChannel", json!({ "channel": channel }));
        tina.expect_event("the end of the channel", SOON, |event| {
            event["@type"] == "updateSupergroup"
                && event["supergroup"]["status"]["@type"] == "chatMemberStatusBanned"
        });
        let refused = bob.invoke_refused("channels.GetFullChannel", json!({ "channel": channel }));
        assert_eq!(refused, (406, "CHANNEL_PRIVATE".into()));
        for driver in [&mut ada, &mut bob, &mut tina] {
            assert_no_complaints(driver);
        }
    });
}
