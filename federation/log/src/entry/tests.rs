use super::*;
use crate::body::{ControlBody, DataBody};
use crate::cbor::{List, Malformed};
use crate::header::{Generation, HEADER_BYTES_MAX};
use crate::ids::{ControlRef, EntryRef, GroupId, Hash16, Node16, NodeId, UserRef};
use crate::testing::{SUPERGROUP, TestNode, genesis, seeded, text};

fn data_header() -> Header {
    let dep = |n: u8| EntryRef { node: Node16([n; 16]), inc: 0, seq: 9, hash: Hash16([n; 16]) };
    Header {
        group: GroupId([1; 32]),
        node: NodeId([2; 32]),
        lane: Lane::Data {
            inc: 3,
            user: 4,
            ctl: Some(ControlRef {
                recovery: 0,
                act: Hash16::default(),
                seq: 5,
                hash: Hash16([6; 16]),
            }),
            deps: List::new(vec![dep(1), dep(2)]).unwrap(),
            epoch: Some(Hash16([7; 16])),
            flags: 1,
        },
        seq: 8,
        key_serial: 1,
        prev: EntryId([9; 32]),
        ts_ms: 10,
        kind: 64,
        body_hash: [0; 32],
        body_len: 0,
    }
}

fn control_header() -> Header {
    let user = Some(UserRef { node: Node16([3; 16]), id: 5 });
    let generation = Generation { recovery: 1, act: Hash16([4; 16]), term: 2 };
    Header { lane: Lane::Control { generation, user }, ..data_header() }
}

#[test]
fn entries_round_trip_and_verify() {
    let node = TestNode::new(&mut seeded(1));
    for header in [data_header(), control_header()] {
        let body = text("hello").encode(&[5; 16]);
        let entry = Entry::sign(header, body.clone(), Signer::Node, &node.op).unwrap();
        let read = Entry::decode(&entry.encode()).unwrap();
        assert_eq!(read, entry);
        assert_eq!(read.body(), Some(body.as_slice()));
        read.verify(Signer::Node, &node.cert.op()).unwrap();
        // One signature says one thing.
        assert!(read.verify(Signer::Recovery, &node.cert.op()).is_err());

        let mut bare = read.clone();
        bare.erase_body();
        let mut bare = Entry::decode(&bare.encode()).unwrap();
        assert_eq!((bare.id(), bare.body()), (entry.id(), None));
        assert_eq!(bare.put_body(b"another body"), Err(Malformed));
        bare.put_body(&body).unwrap();
        assert_eq!(bare, entry);
    }
}

/// Every changed bit is refused: by the decoder, or by the signature. Never the same entry twice.
#[test]
fn any_changed_bit_is_refused() {
    let node = TestNode::new(&mut seeded(2));
    for header in [data_header(), control_header()] {
        let entry = Entry::sign(header, vec![3; 40], Signer::Node, &node.op).unwrap();
        let bytes = entry.encode();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = Entry::decode(&changed) {
                assert!(read.verify(Signer::Node, &node.cert.op()).is_err(), "bit {bit}");
            }
        }
        for length in 0..bytes.len() {
            let cut = Entry::decode(&bytes[..length]);
            assert!(cut.is_err() || cut.unwrap().body().is_none(), "length {length}");
        }
    }
}

#[test]
fn headers_that_contradict_themselves_are_refused() {
    let refused = |change: fn(&mut Header)| {
        let mut header = data_header();
        change(&mut header);
        assert_eq!(Header::decode_prefix(&header.encode()).map(|_| ()), Err(Malformed));
    };
    refused(|header| header.seq = 0);
    refused(|header| header.prev = EntryId::default());
    refused(|header| header.group = GroupId::default());
    refused(|header| {
        if let Lane::Data { ctl: Some(ctl), .. } = &mut header.lane {
            ctl.recovery = 1;
        }
    });
    refused(|header| {
        if let Lane::Data { deps, .. } = &mut header.lane {
            *deps = List::new(vec![deps[1], deps[0]]).unwrap();
        }
    });
    refused(|header| {
        if let Lane::Data { deps, .. } = &mut header.lane {
            *deps = List::new(vec![deps[0], deps[0]]).unwrap();
        }
    });
}

#[test]
fn the_largest_header_fits_its_bound() {
    let dep = |n: u8| EntryRef {
        node: Node16([n; 16]),
        inc: u32::MAX,
        seq: u64::MAX,
        hash: Hash16([n; 16]),
    };
    let mut header = data_header();
    header.seq = u64::MAX;
    header.ts_ms = u64::MAX;
    if let Lane::Data { deps, user, inc, flags, .. } = &mut header.lane {
        *deps = List::new((0..32).map(dep).collect()).unwrap();
        (*user, *inc, *flags) = (u64::MAX, u32::MAX, u32::MAX);
    }
    let bytes = header.encode();
    assert!(bytes.len() < HEADER_BYTES_MAX, "{}", bytes.len());
    assert_eq!(Header::decode_prefix(&bytes), Ok((header, bytes.len())));
}

#[test]
fn long_bodies_are_refused_before_they_are_read() {
    let node = TestNode::new(&mut seeded(3));
    let sign = |header, length| Entry::sign(header, vec![0; length], Signer::Node, &node.op);
    assert!(sign(data_header(), DATA_BODY_BYTES_MAX).is_ok());
    assert!(sign(data_header(), DATA_BODY_BYTES_MAX + 1).is_err());
    assert!(sign(control_header(), CONTROL_BODY_BYTES_MAX).is_ok());
    assert!(sign(control_header(), CONTROL_BODY_BYTES_MAX + 1).is_err());
}

/// Seeded noise, and valid entries with bytes changed: a value or an error, and each value has one
/// encoding.
#[test]
fn hostile_bytes_are_refused_or_have_one_encoding() {
    use rand::RngExt;
    let mut rng = seeded(crate::testing::fuzz_seed());
    let recovery = keys::NodeIdentity::generate(&mut rng);
    let home = TestNode::new(&mut rng);
    let (start, _) = genesis(&home, &recovery, &SUPERGROUP, &mut rng);
    let data = Entry::sign(data_header(), vec![3; 40], Signer::Node, &home.op).unwrap();
    for round in 0..crate::testing::fuzz_iterations() {
        let mut bytes = if round % 2 == 0 { start.encode() } else { data.encode() };
        for _ in 0..rng.random_range(1..4) {
            let place = rng.random_range(0..bytes.len().min(400));
            match rng.random_range(0..3) {
                0 => bytes[place] = rng.random(),
                1 => drop(bytes.remove(place)),
                _ => bytes.insert(place, rng.random()),
            }
        }
        if let Ok(entry) = Entry::decode(&bytes) {
            assert_eq!(entry.encode(), bytes);
        }
        let kind = rng.random_range(0..80);
        let body: Vec<u8> = match start.body() {
            Some(body) if round % 2 == 0 => {
                let mut body = body.to_vec();
                let place = rng.random_range(0..body.len());
                body[place] = rng.random();
                body
            }
            _ => (0..rng.random_range(0..80)).map(|_| rng.random()).collect(),
        };
        if let Ok(read) = ControlBody::decode(kind, &body) {
            assert_eq!(read.encode(body.first_chunk().unwrap()), body);
        }
        if let Ok(read) = DataBody::decode(kind, &body) {
            assert_eq!(read.encode(body.first_chunk().unwrap()), body);
        }
    }
}
