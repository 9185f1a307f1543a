//! `rookery doctor`: why two nodes do not talk, in plain sentences, and what to do.
//!
//! [`examine`] gathers what a running node knows, [`diagnose`] judges it: pure. Without a running node
//! [`offline`] looks at what can be seen from outside.

mod behind;
mod diagnose;
mod examine;
mod offline;

use std::io::Write as _;
use std::path::Path;

use anyhow::bail;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(crate) use behind::Behind;
pub(crate) use examine::examine;

use crate::cli::DataArgs;
use crate::config::FederationConfig;
use crate::control::{self, Request};

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

/// Federation is not switched on.
fn off() -> Finding {
    Finding::problem("off", "Federation is off: this node reaches no others, and none reaches it.")
        .advise(
            "Set [federation] listen, for example [\"/ip4/0.0.0.0/tcp/4040\"], or start it with \
             --mesh; then restart it.",
        )
}

/// Asks the running node, or looks from outside; fails if anything is to be mended.
pub(crate) fn run(
    args: &DataArgs,
    config: &FederationConfig,
    peer: Option<&str>,
) -> anyhow::Result<()> {
    let request = Request::Doctor { peer: peer.map(str::to_owned) };
    // A directory that is not there has no node running on it.
    let asked = match Path::new(&args.data).exists() {
        true => control::ask_if_running(&args.data, &request)?,
        false => None,
    };
    let findings: Vec<Finding> = match asked {
        Some(findings) => findings,
        None => offline::examine(&args.data, config, peer)?,
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
