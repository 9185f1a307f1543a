//! The node under load.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, bail};
use keys::PublicKey;
use rand::rngs::ThreadRng;
use rookery_load::{Client, ClientError};

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

/// A node, ours or another's.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) public: PublicKey,
    pub(crate) pid: u32,
    _own: Option<Own>,
}

/// A node that ends with us.
struct Own {
    child: Child,
    _directory: tempfile::TempDir,
}

impl Drop for Own {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Target {
    /// A node that runs already. Only on loopback: load is for one's own machine.
    pub(crate) fn running(address: SocketAddr, pem: &Path, pid: u32) -> anyhow::Result<Self> {
        if !address.ip().is_loopback() {
            bail!("{address} is not on this machine");
        }
        let pem = fs::read_to_string(pem).with_context(|| pem.display().to_string())?;
        Ok(Self { address, public: PublicKey::from_pem(&pem)?, pid, _own: None })
    }

    /// Starts `rookery` beside this program on a fresh directory.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let binary = std::env::current_exe()?.with_file_name("rookery");
        let directory = tempfile::tempdir()?;
        let config = directory.path().join("rookery.toml");
        fs::write(&config, LIMITS_LIFTED)?;
        let mut child = Command::new(&binary)
            .args(["run", "--json", "--mtproto", "127.0.0.1:0", "--http", "127.0.0.1:0"])
            .arg("--data")
            .arg(directory.path().join("data"))
            .arg("--config")
            .arg(&config)
            .env("ROOKERY_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!("{}: build it first (cargo build --release)", binary.display())
            })?;
        let stdout = child.stdout.take().context("standard output")?;
        let pid = child.id();
        let own = Own { child, _directory: directory };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let ready: serde_json::Value = serde_json::from_str(&line).context("no ready line")?;
        let text = |key: &str| ready[key].as_str().context("ready line");
        let address = text("mtproto")?.parse()?;
        let public = PublicKey::from_pem(text("rsa_pem")?)?;
        Ok(Self { address, public, pid, _own: Some(own) })
    }

    /// A client with a key and a session of its own.
    pub(crate) fn client(&self, rng: &mut ThreadRng) -> Result<Client, ClientError> {
        let mut client = Client::connect(self.address, &self.public, 2, rng)?;
        client.ping(rng)?;
        client.acknowledge(rng)?;
        Ok(client)
    }
}
