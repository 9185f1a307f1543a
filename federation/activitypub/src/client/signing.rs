//! Signing, a millisecond each: on threads that serve nobody, and on few at once.

use std::sync::Arc;

use keys::http_signature::HttpSigningKey;
use parking_lot::Mutex;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::sync::Semaphore;

use super::SignError;

/// An actor's key, and where others find its public half.
#[derive(Debug, Clone)]
pub struct Signer {
    /// `…#main-key`.
    pub key_id: String,
    /// The key.
    pub key: Arc<HttpSigningKey>,
}

/// Where keys work.
#[derive(Clone)]
pub struct SigningPool(Arc<Pool>);

struct Pool {
    threads: Semaphore,
    rng: Mutex<StdRng>,
}

impl SigningPool {
    /// At most `threads` keys work at once. `rng` blinds them.
    #[must_use]
    pub fn new(threads: usize, rng: StdRng) -> Self {
        Self(Arc::new(Pool { threads: Semaphore::new(threads.max(1)), rng: Mutex::new(rng) }))
    }

    /// Signs a text with RSA PKCS#1 v1.5 and SHA-256.
    ///
    /// # Errors
    /// [`SignError`], if the machine is faulty.
    pub async fn sign(&self, signer: &Signer, text: &str) -> Result<Vec<u8>, SignError> {
        let fault = |what: &str| SignError(what.to_owned());
        let _thread = self.0.threads.acquire().await.map_err(|_| fault("closed"))?;
        let mut rng = StdRng::from_rng(&mut *self.0.rng.lock());
        let (key, text) = (Arc::clone(&signer.key), text.to_owned());
        let work = tokio::task::spawn_blocking(move || key.sign(text.as_bytes(), &mut rng));
        work.await.map_err(|_| fault("the thread failed"))?.map_err(|_| fault("a faulty result"))
    }
}
