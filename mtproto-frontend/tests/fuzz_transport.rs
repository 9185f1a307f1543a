//! Seeded fuzzing of the transport layer: noise and damaged streams in random pieces.
//!
//! `ROOKERY_FUZZ_ITERATIONS` (default 400) and `ROOKERY_FUZZ_SEED` (default 1) choose the run; a
//! failure names the seed that repeats it in one iteration.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod transport_support;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use bytes::{Buf, BytesMut};
use mtproto_frontend::transport::client::{ClientCodec, ServerFrame};
use mtproto_frontend::transport::{
    Codec, Detection, Detector, FrameError, Handed, PROXY_BYTES_MAX, Surface, handed,
};
use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use transport_support::{Way, connect, encrypted, pair, rng, secrets, unencrypted, ways};

/// Small, so that streams of a few kilobytes meet it.
const FRAME_BYTES_MAX: usize = 2048;
/// Longest piece that one read brings.
const READ_BYTES_MAX: usize = 1500;
/// Most that may wait: a frame, its head, checksum and padding.
const WAITING_BYTES_MAX: usize = FRAME_BYTES_MAX + 8 + 4 + 15;

fn environment(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Runs `case` under the seeds of this run.
fn fuzz(case: impl Fn(&mut StdRng)) {
    let first = environment("ROOKERY_FUZZ_SEED", 1);
    for seed in (first..).take(environment("ROOKERY_FUZZ_ITERATIONS", 400) as usize) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| case(&mut rng(seed)))) {
            println!("repeat: ROOKERY_FUZZ_SEED={seed} ROOKERY_FUZZ_ITERATIONS=1");
            resume_unwind(panic);
        }
    }
}

/// What became of a stream.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Waits for more, in the detector or the codec.
    Open,
    Rejected,
    Tls,
    Http,
    Failed(FrameError),
}

/// Feeds `pieces` to a new connection.
fn serve<'a>(
    surface: Surface,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<(Vec<u8>, bool)>, End) {
    let (detector, secrets) = (Detector::new(surface), secrets());
    let mut codec: Option<Codec> = None;
    let mut input = BytesMut::new();
    let mut frames = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        if codec.is_none() {
            match detector.detect(&input, &secrets) {
                Detection::NeedMore => assert!(input.len() < 64),
                Detection::Tls => return (frames, End::Tls),
                Detection::Http => return (frames, End::Http),
                Detection::Reject => return (frames, End::Rejected),
                Detection::Framed { codec: mut found, consumed } => {
                    input.advance(consumed);
                    found.set_frame_bytes_max(FRAME_BYTES_MAX);
                    codec = Some(found);
                }
            }
        }
        let Some(codec) = &mut codec else { continue };
        loop {
            match codec.decode(&mut input) {
                Ok(Some(frame)) => {
                    assert!((4..=FRAME_BYTES_MAX).contains(&frame.payload.len()));
                    frames.push((frame.payload.to_vec(), frame.quick_ack));
                }
                Ok(None) => break,
                Err(error) => return (frames, End::Failed(error)),
            }
        }
        assert!(input.len() < WAITING_BYTES_MAX);
        assert!(input.capacity() <= 4 * (WAITING_BYTES_MAX + READ_BYTES_MAX));
    }
    (frames, End::Open)
}

/// The stream in pieces of random lengths, some empty, many of one byte.
fn pieces<'a>(stream: &'a [u8], rng: &mut StdRng) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = stream;
    let most = if rng.random_bool(0.3) { 2 } else { READ_BYTES_MAX };
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(rng.random_range(0..=most.min(rest.len())));
        pieces.push(piece);
        rest = tail;
    }
    pieces
}

/// The same packets and the same end, however the stream is cut.
fn same_for_any_pieces(stream: &[u8], rng: &mut StdRng) -> (Vec<(Vec<u8>, bool)>, End) {
    let surface = match rng.random_range(0..4) {
        0 => Surface::Tls,
        1 => Surface::WebSocket,
        _ => Surface::Socket,
    };
    let whole = serve(surface, stream.chunks(READ_BYTES_MAX));
    for _ in 0..3 {
        assert_eq!(serve(surface, pieces(stream, rng).into_iter()), whole);
    }
    serve(Surface::Socket, pieces(stream, rng).into_iter())
}

fn any_way(rng: &mut StdRng) -> Way {
    let ways = ways();
    ways[rng.random_range(0..ways.len())]
}

fn any_packet(rng: &mut StdRng) -> Vec<u8> {
    // Up to the limit: 24 + 16 * 126 = 2040.
    let blocks = if rng.random_bool(0.1) { 126 } else { rng.random_range(1..40) };
    let mut packet = match rng.random_range(0..3) {
        0 => return unencrypted(rng.random_range(0..60) * 4),
        _ => encrypted(blocks),
    };
    rng.fill_bytes(&mut packet);
    packet[0] |= 1; // never the zero key id
    packet
}

/// What a client sends on a new connection, and what it meant.
fn any_stream(rng: &mut StdRng) -> (BytesMut, Vec<(Vec<u8>, bool)>) {
    let way = any_way(rng);
    let mut stream = BytesMut::new();
    let mut client = connect(way, Some(2), &mut stream, rng);
    let mut meant = Vec::new();
    for _ in 0..rng.random_range(1..8) {
        let packet = any_packet(rng);
        let quick_ack =
            way.protocol != mtproto_frontend::transport::Protocol::Full && rng.random_bool(0.3);
        client.encode(&packet, quick_ack, &mut stream, rng).unwrap();
        meant.push((packet, quick_ack));
    }
    (stream, meant)
}

/// One to six small damages: bits, bytes, lost, doubled and foreign parts.
fn damage(stream: &mut Vec<u8>, rng: &mut StdRng) {
    for _ in 0..rng.random_range(1..=6) {
        if stream.is_empty() {
            return;
        }
        let at = rng.random_range(0..stream.len());
        // Heads break more than bodies: half of all damage goes to the front.
        let at = if rng.random_bool(0.5) { at.min(rng.random_range(0..100)) } else { at };
        let end = (at + rng.random_range(1..20)).min(stream.len());
        match rng.random_range(0..7) {
            0 => stream[at] ^= 1 << rng.random_range(0..8),
            1 => stream[at..end].fill(*[0, 0x7f, 0x80, 0xff].get(at % 4).unwrap()),
            2 => rng.fill_bytes(&mut stream[at..end]),
            3 => drop(stream.drain(at..end)),
            4 => stream.truncate(end),
            5 => {
                let copy = stream[at..end].to_vec();
                stream.splice(at..at, copy);
            }
            _ => {
                let mut foreign = vec![0; end - at];
                rng.fill_bytes(&mut foreign);
                stream.splice(at..at, foreign);
            }
        }
    }
}

#[test]
fn honest_streams_arrive_whole() {
    fuzz(|rng| {
        let (stream, meant) = any_stream(rng);
        assert_eq!(same_for_any_pieces(&stream, rng), (meant, End::Open));
    });
}

#[test]
fn damaged_streams_end_the_same_for_any_pieces() {
    fuzz(|rng| {
        let (stream, _) = any_stream(rng);
        let mut stream = stream.to_vec();
        damage(&mut stream, rng);
        same_for_any_pieces(&stream, rng);
    });
}

/// Damage behind the cipher: a client that obfuscates properly and frames badly.
#[test]
fn badly_framed_streams_end_the_same_for_any_pieces() {
    fuzz(|rng| {
        let way = any_way(rng);
        let mut stream = BytesMut::new();
        let mut client = connect(way, None, &mut stream, rng);
        let (mut codec_of_clear, mut clear) = {
            let mut out = BytesMut::new();
            let clear_way = Way { disguise: None, ..way };
            let codec = connect(clear_way, None, &mut out, rng);
            (codec, BytesMut::new())
        };
        for _ in 0..rng.random_range(1..6) {
            let packet = any_packet(rng);
            codec_of_clear.encode(&packet, rng.random_bool(0.2), &mut clear, rng).unwrap();
        }
        let mut damaged = clear.to_vec();
        damage(&mut damaged, rng);
        let start = stream.len();
        stream.extend_from_slice(&damaged);
        client.encrypt_from(start, &mut stream);
        same_for_any_pieces(&stream, rng);
    });
}

#[test]
fn noise_ends_the_same_for_any_pieces() {
    fuzz(|rng| {
        let mut noise = vec![0; rng.random_range(0..6000)];
        rng.fill_bytes(&mut noise);
        let openings: [&[u8]; 9] = [
            &[],
            &[0xef],
            &[0xee; 4],
            &[0xdd; 4],
            &[52, 0, 0, 0, 0, 0, 0, 0],
            &[0x16, 3, 1, 2, 0, 1, 0],
            b"GET /",
            b"PUT ",
            &[0; 24],
        ];
        let opening = openings[rng.random_range(0..openings.len())];
        let stream = [opening, &noise].concat();
        same_for_any_pieces(&stream, rng);
    });
}

fn read(client: &mut ClientCodec, pieces: &[&[u8]]) -> (Vec<ServerFrame>, Option<FrameError>) {
    let mut input = BytesMut::new();
    let mut frames = Vec::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match client.decode(&mut input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

/// The other direction: answers, tokens and errors as the client's end reads them.
#[test]
fn answers_arrive_whole_in_any_pieces() {
    fuzz(|rng| {
        let way = any_way(rng);
        let (mut client, mut codec) = pair(way, rng);
        let mut stream = BytesMut::new();
        let mut meant = Vec::new();
        for _ in 0..rng.random_range(1..8) {
            match rng.random_range(0..4) {
                0 => {
                    let token = rng.next_u32() | 1 << 31;
                    let before = stream.len();
                    codec.encode_quick_ack(token, &mut stream);
                    if stream.len() > before {
                        meant.push(ServerFrame::QuickAck(token));
                    }
                }
                1 => {
                    codec.encode_error(-404, &mut stream);
                    meant.push(ServerFrame::Error(-404));
                }
                _ => {
                    let packet = any_packet(rng);
                    codec.encode(&packet, &mut stream, rng).unwrap();
                    meant.push(ServerFrame::Packet(packet[..].into()));
                }
            }
        }
        let got = read(&mut client, &pieces(&stream, rng));
        assert_eq!(got, (meant, None), "{way:?}");
    });
}

/// A PROXY header of either version, as a proxy writes it or nearly so, with something after it.
fn any_proxy_header(rng: &mut StdRng) -> Vec<u8> {
    let mut header = if rng.random() {
        let kind = ["TCP4 192.0.2.1 192.0.2.2", "TCP6 2001:db8::1 2001:db8::2", "UNKNOWN", "TCP4"];
        let kind = kind[rng.random_range(0..kind.len())];
        format!("PROXY {kind} {} {}\r\n", rng.random::<u16>(), rng.random::<u16>()).into_bytes()
    } else {
        let (command, family) = (rng.random_range(0x20..=0x22), [0x00, 0x11, 0x12, 0x21, 0x31]);
        let family = family[rng.random_range(0..family.len())];
        let rest = [0, 11, 12, 36, 216, 300, 2032, 2033][rng.random_range(0..8)] as u16;
        let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
        header.extend([command, family]);
        header.extend(rest.to_be_bytes());
        header.resize(16 + usize::from(rest), rng.random());
        header
    };
    header.resize(header.len() + rng.random_range(0..3000), rng.random());
    header
}

#[test]
fn what_a_proxy_says_is_the_same_for_any_pieces() {
    fuzz(|rng| {
        let mut stream = any_proxy_header(rng);
        if rng.random() {
            damage(&mut stream, rng);
        }
        let whole = handed(&stream);
        // Decided once, for good, by no more than it may take.
        let first = (0..=stream.len()).map(|end| (end, handed(&stream[..end])));
        let decided = first.clone().find(|(_, found)| *found != Handed::NeedMore);
        let Some((end, found)) = decided else {
            assert!(stream.len() < PROXY_BYTES_MAX, "{} bytes", stream.len());
            return;
        };
        assert!(end <= PROXY_BYTES_MAX, "{end} bytes");
        assert_eq!(found, whole, "at {end} bytes");
        if let Handed::Header { consumed, .. } = found {
            assert_eq!(consumed, end, "not a byte of what comes after it");
        }
        for (_, later) in first.skip(end).step_by(97) {
            assert_eq!(later, found);
        }
    });
}
