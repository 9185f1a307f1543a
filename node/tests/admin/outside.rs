//! Requests that no browser of the owner sends.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::support::node::{Setup, TestNode};

const WITHIN: Duration = Duration::from_secs(20);

/// One request with these lines in its head; answers all that comes back.
pub(crate) fn request(at: SocketAddr, line: &str, head: &[String], body: &str) -> String {
    let mut stream = TcpStream::connect(at).expect("the node listens");
    stream.set_read_timeout(Some(WITHIN)).expect("a limit");
    let head: String = head.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    let text = format!(
        "{line} HTTP/1.1\r\nHost: {at}\r\n{head}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).expect("write");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

/// The status of an answer.
pub(crate) fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status")
}

/// The head of a form, from a page at `origin`.
pub(crate) fn form(origin: &str, cookie: &str) -> Vec<String> {
    vec![
        format!("Origin: {origin}"),
        format!("Cookie: {cookie}"),
        "Content-Type: application/x-www-form-urlencoded".into(),
    ]
}

/// The cookie and the form's token that a page gives who has none.
fn first(node: &TestNode) -> (String, String) {
    let page = request(node.http, "GET /admin", &[], "");
    let after = |mark: &str| page.split(mark).nth(1).unwrap_or_else(|| panic!("no {mark}: {page}"));
    let cookie = after("set-cookie: ").split(';').next().unwrap().to_owned();
    let token = after("name=\"token\" value=\"").split('"').next().unwrap().to_owned();
    (cookie, token)
}

/// Asks for codes and tries some; what is told each time, but for what differs in every page.
pub(crate) fn told(node: &TestNode) -> Vec<String> {
    let (cookie, token) = first(node);
    let head = form(&format!("http://{}", node.http), &cookie);
    let post = |path: &str, body: &str| {
        let body = format!("token={token}{body}");
        let answer = request(node.http, &format!("POST {path}"), &head, &body);
        let dated = answer.lines().filter(|line| !line.starts_with("date: "));
        dated.collect::<Vec<_>>().join("\n").replace(&token, "TOKEN")
    };
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(post("/admin/code", ""));
        all.push(post("/admin/login", "&code=12345678"));
    }
    all
}

#[test]
fn a_node_without_an_admin_page_has_none() {
    let config = "[http]\nadmin = false\n".to_owned();
    let node = TestNode::start_with(Setup { config, ..Setup::default() });
    for path in ["/admin", "/admin/", "/admin/people", "/admin/login", "/admin/style.css"] {
        let answer = request(node.http, &format!("GET {path}"), &[], "");
        assert_eq!(status(&answer), 404, "{path}: {answer}");
    }
}

#[test]
fn over_tls_cookies_are_of_this_host_alone() {
    let config = "[http]\npublic_url = 'https://raben.example'\n".to_owned();
    let node = TestNode::start_with(Setup { config, ..Setup::default() });
    let (cookie, token) = first(&node);
    assert!(cookie.starts_with("__Host-rookery-admin-login="), "{cookie}");
    // A proxy in front of it passes on what the browser says of its page.
    let body = format!("token={token}");
    let post = |origin: &str| {
        status(&request(node.http, "POST /admin/code", &form(origin, &cookie), &body))
    };
    assert_eq!(post("https://raben.example"), 303);
    assert_eq!(post("https://raben.example.evil.example"), 403);
}
