//! A network namespace with a loopback device and nothing else.
//!
//! Programs with compiled-in addresses run only there: nothing that they send can leave.

use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use super::process;

/// Names the test that already runs inside the namespace.
const INSIDE: &str = "ROOKERY_TEST_ISOLATED";

/// Brings the loopback device up, with or without iproute2, then becomes the test.
///
/// An X server binds a socket in `/tmp/.X11-unix` whatever its network namespace, and one that
/// ends removes it by name: a tmpfs there keeps those of other tests apart.
///
/// 0x8913 and 0x8914 are SIOCGIFFLAGS and SIOCSIFFLAGS, 1 is IFF_UP.
const BRING_UP: &str = r#"
ip link set lo up 2>/dev/null || python3 -c '
import fcntl, socket, struct
s = socket.socket()
name, flags = struct.unpack("16sH14x", fcntl.ioctl(s, 0x8913, struct.pack("16sH14x", b"lo", 0)))
fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", flags | 1))
' || exit 97
[ -z "$ROOKERY_TEST_HOSTS" ] || mount --bind "$ROOKERY_TEST_HOSTS" /etc/hosts || exit 99
mkdir -p /tmp/.X11-unix && mount -t tmpfs -o mode=1777 x11 /tmp/.X11-unix || exit 98
exec "$0" "$@"
"#;

/// Runs `body` in a fresh network namespace: the calling test, whose full name is `test`, starts
/// itself again inside it, as a child process.
pub(crate) fn isolated(test: &str, limit: Duration, body: impl FnOnce()) {
    isolated_with_hosts(test, limit, &[], body);
}

/// The same as the machine's root, who may become other users and change owners of files.
pub(crate) fn isolated_as_root(test: &str, limit: Duration, body: impl FnOnce()) {
    isolated_by(&[&AS_ROOT], test, limit, &[], body);
}

/// The same where some names lead to some addresses of the loopback device.
pub(crate) fn isolated_with_hosts(
    test: &str,
    limit: Duration,
    hosts: &[(&str, &str)],
    body: impl FnOnce(),
) {
    isolated_by(&[&AS_USER, &AS_ROOT], test, limit, hosts, body);
}

fn isolated_by(
    ways: &[&[&str]],
    test: &str,
    limit: Duration,
    hosts: &[(&str, &str)],
    body: impl FnOnce(),
) {
    if is_inside(test) {
        return body();
    }
    let executable = std::env::current_exe().expect("the test runner has a path");
    let mut names = tempfile::NamedTempFile::new().expect("a temporary file");
    for (address, name) in [("127.0.0.1", "localhost")].iter().chain(hosts) {
        writeln!(names, "{address} {name}").expect("write the names");
    }
    let finished = process::run(
        unshare(ways)
            .args(["sh", "-c", BRING_UP])
            .arg(executable)
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(INSIDE, test)
            .env("ROOKERY_TEST_HOSTS", names.path()),
        limit,
    );
    assert!(
        finished.status.success() && finished.stdout.contains("1 passed"),
        "{test} in a namespace of its own: {}\n{}\n{}",
        finished.status,
        finished.stdout,
        finished.stderr
    );
}

/// Whether this process is the one inside: what needs the world's network is done before.
pub(crate) fn is_inside(test: &str) -> bool {
    std::env::var(INSIDE).is_ok_and(|inside| inside == test)
}

/// In such a namespace names lead to these addresses from now on.
pub(crate) fn names_lead(hosts: &[(&str, &str)]) {
    let file = std::env::var("ROOKERY_TEST_HOSTS").expect("a test with names of hosts");
    let lines = [("127.0.0.1", "localhost")].iter().chain(hosts);
    let lines: String = lines.map(|(address, name)| format!("{address} {name}\n")).collect();
    // Not another file in its place: this one is what is mounted.
    std::fs::write(file, lines).expect("write the names");
}

const AS_USER: [&str; 4] = ["--user", "--map-root-user", "--net", "--mount"];
const AS_ROOT: [&str; 2] = ["--net", "--mount"];

/// `unshare` in the first of these ways that this user may: with a user namespace, or as root without
/// one.
fn unshare(ways: &[&[&str]]) -> Command {
    for options in ways {
        let mut command = Command::new("unshare");
        command.args(*options);
        let trial = Command::new("unshare").args(*options).arg("true").output();
        if trial.is_ok_and(|output| output.status.success()) {
            return command;
        }
    }
    panic!(
        "neither `unshare --user --map-root-user --net --mount` nor, as root, `unshare --net \
         --mount` works here (util-linux; kernel.unprivileged_userns_clone), or this test needs the \
         latter: a client with compiled-in addresses is not run where it could reach them"
    );
}
