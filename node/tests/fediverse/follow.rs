//! A channel is found, followed and read.

use serde_json::json;

use crate::scene::{is, play, says};

#[test]
fn a_channel_is_followed_and_its_posts_come() {
    play("follow::a_channel_is_followed_and_its_posts_come", |mut scene| {
        let news = scene.bridged("Harbour news", "harbour_news");

        // Found by its handle and by its page, as one actor.
        for uri in ["@harbour_news@rookery.test", "https://rookery.test/@harbour_news", &news.actor]
        {
            let found = scene.mia.does(&json!({ "do": "lookup", "uri": uri }));
            assert_eq!(found["id"], news.actor, "{uri}: {found}");
            assert_eq!(found["name"], "Harbour news");
            assert_eq!(found["type"], "Service");
            assert_eq!(found["preferredUsername"], "harbour_news");
        }

        // Followed; what is posted then comes.
        scene.follow(&news);
        let post = scene.ada.send(news.id, "The **ferry** is late #ferry");
        let created = scene.mia.hears("the post", says("Create", "is late"));
        let note = &created["object"];
        assert_eq!(note["attributedTo"], news.actor, "{created}");
        let id = note["id"].as_str().expect("an id").to_owned();
        let served = scene.mia.fetch(&id);
        assert_eq!(served["id"], id);
        assert_eq!(served["published"], note["published"], "{served}");
        assert_eq!(served["content"], note["content"]);

        // Edited, pinned, deleted.
        scene
            .ada
            .command("edit", json!({ "to": news.id, "msg_id": post, "text": "The ferry sank" }));
        let updated = scene.mia.hears("the edit", says("Update", "sank"));
        assert_eq!(updated["object"]["id"], id);
        assert_eq!(updated["object"]["published"], note["published"]);
        let pin = json!({ "peer": { "peer": news.id }, "id": post, "silent": true });
        scene.ada.invoke("messages.UpdatePinnedMessage", pin);
        let added = scene.mia.hears("the pin", is("Add"));
        assert_eq!(added["object"], id, "{added}");
        let featured = scene.mia.fetch(&format!("{}/featured", news.actor));
        assert!(featured.to_string().contains(&id), "{featured}");
        let outbox =
            scene.mia.does(&json!({ "do": "collect", "uri": format!("{}/outbox", news.actor) }));
        assert!(outbox.to_string().contains("sank"), "{outbox}");
        scene.ada.command("delete", json!({ "to": news.id, "msg_ids": [post] }));
        let deleted = scene.mia.hears("the end", is("Delete"));
        assert_eq!(deleted["object"]["id"].as_str().or(deleted["object"].as_str()), Some(&*id));
        let gone = scene.mia.asks(&json!({ "do": "fetch", "uri": id }));
        assert!(gone.is_err_and(|error| error.contains("410")), "it is gone");
    });
}
