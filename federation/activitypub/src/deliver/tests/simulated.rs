//! Many hosts in a time of our own: the scheduler and the lanes without a network.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::super::memory::About;
use super::super::memory::Memory;
use super::super::{Lane, LaneState, Plan, Scheduler, Seq, Turn, Verdict};

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;
const RETRY: Verdict = Verdict::Retry { after_s: None };

/// How a host answers at a time, and after how long.
type Behave = Box<dyn Fn(&str, u64) -> (Verdict, u64)>;

struct World {
    queue: Memory,
    scheduler: Scheduler,
    behave: Behave,
    now_ms: u64,
    /// Turns by when they end: what they got to know is taken then.
    running: BinaryHeap<Reverse<(u64, u64, String)>>,
    turns: BTreeMap<u64, (Turn, Lane)>,
    got: BTreeMap<String, Vec<(u64, Seq)>>,
    running_max: usize,
}

impl World {
    fn new(queue: Memory, behave: Behave) -> Self {
        let lanes = queue.saved.lock().clone().into_iter().collect();
        let newest = queue.log.lock().len() as Seq;
        let scheduler = Scheduler::new(lanes, newest, 32, 0);
        Self {
            queue,
            scheduler,
            behave,
            now_ms: 0,
            running: BinaryHeap::new(),
            turns: BTreeMap::new(),
            got: BTreeMap::new(),
            running_max: 0,
        }
    }

    fn log(&mut self, about: Option<About>) {
        let seq = self.queue.log(about, self.now_ms);
        self.scheduler.grew(seq, self.now_ms);
    }

    /// Lets the time pass to `end_ms`, or until nothing is left to do.
    fn run_to(&mut self, end_ms: u64) {
        loop {
            while let Some(turn) = self.scheduler.take(self.now_ms) {
                self.begin(turn);
            }
            self.running_max = self.running_max.max(self.running.len());
            let ends = self.running.peek().map(|Reverse((at_ms, ..))| *at_ms);
            let next =
                [ends, self.scheduler.next_due_ms()].into_iter().flatten().filter(|at| *at > 0);
            match next.min() {
                Some(next_ms) if next_ms <= end_ms => self.now_ms = self.now_ms.max(next_ms),
                _ => {
                    self.now_ms = self.now_ms.max(end_ms.min(u64::MAX - 1));
                    return;
                }
            }
            while self.running.peek().is_some_and(|Reverse((at_ms, ..))| *at_ms <= self.now_ms) {
                let Some(Reverse((_, id, host))) = self.running.pop() else { return };
                let (turn, lane) = self.turns.remove(&id).unwrap();
                assert!(self.scheduler.finish(&turn, lane, None));
                self.scheduler.saved(&host, self.now_ms);
            }
        }
    }

    fn begin(&mut self, turn: Turn) {
        let mut lane = turn.lane.clone();
        let mut end_ms = self.now_ms;
        for _ in 0..64 {
            let page = self.queue.page(&turn.host, lane.cursor);
            match lane.plan(&page, turn.newest) {
                Plan::Nothing => break,
                Plan::Passed => continue,
                Plan::Send(inboxes) => {
                    let item = page.item.unwrap();
                    for inbox in inboxes {
                        let (verdict, took_ms) = (self.behave)(&turn.host, end_ms);
                        end_ms += took_ms;
                        if matches!(verdict, Verdict::Done(_)) {
                            let got = self.got.entry(turn.host.clone()).or_default();
                            got.push((end_ms, item.activity.seq));
                        }
                        lane.answer(
                            &inbox,
                            verdict,
                            end_ms,
                            (end_ms as u32).wrapping_mul(2_654_435_761),
                        );
                        if verdict == RETRY {
                            break;
                        }
                    }
                    lane.finish(&item);
                    break;
                }
            }
        }
        self.running.push(Reverse((end_ms, turn.id, turn.host.clone())));
        self.turns.insert(turn.id, (turn, lane));
    }

    fn got(&self, host: &str) -> Vec<Seq> {
        self.got.get(host).into_iter().flatten().map(|(_, seq)| *seq).collect()
    }
}

fn hosts(count: usize) -> Memory {
    let queue = Memory::default();
    for host in 0..count {
        queue.follow(&format!("h{host}.test"), "a", &format!("https://h{host}.test"), true);
    }
    queue
}

/// When the last of the living got everything, of a thousand hosts. Whether the dead ones are known
/// as such from before.
fn run_with_dead(dead: usize, known: bool) -> u64 {
    let queue = hosts(1000);
    queue.log_many(20, 0);
    let is_dead = move |host: &str| host[1..host.len() - 5].parse::<usize>().unwrap() < dead;
    for (_, lane) in queue.saved.lock().iter_mut().filter(|(host, _)| known && is_dead(host)) {
        (lane.fails, lane.fail_since_ms) = (1, Some(0));
    }
    let mut world = World::new(
        queue,
        // Nobody there: each try takes the whole time that it may.
        Box::new(
            move |host, _| {
                if is_dead(host) { (RETRY, 30_000) } else { (Verdict::Done(None), 50) }
            },
        ),
    );
    world.run_to(DAY);
    assert_eq!(world.running_max, 32);
    let living = (dead..1000).map(|host| &world.got[&format!("h{host}.test")]);
    let ends = living.map(|got| {
        let seqs: Vec<Seq> = got.iter().map(|(_, seq)| *seq).collect();
        assert_eq!(seqs, (1..=20).collect::<Vec<_>>());
        got.last().unwrap().0
    });
    let end = ends.max().unwrap();
    assert_eq!(world.scheduler.metrics().failing, dead);
    assert_eq!(world.scheduler.hosts(5).len(), dead.min(5));
    end
}

/// Twenty activities to 1,000 hosts, 32 at once, 50 ms each: 31 s, of which ten dead hosts may take
/// ten places for half a minute, and then a moment now and again.
#[test]
fn ten_dead_hosts_do_not_delay_the_others() {
    let (without, with) = (run_with_dead(0, false), run_with_dead(10, false));
    assert!((31_000..32_000).contains(&without), "{without}");
    assert!(with <= without * 32 / 22, "{without} {with}");
}

/// However many they are: those that are known to be dead share a quarter of the places.
#[test]
fn hundreds_of_dead_hosts_leave_three_quarters_of_the_places() {
    let with = run_with_dead(500, true);
    assert!(with <= 500 * 20 * 50 / 24 + 1000, "{with}");
    // Those that are not known to be keep a place each, but once: 100 times 30 s at 32 places.
    let with = run_with_dead(100, false);
    assert!(with <= 100 * 30_000 / 32 + 900 * 20 * 50 / 24 + 30_000, "{with}");
}

#[test]
fn a_host_that_was_down_catches_up_in_order() {
    let up_ms = 10 * MINUTE;
    let mut world = World::new(
        hosts(2),
        Box::new(move |host, now_ms| match host {
            "h0.test" if now_ms < up_ms => (RETRY, 100),
            _ => (Verdict::Done(None), 10),
        }),
    );
    for _ in 0..600 {
        world.log(None);
        let then = world.now_ms + 1000;
        world.run_to(then);
    }
    assert_eq!(
        world.got("h1.test"),
        (1..=600).collect::<Vec<_>>(),
        "the other one got all meanwhile"
    );
    assert!(world.got("h0.test").is_empty());
    let [worst] = world.scheduler.hosts(10).try_into().unwrap();
    assert_eq!((worst.host.as_str(), worst.lag, worst.fails > 2), ("h0.test", 600, true));
    let begun = world.now_ms;
    world.scheduler.heard("h0.test", begun);
    world.run_to(begun + 2 * MINUTE);
    assert_eq!(world.got("h0.test"), (1..=600).collect::<Vec<_>>());
    assert!(world.scheduler.hosts(10).is_empty());
}

/// Without a word from it, within the wait that had grown: a quarter of an hour and a fifth.
#[test]
fn a_host_that_was_down_is_found_again() {
    let mut world = World::new(
        hosts(1),
        Box::new(
            |_, now_ms| if now_ms < 10 * MINUTE { (RETRY, 100) } else { (Verdict::Done(None), 10) },
        ),
    );
    world.log(None);
    world.run_to(10 * MINUTE);
    assert!(world.got("h0.test").is_empty());
    world.run_to(10 * MINUTE + 18 * MINUTE);
    assert_eq!(world.got("h0.test"), [1]);
}

#[test]
fn a_dormant_host_gets_the_last_state_only() {
    let up_ms = 10 * DAY;
    let mut world = World::new(
        hosts(1),
        Box::new(
            move |_, now_ms| if now_ms < up_ms { (RETRY, 100) } else { (Verdict::Done(None), 10) },
        ),
    );
    let object = |name: &str| Some(About::Update(name.to_owned()));
    world.log(None); // 1
    world.log(object("a")); // 2
    world.log(object("b")); // 3
    world.log(object("a")); // 4
    world.log(object("c")); // 5
    world.run_to(up_ms);
    assert_eq!(world.scheduler.metrics().dormant, 1);
    world.log(Some(About::Delete("c".to_owned()))); // 6
    world.run_to(up_ms + 2 * DAY);
    assert_eq!(world.got("h0.test"), [1, 3, 4, 6]);
    assert_eq!(world.scheduler.metrics().dormant, 0);
    assert_eq!(world.scheduler.metrics().failing, 0);
}

/// Those who may not answer have their quarter, however many others wait.
#[test]
fn a_host_that_failed_is_not_starved() {
    let lane = |fails| Lane { fails, ..Lane::new(0) };
    let host = |name: usize, fails| (format!("h{name}.test"), lane(fails));
    let mut lanes: Vec<_> = (0..20).map(|name| host(name, 0)).collect();
    lanes.extend((20..25).map(|name| host(name, 1)));
    let mut scheduler = Scheduler::new(lanes, 1, 8, 0);
    let first: Vec<Turn> = std::iter::from_fn(|| scheduler.take(0)).collect();
    let doubtful = |turns: &[Turn]| turns.iter().filter(|turn| turn.lane.fails > 0).count();
    assert_eq!((first.len(), doubtful(&first)), (8, 2));
    // One of them is over: another one of them is next.
    let over = first.iter().find(|turn| turn.lane.fails > 0).unwrap();
    assert!(scheduler.finish(over, Lane { next_try_ms: DAY, ..lane(2) }, None));
    let next = scheduler.take(0).unwrap();
    assert_eq!(next.lane.fails, 1);
    assert!(scheduler.take(0).is_none());
    scheduler.remove(&next.host);
    assert_eq!(scheduler.take(0).unwrap().lane.fails, 1, "who is dropped leaves his place");
}

#[test]
fn a_turn_belongs_to_whom_it_was_given() {
    let queue = hosts(1);
    queue.log(None, 0);
    let lane = queue.lane("h0.test");
    let mut scheduler = Scheduler::new(vec![("h0.test".into(), lane.clone())], 1, 1, 0);
    let turn = scheduler.take(0).unwrap();
    assert!(scheduler.take(0).is_none(), "one place");
    scheduler.remove("h0.test");
    assert!(!scheduler.finish(&turn, lane.clone(), None), "it was dropped meanwhile");
    scheduler.add("h0.test", lane.clone(), 0);
    let again = scheduler.take(0).unwrap();
    assert!(!scheduler.finish(&turn, lane.clone(), None), "another life");
    scheduler.heard("h0.test", 0);
    let failed = Lane { next_try_ms: DAY, fails: 1, state: LaneState::Live, ..lane };
    assert!(scheduler.finish(&again, failed, None));
    assert!(scheduler.take(MINUTE).is_none(), "not before it is saved");
    scheduler.saved("h0.test", MINUTE);
    assert!(scheduler.take(MINUTE).is_some(), "it was heard of during its turn");
    let mut scheduler = Scheduler::new(vec![("h0.test".into(), Lane::new(0))], 1, 2, 0);
    assert!(scheduler.take(0).is_some());
    scheduler.saved("h0.test", 0);
    scheduler.heard("h0.test", 0);
    scheduler.grew(2, 0);
    assert!(scheduler.take(0).is_none(), "no host has two turns");
}
