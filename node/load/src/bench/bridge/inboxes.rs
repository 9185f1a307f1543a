//! Servers of the fediverse, each with one person who follows: all in this process, under names of their
//! own. They check what comes, and some can be made to fail in the ways that servers do.

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use keys::http_signature::{HttpSigningKey, HttpVerifyKey};
use rookery_load::clock;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::signed::{self, MEDIA_TYPE};
use super::stage::Authority;

/// All servers are below it.
pub(super) const DOMAIN: &str = "load.test";
/// Servers that always answer, at most.
const LIVE_MAX: usize = 990;
/// Servers that can fail, at most: ten for each of five pairs.
const MORTAL_MAX: usize = 50;
/// Where those are that always answer.
const LIVE_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 1);
const PORT: u16 = 443;

/// No request of the node's is longer.
const BODY_BYTES_MAX: usize = 1 << 20;
/// How long a slow server takes for an answer: less than the node waits for one.
const SLOW: Duration = Duration::from_secs(20);
/// Connections that wait, of a server that takes none, until what more comes is dropped.
const FULL_WITHIN: usize = 8;
/// On this machine a connection is made at once, or was dropped.
const CONNECTS_WITHIN: Duration = Duration::from_millis(300);

/// All names and where they lead.
pub(super) fn names() -> impl Iterator<Item = (String, Ipv4Addr)> {
    let live = (0..LIVE_MAX).map(|at| (live_name(at), LIVE_ADDRESS));
    live.chain((0..MORTAL_MAX).map(|at| (mortal_name(at), mortal_address(at))))
}

fn live_name(at: usize) -> String {
    format!("h{at:03}.{DOMAIN}")
}

/// They sort before all others: the node begins with them.
fn mortal_name(at: usize) -> String {
    format!("a{at:02}.{DOMAIN}")
}

fn mortal_address(at: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 2, 0, 1 + at as u8)
}

/// How a server fails.
#[derive(Debug, Clone, Copy)]
pub(super) enum Failure {
    /// Nobody listens.
    Refuses,
    /// It takes connections, and says nothing.
    Silent,
    /// What is sent there is dropped.
    Hole,
    /// It answers after [`SLOW`].
    Slow,
}

/// The servers. Dropped, they end.
pub(super) struct Inboxes {
    shared: Arc<Shared>,
    acceptor: TlsAcceptor,
    live: usize,
    mortals: Vec<Option<JoinHandle<()>>>,
    runtime: Runtime,
}

struct Shared {
    /// Live ones first.
    hosts: Vec<Host>,
    /// Where in that list a name is.
    named: HashMap<String, usize>,
    live: usize,
    public_pem: String,
    /// With what the channel signs, as soon as it is known: then all that comes is verified.
    verify: Mutex<Option<HttpVerifyKey>>,
    count: Mutex<Count>,
    changed: Condvar,
    /// The last post's bytes, as they came.
    body: OnceLock<Vec<u8>>,
}

struct Host {
    name: String,
    came: Mutex<Came>,
}

/// What came to one server.
#[derive(Debug, Default)]
struct Came {
    accepted: bool,
    /// The number of the last post.
    last: u64,
}

/// What came to all.
#[derive(Debug, Default)]
struct Count {
    accepted: usize,
    /// What was wrong first.
    fault: Option<String>,
    /// The post that is waited for, how many live servers do not have it, and since when all have it.
    awaited: u64,
    lacking: usize,
    complete: Option<Instant>,
    /// Posts that came to any server.
    posts: u64,
}

/// A lock, whoever panicked with it.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inboxes {
    /// Starts `live` servers that always answer, and `mortals` that can be made to fail.
    pub(super) fn start(
        authority: &Authority,
        key: &HttpSigningKey,
        live: usize,
        mortals: usize,
    ) -> anyhow::Result<Self> {
        ensure!(live <= LIVE_MAX && mortals <= MORTAL_MAX, "so many have no names");
        let names = (0..live).map(live_name).chain((0..mortals).map(mortal_name));
        let names: Vec<String> = names.collect();
        let shared = Arc::new(Shared {
            named: names.iter().cloned().zip(0..).collect(),
            hosts: names.into_iter().map(|name| Host { name, came: Mutex::default() }).collect(),
            live,
            public_pem: key.public_pem()?,
            verify: Mutex::default(),
            count: Mutex::default(),
            changed: Condvar::new(),
            body: OnceLock::new(),
        });
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let acceptor = TlsAcceptor::from(authority.server.clone());
        let listener = runtime.block_on(TcpListener::bind((LIVE_ADDRESS, PORT)))?;
        runtime.spawn(serve(listener, acceptor.clone(), shared.clone(), Duration::ZERO));
        let mut all = Self { shared, acceptor, live, mortals: Vec::new(), runtime };
        for at in 0..mortals {
            all.mortals.push(None);
            all.revive(at)?;
        }
        Ok(all)
    }

    /// Names of all of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.shared.hosts.iter().map(|host| host.name.as_str())
    }

    /// Where a server is.
    pub(super) fn address(&self, at: usize) -> (Ipv4Addr, u16) {
        let mortal = at.checked_sub(self.live).map(mortal_address);
        (mortal.unwrap_or(LIVE_ADDRESS), PORT)
    }

    /// Whose names are those of mortals.
    pub(super) fn mortal(&self, at: usize) -> &str {
        &self.shared.hosts[self.live + at].name
    }

    /// From now on all that comes is verified.
    pub(super) fn verify(&self, key: HttpVerifyKey) {
        *lock(&self.shared.verify) = Some(key);
    }

    /// From now on it is believed: verifying takes a share of the cores that the node runs on.
    pub(super) fn believe(&self) {
        *lock(&self.shared.verify) = None;
    }

    /// A server answers as it should.
    pub(super) fn revive(&mut self, at: usize) -> anyhow::Result<()> {
        self.serve(at, Duration::ZERO)
    }

    /// A server fails; connections to it end.
    pub(super) fn fail(&mut self, at: usize, how: Failure) -> anyhow::Result<()> {
        match how {
            Failure::Refuses => self.close(at),
            Failure::Slow => self.serve(at, SLOW)?,
            Failure::Silent => {
                self.close(at);
                let listener = self.runtime.block_on(TcpListener::bind((mortal_address(at), PORT)));
                let listener = listener?;
                self.mortals[at] = Some(self.runtime.spawn(async move {
                    let mut held = Vec::new();
                    while let Ok((stream, _)) = listener.accept().await {
                        held.push(stream);
                    }
                }));
            }
            Failure::Hole => {
                self.close(at);
                let hole = self.runtime.block_on(hole(mortal_address(at)))?;
                self.mortals[at] = Some(self.runtime.spawn(async move {
                    std::future::pending::<()>().await;
                    drop(hole);
                }));
            }
        }
        Ok(())
    }

    fn close(&mut self, at: usize) {
        if let Some(serving) = self.mortals[at].take() {
            serving.abort();
            // It ended by that.
            drop(self.runtime.block_on(serving));
        }
    }

    fn serve(&mut self, at: usize, after: Duration) -> anyhow::Result<()> {
        self.close(at);
        let listener = self.runtime.block_on(TcpListener::bind((mortal_address(at), PORT)))?;
        let serving = serve(listener, self.acceptor.clone(), self.shared.clone(), after);
        self.mortals[at] = Some(self.runtime.spawn(serving));
        Ok(())
    }

    /// Waits until all who follow were told that they do.
    pub(super) fn wait_accepted(&self, within: Duration) -> anyhow::Result<()> {
        let all = self.shared.hosts.len();
        let count = self.wait(within, |count| count.accepted == all)?;
        ensure!(count.accepted == all, "{} of {all} were accepted", count.accepted);
        Ok(())
    }

    /// Begins to wait for a post.
    pub(super) fn await_post(&self, number: u64) {
        let mut count = lock(&self.shared.count);
        (count.awaited, count.lacking, count.complete) = (number, self.live, None);
    }

    /// When all live servers had the post that is awaited.
    pub(super) fn wait_post(&self, within: Duration) -> anyhow::Result<Instant> {
        let count = self.wait(within, |count| count.complete.is_some())?;
        let lacking = || format!("{} servers do not have post {}", count.lacking, count.awaited);
        count.complete.with_context(lacking)
    }

    /// Waits until so many posts came to all servers together.
    pub(super) fn wait_posts(&self, posts: u64, within: Duration) -> anyhow::Result<()> {
        let count = self.wait(within, |count| count.posts >= posts)?;
        ensure!(count.posts == posts, "{} posts came, and not {posts}", count.posts);
        Ok(())
    }

    /// Posts that came to all servers together.
    pub(super) fn posts(&self) -> u64 {
        lock(&self.shared.count).posts
    }

    /// The number of the last post that came to each.
    pub(super) fn last(&self) -> Vec<u64> {
        self.shared.hosts.iter().map(|host| lock(&host.came).last).collect()
    }

    /// A post's bytes, as they came.
    pub(super) fn body(&self) -> anyhow::Result<&[u8]> {
        Ok(self.shared.body.get().context("no post came")?)
    }

    fn wait(
        &self,
        within: Duration,
        is_over: impl Fn(&Count) -> bool,
    ) -> anyhow::Result<MutexGuard<'_, Count>> {
        let end = clock::now() + within;
        let mut count = lock(&self.shared.count);
        while count.fault.is_none() && !is_over(&count) && clock::now() < end {
            let left = end.saturating_duration_since(clock::now());
            let waited = self.shared.changed.wait_timeout(count, left);
            count = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        match &count.fault {
            Some(fault) => anyhow::bail!("{fault}"),
            None => Ok(count),
        }
    }
}

/// A place whose queue of connections is full: the kernel drops what more comes.
async fn hole(address: Ipv4Addr) -> anyhow::Result<(TcpListener, Vec<TcpStream>)> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((address, PORT).into())?;
    let listener = socket.listen(0)?;
    let mut held = Vec::new();
    while held.len() < FULL_WITHIN {
        let connect = TcpStream::connect((address, PORT));
        match tokio::time::timeout(CONNECTS_WITHIN, connect).await {
            Ok(stream) => held.push(stream?),
            Err(_) => return Ok((listener, held)),
        }
    }
    anyhow::bail!("{address} takes connections, however many wait")
}

/// Serves until it is dropped, with all its connections.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>, after: Duration) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, acceptor.clone(), shared.clone(), after));
        while connections.try_join_next().is_some() {}
    }
}

/// HTTP/1.1 as far as the node speaks it.
async fn connection(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    shared: Arc<Shared>,
    after: Duration,
) -> io::Result<()> {
    let mut stream = BufReader::new(acceptor.accept(stream).await?);
    loop {
        let (mut line, mut headers, mut length) = (String::new(), Vec::new(), 0);
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let request = line.clone();
        loop {
            line.clear();
            stream.read_line(&mut line).await?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
            if name == "content-length" {
                length = value.parse().map_err(io::Error::other)?;
            }
            headers.push((name, value));
        }
        if length > BODY_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        tokio::time::sleep(after).await;
        let (status, document) = match shared.take(&request, &headers, &body) {
            Ok(answer) => answer,
            Err(fault) => {
                shared.faulty(&format!("{}: {fault:#}", request.trim()));
                ("400 Bad Request", String::new())
            }
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {}\r\n\r\n{document}",
            document.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
    }
}

/// Who is at a server.
pub(super) fn person(host: &str) -> String {
    format!("https://{host}/users/finn")
}

impl Shared {
    /// Takes a request: status and document of the answer.
    fn take(
        &self,
        request: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> anyhow::Result<(&'static str, String)> {
        let host = headers.iter().find(|(name, _)| name == "host").context("no host")?.1.as_str();
        let at = *self.named.get(host).with_context(|| format!("nobody is called {host}"))?;
        let mut words = request.split(' ');
        let (method, path) = words.next().zip(words.next()).context("not a request")?;
        match (method, path) {
            ("GET", "/users/finn") => Ok(("200 OK", self.document(host).to_string())),
            // The loops beside the node: their signature is nobody's, and they are in no order.
            ("POST", "/loop") => {
                serde_json::from_slice::<Value>(body)?;
                Ok(("202 Accepted", String::new()))
            }
            ("POST", _) => {
                let key = lock(&self.verify).clone();
                if let Some(key) = key {
                    signed::check(path, host, headers, body, &key)?;
                }
                self.came(at, body)?;
                Ok(("202 Accepted", String::new()))
            }
            _ => Ok(("404 Not Found", String::new())),
        }
    }

    fn document(&self, host: &str) -> Value {
        let id = person(host);
        json!({
            "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
            "id": id, "type": "Person", "preferredUsername": "finn", "name": "Finn",
            "inbox": format!("{id}/inbox"),
            "endpoints": { "sharedInbox": format!("https://{host}/inbox") },
            "publicKey": { "id": format!("{id}#main-key"), "owner": id,
                "publicKeyPem": self.public_pem },
        })
    }

    /// Notes an activity, each once and in order.
    fn came(&self, at: usize, body: &[u8]) -> anyhow::Result<()> {
        let activity: Value = serde_json::from_slice(body)?;
        let mut came = lock(&self.hosts[at].came);
        match activity["type"].as_str() {
            Some("Accept") => {
                ensure!(!came.accepted, "accepted twice");
                came.accepted = true;
                lock(&self.count).accepted += 1;
            }
            Some("Create") => {
                let number = activity["object"]["content"].as_str().and_then(number_in);
                let number = number.with_context(|| format!("not a post: {activity}"))?;
                ensure!(number == came.last + 1, "post {number} after {}", came.last);
                came.last = number;
                self.body.get_or_init(|| body.to_vec());
                let mut count = lock(&self.count);
                count.posts += 1;
                if number == count.awaited && at < self.live {
                    count.lacking -= 1;
                    if count.lacking == 0 {
                        count.complete = Some(clock::now());
                    }
                }
            }
            _ => anyhow::bail!("neither accepted nor a post: {activity}"),
        }
        self.changed.notify_all();
        Ok(())
    }

    fn faulty(&self, what: &str) {
        lock(&self.count).fault.get_or_insert_with(|| what.to_owned());
        self.changed.notify_all();
    }
}

/// What a post says, by its number.
pub(super) fn text(number: u64) -> String {
    format!("{number:020} {}.", "lorem ipsum ".repeat(20))
}

/// The number of a post, from its HTML.
fn number_in(content: &str) -> Option<u64> {
    let start = content.find(|c: char| c.is_ascii_digit())?;
    content.get(start..start + 20)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_is_known_by_its_number() {
        assert_eq!(number_in(&format!("<p>{}</p>", text(17))), Some(17));
        assert_eq!(number_in("<p>hello</p>"), None);
        assert_eq!(number_in("<p>12</p>"), None);
    }

    #[test]
    fn names_that_fail_come_first_and_all_differ() {
        let mut all: Vec<String> = names().map(|(name, _)| name).collect();
        all.sort_unstable();
        assert!(all[..MORTAL_MAX].iter().all(|name| name.starts_with('a')), "{all:?}");
        all.dedup();
        assert_eq!(all.len(), LIVE_MAX + MORTAL_MAX);
    }
}
