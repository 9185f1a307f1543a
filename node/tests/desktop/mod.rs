//! Telegram Desktop 4.6.5 (layer 152), the official program, in a real window under Xvfb.
//!
//! It always uses a temporary key (PFS), and always connects to port 443: the node listens there in
//! a namespace of its own. The pictures stay below `<target>/desktop/`.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::report::PHONE;
use crate::support::isolation::isolated;
use crate::support::node::{Setup, TestNode};
use crate::support::process::Guarded;
use crate::support::skip::skipped;
use crate::support::{install, target_directory, tests_directory};

/// The scripts give up by themselves after 300 s; and the node's start.
const WITHIN: Duration = Duration::from_secs(370);
/// What the scripts start, by the Debian package that has it.
const PROGRAMS: [(&str, &str); 7] = [
    ("/usr/bin/telegram-desktop", "telegram-desktop"),
    ("/sbin/ip", "iproute2"),
    ("/usr/bin/Xvfb", "xvfb"),
    ("/usr/bin/openbox", "openbox"),
    ("/usr/bin/xdotool", "xdotool"),
    ("/usr/bin/mogrify", "imagemagick"),
    ("/usr/bin/tesseract", "tesseract-ocr"),
];

fn require_programs() {
    let missing: Vec<_> = PROGRAMS
        .iter()
        .filter(|(program, _)| !Path::new(program).exists())
        .map(|(_, package)| *package)
        .collect();
    assert!(
        missing.is_empty(),
        "this test needs programs that are not here: apt-get install --no-install-recommends {} \
         fonts-open-sans (or leave it out with ROOKERY_TEST_SKIP=desktop)",
        missing.join(" ")
    );
}

fn start_node() -> TestNode {
    TestNode::start_with(Setup { mtproto: "127.0.0.1:443".into(), ..Setup::default() })
}

/// Runs `tests/desktop/<script>.py`, starts the node again when it asks for that, and returns what
/// it reports.
fn drive(node: &mut TestNode, script: &str, arguments: &[(&str, &str)]) -> Value {
    drive_with(Path::new("python3"), node, script, arguments)
}

/// [`drive`] with an interpreter that has more.
fn drive_with(
    python: &Path,
    node: &mut TestNode,
    script: &str,
    arguments: &[(&str, &str)],
) -> Value {
    let (errors, program) = (node.file("desktop-errors"), node.file("telegram-desktop"));
    if !program.exists() {
        node.repoint(Path::new(PROGRAMS[0].0), &program);
    }
    let mut command = Command::new(python);
    command
        .arg(tests_directory().join("desktop").join(format!("{script}.py")))
        .arg("--pem")
        .arg(node.pem())
        .arg("--program")
        .arg(program)
        .arg("--pictures")
        .arg(target_directory().join("desktop").join(script))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(File::create(&errors).expect("a file for the script's diagnostics"));
    for (name, value) in arguments {
        command.args([*name, *value]);
    }
    let mut process = Guarded(command.spawn().expect("the script starts"));
    let mut stdin = process.0.stdin.take().expect("stdin is piped");
    let stdout = process.0.stdout.take().expect("stdout is piped");
    let mut report = Value::Null;
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        report = serde_json::from_str(&line).unwrap_or_default();
        if report["do"] == "restart" {
            node.kill_and_restart();
            writeln!(stdin, "restarted").expect("the script waits for it");
        }
    }
    assert!(
        report["ok"] == true,
        "{script}: {report}\n{}\n{}",
        fs::read_to_string(errors).unwrap_or_default(),
        node.log()
    );
    report
}

/// Runs a script in which somebody joins in the window, and a Telethon user owns the node. `test` is
/// the name of the test.
fn beside_telethon(test: &str, script: &str, check: impl Fn(&Value)) {
    if skipped(&["desktop", "telegram-desktop", "telethon"]) {
        return;
    }
    require_programs();
    // Inside the namespace nothing can be fetched.
    let python = install::python("telethon-1.45.0", "telethon/requirements-1.45.0.txt");
    isolated(&format!("desktop::{test}"), WITHIN, || {
        let mut node = start_node();
        let (owner, owner_code) = node.owner.clone().expect("a first start names its owner");
        let (phone, code) = node.invite();
        let arguments = [
            ("--phone", phone.as_str()),
            ("--code", &code),
            ("--owner", &owner),
            ("--owner-code", &owner_code),
            ("--telethon", python.to_str().expect("paths here are UTF-8")),
        ];
        check(&drive(&mut node, script, &arguments));
    });
}

/// Most public addresses are longer than the shortest one in the program: this one, with 15 characters, is written
/// in three ways in the copy. Nothing in the namespace leads to any other.
const LONG_ADDRESS: &str = "192.168.100.100";

/// The window gets from the welcome screen to the field for the login code, on a node with a long address.
#[test]
fn telegram_desktop_reaches_the_code_field() {
    if skipped(&["desktop", "telegram-desktop"]) {
        return;
    }
    require_programs();
    isolated("desktop::telegram_desktop_reaches_the_code_field", WITHIN, || {
        let mut ip = Command::new("ip");
        let added = ip.args(["address", "add", LONG_ADDRESS, "dev", "lo"]).status();
        assert!(added.expect("ip starts").success());
        let mtproto = format!("{LONG_ADDRESS}:443");
        let mut node = TestNode::start_with(Setup { mtproto, ..Setup::default() });
        drive(&mut node, "drive", &[("--phone", PHONE)]);
    });
}

/// Somebody signs up in the window with an invite and talks with a Telethon user: messages, read
/// marks, a reply, edits and deletions both ways; and goes on after the node was killed.
#[test]
fn telegram_desktop_talks_with_telethon() {
    beside_telethon("telegram_desktop_talks_with_telethon", "talk", |report| {
        let history = [
            "Nothing was lost",
            "Welcome back from the restart",
            "Take the southern one",
            "Which harbour should we choose",
            "Good evening from Telethon",
        ];
        assert_eq!(report["text"], json!(history), "newest first");
    });
}

/// The window logs in by its QR code and a password to the account of a Telethon user, shows a folder
/// that was made there, finds an old message, and is logged out from there.
#[test]
fn telegram_desktop_joins_an_account() {
    if skipped(&["desktop", "telegram-desktop", "telethon"]) {
        return;
    }
    require_programs();
    // Inside the namespace nothing can be fetched.
    let telethon = install::python("telethon-1.45.0", "telethon/requirements-1.45.0.txt");
    let python = install::python("zxing-cpp-2.3.0", "zxing/requirements-2.3.0.txt");
    isolated("desktop::telegram_desktop_joins_an_account", WITHIN, || {
        let mut node = start_node();
        let (owner, owner_code) = node.owner.clone().expect("a first start names its owner");
        let arguments = [
            ("--owner", owner.as_str()),
            ("--owner-code", &owner_code),
            ("--telethon", telethon.to_str().expect("paths here are UTF-8")),
        ];
        let report = drive_with(&python, &mut node, "account", &arguments);
        let text = report["text"].as_str().unwrap_or_default().to_lowercase();
        assert!(text.contains("start messaging"), "{report}");
    });
}

/// Somebody in the window is sent a photo, an album, a voice message, a file, a sticker and a poll,
/// answers the poll, reacts, and makes a group.
#[test]
fn telegram_desktop_shows_media_and_makes_a_group() {
    beside_telethon("telegram_desktop_shows_media_and_makes_a_group", "media", |report| {
        assert_eq!(report["text"], json!(["Crew", 2]), "title and members of the group");
    });
}

/// Somebody in the window takes part in a supergroup and reads a channel; is made an admin, banned, and
/// comes back by a link.
#[test]
fn telegram_desktop_takes_part_in_channels() {
    beside_telethon("telegram_desktop_takes_part_in_channels", "channels", |report| {
        assert_eq!(report["text"], "all seen");
    });
}
