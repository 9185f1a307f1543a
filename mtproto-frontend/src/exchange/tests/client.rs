//! A client of the exchange, by the text of <https://core.telegram.org/mtproto/auth_key>.

use keys::dh::{DhSecret, check_public};
use keys::handshake::{Outcome, TmpAes, first_salt, new_nonce_hash};
use keys::{AuthKey, Padding, PublicKey, ServerKey, pq};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tl::mtproto::functions::{ReqDhParams, ReqPq, ReqPqMulti, SetClientDhParams};
use tl::mtproto::{enums, types};

use super::TEST_KEY;

/// Which of the four inner types the client sends: dc, expires_in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Plain,
    Dc(i32),
    Temp(i32),
    TempDc(i32, i32),
}

/// How the client understands the last answer, hashes checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    Retry,
    Fail,
}

pub(super) struct Client {
    form: Form,
    padding: Padding,
    pub(super) server_key: PublicKey,
    pub(super) nonce: [u8; 16],
    pub(super) server_nonce: [u8; 16],
    pub(super) new_nonce: [u8; 32],
    pub(super) g_a: [u8; 256],
    pub(super) secret: DhSecret,
    pub(super) retry_id: i64,
    pub(super) padding_inside: usize,
    pub(super) padding_behind: usize,
    pub(super) rng: StdRng,
}

impl Client {
    pub(super) fn new(form: Form, padding: Padding, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed ^ 0xc11e_0000);
        let (mut nonce, mut new_nonce) = ([0; 16], [0; 32]);
        rng.fill_bytes(&mut nonce);
        rng.fill_bytes(&mut new_nonce);
        Self {
            form,
            padding,
            server_key: ServerKey::from_pem(TEST_KEY).unwrap().public().clone(),
            nonce,
            server_nonce: [0; 16],
            new_nonce,
            g_a: [0; 256],
            secret: DhSecret::generate(&mut rng),
            retry_id: 0,
            padding_inside: 0,
            padding_behind: 0,
            rng,
        }
    }

    /// The message around a request, with the padding that this client adds.
    pub(super) fn message<T: tl::Write>(&self, request: &T) -> Vec<u8> {
        let mut body = tl::to_bytes(request, 0).unwrap();
        body.resize(body.len() + self.padding_inside, 0xee);
        let mut message = super::envelope(0x51e5_7ac4_2770_964c, &body);
        message.resize(message.len() + self.padding_behind, 0xdd);
        message
    }

    pub(super) fn req_pq(&self) -> Vec<u8> {
        self.message(&ReqPq { nonce: self.nonce })
    }

    pub(super) fn req_pq_multi(&self) -> Vec<u8> {
        self.message(&ReqPqMulti { nonce: self.nonce })
    }

    pub(super) fn req_dh_params(&mut self, res_pq: &[u8]) -> Vec<u8> {
        self.req_dh_params_with(res_pq, |_| {})
    }

    /// Factors pq and sends the request after `change`.
    pub(super) fn req_dh_params_with(
        &mut self,
        res_pq: &[u8],
        change: impl FnOnce(&mut ReqDhParams),
    ) -> Vec<u8> {
        let inner = self.inner_data(res_pq);
        let mut request = self.request(res_pq, &inner);
        change(&mut request);
        self.message(&request)
    }

    /// The inner data for a `resPQ`, in this client's form.
    pub(super) fn inner_data(&mut self, res_pq: &[u8]) -> enums::PQInnerData {
        let res_pq: types::ResPq = tl::from_bytes(res_pq, 0).unwrap();
        assert_eq!(res_pq.nonce, self.nonce);
        self.server_nonce = res_pq.server_nonce;
        let number = u64::from_be_bytes(res_pq.pq.as_slice().try_into().unwrap());
        let (p, q) = pq::factor(number).unwrap();
        let (p, q) = (p.to_be_bytes().to_vec(), q.to_be_bytes().to_vec());
        let (pq, nonce, server_nonce, new_nonce) =
            (res_pq.pq, self.nonce, self.server_nonce, self.new_nonce);
        match self.form {
            Form::Plain => types::PQInnerData { pq, p, q, nonce, server_nonce, new_nonce }.into(),
            Form::Dc(dc) => {
                types::PQInnerDataDc { pq, p, q, nonce, server_nonce, new_nonce, dc }.into()
            }
            Form::Temp(expires_in) => {
                types::PQInnerDataTemp { pq, p, q, nonce, server_nonce, new_nonce, expires_in }
                    .into()
            }
            Form::TempDc(dc, expires_in) => types::PQInnerDataTempDc {
                pq,
                p,
                q,
                nonce,
                server_nonce,
                new_nonce,
                dc,
                expires_in,
            }
            .into(),
        }
    }

    pub(super) fn request(&mut self, res_pq: &[u8], inner: &enums::PQInnerData) -> ReqDhParams {
        let data = tl::to_bytes(inner, 0).unwrap();
        let encrypted = self.encrypt(&data);
        let res_pq: types::ResPq = tl::from_bytes(res_pq, 0).unwrap();
        let number = u64::from_be_bytes(res_pq.pq.as_slice().try_into().unwrap());
        let (p, q) = pq::factor(number).unwrap();
        ReqDhParams {
            nonce: self.nonce,
            server_nonce: self.server_nonce,
            p: p.to_be_bytes().to_vec(),
            q: q.to_be_bytes().to_vec(),
            public_key_fingerprint: self.server_key.fingerprint(),
            encrypted_data: encrypted.to_vec(),
        }
    }

    pub(super) fn encrypt(&mut self, data: &[u8]) -> [u8; 256] {
        match self.padding {
            Padding::RsaPad => self.server_key.encrypt_rsa_pad(data, &mut self.rng).unwrap(),
            Padding::Sha1 => self.server_key.encrypt_sha1_pad(data, &mut self.rng).unwrap(),
        }
    }

    pub(super) fn read_server_dh_params(&mut self, answer: &[u8]) {
        let answer: types::ServerDhParamsOk = tl::from_bytes(answer, 0).unwrap();
        assert_eq!((answer.nonce, answer.server_nonce), (self.nonce, self.server_nonce));
        let data = self.tmp_aes().decrypt(&answer.encrypted_answer).unwrap();
        let inner: types::ServerDhInnerData = tl::from_bytes(&data, 0).unwrap();
        assert_eq!((inner.nonce, inner.server_nonce), (self.nonce, self.server_nonce));
        assert_eq!((inner.g, inner.dh_prime), (3, keys::dh::prime().to_vec()));
        assert_eq!(inner.server_time, 1_700_000_000);
        check_public(&inner.g_a).unwrap();
        self.g_a = inner.g_a.try_into().unwrap();
    }

    pub(super) fn tmp_aes(&self) -> TmpAes {
        TmpAes::derive(&self.new_nonce, &self.server_nonce)
    }

    pub(super) fn set_client_dh_params(&mut self) -> Vec<u8> {
        self.set_client_dh_params_with(|_| {})
    }

    /// Sends g_b after `change` to the inner data.
    pub(super) fn set_client_dh_params_with(
        &mut self,
        change: impl FnOnce(&mut types::ClientDhInnerData),
    ) -> Vec<u8> {
        let mut inner = types::ClientDhInnerData {
            nonce: self.nonce,
            server_nonce: self.server_nonce,
            retry_id: self.retry_id,
            g_b: self.secret.public().to_vec(),
        };
        change(&mut inner);
        let data = tl::to_bytes(&inner, 0).unwrap();
        let encrypted_data = self.tmp_aes().encrypt(&data, &mut self.rng);
        self.message(&self.set_request(encrypted_data))
    }

    pub(super) fn set_request(&self, encrypted_data: Vec<u8>) -> SetClientDhParams {
        SetClientDhParams { nonce: self.nonce, server_nonce: self.server_nonce, encrypted_data }
    }

    pub(super) fn auth_key(&self) -> AuthKey {
        self.secret.shared_again(&check_public(&self.g_a).unwrap())
    }

    pub(super) fn first_salt(&self) -> i64 {
        first_salt(&self.new_nonce, &self.server_nonce)
    }

    /// After `dh_gen_retry`: the aux hash of the refused key, and another exponent.
    pub(super) fn retry(&mut self) {
        self.retry_id = i64::from_le_bytes(self.auth_key().aux_hash());
        self.secret = DhSecret::generate(&mut self.rng);
    }

    pub(super) fn verdict(&self, answer: &[u8]) -> Verdict {
        let (outcome, verdict, nonces, hash) = match tl::from_bytes(answer, 0).unwrap() {
            enums::SetClientDhParamsAnswer::DhGenOk(a) => {
                (Outcome::Ok, Verdict::Ok, (a.nonce, a.server_nonce), a.new_nonce_hash1)
            }
            enums::SetClientDhParamsAnswer::DhGenRetry(a) => {
                (Outcome::Retry, Verdict::Retry, (a.nonce, a.server_nonce), a.new_nonce_hash2)
            }
            enums::SetClientDhParamsAnswer::DhGenFail(a) => {
                (Outcome::Fail, Verdict::Fail, (a.nonce, a.server_nonce), a.new_nonce_hash3)
            }
        };
        assert_eq!(nonces, (self.nonce, self.server_nonce));
        assert_eq!(hash, new_nonce_hash(outcome, &self.new_nonce, &self.auth_key()));
        verdict
    }
}

/// What `resPQ` lists.
pub(super) fn fingerprints(res_pq: &[u8]) -> Vec<i64> {
    let res_pq: types::ResPq = tl::from_bytes(res_pq, 0).unwrap();
    res_pq.server_public_key_fingerprints
}
