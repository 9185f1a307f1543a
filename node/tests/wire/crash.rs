//! Losing the process and the disk: what was acknowledged is there, once, at both ends.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use std::{fs, thread};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rookery_load::{Client, ClientError};
use tl::{enums, functions as f, types};

use crate::support::isolation::isolated;
use crate::support::process;
use crate::{LAYER, join, rng, with_config};

/// So often the node is killed; with `ROOKERY_TEST=full` more.
fn kills() -> usize {
    if std::env::var("ROOKERY_TEST").is_ok_and(|kind| kind == "full") { 300 } else { 30 }
}

/// A node comes back within this, busy as the machine may be.
const BACK_WITHIN: Duration = Duration::from_secs(30);

/// A sender as fast as the node: no bucket of requests stops it.
const FAST: &str =
    "[limits]\nrequests_per_key_burst = 1000000\nrequests_per_key_per_second = 100000\n";

fn message(peer: &enums::InputPeer, number: u64) -> f::messages::SendMessage {
    f::messages::SendMessage {
        peer: peer.clone(),
        message: format!("{number}"),
        random_id: number as i64 + 1,
        ..Default::default()
    }
}

/// The same login on a new connection, as soon as somebody listens.
fn again(client: &Client, address: SocketAddr, rng: &mut StdRng) -> Client {
    #[expect(clippy::disallowed_methods, reason = "a limit in wall time")]
    let began = Instant::now();
    loop {
        let found = client.sibling(address, rng).and_then(|mut found| {
            found.introduce(rng)?;
            Ok(found)
        });
        match found {
            Ok(found) => return found,
            Err(cause) => assert!(began.elapsed() < BACK_WITHIN, "not back: {cause}"),
        }
    }
}

/// What `f` found while the node was killed at random moments under it.
fn send_until_killed(
    client: &mut Client,
    peer: &enums::InputPeer,
    next: &mut u64,
    acknowledged: &mut Vec<u64>,
    stop: &AtomicBool,
    rng: &mut StdRng,
) {
    while !stop.load(Ordering::SeqCst) {
        match client.invoke(&message(peer, *next), LAYER, rng) {
            Ok(_) => {
                acknowledged.push(*next);
                *next += 1;
            }
            // A real refusal is a failure; a lost connection is what this is about. The message is
            // sent again under the same random_id.
            Err(ClientError::Rpc { code, name }) => panic!("{code} {name}"),
            Err(_) => return,
        }
    }
}

/// The texts of a whole dialog, oldest first.
fn texts(client: &mut Client, peer: &enums::InputPeer, rng: &mut StdRng) -> Vec<u64> {
    let (mut found, mut offset_id) = (Vec::new(), 0);
    loop {
        let page = f::messages::GetHistory {
            peer: peer.clone(),
            offset_id,
            limit: 100,
            ..Default::default()
        };
        let messages = match client.invoke(&page, LAYER, rng).unwrap() {
            enums::messages::Messages::Messages(page) => page.messages,
            enums::messages::Messages::MessagesSlice(page) => page.messages,
            other => panic!("{other:?}"),
        };
        if messages.is_empty() {
            found.reverse();
            return found;
        }
        for message in messages {
            let enums::Message::Message(message) = message else { panic!("no message") };
            found.push(message.message.parse().unwrap());
            offset_id = message.id;
        }
    }
}

/// Kill −9 at 30 random moments under a stream of sends: nothing acknowledged is lost, nothing is
/// there twice, the order holds, at both ends; no login is lost, and pts never goes back.
#[test]
fn every_acknowledged_message_survives_the_kills() {
    let seed = 20_261_125;
    println!("seed {seed}");
    let rng = &mut rng(seed);
    let mut node = with_config(FAST);
    let mut ada = join(&node, "Ada", rng);
    let mut bob = join(&node, "Bob", rng);
    let to_bob = ada.find(&[&bob.phone], rng).unwrap().remove(0);
    let to_ada = bob.find(&[&ada.phone], rng).unwrap().remove(0);
    let (mut next, mut acknowledged) = (0, Vec::new());
    let (_quiet, never) = mpsc::sync_channel::<()>(0);
    let mut pts = 0;
    for _ in 0..kills() {
        let pause = Duration::from_millis(rng.random_range(30..400));
        let stop = AtomicBool::new(false);
        let mut own = StdRng::seed_from_u64(rng.random());
        thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let client = &mut ada.client;
                send_until_killed(client, &to_bob, &mut next, &mut acknowledged, &stop, &mut own);
            });
            // The moment of the kill is chance, not a wait for something.
            never.recv_timeout(pause).unwrap_err();
            node.kill_and_restart();
            stop.store(true, Ordering::SeqCst);
            sender.join().unwrap();
        });
        ada.client = again(&ada.client, node.mtproto, rng);
        bob.client = again(&bob.client, node.mtproto, rng);
        let now = ada.pts(rng).unwrap();
        assert!(now >= pts, "pts went back from {pts} to {now}");
        pts = now;
    }
    // The last one, whose answer the last kill took away.
    ada.client.invoke(&message(&to_bob, next), LAYER, rng).unwrap();
    acknowledged.push(next);
    assert!(acknowledged.len() > 10 * kills(), "hardly anything was sent: {}", acknowledged.len());
    for (who, client, peer) in
        [("the sender", &mut ada.client, &to_bob), ("the receiver", &mut bob.client, &to_ada)]
    {
        let found = texts(client, peer, rng);
        let distinct: BTreeSet<u64> = found.iter().copied().collect();
        assert_eq!(distinct.len(), found.len(), "{who} has a message twice");
        assert_eq!(found, acknowledged, "{who}: every number was sent until it was acknowledged");
    }
    println!("{} messages, {} kills", acknowledged.len(), kills());
}

/// With the disk full, writing is refused with an honest wait and reading goes on; with room, all
/// goes on; what was acknowledged is there after a restart.
#[test]
fn a_full_disk_refuses_writes_and_loses_nothing() {
    isolated("crash::a_full_disk_refuses_writes_and_loses_nothing", BACK_WITHIN * 4, || {
        let temporary = std::env::temp_dir();
        let mounted = process::run(
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=200m", "tmpfs"]).arg(&temporary),
            BACK_WITHIN,
        );
        assert!(mounted.status.success(), "mount: {}", mounted.stderr);
        let rng = &mut rng(7);
        let mut node = with_config(FAST);
        let mut ada = join(&node, "Ada", rng);
        let to_self: enums::InputPeer = types::InputPeerSelf {}.into();
        ada.client.invoke(&message(&to_self, 0), LAYER, rng).unwrap();
        // The node stops well before the disk is full: it needs room to write what it has taken.
        let filler = temporary.join("filler");
        fs::write(&filler, vec![0; 150 << 20]).unwrap();
        let mut next = 1;
        let refused = loop {
            match ada.client.invoke(&message(&to_self, next), LAYER, rng) {
                Ok(_) => next += 1,
                Err(ClientError::Rpc { code, name }) => break (code, name),
                Err(other) => panic!("{other}"),
            }
            assert!(next < 100_000, "the disk is full, and nothing says so");
        };
        assert_eq!(refused.0, 420, "{refused:?}");
        assert!(refused.1.starts_with("FLOOD_WAIT_"), "{refused:?}");
        let all: Vec<u64> = (0..next).collect();
        assert_eq!(texts(&mut ada.client, &to_self, rng), all, "reading goes on");
        fs::remove_file(filler).unwrap();
        ada.client.invoke(&message(&to_self, next), LAYER, rng).unwrap();
        node.kill_and_restart();
        ada.client = again(&ada.client, node.mtproto, rng);
        let all: Vec<u64> = (0..=next).collect();
        assert_eq!(texts(&mut ada.client, &to_self, rng), all);
    });
}
