//! What operators do with nodes, and what `rookery doctor` says: two nodes without clients.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::isolation::isolated;
use crate::support::node::{Setup, TestNode, binary};
use crate::support::process;
use crate::two::node;

const WITHIN: Duration = Duration::from_secs(120);
/// How often the doctor is asked for what comes by itself, a little later each time.
const TRIES: u64 = 15;

/// What the doctor says, and whether all is well by its exit code.
pub(crate) fn doctor(node: &TestNode, arguments: &[&str]) -> (bool, Value) {
    let mut command = Command::new(binary());
    command.args(["doctor", "--json", "--data"]).arg(node.data()).args(arguments);
    // Nobody tells the time there, and says so at once.
    command.args(["--time-server", "127.0.0.1:1"]);
    let finished = process::run(&mut command, WITHIN);
    let said: Value = serde_json::from_str(&finished.stdout)
        .unwrap_or_else(|error| panic!("{error}: {finished:?}"));
    assert_eq!(said["well"], finished.status.success(), "{finished:?}");
    assert!(finished.status.success() || finished.status.code() == Some(1), "{finished:?}");
    (finished.status.success(), said)
}

/// Words of all findings of one level.
pub(crate) fn codes(said: &Value, level: &str) -> Vec<String> {
    let findings = said["findings"].as_array().expect("findings");
    let of_level = findings.iter().filter(|finding| finding["level"] == level);
    of_level.map(|finding| finding["code"].as_str().expect("a word").to_owned()).collect()
}

/// Asks until the doctor has found exactly these problems.
pub(crate) fn finds(node: &TestNode, arguments: &[&str], problems: &[&str]) -> Value {
    for tries in 1.. {
        let (well, said) = doctor(node, arguments);
        assert_eq!(well, codes(&said, "problem").is_empty(), "{said}");
        if codes(&said, "problem") == problems {
            return said;
        }
        assert!(tries < TRIES, "{arguments:?}: {problems:?} is not all: {said:#}");
        sleep(Duration::from_millis(200 * tries));
    }
    unreachable!()
}

/// The command fails, and says this.
pub(crate) fn refused(node: &TestNode, arguments: &[&str]) -> String {
    let mut command = Command::new(binary());
    command.args(arguments).arg("--data").arg(node.data());
    let finished = process::run(&mut command, WITHIN);
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    finished.stderr
}

/// The only peer of a node.
fn peer(node: &TestNode) -> Value {
    let listed = node.command(&["peer", "list", "--json"]);
    assert_eq!(listed["peers"].as_array().map(Vec::len), Some(1), "{listed}");
    listed["peers"][0].clone()
}

#[test]
fn an_operator_connects_blocks_and_asks_the_doctor() {
    isolated("operator::an_operator_connects_blocks_and_asks_the_doctor", WITHIN, || {
        let off = TestNode::start();
        finds(&off, &[], &[]);
        finds(&off, &["--peer", "a.example"], &["off"]);
        let (mut a, b) = (node("a.example", true), node("b.example", true));
        let (at_a, at_b) = (a.mesh[0].clone(), b.mesh[0].clone());
        finds(&a, &[], &["nobody"]);
        // Somebody who is not there, somebody who is, and a name.
        let nowhere = "/ip4/127.0.0.1/tcp/1";
        finds(&b, &["--peer", nowhere], &["nobody", "nobody-listens"]);
        finds(&b, &["--peer", "abcdabcdabcd"], &["nobody", "unknown"]);
        finds(&b, &["--peer", "c.example"], &["nobody", "no-binding"]);
        finds(&b, &["--peer", &at_b], &["nobody", "ourselves"]);
        let said = finds(&b, &["--peer", &at_a], &["nobody"]);
        assert!(codes(&said, "note").contains(&"not-added".to_owned()), "{said}");

        let added = b.command(&["peer", "add", &at_a, "--json"]);
        assert_eq!(added["domain"], "a.example", "{added}");
        a.command(&["peer", "add", &at_b, "--json"]);
        for (node, other) in [(&a, "b.example"), (&b, "a.example")] {
            let said = finds(node, &[], &[]);
            let notes = codes(&said, "note");
            assert!(notes.contains(&"nothing-shared".to_owned()), "{said}");
            finds(node, &["--peer", other], &[]);
            let peer = peer(node);
            assert_eq!((&peer["connected"], &peer["domain"]), (&json!(true), &json!(other)));
            // Its address was given: nobody has asked the domain with success.
            assert_eq!(peer["confirmed"], false, "{peer}");
            assert!(peer["clock_ahead_ms"].as_i64().is_some_and(|ms| ms.abs() < 60_000), "{peer}");
        }

        // Blocked at A: the doctor there says so when asked, the one at B that it is refused.
        let blocked = a.command(&["peer", "block", "b.example", "--json"]);
        let id_of_b = blocked["node"].as_str().expect("a name").to_owned();
        finds(&a, &["--peer", "b.example"], &["blocked"]);
        let said = finds(&a, &[], &[]);
        assert!(codes(&said, "note").contains(&"blocked".to_owned()), "{said}");
        finds(&b, &[], &["refused"]);
        finds(&b, &["--peer", "a.example"], &["refused"]);
        // So it is after a restart, when the two have not seen each other yet.
        a.restart();
        finds(&b, &["--peer", "a.example"], &["refused"]);
        assert_eq!(peer(&a)["blocked"], true);
        a.command(&["peer", "unblock", &id_of_b[..12], "--json"]);
        finds(&a, &["--peer", &id_of_b[..12]], &[]);
        finds(&b, &[], &[]);

        // Gone, and forgotten.
        drop(a);
        finds(&b, &[], &["nobody-listens"]);
        b.command(&["peer", "remove", &at_a, "--json"]);
        let said = finds(&b, &[], &[]);
        assert!(codes(&said, "note").contains(&"no-address".to_owned()), "{said}");
        let mut b = b;
        b.stop();
        let (_, said) = doctor(&b, &["--peer", nowhere]);
        assert_eq!(codes(&said, "problem"), ["not-running", "off", "nobody-listens"], "{said}");
    });
}

#[test]
fn a_node_is_brought_by_its_domain() {
    isolated("operator::a_node_is_brought_by_its_domain", WITHIN, || {
        let directory = tempfile::tempdir().unwrap();
        names_lead_here(directory.path(), &["b.example", "c.example"]);
        let authority = Authority::new(directory.path());
        let b = TestNode::start_with(Setup {
            mtproto: "127.0.0.1:443".into(),
            config: authority.config("b.example", &["b.example", "c.example"]),
            mesh: Some("/ip4/127.0.0.1/tcp/0".into()),
            ..Setup::default()
        });
        let other = |allowed: &str| {
            let ca = directory.path().join("ca.pem");
            let config = format!(
                "[federation]\ndomain = 'a.example'\nca_file = {ca:?}\nallow_ips = [{allowed}]\n"
            );
            let mesh = Some("/ip4/127.0.0.1/tcp/0".into());
            TestNode::start_with(Setup { config, mesh, ..Setup::default() })
        };
        // What is not public is reached only if the operator says so.
        let careful = other("");
        let said = refused(&careful, &["peer", "add", "b.example"]);
        assert!(said.contains("127.0.0.1, which is not public"), "{said}");
        drop(careful);

        let mut a = other("'127.0.0.0/8'");
        finds(&b, &["--peer", "b.example"], &["nobody", "own-domain"]);
        let said = finds(&a, &["--peer", "b.example"], &["nobody"]);
        assert!(codes(&said, "note").contains(&"not-added".to_owned()), "{said}");
        // The page of the one names the other: neither is called by it.
        let said = refused(&a, &["peer", "add", "c.example"]);
        assert!(said.contains("names another domain, b.example"), "{said}");
        let said = refused(&a, &["peer", "add", "nobody.example"]);
        assert!(said.contains("does not resolve"), "{said}");
        let added = a.command(&["peer", "add", "B.example", "--json"]);
        assert_eq!((&added["domain"], &added["confirmed"]), (&json!("b.example"), &json!(true)));
        let is_confirmed = |node: &TestNode| {
            finds(node, &[], &[]);
            let peer = peer(node);
            assert_eq!((&peer["connected"], &peer["confirmed"]), (&json!(true), &json!(true)));
            assert_eq!(peer["confirmation"], "confirmed for 30 days more", "{peer}");
        };
        is_confirmed(&a);
        finds(&a, &["--peer", "b.example"], &[]);
        // B was found by A, and calls it by the digits of its name: nobody there has brought its domain.
        let domain = peer(&b)["domain"].as_str().expect("a name").to_owned();
        assert!(domain.ends_with(".node"), "{domain}");
        a.restart();
        is_confirmed(&a);
        a.command(&["peer", "remove", "b.example", "--json"]);
        let said = refused(&a, &["peer", "remove", "b.example"]);
        assert!(said.contains("no address of b.example was added"), "{said}");
        // Who has no other nodes says nothing.
        let off = TestNode::start();
        assert_eq!(status(&off), "404");
        assert_eq!(status(&a), "200");
    });
}

/// What the listener for browsers answers at the well-known place.
fn status(node: &TestNode) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(node.http).unwrap();
    let place = "/.well-known/rookery/node.json";
    write!(stream, "GET {place} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// Lets these names stand for this machine, in the namespace of the test alone.
/// The doctor finds its own name, pages, certificate and document, asked for over TLS; and says where a name leads
/// nowhere, and where another certificate stands.
#[test]
fn the_doctor_follows_the_nodes_own_name() {
    isolated("operator::the_doctor_follows_the_nodes_own_name", WITHIN, || {
        let directory = tempfile::tempdir().unwrap();
        names_lead_here(directory.path(), &["b.example"]);
        let authority = Authority::new(directory.path());
        let config = authority.config("b.example", &["b.example"]).replace(
            "[federation]\n",
            &format!(
                "[http]\npublic_url = 'https://b.example'\n[node]\npublic_addresses = ['127.0.0.1:443']\n\
                 [federation]\nca_file = {:?}\nallow_ips = ['127.0.0.0/8']\n",
                directory.path().join("ca.pem")
            ),
        );
        let b = TestNode::start_with(Setup {
            mtproto: "127.0.0.1:443".into(),
            config,
            mesh: Some("/ip4/127.0.0.1/tcp/0".into()),
            ..Setup::default()
        });
        let said = finds(&b, &[], &["nobody"]);
        let well = codes(&said, "well");
        for code in ["reached", "own-name", "pages", "well-known", "own-certificate"] {
            assert!(well.contains(&code.to_owned()), "{code}: {said}");
        }
        assert!(codes(&said, "note").contains(&"private-address".to_owned()), "{said}");
        // The certificate is for another name now: browsers would not come here.
        authority.config("b.example", &["c.example"]);
        b.signal("HUP");
        finds(&b, &[], &["own-certificate", "pages", "well-known", "nobody"]);
        names_lead_here(directory.path(), &["c.example"]);
        let said = finds(&b, &[], &["own-certificate", "own-name-nowhere", "nobody"]);
        assert!(!codes(&said, "well").contains(&"pages".to_owned()), "{said}");
    });
}

fn names_lead_here(directory: &Path, names: &[&str]) {
    let path = directory.join("hosts");
    fs::write(&path, format!("127.0.0.1 localhost {}\n", names.join(" "))).unwrap();
    let mut mount = Command::new("mount");
    mount.arg("--bind").arg(&path).arg("/etc/hosts");
    let finished = process::run(&mut mount, WITHIN);
    assert!(finished.status.success(), "{finished:?}");
}

/// Signs certificates of domains.
struct Authority<'a> {
    directory: &'a Path,
    issuer: rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
}

impl<'a> Authority<'a> {
    fn new(directory: &'a Path) -> Self {
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let issuer = rcgen::CertifiedIssuer::self_signed(parameters, key).unwrap();
        fs::write(directory.join("ca.pem"), issuer.pem()).unwrap();
        Self { directory, issuer }
    }

    /// The configuration of a node at a domain, whose TLS is for these.
    fn config(&self, domain: &str, names: &[&str]) -> String {
        let (certificate, key) = (self.directory.join("cert.pem"), self.directory.join("key.pem"));
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let own = rcgen::KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new(names).unwrap();
        let signed = parameters.signed_by(&own, &self.issuer).unwrap();
        fs::write(&certificate, signed.pem()).unwrap();
        fs::write(&key, own.serialize_pem()).unwrap();
        format!(
            "[federation]\ndomain = '{domain}'\n[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n"
        )
    }
}
