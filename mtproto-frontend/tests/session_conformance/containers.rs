//! Lines 18 and 19: several messages in one, and packed ones.

use super::*;

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

/// Long requests are handed on as parts of their packet; what was unpacked lies elsewhere.
#[test]
fn long_requests_come_out_whole_from_wherever_they_lie() {
    let mut client = Client::known();
    let long = |fill: u8| {
        // Not so even that a packed one would be taken for a bomb.
        let byte = |n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8 ^ fill;
        Tl::new(GET_CONFIG).raw(&(0..100_000).map(byte).collect::<Vec<_>>()).0
    };
    let bodies = |events: &[Event]| -> Vec<bytes::Bytes> {
        let body = |event: &Event| match event {
            Event::Request { body, .. } => body.clone(),
            other => panic!("{other:?}"),
        };
        events.iter().map(body).collect()
    };
    let (_, events) = client.request(&long(1));
    assert!(bodies(&events) == [long(1)]);
    let ids = [client.fresh_id(), client.fresh_id()];
    let messages: Vec<_> = ids.iter().map(|id| (*id, client.seq(true), long(*id as u8))).collect();
    let outer = client.fresh_id();
    let container = messages.iter().fold(Tl::new(0x73f1_f8dc).int(2), |tl, (id, seq, body)| {
        tl.long(*id).int(*seq).int(body.len() as i32).raw(body)
    });
    let seq = client.seq(false);
    let events = client.receive(outer, seq, &container.0);
    assert!(bodies(&events) == ids.map(|id| long(id as u8)));
    let (original, outer) = (client.fresh_id(), client.fresh_id());
    let copy = Tl::new(0xe060_46b2).long(original).int(1).int(long(3).len() as i32).raw(&long(3));
    let events = client.receive(outer, 2, &gzip(&copy.0));
    assert!(bodies(&events) == [long(3)]);
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
