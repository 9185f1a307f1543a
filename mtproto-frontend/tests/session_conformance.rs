//! The rules of MTProto sessions, one test each. The numbers are those of `docs/conformance.md`.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod session_support;

use bytes::Bytes;
use mtproto_frontend::session::{
    DestroyAuthKey, Event, FirstSalt, Released, Session, Wait, inflate,
};
use session_support::*;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use std::io::Write as _;

const GET_FUTURE_SALTS: u32 = 0xb921_bd04;
const FUTURE_SALTS: u32 = 0xae50_0895;
const DROP: u32 = 0x58e4_a740;
const STATE_REQ: u32 = 0xda69_fb52;
const RESEND_REQ: u32 = 0x7d86_1a08;
const RESEND_ANS_REQ: u32 = 0x8610_baeb;
const BIND: u32 = 0xcdd4_2a05;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    Tl::new(GZIP).bytes(&encoder.finish().unwrap()).0
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    Tl::new(GZIP).bytes(&encoder.finish().unwrap()).0
}

fn get_config() -> Vec<u8> {
    Tl::new(GET_CONFIG).0
}

fn request_ids(events: &[Event]) -> Vec<i64> {
    events
        .iter()
        .map(|event| match event {
            Event::Request { msg_id, .. } => *msg_id,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// The rpc_error of an rpc_result: code and text.
fn error_of(got: &Got) -> (i32, String) {
    assert!(got.is(RPC_RESULT), "{got:x?}");
    assert_eq!(got.int(12) as u32, RPC_ERROR, "{got:x?}");
    let len = usize::from(got.body[20]);
    (got.int(16), String::from_utf8(got.body[21..21 + len].to_vec()).unwrap())
}

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

// ---- 16: salts ----

#[test]
fn line_16_a_wrong_salt_gets_a_valid_one_and_nothing_runs() {
    let mut client = Client::new();
    client.salt ^= 1;
    let (id, events) = client.request(&get_config());
    assert!(events.is_empty());
    let got = client.only();
    assert!(got.is(BAD_SALT));
    assert_eq!((got.long(4), got.int(12), got.int(16)), (id, 1, 48));
    client.salt = got.long(20);
    assert_eq!(request_ids(&client.receive(id, 1, &get_config())), [id], "resent, it runs");
}

#[test]
fn line_16_a_salt_is_accepted_for_half_an_hour_after_its_window() {
    let window = 1_800_000;
    let mut client = Client::known();
    client.now_ms = client.now_ms / window * window + window - 1;
    client.salt = client.salts().current(client.now_ms);
    for (later, accepted) in [(0, true), (1, true), (window, true), (window + 1, false)] {
        let end_ms = client.now_ms;
        let mut client = Client::known();
        client.now_ms = end_ms + later;
        client.salt = client.salts().current(end_ms);
        let (_, events) = client.request(&get_config());
        assert_eq!(events.len(), usize::from(accepted), "{later} ms after the end of its window");
    }
    // The session's own memory of the salt ends as well.
    client.request(&get_config());
    client.now_ms += window + 1;
    let (_, events) = client.request(&get_config());
    assert!(events.is_empty());
}

#[test]
fn line_16_the_first_salt_of_a_key_is_accepted() {
    let mut client = Client::new();
    client.first_salt = Some(FirstSalt { salt: -77, created_ms: START_MS });
    client.salt = -77;
    client.get_config();
    client.now_ms += 3_600_000;
    let (_, events) = client.request(&get_config());
    assert!(events.is_empty(), "for two windows at most");
}

#[test]
fn line_16_future_salts_are_given_as_asked_and_accepted_at_once() {
    for (num, given) in [(-1, 1), (0, 1), (1, 1), (5, 5), (64, 64), (1_000_000, 64)] {
        let mut client = Client::known();
        let (id, _) = client.service(Tl::new(GET_FUTURE_SALTS).int(num));
        let got = client.only();
        assert!(got.is(FUTURE_SALTS));
        assert_eq!((got.long(4), got.int(12)), (id, (START_MS / 1000) as i32));
        assert_eq!(got.int(16), given);
        assert_eq!(got.body.len(), 20 + 16 * given as usize);
        let mut end = i32::MIN;
        for at in (0..given as usize).map(|n| 20 + 16 * n) {
            let (since, until) = (got.int(at), got.int(at + 4));
            assert!(since >= end && until > since);
            end = until;
            client.salt = got.long(at + 8);
            client.get_config();
        }
    }
}

#[test]
fn line_16_a_bind_request_is_taken_under_any_salt() {
    let bind = Tl::new(BIND).long(1).long(2).int(3).bytes(&[0; 40]).0;
    let json = Tl::default().id(0x99c1_d49d).id(VECTOR).int(1).id(0xc0de_1bd9).bytes(b"tz");
    let json = json.id(0x2be0_dfa4).raw(&1.0_f64.to_le_bytes());
    let init = |flags: i32, query: &[u8]| {
        let tl = Tl::new(0xda9b_0d0d).int(230).id(0xc1cd_5ea9).int(flags).int(4);
        let tl = (0..6).fold(tl, |tl, _| tl.bytes(b"text"));
        let tl = if flags & 1 != 0 { tl.id(0x7558_8b3f).bytes(b"proxy").int(443) } else { tl };
        let tl = if flags & 2 != 0 { tl.raw(&json.0) } else { tl };
        tl.raw(query).0
    };
    let bodies = [
        bind.clone(),
        init(0, &bind),
        init(1, &bind),
        init(3, &gzip(&bind)),
        init(2, &zlib(&bind)),
        gzip(&init(2, &bind)),
    ];
    for body in bodies {
        let mut client = Client::new();
        client.salt ^= 1;
        let (id, events) = client.request(&body);
        assert_eq!(request_ids(&events), [id]);
        let (id, events) = client.request(&init(3, &get_config()));
        assert!(events.is_empty());
        let salts: Vec<_> = client.poll().into_iter().filter(|got| got.is(BAD_SALT)).collect();
        assert_eq!((salts.len(), salts[0].long(4)), (1, id), "other requests are told the salt");
        // In a container only the bind request runs.
        let (bind_id, other_id) = (client.fresh_id(), client.fresh_id());
        let (_, events) = client.container(&[(bind_id, 5, body), (other_id, 7, get_config())]);
        assert_eq!(request_ids(&events), [bind_id]);
        let salt = client.only();
        assert_eq!((salt.is(BAD_SALT), salt.long(4)), (true, other_id));
    }
}

// ---- 17: new sessions ----

#[test]
fn line_17_new_session_created_comes_once_and_first() {
    let mut client = Client::new();
    let (one, two) = (client.fresh_id(), client.fresh_id());
    client.container(&[(one, 1, get_config()), (two, 3, get_config())]);
    client.session.reply(two, bool_true());
    client.session.reply(one, bool_true());
    let got = client.poll();
    assert_eq!(got.iter().map(Got::id).collect::<Vec<_>>(), [NEW_SESSION, RPC_RESULT, RPC_RESULT]);
    let created = &got[0];
    assert_eq!(created.long(4), one, "the lowest id of the packet");
    assert_eq!((created.long(12), created.long(20)), (UNIQUE_ID, client.salt));
    assert_eq!((created.msg_id & 3, created.seq_no), (3, 1), "needs an acknowledgement");
    client.get_config();
    client.reconnect(2);
    let again = client.poll();
    assert_eq!(again[0], Got { packet: again[0].packet, ..created.clone() }, "until it has one");
    client.ack(&got.iter().map(|g| g.msg_id).collect::<Vec<_>>());
    client.reconnect(3);
    assert!(client.poll().is_empty());
}

#[test]
fn line_17_no_update_comes_before_new_session_created() {
    let mut client = Client::new();
    client.session.push(update(1));
    assert!(client.poll().is_empty());
    client.get_config();
    client.session.push(update(2));
    assert_eq!(client.poll().iter().map(Got::id).collect::<Vec<_>>(), [NEW_SESSION, UPDATE]);
    // Nor after destroy_session, until the client comes back.
    client.session.clear(5);
    client.session.push(update(3));
    assert!(client.poll().is_empty());
}

#[test]
fn line_17_a_refused_packet_does_not_begin_a_session() {
    let mut client = Client::new();
    client.salt ^= 1;
    client.request(&get_config());
    assert!(client.only().is(BAD_SALT));
    client.salt ^= 1;
    let id = client.get_config();
    let got = client.only();
    assert_eq!((got.id(), got.long(4)), (NEW_SESSION, id));
}

// ---- 18: containers ----

#[test]
fn line_18_each_message_of_a_container_stands_for_itself() {
    let mut client = Client::known();
    let ids: Vec<i64> = (0..8).map(|_| client.fresh_id()).collect();
    let inner = Tl::container(&[(ids[0] - 4, 1, get_config())]).0;
    let parts = [
        (ids[0], 1, get_config()),
        (ids[1] + 1, 3, get_config()),                // 18
        (ids[2], 4, inner.clone()),                   // 64: a container in a container
        (ids[3], 5, gzip(&inner)),                    // 64: hidden in a packed object
        (ids[4], 5, gzip(&gzip(&get_config()))),      // packed twice
        (ids[5], 5, vec![1, 2, 3]),                   // no object at all
        (ids[6], 7, Tl::new(GZIP).bytes(&[1; 60]).0), // not packed by anything known
        (ids[7], 9, get_config()),
    ];
    let (_, events) = client.container(&parts);
    assert_eq!(request_ids(&events), [ids[0], ids[7]]);
    let mut bad = Vec::new();
    let mut errors = Vec::new();
    for got in client.poll() {
        if got.is(BAD_MSG) {
            bad.push((got.long(4), got.int(16)));
        } else {
            errors.push((got.long(4), error_of(&got)));
        }
    }
    assert_eq!(bad, [(ids[1] + 1, 18), (ids[2], 64), (ids[3], 64)]);
    let unreadable = || (400, "INPUT_FETCH_ERROR".to_owned());
    assert_eq!(errors, [(ids[4], unreadable()), (ids[5], unreadable()), (ids[6], unreadable())]);
}

#[test]
fn line_18_a_container_that_cannot_be_read_is_64_and_nothing_of_it_runs() {
    let mut client = Client::known();
    let (a, b) = (client.fresh_id(), client.fresh_id());
    let good = Tl::container(&[(a, 1, get_config()), (b, 3, get_config())]).0;
    let with = |at: usize, value: u32| {
        let mut bytes = good.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        bytes
    };
    let mut many = Tl::new(CONTAINER).int(1021);
    for n in 0..1021 {
        many = many.long(a - 8 - 4 * n).int(0).int(4).id(GET_CONFIG);
    }
    let bodies = [
        with(4, 3),
        with(4, 1),
        with(4, u32::MAX),
        with(4, 100_000),
        with(20, 4096),
        with(20, u32::MAX),
        good[..good.len() - 4].to_vec(),
        good[..4].to_vec(),
        many.0,
    ];
    for body in bodies {
        let id = client.fresh_id();
        assert!(client.receive(id, 2, &body).is_empty());
        assert_eq!(client.bad_code(id), 64);
    }
    let (_, events) = client.service(Tl(good));
    assert_eq!(request_ids(&events), [a, b], "read, it runs");
}

#[test]
fn line_18_a_container_under_the_id_of_a_request_is_19_and_one_that_repeats_is_not() {
    let mut client = Client::known();
    let inner = client.fresh_id();
    let container = Tl::container(&[(inner, 1, get_config())]).0;
    let taken = client.get_config();
    assert!(client.receive(taken, 2, &container).is_empty());
    assert_eq!(client.bad_code(taken), 19);
    let id = client.fresh_id();
    assert_eq!(client.receive(id, 2, &container).len(), 1);
    client.session.reply(inner, bool_true());
    let reply = client.only();
    assert!(client.receive(id, 2, &container).is_empty());
    assert_eq!(client.only().msg_id, reply.msg_id, "a repeated container repeats its replies");
}

#[test]
fn line_18_an_inner_id_above_its_container_is_refused() {
    let mut client = Client::known();
    let outer = client.fresh_id();
    let inner = client.fresh_id();
    assert!(client.receive(outer, 0, &Tl::container(&[(inner, 1, get_config())]).0).is_empty());
    assert_eq!(client.bad_code(inner), 17);
}

#[test]
fn line_18_a_list_may_name_8192_ids() {
    let mut client = Client::known();
    let ids: Vec<i64> = (0..8192).map(|n| id_at(START_MS - 900) + 4 * n).collect();
    client.service(Tl::new(STATE_REQ).longs(&ids));
    let info = client.only();
    assert!(info.is(STATE_INFO));
    assert_eq!(info.body.len(), 12 + 4 + 8192);
    client.ack(&ids);
    assert!(client.poll().is_empty());
    client.service(Tl::new(STATE_REQ).longs(&[&ids[..], &[4]].concat()));
    assert_eq!(error_of(&client.only()).0, 400, "and not more");
}

#[test]
fn line_18_the_server_puts_at_most_1020_messages_and_the_asked_bytes_in_one_packet() {
    let mut client = Client::known();
    let ids: Vec<i64> = (0..2000).map(|_| client.get_config()).collect();
    for id in ids {
        client.session.reply(id, bool_true());
    }
    let outgoing = client.session.poll(client.now_ms, 230, usize::MAX).unwrap();
    let got =
        Got { msg_id: outgoing.msg_id, seq_no: outgoing.seq_no, body: outgoing.body, packet: 0 };
    assert_eq!(open_container(&got).len(), 1020);
    while let Some(outgoing) = client.session.poll(client.now_ms, 230, 1000) {
        assert!(outgoing.body.len() <= 1000 + 8);
    }
}

#[test]
fn msg_copy_stands_for_the_message_in_it() {
    let mut client = Client::known();
    let (original, outer) = (client.fresh_id(), client.fresh_id());
    let copy = |boxed: bool, body: &[u8]| {
        let tl = Tl::new(0xe060_46b2);
        let tl = if boxed { tl.id(0x5bb8_e511) } else { tl };
        tl.long(original).int(1).int(body.len() as i32).raw(body).0
    };
    assert_eq!(request_ids(&client.receive(outer, 2, &copy(true, &get_config()))), [original]);
    let again = client.fresh_id();
    assert!(client.receive(again, 2, &copy(false, &get_config())).is_empty(), "once");
    assert!(client.only().is(ACK));
    let nested = client.fresh_id();
    let (_, events) = client.request(&copy(true, &copy(true, &get_config())));
    assert!(events.is_empty() && nested > 0);
}

// ---- 19: gzip ----

#[test]
fn line_19_packed_requests_are_unpacked_gzip_or_zlib() {
    let mut client = Client::known();
    let body = Tl::new(GET_CONFIG).raw(&[7; 4000]).0;
    for packed in [gzip(&body), zlib(&body)] {
        let (_, events) = client.request(&packed);
        let [Event::Request { body: unpacked, .. }] = &events[..] else { panic!("{events:?}") };
        assert_eq!(unpacked, &body);
    }
    client.service(Tl(gzip(&Tl::new(PING).long(5).0)));
    let pong = client.poll().into_iter().find(|got| got.is(PONG)).unwrap();
    assert_eq!(pong.long(12), 5, "service messages too");
}

#[test]
fn line_19_a_packed_object_may_not_become_too_much() {
    let mut client = Client::known();
    let bomb = gzip(&vec![0; 8 << 20]);
    assert!(bomb.len() < 10_000);
    let (id, events) = client.request(&bomb);
    assert!(events.is_empty());
    let got = client.only();
    assert_eq!((got.long(4), error_of(&got)), (id, (400, "INPUT_FETCH_ERROR".to_owned())));
    client.get_config();
}

#[test]
fn line_19_large_answers_are_packed_if_that_helps_and_never_twice() {
    let mut client = Client::known();
    let text: Bytes = Tl::new(1).raw(&b"a country and its code ".repeat(4000)).0.into();
    let file: Bytes = Tl::new(0x096a_18d5).raw(&[0; 100_000]).0.into();
    let cases = [
        (text.clone(), true),
        (noise(100_000), false),
        (file, false),
        (text.slice(..16_000), false),
    ];
    for (result, packed) in cases {
        let id = client.get_config();
        client.session.reply(id, result.clone());
        let got = client.only();
        assert_eq!((got.id(), got.long(4)), (RPC_RESULT, id));
        assert_eq!(got.int(12) as u32 == GZIP, packed);
        if packed {
            assert!(got.body.len() < result.len() / 8);
            // gzip_packed#3072cfa1 packed_data:bytes, in the long form.
            assert_eq!(got.body[16], 254);
            assert_eq!(inflate(&got.body[20..]).unwrap(), result);
        } else {
            assert_eq!(got.body[12..], result);
        }
    }
}

// ---- 20: acknowledgements and resends ----

#[test]
fn line_20_a_slow_request_is_acknowledged_within_seconds() {
    let mut client = Client::known();
    assert_eq!(client.session.next_deadline(), None);
    let ids = [client.get_config(), client.get_config()];
    assert!(client.poll().is_empty());
    let due = client.session.next_deadline().unwrap();
    assert!(due > client.now_ms && due <= client.now_ms + 3000);
    client.now_ms = due;
    let ack = client.only();
    assert_eq!((ack.id(), ack.int(8)), (ACK, 2));
    assert_eq!([ack.long(12), ack.long(20)], ids);
    assert_eq!((ack.msg_id & 3, ack.seq_no & 1), (3, 0));
    assert_eq!(client.session.next_deadline(), None);
}

#[test]
fn line_20_a_reply_counts_as_an_acknowledgement() {
    let mut client = Client::known();
    let id = client.get_config();
    client.session.reply(id, bool_true());
    assert_eq!(client.session.next_deadline(), None);
    client.now_ms += 10_000;
    assert!(client.only().is(RPC_RESULT));
}

#[test]
fn line_20_what_is_not_acknowledged_comes_again_after_a_reconnect() {
    let mut client = Client::known();
    let id = client.get_config();
    client.session.reply(id, bool_true());
    client.session.push(update(9));
    client.service(Tl::new(PING).long(1));
    let first = client.poll();
    assert_eq!(first.len(), 3);
    client.now_ms += 400_000;
    client.reconnect(2);
    let outer = client.session.poll(client.now_ms, 230, BATCH_BYTES).unwrap();
    assert_eq!(outer.msg_id >> 32, (client.now_ms / 1000) as i64, "under a fresh outer id");
    let outer = Got { msg_id: outer.msg_id, seq_no: outer.seq_no, body: outer.body, packet: 0 };
    assert_eq!(open_container(&outer), first[..2], "the same ids, numbers and bytes; no pong");
    assert!(client.poll().is_empty());
    client.session.attach(2);
    assert!(client.poll().is_empty(), "once for each connection");
    client.ack(&[first[0].msg_id]);
    client.reconnect(3);
    assert_eq!(client.only().msg_id, first[1].msg_id);
}

#[test]
fn line_20_a_long_answer_is_announced_after_a_reconnect() {
    let mut client = Client::known();
    let id = client.get_config();
    client.session.reply(id, noise(50_000));
    let reply = client.only();
    client.reconnect(2);
    let info = client.only();
    assert_eq!((info.id(), info.long(4), info.long(12)), (DETAILED_INFO, id, reply.msg_id));
    client.service(Tl::new(RESEND_REQ).longs(&[reply.msg_id]));
    assert_eq!(client.only().body, reply.body);

    let big = Big;
    client.session.push(std::sync::Arc::new(big));
    let pushed = client.only();
    client.ack(&[reply.msg_id]);
    client.reconnect(3);
    let info = client.only();
    assert_eq!((info.id(), info.long(4)), (NEW_DETAILED_INFO, pushed.msg_id));
    assert_eq!(info.int(12) as usize, pushed.body.len());
}

#[derive(Debug)]
struct Big;

impl mtproto_frontend::session::NeutralUpdate for Big {
    fn encode(&self, _layer: i32) -> Option<Bytes> {
        Some(noise(40_000))
    }
}

#[test]
fn line_20_replies_and_updates_wait_for_a_connection() {
    let mut client = Client::known();
    let id = client.get_config();
    client.session.detach(1);
    client.session.reply(id, bool_true());
    client.session.push(update(1));
    assert!(!client.session.has_output(client.now_ms));
    assert!(client.poll().is_empty());
    client.session.detach(1);
    client.session.attach(2);
    client.session.detach(1);
    assert!(client.session.is_attached(), "an old connection's end is not the new one's");
    assert!(client.session.has_output(client.now_ms));
    assert_eq!(client.poll().len(), 2);
}

#[test]
fn line_20_what_is_kept_for_resends_is_bounded() {
    let mut client = Client::known();
    for _ in 0..20 {
        let id = client.get_config();
        client.session.reply(id, noise(512 << 10));
        client.poll();
    }
    assert!(client.session.memory_bytes() < 3 << 20, "{}", client.session.memory_bytes());
    for n in 0..5000 {
        let id = client.get_config();
        client.session.reply(id, bool_true());
        client.session.push(update(n));
        client.poll();
    }
    assert!(client.session.memory_bytes() < 1 << 20, "{}", client.session.memory_bytes());
}

#[test]
fn a_client_that_sends_and_never_reads_costs_bounded_memory() {
    let mut client = Client::known();
    let mut refused = 0;
    for _ in 0..100 {
        let (_, events) = client.request(&get_config());
        for event in events {
            if let Event::Request { msg_id, .. } = event {
                client.session.reply(msg_id, noise(1 << 20));
            }
        }
    }
    assert!(client.session.is_congested());
    assert!(client.session.memory_bytes() < 20 << 20, "{}", client.session.memory_bytes());
    for got in client.poll() {
        if got.body.len() < 100 {
            assert_eq!(error_of(&got), (420, "FLOOD_WAIT_1".to_owned()));
            refused += 1;
        }
    }
    assert!(refused > 0);
    assert!(!client.session.is_congested());
    // Small ones: the count is bounded too.
    for _ in 0..20 {
        let parts: Vec<_> =
            (0..1000).map(|_| (client.fresh_id(), 0, Tl::new(PING).long(1).0)).collect();
        client.container(&parts);
    }
    assert!(client.session.memory_bytes() < 3 << 20, "{}", client.session.memory_bytes());
}

#[test]
fn more_requests_than_may_run_at_once_are_told_to_wait() {
    let mut client = Client::known();
    let mut taken = 0;
    for _ in 0..3 {
        let parts: Vec<_> = (0..1000).map(|_| (client.fresh_id(), 1, get_config())).collect();
        taken += client.container(&parts).1.len();
    }
    assert_eq!(taken, 2048);
    let refused: Vec<Got> = client.poll().into_iter().filter(|got| got.is(RPC_RESULT)).collect();
    assert_eq!(refused.len(), 952);
    assert_eq!(error_of(&refused[0]), (420, "FLOOD_WAIT_1".to_owned()));
}

// ---- 21: state and resend requests ----

#[test]
fn line_21_states_are_told_by_their_bits() {
    let mut client = Client::known();
    let low = id_at(START_MS - 200_000);
    let gap = client.fresh_id();
    let running = client.get_config();
    let answered = client.get_config();
    client.session.reply(answered, bool_true());
    client.poll();
    let acked = client.get_config();
    client.session.reply(acked, bool_true());
    let reply = client.only().msg_id;
    client.ack(&[reply]);
    let (ping, _) = client.service(Tl::new(PING).long(1));
    client.poll();
    let ids =
        [running, answered, acked, ping, gap, low, client.fresh_id() + 4000, gap + 1, 0, i64::MIN];
    let (req, _) = client.service(Tl::new(STATE_REQ).longs(&ids));
    let info = client.only();
    assert_eq!((info.id(), info.long(4), info.msg_id & 3), (STATE_INFO, req, 1));
    let states = &info.body[13..13 + ids.len()];
    assert_eq!(states, [4 | 32, 4 | 8 | 32 | 64, 4 | 8 | 32 | 64 | 128, 4 | 16, 2, 2, 3, 1, 1, 1]);
    // (not received in this run of the node: what came before its start is not known)
    client.now_ms += 1000;
    client.poll();
    client.session.tick(client.now_ms + 400_000);
    client.service(Tl::new(STATE_REQ).longs(&[running, low]));
    let info = client.only();
    assert_eq!(info.body[13..15], [4 | 8 | 32, 1], "acknowledged meanwhile; forgotten");
}

#[test]
fn line_21_messages_are_sent_again_on_request_and_unknown_ones_told_as_such() {
    let mut client = Client::known();
    let id = client.get_config();
    client.session.reply(id, bool_true());
    let reply = client.only();
    client.service(Tl::new(RESEND_REQ).longs(&[reply.msg_id]));
    assert_eq!(client.only().body, reply.body);
    client.service(Tl::new(RESEND_ANS_REQ).longs(&[id]));
    assert_eq!(client.only().msg_id, reply.msg_id);
    let (req, _) = client.service(Tl::new(RESEND_REQ).longs(&[reply.msg_id, 5, i64::MAX, id]));
    let got = client.poll();
    assert_eq!(got.iter().map(Got::id).collect::<Vec<_>>(), [RPC_RESULT, STATE_INFO]);
    assert_eq!(got[1].long(4), req);
    assert_eq!(got[1].body[12], 4, "a state for each id of the request");
    client.service(Tl::new(RESEND_ANS_REQ).longs(&[-1]));
    assert!(client.only().is(STATE_INFO));
}

#[test]
fn line_21_state_messages_of_the_client_are_tolerated() {
    let mut client = Client::known();
    client.service(Tl::new(STATE_INFO).long(1).bytes(&[4]));
    client.service(Tl::new(0x8cc0_d131).longs(&[1]).bytes(&[4]));
    client.service(Tl::new(DETAILED_INFO).long(1).long(2).int(3).int(0));
    client.service(Tl::new(NEW_DETAILED_INFO).long(2).int(3).int(0));
    assert!(client.poll().is_empty());
}

// ---- 22: rpc_drop_answer ----

#[test]
fn line_22_dropping_a_running_request_cancels_it() {
    let mut client = Client::known();
    let id = client.get_config();
    let (drop, events) = client.request(&Tl::new(DROP).long(id).0);
    assert_eq!(events, [Event::Cancel { msg_id: id }]);
    client.session.reply(id, bool_true());
    let got = client.only();
    assert_eq!((got.id(), got.long(4), got.int(12) as u32), (RPC_RESULT, drop, 0xcd78_e586));
    assert!(client.receive(id, 1, &get_config()).is_empty(), "and it never runs again");
}

#[test]
fn line_22_dropping_an_answer_really_drops_it() {
    let mut client = Client::known();
    for sent in [true, false] {
        let id = client.get_config();
        client.session.reply(id, bool_true());
        let reply = if sent { client.poll() } else { Vec::new() };
        let (drop, _) = client.request(&Tl::new(DROP).long(id).0);
        let got = client.only();
        assert_eq!((got.id(), got.long(4), got.int(12) as u32), (RPC_RESULT, drop, 0xa43a_d8b7));
        assert_eq!((got.long(16) & 3, got.int(24) & 1, got.int(28)), (1, 1, 16));
        if let [reply] = &reply[..] {
            assert_eq!((got.long(16), got.int(24)), (reply.msg_id, reply.seq_no));
        }
        client.ack(&[got.msg_id]);
        client.reconnect(if sent { 2 } else { 3 });
        assert!(client.poll().is_empty());
    }
}

#[test]
fn line_22_dropping_what_is_unknown_says_so_and_repeats_like_any_answer() {
    let mut client = Client::known();
    let body = Tl::new(DROP).long(12345).0;
    let (drop, _) = client.request(&body);
    let got = client.only();
    assert_eq!((got.id(), got.long(4), got.int(12) as u32), (RPC_RESULT, drop, 0x5e2a_d36e));
    client.receive(drop, 1, &body);
    assert_eq!(client.only().msg_id, got.msg_id);
}

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

// ---- 30: invokeAfterMsg ----

#[test]
fn line_30_a_request_waits_for_its_predecessor_only() {
    let mut client = Client::known();
    let (a, b, c) = (client.get_config(), client.get_config(), client.get_config());
    assert_eq!(client.session.wait_for(c, &[b]), Wait::Waiting);
    assert!(client.session.reply(a, bool_true()).is_empty());
    assert_eq!(client.session.reply(b, bool_true()), [Released { msg_id: c, ready: true }]);
    let late = client.get_config();
    assert_eq!(client.session.wait_for(late, &[b, c - 4096, a]), Wait::Ready);
}

#[test]
fn line_30_a_failed_predecessor_gives_msg_wait_failed() {
    let mut client = Client::known();
    let (a, b, c) = (client.get_config(), client.get_config(), client.get_config());
    assert_eq!(client.session.wait_for(b, &[a]), Wait::Waiting);
    assert_eq!(client.session.wait_for(c, &[b]), Wait::Waiting);
    let failed = |msg_id| Released { msg_id, ready: false };
    assert_eq!(client.session.reply_error(a, 400, "PEER_ID_INVALID"), [failed(b), failed(c)]);
    let got = client.poll();
    assert_eq!(got.len(), 3);
    assert_eq!(error_of(&got[0]), (400, "PEER_ID_INVALID".to_owned()));
    for (got, id) in got[1..].iter().zip([b, c]) {
        assert_eq!((got.long(4), error_of(got)), (id, (400, "MSG_WAIT_FAILED".to_owned())));
    }
    // It may have failed before its successor arrives.
    let late = client.get_config();
    assert_eq!(client.session.wait_for(late, &[a]), Wait::Failed(Vec::new()));
    assert_eq!(error_of(&client.only()).1, "MSG_WAIT_FAILED");
}

#[test]
fn line_30_a_dropped_predecessor_has_failed() {
    let mut client = Client::known();
    let (a, b) = (client.get_config(), client.get_config());
    assert_eq!(client.session.wait_for(b, &[a]), Wait::Waiting);
    let (_, events) = client.request(&Tl::new(DROP).long(a).0);
    let released = Event::Released(Released { msg_id: b, ready: false });
    assert_eq!(events, [Event::Cancel { msg_id: a }, released]);
}

// ---- memory ----

#[test]
fn an_idle_session_is_small() {
    let mut client = Client::known();
    for _ in 0..30 {
        let id = client.get_config();
        client.session.reply(id, noise(500));
        let ids: Vec<i64> = client.poll().iter().map(|got| got.msg_id).collect();
        client.ack(&ids);
    }
    client.session.tick(client.now_ms + 60_000);
    let active = client.session.memory_bytes();
    client.session.tick(client.now_ms + 400_000);
    let idle = client.session.memory_bytes();
    println!("session: {} bytes, after a login {active}, idle {idle}", size_of::<Session>());
    assert!(size_of::<Session>() <= 400);
    assert!(idle < 700 && active < 1400, "{active} {idle}");
}
