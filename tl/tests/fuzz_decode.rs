//! Broken values: random ones with bytes changed, cut, repeated and spliced. The decoder may refuse
//! them or read them, and what it reads it can write and read again.
//!
//! `ROOKERY_FUZZ_SEED` and `ROOKERY_FUZZ_ITERATIONS` make another or a longer run.

mod common;

use common::{Entry, find, from_env};
use tl_gen::random::Generator;

/// Its own generator: mutations must not depend on how values are made.
struct Rng(u64);

impl Rng {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x14_057b_7ef7_6781);
        (self.0 >> 33) as usize % end.max(1)
    }
}

/// Words that decoders trip over: counts, ids of vector and Bool, all flags.
const WORDS: [u32; 8] =
    [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX, 0x1cb5_c415, 0x9972_75b5, 0xbc79_9737];

fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..=rng.below(3) {
        let at = rng.below(bytes.len());
        let word_at = at / 4 * 4;
        match rng.below(6) {
            0 => bytes[at] ^= 1 << rng.below(8),
            1 => bytes[at] = rng.below(256) as u8,
            2 => bytes.truncate(at.max(4)),
            3 => {
                let word = WORDS[rng.below(WORDS.len())].to_le_bytes();
                bytes.splice(word_at..(word_at + 4).min(bytes.len()), word);
            }
            4 => {
                let part = bytes[word_at..].to_vec();
                bytes.extend(part);
            }
            _ => {
                let from = rng.below(bytes.len()) / 4 * 4;
                let part = bytes[from..(from + 16).min(bytes.len())].to_vec();
                bytes.splice(word_at..word_at, part);
            }
        }
        if bytes.is_empty() {
            bytes.push(0);
        }
    }
}

/// Whether it was read.
fn survives(bytes: &[u8], layer: i32, entry: &Entry) -> bool {
    let Ok(written) = (entry.again)(bytes, layer) else { return false };
    if let Ok(written) = written {
        // Written at the sender's layer, it is readable there and stable from then on.
        let again = (entry.again)(&written, layer);
        assert!(
            again.as_ref().is_ok_and(|again| again.as_ref() == Ok(&written)),
            "{} at {layer}: {bytes:?} became {written:?} and then {again:?}",
            entry.name
        );
    }
    true
}

#[test]
fn broken_values_are_read_or_refused() {
    let seed = from_env("ROOKERY_FUZZ_SEED", 20_260_102_u64);
    let iterations = from_env("ROOKERY_FUZZ_ITERATIONS", 20_000_usize);
    println!("ROOKERY_FUZZ_SEED={seed} ROOKERY_FUZZ_ITERATIONS={iterations}");
    let history = common::api();
    let mut rng = Rng(seed);
    let mut read = 0;
    for round in 0..10 {
        let layer = tl::LAYER_MIN + rng.below((tl::LAYER_MAX - tl::LAYER_MIN + 1) as usize) as i32;
        let mut random = Generator::new(&history, layer, seed.wrapping_add(round));
        let functions: Vec<&str> = random.function_names().collect();
        let constructors: Vec<&str> = random.constructor_names().collect();
        for _ in 0..iterations / 10 {
            let (mut bytes, entry) = if rng.below(2) == 0 {
                let name = functions[rng.below(functions.len())];
                (random.function(name), find(common::FUNCTIONS, name))
            } else {
                let name = constructors[rng.below(constructors.len())];
                let ty = common::result_of(&history.types, name, layer);
                (random.constructor(name), find(common::ENUMS, ty))
            };
            let bytes = bytes.as_mut().expect("it is in the layer");
            mutate(bytes, &mut rng);
            read += usize::from(survives(bytes, layer, entry));
        }
    }
    // Else the mutations are too rough to get behind the first field.
    assert!(read > iterations / 50, "only {read} of {iterations} were read");
}

#[test]
fn noise_is_refused_by_every_type() {
    let mut rng = Rng(from_env("ROOKERY_FUZZ_SEED", 5_u64));
    for entry in common::ENUMS.iter().chain(common::FUNCTIONS).chain(common::SERVICE_ENUMS) {
        for len in [0, 3, 4, 64, 400] {
            let mut bytes: Vec<u8> = (0..len).map(|_| rng.below(256) as u8).collect();
            if let Some(id) = bytes.first_chunk_mut() {
                // No constructor has it.
                *id = [0xff; 4];
            }
            assert!((entry.again)(&bytes, 230).is_err(), "{} read noise", entry.name);
        }
    }
}
