//! What stands beside messages of channels and supergroups: reactions, and views of posts.

use serde_json::{Value, json};

use crate::CHANNELS;
use crate::driver::{Driver, SOON};
use crate::scene::{Scene, assert_no_complaints, content, message, play, td_id, td_send};

/// A public channel or supergroup that ada makes and everybody joins.
pub(crate) fn public(scene: &mut Scene, broadcast: bool, name: &str) -> i64 {
    let Scene { ada, bob, tina, .. } = scene;
    let made = ada.invoke(
        "channels.CreateChannel",
        json!({ "title": "Harbour", "about": "", "broadcast": broadcast, "megagroup": !broadcast }),
    );
    let peer = CHANNELS - made["chats"][0]["id"].as_i64().expect("a channel");
    let channel = json!({ "channel": peer });
    ada.invoke("channels.UpdateUsername", json!({ "channel": channel, "username": name }));
    bob.invoke("contacts.ResolveUsername", json!({ "username": name }));
    bob.invoke("channels.JoinChannel", json!({ "channel": channel }));
    let chat = tina.request("searchPublicChat", json!({ "username": name }));
    assert_eq!(chat["id"], peer, "{chat}");
    tina.request("joinChat", json!({ "chat_id": peer }));
    tina.request("getSupergroupFullInfo", json!({ "supergroup_id": CHANNELS - peer }));
    tina.request("openChat", json!({ "chat_id": peer }));
    peer
}

fn emoji(emoticon: &str) -> Value {
    json!([{ "_": "ReactionEmoji", "emoticon": emoticon }])
}

/// A reaction of the raw API.
fn reaction(peer: i64, id: i64, emoticon: &str) -> Value {
    json!({ "peer": { "peer": peer }, "msg_id": id, "reaction": emoji(emoticon) })
}

/// A reaction of TDLib.
fn td_reacts(driver: &mut Driver, peer: i64, id: i64, emoticon: &str) {
    driver.request("getEmojiReaction", json!({ "emoji": emoticon }));
    driver.request(
        "addMessageReaction",
        json!({ "chat_id": peer, "message_id": td_id(id), "is_big": false,
            "reaction_type": { "@type": "reactionTypeEmoji", "emoji": emoticon },
            "update_recent_reactions": false }),
    );
}

/// So many reactions to a message, as an update of the raw API tells them.
fn told(driver: &mut Driver, id: i64, count: u64) -> Value {
    let update = driver.expect_event("reactions", SOON, |event| {
        let all = event["reactions"]["results"].as_array();
        event["_"] == "UpdateMessageReactions"
            && event["msg_id"] == id
            && all.is_some_and(|all| {
                all.iter().filter_map(|one| one["count"].as_u64()).sum::<u64>() == count
            })
    });
    update["reactions"].clone()
}

fn unread(driver: &mut Driver, peer: i64) -> Value {
    let peer = json!({ "_": "InputDialogPeer", "peer": { "peer": peer } });
    let found = driver.invoke("messages.GetPeerDialogs", json!({ "peers": [peer] }));
    found["dialogs"][0]["unread_reactions_count"].clone()
}

/// In a supergroup everybody sees who reacted, and the author is told; admins say which there are.
#[test]
fn reactions_in_a_supergroup() {
    play("reactions::reactions_in_a_supergroup", |mut scene| {
        let crew = public(&mut scene, false, "harbour_crew");
        let Scene { node, ada, bob, tina } = &mut scene;
        ada.invoke(
            "account.SetReactionsNotifySettings",
            json!({ "settings": { "_": "ReactionsNotifySettings", "show_previews": true,
                "messages_notify_from": { "_": "ReactionNotificationsFromAll" },
                "sound": { "_": "NotificationSoundDefault" } } }),
        );
        let first = ada.send(crew, "hello all");
        message(bob, "hello all");
        message(tina, "hello all");
        td_reacts(tina, crew, first, "🔥");
        let got = told(ada, first, 1);
        assert_eq!(got["can_see_list"], true, "{got}");
        let recent = &got["recent_reactions"][0];
        assert_eq!(
            (&recent["peer_id"]["user_id"], &recent["unread"]),
            (&json!(tina.user), &json!(true))
        );
        told(bob, first, 1);
        bob.invoke("messages.SendReaction", reaction(crew, first, "🔥"));
        told(ada, first, 2);
        tina.expect_event("both", SOON, |event| {
            event["@type"] == "updateMessageInteractionInfo"
                && event["interaction_info"]["reactions"]["reactions"][0]["total_count"] == 2
        });
        let list = tina.request(
            "getMessageAddedReactions",
            json!({ "chat_id": crew, "message_id": td_id(first), "offset": "", "limit": 10 }),
        );
        assert_eq!(list["total_count"], 2, "{list}");
        assert_eq!(list["reactions"][0]["sender_id"]["user_id"], bob.user, "the newest first");
        let page = json!({ "peer": { "peer": crew }, "id": first, "limit": 1 });
        let list = ada.invoke("messages.GetMessageReactionsList", page);
        assert_eq!((&list["count"], &list["next_offset"]), (&json!(2), &json!("2")), "{list}");
        let page = json!({ "peer": { "peer": crew }, "id": first, "limit": 1, "offset": "2" });
        let list = bob.invoke("messages.GetMessageReactionsList", page);
        assert_eq!(list["reactions"][0]["peer_id"]["user_id"], tina.user, "{list}");
        assert_eq!(list["next_offset"], json!(null), "{list}");

        // What the author has not looked at.
        assert_eq!(unread(ada, crew), 1);
        let page = json!({ "peer": { "peer": crew }, "offset_id": 0, "add_offset": 0,
            "limit": 10, "max_id": 0, "min_id": 0 });
        let waiting = ada.invoke("messages.GetUnreadReactions", page);
        assert_eq!(waiting["messages"][0]["id"], first, "{waiting}");
        ada.invoke("messages.ReadReactions", json!({ "peer": { "peer": crew } }));
        assert_eq!(unread(ada, crew), 0);

        // Which there are: said by an admin, and by nobody else.
        let some = |with: &str| {
            json!({ "peer": { "peer": crew }, "available_reactions":
                { "_": "ChatReactionsSome", "reactions": emoji(with) }, "reactions_limit": 3 })
        };
        ada.invoke("messages.SetChatAvailableReactions", some("👍"));
        let same = ada.invoke_refused("messages.SetChatAvailableReactions", some("👍"));
        assert_eq!(same, (400, "CHAT_NOT_MODIFIED".into()));
        let full = ada.invoke("channels.GetFullChannel", json!({ "channel": { "channel": crew } }));
        let full = &full["full_chat"];
        let log = ada.invoke(
            "channels.GetAdminLog",
            json!({ "channel": { "channel": crew }, "q": "", "max_id": 0, "min_id": 0,
                "limit": 1 }),
        );
        let noted = &log["events"][0]["action"];
        assert_eq!(noted["new_value"]["reactions"], emoji("👍"), "{log}");
        assert_eq!(full["available_reactions"]["reactions"], emoji("👍"), "{full}");
        assert_eq!(full["reactions_limit"], 3);
        let refused = bob.invoke_refused("messages.SendReaction", reaction(crew, first, "🎉"));
        assert_eq!(refused, (400, "REACTION_INVALID".into()));
        bob.invoke("messages.SendReaction", reaction(crew, first, "👍"));
        told(ada, first, 2);
        let none = json!({ "peer": { "peer": crew },
            "available_reactions": { "_": "ChatReactionsNone" } });
        ada.invoke("messages.SetChatAvailableReactions", none);
        let refused = bob.invoke_refused("messages.SendReaction", reaction(crew, first, "🔥"));
        assert_eq!(refused, (400, "REACTION_INVALID".into()));
        tina.request(
            "removeMessageReaction",
            json!({ "chat_id": crew, "message_id": td_id(first),
                "reaction_type": { "@type": "reactionTypeEmoji", "emoji": "🔥" } }),
        );
        told(ada, first, 1);
        node.kill_and_restart();
        bob.settle();
        let now = bob.invoke(
            "messages.GetMessagesReactions",
            json!({ "peer": { "peer": crew }, "id": [first] }),
        );
        let results = &now["updates"][0]["reactions"]["results"];
        assert_eq!((&results[0]["count"], &results[0]["chosen_order"]), (&json!(1), &json!(0)));
        for driver in [ada, bob, tina] {
            assert_no_complaints(driver);
        }
    });
}

/// In a channel readers react too, and only how often is shown.
#[test]
fn reactions_in_a_channel() {
    play("reactions::reactions_in_a_channel", |mut scene| {
        let news = public(&mut scene, true, "harbour_news");
        let Scene { ada, bob, tina, .. } = &mut scene;
        let post = ada.send(news, "fog");
        message(bob, "fog");
        message(tina, "fog");
        td_reacts(tina, news, post, "👍");
        let got = told(ada, post, 1);
        assert_eq!((&got["can_see_list"], &got["recent_reactions"]), (&json!(false), &json!(null)));
        bob.invoke("messages.SendReaction", reaction(news, post, "👍"));
        told(ada, post, 2);
        tina.expect_event("both", SOON, |event| {
            event["@type"] == "updateMessageInteractionInfo"
                && event["interaction_info"]["reactions"]["reactions"][0]["total_count"] == 2
        });
        for driver in [&mut *ada, &mut *bob] {
            let page = json!({ "peer": { "peer": news }, "id": post, "limit": 10 });
            let refused = driver.invoke_refused("messages.GetMessageReactionsList", page);
            assert_eq!(refused, (403, "BROADCAST_FORBIDDEN".into()));
        }
        assert_eq!(unread(ada, news), 0);
        let shown = bob.history(news, 5, 0);
        let shown = shown.iter().find(|one| one["id"] == post).expect("the post");
        assert_eq!(shown["text"], "fog", "{shown}");
        for driver in [ada, bob, tina] {
            assert_no_complaints(driver);
        }
    });
}

/// How often a post was seen and forwarded, by the raw API.
fn views(driver: &mut Driver, peer: i64, id: i64, increment: bool) -> (Value, Value) {
    let found = driver.invoke(
        "messages.GetMessagesViews",
        json!({ "peer": { "peer": peer }, "id": [id], "increment": increment }),
    );
    let counts = &found["views"][0];
    (counts["views"].clone(), counts["forwards"].clone())
}

/// Posts of a channel say how many have seen them: each viewer once, also through a restart.
#[test]
fn views_of_posts() {
    play("reactions::views_of_posts", |mut scene| {
        let news = public(&mut scene, true, "harbour_news");
        let Scene { node, ada, bob, tina } = &mut scene;
        let post = ada.send(news, "fog");
        let shown = bob.expect_event("the post", SOON, |event| {
            event["_"] == "UpdateNewChannelMessage" && event["message"]["id"] == post
        });
        assert_eq!(
            (&shown["message"]["views"], &shown["message"]["forwards"]),
            (&json!(1), &json!(0))
        );
        message(tina, "fog");
        assert_eq!(views(ada, news, post, true), (json!(1), json!(0)), "who posted is counted");
        assert_eq!(views(bob, news, post, true), (json!(2), json!(0)));
        assert_eq!(views(bob, news, post, true), (json!(2), json!(0)), "once");
        tina.request(
            "viewMessages",
            json!({ "chat_id": news, "message_ids": [td_id(post)], "force_read": true }),
        );
        // Nobody asks: it is told to who is there.
        for driver in [&mut *ada, &mut *bob] {
            driver.expect_event("three views", SOON, |event| {
                event["_"] == "UpdateChannelMessageViews"
                    && (&event["id"], &event["views"]) == (&json!(post), &json!(3))
            });
        }
        tina.expect_event("three views", SOON, |event| {
            event["@type"] == "updateMessageInteractionInfo"
                && event["interaction_info"]["view_count"] == 3
        });
        bob.command("forward", json!({ "source": news, "to": "self", "msg_ids": [post] }));
        ada.expect_event("a forward", SOON, |event| {
            event["_"] == "UpdateChannelMessageForwards"
                && (&event["id"], &event["forwards"]) == (&json!(post), &json!(1))
        });
        tina.expect_event("a forward", SOON, |event| {
            event["@type"] == "updateMessageInteractionInfo"
                && event["interaction_info"]["forward_count"] == 1
        });
        node.kill_and_restart();
        bob.settle();
        assert_eq!(views(bob, news, post, true), (json!(3), json!(1)), "remembered");
        for driver in [ada, bob, tina] {
            assert_no_complaints(driver);
        }
    });
}

/// Whether a message still has to be listened to.
fn is_unheard(driver: &mut Driver, peer: i64, id: i64) -> Value {
    let asked = json!([{ "_": "InputMessageID", "id": id }]);
    let found = driver
        .invoke("channels.GetMessages", json!({ "channel": { "channel": peer }, "id": asked }));
    found["messages"][0]["media_unread"].clone()
}

/// A voice message is marked for each until they have listened, and its writer sees that somebody
/// has; and who has read it.
#[test]
fn what_was_listened_to() {
    play("reactions::what_was_listened_to", |mut scene| {
        let crew = public(&mut scene, false, "harbour_crew");
        let Scene { ada, bob, tina, .. } = &mut scene;
        ada.invoke(
            "upload.SaveFilePart",
            json!({ "file_id": 77, "file_part": 0, "bytes": { "hex": "4f676753".repeat(50) } }),
        );
        let media = json!({ "_": "InputMediaUploadedDocument", "mime_type": "audio/ogg",
            "file": { "_": "InputFile", "id": 77, "parts": 1, "name": "voice.ogg",
                "md5_checksum": "" },
            "attributes": [{ "_": "DocumentAttributeAudio", "duration": 3, "voice": true,
                "waveform": { "hex": "55".repeat(60) } }] });
        let sent = ada.invoke(
            "messages.SendMedia",
            json!({ "peer": { "peer": crew }, "media": media, "message": "", "random_id": 1 }),
        );
        let id = sent["updates"][0]["id"].as_i64().expect("a number");
        let at_tina = content(tina, "messageVoiceNote")["message"].clone();
        assert_eq!(at_tina["content"]["is_listened"], false, "{at_tina}");
        for driver in [&mut *ada, &mut *bob] {
            assert_eq!(is_unheard(driver, crew, id), true);
        }
        tina.request("openMessageContent", json!({ "chat_id": crew, "message_id": td_id(id) }));
        let heard = ada.expect(&json!({ "_": "UpdateChannelReadMessagesContents" }));
        assert_eq!(heard["messages"], json!([id]), "{heard}");
        assert_eq!(is_unheard(ada, crew, id), false);
        assert_eq!(is_unheard(bob, crew, id), true, "he has not listened");
        let listens = json!({ "channel": { "channel": crew }, "id": [id] });
        assert_eq!(bob.invoke("channels.ReadMessageContents", listens), true);
        assert_eq!(is_unheard(bob, crew, id), false);

        // Who has read it.
        let asked = json!({ "peer": { "peer": crew }, "msg_id": id });
        let readers = ada.invoke("messages.GetMessageReadParticipants", asked.clone());
        assert_eq!(readers, json!([]), "{readers}");
        let read = json!({ "channel": { "channel": crew }, "max_id": id });
        bob.invoke("channels.ReadHistory", read);
        let readers = ada.invoke("messages.GetMessageReadParticipants", asked.clone());
        assert_eq!(readers[0]["user_id"], bob.user, "{readers}");
        let refused = bob.invoke_refused("messages.GetMessageReadParticipants", asked);
        assert_eq!(refused, (400, "MSG_ID_INVALID".into()));
        let own = td_send(tina, crew, "who is there?", None);
        message(bob, "who is there?");
        let read = json!({ "channel": { "channel": crew }, "max_id": own });
        bob.invoke("channels.ReadHistory", read);
        let viewers =
            tina.request("getMessageViewers", json!({ "chat_id": crew, "message_id": td_id(own) }));
        assert_eq!(viewers["viewers"][0]["user_id"], bob.user, "{viewers}");
        for driver in [ada, bob, tina] {
            assert_no_complaints(driver);
        }
    });
}
