//! The whole exchange against a client written here with the client-side functions of `keys`.

mod client;
mod failures;
mod fuzz;
mod recorded;

use std::sync::Arc;

use keys::dh::DhSecret;
use keys::{Padding, ServerKey};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use client::{Client, Form, Verdict};

/// A key for tests only.
const TEST_KEY: &str = include_str!("../../../keys/src/server_key/test_key.pem");
const NOW_MS: u64 = 1_700_000_000_000;

fn server_keys() -> Arc<ServerKeys> {
    Arc::new(ServerKeys::new(vec![ServerKey::from_pem(TEST_KEY).unwrap()], true))
}

/// A server's connection with what the caller of an exchange holds: clock, randomness, nonces.
struct Server {
    exchange: Exchange,
    seen: Arc<SeenNonces>,
    now_ms: u64,
    rng: StdRng,
}

impl Server {
    fn new(seed: u64) -> Self {
        Self::with(server_keys(), Arc::new(SeenNonces::new(100)), seed)
    }

    fn with(keys: Arc<ServerKeys>, seen: Arc<SeenNonces>, seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        Self { exchange: Exchange::new(keys), seen, now_ms: NOW_MS, rng }
    }

    /// One message, without running any work.
    fn receive(&mut self, message: &[u8]) -> Step {
        self.exchange.receive(message, self.now_ms, &self.seen, &mut self.rng)
    }

    fn run(&mut self, work: Work) -> Step {
        let done = work.run(|| None, &mut self.rng);
        self.exchange.finish(done, self.now_ms, &mut self.rng)
    }

    /// One message and the work that it causes.
    fn answer(&mut self, message: &[u8]) -> Step {
        match self.receive(message) {
            Step::Work(work) => self.run(work),
            step => step,
        }
    }

    fn reply(&mut self, message: &[u8]) -> Vec<u8> {
        reply(self.answer(message))
    }

    fn complete(&mut self, message: &[u8]) -> Completed {
        match self.answer(message) {
            Step::Completed(completed) => *completed,
            step => panic!("{step:?}"),
        }
    }

    /// Up to `server_DH_params_ok`; the client then holds g_a.
    fn reach_client_dh(&mut self, client: &mut Client) {
        let res_pq = self.reply(&client.req_pq_multi());
        let answer = self.reply(&client.req_dh_params(&res_pq));
        client.read_server_dh_params(&answer);
    }
}

fn reply(step: Step) -> Vec<u8> {
    match step {
        Step::Reply(body) => body,
        step => panic!("{step:?}"),
    }
}

fn assert_fails(step: &Step) {
    assert!(matches!(step, Step::Fail), "{step:?}");
}

/// Every form of inner data, in both paddings: the same key and salt on both sides.
#[test]
fn every_form_and_padding_makes_a_key() {
    let forms = [
        (Form::Plain, None, None),
        (Form::Dc(2), Some(2), None),
        (Form::Dc(-10_002), Some(-10_002), None),
        (Form::Temp(86_400), None, Some(86_400)),
        (Form::TempDc(10_001, 600), Some(10_001), Some(600)),
    ];
    for (seed, (form, dc, expires_in)) in forms.into_iter().enumerate() {
        for padding in [Padding::RsaPad, Padding::Sha1] {
            let mut server = Server::new(seed as u64);
            let mut client = Client::new(form, padding, 7 * seed as u64 + padding as u64);
            server.reach_client_dh(&mut client);
            let completed = server.complete(&client.set_client_dh_params());
            assert_eq!(completed.auth_key, client.auth_key());
            assert_eq!(completed.first_salt, client.first_salt());
            assert_eq!((completed.dc, completed.expires_in), (dc, expires_in));
            let answer = reply(server.exchange.conclude(completed, Storage::Stored));
            assert_eq!(client.verdict(&answer), Verdict::Ok);
            assert!(server.exchange.is_idle());
        }
    }
}

/// Telegram Desktop: `req_pq` as a probe, another nonce with `req_pq_multi`, the probe dropped.
#[test]
fn a_probe_with_req_pq_may_be_left_behind() {
    let mut server = Server::new(1);
    let probe = Client::new(Form::Plain, Padding::RsaPad, 1);
    server.reply(&probe.req_pq());
    let mut client = Client::new(Form::Dc(2), Padding::RsaPad, 2);
    server.reach_client_dh(&mut client);
    let completed = server.complete(&client.set_client_dh_params());
    server.exchange.conclude(completed, Storage::Stored);
    assert!(!server.exchange.is_idle());
    server.exchange.expire(NOW_MS + RUN_MS_MAX);
    assert!(server.exchange.is_idle());
}

#[test]
fn a_repeated_nonce_starts_afresh() {
    let mut server = Server::new(2);
    let mut client = Client::new(Form::Plain, Padding::Sha1, 3);
    let first = server.reply(&client.req_pq());
    let second = server.reply(&client.req_pq_multi());
    assert_ne!(first, second);
    let old = client.req_dh_params(&first);
    let new = client.req_dh_params(&second);
    server.reply(&new);
    let mut server = Server::new(2);
    server.reply(&client.req_pq());
    server.reply(&client.req_pq_multi());
    assert_fails(&server.answer(&old));
    assert!(server.exchange.is_idle(), "one failure ends the run");
}

#[test]
fn every_served_key_is_listed_and_works() {
    let mut rng = StdRng::seed_from_u64(4);
    let other = ServerKey::generate(&mut rng).unwrap();
    let public = other.public().clone();
    let test_key = ServerKey::from_pem(TEST_KEY).unwrap();
    let fingerprints = [other.fingerprint(), test_key.fingerprint()];
    let keys = Arc::new(ServerKeys::new(vec![other, test_key], false));
    let mut server = Server::with(keys, Arc::new(SeenNonces::new(10)), 4);
    for key in [None, Some(public)] {
        let mut client = Client::new(Form::Plain, Padding::RsaPad, 5 + u64::from(key.is_some()));
        if let Some(key) = key {
            client.server_key = key;
        }
        let res_pq = server.reply(&client.req_pq_multi());
        assert_eq!(client::fingerprints(&res_pq), fingerprints);
        server.reply(&client.req_dh_params(&res_pq));
    }
}

/// TDLib pads inside the length of the message, padded transports behind it.
#[test]
fn random_bytes_behind_the_value_are_skipped() {
    let mut server = Server::new(5);
    let mut client = Client::new(Form::Dc(2), Padding::RsaPad, 7);
    client.padding_inside = 252;
    client.padding_behind = 15;
    server.reach_client_dh(&mut client);
    assert_eq!(server.complete(&client.set_client_dh_params()).auth_key, client.auth_key());
}

#[test]
fn a_collision_is_retried_with_the_same_nonces() {
    let mut server = Server::new(6);
    let mut client = Client::new(Form::Plain, Padding::RsaPad, 8);
    server.reach_client_dh(&mut client);
    let first = server.complete(&client.set_client_dh_params());
    let first_key = first.auth_key.clone();
    let answer = reply(server.exchange.conclude(first, Storage::Taken));
    assert_eq!(client.verdict(&answer), Verdict::Retry);

    client.retry();
    let second = server.complete(&client.set_client_dh_params());
    assert_ne!(second.auth_key, first_key);
    assert_eq!(second.auth_key, client.auth_key());
    let answer = reply(server.exchange.conclude(second, Storage::Stored));
    assert_eq!(client.verdict(&answer), Verdict::Ok);
}

#[test]
fn collisions_without_end_fail() {
    let mut server = Server::new(7);
    let mut client = Client::new(Form::Plain, Padding::RsaPad, 9);
    server.reach_client_dh(&mut client);
    for _ in 0..RETRIES_MAX {
        let completed = server.complete(&client.set_client_dh_params());
        let answer = reply(server.exchange.conclude(completed, Storage::Taken));
        assert_eq!(client.verdict(&answer), Verdict::Retry);
        client.retry();
    }
    let completed = server.complete(&client.set_client_dh_params());
    let answer = reply(server.exchange.conclude(completed, Storage::Taken));
    assert_eq!(client.verdict(&answer), Verdict::Fail);
    assert!(server.exchange.is_idle());
}

#[test]
fn a_key_that_could_not_be_stored_is_dh_gen_fail() {
    let mut server = Server::new(8);
    let mut client = Client::new(Form::Plain, Padding::RsaPad, 10);
    server.reach_client_dh(&mut client);
    let completed = server.complete(&client.set_client_dh_params());
    let answer = reply(server.exchange.conclude(completed, Storage::Failed));
    assert_eq!(client.verdict(&answer), Verdict::Fail);
    assert!(server.exchange.is_idle());
}

/// The answer time is counted from the request, and only right data takes from the pool.
#[test]
fn work_says_when_to_answer_and_spares_the_pool() {
    let mut server = Server::new(9);
    let mut client = Client::new(Form::Plain, Padding::Sha1, 11);
    let res_pq = server.reply(&client.req_pq());
    let request = client.req_dh_params(&res_pq);
    let Step::Work(work) = server.receive(&request) else { panic!() };
    assert_eq!(work.answer_at_ms(), NOW_MS + ANSWER_DELAY_MS);
    assert_eq!(work.step(), "req_DH_params");
    let secret = DhSecret::generate(&mut server.rng);
    let g_a = *secret.public();
    let done = work.run(|| Some(secret), &mut server.rng);
    client.read_server_dh_params(&reply(server.exchange.finish(done, NOW_MS, &mut server.rng)));
    assert_eq!(client.g_a, g_a);

    let mut junk = Client::new(Form::Plain, Padding::RsaPad, 12);
    let res_pq = server.reply(&junk.req_pq());
    let request = junk.req_dh_params_with(&res_pq, |request| request.encrypted_data[200] ^= 1);
    let Step::Work(work) = server.receive(&request) else { panic!() };
    let done = work.run(|| panic!("the pool was asked for junk"), &mut server.rng);
    assert_fails(&server.exchange.finish(done, NOW_MS, &mut server.rng));
}

#[test]
fn envelope_is_the_unencrypted_one() {
    let message = envelope(0x51e5_7ac9_1e83_c801, &[1, 2, 3, 4]);
    assert_eq!(
        message,
        [
            0, 0, 0, 0, 0, 0, 0, 0, 1, 0xc8, 0x83, 0x1e, 0xc9, 0x7a, 0xe5, 0x51, 4, 0, 0, 0, 1, 2,
            3, 4
        ]
    );
    let client = Client::new(Form::Plain, Padding::RsaPad, 13);
    assert_eq!(client_nonce(&client.req_pq()), Some(client.nonce));
    assert_eq!(client_nonce(&message), None);
}
