//! Sessions: restart and replay, ends, order, quick acks, errors.

use std::sync::Arc;
use std::time::Duration;

use keys::{Side, message};
use rand::Rng as _;
use rookery_load::{
    Client, ClientError, Framing, Incoming, Session, Wire, WireError, clock, exchange,
};
use tl::functions as f;
use tl::mtproto::{enums, functions, types};

use crate::support::node::TestNode;
use crate::*;

/// The key is there after a restart; what it sent before does not run again.
#[test]
fn keys_survive_a_restart_and_replays_do_not() {
    let mut node = TestNode::start();
    let rng = &mut rng(11);
    let mut before = connect(&node, rng);
    before.ping(rng).unwrap();
    let request = initialised(&f::help::GetNearestDc {});
    let envelope = before.send(&request, true, rng).unwrap();
    before.result(envelope.msg_id, PATIENCE).unwrap();
    let recorded = before.session.seal(envelope, &request, rng);

    node.restart();
    let session = before.session;
    let wire = Wire::connect(node.mtproto, Framing::Intermediate, None, rng).unwrap();
    let mut after = Client::resume(wire, session);
    after.wire.send(&recorded, false).unwrap();
    let refused = after
        .wait(PATIENCE, |message| {
            assert!(message.service::<types::RpcResult>().is_none(), "a replay was executed");
            message.service::<types::BadMsgNotification>()
        })
        .unwrap();
    // 16, older than the node has been up: an honest client sends it again under a new id.
    assert_eq!((refused.bad_msg_id, refused.error_code), (envelope.msg_id, 16));
    after.ping(rng).unwrap();
    after.invoke(&f::help::GetNearestDc {}, LAYER, rng).unwrap();
}

/// Pyrogram numbers its messages by whole seconds: right after the start, those lie before it.
#[test]
fn a_message_of_the_second_of_the_start_is_taken() {
    for seed in 0..3 {
        let node = TestNode::start();
        let rng = &mut rng(40 + seed);
        let mut client = connect(&node, rng);
        client.ping(rng).unwrap();
        let mut envelope = client.session.next(false);
        envelope.msg_id = envelope.msg_id >> 32 << 32;
        let ping = tl::to_bytes(&functions::Ping { ping_id: 9 }, 0).unwrap();
        client.send_as(envelope, &ping, rng).unwrap();
        let answer = client.wait(PATIENCE, |message| {
            let pong: Option<types::Pong> = message.service();
            let refused: Option<types::BadMsgNotification> = message.service();
            pong.map(|pong| Ok(pong.ping_id)).or(refused.map(|refused| Err(refused.error_code)))
        });
        assert_eq!(answer.unwrap(), Ok(9));
    }
}

#[test]
fn ping_delay_disconnect_closes_the_connection_that_asked() {
    let node = TestNode::start();
    let rng = &mut rng(12);
    let mut client = connect(&node, rng);
    client.ping(rng).unwrap();
    let mut sibling = client.sibling(node.mtproto, rng).unwrap();
    sibling.ping(rng).unwrap();
    let ping = functions::PingDelayDisconnect { ping_id: 7, disconnect_delay: 1 };
    let begin = clock::now();
    client.send(&tl::to_bytes(&ping, 0).unwrap(), false, rng).unwrap();
    let pong = client.wait(PATIENCE, |message| message.service::<types::Pong>()).unwrap();
    assert_eq!(pong.ping_id, 7);
    expect_close(&mut client);
    let lived = clock::now() - begin;
    assert!((Duration::from_millis(900)..Duration::from_secs(10)).contains(&lived), "{lived:?}");
    sibling.ping(rng).unwrap();
}

/// What a client sent over the connection that it has left may be read last. Its answer goes to where the
/// client is now, and waits for nothing else to be sent there.
#[test]
fn an_answer_to_what_came_over_the_old_connection_goes_out_over_the_new_one() {
    let node = TestNode::start();
    let rng = &mut rng(41);
    let mut client = connect(&node, rng);
    client.ping(rng).unwrap();
    let late = client.session.next(false);
    let ping = tl::to_bytes(&functions::Ping { ping_id: 77 }, 0).unwrap();
    let frame = client.session.seal(late, &ping, rng);
    let next = Wire::connect(node.mtproto, Framing::Intermediate, None, rng).unwrap();
    let mut old = std::mem::replace(&mut client.wire, next);
    client.ping(rng).unwrap();
    old.send(&frame, false).unwrap();
    let pong = client.wait(PATIENCE, |message| message.service::<types::Pong>()).unwrap();
    assert_eq!((pong.msg_id, pong.ping_id), (late.msg_id, 77));
}

#[test]
fn destroy_auth_key_really_deletes_the_key() {
    let node = TestNode::start();
    let rng = &mut rng(13);
    let mut client = connect(&node, rng);
    client.ping(rng).unwrap();
    client.send(&tl::to_bytes(&functions::DestroyAuthKey {}, 0).unwrap(), true, rng).unwrap();
    let answer = client
        .wait(PATIENCE, |message| {
            // TDLib looks at top level, Desktop inside rpc_result.
            let wrapped = message.service::<types::RpcResult>().map(|result| result.result.0);
            let body = wrapped.as_deref().unwrap_or(&message.body);
            tl::from_bytes::<enums::DestroyAuthKeyRes>(body, 0).ok()
        })
        .unwrap();
    assert!(matches!(answer, enums::DestroyAuthKeyRes::DestroyAuthKeyOk(_)), "{answer:?}");
    let mut sibling = client.sibling(node.mtproto, rng).unwrap();
    assert!(matches!(sibling.ping(rng), Err(ClientError::Transport(-404))));
}

#[test]
fn a_quick_ack_comes_when_asked() {
    let node = TestNode::start();
    let rng = &mut rng(14);
    for (framing, obfuscated) in [(Framing::Abridged, None), (Framing::Intermediate, Some(2))] {
        let mut wire = Wire::connect(node.mtproto, framing, obfuscated, rng).unwrap();
        let fresh = exchange(&mut wire, &public_key(&node), DC, None, rng).unwrap();
        let mut client = Client::new(wire, fresh, rng);
        client.ping(rng).unwrap();
        client.ping(rng).unwrap();
        assert!(client.quick_acks.is_empty(), "nobody asked");
        let body = tl::to_bytes(&functions::Ping { ping_id: 1 }, 0).unwrap();
        let envelope = client.session.next(false);
        let frame = client.session.seal(envelope, &body, rng);
        let token = message::open(&client.session.key, Side::Client, &frame).unwrap().quick_ack;
        client.wire.send(&frame, true).unwrap();
        client.wait(PATIENCE, |message| message.service::<types::Pong>()).unwrap();
        assert_eq!(client.quick_acks, [token], "{framing:?}");
    }
}

#[test]
fn a_request_waits_for_its_predecessor() {
    let node = TestNode::start();
    let rng = &mut rng(15);
    let mut client = connect(&node, rng);
    client.invoke_raw(&initialised(&f::help::GetNearestDc {}), rng).unwrap();
    let query = tl::to_bytes(&f::help::GetNearestDc {}, LAYER).unwrap();
    let mut after = |client: &mut Client, msg_id| {
        let request = f::InvokeAfterMsg { msg_id, query: tl::Rest(query.clone()) };
        client.send(&tl::to_bytes(&request, LAYER).unwrap(), true, rng).unwrap()
    };
    let good = client.send(&query, true, &mut crate::rng(150)).unwrap();
    let second = after(&mut client, good.msg_id);
    let mut order = Vec::new();
    while order.len() < 2 {
        let id = client
            .wait(PATIENCE, |m| m.service::<types::RpcResult>().map(|result| result.req_msg_id))
            .unwrap();
        order.push(id);
    }
    assert_eq!(order, [good.msg_id, second.msg_id]);
    let bad = client.send(&0x1234_5678_u32.to_le_bytes(), true, &mut crate::rng(151)).unwrap();
    let waiting = after(&mut client, bad.msg_id);
    assert_eq!(rpc_error(client.result(bad.msg_id, PATIENCE)).0, 400);
    let failed = rpc_error(client.result(waiting.msg_id, PATIENCE));
    assert_eq!(failed, (400, "MSG_WAIT_FAILED".into()));
}

#[test]
fn unknown_constructors_and_unbuilt_methods_fail_alone() {
    let node = TestNode::start();
    let rng = &mut rng(16);
    let mut client = connect(&node, rng);
    client.invoke_raw(&initialised(&f::help::GetNearestDc {}), rng).unwrap();
    let unknown = rpc_error(client.invoke_raw(&0x1234_5678_u32.to_le_bytes(), rng));
    assert_eq!(unknown, (400, format!("INPUT_METHOD_INVALID_{}", 0x1234_5678)));
    let state = tl::to_bytes(&f::updates::GetState {}, LAYER).unwrap();
    let logged_out = rpc_error(client.invoke_raw(&state, rng));
    assert_eq!(logged_out, (401, "AUTH_KEY_UNREGISTERED".into()));
    let bot = tl::to_bytes(&f::auth::ImportBotAuthorization::default(), LAYER).unwrap();
    assert_eq!(rpc_error(client.invoke_raw(&bot, rng)), (400, "NOT_IMPLEMENTED".into()));
    client.invoke(&f::help::GetConfig {}, LAYER, rng).unwrap();
    client.ping(rng).unwrap();
}

/// Two sessions of one key on one connection: each answer under its own session.
#[test]
fn two_sessions_share_a_connection() {
    let node = TestNode::start();
    let rng = &mut rng(17);
    let mut first = connect(&node, rng);
    first.ping(rng).unwrap();
    let second = Session::new(
        Arc::clone(&first.session.key),
        first.session.salt,
        first.session.offset_s,
        rng,
    );
    let mut wire = Wire::connect(node.mtproto, Framing::Intermediate, None, rng).unwrap();
    let mut sessions = [first.session, second];
    let ping_ids = [rng.next_u64() as i64, rng.next_u64() as i64];
    for (session, ping_id) in sessions.iter_mut().zip(ping_ids) {
        let envelope = session.next(false);
        let body = tl::to_bytes(&functions::Ping { ping_id }, 0).unwrap();
        let frame = session.seal(envelope, &body, rng);
        wire.send(&frame, false).unwrap();
    }
    let mut seen = [false; 2];
    while seen != [true; 2] {
        let frame = match wire.receive() {
            Ok(Incoming::Frame(frame)) => frame,
            Err(WireError::Timeout) => panic!("no pong for {seen:?}"),
            other => panic!("{other:?}"),
        };
        let opened = message::open(&sessions[0].key, Side::Server, &frame).unwrap();
        let at = sessions.iter().position(|s| s.session_id == opened.session_id).unwrap();
        // The pong, alone or in a container with new_session_created.
        let own = ping_ids[at].to_le_bytes();
        let other = ping_ids[1 - at].to_le_bytes();
        assert!(!opened.body.windows(8).any(|bytes| bytes == other), "of the other session");
        seen[at] |= opened.body.windows(8).any(|bytes| bytes == own);
    }
}
