//! What is shut: to servers that are blocked or do not sign, and channels that nobody has bridged.

use std::fs;

use serde_json::{Value, json};

use crate::hostile::{eve_of, followed, inbox, play};
use crate::scene::{CHANNELS, Scene, says};
use crate::signer::{ORIGIN, Signer};

const OPEN: &str = "allow_ips = ['127.0.0.0/8']";
const HOST: &str = "https://rookery.test";

/// The status of an address, for somebody who takes anything.
fn status(eve: &mut Signer, url: &str) -> u64 {
    eve.gets(url, &json!({}))["status"].as_u64().expect("a status")
}

/// Addresses at which a channel of this name could be found by it.
fn names(name: &str) -> [String; 3] {
    [
        format!("{HOST}/.well-known/webfinger?resource=acct:{name}@rookery.test"),
        format!("{HOST}/.well-known/webfinger?resource={HOST}/@{name}"),
        format!("{HOST}/@{name}"),
    ]
}

#[test]
fn a_blocked_server_is_neither_heard_nor_told() {
    play("shut::a_blocked_server_is_neither_heard_nor_told", OPEN, |mut scene, mut eve| {
        let news = scene.bridged("Harbour news", "harbour_news");
        let post = followed(&mut scene, &mut eve, &news);
        scene.follow(&news);
        let (by, inbox) = (eve_of(ORIGIN), inbox(&news));
        let count = |eve: &mut Signer| {
            eve.document(&format!("{}/followers", news.actor))["totalItems"].clone()
        };
        assert_eq!(count(&mut eve), 2);
        eve.asked();

        let blocked = scene.node.command(&["bridge", "block", "*.Other.TEST.", "--json"]);
        assert_eq!(blocked, json!({ "blocked": 1 }));
        let listed = scene.node.command(&["bridge", "blocks", "--json"]);
        assert_eq!(listed[0]["host"], "other.test", "{listed}");
        assert_eq!(listed[0]["severity"], "suspend");
        for what in ["Follow", "Like", "Delete"] {
            let activity = eve.activity(&by, what, &json!(news.actor));
            assert_eq!(eve.posts(&by, &inbox, &activity, &json!({})), 403, "{what}");
        }
        let reply = eve.reply(&by, &post, "Hello?");
        assert_eq!(eve.posts(&by, &inbox, &reply, &json!({})), 403);
        assert_eq!(count(&mut eve), 1, "its followers are gone");
        assert_eq!(eve.document(&post)["replies"]["totalItems"], 0);

        // What is posted now goes to others, and not there: nor does the node ask anything of it.
        scene.ada.send(news.id, "Not for all");
        scene.mia.hears("the post", says("Create", "Not for all"));
        let queue = scene.node.command(&["bridge", "queue", "--json"]);
        let hosts = |queue: &Value| -> Vec<Value> {
            queue.as_array().expect("a list").iter().map(|one| one["host"].clone()).collect()
        };
        assert!(!hosts(&queue).contains(&json!("other.test")), "{queue}");
        let asked = eve.asked();
        assert_eq!((&asked["requests"], &asked["connections"]), (&json!([]), &json!({})));

        // Unblocked, it may follow again, and gets what is posted from then on.
        let unblocked = scene.node.command(&["bridge", "unblock", "other.test", "--json"]);
        assert_eq!(unblocked, json!({ "unblocked": true }));
        let again = scene.node.command(&["bridge", "unblock", "other.test", "--json"]);
        assert_eq!(again, json!({ "unblocked": false }));
        assert_eq!(scene.node.command(&["bridge", "blocks", "--json"]), json!([]));
        let follow = eve.activity(&by, "Follow", &json!(news.actor));
        assert_eq!(eve.posts(&by, &inbox, &follow, &json!({})), 202);
        scene.ada.send(news.id, "For all");
        let came = eve.came(&by, 2);
        assert!(came[1]["body"].to_string().contains("For all"), "{came:#?}");
        assert!(!came.iter().any(|one| one["body"].to_string().contains("Not for all")));

        // A list of Mastodon's: what is below a name is blocked with it; silence holds comments back.
        let list = scene.node.file("blocks.csv");
        let text = "#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\n\
                    test.,suspend,true,true,\"Bad, \"\"really\"\"\",false\n\
                    fedi.test,silence,false,false,,false\n\
                    elsewhere.example,suspend,false,false,Spam,true\n";
        fs::write(&list, text.replace("test.,", "other.test,")).expect("write the list");
        let list = list.to_str().expect("UTF-8").to_owned();
        let imported = scene.node.command(&["bridge", "import-blocks", &list, "--json"]);
        assert_eq!(imported, json!({ "blocked": 3, "skipped": [] }));
        let listed = scene.node.command(&["bridge", "blocks", "--json"]);
        let found = |host: &str| -> Value {
            let mut all = listed.as_array().expect("a list").iter();
            all.find(|one| one["host"] == host)
                .unwrap_or_else(|| panic!("{host}: {listed}"))
                .clone()
        };
        assert_eq!(found("other.test")["remark"], "Bad, \"really\"");
        assert_eq!(found("other.test")["rejects_media"], true);
        assert_eq!(found("elsewhere.example")["severity"], "suspend");
        assert_eq!(found("fedi.test")["severity"], "silence");
        let out = scene.node.file("out.csv").to_str().expect("UTF-8").to_owned();
        let written = scene.node.command(&["bridge", "export-blocks", &out, "--json"]);
        assert_eq!(written, json!({ "written": 3 }));
        let written = fs::read_to_string(&out).expect("read the list");
        let row = "other.test,suspend,true,true,\"Bad, \"\"really\"\"\",false\n";
        assert!(written.contains(row), "{written}");
        let reply = eve.reply(&by, &post, "Hello?");
        assert_eq!(eve.posts(&by, &inbox, &reply, &json!({})), 403);
        scene.mia.replies(&news.actor, &post, "<p>From a silenced one</p>");
        assert_eq!(eve.document(&post)["replies"]["totalItems"], 0);
        let held = scene.node.command(&["bridge", "held", "harbour_news", "--json"]);
        assert_eq!(held[0]["text"], "From a silenced one", "{held}");
        let told = &scene.ada.history(777_000, 1, 0)[0];
        assert!(
            told["text"].as_str().is_some_and(|text| text.starts_with("A comment from fedi.test")),
            "{told}"
        );

        // Who is below a name that is blocked follows nothing any more, either.
        assert_eq!(count(&mut eve), 1);
        scene.node.command(&["bridge", "unblock", "fedi.test", "--json"]);
        scene.node.command(&["bridge", "block", "test", "--json"]);
        assert_eq!(count(&mut eve), 0);
        let queue = scene.node.command(&["bridge", "queue", "--json"]);
        assert!(!hosts(&queue).contains(&json!("fedi.test")), "{queue}");
    });
}

#[test]
fn where_only_some_servers_are_served_no_other_is_heard() {
    let test = "shut::where_only_some_servers_are_served_no_other_is_heard";
    play(test, &format!("{OPEN}\nallowed_hosts = ['fedi.test']"), |mut scene, mut eve| {
        let news = scene.bridged("Harbour news", "harbour_news");
        let by = eve_of(ORIGIN);
        let follow = eve.activity(&by, "Follow", &json!(news.actor));
        assert_eq!(eve.posts(&by, &inbox(&news), &follow, &json!({})), 403);
        assert_eq!(eve.asked()["requests"], json!([]), "not even for its key");
        scene.follow(&news);
        scene.ada.send(news.id, "For friends");
        scene.mia.hears("the post", says("Create", "For friends"));
    });
}

#[test]
fn who_does_not_sign_is_shown_nothing_where_that_is_asked_for() {
    let test = "shut::who_does_not_sign_is_shown_nothing_where_that_is_asked_for";
    play(test, &format!("{OPEN}\nsecure_mode = true"), |mut scene, mut eve| {
        let news = scene.bridged("Harbour news", "harbour_news");
        // Its keys are fetched by who verifies, so by somebody who signs; the node's own are open.
        assert_eq!(eve.document(&format!("{HOST}/ap/node"))["type"], "Application");
        let at = |end: &str| format!("{}{end}", news.actor);
        let objects = [at(""), at("/outbox"), at("/followers"), at("/featured"), at("/p/x")];
        for object in &objects[..4] {
            assert_eq!(status(&mut eve, object), 401, "unsigned: {object}");
            let wrong = json!({ "scheme": "cavage", "key": "mallory" });
            assert_eq!(eve.gets(object, &wrong)["status"], 401, "wrong: {object}");
            for scheme in ["cavage", "rfc9421"] {
                let got = eve.gets(object, &json!({ "scheme": scheme }));
                assert_eq!(got["status"], 200, "{scheme}: {object}: {got}");
            }
            let late = json!({ "scheme": "cavage", "date": -46_800 });
            assert_eq!(eve.gets(object, &late)["status"], 401, "late: {object}");
            let other = json!({ "scheme": "cavage", "signed_path": "/ap/node" });
            assert_eq!(eve.gets(object, &other)["status"], 401, "for another path: {object}");
        }
        assert_eq!(eve.fetched(), ["/users/eve"], "its key is fetched once");

        // A key at an address of its own, as GoToSocial has it.
        let key = format!("{ORIGIN}/users/gus/main-key");
        let own = format!("{ORIGIN}/users/gus");
        eve.person("gus", &json!({}));
        let document =
            eve.does("get", &json!({ "url": own, "host": "other.test" }))["body"].clone();
        let mut document: Value =
            serde_json::from_str(document.as_str().expect("a body")).expect("JSON");
        document["publicKey"]["id"] = json!(key);
        for path in ["/users/gus", "/users/gus/main-key"] {
            let here = json!({ "body": document.to_string(), "type": "application/activity+json" });
            eve.does("put", &json!({ "path": path, "here": here }));
        }
        eve.asked();
        let signed = json!({ "scheme": "cavage", "key": "gus", "key_id": key });
        for _ in 0..2 {
            assert_eq!(eve.gets(&news.actor, &signed)["status"], 200);
        }
        assert!(eve.fetched().len() <= 2, "its key is fetched once, and its actor");

        // Forged in the name of who is not known: a fetch, and not more.
        eve.person("victim", &json!({}));
        let forged = json!({ "scheme": "cavage", "key": "mallory",
            "key_id": format!("{ORIGIN}/users/victim#main-key") });
        for _ in 0..20 {
            assert_ne!(eve.gets(&news.actor, &forged)["status"], 200);
        }
        assert_eq!(eve.fetched(), ["/users/victim"]);

        // Whoever is blocked is shown nothing.
        scene.node.command(&["bridge", "block", "other.test", "--json"]);
        let got = eve.gets(&news.actor, &json!({ "scheme": "cavage" }));
        assert_eq!(got["status"], 403, "{got}");
    });
}

/// A channel or group of ada's without a name.
fn private(scene: &mut Scene, title: &str, is_group: bool) -> i64 {
    let kind = if is_group { "megagroup" } else { "broadcast" };
    let new = json!({ "title": title, "about": "", kind: true });
    let made = scene.ada.invoke("channels.CreateChannel", new);
    CHANNELS - made["chats"][0]["id"].as_i64().expect("a channel")
}

#[test]
fn what_nobody_has_bridged_is_not_there() {
    play("shut::what_nobody_has_bridged_is_not_there", OPEN, |mut scene, mut eve| {
        // Public, but not bridged; a group; and neither may be.
        scene.channel("Quiet news", "quiet_news");
        let group = private(&mut scene, "Harbour talk", true);
        let named = json!({ "channel": { "channel": group }, "username": "harbour_talk" });
        scene.ada.invoke("channels.UpdateUsername", named);
        let words = say(&mut scene, "/bridge on harbour_talk");
        assert!(words.starts_with("That was not done:"), "{words}");
        for name in ["quiet_news", "harbour_talk", "nothing_at_all"] {
            for url in names(name) {
                assert_eq!(status(&mut eve, &url), 404, "{url}");
            }
        }

        // Bridged, and then private: it is not told what it is called now, nor what was said.
        let news = scene.bridged("Harbour news", "harbour_news");
        let post = followed(&mut scene, &mut eve, &news);
        for url in names("harbour_news") {
            let html = json!({ "headers": { "accept": "text/html" } });
            assert_eq!(eve.gets(&url, &html)["status"], 200, "{url}");
        }
        let unnamed = json!({ "channel": { "channel": news.id }, "username": "" });
        scene.ada.invoke("channels.UpdateUsername", unnamed);
        let title = json!({ "channel": { "channel": news.id }, "title": "Secret plans" });
        scene.ada.invoke("channels.EditTitle", title);
        let about = json!({ "peer": { "peer": news.id }, "about": "Secret meetings" });
        scene.ada.invoke("messages.EditChatAbout", about);
        scene.ada.send(news.id, "Secret words");
        let by = eve_of(ORIGIN);
        let told = eve.came(&by, 3);
        assert_eq!(told[2]["activity"]["object"]["suspended"], true, "{told:#?}");
        let outbox = format!("{}/outbox", news.actor);
        let first = eve.document(&outbox)["first"].as_str().expect("a page").to_owned();
        let ends = ["/followers", "/featured", "/following"];
        let mut said = vec![told[2]["body"].to_string(), eve.document(&first).to_string()];
        said.extend(
            ends.iter().map(|end| eve.document(&format!("{}{end}", news.actor)).to_string()),
        );
        said.push(eve.document(&news.actor).to_string());
        for one in &said {
            assert!(!one.contains("Secret"), "{one}");
            assert!(!one.contains("The ferry is late"), "{one}");
        }
        assert_eq!(eve.document(&news.actor)["suspended"], true);
        assert_eq!(status(&mut eve, &post), 404);
        assert_eq!(status(&mut eve, &format!("{post}/replies")), 404);
        assert_eq!(status(&mut eve, &names("harbour_news")[2]), 404);
        let follow = eve.activity(&by, "Follow", &json!(news.actor));
        assert_eq!(eve.posts(&by, &inbox(&news), &follow, &json!({})), 404);
        let reply = eve.reply(&by, &post, "Hello?");
        assert_eq!(eve.posts(&by, &inbox(&news), &reply, &json!({})), 404);
        eve.document(&news.actor);
        let came = eve.does("came", &json!({ "path": "/users/eve/inbox", "count": 3 }));
        assert!(!came.to_string().contains("Secret"), "{came:#}");
    });
}

#[test]
fn a_bridge_that_is_switched_off_rests() {
    play("shut::a_bridge_that_is_switched_off_rests", OPEN, |mut scene, mut eve| {
        let news = scene.bridged("Harbour news", "harbour_news");
        let post = followed(&mut scene, &mut eve, &news);
        scene.follow(&news);
        let by = eve_of(ORIGIN);
        assert_eq!(status(&mut eve, &post), 200);
        let off = scene.node.command(&["bridge", "off", "harbour_news", "--json"]);
        assert_eq!(off["state"], "off", "{off}");
        let told = eve.came(&by, 3);
        assert_eq!(told[2]["activity"]["type"], "Update", "{told:#?}");
        assert_eq!(told[2]["activity"]["object"]["suspended"], true);
        assert_eq!(eve.document(&news.actor)["suspended"], true);
        scene.ada.send(news.id, "While it rests");
        assert_eq!(status(&mut eve, &post), 404);
        assert_eq!(status(&mut eve, &names("harbour_news")[2]), 404);
        let reply = eve.reply(&by, &post, "Hello?");
        assert_eq!(eve.posts(&by, &inbox(&news), &reply, &json!({})), 404);

        // Switched on again, what was said meanwhile does not go out, and what is said next does.
        let on = scene.node.command(&["bridge", "on", "harbour_news", "--json"]);
        assert_eq!(on["actor"], news.actor, "the same as before");
        let told = eve.came(&by, 4);
        assert_ne!(told[3]["activity"]["object"]["suspended"], true, "{told:#?}");
        scene.ada.send(news.id, "Back again");
        let told = eve.came(&by, 5);
        assert!(told[4]["body"].to_string().contains("Back again"), "{told:#?}");
        assert!(!json!(told).to_string().contains("While it rests"));
        scene.mia.hears("the post", says("Create", "Back again"));
        assert!(!scene.mia.has_heard(says("Create", "While it rests")));
        assert_eq!(status(&mut eve, &post), 200);
    });
}

/// What the service account answers to ada.
fn say(scene: &mut Scene, words: &str) -> String {
    let said = scene.ada.send(777_000, words);
    let answer = scene.ada.expect_event("an answer", crate::peer::SOON, |event| {
        event["event"] == "service" && event["id"].as_i64().is_some_and(|id| id > said)
    });
    answer["text"].as_str().expect("a text").to_owned()
}

#[test]
fn who_owns_a_channel_bridges_it_by_a_message() {
    play("shut::who_owns_a_channel_bridges_it_by_a_message", OPEN, |mut scene, mut eve| {
        scene.channel("Harbour news", "harbour_news");
        let words = say(&mut scene, "/bridge status harbour_news");
        assert!(
            words.contains("not bridged") && words.contains("/bridge on harbour_news"),
            "{words}"
        );
        let words = say(&mut scene, "/bridge on harbour_news");
        for part in
            ["Harbour news", "@harbour_news@rookery.test", "search", "/bridge off harbour_news"]
        {
            assert!(words.contains(part), "{part}: {words}");
        }
        let found = eve.document(&names("harbour_news")[0]);
        assert_eq!(found["subject"], "acct:harbour_news@rookery.test", "{found}");
        let again = say(&mut scene, "/bridge on harbour_news");
        assert!(again.contains("bridged already"), "{again}");
        let words = say(&mut scene, "/bridge status @harbour_news");
        for part in ["@harbour_news@rookery.test", "Nobody follows it there yet"] {
            assert!(words.contains(part), "{part}: {words}");
        }
        let words = say(&mut scene, "/bridge off harbour_news");
        for part in ["Harbour news", "a week", "/bridge on harbour_news"] {
            assert!(words.contains(part), "{part}: {words}");
        }
        let words = say(&mut scene, "/bridge");
        assert!(words.contains("/bridge on CHANNEL"), "{words}");
        let words = say(&mut scene, "/bridge on nothing_at_all");
        assert_eq!(words, "That was not done: there is no channel @nothing_at_all here.");

        // Nobody else may.
        let said = scene.bob.send(777_000, "/bridge on harbour_news");
        let answer = scene.bob.expect_event("an answer", crate::peer::SOON, |event| {
            event["event"] == "service" && event["id"].as_i64().is_some_and(|id| id > said)
        });
        let words = answer["text"].as_str().unwrap_or_default();
        assert!(words.starts_with("That was not done:"), "{answer}");
        let list = scene.node.command(&["bridge", "list", "--json"]);
        assert_eq!(list[0]["state"], "off", "{list}");
    });
}
