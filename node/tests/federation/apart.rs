//! A channel of one node, discussed in a group of another one.

use serde_json::json;

use crate::CHANNELS;
use crate::driver::{Driver, SOON};
use crate::line::Line;
use crate::many::until;
use crate::two::{Two, came, play};

#[test]
fn a_channel_is_discussed_in_a_group_of_another_node() {
    play("apart::a_channel_is_discussed_in_a_group_of_another_node", true, scene);
}

/// The copy of a post in the group where it is discussed comes: its number.
fn copy_came(driver: &mut Driver, place: i64, words: &str) -> i64 {
    let event = driver.expect_event("the copy", SOON, |event| {
        event["_"] == "UpdateNewChannelMessage"
            && event["message"]["message"] == *words
            && event["message"]["peer_id"]["channel_id"] == CHANNELS - place
    });
    event["message"]["id"].as_i64().expect("a number")
}

fn scene(mut two: Two) {
    // Both know each other by their domains.
    let back = Line::to(&two.b.mesh);
    two.a.command(&["peer", "add", &back.multiaddress(), "--json"]);
    let news = two.make("Harbour news", "harbour_news", true);
    let new = json!({ "title": "Docks", "about": "", "megagroup": true, "broadcast": false });
    let made = two.bob.invoke("channels.CreateChannel", new);
    let docks = CHANNELS - made["chats"][0]["id"].as_i64().expect("a group");
    let named = json!({ "channel": { "channel": docks }, "username": "docks" });
    assert_eq!(two.bob.invoke("channels.UpdateUsername", named), true);
    // Ada is in the group, and an admin of it.
    let found =
        two.ada.invoke("contacts.ResolveUsername", json!({ "username": "docks@b.example" }));
    let docks_at_a = CHANNELS - found["chats"][0]["id"].as_i64().expect("a group");
    two.ada.invoke("channels.JoinChannel", json!({ "channel": { "channel": docks_at_a } }));
    two.ada.send(docks_at_a, "here I am");
    let ada = came(&mut two.bob, "here I am")["from"].clone();
    let rights = json!({ "_": "ChatAdminRights", "change_info": true, "pin_messages": true });
    two.bob.invoke(
        "channels.EditAdmin",
        json!({ "channel": { "channel": docks }, "user_id": { "user": ada },
            "admin_rights": rights, "rank": "" }),
    );
    until("she knows that she may", || {
        let channel = json!({ "channel": { "channel": docks_at_a } });
        let full = two.ada.invoke("channels.GetFullChannel", channel);
        (full["chats"][0]["admin_rights"]["pin_messages"] == true).then_some(())
    });

    // While the home of the group is away, nothing changes.
    let link = json!({ "broadcast": { "channel": news }, "group": { "channel": docks_at_a } });
    two.line.cut();
    back.cut();
    let refused = two.ada.invoke_refused("channels.SetDiscussionGroup", link.clone());
    assert_eq!(refused, (406, "NODE_UNREACHABLE".into()));
    let full = two.ada.invoke("channels.GetFullChannel", json!({ "channel": { "channel": news } }));
    assert!(full["full_chat"]["linked_chat_id"].is_null(), "{full}");
    two.line.heal();
    back.heal();
    until("the other node is back", || {
        let listed = two.a.command(&["peer", "list", "--json"]);
        let peers = listed["peers"].as_array().expect("peers").clone();
        peers.iter().any(|peer| peer["connected"] == true).then_some(())
    });
    assert_eq!(two.ada.invoke("channels.SetDiscussionGroup", link), true);
    let full = two.ada.invoke("channels.GetFullChannel", json!({ "channel": { "channel": news } }));
    assert_eq!(full["full_chat"]["linked_chat_id"], CHANNELS - docks_at_a, "{full}");

    // The group's node copies what is posted at the channel's, where nobody of it is in the channel.
    two.ada.send(news, "ships");
    let copy_at_b = copy_came(&mut two.bob, docks, "ships");
    let copy = copy_came(&mut two.ada, docks_at_a, "ships");
    two.ada.send_with(docks_at_a, "which ones?", json!({ "reply_to": copy }));
    came(&mut two.bob, "which ones?");
    two.bob.send_with(docks, "the big ones", json!({ "reply_to": copy_at_b }));
    came(&mut two.ada, "the big ones");

    // Who reads the channel at the group's node finds the comments there.
    let whole = json!({ "username": "harbour_news_at_a_example" });
    let there = two.tina.request("searchPublicChat", whole)["id"].as_i64().expect("a channel");
    two.tina.request("joinChat", json!({ "chat_id": there }));
    let history = two.tina.request(
        "getChatHistory",
        json!({ "chat_id": there, "from_message_id": 0, "offset": 0, "limit": 10, "only_local": false }),
    );
    let messages = history["messages"].as_array().expect("messages");
    let post = messages.iter().find(|one| one["content"]["text"]["text"] == "ships");
    let post = post.unwrap_or_else(|| panic!("no post: {history}"))["id"].clone();
    let thread =
        two.tina.request("getMessageThread", json!({ "chat_id": there, "message_id": post }));
    assert_eq!(thread["chat_id"], docks, "{thread}");
    assert_eq!(thread["reply_info"]["reply_count"], 2, "{thread}");
}
