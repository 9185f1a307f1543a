//! The second factor: a password that the node never sees.
//!
//! Keyspace `PASSWORDS`, key = user (8): [`Password`], sealed under the master key. Every login
//! that has shown a code, or a token, waits with its key until the password is shown too.
//!
//! Source: <https://core.telegram.org/api/srp>

mod change;
mod login;
mod proof;
mod questions;
mod recovery;
mod reset;

use keys::srp;
use node_store::Keyspace;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

pub use change::{NewSecret, PasswordChange, PasswordChanged};
pub use proof::Proof;
pub use questions::Question;
pub(crate) use questions::Questions;
pub use reset::PasswordReset;

use super::address::masked_email;
use crate::decide::Decide;
use crate::ids::{AuthKeyId, UserId};
use crate::inner::Inner;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult};

/// The node's part of the first salt; the client appends its own.
const SALT1_BYTES: usize = 8;

/// The second salt.
const SALT2_BYTES: usize = 16;

/// What an account has of a password.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Password {
    /// Counts changes: what was asked or offered before one is void after it.
    generation: u32,
    secret: Option<Secret>,
    hint: String,
    /// The address that a forgotten password is recovered by; it was confirmed.
    email: Option<String>,
    /// What takes effect once its address is confirmed.
    waiting: Option<Waiting>,
    /// A code that waits at the address.
    recovery: Option<MailCode>,
    /// Unix seconds from which the password may be removed without knowing it.
    reset_at: Option<i32>,
    /// Unix seconds from which that may be asked again, after it was refused.
    reset_again_at: i32,
}

/// What the node keeps of a password itself.
#[derive(Clone, Serialize, Deserialize)]
struct Secret {
    salt1: Vec<u8>,
    salt2: Vec<u8>,
    v: Vec<u8>,
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.v.zeroize();
    }
}

impl Secret {
    fn verifier(&self) -> CoreResult<srp::Verifier> {
        let damaged = |_| CoreError::Damaged(Password::NAME);
        srp::Verifier::new(&self.salt1, &self.salt2, &self.v).map_err(damaged)
    }
}

/// A change that waits for its address to be confirmed.
#[derive(Clone, Serialize, Deserialize)]
struct Waiting {
    /// None: the password stays.
    secret: Option<Secret>,
    hint: String,
    email: String,
    code: MailCode,
}

/// A code that was mailed.
#[derive(Clone, Serialize, Deserialize)]
struct MailCode {
    code: String,
    /// Unix seconds.
    expires: i32,
    tries: u8,
}

impl Record for Password {
    const VERSION: u8 = 1;
    const NAME: &'static str = "password";
}

/// What a client is told of an account's password.
#[derive(Debug, Clone)]
pub struct PasswordView {
    /// To be answered by whoever knows the password; none where there is none.
    pub question: Option<Question>,
    /// What its owner wrote to remember it by; may be empty.
    pub hint: String,
    /// Whether it can be recovered by mail.
    pub has_recovery: bool,
    /// An address that has to be confirmed, in a form that does not give it away.
    pub unconfirmed_email: Option<String>,
    /// What salts a new password.
    pub offer: Offer,
    /// Unix seconds from which the password may be removed without knowing it.
    pub reset_at: Option<i32>,
}

/// The salts of the next password: the client appends bytes of its own to the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// How the first salt has to begin.
    pub salt1: [u8; SALT1_BYTES],
    /// The second salt.
    pub salt2: [u8; SALT2_BYTES],
}

impl Core {
    /// What there is of the account's password, and a fresh question for this key. The question
    /// that it had before is void.
    ///
    /// # Errors
    /// [`CoreError::Flood`].
    pub async fn password(&self, user: UserId, auth_key: AuthKeyId) -> CoreResult<PasswordView> {
        let (password, drawn) = self
            .write(None, move |decide| {
                let password = decide.password(user)?;
                let mut drawn = Zeroizing::new([0; questions::DRAWN_BYTES]);
                decide.rng.fill_bytes(drawn.as_mut_slice());
                Ok((password, drawn))
            })
            .await?;
        let question = match &password.secret {
            Some(secret) => {
                let generation = password.generation;
                let verifier = secret.verifier()?;
                Some(self.ask(user, auth_key, generation, verifier, drawn).await?)
            }
            None => None,
        };
        let waiting = password.waiting.as_ref();
        Ok(PasswordView {
            question,
            has_recovery: password.email.is_some() && self.inner.can_mail,
            unconfirmed_email: waiting.map(|waiting| masked_email(&waiting.email)),
            offer: self.inner.offer(user, password.generation),
            reset_at: password.reset_at,
            hint: password.hint,
        })
    }
}

impl Inner {
    /// The salts that the next password of an account has: they follow from how often it was
    /// changed, so that nothing has to be remembered of those that were offered.
    fn offer(&self, user: UserId, generation: u32) -> Offer {
        let mut hasher = blake3::Hasher::new_keyed(&self.access_secret);
        hasher.update(b"password salts").update(&user.bytes()).update(&generation.to_be_bytes());
        let (mut salt1, mut salt2) = ([0; SALT1_BYTES], [0; SALT2_BYTES]);
        let mut drawn = hasher.finalize_xof();
        drawn.fill(&mut salt1);
        drawn.fill(&mut salt2);
        Offer { salt1, salt2 }
    }
}

impl Decide<'_> {
    /// What there is of an account's password.
    fn password(&self, user: UserId) -> CoreResult<Password> {
        let key = user.bytes();
        let Some(sealed) = self.get(Keyspace::PASSWORDS, &key)? else {
            return Ok(Password::default());
        };
        let opened = self.inner.master.open(keys::Secret::Password, &key, &sealed);
        Password::decode(&opened.map_err(|_| CoreError::Damaged(Password::NAME))?)
    }

    fn put_password(&mut self, user: UserId, password: &Password) -> CoreResult<()> {
        let (key, plain) = (user.bytes(), Zeroizing::new(password.encode()?));
        let sealed = self.inner.master.seal(keys::Secret::Password, &key, &plain, self.rng);
        self.put_bytes(Keyspace::PASSWORDS, &key, sealed);
        Ok(())
    }

    /// Whether the account's logins need a password.
    pub(in crate::login) fn has_password(&self, user: UserId) -> CoreResult<bool> {
        Ok(self.password(user)?.secret.is_some())
    }
}
