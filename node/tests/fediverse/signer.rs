//! A server of the fediverse that signs whatever it is told to: `tests/clients/signer/peer.py`.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use serde_json::{Value, json};

use crate::peer::SOON;
use crate::scene::Authority;
use crate::support::process::Guarded;
use crate::support::{install, tests_directory};

/// Where it is.
pub(crate) const ORIGIN: &str = "https://other.test";
const ADDRESS: &str = "127.0.0.4";
/// Where it is, too, and nobody of the fediverse may be: a private network, this machine, and ports.
pub(crate) const INSIDE: [(&str, u16); 4] =
    [("10.66.0.1", 443), ("::1", 443), (ADDRESS, 8443), (ADDRESS, 80)];

/// The server. Dropped, it ends.
pub(crate) struct Signer {
    _process: Guarded,
    stdin: ChildStdin,
    lines: Receiver<Value>,
    log: PathBuf,
    numbered: u32,
}

/// Python with `cryptography`.
pub(crate) fn install() -> PathBuf {
    install::python("cryptography-50.0.2", "signer/requirements-50.0.2.txt")
}

impl Signer {
    /// Starts it as `https://other.test`, with somebody who is called eve.
    pub(crate) fn start(authority: &Authority) -> Self {
        let (cert, key) = authority.certificate("other.test");
        let log = authority.directory().join("signer.log");
        let mut command = Command::new(install());
        command.arg(tests_directory().join("clients/signer/peer.py"));
        command.args(["--origin", ORIGIN, "--listen", ADDRESS]);
        for (address, port) in INSIDE {
            command.args(["--inside", &format!("{address}:{port}")]);
        }
        command.arg("--cert").arg(cert).arg("--key").arg(key);
        let child = command
            .arg("--authority")
            .arg(authority.file())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("a log"))
            .spawn()
            .expect("Python starts");
        let mut process = Guarded(child);
        let stdin = process.0.stdin.take().expect("piped");
        let stdout = process.0.stdout.take().expect("piped");
        let (sender, lines) = mpsc::sync_channel(16);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let read = serde_json::from_str(&line).unwrap_or_else(|_| json!({ "odd": line }));
                if sender.send(read).is_err() {
                    return;
                }
            }
        });
        let mut signer = Self { _process: process, stdin, lines, log, numbered: 0 };
        signer.read("start");
        signer.person("eve", &json!({}));
        signer
    }

    fn read(&self, what: &str) -> Value {
        let line = self.lines.recv_timeout(SOON * 4).unwrap_or_else(|_| json!("nothing"));
        match line.get("answer") {
            Some(answer) => answer.clone(),
            None => {
                let log = std::fs::read_to_string(&self.log).unwrap_or_default();
                panic!("{what}: {line}\n{log}")
            }
        }
    }

    /// Has it do something; what it answers.
    pub(crate) fn does(&mut self, what: &str, command: &Value) -> Value {
        let line = with(command, &json!({ "do": what }));
        writeln!(self.stdin, "{line}").expect("it reads");
        self.read(&line.to_string().chars().take(2000).collect::<String>())
    }

    /// Serves somebody of this name; the id.
    pub(crate) fn person(&mut self, name: &str, how: &Value) -> String {
        let id = self.does("person", &with(how, &json!({ "name": name })));
        id.as_str().expect("an id").to_owned()
    }

    /// A number that was not given before.
    pub(crate) fn number(&mut self) -> u32 {
        self.numbered += 1;
        self.numbered
    }

    /// An activity of somebody's.
    pub(crate) fn activity(&mut self, by: &str, kind: &str, object: &Value) -> Value {
        let id = format!("{ORIGIN}/activities/{}", self.number());
        json!({ "@context": "https://www.w3.org/ns/activitystreams", "type": kind, "id": id,
            "actor": by, "object": object })
    }

    /// What somebody says to a post, in public.
    pub(crate) fn reply(&mut self, by: &str, post: &str, words: &str) -> Value {
        let public = "https://www.w3.org/ns/activitystreams#Public";
        let note = json!({ "type": "Note", "id": format!("{ORIGIN}/notes/{}", self.number()),
            "attributedTo": by, "content": format!("<p>{words}</p>"), "inReplyTo": post,
            "to": [public], "published": "2026-11-30T09:00:00Z" });
        let create = self.activity(by, "Create", &note);
        with(&create, &json!({ "to": [public] }))
    }

    /// Posts an activity in somebody's name, or what `how` makes of it: the status.
    pub(crate) fn posts(&mut self, by: &str, to: &str, activity: &Value, how: &Value) -> u64 {
        let name = by.rsplit('/').next().unwrap_or_default();
        let right = json!({ "url": to, "activity": activity, "key": name,
            "key_id": format!("{by}#main-key") });
        let answer = self.does("post", &with(&right, how));
        answer["status"].as_u64().expect("a status")
    }

    /// What is served at an address: status, headers and body, without a signature.
    pub(crate) fn gets(&mut self, url: &str, how: &Value) -> Value {
        self.does("get", &with(&json!({ "url": url }), how))
    }

    /// The document at an address.
    pub(crate) fn document(&mut self, url: &str) -> Value {
        let found = self.gets(url, &json!({}));
        assert_eq!(found["status"], 200, "{url}: {found}");
        serde_json::from_str(found["body"].as_str().expect("a body")).expect("JSON")
    }

    /// Waits for so many activities in somebody's inbox, each with what was verified of it.
    pub(crate) fn came(&mut self, to: &str, count: usize) -> Vec<Value> {
        let path = format!("{}/inbox", to.strip_prefix(ORIGIN).expect("somebody here"));
        let came = self.does("came", &json!({ "path": path, "count": count }));
        came.as_array().expect("a list").clone()
    }

    /// Requests and connections since the last time, with what was verified of each.
    pub(crate) fn asked(&mut self) -> Value {
        self.does("asked", &json!({ "verify": true }))
    }

    /// Paths that were fetched since the last time.
    pub(crate) fn fetched(&mut self) -> Vec<String> {
        let asked = self.does("asked", &json!({}));
        let gets = asked["requests"].as_array().expect("a list").iter();
        let gets = gets.filter(|one| one["method"] == "GET");
        gets.map(|one| one["path"].as_str().expect("a path").to_owned()).collect()
    }
}

/// An object with the fields of another one over its own.
pub(crate) fn with(value: &Value, more: &Value) -> Value {
    let mut value = value.clone();
    let fields = value.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    value
}
