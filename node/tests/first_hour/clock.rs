//! The clock, compared with that of a time server: Debian's chrony, which leaves the machine's alone.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::faketime::ahead_by;
use crate::support::node::{Setup, TestNode, binary};
use crate::support::process::{Guarded, run};
use crate::{WITHIN, doctor, of_code};

/// From its start to its first answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// A time server on this machine: one that says it has the time, or that it has not.
fn chronyd(directory: &Path, has_time: bool) -> (Guarded, SocketAddr) {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let [file, log, pid] =
        ["conf", "log", "pid"].map(|end| directory.join(format!("{has_time}.{end}")));
    let source = if has_time { "local stratum 1\n" } else { "" };
    // Nobody gives it orders.
    let config = format!(
        "{source}allow 127.0.0.1\nbindaddress {}\nport {}\ncmdport 0\nbindcmdaddress /\npidfile {}\n",
        address.ip(),
        address.port(),
        pid.display()
    );
    fs::write(&file, config).unwrap();
    let mut command = Command::new("/usr/sbin/chronyd");
    // Sets no clock, needs no right to, and becomes nobody else.
    command.args(["-x", "-U", "-u", "root", "-d", "-f"]).arg(&file).stdin(Stdio::null());
    let output = fs::File::create(&log).unwrap();
    command.stdout(output.try_clone().unwrap()).stderr(output);
    let child = command.spawn().unwrap_or_else(|cause| {
        panic!("{command:?}: {cause}; apt-get install -y --no-install-recommends chrony")
    });
    let mut child = Guarded(child);
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(address).unwrap();
    client.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    // Version 4, a client.
    let mut question = [0; 48];
    question[0] = 0b00_100_011;
    #[expect(clippy::disallowed_methods, reason = "a limit in wall time")]
    let begun = Instant::now();
    while client.send(&question).is_err() || client.recv(&mut [0; 48]).is_err() {
        let printed = || fs::read_to_string(&log).unwrap_or_default();
        let ended = child.0.try_wait().unwrap();
        assert!(ended.is_none(), "{command:?} ended: {ended:?}\n{}", printed());
        assert!(begun.elapsed() < ANSWERS_WITHIN, "{command:?} is silent\n{}", printed());
        std::thread::sleep(Duration::from_millis(20));
    }
    (child, address)
}

fn of_clock(found: &[Value]) -> (String, String) {
    let about = ["own-clock", "own-clock-unknown"].map(|code| of_code(found, code));
    let found = about.into_iter().flatten().next().expect("the clock is looked at");
    let text = |key: &str| found[key].as_str().unwrap().to_owned();
    (text("level"), text("says"))
}

#[test]
fn the_clock_is_compared_with_chronys() {
    let directory = tempfile::tempdir().unwrap();
    let (chrony, address) = chronyd(directory.path(), true);
    let node = |ahead_s: Option<i64>| {
        let variables = ahead_s.map(ahead_by).unwrap_or_default();
        TestNode::start_with(Setup { variables, ..Setup::default() })
    };
    let asked = |node: &TestNode, address| {
        let (well, found) = doctor(&node.data(), &node.file("rookery.toml"), address);
        (well, of_clock(&found))
    };
    let right = node(None);
    let (well, (level, says)) = asked(&right, address);
    assert!(well && level == "well" && says.contains("right within 0."), "{says}");
    let mut wrong = node(Some(90));
    let (well, (level, says)) = asked(&wrong, address);
    assert!(!well && level == "problem" && says.contains("off by 90 s"), "{says}");
    let (_, (level, says)) = asked(&node(Some(5)), address);
    assert!(level == "note" && says.contains("off by 5 s"), "{says}");

    // A node that does not run has the clock of who asks.
    assert!(wrong.stop().success());
    let mut command = Command::new(binary());
    command.args(["doctor", "--json", "--time-server", &address.to_string(), "--data"]);
    command.arg(wrong.data()).arg("--config").arg(wrong.file("rookery.toml")).envs(ahead_by(90));
    let printed = run(&mut command, WITHIN);
    let found: Value = serde_json::from_str(&printed.stdout)
        .unwrap_or_else(|error| panic!("{error}: {printed:?}"));
    let (level, says) = of_clock(found["findings"].as_array().unwrap());
    assert!(level == "problem" && says.contains("off by 90 s"), "{says}");

    // One that has not got the time itself is not believed; and one that is gone tells none.
    let (_lost, without) = chronyd(directory.path(), false);
    let (_, (level, says)) = asked(&right, without);
    assert!(level == "note" && says.contains("compared with nobody's"), "{says}");
    drop(chrony);
    let (_, (level, says)) = asked(&right, address);
    assert!(level == "note" && says.contains("compared with nobody's"), "{says}");
}
