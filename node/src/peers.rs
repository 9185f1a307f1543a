//! `rookery peer`: other nodes, as the operator of the running node sees and chooses them.

use std::io::Write as _;

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
        writeln!(out, "{address} is not connected to by itself any more.")?;
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
        writeln!(
            out,
            "\n  {} bytes in, {} out; {} entries by gossip, {} fetched; score {:.0}",
            peer.bytes_in,
            peer.bytes_out,
            peer.entries_by_gossip,
            peer.entries_by_fetch,
            peer.score
        )?;
        for (group, lag) in peer.lag.iter().filter(|(_, lag)| *lag > 0) {
            writeln!(out, "  {lag} entries behind in {}", group.get(..16).unwrap_or(group))?;
        }
    }
    Ok(())
}
