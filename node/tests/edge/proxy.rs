//! Behind a proxy: HAProxy hands on connections with a PROXY header, and requests with headers of HTTP.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::program;
use crate::support::node::{Setup, TestNode};
use crate::support::process::Guarded;

/// Where HAProxy connects from.
const PROXY: &str = "127.0.0.3";
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A node that trusts what comes from [`PROXY`].
fn node(more: &str) -> TestNode {
    let config = format!("[proxy]\ntrusted = [\"{PROXY}\"]\n{more}");
    TestNode::start_with(Setup { config, ..Setup::default() })
}

/// HAProxy in front of a node as the operator's guide has it, and where it listens: with a PROXY header of
/// version 1, which the guide does not have, of version 2, and as a proxy of HTTP.
///
/// Each looks all the time whether the node is alive: the last by a request without any header.
fn haproxy(node: &TestNode) -> (Guarded, [SocketAddr; 3]) {
    let [v1, v2, http] = program::free();
    let back = node.mtproto;
    let guide = program::in_guide("HAProxy in front of everything");
    let guide = program::with(&guide, " :443\n", format!(" {v2}\n"));
    let guide = program::with(&guide, " :80\n", format!(" {http}\n"));
    let guide = program::with(&guide, "127.0.0.1:10443", back);
    let guide = program::with(&guide, "127.0.0.1:8080", node.http);
    let config = format!(
        "defaults\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n \
         option httpchk GET /about\n \
         default-server check inter 100 source {PROXY} on-marked-down shutdown-sessions\n\
         listen v1\n mode tcp\n bind {v1}\n server n {back} send-proxy\n\
         {guide}\n"
    );
    let file = node.file("haproxy.cfg");
    fs::write(&file, config).unwrap();
    let mut command = Command::new("/usr/sbin/haproxy");
    command.arg("-db").arg("-f").arg(&file);
    let child = program::start(&mut command, "haproxy", &node.file("haproxy.log"), http);
    (child, [v1, v2, http])
}

/// A connection from an address of this machine.
fn connect(to: SocketAddr, from: &str) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let from: IpAddr = from.parse().unwrap();
    socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends bytes from an address of this machine, and reads until the connection is closed.
pub(crate) fn sent(to: SocketAddr, from: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = connect(to, from);
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // What was closed with bytes unread is reset.
    let closed = stream.read_to_end(&mut answer);
    let in_time = closed.as_ref().map_or_else(|e| e.kind() != ErrorKind::WouldBlock, |_| true);
    assert!(in_time, "it is kept open: {closed:?}");
    answer
}

pub(crate) const LINE: &str = "PROXY TCP4 192.0.2.1 192.0.2.2 4711 443\r\n";
pub(crate) const REQUEST: &str = "GET /about HTTP/1.1\r\nHost: n\r\nConnection: close\r\n";

/// What the node's logins show of members who came through HAProxy: their own address.
#[test]
fn clients_behind_a_proxy_are_seen_at_their_own_address() {
    let node = node("");
    let (_haproxy, [v1, v2, http]) = haproxy(&node);
    let telethon =
        |at, from| program::telethon(&node, "telethon_seen.py", at, &[from])["ips"].clone();
    thread::scope(|scope| {
        let first = scope.spawn(|| telethon(v1, "127.0.0.7"));
        let second = scope.spawn(|| telethon(v2, "127.0.0.8"));
        // A WebSocket is a request of HTTP: here the header counts that the proxy adds, behind the one that
        // the client has written.
        let third = scope.spawn(|| program::gramjs_seen(&node, "ws", http, "127.0.0.6", None));
        // And without a proxy.
        let fourth = scope.spawn(|| telethon(node.mtproto, "127.0.0.9"));
        for (client, ip) in [(first, 7), (second, 8), (third, 6), (fourth, 9)] {
            let seen = client.join().unwrap();
            assert_eq!(seen, json!([format!("127.0.0.{ip}")]), "{}", node.log());
        }
    });
}

#[test]
fn only_a_trusted_address_says_where_a_client_comes_from() {
    let node = node("");
    let with_line = format!("{LINE}{REQUEST}\r\n");
    let ok = |answer: Vec<u8>| answer.starts_with(b"HTTP/1.1 200");
    assert!(ok(sent(node.mtproto, PROXY, with_line.as_bytes())));
    assert!(
        ok(sent(node.mtproto, PROXY, format!("{REQUEST}\r\n").as_bytes())),
        "it speaks for itself"
    );
    assert!(sent(node.mtproto, "127.0.0.1", with_line.as_bytes()).is_empty(), "unknown bytes");
    let mut binary =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\0\x50\0\x50".to_vec();
    binary.extend(format!("{REQUEST}\r\n").bytes());
    assert!(ok(sent(node.mtproto, PROXY, &binary)));
    // As long as an obfuscated header, for which the node waits else.
    binary.resize(200, b'x');
    assert!(sent(node.mtproto, "127.0.0.1", &binary).is_empty(), "unknown bytes");
    assert!(sent(node.mtproto, PROXY, b"PROXY TCP4 192.0.2.1 nowhere 4711 443\r\nGET").is_empty());
}

#[test]
fn what_a_proxy_hands_on_counts_for_its_client() {
    let node = node("[limits]\nconnections_per_address_max = 1\n");
    // An answer to the first request, after which the connection stays.
    let open = |line: &str| {
        let mut stream = connect(node.mtproto, PROXY);
        let request = format!("{line}GET /about HTTP/1.1\r\nHost: n\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        stream.read_exact(&mut [0; 12]).map(|()| stream)
    };
    let held = open(LINE).unwrap();
    assert!(open(LINE).is_err(), "192.0.2.1 has one already");
    let another = open(&LINE.replace("192.0.2.1 ", "192.0.2.9 ")).unwrap();
    let own = [open("").unwrap(), open("").unwrap()];
    drop((held, another, own));
}

#[test]
fn a_header_of_http_from_elsewhere_changes_nothing() {
    // One key exchange for each address: whose it is shows by who is refused.
    let limits =
        "[limits]\nhandshakes_per_address_burst = 1\nhandshakes_per_address_per_minute = 1\n";
    let node = node(limits);
    let ask = |from: &str, client: &str| {
        // req_pq_multi, in an unencrypted message, with a nonce of its own.
        static NONCES: std::sync::atomic::AtomicU8 = std::sync::atomic::AtomicU8::new(1);
        let nonce = NONCES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut packet = vec![0; 16];
        packet.extend(20_u32.to_le_bytes());
        packet.extend(0xbe7e_8ef1_u32.to_le_bytes());
        packet.extend([nonce; 16]);
        let head = format!(
            "POST /apiw1 HTTP/1.1\r\nHost: n\r\nConnection: close\r\nX-Forwarded-For: {client}\r\n\
             Content-Length: {}\r\n\r\n",
            packet.len()
        );
        let answer = sent(node.mtproto, from, &[head.as_bytes(), &packet].concat());
        String::from_utf8_lossy(&answer).split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(ask(PROXY, "192.0.2.1"), "200");
    assert_eq!(ask(PROXY, "192.0.2.1"), "429", "the client has had its one");
    assert_eq!(ask(PROXY, "203.0.113.1, 192.0.2.1"), "429", "whatever it says of itself");
    assert_eq!(ask(PROXY, "192.0.2.2"), "200", "another one has not");
    assert_eq!(ask("127.0.0.5", "192.0.2.3"), "200");
    assert_eq!(ask("127.0.0.5", "192.0.2.4"), "429", "not a proxy: it counts as itself");
    assert_eq!(ask(PROXY, "192.0.2.4"), "200", "and took nobody else's");
}
