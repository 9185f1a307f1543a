//! Three nodes: one is home, the others know only that one, and later each other.

use crate::clients::{Client, PYROGRAM, TDLIB, TELETHON};
use crate::many::{Many, play};

const CLIENTS: [&Client; 3] = [&TELETHON, &PYROGRAM, &TDLIB];

#[test]
fn three_nodes_go_on_without_the_home() {
    play("three::three_nodes_go_on_without_the_home", true, &CLIENTS, scene);
}

#[test]
fn and_without_gossip() {
    play("three::and_without_gossip", false, &CLIENTS, scene);
}

fn scene(mut all: Many) {
    let (a, b, c) = (0, 1, 2);
    all.connect(b, a);
    all.connect(c, a);
    all.gather_in_group();
    let mut said: Vec<String> = "abc".chars().map(|at| format!("{at} is here")).collect();
    let mut say = |all: &mut Many, at: usize, words: String| {
        all.say(at, &words);
        said.push(words);
    };

    // B and C know only the home: what one says comes to the other through it.
    for number in 0..5 {
        for at in [b, c] {
            let words = format!("through the home, {number} of {at}");
            say(&mut all, at, words.clone());
            all.all_hear(at, &words);
        }
    }

    // Without it each goes on alone, and all have everything when it is back.
    all.part(&[a]);
    for number in 0..5 {
        for at in [a, b, c] {
            say(&mut all, at, format!("alone, {number} of {at}"));
        }
    }
    all.nodes[b].kill_and_restart();
    all.members[b].settle();
    all.heal();
    for at in [a, b, c] {
        all.all_hear(at, &format!("alone, 4 of {at}"));
    }

    // Once B and C are connected they need no home.
    all.connect(c, b);
    all.part(&[a]);
    for number in 0..5 {
        for at in [b, c] {
            let words = format!("without the home, {number} of {at}");
            say(&mut all, at, words.clone());
            all.hears(b + c - at, &words);
        }
    }
    say(&mut all, a, "meanwhile at home".to_owned());
    all.heal();
    for at in [b, c] {
        all.hears(a, &format!("without the home, 4 of {at}"));
        all.hears(at, "meanwhile at home");
    }
    all.all_are_equal(&said);
}
