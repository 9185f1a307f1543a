//! Many servers of the fediverse at once, each with one person on it: small ones, in the test's own process,
//! which keep what comes into their inboxes in the order in which it came.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use activitypub::client::{self, Client, Signer, SigningPool};
use keys::http_signature::HttpSigningKey;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rookery_load::clock;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::scene::Authority;

/// Where they are.
pub(crate) const MANY: [(&str, &str); 22] = [
    ("127.0.0.10", "h0.test"),
    ("127.0.0.11", "h1.test"),
    ("127.0.0.12", "h2.test"),
    ("127.0.0.13", "h3.test"),
    ("127.0.0.14", "h4.test"),
    ("127.0.0.15", "h5.test"),
    ("127.0.0.16", "h6.test"),
    ("127.0.0.17", "h7.test"),
    ("127.0.0.18", "h8.test"),
    ("127.0.0.19", "h9.test"),
    ("127.0.0.20", "h10.test"),
    ("127.0.0.21", "h11.test"),
    ("127.0.0.22", "h12.test"),
    ("127.0.0.23", "h13.test"),
    ("127.0.0.24", "h14.test"),
    ("127.0.0.25", "h15.test"),
    ("127.0.0.26", "h16.test"),
    ("127.0.0.27", "h17.test"),
    ("127.0.0.28", "h18.test"),
    ("127.0.0.29", "h19.test"),
    ("127.0.0.30", "h20.test"),
    ("127.0.0.31", "h21.test"),
];

/// What came into an inbox, and when.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) at: Instant,
    pub(crate) activity: Value,
}

/// One server.
struct Host {
    address: &'static str,
    person: Arc<Person>,
    acceptor: TlsAcceptor,
    serving: Option<JoinHandle<()>>,
}

/// Who is there.
struct Person {
    id: String,
    document: Value,
    came: Mutex<Vec<Came>>,
}

/// The servers. Dropped, they end.
pub(crate) struct Many {
    hosts: Vec<Host>,
    client: Client,
    key: Arc<HttpSigningKey>,
    runtime: Runtime,
}

impl Many {
    /// Starts all of them.
    pub(crate) fn start(authority: &Authority) -> Self {
        let mut rng = StdRng::seed_from_u64(22);
        let key = Arc::new(HttpSigningKey::generate(&mut rng).expect("a key"));
        let public = key.public_pem().expect("its public half");
        let setup = client::Setup {
            host: MANY[0].1.into(),
            allow_ips: vec!["127.0.0.0/8".parse().expect("a network")],
            ..client::Setup::default()
        };
        let node = Signer { key_id: format!("https://{}/key", MANY[0].1), key: key.clone() };
        let client = Client::new(
            setup,
            Some(&authority.file()),
            node,
            SigningPool::new(1, rng),
            Arc::new(|_| false),
            Arc::new(|| u64::try_from(clock::since_epoch().as_millis()).expect("milliseconds")),
        );
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(2).enable_all().build().expect("a runtime");
        let hosts = MANY.iter().map(|(address, name)| Host {
            address,
            person: Arc::new(Person::new(name, &public)),
            acceptor: acceptor(authority, name),
            serving: None,
        });
        let hosts = hosts.collect();
        let mut many = Self { hosts, client: client.expect("a client"), key, runtime };
        (0..MANY.len()).for_each(|host| many.open(host));
        many
    }

    /// A server listens, from when this returns.
    pub(crate) fn open(&mut self, host: usize) {
        let host = &mut self.hosts[host];
        let listener = self.runtime.block_on(TcpListener::bind((host.address, 443)));
        let (person, acceptor) = (host.person.clone(), host.acceptor.clone());
        let serving = serve(listener.expect("an address of its own"), acceptor, person);
        host.serving = Some(self.runtime.spawn(serving));
    }

    /// A server listens no longer, and ends all connections.
    pub(crate) fn close(&mut self, host: usize) {
        if let Some(serving) = self.hosts[host].serving.take() {
            serving.abort();
            let ended = self.runtime.block_on(serving);
            assert!(ended.is_err_and(|cause| cause.is_cancelled()), "it served until now");
        }
    }

    /// A server takes connections, and says nothing.
    pub(crate) fn hang(&mut self, host: usize) {
        self.close(host);
        let listener = self.runtime.block_on(TcpListener::bind((self.hosts[host].address, 443)));
        let listener = listener.expect("an address of its own");
        self.hosts[host].serving = Some(self.runtime.spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.push(stream);
            }
        }));
    }

    /// Everybody follows a channel, and is accepted.
    pub(crate) fn follow(&self, actor: &str) {
        let inbox = format!("{actor}/inbox").parse().expect("an address");
        for host in &self.hosts {
            let person = &host.person;
            let follow = json!({
                "@context": "https://www.w3.org/ns/activitystreams", "type": "Follow",
                "id": format!("{}/follow", person.id), "actor": person.id, "object": actor,
            });
            let signer =
                Signer { key_id: format!("{}#main-key", person.id), key: self.key.clone() };
            let body = follow.to_string().into_bytes().into();
            let outcome = self.runtime.block_on(self.client.post(&inbox, body, &signer, None));
            assert!(matches!(outcome.status, Ok(200..=299)), "{}: {outcome:?}", person.id);
        }
        let accepted = |came: &[Came]| came.iter().any(|one| one.activity["type"] == "Accept");
        self.wait("everybody is accepted", 0..MANY.len(), Duration::from_secs(30), accepted);
    }

    /// Waits until something is so of what came to each of these servers.
    pub(crate) fn wait(
        &self,
        what: &str,
        of: std::ops::Range<usize>,
        within: Duration,
        is_so: impl Fn(&[Came]) -> bool,
    ) {
        let end = clock::now() + within;
        for host in of {
            while !is_so(&self.hosts[host].person.came.lock().unwrap()) {
                let came = self.posts(host).len();
                assert!(clock::now() < end, "{}: not {what}; {came} posts came", MANY[host].1);
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }

    /// Posts that came to a server.
    pub(crate) fn posts(&self, host: usize) -> Vec<Came> {
        let came = self.hosts[host].person.came.lock().unwrap();
        came.iter().filter(|one| one.activity["type"] == "Create").cloned().collect()
    }
}

impl Person {
    fn new(host: &str, public_pem: &str) -> Self {
        let id = format!("https://{host}/users/finn");
        let document = json!({
            "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
            "id": id, "type": "Person", "preferredUsername": "finn", "name": "Finn",
            "inbox": format!("{id}/inbox"),
            "endpoints": { "sharedInbox": format!("https://{host}/inbox") },
            "publicKey": { "id": format!("{id}#main-key"), "owner": id, "publicKeyPem": public_pem },
        });
        Self { id, document, came: Mutex::default() }
    }

    /// What is answered to a request: a status and a document.
    fn answer(&self, request: &str, body: &[u8]) -> (&'static str, String) {
        let path = format!(
            "GET {} ",
            self.id.splitn(4, '/').last().map_or(String::new(), |path| format!("/{path}"))
        );
        if request.starts_with(&path) {
            return ("200 OK", self.document.to_string());
        }
        match (request.starts_with("POST "), serde_json::from_slice(body)) {
            (true, Ok(activity)) => {
                let came = Came { at: clock::now(), activity };
                self.came.lock().unwrap().push(came);
                ("202 Accepted", String::new())
            }
            _ => ("404 Not Found", String::new()),
        }
    }
}

fn acceptor(authority: &Authority, name: &str) -> TlsAcceptor {
    let (certificate, key) = authority.certificate(name);
    let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let provider = Arc::new(ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key);
    TlsAcceptor::from(Arc::new(config.expect("a configuration")))
}

/// Serves until it is dropped, with all its connections.
async fn serve(listener: TcpListener, acceptor: TlsAcceptor, person: Arc<Person>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, acceptor.clone(), person.clone()));
    }
}

/// HTTP/1.1 as far as the node speaks it.
async fn connection(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    person: Arc<Person>,
) -> io::Result<()> {
    let mut stream = BufReader::new(acceptor.accept(stream).await?);
    loop {
        let (mut request, mut length) = (String::new(), 0);
        if stream.read_line(&mut request).await? == 0 {
            return Ok(());
        }
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            let line = line.trim().to_ascii_lowercase();
            if let Some(given) = line.strip_prefix("content-length:") {
                length = given.trim().parse().map_err(io::Error::other)?;
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let (status, document) = person.answer(&request, &body);
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/activity+json\r\n\
             content-length: {}\r\n\r\n{document}",
            document.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
    }
}
