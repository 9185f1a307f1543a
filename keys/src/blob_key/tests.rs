use super::*;
use crate::testing::{hex, hex_array};

fn key(first: u8) -> BlobKey {
    let bytes: [u8; 32] = std::array::from_fn(|i| first.wrapping_add(i as u8));
    BlobKey::derive(&MasterKey::from_file_bytes(&bytes).unwrap())
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + i / 251) as u8).collect()
}

const LENGTHS: [usize; 9] = [
    0,
    1,
    SEGMENT_BYTES - 1,
    SEGMENT_BYTES,
    SEGMENT_BYTES + 1,
    2 * SEGMENT_BYTES,
    3 * SEGMENT_BYTES + 17,
    8 * SEGMENT_BYTES - 1,
    8 * SEGMENT_BYTES,
];

#[test]
fn chunks_have_the_published_hashes() {
    // BLAKE3's test_vectors.json, input_len 0 and 1.
    let empty = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
    let zero = "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213";
    assert_eq!(Content::Chunk.hash(b"").to_vec(), hex(empty));
    assert_eq!(Content::Chunk.hash(&[0]).to_vec(), hex(zero));
    assert_ne!(Content::Manifest.hash(b""), Content::Chunk.hash(b""));
}

/// Master key 00 01 … 1f. Computed with Python's cryptography (HKDF, AESGCM) and blake3 by the
/// module's text.
#[test]
fn layout_is_the_documented_one() {
    let (hash, sealed) = key(0).seal(Content::Chunk, b"a blob");
    assert_eq!(hash, hex_array(PYTHON_HASH));
    assert_eq!(sealed, hex(PYTHON_SEALED));
    assert_eq!(key(0).name(&hash), hex_array(PYTHON_NAME));
    assert_eq!(key(0).hide(&hash), hex_array(PYTHON_HIDDEN));
    let (id, manifest) = key(0).seal(Content::Manifest, b"a blob");
    assert_eq!(id, hex_array(PYTHON_MANIFEST_ID));
    assert_eq!(manifest, hex(PYTHON_MANIFEST));
}

#[test]
fn what_is_sealed_opens_at_every_length() {
    for length in LENGTHS {
        let plaintext = content(length);
        let (hash, sealed) = key(1).seal(Content::Chunk, &plaintext);
        assert_eq!(sealed.len(), sealed_bytes(length));
        assert_eq!(plaintext_bytes(sealed.len()), Some(length));
        assert_eq!(key(1).open(Content::Chunk, &hash, &sealed).unwrap(), plaintext);
        assert_eq!(key(1).seal(Content::Chunk, &plaintext).1, sealed, "nothing is random");
        assert!(key(2).open(Content::Chunk, &hash, &sealed).is_err(), "another master key");
        assert!(key(1).open(Content::Manifest, &hash, &sealed).is_err(), "other content");
        assert!(key(1).open(Content::Chunk, &[7; 32], &sealed).is_err(), "another hash");
    }
}

#[test]
fn lengths_that_no_object_has_are_known() {
    let real: std::collections::HashSet<usize> = (0..3 * SEGMENT_BYTES).map(sealed_bytes).collect();
    for sealed in 0..sealed_bytes(3 * SEGMENT_BYTES - 1) {
        assert_eq!(plaintext_bytes(sealed).is_some(), real.contains(&sealed), "{sealed}");
    }
}

#[test]
fn segments_open_by_themselves_and_only_in_their_place() {
    let plaintext = content(3 * SEGMENT_BYTES + 17);
    let (hash, sealed) = key(3).seal(Content::Chunk, &plaintext);
    let opener = key(3).opener(Content::Chunk, &hash);
    let segments: Vec<&[u8]> = sealed[2..].chunks(SEALED_SEGMENT_BYTES).collect();
    for (index, segment) in segments.iter().enumerate() {
        for place in 0..5 {
            for to_end in [false, true] {
                let mut out = Vec::new();
                let opened = opener.segments(place, to_end, segment, &mut out);
                let right = place as usize == index && to_end == (index == 3);
                assert_eq!(opened.is_ok(), right, "segment {index} at {place}, end {to_end}");
                if right {
                    let from = index * SEGMENT_BYTES;
                    assert_eq!(out, plaintext[from..(from + SEGMENT_BYTES).min(plaintext.len())]);
                }
            }
        }
    }
    let mut out = Vec::new();
    opener.segments(1, false, &segments[1..3].concat(), &mut out).unwrap();
    assert_eq!(out, plaintext[SEGMENT_BYTES..3 * SEGMENT_BYTES]);
}

#[test]
fn cut_changed_and_swapped_objects_do_not_open() {
    let plaintext = content(2 * SEGMENT_BYTES + 5);
    let (hash, sealed) = key(4).seal(Content::Chunk, &plaintext);
    let open = |sealed: &[u8]| key(4).open(Content::Chunk, &hash, sealed);
    let ends = [0, 1, 2, 17, 18, 2 + SEALED_SEGMENT_BYTES, 2 + 2 * SEALED_SEGMENT_BYTES];
    for end in ends.into_iter().chain([sealed.len() - 17, sealed.len() - 1]) {
        assert!(open(&sealed[..end]).is_err(), "cut at {end}");
    }
    for byte in (0..sealed.len()).step_by(997).chain([0, 1, sealed.len() - 1]) {
        let mut changed = sealed.clone();
        changed[byte] ^= 1;
        assert!(open(&changed).is_err(), "byte {byte}");
    }
    assert!(open(&[&sealed[..], &[0]].concat()).is_err(), "a byte more");
    let (first, second) = sealed[2..2 + 2 * SEALED_SEGMENT_BYTES].split_at(SEALED_SEGMENT_BYTES);
    let rest = &sealed[2 + 2 * SEALED_SEGMENT_BYTES..];
    assert!(open(&[&sealed[..2], second, first, rest].concat()).is_err(), "swapped");
    assert!(open(&[&sealed[..2], first, rest].concat()).is_err(), "one left out");
    let (_, other) = key(4).seal(Content::Chunk, &content(2 * SEGMENT_BYTES + 4));
    assert!(open(&other).is_err(), "other content");
    let mut newer = sealed.clone();
    newer[1] = 2;
    assert_eq!(open(&newer), Err(UnsealError::Version(2)));
}

#[test]
fn hashes_are_hidden_and_come_back() {
    let hash = Content::Chunk.hash(b"x");
    let hidden = key(5).hide(&hash);
    assert!(!hidden.windows(8).any(|window| hash.windows(8).any(|part| part == window)));
    assert_eq!(key(5).reveal(&hidden), Some(hash));
    assert_eq!(key(6).reveal(&hidden), None);
    for bit in 0..hidden.len() * 8 {
        let mut changed = hidden;
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(key(5).reveal(&changed), None, "bit {bit}");
    }
    assert_ne!(key(5).name(&hash), key(6).name(&hash));
    assert_ne!(key(5).name(&hash), hash);
}
const PYTHON_HASH: &str = "8e8dcfd5b7a5a4f6e42d1aa34660e299f35a4054ba60cccd931ab212101bab0e";
const PYTHON_SEALED: &str = "4301fcd019442a5a7ab910ce66a459b157d33b196cbdf70f";
const PYTHON_NAME: &str = "580c62b38ef0dc16b287297dfdc09c1c2704429cf2c0b4eab326d58f4bba9b95";
const PYTHON_HIDDEN: &str = "4ff582dd4b13f5504cfe42bdae0b1499d5f2a707b06e3a26aa17b5ec1806663ba1be8392fbd43652fcbe60458d02a427c0a014a68734f647aaae5923ad017e0accab7a46b53befb4161f687a42ff4c6a";
const PYTHON_MANIFEST_ID: &str = "78306a37dee4237752b061fae3e6b5addb3d1b8a0ee1ed277f13fea7e86d564c";
const PYTHON_MANIFEST: &str = "4d01337cc6a95c2ca6eb901e2faeac709ee75c4f08191f46";
