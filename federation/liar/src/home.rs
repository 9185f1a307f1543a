//! A home that cheats: the group is its own, and it writes the chain as it likes, for each node another
//! one.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use glog::body::{
    Action, AddNode, Ask, Ban, ControlBody, Cut, Demote, Genesis, GroupKind, Info, Join, Promote,
    Setting, TransferOwner,
};
use glog::cbor::{Blob, List, Text, decode, encode};
use glog::control::Verdict;
use glog::{
    AskId, Entry, GroupId, Lane, NodeId, PENDING_MAX, Replica, Rights, UserRef, write_genesis,
};
use keys::NodeIdentity;
use mesh::frames::{HeadsFrame, PAGE_BYTES_MAX, Request, Response, page};
use mesh::{Call, Heads, LaneName, Reply};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::copy::{self, Copy, Found, author};
use crate::door::{Door, Serves};
use crate::lies::{pushes, tell, told};
use crate::peer::{Keys, Peer, Polite};

/// Its own people: the owner, an admin, and somebody without any right.
const OWNER: u64 = 1;
const ADMIN: u64 = 2;
const NOBODY: u64 = 3;
/// What members may do, and not change the title.
const DEFAULTS: Rights = Rights(Rights::CLASSES.0 | Rights::REACT.0 | Rights::TAKE_PART.0);
/// For how long a node may follow the group.
const LEASE_MS: u64 = 86_400_000;

/// Plays a home, step by step: `void`, `fork`, `on`, `on`, … Orders have the group's `name`, and as
/// `recovery` the secret half of the key that recovers it, in hex; without it the key is its own. `reader` is
/// the address of a node that it learns from what was said.
///
/// # Errors
/// Where even a liar does not get on.
pub async fn play(orders: &Value) -> anyhow::Result<()> {
    let name = orders["group"].as_str().context("no name")?;
    let recovery = match orders["recovery"].as_str() {
        Some(hex) => NodeIdentity::from_seed(&seed(hex)?),
        None => NodeIdentity::generate(&mut rand::rng()),
    };
    let keys = Keys::generate();
    let served = Arc::new(Served::found(name, &keys, &recovery)?);
    let reader = orders["reader"].as_str().context("no node to read from")?.to_owned();
    let door = Door::open(&keys, served.clone()).await?;
    let home = Home { keys, served, door, reader };
    let group = home.served.branches.lock()[0].group.to_string();
    tell(json!({ "liar": "ready", "node": home.keys.node().to_string(), "group": group,
        "address": home.door.address }))?;
    let mut turn = 0;
    while told().await? {
        turn += 1;
        let report = match turn {
            1 => home.void().await?,
            2 => home.fork("Left", "Right").await?,
            _ => home.fork(&format!("Left {turn}"), &format!("Right {turn}")).await?,
        };
        tell(json!({ "liar": "done", "report": report }))?;
    }
    Ok(())
}

fn seed(hex: &str) -> anyhow::Result<[u8; 32]> {
    ensure!(hex.len() == 64, "not a key");
    let digits = hex.as_bytes().chunks(2).map(std::str::from_utf8);
    let bytes: Vec<u8> =
        digits.map(|two| Ok(u8::from_str_radix(two?, 16)?)).collect::<anyhow::Result<_>>()?;
    bytes.try_into().map_err(|_| anyhow::anyhow!("not a key"))
}

fn title(title: &str) -> Action {
    let setting = Setting::Title(Text::new(title).unwrap_or_default());
    Action::Info(Info { setting, cut: None, epoch: None })
}

/// What it serves.
struct Served {
    keys: Keys,
    name: String,
    /// One chain at first, and both as long: the first node that joins is told the one, others the other.
    branches: Mutex<[Copy; 2]>,
    /// In the order in which they have joined.
    joined: Mutex<Vec<NodeId>>,
}

impl Served {
    fn found(name: &str, keys: &Keys, recovery: &NodeIdentity) -> anyhow::Result<Self> {
        let own = keys.node();
        let owner = UserRef { node: own.short(), id: OWNER };
        let genesis = Genesis {
            kind: GroupKind::Supergroup,
            public: true,
            shows_history: true,
            owner,
            recovery: *recovery.public().as_bytes(),
            nonce: rand::random(),
            defaults: DEFAULTS,
            cert: keys.cert.clone(),
            epoch: None,
        };
        let body = ControlBody::bare(Action::Genesis(Box::new(genesis)));
        let (now_ms, rng) = (copy::now_ms(), &mut rand::rng());
        let genesis = write_genesis(author(keys), owner, &body, now_ms, rng)
            .map_err(|_| anyhow::anyhow!("too long"))?;
        let bytes = genesis.encode();
        let begin = || -> anyhow::Result<Copy> {
            let genesis = Entry::decode(&bytes)?;
            let group = GroupId(genesis.id().0);
            let replica = Replica::new(own, genesis, PENDING_MAX)?;
            let stored = Default::default();
            Ok(Copy { group, replica, stored, control: vec![bytes.clone()] })
        };
        let branches = Mutex::new([begin()?, begin()?]);
        let (keys, name) = (keys.twin(), name.to_owned());
        let served = Self { keys, name, branches, joined: Mutex::default() };
        let username = Setting::Username(Text::new(served.name.as_str()).ok());
        let named = Action::Info(Info { setting: username, cut: None, epoch: None });
        let admin = UserRef { node: own.short(), id: ADMIN };
        let rank = Text::default();
        let promote = Promote { user: admin, rights: Rights::ADMIN, rank, cut: None };
        for action in [title("Harbour talk"), named, Action::Promote(promote)] {
            let (_, verdict) = served.rule(Some(owner), ControlBody::bare(action))?;
            ensure!(verdict == Verdict::Applied, "{verdict:?}");
        }
        Ok(served)
    }

    /// The next entry of both chains, which are one still.
    fn rule(&self, by: Option<UserRef>, body: ControlBody) -> anyhow::Result<(Vec<u8>, Verdict)> {
        let mut branches = self.branches.lock();
        let [one, other] = &mut *branches;
        let bytes = one.rule(&self.keys, by, &body)?;
        other.keep_control(&bytes)?;
        let verdict = one.replica.chain().verdicts().last().context("a verdict")?;
        Ok((bytes, *verdict))
    }

    fn branch_of(&self, node: NodeId) -> usize {
        usize::from(self.joined.lock().first() != Some(&node))
    }

    fn call(&self, from: NodeId, call: Call) -> anyhow::Result<Reply> {
        let group = self.branches.lock()[0].group;
        Ok(match call {
            Call::Resolve { name } if *name == *self.name => {
                let found = encode(&Found { group: Some(group), person: None });
                Reply::Found(Blob::new(found).map_err(|_| anyhow::anyhow!("long"))?)
            }
            Call::Follow { group: which } if which == group => {
                Reply::Following { until_ms: copy::now_ms() + LEASE_MS }
            }
            Call::Join { join } => {
                let join: Join = decode(&join).map_err(|_| anyhow::anyhow!("no request"))?;
                let is_new = !self.joined.lock().contains(&from);
                if is_new {
                    let add = AddNode { cert: join.cert, first_inc: 0, epoch: None };
                    self.rule(None, ControlBody::bare(Action::AddNode(Box::new(add))))?;
                    self.joined.lock().push(from);
                }
                let head = self.branches.lock()[0].replica.chain().cite();
                Reply::Joined { head: head.context("a chain")? }
            }
            _ => Reply::NotFound,
        })
    }
}

impl Serves for Served {
    fn answer(&self, from: NodeId, request: Request) -> Option<Response> {
        if let Request::Call(call) = request {
            let reply = self.call(from, *call).unwrap_or(Reply::NotFound);
            return Some(Response::Reply(Box::new(reply)));
        }
        let branch = self.branch_of(from);
        let mut branches = self.branches.lock();
        let mine = branches[branch].group;
        Some(match request {
            Request::Heads { group } if group == mine => {
                let copy = &branches[branch];
                let chain = copy.replica.chain();
                let (control, term) = (chain.cite()?, chain.state().generation.term);
                let heads = Heads { control, term, lanes: copy.heads(), public: true, ends: false };
                HeadsFrame::new(heads).map_or(Response::Absent, Response::Heads)
            }
            Request::Fetch { group, lane, from, to, .. } if group == mine => {
                let copy = &branches[branch];
                let found = match lane {
                    LaneName::Control => {
                        let (from, to) = (from as usize, to as usize);
                        let chain = copy.control.iter().skip(from);
                        chain.take(to.saturating_sub(from)).cloned().collect()
                    }
                    LaneName::Data { node, .. } => copy.lane(node, from, to),
                };
                Response::Entries(page(found, PAGE_BYTES_MAX))
            }
            Request::ByName { group, names } if group == mine => {
                let stored = &branches[branch].stored;
                let found = names.iter().filter_map(|at| stored.get(at).cloned()).collect();
                Response::Entries(page(found, PAGE_BYTES_MAX))
            }
            Request::Certs { .. } => Response::Certs(List::default()),
            Request::Push { group, entries, .. } if group == mine => {
                for entry in entries.into_vec() {
                    for copy in &mut *branches {
                        let _ = copy.keep(&entry); // an entry of the chain may be among them
                    }
                }
                Response::Done
            }
            Request::Digests(_) | Request::Push { .. } => Response::Done,
            _ => Response::Absent,
        })
    }
}

struct Home {
    keys: Keys,
    served: Arc<Served>,
    door: Door,
    reader: String,
}

impl Home {
    /// Sends entries of its chains to the nodes, to each those of its branch.
    async fn push(&self, entries: [&[Vec<u8>]; 2]) {
        let group = self.served.branches.lock()[0].group;
        let joined = self.served.joined.lock().clone();
        for node in joined {
            let branch = self.served.branch_of(node);
            for request in pushes(group, entries.get(branch).copied().unwrap_or_default()) {
                self.door.send(node, &request).await;
            }
        }
    }

    /// Two people of two other nodes who have said something.
    async fn members(&self) -> anyhow::Result<[(NodeId, UserRef); 2]> {
        let stranger = Keys::generate();
        let group = self.served.branches.lock()[0].group;
        let peer = Peer::connect(&stranger, &self.reader, Arc::new(Polite)).await?;
        let copy = Copy::fetch(&peer, stranger.node(), group).await?;
        let mut found: Vec<(NodeId, UserRef)> = Vec::new();
        for bytes in copy.stored.values() {
            let entry = Entry::decode(bytes)?;
            let node = entry.header().node;
            let Lane::Data { user, .. } = entry.header().lane else { continue };
            if user != 0 && found.iter().all(|(known, _)| *known != node) {
                found.push((node, UserRef { node: node.short(), id: user }));
            }
        }
        found.try_into().map_err(|_| anyhow::anyhow!("not two nodes have said something"))
    }

    /// Writes what it may not: each of these stands in the chain, and does nothing.
    async fn void(&self) -> anyhow::Result<Value> {
        let own = self.keys.node().short();
        let of_own = |id| UserRef { node: own, id };
        let [(node, one), (_, other)] = self.members().await?;
        // An admin of another node, who stands beside its own.
        let promote =
            Promote { user: one, rights: Rights::ADMIN, rank: Text::default(), cut: None };
        let promote = ControlBody::bare(Action::Promote(promote));
        let mut said = vec![self.served.rule(Some(of_own(OWNER)), promote)?];
        ensure!(said.iter().all(|(_, verdict)| *verdict == Verdict::Applied), "{:?}", said[0].1);
        let nothing_kept = Some(Cut::default());
        let ban = |user| Action::Ban(Ban { user, cut: nothing_kept.clone() });
        let demote = |user| Action::Demote(Demote { user, cut: nothing_kept.clone() });
        let bare = ControlBody::bare;
        let head = self.served.branches.lock()[0].replica.chain().cite().context("a chain")?;
        let asked = title("Asked for");
        let group = self.served.branches.lock()[0].group;
        let content = Blob::new(asked.encode()).map_err(|_| anyhow::anyhow!("long"))?;
        let ask = Ask {
            group,
            node,
            key_serial: 1,
            user: one.id,
            head,
            id: AskId(rand::random()),
            kind: asked.kind(),
            content,
        };
        // Signed by itself, and not by the node that is said to have asked.
        let forged = ask.sign(&self.keys.op, None);
        let lies = [
            ("an equal is demoted", Some(of_own(ADMIN)), bare(demote(one))),
            ("an equal is banned", Some(of_own(ADMIN)), bare(ban(one))),
            ("the owner is banned", Some(of_own(ADMIN)), bare(ban(of_own(OWNER)))),
            (
                "somebody without the right bans, and keeps nothing",
                Some(of_own(NOBODY)),
                bare(ban(other)),
            ),
            ("the home itself bans", None, bare(ban(other))),
            ("nobody has asked", Some(one), bare(title("Never asked for"))),
            ("the ask is forged", Some(one), ControlBody::answering(asked, forged)),
            (
                "an admin makes himself the owner",
                Some(of_own(ADMIN)),
                bare(Action::TransferOwner(TransferOwner { user: of_own(ADMIN) })),
            ),
        ];
        let mut verdicts = Vec::new();
        for (what, by, body) in lies {
            let (bytes, verdict) = self.served.rule(by, body)?;
            verdicts.push(json!({ "what": what, "void": verdict != Verdict::Applied }));
            said.push((bytes, verdict));
        }
        let said: Vec<Vec<u8>> = said.into_iter().map(|(bytes, _)| bytes).collect();
        self.push([&said, &said]).await;
        let head = self.served.branches.lock()[0].replica.chain().state().head.0;
        Ok(json!({ "verdicts": verdicts, "head": head }))
    }

    /// Gives the group one title for the first node, and another for the others.
    async fn fork(&self, left: &str, right: &str) -> anyhow::Result<Value> {
        let owner = UserRef { node: self.keys.node().short(), id: OWNER };
        let said = {
            let mut branches = self.served.branches.lock();
            let [one, other] = &mut *branches;
            let rule = |copy: &mut Copy, words: &str| {
                copy.rule(&self.keys, Some(owner), &ControlBody::bare(title(words)))
            };
            [vec![rule(one, left)?], vec![rule(other, right)?]]
        };
        self.push([&said[0], &said[1]]).await;
        Ok(json!({ "titles": [left, right] }))
    }
}
