//! The pages that are no lists, and how values are written.

use maud::{Markup, html};
use time::OffsetDateTime;

use super::model::{Disk, Finding, Host, Overview, Queues, Storage};
use super::shell::Shell;

/// `/admin`
pub(super) fn overview(shell: &Shell, (node, found): &(Overview, Vec<Finding>)) -> Markup {
    html! {
        h1 { "Overview" }
        (findings(found, "problem", "To be mended"))
        @if !found.iter().any(|one| one.level == "problem" && one.code != "off") {
            p.lead { "Nothing is to be mended." }
        }
        ul.tiles {
            (tile("/admin/people", "Members", &node.members.to_string(), joining(&node.registration)))
            (tile("/admin/invites", "Open invites", &node.invites.to_string(), ""))
            (tile(
                "/admin/channels", "Public channels", &node.public_channels.to_string(),
                &format!("and {} private", node.private_channels),
            ))
            @match &node.peers {
                Some(peers) => (tile(
                    "/admin/peers", "Nodes connected",
                    &format!("{} of {}", peers.connected, peers.known),
                    &match peers.blocked { 0 => String::new(), blocked => format!("{blocked} blocked") },
                )),
                None => (tile("/admin/peers", "Other nodes", "off", "federation is not configured")),
            }
            @match &node.bridge {
                Some(bridge) => (tile(
                    "/admin/queues", "Followers elsewhere", &bridge.followers.to_string(),
                    &format!(
                        "{} bridged; {} of {} servers failing", many(bridge.channels, "channel"),
                        bridge.failing, bridge.hosts
                    ),
                )),
                None => (tile("/admin/queues", "Fediverse", "off", "the bridge is not configured")),
            }
            (tile("/admin/reports", "Reports", &node.reports.to_string(), "kept for you"))
            (tile(
                "/admin/storage", "Files of members", &bytes(node.media_bytes),
                &node.disk.as_ref().map(|disk| format!("{} free", bytes(disk.free))).unwrap_or_default(),
            ))
        }
        (findings(found, "note", "Good to know"))
        h2 { "This node" }
        dl.facts {
            dt { "Version" } dd { (node.version) }
            dt { "Up since" } dd { (when(node.started)) " (" (span(node.now - node.started)) ")" }
            dt { "For clients" } dd { code { (node.mtproto) } }
            dt { "For browsers" } dd { code { (node.public_url.as_ref().unwrap_or(&node.http)) } }
            @for address in &node.mesh { dt { "For nodes" } dd { code { (address) } } }
            @if !node.domain.is_empty() { dt { "Domain" } dd { (node.domain) } }
            dt { "Name for nodes" } dd { code { (node.node) } }
            @if let Some(store) = node.store_bytes { dt { "Store" } dd { (bytes(store)) } }
            @if let Some(disk) = &node.disk { dt { "Disk" } dd { (of_disk(disk)) } }
        }
        details.sure {
            summary { "Log out everywhere…" }
            div {
                p { "All browsers that have this admin page open are logged out, this one too." }
                form.act method="post" action="/admin/logout" {
                    (shell.token())
                    input type="hidden" name="everywhere" value="true";
                    button.danger type="submit" { "Log out everywhere" }
                }
            }
        }
    }
}

fn joining(registration: &str) -> &'static str {
    match registration {
        "open" => "anybody may join",
        "closed" => "nobody can join",
        _ => "people join by invitation",
    }
}

fn tile(path: &str, name: &str, value: &str, more: &str) -> Markup {
    html! {
        li {
            a href=(path) {
                span.name { (name) }
                strong { (value) }
                @if !more.is_empty() { span.more { (more) } }
            }
        }
    }
}

/// What `rookery doctor` finds of one level. That federation is off is a choice.
fn findings(all: &[Finding], level: &str, heading: &str) -> Markup {
    let found: Vec<&Finding> =
        all.iter().filter(|found| found.level == level && found.code != "off").collect();
    html! {
        @if !found.is_empty() {
            h2 { (heading) }
            ul.rows {
                @for found in found {
                    li.finding {
                        @if let Some(peer) = &found.peer {
                            p.title {
                                strong { (peer) }
                                @if level == "problem" { " " span.badge.bad { "problem" } }
                            }
                        }
                        p { (found.says) }
                        @if let Some(advice) = &found.advice { p.faint { (advice) } }
                    }
                }
            }
        }
    }
}

/// `/admin/queues`
pub(super) fn queues(_: &Shell, queues: &Queues) -> Markup {
    let codes = &queues.codes;
    html! {
        h1 { "Queues" }
        p.lead { "What has to leave the node, and where it does not arrive." }
        h2 { "Servers of the fediverse" }
        @match &queues.hosts {
            None => p.faint { "The bridge is not configured: nothing is delivered." },
            Some(hosts) if hosts.is_empty() => p.notice.done { "Everything has arrived everywhere." },
            Some(hosts) => ul.rows { @for host in hosts { (of_host(host)) } },
        }
        h2 { "Letters to other nodes" }
        @if queues.letters.is_empty() {
            p.faint { "None waits." }
        } @else {
            dl.facts {
                @for (node, count) in &queues.letters { dt { (node) } dd { (count) " wait" } }
            }
        }
        h2 { "Login codes since the start" }
        dl.facts {
            dt { "Left the node" } dd { (codes.codes_delivered) }
            dt { "Could not" } dd { (codes.codes_failed) }
            dt { "Too many at once" } dd { (codes.codes_dropped) }
        }
        p.faint { "By mail, webhook or program. Those that go to a member's own sessions are not counted." }
    }
}

fn of_host(host: &Host) -> Markup {
    html! {
        li {
            p.title {
                strong { (host.host) }
                @if host.fails > 0 { " " span.badge.bad { (host.state) } }
                @else { " " span.badge { (host.state) } }
            }
            dl.facts {
                dt { "Waiting" } dd { "up to " (host.waiting) " activities" }
                @if host.fails > 0 { dt { "Failed" } dd { (host.fails) " times in a row" } }
                @if let Some(since) = host.failing_since { dt { "Since" } dd { (when(since)) } }
                @if let Some(error) = &host.last_error { dt { "Last error" } dd { (error) } }
                @if let Some(next) = host.next_try { dt { "Next attempt" } dd { (when(next)) } }
            }
        }
    }
}

/// `/admin/storage`
pub(super) fn storage(shell: &Shell, storage: &Storage) -> Markup {
    let usage = &storage.usage;
    html! {
        h1 { "Storage" }
        dl.facts {
            dt { "Files of members" }
            dd {
                (bytes(usage.bytes))
                @if let Some(quota) = storage.node_quota { " of " (bytes(quota)) }
            }
            dt { "One member may store" }
            dd {
                @match storage.member_quota {
                    Some(quota) => (bytes(quota)),
                    None => "any number of bytes",
                }
            }
            dt { "Unfinished uploads" } dd { (usage.uploads) " (" (bytes(usage.upload_bytes)) ")" }
            @if let Some(store) = storage.store_bytes { dt { "Store" } dd { (bytes(store)) } }
            @if let Some(disk) = &storage.disk { dt { "Disk" } dd { (of_disk(disk)) } }
        }
        @if let Some(disk) = &storage.disk {
            @let used = disk.total.saturating_sub(disk.free);
            meter.disk min="0" max=(disk.total) high=(disk.total / 10 * 9) value=(used)
                aria-label="Used of the disk" {}
        }
        h2 { "Clear away" }
        p {
            "Files that no message shows any more, uploads that were given up, and old previews of links. \
             The node does it by itself every few minutes; what a member still sees stays."
        }
        (shell.button(&[("do", "clear_media")], "Clear away now", ""))
    }
}

fn of_disk(disk: &Disk) -> String {
    format!("{} free of {}", bytes(disk.free), bytes(disk.total))
}

/// A size.
pub(super) fn bytes(bytes: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit / (unit / 10));
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", tenths(1_000_000)),
        1_000_000_000..1_000_000_000_000 => format!("{} GB", tenths(1_000_000_000)),
        _ => format!("{} TB", tenths(1_000_000_000_000)),
    }
}

/// So many of something.
pub(super) fn many(count: u64, what: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {what}{end}")
}

/// How long something takes, in its largest unit.
pub(super) fn span(seconds: i64) -> String {
    match u64::try_from(seconds).unwrap_or(0) {
        seconds @ 0..60 => many(seconds, "second"),
        seconds @ 60..3_600 => many(seconds / 60, "minute"),
        seconds @ 3_600..86_400 => many(seconds / 3_600, "hour"),
        seconds => many(seconds / 86_400, "day"),
    }
}

/// A moment.
pub(super) fn when(unix_s: i64) -> Markup {
    let at = OffsetDateTime::from_unix_timestamp(unix_s).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (hour, minute) = (at.hour(), at.minute());
    let machine = format!(
        "{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{:02}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.second()
    );
    html! {
        time datetime=(machine) {
            (at.day()) " " (at.month().to_string().get(..3).unwrap_or_default()) " " (at.year())
            ", " (format!("{hour:02}:{minute:02}")) " UTC"
        }
    }
}

/// A day.
pub(super) fn day(unix_s: i64) -> Markup {
    let at = OffsetDateTime::from_unix_timestamp(unix_s).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let machine = format!("{:04}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day());
    html! {
        time datetime=(machine) {
            (at.day()) " " (at.month().to_string().get(..3).unwrap_or_default()) " " (at.year())
        }
    }
}
