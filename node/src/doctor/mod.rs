//! `rookery doctor`: why clients do not connect and nodes do not talk, in plain sentences, and what to do.
//!
//! [`examine`] gathers what a running node knows, [`diagnose`] judges it: pure. Without a running node
//! [`offline`] looks at what can be seen from outside.

mod behind;
mod diagnose;
mod examine;
mod here;
mod offline;

use std::io::Write as _;
use std::path::Path;

use anyhow::bail;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(crate) use behind::Behind;
pub(crate) use here::Here;

use crate::cli::DataArgs;
use crate::config::Config;
use crate::control::{self, Node, Request};

/// How much something matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// As it should be.
    Well,
    /// Good to know.
    Note,
    /// To be mended.
    Problem,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// A word for scripts; it stays the same.
    pub(crate) code: String,
    /// Which node, if it is about one.
    pub(crate) peer: Option<String>,
    pub(crate) says: String,
    /// What to do.
    #[serde(rename = "do")]
    pub(crate) advice: Option<String>,
}

impl Finding {
    fn new(level: Level, code: &str, says: impl Into<String>) -> Self {
        Self { level, code: code.into(), peer: None, says: says.into(), advice: None }
    }

    fn well(code: &str, says: impl Into<String>) -> Self {
        Self::new(Level::Well, code, says)
    }

    fn note(code: &str, says: impl Into<String>) -> Self {
        Self::new(Level::Note, code, says)
    }

    fn problem(code: &str, says: impl Into<String>) -> Self {
        Self::new(Level::Problem, code, says)
    }

    fn about(mut self, peer: &str) -> Self {
        self.peer = Some(peer.to_owned());
        self
    }

    fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// Everything that a running node says: of itself and all others, or of one other.
pub(crate) async fn examine(
    node: &Node,
    peer: Option<&str>,
    time_server: Option<&str>,
) -> anyhow::Result<Vec<Finding>> {
    let mut found = Vec::new();
    if peer.is_none() {
        let certificate = node.certificate.as_ref().map(|shown| *shown.lock());
        let now_ms = node.core.now_ms();
        found.extend(here::examine(&node.here, certificate, time_server, now_ms).await);
    }
    match &node.federation {
        None => found.push(off(peer.is_some())),
        Some(federation) => found.extend(examine::examine(federation, peer).await?),
    }
    Ok(found)
}

/// Federation is not switched on, which is no fault unless another node is asked about.
fn off(is_asked: bool) -> Finding {
    let level = if is_asked { Level::Problem } else { Level::Note };
    Finding::new(
        level,
        "off",
        "Federation is off: this node reaches no others, and none reaches it.",
    )
    .advise(
        "Set [federation] listen, for example [\"/ip4/0.0.0.0/tcp/4040\"], or start it with \
             --mesh; then restart it.",
    )
}

/// Asks the running node, or looks from outside; fails if anything is to be mended.
pub(crate) fn run(
    args: &DataArgs,
    config: &Config,
    peer: Option<&str>,
    time_server: &str,
) -> anyhow::Result<()> {
    let request = Request::Doctor {
        peer: peer.map(str::to_owned),
        time_server: Some(time_server.to_owned()),
    };
    // A directory that is not there has no node running on it.
    let asked = match Path::new(&args.data).exists() {
        true => control::ask_if_running(&args.data, &request)?,
        false => None,
    };
    let findings: Vec<Finding> = match asked {
        Some(findings) => findings,
        None => offline::examine(&args.data, config, peer, time_server)?,
    };
    let problems = findings.iter().filter(|found| found.level == Level::Problem).count();
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json!({ "well": problems == 0, "findings": findings }))?;
    } else {
        let mut of = None;
        for found in &findings {
            let peer = found.peer.as_deref().unwrap_or("This node");
            if of != Some(peer) {
                of = Some(peer);
                writeln!(out, "\n{peer}")?;
            }
            let mark = match found.level {
                Level::Well => "well   ",
                Level::Note => "note   ",
                Level::Problem => "PROBLEM",
            };
            writeln!(out, "  {mark}  {}", found.says)?;
            if let Some(advice) = &found.advice {
                writeln!(out, "           {advice}")?;
            }
        }
        writeln!(out)?;
    }
    match problems {
        0 => Ok(()),
        1 => bail!("one thing is to be mended"),
        problems => bail!("{problems} things are to be mended"),
    }
}
