//! Certificates that change while the node runs: from files, and by ACME from Debian's Pebble.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto};

use crate::program;
use crate::support::isolation::isolated_with_hosts;
use crate::support::node::{Setup, TestNode};
use crate::support::process;

/// For whatever is waited for. A file is looked at every ten seconds.
const SOON: Duration = Duration::from_secs(60);
const WITHIN: Duration = Duration::from_secs(240);

/// The names of the node of the ACME test. The authority connects to them, in a network of their own.
const DOMAINS: [&str; 2] = ["one.rookery.test", "two.rookery.test"];
/// Seconds for which the authority's certificates are good: a third before their end they are renewed.
const GOOD_S: u32 = 21;

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A TLS connection that trusts what is in the PEM text, to `name` at `address`.
fn connect(address: SocketAddr, name: &str, trusted: &str) -> std::io::Result<Tls> {
    let mut roots = RootCertStore::empty();
    for one in CertificateDer::pem_slice_iter(trusted.as_bytes()) {
        roots.add(one.unwrap()).unwrap();
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut session = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(SOON))?;
    session.complete_io(&mut socket)?;
    Ok(StreamOwned::new(session, socket))
}

/// The certificate that a new connection is shown, if it is good.
fn shown(node: &TestNode, name: &str, trusted: &str) -> Option<Vec<u8>> {
    let stream = connect(node.mtproto, name, trusted).ok()?;
    Some(stream.conn.peer_certificates()?.first()?.to_vec())
}

/// Asks for a page over a connection that stays open.
fn ask(stream: &mut Tls) {
    stream.write_all(b"GET /about HTTP/1.1\r\nHost: n\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    // The page ends as pages do.
    while !answer.ends_with(b"</html>") {
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "closed after {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..read]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}

/// Until `found` answers something.
fn until<T>(node: &TestNode, mut found: impl FnMut() -> Option<T>) -> T {
    #[expect(clippy::disallowed_methods, reason = "a limit in wall time")]
    let begun = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begun.elapsed() < SOON, "waited in vain\n{}", node.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The value of a metric without labels.
fn metric(address: SocketAddr, name: &str) -> Option<u64> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: n\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map(|value| value.parse().unwrap())
}

fn metrics_of(node: &TestNode) -> SocketAddr {
    let ready = fs::read_to_string(node.data().join("ready.json")).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    ready["metrics"].as_str().unwrap().parse().unwrap()
}

/// Files that another program renews are read again, by themselves and on SIGHUP; what does not fit
/// together changes nothing.
#[test]
fn a_certificate_in_files_is_read_again_when_it_changes() {
    let config = "[metrics]\nlisten = [\"127.0.0.1:0\"]\n".into();
    let node = TestNode::start_with(Setup { tls: true, config, ..Setup::default() });
    let (chain, key) = (node.certificate(), node.file("key.pem"));
    let metrics = metrics_of(&node);
    let failures = || metric(metrics, "rookery_tls_renewal_failures").unwrap();
    let new = || rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let first = fs::read_to_string(&chain).unwrap();
    let mut held = connect(node.mtproto, "localhost", &first).unwrap();
    ask(&mut held);

    // One file is written, and the other not yet: whoever connects gets what fitted together.
    let second = new();
    fs::write(&chain, second.cert.pem()).unwrap();
    node.signal("HUP");
    until(&node, || (failures() > 0).then_some(()));
    assert!(shown(&node, "localhost", &first).is_some());
    fs::write(&key, second.signing_key.serialize_pem()).unwrap();
    node.signal("HUP");
    until(&node, || shown(&node, "localhost", &second.cert.pem()));
    assert_eq!(failures(), 0);
    assert!(metric(metrics, "rookery_tls_certificate_expires_timestamp_seconds").is_some());

    // Without a word from anybody.
    let third = new();
    fs::write(&key, third.signing_key.serialize_pem()).unwrap();
    fs::write(&chain, third.cert.pem()).unwrap();
    until(&node, || shown(&node, "localhost", &third.cert.pem()));
    let now_refused = connect(node.mtproto, "localhost", &first).is_err();
    assert!(now_refused, "new connections have the new one");
}

/// A node fetches a certificate for its names from Pebble, serves it, renews it in time without an end to
/// a connection, has it again after a restart, and says so where the authority is gone.
#[test]
fn a_certificate_comes_by_acme_and_is_renewed() {
    let test = "certificates::a_certificate_comes_by_acme_and_is_renewed";
    let hosts = [("127.0.0.1", DOMAINS[0]), ("127.0.0.1", DOMAINS[1])];
    isolated_with_hosts(test, WITHIN, &hosts, by_acme);
}

fn by_acme() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
    let authority = file("pebble.pem");
    fs::write(&authority, made.cert.pem()).unwrap();
    fs::write(file("pebble.key"), made.signing_key.serialize_pem()).unwrap();
    let [listen, management, node_at] = program::free();
    let config = json!({ "pebble": {
        "listenAddress": listen, "managementListenAddress": management,
        "certificate": authority, "privateKey": file("pebble.key"),
        "httpPort": 1, "tlsPort": node_at.port(), "certificateValidityPeriod": GOOD_S,
    }});
    fs::write(file("pebble.json"), config.to_string()).unwrap();
    let mut command = Command::new("pebble");
    command.arg("-config").arg(file("pebble.json"));
    // It looks at once, and refuses one nonce in twenty as it does by default: clients try again.
    command.env("PEBBLE_VA_NOSLEEP", "1");
    let pebble = program::start(&mut command, "pebble", &file("pebble.log"), listen);
    // What signs its certificates is made anew each time; Debian's curl fetches it.
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--cacert"]).arg(&authority).arg(format!("https://{management}/roots/0"));
    let fetched = process::run(&mut curl, SOON);
    assert!(fetched.stdout.contains("BEGIN CERTIFICATE"), "{fetched:?}");
    let root = fetched.stdout;
    fs::write(file("root.pem"), &root).unwrap();

    let config = format!(
        "[metrics]\nlisten = [\"127.0.0.1:0\"]\n[tls.acme]\ndomains = {DOMAINS:?}\n\
         contact = [\"admin@rookery.test\"]\naccept_terms = true\n\
         directory = \"https://{listen}/dir\"\nca_file = {authority:?}\n"
    );
    let setup = Setup { mtproto: node_at.to_string(), config, ..Setup::default() };
    let mut node = TestNode::start_with(setup);
    let first = until(&node, || shown(&node, DOMAINS[0], &root));
    assert_eq!(shown(&node, DOMAINS[1], &root), Some(first.clone()));
    // A program that checks what programs check.
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--fail", "--cacert"]).arg(file("root.pem"));
    curl.arg(format!("https://{}:{}/about", DOMAINS[1], node_at.port()));
    assert!(process::run(&mut curl, SOON).status.success());

    let mut held = connect(node.mtproto, DOMAINS[0], &root).unwrap();
    let second = until(&node, || {
        ask(&mut held);
        shown(&node, DOMAINS[0], &root).filter(|found| *found != first)
    });
    ask(&mut held);
    node.restart();
    assert_eq!(shown(&node, DOMAINS[0], &root), Some(second), "it was kept\n{}", node.log());

    drop(pebble);
    let metrics = metrics_of(&node);
    until(&node, || metric(metrics, "rookery_tls_renewal_failures").filter(|failed| *failed > 0));
    assert!(node.log().contains("no new certificate"), "{}", node.log());
    // What was kept is sealed.
    for entry in fs::read_dir(node.data().join("db")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap_or_default();
        let clear = bytes.windows(11).any(|part| part == b"PRIVATE KEY" || part == b"CERTIFICATE");
        assert!(!clear, "{}", path.display());
    }
}
