//! Child processes with a bound on their time, and their output for failure messages.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What a finished process left.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A process that is killed, and waited for, when this is dropped.
#[derive(Debug)]
pub(crate) struct Guarded(pub(crate) Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Runs `command` to its end, or kills it after `limit` and panics with what it had printed.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Finished {
    run_with_input(command, Stdio::null(), limit)
}

/// [`run`], with something to read.
pub(crate) fn run_with_input(
    command: &mut Command,
    input: impl Into<Stdio>,
    limit: Duration,
) -> Finished {
    command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let mut child = Guarded(child);
    let stdout = collect(child.0.stdout.take().expect("stdout is piped"));
    let stderr = collect(child.0.stderr.take().expect("stderr is piped"));
    // The pipes end when the process does, or when it was killed for its time.
    let out = stdout.recv_timeout(limit);
    if out.is_err() {
        child.0.kill().ok();
    }
    let printed = out.clone().or_else(|_| stdout.recv()).unwrap_or_default();
    let stderr = stderr.recv().unwrap_or_default();
    let status = child.0.wait().expect("our own child");
    assert!(out.is_ok(), "{command:?} took more than {limit:?}\n{printed}\n{stderr}");
    Finished { status, stdout: printed, stderr }
}

fn collect(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).ok();
        sender.send(String::from_utf8_lossy(&bytes).into_owned()).ok();
    });
    receiver
}
