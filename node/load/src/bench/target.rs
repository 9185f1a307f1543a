//! The node under load.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use keys::PublicKey;
use rand::rngs::ThreadRng;
use rookery_load::pairs::{self, Pair};
use rookery_load::{Client, ClientError, Framing, Invite, Member, Wire, exchange, member};
use serde_json::{Value, json};

/// No row measures the refusal of honest load.
const LIMITS_LIFTED: &str = "[limits]
connections_max = 19000
connections_per_address_max = 19000
handshakes_per_address_burst = 1000000
handshakes_per_address_per_minute = 1000000
requests_per_key_burst = 1000000000
requests_per_key_per_second = 1000000000
[mtproto]
idle_timeout_s = 3600
";

/// In the directory of a node that was started here.
const CONFIG: &str = "rookery.toml";
const DATA: &str = "data";

/// A node, ours or another's.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// Where browsers reach a node that was started here.
    pub(crate) http: Option<SocketAddr>,
    pub(crate) public: PublicKey,
    pub(crate) pid: u32,
    /// Where other nodes reach it: multiaddresses. Empty where it was not told to listen for them.
    pub(crate) mesh: Vec<String>,
    /// Its data directory: where it is asked for invites.
    data: Option<PathBuf>,
    /// Members that logged in so far: each block of them has an address of its own.
    members: AtomicUsize,
    own: Option<Own>,
}

/// What the node counted of its store since it started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoreStats {
    pub(crate) keys: u64,
    pub(crate) syncs: u64,
}

/// A node that ends with us.
struct Own {
    child: Child,
    directory: tempfile::TempDir,
}

impl Drop for Own {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Target {
    /// A node that runs already. Only on loopback: load is for one's own machine.
    pub(crate) fn running(
        address: SocketAddr,
        pem: &Path,
        pid: u32,
        data: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        if !address.ip().is_loopback() {
            bail!("{address} is not on this machine");
        }
        let pem = fs::read_to_string(pem).with_context(|| pem.display().to_string())?;
        Ok(Self {
            address,
            http: None,
            public: PublicKey::from_pem(&pem)?,
            pid,
            mesh: Vec::new(),
            data,
            members: AtomicUsize::new(0),
            own: None,
        })
    }

    /// Starts a node on a fresh directory.
    pub(crate) fn start() -> anyhow::Result<Self> {
        Self::start_with("")
    }

    /// [`Target::start`] with more in its configuration.
    pub(crate) fn start_with(more: &str) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        fs::write(directory.path().join(CONFIG), format!("{LIMITS_LIFTED}{more}"))?;
        let (child, ready) = spawn(directory.path(), &[])?;
        let pid = child.id();
        let data = Some(directory.path().join(DATA));
        let own = Some(Own { child, directory });
        let text = |key: &str| ready[key].as_str().context("ready line");
        let address = text("mtproto")?.parse()?;
        let http = Some(text("http")?.parse()?);
        let public = PublicKey::from_pem(text("rsa_pem")?)?;
        let mesh = mesh_of(&ready);
        Ok(Self { address, http, public, pid, mesh, data, members: AtomicUsize::new(0), own })
    }

    /// Kills the node.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        let own = self.own.as_mut().context("a node of our own")?;
        own.child.kill()?;
        own.child.wait()?;
        Ok(())
    }

    /// Starts it again, on the same directory and ports.
    pub(crate) fn resume(&mut self) -> anyhow::Result<()> {
        let own = self.own.as_mut().context("a node of our own")?;
        let address = self.address.to_string();
        let listen = self.mesh.first().and_then(|mesh| mesh.split_once("/p2p/"));
        let mut more = vec!["--mtproto", &address];
        more.extend(listen.into_iter().flat_map(|(listen, _)| ["--mesh", listen]));
        let (child, ready) = spawn(own.directory.path(), &more)?;
        own.child = child;
        self.pid = own.child.id();
        self.mesh = mesh_of(&ready);
        Ok(())
    }

    /// Connects it to another one from now on.
    pub(crate) fn add_peer(&self, other: &Self) -> anyhow::Result<()> {
        let address = other.mesh.first().context("it listens for no other nodes")?;
        let ask = json!({ "do": "peer_add", "address": address });
        self.ask(&ask).map(drop)
    }

    /// Bytes that it has had of the node that calls itself by a domain.
    pub(crate) fn bytes_from(&self, domain: &str) -> anyhow::Result<u64> {
        let told = self.ask(&json!({ "do": "peers" }))?;
        let peers = told["peers"].as_array().context("a list of peers")?.iter();
        let of = peers.filter(|peer| peer["domain"] == domain);
        Ok(of.filter_map(|peer| peer["bytes_in"].as_u64()).sum())
    }

    /// A client with a key and a session of its own.
    pub(crate) fn client(&self, rng: &mut ThreadRng) -> Result<Client, ClientError> {
        let mut client = Client::connect(self.address, &self.public, 2, rng)?;
        client.ping(rng)?;
        client.acknowledge(rng)?;
        Ok(client)
    }

    fn data(&self) -> anyhow::Result<&Path> {
        self.data.as_deref().context("members are needed: name the node's --data as well")
    }

    /// A new invite; the first one of a node makes its owner.
    pub(crate) fn invite(&self) -> anyhow::Result<Invite> {
        let invite = self.ask(&json!({ "do": "invite" }))?;
        let text = |key: &str| invite[key].as_str().map(str::to_owned).context("an invite");
        Ok(Invite { phone: text("phone")?, code: text("code")? })
    }

    /// A client from the address of the member with this number.
    pub(crate) fn client_from(
        &self,
        index: usize,
        rng: &mut ThreadRng,
    ) -> Result<Client, ClientError> {
        let source = member::source_address(index);
        let mut wire = Wire::connect_from(source, self.address, Framing::Intermediate)?;
        let fresh = exchange(&mut wire, &self.public, 2, None, rng)?;
        Ok(Client::new(wire, fresh, rng))
    }

    /// Members in pairs, all new.
    pub(crate) fn pairs(&self, count: usize) -> anyhow::Result<Vec<Pair>> {
        let invites: Vec<Invite> =
            (0..2 * count).map(|_| self.invite()).collect::<Result<_, _>>()?;
        let first = self.members.fetch_add(invites.len(), Ordering::Relaxed);
        let connect = |index, rng: &mut ThreadRng| self.client_from(first + index, rng);
        Ok(pairs::meet(&invites, connect, &mut super::rng())?)
    }

    /// A new member; the first one of a node is its owner.
    pub(crate) fn member(&self, rng: &mut ThreadRng) -> anyhow::Result<Member> {
        let invite = self.invite()?;
        let client = self.client_from(self.members.fetch_add(1, Ordering::Relaxed), rng)?;
        Ok(Member::join(client, &invite, "Load", rng)?)
    }

    /// A new member with the key of one who has logged out: an exchange costs more than all else.
    pub(crate) fn member_after(
        &self,
        before: Option<Client>,
        rng: &mut ThreadRng,
    ) -> anyhow::Result<Member> {
        let Some(before) = before else { return self.member(rng) };
        let source = member::source_address(self.members.fetch_add(1, Ordering::Relaxed));
        let wire = Wire::connect_from(source, self.address, Framing::Intermediate)?;
        let client = Client::resume(wire, before.session);
        Ok(Member::join(client, &self.invite()?, "Load", rng)?)
    }

    /// Bytes of the files in the data directory.
    pub(crate) fn disk_bytes(&self) -> anyhow::Result<u64> {
        let mut directories = vec![self.data()?.to_owned()];
        let mut bytes = 0;
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory)? {
                let entry = entry?;
                let about = entry.metadata()?;
                if about.is_dir() {
                    directories.push(entry.path());
                } else {
                    bytes += about.len();
                }
            }
        }
        Ok(bytes)
    }

    /// What the store counted, if the node tells.
    pub(crate) fn store_stats(&self) -> Option<StoreStats> {
        let counted = self.ask(&json!({ "do": "stats" })).ok()?;
        let of = |name: &str| counted[name].as_u64();
        Some(StoreStats { keys: of("keys")?, syncs: of("syncs")? })
    }

    /// What the node answers on its control socket.
    pub(crate) fn ask(&self, request: &Value) -> anyhow::Result<Value> {
        let mut stream = UnixStream::connect(self.data()?.join("control.sock"))?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        writeln!(stream, "{request}")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        let mut reply: Value = serde_json::from_str(&line)?;
        let answer = reply.get_mut("ok").map(Value::take);
        answer.with_context(|| format!("the node refused: {line}"))
    }
}

/// Starts a node on a directory, and waits until it is ready: its ready line.
fn spawn(directory: &Path, more: &[&str]) -> anyhow::Result<(Child, Value)> {
    let binary = binary()?;
    let mut command = Command::new(&binary);
    command.args(["run", "--json", "--http", "127.0.0.1:0"]);
    if !more.contains(&"--mtproto") {
        command.args(["--mtproto", "127.0.0.1:0"]);
    }
    let mut child = command
        .args(more)
        .arg("--data")
        .arg(directory.join(DATA))
        .arg("--config")
        .arg(directory.join(CONFIG))
        .env("ROOKERY_LOG", "error")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{}: build it first (cargo build --release)", binary.display()))?;
    let stdout = child.stdout.take().context("standard output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let ready = serde_json::from_str(&line).context("no ready line");
    if ready.is_err() {
        child.kill().ok();
        child.wait().ok();
    }
    Ok((child, ready?))
}

fn mesh_of(ready: &Value) -> Vec<String> {
    let mesh = ready["mesh"].as_array().into_iter().flatten();
    mesh.filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

/// The node's program: the one that `ROOKERY_BINARY` names, or `rookery` beside this program.
fn binary() -> anyhow::Result<PathBuf> {
    match std::env::var_os("ROOKERY_BINARY") {
        Some(path) => Ok(path.into()),
        None => Ok(std::env::current_exe()?.with_file_name("rookery")),
    }
}
