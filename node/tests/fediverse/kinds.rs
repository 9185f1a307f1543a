//! What kinds of posts become: pictures, files, words that refer to others, and their ends.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::files::{WEBP, sticker};
use crate::scene::{Bridged, CHANNELS, Scene, is, play_with, says};
use crate::uploads::{noise, png, silent_film};

/// Bytes that others get of one file.
const BYTES_MAX: usize = 100_000;

fn play(test: &str, body: impl FnOnce(Scene, Bridged)) {
    play_with(test, &format!("media_bytes_max = {BYTES_MAX}\n"), |mut scene| {
        let news = scene.bridged("Harbour news", "harbour_news");
        scene.follow(&news);
        body(scene, news);
    });
}

impl Scene {
    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.node.file(name);
        fs::write(&path, content).expect("write a file");
        path
    }

    /// Ada posts a file; what mia hears of it.
    fn posts_file(&mut self, to: i64, kind: &str, path: &PathBuf, caption: &'static str) -> Value {
        self.ada.command(
            "send_file",
            json!({ "to": to, "kind": kind, "path": path, "caption": caption }),
        );
        self.told(caption)
    }

    /// A post that mia hears of, as it is served: what comes to her is what Fedify has made of it.
    fn told(&mut self, words: &'static str) -> Value {
        let created = self.mia.hears(words, says("Create", words));
        let note = self.mia.fetch(created["object"]["id"].as_str().expect("an id"));
        assert_eq!(note["content"], created["object"]["content"]);
        let count = |note: &Value| match &note["attachment"] {
            Value::Array(all) => all.len(),
            one => usize::from(one.is_object()),
        };
        assert_eq!(count(&note), count(&created["object"]), "{created}");
        note
    }

    /// A file is there for anybody, whole and in parts, as what it is said to be.
    fn is_served(&mut self, attachment: &Value, content: Option<&[u8]>) {
        let url = attachment["url"].as_str().expect("an address");
        let whole = self.mia.get(url, &json!({}));
        assert_eq!(whole["status"], 200, "{whole}");
        let headers = &whole["headers"];
        assert_eq!(headers["content-type"], attachment["mediaType"], "{headers}");
        assert_eq!(headers["content-length"], whole["length"].to_string(), "{headers}");
        assert_eq!(headers["accept-ranges"], "bytes");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{headers}");
        if let Some(content) = content {
            assert_eq!(whole["length"], content.len());
        }
        let part = self.mia.get(url, &json!({ "range": "bytes=10-29" }));
        assert_eq!(part["status"], 206, "{part}");
        assert_eq!(part["length"], 20);
        let range = format!("bytes 10-29/{}", whole["length"]);
        assert_eq!(part["headers"]["content-range"], range);
        assert_eq!(part["headers"]["content-type"], attachment["mediaType"]);
        let behind = format!("bytes={}-", whole["length"]);
        assert_eq!(self.mia.get(url, &json!({ "range": behind }))["status"], 416);
    }
}

/// Of each file that comes with a note.
fn each<'a>(note: &'a Value, name: &str) -> Vec<&'a Value> {
    let all = note["attachment"].as_array().expect("a list");
    all.iter().map(|one| &one[name]).collect()
}

#[test]
fn pictures_come_with_words_for_them_and_albums_as_one() {
    play("kinds::pictures_come_with_words_for_them_and_albums_as_one", |mut scene, news| {
        let path = scene.file("gull.png", &png(640, 480));
        let caption = "CW: Gulls\nLook at it\nALT: A gull on a pole\nLANG: en";
        let photo = json!({ "to": news.id, "kind": "photo", "path": path, "caption": caption });
        scene.ada.command("send_file", photo);
        let note = &scene.told("Look at it");
        assert_eq!(note["content"], "<p>Look at it</p>", "{note}");
        assert_eq!(note["contentMap"], json!({ "en": "<p>Look at it</p>" }));
        assert_eq!((&note["summary"], &note["sensitive"]), (&json!("Gulls"), &json!(true)));
        let [picture] = &note["attachment"].as_array().expect("a list")[..] else {
            panic!("one picture: {note}")
        };
        assert_eq!(picture["type"], "Image");
        assert_eq!(picture["mediaType"], "image/jpeg");
        assert_eq!(picture["name"], "A gull on a pole");
        assert_eq!((&picture["width"], &picture["height"]), (&json!(640), &json!(480)));
        scene.is_served(picture, None);

        // An album is one post, with what is said to each.
        let widths: Vec<u32> = (0..6).map(|number| 300 + number * 10).collect();
        let path = |width: &u32| scene.file(&format!("{width}.png"), &png(*width, 200));
        let paths: Vec<PathBuf> = widths.iter().map(path).collect();
        let captions = ["Six of them", "", "", "The fourth", "", ""];
        let album = json!({ "to": news.id, "kind": "photo", "paths": paths, "captions": captions });
        let sent = scene.ada.command("send_album", album);
        let ids: Vec<i64> =
            sent["msg_ids"].as_array().expect("ids").iter().filter_map(Value::as_i64).collect();
        let note = &scene.told("Six of them");
        let id = note["id"].as_str().expect("an id").to_owned();
        assert_eq!(json!(each(note, "width")), json!(widths), "{note}");
        let names = json!([null, null, null, "The fourth", null, null]);
        assert_eq!(json!(each(note, "name")), names);
        let content = note["content"].as_str().expect("text");
        let more = format!(
            "<p>+2 more: <a href=\"{}\">all of them</a></p>",
            note["url"].as_str().expect("a page")
        );
        assert_eq!(content, format!("<p>Six of them</p>{more}"));
        for picture in note["attachment"].as_array().expect("a list") {
            scene.is_served(picture, None);
        }
        assert!(!scene.mia.has_heard(is("Create")), "an album is told once");

        // One of it goes: that is an edit of the post.
        let gone = each(note, "url")[2].as_str().expect("an address").to_owned();
        scene.ada.command("delete", json!({ "to": news.id, "msg_ids": [ids[2]] }));
        let updated = scene
            .mia
            .hears("what is left", |came| came["type"] == "Update" && came["object"]["id"] == *id);
        let left = &updated["object"];
        assert_eq!(json!(each(left, "width")), json!([300, 310, 330, 340, 350]), "{left}");
        assert_eq!(left["published"], note["published"]);
        let at = left["updated"].as_str().expect("others take it for no edit without");
        assert!(Some(at) >= note["published"].as_str(), "{left}");
        assert_eq!(scene.mia.get(&gone, &json!({}))["status"], 404);

        // The first one goes: the post that it gave its name, and the rest is a post.
        scene.ada.command("delete", json!({ "to": news.id, "msg_ids": [ids[0]] }));
        scene
            .mia
            .hears("the end of it", |came| came["type"] == "Delete" && came["object"]["id"] == *id);
        let rest = scene.told("The fourth");
        assert_eq!(json!(each(&rest, "width")), json!([310, 330, 340, 350]), "{rest}");
        assert_ne!(rest["id"], *id);
        let accept = json!({ "accept": "application/activity+json" });
        assert_eq!(scene.mia.get(&id, &accept)["status"], 410);
    });
}

#[test]
fn files_are_served_and_large_ones_are_links() {
    play("kinds::files_are_served_and_large_ones_are_links", |mut scene, news| {
        let film = silent_film();
        for (kind, file, caption, of, mime, duration, name) in [
            ("video", "ferry.mp4", "A film", "Video", "video/mp4", "PT2S", json!("ferry.mp4")),
            ("round", "round.mp4", "Around", "Video", "video/mp4", "PT2S", json!("round.mp4")),
            ("voice", "word.ogg", "A word", "Audio", "audio/ogg", "PT3S", json!("word.ogg")),
            (
                "audio",
                "song.mp3",
                "A song",
                "Audio",
                "audio/mpeg",
                "PT60S",
                json!("Harbour lights – The Rooks"),
            ),
        ] {
            let path = scene.file(file, &film);
            let note = scene.posts_file(news.id, kind, &path, caption);
            let [shown] = &note["attachment"].as_array().expect("a list")[..] else {
                panic!("one file: {note}")
            };
            assert_eq!(
                (&shown["type"], &shown["mediaType"]),
                (&json!(of), &json!(mime)),
                "{shown}"
            );
            assert_eq!((&shown["duration"], &shown["name"]), (&json!(duration), &name), "{shown}");
            scene.is_served(shown, Some(&film));
        }

        // A document is a link in the text too, and is saved, not shown.
        let content = noise(30_000);
        let path = scene.file("tides.pdf", &content);
        let note = scene.posts_file(news.id, "document", &path, "The tides");
        let shown = &note["attachment"][0];
        assert_eq!(
            (&shown["type"], &shown["mediaType"]),
            (&json!("Document"), &json!("application/pdf"))
        );
        assert_eq!(shown["name"], "tides.pdf");
        let url = shown["url"].as_str().expect("an address");
        let link = format!("<p><a href=\"{url}\">tides.pdf</a></p>");
        assert_eq!(note["content"], format!("<p>The tides</p>{link}"));
        scene.is_served(shown, Some(&content));
        let headers = scene.mia.get(url, &json!({}))["headers"].clone();
        assert_eq!(headers["content-disposition"], "attachment", "{headers}");
        // What a browser would run is bytes.
        let path = scene.file("page.html", b"<script>alert(1)</script> and so on, and on");
        let note = scene.posts_file(news.id, "document", &path, "A page");
        assert_eq!(note["attachment"][0]["mediaType"], "application/octet-stream", "{note}");
        scene.is_served(&note["attachment"][0], None);

        // What is too large is on the page of the post.
        let path = scene.file("charts.bin", &noise(BYTES_MAX + 1));
        let note = scene.posts_file(news.id, "document", &path, "All charts");
        assert_eq!(note["attachment"], json!([]), "{note}");
        let page = note["url"].as_str().expect("a page");
        let link = format!("<p>File: <a href=\"{page}\">charts.bin</a></p>");
        assert_eq!(note["content"], format!("<p>All charts</p>{link}"));
        let shown = scene.mia.get(page, &json!({ "accept": "text/html" }));
        assert_eq!(shown["status"], 200, "{shown}");
        assert!(shown["text"].as_str().is_some_and(|text| text.contains("charts.bin")), "{shown}");
    });
}

/// What was forwarded from another bridged channel is that post there, shared.
#[test]
fn forwards_of_bridged_posts_are_shares() {
    play("kinds::forwards_of_bridged_posts_are_shares", |mut scene, news| {
        let town = scene.bridged("Town news", "town_news");
        scene.follow(&town);
        let post = scene.ada.send(town.id, "The market is on");
        let created = scene.mia.hears("the post", says("Create", "market"));
        let object = created["object"]["id"].as_str().expect("an id").to_owned();
        let forward = json!({ "source": town.id, "to": news.id, "msg_ids": [post] });
        scene.ada.command("forward", forward);
        let shared = scene.mia.hears("the share", is("Announce"));
        assert_eq!((&shared["object"], &shared["actor"]), (&json!(object), &json!(news.actor)));
        let share = shared["id"].as_str().expect("an id").to_owned();

        // It is found as that, and is no post of its own.
        assert_eq!(scene.mia.fetch(&share)["object"], object);
        let place = share.rsplit_once('/').and_then(|(place, _)| place.rsplit_once('/'));
        let (place, _) = place.expect("the place of the post");
        let got = scene.mia.get(place, &json!({ "accept": "application/activity+json" }));
        assert_eq!((&got["status"], &got["headers"]["location"]), (&json!(303), &json!(object)));
        let outbox = json!({ "do": "collect", "uri": format!("{}/outbox", news.actor) });
        let listed = scene.mia.does(&outbox);
        let all = listed.as_array().expect("a list");
        assert!(all.iter().any(|one| one["type"] == "Announce" && one["id"] == share), "{listed}");
        let featured = scene.mia.fetch(&format!("{}/featured", news.actor));
        assert!(!featured.to_string().contains("market"), "{featured}");

        // The forward goes, also over a kill, and the post stays.
        let shown = scene.ada.history(news.id, 10, 0);
        let forwarded = shown.iter().find(|one| one["text"] == "The market is on");
        let id = forwarded.expect("the forward")["id"].clone();
        scene.node.kill_and_restart();
        scene.ada.command("delete", json!({ "to": news.id, "msg_ids": [id] }));
        let undone = scene.mia.hears("the end of it", is("Undo"));
        assert_eq!(
            (&undone["object"]["id"], &undone["object"]["type"]),
            (&json!(share), &json!("Announce"))
        );
        assert!(scene.mia.asks(&json!({ "do": "fetch", "uri": share })).is_err());
        assert_eq!(scene.mia.fetch(&object)["type"], "Note");

        // What has other words by now is not what was forwarded.
        let post = scene.ada.send(town.id, "The market is over");
        scene.mia.hears("the post", says("Create", "is over"));
        let edit = json!({ "to": town.id, "msg_id": post, "text": "The market is over for good" });
        scene
            .ada
            .command("forward", json!({ "source": town.id, "to": news.id, "msg_ids": [post] }));
        let shared = scene.mia.hears("the share", is("Announce"));
        scene.ada.command("edit", edit);
        let updated = scene.mia.hears("the edit", says("Update", "for good"));
        assert_eq!(updated["object"]["id"], shared["object"]);
        assert!(!scene.mia.has_heard(is("Undo")));
    });
}

#[test]
fn words_refer_to_others_and_end() {
    play("kinds::words_refer_to_others_and_end", |mut scene, news| {
        // Of a channel that is not bridged only what it is called is told.
        let other = scene.channel("Other <news>", "other_news");
        let there = scene.ada.send(other, "From over there");
        scene.ada.command("forward", json!({ "source": other, "to": news.id, "msg_ids": [there] }));
        let forwarded = scene.mia.hears("the forward", says("Create", "over there"));
        assert_eq!(
            forwarded["object"]["content"],
            "<p>Forwarded from Other &lt;news&gt;</p><p>From over there</p>"
        );

        let first = scene.ada.send(news.id, "The ferry is late, and so is the bus");
        let told = scene.mia.hears("the first", says("Create", "so is the bus"));
        let post = told["object"]["id"].clone();
        assert_eq!(told["object"]["inReplyTo"], Value::Null);
        scene.ada.send_with(news.id, "It came", json!({ "reply_to": first }));
        let reply = scene.mia.hears("the reply", says("Create", "It came"));
        assert_eq!(reply["object"]["inReplyTo"], post, "{reply}");
        scene.ada.invoke(
            "messages.SendMessage",
            json!({
                "peer": { "peer": news.id }, "message": "Still late", "random_id": 11,
                "reply_to": { "_": "InputReplyToMessage", "reply_to_msg_id": first,
                    "quote_text": "so is the bus", "quote_offset": 22,
                    "quote_entities": [{ "_": "MessageEntityBold", "offset": 10, "length": 3 }] },
            }),
        );
        let quoting = scene.mia.hears("the quote", says("Create", "Still late"));
        assert_eq!(quoting["object"]["inReplyTo"], post, "{quoting}");
        assert_eq!(
            quoting["object"]["content"],
            "<blockquote><p>so is the <strong>bus</strong></p></blockquote><p>Still late</p>"
        );

        let hidden = json!({ "entities": [["spoiler", 11, 6]] });
        scene.ada.send_with(news.id, "The end is: murder", hidden);
        let told = scene.mia.hears("the secret", says("Create", "The end"));
        let note = &told["object"];
        assert_eq!(note["sensitive"], true, "{note}");
        assert!(note["summary"].as_str().is_some_and(|said| !said.is_empty()), "{note}");
        assert!(!note["summary"].to_string().contains("murder"));

        scene.ada.send(news.id, "All about #Ferries and #bäume");
        let told = scene.told("All about");
        let tags = told["tag"].as_array().expect("a list");
        let names: Vec<&Value> = tags.iter().map(|tag| &tag["name"]).collect();
        assert_eq!(names, ["#Ferries", "#bäume"], "{told}");
        let page = "https://rookery.test/@harbour_news";
        assert!(tags.iter().all(|tag| tag["type"] == "Hashtag" && tag["href"] == page), "{told}");
        assert_eq!(scene.mia.get(page, &json!({ "accept": "text/html" }))["status"], 200);

        scene.ada.invoke(
            "messages.SendMessage",
            json!({
                "peer": { "peer": news.id }, "message": "Look 🐦 there", "random_id": 12,
                "entities": [{ "_": "MessageEntityCustomEmoji", "offset": 5, "length": 2,
                    "document_id": 4711 }],
            }),
        );
        let told = scene.mia.hears("the bird", says("Create", "Look"));
        assert_eq!(told["object"]["content"], "<p>Look 🐦 there</p>");

        emoji(&mut scene, &news);
        ends(scene, &news);
    });
}

/// A custom emoji that stands still is a picture at other servers, too.
fn emoji(scene: &mut Scene, news: &Bridged) {
    let file = sticker(&mut scene.ada, 4, WEBP);
    let item = json!({ "_": "InputStickerSetItem", "document": file, "emoji": "❤" });
    let set = json!({ "user_id": { "_": "InputUserSelf" }, "title": "Marks", "short_name": "Marks",
        "stickers": [item], "emojis": true });
    let set = scene.ada.invoke("stickers.CreateStickerSet", set);
    let number = set["documents"][0]["id"].as_i64().expect("a number");
    let at = |offset: i32| json!({ "_": "MessageEntityCustomEmoji", "offset": offset, "length": 1, "document_id": number });
    let message = json!({ "peer": { "peer": news.id }, "message": "All of ❤❤it", "random_id": 13,
        "entities": [at(7), at(8)] });
    scene.ada.invoke("messages.SendMessage", message);
    let told = scene.told("All of");
    let name = format!(":e{number:x}:");
    // Names are read where they stand alone.
    let content = format!("<p>All of {name}\u{200b}{name}\u{200b}it</p>");
    assert_eq!(told["content"], content, "{told}");
    let [tag] = &told["tag"].as_array().expect("a list")[..] else { panic!("one tag: {told}") };
    assert_eq!((&tag["type"], &tag["name"]), (&json!("Emoji"), &json!(name)));
    scene.is_served(&tag["icon"], Some(WEBP));
    // On its page it is the emoji that it stands for.
    let page = told["url"].as_str().expect("a page");
    let shown = scene.mia.get(page, &json!({ "accept": "text/html" }));
    assert!(shown["text"].as_str().is_some_and(|text| text.contains("All of ❤❤it")), "{shown}");
}

/// A poll is closed, and a post is taken down.
fn ends(mut scene: Scene, news: &Bridged) {
    let text = |text: &str| json!({ "_": "TextWithEntities", "text": text, "entities": [] });
    let answer = |words: &str, option: &str| json!({ "_": "PollAnswer", "text": text(words), "option": { "hex": option } });
    let poll = |closed: bool| {
        json!({ "_": "InputMediaPoll", "poll": {
            "_": "Poll", "id": 0, "hash": 0, "question": text("Ferry or bridge?"),
            "answers": [answer("Ferry", "30"), answer("Bridge", "31")], "closed": closed,
        } })
    };
    let sent = scene.ada.invoke(
        "messages.SendMedia",
        json!({ "peer": { "peer": news.id }, "media": poll(false), "message": "", "random_id": 7 }),
    );
    let updates = sent["updates"].as_array().expect("updates");
    let id = updates.iter().find_map(|update| update["message"]["id"].as_i64()).expect("an id");
    let asked = scene.mia.hears("the question", |came| came["object"]["type"] == "Question");
    assert_eq!(asked["type"], "Create");
    assert_eq!(asked["object"]["closed"], Value::Null, "{asked}");
    let question = asked["object"]["id"].as_str().expect("an id").to_owned();
    scene.ada.invoke(
        "messages.EditMessage",
        json!({ "peer": { "peer": news.id }, "id": id, "media": poll(true) }),
    );
    let closed = scene.mia.hears("the end of it", |came| {
        came["type"] == "Update" && came["object"]["id"] == *question
    });
    assert!(closed["object"]["closed"].is_string(), "{closed}");
    let served = scene.mia.fetch(&question);
    assert_eq!(served["closed"], closed["object"]["closed"], "{served}");

    let bad = scene.ada.send(news.id, "Secrets of others");
    let told = scene.mia.hears("the secret", says("Create", "Secrets"));
    let post = told["object"]["id"].as_str().expect("an id").to_owned();
    let done =
        scene.node.command(&["takedown", "message", "harbour_news", &bad.to_string(), "--json"]);
    assert_eq!(done["channel"], CHANNELS - news.id, "{done}");
    scene.mia.hears("its end", |came| came["type"] == "Delete" && came["object"]["id"] == *post);
    let accept = json!({ "accept": "application/activity+json" });
    let gone = scene.mia.get(&post, &accept);
    assert_eq!(gone["status"], 410, "{gone}");
    assert!(gone["text"].as_str().is_some_and(|text| text.contains("Tombstone")), "{gone}");
    assert!(!gone["text"].to_string().contains("Secrets"));
    let page = told["object"]["url"].as_str().expect("a page");
    assert_eq!(scene.mia.get(page, &json!({ "accept": "text/html" }))["status"], 410);
}
