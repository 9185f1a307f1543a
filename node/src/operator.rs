//! `rookery status`, `user`, `invites`, `channel public`: what the operator of a running node sees of it and of those who use it. The admin page shows the same answers.

use std::io::Write as _;

use anyhow::{Context as _, bail};
use node_core::{
    Authorization, Channel, CoreError, Device, MemberLine, Status, UserId, masked_email,
};
use node_store::Space;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use web::admin::{
    BridgeCounts, ChannelBridge, Disk, Listed, Login, OpenInvite, Overview, PeerCounts, Person,
    PersonPage, PublicChannel,
};

use crate::bridge;
use crate::cli::DataArgs;
use crate::client_config::Ready;
use crate::config::RegistrationMode;
use crate::control::{self, Node, Request};

/// Rows of one page of a list.
pub(crate) const ROWS_OF_PAGE: usize = 25;

/// Reports that are counted.
const REPORTS_MAX: usize = 1000;

const DAY_S: i32 = 24 * 3600;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub(crate) enum Asked {
    /// The node at a glance.
    Status,
    /// Members.
    Members {
        /// In a name, a username or a number; empty: all.
        text: String,
        /// From 1.
        page: u64,
    },
    /// A member and their logins.
    Member {
        #[serde(flatten)]
        whom: Whom,
    },
    /// Ends one of those.
    EndSession {
        #[serde(flatten)]
        whom: Whom,
        /// 16 hexadecimal digits.
        session: String,
    },
    /// Keeps a member out, or lets them in again.
    Suspend {
        #[serde(flatten)]
        whom: Whom,
        /// Which of both.
        suspended: bool,
    },
    /// Deletes a member's account.
    DeleteMember {
        #[serde(flatten)]
        whom: Whom,
    },
    /// Invites that nobody has used.
    Invites {
        /// From 1.
        page: u64,
    },
    /// Takes one back.
    RevokeInvite {
        /// Digits of the number.
        invite: u64,
    },
    /// Public channels.
    Channels {
        /// From 1.
        page: u64,
    },
}

/// A member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Whom {
    /// By the number's digits.
    Phone(u64),
    /// By the account.
    Id(i64),
}

/// Does what is asked.
pub(crate) async fn answer(node: &Node, asked: Asked) -> anyhow::Result<Value> {
    let core = &node.core;
    Ok(match asked {
        Asked::Status => json!(status(node).await?),
        Asked::Members { text, page } => {
            let (total, found) = core.member_lines(&text, skipped(page), ROWS_OF_PAGE)?;
            json!(listed(total, page, found.iter().map(person).collect()))
        }
        Asked::Member { whom } => {
            let found = member(node, whom)?;
            let logins = core.authorizations(found.user.id).await?;
            let sessions = logins.iter().map(login).collect();
            json!(PersonPage { person: person(&found), sessions })
        }
        Asked::EndSession { whom, session } => {
            let user = member(node, whom)?.user.id;
            let hash = u64::from_str_radix(&session, 16).ok().filter(|_| session.len() == 16);
            let hash = hash.with_context(|| format!("{session:?} is no session"))?;
            core.end_login(user, hash.cast_signed()).await.map_err(|cause| match cause {
                CoreError::UnknownAuthorization => anyhow::anyhow!("there is no such session"),
                other => other.into(),
            })?;
            json!({ "ended": session })
        }
        Asked::Suspend { whom, suspended } => {
            let found = member(node, whom)?;
            match (suspended, found.suspended_since) {
                (true, _) => core.suspend(found.user.id).await?,
                (false, Some(_)) => core.unsuspend(found.user.id).await?,
                (false, None) => bail!("the member is not suspended"),
            }
            json!({ "user": found.user.id.0, "suspended": suspended })
        }
        Asked::DeleteMember { whom } => {
            let user = member(node, whom)?.user.id;
            core.remove_member(user).await?;
            json!({ "deleted": user.0 })
        }
        Asked::Invites { page } => {
            let open = core.open_invites().await?;
            let total = open.len();
            let rows = open.into_iter().skip(skipped(page)).take(ROWS_OF_PAGE);
            json!(listed(total, page, rows.map(|invite| open_invite(node, invite)).collect()))
        }
        Asked::RevokeInvite { invite } => {
            if !core.revoke_invite(invite).await? {
                bail!("there is no open invite +{invite}");
            }
            json!({ "revoked": format!("+{invite}") })
        }
        Asked::Channels { page } => {
            let (total, found) = core.public_channels(skipped(page), ROWS_OF_PAGE);
            let rows = found.iter().map(|found| public_channel(node, found));
            json!(listed(total, page, rows.collect::<anyhow::Result<_>>()?))
        }
    })
}

fn skipped(page: u64) -> usize {
    usize::try_from(page.saturating_sub(1)).unwrap_or(usize::MAX).saturating_mul(ROWS_OF_PAGE)
}

/// One page of a list; `page` from 1.
pub(crate) fn listed<T>(total: usize, page: u64, rows: Vec<T>) -> Listed<T> {
    let pages = total.div_ceil(ROWS_OF_PAGE).max(1) as u64;
    Listed { total: total as u64, page: page.clamp(1, pages), pages, rows }
}

/// The file system of the data directory.
pub(crate) fn disk(node: &Node) -> Option<Disk> {
    let Space { free_bytes, total_bytes } = Space::of(&node.here.data).ok()?;
    Some(Disk { free: free_bytes, total: total_bytes })
}

async fn status(node: &Node) -> anyhow::Result<Overview> {
    let Node { core, here, .. } = node;
    let (config, ready) = (&here.config, here.ready.get());
    let text = |of: fn(&Ready) -> &String| ready.map(of).cloned().unwrap_or_default();
    let peers = node.federation.as_ref().map(|federation| {
        let peers = federation.peers();
        let count = |holds: fn(&crate::federation::Peer) -> bool| {
            peers.iter().filter(|peer| holds(peer)).count() as u64
        };
        PeerCounts {
            known: peers.len() as u64,
            connected: count(|peer| peer.connected),
            blocked: count(|peer| peer.blocked),
        }
    });
    let bridge = match &node.bridge {
        None => None,
        Some(carrier) => {
            let (bridges, hosts) = (core.bridges(), carrier.metrics());
            let followers = bridges.iter().map(|bridge| core.followers(&bridge.cid)).sum();
            let followers: Result<u64, CoreError> = followers;
            Some(BridgeCounts {
                channels: bridges.iter().filter(|found| core.is_bridged(found.channel)).count()
                    as u64,
                followers: followers?,
                hosts: hosts.as_ref().map_or(0, |hosts| hosts.hosts as u64),
                failing: hosts.as_ref().map_or(0, |hosts| hosts.failing as u64),
            })
        }
    };
    Ok(Overview {
        name: config.node.name.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        node: core.node().to_string(),
        domain: core.cert().body.domain.to_lowercase(),
        started: here.started.into(),
        now: core.now().into(),
        mtproto: text(|ready| &ready.mtproto),
        http: text(|ready| &ready.http),
        public_url: config.http.public_url.clone(),
        mesh: ready.map(|ready| ready.mesh.clone()).unwrap_or_default(),
        registration: match config.registration.mode {
            RegistrationMode::Invite => "invite",
            RegistrationMode::Open => "open",
            RegistrationMode::Closed => "closed",
        }
        .into(),
        members: core.member_lines("", 0, 0)?.0 as u64,
        invites: core.open_invites().await?.len() as u64,
        public_channels: core.public_channels(0, 0).0 as u64,
        private_channels: core.private_channels() as u64,
        reports: core.reports_of_members(REPORTS_MAX)? as u64,
        peers,
        bridge,
        store_bytes: node.store.stats().disk_bytes,
        media_bytes: core.stored_bytes()?,
        disk: disk(node),
    })
}

fn member(node: &Node, whom: Whom) -> anyhow::Result<MemberLine> {
    let found = match whom {
        Whom::Phone(phone) => node.core.member_line(phone),
        Whom::Id(id) => node.core.member_line_of(UserId(id)),
    };
    found.map_err(|cause| match cause {
        CoreError::UnknownUser => anyhow::anyhow!("there is no such member"),
        other => other.into(),
    })
}

fn person(line: &MemberLine) -> Person {
    let user = &line.user;
    Person {
        id: user.id.0,
        phone: format!("+{}", user.phone),
        name: user.full_name(),
        username: user.username.clone(),
        owner: user.role == node_core::Role::Owner,
        joined: user.created.into(),
        seen: match line.status {
            None => "not known".into(),
            Some(Status::Online { .. }) => "online".into(),
            Some(Status::Offline { was_online }) => was_online.to_string(),
            Some(Status::Recently { .. }) => "recently".into(),
            Some(Status::LastWeek { .. }) => "within a week".into(),
            Some(Status::LastMonth { .. }) => "within a month".into(),
            Some(Status::LongAgo) => "long ago".into(),
        },
        stored: line.stored_bytes,
        suspended: line.suspended_since.map(i64::from),
    }
}

/// Without the address: where somebody was is for them to know. Of the last use the day, for who hides when
/// they were there.
fn login(login: &Authorization) -> Login {
    let Device { device_model, system_version, app_version, .. } = &login.device;
    let plain = |words: &[&String]| {
        let words: Vec<String> = words
            .iter()
            .map(|word| word.replace(char::is_control, " ").trim().to_owned())
            .filter(|word| !word.is_empty())
            .collect();
        words.join(", ")
    };
    let device = plain(&[device_model, system_version]);
    Login {
        session: format!("{:016x}", login.hash.cast_unsigned()),
        device: if device.is_empty() { "unknown".into() } else { device },
        app: plain(&[app_version]),
        created: login.created.into(),
        used_day: (login.active / DAY_S * DAY_S).into(),
        waits_for_password: login.pending_until.is_some(),
    }
}

fn open_invite(node: &Node, invite: node_core::OpenInvite) -> OpenInvite {
    let name = |user: UserId| {
        let found = node.core.member_line_of(user).ok();
        found.map_or_else(|| "a former member".into(), |found| found.user.full_name())
    };
    OpenInvite {
        phone: format!("+{}", invite.phone),
        expires: invite.expires.into(),
        owner: invite.makes_owner,
        by: invite.by.map(name),
        mail: invite.email.as_deref().map(masked_email),
    }
}

fn public_channel(node: &Node, found: &Channel) -> anyhow::Result<PublicChannel> {
    let core = &node.core;
    let known = core.known_nodes()?;
    let called = |node: &glog::NodeId| {
        let of = known.iter().find(|known| known.id == *node);
        let domain = of.map(|known| known.domain.clone()).filter(|domain| !domain.is_empty());
        domain.unwrap_or_else(|| node.to_string().get(..16).unwrap_or_default().to_owned())
    };
    let shared = core.shared_groups().into_iter().find(|shared| shared.channel == found.id);
    let is_here = shared.as_ref().is_none_or(|shared| shared.is_home);
    let bridge = match (&node.bridge, core.bridge(found.id)) {
        (Some(carrier), Some(_)) => {
            let shown = bridge::shown(node, carrier, found.id)?;
            let text = |name: &str| shown.get(name).and_then(Value::as_str).map(str::to_owned);
            Some(ChannelBridge {
                state: text("state").unwrap_or_default(),
                handle: text("handle"),
                followers: shown.get("followers").and_then(Value::as_u64).unwrap_or(0),
            })
        }
        _ => None,
    };
    Ok(PublicChannel {
        channel: found.id.0,
        title: found.title.clone(),
        name: found.username.clone().unwrap_or_default(),
        group: !found.broadcast,
        members: found.members.into(),
        home: shared.as_ref().filter(|_| !is_here).map(|shared| called(&shared.home)),
        shared_with: shared.iter().flat_map(|shared| &shared.members).map(called).collect(),
        disputed: core.dispute(found.id)?.is_some(),
        bridge,
        may_bridge: node.bridge.is_some() && found.broadcast && is_here,
    })
}

// ---- the command line ----

/// Asks, and prints what is answered: in JSON, or by `print`.
pub(crate) fn ask<T: DeserializeOwned>(
    args: &DataArgs,
    asked: Asked,
    print: impl FnOnce(&mut dyn std::io::Write, &T) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let answer: Value = control::ask(&args.data, &Request::Operator { asked })?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{answer}")?;
        return Ok(());
    }
    Ok(print(&mut out, &serde_json::from_value(answer)?)?)
}

/// The digits of a number.
pub(crate) fn number(text: &str) -> anyhow::Result<u64> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().with_context(|| format!("{text:?} is not a number"))
}
