//! A program that takes codes, and prints a line of JSON for each.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver as Lines};
use std::thread;

use serde_json::Value;

use crate::driver::SOON;
use crate::support::process::Guarded;
use crate::support::tests_directory;

/// Lines that are not read yet.
const LINES_MAX: usize = 1000;

/// The running program; ends with this.
#[derive(Debug)]
pub(crate) struct Receiver {
    lines: Lines<Value>,
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u64,
    _process: Guarded,
}

impl Receiver {
    /// Starts a script of this directory, which prints `{"port": N}` first.
    pub(crate) fn start<A: AsRef<OsStr>>(python: &Path, script: &str, arguments: &[A]) -> Self {
        Self::run(Command::new(python).arg(path_of(script)).args(arguments))
    }

    /// [`Receiver::start`] in a directory of packages.
    pub(crate) fn start_in(directory: &Path, interpreter: &Path, script: &str) -> Self {
        let mut command = Command::new(interpreter);
        Self::run(command.arg(path_of(script)).current_dir(directory).stderr(Stdio::null()))
    }

    fn run(command: &mut Command) -> Self {
        let child = command
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the receiver starts");
        let mut process = Guarded(child);
        let stdout = process.0.stdout.take().expect("stdout is piped");
        let (sender, lines) = mpsc::sync_channel(LINES_MAX);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).expect("a line of JSON");
                if sender.send(value).is_err() {
                    break;
                }
            }
        });
        let mut receiver = Self { lines, port: 0, _process: process };
        let first = receiver.next();
        receiver.port = first["port"].as_u64().expect("a port");
        receiver
    }

    /// The next thing that it took.
    pub(crate) fn next(&self) -> Value {
        self.lines.recv_timeout(SOON).expect("something arrives")
    }

    /// Whether nothing has arrived that was not looked at.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.try_recv().is_err()
    }
}

fn path_of(script: &str) -> PathBuf {
    tests_directory().join("delivery").join(script)
}
