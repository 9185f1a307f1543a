//! Every line of what a hostile or careless signer sends.

use http::HeaderValue;
use node_core::{BlockSeverity, HostBlock};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::sign::Scheme;
use crate::testing::{KEY, NOW_S, post_headers, set, sign_new, sign_old};

const NOW_MS: u64 = NOW_S * 1000;
const PATH: &str = "/ap/inbox";
const OLD: &str = r#"keyId="https://peer.example/u/a#main-key",algorithm="rsa-sha256",headers="(request-target) host date digest content-type""#;
const NEW: &str = r#"("@method" "@target-uri" "content-digest");created=1795953600;keyid="https://peer.example/u/a#main-key""#;

fn guard() -> Guard {
    let is_blocked: IsBlocked =
        Arc::new(|host| host == "bad.example" || host.ends_with(".bad.example"));
    Guard::new("node.example", false, is_blocked, Rate { burst: 3, per_minute: 60, hosts_max: 4 })
}

fn activity() -> Value {
    json!({
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": "https://peer.example/a/1",
        "type": "Like",
        "actor": "https://peer.example/u/a",
        "object": "https://node.example/ap/c/x/p/1",
    })
}

fn body() -> Vec<u8> {
    activity().to_string().into_bytes()
}

fn request<'a>(headers: &'a HeaderMap) -> Request<'a> {
    Request {
        method: &Method::POST,
        scheme: "https",
        host: "node.example",
        path_query: PATH,
        headers,
    }
}

/// All that is asked before a fetch, then the signature itself.
fn pass(guard: &Guard, headers: &HeaderMap, body: &[u8]) -> Result<Admitted, Refusal> {
    let head = guard.head(PATH, headers, None, NOW_MS)?;
    let admitted = guard.body(head, headers, body)?;
    guard.verify(&admitted.signature, &Method::POST, PATH, headers, &KEY.public())?;
    Ok(admitted)
}

fn status(headers: &HeaderMap, body: &[u8]) -> u16 {
    pass(&guard(), headers, body).map_or_else(|refusal| refusal.status(), |_| 202)
}

/// What a good server sends.
fn good() -> HeaderMap {
    let headers = post_headers("node.example", &body(), NOW_S);
    sign_old(&request(&headers), OLD)
}

fn signed(headers: &HeaderMap, covered: &str) -> HeaderMap {
    let parameters = format!("keyId=\"https://peer.example/u/a#main-key\",headers=\"{covered}\"");
    sign_old(&request(headers), &parameters)
}

#[test]
fn a_good_request_passes_in_both_schemes() {
    let admitted = pass(&guard(), &good(), &body()).unwrap();
    assert_eq!(admitted.key_id.as_str(), "https://peer.example/u/a#main-key");
    assert_eq!(admitted.actor.as_str(), "https://peer.example/u/a");
    assert_eq!(admitted.id.as_str(), "https://peer.example/a/1");
    assert_eq!(admitted.kind, "Like");
    assert_eq!(admitted.json, activity());
    let headers = post_headers("node.example", &body(), NOW_S);
    let admitted = pass(&guard(), &sign_new(&request(&headers), NEW), &body()).unwrap();
    assert_eq!(admitted.signature.scheme(), Scheme::Rfc9421);
}

/// The table of what the inbox of `activitypub_federation` lets pass.
#[test]
fn what_a_hostile_signer_sends_is_refused() {
    let plain = post_headers("node.example", &body(), NOW_S);
    assert_eq!(status(&good(), &body()), 202);
    assert_eq!(status(&signed(&plain, "digest"), &body()), 401, "only the digest is signed");
    assert_eq!(status(&signed(&plain, "host date digest"), &body()), 401, "no target");
    let future = post_headers("node.example", &body(), NOW_S + 10 * 24 * 60 * 60);
    assert_eq!(status(&sign_old(&request(&future), OLD), &body()), 401, "ten days ahead");
    let late = post_headers("node.example", &body(), NOW_S - 2 * 60 * 60);
    assert_eq!(
        status(&sign_old(&request(&late), OLD), &body()),
        202,
        "two hours late, as a queue is"
    );
    let old = post_headers("node.example", &body(), NOW_S - 13 * 60 * 60);
    assert_eq!(status(&sign_old(&request(&old), OLD), &body()), 401, "thirteen hours late");
    let mut text = plain.clone();
    set(&mut text, "content-type", "text/plain");
    assert_eq!(status(&sign_old(&request(&text), OLD), &body()), 415);
    let elsewhere = Request { path_query: "/ap/c/other/inbox", ..request(&plain) };
    assert_eq!(status(&sign_old(&elsewhere, OLD), &body()), 401, "signed for another path");
    assert_eq!(status(&plain, &body()), 401, "unsigned");
    let long = vec![b' '; BODY_BYTES_MAX + 1];
    let headers = post_headers("node.example", &long, NOW_S);
    assert_eq!(status(&sign_old(&request(&headers), OLD), &long), 413);
    let mut told = good();
    set(&mut told, "content-length", "2000000");
    assert_eq!(guard().head(PATH, &told, None, NOW_MS).unwrap_err(), Refusal::TooLong, "unread");
    let with = |more: String| {
        let body = activity().to_string().replacen('{', &format!("{{\"more\":{more},"), 1);
        let headers = post_headers("node.example", body.as_bytes(), NOW_S);
        status(&sign_old(&request(&headers), OLD), body.as_bytes())
    };
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!((with(nested(63)), with(nested(64)), with(nested(100_000))), (202, 400, 400));
    let many = |values| format!("[{}1]", "1,".repeat(values));
    assert_eq!((with(many(15_000)), with(many(20_000))), (202, 400));
    let text = format!("\"{}\\\"{}\"", "[".repeat(1000), "[{,".repeat(30_000));
    assert_eq!(with(text), 202, "what stands in a text is no value");
    assert_eq!(status(&good(), b"{}"), 401, "another body");
    let mut other = plain.clone();
    set(&mut other, "host", "other.example");
    assert_eq!(status(&sign_old(&request(&other), OLD), &body()), 400, "for another host");
    let mut twice = good();
    twice.append("host", HeaderValue::from_static("node.example"));
    assert_eq!(status(&twice, &body()), 400);
}

#[test]
fn types_of_content_are_read_as_they_are_defined() {
    for good in [
        "application/activity+json",
        "application/activity+json;charset=utf-8",
        "Application/Activity+JSON ; charset=UTF-8",
        "application/activity+json; profile=\"x\"",
        "application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\"",
        "application/ld+json;profile=\"https://www.w3.org/ns/activitystreams\";charset=utf-8",
        "application/ld+json; charset=utf-8 ; PROFILE=\"https://www.w3.org/ns/activitystreams\"",
        "application/ld+json; profile=https://www.w3.org/ns/activitystreams",
        "application/ld+json; profile=\"http://a.example/ https://www.w3.org/ns/activitystreams\"",
    ] {
        assert!(is_activity(good), "{good}");
    }
    for bad in [
        "",
        "text/plain",
        "application/json",
        "application/ld+json",
        "application/ld+json; charset=utf-8",
        "application/ld+json; profile=\"https://www.w3.org/ns/activitystreams",
        "application/ld+json; profile=\"https://www.w3.org/ns/activitystreams.evil\"",
        "application/ld+json; x=\"profile=https://www.w3.org/ns/activitystreams\"",
        "application/activity+jsonp",
        "text/html; application/activity+json",
    ] {
        assert!(!is_activity(bad), "{bad}");
    }
}

#[test]
fn signer_actor_and_activity_are_of_one_host() {
    let try_with = |key_id: &str, change: &dyn Fn(&mut Value)| {
        let mut json = activity();
        change(&mut json);
        let body = json.to_string().into_bytes();
        let headers = post_headers("node.example", &body, NOW_S);
        let parameters = OLD.replace("https://peer.example/u/a#main-key", key_id);
        status(&sign_old(&request(&headers), &parameters), &body)
    };
    let good = "https://peer.example/u/a#main-key";
    let actor = |actor: &str| {
        let actor = actor.to_owned();
        move |json: &mut Value| json["actor"] = actor.clone().into()
    };
    let nothing = |_: &mut Value| {};
    assert_eq!(try_with(good, &nothing), 202);
    assert_eq!(try_with("https://PEER.example/u/a/main-key", &nothing), 202);
    assert_eq!(
        try_with(good, &|json| json["actor"] = json!({"id": "https://peer.example/u/b"})),
        202
    );
    assert_eq!(try_with(good, &|json| json["type"] = json!(["Like", "x:Y"])), 202);
    assert_eq!(try_with("https://other.example/u/a#main-key", &nothing), 403);
    assert_eq!(try_with("https://peer.example.other.example/u/a", &nothing), 403);
    assert_eq!(try_with("https://peer.example:8443/u/a", &nothing), 403);
    assert_eq!(try_with(good, &actor("https://other.example/u/a")), 403);
    assert_eq!(try_with(good, &|json| json["id"] = "https://other.example/a/1".into()), 403);
    for bad in [
        "http://peer.example/u/a",
        "https://127.0.0.1/u/a",
        "https://[::1]/a",
        "acct:a@peer.example",
        "key",
        "",
        "https://u:p@peer.example/a",
    ] {
        assert_eq!(try_with(bad, &nothing), 403, "{bad}");
        assert_eq!(try_with(good, &actor(bad)), 400, "{bad}");
    }
    assert_eq!(
        try_with("https://bad.example/u/a", &actor("https://bad.example/u/a")),
        403,
        "blocked"
    );
    assert_eq!(try_with("https://a.BAD.example/u/a", &actor("https://a.bad.example/u/a")), 403);
    let own = |json: &mut Value| {
        json["id"] = "https://node.example/a/1".into();
        json["actor"] = "https://node.example/ap/c/x".into();
    };
    assert_eq!(try_with("https://node.example/ap/c/x#main-key", &own), 403, "in our name");
    for (field, value) in [
        ("id", json!(null)),
        ("id", json!(1)),
        ("actor", json!([])),
        ("type", json!(null)),
        ("type", json!([])),
    ] {
        assert_eq!(try_with(good, &|json| json[field] = value.clone()), 400, "{field} {value}");
    }
    for body in [&b""[..], b"1", b"[]", b"null", b"{\"id\"", b"\xff"] {
        let headers = post_headers("node.example", body, NOW_S);
        assert_eq!(status(&sign_old(&request(&headers), OLD), body), 400);
    }
    // A closed network may do without TLS; others may not.
    let closed = Guard::new("node.example", true, Arc::new(|_| false), Rate::default());
    assert!(
        closed.parse("http://peer.example/a").is_some()
            && closed.parse("https://peer.example/a").is_some()
    );
    assert!(guard().parse("http://peer.example/a").is_none());
}

#[test]
fn an_actor_that_is_gone_is_told_from_its_posts() {
    for (kind, object, about) in [
        ("Delete", json!("https://peer.example/u/a"), true),
        ("Update", json!({"id": "https://peer.example/u/a", "type": "Person"}), true),
        ("Delete", json!("https://peer.example/p/1"), false),
        ("Like", json!("https://peer.example/u/a"), false),
    ] {
        let mut json = activity();
        (json["type"], json["object"]) = (kind.into(), object);
        let body = json.to_string().into_bytes();
        let headers = post_headers("node.example", &body, NOW_S);
        let admitted = pass(&guard(), &sign_old(&request(&headers), OLD), &body).unwrap();
        assert_eq!(admitted.is_about_its_actor(), about, "{kind}");
    }
}

#[test]
fn a_host_has_its_own_bucket_and_there_are_not_many() {
    let guard = guard();
    let take =
        |source, at_ms| guard.head(PATH, &good(), source, at_ms).map(drop).map_err(|r| r.status());
    for _ in 0..3 {
        take(None, NOW_MS).unwrap();
    }
    assert_eq!(
        guard.head(PATH, &good(), None, NOW_MS).unwrap_err(),
        Refusal::TooMany { wait_s: 1 }
    );
    take(Some("192.0.2.1"), NOW_MS).unwrap();
    take(None, NOW_MS + 1000).unwrap();
    assert_eq!(take(None, NOW_MS + 1000), Err(429));

    let mut buckets = Buckets::new(Rate { burst: 2, per_minute: 60, hosts_max: 3 });
    for host in 0..100 {
        for _ in 0..2 {
            let _ = buckets.take(&format!("h{host}"), 0);
        }
    }
    assert_eq!(buckets.len(), 3, "a flood of names costs no memory");
    assert_eq!(buckets.take("h1", 0), Err(1000), "and no name gets more by it");
    assert_eq!(buckets.take("h50", 0), Err(1000));
    buckets.take("h1", 1000).unwrap();
    buckets.take("new", 3000).unwrap();
    assert_eq!(buckets.len(), 1, "who has been quiet makes room");
    buckets.take("new", 0).unwrap();
    assert_eq!(buckets.take("new", 0), Err(1000), "a clock that goes back fills nothing");
}

#[test]
fn signed_gets_are_checked_likewise() {
    let headers = post_headers("node.example", b"", NOW_S);
    let asked =
        Request { method: &Method::GET, path_query: "/ap/c/x/outbox?page=1", ..request(&headers) };
    let sign = |key_id: &str| {
        sign_old(&asked, &format!("keyId=\"{key_id}\",headers=\"(request-target) host date\""))
    };
    let headers = sign("https://peer.example/actor#main-key");
    let (signature, key_id) = guard().get("/ap/c/x/outbox?page=1", &headers, None, NOW_MS).unwrap();
    assert_eq!(key_id.host_str(), Some("peer.example"));
    guard()
        .verify(&signature, &Method::GET, "/ap/c/x/outbox?page=1", &headers, &KEY.public())
        .unwrap();
    let refused =
        guard().verify(&signature, &Method::GET, "/ap/c/y/outbox", &headers, &KEY.public());
    assert_eq!(refused.unwrap_err().status(), 401);
    // Each host may ask so often, whatever it says in between.
    let (guard_of_many, first) = (guard(), sign("https://peer.example/actor#main-key"));
    let ask = || guard_of_many.get("/ap/c/x/outbox?page=1", &first, None, NOW_MS).map(drop);
    assert!((0..3).all(|_| ask().is_ok()));
    assert_eq!(ask().unwrap_err().status(), 429);
    let another = sign("https://other.example/actor#main-key");
    guard_of_many.get("/ap/c/x/outbox?page=1", &another, None, NOW_MS).unwrap();
    guard_of_many.head("/ap/inbox", &good(), None, NOW_MS).unwrap();
    let blocked = sign("https://bad.example/actor#main-key");
    assert_eq!(
        guard().get("/ap/c/x/outbox?page=1", &blocked, None, NOW_MS).unwrap_err().status(),
        403
    );
}

#[test]
fn names_have_one_form_and_what_is_none_is_refused() {
    for (name, one) in [
        ("Example.ORG.", "example.org"),
        ("*.loud.example", "loud.example"),
        (" a.b.example ", "a.b.example"),
        ("B\u{dc}CHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
    ] {
        assert_eq!(domain(name).as_deref(), Some(one), "{name}");
    }
    for bad in ["", ".", "127.0.0.1", "[::1]", "0x7f.1", "ex*mple.org", "a b", "a/b", "a..", "*."] {
        assert_eq!(domain(bad), None, "{bad}");
    }
    let only = ["Friend.example.".to_owned(), "example.org".to_owned()];
    let allowed = Allowed::only(Some(&only));
    for host in ["friend.example", "a.FRIEND.example", "example.org.", "a.b.example.org"] {
        assert!(allowed.has(host), "{host}");
    }
    for host in ["other.example", "notexample.org", "example.org.evil.example", "org", "127.0.0.1"]
    {
        assert!(!allowed.has(host), "{host}");
    }
    assert!(Allowed::only(None).has("other.example"));
    assert!(!Allowed::only(Some(&[])).has("other.example"), "none is not all");
}

#[test]
fn lists_of_mastodon_go_in_and_out() {
    let list = "\u{feff}#domain,#severity,#reject_media,#reject_reports,#public_comment,#obfuscate\r\n\
        Bad.example,suspend,true,true,\"spam, and \"\"worse\"\"\nthan that\",false\r\n\
        loud.example,silence,False,FALSE,,TRUE\r\n\
        noop.example,noop,true,false,x,false\r\n\
        ex*mple.org,suspend,false,false,,false\r\n\
        \r\n\
        last.example,suspend";
    let listed = read_blocks(list).unwrap();
    assert_eq!(listed.skipped, ["ex*mple.org"]);
    let block = |host: &str, severity, rejects_media, rejects_reports, remark: &str| HostBlock {
        host: host.to_owned(),
        severity,
        rejects_media,
        rejects_reports,
        remark: remark.to_owned(),
        since: 0,
    };
    assert_eq!(
        listed.blocks,
        [
            block(
                "bad.example",
                BlockSeverity::Suspend,
                true,
                true,
                "spam, and \"worse\"\nthan that"
            ),
            block("last.example", BlockSeverity::Suspend, false, false, ""),
            block("loud.example", BlockSeverity::Limit, false, false, ""),
            block("noop.example", BlockSeverity::None, true, false, "x"),
        ]
    );
    assert_eq!(read_blocks(&write_blocks(&listed.blocks)).unwrap().blocks, listed.blocks);
    // A remark is cut to what is kept of one: a list is not refused for it.
    let long = format!("#domain,#public_comment\nbad.example,{}", "\u{e9}".repeat(3000));
    assert_eq!(read_blocks(&long).unwrap().blocks[0].remark, "\u{e9}".repeat(128));
    // Names alone, as many lists are.
    let plain = read_blocks("# a list\nbad.example\n\nworse.example\n").unwrap().blocks;
    assert!(plain.len() == 2 && plain.iter().all(|b| b.severity == BlockSeverity::Suspend));
    assert_eq!(read_blocks("#domain\na.example\n\"b.example"), Err(CsvError::Format(3)));
    assert_eq!(read_blocks("#severity\nsuspend\n"), Err(CsvError::Format(1)));
    assert_eq!(read_blocks(&" ".repeat((8 << 20) + 1)), Err(CsvError::TooLong));
}

proptest! {
    /// The cheap look agrees with the parser about depth, and never refuses what is small.
    #[test]
    fn the_cheap_look_at_json_is_right(depth in 0usize..80, width in 1usize..50, text in "[\\[\\]{},\"\\\\ a]{0,40}") {
        let mut value = Value::from(text);
        for _ in 0..depth {
            value = Value::from(vec![value]);
        }
        let wide = Value::from(vec![value; width]);
        let bytes = wide.to_string().into_bytes();
        let (deep, many) = (depth + 1 > 64, width * (depth + 1) + 1 > 20_000);
        prop_assert_eq!(check_json(&bytes).is_err(), deep || many);
    }

    #[test]
    fn no_csv_breaks_the_reader(text in "[a-z.,\"\n\r#*]{0,200}") {
        if let Ok(listed) = read_blocks(&text) {
            let again = read_blocks(&write_blocks(&listed.blocks)).unwrap();
            prop_assert_eq!(again.blocks, listed.blocks);
        }
    }
}

#[test]
fn hosts_that_channels_have_brought_along_are_ours_and_no_others() {
    let brought = || guard().and_of(Arc::new(|host| host == "old.example"));
    let body = body();
    let signed = |host: &'static str| {
        let headers = post_headers(host, &body, NOW_S);
        sign_old(&Request { host, ..request(&headers) }, OLD)
    };
    // What is signed for a host is taken at that host.
    for host in ["node.example", "old.example"] {
        assert!(pass(&brought(), &signed(host), &body).is_ok(), "{host}");
    }
    assert_eq!(pass(&brought(), &signed("third.example"), &body).unwrap_err(), Refusal::Host);
    assert_eq!(pass(&guard(), &signed("old.example"), &body).unwrap_err(), Refusal::Host);
    // And at no other of ours.
    let mut moved = signed("old.example");
    set(&mut moved, "host", "node.example");
    assert!(matches!(pass(&brought(), &moved, &body), Err(Refusal::Signature(_))));
}
