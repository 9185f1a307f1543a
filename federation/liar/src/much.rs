//! Much of everything: questions of all kinds, groups, topics, and streams that are begun and left open.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use glog::body::{ControlBody, Genesis, GroupKind, Join};
use glog::cbor::{Blob, List, Text, encode};
use glog::{EntryRef, GroupId, Hash16, Node16, Rights, UserRef};
use mesh::frames::{Digest, EntryBytes, Request, Response};
use mesh::{Call, LaneName};
use serde_json::{Value, json};

use crate::copy::{self, author};
use crate::peer::{Keys, Outcome, Peer, framed};

/// For how long.
const FOR: Duration = Duration::from_secs(20);
/// Requests that are on their way to one node.
const AT_ONCE: usize = 32;
/// Topics that it says it is subscribed to: more than a node remembers of one that it does not know.
const TOPICS: usize = 8_000;
/// Streams that are begun and left open, of each connection: more than a node has at once.
const LEFT_OPEN: usize = 200;
/// Groups that are compared in one frame.
const DIGESTS: usize = 20_000;

/// Kinds of [`frame`].
const KINDS: usize = 20;

/// The beginning of a request, whose end never comes.
fn begun() -> Vec<u8> {
    let whole = framed(&Request::Heads { group: GroupId([1; 32]) }.encode());
    whole.get(..whole.len() / 2).unwrap_or_default().to_vec()
}

/// A group that it has made, and that nobody has heard of.
fn genesis(keys: &Keys) -> Option<EntryBytes> {
    let owner = UserRef { node: keys.node().short(), id: 1 };
    let genesis = Genesis {
        kind: GroupKind::Supergroup,
        public: true,
        shows_history: true,
        owner,
        recovery: [5; 32],
        nonce: rand::random(),
        defaults: Rights::TEXT,
        cert: keys.cert.clone(),
        epoch: None,
    };
    let body = ControlBody::bare(glog::body::Action::Genesis(Box::new(genesis)));
    let (now_ms, rng) = (copy::now_ms(), &mut rand::rng());
    let entry = glog::write_genesis(author(keys), owner, &body, now_ms, rng).ok()?;
    EntryBytes::new(entry.encode()).ok()
}

/// A request of some kind; the group is known to nobody.
fn frame(n: usize, keys: &Keys, known: GroupId) -> Option<Request> {
    let group = GroupId(rand::random());
    let opaque = || Blob::new(vec![0x82; 60_000]).unwrap_or_default();
    let lane = LaneName::Data { node: Node16(rand::random()), inc: 7 };
    let call = |call| Some(Request::Call(Box::new(call)));
    match n % KINDS {
        0 => {
            let digests = (0..DIGESTS).map(|_| Digest { tag: rand::random(), digest: [1; 32] });
            Some(Request::Digests(List::new(digests.collect()).ok()?))
        }
        1 => Some(Request::Heads { group }),
        2 => {
            Some(Request::Fetch { group: known, lane, from: 0, to: u64::MAX, bytes_max: u32::MAX })
        }
        3 => {
            let name = |_| EntryRef {
                node: Node16(rand::random()),
                inc: 0,
                seq: 1,
                hash: Hash16(rand::random()),
            };
            let names = List::new((0..256).map(name).collect()).ok()?;
            Some(Request::ByName { group: known, names })
        }
        4 => Some(Request::Certs { group: known }),
        5 => {
            let entries = (0..64).filter_map(|_| genesis(keys)).collect();
            Some(Request::Push { group, further: true, entries: List::new(entries).ok()? })
        }
        6 => call(Call::Ask { evidence: opaque() }),
        7 => call(Call::Follow { group: known }),
        8 => call(Call::Follow { group }),
        9 => call(Call::Unfollow { group }),
        10 => {
            let join = Join { group, user: 0, cert: keys.cert.clone(), proof: [0; 32] };
            call(Call::Join { join: Blob::new(encode(&join)).ok()? })
        }
        11 => {
            let name = format!("nobody{:x}", rand::random::<u64>());
            call(Call::Resolve { name: Text::new(name.as_str()).ok()? })
        }
        12 => {
            let users = (0..100).map(|_| rand::random::<u32>().into()).collect();
            call(Call::Profiles { users: List::new(users).ok()? })
        }
        13 => call(Call::Manifest { blob: rand::random() }),
        14 => call(Call::Chunk { blob: rand::random(), index: 3 }),
        15 => call(Call::Mail { sealed: opaque() }),
        16 => call(Call::Cards { body: opaque() }),
        17 => call(Call::Join { join: opaque() }),
        18 => Some(Request::Hello(keys.hello())),
        _ => call(Call::Other { kind: (n / KINDS % 8) as u16, body: opaque() }),
    }
}

#[derive(Default)]
struct Counts {
    answered: AtomicU64,
    put_off: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    fn note(&self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Failed => &self.failed,
            Outcome::Answer(answer) => match Response::decode(answer) {
                Ok(Response::Busy { .. }) => &self.put_off,
                _ => &self.answered,
            },
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Gives both nodes much of everything for a while; `known` is a group that they have. Streams are left
/// open by a stranger: whoever does that is not heard any more over the same connection.
pub(crate) async fn give(
    keys: &Keys,
    peers: [&Peer; 2],
    strangers: [&Peer; 2],
    known: GroupId,
) -> Value {
    let (until, counts) = (Instant::now() + FOR, Counts::default());
    // Open for all of the time: they fail when the node, or this one, gives them up.
    let left_open = strangers.map(|peer| async {
        let all = (0..LEFT_OPEN).map(|_| peer.send(begun()));
        let all = futures_util::future::join_all(all);
        // Of whom nothing is heard any more the rest is not waited for.
        let _ = tokio::time::timeout(FOR, all).await;
    });
    let asks = peers.map(|peer| async {
        peer.topics(TOPICS).await;
        let mut n = 0;
        while Instant::now() < until && !peer.is_closed() {
            let frames = (n..n + AT_ONCE).filter_map(|n| frame(n, keys, known));
            let all = frames.map(|request| peer.send(framed(&request.encode())));
            for outcome in futures_util::future::join_all(all).await {
                counts.note(&outcome);
            }
            n += AT_ONCE;
        }
    });
    let ([a, b], [c, d]) = (left_open, asks);
    tokio::join!(a, b, c, d);
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    json!({ "answered": of(&counts.answered), "put off": of(&counts.put_off),
        "failed": of(&counts.failed), "closed": peers.map(Peer::is_closed) })
}
