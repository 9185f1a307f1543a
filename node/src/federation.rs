//! This node among others: the rules ([`Core`]) and the mesh brought together.
//!
//! The mesh asks what is here and brings what is there ([`Host`]); the rules ask for what only other
//! nodes know or decide ([`Network`]). Neither knows the other.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, bail};
use blobs::{BlobError, BlobId, Blobs, Fetching, Holder, Manifest, Source, Unreachable, Wanted};
use bytes::Bytes;
use glog::body::Join;
use glog::cbor::{Blob, List, Text, Wire, decode, encode};
use glog::{EntryId, EntryRef, Generation, GroupId, Hash16, Node16, NodeCert, NodeId};
use keys::NodeIdentity;
use mesh::{Call, Heads, Host, LaneName, Mesh, Policy, Received, Reply, Setup, StaticPeer};
use node_core::{
    Asked, Asking, Card, ChannelId, Confirmed, Core, CoreError, CoreResult, Event, FarInvite,
    Follower, FoundName, HomeOffer, Network, SharedGroup, UserId,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::config::{FederationConfig, NodePolicy};
use crate::doctor::Behind;
use crate::domains::{self, Looker};

/// How long another node may take to answer while a client waits.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// For how long a node follows a group of this one without saying so again.
const LEASE_MS: u64 = 2 * 86_400_000;

/// How often leases are renewed, and names asked for that are not known yet.
const RENEW_EVERY: Duration = Duration::from_secs(30);

/// How often bans that their home has not heard of are asked again.
const AGAIN_EVERY: Duration = Duration::from_secs(5);

/// How often what waits for missing entries is looked at.
const TICK_EVERY: Duration = Duration::from_secs(5);

/// Nodes that are asked for a file beside the one of whoever showed it.
const OTHER_HOLDERS_MAX: usize = 3;

/// How often a node is asked to agree, and how long apart: it may have to fetch first.
const AGREE_TRIES: usize = 8;
const AGREE_AFTER: Duration = Duration::from_secs(1);

/// Members that are asked for keys, one after the other, and how long it is until they are asked for the
/// same again.
const KEY_HOLDERS_MAX: usize = 3;
const KEYS_AGAIN_MS: u64 = 60_000;

/// Channels of which it is remembered that keys were asked for in vain. Protects memory.
const UNANSWERED_MAX: usize = 1024;

/// Groups that one node may follow here, and all nodes. Protects memory.
const FOLLOWED_BY_ONE_MAX: usize = 1000;
const FOLLOWED_MAX: usize = 100_000;

/// Public groups that are gossiped.
const TOPICS_MAX: usize = 10_000;

/// Nodes whose people are to be asked for.
const STRANGERS_WAITING_MAX: usize = 64;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

glog::record! {
    /// What is found under a name.
    pub struct Found {
        /// A public channel or group.
        pub group: Option<GroupId>,
        /// Or a person.
        pub person: Option<Person>,
    }
}

glog::record! {
    /// What a node says of one of its people.
    pub struct Person {
        /// The number there.
        pub id: u64,
        /// Never empty.
        pub first_name: Text<256>,
        /// May be empty.
        pub last_name: Text<256>,
        /// Without the domain.
        pub username: Option<Text<64>>,
        /// The account is no more.
        pub deleted: bool,
    }
}

/// A call beside those of the mesh: [`Invite`], answered by [`Invited`].
const INVITE: u16 = 1;

/// A call beside those of the mesh: [`FirstWords`], answered by Done.
const PAIR: u16 = 3;

/// Entries of one [`FirstWords`], and their bytes: they fit one call.
const FIRST_ENTRIES_MAX: usize = 64;
const FIRST_BYTES_MAX: usize = 48 * 1024;

/// The longest entry of a lane.
const ENTRY_BYTES_MAX: usize = 24 * 1024;

glog::record! {
    /// What one person says to another before their nodes share a log: who they are cannot be told from
    /// its name.
    pub struct FirstWords {
        /// To whom, of the node that is asked.
        pub to: u64,
        /// From whom, of the asking node.
        pub from: u64,
        /// What, from the first entry on.
        pub entries: List<Blob<ENTRY_BYTES_MAX>, FIRST_ENTRIES_MAX>,
    }
}

/// A call beside those of the mesh: [`Invite`], answered by [`Invited`] with those who would come.
const WILLING: u16 = 4;

/// A call beside those of the mesh: [`KeysAsked`], answered by [`KeysGiven`].
const KEYS: u16 = 5;

/// Keys of a group in one answer.
const KEYS_MAX: usize = 128;

/// A key, sealed to a node: version, the sender's half, the key, its tag.
const SEALED_KEY_MAX: usize = 128;

glog::record! {
    /// A node asks for keys of a private group that it takes part in.
    pub struct KeysAsked {
        /// The group.
        pub group: GroupId,
        /// The entries of its chain that carry them.
        pub ids: List<Hash16, KEYS_MAX>,
    }
}

glog::record! {
    /// A key of a private group.
    pub struct GivenKey {
        /// The entry that carries it.
        pub id: Hash16,
        /// Sealed to the node that asked, bound to "glog1-key" ++ group (32) ++ entry (16).
        pub sealed: Blob<SEALED_KEY_MAX>,
    }
}

glog::record! {
    /// Those that the node may have.
    pub struct KeysGiven {
        /// In any order.
        pub keys: List<GivenKey, KEYS_MAX>,
    }
}

/// A call beside those of the mesh: [`Offer`], answered by [`Agreed`].
const HOME: u16 = 2;

glog::record! {
    /// The home of a group asks a node to become its home.
    pub struct Offer {
        /// The group.
        pub group: GroupId,
        /// How often it was recovered.
        pub recovery: u32,
        /// By which entry last.
        pub act: Hash16,
        /// The term that ends.
        pub term: u32,
        /// The entry before the last one of the term.
        pub prev: EntryId,
    }
}

glog::record! {
    /// A node agrees to be the next home of a group.
    pub struct Agreed {
        /// The serial of the key that signs.
        pub key_serial: u32,
        /// See `glog::body::MoveHome`.
        pub acceptance: [u8; 64],
    }
}

/// People of one node who are added in one go.
const INVITED_MAX: usize = 100;

glog::record! {
    /// Somebody adds people of the node that is asked to a group.
    pub struct Invite {
        /// The group.
        pub group: GroupId,
        /// The node that decides about it.
        pub home: NodeId,
        /// Who adds them, of the asking node.
        pub by: u64,
        /// Whom.
        pub users: List<u64, INVITED_MAX>,
    }
}

glog::record! {
    /// Who was added.
    pub struct Invited {
        /// By their numbers.
        pub users: List<u64, INVITED_MAX>,
    }
}

impl From<Person> for Card {
    fn from(person: Person) -> Self {
        Self {
            id: person.id,
            first_name: person.first_name.to_string(),
            last_name: person.last_name.to_string(),
            username: person.username.map(|name| name.to_string()),
            deleted: person.deleted,
        }
    }
}

/// What does not fit is left out: names are bounded where they are set.
fn person(card: &Card) -> Person {
    let text = |text: &str| Text::new(text).unwrap_or_default();
    Person {
        id: card.id,
        first_name: text(&card.first_name),
        last_name: text(&card.last_name),
        username: card.username.as_deref().and_then(|name| Text::new(name).ok()),
        deleted: card.deleted,
    }
}

/// What the rules refused, as nodes say it to each other.
fn refusal(cause: &CoreError) -> Reply {
    let code = match cause {
        CoreError::UnknownChannel => 1,
        CoreError::AdminRightMissing => 2,
        CoreError::ChatNotModified => 3,
        CoreError::NotBuilt => 4,
        CoreError::BannedInChannel => 5,
        CoreError::Flood { .. } => 6,
        _ => 0,
    };
    // The reasons of the rules are for people; what else fails is this node's own business.
    let text = if code == 0 { String::from("not done") } else { cause.to_string() };
    Reply::Refused { code, text: Text::new(text.as_str()).unwrap_or_default() }
}

fn refused(code: u16) -> CoreError {
    match code {
        1 => CoreError::UnknownChannel,
        2 => CoreError::AdminRightMissing,
        3 => CoreError::ChatNotModified,
        4 => CoreError::NotBuilt,
        5 => CoreError::BannedInChannel,
        6 => CoreError::Flood { wait_s: 60 },
        _ => CoreError::NodeUnreachable,
    }
}

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
    connected: Mutex<BTreeSet<NodeId>>,
    /// Addresses that the operator trusts to lead to the domain that answers there.
    pub(crate) trusted: Mutex<BTreeSet<String>>,
    strangers: mpsc::Sender<Node16>,
    /// Pairs of people whose nodes may not share a log yet.
    unmet: mpsc::Sender<GroupId>,
    /// Channels that cannot be read for want of keys.
    locked: mpsc::Sender<ChannelId>,
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
        let (locked, locked_rx) = mpsc::channel(STRANGERS_WAITING_MAX);
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
            connected: Mutex::default(),
            trusted: Mutex::new(peers.iter().cloned().collect()),
            strangers,
            unmet,
            locked,
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
        let working = tokio::spawn(async move {
            tokio::join!(asking, looking, confirming, unlocking);
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

    /// Looks now and then at what waits here. Apart from [`Self::work`]: no node that is slow to answer
    /// holds it up.
    async fn look(self: Arc<Self>) {
        let mut tick = tokio::time::interval(TICK_EVERY);
        loop {
            tick.tick().await;
            self.look_behind();
            if let Err(cause) = self.core.tick_logs().await {
                tracing::warn!(%cause, "logs wait");
            }
        }
    }

    /// Asks other nodes now and then, one after the other.
    async fn work(
        self: Arc<Self>,
        mut strangers: mpsc::Receiver<Node16>,
        mut unmet: mpsc::Receiver<GroupId>,
    ) {
        let mut renew = tokio::time::interval(RENEW_EVERY);
        let mut again = tokio::time::interval(AGAIN_EVERY);
        let mut asking = tokio::spawn(async {});
        loop {
            tokio::select! {
                _ = renew.tick() => self.renew().await,
                // Away from this task: a home that is away is waited for.
                _ = again.tick(), if asking.is_finished() => {
                    let core = self.core.clone();
                    asking = tokio::spawn(async move {
                        if let Err(cause) = core.ask_again().await {
                            tracing::warn!(%cause, "what waits for other nodes is not asked");
                        }
                    });
                }
                Some(group) = unmet.recv() => {
                    if let Err(cause) = self.first_words(group).await {
                        tracing::debug!(%cause, "first words wait");
                    }
                }
                Some(node) = strangers.recv() => {
                    if let Err(cause) = self.introduce(node).await {
                        tracing::debug!(%cause, %node, "people stay without names");
                    }
                }
            }
        }
    }

    /// Asks for keys that are missing.
    async fn unlock(self: Arc<Self>, mut locked: mpsc::Receiver<ChannelId>) {
        let mut again = tokio::time::interval(RENEW_EVERY);
        loop {
            let channels = tokio::select! {
                Some(channel) = locked.recv() => vec![channel],
                _ = again.tick() => {
                    let shared = self.core.shared_groups().into_iter();
                    shared.filter(|shared| !shared.public).map(|shared| shared.channel).collect()
                }
            };
            for channel in channels {
                if let Err(cause) = self.ask_for_keys(channel).await {
                    tracing::debug!(%cause, "keys are not given");
                }
            }
        }
    }

    async fn ask_for_keys(&self, channel: ChannelId) -> CoreResult<()> {
        let Some((shared, mut missing)) = self.core.missing_keys(channel).await? else {
            self.unanswered.lock().remove(&channel);
            return Ok(());
        };
        missing.truncate(KEYS_MAX);
        let now_ms = self.core.now_ms();
        let asked = self.unanswered.lock().get(&channel).cloned();
        if asked.is_some_and(|(keys, at)| keys == missing && now_ms < at + KEYS_AGAIN_MS) {
            return Ok(());
        }
        let asks = KeysAsked {
            group: shared.group,
            ids: List::new(missing.clone()).map_err(|_| CoreError::TooMany)?,
        };
        let body = Blob::new(encode(&asks)).map_err(|_| CoreError::TooMany)?;
        let own = self.core.node();
        let members = [shared.home].into_iter().chain(shared.members);
        let here = members.filter(|node| *node != own && self.is_connected(*node));
        for node in here.take(KEY_HOLDERS_MAX) {
            let body = body.clone();
            let answer = Self::ask(self, node, Call::Other { kind: KEYS, body }).await;
            let Ok(Reply::Other { kind: KEYS, body }) = answer else { continue };
            let Ok(given) = decode::<KeysGiven>(&body) else { continue };
            let given = given.keys.into_vec().into_iter();
            let given = given.map(|key| (key.id, key.sealed.to_vec())).collect();
            self.core.learn_keys(channel, given).await?;
            if self.core.missing_keys(channel).await?.is_none() {
                self.unanswered.lock().remove(&channel);
                return Ok(());
            }
        }
        let mut unanswered = self.unanswered.lock();
        if unanswered.len() >= UNANSWERED_MAX {
            unanswered.pop_first();
        }
        unanswered.insert(channel, (missing, now_ms));
        Ok(())
    }

    async fn renew(&self) {
        let status = self.mesh.get().map(Mesh::status).unwrap_or_default();
        for node in status.iter().filter(|peer| peer.synced_ms_ago.is_some()) {
            let Some(node) = node.node else { continue };
            if let Err(cause) = self.core.heard(node).await {
                tracing::warn!(%cause, %node, "what it holds is not noted");
            }
        }
        self.followers.lock().expire(self.core.now_ms());
        let connected: Vec<NodeId> = self.connected.lock().iter().copied().collect();
        for node in connected {
            if let Err(cause) = self.meet(node).await {
                tracing::debug!(%cause, %node, "not all is renewed");
            }
        }
    }

    /// Follows what this node has of another's groups, and asks what its people are called.
    async fn meet(&self, node: NodeId) -> CoreResult<()> {
        for shared in self.core.shared_groups() {
            if !shared.is_home && is_of(&shared, node) && shared.public {
                self.ask(node, Call::Follow { group: shared.group }).await?;
            }
        }
        for (group, ..) in self.core.pairs_with(node)? {
            self.first_words(group).await?;
        }
        self.introduce(node.short()).await
    }

    /// Brings what somebody here has said to somebody on a node that does not know of the two yet.
    async fn first_words(&self, group: GroupId) -> CoreResult<()> {
        let Some(pair) = self.core.pair(group)?.filter(|pair| !pair.met) else { return Ok(()) };
        let own = self.core.node().short();
        let heads = self.core.log_heads(group).await?.ok_or(CoreError::UnknownUser)?;
        for head in heads.lanes.iter().filter(|head| head.node == own) {
            let mut from = 0;
            while from <= head.seq {
                let lane = node_core::LaneName::Data { node: own, inc: head.inc };
                let to = from + FIRST_ENTRIES_MAX as u64;
                let page = self.core.log_page(group, lane, from, to, FIRST_BYTES_MAX).await?;
                if page.is_empty() {
                    break;
                }
                from += page.len() as u64;
                let entries = page.into_iter().map(Blob::new).collect::<Result<_, _>>();
                let entries = entries.and_then(List::new).map_err(|_| CoreError::TooMany)?;
                let words = FirstWords { to: pair.theirs, from: pair.mine, entries };
                let body = Blob::new(encode(&words)).map_err(|_| CoreError::TooMany)?;
                self.ask(pair.node, Call::Other { kind: PAIR, body }).await?;
            }
        }
        self.core.met_pair(group).await?;
        self.mesh()?.groups_changed();
        Ok(())
    }

    async fn introduce(&self, node: Node16) -> CoreResult<()> {
        let Some(known) = self.core.known_node(node)? else { return Ok(()) };
        if !self.connected.lock().contains(&known.id) {
            return Ok(());
        }
        if self.is_trusted(known.id)
            && let Err(cause) = self.core.pin_domain(node, &known.cert.body.domain).await
        {
            tracing::warn!(%cause, %node, "a node says that it has the domain of another one");
        }
        let strangers = self.core.strangers(node)?;
        let Ok(users) = List::new(strangers) else { return Ok(()) };
        if users.is_empty() {
            return Ok(());
        }
        if let Reply::Profiles(records) = self.ask(known.id, Call::Profiles { users }).await? {
            let people = records.iter().filter_map(|record| decode::<Person>(record).ok());
            self.core.learn_people(node, people.map(Card::from).collect()).await?;
        }
        Ok(())
    }

    /// Asks a node; what it refuses is an error.
    async fn ask(&self, node: NodeId, call: Call) -> CoreResult<Reply> {
        let answered = self.mesh()?.call(node, call, ANSWER_WITHIN).await;
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

    async fn answer(&self, from: NodeId, call: Call) -> CoreResult<Reply> {
        let core = &self.core;
        Ok(match call {
            Call::Ask { evidence } => {
                Reply::Answered { head: core.answer_ask(from, evidence.to_vec()).await? }
            }
            Call::Follow { group } => {
                if !core.may_node_read(from, group)? {
                    return Err(CoreError::UnknownChannel);
                }
                let until_ms = core.now_ms() + LEASE_MS;
                if !self.followers.lock().add(from, group, until_ms) {
                    return Err(CoreError::Flood { wait_s: 60 });
                }
                self.mesh()?.groups_changed();
                Reply::Following { until_ms }
            }
            Call::Unfollow { group } => {
                if let Some(groups) = self.followers.lock().0.get_mut(&from) {
                    groups.remove(&group);
                }
                Reply::Done
            }
            Call::Join { join } => {
                let join: Join = decode(&join).map_err(|_| CoreError::UnknownChannel)?;
                if join.cert.node() != from || join.cert.verify().is_err() {
                    return Err(CoreError::UnknownChannel);
                }
                core.admit_node(join.group, join.cert).await?;
                let heads = core.log_heads(join.group).await?;
                Reply::Joined { head: heads.ok_or(CoreError::UnknownChannel)?.control }
            }
            Call::Resolve { name } => match core.found_name(&name).await? {
                None => Reply::NotFound,
                Some(FoundName::Group(group)) => {
                    found(&Found { group: Some(GroupId(group)), person: None })
                }
                Some(FoundName::Person(card)) => {
                    found(&Found { group: None, person: Some(person(&card)) })
                }
            },
            Call::Profiles { users } => {
                let cards = core.cards_shown(&users)?;
                let records = cards.iter().map(|card| Blob::new(encode(&person(card))));
                let records = records.filter_map(Result::ok).collect();
                Reply::Profiles(List::new(records).unwrap_or_default())
            }
            Call::Other { kind: INVITE, body } => {
                let invite: Invite = decode(&body).map_err(|_| CoreError::UnknownChannel)?;
                let Invite { group, home, by, users } = invite;
                let invite = FarInvite { group, home, by, users: users.to_vec() };
                let added = core.invited(from, invite).await?;
                let added = Invited { users: List::new(added).unwrap_or_default() };
                other(INVITE, &added)
            }
            Call::Other { kind: WILLING, body } => {
                let invite: Invite = decode(&body).map_err(|_| CoreError::UnknownChannel)?;
                let Invite { group, home, by, users } = invite;
                let invite = FarInvite { group, home, by, users: users.to_vec() };
                let willing = core.willing(from, invite).await?;
                other(WILLING, &Invited { users: List::new(willing).unwrap_or_default() })
            }
            Call::Other { kind: KEYS, body } => {
                let asked: KeysAsked = decode(&body).map_err(|_| CoreError::UnknownChannel)?;
                let given = core.keys_for(from, asked.group, asked.ids.to_vec()).await?;
                let given = given.into_iter().filter_map(|(id, sealed)| {
                    Blob::new(sealed).ok().map(|sealed| GivenKey { id, sealed })
                });
                let keys = List::new(given.collect()).unwrap_or_default();
                other(KEYS, &KeysGiven { keys })
            }
            Call::Manifest { blob } => match self.blobs.manifest(BlobId(blob)).await {
                Ok(Some(Manifest { size, chunks })) => {
                    let hashes = List::new(chunks.to_vec()).map_err(|_| CoreError::FileInvalid)?;
                    Reply::Manifest { hashes, length: size }
                }
                Ok(None) => Reply::NotFound,
                Err(cause) => return Err(unserved(&cause)),
            },
            Call::Chunk { blob, index } => match self.blobs.chunk(BlobId(blob), index).await {
                Ok(Some(chunk)) => {
                    Reply::Chunk(Blob::new(chunk.to_vec()).map_err(|_| CoreError::FileInvalid)?)
                }
                Ok(None) => Reply::NotFound,
                Err(cause) => return Err(unserved(&cause)),
            },
            Call::Other { kind: PAIR, body } => {
                let words: FirstWords = decode(&body).map_err(|_| CoreError::UnknownUser)?;
                let entries = words.entries.iter().map(|entry| entry.to_vec()).collect();
                let taken = core.receive_pair(from, words.to, words.from, entries).await;
                if taken.stopped.is_some() {
                    return Err(CoreError::Flood { wait_s: 60 });
                }
                self.mesh()?.groups_changed();
                Reply::Done
            }
            Call::Other { kind: HOME, body } => {
                let offer: Offer = decode(&body).map_err(|_| CoreError::UnknownChannel)?;
                let Offer { group, recovery, act, term, prev } = offer;
                let generation = Generation { recovery, act, term };
                let offer = HomeOffer { group, generation, prev };
                let (key_serial, acceptance) = core.accept_home(from, offer).await?;
                other(HOME, &Agreed { key_serial, acceptance })
            }
            _ => return Err(CoreError::NotBuilt),
        })
    }

    /// What an operator sees of other nodes.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        let Some(mesh) = self.mesh.get() else { return Vec::new() };
        let now_ms = self.core.now_ms();
        let known = self.core.known_nodes().unwrap_or_default();
        let shown = mesh.status().into_iter().map(|status| {
            let known = known.iter().find(|known| Some(known.id) == status.node);
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
        for peer in &mut peers {
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

    /// Notes since when this node lacks what others have.
    fn look_behind(&self) {
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
    fn node_called(&self, name: &str) -> anyhow::Result<NodeId> {
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

fn other<T: Wire>(kind: u16, said: &T) -> Reply {
    Blob::new(encode(said)).map_or(Reply::NotFound, |body| Reply::Other { kind, body })
}

fn found(found: &Found) -> Reply {
    Blob::new(encode(found)).map_or(Reply::NotFound, Reply::Found)
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

impl Follower for Federation {
    fn happened(&self, event: &Event) {
        let Some(mesh) = self.mesh.get() else { return };
        match event {
            Event::Entry(entry) => {
                let (group, members) = (entry.group, entry.members.clone());
                mesh.announce(group, entry.public, members, entry.entry.clone());
                // The other node of a pair may not know of it. A full line loses nothing, as below.
                if !entry.public {
                    let _ = self.unmet.try_send(group);
                }
            }
            Event::GroupsChanged => mesh.groups_changed(),
            // A full line loses nothing: names are asked for again now and then.
            Event::Stranger { node } => drop(self.strangers.try_send(*node)),
            Event::Locked { channel } => drop(self.locked.try_send(*channel)),
            _ => {}
        }
    }
}

impl Network for Federation {
    fn find(&self, name: String, domain: String) -> Asking<'_, (NodeId, FoundName)> {
        Box::pin(async move {
            let node = self.node_at(&domain)?;
            let name = Text::new(name.as_str()).map_err(|_| CoreError::UnknownUser)?;
            let Reply::Found(record) = self.ask(node, Call::Resolve { name }).await? else {
                return Err(CoreError::UnknownUser);
            };
            let found: Found = decode(&record).map_err(|_| CoreError::UnknownUser)?;
            match (found.group, found.person) {
                (Some(group), _) => Ok((node, FoundName::Group(group.0))),
                (None, Some(person)) => Ok((node, FoundName::Person(person.into()))),
                (None, None) => Err(CoreError::UnknownUser),
            }
        })
    }

    fn follow(&self, node: NodeId, group: GroupId) -> Asking<'_, ()> {
        Box::pin(async move {
            self.ask(node, Call::Follow { group }).await?;
            self.fetch(group, node).await?;
            // Who comes into a private group is to find in it what was said before.
            let Some(channel) = self.core.channel_of_group(group)? else { return Ok(()) };
            if let Err(cause) = self.ask_for_keys(channel).await {
                tracing::debug!(%cause, "keys are not given");
            }
            Ok(())
        })
    }

    fn join(&self, home: NodeId, group: GroupId) -> Asking<'_, ()> {
        Box::pin(async move {
            let join = Join { group, user: 0, cert: self.core.cert(), proof: [0; 32] };
            let join = Blob::new(encode(&join)).map_err(|_| CoreError::NodeUnreachable)?;
            self.ask(home, Call::Join { join }).await?;
            self.fetch(group, home).await
        })
    }

    fn willing(&self, node: NodeId, invite: FarInvite) -> Asking<'_, Vec<u64>> {
        Box::pin(self.ask_about_people(WILLING, node, invite))
    }

    fn invite(&self, node: NodeId, invite: FarInvite) -> Asking<'_, Vec<u64>> {
        Box::pin(async move {
            let added = self.ask_about_people(INVITE, node, invite).await?;
            // So that what they write finds its way here.
            if let Some(mesh) = self.mesh.get() {
                mesh.groups_changed();
            }
            Ok(added)
        })
    }

    fn ask(&self, asked: Asked) -> Asking<'_, ()> {
        Box::pin(async move {
            let evidence = Blob::new(asked.evidence).map_err(|_| CoreError::NodeUnreachable)?;
            Self::ask(self, asked.home, Call::Ask { evidence }).await?;
            self.fetch(asked.group, asked.home).await
        })
    }
}

/// Why a piece of a file is not given.
fn unserved(cause: &BlobError) -> CoreError {
    match cause {
        BlobError::Busy => CoreError::Flood { wait_s: 1 },
        cause => {
            tracing::warn!(%cause, "a file is not read for another node");
            CoreError::FileInvalid
        }
    }
}

impl Source for Federation {
    fn holders(&self, wanted: &Wanted) -> Vec<Holder> {
        let owner = or_none(self.core.node_of(UserId(wanted.owner)));
        let Some(owner) = owner.filter(|owner| !owner.blocked) else { return Vec::new() };
        // Whoever has shown it first; then those who may have opened it: who asks for a file by its hash
        // tells it, so nobody is asked who cannot have seen it.
        let groups = or_none(self.core.groups_of(UserId(wanted.owner)));
        let connected = self.connected.lock();
        let saw = |node: &&NodeId| groups.iter().any(|shared| is_of(shared, **node));
        let others = connected.iter().filter(|node| **node != owner.id).filter(saw);
        let others = others.take(OTHER_HOLDERS_MAX);
        [owner.id].iter().chain(others).map(|node| Holder(node.0)).collect()
    }

    fn manifest(&self, holder: Holder, blob: BlobId) -> Fetching<'_, Manifest> {
        Box::pin(async move {
            match self.ask(NodeId(holder.0), Call::Manifest { blob: blob.0 }).await {
                Ok(Reply::Manifest { hashes, length }) => {
                    Ok(Some(Manifest { size: length, chunks: hashes.to_vec().into() }))
                }
                Ok(_) | Err(CoreError::NotBuilt) => Ok(None),
                Err(_) => Err(Unreachable),
            }
        })
    }

    fn chunk(&self, holder: Holder, blob: BlobId, index: u32) -> Fetching<'_, Bytes> {
        Box::pin(async move {
            match self.ask(NodeId(holder.0), Call::Chunk { blob: blob.0, index }).await {
                Ok(Reply::Chunk(bytes)) => Ok(Some(bytes.into_vec().into())),
                Ok(_) | Err(CoreError::NotBuilt) => Ok(None),
                Err(_) => Err(Unreachable),
            }
        })
    }

    fn bad(&self, holder: Holder, blob: BlobId) {
        let node = NodeId(holder.0);
        tracing::warn!(%node, ?blob, "a node gives another file than it was asked for");
    }
}

fn told(heads: node_core::Heads) -> Heads {
    let node_core::Heads { control, term, lanes, public, ends } = heads;
    Heads { control, term, lanes, public, ends }
}

fn lane(lane: LaneName) -> node_core::LaneName {
    match lane {
        LaneName::Control => node_core::LaneName::Control,
        LaneName::Data { node, inc } => node_core::LaneName::Data { node, inc },
    }
}

/// What cannot be read now is not here: the peer asks again.
fn or_none<T: Default>(read: CoreResult<T>) -> T {
    read.unwrap_or_else(|cause| {
        tracing::warn!(%cause, "a log cannot be read for another node");
        T::default()
    })
}

impl Host for Federation {
    fn now_ms(&self) -> u64 {
        self.core.now_ms()
    }

    fn shared_with(&self, peer: NodeId) -> BoxFuture<'_, Vec<GroupId>> {
        let (shared, now) = (self.core.shared_groups(), self.core.now());
        // Who was let go is to find that out.
        let is_told = |shared: &SharedGroup| {
            shared.left.iter().any(|(node, until)| *node == peer && *until > now)
        };
        let with = shared.iter().filter(|shared| is_of(shared, peer) || is_told(shared));
        let mut groups: BTreeSet<GroupId> = with.map(|shared| shared.group).collect();
        if let Some(followed) = self.followers.lock().0.get(&peer) {
            groups.extend(followed.keys());
        }
        groups.extend(or_none(self.core.pairs_with(peer)).into_iter().map(|(group, ..)| group));
        Box::pin(async move { groups.into_iter().collect() })
    }

    fn topics(&self) -> BoxFuture<'_, Vec<GroupId>> {
        let shared = self.core.shared_groups();
        let mut groups: BTreeSet<GroupId> =
            shared.iter().filter(|shared| shared.public).map(|shared| shared.group).collect();
        groups.extend(self.followers.lock().0.values().flat_map(BTreeMap::keys));
        Box::pin(async move { groups.into_iter().take(TOPICS_MAX).collect() })
    }

    fn heads(&self, peer: Option<NodeId>, group: GroupId) -> BoxFuture<'_, Option<Heads>> {
        Box::pin(async move {
            if let Some(peer) = peer
                && !or_none(self.core.may_node_read(peer, group))
            {
                return or_none(self.core.heads_for_left(peer, group).await).map(told);
            }
            let heads = or_none(self.core.log_heads(group).await)?;
            Some(told(heads))
        })
    }

    fn begins(&self, group: GroupId, lanes: Vec<EntryRef>) -> BoxFuture<'_, ()> {
        self.core.expect_history(group, lanes);
        Box::pin(async {})
    }

    fn page(
        &self,
        group: GroupId,
        of: LaneName,
        from: u64,
        to: u64,
        bytes_max: usize,
    ) -> BoxFuture<'_, Vec<Vec<u8>>> {
        Box::pin(
            async move { or_none(self.core.log_page(group, lane(of), from, to, bytes_max).await) },
        )
    }

    fn named(&self, group: GroupId, names: Vec<EntryRef>) -> BoxFuture<'_, Vec<Vec<u8>>> {
        Box::pin(async move { or_none(self.core.log_named(group, names).await) })
    }

    fn certs(&self, group: GroupId) -> BoxFuture<'_, Vec<NodeCert>> {
        Box::pin(async move { or_none(self.core.log_certs(group).await) })
    }

    fn learn_certs(&self, group: GroupId, certs: Vec<NodeCert>) -> BoxFuture<'_, ()> {
        Box::pin(async move { or_none(self.core.learn_log_certs(group, certs).await) })
    }

    fn receive(
        &self,
        from: NodeId,
        group: GroupId,
        entries: Vec<Vec<u8>>,
    ) -> BoxFuture<'_, Received> {
        Box::pin(async move {
            // What a blocked node brought stays as it is.
            let known = or_none(self.core.known_node(from.short()));
            if known.is_some_and(|known| known.blocked) {
                let stopped = Some("the node is blocked".to_owned());
                return Received { stopped, ..Received::default() };
            }
            let taken = self.core.receive_log(group, entries).await;
            let node_core::Received { fresh, rejected, stopped } = taken;
            Received { fresh, rejected, stopped }
        })
    }

    fn wanted(&self, group: GroupId) -> BoxFuture<'_, Vec<EntryRef>> {
        Box::pin(async move { or_none(self.core.log_wanted(group).await) })
    }

    fn call(&self, from: NodeId, call: Call) -> BoxFuture<'_, Reply> {
        Box::pin(async move {
            match self.answer(from, call).await {
                Ok(reply) => reply,
                Err(cause) => refusal(&cause),
            }
        })
    }

    fn peer_changed(&self, node: NodeId, cert: &NodeCert, connected: bool) -> BoxFuture<'_, ()> {
        let cert = cert.clone();
        Box::pin(async move {
            if !connected {
                self.connected.lock().remove(&node);
                return;
            }
            self.connected.lock().insert(node);
            if let Err(cause) = self.core.learn_node(cert.clone()).await {
                tracing::warn!(%cause, %node, "a certificate is not kept");
            }
            // Behind: the mesh waits for this answer.
            let _ = self.strangers.try_send(node.short());
        })
    }

    fn serial_of(&self, node: NodeId) -> BoxFuture<'_, u32> {
        Box::pin(async move {
            let known = or_none(self.core.known_node(node.short()));
            known.map_or(0, |known| known.cert.body.serial)
        })
    }
}

impl Federation {
    /// Asks a node about people of its own who are wanted in a group.
    async fn ask_about_people(
        &self,
        kind: u16,
        node: NodeId,
        invite: FarInvite,
    ) -> CoreResult<Vec<u64>> {
        let FarInvite { group, home, by, users } = invite;
        let users = List::new(users).map_err(|_| CoreError::TooMany)?;
        let said = encode(&Invite { group, home, by, users });
        let body = Blob::new(said).map_err(|_| CoreError::TooMany)?;
        let Reply::Other { kind: of, body } = self.ask(node, Call::Other { kind, body }).await?
        else {
            return Err(CoreError::NodeUnreachable);
        };
        let answer: Invited = decode(&body).map_err(|_| CoreError::NodeUnreachable)?;
        if of == kind { Ok(answer.users.to_vec()) } else { Err(CoreError::NodeUnreachable) }
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
