//! Forums: topics made, read, changed and ended by all the clients together.

use std::time::Duration;

use serde_json::{Value, json};

use crate::CHANNELS;
use crate::clients::{self, Client, MTCUTE, TELETHON};
use crate::driver::{Driver, SOON};
use crate::scene::{Scene, assert_no_complaints, message, play, td_id};
use crate::support::isolation::isolated;
use crate::support::node::TestNode;
use crate::team::Team;

const WITHIN: Duration = Duration::from_secs(300);

/// A service message of this kind that comes.
fn service(driver: &mut Driver, action: &str) -> Value {
    service_with(driver, action, "_")
}

/// The same, with something said in this field.
fn service_with(driver: &mut Driver, action: &str, field: &str) -> Value {
    let event = driver.expect_event(action, SOON, |event| {
        let said = &event["message"]["action"];
        event["_"] == "UpdateNewChannelMessage" && said["_"] == *action && !said[field].is_null()
    });
    event["message"].clone()
}

/// What answers a call with a service message in it.
fn answered(updates: &Value) -> &Value {
    let all = updates["updates"].as_array().expect("updates");
    let new = all.iter().find(|update| update["_"] == "UpdateNewChannelMessage");
    &new.unwrap_or_else(|| panic!("a message: {updates}"))["message"]
}

fn titles(found: &Value) -> Vec<(i64, &str, i64)> {
    let topics = found["topics"].as_array().expect("topics");
    let of = |topic: &'_ Value| topic["unread_count"].as_i64().unwrap_or(0);
    topics
        .iter()
        .map(|topic| (topic["id"].as_i64().unwrap(), topic["title"].as_str().unwrap(), of(topic)))
        .collect()
}

/// The list by the API of layer 215 and later.
fn topics(driver: &mut Driver, forum: i64) -> Value {
    driver.invoke(
        "messages.GetForumTopics",
        json!({ "peer": { "peer": forum }, "offset_date": 0, "offset_id": 0, "offset_topic": 0,
            "limit": 20 }),
    )
}

/// The same by that of earlier ones.
fn topics_of_channel(driver: &mut Driver, forum: i64) -> Value {
    driver.invoke(
        "channels.GetForumTopics",
        json!({ "channel": { "channel": forum }, "offset_date": 0, "offset_id": 0,
            "offset_topic": 0, "limit": 20 }),
    )
}

/// The same by TDLib: number, name, unread messages, whether it is closed.
fn td_topics(tina: &mut Driver, forum: i64) -> Vec<(i64, String, i64, bool)> {
    let found = tina.request(
        "getForumTopics",
        json!({ "chat_id": forum, "query": "", "offset_date": 0, "offset_message_id": 0,
            "offset_forum_topic_id": 0, "limit": 20 }),
    );
    let topics = found["topics"].as_array().expect("topics");
    let mut all: Vec<_> = topics
        .iter()
        .map(|topic| {
            let info = &topic["info"];
            (
                info["forum_topic_id"].as_i64().expect("a number"),
                info["name"].as_str().expect("a name").to_owned(),
                topic["unread_count"].as_i64().expect("a count"),
                info["is_closed"].as_bool().expect("closed or not"),
            )
        })
        .collect();
    all.sort();
    all
}

/// A text into a topic by TDLib, delivered.
fn td_send(tina: &mut Driver, forum: i64, topic: i64, text: &str) -> i64 {
    tina.request(
        "sendMessage",
        json!({ "chat_id": forum,
            "topic_id": { "@type": "messageTopicForum", "forum_topic_id": topic },
            "input_message_content": {
                "@type": "inputMessageText", "text": { "@type": "formattedText", "text": text } } }),
    );
    let sent = tina.expect_event("the sent message", SOON, |event| {
        event["@type"] == "updateMessageSendSucceeded"
            && event["message"]["content"]["text"]["text"] == *text
    });
    let sent = &sent["message"];
    assert_eq!(sent["topic_id"]["forum_topic_id"], topic, "{sent}");
    sent["id"].as_i64().expect("an id") / td_id(1)
}

/// The topic in which a text comes to TDLib.
fn td_topic(tina: &mut Driver, text: &str) -> Value {
    let event = tina.expect_event(text, SOON, |event| {
        event["@type"] == "updateNewMessage" && event["message"]["content"]["text"]["text"] == *text
    });
    event["message"]["topic_id"]["forum_topic_id"].clone()
}

#[test]
fn a_forum_by_many_clients() {
    play("forum::a_forum_by_many_clients", |scene| {
        let Scene { node: _node, mut ada, mut bob, mut tina } = scene;
        let made = ada.invoke(
            "channels.CreateChannel",
            json!({ "title": "Harbour", "about": "", "megagroup": true, "forum": true }),
        );
        assert_eq!(made["chats"][0]["forum"], true, "{made}");
        let forum = CHANNELS - made["chats"][0]["id"].as_i64().expect("a group");
        let named = json!({ "channel": { "channel": forum }, "username": "harbour_forum" });
        ada.invoke("channels.UpdateUsername", named);
        let public = json!({ "username": "harbour_forum" });
        bob.invoke("contacts.ResolveUsername", public.clone());
        bob.invoke("channels.JoinChannel", json!({ "channel": { "channel": forum } }));
        let chat = tina.request("searchPublicChat", public);
        assert_eq!(chat["id"], forum);
        tina.request("joinChat", json!({ "chat_id": forum }));

        // Each begins a topic by its own API; new groups leave that to admins.
        let begin = json!({ "peer": { "peer": forum }, "title": "Boats", "random_id": 11,
            "icon_color": 0x00ff_d67e });
        let begun = ada.invoke("messages.CreateForumTopic", begin.clone());
        let boats = answered(&begun)["id"].as_i64().expect("an id");
        assert_eq!(answered(&begun)["action"]["title"], "Boats");
        let again = ada.invoke("messages.CreateForumTopic", begin);
        assert_eq!(answered(&again)["id"], boats, "sent again, it is the same one");
        let refused = bob.invoke_refused(
            "channels.CreateForumTopic",
            json!({ "channel": { "channel": forum }, "title": "Sails", "random_id": 12 }),
        );
        assert_eq!(refused, (400, "CHAT_ADMIN_REQUIRED".into()));
        let told = service(&mut bob, "MessageActionTopicCreate");
        assert_eq!((&told["id"], &told["action"]["title"]), (&json!(boats), &json!("Boats")));
        let rights = json!({ "peer": { "peer": forum }, "banned_rights": {
            "_": "ChatBannedRights", "until_date": 0, "change_info": true, "pin_messages": true } });
        ada.invoke("messages.EditChatDefaultBannedRights", rights);
        let begun = bob.invoke(
            "channels.CreateForumTopic",
            json!({ "channel": { "channel": forum }, "title": "Sails", "random_id": 12 }),
        );
        let sails = answered(&begun)["id"].as_i64().expect("an id");
        let begun = tina.request(
            "createForumTopic",
            json!({ "chat_id": forum, "name": "Ropes", "is_name_implicit": false,
                "icon": { "@type": "forumTopicIcon", "color": 0x006f_b9f0, "custom_emoji_id": 0 } }),
        );
        let ropes = begun["forum_topic_id"].as_i64().expect("a number");
        assert_eq!(begun["name"], "Ropes", "{begun}");
        service(&mut ada, "MessageActionTopicCreate");
        service(&mut ada, "MessageActionTopicCreate");

        // What is said in one is said there to everybody.
        let one = ada.send_with(forum, "to the boats", json!({ "reply_to": boats }));
        message(&mut bob, "to the boats");
        assert_eq!(td_topic(&mut tina, "to the boats"), boats);
        let two = td_send(&mut tina, forum, ropes, "tie the knots");
        let heard = ada.expect_event("a message in a topic", SOON, |event| {
            event["message"]["message"] == "tie the knots"
        });
        let header = &heard["message"]["reply_to"];
        assert_eq!(
            (&header["forum_topic"], &header["reply_to_msg_id"], &header["reply_to_top_id"]),
            (&json!(true), &json!(ropes), &json!(null)),
            "{heard}"
        );
        let three = bob.send_with(forum, "which knots?", json!({ "reply_to": two }));
        let heard = ada.expect_event("an answer in a topic", SOON, |event| {
            event["message"]["message"] == "which knots?"
        });
        let header = &heard["message"]["reply_to"];
        assert_eq!(
            (&header["forum_topic"], &header["reply_to_msg_id"], &header["reply_to_top_id"]),
            (&json!(true), &json!(two), &json!(ropes)),
            "{heard}"
        );
        assert_eq!(td_topic(&mut tina, "which knots?"), ropes);
        bob.send(forum, "to nothing at all");
        message(&mut ada, "to nothing at all");
        assert_eq!(td_topic(&mut tina, "to nothing at all"), 1);

        // The list, with what each has not read.
        let found = topics(&mut ada, forum);
        let listed = titles(&found);
        let names: Vec<(i64, &str)> = listed.iter().map(|(id, title, _)| (*id, *title)).collect();
        assert_eq!(
            names,
            [(1, "General"), (ropes, "Ropes"), (boats, "Boats"), (sails, "Sails")],
            "{found}"
        );
        let unread = |found: &Value, topic: i64| {
            titles(found).into_iter().find(|(id, ..)| *id == topic).map(|(.., unread)| unread)
        };
        assert_eq!(unread(&found, ropes), Some(3), "the beginning and two messages");
        assert_eq!(unread(&found, boats), Some(0));
        let found = topics_of_channel(&mut bob, forum);
        assert_eq!((unread(&found, boats), unread(&found, ropes)), (Some(2), Some(0)), "{found}");
        assert_eq!(found["topics"][2]["icon_color"], 0x00ff_d67e);
        let to_tina = td_topics(&mut tina, forum);
        let names: Vec<&str> = to_tina.iter().map(|(_, name, ..)| name.as_str()).collect();
        assert_eq!(names, ["General", "Boats", "Sails", "Ropes"]);
        let of = |topic: i64| {
            json!({ "peer": { "peer": forum }, "msg_id": topic, "offset_id": 0,
            "offset_date": 0, "add_offset": 0, "limit": 10, "max_id": 0, "min_id": 0, "hash": 0 })
        };
        let page = bob.invoke("messages.GetReplies", of(ropes));
        let ids: Vec<&Value> =
            page["messages"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
        assert_eq!(ids, [&json!(three), &json!(two), &json!(ropes)], "{page}");
        let history = tina.request(
            "getForumTopicHistory",
            json!({ "chat_id": forum, "forum_topic_id": ropes, "from_message_id": 0, "offset": 0,
                "limit": 10 }),
        );
        let ids: Vec<&Value> =
            history["messages"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
        let expected = [three, two, ropes].map(|id| json!(td_id(id)));
        assert_eq!(ids, expected.iter().collect::<Vec<_>>(), "{history}");

        // Read for itself; the writer sees it.
        let read = json!({ "peer": { "peer": forum }, "msg_id": ropes, "read_max_id": three });
        assert_eq!(ada.invoke("messages.ReadDiscussion", read), true);
        let seen = bob.expect(&json!({ "_": "UpdateReadChannelDiscussionOutbox" }));
        assert_eq!((&seen["top_msg_id"], &seen["read_max_id"]), (&json!(ropes), &json!(three)));
        assert_eq!(unread(&topics(&mut ada, forum), ropes), Some(0));

        // Names, pins, an end to talking, and out of sight.
        let rename =
            json!({ "channel": { "channel": forum }, "topic_id": sails, "title": "Masts" });
        let renamed = bob.invoke("channels.EditForumTopic", rename.clone());
        assert_eq!(answered(&renamed)["action"]["title"], "Masts");
        let told = service(&mut ada, "MessageActionTopicEdit");
        assert_eq!(
            (&told["action"]["title"], &told["action"]["closed"]),
            (&json!("Masts"), &json!(null))
        );
        let same = bob.invoke_refused("channels.EditForumTopic", rename);
        assert_eq!(same, (400, "TOPIC_NOT_MODIFIED".into()));
        let theirs = bob.invoke_refused(
            "channels.EditForumTopic",
            json!({ "channel": { "channel": forum }, "topic_id": boats, "closed": true }),
        );
        assert_eq!(theirs, (400, "CHAT_ADMIN_REQUIRED".into()));
        tina.expect_event("another name", SOON, |event| {
            event["@type"] == "updateForumTopicInfo" && event["info"]["name"] == "Masts"
        });
        let of = json!({ "chat_id": forum, "forum_topic_id": ropes, "is_closed": true });
        tina.request("toggleForumTopicIsClosed", of);
        let told = service_with(&mut ada, "MessageActionTopicEdit", "closed");
        assert_eq!(told["action"]["closed"], true);
        let refused = bob.invoke_refused(
            "messages.SendMessage",
            json!({ "peer": { "peer": forum }, "message": "too late", "random_id": 31,
                "reply_to_msg_id": ropes }),
        );
        assert_eq!(refused, (406, "TOPIC_CLOSED".into()));
        td_send(&mut tina, forum, ropes, "by its maker");
        message(&mut bob, "by its maker");
        let pin = json!({ "peer": { "peer": forum }, "topic_id": boats, "pinned": true });
        ada.invoke("messages.UpdatePinnedForumTopic", pin);
        let told = bob.expect(&json!({ "_": "UpdateChannelPinnedTopic" }));
        assert_eq!((&told["topic_id"], &told["pinned"]), (&json!(boats), &json!(true)), "{told}");
        assert_eq!(topics(&mut ada, forum)["topics"][0]["id"], boats);
        let order = json!({ "peer": { "peer": forum }, "order": [sails, boats], "force": true });
        ada.invoke("messages.ReorderPinnedForumTopics", order);
        let told = bob.expect(&json!({ "_": "UpdateChannelPinnedTopics" }));
        assert_eq!(told["order"], json!([sails, boats]), "{told}");
        let hide = json!({ "peer": { "peer": forum }, "topic_id": 1, "hidden": true });
        ada.invoke("messages.EditForumTopic", hide);
        let told = service_with(&mut bob, "MessageActionTopicEdit", "hidden");
        assert_eq!(told["action"]["hidden"], true, "{told}");
        let general = topics(&mut ada, forum);
        let general = general["topics"].as_array().unwrap().iter().find(|topic| topic["id"] == 1);
        let general = general.expect("the general topic");
        assert_eq!((&general["hidden"], &general["closed"]), (&json!(true), &json!(true)));
        let show = json!({ "peer": { "peer": forum }, "topic_id": 1, "hidden": false });
        ada.invoke("messages.EditForumTopic", show);
        let told = service_with(&mut bob, "MessageActionTopicEdit", "hidden");
        assert_eq!(told["action"]["hidden"], false, "{told}");

        // What admins look up.
        let noted = ada.invoke(
            "channels.GetAdminLog",
            json!({ "channel": { "channel": forum }, "q": "", "max_id": 0, "min_id": 0, "limit": 50,
                "events_filter": { "_": "ChannelAdminLogEventsFilter", "forums": true } }),
        );
        let kinds: Vec<&str> = noted["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["action"]["_"].as_str().unwrap())
            .collect();
        let [create, edit, pin] = ["CreateTopic", "EditTopic", "PinTopic"];
        let expected = [edit, edit, pin, pin, edit, edit, create, create, create];
        assert_eq!(
            kinds,
            expected.map(|kind| format!("ChannelAdminLogEventAction{kind}")),
            "{noted}"
        );

        // Its end takes all of it along.
        let refused = bob.invoke_refused(
            "channels.DeleteTopicHistory",
            json!({ "channel": { "channel": forum }, "top_msg_id": boats }),
        );
        assert_eq!(refused, (400, "CHAT_ADMIN_REQUIRED".into()));
        let end = json!({ "peer": { "peer": forum }, "top_msg_id": boats });
        let ended = ada.invoke("messages.DeleteTopicHistory", end);
        assert_eq!((&ended["pts_count"], &ended["offset"]), (&json!(2), &json!(0)), "{ended}");
        bob.expect(&json!({ "event": "deleted", "ids": [boats, one] }));
        tina.expect(&json!({ "event": "deleted", "ids": [boats, one] }));
        let left = td_topics(&mut tina, forum);
        assert!(left.iter().all(|(id, ..)| *id != boats), "{left:?}");
        for driver in [&mut ada, &mut bob, &mut tina] {
            assert_no_complaints(driver);
        }
    });
}

/// An existing group becomes a forum, with what was said in it; and mtcute goes about in it.
#[test]
fn a_group_becomes_a_forum() {
    const CLIENTS: [&Client; 2] = [&TELETHON, &MTCUTE];
    if clients::any_skipped(&CLIENTS) {
        return;
    }
    clients::install(&CLIENTS);
    isolated("forum::a_group_becomes_a_forum", WITHIN, || {
        let Team { node: _node, members, .. } = Team::gather_on(TestNode::start(), &CLIENTS);
        let Ok([mut ada, mut mia]) = <[Driver; 2]>::try_from(members) else { unreachable!() };
        let forum = crate::supergroup(&mut ada, "Harbour");
        let name = json!({ "channel": { "channel": forum }, "username": "harbour_forum" });
        ada.invoke("channels.UpdateUsername", name);
        mia.command("join", json!({ "name": "harbour_forum" }));
        ada.send(forum, "before topics");
        message(&mut mia, "before topics");
        let toggle = json!({ "channel": { "channel": forum }, "enabled": true, "tabs": false });
        let toggled = ada.invoke("channels.ToggleForum", toggle.clone());
        assert_eq!(toggled["chats"][0]["forum"], true, "{toggled}");
        let again = ada.invoke_refused("channels.ToggleForum", toggle);
        assert_eq!(again, (400, "CHAT_NOT_MODIFIED".into()));
        let rights = json!({ "peer": { "peer": forum }, "banned_rights": {
            "_": "ChatBannedRights", "until_date": 0, "change_info": true } });
        ada.invoke("messages.EditChatDefaultBannedRights", rights);
        let begun = mia.command("create_topic", json!({ "peer": forum, "title": "Boats" }));
        let boats = begun["msg_id"].as_i64().expect("an id");
        ada.send_with(forum, "to the boats", json!({ "reply_to": boats }));
        message(&mut mia, "to the boats");
        let listed = mia.command("topics", json!({ "peer": forum }));
        let boats_of = |listed: &Value| {
            let found = listed["found"].as_array().expect("topics");
            found.iter().find(|topic| topic["id"] == boats).cloned()
        };
        let seen = boats_of(&listed).expect("the topic");
        assert_eq!(
            (&seen["title"], &seen["unread"], &seen["closed"]),
            (&json!("Boats"), &json!(1), &json!(false)),
            "{listed}"
        );
        let old = ada.invoke(
            "messages.GetReplies",
            json!({ "peer": { "peer": forum }, "msg_id": 1, "offset_id": 0, "offset_date": 0,
                "add_offset": 0, "limit": 10, "max_id": 0, "min_id": 0, "hash": 0 }),
        );
        assert_eq!(old["messages"][0]["message"], "before topics", "{old}");
        let change = json!({ "peer": forum, "topic": boats, "title": "Ships", "closed": true });
        mia.command("edit_topic", change);
        let seen = boats_of(&mia.command("topics", json!({ "peer": forum }))).expect("the topic");
        assert_eq!((&seen["title"], &seen["closed"]), (&json!("Ships"), &json!(true)));
        let alone = mia.command("create_topic", json!({ "peer": forum, "title": "Alone" }));
        mia.command("delete_topic", json!({ "peer": forum, "topic": alone["msg_id"] }));
        ada.expect(&json!({ "event": "deleted", "ids": [alone["msg_id"]] }));
        let gone = ada.invoke(
            "messages.GetForumTopicsByID",
            json!({ "peer": { "peer": forum }, "topics": [alone["msg_id"]] }),
        );
        assert_eq!(gone["topics"][0]["_"], "ForumTopicDeleted", "{gone}");
        // As one conversation, and back to one.
        let view = json!({ "channel": { "channel": forum }, "enabled": true });
        let told = ada.invoke("channels.ToggleViewForumAsMessages", view);
        assert_eq!(told["updates"][0]["enabled"], true, "{told}");
        let full =
            ada.invoke("channels.GetFullChannel", json!({ "channel": { "channel": forum } }));
        assert_eq!(full["full_chat"]["view_forum_as_messages"], true);
        let toggle = json!({ "channel": { "channel": forum }, "enabled": false, "tabs": false });
        ada.invoke("channels.ToggleForum", toggle);
        let refused = ada.invoke_refused(
            "messages.GetForumTopics",
            json!({ "peer": { "peer": forum }, "offset_date": 0, "offset_id": 0, "offset_topic": 0,
                "limit": 20 }),
        );
        assert_eq!(refused, (400, "CHANNEL_FORUM_MISSING".into()));
        for driver in [&mut ada, &mut mia] {
            assert_no_complaints(driver);
        }
    });
}
