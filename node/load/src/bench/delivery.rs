//! Server CPU of one message from member to member, beside a relay that does the least.

use rookery_load::pairs::{self, Pair};

use super::relay::Relay;
use super::{Gate, Row, Target, process};

/// At most twelve times the relay; four is the aim.
const GATE: Gate = Gate::RatioAtMost(12.0);
/// Bytes of a message that are the sender's own: the plaintext of its request.
const PAYLOAD_BYTES: f64 = 256.0;

/// What one run costs for each message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) cpu_us: f64,
    pub(super) disk_bytes: f64,
    keys: Option<f64>,
    syncs: Option<f64>,
    pub(super) per_second: f64,
}

/// The row.
pub(crate) fn rows(target: &Target, short: bool, pairs: usize) -> anyhow::Result<Vec<Row>> {
    let (rounds, each) = if short { (3, 20) } else { (7, 400) };
    let mut members = target.pairs(pairs)?;
    let (mut bare, mut answering) = (Relay::start(false)?, Relay::start(true)?);
    let mut bare_pairs = bare.pairs(pairs, false)?;
    let mut answering_pairs = answering.pairs(pairs, true)?;
    let mut bases = [0; 3];
    // Once for nothing: buffers, caches, the first pages of the files.
    bases[0] = pairs::saturate(&mut members, bases[0], each.min(20), 1)?;
    let (mut measured, mut beside, mut costs) = (Vec::new(), Vec::new(), Vec::new());
    let (mut commits, mut relayed) = (0, 0);
    for _ in 0..rounds {
        let node = cost(Some(target), target.pid, &mut members, &mut bases[0], each)?;
        let before = bare.commits()?;
        let floor = cost(None, bare.pid, &mut bare_pairs, &mut bases[1], each)?;
        commits += bare.commits()? - before;
        relayed += each * pairs as u64;
        let full = cost(None, answering.pid, &mut answering_pairs, &mut bases[2], each)?;
        measured.push((node.cpu_us, floor.cpu_us));
        beside.push((node.cpu_us, full.cpu_us));
        costs.push(node);
    }
    answering.commits()?;
    let samples = each as usize * pairs;
    let middle = |of: &dyn Fn(&Cost) -> Option<f64>| {
        let mut values: Vec<f64> = costs.iter().filter_map(of).collect();
        values.sort_by(f64::total_cmp);
        (!values.is_empty()).then(|| super::median(&values))
    };
    let shown = |value: Option<f64>, digits: usize| match value {
        Some(value) => format!("{value:.digits$}"),
        None => "not measured".to_owned(),
    };
    let keys = middle(&|cost| cost.keys);
    let syncs = middle(&|cost| cost.syncs);
    let disk = middle(&|cost| Some(cost.disk_bytes));
    let note = format!(
        "{pairs} pairs, one message of each in flight; floor: one thread that opens, appends with \
         one fdatasync for all that came meanwhile ({:.0} messages each), seals and writes; a \
         message: keys {}, fdatasyncs {}, bytes to disk {} ({} times its own); {} messages/s; every \
         one arrived once, with the next pts",
        relayed as f64 / commits.max(1) as f64,
        shown(keys, 2),
        shown(syncs, 4),
        shown(disk, 0),
        shown(disk.map(|bytes| bytes / PAYLOAD_BYTES), 1),
        shown(middle(&|cost| Some(cost.per_second)), 0),
    );
    let name = "1:1 message, stored, durable, encrypted, delivered";
    Ok(vec![
        Row::of_pairs(name, "us server CPU", &measured, samples, GATE, note),
        Row::of_pairs(
            "the same, beside a relay that answers",
            "us server CPU",
            &beside,
            samples,
            Gate::None,
            "floor: as above, and the sender is told that its message is stored",
        ),
    ])
}

/// Runs one round and says what a message cost the process.
pub(super) fn cost(
    node: Option<&Target>,
    pid: u32,
    pairs: &mut [Pair],
    base: &mut u64,
    each: u64,
) -> anyhow::Result<Cost> {
    process::settle(pid)?;
    let stored = || node.and_then(Target::store_stats);
    let (store, disk, cpu) = (stored(), process::written(pid)?, process::cpu(pid)?);
    let begin = rookery_load::clock::now();
    *base = pairs::saturate(pairs, *base, each, 1)?;
    let seconds = (rookery_load::clock::now() - begin).as_secs_f64();
    process::settle(pid)?;
    let messages = each as f64 * pairs.len() as f64;
    let cpu_us = (process::cpu(pid)? - cpu).as_secs_f64() * 1e6 / messages;
    let disk_bytes = process::written(pid)?.saturating_sub(disk) as f64 / messages;
    let grown = |of: fn(&super::StoreStats) -> u64| {
        let (before, after) = (store.as_ref()?, stored()?);
        Some(of(&after).saturating_sub(of(before)) as f64 / messages)
    };
    let (keys, syncs) = (grown(|stats| stats.keys), grown(|stats| stats.syncs));
    Ok(Cost { cpu_us, disk_bytes, keys, syncs, per_second: messages / seconds })
}
