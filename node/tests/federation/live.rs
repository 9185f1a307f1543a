//! What people of two nodes see of each other at once: who is there, who is writing, who has read.

use serde_json::json;

use crate::driver::Driver;
use crate::two::{Two, came, play};

#[test]
fn who_is_there_writes_and_has_read() {
    play("live::who_is_there_writes_and_has_read", true, scene);
}

fn scene(mut two: Two) {
    two.ada.invoke("account.UpdateUsername", json!({ "username": "ada_lovelace" }));
    let whole = json!({ "username": "ada_lovelace@a.example" });
    let found = two.bob.invoke("contacts.ResolveUsername", whole);
    let ada = found["users"][0]["id"].as_i64().expect("somebody");
    let named = json!({ "username": "ada_lovelace_at_a_example" });
    assert_eq!(two.tina.request("searchPublicChat", named)["id"], ada);
    let from_bob = two.bob.send(ada, "hello from bob");
    let at_ada = came(&mut two.ada, "hello from bob");
    let bob = at_ada["from"].as_i64().expect("somebody");
    two.tina.send(ada, "hello from tina");
    let from_tina = came(&mut two.ada, "hello from tina");
    let tina = from_tina["from"].as_i64().expect("somebody");

    // Who is there. TDLib tells of its typing only to people whom it knows to be online.
    for member in [&mut two.ada, &mut two.bob, &mut two.tina] {
        member.command("set_online", json!({ "online": true }));
    }
    let there = |member: &mut Driver, other: i64| {
        member.expect(&json!({ "event": "status", "user": other, "online": true }));
        assert_eq!(member.command("status", json!({ "user": other }))["online"], true);
    };
    there(&mut two.ada, bob);
    there(&mut two.ada, tina);
    there(&mut two.bob, ada);
    there(&mut two.tina, ada);
    // Who is writing.
    two.bob.command("typing", json!({ "to": ada }));
    two.ada.expect(&json!({ "event": "typing", "user": bob }));
    two.tina.command("typing", json!({ "to": ada }));
    two.ada.expect(&json!({ "event": "typing", "user": tina }));
    for (other, member) in [(bob, &mut two.bob), (tina, &mut two.tina)] {
        two.ada.command("typing", json!({ "to": other }));
        member.expect(&json!({ "event": "typing", "user": ada }));
    }
    // Who has read.
    two.ada.command("read", json!({ "peer": bob, "max_id": at_ada["id"] }));
    two.bob.expect(&json!({ "event": "read_outbox", "peer": ada, "max_id": from_bob }));
    assert_eq!(two.bob.dialog(ada)["read_outbox_max_id"], from_bob);
    // Somebody reads while the line is cut, and is killed; it is told all the same.
    let asked = two.ada.send(bob, "have you read this?");
    let at_bob = came(&mut two.bob, "have you read this?");
    two.line.cut();
    two.bob.command("read", json!({ "peer": ada, "max_id": at_bob["id"] }));
    two.b.kill_and_restart();
    two.bob.settle();
    two.line.heal();
    two.ada.expect(&json!({ "event": "read_outbox", "peer": bob, "max_id": asked }));

    // Whoever hides when they were there is not seen to go.
    let rules = json!({ "key": { "_": "InputPrivacyKeyStatusTimestamp" },
        "rules": [{ "_": "InputPrivacyValueDisallowAll" }] });
    two.ada.invoke("account.SetPrivacy", rules);
    two.bob.expect(&json!({ "event": "status", "user": ada, "online": false }));

    // The same in a small group.
    let place = two.make("Harbour talk", "harbour_talk", false);
    let there = two.join("harbour_talk");
    let asked = two.ada.send(place, "who is there?");
    let at_bob = came(&mut two.bob, "who is there?");
    two.bob.command("read", json!({ "peer": there, "max_id": at_bob["id"] }));
    two.ada.expect(&json!({ "event": "read_outbox", "peer": place, "max_id": asked }));
    two.bob.command("typing", json!({ "to": there }));
    two.ada.expect(&json!({ "event": "typing", "user": bob, "peer": place }));
    two.ada.command("typing", json!({ "to": place }));
    two.bob.expect(&json!({ "event": "typing", "user": ada, "peer": there }));
}
