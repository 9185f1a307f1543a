//! The pages that are lists.

use maud::{Markup, html};

use super::draw::{bytes, day, many, span, when};
use super::model::{
    Listed, Login, OpenInvite, Peer, Peers, Person, PersonPage, PublicChannel, Report,
};
use super::shell::Shell;
use crate::pages::{face, initials};

/// `/admin/people`
pub(super) fn people(_: &Shell, text: &str, found: &Listed<Person>) -> Markup {
    html! {
        h1 { "People" }
        form.search method="get" action="/admin/people" role="search" {
            label for="q" { "Name, username or number" }
            input id="q" name="q" type="search" value=(text) maxlength="64";
            button type="submit" { "Search" }
        }
        (count(found.total, "member", "members"))
        ul.rows {
            @for person in &found.rows {
                li {
                    a.person href={ "/admin/people/" (person.id) } {
                        span class=(face(person.id)) aria-hidden="true" { (initials(&person.name)) }
                        span {
                            strong { (person.name) }
                            (badge(person))
                            span.more {
                                @if let Some(name) = &person.username { "@" (name) " · " }
                                (person.phone)
                            }
                            span.more { (seen(&person.seen)) " · " (bytes(person.stored)) }
                        }
                    }
                }
            }
        }
        (pages(found, "/admin/people", text))
    }
}

/// `/admin/people/ID`
pub(super) fn person(shell: &Shell, found: &PersonPage) -> Markup {
    let PersonPage { person, sessions } = found;
    html! {
        p { a href="/admin/people" { "All people" } }
        h1 { (person.name) (badge(person)) }
        dl.facts {
            dt { "Number" } dd { (person.phone) }
            @if let Some(name) = &person.username { dt { "Username" } dd { "@" (name) } }
            dt { "Joined" } dd { (when(person.joined)) }
            dt { "Last seen" } dd { (seen(&person.seen)) }
            dt { "Files" } dd { (bytes(person.stored)) }
            @if let Some(since) = person.suspended { dt { "Suspended" } dd { (when(since)) } }
        }
        h2 { "Devices" }
        @if sessions.is_empty() { p.faint { "Logged in nowhere." } }
        ul.rows { @for session in sessions { (login(shell, person, session)) } }
        p.faint {
            "What a device is called is what its app says. “Last seen” is what this member shows to you in \
             Telegram apps, too."
        }
        @if !person.owner { (keep_out(shell, person)) }
    }
}

fn badge(person: &Person) -> Markup {
    html! {
        @if person.owner { " " span.badge { "owner" } }
        @if person.suspended.is_some() { " " span.badge { "suspended" } }
    }
}

fn keep_out(shell: &Shell, person: &Person) -> Markup {
    let id = person.id.to_string();
    html! {
        section id="keep-out" {
            h2 { "Keep out" }
            @if person.suspended.is_some() {
                p {
                    "This member is logged in nowhere, and no code is good for the number. The account and all \
                     it wrote are as they were."
                }
                (shell.button(&[("do", "unsuspend"), ("person", &id)], "Let in again", ""))
            } @else {
                (shell.asked_twice(
                    &[("do", "suspend"), ("person", &id)],
                    "Suspend…",
                    "All devices are logged out at once, and nobody can log in to the account until you let \
                     the member in again. Open invites that the member made are taken back. What the member \
                     wrote stays.",
                    "Suspend this member",
                ))
            }
            (shell.asked_twice(
                &[("do", "delete_member"), ("person", &id)],
                "Delete the account…",
                "The account ends for good: name, number, contacts and chats are gone, and the member is in no \
                 group or channel any more. What they wrote to others stays there, by a deleted account. Nobody \
                 can undo this.",
                "Delete this account",
            ))
        }
    }
}

fn login(shell: &Shell, person: &Person, login: &Login) -> Markup {
    let id = person.id.to_string();
    html! {
        li {
            p.title {
                strong { (login.device) }
                @if login.waits_for_password { " " span.badge { "waits for the password" } }
            }
            dl.facts {
                @if !login.app.is_empty() { dt { "App" } dd { (login.app) } }
                dt { "Logged in" } dd { (when(login.created)) }
                dt { "Last used" } dd { (day(login.used_day)) }
            }
            (shell.asked_twice(
                &[("do", "end_session"), ("person", &id), ("session", &login.session)],
                "Log out…",
                "The device is logged out at once, and the member is told that you did it. Secret chats \
                 on it end.",
                "Log this device out",
            ))
        }
    }
}

/// `/admin/invites`
pub(super) fn invites(shell: &Shell, found: &Listed<OpenInvite>) -> Markup {
    html! {
        h1 { "Invites" }
        p.lead { "A number and a code, with which one person joins." }
        (shell.button(&[("do", "invite")], "Make an invite", ""))
        h2 { "Open invites" }
        (count(found.total, "invite", "invites"))
        ul.rows {
            @for invite in &found.rows {
                li {
                    p.title {
                        strong { (invite.phone) }
                        @if invite.owner { " " span.badge { "makes the owner" } }
                    }
                    dl.facts {
                        dt { "By" } dd { (invite.by.as_deref().unwrap_or("the operator")) }
                        @if let Some(mail) = &invite.mail { dt { "Mailed to" } dd { (mail) } }
                        dt { "Good until" } dd { (when(invite.expires)) }
                    }
                    (shell.asked_twice(
                        &[("do", "revoke_invite"), ("phone", &invite.phone)],
                        "Take back…",
                        "Nobody can join with it any more.",
                        "Take the invite back",
                    ))
                }
            }
        }
        (pages(found, "/admin/invites", ""))
    }
}

/// `/admin/channels`
pub(super) fn channels(shell: &Shell, found: &Listed<PublicChannel>) -> Markup {
    html! {
        h1 { "Channels" }
        p.lead { "Channels and groups with a public name. Private ones are not listed: they are their members' alone." }
        (count(found.total, "public channel", "public channels"))
        ul.rows { @for channel in &found.rows { (of_channel(shell, channel)) } }
        (pages(found, "/admin/channels", ""))
    }
}

fn of_channel(shell: &Shell, channel: &PublicChannel) -> Markup {
    let is_on = channel.bridge.as_ref().is_some_and(|bridge| bridge.state == "on");
    let is_over = channel
        .bridge
        .as_ref()
        .is_some_and(|bridge| matches!(&*bridge.state, "deleted" | "handed over"));
    let named = [("channel", &*channel.name)];
    html! {
        li {
            p.title {
                strong { (channel.title) } " "
                span.badge { @if channel.group { "group" } @else { "channel" } }
                @if channel.disputed { " " span.badge.bad { "disputed" } }
            }
            dl.facts {
                dt { "Name" } dd { "@" (channel.name) }
                dt { "Members" } dd { (channel.members) }
                @if let Some(home) = &channel.home { dt { "Home" } dd { (home) } }
                @if !channel.shared_with.is_empty() {
                    dt { "Shared with" } dd { (channel.shared_with.join(", ")) }
                }
                @if let Some(bridge) = &channel.bridge {
                    dt { "Fediverse" }
                    dd {
                        (bridge.state)
                        @if let Some(handle) = &bridge.handle { ", @" (handle) }
                        ", " (many(bridge.followers, "follower"))
                    }
                } @else if channel.may_bridge {
                    dt { "Fediverse" } dd { "not shown there" }
                }
            }
            @if is_on {
                (shell.asked_twice(
                    &[("do", "bridge_off"), named[0]],
                    "Stop the bridge…",
                    "Other servers show the channel as suspended, and nothing more goes out. After a week \
                     it is deleted there for good; until then it can be switched on again.",
                    "Stop the bridge",
                ))
            } @else if channel.may_bridge && !is_over {
                (shell.asked_twice(
                    &[("do", "bridge_on"), named[0]],
                    "Bridge to the fediverse…",
                    "People of Mastodon and other servers can follow the channel, read its posts and answer. \
                     What has gone out is in other hands.",
                    "Bridge the channel",
                ))
            }
        }
    }
}

/// `/admin/peers`
pub(super) fn peers(shell: &Shell, found: &Peers) -> Markup {
    html! {
        h1 { "Nodes" }
        @if found.off {
            p.lead { "Federation is off: this node reaches no others, and none reaches it." }
            p.faint { "Give it an address in [federation] listen, and restart it." }
        } @else {
            p.lead { "Other Rookery nodes, which share channels and messages with this one." }
            form.search method="post" action="/admin/act" {
                (shell.token())
                input type="hidden" name="do" value="peer_add";
                label for="address" { "Domain or multiaddress" }
                input id="address" name="address" type="text" maxlength="300" required
                    autocapitalize="none" autocomplete="off" spellcheck="false";
                button type="submit" { "Add" }
            }
            (count(found.peers.total, "node", "nodes"))
            ul.rows { @for peer in &found.peers.rows { (of_peer(shell, peer)) } }
            (pages(&found.peers, "/admin/peers", ""))
            h2 { "This node is reached at" }
            ul.plain { @for address in &found.addresses { li { code { (address) } } } }
        }
    }
}

fn of_peer(shell: &Shell, peer: &Peer) -> Markup {
    let called = peer.domain.as_deref().filter(|domain| !domain.is_empty());
    let first = peer.addresses.first().map(String::as_str);
    let behind: u64 = peer.lag.iter().map(|(_, lag)| lag).sum();
    let since = peer.since_s.and_then(|since_s| i64::try_from(since_s).ok()).map(span);
    html! {
        li {
            p.title {
                strong { (called.or(first).unwrap_or("unknown")) } " "
                @if peer.blocked { span.badge.bad { "blocked" } }
                @else if peer.connected { span.badge.good { "connected" } }
                @else { span.badge { "not connected" } }
            }
            dl.facts {
                @if let Some(since) = since { dt { "Since" } dd { (since) } }
                dt { "Behind" }
                dd {
                    @if behind > 0 {
                        @let groups = peer.lag.iter().filter(|(_, lag)| *lag > 0).count() as u64;
                        (behind) " entries in " (many(groups, "group"))
                    } @else if let Some(synced_s) = peer.synced_s {
                        "nothing, " (span(i64::try_from(synced_s).unwrap_or(i64::MAX))) " ago"
                    } @else { "not known yet" }
                }
                @if peer.failures > 0 { dt { "Failures" } dd { (peer.failures) } }
                @if let Some(trouble) = &peer.trouble { dt { "Trouble" } dd { (trouble) } }
                @if let Some(next_s) = peer.next_attempt_s {
                    dt { "Tried again" } dd { "in " (span(i64::try_from(next_s).unwrap_or(i64::MAX))) }
                }
                @if peer.letters > 0 { dt { "Letters" } dd { (peer.letters) " wait" } }
                dt { "Traffic" } dd { (bytes(peer.bytes_in)) " in, " (bytes(peer.bytes_out)) " out" }
                @if let Some(said) = &peer.confirmation { dt { "Domain" } dd { (said) } }
                @for address in &peer.addresses { dt { "Address" } dd { code { (address) } } }
                @if let Some(node) = &peer.node { dt { "Name" } dd { code { (node) } } }
            }
            div.acts {
                @if let Some(node) = &peer.node {
                    @if peer.blocked {
                        (shell.button(&[("do", "peer_unblock"), ("node", node)], "Unblock", "quiet"))
                    } @else {
                        (shell.asked_twice(
                            &[("do", "peer_block"), ("node", node)],
                            "Block…",
                            "Nothing more is taken from this node, and nothing is sent to it. What it has \
                             brought stays, and does not change any more.",
                            "Block this node",
                        ))
                    }
                }
                @for address in peer.addresses.iter().take(8) {
                    (shell.asked_twice(
                        &[("do", "peer_remove"), ("address", address)],
                        if peer.addresses.len() == 1 { "Forget…" } else { "Forget an address…" },
                        &format!("This node does not connect to {address} by itself any more."),
                        "Forget it",
                    ))
                }
            }
        }
    }
}

/// `/admin/reports`
pub(super) fn reports(shell: &Shell, found: &Listed<Report>) -> Markup {
    html! {
        h1 { "Reports" }
        p.lead { "What members, other nodes and servers of the fediverse want you to look at." }
        (count(found.total, "report", "reports"))
        ul.rows { @for report in &found.rows { (of_report(shell, report)) } }
        (pages(found, "/admin/reports", ""))
    }
}

fn of_report(shell: &Shell, report: &Report) -> Markup {
    let name = |name: &Option<String>| match name.as_deref() {
        None | Some("") => "unknown".to_owned(),
        Some(name) => name.to_owned(),
    };
    let about = name(&report.about.name);
    let channel = report.about.id.to_string();
    html! {
        li {
            p.title { span.badge.bad { (report.reason) } " " strong { (about) } }
            dl.facts {
                dt { "By" }
                dd {
                    @if report.by.id == 0 { "somebody on " }
                    (name(&report.by.name))
                }
                dt { "On" } dd { (when(report.date)) }
            }
            @if !report.comment.is_empty() { blockquote { (report.comment) } }
            @for message in &report.messages {
                div.reported {
                    blockquote {
                        @match &message.text {
                            Some(text) if !text.is_empty() => (text),
                            _ => span.faint { "a message without text" },
                        }
                    }
                    @if report.about.kind == "channel" {
                        (shell.asked_twice(
                            &[
                                ("do", "take_down"),
                                ("channel", &channel),
                                ("message", &message.id.to_string()),
                            ],
                            "Take down…",
                            "The message is removed here, and other nodes that show it are told to remove \
                             it. That cannot be taken back.",
                            "Take the message down",
                        ))
                    }
                }
            }
            @if report.elsewhere > 0 {
                p.faint { (report.elsewhere) " more messages of it are not on this node." }
            }
            @if report.about.kind == "user" && report.about.id > 0 {
                p { a href={ "/admin/people/" (report.about.id) } { "Look at " (about) } }
            }
        }
    }
}

/// When somebody was seen: words, or a time.
fn seen(seen: &str) -> Markup {
    match seen.parse() {
        Ok(unix_s) => html! { "seen " (when(unix_s)) },
        Err(_) => html! { (seen) },
    }
}

fn count(total: u64, one: &str, many: &str) -> Markup {
    html! {
        p.count {
            @match total {
                0 => { "No " (many) },
                1 => { "1 " (one) },
                total => { (total) " " (many) },
            }
        }
    }
}

/// The way to the pages before and after.
fn pages<T>(found: &Listed<T>, path: &str, text: &str) -> Markup {
    let to = |page: u64| {
        let text: String = text.bytes().map(|b| format!("%{b:02X}")).collect();
        format!("{path}?q={text}&page={page}")
    };
    html! {
        @if found.pages > 1 {
            nav.pages aria-label="Pages" {
                @if found.page > 1 { a href=(to(found.page - 1)) rel="prev" { "Previous" } }
                span { "Page " (found.page) " of " (found.pages) }
                @if found.page < found.pages { a href=(to(found.page + 1)) rel="next" { "Next" } }
            }
        }
    }
}
