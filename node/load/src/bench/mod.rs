//! The rows, what they share, and how they are told.

pub(crate) mod bridge;
pub(crate) mod channel;
pub(crate) mod delivery;
pub(crate) mod federation;
mod fill;
pub(crate) mod group;
pub(crate) mod idle;
pub(crate) mod keys;
pub(crate) mod latency;
pub(crate) mod media;
pub(crate) mod messages;
mod process;
pub(crate) mod relay;
pub(crate) mod scale;
pub(crate) mod sealed;
pub(crate) mod send_latency;
mod target;

use std::fmt;

pub(crate) use target::{StoreStats, Target};

/// One measured row: a value, its floor, and how far apart they may be.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    /// The node's, median of the pairs.
    pub(crate) node: f64,
    /// The floor's, median of the pairs; `None` if it was not built in.
    pub(crate) floor: Option<f64>,
    /// The ratio of each pair, sorted.
    pub(crate) ratios: Vec<f64>,
    /// Measurements behind each value.
    pub(crate) samples: usize,
    pub(crate) gate: Gate,
    pub(crate) note: String,
}

/// What must hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Gate {
    /// The median ratio may not exceed this.
    RatioAtMost(f64),
    /// The median ratio may not be below this.
    RatioAtLeast(f64),
    /// The node's value may not exceed this.
    ValueAtMost(f64),
    /// Shown, not judged.
    None,
}

impl Row {
    /// A row from pairs of (node, floor), taken in turns.
    pub(crate) fn of_pairs(
        name: impl Into<String>,
        unit: &'static str,
        pairs: &[(f64, f64)],
        samples: usize,
        gate: Gate,
        note: impl Into<String>,
    ) -> Self {
        let sorted = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values
        };
        let node = median(&sorted(pairs.iter().map(|pair| pair.0).collect()));
        let floor = median(&sorted(pairs.iter().map(|pair| pair.1).collect()));
        let ratios = sorted(pairs.iter().map(|(node, floor)| node / floor).collect());
        let (name, note) = (name.into(), note.into());
        Self { name, unit, node, floor: Some(floor), ratios, samples, gate, note }
    }

    fn is_met(&self) -> Option<bool> {
        let ratio = (!self.ratios.is_empty()).then(|| median(&self.ratios));
        match self.gate {
            Gate::RatioAtMost(most) => ratio.map(|ratio| ratio <= most),
            Gate::RatioAtLeast(least) => ratio.map(|ratio| ratio >= least),
            Gate::ValueAtMost(most) => Some(self.node <= most),
            Gate::None => None,
        }
    }

    /// The row as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "row": self.name, "unit": self.unit, "node": self.node, "floor": self.floor,
            "ratio": (!self.ratios.is_empty()).then(|| median(&self.ratios)),
            "ratio_min": self.ratios.first(), "ratio_max": self.ratios.last(),
            "pairs": self.ratios.len(), "samples": self.samples,
            "gate": format!("{:?}", self.gate), "met": self.is_met(), "note": self.note,
        })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:.3} {}", self.name, self.node, self.unit)?;
        if let Some(floor) = self.floor {
            write!(f, ", floor {floor:.3}")?;
        }
        if let (Some(least), Some(most)) = (self.ratios.first(), self.ratios.last()) {
            let ratio = median(&self.ratios);
            write!(f, ", ratio {ratio:.2} ({least:.2} to {most:.2}, {} pairs)", self.ratios.len())?;
        }
        write!(f, ", {} samples", self.samples)?;
        match self.is_met() {
            Some(true) => write!(f, ", within {:?}", self.gate)?,
            Some(false) => write!(f, ", CROSSES {:?}", self.gate)?,
            None => {}
        }
        if !self.note.is_empty() {
            write!(f, "\n    {}", self.note)?;
        }
        Ok(())
    }
}

/// The middle of sorted values.
pub(crate) fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The value below which `share` of the sorted values lie.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len() as f64 * share) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// What the numbers were taken on.
pub(crate) fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name\t: ")).unwrap_or("CPU");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("{cores} x {model}, load {}", load.trim())
}

/// Randomness of the generator.
pub(crate) fn rng() -> rand::rngs::ThreadRng {
    #[expect(clippy::disallowed_methods, reason = "the binary owns randomness")]
    rand::rng()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_pair_by_pair_and_judged_by_their_median() {
        let pairs = [(4.0, 1.0), (9.0, 3.0), (10.0, 1.0)];
        let row = Row::of_pairs("r", "us", &pairs, 3, Gate::RatioAtMost(4.0), "");
        assert_eq!((row.node, row.floor), (9.0, Some(1.0)));
        assert_eq!(row.ratios, [3.0, 4.0, 10.0]);
        assert_eq!(row.is_met(), Some(true));
        assert_eq!(Row { gate: Gate::RatioAtMost(3.9), ..row }.is_met(), Some(false));
    }

    #[test]
    fn percentiles_stay_inside() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.99), 99.0);
        assert_eq!(percentile(&values, 1.0), 99.0);
        assert!(percentile(&[], 0.5).is_nan());
    }
}
