//! What peers do wrong, and for how long they are kept away.

use std::collections::BTreeMap;
use std::time::Duration;

use glog::NodeId;

/// A fault is half forgotten after so long.
const HALF_LIFE_MS: f64 = 600_000.0;
/// At this score a peer is sent away.
pub const SCORE_MAX: f64 = 100.0;
/// Nodes whose faults are remembered. Beyond it those with the least are forgotten.
const REMEMBERED_MAX: usize = 4_096;

/// What a peer did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A frame that is none, or too long, or an answer to another question.
    Malformed,
    /// So many entries that are not signed as they must be.
    Rejected(u32),
}

impl Fault {
    /// Two frames that are none are enough, or four false entries, and one more of either if the first
    /// have begun to fade: an honest node checks before it sends, but may lag behind a rotated key.
    fn weight(self) -> f64 {
        match self {
            Self::Malformed => 60.0,
            Self::Rejected(entries) => 25.0 * f64::from(entries),
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Record {
    score: f64,
    at_ms: u64,
    bans: u32,
    banned_until_ms: u64,
}

/// The record of every node that did something wrong.
#[derive(Debug)]
pub struct Scores {
    records: BTreeMap<NodeId, Record>,
    ban: Duration,
}

impl Scores {
    /// Nobody did anything yet. The first ban takes so long; each further one twice as long.
    pub fn new(ban: Duration) -> Self {
        Self { records: BTreeMap::new(), ban }
    }

    /// Counts a fault; whether the peer is to be sent away.
    pub fn fault(&mut self, node: NodeId, fault: Fault, now_ms: u64) -> bool {
        let record = self.records.entry(node).or_default();
        record.score = faded(record, now_ms) + fault.weight();
        record.at_ms = now_ms;
        let away = record.score >= SCORE_MAX;
        if away {
            let ban_ms = u64::try_from(self.ban.as_millis()).unwrap_or(u64::MAX);
            let ban_ms = ban_ms.saturating_mul(1 << record.bans.min(10));
            record.banned_until_ms = now_ms.saturating_add(ban_ms);
            record.bans += 1;
            // Less is enough the next time: three false entries right after a ban of ten minutes, by
            // which half of this has faded.
            record.score = SCORE_MAX / 2.0;
        }
        if self.records.len() > REMEMBERED_MAX {
            // Of a score that is not negative, the bits are ordered as it is.
            let rank = |record: &Record| {
                (record.banned_until_ms.max(now_ms), faded(record, now_ms).to_bits())
            };
            let least = self.records.iter().min_by_key(|(_, record)| rank(record));
            if let Some(least) = least.map(|(node, _)| *node) {
                self.records.remove(&least);
            }
        }
        away
    }

    /// What a node did wrong, as far as it is not forgotten.
    pub fn score(&self, node: &NodeId, now_ms: u64) -> f64 {
        self.records.get(node).map_or(0.0, |record| faded(record, now_ms))
    }

    /// Whether a node is kept away.
    pub fn is_banned(&self, node: &NodeId, now_ms: u64) -> bool {
        self.records.get(node).is_some_and(|record| now_ms < record.banned_until_ms)
    }
}

fn faded(record: &Record, now_ms: u64) -> f64 {
    let passed_ms = now_ms.saturating_sub(record.at_ms) as f64;
    record.score * (-passed_ms / HALF_LIFE_MS).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_fade_and_repeated_ones_ban_for_longer_each_time() {
        let (a, b) = (NodeId([1; 32]), NodeId([2; 32]));
        let mut scores = Scores::new(Duration::from_secs(600));
        assert!(!scores.fault(a, Fault::Malformed, 0));
        assert!(!scores.fault(a, Fault::Malformed, 600_000)); // 30 are left of 60
        assert!((scores.score(&a, 600_000) - 90.0).abs() < 0.01);
        assert!(scores.fault(a, Fault::Rejected(1), 600_000));
        assert!(scores.is_banned(&a, 1_199_999) && !scores.is_banned(&a, 1_200_000));
        assert!(!scores.is_banned(&b, 0) && scores.score(&b, 0) == 0.0);
        assert!(!scores.fault(a, Fault::Rejected(1), 1_200_000));
        assert!(!scores.fault(a, Fault::Rejected(1), 1_200_000)); // 25 were left of 50
        assert!(scores.fault(a, Fault::Rejected(1), 1_200_000));
        assert!(scores.is_banned(&a, 2_399_999) && !scores.is_banned(&a, 2_400_000));
        assert!(!scores.fault(b, Fault::Rejected(3), 0) && scores.fault(b, Fault::Rejected(1), 0));
    }

    /// Who is kept away is remembered, and of the others who did most lately.
    #[test]
    fn those_with_the_least_are_forgotten() {
        let node = |i: usize| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&(i as u64).to_be_bytes());
            NodeId(id)
        };
        let mut scores = Scores::new(Duration::from_secs(600));
        assert!(scores.fault(node(0), Fault::Rejected(4), 0)); // its ban is over by the time
        assert!(scores.fault(node(1), Fault::Rejected(4), 3_000_000));
        assert!(!scores.fault(node(2), Fault::Malformed, 0)); // and this has faded
        for i in 3..REMEMBERED_MAX + 2 {
            assert!(!scores.fault(node(i), Fault::Rejected(1), 3_000_000));
        }
        assert!(scores.is_banned(&node(1), 3_000_000));
        assert_eq!(scores.records.len(), REMEMBERED_MAX);
        assert!(!scores.records.contains_key(&node(0)) && !scores.records.contains_key(&node(2)));
    }
}
