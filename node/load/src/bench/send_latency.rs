//! How long a message takes while the node is not busy: to the answer, and to the peer.

use rookery_load::open_loop::{self, Latencies};

use super::relay::Relay;
use super::{Gate, Row, Target, percentile, process};

/// Messages offered in a second, whatever comes back.
const PER_SECOND: u32 = 200;
/// Pairs that take turns.
const PAIRS: usize = 20;
/// Of the medians: the flush of the disk is inside both.
const GATE: Gate = Gate::RatioAtMost(4.0);

type Part = fn(&Latencies) -> &[f64];

/// The rows: p50 and p99, to the answer and to the peer's update.
pub(crate) fn rows(target: &Target, short: bool) -> anyhow::Result<Vec<Row>> {
    let (rounds, seconds) = if short { (3, 2) } else { (5, 10) };
    let count = u64::from(PER_SECOND * seconds);
    let mut members = target.pairs(PAIRS)?;
    let relay = Relay::start(true)?;
    let mut relayed = relay.pairs(PAIRS, true)?;
    let mut bases = (0, 0);
    // Once for nothing.
    bases.0 = open_loop::offer(&mut members, bases.0, 200, PER_SECOND)?.1;
    bases.1 = open_loop::offer(&mut relayed, bases.1, 200, PER_SECOND)?.1;
    let mut measured = Vec::new();
    for _ in 0..rounds {
        process::settle(target.pid)?;
        let (node, next) = open_loop::offer(&mut members, bases.0, count, PER_SECOND)?;
        bases.0 = next;
        let (floor, next) = open_loop::offer(&mut relayed, bases.1, count, PER_SECOND)?;
        bases.1 = next;
        measured.push((node, floor));
    }
    let parts: [(&str, Part); 2] = [
        ("to its rpc_result", |latencies| &latencies.answered),
        ("to the peer's update", |latencies| &latencies.arrived),
    ];
    let shares = [("p50", 0.5, GATE), ("p99", 0.99, Gate::None)];
    let mut rows = Vec::new();
    for (name, part) in parts {
        for (label, share, gate) in shares {
            let of = |latencies| percentile(part(latencies), share);
            let values: Vec<_> =
                measured.iter().map(|(node, floor)| (of(node), of(floor))).collect();
            rows.push(Row::of_pairs(
                format!("sendMessage {name}, {label}"),
                "us",
                &values,
                count as usize,
                gate,
                format!(
                    "open loop, {PER_SECOND}/s over {PAIRS} pairs, from when it was due; floor: \
                     the relay that answers, with its fdatasync"
                ),
            ));
        }
    }
    Ok(rows)
}
