//! The pages as a browser gets them.

use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;

struct Node {
    busy: AtomicBool,
}

impl Pages for Node {
    fn about(&self) -> About {
        About {
            name: "Raben & <Nest>".into(),
            registration: Registration::Invite,
            mtproto: "192.0.2.7:10443".into(),
            dc: 2,
            rsa_fingerprint: "0123456789abcdef".into(),
            rsa_pem: "-----BEGIN RSA PUBLIC KEY-----\nMII\n-----END RSA PUBLIC KEY-----\n".into(),
            login: None,
        }
    }

    fn profile(&self, username: &str) -> Option<Profile> {
        username.eq_ignore_ascii_case("ada_l").then(|| Profile {
            id: 1_000_001,
            name: "Ada <script>alert(1)</script>".into(),
            username: "Ada_L".into(),
            about: Some("Numbers \"&\" notes".into()),
        })
    }

    fn may_look_up(&self, _: Option<SocketAddr>) -> bool {
        !self.busy.load(Ordering::SeqCst)
    }
}

async fn get_from(node: Arc<Node>, path: &str) -> (StatusCode, axum::http::HeaderMap, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = router(node, Router::new()).oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn get_page(path: &str) -> (StatusCode, axum::http::HeaderMap, String) {
    get_from(Arc::new(Node { busy: AtomicBool::new(false) }), path).await
}

#[tokio::test]
async fn every_page_is_locked_down_and_escaped() {
    for path in ["/", "/ada_l", "/nobody_here", "/+88812345678", "/c/1/2", "/x/y/z", "/style.css"] {
        let (_, headers, body) = get_page(path).await;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{path}: {policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        for forbidden in ["<script", "style=\"", "onclick", "<Nest>"] {
            assert!(!body.contains(forbidden), "{path}: {forbidden} in {body}");
        }
    }
}

#[tokio::test]
async fn home_says_how_to_connect() {
    let (status, _, body) = get_page("/").await;
    assert_eq!(status, StatusCode::OK);
    for wanted in ["Raben &amp; &lt;Nest&gt;", "192.0.2.7:10443", "0x0123456789abcdef", "BEGIN RSA"]
    {
        assert!(body.contains(wanted), "{wanted}: {body}");
    }
}

#[tokio::test]
async fn a_profile_shows_what_is_public_whatever_the_case() {
    for path in ["/ada_l", "/ADA_L"] {
        let (status, _, body) = get_page(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        for wanted in [
            "Ada &lt;script&gt;",
            "@Ada_L",
            "Numbers &quot;&amp;&quot; notes",
            "href=\"tg://resolve?domain=Ada_L\"",
        ] {
            assert!(body.contains(wanted), "{wanted}: {body}");
        }
    }
}

#[tokio::test]
async fn what_is_not_there_looks_the_same_whatever_it_is() {
    let (status, _, nobody) = get_page("/nobody_here").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    for path in ["/ada", "/1000001", "/%3Cb%3E", "/c/1", "/u/x", "/deep/path", "/contact/x"] {
        assert_eq!(get_page(path).await.2, nobody, "{path}");
    }
}

#[tokio::test]
async fn links_lead_to_the_app() {
    for (path, wanted) in [
        ("/+88812345678", "tg://resolve?phone=88812345678"),
        ("/+AbCdEf-123_456", "tg://join?invite=AbCdEf-123_456"),
        ("/joinchat/AbCdEf-123_456", "tg://join?invite=AbCdEf-123_456"),
        ("/c/123/45", "tg://privatepost?channel=123&amp;post=45"),
        ("/u/1000001", "tg://user?id=1000001"),
        ("/contact/0123456789abcdef", "tg://contact?token=0123456789abcdef"),
    ] {
        let (status, _, body) = get_page(path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert!(body.contains(&format!("href=\"{wanted}\"")), "{path}: {body}");
    }
}

#[tokio::test]
async fn look_ups_are_limited_and_links_are_not() {
    let node = Arc::new(Node { busy: AtomicBool::new(true) });
    assert_eq!(get_from(node.clone(), "/ada_l").await.0, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(get_from(node, "/+88812345678").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_domain_says_which_node_is_its_if_there_are_other_nodes() {
    struct Federated(Node);

    impl Pages for Federated {
        fn about(&self) -> About {
            self.0.about()
        }

        fn profile(&self, username: &str) -> Option<Profile> {
            self.0.profile(username)
        }

        fn may_look_up(&self, from: Option<SocketAddr>) -> bool {
            self.0.may_look_up(from)
        }

        fn binding(&self) -> Option<String> {
            Some("{\"node\":\"00\"}".into())
        }
    }

    let place = "/.well-known/rookery/node.json";
    let (status, ..) = get_page(place).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let node = Arc::new(Federated(Node { busy: AtomicBool::new(true) }));
    let request = Request::get(place).body(Body::empty()).unwrap();
    let answer = router(node, Router::new()).oneshot(request).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(&body[..], b"{\"node\":\"00\"}");
}
