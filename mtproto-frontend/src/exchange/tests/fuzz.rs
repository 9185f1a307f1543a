//! Seeded mutations of every step: a reply or the one refusal, never a panic.

use rand::{Rng, RngExt};

use super::*;

/// Flips, overwrites, cuts, repeats or inserts: one to four changes.
fn mutate(message: &mut Vec<u8>, rng: &mut StdRng) {
    for _ in 0..rng.random_range(1..=4) {
        let at = rng.random_range(0..message.len().max(1));
        match rng.random_range(0..7) {
            0 if !message.is_empty() => message[at] ^= 1 << rng.random_range(0..8),
            1 if !message.is_empty() => message[at] = [0, 0xff, 0xfe, 0x7f][rng.random_range(0..4)],
            2 => message.truncate(at),
            3 => message.extend_from_within(at.min(message.len())..),
            4 => message.insert(at.min(message.len()), rng.random()),
            5 => {
                // A length or a count, where the envelope and the TL strings have theirs.
                let at = [16, 20, 56, 60, 64, 72, 80][rng.random_range(0..7)];
                let value: u32 =
                    [0, 1, 4, 255, 0xffff, 0x7fff_ffff, u32::MAX][rng.random_range(0..7)];
                if let Some(place) = message.get_mut(at..at + 4) {
                    place.copy_from_slice(&value.to_le_bytes());
                }
            }
            _ => {
                let end = (at + 8).min(message.len());
                rng.fill_bytes(&mut message[at.min(end)..end]);
            }
        }
    }
}

/// Sends a mutation; says whether it was refused without any work.
fn send(server: &mut Server, message: &[u8]) -> bool {
    match server.receive(message) {
        Step::Fail => true,
        Step::Reply(_) | Step::Work(_) => false,
        Step::Completed(completed) => panic!("no work was run: {completed:?}"),
    }
}

#[test]
fn mutated_messages_are_answered_or_refused() {
    let mut rng = StdRng::seed_from_u64(0xf022);
    let mut refused = 0;
    for seed in 0..4 {
        let mut server = Server::new(seed);
        let mut client = Client::new(Form::TempDc(2, 60), Padding::RsaPad, 200 + seed);
        let req_pq = client.req_pq_multi();
        let res_pq = server.reply(&req_pq);
        let req_dh_params = client.req_dh_params(&res_pq);
        client.read_server_dh_params(&server.reply(&req_dh_params));
        let set_client_dh = client.set_client_dh_params();
        for message in [req_pq, req_dh_params, set_client_dh] {
            for round in 0..500 {
                // The nonce is new to this server: each round starts with an open run of it.
                let mut server = Server::new(1000 + round);
                server.reply(&client.req_pq_multi());
                let mut mutated = message.clone();
                mutate(&mut mutated, &mut rng);
                refused += usize::from(send(&mut server, &mutated));
            }
        }
    }
    // Most mutations hit something that is checked; some only the msg_id or the padding.
    assert!(refused > 3000, "{refused} of 6000");
}

/// Right nonces, junk under RSA or under the temporary key: the expensive paths.
#[test]
fn junk_inside_the_encryption_is_refused() {
    let mut rng = StdRng::seed_from_u64(0xf0223);
    for seed in 0..40 {
        let mut server = Server::new(seed);
        let mut client = Client::new(Form::Dc(2), Padding::Sha1, 300 + seed);
        let res_pq = server.reply(&client.req_pq_multi());
        let inner = client.inner_data(&res_pq);
        let mut request = client.request(&res_pq, &inner);
        let mut data = tl::to_bytes(&inner, 0).unwrap();
        let before = data.clone();
        mutate(&mut data, &mut rng);
        data.truncate(144);
        request.encrypted_data = client.encrypt(&data).to_vec();
        let step = server.answer(&client.message(&request));
        // new_nonce may be anything, and a TL string has padding that nobody looks at.
        assert!(data == before || matches!(step, Step::Fail | Step::Reply(_)), "{step:?}");
    }
    let mut server = Server::new(99);
    let mut client = Client::new(Form::Dc(2), Padding::RsaPad, 399);
    server.reach_client_dh(&mut client);
    let g_b = client.secret.public().to_vec();
    for _ in 0..200 {
        let mut inner = tl::to_bytes(
            &tl::mtproto::types::ClientDhInnerData {
                nonce: client.nonce,
                server_nonce: client.server_nonce,
                retry_id: 0,
                g_b: g_b.clone(),
            },
            0,
        )
        .unwrap();
        mutate(&mut inner, &mut rng);
        let encrypted = client.tmp_aes().encrypt(&inner, &mut rng);
        let message = client.message(&client.set_request(encrypted));
        let _ = server.receive(&message);
    }
}
