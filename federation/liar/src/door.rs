//! A node that others dial: it listens, and answers each of them as it likes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::StreamExt as _;
use glog::NodeId;
use libp2p::request_response::{self, Message};
use libp2p::swarm::SwarmEvent;
use libp2p::{PeerId, Swarm};
use mesh::frames::{Request, Response};
use tokio::sync::mpsc;

use crate::peer::{Behaviour, BehaviourEvent, Keys, build, framed};

/// Nothing is waited for longer.
const WITHIN: Duration = Duration::from_secs(30);
/// Frames that wait for the task.
const COMMANDS_MAX: usize = 256;

/// Answers a node that has said who it is.
pub trait Serves: Send + Sync + 'static {
    /// The answer; `None`: never any.
    fn answer(&self, from: NodeId, request: Request) -> Option<Response>;
}

/// Where it listens.
pub struct Door {
    commands: mpsc::Sender<(NodeId, Vec<u8>)>,
    /// A multiaddress.
    pub address: String,
}

impl Door {
    /// Listens on loopback.
    ///
    /// # Errors
    /// Where that is not to be had.
    pub async fn open(keys: &Keys, serves: Arc<dyn Serves>) -> anyhow::Result<Self> {
        let mut swarm = build(&keys.op)?;
        swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
        let listens = tokio::time::timeout(WITHIN, async {
            loop {
                if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                    break address;
                }
            }
        });
        let address = listens.await.context("it does not listen")?.to_string();
        let (commands, commands_rx) = mpsc::channel(COMMANDS_MAX);
        let hello = Response::Hello(keys.hello());
        let greeting = Request::Hello(keys.hello());
        let task = Task { swarm, serves, hello, greeting, nodes: BTreeMap::new() };
        tokio::spawn(task.run(commands_rx));
        Ok(Self { commands, address })
    }

    /// Sends a request to a node, if it is connected. Its answer is not looked at.
    pub async fn send(&self, to: NodeId, request: &Request) {
        let _ = self.commands.send((to, framed(&request.encode()))).await; // ends with the process
    }
}

struct Task {
    swarm: Swarm<Behaviour>,
    serves: Arc<dyn Serves>,
    hello: Response,
    greeting: Request,
    /// Who has said who it is.
    nodes: BTreeMap<PeerId, NodeId>,
}

impl Task {
    async fn run(mut self, mut commands: mpsc::Receiver<(NodeId, Vec<u8>)>) {
        loop {
            tokio::select! {
                command = commands.recv() => {
                    let Some((to, frame)) = command else { return };
                    let peers = self.nodes.iter().filter(|(_, node)| **node == to);
                    let peer = peers.map(|(peer, _)| *peer).next();
                    let requests = &mut self.swarm.behaviour_mut().requests;
                    peer.map(|peer| requests.send_request(&peer, frame));
                }
                event = self.swarm.select_next_some() => match event {
                    SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                        let greeting = framed(&self.greeting.encode());
                        self.swarm.behaviour_mut().requests.send_request(&peer_id, greeting);
                    }
                    SwarmEvent::Behaviour(BehaviourEvent::Requests(event)) => self.happened(event),
                    _ => {}
                },
            }
        }
    }

    fn happened(&mut self, event: request_response::Event<Vec<u8>, Vec<u8>>) {
        let request_response::Event::Message {
            peer,
            message: Message::Request { request, channel, .. },
            ..
        } = event
        else {
            return;
        };
        let answer = match Request::decode(request.get(4..).unwrap_or_default()) {
            Ok(Request::Hello(hello)) => {
                self.nodes.insert(peer, hello.cert.node());
                Some(self.hello.encode())
            }
            Ok(request) => self.nodes.get(&peer).and_then(|from| {
                self.serves.answer(*from, request).map(|response| response.encode())
            }),
            Err(_) => None,
        };
        if let Some(answer) = answer {
            let requests = &mut self.swarm.behaviour_mut().requests;
            let _ = requests.send_response(channel, framed(&answer));
        }
    }
}
