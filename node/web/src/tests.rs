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
            web_client: true,
            login: None,
            operator: "Ada & friends".into(),
            contact: Some("abuse@raben.example".into()),
            rules: vec!["Be kind".into(), "No <script>".into()],
        }
    }

    fn channels(&self) -> Vec<ChannelLink> {
        vec![ChannelLink { title: "Nest <News>".into(), username: "nest_news".into() }]
    }

    fn programs(&self) -> &'static [Program] {
        &[Program {
            library: "Telethon",
            file: "telethon.py",
            install: "pip install telethon",
            run: "python3 telethon.py",
        }]
    }

    fn program(&self, file: &str) -> Option<String> {
        (file == "telethon.py").then(|| "HOST = \"<192.0.2.7>\"".into())
    }

    fn invitation<'a>(&'a self, token: &'a str) -> Found<'a, Option<Invitation>> {
        let found = (token == "GOOD").then(|| Invitation {
            number: "+88812345678".into(),
            code: "031415".into(),
            expires: 1_700_000_000,
            page: "https://raben.example/join/GOOD".into(),
            proxies: vec!["tg://proxy?server=192.0.2.7&port=10443&secret=dd00".into()],
        });
        Box::pin(async { found })
    }

    fn channel<'a>(
        &'a self,
        named: crate::Named<'a>,
        before: Option<i32>,
    ) -> Found<'a, Option<Channel>> {
        let found = named.name.eq_ignore_ascii_case("nest_news").then(|| {
            let posts = if before.is_some() { Vec::new() } else { vec![post()] };
            Channel { posts, older: before.is_none().then_some(7), ..channel() }
        });
        Box::pin(async { found })
    }

    fn post<'a>(&'a self, named: crate::Named<'a>, post_name: &'a str) -> Found<'a, FoundPost> {
        let found = match (named.name, post_name) {
            ("nest_news", "abc-0-7") => FoundPost::Page(Box::new(PostPage {
                channel: channel(),
                post: post(),
                comments: vec![Comment {
                    author: "Mia <b> (@mia@fedi.example)".into(),
                    url: Some("https://fedi.example/@mia/1".into()),
                    date: 1_700_000_100,
                    html: "<p>Well &lt;said&gt;</p>".into(),
                }],
            })),
            ("nest_news", "7") => FoundPost::At("/@nest_news/abc-0-7".into()),
            ("nest_news", "abc-0-6") => FoundPost::Gone,
            _ => FoundPost::None,
        };
        Box::pin(async { found })
    }

    fn base(&self) -> String {
        "https://raben.example".into()
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

fn channel() -> Channel {
    Channel {
        id: 5,
        title: "Nest <News>".into(),
        username: "nest_news".into(),
        about: "All & sundry".into(),
        members: 2,
        handle: Some("nest_news@raben.example".into()),
        actor: Some("https://raben.example/ap/c/abc".into()),
        indexable: true,
        ..Channel::default()
    }
}

fn post() -> Post {
    Post {
        number: 7,
        path: "/@nest_news/abc-0-7".into(),
        object: Some("https://raben.example/ap/c/abc/p/abc-0-7".into()),
        date: 1_700_000_000,
        html: "<p>Hello &lt;world&gt; <strong>&amp;</strong> all</p>".into(),
        text: "Hello <world> & all".into(),
        media: vec![Media {
            kind: MediaKind::Image,
            url: "/ap/m/0123.jpg".into(),
            name: "A \"nest\"".into(),
            size: Some((640, 480)),
            bytes: 1000,
        }],
        views: 1,
        comments: 1,
        ..Post::default()
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
    for path in [
        "/",
        "/join/GOOD",
        "/join/WRONG",
        "/programs/telethon.py",
        "/about",
        "/@nest_news",
        "/@nest_news/abc-0-7",
        "/ada_l",
        "/nobody_here",
        "/+88812345678",
        "/c/1/2",
        "/x/y/z",
        "/style.css",
    ] {
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
async fn home_says_whose_node_it_is_and_what_there_is_to_see() {
    let (_, _, body) = get_page("/").await;
    for wanted in [
        "Ada &amp; friends",
        "<li>Be kind</li>",
        "mailto:abuse@raben.example",
        "href=\"/@nest_news\">Nest &lt;News&gt;",
        "href=\"/web/\"",
        "can read what is written here",
        "href=\"/programs/telethon.py\"",
    ] {
        assert!(body.contains(wanted), "{wanted}: {body}");
    }
    let (status, headers, program) = get_page("/programs/telethon.py").await;
    assert_eq!((status, program.as_str()), (StatusCode::OK, "HOST = \"<192.0.2.7>\""));
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(headers["content-disposition"], "attachment");
    assert_eq!(get_page("/programs/other.py").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_invite_has_a_page_that_nobody_keeps() {
    let (status, headers, body) = get_page("/join/GOOD").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&headers["cache-control"], &headers["x-robots-tag"], &headers["referrer-policy"]),
        (
            &"no-store".parse().unwrap(),
            &"noindex".parse().unwrap(),
            &"no-referrer".parse().unwrap()
        )
    );
    for wanted in [
        "<span>+888</span><span>1234</span><span>5678</span>",
        "id=\"code\">031415<",
        "14 November 2023, 22:13 UTC",
        "<svg class=\"qr\"",
        "tg://proxy?server=192.0.2.7&amp;port=10443&amp;secret=dd00",
        "192.0.2.7:10443",
        "href=\"/web/\"",
    ] {
        assert!(body.contains(wanted), "{wanted}: {body}");
    }
    // What a preview of the link shows.
    let head = &body[..body.find("<body>").unwrap()];
    assert!(head.contains("An invitation to Raben") && !head.contains("031415"), "{head}");
    assert!(!head.contains("8881234"), "{head}");
}

#[tokio::test]
async fn an_invite_that_is_over_looks_as_one_that_never_was() {
    let (status, _, body) = get_page("/join/WRONG").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(body.contains("This invitation is over"), "{body}");
    for path in ["/join/x", "/join/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "/join/%3Cb%3E"] {
        assert_eq!(get_page(path).await.2, body, "{path}");
    }
    let busy = Arc::new(Node { busy: AtomicBool::new(true) });
    assert_eq!(get_from(busy, "/join/GOOD").await.0, StatusCode::TOO_MANY_REQUESTS);
}

#[test]
fn an_address_is_drawn_for_pages_and_for_terminals() {
    let address = "https://raben.example/join/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let drawn = qr_text(address).unwrap();
    let lines: Vec<&str> = drawn.lines().collect();
    // Two modules in a character, one above the other; four white ones around all.
    let width = lines[0].chars().count();
    assert_eq!((width, lines.len()), (33 + 8, 21));
    assert!(lines[0].chars().all(|c| c == '█') && lines[2].starts_with("████ ▄▄▄▄▄ █"), "{drawn}");
    assert!(qr_text(&"x".repeat(3000)).is_none());
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

#[tokio::test]
async fn a_channel_is_a_page_and_a_feed() {
    let (status, headers, body) = get_page("/@nest_news").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["x-robots-tag"], "all");
    assert_eq!(headers["vary"], "accept");
    assert!(
        body.contains("Nest &lt;News&gt;") && body.contains("@nest_news@raben.example"),
        "{body}"
    );
    assert!(body.contains("<p>Hello &lt;world&gt; <strong>&amp;</strong> all</p>"), "{body}");
    assert!(body.contains("alt=\"A &quot;nest&quot;\"") && body.contains("?before=7"), "{body}");
    assert!(!body.contains("<script"), "{body}");
    let (_, _, older) = get_page("/@NEST_news?before=7").await;
    assert!(older.contains("Nothing was posted yet") && !older.contains("?before="), "{older}");
    let (status, headers, feed) = get_page("/@nest_news/feed").await;
    assert_eq!(
        (status, &headers["content-type"]),
        (StatusCode::OK, &"application/atom+xml; charset=utf-8".parse().unwrap())
    );
    assert!(feed.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns="), "{feed}");
    assert!(feed.contains("&lt;p&gt;Hello &amp;lt;world&amp;gt;"), "{feed}");
    assert!(feed.contains("<published>2023-11-14T22:13:20Z</published>"), "{feed}");
    assert!(feed.contains("href=\"https://raben.example/@nest_news/abc-0-7\""), "{feed}");
}

#[tokio::test]
async fn a_post_has_one_address_also_when_it_is_gone() {
    let (status, _, body) = get_page("/@nest_news/abc-0-7").await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        body.contains("og:description") && body.contains("Hello &lt;world&gt; &amp; all"),
        "{body}"
    );
    assert!(body.contains("og:image\" content=\"https://raben.example/ap/m/0123.jpg"), "{body}");
    assert!(
        body.contains("Mia &lt;b&gt; (@mia@fedi.example)") && body.contains("Well &lt;said&gt;"),
        "{body}"
    );
    let (status, headers, _) = get_page("/@nest_news/7").await;
    assert_eq!(status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(headers["location"], "/@nest_news/abc-0-7");
    assert_eq!(get_page("/@nest_news/abc-0-6").await.0, StatusCode::GONE);
    for path in ["/@nest_news/abc-0-9", "/@nobody_here/abc-0-7", "/nest_news/abc-0-7", "/@x/feed"] {
        assert_eq!(get_page(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_server_is_led_to_the_object() {
    for (path, object) in [
        ("/@nest_news", "https://raben.example/ap/c/abc"),
        ("/@nest_news/abc-0-7", "https://raben.example/ap/c/abc/p/abc-0-7"),
    ] {
        let node = Arc::new(Node { busy: AtomicBool::new(false) });
        let request = Request::get(path).header("accept", "application/activity+json");
        let request = request.body(Body::empty()).unwrap();
        let answer = router(node, Router::new()).oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{path}");
        assert_eq!(answer.headers()["location"], object);
    }
}

#[tokio::test]
async fn who_runs_the_node_stands_on_a_page() {
    let (status, _, body) = get_page("/about").await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        body.contains("Ada &amp; friends") && body.contains("mailto:abuse@raben.example"),
        "{body}"
    );
    assert!(body.contains("<li>Be kind</li>") && body.contains("No &lt;script&gt;"), "{body}");
}
