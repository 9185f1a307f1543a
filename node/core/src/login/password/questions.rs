//! Questions that wait for a proof. In memory: a restart ends them, and the client asks again.

use std::collections::HashMap;

use keys::srp::{Challenge, Verifier};
use parking_lot::Mutex;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use zeroize::Zeroizing;

use crate::ids::{AuthKeyId, UserId};
use crate::{Core, CoreError, CoreResult};

/// What is drawn for a question: its number, and a seed.
pub(super) const DRAWN_BYTES: usize = 8 + 32;

/// How long a question may be answered: clients ask when the person has typed the password, or
/// again.
const LIFETIME_MS: u64 = 5 * 60_000;

/// Questions at once. Protects memory: 2 KB each.
const QUESTIONS_MAX: usize = 10_000;

/// What is asked: SRP for whoever knows the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Names the question in the answer.
    pub id: i64,
    /// The first salt of the password.
    pub salt1: Vec<u8>,
    /// The second salt.
    pub salt2: Vec<u8>,
    /// `srp_B`, 256 bytes.
    pub b: Vec<u8>,
}

/// The newest question of each key.
#[derive(Default)]
pub(crate) struct Questions(Mutex<HashMap<AuthKeyId, Asked>>);

impl std::fmt::Debug for Questions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Questions").finish_non_exhaustive()
    }
}

struct Asked {
    id: i64,
    user: UserId,
    generation: u32,
    challenge: Challenge,
    expires_ms: u64,
}

impl Questions {
    fn add(&self, auth_key: AuthKeyId, asked: Asked, now_ms: u64) -> CoreResult<()> {
        let mut all = self.0.lock();
        if all.len() >= QUESTIONS_MAX && !all.contains_key(&auth_key) {
            all.retain(|_, asked| asked.expires_ms > now_ms);
            if all.len() >= QUESTIONS_MAX {
                return Err(CoreError::Flood { wait_s: 60 });
            }
        }
        all.insert(auth_key, asked);
        Ok(())
    }

    /// The question with this number, and the generation of the password that it is about: it is
    /// used up.
    pub(super) fn take(
        &self,
        auth_key: AuthKeyId,
        user: UserId,
        id: i64,
        now_ms: u64,
    ) -> Option<(u32, Challenge)> {
        let mut all = self.0.lock();
        let fits = all.get(&auth_key).is_some_and(|asked| asked.id == id && asked.user == user);
        let asked = if fits { all.remove(&auth_key)? } else { return None };
        (asked.expires_ms > now_ms).then_some((asked.generation, asked.challenge))
    }
}

impl Core {
    /// Asks: some milliseconds of arithmetic, away from the threads that carry messages.
    pub(super) async fn ask(
        &self,
        user: UserId,
        auth_key: AuthKeyId,
        generation: u32,
        verifier: Verifier,
        drawn: Zeroizing<[u8; DRAWN_BYTES]>,
    ) -> CoreResult<Question> {
        let (id, seed) = drawn.split_first_chunk::<8>().ok_or(CoreError::Damaged("a draw"))?;
        let id = i64::from_le_bytes(*id);
        let mut seeded = Zeroizing::new([0; 32]);
        seeded.copy_from_slice(seed);
        let (salt1, salt2) = (verifier.salt1().to_vec(), verifier.salt2().to_vec());
        let challenge = self
            .calculate(move || Challenge::new(verifier, &mut StdRng::from_seed(*seeded)))
            .await?;
        let question = Question { id, salt1, salt2, b: challenge.srp_b().to_vec() };
        let now_ms = self.now_ms();
        let expires_ms = now_ms + LIFETIME_MS;
        let asked = Asked { id, user, generation, challenge, expires_ms };
        self.inner.questions.add(auth_key, asked, now_ms)?;
        Ok(question)
    }

    /// Runs arithmetic of some milliseconds on a thread of its own, a few at once.
    pub(super) async fn calculate<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> CoreResult<T> {
        let ended = |_| CoreError::Stopped("a calculation was dropped".into());
        let _turn = self.inner.calculations.acquire().await.map_err(|_| CoreError::Busy)?;
        tokio::task::spawn_blocking(work).await.map_err(ended)
    }
}
