//! One of the two is not there; or is, with two devices.

use serde_json::json;

use crate::driver::Driver;
use crate::parcel::{Parcel, numbered};
use crate::person::{Person, begin, have_one};
use crate::scene::{One, play_one, told, witness};
use crate::steps::end;

#[test]
fn what_is_missed_comes_later() {
    play_one("offline::what_is_missed_comes_later", |scene| {
        let One { node, mut ada, mut bob } = scene;
        let mut witness = witness(&node, &mut bob);
        each_step(&mut ada, &mut bob, &mut witness);
        taken_back(&mut ada, &mut bob, &mut witness);
    });
}

/// Somebody is away at each step: bob when he is asked, ada when he accepts, either of them while the other
/// one writes, ada when what she sent is read, and bob when the chat ends.
pub(crate) fn each_step(ada: &mut Person, bob: &mut Person, witness: &mut Driver) {
    bob.awaits();
    bob.goes();
    witness.forget();
    ada.asks();
    told(witness, "EncryptedChatRequested");
    ada.goes();
    bob.comes();
    let at_bob = bob.sees("active");
    told(witness, "EncryptedChatDiscarded"); // the chat is another device's
    let early = numbered("early", 5);
    bob.says_all(&early);
    bob.goes();
    ada.comes();
    let at_ada = ada.sees("active");
    assert_eq!(at_ada["key"], at_bob["key"]);
    ada.hears(&early[4]);
    assert_eq!(ada.words(false, ""), early);

    // More than one key is for, and a file at the end.
    let meanwhile = numbered("meanwhile", 130);
    ada.says_all(&meanwhile);
    let parcel = Parcel::new("another map.bin", 50_001);
    let sent = parcel.is_sent(ada);
    ada.goes();
    bob.comes();
    parcel.comes(bob);
    assert_eq!(bob.words(false, ""), meanwhile);

    bob.secret("secret_read", json!({}));
    bob.says("all read");
    ada.comes();
    ada.hears("all read");
    ada.is_read(sent);

    bob.goes();
    ada.ends();
    ada.goes();
    bob.comes();
    bob.sees("closed");
    ada.comes();
    assert_eq!(ada.state(), "closed");
    ada.has_no_complaints();
    bob.has_no_complaints();
}

/// Who comes back does not accept what was taken back before.
fn taken_back(ada: &mut Person, bob: &mut Person, witness: &mut Driver) {
    bob.awaits();
    bob.goes();
    witness.forget();
    ada.asks();
    told(witness, "EncryptedChatRequested");
    ada.ends();
    told(witness, "EncryptedChatDiscarded");
    bob.comes();
    ada.asks();
    have_one(ada, bob);
    let active = bob.driver.came(&json!({ "event": "secret_state", "state": "active" }));
    assert!(active.iter().all(|shown| shown["chat"] == bob.chat), "{active:?}");
    end(ada, bob);
}

/// Both of bob's devices accept at the same moment, two seconds after the request.
#[test]
fn one_of_two_devices_gets_the_chat() {
    play_one("offline::one_of_two_devices_gets_the_chat", |scene| {
        let One { node, mut ada, mut bob } = scene;
        let second = bob.again(&node, "second");
        let mut devices = [bob, second];
        for device in &mut devices {
            device.driver.command("set_online", json!({ "online": true }));
            device.awaits();
        }
        ada.asks();
        let at_ada = ada.sees("active");
        let shown = devices.each_mut().map(|device| device.sees_any(&["active", "closed"]));
        let is_active = |at: usize| shown[at]["state"] == "active";
        assert!(is_active(0) != is_active(1), "{shown:?}");
        let [bob, second] = devices;
        let (mut has, mut has_not, at) =
            if is_active(0) { (bob, second, 0) } else { (second, bob, 1) };
        assert_eq!(shown[at]["key"], at_ada["key"]);
        ada.says("to one");
        has.hears("to one");
        has.says("from one");
        ada.hears("from one");

        // Not even while that one is away.
        has.goes();
        ada.says("to the same one");
        has.comes();
        has.hears("to the same one");
        has_not.driver.command("get_state", json!({}));
        let came = has_not.driver.came(&json!({ "event": "secret_message" }));
        assert!(came.is_empty(), "{came:?}");
        assert_eq!(has_not.state(), "closed");
        // The one that was refused ends what it has of it, which ends nothing of the others'.
        assert_eq!((ada.state(), has.state()), ("active".to_owned(), "active".to_owned()));
        end(&mut ada, &mut has);
        ada.has_no_complaints();
    });
}

/// What was asked and what was said are there after the node was killed, though nobody had it yet.
#[test]
fn what_waits_outlives_a_killed_node() {
    play_one("offline::what_waits_outlives_a_killed_node", |scene| {
        let One { mut node, mut ada, mut bob } = scene;
        let mut witness = witness(&node, &mut bob);
        bob.awaits();
        bob.goes();
        witness.forget();
        ada.asks();
        told(&mut witness, "EncryptedChatRequested");
        node.kill_and_restart();
        bob.comes();
        have_one(&mut ada, &mut bob);
        bob.goes();
        let meanwhile = numbered("meanwhile", 30);
        ada.says_all(&meanwhile);
        node.kill_and_restart();
        bob.comes();
        bob.hears(&meanwhile[29]);
        assert_eq!(bob.words(false, ""), meanwhile);
        // Once: also for a device that asks again from where it was.
        node.kill_and_restart();
        begin_again(&mut ada, &mut bob);
    });
}

/// The chat goes on; then there is another one.
fn begin_again(ada: &mut Person, bob: &mut Person) {
    bob.says("still here");
    ada.hears("still here");
    assert_eq!(bob.words(false, "").len(), 30);
    end(bob, ada);
    begin(ada, bob);
    end(ada, bob);
}
