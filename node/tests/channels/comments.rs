//! Threads of a supergroup, comments to a channel's posts, and in whose name one writes.

use serde_json::{Value, json};

use crate::driver::{Driver, SOON};
use crate::scene::{Scene, assert_no_complaints, message, play, td_id, td_send};

/// A supergroup of tina's with all three, as clients show it.
fn crew(ada: &mut Driver, bob: &mut Driver, tina: &mut Driver) -> i64 {
    // Who adds others has to know them.
    for driver in [&mut *ada, &mut *bob] {
        driver.send(tina.user, "hello tina");
        message(tina, "hello tina");
    }
    let made = tina.request(
        "createNewSupergroupChat",
        json!({ "title": "Crew", "description": "All hands", "is_forum": false,
            "is_channel": false, "message_auto_delete_time": 0, "for_import": false }),
    );
    let crew = made["id"].as_i64().expect("a chat");
    let users = json!([ada.user, bob.user]);
    tina.request("addChatMembers", json!({ "chat_id": crew, "user_ids": users }));
    for driver in [ada, bob] {
        driver.expect_event("who was added", SOON, |event| {
            event["_"] == "UpdateNewChannelMessage"
                && event["message"]["action"]["_"] == "MessageActionChatAddUser"
        });
    }
    crew
}

/// A page of a thread.
fn replies(driver: &mut Driver, peer: i64, id: i64, limit: i32) -> Value {
    driver.invoke(
        "messages.GetReplies",
        json!({ "peer": { "peer": peer }, "msg_id": id, "offset_id": 0, "offset_date": 0,
            "add_offset": 0, "limit": limit, "max_id": 0, "min_id": 0, "hash": 0 }),
    )
}

fn words(page: &Value) -> Vec<&str> {
    let messages = page["messages"].as_array().expect("messages");
    messages.iter().map(|one| one["message"].as_str().unwrap_or_default()).collect()
}

fn discussion(driver: &mut Driver, peer: i64, id: i64) -> Value {
    let asked = json!({ "peer": { "peer": peer }, "msg_id": id });
    driver.invoke("messages.GetDiscussionMessage", asked)
}

fn thread_of(tina: &mut Driver, chat_id: i64, id: i64) -> Value {
    let asked = json!({ "chat_id": chat_id, "message_id": td_id(id) });
    tina.request("getMessageThread", asked)
}

#[test]
fn threads_of_a_supergroup() {
    play("comments::threads_of_a_supergroup", |scene| {
        let Scene { node: _node, mut ada, mut bob, mut tina } = scene;
        let crew = crew(&mut ada, &mut bob, &mut tina);
        let first = td_send(&mut tina, crew, "who is in?", None);
        message(&mut ada, "who is in?");
        message(&mut bob, "who is in?");
        let one = bob.send_with(crew, "me", json!({ "reply_to": first }));
        message(&mut ada, "me");
        let two = ada.send_with(crew, "me too", json!({ "reply_to": one }));
        message(&mut bob, "me too");
        ada.send(crew, "of something else");
        message(&mut tina, "me too");
        message(&mut tina, "of something else");

        // What answers an answer says with what its thread begins.
        let page = replies(&mut ada, crew, first, 10);
        assert_eq!((words(&page), &page["count"]), (vec!["me too", "me"], &json!(2)), "{page}");
        let [newest, oldest] = [0, 1].map(|at| &page["messages"][at]["reply_to"]);
        assert_eq!(
            (&newest["reply_to_msg_id"], &newest["reply_to_top_id"]),
            (&json!(one), &json!(first))
        );
        assert_eq!(
            (&oldest["reply_to_msg_id"], &oldest["reply_to_top_id"]),
            (&json!(first), &json!(null))
        );
        let page = replies(&mut bob, crew, two, 1);
        assert_eq!((words(&page), &page["count"]), (vec!["me too"], &json!(2)), "by any of them");
        let shown = bob.invoke(
            "channels.GetMessages",
            json!({ "channel": { "channel": crew }, "id": [{ "_": "InputMessageID", "id": first }] }),
        );
        let about = &shown["messages"][0]["replies"];
        assert_eq!((&about["replies"], &about["max_id"]), (&json!(2), &json!(two)), "{shown}");
        let faces: Vec<&Value> = about["recent_repliers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["user_id"])
            .collect();
        assert_eq!(faces, [&json!(ada.user), &json!(bob.user)]);
        let found = thread_of(&mut tina, crew, two);
        assert_eq!(found["message_thread_id"], td_id(first), "{found}");
        assert_eq!(found["reply_info"]["reply_count"], 2, "{found}");
        let history = tina.request(
            "getMessageThreadHistory",
            json!({ "chat_id": crew, "message_id": td_id(first), "from_message_id": 0,
                "offset": 0, "limit": 10 }),
        );
        let ids: Vec<&Value> =
            history["messages"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
        assert_eq!(ids[..2], [&json!(td_id(two)), &json!(td_id(one))], "{history}");
        let found = ada.invoke(
            "messages.Search",
            json!({ "peer": { "peer": crew }, "q": "me", "top_msg_id": first,
                "filter": { "_": "InputMessagesFilterEmpty" }, "min_date": 0, "max_date": 0,
                "offset_id": 0, "add_offset": 0, "limit": 10, "max_id": 0, "min_id": 0, "hash": 0 }),
        );
        assert_eq!(words(&found), ["me too", "me"], "of something else is not in it");

        // Read for itself: the writer sees it.
        let three = bob.send_with(crew, "and me again", json!({ "reply_to": two }));
        message(&mut ada, "and me again");
        message(&mut tina, "and me again");
        let about = discussion(&mut ada, crew, first);
        assert_eq!(
            (&about["unread_count"], &about["max_id"]),
            (&json!(1), &json!(three)),
            "{about}"
        );
        let read = json!({ "peer": { "peer": crew }, "msg_id": first, "read_max_id": three });
        assert_eq!(ada.invoke("messages.ReadDiscussion", read), true);
        let seen = bob.expect(&json!({ "_": "UpdateReadChannelDiscussionOutbox" }));
        assert_eq!((&seen["top_msg_id"], &seen["read_max_id"]), (&json!(first), &json!(three)));
        let about = discussion(&mut ada, crew, first);
        assert_eq!(
            (&about["unread_count"], &about["read_inbox_max_id"]),
            (&json!(0), &json!(three))
        );

        // What is deleted is not counted any more.
        bob.command("delete", json!({ "to": crew, "msg_ids": [three] }));
        tina.expect(&json!({ "event": "deleted", "ids": [three] }));
        assert_eq!(replies(&mut ada, crew, first, 10)["count"], 2);
        let nothing = ada.invoke_refused(
            "messages.GetDiscussionMessage",
            json!({ "peer": { "peer": crew }, "msg_id": three }),
        );
        assert_eq!(nothing, (400, "MSG_ID_INVALID".into()));
        for driver in [&mut ada, &mut bob, &mut tina] {
            assert_no_complaints(driver);
        }
    });
}
