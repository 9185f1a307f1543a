//! What `rookery client-config --for LIBRARY` prints is a program: with each library it is run as it is.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::report;
use crate::support::isolation::isolated;
use crate::support::node::{TestNode, binary};
use crate::support::process::{run, run_with_input};
use crate::support::skip::skipped;
use crate::support::{install, target_directory};

const WITHIN: Duration = Duration::from_secs(60);
/// For a program that is compiled with its library: 50 s of one core, on a busy machine.
const BUILT_WITHIN: Duration = Duration::from_secs(600);

/// Logs a new member in, and then again from what it has kept.
fn logs_in(library: &str, interpreter: &Path, file: &str, packages: Option<&Path>, asks: &[&str]) {
    let node = TestNode::start();
    let directory = tempfile::tempdir().expect("a temporary directory");
    if let Some(packages) = packages {
        let (packages, here) =
            (packages.join("node_modules"), directory.path().join("node_modules"));
        std::os::unix::fs::symlink(packages, here).expect("lend the packages");
    }
    let printed = run(
        Command::new(binary()).args(["client-config", "--for", library, "--data"]).arg(node.data()),
        WITHIN,
    );
    assert!(printed.status.success(), "{printed:?}");
    fs::write(directory.path().join(file), &printed.stdout).expect("write the program");
    let (phone, code) = node.invite();
    let typed: Vec<&str> = asks
        .iter()
        .map(|asked| match *asked {
            "number" => &phone,
            "code" => &code,
            other => other,
        })
        .collect();
    let input = directory.path().join("typed");
    for typed in [typed.join("\n") + "\n", String::new()] {
        fs::write(&input, typed).expect("write what is typed");
        let mut command = Command::new(interpreter);
        command.arg(file).current_dir(directory.path());
        let ran = run_with_input(&mut command, File::open(&input).expect("just written"), WITHIN);
        let is_in = ran.status.success() && ran.stdout.contains("Logged in as Ada");
        assert!(is_in, "{}\n{}\n{}", ran.stdout, ran.stderr, node.log());
    }
}

fn python(library: &str, version: &str, asks: &[&str]) {
    if !skipped(&[library, version]) {
        let of = if library == "telethon" { "telethon/requirements" } else { "pyrogram/" };
        let list = match library {
            "telethon" => format!("{of}-{version}.txt"),
            _ => format!("{of}{library}-{version}.txt"),
        };
        let interpreter = install::python(&format!("{library}-{version}"), &list);
        logs_in(library, &interpreter, "program.py", None, asks);
    }
}

fn node_js(library: &str, packages: PathBuf, file: &str) {
    logs_in(library, Path::new("node"), file, Some(&packages), &["number", "code", "Ada"]);
}

#[test]
fn the_program_for_telethon_logs_in() {
    python("telethon", "1.45.0", &["number", "code", "Ada"]);
}

#[test]
fn the_program_for_pyrogram_logs_in() {
    python("pyrogram", "2.0.106", &["number", "y", "code", "Ada", ""]);
}

#[test]
fn the_program_for_kurigram_logs_in() {
    python("kurigram", "2.2.26", &["number", "y", "code", "Ada", ""]);
}

#[test]
fn the_program_for_gramjs_logs_in() {
    if !skipped(&["gramjs", "2.26.22"]) {
        node_js("gramjs", install::npm("gramjs-2.26.22", "gramjs/2.26.22"), "program.cjs");
    }
}

#[test]
fn the_program_for_mtcute_logs_in() {
    if !skipped(&["mtcute", "mtcute-node"]) {
        node_js("mtcute", install::npm("mtcute-node-0.30.3", "mtcute/node"), "program.mjs");
    }
}

/// What is printed for grammers is a script that makes the program: Rust, with crates of crates.io.
#[test]
fn the_program_for_grammers_logs_in() {
    if skipped(&["grammers", "0.11.0"]) {
        return;
    }
    let node = TestNode::start();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let printed = run(
        Command::new(binary())
            .args(["client-config", "--for", "grammers", "--data"])
            .arg(node.data()),
        WITHIN,
    );
    assert!(printed.status.success(), "{printed:?}");
    fs::write(directory.path().join("program.sh"), &printed.stdout).expect("write the program");
    let (phone, code) = node.invite();
    let input = directory.path().join("typed");
    // What was built stays for the next run.
    let built = target_directory().join("clients/grammers-0.11.0");
    let project = directory.path().join("rookery-grammers");
    for (program, place, typed) in [
        (&["sh", "program.sh"][..], directory.path(), format!("{phone}\n{code}\nAda\n")),
        (&["cargo", "run", "--quiet"], &project, String::new()),
    ] {
        fs::write(&input, typed).expect("write what is typed");
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).current_dir(place).env("CARGO_TARGET_DIR", &built);
        let typed = File::open(&input).expect("just written");
        let ran = run_with_input(&mut command, typed, BUILT_WITHIN);
        let is_in = ran.status.success() && ran.stdout.contains("Logged in as Ada");
        assert!(is_in, "{}\n{}\n{}", ran.stdout, ran.stderr, node.log());
    }
}

/// TDLib: the program with the copy that `--repoint` makes.
#[test]
fn the_program_for_tdlib_logs_in() {
    if skipped(&["tdlib"]) {
        return;
    }
    let installed = install::npm("tdlib-0.1008067.0", "tdlib");
    // TDLib asks Telegram for proxies and addresses, too: nothing may leave.
    isolated("programs::the_program_for_tdlib_logs_in", 3 * WITHIN, || {
        let none = TestNode::start();
        let refused = run(
            Command::new(binary())
                .args(["client-config", "--for", "tdlib", "--data"])
                .arg(none.data()),
            WITHIN,
        );
        assert!(refused.stderr.contains("[mtproto] secrets has none"), "{refused:?}");
        drop(none);
        let node = report::node_with_secrets();
        node.repoint_tdlib(&installed);
        let mut command = Command::new(binary());
        command.args(["client-config", "--for", "tdlib", "--data"]).arg(node.data());
        command.arg("--config").arg(node.file("rookery.toml"));
        let printed = run(&mut command, WITHIN);
        fs::write(node.file("program.py"), &printed.stdout).expect("write the program");
        let (phone, code) = node.invite();
        let input = node.file("typed");
        for typed in [format!("{phone}\n{code}\nAda\n"), String::new()] {
            fs::write(&input, typed).expect("write what is typed");
            let mut command = Command::new("python3");
            command.args(["program.py", "./libtdjson.so"]).current_dir(node.file(""));
            let typed = File::open(&input).expect("just written");
            let ran = run_with_input(&mut command, typed, WITHIN);
            let is_in = ran.status.success() && ran.stdout.contains("Logged in as Ada");
            assert!(is_in, "{}\n{}\n{}", ran.stdout, ran.stderr, node.log());
        }
    });
}
