//! This node among others: the rules ([`Core`]) and the mesh brought together.
//!
//! The mesh asks what is here and brings what is there ([`mesh::Host`]); the rules ask for what only other
//! nodes know or decide ([`node_core::Network`]). Neither knows the other.

mod answers;
mod files;
mod follow;
mod identity;
mod live;
mod mail;
mod network;
mod peers;
mod records;
mod takedown;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, bail};
use blobs::Blobs;
use glog::{GroupId, Hash16, Node16, NodeId};
use keys::NodeIdentity;
use mesh::{Call, CallError, Mesh, Policy, Reply, Setup, StaticPeer};
use node_core::{
    ChannelId, Core, CoreError, CoreResult, PeerId, SecretChatId, SharedGroup, UserId,
};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::live::{Live, Writers};
pub(crate) use self::peers::{Lane, Peer};
use self::records::refused;
use crate::config::{FederationConfig, NodePolicy};
use crate::doctor::Behind;
use crate::domains::{self, Looker};

/// How long another node may take to answer while a client waits.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Groups that one node may follow here, and all nodes. Protects memory.
const FOLLOWED_BY_ONE_MAX: usize = 1000;
const FOLLOWED_MAX: usize = 100_000;

/// Nodes whose people are to be asked for.
const STRANGERS_WAITING_MAX: usize = 64;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Which nodes follow which groups here, and until when.
#[derive(Debug, Default)]
struct Followers(BTreeMap<NodeId, BTreeMap<GroupId, u64>>);

impl Followers {
    fn add(&mut self, node: NodeId, group: GroupId, until_ms: u64) -> bool {
        let all: usize = self.0.values().map(BTreeMap::len).sum();
        let own = self.0.entry(node).or_default();
        if !own.contains_key(&group) && (own.len() >= FOLLOWED_BY_ONE_MAX || all >= FOLLOWED_MAX) {
            return false;
        }
        own.insert(group, until_ms);
        true
    }

    fn expire(&mut self, now_ms: u64) {
        for groups in self.0.values_mut() {
            groups.retain(|_, until_ms| *until_ms > now_ms);
        }
        self.0.retain(|_, groups| !groups.is_empty());
    }
}

/// See the module.
pub(crate) struct Federation {
    pub(crate) core: Core,
    blobs: Blobs,
    pub(crate) policy: Policy,
    /// Asks domains which node is theirs.
    pub(crate) looker: Looker,
    /// Addresses that the configuration gives.
    pub(crate) configured: Vec<String>,
    /// Where others are told to reach this node, where it is not where it listens.
    advertised: Vec<String>,
    /// Since when this node lacks what others have.
    pub(crate) behind: Mutex<Behind>,
    mesh: OnceLock<Mesh>,
    followers: Mutex<Followers>,
    /// What this node has said to other nodes that it follows there.
    followed: Mutex<BTreeMap<NodeId, BTreeSet<GroupId>>>,
    connected: Mutex<BTreeSet<NodeId>>,
    /// Addresses that the operator trusts to lead to the domain that answers there.
    pub(crate) trusted: Mutex<BTreeSet<String>>,
    strangers: mpsc::Sender<Node16>,
    /// Pairs of people whose nodes may not share a log yet.
    unmet: mpsc::Sender<GroupId>,
    /// What other nodes may have to hear at once.
    live: mpsc::Sender<Live>,
    /// Who is writing here, and on other nodes.
    writers: Writers<(UserId, PeerId)>,
    far_writers: Writers<(NodeId, u64, Option<u64>, Option<GroupId>)>,
    /// The same in secret chats.
    secret_writers: Writers<(UserId, SecretChatId)>,
    far_secret_writers: Writers<(NodeId, u64, SecretChatId)>,
    /// Groups that are wanted here, and nodes that may have them.
    wanted: mpsc::Sender<(GroupId, Vec<NodeId>)>,
    /// Channels that cannot be read for want of keys.
    locked: mpsc::Sender<ChannelId>,
    /// This node's keys were changed.
    rekeyed: mpsc::Sender<()>,
    /// Letters may go.
    bell: mpsc::Sender<mail::Bell>,
    /// Keys that were asked for in vain, channel by channel, and when: see [`KEYS_AGAIN_MS`].
    unanswered: Mutex<BTreeMap<ChannelId, (Vec<Hash16>, u64)>>,
}

impl Federation {
    /// Starts the mesh, if the configuration says where it listens.
    pub(crate) async fn start(
        config: &FederationConfig,
        operational: NodeIdentity,
        core: Core,
        blobs: Blobs,
    ) -> anyhow::Result<Option<(Arc<Self>, JoinHandle<()>)>> {
        if config.listen.is_empty() {
            return Ok(None);
        }
        let mut peers = config.peers.clone();
        peers.extend(core.wanted_peers()?.into_iter().map(|peer| peer.address));
        let policy = policy(config)?;
        // Where an operator has found a node, no other is taken for it.
        let (known, bindings) = (core.known_nodes()?, core.bindings()?);
        let expected = |address: &String| {
            let (node, _) =
                bindings.iter().find(|(_, binding)| binding.addresses.contains(address))?;
            known.iter().find(|known| known.id.short() == *node).map(|known| known.id)
        };
        let (strangers, strangers_rx) = mpsc::channel(STRANGERS_WAITING_MAX);
        let (unmet, unmet_rx) = mpsc::channel(STRANGERS_WAITING_MAX);
        let (wanted, wanted_rx) = mpsc::channel(STRANGERS_WAITING_MAX);
        let (locked, locked_rx) = mpsc::channel(STRANGERS_WAITING_MAX);
        let (live, live_rx) = mpsc::channel(live::WAITING_MAX);
        let (rekeyed, rekeyed_rx) = mpsc::channel(1);
        let (bell, bell_rx) = mpsc::channel(STRANGERS_WAITING_MAX);
        let federation = Arc::new(Self {
            core: core.clone(),
            blobs: blobs.clone(),
            policy: policy.clone(),
            looker: Looker::new(config)?,
            configured: config.peers.clone(),
            advertised: config.advertise.clone(),
            behind: Mutex::default(),
            mesh: OnceLock::new(),
            followers: Mutex::default(),
            followed: Mutex::default(),
            connected: Mutex::default(),
            trusted: Mutex::new(peers.iter().cloned().collect()),
            strangers,
            unmet,
            live,
            writers: Writers::default(),
            far_writers: Writers::default(),
            secret_writers: Writers::default(),
            far_secret_writers: Writers::default(),
            wanted,
            locked,
            rekeyed,
            bell,
            unanswered: Mutex::default(),
        });
        let setup = Setup {
            operational,
            cert: core.cert(),
            listen: config.listen.clone(),
            peers: peers
                .into_iter()
                .map(|address| StaticPeer { node: expected(&address), address })
                .collect(),
            policy,
            gossip: config.gossip,
            limits: mesh::Limits::default(),
        };
        let mesh = Mesh::start(setup, federation.clone()).await.context("in [federation]")?;
        for known in core.known_nodes()?.iter().filter(|known| known.blocked) {
            mesh.block(known.id);
        }
        if federation.mesh.set(mesh).is_err() {
            bail!("the mesh was started twice");
        }
        core.connect(federation.clone());
        blobs.connect(federation.clone());
        core.follow(federation.clone());
        let asking = federation.clone().work(strangers_rx, unmet_rx);
        let (looking, confirming) = (federation.clone().look(), federation.clone().confirm());
        let unlocking = federation.clone().unlock(locked_rx);
        let seeking = federation.clone().seek(wanted_rx);
        let telling = federation.clone().live(live_rx);
        let showing = federation.clone().show_keys(rekeyed_rx);
        let carrying = federation.clone().carry(bell_rx);
        let working = tokio::spawn(async move {
            tokio::join!(
                asking, looking, confirming, unlocking, seeking, telling, showing, carrying
            );
        });
        Ok(Some((federation, working)))
    }

    pub(crate) fn mesh(&self) -> CoreResult<&Mesh> {
        self.mesh.get().ok_or(CoreError::NodeUnreachable)
    }

    /// Where this node is reached.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.mesh.get().map(Mesh::addresses).unwrap_or_default()
    }

    /// What this node's domain says at its well-known place.
    pub(crate) fn document(&self) -> String {
        let told = if self.advertised.is_empty() {
            // Nobody elsewhere reaches the machine by these.
            let mut heard = self.addresses();
            let own = |address: &String| {
                domains::host(address).is_some_and(|host| {
                    host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
                })
            };
            if !heard.iter().all(own) {
                heard.retain(|address| !own(address));
            }
            heard
        } else {
            self.advertised.clone()
        };
        domains::document(&self.core.cert(), told)
    }

    /// Whether a node is here.
    pub(crate) fn is_connected(&self, node: NodeId) -> bool {
        self.connected.lock().contains(&node)
    }

    /// Waits until the mesh has failed again and again; the node goes on for its own people.
    pub(crate) async fn ended(&self) -> String {
        match self.mesh.get() {
            Some(mesh) => mesh.ended().await,
            None => std::future::pending().await,
        }
    }

    /// Asks a node; what it refuses is an error.
    async fn ask(&self, node: NodeId, call: Call) -> CoreResult<Reply> {
        let answered = self.mesh()?.call(node, call, ANSWER_WITHIN).await;
        Self::answered(node, answered)
    }

    fn answered(node: NodeId, answered: Result<Reply, CallError>) -> CoreResult<Reply> {
        match answered {
            Ok(Reply::Refused { code, .. }) => Err(refused(code)),
            Ok(reply) => Ok(reply),
            Err(cause) => {
                tracing::debug!(%cause, %node, "a node does not answer");
                Err(CoreError::NodeUnreachable)
            }
        }
    }

    async fn fetch(&self, group: GroupId, node: NodeId) -> CoreResult<()> {
        let fetched = tokio::time::timeout(ANSWER_WITHIN, self.mesh()?.fetch(group, node)).await;
        match fetched {
            Ok(Ok(())) => Ok(()),
            // It goes on behind: a long history takes its time.
            Err(_) => Ok(()),
            Ok(Err(cause)) => {
                tracing::debug!(%cause, %node, %group, "a group is not brought here");
                Err(CoreError::NodeUnreachable)
            }
        }
    }

    /// The node that a domain stands for here.
    fn node_at(&self, domain: &str) -> CoreResult<NodeId> {
        let known = self.core.known_nodes()?;
        let found = known.iter().find(|known| known.domain == domain && !known.blocked);
        found.map(|known| known.id).ok_or(CoreError::UnknownUser)
    }

    /// Whether a node answers at an address that the operator gave.
    fn is_trusted(&self, node: NodeId) -> bool {
        let Some(mesh) = self.mesh.get() else { return false };
        let trusted = self.trusted.lock();
        mesh.status().iter().any(|status| {
            status.node == Some(node)
                && status.addresses.iter().any(|address| trusted.contains(address))
        })
    }
}

/// Whether a node takes part in a group.
pub(crate) fn is_of(shared: &SharedGroup, node: NodeId) -> bool {
    shared.home == node || shared.members.contains(&node)
}

pub(crate) fn policy(config: &FederationConfig) -> anyhow::Result<Policy> {
    let nodes = config.nodes.iter().map(|name| parse_node(name)).collect::<anyhow::Result<_>>()?;
    Ok(match config.policy {
        NodePolicy::Open => Policy::Open,
        NodePolicy::AllowList => Policy::AllowList(nodes),
        NodePolicy::DenyList => Policy::DenyList(nodes),
    })
}

/// A name of a node.
fn parse_node(name: &str) -> anyhow::Result<NodeId> {
    let id = parse_hex(name).with_context(|| format!("federation.nodes: {name:?} is no node"))?;
    Ok(NodeId(id))
}

/// 64 hexadecimal digits.
pub(crate) fn parse_hex(text: &str) -> anyhow::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 64 {
        bail!("64 hexadecimal digits are expected");
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        let pair = std::str::from_utf8(pair)?;
        *byte = u8::from_str_radix(pair, 16).context("64 hexadecimal digits are expected")?;
    }
    Ok(bytes)
}

/// What cannot be read now is not here: the peer asks again.
fn or_none<T: Default>(read: CoreResult<T>) -> T {
    read.unwrap_or_else(|cause| {
        tracing::warn!(%cause, "a log cannot be read for another node");
        T::default()
    })
}
