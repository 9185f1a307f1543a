//! Deliveries of a bridged channel's posts to many servers, beside a plain loop of signed requests, and
//! beside the same where some of the servers fail.

mod inboxes;
mod signed;
mod stage;

use std::io::BufReader;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use keys::http_signature::{HttpSigningKey, HttpVerifyKey};
use rookery_load::{Member, clock};
use serde_json::{Value, json};
use tl::functions as f;
use tl::{enums, types};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConnection, StreamOwned};

use super::{Gate, Row, StoreStats, Target, median, process, rng};
use inboxes::{Failure, Inboxes, person, text};
use stage::Authority;

pub(crate) use stage::enter;

/// At least so much of what the loop does.
const RATIO_MIN: f64 = 0.7;
/// Servers that fail may not delay the others by more.
const DELAYED_MAX: f64 = 2.0;

/// How the node is known.
const HOST: &str = "rookery.test";
const NAME: &str = "harbour_news";
/// Ways in which servers fail: of ten, three by each of the first two.
const FAILURES: [Failure; 4] = [Failure::Refuses, Failure::Silent, Failure::Hole, Failure::Slow];

/// Servers that follow side by side.
const FOLLOWING: usize = 8;
/// What takes longer has been lost.
const LOST: Duration = Duration::from_secs(120);
/// How often it is asked whether the node has given up on who fails.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// How much is done.
struct Size {
    /// Servers that always answer.
    live: usize,
    /// Those that fail, in each pair others.
    dead: usize,
    pairs: usize,
    /// Rounds of deliveries beside the loop, and posts of each.
    rounds: usize,
    posts: u64,
}

/// Deliveries, beside a loop, and to servers of which some fail.
pub(crate) fn rows(short: bool) -> anyhow::Result<Vec<Row>> {
    let size = match short {
        true => Size { live: 96, dead: 4, pairs: 1, rounds: 2, posts: 5 },
        false => Size { live: 990, dead: 10, pairs: 5, rounds: 5, posts: 3 },
    };
    let mut scene = Scene::new(&size)?;
    let mut rows = scene.beside_a_loop(&size)?;
    rows.push(scene.beside_failures(&size)?);
    Ok(rows)
}

/// A node with a channel that everybody follows.
struct Scene {
    authority: Authority,
    key: HttpSigningKey,
    inboxes: Inboxes,
    target: Target,
    owner: Member,
    peer: enums::InputPeer,
    number: u64,
}

impl Scene {
    fn new(size: &Size) -> anyhow::Result<Self> {
        let authority = Authority::new()?;
        let key = HttpSigningKey::generate(&mut rng())?;
        let inboxes = Inboxes::start(&authority, &key, size.live, size.dead * size.pairs)?;
        let target = Target::start_with(&format!(
            "[http]\npublic_url = 'https://{HOST}'\n\
             [activitypub]\nhost = '{HOST}'\nallow_ips = ['127.0.0.0/8']\nca_file = {:?}\n",
            authority.file()
        ))?;
        let mut owner = target.member(&mut rng())?;
        let peer = channel(&mut owner)?;
        let on = target.ask(&json!({ "do": "bridge", "bridge": "on", "channel": NAME }))?;
        let actor = on["actor"].as_str().context("an actor")?.to_owned();
        let mut scene = Self { authority, key, inboxes, target, owner, peer, number: 0 };
        let (status, document) = scene.get(&actor)?;
        ensure!(status == 200, "the channel's actor: {status}");
        let document: Value = serde_json::from_slice(&document)?;
        let pem = document["publicKey"]["publicKeyPem"].as_str().context("a key")?;
        scene.inboxes.verify(HttpVerifyKey::from_pem(pem)?);
        scene.follow(&actor)?;
        // Once for nothing: connections to all of them, and everything that comes is verified.
        scene.publish(1)?;
        scene.inboxes.believe();
        Ok(scene)
    }

    fn get(&self, address: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        let request = format!(
            "GET {} HTTP/1.1\r\nhost: {HOST}\r\naccept: {}\r\n\r\n",
            path(address)?,
            signed::MEDIA_TYPE
        );
        signed::ask(&mut BufReader::new(TcpStream::connect(self.http()?)?), request.as_bytes())
    }

    fn http(&self) -> anyhow::Result<SocketAddr> {
        self.target.http.context("where browsers reach it")
    }

    /// Somebody of each server follows the channel, and is told that they do.
    fn follow(&self, actor: &str) -> anyhow::Result<()> {
        let (http, key) = (self.http()?, &self.key);
        let inbox = format!("{}/inbox", path(actor)?);
        let all: Vec<&str> = self.inboxes.all().collect();
        let some = |names: &[&str]| -> anyhow::Result<()> {
            let mut stream = BufReader::new(TcpStream::connect(http)?);
            for name in names {
                let by = person(name);
                let follow = json!({
                    "@context": "https://www.w3.org/ns/activitystreams", "type": "Follow",
                    "id": format!("{by}/follow"), "actor": by, "object": actor,
                });
                let key_id = format!("{by}#main-key");
                let body = follow.to_string();
                let request =
                    signed::post(HOST, &inbox, &key_id, key, body.as_bytes(), &mut rng())?;
                let (status, _) = signed::ask(&mut stream, &request)?;
                ensure!(status == 202, "{name} cannot follow: {status}");
            }
            Ok(())
        };
        thread::scope(|scope| {
            let parts = all.chunks(all.len().div_ceil(FOLLOWING));
            let following: Vec<_> = parts.map(|part| scope.spawn(|| some(part))).collect();
            following.into_iter().try_for_each(joined)
        })?;
        self.inboxes.wait_accepted(LOST)
    }

    /// Says something in the channel; the node has it then.
    fn say(&mut self) -> anyhow::Result<()> {
        self.number += 1;
        let send = f::messages::SendMessage {
            peer: self.peer.clone(),
            message: text(self.number),
            random_id: self.number as i64,
            ..f::messages::SendMessage::default()
        };
        self.owner.client.invoke(&send, tl::LAYER_MAX, &mut rng())?;
        self.owner.client.acknowledge(&mut rng())?;
        Ok(())
    }

    /// Says so much, and waits until all servers have it. How long that took.
    fn publish(&mut self, posts: u64) -> anyhow::Result<Duration> {
        let all = self.inboxes.all().count() as u64;
        let before = self.inboxes.posts();
        let begin = clock::now();
        for _ in 0..posts {
            self.say()?;
        }
        self.inboxes.wait_posts(before + posts * all, LOST)?;
        Ok(clock::now() - begin)
    }

    /// CPU, bytes and syncs of a delivery.
    fn beside_a_loop(&mut self, size: &Size) -> anyhow::Result<Vec<Row>> {
        let mut floor = Floor::new(&self.authority, &self.inboxes)?;
        let all = self.inboxes.all().count();
        let deliveries = size.posts as f64 * all as f64;
        let (mut pairs, mut costs) = (Vec::new(), Vec::new());
        for _ in 0..size.rounds {
            let cost = self.cost(size.posts, deliveries)?;
            let body = self.inboxes.body()?;
            let spent = floor.cost(&self.key, body, size.posts)?;
            pairs.push((1e6 / cost.cpu_us, deliveries / spent.as_secs_f64()));
            costs.push(cost);
        }
        let middle = |of: &dyn Fn(&Cost) -> f64| {
            let mut values: Vec<f64> = costs.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            median(&values)
        };
        let body = self.inboxes.body()?.len();
        let disk = middle(&|cost| cost.disk_bytes);
        let note = format!(
            "{all} servers, {} posts at once, over connections that stay; floor: {} threads that \
             sign and post the same {body} bytes to the same servers over TLS, with the same RSA; a \
             delivery: {:.0} us, keys {:.2}, fdatasyncs {:.4}, bytes to disk {disk:.0} ({:.2} times \
             the activity); {:.0} deliveries/s, the servers on the same cores; each came once, in \
             order, the first ones verified",
            size.posts,
            floor.threads,
            middle(&|cost| cost.cpu_us),
            middle(&|cost| cost.keys),
            middle(&|cost| cost.syncs),
            disk / body as f64,
            middle(&|cost| cost.per_second),
        );
        Ok(vec![Row::of_pairs(
            "deliveries of a channel's posts to other servers",
            "per CPU second",
            &pairs,
            deliveries as usize,
            Gate::RatioAtLeast(RATIO_MIN),
            note,
        )])
    }

    fn cost(&mut self, posts: u64, deliveries: f64) -> anyhow::Result<Cost> {
        let pid = self.target.pid;
        process::settle(pid)?;
        let store = self.target.store_stats().context("what the store counted")?;
        // Keys work on threads that may end.
        let (disk, cpu) = (process::written(pid)?, process::cpu_ever(pid)?);
        let took = self.publish(posts)?;
        process::settle(pid)?;
        let after = self.target.store_stats().context("what the store counted")?;
        let each = |of: fn(&StoreStats) -> u64| (of(&after) - of(&store)) as f64 / deliveries;
        Ok(Cost {
            cpu_us: (process::cpu_ever(pid)? - cpu).as_secs_f64() * 1e6 / deliveries,
            disk_bytes: process::written(pid)?.saturating_sub(disk) as f64 / deliveries,
            keys: each(|stats| stats.keys),
            syncs: each(|stats| stats.syncs),
            per_second: deliveries / took.as_secs_f64(),
        })
    }

    /// Time until all that live have a post, while others have begun to fail.
    fn beside_failures(&mut self, size: &Size) -> anyhow::Result<Row> {
        let mut pairs = Vec::new();
        for pair in 0..size.pairs {
            process::settle(self.target.pid)?;
            let quiet = self.time_to_all()?;
            process::settle(self.target.pid)?;
            let failing: Vec<usize> = (pair * size.dead..(pair + 1) * size.dead).collect();
            for at in &failing {
                self.inboxes.fail(*at, FAILURES[at % size.dead % FAILURES.len()])?;
            }
            let beside = self.time_to_all()?;
            pairs.push((beside.as_secs_f64() * 1e3, quiet.as_secs_f64() * 1e3));
            if pair + 1 < size.pairs {
                self.given_up(&failing)?;
            }
            failing.iter().try_for_each(|at| self.inboxes.revive(*at))?;
        }
        let late = if size.pairs > 1 { self.all_is_there()? } else { "" };
        Ok(Row::of_pairs(
            format!(
                "time until {} of {} servers have a post, {} fail",
                size.live,
                size.live + size.dead,
                size.dead
            ),
            "ms",
            &pairs,
            size.live,
            Gate::RatioAtMost(DELAYED_MAX),
            format!(
                "those that fail do so since their last post, in four ways: nobody listens, no \
                 answer, packets are dropped, an answer after 20 s; in each pair others, whose \
                 turn is first; floor: the same servers while none fails{late}"
            ),
        ))
    }

    fn time_to_all(&mut self) -> anyhow::Result<Duration> {
        self.inboxes.await_post(self.number + 1);
        let begin = clock::now();
        self.say()?;
        Ok(self.inboxes.wait_post(LOST)? - begin)
    }

    /// Waits until the node has given up on servers for now, or they have taken all.
    fn given_up(&self, failing: &[usize]) -> anyhow::Result<()> {
        let names: Vec<&str> = failing.iter().map(|at| self.inboxes.mortal(*at)).collect();
        let end = clock::now() + LOST;
        while clock::now() < end {
            let queue = self.target.ask(&json!({ "do": "bridge", "bridge": "queue" }))?;
            let mut lagging = queue.as_array().context("a list")?.iter();
            if !lagging
                .any(|one| one["fails"] == 0 && names.iter().any(|name| one["host"] == *name))
            {
                return Ok(());
            }
            thread::sleep(ASK_EVERY);
        }
        anyhow::bail!("the node waits for servers that fail")
    }

    /// Waits until those that came back have what they missed.
    fn all_is_there(&self) -> anyhow::Result<&'static str> {
        let end = clock::now() + LOST;
        while clock::now() < end {
            if self.inboxes.last().iter().all(|last| *last == self.number) {
                return Ok("; those that came back had all of it within two minutes, in order");
            }
            thread::sleep(ASK_EVERY);
        }
        anyhow::bail!("servers that came back do not have what they missed")
    }
}

/// What one round costs for each delivery.
struct Cost {
    cpu_us: f64,
    disk_bytes: f64,
    keys: f64,
    syncs: f64,
    per_second: f64,
}

/// The path of one of the node's addresses.
fn path(address: &str) -> anyhow::Result<&str> {
    address.strip_prefix("https://").and_then(|rest| rest.strip_prefix(HOST)).context("an address")
}

fn joined<T>(one: thread::ScopedJoinHandle<'_, anyhow::Result<T>>) -> anyhow::Result<T> {
    one.join().map_err(|_| anyhow::anyhow!("a thread ended"))?
}

/// A public channel.
fn channel(owner: &mut Member) -> anyhow::Result<enums::InputPeer> {
    let rng = &mut rng();
    let create = f::channels::CreateChannel {
        broadcast: true,
        title: "Harbour news".into(),
        ..f::channels::CreateChannel::default()
    };
    let made = owner.client.invoke(&create, tl::LAYER_MAX, rng)?;
    let enums::Updates::Updates(made) = made else { anyhow::bail!("no updates") };
    let (channel_id, access_hash) = super::channel::shown(&made.chats)?;
    let channel: enums::InputChannel = types::InputChannel { channel_id, access_hash }.into();
    let username = f::channels::UpdateUsername { channel, username: NAME.to_owned() };
    owner.client.invoke(&username, tl::LAYER_MAX, rng)?;
    owner.client.acknowledge(rng)?;
    Ok(types::InputPeerChannel { channel_id, access_hash }.into())
}

type Stream = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// Threads that sign and post, one request after the other.
struct Floor {
    threads: usize,
    /// A connection to each server, which stays.
    streams: Vec<(String, Stream)>,
}

impl Floor {
    fn new(authority: &Authority, inboxes: &Inboxes) -> anyhow::Result<Self> {
        let threads = thread::available_parallelism().map_or(2, usize::from);
        let mut streams = Vec::new();
        for (at, name) in inboxes.all().enumerate() {
            let to = ServerName::try_from(name.to_owned())?;
            let tls = ClientConnection::new(authority.client.clone(), to)?;
            let tcp = TcpStream::connect(inboxes.address(at))?;
            tcp.set_nodelay(true)?;
            streams.push((name.to_owned(), BufReader::new(StreamOwned::new(tls, tcp))));
        }
        let mut this = Self { threads, streams };
        // Once for nothing: the handshakes.
        this.cost(&HttpSigningKey::generate(&mut rng())?, b"{}", 1)?;
        Ok(this)
    }

    /// CPU of all threads for so many requests to each server.
    fn cost(&mut self, key: &HttpSigningKey, body: &[u8], each: u64) -> anyhow::Result<Duration> {
        let key_id = format!("https://{HOST}/loop#main-key");
        let some = |streams: &mut [(String, Stream)]| -> anyhow::Result<Duration> {
            let (rng, begin) = (&mut rng(), process::own_cpu()?);
            for _ in 0..each {
                for (name, stream) in &mut *streams {
                    let request = signed::post(name, "/loop", &key_id, key, body, rng)?;
                    let (status, _) = signed::ask(stream, &request)?;
                    ensure!(status == 202, "{name}: {status}");
                }
            }
            Ok(process::own_cpu()? - begin)
        };
        let share = self.streams.len().div_ceil(self.threads);
        thread::scope(|scope| {
            let parts = self.streams.chunks_mut(share);
            let looping: Vec<_> = parts.map(|part| scope.spawn(|| some(part))).collect();
            looping.into_iter().map(joined).sum()
        })
    }
}
