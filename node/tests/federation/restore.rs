//! A node that is restored from a backup: what it had said since comes back from the others, and it does
//! not contradict itself.

use std::time::Duration;

use serde_json::json;

use crate::driver::Driver;
use crate::support::keys;
use crate::support::node::TestNode;
use crate::two::{Two, came, play, words};

/// A node notes every half minute what others were found to hold.
const HEARD_WITHIN: Duration = Duration::from_secs(90);

#[test]
fn a_member_node_is_restored() {
    play("restore::a_member_node_is_restored", true, |two| member(two, Way::Backup));
}

#[test]
fn and_without_gossip() {
    play("restore::and_without_gossip", false, |two| member(two, Way::Export));
}

#[test]
fn a_home_is_restored() {
    play("restore::a_home_is_restored", true, home);
}

/// How a node is restored.
enum Way {
    /// From `rookery export` of the stopped node, by `rookery import` beside its keys and files.
    Export,
    /// From `rookery backup` of the running node, by `rookery restore` into another directory.
    Backup,
}

/// Takes a backup; whoever is called restores the node from it.
fn backed_up(node: &mut TestNode, way: &Way) -> impl FnOnce(&mut TestNode) + use<> {
    let (exported, backup) = match way {
        Way::Export => (Some(node.back_up()), None),
        Way::Backup => {
            let (public, identity) = keys::new_key(&node.file(""));
            let file = node.file("node.age");
            node.back_up_for(&public, &file);
            (None, Some((file, identity)))
        }
    };
    move |node| {
        if let Some(file) = exported {
            node.restore(&file);
        }
        if let Some((file, identity)) = backup {
            node.restore_backup(&file, &identity);
        }
    }
}

/// Words of a place, in any order: what comes back comes late.
fn sorted(driver: &mut Driver, place: i64) -> Vec<String> {
    let mut all = words(driver, place);
    all.sort();
    all
}

/// Neither node has seen the other contradict itself.
fn no_forks(two: &Two) {
    for node in [&two.a, &two.b] {
        let peers = node.command(&["peer", "list", "--json"]);
        let lanes = peers["peers"][0]["lanes"].as_array().expect("what is known of it");
        assert!(lanes.iter().all(|lane| lane["forks"] == 0), "{peers}");
    }
}

/// Neither node's boxes, logs and files are otherwise than they should be.
fn all_is_whole(two: &mut Two) {
    for node in [&mut two.a, &mut two.b] {
        assert!(node.stop().success());
        assert_eq!(node.troubles(), [""; 0]);
    }
}

fn member(mut two: Two, way: Way) {
    let talk = two.make("Harbour talk", "harbour_talk", false);
    let there = two.join("harbour_talk");
    two.bob.send(there, "before the backup");
    came(&mut two.ada, "before the backup");
    let restored = backed_up(&mut two.b, &way);
    two.bob.settle();
    // What is said from here on is in no backup.
    two.bob.send(there, "after the backup");
    came(&mut two.ada, "after the backup");
    two.ada.send(talk, "ada too");
    came(&mut two.bob, "ada too");
    restored(&mut two.b);
    two.bob.settle();
    two.ada.send(talk, "are you back?");
    came(&mut two.bob, "are you back?");
    assert_eq!(sorted(&mut two.bob, there), sorted(&mut two.ada, talk));
    // It goes on, and nobody finds that it has said two things at one place.
    two.bob.send(there, "I am");
    came(&mut two.ada, "I am");
    two.ada.send(talk, "good");
    came(&mut two.bob, "good");
    let shown = sorted(&mut two.ada, talk);
    assert_eq!(shown.len(), 6, "{shown:?}");
    assert_eq!(sorted(&mut two.bob, there), shown);
    no_forks(&two);
    all_is_whole(&mut two);
}

fn home(mut two: Two) {
    let talk = two.make("Harbour talk", "harbour_talk", false);
    let there = two.join("harbour_talk");
    two.ada.send(talk, "before the backup");
    came(&mut two.bob, "before the backup");
    two.bob.send(there, "yes?");
    came(&mut two.ada, "yes?");
    let restored = backed_up(&mut two.a, &Way::Backup);
    two.ada.settle();
    two.ada.send(talk, "after the backup");
    came(&mut two.bob, "after the backup");
    let title = |title: &str| json!({ "channel": { "channel": talk }, "title": title });
    two.ada.invoke("channels.EditTitle", title("After the backup"));
    let titled = |wanted: &'static str| {
        move |event: &serde_json::Value| {
            event["_"] == "UpdateNewChannelMessage" && event["message"]["action"]["title"] == wanted
        }
    };
    two.bob.expect_event("a title", crate::driver::SOON, titled("After the backup"));
    // The other node holds what the home has lost, its decision among it.
    restored(&mut two.a);
    two.ada.settle();
    two.bob.send(there, "are you back?");
    two.ada.send(talk, "I am");
    came(&mut two.bob, "I am");
    // It decides again once it knows that it has found the end of its chain.
    let deadline = rookery_load::clock::now() + HEARD_WITHIN;
    while two.a.command(&["channel", "list", "--json"])[0]["waits_for"] != json!([]) {
        assert!(rookery_load::clock::now() < deadline, "it does not decide again");
    }
    two.ada.invoke("channels.EditTitle", title("Restored"));
    two.bob.expect_event("a title", crate::driver::SOON, titled("Restored"));
    two.bob.send(there, "and on");
    let shown = sorted(&mut two.bob, there);
    assert_eq!(shown.len(), 6, "{shown:?}");
    let full = json!({ "channel": { "channel": talk } });
    let full = two.ada.invoke("channels.GetFullChannel", full);
    assert_eq!(full["chats"][0]["title"], "Restored", "{full}");
    two.b.kill_and_restart();
    two.bob.settle();
    two.ada.send(talk, "after all");
    came(&mut two.bob, "after all");
    no_forks(&two);
    all_is_whole(&mut two);
}
