//! When letters go: decided from the clock and what the other nodes answer, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use glog::Node16;

/// The first wait after a node has not taken a letter, in milliseconds; each further one is twice as
/// long, up to the longest. A connection that is made anew ends it.
const REST_MS: u64 = 1000;
const REST_MS_MAX: u64 = 600_000;

/// How the way to one node ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// Nothing waits for it any more.
    Done,
    /// It has taken some, and then no more now: it is slow, and not away.
    Slowed,
    /// It did not take a letter now, or did not answer.
    Stopped,
}

/// Who is on the way to which node, and which are left alone for a while. Pure.
#[derive(Debug, Default)]
pub struct Postman {
    busy: BTreeSet<Node16>,
    rests: BTreeMap<Node16, Rest>,
}

#[derive(Debug, Clone, Copy)]
struct Rest {
    failures: u32,
    until_ms: u64,
}

impl Postman {
    /// Whether letters may go to a node now. If so, they are on their way until [`Self::ended`] says how
    /// it went: one way to one node at a time.
    pub fn begin(&mut self, node: Node16, now_ms: u64) -> bool {
        let rests = self.rests.get(&node).is_some_and(|rest| now_ms < rest.until_ms);
        !rests && self.busy.insert(node)
    }

    /// The way to a node has ended.
    pub fn ended(&mut self, node: Node16, round: Round, now_ms: u64) {
        self.busy.remove(&node);
        match round {
            Round::Done => {
                self.rests.remove(&node);
            }
            Round::Slowed | Round::Stopped => {
                let failures = match round {
                    Round::Stopped => self.rests.get(&node).map_or(0, |rest| rest.failures),
                    _ => 0,
                };
                let wait_ms = REST_MS.saturating_mul(1 << failures.min(20)).min(REST_MS_MAX);
                let until_ms = now_ms.saturating_add(wait_ms);
                self.rests.insert(node, Rest { failures: failures.saturating_add(1), until_ms });
            }
        }
    }

    /// A node is connected anew: what waits goes at once.
    pub fn met(&mut self, node: Node16) {
        self.rests.remove(&node);
    }

    /// Forgets about all but these nodes, for which something waits. Protects memory.
    pub fn keep(&mut self, waiting: &[Node16]) {
        self.rests.retain(|node, _| waiting.contains(node));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: Node16 = Node16([1; 16]);

    #[test]
    fn one_way_at_a_time() {
        let mut postman = Postman::default();
        assert!(postman.begin(NODE, 0));
        assert!(!postman.begin(NODE, 0));
        assert!(postman.begin(Node16([2; 16]), 0), "another node");
        postman.met(NODE);
        assert!(!postman.begin(NODE, 0), "a new connection begins no second way");
        postman.ended(NODE, Round::Done, 0);
        assert!(postman.begin(NODE, 0));
    }

    #[test]
    fn a_node_that_takes_nothing_is_left_alone_longer_and_longer() {
        let (mut postman, mut now_ms) = (Postman::default(), 0);
        let mut waits = Vec::new();
        assert!(postman.begin(NODE, now_ms));
        for _ in 0..40 {
            postman.ended(NODE, Round::Stopped, now_ms);
            let begun = now_ms;
            while !postman.begin(NODE, now_ms) {
                now_ms += 1000;
            }
            waits.push(now_ms - begun);
        }
        assert_eq!(waits[..4], [1000, 2000, 4000, 8000]);
        assert!(waits.is_sorted() && waits.last() == Some(&REST_MS_MAX));
        postman.ended(NODE, Round::Stopped, now_ms);
        // It comes again: at once, and what it fails then waits as the first time.
        postman.met(NODE);
        assert!(postman.begin(NODE, now_ms));
        postman.ended(NODE, Round::Stopped, now_ms);
        assert!(!postman.begin(NODE, now_ms + 999) && postman.begin(NODE, now_ms + 1000));
        postman.ended(NODE, Round::Stopped, now_ms);
        now_ms += 100_000;
        assert!(postman.begin(NODE, now_ms));
        postman.ended(NODE, Round::Slowed, now_ms);
        assert!(!postman.begin(NODE, now_ms + 999), "it has taken some");
        assert!(postman.begin(NODE, now_ms + 1000));
        postman.ended(NODE, Round::Stopped, now_ms);
        postman.keep(&[NODE]);
        assert!(!postman.begin(NODE, now_ms));
        postman.keep(&[]);
        assert!(postman.begin(NODE, now_ms));
    }
}
