//! Finding messages by their words.

use serde_json::{Value, json};

use crate::clients::{PYROGRAM, TDLIB, TELETHON};
use crate::driver::Driver;
use crate::scene::{Scene, assert_no_complaints, id_of, play, td_id};

/// `messages.Search` with what is not asked left as it is.
fn search(driver: &mut Driver, peer: i64, more: &Value) -> Value {
    let mut fields = json!({
        "peer": { "peer": peer }, "q": "", "filter": { "_": "InputMessagesFilterEmpty" },
        "min_date": 0, "max_date": 0, "offset_id": 0, "add_offset": 0, "limit": 10, "max_id": 0,
        "min_id": 0, "hash": 0,
    });
    merge(&mut fields, more);
    driver.invoke("messages.Search", fields)
}

fn merge(fields: &mut Value, more: &Value) {
    for (name, value) in more.as_object().expect("fields") {
        fields[name] = value.clone();
    }
}

fn ids(found: &Value) -> Vec<i64> {
    let messages = found["messages"].as_array().unwrap_or_else(|| panic!("messages: {found}"));
    messages
        .iter()
        .map(|message| message["id"].as_i64().unwrap_or_else(|| panic!("ids: {found}")))
        .collect()
}

fn td_ids(found: &Value) -> Vec<i64> {
    let messages = found["messages"].as_array().unwrap_or_else(|| panic!("messages: {found}"));
    messages.iter().map(id_of).collect()
}

#[test]
fn searching() {
    play("search::searching", [&PYROGRAM, &TDLIB, &TELETHON], |mut scene| {
        let Scene { ada, ada2, bob, node, .. } = &mut scene;
        let said = [
            "Une éclair au CHOCOLAT, please",
            "the old harbour of 東京, see https://a.example/ships",
            "shipping news #boats",
            "nothing of that",
        ];
        let sent: Vec<i64> = said.iter().map(|text| ada.send(bob.user, text)).collect();
        let theirs = bob.send(ada.user, "harbour boats");
        bob.expect(&json!({ "event": "message", "text": said[3] }));
        ada.expect(&json!({ "event": "message", "text": "harbour boats" }));
        ada2.expect(&json!({ "event": "message", "text": "harbour boats" }));
        ada2.command("chat", json!({ "peer": bob.user }));
        let reply = ada.history(bob.user, 1, 0)[0]["id"].as_i64().expect("an id");

        // Case, accents, beginnings, scripts without spaces: the same by two libraries.
        for (words, found) in [
            ("eclair chocolat", vec![sent[0]]),
            ("ECLAIR", vec![sent[0]]),
            ("harb", vec![reply, sent[1]]),
            ("harb old", vec![]),
            ("京", vec![sent[1]]),
            ("ship", vec![sent[2], sent[1]]),
            ("#boats", vec![sent[2]]),
            ("#boat", vec![]),
            ("boats", vec![reply, sent[2]]),
            ("!", vec![]),
        ] {
            let by_pyrogram = search(ada, bob.user, &json!({ "q": words }));
            assert_eq!(ids(&by_pyrogram), found, "{words}: {by_pyrogram}");
            let by_tdlib = ada2.request(
                "searchChatMessages",
                json!({ "chat_id": bob.user, "query": words, "limit": 10 }),
            );
            assert_eq!(td_ids(&by_tdlib), found, "{words}: {by_tdlib}");
        }
        // By who wrote it, page by page, and in all chats.
        let from = json!({ "q": "boats", "from_id": { "peer": bob.user } });
        assert_eq!(ids(&search(ada, bob.user, &from)), [reply]);
        let first = search(ada, bob.user, &json!({ "q": "ship", "limit": 1 }));
        assert_eq!((ids(&first), &first["count"]), (vec![sent[2]], &json!(2)), "{first}");
        let more = json!({ "q": "ship", "limit": 1, "offset_id": sent[2] });
        let second = search(ada, bob.user, &more);
        assert_eq!((ids(&second), &second["offset_id_offset"]), (vec![sent[1]], &json!(1)));
        let all = ada2.request("searchMessages", json!({ "query": "harbour", "limit": 10 }));
        assert_eq!(td_ids(&all), [reply, sent[1]], "{all}");
        let mut global = json!({
            "q": "harbour", "filter": { "_": "InputMessagesFilterEmpty" }, "min_date": 0,
            "max_date": 0, "offset_rate": 0, "offset_peer": { "_": "InputPeerEmpty" },
            "offset_id": 0, "limit": 1,
        });
        let first = ada.invoke("messages.SearchGlobal", global.clone());
        assert_eq!(ids(&first), [reply]);
        merge(
            &mut global,
            &json!({ "offset_rate": first["next_rate"], "offset_id": reply,
                "offset_peer": { "peer": bob.user } }),
        );
        assert_eq!(ids(&ada.invoke("messages.SearchGlobal", global.clone())), [sent[1]]);
        global["q"] = "".into();
        let refused = ada.invoke_refused("messages.SearchGlobal", global);
        assert_eq!(refused, (400, "SEARCH_QUERY_EMPTY".into()));

        // What is edited and deleted is found as it is now.
        ada.command("edit", json!({ "to": bob.user, "msg_id": sent[3], "text": "a late harbour" }));
        let found = search(ada, bob.user, &json!({ "q": "harbour" }));
        assert_eq!(ids(&found), [reply, sent[3], sent[1]]);
        ada.command("delete", json!({ "to": bob.user, "msg_ids": [sent[3]] }));
        assert_eq!(ids(&search(ada, bob.user, &json!({ "q": "late" }))), [] as [i64; 0]);

        // Filters, counters, the calendar and the places of a scroll bar.
        let link = json!({ "@type": "searchMessagesFilterUrl" });
        let asked = json!({ "chat_id": bob.user, "filter": link, "limit": 10 });
        assert_eq!(td_ids(&ada2.request("searchChatMessages", asked)), [sent[1]]);
        let count = ada2.request(
            "getChatMessageCount",
            json!({ "chat_id": bob.user, "filter": link, "return_local": false }),
        );
        assert_eq!(count["count"], 1);
        let calendar =
            ada2.request("getChatMessageCalendar", json!({ "chat_id": bob.user, "filter": link }));
        assert_eq!(calendar["total_count"], 1, "{calendar}");
        assert_eq!(id_of(&calendar["days"][0]["message"]), sent[1]);
        let places = ada2.request(
            "getChatSparseMessagePositions",
            json!({ "chat_id": bob.user, "filter": link, "from_message_id": 0, "limit": 50 }),
        );
        assert_eq!(places["positions"][0]["message_id"], td_id(sent[1]), "{places}");
        let url = json!({ "_": "InputMessagesFilterUrl" });
        let counters = ada.invoke(
            "messages.GetSearchCounters",
            json!({ "peer": { "peer": bob.user }, "filters": [url, { "_": "InputMessagesFilterPhotos" }] }),
        );
        assert_eq!((&counters[0]["count"], &counters[1]["count"]), (&json!(1), &json!(0)));
        let calendar = json!({
            "peer": { "peer": bob.user }, "filter": url, "offset_id": 0, "offset_date": 0,
        });
        let calendar = ada.invoke("messages.GetSearchResultsCalendar", calendar);
        assert_eq!(calendar["periods"][0]["max_msg_id"], sent[1], "{calendar}");
        let places =
            json!({ "peer": { "peer": bob.user }, "filter": url, "offset_id": 0, "limit": 10 });
        let places = ada.invoke("messages.GetSearchResultsPositions", places);
        assert_eq!((&places["count"], &places["positions"][0]["offset"]), (&json!(1), &json!(0)));
        let photos = json!({ "q": "", "filter": { "_": "InputMessagesFilterPhotos" }, "limit": 9 });
        let media = ada.invoke("messages.SearchSentMedia", photos);
        assert_eq!(ids(&media), [] as [i64; 0]);

        // Nobody mentions or reacts in a private chat.
        for what in ["Mentions", "Reactions"] {
            let mut fields = json!({
                "peer": { "peer": bob.user }, "offset_id": 0, "add_offset": 0, "limit": 9,
                "max_id": 0, "min_id": 0,
            });
            let unread = ada.invoke(&format!("messages.GetUnread{what}"), fields.take());
            assert_eq!(ids(&unread), [] as [i64; 0]);
        }
        for what in ["ReadMentions", "ReadReactions"] {
            let read =
                ada.invoke(&format!("messages.{what}"), json!({ "peer": { "peer": bob.user } }));
            assert_eq!(read["pts_count"], 0);
        }
        // The index is built anew while the node runs.
        assert_eq!(node.command(&["reindex", "--json"])["done"], false);
        // By Telethon, of the newest layer.
        let found = search(bob, ada.user, &json!({ "q": "harbour boats" }));
        assert_eq!(ids(&found), [theirs]);
        assert_no_complaints(ada2);
    });
}

#[test]
fn saved_dialogs() {
    play("search::saved_dialogs", [&PYROGRAM, &TDLIB, &TELETHON], |mut scene| {
        let Scene { ada, ada2, bob, node, .. } = &mut scene;
        bob.send(ada.user, "keep this harbour");
        let kept = ada.expect(&json!({ "event": "message", "text": "keep this harbour" }));
        ada2.expect(&json!({ "event": "message", "text": "keep this harbour" }));
        let note = ada.send("self", "a note");
        let saved = ada.command(
            "forward",
            json!({ "source": bob.user, "to": "self", "msg_ids": [kept["id"]] }),
        );
        let saved = saved["msg_ids"][0].as_i64().expect("a forwarded message has an id");
        ada2.expect(&json!({ "event": "message", "text": "keep this harbour", "peer": ada.user }));
        ada2.command("chat", json!({ "peer": ada.user }));
        // TDLib shows them as topics, by the number of whom they were taken from.
        ada2.request("loadSavedMessagesTopics", json!({ "limit": 10 }));
        let topic = bob.user;
        let history = ada2.request(
            "getSavedMessagesTopicHistory",
            json!({ "saved_messages_topic_id": topic, "from_message_id": 0, "offset": 0, "limit": 9 }),
        );
        assert_eq!(td_ids(&history), [saved], "{history}");
        // Telethon's raw API of another device of the member: here Bob's own are empty.
        let none = bob.invoke(
            "messages.GetSavedDialogs",
            json!({ "offset_date": null, "offset_id": 0, "offset_peer": { "_": "InputPeerEmpty" },
                "limit": 10, "hash": 0 }),
        );
        assert_eq!(none["dialogs"], json!([]));
        bob.send("self", "his own");
        let own = bob.invoke(
            "messages.GetSavedDialogs",
            json!({ "offset_date": null, "offset_id": 0, "offset_peer": { "_": "InputPeerEmpty" },
                "limit": 10, "hash": 0 }),
        );
        assert_eq!(own["dialogs"][0]["peer"]["user_id"], bob.user, "{own}");
        let by_id = bob.invoke(
            "messages.GetSavedHistory",
            json!({
                "peer": { "peer": "self" }, "offset_id": 0, "offset_date": null, "add_offset": 0,
                "limit": 9, "max_id": 0, "min_id": 0, "hash": 0,
            }),
        );
        assert_eq!(by_id["messages"][0]["message"], "his own");

        // Pins: by TDLib.
        let pin = json!({ "saved_messages_topic_id": topic, "is_pinned": true });
        ada2.request("toggleSavedMessagesTopicIsPinned", pin);
        bob.invoke(
            "messages.ToggleSavedDialogPin",
            json!({ "pinned": true, "peer": { "_": "InputDialogPeer", "peer": { "peer": "self" } } }),
        );
        let pinned = bob.invoke("messages.GetPinnedSavedDialogs", json!({}));
        assert_eq!(pinned["dialogs"][0]["pinned"], true, "{pinned}");
        let order = json!([{ "_": "InputDialogPeer", "peer": { "peer": "self" } }]);
        bob.invoke("messages.ReorderPinnedSavedDialogs", json!({ "force": true, "order": order }));
        // A search in one of them, and only there.
        let found = ada2.request(
            "searchSavedMessages",
            json!({ "saved_messages_topic_id": topic, "query": "harbour", "limit": 9 }),
        );
        assert_eq!(td_ids(&found), [saved], "{found}");
        // All of it survives the node.
        node.kill_and_restart();
        for driver in [&mut *ada, &mut *ada2, &mut *bob] {
            driver.settle();
        }
        let pinned = bob.invoke("messages.GetPinnedSavedDialogs", json!({}));
        assert_eq!(pinned["dialogs"][0]["pinned"], true, "{pinned}");
        // Deleting a saved dialog takes its messages alone.
        ada2.request(
            "deleteSavedMessagesTopicHistory",
            json!({ "saved_messages_topic_id": topic }),
        );
        let left = ada.history("self", 9, 0);
        assert_eq!(
            left.iter().map(|message| message["id"].as_i64()).collect::<Vec<_>>(),
            [Some(note)]
        );
        assert_no_complaints(ada2);
    });
}
