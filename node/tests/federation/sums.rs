//! What readers of another node's channel do is counted at its home, and the sum shows at both.

use serde_json::{Value, json};

use crate::driver::{Driver, SOON};
use crate::many::until;
use crate::support::node::TestNode;
use crate::two::{Two, came, play};

#[test]
fn what_readers_do_is_counted_at_the_home_and_shown_at_both() {
    play("sums::what_readers_do_is_counted_at_the_home_and_shown_at_both", true, scene);
}

#[test]
fn and_without_gossip() {
    play("sums::and_without_gossip", false, scene);
}

fn words(text: &str) -> Value {
    json!({ "_": "TextWithEntities", "text": text, "entities": [] })
}

/// An anonymous poll of Telethon.
fn poll() -> Value {
    let answer = |text: &str, option: &str| json!({ "_": "PollAnswer", "text": words(text), "option": { "hex": option } });
    let poll = json!({ "_": "Poll", "id": 0, "hash": 0, "question": words("Fish or meat?"),
        "answers": [answer("Fish", "30"), answer("Meat", "31")] });
    json!({ "_": "InputMediaPoll", "poll": poll })
}

/// How many have voted, and for the second answer, as one who has voted sees it.
fn votes(driver: &mut Driver, place: i64, id: i64) -> (u64, u64) {
    let asked = json!({ "peer": { "peer": place }, "msg_id": id, "poll_hash": 0 });
    let found = driver.invoke("messages.GetPollResults", asked);
    let results = &found["updates"][0]["results"];
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    (number(&results["total_voters"]), number(&results["results"][1]["voters"]))
}

/// The same as TDLib shows it.
fn shown(driver: &mut Driver, place: i64, id: i64) -> (u64, u64) {
    let found = driver.request("getMessage", json!({ "chat_id": place, "message_id": id }));
    let poll = &found["content"]["poll"];
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    (number(&poll["total_voter_count"]), number(&poll["options"][1]["voter_count"]))
}

fn reactions(driver: &mut Driver, place: i64, id: i64) -> u64 {
    let asked = json!({ "peer": { "peer": place }, "id": [id] });
    let found = driver.invoke("messages.GetMessagesReactions", asked);
    let results = found["updates"][0]["reactions"]["results"].as_array().cloned();
    results.unwrap_or_default().iter().filter_map(|one| one["count"].as_u64()).sum()
}

fn views(driver: &mut Driver, place: i64, id: i64, increment: bool) -> u64 {
    let asked = json!({ "peer": { "peer": place }, "id": [id], "increment": increment });
    let found = driver.invoke("messages.GetMessagesViews", asked);
    found["views"][0]["views"].as_u64().unwrap_or(0)
}

fn members(driver: &mut Driver, place: i64) -> u64 {
    let asked = json!({ "channel": { "channel": place } });
    let found = driver.invoke("channels.GetFullChannel", asked);
    found["full_chat"]["participants_count"].as_u64().unwrap_or(0)
}

/// Letters that wait at a node for the only other one that it knows.
fn letters(node: &TestNode) -> u64 {
    let listed = node.command(&["peer", "list", "--json"]);
    let peers = listed["peers"].as_array().expect("peers");
    peers.iter().filter_map(|peer| peer["letters"].as_u64()).sum()
}

/// [`until`], and no more often than a command of a node takes: members may not ask as often as they can.
fn seldom(what: &str, node: &TestNode, mut ask: impl FnMut() -> Option<()>) {
    until(what, || {
        letters(node);
        ask()
    });
}

/// TDLib reacts, or takes that back.
fn react(driver: &mut Driver, place: i64, id: i64, reacts: bool) {
    driver.request("getEmojiReaction", json!({ "emoji": "👍" }));
    let with = json!({ "@type": "reactionTypeEmoji", "emoji": "👍" });
    let mut fields = json!({ "chat_id": place, "message_id": id << 20, "reaction_type": with });
    if reacts {
        fields["is_big"] = json!(false);
        fields["update_recent_reactions"] = json!(false);
        driver.request("addMessageReaction", fields);
    } else {
        driver.request("removeMessageReaction", fields);
    }
}

/// How: ada at A posts and asks, and votes. While the line is cut bob (Pyrogram) and tina (TDLib) at B
/// vote and react, bob looks, and B is killed. When the line is whole, ada (Telethon) sees the sums, and
/// so do they.
fn scene(mut two: Two) {
    let news = two.make("Harbour news", "harbour_news", true);
    let there = two.join("harbour_news");
    let post = two.ada.send(news, "ships");
    let post_there = came(&mut two.bob, "ships")["id"].as_i64().expect("an id");
    came(&mut two.tina, "ships");
    let fields =
        json!({ "peer": { "peer": news }, "media": poll(), "message": "", "random_id": 7 });
    let sent = two.ada.invoke("messages.SendMedia", fields);
    let updates = sent["updates"].as_array().expect("updates");
    let asked = updates.iter().find_map(|update| update["id"].as_i64()).expect("a number");
    let at_tina = two.tina.expect_event("the poll", SOON, |event| {
        event["@type"] == "updateNewMessage"
            && event["message"]["content"]["@type"] == "messagePoll"
    });
    let at_tina = at_tina["message"]["id"].as_i64().expect("an id");
    let asked_there = at_tina >> 20;
    let vote = |place: i64, id: i64, hex: &str| json!({ "peer": { "peer": place }, "msg_id": id, "options": [{ "hex": hex }] });
    two.ada.invoke("messages.SendVote", vote(news, asked, "30"));
    seldom("all members are counted", &two.b, || (members(&mut two.ada, news) == 3).then_some(()));
    seldom("also at B", &two.b, || (members(&mut two.bob, there) == 3).then_some(()));
    until("ada's vote comes", || (shown(&mut two.tina, there, at_tina).0 == 1).then_some(()));

    two.line.cut();
    two.bob.invoke("messages.SendVote", vote(there, asked_there, "31"));
    let answer = json!({ "chat_id": there, "message_id": at_tina, "option_ids": [1] });
    two.tina.request("setPollAnswer", answer);
    let with = json!([{ "_": "ReactionEmoji", "emoticon": "👍" }]);
    let fields = json!({ "peer": { "peer": there }, "msg_id": post_there, "reaction": with });
    two.bob.invoke("messages.SendReaction", fields);
    react(&mut two.tina, there, post_there, true);
    assert_eq!(views(&mut two.bob, there, post_there, true), 2, "who posted it is one");
    until("both at once", || (shown(&mut two.tina, there, at_tina) == (3, 2)).then_some(()));
    until("the letter is written", || (letters(&two.b) == 1).then_some(()));
    two.b.kill_and_restart();
    two.bob.settle();
    two.tina.settle();
    assert_eq!(reactions(&mut two.bob, there, post_there), 2);
    assert_eq!(votes(&mut two.ada, news, asked), (1, 0));
    assert_eq!(reactions(&mut two.ada, news, post), 0);

    two.line.heal();
    seldom("the votes come", &two.b, || (votes(&mut two.ada, news, asked) == (3, 2)).then_some(()));
    seldom("the reactions come", &two.b, || {
        (reactions(&mut two.ada, news, post) == 2).then_some(())
    });
    seldom("the view comes", &two.b, || {
        (views(&mut two.ada, news, post, false) >= 2).then_some(())
    });
    assert_eq!(shown(&mut two.tina, there, at_tina), (3, 2), "nothing twice");
    // Changed and taken back; A is killed as well.
    react(&mut two.tina, there, post_there, false);
    two.ada.invoke("messages.SendVote", vote(news, asked, "31"));
    two.a.kill_and_restart();
    two.ada.settle();
    seldom("one reaction goes", &two.b, || {
        (reactions(&mut two.ada, news, post) == 1).then_some(())
    });
    until("all three are for meat", || {
        (shown(&mut two.tina, there, at_tina) == (3, 3)).then_some(())
    });
    assert_eq!(votes(&mut two.ada, news, asked), (3, 3));
    // The end.
    two.tina.request("leaveChat", json!({ "chat_id": there }));
    seldom("one is less", &two.b, || (members(&mut two.ada, news) == 2).then_some(()));
}
