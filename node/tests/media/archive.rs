//! `rookery archive`: what members said with published clients, read again from `result.json` by a published
//! reader of Telegram's exports, and from the pages in Chromium.

use std::fs;
use std::io::{Seek as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::scene::{PYROGRAM, Scene, TDLIB, TELETHON, noise, play, png};
use crate::support::node::{TestNode, binary};
use crate::support::process::{Guarded, run, run_with_input};
use crate::support::{install, tests_directory};

const WITHIN: Duration = Duration::from_secs(120);

/// Numbers of channels, as Telethon shows them.
const CHANNELS: i64 = -1_000_000_000_000;

/// A name that a page and a file system must not take as it is.
const EVIL: &str = "<script>alert(1)<b>.html";

/// What the node makes of it.
const TAMED: &str = "_script_alert(1)_b_.html";

fn archive(node: &TestNode, arguments: &[&str], to: &Path) -> Value {
    let mut all = vec!["archive"];
    all.extend(arguments);
    all.extend(["--json", "--to", to.to_str().unwrap()]);
    node.command(&all)
}

fn result(directory: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(directory.join("result.json")).unwrap()).unwrap()
}

/// All files below a directory, each with its mode.
fn files(directory: &Path, found: &mut Vec<(PathBuf, u32)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        found.push((path.clone(), fs::metadata(&path).unwrap().permissions().mode() & 0o777));
        if path.is_dir() {
            files(&path, found);
        }
    }
}

/// What a published reader finds in each dialog: who said what.
fn read(python: &Path, directory: &Path) -> Value {
    let mut command = Command::new(python);
    command.arg(tests_directory().join("media/read_export.py")).arg(directory.join("result.json"));
    let done = run(&mut command, WITHIN);
    assert!(done.status.success(), "{done:?}");
    serde_json::from_str(&done.stdout).unwrap()
}

/// Opens pages in Chromium as a browser shows them; none has anything wrong.
fn look(directory: &Path, pages: &[&str]) -> Vec<Value> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut server = Command::new("python3");
    server.args(["-m", "http.server", "--bind", "127.0.0.1", &port, "--directory"]).arg(directory);
    let _server = Guarded(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let pages: Vec<String> =
        pages.iter().map(|page| format!("http://127.0.0.1:{port}/{page}")).collect();
    let mut orders = tempfile::tempfile().unwrap();
    let pictures = std::env::var("ROOKERY_TEST_PICTURES").ok();
    orders
        .write_all(json!({ "pages": pages, "pictures": pictures }).to_string().as_bytes())
        .unwrap();
    orders.rewind().unwrap();
    // It is there once it takes a connection; a port that nobody listens on refuses at once.
    let begun = rookery_load::clock::now();
    while std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
        assert!(begun.elapsed() < WITHIN, "the pages are not served");
        std::thread::yield_now();
    }
    let mut looked = Command::new("node");
    looked.arg(tests_directory().join("clients/browser/look.cjs"));
    looked.current_dir(install::npm("browser", "browser"));
    let looked = run_with_input(&mut looked, orders, WITHIN);
    assert!(looked.status.success(), "{}", looked.stderr);
    let seen: Vec<Value> = serde_json::from_str(&looked.stdout).unwrap();
    for page in &seen {
        // Looked at again, a page may come from the browser's memory: 304.
        let all = page["problems"].as_array().unwrap();
        assert!(all.iter().all(|problem| problem == "status 304"), "{page}");
    }
    seen
}

/// A message of a dialog by its number.
fn by_id(dialog: &Value, id: i64) -> &Value {
    let all = dialog["messages"].as_array().unwrap();
    all.iter().find(|message| message["id"] == id).unwrap_or_else(|| panic!("no {id} in {dialog}"))
}

#[test]
fn a_member_and_a_channel_are_archived_with_all_that_they_said() {
    const TEST: &str = "archive::a_member_and_a_channel_are_archived_with_all_that_they_said";
    let python = install::python("chatpack-0.1.0", "chatpack/requirements-0.1.0.txt");
    install::npm("browser", "browser");
    play(TEST, &[&TELETHON, &PYROGRAM, &TDLIB], String::new, |mut scene| {
        let phones = phones(&mut scene);
        said_and_read_again(&mut scene, &phones, &python);
        channel_and_read_again(&mut scene, &python);
    });
}

/// Numbers of the members, as their clients show them.
fn phones(scene: &mut Scene) -> Vec<String> {
    let me = json!({ "id": [{ "_": "InputUserSelf" }] });
    let ada = scene.members[0].invoke("users.GetUsers", me);
    vec![format!("+{}", ada[0]["phone"].as_str().unwrap())]
}

fn said_and_read_again(scene: &mut Scene, phones: &[String], python: &Path) {
    let (ada, bob) = (scene.members[0].user, scene.members[1].user);
    let bold = json!([["bold", 2, 4], ["italic", 7, 2]]);
    let fields = json!({ "to": bob, "text": "A bold & <b>plain 🐦", "entities": bold });
    let first = scene.members[0].command("send", fields)["msg_id"].as_i64().unwrap();
    let first_at_bob = scene.arrives(0, 1);
    let answer = json!({ "to": ada, "text": "An answer", "reply_to": first_at_bob });
    scene.members[1].command("send", answer);
    let answer = scene.arrives(1, 0);
    let edited = scene.members[0].send(bob, "Before");
    scene.arrives(0, 1);
    scene.members[0].command("edit", json!({ "to": bob, "msg_id": edited, "text": "After" }));
    let picture = scene.file("picture.png", &png(320, 200));
    let (photo, _) = scene.send(0, 1, "photo", &json!({ "path": picture, "caption": "A picture" }));
    let content = noise(1_500_000);
    let file = scene.file("notes.bin", &content);
    let (document, _) = scene.send(0, 1, "document", &json!({ "path": file }));
    let evil = scene.file("evil", b"<script>alert(1)</script>");
    let named = json!({ "to": bob, "path": evil, "name": EVIL });
    scene.members[0].command("send_named", named);
    scene.arrives(0, 1);
    let forward = json!({ "source": bob, "to": "self", "msg_ids": [answer] });
    scene.members[0].command("forward", forward);
    // What the others say to each other is not ada's.
    let tina = scene.members[2].user;
    scene.members[1].send(tina, "Only between us");
    scene.arrives(1, 2);

    let to = scene.node.file("ada");
    let said = archive(&scene.node, &["user", "--phone", &phones[0]], &to);
    assert_eq!((&said["missing"], &said["files"]), (&json!(0), &json!(3)), "{said}");
    let mut all = Vec::new();
    files(&to, &mut all);
    for (path, mode) in &all {
        assert_eq!(*mode, if path.is_dir() { 0o700 } else { 0o600 }, "{path:?}");
        assert!(path.starts_with(&to) && !path.to_string_lossy().contains('<'), "{path:?}");
        let content = fs::read(path).unwrap_or_default();
        let hidden = b"Only between us";
        assert!(!content.windows(hidden.len()).any(|part| part == hidden), "{path:?}");
    }
    let found = result(&to);
    let own = &found["personal_information"];
    assert_eq!((&own["user_id"], &own["phone_number"]), (&json!(ada), &json!(phones[0])));
    assert_eq!(found["sessions"]["list"].as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(found["contacts"]["list"].as_array().map(Vec::len), Some(2), "{found}");

    let dialogs = found["chats"]["list"].as_array().unwrap();
    let with_bob = dialogs.iter().find(|dialog| dialog["id"] == bob).unwrap();
    assert_eq!(with_bob["type"], "personal_chat");
    let message = by_id(with_bob, first);
    assert_eq!(
        (&message["type"], &message["from_id"]),
        (&json!("message"), &json!(format!("user{ada}")))
    );
    let bold = json!({ "type": "bold", "text": "bold" });
    let italic = json!({ "type": "italic", "text": "& " });
    assert_eq!(message["text"], json!(["A ", bold, " ", italic, "<b>plain 🐦"]));
    assert_eq!(by_id(with_bob, answer)["reply_to_message_id"], first);
    let message = by_id(with_bob, edited);
    assert_eq!(message["text"], "After");
    assert!(message["edited_unixtime"].is_string(), "{message}");
    let message = by_id(with_bob, photo);
    assert_eq!(
        (&message["width"], &message["height"], &message["text"]),
        (&json!(320), &json!(200), &json!("A picture"))
    );
    let shown = fs::read(to.join(message["photo"].as_str().unwrap())).unwrap();
    assert!(shown.starts_with(&[0xff, 0xd8, 0xff]), "a JPEG");
    let message = by_id(with_bob, document);
    assert_eq!(
        (&message["file_name"], &message["file_size"]),
        (&json!("notes.bin"), &json!(1_500_000))
    );
    assert_eq!(fs::read(to.join(message["file"].as_str().unwrap())).unwrap(), content);
    let saved = dialogs.iter().find(|dialog| dialog["type"] == "saved_messages").unwrap();
    let forwarded = &saved["messages"][0];
    assert_eq!(
        (&forwarded["text"], &forwarded["forwarded_from_id"]),
        (&json!("An answer"), &json!(format!("user{bob}")))
    );

    // The same by a reader that was written for Telegram Desktop's exports.
    let by_reader = read(python, &to);
    let with_bob = &by_reader[bob.to_string()];
    let texts: Vec<&str> =
        with_bob.as_array().unwrap().iter().filter_map(|said| said[1].as_str()).collect();
    for text in ["A bold & <b>plain 🐦", "An answer", "After", "A picture"] {
        assert!(texts.contains(&text), "{text} in {by_reader}");
    }

    let pages: Vec<String> = all
        .iter()
        .filter(|(path, _)| path.ends_with("messages.html") || path.ends_with("index.html"))
        .map(|(path, _)| path.strip_prefix(&to).unwrap().to_str().unwrap().to_owned())
        .collect();
    assert!(pages.len() > 3, "{pages:?}");
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    let seen = look(&to, &pages);
    let shows = |text: &str| seen.iter().any(|page| page["text"].as_str().unwrap().contains(text));
    for text in [
        "A bold & <b>plain 🐦",
        "After",
        "edited",
        "A picture",
        "notes.bin",
        TAMED,
        "Forwarded from",
    ] {
        assert!(shows(text), "{text} is on no page: {seen:?}");
    }

    // Never over what is there, and nobody's who is not here.
    for (phone, to) in [(phones[0].as_str(), &to), ("+19990000000", &scene.node.file("nobody"))] {
        let mut again = Command::new(binary());
        again.args(["archive", "user", "--phone", phone, "--to"]).arg(to).arg("--data");
        let refused = run(again.arg(scene.node.data()), WITHIN);
        assert!(!refused.status.success() && refused.stderr.lines().count() == 1, "{refused:?}");
    }
    assert!(!scene.node.file("nobody").exists());
    assert_eq!(result(&to), found);
}

fn channel_and_read_again(scene: &mut Scene, python: &Path) {
    let picture = scene.file("ferry.png", &png(300, 300));
    let ada = &mut scene.members[0];
    let made = json!({ "title": "Harbour news", "about": "Ships", "broadcast": true });
    let made = ada.invoke("channels.CreateChannel", made);
    let number = made["chats"][0]["id"].as_i64().unwrap();
    let news = CHANNELS - number;
    let named = json!({ "channel": { "channel": news }, "username": "harbour_news" });
    ada.invoke("channels.UpdateUsername", named);
    // More than a page of the node's, and of the archive's.
    for text in 0..1010 {
        ada.send(news, &format!("Post {text}"));
    }
    let fields = json!({ "to": news, "kind": "photo", "path": picture, "caption": "The ferry" });
    ada.command("send_file", fields);
    let to = scene.node.file("news");
    let said = archive(&scene.node, &["channel", "harbour_news"], &to);
    assert_eq!((&said["messages"], &said["files"]), (&json!(1012), &json!(1)), "{said}");
    let found = result(&to);
    assert_eq!((&found["type"], &found["id"]), (&json!("public_channel"), &json!(number)));
    let messages = found["messages"].as_array().unwrap();
    assert_eq!(messages[0]["action"], "create_channel");
    let ids: Vec<i64> = messages.iter().filter_map(|message| message["id"].as_i64()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b) && ids.len() == 1012);
    // Who wrote a post is nobody's business.
    let ada = format!("user{}", scene.members[0].user);
    assert!(!found.to_string().contains(&ada), "an admin is named");
    for message in messages {
        let from = message.get("from_id").or(message.get("actor_id"));
        assert_eq!(from, Some(&json!(format!("channel{number}"))), "{message}");
    }
    let texts = read(python, &to);
    let posts: Vec<String> = texts[number.to_string()]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|said| {
            said[1].as_str().filter(|text| text.starts_with("Post ")).map(str::to_owned)
        })
        .collect();
    let wanted: Vec<String> = (0..1010).map(|text| format!("Post {text}")).collect();
    assert_eq!(posts, wanted);
    // The last page is looked at; the first one, of a thousand messages, leads there.
    let first = fs::read_to_string(to.join("messages.html")).unwrap();
    assert!(first.contains(">Post 0<") && first.contains("<a href=\"messages2.html\">"), "{first}");
    let seen = look(&to, &["messages2.html"]);
    assert!(seen.iter().all(|page| page["text"].as_str().unwrap().contains("The ferry")));
}
