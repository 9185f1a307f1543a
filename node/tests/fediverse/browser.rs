//! The pages of a channel in Debian's Chromium.

use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use serde_json::{Value, json};

use crate::scene::{play, says};
use crate::support::{install, process, skip, tests_directory};

/// Opening four pages in four ways takes ten seconds on a quiet machine.
const WITHIN: Duration = Duration::from_secs(120);

/// Looks at pages, and takes pictures of them into a directory.
fn look(pages: &[String], pictures: Option<&str>) -> Vec<Value> {
    assert!(
        Path::new("/usr/bin/chromium").exists(),
        "pages are looked at in Chromium: apt-get install -y --no-install-recommends chromium"
    );
    let directory = install::npm("browser", "browser");
    let mut orders = tempfile::tempfile().expect("a temporary file");
    let wanted = json!({ "pages": pages, "pictures": pictures });
    std::io::Write::write_all(&mut orders, wanted.to_string().as_bytes()).expect("write");
    std::io::Seek::rewind(&mut orders).expect("rewind");
    let looked = process::run_with_input(
        Command::new("node")
            .arg(tests_directory().join("clients/browser/look.cjs"))
            .current_dir(directory),
        orders,
        WITHIN,
    );
    assert!(looked.status.success(), "{}", looked.stderr);
    serde_json::from_str(&looked.stdout).expect("what it saw")
}

/// `ROOKERY_TEST_PICTURES=DIR` keeps pictures.
#[test]
fn pages_are_for_everybody() {
    if skip::skipped(&["chromium"]) {
        return;
    }
    // Before the way out is closed.
    install::npm("browser", "browser");
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
        let pictures = env::var("ROOKERY_TEST_PICTURES").ok();
        if let Some(directory) = &pictures {
            fs::create_dir_all(directory).expect("a directory");
        }
        let looks = look(&pages, pictures.as_deref());
        assert_eq!(looks.len(), 16);
        for seen in &looks {
            assert_eq!(seen["problems"], json!([]), "{seen:#}");
        }
        let first = looks[0]["text"].as_str().expect("text");
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
