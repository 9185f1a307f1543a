//! A secret chat of people of two nodes.

use crate::offline::each_step;
use crate::parcel::numbered;
use crate::person::begin;
use crate::scene::{Two, play_two, told, until, witness};
use crate::steps::{burst, end, whole_life};
use crate::support::node::TestNode;

#[test]
fn two_people_of_two_nodes_have_a_secret_chat() {
    play_two("two::two_people_of_two_nodes_have_a_secret_chat", |scene| {
        // The nodes run, and the line leads on, until the scene is over.
        let Two { a: _a, b, line: _line, mut ada, mut bob } = scene;
        whole_life(&mut ada, &mut bob);
        let mut witness = witness(&b, &mut bob);
        each_step(&mut ada, &mut bob, &mut witness);
        // The other one may begin as well.
        begin(&mut bob, &mut ada);
        ada.says("hello over there");
        bob.hears("hello over there");
        end(&mut ada, &mut bob);
    });
}

#[test]
fn killed_nodes_lose_and_double_nothing() {
    play_two("two::killed_nodes_lose_and_double_nothing", |scene| {
        let Two { mut a, mut b, line: _line, mut ada, mut bob } = scene;
        begin(&mut ada, &mut bob);
        let (mut kill_a, mut kill_b) = (|| a.kill_and_restart(), || b.kill_and_restart());
        burst(&mut ada, &mut bob, "from A", [&mut kill_a, &mut kill_b]);
        burst(&mut bob, &mut ada, "from B", [&mut kill_b, &mut kill_a]);
        end(&mut ada, &mut bob);
        ada.has_no_complaints();
        bob.has_no_complaints();
    });
}

/// Letters that wait at a node for the other one.
fn waiting(node: &TestNode) -> u64 {
    let listed = node.command(&["peer", "list", "--json"]);
    let peers = listed["peers"].as_array().expect("peers");
    peers.iter().filter_map(|peer| peer["letters"].as_u64()).sum()
}

/// The line is cut at each step, and whole again after it; and each node is killed while what was done
/// waits there.
#[test]
fn a_cut_line_delays_everything_and_changes_nothing() {
    play_two("two::a_cut_line_delays_everything_and_changes_nothing", |scene| {
        let Two { mut a, mut b, line, mut ada, mut bob } = scene;
        let mut witness = witness(&b, &mut bob);
        until("all is told", || waiting(&a) + waiting(&b) == 0);
        bob.awaits();
        witness.forget();
        line.cut();
        ada.asks();
        until("the request waits", || waiting(&a) > 0);
        a.kill_and_restart();
        line.heal();
        told(&mut witness, "EncryptedChatRequested");

        // Bob's client accepts two seconds later.
        line.cut();
        let at_bob = bob.sees("active");
        assert_eq!(ada.state(), "waiting");
        bob.says("first of all");
        assert!(waiting(&b) > 0);
        b.kill_and_restart();
        line.heal();
        let at_ada = ada.sees("active");
        assert_eq!(at_ada["key"], at_bob["key"]);
        ada.hears("first of all");

        line.cut();
        let (out, back) = (numbered("out", 20), numbered("back", 20));
        ada.says_all(&out);
        bob.says_all(&back);
        line.heal();
        bob.hears(&out[19]);
        ada.hears(&back[19]);
        assert_eq!(bob.words(false, "out"), out);
        assert_eq!(ada.words(false, "back"), back);
        let flicker = || {
            line.cut();
            line.heal();
        };
        let (mut one, mut other) = (flicker, flicker);
        burst(&mut ada, &mut bob, "over a bad line", [&mut one, &mut other]);

        line.cut();
        bob.ends();
        bob.sees("closed");
        assert_eq!(ada.state(), "active");
        line.heal();
        ada.sees("closed");
        ada.has_no_complaints();
        bob.has_no_complaints();
    });
}
