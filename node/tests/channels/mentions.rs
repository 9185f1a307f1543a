//! Mentions in a supergroup, by three clients.

use serde_json::json;

use crate::driver::SOON;
use crate::scene::{Scene, assert_no_complaints, message, play, td_id};
use crate::supergroup;

#[test]
fn mentions_in_a_supergroup() {
    play("mentions::mentions_in_a_supergroup", |scene| {
        let Scene { node: _node, mut ada, mut bob, mut tina } = scene;
        for driver in [&mut bob, &mut tina] {
            driver.send(ada.user, "hello ada");
            message(&mut ada, "hello ada");
        }
        tina.command("set_username", json!({ "username": "tina_the_cook" }));
        let crew = supergroup(&mut ada, "Crew");
        let channel = json!({ "channel": crew });
        let users =
            json!({ "channel": channel, "users": [{ "user": tina.user }, { "user": bob.user }] });
        ada.invoke("channels.InviteToChannel", users);
        tina.expect_event("the new group", SOON, |event| {
            event["@type"] == "updateNewChat" && event["chat"]["id"] == crew
        });
        let asked = ada.send(crew, "what is for dinner, @tina_the_cook");
        message(&mut bob, "what is for dinner, @tina_the_cook");
        // TDLib counts it, and says when it was looked at.
        tina.expect_event("that she is mentioned", SOON, |event| {
            event["@type"] == "updateChatUnreadMentionCount"
                && event["chat_id"] == crew
                && event["unread_mention_count"] == 1
        });
        let of =
            |id: i64| json!({ "channel": channel, "id": [{ "_": "InputMessageID", "id": id }] });
        let seen = bob.invoke("channels.GetMessages", of(asked));
        assert_eq!(seen["messages"][0]["mentioned"], false, "not him: {seen}");
        tina.request("openChat", json!({ "chat_id": crew }));
        tina.request(
            "viewMessages",
            json!({ "chat_id": crew, "message_ids": [td_id(asked)], "force_read": true }),
        );
        tina.expect_event("that she has looked", SOON, |event| {
            event["@type"] == "updateMessageMentionRead" && event["unread_mention_count"] == 0
        });

        // Who is answered is meant too, in either layer.
        let answer = bob.send_with(crew, "fish", json!({ "reply_to": asked }));
        message(&mut ada, "fish");
        let unread = json!({ "peer": { "peer": crew }, "offset_id": 0, "add_offset": 0, "limit": 10,
            "max_id": 0, "min_id": 0 });
        let found = ada.invoke("messages.GetUnreadMentions", unread.clone());
        let [one] = &found["messages"].as_array().expect("messages")[..] else { panic!("{found}") };
        assert_eq!((&one["id"], &one["media_unread"]), (&json!(answer), &json!(true)), "{one}");
        let read = ada.invoke("messages.ReadMentions", json!({ "peer": { "peer": crew } }));
        // It is no event of the channel: nothing comes to its pts.
        assert_eq!((&read["offset"], &read["pts_count"]), (&json!(0), &json!(0)), "{read}");
        let found = ada.invoke("messages.GetUnreadMentions", unread.clone());
        assert_eq!(found["messages"], json!([]), "{found}");
        let back = ada.send_with(crew, "again?", json!({ "reply_to": answer }));
        message(&mut bob, "again?");
        let found = bob.invoke("messages.GetUnreadMentions", unread.clone());
        assert_eq!(found["messages"][0]["id"], back, "{found}");
        bob.invoke("channels.ReadMessageContents", json!({ "channel": channel, "id": [back] }));
        let found = bob.invoke("messages.GetUnreadMentions", unread);
        assert_eq!(found["messages"], json!([]), "{found}");
        for driver in [&mut ada, &mut bob, &mut tina] {
            assert_no_complaints(driver);
        }
    });
}
