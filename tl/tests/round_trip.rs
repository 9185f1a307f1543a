//! Every constructor and every function of every layer: bytes to value to the same bytes.
//!
//! The bytes are made from the schema's text, so that reader and writer cannot agree on a mistake.
//! `ROOKERY_FUZZ_SEED` sets the seed, `ROOKERY_FUZZ_ITERATIONS` the values of each definition at
//! each layer.

mod common;

use common::{Entry, find, from_env};
use tl_gen::random::Generator;

#[derive(Default)]
struct Outcome {
    compared: usize,
    failures: Vec<String>,
}

impl Outcome {
    fn check(&mut self, bytes: &[u8], layer: i32, entry: &Entry) {
        self.compared += 1;
        let got = (entry.again)(bytes, layer);
        if got.as_ref().is_ok_and(|written| written.as_deref() == Ok(bytes)) {
            return;
        }
        let got: String = format!("{got:?}").chars().take(300).collect();
        self.failures.push(format!("layer {layer}, {}: got {got}\n  sent {bytes:?}", entry.name));
    }

    fn finish(self, at_least: usize) {
        let first: Vec<&String> = self.failures.iter().take(10).collect();
        assert!(first.is_empty(), "{} of {}: {first:#?}", self.failures.len(), self.compared);
        assert!(self.compared >= at_least, "only {} values compared", self.compared);
    }
}

#[test]
fn every_definition_of_every_layer_comes_back_byte_for_byte() {
    let seed = from_env("ROOKERY_FUZZ_SEED", 20_260_101);
    let values = from_env("ROOKERY_FUZZ_ITERATIONS", 1);
    println!("ROOKERY_FUZZ_SEED={seed} ROOKERY_FUZZ_ITERATIONS={values}");
    let history = common::api();
    let mut outcome = Outcome::default();
    for layer in tl::LAYER_MIN..=tl::LAYER_MAX {
        let mut random = Generator::new(&history, layer, seed ^ layer as u64);
        for _ in 0..values {
            for name in random.constructor_names() {
                let bytes = random.constructor(name).expect("it is in the layer");
                // As the struct of the constructor, and as the enum of its type.
                outcome.check(&bytes, layer, find(common::TYPES, name));
                let ty = common::result_of(&history.types, name, layer);
                outcome.check(&bytes, layer, find(common::ENUMS, ty));
            }
            for name in random.function_names() {
                let bytes = random.function(name).expect("it is in the layer");
                outcome.check(&bytes, layer, find(common::FUNCTIONS, name));
            }
        }
    }
    // 79 layers of 1,500 constructors, twice, and 600 functions.
    outcome.finish(79 * (2 * 1_300 + 500));
}

#[test]
fn every_result_of_the_newest_layer_comes_back_byte_for_byte() {
    let seed = from_env("ROOKERY_FUZZ_SEED", 1);
    println!("ROOKERY_FUZZ_SEED={seed}");
    let history = common::api();
    let mut outcome = Outcome::default();
    let mut random = Generator::new(&history, tl::LAYER_MAX, seed);
    for name in random.function_names() {
        let bytes = random.result(name).expect("it is in the layer");
        outcome.check(&bytes, tl::LAYER_MAX, find(common::RESULTS, name));
    }
    outcome.finish(700);
}

#[test]
fn every_definition_of_the_service_schema_comes_back() {
    let seed = from_env("ROOKERY_FUZZ_SEED", 2);
    println!("ROOKERY_FUZZ_SEED={seed}");
    let history = common::service();
    let mut random = Generator::new(&history, 0, seed);
    let mut outcome = Outcome::default();
    for _ in 0..100 {
        for name in random.constructor_names() {
            let bytes = random.constructor(name).expect("it is in the schema");
            let ty = common::result_of(&history.types, name, 0);
            // Layer 0 is what a session passes; another makes no difference.
            for layer in [0, 181] {
                outcome.check(&bytes, layer, find(common::SERVICE_TYPES, name));
                outcome.check(&bytes, layer, find(common::SERVICE_ENUMS, ty));
            }
        }
        for name in random.function_names() {
            let bytes = random.function(name).expect("it is in the schema");
            outcome.check(&bytes, 0, find(common::SERVICE_FUNCTIONS, name));
        }
    }
    outcome.finish(10_000);
}
