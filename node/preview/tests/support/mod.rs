//! Servers on loopback that answer raw bytes, and a resolver that answers what a test wants.

#![allow(dead_code, clippy::unwrap_used, reason = "each test binary uses a part")]

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use preview::{Fetcher, Resolver, Resolving, Setup};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// How a server answers one request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// These bytes, then the end.
    Bytes(Vec<u8>),
    /// These bytes, then others for ever.
    Endless(Vec<u8>, Vec<u8>),
    /// These bytes, then one of the others every 100 ms, for ever.
    Slow(Vec<u8>),
    /// Nothing at all.
    Silence,
}

/// An answer of 200 with a body of known length.
pub(crate) fn ok(content_type: &str, body: impl AsRef<[u8]>) -> Reply {
    with(&format!("Content-Type: {content_type}\r\n"), body)
}

pub(crate) fn html(body: impl AsRef<[u8]>) -> Reply {
    ok("text/html; charset=utf-8", body)
}

pub(crate) fn with(headers: &str, body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let mut bytes =
        format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend(body);
    Reply::Bytes(bytes)
}

pub(crate) fn redirect(target: &str) -> Reply {
    let head = format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
    Reply::Bytes(head.into_bytes())
}

/// A server whose paths are set before it starts; `/` is what others get.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Arc<parking_lot::Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) async fn start(ip: [u8; 4], pages: Vec<(&str, Reply)>) -> Self {
        Self::start_at((ip, 0), pages).await
    }

    pub(crate) async fn start_at(at: ([u8; 4], u16), pages: Vec<(&str, Reply)>) -> Self {
        Self::start_with(at, pages, None).await
    }

    pub(crate) async fn start_with(
        at: ([u8; 4], u16),
        pages: Vec<(&str, Reply)>,
        tls: Option<tokio_rustls::TlsAcceptor>,
    ) -> Self {
        let listener = TcpListener::bind(SocketAddr::from(at)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let pages: HashMap<String, Reply> =
            pages.into_iter().map(|(path, reply)| (path.to_owned(), reply)).collect();
        let (pages, connections, requests) =
            (Arc::new(pages), Arc::new(AtomicUsize::new(0)), Arc::default());
        let server = Self {
            address,
            connections: Arc::clone(&connections),
            requests: Arc::clone(&requests),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (pages, requests) = (Arc::clone(&pages), Arc::clone(&requests));
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => answer(stream, &pages, &requests).await,
                            Err(cause) => Err(cause),
                        },
                        None => answer(stream, &pages, &requests).await,
                    }
                });
            }
        });
        server
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    pages: &HashMap<String, Reply>,
    requests: &parking_lot::Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    requests.lock().push(head);
    match pages.get(&path).or_else(|| pages.get("/")) {
        Some(Reply::Bytes(bytes)) => stream.write_all(bytes).await?,
        Some(Reply::Endless(head, part)) => {
            stream.write_all(head).await?;
            loop {
                stream.write_all(part).await?;
            }
        }
        Some(Reply::Slow(head)) => {
            stream.write_all(head).await?;
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
                stream.write_all(b"x").await?;
                stream.flush().await?;
            }
        }
        Some(Reply::Silence) => std::future::pending().await,
        None => stream.write_all(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n").await?,
    }
    stream.shutdown().await
}

/// Answers from a table: for each question about a name the next of its answers, the last again.
#[derive(Default)]
pub(crate) struct Table {
    answers: HashMap<String, Vec<Vec<IpAddr>>>,
    pub(crate) asked: AtomicUsize,
}

impl Table {
    pub(crate) fn new(answers: &[(&str, &[&[&str]])]) -> Arc<Self> {
        let parse = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().unwrap()).collect();
        let answers = answers
            .iter()
            .map(|(name, answers)| ((*name).to_owned(), answers.iter().map(parse).collect()))
            .collect();
        Arc::new(Self { answers, asked: AtomicUsize::new(0) })
    }
}

impl Resolver for Table {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer =
            self.answers.get(host).map(|answers| answers[asked.min(answers.len() - 1)].clone());
        Box::pin(async move { answer.ok_or_else(|| io::ErrorKind::NotFound.into()) })
    }
}

/// A setup that reaches 127.0.0.1, and no other address of this machine, on some ports.
pub(crate) fn setup(ports: &[u16]) -> Setup {
    Setup {
        allow_ips: vec!["127.0.0.1/32".parse().unwrap()],
        allow_ports: ports.to_vec(),
        within: Duration::from_millis(1500),
        ..Setup::default()
    }
}

pub(crate) fn fetcher(ports: &[u16]) -> Fetcher {
    Fetcher::with_resolver(setup(ports), Table::new(&[])).unwrap()
}
