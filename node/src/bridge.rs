//! `rookery bridge`: channels that people of the fediverse follow, and the servers that are blocked there.

use std::path::Path;
use std::sync::Arc;

use activitypub::Carrier;
use anyhow::{Context as _, anyhow, bail};
use node_core::{
    ActorKind, AdminRights, BridgeError, BridgeSettings, BridgeStage, BridgeState, ChannelId,
    CommentPolicy, CoreError, HandedOver, HostBlock, Spoilers, UserId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cli::DataArgs;
use crate::control::{self, Node, Request};

/// Bytes of the blocks of one request: those of the control socket are short.
const BLOCKS_BYTES_AT_ONCE: usize = 3000;

/// What is asked of the bridge.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "bridge", rename_all = "snake_case")]
pub(crate) enum Asked {
    /// Bridges a channel.
    On {
        /// Its public name, or as for `channel`.
        channel: String,
    },
    /// Lets it rest.
    Off {
        /// The channel.
        channel: String,
    },
    /// Changes how it is bridged; what is not named stays.
    Set {
        /// The channel.
        channel: String,
        /// `service`, `person`, `group`, `organization`.
        kind: Option<String>,
        /// `open`, `hold-first`, `off`.
        comments: Option<String>,
        /// `warning`, `reveal`.
        spoilers: Option<String>,
        /// Whether others may recommend it.
        discoverable: Option<bool>,
    },
    /// Bridged channels.
    List,
    /// Servers that are delivered to.
    Queue,
    /// Blocked servers.
    Blocks,
    /// Blocks servers.
    Block {
        /// Each with what is blocked of it.
        blocks: Vec<HostBlock>,
    },
    /// Blocks one no longer.
    Unblock {
        /// Its name.
        host: String,
    },
    /// Comments that wait for an admin.
    Held {
        /// The channel.
        channel: String,
    },
    /// Decides about one of those.
    Decide {
        /// The channel.
        channel: String,
        /// The comment's address.
        comment: String,
        /// It is shown, and what its author says next, too; or it goes.
        shown: bool,
    },
}

/// Does what is asked; `by` nobody: the operator asks.
pub(crate) async fn answer(node: &Node, by: Option<UserId>, asked: Asked) -> anyhow::Result<Value> {
    let carrier = carrier(node)?;
    let core = &node.core;
    match asked {
        Asked::On { channel } => {
            let channel = called(node, &channel)?;
            carrier.switch_on(by, channel).await?;
            shown(node, carrier, channel)
        }
        Asked::Off { channel } => {
            let channel = called(node, &channel)?;
            core.bridge_off(by, channel).await?;
            shown(node, carrier, channel)
        }
        Asked::Set { channel, kind, comments, spoilers, discoverable } => {
            let channel = called(node, &channel)?;
            let bridge = core.bridge(channel).context("it is not bridged")?;
            let kind = kind.map_or(Ok(bridge.kind), |kind| read_kind(&kind))?;
            let before = &bridge.settings;
            let settings = BridgeSettings {
                comments: comments.map_or(Ok(before.comments), |named| read_comments(&named))?,
                spoilers: spoilers.map_or(Ok(before.spoilers), |named| read_spoilers(&named))?,
                discoverable: discoverable.unwrap_or(before.discoverable),
                protected: before.protected,
            };
            core.set_bridge(by, channel, kind, settings).await?;
            shown(node, carrier, channel)
        }
        Asked::List => {
            let all = core.bridges();
            let all = all.iter().map(|bridge| shown(node, carrier, bridge.channel));
            Ok(Value::Array(all.collect::<anyhow::Result<_>>()?))
        }
        Asked::Queue => Ok(carrier.queue()),
        Asked::Blocks => Ok(json!(core.host_blocks())),
        Asked::Block { blocks } => {
            let count = blocks.len();
            carrier.block(blocks).await?;
            Ok(json!({ "blocked": count }))
        }
        Asked::Unblock { host } => Ok(json!({ "unblocked": carrier.unblock(host).await? })),
        Asked::Held { channel } => {
            let channel = called(node, &channel)?;
            if let Some(by) = by
                && core.channel_for(by, channel)?.admin_rights() == AdminRights::NONE
            {
                bail!("only admins see what waits");
            }
            Ok(carrier.held(channel).await?)
        }
        Asked::Decide { channel, comment, shown } => {
            let channel = called(node, &channel)?;
            let found = core.channel(channel).context("there is no such channel")?;
            let by = by.unwrap_or(found.creator);
            if shown {
                core.bridge_approve(by, channel, comment).await?;
            } else {
                core.bridge_refuse(by, channel, comment).await?;
            }
            Ok(json!({ "shown": shown }))
        }
    }
}

/// How a channel is bridged, in words, for who may know: it is public, or theirs.
pub(crate) fn status(node: &Node, by: UserId, named: &str) -> anyhow::Result<String> {
    let carrier = carrier(node)?;
    let channel = called(node, named)?;
    let found = node.core.channel_to_read(by, channel)?;
    if node.core.bridge(channel).is_none() {
        return Ok(format!(
            "“{}” is not bridged: nobody can follow it from Mastodon or another server of the \
             fediverse. /bridge on {} changes that.",
            found.channel.title,
            named.trim_start_matches('@')
        ));
    }
    Ok(told(&shown(node, carrier, channel)?))
}

/// What whoever asks in a chat is told of a channel.
pub(crate) fn told(shown: &Value) -> String {
    let text = |name: &str| shown.get(name).and_then(Value::as_str).unwrap_or_default();
    let (title, name, handle) = (text("title"), text("name"), text("handle"));
    let followers = match shown.get("followers").and_then(Value::as_u64) {
        None | Some(0) => "Nobody follows it there yet.".to_owned(),
        Some(1) => "One person follows it there.".to_owned(),
        Some(count) => format!("{count} people follow it there."),
    };
    match text("state") {
        "on" => format!(
            "“{title}” can be followed from Mastodon and other servers of the fediverse, as\n\n\
             @{handle}\n\n\
             To follow it, people search for that handle on their own server and press Follow. \
             What is posted from now on goes to them, and older posts can be looked up. \
             What they answer is a comment where the channel is discussed, if it is anywhere.\n\n\
             {followers} /bridge off {name} ends it."
        ),
        "off" => format!(
            "“{title}” is no longer bridged. Other servers show @{handle} as suspended, and nothing \
             more goes out; after a week it is deleted there for good. Until then, \
             /bridge on {name} brings it back with all who follow it."
        ),
        "deleted" => format!(
            "“{title}” was deleted on other servers, which never forget that: it cannot be bridged \
             any more."
        ),
        "handed over" => format!(
            "Another node decides about “{title}” now, and bridges it as @{handle}: what follows it \
             there goes on, once the address leads to that node."
        ),
        _ => format!(
            "“{title}” is bridged, but nothing goes out now: only a public channel of this node is \
             shown to others. {followers}"
        ),
    }
}

/// The channel of a name.
fn called(node: &Node, name: &str) -> anyhow::Result<ChannelId> {
    node.core.channel_called(name).map_err(|cause| match cause {
        CoreError::UnknownChannel => {
            anyhow!("there is no channel @{} here", name.trim_start_matches('@'))
        }
        other => other.into(),
    })
}

/// Why something was not done, in words for who asked in a chat.
pub(crate) fn because(cause: &anyhow::Error) -> String {
    let bridge = match cause.downcast_ref() {
        Some(CoreError::Bridge(bridge)) => bridge,
        _ => return format!("{cause:#}"),
    };
    match bridge {
        BridgeError::NotPublic => {
            "only a public channel of this node can be bridged – no group, and nothing private"
        }
        BridgeError::Protected => {
            "what is posted there may not be forwarded, so it does not go out either"
        }
        BridgeError::AlreadyBridged => "it is bridged already",
        BridgeError::NotBridged => "it is not bridged",
        BridgeError::Gone => {
            "it was deleted on other servers, which never forget that: it cannot be bridged any more"
        }
        BridgeError::NameKept => {
            "another bridged channel had its public name a short time ago, and the name still leads \
             people there: give it another one, or wait"
        }
        other => return other.to_string(),
    }
    .to_owned()
}

fn carrier(node: &Node) -> anyhow::Result<&Arc<Carrier>> {
    node.bridge.as_ref().context(
        "this node has no name in the fediverse: give it one in [activitypub] host, and a way to it by https",
    )
}

pub(crate) fn shown(node: &Node, carrier: &Carrier, channel: ChannelId) -> anyhow::Result<Value> {
    let bridge = node.core.bridge(channel).context("it is not bridged")?;
    let found = node.core.channel(channel);
    let given = match bridge.stage {
        BridgeStage::Given => node.core.bridge_handed_over(&bridge.cid)?,
        BridgeStage::Here | BridgeStage::Arriving => None,
    };
    let state = match bridge.state {
        _ if given.is_some() => "handed over",
        BridgeState::On if node.core.is_bridged(channel) => "on",
        BridgeState::On => "waits until the channel is public and of this node",
        BridgeState::Off { .. } => "off",
        BridgeState::Gone => "deleted",
    };
    let settings = &bridge.settings;
    let given = given.map(|given| handed_over(node, given)).transpose()?;
    Ok(json!({
        "channel": channel.0,
        "title": found.as_ref().map(|found| found.title.clone()),
        "name": found.as_ref().and_then(|found| found.username.clone()),
        "state": state,
        "handed_over": given,
        "actor": carrier.actor(&bridge.cid),
        "handle": carrier.handle(channel),
        "followers": node.core.followers(&bridge.cid)?,
        "type": kind_name(bridge.kind),
        "comments": match settings.comments {
            CommentPolicy::Open => "open",
            CommentPolicy::HoldFirst => "hold-first",
            CommentPolicy::Off => "off",
        },
        "spoilers": match settings.spoilers {
            Spoilers::Warning => "warning",
            Spoilers::Reveal => "reveal",
        },
        "discoverable": settings.discoverable,
    }))
}

/// How far a bridge has got on its way to the channel's next home.
fn handed_over(node: &Node, given: HandedOver) -> anyhow::Result<Value> {
    let known = node.core.known_nodes()?;
    let called = |to: glog::Node16| {
        let of = known.iter().find(|known| known.id.short() == to);
        of.map(|known| known.domain.clone())
            .filter(|domain| !domain.is_empty())
            .unwrap_or_else(|| to.to_string())
    };
    Ok(match given {
        HandedOver::Going { to, parts } => {
            json!({ "to": called(to), "state": "on its way", "parts": parts })
        }
        HandedOver::Refused { to, since } => json!({
            "to": called(to),
            "state": "not taken there, all is kept here: that node may be of an older version",
            "since": since,
        }),
        HandedOver::Done { to, since } => {
            json!({ "to": called(to), "state": "taken", "since": since })
        }
    })
}

fn kind_name(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::Service => "service",
        ActorKind::Person => "person",
        ActorKind::Group => "group",
        ActorKind::Organization => "organization",
    }
}

fn read_kind(named: &str) -> anyhow::Result<ActorKind> {
    let all = [ActorKind::Service, ActorKind::Person, ActorKind::Group, ActorKind::Organization];
    let found = all.into_iter().find(|kind| kind_name(*kind) == named);
    found.with_context(|| format!("{named:?} is none of service, person, group, organization"))
}

fn read_comments(named: &str) -> anyhow::Result<CommentPolicy> {
    Ok(match named {
        "open" => CommentPolicy::Open,
        "hold-first" => CommentPolicy::HoldFirst,
        "off" => CommentPolicy::Off,
        other => bail!("{other:?} is none of open, hold-first, off"),
    })
}

fn read_spoilers(named: &str) -> anyhow::Result<Spoilers> {
    Ok(match named {
        "warning" => Spoilers::Warning,
        "reveal" => Spoilers::Reveal,
        other => bail!("{other:?} is none of warning, reveal"),
    })
}

/// Asks, and prints what is answered.
pub(crate) fn ask(args: &DataArgs, asked: Asked) -> anyhow::Result<()> {
    let answer: Value = control::ask(&args.data, &Request::Bridge { asked })?;
    print(args, &answer)
}

/// Reads a list of blocks in Mastodon's CSV, and has all of it blocked.
pub(crate) fn import(args: &DataArgs, file: &Path) -> anyhow::Result<()> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let listed = activitypub::read_blocks(&text)?;
    let count = listed.blocks.len();
    let mut some = Vec::new();
    let mut bytes = 0;
    for block in listed.blocks {
        let more = serde_json::to_string(&block)?.len() + 1;
        if bytes + more > BLOCKS_BYTES_AT_ONCE {
            bytes = 0;
            block_all(args, std::mem::take(&mut some))?;
        }
        bytes += more;
        some.push(block);
    }
    block_all(args, some)?;
    print(args, &json!({ "blocked": count, "skipped": listed.skipped }))
}

fn block_all(args: &DataArgs, blocks: Vec<HostBlock>) -> anyhow::Result<()> {
    let _: Value = control::ask(&args.data, &Request::Bridge { asked: Asked::Block { blocks } })?;
    Ok(())
}

/// Writes a list of all blocks in Mastodon's CSV.
pub(crate) fn export(args: &DataArgs, file: &Path) -> anyhow::Result<()> {
    let asked = Request::Bridge { asked: Asked::Blocks };
    let blocks: Vec<HostBlock> = control::ask(&args.data, &asked)?;
    std::fs::write(file, activitypub::write_blocks(&blocks))
        .with_context(|| format!("cannot write {}", file.display()))?;
    print(args, &json!({ "written": blocks.len() }))
}

/// The words of an answer, for people.
pub(crate) fn words(answer: &Value) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    };
    let one = |value: &Value| match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| format!("{name}: {}", text(value)))
            .collect::<Vec<_>>()
            .join("\n"),
        other => text(other),
    };
    match answer {
        Value::Array(all) if all.is_empty() => "Nothing.".to_owned(),
        Value::Array(all) => all.iter().map(one).collect::<Vec<_>>().join("\n\n"),
        other => one(other),
    }
}

#[expect(clippy::print_stdout, reason = "the command's output")]
fn print(args: &DataArgs, answer: &Value) -> anyhow::Result<()> {
    if args.json {
        println!("{}", serde_json::to_string(answer)?);
    } else {
        println!("{}", words(answer));
    }
    Ok(())
}
