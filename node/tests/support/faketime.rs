//! Debian's `faketime`: a program with another clock than the machine's.

use std::process::Command;
use std::time::Duration;

use super::process;

/// What makes a program's clock go ahead, or after below 0, as Debian's `faketime` does it; the time by which timers
/// go is as it was.
pub(crate) fn ahead_by(seconds: i64) -> Vec<(&'static str, String)> {
    let mut shown = Command::new("faketime");
    shown.args(["-f", &format!("{seconds:+}s"), "env"]);
    let is_there = shown.output().is_ok();
    assert!(
        is_there,
        "the node's clock is set by: apt-get install -y --no-install-recommends faketime"
    );
    let shown = process::run(&mut shown, Duration::from_secs(10)).stdout;
    let mut variables = vec![("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned())];
    for name in ["LD_PRELOAD", "FAKETIME"] {
        let value = shown.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        variables.push((name, value.expect("faketime sets it").to_owned()));
    }
    variables
}
