//! Crashes of the store on disk, as far as one machine can play them: killed processes, modelled
//! power cuts, damaged files, a full disk.
//!
//! Each test starts itself again as a writer (see `writer`), and compares what the writer
//! acknowledged with what is there afterwards. `ROOKERY_TEST=full` runs many more rounds.

#![allow(clippy::panic, clippy::print_stdout, clippy::unwrap_used, reason = "tests")]

mod damage;
mod full;
mod kill;
mod power;
mod seal;
mod writer;

/// `quick` rounds, or `thorough` ones when `ROOKERY_TEST=full`.
fn rounds(quick: u32, thorough: u32) -> u32 {
    if std::env::var("ROOKERY_TEST").is_ok_and(|mode| mode == "full") { thorough } else { quick }
}

/// Seeded chance: splitmix64. The seed is printed with every failure.
struct Chance(u64);

impl Chance {
    /// Takes `ROOKERY_TEST_SEED`, or `seed`.
    fn new(seed: u64) -> Self {
        let given = std::env::var("ROOKERY_TEST_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or(seed);
        println!("ROOKERY_TEST_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// Lets some microseconds to milliseconds pass.
fn pass_time(turns: u64) {
    for _ in 0..turns {
        std::hint::spin_loop();
    }
}
