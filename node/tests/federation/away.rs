//! A node that was away while ten thousand messages were sent.

use std::time::Duration;

use rookery_load::clock;

use crate::lean::{self, Lean};
use crate::line::Line;
use crate::many::watch;
use crate::support::node::TestNode;

/// The bar is 10 s for a release build on a quiet machine; this is for any, beside other tests.
const HEALED_WITHIN: Duration = Duration::from_secs(240);

fn count() -> usize {
    let given = std::env::var("ROOKERY_TEST_ENTRIES").ok();
    given.map_or(10_000, |given| given.parse().expect("a number of entries"))
}

/// What a node has had of another, as it says.
fn bytes_in(node: &TestNode) -> u64 {
    let listed = node.command(&["peer", "list", "--json"]);
    let peers = listed["peers"].as_array().expect("a list of peers");
    let connected = peers.iter().filter(|peer| peer["domain"] == "a.example");
    connected.filter_map(|peer| peer["bytes_in"].as_u64()).sum()
}

struct Pair {
    a: TestNode,
    b: TestNode,
    line: Line,
    ada: Lean,
    bob: Lean,
    /// All that was said.
    said: Vec<String>,
}

impl Pair {
    fn new() -> Self {
        let ([a, b], line, [mut ada, mut bob]) = lean::pair();
        ada.say("ada is here");
        bob.hears("ada is here");
        let said = ["bob is here", "ada is here"].map(str::to_owned).to_vec();
        Self { a, b, line, ada, bob, said }
    }

    /// Ada says so many while the line is cut.
    fn say_apart(&mut self, count: usize, what: &str) {
        self.line.cut();
        let words = (0..count).map(|number| format!("{what} {number:06}, lorem ipsum dolor"));
        let words: Vec<String> = words.collect();
        self.ada.say_all(words.iter().cloned());
        self.said.extend(words);
    }

    /// Waits until B holds so many of ada's messages.
    fn has(&self, count: u64) {
        let (home, there) = (watch(&self.a, &self.a), watch(&self.a, &self.b));
        let ada = home.heads().expect("heads").lanes;
        let longest = ada.iter().max_by_key(|head| head.seq).expect("a lane");
        let deadline = clock::now() + HEALED_WITHIN;
        loop {
            let heads = there.heads().expect("heads");
            let has = heads.lanes.iter().find(|head| head.node == longest.node);
            if has.is_some_and(|has| has.seq + 1 >= count) {
                return;
            }
            assert!(clock::now() < deadline, "{has:?} of {count}\n{}", self.b.log());
        }
    }

    fn length(&self) -> u64 {
        let heads = watch(&self.a, &self.a).heads().expect("heads");
        heads.lanes.iter().map(|head| head.seq + 1).max().expect("a lane")
    }

    /// Both show all that was said, once, in the order in which it was.
    fn is_whole(&mut self) {
        assert_eq!(self.ada.words(), self.said);
        assert_eq!(self.bob.words(), self.said);
        let (a, b) = (watch(&self.a, &self.a), watch(&self.a, &self.b));
        assert_eq!(a.heads().expect("heads"), b.heads().expect("heads"));
    }
}

/// How: the line is cut while ada sends 10,000 messages. B starts again when the line is whole, since it
/// would wait longer and longer before it tries again; that it starts is part of what is measured.
#[test]
fn ten_thousand_entries_come_at_once() {
    let mut pair = Pair::new();
    let before = pair.length();
    pair.say_apart(count(), "away");
    let end = pair.length();
    let missing = watch(&pair.a, &pair.a).bytes_from(before).expect("pages");
    pair.line.heal();
    let begin = clock::now();
    pair.b.kill_and_restart();
    pair.has(end);
    let took = begin.elapsed();
    // What it counts is made anew four times a second.
    let bytes = crate::many::until("all bytes are counted", || {
        Some(bytes_in(&pair.b)).filter(|bytes| *bytes >= missing)
    });
    let ratio = bytes as f64 / missing as f64;
    println!(
        "{} entries healed in {took:?}; {bytes} bytes for {missing}: {ratio:.3}",
        end - before
    );
    assert!(took < HEALED_WITHIN, "{took:?}");
    assert!(ratio <= 1.2, "{ratio}: {bytes} for {missing}");
    pair.bob.reconnect(&pair.b);
    pair.is_whole();
}

/// How: B is killed when it has a part of what it lacks, then A; each starts again.
#[test]
fn nothing_is_lost_or_doubled_when_nodes_are_killed_in_between() {
    let mut pair = Pair::new();
    let before = pair.length();
    pair.say_apart(count(), "killed");
    let end = pair.length();
    pair.line.heal();
    pair.b.kill_and_restart();
    pair.has(before + (end - before) / 4);
    pair.b.kill_and_restart();
    pair.has(before + (end - before) / 2);
    pair.a.kill_and_restart();
    pair.has(end);
    pair.ada.reconnect(&pair.a);
    pair.bob.reconnect(&pair.b);
    pair.is_whole();
    pair.bob.say("and after");
    pair.said.push("and after".to_owned());
    crate::many::until("the home has it", || {
        (pair.ada.words().last() == pair.said.last()).then_some(())
    });
    pair.is_whole();
}
