//! What the operator sees of other nodes and does about them.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, bail};
use glog::cbor::{Blob, decode, encode};
use glog::{Generation, NodeId};
use mesh::{Call, Reply};
use node_core::{Confirmed, CoreError, HomeOffer};
use serde::{Deserialize, Serialize};

use super::records::{Agreed, HOME, Offer};
use super::{ANSWER_WITHIN, Federation};
use crate::domains;

/// How often a node is asked to agree, and how long apart: it may have to fetch first.
const AGREE_TRIES: usize = 8;
const AGREE_AFTER: Duration = Duration::from_secs(1);

impl Federation {
    /// What an operator sees of other nodes.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        let Some(mesh) = self.mesh.get() else { return Vec::new() };
        let now_ms = self.core.now_ms();
        let known = self.core.known_nodes().unwrap_or_default();
        let shown = mesh.status().into_iter().map(|status| {
            let known = known.iter().find(|known| Some(known.id) == status.node);
            let lag_s = self.lag_s(&status, now_ms);
            Peer {
                node: status.node.map(|node| node.to_string()),
                domain: known.map(|known| known.domain.clone()),
                blocked: known.is_some_and(|known| known.blocked),
                addresses: status.addresses,
                connected: status.connected,
                since_s: (status.since_ms > 0)
                    .then(|| now_ms.saturating_sub(status.since_ms) / 1000),
                synced_s: status.synced_ms_ago.map(|ago| ago / 1000),
                bytes_in: status.bytes_in,
                bytes_out: status.bytes_out,
                entries_by_gossip: status.entries_by_gossip,
                entries_by_fetch: status.entries_by_fetch,
                held_back: status.held_back,
                failures: status.failures,
                next_attempt_s: status.next_attempt_ms.map(|at| at.saturating_sub(now_ms) / 1000),
                score: status.score,
                lag_s,
                lag: status.lag.iter().map(|(group, lag)| (group.to_string(), *lag)).collect(),
                trouble: status.trouble.map(|trouble| trouble.to_string()),
                clock_ahead_ms: status.clock_ahead_ms,
                ..Peer::default()
            }
        });
        let mut peers: Vec<Peer> = shown.collect();
        let seen: BTreeSet<_> = peers.iter().filter_map(|peer| peer.node.clone()).collect();
        for known in known.iter().filter(|known| !seen.contains(&known.id.to_string())) {
            peers.push(Peer {
                node: Some(known.id.to_string()),
                domain: Some(known.domain.clone()),
                blocked: known.blocked,
                ..Peer::default()
            });
        }
        let health = self.core.lane_health();
        let waiting = self.core.mail_waiting().unwrap_or_default();
        for peer in &mut peers {
            let of = health.iter().filter(|lane| {
                let name = lane.node.to_string();
                peer.node.as_ref().is_some_and(|node| node.starts_with(&name))
            });
            let lanes = of.map(|lane| Lane {
                group: lane.group.to_string(),
                pending: lane.pending,
                gaps: lane.gaps,
                forks: lane.forks,
            });
            peer.lanes = lanes.collect();
            let mail = waiting.iter().find(|mail| {
                let beginning = mail.node.to_string();
                peer.node.as_ref().is_some_and(|node| node.starts_with(&beginning))
            });
            peer.letters = mail.map_or(0, |mail| mail.letters);
            let known = known.iter().find(|known| Some(known.id.to_string()) == peer.node);
            let Some(known) = known.filter(|known| known.taken_domain().is_some()) else {
                continue;
            };
            let binding = self.core.binding(known.id.short()).ok().flatten().unwrap_or_default();
            let confirmed = binding.confirmed(now_ms);
            peer.confirmed = matches!(confirmed, Confirmed::Until(_));
            peer.confirmation = Some(domains::standing(confirmed, now_ms));
        }
        peers
    }

    /// Connects to a node from now on, also after a restart; answers which one it is.
    pub(crate) async fn add_peer(&self, address: String) -> anyhow::Result<Peer> {
        if let Some(domain) = domains::domain(&address) {
            return self.add_domain(&domain).await;
        }
        let mesh = self.mesh()?;
        let cert = mesh.probe(address.clone(), ANSWER_WITHIN).await;
        let cert = cert.with_context(|| format!("no node answers at {address}"))?;
        self.core.learn_node(cert.clone()).await?;
        let pinned = self.core.pin_domain(cert.node().short(), &cert.body.domain).await;
        pinned.with_context(|| {
            let domain = &*cert.body.domain;
            format!("it says that it has {domain}, which stands for another node here")
        })?;
        self.want(address.clone(), cert.node()).await?;
        let known = self.core.known_node(cert.node().short())?;
        Ok(Peer {
            node: Some(cert.node().to_string()),
            domain: known.map(|known| known.domain),
            addresses: vec![address],
            connected: true,
            ..Peer::default()
        })
    }

    /// Connects to an address no longer.
    pub(crate) async fn remove_peer(&self, address: String) -> anyhow::Result<()> {
        match domains::domain(&address) {
            Some(domain) => self.remove_domain(&domain).await,
            None => self.forget(&address).await,
        }
    }

    /// For how long this node has lacked what another has, group by group.
    fn lag_s(&self, status: &mesh::PeerStatus, now_ms: u64) -> Vec<(String, u64)> {
        let (Some(node), behind) = (status.node, self.behind.lock()) else { return Vec::new() };
        let lacked = status.lag.iter().filter(|(_, lag)| *lag > 0);
        let since = lacked.filter_map(|(group, _)| {
            let since_ms = behind.since_ms(node, *group)?;
            Some((group.to_string(), now_ms.saturating_sub(since_ms) / 1000))
        });
        since.collect()
    }

    /// Notes since when this node lacks what others have.
    pub(super) fn look_behind(&self) {
        let Some(mesh) = self.mesh.get() else { return };
        let lags = mesh.status().into_iter().filter_map(|peer| Some((peer.node?, peer.lag)));
        self.behind.lock().look(lags, self.core.now_ms());
    }

    /// Hands a channel over to another node, whose operator has agreed.
    pub(crate) async fn move_home(&self, channel: &str, to: &str) -> anyhow::Result<String> {
        let id = self.core.channel_called(channel)?;
        let to = self.node_called(to)?;
        let offer = self.core.offer_home(id, to).await?;
        // It agrees only to what it holds.
        self.mesh()?.groups_changed();
        let HomeOffer { group, generation, prev } = offer;
        let Generation { recovery, act, term } = generation;
        let said = encode(&Offer { group, recovery, act, term, prev });
        let body = Blob::new(said).map_err(|_| CoreError::NodeUnreachable)?;
        let mut answered = Err(CoreError::NodeUnreachable);
        for _ in 0..AGREE_TRIES {
            answered = self.ask(to, Call::Other { kind: HOME, body: body.clone() }).await;
            match answered {
                // It fetches what it does not hold yet.
                Err(CoreError::NodeUnreachable) => tokio::time::sleep(AGREE_AFTER).await,
                _ => break,
            }
        }
        let reply = match answered {
            Err(CoreError::AdminRightMissing) => bail!(
                "the operator of that node has to agree first: `rookery channel accept-home` there"
            ),
            reply => reply?,
        };
        let Reply::Other { kind: HOME, body } = reply else { bail!("the node answers otherwise") };
        let agreed: Agreed = decode(&body).ok().context("the node answers otherwise")?;
        let acceptance = (agreed.key_serial, agreed.acceptance);
        self.core.move_home(id, offer, to, acceptance).await?;
        Ok(to.to_string())
    }

    /// A node by its domain, or the beginning of its name.
    pub(super) fn node_called(&self, name: &str) -> anyhow::Result<NodeId> {
        let known = self.core.known_nodes()?;
        let mut found = known.iter().filter(|known| {
            known.domain == name || (name.len() >= 8 && known.id.to_string().starts_with(name))
        });
        let Some(node) = found.next() else { bail!("no node is called {name}") };
        if found.next().is_some() {
            bail!("more than one node is called {name}: give more of its name");
        }
        Ok(node.id)
    }

    /// Wants nothing more of a node, or does again. `name` is the beginning of its name, or its domain.
    pub(crate) async fn block(&self, name: &str, blocked: bool) -> anyhow::Result<String> {
        let node = self.node_called(name)?;
        self.core.block_node(node.short(), blocked).await?;
        let mesh = self.mesh()?;
        if blocked {
            mesh.block(node)
        } else {
            mesh.unblock(node)
        }
        Ok(node.to_string())
    }
}

/// What a node says in a group, where not all is well.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Lane {
    pub(crate) group: String,
    /// Entries that wait for others.
    pub(crate) pending: u64,
    /// Entries that were shown without what they depend on, since the start.
    pub(crate) gaps: u64,
    /// Places at which it was seen to say two things, since the start.
    pub(crate) forks: u64,
}

/// A node, as `rookery peer list` shows it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Peer {
    /// Its name; `None` where none has answered yet.
    pub(crate) node: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) blocked: bool,
    pub(crate) addresses: Vec<String>,
    pub(crate) connected: bool,
    /// Seconds since that last changed.
    pub(crate) since_s: Option<u64>,
    /// Seconds since all that is shared was last found equal.
    pub(crate) synced_s: Option<u64>,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) entries_by_gossip: u64,
    pub(crate) entries_by_fetch: u64,
    /// Entries that it wrote and that came too fast: they were fetched later.
    #[serde(default)]
    pub(crate) held_back: u64,
    pub(crate) failures: u32,
    /// Seconds until it is tried again.
    pub(crate) next_attempt_s: Option<u64>,
    pub(crate) score: f64,
    /// Entries of each shared group that this node lacks.
    pub(crate) lag: Vec<(String, u64)>,
    /// Of each of those groups, for how many seconds it has lacked any.
    #[serde(default)]
    pub(crate) lag_s: Vec<(String, u64)>,
    /// What is to be known of what it says in groups.
    #[serde(default)]
    pub(crate) lanes: Vec<Lane>,
    /// Letters that wait for it.
    #[serde(default)]
    pub(crate) letters: u32,
    /// Why the last attempt to connect failed.
    #[serde(default)]
    pub(crate) trouble: Option<String>,
    /// How far its clock is ahead.
    #[serde(default)]
    pub(crate) clock_ahead_ms: Option<i64>,
    /// Whether its domain has said within 30 days that it is this node's.
    #[serde(default)]
    pub(crate) confirmed: bool,
    /// The same in words; none for a node without a domain here.
    #[serde(default)]
    pub(crate) confirmation: Option<String>,
}
