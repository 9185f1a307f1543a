//! Threads of a supergroup, comments to a channel's posts, and in whose name one writes.

use serde_json::{Value, json};

use crate::CHANNELS;
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

        // TDLib puts what was said out of its own sight, as it does in private groups; others keep it.
        let clear = json!({ "chat_id": crew, "remove_from_chat_list": false, "revoke": false });
        tina.request("deleteChatHistory", clear);
        td_send(&mut tina, crew, "a new page", None);
        message(&mut bob, "a new page");
        let left = tina.history(crew, 10, 0);
        let left: Vec<&Value> = left.iter().map(|one| &one["text"]).collect();
        assert_eq!(left, ["a new page"]);
        assert_eq!(words(&replies(&mut ada, crew, first, 10)), ["me too", "me"]);
        for driver in [&mut ada, &mut bob, &mut tina] {
            assert_no_complaints(driver);
        }
    });
}

/// A channel or supergroup made by the raw API, as clients show it.
fn made(driver: &mut Driver, title: &str, broadcast: bool) -> i64 {
    let made = driver.invoke(
        "channels.CreateChannel",
        json!({ "title": title, "about": "", "broadcast": broadcast, "megagroup": !broadcast }),
    );
    CHANNELS - made["chats"][0]["id"].as_i64().expect("a channel")
}

/// A message by the raw API, with what belongs to it.
fn shown(driver: &mut Driver, peer: i64, id: i64) -> Value {
    let asked = json!({ "channel": { "channel": peer },
        "id": [{ "_": "InputMessageID", "id": id }] });
    driver.invoke("channels.GetMessages", asked)["messages"][0].clone()
}

fn full(driver: &mut Driver, peer: i64) -> Value {
    driver.invoke("channels.GetFullChannel", json!({ "channel": { "channel": peer } }))
}

#[test]
fn comments_to_a_channel() {
    play("comments::comments_to_a_channel", |scene| {
        let Scene { node: _node, mut ada, mut bob, mut tina } = scene;
        let news = made(&mut ada, "Harbour news", true);
        let talk = made(&mut ada, "Harbour talk", false);
        let name = json!({ "channel": { "channel": news }, "username": "harbour_news" });
        ada.invoke("channels.UpdateUsername", name);
        let found = ada.invoke("channels.GetGroupsForDiscussion", json!({}));
        assert_eq!(found["chats"][0]["id"], CHANNELS - talk, "{found}");
        let link = json!({ "broadcast": { "channel": news }, "group": { "channel": talk } });
        assert_eq!(ada.invoke("channels.SetDiscussionGroup", link.clone()), true);
        let again = ada.invoke_refused("channels.SetDiscussionGroup", link);
        assert_eq!(again, (400, "LINK_NOT_MODIFIED".into()));
        let wrong = json!({ "broadcast": { "channel": talk }, "group": { "channel": news } });
        let refused = ada.invoke_refused("channels.SetDiscussionGroup", wrong);
        assert_eq!(refused, (400, "BROADCAST_ID_INVALID".into()));
        let hide = json!({ "channel": { "channel": talk }, "enabled": true });
        let refused = ada.invoke_refused("channels.TogglePreHistoryHidden", hide);
        assert_eq!(refused, (400, "CHAT_LINK_EXISTS".into()));
        for (one, other) in [(news, talk), (talk, news)] {
            let about = full(&mut ada, one);
            assert_eq!(about["full_chat"]["linked_chat_id"], CHANNELS - other, "{about}");
            let chats = about["chats"].as_array().unwrap();
            assert!(
                chats.len() == 2 && chats.iter().all(|chat| chat["has_link"] == true),
                "{about}"
            );
        }

        let public = json!({ "username": "harbour_news" });
        bob.invoke("contacts.ResolveUsername", public.clone());
        bob.invoke("channels.JoinChannel", json!({ "channel": { "channel": news } }));
        tina.request("searchPublicChat", public);
        tina.request("joinChat", json!({ "chat_id": news }));

        // A post comes to its readers, and its copy to the group.
        let post = ada.send(news, "ships");
        let copy = ada.expect_event("the copy", SOON, |event| {
            event["_"] == "UpdateNewChannelMessage"
                && event["message"]["peer_id"]["channel_id"] == CHANNELS - talk
                && event["message"]["message"] == "ships"
        });
        let copy = &copy["message"];
        assert_eq!(copy["from_id"]["channel_id"], CHANNELS - news, "{copy}");
        assert_eq!((&copy["out"], &copy["pinned"]), (&json!(false), &json!(true)), "{copy}");
        let header = &copy["fwd_from"];
        assert_eq!(
            (&header["channel_post"], &header["saved_from_msg_id"]),
            (&json!(post), &json!(post)),
            "{copy}"
        );
        assert_eq!(header["saved_from_peer"]["channel_id"], CHANNELS - news);
        let copy = copy["id"].as_i64().expect("an id");
        message(&mut bob, "ships");
        message(&mut tina, "ships");

        // Who reads the channel comments without being in the group.
        let about = discussion(&mut bob, news, post);
        assert_eq!(about["messages"][0]["id"], copy, "{about}");
        assert_eq!((&about["unread_count"], &about["max_id"]), (&json!(0), &json!(null)));
        let one = bob.send_with(talk, "seen them", json!({ "reply_to": copy }));
        message(&mut ada, "seen them");
        let found = thread_of(&mut tina, news, post);
        assert_eq!(
            (&found["chat_id"], &found["message_thread_id"]),
            (&json!(talk), &json!(td_id(copy)))
        );
        assert_eq!(found["reply_info"]["reply_count"], 1, "{found}");
        // TDLib answers only what it has seen: as a member does, it reads the thread first.
        let thread = json!({ "chat_id": found["chat_id"], "message_id": found["message_thread_id"],
            "from_message_id": 0, "offset": 0, "limit": 10 });
        let history = tina.request("getMessageThreadHistory", thread.clone());
        assert_eq!(history["messages"][0]["id"], td_id(one), "{history}");
        let two = td_send(&mut tina, talk, "so have I", Some(one));
        message(&mut ada, "so have I");
        let page = replies(&mut bob, news, post, 10);
        assert_eq!((words(&page), &page["count"]), (vec!["so have I", "seen them"], &json!(2)));
        assert_eq!(page["messages"][0]["peer_id"]["channel_id"], CHANNELS - talk);
        let history = tina.request("getMessageThreadHistory", thread);
        let ids: Vec<&Value> =
            history["messages"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
        assert_eq!(ids[..2], [&json!(td_id(two)), &json!(td_id(one))], "{history}");
        let about = &shown(&mut bob, news, post)["replies"];
        assert_eq!(
            (&about["comments"], &about["replies"], &about["channel_id"], &about["max_id"]),
            (&json!(true), &json!(2), &json!(CHANNELS - talk), &json!(two)),
        );
        let views = json!({ "peer": { "peer": news }, "id": [post], "increment": false });
        let counted = bob.invoke("messages.GetMessagesViews", views);
        let beside = &counted["views"][0]["replies"];
        assert_eq!(
            (&beside["replies"], &beside["comments"]),
            (&json!(2), &json!(true)),
            "{counted}"
        );
        // Who reads the channel reacts to what is said there, without being in the group.
        let reaction = json!({ "peer": { "peer": talk }, "msg_id": two,
            "reaction": [{ "_": "ReactionEmoji", "emoticon": "👍" }] });
        bob.invoke("messages.SendReaction", reaction);
        assert_eq!(discussion(&mut bob, news, post)["unread_count"], 1);
        let read = json!({ "peer": { "peer": news }, "msg_id": post, "read_max_id": two });
        assert_eq!(bob.invoke("messages.ReadDiscussion", read), true);
        assert_eq!(discussion(&mut bob, news, post)["unread_count"], 0);

        // What is mended in the post is mended in the copy; what is said there stays when it goes.
        ada.command("edit", json!({ "to": news, "msg_id": post, "text": "ships, mended" }));
        let edited = ada.expect_event("the edited copy", SOON, |event| {
            event["_"] == "UpdateEditChannelMessage"
                && event["message"]["peer_id"]["channel_id"] == CHANNELS - talk
        });
        assert_eq!(
            (&edited["message"]["id"], &edited["message"]["message"]),
            (&json!(copy), &json!("ships, mended"))
        );
        ada.command("delete", json!({ "to": news, "msg_ids": [post] }));
        bob.expect(&json!({ "event": "deleted", "ids": [post] }));
        assert_eq!(words(&replies(&mut ada, talk, copy, 10)), ["so have I", "seen them"]);

        // Where one has to be in it, one comes in as a reader of the channel.
        let setting = json!({ "channel": { "channel": talk }, "enabled": true });
        ada.invoke("channels.ToggleJoinToSend", setting);
        let refused = bob.invoke_refused(
            "messages.SendMessage",
            json!({ "peer": { "peer": talk }, "message": "me too", "random_id": 5 }),
        );
        assert_eq!(refused, (403, "CHAT_WRITE_FORBIDDEN".into()));
        bob.invoke("channels.JoinChannel", json!({ "channel": { "channel": talk } }));
        bob.send(talk, "me too");
        message(&mut ada, "me too");

        // With the link goes the way in.
        let end =
            json!({ "broadcast": { "channel": news }, "group": { "_": "InputChannelEmpty" } });
        assert_eq!(ada.invoke("channels.SetDiscussionGroup", end), true);
        let noted = ada.invoke(
            "channels.GetAdminLog",
            json!({ "channel": { "channel": news }, "q": "", "max_id": 0, "min_id": 0, "limit": 10 }),
        );
        let linked =
            noted["events"].as_array().unwrap().iter().filter(|event| {
                event["action"]["_"] == "ChannelAdminLogEventActionChangeLinkedChat"
            });
        let linked: Vec<Value> = linked
            .map(|event| json!([event["action"]["prev_value"], event["action"]["new_value"]]))
            .collect();
        let group = CHANNELS - talk;
        assert_eq!(linked, [json!([group, 0]), json!([0, group])], "{noted}");
        let alone = ada.send(news, "to nobody");
        let refused = bob.invoke_refused(
            "messages.GetDiscussionMessage",
            json!({ "peer": { "peer": news }, "msg_id": alone }),
        );
        assert_eq!(refused, (400, "MSG_ID_INVALID".into()));
        for driver in [&mut ada, &mut bob, &mut tina] {
            assert_no_complaints(driver);
        }
    });
}

/// A message by the raw API, in somebody's name if that is said.
fn say(driver: &mut Driver, peer: i64, text: &str, send_as: Option<i64>) -> Value {
    let random_id = i64::from(text.len() as u32) << 20 | i64::from(text.as_bytes()[0]);
    let mut asked = json!({ "peer": { "peer": peer }, "message": text, "random_id": random_id });
    if let Some(sender) = send_as {
        asked["send_as"] = json!({ "peer": sender });
    }
    driver.invoke("messages.SendMessage", asked)
}

/// Who is said to have written what comes.
fn author(driver: &mut Driver, text: &str) -> Value {
    let event = driver.expect_event(text, SOON, |event| {
        event["_"] == "UpdateNewChannelMessage" && event["message"]["message"] == *text
    });
    let message = &event["message"];
    json!([message["from_id"], message["post_author"], message["out"]])
}

/// The same by TDLib.
fn td_author(tina: &mut Driver, text: &str) -> Value {
    let event = tina.expect_event(text, SOON, |event| {
        event["@type"] == "updateNewMessage" && event["message"]["content"]["text"]["text"] == *text
    });
    event["message"]["sender_id"].clone()
}

#[test]
fn in_whose_name_one_writes() {
    play("comments::in_whose_name_one_writes", |scene| {
        let Scene { node: _node, mut ada, mut bob, mut tina } = scene;
        let crew = crew(&mut ada, &mut bob, &mut tina);
        let number = CHANNELS - crew;
        let group = json!({ "_": "PeerChannel", "channel_id": number });
        // An admin who is to stay unknown.
        let rights = json!({ "@type": "chatAdministratorRights", "can_manage_chat": true,
            "can_delete_messages": true, "is_anonymous": true });
        let of = |user: i64| json!({ "@type": "messageSenderUser", "user_id": user });
        tina.request(
            "setChatMemberStatus",
            json!({ "chat_id": crew, "member_id": of(ada.user),
                "status": { "@type": "chatMemberStatusAdministrator", "custom_title": "",
                    "can_be_edited": true, "rights": rights } }),
        );
        let senders = ada.invoke("channels.GetSendAs", json!({ "peer": { "peer": crew } }));
        assert_eq!(senders["peers"].as_array().map(Vec::len), Some(1), "{senders}");
        assert_eq!(senders["peers"][0]["peer"], group, "{senders}");
        let sent = say(&mut ada, crew, "all hands on deck", None);
        let updates = sent["updates"].as_array().unwrap();
        let own = updates.iter().find(|update| update["_"] == "UpdateNewChannelMessage");
        let own = &own.unwrap_or_else(|| panic!("the message: {sent}"))["message"];
        assert_eq!((&own["out"], &own["from_id"]), (&json!(true), &group), "{sent}");
        assert_eq!(author(&mut bob, "all hands on deck"), json!([group, null, false]));
        assert_eq!(td_author(&mut tina, "all hands on deck")["chat_id"], crew);
        let named = |driver: &mut Driver, filter: &str| -> Vec<i64> {
            let found = driver.invoke(
                "channels.GetParticipants",
                json!({ "channel": { "channel": crew }, "filter": { "_": filter }, "offset": 0,
                    "limit": 10, "hash": 0 }),
            );
            let users = found["users"].as_array().unwrap();
            users.iter().map(|user| user["id"].as_i64().unwrap()).collect()
        };
        assert!(!named(&mut bob, "ChannelParticipantsRecent").contains(&ada.user));
        assert_eq!(named(&mut bob, "ChannelParticipantsAdmins"), [tina.user]);
        assert!(named(&mut ada, "ChannelParticipantsAdmins").contains(&ada.user));
        let slip = ada.invoke_refused(
            "messages.SendMessage",
            json!({ "peer": { "peer": crew }, "message": "x", "random_id": 7,
                "send_as": { "peer": "self" } }),
        );
        assert_eq!(slip, (400, "SEND_AS_PEER_INVALID".into()));
        ada.command(
            "edit",
            json!({ "to": crew, "msg_id": own["id"], "text": "all hands below deck" }),
        );
        bob.expect(&json!({ "event": "edited", "text": "all hands below deck" }));
        tina.expect(&json!({ "event": "edited", "text": "all hands below deck" }));

        // The owner too, if they like.
        tina.request(
            "setChatMemberStatus",
            json!({ "chat_id": crew, "member_id": of(tina.user),
                "status": { "@type": "chatMemberStatusCreator", "custom_title": "",
                    "is_anonymous": true, "is_member": true } }),
        );
        td_send(&mut tina, crew, "so says the captain", None);
        assert_eq!(author(&mut bob, "so says the captain"), json!([group, null, false]));
        assert_eq!(author(&mut ada, "so says the captain"), json!([group, null, false]));

        // A channel of one's own, where others than members read.
        let news = made(&mut bob, "Bob's news", true);
        let name = json!({ "channel": { "channel": news }, "username": "bobs_news" });
        bob.invoke("channels.UpdateUsername", name);
        let asked = json!({ "peer": { "peer": crew } });
        let senders = bob.invoke("channels.GetSendAs", asked.clone());
        assert_eq!(senders["peers"].as_array().map(Vec::len), Some(1), "not in a private group");
        tina.request(
            "setSupergroupUsername",
            json!({ "supergroup_id": number, "username": "the_crew" }),
        );
        let senders = bob.invoke("channels.GetSendAs", asked);
        let channel = json!({ "_": "PeerChannel", "channel_id": CHANNELS - news });
        assert_eq!(senders["peers"][0]["peer"]["user_id"], bob.user, "{senders}");
        assert_eq!(senders["peers"][1]["peer"], channel, "{senders}");
        say(&mut bob, crew, "once by the channel", Some(news));
        assert_eq!(author(&mut ada, "once by the channel"), json!([channel, null, false]));
        let chosen = json!({ "peer": { "peer": crew }, "send_as": { "peer": news } });
        assert_eq!(bob.invoke("messages.SaveDefaultSendAs", chosen), true);
        assert_eq!(full(&mut bob, crew)["full_chat"]["default_send_as"], channel);
        say(&mut bob, crew, "and from now on", None);
        assert_eq!(author(&mut ada, "and from now on"), json!([channel, null, false]));
        assert_eq!(td_author(&mut tina, "and from now on")["chat_id"], news);
        let himself = bob.user;
        say(&mut bob, crew, "as himself again", Some(himself));
        assert_eq!(author(&mut ada, "as himself again")[0]["user_id"], bob.user);
        let theirs = ada.invoke_refused(
            "messages.SendMessage",
            json!({ "peer": { "peer": crew }, "message": "x", "random_id": 8,
                "send_as": { "peer": bob.user } }),
        );
        assert_eq!(theirs, (400, "SEND_AS_PEER_INVALID".into()));
        // Who is banned in a channel's name is not known to whoever bans it.
        let sender = json!({ "@type": "messageSenderChat", "chat_id": news });
        tina.request(
            "setChatMemberStatus",
            json!({ "chat_id": crew, "member_id": sender,
                "status": { "@type": "chatMemberStatusBanned", "banned_until_date": 0 } }),
        );
        let mut as_channel = json!({ "peer": { "peer": crew }, "message": "once more",
            "random_id": 9, "send_as": { "peer": news } });
        let refused = bob.invoke_refused("messages.SendMessage", as_channel.clone());
        assert_eq!(refused, (400, "SEND_AS_PEER_INVALID".into()));
        let kicked = json!({ "_": "ChannelParticipantsKicked", "q": "" });
        let listed = ada.invoke(
            "channels.GetParticipants",
            json!({ "channel": { "channel": crew }, "filter": kicked, "offset": 0, "limit": 10,
                "hash": 0 }),
        );
        assert_eq!(listed["participants"][0]["peer"], channel, "{listed}");
        let found = tina.request(
            "getSupergroupMembers",
            json!({ "supergroup_id": number, "offset": 0, "limit": 10,
                "filter": { "@type": "supergroupMembersFilterBanned", "query": "" } }),
        );
        assert_eq!(found["members"][0]["member_id"]["chat_id"], news, "{found}");
        tina.request(
            "setChatMemberStatus",
            json!({ "chat_id": crew, "member_id": sender,
                "status": { "@type": "chatMemberStatusLeft" } }),
        );
        as_channel["random_id"] = json!(10);
        as_channel["message"] = json!("back again");
        bob.invoke("messages.SendMessage", as_channel);
        assert_eq!(author(&mut ada, "back again"), json!([channel, null, false]));
        // What is found is found by whose name it has.
        let by = |peer: Value| {
            json!({ "peer": { "peer": crew }, "q": "", "from_id": { "peer": peer },
                "filter": { "_": "InputMessagesFilterEmpty" }, "min_date": 0, "max_date": 0,
                "offset_id": 0, "add_offset": 0, "limit": 10, "max_id": 0, "min_id": 0, "hash": 0 })
        };
        let found = bob.invoke("messages.Search", by(json!(ada.user)));
        assert_eq!(words(&found), Vec::<&str>::new(), "nothing by ada");
        let found = bob.invoke("messages.Search", by(json!(news)));
        assert_eq!(words(&found), ["back again", "and from now on", "once by the channel"]);
        for driver in [&mut ada, &mut bob, &mut tina] {
            assert_no_complaints(driver);
        }
    });
}
