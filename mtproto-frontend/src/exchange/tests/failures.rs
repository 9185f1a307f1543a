//! Every way in which a step can be wrong: always the same refusal, and the run has ended.

use keys::dh;
use tl::mtproto::enums::PQInnerData;
use tl::mtproto::functions::ReqDhParams;
use tl::mtproto::types::{ClientDhInnerData, PQInnerDataTempDc};

use super::*;

/// Sends a wrong message in place of the right one; then the right one must be refused as well.
fn assert_refused(server: &mut Server, wrong: &[u8], right: &[u8], what: &str) {
    let step = server.answer(wrong);
    assert!(matches!(step, Step::Fail), "{what}: {step:?}");
    let step = server.answer(right);
    assert!(matches!(step, Step::Fail), "{what}, afterwards: {step:?}");
    assert!(server.exchange.is_idle(), "{what}");
}

#[test]
fn envelopes_that_are_none() {
    let client = Client::new(Form::Plain, Padding::RsaPad, 1);
    let good = client.req_pq();
    let changed = |at: usize, to: u8| {
        let mut message = good.clone();
        message[at] = to;
        message
    };
    let mut wrong: Vec<Vec<u8>> = (0..good.len()).map(|length| good[..length].to_vec()).collect();
    wrong.extend([
        changed(0, 1),                           // an auth_key_id
        changed(16, 24),                         // longer than what there is
        changed(16, 16),                         // the nonce cut
        changed(16, 19),                         // no multiple of 4
        changed(19, 0x80),                       // 2^31
        changed(20, 0),                          // an unknown constructor
        [&good[..], &[0; 16]].concat(),          // more behind it than a transport pads
        envelope(0, &[0x78; MESSAGE_BYTES_MAX]), // too long
        envelope(0, &[]),
        envelope(0, &[0x78, 0x97, 0x46, 0x60]),
        envelope(0, &tl::to_bytes(&tl::mtproto::functions::Ping { ping_id: 1 }, 0).unwrap()),
    ]);
    for message in wrong {
        let mut server = Server::new(1);
        assert_fails(&server.answer(&message));
        assert!(server.exchange.is_idle());
    }
    // Only the msg_id of the client is not judged: its clock may be anything before a key exists.
    assert!(matches!(Server::new(1).answer(&changed(8, 0xff)), Step::Reply(_)));
}

#[test]
fn req_dh_params_that_do_not_fit_the_run() {
    type Change = (&'static str, fn(&mut ReqDhParams));
    let changes: [Change; 13] = [
        ("nonce", |r| r.nonce[0] ^= 1),
        ("server_nonce", |r| r.server_nonce[15] ^= 1),
        ("p and q exchanged", |r| std::mem::swap(&mut r.p, &mut r.q)),
        ("p = 1, q = pq", |r| {
            let number = |bytes: &[u8]| u64::from(u32::from_be_bytes(bytes.try_into().unwrap()));
            r.q = (number(&r.p) * number(&r.q)).to_be_bytes().to_vec();
            r.p = vec![1];
        }),
        ("other p", |r| r.p[3] ^= 2),
        ("no q", |r| r.q.clear()),
        ("q of 9 bytes", |r| r.q = [&[0; 5], &r.q[..]].concat()),
        ("fingerprint", |r| r.public_key_fingerprint ^= 1),
        ("no encrypted_data", |r| r.encrypted_data.clear()),
        ("encrypted_data too short", |r| r.encrypted_data.truncate(255)),
        ("encrypted_data too long", |r| r.encrypted_data.push(0)),
        ("encrypted_data changed", |r| r.encrypted_data[128] ^= 1),
        ("encrypted_data at the modulus or above", |r| r.encrypted_data.fill(0xff)),
    ];
    for padding in [Padding::RsaPad, Padding::Sha1] {
        for (what, change) in changes {
            let mut server = Server::new(2);
            let mut client = Client::new(Form::Dc(2), padding, 2);
            let res_pq = server.reply(&client.req_pq_multi());
            let wrong = client.req_dh_params_with(&res_pq, change);
            let right = client.req_dh_params(&res_pq);
            match what {
                // Another client's nonce finds no run; ours stays, and it is still good.
                "nonce" => {
                    assert_fails(&server.answer(&wrong));
                    assert!(matches!(server.answer(&right), Step::Reply(_)));
                }
                _ => assert_refused(&mut server, &wrong, &right, what),
            }
        }
    }
}

#[test]
fn inner_data_that_does_not_fit_the_run() {
    type Change = (&'static str, fn(&mut PQInnerDataTempDc));
    let changes: [Change; 17] = [
        ("nonce", |d| d.nonce[3] ^= 1),
        ("server_nonce", |d| d.server_nonce[3] ^= 1),
        ("pq", |d| d.pq[7] ^= 2),
        ("pq too long", |d| d.pq.insert(0, 0)),
        ("p", |d| d.p[3] ^= 2),
        ("q", |d| d.q[3] ^= 2),
        ("p and q exchanged", |d| std::mem::swap(&mut d.p, &mut d.q)),
        ("dc 0", |d| d.dc = 0),
        ("dc 6", |d| d.dc = 6),
        ("dc -6", |d| d.dc = -6),
        ("dc 10000", |d| d.dc = 10_000),
        ("dc 10006", |d| d.dc = 10_006),
        ("dc i32::MIN", |d| d.dc = i32::MIN),
        ("expires_in 0", |d| d.expires_in = 0),
        ("expires_in -1", |d| d.expires_in = -1),
        ("expires_in too long", |d| d.expires_in = EXPIRES_IN_S_MAX + 1),
        ("expires_in i32::MAX", |d| d.expires_in = i32::MAX),
    ];
    for (what, change) in changes {
        let mut server = Server::new(3);
        let mut client = Client::new(Form::TempDc(2, EXPIRES_IN_S_MAX), Padding::RsaPad, 3);
        let res_pq = server.reply(&client.req_pq_multi());
        let mut inner = client.inner_data(&res_pq);
        let right = client.request(&res_pq, &inner);
        let PQInnerData::PQInnerDataTempDc(fields) = &mut inner else { panic!() };
        change(fields);
        let wrong = client.request(&res_pq, &inner);
        assert_refused(&mut server, &client.message(&wrong), &client.message(&right), what);
    }
}

/// The hash of the old padding covers the value exactly; and only the four types are inner data.
#[test]
fn inner_data_of_another_shape() {
    for (padding, extra, first) in
        [(Padding::Sha1, 4, None), (Padding::RsaPad, 0, Some(0)), (Padding::Sha1, 0, Some(0))]
    {
        let mut server = Server::new(4);
        let mut client = Client::new(Form::Dc(2), padding, 4);
        let res_pq = server.reply(&client.req_pq_multi());
        let inner = client.inner_data(&res_pq);
        let mut request = client.request(&res_pq, &inner);
        let right = client.message(&request);
        let mut data = tl::to_bytes(&inner, 0).unwrap();
        data.resize(data.len() + extra, 0);
        if let Some(byte) = first {
            data[0] = byte;
        }
        request.encrypted_data = client.encrypt(&data).to_vec();
        assert_refused(&mut server, &client.message(&request), &right, "shape");
    }
}

#[test]
fn the_old_padding_can_be_switched_off() {
    let keys = vec![ServerKey::from_pem(TEST_KEY).unwrap()];
    let keys = Arc::new(ServerKeys::new(keys, false));
    for (padding, works) in [(Padding::Sha1, false), (Padding::RsaPad, true)] {
        let seen = Arc::new(SeenNonces::new(10));
        let mut server = Server::with(Arc::clone(&keys), seen, 5);
        let mut client = Client::new(Form::Dc(2), padding, 5);
        let res_pq = server.reply(&client.req_pq_multi());
        // Refused only after RSA, like any other failure of the encrypted part.
        let Step::Work(work) = server.receive(&client.req_dh_params(&res_pq)) else { panic!() };
        assert_eq!(matches!(server.run(work), Step::Reply(_)), works);
    }
}

#[test]
fn client_dh_data_that_does_not_fit_the_run() {
    type Change = (&'static str, fn(&mut ClientDhInnerData));
    let changes: [Change; 11] = [
        ("nonce", |d| d.nonce[9] ^= 1),
        ("server_nonce", |d| d.server_nonce[9] ^= 1),
        ("retry_id without a retry", |d| d.retry_id = 1),
        ("g_b empty", |d| d.g_b.clear()),
        ("g_b 0", |d| d.g_b = vec![0]),
        ("g_b 1", |d| d.g_b = vec![1]),
        ("g_b p-1", |d| {
            d.g_b = dh::prime().to_vec();
            d.g_b[255] -= 1;
        }),
        ("g_b p", |d| d.g_b = dh::prime().to_vec()),
        ("g_b 2^1984 - 1", |d| d.g_b = vec![0xff; 248]),
        ("g_b of 257 bytes", |d| d.g_b.insert(0, 0)),
        ("g_b above p", |d| d.g_b = vec![0xff; 256]),
    ];
    for (what, change) in changes {
        let mut server = Server::new(6);
        let mut client = Client::new(Form::Plain, Padding::RsaPad, 6);
        server.reach_client_dh(&mut client);
        let wrong = client.set_client_dh_params_with(change);
        // No exponentiation is spent on it.
        assert!(matches!(server.receive(&wrong), Step::Fail), "{what}");
        let right = client.set_client_dh_params();
        assert_refused(&mut server, &wrong, &right, what);
    }
}

#[test]
fn client_dh_params_that_do_not_decrypt() {
    for what in 0..7 {
        let mut server = Server::new(7);
        let mut client = Client::new(Form::Plain, Padding::RsaPad, 7);
        server.reach_client_dh(&mut client);
        let right = client.set_client_dh_params();
        let mut encrypted = right[60..].to_vec(); // 20 + 4 + 32 + the length of a TL string
        let mut request = client.set_request(Vec::new());
        match what {
            0 => encrypted.clear(),
            1 => encrypted.truncate(335),
            2 => encrypted.truncate(16),
            3 => encrypted[7] ^= 1,
            4 => encrypted.extend_from_slice(&[0; 16]),
            5 => request.server_nonce[0] ^= 1,
            _ => encrypted.resize(600, 0),
        }
        request.encrypted_data = encrypted;
        assert_refused(&mut server, &client.message(&request), &right, &what.to_string());
    }
}

#[test]
fn the_retry_chain_is_checked() {
    let attempt = |retry_id: fn(i64) -> i64| {
        let mut server = Server::new(8);
        let mut client = Client::new(Form::Plain, Padding::RsaPad, 8);
        server.reach_client_dh(&mut client);
        let completed = server.complete(&client.set_client_dh_params());
        server.exchange.conclude(completed, Storage::Taken);
        client.retry();
        client.retry_id = retry_id(client.retry_id);
        server.answer(&client.set_client_dh_params())
    };
    assert!(matches!(attempt(|id| id), Step::Completed(_)));
    assert_fails(&attempt(|_| 0));
    assert_fails(&attempt(|id| id ^ 1));
}

#[test]
fn steps_out_of_order_and_steps_taken_twice() {
    // set_client_DH_params before req_DH_params.
    let mut server = Server::new(9);
    let mut client = Client::new(Form::Plain, Padding::RsaPad, 9);
    let res_pq = server.reply(&client.req_pq());
    let request = client.req_dh_params(&res_pq);
    let early = client.set_client_dh_params();
    assert_refused(&mut server, &early, &request, "set_client_DH_params too early");

    // req_DH_params twice: while RSA runs, and after its answer.
    for answered in [false, true] {
        let mut server = Server::new(10);
        let mut client = Client::new(Form::Plain, Padding::RsaPad, 10);
        let res_pq = server.reply(&client.req_pq());
        let request = client.req_dh_params(&res_pq);
        let Step::Work(work) = server.receive(&request) else { panic!() };
        if answered {
            reply(server.run(work));
            assert_fails(&server.answer(&request));
        } else {
            assert_fails(&server.receive(&request));
            assert_fails(&server.run(work));
        }
        assert!(server.exchange.is_idle());
    }

    // set_client_DH_params twice, and anything after the end.
    let mut server = Server::new(11);
    let mut client = Client::new(Form::Plain, Padding::RsaPad, 11);
    server.reach_client_dh(&mut client);
    let request = client.set_client_dh_params();
    let completed = server.complete(&request);
    server.exchange.conclude(completed, Storage::Stored);
    assert_fails(&server.answer(&request));
    assert_fails(&server.answer(&client.req_pq()));
}

/// A second request ends a run while its key is being stored: nobody is told of that key.
#[test]
fn a_run_that_ended_meanwhile_is_not_concluded() {
    let mut server = Server::new(12);
    let mut client = Client::new(Form::Plain, Padding::RsaPad, 12);
    server.reach_client_dh(&mut client);
    let request = client.set_client_dh_params();
    let completed = server.complete(&request);
    assert_fails(&server.answer(&request));
    assert_fails(&server.exchange.conclude(completed, Storage::Stored));
}

#[test]
fn a_run_lives_60_seconds() {
    for (age_ms, alive) in [(RUN_MS_MAX - 1, true), (RUN_MS_MAX, false)] {
        let mut server = Server::new(13);
        let mut client = Client::new(Form::Plain, Padding::RsaPad, 13);
        let res_pq = server.reply(&client.req_pq());
        let request = client.req_dh_params(&res_pq);
        server.now_ms = NOW_MS + age_ms;
        assert_eq!(matches!(server.receive(&request), Step::Work(_)), alive);

        let mut server = Server::new(13);
        server.reply(&client.req_pq());
        let Step::Work(work) = server.receive(&request) else { panic!() };
        server.now_ms = NOW_MS + age_ms;
        assert_eq!(matches!(server.run(work), Step::Reply(_)), alive);

        let mut server = Server::new(13);
        let mut client = Client::new(Form::Plain, Padding::RsaPad, 13);
        server.reach_client_dh(&mut client);
        server.now_ms = NOW_MS + age_ms;
        assert_eq!(matches!(server.receive(&client.set_client_dh_params()), Step::Work(_)), alive);
    }
    // A clock that jumps back ends nothing.
    let mut server = Server::new(14);
    let mut client = Client::new(Form::Plain, Padding::RsaPad, 14);
    let res_pq = server.reply(&client.req_pq());
    server.now_ms = NOW_MS - 3_600_000;
    assert!(matches!(server.receive(&client.req_dh_params(&res_pq)), Step::Work(_)));
}

#[test]
fn a_nonce_is_not_taken_twice_on_different_connections() {
    let seen = Arc::new(SeenNonces::new(100));
    let client = Client::new(Form::Plain, Padding::RsaPad, 15);
    let mut first = Server::with(server_keys(), Arc::clone(&seen), 15);
    first.reply(&client.req_pq());
    let mut second = Server::with(server_keys(), Arc::clone(&seen), 16);
    assert_fails(&second.answer(&client.req_pq()));
    assert_fails(&second.answer(&client.req_pq_multi()));
    let other = Client::new(Form::Plain, Padding::RsaPad, 16);
    second.reply(&other.req_pq());
}

#[test]
fn open_runs_are_bounded() {
    let mut server = Server::new(17);
    let mut clients: Vec<_> = (0..=RUNS_MAX as u64)
        .map(|seed| {
            let mut client = Client::new(Form::Plain, Padding::RsaPad, 100 + seed);
            let res_pq = server.reply(&client.req_pq());
            client.req_dh_params(&res_pq)
        })
        .collect();
    let newest = clients.pop().unwrap();
    let oldest = clients.remove(0);
    assert_fails(&server.answer(&oldest));
    assert!(matches!(server.answer(&newest), Step::Reply(_)));
}
