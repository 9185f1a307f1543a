//! Letters between two nodes: none is lost, none counts twice, and they come in the order in which they
//! were written, whatever happens on the way.

use std::collections::BTreeMap;

use glog::cbor::{Blob, List, Text};
use glog::{Node16, NodeId};
use node_store::{Keyspace, Order, Store as _};
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::world::{World, full, now};
use crate::federation::{Kind, Letter, Post, Reported};
use crate::*;

const DAY_S: u64 = 86_400;

/// Two nodes that know each other, each with somebody.
pub(super) async fn two() -> (World, World) {
    let mut here = World::new().await;
    let mut there = World::other(&here, 1).await;
    here.member("Ada").await;
    there.member("Eve").await;
    here.core.learn_node(there.core.cert()).await.unwrap();
    there.core.learn_node(here.core.cert()).await.unwrap();
    (here, there)
}

/// A letter whose words are found again at the other node: each is a report of its own there.
fn saying(to: NodeId, words: &str) -> Post {
    let reported = Reported {
        reason: 0,
        comment: Text::new(words).unwrap(),
        person: Some(USER_ID_FIRST as u64),
        group: None,
        entries: List::default(),
    };
    Post::new(to.short(), Kind::REPORT, &reported).unwrap()
}

trait Mails {
    async fn mail(&self, post: Post) -> CoreResult<()>;
    /// What has come, in that order.
    async fn came(&self) -> Vec<String>;
}

impl Mails for World {
    async fn mail(&self, post: Post) -> CoreResult<()> {
        self.core.write(None, move |decide| decide.post(post)).await
    }

    async fn came(&self) -> Vec<String> {
        let reports = self.core.far_reports().unwrap();
        reports.into_iter().map(|report| report.comment).collect()
    }
}

/// Brings letters until nothing waits.
pub(super) async fn deliver(from: &World, to: &World) {
    let (node, to_node) = (from.core.node(), to.core.node().short());
    while let Some(letter) = from.core.next_letter(to_node).await.unwrap() {
        assert!(letter.sealed.len() <= LETTER_BYTES_MAX);
        let answer = match to.core.take_letter(node, letter.sealed.clone()).await {
            Ok(()) => LetterAnswer::Taken,
            Err(CoreError::NotALetter) => LetterAnswer::Refused,
            Err(cause) => panic!("{cause}"),
        };
        from.core.letter_answered(&letter, answer).await.unwrap();
    }
}

fn waits(world: &World) -> u32 {
    world.core.mail_waiting().unwrap().iter().map(|mail| mail.letters).sum()
}

/// Rows of letters, waiting or remembered.
fn rows(world: &World) -> usize {
    let all = world.disk.scan(Keyspace::NODES, &[48], Some(&[54]), usize::MAX, Order::Ascending);
    all.unwrap().len()
}

#[tokio::test]
async fn a_letter_comes_and_is_gone() {
    let (here, there) = two().await;
    let to = there.core.node();
    here.mail(saying(to, "one")).await.unwrap();
    here.mail(saying(to, "two")).await.unwrap();
    assert_eq!(waits(&here), 2);
    let here = here.reopen();
    deliver(&here, &there).await;
    assert_eq!(there.came().await, ["one", "two"]);
    assert_eq!((waits(&here), rows(&here)), (0, 0));
    // Nothing goes to oneself.
    let own = here.mail(saying(here.core.node(), "three")).await;
    assert!(matches!(own, Err(CoreError::NodeUnreachable)));
}

/// A letter as a node writes it, with whatever is changed about it.
fn forged(by: u8, to: &World, change: impl FnOnce(&mut Letter)) -> Vec<u8> {
    // As the worlds of tests draw their keys.
    let mut rng = StdRng::seed_from_u64(5 + u64::from(by));
    let root = keys::NodeIdentity::generate(&mut rng);
    let _recovery = keys::NodeIdentity::generate(&mut rng);
    let operational = keys::NodeIdentity::generate(&mut rng);
    let post = saying(to.core.node(), "forged");
    let mut letter = Letter {
        from: NodeId::of_root(&root.public()),
        key_serial: 1,
        to: to.core.node(),
        user: 0,
        id: [9; 16],
        expires_ms: 1,
        kind: post.kind.number,
        version: post.kind.version,
        body: post.body,
    };
    change(&mut letter);
    letter.seal(&operational, &to.core.cert(), &mut rng).unwrap()
}

/// A letter of a node with any body.
pub(super) fn letter_of(by: u8, to: &World, kind: Kind, body: Vec<u8>) -> Vec<u8> {
    forged(by, to, |letter| {
        (letter.kind, letter.version) = (kind.number, kind.version);
        letter.body = Blob::new(body).unwrap();
    })
}

#[tokio::test]
async fn a_letter_counts_only_from_the_node_that_wrote_it() {
    let (here, there) = two().await;
    let third = World::other(&here, 2).await;
    there.core.learn_node(third.core.cert()).await.unwrap();
    let (from, to) = (here.core.node(), there.core.node());
    let take = async |from: NodeId, sealed: Vec<u8>| there.core.take_letter(from, sealed).await;
    let is_none = |taken: CoreResult<()>| assert!(matches!(taken, Err(CoreError::NotALetter)));
    let is_unknown = |taken: CoreResult<()>| assert!(matches!(taken, Err(CoreError::UnknownNode)));
    // Brought by another node, or said to be of another.
    is_none(take(third.core.node(), forged(0, &there, |_| {})).await);
    is_none(take(third.core.node(), forged(2, &there, |letter| letter.from = from)).await);
    is_none(take(from, forged(2, &there, |letter| letter.from = from)).await);
    // For another node; of a key that is not known yet; of a kind or version that is not.
    is_unknown(take(from, forged(0, &there, |letter| letter.to = from)).await);
    is_unknown(take(from, forged(0, &there, |letter| letter.key_serial = 2)).await);
    is_none(take(from, forged(0, &there, |letter| letter.kind = 999)).await);
    is_none(take(from, forged(0, &there, |letter| letter.version = 2)).await);
    is_none(take(from, forged(0, &there, |letter| letter.user = 5)).await);
    let garbled = Blob::new(vec![0xff]).unwrap();
    is_none(take(from, forged(0, &there, |letter| letter.body = garbled)).await);
    // Changed on the way, too long, or sealed to another node.
    let mut changed = forged(0, &there, |_| {});
    *changed.last_mut().unwrap() ^= 1;
    is_unknown(take(from, changed).await);
    is_none(take(from, vec![1; LETTER_BYTES_MAX + 1]).await);
    is_unknown(take(from, forged(0, &third, |letter| letter.to = to)).await);
    // Of a node that is not known, or blocked.
    is_unknown(take(NodeId([7; 32]), forged(0, &there, |_| {})).await);
    there.core.block_node(from.short(), true).await.unwrap();
    is_unknown(take(from, forged(0, &there, |_| {})).await);
    there.core.block_node(from.short(), false).await.unwrap();
    assert!(there.came().await.is_empty());
    assert_eq!(rows(&there), 0, "nothing of it is kept");
    take(from, forged(0, &there, |_| {})).await.unwrap();
    assert_eq!(there.came().await, ["forged"]);
}

#[tokio::test]
async fn what_the_other_node_cannot_read_does_not_come_again() {
    let (here, there) = two().await;
    let (from, to) = (here.core.node(), there.core.node());
    let unknown = Kind { number: 999, version: 1 };
    here.mail(Post { kind: unknown, ..saying(to, "from the future") }).await.unwrap();
    here.mail(saying(to, "after it")).await.unwrap();
    deliver(&here, &there).await;
    assert_eq!((there.came().await, waits(&here)), (vec!["after it".to_owned()], 0));
    // A node that is blocked there keeps what it has to say; one that is blocked here is told nothing.
    there.core.block_node(from.short(), true).await.unwrap();
    here.mail(saying(to, "blocked")).await.unwrap();
    let letter = here.core.next_letter(to.short()).await.unwrap().unwrap();
    let refused = there.core.take_letter(from, letter.sealed).await;
    assert!(matches!(refused, Err(CoreError::UnknownNode)));
    here.core.block_node(to.short(), true).await.unwrap();
    assert!(here.core.next_letter(to.short()).await.unwrap().is_none());
    let refused = here.mail(saying(to, "never")).await;
    assert!(matches!(refused, Err(CoreError::NodeUnreachable)));
    here.core.block_node(to.short(), false).await.unwrap();
    there.core.block_node(from.short(), false).await.unwrap();
    deliver(&here, &there).await;
    assert_eq!(there.came().await, ["after it", "blocked"]);
}

#[tokio::test]
async fn a_node_is_waited_for_for_thirty_days() {
    for (days, comes) in [(29, true), (31, false)] {
        let (here, there) = two().await;
        let to = there.core.node();
        here.mail(saying(to, "early")).await.unwrap();
        here.pass_s(3600);
        here.mail(saying(to, "an hour later")).await.unwrap();
        here.pass_s(days * DAY_S);
        here.core.tidy_mail().await.unwrap();
        here.mail(saying(to, "today")).await.unwrap();
        let here = here.reopen();
        deliver(&here, &there).await;
        let all = ["early", "an hour later", "today"];
        assert_eq!(there.came().await, if comes { &all[..] } else { &all[2..] }, "{days}");
        assert_eq!(rows(&here), 0);
    }
    // Without a look in between, what goes is looked at all the same.
    let (here, there) = two().await;
    here.mail(saying(there.core.node(), "early")).await.unwrap();
    here.pass_s(31 * DAY_S);
    deliver(&here, &there).await;
    assert!(there.came().await.is_empty());
}

#[tokio::test]
async fn a_letter_is_known_again_for_as_long_as_it_can_come() {
    let (here, there) = two().await;
    let (from, to) = (here.core.node(), there.core.node());
    here.mail(saying(to, "once")).await.unwrap();
    let letter = here.core.next_letter(to.short()).await.unwrap().unwrap();
    let mut there = there;
    for _ in 0..4 {
        there.core.take_letter(from, letter.sealed.clone()).await.unwrap();
        assert_eq!(there.came().await, ["once"]);
        there.pass_s(25 * DAY_S);
        there.core.tidy_mail().await.unwrap();
        there = there.reopen();
    }
    there.pass_s(7 * DAY_S);
    there.core.tidy_mail().await.unwrap();
    assert_eq!(rows(&there), 0, "it cannot come any more, and is forgotten");
}

#[tokio::test]
async fn a_full_box_is_an_error_of_who_writes_and_leaves_the_node_room() {
    let (here, there) = two().await;
    let third = World::other(&here, 2).await;
    here.core.learn_node(third.core.cert()).await.unwrap();
    let to = there.core.node();
    let fill = async |post: Post| {
        let fitted = here.core.write(None, move |decide| {
            for count in 0..20_000 {
                match decide.post(post.clone()) {
                    Err(CoreError::MailboxFull) => return Ok(count),
                    posted => posted?,
                }
            }
            Ok(20_000)
        });
        fitted.await.unwrap()
    };
    assert_eq!(fill(saying(to, "spam")).await, 8750);
    let own = Post { by_node: true, ..saying(to, "word of the node") };
    assert_eq!(fill(own).await, 1250);
    // Another node's box is another one.
    here.mail(saying(third.core.node(), "hello")).await.unwrap();
    // Few long ones are as much.
    let (here, there) = two().await;
    let to = there.core.node();
    let long = Blob::new(vec![0; 60_000]).unwrap();
    let mut fitted = 0;
    while here.mail(Post { body: long.clone(), ..saying(to, "") }).await.is_ok() {
        fitted += 1;
    }
    assert_eq!(fitted, 28 * 1024 * 1024 / 60_128);
    // The first one goes, and makes room for another.
    let letter = here.core.next_letter(to.short()).await.unwrap().unwrap();
    here.core.letter_answered(&letter, LetterAnswer::Refused).await.unwrap();
    here.mail(Post { body: long.clone(), ..saying(to, "") }).await.unwrap();
    assert!(here.mail(Post { body: long, ..saying(to, "") }).await.is_err());
}

#[tokio::test]
async fn the_longest_letter_fits_a_call() {
    let (here, there) = two().await;
    let to = there.core.node();
    let body = Blob::new(vec![7; crate::federation::LETTER_BODY_BYTES_MAX]).unwrap();
    let post = Post { body, user: u64::MAX, ..saying(to, "") };
    here.mail(post).await.unwrap();
    let letter = here.core.next_letter(to.short()).await.unwrap().unwrap();
    assert!(letter.sealed.len() <= LETTER_BYTES_MAX, "{}", letter.sealed.len());
}

#[tokio::test]
async fn a_node_that_writes_too_much_waits() {
    let (here, there) = two().await;
    let (from, to) = (here.core.node(), there.core.node());
    let spend = there
        .core
        .write(None, move |decide| decide.take(Limit::LettersOfNode(from.short()), 10_000));
    spend.await.unwrap();
    here.mail(saying(to, "later")).await.unwrap();
    let letter = here.core.next_letter(to.short()).await.unwrap().unwrap();
    let refused = there.core.take_letter(from, letter.sealed.clone()).await;
    assert!(matches!(refused, Err(CoreError::Flood { .. })), "{refused:?}");
    there.pass_s(1);
    there.core.take_letter(from, letter.sealed.clone()).await.unwrap();
    assert_eq!(there.came().await, ["later"]);
}

#[tokio::test]
async fn a_newer_word_takes_the_place_of_the_one_that_waits() {
    let (here, there) = two().await;
    let (from, to) = (here.core.node(), there.core.node());
    let slotted = |words: &str| Post { slot: Some([1; 16]), ..saying(to, words) };
    here.mail(slotted("1")).await.unwrap();
    here.mail(saying(to, "between")).await.unwrap();
    here.mail(slotted("2")).await.unwrap();
    assert_eq!(waits(&here), 2);
    // One that is on its way is not the one that takes its place.
    let letter = here.core.next_letter(to.short()).await.unwrap().unwrap();
    here.mail(slotted("3")).await.unwrap();
    there.core.take_letter(from, letter.sealed.clone()).await.unwrap();
    here.core.letter_answered(&letter, LetterAnswer::Taken).await.unwrap();
    assert_eq!(waits(&here), 2);
    deliver(&here, &there).await;
    assert_eq!(there.came().await, ["2", "3", "between"]);
    here.mail(slotted("4")).await.unwrap();
    deliver(&here, &there).await;
    assert_eq!(there.came().await.last().unwrap(), "4");
    assert_eq!(rows(&here), 0);
    // Replaced again and again, it keeps nobody behind it longer than its time.
    here.mail(slotted("5")).await.unwrap();
    here.mail(saying(to, "behind")).await.unwrap();
    for _ in 0..4 {
        here.pass_s(8 * DAY_S);
        here.core.tidy_mail().await.unwrap();
        here.mail(slotted("6")).await.unwrap();
    }
    assert_eq!(waits(&here), 1);
}

/// Two nodes and a line on which anything happens.
struct Life {
    here: World,
    there: World,
    rng: StdRng,
    /// What was acknowledged to whoever wrote it.
    written: Vec<String>,
    /// Letters that were on the line, and may come again at any time.
    old: Vec<Vec<u8>>,
    done: BTreeMap<&'static str, u32>,
}

impl Life {
    fn node(&self) -> (NodeId, Node16) {
        (self.here.core.node(), self.there.core.node().short())
    }

    async fn step(mut self) -> Self {
        let (from, to) = self.node();
        let name = match self.rng.random_range(0..20) {
            0..6 => {
                let words = self.written.len().to_string();
                self.here.mail(saying(self.there.core.node(), &words)).await.unwrap();
                self.written.push(words);
                "written"
            }
            // One is on its way; it is lost, or the answer is, or neither.
            6..13 => match self.here.core.next_letter(to).await.unwrap() {
                None => "nothing waits",
                Some(letter) => {
                    self.old.push(letter.sealed.clone());
                    if self.rng.random_bool(0.3) {
                        "lost"
                    } else {
                        self.there.core.take_letter(from, letter.sealed.clone()).await.unwrap();
                        if self.rng.random_bool(0.3) {
                            "answer lost"
                        } else {
                            let taken = LetterAnswer::Taken;
                            self.here.core.letter_answered(&letter, taken).await.unwrap();
                            "brought"
                        }
                    }
                }
            },
            // One that was on the line comes again, the newest or one of long ago.
            13..16 => match self.old.choose(&mut self.rng).cloned() {
                None => "nothing old",
                // It may be the first time, and out of turn, only if the one before was answered.
                Some(sealed) => {
                    self.there.core.take_letter(from, sealed).await.unwrap();
                    "repeated"
                }
            },
            16 => {
                self.here = self.here.reopen();
                self.there = self.there.reopen();
                "restarted"
            }
            17 => {
                // The power fails while a letter is written: it is there whole, or not at all.
                self.here.disk.hold();
                let words = self.written.len().to_string();
                let post = saying(self.there.core.node(), &words);
                let core = self.here.core.clone();
                let mut posting = Box::pin(core.write(None, move |decide| decide.post(post)));
                assert!(now(posting.as_mut()).is_none());
                self.here.disk.wait_for_undurable(1);
                let survives = self.rng.random_bool(0.5);
                self.here = self.here.crash_keeping(usize::from(survives));
                assert!(posting.await.is_err());
                if survives {
                    self.written.push(words);
                }
                "crashed while writing"
            }
            18 => match self.here.core.next_letter(to).await.unwrap() {
                None => "nothing waits",
                Some(letter) => {
                    // While it is taken: nobody has answered.
                    self.old.push(letter.sealed.clone());
                    let place = self.written.len() - waits(&self.here) as usize;
                    let is_new = self.there.came().await.len() <= place;
                    self.there.disk.hold();
                    let core = self.there.core.clone();
                    let mut taking = Box::pin(core.take_letter(from, letter.sealed));
                    let answered = now(taking.as_mut());
                    if is_new {
                        self.there.disk.wait_for_undurable(1);
                        let answered = answered.or_else(|| now(taking.as_mut()));
                        assert!(answered.is_none(), "nothing is acknowledged that is not durable");
                    }
                    let survives = self.rng.random_range(0..2);
                    self.there = self.there.crash_keeping(survives);
                    drop(taking);
                    "crashed while taking"
                }
            },
            _ => {
                self.here.pass_s(self.rng.random_range(0..DAY_S / 4));
                self.here.core.tidy_mail().await.unwrap();
                self.there.core.tidy_mail().await.unwrap();
                "time passes"
            }
        };
        *self.done.entry(name).or_default() += 1;
        self
    }
}

#[tokio::test]
async fn letters_come_once_and_in_order_whatever_happens() {
    let mut total: BTreeMap<&str, u32> = BTreeMap::new();
    let (seeds, steps) = if full() { (200, 200) } else { (12, 120) };
    for seed in 0..seeds {
        let (here, there) = two().await;
        let rng = StdRng::seed_from_u64(seed);
        let (written, old, done) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut life = Life { here, there, rng, written, old, done };
        for step in 0..steps {
            life = life.step().await;
            let came = life.there.came().await;
            assert!(life.written.starts_with(&came), "seed {seed}, step {step}: {came:?}");
        }
        deliver(&life.here, &life.there).await;
        // Those that are kept are the newest hundred.
        let from = life.written.len().saturating_sub(100);
        assert_eq!(life.there.came().await, life.written[from..], "seed {seed}");
        assert_eq!(waits(&life.here), 0);
        for (what, count) in life.done {
            *total.entry(what).or_default() += count;
        }
    }
    let all = [
        "written",
        "lost",
        "answer lost",
        "brought",
        "repeated",
        "restarted",
        "crashed while writing",
        "crashed while taking",
        "time passes",
    ];
    assert!(all.iter().all(|what| total.get(what).is_some_and(|count| *count > 3)), "{total:?}");
}
