//! What nodes tell each other for certain, also one that is away: reports, and accounts that end.

use serde_json::{Value, json};

use crate::many::until;
use crate::support::node::TestNode;
use crate::two::{Two, came, play, words};

#[test]
fn a_node_that_was_away_learns_of_a_report_and_of_an_account_that_ended() {
    play(
        "letters::a_node_that_was_away_learns_of_a_report_and_of_an_account_that_ended",
        true,
        scene,
    );
}

/// Letters that wait at a node for the only other one that it knows.
fn waiting(node: &TestNode) -> u64 {
    let listed = node.command(&["peer", "list", "--json"]);
    let peers = listed["peers"].as_array().expect("peers");
    peers.iter().filter_map(|peer| peer["letters"].as_u64()).sum()
}

fn reports(node: &TestNode) -> Vec<Value> {
    node.command(&["reports", "--json"]).as_array().expect("reports").clone()
}

/// How: the line is cut; ada at A reports bob and deletes her account, and A is killed after each; B is
/// killed too. When the line is whole again, bob's node knows both.
fn scene(mut two: Two) {
    let named = json!({ "username": "ada_lovelace" });
    two.ada.invoke("account.UpdateUsername", named);
    let whole = json!({ "username": "ada_lovelace@a.example" });
    let found = two.bob.invoke("contacts.ResolveUsername", whole.clone());
    let ada = found["users"][0]["id"].as_i64().expect("somebody");
    two.bob.send(ada, "give me your money");
    let at_ada = came(&mut two.ada, "give me your money");
    let bob = at_ada["from"].as_i64().expect("somebody");
    two.ada.send(bob, "never");
    came(&mut two.bob, "never");
    // Both nodes have told all that they had to.
    until("nothing waits", || (waiting(&two.a) + waiting(&two.b) == 0).then_some(()));

    two.line.cut();
    let reason = json!({ "_": "InputReportReasonSpam" });
    let report = json!({ "peer": { "peer": bob }, "reason": reason, "message": "he begs" });
    assert_eq!(two.ada.invoke("account.ReportPeer", report), true);
    two.a.kill_and_restart();
    two.ada.settle();
    assert_eq!(two.ada.invoke("account.DeleteAccount", json!({ "reason": "enough" })), true);
    two.a.kill_and_restart();
    assert_eq!(waiting(&two.a), 2);
    two.b.kill_and_restart();
    two.bob.settle();
    assert!(reports(&two.b).is_empty());
    let user = json!({ "id": [{ "user": ada }] });
    let before = two.bob.invoke("users.GetUsers", user.clone());
    assert_eq!(before[0]["first_name"], "telethon", "{before}");

    two.line.heal();
    let report = until("the report comes", || reports(&two.b).first().cloned());
    assert_eq!(report["by"]["name"], "a.example", "{report}");
    assert_eq!((&report["reason"], &report["comment"]), (&json!("spam"), &json!("he begs")));
    assert_eq!(report["about"]["id"], two.bob.user, "{report}");
    let gone = until("ada is gone", || {
        let shown = two.bob.invoke("users.GetUsers", user.clone());
        (shown[0]["deleted"] == true).then(|| shown[0].clone())
    });
    assert!(gone["first_name"].is_null() && gone["username"].is_null(), "{gone}");
    until("both were acknowledged", || (waiting(&two.a) == 0).then_some(()));
    // What she said is still there, and nothing is said to her any more.
    assert_eq!(words(&mut two.bob, ada), ["give me your money", "never"]);
    let refused = two.bob.refused("send", json!({ "to": ada, "text": "hello?" }));
    assert_eq!(refused.1, "INPUT_USER_DEACTIVATED", "{refused:?}");
    // It is so after another kill.
    two.b.kill_and_restart();
    two.bob.settle();
    let after = two.bob.invoke("users.GetUsers", user);
    assert_eq!(after[0]["deleted"], true, "{after}");
    assert_eq!(reports(&two.b).len(), 1);
}

#[test]
fn what_an_operator_takes_down_is_gone_at_the_other_node() {
    play("letters::what_an_operator_takes_down_is_gone_at_the_other_node", true, taken_down);
}

/// How: ada posts twice; A's operator takes one down while the line is cut, and A is killed. When the
/// line is whole, B has removed it and says so.
fn taken_down(mut two: Two) {
    let here = two.make("Harbour talk", "harbour_talk", false);
    let there = two.join("harbour_talk");
    two.ada.send(here, "ships");
    let bad = two.ada.send(here, "secrets");
    came(&mut two.bob, "secrets");
    two.line.cut();
    let id = bad.to_string();
    assert_eq!(two.a.command(&["takedown", "list", "--json"]), json!([]));
    let done = two.a.command(&["takedown", "message", "harbour_talk", &id, "--json"]);
    assert_eq!((&done["in_log"], &done["nodes"][0]["told"]), (&json!(true), &json!("waiting")));
    two.a.kill_and_restart();
    two.ada.settle();
    assert_eq!(words(&mut two.ada, here), ["ships"]);
    two.line.heal();
    until("it is acknowledged", || {
        let all = two.a.command(&["takedown", "list", "--json"]);
        (all[0]["nodes"][0]["told"] == "acknowledged").then_some(())
    });
    assert_eq!(words(&mut two.bob, there), ["ships"]);
}
