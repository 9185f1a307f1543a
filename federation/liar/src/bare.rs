//! Gossip and nothing else: three swarms of one process, with the settings that nodes have. What nodes
//! are held against.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use futures_util::StreamExt as _;
use keys::{NodeIdentity, VerifyKey};
use libp2p::gossipsub::{self, IdentTopic, MessageAcceptance, MessageAuthenticity};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, Swarm, noise, tcp, yamux};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// Swarms.
const NODES: usize = 3;
/// What is gossiped: a number, filling, a signature.
const PAYLOAD_BYTES: usize = 300;
const SIGNATURE_BYTES: usize = 64;
/// Messages of one swarm that are on their way when as many as possible go.
const WINDOW: usize = 64;
/// Gossip may lose what it is given; then there is no figure.
const LOST_AFTER: Duration = Duration::from_secs(20);
/// Messages that wait for a swarm, and arrivals that wait to be counted.
const WAITING_MAX: usize = 16_384;

struct Heard {
    number: u64,
    at: Instant,
}

/// Three swarms, each connected with the others.
pub struct Bare {
    runtime: Runtime,
    ways: Vec<mpsc::Sender<u64>>,
    heard: mpsc::Receiver<Heard>,
    next: u64,
}

impl Bare {
    /// Connects them, and waits until each hears the others.
    ///
    /// # Errors
    /// Where loopback is not to be had.
    pub fn new() -> anyhow::Result<Self> {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (heard_tx, heard) = mpsc::channel(WAITING_MAX);
        let ways = runtime.block_on(gather(&heard_tx))?;
        let mut bare = Self { runtime, ways, heard, next: 0 };
        bare.warm()?;
        Ok(bare)
    }

    /// What is gossiped before the swarms have found each other is lost.
    fn warm(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + LOST_AFTER;
        let mut whole = 0;
        while whole < NODES {
            ensure!(Instant::now() < end, "the swarms do not find each other");
            let number = self.next;
            self.next += 1;
            let way = self.ways.get(number as usize % NODES).context("a swarm")?.clone();
            let heard = &mut self.heard;
            let all = self.runtime.block_on(async move {
                way.send(number).await?;
                let mut hearers = 0;
                while hearers < NODES - 1 {
                    match tokio::time::timeout(Duration::from_millis(200), heard.recv()).await {
                        Ok(Some(one)) if one.number == number => hearers += 1,
                        Ok(Some(_)) => {}
                        _ => return anyhow::Ok(false),
                    }
                }
                Ok(true)
            })?;
            whole = if all { whole + 1 } else { 0 };
        }
        Ok(())
    }

    /// So many messages, of each swarm in turn, when they are due; microseconds from then until one of
    /// the others has verified it, sorted.
    ///
    /// # Errors
    /// Where one is lost.
    pub fn offer(&mut self, count: u64, per_second: u32) -> anyhow::Result<Vec<f64>> {
        let begin = Instant::now() + Duration::from_millis(100);
        let first = self.next;
        self.next += count;
        let due = move |number: u64| {
            begin + Duration::from_secs(1) * (number - first) as u32 / per_second
        };
        let (ways, heard) = (&self.ways, &mut self.heard);
        self.runtime.block_on(async {
            let says = async {
                for number in first..first + count {
                    tokio::time::sleep_until(due(number).into()).await; // an open loop
                    let way = ways.get(number as usize % NODES).context("a swarm")?;
                    way.send(number).await?;
                }
                anyhow::Ok(())
            };
            let hears = async {
                let mut took = Vec::new();
                while took.len() < count as usize * (NODES - 1) {
                    let one = next(heard).await?;
                    if one.number >= first {
                        let late = one.at.saturating_duration_since(due(one.number));
                        took.push(late.as_secs_f64() * 1e6);
                    }
                }
                anyhow::Ok(took)
            };
            let ((), mut took) = tokio::try_join!(says, hears)?;
            took.sort_by(f64::total_cmp);
            Ok(took)
        })
    }

    /// So many messages as fast as they go; how many a second came to all.
    ///
    /// # Errors
    /// Where one is lost.
    pub fn burst(&mut self, count: u64) -> anyhow::Result<f64> {
        let (first, begin) = (self.next, Instant::now());
        self.next += count;
        let (ways, heard) = (&self.ways, &mut self.heard);
        self.runtime.block_on(async {
            let mut flying = [0; NODES];
            let mut next_of: Vec<u64> = (first..).take(NODES).collect();
            let mut hearers = vec![0; count as usize];
            let mut whole = 0;
            while whole < count {
                for ((way, flying), number) in ways.iter().zip(&mut flying).zip(&mut next_of) {
                    while *flying < WINDOW && *number < first + count {
                        way.send(*number).await?;
                        *number += NODES as u64;
                        *flying += 1;
                    }
                }
                let one = next(heard).await?;
                let Some(at) = one.number.checked_sub(first) else { continue };
                let Some(heard) = hearers.get_mut(at as usize) else { continue };
                *heard += 1;
                if *heard == NODES - 1 {
                    whole += 1;
                    if let Some(flying) = flying.get_mut(at as usize % NODES) {
                        *flying -= 1;
                    }
                }
            }
            Ok(count as f64 / begin.elapsed().as_secs_f64())
        })
    }
}

async fn next(heard: &mut mpsc::Receiver<Heard>) -> anyhow::Result<Heard> {
    let heard = tokio::time::timeout(LOST_AFTER, heard.recv()).await;
    heard.context("gossip has lost a message")?.context("a swarm has ended")
}

async fn gather(heard: &mpsc::Sender<Heard>) -> anyhow::Result<Vec<mpsc::Sender<u64>>> {
    let key = NodeIdentity::generate(&mut rand::rng());
    let mut ways = Vec::new();
    let mut known: Vec<Multiaddr> = Vec::new();
    for _ in 0..NODES {
        let mut swarm = build()?;
        swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
        let address = loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                break address;
            }
        };
        for address in &known {
            swarm.dial(address.clone())?;
        }
        known.push(address);
        let (way, numbers) = mpsc::channel(WAITING_MAX);
        let key = NodeIdentity::from_seed(&key.seed());
        tokio::spawn(run(swarm, numbers, heard.clone(), key));
        ways.push(way);
    }
    Ok(ways)
}

/// As `mesh` sets it, for three peers.
fn build() -> anyhow::Result<Swarm<gossipsub::Behaviour>> {
    let mut gossip =
        gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, mesh::gossip_settings(3)?)
            .map_err(|error| anyhow::anyhow!(error))?;
    gossip.subscribe(&topic())?;
    Ok(libp2p::SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
        .with_behaviour(|_| gossip)?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(600)))
        .build())
}

fn topic() -> IdentTopic {
    IdentTopic::new("bare")
}

fn payload(number: u64, key: &NodeIdentity) -> Vec<u8> {
    let mut said = number.to_be_bytes().to_vec();
    said.resize(PAYLOAD_BYTES - SIGNATURE_BYTES, 7);
    let signature = key.sign(&said);
    said.extend_from_slice(&signature);
    said
}

fn verified(payload: &[u8], key: VerifyKey) -> Option<u64> {
    let (said, signature) = payload.split_last_chunk::<SIGNATURE_BYTES>()?;
    key.verify_strict(said, signature).ok()?;
    said.first_chunk().map(|number| u64::from_be_bytes(*number))
}

async fn run(
    mut swarm: Swarm<gossipsub::Behaviour>,
    mut numbers: mpsc::Receiver<u64>,
    heard: mpsc::Sender<Heard>,
    key: NodeIdentity,
) {
    let result: anyhow::Result<()> = async {
        loop {
            tokio::select! {
                number = numbers.recv() => {
                    let Some(number) = number else { return Ok(()) };
                    // Nobody may be subscribed yet.
                    let _ = swarm.behaviour_mut().publish(topic(), payload(number, &key));
                }
                event = swarm.select_next_some() => {
                    let SwarmEvent::Behaviour(gossipsub::Event::Message {
                        propagation_source: from, message_id, message,
                    }) = event else { continue };
                    let Some(number) = verified(&message.data, key.public()) else {
                        bail!("not signed");
                    };
                    let gossip = swarm.behaviour_mut();
                    gossip.report_message_validation_result(
                        &message_id, &from, MessageAcceptance::Accept,
                    );
                    heard.send(Heard { number, at: Instant::now() }).await?;
                }
            }
        }
    }
    .await;
    drop(result); // whoever waits is told that a swarm has ended, or that something was lost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gossiped_comes_to_both_others() {
        let mut bare = Bare::new().unwrap();
        let took = bare.offer(60, 200).unwrap();
        assert_eq!(took.len(), 120);
        assert!(took.iter().all(|us| *us > 0.0));
        assert!(bare.burst(300).unwrap() > 0.0);
    }

    #[test]
    fn what_is_not_signed_is_not_heard() {
        let key = NodeIdentity::generate(&mut rand::rng());
        let mut said = payload(5, &key);
        assert_eq!(verified(&said, key.public()), Some(5));
        said[9] ^= 1;
        assert_eq!(verified(&said, key.public()), None);
    }
}
