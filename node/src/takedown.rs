//! `rookery takedown`: a message that has to go from all nodes.

use anyhow::{Context as _, bail};
use node_core::{ChannelId, CoreError, MessageId, Takedown, Told};
use serde_json::{Value, json};

use crate::cli::DataArgs;
use crate::control::{self, Node, Request};

/// Takes it down, and prints which nodes are told. `what` is a link to the message, or its channel
/// where `id` is given.
pub(crate) fn take_down(args: &DataArgs, what: &str, id: Option<i32>) -> anyhow::Result<()> {
    let (channel, id) = named(what, id)?;
    let done: Value = control::ask(&args.data, &Request::TakeDown { channel, id })?;
    print(args, &[done])
}

/// Prints what was taken down, the newest first, and which nodes have acknowledged it.
pub(crate) fn list(args: &DataArgs) -> anyhow::Result<()> {
    let all: Vec<Value> = control::ask(&args.data, &Request::Takedowns)?;
    if args.json {
        #[expect(clippy::print_stdout, reason = "the command's output")]
        {
            println!("{}", serde_json::to_string(&all)?);
        }
        return Ok(());
    }
    print(args, &all)
}

#[expect(clippy::print_stdout, reason = "the command's output")]
fn print(args: &DataArgs, all: &[Value]) -> anyhow::Result<()> {
    for one in all {
        if args.json {
            println!("{}", serde_json::to_string(one)?);
            continue;
        }
        let in_log = if one["in_log"] == true { "" } else { ", not in its log" };
        println!("{}  message {} of channel {}{in_log}", one["date"], one["id"], one["channel"]);
        for node in one["nodes"].as_array().into_iter().flatten() {
            let text = |field: &str| node[field].as_str().unwrap_or_default();
            println!("    {}  {}", text("domain"), text("told"));
        }
    }
    Ok(())
}

/// The channel, as [`Request::TakeDown`] has it, and the message.
fn named(what: &str, id: Option<i32>) -> anyhow::Result<(String, i32)> {
    if let Some(id) = id {
        return Ok((what.to_owned(), id));
    }
    let path = what.split_once("://").map_or(what, |(_, rest)| {
        // Without the host.
        rest.split_once('/').map_or("", |(_, path)| path)
    });
    let parts: Vec<&str> = path.split('/').collect();
    let (channel, last) = match parts[..] {
        ["c", channel, .., last] => (format!("c/{channel}"), last),
        [channel, .., last] if channel != "c" => (channel.to_owned(), last),
        _ => bail!("{what} names no message: give a link to it, or its channel and its number"),
    };
    let id = last.parse().with_context(|| format!("{last} is no number of a message"))?;
    Ok((channel, id))
}

/// Takes a message down at the running node.
pub(crate) async fn answer(node: &Node, channel: &str, id: i32) -> anyhow::Result<Value> {
    let channel = match channel.strip_prefix("c/") {
        Some(number) => ChannelId(number.parse().context("no number of a channel")?),
        None => node.core.channel_called(channel)?,
    };
    let id = MessageId(id);
    let done = match &node.federation {
        Some(federation) => federation.take_down(channel, id).await,
        None => Ok(node.core.take_down(channel, id, Vec::new()).await?),
    };
    let done = done.map_err(|cause| match cause.downcast_ref() {
        Some(CoreError::AdminRightMissing) => cause.context(
            "it was not written here, and the channel's home is another node: report it there",
        ),
        _ => cause,
    })?;
    Ok(shown(node, &done))
}

/// What was taken down at the running node.
pub(crate) async fn all(node: &Node) -> anyhow::Result<Value> {
    let all = node.core.takedowns().await?;
    Ok(Value::Array(all.iter().map(|one| shown(node, one)).collect()))
}

fn shown(node: &Node, one: &Takedown) -> Value {
    let nodes = one.nodes.iter().map(|(name, told)| {
        let known = node.core.known_node(*name).ok().flatten();
        let told = match told {
            Told::Waiting => "waiting",
            Told::Acknowledged => "acknowledged",
            Told::Refused => "refused",
            Told::Expired => "expired",
            _ => "not told",
        };
        json!({ "node": name.to_string(), "domain": known.map(|known| known.domain), "told": told })
    });
    json!({
        "date": one.date,
        "channel": one.channel.0,
        "id": one.id.0,
        "in_log": one.in_log,
        "nodes": nodes.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn links_name_messages() {
        let links = [
            ("https://chat.example/harbour/12", "harbour", 12),
            ("https://t.me/c/1234/56", "c/1234", 56),
            ("https://t.me/c/1234/7/56", "c/1234", 56),
            ("harbour/3", "harbour", 3),
        ];
        for (link, channel, id) in links {
            assert_eq!(named(link, None).unwrap(), (channel.to_owned(), id), "{link}");
        }
        assert_eq!(named("harbour", Some(4)).unwrap(), ("harbour".to_owned(), 4));
        for wrong in ["", "harbour", "https://chat.example/harbour", "c/12", "harbour/x"] {
            assert!(named(wrong, None).is_err(), "{wrong}");
        }
    }
}
