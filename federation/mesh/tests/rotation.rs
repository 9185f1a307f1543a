//! A node goes on under another key while its mesh runs.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up is a failure")]
#![expect(unreachable_pub, dead_code, reason = "the tests of the core share some of it")]

mod support;

use glog::GroupId;
use glog::cbor::List;
use mesh::StartError;
use mesh::frames::{Hello, Request, Response, VERSION};
use support::host::{Node, Options, QUIC, TCP, nodes, seeded};
use support::raw::{Outcome, Raw};
use support::world::Keys;

fn hello(keys: &Keys) -> Box<Hello> {
    Box::new(Hello {
        versions: List::new(vec![VERSION]).unwrap(),
        features: List::default(),
        cert: keys.cert.clone(),
        now_ms: 0,
    })
}

fn copy(keys: &Keys) -> keys::NodeIdentity {
    keys::NodeIdentity::from_seed(&keys.op.seed())
}

/// The same place, whatever key is at its end.
fn place(address: &str) -> &str {
    address.split("/p2p/").next().unwrap()
}

async fn goes_on(listen: &'static str, seed: u64) {
    let mut rng = seeded(seed);
    let options: Vec<Options> = (0..2).map(|_| Options { listen, ..Options::default() }).collect();
    let (nodes, world) = nodes(&options, true, &mut rng).await;
    let (new, before) = (nodes[0].keys.rotated(&mut rng), nodes[0].address());
    nodes[0].mesh.renew(copy(&new), new.cert.clone()).unwrap();
    // The other one alone dials, and knows the address with the old key.
    let id = nodes[0].id();
    nodes[1].host.until("the new key is here", |i| i.present.get(&id) == Some(&2)).await;
    nodes[0].sees(&nodes[1]).await;
    let after = nodes[0].address();
    assert_ne!(before, after);
    assert_eq!(place(&before), place(&after), "its port stays");
    nodes[1].post(world.id, "are you the same?", &mut rng);
    nodes[0].has_posts(world.id, 1).await;
    assert!(nodes.iter().all(|node| node.host.inner.lock().rejected == 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_goes_on_under_another_key() {
    goes_on(TCP, 31).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_goes_on_under_another_key_over_quic() {
    goes_on(QUIC, 32).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_key_is_taken_than_a_newer_one_of_the_node() {
    let mut rng = seeded(33);
    let node = Node::start(Keys::new(&mut rng), &Options::default(), &[]).await;
    let (new, other) = (node.keys.rotated(&mut rng), Keys::new(&mut rng).rotated(&mut rng));
    let certificate = |tried| assert!(matches!(tried, Err(StartError::Certificate)), "{tried:?}");
    certificate(node.mesh.renew(copy(&other), other.cert.clone()));
    certificate(node.mesh.renew(copy(&other), new.cert.clone()));
    certificate(node.mesh.renew(copy(&node.keys), node.keys.cert.clone()));
    node.mesh.renew(copy(&new), new.cert.clone()).unwrap();
    certificate(node.mesh.renew(copy(&new), new.cert.clone()));
}

/// That a node has a newer key may be told by a log: the thief's connection ends at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_ends_when_a_newer_key_is_heard_of() {
    let mut rng = seeded(34);
    let node = Node::start(Keys::new(&mut rng), &Options::default(), &[]).await;
    let old = Keys::new(&mut rng);
    let answer = Some(Response::Hello(hello(&old)));
    let mut thief = Raw::connect(&old.op, &node.address(), answer).await;
    let heads = Request::Heads { group: GroupId([1; 32]) };
    let greeting = Request::Hello(hello(&old));
    assert!(matches!(thief.ask_in_time(&greeting).await, Response::Hello(_)));
    assert_eq!(thief.ask_in_time(&heads).await, Response::Absent);
    node.host.until("it is here", |i| i.present.contains_key(&old.id)).await;
    // What is not newer changes nothing.
    node.mesh.has_newer(old.id, 1);
    assert_eq!(thief.ask_in_time(&heads).await, Response::Absent);
    node.mesh.has_newer(old.id, 2);
    thief.closed().await;
    node.host.until("it is gone", |i| !i.present.contains_key(&old.id)).await;
    // And does not come back: the host knows.
    node.host.serial.store(2, std::sync::atomic::Ordering::SeqCst);
    let mut again = Raw::connect(&old.op, &node.address(), None).await;
    let outcome = again.ask(&greeting).await;
    let refused = Outcome::Answer(Response::Refused.encode());
    assert!(outcome == refused || outcome == Outcome::Closed, "{outcome:?}");
}
