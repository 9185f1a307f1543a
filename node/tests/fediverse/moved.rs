//! A bridged channel gets another home: who follows it elsewhere notices nothing.

use std::process::Command;

use serde_json::{Value, json};

use crate::far::{join, node_for, play_on, until};
use crate::scene::{Bridged, Scene, is, says};
use crate::support::isolation::names_lead;
use crate::support::node::TestNode;
use crate::support::process;

/// Where everybody is, once the name of the old home leads to the next one.
const MOVED: [(&str, &str); 3] =
    [("127.0.0.5", "rookery.test"), ("127.0.0.5", "far.test"), ("127.0.0.3", "fedi.test")];

/// A group of ada's in which her channel is discussed, where bob is too: its number at his node.
fn discussed(scene: &mut Scene, news: &Bridged) -> i64 {
    scene.discussion(news);
    join(&mut scene.bob, "harbour_talk")
}

/// The channel moves from ada's node to bob's.
fn move_home(scene: &Scene, far: &TestNode) {
    let name = far.command(&["peer", "list", "--json"])["node"].as_str().expect("one").to_owned();
    let there = far.command(&["channel", "list", "--json"]);
    let all = there.as_array().expect("channels");
    let is_news = |one: &&Value| one["title"] == "Harbour news";
    let news = all.iter().find(is_news).unwrap_or_else(|| panic!("{there}"));
    let group = news["group"].as_str().expect("a name").to_owned();
    far.command(&["channel", "accept-home", &group, "--json"]);
    let to = ["channel", "move-home", "harbour_news", "--to", &name, "--json"];
    assert_eq!(scene.node.command(&to)["home"], json!(name));
}

/// What a node answers at its own address, whatever a name leads to: the status.
fn asked_at(scene: &Scene, address: &str, url: &str) -> String {
    let mut asked = Command::new("curl");
    asked.args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]);
    asked.args(["--header", "accept: application/activity+json", "--cacert"]);
    asked.arg(scene.authority.file());
    asked.args(["--resolve", &format!("rookery.test:443:{address}"), url]);
    let answer = process::run(&mut asked, crate::peer::SOON);
    assert!(answer.status.success(), "{url}: {}", answer.stderr);
    answer.stdout
}

/// The document of an id, as it is served to anybody, and as text.
fn served(scene: &mut Scene, id: &str) -> (Value, String) {
    let got = scene.mia.get(id, &json!({ "accept": "application/activity+json" }));
    assert_eq!(got["status"], 200, "{id}: {got}");
    let text = got["text"].as_str().expect("a document").to_owned();
    (serde_json::from_str(&text).expect("JSON"), text)
}

#[test]
fn a_channel_is_handed_over_and_nobody_who_follows_it_notices() {
    let test = "moved::a_channel_is_handed_over_and_nobody_who_follows_it_notices";
    let far = |authority: &_| node_for(authority, "far.test", "127.0.0.5", &["rookery.test"]);
    play_on(test, far, |mut scene, far| {
        // One post is older than the bridge: nobody was told of it, and it can be looked up.
        let id = scene.channel("Harbour news", "harbour_news");
        scene.ada.send(id, "No ferry yet");
        let on = scene.node.command(&["bridge", "on", "harbour_news", "--json"]);
        let news = Bridged { id, actor: on["actor"].as_str().expect("an actor").to_owned() };
        let talk = discussed(&mut scene, &news);
        let there = join(&mut scene.bob, "harbour_news");
        scene.follow(&news);
        let mut ids = Vec::new();
        let mut numbers = Vec::new();
        for words in ["The ferry is late", "The ferry is here", "The ferry left"] {
            numbers.push(scene.ada.send(news.id, words));
            let told = scene.mia.hears(words, says("Create", words));
            scene.bob.expect(&json!({ "event": "message", "text": words, "peer": there }));
            ids.push(told["object"]["id"].as_str().expect("an id").to_owned());
        }
        let note = scene.mia.replies(&news.actor, &ids[0], "<p>How late?</p>");
        let comment = scene.bob.expect(&json!({ "event": "message", "text": "How late?" }));
        assert_eq!(comment["peer"], talk, "{comment}");
        let second = scene.mia.replies(&news.actor, &ids[0], "<p>Very late</p>");
        let of_second = scene.bob.expect(&json!({ "event": "message", "text": "Very late" }));
        let like = scene.mia.acts(&news.actor, "Like", &json!(ids[1]));
        let likes =
            |scene: &mut Scene, id: &str| served(scene, id).0["likes"]["totalItems"].clone();
        assert_eq!(likes(&mut scene, &ids[1]), 1);
        let outbox = served(&mut scene, &format!("{}/outbox?page=true", news.actor)).0;
        let oldest = outbox["orderedItems"].as_array().and_then(|items| items.last());
        let oldest = &oldest.unwrap_or_else(|| panic!("{outbox}"))["object"];
        assert!(oldest["content"].to_string().contains("No ferry yet"), "{oldest}");
        ids.push(oldest["id"].as_str().expect("an id").to_owned());
        let before: Vec<_> = ids.iter().map(|id| served(&mut scene, id)).collect();
        let actor = served(&mut scene, &news.actor).0;

        move_home(&scene, &far);
        until("all of it is taken", || {
            let listed = scene.node.command(&["bridge", "list", "--json"]);
            (listed[0]["handed_over"]["state"] == "taken").then_some(())
        });
        let listed = far.command(&["bridge", "list", "--json"]);
        assert_eq!((&listed[0]["state"], &listed[0]["followers"]), (&json!("on"), &json!(1)));
        assert_eq!(listed[0]["actor"], news.actor, "{listed}");
        assert_eq!(listed[0]["handle"], "harbour_news@rookery.test");
        // The operators have the name lead to the next home; the old one goes on with what else it has.
        names_lead(&MOVED);
        scene.node.restart();

        // The next post comes from the same actor, signed as before; each id says what it said.
        scene.ada.send(news.id, "The ferry is gone");
        let told = scene.mia.hears("the next post", says("Create", "is gone"));
        assert_eq!(told["object"]["attributedTo"], news.actor, "{told}");
        assert_eq!(told["actor"], news.actor);
        until("the like is counted there", || (likes(&mut scene, &ids[1]) == 1).then_some(()));
        for (id, (old, text)) in ids.iter().zip(&before) {
            let (new, served) = served(&mut scene, id);
            for field in
                ["id", "url", "published", "content", "attributedTo", "to", "cc", "context"]
            {
                assert_eq!(new[field], old[field], "{field} of {id}");
            }
            let published = format!("\"published\":{}", old["published"]);
            assert!(text.contains(&published) && served.contains(&published), "{served}");
            let page = old["url"].as_str().expect("a page").to_owned();
            let html = json!({ "accept": "text/html" });
            assert_eq!(scene.mia.get(&page, &html)["status"], 200, "{page}");
            let elsewhere = page.replacen("rookery.test", "far.test", 1);
            assert_eq!(scene.mia.get(&elsewhere, &html)["status"], 404, "{elsewhere}");
        }
        let (now, _) = served(&mut scene, &news.actor);
        for field in
            ["id", "url", "inbox", "followers", "preferredUsername", "published", "publicKey"]
        {
            assert_eq!(now[field], actor[field], "{field} of the actor");
        }
        let found = scene.mia.does(&json!({ "do": "lookup", "uri": "@harbour_news@rookery.test" }));
        assert_eq!(found["id"], news.actor);

        // What was said before is edited, deleted, answered and taken back there.
        let edited = json!({
            "@context": "https://www.w3.org/ns/activitystreams", "type": "Note", "id": note,
            "attributedTo": scene.mia.actor, "content": "<p>How late, please?</p>",
            "inReplyTo": ids[0], "to": "https://www.w3.org/ns/activitystreams#Public",
            "published": "2026-11-30T09:00:00Z", "updated": "2026-11-30T09:05:00Z",
        });
        scene.mia.acts(&news.actor, "Update", &edited);
        let came = scene.bob.expect(&json!({ "event": "edited", "text": "How late, please?" }));
        assert_eq!(came["id"], comment["id"]);
        scene.mia.replies(&news.actor, &note, "<p>An hour</p>");
        let came = scene.bob.expect(&json!({ "event": "message", "text": "An hour" }));
        assert_eq!(came["peer"], talk, "{came}");
        let asked = json!({ "channel": { "channel": talk },
            "id": [{ "_": "InputMessageID", "id": came["id"] }] });
        let shown = scene.bob.invoke("channels.GetMessages", asked);
        let reply = &shown["messages"][0]["reply_to"]["reply_to_msg_id"];
        assert_eq!(*reply, comment["id"], "{shown}");
        scene.mia.acts(&news.actor, "Delete", &json!({ "type": "Tombstone", "id": second }));
        scene.bob.expect(&json!({ "event": "deleted", "ids": [of_second["id"]] }));
        scene.mia.acts(&news.actor, "Like", &json!(ids[2]));
        assert_eq!(likes(&mut scene, &ids[2]), 1);
        let undone =
            json!({ "type": "Like", "id": like, "actor": scene.mia.actor, "object": ids[1] });
        scene.mia.acts(&news.actor, "Undo", &undone);
        until("the like of before is taken back", || {
            (likes(&mut scene, &ids[1]) == 0).then_some(())
        });

        // The owner, who is still at the old home, edits and deletes.
        let edit = json!({ "to": news.id, "msg_id": numbers[0], "text": "The ferry sank" });
        scene.ada.command("edit", edit);
        let updated = scene.mia.hears("the edit", says("Update", "sank"));
        assert_eq!(updated["object"]["id"], ids[0]);
        assert_eq!(updated["object"]["published"], before[0].0["published"]);
        scene.ada.command("delete", json!({ "to": news.id, "msg_ids": [numbers[2]] }));
        let gone = ids[2].clone();
        scene.mia.hears("its end", |came| {
            came["type"] == "Delete" && came["object"]["id"] == json!(gone)
        });
        assert_eq!(asked_at(&scene, "127.0.0.5", &ids[2]), "410");

        // Who follows anew is answered there.
        let activity = scene.mia.acts(&news.actor, "Follow", &json!(news.actor));
        let accepted = scene.mia.hears("an Accept", is("Accept"));
        assert!(accepted["object"].to_string().contains(&activity), "{accepted}");

        // The old home answers for nothing of it, and has told nobody anything.
        let finger = "https://rookery.test/.well-known/webfinger?resource=";
        let handle = format!("{finger}acct:harbour_news@rookery.test");
        for url in [&news.actor, &ids[0], &ids[2], &handle, &format!("{}/outbox", news.actor)] {
            assert_eq!(asked_at(&scene, "127.0.0.2", url), "404", "{url}");
        }
        assert_eq!(asked_at(&scene, "127.0.0.5", &handle), "200");
        assert!(!scene.mia.has_heard(is("Create")), "each came once");
        let listed = scene.node.command(&["bridge", "list", "--json"]);
        assert_eq!(listed[0]["followers"], 0, "{listed}");
    });
}
