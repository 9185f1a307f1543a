//! Bytes that no client sends: each gets its protocol error or a closed connection, and another
//! client's pings notice nothing.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use rand::Rng as _;
use rand::rngs::StdRng;
use rookery_load::{Client, ClientError, Framing, Wire, WireError, clock};
use tl::functions as f;
use tl::mtproto::{functions, types};

use crate::support::node::TestNode;
use crate::*;

/// How the server took it.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// The connection was closed in silence.
    Closed,
    /// A transport error.
    Transport(i32),
    /// bad_msg_notification.
    BadMsg(i32),
    /// rpc_error.
    Rpc(i32),
}

fn verdict(client: &mut Client) -> Verdict {
    let answer = client.wait(PATIENCE, |message| {
        if let Some(bad) = message.service::<types::BadMsgNotification>() {
            return Some(Verdict::BadMsg(bad.error_code));
        }
        let result = message.service::<types::RpcResult>()?;
        let error = tl::from_bytes::<types::RpcError>(&result.result.0, 0);
        Some(Verdict::Rpc(error.expect("a hostile request was executed").error_code))
    });
    match answer {
        Ok(verdict) => verdict,
        Err(ClientError::Wire(WireError::Closed)) => Verdict::Closed,
        Err(ClientError::Transport(code)) => Verdict::Transport(code),
        Err(error) => panic!("neither an answer nor a close: {error}"),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    let packed_data = encoder.finish().unwrap();
    tl::to_bytes(&types::GzipPacked { packed_data }, 0).unwrap()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

const VECTOR: u32 = 0x1cb5_c415;

/// `initConnection` whose `params` is an array in an array in an array, `bytes` long.
fn nested_json(bytes: usize) -> Vec<u8> {
    // invokeWithLayer, layer; initConnection, flags.1 (params), api_id
    let mut body = words(&[0xda9b_0d0d, LAYER as u32, 0xc1cd_5ea9, 2, 1]);
    for _ in 0..6 {
        body.extend_from_slice(&[1, b'x', 0, 0]);
    }
    let level = words(&[0xf744_4763, VECTOR, 1]); // jsonArray of one
    while body.len() < bytes {
        body.extend_from_slice(&level);
    }
    body.extend(words(&[0x3f6d_7b68, 0xc4f9_186b])); // jsonNull; help.getConfig
    body
}

fn container(messages: &[(i64, &[u8])]) -> Vec<u8> {
    let messages = messages
        .iter()
        .map(|(msg_id, body)| types::Message {
            msg_id: *msg_id,
            seqno: 1,
            body: tl::Rest(body.to_vec()),
        })
        .collect();
    tl::to_bytes(&types::MsgContainer { messages }, 0).unwrap()
}

#[test]
fn hostile_bytes_get_an_answer_or_a_close_and_others_notice_nothing() {
    let node = TestNode::start();
    let mut generator = rng(21);
    let mut bystander = connect(&node, &mut generator);
    bystander.ping(&mut generator).unwrap();
    let attacker = connect(&node, &mut generator);
    let done = AtomicBool::new(false);
    let slowest = thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut rng = rng(22);
            let (mut slowest, mut pings) = (Duration::ZERO, 0);
            while !done.load(Ordering::Relaxed) || pings < 20 {
                let begin = clock::now();
                bystander.ping(&mut rng).expect("a bystander was disturbed");
                slowest = slowest.max(clock::now() - begin);
                pings += 1;
            }
            slowest
        });
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            attack_frames(&node, &attacker, &mut generator);
            attack_bodies(&node, &attacker, &mut generator);
        }));
        done.store(true, Ordering::Relaxed);
        let slowest = watch.join().expect("the bystander's thread");
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        slowest
    });
    // Debug builds on busy machines answer a ping within some milliseconds; a stall is seconds.
    assert!(slowest < Duration::from_secs(3), "a bystander's ping took {slowest:?}");
}

/// What goes wrong before a message can be decrypted.
fn attack_frames(node: &TestNode, attacker: &Client, rng: &mut StdRng) {
    type Attack = fn(&mut Client, &mut StdRng);
    let attacks: [(&str, Attack); 8] = [
        ("half a frame", |client, _| {
            client.wire.send_raw(&[64, 0, 0, 0, 1, 2, 3]).unwrap();
            client.wire.finish().unwrap();
        }),
        ("a frame of 2^31 - 1", |client, _| client.wire.send_raw(&words(&[0x7fff_ffff])).unwrap()),
        ("a frame of 2^31", |client, _| client.wire.send_raw(&words(&[0x8000_0000])).unwrap()),
        ("a frame of 2 MB", |client, _| client.wire.send_raw(&words(&[2 << 20])).unwrap()),
        ("a frame of 41 bytes", |client, _| {
            client.wire.send_raw(&words(&[41])).unwrap();
            client.wire.send_raw(&[7; 41]).unwrap();
        }),
        ("a key and nothing else", |client, _| {
            let id = client.key().id().to_le_bytes();
            client.wire.send(&id, false).unwrap();
        }),
        ("a flipped bit", |client, rng| {
            let envelope = client.session.next(false);
            let body = tl::to_bytes(&functions::Ping { ping_id: 1 }, 0).unwrap();
            let mut frame = client.session.seal(envelope, &body, rng);
            *frame.last_mut().unwrap() ^= 1;
            client.wire.send(&frame, false).unwrap();
        }),
        ("an unencrypted message of no exchange", |client, _| {
            let mut frame = vec![0; 20];
            frame[16] = 8;
            frame.extend_from_slice(&[9; 8]);
            client.wire.send(&frame, false).unwrap();
        }),
    ];
    for (name, attack) in attacks {
        let mut client = attacker.sibling(node.mtproto, rng).unwrap();
        attack(&mut client, rng);
        let verdict = verdict(&mut client);
        let expected = [Verdict::Closed, Verdict::Transport(-404)];
        assert!(expected.contains(&verdict), "{name}: {verdict:?}");
    }
    for round in 0..20 {
        let mut wire = Wire::open(node.mtproto, Framing::Intermediate).unwrap();
        let mut noise = vec![0; 1024 + round];
        rng.fill_bytes(&mut noise);
        // The server may already have closed.
        wire.send_raw(&noise).and_then(|()| wire.finish()).ok();
        let end = loop {
            match wire.receive() {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(!matches!(end, WireError::Timeout), "noise {round}: neither answered nor closed");
    }
}

/// What goes wrong inside an encrypted message.
fn attack_bodies(node: &TestNode, attacker: &Client, rng: &mut StdRng) {
    let ping = tl::to_bytes(&functions::Ping { ping_id: 1 }, 0).unwrap();
    let old = attacker.session.msg_id_at(-1);
    let deep = nested_json(1 << 20);
    let get_users = |count| words(&[0x0d91_a548, VECTOR, count]);
    let bodies: Vec<(&str, bool, Vec<u8>)> = vec![
        ("a nested JSONValue of 1 MB", true, deep.clone()),
        ("a nested JSONValue of 60 KB", true, nested_json(60 << 10)),
        ("a nested JSONValue of 1 MB, packed", true, gzip(&deep)),
        ("a vector of 2^31", true, get_users(0x8000_0000)),
        ("a vector of 2^31 - 1", true, get_users(0x7fff_ffff)),
        ("gzip of 1000:1", true, gzip(&vec![0; 32 << 20])),
        ("gzip in gzip in gzip", true, gzip(&gzip(&gzip(&ping)))),
        ("a broken gzip", true, {
            let mut broken = gzip(&vec![3; 4096]);
            broken[20] ^= 0xff;
            broken
        }),
        ("a container in a container", false, container(&[(old, &container(&[(old - 4, &ping)]))])),
        ("a container of 2^31", false, words(&[0x73f1_f8dc, 0x8000_0000])),
        ("a container cut short", false, words(&[0x73f1_f8dc, 3, 0, 0])),
        ("a string of 16 MB that is not there", true, {
            // auth.sendCode; a length of 2^24 - 1
            let mut body = words(&[0xa677_244f]);
            body.extend_from_slice(&[254, 0xff, 0xff, 0xff]);
            body
        }),
        ("a request of no bytes", true, Vec::new()),
    ];
    for (name, content, body) in bodies {
        let mut client = attacker.sibling(node.mtproto, rng).unwrap();
        client.ping(rng).unwrap();
        // The server may close while a megabyte is still on its way.
        client.send(&body, content, rng).ok();
        let verdict = verdict(&mut client);
        let is_right = matches!(
            verdict,
            Verdict::Closed | Verdict::Transport(-404) | Verdict::BadMsg(_) | Verdict::Rpc(400)
        );
        assert!(is_right, "{name}: {verdict:?}");
        if !matches!(verdict, Verdict::Closed | Verdict::Transport(_)) {
            client.ping(rng).unwrap_or_else(|error| panic!("{name}: then {error}"));
        }
    }
    // The attacker's own key is as good as before.
    let mut client = attacker.sibling(node.mtproto, rng).unwrap();
    client.invoke_raw(&initialised(&f::help::GetNearestDc {}), rng).unwrap();
}
