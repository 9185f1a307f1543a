//! Behind nginx and Caddy, as the operator's guide configures them.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::program;
use crate::proxy::{LINE, REQUEST, sent};
use crate::support::node::{Setup, TestNode};
use crate::support::process::{self, Guarded};

const WITHIN: Duration = Duration::from_secs(60);

/// A node that trusts whom the guide tells it to, and listens for Telegram clients at an address.
fn node(mtproto: SocketAddr, more: &str) -> TestNode {
    let guide = program::in_guide("Name it, and the node believes what it says");
    let config = format!("{guide}\n{more}");
    TestNode::start_with(Setup { mtproto: mtproto.to_string(), config, ..Setup::default() })
}

/// nginx in front of a node that listens at `back`, listening for Telegram clients and for HTTP.
fn nginx(node: &TestNode, back: SocketAddr, [telegram, http]: [SocketAddr; 2]) -> Guarded {
    let stream = program::in_guide("nginx for Telegram clients");
    let stream = program::with(&stream, " 443;", format!(" {telegram};"));
    let stream = program::with(&stream, "127.0.0.1:10443", back);
    let pages = program::in_guide("nginx for pages and WebSockets");
    let pages = program::with(&pages, " 80;", format!(" {http};"));
    let pages = program::with(&pages, "example.org", http.ip());
    let pages = program::with(&pages, "127.0.0.1:8080", node.http);
    let directory = node.file("nginx");
    fs::create_dir(&directory).unwrap();
    let at = directory.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path {at}/{what};\n"))
        .concat();
    // What Debian installs, for every other name.
    let default = format!("server {{ listen {http} default_server; return 404; }}\n");
    // One process, which ends when it is killed.
    let config = format!(
        "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log stderr;\n\
         load_module /usr/lib/nginx/modules/ngx_stream_module.so;\nevents {{}}\n{stream}\n\
         http {{\naccess_log off;\n{temporary}{pages}\n{default}}}\n"
    );
    let file = node.file("nginx.conf");
    fs::write(&file, config).unwrap();
    let mut command = Command::new("/usr/sbin/nginx");
    // Without it, it opens a log of the machine's before it has read where the log is.
    command.args(["-e", "stderr", "-c"]).arg(&file);
    let packages = "nginx libnginx-mod-stream";
    program::start(&mut command, packages, &node.file("nginx.log"), http)
}

/// Caddy in front of a node, where it listens, and the certificate of its own authority.
fn caddy(node: &TestNode) -> (Guarded, SocketAddr, PathBuf) {
    let [https] = program::free();
    let site = program::in_guide("Caddy for pages and WebSockets");
    let site = program::with(&site, "127.0.0.1:8080", node.http);
    // It issues the certificate of an address itself.
    let site = program::with(&site, "example.org {", format!("{https} {{\nbind {}", https.ip()));
    let directory = node.file("caddy");
    fs::create_dir(&directory).unwrap();
    // It takes no orders, and leaves the machine's trusted authorities as they are.
    let config =
        format!("{{\nadmin off\nskip_install_trust\nauto_https disable_redirects\n}}\n{site}\n");
    let file = node.file("Caddyfile");
    fs::write(&file, config).unwrap();
    let mut command = Command::new("/usr/bin/caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file);
    for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        command.env(variable, &directory);
    }
    let child = program::start(&mut command, "caddy", &node.file("caddy.log"), https);
    (child, https, directory.join("caddy/pki/authorities/local/root.crt"))
}

/// The status and the protocol by which curl gets a page.
fn page(url: &str, more: &[&str]) -> String {
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--output", "/dev/null", "--write-out", "%{http_code} %{http_version}"]);
    let shown = process::run(curl.args(more).arg(url), WITHIN);
    assert!(shown.status.success(), "{shown:?}");
    shown.stdout
}

/// The doctor comes to the node by the proxy, and its own look is none of a client that failed.
fn is_reached_through(node: &TestNode, proxy: SocketAddr) {
    let asked = || node.command(&["doctor", "--json", "--time-server", "127.0.0.1:1"]);
    asked();
    let said = asked();
    let findings = said["findings"].as_array().unwrap();
    let of = |code: &'static str| findings.iter().filter(move |found| found["code"] == code);
    let says = |found: &Value| found["says"].as_str().unwrap().to_owned();
    assert!(of("reached").any(|found| says(found).contains(&proxy.to_string())), "{said}");
    let own = of("client-refused").any(|found| says(found).contains("at 127.0.0.1 "));
    assert!(!own, "{said}");
}

fn seen_at(address: &str) -> Value {
    json!([address])
}

#[test]
fn clients_behind_nginx_are_seen_at_their_own_address() {
    let [back, telegram, http] = program::free();
    let node = node(back, &format!("[node]\npublic_addresses = [\"{telegram}\"]\n"));
    let _nginx = nginx(&node, back, [telegram, http]);
    thread::scope(|scope| {
        let telethon = scope.spawn(|| {
            program::telethon(&node, "telethon_seen.py", telegram, &["127.0.0.7"])["ips"].clone()
        });
        let gramjs = scope.spawn(|| program::gramjs_seen(&node, "ws", http, "127.0.0.8", None));
        assert_eq!(telethon.join().unwrap(), seen_at("127.0.0.7"), "{}", node.log());
        assert_eq!(gramjs.join().unwrap(), seen_at("127.0.0.8"), "{}", node.log());
    });
    assert_eq!(page(&format!("http://{http}/about"), &[]), "200 1.1");
    is_reached_through(&node, telegram);
    // What stands behind the header that nginx writes is the client's, and no header.
    let asked = |line: &str| sent(telegram, "127.0.0.7", format!("{line}{REQUEST}\r\n").as_bytes());
    assert!(asked("").starts_with(b"HTTP/1.1 200"));
    assert!(asked(LINE).is_empty(), "unknown bytes");
}

#[test]
fn clients_behind_caddy_are_seen_at_their_own_address() {
    let node = node(([127, 0, 0, 1], 0).into(), "");
    let (_caddy, https, authority) = caddy(&node);
    // It listens before it has made its certificate.
    let more = ["--retry", "10", "--retry-all-errors", "--cacert", authority.to_str().unwrap()];
    assert_eq!(page(&format!("https://{https}/about"), &more), "200 2");
    let seen = program::gramjs_seen(&node, "wss", https, "127.0.0.8", Some(&authority));
    assert_eq!(seen, seen_at("127.0.0.8"), "{}", node.log());
}
