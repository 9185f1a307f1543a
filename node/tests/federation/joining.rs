//! Coming into what another node decides about, and going: the home dead meanwhile, and nobody left.

use serde_json::{Value, json};

use crate::CHANNELS;
use crate::driver::Driver;
use crate::many::until;
use crate::support::node::TestNode;
use crate::two::{Two, came, play, play_with, words};

#[test]
fn nobody_joins_a_group_whose_home_is_dead() {
    play("joining::nobody_joins_a_group_whose_home_is_dead", true, dead);
}

#[test]
fn what_nobody_is_in_any_more_is_let_go() {
    let at_once = "follow_unused_s = 1\n";
    play_with("joining::what_nobody_is_in_any_more_is_let_go", true, at_once, let_go);
}

/// Bob finds a channel or group of the other node.
fn find(bob: &mut Driver, name: &str) -> i64 {
    let whole = format!("{name}@a.example");
    let found = bob.invoke("contacts.ResolveUsername", json!({ "username": whole }));
    CHANNELS - found["chats"][0]["id"].as_i64().expect("a channel")
}

fn names(place: i64) -> Value {
    json!({ "channel": { "channel": place } })
}

fn dead(mut two: Two) {
    let talk = two.make("Harbour talk", "harbour_talk", false);
    two.ada.send(talk, "hello");
    let there = find(&mut two.bob, "harbour_talk");
    let username = json!({ "username": "harbour_talk_at_a_example" });
    assert_eq!(two.tina.request("searchPublicChat", username)["id"], there);
    let (bob, tina) = (&mut two.bob, &mut two.tina);
    two.a.while_stopped(|_| {
        let refused = bob.invoke_refused("channels.JoinChannel", names(there));
        assert_eq!(refused, (406, "NODE_UNREACHABLE".into()));
        let (code, _) = tina.request_refused("joinChat", json!({ "chat_id": there }));
        assert_eq!(code, 406);
        // What is here of it is read all the same.
        assert_eq!(words(bob, there), ["hello"]);
    });
    two.ada.settle();
    until("the home is back", || {
        let listed = two.b.command(&["peer", "list", "--json"]);
        (listed["peers"][0]["connected"] == true).then_some(())
    });
    two.bob.invoke("channels.JoinChannel", names(there));
    two.tina.request("joinChat", json!({ "chat_id": there }));
    two.bob.send(there, "here at last");
    came(&mut two.ada, "here at last");
    came(&mut two.tina, "here at last");
}

/// Names in logs of what a node shares with others.
fn shared(node: &TestNode) -> Vec<Value> {
    let listed = node.command(&["channel", "list", "--json"]);
    let all = listed.as_array().expect("a list").iter();
    all.map(|shared| shared["name"].clone()).collect()
}

/// How: what nobody wants is let go after a second, and asked for every 30 s.
fn let_go(mut two: Two) {
    let news = two.make("Harbour news", "harbour_news", true);
    let talk = two.make("Harbour talk", "harbour_talk", false);
    two.ada.send(news, "ships");
    let (news_at_b, talk_at_b) =
        (find(&mut two.bob, "harbour_news"), find(&mut two.bob, "harbour_talk"));
    for place in [news_at_b, talk_at_b] {
        two.bob.invoke("channels.JoinChannel", names(place));
    }
    two.bob.send(talk_at_b, "who is there?");
    came(&mut two.ada, "who is there?");
    assert_eq!(words(&mut two.bob, news_at_b), ["ships"]);
    let members = |two: &Two| {
        let listed = two.a.command(&["channel", "list", "--json"]);
        let talk =
            listed.as_array().expect("a list").iter().find(|one| one["channel"] == CHANNELS - talk);
        talk.expect("it is listed")["members"].as_array().map(Vec::len)
    };
    assert_eq!(members(&two), Some(1));
    for place in [news_at_b, talk_at_b] {
        two.bob.invoke("channels.LeaveChannel", names(place));
    }
    until("both are let go", || shared(&two.b).is_empty().then_some(()));
    assert_eq!(members(&two), Some(0), "nothing waits for that node");

    // What is said meanwhile comes when somebody looks again.
    two.ada.send(news, "sails");
    two.ada.send(talk, "nobody");
    assert_eq!(find(&mut two.bob, "harbour_news"), news_at_b);
    assert_eq!(words(&mut two.bob, news_at_b), ["ships", "sails"]);
    two.bob.invoke("channels.JoinChannel", names(talk_at_b));
    assert_eq!(words(&mut two.bob, talk_at_b), ["who is there?", "nobody"]);
    two.bob.send(talk_at_b, "here again");
    came(&mut two.ada, "here again");
    two.ada.send(talk, "welcome");
    came(&mut two.bob, "welcome");
    assert_eq!(members(&two), Some(1));
}
