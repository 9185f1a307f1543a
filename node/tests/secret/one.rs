//! A secret chat of two people of one node.

use crate::person::begin;
use crate::scene::{One, play_one};
use crate::steps::{burst, end, whole_life};

#[test]
fn two_people_of_one_node_have_a_secret_chat() {
    play_one("one::two_people_of_one_node_have_a_secret_chat", |scene| {
        let One { mut ada, mut bob, .. } = scene;
        whole_life(&mut ada, &mut bob);
        // And another one, which the other of them begins.
        begin(&mut bob, &mut ada);
        ada.says("here we are again");
        bob.hears("here we are again");
        end(&mut ada, &mut bob);
    });
}

#[test]
fn a_killed_node_loses_and_doubles_nothing() {
    play_one("one::a_killed_node_loses_and_doubles_nothing", |scene| {
        let One { mut node, mut ada, mut bob } = scene;
        begin(&mut ada, &mut bob);
        for turn in 0..2 {
            // Each end is killed under the other's messages too, since the node is the same.
            let (from, to) = if turn == 0 { (&mut ada, &mut bob) } else { (&mut bob, &mut ada) };
            let mut kill = || node.kill_and_restart();
            burst(from, to, "under fire", [&mut kill, &mut || ()]);
            node.kill_and_restart();
        }
        end(&mut ada, &mut bob);
        ada.has_no_complaints();
        bob.has_no_complaints();
    });
}
