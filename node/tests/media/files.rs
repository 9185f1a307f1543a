//! Every kind of file from each client to each other one.

use serde_json::{Value, json};

use crate::driver::Driver;
use crate::scene::{PYROGRAM, Scene, TDLIB, TELETHON, noise, play, png, silent_film};

/// What a kind looks like to whoever gets it, from whatever client.
fn check(from: &str, by: &str, kind: &str, seen: &Value, size: usize) {
    let what = format!("{kind} from {from} at {by}: {seen}");
    // TDLib leaves it to the node to see that a film has no sound.
    assert_eq!(seen["kind"], kind, "{what}");
    match kind {
        "photo" => {
            assert_eq!((&seen["w"], &seen["h"]), (&json!(640), &json!(480)), "{what}");
        }
        "contact" => assert_eq!(seen["name"], "Bobby", "{what}"),
        "venue" => {
            assert_eq!((&seen["name"], &seen["lat"]), (&json!("The Pier"), &json!(52.5)), "{what}")
        }
        "geo" => assert_eq!((&seen["lat"], &seen["long"]), (&json!(52.5), &json!(13.25)), "{what}"),
        "dice" => {
            assert!((1..=6).contains(&seen["value"].as_i64().unwrap_or_default()), "{what}");
        }
        _ => assert_eq!(seen["size"], size, "{what}"),
    }
    match kind {
        "document" => assert_eq!(seen["name"], "report.pdf", "{what}"),
        "voice" => {
            assert_eq!(seen["duration"], 3, "{what}");
            // Pyrogram sends none.
            if from != "pyrogram" {
                let sent: String = (0..63).map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(seen["waveform"], json!(sent), "{what}");
            }
        }
        "round" => assert_eq!((&seen["duration"], &seen["w"]), (&json!(2), &json!(240)), "{what}"),
        "video" | "gif" => {
            assert_eq!((&seen["duration"], &seen["w"]), (&json!(2), &json!(320)), "{what}");
        }
        "audio" => {
            assert_eq!(
                (&seen["duration"], &seen["title"]),
                (&json!(60), &json!("Harbour lights")),
                "{what}"
            );
        }
        _ => {}
    }
    if kind == "video" && from != "tdlib" {
        assert_eq!(seen["thumb"], true, "{what}");
    }
}

#[test]
fn files_between_clients() {
    let clients = [&TELETHON, &TDLIB, &PYROGRAM];
    play("files::files_between_clients", &clients, String::new, |mut scene| {
        let thumb = scene.file("thumb.png", &png(320, 240));
        let files: Vec<(&str, Vec<u8>, _)> = [
            ("photo", "photo.png", png(640, 480)),
            ("document", "report.pdf", noise(70_001)),
            ("voice", "voice.ogg", noise(5000)),
            ("round", "round.mp4", noise(9000)),
            ("video", "film.mp4", noise(600_000)),
            ("gif", "loop.mp4", silent_film()),
            ("audio", "song.mp3", noise(8000)),
        ]
        .into_iter()
        .map(|(kind, name, content)| {
            let path = scene.file(name, &content);
            (kind, content, path)
        })
        .collect();
        for from in 0..3 {
            for to in (0..3).filter(|to| *to != from) {
                let sender = scene.members[from].client.name;
                let receiver = scene.members[to].client.name;
                for (kind, content, path) in &files {
                    let mut more = json!({ "path": path, "caption": "look" });
                    if *kind == "video" && sender != "tdlib" {
                        more["thumb"] = json!(thumb);
                    }
                    let (own, theirs) = scene.send(from, to, kind, &more);
                    let seen = scene.describe(to, from, theirs);
                    check(sender, receiver, kind, &seen, content.len());
                    // A round film has no text.
                    if *kind != "round" {
                        assert_eq!(seen["caption"], "look", "{kind} from {sender}: {seen}");
                    }
                    let got = scene.download(to, from, theirs);
                    if *kind == "photo" {
                        assert!(got.starts_with(&[0xff, 0xd8, 0xff]), "a JPEG");
                        // TDLib shows its own photo from the file that it was given.
                        if sender != "tdlib" {
                            let sent = scene.download(from, to, own);
                            assert!(got == sent, "{sender} and {receiver} load the same");
                        }
                    } else {
                        assert!(got == *content, "{kind} from {sender} at {receiver}");
                    }
                }
                for kind in ["contact", "geo", "venue", "dice"] {
                    let (own, theirs) = scene.send(from, to, kind, &json!({}));
                    let seen = scene.describe(to, from, theirs);
                    check(sender, receiver, kind, &seen, 0);
                    if kind == "dice" {
                        let shown = scene.describe(from, to, own);
                        assert_eq!(shown["value"], seen["value"], "one throw");
                    }
                }
            }
        }
        albums(&mut scene);
        edits(&mut scene);
        for member in scene.members.iter_mut().filter(|member| member.client.name != "pyrogram") {
            no_complaints(member);
        }
    });
}

fn albums(scene: &mut Scene) {
    for (kind, contents) in [
        ("photo", [png(500, 400), png(400, 500), png(300, 300)]),
        ("document", [noise(1000), noise(2000), noise(3000)]),
    ] {
        let ending = if kind == "photo" { "png" } else { "bin" };
        for from in 0..3 {
            let to = (from + 1) % 3;
            let paths: Vec<_> = contents
                .iter()
                .enumerate()
                .map(|(at, content)| scene.file(&format!("{from}-{kind}-{at}.{ending}"), content))
                .collect();
            let captions = ["one", "two", "three"];
            let fields = json!({
                "to": scene.members[to].user, "kind": kind, "paths": paths, "captions": captions,
            });
            let sender = scene.members[from].client.name;
            let sent = scene.members[from].command("send_album", fields);
            assert_eq!(sent["msg_ids"].as_array().map(Vec::len), Some(3), "{sender}: {sent}");
            for (caption, content) in captions.iter().zip(&contents) {
                let id = scene.arrives(from, to);
                let seen = scene.describe(to, from, id);
                assert_eq!((&seen["kind"], &seen["album"]), (&json!(kind), &json!(true)), "{seen}");
                assert_eq!(seen["caption"], *caption, "{sender}: {seen}");
                if kind == "document" {
                    assert!(scene.download(to, from, id) == *content, "{sender}");
                }
            }
        }
    }
}

/// A file takes the place of another one.
fn edits(scene: &mut Scene) {
    let (before, after) = (noise(100), noise(4000));
    let old = scene.file("before.bin", &before);
    let new = scene.file("after.bin", &after);
    for (from, to) in [(0, 1), (1, 0)] {
        let (own, theirs) = scene.send(from, to, "document", &json!({ "path": old }));
        let user = scene.members[to].user;
        let fields = json!({ "to": user, "msg_id": own, "path": new, "caption": "newer" });
        scene.members[from].command("edit_file", fields);
        scene.members[to].expect(&json!({ "event": "edited", "id": theirs }));
        let seen = scene.describe(to, from, theirs);
        assert_eq!((&seen["name"], &seen["caption"]), (&json!("after.bin"), &json!("newer")));
        assert!(scene.download(to, from, theirs) == after);
    }
}

/// What TDLib says of its own messages when another session of its key learns of one before the
/// answer to its call: known, and harmless, since it takes them for the same.
const OVERTAKEN: &str = "from updateNewMessage with an awaited message";

fn no_complaints(driver: &mut Driver) {
    let log = driver.command("log", json!({}));
    let tdlib = driver.client.name == "tdlib";
    let known = |line: &Value| tdlib && line.as_str().is_some_and(|line| line.contains(OVERTAKEN));
    if log["lines"].as_array().is_none_or(|lines| !lines.iter().all(known)) {
        driver.fail(&format!("the library complains: {log}"));
    }
}

#[test]
fn files_of_all_sizes() {
    let clients = [&TELETHON, &TDLIB, &PYROGRAM];
    play("files::files_of_all_sizes", &clients, String::new, |mut scene| {
        const HALF: usize = 512 << 10;
        const TEN: usize = 10 << 20;
        // Clients refuse to send nothing by themselves; one byte is the least.
        // Pyrogram deciphers in Python: ten megabytes take it minutes, so it gets small ones. What
        // is larger than ten comes by `upload.saveBigFilePart`, from both of the others.
        for (size, from, to) in [
            (1, 0, 1),
            (HALF - 1, 1, 2),
            (HALF, 2, 0),
            (HALF + 1, 0, 1),
            (TEN - 1, 0, 1),
            (TEN, 1, 0),
            (TEN + 1, 0, 1),
            (TEN + 1, 1, 0),
        ] {
            let mut content = noise(size);
            // Bytes that TDLib has just loaded it might know again.
            content[0] ^= from as u8;
            let path = scene.file("some.bin", &content);
            let (_, theirs) = scene.send(from, to, "document", &json!({ "path": path }));
            assert!(scene.download(to, from, theirs) == content, "{size} bytes");
            if scene.members[to].client.name == "telethon" {
                let peer = scene.members[from].user;
                let fields = json!({ "peer": peer, "msg_id": theirs });
                let hashes = scene.members[to].command("hashes", fields);
                let hashes = hashes["hashes"].as_array().expect("hashes");
                assert_eq!(hashes.len(), size.div_ceil(128 << 10), "one for each 128 KiB");
            }
        }
        if std::env::var("ROOKERY_TEST").is_ok_and(|what| what == "full") {
            // The largest file, in a node whose memory stays as it was.
            let content = noise(2000 << 20);
            let path = scene.file("largest.bin", &content);
            let before = scene.node.forget_peak();
            let (_, theirs) = scene.send(0, 1, "document", &json!({ "path": path }));
            assert!(scene.download(1, 0, theirs) == content, "2 GB");
            let grown = scene.node.peak_bytes().saturating_sub(before);
            assert!(grown < 200 << 20, "the node grew by {grown} bytes");
        }
    });
}
