//! Five nodes, in two parts of two and one of one, and together again.

use crate::clients::{Client, PYROGRAM, TDLIB, TELETHON};
use crate::many::{Many, play};

const CLIENTS: [&Client; 5] = [&TELETHON, &PYROGRAM, &TDLIB, &TELETHON, &PYROGRAM];

#[test]
fn five_nodes_in_two_partitions() {
    play("five::five_nodes_in_two_partitions", true, &CLIENTS, scene);
}

#[test]
fn and_without_gossip() {
    play("five::and_without_gossip", false, &CLIENTS, scene);
}

fn scene(mut all: Many) {
    for (from, to) in [(1, 0), (2, 0), (3, 0), (4, 0), (3, 2), (4, 3)] {
        all.connect(from, to);
    }
    all.gather_in_group();
    let mut said: Vec<String> = "abcde".chars().map(|at| format!("{at} is here")).collect();
    // A and B; C and D; E alone: nobody knows what the others say.
    all.part(&[0, 1]);
    all.part(&[4]);
    for number in 0..4 {
        for at in 0..5 {
            let words = format!("apart, {number} of {at}");
            all.say(at, &words);
            said.push(words);
        }
    }
    for (one, other) in [(0, 1), (2, 3)] {
        all.hears(one, &format!("apart, 3 of {other}"));
        all.hears(other, &format!("apart, 3 of {one}"));
    }
    let alone = all.words(4);
    assert_eq!(alone.iter().filter(|words| words.starts_with("apart")).count(), 4, "{alone:?}");
    // One of each part is killed; E talks on while the others have met.
    all.nodes[0].kill_and_restart();
    all.members[0].settle();
    all.nodes[2].kill_and_restart();
    all.heal();
    let part_of = [0, 0, 1, 1, 2];
    for at in 0..5 {
        for hearer in (0..5).filter(|hearer| part_of[*hearer] != part_of[at]) {
            all.hears(hearer, &format!("apart, 3 of {at}"));
        }
    }
    for at in 0..5 {
        let words = format!("together, {at}");
        all.say(at, &words);
        all.all_hear(at, &words);
        said.push(words);
    }
    all.all_are_equal(&said);
}
