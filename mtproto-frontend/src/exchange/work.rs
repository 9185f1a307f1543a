//! The expensive steps, apart from the state: a pool runs them on threads that serve no messages.

use std::fmt;
use std::sync::Arc;

use keys::dh::{DhSecret, PublicValue};
use keys::{AuthKey, CryptoRng, InnerData};

use super::{ANSWER_DELAY_MS, ServerKeys};

/// One expensive step of one run: 1 to 10 ms of a core.
pub struct Work {
    pub(super) run: u64,
    pub(super) asked_ms: u64,
    pub(super) job: Job,
}

pub(super) enum Job {
    /// RSA, and g^a if none is ready.
    Decrypt { keys: Arc<ServerKeys>, fingerprint: i64, encrypted: Box<[u8; 256]> },
    /// g^ab.
    Agree { secret: DhSecret, g_b: Box<PublicValue> },
}

/// What [`Work::run`] found; goes back into [`Exchange::finish`](super::Exchange::finish).
pub struct Done {
    pub(super) run: u64,
    pub(super) result: Outcome,
}

pub(super) enum Outcome {
    Decrypted(Option<(InnerData, DhSecret)>),
    Agreed { secret: DhSecret, key: AuthKey },
}

impl Work {
    /// When the answer is to be sent (unix ms), be it a reply or a refusal: a fixed time after the
    /// request. Under load the wait for a thread may take longer; then answer at once.
    pub fn answer_at_ms(&self) -> u64 {
        self.asked_ms.saturating_add(ANSWER_DELAY_MS)
    }

    /// `req_DH_params` or `set_client_DH_params`, for metrics.
    pub fn step(&self) -> &'static str {
        match self.job {
            Job::Decrypt { .. } => "req_DH_params",
            Job::Agree { .. } => "set_client_DH_params",
        }
    }

    /// Does the arithmetic.
    ///
    /// `ready` takes a secret exponent from the pool that idle time filled; it is asked only if the
    /// client's data was right, so that junk cannot drain the pool. If it has none, one is made.
    pub fn run<R: CryptoRng + ?Sized>(
        self,
        ready: impl FnOnce() -> Option<DhSecret>,
        rng: &mut R,
    ) -> Done {
        let result = match self.job {
            Job::Decrypt { keys, fingerprint, encrypted } => {
                let inner = keys
                    .get(fingerprint)
                    .and_then(|key| key.decrypt_inner_data(&encrypted, rng).ok())
                    .filter(|inner| keys.accepts(inner.padding));
                Outcome::Decrypted(
                    inner.map(|inner| (inner, ready().unwrap_or_else(|| DhSecret::generate(rng)))),
                )
            }
            Job::Agree { secret, g_b } => {
                let key = secret.shared_again(&g_b);
                Outcome::Agreed { secret, key }
            }
        };
        Done { run: self.run, result }
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("run", &self.run).field("step", &self.step()).finish()
    }
}

impl fmt::Debug for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Done").field("run", &self.run).finish_non_exhaustive()
    }
}
