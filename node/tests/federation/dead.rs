//! The home of a group is gone for good.

use std::fs;

use serde_json::json;

use crate::CHANNELS;
use crate::clients::{Client, PYROGRAM, TELETHON};
use crate::many::{Many, NAME, play, until};

const CLIENTS: [&Client; 3] = [&TELETHON, &PYROGRAM, &TELETHON];

/// How: A is home, B and C are connected with it and with each other; D knows of it by both others. A is
/// stopped and its files are gone, but for the key that its operator had kept.
#[test]
fn members_go_on_without_it_and_the_holder_of_its_key_replaces_it() {
    play(
        "dead::members_go_on_without_it_and_the_holder_of_its_key_replaces_it",
        true,
        &CLIENTS,
        scene,
    );
}

fn scene(mut all: Many) {
    let (a, b, c) = (0, 1, 2);
    all.connect(b, a);
    all.connect(c, a);
    all.connect(c, b);
    all.gather_in_group();
    let mut said: Vec<String> = "abc".chars().map(|at| format!("{at} is here")).collect();
    // Who is at C may change the title: C's node has to ask the home for it.
    let first = all.members[a].history(all.places[a], 100, 0);
    let is_of_c = |message: &&serde_json::Value| message["text"] == "c is here";
    let carol = first.iter().find(is_of_c).expect("a message")["from"].clone();
    let rights = json!({ "_": "ChatAdminRights", "change_info": true });
    let place = json!({ "channel": all.places[a] });
    all.members[a].invoke(
        "channels.EditAdmin",
        json!({ "channel": place, "user_id": { "user": carol }, "admin_rights": rights, "rank": "" }),
    );
    let title = |all: &Many, title: &str| json!({ "channel": { "channel": all.places[c] }, "title": title });
    until("C knows that she may", || {
        let channel = json!({ "channel": { "channel": all.places[c] } });
        let full = all.members[c].invoke("channels.GetFullChannel", channel);
        (full["chats"][0]["admin_rights"]["change_info"] == true).then_some(())
    });
    let asked = title(&all, "Asked for");
    all.members[c].invoke("channels.EditTitle", asked);
    until("C shows it", || (all.title(c) == "Asked for").then_some(()));
    until("B shows it", || (all.title(b) == "Asked for").then_some(()));
    let key = all.nodes[a].command(&["channel", "recovery-key", "--json"]);
    let key = key["key"].as_str().expect("a key").to_owned();

    // Those who are left.
    all.nodes[a].stop();
    for number in 0..5 {
        for at in [b, c] {
            let words = format!("without the home, {number} of {at}");
            all.say(at, &words);
            all.hears(b + c - at, &words);
            said.push(words);
        }
    }
    let unheard = title(&all, "Nobody hears");
    let refused = all.members[c].invoke_refused("channels.EditTitle", unheard);
    assert_eq!(refused, (406, "NODE_UNREACHABLE".into()));
    let whole = format!("{NAME}@a.example");
    // It is known here, so it is found still, and joined: this node may write in it.
    let found = all.members[b].invoke("contacts.ResolveUsername", json!({ "username": whole }));
    let known = CHANNELS - found["chats"][0]["id"].as_i64().expect("a channel");
    assert_eq!(known, all.places[b]);

    let file = all.nodes[b].file("recovery");
    fs::write(&file, &key).expect("written");
    let channels = all.nodes[b].command(&["channel", "list", "--json"]);
    let group = channels[0]["group"].as_str().expect("a group").to_owned();
    let file = file.to_str().expect("UTF-8");
    all.nodes[b].command(&["channel", "recover", &group, "--key-file", file, "--json"]);
    let at_b = all.nodes[b].command(&["peer", "list", "--json"]);
    until("C knows who decides now", || {
        let channels = all.nodes[c].command(&["channel", "list", "--json"]);
        (channels[0]["home"] == at_b["node"]).then_some(())
    });
    let asked = title(&all, "With another home");
    all.members[c].invoke("channels.EditTitle", asked);
    until("B shows it", || (all.title(b) == "With another home").then_some(()));
    until("she sees it", || (all.title(c) == "With another home").then_some(()));
    for at in [b, c] {
        let words = format!("with another home, {at}");
        all.say(at, &words);
        all.hears(b + c - at, &words);
        said.push(words);
    }
    said.sort();
    for at in [b, c] {
        let mut shown = all.words(at);
        shown.sort();
        assert_eq!(shown, said, "at {at}");
    }
}
