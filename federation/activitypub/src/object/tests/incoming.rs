use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::read::activity::Incoming;
use super::super::read::json::web_id;
use super::super::read::note::read_note;
use super::super::read::{Object, Seen, What, read_activity, read_actor, same_host};
use super::documents::channel;
use super::*;
use crate::guard::check_json;

/// All that is sent is read by our own reader as what it is.
#[test]
fn activities_are_read_as_what_they_are() {
    let us = ids().url(&Place::Actor(CID));
    let followers = ids().url(&Place::Followers(CID));
    let post_id = ids().url(&Place::Post(CID, MID));
    let public = Activity::public(
        ids().url(&Place::PostActivity(CID, MID, 1)),
        us.clone(),
        followers.clone(),
    );
    let them = "https://far.example/u".to_owned();
    let between = Activity::between(ids().url(&Place::Activity(CID, 1)), us.clone(), them.clone());
    let read = |document: &Value| -> Incoming {
        assert_eq!(undeclared(document), Vec::<String>::new(), "{document}");
        let read = read_activity(document).unwrap();
        assert_eq!(read.actor, us);
        assert!(ids().parse(read.id.as_deref().unwrap()).is_some());
        read
    };
    let hi = note(&ids(), &post("<p>hi</p>"));
    let created = read(&create(public.id.clone(), &hi));
    assert_eq!(
        (created.to.as_slice(), created.cc.as_slice()),
        ([PUBLIC.to_owned()].as_slice(), [followers.clone()].as_slice())
    );
    assert!(
        matches!(created.what, What::Create(Object::Post(note)) if note.content == "<p>hi</p>" && note.id == post_id)
    );
    let updated = update(&public, with_context(hi.clone()));
    assert_eq!(updated["object"].get("@context"), None);
    assert!(matches!(read(&updated).what, What::Update(Object::Post(_))));
    let whole = update(&public, actor(&ids(), &channel()));
    assert!(
        matches!(read(&whole).what, What::Update(Object::Actor(actor)) if actor.keys.len() == 2)
    );
    assert_eq!(read(&delete(&public, &post_id)).what, What::Delete { object: post_id.clone() });
    assert_eq!(read(&delete_actor(&public)).what, What::Delete { object: us.clone() });
    // What we do not say ourselves is read all the same.
    let theirs = |kind: &str, object: &Value| {
        with_context(
            json!({ "id": public.id, "type": kind, "actor": public.actor, "object": object }),
        )
    };
    let boost = theirs("Announce", &json!("https://far.example/1"));
    let boosted = What::Announce { object: "https://far.example/1".into() };
    assert_eq!(read(&boost).what, boosted);
    assert_eq!(
        read(&theirs("Undo", &boost)).what,
        What::Undo { id: Some(public.id.clone()), of: Some(Box::new(boosted)) }
    );
    let featured = ids().url(&Place::Featured(CID));
    assert_eq!(
        read(&add(&public, &post_id, &featured)).what,
        What::Add { object: post_id.clone(), target: featured.clone() }
    );
    assert_eq!(
        read(&remove(&public, &post_id, &featured)).what,
        What::Remove { object: post_id.clone(), target: featured }
    );
    let moved = What::Move { object: us.clone(), target: "https://new.example/c".into() };
    let mut moves = theirs("Move", &json!(us));
    moves["target"] = json!("https://new.example/c");
    assert_eq!(read(&moves).what, moved);
    let follow = Some(Box::new(What::Follow { object: us.clone() }));
    let accepted = accept_follow(&between, Some("https://far.example/f"), &them);
    assert_eq!(
        accepted["object"],
        json!({ "id": "https://far.example/f", "type": "Follow", "actor": them, "object": us })
    );
    assert_eq!(
        read(&accepted).what,
        What::Accept { id: Some("https://far.example/f".into()), of: follow.clone() }
    );
    assert_eq!(accepted["to"], json!([them]));
    assert_eq!(
        read(&theirs("Reject", &json!({ "type": "Follow", "actor": them, "object": us }))).what,
        What::Reject { id: None, of: follow }
    );
    let stamp = ids().url(&Place::Stamp(CID, 3));
    let asked = QuoteAsked {
        id: "https://far.example/r".into(),
        actor: them.clone(),
        quoting: "https://far.example/q".into(),
        quoted: post_id.clone(),
    };
    let agreed = accept_quote(&between, &asked, &stamp);
    assert_eq!(agreed["result"], json!(stamp));
    let request =
        What::QuoteRequest { object: post_id.clone(), instrument: "https://far.example/q".into() };
    assert_eq!(
        read(&agreed).what,
        What::Accept { id: Some(asked.id.clone()), of: Some(Box::new(request.clone())) }
    );
    assert_eq!(
        read(&theirs("Reject", &agreed["object"])).what,
        What::Reject { id: Some(asked.id.clone()), of: Some(Box::new(request)) }
    );
    let stamped = quote_authorization(&stamp, &us, "https://far.example/q", &post_id);
    assert_eq!(undeclared(&stamped), Vec::<String>::new());
    assert_eq!(
        (&stamped["interactingObject"], &stamped["interactionTarget"]),
        (&json!("https://far.example/q"), &json!(post_id))
    );
    let gone = tombstone(&post_id, Some(0));
    assert_eq!(
        (&gone["type"], &gone["deleted"]),
        (&json!("Tombstone"), &json!("1970-01-01T00:00:00Z"))
    );
    assert_eq!(undeclared(&gone), Vec::<String>::new());
}

fn read(document: Value) -> Incoming {
    read_activity(&document).unwrap()
}

fn from(kind: &str, object: Value) -> Value {
    json!({ "id": "https://far.example/a/1", "type": kind, "actor": "https://far.example/u", "object": object })
}

/// As Mastodon, GoToSocial, Misskey and Pleroma send them.
#[test]
fn activities_of_other_servers() {
    let ours = "https://ap.example/ap/c/x/p/y";
    let object = || ours.to_owned();
    let mut like = from("Like", json!(ours));
    assert_eq!(
        read(like.clone()).what,
        What::Like { object: object(), reaction: None, picture: None }
    );
    like["_misskey_reaction"] = json!("🎉");
    assert_eq!(
        read(like.clone()).what,
        What::Like { object: object(), reaction: Some("🎉".into()), picture: None }
    );
    like["content"] = json!(":cat:");
    like["tag"] = json!([{ "type": "Emoji", "name": ":cat:", "icon": { "type": "Image", "url": "https://far.example/cat.png" } }]);
    let cat = || Some("https://far.example/cat.png".to_owned());
    assert_eq!(
        read(like.clone()).what,
        What::Like { object: object(), reaction: Some(":cat:".into()), picture: cat() }
    );
    like["type"] = json!("EmojiReact");
    assert_eq!(
        read(like.clone()).what,
        What::React { object: object(), reaction: ":cat:".into(), picture: cat() }
    );
    like["content"] = json!(" ");
    like["_misskey_reaction"] = Value::Null;
    assert_eq!(read(like).what, What::Other { kind: "EmojiReact".into() });
    assert_eq!(read(from("Dislike", json!(ours))).what, What::Dislike { object: object() });
    assert_eq!(
        read(from("Follow", json!([{ "id": ours }]))).what,
        What::Follow { object: object() }
    );
    assert_eq!(
        read(from("Announce", json!({ "id": ours, "type": "Note" }))).what,
        What::Announce { object: object() }
    );
    assert_eq!(read(from("Block", json!(ours))).what, What::Block { object: object() });
    assert_eq!(read(from("View", json!(ours))).what, What::View { object: object() });
    for gone in [json!(ours), json!({ "id": ours, "type": "Tombstone" })] {
        assert_eq!(read(from("Delete", gone)).what, What::Delete { object: object() });
    }
    // GoToSocial names one thing as a string, Mastodon all as a list.
    let mut flag = from("Flag", json!(ours));
    assert_eq!(
        read(flag.clone()).what,
        What::Flag { objects: vec![object()], comment: String::new() }
    );
    flag["object"] = json!(["https://ap.example/ap/c/x", ours, ours, 7, "javascript:x"]);
    flag["content"] = json!("spam");
    assert_eq!(
        read(flag).what,
        What::Flag {
            objects: vec!["https://ap.example/ap/c/x".into(), object()],
            comment: "spam".into()
        }
    );
    // With its follow, with an id only, and one that undoes an undoing.
    let follow = from("Follow", json!(ours));
    let undone = What::Undo {
        id: Some("https://far.example/a/1".into()),
        of: Some(Box::new(What::Follow { object: object() })),
    };
    assert_eq!(read(from("Undo", follow.clone())).what, undone);
    assert_eq!(
        read(from("Undo", json!("https://far.example/a/1"))).what,
        What::Undo { id: Some("https://far.example/a/1".into()), of: None }
    );
    let mut nameless = follow.clone();
    nameless["id"] = Value::Null;
    assert_eq!(
        read(from("Undo", nameless)).what,
        What::Undo { id: None, of: Some(Box::new(What::Follow { object: object() })) }
    );
    let What::Undo { of: Some(inner), .. } = read(from("Undo", from("Undo", follow))).what else {
        panic!()
    };
    assert_eq!(*inner, What::Undo { id: Some("https://far.example/a/1".into()), of: None });
    let mut request = from("QuoteRequest", json!(ours));
    assert_eq!(read(request.clone()).what, What::Other { kind: "QuoteRequest".into() });
    request["instrument"] =
        json!({ "id": "https://far.example/1", "type": "Note", "content": "x" });
    assert_eq!(
        read(request).what,
        What::QuoteRequest { object: object(), instrument: "https://far.example/1".into() }
    );
    let mut moved = from("Move", json!("https://far.example/u"));
    moved["target"] = json!("https://new.example/u");
    assert_eq!(
        read(moved).what,
        What::Move {
            object: "https://far.example/u".into(),
            target: "https://new.example/u".into()
        }
    );
    // What is not known, or has not what it needs, is told as that.
    for (kind, object) in
        [("Listen", json!(ours)), ("Follow", json!(7)), ("Join", Value::Null), ("", json!([]))]
    {
        assert_eq!(read(from(kind, object)).what, What::Other { kind: kind.into() });
    }
    let mut two = from("Like", json!(ours));
    two["type"] = json!(["Odd", "as:Like"]);
    assert_eq!(read(two).what, What::Like { object: object(), reaction: None, picture: None });
    // Somebody has to do it.
    for nobody in [
        json!({ "type": "Like" }),
        json!({ "type": "Like", "actor": "acct:u@x" }),
        json!({}),
        json!([]),
    ] {
        assert_eq!(read_activity(&nobody), None);
    }
    let mut known = from("Create", json!("https://far.example/1"));
    assert_eq!(
        read(known.clone()).what,
        What::Create(Object::Elsewhere("https://far.example/1".into()))
    );
    known["actor"] = json!([{ "type": "Person", "id": "https://far.example/u" }]);
    known["to"] = json!("as:Public");
    known["cc"] = json!(["Public", { "id": "https://far.example/f" }, 3]);
    let known = read(known);
    assert_eq!(
        (known.actor.as_str(), known.to, known.cc),
        (
            "https://far.example/u",
            vec![PUBLIC.to_owned()],
            vec![PUBLIC.to_owned(), "https://far.example/f".to_owned()]
        )
    );
}

/// Several in one from GoToSocial, one from Mastodon; a note with a title and a text is none.
#[test]
fn votes_are_votes() {
    let vote = |name: &str| json!({ "id": "https://far.example/v", "type": "Note", "attributedTo": "https://far.example/u", "inReplyTo": "https://ap.example/q", "name": name, "to": "https://ap.example/c" });
    let What::Create(Object::Votes(votes)) =
        read(from("Create", json!([vote("a"), vote("b")]))).what
    else {
        panic!()
    };
    let names: Vec<&str> = votes.iter().map(|vote| vote.name.as_str()).collect();
    assert_eq!((names, votes[0].in_reply_to.as_str()), (vec!["a", "b"], "https://ap.example/q"));
    assert!(
        matches!(read(from("Create", vote("a"))).what, What::Create(Object::Votes(votes)) if votes.len() == 1)
    );
    let mut note = vote("a");
    note["content"] = json!("<p>x</p>");
    assert!(matches!(read(from("Create", note.clone())).what, What::Create(Object::Post(_))));
    // One of two is no vote: the first counts, as what it is.
    assert!(matches!(
        read(from("Create", json!([note, vote("a")]))).what,
        What::Create(Object::Post(_))
    ));
    let What::Create(Object::Votes(votes)) = read(from("Create", json!(vec![vote("a"); 100]))).what
    else {
        panic!()
    };
    assert_eq!(votes.len(), 20);
}

#[test]
fn lists_of_a_post_are_bounded() {
    let many = |one: Value| Value::Array(vec![one; 1000]);
    let mut tags: Vec<Value> = (0..120)
        .map(|n| json!({ "type": "Mention", "href": format!("https://a.example/{n}") }))
        .collect();
    tags.extend((0..70).map(|n| json!({ "type": "Hashtag", "name": format!("#{n}x") })));
    let note = read_note(&json!({
        "id": "https://a.example/1", "type": "Note", "attributedTo": "https://a.example/u", "content": "é".repeat(300_000),
        "attachment": many(json!({ "type": "Image", "url": "https://a.example/i" })), "tag": tags,
        "to": (0..1000).map(|n| format!("https://a.example/{n}")).collect::<Vec<_>>(),
    }))
    .unwrap();
    assert_eq!(
        (note.attachments.len(), note.mentions.len(), note.hashtags.len(), note.to.len()),
        (10, 50, 50, 200)
    );
    assert_eq!(note.content.len(), 256 << 10);
}

#[test]
fn ids_are_addresses_of_the_web() {
    let long = format!("https://a.example/{}", "x".repeat(2048));
    for wrong in [
        "",
        "x",
        "javascript:x",
        "https://",
        "https:///x",
        "https://u:p@a.example/",
        "https://a.example/ x",
        " https://a.example/",
        "https://a.example\\@b",
        "https://a.example/\u{0}",
        "acct:u@a.example",
        long.as_str(),
    ] {
        assert_eq!(web_id(wrong), None, "{wrong}");
    }
    assert_eq!(web_id("https://a.example/ä?x#y"), Some("https://a.example/ä?x#y"));
    assert!(same_host("https://a.example/1", "https://A.example:443/u"));
    for (id, actor) in [
        ("https://a.example/1", "https://b.example/u"),
        ("http://a.example/1", "https://a.example/u"),
        ("https://a.example:8443/1", "https://a.example/u"),
        ("https://a.example.evil/1", "https://a.example/u"),
        ("x", "x"),
        ("", ""),
    ] {
        assert!(!same_host(id, actor), "{id} {actor}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null), any::<bool>().prop_map(Value::from), any::<i64>().prop_map(Value::from), any::<f64>().prop_map(Value::from),
        "(https://a\\.example/x|http://b\\.example|as:Public|Note|Create|Undo|Person|Mention|Image|Link|:x:|é\u{0}|2026-11-30T08:55:00Z|)".prop_map(Value::from),
    ];
    let field = prop_oneof![
        Just("id"),
        Just("type"),
        Just("actor"),
        Just("object"),
        Just("to"),
        Just("content"),
        Just("contentMap"),
        Just("tag"),
        Just("attachment"),
        Just("url"),
        Just("icon"),
        Just("href"),
        Just("attributedTo"),
        Just("inReplyTo"),
        Just("name"),
        Just("publicKey"),
        Just("assertionMethod"),
        Just("publicKeyMultibase"),
        Just("publicKeyPem"),
        Just("endpoints"),
        Just("mediaType"),
        Just("rel"),
        Just("published"),
        Just("width"),
        Just("target"),
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(field.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Nothing that can be written as JSON makes a reader fail.
    #[test]
    fn any_json_is_read(value in any_json()) {
        let _ = (read_activity(&value), read_actor(&value), read_note(&value));
    }

    /// Nor does anything else.
    #[test]
    fn any_text_is_refused_or_read(text in "[\\[\\]{}\",:\\\\a1 ]{0,60}", date in "[0-9TtZz:.+ é-]{0,30}") {
        let _ = check_json(text.as_bytes());
        let _ = read_date(&date);
        let _ = (web_id(&text), Place::parse(&text), Cursor::parse(&text));
    }
}

/// A reply from Mastodon, and a note of Misskey's, with the fields that they have.
#[test]
fn notes_of_other_servers() {
    let reply = read(json!({
        "@context": ["https://www.w3.org/ns/activitystreams", { "ostatus": "http://ostatus.org#", "sensitive": "as:sensitive" }],
        "id": "https://far.example/users/u/statuses/1/activity",
        "type": "Create",
        "actor": "https://far.example/users/u",
        "published": "2026-11-30T08:55:00Z",
        "to": ["https://www.w3.org/ns/activitystreams#Public"],
        "cc": ["https://far.example/users/u/followers", "https://ap.example/ap/c/x"],
        "object": {
            "id": "https://far.example/users/u/statuses/1",
            "type": "Note",
            "summary": null,
            "inReplyTo": "https://ap.example/ap/c/x/p/y",
            "published": "2026-11-30T08:55:00Z",
            "url": "https://far.example/@u/1",
            "attributedTo": "https://far.example/users/u",
            "to": ["https://www.w3.org/ns/activitystreams#Public"],
            "cc": ["https://far.example/users/u/followers", "https://ap.example/ap/c/x"],
            "sensitive": false,
            "atomUri": "https://far.example/users/u/statuses/1",
            "inReplyToAtomUri": null,
            "conversation": "https://ap.example/ap/c/x/p/y/context",
            "content": "<p>hallo</p>",
            "contentMap": { "de": "<p>hallo</p>" },
            "attachment": [{
                "type": "Document", "mediaType": "image/png", "url": "https://files.far.example/1.png",
                "name": "Eine Katze", "blurhash": "UBL", "focalPoint": [0.0, 0.0], "width": 640, "height": 480,
            }],
            "tag": [
                { "type": "Mention", "href": "https://ap.example/ap/c/x", "name": "@news@example.org" },
                { "type": "Emoji", "id": "https://far.example/emojis/1", "name": ":cat:", "icon": { "type": "Image", "mediaType": "image/png", "url": "https://files.far.example/cat.png" } },
            ],
            "replies": { "id": "https://far.example/users/u/statuses/1/replies", "type": "Collection" },
            "likes": { "id": "https://far.example/users/u/statuses/1/likes", "type": "Collection", "totalItems": 0 },
            "interactionPolicy": { "canQuote": { "automaticApproval": ["https://www.w3.org/ns/activitystreams#Public"] } },
        },
        "signature": { "type": "RsaSignature2017", "signatureValue": "x" },
    }));
    let What::Create(Object::Post(note)) = reply.what else { panic!("{reply:?}") };
    assert_eq!(reply.cc, note.cc);
    assert_eq!(note.in_reply_to.as_deref(), Some("https://ap.example/ap/c/x/p/y"));
    assert_eq!((note.content.as_str(), note.language.as_deref()), ("<p>hallo</p>", Some("de")));
    assert_eq!((note.summary.as_deref(), note.sensitive), (None, false));
    assert_eq!((note.published_s, note.updated_s), (Some(1_796_028_900), None));
    assert_eq!(note.mentions[0].name.as_deref(), Some("@news@example.org"));
    assert_eq!(note.emoji[0].url, "https://files.far.example/cat.png");
    let file = &note.attachments[0];
    assert_eq!(
        (file.width, file.height, file.blurhash.as_deref()),
        (Some(640), Some(480), Some("UBL"))
    );
    assert_eq!(note.seen(), Seen::Public);
    assert!(same_host(&note.id, &reply.actor));
    let quiet = read_note(&json!({
        "id": "https://mk.example/notes/1", "type": "Note", "attributedTo": "https://mk.example/users/u",
        "summary": null, "content": "<p><span>hi</span></p>", "_misskey_content": "hi", "_misskey_quote": "https://ap.example/ap/c/x/p/y",
        "quoteUrl": "https://ap.example/ap/c/x/p/y", "source": { "content": "hi", "mediaType": "text/x.misskeymarkdown" },
        "published": "2026-11-30T08:55:00.123Z", "to": ["https://mk.example/users/u/followers"],
        "cc": ["https://www.w3.org/ns/activitystreams#Public"], "inReplyTo": null, "attachment": [], "sensitive": false, "tag": [],
    }))
    .unwrap();
    assert_eq!(quiet.quote.as_deref(), Some("https://ap.example/ap/c/x/p/y"));
    assert_eq!((quiet.seen(), quiet.published_s), (Seen::Unlisted, Some(1_796_028_900)));
    let direct = json!({
        "id": "https://mk.example/notes/2", "type": "Note", "attributedTo": "https://mk.example/users/u",
        "content": "psst", "to": ["https://ap.example/ap/c/x"],
    });
    assert_eq!(read_note(&direct).unwrap().seen(), Seen::Private);
}
