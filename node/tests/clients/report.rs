//! Running a client's script, and judging the one JSON line that it prints.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::node::{Setup, TestNode};
use crate::support::{process, tests_directory};

/// A script gives up by itself after 60 s.
const SCRIPT_WITHIN: Duration = Duration::from_secs(90);
/// +888 is the range of anonymous numbers: nobody's telephone.
pub(crate) const PHONE: &str = "+88812345678";
/// An MTProxy secret, and the form of it that demands random padding.
pub(crate) const SECRET: &str = "00112233445566778899aabbccddeeff";
/// See [`SECRET`].
pub(crate) const PADDED_SECRET: &str = "dd00112233445566778899aabbccddeeff";

/// A node that takes both forms of [`SECRET`].
pub(crate) fn node_with_secrets() -> TestNode {
    let config = format!("[mtproto]\nsecrets = [\"{SECRET}\", \"{PADDED_SECRET}\"]\n");
    TestNode::start_with(Setup { config, ..Setup::default() })
}

/// What a client's script is told besides where the node is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arguments<'a> {
    pub(crate) transport: &'a str,
    pub(crate) secret: Option<&'a str>,
    /// A file for the auth key, where the client's script can keep one.
    pub(crate) session: Option<&'a Path>,
    /// The number to log in with; [`PHONE`] where nobody does.
    pub(crate) phone: Option<&'a str>,
    /// The code that goes with it.
    pub(crate) code: Option<&'a str>,
}

/// Runs `tests/clients/<script>` with `interpreter` and returns its report.
///
/// Panics with the script's output and the node's log when it did not get through.
pub(crate) fn drive(
    node: &TestNode,
    interpreter: &Path,
    working_directory: &Path,
    script: &str,
    arguments: &Arguments<'_>,
) -> Value {
    let mut command = Command::new(interpreter);
    command
        .arg(tests_directory().join("clients").join(script))
        .args(["--host", &node.mtproto.ip().to_string()])
        .args(["--phone", arguments.phone.unwrap_or(PHONE)])
        .args(["--port", &node.mtproto.port().to_string(), "--transport", arguments.transport])
        .arg("--pem")
        .arg(node.pem())
        .env("NODE_EXTRA_CA_CERTS", node.certificate())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(working_directory);
    if let Some(secret) = arguments.secret {
        command.args(["--secret", secret]);
    }
    if let Some(session) = arguments.session {
        command.arg("--session").arg(session);
    }
    if let Some(code) = arguments.code {
        command.args(["--code", code]);
    }
    let finished = process::run(&mut command, SCRIPT_WITHIN);
    let report = finished.stdout.lines().last().and_then(|line| serde_json::from_str(line).ok());
    match report {
        Some(Value::Object(report)) if report.get("ok") == Some(&Value::Bool(true)) => {
            Value::Object(report)
        }
        _ => panic!(
            "{script} {arguments:?}: {}\n{}\n{}\n{}",
            finished.status,
            finished.stdout,
            finished.stderr,
            node.log()
        ),
    }
}

/// Checks what every client saw; a client that cannot say one of them leaves it out.
///
/// - the pinned version spoke the layer that it is here for;
/// - the configuration is of the DC it asked, and leads back here: it went there with its key;
/// - a method for members only is refused with 401 AUTH_KEY_UNREGISTERED, and nothing else breaks;
/// - countries, languages, pings and salts come in numbers that mean something;
/// - `auth.sendCode` was accepted.
pub(crate) fn check(node: &TestNode, report: &Value, version: &str, layer: i32) {
    assert_eq!(report["version"], version, "{report}");
    assert_eq!(report["layer"], layer, "{report}");
    assert_eq!(report["this_dc"], node.dc, "{report}");
    assert_eq!(report["nearest_dc"], node.dc, "{report}");
    assert!(!report["test_mode"].as_bool().unwrap_or(false), "{report}");
    assert_eq!(report["refusal"], json!([401, "AUTH_KEY_UNREGISTERED"]), "{report}");
    assert!(report["countries"].as_u64() > Some(200), "{report}");
    assert!(report["languages"].as_u64() >= Some(1), "{report}");
    for (key, wanted) in [("pong", 7..=7), ("salts", 1..=64)] {
        if let Some(number) = report.get(key) {
            assert!(number.as_u64().is_some_and(|n| wanted.contains(&n)), "{key}: {report}");
        }
    }
    let here = (node.mtproto.ip().to_string(), node.mtproto.port());
    let options = report["dc_options"].as_array().expect("a list");
    assert!(!options.is_empty(), "{report}");
    for option in options {
        let address = option[1].as_str().unwrap_or_default();
        // IPv6 addresses have more than one spelling.
        let same = address.parse() == Ok(node.mtproto.ip()) && option[2] == here.1;
        assert!(same, "{option} is not {here:?}: {report}");
    }
    assert!(options.iter().any(|option| option[0] == node.dc), "{report}");
    assert_eq!(report["reconnected"], true, "{report}");
    assert!(report["phone_code_hash"].as_str().is_some_and(|hash| !hash.is_empty()), "{report}");
}
