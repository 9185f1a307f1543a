//! A channel of one node discussed on two, and a forum.

use serde_json::{Value, json};

use crate::CHANNELS;
use crate::clients::TELETHON;
use crate::driver::{Driver, SOON};
use crate::many::until;
use crate::two::{Two, came, play};
use crate::uploads::{WEBP_2, sticker};

#[test]
fn comments_on_two_nodes() {
    play("comments::comments_on_two_nodes", true, discussed);
}

#[test]
fn comments_without_gossip() {
    play("comments::comments_without_gossip", false, discussed);
}

#[test]
fn a_forum_on_two_nodes() {
    play("comments::a_forum_on_two_nodes", true, forum);
}

#[test]
fn a_forum_without_gossip() {
    play("comments::a_forum_without_gossip", false, forum);
}

#[test]
fn emoji_of_another_node() {
    play("comments::emoji_of_another_node", true, emoji);
}

/// The number of a message as TDLib has it.
fn td_id(id: i64) -> i64 {
    id << 20
}

fn shown(driver: &mut Driver, peer: i64, id: i64) -> Value {
    let asked = json!({ "channel": { "channel": peer },
        "id": [{ "_": "InputMessageID", "id": id }] });
    driver.invoke("channels.GetMessages", asked)["messages"][0].clone()
}

fn discussion(driver: &mut Driver, peer: i64, id: i64) -> Value {
    let asked = json!({ "peer": { "peer": peer }, "msg_id": id });
    driver.invoke("messages.GetDiscussionMessage", asked)
}

fn replies(driver: &mut Driver, peer: i64, id: i64) -> (i64, Vec<String>) {
    let page = driver.invoke(
        "messages.GetReplies",
        json!({ "peer": { "peer": peer }, "msg_id": id, "offset_id": 0, "offset_date": 0,
            "add_offset": 0, "limit": 50, "max_id": 0, "min_id": 0, "hash": 0 }),
    );
    let messages = page["messages"].as_array().expect("messages");
    let words = messages.iter().filter_map(|one| one["message"].as_str());
    let mut words: Vec<String> =
        words.filter(|words| !words.is_empty()).map(str::to_owned).collect();
    words.sort();
    (page["count"].as_i64().expect("a count"), words)
}

/// A text by TDLib, in answer to a message.
fn td_answer(tina: &mut Driver, chat_id: i64, to: i64, text: &str) -> Value {
    tina.request(
        "sendMessage",
        json!({ "chat_id": chat_id,
            "reply_to": { "@type": "inputMessageReplyToMessage", "message_id": td_id(to) },
            "input_message_content": {
                "@type": "inputMessageText", "text": { "@type": "formattedText", "text": text } } }),
    );
    let sent = tina.expect_event("the sent message", SOON, |event| {
        event["@type"] == "updateMessageSendSucceeded"
            && event["message"]["content"]["text"]["text"] == *text
    });
    sent["message"].clone()
}

fn discussed(mut two: Two) {
    let news = two.make("Harbour news", "harbour_news", true);
    let talk = two.make("Harbour talk", "harbour_talk", false);
    let link = json!({ "broadcast": { "channel": news }, "group": { "channel": talk } });
    assert_eq!(two.ada.invoke("channels.SetDiscussionGroup", link), true);
    let post = two.ada.send(news, "ships");
    let own = discussion(&mut two.ada, news, post);
    let copy = own["messages"][0]["id"].as_i64().expect("a copy");
    two.ada.send_with(talk, "which ones?", json!({ "reply_to": copy }));

    // Readers of the other node see where comments are, before that node has any of them.
    let there = two.join("harbour_news");
    let post_at_bob = two.bob.history(there, 10, 0)[0]["id"].as_i64().expect("the post");
    let about = shown(&mut two.bob, there, post_at_bob)["replies"].clone();
    assert_eq!((&about["comments"], &about["replies"]), (&json!(true), &json!(0)), "{about}");
    let full =
        two.bob.invoke("channels.GetFullChannel", json!({ "channel": { "channel": there } }));
    assert_eq!(full["full_chat"]["linked_chat_id"], about["channel_id"], "{full}");
    // Who opens them gets them all.
    let opened = discussion(&mut two.bob, there, post_at_bob);
    let first = &opened["messages"][0];
    assert_eq!((&first["message"], &opened["unread_count"]), (&json!("ships"), &json!(1)));
    assert_eq!(first["from_id"]["channel_id"], CHANNELS - there, "{opened}");
    let header = &first["fwd_from"];
    assert_eq!(header["saved_from_msg_id"], post_at_bob, "{opened}");
    let talk_at_b = CHANNELS - first["peer_id"]["channel_id"].as_i64().expect("a group");
    assert_eq!(about["channel_id"], CHANNELS - talk_at_b);
    let top = first["id"].as_i64().expect("an id");
    let about = shown(&mut two.bob, there, post_at_bob)["replies"].clone();
    assert_eq!(about["replies"], 1, "{about}");
    assert_eq!(about["recent_repliers"].as_array().map(Vec::len), Some(1), "{about}");
    let full =
        two.bob.invoke("channels.GetFullChannel", json!({ "channel": { "channel": there } }));
    assert_eq!(full["full_chat"]["linked_chat_id"], CHANNELS - talk_at_b, "{full}");

    // All comment, at B without being in the group.
    let one = two.bob.send_with(talk_at_b, "the big ones", json!({ "reply_to": top }));
    came(&mut two.ada, "the big ones");
    let thread = two
        .tina
        .request("getMessageThread", json!({ "chat_id": there, "message_id": td_id(post_at_bob) }));
    assert_eq!(
        (&thread["chat_id"], &thread["message_thread_id"]),
        (&json!(talk_at_b), &json!(td_id(top))),
        "{thread}"
    );
    assert_eq!(thread["reply_info"]["reply_count"], 2, "{thread}");
    let history = two.tina.request(
        "getMessageThreadHistory",
        json!({ "chat_id": thread["chat_id"], "message_id": thread["message_thread_id"],
            "from_message_id": 0, "offset": 0, "limit": 10 }),
    );
    assert_eq!(history["messages"][0]["id"], td_id(one), "{history}");
    td_answer(&mut two.tina, talk_at_b, one, "and the small ones");
    came(&mut two.ada, "and the small ones");
    let all = (3, ["and the small ones", "the big ones", "which ones?"].map(str::to_owned));
    let all = (all.0, all.1.to_vec());
    assert_eq!(replies(&mut two.ada, news, post), all);
    assert_eq!(replies(&mut two.bob, there, post_at_bob), all);

    // The line is cut and both nodes are killed: what was said meanwhile is in both afterwards.
    two.line.cut();
    let later = two.ada.send(news, "sails");
    two.ada.command("edit", json!({ "to": news, "msg_id": post, "text": "ships, mended" }));
    two.ada.send_with(talk, "said at a", json!({ "reply_to": copy }));
    two.bob.send_with(talk_at_b, "said at b", json!({ "reply_to": top }));
    two.a.kill_and_restart();
    two.b.kill_and_restart();
    two.ada.settle();
    two.bob.settle();
    two.line.heal();
    came(&mut two.ada, "said at b");
    two.bob.expect_event("the mended post", SOON, |event| {
        event["_"] == "UpdateEditChannelMessage"
            && event["message"]["id"] == post_at_bob
            && event["message"]["message"] == "ships, mended"
    });
    // Who is not in the group is told nothing of it.
    until("the copy is mended", || {
        let copy = shown(&mut two.bob, talk_at_b, top);
        (copy["message"] == "ships, mended").then_some(())
    });
    came(&mut two.bob, "sails");
    let (at_a, at_b) =
        (replies(&mut two.ada, news, post), replies(&mut two.bob, there, post_at_bob));
    assert_eq!((at_a.0, &at_a), (5, &at_b));
    // The new post is discussed too.
    let messages = two.bob.history(there, 10, 0);
    let sails = messages.iter().find(|one| one["text"] == "sails").expect("the post");
    let sails = sails["id"].as_i64().expect("an id");
    let opened = discussion(&mut two.bob, there, sails);
    let top = opened["messages"][0]["id"].clone();
    two.bob.send_with(talk_at_b, "white ones", json!({ "reply_to": top }));
    came(&mut two.ada, "white ones");
    assert_eq!(replies(&mut two.ada, news, later), (1, vec!["white ones".to_owned()]));
    let about = shown(&mut two.ada, news, later)["replies"].clone();
    assert_eq!(about["replies"], 1, "{about}");
}

/// The list of topics, as Telethon asks for it, of layer 215 and later, or as Pyrogram does.
fn topics(driver: &mut Driver, forum: i64) -> Value {
    let mut asked = json!({ "offset_date": 0, "offset_id": 0, "offset_topic": 0, "limit": 20 });
    if driver.client.name == TELETHON.name {
        asked["peer"] = json!({ "peer": forum });
        driver.invoke("messages.GetForumTopics", asked)
    } else {
        asked["channel"] = json!({ "channel": forum });
        driver.invoke("channels.GetForumTopics", asked)
    }
}

fn topic(driver: &mut Driver, forum: i64, title: &str) -> Value {
    let found = topics(driver, forum);
    let all = found["topics"].as_array().expect("topics");
    let one = all.iter().find(|topic| topic["title"] == *title);
    one.unwrap_or_else(|| panic!("no {title}: {found}")).clone()
}

fn begun(driver: &mut Driver, action: &str) -> Value {
    let event = driver.expect_event(action, SOON, |event| {
        event["_"] == "UpdateNewChannelMessage" && event["message"]["action"]["_"] == *action
    });
    event["message"].clone()
}

fn forum(mut two: Two) {
    let forum = two.make("Harbour", "harbour_forum", false);
    let on = json!({ "channel": { "channel": forum }, "enabled": true, "tabs": false });
    two.ada.invoke("channels.ToggleForum", on);
    let rights = json!({ "peer": { "peer": forum }, "banned_rights": {
        "_": "ChatBannedRights", "until_date": 0, "change_info": true, "pin_messages": true } });
    two.ada.invoke("messages.EditChatDefaultBannedRights", rights);
    let begin = json!({ "peer": { "peer": forum }, "title": "Boats", "random_id": 11,
        "icon_color": 0x00ff_d67e });
    two.ada.invoke("messages.CreateForumTopic", begin);
    let boats = topic(&mut two.ada, forum, "Boats")["id"].clone();
    two.ada.send_with(forum, "to the boats", json!({ "reply_to": boats }));

    let there = two.join("harbour_forum");
    let chats = two.bob.invoke("channels.GetChannels", json!({ "id": [{ "channel": there }] }));
    assert_eq!(chats["chats"][0]["forum"], true, "{chats}");
    let at_b = topic(&mut two.bob, there, "Boats");
    assert_eq!((&at_b["icon_color"], &at_b["closed"]), (&json!(0x00ff_d67e), &json!(false)));
    let boats_at_b = at_b["id"].as_i64().expect("a topic");
    let (_, words) = replies(&mut two.bob, there, boats_at_b);
    assert_eq!(words, ["to the boats"]);

    // Written in from the other node, by both of its clients, and begun there.
    two.bob.send_with(there, "with oars", json!({ "reply_to": boats_at_b }));
    let heard = came(&mut two.ada, "with oars");
    let raw = shown(&mut two.ada, forum, heard["id"].as_i64().expect("an id"));
    assert_eq!(
        (&raw["reply_to"]["forum_topic"], &raw["reply_to"]["reply_to_msg_id"]),
        (&json!(true), &boats),
        "{raw}"
    );
    let made = two.tina.request(
        "createForumTopic",
        json!({ "chat_id": there, "name": "Ropes", "is_name_implicit": false,
            "icon": { "@type": "forumTopicIcon", "color": 0x006f_b9f0, "custom_emoji_id": 0 } }),
    );
    let ropes_at_b = made["forum_topic_id"].as_i64().expect("a number");
    let told = begun(&mut two.ada, "MessageActionTopicCreate");
    assert_eq!(told["action"]["title"], "Ropes", "{told}");
    let ropes = told["id"].as_i64().expect("an id");
    two.ada.send_with(forum, "tie the knots", json!({ "reply_to": ropes }));
    let event = two.tina.expect_event("a message in a topic", SOON, |event| {
        event["@type"] == "updateNewMessage"
            && event["message"]["content"]["text"]["text"] == "tie the knots"
    });
    assert_eq!(event["message"]["topic_id"]["forum_topic_id"], ropes_at_b, "{event}");
    let unread = topic(&mut two.bob, there, "Ropes")["unread_count"].clone();
    assert_eq!(unread, 2, "its beginning, and a message");
    let read = json!({ "peer": { "peer": there }, "msg_id": ropes_at_b,
        "read_max_id": topic(&mut two.bob, there, "Ropes")["top_message"] });
    assert_eq!(two.bob.invoke("messages.ReadDiscussion", read), true);
    assert_eq!(topic(&mut two.bob, there, "Ropes")["unread_count"], 0);

    // Closed at the one, it is closed at the other; its maker renames it.
    let close = json!({ "peer": { "peer": forum }, "topic_id": boats, "closed": true });
    two.ada.invoke("messages.EditForumTopic", close);
    let told = begun(&mut two.bob, "MessageActionTopicEdit");
    assert_eq!(told["action"]["closed"], true, "{told}");
    let refused = two.bob.invoke_refused(
        "messages.SendMessage",
        json!({ "peer": { "peer": there }, "message": "too late", "random_id": 31,
            "reply_to_msg_id": boats_at_b }),
    );
    assert_eq!(refused, (406, "TOPIC_CLOSED".into()));
    let rename = json!({ "chat_id": there, "forum_topic_id": ropes_at_b, "name": "Knots",
        "edit_icon_custom_emoji": false, "icon_custom_emoji_id": 0 });
    two.tina.request("editForumTopic", rename);
    let told = begun(&mut two.ada, "MessageActionTopicEdit");
    assert_eq!(told["action"]["title"], "Knots", "{told}");
    let pin = json!({ "peer": { "peer": forum }, "topic_id": boats, "pinned": true });
    two.ada.invoke("messages.UpdatePinnedForumTopic", pin);
    let told = two.bob.expect(&json!({ "_": "UpdateChannelPinnedTopic" }));
    assert_eq!((&told["topic_id"], &told["pinned"]), (&json!(boats_at_b), &json!(true)));

    // Apart, and killed in the middle.
    two.line.cut();
    two.ada.send_with(forum, "said at a", json!({ "reply_to": ropes }));
    two.bob.send_with(there, "said at b", json!({ "reply_to": ropes_at_b }));
    let begin = json!({ "channel": { "channel": there }, "title": "Nets", "random_id": 12 });
    two.bob.invoke("channels.CreateForumTopic", begin);
    two.a.kill_and_restart();
    two.b.kill_and_restart();
    two.ada.settle();
    two.bob.settle();
    two.line.heal();
    came(&mut two.bob, "said at a");
    came(&mut two.ada, "said at b");
    begun(&mut two.ada, "MessageActionTopicCreate");
    let (at_a, at_b) =
        (replies(&mut two.ada, forum, ropes), replies(&mut two.bob, there, ropes_at_b));
    assert_eq!(at_a, at_b);
    let expected = ["said at a", "said at b", "tie the knots"].map(str::to_owned);
    assert_eq!(at_a.1, expected);
    let names = |found: &Value| {
        let all = found["topics"].as_array().expect("topics").iter();
        let mut names: Vec<String> =
            all.map(|topic| topic["title"].as_str().expect("a title").to_owned()).collect();
        names.sort();
        names
    };
    let (at_a, at_b) = (topics(&mut two.ada, forum), topics(&mut two.bob, there));
    assert_eq!(names(&at_a), ["Boats", "General", "Knots", "Nets"]);
    assert_eq!(names(&at_a), names(&at_b));
    // Ended at the home, it is gone on both.
    let end = json!({ "peer": { "peer": forum }, "top_msg_id": boats });
    two.ada.invoke("messages.DeleteTopicHistory", end);
    two.tina.expect_event("the topic goes", SOON, |event| {
        event["@type"] == "updateDeleteMessages"
            && event["message_ids"]
                .as_array()
                .is_some_and(|ids| ids.contains(&json!(td_id(boats_at_b))))
    });
    assert_eq!(names(&topics(&mut two.bob, there)), ["General", "Knots", "Nets"]);
}

/// A custom emoji of one node is drawn and reacted with at the other.
fn emoji(mut two: Two) {
    let talk = two.make("Harbour talk", "harbour_talk", false);
    let file = sticker(&mut two.ada, 4, WEBP_2);
    let item = json!({ "_": "InputStickerSetItem", "document": file, "emoji": "❤" });
    let set = json!({ "user_id": { "_": "InputUserSelf" }, "title": "Marks", "short_name": "Marks",
        "stickers": [item], "emojis": true });
    let set = two.ada.invoke("stickers.CreateStickerSet", set);
    let number = set["documents"][0]["id"].clone();
    let entity = json!({ "_": "MessageEntityCustomEmoji", "offset": 5, "length": 1,
        "document_id": number });
    let words = json!({ "peer": { "peer": talk }, "message": "look ❤", "random_id": 7,
        "entities": [entity] });
    two.ada.invoke("messages.SendMessage", words);

    let there = two.join("harbour_talk");
    let id = two.bob.history(there, 10, 0)[0]["id"].as_i64().expect("a message");
    let said = shown(&mut two.bob, there, id);
    let entity = &said["entities"][0];
    assert_eq!((&entity["_"], &entity["offset"]), (&json!("MessageEntityCustomEmoji"), &json!(5)));
    let here = entity["document_id"].clone();
    let found =
        two.bob.invoke("messages.GetCustomEmojiDocuments", json!({ "document_id": [here, 5] }));
    assert_eq!((found.as_array().map(Vec::len), &found[0]["id"]), (Some(1), &here), "{found}");
    let drawn = two
        .tina
        .request("getCustomEmojiStickers", json!({ "custom_emoji_ids": [here.to_string()] }));
    let sticker = &drawn["stickers"][0];
    assert_eq!(sticker["emoji"], "❤", "{drawn}");
    let file = sticker["sticker"]["id"].clone();
    let loads = json!({ "file_id": file, "priority": 1, "synchronous": true });
    let loaded = two.tina.request("downloadFile", loads);
    assert_eq!(loaded["local"]["downloaded_size"], WEBP_2.len(), "{loaded}");

    let reaction = json!({ "peer": { "peer": there }, "msg_id": id,
        "reaction": [{ "_": "ReactionCustomEmoji", "document_id": here }] });
    two.bob.invoke("messages.SendReaction", reaction);
    let reacted = two.ada.expect(&json!({ "_": "UpdateMessageReactions" }));
    let with = &reacted["reactions"]["results"][0]["reaction"];
    assert_eq!(with["document_id"], number, "{reacted}");
}
