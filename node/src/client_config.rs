//! What a client needs to reach the node, in the forms that clients use.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::cli::DataArgs;
use crate::control::NumberAndCode;

/// Written beside the store while the node runs, and printed as the ready line.
const FILE: &str = "ready.json";

/// The machine-readable line: scripts and tests lean on its names.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// Always true: the node answers clients.
    pub(crate) ready: bool,
    /// `IP:PORT` of the first listener for clients.
    pub(crate) mtproto: String,
    /// `IP:PORT` of the first listener for browsers; empty if there is none.
    pub(crate) http: String,
    /// `IP:PORT` of the first listener for metrics, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) metrics: Option<String>,
    /// Addresses for other nodes; empty until a peer is configured.
    pub(crate) mesh: Vec<String>,
    /// The DC number to connect as.
    pub(crate) dc: i32,
    /// Fingerprint of the RSA key: 16 hex digits of the 64-bit number.
    pub(crate) rsa_fingerprint: String,
    /// The RSA key as PKCS#1 PEM.
    pub(crate) rsa_pem: String,
    /// With which the first member becomes the owner. Only in the line of a start that made it:
    /// never saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<NumberAndCode>,
}

impl Ready {
    /// Leaves the line where `client-config` finds it.
    pub(crate) fn save(&self, directory: &Path) -> anyhow::Result<()> {
        let path = directory.join(FILE);
        let saved = Self { owner: None, ..self.clone() };
        fs::write(&path, serde_json::to_string(&saved)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// For people.
    pub(crate) fn text(&self) -> anyhow::Result<String> {
        let fingerprint = i64::from_str_radix(&self.rsa_fingerprint, 16)
            .or_else(|_| u64::from_str_radix(&self.rsa_fingerprint, 16).map(u64::cast_signed))
            .context("the fingerprint is not hexadecimal")?;
        let mut text = String::new();
        writeln!(text, "Address for Telegram clients   {}", self.mtproto)?;
        if !self.http.is_empty() {
            let http = &self.http;
            writeln!(
                text,
                "Address for web clients        ws://{http}/apiws, http://{http}/apiw1"
            )?;
        }
        writeln!(text, "DC                             {}", self.dc)?;
        writeln!(text, "RSA key fingerprint            0x{}", self.rsa_fingerprint)?;
        writeln!(text, "  as a signed number           {fingerprint}")?;
        writeln!(text, "RSA key\n{}", self.rsa_pem.trim_end())?;
        Ok(text)
    }
}

/// `rookery client-config`
pub(crate) fn print(args: &DataArgs) -> anyhow::Result<()> {
    let path = args.data.join(FILE);
    let line = fs::read_to_string(&path).with_context(|| {
        format!("{} is not there: has a node been started on this directory?", path.display())
    })?;
    let ready: Ready = serde_json::from_str(&line).context("in ready.json")?;
    #[expect(clippy::print_stdout, reason = "the command's output")]
    if args.json {
        println!("{}", serde_json::to_string(&ready)?);
    } else {
        print!("{}", ready.text()?);
    }
    Ok(())
}
