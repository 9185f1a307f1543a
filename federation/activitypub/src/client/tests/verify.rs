//! Keys are the actor's own, and are fetched no more often than is useful.

use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, Method};
use keys::http_signature::HttpSigningKey;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::*;
use crate::client::Verifier;
use crate::client::verify::key_in;
use crate::guard::{Admitted, Guard, Rate};
use crate::sign::Request;
use crate::testing::{post_headers, sign_new, sign_old};

const PATH: &str = "/ap/inbox";

fn actor(base: &str, pem: &str) -> Value {
    json!({
        "id": format!("{base}/u/a"),
        "type": "Person",
        "publicKey": {"id": format!("{base}/u/a#main-key"), "owner": format!("{base}/u/a"), "publicKeyPem": pem},
    })
}

/// What `base`'s actor sends, signed by the key of these tests.
fn sent(guard: &Guard, base: &str, nth: u32, is_new: bool) -> (HeaderMap, Admitted) {
    let body = json!({"id": format!("{base}/a/{nth}"), "type": "Like", "actor": format!("{base}/u/a"), "object": "https://node.example/p"});
    let body = body.to_string().into_bytes();
    let headers = post_headers("node.example", &body, NOW_S);
    let request = Request {
        method: &Method::POST,
        scheme: "http",
        host: "node.example",
        path_query: PATH,
        headers: &headers,
    };
    let key_id = format!("{base}/u/a#main-key");
    let headers = if is_new {
        sign_new(
            &request,
            &format!(
                "(\"@method\" \"@target-uri\" \"content-digest\");created={NOW_S};keyid=\"{key_id}\""
            ),
        )
    } else {
        sign_old(
            &request,
            &format!("keyId=\"{key_id}\",headers=\"(request-target) host date digest\""),
        )
    };
    let head = guard.head(PATH, &headers, None, NOW_S * 1000).unwrap();
    let admitted = guard.body(head, &headers, &body).unwrap();
    (headers, admitted)
}

fn guard() -> Guard {
    let rate = Rate { burst: 10_000, ..Rate::default() };
    Guard::new("node.example", true, Arc::new(|_| false), rate)
}

/// Somebody forges, so that the actor is fetched, and cannot be again for a while: the actor's own
/// request passes all the same.
#[tokio::test]
async fn a_forgery_does_not_keep_out_whom_it_was_forged_for() {
    let server = Server::start([127, 0, 0, 1], move |seen, _| {
        let base = format!("http://{}", seen.headers["host"].to_str().unwrap());
        answer(200, &[AS], actor(&base, &KEY.public_pem().unwrap()).to_string())
    })
    .await;
    let base = format!("http://peer.test:{}", server.port);
    let names = Names::new(&[("peer.test", &[&["127.0.0.1"]])]);
    let clock: Clock = Arc::new(|| NOW_S * 1000);
    let (pool, blocked) = (SigningPool::new(1, rng()), Arc::new(|_: &str| false));
    let to = setup(&[server.port]);
    let client = Client::with_resolver(to, None, signer(), pool, blocked, clock, names);
    let (guard, verifier) = (guard(), Verifier::new(client.unwrap()));
    let other = HttpSigningKey::generate(&mut rng()).unwrap().public_pem().unwrap();
    let old = actor(&base, &other);
    for known in [None, Some(&old)] {
        let (headers, admitted) = sent(&guard, &base, 1, false);
        // Signed for one inbox, sent to another.
        let forged = verifier.verify(&guard, &admitted, "/ap/other", &headers, known).await;
        assert_eq!(forged.unwrap_err().status(), 401);
        let passed = verifier.verify(&guard, &admitted, PATH, &headers, known).await;
        assert_eq!(passed.unwrap().expect("its document").json["id"], format!("{base}/u/a"));
    }
    assert_eq!(server.seen().len(), 1, "fetched once");
}

/// Unknown, then known, then with a new key: what is fetched, and how often.
#[tokio::test]
async fn a_key_is_fetched_once_and_again_when_it_changes() {
    let other = HttpSigningKey::generate(&mut rng()).unwrap().public_pem().unwrap();
    let right = KEY.public_pem().unwrap();
    let served = Arc::new(Mutex::new(right.clone()));
    let serves = Arc::clone(&served);
    let server = Server::start([127, 0, 0, 1], move |seen, _| {
        let base = format!("http://{}", seen.headers["host"].to_str().unwrap());
        answer(200, &[AS], actor(&base, &serves.lock()).to_string())
    })
    .await;
    let base = format!("http://peer.test:{}", server.port);
    let now_ms = Arc::new(AtomicU64::new(NOW_S * 1000));
    let clock: Clock = {
        let now_ms = Arc::clone(&now_ms);
        Arc::new(move || now_ms.load(Ordering::SeqCst))
    };
    let names = Names::new(&[("peer.test", &[&["127.0.0.1"]])]);
    let pool = SigningPool::new(1, rng());
    let client = Client::with_resolver(
        setup(&[server.port]),
        None,
        signer(),
        pool,
        Arc::new(|_| false),
        clock,
        names,
    );
    let (guard, verifier) = (guard(), Verifier::new(client.unwrap()));
    let pass = async |nth, known: Option<&Value>| {
        let (headers, admitted) = sent(&guard, &base, nth, nth % 2 == 0);
        verifier.verify(&guard, &admitted, PATH, &headers, known).await
    };
    let fetched = pass(1, None).await.unwrap().expect("its document");
    assert_eq!(fetched.json, actor(&base, &right));
    for nth in 2..10 {
        assert!(pass(nth, Some(&fetched.json)).await.unwrap().is_none());
    }
    assert_eq!(server.seen().len(), 1, "what is known is not fetched");
    // It had another key before.
    let old = actor(&base, &other);
    assert_eq!(pass(10, Some(&old)).await.unwrap_err().status(), 401, "fetched a moment ago");
    now_ms.fetch_add(10 * 60_000, Ordering::SeqCst);
    assert_eq!(pass(11, Some(&old)).await.unwrap().expect("the new one").json, fetched.json);
    assert_eq!(server.seen().len(), 2);
    // Somebody signs with a key that is not the actor's.
    *served.lock() = other;
    for nth in 12..1012 {
        assert_eq!(pass(nth, Some(&old)).await.unwrap_err().status(), 401);
    }
    assert_eq!(server.seen().len(), 2, "a thousand of those cost no fetch");
    now_ms.fetch_add(10 * 60_000, Ordering::SeqCst);
    assert_eq!(pass(2000, None).await.unwrap_err().status(), 401);
    assert_eq!(server.seen().len(), 3);
    assert_eq!(pass(2001, None).await.unwrap_err().status(), 401, "what was found counts");
    assert_eq!(server.seen().len(), 3);
    // What was signed for one inbox is not taken at another.
    let (headers, admitted) = sent(&guard, &base, 3000, false);
    let known = Some(&fetched.json);
    let elsewhere = verifier.verify(&guard, &admitted, "/ap/c/x/inbox", &headers, known).await;
    assert_eq!(elsewhere.unwrap_err().status(), 401);
}

#[tokio::test]
async fn a_document_of_another_actor_is_no_proof() {
    let pem = KEY.public_pem().unwrap();
    let server = Server::start([127, 0, 0, 1], move |seen, _| {
        let base = format!("http://{}", seen.headers["host"].to_str().unwrap());
        match (base.contains("moved"), seen.path_query.as_str()) {
            (true, "/u/a") => answer(301, &[("location", &base.replace("moved", "peer"))], ""),
            _ if base.contains("gone") => answer(410, &[], ""),
            _ if base.contains("down") => answer(503, &[], ""),
            _ => answer(200, &[AS], actor(&base, &pem).to_string().replace("/u/a", "")),
        }
    })
    .await;
    let client = client(&[server.port], &["peer.test", "moved.test", "gone.test", "down.test"]);
    let (guard, verifier) = (guard(), Verifier::new(client));
    for (host, status) in
        [("moved.test", 401), ("gone.test", 401), ("down.test", 503), ("none.test", 503)]
    {
        let (headers, admitted) = sent(&guard, &format!("http://{host}:{}", server.port), 1, false);
        let refused = verifier.verify(&guard, &admitted, PATH, &headers, None).await.unwrap_err();
        assert_eq!(refused.status(), status, "{host}: {refused}");
    }
}

#[test]
fn a_key_is_its_actors_own() {
    let pem = KEY.public_pem().unwrap();
    let base = "https://peer.example";
    let url = |path: &str| Url::parse(&format!("{base}{path}")).unwrap();
    let find = |document: &Value, key: &str| key_in(document, &url("/u/a"), &url(key));
    let good = actor(base, &pem);
    assert_eq!(find(&good, "/u/a#main-key"), Some(KEY.public()));
    assert_eq!(find(&good, "/u/a#other-key"), None);
    assert_eq!(find(&good, "/u/a"), None);
    assert_eq!(key_in(&good, &url("/u/b"), &url("/u/a#main-key")), None, "another's document");
    let elsewhere = Url::parse("https://other.example/u/a#main-key").unwrap();
    assert_eq!(key_in(&good, &url("/u/a"), &elsewhere), None);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut document = good.clone();
        change(&mut document);
        document
    };
    // Apart from the actor, as GoToSocial names it; several; of FEP-521a.
    let apart = with(&|d| d["publicKey"]["id"] = "https://peer.example/u/a/main-key".into());
    assert_eq!(find(&apart, "/u/a/main-key"), Some(KEY.public()));
    let multi = json!({"id": format!("{base}/u/a#ed"), "type": "Multikey", "controller": format!("{base}/u/a"), "publicKeyMultibase": "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"});
    let several = with(&|d| {
        d["publicKey"] = json!([{"id": format!("{base}/u/a#old")}, good["publicKey"]]);
        d["assertionMethod"] = json!([multi]);
    });
    assert_eq!(find(&several, "/u/a#main-key"), Some(KEY.public()));
    assert!(find(&several, "/u/a#ed").is_some());
    for bad in [
        with(&|d| d["publicKey"]["owner"] = "https://peer.example/u/b".into()),
        with(&|d| drop(d["publicKey"].as_object_mut().unwrap().remove("owner"))),
        with(&|d| d["publicKey"]["publicKeyPem"] = "x".into()),
        with(&|d| d["publicKey"] = "https://peer.example/u/a#main-key".into()),
        with(&|d| d["id"] = "https://peer.example/u/b".into()),
        json!({}),
    ] {
        assert_eq!(find(&bad, "/u/a#main-key"), None, "{bad}");
    }
    let mut others = multi.clone();
    others["controller"] = "https://peer.example/u/b".into();
    assert_eq!(find(&with(&|d| d["assertionMethod"] = others.clone()), "/u/a#ed"), None);
}
