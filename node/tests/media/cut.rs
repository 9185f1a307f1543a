//! The node is killed while files come and go.

use serde_json::json;

use crate::scene::{TDLIB, TELETHON, noise, play};

#[test]
fn files_outlive_a_killed_node() {
    let clients = [&TELETHON, &TDLIB];
    play("cut::files_outlive_a_killed_node", &clients, String::new, |mut scene| {
        let content = noise(6 << 20);
        let path = scene.file("half.bin", &content);
        // The pictures of reactions come with the node.
        let bundled = scene.node.command(&["media", "usage", "--json"]);
        let bundled = bundled["bytes"].as_i64().expect("a number");
        // Some parts are there; then the node dies, and the client goes on where it was.
        scene.members[0].command("upload_parts", json!({ "path": path, "parts": 20 }));
        scene.node.kill_and_restart();
        let fields = json!({ "to": scene.members[1].user, "path": path, "parts": 20 });
        scene.members[0].command("finish_upload", fields);
        let theirs = scene.arrives(0, 1);
        assert!(scene.download(1, 0, theirs) == content, "byte for byte");
        // What one has of a file is followed by the rest, though the node died between.
        let bob = scene.members[1].user;
        let own = scene.members[0].history(bob, 1, 0);
        let own = own[0]["id"].as_i64().expect("an id");
        let got = scene.node.file("got.bin");
        let peer = scene.members[1].user;
        let fields = json!({ "peer": peer, "msg_id": own, "path": got });
        scene.members[0].command("download_begin", fields);
        scene.node.kill_and_restart();
        scene.members[0].command("download_rest", json!({}));
        assert!(std::fs::read(&got).expect("what was loaded") == content, "byte for byte");
        // By TDLib, of another file.
        let content = noise(5 << 20);
        let path = scene.file("other.bin", &content);
        let (_, theirs) = scene.send(0, 1, "document", &json!({ "path": path }));
        let got = scene.node.file("got.bin");
        let peer = scene.members[0].user;
        let fields = json!({ "peer": peer, "msg_id": theirs, "path": got });
        scene.members[1].command("download_begin", fields);
        scene.node.kill_and_restart();
        scene.members[1].command("download_rest", json!({}));
        assert!(std::fs::read(&got).expect("what was loaded") == content, "byte for byte");
        // Nothing is left over that belongs to no file: neither now nor for the operator.
        let cleared = scene.node.command(&["media", "collect", "--dry-run", "--json"]);
        assert_eq!((&cleared["files"], &cleared["orphans"]), (&json!(0), &json!(0)), "{cleared}");
        let usage = scene.node.command(&["media", "usage", "--json"]);
        let bytes = usage["bytes"].as_i64().expect("a number") - bundled;
        assert_eq!(bytes, (6 << 20) + (5 << 20), "{usage}");
    });
}
