//! `rookery bridge`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use node_core::{BlockSeverity, HostBlock};

use super::DataArgs;
use crate::bridge::{self, Asked};

#[derive(Debug, Args)]
pub(super) struct BridgeArgs {
    #[command(subcommand)]
    command: BridgeCommand,
}

#[derive(Debug, Subcommand)]
enum BridgeCommand {
    /// Let people of the fediverse follow a public channel from now on.
    On(BridgeChannelArgs),
    /// Let it rest: the channel is suspended there, and after a week deleted for good.
    Off(BridgeChannelArgs),
    /// Change how a channel is bridged.
    Set(BridgeSetArgs),
    /// Print bridged channels and how many follow each.
    List(BridgeArgsAlone),
    /// Print the servers that are delivered to, and what waits for each.
    Queue(BridgeArgsAlone),
    /// Print comments that wait for an admin.
    Held(BridgeChannelArgs),
    /// Show a comment that waits, and what its author says next.
    Approve(BridgeCommentArgs),
    /// Let a comment that waits go.
    Refuse(BridgeCommentArgs),
    /// Print blocked servers.
    Blocks(BridgeArgsAlone),
    /// Want nothing more of a server, and of all below its name.
    Block(BridgeBlockArgs),
    /// Block a server no longer.
    Unblock(BridgeHostArgs),
    /// Block the servers of a list in Mastodon's format (CSV).
    ImportBlocks(BridgeFileArgs),
    /// Write all blocks into a list in Mastodon's format (CSV).
    ExportBlocks(BridgeFileArgs),
}

#[derive(Debug, Args)]
struct BridgeArgsAlone {
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
struct BridgeChannelArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The channel: its public name, or at least eight digits of the beginning of its name in logs.
    channel: String,
}

#[derive(Debug, Args)]
struct BridgeSetArgs {
    #[command(flatten)]
    data: DataArgs,
    /// As for on.
    channel: String,
    /// What the channel is to other servers: service, person, group or organization.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Comments from the fediverse: open, hold-first (the first one of each author waits for an admin)
    /// or off.
    #[arg(long, value_name = "HOW")]
    comments: Option<String>,
    /// Hidden text: warning (the post is behind a content warning) or reveal.
    #[arg(long, value_name = "HOW")]
    spoilers: Option<String>,
    /// Whether other servers may recommend the channel and search in it.
    #[arg(long, value_name = "true|false")]
    discoverable: Option<bool>,
}

#[derive(Debug, Args)]
struct BridgeCommentArgs {
    #[command(flatten)]
    data: DataArgs,
    /// As for on.
    channel: String,
    /// The comment's address, as `held` prints it.
    comment: String,
}

#[derive(Debug, Args)]
struct BridgeHostArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The server, for example mastodon.example.
    host: String,
}

#[derive(Debug, Args)]
struct BridgeBlockArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The server, for example mastodon.example.
    host: String,
    /// suspend (nothing is taken), silence (comments wait for an admin), or none.
    #[arg(long, default_value = "suspend")]
    severity: String,
    /// Do not show its pictures and files.
    #[arg(long)]
    reject_media: bool,
    /// Do not take its reports.
    #[arg(long)]
    reject_reports: bool,
    /// Why, for those who come after you.
    #[arg(long, default_value = "")]
    remark: String,
}

#[derive(Debug, Args)]
struct BridgeFileArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The list.
    file: PathBuf,
}

pub(super) fn execute(args: BridgeArgs) -> anyhow::Result<()> {
    match args.command {
        BridgeCommand::On(args) => bridge::ask(&args.data, Asked::On { channel: args.channel }),
        BridgeCommand::Off(args) => bridge::ask(&args.data, Asked::Off { channel: args.channel }),
        BridgeCommand::Set(args) => {
            let BridgeSetArgs { data, channel, kind, comments, spoilers, discoverable } = args;
            bridge::ask(&data, Asked::Set { channel, kind, comments, spoilers, discoverable })
        }
        BridgeCommand::List(args) => bridge::ask(&args.data, Asked::List),
        BridgeCommand::Queue(args) => bridge::ask(&args.data, Asked::Queue),
        BridgeCommand::Held(args) => bridge::ask(&args.data, Asked::Held { channel: args.channel }),
        BridgeCommand::Approve(args) => decide(args, true),
        BridgeCommand::Refuse(args) => decide(args, false),
        BridgeCommand::Blocks(args) => bridge::ask(&args.data, Asked::Blocks),
        BridgeCommand::Block(args) => {
            let severity = BlockSeverity::named(&args.severity)
                .context("no severity: suspend, silence or none")?;
            let blocked = HostBlock {
                host: args.host,
                severity,
                rejects_media: args.reject_media,
                rejects_reports: args.reject_reports,
                remark: args.remark,
                since: 0,
            };
            bridge::ask(&args.data, Asked::Block { blocks: vec![blocked] })
        }
        BridgeCommand::Unblock(args) => bridge::ask(&args.data, Asked::Unblock { host: args.host }),
        BridgeCommand::ImportBlocks(args) => bridge::import(&args.data, &args.file),
        BridgeCommand::ExportBlocks(args) => bridge::export(&args.data, &args.file),
    }
}

fn decide(args: BridgeCommentArgs, shown: bool) -> anyhow::Result<()> {
    let BridgeCommentArgs { data, channel, comment } = args;
    bridge::ask(&data, Asked::Decide { channel, comment, shown })
}
