//! A server of the fediverse with one person on it: `tests/clients/fedify/peer.mjs`, or of another library
//! that takes the same commands.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::scene::Authority;
use crate::support::process::Guarded;
use crate::support::{install, tests_directory};

/// How long anything may take: an answer, or something that is to come.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The server. Dropped, it ends.
pub(crate) struct Peer {
    _process: Guarded,
    stdin: ChildStdin,
    lines: Receiver<Value>,
    /// What came and was not asked for yet.
    came: VecDeque<Value>,
    log: PathBuf,
    /// Its person.
    pub(crate) actor: String,
    numbered: u32,
}

/// The directory with Fedify and a Node.js that is new enough for it.
pub(crate) fn install() -> PathBuf {
    install::npm("fedify-2.3.6", "fedify")
}

fn node_js() -> PathBuf {
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    install().join(format!("node_modules/node-linux-{arch}/bin/node"))
}

impl Peer {
    /// Starts Fedify as `https://NAME`, at an address.
    pub(crate) fn start(authority: &Authority, name: &str, address: &str, user: &str) -> Self {
        let mut fedify = Command::new(node_js());
        fedify.arg(tests_directory().join("clients/fedify/peer.mjs"));
        fedify.env("NODE_EXTRA_CA_CERTS", authority.file()).current_dir(install());
        Self::run(fedify, authority, (name, address), user)
    }

    /// Starts a library's server.
    pub(crate) fn run(
        mut library: Command,
        authority: &Authority,
        (name, address): (&str, &str),
        user: &str,
    ) -> Self {
        let (cert, key) = authority.certificate(name);
        let log = authority.directory().join(format!("{name}.log"));
        let child = library
            .args(["--origin", &format!("https://{name}"), "--listen", address, "--user", user])
            .arg("--cert")
            .arg(cert)
            .arg("--key")
            .arg(key)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("a log"))
            .spawn()
            .expect("the library's program starts");
        let mut process = Guarded(child);
        let stdin = process.0.stdin.take().expect("piped");
        let stdout = process.0.stdout.take().expect("piped");
        let (sender, lines) = mpsc::sync_channel(1024);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let read = serde_json::from_str(&line).unwrap_or_else(|_| json!({ "odd": line }));
                if sender.send(read).is_err() {
                    return;
                }
            }
        });
        let mut peer = Self {
            _process: process,
            stdin,
            lines,
            came: VecDeque::new(),
            log,
            actor: String::new(),
            numbered: 0,
        };
        let ready = peer.wait(|line| line.get("ready").is_some(), "it is ready");
        peer.actor = ready["ready"].as_str().expect("its actor").to_owned();
        peer
    }

    /// Asks it to do something; what it answers.
    pub(crate) fn asks(&mut self, command: &Value) -> Result<Value, String> {
        writeln!(self.stdin, "{command}").expect("it reads");
        let is_answer = |line: &Value| line.get("answer").is_some() || line.get("error").is_some();
        let line = self.wait(is_answer, &format!("an answer to {command}"));
        match line.get("answer") {
            Some(answer) => Ok(answer.clone()),
            None => Err(line["error"].to_string()),
        }
    }

    /// The same, where it has to work.
    pub(crate) fn does(&mut self, command: &Value) -> Value {
        self.asks(command).unwrap_or_else(|error| self.fail(&format!("{command}: {error}")))
    }

    /// A document as it is served to this server, which signs what it asks.
    pub(crate) fn fetch(&mut self, uri: &str) -> Value {
        self.does(&json!({ "do": "fetch", "uri": uri }))
    }

    /// What anybody gets who signs nothing: status, headers, length, hash and text. Redirects are answers.
    pub(crate) fn get(&mut self, uri: &str, headers: &Value) -> Value {
        self.does(&json!({ "do": "get", "uri": uri, "headers": headers }))
    }

    /// An id under which its person does something.
    pub(crate) fn new_id(&mut self) -> String {
        self.numbered += 1;
        format!("{}/activities/{}", self.actor, self.numbered)
    }

    /// Does something to somebody's inbox: an activity of this kind about an object. Its id.
    pub(crate) fn acts(&mut self, to: &str, kind: &str, object: &Value) -> String {
        let id = self.new_id();
        let activity = json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "type": kind, "id": id, "actor": self.actor, "object": object, "to": to,
        });
        self.does(&json!({ "do": "send", "to": to, "activity": activity }));
        id
    }

    /// Answers a post: the id of the note.
    pub(crate) fn replies(&mut self, to: &str, post: &str, content: &str) -> String {
        let note = format!("{}/notes/{}", origin(&self.actor), self.numbered + 1);
        let public = "https://www.w3.org/ns/activitystreams#Public";
        let object = json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "type": "Note", "id": note, "attributedTo": self.actor, "content": content,
            "inReplyTo": post, "published": "2026-11-30T09:00:00Z",
            "to": public, "cc": [to],
        });
        let path = note.strip_prefix(&origin(&self.actor)).expect("a path").to_owned();
        self.does(&json!({ "do": "put", "path": path, "object": object }));
        self.acts(to, "Create", &object);
        note
    }

    /// Something that came to its inbox, and that it has verified.
    pub(crate) fn hears(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let is_wanted = |line: &Value| line.get("came").is_some_and(&wanted);
        let line = self.wait(is_wanted, what);
        line["came"].clone()
    }

    /// Whether something came so far.
    pub(crate) fn has_heard(&mut self, wanted: impl Fn(&Value) -> bool) -> bool {
        while let Ok(line) = self.lines.try_recv() {
            self.came.push_back(line);
        }
        self.came.iter().any(|line| line.get("came").is_some_and(&wanted))
    }

    fn wait(&mut self, wanted: impl Fn(&Value) -> bool, what: &str) -> Value {
        if let Some(at) = self.came.iter().position(&wanted) {
            return self.came.remove(at).expect("it is there");
        }
        loop {
            match self.lines.recv_timeout(SOON) {
                Ok(line) if wanted(&line) => return line,
                Ok(line) => self.came.push_back(line),
                Err(_) => self.fail(what),
            }
        }
    }

    fn fail(&self, what: &str) -> ! {
        let mut log = String::new();
        File::open(&self.log).and_then(|mut file| file.read_to_string(&mut log)).ok();
        panic!("{}: not {what}; came: {:#?}\n{log}", self.actor, self.came);
    }
}

/// Scheme and host of an address.
pub(crate) fn origin(address: &str) -> String {
    address.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}
