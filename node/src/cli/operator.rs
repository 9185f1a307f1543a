//! `rookery status`, and what the operator sees of members, invites and channels.

use std::io::{Result, Write};

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::Value;
use web::admin::{Listed, OpenInvite, Overview, Person, PersonPage, PublicChannel};

use super::{DataArgs, PeerListArgs};
use crate::codes::{self, printable};
use crate::operator::{self, Asked, Whom};

#[derive(Debug, Args)]
pub(super) struct UserArgs {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Print members, the newest first.
    List(UserListArgs),
    /// Print the devices that a member is logged in on.
    Sessions(UserSessionsArgs),
    /// Log a member out on one device, for example because it was stolen.
    EndSession(UserEndSessionArgs),
    /// Keep a member out: log them out everywhere, and let nobody log in to the account.
    Suspend(UserSuspendArgs),
    /// Let a suspended member log in again.
    Unsuspend(UserSuspendArgs),
    /// Delete a member's account for good. What they wrote to others stays, by a deleted account.
    Delete(UserDeleteArgs),
    /// Set the mail address that a member's login codes go to, or remove it.
    Email(UserEmailArgs),
}

#[derive(Debug, Args)]
struct UserEmailArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The member's number, for example +88812345678.
    #[arg(long, value_name = "NUMBER")]
    phone: String,
    /// The address.
    #[arg(required_unless_present = "remove", conflicts_with = "remove")]
    address: Option<String>,
    /// Leave the member without one.
    #[arg(long)]
    remove: bool,
}

#[derive(Debug, Args)]
struct UserListArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Only those whose name, username or number holds this.
    #[arg(default_value = "")]
    text: String,
    #[command(flatten)]
    page: PageArgs,
}

#[derive(Debug, Args)]
struct PageArgs {
    /// Which page of the list, from 1.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    page: u64,
}

#[derive(Debug, Args)]
struct UserSessionsArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The member's number, for example +88812345678.
    #[arg(long, value_name = "NUMBER")]
    phone: String,
}

#[derive(Debug, Args)]
struct UserEndSessionArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The member's number, for example +88812345678.
    #[arg(long, value_name = "NUMBER")]
    phone: String,
    /// The session, as `user sessions` prints it.
    session: String,
}

#[derive(Debug, Args)]
struct UserSuspendArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The member's number, for example +88812345678.
    #[arg(long, value_name = "NUMBER")]
    phone: String,
}

#[derive(Debug, Args)]
struct UserDeleteArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The member's number, for example +88812345678.
    #[arg(long, value_name = "NUMBER")]
    phone: String,
    /// Do it: nobody can undo this.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum InviteCommand {
    /// Print invites that nobody has used.
    List(ListArgs),
    /// Take an invite back.
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    page: PageArgs,
}

#[derive(Debug, Args)]
pub(super) struct RevokeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The invite's number, for example +88812345678.
    #[arg(value_name = "NUMBER")]
    phone: String,
}

pub(super) fn status(args: PeerListArgs) -> anyhow::Result<()> {
    operator::ask(&args.data, Asked::Status, |out, node: &Overview| {
        writeln!(out, "{} (Rookery {}), up since {}", node.name, node.version, node.started)?;
        let browsers = node.public_url.as_ref().unwrap_or(&node.http);
        writeln!(out, "  for clients {}, for browsers {browsers}", node.mtproto)?;
        writeln!(
            out,
            "  {} members, {} open invites, {} public and {} private channels, {} reports",
            node.members, node.invites, node.public_channels, node.private_channels, node.reports
        )?;
        match &node.peers {
            Some(peers) => writeln!(
                out,
                "  {} of {} nodes connected, {} blocked",
                peers.connected, peers.known, peers.blocked
            )?,
            None => writeln!(out, "  federation is off")?,
        }
        if let Some(bridge) = &node.bridge {
            writeln!(
                out,
                "  {} channels in the fediverse, {} followers, {} of {} servers failing",
                bridge.channels, bridge.followers, bridge.failing, bridge.hosts
            )?;
        }
        write!(out, "  files of members {} bytes", node.media_bytes)?;
        if let Some(bytes) = node.store_bytes {
            write!(out, ", store {bytes} bytes")?;
        }
        if let Some(disk) = &node.disk {
            write!(out, ", disk {} bytes free of {}", disk.free, disk.total)?;
        }
        writeln!(out)
    })
}

pub(super) fn user(args: UserArgs) -> anyhow::Result<()> {
    match args.command {
        UserCommand::List(args) => users(args),
        UserCommand::Sessions(args) => sessions(args),
        UserCommand::EndSession(args) => end_session(args),
        UserCommand::Suspend(args) => suspend(&args, true),
        UserCommand::Unsuspend(args) => suspend(&args, false),
        UserCommand::Delete(args) => delete(&args),
        UserCommand::Email(args) => codes::email(&args.data, &args.phone, args.address),
    }
}

fn users(args: UserListArgs) -> anyhow::Result<()> {
    let asked = Asked::Members { text: args.text, page: args.page.page };
    operator::ask(&args.data, asked, |out, found: &Listed<Person>| {
        for person in &found.rows {
            writeln!(out, "{}", line(person))?;
        }
        end(out, found)
    })
}

fn line(person: &Person) -> String {
    let name = person.username.as_ref().map(|name| format!(" @{name}")).unwrap_or_default();
    let owner = if person.owner { ", owner" } else { "" };
    let out = if person.suspended.is_some() { ", suspended" } else { "" };
    format!(
        "{}  {}{name}  seen {}, joined {}, {} bytes{owner}{out}",
        person.phone,
        printable(&person.name),
        person.seen,
        person.joined,
        person.stored
    )
}

fn sessions(args: UserSessionsArgs) -> anyhow::Result<()> {
    let asked = Asked::Member { whom: Whom::Phone(operator::number(&args.phone)?) };
    operator::ask(&args.data, asked, |out, found: &PersonPage| {
        writeln!(out, "{}", line(&found.person))?;
        for login in &found.sessions {
            let waits = if login.waits_for_password { ", waits for the password" } else { "" };
            writeln!(
                out,
                "  {}  {} {}, since {}, last used on the day of {}{waits}",
                login.session,
                printable(&login.device),
                printable(&login.app),
                login.created,
                login.used_day
            )?;
        }
        Ok(())
    })
}

fn end_session(args: UserEndSessionArgs) -> anyhow::Result<()> {
    let whom = Whom::Phone(operator::number(&args.phone)?);
    let asked = Asked::EndSession { whom, session: args.session };
    operator::ask(&args.data, asked, |out, _: &Value| {
        writeln!(out, "The device is logged out, and the member is told.")
    })
}

fn suspend(args: &UserSuspendArgs, suspended: bool) -> anyhow::Result<()> {
    let whom = Whom::Phone(operator::number(&args.phone)?);
    operator::ask(&args.data, Asked::Suspend { whom, suspended }, |out, _: &Value| {
        let says = match suspended {
            true => "The member is logged out everywhere, and cannot log in.",
            false => "The member can log in again.",
        };
        writeln!(out, "{says}")
    })
}

fn delete(args: &UserDeleteArgs) -> anyhow::Result<()> {
    let whom = Whom::Phone(operator::number(&args.phone)?);
    if !args.yes {
        bail!("this deletes the account of {} for good; say --yes to do it", args.phone);
    }
    operator::ask(&args.data, Asked::DeleteMember { whom }, |out, _: &Value| {
        writeln!(out, "The account is deleted.")
    })
}

pub(super) fn invites(command: InviteCommand) -> anyhow::Result<()> {
    match command {
        InviteCommand::List(args) => {
            let asked = Asked::Invites { page: args.page.page };
            operator::ask(&args.data, asked, |out, found: &Listed<OpenInvite>| {
                for invite in &found.rows {
                    let by = invite.by.as_deref().unwrap_or("the operator");
                    let owner = if invite.owner { ", makes the owner" } else { "" };
                    let (phone, until) = (&invite.phone, invite.expires);
                    writeln!(out, "{phone}  by {}, until {until}{owner}", printable(by))?;
                }
                end(out, found)
            })
        }
        InviteCommand::Revoke(args) => {
            let asked = Asked::RevokeInvite { invite: operator::number(&args.phone)? };
            operator::ask(&args.data, asked, |out, _: &Value| {
                writeln!(out, "Nobody can join with it any more.")
            })
        }
    }
}

pub(super) fn channels(args: ListArgs) -> anyhow::Result<()> {
    let asked = Asked::Channels { page: args.page.page };
    operator::ask(&args.data, asked, |out, found: &Listed<PublicChannel>| {
        for channel in &found.rows {
            let kind = if channel.group { "group" } else { "channel" };
            let (name, title) = (&channel.name, printable(&channel.title));
            writeln!(out, "@{name}  {title}: a {kind} of {}", channel.members)?;
            if let Some(home) = &channel.home {
                writeln!(out, "  home: {home}")?;
            }
            for node in &channel.shared_with {
                writeln!(out, "  shared with {node}")?;
            }
            if let Some(bridge) = &channel.bridge {
                writeln!(out, "  fediverse: {}, {} followers", bridge.state, bridge.followers)?;
            }
        }
        end(out, found)
    })
}

fn end<T>(out: &mut dyn Write, found: &Listed<T>) -> Result<()> {
    match found.pages {
        1 => Ok(()),
        pages => writeln!(out, "Page {} of {pages}, {} in all.", found.page, found.total),
    }
}
