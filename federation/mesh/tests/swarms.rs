//! Nodes in one process, over TCP and QUIC on 127.0.0.1: what they tell each other, and whom they
//! refuse. All waits are for something that happens, and bounded.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up is a failure")]
#![expect(unreachable_pub, dead_code, reason = "the tests of the core share some of it")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use glog::cbor::{Blob, List, Text};
use glog::{CertBody, GroupId, NodeCert};
use mesh::frames::{Hello, Request, Response, VERSION};
use mesh::{
    Call, CallError, FetchError, LaneName, Limits, Mesh, Pace, Policy, Rate, Reply, StartError,
    Trouble,
};
use support::host::{Node, Options, QUIC, TCP, WITHIN, host, nodes, seeded, setup};
use support::raw::{Outcome, Raw, framed};
use support::world::{Copy, Keys, group};
use tokio::time::Instant;

fn options(count: usize) -> Vec<Options> {
    (0..count).map(|_| Options::default()).collect()
}

fn silent(count: usize) -> Vec<Options> {
    (0..count).map(|_| Options { gossip: false, ..Options::default() }).collect()
}

fn hello(cert: &NodeCert) -> Hello {
    Hello {
        versions: List::new(vec![VERSION]).unwrap(),
        features: List::default(),
        cert: cert.clone(),
        now_ms: 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_public_group_is_gossiped() {
    let mut rng = seeded(1);
    let mut options = options(4);
    options[1].listen = QUIC;
    options[3].listen = QUIC;
    let (nodes, world) = nodes(&options, true, &mut rng).await;
    // Until topics are known to all, synchronisation does it.
    let begin = Instant::now();
    let mut posts = 0;
    while nodes[1..].iter().any(|node| node.by_gossip() == 0) {
        assert!(begin.elapsed() < WITHIN, "no gossip");
        nodes[0].post(world.id, &posts.to_string(), &mut rng);
        posts += 1;
        for node in &nodes {
            node.has_posts(world.id, posts).await;
        }
    }
    for node in &nodes {
        node.post(world.id, "and you?", &mut rng);
    }
    for node in &nodes {
        node.has_posts(world.id, posts + 4).await;
    }
    for node in nodes {
        assert_eq!(node.host.inner.lock().rejected, 0);
        node.mesh.stop().await;
        assert!(node.host.inner.lock().present.is_empty());
    }
}

/// How: node 1 joins the group after both are connected, so that node 0 has told of its topic before
/// node 1 knew it; then both directions are gossiped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_was_unknown_when_it_was_told_of_is_gossiped() {
    let mut rng = seeded(2);
    let keys = [Keys::new(&mut rng), Keys::new(&mut rng)];
    let world = group(&[&keys[0], &keys[1]], true, &mut rng);
    let ids = [keys[0].id, keys[1].id];
    let [a, b] = keys;
    let first = host();
    first.keep(&world, a.id, &ids, true);
    let a = Node::start_with(a, first, &Options::default(), &[]).await;
    let b = Node::start(b, &Options::default(), &[&a]).await;
    a.sees(&b).await;
    b.sees(&a).await;
    b.host.keep(&world, b.id(), &ids, false);
    b.mesh.groups_changed();
    b.mesh.fetch(world.id, a.id()).await.unwrap();
    let begin = Instant::now();
    let mut posts = 0;
    while a.by_gossip() == 0 || b.by_gossip() == 0 {
        assert!(begin.elapsed() < WITHIN, "no gossip: {} {}", a.by_gossip(), b.by_gossip());
        a.post(world.id, "a", &mut rng);
        b.post(world.id, "b", &mut rng);
        posts += 2;
        a.has_posts(world.id, posts).await;
        b.has_posts(world.id, posts).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_gossip_everything_comes_all_the_same() {
    let mut rng = seeded(3);
    let mut options = silent(3);
    options[2].listen = QUIC;
    let (nodes, world) = nodes(&options, true, &mut rng).await;
    for round in 1..=5 {
        for node in &nodes {
            node.post(world.id, &round.to_string(), &mut rng);
        }
        for node in &nodes {
            node.has_posts(world.id, 3 * round).await;
        }
    }
    assert!(nodes.iter().all(|node| node.by_gossip() == 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_group_is_pushed_to_its_members() {
    let mut rng = seeded(4);
    let (nodes, world) = nodes(&options(3), false, &mut rng).await;
    let mut posts = 0;
    let begin = Instant::now();
    while nodes[1..].iter().any(|node| node.by_gossip() == 0) {
        assert!(begin.elapsed() < WITHIN, "nothing pushed");
        nodes[0].post(world.id, "a secret", &mut rng);
        posts += 1;
        for node in &nodes {
            node.has_posts(world.id, posts).await;
        }
    }
}

/// How: a line of three, of a group with so many members that not all are pushed to; the ends do not
/// know each other, and the one in the middle passes on what the first has said.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_members_some_push_once_further() {
    let mut rng = seeded(16);
    let keys: Vec<Keys> = (0..20).map(|_| Keys::new(&mut rng)).collect();
    let world = group(&keys.iter().collect::<Vec<_>>(), false, &mut rng);
    let ids: Vec<_> = keys.iter().map(|keys| keys.id).collect();
    let mut line: Vec<Node> = Vec::new();
    for keys in keys.into_iter().take(3) {
        let at = host();
        at.keep(&world, keys.id, &ids, true);
        let before: Vec<&Node> = line.last().into_iter().collect();
        let node = Node::start_with(keys, at, &Options::default(), &before).await;
        if let Some(before) = line.last() {
            node.sees(before).await;
            before.sees(&node).await;
        }
        line.push(node);
    }
    let mut posts = 0;
    let begin = Instant::now();
    while line[1].by_gossip() == 0 || line[2].by_gossip() == 0 {
        assert!(begin.elapsed() < WITHIN, "nothing was passed on");
        line[0].post(world.id, "to all", &mut rng);
        posts += 1;
        line[2].has_posts(world.id, posts).await;
    }
    assert_eq!(line[0].by_gossip(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gossips_forgeries_is_sent_away() {
    let mut rng = seeded(17);
    let (nodes, world) = nodes(&options(2), true, &mut rng).await;
    let [forger, other] = &nodes[..] else { panic!() };
    let begin = Instant::now();
    let mut posts = 0;
    while other.by_gossip() == 0 {
        assert!(begin.elapsed() < WITHIN, "no gossip");
        forger.post(world.id, "true", &mut rng);
        posts += 1;
        other.has_posts(world.id, posts).await;
    }
    // What it would say next, under a signature that is none.
    let mut copy = Copy::of(forger.id(), &world);
    let said = forger.host.inner.lock().copies[&world.id].stored.clone();
    copy.receive(&said.into_values().collect::<Vec<_>>(), 0);
    for i in 0..10 {
        let mut entry = copy.post(&forger.keys, &i.to_string(), &mut rng);
        let (_, length) = glog::Header::decode_prefix(&entry).unwrap();
        entry[length + 40] ^= 1;
        forger.mesh.announce(world.id, true, vec![other.id()], entry);
    }
    other.misses(forger).await;
    assert!(other.host.inner.lock().rejected >= 4);
    assert_eq!(other.host.inner.lock().copies[&world.id].posts(), posts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_by_blocking_heals() {
    for gossip in [true, false] {
        let mut rng = seeded(5);
        let mut options = silent(3);
        options.iter_mut().for_each(|options| options.gossip = gossip);
        let (nodes, world) = nodes(&options, gossip, &mut rng).await;
        let [a, b, c] = &nodes[..] else { panic!() };
        for other in [a, b] {
            c.mesh.block(other.id());
            c.misses(other).await;
            other.misses(c).await;
        }
        for i in 0..100 {
            a.post(world.id, &i.to_string(), &mut rng);
            c.post(world.id, &i.to_string(), &mut rng);
        }
        b.has_posts(world.id, 100).await;
        assert_eq!(c.host.inner.lock().copies[&world.id].posts(), 100);
        c.mesh.unblock(a.id());
        c.mesh.unblock(b.id());
        for node in &nodes {
            node.has_posts(world.id, 200).await;
        }
    }
}

/// How: the third of three says more at once than its pace lets in, and goes on; what the first says
/// meanwhile is there before the flood is, by gossip in a public group and by pushes in a private one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_waits_and_others_do_not() {
    for public in [true, false] {
        let mut rng = seeded(21);
        let pace = Pace { entries: 40, at_once: 300, over_for: Duration::from_secs(1) };
        let mut options = options(3);
        options.iter_mut().for_each(|options| options.limits.pace = pace);
        let (nodes, world) = nodes(&options, public, &mut rng).await;
        let [honest, other, flooder] = &nodes[..] else { panic!() };
        let begin = Instant::now();
        let mut said = 0;
        while [honest, other].iter().any(|node| node.by_gossip() == 0) || flooder.by_gossip() == 0 {
            assert!(begin.elapsed() < WITHIN, "nothing comes unasked");
            for node in [honest, flooder] {
                node.post(world.id, "warm", &mut rng);
            }
            said += 1;
            for node in &nodes {
                node.has_words(world.id, honest, said).await;
                node.has_words(world.id, flooder, said).await;
            }
        }
        let warm = said;
        let mut flood = 0;
        for i in 0..20 {
            for _ in 0..60 {
                flooder.post(world.id, "flood", &mut rng);
            }
            flood += 60;
            honest.post(world.id, &i.to_string(), &mut rng);
            said += 1;
            other.has_words(world.id, honest, said).await;
            flooder.has_words(world.id, honest, said).await;
        }
        let came = other.words(world.id, flooder);
        assert!(came < warm + flood, "{came}: the flood was over before");
        // All of it comes.
        for node in &nodes {
            node.has_words(world.id, flooder, warm + flood).await;
        }
        let held_back = async |at: &Node, of: &Node| {
            let begin = Instant::now();
            loop {
                let status = at.mesh.status();
                let of = status.iter().find(|peer| peer.node == Some(of.id()));
                if let Some(held_back) = of.map(|peer| peer.held_back).filter(|held| *held > 0) {
                    return held_back;
                }
                assert!(begin.elapsed() < WITHIN, "the status is not made anew");
                tokio::task::yield_now().await;
            }
        };
        assert!(held_back(other, flooder).await > 100);
        let status = other.mesh.status();
        let of_honest = status.iter().find(|peer| peer.node == Some(honest.id())).unwrap();
        assert_eq!(of_honest.held_back, 0);
        assert!(nodes.iter().all(|node| node.host.inner.lock().rejected == 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_joiner_gets_ten_thousand_entries() {
    let mut rng = seeded(6);
    let keys = [Keys::new(&mut rng), Keys::new(&mut rng), Keys::new(&mut rng)];
    let world = group(&keys.iter().collect::<Vec<_>>(), true, &mut rng);
    let ids: Vec<_> = keys.iter().map(|keys| keys.id).collect();
    let mut full = Copy::of(keys[0].id, &world);
    let mut bytes = 0;
    for i in 0..5_000 {
        for keys in &keys[..2] {
            bytes += full.post(keys, &i.to_string(), &mut rng).len();
        }
    }
    let hosts = [host(), host(), host()];
    for (host, keys) in hosts.iter().zip(&keys) {
        host.keep(&world, keys.id, &ids, false);
    }
    for host in &hosts[..2] {
        let mut inner = host.inner.lock();
        let copy = inner.copies.get_mut(&world.id).unwrap();
        copy.replica = full.replica.clone();
        copy.stored = full.stored.clone();
    }
    let [a, b, c] = keys;
    let [at_a, at_b, at_c] = hosts;
    let a = Node::start_with(a, at_a, &Options::default(), &[]).await;
    let quic = Options { listen: QUIC, ..Options::default() };
    let b = Node::start_with(b, at_b, &quic, &[&a]).await;
    let c = Node::start_with(c, at_c, &Options::default(), &[&a, &b]).await;
    c.sees(&a).await;
    c.sees(&b).await;
    let begin = Instant::now();
    c.mesh.fetch(world.id, a.id()).await.unwrap();
    c.has_posts(world.id, 10_000).await;
    let took = begin.elapsed();
    println!("10,000 entries, {bytes} bytes, in {took:?}");
    assert!(took < Duration::from_secs(30), "{took:?}");
    // What came, digests and heads and all, is little more than what was missing.
    let begin = Instant::now();
    while c.bytes_in() < bytes as u64 {
        assert!(begin.elapsed() < WITHIN);
        tokio::task::yield_now().await; // the status is made anew four times a second
    }
    assert!((c.bytes_in() as f64) < 1.2 * bytes as f64, "{} of {bytes}", c.bytes_in());
    let inner = c.host.inner.lock();
    let control = inner.copies[&world.id].taken.iter().position(|(lane, _)| lane.is_some());
    assert_eq!(control, Some(world.control.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forger_is_sent_away_and_kept_away() {
    let mut rng = seeded(7);
    let (nodes, world) = nodes(&silent(2), true, &mut rng).await;
    let [forger, other] = &nodes[..] else { panic!() };
    forger.host.forges.store(true, Ordering::SeqCst);
    for i in 0..20 {
        forger.post(world.id, &i.to_string(), &mut rng);
    }
    other.misses(forger).await;
    assert!(other.host.inner.lock().rejected >= 5);
    assert_eq!(other.host.inner.lock().copies[&world.id].posts(), 0);
    let again = other.mesh.dial(forger.address(), WITHIN).await;
    assert_eq!(again.map(|cert| cert.node()), Err(CallError::Refused));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_answered_or_fail_in_time() {
    let mut rng = seeded(8);
    let a = Node::start(Keys::new(&mut rng), &Options::default(), &[]).await;
    let quic = Options { listen: QUIC, ..Options::default() };
    let b = Node::start(Keys::new(&mut rng), &quic, &[]).await;
    let resolve = |name: &str| Call::Resolve { name: Text::new(name).unwrap() };
    let none = a.mesh.call(b.id(), resolve("rook"), WITHIN).await;
    assert_eq!(none, Err(CallError::Unreachable));
    // By address, then by name.
    let cert = a.mesh.dial(b.address(), WITHIN).await.unwrap();
    assert_eq!(cert, b.keys.cert);
    // Also beyond the connections that one peer may have.
    for _ in 0..4 {
        assert_eq!(a.mesh.dial(b.address(), WITHIN).await.unwrap(), b.keys.cert);
    }
    let found = Reply::Found(Blob::new(b"a rook".to_vec()).unwrap());
    assert_eq!(a.mesh.call(b.id(), resolve("rook"), WITHIN).await, Ok(found));
    assert_eq!(a.mesh.call(b.id(), resolve("nobody"), WITHIN).await, Ok(Reply::NotFound));
    b.sees(&a).await;
    assert_eq!(b.mesh.call(a.id(), resolve("nobody"), WITHIN).await, Ok(Reply::NotFound));
    let chunk = a.mesh.call(b.id(), Call::Chunk { blob: [1; 32], index: 0 }, WITHIN).await;
    assert!(matches!(chunk, Ok(Reply::Chunk(bytes)) if bytes.len() == 512 * 1024));
    assert_eq!(b.host.inner.lock().calls[0], (a.id(), resolve("rook")));
    // Who never answers, and who panics.
    let sealed = Blob::new(vec![1]).unwrap();
    let late = a.mesh.call(b.id(), Call::Mail { sealed }, Duration::from_millis(200)).await;
    assert_eq!(late, Err(CallError::TimedOut));
    let body = Blob::default();
    assert_eq!(a.mesh.call(b.id(), Call::Cards { body }, WITHIN).await, Err(CallError::Refused));
    // A call waits for a connection that is just being made.
    let c = Node::start(Keys::new(&mut rng), &Options::default(), &[&b]).await;
    assert_eq!(c.mesh.call(b.id(), resolve("nobody"), WITHIN).await, Ok(Reply::NotFound));
    // Who was blocked is connected to again, by who wants to be.
    b.mesh.add_peer(a.as_peer());
    a.mesh.block(b.id());
    b.misses(&a).await;
    assert_eq!(a.mesh.call(b.id(), resolve("rook"), WITHIN).await, Err(CallError::Refused));
    a.mesh.unblock(b.id());
    b.sees(&a).await;
    assert_eq!(b.mesh.call(a.id(), resolve("nobody"), WITHIN).await, Ok(Reply::NotFound));
    b.mesh.remove_peer(&a.address());
    // Nobody is there.
    let nowhere = "/ip4/127.0.0.1/tcp/1".to_owned();
    assert_eq!(a.mesh.dial(nowhere, WITHIN).await.map(drop), Err(CallError::Unreachable));
    let nonsense = "somewhere".to_owned();
    assert_eq!(a.mesh.dial(nonsense, WITHIN).await.map(drop), Err(CallError::Unreachable));
    let unknown = a.mesh.fetch(GroupId([1; 32]), b.id()).await;
    assert_eq!(unknown, Err(FetchError::Unknown));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_not_allowed_is_refused() {
    let mut rng = seeded(9);
    let keys = [Keys::new(&mut rng), Keys::new(&mut rng), Keys::new(&mut rng)];
    let [friend, other, closed] = keys;
    let policy = Policy::AllowList(BTreeSet::from([friend.id]));
    let closed = Node::start(closed, &Options { policy, ..Options::default() }, &[]).await;
    let friend = Node::start(friend, &Options::default(), &[&closed]).await;
    friend.sees(&closed).await;
    let other = Node::start(other, &Options::default(), &[]).await;
    let refused = other.mesh.dial(closed.address(), WITHIN).await;
    assert_eq!(refused.map(drop), Err(CallError::Refused));
    let third = Node::start(Keys::new(&mut rng), &Options::default(), &[]).await;
    let refused = closed.mesh.dial(third.address(), WITHIN).await;
    assert_eq!(refused.map(drop), Err(CallError::Refused));
    // Each side can say why; at the first contact, as a connection that ends may stand in the next one's
    // way for a moment.
    let probe = async |from: &Node, to: String| from.mesh.probe(to, WITHIN).await.unwrap_err();
    let mut fresh = async || Node::start(Keys::new(&mut rng), &Options::default(), &[]).await;
    let (asking, asked) = (fresh().await, fresh().await);
    assert_eq!(probe(&asking, closed.address()).await, Trouble::Refused);
    assert_eq!(probe(&closed, asked.address()).await, Trouble::NotAdmitted);
    assert_eq!(probe(&other, "/ip4/127.0.0.1/tcp/1".into()).await, Trouble::NobodyListens);
    assert_eq!(probe(&other, "/dns4/no.invalid/tcp/1".into()).await, Trouble::Unresolved);
    assert_eq!(probe(&other, other.address()).await, Trouble::Ourselves);
    assert_eq!(closed.host.inner.lock().present.len(), 1);
    assert!(other.host.inner.lock().notices.is_empty());
    assert!(third.host.inner.lock().notices.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_speaks_only_for_the_newest_key() {
    let mut rng = seeded(10);
    let node = Node::start(Keys::new(&mut rng), &Options::default(), &[]).await;
    let old = Keys::new(&mut rng);
    let new = old.rotated(&mut rng);
    let stranger = Keys::new(&mut rng);
    let refused = Outcome::Answer(Response::Refused.encode());

    // Another's certificate, and one that its root key has not signed.
    let answer = Some(Response::Hello(Box::new(hello(&old.cert))));
    let mut thief = Raw::connect(&stranger.op, &node.address(), None).await;
    let outcome = thief.ask(&Request::Hello(Box::new(hello(&old.cert)))).await;
    assert!(outcome == refused || outcome == Outcome::Closed, "{outcome:?}");
    let liar = Keys::new(&mut rng);
    let mut forged = liar.cert.clone();
    forged.body.serial = 2;
    let mut forger = Raw::connect(&liar.op, &node.address(), None).await;
    let outcome = forger.ask(&Request::Hello(Box::new(hello(&forged)))).await;
    assert!(outcome == refused || outcome == Outcome::Closed, "{outcome:?}");
    assert!(node.host.inner.lock().notices.is_empty());

    // The old key, then the new one, which ends what the old one had.
    let mut before = Raw::connect(&old.op, &node.address(), answer.clone()).await;
    let heads = Request::Heads { group: GroupId([1; 32]) };
    let greeting = Request::Hello(Box::new(hello(&old.cert)));
    assert!(matches!(before.ask_in_time(&greeting).await, Response::Hello(_)));
    assert_eq!(before.ask_in_time(&heads).await, Response::Absent);
    node.host.until("the old key is here", |i| i.present.get(&old.id) == Some(&1)).await;
    let newer = Some(Response::Hello(Box::new(hello(&new.cert))));
    let mut after = Raw::connect(&new.op, &node.address(), newer).await;
    let greeting = Request::Hello(Box::new(hello(&new.cert)));
    assert!(matches!(after.ask_in_time(&greeting).await, Response::Hello(_)));
    assert_eq!(after.ask_in_time(&heads).await, Response::Absent);
    before.closed().await;
    node.host.until("the new key is here", |i| i.present.get(&old.id) == Some(&2)).await;
    let mut again = Raw::connect(&old.op, &node.address(), answer).await;
    let outcome = again.ask(&Request::Hello(Box::new(hello(&old.cert)))).await;
    assert!(outcome == refused || outcome == Outcome::Closed, "{outcome:?}");
    // What the node has on disk counts as well.
    node.host.serial.store(2, Ordering::SeqCst);
    let aged = Keys::new(&mut rng);
    let mut late = Raw::connect(&aged.op, &node.address(), None).await;
    let outcome = late.ask(&Request::Hello(Box::new(hello(&aged.cert)))).await;
    assert!(outcome == refused || outcome == Outcome::Closed, "{outcome:?}");
}

/// Many roots may sign one key: a connection does not become one node after the other by that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_speaks_for_one_node() {
    let mut rng = seeded(20);
    let node = Node::start(Keys::new(&mut rng), &Options::default(), &[]).await;
    let (one, two) = (Keys::new(&mut rng), Keys::new(&mut rng));
    let mut body = two.cert.body.clone();
    body.op = one.cert.body.op;
    let second = glog::NodeCert::sign(body, &two.root);
    let greeting = |cert| Request::Hello(Box::new(hello(cert)));
    let answer = Some(Response::Hello(Box::new(hello(&one.cert))));
    let mut raw = Raw::connect(&one.op, &node.address(), answer).await;
    assert!(matches!(raw.ask_in_time(&greeting(&one.cert)).await, Response::Hello(_)));
    // The node's own Hello is answered only while this end is asked for something: until heads
    // are answered, neither side need know the other.
    let heads = Request::Heads { group: GroupId([1; 32]) };
    assert_eq!(raw.ask_in_time(&heads).await, Response::Absent);
    node.host.until("the first is here", |i| i.present.get(&one.id) == Some(&1)).await;
    let refused = Outcome::Answer(Response::Refused.encode());
    let outcome = raw.ask(&greeting(&second)).await;
    assert!(outcome == refused || outcome == Outcome::Closed, "{outcome:?}");
    if outcome != Outcome::Closed {
        raw.closed().await;
    }
    node.host.until("nobody is here", |i| i.present.is_empty()).await;
    assert!(node.host.inner.lock().notices.iter().all(|notice| notice.0 == one.id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_nothing_or_nonsense_is_sent_away() {
    let mut rng = seeded(11);
    let limits = Limits { hello_within: Duration::from_millis(300), ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let node = Node::start(Keys::new(&mut rng), &options, &[]).await;
    // No Hello, and none answered.
    let mut silent = Raw::connect(&Keys::new(&mut rng).op, &node.address(), None).await;
    silent.closed().await;
    let nonsense = [
        [&[0xff; 4][..], b"oversized"].concat(), // the length alone is too much
        framed(b"no CBOR"),
        framed(&[0x82, 0x18, 0x02, 0x81, 0x58, 0x20]), // a longer number than needed, and cut off
    ];
    for bytes in nonsense {
        let keys = Keys::new(&mut rng);
        let answer = Some(Response::Hello(Box::new(hello(&keys.cert))));
        let mut raw = Raw::connect(&keys.op, &node.address(), answer).await;
        let greeting = Request::Hello(Box::new(hello(&keys.cert)));
        assert!(matches!(raw.ask_in_time(&greeting).await, Response::Hello(_)));
        if raw.send(bytes).await != Outcome::Closed {
            raw.closed().await;
        }
        node.host.until("it is gone", |inner| !inner.present.contains_key(&keys.id)).await;
        // Once more, and it is not let in any more for a while.
        let answer = Some(Response::Hello(Box::new(hello(&keys.cert))));
        let mut raw = Raw::connect(&keys.op, &node.address(), answer).await;
        assert!(matches!(raw.ask_in_time(&greeting).await, Response::Hello(_)));
        if raw.send(framed(b"again")).await != Outcome::Closed {
            raw.closed().await;
        }
        let mut raw = Raw::connect(&keys.op, &node.address(), None).await;
        let outcome = raw.ask(&greeting).await;
        let refused = Outcome::Answer(Response::Refused.encode());
        assert!(outcome == refused || outcome == Outcome::Closed, "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_group_is_answered_as_one_that_does_not_exist() {
    let mut rng = seeded(12);
    let keys = Keys::new(&mut rng);
    let world = group(&[&keys], false, &mut rng);
    let at = host();
    at.keep(&world, keys.id, &[keys.id], true);
    let node = Node::start_with(keys, at, &Options::default(), &[]).await;
    node.post(world.id, "a secret", &mut rng);
    let other = Keys::new(&mut rng);
    let mut raw = greeted(&node, &other).await;
    let lane = LaneName::Data { node: node.id().short(), inc: 0 };
    let head = *node.host.inner.lock().copies[&world.id].stored.keys().next().unwrap();
    let asks = |group| {
        let entries = List::default();
        [
            Request::Heads { group },
            Request::Fetch { group, lane: LaneName::Control, from: 0, to: 9, bytes_max: 9999 },
            Request::Fetch { group, lane, from: 0, to: 9, bytes_max: 9999 },
            Request::ByName { group, names: List::new(vec![head]).unwrap() },
            Request::Certs { group },
            Request::Push { group, further: true, entries },
        ]
    };
    for (of_private, of_none) in asks(world.id).iter().zip(&asks(GroupId([9; 32]))) {
        let private = raw.ask_in_time(of_private).await;
        assert_eq!(private.encode(), raw.ask_in_time(of_none).await.encode());
        assert!(matches!(private, Response::Absent | Response::Done), "{private:?}");
    }
}

/// Who was let go from a group is told how far it may read, and is given no more, whatever it asks for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_read_no_more_is_given_no_more() {
    let mut rng = seeded(27);
    let (keys, gone, member) = (Keys::new(&mut rng), Keys::new(&mut rng), Keys::new(&mut rng));
    let world = group(&[&keys, &gone, &member], true, &mut rng);
    let at = host();
    at.keep(&world, keys.id, &[keys.id, gone.id, member.id], true);
    *at.ends_for.lock() = Some(gone.id);
    let node = Node::start_with(keys, at, &Options::default(), &[]).await;
    node.post(world.id, "among us", &mut rng);
    let head = *node.host.inner.lock().copies[&world.id].stored.keys().next().unwrap();
    let lane = LaneName::Data { node: node.id().short(), inc: 0 };
    let fetch = |lane| Request::Fetch { group: world.id, lane, from: 0, to: 9, bytes_max: 9999 };
    let names = List::new(vec![head]).unwrap();
    let mut given = Vec::new();
    for keys in [&gone, &member] {
        let mut raw = greeted(&node, keys).await;
        let mut count = async |request: &Request| match raw.ask_in_time(request).await {
            Response::Entries(entries) => entries.len(),
            Response::Certs(_) => 1,
            Response::Absent => 0,
            other => panic!("{other:?}"),
        };
        given.push([
            count(&fetch(LaneName::Control)).await,
            count(&fetch(lane)).await,
            count(&Request::ByName { group: world.id, names: names.clone() }).await,
            count(&Request::Certs { group: world.id }).await,
        ]);
    }
    assert_eq!(given, [[2, 0, 0, 0], [3, 1, 1, 1]]);
}

/// A peer that has shown who it is, and knows whom it talks to.
async fn greeted(node: &Node, keys: &Keys) -> Raw {
    let answer = Some(Response::Hello(Box::new(hello(&keys.cert))));
    let mut raw = Raw::connect(&keys.op, &node.address(), answer).await;
    let greeting = Request::Hello(Box::new(hello(&keys.cert)));
    assert!(matches!(raw.ask_in_time(&greeting).await, Response::Hello(_)));
    raw
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_much_is_told_to_wait() {
    let mut rng = seeded(13);
    let limits = Limits { serve: Rate { requests: 1, bytes: 1 << 20 }, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let node = Node::start(Keys::new(&mut rng), &options, &[]).await;
    let other = Keys::new(&mut rng);
    let mut raw = greeted(&node, &other).await;
    let heads = Request::Heads { group: GroupId([1; 32]) };
    assert_eq!(raw.ask_in_time(&heads).await, Response::Absent);
    let mut busy = 0;
    for _ in 0..30 {
        let Outcome::Answer(answer) = raw.ask(&heads).await else { panic!() };
        busy += u32::from(matches!(Response::decode(&answer), Ok(Response::Busy { .. })));
    }
    assert!(busy >= 15, "{busy}");
}

/// A new node is served a part of what others are, and no more for showing another certificate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_node_is_served_its_share() {
    let mut rng = seeded(27);
    let limits = Limits { serve: Rate { requests: 10, bytes: 1 << 20 }, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let heads = Request::Heads { group: GroupId([1; 32]) };
    let mut given = Vec::new();
    for share in [100, 10] {
        let host = host();
        host.share.store(share, Ordering::SeqCst);
        let node = Node::start_with(Keys::new(&mut rng), host, &options, &[]).await;
        let other = Keys::new(&mut rng);
        let mut raw = greeted(&node, &other).await;
        let mut answered = 0;
        for serial in 2..6 {
            for _ in 0..20 {
                let Outcome::Answer(answer) = raw.ask(&heads).await else { panic!() };
                answered += u32::from(Response::decode(&answer) == Ok(Response::Absent));
            }
            let body = CertBody { serial, ..other.cert.body.clone() };
            let again = NodeCert::sign(body, &other.root);
            let hello = Request::Hello(Box::new(hello(&again)));
            assert!(matches!(raw.ask_in_time(&hello).await, Response::Hello(_)));
        }
        given.push(answered);
    }
    // A hundred at once, or ten and what has come since.
    assert!(given[0] == 80 && (10..25).contains(&given[1]), "{given:?}");
}

/// What a node is granted grows while it is connected.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_grows_within_a_connection() {
    let mut rng = seeded(28);
    let limits = Limits { serve: Rate { requests: 100, bytes: 1 << 20 }, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let host = host();
    host.share.store(1, Ordering::SeqCst);
    let node = Node::start_with(Keys::new(&mut rng), Arc::clone(&host), &options, &[]).await;
    let mut raw = greeted(&node, &Keys::new(&mut rng)).await;
    let heads = Request::Heads { group: GroupId([1; 32]) };
    let mut is_answered = async || {
        let Outcome::Answer(answer) = raw.ask(&heads).await else { panic!() };
        Response::decode(&answer) == Ok(Response::Absent)
    };
    // One a second, and ten at once.
    while is_answered().await {}
    host.share.store(100, Ordering::SeqCst);
    // At the rate of before it would take three minutes.
    let end = Instant::now() + WITHIN;
    let mut answered = 0;
    while answered < 200 {
        assert!(Instant::now() < end, "{answered} answers: it is served as little as before");
        answered += u32::from(is_answered().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_says_again_and_again_who_it_is_is_told_to_wait() {
    let mut rng = seeded(22);
    let node = Node::start(Keys::new(&mut rng), &Options::default(), &[]).await;
    let other = Keys::new(&mut rng);
    let answer = Some(Response::Hello(Box::new(hello(&other.cert))));
    let mut raw = Raw::connect(&other.op, &node.address(), answer).await;
    let greeting = Request::Hello(Box::new(hello(&other.cert)));
    let mut busy = 0;
    for _ in 0..40 {
        let Outcome::Answer(answer) = raw.ask(&greeting).await else { panic!() };
        match Response::decode(&answer) {
            Ok(Response::Busy { .. }) => busy += 1,
            answer => assert!(matches!(answer, Ok(Response::Hello(_))), "{answer:?}"),
        }
    }
    assert!((15..40).contains(&busy), "{busy}");
    // All else is answered.
    let heads = Request::Heads { group: GroupId([1; 32]) };
    assert_eq!(raw.ask_in_time(&heads).await, Response::Absent);
}

/// A peer that has not said who it is may send no long frame, and once it has, it may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_are_short_until_both_know_each_other() {
    let mut rng = seeded(24);
    let node = Node::start(Keys::new(&mut rng), &Options::default(), &[]).await;
    let (silent, other) = (Keys::new(&mut rng), Keys::new(&mut rng));
    let answer = Some(Response::Hello(Box::new(hello(&other.cert))));
    let entries = List::new(vec![Blob::new(vec![7; 60_000]).unwrap()]).unwrap();
    let long = Request::Push { group: GroupId([1; 32]), further: false, entries };
    let mut silent = Raw::connect(&silent.op, &node.address(), None).await;
    // The stream ends, be it by an error or without an answer.
    let outcome = silent.ask(&long).await;
    assert!(outcome == Outcome::Failed || outcome == Outcome::Answer(Vec::new()), "{outcome:?}");
    let short = Request::Heads { group: GroupId([1; 32]) };
    let Outcome::Answer(early) = silent.ask(&short).await else { panic!() };
    assert!(matches!(Response::decode(&early), Ok(Response::Busy { .. })));
    let mut raw = Raw::connect(&other.op, &node.address(), answer).await;
    let greeting = Request::Hello(Box::new(hello(&other.cert)));
    assert!(matches!(raw.ask_in_time(&greeting).await, Response::Hello(_)));
    assert_eq!(raw.ask_in_time(&long).await, Response::Done);
}

/// How: the node does not take what it was pushed first, so that what follows finds no room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_that_finds_no_room_is_not_said_to_be_done() {
    let mut rng = seeded(23);
    let node = Node::start(Keys::new(&mut rng), &Options::default(), &[]).await;
    let other = Keys::new(&mut rng);
    let mut raw = greeted(&node, &other).await;
    let heads = Request::Heads { group: GroupId([1; 32]) };
    assert_eq!(raw.ask_in_time(&heads).await, Response::Absent);
    let gate = node.host.gate.write().await;
    let push = |count: usize| {
        let entries = vec![Blob::new(vec![7; 60_000]).unwrap(); count];
        let entries = List::new(entries).unwrap();
        Request::Push { group: GroupId([1; 32]), further: false, entries }
    };
    // Nobody here knows the group: what is too long to begin one is not even taken apart.
    let Outcome::Answer(long) = raw.ask(&push(16)).await else { panic!() };
    assert!(matches!(Response::decode(&long), Ok(Response::Busy { .. })));
    let push = push(4);
    let mut answers = Vec::new();
    for _ in 0..12 {
        let Outcome::Answer(answer) = raw.ask(&push).await else { panic!() };
        answers.push(Response::decode(&answer).unwrap());
    }
    assert_eq!(answers[0], Response::Done);
    assert!(matches!(answers[11], Response::Busy { .. }), "{answers:?}");
    drop(gate);
    assert_eq!(raw.ask_in_time(&push).await, Response::Done);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_panics_begins_anew_and_one_that_always_does_ends() {
    let mut rng = seeded(14);
    let (nodes, world) = nodes(&silent(2), true, &mut rng).await;
    let [a, b] = &nodes[..] else { panic!() };
    let address = a.address();
    a.host.panics.store(1, Ordering::SeqCst);
    b.misses(a).await;
    a.sees(b).await;
    b.sees(a).await;
    assert_eq!(a.address(), address);
    a.post(world.id, "I am back", &mut rng);
    b.has_posts(world.id, 1).await;
    a.host.panics.store(u32::MAX, Ordering::SeqCst);
    let reason = tokio::time::timeout(WITHIN, a.mesh.ended()).await.unwrap();
    assert!(reason.contains("panic"), "{reason}");
    assert!(a.mesh.status().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mesh_does_not_start_with_another_key_or_without_its_port() {
    let mut rng = seeded(15);
    let (keys, other) = (Keys::new(&mut rng), Keys::new(&mut rng));
    let mut wrong = setup(&keys, &Options::default(), &[]);
    wrong.cert = other.cert.clone();
    assert!(matches!(Mesh::start(wrong, host()).await, Err(StartError::Certificate)));
    let mut wrong = setup(&keys, &Options::default(), &[]);
    wrong.listen = vec!["nowhere".to_owned()];
    assert!(matches!(Mesh::start(wrong, host()).await, Err(StartError::Listen { .. })));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut wrong = setup(&keys, &Options::default(), &[]);
    let port = taken.local_addr().unwrap().port();
    wrong.listen = vec![TCP.replace("/tcp/0", &format!("/tcp/{port}"))];
    assert!(matches!(Mesh::start(wrong, host()).await, Err(StartError::Listen { .. })));
}

/// Whether what takes long is run, and held to bounds that a busy machine may miss.
fn is_full() -> bool {
    std::env::var("ROOKERY_TEST").is_ok_and(|kind| kind == "full")
}

/// How long an entry takes to be durable on two other nodes, at 200 a second; with `ROOKERY_TEST=full`
/// for longer, and within a bound.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn latency_at_two_hundred_a_second() {
    let mut rng = seeded(18);
    // One node says all of it, and more than its pace would let in.
    let pace = Pace { entries: 1_000, ..Pace::default() };
    let mut options = options(3);
    options.iter_mut().for_each(|options| options.limits.pace = pace);
    let (nodes, world) = nodes(&options, true, &mut rng).await;
    let mut before = 0;
    while nodes[1..].iter().any(|node| node.by_gossip() == 0) {
        nodes[0].post(world.id, "warm", &mut rng);
        before += 1;
        for node in &nodes {
            node.has_posts(world.id, before).await;
        }
    }
    let all = if is_full() { 2_000 } else { 100 };
    let arrivals = nodes[1..].iter().map(|node| async {
        let mut at = Vec::with_capacity(all);
        for i in 1..=all {
            node.has_posts(world.id, before + i).await;
            at.push(Instant::now());
        }
        at
    });
    let sends = async {
        let mut pace = tokio::time::interval(Duration::from_millis(5));
        let mut at = Vec::with_capacity(all);
        for i in 0..all {
            pace.tick().await;
            at.push(Instant::now());
            nodes[0].post(world.id, &i.to_string(), &mut rng);
        }
        at
    };
    let (sent, arrived) = tokio::join!(sends, futures_util::future::join_all(arrivals));
    let took = arrived.iter().flat_map(|at| at.iter().zip(&sent).map(|(at, sent)| *at - *sent));
    let mut took: Vec<Duration> = took.collect();
    took.sort_unstable();
    let (p50, p99) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    println!("p50 {p50:?}, p99 {p99:?}, most {:?}", took[took.len() - 1]);
    assert!(p99 < Duration::from_millis(250) || !is_full(), "{p99:?}");
}

/// How long a message takes to be shown on another node, quiet and while a third writes 1,300 a second;
/// and the latter again without a pace, to compare with. With `ROOKERY_TEST=full` for longer, and within
/// a bound.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn latency_beside_a_flood() {
    let none = Pace { entries: u32::MAX, at_once: u32::MAX, over_for: Duration::from_secs(5) };
    let mut measured = Vec::new();
    for pace in [Pace::default(), none] {
        let mut rng = seeded(25);
        let mut options = options(3);
        options.iter_mut().for_each(|options| options.limits.pace = pace);
        let (nodes, world) = nodes(&options, true, &mut rng).await;
        let [a, b, flooder] = &nodes[..] else { panic!() };
        let mut said = 0;
        let mut latencies = async |count: usize| {
            let mut rng = seeded(26);
            let mut took = Vec::new();
            let mut pace = tokio::time::interval(Duration::from_millis(20));
            for _ in 0..count {
                pace.tick().await;
                let begin = Instant::now();
                a.post(world.id, "to b", &mut rng);
                said += 1;
                b.has_words(world.id, a, said).await;
                took.push(begin.elapsed());
            }
            took.sort_unstable();
            (took[count / 2], took[count * 99 / 100], took[count - 1])
        };
        while a.by_gossip() == 0 || b.by_gossip() == 0 {
            flooder.post(world.id, "warm", &mut rng);
            latencies(1).await;
        }
        let all = if is_full() { 400 } else { 25 };
        let quiet = latencies(all).await;
        let flood = async {
            let mut pace = tokio::time::interval(Duration::from_millis(10));
            loop {
                pace.tick().await;
                for _ in 0..13 {
                    flooder.post(world.id, "flood", &mut rng);
                }
            }
        };
        let flooded = tokio::select! {
            flooded = async { (latencies(50).await, latencies(all).await) } => flooded,
            () = flood => unreachable!("it never ends"),
        };
        let (wrote, came) = (flooder.words(world.id, flooder), b.words(world.id, flooder));
        println!(
            "p50, p99, most: quiet {quiet:?}, begins {:?}, goes on {:?}",
            flooded.0, flooded.1
        );
        println!("{came} of {wrote} came");
        measured.push((quiet, flooded));
    }
    let (quiet, flooded) = measured[0];
    assert!(flooded.1.1 < 4 * quiet.1 || !is_full(), "{quiet:?} {flooded:?}");
}
