use glog::{EntryRef, Hash16, Node16};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::plan::{Said, in_order};
use super::*;

fn at(node: u8, seq: u64) -> EntryRef {
    EntryRef { node: Node16([node; 16]), inc: 0, seq, hash: Hash16([seq as u8; 16]) }
}

fn said(at: EntryRef, after: Vec<EntryRef>, ts_ms: u64) -> Said {
    Said { at, after, ts_ms, is_post: true }
}

#[test]
fn numbers_are_kept_for_all_that_lanes_hold_and_bounded() {
    let first = |seqs: &[u64]| {
        let lanes: Vec<EntryRef> =
            seqs.iter().enumerate().map(|(node, seq)| at(node as u8, *seq)).collect();
        Target::new(&lanes).first().0
    };
    assert_eq!(first(&[]), 1024);
    assert_eq!(first(&[0, 99, 7]), 1024 + 1 + 100 + 8);
    assert_eq!(first(&[u64::MAX]), 1024 + (1 << 24));
    assert_eq!(first(&[u64::MAX; 200]), 1 << 30);
    // Of a lane that is told twice, the longer one.
    let target = Target::new(&[at(1, 5), at(2, 1), at(1, 9)]);
    assert_eq!(target.first().0, 1024 + 10 + 2);
    assert!(target.holds(&at(1, 9)) && !target.holds(&at(1, 10)) && !target.holds(&at(3, 0)));
}

#[test]
fn nothing_lies_before_what_it_names_and_what_a_clock_says_else_decides() {
    // One node's clock is ten years ahead, another one's is as far behind.
    let all = vec![
        said(at(1, 0), vec![], 1_000),
        said(at(2, 0), vec![at(1, 0)], 1),
        said(at(1, 1), vec![at(1, 0), at(2, 0)], 1_200),
        said(at(3, 0), vec![at(1, 1)], 900_000),
        said(at(1, 2), vec![at(1, 1), at(3, 0)], 1_400),
        said(at(4, 0), vec![], 1_100),
    ];
    let order = in_order(all, 2_000);
    assert_eq!(order, [at(1, 0), at(2, 0), at(4, 0), at(1, 1), at(3, 0), at(1, 2)]);
}

#[test]
fn the_order_follows_from_the_entries_alone() {
    for seed in 0..200 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut all: Vec<Said> = Vec::new();
        let mut ends = [0; 4];
        for _ in 0..60 {
            let node = rng.random_range(0..4_usize);
            let own = at(node as u8, ends[node]);
            let mut after: Vec<EntryRef> = Vec::new();
            if ends[node] > 0 {
                after.push(at(node as u8, ends[node] - 1));
            }
            for other in (0..4).filter(|other| *other != node) {
                if ends[other] > 0 && rng.random_bool(0.3) {
                    after.push(at(other as u8, ends[other] - 1));
                }
            }
            ends[node] += 1;
            all.push(Said {
                is_post: rng.random_bool(0.8),
                ..said(own, after, rng.random_range(0..50))
            });
        }
        let order = in_order(all.clone(), 40);
        let place = |at: &EntryRef| order.iter().position(|other| other == at);
        for said in all.iter().filter(|said| said.is_post) {
            let after = said.after.iter().filter_map(place);
            assert!(after.max() < place(&said.at), "seed {seed}");
        }
        assert_eq!(order.len(), all.iter().filter(|said| said.is_post).count());
        all.shuffle(&mut rng);
        assert_eq!(in_order(all, 40), order, "seed {seed}");
    }
}

#[test]
fn what_does_not_fit_is_the_oldest() {
    let all: Vec<Said> = (0..10).map(|seq| said(at(1, seq), vec![], seq)).collect();
    let plan = Plan::new(MessageId(5), all, 100);
    let ids: Vec<(u64, i32)> = plan.order.iter().map(|at| (at.seq, plan.ids[at].0)).collect();
    assert_eq!(ids, [(6, 1), (7, 2), (8, 3), (9, 4)]);
    assert_eq!(plan.next(0), Some((at(1, 9), MessageId(4))));
    assert_eq!(plan.next(3), Some((at(1, 6), MessageId(1))));
    assert_eq!(plan.next(4), None);
}
