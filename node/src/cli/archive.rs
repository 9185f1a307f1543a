//! `rookery archive`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::DataArgs;
use crate::archive;

#[derive(Debug, Args)]
pub(super) struct ArchiveArgs {
    #[command(subcommand)]
    command: ArchiveCommand,
}

#[derive(Debug, Subcommand)]
enum ArchiveCommand {
    /// Write what a member has: profile, contacts, logins, privacy, and every dialog as the member sees it.
    /// Secret chats are not in it: the node cannot read them.
    User(ArchiveUserArgs),
    /// Write a group or channel, from its first message on.
    Channel(ArchiveChannelArgs),
}

#[derive(Debug, Args)]
struct ArchiveUserArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The member's number, for example +88812345678.
    #[arg(long, value_name = "NUMBER")]
    phone: String,
    /// The directory to make; it must not be there yet.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

#[derive(Debug, Args)]
struct ArchiveChannelArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The channel: its public name, at least eight digits of the beginning of its name in logs, or c/ and
    /// its number.
    #[arg(value_name = "CHANNEL")]
    channel: String,
    /// The directory to make; it must not be there yet.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// Writes it.
pub(super) fn execute(args: ArchiveArgs) -> anyhow::Result<()> {
    match args.command {
        ArchiveCommand::User(args) => archive::user(&args.data, &args.phone, &args.to),
        ArchiveCommand::Channel(args) => archive::channel(&args.data, &args.channel, &args.to),
    }
}
