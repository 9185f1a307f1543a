//! What is asked, what is not, and what is believed, over real sockets on loopback.

mod verify;

use std::io::Write as _;

use activitypub_federation::config::{Data, FederationConfig};
use activitypub_federation::fetch::object_id::ObjectId;
use activitypub_federation::traits::Object;
use axum::response::Response;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::sign::{Request, Scheme, Signature};
use crate::testing::{KEY, NOW_S, Names, Seen, Server, answer, rng};

const AS: (&str, &str) = ("content-type", "application/activity+json; charset=utf-8");

fn signer() -> Signer {
    Signer { key_id: "https://node.example/ap/actor#main-key".to_owned(), key: Arc::clone(&KEY) }
}

fn setup(ports: &[u16]) -> Setup {
    Setup {
        host: "node.example".to_owned(),
        version: "1.2.3".to_owned(),
        plain_http: true,
        allow_ips: vec!["127.0.0.1/32".parse().unwrap()],
        allow_ports: ports.to_vec(),
        ..Setup::default()
    }
}

fn client_with(setup: Setup, names: Arc<Names>) -> Client {
    let blocked: IsBlocked = Arc::new(|host| host.ends_with("bad.example"));
    let clock: Clock = Arc::new(|| NOW_S * 1000);
    let pool = SigningPool::new(2, rng());
    Client::with_resolver(setup, None, signer(), pool, blocked, clock, names).unwrap()
}

/// A client for which these names are 127.0.0.1.
fn client(ports: &[u16], hosts: &[&str]) -> Client {
    let here: &[&[&str]] = &[&["127.0.0.1"]];
    let names: Vec<_> = hosts.iter().map(|host| (*host, here)).collect();
    client_with(setup(ports), Names::new(&names))
}

fn object(id: &str) -> Response {
    answer(200, &[AS], json!({"id": id, "type": "Note"}).to_string())
}

/// That a server would take the request, signed by the node's actor.
fn check_signed(seen: &Seen) -> Scheme {
    let host = seen.headers["host"].to_str().unwrap();
    let request = Request {
        method: &seen.method,
        scheme: "http",
        host,
        path_query: &seen.path_query,
        headers: &seen.headers,
    };
    let signature = Signature::parse(&seen.headers).unwrap();
    signature.check(&request, NOW_S).unwrap();
    signature.verify(&request, &KEY.public()).unwrap();
    if seen.method == Method::POST {
        signature.check_body(&seen.headers, &seen.body).unwrap();
    }
    signature.scheme()
}

#[tokio::test]
async fn an_object_is_fetched_signed_and_by_its_name() {
    let server = Server::start([127, 0, 0, 1], |seen, _| {
        object(&format!("http://{}{}", seen.headers["host"].to_str().unwrap(), seen.path_query))
    })
    .await;
    let client = client(&[server.port], &["peer.test"]);
    let url = format!("http://peer.test:{}/u/a?x=1", server.port);
    let fetched = client.get(&format!("{url}#main-key")).await.unwrap();
    assert_eq!(fetched.final_url.as_str(), url);
    assert_eq!(fetched.json["id"], url);
    assert_eq!(serde_json::from_slice::<Value>(&fetched.bytes).unwrap(), fetched.json);
    let [seen] = server.seen().try_into().unwrap();
    assert_eq!(check_signed(&seen), Scheme::Cavage);
    assert_eq!(seen.headers["user-agent"], "Rookery/1.2.3 (+https://node.example/)");
    let mut names: Vec<&str> = seen.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "date", "host", "signature", "user-agent"], "and nothing else");
}

/// What no server of the fediverse is at is refused by itself: nothing is resolved or connected to.
#[tokio::test]
async fn addresses_that_are_no_server_are_not_asked() {
    let closed = client(&[], &["peer.test"]);
    let open = client_with(Setup { plain_http: false, ..setup(&[]) }, Names::new(&[]));
    let long = format!("https://peer.test/{}", "a".repeat(2048));
    for url in [
        "file:///etc/passwd",
        "ftp://peer.test/a",
        "data:application/activity+json,{}",
        "gopher://peer.test/",
        "https://peer.test:8443/a",
        "https://peer.test:22/a",
        "https://user@peer.test/a",
        "https://user:password@peer.test/a",
        "https://127.0.0.1/a",
        "https://127.1/a",
        "https://2130706433/a",
        "https://0x7f000001/a",
        "https://0x7f.0.0.1/a",
        "https://0177.0.0.1/a",
        "https://127.0.0.1./a",
        "https://8.8.8.8/a",
        "https://[::1]/a",
        "https://[::]/a",
        "https://[::ffff:127.0.0.1]/a",
        "https://[64:ff9b::7f00:1]/a",
        "https://[2001:4860:4860::8888]/a",
        "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/a",
        "https:///",
        "peer.test",
        "",
        &long,
    ] {
        for client in [&closed, &open] {
            assert!(client.0.reach.parse(url).is_err(), "{url}");
            let refused = client.get(url).await.unwrap_err();
            assert!(matches!(refused, FetchError::Url(_)), "{url}: {refused:?}");
            if let Ok(url) = Url::parse(url) {
                let outcome = client.post(&url, Bytes::new(), &signer(), None).await;
                assert!(matches!(outcome.status, Err(FetchError::Url(_))), "{url}: {outcome:?}");
            }
        }
    }
    assert!(matches!(open.get("http://peer.test/a").await, Err(FetchError::Url(_))), "no TLS");
}

/// The name is what is checked, where the connection is made, in every build.
#[tokio::test]
async fn names_that_lead_inside_are_not_connected_to() {
    let server = Server::start([127, 0, 0, 1], |_, _| object("http://in.test/")).await;
    let inside = [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "fd00::1",
        "fe80::1",
    ];
    for ip in inside {
        let names = Names::new(&[
            ("in.test", &[&[ip]]),
            ("mixed.test", &[&["8.8.8.8", ip]]),
            ("none.test", &[&[]]),
        ]);
        let setup = Setup { allow_ips: Vec::new(), ..setup(&[server.port]) };
        let client = client_with(setup, names);
        for host in ["in.test", "mixed.test", "none.test", "unknown.test"] {
            let url = format!("http://{host}:{}/", server.port);
            let refused = client.get(&url).await.unwrap_err();
            let FetchError::Connection(why) = &refused else { panic!("{ip} {host}: {refused:?}") };
            let wanted = if host == "none.test" { "no address" } else { "not public" };
            assert!(host == "unknown.test" || why.contains(wanted), "{ip} {host}: {why}");
            let outcome = client.post(&url.parse().unwrap(), Bytes::new(), &signer(), None).await;
            assert!(matches!(outcome.status, Err(FetchError::Connection(_))), "{outcome:?}");
        }
    }
    assert!(server.seen().is_empty(), "nobody was connected to");
}

/// A name that answers otherwise the second time gains nothing: each connection has its own check.
#[tokio::test]
async fn a_name_that_is_rebound_is_not_followed() {
    let port = std::sync::OnceLock::new();
    let port = Arc::new(port);
    let known = port.clone();
    let server = Server::start([127, 0, 0, 1], move |_, _| {
        answer(
            302,
            &[("location", &format!("http://rebound.test:{}/again", known.get().unwrap()))],
            "",
        )
    })
    .await;
    port.set(server.port).unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.2", server.port)).await.unwrap();
    let secret = Server::on(listener, |_, _| object("http://rebound.test/again"));
    let names = Names::new(&[("rebound.test", &[&["127.0.0.1"], &["127.0.0.2"]])]);
    let client = client_with(setup(&[server.port]), names);
    let refused = client.get(&format!("http://rebound.test:{}/", server.port)).await.unwrap_err();
    assert!(
        matches!(&refused, FetchError::Connection(why) if why.contains("not public")),
        "{refused:?}"
    );
    assert_eq!((server.seen().len(), secret.seen().len()), (1, 0));
}

#[tokio::test]
async fn each_redirect_is_checked_and_there_are_three() {
    let server = Server::start([127, 0, 0, 1], |seen, _| {
        let host = seen.headers["host"].to_str().unwrap().to_owned();
        let to = |target: &str| answer(307, &[("location", target)], "");
        match seen.path_query.as_str() {
            "/inside" => to("http://inside.test/"),
            "/literal" => to("http://127.0.0.1/"),
            "/port" => to("http://peer.test:1/"),
            "/file" => to("file:///etc/passwd"),
            "/blocked" => to("http://a.bad.example/"),
            "/nowhere" => answer(302, &[], ""),
            "/end" => object(&format!("http://{host}/end")),
            path => {
                let left: u32 = path[1..].parse().unwrap();
                to(&if left > 1 { format!("/{}", left - 1) } else { "/end".to_owned() })
            }
        }
    })
    .await;
    let names = Names::new(&[("peer.test", &[&["127.0.0.1"]]), ("inside.test", &[&["127.0.0.2"]])]);
    let client = client_with(setup(&[server.port]), names);
    let get =
        async |path: &str| client.get(&format!("http://peer.test:{}{path}", server.port)).await;
    let fetched = get("/3").await.unwrap();
    assert_eq!(fetched.final_url.path(), "/end");
    assert_eq!(server.seen().len(), 4);
    assert!(server.seen().iter().all(|seen| check_signed(seen) == Scheme::Cavage));
    assert_eq!(get("/4").await.unwrap_err(), FetchError::Redirects);
    assert!(matches!(get("/inside").await, Err(FetchError::Connection(_))));
    for path in ["/literal", "/port", "/file"] {
        assert!(matches!(get(path).await, Err(FetchError::Url(_))), "{path}");
    }
    assert_eq!(get("/blocked").await.unwrap_err(), FetchError::Blocked("a.bad.example".into()));
    assert_eq!(get("/nowhere").await.unwrap_err(), FetchError::Status(302));
    // What is posted goes where it was meant to, or nowhere.
    let before = server.seen().len();
    let inbox = format!("http://peer.test:{}/3", server.port).parse().unwrap();
    assert_eq!(client.post(&inbox, Bytes::new(), &signer(), None).await.status, Ok(307));
    assert_eq!(server.seen().len(), before + 1);
}

#[tokio::test]
async fn what_is_no_document_is_not_believed() {
    let server = Server::start([127, 0, 0, 1], |seen, _| {
        let host = seen.headers["host"].to_str().unwrap().to_owned();
        let id = format!("http://{host}{}", seen.path_query);
        let good = json!({"id": id}).to_string();
        let typed = |kind: &str| answer(200, &[("content-type", kind)], good.clone());
        let endless = || {
            axum::body::Body::from_stream(futures_util::stream::repeat_with(|| {
                Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 4096]))
            }))
        };
        match seen.path_query.as_str() {
            "/missing" => answer(404, &[AS], good),
            "/gone" => answer(410, &[AS], good),
            "/broken" => answer(500, &[("content-type", "text/html")], "<html>"),
            "/html" => typed("text/html"),
            "/json" => typed("application/json"),
            "/ld" => typed("application/ld+json"),
            "/profile" => {
                typed("application/ld+json;profile=\"https://www.w3.org/ns/activitystreams\"")
            }
            "/untyped" => {
                let mut r = answer(200, &[], good);
                r.headers_mut().remove("content-type");
                r
            }
            "/packed" => answer(200, &[AS, ("content-encoding", "gzip")], good),
            "/long" => {
                answer(200, &[AS], format!("{{\"id\":\"{id}\",\"a\":\"{}\"}}", "a".repeat(1 << 20)))
            }
            "/endless" => answer(200, &[AS], endless()),
            "/deep" => answer(200, &[AS], format!("{{\"id\":\"{id}\",\"a\":{}", "[".repeat(1000))),
            "/cut" => answer(200, &[AS], "{\"id\":"),
            "/list" => answer(200, &[AS], "[]"),
            "/other-host" => {
                answer(200, &[AS], json!({"id": "https://elsewhere.example/"}).to_string())
            }
            "/no-id" => answer(200, &[AS], "{}"),
            "/alias" => {
                answer(200, &[AS], json!({"id": format!("http://{host}/profile")}).to_string())
            }
            "/lies" => {
                answer(200, &[AS], json!({"id": format!("http://{host}/lies2")}).to_string())
            }
            "/lies2" => {
                answer(200, &[AS], json!({"id": format!("http://{host}/lies3")}).to_string())
            }
            "/slow" => answer(
                200,
                &[AS],
                axum::body::Body::from_stream(futures_util::stream::pending::<
                    Result<Bytes, std::io::Error>,
                >()),
            ),
            _ => object(&id),
        }
    })
    .await;
    let names = Names::new(&[("peer.test", &[&["127.0.0.1"]])]);
    let client =
        client_with(Setup { within: Duration::from_millis(700), ..setup(&[server.port]) }, names);
    let get =
        async |path: &str| client.get(&format!("http://peer.test:{}{path}", server.port)).await;
    for (path, wanted) in [
        ("/missing", FetchError::Status(404)),
        ("/gone", FetchError::Gone),
        ("/broken", FetchError::Status(500)),
        ("/html", FetchError::ContentType),
        ("/json", FetchError::ContentType),
        ("/ld", FetchError::ContentType),
        ("/untyped", FetchError::ContentType),
        ("/packed", FetchError::ContentType),
        ("/long", FetchError::TooLong),
        ("/endless", FetchError::TooLong),
        ("/deep", FetchError::Body),
        ("/cut", FetchError::Body),
        ("/list", FetchError::Body),
        ("/other-host", FetchError::Id),
        ("/no-id", FetchError::Id),
        ("/lies", FetchError::Id),
        ("/slow", FetchError::Late),
    ] {
        assert_eq!(get(path).await.unwrap_err(), wanted, "{path}");
    }
    get("/profile").await.unwrap();
    assert_eq!(
        get("/alias").await.unwrap().final_url.path(),
        "/profile",
        "fetched again by its id"
    );
    let url = format!("http://peer.test:{}/json", server.port);
    client.get_document(&url, Document::Jrd).await.unwrap();
    client.get_document(&url, Document::Json).await.unwrap();
    assert_eq!(
        client.get("http://a.bad.example/").await.unwrap_err(),
        FetchError::Blocked("a.bad.example".into())
    );
}

/// A server that reads one scheme only is reached in it, and the other is tried once.
#[tokio::test]
async fn whoever_refuses_one_scheme_is_asked_in_the_other() {
    for (reads, refuses_with) in
        [(Scheme::Cavage, 401), (Scheme::Rfc9421, 401), (Scheme::Rfc9421, 400)]
    {
        let server = Server::start([127, 0, 0, 1], move |seen, _| {
            let id =
                format!("http://{}{}", seen.headers["host"].to_str().unwrap(), seen.path_query);
            if check_signed(seen) == reads {
                if seen.method == Method::POST { answer(202, &[], "") } else { object(&id) }
            } else {
                answer(refuses_with, &[], "")
            }
        })
        .await;
        let client = client(&[server.port], &["peer.test"]);
        let inbox: Url = format!("http://peer.test:{}/inbox", server.port).parse().unwrap();
        let post =
            async |scheme| client.post(&inbox, Bytes::from_static(b"{}"), &signer(), scheme).await;
        let outcome = post(None).await;
        assert_eq!(outcome, Outcome { status: Ok(202), retry_after_s: None, scheme: Some(reads) });
        let knocks = if reads == Scheme::Cavage { 1 } else { 2 };
        assert_eq!(server.seen().len(), knocks);
        post(outcome.scheme).await.status.unwrap();
        assert_eq!(server.seen().len(), knocks + 1, "the one that worked is remembered");
        assert_eq!(post(Some(reads.other())).await.scheme, Some(reads));
        if refuses_with == 401 {
            client.get(&format!("http://peer.test:{}/note", server.port)).await.unwrap();
        }
    }
    let server = Server::start([127, 0, 0, 1], |seen, _| match seen.path_query.as_str() {
        "/401" => answer(401, &[], ""),
        "/403" => answer(403, &[], ""),
        "/429" => answer(429, &[("retry-after", "120")], ""),
        "/503" => answer(503, &[("retry-after", "Sun, 29 Nov 2026 12:10:00 GMT")], ""),
        _ => answer(503, &[("retry-after", "9999999")], "x".repeat(1 << 20)),
    })
    .await;
    let client = client(&[server.port], &["peer.test"]);
    for (path, status, retry_after_s, knocks) in [
        ("/401", 401, None, 2),
        ("/403", 403, None, 1),
        ("/429", 429, Some(120), 1),
        ("/503", 503, Some(600), 1),
        ("/long", 503, Some(24 * 60 * 60), 1),
    ] {
        let before = server.seen().len();
        let inbox = format!("http://peer.test:{}{path}", server.port).parse().unwrap();
        let outcome = client.post(&inbox, Bytes::from_static(b"{}"), &signer(), None).await;
        assert_eq!(outcome, Outcome { status: Ok(status), retry_after_s, scheme: None }, "{path}");
        assert_eq!(server.seen().len() - before, knocks, "{path}");
    }
}

/// Over TLS, whose authority is the operator's; another is not believed.
#[tokio::test]
async fn tls_is_spoken_with_whom_the_operator_trusts() {
    let made = rcgen::generate_simple_self_signed(vec!["peer.test".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let body = json!({"id": format!("https://peer.test:{port}/a")}).to_string();
            let text = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/activity+json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(text.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(made.cert.pem().as_bytes()).unwrap();
    let here: &[&[&str]] = &[&["127.0.0.1"]];
    let try_with = async |trust: Option<&Path>, host: &str| {
        let names = Names::new(&[("peer.test", here), ("other.test", here)]);
        let setup = Setup { plain_http: false, ..setup(&[port]) };
        let clock: Clock = Arc::new(|| NOW_S * 1000);
        let pool = SigningPool::new(1, rng());
        let client =
            Client::with_resolver(setup, trust, signer(), pool, Arc::new(|_| false), clock, names);
        client.unwrap().get(&format!("https://{host}:{port}/a")).await
    };
    try_with(Some(file.path()), "peer.test").await.unwrap();
    assert!(matches!(try_with(None, "peer.test").await, Err(FetchError::Connection(_))));
    assert!(matches!(
        try_with(Some(file.path()), "other.test").await,
        Err(FetchError::Connection(_))
    ));
}

/// An object of `activitypub_federation`.
#[derive(Debug)]
struct Note(Value);

#[async_trait::async_trait]
impl Object for Note {
    type DataType = ();
    type Kind = Value;
    type Error = activitypub_federation::error::Error;

    fn id(&self) -> &Url {
        unreachable!("not asked for here")
    }

    async fn read_from_id(_: Url, _: &Data<()>) -> Result<Option<Self>, Self::Error> {
        Ok(None)
    }

    async fn into_json(self, _: &Data<()>) -> Result<Value, Self::Error> {
        Ok(self.0)
    }

    async fn verify(_: &Value, _: &Url, _: &Data<()>) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn from_json(json: Value, _: &Data<()>) -> Result<Self, Self::Error> {
        Ok(Self(json))
    }
}

/// The library dereferences through the same checks: media types as they are defined, redirects,
/// what is not public.
#[tokio::test]
async fn the_library_dereferences_through_this_client() {
    use activitypub_federation::error::Error;
    let server = Server::start([127, 0, 0, 1], |seen, _| {
        let host = seen.headers["host"].to_str().unwrap();
        match seen.path_query.as_str() {
            "/moved" => answer(301, &[("location", "/note")], ""),
            "/gone" => answer(410, &[], ""),
            "/missing" => answer(404, &[AS], "{\"error\":\"x\"}"),
            path => answer(
                200,
                &[("content-type", "application/activity+json;charset=utf-8")],
                json!({"id": format!("http://{host}{path}")}).to_string(),
            ),
        }
    })
    .await;
    let names = Names::new(&[("peer.test", &[&["127.0.0.1"]]), ("inside.test", &[&["127.0.0.2"]])]);
    let client = client_with(setup(&[server.port]), names);
    let config = FederationConfig::builder()
        .domain("node.example")
        .app_data(())
        .client(client.for_federation())
        .debug(true) // its own checks of ports and schemes are off; those of the client stay
        .build()
        .await
        .unwrap();
    let get = async |host: &str, path: &str| {
        let id = ObjectId::<Note>::parse(&format!("http://{host}:{}{path}", server.port)).unwrap();
        id.dereference(&config.to_request_data()).await
    };
    assert_eq!(
        get("peer.test", "/note").await.unwrap().0["id"],
        format!("http://peer.test:{}/note", server.port)
    );
    get("peer.test", "/moved").await.unwrap();
    assert!(server.seen().iter().all(|seen| check_signed(seen) == Scheme::Cavage));
    assert!(matches!(get("peer.test", "/gone").await, Err(Error::ObjectDeleted(_))));
    assert!(matches!(get("peer.test", "/missing").await, Err(Error::ReqwestMiddleware(_))));
    assert!(matches!(get("inside.test", "/note").await, Err(Error::ReqwestMiddleware(_))));
    let post = client.for_federation().post(format!("http://peer.test:{}/inbox", server.port));
    let before = server.seen().len();
    assert!(post.send().await.is_err());
    assert_eq!(server.seen().len(), before);
}

#[tokio::test]
async fn few_keys_work_at_once() {
    let pool = SigningPool::new(2, rng());
    let signer = signer();
    let all = (0..20).map(|n| {
        let (pool, signer) = (pool.clone(), signer.clone());
        async move { pool.sign(&signer, &n.to_string()).await.map(|made| (n, made)) }
    });
    for result in futures_util::future::join_all(all).await {
        let (n, made) = result.unwrap();
        KEY.public().verify(n.to_string().as_bytes(), &made).unwrap();
    }
}
