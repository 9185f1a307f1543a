//! A peer that keeps to nothing: any bytes as frames, any Hello.

use std::io;
use std::time::Duration;

use futures_util::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::request_response::{self, Codec, Message, ProtocolSupport, ResponseChannel};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, StreamProtocol, Swarm, identity, noise, tcp, yamux};
use mesh::frames::{PROTOCOL, Request, Response};

use super::host::WITHIN;

/// What goes over a stream, with its length.
#[derive(Clone, Copy, Default)]
pub struct Bytes;

async fn read<T: AsyncRead + Unpin + Send>(io: &mut T) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io.read_to_end(&mut bytes).await?;
    Ok(bytes)
}

async fn write<T: AsyncWrite + Unpin + Send>(io: &mut T, bytes: &[u8]) -> io::Result<()> {
    io.write_all(bytes).await?;
    io.close().await
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

pub fn framed(frame: &[u8]) -> Vec<u8> {
    [&(frame.len() as u32).to_be_bytes(), frame].concat()
}

pub struct Raw {
    swarm: Swarm<request_response::Behaviour<Bytes>>,
    /// The other end.
    pub peer: PeerId,
    /// What it answers when it is asked who it is.
    hello: Option<Vec<u8>>,
    /// Questions that are never answered.
    unanswered: Vec<ResponseChannel<Vec<u8>>>,
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The bytes behind the length.
    Answer(Vec<u8>),
    /// No answer, but the connection stands.
    Failed,
    /// The connection was closed.
    Closed,
}

impl Raw {
    /// Connects with this key; `hello` is what it answers a Hello with.
    pub async fn connect(op: &keys::NodeIdentity, address: &str, hello: Option<Response>) -> Self {
        let mut seed = *op.seed();
        let keypair = identity::Keypair::ed25519_from_bytes(&mut seed).unwrap();
        let protocols = [(StreamProtocol::new(PROTOCOL), ProtocolSupport::Full)];
        let mut swarm = libp2p::SwarmBuilder::with_existing_identity(keypair)
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(|_| {
                request_response::Behaviour::new(protocols, request_response::Config::default())
            })
            .unwrap()
            .with_swarm_config(|config| config.with_idle_connection_timeout(WITHIN))
            .build();
        swarm.dial(address.parse::<Multiaddr>().unwrap()).unwrap();
        let peer = loop {
            match tokio::time::timeout(WITHIN, swarm.select_next_some()).await.unwrap() {
                SwarmEvent::ConnectionEstablished { peer_id, .. } => break peer_id,
                SwarmEvent::OutgoingConnectionError { error, .. } => panic!("{error}"),
                _ => {}
            }
        };
        let hello = hello.map(|hello| framed(&hello.encode()));
        Self { swarm, peer, hello, unanswered: Vec::new() }
    }

    pub async fn ask(&mut self, request: &Request) -> Outcome {
        self.send(framed(&request.encode())).await
    }

    /// Sends these bytes as a request.
    pub async fn send(&mut self, bytes: Vec<u8>) -> Outcome {
        let peer = self.peer;
        let id = self.swarm.behaviour_mut().send_request(&peer, bytes);
        self.run(Some(id)).await
    }

    /// Waits until the connection is closed.
    pub async fn closed(&mut self) {
        assert_eq!(self.run(None).await, Outcome::Closed);
    }

    async fn run(&mut self, id: Option<request_response::OutboundRequestId>) -> Outcome {
        let until = tokio::time::timeout(WITHIN, async {
            use request_response::Event;
            loop {
                let event = match self.swarm.select_next_some().await {
                    SwarmEvent::Behaviour(event) => event,
                    SwarmEvent::ConnectionClosed { .. } => return Outcome::Closed,
                    _ => continue,
                };
                match event {
                    Event::Message {
                        message: Message::Request { request, channel, .. }, ..
                    } => {
                        let request = Request::decode(&request[4..]).unwrap();
                        let answer = match request {
                            Request::Hello(_) => self.hello.clone(),
                            _ => Some(framed(&Response::Done.encode())),
                        };
                        match answer {
                            Some(answer) => {
                                let _ = self.swarm.behaviour_mut().send_response(channel, answer);
                            }
                            None => self.unanswered.push(channel),
                        }
                    }
                    Event::Message {
                        message: Message::Response { request_id, response }, ..
                    } if Some(request_id) == id => {
                        return Outcome::Answer(response.get(4..).unwrap_or_default().to_vec());
                    }
                    Event::OutboundFailure { request_id, .. } if Some(request_id) == id => {
                        if self.swarm.is_connected(&self.peer) {
                            return Outcome::Failed;
                        }
                        return Outcome::Closed;
                    }
                    _ => {}
                }
            }
        });
        until.await.expect("an outcome in time")
    }

    /// Asks until it is not told to come back: both sides have to know each other first.
    pub async fn ask_in_time(&mut self, request: &Request) -> Response {
        let asks = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                let Outcome::Answer(answer) = self.ask(request).await else { panic!() };
                match Response::decode(&answer).unwrap() {
                    Response::Busy { .. } => {}
                    response => return response,
                }
            }
        });
        asks.await.unwrap()
    }
}
