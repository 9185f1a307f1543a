//! The pages of a channel in Debian's Chromium.

use std::env;
use std::path::PathBuf;

use serde_json::Value;

use crate::scene::{play, says};
use crate::support::{browser, skip};

/// `ROOKERY_TEST_PICTURES=DIR` keeps pictures.
#[test]
fn pages_are_for_everybody() {
    if skip::skipped(&["chromium"]) {
        return;
    }
    // Before the way out is closed.
    browser::packages();
    play("browser::pages_are_for_everybody", |mut scene| {
        let news = scene.bridged("Harbour news", "harbour_news");
        scene.follow(&news);
        scene.ada.send(news.id, "Ferries go **every hour** from today on. #ferry");
        scene.mia.hears("the post", says("Create", "every hour"));
        let post = scene.ada.send(
            news.id,
            "The longest word here is Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft, and it has to fit.",
        );
        let created = scene.mia.hears("the post", says("Create", "has to fit"));
        let page = created["object"]["url"].as_str().expect("a page").to_owned();
        let base = "https://rookery.test";
        let pages =
            [format!("{base}/@harbour_news"), page, format!("{base}/about"), format!("{base}/")];
        let pictures = env::var_os("ROOKERY_TEST_PICTURES").map(PathBuf::from);
        let texts = browser::looks_well(&pages.map(Value::from), pictures.as_deref());
        let first = &texts[0];
        assert!(
            first.contains("every hour") && first.contains("@harbour_news@rookery.test"),
            "{first}"
        );
        // The number that clients print leads there, and a feed reader finds all of it.
        let feed = scene.https("/@harbour_news/feed");
        assert!(feed.contains("has to fit") && feed.contains("<entry>"), "{feed}");
        let led = scene.https(&format!("/@harbour_news/{post}"));
        assert!(led.is_empty(), "it leads on: {led}");
    });
}
