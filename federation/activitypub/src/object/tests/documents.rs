use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::read::actor::RemoteKey;
use super::super::read::read_actor;
use super::*;

fn file(n: usize) -> Attachment {
    Attachment {
        kind: AttachmentKind::Video,
        media_type: "video/mp4".into(),
        url: format!("https://ap.example/ap/m/abcdefgh{n}.mp4"),
        name: (n == 0).then(|| "a cat".to_owned()),
        size: Some((640, 480)),
        duration_ms: Some(12_500),
        blurhash: Some("LEHV6nWB2yk8pyo0adR*.7kCMdnj".into()),
        icon: None,
    }
}

pub(super) fn channel() -> Actor {
    Actor {
        cid: CID,
        kind: ActorKind::Service,
        username: "news".into(),
        name: "News <b>".into(),
        about: "All of it.\n\nhttps://a.example/?a&b <script>".into(),
        notice: Notice {
            node: "Rook".into(),
            page: "https://ap.example/@news".into(),
            replies: true,
        },
        icon: Some(Picture {
            media_type: "image/jpeg".into(),
            url: "https://ap.example/ap/m/abcdefgh.jpg".into(),
        }),
        image: None,
        published_s: 0,
        keys: Keys { rsa_pem: "-----BEGIN PUBLIC KEY-----\n".into(), ed25519: Some([9; 32]) },
        discoverable: true,
        indexable: false,
        fields: vec![
            Field {
                name: "Home".into(),
                value: "ap.example".into(),
                link: Some("https://ap.example/\"".into()),
            },
            Field { name: "Text".into(), value: "<i>".into(), link: None },
        ],
        discussion: Some("https://ap.example/@talk".into()),
        suspended: false,
        also_known_as: vec!["https://old.example/ap/c/x".into()],
        moved_to: None,
        attribution_domains: vec!["paper.example".into()],
    }
}

#[test]
fn a_channel_is_an_actor_with_all_that_others_need() {
    let document = actor(&ids(), &channel());
    assert_eq!(undeclared(&document), Vec::<String>::new());
    let id = format!("https://ap.example/ap/c/{CID}");
    let expected = json!({
        "@context": document["@context"],
        "id": id,
        "type": "Service",
        "inbox": format!("{id}/inbox"),
        "outbox": format!("{id}/outbox"),
        "followers": format!("{id}/followers"),
        "following": format!("{id}/following"),
        "featured": format!("{id}/featured"),
        "endpoints": { "sharedInbox": "https://ap.example/ap/inbox" },
        "preferredUsername": "news",
        "webfinger": "news@example.org",
        "name": "News <b>",
        "summary": "<p>All of it.</p><p><a href=\"https://a.example/?a&amp;b\">https://a.example/?a&amp;b</a> &lt;script&gt;</p><p>A channel of <a href=\"https://ap.example/@news\">Rook</a>, bridged to the fediverse. Replies are shown to its readers as comments.</p>",
        "url": "https://ap.example/@news",
        "published": "1970-01-01T00:00:00Z",
        "manuallyApprovesFollowers": false,
        "discoverable": true,
        "indexable": false,
        "interactionPolicy": { "canFeature": { "automaticApproval": [PUBLIC] } },
        "icon": { "type": "Image", "mediaType": "image/jpeg", "url": "https://ap.example/ap/m/abcdefgh.jpg" },
        "publicKey": { "id": format!("{id}#main-key"), "owner": id, "publicKeyPem": "-----BEGIN PUBLIC KEY-----\n" },
        "assertionMethod": [{
            "id": format!("{id}#ed25519-key"), "type": "Multikey", "controller": id,
            "publicKeyMultibase": document["assertionMethod"][0]["publicKeyMultibase"],
        }],
        "alsoKnownAs": ["https://old.example/ap/c/x"],
        "attributionDomains": ["paper.example"],
        "attachment": [
            { "type": "PropertyValue", "name": "Home", "value": "<a href=\"https://ap.example/&quot;\" rel=\"me\">ap.example</a>" },
            { "type": "PropertyValue", "name": "Text", "value": "&lt;i&gt;" },
            { "type": "Link", "name": "Discussion", "rel": "discussion", "href": "https://ap.example/@talk" },
        ],
    });
    assert_eq!(document, expected);
    let frozen = Actor {
        suspended: true,
        discoverable: false,
        moved_to: Some("https://new.example/ap/c/x".into()),
        kind: ActorKind::Group,
        ..channel()
    };
    let document = actor(&ids(), &frozen);
    assert_eq!(document["suspended"], true);
    assert_eq!(document["movedTo"], "https://new.example/ap/c/x");
    assert_eq!(document["type"], "Group");
    assert_eq!(document["interactionPolicy"]["canFeature"]["automaticApproval"], json!([id]));
}

/// The example of the specification, and what is read is what was written.
#[test]
fn keys_are_written_as_they_are_read() {
    // <https://www.w3.org/TR/controller-document/#example-multikey-encoding-of-a-ed25519-public-key>
    let key = json!({
        "id": "https://a.example/u#k", "type": "Multikey", "controller": "https://a.example/u",
        "publicKeyMultibase": "z6MkmM42vxfqZQsv4ehtTjFFxQ4sQKS2w6WR7emozFAn5cxu",
    });
    let document = json!({
        "id": "https://a.example/u", "type": "Person", "inbox": "https://a.example/i",
        "assertionMethod": [key, "https://a.example/k2", { "id": "https://a.example/k3", "publicKeyMultibase": "z".repeat(9000) }],
        "publicKey": [
            { "id": "https://a.example/u#main-key", "owner": "https://a.example/u", "publicKeyPem": "PEM" },
            "https://a.example/u/main-key",
        ],
    });
    let read = read_actor(&document).unwrap();
    let [
        RemoteKey::Pem { id, owner, pem },
        RemoteKey::Elsewhere(stub),
        RemoteKey::Ed25519 { key, .. },
        RemoteKey::Elsewhere(_),
    ] = read.keys.as_slice()
    else {
        panic!("{:?}", read.keys)
    };
    assert_eq!(
        (id.as_str(), owner.as_deref(), pem.as_str()),
        ("https://a.example/u#main-key", Some("https://a.example/u"), "PEM")
    );
    assert_eq!(stub, "https://a.example/u/main-key");
    // X25519, as long as the other: it signs nothing.
    let other: Vec<u8> = [0xec, 0x01].into_iter().chain(*key).collect();
    let other = json!({
        "id": "https://a.example/u", "type": "Person", "assertionMethod": {
            "id": "https://a.example/u#x", "publicKeyMultibase": format!("z{}", bs58::encode(other).into_string()),
        },
    });
    assert_eq!(read_actor(&other).unwrap().keys, []);
    let ours = Actor { keys: Keys { rsa_pem: "P".into(), ed25519: Some(*key) }, ..channel() };
    let ours = actor(&ids(), &ours);
    assert_eq!(
        ours["assertionMethod"][0]["publicKeyMultibase"],
        "z6MkmM42vxfqZQsv4ehtTjFFxQ4sQKS2w6WR7emozFAn5cxu"
    );
    let again = read_actor(&ours).unwrap();
    assert_eq!(again.keys.len(), 2);
    assert_eq!(again.id, ids().url(&Place::Actor(CID)));
    assert_eq!(again.shared_inbox.as_deref(), Some("https://ap.example/ap/inbox"));
    assert_eq!(again.icon.as_deref(), Some("https://ap.example/ap/m/abcdefgh.jpg"));
    assert_eq!(again.webfinger.as_deref(), Some("news@example.org"));
    let node = node_actor(
        &ids(),
        "Rook",
        "https://ap.example/",
        &Keys { rsa_pem: "P".into(), ed25519: None },
    );
    assert_eq!(undeclared(&node), Vec::<String>::new());
    let node = read_actor(&node).unwrap();
    assert_eq!((node.kind.as_str(), node.username.as_deref()), ("Application", Some("ap.example")));
    assert_eq!(node.id, "https://ap.example/ap/node");
}

#[test]
fn a_post_is_a_note() {
    let mut whole = post("<p>hi</p>");
    whole.updated_s = Some(1_796_028_960);
    whole.language = Some("de".into());
    whole.warning = Some("blood".into());
    whole.in_reply_to = Some("https://far.example/1".into());
    whole.text.mentioned = vec!["https://far.example/u".into()];
    whole.text.tags =
        vec![json!({"type": "Mention", "href": "https://far.example/u", "name": "@u@far.example"})];
    whole.before = vec![Line {
        text: "Forwarded from ".into(),
        link: Some(("https://x.example/".into(), "X & Y".into())),
    }];
    whole.attachments = (0..12).map(file).collect();
    whole.quoted = Some(Quoted {
        id: "https://q.example/1".into(),
        url: "https://q.example/@q/1".into(),
        authorization: Some("https://q.example/s".into()),
    });
    let document = with_context(note(&ids(), &whole));
    assert_eq!(undeclared(&document), Vec::<String>::new());
    let id = format!("https://ap.example/ap/c/{CID}/p/{MID}");
    assert_eq!(document["id"], json!(id));
    assert_eq!(document["type"], "Note");
    assert_eq!(document["to"], json!([PUBLIC]));
    assert_eq!(
        document["cc"],
        json!([format!("https://ap.example/ap/c/{CID}/followers"), "https://far.example/u"])
    );
    assert_eq!(document["url"], json!(format!("https://ap.example/@news/{MID}")));
    assert_eq!(document["published"], "2026-11-30T08:55:00Z");
    assert_eq!(document["updated"], "2026-11-30T08:56:00Z");
    assert_eq!(
        document["content"],
        json!(format!(
            "<p>Forwarded from <a href=\"https://x.example/\">X &amp; Y</a></p><p>hi</p><p>+6 more: <a href=\"https://ap.example/@news/{MID}\">all of them</a></p><p><span class=\"quote-inline\">RE: <a href=\"https://q.example/@q/1\">https://q.example/@q/1</a></span></p>"
        ))
    );
    assert_eq!(document["contentMap"], json!({ "de": document["content"] }));
    assert_eq!((&document["sensitive"], &document["summary"]), (&json!(true), &json!("blood")));
    let files = document["attachment"].as_array().unwrap();
    assert_eq!(files.len(), 10);
    assert_eq!(
        files[0],
        json!({
            "type": "Video", "mediaType": "video/mp4", "url": "https://ap.example/ap/m/abcdefgh0.mp4",
            "name": "a cat", "width": 640, "height": 480, "duration": "PT12.5S",
            "blurhash": "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
        })
    );
    assert_eq!(files[1].get("name"), None);
    for name in ["quote", "quoteUri", "_misskey_quote"] {
        assert_eq!(document[name], "https://q.example/1");
    }
    assert_eq!(document["quoteAuthorization"], "https://q.example/s");
    assert_eq!(
        document["likes"],
        json!({ "id": format!("{id}/likes"), "type": "Collection", "totalItems": 4 })
    );
    assert_eq!(document["replies"]["totalItems"], 3);
    assert_eq!(document["replies"]["first"], json!(format!("{id}/replies?page=true")));
    assert_eq!(document["interactionPolicy"]["canQuote"]["automaticApproval"], json!([PUBLIC]));
    // And without all of that.
    let bare = Note { visibility: Visibility::Unlisted, quotable: false, ..post("<p>x</p>") };
    let bare = with_context(note(&ids(), &bare));
    for name in ["updated", "summary", "contentMap", "inReplyTo", "quote", "oneOf", "endTime"] {
        assert_eq!(bare.get(name), None, "{name}");
    }
    assert_eq!((&bare["sensitive"], &bare["cc"]), (&json!(false), &json!([PUBLIC])));
    assert_eq!(
        bare["interactionPolicy"]["canQuote"]["automaticApproval"],
        json!([ids().url(&Place::Actor(CID))])
    );
    let mut hidden = post("<p>x</p>");
    hidden.text.hidden = true;
    let hidden = note(&ids(), &hidden);
    assert_eq!((&hidden["sensitive"], &hidden["summary"]), (&json!(true), &json!("spoiler")));
    let mut paper = file(0);
    paper.kind = AttachmentKind::Document;
    paper.name = Some("a <b>.pdf".into());
    let paper = note(&ids(), &Note { attachments: vec![paper], ..post("<p>x</p>") });
    let line =
        "<p>x</p><p><a href=\"https://ap.example/ap/m/abcdefgh0.mp4\">a &lt;b&gt;.pdf</a></p>";
    assert_eq!(paper["content"], line);
    let media = note(&ids(), &Note { sensitive: true, ..post("") });
    assert_eq!((&media["sensitive"], media.get("summary")), (&json!(true), None));
}

#[test]
fn a_poll_is_a_question() {
    let option = |text: &str, votes| PollOption { text: text.into(), votes };
    let poll = Poll {
        multiple: false,
        options: vec![option("yes", 2), option("<no>", 0)],
        voters: 2,
        end_s: Some(1_796_028_960),
        closed_s: None,
    };
    let open = note(&ids(), &Note { poll: Some(poll.clone()), ..post("<p>?</p>") });
    assert_eq!(open["type"], "Question");
    assert_eq!(
        open["oneOf"],
        json!([
            { "type": "Note", "name": "yes", "replies": { "type": "Collection", "totalItems": 2 } },
            { "type": "Note", "name": "<no>", "replies": { "type": "Collection", "totalItems": 0 } },
        ])
    );
    assert_eq!(
        (&open["votersCount"], &open["endTime"]),
        (&json!(2), &json!("2026-11-30T08:56:00Z"))
    );
    assert_eq!((open.get("closed"), open.get("anyOf")), (None, None));
    let done = Poll { multiple: true, end_s: None, closed_s: Some(1_796_028_960), ..poll };
    let done = note(&ids(), &Note { poll: Some(done), ..post("<p>?</p>") });
    assert_eq!((&done["closed"], done.get("endTime")), (&json!("2026-11-30T08:56:00Z"), None));
    assert_eq!(done["anyOf"].as_array().unwrap().len(), 2);
    assert_eq!(undeclared(&with_context(done)), Vec::<String>::new());
}

#[test]
fn collections_and_their_pages() {
    let outbox = ids().url(&Place::Outbox(CID));
    let first = ids().page(&Place::Outbox(CID), &Cursor::Newest);
    let whole = ordered_collection(&outbox, 41, Some(&first));
    assert_eq!(
        (&whole["type"], &whole["totalItems"], &whole["first"]),
        (&json!("OrderedCollection"), &json!(41), &json!(first))
    );
    let hidden = ordered_collection(&outbox, 3, None);
    assert_eq!((hidden.get("first"), hidden.get("orderedItems")), (None, None));
    let create = create("https://ap.example/ap/x".into(), &note(&ids(), &post("<p>x</p>")));
    let next = ids().page(&Place::Outbox(CID), &Cursor::Max(MID));
    let page = ordered_page(&first, &outbox, vec![create.clone()], Some(&next), None);
    assert_eq!(page["orderedItems"][0]["object"], create["object"]);
    assert_eq!((page["orderedItems"][0].get("@context"), page.get("prev")), (None, None));
    assert_eq!((&page["partOf"], &page["next"]), (&json!(outbox), &json!(next)));
    let pins =
        featured("https://ap.example/f", vec![with_context(note(&ids(), &post("<p>x</p>"))); 30]);
    assert_eq!(
        (&pins["totalItems"], pins["orderedItems"].as_array().unwrap().len()),
        (&json!(20), 20)
    );
    assert_eq!(collection("https://ap.example/l", 9, None)["totalItems"], 9);
    for document in [
        whole,
        hidden,
        page,
        pins,
        collection("https://ap.example/l", 1, Some(vec![json!("https://a.example/1")])),
    ] {
        assert_eq!(undeclared(&document), Vec::<String>::new());
    }
}

#[test]
fn others_find_an_actor_by_its_handle() {
    let found = jrd(&ids(), CID, "news", Some(("image/jpeg", "https://ap.example/i.jpg")));
    let id = ids().url(&Place::Actor(CID));
    assert_eq!(found["subject"], "acct:news@example.org");
    assert_eq!(found["aliases"], json!(["https://ap.example/@news", id]));
    let own: Vec<&Value> =
        found["links"].as_array().unwrap().iter().filter(|link| link["rel"] == "self").collect();
    assert!(
        own.iter().all(|link| link["href"] == json!(id))
            && own[0]["type"] == "application/activity+json"
    );
    assert_eq!(node_jrd(&ids(), "ap.example")["subject"], "acct:ap.example@example.org");
    assert!(host_meta(&ids()).contains(
        "<Link rel=\"lrdd\" template=\"https://ap.example/.well-known/webfinger?resource={uri}\"/>"
    ));
    let info = NodeInfo {
        version: "0.1.0".into(),
        name: "Rook".into(),
        users: 2,
        posts: 30,
        open_registrations: false,
    };
    for (version, name) in [(NodeInfoVersion::V2_0, "2.0"), (NodeInfoVersion::V2_1, "2.1")] {
        let document = node_info(version, &info);
        assert_eq!(document["version"], json!(name));
        assert_eq!(document["protocols"], json!(["activitypub"]));
        assert_eq!(document["usage"], json!({ "users": { "total": 2 }, "localPosts": 30 }));
        assert_eq!(document["software"], json!({ "name": "rookery", "version": "0.1.0" }));
        let links = node_info_links(&ids());
        let rel = format!("http://nodeinfo.diaspora.software/ns/schema/{name}");
        let link = links["links"]
            .as_array()
            .unwrap()
            .iter()
            .find(|link| link["rel"] == json!(rel))
            .unwrap()
            .clone();
        assert_eq!(link["href"], json!(format!("https://ap.example/nodeinfo/{name}")));
    }
    assert_eq!(node_info_links(&ids())["links"][2]["href"], "https://ap.example/ap/node");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Other servers compare it byte by byte, and an edit with another one is refused.
    #[test]
    fn published_is_the_same_bytes_wherever_it_stands(
        published_s in -62_167_219_200_i64..253_402_300_800, edited in 0_i64..100_000_000, likes: u64,
    ) {
        let first = Note { published_s, ..post("<p>a</p>") };
        let counts = Counts { likes, ..Counts::default() };
        let edited = Note { updated_s: Some(published_s + edited), counts, ..Note { published_s, ..post("<p>b</p>") } };
        let fetched = with_context(note(&ids(), &edited));
        let created = create("https://ap.example/ap/x".into(), &note(&ids(), &first));
        let by = Activity::public("https://ap.example/ap/y".into(), "https://ap.example/ap/c".into(), "https://ap.example/ap/f".into());
        let updated = update(&by, fetched.clone());
        let page = ordered_page("https://ap.example/p", "https://ap.example/o", vec![create("https://ap.example/ap/x".into(), &fetched)], None, None);
        let pinned = featured("https://ap.example/f", vec![fetched.clone()]);
        let places = [
            &created["published"], &created["object"]["published"], &updated["object"]["published"], &fetched["published"],
            &page["orderedItems"][0]["published"], &page["orderedItems"][0]["object"]["published"], &pinned["orderedItems"][0]["published"],
        ];
        let written = serde_json::to_vec(places[0]).unwrap();
        for place in places {
            prop_assert_eq!(serde_json::to_vec(place).unwrap(), written.clone());
        }
        let text = places[0].as_str().unwrap();
        prop_assert!(text.len() == 20 && text.ends_with('Z') && read_date(text) == Some(published_s), "{}", text);
    }
}
