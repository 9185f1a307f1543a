use super::*;
use crate::testing::{Recorded, counting_key, hex, seeded};

/// salt ++ session_id ++ msg_id ++ seq_no ++ length ++ body 00 01 … of `body_bytes` bytes.
fn plaintext(body_bytes: usize) -> Vec<u8> {
    let mut plaintext = Vec::new();
    plaintext.extend_from_slice(&0x1122_3344_5566_7788_i64.to_le_bytes());
    plaintext.extend_from_slice(&(-2_i64).to_le_bytes());
    plaintext.extend_from_slice(&0x5e0b_700a_0000_0000_i64.to_le_bytes());
    plaintext.extend_from_slice(&3_i32.to_le_bytes());
    plaintext.extend_from_slice(&(body_bytes as u32).to_le_bytes());
    plaintext.extend((0..body_bytes).map(|i| i as u8));
    plaintext
}

/// Sender, frame and quick ack of `plaintext(20)` under the key 00 01 … ff with padding 64 65 … 6f.
///
/// Computed with Telethon 1.45.0 (`AuthKey`, `MTProtoState._calc_key`) and tgcrypto 1.2.5 (IGE).
const TELETHON: [(Side, &str, u32); 2] = [
    (
        Side::Client,
        "32d1586ea457dfc8e22d9505808e8138312068858f63957ca411e849a8370d50757f51fa2efc61882461869ea22ae5\
         3de51b7be178e706abcf6cfbfb698a790f05ed45dad4eb1d42becc4fe4414b5bb1c588cd386dc59633",
        0x7df2_0ca3 | 1 << 31,
    ),
    (
        Side::Server,
        "32d1586ea457dfc8a4aa07cd994d0542976b46baf7cf946f59650058c67b7572264a5e2ff5062880ba928774025c06\
         bff822be95a9056e7d30d7d281096fc98071ef9692b2c6ff7290b71bbfd0be1169d2fe005e8d63fed7",
        0x24f9_e6ce | 1 << 31,
    ),
];

#[test]
fn seals_and_opens_as_telethon_does() {
    let padding: Vec<u8> = (100..112).collect();
    for (sender, frame, token) in TELETHON {
        let mut sealed = Vec::new();
        let mut rng = Recorded(&padding);
        let parts = plaintext(20);
        let (header, body) = parts.split_at(HEADER_BYTES);
        assert_eq!(
            seal_into(&counting_key(), sender, &[header, body], &mut rng, &mut sealed),
            token
        );
        assert_eq!(sealed, hex(frame));
        assert_eq!(seal(&counting_key(), sender, &parts, &mut Recorded(&padding)), sealed);

        let opened = open(&counting_key(), sender, &sealed).unwrap();
        assert_eq!(opened.salt, 0x1122_3344_5566_7788);
        assert_eq!(opened.session_id, -2);
        assert_eq!(opened.msg_id, 0x5e0b_700a_0000_0000);
        assert_eq!(opened.seq_no, 3);
        assert_eq!(opened.quick_ack, token);
        assert_eq!(opened.body, body);
    }
}

#[test]
fn every_length_of_body_round_trips_with_12_to_27_bytes_of_padding() {
    let (key, mut rng) = (counting_key(), seeded(1));
    for words in 0..100 {
        let parts = plaintext(4 * words);
        let frame = seal(&key, Side::Server, &parts, &mut rng);
        let padding = frame.len() - PREFIX_BYTES - parts.len();
        assert!((12..28).contains(&padding) && (frame.len() - PREFIX_BYTES).is_multiple_of(16));
        assert_eq!(*open(&key, Side::Server, &frame).unwrap().body, parts[HEADER_BYTES..]);
    }
}

#[test]
fn padding_is_fresh_each_time() {
    let (key, mut rng) = (counting_key(), seeded(2));
    let first = seal(&key, Side::Server, &plaintext(8), &mut rng);
    assert_ne!(first, seal(&key, Side::Server, &plaintext(8), &mut rng));
}

#[test]
fn any_changed_bit_is_a_wrong_msg_key() {
    let key = counting_key();
    let frame = seal(&key, Side::Client, &plaintext(20), &mut seeded(3));
    for bit in 0..frame.len() * 8 {
        let mut changed = frame.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let expected = if bit < 64 { OpenError::AuthKeyId } else { OpenError::MsgKey };
        assert_eq!(open(&key, Side::Client, &changed).unwrap_err(), expected, "bit {bit}");
    }
}

/// A message of ours that comes back is not a client's message.
#[test]
fn the_two_directions_do_not_mix() {
    let key = counting_key();
    let frame = seal(&key, Side::Server, &plaintext(20), &mut seeded(4));
    assert_eq!(open(&key, Side::Client, &frame).unwrap_err(), OpenError::MsgKey);
}

#[test]
fn impossible_frames_are_refused_before_decryption() {
    let key = counting_key();
    let frame = seal(&key, Side::Client, &plaintext(100), &mut seeded(5));
    for length in 0..frame.len() {
        let error = open(&key, Side::Client, &frame[..length]).unwrap_err();
        let whole_blocks =
            length >= PREFIX_BYTES + 48 && (length - PREFIX_BYTES).is_multiple_of(16);
        let expected = if whole_blocks { OpenError::MsgKey } else { OpenError::FrameLength };
        assert_eq!(error, expected, "{length} bytes");
    }
}

/// Encrypts whatever is asked: what a client could do that knows the key and wishes us ill.
fn seal_raw(key: &AuthKey, plaintext: &[u8]) -> Vec<u8> {
    let mut data = plaintext.to_vec();
    let (msg_key, _) = msg_key(key, Side::Client, &data);
    let (aes_key, iv) = aes_key_iv(key, Side::Client, &msg_key);
    ige_encrypt(&aes_key, &iv, &mut data);
    [&key.id().to_le_bytes()[..], &msg_key, &data].concat()
}

#[test]
fn length_and_padding_are_judged_after_the_msg_key() {
    let key = counting_key();
    let with = |length: u32, total: usize| {
        let mut raw = plaintext(0);
        raw[28..32].copy_from_slice(&length.to_le_bytes());
        raw.resize(HEADER_BYTES + total, 0xaa);
        open(&key, Side::Client, &seal_raw(&key, &raw)).map(|opened| opened.body.len())
    };
    assert_eq!(with(20, 32), Ok(20)); // 12 bytes of padding
    assert_eq!(with(24, 32), Err(OpenError::Length)); // 8
    assert_eq!(with(32, 32), Err(OpenError::Length)); // none
    assert_eq!(with(18, 32), Err(OpenError::Length)); // no multiple of 4
    assert_eq!(with(0, 1024), Ok(0)); // 1024
    assert_eq!(with(12, 1040), Err(OpenError::Length)); // 1028
    assert_eq!(with(16, 1040), Ok(16));
    for length in [u32::MAX, u32::MAX - 3, 1 << 31, 0x7fff_fffc, 36] {
        assert_eq!(with(length, 32), Err(OpenError::Length));
    }
}

#[test]
fn debug_shows_sizes_only() {
    let key = counting_key();
    let frame = seal(&key, Side::Client, &plaintext(4), &mut seeded(6));
    let text = format!("{:?}", open(&key, Side::Client, &frame).unwrap());
    assert!(text.contains("body_bytes: 4") && !text.contains("salt"));
}
