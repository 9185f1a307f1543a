//! What a channel and its posts are called stays, whatever becomes of the node and of names.

use serde_json::{Value, json};

use crate::scene::{Bridged, Scene, play, says};

/// More than a page of an outbox.
const POSTS: usize = 23;

/// Activities of an outbox, the newest first, page by page.
fn outbox(scene: &mut Scene, news: &Bridged) -> Vec<Value> {
    let mut items = Vec::new();
    let outbox = scene.mia.fetch(&format!("{}/outbox", news.actor));
    assert_eq!(outbox["totalItems"], POSTS, "{outbox}");
    let mut next = outbox["first"].clone();
    while let Some(page) = next.as_str() {
        let page = scene.mia.fetch(page);
        items.extend(page["orderedItems"].as_array().expect("items").clone());
        next = page["next"].clone();
    }
    assert_eq!(items.len(), POSTS);
    items
}

/// Each activity and its post, fetched, says what the outbox says; `published` byte for byte.
fn all_are_there(scene: &mut Scene, items: &[Value]) {
    for item in items {
        let note = &item["object"];
        let id = note["id"].as_str().expect("an id");
        let accept = json!({ "accept": "application/activity+json" });
        let got = scene.mia.get(id, &accept);
        assert_eq!(got["status"], 200, "{got}");
        let text = got["text"].as_str().expect("a document");
        let published = format!("\"published\":{}", note["published"]);
        assert!(text.contains(&published), "{published}: {text}");
        let served: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(served["content"], note["content"]);
        assert_eq!(served["id"], note["id"]);
        let activity = scene.mia.fetch(item["id"].as_str().expect("an id"));
        assert_eq!(activity["object"]["published"], note["published"]);
        assert_eq!(activity["published"], item["published"]);
        assert_eq!(activity["id"], item["id"]);
    }
}

#[test]
fn ids_stay_over_restarts_and_other_names() {
    play("ids::ids_stay_over_restarts_and_other_names", |mut scene| {
        let news = scene.bridged("Harbour news", "harbour_news");
        scene.follow(&news);
        let mut last = 0;
        for number in 1..=POSTS {
            last = scene.ada.send(news.id, &format!("Ship {number}"));
        }
        let told = scene.mia.hears("the last post", says("Create", "Ship 23"));
        let before = outbox(&mut scene, &news);
        assert_eq!(before[0]["id"], told["id"]);
        assert_eq!(before[0]["object"]["published"], told["object"]["published"]);
        all_are_there(&mut scene, &before);
        let ids = |items: &[Value]| -> Vec<Value> {
            items
                .iter()
                .flat_map(|item| [item["id"].clone(), item["object"]["id"].clone()])
                .collect()
        };

        scene.node.restart();
        let after = outbox(&mut scene, &news);
        assert_eq!(ids(&after), ids(&before));
        all_are_there(&mut scene, &before);

        // Another name: the same actor, which the old one leads to.
        let named = json!({ "channel": { "channel": news.id }, "username": "harbour_now" });
        scene.ada.invoke("channels.UpdateUsername", named);
        for name in ["harbour_news", "harbour_now"] {
            let finger = format!(
                "https://rookery.test/.well-known/webfinger?resource=acct:{name}@rookery.test"
            );
            let got = scene.mia.get(&finger, &json!({}));
            assert_eq!(got["status"], 200, "{got}");
            assert_eq!(got["headers"]["content-type"], "application/jrd+json");
            let jrd: Value =
                serde_json::from_str(got["text"].as_str().expect("text")).expect("JSON");
            assert_eq!(jrd["subject"], "acct:harbour_now@rookery.test", "{jrd}");
            let links = jrd["links"].as_array().expect("links");
            let of = links.iter().find(|link| link["rel"] == "self").expect("an actor");
            assert_eq!(of["href"], news.actor);
        }
        let actor = scene.mia.fetch(&news.actor);
        assert_eq!(actor["id"], news.actor, "{actor}");
        assert_eq!(actor["preferredUsername"], "harbour_now");
        assert_eq!(actor["url"], "https://rookery.test/@harbour_now");
        let found = scene.mia.does(&json!({ "do": "lookup", "uri": "@harbour_now@rookery.test" }));
        assert_eq!(found["id"], news.actor);
        let renamed = outbox(&mut scene, &news);
        assert_eq!(ids(&renamed), ids(&before));
        all_are_there(&mut scene, &before);

        // The pages: by the old name too, and by the number that clients show.
        let post = before[0]["object"]["id"].as_str().expect("an id");
        let called = post.rsplit('/').next().expect("a name");
        let html = json!({ "accept": "text/html" });
        for name in ["harbour_news", "harbour_now"] {
            let page = scene.mia.get(&format!("https://rookery.test/@{name}"), &html);
            assert_eq!(page["status"], 200, "{page}");
            let text = page["text"].as_str().expect("a page");
            assert!(text.contains("@harbour_now@rookery.test"), "{text}");
            let numbered = scene.mia.get(&format!("https://rookery.test/@{name}/{last}"), &html);
            assert_eq!(numbered["status"], 307, "{numbered}");
            assert_eq!(numbered["headers"]["location"], format!("/@harbour_now/{called}"));
        }
        let page = scene.mia.get(&format!("https://rookery.test/@harbour_now/{called}"), &html);
        assert_eq!(page["status"], 200, "{page}");
        assert!(page["text"].as_str().is_some_and(|text| text.contains("Ship 23")), "{page}");
        // The object itself leads people there.
        let page = scene.mia.get(post, &html);
        let location = format!("https://rookery.test/@harbour_now/{called}");
        assert_eq!(
            (&page["status"], &page["headers"]["location"]),
            (&json!(303), &json!(location))
        );
    });
}
