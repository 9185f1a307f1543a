//! Transports and key exchange.

use std::time::Duration;

use keys::{Side, message_v1};
use rand::Rng as _;
use rookery_load::exchange::{plain_msg_id, receive_plain, send_plain};
use rookery_load::{
    Client, ExchangeError, Framing, Incoming, Session, Wire, WireError, clock, exchange,
};
use tl::functions as f;
use tl::mtproto::{functions, types};

use crate::support::node::TestNode;
use crate::*;

#[test]
fn every_framing_speaks_on_one_port() {
    let node = TestNode::start();
    let rng = &mut rng(1);
    for framing in [Framing::Abridged, Framing::Intermediate] {
        for obfuscated in [None, Some(2)] {
            let mut wire = Wire::connect(node.mtproto, framing, obfuscated, rng).unwrap();
            let fresh = exchange(&mut wire, &public_key(&node), DC, None, rng).unwrap();
            let mut client = Client::new(wire, fresh, rng);
            client.ping(rng).unwrap_or_else(|error| panic!("{framing:?} {obfuscated:?}: {error}"));
        }
    }
}

#[test]
fn an_unknown_auth_key_gets_404_and_a_closed_connection() {
    let node = TestNode::start();
    let rng = &mut rng(2);
    for framing in [Framing::Abridged, Framing::Intermediate] {
        for obfuscated in [None, Some(2)] {
            let mut wire = Wire::connect(node.mtproto, framing, obfuscated, rng).unwrap();
            let mut frame = [0; 24 + 64];
            rng.fill_bytes(&mut frame);
            wire.send(&frame, false).unwrap();
            assert_eq!(wire.receive().unwrap(), Incoming::Error(-404));
            assert!(matches!(wire.receive(), Err(WireError::Closed)));
        }
    }
}

/// A connected client goes on while its address may not make another key.
#[test]
fn a_flood_of_handshakes_gets_429() {
    let node = with_config(
        "[limits]\nhandshakes_per_address_burst = 3\nhandshakes_per_address_per_minute = 1\n",
    );
    let rng = &mut rng(3);
    let mut bystander = connect(&node, rng);
    let mut begin = || {
        let mut wire = Wire::connect(node.mtproto, Framing::Intermediate, None, rng).unwrap();
        let mut nonce = [0; 16];
        rng.fill_bytes(&mut nonce);
        let request = tl::to_bytes(&functions::ReqPqMulti { nonce }, 0).unwrap();
        send_plain(&mut wire, plain_msg_id(), &request).unwrap();
        receive_plain(&mut wire).map(|_| ())
    };
    // The bystander took one of three.
    begin().unwrap();
    begin().unwrap();
    for _ in 0..5 {
        assert!(matches!(begin(), Err(ExchangeError::Transport(-429))));
    }
    bystander.ping(rng).unwrap();
}

/// Slowloris: a connection that never says what it is does not stay.
#[test]
fn an_opening_that_never_comes_is_closed() {
    let node = TestNode::start();
    let mut wire = Wire::open(node.mtproto, Framing::Intermediate).unwrap();
    wire.send_raw(&[0xee, 0xee]).unwrap();
    wire.set_timeout(PATIENCE).unwrap();
    let begin = clock::now();
    assert!(matches!(wire.receive(), Err(WireError::Closed)));
    assert!(clock::now() - begin < Duration::from_secs(15));
}

#[test]
fn a_temporary_key_acts_only_once_bound() {
    let node = TestNode::start();
    let rng = &mut rng(5);
    let public = public_key(&node);
    let mut perm = connect(&node, rng);
    perm.ping(rng).unwrap();

    let mut wire = Wire::connect(node.mtproto, Framing::Intermediate, None, rng).unwrap();
    let fresh = exchange(&mut wire, &public, DC, Some(3600), rng).unwrap();
    let mut temp = Client::new(wire, fresh, rng);
    let config = initialised(&f::help::GetNearestDc {});
    let unbound = rpc_error(temp.invoke_raw(&config, rng));
    assert_eq!(unbound, (401, "AUTH_KEY_PERM_EMPTY".into()));

    // The inner message is damaged, then names another key, then is right.
    let expires_at = clock::since_epoch().as_secs() as i32 + 3600;
    for (damaged, temp_key_offset) in [(true, 0), (false, 1), (false, 0)] {
        let envelope = temp.session.next(true);
        let nonce = rng.next_u64() as i64;
        let inner = types::BindAuthKeyInner {
            nonce,
            temp_auth_key_id: temp.key().id() ^ temp_key_offset,
            perm_auth_key_id: perm.key().id(),
            temp_session_id: temp.session.session_id,
            expires_at,
        };
        let encrypted_message = sealed_v1(&perm.session, envelope.msg_id, &inner, damaged, rng);
        let bind = f::auth::BindTempAuthKey {
            perm_auth_key_id: perm.key().id(),
            nonce,
            expires_at,
            encrypted_message,
        };
        temp.send_as(envelope, &tl::to_bytes(&bind, LAYER).unwrap(), rng).unwrap();
        let answer = temp.result(envelope.msg_id, PATIENCE);
        if damaged || temp_key_offset != 0 {
            assert_eq!(rpc_error(answer), (400, "ENCRYPTED_MESSAGE_INVALID".into()));
            let unbound = rpc_error(temp.invoke_raw(&config, rng));
            assert_eq!(unbound, (401, "AUTH_KEY_PERM_EMPTY".into()));
        } else {
            // boolTrue
            assert_eq!(answer.unwrap(), 0x9972_75b5_u32.to_le_bytes());
        }
    }
    temp.invoke_raw(&config, rng).unwrap();
}

/// The binding message: MTProto 1.0, random salt and session, seq_no 0.
fn sealed_v1(
    perm: &Session,
    msg_id: i64,
    inner: &types::BindAuthKeyInner,
    damaged: bool,
    rng: &mut rand::rngs::StdRng,
) -> Vec<u8> {
    let body = tl::to_bytes(inner, 0).unwrap();
    let mut plain = vec![0; 16];
    rng.fill_bytes(&mut plain);
    plain.extend_from_slice(&msg_id.to_le_bytes());
    plain.extend_from_slice(&0_i32.to_le_bytes());
    plain.extend_from_slice(&(body.len() as u32).to_le_bytes());
    plain.extend_from_slice(&body);
    let mut sealed = message_v1::seal_v1(&perm.key, Side::Client, &plain, rng);
    if damaged {
        sealed[40] ^= 1;
    }
    sealed
}
