//! What a running node knows of others.

use std::collections::BTreeMap;
use std::time::Duration;

use glog::NodeId;
use mesh::PeerStatus;
use node_core::{KnownNode, SharedGroup};

use super::Finding;
use super::diagnose::{self, Other, Own};
use crate::domains::{self, Looker};
use crate::federation::{Federation, is_of};

/// For a node to answer.
const PROBE_WITHIN: Duration = Duration::from_secs(10);

/// Everything that is to be said: of all nodes, or of one.
pub(super) async fn examine(
    federation: &Federation,
    peer: Option<&str>,
) -> anyhow::Result<Vec<Finding>> {
    let seen = Seen::gather(federation)?;
    let mut found = diagnose::own(&seen.own);
    match peer {
        None => {
            for other in seen.all() {
                found.extend(diagnose::other(&other));
            }
        }
        Some(asked) => found.extend(one(&seen, asked).await?),
    }
    Ok(found)
}

/// What is known at one moment.
struct Seen<'a> {
    federation: &'a Federation,
    own: Own,
    known: Vec<KnownNode>,
    status: Vec<PeerStatus>,
    shared: Vec<SharedGroup>,
    /// Groups that were told in two ways, by who did that.
    disputed: BTreeMap<NodeId, Vec<String>>,
    now_ms: u64,
}

impl<'a> Seen<'a> {
    fn gather(federation: &'a Federation) -> anyhow::Result<Self> {
        let (core, mesh) = (&federation.core, federation.mesh()?);
        let known = core.known_nodes()?;
        let knows_anybody = !known.is_empty()
            || !federation.configured.is_empty()
            || !core.wanted_peers()?.is_empty();
        let own = Own {
            listening: mesh.addresses(),
            ended: mesh.failure(),
            domain: core.cert().body.domain.to_lowercase(),
            knows_anybody,
            disputed: Vec::new(),
        };
        let mut disputed: BTreeMap<NodeId, Vec<String>> = BTreeMap::new();
        let shared = core.shared_groups();
        for group in &shared {
            if let Some(dispute) = core.dispute(group.channel)? {
                let title = core.channel(group.channel).map(|found| found.title.clone());
                let (name, title) = (group.group.to_string(), title.unwrap_or_default());
                let short = name.get(..16).unwrap_or(&name);
                let called = format!("\u{201c}{title}\u{201d} ({short})");
                disputed.entry(dispute.author).or_default().push(called);
            }
        }
        let own = Own { disputed: disputed.remove(&core.node()).unwrap_or_default(), ..own };
        Ok(Self {
            federation,
            own,
            known,
            disputed,
            status: mesh.status(),
            shared,
            now_ms: core.now_ms(),
        })
    }

    /// Every node that is known, and every address at which none has answered yet.
    fn all(&self) -> Vec<Other> {
        let mut all: Vec<Other> = self.status.iter().map(|status| self.of_status(status)).collect();
        let unseen = |known: &&KnownNode| self.status_of(known.id).is_none();
        all.extend(self.known.iter().filter(unseen).map(|known| self.of_node(known)));
        all
    }

    /// How a node is reached, the best of its addresses first.
    fn status_of(&self, node: NodeId) -> Option<&PeerStatus> {
        let mut of_node = self.status.iter().filter(|status| status.node == Some(node));
        let first = of_node.clone().next();
        of_node.find(|status| status.connected).or(first)
    }

    fn of_node(&self, known: &KnownNode) -> Other {
        match self.status_of(known.id) {
            Some(status) => self.of_status(status),
            None => self.named(Some(known)),
        }
    }

    fn of_status(&self, status: &PeerStatus) -> Other {
        let known = self.known.iter().find(|known| Some(known.id) == status.node);
        let mut other = self.named(known);
        let address = status.addresses.first().cloned().unwrap_or_default();
        if known.is_none() {
            other.name = address;
        } else if !status.connected {
            other.name = format!("{} at {address}", other.name);
        }
        let behind = status.lag.iter().filter(|(_, lag)| *lag > 0).map(|(group, lag)| {
            let since_ms =
                status.node.and_then(|node| self.federation.behind.lock().since_ms(node, *group));
            let for_ms = since_ms.map_or(0, |since_ms| self.now_ms.saturating_sub(since_ms));
            let name = group.to_string();
            (name.get(..16).unwrap_or(&name).to_owned(), *lag, for_ms)
        });
        Other {
            is_dialed: true,
            connected: status.connected,
            trouble: status.trouble,
            failures: status.failures,
            next_attempt_s: status
                .next_attempt_ms
                .map(|at_ms| at_ms.saturating_sub(self.now_ms).div_ceil(1000)),
            synced_s: status.synced_ms_ago.map(|ago_ms| ago_ms / 1000),
            clock_ahead_ms: status.clock_ahead_ms,
            behind: behind.collect(),
            ..other
        }
    }

    /// What is remembered of a node.
    fn named(&self, known: Option<&KnownNode>) -> Other {
        let Some(known) = known else {
            return Other { now_ms: self.now_ms, admitted: true, ..Other::default() };
        };
        let core = &self.federation.core;
        let claimed = known.cert.body.domain.to_lowercase();
        let owner = self
            .known
            .iter()
            .find(|other| !claimed.is_empty() && other.domain == claimed && other.id != known.id);
        let taken = known.taken_domain();
        let confirmed = taken.map(|_| {
            let binding = core.binding(known.id.short()).ok().flatten().unwrap_or_default();
            (binding.confirmed(self.now_ms), binding.reason)
        });
        Other {
            name: known.domain.clone(),
            is_known: true,
            blocked: known.blocked,
            admitted: self.federation.policy.admits(&known.id),
            claimed_of: owner.map(|owner| owner.id.to_string()),
            taken: taken.map(str::to_owned),
            claimed,
            confirmed,
            shared: self.shared.iter().filter(|shared| is_of(shared, known.id)).count(),
            disputed: self.disputed.get(&known.id).cloned().unwrap_or_default(),
            now_ms: self.now_ms,
            ..Other::default()
        }
    }

    /// A known node by its domain, or by the beginning of its name.
    fn find(&self, asked: &str) -> Option<&KnownNode> {
        self.known.iter().find(|known| {
            known.domain.eq_ignore_ascii_case(asked)
                || (asked.len() >= 8 && known.id.to_string().starts_with(&asked.to_lowercase()))
        })
    }
}

/// One node alone, tried at this moment.
async fn one(seen: &Seen<'_>, asked: &str) -> anyhow::Result<Vec<Finding>> {
    if asked.starts_with('/') {
        return at_address(seen, asked).await;
    }
    if domains::domain(asked).as_deref() == Some(seen.own.domain.as_str()) {
        return Ok(vec![own_domain(seen, &seen.own.domain).await]);
    }
    if let Some(known) = seen.find(asked) {
        if let Some(domain) = known.taken_domain().filter(|_| !known.blocked) {
            seen.federation.look_again(known, domain).await?;
        }
        let mut other = Other { asked: true, ..seen.of_node(known) };
        let address = seen.status_of(known.id).and_then(|status| status.addresses.first());
        if let Some(address) = address.filter(|_| !other.connected && !other.blocked) {
            try_now(seen, &mut other, address, Some(known.id)).await?;
        }
        return Ok(diagnose::other(&other));
    }
    let Some(domain) = domains::domain(asked) else {
        let unknown = Finding::problem("unknown", format!("No node is called {asked} here."));
        return Ok(vec![unknown.advise("`rookery peer list` shows those that are known.")]);
    };
    Ok(new_domain(&seen.federation.looker, &domain, Some(seen.federation)).await)
}

/// Connects to an address now.
async fn try_now(
    seen: &Seen<'_>,
    other: &mut Other,
    address: &str,
    expected: Option<NodeId>,
) -> anyhow::Result<()> {
    match seen.federation.mesh()?.probe(address.to_owned(), PROBE_WITHIN).await {
        Ok(cert) if expected.is_some_and(|node| node != cert.node()) => {
            other.trouble = Some(mesh::Trouble::AnotherNode(Some(cert.node())));
        }
        Ok(_) => {
            (other.connected, other.trouble) = (true, None);
            // What it lacks and has shows once it has been compared.
            other.synced_s = None;
        }
        Err(trouble) => other.trouble = Some(trouble),
    }
    Ok(())
}

async fn at_address(seen: &Seen<'_>, address: &str) -> anyhow::Result<Vec<Finding>> {
    let is_here = |status: &&PeerStatus| status.addresses.iter().any(|known| known == address);
    let known = seen.status.iter().find(is_here);
    if let Some(status) = known.filter(|status| status.connected) {
        return Ok(diagnose::other(&Other { asked: true, ..seen.of_status(status) }));
    }
    let mesh = seen.federation.mesh()?;
    let probed = mesh.probe(address.to_owned(), PROBE_WITHIN).await;
    let node = probed.as_ref().ok().map(|cert| cert.node());
    let known_node = seen.known.iter().find(|known| Some(known.id) == node);
    let mut other = match (known, known_node) {
        (Some(status), _) => seen.of_status(status),
        (None, Some(node)) => seen.of_node(node),
        (None, None) => seen.named(None),
    };
    (other.name, other.asked, other.is_dialed) = (address.to_owned(), true, true);
    let expected = known.and_then(|status| status.node);
    match probed {
        Ok(cert) if expected.is_some_and(|node| node != cert.node()) => {
            other.trouble = Some(mesh::Trouble::AnotherNode(Some(cert.node())));
        }
        Ok(_) => (other.connected, other.trouble) = (true, None),
        Err(trouble) => (other.connected, other.trouble) = (false, Some(trouble)),
    }
    let mut found = diagnose::other(&other);
    if known.is_none() && node.is_some() && !seen.federation.trusted.lock().contains(address) {
        found.push(not_added(address).about(address));
    }
    Ok(found)
}

fn not_added(name: &str) -> Finding {
    Finding::note("not-added", "It answers, and was not added: connections to it are not kept.")
        .advise(format!("`rookery peer add {name}` connects to it from now on."))
}

/// How others see this node's domain.
async fn own_domain(seen: &Seen<'_>, domain: &str) -> Finding {
    let looked = seen.federation.looker.look(domain).await;
    match domains::judge(&looked, seen.federation.core.node()) {
        node_core::Look::Confirms => {
            Finding::well("own-domain", format!("{domain} says that it is this node's."))
        }
        node_core::Look::Contradicts(reason) | node_core::Look::Fails(reason) => Finding::problem(
            "own-domain",
            format!("{domain} does not say that it is this node's: {reason}."),
        )
        .advise(format!(
            "https://{domain}{} has to lead to this node's web pages: others add it by its \
                     domain then.",
            domains::WELL_KNOWN
        )),
    }
}

/// A domain that no known node has: what it says, and whether the node answers that it names.
pub(super) async fn new_domain(
    looker: &Looker,
    domain: &str,
    federation: Option<&Federation>,
) -> Vec<Finding> {
    let found = match looker.look(domain).await {
        Ok(found) => found,
        Err(wrong) => {
            let says = format!("The domain names no node: {wrong}.");
            let advice = format!(
                "https://{domain}{} has to lead to that node's web pages; or add the node by its \
                 address.",
                domains::WELL_KNOWN
            );
            return vec![Finding::problem("no-binding", says).advise(advice).about(domain)];
        }
    };
    let says = format!("The domain names the node {}.", found.cert.node());
    let mut findings = vec![Finding::well("domain", says)];
    if let Some(federation) = federation {
        findings.push(match federation.first_that_answers(&found).await {
            Ok(_) => not_added(domain),
            Err(cause) => {
                let mut says = format!("{cause:#}.");
                says[..1].make_ascii_uppercase();
                Finding::problem("no-answer", says)
                    .advise("Check ports and firewalls there, and [federation] advertise.")
            }
        });
    }
    findings.into_iter().map(|finding| finding.about(domain)).collect()
}
