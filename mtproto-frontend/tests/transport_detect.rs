//! What speaks on a connection is decided from its first bytes, however they arrive.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

mod transport_support;

use bytes::BytesMut;
use mtproto_frontend::transport::client::{ClientCodec, Disguise};
use mtproto_frontend::transport::{
    Detection, Detector, HEADER_BYTES, Handed, Protocol, SECRETS_MAX, Secret, Secrets, Surface,
    handed,
};
use rand::Rng;
use transport_support::{Server, Way, connect, encrypted, rng, secrets, unencrypted, ways};

const SOCKET: Detector = Detector::new(Surface::Socket);

/// A name for a decision, for comparison.
fn name(detection: &Detection) -> String {
    match detection {
        Detection::NeedMore => "more".into(),
        Detection::Tls => "tls".into(),
        Detection::Http => "http".into(),
        Detection::Reject => "reject".into(),
        Detection::Framed { codec, consumed } => {
            format!("{:?} {} {consumed}", codec.protocol(), codec.is_obfuscated())
        }
    }
}

fn decide(bytes: &[u8]) -> String {
    name(&SOCKET.detect(bytes, &secrets()))
}

/// The shortest prefix that is decided, after a check that no longer one is decided otherwise.
fn decided_at(bytes: &[u8]) -> (usize, String) {
    let last = decide(bytes);
    let at = (0..=bytes.len()).find(|&n| decide(&bytes[..n]) != "more").unwrap_or(bytes.len());
    for n in at..bytes.len() {
        assert_eq!(decide(&bytes[..n]), last, "{n} of {bytes:02x?}");
    }
    (at, last)
}

fn obfuscated_header(way: Way, seed: u64) -> BytesMut {
    let mut header = BytesMut::new();
    connect(way, Some(2), &mut header, &mut rng(seed));
    assert_eq!(header.len(), HEADER_BYTES);
    header
}

const OBFUSCATED: Way = Way { protocol: Protocol::Intermediate, disguise: Some(None) };

#[test]
fn plain_openings_are_known_by_their_own_bytes() {
    let tail = [0x55; 80];
    let cases: [(&[u8], usize, &str); 16] = [
        (&[0xef], 1, "Abridged false 1"),
        (&[0xee; 4], 4, "Intermediate false 4"),
        (&[0xdd; 4], 4, "PaddedIntermediate false 4"),
        (&[0x34, 0, 0, 0, 0, 0, 0, 0], 8, "Full false 0"),
        (b"GET /apiws HTTP/1.1\r\n", 4, "http"),
        (b"POST /apiw1 HTTP/1.1\r\n", 4, "http"),
        (b"HEAD / HTTP/1.1\r\n", 4, "http"),
        (b"OPTIONS /apiw1 HTTP/1.1\r\n", 4, "http"),
        (b"PUT / HTTP/1.1\r\n", 5, "http"),
        (b"PATCH / HTTP/1.1\r\n", 6, "http"),
        (b"DELETE / HTTP/1.1\r\n", 7, "http"),
        (b"TRACE / HTTP/1.1\r\n", 6, "http"),
        (b"CONNECT a:443 HTTP/1.1\r\n", 8, "http"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 12, "http"),
        // ClientHellos of OpenSSL (record version 3.1) and of TLS 1.2 stacks (3.3).
        (&[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3], 7, "tls"),
        (&[0x16, 3, 3, 0, 0xc8, 1, 0, 0, 0xc4, 3, 3], 7, "tls"),
    ];
    for (opening, at, expected) in cases {
        let bytes = [opening, &tail].concat();
        assert_eq!(decided_at(&bytes), (at, expected.to_owned()), "{opening:02x?}");
    }
}

#[test]
fn nothing_is_decided_from_nothing() {
    assert_eq!(decide(&[]), "more");
    let silence = Server::new(Surface::Socket, secrets()).feed(&[]);
    assert!(silence.unwrap().is_empty());
}

/// Bytes 0..8 of a header take no part in its keys, so any look-alike can be put there.
#[test]
fn an_obfuscated_header_is_never_taken_for_a_plain_opening() {
    let look_alikes: [&[u8; 8]; 16] = [
        b"\xee\xee\xee\xef\0\0\0\x01",
        b"\xdd\xdd\xdd\xde\0\0\x01\0",
        b"\x34\0\0\0\0\0\0\x01",
        b"\xf0\xef\xef\xef\xef\xef\xef\xef",
        b"GET/ HTT",
        b"get / HT",
        b"POSE / H",
        b"PUT\x01/ HT",
        b"PUT x / ",
        b"PATCHES ",
        b"DELETE\0\0",
        b"PRI * HX",
        b"\x16\x03\x01\x02\0\x02\0\x01",
        b"\x16\x03\x03\x01\0\x01\x01\0",
        b"\x16\x03\x05\x01\0\x01\0\0",
        b"\x15\x03\x01\x01\0\x01\0\0",
    ];
    for look_alike in look_alikes {
        let mut header = obfuscated_header(OBFUSCATED, 3);
        header[..8].copy_from_slice(look_alike);
        let expected = (HEADER_BYTES, "Intermediate true 64".to_owned());
        assert_eq!(decided_at(&header), expected, "{look_alike:02x?}");
    }
}

#[test]
fn a_reserved_opening_is_never_taken_for_an_obfuscated_header() {
    let reserved: [(&[u8], &str); 8] = [
        (b"\xef", "Abridged false 1"),
        (b"\xee\xee\xee\xee", "Intermediate false 4"),
        (b"\xdd\xdd\xdd\xdd", "PaddedIntermediate false 4"),
        (b"GET ", "http"),
        (b"POST", "http"),
        (b"HEAD", "http"),
        (b"OPTI", "http"),
        (b"\x40\x01\0\0\0\0\0\0", "Full false 0"),
    ];
    for (opening, expected) in reserved {
        let mut header = obfuscated_header(OBFUSCATED, 4);
        header[..opening.len()].copy_from_slice(opening);
        assert_eq!(decided_at(&header).1, expected);
    }
}

#[test]
fn any_prefix_of_any_bytes_is_decided_like_the_whole() {
    let mut rng = rng(11);
    let edges =
        [0, 0, 0, 0, 0x16, 3, 1, 2, 0xee, 0xdd, 0xef, b'G', b'E', b'T', b' ', b'P', b'U', b'/'];
    for _ in 0..20_000 {
        let mut bytes = [0; 70];
        rng.fill_bytes(&mut bytes);
        for byte in &mut bytes[..12] {
            if !rng.next_u32().is_multiple_of(4) {
                *byte = edges[rng.next_u32() as usize % edges.len()];
            }
        }
        let (at, _) = decided_at(&bytes);
        assert!(at <= HEADER_BYTES);
    }
}

#[test]
fn every_way_to_connect_gives_the_same_packets_for_every_split() {
    for (seed, way) in (0..).zip(ways()) {
        let mut rng = rng(seed);
        let mut stream = BytesMut::new();
        let mut client = connect(way, Some(2), &mut stream, &mut rng);
        let packets = [
            (unencrypted(20), false),
            (encrypted(1), way.protocol != Protocol::Full),
            (encrypted(30), false), // 504 bytes: the last of the one-byte lengths
            (encrypted(31), way.protocol != Protocol::Full),
        ];
        for (packet, quick_ack) in &packets {
            client.encode(packet, *quick_ack, &mut stream, &mut rng).unwrap();
        }
        let check = |pieces: &[&[u8]]| {
            let mut server = Server::new(Surface::Socket, secrets());
            let mut got = Vec::new();
            for piece in pieces {
                got.extend(server.feed(piece).unwrap_or_else(|error| panic!("{way:?}: {error}")));
            }
            let got: Vec<_> = got.iter().map(|f| (f.payload.to_vec(), f.quick_ack)).collect();
            assert_eq!(got, packets, "{way:?}");
            assert!(server.input.is_empty(), "{way:?}");
            let codec = server.codec.unwrap();
            assert_eq!(codec.protocol(), way.protocol);
            assert_eq!(codec.is_obfuscated(), way.disguise.is_some());
            assert_eq!(codec.secret(), way.disguise.flatten());
            assert_eq!(codec.dc(), way.disguise.map(|_| 2));
        };
        for cut in 0..=stream.len() {
            check(&[&stream[..cut], &stream[cut..]]);
        }
        check(&stream.chunks(1).collect::<Vec<_>>());
        check(&stream.chunks(3).collect::<Vec<_>>());
    }
}

#[test]
fn a_dd_secret_takes_the_padded_transport_only() {
    let bytes = [9; 16];
    let listener = Secrets::new(vec![Secret::padded(bytes)]).unwrap();
    for protocol in [Protocol::Abridged, Protocol::Intermediate, Protocol::PaddedIntermediate] {
        let mut header = BytesMut::new();
        let secret = Secret::plain(bytes); // a client that ignores the `dd`
        let disguise = Disguise::Obfuscated { dc: None, secret: Some(&secret) };
        ClientCodec::connect(protocol, disguise, &mut header, &mut rng(5)).unwrap();
        let taken = matches!(SOCKET.detect(&header, &listener), Detection::Framed { .. });
        assert_eq!(taken, protocol == Protocol::PaddedIntermediate, "{protocol:?}");
    }
    let secret = Secret::padded(bytes);
    let disguise = Disguise::Obfuscated { dc: None, secret: Some(&secret) };
    let refused =
        ClientCodec::connect(Protocol::Abridged, disguise, &mut BytesMut::new(), &mut rng(5));
    assert!(refused.is_none());
}

#[test]
fn unknown_secrets_and_noise_are_rejected() {
    let stranger = Secret::plain([77; 16]);
    let disguise = Disguise::Obfuscated { dc: Some(2), secret: Some(&stranger) };
    let mut header = BytesMut::new();
    ClientCodec::connect(Protocol::Abridged, disguise, &mut header, &mut rng(6)).unwrap();
    assert_eq!(decided_at(&header), (HEADER_BYTES, "reject".to_owned()));

    // The header of a secret says nothing to a listener without one.
    let with_secret = Way { protocol: Protocol::Abridged, disguise: Some(Some(0)) };
    let header = obfuscated_header(with_secret, 6);
    let detection = SOCKET.detect(&header, &Secrets::default());
    assert!(matches!(detection, Detection::Reject));
    assert_eq!(decide(&header), "Abridged true 64");

    let mut noise = [0x41; HEADER_BYTES];
    rng(7).fill_bytes(&mut noise[8..]);
    assert_eq!(decided_at(&noise), (HEADER_BYTES, "reject".to_owned()));
}

#[test]
fn the_last_of_the_most_secrets_is_found() {
    let list: Vec<_> = (0..SECRETS_MAX as u8).map(|i| Secret::plain([i; 16])).collect();
    let disguise = Disguise::Obfuscated { dc: None, secret: list.last() };
    let mut header = BytesMut::new();
    ClientCodec::connect(Protocol::Abridged, disguise, &mut header, &mut rng(8)).unwrap();
    match SOCKET.detect(&header, &Secrets::new(list).unwrap()) {
        Detection::Framed { codec, .. } => assert_eq!(codec.secret(), Some(SECRETS_MAX - 1)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_dc_is_believed_only_where_it_can_be_meant() {
    for (said, believed) in
        [(1, Some(1)), (-5, Some(-5)), (10_002, Some(10_002)), (-10_003, Some(-10_003))]
            .into_iter()
            .chain([
                (0, None),
                (6, None),
                (-6, None),
                (203, None),
                (10_004, None),
                (i16::MIN, None),
            ])
    {
        let mut header = BytesMut::new();
        connect(OBFUSCATED, Some(said), &mut header, &mut rng(9));
        match SOCKET.detect(&header, &Secrets::default()) {
            Detection::Framed { codec, .. } => assert_eq!(codec.dc(), believed, "{said}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_websocket_carries_obfuscated_transports_only() {
    let web_socket = Detector::new(Surface::WebSocket);
    for opening in [
        &b"\xef"[..],
        b"\xee\xee\xee\xee",
        b"\xdd\xdd\xdd\xdd",
        b"GET / HTTP/1.1",
        b"\x34\0\0\0\0\0\0\0",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    ] {
        let decision = name(&web_socket.detect(opening, &secrets()));
        assert_eq!(decision, "reject", "{opening:02x?}");
    }
    for way in ways().into_iter().filter(|way| way.disguise.is_some()) {
        let header = obfuscated_header(way, 10);
        let decision = name(&web_socket.detect(&header, &secrets()));
        assert_eq!(decision, format!("{:?} true 64", way.protocol));
    }
}

#[test]
fn tls_is_not_looked_for_inside_tls() {
    let tls = Detector::new(Surface::Tls);
    let hello = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    assert_eq!(name(&tls.detect(&hello, &secrets())), "reject");
    assert_eq!(name(&tls.detect(b"GET /apiws HTTP/1.1", &secrets())), "http");
    assert_eq!(name(&tls.detect(&[0xef], &secrets())), "Abridged false 1");
}

#[test]
fn a_proxy_says_whom_it_hands_on() {
    let ends = |from: &str, to: &str| Some((from.parse().unwrap(), to.parse().unwrap()));
    let header = |bytes: &[u8], ends| {
        let found = handed(&[bytes, b"what comes after it"].concat());
        assert_eq!(found, Handed::Header { ends, consumed: bytes.len() });
    };
    // The examples of the specification, sections 2.1 and 2.2.
    let line = b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n";
    header(line, ends("192.168.0.1:56324", "192.168.0.11:443"));
    header(
        b"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n",
        ends("[2001:db8::1]:1", "[2001:db8::2]:65535"),
    );
    header(b"PROXY UNKNOWN\r\n", None);
    header(b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", None);
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    let binary = |rest: &[u8]| [&signature[..], rest].concat();
    header(
        &binary(b"\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\0\x07\0\x50"),
        ends("192.0.2.1:7", "192.0.2.2:80"),
    );
    // A proxy's own connection, and one with a TLV behind the addresses.
    header(&binary(b"\x20\0\0\0"), None);
    header(
        &binary(b"\x21\x11\0\x10\xc0\0\x02\x01\xc0\0\x02\x02\0\x07\0\x50\x04\0\x01x"),
        ends("192.0.2.1:7", "192.0.2.2:80"),
    );
    for other in [&b"GET / HTTP/1.1\r\n"[..], b"\xef\0", b"\r\n\r\nGET", b"PROXX", b"\x16\x03\x01"]
    {
        assert_eq!(handed(other), Handed::Not, "{other:?}");
    }
    for short in [
        &b""[..],
        b"P",
        b"PROXY",
        b"PROXY TCP4 192.0",
        b"\r\n\r\n\0\r\nQUIT",
        &binary(b"\x21\x11\0\x0c"),
    ] {
        assert_eq!(handed(short), Handed::NeedMore, "{short:?}");
    }
    let long = [b"PROXY UNKNOWN ", &[b'x'; 100][..], b"\r\n"].concat();
    for bad in [
        &b"PROXY TCP4 192.0.2.1 nowhere 1 2\r\n"[..],
        &long,
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        &binary(b"\x31\x11\0\0"),
        &binary(b"\x21\x11\x07\xf1"),
        &binary(b"\x21\x11\0\x0bxxxxxxxxxxx"),
        &binary(b"\x21\x12\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\0\x07\0\x50"),
    ] {
        assert_eq!(handed(bad), Handed::Reject, "{bad:?}");
    }
}
