//! What a client needs to reach the node, in the forms that clients use.

mod repoint;

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use self::repoint::Client;
use crate::cli::DataArgs;
use crate::control::NumberAndCode;

/// Written beside the store while the node runs, and printed as the ready line.
const FILE: &str = "ready.json";

/// A library for which there is a program that logs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Library {
    /// Python.
    Telethon,
    /// Python.
    Pyrogram,
    /// Python: what became of Pyrogram.
    Kurigram,
    /// Node.js.
    Gramjs,
    /// Node.js.
    Mtcute,
    /// Rust: a script that makes the program.
    Grammers,
    /// Python, with a copy that --repoint made; the node needs one of [mtproto] secrets.
    Tdlib,
}

impl Library {
    /// The program, with names where what is the node's own belongs.
    const fn program(self) -> &'static str {
        match self {
            Self::Telethon => include_str!("client_config/telethon.py"),
            Self::Pyrogram => include_str!("client_config/pyrogram.py"),
            Self::Kurigram => include_str!("client_config/kurigram.py"),
            Self::Gramjs => include_str!("client_config/gramjs.cjs"),
            Self::Mtcute => include_str!("client_config/mtcute.mjs"),
            Self::Grammers => include_str!("client_config/grammers.sh"),
            Self::Tdlib => include_str!("client_config/tdlib.py"),
        }
    }
}

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

    fn address(&self) -> anyhow::Result<SocketAddr> {
        self.mtproto.parse().context("the node's address")
    }

    /// Links by which a client that trusts the node takes it for its proxy; each in a line.
    pub(crate) fn proxies(&self, secrets: &[String]) -> anyhow::Result<String> {
        let (address, mut text) = (self.address()?, String::new());
        for secret in secrets {
            let (ip, port) = (address.ip(), address.port());
            writeln!(text, "tg://proxy?server={ip}&port={port}&secret={secret}")?;
        }
        Ok(text)
    }

    /// Makes a copy of a client that trusts the node, and says how it gets there.
    fn repoint(
        &self,
        file: &Path,
        to: Option<PathBuf>,
        secrets: &[String],
    ) -> anyhow::Result<String> {
        let (to, copy) = repoint::copy(file, to, &self.rsa_pem, self.address()?)?;
        let repoint::Copy { client, keys, addresses, .. } = copy;
        let to = to.display();
        Ok(match client {
            Client::Desktop => format!(
                "{to}: a copy of Telegram Desktop with {keys} keys and {addresses} addresses of this node. Start it with \
                 -many and a -workdir of its own.\n"
            ),
            Client::Tdlib => {
                let proxies = self.proxies(secrets)?;
                let how = match proxies.is_empty() {
                    true => "an MTProxy secret of this node: `[mtproto] secrets` has none yet\n",
                    false => &proxies,
                };
                format!(
                    "{to}: a copy of TDLib with {keys} keys of this node. Where to connect is machine code in it; it \
                     gets here by a proxy (addProxy):\n{how}"
                )
            }
        })
    }

    /// A program that logs a member in with a library. What is filled in means the same in Python, in
    /// JavaScript and in Rust.
    pub(crate) fn program(&self, library: Library, secrets: &[String]) -> anyhow::Result<String> {
        let secret = match (library, secrets) {
            (Library::Tdlib, []) => bail!(
                "TDLib gets here by an MTProxy secret alone, and [mtproto] secrets has none: put one there, for \
                 example of `openssl rand -hex 16`, and restart the node"
            ),
            (_, secrets) => secrets.first().map_or("", String::as_str),
        };
        let address = self.address()?;
        let key = keys::PublicKey::from_pem(&self.rsa_pem).context("the node's key")?;
        let hexadecimal = |bytes: &[u8]| {
            let mut digits = "0x".to_owned();
            bytes.iter().for_each(|byte| digits += &format!("{byte:02x}"));
            digits
        };
        let of_node = [
            ("@HOST@", format!("\"{}\"", address.ip())),
            ("@PORT@", address.port().to_string()),
            ("@DC@", self.dc.to_string()),
            ("@PEM@", self.rsa_pem.trim_end().to_owned()),
            ("@FINGERPRINT@", key.fingerprint().to_string()),
            ("@MODULUS@", hexadecimal(&key.modulus())),
            ("@EXPONENT@", hexadecimal(&key.exponent())),
            ("@MODULUS_DECIMAL@", decimal(&key.modulus())),
            ("@EXPONENT_DECIMAL@", decimal(&key.exponent())),
            ("@SECRET@", format!("\"{secret}\"")),
        ];
        let with = |text: String, (name, value): &(&str, String)| text.replace(name, value);
        Ok(of_node.iter().fold(library.program().to_owned(), with))
    }
}

/// A big-endian number in decimal digits.
fn decimal(bytes: &[u8]) -> String {
    // Nine digits each, the lowest first.
    const BASE: u64 = 1_000_000_000;
    let mut digits = vec![0_u64];
    for byte in bytes {
        let mut carry = u64::from(*byte);
        for nine in &mut digits {
            carry += *nine * 256;
            (*nine, carry) = (carry % BASE, carry / BASE);
        }
        digits.extend((carry > 0).then_some(carry));
    }
    let text: String = digits.iter().rev().map(|nine| format!("{nine:09}")).collect();
    text.trim_start_matches('0').to_owned()
}

/// `rookery client-config`
pub(crate) fn print(
    args: &DataArgs,
    library: Option<Library>,
    program: Option<(PathBuf, Option<PathBuf>)>,
    secrets: &[String],
) -> anyhow::Result<()> {
    let path = args.data.join(FILE);
    let line = fs::read_to_string(&path).with_context(|| {
        format!("{} is not there: has a node been started on this directory?", path.display())
    })?;
    let ready: Ready = serde_json::from_str(&line).context("in ready.json")?;
    let text = match (library, program) {
        (Some(library), _) => ready.program(library, secrets)?,
        (None, Some((file, to))) => ready.repoint(&file, to, secrets)?,
        (None, None) if args.json => serde_json::to_string(&ready)? + "\n",
        (None, None) => ready.text()? + &ready.proxies(secrets)?,
    };
    #[expect(clippy::print_stdout, reason = "the command's output")]
    {
        print!("{text}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn numbers_in_decimal_digits() {
        assert_eq!(decimal(&[1, 0, 1]), "65537");
        assert_eq!(decimal(&[0, 255]), "255");
        // 2^128 - 1
        assert_eq!(decimal(&[255; 16]), "340282366920938463463374607431768211455");
        // 10^18, where all but the highest nine digits are zero
        assert_eq!(decimal(&10_u64.pow(18).to_be_bytes()), "1000000000000000000");
    }
}
