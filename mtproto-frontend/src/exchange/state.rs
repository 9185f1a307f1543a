//! The runs of one connection and the way from each message to the next step.

use std::sync::Arc;

use keys::{CryptoRng, pq};
use tl::mtproto::functions::{ReqDhParams, ReqPq, ReqPqMulti, SetClientDhParams};
use tl::{Read, Reader};

use super::run::{Agreement, Completed, Run, Stage, Storage};
use super::work::{Done, Job, Outcome, Work};
use super::{RUN_MS_MAX, RUNS_MAX, SeenNonces, ServerKeys, body};

/// What is to be done about a message.
#[derive(Debug)]
pub enum Step {
    /// Send this body in an [`envelope`](super::envelope) with a msg_id of ours.
    Reply(Vec<u8>),
    /// Run this, then call [`Exchange::finish`].
    Work(Work),
    /// Store this auth key, then call [`Exchange::conclude`].
    Completed(Box<Completed>),
    /// Send transport error -404 and close.
    Fail,
}

/// The exchange on one connection: up to [`RUNS_MAX`] runs at a time.
#[derive(Debug)]
pub struct Exchange {
    keys: Arc<ServerKeys>,
    runs: Vec<Run>,
    next_run: u64,
}

impl Exchange {
    /// No run yet.
    pub fn new(keys: Arc<ServerKeys>) -> Self {
        Self { keys, runs: Vec::new(), next_run: 0 }
    }

    /// Whether nothing is open: every run has ended, in a key or otherwise.
    pub fn is_idle(&self) -> bool {
        self.runs.is_empty()
    }

    /// Ends the runs that are older than [`RUN_MS_MAX`].
    pub fn expire(&mut self, now_ms: u64) {
        self.runs.retain(|run| now_ms.saturating_sub(run.started_ms) < RUN_MS_MAX);
    }

    /// Takes one unencrypted message, envelope included.
    ///
    /// `now_ms` is unix time; `seen` is shared by all connections. Cheap: some tens of microseconds.
    pub fn receive<R: CryptoRng + ?Sized>(
        &mut self,
        message: &[u8],
        now_ms: u64,
        seen: &SeenNonces,
        rng: &mut R,
    ) -> Step {
        self.expire(now_ms);
        self.dispatch(message, now_ms, seen, rng).unwrap_or(Step::Fail)
    }

    fn dispatch<R: CryptoRng + ?Sized>(
        &mut self,
        message: &[u8],
        now_ms: u64,
        seen: &SeenNonces,
        rng: &mut R,
    ) -> Option<Step> {
        let body = body(message)?;
        // What follows the TL value in the body is TDLib's random padding.
        let mut reader = Reader::new(body, 0);
        match u32::from_le_bytes(*body.first_chunk()?) {
            ReqPq::ID => {
                let ReqPq { nonce } = ReqPq::read(&mut reader).ok()?;
                self.open(nonce, now_ms, seen, rng)
            }
            ReqPqMulti::ID => {
                let ReqPqMulti { nonce } = ReqPqMulti::read(&mut reader).ok()?;
                self.open(nonce, now_ms, seen, rng)
            }
            ReqDhParams::ID => self.dh_params(&ReqDhParams::read(&mut reader).ok()?, now_ms),
            SetClientDhParams::ID => {
                self.client_dh(&SetClientDhParams::read(&mut reader).ok()?, now_ms)
            }
            _ => None,
        }
    }

    /// `req_pq`, `req_pq_multi`: a new run; one that waits with the same nonce starts afresh.
    fn open<R: CryptoRng + ?Sized>(
        &mut self,
        nonce: [u8; 16],
        now_ms: u64,
        seen: &SeenNonces,
        rng: &mut R,
    ) -> Option<Step> {
        let waiting = |run: &Run| run.nonce == nonce && matches!(run.stage, Stage::DhParams(_));
        let again = self.runs.iter().any(waiting);
        self.runs.retain(|run| run.nonce != nonce);
        if !again && !seen.admit(&nonce, now_ms) {
            return None;
        }
        if self.runs.len() >= RUNS_MAX {
            self.runs.remove(0);
        }
        let mut server_nonce = [0; 16];
        rng.fill_bytes(&mut server_nonce);
        let pq = pq::generate(rng);
        let id = self.next_run;
        self.next_run += 1;
        let run = Run { id, started_ms: now_ms, nonce, server_nonce, stage: Stage::DhParams(pq) };
        let reply = run.res_pq(&pq, self.keys.fingerprints())?;
        self.runs.push(run);
        Some(Step::Reply(reply))
    }

    /// `req_DH_params`: the run is taken out, so that a failure has ended it already.
    fn dh_params(&mut self, request: &ReqDhParams, now_ms: u64) -> Option<Step> {
        let run = self.take(&request.nonce, &request.server_nonce)?;
        let Stage::DhParams(pq) = run.stage else { return None };
        let encrypted = Run::check_dh_params(&pq, request)?;
        let fingerprint = request.public_key_fingerprint;
        self.keys.get(fingerprint)?;
        let job = Job::Decrypt { keys: Arc::clone(&self.keys), fingerprint, encrypted };
        let work = Work { run: run.id, asked_ms: now_ms, job };
        self.runs.push(Run { stage: Stage::Decrypting(pq), ..run });
        Some(Step::Work(work))
    }

    /// `set_client_DH_params`.
    fn client_dh(&mut self, request: &SetClientDhParams, now_ms: u64) -> Option<Step> {
        let mut run = self.take(&request.nonce, &request.server_nonce)?;
        let stage = std::mem::replace(&mut run.stage, Stage::Concluding);
        let Stage::ClientDh(Agreement { terms, secret }) = stage else { return None };
        let g_b = Box::new(run.client_dh(&terms, request)?);
        let work = Work { run: run.id, asked_ms: now_ms, job: Job::Agree { secret, g_b } };
        self.runs.push(Run { stage: Stage::Agreeing(terms), ..run });
        Some(Step::Work(work))
    }

    /// Takes the result of a [`Work`]. A run that has expired meanwhile fails.
    pub fn finish<R: CryptoRng + ?Sized>(&mut self, done: Done, now_ms: u64, rng: &mut R) -> Step {
        self.expire(now_ms);
        self.resume(done, now_ms, rng).unwrap_or(Step::Fail)
    }

    fn resume<R: CryptoRng + ?Sized>(
        &mut self,
        done: Done,
        now_ms: u64,
        rng: &mut R,
    ) -> Option<Step> {
        let mut run = self.take_id(done.run)?;
        match (std::mem::replace(&mut run.stage, Stage::Concluding), done.result) {
            (Stage::Decrypting(pq), Outcome::Decrypted(Some((inner, secret)))) => {
                let (agreement, reply) = run.server_dh_params(&pq, &inner, secret, now_ms, rng)?;
                self.runs.push(Run { stage: Stage::ClientDh(agreement), ..run });
                Some(Step::Reply(reply))
            }
            (Stage::Agreeing(terms), Outcome::Agreed { secret, key }) => {
                let completed = run.completed(terms, secret, key);
                self.runs.push(run);
                Some(Step::Completed(Box::new(completed)))
            }
            _ => None,
        }
    }

    /// Says what became of the new auth key; returns the client's answer.
    ///
    /// After `dh_gen_retry` the run goes on with the same server_nonce and g_a; else it has ended.
    pub fn conclude(&mut self, completed: Completed, storage: Storage) -> Step {
        let Some(mut run) = self.take_id(completed.run) else { return Step::Fail };
        match run.conclude(completed, storage) {
            Some((reply, again)) => {
                if let Some(agreement) = again {
                    run.stage = Stage::ClientDh(agreement);
                    self.runs.push(run);
                }
                Step::Reply(reply)
            }
            None => Step::Fail,
        }
    }

    /// Takes the run with these nonces; if only the client's fits, the run ends here.
    fn take(&mut self, nonce: &[u8; 16], server_nonce: &[u8; 16]) -> Option<Run> {
        let index = self.runs.iter().position(|run| run.nonce == *nonce)?;
        let run = self.runs.remove(index);
        run.is(nonce, server_nonce).then_some(run)
    }

    fn take_id(&mut self, id: u64) -> Option<Run> {
        let index = self.runs.iter().position(|run| run.id == id)?;
        Some(self.runs.remove(index))
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run").field("id", &self.id).finish_non_exhaustive()
    }
}
