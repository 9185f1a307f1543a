//! `rookery peer` and `rookery channel`: other nodes and what is shared with them, as the operator of the
//! running node sees and chooses them.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::DataArgs;
use crate::control::{self, Request};
use crate::federation::Peer;

/// What is known of other nodes.
#[derive(Deserialize)]
struct Known {
    node: String,
    addresses: Vec<String>,
    peers: Vec<Peer>,
}

pub(crate) fn add(args: &DataArgs, address: String) -> anyhow::Result<()> {
    let peer: Peer = control::ask(&args.data, &Request::PeerAdd { address })?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&peer)?)?;
    } else {
        let (name, domain) = (peer.node.unwrap_or_default(), peer.domain.unwrap_or_default());
        writeln!(out, "Connected to {domain}\n{name}\nIts people and channels are name@{domain}.")?;
    }
    Ok(())
}

pub(crate) fn remove(args: &DataArgs, address: String) -> anyhow::Result<()> {
    control::ask::<Value>(&args.data, &Request::PeerRemove { address: address.clone() })?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", json!({ "removed": address }))?;
    } else {
        writeln!(out, "{address} is not connected to any more by this node's own doing.")?;
    }
    Ok(())
}

pub(crate) fn block(args: &DataArgs, name: String, blocked: bool) -> anyhow::Result<()> {
    let done: Value = control::ask(&args.data, &Request::PeerBlock { name, blocked })?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{done}")?;
    } else {
        let node = done["node"].as_str().unwrap_or_default();
        writeln!(out, "{node}\nis {}.", if blocked { "blocked" } else { "talked with again" })?;
    }
    Ok(())
}

pub(crate) fn list(args: &DataArgs) -> anyhow::Result<()> {
    let known: Value = control::ask(&args.data, &Request::Peers)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{known}")?;
        return Ok(());
    }
    let Known { node, addresses, peers } = serde_json::from_value(known)?;
    writeln!(out, "This node\n  {node}")?;
    for address in addresses {
        writeln!(out, "  {address}")?;
    }
    for peer in peers {
        let name = peer.node.as_deref().unwrap_or("nobody has answered yet");
        writeln!(out, "\n{}\n  {name}", peer.domain.as_deref().unwrap_or("unknown"))?;
        for address in &peer.addresses {
            writeln!(out, "  {address}")?;
        }
        let state = match (peer.blocked, peer.connected) {
            (true, _) => "blocked",
            (false, true) => "connected",
            (false, false) => "not connected",
        };
        if let Some(confirmation) = &peer.confirmation {
            writeln!(out, "  domain {confirmation}")?;
        }
        write!(out, "  {state}")?;
        if let Some(since_s) = peer.since_s {
            write!(out, " for {since_s} s")?;
        }
        if let Some(synced_s) = peer.synced_s {
            write!(out, ", all equal {synced_s} s ago")?;
        }
        if let Some(next_s) = peer.next_attempt_s {
            write!(out, ", tried again in {next_s} s after {} failures", peer.failures)?;
        }
        if let Some(trouble) = &peer.trouble {
            write!(out, ": {trouble}")?;
        }
        writeln!(
            out,
            "\n  {} bytes in, {} out; {} entries by gossip, {} fetched; score {:.0}",
            peer.bytes_in,
            peer.bytes_out,
            peer.entries_by_gossip,
            peer.entries_by_fetch,
            peer.score
        )?;
        if peer.held_back > 0 {
            writeln!(
                out,
                "  {} of its entries came too fast, and were fetched later",
                peer.held_back
            )?;
        }
        if peer.letters > 0 {
            writeln!(out, "  {} letters wait for it", peer.letters)?;
        }
        for (group, lag) in peer.lag.iter().filter(|(_, lag)| *lag > 0) {
            writeln!(out, "  {lag} entries behind in {}", group.get(..16).unwrap_or(group))?;
        }
        for lane in &peer.lanes {
            let group = lane.group.get(..16).unwrap_or(&lane.group);
            writeln!(
                out,
                "  in {group}: {} of its entries wait, {} were shown without what they follow from, it \
                 was seen to say two things {} times",
                lane.pending, lane.gaps, lane.forks
            )?;
        }
    }
    Ok(())
}

/// A channel that is shared.
#[derive(Deserialize)]
struct Shared {
    group: String,
    title: Option<String>,
    name: Option<String>,
    home: String,
    is_home: bool,
    members: Vec<String>,
    #[serde(default)]
    waits_for: Vec<String>,
    disputed: Option<Disputed>,
}

/// Where its home has told it in two ways.
#[derive(Deserialize)]
struct Disputed {
    entry: u64,
    by: String,
}

pub(crate) fn channels(args: &DataArgs) -> anyhow::Result<()> {
    let found: Value = control::ask(&args.data, &Request::Channels)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{found}")?;
        return Ok(());
    }
    writeln!(out, "{}", listed(found)?)?;
    Ok(())
}

/// Channels that are shared, in words.
pub(crate) fn listed(channels: Value) -> anyhow::Result<String> {
    let channels: Vec<Shared> = serde_json::from_value(channels)?;
    if channels.is_empty() {
        return Ok("No channel is shared with another node.".into());
    }
    let mut lines = Vec::new();
    for shared in channels {
        let title = shared.title.unwrap_or_default();
        let name = shared.name.map(|name| format!(" @{name}")).unwrap_or_default();
        let home = if shared.is_home { "this node".to_owned() } else { shared.home };
        lines.push(format!("{title}{name}\n  {}\n  home: {home}", shared.group));
        lines.extend(shared.members.iter().map(|member| format!("  written in by {member}")));
        lines.extend(shared.waits_for.iter().map(|node| {
            format!("  decides nothing, since a backup was restored, before {node} was heard")
        }));
        lines.extend(shared.disputed.iter().map(|Disputed { entry, by }| {
            format!(
                "  disputed: {by} has signed two entries {entry}; nobody decides about it any more until \
                 it is recovered, and what is said goes on"
            )
        }));
    }
    Ok(lines.join("\n"))
}

/// What was done about a channel, in words.
pub(crate) const HANDED_OVER: &str = "The other node decides about the channel from now on.";
pub(crate) const TAKES_OVER: &str = "This node takes the channel over when its home hands it over.";
pub(crate) const TAKES_NOT_OVER: &str = "This node does not take the channel over.";
pub(crate) const RECOVERED: &str = "This node decides about the channel from now on.";

/// Prints what was done: in JSON, or in words.
fn done(args: &DataArgs, answer: &Value, words: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{answer}")?
    } else {
        writeln!(out, "{words}")?
    }
    Ok(())
}

pub(crate) fn move_home(args: &DataArgs, channel: String, to: String) -> anyhow::Result<()> {
    let answer: Value = control::ask(&args.data, &Request::MoveHome { channel, to })?;
    done(args, &answer, HANDED_OVER)
}

pub(crate) fn accept_home(args: &DataArgs, channel: String, agrees: bool) -> anyhow::Result<()> {
    let answer: Value = control::ask(&args.data, &Request::AcceptHome { channel, agrees })?;
    let words = match agrees {
        true => TAKES_OVER,
        false => TAKES_NOT_OVER,
    };
    done(args, &answer, words)
}

pub(crate) fn recover(
    args: &DataArgs,
    channel: String,
    key_file: &Path,
    undo: bool,
) -> anyhow::Result<()> {
    let key = std::fs::read_to_string(key_file)
        .with_context(|| format!("cannot read {}", key_file.display()))?;
    let key = key.trim().to_owned();
    let answer: Value = control::ask(&args.data, &Request::Recover { channel, key, undo })?;
    done(args, &answer, RECOVERED)
}

pub(crate) fn recovery_key(args: &DataArgs) -> anyhow::Result<()> {
    let answer: Value = control::ask(&args.data, &Request::RecoveryKey)?;
    let key = answer["key"].as_str().unwrap_or_default().to_owned();
    done(args, &answer, &key)
}

pub(crate) fn rotate_keys(args: &DataArgs) -> anyhow::Result<()> {
    let answer: Value = control::ask(&args.data, &Request::RotateKeys)?;
    let words = format!(
        "This node signs with new keys from now on (certificate {}). It is still called\n{}",
        answer["serial"],
        answer["node"].as_str().unwrap_or_default()
    );
    done(args, &answer, &words)
}

pub(crate) fn repin(args: &DataArgs, name: String) -> anyhow::Result<()> {
    let peer: Peer = control::ask(&args.data, &Request::PeerRepin { name })?;
    let domain = peer.domain.clone().unwrap_or_default();
    let words = format!(
        "{}\nis called by {domain} here from now on. Its people and channels are name@{domain}.",
        peer.node.clone().unwrap_or_default()
    );
    done(args, &serde_json::to_value(&peer)?, &words)
}
