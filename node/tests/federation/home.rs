//! Which node decides about a group: handed over, and recovered.

use std::fs;

use serde_json::json;

use crate::two::{Two, came, play, words};

#[test]
fn a_home_is_handed_over_and_a_lost_one_replaced() {
    play("home::a_home_is_handed_over_and_a_lost_one_replaced", true, scene);
}

fn scene(mut two: Two) {
    let talk = two.make("Harbour talk", "harbour_talk", false);
    let there = two.join("harbour_talk");
    two.bob.send(there, "hello");
    came(&mut two.ada, "hello");
    // Handed over to a node whose operator agrees: B is called by its name at A, which has no domain.
    let at_b = two.b.command(&["peer", "list", "--json"]);
    let b_name = at_b["node"].as_str().expect("a name").to_owned();
    let channels = two.b.command(&["channel", "list", "--json"]);
    let group = channels[0]["group"].as_str().expect("a group").to_owned();
    assert_eq!(channels[0]["is_home"], false, "{channels}");
    two.b.command(&["channel", "accept-home", &group, "--json"]);
    let moved = two.a.command(&["channel", "move-home", "harbour_talk", "--to", &b_name, "--json"]);
    assert_eq!(moved["home"], json!(b_name), "{moved}");
    // The owner goes on as before: her node asks the other one.
    let title = json!({ "channel": { "channel": talk }, "title": "Moved talk" });
    two.ada.invoke("channels.EditTitle", title);
    let service = two.bob.expect_event("the new title", crate::driver::SOON, |event| {
        event["_"] == "UpdateNewChannelMessage"
            && event["message"]["action"]["_"] == "MessageActionChatEditTitle"
    });
    assert_eq!(service["message"]["action"]["title"], "Moved talk", "{service}");
    let channels = two.b.command(&["channel", "list", "--json"]);
    assert_eq!(channels[0]["is_home"], true, "{channels}");

    // The new home is away for good: the recovery key of where the group began makes another one.
    two.line.cut();
    let title = json!({ "channel": { "channel": talk }, "title": "Nobody hears" });
    let refused = two.ada.invoke_refused("channels.EditTitle", title.clone());
    assert_eq!(refused, (406, "NODE_UNREACHABLE".into()));
    let key = two.a.command(&["channel", "recovery-key", "--json"]);
    let file = two.a.file("recovery");
    fs::write(&file, key["key"].as_str().expect("a key")).expect("written");
    let file = file.to_str().expect("UTF-8");
    two.a.command(&["channel", "recover", "harbour_talk", "--key-file", file, "--json"]);
    two.ada.invoke("channels.EditTitle", title);
    two.bob.send(there, "is anybody there?");
    two.line.heal();
    came(&mut two.ada, "is anybody there?");
    let service = two.tina.expect_event("the newest title", crate::driver::SOON, |event| {
        event["@type"] == "updateChatTitle" && event["title"] == "Nobody hears"
    });
    assert_eq!(service["chat_id"], there, "{service}");
    assert_eq!(words(&mut two.ada, talk), words(&mut two.bob, there));
}
