//! What a person of one node and one of another say to each other.

use serde_json::json;

use crate::two::{Two, came, play, words};

#[test]
fn two_people_of_two_nodes() {
    play("private::two_people_of_two_nodes", true, scene);
}

fn scene(mut two: Two) {
    let named = json!({ "username": "ada_lovelace" });
    two.ada.invoke("account.UpdateUsername", named);
    // Found by the whole name, and written to.
    let whole = json!({ "username": "ada_lovelace@a.example" });
    let found = two.bob.invoke("contacts.ResolveUsername", whole);
    let ada = found["users"][0]["id"].as_i64().expect("somebody");
    assert_eq!(found["users"][0]["username"], "ada_lovelace_at_a_example", "{found}");
    let first = two.bob.send(ada, "hello over there");
    let at_ada = came(&mut two.ada, "hello over there");
    let bob = at_ada["from"].as_i64().expect("somebody");
    assert_eq!(at_ada["peer"], bob);
    assert_eq!(two.ada.dialog(bob)["unread"], 1);
    // Answered, edited, taken back.
    let answer = two.ada.send_with(bob, "hello yourself", json!({ "reply_to": at_ada["id"] }));
    let at_bob = came(&mut two.bob, "hello yourself");
    assert_eq!((&at_bob["from"], &at_bob["reply_to"]), (&json!(ada), &json!(first)));
    two.ada.command("edit", json!({ "to": bob, "msg_id": answer, "text": "hello, bob" }));
    let edited = two.bob.expect(&json!({ "event": "edited", "text": "hello, bob" }));
    assert_eq!(edited["id"], at_bob["id"]);
    let gone = two.bob.send(ada, "never mind");
    let at_ada = came(&mut two.ada, "never mind");
    two.bob.command("delete", json!({ "to": ada, "msg_ids": [gone] }));
    two.ada.expect(&json!({ "event": "deleted", "ids": [at_ada["id"]] }));
    // While the line is cut both write; one node is killed; nothing is lost, and nothing doubled.
    two.line.cut();
    for number in 0..3 {
        two.ada.send(bob, &format!("from ada {number}"));
        two.bob.send(ada, &format!("from bob {number}"));
    }
    two.b.kill_and_restart();
    two.bob.settle();
    two.line.heal();
    came(&mut two.bob, "from ada 2");
    came(&mut two.ada, "from bob 2");
    let (mut at_a, mut at_b) = (words(&mut two.ada, bob), words(&mut two.bob, ada));
    assert_eq!(at_a.len(), 8, "{at_a:?}");
    at_a.sort();
    at_b.sort();
    assert_eq!(at_a, at_b);
    // Who is blocked writes as before, and is not read.
    two.ada.invoke("contacts.Block", json!({ "id": { "peer": bob } }));
    two.bob.send(ada, "are you there?");
    // A group shows when the node has taken it: what comes after it has come later.
    two.make("Harbour talk", "harbour_talk", false);
    let there = two.join("harbour_talk");
    two.bob.send(there, "after it");
    came(&mut two.ada, "after it");
    assert!(!words(&mut two.ada, bob).iter().any(|text| text == "are you there?"));
}
