//! Nodes with keys, groups, and copies of groups over `glog::Replica`: what a mesh is tested with.

use std::collections::{BTreeMap, BTreeSet};

use glog::body::{Action, AddNode, ControlBody, DataBody, Genesis, GroupKind, Post};
use glog::cbor::{Blob, List, Text};
use glog::control::{ControlEntry, Refused, Verdict};
use glog::{
    Author, CertBody, Entry, EntryRef, EpochPlace, Event, GroupId, Hash16, Lane, Node16, NodeCert,
    NodeId, Rejected, Replica, Rights, UserRef, seal_epoch, write_control, write_genesis,
};
use keys::NodeIdentity;
use keys::epoch::EpochSecret;
use keys::sealed::BoxSecret;
use rand::rngs::StdRng;

/// A node with all its keys.
pub struct Keys {
    pub root: NodeIdentity,
    pub op: NodeIdentity,
    pub cert: NodeCert,
    pub id: NodeId,
}

impl Keys {
    pub fn new(rng: &mut StdRng) -> Self {
        let root = NodeIdentity::generate(rng);
        Self::with_root(root, 1, rng)
    }

    /// The same node under its next key.
    pub fn rotated(&self, rng: &mut StdRng) -> Self {
        let root = NodeIdentity::from_seed(&self.root.seed());
        Self::with_root(root, self.cert.body.serial + 1, rng)
    }

    fn with_root(root: NodeIdentity, serial: u32, rng: &mut StdRng) -> Self {
        let op = NodeIdentity::generate(rng);
        let body = CertBody {
            root: *root.public().as_bytes(),
            op: *op.public().as_bytes(),
            x25519: *BoxSecret::generate(rng).public().as_bytes(),
            serial,
            not_before_ms: 0,
            domain: Text::new("node.example").unwrap(),
            addresses: List::default(),
        };
        let cert = NodeCert::sign(body, &root);
        let id = cert.node();
        Self { root, op, cert, id }
    }

    pub fn author(&self) -> Author<'_> {
        Author { node: self.id, serial: self.cert.body.serial, key: &self.op }
    }
}

/// A group: its control chain, and the keys of its bodies.
pub struct World {
    pub id: GroupId,
    pub control: Vec<Vec<u8>>,
    pub secrets: Vec<(Hash16, EpochSecret)>,
}

/// A group of these nodes; the first is its home.
pub fn group(nodes: &[&Keys], public: bool, rng: &mut StdRng) -> World {
    let home = nodes[0];
    let owner = UserRef { node: home.id.short(), id: 1 };
    let mut secrets = Vec::new();
    let place = EpochPlace {
        group: GroupId::default(),
        home: home.id,
        generation: Default::default(),
        seq: 0,
    };
    let mut epoch = |place, certs: &[&NodeCert], rng: &mut StdRng| {
        (!public).then(|| {
            let secret = EpochSecret::generate(rng);
            let epoch = seal_epoch(&secret, place, certs, rng).unwrap();
            secrets.push(secret);
            epoch
        })
    };
    let first = epoch(place, &[&home.cert], rng);
    let body = ControlBody::bare(Action::Genesis(Box::new(Genesis {
        kind: GroupKind::Supergroup,
        public,
        shows_history: true,
        owner,
        recovery: *home.root.public().as_bytes(),
        nonce: [7; 16],
        defaults: Rights::MEMBER,
        cert: home.cert.clone(),
        epoch: first,
    })));
    let genesis = write_genesis(home.author(), owner, &body, 0, rng).unwrap();
    let id = GroupId(genesis.id().0);
    let mut names = vec![genesis.id().short()];
    let mut control = vec![genesis.encode()];
    let mut replica = Replica::new(home.id, genesis, 64).unwrap();
    for i in 1..nodes.len() {
        let certs: Vec<_> = nodes[..=i].iter().map(|node| &node.cert).collect();
        let place = replica.chain().next_place();
        let add =
            AddNode { cert: nodes[i].cert.clone(), first_inc: 0, epoch: epoch(place, &certs, rng) };
        let body = ControlBody::bare(Action::AddNode(Box::new(add)));
        let entry = write_control(replica.chain(), home.author(), None, &body, 0, rng).unwrap();
        names.push(entry.id().short());
        control.push(entry.encode());
        replica.receive(entry, 0).unwrap();
    }
    World { id, control, secrets: names.into_iter().zip(secrets).collect() }
}

/// One node's copy of a group, with what it would have on disk.
pub struct Copy {
    pub node: NodeId,
    pub group: GroupId,
    pub replica: Option<Replica>,
    pub stored: BTreeMap<EntryRef, Vec<u8>>,
    unverified: BTreeSet<EntryRef>,
    secrets: Vec<(Hash16, EpochSecret)>,
    /// What was taken, in this order: the control chain's numbers, and entries of lanes.
    pub taken: Vec<(Option<Node16>, u64)>,
}

impl Copy {
    pub fn new(node: NodeId, world: &World) -> Self {
        Self {
            node,
            group: world.id,
            replica: None,
            stored: BTreeMap::new(),
            unverified: BTreeSet::new(),
            secrets: world.secrets.clone(),
            taken: Vec::new(),
        }
    }

    /// With the whole control chain.
    pub fn of(node: NodeId, world: &World) -> Self {
        let mut copy = Self::new(node, world);
        assert_eq!(copy.receive(&world.control, 0).1, 0);
        copy
    }

    /// Takes entries: how many were new, and how many do not hold.
    pub fn receive(&mut self, entries: &[Vec<u8>], now_ms: u64) -> (u32, u32) {
        let (mut fresh, mut rejected) = (0, 0);
        for bytes in entries {
            match self.take(bytes, now_ms) {
                Ok(true) => fresh += 1,
                Ok(false) => {}
                Err(()) => rejected += 1,
            }
        }
        (fresh, rejected)
    }

    fn take(&mut self, bytes: &[u8], now_ms: u64) -> Result<bool, ()> {
        let entry = Entry::decode(bytes).map_err(drop)?;
        let header = entry.header().clone();
        let Some(replica) = &mut self.replica else {
            if entry.id().0 != self.group.0 {
                return Err(());
            }
            self.replica = Some(Replica::new(self.node, entry, 4096).map_err(drop)?);
            self.learn_keys();
            self.taken.push((None, 0));
            return Ok(true);
        };
        let before = replica.chain().state().head;
        let at = header.inc().map(|inc| EntryRef {
            node: header.node.short(),
            inc,
            seq: header.seq,
            hash: entry.id().short(),
        });
        let was_here = at.is_some_and(|at| self.stored.contains_key(&at));
        let events = match replica.receive(entry, now_ms) {
            Ok(events) => events,
            // Another branch than ours is nobody's fault but its author's.
            Err(
                Rejected::Frozen
                | Rejected::Control(Refused::Place | Refused::Recover | Refused::Disputed),
            ) => return Ok(false),
            Err(_) => return Err(()),
        };
        let Some(at) = at else {
            let grew = replica.chain().state().head != before;
            self.taken.push((None, header.seq));
            self.learn_keys();
            self.note(events);
            return Ok(grew);
        };
        self.taken.push((Some(at.node), at.seq));
        self.stored.insert(at, bytes.to_vec());
        self.note(events);
        Ok(!was_here)
    }

    fn note(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Unverified(at) => drop(self.unverified.insert(at)),
                Event::Delivered { at, .. } => drop(self.unverified.remove(&at)),
                Event::Dropped(at) | Event::Forged(at) => drop(self.stored.remove(&at)),
                _ => {}
            }
        }
    }

    fn learn_keys(&mut self) {
        let Some(replica) = &mut self.replica else { return };
        for (id, secret) in &self.secrets {
            replica.learn_key(*id, secret.clone());
        }
    }

    /// This node says something.
    pub fn post(&mut self, keys: &Keys, words: &str, rng: &mut StdRng) -> Vec<u8> {
        let body = DataBody::Post(Post {
            text: Text::new(words).unwrap(),
            links: false,
            media: List::default(),
            reply_to: None,
            extra: Blob::default(),
        });
        let replica = self.replica.as_ref().unwrap();
        let entry = replica.write_data(keys.author(), 0, 1, &body, 0, rng).unwrap();
        let bytes = entry.encode();
        assert_eq!(self.receive(std::slice::from_ref(&bytes), 0), (1, 0));
        bytes
    }

    /// The next entry of this node's control chain, which it keeps.
    pub fn act(&mut self, keys: &Keys, action: Action, rng: &mut StdRng) -> Vec<u8> {
        // What is settled nobody asks for.
        let owner = UserRef { node: keys.id.short(), id: 1 };
        let owner = (!matches!(action, Action::Settle(_))).then_some(owner);
        let chain = self.replica.as_ref().unwrap().chain();
        let body = ControlBody::bare(action);
        let entry = write_control(chain, keys.author(), owner, &body, 0, rng).unwrap();
        let read = ControlEntry::new(entry.clone()).unwrap();
        assert!(matches!(chain.would(&read), Ok(Verdict::Applied) | Err(Refused::Disputed)));
        let bytes = entry.encode();
        assert_eq!(self.receive(std::slice::from_ref(&bytes), 0), (1, 0));
        bytes
    }

    pub fn control_page(&self, from: u64, to: u64) -> Vec<Vec<u8>> {
        let Some(replica) = &self.replica else { return Vec::new() };
        let entries = replica.chain().entries().iter().skip(from as usize);
        let entries = entries.take(to.saturating_sub(from) as usize);
        entries.map(|entry| entry.entry().encode()).collect()
    }

    pub fn lane_page(&self, node: Node16, inc: u32, from: u64, to: u64) -> Vec<Vec<u8>> {
        let Some(replica) = &self.replica else { return Vec::new() };
        let places = (from..to).map_while(|seq| replica.lanes().at(node, inc, seq));
        places.map_while(|at| self.stored.get(&at).cloned()).collect()
    }

    pub fn own(&self, lane: Option<(Node16, u32)>, seq: u64) -> Option<Hash16> {
        let replica = self.replica.as_ref()?;
        match lane {
            None => Some(replica.chain().at(seq)?.id().short()),
            Some((node, inc)) => Some(replica.lanes().at(node, inc, seq)?.hash),
        }
    }

    pub fn named(&self, names: &[EntryRef]) -> Vec<Vec<u8>> {
        let served = names.iter().filter(|name| !self.unverified.contains(name));
        served.filter_map(|name| self.stored.get(name).cloned()).collect()
    }

    pub fn wanted(&self) -> Vec<EntryRef> {
        self.replica.as_ref().map(Replica::wanted).unwrap_or_default()
    }

    pub fn certs(&self) -> Vec<NodeCert> {
        self.replica.iter().flat_map(|replica| replica.certs().cloned()).collect()
    }

    pub fn learn(&mut self, certs: Vec<NodeCert>, now_ms: u64) {
        for cert in certs {
            let events = self.replica.as_mut().map(|replica| replica.learn_cert(cert, now_ms));
            self.note(events.unwrap_or_default());
        }
    }

    /// How many entries of a node are shown.
    pub fn words(&self, of: NodeId) -> usize {
        let Some(replica) = &self.replica else { return 0 };
        replica.lanes().length(of.short(), 0) as usize
    }

    pub fn posts(&self) -> usize {
        self.replica.as_ref().map_or(0, |replica| replica.lanes().entries().count())
    }
}

/// Who wrote an entry, and where it stands.
pub fn place(bytes: &[u8]) -> (NodeId, Option<u32>, u64) {
    let entry = Entry::decode(bytes).unwrap();
    let inc = match entry.header().lane {
        Lane::Data { inc, .. } => Some(inc),
        Lane::Control { .. } => None,
    };
    (entry.header().node, inc, entry.header().seq)
}
