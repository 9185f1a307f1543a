//! Frames of every transport: edges of length, quick acks, errors, padding, checksums, limits.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests")]

mod transport_support;

use bytes::{BufMut, BytesMut};
use mtproto_frontend::transport::client::{ClientCodec, Disguise, ServerFrame};
use mtproto_frontend::transport::{
    ANSWER_BYTES_MAX, Codec, ERROR_FLOOD, ERROR_INVALID_DC, ERROR_UNKNOWN_KEY, EncodeError,
    FRAME_BYTES_MAX, FRAME_BYTES_MAX_BEFORE_LOGIN, FrameError, Protocol, Surface,
};
use transport_support::{
    PROTOCOLS, Server, Way, Zeros, connect, encrypted, pair, rng, secrets, unencrypted, ways,
};

const fn plain(protocol: Protocol) -> Way {
    Way { protocol, disguise: None }
}

/// A server that has just been opened in clear. The full transport needs no opening.
fn server(protocol: Protocol) -> Codec {
    pair(plain(protocol), &mut rng(1)).1
}

fn decode(codec: &mut Codec, bytes: &[u8]) -> Result<Option<Vec<u8>>, FrameError> {
    let mut input = BytesMut::from(bytes);
    codec.decode(&mut input).map(|frame| frame.map(|frame| frame.payload.to_vec()))
}

#[test]
fn lengths_at_the_edges_go_both_ways() {
    // 24 + 16n: around the one-byte abridged form (504, 520), a file part, the limit.
    let part = (512 << 10) / 16 + 8;
    let most = (FRAME_BYTES_MAX - 24) / 16;
    for way in ways() {
        let mut rng = rng(2);
        let (mut client, mut server) = pair(way, &mut rng);
        server.set_frame_bytes_max(usize::MAX);
        for blocks in [1, 29, 30, 31, 32, part, most] {
            let packet = encrypted(blocks);
            let mut up = BytesMut::new();
            client.encode(&packet, false, &mut up, &mut rng).unwrap();
            let frame = server.decode(&mut up).unwrap().unwrap();
            assert_eq!(frame.payload, packet, "{way:?} {blocks}");
            assert!(up.is_empty());

            let mut down = BytesMut::new();
            server.encode(&packet, &mut down, &mut rng).unwrap();
            let frame = client.decode(&mut down).unwrap();
            assert_eq!(frame, Some(ServerFrame::Packet(packet[..].into())), "{way:?} {blocks}");
            assert!(down.is_empty());
        }
    }
}

#[test]
fn the_shortest_packets_pass_where_they_can_be_told_apart() {
    for protocol in [Protocol::Abridged, Protocol::Intermediate, Protocol::Full] {
        let (mut client, mut server) = pair(plain(protocol), &mut rng(3));
        let mut up = BytesMut::new();
        client.encode(&[1, 2, 3, 4], false, &mut up, &mut rng(3)).unwrap();
        assert_eq!(server.decode(&mut up).unwrap().unwrap().payload, [1, 2, 3, 4][..]);
    }
}

/// Line 3 of the conformance list: above 0x7e words the length takes three bytes.
#[test]
fn abridged_lengths_change_form_above_0x7e_words() {
    let cases: [(usize, &[u8]); 4] =
        [(4, &[1]), (504, &[0x7e]), (508, &[0x7f, 0x7f, 0, 0]), (0x0001_0000, &[0x7f, 0, 0x40, 0])];
    for (length, head) in cases {
        let frame = [head, &vec![7; length]].concat();
        let mut out = BytesMut::new();
        server(Protocol::Abridged).encode(&frame[head.len()..], &mut out, &mut Zeros).unwrap();
        assert_eq!(out, frame, "{length}");
        let mut codec = server(Protocol::Abridged);
        codec.set_frame_bytes_max(FRAME_BYTES_MAX);
        assert_eq!(decode(&mut codec, &frame), Ok(Some(vec![7; length])));
    }
}

#[test]
fn abridged_takes_a_short_length_in_the_long_form() {
    let packet = encrypted(1);
    let frame = [&[0x7f, 10, 0, 0], &packet[..]].concat();
    assert_eq!(decode(&mut server(Protocol::Abridged), &frame), Ok(Some(packet)));
}

#[test]
fn quick_acks_are_asked_by_a_bit_of_the_length() {
    let packet = encrypted(1); // 40 bytes
    let long = encrypted(31); // 520 bytes
    let cases: [(Protocol, &[u8], &[u8]); 4] = [
        (Protocol::Abridged, &[0x8a], &packet),
        (Protocol::Abridged, &[0xff, 130, 0, 0], &long),
        (Protocol::Intermediate, &[40, 0, 0, 0x80], &packet),
        (Protocol::PaddedIntermediate, &[40, 0, 0, 0x80], &packet),
    ];
    for (protocol, head, packet) in cases {
        let mut input = BytesMut::from(&[head, packet].concat()[..]);
        let frame = server(protocol).decode(&mut input).unwrap().unwrap();
        assert!(frame.quick_ack);
        assert_eq!(frame.payload, packet);
    }
}

#[test]
fn quick_ack_tokens_have_the_byte_order_of_their_transport() {
    let cases: [(Protocol, &[u8]); 4] = [
        (Protocol::Abridged, &[0x92, 0x34, 0x56, 0x78]),
        (Protocol::Intermediate, &[0x78, 0x56, 0x34, 0x92]),
        (Protocol::PaddedIntermediate, &[0x78, 0x56, 0x34, 0x92]),
        (Protocol::Full, &[]),
    ];
    for (protocol, expected) in cases {
        for token in [0x1234_5678, 0x9234_5678] {
            let mut out = BytesMut::new();
            server(protocol).encode_quick_ack(token, &mut out);
            assert_eq!(out, expected, "{protocol:?}");
        }
    }
}

#[test]
fn transport_errors_are_packets_of_four_bytes_without_padding() {
    let code = [0x6c, 0xfe, 0xff, 0xff]; // -404
    let cases: [(Protocol, &[u8]); 3] = [
        (Protocol::Abridged, &[1]),
        (Protocol::Intermediate, &[4, 0, 0, 0]),
        (Protocol::PaddedIntermediate, &[4, 0, 0, 0]),
    ];
    for (protocol, head) in cases {
        let mut out = BytesMut::new();
        server(protocol).encode_error(ERROR_UNKNOWN_KEY, &mut out);
        assert_eq!(out, [head, &code].concat(), "{protocol:?}");
    }
    let mut out = BytesMut::new();
    server(Protocol::Full).encode_error(ERROR_UNKNOWN_KEY, &mut out);
    let summed = [&[16, 0, 0, 0, 0, 0, 0, 0][..], &code].concat();
    assert_eq!(out, [&summed[..], &crc32fast::hash(&summed).to_le_bytes()].concat());
}

/// Line 2 of the conformance list: everything passes through one running keystream.
#[test]
fn packets_tokens_and_errors_share_one_stream_in_any_order() {
    for way in ways() {
        let mut rng = rng(4);
        let (mut client, mut server) = pair(way, &mut rng);
        let mut down = BytesMut::new();
        let mut expected = Vec::new();
        for (turn, code) in (0..).zip([ERROR_UNKNOWN_KEY, ERROR_FLOOD, ERROR_INVALID_DC]) {
            server.encode_quick_ack(0x8000_0000 + turn, &mut down);
            if way.protocol != Protocol::Full {
                expected.push(ServerFrame::QuickAck(0x8000_0000 + turn));
            }
            let packet = encrypted(40 * turn as usize + 1);
            server.encode(&packet, &mut down, &mut rng).unwrap();
            expected.push(ServerFrame::Packet(packet[..].into()));
            let packet = unencrypted(8);
            server.encode(&packet, &mut down, &mut rng).unwrap();
            expected.push(ServerFrame::Packet(packet[..].into()));
            server.encode_error(code, &mut down);
            expected.push(ServerFrame::Error(code));
        }
        let mut input = BytesMut::new();
        let mut got = Vec::new();
        for byte in down {
            input.put_u8(byte);
            while let Some(frame) = client.decode(&mut input).unwrap() {
                got.push(frame);
            }
        }
        assert_eq!(got, expected, "{way:?}");
    }
}

#[test]
fn lengths_that_no_packet_has_close_the_connection() {
    use FrameError::{Empty, TooLong, Unaligned};
    let most = FRAME_BYTES_MAX as u32;
    let (max, over) = (most.to_le_bytes(), (most + 4).to_le_bytes());
    let padded_over = (most + 16).to_le_bytes();
    let words = ((most + 4) / 4).to_le_bytes();
    let full_over = (most + 16).to_le_bytes();
    let cases: [(Protocol, &[u8], FrameError); 18] = [
        (Protocol::Abridged, &[0], Empty),
        (Protocol::Abridged, &[0x80], Empty),
        (Protocol::Abridged, &[0x7f, 0, 0, 0], Empty),
        (Protocol::Abridged, &[0x7f, 0xff, 0xff, 0xff], TooLong(0x00ff_ffff * 4)),
        (Protocol::Abridged, &[0x7f, words[0], words[1], words[2]], TooLong(FRAME_BYTES_MAX + 4)),
        (Protocol::Intermediate, &[0; 4], Empty),
        (Protocol::Intermediate, &[0, 0, 0, 0x80], Empty), // 2^31
        (Protocol::Intermediate, &[3, 0, 0, 0], Unaligned(3)),
        (Protocol::Intermediate, &[0xff; 4], Unaligned(0x7fff_ffff)),
        (Protocol::Intermediate, &[0xfc, 0xff, 0xff, 0x7f], TooLong(0x7fff_fffc)),
        (Protocol::Intermediate, &over, TooLong(FRAME_BYTES_MAX + 4)),
        (Protocol::PaddedIntermediate, &[0; 4], Empty),
        (Protocol::PaddedIntermediate, &[0xff; 4], TooLong(0x7fff_ffff)),
        (Protocol::PaddedIntermediate, &padded_over, TooLong(FRAME_BYTES_MAX + 16)),
        (Protocol::Full, &[12, 0, 0, 0], Empty),
        (Protocol::Full, &[17, 0, 0, 0], Unaligned(5)),
        (Protocol::Full, &[0, 0, 0, 0x80], TooLong((1 << 31) - 12)),
        (Protocol::Full, &full_over, TooLong(FRAME_BYTES_MAX + 4)),
    ];
    for (protocol, head, error) in cases {
        let mut codec = server(protocol);
        codec.set_frame_bytes_max(FRAME_BYTES_MAX);
        let mut input = BytesMut::from(head);
        let capacity = input.capacity();
        assert_eq!(codec.decode(&mut input), Err(error), "{protocol:?} {head:02x?}");
        assert_eq!(codec.decode(&mut input), Err(error), "the same again");
        assert_eq!(input.capacity(), capacity, "nothing is allocated for it");
    }
    let mut codec = server(Protocol::Intermediate);
    codec.set_frame_bytes_max(FRAME_BYTES_MAX);
    assert_eq!(decode(&mut codec, &max), Ok(None), "the longest allowed is waited for");
}

#[test]
fn full_lengths_below_its_own_frame_are_refused() {
    for length in [0u32, 4, 8, 11, 12] {
        let error = decode(&mut server(Protocol::Full), &length.to_le_bytes());
        assert_eq!(error, Err(FrameError::Empty), "{length}");
    }
}

#[test]
fn before_login_a_long_frame_names_its_key_before_it_is_taken_or_refused() {
    for way in ways() {
        let mut rng = rng(5);
        let (mut client, mut server) = pair(way, &mut rng);
        let packet = encrypted(FRAME_BYTES_MAX_BEFORE_LOGIN / 16 + 1);
        let id = i64::from_le_bytes(*packet.first_chunk().unwrap());
        let mut up = BytesMut::new();
        client.encode(&packet, false, &mut up, &mut rng).unwrap();
        let mut input = BytesMut::new();
        let refused = loop {
            input.put_slice(&up.split_to(1));
            match server.decode(&mut input) {
                Ok(None) => assert!(input.len() < 16, "{way:?} waits for no more than the id"),
                other => break other,
            }
        };
        match refused {
            Err(FrameError::OverLimit { length, auth_key_id }) => {
                assert!((packet.len()..packet.len() + 16).contains(&length));
                assert_eq!(auth_key_id, id);
            }
            other => panic!("{way:?}: {other:?}"),
        }
        assert_eq!(server.missing(&input), 0, "{way:?}: nothing is kept free for it");
        // The same stream goes on once the bound is raised.
        server.set_frame_bytes_max(FRAME_BYTES_MAX);
        assert_eq!(server.missing(&input), up.len(), "{way:?}");
        input.put_slice(&up.split_to(100));
        assert!(server.decode(&mut input).unwrap().is_none());
        assert_eq!(server.missing(&input), up.len(), "{way:?}");
        input.put_slice(&up);
        assert_eq!(server.decode(&mut input).unwrap().unwrap().payload, packet, "{way:?}");
    }
}

#[test]
fn the_bound_is_exact() {
    for protocol in PROTOCOLS {
        let (mut client, mut server) = pair(plain(protocol), &mut rng(6));
        server.set_frame_bytes_max(104);
        for (packet, fits) in [(encrypted(5), true), (encrypted(6), false)] {
            let mut up = BytesMut::new();
            client.encode(&packet, false, &mut up, &mut Zeros).unwrap();
            assert_eq!(server.decode(&mut up).is_ok(), fits, "{protocol:?} {}", packet.len());
        }
    }
}

#[test]
fn padding_of_0_to_15_bytes_is_stripped_by_the_inner_length() {
    for packet in [encrypted(1), encrypted(7), unencrypted(0), unencrypted(20), unencrypted(340)] {
        for padding in 0..=15 {
            let mut frame = ((packet.len() + padding) as u32).to_le_bytes().to_vec();
            frame.extend_from_slice(&packet);
            frame.extend_from_slice(&vec![0xaa; padding]);
            let got = decode(&mut server(Protocol::PaddedIntermediate), &frame);
            assert_eq!(got, Ok(Some(packet.clone())), "{} + {padding}", packet.len());
        }
    }
}

#[test]
fn padding_that_fits_no_packet_closes_the_connection() {
    let mut lying_long = unencrypted(20);
    lying_long[16] = 21;
    let mut lying_short = unencrypted(20);
    lying_short[16] = 4; // 16 bytes would be padding
    let mut endless = unencrypted(20);
    endless[16..20].fill(0xff);
    let short_key = [7; 39]; // no room for one block of ciphertext
    for packet in [&lying_long[..], &lying_short, &endless, &short_key, &[0; 19], &[1; 7], &[0]] {
        let frame = [&(packet.len() as u32).to_le_bytes(), packet].concat();
        let got = decode(&mut server(Protocol::PaddedIntermediate), &frame);
        assert_eq!(got, Err(FrameError::Padding), "{packet:02x?}");
    }
}

#[test]
fn answers_have_at_most_three_bytes_of_padding_and_all_of_0_to_3_occur() {
    let mut rng = rng(7);
    let mut codec = server(Protocol::PaddedIntermediate);
    let packet = encrypted(2);
    let mut seen = [false; 4];
    for _ in 0..100 {
        let mut out = BytesMut::new();
        codec.encode(&packet, &mut out, &mut rng).unwrap();
        let padding = out.len() - 4 - packet.len();
        seen[padding] = true;
        assert_eq!(out[..4], ((packet.len() + padding) as u32).to_le_bytes());
        assert_eq!(out[4..4 + packet.len()], packet[..]);
    }
    assert_eq!(seen, [true; 4]);
}

#[test]
fn full_counts_its_own_packets_each_way() {
    let mut rng = rng(8);
    let (mut client, mut server) = pair(plain(Protocol::Full), &mut rng);
    for n in 0..3u8 {
        let mut up = BytesMut::new();
        client.encode(&encrypted(1), false, &mut up, &mut rng).unwrap();
        assert_eq!(up[4], n);
        server.decode(&mut up).unwrap().unwrap();
        for half in 0..2 {
            let mut down = BytesMut::new();
            server.encode(&encrypted(1), &mut down, &mut rng).unwrap();
            assert_eq!(down[4], n * 2 + half);
            client.decode(&mut down).unwrap().unwrap();
        }
    }
}

#[test]
fn full_closes_on_a_wrong_sequence_number() {
    let mut rng = rng(9);
    let (mut client, mut server) = pair(plain(Protocol::Full), &mut rng);
    let mut up = BytesMut::new();
    client.encode(&encrypted(1), false, &mut up, &mut rng).unwrap();
    let replayed = up.clone();
    server.decode(&mut up).unwrap().unwrap();
    let wrong = FrameError::Sequence { expected: 1, got: 0 };
    assert_eq!(decode(&mut server, &replayed[..8]), Err(wrong), "known by its head");
    assert_eq!(decode(&mut server, &replayed[..7]), Ok(None));
    assert_eq!(decode(&mut server, &replayed), Err(wrong));
}

#[test]
fn full_closes_on_any_flipped_bit() {
    let mut stream = BytesMut::new();
    let mut client = connect(plain(Protocol::Full), None, &mut stream, &mut rng(10));
    client.encode(&encrypted(1), false, &mut stream, &mut rng(10)).unwrap();
    for bit in 0..stream.len() * 8 {
        let mut damaged = stream.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        match decode(&mut server(Protocol::Full), &damaged) {
            // Only a longer length leaves it waiting; then the next packet fails.
            Ok(None) => assert!(bit < 32, "{bit}"),
            Ok(Some(_)) => panic!("bit {bit} went unnoticed"),
            Err(_) => {}
        }
    }
}

#[test]
fn half_frames_wait_and_keep_nothing_but_themselves() {
    for way in ways() {
        let mut rng = rng(11);
        let mut stream = BytesMut::new();
        let mut client = connect(way, Some(1), &mut stream, &mut rng);
        client.encode(&encrypted(9), false, &mut stream, &mut rng).unwrap();
        let half = stream.len() - 1;
        let mut server = Server::new(Surface::Socket, secrets());
        assert_eq!(server.feed(&stream[..half]), Ok(Vec::new()));
        for _ in 0..3 {
            assert_eq!(server.feed(&[]), Ok(Vec::new()), "asking again changes nothing");
        }
        assert_eq!(server.feed(&stream[half..]).unwrap()[0].payload, encrypted(9));
    }
}

/// What serve does for an idle connection: the buffer goes, unless bytes are in it.
#[test]
fn the_buffer_may_be_exchanged_between_calls() {
    for way in ways() {
        let mut rng = rng(12);
        let (mut client, mut server) = pair(way, &mut rng);
        let mut stream = BytesMut::new();
        for blocks in 1..5 {
            client.encode(&encrypted(blocks), false, &mut stream, &mut rng).unwrap();
        }
        let mut kept = Vec::new();
        let mut got = Vec::new();
        for piece in stream.chunks(37) {
            let mut shared = BytesMut::from(&[&kept[..], piece].concat()[..]);
            while let Some(frame) = server.decode(&mut shared).unwrap() {
                got.push(frame.payload.to_vec());
            }
            kept = shared.to_vec();
        }
        assert_eq!(got, (1..5).map(encrypted).collect::<Vec<_>>(), "{way:?}");
    }
}

#[test]
fn payloads_that_cannot_be_framed_are_refused_and_nothing_moves() {
    for way in ways() {
        let mut rng = rng(13);
        let (mut client, mut server) = pair(way, &mut rng);
        let mut out = BytesMut::new();
        for bad in [&[][..], &[1; 3], &[1; 41], &vec![0; ANSWER_BYTES_MAX + 4]] {
            assert_eq!(server.encode(bad, &mut out, &mut rng), Err(EncodeError(bad.len())));
            assert!(out.is_empty());
        }
        server.encode(&encrypted(1), &mut out, &mut rng).unwrap();
        let frame = client.decode(&mut out).unwrap();
        assert_eq!(frame, Some(ServerFrame::Packet(encrypted(1)[..].into())));
    }
}

#[test]
fn the_longest_answer_is_what_abridged_can_say() {
    let mut out = BytesMut::new();
    server(Protocol::Abridged).encode(&vec![0; ANSWER_BYTES_MAX], &mut out, &mut Zeros).unwrap();
    assert_eq!(out[..4], [0x7f, 0xff, 0xff, 0xff]);
}

#[test]
fn full_has_no_obfuscated_form() {
    let disguise = Disguise::Obfuscated { dc: None, secret: None };
    let mut out = BytesMut::new();
    assert!(ClientCodec::connect(Protocol::Full, disguise, &mut out, &mut rng(14)).is_none());
}

/// An idle connection may cost 3 KB in all; this is its framing.
#[test]
fn a_codec_is_small() {
    assert!(size_of::<Codec>() <= 192, "{} bytes", size_of::<Codec>());
}
