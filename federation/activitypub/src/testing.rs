//! What the tests of this crate share: keys, and signatures that leave out or add what a test wants.

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, DATE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};
use keys::http_signature::HttpSigningKey;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::sign::{Request, Signature};

/// Sunday, 29 November 2026, 12:00.
pub(crate) const NOW_S: u64 = 1_795_953_600;

/// `test-key-rsa` of RFC 9421.
pub(crate) static KEY: LazyLock<Arc<HttpSigningKey>> = LazyLock::new(|| {
    let pem = include_str!("../../../keys/src/http_signature/rfc9421_private.pem");
    Arc::new(HttpSigningKey::from_pem(pem).unwrap())
});

pub(crate) fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

pub(crate) fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
}

/// The headers that a server sends with a `POST`, but for signatures.
pub(crate) fn post_headers(host: &str, body: &[u8], now_s: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_str(host).unwrap());
    let date = std::time::UNIX_EPOCH + std::time::Duration::from_secs(now_s);
    headers.insert(DATE, HeaderValue::from_str(&httpdate::fmt_http_date(date)).unwrap());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/activity+json"));
    use sha2::Digest as _;
    let hash = STANDARD.encode(sha2::Sha256::digest(body));
    set(&mut headers, "digest", &format!("SHA-256={hash}"));
    set(&mut headers, "content-digest", &format!("sha-256=:{hash}:"));
    headers
}

/// Signs with draft-cavage: `parameters` are those of the header but `signature`.
pub(crate) fn sign_old(request: &Request<'_>, parameters: &str) -> HeaderMap {
    let mut headers = request.headers.clone();
    set(&mut headers, "signature", &format!("{parameters},signature=\"\""));
    let text = Signature::parse(&headers).unwrap().base(request).unwrap();
    let signature = STANDARD.encode(KEY.sign(text.as_bytes(), &mut rng()).unwrap());
    set(&mut headers, "signature", &format!("{parameters},signature=\"{signature}\""));
    headers
}

/// Signs with RFC 9421: `input` is the inner list with its parameters.
pub(crate) fn sign_new(request: &Request<'_>, input: &str) -> HeaderMap {
    let mut headers = request.headers.clone();
    set(&mut headers, "signature-input", &format!("sig1={input}"));
    set(&mut headers, "signature", "sig1=::");
    let text = Signature::parse(&headers).unwrap().base(request).unwrap();
    let signature = STANDARD.encode(KEY.sign(text.as_bytes(), &mut rng()).unwrap());
    set(&mut headers, "signature", &format!("sig1=:{signature}:"));
    headers
}

/// A request as a server got it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: http::Method,
    pub(crate) path_query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: bytes::Bytes,
}

/// A server on loopback that keeps what it got.
pub(crate) struct Server {
    pub(crate) port: u16,
    seen: std::sync::Arc<parking_lot::Mutex<Vec<Seen>>>,
}

impl Server {
    /// `answer` is given the request and how many came before.
    pub(crate) async fn start<F>(ip: [u8; 4], answer: F) -> Self
    where
        F: Fn(&Seen, usize) -> axum::response::Response + Send + Sync + 'static,
    {
        let listener =
            tokio::net::TcpListener::bind((std::net::Ipv4Addr::from(ip), 0)).await.unwrap();
        Self::on(listener, answer)
    }

    pub(crate) fn on<F>(listener: tokio::net::TcpListener, answer: F) -> Self
    where
        F: Fn(&Seen, usize) -> axum::response::Response + Send + Sync + 'static,
    {
        let port = listener.local_addr().unwrap().port();
        let (router, seen) = router(answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { port, seen }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }
}

type AllSeen = std::sync::Arc<parking_lot::Mutex<Vec<Seen>>>;

pub(crate) fn router<F>(answer: F) -> (axum::Router, AllSeen)
where
    F: Fn(&Seen, usize) -> axum::response::Response + Send + Sync + 'static,
{
    let seen = AllSeen::default();
    let (answer, keep) = (std::sync::Arc::new(answer), seen.clone());
    let handler = move |request: axum::extract::Request| {
        let (answer, keep) = (answer.clone(), keep.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 4 << 20).await.unwrap();
            let path_query = parts.uri.path_and_query().unwrap().to_string();
            let one = Seen { method: parts.method, path_query, headers: parts.headers, body };
            let before = {
                let mut seen = keep.lock();
                seen.push(one.clone());
                seen.len() - 1
            };
            answer(&one, before)
        }
    };
    (axum::Router::new().fallback(handler), seen)
}

/// An answer of some type; connections are not kept, so that names are asked for again.
pub(crate) fn answer(
    status: u16,
    headers: &[(&'static str, &str)],
    body: impl Into<axum::body::Body>,
) -> axum::response::Response {
    let mut response = axum::response::Response::new(body.into());
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    set(response.headers_mut(), "connection", "close");
    for (name, value) in headers {
        set(response.headers_mut(), name, value);
    }
    response
}

/// Answers from a table: for each question about a name the next of its answers, the last again.
#[derive(Default)]
pub(crate) struct Names(
    parking_lot::Mutex<std::collections::HashMap<String, Vec<Vec<std::net::IpAddr>>>>,
);

impl Names {
    pub(crate) fn new(answers: &[(&str, &[&[&str]])]) -> std::sync::Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        let table =
            answers.iter().map(|(name, all)| ((*name).to_owned(), all.iter().map(parse).collect()));
        std::sync::Arc::new(Self(parking_lot::Mutex::new(table.collect())))
    }
}

impl preview::Resolver for Names {
    fn resolve<'a>(&'a self, host: &'a str) -> preview::Resolving<'a> {
        let mut names = self.0.lock();
        let answer = names
            .get_mut(host)
            .map(|all| if all.len() > 1 { all.remove(0) } else { all[0].clone() });
        Box::pin(async move { answer.ok_or_else(|| std::io::ErrorKind::NotFound.into()) })
    }
}
