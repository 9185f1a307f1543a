//! Another library than Fedify: apkit (PyPI), with verification and signatures of its own.

use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use crate::answer::{discussion, reactions};
use crate::peer::Peer;
use crate::scene::{Authority, REACH, is, play_among, says};
use crate::support::skip::skipped;
use crate::support::{install, tests_directory};

const NAME: &str = "apkit.test";
const ADDRESS: &str = "127.0.0.6";

/// Python with apkit.
fn installed() -> PathBuf {
    install::python("apkit-0.3.8", "apkit/requirements-0.3.8.txt")
}

fn start(authority: &Authority) -> Peer {
    let mut apkit = Command::new(installed());
    apkit.arg(tests_directory().join("clients/apkit/peer.py"));
    apkit.env("SSL_CERT_FILE", authority.file()).env("PYTHONDONTWRITEBYTECODE", "1");
    Peer::run(apkit, authority, (NAME, ADDRESS), "pia")
}

/// Somebody on a server made of apkit follows, is told what is posted, likes it and answers.
///
/// How: `clients/apkit/peer.py` tells what came when apkit has verified who signed it.
#[test]
fn another_library_follows_likes_and_answers() {
    if skipped(&["apkit"]) {
        return;
    }
    installed();
    let test = "apkit::another_library_follows_likes_and_answers";
    play_among(test, &[(ADDRESS, NAME)], REACH, |mut scene| {
        let mut pia = start(&scene.authority);
        let news = scene.bridged("Harbour news", "harbour_news");
        let group = discussion(&mut scene, &news);
        let found = pia.does(&json!({ "do": "lookup", "uri": "@harbour_news@rookery.test" }));
        assert_eq!(found["id"], news.actor, "{found}");
        assert_eq!(found["name"], "Harbour news");

        let follow = pia.acts(&news.actor, "Follow", &json!(news.actor));
        let accepted = pia.hears("an Accept", is("Accept"));
        let of = &accepted["object"];
        assert!(of["id"] == json!(follow) || *of == json!(follow), "{accepted}");
        let sent = scene.ada.send(news.id, "The **ferry** is late #ferry");
        let created = pia.hears("the post", says("Create", "is late"));
        assert_eq!(created["object"]["attributedTo"], news.actor, "{created}");
        let post = created["object"]["id"].as_str().expect("an id").to_owned();
        let served = pia.fetch(&post);
        assert_eq!(served["content"], created["object"]["content"], "{served}");

        pia.acts(&news.actor, "Like", &json!(post));
        let shown = reactions(&mut scene.ada, news.id, sent);
        assert_eq!(shown["reactions"]["results"][0]["count"], 1, "{shown}");

        let note = pia.replies(&news.actor, &post, "<p>How <strong>late</strong>?</p>");
        let came = scene.bob.expect(&json!({ "event": "message", "text": "How late?" }));
        assert_eq!(came["peer"], group, "{came}");
        let counted = pia.fetch(&post);
        let replies = pia.fetch(counted["replies"]["id"].as_str().expect("an id"));
        assert!(replies.to_string().contains(&note), "{replies}");

        // Edited and deleted by the channel, and taken back by her.
        let edit = json!({ "to": news.id, "msg_id": sent, "text": "The ferry sank" });
        scene.ada.command("edit", edit);
        let updated = pia.hears("the edit", says("Update", "sank"));
        assert_eq!(updated["object"]["id"], post);
        pia.acts(&news.actor, "Delete", &json!({ "type": "Tombstone", "id": note }));
        scene.bob.expect(&json!({ "event": "deleted", "ids": [came["id"]] }));
        scene.ada.command("delete", json!({ "to": news.id, "msg_ids": [sent] }));
        pia.hears("the end", is("Delete"));
    });
}
