//! A broadcast channel that is read on another node.

use serde_json::{Value, json};

use crate::two::{Two, came, play, words};

#[test]
fn a_channel_is_read_on_another_node() {
    play("channel::a_channel_is_read_on_another_node", true, scene);
}

#[test]
fn and_without_gossip() {
    play("channel::and_without_gossip", false, scene);
}

fn scene(mut two: Two) {
    let news = two.make("Harbour news", "harbour_news", true);
    two.ada.send(news, "ships");
    let there = two.join("harbour_news");
    let chat = two.tina.request("getChat", json!({ "chat_id": there }));
    assert_eq!(
        (&chat["title"], &chat["type"]["is_channel"]),
        (&json!("Harbour news"), &json!(true))
    );
    // What was said before is there, and what is said comes by itself.
    for driver in [&mut two.bob, &mut two.tina] {
        assert_eq!(words(driver, there), ["ships"]);
    }
    let second = two.ada.send(news, "sails");
    let (at_bob, at_tina) = (came(&mut two.bob, "sails"), came(&mut two.tina, "sails"));
    assert_eq!((&at_bob["from"], &at_bob["id"]), (&json!(there), &at_tina["id"]));
    // Mended, and gone.
    two.ada.command("edit", json!({ "to": news, "msg_id": second, "text": "sails, mended" }));
    for driver in [&mut two.bob, &mut two.tina] {
        driver.expect(&json!({ "event": "edited", "text": "sails, mended" }));
    }
    two.ada.command("delete", json!({ "to": news, "msg_ids": [second] }));
    for driver in [&mut two.bob, &mut two.tina] {
        driver.expect(&json!({ "event": "deleted", "ids": [at_bob["id"]] }));
    }
    // Who reads does not write.
    let refused = two.bob.invoke_refused(
        "messages.SendMessage",
        json!({ "peer": { "peer": there }, "message": "x", "random_id": 5 }),
    );
    assert_eq!(refused, (403, "CHAT_WRITE_FORBIDDEN".into()));
    // What is posted while the line is cut comes when it is back; the reader's node was killed meanwhile.
    two.line.cut();
    let posts: Vec<String> = (0..20).map(|number| format!("post {number}")).collect();
    for post in &posts {
        two.ada.send(news, post);
    }
    two.b.kill_and_restart();
    two.bob.settle();
    assert_eq!(words(&mut two.bob, there), ["ships"]);
    two.line.heal();
    came(&mut two.bob, "post 19");
    let expected: Vec<Value> =
        ["ships".to_owned()].iter().chain(&posts).map(|text| json!(text)).collect();
    let shown: Vec<Value> = words(&mut two.bob, there).iter().map(|text| json!(text)).collect();
    assert_eq!(shown, expected);
}
