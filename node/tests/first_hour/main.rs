//! The first hour of an operator: questions, a start that works or says why not, and the doctor.
#![allow(missing_docs, clippy::panic, clippy::unwrap_used, reason = "tests")]

mod clock;
mod refused;
#[allow(dead_code, reason = "shared with the tests that drive published clients")]
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use support::node::{Setup, TestNode, binary};
use support::process::{Finished, run};

const WITHIN: Duration = Duration::from_secs(120);

/// A time server whose clock is ahead of this machine's, for as long as the test runs.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc5905#section-7.3>
fn time_server(ahead_s: u64) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut asked = [0; 48];
        while let Ok((48, from)) = socket.recv_from(&mut asked) {
            #[expect(clippy::disallowed_methods, reason = "a time server has a clock")]
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            // Seconds since 1900, and a binary fraction.
            let seconds = (since.as_secs() + 2_208_988_800 + ahead_s) as u32;
            let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
            let now = [seconds.to_be_bytes(), (fraction as u32).to_be_bytes()].concat();
            let mut answer = [0; 48];
            // Version 4, a server; of the second stratum.
            (answer[0], answer[1]) = (0b00_100_100, 2);
            answer[24..32].copy_from_slice(&asked[40..48]);
            answer[32..40].copy_from_slice(&now);
            answer[40..48].copy_from_slice(&now);
            socket.send_to(&answer, from).unwrap();
        }
    });
    address
}

fn rookery(arguments: &[&str], data: &Path) -> Finished {
    run(Command::new(binary()).args(arguments).arg("--data").arg(data), WITHIN)
}

/// What the doctor finds, and whether its exit code says that all is well.
fn doctor(data: &Path, config: &Path, time: SocketAddr) -> (bool, Vec<Value>) {
    let (time, config) = (time.to_string(), config.to_str().unwrap());
    let found = rookery(&["doctor", "--json", "--time-server", &time, "--config", config], data);
    let said: Value =
        serde_json::from_str(&found.stdout).unwrap_or_else(|error| panic!("{error}: {found:?}"));
    assert_eq!(said["well"].as_bool(), Some(found.status.success()), "{said}");
    (found.status.success(), said["findings"].as_array().unwrap().clone())
}

fn of_code<'a>(found: &'a [Value], code: &str) -> Option<&'a Value> {
    found.iter().find(|finding| finding["code"] == code)
}

#[test]
fn what_init_writes_is_run_and_found_well() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let told = ["init", "--name", "Harbour", "--address", "127.0.0.1", "--defaults"];
    let made = rookery(&told, &data);
    assert!(made.status.success(), "{made:?}");
    let file = data.join("rookery.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("\nname = \"Harbour\"\n"), "{text}");
    // A second time it stays as the operator has changed it.
    let again = rookery(&told, &data);
    assert!(!again.status.success() && again.stderr.contains("is there already"), "{again:?}");

    let node = TestNode::start_with(Setup {
        // Where this one really is, and not at the port that it was asked for.
        config: text.replace("public_addresses = [\"127.0.0.1:10443\"]", "public_addresses = []"),
        ..Setup::default()
    });
    let config = node.file("rookery.toml");
    let (well, found) = doctor(&node.data(), &config, time_server(0));
    assert!(well, "{found:#?}");
    for code in ["reached", "disk", "own-clock"] {
        assert_eq!(of_code(&found, code).unwrap()["level"], "well", "{found:#?}");
    }
    let (well, found) = doctor(&node.data(), &config, time_server(90));
    // What the doctor looked at the first time is no client that failed.
    assert!(of_code(&found, "client-refused").is_none(), "{found:#?}");
    assert!(!well && of_code(&found, "own-clock").unwrap()["level"] == "problem", "{found:#?}");
}

#[test]
fn the_file_in_the_data_directory_is_used() {
    let mut node = TestNode::start();
    let secret = "5".repeat(32);
    let file = node.data().join("rookery.toml");
    node.stop();
    fs::write(&file, format!("[mtproto]\nsecrets = ['{secret}']\n")).unwrap();
    let shown = rookery(&["client-config"], &node.data());
    assert!(shown.stdout.contains(&format!("&secret={secret}")), "{shown:?}");
}

/// The last line of a start that fails.
fn fails(data: &Path, config: &Path, more: &[&str]) -> String {
    let config = config.to_str().unwrap();
    let mut arguments = vec!["run", "--config", config, "--http", "127.0.0.1:0"];
    arguments.extend(if more.is_empty() { &["--mtproto", "127.0.0.1:0"][..] } else { more });
    let failed = rookery(&arguments, data);
    assert!(!failed.status.success() && failed.stdout.is_empty(), "{failed:?}");
    failed.stderr.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn a_start_that_fails_says_why_in_one_line() {
    let mut node = TestNode::start();
    let (data, config) = (node.data(), node.file("rookery.toml"));
    let said = fails(&data, &config, &[]);
    assert!(said.starts_with("rookery: ") && said.contains("another process"), "{said}");
    assert!(node.stop().success());

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = fails(&data, &config, &["--mtproto", &address]);
    assert!(said.contains(&format!("cannot listen on {address}")), "{said}");
    // The doctor says the same before anybody tries.
    fs::write(&config, format!("[mtproto]\nlisten = '{address}'\n")).unwrap();
    let (well, found) = doctor(&data, &config, time_server(0));
    assert!(!well, "{found:#?}");
    let port = of_code(&found, "port-taken").unwrap();
    assert!(port["says"].as_str().unwrap().contains(&address), "{port}");

    fs::write(&config, "[mtproto]\nlissten = '127.0.0.1:0'\n").unwrap();
    let said = fails(&data, &config, &[]);
    assert!(said.starts_with("rookery: ") && said.contains("lissten"), "{said}");
    fs::write(&config, "[http]\npublic_url = 'example.org'\n").unwrap();
    let said = fails(&data, &config, &[]);
    assert!(said.contains("has to be like https://example.org"), "{said}");
    let said = fails(&data, Path::new("/nowhere/rookery.toml"), &[]);
    assert!(said.contains("cannot read /nowhere/rookery.toml"), "{said}");

    fs::write(&config, "").unwrap();
    let key = data.join("master.key");
    fs::rename(&key, data.join("elsewhere")).unwrap();
    let said = fails(&data, &config, &[]);
    assert!(said.starts_with("rookery: ") && said.contains("master.key"), "{said}");
}
