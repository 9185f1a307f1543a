//! Lines 20 to 22: acknowledgements, resends, dropped answers; and what all that costs.

use super::*;

const RESEND_ANS_REQ: u32 = 0x8610_baeb;

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
