//! Two honest nodes in a group whose home lies: it writes what it may not, and tells each of them
//! another chain.

use std::fs;

use glog::GroupId;
use liar::watch::Watch;
use serde_json::{Value, json};

use crate::clients::{Client, PYROGRAM, TELETHON};
use crate::lies::Liar;
use crate::many::{Many, NAME, play, until};
use crate::operator::{codes, doctor, refused};

const CLIENTS: [&Client; 2] = [&TELETHON, &PYROGRAM];

/// The key that recovers groups of a node, in hex.
fn recovery_key(all: &Many, at: usize) -> String {
    let key = all.nodes[at].command(&["channel", "recovery-key", "--json"]);
    key["key"].as_str().expect("a key").to_owned()
}

/// Writes it where the command reads it.
fn key_file(all: &Many, at: usize, key: &str) -> String {
    let file = all.nodes[at].file("recovery");
    fs::write(&file, key).expect("written");
    file.to_str().expect("UTF-8").to_owned()
}

struct Cheated {
    all: Many,
    home: Liar,
    said: Vec<String>,
}

impl Cheated {
    /// The liar makes a group, and a member of each node joins. `recovery` is the secret half of the key
    /// that recovers it; without it the liar has it alone.
    fn new(mut all: Many, recovery: Option<&str>) -> Self {
        all.connect(1, 0);
        let reader = &all.nodes[0].mesh[0];
        let home = Liar::start_with(
            &json!({ "lie": "home", "group": NAME, "recovery": recovery, "reader": reader }),
        );
        let address = home.ready["address"].as_str().expect("an address");
        for node in &all.nodes {
            let added = node.command(&["peer", "add", address, "--json"]);
            assert_eq!(added["domain"], "liar.example", "{added}");
        }
        all.gather_at("liar.example");
        let said = ["a is here", "b is here"].map(str::to_owned).to_vec();
        let mut cheated = Self { all, home, said };
        cheated.titles_are("Harbour talk", "Harbour talk");
        cheated
    }

    fn group(&self) -> String {
        self.home.ready["group"].as_str().expect("a name").to_owned()
    }

    /// What a node holds.
    fn heads(&self, at: usize) -> mesh::Heads {
        let hex = self.group();
        let digit = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("hex");
        let group = GroupId(std::array::from_fn(digit));
        let watch = Watch::of_group(group, &self.all.nodes[at].mesh[0]).expect("it lets it in");
        watch.heads().expect("a node says what it holds")
    }

    fn titles_are(&mut self, one: &str, other: &str) {
        for (at, title) in [one, other].into_iter().enumerate() {
            until(&format!("{title} at {at}"), || (self.all.title(at) == title).then_some(()));
        }
    }

    /// Both write and hear each other, and nothing of what was said is gone.
    fn go_on(&mut self, what: &str) {
        for at in [0, 1] {
            let words = format!("{what}, says {at}");
            self.all.say(at, &words);
            self.all.hears(1 - at, &words);
            self.said.push(words);
        }
        self.all.all_show(&self.said);
    }

    /// Each node gets another title for the same place of the chain, while they do not hear each other.
    fn is_forked(&mut self) {
        self.all.part(&[1]);
        self.home.act();
        self.titles_are("Left", "Right");
        for at in [0, 1] {
            let words = format!("apart, says {at}");
            self.all.say(at, &words);
            self.said.push(words);
        }
        self.all.heal();
        for at in [0, 1] {
            self.all.hears(at, &format!("apart, says {}", 1 - at));
        }
        self.go_on("in spite of two chains");
        // Both know by now. Neither takes any more of either chain, and what was shown stays.
        self.home.act();
        self.go_on("and of more of them");
        self.titles_are("Left", "Right");
        for at in [0, 1] {
            self.is_disputed(at, true);
        }
        // They remember it.
        self.all.nodes[1].kill_and_restart();
        self.all.members[1].settle();
        self.is_disputed(1, true);
    }

    /// What an operator is told of it, by the command and by the doctor.
    fn is_disputed(&self, at: usize, so: bool) {
        let node = &self.all.nodes[at];
        let liar = &self.home.ready["node"];
        let listed = node.command(&["channel", "list", "--json"]);
        let disputed = &listed[0]["disputed"];
        assert_eq!((disputed["by"] == *liar, disputed.is_null()), (so, !so), "{listed}");
        let (_, said) = doctor(node, &[]);
        assert_eq!(codes(&said, "problem").contains(&"disputed".to_owned()), so, "{said}");
    }
}

#[test]
fn what_a_home_may_not_write_does_nothing() {
    play("cheat::what_a_home_may_not_write_does_nothing", true, &CLIENTS, |all| {
        let mut cheated = Cheated::new(all, None);
        let report = cheated.home.act();
        let verdicts = report["verdicts"].as_array().expect("verdicts");
        assert!(verdicts.len() >= 8 && verdicts.iter().all(|one| one["void"] == true), "{report}");
        for at in [0, 1] {
            until("the whole chain is there", || {
                (report["head"] == cheated.heads(at).control.seq).then_some(())
            });
        }
        cheated.go_on("in spite of bans");
        cheated.titles_are("Harbour talk", "Harbour talk");
        // And when their logs are read again.
        for at in [0, 1] {
            cheated.all.nodes[at].kill_and_restart();
            cheated.all.members[at].settle();
        }
        cheated.go_on("after a restart");
        cheated.titles_are("Harbour talk", "Harbour talk");
    });
}

#[test]
fn two_chains_stop_nobody_and_recover_makes_them_one() {
    play("cheat::two_chains_stop_nobody_and_recover_makes_them_one", true, &CLIENTS, |all| {
        let key = recovery_key(&all, 0);
        let mut cheated = Cheated::new(all, Some(&key));
        cheated.home.act();
        cheated.is_forked();
        let (group, file) = (cheated.group(), key_file(&cheated.all, 0, &key));
        let recover = ["channel", "recover", &group, "--key-file", &file, "--json"];
        cheated.all.nodes[0].command(&recover);
        cheated.titles_are("Left", "Left");
        for at in [0, 1] {
            cheated.is_disputed(at, false);
        }
        cheated.go_on("with another home");
        until("both hold the same", || (cheated.heads(0) == cheated.heads(1)).then_some(()));
        // What the former home writes is of no chain any more.
        cheated.home.act();
        cheated.go_on("without the former one");
        cheated.titles_are("Left", "Left");
        until("both hold the same", || (cheated.heads(0) == cheated.heads(1)).then_some(()));
    });
}

#[test]
fn nobody_but_the_holder_of_the_key_makes_another_home() {
    play("cheat::nobody_but_the_holder_of_the_key_makes_another_home", true, &CLIENTS, |all| {
        let key = recovery_key(&all, 0);
        let mut cheated = Cheated::new(all, None);
        cheated.home.act();
        cheated.is_forked();
        let (group, file) = (cheated.group(), key_file(&cheated.all, 0, &key));
        let why = refused(
            &cheated.all.nodes[0],
            &["channel", "recover", &group, "--key-file", &file, "--json"],
        );
        println!("{why}");
        cheated.go_on("with nobody who decides");
        cheated.titles_are("Left", "Right");
        // What is written by either is held by both, on whichever chain it stands.
        let lanes = |heads: mesh::Heads| -> Value {
            let lanes = heads.lanes.into_iter();
            lanes.map(|head| json!([head.node.to_string(), head.inc, head.seq])).collect()
        };
        until("both hold the same words", || {
            (lanes(cheated.heads(0)) == lanes(cheated.heads(1))).then_some(())
        });
    });
}
