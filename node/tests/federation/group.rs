//! A group in which people of two nodes talk.

use serde_json::json;

use crate::two::{Two, came, play, words};

#[test]
fn a_group_of_two_nodes() {
    play("group::a_group_of_two_nodes", true, scene);
}

#[test]
fn and_without_gossip() {
    play("group::and_without_gossip", false, scene);
}

fn scene(mut two: Two) {
    let talk = two.make("Harbour talk", "harbour_talk", false);
    two.ada.send(talk, "who is there?");
    let there = two.join("harbour_talk");
    let own = two.bob.send(there, "me");
    let at_ada = came(&mut two.ada, "me");
    came(&mut two.tina, "me");
    // Who it is has a name, and the name of the node behind it.
    let bob = at_ada["from"].as_i64().expect("somebody");
    let full = two.ada.invoke("users.GetFullUser", json!({ "id": { "user": bob } }));
    assert!(full["users"][0]["first_name"].as_str().is_some_and(|name| !name.is_empty()), "{full}");
    // Answers, reactions, edits and pins go both ways.
    let answer = two.ada.send_with(talk, "hello", json!({ "reply_to": at_ada["id"] }));
    let at_bob = came(&mut two.bob, "hello");
    let hello = at_bob["id"].clone();
    let raw = two.bob.invoke(
        "channels.GetMessages",
        json!({ "channel": { "channel": there }, "id": [{ "_": "InputMessageID", "id": hello }] }),
    );
    assert_eq!(raw["messages"][0]["reply_to"]["reply_to_msg_id"], own, "{raw}");
    let reaction = json!({ "peer": { "peer": there }, "msg_id": hello,
        "reaction": [{ "_": "ReactionEmoji", "emoticon": "👍" }] });
    two.bob.invoke("messages.SendReaction", reaction);
    let reacted = two.ada.expect(&json!({ "_": "UpdateMessageReactions" }));
    assert_eq!(reacted["msg_id"], answer, "{reacted}");
    assert_eq!(reacted["reactions"]["results"][0]["count"], 1, "{reacted}");
    two.bob.command("edit", json!({ "to": there, "msg_id": own, "text": "me, bob" }));
    let edited = two.ada.expect(&json!({ "event": "edited", "text": "me, bob" }));
    assert_eq!(edited["id"], at_ada["id"]);
    two.ada.invoke(
        "messages.UpdatePinnedMessage",
        json!({ "peer": { "peer": talk }, "id": at_ada["id"], "silent": true }),
    );
    let pin = two.bob.expect(&json!({ "_": "UpdatePinnedChannelMessages" }));
    assert_eq!(pin["messages"], json!([own]), "{pin}");

    // Both sides go on talking while the line is cut, and are the same when it is back.
    two.line.cut();
    for number in 0..5 {
        two.ada.send(talk, &format!("at a {number}"));
        two.bob.send(there, &format!("at b {number}"));
    }
    two.a.kill_and_restart();
    two.ada.settle();
    two.line.heal();
    came(&mut two.bob, "at a 4");
    came(&mut two.ada, "at b 4");
    let (mut at_a, mut at_b) = (words(&mut two.ada, talk), words(&mut two.bob, there));
    assert_eq!(at_a.len(), 13, "{at_a:?}");
    at_a.sort();
    at_b.sort();
    assert_eq!(at_a, at_b);

    // An admin at the other node changes the title by asking; what he may not he is refused.
    let title = json!({ "channel": { "channel": there }, "title": "Our talk" });
    let refused = two.bob.invoke_refused("channels.EditTitle", title.clone());
    assert_eq!(refused, (400, "CHAT_ADMIN_REQUIRED".into()));
    let rights = json!({ "_": "ChatAdminRights", "change_info": true, "ban_users": true });
    two.ada.invoke(
        "channels.EditAdmin",
        json!({ "channel": { "channel": talk }, "user_id": { "user": bob },
            "admin_rights": rights, "rank": "Mate" }),
    );
    two.bob.expect(&json!({ "_": "UpdateChannel" }));
    two.bob.invoke("channels.EditTitle", title);
    let service = two.ada.expect_event("the new title", crate::driver::SOON, |event| {
        event["_"] == "UpdateNewChannelMessage"
            && event["message"]["action"]["_"] == "MessageActionChatEditTitle"
    });
    assert_eq!(service["message"]["action"]["title"], "Our talk", "{service}");
    assert_eq!(service["message"]["from_id"]["user_id"], bob, "{service}");

    // While the home is away the admin is told so, and not logged out or asked to wait for ever.
    two.line.cut();
    let title = json!({ "channel": { "channel": there }, "title": "Nobody hears" });
    let refused = two.bob.invoke_refused("channels.EditTitle", title);
    assert_eq!(refused, (406, "NODE_UNREACHABLE".into()));
    let told = two.bob.expect(&json!({ "_": "UpdateServiceNotification" }));
    assert!(told["message"].as_str().is_some_and(|said| said.contains("Our talk")), "{told}");
    // Who is banned at home is silent everywhere, and what he said meanwhile is gone.
    two.bob.send(there, "into the void");
    let rights = json!({ "_": "ChatBannedRights", "view_messages": true, "until_date": 0 });
    two.ada.invoke(
        "channels.EditBanned",
        json!({ "channel": { "channel": talk }, "participant": { "peer": bob },
            "banned_rights": rights }),
    );
    two.line.heal();
    two.tina.expect_event("what is void goes", crate::driver::SOON, |event| {
        event["@type"] == "updateDeleteMessages" && event["is_permanent"] == true
    });
    let refused = two.bob.invoke_refused(
        "messages.SendMessage",
        json!({ "peer": { "peer": there }, "message": "again", "random_id": 9 }),
    );
    assert_eq!(refused, (406, "CHANNEL_PRIVATE".into()));
    assert!(!words(&mut two.ada, talk).iter().any(|text| text == "into the void"));
}
