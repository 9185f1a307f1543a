//! What two people do in a secret chat, wherever their nodes are.

use std::thread;

use serde_json::json;

use crate::parcel::{Parcel, numbered};
use crate::person::{Person, begin, number};

/// All that clients can do in a secret chat, from its beginning to its end.
pub(crate) fn whole_life(ada: &mut Person, bob: &mut Person) {
    begin(ada, bob);
    texts(ada, bob);
    timer(ada, bob);
    file_and_marks(ada, bob);
    typing(ada, bob);
    deletion(ada, bob);
    many(ada, bob);
    end(bob, ada);
    ada.has_no_complaints();
    bob.has_no_complaints();
}

fn texts(ada: &mut Person, bob: &mut Person) {
    for turn in 0..3 {
        let (question, answer) = (format!("question {turn}"), format!("answer {turn}"));
        ada.says(&question);
        bob.hears(&question);
        bob.says(&answer);
        ada.hears(&answer);
    }
    let both = |what: &str| (0..3).map(|turn| format!("{what} {turn}")).collect::<Vec<_>>();
    assert_eq!(ada.words(true, ""), both("question"));
    assert_eq!(bob.words(false, ""), both("question"));
    assert_eq!(bob.words(true, ""), both("answer"));
    assert_eq!(ada.words(false, ""), both("answer"));
}

/// A message with a timer goes at both ends, once somebody has looked at it and the time is over.
///
/// Comes before anything else is looked at: what was read up to some second TDLib does not tell twice.
fn timer(ada: &mut Person, bob: &mut Person) {
    ada.secret("secret_ttl", json!({ "seconds": 2 }));
    assert_eq!(bob.gets("timer")["timer"], 2);
    let own = ada.says("this burns");
    let came = bob.hears("this burns");
    assert_eq!((&came["timer"], &came["burns"]), (&json!(2), &json!(false)), "{came}");
    let message = number(&came);
    assert_eq!(bob.words(false, "this burns").len(), 1);
    bob.secret("secret_open", json!({ "message": message }));
    bob.loses(message);
    ada.loses(own);
    assert!(bob.words(false, "this burns").is_empty() && ada.words(true, "this burns").is_empty());
    ada.secret("secret_ttl", json!({ "seconds": 0 }));
    assert_eq!(bob.gets("timer")["timer"], 0);
}

/// A file that takes several parts; and that it was read shows where it came from.
fn file_and_marks(ada: &mut Person, bob: &mut Person) {
    let parcel = Parcel::new("a map.bin", 700_001);
    let sent = parcel.is_sent(ada);
    parcel.comes(bob);
    bob.secret("secret_read", json!({}));
    ada.is_read(sent);
}

/// TDLib tells of its typing only to people whom it knows to be online.
fn typing(ada: &mut Person, bob: &mut Person) {
    for person in [&mut *ada, &mut *bob] {
        person.driver.command("set_online", json!({ "online": true }));
    }
    for person in [&mut *ada, &mut *bob] {
        let other = person.other;
        person.driver.expect(&json!({ "event": "status", "user": other, "online": true }));
    }
    types(ada, bob);
    types(bob, ada);
}

fn types(writer: &mut Person, reader: &mut Person) {
    writer.secret("secret_typing", json!({}));
    let (dialog, user) = (reader.dialog, reader.other);
    reader.driver.expect(&json!({ "event": "secret_typing", "dialog": dialog, "user": user }));
}

/// Whoever deletes, the other one loses it too.
fn deletion(ada: &mut Person, bob: &mut Person) {
    let own = ada.says("a mistake");
    let theirs = number(&bob.hears("a mistake"));
    ada.secret("secret_delete", json!({ "messages": [own] }));
    bob.loses(theirs);
    let theirs = bob.says("what was that?");
    let own = number(&ada.hears("what was that?"));
    ada.secret("secret_delete", json!({ "messages": [own] }));
    bob.loses(theirs);
    for person in [ada, bob] {
        for own in [true, false] {
            assert!(person.words(own, "a mistake").is_empty());
            assert!(person.words(own, "what was that?").is_empty());
        }
    }
}

/// 240 messages each way: TDLib makes a new key after each hundred, and shows nothing of it. Not both ways
/// at once, of which it complains: of the order of its own.
fn many(ada: &mut Person, bob: &mut Person) {
    let (out, back) = (numbered("out", 240), numbered("back", 240));
    for (there, again) in out.chunks(40).zip(back.chunks(40)) {
        ada.says_all(there);
        bob.hears(&there[39]);
        bob.says_all(again);
        ada.hears(&again[39]);
    }
    whole(ada, bob, &out, "out");
    whole(bob, ada, &back, "back");
}

/// The one has said all this, and the other has heard it: each once, in order.
fn whole(from: &mut Person, to: &mut Person, texts: &[String], like: &str) {
    assert_eq!(from.words(true, like), texts);
    assert_eq!(to.words(false, like), texts);
    let dialog = to.dialog;
    let wanted = json!({ "event": "secret_message", "dialog": dialog, "out": false });
    let events = to.driver.came(&wanted);
    let heard = events.iter().filter_map(|event| event["text"].as_str());
    let heard: Vec<&str> = heard.filter(|text| text.starts_with(like)).collect();
    assert_eq!(heard, texts, "one event for one message");
}

/// Who ends it ends it for both.
pub(crate) fn end(by: &mut Person, other: &mut Person) {
    by.ends();
    by.sees("closed");
    other.sees("closed");
    let late = json!({ "dialog": other.dialog, "text": "too late" });
    let refused = other.driver.refused("secret_send", late);
    assert_eq!(refused, (400, "Have no write access to the chat".into()));
}

/// One says 400 things at once; when the other has heard the tenth of them, something happens, and again
/// at the hundred and twentieth. All come, once and in order.
pub(crate) fn burst(
    from: &mut Person,
    to: &mut Person,
    like: &str,
    happens: [&mut dyn FnMut(); 2],
) {
    let texts = numbered(like, 400);
    thread::scope(|scope| {
        let sender = scope.spawn(|| from.says_all(&texts));
        let [first, second] = happens;
        to.hears(&texts[9]);
        assert!(!sender.is_finished(), "all was sent before anything could happen");
        first();
        to.hears(&texts[119]);
        second();
        sender.join().unwrap();
    });
    to.hears(&texts[399]);
    whole(from, to, &texts, like);
}
