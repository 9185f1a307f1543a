//! People who log in elsewhere: an identity of another service has one number here, for ever.
//!
//! Keyspace `IDENTITIES`: BLAKE3 of the identity (32): the number.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use crate::decide::Decide;
use crate::limits::Limit;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult, Registration};

/// The number of an identity.
#[derive(Debug, Serialize, Deserialize)]
struct IdentityRecord {
    phone: u64,
}

impl Record for IdentityRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "identity";
}

/// With what somebody logs in who was known elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct IdentityCode {
    /// Digits of the number, without `+`.
    pub phone: u64,
    /// What to type.
    pub code: String,
    /// Unix seconds at which the code ends.
    pub expires: i32,
    /// Whether the number has no account yet.
    pub is_new: bool,
}

impl std::fmt::Debug for IdentityCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IdentityCode").field("is_new", &self.is_new).finish_non_exhaustive()
    }
}

impl Core {
    /// A code for whoever has shown to have this identity (issuer and subject, told apart from all
    /// others). Who comes for the first time, and `may_join`, gets an invite.
    ///
    /// # Errors
    /// [`CoreError::RegistrationClosed`] for who has no account and may not join,
    /// [`CoreError::Flood`].
    pub async fn identity_code(&self, identity: &str, may_join: bool) -> CoreResult<IdentityCode> {
        let key = *blake3::hash(identity.as_bytes()).as_bytes();
        self.write(None, move |decide| decide.identity_code(&key, may_join)).await
    }
}

impl Decide<'_> {
    fn identity_code(&mut self, key: &[u8; 32], may_join: bool) -> CoreResult<IdentityCode> {
        self.take(Limit::codes_of_identity(key), 1)?;
        let known: Option<IdentityRecord> = self.load(Keyspace::IDENTITIES, key)?;
        if let Some(IdentityRecord { phone }) = known
            && self.member(phone)?.is_some()
        {
            let (now_ms, inner) = (self.now_ms, self.inner);
            let (code, expires_ms) = inner.codes.show(phone, now_ms, self.rng)?;
            let expires = i32::try_from(expires_ms / 1000).unwrap_or(i32::MAX);
            return Ok(IdentityCode { phone, code, expires, is_new: false });
        }
        if !may_join || self.inner.registration == Registration::Closed {
            return Err(CoreError::RegistrationClosed);
        }
        // The code of an invite is not kept: whoever comes again gets a new one for the number.
        let invite = self.invite_again(known.map(|known| known.phone))?;
        self.put(Keyspace::IDENTITIES, key, &IdentityRecord { phone: invite.phone })?;
        let crate::Invite { phone, code, expires } = invite;
        Ok(IdentityCode { phone, code, expires, is_new: true })
    }
}
