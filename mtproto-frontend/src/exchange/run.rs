//! One run of the exchange, from `req_pq` to the new auth key.

use std::fmt;

use keys::dh::{self, DhSecret, PublicValue};
use keys::handshake::{Outcome, TmpAes, first_salt, new_nonce_hash};
use keys::pq::Pq;
use keys::{AuthKey, CryptoRng, InnerData, constant_time_eq};
use tl::mtproto::functions::{ReqDhParams, SetClientDhParams};
use tl::mtproto::types;
use zeroize::Zeroizing;

use super::RETRIES_MAX;
use super::inner::{Inner, number};

/// What names a run and bounds its life.
pub(super) struct Run {
    pub(super) id: u64,
    pub(super) started_ms: u64,
    pub(super) nonce: [u8; 16],
    pub(super) server_nonce: [u8; 16],
    pub(super) stage: Stage,
}

/// What a run waits for.
pub(super) enum Stage {
    /// `req_DH_params`.
    DhParams(Pq),
    /// The result of RSA.
    Decrypting(Pq),
    /// `set_client_DH_params`.
    ClientDh(Agreement),
    /// The result of g^ab; the secret exponent travels with the work.
    Agreeing(Terms),
    /// [`Completed`] is with the caller.
    Concluding,
}

/// What both sides know once the client's inner data was read.
pub(super) struct Terms {
    new_nonce: Zeroizing<[u8; 32]>,
    tmp_aes: TmpAes,
    dc: Option<i32>,
    expires_in: Option<i32>,
    /// What the client must send as `retry_id`: 0, then the aux hash of the key that collided.
    retry_id: i64,
    retries: u8,
}

/// The terms and our half of the key.
pub(super) struct Agreement {
    pub(super) terms: Terms,
    pub(super) secret: DhSecret,
}

impl Run {
    /// The answer that opens the run.
    pub(super) fn res_pq(&self, pq: &Pq, fingerprints: Vec<i64>) -> Option<Vec<u8>> {
        bytes(&types::ResPq {
            nonce: self.nonce,
            server_nonce: self.server_nonce,
            pq: pq.pq.to_be_bytes().to_vec(),
            server_public_key_fingerprints: fingerprints,
        })
    }

    /// Checks `req_DH_params` as far as it is not encrypted; returns the encrypted part.
    pub(super) fn check_dh_params(pq: &Pq, request: &ReqDhParams) -> Option<Box<[u8; 256]>> {
        let factors =
            number(&request.p) == Some(pq.p.into()) && number(&request.q) == Some(pq.q.into());
        let encrypted = request.encrypted_data.as_slice().try_into().ok()?;
        factors.then(|| Box::new(encrypted))
    }

    /// Checks the decrypted inner data against this run and makes the answer with g_a.
    pub(super) fn server_dh_params<R: CryptoRng + ?Sized>(
        &self,
        pq: &Pq,
        inner: &InnerData,
        secret: DhSecret,
        now_ms: u64,
        rng: &mut R,
    ) -> Option<(Agreement, Vec<u8>)> {
        let inner = Inner::read(inner)?;
        let numbers = number(&inner.pq) == Some(pq.pq)
            && number(&inner.p) == Some(pq.p.into())
            && number(&inner.q) == Some(pq.q.into());
        if !numbers || !self.is(&inner.nonce, &inner.server_nonce) {
            return None;
        }
        let tmp_aes = TmpAes::derive(&inner.new_nonce, &self.server_nonce);
        let answer = bytes(&types::ServerDhInnerData {
            nonce: self.nonce,
            server_nonce: self.server_nonce,
            g: dh::G,
            dh_prime: dh::prime().to_vec(),
            g_a: secret.public().to_vec(),
            server_time: i32::try_from(now_ms / 1000).ok()?,
        })?;
        let reply = bytes(&types::ServerDhParamsOk {
            nonce: self.nonce,
            server_nonce: self.server_nonce,
            encrypted_answer: tmp_aes.encrypt(&answer, rng),
        })?;
        let Inner { new_nonce, dc, expires_in, .. } = inner;
        let terms = Terms { new_nonce, tmp_aes, dc, expires_in, retry_id: 0, retries: 0 };
        Some((Agreement { terms, secret }, reply))
    }

    /// Opens `set_client_DH_params` and checks all of it, g_b's range before any exponentiation.
    pub(super) fn client_dh(
        &self,
        terms: &Terms,
        request: &SetClientDhParams,
    ) -> Option<PublicValue> {
        let data = terms.tmp_aes.decrypt(&request.encrypted_data)?;
        let inner: types::ClientDhInnerData = tl::from_bytes(&data, 0).ok()?;
        if !self.is(&inner.nonce, &inner.server_nonce) || inner.retry_id != terms.retry_id {
            return None;
        }
        dh::check_public(&inner.g_b).ok()
    }

    /// Whether both nonces are those of this run.
    pub(super) fn is(&self, nonce: &[u8; 16], server_nonce: &[u8; 16]) -> bool {
        constant_time_eq(&self.nonce, nonce) & constant_time_eq(&self.server_nonce, server_nonce)
    }

    /// The new auth key, for the caller to store.
    pub(super) fn completed(&self, terms: Terms, secret: DhSecret, key: AuthKey) -> Completed {
        Completed {
            first_salt: first_salt(&terms.new_nonce, &self.server_nonce),
            dc: terms.dc,
            expires_in: terms.expires_in,
            auth_key: key,
            run: self.id,
            agreement: Agreement { terms, secret },
        }
    }

    /// The last answer of the run, and what it needs for another attempt after a collision.
    pub(super) fn conclude(
        &self,
        completed: Completed,
        storage: Storage,
    ) -> Option<(Vec<u8>, Option<Agreement>)> {
        let (nonce, server_nonce) = (self.nonce, self.server_nonce);
        let Completed { auth_key: key, mut agreement, .. } = completed;
        let hash = |outcome| new_nonce_hash(outcome, &agreement.terms.new_nonce, &key);
        match storage {
            Storage::Stored => {
                let new_nonce_hash1 = hash(Outcome::Ok);
                Some((bytes(&types::DhGenOk { nonce, server_nonce, new_nonce_hash1 })?, None))
            }
            Storage::Taken if agreement.terms.retries < RETRIES_MAX => {
                let new_nonce_hash2 = hash(Outcome::Retry);
                agreement.terms.retry_id = i64::from_le_bytes(key.aux_hash());
                agreement.terms.retries += 1;
                let reply = bytes(&types::DhGenRetry { nonce, server_nonce, new_nonce_hash2 })?;
                Some((reply, Some(agreement)))
            }
            Storage::Taken | Storage::Failed => {
                let new_nonce_hash3 = hash(Outcome::Fail);
                Some((bytes(&types::DhGenFail { nonce, server_nonce, new_nonce_hash3 })?, None))
            }
        }
    }
}

/// What became of a new auth key in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// It is durable: the client hears `dh_gen_ok`.
    Stored,
    /// Another key has its auth_key_id, or the id is 0: `dh_gen_retry`, a few times.
    Taken,
    /// It could not be stored: `dh_gen_fail`.
    Failed,
}

/// A new auth key that the client does not yet know to be accepted.
///
/// Store it durably, then say in [`Exchange::conclude`](super::Exchange::conclude) what became of it.
pub struct Completed {
    /// The new key.
    pub auth_key: AuthKey,
    /// The salt with which the client may begin: new_nonce xor server_nonce.
    pub first_salt: i64,
    /// The DC that the client believes to talk to, if it said so.
    pub dc: Option<i32>,
    /// Life of a temporary key in seconds from now; `None` for a permanent key.
    pub expires_in: Option<i32>,
    pub(super) run: u64,
    pub(super) agreement: Agreement,
}

impl fmt::Debug for Completed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Completed")
            .field("auth_key", &self.auth_key)
            .field("dc", &self.dc)
            .field("expires_in", &self.expires_in)
            .finish_non_exhaustive()
    }
}

fn bytes<T: tl::Write>(value: &T) -> Option<Vec<u8>> {
    tl::to_bytes(value, 0).ok()
}
