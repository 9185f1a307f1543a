//! One client library in a process of its own, driven by lines of JSON.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rookery_load::clock;
use serde_json::{Map, Value, json};

use crate::clients::Client;
use crate::support::node::TestNode;
use crate::support::process::Guarded;

/// From start to the ready event, key exchange included.
const READY_WITHIN: Duration = Duration::from_secs(90);
/// What a working node pushes comes within a fraction of this, also on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// Lines read and not looked at yet.
const LINES_MAX: usize = 100_000;
/// Of each, in the message of a failed test.
const SHOWN_EVENTS: usize = 40;
const SHOWN_STDERR: usize = 4000;

/// A driver gives up on a command by itself, after 90 s, or half an hour in long runs.
fn answer_within() -> Duration {
    let is_long = std::env::var("ROOKERY_TEST").is_ok_and(|what| what == "full");
    Duration::from_secs(if is_long { 1900 } else { 120 })
}

/// `{code, NAME}` of a refusal.
pub(crate) type Refusal = (i64, String);

/// Everything that was read from a driver.
#[derive(Debug, Default)]
struct Seen {
    answers: HashMap<u64, Value>,
    /// With whether an expectation took it.
    events: Vec<(Value, bool)>,
}

/// A running client. Dropping it kills the process; its session stays.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) client: &'static Client,
    /// The account, once it is logged in.
    pub(crate) user: i64,
    session: PathBuf,
    node_log: PathBuf,
    start: Start,
    running: Option<Running>,
    seen: Seen,
    last_command: u64,
}

/// What it takes to start the process, again and again.
#[derive(Debug)]
struct Start {
    interpreter: PathBuf,
    script: PathBuf,
    directory: PathBuf,
    arguments: Vec<String>,
}

#[derive(Debug)]
struct Running {
    stdin: ChildStdin,
    lines: Receiver<Value>,
    /// Last, so that the pipe is closed before the process is killed and waited for.
    _process: Guarded,
}

impl Driver {
    /// Starts a client with an empty session; `label` tells several of one kind apart.
    pub(crate) fn start(client: &'static Client, label: &str, node: &TestNode) -> Self {
        let session = node.file(&format!("{}-{label}", client.name));
        fs::create_dir_all(&session).expect("make the session's directory");
        let program = client.install();
        if let Some(directory) = program.directory.as_ref().filter(|_| client.name == "tdlib") {
            node.repoint_tdlib(directory);
        }
        let text = |path: PathBuf| path.to_str().expect("paths here are UTF-8").to_owned();
        let arguments = vec![
            "--client".to_owned(),
            client.name.to_owned(),
            "--host".to_owned(),
            node.mtproto.ip().to_string(),
            "--port".to_owned(),
            node.mtproto.port().to_string(),
            "--pem".to_owned(),
            text(node.pem()),
            "--session".to_owned(),
            text(session.clone()),
        ];
        let start = Start {
            interpreter: program.interpreter,
            script: client.script(),
            // A library may drop files where it runs.
            directory: program.directory.unwrap_or_else(|| session.clone()),
            arguments,
        };
        let mut driver = Self {
            client,
            user: 0,
            session,
            node_log: node.file("log"),
            start,
            running: None,
            seen: Seen::default(),
            last_command: 0,
        };
        driver.run();
        driver
    }

    fn run(&mut self) {
        let errors = File::options()
            .create(true)
            .append(true)
            .open(self.session.join("stderr"))
            .expect("a file for the driver's diagnostics");
        let child = Command::new(&self.start.interpreter)
            .arg(&self.start.script)
            .args(&self.start.arguments)
            .current_dir(&self.start.directory)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .expect("the driver starts");
        let mut process = Guarded(child);
        let stdin = process.0.stdin.take().expect("stdin is piped");
        let stdout = process.0.stdout.take().expect("stdout is piped");
        let (sender, lines) = mpsc::sync_channel(LINES_MAX);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let value =
                    serde_json::from_str(&line).unwrap_or_else(|_| json!({ "noise": line }));
                if sender.send(value).is_err() {
                    break;
                }
            }
        });
        self.running = Some(Running { stdin, lines, _process: process });
        let ready = self.expect_within(READY_WITHIN, &json!({ "event": "ready" }));
        self.user = ready["user"].as_i64().unwrap_or_default();
    }

    /// Ends the process as an application is closed.
    pub(crate) fn quit(&mut self) {
        self.command("quit", json!({}));
        self.running = None;
    }

    /// Starts it again on its session, after [`Driver::quit`].
    pub(crate) fn resume(&mut self) {
        self.run();
    }

    // ---- commands ----

    /// Gives a command and returns its answer; panics if that is a refusal.
    pub(crate) fn command(&mut self, name: &str, fields: Value) -> Value {
        match self.try_command(name, fields) {
            Ok(answer) => answer,
            Err((code, error)) => self.fail(&format!("{name} was refused: {code} {error}")),
        }
    }

    /// Calls any method of the raw API (Telethon, Pyrogram, Kurigram), for example
    /// `messages.SaveDraft`, in the JSON of `tl_json.py`; panics if it is refused.
    pub(crate) fn invoke(&mut self, method: &str, fields: Value) -> Value {
        self.command("invoke", json!({ "method": method, "fields": fields }))["result"].take()
    }

    /// [`Driver::invoke`] of a call that is to be refused.
    pub(crate) fn invoke_refused(&mut self, method: &str, fields: Value) -> Refusal {
        self.refused("invoke", json!({ "method": method, "fields": fields }))
    }

    /// Sends any request of TDLib's own API; panics if it is refused.
    pub(crate) fn request(&mut self, kind: &str, fields: Value) -> Value {
        self.command("request", json!({ "kind": kind, "fields": fields }))["result"].take()
    }

    /// [`Driver::request`] that is to be refused.
    pub(crate) fn request_refused(&mut self, kind: &str, fields: Value) -> Refusal {
        self.refused("request", json!({ "kind": kind, "fields": fields }))
    }

    /// Shows every update as an event from now on: with `_` and fields as TL has them, from TDLib
    /// with `@type`.
    pub(crate) fn show_updates(&mut self) {
        self.command("raw", json!({}));
    }

    /// Gives a command that is to be refused.
    pub(crate) fn refused(&mut self, name: &str, fields: Value) -> Refusal {
        match self.try_command(name, fields) {
            Ok(answer) => self.fail(&format!("{name} was not refused: {answer}")),
            Err(refusal) => refusal,
        }
    }

    /// Gives a command and returns its answer, or the error of a refusal.
    pub(crate) fn try_command(&mut self, name: &str, fields: Value) -> Result<Value, Refusal> {
        self.last_command += 1;
        let id = self.last_command;
        let Value::Object(mut line) = fields else { panic!("fields are an object: {fields}") };
        line.insert("id".into(), id.into());
        line.insert("do".into(), name.into());
        let line = format!("{}\n", Value::Object(line));
        let running = self.running.as_mut().expect("the driver runs");
        if let Err(error) = running.stdin.write_all(line.as_bytes()) {
            self.fail(&format!("{name} could not be given: {error}"));
        }
        let within = answer_within();
        let deadline = clock::now() + within;
        loop {
            if let Some(answer) = self.seen.answers.remove(&id) {
                if answer["ok"] == true {
                    return Ok(answer);
                }
                let error = &answer["error"];
                let refusal = error[1].as_str().unwrap_or_default().to_owned();
                if refusal.starts_with("TimeoutError") {
                    self.fail(&format!("the library had no answer for {line}"));
                }
                return Err((error[0].as_i64().unwrap_or_default(), refusal));
            }
            if !self.read_until(deadline) {
                self.fail(&format!("no answer to {line} within {within:?}"));
            }
        }
    }

    /// Logs in with a number and a code; the name is for an account that is made by that.
    /// Returns whether one was.
    pub(crate) fn login(&mut self, (phone, code): &(String, String)) -> bool {
        let fields = json!({ "phone": phone, "code": code, "first_name": self.client.name });
        let done = self.command("login", fields);
        self.user = done["user_id"].as_i64().expect("a login has a user");
        done["signed_up"] == true
    }

    /// Sends a text and returns the sender's id of it.
    pub(crate) fn send(&mut self, to: impl Into<Value>, text: &str) -> i64 {
        self.send_with(to, text, json!({}))
    }

    /// [`Driver::send`] with more fields.
    pub(crate) fn send_with(&mut self, to: impl Into<Value>, text: &str, more: Value) -> i64 {
        let Value::Object(mut fields) = more else { panic!("fields are an object: {more}") };
        fields.insert("to".into(), to.into());
        fields.insert("text".into(), text.into());
        let sent = self.command("send", Value::Object(fields));
        sent["msg_id"].as_i64().expect("a message has an id")
    }

    /// The newest messages with a peer, newest first; older than `offset_id` if that is not 0.
    pub(crate) fn history(
        &mut self,
        peer: impl Into<Value>,
        limit: usize,
        offset_id: i64,
    ) -> Vec<Value> {
        let fields = json!({ "peer": peer.into(), "limit": limit, "offset_id": offset_id });
        let found = self.command("history", fields);
        found["messages"].as_array().expect("a history is a list").clone()
    }

    /// The dialog with `peer`.
    pub(crate) fn dialog(&mut self, peer: i64) -> Value {
        let found = self.command("dialogs", json!({}));
        let dialogs = found["dialogs"].as_array().expect("dialogs are a list");
        let of_peer: Vec<&Value> = dialogs.iter().filter(|one| one["peer"] == peer).collect();
        match of_peer[..] {
            [dialog] => dialog.clone(),
            _ => self.fail(&format!("{} dialogs with {peer} in {found}", of_peer.len())),
        }
    }

    /// Waits until the library has seen what the node counts in its box: nothing is on its way, and
    /// nothing is missing. Libraries that show no count of their own are left alone.
    pub(crate) fn settle(&mut self) {
        let deadline = clock::now() + SOON;
        loop {
            let state = self.command("get_state", json!({}));
            if state["local_pts"].is_null() || state["local_pts"] == state["pts"] {
                return;
            }
            if clock::now() >= deadline {
                self.fail(&format!("what the library counts stays behind the node: {state}"));
            }
            self.read_for(Duration::from_millis(50));
        }
    }

    // ---- events ----

    /// Waits for an event that has all fields of `wanted`, and takes it: the next expectation looks
    /// for another one. Events that came earlier count, in the order in which they came.
    pub(crate) fn expect(&mut self, wanted: &Value) -> Value {
        self.expect_within(SOON, wanted)
    }

    /// [`Driver::expect`] with a limit.
    pub(crate) fn expect_within(&mut self, limit: Duration, wanted: &Value) -> Value {
        self.expect_event(&wanted.to_string(), limit, |event| matches(event, wanted))
    }

    /// [`Driver::expect`] with a predicate; `what` says in words what it asks.
    pub(crate) fn expect_event(
        &mut self,
        what: &str,
        limit: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let deadline = clock::now() + limit;
        let mut looked_at = 0;
        loop {
            let events = &mut self.seen.events;
            let fits = |(event, taken): &(Value, bool)| !taken && wanted(event);
            if let Some(at) = events[looked_at..].iter().position(fits) {
                let (event, taken) = &mut events[looked_at + at];
                *taken = true;
                return event.clone();
            }
            looked_at = events.len();
            if !self.read_until(deadline) {
                self.fail(&format!("no event within {limit:?}: {what}"));
            }
        }
    }

    /// Events that came so far and have all fields of `wanted`, taken or not.
    pub(crate) fn came(&mut self, wanted: &Value) -> Vec<Value> {
        while self.read_for(Duration::ZERO) {}
        let events = self.seen.events.iter().map(|(event, _)| event);
        events.filter(|event| matches(event, wanted)).cloned().collect()
    }

    /// Leaves what came so far out of all later expectations and counts.
    pub(crate) fn forget(&mut self) {
        while self.read_for(Duration::ZERO) {}
        self.seen.events.clear();
    }

    /// Reads one line if there is one until `deadline`.
    fn read_until(&mut self, deadline: Instant) -> bool {
        self.read_for(deadline.saturating_duration_since(clock::now()))
    }

    fn read_for(&mut self, limit: Duration) -> bool {
        let Some(running) = &self.running else { return false };
        let value = match running.lines.recv_timeout(limit) {
            Ok(value) => value,
            Err(RecvTimeoutError::Timeout) => return false,
            Err(RecvTimeoutError::Disconnected) if limit.is_zero() => return false,
            Err(RecvTimeoutError::Disconnected) => self.fail("the driver has ended"),
        };
        match value["id"].as_u64().filter(|_| value.get("ok").is_some()) {
            Some(id) => drop(self.seen.answers.insert(id, value)),
            None => self.seen.events.push((value, false)),
        }
        true
    }

    /// Panics with what is known about this client and the node.
    pub(crate) fn fail(&self, what: &str) -> ! {
        let mut text =
            format!("{} (user {}): {what}\n--- its last events ---\n", self.client.name, self.user);
        let events = &self.seen.events;
        for (event, taken) in &events[events.len().saturating_sub(SHOWN_EVENTS)..] {
            writeln!(text, "{} {event}", if *taken { "taken" } else { "  new" }).ok();
        }
        let tail = |path: &PathBuf| {
            let all = fs::read(path).unwrap_or_default();
            String::from_utf8_lossy(&all[all.len().saturating_sub(SHOWN_STDERR)..]).into_owned()
        };
        let (diagnostics, log) = (tail(&self.session.join("stderr")), tail(&self.node_log));
        panic!("{text}--- its diagnostics ---\n{diagnostics}\n--- the node's log ---\n{log}");
    }
}

/// Whether `event` has all fields of `wanted`.
fn matches(event: &Value, wanted: &Value) -> bool {
    let fields: Option<&Map<String, Value>> = wanted.as_object();
    fields.is_some_and(|fields| fields.iter().all(|(name, value)| event[name] == *value))
}
