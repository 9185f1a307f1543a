//! One connection with a node: any bytes as requests and as answers, any bytes as gossip.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use glog::cbor::{List, Text};
use glog::{CertBody, GroupId, NodeCert, NodeId};
use keys::NodeIdentity;
use keys::sealed::BoxSecret;
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity, ValidationMode};
use libp2p::request_response::{self, Codec, Message, OutboundRequestId, ProtocolSupport};
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, identity, noise, tcp, yamux};
use mesh::Reply;
use mesh::frames::{Hello, PROTOCOL, Request, Response, VERSION};
use tokio::sync::{mpsc, oneshot, watch};

/// Nothing is waited for longer.
const WITHIN: Duration = Duration::from_secs(30);
/// Requests that wait for the task.
const COMMANDS_MAX: usize = 256;
/// The longest frame that is read from a node.
const READ_BYTES_MAX: u64 = 8 << 20;

/// A node's keys.
pub struct Keys {
    /// Names the node.
    pub root: NodeIdentity,
    /// Signs.
    pub op: NodeIdentity,
    /// What vouches for it.
    pub cert: NodeCert,
}

impl Keys {
    /// Of a new node.
    pub fn generate() -> Self {
        let mut rng = rand::rng();
        let root = NodeIdentity::generate(&mut rng);
        let op = NodeIdentity::generate(&mut rng);
        let body = CertBody {
            root: *root.public().as_bytes(),
            op: *op.public().as_bytes(),
            x25519: *BoxSecret::generate(&mut rng).public().as_bytes(),
            serial: 1,
            not_before_ms: 0,
            domain: Text::new("liar.example").unwrap_or_default(),
            addresses: List::default(),
        };
        let cert = NodeCert::sign(body, &root);
        Self { root, op, cert }
    }

    /// Its name.
    pub fn node(&self) -> NodeId {
        self.cert.node()
    }

    /// The same once more.
    pub(crate) fn twin(&self) -> Self {
        let of = |key: &NodeIdentity| NodeIdentity::from_seed(&key.seed());
        Self { root: of(&self.root), op: of(&self.op), cert: self.cert.clone() }
    }

    pub(crate) fn hello(&self) -> Box<Hello> {
        let versions = List::new(vec![VERSION]).unwrap_or_default();
        let (features, now_ms) = (List::default(), crate::copy::now_ms());
        Box::new(Hello { versions, features, cert: self.cert.clone(), now_ms })
    }
}

/// Answers what a node asks, with whole frames: any bytes.
pub trait Answers: Send + Sync + 'static {
    /// The answer; `None`: never any.
    fn answer(&self, request: Request) -> Option<Vec<u8>>;
}

/// Says of everything that it was heard, or is not here.
pub struct Polite;

impl Answers for Polite {
    fn answer(&self, request: Request) -> Option<Vec<u8>> {
        let response = match request {
            Request::Digests(_) | Request::Push { .. } => Response::Done,
            Request::Call(_) => Response::Reply(Box::new(Reply::NotFound)),
            _ => Response::Absent,
        };
        Some(framed(&response.encode()))
    }
}

/// A frame as it travels: its length, and it.
pub fn framed(frame: &[u8]) -> Vec<u8> {
    let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), frame].concat()
}

/// What goes over a stream.
#[derive(Clone, Copy, Default)]
pub(crate) struct Bytes;

async fn read<T: AsyncRead + Unpin + Send>(io: &mut T) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io.take(READ_BYTES_MAX).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

async fn write<T: AsyncWrite + Unpin + Send>(io: &mut T, bytes: &[u8]) -> io::Result<()> {
    io.write_all(bytes).await?;
    if is_begun(bytes) {
        io.flush().await?;
        std::future::pending::<()>().await; // left open, until the request is given up
    }
    io.close().await
}

/// Whether more is to come, by the length that it begins with: such a stream is not closed.
fn is_begun(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk() else { return false };
    let length = u32::from_be_bytes(*length) as usize;
    rest.len() < length && length <= mesh::FRAME_BYTES_MAX
}

impl Codec for Bytes {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        read(io).await
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        read(io).await
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        write(io, &bytes).await
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        write(io, &bytes).await
    }
}

#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) requests: request_response::Behaviour<Bytes>,
    pub(crate) gossip: gossipsub::Behaviour,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The bytes behind the length.
    Answer(Vec<u8>),
    /// No answer.
    Failed,
}

enum Command {
    Send(Vec<u8>, oneshot::Sender<Outcome>),
    Gossip(GroupId, Vec<u8>),
    Topics(usize),
}

/// A connection.
pub struct Peer {
    commands: mpsc::Sender<Command>,
    closed: watch::Receiver<bool>,
    /// Who is at the other end.
    pub node: NodeId,
    /// Bytes of what the node answered.
    pub bytes_in: Arc<AtomicU64>,
}

impl Peer {
    /// Connects, and waits until both know each other.
    ///
    /// # Errors
    /// Where the node is not reached, or does not let it in.
    pub async fn connect(
        keys: &Keys,
        address: &str,
        answers: Arc<dyn Answers>,
    ) -> anyhow::Result<Self> {
        let mut swarm = build(&keys.op)?;
        swarm.dial(address.parse::<Multiaddr>()?)?;
        let peer = tokio::time::timeout(WITHIN, async {
            loop {
                match swarm.select_next_some().await {
                    SwarmEvent::ConnectionEstablished { peer_id, .. } => break Ok(peer_id),
                    SwarmEvent::OutgoingConnectionError { error, .. } => break Err(error),
                    _ => {}
                }
            }
        });
        let peer = peer.await.context("no connection in time")??;
        let (commands, commands_rx) = mpsc::channel(COMMANDS_MAX);
        let (closed_tx, closed) = watch::channel(false);
        let bytes_in = Arc::new(AtomicU64::new(0));
        let hello = framed(&Response::Hello(keys.hello()).encode());
        let task = Task { swarm, peer, answers, hello, bytes_in: Arc::clone(&bytes_in) };
        tokio::spawn(task.run(commands_rx, closed_tx));
        let mut made = Self { commands, closed, node: NodeId::default(), bytes_in };
        match made.ask(&Request::Hello(keys.hello())).await {
            Some(Response::Hello(hello)) => made.node = hello.cert.node(),
            other => bail!("not let in: {other:?}"),
        }
        // The node has to hear who this is, too: until then it says so.
        let probe = Request::Heads { group: GroupId([1; 32]) };
        match made.ask(&probe).await {
            Some(Response::Absent) => Ok(made),
            other => bail!("not heard: {other:?}"),
        }
    }

    /// Sends any bytes as a request.
    pub async fn send(&self, bytes: Vec<u8>) -> Outcome {
        let (answer, answered) = oneshot::channel();
        if self.commands.send(Command::Send(bytes, answer)).await.is_err() {
            return Outcome::Failed;
        }
        match tokio::time::timeout(WITHIN, answered).await {
            Ok(Ok(outcome)) => outcome,
            _ => Outcome::Failed,
        }
    }

    /// Asks, and again when it is told to come back; `None` where no answer came.
    pub async fn ask(&self, request: &Request) -> Option<Response> {
        let bytes = framed(&request.encode());
        let asks = async {
            loop {
                let Outcome::Answer(answer) = self.send(bytes.clone()).await else { return None };
                match Response::decode(&answer).ok()? {
                    Response::Busy { retry_ms } => {
                        let wait = Duration::from_millis(u64::from(retry_ms.clamp(10, 1000)));
                        tokio::time::sleep(wait).await; // the node says when to come again
                    }
                    response => return Some(response),
                }
            }
        };
        tokio::time::timeout(WITHIN, asks).await.ok().flatten()
    }

    /// Gossips any bytes to the topic of a group.
    pub async fn gossip(&self, group: GroupId, bytes: Vec<u8>) {
        // It is gone where the node has closed the connection.
        let _ = self.commands.send(Command::Gossip(group, bytes)).await;
    }

    /// Subscribes to so many topics of groups that nobody has.
    pub async fn topics(&self, count: usize) {
        // It is gone where the node has closed the connection.
        let _ = self.commands.send(Command::Topics(count)).await;
    }

    /// Whether the node has ended the connection.
    pub fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Waits until the node ends the connection; whether it did.
    pub async fn closes(&self) -> bool {
        let mut closed = self.closed.clone();
        let waits = tokio::time::timeout(WITHIN, closed.wait_for(|closed| *closed)).await;
        matches!(waits, Ok(Ok(_)))
    }
}

pub(crate) fn build(op: &NodeIdentity) -> anyhow::Result<Swarm<Behaviour>> {
    let mut seed = *op.seed();
    let keypair = identity::Keypair::ed25519_from_bytes(&mut seed)?;
    let protocols = [(StreamProtocol::new(PROTOCOL), ProtocolSupport::Full)];
    let gossip = gossipsub::ConfigBuilder::default()
        .heartbeat_interval(Duration::from_millis(500))
        .heartbeat_initial_delay(Duration::from_millis(100))
        .max_transmit_size(1 << 20)
        .validation_mode(ValidationMode::Anonymous)
        .build()?;
    let gossip = gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, gossip)
        .map_err(|error| anyhow::anyhow!(error))?;
    let streams = request_response::Config::default()
        .with_request_timeout(WITHIN)
        .with_max_concurrent_streams(512);
    let requests = request_response::Behaviour::new(protocols, streams);
    Ok(libp2p::SwarmBuilder::with_existing_identity(keypair)
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|_| Behaviour { requests, gossip })?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(600)))
        .build())
}

fn topic(group: &GroupId) -> IdentTopic {
    let hash = blake3::hash(&group.0);
    let name = hash.as_bytes().iter().take(16).map(|byte| format!("{byte:02x}"));
    IdentTopic::new(name.collect::<String>())
}

struct Task {
    swarm: Swarm<Behaviour>,
    peer: PeerId,
    answers: Arc<dyn Answers>,
    hello: Vec<u8>,
    bytes_in: Arc<AtomicU64>,
}

impl Task {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>, closed: watch::Sender<bool>) {
        let mut waiting = std::collections::HashMap::new();
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    None => return,
                    Some(Command::Send(bytes, answer)) => {
                        let requests = &mut self.swarm.behaviour_mut().requests;
                        waiting.insert(requests.send_request(&self.peer, bytes), answer);
                    }
                    Some(Command::Gossip(group, bytes)) => {
                        let topic = topic(&group);
                        let gossip = &mut self.swarm.behaviour_mut().gossip;
                        let _ = gossip.subscribe(&topic); // the second time does nothing
                        let _ = gossip.publish(topic, bytes); // as far as anybody hears it
                    }
                    Some(Command::Topics(count)) => {
                        let gossip = &mut self.swarm.behaviour_mut().gossip;
                        for _ in 0..count {
                            let _ = gossip.subscribe(&topic(&GroupId(rand::random())));
                        }
                    }
                },
                event = self.swarm.select_next_some() => match event {
                    SwarmEvent::Behaviour(BehaviourEvent::Requests(event)) => {
                        self.happened(event, &mut waiting);
                    }
                    SwarmEvent::ConnectionClosed { num_established: 0, .. } => {
                        let _ = closed.send(true);
                        return;
                    }
                    _ => {}
                },
            }
        }
    }

    fn happened(
        &mut self,
        event: request_response::Event<Vec<u8>, Vec<u8>>,
        waiting: &mut std::collections::HashMap<OutboundRequestId, oneshot::Sender<Outcome>>,
    ) {
        use request_response::Event;
        match event {
            Event::Message { message: Message::Request { request, channel, .. }, .. } => {
                let request = Request::decode(request.get(4..).unwrap_or_default());
                let answer = match request {
                    Ok(Request::Hello(_)) => Some(self.hello.clone()),
                    Ok(request) => self.answers.answer(request),
                    Err(_) => None,
                };
                if let Some(answer) = answer {
                    let _ = self.swarm.behaviour_mut().requests.send_response(channel, answer);
                }
            }
            Event::Message { message: Message::Response { request_id, response }, .. } => {
                self.bytes_in.fetch_add(response.len() as u64, Ordering::Relaxed);
                if let Some(answer) = waiting.remove(&request_id) {
                    let body = response.get(4..).unwrap_or_default().to_vec();
                    let _ = answer.send(Outcome::Answer(body));
                }
            }
            Event::OutboundFailure { request_id, .. } => {
                if let Some(answer) = waiting.remove(&request_id) {
                    let _ = answer.send(Outcome::Failed);
                }
            }
            _ => {}
        }
    }
}
