//! A few nodes, a network that loses, repeats, delays and splits, clocks that are wrong by years, and
//! liars; then the network heals, and everything that federation promises has to hold.
//!
//! A run follows from its seed alone. `ROOKERY_SIM_SEED` is the first seed, `ROOKERY_SIM_SEEDS` how many
//! there are: 10,000 in CI, a few in a plain `cargo test`.

mod acts;
mod checks;
mod lies;
mod network;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::mutant::Mutant;
use crate::testing::number;
use network::Sim;

/// Steps of one run.
const STEPS: usize = 70;

fn run(seed: u64) -> network::Seen {
    let mut sim = Sim::new(seed);
    for _ in 0..STEPS {
        sim.step();
        if sim.chance(0.03) {
            let node = sim.below(sim.nodes.len());
            checks::evaluators_agree(&sim, node);
        }
    }
    sim.heal();
    checks::all(&sim);
    sim.seen.edited = checks::edits_of_others(&sim);
    sim.seen
}

/// What a run has seen, or why it failed.
fn outcome(seed: u64) -> Result<network::Seen, String> {
    catch_unwind(AssertUnwindSafe(|| run(seed))).map_err(|cause| match cause.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => other.downcast::<&str>().map_or(String::new(), |text| text.to_string()),
    })
}

/// Every invariant holds under every seed, and what the invariants are about happens.
#[test]
fn invariants_hold() {
    let first = number("ROOKERY_SIM_SEED").unwrap_or(1);
    let seeds = number("ROOKERY_SIM_SEEDS").unwrap_or(200);
    let workers = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let mut all = network::Seen::default();
    let mut failures = Vec::new();
    let share = |worker| (first + worker..first + seeds).step_by(workers as usize);
    let one = |seed| {
        let outcome = outcome(seed);
        // At once: the rest may take long.
        outcome.as_ref().inspect_err(|message| println!("seed {seed}: {message}")).ok();
        (seed, outcome)
    };
    let run = |worker| share(worker).map(one).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let run = &run;
        let runs: Vec<_> = (0..workers).map(|worker| scope.spawn(move || run(worker))).collect();
        for (seed, outcome) in runs.into_iter().flat_map(|run| run.join().unwrap()) {
            match outcome {
                Ok(seen) => all.add(&seen),
                Err(_) => failures.push(seed),
            }
        }
    });
    println!("{seeds} seeds from {first}: {all:?}");
    assert!(failures.is_empty(), "{failures:?} failed");
    if seeds >= 200 {
        all.assert_lively();
    }
}

fn is_caught(mutant: Mutant, by: &str) {
    let failure = mutant
        .during(|| (1..400).find_map(|seed| outcome(seed).err().map(|message| (seed, message))));
    let Some((seed, message)) = failure else { panic!("{mutant:?} passes every check") };
    assert!(message.contains(by), "{mutant:?} at seed {seed}: {message}");
}

#[test]
fn no_cut_is_caught() {
    is_caught(Mutant::NoCut, "shown above the cut");
}

#[test]
fn an_implicit_cut_is_caught() {
    is_caught(Mutant::ImplicitCut, "evaluators");
}

#[test]
fn numbers_without_hashes_are_caught() {
    // Either as such, or because two nodes then show two worlds.
    is_caught(Mutant::LengthOnly, "two ");
}

#[test]
fn acceptance_by_clock_is_caught() {
    is_caught(Mutant::AcceptByClock, "never arrived");
}

#[test]
fn a_key_that_is_not_tied_to_the_position_is_caught() {
    is_caught(Mutant::EpochNotTied, "removed node");
}

#[test]
fn a_gossip_id_over_the_header_is_caught() {
    is_caught(Mutant::GossipIdOverHeader, "taken for a repetition");
}
