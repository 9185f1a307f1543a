//! Lines 8 and 11 to 15: message ids and sequence numbers, each session for itself.

use super::*;

// ---- 8: sessions of one key are apart ----

#[test]
fn line_8_two_sessions_of_one_key_never_see_each_others_replies() {
    let (mut one, mut two) = (Client::known(), Client::known());
    // The same message id in both.
    let id = one.get_config();
    assert_eq!(two.get_config(), id);
    one.session.reply(id, bool_true());
    assert_eq!(one.only().long(4), id);
    assert!(two.poll().is_empty());
    one.session.reply(id, bool_true());
    assert!(one.poll().is_empty(), "and a second reply to one request goes nowhere");
}

// ---- 11, 12, 13: message ids ----

#[test]
fn line_11_client_id_not_divisible_by_4_is_18_and_the_servers_ids_are_1_or_3_and_grow() {
    let mut client = Client::new();
    for rest in 1..4 {
        let id = client.fresh_id() + rest;
        assert!(client.receive(id, 1, &get_config()).is_empty());
        assert_eq!(client.bad_code(id), 18);
    }
    let (mut last, mut kinds) = (0, [0; 4]);
    for round in 0..50 {
        let id = client.get_config();
        client.session.push(update(round));
        client.session.reply(id, bool_true());
        client.now_ms += 7;
        for got in client.poll() {
            assert!(got.msg_id > last);
            last = got.msg_id;
            let is_reply = got.is(RPC_RESULT);
            assert_eq!(got.msg_id & 3, if is_reply { 1 } else { 3 });
            kinds[(got.msg_id & 3) as usize] += 1;
            assert!(((got.msg_id >> 32) - (client.now_ms / 1000) as i64).abs() <= 1);
        }
    }
    assert_eq!(kinds, [0, 50, 0, 51], "replies; updates and new_session_created");
}

#[test]
fn line_11_ids_grow_and_stay_near_a_clock_that_goes_back() {
    let mut client = Client::known();
    let mut last = 0;
    for back_ms in [0, 1, 500, 10_000, 20_000] {
        client.now_ms = START_MS + 60_000 - back_ms;
        client.session.push(update(0));
        let got = client.only();
        assert!(got.msg_id > last);
        last = got.msg_id;
    }
    // Two hours: growing on would be 30 s ahead, which clients ignore.
    client.now_ms = START_MS - 3_500_000;
    client.session.push(update(1));
    let got = client.poll();
    assert_eq!(got.len(), 6, "what was not acknowledged comes again under ids of today");
    assert!(got.iter().all(|g| (g.msg_id >> 32) == (client.now_ms / 1000) as i64));
    assert!(got.windows(2).all(|pair| pair[0].msg_id < pair[1].msg_id));
}

#[test]
fn line_12_too_old_is_16_and_too_far_ahead_is_17_and_neither_is_executed() {
    let mut client = Client::known();
    for (offset_ms, code) in [
        (-300_000, None),
        (-300_001, Some(16)),
        (30_000, None),
        (30_001, Some(17)),
        (i64::MIN / 2, Some(16)),
    ] {
        let id = id_at(START_MS.saturating_add_signed(offset_ms)) & !3;
        let events = client.receive(id, 1, &get_config());
        match code {
            None => assert_eq!(request_ids(&events), [id]),
            Some(code) => {
                assert!(events.is_empty());
                assert_eq!(client.bad_code(id), code);
                let header = client.session.is_fresh(id);
                assert!(header, "a refused message may come again");
            }
        }
    }
    for (id, code) in [(i64::MIN, 16), (-4, 16), (0, 16), (i64::MAX & !3, 17)] {
        assert!(client.receive(id, 1, &get_config()).is_empty());
        assert_eq!(client.bad_code(id), code);
    }
}

#[test]
fn line_13_a_message_in_a_container_may_be_old_but_its_container_may_not() {
    let mut client = Client::known();
    let old = id_at(START_MS - 1_000_000);
    let (_, events) = client.container(&[(old, 1, get_config())]);
    assert_eq!(request_ids(&events), [old]);
    let container = Tl::container(&[(old - 400, 1, get_config())]);
    assert!(client.receive(old - 4, 0, &container.0).is_empty());
    assert_eq!(client.bad_code(old - 4), 16);
}

#[test]
fn line_12_a_message_refused_as_too_old_is_taken_when_it_comes_in_a_container() {
    // TDLib sends a message that was refused with 16 again under its own id, in a container.
    let mut client = Client::known();
    let old = id_at(START_MS - 301_000);
    client.receive(old, 1, &get_config());
    assert_eq!(client.bad_code(old), 16);
    let (_, events) = client.container(&[(old, 1, get_config())]);
    assert_eq!(request_ids(&events), [old]);
}

#[test]
fn line_14_a_restart_does_not_reopen_replays() {
    let mut client = Client::known();
    client.session = Session::new(1, UNIQUE_ID, START_MS - 1000);
    client.session.attach(1);
    let before = id_at(START_MS - 1001);
    assert!(client.receive(before, 1, &get_config()).is_empty());
    assert_eq!(client.bad_code(before), 16);
    // In a container it is 20: on 16 TDLib would send it under the same id for ever.
    let after = id_at(START_MS - 999);
    let (_, events) = client.container(&[(before, 1, get_config()), (after, 3, get_config())]);
    assert_eq!(request_ids(&events), [after]);
    let bad: Vec<Got> = client.poll().into_iter().filter(|got| got.is(BAD_MSG)).collect();
    assert_eq!((bad.len(), bad[0].long(4), bad[0].int(16)), (1, before, 20));
}

// ---- 14: duplicates ----

#[test]
fn line_14_duplicate_msg_id_resends_stored_reply() {
    let mut client = Client::known();
    assert!(!client.session.has_running());
    let id = client.get_config();
    assert!(client.session.has_running());
    client.session.reply(id, bool_true());
    assert!(!client.session.has_running());
    let first = client.only();
    assert!(client.receive(id, 1, &get_config()).is_empty(), "not executed again");
    let again = client.only();
    assert_eq!((again.msg_id, &again.body), (first.msg_id, &first.body));
}

#[test]
fn line_14_duplicate_of_a_running_request_is_acknowledged() {
    let mut client = Client::known();
    let id = client.get_config();
    assert!(client.receive(id, 1, &get_config()).is_empty());
    let ack = client.only();
    assert!(ack.is(ACK));
    assert_eq!((ack.int(8), ack.long(12)), (1, id));
}

#[test]
fn line_14_duplicate_of_an_acknowledged_request_is_acknowledged_and_not_executed() {
    let mut client = Client::known();
    let id = client.get_config();
    client.session.reply(id, bool_true());
    let reply = client.only();
    client.ack(&[reply.msg_id]);
    assert!(client.receive(id, 1, &get_config()).is_empty());
    assert!(client.only().is(ACK));
}

#[test]
fn line_14_duplicate_with_a_large_answer_gets_its_id_and_then_the_answer() {
    let mut client = Client::known();
    let id = client.get_config();
    client.session.reply(id, noise(100_000));
    let first = client.only();
    client.receive(id, 1, &get_config());
    let info = client.only();
    assert!(info.is(DETAILED_INFO));
    assert_eq!((info.long(4), info.long(12)), (id, first.msg_id));
    assert_eq!(info.int(20) as usize, first.body.len());
    client.service(Tl::new(RESEND_REQ).longs(&[first.msg_id]));
    let again = client.only();
    assert_eq!((again.msg_id, again.body), (first.msg_id, first.body));
}

#[test]
fn line_14_ids_below_what_is_remembered_are_20() {
    let mut client = Client::known();
    let first = client.get_config();
    client.session.reply(first, bool_true());
    let reply = client.only().msg_id;
    client.ack(&[reply]);
    for _ in 0..2000 {
        client.service(Tl::new(PING).long(1));
        client.poll();
    }
    assert!(client.receive(first, 1, &get_config()).is_empty());
    assert_eq!(client.bad_code(first), 20);
    assert!(client.session.memory_bytes() < 16 << 10);
}

#[test]
fn line_14_every_message_of_the_largest_container_is_taken_once() {
    // In falling order, as no client sends them: the floor must not rise within a packet.
    let mut client = Client::known();
    let mut parts: Vec<_> =
        (0..1020).map(|n| (client.fresh_id(), 2 * n + 1, get_config())).collect();
    parts.reverse();
    let (_, events) = client.container(&parts);
    assert_eq!(events.len(), 1020);
    let (_, events) = client.container(&parts);
    assert!(events.is_empty());
}

#[test]
fn line_14_a_reply_that_was_thrown_away_is_20_on_repeat_and_never_a_second_run() {
    let mut client = Client::known();
    let id = client.get_config();
    client.session.reply(id, noise(1 << 20));
    for _ in 0..3 {
        let other = client.get_config();
        client.session.reply(other, noise(1 << 20));
        client.poll();
    }
    assert!(client.receive(id, 1, &get_config()).is_empty());
    assert_eq!(client.bad_code(id), 20);
    client.service(Tl::new(STATE_REQ).longs(&[id]));
    let info = client.only();
    assert_eq!(info.body[13], 1, "so a client that asks sends it anew");
}

// ---- 15: seq_no ----

#[test]
fn line_15_wrong_parity_of_seq_no_is_34_or_35() {
    let mut client = Client::known();
    let id = client.fresh_id();
    client.receive(id, 1, &Tl::container(&[]).0);
    assert_eq!(client.bad_code(id), 34);
    let id = client.fresh_id();
    assert!(client.receive(id, 2, &get_config()).is_empty());
    assert_eq!(client.bad_code(id), 35);
    assert_eq!(request_ids(&client.receive(id, 3, &get_config())), [id], "corrected, it runs");
}

/// mtcute numbers its acknowledgements as content, and begins a new session on code 34.
#[test]
fn line_15_an_odd_acknowledgement_is_no_error() {
    let mut client = Client::known();
    let id = client.fresh_id();
    assert!(client.receive(id, 1, &Tl::new(ACK).longs(&[]).0).is_empty());
    assert!(client.poll().is_empty(), "there is nothing to answer");
}

#[test]
fn line_15_numbers_that_do_not_grow_are_never_32_or_33() {
    // Messages of one session overtake each other; clients end the session on these codes.
    let mut client = Client::known();
    for seq_no in [9, 1, 1001, 3, i32::MAX, -1] {
        let id = client.fresh_id();
        assert_eq!(request_ids(&client.receive(id, seq_no, &get_config())), [id]);
    }
    for seq_no in [0, 1, 5, 4] {
        let id = client.fresh_id();
        client.receive(id, seq_no, &Tl::new(PING).long(3).0);
        assert!(client.only().is(PONG), "pings go with and without");
    }
}

#[test]
fn line_15_the_servers_numbers_count_content_across_connections() {
    let mut client = Client::new();
    let mut content = 0;
    for round in 0..20 {
        let id = client.get_config();
        client.service(Tl::new(PING).long(1));
        client.session.push(update(round));
        client.session.reply(id, bool_true());
        for got in client.poll() {
            let needs_ack = !got.is(PONG);
            assert_eq!(got.seq_no, 2 * content + i32::from(needs_ack), "{got:x?}");
            content += i32::from(needs_ack);
            client.ack(&[got.msg_id]);
        }
        client.reconnect(round as u64 + 2);
    }
}
