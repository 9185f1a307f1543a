//! The tool itself, against a node: only where `ROOKERY_BINARY` names the node's program, which no
//! test of this crate may build.
#![allow(missing_docs, clippy::print_stdout, reason = "tests")]

use std::process::Command;

/// A row of messages comes with a ratio and a floor, and nothing was lost on the way.
///
/// How: the program runs its delivery row at its smallest, and a message that is lost, doubled or
/// out of order ends it with an error.
#[test]
fn the_delivery_row_runs_at_its_smallest() {
    if std::env::var_os("ROOKERY_BINARY").is_none() {
        println!("skipped: ROOKERY_BINARY names no node");
        return;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_rookery-load"))
        .args(["--rows", "delivery", "--short", "--pairs", "2", "--json"])
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let row = &told["rows"][0];
    assert_eq!(row["samples"], 40, "{row}");
    let number = |name: &str| row[name].as_f64().unwrap_or_else(|| panic!("{name} in {row}"));
    assert!(number("node") > 0.0 && number("floor") > 0.0 && number("ratio_min") > 0.0, "{row}");
}
