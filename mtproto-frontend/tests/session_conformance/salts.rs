//! Lines 16 and 17: server salts, and how a session begins.

use super::*;

const BIND: u32 = 0xcdd4_2a05;

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
        let mut begun = i32::MIN;
        for at in (0..given as usize).map(|n| 20 + 16 * n) {
            let (since, until) = (got.int(at), got.int(at + 4));
            assert!(since > begun && until - since == 3600);
            begun = since;
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
