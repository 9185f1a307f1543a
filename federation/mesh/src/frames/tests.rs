//! Frames come back as they were, and nothing else is read: seeded, with `ROOKERY_FUZZ_SEED` and
//! `ROOKERY_FUZZ_ITERATIONS`.

use glog::cbor::Wire;
use glog::{CertBody, Hash16, Node16};
use keys::NodeIdentity;
use rand::rngs::StdRng;
use rand::{Rng, RngExt, SeedableRng};

use super::*;

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |value| value.parse().unwrap())
}

fn bytes<const N: usize>(rng: &mut StdRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn blob<const MAX: usize>(rng: &mut StdRng) -> Blob<MAX> {
    let mut bytes = vec![0; rng.random_range(0..=40)];
    rng.fill_bytes(&mut bytes);
    Blob::new(bytes).unwrap()
}

fn list<T, const MAX: usize>(
    rng: &mut StdRng,
    mut item: impl FnMut(&mut StdRng) -> T,
) -> List<T, MAX> {
    let count = rng.random_range(0..4);
    List::new((0..count).map(|_| item(rng)).collect()).unwrap()
}

fn entry_ref(rng: &mut StdRng) -> EntryRef {
    let (node, hash) = (Node16(bytes(rng)), Hash16(bytes(rng)));
    EntryRef { node, inc: rng.random(), seq: rng.random(), hash }
}

fn control_ref(rng: &mut StdRng) -> ControlRef {
    let (act, hash) = (Hash16(bytes(rng)), Hash16(bytes(rng)));
    ControlRef { recovery: rng.random(), act, seq: rng.random(), hash }
}

fn cert(rng: &mut StdRng) -> NodeCert {
    let root = NodeIdentity::generate(rng);
    let body = CertBody {
        root: *root.public().as_bytes(),
        op: bytes(rng),
        x25519: bytes(rng),
        serial: rng.random(),
        not_before_ms: rng.random(),
        domain: Text::new("node.example").unwrap(),
        addresses: list(rng, |_| Text::new("/dns4/node.example/tcp/4001").unwrap()),
    };
    NodeCert::sign(body, &root)
}

fn hello(rng: &mut StdRng) -> Box<Hello> {
    Box::new(Hello {
        versions: list(rng, |rng| rng.random()),
        features: list(rng, |_| Text::new("later").unwrap()),
        cert: cert(rng),
        now_ms: rng.random(),
    })
}

fn lane(rng: &mut StdRng) -> LaneName {
    let node = Node16(bytes(rng));
    if rng.random() { LaneName::Control } else { LaneName::Data { node, inc: rng.random() } }
}

fn call(rng: &mut StdRng) -> Call {
    let group = GroupId(bytes(rng));
    match rng.random_range(0..11) {
        0 => Call::Ask { evidence: blob(rng) },
        1 => Call::Follow { group },
        2 => Call::Unfollow { group },
        3 => Call::Join { join: blob(rng) },
        4 => Call::Resolve { name: Text::new("rook").unwrap() },
        5 => Call::Profiles { users: list(rng, |rng| rng.random()) },
        6 => Call::Manifest { blob: bytes(rng) },
        7 => Call::Chunk { blob: bytes(rng), index: rng.random() },
        8 => Call::Mail { sealed: blob(rng) },
        9 => Call::Cards { body: blob(rng) },
        _ => Call::Other { kind: rng.random(), body: blob(rng) },
    }
}

fn reply(rng: &mut StdRng) -> Reply {
    match rng.random_range(0..12) {
        0 => Reply::Answered { head: control_ref(rng) },
        1 => Reply::Refused { code: rng.random(), text: Text::new("NO").unwrap() },
        2 => Reply::Following { until_ms: rng.random() },
        3 => Reply::Done,
        4 => Reply::Joined { head: control_ref(rng) },
        5 => Reply::Found(blob(rng)),
        6 => Reply::NotFound,
        7 => Reply::Profiles(list(rng, blob)),
        8 => Reply::Manifest { hashes: list(rng, bytes), length: rng.random() },
        9 => Reply::Chunk(blob(rng)),
        10 => Reply::Cards(blob(rng)),
        _ => Reply::Other { kind: rng.random(), body: blob(rng) },
    }
}

fn request(rng: &mut StdRng) -> Request {
    let group = GroupId(bytes(rng));
    match rng.random_range(0..8) {
        0 => Request::Hello(hello(rng)),
        1 => Request::Digests(list(rng, |rng| Digest { tag: bytes(rng), digest: bytes(rng) })),
        2 => Request::Heads { group },
        3 => Request::Fetch {
            group,
            lane: lane(rng),
            from: rng.random(),
            to: rng.random(),
            bytes_max: rng.random(),
        },
        4 => Request::ByName { group, names: list(rng, entry_ref) },
        5 => Request::Certs { group },
        6 => Request::Push { group, further: rng.random(), entries: list(rng, blob) },
        _ => Request::Call(Box::new(call(rng))),
    }
}

fn response(rng: &mut StdRng) -> Response {
    match rng.random_range(0..9) {
        0 => Response::Hello(hello(rng)),
        1 => Response::Done,
        2 => Response::Absent,
        3 => Response::Heads(HeadsFrame {
            control: control_ref(rng),
            term: rng.random(),
            lanes: list(rng, entry_ref),
            public: rng.random(),
        }),
        4 => Response::Entries(list(rng, blob)),
        5 => Response::Certs(list(rng, cert)),
        6 => Response::Reply(Box::new(reply(rng))),
        7 => Response::Busy { retry_ms: rng.random() },
        _ => Response::Refused,
    }
}

/// One change of a frame, by a liar or a bad line.
fn damage(frame: &mut Vec<u8>, rng: &mut StdRng) {
    let at = rng.random_range(0..frame.len());
    match rng.random_range(0..4) {
        0 => frame[at] ^= 1 << rng.random_range(0..8),
        1 => frame.truncate(at),
        2 => frame.insert(at, rng.random()),
        _ => frame[at] = rng.random(),
    }
}

/// Whatever is read has this one encoding; the rest is refused without a panic.
fn fuzz<T: Wire + PartialEq + std::fmt::Debug>(make: fn(&mut StdRng) -> T) {
    let seed = number("ROOKERY_FUZZ_SEED", 1);
    let mut rng = StdRng::seed_from_u64(seed);
    let mut read = 0;
    for i in 0..number("ROOKERY_FUZZ_ITERATIONS", 5_000) {
        let value = make(&mut rng);
        let mut frame = encode(&value);
        assert_eq!(decode::<T>(&frame), Ok(value), "seed {seed}, round {i}");
        damage(&mut frame, &mut rng);
        if let Ok(other) = decode::<T>(&frame) {
            assert_eq!(encode(&other), frame, "seed {seed}, round {i}");
            read += 1;
        }
    }
    assert!(read > 0, "no damage was inside a value: the check saw nothing");
}

#[test]
fn requests_come_back_and_damaged_ones_are_another_or_none() {
    fuzz(request);
}

#[test]
fn responses_come_back_and_damaged_ones_are_another_or_none() {
    fuzz(response);
}

#[test]
fn every_cut_of_a_frame_and_every_byte_behind_it_is_refused() {
    let mut rng = StdRng::seed_from_u64(7);
    for _ in 0..200 {
        let mut frame = request(&mut rng).encode();
        assert!((0..frame.len()).all(|end| Request::decode(&frame[..end]).is_err()));
        frame.push(0);
        assert_eq!(Request::decode(&frame), Err(Malformed));
    }
}

#[test]
fn lengths_are_bounded_before_anything_is_allocated() {
    // [1 Digests, [a list of 2^64 - 1 values]], and [6 Push, [group, false, [an endless entry]]].
    let digests = [&[0x82, 0x01, 0x81, 0x9b][..], &[0xff; 8]].concat();
    assert_eq!(Request::decode(&digests), Err(Malformed));
    let push = [&[0x82, 0x06, 0x83, 0x58, 0x20][..], &[0; 32], &[0xf4, 0x81, 0x5b], &[0xff; 8]];
    assert_eq!(Request::decode(&push.concat()), Err(Malformed));
    let long = vec![0x80; FRAME_BYTES_MAX + 1];
    assert_eq!(Request::decode(&long), Err(Malformed));
    assert_eq!(Response::decode(&long), Err(Malformed));
    // One more than a bound: 257 names, a name of 65 bytes.
    let (group, name) = (GroupId([1; 32]), entry_ref(&mut StdRng::seed_from_u64(1)));
    let names = |count| {
        let names = List::new(vec![name; count]).unwrap();
        let mut frame = Request::ByName { group, names }.encode();
        // The head of the list says one more, and one more is there.
        let at = 2 + 1 + 34;
        assert_eq!(frame[at..at + 3], [0x99, 0x01, 0x00]);
        frame[at + 2] = 1;
        frame.extend(encode(&name));
        frame
    };
    assert_eq!(Request::decode(&names(NAMES_MAX)), Err(Malformed));
    let mut resolve = encode(&Call::Resolve { name: Text::new("r".repeat(64)).unwrap() });
    assert!(decode::<Call>(&resolve).is_ok());
    assert_eq!(resolve[3..5], [0x78, 64]);
    resolve[4] = 65;
    resolve.push(b'r');
    assert_eq!(decode::<Call>(&resolve), Err(Malformed));
}

#[test]
fn the_group_of_a_push_shows_before_it_is_read() {
    let mut rng = StdRng::seed_from_u64(4);
    for _ in 0..200 {
        let request = request(&mut rng);
        let group = match &request {
            Request::Push { group, .. } => Some(*group),
            _ => None,
        };
        assert_eq!(Request::pushes_to(&request.encode()), group, "{request:?}");
    }
    assert_eq!(Request::pushes_to(&[0x82, 0x06, 0x83, 0x58, 0x20]), None);
}

#[test]
fn the_fullest_frames_fit() {
    let mut rng = StdRng::seed_from_u64(8);
    let digest = Digest { tag: bytes(&mut rng), digest: bytes(&mut rng) };
    let digests = Request::Digests(List::new(vec![digest; DIGESTS_MAX]).unwrap()).encode();
    let lanes = (0..LANES_MAX as u32).map(|inc| EntryRef {
        node: Node16([1; 16]),
        inc: u32::MAX - LANES_MAX as u32 + inc,
        seq: u64::MAX,
        hash: Hash16([2; 16]),
    });
    let control = ControlRef { recovery: 0, act: Hash16([0; 16]), seq: 0, hash: Hash16([0; 16]) };
    let heads = Heads { control, term: 0, lanes: lanes.collect(), public: true, ends: false };
    let heads = Response::Heads(HeadsFrame::new(heads).unwrap()).encode();
    let hashes = List::new(vec![[7; 32]; crate::calls::CHUNKS_MAX]).unwrap();
    let manifest = Reply::Manifest { hashes, length: u64::MAX };
    let manifest = Response::Reply(Box::new(manifest)).encode();
    let entry = vec![7; ENTRY_BYTES_MAX];
    let entries = Response::Entries(page(vec![entry; 64], usize::MAX)).encode();
    for frame in [digests, heads, manifest, entries] {
        assert!(frame.len() <= FRAME_BYTES_MAX, "{}", frame.len());
        assert!(Request::decode(&frame).is_ok() || Response::decode(&frame).is_ok());
    }
}

#[test]
fn the_fullest_hello_is_read_of_who_has_not_shown_who_it_is() {
    let mut rng = StdRng::seed_from_u64(8);
    let body = glog::CertBody {
        root: bytes(&mut rng),
        op: bytes(&mut rng),
        x25519: bytes(&mut rng),
        serial: u32::MAX,
        not_before_ms: u64::MAX,
        domain: Text::new("d".repeat(253)).unwrap(),
        addresses: List::new(vec![Text::new("a".repeat(256)).unwrap(); 8]).unwrap(),
    };
    let hello = Box::new(Hello {
        versions: List::new(vec![u16::MAX; 16]).unwrap(),
        features: List::new(vec![Text::new("f".repeat(32)).unwrap(); 32]).unwrap(),
        cert: NodeCert { body, signature: bytes(&mut rng) },
        now_ms: u64::MAX,
    });
    for frame in [Request::Hello(hello.clone()).encode(), Response::Hello(hello).encode()] {
        assert!(frame.len() <= HELLO_BYTES_MAX / 2, "{}", frame.len());
    }
}

#[test]
fn a_page_holds_what_fits_and_one_entry_always() {
    let entries = |sizes: &[usize]| sizes.iter().map(|size| vec![7; *size]).collect::<Vec<_>>();
    let count = |sizes: &[usize], max| page(entries(sizes), max).len();
    assert_eq!(count(&[100, 100, 100], 200), 2);
    assert_eq!(count(&[100, 100, 100], 199), 1);
    assert_eq!(count(&[100, 100, 100], 0), 1);
    assert_eq!(count(&[], 100), 0);
    assert_eq!(count(&[60_000; 40], usize::MAX), 17);
    assert_eq!(count(&[10; 5_000], usize::MAX), ENTRIES_MAX);
}

#[test]
fn heads_that_are_not_in_order_are_refused() {
    let mut rng = StdRng::seed_from_u64(9);
    let head = |node: u8, inc| EntryRef { node: Node16([node; 16]), inc, ..entry_ref(&mut rng) };
    let mut head = head;
    let lists = [
        (vec![head(1, 0), head(1, 1), head(2, 0)], true),
        (vec![head(1, 0), head(1, 0)], false),
        (vec![head(2, 0), head(1, 1)], false),
        (vec![], true),
    ];
    let control = control_ref(&mut StdRng::seed_from_u64(1));
    for (lanes, is_sound) in lists {
        let frame = HeadsFrame { control, term: 0, lanes: List::new(lanes).unwrap(), public: true };
        assert_eq!(frame.read().is_ok(), is_sound);
    }
}

#[test]
fn a_tag_is_of_one_group_and_one_pair_in_either_order() {
    let [a, b, c] = [1, 2, 3].map(|i| NodeId([i; 32]));
    let [g, h] = [8, 9].map(|i| GroupId([i; 32]));
    assert_eq!(tag(&g, &a, &b), tag(&g, &b, &a));
    assert_ne!(tag(&g, &a, &b), tag(&g, &a, &c));
    assert_ne!(tag(&g, &a, &b), tag(&h, &a, &b));
}

#[test]
fn heads_behind_which_no_number_comes_are_refused() {
    let mut rng = StdRng::seed_from_u64(2);
    let (control, lane) = (control_ref(&mut rng), entry_ref(&mut rng));
    for (chain, data, is_sound) in [
        (7, 7, true),
        (u64::MAX - 1, u64::MAX - 1, true),
        (u64::MAX, 7, false),
        (7, u64::MAX, false),
    ] {
        let lanes = List::new(vec![EntryRef { seq: data, ..lane }]).unwrap();
        let control = ControlRef { seq: chain, ..control };
        let frame = HeadsFrame { control, term: 0, lanes, public: true };
        assert_eq!(frame.read().is_ok(), is_sound, "{chain} {data}");
    }
}
