//! The task that owns the swarm: turns its events into inputs, and what the pure parts say into
//! requests. It never waits for the host: whatever may wait runs in a task of its own, and comes back
//! over a bounded queue that this task always reads.

mod links;
mod traffic;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use glog::cbor::{List, Text};
use glog::{GroupId, NodeCert, NodeId};
use libp2p::request_response::{OutboundRequestId, ResponseChannel};
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId, Swarm, multiaddr::Protocol};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior};

use super::codec::Greeted;
use super::gossip::{Known, Topics};
use super::greet::{Serials, make_room};
use super::ingest::{Inbox, Ingested};
use super::outbox::Outbox;
use super::serve::ask;
use super::swarm::{self, Behaviour};
use super::{Base, Ended, Identity};
use crate::calls::{Call, Reply};
use crate::frames::{Hello, VERSION};
use crate::mesh::Command;
use crate::setup::Limits;
use crate::status::{CallError, FetchError, PeerStatus, StartError};
use crate::sync::{Answer, Bucket, Dialer, Scores, Sync};
use crate::trouble::Trouble;

/// How often what waits for time is looked at.
const TICK: Duration = Duration::from_millis(25);
/// The status is made anew after so many ticks.
const STATUS_TICKS: u32 = 10;
/// It is asked again after so many ticks how much peers are served: it grows, and operators choose peers.
const SHARE_TICKS: u32 = 200;
/// Results of other tasks that wait for this one.
const DONE_MAX: usize = 1_024;
/// Questions of the core that the host works on at once.
const ASKING_MAX: usize = 64;
/// Nodes whose figures are remembered when they are gone.
const STATS_MAX: usize = 4_096;
/// Calls and fetches that wait for a connection.
const WAITING_MAX: usize = 1_024;
/// How long listeners have to say where they listen.
const LISTEN_WITHIN: Duration = Duration::from_secs(10);

/// What other tasks have done.
#[derive(Debug)]
pub(super) enum Done {
    /// The node has answered the core.
    Answer(u64, Answer),
    /// A request of a peer was worked on.
    Served(PeerId, ResponseChannel<Vec<u8>>, Vec<u8>),
    /// What came unasked was taken.
    Ingested(Ingested),
    /// The node has said which serial of a peer it knows, and how much the peer is served.
    Serial(PeerId, Box<Hello>, Option<ResponseChannel<Vec<u8>>>, (u32, u8)),
    /// The node has said again how much peers are served.
    Shares(Vec<(PeerId, u8)>),
    /// The node has said which groups are public.
    Topics(Vec<GroupId>),
    /// The node has heard of a peer's coming or going.
    Noticed,
}

/// What a request was for.
#[derive(Debug)]
enum Purpose {
    Hello,
    Sync(u64),
    Call(oneshot::Sender<Result<Reply, CallError>>),
    Push(Vec<GroupId>),
}

/// A connection, or two, with one peer.
struct Link {
    /// What it has shown.
    cert: Option<NodeCert>,
    node: Option<NodeId>,
    /// It has answered our Hello, and so knows who we are.
    heard: bool,
    /// It is sent away, once it has been told.
    leaving: bool,
    /// When it is sent away unless it has shown who it is.
    hello_by: Instant,
    since_ms: u64,
    addresses: Vec<Multiaddr>,
    /// Addresses of the dialer by which it was reached.
    dialed: Vec<String>,
    /// Who wants to know which node it is.
    waiters: Vec<oneshot::Sender<Result<NodeCert, Trouble>>>,
    /// Why it is not talked to.
    trouble: Option<Trouble>,
    /// How far its clock is ahead.
    clock_ahead_ms: Option<i64>,
    serve: Bucket,
    /// How often it may say who it is.
    hellos: Bucket,
    outbox: Outbox,
}

impl Link {
    /// The node, once both know each other.
    fn ready(&self) -> Option<NodeId> {
        self.node.filter(|_| self.heard && !self.leaving)
    }

    /// Remembers why it is not talked to. That it refuses says the least: it may do so for the reason
    /// that is found here.
    fn is_trouble(&mut self, trouble: Trouble) {
        if matches!(self.trouble, None | Some(Trouble::Refused)) {
            self.trouble = Some(trouble);
        }
    }
}

/// Figures of a node.
#[derive(Debug, Default, Clone)]
struct Stats {
    bytes_in: u64,
    bytes_out: u64,
    by_gossip: u64,
    by_fetch: u64,
    failures: u32,
    /// When it last came or went.
    since_ms: u64,
}

/// Why an address is dialed.
#[derive(Debug, Default)]
struct Dialing {
    /// The dialer wants it.
    address: Option<String>,
    /// Somebody wants to know who is there.
    waiters: Vec<oneshot::Sender<Result<NodeCert, Trouble>>>,
    /// Something waits for this node.
    node: Option<NodeId>,
}

/// Who waits for a fetch.
type Fetcher = oneshot::Sender<Result<(), FetchError>>;

/// What waits for a node to be connected.
enum Waiting {
    Call(Box<Call>, oneshot::Sender<Result<Reply, CallError>>),
    Fetch(GroupId, oneshot::Sender<Result<(), FetchError>>),
}

pub(super) struct Driver {
    base: Arc<Base>,
    identity: Arc<Identity>,
    limits: Limits,
    me: NodeId,
    swarm: Swarm<Behaviour>,
    began: Instant,
    rng: StdRng,
    sync: Sync,
    scores: Scores,
    dialer: Dialer,
    serials: Serials,
    greeted: Greeted,
    topics: Topics,
    links: HashMap<PeerId, Link>,
    nodes: BTreeMap<NodeId, PeerId>,
    certs: BTreeMap<NodeId, NodeCert>,
    stats: BTreeMap<NodeId, Stats>,
    blocked: BTreeSet<NodeId>,
    dialing: HashMap<ConnectionId, Dialing>,
    requests: HashMap<OutboundRequestId, Purpose>,
    waiting: BTreeMap<NodeId, Vec<Waiting>>,
    fetches: BTreeMap<(GroupId, NodeId), Vec<Fetcher>>,
    notices: VecDeque<(NodeId, NodeCert, bool)>,
    noticing: bool,
    asking_topics: bool,
    asking_shares: bool,
    ask_topics_again: bool,
    serving: Arc<Semaphore>,
    asking: Arc<Semaphore>,
    inbox: Inbox,
    done: mpsc::Sender<Done>,
    done_rx: mpsc::Receiver<Done>,
    ticks: u32,
}

impl Driver {
    /// A driver that listens.
    pub(super) async fn start(base: Arc<Base>) -> Result<Self, StartError> {
        let limits = base.setup.limits.clone();
        let known = Known::new(limits.connections);
        let greeted = Greeted::default();
        let identity = Arc::clone(&*base.identity.lock());
        let key = &identity.operational;
        let mut swarm = swarm::build(&base.setup, key, known.clone(), greeted.clone())?;
        listen(&base, &mut swarm).await?;
        let (done, done_rx) = mpsc::channel(DONE_MAX);
        let inbox = Inbox::start(Arc::clone(&base.host), done.clone());
        #[expect(clippy::disallowed_methods, reason = "chance comes into the mesh here")]
        let rng = StdRng::from_rng(&mut rand::rng());
        let gone = std::mem::take(&mut *base.present.lock());
        let me = base.me;
        let mut driver = Self {
            identity,
            me,
            swarm,
            began: Instant::now(),
            rng,
            sync: Sync::new(me, limits.clone()),
            scores: Scores::new(limits.ban),
            dialer: Dialer::new(limits.backoff_first, limits.backoff_max),
            serials: Serials::default(),
            greeted,
            topics: Topics::new(known),
            links: HashMap::new(),
            nodes: BTreeMap::new(),
            certs: BTreeMap::new(),
            stats: BTreeMap::new(),
            blocked: BTreeSet::new(),
            dialing: HashMap::new(),
            requests: HashMap::new(),
            waiting: BTreeMap::new(),
            fetches: BTreeMap::new(),
            // After a failure of the task, nobody is here any more.
            notices: gone.into_iter().map(|(node, cert)| (node, cert, false)).collect(),
            noticing: false,
            asking_topics: false,
            asking_shares: false,
            ask_topics_again: false,
            serving: Arc::new(Semaphore::new(limits.serving)),
            asking: Arc::new(Semaphore::new(ASKING_MAX)),
            inbox,
            done,
            done_rx,
            ticks: 0,
            limits,
            base,
        };
        driver.ask_topics();
        driver.keep_wishes();
        driver.notice();
        Ok(driver)
    }

    /// Works until it is told to stop.
    pub(super) async fn run(
        mut self,
        commands: &mut mpsc::Receiver<Command>,
        mut stop: watch::Receiver<bool>,
    ) -> Ended {
        let base = Arc::clone(&self.base);
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = loop {
            tokio::select! {
                // An error means that the handle is gone, too.
                _ = stop.wait_for(|stop| *stop) => break Ended::Stopped,
                event = self.swarm.select_next_some() => self.happened(event),
                Some(done) = self.done_rx.recv() => self.done(done),
                command = commands.recv() => match command {
                    Some(command) => self.command(command),
                    None => break Ended::Stopped,
                },
                () = base.shared.wake.notified() => {
                    if base.take_renewal() {
                        break Ended::Renewed;
                    }
                    self.keep_wishes();
                }
                _ = ticks.tick() => self.tick(),
            }
            self.flush();
        };
        self.leave().await;
        ended
    }

    /// Says goodbye: the host hears that everybody is gone, whoever waits that nothing comes.
    async fn leave(&mut self) {
        let peers: Vec<PeerId> = self.links.keys().copied().collect();
        for peer in peers {
            let _ = self.swarm.disconnect_peer_id(peer); // it may be gone already
        }
        self.base.shared.status.lock().clear();
        // What the host is hearing just now comes first.
        while self.noticing {
            match self.done_rx.recv().await {
                Some(Done::Noticed) | None => self.noticing = false,
                Some(_) => {}
            }
        }
        let gone = std::mem::take(&mut *self.base.present.lock());
        let gone = gone.into_iter().map(|(node, cert)| (node, cert, false));
        for (node, cert, connected) in std::mem::take(&mut self.notices).into_iter().chain(gone) {
            ask(self.base.host.peer_changed(node, &cert, connected)).await;
        }
    }

    /// Milliseconds that only go forward.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// The answer of the host comes back as [`Done`].
    fn spawn(&self, work: impl Future<Output = Done> + Send + 'static) {
        let done = self.done.clone();
        tokio::spawn(async move {
            // The task is gone if this fails, and nobody waits for the answer.
            let _ = done.send(work.await).await;
        });
    }

    fn hello(&self) -> Box<Hello> {
        Box::new(Hello {
            versions: List::new(vec![VERSION]).unwrap_or_default(),
            features: List::<Text<32>, 32>::default(),
            cert: self.identity.cert.clone(),
            now_ms: self.base.host.now_ms(),
        })
    }

    fn tick(&mut self) {
        let now_ms = self.now_ms();
        self.sync.tick(now_ms, &mut self.rng);
        if let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() {
            for group in self.topics.publish_waiting(gossip, now_ms) {
                self.sync.changed(group, false, now_ms);
            }
        }
        self.send_late_away();
        self.dial_due();
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(STATUS_TICKS) {
            self.drop_abandoned();
            self.show();
        }
        if self.ticks.is_multiple_of(SHARE_TICKS) {
            self.ask_shares();
        }
    }

    /// Callers that have given up need no answer.
    fn drop_abandoned(&mut self) {
        for waiting in self.waiting.values_mut() {
            waiting.retain(|waiting| match waiting {
                Waiting::Call(_, answer) => !answer.is_closed(),
                Waiting::Fetch(_, answer) => !answer.is_closed(),
            });
        }
        self.waiting.retain(|_, waiting| !waiting.is_empty());
    }

    /// Does what the handle wants to be so.
    fn keep_wishes(&mut self) {
        let now_ms = self.now_ms();
        let (peers, blocked, groups_changed, untold, newer) = {
            let mut wishes = self.base.shared.wishes.lock();
            let groups_changed = std::mem::take(&mut wishes.groups_changed);
            let untold = std::mem::take(&mut wishes.untold);
            let newer = std::mem::take(&mut wishes.newer);
            (wishes.peers.clone(), wishes.blocked.clone(), groups_changed, untold, newer)
        };
        for (node, serial) in newer {
            self.end_older(node, serial);
        }
        for node in blocked.difference(&self.blocked).copied().collect::<Vec<_>>() {
            if let Some(peer) = self.serials.peer(&node) {
                // Disconnects as well.
                self.swarm.behaviour_mut().blocked.block_peer(peer);
            }
        }
        for node in self.blocked.difference(&blocked).copied().collect::<Vec<_>>() {
            if let Some(peer) = self.serials.peer(&node) {
                self.swarm.behaviour_mut().blocked.unblock_peer(peer);
            }
        }
        self.blocked = blocked;
        let wanted =
            peers.into_iter().filter(|peer| peer.node.is_none_or(|node| self.admits(&node)));
        let wanted: Vec<_> = wanted.map(|peer| (peer.address, peer.node)).collect();
        self.dialer.keep(&wanted, now_ms);
        if groups_changed {
            self.ask_topics();
            self.sync.groups_changed(now_ms);
        }
        for group in untold {
            self.sync.changed(group, false, now_ms);
        }
    }

    /// Whether a node may connect, as far as that is decided by who it is.
    fn admits(&self, node: &NodeId) -> bool {
        self.base.setup.policy.admits(node) && !self.blocked.contains(node)
    }

    fn ask_topics(&mut self) {
        if self.swarm.behaviour().gossip.as_ref().is_none() {
            return;
        }
        if std::mem::replace(&mut self.asking_topics, true) {
            self.ask_topics_again = true;
            return;
        }
        let host = Arc::clone(&self.base.host);
        self.spawn(async move { Done::Topics(ask(host.topics()).await.unwrap_or_default()) });
    }

    /// Tells the host of the next peer that came or went: one after the other keeps them in order.
    fn notice(&mut self) {
        if self.noticing {
            return;
        }
        let Some((node, cert, connected)) = self.notices.pop_front() else { return };
        self.noticing = true;
        let host = Arc::clone(&self.base.host);
        self.spawn(async move {
            ask(host.peer_changed(node, &cert, connected)).await;
            Done::Noticed
        });
    }

    fn stats(&mut self, node: NodeId) -> &mut Stats {
        let is_here = |node: &NodeId| self.nodes.contains_key(node);
        make_room(&mut self.stats, node, STATS_MAX, is_here);
        self.stats.entry(node).or_default()
    }

    /// Makes the status anew.
    fn show(&mut self) {
        let now_ms = self.now_ms();
        let wall_ms = self.base.host.now_ms();
        let wall = |at_ms: u64| wall_ms.saturating_add(at_ms).saturating_sub(now_ms);
        let mut all = Vec::new();
        let mut shown = BTreeSet::new();
        for (node, peer) in &self.nodes {
            let Some(link) = self.links.get(peer).filter(|link| link.ready().is_some()) else {
                continue;
            };
            let report = self.sync.report(node);
            let stats = self.stats.get(node).cloned().unwrap_or_default();
            shown.insert(*node);
            all.push(PeerStatus {
                node: Some(*node),
                addresses: link.addresses.iter().map(Multiaddr::to_string).collect(),
                connected: true,
                since_ms: link.since_ms,
                synced_ms_ago: report.synced_at.map(|at| now_ms.saturating_sub(at)),
                bytes_in: stats.bytes_in,
                bytes_out: stats.bytes_out,
                entries_by_gossip: stats.by_gossip,
                entries_by_fetch: stats.by_fetch.saturating_add(report.entries),
                held_back: self.sync.held_back(node),
                failures: report.failures,
                next_attempt_ms: None,
                trouble: None,
                clock_ahead_ms: link.clock_ahead_ms,
                score: self.scores.score(node, now_ms),
                lag: report.lag,
            });
        }
        for (address, target) in self.dialer.targets() {
            if target.node.is_some_and(|node| shown.contains(&node)) {
                continue;
            }
            let stats = target.node.and_then(|node| self.stats.get(&node)).cloned();
            let stats = stats.unwrap_or_default();
            all.push(PeerStatus {
                node: target.node,
                addresses: vec![address.clone()],
                connected: false,
                since_ms: stats.since_ms,
                synced_ms_ago: None,
                bytes_in: stats.bytes_in,
                bytes_out: stats.bytes_out,
                entries_by_gossip: stats.by_gossip,
                entries_by_fetch: stats.by_fetch,
                held_back: target.node.map_or(0, |node| self.sync.held_back(&node)),
                failures: target.failures,
                next_attempt_ms: target.next_ms.map(wall),
                trouble: target.trouble,
                clock_ahead_ms: None,
                score: target.node.map_or(0.0, |node| self.scores.score(&node, now_ms)),
                lag: Vec::new(),
            });
        }
        *self.base.shared.status.lock() = all;
    }
}

/// Listens where the setup says, and waits until it is known where that is.
async fn listen(base: &Base, swarm: &mut Swarm<Behaviour>) -> Result<(), StartError> {
    let failed = |address: &Multiaddr, reason: String| StartError::Listen {
        address: address.to_string(),
        reason,
    };
    let wanted = base.listening.lock().clone();
    let mut pending = HashMap::new();
    for address in &wanted {
        let id =
            swarm.listen_on(address.clone()).map_err(|error| failed(address, error.to_string()))?;
        pending.insert(id, address.clone());
    }
    let mut bound: Vec<Multiaddr> = Vec::new();
    let waits = tokio::time::timeout(LISTEN_WITHIN, async {
        use libp2p::swarm::SwarmEvent;
        while !pending.is_empty() {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { listener_id, address } => {
                    if let Some(asked) = pending.remove(&listener_id) {
                        bound.push(with_port_of(asked, &address));
                    }
                }
                SwarmEvent::ListenerError { listener_id, error } => {
                    if let Some(address) = pending.get(&listener_id) {
                        return Err(failed(address, error.to_string()));
                    }
                }
                SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
                    if let Some(address) = pending.get(&listener_id) {
                        let reason = reason.err().map_or("closed".to_owned(), |e| e.to_string());
                        return Err(failed(address, reason));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    });
    waits.await.unwrap_or_else(|_| Err(StartError::Network("no listener is ready".to_owned())))?;
    *base.listening.lock() = bound;
    show_addresses(base, swarm);
    Ok(())
}

/// The address that was asked for, with the port that it got.
fn with_port_of(asked: Multiaddr, got: &Multiaddr) -> Multiaddr {
    let port = got.iter().find_map(|part| match part {
        Protocol::Tcp(port) | Protocol::Udp(port) => Some(port),
        _ => None,
    });
    asked
        .iter()
        .map(|part| match (part, port) {
            (Protocol::Tcp(0), Some(port)) => Protocol::Tcp(port),
            (Protocol::Udp(0), Some(port)) => Protocol::Udp(port),
            (part, _) => part,
        })
        .collect()
}

/// Shows where the node is reached.
fn show_addresses(base: &Base, swarm: &Swarm<Behaviour>) {
    let me = *swarm.local_peer_id();
    let addresses = swarm
        .listeners()
        .map(|address| address.clone().with_p2p(me).unwrap_or_else(|address| address).to_string());
    *base.shared.addresses.lock() = addresses.collect();
}
