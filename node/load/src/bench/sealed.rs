//! What `[store] seal = "all"` costs: a node with it, beside one without, in the same run.

use rookery_load::pairs;

use super::delivery::{self, Cost};
use super::scale::{Call, Side};
use super::{Gate, Row, Target, median};

/// Stored messages that pages are read of.
const STORED: u32 = 20_000;

const SEALED: &str = "[store]\nseal = \"all\"\n";

/// The rows.
pub(crate) fn rows(short: bool, pairs: usize) -> anyhow::Result<Vec<Row>> {
    let (rounds, each, calls, stored) =
        if short { (3, 20, 30, 1_000) } else { (7, 400, 300, STORED) };
    let mut rows = vec![delivered(rounds, each, pairs)?];
    let (mut sealed, mut clear) =
        (Side::fill(Target::start_with(SEALED)?, stored)?, Side::fill(Target::start()?, stored)?);
    for (call, name) in Call::ALL {
        sealed.cost(call, calls / 10)?;
        clear.cost(call, calls / 10)?;
        let mut measured = Vec::new();
        for _ in 0..rounds {
            measured.push((sealed.cost(call, calls)?.1, clear.cost(call, calls)?.1));
        }
        rows.push(Row::of_pairs(
            format!("{name}, sealed store"),
            "us server CPU",
            &measured,
            calls,
            Gate::None,
            format!("{stored} stored messages; floor: the same of a clear store"),
        ));
    }
    Ok(rows)
}

fn delivered(rounds: usize, each: u64, pairs: usize) -> anyhow::Result<Row> {
    let (sealed, clear) = (Target::start_with(SEALED)?, Target::start()?);
    let (mut of_sealed, mut of_clear) = (sealed.pairs(pairs)?, clear.pairs(pairs)?);
    let mut bases = [0; 2];
    bases[0] = pairs::saturate(&mut of_sealed, bases[0], each.min(20), 1)?;
    bases[1] = pairs::saturate(&mut of_clear, bases[1], each.min(20), 1)?;
    let (mut measured, mut costs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let one = delivery::cost(Some(&sealed), sealed.pid, &mut of_sealed, &mut bases[0], each)?;
        let other = delivery::cost(Some(&clear), clear.pid, &mut of_clear, &mut bases[1], each)?;
        measured.push((one.cpu_us, other.cpu_us));
        costs.push((one, other));
    }
    let middle = |of: &dyn Fn(&(Cost, Cost)) -> f64| {
        let mut values: Vec<f64> = costs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        median(&values)
    };
    let note = format!(
        "{pairs} pairs, one message of each in flight; floor: the same into a clear store; {:.0} \
         messages/s beside {:.0}, {:.0} bytes to disk a message beside {:.0}",
        middle(&|costs| costs.0.per_second),
        middle(&|costs| costs.1.per_second),
        middle(&|costs| costs.0.disk_bytes),
        middle(&|costs| costs.1.disk_bytes),
    );
    let name = "1:1 message into a sealed store";
    let samples = each as usize * pairs;
    Ok(Row::of_pairs(name, "us server CPU", &measured, samples, Gate::None, note))
}
