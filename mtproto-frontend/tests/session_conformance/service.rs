//! Lines 23 to 26: pings, destroyed sessions and keys, long polls.

use super::*;

// ---- 23 to 26: other service messages ----

#[test]
fn line_23_ping_delay_disconnect_tells_the_connection_its_delay() {
    let mut client = Client::known();
    for (asked, delay_s) in [(75, 75), (0, 0), (-5, 0), (i32::MAX, i32::MAX as u32)] {
        let (id, events) = client.service(Tl::new(0xf342_7b8c).long(88).int(asked));
        assert_eq!(events, [Event::PingDisconnect { delay_s }]);
        let pong = client.only();
        assert_eq!((pong.id(), pong.long(4), pong.long(12)), (PONG, id, 88));
        assert!(client.receive(id, 0, &Tl::new(0xf342_7b8c).long(88).int(asked).0).is_empty());
        assert!(client.only().is(PONG), "a repeated one moves no timer");
    }
}

#[test]
fn line_24_destroy_session_is_answered_at_top_level() {
    let mut client = Client::known();
    for (existed, constructor) in [(true, 0xe220_45fc), (false, 0x62d3_50c9)] {
        let (id, events) = client.request(&Tl::new(0xe751_2126).long(99).0);
        assert_eq!(events, [Event::DestroySession { msg_id: id, session_id: 99 }]);
        client.session.answer_destroy_session(id, 99, existed);
        let got = client.only();
        assert_eq!((got.id(), got.long(4), got.msg_id & 3), (constructor, 99, 1));
        assert!(client.receive(id, 1, &Tl::new(0xe751_2126).long(99).0).is_empty());
    }
}

#[test]
fn line_24_a_destroyed_session_forgets_all_but_what_it_has_seen() {
    let mut client = Client::known();
    let (running, answered) = (client.get_config(), client.get_config());
    client.session.reply(answered, bool_true());
    client.session.push(update(1));
    let last = client.poll().last().unwrap().msg_id;
    client.session.push(update(2));
    client.session.clear(77);
    client.session.reply(running, bool_true());
    client.reconnect(2);
    assert!(client.poll().is_empty());
    assert!(client.receive(running, 1, &get_config()).is_empty(), "a replay revives nothing");
    let seen = client.poll();
    assert!(seen.iter().all(|got| !got.is(NEW_SESSION) && !got.is(RPC_RESULT)), "{seen:x?}");
    let id = client.get_config();
    let got = client.only();
    assert_eq!((got.id(), got.long(4), got.long(12)), (NEW_SESSION, id, 77));
    assert!(got.msg_id > last);
}

#[test]
fn line_24_destroy_auth_key_is_answered_where_tdlib_and_where_desktop_look() {
    let mut client = Client::known();
    let outcomes = [
        (DestroyAuthKey::Ok, 0xf660_e1d4),
        (DestroyAuthKey::None, 0x0a9f_2259),
        (DestroyAuthKey::Fail, 0xea10_9b13_u32),
    ];
    for (outcome, constructor) in outcomes {
        let (id, events) = client.request(&Tl::new(0xd143_5160).0);
        assert_eq!(events, [Event::DestroyAuthKey { msg_id: id }]);
        client.session.answer_destroy_auth_key(id, outcome);
        let got = client.poll();
        assert_eq!(
            (got[0].id(), got[0].long(4), got[0].int(12) as u32),
            (RPC_RESULT, id, constructor)
        );
        assert_eq!((got.len(), got[1].id()), (2, constructor));
    }
}

#[test]
fn line_25_answers_of_the_service_layer_are_not_wrapped_and_name_their_request() {
    let mut client = Client::known();
    let requests = [
        (Tl::new(PING).long(7), PONG),
        (Tl::new(0xf342_7b8c).long(7).int(60), PONG),
        (Tl::new(GET_FUTURE_SALTS).int(2), FUTURE_SALTS),
        (Tl::new(STATE_REQ).longs(&[4]), STATE_INFO),
    ];
    for (body, answer) in requests {
        for content in [true, false] {
            let id = client.fresh_id();
            let seq_no = client.seq(content);
            client.receive(id, seq_no, &body.0);
            let got = client.only();
            assert_eq!((got.id(), got.long(4)), (answer, id));
            assert_eq!((got.msg_id & 3, got.seq_no & 1), (1, 0));
        }
    }
    client.now_ms += 60_000;
    assert!(client.poll().is_empty(), "the answer is the acknowledgement");
}

#[test]
fn line_25_a_service_request_cut_short_is_an_error_and_not_a_silence() {
    let mut client = Client::known();
    for id in [PING, 0xf342_7b8c, GET_FUTURE_SALTS, STATE_REQ, DROP, 0xe751_2126, 0x9299_359f] {
        client.request(&Tl::new(id).0);
        assert_eq!(error_of(&client.only()), (400, "INPUT_FETCH_ERROR".to_owned()));
    }
}

#[test]
fn line_26_http_wait_gives_its_three_times_and_an_empty_container_ends_a_poll() {
    let mut client = Client::known();
    let (ping, id) = (client.fresh_id(), client.fresh_id());
    let wait = Tl::new(0x9299_359f).int(500).int(150).int(25_000);
    let parts = [(ping, 0, Tl::new(PING).long(1).0), (id, 0, wait.0)];
    let (_, events) = client.container(&parts);
    let asked = Event::HttpWait { max_delay_ms: 500, wait_after_ms: 150, max_wait_ms: 25_000 };
    assert_eq!(events, [asked]);
    assert!(client.only().is(PONG), "other messages of the same POST are answered");
    let (_, events) = client.service(Tl::new(0x9299_359f).int(-1).int(-1).int(i32::MIN));
    assert_eq!(events, [Event::HttpWait { max_delay_ms: 0, wait_after_ms: 0, max_wait_ms: 0 }]);
    let empty = client.session.empty_container(client.now_ms);
    let empty = Got { msg_id: empty.msg_id, seq_no: empty.seq_no, body: empty.body, packet: 0 };
    assert_eq!((empty.id(), open_container(&empty).len()), (CONTAINER, 0));
}
