//! A channel with a history that somebody on another node finds late.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::CHANNELS;
use crate::clients::{self, Client, TDLIB, TELETHON};
use crate::driver::Driver;
use crate::lean::{FAST, Lean};
use crate::line::Line;
use crate::many::{NAME, until, watch};
use crate::support::isolation::isolated;
use crate::team::Team;
use crate::two::{self, came};

const ALL: [&Client; 2] = [&TELETHON, &TDLIB];

/// Posts that were there before.
const POSTS: usize = 3_000;

const WITHIN: std::time::Duration = std::time::Duration::from_secs(600);

/// How: ada posts at A before anybody at B knows of the channel; B is killed while it is being filled.
/// Telethon reads all pages, TDLib some; what is posted meanwhile is the newest.
#[test]
fn a_channel_that_is_found_late_is_read_to_its_beginning() {
    if clients::any_skipped(&ALL) {
        return;
    }
    clients::install(&ALL);
    isolated("late::a_channel_that_is_found_late_is_read_to_its_beginning", WITHIN, || {
        let a = two::node_with("a.example", true, FAST);
        let b = two::node_with("b.example", true, FAST);
        let line = Line::to(&a.mesh);
        let added = b.command(&["peer", "add", &line.multiaddress(), "--json"]);
        assert_eq!(added["domain"], "a.example", "{added}");
        let mut ada = Lean::join(&a, 1);
        ada.make_channel();
        let posts: Vec<String> = (0..POSTS).map(|number| format!("post {number:05}")).collect();
        ada.say_all(posts.iter().cloned());
        let Team { node: mut b, members, .. } = Team::gather_on(b, &ALL);
        let Ok([mut bob, mut tina]) = <[Driver; 2]>::try_from(members) else { unreachable!() };
        bob.show_updates();
        tina.show_updates();
        tina.command("dialogs", json!({}));
        let whole = json!({ "username": format!("{NAME}@a.example") });
        let found = std::thread::scope(|scope| {
            let finding = scope.spawn(|| bob.invoke("contacts.ResolveUsername", whole));
            let there = watch(&a, &b);
            until("a third of it is there", || {
                let heads = there.heads().ok()?;
                let longest = heads.lanes.iter().map(|head| head.seq).max()?;
                (longest as usize > POSTS / 3).then_some(())
            });
            b.kill_and_restart();
            // The library asks again by itself.
            finding.join().expect("it is found")
        });
        let place = CHANNELS - found["chats"][0]["id"].as_i64().expect("a channel");
        ada.say("meanwhile");
        let joins = json!({ "channel": { "channel": place } });
        bob.invoke("channels.JoinChannel", joins);
        // The first screen, once what was just said has come as well.
        let first = until("the first screen", || {
            let first = bob.history(place, 30, 0);
            (first[0]["text"] == "meanwhile").then_some(first)
        });
        let newest: Vec<&str> =
            posts.iter().map(String::as_str).chain(["meanwhile"]).rev().take(30).collect();
        assert_eq!(texts(&first), newest);
        // All pages, each message once.
        let mut all = first;
        loop {
            let offset = all.last().and_then(|last| last["id"].as_i64()).expect("an id");
            let page = bob.history(place, 100, offset);
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        let mut expected: Vec<&str> =
            posts.iter().map(String::as_str).chain(["meanwhile"]).collect();
        expected.reverse();
        let said: Vec<Value> =
            all.into_iter().filter(|message| message["text"] != json!("")).collect();
        assert_eq!(texts(&said), expected);
        let ids: Vec<i64> = said.iter().filter_map(|message| message["id"].as_i64()).collect();
        assert!(ids.is_sorted_by(|newer, older| newer > older) && ids.iter().all(|id| *id >= 1));
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), POSTS + 1);
        // It is read, and nobody was told of it.
        let peer = json!({ "_": "InputDialogPeer", "peer": { "peer": place } });
        let dialogs = bob.invoke("messages.GetPeerDialogs", json!({ "peers": [peer] }));
        let unread = dialogs["dialogs"][0]["unread_count"].as_i64().expect("a count");
        assert!(unread <= 1, "{dialogs}");
        ada.say("and after");
        let after = came(&mut bob, "and after");
        assert!(after["id"].as_i64() > ids.first().copied());
        let told = bob.came(&json!({ "event": "message" })).len();
        assert!(told <= 2, "{told} updates for a history of {POSTS}");
        // TDLib sees the same.
        let chat =
            tina.request("searchPublicChat", json!({ "username": format!("{NAME}_at_a_example") }));
        assert_eq!(chat["id"], place, "{chat}");
        tina.request("joinChat", json!({ "chat_id": place }));
        let shown = tina.history(place, 30, 0);
        assert_eq!(shown[0]["text"], json!("and after"));
        assert_eq!(texts(&shown)[1..], expected[..shown.len() - 1]);
    });
}

fn texts(messages: &[Value]) -> Vec<&str> {
    messages.iter().filter_map(|message| message["text"].as_str()).collect()
}
