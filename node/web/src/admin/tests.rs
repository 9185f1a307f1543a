//! The pages and forms as a browser, or somebody else, gets and sends them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::*;

const LOGIN: &str = "11111111111111111111111111111111111111111111111111111111deadbeef";
const SESSION: &str = "2222222222222222222222222222222222222222222222222222222222222222";
const EVIL: &str = "<script>alert(1)</script>";

/// A node that lets [`SESSION`] in, and keeps what it is asked to do.
#[derive(Default)]
struct Desk {
    https: bool,
    busy: AtomicBool,
    asked: Mutex<u32>,
    all_out: AtomicBool,
    acts: Mutex<Vec<Act>>,
    notice: Mutex<Option<Notice>>,
}

fn listed<T>(rows: Vec<T>) -> Listed<T> {
    Listed { total: 60, page: 2, pages: 3, rows }
}

impl Admin for Desk {
    fn node(&self) -> String {
        format!("Raben {EVIL}")
    }
    fn is_https(&self) -> bool {
        self.https
    }
    fn public_url(&self) -> Option<String> {
        Some("https://raben.example".into())
    }
    fn new_browser(&self) -> String {
        LOGIN.into()
    }
    fn form_token(&self, browser: &str) -> String {
        format!("form-of-{}", &browser[..4])
    }
    fn is_form_token(&self, browser: &str, given: &str) -> bool {
        given == self.form_token(browser)
    }
    fn enter(&self, browser: &str) -> bool {
        browser == SESSION
    }
    fn ask_code(&self, _: Option<SocketAddr>) -> bool {
        *self.asked.lock().unwrap() += 1;
        !self.busy.load(Ordering::SeqCst)
    }
    fn log_in<'a>(&'a self, _: Option<SocketAddr>, code: &'a str) -> Found<'a, Tried> {
        let right = code == "1234 5678";
        Box::pin(async move { if right { Tried::In(SESSION.into()) } else { Tried::Wrong } })
    }
    fn log_out(&self, browser: &str) {
        assert_eq!(browser, SESSION);
    }
    fn log_out_everywhere(&self) {
        self.all_out.store(true, Ordering::SeqCst);
    }
    fn notice(&self, _: &str, notice: Notice) {
        *self.notice.lock().unwrap() = Some(notice);
    }
    fn take_notice(&self, _: &str) -> Option<Notice> {
        self.notice.lock().unwrap().take()
    }
    fn overview(&self) -> Loaded<'_, (Overview, Vec<Finding>)> {
        let node = Overview { name: EVIL.into(), members: 3, ..Overview::default() };
        let finding = |level: &str, code: &str, says: &str| Finding {
            level: level.into(),
            code: code.into(),
            peer: Some(EVIL.into()),
            says: says.into(),
            advice: Some("Set the clock".into()),
        };
        let found = vec![
            finding("note", "n", "A note"),
            finding("well", "w", "All is well"),
            finding("problem", "off", "Federation is off"),
            finding("problem", "clock", "The clock is wrong"),
        ];
        Box::pin(async { Ok((node, found)) })
    }
    fn people<'a>(&'a self, text: &'a str, page: u64) -> Loaded<'a, Listed<Person>> {
        assert!(text.chars().count() <= 64 && page >= 1);
        let person =
            Person { id: 7, name: EVIL.into(), seen: "recently".into(), ..Person::default() };
        Box::pin(async { Ok(listed(vec![person])) })
    }
    fn person(&self, id: i64) -> Loaded<'_, PersonPage> {
        let session = Login { session: "00ff".into(), device: EVIL.into(), ..Login::default() };
        let person = Person { id, name: EVIL.into(), ..Person::default() };
        Box::pin(async move { Ok(PersonPage { person, sessions: vec![session] }) })
    }
    fn invites(&self, _: u64) -> Loaded<'_, Listed<OpenInvite>> {
        let by = Some(EVIL.into());
        let invite = OpenInvite { phone: "+88812345678".into(), by, ..OpenInvite::default() };
        Box::pin(async { Ok(listed(vec![invite])) })
    }
    fn channels(&self, _: u64) -> Loaded<'_, Listed<PublicChannel>> {
        let channel = PublicChannel {
            title: EVIL.into(),
            name: "harbour".into(),
            may_bridge: true,
            ..PublicChannel::default()
        };
        let bridge = Some(ChannelBridge { state: "on".into(), handle: None, followers: 4 });
        let bridged = PublicChannel { bridge, ..channel.clone() };
        Box::pin(async { Ok(listed(vec![channel, bridged])) })
    }
    fn peers(&self, _: u64) -> Loaded<'_, Peers> {
        let peer = Peer {
            node: Some("ab12".into()),
            domain: Some(EVIL.into()),
            addresses: vec!["/dns4/b.example/tcp/4040".into()],
            lag: vec![("g".into(), 3), ("h".into(), 0)],
            ..Peer::default()
        };
        let peers = listed(vec![peer]);
        Box::pin(async { Ok(Peers { off: false, addresses: Vec::new(), peers }) })
    }
    fn queues(&self) -> Loaded<'_, Queues> {
        let host = Host { host: EVIL.into(), fails: 3, state: "paused".into(), ..Host::default() };
        let hosts = Some(vec![host]);
        Box::pin(async {
            Ok(Queues { hosts, letters: vec![("b".into(), 2)], ..Queues::default() })
        })
    }
    fn reports(&self, _: u64) -> Loaded<'_, Listed<Report>> {
        let about = Somebody { id: 12, name: Some(EVIL.into()), kind: "channel".into() };
        let text = Some(EVIL.into());
        let report = Report {
            date: 0,
            by: Somebody::default(),
            about,
            reason: "spam".into(),
            comment: EVIL.into(),
            messages: vec![ReportedMessage { id: 34, text }],
            elsewhere: 0,
        };
        Box::pin(async { Ok(listed(vec![report])) })
    }
    fn storage(&self) -> Loaded<'_, Storage> {
        Box::pin(async { Err(format!("no storage {EVIL}")) })
    }
    fn act(&self, act: Act) -> Found<'_, Notice> {
        self.acts.lock().unwrap().push(act);
        Box::pin(async { Notice::Invite { phone: "+888".into(), code: EVIL.into() } })
    }
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn ask(desk: &Arc<Desk>, request: axum::http::request::Builder, body: &str) -> Answer {
    // As the node does: behind the rules of all pages.
    let more = router(desk.clone());
    let all = more.layer(middleware::map_response(crate::safe));
    let answer = all.oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    Answer { status, headers, text: String::from_utf8_lossy(&bytes).into_owned() }
}

async fn see(desk: &Arc<Desk>, path: &str) -> Answer {
    let cookie = format!("other=1; rookery-admin={SESSION}");
    ask(desk, Request::get(path).header("cookie", cookie), "").await
}

/// A form as a browser sends it.
fn form(path: &str, cookie: &str) -> axum::http::request::Builder {
    Request::post(path)
        .header("host", "raben.test")
        .header("origin", "http://raben.test")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", cookie)
}

fn login() -> String {
    format!("rookery-admin-login={LOGIN}")
}

fn session() -> String {
    format!("rookery-admin={SESSION}")
}

#[tokio::test]
async fn strangers_see_nothing_but_the_way_in() {
    let desk = Arc::new(Desk::default());
    for path in
        ["people", "people/7", "invites", "channels", "peers", "queues", "reports", "storage"]
    {
        let answer = ask(&desk, Request::get(format!("/admin/{path}")), "").await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (StatusCode::SEE_OTHER, "/admin"),
            "{path}"
        );
        assert_eq!(answer.text, "");
    }
    let page = ask(&desk, Request::get("/admin"), "").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("Send me a code") && page.text.contains("form-of-1111"));
    assert!(!page.text.contains(EVIL) && !page.text.contains("Members"), "{}", page.text);
    let cookie = page.header("set-cookie");
    for part in [LOGIN, "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
    // Who has one keeps it.
    let again = ask(&desk, Request::get("/admin").header("cookie", login()), "").await;
    assert_eq!(again.header("set-cookie"), "");
}

#[tokio::test]
async fn scripts_of_other_pages_of_this_host_read_none() {
    let desk = Arc::new(Desk::default());
    let wanted = async |as_what: &str| {
        let request = Request::get("/admin").header("cookie", session());
        ask(&desk, request.header("sec-fetch-dest", as_what), "").await
    };
    let page = wanted("document").await;
    assert!(page.status == StatusCode::OK && page.text.contains("Members"), "{}", page.text);
    assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
    for as_what in ["empty", "iframe", "worker", "image"] {
        let refused = wanted(as_what).await;
        assert_eq!((refused.status, &*refused.text), (StatusCode::FORBIDDEN, ""), "{as_what}");
    }
}

#[tokio::test]
async fn cookies_are_bound_to_the_host_where_there_is_tls() {
    let desk = Arc::new(Desk { https: true, ..Desk::default() });
    let page = ask(&desk, Request::get("/admin"), "").await;
    let cookie = page.header("set-cookie");
    assert!(
        cookie.starts_with("__Host-rookery-admin-login=") && cookie.contains("Secure"),
        "{cookie}"
    );
    // One without the prefix may be anybody's.
    let plain = Request::get("/admin/people").header("cookie", session());
    assert_eq!(ask(&desk, plain, "").await.status, StatusCode::SEE_OTHER);
    let bound = format!("__Host-rookery-admin={SESSION}");
    let bound = Request::get("/admin/people").header("cookie", bound);
    assert_eq!(ask(&desk, bound, "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_right_code_opens_a_session_with_a_token_of_its_own() {
    let desk = Arc::new(Desk::default());
    let asked = ask(&desk, form("/admin/code", &login()), "token=form-of-1111").await;
    assert_eq!((asked.status, asked.header("location")), (StatusCode::SEE_OTHER, "/admin/login"));
    assert_eq!(*desk.asked.lock().unwrap(), 1);
    let page = ask(&desk, Request::get("/admin/login").header("cookie", login()), "").await;
    assert!(page.text.contains("one-time-code"));
    let wrong = ask(&desk, form("/admin/login", &login()), "token=form-of-1111&code=1").await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (StatusCode::FORBIDDEN, ""));
    let right =
        ask(&desk, form("/admin/login", &login()), "token=form-of-1111&code=1234+5678").await;
    assert_eq!((right.status, right.header("location")), (StatusCode::SEE_OTHER, "/admin"));
    assert!(right.header("set-cookie").starts_with(&format!("rookery-admin={SESSION};")));
    let out = ask(&desk, form("/admin/logout", &session()), "token=form-of-2222").await;
    assert_eq!((out.status, out.header("location")), (StatusCode::SEE_OTHER, "/admin"));
    assert!(out.header("set-cookie").contains("Max-Age=0"), "{}", out.header("set-cookie"));
    assert!(!desk.all_out.load(Ordering::SeqCst));
    let all = "token=form-of-2222&everywhere=true";
    ask(&desk, form("/admin/logout", &session()), all).await;
    assert!(desk.all_out.load(Ordering::SeqCst));
    desk.busy.store(true, Ordering::SeqCst);
    let busy = ask(&desk, form("/admin/code", &login()), "token=form-of-1111").await;
    assert_eq!(busy.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn forms_of_other_pages_and_without_the_token_are_refused() {
    let desk = Arc::new(Desk::default());
    let good = "token=form-of-2222&do=clear_media";
    let mut refused = Vec::new();
    let post = || Request::post("/admin/act").header("host", "raben.test");
    let kind = |request: axum::http::request::Builder| {
        request.header("content-type", "application/x-www-form-urlencoded")
    };
    // Another page, one that says nothing, one in a frame without an origin, and a cookie of nobody.
    for origin in ["https://evil.example", "null", "http://raben.test.evil.example", "raben.test"] {
        refused.push((kind(post()).header("origin", origin).header("cookie", session()), good));
    }
    refused.push((kind(post()).header("cookie", session()), good));
    for site in ["cross-site", "same-site", "none"] {
        refused.push((form("/admin/act", &session()).header("sec-fetch-site", site), good));
    }
    refused.push((form("/admin/act", ""), good));
    refused.push((form("/admin/act", &login()), good));
    refused.push((form("/admin/act", "rookery-admin=short"), good));
    // Without the token, with that of another browser, or with none that is asked for.
    for body in [
        "do=clear_media",
        "token=&do=clear_media",
        "token=form-of-1111&do=clear_media",
        "token=form-of-2222",
        "token=form-of-2222&do=nothing",
        "token=form-of-2222&do=take_down&channel=1",
        "%%%",
    ] {
        refused.push((form("/admin/act", &session()), body));
    }
    let long = format!("token=form-of-2222&do=peer_add&address={}", "a".repeat(9000));
    refused.push((form("/admin/act", &session()), &long));
    for (request, body) in refused {
        let told = format!("{:?} {body}", request.headers_ref());
        let answer = ask(&desk, request, body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{told}");
    }
    assert!(desk.acts.lock().unwrap().is_empty());
    for path in ["/admin/code", "/admin/login", "/admin/logout"] {
        let forged = form(path, &format!("{}; {}", login(), session()));
        let answer = ask(&desk, forged, "code=1234+5678").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(*desk.asked.lock().unwrap(), 0);
    // A session that is over.
    let old = format!("rookery-admin={}", LOGIN);
    let answer = ask(&desk, form("/admin/act", &old), "token=form-of-1111&do=clear_media").await;
    assert!(
        answer.status == StatusCode::FORBIDDEN && answer.text.contains("not logged in any more")
    );
    assert!(desk.acts.lock().unwrap().is_empty());
    // The node's own pages, here and by the address that it is configured with.
    ask(&desk, form("/admin/act", &session()).header("sec-fetch-site", "same-origin"), good).await;
    let public = kind(post()).header("origin", "https://raben.example").header("cookie", session());
    ask(&desk, public, good).await;
    assert_eq!(*desk.acts.lock().unwrap(), [Act::ClearMedia, Act::ClearMedia]);
}

#[tokio::test]
async fn what_is_done_is_shown_once_on_the_page_it_came_from() {
    let desk = Arc::new(Desk::default());
    for (body, act, page) in [
        ("do=invite", Act::Invite, "/admin/invites"),
        (
            "do=end_session&person=7&session=00ff",
            Act::EndSession { person: "7".into(), session: "00ff".into() },
            "/admin/people/7",
        ),
        (
            "do=end_session&person=%2F%2Fevil.example&session=1",
            Act::EndSession { person: "//evil.example".into(), session: "1".into() },
            "/admin/people",
        ),
        ("do=peer_block&node=ab12", Act::PeerBlock { node: "ab12".into() }, "/admin/peers"),
    ] {
        let body = format!("token=form-of-2222&{body}");
        let done = ask(&desk, form("/admin/act", &session()), &body).await;
        assert_eq!((done.status, done.header("location")), (StatusCode::SEE_OTHER, page));
        assert_eq!(desk.acts.lock().unwrap().pop(), Some(act));
    }
    let first = see(&desk, "/admin/invites").await;
    assert!(first.text.contains("A new invite") && first.text.contains("+888"));
    assert!(!see(&desk, "/admin/invites").await.text.contains("A new invite"));
}

#[tokio::test]
async fn pages_are_escaped_kept_nowhere_and_run_nothing() {
    let desk = Arc::new(Desk::default());
    for path in [
        "/admin",
        "/admin/people",
        "/admin/people?q=%3Cscript%3E&page=0",
        "/admin/people/7",
        "/admin/invites",
        "/admin/channels",
        "/admin/peers",
        "/admin/queues",
        "/admin/reports",
    ] {
        let page = see(&desk, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(!page.text.contains("<script") && page.text.contains("&lt;script"), "{path}");
        assert!(page.text.contains("form-of-2222"), "{path}");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "same-origin");
        let rules = page.header("content-security-policy");
        assert!(rules.contains("default-src 'none'") && !rules.contains("unsafe"), "{rules}");
        assert!(rules.contains("frame-ancestors 'none'") && !rules.contains("script-src"));
    }
    let overview = see(&desk, "/admin").await.text;
    let at = |text: &str| overview.find(text);
    assert!(at("The clock is wrong") < at("Members") && at("Members") < at("A note"));
    assert!(at("The clock is wrong").is_some());
    assert!(at("All is well").is_none() && at("Federation is off").is_none());
    let peers = see(&desk, "/admin/peers").await.text;
    assert!(peers.contains("3 entries in 1 group<"), "{peers}");
    let bridged = see(&desk, "/admin/channels").await.text;
    assert!(bridged.contains("bridge_on") && bridged.contains("bridge_off"));
    let reports = see(&desk, "/admin/reports").await.text;
    assert!(reports.contains("name=\"channel\" value=\"12\"") && reports.contains("value=\"34\""));
    assert!(reports.contains("page=1") && reports.contains("page=3"));
    let failed = see(&desk, "/admin/storage").await;
    assert_eq!(failed.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(failed.text.contains("No storage") && !failed.text.contains("<script"));
}

#[test]
fn sizes_and_times_read_well() {
    for (size, text) in [
        (0, "0 B"),
        (1_999, "1 kB"),
        (1_250_000, "1.2 MB"),
        (9_990_000_000, "9.9 GB"),
        (2_000_000_000_000, "2.0 TB"),
    ] {
        assert_eq!(draw::bytes(size), text);
    }
    for (seconds, text) in [
        (-5, "0 seconds"),
        (1, "1 second"),
        (119, "1 minute"),
        (7_200, "2 hours"),
        (90_000, "1 day"),
    ] {
        assert_eq!(draw::span(seconds), text);
    }
    assert!(draw::when(1_700_000_000).into_string().contains("14 Nov 2023, 22:13 UTC"));
    assert!(draw::day(1_700_000_000).into_string().contains("\"2023-11-14\""));
}
