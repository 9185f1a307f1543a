//! What the facts mean: pure.

use mesh::Trouble;
use node_core::Confirmed;

use super::{Finding, Level};
use crate::domains::standing;

/// Clocks that differ by more than this are wrong somewhere.
const CLOCK_OFF_MS: u64 = 300_000;
/// A group that is behind for longer is not just being brought up.
const BEHIND_MS: u64 = 60_000;

/// What is not affected by a dispute.
const GOES_ON: &str = "What is said in it goes on.";

/// What is known of the node itself.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Where it listens.
    pub(super) listening: Vec<String>,
    /// Why its mesh has ended.
    pub(super) ended: Option<String>,
    /// Its domain; may be empty.
    pub(super) domain: String,
    /// Whether anybody is configured, was added or is known.
    pub(super) knows_anybody: bool,
    /// Its own groups that were told in two ways.
    pub(super) disputed: Vec<String>,
}

/// What is known of another node, or of an address.
#[derive(Debug, Default)]
pub(super) struct Other {
    /// What it is called in the findings.
    pub(super) name: String,
    /// Whether the operator asks about this one.
    pub(super) asked: bool,
    /// Whether it is known which node it is.
    pub(super) is_known: bool,
    pub(super) blocked: bool,
    /// The policy lets it in.
    pub(super) admitted: bool,
    /// Whether there is an address that is tried.
    pub(super) is_dialed: bool,
    pub(super) connected: bool,
    pub(super) trouble: Option<Trouble>,
    pub(super) failures: u32,
    pub(super) next_attempt_s: Option<u64>,
    pub(super) synced_s: Option<u64>,
    pub(super) clock_ahead_ms: Option<i64>,
    /// The domain that it says that it has; may be empty.
    pub(super) claimed: String,
    /// The domain by which it is known here.
    pub(super) taken: Option<String>,
    /// The other node for which the claimed domain stands here.
    pub(super) claimed_of: Option<String>,
    /// Whether the domain confirms it, and what it said last, where it does not.
    pub(super) confirmed: Option<(Confirmed, String)>,
    /// Groups and channels that both have.
    pub(super) shared: usize,
    /// Of those, what this node lacks: name, entries, milliseconds since when.
    pub(super) behind: Vec<(String, u64, u64)>,
    /// Groups that it has told in two ways.
    pub(super) disputed: Vec<String>,
    pub(super) now_ms: u64,
}

pub(super) fn own(own: &Own) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(reason) = &own.ended {
        found.push(
            Finding::problem(
                "ended",
                format!("The connections to other nodes have ended: {reason}."),
            )
            .advise(
                "Restart this node; its log says what happened before. It serves its own people \
                         meanwhile.",
            ),
        );
    } else if own.listening.is_empty() {
        found.push(
            Finding::problem(
                "not-listening",
                "This node listens nowhere: no other can connect to it.",
            )
            .advise("Check that the addresses in [federation] listen belong to this machine."),
        );
    } else {
        found.push(Finding::well("listening", format!("Listens at {}.", own.listening.join(", "))));
    }
    if own.domain.is_empty() {
        found.push(
            Finding::note(
                "no-domain",
                "This node has no domain: others call its people by digits.",
            )
            .advise("Set [federation] domain."),
        );
    }
    if !own.knows_anybody {
        found.push(
            Finding::problem("nobody", "No other node is configured, and none is known.").advise(
                "Add one: `rookery peer add DOMAIN`, or with its address, /dns4/HOST/tcp/PORT.",
            ),
        );
    }
    found.extend(own.disputed.iter().map(|group| {
        Finding::problem(
            "disputed",
            format!("This node has signed two entries for one place of the chain of {group}."),
        )
        .advise(format!(
            "Its data directory was copied back as files, or somebody has its keys. Nobody decides about \
             the group any more; `rookery channel recover` ends that, with the key that recovers it. {GOES_ON}"
        ))
    }));
    found
}

pub(super) fn other(other: &Other) -> Vec<Finding> {
    let mut found = Vec::new();
    connection(other, &mut found);
    domain(other, &mut found);
    if other.connected {
        sharing(other, &mut found);
    }
    found.extend(other.disputed.iter().map(|group| {
        Finding::problem(
            "disputed",
            format!("It has signed two entries for one place of the chain of {group}."),
        )
        .advise(format!(
            "It cheats, or was restored from files. Nobody decides about the group any more: whoever has \
             the key that recovers it makes another node its home (`rookery channel recover`). {GOES_ON}"
        ))
    }));
    found.into_iter().map(|finding| finding.about(&other.name)).collect()
}

fn connection(other: &Other, found: &mut Vec<Finding>) {
    if other.blocked {
        // The operator's own wish is no fault, unless that is the question.
        let level = if other.asked { Level::Problem } else { Level::Note };
        let says =
            "It is blocked here: nothing of it is taken, and what it has brought stays as it is.";
        found.push(
            Finding::new(level, "blocked", says)
                .advise("`rookery peer unblock NAME` talks with it again."),
        );
    } else if other.is_known && !other.admitted {
        found.push(
            Finding::problem("not-admitted", "The policy of this node does not let it in.")
                .advise("Change [federation] policy or nodes, and restart this node."),
        );
    } else if other.connected {
        let synced = match other.synced_s {
            Some(ago_s) => format!("Connected; all that is shared was equal {ago_s} s ago."),
            None => "Connected.".into(),
        };
        found.push(Finding::well("connected", synced));
        clock(other, found);
    } else if let Some(trouble) = other.trouble {
        found.push(of_trouble(other, trouble));
    } else if other.is_dialed {
        found.push(
            Finding::problem("not-connected", "It is not connected; an attempt is being made.")
                .advise("Ask again in a few seconds."),
        );
    } else {
        // Who has come by a group is reached through others as well.
        let level = if other.asked || other.shared > 0 { Level::Problem } else { Level::Note };
        found.push(
            Finding::new(
                level,
                "no-address",
                "It is not connected, and no address of it is configured.",
            )
            .advise(
                "`rookery peer add` with its domain or address, or have it connect to this one.",
            ),
        );
    }
}

fn of_trouble(other: &Other, trouble: Trouble) -> Finding {
    let (code, advice): (&str, String) = match trouble {
        Trouble::Address => (
            "bad-address",
            "Addresses look like /dns4/HOST/tcp/PORT or /ip4/ADDRESS/udp/PORT/quic-v1.".into(),
        ),
        Trouble::Unresolved => {
            ("unresolved", "Check the name, and that this machine can ask its name server.".into())
        }
        Trouble::NobodyListens => (
            "nobody-listens",
            "Check that the other node runs, that it listens there ([federation] listen), and the \
             port."
                .into(),
        ),
        Trouble::TimedOut => (
            "timed-out",
            "Check firewalls and port forwarding on both sides; one direction is enough: the other \
             node may add this one."
                .into(),
        ),
        Trouble::Unreachable => (
            "unreachable",
            "Check that the address leads to a node and not to a web server or proxy.".into(),
        ),
        Trouble::Busy => ("busy", "Too many connections are being made: ask again.".into()),
        Trouble::Blocked => ("blocked", "`rookery peer unblock NAME` talks with it again.".into()),
        Trouble::NotAdmitted => (
            "not-admitted",
            "The policy ([federation] policy, nodes) does not let it in; or it has sent what does not \
             hold, and is kept away for some minutes: then the log says so."
                .into(),
        ),
        Trouble::Refused | Trouble::HungUp => (
            "refused",
            "Ask its operator: it may block this node, its policy may not let it in, or it knows a \
             newer certificate of this node: then this data directory is from before the last \
             `rookery rotate-keys`. Stop the node, `rookery export` it and `rookery import` that: a \
             restored node gets new keys."
                .into(),
        ),
        Trouble::Silent => (
            "silent",
            "Something answers there that is no node of this kind, or is overloaded.".into(),
        ),
        Trouble::Version => {
            ("version", "Update the older one of the two nodes.".into())
        }
        Trouble::Certificate => (
            "certificate",
            "Something stands between the two nodes, or the other one's keys are damaged: ask its \
             operator."
                .into(),
        ),
        Trouble::OldCertificate => (
            "old-certificate",
            "It was probably restored from an old backup, or somebody uses its old key: ask its \
             operator."
                .into(),
        ),
        Trouble::Ourselves => ("ourselves", "Remove the address: `rookery peer remove`.".into()),
        Trouble::AnotherNode(node) => (
            "another-node",
            format!(
                "{}If the other organisation has set up its node anew, or has changed its keys and the \
                 address ends in /p2p/ and the old one, remove the address and add it \
                 again; otherwise ask whom the address belongs to.",
                node.map(|node| format!("{node} is there. ")).unwrap_or_default()
            ),
        ),
        // What a later mesh adds.
        _ => ("unreachable", "The log says more.".into()),
    };
    let mut says = format!("Not connected: {trouble}");
    if other.failures > 1 {
        says += &format!(", after {} attempts", other.failures);
    }
    if let Some(next_s) = other.next_attempt_s {
        says += &format!("; tried again in {next_s} s");
    }
    says.push('.');
    Finding::problem(code, says).advise(advice)
}

fn clock(other: &Other, found: &mut Vec<Finding>) {
    let Some(ahead_ms) = other.clock_ahead_ms else { return };
    if ahead_ms.unsigned_abs() <= CLOCK_OFF_MS {
        return;
    }
    let way = if ahead_ms > 0 { "ahead of" } else { "behind" };
    let says = format!("Its clock is {} s {way} this node's.", ahead_ms.unsigned_abs() / 1000);
    found.push(
        Finding::problem("clock", says)
            .advise("Set the wrong one of the two (NTP): messages have wrong dates until then."),
    );
}

fn domain(other: &Other, found: &mut Vec<Finding>) {
    if let Some(owner) = &other.claimed_of {
        let says = format!(
            "It says that it has the domain {}, which stands for {owner} here.",
            other.claimed
        );
        found.push(Finding::problem("domain-taken", says).advise(
            "Ask both operators whose it is. Names with it go on meaning the node that had it first.",
        ));
    } else if let Some(taken) = &other.taken
        && !other.claimed.is_empty()
        && !other.claimed.eq_ignore_ascii_case(taken)
    {
        let says =
            format!("It is known here as {taken}, and now says that it is {}.", other.claimed);
        found.push(Finding::note("domain-changed", says).advise(format!(
            "Ask its operator whether that is so. Then `rookery peer repin {taken}` calls its people and \
             channels by {}; until then they keep the names that they have.",
            other.claimed
        )));
    }
    let Some((confirmed, reason)) = &other.confirmed else { return };
    let taken = other.taken.as_deref().unwrap_or_default();
    let standing = standing(*confirmed, other.now_ms);
    let because = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    let says = format!("The domain {taken} is {standing}{because}.");
    let advice = format!(
        "https://{taken}/.well-known/rookery/node.json has to lead to that node's web pages."
    );
    found.push(match confirmed {
        Confirmed::Until(_) => Finding::well("domain", says),
        Confirmed::Never => Finding::note("domain-unconfirmed", says).advise(advice),
        Confirmed::Lapsed(_) => Finding::problem("domain-lapsed", says).advise(advice),
        Confirmed::Contradicted => Finding::problem("domain-contradicted", says).advise(advice),
    });
}

fn sharing(other: &Other, found: &mut Vec<Finding>) {
    if other.shared == 0 {
        found.push(
            Finding::note("nothing-shared", "No group or channel is shared with it yet.")
                .advise("A member finds one by name@domain, and joins."),
        );
    }
    for (group, entries, for_ms) in &other.behind {
        let says = format!("{entries} entries of {group} are lacking, for {} s.", for_ms / 1000);
        let level = if *for_ms > BEHIND_MS { Level::Problem } else { Level::Note };
        found.push(Finding::new(level, "behind", says).advise(
            "They are fetched by themselves. If it stays so, the log says what does not hold, or the \
             disk is full.",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 86_400_000;

    fn codes(found: &[Finding]) -> Vec<(Level, &str)> {
        found.iter().map(|finding| (finding.level, finding.code.as_str())).collect()
    }

    fn well() -> Other {
        Other {
            name: "b.example".into(),
            is_known: true,
            admitted: true,
            is_dialed: true,
            connected: true,
            synced_s: Some(3),
            clock_ahead_ms: Some(-20),
            claimed: "b.example".into(),
            taken: Some("b.example".into()),
            confirmed: Some((Confirmed::Until(30 * DAY_MS), String::new())),
            shared: 2,
            now_ms: 1,
            ..Other::default()
        }
    }

    fn verdict(change: impl FnOnce(&mut Other)) -> Vec<(Level, String)> {
        let mut facts = well();
        change(&mut facts);
        let found = other(&facts);
        assert!(found.iter().all(|finding| finding.peer.as_deref() == Some("b.example")));
        assert!(found.iter().all(|f| f.level != Level::Problem || f.advice.is_some()), "{found:?}");
        codes(&found).into_iter().map(|(level, code)| (level, code.to_owned())).collect()
    }

    fn problem(change: impl FnOnce(&mut Other)) -> String {
        let found = verdict(change);
        let mut problems = found.into_iter().filter(|(level, _)| *level == Level::Problem);
        let (_, code) = problems.next().expect("a problem");
        assert_eq!(problems.next(), None);
        code
    }

    #[test]
    fn the_node_itself() {
        let mut facts = Own {
            listening: vec!["/ip4/192.0.2.1/tcp/4040".into()],
            domain: "a.example".into(),
            knows_anybody: true,
            ended: None,
            disputed: Vec::new(),
        };
        assert_eq!(codes(&own(&facts)), [(Level::Well, "listening")]);
        facts.domain.clear();
        facts.knows_anybody = false;
        facts.listening.clear();
        let expected = [
            (Level::Problem, "not-listening"),
            (Level::Note, "no-domain"),
            (Level::Problem, "nobody"),
        ];
        assert_eq!(codes(&own(&facts)), expected);
        facts.disputed = vec!["“Harbour”".into()];
        let found = own(&facts).pop().expect("a finding");
        assert_eq!((found.level, found.code.as_str()), (Level::Problem, "disputed"));
        assert!(found.says.contains("“Harbour”") && found.advice.is_some(), "{found:?}");
        facts.ended = Some("it panicked".into());
        assert_eq!(own(&facts)[0].code, "ended");
        assert!(own(&facts)[0].says.contains("it panicked"));
    }

    #[test]
    fn all_is_well() {
        let expected = [(Level::Well, "connected".to_owned()), (Level::Well, "domain".into())];
        assert_eq!(verdict(|_| {}), expected);
    }

    #[test]
    fn every_trouble_has_a_word() {
        let troubles = [
            (Trouble::Address, "bad-address"),
            (Trouble::Unresolved, "unresolved"),
            (Trouble::NobodyListens, "nobody-listens"),
            (Trouble::TimedOut, "timed-out"),
            (Trouble::Unreachable, "unreachable"),
            (Trouble::Busy, "busy"),
            (Trouble::Blocked, "blocked"),
            (Trouble::NotAdmitted, "not-admitted"),
            (Trouble::Refused, "refused"),
            (Trouble::HungUp, "refused"),
            (Trouble::Silent, "silent"),
            (Trouble::Version, "version"),
            (Trouble::Certificate, "certificate"),
            (Trouble::OldCertificate, "old-certificate"),
            (Trouble::Ourselves, "ourselves"),
            (Trouble::AnotherNode(None), "another-node"),
        ];
        for (trouble, code) in troubles {
            let found = problem(|facts| {
                facts.connected = false;
                facts.trouble = Some(trouble);
                facts.failures = 3;
                facts.next_attempt_s = Some(8);
            });
            assert_eq!(found, code);
        }
    }

    #[test]
    fn who_is_not_connected() {
        assert_eq!(problem(|facts| facts.connected = false), "not-connected");
        let found = |asked, shared| {
            verdict(|facts| {
                (facts.connected, facts.is_dialed) = (false, false);
                (facts.asked, facts.shared) = (asked, shared);
            })[0]
                .clone()
        };
        assert_eq!(found(false, 0), (Level::Note, "no-address".into()));
        assert_eq!(found(false, 1), (Level::Problem, "no-address".into()));
        assert_eq!(found(true, 0), (Level::Problem, "no-address".into()));
        let blocked =
            |asked| verdict(|facts| (facts.blocked, facts.asked) = (true, asked))[0].clone();
        assert_eq!(blocked(false), (Level::Note, "blocked".into()));
        assert_eq!(blocked(true), (Level::Problem, "blocked".into()));
        assert_eq!(problem(|facts| facts.admitted = false), "not-admitted");
    }

    #[test]
    fn clocks_domains_and_groups() {
        assert_eq!(problem(|facts| facts.clock_ahead_ms = Some(300_001)), "clock");
        assert_eq!(problem(|facts| facts.clock_ahead_ms = Some(-300_001)), "clock");
        assert_eq!(problem(|facts| facts.claimed_of = Some("abcd".into())), "domain-taken");
        let state =
            |confirmed| move |facts: &mut Other| facts.confirmed = Some((confirmed, "why".into()));
        assert_eq!(problem(state(Confirmed::Lapsed(0))), "domain-lapsed");
        assert_eq!(problem(state(Confirmed::Contradicted)), "domain-contradicted");
        let note = (Level::Note, "domain-unconfirmed".to_owned());
        assert_eq!(verdict(state(Confirmed::Never))[1], note);
        let changed = verdict(|facts| facts.claimed = "c.example".into());
        assert_eq!(changed[1], (Level::Note, "domain-changed".into()));
        let nothing = verdict(|facts| facts.shared = 0);
        assert_eq!(nothing[2], (Level::Note, "nothing-shared".into()));
        let behind = |for_ms| move |facts: &mut Other| facts.behind = vec![("g".into(), 7, for_ms)];
        assert_eq!(verdict(behind(60_000))[2], (Level::Note, "behind".into()));
        assert_eq!(problem(behind(60_001)), "behind");
        // Also of a node that is not there any more.
        for connected in [true, false] {
            let found = verdict(|facts| {
                (facts.connected, facts.blocked) = (connected, !connected);
                facts.disputed = vec!["“Harbour”".into()];
            });
            assert_eq!(found.last(), Some(&(Level::Problem, "disputed".to_owned())));
        }
    }
}
