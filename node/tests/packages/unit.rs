//! `rookery.service`, by systemd's own tools, and what the node tells systemd.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::node::binary;
use crate::support::process::{Guarded, run};
use crate::support::tests_directory;

const WITHIN: Duration = Duration::from_secs(60);

/// systemd-analyze's points, of 100, that the unit may have: it has 17, most of them because it reaches the
/// network and may listen on port 443.
const EXPOSURE_MAX: &str = "20";

pub(crate) fn unit() -> PathBuf {
    tests_directory().join("../packaging/rookery.service")
}

/// What follows `key=` in the unit, each time that it stands there.
pub(crate) fn values(key: &str) -> Vec<String> {
    let text = fs::read_to_string(unit()).unwrap();
    let found = text.lines().filter_map(|line| line.split_once('='));
    found.filter(|(name, _)| *name == key).map(|(_, value)| value.to_owned()).collect()
}

fn analyze() -> Command {
    let there = Command::new("systemd-analyze").arg("--version").output();
    assert!(
        there.is_ok(),
        "systemd's own tool: apt-get install -y --no-install-recommends systemd"
    );
    Command::new("systemd-analyze")
}

#[test]
fn the_unit_is_well_formed_and_leaves_the_node_little() {
    // A unit whose program and manual are here: where they will be, they are not yet.
    let directory = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(unit()).unwrap();
    let text = text.replace("/usr/bin/rookery", binary().to_str().unwrap());
    let text = text.replace("Documentation=man:rookery(1)\n", "");
    let here = directory.path().join("rookery.service");
    fs::write(&here, &text).unwrap();
    let verified = run(analyze().arg("verify").arg("--man=no").arg(&here), WITHIN);
    assert!(verified.status.success() && verified.stderr.is_empty(), "{verified:?}");

    let security = |file: &PathBuf| {
        let arguments = ["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE_MAX];
        run(analyze().args(arguments).arg(file), WITHIN)
    };
    let judged = security(&here);
    assert!(judged.status.success(), "{}", judged.stdout);
    // The same tool refuses a unit that gives the node more.
    fs::write(&here, text.replace("ProtectSystem=strict\n", "").replace("User=rookery\n", ""))
        .unwrap();
    assert!(!security(&here).status.success());
    fs::write(&here, text.replace("Type=notify", "Type=notfy")).unwrap();
    let verified = run(analyze().arg("verify").arg("--man=no").arg(&here), WITHIN);
    assert!(verified.stderr.contains("notfy"), "{verified:?}");
}

#[test]
fn systemd_is_told_when_the_node_is_ready_and_when_it_ends() {
    let directory = tempfile::tempdir().unwrap();
    let (socket, data) = (directory.path().join("notify"), directory.path().join("data"));
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(WITHIN)).unwrap();
    let mut node = Command::new(binary());
    node.args(["run", "--mtproto", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"]).arg(&data);
    node.env("NOTIFY_SOCKET", &socket).stdout(Stdio::null()).stderr(Stdio::null());
    let mut node = Guarded(node.spawn().unwrap());
    let told = || {
        let mut bytes = [0; 256];
        let length = manager.recv(&mut bytes).expect("a word in time");
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    };
    assert_eq!(told(), "READY=1\n");
    // Ready is ready: it answers.
    let stats = run(Command::new(binary()).args(["stats", "--json", "--data"]).arg(&data), WITHIN);
    assert!(stats.status.success(), "{stats:?}");
    let pid = node.0.id().to_string();
    assert!(run(Command::new("kill").args(["-TERM", &pid]), WITHIN).status.success());
    assert_eq!(told(), "STOPPING=1\n");
    assert!(node.0.wait().unwrap().success());
}

/// The kernel's calls that a node makes from its first start to its end are among those that the unit
/// leaves it, and it asks for no memory that is both written and run (`MemoryDenyWriteExecute`).
#[test]
fn the_node_asks_the_kernel_for_nothing_that_the_unit_refuses() {
    let there = Command::new("strace").arg("-V").output();
    assert!(
        there.is_ok(),
        "calls are counted by: apt-get install -y --no-install-recommends strace"
    );
    let directory = tempfile::tempdir().unwrap();
    let (data, trace) = (directory.path().join("data"), directory.path().join("trace"));
    let socket = directory.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(2 * WITHIN)).unwrap();
    let mut node = Command::new("strace");
    node.args(["-f", "-qq", "-e", "signal=none", "-o"]).arg(&trace).arg(binary());
    node.args(["run", "--mtproto", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    node.args([
        "--mesh",
        "/ip4/127.0.0.1/tcp/0",
        "--mesh",
        "/ip4/127.0.0.1/udp/0/quic-v1",
        "--data",
    ]);
    node.arg(&data).env("NOTIFY_SOCKET", &socket).stdout(Stdio::null()).stderr(Stdio::null());
    let mut node = Guarded(node.spawn().unwrap());
    let mut word = [0; 16];
    manager.recv(&mut word).expect("the node is ready in time");
    let invited =
        run(Command::new(binary()).args(["invite", "--json", "--data"]).arg(&data), WITHIN);
    assert!(invited.status.success(), "{invited:?}");
    // strace passes no signal on; its child is the node.
    let pid = node.0.id().to_string();
    assert!(run(Command::new("pkill").args(["-TERM", "-P", &pid]), WITHIN).status.success());
    assert!(node.0.wait().unwrap().success());

    let trace = fs::read_to_string(trace).unwrap();
    let call = |line: &str| {
        let (_, rest) = line.split_once(' ')?;
        let (name, _) = rest.trim_start().split_once('(')?;
        (!name.starts_with(['<', '-', '+'])).then(|| name.to_owned())
    };
    // `execve` is systemd's own, before the filter's program runs; it is in the set anyway.
    let made: BTreeSet<String> = trace.lines().filter_map(call).collect();
    assert!(made.len() > 30 && made.contains("openat"), "{made:?}");
    let mut left = BTreeSet::new();
    for value in values("SystemCallFilter") {
        let (names, refused) = match value.strip_prefix('~') {
            Some(names) => (names.to_owned(), true),
            None => (value, false),
        };
        for name in names.split_whitespace().flat_map(calls_of) {
            if refused {
                left.remove(&name);
            } else {
                left.insert(name);
            }
        }
    }
    let beyond: Vec<&String> = made.difference(&left).collect();
    assert!(beyond.is_empty(), "{beyond:?}");
    let written_and_run = |line: &&str| {
        (line.contains("mmap(") || line.contains("mprotect("))
            && line.contains("PROT_WRITE")
            && line.contains("PROT_EXEC")
    };
    assert_eq!(trace.lines().find(written_and_run), None);
}

/// The calls of a set of systemd's, and of the sets in it.
fn calls_of(name: &str) -> Vec<String> {
    if !name.starts_with('@') {
        return vec![name.to_owned()];
    }
    let listed = run(analyze().args(["syscall-filter", "--no-pager", name]), WITHIN);
    assert!(listed.status.success(), "{listed:?}");
    let lines = listed.stdout.lines().skip(1).map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).flat_map(calls_of).collect()
}
