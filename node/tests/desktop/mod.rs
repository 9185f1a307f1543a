//! Telegram Desktop 4.6.5 (layer 152), the official program, in a real window under Xvfb.
//!
//! It always uses a temporary key (PFS), and always connects to port 443: the node listens there in
//! a namespace of its own. The pictures stay in `<target>/desktop/`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::report::PHONE;
use crate::support::isolation::isolated;
use crate::support::node::{Setup, TestNode};
use crate::support::skip::skipped;
use crate::support::{process, target_directory, tests_directory};

/// Four screens of at most 60 s each, and the node's start.
const WITHIN: Duration = Duration::from_secs(320);
/// What the script starts, by the Debian package that has it.
const PROGRAMS: [(&str, &str); 6] = [
    ("/usr/bin/telegram-desktop", "telegram-desktop"),
    ("/usr/bin/Xvfb", "xvfb"),
    ("/usr/bin/openbox", "openbox"),
    ("/usr/bin/xdotool", "xdotool"),
    ("/usr/bin/mogrify", "imagemagick"),
    ("/usr/bin/tesseract", "tesseract-ocr"),
];

/// The window gets from the welcome screen to the field for the login code.
#[test]
fn telegram_desktop_reaches_the_code_field() {
    if skipped(&["desktop", "telegram-desktop"]) {
        return;
    }
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
    isolated("desktop::telegram_desktop_reaches_the_code_field", WITHIN, || {
        let node =
            TestNode::start_with(Setup { mtproto: "127.0.0.1:443".into(), ..Setup::default() });
        let finished = process::run(
            Command::new("python3")
                .arg(tests_directory().join("desktop/drive.py"))
                .args(["--phone", PHONE, "--pem"])
                .arg(node.pem())
                .arg("--pictures")
                .arg(target_directory().join("desktop")),
            WITHIN,
        );
        let report = finished.stdout.lines().last().unwrap_or_default();
        let report: Value = serde_json::from_str(report).unwrap_or_default();
        assert!(
            report["ok"] == true,
            "{}\n{}\n{}\n{}",
            finished.status,
            finished.stdout,
            finished.stderr,
            node.log()
        );
    });
}
