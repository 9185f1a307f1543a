//! People who log in elsewhere: an identity of another service has one number here, for ever.
//!
//! Keyspace `IDENTITIES`:
//! - BLAKE3 of the identity (32): its number, and its account once there is one, [`IdentityRecord`];
//! - a number (8) that was given to an identity and has no account yet: that hash.

use node_store::Keyspace;
use serde::{Deserialize, Serialize};

use crate::decide::Decide;
use crate::ids::UserId;
use crate::limits::Limit;
use crate::personal::PersonalRecord;
use crate::record::Record;
use crate::{Core, CoreError, CoreResult, Registration};

/// The number of an identity, and its account, whatever number that has by now.
#[derive(Debug, Serialize, Deserialize)]
struct IdentityRecord {
    phone: u64,
    user: Option<UserId>,
}

impl Record for IdentityRecord {
    const VERSION: u8 = 1;
    const NAME: &'static str = "identity";
}

/// A member who is known elsewhere, and can get codes on the page for it.
#[derive(Debug, Serialize, Deserialize)]
struct KnownElsewhere {}

impl Record for KnownElsewhere {
    const VERSION: u8 = 1;
    const NAME: &'static str = "member of another service";
}

impl PersonalRecord for KnownElsewhere {
    const KIND: u8 = 51;
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
        let user = known.as_ref().and_then(|known| known.user);
        let account = user.map(|user| self.user(user)).transpose()?.flatten();
        if let Some(account) = account.filter(|account| !account.deleted) {
            let phone = account.phone;
            let (now_ms, inner) = (self.now_ms, self.inner);
            let (code, expires_ms) = inner.codes.show(phone, now_ms, self.rng)?;
            let expires = i32::try_from(expires_ms / 1000).unwrap_or(i32::MAX);
            return Ok(IdentityCode { phone, code, expires, is_new: false });
        }
        if !may_join || self.inner.registration == Registration::Closed {
            return Err(CoreError::RegistrationClosed);
        }
        // The code of an invite is not kept: whoever comes again gets a new one for the number.
        let before = known.map(|known| known.phone);
        let taken = before.map(|phone| self.member(phone)).transpose()?.flatten().is_some();
        let invite = self.invite_again(before.filter(|_| !taken))?;
        let crate::Invite { phone, code, expires } = invite;
        self.put(Keyspace::IDENTITIES, key, &IdentityRecord { phone, user: None })?;
        self.put_bytes(Keyspace::IDENTITIES, &phone.to_be_bytes(), key.to_vec());
        Ok(IdentityCode { phone, code, expires, is_new: true })
    }

    /// Whether a number waits for one person of another service: nobody else may have it.
    pub(super) fn is_of_identity(&self, phone: u64) -> CoreResult<bool> {
        Ok(self.get(Keyspace::IDENTITIES, &phone.to_be_bytes())?.is_some())
    }

    /// The number that was given to an identity has an account now.
    pub(super) fn bind_identity(&mut self, phone: u64, user: UserId) -> CoreResult<()> {
        let Some(key) = self.get(Keyspace::IDENTITIES, &phone.to_be_bytes())? else {
            return Ok(());
        };
        self.put(Keyspace::IDENTITIES, &key, &IdentityRecord { phone, user: Some(user) })?;
        self.delete(Keyspace::IDENTITIES, &phone.to_be_bytes());
        self.set_personal(user, &[], Some(&KnownElsewhere {}))
    }

    /// Whether a member gets codes on the page for another service.
    pub(super) fn is_known_elsewhere(&self, user: UserId) -> CoreResult<bool> {
        Ok(self.inner.has_login_page && self.personal::<KnownElsewhere>(user, &[])?.is_some())
    }
}
