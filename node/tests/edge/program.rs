//! Programs of Debian's that stand beside the node, and scripts of clients.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::node::TestNode;
use crate::support::process::{self, Guarded};
use crate::support::{install, tests_directory};

/// An address that clients say they come from, and do not.
pub(crate) const CLAIMED: &str = "192.0.2.66";
/// From its start to its first answer.
const STARTS_WITHIN: Duration = Duration::from_secs(30);
/// A script gives up by itself after 60 s.
const SCRIPT_WITHIN: Duration = Duration::from_secs(90);

/// A program that listens at `address`, which is waited for. `package` is what brings it.
pub(crate) fn start(
    command: &mut Command,
    package: &str,
    log: &Path,
    address: SocketAddr,
) -> Guarded {
    let output = fs::File::create(log).unwrap();
    command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
    let child = command.spawn().unwrap_or_else(|cause| {
        panic!("{command:?}: {cause}; apt-get install -y --no-install-recommends {package}")
    });
    let mut child = Guarded(child);
    #[expect(clippy::disallowed_methods, reason = "a limit in wall time")]
    let begun = Instant::now();
    while TcpStream::connect(address).is_err() {
        let ended = child.0.try_wait().unwrap();
        let printed = || fs::read_to_string(log).unwrap_or_default();
        assert!(ended.is_none(), "{command:?} ended: {ended:?}\n{}", printed());
        assert!(begun.elapsed() < STARTS_WITHIN, "{command:?} is silent\n{}", printed());
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

/// Addresses of the loopback device that nobody listens at.
pub(crate) fn free<const N: usize>() -> [SocketAddr; N] {
    let taken = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    taken.map(|listener| listener.local_addr().unwrap())
}

/// A member who logs in with Telethon at `address` and does what `script` says; the report.
pub(crate) fn telethon(node: &TestNode, script: &str, at: SocketAddr, more: &[&str]) -> Value {
    let python = install::python("telethon-1.45.0", "telethon/requirements-1.45.0.txt");
    let mut command = Command::new(python);
    let here = tests_directory();
    let paths = [here.join("clients"), here.join("clients/telethon")];
    command.arg(here.join("edge").join(script)).args(more);
    command.env("PYTHONPATH", std::env::join_paths(paths).unwrap());
    report(&mut command, node, at)
}

/// A member who joins with gramjs by a WebSocket at `at`, `ws` or `wss`, from an address of this machine, and
/// claims in headers to come from [`CLAIMED`]; the addresses at which the node saw its logins. TLS has to be
/// that of an authority, if one is named.
pub(crate) fn gramjs_seen(
    node: &TestNode,
    scheme: &str,
    at: SocketAddr,
    from: &str,
    authority: Option<&Path>,
) -> Value {
    let directory = install::npm("gramjs-2.26.22", "gramjs/2.26.22");
    let mut command = Command::new("node");
    command.arg(tests_directory().join("edge/gramjs_seen.cjs")).current_dir(directory);
    command.args([scheme, from, CLAIMED]);
    if let Some(authority) = authority {
        command.env("NODE_EXTRA_CA_CERTS", authority);
    }
    report(&mut command, node, at)["ips"].clone()
}

/// The block in the operator's guide that follows these words.
pub(crate) fn in_guide(words: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/OPERATOR.md");
    let guide = fs::read_to_string(file).unwrap();
    let (_, rest) = guide.split_once(words).unwrap_or_else(|| panic!("no {words:?} in the guide"));
    let (_, rest) = rest.split_once("\n```").unwrap();
    let (block, _) = rest.split_once("\n```\n").unwrap();
    // Behind the language, which some have.
    block.split_once('\n').unwrap().1.to_owned()
}

/// A text in which something stands in the place of what is there once.
pub(crate) fn with(text: &str, there: &str, instead: impl std::fmt::Display) -> String {
    assert_eq!(text.matches(there).count(), 1, "{there:?} in\n{text}");
    text.replace(there, &instead.to_string())
}

fn report(command: &mut Command, node: &TestNode, at: SocketAddr) -> Value {
    let (phone, code) = node.invite();
    command.args(["--host", &at.ip().to_string(), "--port", &at.port().to_string()]);
    command.args(["--transport", "any", "--phone", &phone, "--code", &code]);
    command.arg("--pem").arg(node.pem()).env("PYTHONDONTWRITEBYTECODE", "1");
    let done = process::run(command, SCRIPT_WITHIN);
    let report = done.stdout.lines().last().and_then(|line| serde_json::from_str(line).ok());
    match report {
        Some(Value::Object(report)) if report.get("ok") == Some(&Value::Bool(true)) => {
            Value::Object(report)
        }
        _ => {
            panic!("{command:?}: {}\n{}\n{}\n{}", done.status, done.stdout, done.stderr, node.log())
        }
    }
}
