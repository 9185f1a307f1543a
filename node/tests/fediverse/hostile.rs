//! What a server can do that signs, claims and serves whatever it likes: each with the status that it gets,
//! and with what comes of it.

use serde_json::{Value, json};

use crate::answer::{discussion, posted};
use crate::scene::{self, Bridged, Scene};
use crate::signer::{self, INSIDE, ORIGIN, Signer, with};
use crate::support::skip::skipped;

const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";
/// Names that lead where nobody of the fediverse is.
const INSIDE_NAMES: [(&str, &str); 2] = [("10.66.0.1", "inside.test"), ("::1", "six.test")];

/// A scene with a server that signs what it is told to.
pub(crate) fn play(test: &str, settings: &str, body: impl FnOnce(Scene, Signer)) {
    if skipped(&["cryptography"]) {
        return;
    }
    signer::install();
    scene::play_among(test, &INSIDE_NAMES, settings, |scene| {
        let signer = Signer::start(&scene.authority);
        body(scene, signer);
    });
}

const OPEN: &str = scene::REACH;

/// Eve follows a channel, and gets what is posted there: its address.
pub(crate) fn followed(scene: &mut Scene, eve: &mut Signer, news: &Bridged) -> String {
    let by = eve_of(ORIGIN);
    let follow = eve.activity(&by, "Follow", &json!(news.actor));
    assert_eq!(eve.posts(&by, &inbox(news), &follow, &json!({})), 202);
    scene.ada.send(news.id, "The ferry is late");
    let came = eve.came(&by, 2);
    assert_eq!(came[0]["activity"]["type"], "Accept", "{came:#?}");
    came[1]["activity"]["object"]["id"].as_str().expect("an id").to_owned()
}

pub(crate) fn eve_of(origin: &str) -> String {
    format!("{origin}/users/eve")
}

pub(crate) fn inbox(news: &Bridged) -> String {
    format!("{}/inbox", news.actor)
}

/// How many replies a post has, and what its page says.
fn shown(eve: &mut Signer, post: &str) -> (u64, String) {
    let note = eve.document(post);
    let count = note["replies"]["totalItems"].as_u64().expect("a count");
    let html = json!({ "headers": { "accept": "text/html" } });
    let page = eve.gets(note["url"].as_str().expect("a page"), &html);
    assert_eq!(page["status"], 200, "{page}");
    (count, page["body"].as_str().expect("a page").to_owned())
}

fn followers(eve: &mut Signer, news: &Bridged) -> u64 {
    let followers = eve.document(&format!("{}/followers", news.actor));
    followers["totalItems"].as_u64().expect("a count")
}

#[test]
fn what_is_not_signed_as_it_must_be_is_refused() {
    play("hostile::what_is_not_signed_as_it_must_be_is_refused", OPEN, |mut scene, mut eve| {
        let news = scene.bridged("Harbour news", "harbour_news");
        let post = followed(&mut scene, &mut eve, &news);
        let (by, inbox) = (eve_of(ORIGIN), inbox(&news));
        eve.asked();
        let ld = "application/ld+json";
        let far = "application/ld+json; profile=\"https://example.org/other\"";
        let refused = [
            ("unsigned", 401, json!({ "scheme": null })),
            ("only the digest", 401, json!({ "cover": ["digest"] })),
            ("no target", 401, json!({ "cover": ["host", "date", "digest"] })),
            ("no host", 401, json!({ "cover": ["(request-target)", "date", "digest"] })),
            ("no date", 401, json!({ "cover": ["(request-target)", "host", "digest"] })),
            ("no digest", 401, json!({ "cover": ["(request-target)", "host", "date"] })),
            ("in ten days", 401, json!({ "date": 864_000 })),
            ("thirteen hours ago", 401, json!({ "date": -46_800 })),
            ("text", 415, json!({ "type": "text/plain" })),
            ("any JSON", 415, json!({ "type": "application/json" })),
            ("any linked data", 415, json!({ "type": ld })),
            ("other linked data", 415, json!({ "type": far })),
            ("for another path", 401, json!({ "signed_path": "/ap/inbox" })),
            ("for another host", 400, json!({ "host": "elsewhere.test" })),
            ("of another body", 401, json!({ "digest_of": "{}" })),
            ("changed", 401, json!({ "tampered": true })),
            ("by another key", 401, json!({ "key": "mallory" })),
            (
                "no target (9421)",
                401,
                json!({ "scheme": "rfc9421",
                "cover": ["@method", "content-digest"] }),
            ),
            (
                "no digest (9421)",
                401,
                json!({ "scheme": "rfc9421",
                "cover": ["@method", "@target-uri"] }),
            ),
            ("in ten days (9421)", 401, json!({ "scheme": "rfc9421", "date": 864_000 })),
            ("two hours ago (9421)", 401, json!({ "scheme": "rfc9421", "date": -7200 })),
            (
                "for another path (9421)",
                401,
                json!({ "scheme": "rfc9421",
                "signed_path": "/ap/inbox" }),
            ),
            ("by another key (9421)", 401, json!({ "scheme": "rfc9421", "key": "mallory" })),
            ("nested", 400, json!({ "body": "[".repeat(100_000) + &"]".repeat(100_000) })),
            ("wide", 400, json!({ "body": format!("[{}0]", "0,".repeat(100_000)) })),
            ("no JSON", 400, json!({ "body": "{" })),
            ("2 MB", 413, json!({ "body": "x", "repeat": 2 << 20, "only_head": true })),
        ];
        for (what, status, how) in refused {
            let reply = eve.reply(&by, &post, &format!("Wrong: {what}"));
            assert_eq!(eve.posts(&by, &inbox, &reply, &how), status, "{what}");
        }
        assert_eq!(eve.fetched(), Vec::<String>::new(), "nothing is fetched for it");
        let (count, page) = shown(&mut eve, &post);
        assert!(count == 0 && !page.contains("Wrong:"), "{count}: {page}");

        // The same in ways that are right, if odd.
        let profile = "application/ld+json;profile=\"https://www.w3.org/ns/activitystreams\"";
        let taken = [
            json!({}),
            json!({ "date": -7200 }),
            json!({ "scheme": "rfc9421" }),
            json!({ "type": profile }),
            json!({ "type": "Application/Activity+JSON;charset=utf-8" }),
        ];
        for (at, how) in taken.iter().enumerate() {
            let reply = eve.reply(&by, &post, &format!("Right: {at}"));
            assert_eq!(eve.posts(&by, &inbox, &reply, how), 202, "{how}");
            assert_eq!(eve.posts(&by, &inbox, &reply, how), 202, "once more: {how}");
        }
        let (count, page) = shown(&mut eve, &post);
        assert_eq!(count, 5, "each once: {page}");
        assert_eq!(page.matches("Right:").count(), 5, "{page}");
        assert_eq!(eve.fetched(), Vec::<String>::new());
    });
}

#[test]
fn actors_are_who_their_own_server_says() {
    play("hostile::actors_are_who_their_own_server_says", OPEN, |mut scene, mut eve| {
        let news = scene.bridged("Harbour news", "harbour_news");
        let inbox = inbox(&news);
        let profile = "profile=\"https://www.w3.org/ns/activitystreams\"";
        let types = [
            (true, "application/activity+json;charset=utf-8".to_owned()),
            (true, "Application/Activity+JSON; charset=\"UTF-8\"".to_owned()),
            (true, format!("application/ld+json; {profile}")),
            (true, format!("application/ld+json;charset=utf-8;{profile}")),
            (false, "application/json".to_owned()),
            (false, "application/ld+json".to_owned()),
            (false, "text/html".to_owned()),
            (false, "application/octet-stream".to_owned()),
        ];
        let mut count = 0;
        for (at, (is_right, kind)) in types.iter().enumerate() {
            let by = eve.person(&format!("typed{at}"), &json!({ "under": kind }));
            let follow = eve.activity(&by, "Follow", &json!(news.actor));
            let status = eve.posts(&by, &inbox, &follow, &json!({}));
            assert_eq!(status, if *is_right { 202 } else { 503 }, "{kind}");
            count += u64::from(*is_right);
            if *is_right {
                assert_eq!(eve.came(&by, 1)[0]["activity"]["type"], "Accept");
            }
        }
        assert_eq!(followers(&mut eve, &news), count);

        // Documents that are not what they have to be.
        let odd = [
            json!({ "id": format!("{ORIGIN}/users/eve") }),
            json!({ "id": "https://fedi.test/users/mia" }),
            json!({ "inbox": "https://fedi.test/inbox" }),
            json!({ "inbox": null }),
            json!({ "publicKey": { "id": format!("{ORIGIN}/users/eve#main-key") } }),
            json!({ "publicKey": null }),
            json!({ "type": "Note" }),
        ];
        for (at, odd) in odd.iter().enumerate() {
            let by = eve.person(&format!("odd{at}"), &json!({ "with": odd }));
            let follow = eve.activity(&by, "Follow", &json!(news.actor));
            assert_eq!(eve.posts(&by, &inbox, &follow, &json!({})), 401, "{odd}");
        }
        for (status, answered) in [(404, 503), (410, 401), (500, 503)] {
            let path = format!("/users/no{status}");
            let here = json!({ "status": status, "type": "application/json",
                "body": "{\"error\": \"no\"}" });
            eve.does("put", &json!({ "path": path, "here": here }));
            let by = format!("{ORIGIN}{path}");
            let follow = eve.activity(&by, "Follow", &json!(news.actor));
            assert_eq!(eve.posts(&by, &inbox, &follow, &json!({})), answered, "{status}");
        }
        assert_eq!(followers(&mut eve, &news), count);

        // Whatever the node asked and told: signed, by whom it says it is, and with its name.
        let asked = eve.asked();
        for one in asked["requests"].as_array().expect("a list") {
            let agent = one["headers"]["user-agent"].as_str().unwrap_or_default();
            assert!(agent.starts_with("Rookery/") && agent.contains("+https://rookery.test/"));
            let signature = &one["signature"];
            let by = signature["key_id"].as_str().unwrap_or_else(|| panic!("{one:#}"));
            let is_get = one["method"] == "GET";
            let whose = if is_get { "https://rookery.test/ap/node" } else { &news.actor };
            assert!(by.starts_with(whose) && by.contains('#'), "{one:#}");
            assert!(signature["late_s"].as_i64().is_some_and(|late| (-5..60).contains(&late)));
            let cover = signature["cover"].to_string();
            for part in ["(request-target)", "host", "date"] {
                assert!(cover.contains(part), "{part}: {one:#}");
            }
        }
    });
}

#[test]
fn what_is_sent_is_signed_in_the_scheme_that_is_read() {
    play(
        "hostile::what_is_sent_is_signed_in_the_scheme_that_is_read",
        OPEN,
        |mut scene, mut eve| {
            let news = scene.bridged("Harbour news", "harbour_news");
            let by = eve_of(ORIGIN);
            // It reads RFC 9421 alone, and so it will be told.
            eve.does("answer", &json!({ "path": "/users/eve/inbox", "statuses": [401] }));
            let follow = eve.activity(&by, "Follow", &json!(news.actor));
            assert_eq!(eve.posts(&by, &inbox(&news), &follow, &json!({})), 202);
            eve.came(&by, 2);
            scene.ada.send(news.id, "The ferry is late");
            eve.came(&by, 3);
            scene.ada.send(news.id, "The ferry is here");
            let came = eve.came(&by, 4);
            let schemes: Vec<_> =
                came.iter().map(|one| one["signature"]["scheme"].clone()).collect();
            assert_eq!(schemes, ["cavage", "rfc9421", "rfc9421", "rfc9421"], "{came:#?}");
            assert_eq!(came[0]["body"], came[1]["body"], "the same in both");
            for (part, covered) in [("digest", 0), ("content-digest", 1), ("@target-uri", 1)] {
                let cover = came[covered]["signature"]["cover"].to_string();
                assert!(cover.contains(part), "{part}: {cover}");
            }
            // Whoever wants no RFC 9421 any more is asked in the other one.
            eve.does("answer", &json!({ "path": "/users/eve/inbox", "statuses": [400] }));
            scene.ada.send(news.id, "The ferry left");
            let came = eve.came(&by, 6);
            let schemes: Vec<_> =
                came[4..].iter().map(|one| one["signature"]["scheme"].clone()).collect();
            assert_eq!(schemes, ["rfc9421", "cavage"]);
        },
    );
}

#[test]
fn nobody_speaks_for_another() {
    play("hostile::nobody_speaks_for_another", OPEN, |mut scene, mut eve| {
        let news = scene.bridged("Harbour news", "harbour_news");
        let group = discussion(&mut scene, &news);
        scene.follow(&news);
        let (_, post) = posted(&mut scene, &news, "The ferry is late");
        let note = scene.mia.replies(&news.actor, &post, "<p>How late?</p>");
        scene.bob.expect(&json!({ "event": "message", "text": "How late?" }));
        let (by, inbox) = (eve_of(ORIGIN), inbox(&news));
        let mallory = eve.person("mallory", &json!({}));
        let mia = scene.mia.actor.clone();
        let follow = eve.activity(&mallory, "Follow", &json!(news.actor));
        assert_eq!(eve.posts(&mallory, &inbox, &follow, &json!({})), 202);

        // By its id, its actor or its key, it is another's.
        let reply = |eve: &mut Signer| eve.reply(&by, &post, "Forged");
        let plain = reply(&mut eve);
        let of_mia = with(&plain, &json!({ "actor": mia, "id": "https://fedi.test/activities/9" }));
        let of_ours =
            with(&plain, &json!({ "actor": news.actor, "id": format!("{}/x", news.actor) }));
        let mias_key = format!("{mia}#main-key");
        let ours_key = format!("{}#main-key", news.actor);
        for (what, status, activity, how) in [
            (
                "id",
                403,
                with(&plain, &json!({ "id": "https://fedi.test/activities/8" })),
                json!({}),
            ),
            ("actor", 403, of_mia.clone(), json!({})),
            ("key", 403, plain.clone(), json!({ "key_id": mias_key })),
            ("all of mia", 401, of_mia, json!({ "key_id": mias_key })),
            ("all of ours", 403, of_ours, json!({ "key_id": ours_key })),
            ("neighbour", 401, with(&plain, &json!({ "actor": mallory })), json!({})),
            ("no id", 400, with(&plain, &json!({ "id": null })), json!({})),
            ("no actor", 400, with(&plain, &json!({ "actor": null })), json!({})),
        ] {
            assert_eq!(eve.posts(&by, &inbox, &activity, &how), status, "{what}");
        }

        // It is its own, but what it is about is another's: taken, and nothing comes of it.
        let note_of = |eve: &mut Signer, kind: &str, more: Value| {
            let said = eve.reply(&by, &post, "Forged");
            let object = with(&said["object"], &more);
            let activity = eve.activity(&by, kind, &object);
            with(&activity, &json!({ "to": [PUBLIC] }))
        };
        let later = "2026-11-30T10:00:00Z";
        let undone = json!({ "type": "Follow", "actor": mia, "object": news.actor,
            "id": format!("{mia}/activities/1") });
        let quiet = [
            note_of(&mut eve, "Create", json!({ "attributedTo": mia })),
            note_of(&mut eve, "Create", json!({ "id": "https://fedi.test/notes/77" })),
            note_of(&mut eve, "Create", json!({ "id": format!("{}/p/x", news.actor) })),
            note_of(
                &mut eve,
                "Update",
                json!({ "id": note, "attributedTo": mia, "updated": later }),
            ),
            note_of(&mut eve, "Update", json!({ "id": note, "updated": later })),
            eve.activity(&by, "Delete", &json!({ "type": "Tombstone", "id": note })),
            eve.activity(&by, "Delete", &json!(note)),
            eve.activity(&by, "Delete", &json!(post)),
            eve.activity(&by, "Delete", &json!(mia)),
            eve.activity(&by, "Delete", &json!(news.actor)),
            eve.activity(&by, "Undo", &undone),
            eve.activity(&by, "Undo", &undone["id"]),
            eve.activity(&by, "Move", &json!(mia)),
            // To us, or to who follows, and not to everybody.
            note_of(&mut eve, "Create", json!({ "to": [news.actor] })),
            note_of(&mut eve, "Create", json!({ "to": [format!("{by}/followers")], "cc": [mia] })),
            note_of(&mut eve, "Create", json!({ "to": [] })),
        ];
        for activity in &quiet {
            assert_eq!(eve.posts(&by, &inbox, activity, &json!({})), 202, "{activity:#}");
        }
        let (count, page) = shown(&mut eve, &post);
        assert_eq!(count, 1, "{page}");
        assert!(page.contains("How late?") && !page.contains("Forged"), "{page}");
        assert_eq!(followers(&mut eve, &news), 2);

        // Nor may somebody of the same server.
        let own = eve.reply(&by, &post, "My own");
        assert_eq!(eve.posts(&by, &inbox, &own, &json!({})), 202);
        scene.bob.expect(&json!({ "event": "message", "text": "My own" }));
        let own = own["object"].clone();
        let changed = json!({ "content": "<p>Forged</p>", "updated": later });
        for activity in [
            eve.activity(&mallory, "Delete", &own["id"]),
            eve.activity(&mallory, "Delete", &json!(by)),
            eve.activity(&mallory, "Update", &with(&own, &changed)),
            eve.activity(
                &mallory,
                "Update",
                &with(&own, &with(&changed, &json!({ "attributedTo": mallory }))),
            ),
        ] {
            assert_eq!(eve.posts(&mallory, &inbox, &activity, &json!({})), 202, "{activity:#}");
        }
        let texts = |scene: &mut Scene| -> Vec<String> {
            let all = scene.bob.history(group, 20, 0);
            let texts = all.iter().filter_map(|one| one["text"].as_str());
            texts.map(str::to_owned).filter(|text| text != "The ferry is late").collect()
        };
        let seen = texts(&mut scene);
        assert!(seen.iter().any(|text| text == "How late?"), "{seen:?}");
        assert!(seen.iter().any(|text| text == "My own"), "{seen:?}");
        assert!(!seen.iter().any(|text| text.contains("Forged")), "{seen:?}");

        // Its author may.
        let update = eve.activity(
            &by,
            "Update",
            &with(
                &own,
                &json!({ "content": "Mine",
            "updated": later }),
            ),
        );
        assert_eq!(eve.posts(&by, &inbox, &update, &json!({})), 202);
        scene.bob.expect(&json!({ "event": "edited", "text": "Mine" }));
        let delete = eve.activity(&by, "Delete", &own["id"]);
        assert_eq!(eve.posts(&by, &inbox, &delete, &json!({})), 202);
        assert_eq!(shown(&mut eve, &post).0, 1);
    });
}

#[test]
fn forgeries_and_new_keys_cost_one_fetch() {
    play("hostile::forgeries_and_new_keys_cost_one_fetch", OPEN, |mut scene, mut eve| {
        let news = scene.bridged("Harbour news", "harbour_news");
        let (by, inbox) = (eve_of(ORIGIN), inbox(&news));

        // Whoever is not known and is gone, or changed, is not asked for.
        for kind in ["Delete", "Update"] {
            let ghost = format!("{ORIGIN}/users/ghost");
            let about = if kind == "Delete" {
                json!(ghost)
            } else {
                json!({ "type": "Person", "id": ghost })
            };
            let activity = eve.activity(&ghost, kind, &about);
            assert_eq!(eve.posts(&ghost, &inbox, &activity, &json!({})), 202, "{kind}");
        }
        assert_eq!(eve.fetched(), Vec::<String>::new());

        // A new key at the same address: told by the old one, it is read at once.
        let follow = eve.activity(&by, "Follow", &json!(news.actor));
        assert_eq!(eve.posts(&by, &inbox, &follow, &json!({})), 202);
        assert_eq!(eve.fetched(), ["/users/eve"]);
        eve.person("eve", &json!({ "key": "second" }));
        let update = eve.activity(&by, "Update", &json!({ "type": "Person", "id": by }));
        assert_eq!(eve.posts(&by, &inbox, &update, &json!({})), 202);
        assert_eq!(eve.fetched(), ["/users/eve"]);
        let like = |eve: &mut Signer| eve.activity(&by, "Like", &json!(news.actor));
        let said = like(&mut eve);
        assert_eq!(eve.posts(&by, &inbox, &said, &json!({ "key": "second" })), 202);
        let said = like(&mut eve);
        assert_eq!(eve.posts(&by, &inbox, &said, &json!({ "key": "eve" })), 401, "the old one");
        assert_eq!(eve.fetched(), Vec::<String>::new());

        // Told by nobody, it is looked for once; and then not for a while, whatever comes.
        scene.node.restart();
        eve.person("eve", &json!({ "key": "third" }));
        let said = like(&mut eve);
        assert_eq!(eve.posts(&by, &inbox, &said, &json!({ "key": "third" })), 202);
        assert_eq!(eve.fetched(), ["/users/eve"]);
        for key in ["second", "fourth"] {
            let said = like(&mut eve);
            assert_eq!(eve.posts(&by, &inbox, &said, &json!({ "key": key })), 401, "{key}");
        }
        assert_eq!(eve.fetched(), Vec::<String>::new());

        // A thousand forgeries in the name of somebody who is not known.
        let victim = eve.person("victim", &json!({}));
        let activity = with(
            &eve.activity(&victim, "Follow", &json!(news.actor)),
            &json!({ "id": format!("{victim}/%N") }),
        );
        let forged = json!({ "url": inbox, "activity": activity, "key": "mallory",
            "key_id": format!("{victim}#main-key"), "times": 1000 });
        let statuses = eve.does("many", &forged);
        let counts = statuses.as_object().expect("counts");
        assert!(counts.keys().all(|status| ["401", "429"].contains(&&**status)), "{statuses}");
        assert!(statuses["401"].as_u64().is_some_and(|count| count > 50), "{statuses}");
        assert_eq!(eve.fetched(), ["/users/victim"]);
        assert_eq!(followers(&mut eve, &news), 1);
    });
}

#[test]
fn a_flood_is_held_back_and_others_are_heard() {
    play("hostile::a_flood_is_held_back_and_others_are_heard", OPEN, |mut scene, mut eve| {
        let news = scene.bridged("Harbour news", "harbour_news");
        let post = followed(&mut scene, &mut eve, &news);
        let (by, inbox) = (eve_of(ORIGIN), inbox(&news));
        eve.fetched();
        let activity = eve.reply(&by, &post, "Again and again");
        let replayed = json!({ "url": inbox, "activity": activity, "times": 1000 });
        let statuses = eve.does("many", &replayed);
        let of = |status: &str| statuses[status].as_u64().unwrap_or_default();
        assert_eq!(of("202") + of("429"), 1000, "{statuses}");
        assert!(of("202") >= 100 && of("429") >= 100, "{statuses}");
        assert_eq!(eve.fetched(), Vec::<String>::new(), "a replay costs no fetch");
        let (count, page) = shown(&mut eve, &post);
        assert_eq!((count, page.matches("Again and again").count()), (1, 1), "{page}");

        // Until it is held back: it is told for how long, and another server is heard meanwhile.
        let held = (0..200).find_map(|_| {
            let answer = eve.does("post", &json!({ "url": inbox, "activity": activity }));
            (answer["status"] == 429).then_some(answer)
        });
        let held = held.expect("429");
        let wait_s = held["headers"]["retry-after"].as_str().and_then(|text| text.parse().ok());
        assert!(wait_s.is_some_and(|wait_s: u64| (1..=60).contains(&wait_s)), "{held}");
        scene.follow(&news);
        assert_eq!(followers(&mut eve, &news), 2);
    });
}

#[test]
fn nothing_inside_is_fetched() {
    play("hostile::nothing_inside_is_fetched", OPEN, |mut scene, mut eve| {
        let news = scene.bridged("Harbour news", "harbour_news");
        let post = followed(&mut scene, &mut eve, &news);
        let (by, inbox) = (eve_of(ORIGIN), inbox(&news));
        // Whoever connected there would be seen.
        for (address, port) in INSIDE {
            eve.does("connect", &json!({ "address": address, "port": port }));
        }
        eve.asked();
        let targets = [
            "https://inside.test",
            "https://six.test",
            "https://10.66.0.1",
            "https://[::1]",
            "https://other.test:8443",
            "http://other.test",
            "https://user@inside.test",
            "https://0x0a420001",
            "https://[::ffff:10.66.0.1]",
            "https://127.0.0.4",
            "file://",
        ];
        for (at, target) in targets.iter().enumerate() {
            // As who signs, and where that leads.
            let there = format!("{target}/users/eve");
            let activity = with(
                &eve.activity(&there, "Follow", &json!(news.actor)),
                &json!({ "id": format!("{there}/{at}") }),
            );
            let status = eve.posts(&there, &inbox, &activity, &json!({ "key": "eve" }));
            assert!([400, 401, 403, 503].contains(&status), "{there}: {status}");
            let path = format!("/users/led{at}");
            let here = json!({ "status": 302, "headers": { "location": there } });
            eve.does("put", &json!({ "path": path, "here": here }));
            let led = format!("{ORIGIN}{path}");
            let follow = eve.activity(&led, "Follow", &json!(news.actor));
            let status = eve.posts(&led, &inbox, &follow, &json!({ "key": "eve" }));
            assert!([401, 503].contains(&status), "a redirect to {there}: {status}");
            // As an inbox, alone and shared.
            let inboxes = json!({ "inbox": format!("{target}/inbox") });
            let boxed = eve.person(&format!("boxed{at}"), &json!({ "with": inboxes }));
            let follow = eve.activity(&boxed, "Follow", &json!(news.actor));
            assert_eq!(eve.posts(&boxed, &inbox, &follow, &json!({})), 401, "{target}");
            let shared = json!({ "endpoints": { "sharedInbox": format!("{target}/inbox") },
                "icon": { "type": "Image", "url": format!("{target}/icon.png") },
                "url": format!("{target}/@shared") });
            let name = format!("shared{at}");
            let shared = eve.person(&name, &json!({ "with": shared }));
            let follow = eve.activity(&shared, "Follow", &json!(news.actor));
            assert_eq!(eve.posts(&shared, &inbox, &follow, &json!({})), 202, "{target}");
            eve.came(&shared, 1);
            // As where somebody has moved.
            let moved = with(&eve.activity(&by, "Move", &json!(by)), &json!({ "target": there }));
            assert_eq!(eve.posts(&by, &inbox, &moved, &json!({})), 202, "{target}");
        }
        // As what is said and shown.
        let said = eve.reply(&by, &post, "Look at <a href=\"https://inside.test/\">this</a>");
        let file = json!([{ "type": "Image", "mediaType": "image/png",
            "url": "https://inside.test/picture.png" }]);
        let object = with(
            &said["object"],
            &json!({ "attachment": file,
            "url": "https://inside.test/note" }),
        );
        assert_eq!(
            eve.posts(&by, &inbox, &with(&said, &json!({ "object": object })), &json!({})),
            202
        );
        let (count, page) = shown(&mut eve, &post);
        assert_eq!(count, 1, "{page}");
        // Redirects end.
        let here = json!({ "status": 301, "headers": { "location": "/users/round" } });
        eve.does("put", &json!({ "path": "/users/round", "here": here }));
        let round = format!("{ORIGIN}/users/round");
        let follow = eve.activity(&round, "Follow", &json!(news.actor));
        assert_eq!(eve.posts(&round, &inbox, &follow, &json!({ "key": "eve" })), 503);
        // What was posted last comes after all that would have been sent before it.
        scene.ada.send(news.id, "The ferry is here");
        eve.came(&by, 1);
        let asked = eve.does("asked", &json!({}));
        let rounds = asked["requests"].as_array().expect("a list").iter();
        assert_eq!(rounds.filter(|one| one["path"] == "/users/round").count(), 4);
        let made = asked["connections"].as_object().expect("counts");
        assert!(made.keys().all(|at| at == "127.0.0.4:443"), "nothing else: {made:?}");
    });
}

#[test]
fn without_leave_nothing_of_this_machine_is_fetched() {
    let test = "hostile::without_leave_nothing_of_this_machine_is_fetched";
    play(test, "", |mut scene, mut eve| {
        let news = scene.bridged("Harbour news", "harbour_news");
        eve.does("connect", &json!({ "address": "127.0.0.4", "port": 443 }));
        eve.asked();
        for origin in [ORIGIN, "https://localhost", "https://fedi.test", "https://inside.test"] {
            let by = eve_of(origin);
            let activity = with(
                &eve.activity(&by, "Follow", &json!(news.actor)),
                &json!({ "id": format!("{origin}/1") }),
            );
            let status = eve.posts(&by, &inbox(&news), &activity, &json!({}));
            assert_eq!(status, 503, "{origin}");
        }
        assert_eq!(eve.asked()["connections"], json!({}));
        assert_eq!(followers(&mut eve, &news), 0);
    });
}
