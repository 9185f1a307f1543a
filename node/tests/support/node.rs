//! The node's own binary, on free loopback ports and a fresh data directory.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::process::{self, Guarded};

/// From start to the ready line; a first start makes a 2048-bit RSA key. Generous for a busy
/// machine: a node that works answers within a second.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// architecture: SIGTERM ends the node cleanly within 5 s.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// The node's program: the one that `ROOKERY_BINARY` names, for example of a release build, or the one that
/// was built with the tests.
pub(crate) fn binary() -> PathBuf {
    let built = || env!("CARGO_BIN_EXE_rookery").into();
    std::env::var_os("ROOKERY_BINARY").map_or_else(built, PathBuf::from)
}

/// How a node is started.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// Where it listens for Telegram clients.
    pub(crate) mtproto: String,
    /// Where it listens for browsers.
    pub(crate) http: String,
    /// Text of `rookery.toml`; empty for none.
    pub(crate) config: String,
    /// A certificate and key for `localhost`, `127.0.0.1` and `::1`; also written to `cert.pem`.
    pub(crate) tls: bool,
    /// A data directory to start on a copy of; none: an empty one.
    pub(crate) data: Option<PathBuf>,
    /// Where it listens for other nodes; none: it reaches none.
    pub(crate) mesh: Option<String>,
    /// Variables of its environment.
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            mtproto: "127.0.0.1:0".into(),
            http: "127.0.0.1:0".into(),
            config: String::new(),
            tls: false,
            data: None,
            mesh: None,
            variables: Vec::new(),
        }
    }
}

/// A running node. Dropping it kills the process and removes its directory.
#[derive(Debug)]
pub(crate) struct TestNode {
    process: Option<Guarded>,
    directory: TempDir,
    setup: Setup,
    /// Where Telegram clients reach it.
    pub(crate) mtproto: SocketAddr,
    /// Where browsers reach it.
    pub(crate) http: SocketAddr,
    /// The DC number it gave out.
    pub(crate) dc: i64,
    /// Fingerprint of its RSA key, as it printed it.
    pub(crate) rsa_fingerprint: String,
    /// Where other nodes reach it: multiaddresses.
    pub(crate) mesh: Vec<String>,
    /// Number and code of the owner's first login: printed by the first start on a directory.
    pub(crate) owner: Option<(String, String)>,
}

impl TestNode {
    /// A node without a configuration file.
    pub(crate) fn start() -> Self {
        Self::start_with(Setup::default())
    }

    /// A node set up as told.
    pub(crate) fn start_with(mut setup: Setup) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        if setup.tls {
            let names = ["localhost", "127.0.0.1", "::1"].map(String::from);
            let made =
                rcgen::generate_simple_self_signed(names).expect("a self-signed certificate");
            let (certificate, key) =
                (directory.path().join("cert.pem"), directory.path().join("key.pem"));
            fs::write(&certificate, made.cert.pem()).expect("write certificate");
            fs::write(&key, made.signing_key.serialize_pem()).expect("write key");
            setup.config += &format!("[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n");
        }
        fs::write(directory.path().join("rookery.toml"), &setup.config).expect("write config");
        if let Some(data) = &setup.data {
            copy_directory(data, &directory.path().join("data"));
        }
        let unknown = ([127, 0, 0, 1], 0).into();
        let rsa_fingerprint = String::new();
        let mut node = Self {
            process: None,
            directory,
            setup,
            mtproto: unknown,
            http: unknown,
            dc: 0,
            rsa_fingerprint,
            mesh: Vec::new(),
            owner: None,
        };
        node.run();
        node
    }

    /// Stops the node with SIGTERM and starts it again on the same directory and port.
    pub(crate) fn restart(&mut self) {
        let status = self.stop();
        assert!(status.success(), "SIGTERM: {status}\n{}", self.log());
        self.setup.mtproto = self.mtproto.to_string();
        self.run();
    }

    /// Stops the node, does something with its files, and starts it again on them.
    pub(crate) fn while_stopped<T>(&mut self, work: impl FnOnce(&Self) -> T) -> T {
        let status = self.stop();
        assert!(status.success(), "SIGTERM: {status}\n{}", self.log());
        let done = work(self);
        self.setup.mtproto = self.mtproto.to_string();
        self.run();
        done
    }

    /// Kills the node (SIGKILL) and starts it again on the same directory and port.
    pub(crate) fn kill_and_restart(&mut self) {
        drop(self.process.take().expect("the node runs"));
        self.setup.mtproto = self.mtproto.to_string();
        self.run();
    }

    /// Stops the node, exports its store, and starts it again; answers the file.
    pub(crate) fn back_up(&mut self) -> PathBuf {
        assert!(self.stop().success(), "{}", self.log());
        let file = self.file("backup");
        self.command(&["export", "--json", "--to", file.to_str().expect("UTF-8")]);
        self.setup.mtproto = self.mtproto.to_string();
        self.run();
        file
    }

    /// Kills the node, and starts it again on what a backup holds and the keys and files that are beside
    /// the store.
    pub(crate) fn restore(&mut self, backup: &Path) {
        drop(self.process.take().expect("the node runs"));
        for directory in ["db", "db.new"] {
            fs::remove_dir_all(self.data().join(directory)).ok();
        }
        for file in ["STORE.id", "STORE.mark"] {
            fs::remove_file(self.data().join(file)).ok();
        }
        let config = self.file("rookery.toml");
        let (backup, config) = (backup.to_str().expect("UTF-8"), config.to_str().expect("UTF-8"));
        self.command(&["import", "--json", "--from", backup, "--config", config]);
        self.setup.mtproto = self.mtproto.to_string();
        self.run();
    }

    /// Takes a backup of the node as it is, running or not, for this key; answers what was printed.
    pub(crate) fn back_up_for(&self, recipient: &str, to: &Path) -> Value {
        let to = to.to_str().expect("UTF-8");
        let config = self.file("rookery.toml");
        let config = config.to_str().expect("UTF-8");
        let of = ["backup", "--json", "--recipient", recipient, "--to", to, "--config", config];
        self.command(&of)
    }

    /// Kills the node, takes its data directory away, and starts it on one that is restored from a backup.
    pub(crate) fn restore_backup(&mut self, backup: &Path, identity: &Path) -> Value {
        drop(self.process.take().expect("the node runs"));
        fs::rename(self.data(), self.file("lost")).expect("a data directory");
        let [from, identity] = [backup, identity].map(|path| path.to_str().expect("UTF-8"));
        let restored = self.command(&["restore", "--json", "--from", from, "--identity", identity]);
        self.setup.mtproto = self.mtproto.to_string();
        self.run();
        restored
    }

    /// What is wrong with the stopped node, as `rookery fsck` says it: `about: what`.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let mut command = Command::new(binary());
        command.args(["fsck", "--json", "--data"]).arg(self.data());
        command.arg("--config").arg(self.file("rookery.toml"));
        let finished = process::run(&mut command, READY_WITHIN);
        let told: Value = serde_json::from_str(&finished.stdout)
            .unwrap_or_else(|error| panic!("{command:?}: {error}: {finished:?}"));
        let troubles = told["troubles"].as_array().expect("a list").iter();
        let shown = |one: &Value, key: &str| one[key].as_str().expect("text").to_owned();
        let troubles: Vec<_> = troubles
            .map(|one| format!("{}: {}", shown(one, "about"), shown(one, "what")))
            .collect();
        assert_eq!(finished.status.success(), troubles.is_empty(), "{finished:?}");
        troubles
    }

    /// Runs a command of the node's binary on its data directory, and returns the JSON that it
    /// prints.
    pub(crate) fn command(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new(binary());
        command.args(arguments).arg("--data").arg(self.data());
        let finished = process::run(&mut command, READY_WITHIN);
        serde_json::from_str(&finished.stdout).unwrap_or_else(|error| {
            panic!("{command:?}: {error}: {finished:?}\n{}", self.log());
        })
    }

    /// A copy of a client that trusts the node, as an operator makes it.
    pub(crate) fn repoint(&self, program: &Path, to: &Path) {
        let mut command = Command::new(binary());
        command.args(["client-config", "--repoint"]).arg(program).arg("--to").arg(to);
        command.arg("--data").arg(self.data());
        let finished = process::run(&mut command, READY_WITHIN);
        assert!(finished.status.success(), "{command:?}: {finished:?}");
    }

    /// The copy of TDLib that trusts the node, beside its key, where the scripts look for it; made of what
    /// was installed in a directory.
    pub(crate) fn repoint_tdlib(&self, installed: &Path) {
        let copy = self.file("libtdjson.so");
        if !copy.exists() {
            let library = "node_modules/@prebuilt-tdlib/linux-x64-glibc/libtdjson.so";
            self.repoint(&installed.join(library), &copy);
        }
    }

    /// Number and code of a new invite.
    pub(crate) fn invite(&self) -> (String, String) {
        let invite = self.command(&["invite", "--json"]);
        let text = |key: &str| match invite[key].as_str() {
            Some(text) => text.to_owned(),
            None => panic!("no {key} in {invite}"),
        };
        (text("phone"), text("code"))
    }

    /// Sends the node a signal: `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.process.as_ref().expect("the node runs").0.id().to_string();
        let sent = process::run(Command::new("kill").args(["-s", name, &pid]), STOP_WITHIN);
        assert!(sent.status.success(), "kill: {}", sent.stderr);
    }

    /// Stops the node with SIGTERM.
    pub(crate) fn stop(&mut self) -> std::process::ExitStatus {
        let mut process = self.process.take().expect("the node runs");
        let pid = process.0.id().to_string();
        let killed = process::run(Command::new("kill").args(["-TERM", &pid]), STOP_WITHIN);
        assert!(killed.status.success(), "kill: {}", killed.stderr);
        // `wait` has no limit: standard output ends with the process.
        let mut stdout = process.0.stdout.take().expect("stdout is piped");
        let (sender, ended) = mpsc::sync_channel(1);
        thread::spawn(move || {
            let mut rest = Vec::new();
            stdout.read_to_end(&mut rest).ok();
            sender.send(()).ok();
        });
        assert!(ended.recv_timeout(STOP_WITHIN).is_ok(), "SIGTERM did not end it\n{}", self.log());
        process.0.wait().expect("our own child")
    }

    fn run(&mut self) {
        let path = |name: &str| self.directory.path().join(name);
        let log = File::options().create(true).append(true).open(path("log")).expect("a log file");
        let mut command = Command::new(binary());
        command.args(["run", "--json", "--http", &self.setup.http]);
        command.args(["--mtproto", &self.setup.mtproto]);
        if let Some(mesh) = &self.setup.mesh {
            command.args(["--mesh", mesh]);
        }
        command.envs(self.setup.variables.iter().map(|(name, value)| (name, value)));
        let child = command
            .arg("--data")
            .arg(self.data())
            .arg("--config")
            .arg(path("rookery.toml"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the node's binary starts");
        let mut child = Guarded(child);
        let stdout = child.0.stdout.take().expect("stdout is piped");
        let (sender, ready) = mpsc::sync_channel(1);
        thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            let mut line = String::new();
            reader.read_line(&mut line).ok();
            sender.send((line, reader.into_inner())).ok();
        });
        let Ok((line, stdout)) = ready.recv_timeout(READY_WITHIN) else {
            panic!("no ready line within {READY_WITHIN:?}\n{}", self.log());
        };
        child.0.stdout = Some(stdout);
        self.process = Some(child);
        let Ok(line) = serde_json::from_str::<Value>(&line) else {
            panic!("not a ready line: {line:?}\n{}", self.log());
        };
        assert_eq!(line["ready"], true, "{line}");
        let text = |key: &str| line[key].as_str().unwrap_or_else(|| panic!("{key} in {line}"));
        self.mtproto = text("mtproto").parse().expect("the ready line has IP:PORT");
        self.http = text("http").parse().expect("the ready line has IP:PORT for browsers");
        self.dc = line["dc"].as_i64().expect("the ready line has a DC number");
        self.rsa_fingerprint = text("rsa_fingerprint").to_owned();
        let mesh = line["mesh"].as_array().into_iter().flatten();
        self.mesh = mesh.filter_map(|one| one.as_str().map(str::to_owned)).collect();
        // The same one after a restart.
        if let Some(first) = self.mesh.first()
            && let Some((listen, _)) = first.split_once("/p2p/")
        {
            self.setup.mesh = Some(listen.to_owned());
        }
        let owner = |key: &str| line["owner"][key].as_str().map(str::to_owned);
        self.owner = owner("phone").zip(owner("code"));
        fs::write(self.pem(), text("rsa_pem")).expect("write the RSA key");
    }

    /// Memory that the node has in use.
    pub(crate) fn rss_bytes(&self) -> u64 {
        self.memory_bytes("VmRSS:")
    }

    /// The most memory that the node had in use at once, since [`Self::forget_peak`].
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.memory_bytes("VmHWM:")
    }

    /// Begins to measure [`Self::peak_bytes`] anew, and answers what is in use now.
    pub(crate) fn forget_peak(&self) -> u64 {
        // proc_pid_clear_refs(5): 5 sets the peak to the present.
        fs::write(self.proc("clear_refs"), "5").expect("our own child");
        self.rss_bytes()
    }

    fn proc(&self, name: &str) -> PathBuf {
        let pid = self.process.as_ref().expect("the node runs").0.id();
        format!("/proc/{pid}/{name}").into()
    }

    fn memory_bytes(&self, kind: &str) -> u64 {
        let status = fs::read_to_string(self.proc("status")).expect("our own child");
        let line = status.lines().find_map(|line| line.strip_prefix(kind)).expect("Linux says it");
        let kilobytes = line.trim().trim_end_matches(" kB").parse::<u64>();
        kilobytes.expect("a number of kilobytes") << 10
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// File with the node's RSA key, PKCS#1 PEM.
    pub(crate) fn pem(&self) -> PathBuf {
        self.directory.path().join("pub.pem")
    }

    /// File with the certificate, if there is TLS.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.path().join("cert.pem")
    }

    /// A path of the test's own, beside the node's data.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What the node wrote to standard error, for messages of failing tests.
    pub(crate) fn log(&self) -> String {
        let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        format!("--- the node's log ---\n{log}")
    }
}

/// Copies files and directories; nothing else is in a data directory that no node uses.
pub(crate) fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("make a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_directory(&path, &to);
        } else if path.is_file() {
            fs::copy(&path, &to).expect("copy a file");
        }
    }
}
