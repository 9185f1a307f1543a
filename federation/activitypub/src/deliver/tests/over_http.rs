//! Worker, client and servers over real sockets on loopback.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode};
use tokio::sync::watch;

use super::super::memory::Memory;
use super::super::{ClientPost, Handle, Setup, Worker};
use crate::client::{self, Client, Signer, SigningPool};
use crate::sign::{Request, Scheme, Signature};
use crate::testing::{KEY, NOW_S, Names, Seen, Server, answer, rng};

/// A worker that knows these servers by name.
async fn start(queue: &Arc<Memory>, ports: &[u16]) -> (Handle, tokio::task::JoinHandle<()>) {
    start_for(queue, ports, &["a.test".to_owned(), "b.test".to_owned()]).await
}

async fn start_for(
    queue: &Arc<Memory>,
    ports: &[u16],
    names: &[String],
) -> (Handle, tokio::task::JoinHandle<()>) {
    let clock: client::Clock = Arc::new(|| NOW_S * 1000);
    let signer =
        Signer { key_id: "https://node.example/ap/c/x#main-key".into(), key: Arc::clone(&KEY) };
    let setup = client::Setup {
        host: "node.example".to_owned(),
        plain_http: true,
        allow_ips: vec!["127.0.0.1/32".parse().unwrap()],
        allow_ports: ports.to_vec(),
        ..client::Setup::default()
    };
    let here: &[&[&str]] = &[&["127.0.0.1"]];
    let all: Vec<(&str, &[&[&str]])> = names.iter().map(|name| (name.as_str(), here)).collect();
    let names = Names::new(&all);
    let pool = SigningPool::new(2, rng());
    let client = Client::with_resolver(
        setup,
        None,
        signer.clone(),
        pool,
        Arc::new(|_| false),
        clock.clone(),
        names,
    )
    .unwrap();
    let post = Arc::new(ClientPost {
        client,
        signer_of: Arc::new(move |actor| (*actor == [1; 20]).then(|| signer.clone())),
    });
    let worker =
        Worker::new(Arc::clone(queue), post, Setup::default(), clock, rng()).await.unwrap();
    let handle = worker.handle();
    (handle, tokio::spawn(worker.run()))
}

async fn until(what: impl Fn() -> bool) {
    let done = async {
        while !what() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), done).await.expect("it comes to pass");
}

fn scheme_of(seen: &Seen) -> Scheme {
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
    signature.check_body(&seen.headers, &seen.body).unwrap();
    signature.verify(&request, &KEY.public()).unwrap();
    signature.scheme()
}

/// A hundred activities to two servers, of which one reads RFC 9421 only.
#[tokio::test]
async fn activities_arrive_signed_in_the_scheme_that_is_read() {
    let queue = Arc::new(Memory::default());
    let new_only = |seen: &Seen, _| {
        answer(if scheme_of(seen) == Scheme::Rfc9421 { 202 } else { 401 }, &[], "")
    };
    let (a, b) = (
        Server::start([127, 0, 0, 1], |seen, _| {
            assert_eq!(scheme_of(seen), Scheme::Cavage);
            answer(202, &[], "")
        })
        .await,
        Server::start([127, 0, 0, 1], new_only).await,
    );
    queue.follow("a.test", "x", &format!("http://a.test:{}", a.port), true);
    queue.follow("a.test", "y", &format!("http://a.test:{}", a.port), true);
    queue.follow("b.test", "z", &format!("http://b.test:{}", b.port), false);
    queue.log_many(100, 0);
    let (handle, worker) = start(&queue, &[a.port, b.port]).await;
    until(|| ["a.test", "b.test"].iter().all(|host| queue.lane(host).cursor == 100)).await;
    worker.abort();
    let ids = |server: &Server, skip: usize| -> Vec<String> {
        server
            .seen()
            .iter()
            .skip(skip)
            .map(|seen| String::from_utf8(seen.body.to_vec()).unwrap())
            .collect()
    };
    let wanted: Vec<String> =
        (1..=100).map(|n| format!("{{\"id\":\"https://node.example/a/{n}\"}}")).collect();
    assert_eq!(ids(&a, 0), wanted, "two followers, one shared inbox");
    assert!(a.seen().iter().all(|seen| seen.path_query == "/inbox" && seen.method == Method::POST));
    assert_eq!(ids(&b, 1), wanted, "one knock in vain, then none");
    assert_eq!(queue.lane("b.test").scheme, Some(Scheme::Rfc9421));
    assert_eq!(queue.lane("a.test").scheme, Some(Scheme::Cavage));
    assert_eq!(handle.metrics().delivered, 200);
}

#[tokio::test]
async fn a_follower_who_is_gone_is_dropped_and_one_whose_inbox_is_is_not() {
    let queue = Arc::new(Memory::default());
    let server = Server::start([127, 0, 0, 1], |seen, _| -> Response {
        match (&seen.method, seen.path_query.as_str()) {
            (&Method::POST, "/u/gone/inbox" | "/u/half/inbox") => answer(410, &[], ""),
            (&Method::POST, _) => answer(202, &[], ""),
            (_, "/u/gone") => answer(410, &[], ""),
            _ => answer(404, &[], ""),
        }
    })
    .await;
    let base = format!("http://a.test:{}", server.port);
    ["gone", "half", "there"].iter().for_each(|name| queue.follow("a.test", name, &base, false));
    queue.log(None, 0);
    queue.log(None, 0);
    let (_, worker) = start(&queue, &[server.port]).await;
    until(|| queue.lane("a.test").cursor == 2).await;
    worker.abort();
    assert_eq!(*queue.gone.lock(), [format!("{base}/u/gone")]);
    let posted = |name: &str| {
        server.seen().iter().filter(|seen| seen.path_query == format!("/u/{name}/inbox")).count()
    };
    assert_eq!((posted("gone"), posted("half"), posted("there")), (1, 2, 2));
    assert_eq!(queue.lane("a.test").missing.len(), 2);
}

/// Ten activities for a host where nobody listens, until somebody does.
#[tokio::test]
async fn a_host_that_comes_up_and_speaks_gets_what_it_missed() {
    let queue = Arc::new(Memory::default());
    // Bound, so that nobody else gets the port, but not listening yet.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    queue.follow("a.test", "x", &format!("http://a.test:{port}"), true);
    queue.log_many(10, 7);
    let (handle, worker) = start(&queue, &[port]).await;
    until(|| queue.lane("a.test").fails == 1).await;
    assert_eq!(handle.metrics().oldest_pending_ms, Some(7));
    let [failing] = handle.hosts(5).try_into().unwrap();
    assert!(failing.trouble.is_some_and(|words| !words.is_empty()), "the operator is told why");
    worker.abort();
    let _ = worker.await;
    // A minute later; the clock of these tests stands, so the lane is told.
    queue.saved.lock().get_mut("a.test").unwrap().tried_ms -= 60_000;
    let server = Server::on(socket.listen(16).unwrap(), |_, _| answer(202, &[], ""));
    let (handle, worker) = start(&queue, &[port]).await;
    assert!(server.seen().is_empty());
    handle.heard("a.test");
    until(|| queue.lane("a.test").cursor == 10).await;
    worker.abort();
    assert_eq!(server.seen().len(), 10);
    assert_eq!(handle.metrics().oldest_pending_ms, None);
}

/// Servers and activities of [`deliveries_beside_a_loop_of_signed_posts`], and how often it takes both.
fn much() -> (usize, usize, usize) {
    let is_long = std::env::var("ROOKERY_TEST").is_ok_and(|what| what == "full");
    if is_long { (32, 100, 5) } else { (8, 5, 1) }
}

/// Deliveries a second by the worker, beside as many plain tasks as there are cores that sign and post the
/// same bytes to the same servers, in wall time. Both are printed; all of it arrives, and verifies. What a
/// delivery costs in CPU is a row of `rookery-load`.
///
/// With `ROOKERY_TEST=full` as much as can be judged: five times in turns, and the middle is 0.7 at least.
#[tokio::test(flavor = "multi_thread")]
async fn deliveries_beside_a_loop_of_signed_posts() {
    let (hosts, each, rounds) = much();
    let all = hosts * each;
    let (arrived, mut arrivals) = watch::channel(0);
    let server = Server::start([127, 0, 0, 1], move |_, before| {
        arrived.send_modify(|came| *came = (before + 1).max(*came));
        // The connection stays, as servers let it.
        StatusCode::ACCEPTED.into_response()
    })
    .await;
    let names: Vec<String> = (0..hosts).map(|n| format!("h{n}.test")).collect();
    let body = "x".repeat(2_000);
    let mut ratios = Vec::new();
    for round in 0..rounds {
        let queue = Arc::new(Memory::default());
        for name in &names {
            queue.follow(name, "x", &format!("http://{name}:{}", server.port), true);
        }
        (0..each).for_each(|_| queue.log_body(&body));
        let begin = tokio::time::Instant::now();
        let (handle, worker) = start_for(&queue, &[server.port], &names).await;
        arrive(&mut arrivals, (2 * round + 1) * all).await;
        let delivered = all as f64 / begin.elapsed().as_secs_f64();
        until(|| handle.metrics().delivered == all as u64).await;
        worker.abort();
        let begin = tokio::time::Instant::now();
        post_in_loops(&names, server.port, &body, each).await;
        let plain = all as f64 / begin.elapsed().as_secs_f64();
        let ratio = delivered / plain;
        println!("{delivered:.0} deliveries a second, {plain:.0} by plain loops: {ratio:.2}");
        ratios.push(ratio);
    }
    let seen = server.seen();
    assert_eq!(seen.len(), 2 * rounds * all);
    for one in &seen {
        assert_eq!(scheme_of(one), Scheme::Cavage);
        assert_eq!(one.body, body);
    }
    ratios.sort_by(f64::total_cmp);
    assert!(rounds == 1 || ratios[rounds / 2] >= 0.7, "{ratios:?}");
}

/// Waits until so many requests came, of all that were sent.
async fn arrive(arrivals: &mut watch::Receiver<usize>, all: usize) {
    let done = arrivals.wait_for(|came| *came >= all);
    let came = tokio::time::timeout(Duration::from_secs(120), done).await;
    came.expect("all are delivered").expect("the server is there");
}

/// As many tasks as there are cores sign and post, one request after the other.
async fn post_in_loops(names: &[String], port: u16, body: &str, each: usize) {
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(trust::client_config(None).unwrap())
        .no_proxy()
        .build()
        .unwrap();
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let all = names.len() * each;
    let mut loops = tokio::task::JoinSet::new();
    for first in 0..cores {
        let (http, names, body) = (http.clone(), names.to_vec(), body.to_owned());
        loops.spawn(async move {
            for n in (first..all).step_by(cores) {
                let name = &names[n % names.len()];
                let url = url::Url::parse(&format!("http://{name}:{port}/inbox")).unwrap();
                let prepared = crate::sign::prepare(
                    Scheme::Cavage,
                    &url,
                    Some(body.as_bytes()),
                    "application/activity+json",
                    "https://node.example/ap/c/x#main-key",
                    NOW_S,
                );
                let prepared = prepared.unwrap();
                let signature = KEY.sign(prepared.text().as_bytes(), &mut rng()).unwrap();
                let headers = prepared.finish(&signature).unwrap();
                let to = format!("http://127.0.0.1:{port}/inbox");
                let sent = http.post(to).headers(headers).body(body.clone()).send().await;
                assert_eq!(sent.unwrap().status(), StatusCode::ACCEPTED);
            }
        });
    }
    loops.join_all().await;
}
