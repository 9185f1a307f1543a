//! telethon-secret-chat and TDLib, each the one that asks once. What the former cannot do is said in
//! `telethon_driver.py`.

use serde_json::json;

use crate::clients::{self, Client};
use crate::driver::SOON;
use crate::parcel::Parcel;
use crate::person::{Person, begin, number};
use crate::scene::{TDLIB, WITHIN, lone_node};
use crate::support::isolation::isolated;

/// Telethon with its companion for secret chats, version 0.2.4.
static TELETHON: Client = Client {
    name: "telethon-secret",
    script: "../secret/telethon_driver.py",
    packages: "telethon-secret/requirements-0.2.4.txt",
    ..clients::TELETHON
};

/// What it says that it knows.
const LAYER: i32 = 101;

#[test]
fn telethon_and_tdlib_have_secret_chats() {
    let needed: [&Client; 2] = [&TELETHON, &TDLIB];
    if clients::any_skipped(&needed) {
        return;
    }
    clients::install(&needed);
    isolated("telethon::telethon_and_tdlib_have_secret_chats", WITHIN, || {
        let node = lone_node();
        let mut ada = Person::join(&node, &TDLIB, "ada");
        let mut cara = Person::join(&node, &TELETHON, "cara");
        ada.finds(&cara);
        cara.finds(&ada);
        for person in [&mut ada, &mut cara] {
            person.driver.command("set_online", json!({ "online": true }));
        }
        begin(&mut ada, &mut cara);
        talk(&mut ada, &mut cara);
        cara.ends();
        ada.sees("closed");
        let late = json!({ "dialog": ada.dialog, "text": "too late" });
        let refused = ada.driver.refused("secret_send", late);
        assert_eq!(refused, (400, "Have no write access to the chat".into()));

        begin(&mut cara, &mut ada);
        talk(&mut ada, &mut cara);
        ada.ends();
        cara.sees("closed");
        // The library does not care that it was told, and tries.
        let late = json!({ "dialog": cara.dialog, "text": "too late" });
        let refused = cara.driver.refused("secret_send", late);
        assert_eq!(refused, (400, "ENCRYPTION_DECLINED".into()));
        ada.has_no_complaints();
        cara.has_no_complaints();
    });
}

/// Ada has TDLib, which writes first, once it knows what cara's library knows.
fn talk(ada: &mut Person, cara: &mut Person) {
    let chat = ada.chat;
    ada.driver.expect_event("her layer", SOON, |event| {
        event["event"] == "secret_state" && event["chat"] == chat && event["layer"] == LAYER
    });
    for turn in 0..3 {
        let (question, answer) = (format!("question {turn}"), format!("answer {turn}"));
        ada.says(&question);
        cara.hears(&question);
        cara.says(&answer);
        ada.hears(&answer);
    }
    assert_eq!(cara.words(false, ""), ["question 0", "question 1", "question 2"]);
    assert_eq!(ada.words(false, ""), ["answer 0", "answer 1", "answer 2"]);
    // In one part: that is all the library can do.
    let parcel = Parcel::new("a small map.bin", 40_001);
    parcel.is_sent(ada);
    parcel.comes(cara);
    parcel.is_sent(cara);
    parcel.comes(ada);
    timers(ada, cara);

    let own = cara.says("a mistake");
    let theirs = number(&ada.hears("a mistake"));
    cara.secret("secret_delete", json!({ "messages": [own] }));
    ada.loses(theirs);
    let own = ada.says("another mistake");
    let theirs = number(&cara.hears("another mistake"));
    ada.secret("secret_delete", json!({ "messages": [own] }));
    cara.loses(theirs);
    cara.secret("secret_typing", json!({}));
    let (dialog, user) = (ada.dialog, ada.other);
    ada.driver.expect(&json!({ "event": "secret_typing", "dialog": dialog, "user": user }));
}

/// Either of them sets a timer, and reads what the other one has sent. The library keeps what has burnt.
fn timers(ada: &mut Person, cara: &mut Person) {
    ada.secret("secret_ttl", json!({ "seconds": 1 }));
    assert_eq!(cara.gets("timer")["timer"], 1);
    cara.says("this burns");
    let came = ada.hears("this burns");
    assert_eq!(came["timer"], 1, "{came}");
    ada.secret("secret_open", json!({ "message": came["message"] }));
    let dialog = cara.dialog;
    let read = cara.driver.expect(&json!({ "event": "secret_read", "dialog": dialog }));
    assert!(read["until"].as_i64() >= came["date"].as_i64(), "{read} and {came}");
    ada.loses(number(&came));

    cara.secret("secret_ttl", json!({ "seconds": 2 }));
    assert_eq!(ada.gets("timer")["timer"], 2);
    let own = ada.says("this as well");
    assert_eq!(cara.hears("this as well")["timer"], 2);
    cara.secret("secret_read", json!({}));
    ada.loses(own);
    cara.secret("secret_ttl", json!({ "seconds": 0 }));
    assert_eq!(ada.gets("timer")["timer"], 0);
}
