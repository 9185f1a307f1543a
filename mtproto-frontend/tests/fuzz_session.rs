//! Seeded fuzzing of the session layer: well-formed traffic, damaged.
//!
//! `ROOKERY_FUZZ_ITERATIONS` (default 300) and `ROOKERY_FUZZ_SEED` (default 1) choose the run; a
//! failure names the seed that repeats it in one iteration.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod session_support;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use mtproto_frontend::session::{Event, INFLATED_BYTES_MAX, inflate};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use session_support::*;

/// What one session may hold after anything that fits in these packets.
const MEMORY_BYTES_MAX: usize = 24 << 20;

fn environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Runs `case` under the seeds of this run.
fn fuzz(case: impl Fn(&mut StdRng)) {
    let first = environment("ROOKERY_FUZZ_SEED", 1);
    for seed in (first..).take(environment("ROOKERY_FUZZ_ITERATIONS", 300) as usize) {
        let run = || case(&mut StdRng::seed_from_u64(seed));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            println!("repeat: ROOKERY_FUZZ_SEED={seed} ROOKERY_FUZZ_ITERATIONS=1");
            resume_unwind(panic);
        }
    }
}

const CONSTRUCTORS: [u32; 24] = [
    ACK,
    CONTAINER,
    DETAILED_INFO,
    GET_CONFIG,
    GZIP,
    NEW_DETAILED_INFO,
    PING,
    RPC_RESULT,
    STATE_INFO,
    VECTOR,
    0xf342_7b8c,
    0xb921_bd04,
    0x58e4_a740,
    0xda69_fb52,
    0x7d86_1a08,
    0x8610_baeb,
    0xe751_2126,
    0xd143_5160,
    0x9299_359f,
    0xe060_46b2,
    0x8cc0_d131,
    0xcdd4_2a05,
    0xda9b_0d0d,
    0xc1cd_5ea9,
];

fn packed(rng: &mut StdRng, body: &[u8]) -> Vec<u8> {
    let bytes = if rng.random() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    } else {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    };
    Tl::new(GZIP).bytes(&bytes).0
}

/// Some object, mostly well formed.
fn object(rng: &mut StdRng, client: &mut Client, depth: u32) -> Vec<u8> {
    let constructor = CONSTRUCTORS[rng.random_range(0..CONSTRUCTORS.len())];
    match constructor {
        CONTAINER if depth > 0 => {
            let count = rng.random_range(0..12);
            let parts: Vec<_> = (0..count)
                .map(|_| {
                    let body = object(rng, client, depth - 1);
                    (client.fresh_id(), rng.random_range(0..100), body)
                })
                .collect();
            Tl::container(&parts).0
        }
        GZIP if depth > 0 => {
            let body = object(rng, client, depth - 1);
            packed(rng, &body)
        }
        ACK | 0xda69_fb52 | 0x7d86_1a08 | 0x8610_baeb => {
            let ids: Vec<i64> =
                (0..rng.random_range(0..20)).map(|_| some_id(rng, client)).collect();
            Tl::new(constructor).longs(&ids).0
        }
        0x58e4_a740 => Tl::new(constructor).long(some_id(rng, client)).0,
        _ => {
            let words = rng.random_range(0..12);
            (0..words).fold(Tl::new(constructor), |tl, _| tl.int(rng.random())).0
        }
    }
}

/// An id near those in use, or any.
fn some_id(rng: &mut StdRng, client: &mut Client) -> i64 {
    match rng.random_range(0..4) {
        0 => rng.random(),
        1 => id_at(client.now_ms) + rng.random_range(-100..100),
        _ => client.fresh_id() - 4 * rng.random_range(0..20),
    }
}

fn damage(rng: &mut StdRng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.random_range(0..4) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..5) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = [0, 1, 0x7f, 0xfe, 0xff][rng.random_range(0..5)],
            2 => bytes.truncate(at),
            3 => bytes.insert(at, rng.random()),
            _ => {
                let end = rng.random_range(at..=bytes.len());
                let copy = bytes[at..end].to_vec();
                bytes.extend_from_slice(&copy);
            }
        }
    }
}

#[test]
fn damaged_packets_neither_panic_nor_grow_the_session_without_bound() {
    fuzz(|rng| {
        let mut client = Client::new();
        for round in 0..60 {
            client.now_ms = client.now_ms.saturating_add_signed(rng.random_range(-1000..3000));
            let mut body = object(rng, &mut client, 3);
            if rng.random_range(0..3) > 0 {
                damage(rng, &mut body);
            }
            let salt = client.salt;
            if rng.random_range(0..20) == 0 {
                client.salt = rng.random();
            }
            let msg_id = some_id(rng, &mut client);
            let seq_no = rng.random_range(0..200);
            for event in client.receive(msg_id, seq_no, &body) {
                match event {
                    Event::Request { msg_id, .. } if rng.random() => {
                        let after = some_id(rng, &mut client);
                        client.session.wait_for(msg_id, &[after, msg_id - 4, msg_id]);
                        client.session.reply(msg_id, bool_true());
                    }
                    Event::Request { msg_id, .. } => {
                        client.session.reply_error(msg_id, 400, "X");
                    }
                    _ => {}
                }
            }
            client.salt = salt;
            if rng.random() {
                client.session.push(update(round));
            }
            if rng.random_range(0..3) == 0 {
                // Takes every packet apart and checks it.
                client.poll();
            }
            if rng.random_range(0..10) == 0 {
                client.reconnect(round as u64 + 2);
            }
            if rng.random_range(0..10) == 0 {
                client.session.tick(client.now_ms);
            }
        }
        assert!(client.session.memory_bytes() < MEMORY_BYTES_MAX);
        // It still works: under a salt and an id that are good, a request runs.
        client.poll();
        client.now_ms += 60_000;
        client.salt = client.salts().current(client.now_ms);
        client.get_config();
    });
}

#[test]
fn damaged_packed_data_is_a_value_or_an_error() {
    fuzz(|rng| {
        let len = rng.random_range(0..5000);
        let body: Vec<u8> = (0..len).map(|_| rng.random_range(0..9)).collect();
        let mut packed = packed(rng, &body)[8..].to_vec();
        damage(rng, &mut packed);
        if let Ok(out) = inflate(&packed) {
            assert!(out.len() <= INFLATED_BYTES_MAX.min((64 << 10) + 128 * packed.len()));
        }
    });
}

#[test]
fn known_attacks_get_the_protocols_answer_and_the_session_goes_on() {
    let mut client = Client::known();
    // 1000:1.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; 9 << 20]).unwrap();
    let bomb = Tl::new(GZIP).bytes(&encoder.finish().unwrap()).0;
    client.request(&bomb);
    // The same in every message of a container: nothing adds up.
    let parts: Vec<_> = (0..100).map(|_| (client.fresh_id(), 1, bomb.clone())).collect();
    client.container(&parts);
    let refused = client.poll();
    assert_eq!(refused.len(), 101);
    assert!(refused.iter().all(|got| got.int(12) as u32 == RPC_ERROR && got.int(16) == 400));

    // A container of 100,000 messages, and one that only says so.
    let many: Vec<_> = (0..100_000).map(|n| (4 * n, 0, Tl::new(PING).long(1).0)).collect();
    let (id, events) = client.container(&many);
    assert!(events.is_empty());
    assert_eq!((client.bad_code(id), client.session.memory_bytes() < 32 << 10), (64, true));
    let (id, _) = client.service(Tl::new(CONTAINER).int(100_000));
    assert_eq!(client.bad_code(id), 64);

    // Containers in containers and packed objects in packed objects, a thousand deep.
    let (mut nested, mut packed_body) = (Tl::container(&[]).0, Tl::new(PING).long(1).0);
    for depth in 0..1000 {
        nested = Tl::container(&[(id_at(START_MS - 1000) + 4 * depth, 0, nested)]).0;
        packed_body = packed(&mut StdRng::seed_from_u64(depth as u64), &packed_body);
    }
    let (_, events) = client.service(Tl(nested));
    assert!(events.is_empty());
    let inner = client.only();
    assert_eq!((inner.id(), inner.int(16)), (BAD_MSG, 64));
    client.request(&packed_body);
    assert_eq!(client.only().int(16), 400);

    // A container of packed requests that are each small enough: together they are bounded too.
    let body = Tl::new(GET_CONFIG).raw(&[0; 60 << 10]).0;
    let small_bomb = packed(&mut StdRng::seed_from_u64(1), &body);
    let parts: Vec<_> = (0..1000).map(|_| (client.fresh_id(), 1, small_bomb.clone())).collect();
    let (_, events) = client.container(&parts);
    let bytes: usize = events
        .iter()
        .map(|event| if let Event::Request { body, .. } = event { body.len() } else { 0 })
        .sum();
    assert!(events.len() > 100 && bytes <= INFLATED_BYTES_MAX, "{} {bytes}", events.len());
    for event in events {
        if let Event::Request { msg_id, .. } = event {
            client.session.reply(msg_id, bool_true());
        }
    }
    client.poll();
    // A container of packed lists of ids.
    let list = Tl::new(0x8610_baeb).longs(&[4; 8192]).0;
    let list = packed(&mut StdRng::seed_from_u64(1), &list);
    let parts: Vec<_> = (0..1000).map(|_| (client.fresh_id(), 0, list.clone())).collect();
    client.container(&parts);
    let answers = client.poll();
    assert_eq!(answers.iter().filter(|got| got.is(STATE_INFO)).count(), 2);

    // A vector of 2^31 ids.
    client.request(&Tl::new(0xda69_fb52).id(VECTOR).id(0x8000_0000).long(4).0);
    assert_eq!(client.only().int(16), 400);
    // msg_copy in msg_copy, deep enough for a stack.
    let mut copy = Tl::new(PING).long(1).0;
    for depth in 0..10_000 {
        copy = Tl::new(0xe060_46b2)
            .long(4 * (10_000 - depth))
            .int(0)
            .int(copy.len() as i32)
            .raw(&copy)
            .0;
    }
    client.request(&copy);
    // A JSONValue of 1 MB in initConnection, looked at only because the salt is wrong.
    client.poll();
    client.salt ^= 1;
    let head = Tl::new(0xda9b_0d0d).int(230).id(0xc1cd_5ea9).int(2).int(4);
    let mut json = (0..6).fold(head, |tl, _| tl.bytes(b""));
    for _ in 0..100_000 {
        json = json.id(0xf744_4763).id(VECTOR).int(1);
    }
    let (_, events) = client.request(&json.0);
    assert!(events.is_empty());
    assert!(client.only().is(BAD_SALT));
    client.salt ^= 1;
    client.get_config();
    assert!(client.session.memory_bytes() < 256 << 10);
}
