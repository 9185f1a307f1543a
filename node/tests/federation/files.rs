//! Files that lie on another node.

use serde_json::{Value, json};

use crate::driver::{Driver, SOON};
use crate::lies::Liar;
use crate::two::{Two, play};

/// Two chunks, and not a whole number of anything.
const BYTES: usize = 700_001;
const PART: usize = 512 * 1024;

#[test]
fn other_bytes_are_not_taken_for_it() {
    play("files::other_bytes_are_not_taken_for_it", true, lies);
}

/// How: a third node shows ada's file as its own, so that it is asked first; it has other bytes for it.
fn lies(mut two: Two) {
    let talk = two.make("Harbour talk", "harbour_talk", false);
    two.join("harbour_talk");
    send(&mut two.ada, talk);
    document(&mut two.bob, "the chart");
    let mut liar = Liar::start("chunks", &two.a, &two.b);
    liar.act();
    let shown = document(&mut two.bob, "the chart of mine");
    assert_eq!(load(&mut two.bob, &shown), bytes());
    let asked = liar.act();
    assert_eq!((&asked["manifests"], &asked["chunks"]), (&json!(1), &json!(2)), "{asked}");
    // What nobody has is not to be had, and nothing else in its place.
    let shown = document(&mut two.bob, "a chart of nobody");
    let part = json!({ "location": location(&shown), "offset": 0, "limit": PART });
    let refused = two.bob.invoke_refused("upload.GetFile", part);
    assert_eq!(refused, (400, "LOCATION_INVALID".into()));
    let asked = liar.act();
    assert_eq!(asked["manifests"], 2, "{asked}");
}

#[test]
fn a_file_is_loaded_from_the_node_where_it_lies() {
    play("files::a_file_is_loaded_from_the_node_where_it_lies", true, scene);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes() -> Vec<u8> {
    (0..BYTES).map(|at| (at * 31 % 251) as u8).collect()
}

/// Sends a document by the raw API.
fn send(driver: &mut Driver, to: i64) {
    let all = bytes();
    let parts: Vec<&[u8]> = all.chunks(PART).collect();
    for (at, part) in parts.iter().enumerate() {
        let saved = json!({ "file_id": 77, "file_part": at, "bytes": { "hex": hex(part) } });
        assert_eq!(driver.invoke("upload.SaveFilePart", saved), true);
    }
    let file = json!({ "_": "InputFile", "id": 77, "parts": parts.len(), "name": "chart.bin",
        "md5_checksum": "" });
    let name = json!({ "_": "DocumentAttributeFilename", "file_name": "chart.bin" });
    let media = json!({ "_": "InputMediaUploadedDocument", "file": file, "attributes": [name],
        "mime_type": "application/octet-stream" });
    driver.invoke(
        "messages.SendMedia",
        json!({ "peer": { "peer": to }, "media": media, "message": "the chart", "random_id": 88 }),
    );
}

fn location(document: &Value) -> Value {
    json!({ "_": "InputDocumentFileLocation", "id": document["id"],
        "access_hash": document["access_hash"], "file_reference": document["file_reference"],
        "thumb_size": "" })
}

/// The document of a message that comes.
fn document(driver: &mut Driver, words: &str) -> Value {
    let came = driver.expect_event(words, 2 * SOON, |event| {
        event["_"] == "UpdateNewChannelMessage" && event["message"]["message"] == words
    });
    came["message"]["media"]["document"].clone()
}

/// The whole of a document, in parts.
fn load(driver: &mut Driver, document: &Value) -> Vec<u8> {
    let location = location(document);
    let mut loaded = Vec::new();
    while loaded.len() < BYTES {
        let asked = json!({ "location": location, "offset": loaded.len(), "limit": PART });
        let part = driver.invoke("upload.GetFile", asked);
        let hex = part["bytes"]["hex"].as_str().expect("bytes");
        let digits = hex.as_bytes().chunks(2);
        let more = digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16));
        let before = loaded.len();
        loaded.extend(more.map(Result::unwrap));
        assert!(loaded.len() > before, "{part}");
    }
    loaded
}

fn scene(mut two: Two) {
    let talk = two.make("Harbour talk", "harbour_talk", false);
    let there = two.join("harbour_talk");
    send(&mut two.ada, talk);
    let came = two.bob.expect_event("the chart", SOON, |event| {
        event["_"] == "UpdateNewChannelMessage" && event["message"]["message"] == "the chart"
    });
    let document = came["message"]["media"]["document"].clone();
    assert_eq!(
        (&document["size"], &document["mime_type"]),
        (&json!(BYTES), &json!("application/octet-stream")),
        "{came}"
    );
    assert_eq!(load(&mut two.bob, &document), bytes());
    // Once it is here nobody else is asked: it loads while the line is cut, also after a restart.
    two.line.cut();
    two.b.kill_and_restart();
    two.bob.settle();
    let again = two.bob.invoke(
        "channels.GetMessages",
        json!({ "channel": { "channel": there },
            "id": [{ "_": "InputMessageID", "id": came["message"]["id"] }] }),
    );
    assert_eq!(load(&mut two.bob, &again["messages"][0]["media"]["document"]), bytes());
}
