//! The sample objects of `fediverse-pasture-inputs`: see `tests/data/SOURCE.md`.

use serde_json::{Map, Value, json};

use super::context::PUBLIC;
use super::read::note::read_note;
use super::read::{Object, RemoteNote, Seen, What, read_activity};
use crate::text::{Foreign, from_html};

const ALL: &str = include_str!("../../tests/data/pasture.json");
const ACTOR: &str = "http://pasture-one-actor/actor";

/// The objects of one group, as the tool that they come with sends them: each on top of a note.
fn group(name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(ALL).unwrap();
    let examples = all[name].as_array().unwrap().clone();
    let whole = |example: Value| {
        let mut note = json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "type": "Note",
            "id": "http://pasture-one-actor/object/1",
            "attributedTo": ACTOR,
            "to": [PUBLIC, "http://remote.example/actor"],
            "published": "2026-11-30T08:55:00Z",
        });
        let fields: &mut Map<String, Value> = note.as_object_mut().unwrap();
        fields.extend(example.as_object().unwrap().clone());
        fields.retain(|_, value| !value.is_null());
        note
    };
    examples.into_iter().map(whole).collect()
}

fn notes(name: &str) -> Vec<Option<RemoteNote>> {
    group(name).iter().map(read_note).collect()
}

/// Those of a group of which all can be read.
fn all_notes(name: &str) -> Vec<RemoteNote> {
    notes(name).into_iter().map(Option::unwrap).collect()
}

/// Each goes through the parser, inside an activity, and its HTML through the converter.
#[test]
fn every_sample_is_read() {
    let all: Value = serde_json::from_str(ALL).unwrap();
    let mut read = 0;
    for name in all.as_object().unwrap().keys() {
        for object in group(name) {
            let activity = json!({
                "id": "http://pasture-one-actor/activity/1",
                "type": "Create",
                "actor": ACTOR,
                "object": object,
            });
            let activity = read_activity(&activity).unwrap();
            let What::Create(Object::Post(note)) = activity.what else {
                let none = ["necessary_properties", "object_types"];
                assert!(none.contains(&name.as_str()), "{name}: {object}");
                continue;
            };
            read += 1;
            let text = from_html(&note.content, &Foreign::default());
            assert!(!text.text.contains("alert("), "{text:?}");
            assert!(note.attachments.iter().all(|file| file.url.starts_with("http")));
        }
    }
    // All but three that lack what a post needs and five that are none.
    assert_eq!(read, 262 - 3 - 5);
}

#[test]
fn samples_of_who_and_to_whom() {
    assert!(all_notes("attributed_to").iter().all(|note| note.attributed_to == ACTOR));
    for note in all_notes("public_addressing") {
        assert_eq!(
            (note.to.as_slice(), note.seen()),
            ([PUBLIC.to_owned()].as_slice(), Seen::Public)
        );
    }
    let first = Some("http://pasture-one-actor/assets/note1.jsonap");
    let replies = all_notes("in_reply_to");
    let replies: Vec<_> = replies.iter().map(|note| note.in_reply_to.as_deref()).collect();
    let other = Some("http://invalid.example/");
    assert_eq!(replies, [first, other, first, first, first, None, first]);
    let needed = notes("necessary_properties");
    let read: Vec<bool> = needed.iter().map(Option::is_some).collect();
    assert_eq!(read, [true, false, true, false, false]);
    assert_eq!(needed[0].as_ref().unwrap().published_s, Some(1_796_028_900));
    assert_eq!(needed[2].as_ref().unwrap().published_s, None);
}

#[test]
fn samples_of_kinds_and_texts() {
    let kinds = notes("object_types");
    let read: Vec<Option<&str>> =
        kinds.iter().map(|note| note.as_ref().map(|note| note.kind.as_str())).collect();
    let some = |kind| Some(kind);
    let expected = [
        some("Article"),
        some("Audio"),
        some("Document"),
        some("Event"),
        some("Image"),
        some("Note"),
        some("Page"),
        None,
        None,
        None,
        None,
        some("Video"),
        some("Note"),
        None,
    ];
    assert_eq!(read, expected);
    let article = kinds[0].as_ref().unwrap();
    assert_eq!(article.name.as_deref(), Some("name"));
    assert_eq!(article.summary.as_deref(), Some("summary"));
    let warned = all_notes("content_warnings");
    let warned: Vec<_> = warned.iter().map(|n| (n.sensitive, n.summary.as_deref())).collect();
    let summary = Some("summary");
    assert_eq!(
        warned,
        [
            (true, None),
            (false, summary),
            (true, summary),
            (false, None),
            (true, None),
            (false, None),
            (false, None)
        ]
    );
    let said = all_notes("language");
    let said: Vec<_> = said.iter().map(|n| (n.content.as_str(), n.language.as_deref())).collect();
    // Of two that are both not the content, neither is its language.
    let first = [
        ("text", None),
        ("text", Some("de")),
        ("text", Some("en")),
        ("text", None),
        ("text", None),
    ];
    assert_eq!(said[..5], first);
    let pairs = [("Deutsch", Some("de")), ("English", Some("en"))];
    assert_eq!(said[5..7], pairs);
    // Of two without a content one is taken, with its own language. A map may have no order.
    assert!(said[7..].iter().all(|said| pairs.contains(said)), "{said:?}");
}

#[test]
fn samples_of_tags() {
    let words: Vec<Vec<String>> =
        all_notes("hashtags").into_iter().map(|note| note.hashtags).collect();
    assert_eq!(words[0], ["test"]);
    assert_eq!(words[1], ["nohash"]);
    assert_eq!(words[8], ["ümläütß"]);
    assert!(words.iter().all(|words| words.len() == 1));
    let typed: Vec<usize> =
        all_notes("hashtag_jsonld").iter().map(|note| note.hashtags.len()).collect();
    assert_eq!(typed, [1, 1, 0, 1, 1]);
    let mentions = all_notes("mentions");
    let counts: Vec<usize> = mentions.iter().map(|note| note.mentions.len()).collect();
    assert_eq!(counts, [1, 1, 1, 1, 1, 1, 1, 1, 0, 1]);
    assert_eq!(mentions[0].mentions[0].href, ACTOR);
    assert_eq!(mentions[0].mentions[0].name.as_deref(), Some("@actor@test_server"));
    assert_eq!(mentions[3].mentions[0].name, None);
    let quoted = Some("http://pasture-one-actor/assets/note1.jsonap");
    assert!(all_notes("quotes").iter().all(|note| note.quote.as_deref() == quoted));
}

#[test]
fn samples_of_files_and_pages() {
    let counts: Vec<usize> =
        all_notes("attachments").iter().map(|note| note.attachments.len()).collect();
    assert_eq!(counts, [1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 10]);
    let cow = &all_notes("attachments")[0].attachments[0];
    assert_eq!((cow.kind.as_str(), cow.media_type.as_deref()), ("Image", Some("image/jpeg")));
    assert_eq!(cow.name.as_deref(), Some("a cow"));
    assert_eq!(cow.url, "http://pasture-one-actor/assets/cow.jpg");
    let images = all_notes("image_attachments");
    let urls: Vec<_> =
        images.iter().map(|note| note.attachments.first().map(|file| file.url.as_str())).collect();
    assert_eq!(urls[11], Some("http://pasture-one-actor/images/005.png"), "no type");
    assert_eq!(urls[12], Some("http://pasture-one-actor/images/006.png"));
    assert_eq!(urls[14], Some("http://pasture-one-actor/images/006c.png"));
    assert_eq!(urls[15], Some("http://pasture-one-actor/images/007.png"));
    assert_eq!(urls[16], None, "only the web");
    assert_eq!(images[10].attachments[0].width, Some(13));
    assert_eq!(images[13].attachments[0].media_type.as_deref(), Some("image/png"));
    let described = all_notes("image_description");
    let names: Vec<_> = described.iter().map(|n| n.attachments[0].name.as_deref()).collect();
    assert_eq!(names, [None, Some("name"), Some("name"), None]);
    let video = &all_notes("recommended_attachments")[3].attachments[0];
    assert_eq!(video.media_type.as_deref(), Some("video/mp4"));
    let pages: Vec<_> = all_notes("url").into_iter().map(|note| note.url.unwrap()).collect();
    let html = "http://html.example/objects/123";
    assert_eq!(pages[0], "http://remote.example/objects/123");
    assert_eq!(pages[2], "http://remote.example/objects/123");
    for at in [4, 6, 7, 8, 9, 10] {
        assert_eq!(pages[at], html, "{at}");
    }
    assert_eq!(pages[11], "https://notype.example/");
}

#[test]
fn samples_of_html() {
    let text = |html: &str| from_html(html, &Foreign::default());
    for note in all_notes("html_anchor") {
        let text = text(&note.content);
        assert_eq!(text.entities.len(), 1, "{}", note.content);
    }
    let tags: Vec<String> =
        all_notes("html_tags").iter().map(|note| text(&note.content).text).collect();
    assert!(tags.iter().all(|text| !text.contains('<')), "{tags:?}");
}
