//! What the liar does, one thing for each process.

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use glog::body::{Action, ControlBody, Info, Setting};
use glog::cbor::{Blob, List, Text};
use glog::{Author, EntryRef, GroupId, Hash16, LaneEnd, NodeId, UserRef};
use mesh::frames::{
    Digest, ENTRIES_MAX, EntryBytes, HeadsFrame, PAGE_BYTES_MAX, Request, Response, tag,
};
use mesh::{Call, Heads, LaneName, Reply};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::copy::{self, Copy, author};
use crate::files::{self, Files};
use crate::much;
use crate::peer::{Answers, Keys, Outcome, Peer, Polite, framed};

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// It keeps to everything: what the others are held against.
    Honest,
    /// Entries of other nodes, and of the home's chain, that it signs itself.
    Forge,
    /// All that was ever said, again and again.
    Replay,
    /// Entries without the first one, until it is told to give that; then one that names what is not.
    Withhold,
    /// Thousands of such, and never the first one.
    Hoard,
    /// Pages with an entry left out.
    Holes,
    /// Pages with entries of another lane.
    WrongPages,
    /// Heads with numbers that nobody could have written.
    Heads,
    /// Two entries for one place, one to each node.
    Equivocate,
    /// Entries that cite what was in force before its people were banned.
    Backdate,
    /// As much of everything as there is room for.
    Flood,
    /// A file of somebody else as its own, and other bytes for it.
    Chunks,
    /// All kinds of questions, thousands of groups and topics, streams that are left open.
    Much,
    /// Frames that are too long, that are none, that are not the only encoding.
    Garbage,
}

impl Lie {
    const ALL: [(&str, Self); 14] = [
        ("honest", Self::Honest),
        ("forge", Self::Forge),
        ("replay", Self::Replay),
        ("withhold", Self::Withhold),
        ("hoard", Self::Hoard),
        ("holes", Self::Holes),
        ("wrong-pages", Self::WrongPages),
        ("heads", Self::Heads),
        ("equivocate", Self::Equivocate),
        ("backdate", Self::Backdate),
        ("flood", Self::Flood),
        ("chunks", Self::Chunks),
        ("much", Self::Much),
        ("garbage", Self::Garbage),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, lie)| *lie)
    }
}

/// Entries of a hoard: more than an honest node lets wait.
const HOARD: usize = 5_000;
/// How long it floods.
const FLOOD_FOR: Duration = Duration::from_secs(20);
/// Pushes that are on their way to one node while it floods.
const FLOOD_AT_ONCE: usize = 48;

/// Orders as JSON: `lie`, the `group`'s name, and the addresses of its `home` and of an `other` member.
///
/// It says on standard output when it is ready, does its work when it reads a line, says what became of
/// it, and answers the nodes until its standard input ends.
///
/// # Errors
/// Where even a liar does not get on.
pub fn run(orders: &str) -> anyhow::Result<()> {
    let orders: Value = serde_json::from_str(orders)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(play(&orders))
}

pub(crate) fn tell(what: Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    // The test that it runs in may have begun a line.
    writeln!(out, "\n{what}")?;
    Ok(out.flush()?)
}

/// Waits until it is told to go on; whether it is.
pub(crate) async fn told() -> anyhow::Result<bool> {
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)
    });
    Ok(read.await?? > 0)
}

async fn play(orders: &Value) -> anyhow::Result<()> {
    let text = |key: &str| orders[key].as_str().with_context(|| format!("no {key}"));
    if text("lie")? == "home" {
        return crate::home::play(orders).await;
    }
    let lie = Lie::named(text("lie")?).context("an unknown lie")?;
    let (home, other) = (text("home")?, text("other")?);
    if lie == Lie::Garbage {
        tell(json!({ "liar": "ready" }))?;
        told().await?;
        tell(json!({ "liar": "done", "report": garbage(&[home, other]).await? }))?;
        return Ok(());
    }
    let liar = Liar::enter(home, other, text("group")?, lie).await?;
    tell(json!({ "liar": "ready", "node": liar.keys.node().to_string() }))?;
    while told().await? {
        let report = liar.act().await?;
        tell(json!({ "liar": "done", "report": report }))?;
    }
    Ok(())
}

/// What the liar serves.
struct Served {
    copy: Mutex<Copy>,
    me: NodeId,
    lie: Lie,
    /// How often it has acted.
    acts: Mutex<u32>,
    files: Files,
}

impl Served {
    fn heads(&self) -> Option<Heads> {
        let copy = self.copy.lock();
        let chain = copy.replica.chain();
        let mut lanes = copy.heads();
        if self.lie == Lie::Heads {
            for head in &mut lanes {
                head.seq = 1 << 40;
                head.hash = Hash16([9; 16]);
            }
            let node = glog::Node16([0xee; 16]);
            lanes.push(EntryRef { node, inc: 0, seq: 1 << 40, hash: Hash16([8; 16]) });
            lanes.sort_unstable();
        }
        let mut control = chain.cite()?;
        if self.lie == Lie::Heads {
            (control.seq, control.hash) = (1 << 40, Hash16([7; 16]));
        }
        let term = chain.state().generation.term;
        Some(Heads { control, term, lanes, public: true, ends: false })
    }

    fn page(&self, lane: LaneName, from: u64, to: u64) -> Vec<Vec<u8>> {
        let copy = self.copy.lock();
        let to = to.min(from.saturating_add(256));
        let LaneName::Data { node, .. } = lane else {
            let chain = copy.control.iter().skip(usize::try_from(from).unwrap_or(usize::MAX));
            return chain.take((to - from) as usize).cloned().collect();
        };
        let mut page = copy.lane(node, from, to);
        match self.lie {
            Lie::Withhold if *self.acts.lock() < 2 && node == self.me.short() && from == 0 => {
                page.clear();
            }
            Lie::Hoard if node == self.me.short() && from == 0 => page.clear(),
            Lie::Holes if page.len() > 2 => drop(page.remove(1)),
            Lie::WrongPages => {
                page = copy
                    .stored
                    .iter()
                    .filter(|(at, _)| at.node != node)
                    .map(|e| e.1.clone())
                    .collect();
                page.truncate((to - from) as usize);
            }
            _ => {}
        }
        page
    }
}

impl Answers for Served {
    fn answer(&self, request: Request) -> Option<Vec<u8>> {
        let mine = self.copy.lock().group;
        let response = match request {
            Request::Heads { group } if group == mine => {
                self.heads().and_then(|heads| HeadsFrame::new(heads).ok()).map(Response::Heads)
            }
            Request::Fetch { group, lane, from, to, .. } if group == mine => {
                let page = mesh::frames::page(self.page(lane, from, to), PAGE_BYTES_MAX);
                Some(Response::Entries(page))
            }
            Request::ByName { names, .. } => {
                let copy = self.copy.lock();
                let found = names.iter().filter_map(|at| copy.stored.get(at).cloned()).collect();
                Some(Response::Entries(mesh::frames::page(found, PAGE_BYTES_MAX)))
            }
            Request::Certs { .. } => Some(Response::Certs(List::default())),
            Request::Digests(_) | Request::Push { .. } => Some(Response::Done),
            // It is sent away for its lies, and not for being unable to talk.
            Request::Call(call) => {
                let reply = self.files.answer(&call).filter(|_| self.lie == Lie::Chunks);
                Some(Response::Reply(Box::new(reply.unwrap_or(Reply::NotFound))))
            }
            _ => Some(Response::Absent),
        };
        Some(framed(&response?.encode()))
    }
}

/// A liar among the members of a group.
struct Liar {
    keys: Keys,
    group: GroupId,
    home: Peer,
    other: Peer,
    /// Whom the two connections are with, and where.
    nodes: [NodeId; 2],
    addresses: [String; 2],
    served: Arc<Served>,
}

impl Liar {
    async fn enter(home: &str, other: &str, name: &str, lie: Lie) -> anyhow::Result<Self> {
        let keys = Keys::generate();
        let me = keys.node();
        // As a member that has nothing to say yet.
        let at_home = Peer::connect(&keys, home, Arc::new(Polite)).await?;
        let group = copy::find(&at_home, name).await?;
        copy::join(&at_home, &keys, group).await?;
        let copy = Copy::fetch(&at_home, me, group).await?;
        let served = Arc::new(Served {
            copy: Mutex::new(copy),
            me,
            lie,
            acts: Mutex::default(),
            files: Files::default(),
        });
        drop(at_home);
        let addresses = [home, other].map(str::to_owned);
        let home = Self::connect(&keys, home, &served).await?;
        let other = Self::connect(&keys, other, &served).await?;
        let nodes = [home.node, other.node];
        Ok(Self { keys, group, home, other, nodes, addresses, served })
    }

    /// A node may be ending the connection before still.
    async fn connect(keys: &Keys, address: &str, served: &Arc<Served>) -> anyhow::Result<Peer> {
        let mut last = None;
        for _ in 0..10 {
            match Peer::connect(keys, address, served.clone()).await {
                Ok(peer) => return Ok(peer),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("never tried")?)
    }

    fn peers(&self) -> [&Peer; 2] {
        [&self.home, &self.other]
    }

    /// Pushes once, as a node does: who is told that there is no room tells what it has instead.
    async fn push(&self, peer: &Peer, entries: &[Vec<u8>]) {
        for request in pushes(self.group, entries) {
            peer.send(framed(&request.encode())).await;
        }
    }

    async fn push_all(&self, entries: &[Vec<u8>]) {
        for peer in self.peers() {
            self.push(peer, entries).await;
        }
    }

    /// Tells both that it has something else than they.
    async fn differ(&self) {
        let digest: [u8; 32] = rand::random();
        for (peer, node) in self.peers().into_iter().zip(self.nodes) {
            let tag = tag(&self.group, &self.keys.node(), &node);
            let digests = List::new(vec![Digest { tag, digest }]).unwrap_or_default();
            peer.ask(&Request::Digests(digests)).await;
        }
    }

    fn says(&self, words: impl IntoIterator<Item = String>) -> anyhow::Result<Vec<Vec<u8>>> {
        let mut copy = self.served.copy.lock();
        words.into_iter().map(|words| copy.say(&self.keys, &words)).collect()
    }

    async fn act(&self) -> anyhow::Result<Value> {
        let turn = {
            let mut acts = self.served.acts.lock();
            *acts += 1;
            *acts
        };
        match self.served.lie {
            Lie::Honest => {
                let said = self.says(["a word of honour".to_owned()])?;
                self.push_all(&said).await;
                Ok(json!({}))
            }
            Lie::Forge => self.forge().await,
            Lie::Replay => self.replay().await,
            Lie::Withhold if turn == 1 => {
                let said = self.says((0..12).map(|n| format!("withheld {n}")))?;
                self.push_all(said.get(1..).unwrap_or_default()).await;
                self.differ().await;
                Ok(json!({}))
            }
            Lie::Withhold => self.give().await,
            Lie::Hoard => {
                let said = self.says((0..HOARD).map(|n| format!("hoarded {n}")))?;
                self.push_all(said.get(1..).unwrap_or_default()).await;
                Ok(json!({ "entries": said.len() }))
            }
            Lie::Holes | Lie::WrongPages => {
                self.says((0..6).map(|n| format!("in pages {n}")))?;
                self.differ().await;
                let closed = [self.home.closes().await, self.other.closes().await];
                Ok(json!({ "closed": closed }))
            }
            Lie::Heads => {
                self.differ().await;
                Ok(json!({}))
            }
            Lie::Equivocate => self.equivocate().await,
            Lie::Backdate => {
                let said = self.says((0..3).map(|n| format!("backdated {n}")))?;
                self.push_all(&said).await;
                for entry in said {
                    self.home.gossip(self.group, entry.clone()).await;
                    self.other.gossip(self.group, entry).await;
                }
                self.differ().await;
                Ok(json!({}))
            }
            Lie::Flood => self.flood().await,
            Lie::Chunks => self.show(turn).await,
            Lie::Much => {
                let stranger = Keys::generate();
                let [home, other] = &self.addresses;
                let at_home = Peer::connect(&stranger, home, Arc::new(Polite)).await?;
                let at_other = Peer::connect(&stranger, other, Arc::new(Polite)).await?;
                let strangers = [&at_home, &at_other];
                Ok(much::give(&self.keys, self.peers(), strangers, self.group).await)
            }
            Lie::Garbage => bail!("needs no group"),
        }
    }

    /// Shows somebody's file, then one that nobody has, and says what it was asked.
    async fn show(&self, turn: u32) -> anyhow::Result<Value> {
        let told = self.served.files.told();
        let said = {
            // It has not heard what was said since it came.
            let copy = Copy::fetch(&self.home, self.keys.node(), self.group).await?;
            let mut mine = self.served.copy.lock();
            for bytes in copy.stored.values() {
                mine.keep(bytes)?;
            }
            match (turn, self.served.files.first()) {
                (1, _) => vec![
                    files::join(&mut mine, &self.keys)?,
                    files::show(&mut mine, &self.keys, "the chart of mine", None)?,
                ],
                (2, Some(blob)) => {
                    let nobodys = Some((blob, rand::random()));
                    vec![files::show(&mut mine, &self.keys, "a chart of nobody", nobodys)?]
                }
                _ => return Ok(told),
            }
        };
        self.push_all(&said).await;
        Ok(told)
    }

    async fn forge(&self) -> anyhow::Result<Value> {
        let forged = {
            let copy = self.served.copy.lock();
            let mut forged = Vec::new();
            // Who signs is not who it says.
            for node in self.nodes {
                let author = Author { node, serial: 1, key: &self.keys.op };
                let end = copy.end(node.short());
                for n in 0..3 {
                    forged.push(copy.write(author, end, Vec::new(), 1, &format!("forged {n}"))?);
                }
            }
            let chain = copy.replica.chain();
            let state = chain.state();
            let as_home = Author { node: state.home, serial: 1, key: &self.keys.op };
            let title = Setting::Title(Text::new("Forged").unwrap_or_default());
            let info = Info { setting: title, cut: None, epoch: None };
            let body = ControlBody::bare(Action::Info(info));
            let owner: UserRef = state.owner;
            let by = Some(owner);
            let rng = &mut rand::rng();
            let entry = glog::write_control(chain, as_home, by, &body, copy::now_ms(), rng)?;
            forged.push(entry.encode());
            // What somebody did say, with a byte changed.
            if let Some((_, said)) =
                copy.stored.iter().find(|(at, _)| at.node != self.served.me.short())
            {
                let mut said = said.clone();
                if let Some(byte) = said.last_mut() {
                    *byte ^= 1;
                }
                forged.push(said);
            }
            forged
        };
        for peer in self.peers() {
            for entry in &forged {
                peer.gossip(self.group, entry.clone()).await;
            }
            for entry in &forged {
                if peer.is_closed() {
                    break;
                }
                let Some(push) = pushes(self.group, std::slice::from_ref(entry)).pop() else {
                    continue;
                };
                peer.send(framed(&push.encode())).await;
            }
        }
        let closed = [self.home.closes().await, self.other.closes().await];
        let mut back = Vec::new();
        for address in &self.addresses {
            back.push(Peer::connect(&self.keys, address, Arc::new(Polite)).await.is_ok());
        }
        Ok(json!({ "entries": forged.len(), "closed": closed, "back": back }))
    }

    async fn replay(&self) -> anyhow::Result<Value> {
        let (mut all, control) = {
            let copy = self.served.copy.lock();
            (copy.stored.values().cloned().collect::<Vec<_>>(), copy.control.clone())
        };
        all.extend(control);
        for round in 0..20 {
            self.push_all(&all).await;
            for entry in all.iter().skip(round) {
                self.home.gossip(self.group, entry.clone()).await;
            }
            all.reverse();
        }
        Ok(json!({ "entries": all.len() * 40 }))
    }

    /// Gives what it withheld, and then names an entry that is not.
    async fn give(&self) -> anyhow::Result<Value> {
        let me = self.served.me.short();
        let first = self.served.copy.lock().lane(me, 0, 1);
        self.push_all(&first).await;
        let late = {
            let mut copy = self.served.copy.lock();
            let home = self.nodes[0].short();
            let nothing = EntryRef { node: home, inc: 0, seq: 1 << 30, hash: Hash16([3; 16]) };
            let end = copy.end(me);
            let late = copy.write(author(&self.keys), end, vec![nothing], 7, "named nothing")?;
            copy.keep(&late)?;
            late
        };
        self.push_all(&[late]).await;
        Ok(json!({}))
    }

    async fn equivocate(&self) -> anyhow::Result<Value> {
        let me = self.served.me.short();
        let end = self.served.copy.lock().end(me);
        let branch = |words: &str| -> anyhow::Result<Vec<Vec<u8>>> {
            let mut copy = self.served.copy.lock();
            let mut end = end;
            let mut said = Vec::new();
            for n in 0..3 {
                let bytes =
                    copy.write(author(&self.keys), end, Vec::new(), 7, &format!("{words} {n}"))?;
                let at = copy.keep(&bytes)?;
                let entry = glog::Entry::decode(&bytes)?;
                end = LaneEnd { inc: 0, last: Some((at.seq, entry.id())) };
                said.push(bytes);
            }
            Ok(said)
        };
        let (left, right) = (branch("left")?, branch("right")?);
        self.push(&self.home, &left).await;
        self.push(&self.other, &right).await;
        Ok(json!({}))
    }

    async fn flood(&self) -> anyhow::Result<Value> {
        let until = Instant::now() + FLOOD_FOR;
        let pushed = std::sync::atomic::AtomicU64::new(0);
        let refused = std::sync::atomic::AtomicU64::new(0);
        let count = |counter: &std::sync::atomic::AtomicU64, n: u64| {
            counter.fetch_add(n, std::sync::atomic::Ordering::Relaxed);
        };
        let say = || self.says((0..64).map(|_| "flood ".repeat(8)));
        let said = async {
            while Instant::now() < until && !(self.home.is_closed() && self.other.is_closed()) {
                let said = say()?;
                let frames: Vec<Vec<u8>> =
                    pushes(self.group, &said).iter().map(|r| framed(&r.encode())).collect();
                for frame in frames {
                    for peer in self.peers() {
                        let outcome = peer.send(frame.clone()).await;
                        count(if is_done(&outcome) { &pushed } else { &refused }, 1);
                    }
                }
            }
            anyhow::Ok(())
        };
        // What nobody wants: other groups, tags, questions, all at once.
        let some = say()?;
        let noise = self.peers().map(|peer| async {
            while Instant::now() < until && !peer.is_closed() {
                let frames = (0..FLOOD_AT_ONCE).map(|n| noise_frame(n, &some));
                let all = frames.map(|frame| peer.send(frame));
                let outcomes = futures_util::future::join_all(all).await;
                let done = outcomes.iter().filter(|outcome| is_done(outcome)).count() as u64;
                count(&pushed, done);
                count(&refused, outcomes.len() as u64 - done);
            }
        });
        let [at_home, at_other] = noise;
        let (said, (), ()) = tokio::join!(said, at_home, at_other);
        said?;
        let read = |counter: &std::sync::atomic::AtomicU64| {
            counter.load(std::sync::atomic::Ordering::Relaxed)
        };
        let entries = self.served.copy.lock().lane(self.served.me.short(), 0, u64::MAX).len();
        Ok(json!({ "answered": read(&pushed), "put off": read(&refused), "entries": entries,
            "closed": [self.home.is_closed(), self.other.is_closed()] }))
    }
}

fn is_done(outcome: &Outcome) -> bool {
    let Outcome::Answer(answer) = outcome else { return false };
    !matches!(Response::decode(answer), Ok(Response::Busy { .. }))
}

/// A request that costs whoever takes it seriously.
fn noise_frame(n: usize, said: &[Vec<u8>]) -> Vec<u8> {
    let group = GroupId(rand::random());
    let request = match n % 4 {
        // A megabyte of entries that are sound, for a group that nobody wants.
        0 => {
            let entries = said.iter().cycle().take(2_500).cloned();
            let entries = entries.filter_map(|entry| EntryBytes::new(entry).ok()).collect();
            Request::Push { group, further: true, entries: List::new(entries).unwrap_or_default() }
        }
        1 => {
            let digests = (0..2_000).map(|_| Digest { tag: rand::random(), digest: [1; 32] });
            Request::Digests(List::new(digests.collect()).unwrap_or_default())
        }
        2 => {
            let name = Text::new(format!("nobody{n}").as_str()).unwrap_or_default();
            Request::Call(Box::new(Call::Resolve { name }))
        }
        _ => {
            let evidence = Blob::new(vec![0x82; 60_000]).unwrap_or_default();
            Request::Call(Box::new(Call::Ask { evidence }))
        }
    };
    framed(&request.encode())
}

/// Entries as requests that a node takes.
pub(crate) fn pushes(group: GroupId, entries: &[Vec<u8>]) -> Vec<Request> {
    let mut requests = Vec::new();
    let mut page: Vec<EntryBytes> = Vec::new();
    let mut bytes = 0;
    let push = |page: &mut Vec<EntryBytes>| {
        let entries = List::new(std::mem::take(page)).unwrap_or_default();
        Request::Push { group, further: false, entries }
    };
    for entry in entries {
        if bytes + entry.len() > PAGE_BYTES_MAX || page.len() >= ENTRIES_MAX {
            requests.push(push(&mut page));
            bytes = 0;
        }
        bytes += entry.len();
        page.extend(EntryBytes::new(entry.clone()).ok());
    }
    if !page.is_empty() {
        requests.push(push(&mut page));
    }
    requests
}

/// Sends each node frames that are none, each by a peer of its own: is it sent away, and after the
/// second time not let in any more?
async fn garbage(nodes: &[&str]) -> anyhow::Result<Value> {
    let heads = Request::Heads { group: GroupId([1; 32]) }.encode();
    let mut longer = vec![0x82, 0x18, 0x02]; // 2, as two bytes
    longer.extend(heads.get(2..).unwrap_or_default());
    let nonsense: [Vec<u8>; 5] = [
        [&[0xff; 4][..], &[0; 1024]].concat(),
        framed(&vec![0; mesh::FRAME_BYTES_MAX + 1]),
        framed(b"no CBOR"),
        framed(&longer),
        framed(heads.get(..heads.len() - 1).unwrap_or_default()),
    ];
    let (mut away, mut kept_away) = (0, 0);
    for node in nodes {
        for bytes in &nonsense {
            let keys = Keys::generate();
            for _ in 0..2 {
                let peer = Peer::connect(&keys, node, Arc::new(Polite)).await?;
                peer.send(bytes.clone()).await;
                away += u32::from(peer.closes().await);
            }
            let again = Peer::connect(&keys, node, Arc::new(Polite)).await;
            kept_away += u32::from(again.is_err());
        }
    }
    Ok(json!({ "frames": nonsense.len() * nodes.len() * 2, "away": away, "kept_away": kept_away }))
}
