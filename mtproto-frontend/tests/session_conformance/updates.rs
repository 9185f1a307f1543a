//! Lines 29, 44 and 65: updates on their way out.

use super::*;

// ---- 29, 44: updates ----

#[test]
fn line_29_a_queued_update_takes_the_layer_it_is_sent_at() {
    let mut client = Client::known();
    client.layer = 158;
    client.session.push(update(1));
    assert!(client.poll().is_empty(), "this layer cannot say it");
    client.session.detach(1);
    client.session.push(update(2));
    client.layer = 200;
    client.session.attach(1);
    let got = client.only();
    assert_eq!((got.id(), got.int(4), got.int(8)), (UPDATE, 200, 2));
    client.layer = 201;
    client.reconnect(3);
    assert_eq!(client.only().body, got.body, "what was sent keeps its bytes");
}

#[test]
fn line_44_a_backlog_becomes_one_updates_too_long_and_then_silence() {
    let mut client = Client::known();
    let id = client.get_config();
    client.session.detach(1);
    for n in 0..1000 {
        client.session.push(update(n));
    }
    client.session.reply(id, bool_true());
    client.session.attach(1);
    let got = client.poll();
    assert_eq!(got.iter().map(Got::id).collect::<Vec<_>>(), [UPDATES_TOO_LONG, RPC_RESULT]);
    assert_eq!((got[0].msg_id & 3, got[0].seq_no & 1), (3, 1));
    assert!(client.session.is_silent());
    client.session.push(update(1));
    assert!(client.poll().is_empty());
    client.session.resume_updates();
    client.session.push(update(2));
    assert_eq!(client.only().int(8), 2);
}

#[test]
fn line_44_an_update_that_cannot_be_kept_is_not_a_silent_hole() {
    let mut client = Client::known();
    for n in 0..2000 {
        client.session.push(update(n));
        client.poll();
    }
    assert!(client.session.is_silent());
    client.session.resume_updates();
    client.reconnect(2);
    let ids: Vec<u32> = client.poll().iter().map(Got::id).collect();
    assert!(ids.contains(&UPDATES_TOO_LONG));
}

#[test]
fn line_65_updates_that_wait_are_nobodys_after_a_logout() {
    let mut client = Client::known();
    client.session.detach(1);
    for n in 0..10 {
        client.session.push(update(n));
    }
    client.session.drop_updates();
    client.session.attach(1);
    assert!(client.poll().is_empty(), "whoever logs in next must not see them");
    client.session.push(update(11));
    assert_eq!(client.only().int(8), 11);
}
