//! Vectors of both texts, what must be covered, and every way to be refused.

use std::str::FromStr as _;

use http::HeaderValue;
use proptest::prelude::*;
use url::Url;

use super::*;
use crate::testing::{KEY, NOW_S, post_headers, rng, set, sign_new, sign_old};

const KEY_ID: &str = "https://peer.example/u/a#main-key";
const BODY: &[u8] = br#"{"hello": "world"}"#;
const OLD: &str = r#"keyId="https://peer.example/u/a#main-key",algorithm="rsa-sha256",headers="(request-target) host date digest""#;
const NEW: &str = r#"("@method" "@target-uri" "content-digest");created=1795953600;keyid="https://peer.example/u/a#main-key""#;

fn post<'a>(headers: &'a HeaderMap) -> Request<'a> {
    request(&Method::POST, headers, "/ap/inbox")
}

fn request<'a>(method: &'a Method, headers: &'a HeaderMap, path_query: &'a str) -> Request<'a> {
    Request { method, scheme: "https", host: "node.example", path_query, headers }
}

fn plain() -> HeaderMap {
    post_headers("node.example", BODY, NOW_S)
}

/// Everything that is asked of a signature, at a time.
fn judge(request: &Request<'_>, now_s: u64) -> Result<(), SignatureError> {
    let signature = Signature::parse(request.headers)?;
    signature.check(request, now_s)?;
    if request.method == Method::POST {
        signature.check_body(request.headers, BODY)?;
    }
    signature.verify(request, &KEY.public())
}

fn old(parameters: &str) -> Result<(), SignatureError> {
    let plain = plain();
    judge(&post(&sign_old(&post(&plain), parameters)), NOW_S)
}

fn new(input: &str) -> Result<(), SignatureError> {
    let plain = plain();
    judge(&post(&sign_new(&post(&plain), input)), NOW_S)
}

/// Appendix C of draft-cavage: its signatures are checked in the crate `keys`, over these texts.
#[test]
fn the_drafts_own_request_gives_its_own_texts() {
    let mut headers = HeaderMap::new();
    set(&mut headers, "host", "example.com");
    set(&mut headers, "date", "Sun, 05 Jan 2014 21:31:40 GMT");
    set(&mut headers, "content-type", "application/json");
    set(&mut headers, "digest", "SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=");
    set(&mut headers, "content-length", "18");
    let text = |parameters: &str, headers: &mut HeaderMap| {
        set(
            headers,
            "signature",
            &format!("keyId=\"Test\",algorithm=\"rsa-sha256\",{parameters}signature=\"AA==\""),
        );
        let signature = Signature::parse(headers).unwrap();
        signature.check_body(headers, BODY).unwrap();
        signature.base(&request(&Method::POST, headers, "/foo?param=value&pet=dog")).unwrap()
    };
    assert_eq!(text("", &mut headers), "date: Sun, 05 Jan 2014 21:31:40 GMT");
    assert_eq!(
        text(
            "headers=\"(request-target) host date content-type digest content-length\",",
            &mut headers
        ),
        "(request-target): post /foo?param=value&pet=dog\nhost: example.com\n\
         date: Sun, 05 Jan 2014 21:31:40 GMT\ncontent-type: application/json\n\
         digest: SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=\ncontent-length: 18"
    );
}

/// RFC 9421, section 4.3 (what the proxy signs) and appendix B.2.6.
#[test]
fn the_rfcs_own_signatures_verify() {
    let mut headers = HeaderMap::new();
    set(
        &mut headers,
        "content-digest",
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
    );
    set(&mut headers, "content-type", "application/json");
    set(&mut headers, "content-length", "18");
    set(&mut headers, "forwarded", "for=192.0.2.123;host=example.com;proto=https");
    set(&mut headers, "date", "Tue, 20 Apr 2021 02:07:55 GMT");
    set(
        &mut headers,
        "signature-input",
        r#"proxy_sig=("@method" "@authority" "@path" "content-digest" "content-type" "content-length" "forwarded");created=1618884480;keyid="test-key-rsa";alg="rsa-v1_5-sha256";expires=1618884540"#,
    );
    set(
        &mut headers,
        "signature",
        "proxy_sig=:S6ZzPXSdAMOPjN/6KXfXWNO/f7V6cHm7BXYUh3YD/fRad4BCaRZxP+JH+8XY1I6+8Cy+CM5g92iHgxtRPz+MjniOaYmdkDcnL9cCpXJleXsOckpURl49GwiyUpZ10KHgOEe11sx3G2gxI8S0jnxQB+Pu68U9vVcasqOWAEObtNKKZd8tSFu7LB5YAv0RAGhB8tmpv7sFnIm9y+7X5kXQfi8NMaZaA8i2ZHwpBdg7a6CMfwnnrtflzvZdXAsD3LH2TwevU+/PBPv0B6NMNk93wUs/vfJvye+YuI87HU38lZHowtznbLVdp770I6VHR6WfgS9ddzirrswsE1w5o0LV/g==:",
    );
    let signature = Signature::parse(&headers).unwrap();
    let mut request = request(&Method::POST, &headers, "/foo");
    request.host = "origin.host.internal.example";
    signature.check(&request, 1_618_884_500).unwrap();
    signature.check_body(&headers, BODY).unwrap();
    assert_eq!(signature.check_body(&headers, b"{}"), Err(SignatureError::Digest));
    signature.verify(&request, &KEY.public()).unwrap();

    let mut headers = headers.clone();
    set(
        &mut headers,
        "signature-input",
        r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#,
    );
    set(
        &mut headers,
        "signature",
        "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
    );
    let ed25519 = HttpVerifyKey::from_pem("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----").unwrap();
    let signature = Signature::parse(&headers).unwrap();
    let mut request = super::tests::request(&Method::POST, &headers, "/foo");
    request.host = "Example.COM";
    signature.verify(&request, &ed25519).unwrap();
    assert_eq!(signature.verify(&request, &KEY.public()), Err(SignatureError::Wrong));
    assert_eq!(
        signature.check(&request, 1_618_884_500),
        Err(SignatureError::Uncovered("content-digest")),
        "it is well signed, and would let any body pass"
    );
}

#[test]
fn what_goes_out_comes_in() {
    let url = Url::from_str("https://node.example/ap/inbox?page=2").unwrap();
    for scheme in [Scheme::Cavage, Scheme::Rfc9421] {
        for body in [Some(BODY), None] {
            let prepared =
                prepare(scheme, &url, body, "application/activity+json", KEY_ID, NOW_S).unwrap();
            let signature = KEY.sign(prepared.text().as_bytes(), &mut rng()).unwrap();
            let headers = prepared.finish(&signature).unwrap();
            let method = if body.is_some() { Method::POST } else { Method::GET };
            let request = request(&method, &headers, "/ap/inbox?page=2");
            judge(&request, NOW_S).unwrap();
            let read = Signature::parse(&headers).unwrap();
            assert_eq!((read.scheme(), read.key_id()), (scheme, KEY_ID));
            let elsewhere = Request { path_query: "/ap/outbox?page=2", ..request };
            assert_eq!(judge(&elsewhere, NOW_S), Err(SignatureError::Wrong));
            let other = Method::PUT;
            let other = Request { method: &other, ..request };
            assert!(matches!(
                judge(&other, NOW_S),
                Err(SignatureError::Wrong | SignatureError::Uncovered(_))
            ));
        }
    }
    // Word for word, as servers of old expect it.
    let prepared =
        prepare(Scheme::Cavage, &url, Some(BODY), "application/activity+json", KEY_ID, NOW_S);
    let prepared = prepared.unwrap();
    assert_eq!(
        prepared.text(),
        "(request-target): post /ap/inbox?page=2\nhost: node.example\n\
         date: Sun, 29 Nov 2026 12:00:00 GMT\n\
         digest: SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=\n\
         content-type: application/activity+json"
    );
    let headers = prepared.finish(b"x").unwrap();
    assert_eq!(
        headers["signature"],
        "keyId=\"https://peer.example/u/a#main-key\",algorithm=\"rsa-sha256\",\
         headers=\"(request-target) host date digest content-type\",signature=\"eA==\""
    );
    let prepared = prepare(Scheme::Rfc9421, &url, Some(BODY), "a/b", KEY_ID, NOW_S).unwrap();
    let headers = prepared.finish(b"x").unwrap();
    assert_eq!(
        headers["signature-input"],
        "sig1=(\"@method\" \"@target-uri\" \"content-digest\");created=1795953600;\
         keyid=\"https://peer.example/u/a#main-key\";alg=\"rsa-v1_5-sha256\""
    );
    assert_eq!(headers["signature"], "sig1=:eA==:");
    for bad in ["a\"b", "a\\b", "a\nb", "\u{e4}"] {
        let url = url.clone();
        let made = [Scheme::Cavage, Scheme::Rfc9421].map(|scheme| {
            prepare(scheme, &url, None, "a/b", bad, NOW_S).and_then(|p| p.finish(b"x")).is_ok()
        });
        assert!(!made[1] && (bad == "\u{e4}" || !made[0]), "{bad}: {made:?}");
    }
}

#[test]
fn a_signature_covers_target_host_digest_and_date() {
    let with = |headers: &str| old(&format!("keyId=\"{KEY_ID}\",headers=\"{headers}\""));
    with("(request-target) host date digest").unwrap();
    with("digest date host (request-target) content-type").unwrap();
    with("(request-target) Host Date Digest").unwrap();
    for (headers, what) in [
        ("digest", "(request-target)"),
        ("host date digest", "(request-target)"),
        ("(request-target) date digest", "host"),
        ("(request-target) host date", "digest"),
        ("(request-target) host digest", "date or (created)"),
    ] {
        assert_eq!(with(headers), Err(SignatureError::Uncovered(what)), "{headers}");
    }
    let with = |parts: &str| new(&format!("({parts});created={NOW_S};keyid=\"{KEY_ID}\""));
    for parts in [
        r#""@method" "@target-uri" "content-digest""#,
        r#""@method" "@authority" "@path" "content-digest""#,
        r#""@method" "host" "@request-target" "content-digest" "date" "@scheme" "@query""#,
    ] {
        with(parts).unwrap();
    }
    for (parts, what) in [
        (r#""@target-uri" "content-digest""#, "@method"),
        (r#""@method" "content-digest""#, "@target-uri"),
        (r#""@method" "@authority" "content-digest""#, "@target-uri"),
        (r#""@method" "@path" "content-digest""#, "@target-uri"),
        (r#""@method" "@target-uri""#, "content-digest"),
        (r#""@method" "@target-uri" "digest""#, "content-digest"),
    ] {
        assert_eq!(with(parts), Err(SignatureError::Uncovered(what)), "{parts}");
    }
    assert_eq!(
        new(&format!("(\"@method\" \"@target-uri\" \"content-digest\");keyid=\"{KEY_ID}\"")),
        Err(SignatureError::Uncovered("created"))
    );
    // A path without its query is another request.
    let plain = plain();
    let paged = request(&Method::POST, &plain, "/ap/inbox?page=1");
    let signed = sign_new(
        &paged,
        &format!(
            "(\"@method\" \"@authority\" \"@path\" \"content-digest\");created={NOW_S};keyid=\"k\""
        ),
    );
    let paged = request(&Method::POST, &signed, "/ap/inbox?page=1");
    assert_eq!(judge(&paged, NOW_S), Err(SignatureError::Uncovered("@target-uri")));
}

#[test]
fn a_signature_lives_for_a_while() {
    const HOUR: u64 = 60 * 60;
    let dated = |at: u64| {
        let headers = post_headers("node.example", BODY, at);
        judge(&post(&sign_old(&post(&headers), OLD)), NOW_S)
    };
    dated(NOW_S + HOUR).unwrap();
    assert_eq!(dated(NOW_S + HOUR + 1), Err(SignatureError::Early));
    assert_eq!(dated(NOW_S + 10 * 24 * HOUR), Err(SignatureError::Early));
    dated(NOW_S - 12 * HOUR).unwrap();
    assert_eq!(dated(NOW_S - 12 * HOUR - 1), Err(SignatureError::Late));

    let old_scheme = |created: u64, expires: Option<u64>, date: &str| {
        let (more, times) = match expires {
            Some(expires) => (" (expires)", format!("created={created},expires={expires}")),
            None => ("", format!("created={created}")),
        };
        let covered = format!("(request-target) (created){more} host digest{date}");
        old(&format!("keyId=\"k\",algorithm=\"hs2019\",{times},headers=\"{covered}\""))
    };
    let new_scheme = |created: u64, expires: Option<u64>| {
        let expires = expires.map(|expires| format!(";expires={expires}")).unwrap_or_default();
        let parts = "(\"@method\" \"@target-uri\" \"content-digest\")";
        new(&format!("{parts};created={created}{expires};keyid=\"k\""))
    };
    for scheme in [Scheme::Cavage, Scheme::Rfc9421] {
        let created = |at, expires, date: &str| match scheme {
            Scheme::Cavage => old_scheme(at, expires, date),
            Scheme::Rfc9421 => new_scheme(at, expires),
        };
        created(NOW_S, None, "").unwrap();
        created(NOW_S, None, " date").unwrap();
        created(NOW_S + HOUR, None, "").unwrap();
        assert_eq!(created(NOW_S + HOUR + 1, None, ""), Err(SignatureError::Early));
        // Five minutes by itself, and the hour that clocks may differ.
        created(NOW_S - HOUR - 300, None, "").unwrap();
        assert_eq!(created(NOW_S - HOUR - 301, None, ""), Err(SignatureError::Late));
        created(NOW_S - 3 * HOUR, Some(NOW_S - HOUR), "").unwrap();
        assert_eq!(
            created(NOW_S - 3 * HOUR, Some(NOW_S - HOUR - 1), ""),
            Err(SignatureError::Late)
        );
        created(NOW_S - 13 * HOUR, Some(NOW_S + HOUR), "").unwrap();
        assert_eq!(
            created(NOW_S - 13 * HOUR - 1, Some(NOW_S + HOUR), ""),
            Err(SignatureError::Late),
            "nobody gives himself more than twelve hours"
        );
    }
    // A time that is not covered is worth nothing.
    let plain = plain();
    let mut late = plain.clone();
    set(&mut late, "date", "Sun, 29 Nov 2020 12:00:00 GMT");
    let parameters = OLD.replacen("keyId", &format!("created={NOW_S},keyId"), 1);
    let signed = sign_old(&post(&late), &parameters);
    assert_eq!(judge(&post(&signed), NOW_S), Err(SignatureError::Late));
    let ahead = OLD.replacen("keyId", &format!("created={},keyId", NOW_S + 24 * HOUR), 1);
    judge(&post(&sign_old(&post(&plain), &ahead)), NOW_S).unwrap();
    for bad in ["", "yesterday", "Sun, 29 Nov 2026 12:00:00 +0100", "1795953600"] {
        set(&mut late, "date", bad);
        let signed = sign_old(&post(&late), OLD);
        assert_eq!(judge(&post(&signed), NOW_S), Err(SignatureError::Format("date")), "{bad}");
    }
    for times in [u64::MAX, i64::MAX as u64] {
        assert!(matches!(
            Signature::parse(&one(
                "signature",
                &format!(
                    "keyId=\"k\",algorithm=\"hs2019\",created={times},headers=\"(created)\",signature=\"\""
                )
            )),
            Err(SignatureError::Format("time"))
        ));
    }
}

#[test]
fn an_algorithm_is_what_the_key_is_for() {
    old(&OLD.replace("rsa-sha256", "hs2019")).unwrap();
    old(&OLD.replace("algorithm=\"rsa-sha256\",", "")).unwrap();
    new(&format!("{NEW};alg=\"rsa-v1_5-sha256\"")).unwrap();
    new(NEW).unwrap();
    let refused =
        |result| assert!(matches!(result, Err(SignatureError::Algorithm(_))), "{result:?}");
    for other in ["rsa-sha1", "hmac-sha256", "ecdsa-sha256", "rsa-sha512", "none", "", "RSA-SHA256"]
    {
        let plain = plain();
        let mut signed = sign_old(&post(&plain), OLD);
        let text = signed["signature"].to_str().unwrap().replace("rsa-sha256", other);
        set(&mut signed, "signature", &text);
        refused(judge(&post(&signed), NOW_S));
        let mut signed = sign_new(&post(&plain), NEW);
        let text = format!("sig1={NEW};alg=\"{other}\"");
        set(&mut signed, "signature-input", &text);
        refused(judge(&post(&signed), NOW_S));
    }
    // The draft's own rule.
    let plain = plain();
    let created = format!(
        "keyId=\"k\",algorithm=\"rsa-sha256\",created={NOW_S},headers=\"(request-target) (created) host digest\",signature=\"\""
    );
    refused(Signature::parse(&with(&plain, "signature", &created)).map(drop));
    // Said to be Ed25519, with a key of RSA; and a key of Ed25519 for what says it is RSA.
    let signed = sign_new(&post(&plain), &format!("{NEW};alg=\"ed25519\""));
    refused(judge(&post(&signed), NOW_S));
    let ed25519 = HttpVerifyKey::from_multikey("z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK");
    let ed25519 = ed25519.unwrap();
    for signed in [
        sign_old(&post(&plain), OLD),
        sign_new(&post(&plain), &format!("{NEW};alg=\"rsa-v1_5-sha256\"")),
    ] {
        refused(Signature::parse(&signed).unwrap().verify(&post(&signed), &ed25519));
    }
}

#[test]
fn a_signed_get_may_leave_out_its_query() {
    let plain = plain();
    let whole = request(&Method::GET, &plain, "/ap/c/1/outbox?page=true&max=3");
    let bare = request(&Method::GET, &plain, "/ap/c/1/outbox");
    let other = request(&Method::GET, &plain, "/ap/c/1/outbox?page=false");
    let parameters = "keyId=\"k\",headers=\"(request-target) host date\"";
    let input = format!("(\"@method\" \"@target-uri\");created={NOW_S};keyid=\"k\"");
    for sign in
        [&|request: &Request<'_>| sign_old(request, parameters), &|request: &Request<'_>| {
            sign_new(request, &input)
        }] as [&dyn Fn(&Request<'_>) -> HeaderMap; 2]
    {
        for signed_as in [&whole, &bare] {
            let headers = sign(signed_as);
            let asked = request(&Method::GET, &headers, whole.path_query);
            judge(&asked, NOW_S).unwrap();
        }
        let headers = sign(&other);
        let asked = request(&Method::GET, &headers, whole.path_query);
        assert_eq!(judge(&asked, NOW_S), Err(SignatureError::Wrong));
        // What is posted is signed whole.
        let posted = sign(&Request { method: &Method::POST, ..bare });
        let asked = request(&Method::POST, &posted, whole.path_query);
        assert_eq!(
            Signature::parse(&posted).unwrap().verify(&asked, &KEY.public()),
            Err(SignatureError::Wrong)
        );
    }
}

#[test]
fn the_digest_is_of_this_body() {
    let digest = |value: &str| {
        let headers = with(&plain(), "digest", value);
        let signed = sign_old(&post(&headers), OLD);
        Signature::parse(&signed).unwrap().check_body(&signed, BODY)
    };
    let right = "SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=";
    let longer = "SHA-512=WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==";
    for good in [
        right,
        &right.replace("SHA", "sha"),
        longer,
        &format!("{right}, {longer}"),
        &format!("unixsum=30637,{right}"),
    ] {
        digest(good).unwrap();
    }
    for bad in [
        "",
        "SHA-256",
        "SHA-256=",
        "MD5=AAAA",
        "SHA-256=AAAA",
        &right.replace("X4", "X5"),
        &format!("{right},SHA-512=AAAA"),
        &right[8..],
    ] {
        assert_eq!(digest(bad), Err(SignatureError::Digest), "{bad}");
    }
    let digest = |value: &str| {
        let headers = with(&plain(), "content-digest", value);
        let signed = sign_new(&post(&headers), NEW);
        Signature::parse(&signed).unwrap().check_body(&signed, BODY)
    };
    let right = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    digest(right).unwrap();
    digest(&format!("md5=:AAAA:, {right}")).unwrap();
    for bad in [
        "",
        "sha-256",
        "sha-256=X48E",
        "md5=:AAAA:",
        "sha-256=:AAAA:",
        &format!("{right}, sha-512=:AAAA:"),
        "sha-256=(:AAAA:)",
    ] {
        assert_eq!(digest(bad), Err(SignatureError::Digest), "{bad}");
    }
    let mut none = plain();
    none.remove("digest");
    none.remove("content-digest");
    let signature =
        Signature::parse(&with(&plain(), "signature", "keyId=\"k\",signature=\"\"")).unwrap();
    assert_eq!(signature.check_body(&none, BODY), Err(SignatureError::Digest));
}

#[test]
fn two_of_anything_are_refused() {
    let plain = plain();
    let signed = sign_old(&post(&plain), OLD);
    for name in ["signature", "host", "date", "digest"] {
        let mut twice = signed.clone();
        let value = twice[name].clone();
        twice.append(HeaderName::from_static(name), value);
        assert_eq!(
            judge(&post(&twice), NOW_S),
            Err(SignatureError::Format("a header twice")),
            "{name}"
        );
    }
    let signed = sign_new(&post(&plain), NEW);
    for name in ["signature", "signature-input", "content-digest"] {
        let mut twice = signed.clone();
        let value = twice[name].clone();
        twice.append(HeaderName::from_static(name), value);
        assert_eq!(
            judge(&post(&twice), NOW_S),
            Err(SignatureError::Format("a header twice")),
            "{name}"
        );
    }
    let mut both = signed.clone();
    let (input, value) = (
        both["signature-input"].to_str().unwrap().to_owned(),
        both["signature"].to_str().unwrap().to_owned(),
    );
    set(&mut both, "signature-input", &format!("{input}, sig2=(\"date\");created=1"));
    set(&mut both, "signature", &format!("{value}, sig2=:AAAA:"));
    assert!(matches!(judge(&post(&both), NOW_S), Err(SignatureError::Format(_))));
    // Another header may come twice; it is signed as one.
    let mut more = plain.clone();
    more.append("x-more", HeaderValue::from_static(" a "));
    more.append("x-more", HeaderValue::from_static("b"));
    let signed = sign_old(&post(&more), &OLD.replace("digest", "digest x-more"));
    judge(&post(&signed), NOW_S).unwrap();
    assert!(
        Signature::parse(&signed)
            .unwrap()
            .base(&post(&signed))
            .unwrap()
            .ends_with("\nx-more: a, b")
    );
}

#[test]
fn what_is_not_well_formed_is_refused() {
    let long = format!("keyId=\"{}\",signature=\"\"", "a".repeat(HEADER_BYTES_MAX));
    let many: Vec<String> = (0..40).map(|n| format!("x-{n}")).collect();
    let many = format!("keyId=\"k\",headers=\"{}\",signature=\"\"", many.join(" "));
    for bad in [
        "",
        "keyId",
        "keyId=",
        "keyId=\"k\"",
        "signature=\"\"",
        "keyId=\"k\",signature=\"!\"",
        "keyId=\"k\",signature=\"AAA\"",
        "keyId=\"k\",,signature=\"\"",
        "keyId=\"k\" signature=\"\"",
        "keyId=\"k\",signature=\"\",",
        "keyId=\"k\",keyId=\"l\",signature=\"\"",
        "keyId=\"k\\\"\",signature=\"\"",
        "keyId=k,signature=\"\"",
        "keyId=\"k\",signature=AAAA",
        "keyId=\"k\",headers=\"\",signature=\"\"",
        "keyId=\"k\",headers=\"date  host\",signature=\"\"",
        "keyId=\"k\",headers=\"date date\",signature=\"\"",
        "keyId=\"k\",headers=\"Date date\",signature=\"\"",
        "keyId=\"k\",headers=\"a:b\",signature=\"\"",
        "keyId=\"k\",created=-1,signature=\"\"",
        "keyId=\"k\",created=1.5,signature=\"\"",
        "keyId=\"k\",headers=\"(created)\",algorithm=\"hs2019\",signature=\"\"",
        "Signature keyId=\"k\",signature=\"\"",
        &long,
        &many,
    ] {
        assert!(Signature::parse(&one("signature", bad)).is_err(), "{bad}");
    }
    assert_eq!(Signature::parse(&HeaderMap::new()), Err(SignatureError::Missing));
    Signature::parse(&one("signature", " keyId=\"k\" , signature=\"AAAA\" , x=y")).unwrap();
    for bad in [
        "",
        "sig1",
        "sig1=1",
        "sig1=(\"@method\")",
        "sig1=(\"@method\");keyid=k",
        "sig1=(\"@method\");keyid=\"k\";created=\"1\"",
        "sig1=(\"@method\");keyid=\"k\";created=-1",
        "sig1=(\"@method\" \"@method\");keyid=\"k\"",
        "sig1=(\"@status\");keyid=\"k\"",
        "sig1=(\"@query-param\";name=\"a\");keyid=\"k\"",
        "sig1=(\"date\";sf);keyid=\"k\"",
        "sig1=(\"signature\";key=\"a\");keyid=\"k\"",
        "sig1=(\"Date\");keyid=\"k\"",
        "sig1=(date);keyid=\"k\"",
        "sig2=(\"date\");keyid=\"k\"",
        "sig1=(\"date\");keyid=\"k\";alg=rsa",
    ] {
        let mut headers = one("signature-input", bad);
        set(&mut headers, "signature", "sig1=:AAAA:");
        assert!(Signature::parse(&headers).is_err(), "{bad}");
    }
    let mut headers = one("signature-input", "sig1=(\"date\");keyid=\"k\"");
    for bad in
        ["", "sig1", "sig1=AAAA", "sig1=\"AAAA\"", "sig2=:AAAA:", "keyId=\"k\",signature=\"\""]
    {
        set(&mut headers, "signature", bad);
        assert!(Signature::parse(&headers).is_err(), "{bad}");
    }
    headers.insert("signature", HeaderValue::from_bytes(b"\xff").unwrap());
    assert!(Signature::parse(&headers).is_err());
    let absent = sign_old(&post(&plain()), OLD);
    let mut absent = absent.clone();
    let text = absent["signature"].to_str().unwrap().replace("digest", "digest x-absent");
    set(&mut absent, "signature", &text);
    assert_eq!(judge(&post(&absent), NOW_S), Err(SignatureError::Absent("x-absent".into())));
}

fn one(name: &'static str, value: &str) -> HeaderMap {
    with(&HeaderMap::new(), name, value)
}

fn with(headers: &HeaderMap, name: &'static str, value: &str) -> HeaderMap {
    let mut headers = headers.clone();
    set(&mut headers, name, value);
    headers
}

proptest! {
    /// No header makes the readers fail otherwise than by saying so.
    #[test]
    fn no_header_breaks_the_readers(a in "[ -~]{0,80}", b in "[ -~]{0,80}", c in r#"(keyId|headers|signature|created|"|=|,|a|1){0,20}"#) {
        for (input, signature) in [(None, &a), (None, &c), (Some(&a), &b), (Some(&c), &a)] {
            let mut headers = one("signature", signature);
            if let Some(input) = input {
                set(&mut headers, "signature-input", &format!("sig1={input}"));
            }
            if let Ok(read) = Signature::parse(&headers) {
                let _ = read.base(&post(&headers));
            }
        }
    }

    /// One changed byte of a signed request is another request.
    #[test]
    fn a_changed_byte_is_noticed(at in any::<prop::sample::Index>(), flip in 1u8..128, which in 0usize..4) {
        let plain = plain();
        let signed = sign_old(&post(&plain), OLD);
        let name = ["host", "date", "digest", "signature"][which];
        let mut value = signed[name].as_bytes().to_vec();
        let at = at.index(value.len());
        value[at] ^= flip;
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let mut changed = signed.clone();
            // Names of parameters, and what a key is called, are not covered by a signature.
            if let (Ok(value), "signature") = (value.to_str(), name)
                && let Ok(read) = Signature::parse(&one("signature", value))
                && read == (Signature { key_id: read.key_id.clone(), ..Signature::parse(&signed).unwrap() })
            {
                return Ok(());
            }
            changed.insert(name, value);
            let blank = changed[name].to_str().is_ok_and(|value| value.trim() == signed[name].to_str().unwrap());
            prop_assert!(blank || judge(&post(&changed), NOW_S).is_err());
        }
    }
}
