//! A node as the mesh sees it, over copies of groups in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use glog::cbor::{Blob, Text};
use glog::{EntryRef, GroupId, NodeCert, NodeId};
use mesh::{Call, Heads, Host, LaneName, Limits, Mesh, Policy, Received, Reply, Setup, StaticPeer};
use parking_lot::Mutex;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::watch;

use super::world::{Copy, Keys, World};

/// No test waits longer for anything.
pub const WITHIN: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Inner {
    pub copies: BTreeMap<GroupId, Copy>,
    pub members: BTreeMap<GroupId, BTreeSet<NodeId>>,
    pub present: BTreeMap<NodeId, u32>,
    pub notices: Vec<(NodeId, bool)>,
    pub calls: Vec<(NodeId, Call)>,
    pub rejected: u32,
}

pub struct TestHost {
    pub inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
    /// Who may read no more of what is there than the first two entries of the chain.
    pub ends_for: Mutex<Option<NodeId>>,
    /// Serves entries with a byte changed.
    pub forges: AtomicBool,
    /// So many of the next questions for the time fail.
    pub panics: AtomicU32,
    /// Who holds it keeps the node from taking entries.
    pub gate: tokio::sync::RwLock<()>,
    /// The highest serial that it remembers of everybody.
    pub serial: AtomicU32,
    /// What it grants to who connects by itself, in hundredths.
    pub share: AtomicU8,
}

impl TestHost {
    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let result = change(&mut self.inner.lock());
        self.changed.send_modify(|n| *n += 1);
        result
    }

    /// Waits until this holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Inner) -> bool) {
        let mut changed = self.changed.subscribe();
        let waits = changed.wait_for(|_| holds(&self.inner.lock()));
        let waited = tokio::time::timeout(WITHIN, waits).await;
        assert!(waited.is_ok(), "waited in vain until {what}: {:?}", self.inner.lock().notices);
    }

    pub fn keep(&self, world: &World, me: NodeId, members: &[NodeId], whole: bool) {
        let copy = if whole { Copy::of(me, world) } else { Copy::new(me, world) };
        self.change(|inner| {
            inner.copies.insert(world.id, copy);
            inner.members.insert(world.id, members.iter().copied().collect());
        });
    }
}

impl Host for TestHost {
    fn now_ms(&self) -> u64 {
        let left = self.panics.load(Ordering::SeqCst);
        if left > 0 {
            self.panics.store(left - 1, Ordering::SeqCst);
            panic!("as the test wants it");
        }
        #[expect(clippy::disallowed_methods, reason = "a node has a clock")]
        let now = SystemTime::now();
        now.duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
    }

    fn shared_with(&self, peer: NodeId) -> BoxFuture<'_, Vec<GroupId>> {
        let inner = self.inner.lock();
        let with = inner.members.iter().filter(|(_, members)| members.contains(&peer));
        let with = with.map(|(id, _)| *id).collect();
        Box::pin(async { with })
    }

    fn topics(&self) -> BoxFuture<'_, Vec<GroupId>> {
        let inner = self.inner.lock();
        let public = |copy: &Copy| {
            copy.replica.as_ref().is_none_or(|replica| replica.chain().state().is_public())
        };
        let topics = inner.copies.iter().filter(|(_, copy)| public(copy));
        let topics = topics.map(|(id, _)| *id).collect();
        Box::pin(async { topics })
    }

    fn heads(&self, peer: Option<NodeId>, group: GroupId) -> BoxFuture<'_, Option<Heads>> {
        let inner = self.inner.lock();
        let replica = inner.copies.get(&group).and_then(|copy| copy.replica.as_ref());
        let may_read = |peer: &NodeId| {
            inner.members.get(&group).is_some_and(|members| members.contains(peer))
                || replica.is_some_and(|replica| replica.chain().state().is_public())
        };
        let heads = peer.is_none_or(|peer| may_read(&peer)).then(|| replica.and_then(Heads::of));
        let ends = peer.is_some_and(|peer| *self.ends_for.lock() == Some(peer));
        let heads = heads.flatten().map(|heads| match replica.filter(|_| ends) {
            None => heads,
            Some(replica) => Heads {
                control: replica.chain().at(1).unwrap().cite(),
                lanes: Vec::new(),
                ends,
                ..heads
            },
        });
        Box::pin(async { heads })
    }

    fn page(
        &self,
        group: GroupId,
        lane: LaneName,
        from: u64,
        to: u64,
        bytes_max: usize,
    ) -> BoxFuture<'_, Vec<Vec<u8>>> {
        let inner = self.inner.lock();
        let copy = inner.copies.get(&group);
        let mut entries = copy.map_or_else(Vec::new, |copy| match lane {
            LaneName::Control => copy.control_page(from, to),
            LaneName::Data { node, inc } => copy.lane_page(node, inc, from, to),
        });
        let mut bytes = 0;
        let fits = |entry: &Vec<u8>| {
            bytes += entry.len();
            bytes <= bytes_max
        };
        let count = entries.iter().map(fits).take_while(|fits| *fits).count().max(1);
        entries.truncate(count);
        if self.forges.load(Ordering::SeqCst) && lane != LaneName::Control {
            for entry in &mut entries {
                let (_, length) = glog::Header::decode_prefix(entry).unwrap();
                entry[length + 40] ^= 1;
            }
        }
        Box::pin(async { entries })
    }

    fn named(&self, group: GroupId, names: Vec<EntryRef>) -> BoxFuture<'_, Vec<Vec<u8>>> {
        let entries = self.inner.lock().copies.get(&group).map(|copy| copy.named(&names));
        Box::pin(async { entries.unwrap_or_default() })
    }

    fn certs(&self, group: GroupId) -> BoxFuture<'_, Vec<NodeCert>> {
        let certs = self.inner.lock().copies.get(&group).map(Copy::certs);
        Box::pin(async { certs.unwrap_or_default() })
    }

    fn learn_certs(&self, group: GroupId, certs: Vec<NodeCert>) -> BoxFuture<'_, ()> {
        self.change(|inner| {
            if let Some(copy) = inner.copies.get_mut(&group) {
                copy.learn(certs, 0);
            }
        });
        Box::pin(async {})
    }

    fn receive(
        &self,
        _from: NodeId,
        group: GroupId,
        entries: Vec<Vec<u8>>,
    ) -> BoxFuture<'_, Received> {
        Box::pin(async move {
            drop(self.gate.read().await);
            self.change(|inner| match inner.copies.get_mut(&group) {
                Some(copy) => {
                    let (fresh, rejected) = copy.receive(&entries, 0);
                    inner.rejected += rejected;
                    Received { fresh, rejected, stopped: None }
                }
                None => Received { stopped: Some("unknown".to_owned()), ..Received::default() },
            })
        })
    }

    fn wanted(&self, group: GroupId) -> BoxFuture<'_, Vec<EntryRef>> {
        let wanted = self.inner.lock().copies.get(&group).map(Copy::wanted);
        Box::pin(async { wanted.unwrap_or_default() })
    }

    fn call(&self, from: NodeId, call: Call) -> BoxFuture<'_, Reply> {
        self.change(|inner| inner.calls.push((from, call.clone())));
        Box::pin(async move {
            match call {
                Call::Resolve { name } if &*name == "rook" => {
                    Reply::Found(Blob::new(b"a rook".to_vec()).unwrap())
                }
                Call::Resolve { .. } => Reply::NotFound,
                Call::Chunk { .. } => Reply::Chunk(Blob::new(vec![7; 512 * 1024]).unwrap()),
                Call::Mail { .. } => std::future::pending().await,
                Call::Cards { .. } => panic!("as the test wants it"),
                _ => Reply::Refused { code: 400, text: Text::new("NO").unwrap() },
            }
        })
    }

    fn peer_changed(&self, node: NodeId, cert: &NodeCert, connected: bool) -> BoxFuture<'_, ()> {
        let serial = cert.body.serial;
        self.change(|inner| {
            inner.notices.push((node, connected));
            if connected {
                inner.present.insert(node, serial);
            } else {
                inner.present.remove(&node);
            }
        });
        Box::pin(async {})
    }

    fn share_of(&self, _node: NodeId) -> BoxFuture<'_, u8> {
        let share = self.share.load(Ordering::SeqCst);
        Box::pin(async move { share })
    }

    fn serial_of(&self, _node: NodeId) -> BoxFuture<'_, u32> {
        let serial = self.serial.load(Ordering::SeqCst);
        Box::pin(async move { serial })
    }
}

/// A node with its mesh.
pub struct Node {
    pub keys: Keys,
    pub host: Arc<TestHost>,
    pub mesh: Mesh,
}

/// How a node of a test is set up.
pub struct Options {
    pub listen: &'static str,
    pub gossip: bool,
    pub policy: Policy,
    pub limits: Limits,
}

pub const TCP: &str = "/ip4/127.0.0.1/tcp/0";
pub const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

impl Default for Options {
    fn default() -> Self {
        let limits = Limits { backoff_first: Duration::from_millis(50), ..Limits::default() };
        Self { listen: TCP, gossip: true, policy: Policy::Open, limits }
    }
}

pub fn host() -> Arc<TestHost> {
    Arc::new(TestHost {
        ends_for: Mutex::default(),
        inner: Mutex::default(),
        changed: watch::channel(0).0,
        forges: AtomicBool::new(false),
        panics: AtomicU32::new(0),
        gate: tokio::sync::RwLock::new(()),
        serial: AtomicU32::new(0),
        share: AtomicU8::new(100),
    })
}

pub fn setup(keys: &Keys, options: &Options, peers: &[&Node]) -> Setup {
    Setup {
        operational: keys::NodeIdentity::from_seed(&keys.op.seed()),
        cert: keys.cert.clone(),
        listen: vec![options.listen.to_owned()],
        peers: peers.iter().map(|peer| peer.as_peer()).collect(),
        policy: options.policy.clone(),
        gossip: options.gossip,
        limits: options.limits.clone(),
    }
}

impl Node {
    /// A node that connects to these.
    pub async fn start(keys: Keys, options: &Options, peers: &[&Node]) -> Self {
        Self::start_with(keys, host(), options, peers).await
    }

    pub async fn start_with(
        keys: Keys,
        host: Arc<TestHost>,
        options: &Options,
        peers: &[&Node],
    ) -> Self {
        let setup = setup(&keys, options, peers);
        let mesh = Mesh::start(setup, host.clone()).await.unwrap();
        Self { keys, host, mesh }
    }

    pub fn id(&self) -> NodeId {
        self.keys.id
    }

    pub fn address(&self) -> String {
        self.mesh.addresses().remove(0)
    }

    pub fn as_peer(&self) -> StaticPeer {
        StaticPeer { address: self.address(), node: Some(self.id()) }
    }

    pub async fn sees(&self, other: &Node) {
        let id = other.id();
        self.host.until("a peer is here", |inner| inner.present.contains_key(&id)).await;
    }

    pub async fn misses(&self, other: &Node) {
        let id = other.id();
        self.host.until("a peer is gone", |inner| !inner.present.contains_key(&id)).await;
    }

    /// Says something, and announces it.
    pub fn post(&self, group: GroupId, words: &str, rng: &mut StdRng) {
        let (entry, public) = self.host.change(|inner| {
            let copy = inner.copies.get_mut(&group).unwrap();
            let entry = copy.post(&self.keys, words, rng);
            (entry, copy.replica.as_ref().unwrap().chain().state().is_public())
        });
        let members = self.host.inner.lock().members[&group].iter().copied().collect();
        self.mesh.announce(group, public, members, entry);
    }

    pub async fn has_posts(&self, group: GroupId, count: usize) {
        let has = |inner: &Inner| inner.copies[&group].posts() >= count;
        self.host.until("posts are here", has).await;
    }

    /// How many of another node's entries are here.
    pub fn words(&self, group: GroupId, of: &Node) -> usize {
        self.host.inner.lock().copies[&group].words(of.id())
    }

    pub async fn has_words(&self, group: GroupId, of: &Node, count: usize) {
        let has = |inner: &Inner| inner.copies[&group].words(of.id()) >= count;
        self.host.until("words are here", has).await;
    }

    pub fn by_gossip(&self) -> u64 {
        self.mesh.status().iter().map(|peer| peer.entries_by_gossip).sum()
    }

    pub fn bytes_in(&self) -> u64 {
        self.mesh.status().iter().map(|peer| peer.bytes_in).sum()
    }
}

/// These nodes, each connected to all before it, with one group.
pub async fn nodes(options: &[Options], public: bool, rng: &mut StdRng) -> (Vec<Node>, World) {
    let keys: Vec<Keys> = options.iter().map(|_| Keys::new(rng)).collect();
    let world = super::world::group(&keys.iter().collect::<Vec<_>>(), public, rng);
    let ids: Vec<NodeId> = keys.iter().map(|keys| keys.id).collect();
    let mut nodes: Vec<Node> = Vec::new();
    for (keys, options) in keys.into_iter().zip(options) {
        let host = host();
        host.keep(&world, keys.id, &ids, true);
        let peers: Vec<&Node> = nodes.iter().collect();
        let node = Node::start_with(keys, host, options, &peers).await;
        nodes.push(node);
    }
    for a in &nodes {
        for b in nodes.iter().filter(|b| b.id() != a.id()) {
            a.sees(b).await;
        }
    }
    (nodes, world)
}

pub fn seeded(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}
